//! `Principal` and `NotPrincipal`.
//!
//! Source: IAM User Guide, "AWS JSON policy elements: Principal".

use super::document::{PolicyKind, PrincipalElement, PrincipalType, Text};
use super::parse::Reader;
use crate::words::arn::Arn;
use crate::words::codes::Code;
use crate::words::ids::AccountId;
use crate::words::json::{Kind, Member, Node};

pub(super) fn read(reader: &mut Reader<'_>, member: &Member, negated: bool) -> Option<PrincipalElement> {
    let kind = reader.options.kind;
    if !kind.has_principal() {
        return reader.principal_forbidden(member);
    }
    if negated && matches!(kind, PolicyKind::ResourceControl | PolicyKind::Trust) {
        let message = format!("a {} has no `NotPrincipal`", kind.words());
        reader.storing_error(Code::ForbiddenElement, member.name.span, message);
    }
    let value = &member.value;
    let mut element = PrincipalElement { negated, entries: Vec::new(), span: value.span };
    match &value.kind {
        Kind::String(_) => read_bare(reader, value, &mut element),
        Kind::Object(types) => types.iter().for_each(|t| read_type(reader, t, &mut element)),
        _ => {
            let message = format!("a principal is `\"*\"` or an object, not {}", value.kind_name());
            reader.error(Code::WrongType, value.span, message);
        }
    }
    if kind == PolicyKind::ResourceControl && element.entries.iter().any(|(t, _)| *t != PrincipalType::Everyone) {
        reader.error(
            Code::InvalidPrincipal,
            value.span,
            "a resource control policy applies to `\"Principal\": \"*\"` only",
        );
    }
    Some(element)
}

fn read_bare(reader: &mut Reader<'_>, value: &Node, element: &mut PrincipalElement) {
    if value.as_str(reader.source) == Some("*") {
        element.entries.extend(Text::of_scalar(value).map(|text| (PrincipalType::Everyone, text)));
    } else {
        let message = "a principal without a type can only be `\"*\"`; write `{\"AWS\": \"…\"}`";
        reader.error(Code::InvalidPrincipal, value.span, message);
    }
}

fn read_type(reader: &mut Reader<'_>, member: &Member, element: &mut PrincipalElement) {
    let kind = match member.name.as_str(reader.source).unwrap_or_default() {
        "AWS" => PrincipalType::Aws,
        "Service" => PrincipalType::Service,
        "Federated" => PrincipalType::Federated,
        "CanonicalUser" => PrincipalType::CanonicalUser,
        other => {
            let message =
                format!("`{other}` is not a principal type; it is `AWS`, `Service`, `Federated` or `CanonicalUser`");
            reader.error(Code::UnknownPrincipalType, member.name.span, message);
            return;
        }
    };
    let list = reader.read_list(&member.value, "Principal", element.negated);
    for text in list.items {
        let value = text.get(reader.source);
        let problem = match kind {
            PrincipalType::Aws if value == "*" => {
                element.entries.push((PrincipalType::Everyone, text));
                continue;
            }
            PrincipalType::Aws => aws_problem(value),
            _ => other_problem(kind, value),
        };
        if let Some(message) = problem {
            reader.error(Code::InvalidPrincipal, text.span, message);
        }
        element.entries.push((kind, text));
    }
}

/// What is wrong with an `AWS` principal.
fn aws_problem(value: &str) -> Option<String> {
    if AccountId::parse(value).is_some() || is_unique_id(value) {
        return None;
    }
    let Some(arn) = Arn::parse(value) else {
        return Some(format!("`{value}` is neither an account id nor an ARN nor a unique id"));
    };
    if value.contains(['*', '?']) {
        return Some(format!("`{value}` has a wildcard; in a principal `*` can only stand alone"));
    }
    let named = arn.resource_type().map(|(kind, name)| (arn.service, kind, name));
    let known = match named {
        None => arn.service == "iam" && arn.resource == "root",
        Some(("iam", "user" | "role", name)) => !name.is_empty(),
        Some(("sts", "assumed-role", name)) => {
            name.split_once('/').is_some_and(|(r, s)| !r.is_empty() && !s.is_empty())
        }
        Some(("sts", "federated-user", name)) => !name.is_empty(),
        Some(_) => false,
    };
    let account =
        AccountId::parse(arn.account).is_some() || arn.account == "cloudfront" && arn.resource.starts_with("user/");
    if known && account {
        return None;
    }
    Some(format!("`{value}` names no account, user, role, role session, federated user or origin access identity"))
}

fn other_problem(kind: PrincipalType, value: &str) -> Option<String> {
    if value.contains(['*', '?']) {
        return Some(format!("`{value}` has a wildcard; a principal of this type is named in full"));
    }
    let fits = match kind {
        PrincipalType::Service => value.contains('.') && !value.contains([' ', '/', ':']),
        PrincipalType::Federated => value.contains('.') || Arn::parse(value).is_some(),
        _ => !value.is_empty(),
    };
    (!fits).then(|| match kind {
        PrincipalType::Service => {
            format!("`{value}` is not a service principal such as `cloudfront.amazonaws.com`")
        }
        PrincipalType::Federated => {
            format!("`{value}` is neither an identity provider's ARN nor its domain")
        }
        _ => "a canonical user id cannot be empty".to_owned(),
    })
}

/// The stored form of a named user or role: `AIDA…`, `AROA…`.
/// Source: IAM User Guide, "IAM identifiers", unique ids.
fn is_unique_id(value: &str) -> bool {
    let body = value.strip_prefix("AIDA").or_else(|| value.strip_prefix("AROA"));
    body.is_some_and(|b| !b.is_empty() && b.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_principals() {
        for good in [
            "111122223333",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/p/alice",
            "arn:aws-cn:iam::111122223333:role/x",
            "arn:aws:sts::111122223333:assumed-role/r/s",
            "arn:aws:sts::111122223333:federated-user/f",
            "AIDAEXAMPLE1",
            "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1",
        ] {
            assert_eq!(aws_problem(good), None, "{good}");
        }
        for bad in [
            "",
            "alice",
            "1111",
            "arn:aws:iam::111122223333:group/g",
            "arn:aws:iam::111122223333:user/*",
            "arn:aws:iam::111122223333:instance-profile/x",
            "arn:aws:s3:::bucket",
            "arn:aws:iam::x:root",
            "arn:aws:sts::111122223333:assumed-role/r",
            "AIDA",
            "AIDAlower",
        ] {
            assert!(aws_problem(bad).is_some(), "{bad}");
        }
    }
}
