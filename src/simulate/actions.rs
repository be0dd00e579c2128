//! Action names as people type them.

use crate::words::arn::Arn;
use crate::words::codes::Code;
use crate::words::vocabulary::{self, ActionId, Service};
use crate::words::wildcard::Wildcard;

/// The services that a resource suggests, likeliest first.
fn suggested(resource: &str) -> Vec<String> {
    match Arn::parse(resource) {
        Some(arn) if arn.service == "iam" => vec!["sts".to_owned(), "iam".to_owned()],
        Some(arn) => vec![arn.service.to_owned()],
        None => vec!["s3".to_owned()],
    }
}

/// The action names of a service, without the prefix.
fn names(service: &str) -> Vec<&'static str> {
    #[cfg(feature = "cli")]
    return vocabulary::action_names(service);
    #[cfg(not(feature = "cli"))]
    Service::from_prefix(service).map_or_else(Vec::new, |s| vocabulary::known_actions(s).map(ActionId::name).collect())
}

/// The full name of an action, as AWS spells it: `getobject` on an S3 resource is `s3:GetObject`.
///
/// # Errors
/// Code, sentence, and what may have been meant.
pub fn resolve(text: &str, resource: &str) -> Result<String, (Code, String, Vec<String>)> {
    let (services, name) = match text.split_once(':') {
        Some((service, name)) => (vec![service.to_ascii_lowercase()], name),
        None => (suggested(resource), text),
    };
    for service in &services {
        let spelled = Service::from_prefix(service).and_then(|s| ActionId::in_service(s, name)).map(ActionId::name);
        if let Some(name) = spelled.or_else(|| names(service).into_iter().find(|n| n.eq_ignore_ascii_case(name))) {
            return Ok(format!("{service}:{name}"));
        }
    }
    let known = services.iter().flat_map(|service| names(service).into_iter().map(move |n| format!("{service}:{n}")));
    let wanted = format!("{}:{name}", services.first().map_or("", String::as_str));
    let candidates = nearest(&wanted, known);
    let list = services.join("` or `");
    Err((Code::NoSuchAction, format!("`{list}` has no action `{name}`"), candidates))
}

/// The actions that a wildcard means on a resource, in the order of the catalogue; `None` for a plain name.
#[must_use]
pub fn expand(text: &str, resource: &str) -> Option<Vec<String>> {
    if !text.contains(['*', '?']) {
        return None;
    }
    let (services, pattern) = match text.split_once(':') {
        Some((service, pattern)) => (vec![service.to_ascii_lowercase()], pattern),
        None => (suggested(resource), text),
    };
    let pattern = Wildcard::new(pattern);
    let mut found = Vec::new();
    for service in services {
        let named = names(&service).into_iter().filter(|n| pattern.matches(n, true) && applies(&service, n, resource));
        found.extend(named.map(|n| format!("{service}:{n}")));
    }
    Some(found)
}

/// Whether an S3 action applies to a bucket or object at all; of other services every action counts.
fn applies(service: &str, name: &str, resource: &str) -> bool {
    let Some(arn) = Arn::parse(resource).filter(|a| a.service == "s3" && a.account.is_empty()) else { return true };
    let kind = if arn.resource.contains('/') { vocabulary::OBJECT } else { vocabulary::BUCKET };
    let known = Service::from_prefix(service).and_then(|s| ActionId::in_service(s, name));
    known.is_none_or(|id| id.resources() & kind != 0)
}

/// The names closest to what was typed, at most three.
#[must_use]
pub fn nearest(typed: &str, known: impl Iterator<Item = String>) -> Vec<String> {
    #[cfg(feature = "cli")]
    {
        let lower = typed.to_lowercase();
        let mut scored: Vec<(f64, String)> = known
            .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
            .filter(|(s, _)| *s > 0.8)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        scored.into_iter().take(3).map(|(_, name)| name).collect()
    }
    #[cfg(not(feature = "cli"))]
    {
        known.filter(|name| name.eq_ignore_ascii_case(typed)).take(3).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_as_people_type_them() {
        let object = "arn:aws:s3:::b/k";
        assert_eq!(resolve("getobject", object).as_deref(), Ok("s3:GetObject"));
        assert_eq!(resolve("S3:GETOBJECT", "*").as_deref(), Ok("s3:GetObject"));
        assert_eq!(resolve("AssumeRole", "arn:aws:iam::111122223333:role/x").as_deref(), Ok("sts:AssumeRole"));
        assert_eq!(resolve("Decrypt", "arn:aws:kms:us-east-1:111122223333:key/x").as_deref(), Ok("kms:Decrypt"));
        assert!(resolve("GetObjects", object).is_err_and(|(_, _, near)| near.contains(&"s3:GetObject".to_owned())));
        assert_eq!(expand("s3:GetBucketP*", "arn:aws:s3:::b").map(|list| list.len()), Some(3));
        assert_eq!(expand("s3:GetBucketP*", object), Some(Vec::new()));
        assert_eq!(expand("GetObject", object), None);
    }
}
