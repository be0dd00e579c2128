//! The action names of every service, for completion, did-you-mean and wildcard tables.

use super::actions::{Service, known_actions};

/// `prefix TAB service name TAB action,action,…`, one service a line; the numbered services are not in it.
static OTHERS: &str = include_str!("services.txt");

fn others() -> impl Iterator<Item = (&'static str, &'static str)> {
    OTHERS.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '\t');
        let prefix = parts.next()?;
        let _name = parts.next()?;
        Some((prefix, parts.next()?))
    })
}

/// The prefixes of all services.
pub fn service_names() -> impl Iterator<Item = &'static str> {
    others().map(|(prefix, _)| prefix).chain(["iam", "kms", "s3", "sts"])
}

/// The action names of a service, without the prefix; empty for an unknown service.
#[must_use]
pub fn action_names(service: &str) -> Vec<&'static str> {
    if let Some(known) = Service::from_prefix(service) {
        return known_actions(known).map(super::ActionId::name).collect();
    }
    others()
        .find(|(prefix, _)| prefix.eq_ignore_ascii_case(service))
        .map_or_else(Vec::new, |(_, names)| names.split(',').collect())
}

/// The spelling of an action (`s3:getobject` becomes `s3:GetObject`), where it exists.
#[must_use]
pub fn exact_action(service: &str, name: &str) -> Option<String> {
    action_names(service)
        .into_iter()
        .find(|n| n.eq_ignore_ascii_case(name))
        .map(|n| format!("{}:{n}", service.to_ascii_lowercase()))
}

/// The services that have an action of this name.
#[must_use]
pub fn services_with(name: &str) -> Vec<&'static str> {
    service_names().filter(|s| action_names(s).iter().any(|n| n.eq_ignore_ascii_case(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_listed() {
        assert!(service_names().count() > 400);
        assert!(action_names("ec2").contains(&"RunInstances"));
        assert_eq!(exact_action("S3", "getobject").as_deref(), Some("s3:GetObject"));
        assert_eq!(exact_action("s3", "GetObjects"), None);
        assert!(services_with("Decrypt").contains(&"kms"));
    }
}
