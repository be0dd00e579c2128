//! Rotation: new material seals what is new, earlier material opens what it sealed for ever.
//!
//! Source: KMS Developer Guide, "Rotate AWS KMS keys".

use super::keys::OfKey;
use super::wire::{Page, answer, input, invalid, limit, nothing, time};
use crate::edges::server::kms::Named;
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::gate::services::kms as o;
use crate::storage::store::kms::{KeyState, MaterialOrigin, MaterialRecord, Rotation};
use serde::Deserialize;
use serde_json::{Value, json};

const DAY_MS: i64 = 86_400_000;
/// Rotations that may be asked for in the life of a key.
const MOST_ON_DEMAND: usize = 25;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Enable {
    key_id: String,
    rotation_period_in_days: Option<u32>,
}

pub(super) async fn enable(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Enable = input(call)?;
    let period_days = asked.rotation_period_in_days.unwrap_or(365);
    if !(90..=2560).contains(&period_days) {
        return Err(invalid("'rotationPeriodInDays' must be from 90 to 2560."));
    }
    let found = call.found::<o::EnableKeyRotation>(&asked.key_id, Named::ByKey).await?;
    let said =
        asked.rotation_period_in_days.map(|days| ("kms:RotationPeriodInDays".to_owned(), vec![days.to_string()]));
    let grant = call.may::<o::EnableKeyRotation>(&found, said.into_iter().collect()).await?;
    found.key.usable()?;
    let next_ms = call.now_ms.saturating_add(i64::from(period_days) * DAY_MS);
    call.change(&grant, &found.key, move |record| {
        // Enabling it again with the same period changes nothing.
        if record.rotation.is_none_or(|rotation| rotation.period_days != period_days) {
            record.rotation = Some(Rotation { period_days, next_ms });
        }
        Ok(())
    })
    .await?;
    Ok(nothing())
}

pub(super) async fn disable(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: OfKey = input(call)?;
    let found = call.found::<o::DisableKeyRotation>(&asked.key_id, Named::ByKey).await?;
    let grant = call.may::<o::DisableKeyRotation>(&found, Vec::new()).await?;
    found.key.usable()?;
    call.change(&grant, &found.key, |record| {
        record.rotation = None;
        Ok(())
    })
    .await?;
    Ok(nothing())
}

pub(super) async fn status(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: OfKey = input(call)?;
    let found = call.found::<o::GetKeyRotationStatus>(&asked.key_id, Named::ByKey).await?;
    call.may::<o::GetKeyRotationStatus>(&found, Vec::new()).await?;
    found.key.not_pending()?;
    let rotation = found.key.record.rotation;
    let mut shown = json!({"KeyId": found.key.arn, "KeyRotationEnabled": rotation.is_some()});
    if let (Some(rotation), Some(members)) = (rotation, shown.as_object_mut()) {
        members.insert("RotationPeriodInDays".to_owned(), Value::from(rotation.period_days));
        members.insert("NextRotationDate".to_owned(), time(rotation.next_ms));
    }
    Ok(answer(&shown))
}

pub(super) async fn rotate(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: OfKey = input(call)?;
    let found = call.found::<o::RotateKeyOnDemand>(&asked.key_id, Named::ByKey).await?;
    let grant = call.may::<o::RotateKeyOnDemand>(&found, Vec::new()).await?;
    found.key.usable()?;
    let (store, now_ms, arn) = (call.server.store().clone(), call.now_ms, found.key.arn.clone());
    call.change(&grant, &found.key, move |record| {
        if record.state != KeyState::Enabled {
            let message = format!("{arn} is not enabled any more.");
            return Err(ServiceError::bad("KMSInvalidStateException", message));
        }
        let asked_for = record.materials.iter().filter(|m| m.origin == MaterialOrigin::OnDemand).count();
        if asked_for >= MOST_ON_DEMAND {
            return Err(limit(format!("{arn} was rotated {MOST_ON_DEMAND} times on demand.")));
        }
        Ok(record.rotate(&store, MaterialOrigin::OnDemand, now_ms)?)
    })
    .await?;
    Ok(answer(&json!({"KeyId": found.key.arn})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    key_id: String,
    include_key_material: Option<String>,
    limit: Option<u64>,
    marker: Option<String>,
}

pub(super) async fn list(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: List = input(call)?;
    let all = match asked.include_key_material.as_deref() {
        None | Some("ROTATIONS_ONLY") => false,
        Some("ALL_KEY_MATERIAL") => true,
        Some(other) => return Err(invalid(format!("'includeKeyMaterial' cannot be {other}."))),
    };
    let found = call.found::<o::ListKeyRotations>(&asked.key_id, Named::ByKey).await?;
    call.may::<o::ListKeyRotations>(&found, Vec::new()).await?;
    found.key.not_pending()?;
    let page = Page::new(asked.limit, asked.marker.as_deref(), 100, 1000)?;
    let current = found.key.record.current().map(|m| m.version);
    let show = |material: &&MaterialRecord| {
        let mut shown = json!({
            "KeyId": found.key.id,
            "KeyMaterialId": material.shown_id(),
            "KeyMaterialState": if current == Some(material.version) { "CURRENT" } else { "NON_CURRENT" },
        });
        let kind = match material.origin {
            MaterialOrigin::Created => None,
            MaterialOrigin::Automatic => Some("AUTOMATIC"),
            MaterialOrigin::OnDemand => Some("ON_DEMAND"),
        };
        if let (Some(kind), Some(members)) = (kind, shown.as_object_mut()) {
            members.insert("RotationDate".to_owned(), time(material.created_ms));
            members.insert("RotationType".to_owned(), Value::from(kind));
        }
        shown
    };
    let materials = found.key.record.materials.iter();
    let materials = materials.filter(|material| all || material.origin != MaterialOrigin::Created);
    Ok(answer(&page.cut(materials, |material| format!("{:010}", material.version), "Rotations", show)))
}
