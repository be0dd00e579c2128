//! Every operation of the table, by callers who may and callers who may not.

use crate::cast::{ARN, KEY, Scene, base64, call, done, refused, sealed};
use portcullis::gate::services::{Service, kms};
use serde_json::{Value, json};

/// A request for each operation that only permissions could refuse.
fn request(operation: &str, blob: &str, grant: &Value) -> Value {
    let key = json!({"KeyId": KEY});
    match operation {
        "CreateKey" => json!({"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        "ListKeys" | "ListAliases" => json!({}),
        "CreateAlias" => json!({"AliasName": "alias/new", "TargetKeyId": KEY}),
        "UpdateAlias" => json!({"AliasName": "alias/reports", "TargetKeyId": KEY}),
        "DeleteAlias" => json!({"AliasName": "alias/reports"}),
        "PutKeyPolicy" => json!({"KeyId": KEY, "Policy": policy()}),
        "Encrypt" => json!({"KeyId": KEY, "Plaintext": base64(b"x")}),
        "Decrypt" => json!({"CiphertextBlob": blob}),
        "ReEncrypt" => json!({"CiphertextBlob": blob, "DestinationKeyId": KEY}),
        "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => json!({"KeyId": KEY, "KeySpec": "AES_256"}),
        "GenerateRandom" => json!({"NumberOfBytes": 8}),
        "CreateGrant" => {
            json!({"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::777788889999:root", "Operations": ["Decrypt"]})
        }
        "ListRetirableGrants" => json!({"RetiringPrincipal": "arn:aws:iam::111122223333:root"}),
        "RetireGrant" | "RevokeGrant" => json!({"KeyId": KEY, "GrantId": grant}),
        "UpdateKeyDescription" => json!({"KeyId": KEY, "Description": "x"}),
        "TagResource" => json!({"KeyId": KEY, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        "UntagResource" => json!({"KeyId": KEY, "TagKeys": ["a"]}),
        _ => key,
    }
}

fn policy() -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}]})
    .to_string()
}

#[test]
fn every_operation_is_refused_without_its_permission() {
    let scene = Scene::new();
    let root = scene.kms("root");
    let blob = sealed(&root, KEY, "x", &json!({}));
    let granted =
        json!({"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::777788889999:root", "Operations": ["Encrypt"]});
    let grant = done(&root, "CreateGrant", &granted)["GrantId"].clone();
    for row in Service::Kms.table() {
        let mut input = request(row.name, &blob, &grant);
        let (code, sentence) = refused(&scene.kms("alice"), row.name, &input);
        assert_eq!(code, "AccessDeniedException", "{}: {sentence}", row.name);
        let action = row.needs.first().expect("a need").action;
        assert!(sentence.contains("user/alice") && sentence.contains(action), "{}: {sentence}", row.name);
        // Another account: whatever it may do at home, the key is not its own. It names the key by its ARN.
        for (member, was) in [("KeyId", KEY), ("TargetKeyId", KEY), ("DestinationKeyId", KEY)] {
            if input.get(member) == Some(&json!(was)) {
                input[member] = json!(ARN);
            }
        }
        if row.needs.iter().any(|need| matches!(need.on, "key" | "source" | "destination"))
            && !row.name.ends_with("Alias")
        {
            let (code, sentence) = refused(&scene.kms("other"), row.name, &input);
            assert_eq!(code, "AccessDeniedException", "{}: {sentence}", row.name);
            assert!(!sentence.contains("because"), "others learn nothing: {sentence}");
        }
    }
}

#[test]
fn every_operation_is_done_with_its_permission() {
    let scene = Scene::new();
    let bob = scene.kms("bob");
    let blob = sealed(&bob, KEY, "x", &json!({}));
    let granted =
        json!({"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::777788889999:root", "Operations": ["Encrypt"]});
    for operation in kms::KmsOperation::ALL {
        let name = operation.row().name;
        let grant = done(&bob, "CreateGrant", &granted)["GrantId"].clone();
        if name == "CancelKeyDeletion" {
            done(&bob, "ScheduleKeyDeletion", &json!({"KeyId": KEY}));
        }
        let answer = call(&bob, name, &request(name, &blob, &grant));
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        // The next one finds the key as this one found it.
        if name == "ScheduleKeyDeletion" {
            done(&bob, "CancelKeyDeletion", &json!({"KeyId": KEY}));
        }
        if matches!(name, "DisableKey" | "ScheduleKeyDeletion" | "CancelKeyDeletion") {
            done(&bob, "EnableKey", &json!({"KeyId": KEY}));
        }
    }
}
