//! The form in which S3 stores the principals of a bucket policy: whom it names by a canonical user id stands there
//! by ARN.
//!
//! Source: S3 User Guide, "Principals" (a canonical user id of an account or an origin access identity is shown as its
//! ARN); CloudFront Developer Guide, "Restrict access with an origin access identity"; semantics sections 1.4 and 8.

use super::canonicals::Canonicals;
use super::cloudfront::model::OriginAccessIdentity;
use crate::policy::document::{PrincipalElement, PrincipalType};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use serde_json::{Map, Value};

/// The text of a policy in that form.
///
/// # Errors
/// The first canonical user id or origin access identity that does not exist.
pub fn stored(document: &PolicyDocument, known: &Canonicals) -> Result<String, String> {
    let source = &document.source().text;
    let mut text = source.to_string();
    // From the end, so that the places before stay where they are.
    for element in document.statements().iter().rev().filter_map(|s| s.principal.as_ref()) {
        check(element, source, known)?;
        if element.entries.iter().any(|(kind, _)| *kind == PrincipalType::CanonicalUser)
            && text.get(element.span.range()).is_some()
        {
            text.replace_range(element.span.range(), &written(element, source, known)?);
        }
    }
    Ok(text)
}

/// As [`stored`], of a policy that may name somebody who does not exist: it stays as it is then.
#[must_use]
pub fn stored_text(text: &str, known: &Canonicals) -> String {
    let document = PolicyDocument::parse("policy", text, &LoadOptions::new(PolicyKind::Bucket));
    document.ok().and_then(|document| stored(&document, known).ok()).unwrap_or_else(|| text.to_owned())
}

/// Every origin access identity that is named by its ARN exists.
fn check(element: &PrincipalElement, source: &str, known: &Canonicals) -> Result<(), String> {
    let prefix = OriginAccessIdentity::arn("");
    for (_, name) in element.entries.iter().filter(|(kind, _)| *kind == PrincipalType::Aws) {
        let name = name.get(source);
        let of_cloudfront = name.starts_with("arn:aws:iam::cloudfront:");
        if of_cloudfront && !name.strip_prefix(&prefix).is_some_and(|id| known.cloudfront.identities.contains_key(id)) {
            return Err(name.to_owned());
        }
    }
    Ok(())
}

/// The element with ARNs in the place of canonical user ids.
fn written(element: &PrincipalElement, source: &str, known: &Canonicals) -> Result<String, String> {
    let mut members = Map::new();
    for (kind, name) in &element.entries {
        let name = name.get(source);
        let (member, name) = match kind {
            PrincipalType::Everyone | PrincipalType::Aws => ("AWS", name.to_owned()),
            PrincipalType::Service => ("Service", name.to_owned()),
            PrincipalType::Federated => ("Federated", name.to_owned()),
            PrincipalType::CanonicalUser => ("AWS", arn_of(name, known).ok_or_else(|| name.to_owned())?),
        };
        let list = members.entry(member).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(names) = list
            && !names.contains(&Value::String(name.clone()))
        {
            names.push(Value::String(name));
        }
    }
    for list in members.values_mut() {
        if let Value::Array(names) = list
            && names.len() == 1
        {
            *list = names.remove(0);
        }
    }
    Ok(Value::Object(members).to_string())
}

fn arn_of(canonical: &str, known: &Canonicals) -> Option<String> {
    if let Some(id) = known.cloudfront.canonicals.get(canonical) {
        return Some(OriginAccessIdentity::arn(id));
    }
    known.directory.account_of_canonical(canonical).map(|account| format!("arn:aws:iam::{account}:root"))
}
