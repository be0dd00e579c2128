//! Keys: making, describing, enabling, deleting them.

use super::policies::{Checked, checked, keeps_access};
use super::tags::{checked_tags, request_tags};
use super::wire::{Page, Tag, answer, check_tokens, input, invalid, nothing, time, unsupported};
use crate::edges::server::kms::{Key, Named, default_policy, new_id};
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::gate::Subject;
use crate::gate::services::kms as o;
use crate::storage::store::kms::{KeyRecord, KeyState, MaterialOrigin, MaterialRecord, key_arn};
use serde::Deserialize;
use serde_json::{Value, json};

const DAY_MS: i64 = 86_400_000;
const LONGEST_DESCRIPTION: usize = 8192;

/// A request that names a key and nothing more.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfKey {
    pub key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    policy: Option<String>,
    #[serde(default)]
    description: String,
    key_usage: Option<String>,
    customer_master_key_spec: Option<String>,
    key_spec: Option<String>,
    origin: Option<String>,
    custom_key_store_id: Option<String>,
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    multi_region: Option<bool>,
    xks_key_id: Option<String>,
}

/// This key service has symmetric keys of its own region, with material that it made itself.
fn symmetric(asked: &Create) -> Result<(), ServiceError> {
    let spec = match (&asked.key_spec, &asked.customer_master_key_spec) {
        (Some(_), Some(_)) => return Err(invalid("Give 'keySpec' or 'customerMasterKeySpec', not both.")),
        (spec, older) => spec.as_deref().or(older.as_deref()),
    };
    for (name, value, only) in [
        ("KeySpec", spec, "SYMMETRIC_DEFAULT"),
        ("KeyUsage", asked.key_usage.as_deref(), "ENCRYPT_DECRYPT"),
        ("Origin", asked.origin.as_deref(), "AWS_KMS"),
    ] {
        if let Some(other) = value.filter(|value| *value != only) {
            return Err(unsupported(&format!("{name} {other}")));
        }
    }
    if asked.custom_key_store_id.is_some() || asked.xks_key_id.is_some() {
        return Err(unsupported("A custom key store"));
    }
    if asked.multi_region == Some(true) {
        return Err(unsupported("MultiRegion"));
    }
    Ok(())
}

pub(super) async fn create(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Create = input(call)?;
    symmetric(&asked)?;
    check_description(&asked.description)?;
    let tags = checked_tags(asked.tags)?;
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let mut brings = vec![
        one("kms:CallerAccount", call.account()),
        one("kms:KeySpec", "SYMMETRIC_DEFAULT"),
        one("kms:KeyUsage", "ENCRYPT_DECRYPT"),
        one("kms:KeyOrigin", "AWS_KMS"),
        one("kms:MultiRegion", "false"),
        one("kms:BypassPolicyLockoutSafetyCheck", &asked.bypass_policy_lockout_safety_check.to_string()),
    ];
    brings.extend(request_tags(&tags));
    let mut subjects = vec![Subject { on: "*", arn: "*", context: brings.clone(), ..Subject::default() }];
    if !tags.is_empty() {
        subjects.push(Subject { on: "tags", arn: "*", context: brings, ..Subject::default() });
    }
    let grant = call.authorize::<o::CreateKey>(&subjects).await?;
    let (account, region, id) = (call.account().to_owned(), call.server.region(), new_id()?);
    let policy = match asked.policy {
        None => Checked { text: default_policy(&account), named: Vec::new() },
        Some(text) => {
            let policy = checked(call, &text)?;
            if !asked.bypass_policy_lockout_safety_check {
                keeps_access(call, &key_arn(region, &account, &id), &id, &policy)?;
            }
            policy
        }
    };
    let mut record = KeyRecord {
        region: region.to_owned(),
        description: asked.description,
        created_ms: call.now_ms,
        managed_by: None,
        state: KeyState::Enabled,
        policy: Some(policy.text),
        policy_principals: Some(policy.named),
        tags,
        rotation: None,
        materials: Vec::new(),
    };
    record.rotate(call.server.store(), MaterialOrigin::Created, call.now_ms)?;
    let (owner, name) = (account.clone(), id.clone());
    let written = call.server.store().change_entities(&grant, move |t| t.put(&owner, &name, &record).map(drop));
    written.await.map_err(|e: crate::storage::store::StoreError| ServiceError::of_store(&e))?;
    call.reload(&account, &id)?;
    let found = call.key(&id, Named::ByKey)?;
    Ok(answer(&json!({"KeyMetadata": metadata(&found.key)})))
}

fn check_description(text: &str) -> Result<(), ServiceError> {
    if text.chars().count() <= LONGEST_DESCRIPTION {
        return Ok(());
    }
    Err(invalid(format!("'description' is longer than {LONGEST_DESCRIPTION} characters.")))
}

/// A key as answers show it.
fn metadata(key: &Key) -> Value {
    let record = &key.record;
    let (state, deletion) = match record.state {
        KeyState::Enabled => ("Enabled", None),
        KeyState::Disabled => ("Disabled", None),
        KeyState::PendingDeletion(at) => ("PendingDeletion", Some(at)),
    };
    let mut shown = json!({
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": time(record.created_ms),
        "Enabled": state == "Enabled",
        "Description": record.description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": state,
        "Origin": "AWS_KMS",
        "KeyManager": if record.managed_by.is_some() { "AWS" } else { "CUSTOMER" },
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": false,
        "CurrentKeyMaterialId": record.current().map(MaterialRecord::shown_id),
    });
    if let (Some(at), Some(members)) = (deletion, shown.as_object_mut()) {
        members.insert("DeletionDate".to_owned(), time(at));
    }
    shown
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    key_id: String,
    #[serde(default)]
    grant_tokens: Vec<String>,
}

pub(super) async fn describe(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Describe = input(call)?;
    check_tokens(call, &asked.grant_tokens)?;
    let found = call.found::<o::DescribeKey>(&asked.key_id, Named::Anyhow).await?;
    call.may::<o::DescribeKey>(&found, Vec::new()).await?;
    Ok(answer(&json!({"KeyMetadata": metadata(&found.key)})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    limit: Option<u64>,
    marker: Option<String>,
    #[serde(default)]
    resource_owners: Vec<String>,
}

pub(super) async fn list(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: List = input(call)?;
    call.authorize::<o::ListKeys>(&[]).await?;
    if let Some(other) = asked.resource_owners.iter().find(|owner| *owner != "SELF") {
        return Err(unsupported(&format!("ResourceOwners {other}")));
    }
    let page = Page::new(asked.limit, asked.marker.as_deref(), 100, 1000)?;
    let keys = call.server.keys().of_account(call.account());
    let show = |key: &std::sync::Arc<Key>| json!({"KeyId": key.id, "KeyArn": key.arn});
    Ok(answer(&page.cut(keys.into_iter(), |key| key.id.clone(), "Keys", show)))
}

pub(super) async fn enable(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: OfKey = input(call)?;
    let found = call.found::<o::EnableKey>(&asked.key_id, Named::ByKey).await?;
    let grant = call.may::<o::EnableKey>(&found, Vec::new()).await?;
    set_state(call, &grant, &found.key, KeyState::Enabled).await
}

pub(super) async fn disable(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: OfKey = input(call)?;
    let found = call.found::<o::DisableKey>(&asked.key_id, Named::ByKey).await?;
    let grant = call.may::<o::DisableKey>(&found, Vec::new()).await?;
    set_state(call, &grant, &found.key, KeyState::Disabled).await
}

async fn set_state<O: crate::gate::ServiceOperation>(
    call: &ServiceCall,
    grant: &crate::gate::Authorized<O>,
    key: &Key,
    state: KeyState,
) -> Result<Reply, ServiceError> {
    key.not_pending()?;
    let arn = key.arn.clone();
    call.change(grant, key, move |record| {
        // It may be on its way out by now.
        if matches!(record.state, KeyState::PendingDeletion(_)) {
            return Err(wrong_state(format!("{arn} is pending deletion.")));
        }
        record.state = state;
        Ok(())
    })
    .await?;
    Ok(nothing())
}

fn wrong_state(message: String) -> ServiceError {
    ServiceError::bad("KMSInvalidStateException", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Schedule {
    key_id: String,
    pending_window_in_days: Option<u32>,
}

pub(super) async fn schedule_deletion(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Schedule = input(call)?;
    let days = asked.pending_window_in_days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(invalid("'pendingWindowInDays' must be from 7 to 30."));
    }
    let found = call.found::<o::ScheduleKeyDeletion>(&asked.key_id, Named::ByKey).await?;
    let brings = vec![("kms:ScheduleKeyDeletionPendingWindowInDays".to_owned(), vec![days.to_string()])];
    let grant = call.may::<o::ScheduleKeyDeletion>(&found, brings).await?;
    found.key.not_pending()?;
    let at = call.now_ms.saturating_add(i64::from(days) * DAY_MS);
    let arn = found.key.arn.clone();
    call.change(&grant, &found.key, move |record| {
        if matches!(record.state, KeyState::PendingDeletion(_)) {
            return Err(wrong_state(format!("{arn} is pending deletion.")));
        }
        record.state = KeyState::PendingDeletion(at);
        Ok(())
    })
    .await?;
    Ok(answer(&json!({
        "KeyId": found.key.arn,
        "DeletionDate": time(at),
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    })))
}

pub(super) async fn cancel_deletion(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: OfKey = input(call)?;
    let found = call.found::<o::CancelKeyDeletion>(&asked.key_id, Named::ByKey).await?;
    let grant = call.may::<o::CancelKeyDeletion>(&found, Vec::new()).await?;
    let arn = found.key.arn.clone();
    call.change(&grant, &found.key, move |record| {
        if !matches!(record.state, KeyState::PendingDeletion(_)) {
            return Err(wrong_state(format!("{arn} is not pending deletion.")));
        }
        record.state = KeyState::Disabled;
        Ok(())
    })
    .await?;
    Ok(answer(&json!({"KeyId": found.key.arn})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describing {
    key_id: String,
    description: String,
}

pub(super) async fn update_description(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Describing = input(call)?;
    check_description(&asked.description)?;
    let found = call.found::<o::UpdateKeyDescription>(&asked.key_id, Named::ByKey).await?;
    let grant = call.may::<o::UpdateKeyDescription>(&found, Vec::new()).await?;
    found.key.not_pending()?;
    call.change(&grant, &found.key, move |record| {
        record.description.clone_from(&asked.description);
        Ok(())
    })
    .await?;
    Ok(nothing())
}
