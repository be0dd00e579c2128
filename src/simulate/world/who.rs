//! Who is meant: principals as people name them.

use super::resolve::{Answer, AskError, refuse};
use super::{Account, ContextKeys, Identity, World};
use crate::simulate::actions;
use crate::simulate::scenario::OwnedPrincipal;
use crate::words::arn::Arn;
use crate::words::codes::Code;

/// Who is meant, with what is known of them.
pub(super) struct Who<'w> {
    pub principal: OwnedPrincipal,
    pub account: Option<&'w Account>,
    pub identity: Option<&'w Identity>,
    /// Context keys that come with whom they ask for: the distribution of a service.
    pub context: ContextKeys,
}

impl<'w> Who<'w> {
    fn new(principal: OwnedPrincipal, account: Option<&'w Account>, identity: Option<&'w Identity>) -> Self {
        Self { principal, account, identity, context: ContextKeys::new() }
    }
}

impl World {
    pub(super) fn who(&self, text: &str) -> Answer<Who<'_>> {
        let kind = |kind: &str, arn: Option<String>| OwnedPrincipal {
            kind: kind.to_owned(),
            arn,
            ..OwnedPrincipal::default()
        };
        let nobody = |principal| Ok(Who::new(principal, None, None));
        if matches!(text, "anyone" | "anonymous") {
            return nobody(OwnedPrincipal::anonymous());
        }
        if text.starts_with("arn:") {
            return self.who_by_arn(text);
        }
        if let Some(id) = text.strip_prefix("oai/") {
            return nobody(self.oai(id));
        }
        if let Some(account) = text.strip_prefix("root@") {
            return self.root(account);
        }
        if text.contains(".amazonaws.") || text.ends_with(".aws.internal") {
            return nobody(kind("service", Some(text.to_owned())));
        }
        let (name, account) = match text.rsplit_once('@') {
            Some((name, account)) if self.account_named(account).is_some() => (name, self.account_named(account)),
            // Names of users and sessions may have an `@` of their own.
            _ => (text, None),
        };
        self.who_by_name(name, account)
    }

    fn account_named(&self, text: &str) -> Option<&Account> {
        self.accounts.get(text).or_else(|| self.accounts.values().find(|a| a.name.as_deref() == Some(text)))
    }

    fn oai(&self, id: &str) -> OwnedPrincipal {
        let canonical = self.accounts.values().find_map(|a| a.origin_access_identities.get(id)).cloned().flatten();
        OwnedPrincipal {
            kind: "oai".to_owned(),
            arn: Some(format!("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {id}")),
            canonical,
            ..OwnedPrincipal::default()
        }
    }

    fn root(&self, account: &str) -> Answer<Who<'_>> {
        let found = self.account_named(account);
        let id = match found {
            Some(found) => found.id.clone(),
            None if crate::words::ids::AccountId::parse(account).is_some() => account.to_owned(),
            None => return refuse(Code::UnknownPrincipal, format!("there is no account `{account}`")),
        };
        let principal = OwnedPrincipal {
            kind: "root".to_owned(),
            arn: Some(format!("arn:aws:iam::{id}:root")),
            canonical: found.map(|a| a.canonical_id.clone()),
            account: Some(id),
            ..OwnedPrincipal::default()
        };
        Ok(Who::new(principal, found, None))
    }

    fn who_by_name(&self, name: &str, only: Option<&Account>) -> Answer<Who<'_>> {
        let mut found: Vec<(String, Who<'_>)> = Vec::new();
        for account in self.accounts.values().filter(|a| only.is_none_or(|o| o.id == a.id)) {
            for user in account.users.values().filter(|u| is_called(u, "user", name)) {
                found.push((user.arn.clone(), user_of(account, user)));
            }
            for role in account.roles.values() {
                if let Some(session) = session_called(role, name) {
                    found.push((role.arn.clone(), session_of(account, role, session)));
                }
            }
        }
        if found.len() > 1 {
            let candidates = found.into_iter().map(|(arn, _)| arn).collect();
            let message = format!("`{name}` is the name of several; say which, or add `@ACCOUNT`");
            return Err(AskError { code: Code::AmbiguousPrincipal, message, candidates });
        }
        match found.pop() {
            Some((_, who)) => Ok(who),
            None => {
                let all = self.accounts.values().flat_map(|a| {
                    let roles = a.roles.keys().map(|name| format!("role/{name}"));
                    a.users.keys().cloned().chain(roles)
                });
                let candidates = actions::nearest(name, all);
                let message = format!("the world has no user or role `{name}`");
                Err(AskError { code: Code::UnknownPrincipal, message, candidates })
            }
        }
    }

    fn who_by_arn(&self, text: &str) -> Answer<Who<'_>> {
        let Some(arn) = Arn::parse(text) else {
            return refuse(Code::UnknownPrincipal, format!("`{text}` is not an ARN"));
        };
        if arn.account == "cloudfront" {
            let id = arn.resource.rsplit(' ').next().unwrap_or_default();
            return Ok(Who::new(OwnedPrincipal { arn: Some(text.to_owned()), ..self.oai(id) }, None, None));
        }
        let account = self.accounts.get(arn.account);
        let by_arn = |identities: &'_ std::collections::BTreeMap<String, Identity>, wanted: &str| {
            identities.iter().find(|(_, i)| i.arn == wanted).map(|(name, _)| name.clone())
        };
        let stranger = |kind: &str, role_arn: Option<String>| {
            let principal = OwnedPrincipal {
                kind: kind.to_owned(),
                arn: Some(text.to_owned()),
                account: Some(arn.account.to_owned()),
                canonical: account.map(|a| a.canonical_id.clone()),
                role_arn,
                ..OwnedPrincipal::default()
            };
            Who::new(principal, account, None)
        };
        match (arn.service, arn.resource_type()) {
            ("iam", None) if arn.resource == "root" => self.root(arn.account),
            ("iam", Some(("user", _))) => match account.and_then(|a| Some((a, a.users.get(&by_arn(&a.users, text)?)?)))
            {
                Some((account, user)) => Ok(user_of(account, user)),
                None => known_account(account, text).map(|()| stranger("user", None)),
            },
            ("iam", Some(("role", name))) => {
                match account.and_then(|a| Some((a, a.roles.get(&by_arn(&a.roles, text)?)?))) {
                    Some((account, role)) => Ok(session_of(account, role, "session")),
                    None => {
                        known_account(account, text)?;
                        let short = name.rsplit('/').next().unwrap_or(name);
                        let mut who = stranger("role-session", Some(text.to_owned()));
                        who.principal.arn =
                            Some(format!("arn:{}:sts::{}:assumed-role/{short}/session", arn.partition, arn.account));
                        Ok(who)
                    }
                }
            }
            ("sts", Some(("assumed-role", rest))) => {
                let Some((role, session)) = rest.split_once('/') else {
                    return refuse(Code::UnknownPrincipal, format!("`{text}` names no session"));
                };
                match account.and_then(|a| Some((a, a.roles.get(role)?))) {
                    Some((account, role)) => Ok(session_of(account, role, session)),
                    None => {
                        known_account(account, text)?;
                        let role_arn = format!("arn:{}:iam::{}:role/{role}", arn.partition, arn.account);
                        Ok(stranger("role-session", Some(role_arn)))
                    }
                }
            }
            ("sts", Some(("federated-user", _))) => Ok(stranger("federated", None)),
            _ => refuse(Code::UnknownPrincipal, format!("`{text}` is not a principal that can make requests")),
        }
    }
}

/// In an account that is given whole, a principal that it does not have is a mistake.
fn known_account(account: Option<&Account>, arn: &str) -> Answer<()> {
    match account {
        Some(account) if !account.partial => {
            refuse(Code::UnknownPrincipal, format!("the account {} has no principal `{arn}`", account.id))
        }
        _ => Ok(()),
    }
}

/// Whether `alice`, `user/alice` or `user/path/alice` means the identity.
pub(super) fn is_called(identity: &Identity, kind: &str, text: &str) -> bool {
    let Some(full) = Arn::parse(&identity.arn).map(|a| a.resource) else { return false };
    let Some(path) = full.strip_prefix(kind).and_then(|p| p.strip_prefix('/')) else { return false };
    let short = path.rsplit('/').next();
    let text = match text.split_once('/') {
        Some((prefix, rest)) if prefix == kind => rest,
        Some(_) => return false,
        None => text,
    };
    text == path || Some(text) == short
}

/// The session's name where the text means the role or a session of it.
fn session_called<'t>(role: &Identity, text: &'t str) -> Option<&'t str> {
    if is_called(role, "role", text) {
        return Some("session");
    }
    let (head, session) = text.rsplit_once('/')?;
    (head.starts_with("role/") && is_called(role, "role", head)).then_some(session)
}

fn user_of<'w>(account: &'w Account, user: &'w Identity) -> Who<'w> {
    let principal = OwnedPrincipal {
        kind: "user".to_owned(),
        arn: Some(user.arn.clone()),
        account: Some(account.id.clone()),
        canonical: Some(account.canonical_id.clone()),
        id: user.id.clone(),
        ..OwnedPrincipal::default()
    };
    Who::new(principal, Some(account), Some(user))
}

fn session_of<'w>(account: &'w Account, role: &'w Identity, session: &str) -> Who<'w> {
    let partition = Arn::parse(&role.arn).map_or("aws", |a| a.partition);
    let name = role.arn.rsplit('/').next().unwrap_or_default();
    let principal = OwnedPrincipal {
        kind: "role-session".to_owned(),
        arn: Some(format!("arn:{partition}:sts::{}:assumed-role/{name}/{session}", account.id)),
        account: Some(account.id.clone()),
        canonical: Some(account.canonical_id.clone()),
        role_arn: Some(role.arn.clone()),
        id: role.id.as_ref().map(|id| format!("{id}:{session}")),
        service_linked: role.service_linked,
        ..OwnedPrincipal::default()
    };
    Who::new(principal, Some(account), Some(role))
}
