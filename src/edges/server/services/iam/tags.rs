//! Tags of users and roles, and what all tagging has in common.

use super::check::{self, Page, identity_name, no_identity};
use super::shapes;
use crate::edges::server::identities::draft::Draft;
use crate::edges::server::identities::model::Kind;
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, QueryCall, Xml};
use crate::gate::services::ServiceOperation;

/// Tags that a request sets or removes.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Sets these.
    Set(Vec<(String, String)>),
    /// Removes those with these keys.
    Remove(Vec<String>),
}

impl Change {
    /// # Errors
    /// As [`check::tags`].
    pub(super) fn of(query: &QueryCall<'_>, set: bool) -> Result<Self, ServiceError> {
        Ok(if set { Self::Set(check::tags(&query.params)?) } else { Self::Remove(query.params.list("TagKeys")) })
    }

    /// The resource with the condition keys of this change.
    pub(super) fn over(&self, named: Named) -> Named {
        match self {
            Self::Set(tags) => named.tagging(tags),
            Self::Remove(keys) => named.tag_keys(keys.iter().map(String::as_str)),
        }
    }

    /// # Errors
    /// `LimitExceeded`.
    pub(super) fn apply(&self, tags: &mut Vec<(String, String)>) -> Result<(), ServiceError> {
        match self {
            Self::Set(new) => check::merge_tags(tags, new),
            Self::Remove(keys) => tags.retain(|(key, _)| !keys.iter().any(|k| k.eq_ignore_ascii_case(key))),
        }
        check::enough_room(tags)
    }
}

pub(super) async fn retag<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind, set: bool) -> Answer {
    let name = identity_name(&query.params, kind)?.to_owned();
    let change = Change::of(query, set)?;
    let grant = query.allow::<O>(&[change.over(query.named(kind, &name)?)]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut identity = draft.identity(kind, &name)?.ok_or_else(|| no_identity(kind, &name))?;
        change.apply(&mut identity.tags)?;
        Ok(draft.put_identity(&identity)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn list<O: ServiceOperation>(query: &QueryCall<'_>, kind: Kind) -> Answer {
    let (name, page) = (identity_name(&query.params, kind)?, Page::of(&query.params)?);
    query.allow::<O>(&[query.named(kind, name)?]).await?;
    Ok(listed(&query.holder(kind, name)?.document.tags, &page))
}

/// A list of tags.
pub(super) fn listed(tags: &[(String, String)], page: &Page) -> Xml {
    let mut sorted = tags.to_vec();
    sorted.sort();
    let part = page.part(sorted.into_iter().map(|tag| (tag.0.clone(), tag)));
    Xml::of(|xml| {
        xml.tags(&part.items);
        shapes::truncation(xml, part.marker);
    })
}
