//! When S3 calls a policy public.
//!
//! Source: S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of public":
//! a policy is public unless every Allow is limited, by its principal or by a condition of a listed key,
//! to fixed values: no wildcard, no policy variable.

use super::document::{Condition, Effect, PolicyDocument, PrincipalType, Statement};
use super::operators::{Family, Relation};
use crate::words::values;

/// The keys whose fixed values narrow a statement.
const NARROWING: [&str; 13] = [
    "aws:sourceip",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:userid",
    "aws:principalorgid",
    "aws:principalarn",
    "aws:principalaccount",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
];

pub(super) fn is_public(document: &PolicyDocument) -> bool {
    let source = &document.source().text;
    document.statements().iter().any(|s| s.effect == Effect::Allow && !is_narrowed(s, source))
}

fn is_narrowed(statement: &Statement, source: &str) -> bool {
    has_fixed_principals(statement) || statement.conditions.iter().any(|c| narrows(c, source))
}

/// Federated principals count as public (S3 User Guide).
fn has_fixed_principals(statement: &Statement) -> bool {
    statement.principal.as_ref().is_some_and(|p| {
        !p.negated && !p.entries.iter().any(|(t, _)| matches!(t, PrincipalType::Everyone | PrincipalType::Federated))
    })
}

fn narrows(condition: &Condition, source: &str) -> bool {
    let operator = condition.operator;
    if operator.relation != Relation::Equal || operator.if_exists || operator.qualifier.is_some() {
        return false;
    }
    let key = condition.key.get(source).to_ascii_lowercase();
    if condition.values.is_empty() || !NARROWING.contains(&key.as_str()) {
        return false;
    }
    condition.values.iter().all(|value| {
        let value = value.get(source);
        match operator.family {
            Family::Ip => key == "aws:sourceip" && is_narrow_range(value),
            Family::Text | Family::TextIgnoreCase | Family::Like | Family::Arn => {
                key != "aws:sourceip" && !is_role_session_id(&key, value) && is_fixed(&key, value)
            }
            _ => false,
        }
    })
}

/// At least /8 for IPv4 and /32 for IPv6; private ranges may be wider.
fn is_narrow_range(value: &str) -> bool {
    values::parse_range(value)
        .is_some_and(|range| range.prefix() >= if range.is_v4() { 8 } else { 32 } || range.is_private())
}

/// `aws:userid` narrows "outside the pattern AROLEID:*": an id of a role's session does not.
fn is_role_session_id(key: &str, value: &str) -> bool {
    key == "aws:userid" && value.starts_with("AROA") && value.contains(':')
}

fn is_fixed(key: &str, value: &str) -> bool {
    if value.contains("${") {
        return false;
    }
    if key == "s3:dataaccesspointarn" {
        // The access point's name may be a wildcard; account and region may not.
        let at = value.rfind("accesspoint/").unwrap_or(value.len());
        return value.get(..at).is_some_and(|fixed| !fixed.contains(['*', '?']) && at < value.len());
    }
    !value.contains(['*', '?'])
}
