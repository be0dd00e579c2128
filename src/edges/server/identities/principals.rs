//! Whom a policy names, by the unique ids that they have at this moment.
//!
//! AWS stores unique ids in the place of ARNs, so that a policy that named somebody who was deleted does not mean a new
//! one of that name; such an id is then shown as it is. Source: IAM User Guide, "AWS JSON policy elements: Principal".

use super::model::Kind;
use super::state::Snapshot;
use crate::compiled::principal::named_account;
use crate::policy::document::PrincipalType;
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::words::arn::Arn;
use crate::words::json;
use crate::words::problem::Span;

/// Whom a policy names, with their unique ids; see `BucketRecord::policy_principals`.
pub type Named = Vec<(String, Option<String>)>;

/// What a unique id is looked up in: the id for an account and an ARN. `None`: not this server's to know.
pub type LookUp<'l> = &'l dyn Fn(&str) -> Option<Option<String>>;

/// The users, roles and sessions that a policy names by ARN, with their places.
fn arns(document: &PolicyDocument) -> impl Iterator<Item = (&str, Span)> {
    let source = &document.source().text;
    let elements = document.statements().iter().filter_map(|s| s.principal.as_ref());
    elements.flat_map(|e| &e.entries).filter_map(move |(kind, text)| {
        let name = text.get(source);
        let named = *kind == PrincipalType::Aws && name.starts_with("arn:") && named_account(name).is_none();
        named.then_some((name, text.span))
    })
}

/// Whom a policy names. A principal that does not exist has no id.
#[must_use]
pub fn named(document: &PolicyDocument, look_up: LookUp<'_>) -> Named {
    named_among(arns(document).map(|(arn, _)| arn), look_up)
}

/// As [`named`], of names that stand in no policy. Those that are no user's, role's or session's are left out.
#[must_use]
pub fn named_among<'n>(names: impl Iterator<Item = &'n str>, look_up: LookUp<'_>) -> Named {
    let mut found: Named = Vec::new();
    for arn in names {
        if found.iter().all(|(known, _)| known != arn)
            && let Some(id) = look_up(arn)
        {
            found.push((arn.to_owned(), id));
        }
    }
    found
}

/// As [`named`], of a policy's text; one that cannot be read names nobody.
#[must_use]
pub fn named_in(text: &str, kind: PolicyKind, look_up: LookUp<'_>) -> Named {
    let document = PolicyDocument::parse("policy", text, &LoadOptions::new(kind));
    document.map(|document| named(&document, look_up)).unwrap_or_default()
}

/// The first principal that does not exist.
#[must_use]
pub fn stranger(named: &Named) -> Option<&str> {
    named.iter().find(|(_, id)| id.is_none()).map(|(arn, _)| arn.as_str())
}

/// The account, kind, name and session of a user's, role's or session's ARN.
#[must_use]
pub fn parts(arn: &str) -> Option<(&str, Kind, &str, Option<&str>)> {
    let parsed = Arn::parse(arn)?;
    let (kind, rest) = parsed.resource_type()?;
    match (parsed.service, kind) {
        ("iam", "user") => Some((parsed.account, Kind::User, rest.rsplit('/').next()?, None)),
        ("iam", "role") => Some((parsed.account, Kind::Role, rest.rsplit('/').next()?, None)),
        ("sts", "assumed-role") => {
            let (role, session) = rest.split_once('/')?;
            Some((parsed.account, Kind::Role, role, Some(session)))
        }
        _ => None,
    }
}

impl Snapshot {
    /// The unique id behind an ARN: `Some(None)` where this server's account has nobody of it, `None` where it is not
    /// this server's to know.
    #[must_use]
    pub fn unique_id(&self, arn: &str) -> Option<Option<String>> {
        let (account, kind, name, session) = parts(arn)?;
        let holder = self.accounts.get(account)?.identity(kind, name);
        let holder = holder.filter(|holder| session.is_some() || holder.arn == arn);
        Some(holder.map(|holder| match session {
            Some(session) => format!("{}:{session}", holder.document.id),
            None => holder.document.id.clone(),
        }))
    }

    /// The ARN of the identity with this unique id, as it is at this moment.
    #[must_use]
    pub fn arn_of(&self, id: &str) -> Option<String> {
        let (id, session) = id.split_once(':').map_or((id, None), |(id, session)| (id, Some(session)));
        self.accounts.iter().find_map(|(account, state)| {
            let holder = state.by_id(id)?;
            Some(match session {
                Some(session) => format!("arn:aws:sts::{account}:assumed-role/{}/{session}", holder.document.name),
                None => holder.arn.clone(),
            })
        })
    }

    /// A name as it is shown: the present ARN after a renaming, the unique id of whoever is gone.
    #[must_use]
    pub fn shown_name(&self, name: &str, stored: &Named) -> String {
        let id = stored.iter().find(|(arn, _)| arn == name).and_then(|(_, id)| id.as_deref());
        id.map_or_else(|| name.to_owned(), |id| self.arn_of(id).unwrap_or_else(|| id.to_owned()))
    }

    /// A policy as it is shown: whoever was renamed by the present ARN, whoever is gone by the unique id.
    #[must_use]
    pub fn shown(&self, text: &str, kind: PolicyKind, stored: &Named) -> String {
        let changed: Vec<(&str, String)> = stored
            .iter()
            .filter_map(|(arn, _)| {
                let shown = self.shown_name(arn, stored);
                (shown != *arn).then_some((arn.as_str(), shown))
            })
            .collect();
        let Ok(document) = PolicyDocument::parse("policy", text, &LoadOptions::new(kind)) else {
            return text.to_owned();
        };
        let mut out = text.to_owned();
        let mut places: Vec<_> = arns(&document).collect();
        places.sort_by_key(|(_, span)| std::cmp::Reverse(span.start));
        for (arn, span) in places {
            let Some((_, shown)) = changed.iter().find(|(old, _)| *old == arn) else { continue };
            let mut quoted = String::new();
            json::print_string(shown, &mut quoted);
            if out.get(span.range()).is_some() {
                out.replace_range(span.range(), &quoted);
            }
        }
        out
    }
}
