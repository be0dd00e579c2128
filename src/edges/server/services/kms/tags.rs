//! Tags of keys.

use super::wire::{Page, Tag, answer, input, limit, nothing};
use crate::edges::server::kms::Named;
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::gate::services::kms as o;
use crate::simulate::world::ContextKeys;
use serde::Deserialize;
use serde_json::json;

/// Tags that a key may have.
const MOST: usize = 50;

fn wrong(message: String) -> ServiceError {
    ServiceError::bad("TagException", message)
}

/// Tags within KMS's limits, each key once.
pub(super) fn checked_tags(sent: Vec<Tag>) -> Result<Vec<(String, String)>, ServiceError> {
    let mut tags: Vec<(String, String)> = Vec::with_capacity(sent.len());
    for Tag { tag_key, tag_value } in sent {
        check_key(&tag_key)?;
        if tag_value.chars().count() > 256 {
            return Err(wrong(format!("The value of the tag {tag_key} is longer than 256 characters.")));
        }
        if tags.iter().any(|(key, _)| *key == tag_key) {
            return Err(wrong(format!("The tag {tag_key} comes twice.")));
        }
        tags.push((tag_key, tag_value));
    }
    within_limit(&tags)?;
    Ok(tags)
}

fn check_key(key: &str) -> Result<(), ServiceError> {
    if key.is_empty() || key.chars().count() > 128 {
        return Err(wrong(format!("The tag key '{key}' has not from 1 to 128 characters.")));
    }
    if key.to_lowercase().starts_with("aws:") {
        return Err(wrong(format!("The tag key {key} begins with aws:, which is for AWS.")));
    }
    Ok(())
}

fn within_limit(tags: &[(String, String)]) -> Result<(), ServiceError> {
    if tags.len() > MOST { Err(limit(format!("A key has at most {MOST} tags."))) } else { Ok(()) }
}

/// The condition keys of tags that a request sets.
pub(super) fn request_tags(tags: &[(String, String)]) -> ContextKeys {
    if tags.is_empty() {
        return Vec::new();
    }
    let keys = tags.iter().map(|(key, _)| key.clone()).collect();
    let one = |(key, value): &(String, String)| (format!("aws:RequestTag/{key}"), vec![value.clone()]);
    tags.iter().map(one).chain([("aws:TagKeys".to_owned(), keys)]).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Set {
    key_id: String,
    tags: Vec<Tag>,
}

pub(super) async fn tag(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Set = input(call)?;
    let tags = checked_tags(asked.tags)?;
    let found = call.found::<o::TagResource>(&asked.key_id, Named::ByKey).await?;
    let grant = call.may::<o::TagResource>(&found, request_tags(&tags)).await?;
    found.key.not_pending()?;
    call.change(&grant, &found.key, move |record| {
        for (key, value) in &tags {
            match record.tags.iter_mut().find(|(there, _)| there == key) {
                Some((_, there)) => there.clone_from(value),
                None => record.tags.push((key.clone(), value.clone())),
            }
        }
        within_limit(&record.tags)
    })
    .await?;
    Ok(nothing())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Unset {
    key_id: String,
    tag_keys: Vec<String>,
}

pub(super) async fn untag(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Unset = input(call)?;
    asked.tag_keys.iter().try_for_each(|key| check_key(key))?;
    let found = call.found::<o::UntagResource>(&asked.key_id, Named::ByKey).await?;
    let brings = vec![("aws:TagKeys".to_owned(), asked.tag_keys.clone())];
    let grant = call.may::<o::UntagResource>(&found, brings).await?;
    found.key.not_pending()?;
    call.change(&grant, &found.key, move |record| {
        record.tags.retain(|(key, _)| !asked.tag_keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(nothing())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    key_id: String,
    limit: Option<u64>,
    marker: Option<String>,
}

pub(super) async fn list(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: List = input(call)?;
    let found = call.found::<o::ListResourceTags>(&asked.key_id, Named::ByKey).await?;
    call.may::<o::ListResourceTags>(&found, Vec::new()).await?;
    let page = Page::new(asked.limit, asked.marker.as_deref(), 50, 50)?;
    let mut tags = found.key.record.tags.clone();
    tags.sort();
    let show = |(key, value): &(String, String)| json!({"TagKey": key, "TagValue": value});
    Ok(answer(&page.cut(tags.into_iter(), |(key, _)| key.clone(), "Tags", show)))
}
