//! Inline policies of users, groups and roles.

use super::check::{self, Page, identity_name, no_identity};
use super::shapes;
use crate::edges::server::identities::draft::Draft;
use crate::edges::server::identities::model::{Identity, InlinePolicy, Kind};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, QueryCall, Xml};
use crate::gate::services::ServiceOperation;
use crate::policy::PolicyKind;

/// Characters of all inline policies together that are not white space.
pub(super) const fn most(kind: Kind) -> usize {
    match kind {
        Kind::User => 2048,
        Kind::Group => 5120,
        Kind::Role => 10_240,
    }
}

fn policy_name(query: &QueryCall<'_>) -> Result<String, ServiceError> {
    check::name(&query.params, "PolicyName", 128).map(str::to_owned)
}

fn no_policy(kind: Kind, name: &str) -> ServiceError {
    check::no_such(format!("The {} policy with name {name} cannot be found.", kind.word()))
}

/// # Errors
/// `UnmodifiableEntity` for roles that services made.
pub(super) fn modifiable(identity: &Identity) -> Result<(), ServiceError> {
    if identity.role().is_some_and(|role| role.service_linked) {
        let message = format!("Cannot perform the operation on the protected role '{}'", identity.name);
        return Err(ServiceError::bad("UnmodifiableEntity", message));
    }
    Ok(())
}

pub(super) async fn put<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let (name, policy) = (identity_name(&query.params, kind)?.to_owned(), policy_name(query)?);
    let text = query.params.need("PolicyDocument")?.to_owned();
    let grant = query.allow::<O>(&[query.named(kind, &name)?]).await?;
    check::policy(&text, PolicyKind::Identity)?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut identity = draft.identity(kind, &name)?.ok_or_else(|| no_identity(kind, &name))?;
        modifiable(&identity)?;
        let new = InlinePolicy { name: policy.clone(), text: text.clone() };
        match identity.inline.iter_mut().find(|p| p.name == policy) {
            Some(there) => *there = new,
            None => identity.inline.push(new),
        }
        let size: usize = identity.inline.iter().map(|p| check::size(&p.text)).sum();
        if size > most(kind) {
            let message = format!("Maximum policy size of {} bytes exceeded for {} {name}", most(kind), kind.word());
            return Err(check::limit(message));
        }
        Ok(draft.put_identity(&identity)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn get<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let (name, policy) = (identity_name(&query.params, kind)?, policy_name(query)?);
    query.allow::<O>(&[query.named(kind, name)?]).await?;
    let holder = query.holder(kind, name)?;
    let found = holder.document.inline.iter().find(|p| p.name == policy).ok_or_else(|| no_policy(kind, &policy))?;
    Ok(Xml::of(|xml| {
        xml.text(&format!("{}Name", kind.title()), &holder.document.name);
        xml.text("PolicyName", &found.name);
        shapes::document(xml, "PolicyDocument", &found.text);
    }))
}

pub(super) async fn delete<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let (name, policy) = (identity_name(&query.params, kind)?.to_owned(), policy_name(query)?);
    let grant = query.allow::<O>(&[query.named(kind, &name)?]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut identity = draft.identity(kind, &name)?.ok_or_else(|| no_identity(kind, &name))?;
        modifiable(&identity)?;
        let at = identity.inline.iter().position(|p| p.name == policy).ok_or_else(|| no_policy(kind, &policy))?;
        identity.inline.remove(at);
        Ok(draft.put_identity(&identity)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn list<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let (name, page) = (identity_name(&query.params, kind)?, Page::of(&query.params)?);
    query.allow::<O>(&[query.named(kind, name)?]).await?;
    let holder = query.holder(kind, name)?;
    let mut names: Vec<&str> = holder.document.inline.iter().map(|p| p.name.as_str()).collect();
    names.sort_unstable();
    let part = page.part(names.into_iter().map(|name| (name.to_owned(), name)));
    Ok(Xml::of(|xml| {
        xml.strings("PolicyNames", &part.items);
        shapes::truncation(xml, part.marker);
    }))
}
