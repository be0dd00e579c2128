//! Access keys of users and of the root user.

use super::check::{self, Page, limit, no_identity};
use super::shapes;
use crate::edges::server::identities::draft::Draft;
use crate::edges::server::identities::ids::access_key;
use crate::edges::server::identities::model::{KeptKey, Kind, Own};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, QueryCall, Xml, invalid};
use crate::gate::services::iam;

/// Access keys of one user.
const MOST: usize = 2;

fn no_key(id: &str) -> ServiceError {
    check::no_such(format!("The Access Key with id {id} cannot be found."))
}

fn key_id(query: &QueryCall<'_>) -> Result<String, ServiceError> {
    let id = query.params.need("AccessKeyId")?;
    let fits = (16..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits {
        return Ok(id.to_owned());
    }
    Err(invalid(id, "AccessKeyId", "Member must satisfy regular expression pattern: [\\w]{16,128}"))
}

/// Changes the keys of a user, or of the root user.
fn with_keys<R>(
    draft: &mut Draft<'_, '_>,
    user: Option<&str>,
    change: impl FnOnce(&mut Vec<KeptKey>) -> Result<R, ServiceError>,
) -> Result<R, ServiceError> {
    let Some(name) = user else {
        let mut settings = draft.settings()?;
        let result = change(&mut settings.keys)?;
        draft.put_settings(&settings)?;
        return Ok(result);
    };
    let mut identity = draft.identity(Kind::User, name)?.ok_or_else(|| no_identity(Kind::User, name))?;
    let Own::User { keys, .. } = &mut identity.own else { return Err(no_identity(Kind::User, name)) };
    let result = change(keys)?;
    draft.put_identity(&identity)?;
    Ok(result)
}

fn name_shown(xml: &mut Xml, user: Option<&String>) {
    xml.some("UserName", user);
}

pub(super) async fn create(query: &QueryCall<'_>) -> Answer {
    let user = query.user_meant()?;
    let grant = query.allow::<iam::CreateAccessKey>(&[query.named_user(user.as_deref())?]).await?;
    let new = access_key("AKIA")?;
    let secret = query.call.server.store().seal_text(&new.secret, query.call.now_ms)?;
    let created = query.now();
    let kept = KeptKey { id: new.id.clone(), secret, active: true, created };
    let of = user.clone();
    let work = move |draft: &mut Draft<'_, '_>| {
        with_keys(draft, of.as_deref(), |keys| {
            if keys.len() >= MOST {
                return Err(limit(format!("Cannot exceed quota for AccessKeysPerUser: {MOST}")));
            }
            keys.push(kept.clone());
            Ok(())
        })
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::of(|xml| {
        xml.inside("AccessKey", |xml| {
            name_shown(xml, user.as_ref());
            xml.text("AccessKeyId", &new.id);
            xml.text("Status", "Active");
            xml.text("SecretAccessKey", &new.secret);
            xml.moment("CreateDate", created);
        });
    }))
}

pub(super) async fn list(query: &QueryCall<'_>) -> Answer {
    let (user, page) = (query.user_meant()?, Page::of(&query.params)?);
    query.allow::<iam::ListAccessKeys>(&[query.named_user(user.as_deref())?]).await?;
    let keys = match &user {
        Some(name) => query.holder(Kind::User, name)?.document.keys().to_vec(),
        None => query.account()?.settings.keys.clone(),
    };
    let mut keys: Vec<(String, KeptKey)> = keys.into_iter().map(|key| (key.id.clone(), key)).collect();
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    let part = page.part(keys.into_iter());
    Ok(Xml::of(|xml| {
        name_shown(xml, user.as_ref());
        xml.members("AccessKeyMetadata", part.items, |xml, key| {
            name_shown(xml, user.as_ref());
            xml.text("AccessKeyId", &key.id);
            xml.text("Status", if key.active { "Active" } else { "Inactive" });
            xml.moment("CreateDate", key.created);
        });
        shapes::truncation(xml, part.marker);
    }))
}

pub(super) async fn update(query: &QueryCall<'_>) -> Answer {
    let (user, id) = (query.user_meant()?, key_id(query)?);
    let active = match query.params.need("Status")? {
        "Active" => true,
        "Inactive" => false,
        other => return Err(invalid(other, "Status", "Member must satisfy enum value set: [Active, Inactive]")),
    };
    let grant = query.allow::<iam::UpdateAccessKey>(&[query.named_user(user.as_deref())?]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        with_keys(draft, user.as_deref(), |keys| {
            keys.iter_mut().find(|key| key.id == id).ok_or_else(|| no_key(&id))?.active = active;
            Ok(())
        })
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn delete(query: &QueryCall<'_>) -> Answer {
    let (user, id) = (query.user_meant()?, key_id(query)?);
    let grant = query.allow::<iam::DeleteAccessKey>(&[query.named_user(user.as_deref())?]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        with_keys(draft, user.as_deref(), |keys| {
            let at = keys.iter().position(|key| key.id == id).ok_or_else(|| no_key(&id))?;
            keys.remove(at);
            Ok(())
        })
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn last_used(query: &QueryCall<'_>) -> Answer {
    let id = key_id(query)?;
    let account = query.account()?;
    let user = account.of_kind(Kind::User).find(|user| user.document.keys().iter().any(|key| key.id == id));
    let of_root = account.settings.keys.iter().any(|key| key.id == id);
    let named = match user {
        Some(user) => query.named_user(Some(&user.document.name))?,
        None if of_root => query.named_user(None)?,
        None => Named::new("user", format!("arn:aws:iam::{}:user/*", query.account_id())),
    };
    // Whose key it is, and whether it is somebody's, is not told to who may not ask.
    let hidden = |error: ServiceError| match error.message.split_once(" on resource: \"") {
        Some((before, rest)) => {
            let after = rest.split_once('"').map_or("", |(_, after)| after);
            let message = format!("{before} on resource: access key {id}{after}");
            ServiceError { message: message.into(), ..error }
        }
        None => error,
    };
    query.allow::<iam::GetAccessKeyLastUsed>(&[named]).await.map_err(hidden)?;
    if user.is_none() && !of_root {
        return Err(no_key(&id));
    }
    let used = query.call.server.identities().last_use(&id);
    Ok(Xml::of(|xml| {
        xml.some("UserName", user.map(|user| &user.document.name));
        xml.inside("AccessKeyLastUsed", |xml| {
            if let Some(used) = used {
                xml.moment("LastUsedDate", used.at);
            }
            xml.text("ServiceName", used.map_or("N/A", |used| used.service));
            xml.text("Region", used.map_or("N/A", |_| query.call.server.region()));
        });
    }))
}
