//! Keys, aliases, policies, grants, rotation.

use crate::cast::{ARN, KEY, Scene, base64, call, done, opened, refused, sealed};
use crate::support::Server;
use serde_json::{Value, json};

#[test]
fn a_key_opens_what_it_sealed_in_the_same_context() {
    let scene = Scene::new();
    let root = scene.kms("root");
    let context = json!({"app": "x", "team": "red"});
    let blob = sealed(&root, "alias/reports", "hello", &context);
    assert_eq!(opened(&root, &blob, &context), "hello");
    for wrong in [json!({}), json!({"app": "x"}), json!({"app": "x", "team": "Red"})] {
        let input = json!({"CiphertextBlob": blob, "EncryptionContext": wrong});
        assert_eq!(refused(&root, "Decrypt", &input).0, "InvalidCiphertextException", "{wrong}");
    }
    let other = done(&root, "CreateKey", &json!({}))["KeyMetadata"]["KeyId"].clone();
    let input = json!({"CiphertextBlob": blob, "EncryptionContext": context, "KeyId": other});
    assert_eq!(refused(&root, "Decrypt", &input).0, "IncorrectKeyException");
    let moved = json!({"CiphertextBlob": blob, "SourceEncryptionContext": context, "DestinationKeyId": other});
    let moved = done(&root, "ReEncrypt", &moved);
    assert_eq!(moved["SourceKeyId"], ARN);
    assert_eq!(opened(&root, moved["CiphertextBlob"].as_str().expect("a ciphertext"), &json!({})), "hello");
    let key = done(&root, "GenerateDataKey", &json!({"KeyId": ARN, "KeySpec": "AES_256"}));
    let again = done(&root, "Decrypt", &json!({"CiphertextBlob": key["CiphertextBlob"]}));
    assert_eq!(again["Plaintext"], key["Plaintext"]);
    let hidden = done(&root, "GenerateDataKeyWithoutPlaintext", &json!({"KeyId": ARN, "NumberOfBytes": 7}));
    assert!(hidden.get("Plaintext").is_none() && hidden["CiphertextBlob"].is_string());
}

#[test]
fn bad_input_is_named_and_changes_nothing() {
    let scene = Scene::new();
    let root = scene.kms("root");
    let long = base64(&[0; 4097]);
    let blob = base64(b"no ciphertext");
    for (operation, input, code, what) in [
        ("DescribeKey", json!({}), "ValidationException", "KeyId"),
        ("DescribeKey", json!({"KeyId": KEY, "Foo": 1}), "ValidationException", "Foo"),
        ("DescribeKey", json!({"KeyId": "alias/nope"}), "NotFoundException", "alias/nope"),
        ("DescribeKey", json!({"KeyId": "nope"}), "NotFoundException", "nope"),
        ("DescribeKey", json!({"KeyId": "arn:aws:s3:::x"}), "InvalidArnException", "arn:aws:s3:::x"),
        ("DescribeKey", json!({"KeyId": ARN.replace("us-east-1", "eu-west-1")}), "NotFoundException", "eu-west-1"),
        ("EnableKey", json!({"KeyId": "alias/reports"}), "NotFoundException", "alias/reports"),
        ("Encrypt", json!({"KeyId": KEY, "Plaintext": long}), "ValidationException", "plaintext"),
        ("Encrypt", json!({"KeyId": KEY, "Plaintext": "!"}), "ValidationException", "base64"),
        ("Encrypt", json!({"KeyId": KEY, "Plaintext": ""}), "ValidationException", "plaintext"),
        (
            "Encrypt",
            json!({"KeyId": KEY, "Plaintext": "YQ==", "EncryptionContext": {"a": "1", "A": "2"}}),
            "ValidationException",
            "twice",
        ),
        (
            "Encrypt",
            json!({"KeyId": KEY, "Plaintext": "YQ==", "GrantTokens": ["x"]}),
            "InvalidGrantTokenException",
            "token",
        ),
        (
            "Encrypt",
            json!({"KeyId": KEY, "Plaintext": "YQ==", "EncryptionAlgorithm": "SM2PKE"}),
            "InvalidKeyUsageException",
            "SM2PKE",
        ),
        ("Encrypt", json!({"KeyId": KEY, "Plaintext": "YQ==", "DryRun": true}), "DryRunOperationException", "DryRun"),
        ("Decrypt", json!({"CiphertextBlob": blob}), "InvalidCiphertextException", "ciphertext"),
        ("GenerateDataKey", json!({"KeyId": KEY}), "ValidationException", "key spec"),
        ("GenerateDataKey", json!({"KeyId": KEY, "NumberOfBytes": 1025}), "ValidationException", "1024"),
        ("GenerateRandom", json!({"NumberOfBytes": 0}), "ValidationException", "numberOfBytes"),
        ("CreateKey", json!({"KeySpec": "RSA_2048"}), "UnsupportedOperationException", "RSA_2048"),
        ("CreateKey", json!({"Origin": "EXTERNAL"}), "UnsupportedOperationException", "EXTERNAL"),
        ("CreateKey", json!({"MultiRegion": true}), "UnsupportedOperationException", "MultiRegion"),
        ("CreateKey", json!({"Policy": "{"}), "MalformedPolicyDocumentException", "line 1"),
        ("CreateKey", json!({"Tags": [{"TagKey": "aws:x", "TagValue": ""}]}), "TagException", "aws:x"),
        ("CreateAlias", json!({"AliasName": "x", "TargetKeyId": KEY}), "InvalidAliasNameException", "alias/"),
        (
            "CreateAlias",
            json!({"AliasName": "alias/aws/x", "TargetKeyId": KEY}),
            "InvalidAliasNameException",
            "alias/aws/",
        ),
        (
            "CreateAlias",
            json!({"AliasName": "alias/reports", "TargetKeyId": KEY}),
            "AlreadyExistsException",
            "alias/reports",
        ),
        ("UpdateAlias", json!({"AliasName": "alias/nope", "TargetKeyId": KEY}), "NotFoundException", "alias/nope"),
        ("ScheduleKeyDeletion", json!({"KeyId": KEY, "PendingWindowInDays": 6}), "ValidationException", "7"),
        ("CancelKeyDeletion", json!({"KeyId": KEY}), "KMSInvalidStateException", "not pending"),
        ("EnableKeyRotation", json!({"KeyId": KEY, "RotationPeriodInDays": 89}), "ValidationException", "90"),
        ("RetireGrant", json!({"GrantToken": "x"}), "InvalidGrantTokenException", "grant"),
        ("RevokeGrant", json!({"KeyId": KEY, "GrantId": "x"}), "NotFoundException", "x"),
        (
            "CreateGrant",
            json!({"KeyId": KEY, "GranteePrincipal": "x", "Operations": ["Decrypt"]}),
            "InvalidArnException",
            "x",
        ),
        (
            "CreateGrant",
            json!({"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::111122223333:root", "Operations": ["Sign"]}),
            "ValidationException",
            "Sign",
        ),
        ("ListKeys", json!({"Marker": "!"}), "InvalidMarkerException", "marker"),
        ("ListKeys", json!({"Limit": 0}), "ValidationException", "limit"),
        ("GetKeyPolicy", json!({"KeyId": KEY, "PolicyName": "x"}), "NotFoundException", "x"),
        ("Sign", json!({}), "UnknownOperationException", "Sign"),
    ] {
        let (found, sentence) = refused(&root, operation, &input);
        assert_eq!(found, code, "{operation} {input}: {sentence}");
        assert!(sentence.contains(what), "{operation}: {sentence}");
    }
    let before = call(&root, "ListKeys", &json!({})).text();
    assert!(before.contains(KEY) && before.contains("\"Truncated\":false"), "{before}");
}

#[test]
fn a_policy_that_locks_its_author_out_wants_to_be_confirmed() {
    let scene = Scene::new();
    let bob = scene.kms("bob");
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"}, "Action": "kms:*"}]});
    let mut input = json!({"KeyId": KEY, "PolicyName": "default", "Policy": policy.to_string()});
    assert_eq!(refused(&bob, "PutKeyPolicy", &input).0, "MalformedPolicyDocumentException");
    done(&bob, "DescribeKey", &json!({"KeyId": KEY}));
    input["BypassPolicyLockoutSafetyCheck"] = json!(true);
    done(&bob, "PutKeyPolicy", &input);
    // It holds for the very next request, for root as well.
    for who in ["bob", "root"] {
        let code = refused(&scene.kms(who), "DescribeKey", &json!({"KeyId": KEY})).0;
        assert_eq!(code, "AccessDeniedException", "{who}");
    }
    done(&scene.kms("alice"), "DescribeKey", &json!({"KeyId": KEY}));
}

#[test]
fn grants_give_what_they_say_and_no_more() {
    let scene = Scene::new();
    let (root, alice, bob) = (scene.kms("root"), scene.kms("alice"), scene.kms("bob"));
    let context = json!({"app": "x"});
    let blob = sealed(&root, KEY, "hello", &context);
    let user = |name: &str| format!("arn:aws:iam::111122223333:user/{name}");
    let decrypt = json!({"CiphertextBlob": blob, "EncryptionContext": context});
    assert_eq!(refused(&alice, "Decrypt", &decrypt).0, "AccessDeniedException");
    let input = json!({"KeyId": KEY, "GranteePrincipal": user("alice"), "RetiringPrincipal": user("alice"),
        "Operations": ["Decrypt", "CreateGrant"], "Constraints": {"EncryptionContextSubset": {"app": "x"}}, "Name": "n"});
    let grant = done(&root, "CreateGrant", &input);
    assert_eq!(done(&root, "CreateGrant", &input), grant, "creating it again is harmless");
    assert_eq!(opened(&alice, &blob, &context), "hello");
    let other = sealed(&root, KEY, "hello", &json!({"app": "y"}));
    let outside = json!({"CiphertextBlob": other, "EncryptionContext": {"app": "y"}});
    assert_eq!(refused(&alice, "Decrypt", &outside).0, "AccessDeniedException");
    // Who may pass on passes on no more than was given.
    let child = |operations: Value, constraints: Value| {
        json!({"KeyId": KEY, "GranteePrincipal": "arn:aws:iam::444455556666:root", "Operations": operations,
            "Constraints": constraints})
    };
    for (operations, constraints) in [
        (json!(["Encrypt"]), json!({"EncryptionContextSubset": {"app": "x"}})),
        (json!(["Decrypt"]), json!({})),
        (json!(["Decrypt"]), json!({"EncryptionContextSubset": {"app": "y"}})),
    ] {
        let wider = child(operations, constraints);
        assert_eq!(refused(&alice, "CreateGrant", &wider).0, "AccessDeniedException", "{wider}");
    }
    done(&alice, "CreateGrant", &child(json!(["Decrypt"]), json!({"EncryptionContextSubset": {"app": "x", "b": "c"}})));
    let listed = done(&root, "ListGrants", &json!({"KeyId": KEY, "GranteePrincipal": user("alice")}));
    assert_eq!(listed["Grants"][0]["GrantId"], grant["GrantId"]);
    let retirable = done(&root, "ListRetirableGrants", &json!({"RetiringPrincipal": user("alice")}));
    assert_eq!(retirable["Grants"].as_array().map(Vec::len), Some(1));
    // Neither policies nor another grant let bob retire what is not his to retire: the account does.
    done(&bob, "RetireGrant", &json!({"KeyId": KEY, "GrantId": grant["GrantId"]}));
    assert_eq!(refused(&alice, "Decrypt", &decrypt).0, "AccessDeniedException", "at once");
    assert_eq!(
        refused(&alice, "RetireGrant", &json!({"GrantToken": grant["GrantToken"]})).0,
        "InvalidGrantTokenException"
    );
}

#[test]
fn states_hold_at_once() {
    let scene = Scene::new();
    let root = scene.kms("root");
    let encrypt = json!({"KeyId": KEY, "Plaintext": "YQ=="});
    done(&root, "DisableKey", &json!({"KeyId": KEY}));
    let (code, sentence) = refused(&root, "Encrypt", &encrypt);
    assert_eq!((code.as_str(), sentence), ("DisabledException", format!("{ARN} is disabled.")));
    done(&root, "EnableKey", &json!({"KeyId": KEY}));
    done(&root, "Encrypt", &encrypt);
    let scheduled = done(&root, "ScheduleKeyDeletion", &json!({"KeyId": KEY, "PendingWindowInDays": 7}));
    assert_eq!(scheduled["KeyState"], "PendingDeletion");
    for (operation, input) in [
        ("Encrypt", encrypt.clone()),
        ("EnableKey", json!({"KeyId": KEY})),
        ("DisableKey", json!({"KeyId": KEY})),
        ("ScheduleKeyDeletion", json!({"KeyId": KEY})),
        ("UpdateKeyDescription", json!({"KeyId": KEY, "Description": "x"})),
        ("TagResource", json!({"KeyId": KEY, "Tags": []})),
        ("CreateAlias", json!({"AliasName": "alias/y", "TargetKeyId": KEY})),
        ("RotateKeyOnDemand", json!({"KeyId": KEY})),
    ] {
        assert_eq!(refused(&root, operation, &input).0, "KMSInvalidStateException", "{operation}");
    }
    done(&root, "CancelKeyDeletion", &json!({"KeyId": KEY}));
    let shown = done(&root, "DescribeKey", &json!({"KeyId": KEY}));
    assert_eq!(shown["KeyMetadata"]["KeyState"], "Disabled");
}

#[test]
fn aliases_move_and_tags_and_pages_work() {
    let scene = Scene::new();
    let root = scene.kms("root");
    let second = done(&root, "CreateKey", &json!({"Tags": [{"TagKey": "b", "TagValue": "2"}]}));
    let second = second["KeyMetadata"]["KeyId"].as_str().expect("an id").to_owned();
    let blob = sealed(&root, "alias/reports", "one", &json!({}));
    done(&root, "UpdateAlias", &json!({"AliasName": "alias/reports", "TargetKeyId": second}));
    let found = done(&root, "DescribeKey", &json!({"KeyId": "alias/reports"}));
    assert_eq!(found["KeyMetadata"]["KeyId"], second);
    assert_eq!(opened(&root, &blob, &json!({})), "one", "a ciphertext names its key, not the alias");
    done(&root, "TagResource", &json!({"KeyId": second, "Tags": [{"TagKey": "a", "TagValue": "1"}]}));
    let first = done(&root, "ListResourceTags", &json!({"KeyId": second, "Limit": 1}));
    assert_eq!((&first["Tags"][0]["TagKey"], &first["Truncated"]), (&json!("a"), &json!(true)));
    let rest = done(&root, "ListResourceTags", &json!({"KeyId": second, "Limit": 1, "Marker": first["NextMarker"]}));
    assert_eq!((&rest["Tags"][0]["TagKey"], &rest["Truncated"]), (&json!("b"), &json!(false)));
    done(&root, "UntagResource", &json!({"KeyId": second, "TagKeys": ["a", "b"]}));
    assert_eq!(done(&root, "ListResourceTags", &json!({"KeyId": second}))["Tags"], json!([]));
    done(&root, "DeleteAlias", &json!({"AliasName": "alias/reports"}));
    assert_eq!(refused(&root, "DescribeKey", &json!({"KeyId": "alias/reports"})).0, "NotFoundException");
    assert_eq!(done(&root, "ListAliases", &json!({}))["Aliases"], json!([]));
}

/// Killed while keys rotate: every ciphertext whose making was answered opens, and so does what comes after.
#[test]
fn rotation_survives_being_killed() {
    let mut scene = Scene::new();
    let mut blobs: Vec<String> = Vec::new();
    for round in 0..4 {
        let root = scene.kms("root");
        for _ in 0..3 {
            blobs.push(sealed(&root, KEY, "kept", &json!({"a": "b"})));
            done(&root, "RotateKeyOnDemand", &json!({"KeyId": KEY}));
        }
        // One more rotation is under way when the process dies.
        let last = root.clone();
        let under_way = std::thread::spawn(move || {
            let _ = std::panic::catch_unwind(|| call(&last, "RotateKeyOnDemand", &json!({"KeyId": KEY})));
        });
        std::thread::sleep(std::time::Duration::from_millis(round));
        scene.server.kill();
        let _ = under_way.join();
        scene.server = Server::start(&scene.directory.path().join("data"), &[]);
        let root = scene.kms("root");
        for blob in &blobs {
            assert_eq!(opened(&root, blob, &json!({"a": "b"})), "kept", "round {round}");
        }
    }
    let rotations = done(&scene.kms("root"), "ListKeyRotations", &json!({"KeyId": KEY}));
    let count = rotations["Rotations"].as_array().map_or(0, Vec::len);
    assert!((12..=16).contains(&count), "{count} rotations");
}
