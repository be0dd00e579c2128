//! Aliases: other names of keys.
//!
//! Source: KMS Developer Guide, "Aliases in AWS KMS", "Controlling access to aliases".

use super::wire::{Page, answer, input, limit, nothing, time};
use crate::edges::server::kms::{Found, Key, Named};
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::gate::services::ServiceOperation;
use crate::gate::services::kms as o;
use crate::gate::{Authorized, Subject};
use crate::storage::store::Kept;
use crate::storage::store::kms::{AliasRecord, KeyRecord};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Aliases that a key may have. Source: KMS Developer Guide, "Resource quotas".
const MOST: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Point {
    alias_name: String,
    target_key_id: String,
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let wrong = |why: &str| Err(ServiceError::bad("InvalidAliasNameException", format!("{name}: {why}")));
    let Some(own) = name.strip_prefix("alias/") else { return wrong("an alias begins with alias/") };
    if own.is_empty() || name.len() > 256 {
        return wrong("an alias has from 1 to 250 characters behind alias/");
    }
    if own.starts_with("aws/") {
        return wrong("names that begin with alias/aws/ are for AWS managed keys");
    }
    if !own.chars().all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c)) {
        return wrong("an alias has letters, digits, /, _ and - only");
    }
    Ok(())
}

fn alias_arn(call: &ServiceCall, name: &str) -> String {
    format!("arn:aws:kms:{}:{}:{name}", call.server.region(), call.account())
}

/// Decides on the alias itself, and on each key that it points or pointed at.
async fn may<O: ServiceOperation>(
    call: &ServiceCall,
    arn: &str,
    keys: &[&Found],
) -> Result<Authorized<O>, ServiceError> {
    let caller = vec![("kms:CallerAccount".to_owned(), vec![call.account().to_owned()])];
    let alias = Subject { on: "alias", arn, context: caller, ..Subject::default() };
    let keys = keys.iter().map(|found| call.subject("key", &found.key, O::ROW.name, Vec::new()));
    let subjects: Vec<Subject<'_>> = std::iter::once(alias).chain(keys).collect();
    call.authorize::<O>(&subjects).await
}

fn own_key(call: &ServiceCall, found: &Found) -> Result<(), ServiceError> {
    if found.key.account == call.account() {
        return Ok(());
    }
    let message = format!("{} belongs to another account: an alias points at a key of its own.", found.key.arn);
    Err(ServiceError::bad("NotFoundException", message))
}

pub(super) async fn create(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Point = input(call)?;
    check_name(&asked.alias_name)?;
    let arn = alias_arn(call, &asked.alias_name);
    let target = call.found_beside::<o::CreateAlias>(&asked.target_key_id, Named::ByKey, &arn).await?;
    let grant = may::<o::CreateAlias>(call, &arn, &[&target]).await?;
    own_key(call, &target)?;
    target.key.not_pending()?;
    if target.key.aliases.len() >= MOST {
        return Err(limit(format!("{} has {MOST} aliases already.", target.key.arn)));
    }
    let record = AliasRecord {
        region: call.server.region().to_owned(),
        key: target.key.id.clone(),
        created_ms: call.now_ms,
        updated_ms: call.now_ms,
    };
    let (account, key) = (target.key.account.clone(), target.key.arn.clone());
    let written = call.server.store().change_entities(&grant, move |t| {
        if t.get::<AliasRecord>(&account, &asked.alias_name)?.is_some() {
            let message = format!("An alias with the name {arn} already exists");
            return Err(ServiceError::bad("AlreadyExistsException", message));
        }
        if t.get::<KeyRecord>(&account, &record.key)?.is_none() {
            return Err(super::no_key(&key));
        }
        t.put(&account, &asked.alias_name, &record)?;
        Ok(())
    });
    written.await?;
    call.reload(&target.key.account, &target.key.id)?;
    Ok(nothing())
}

pub(super) async fn update(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Point = input(call)?;
    check_name(&asked.alias_name)?;
    let alias = alias_arn(call, &asked.alias_name);
    let before = call.found_beside::<o::UpdateAlias>(&asked.alias_name, Named::Anyhow, &alias).await?;
    let target = call.found_beside::<o::UpdateAlias>(&asked.target_key_id, Named::ByKey, &alias).await?;
    let grant = may::<o::UpdateAlias>(call, &alias, &[&before, &target]).await?;
    own_key(call, &target)?;
    target.key.not_pending()?;
    let (account, id, now_ms) = (target.key.account.clone(), target.key.id.clone(), call.now_ms);
    let (arn, was) = (target.key.arn.clone(), before.key.id.clone());
    let name = asked.alias_name;
    let written = call.server.store().change_entities(&grant, move |t| {
        if t.get::<KeyRecord>(&account, &id)?.is_none() {
            return Err(super::no_key(&arn));
        }
        // Another key than the one that was decided on must not lose its alias.
        let kept = t.get::<AliasRecord>(&account, &name)?.filter(|kept| kept.document.key == was);
        let mut alias = kept.ok_or_else(|| no_alias(&name))?.document;
        alias.key.clone_from(&id);
        alias.updated_ms = now_ms;
        t.put(&account, &name, &alias)?;
        Ok(())
    });
    written.await?;
    call.reload(&before.key.account, &before.key.id)?;
    call.reload(&target.key.account, &target.key.id)?;
    Ok(nothing())
}

fn no_alias(name: &str) -> ServiceError {
    ServiceError::bad("NotFoundException", format!("Alias {name} is not found."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    alias_name: String,
}

pub(super) async fn delete(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Delete = input(call)?;
    check_name(&asked.alias_name)?;
    let alias = alias_arn(call, &asked.alias_name);
    let found = call.found_beside::<o::DeleteAlias>(&asked.alias_name, Named::Anyhow, &alias).await?;
    let grant = may::<o::DeleteAlias>(call, &alias, &[&found]).await?;
    let (account, was, name) = (found.key.account.clone(), found.key.id.clone(), asked.alias_name);
    let written = call.server.store().change_entities(&grant, move |t| {
        let kept = t.get::<AliasRecord>(&account, &name)?.filter(|kept| kept.document.key == was);
        kept.ok_or_else(|| no_alias(&name))?;
        t.delete::<AliasRecord>(&account, &name);
        Ok::<_, ServiceError>(())
    });
    written.await?;
    call.reload(&found.key.account, &found.key.id)?;
    Ok(nothing())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    key_id: Option<String>,
    limit: Option<u64>,
    marker: Option<String>,
}

pub(super) async fn list(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: List = input(call)?;
    call.authorize::<o::ListAliases>(&[]).await?;
    let page = Page::new(asked.limit, asked.marker.as_deref(), 50, 100)?;
    let of: Option<Arc<Key>> = match &asked.key_id {
        // Another account's keys have no aliases here, and whether there are such is its own business.
        Some(given) => {
            let found = call.key(given, Named::ByKey).map(|found| found.key);
            let own =
                found.map(|key| if key.account == call.account() { Ok(key) } else { Err(super::no_key(&key.arn)) });
            Some(own??)
        }
        None => None,
    };
    let wanted = |alias: &Kept<AliasRecord>| {
        of.as_ref().is_none_or(|key| key.account == alias.account && key.id == alias.document.key)
    };
    let aliases = call.server.store().entities::<AliasRecord>(Some(call.account()))?;
    let show = |alias: &Kept<AliasRecord>| {
        json!({
            "AliasName": alias.id,
            "AliasArn": alias_arn(call, &alias.id),
            "TargetKeyId": alias.document.key,
            "CreationDate": time(alias.document.created_ms),
            "LastUpdatedDate": time(alias.document.updated_ms),
        })
    };
    Ok(answer(&page.cut(aliases.into_iter().filter(wanted), |alias| alias.id.clone(), "Aliases", show)))
}
