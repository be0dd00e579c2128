//! KMS.

use super::super::cast::{REGION, policy};
use super::{Ask, Input, Stage};
use portcullis::gate::services::ServiceRow;
use serde_json::{Value, json};

/// What a grant can allow.
pub const GRANTABLE: [&str; 9] = [
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
];

impl Stage<'_> {
    /// A new key's ARN.
    fn key(&self) -> String {
        let mut input = json!({"Tags": [{"TagKey": "team", "TagValue": "red"}]});
        if let Some(policy) = &self.key_policy {
            input["Policy"] = json!(policy.to_string());
        }
        let made = self.make_key_thing("CreateKey", &input);
        let arn = made.and_then(|made| made["KeyMetadata"]["Arn"].as_str().map(str::to_owned));
        let arn = arn.unwrap_or_else(|| self.key_arn("00000000-0000-4000-8000-000000000000"));
        if self.key_policy.is_some() {
            let grantee = self.house.arn("user/grantee");
            self.make_key_thing(
                "CreateGrant",
                &json!({"KeyId": arn, "GranteePrincipal": grantee, "Operations": GRANTABLE}),
            );
        }
        arn
    }

    fn key_arn(&self, id: &str) -> String {
        format!("arn:aws:kms:{REGION}:{}:key/{id}", self.house.account)
    }

    fn alias(&self) -> (String, String) {
        let name = format!("alias/{}", self.name);
        let arn = format!("arn:aws:kms:{REGION}:{}:{name}", self.house.account);
        (name, arn)
    }

    /// A key with an alias.
    fn key_with_alias(&self) -> String {
        let key = self.key();
        self.make_key_thing("CreateAlias", &json!({"AliasName": self.alias().0, "TargetKeyId": key}));
        key
    }

    fn sealed(&self, key: &str) -> Value {
        let made = self.make_key_thing("Encrypt", &json!({"KeyId": key, "Plaintext": "YQ=="}));
        made.map_or(json!("YQ=="), |made| made["CiphertextBlob"].clone())
    }

    /// The id of a grant whose grantee may retire it.
    fn granted(&self, key: &str) -> Value {
        let input = json!({"KeyId": key, "GranteePrincipal": self.house.arn("user/grantee"), "Name": "this-one",
            "Operations": ["Encrypt", "RetireGrant"]});
        self.make_key_thing("CreateGrant", &input).map_or(json!("none"), |made| made["GrantId"].clone())
    }

    /// Does something to a key before it is asked about.
    fn after(&self, operation: &str) -> String {
        let key = self.key();
        self.make_key_thing(operation, &json!({"KeyId": key}));
        key
    }

    pub(super) fn kms(&self, row: &'static ServiceRow, variant: &[&str]) -> Ask {
        let with = |key: String, mut input: Value| {
            input["KeyId"] = json!(key);
            (input, vec![("key", key)])
        };
        let none = |input: Value| (input, Vec::new());
        let (alias, alias_arn) = self.alias();
        let (mut input, on) = match row.name {
            "CreateKey" | "ListKeys" | "ListAliases" => none(json!({})),
            "GenerateRandom" => none(json!({"NumberOfBytes": 8})),
            "ListRetirableGrants" => none(json!({"RetiringPrincipal": self.house.arn("root")})),
            "DescribeKey"
            | "DisableKey"
            | "ScheduleKeyDeletion"
            | "GetKeyPolicy"
            | "ListKeyPolicies"
            | "ListGrants"
            | "EnableKeyRotation"
            | "GetKeyRotationStatus"
            | "RotateKeyOnDemand"
            | "ListKeyRotations"
            | "ListResourceTags" => with(self.key(), json!({})),
            "EnableKey" => with(self.after("DisableKey"), json!({})),
            "CancelKeyDeletion" => with(self.after("ScheduleKeyDeletion"), json!({})),
            "DisableKeyRotation" => with(self.after("EnableKeyRotation"), json!({})),
            "UpdateKeyDescription" => with(self.key(), json!({"Description": "new"})),
            "CreateAlias" => {
                let key = self.key();
                (json!({"AliasName": alias, "TargetKeyId": key}), vec![("alias", alias_arn), ("key", key)])
            }
            "UpdateAlias" => {
                let (before, after) = (self.key_with_alias(), self.key());
                let on = vec![("alias", alias_arn), ("key", before), ("key", after.clone())];
                (json!({"AliasName": alias, "TargetKeyId": after}), on)
            }
            "DeleteAlias" => {
                let key = self.key_with_alias();
                (json!({"AliasName": alias}), vec![("alias", alias_arn), ("key", key)])
            }
            "PutKeyPolicy" => {
                let mut new = policy("Allow", &json!("kms:*"), &json!("*"));
                new["Statement"][0]["Principal"] = json!({"AWS": self.house.arn("root")});
                new["Id"] = json!("new");
                let input = json!({"Policy": new.to_string(), "BypassPolicyLockoutSafetyCheck": true});
                with(self.key(), input)
            }
            "Encrypt" => with(self.key(), json!({"Plaintext": "YQ=="})),
            "Decrypt" => {
                let key = self.key();
                let blob = self.sealed(&key);
                with(key, json!({"CiphertextBlob": blob}))
            }
            "ReEncrypt" => {
                let (from, to) = (self.key(), self.key());
                let input = json!({"CiphertextBlob": self.sealed(&from), "DestinationKeyId": to});
                (input, vec![("source", from), ("destination", to)])
            }
            "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => with(self.key(), json!({"KeySpec": "AES_256"})),
            "CreateGrant" => {
                let grantee = self.house.arn("root");
                with(self.key(), json!({"GranteePrincipal": grantee, "Operations": ["Decrypt"]}))
            }
            "RetireGrant" | "RevokeGrant" => {
                let key = self.key();
                let grant = self.granted(&key);
                with(key, json!({"GrantId": grant}))
            }
            "TagResource" => with(self.key(), json!({"Tags": [{"TagKey": "new", "TagValue": "x"}]})),
            "UntagResource" => with(self.key(), json!({"TagKeys": ["team"]})),
            other => panic!("{other} has no recipe: say here how it is asked"),
        };
        if variant.contains(&"tags") {
            input["Tags"] = json!([{"TagKey": "team", "TagValue": "red"}]);
        }
        Ask { row, input: Input::Json(input), on }
    }
}
