//! KMS's part: read.

use super::Reading;
use crate::decision::KeyGrant;
use crate::edges::client::{Client, ClientError};
use crate::edges::inventory::{Key, beside};
use crate::words::arn::Arn;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn text(of: &Value, name: &str) -> String {
    of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn items<'v>(of: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

impl Client {
    /// KMS keys, without those that AWS manages; with `all`, whether they have settings that no format holds.
    pub(super) async fn read_keys(&self, all: bool, reading: &mut Reading) {
        let keys = self.kms_list("ListKeys", json!({}), "Keys").await;
        let Some(keys) = reading.take("keys", keys) else { return };
        let aliases = self.kms_list("ListAliases", json!({}), "Aliases").await;
        let nameless = aliases.is_err();
        let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for alias in reading.take("aliases of keys", aliases).unwrap_or_default() {
            named.entry(text(&alias, "TargetKeyId")).or_default().push(text(&alias, "AliasName"));
        }
        for entry in keys {
            let (id, arn) = (text(&entry, "KeyId"), text(&entry, "KeyArn"));
            let aliases = named.remove(&id).unwrap_or_default();
            let described = self.ask_kms("DescribeKey", &json!({"KeyId": id})).await;
            let Some(described) = reading.take(&format!("key {id}"), described) else { continue };
            let metadata = described.get("KeyMetadata").cloned().unwrap_or_default();
            if text(&metadata, "KeyManager") == "AWS" {
                continue;
            }
            if text(&metadata, "KeyState") == "PendingDeletion" {
                reading.left_out.push(format!("key {id}: it is about to be deleted"));
                continue;
            }
            if all {
                let settings = self.key_settings(&id, &metadata).await;
                reading.left_out.extend(beside(&format!("key {id}"), &settings));
            }
            for alias in aliases.iter().skip(1) {
                reading.left_out.push(format!("key {id}: its further alias {alias}"));
            }
            let unread = reading.unread.len();
            let key = self.read_key(&id, reading).await;
            if nameless || reading.unread.len() > unread {
                reading.partial.keys.insert(id.clone());
            }
            let region = Arn::parse(&arn).map(|arn| arn.region.to_owned());
            reading.inventory.keys.insert(id, Key { region, aliases, ..key });
        }
    }

    /// What a key has that is no part of an inventory. What may not be asked for is no error: nothing is lost that an
    /// export would have.
    async fn key_settings(&self, id: &str, metadata: &Value) -> Vec<&'static str> {
        let mut found = Vec::new();
        found.extend((!text(metadata, "Description").is_empty()).then_some("description"));
        found.extend((text(metadata, "KeyState") == "Disabled").then_some("that it is disabled"));
        match self.ask_kms("ListResourceTags", &json!({"KeyId": id})).await {
            Ok(answer) => found.extend(items(&answer, "Tags").next().map(|_| "tags")),
            Err(_) => found.push("tags (not known)"),
        }
        match self.ask_kms("GetKeyRotationStatus", &json!({"KeyId": id})).await {
            Ok(answer) => found.extend((answer.get("KeyRotationEnabled") == Some(&json!(true))).then_some("rotation")),
            Err(_) => found.push("rotation (not known)"),
        }
        found
    }

    async fn read_key(&self, id: &str, reading: &mut Reading) -> Key {
        let policy = self.ask_kms("GetKeyPolicy", &json!({"KeyId": id, "PolicyName": "default"})).await;
        let policy = reading.take(&format!("the policy of key {id}"), policy);
        let grants = self.kms_list("ListGrants", json!({"KeyId": id}), "Grants").await;
        let grants = reading.take(&format!("the grants of key {id}"), grants).unwrap_or_default();
        Key {
            policy: policy.map(|answer| text(&answer, "Policy")),
            grants: grants.iter().map(grant).collect(),
            ..Key::default()
        }
    }

    /// All entries of a list.
    async fn kms_list(&self, operation: &str, mut input: Value, member: &str) -> Result<Vec<Value>, ClientError> {
        let mut all = Vec::new();
        loop {
            let page = self.ask_kms(operation, &input).await?;
            all.extend(items(&page, member).cloned());
            if page.get("Truncated").and_then(Value::as_bool) != Some(true) {
                return Ok(all);
            }
            let next = page.get("NextMarker").cloned().unwrap_or_default();
            let same = input.get("Marker") == Some(&next) || !next.is_string();
            match input.as_object_mut() {
                Some(members) if !same => members.insert("Marker".to_owned(), next),
                _ => return Err(ClientError::Answer("its next page is the same again".to_owned())),
            };
        }
    }
}

fn grant(of: &Value) -> KeyGrant {
    let constraints = of.get("Constraints");
    let pairs = |name: &str| {
        let members = constraints?.get(name)?.as_object()?;
        let pair = |(name, value): (&String, &Value)| (name.clone(), value.as_str().unwrap_or_default().to_owned());
        Some(members.iter().map(pair).collect())
    };
    KeyGrant {
        grantee: text(of, "GranteePrincipal"),
        operations: items(of, "Operations").filter_map(Value::as_str).map(str::to_owned).collect(),
        context_equals: pairs("EncryptionContextEquals"),
        context_subset: pairs("EncryptionContextSubset"),
    }
}
