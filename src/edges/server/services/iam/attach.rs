//! Managed policies attached to users, groups and roles, and permissions boundaries.

use super::check::{self, Page, identity_name, no_identity};
use super::{inline, shapes};
use crate::edges::server::identities::draft::Draft;
use crate::edges::server::identities::model::Kind;
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, QueryCall, Xml};
use crate::gate::services::ServiceOperation;
use crate::words::arn::Arn;

/// Managed policies that one identity may have.
const MOST: usize = 10;

/// The ARN of a policy that a request names.
pub(super) fn policy_arn(query: &QueryCall<'_>, field: &str) -> Result<String, ServiceError> {
    let text = query.params.need(field)?;
    let parsed = Arn::parse(text).filter(|arn| arn.service == "iam" && arn.resource.starts_with("policy/"));
    match parsed {
        Some(_) if (20..=2048).contains(&text.len()) => Ok(text.to_owned()),
        _ => Err(ServiceError::bad("InvalidInput", format!("ARN {text} is not valid."))),
    }
}

/// # Errors
/// `NoSuchEntity` where the account may attach no such policy.
pub(super) fn must_exist(query: &QueryCall<'_>, arn: &str) -> Result<(), ServiceError> {
    match query.account()?.managed(arn) {
        Some(_) => Ok(()),
        None => Err(not_attachable(arn)),
    }
}

fn not_attachable(arn: &str) -> ServiceError {
    check::no_such(format!("Policy {arn} does not exist or is not attachable."))
}

/// In the transaction: the account's own policy must still be there. AWS's come with the server.
fn still_there(draft: &Draft<'_, '_>, arn: &str) -> Result<(), ServiceError> {
    let Some(parsed) = Arn::parse(arn).filter(|parsed| parsed.account == draft.account()) else { return Ok(()) };
    let name = parsed.resource.rsplit('/').next().unwrap_or_default();
    match draft.policy(name)?.filter(|policy| policy.arn(draft.account()) == arn) {
        Some(_) => Ok(()),
        None => Err(not_attachable(arn)),
    }
}

pub(super) async fn attach<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let (name, arn) = (identity_name(&query.params, kind)?.to_owned(), policy_arn(query, "PolicyArn")?);
    let named = query.named(kind, &name)?.with("iam:PolicyARN", Some(&arn));
    let grant = query.allow::<O>(&[named]).await?;
    query.holder(kind, &name)?;
    must_exist(query, &arn)?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut identity = draft.identity(kind, &name)?.ok_or_else(|| no_identity(kind, &name))?;
        inline::modifiable(&identity)?;
        still_there(draft, &arn)?;
        if identity.attached.contains(&arn) {
            return Ok(());
        }
        if identity.attached.len() >= MOST {
            return Err(check::limit(format!("Cannot exceed quota for PoliciesPer{}: {MOST}", kind.title())));
        }
        identity.attached.push(arn.clone());
        Ok(draft.put_identity(&identity)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn detach<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let (name, arn) = (identity_name(&query.params, kind)?.to_owned(), policy_arn(query, "PolicyArn")?);
    let named = query.named(kind, &name)?.with("iam:PolicyARN", Some(&arn));
    let grant = query.allow::<O>(&[named]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut identity = draft.identity(kind, &name)?.ok_or_else(|| no_identity(kind, &name))?;
        inline::modifiable(&identity)?;
        let at = identity.attached.iter().position(|attached| *attached == arn);
        let at = at.ok_or_else(|| check::no_such(format!("Policy {arn} was not found.")))?;
        identity.attached.remove(at);
        Ok(draft.put_identity(&identity)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn list<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let (name, page) = (identity_name(&query.params, kind)?, Page::of(&query.params)?);
    let prefix = check::path_prefix(&query.params)?;
    query.allow::<O>(&[query.named(kind, name)?]).await?;
    let holder = query.holder(kind, name)?;
    let in_path = |arn: &&String| {
        let path = arn.split_once(":policy").map_or("/", |(_, path)| path);
        path.starts_with(prefix)
    };
    let mut arns: Vec<&String> = holder.document.attached.iter().filter(in_path).collect();
    arns.sort_unstable();
    let part = page.part(arns.into_iter().map(|arn| (arn.clone(), arn)));
    Ok(Xml::of(|xml| {
        shapes::attached(xml, "AttachedPolicies", part.items);
        shapes::truncation(xml, part.marker);
    }))
}

/// Sets or removes a permissions boundary.
pub(super) async fn boundary<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind, set: bool) -> Answer {
    let name = identity_name(&query.params, kind)?.to_owned();
    let arn = if set { Some(policy_arn(query, "PermissionsBoundary")?) } else { None };
    let mut named = query.named(kind, &name)?;
    if let Some(arn) = &arn {
        // What the request sets counts, not what is there.
        named.context.retain(|(key, _)| key != "iam:PermissionsBoundary");
        named = named.with("iam:PermissionsBoundary", Some(arn));
    }
    let grant = query.allow::<O>(&[named]).await?;
    query.holder(kind, &name)?;
    if let Some(arn) = &arn {
        must_exist(query, arn)?;
    }
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut identity = draft.identity(kind, &name)?.ok_or_else(|| no_identity(kind, &name))?;
        inline::modifiable(&identity)?;
        if let Some(arn) = &arn {
            still_there(draft, arn)?;
        } else if identity.boundary.is_none() {
            return Err(check::no_such(format!("{} {name} has no permissions boundary.", kind.title())));
        }
        identity.boundary.clone_from(&arn);
        Ok(draft.put_identity(&identity)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}
