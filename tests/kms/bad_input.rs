//! Ciphertexts and grant tokens that were changed or are another's, and documents that are too long.

use crate::cast::{ARN, KEY, Scene, base64, done, opened, refused, sealed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

#[test]
fn ciphertexts_that_were_changed_or_are_anothers_open_nothing() {
    let (scene, elsewhere) = (Scene::new(), Scene::new());
    let root = scene.kms("root");
    let blob = sealed(&root, KEY, "hello", &json!({}));
    let bytes = STANDARD.decode(&blob).expect("base64");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let (code, sentence) = refused(&root, "Decrypt", &json!({"CiphertextBlob": base64(&changed)}));
        // Where the key's name was changed it is some other key, of which nothing is told.
        let known = code == "InvalidCiphertextException" && sentence.contains("ciphertext");
        assert!(known || code == "AccessDeniedException", "byte {at}: {code} {sentence}");
    }
    for length in [1, 10, bytes.len() - 1] {
        let cut = json!({"CiphertextBlob": base64(&bytes[..length])});
        assert_eq!(refused(&root, "Decrypt", &cut).0, "InvalidCiphertextException", "{length} bytes");
    }
    // The same key id on another server, and a key of another account.
    let theirs = sealed(&elsewhere.kms("root"), KEY, "hello", &json!({}));
    assert_eq!(refused(&root, "Decrypt", &json!({"CiphertextBlob": theirs})).0, "InvalidCiphertextException");
    let other = scene.kms("other");
    assert_eq!(refused(&other, "Decrypt", &json!({"CiphertextBlob": blob})).0, "AccessDeniedException");
    assert_eq!(opened(&root, &blob, &json!({})), "hello");
}

#[test]
fn documents_beyond_kms_limits_are_refused() {
    let scene = Scene::new();
    let root = scene.kms("root");
    let before = done(&root, "GetKeyPolicy", &json!({"KeyId": KEY}));
    let mut policy: Value = serde_json::from_str(before["Policy"].as_str().expect("a policy")).expect("JSON");
    policy["Statement"][0]["Sid"] = json!("x".repeat(32_768));
    let (code, sentence) = refused(&root, "PutKeyPolicy", &json!({"KeyId": KEY, "Policy": policy.to_string()}));
    assert_eq!(code, "LimitExceededException", "{sentence}");
    assert!(sentence.contains("32768"), "{sentence}");
    assert_eq!(refused(&root, "CreateKey", &json!({"Policy": policy.to_string()})).0, "LimitExceededException");
    assert_eq!(done(&root, "GetKeyPolicy", &json!({"KeyId": KEY})), before);
    let long = "x".repeat(8193);
    let (code, sentence) = refused(&root, "UpdateKeyDescription", &json!({"KeyId": KEY, "Description": long}));
    assert!(code == "ValidationException" && sentence.contains("8192"), "{sentence}");
    let tags: Vec<Value> = (0..51).map(|n| json!({"TagKey": format!("k{n}"), "TagValue": ""})).collect();
    assert_eq!(refused(&root, "TagResource", &json!({"KeyId": KEY, "Tags": tags})).0, "LimitExceededException");
}

#[test]
fn a_grant_token_is_good_for_its_own_grant() {
    let (scene, elsewhere) = (Scene::new(), Scene::new());
    let wanted = json!({"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::111122223333:user/alice",
        "Operations": ["Encrypt"]});
    let given = done(&scene.kms("root"), "CreateGrant", &wanted);
    let foreign = done(&elsewhere.kms("root"), "CreateGrant", &wanted)["GrantToken"].clone();
    let root = scene.kms("root");
    for (operation, mut input) in [
        ("RetireGrant", json!({})),
        ("Encrypt", json!({"KeyId": KEY, "Plaintext": "YQ=="})),
        ("DescribeKey", json!({"KeyId": KEY})),
    ] {
        let member = if operation == "RetireGrant" { "GrantToken" } else { "GrantTokens" };
        input[member] = if operation == "RetireGrant" { foreign.clone() } else { json!([foreign]) };
        assert_eq!(refused(&root, operation, &input).0, "InvalidGrantTokenException", "{operation}");
    }
    // Another account has no business with it, and learns nothing of it but that.
    let token = json!({"GrantToken": given["GrantToken"]});
    assert_eq!(refused(&scene.kms("other"), "RetireGrant", &token).0, "AccessDeniedException");
    let grants = done(&root, "ListGrants", &json!({"KeyId": ARN}));
    assert_eq!(grants["Grants"][0]["GrantId"], given["GrantId"]);
}
