//! Objects sealed under keys of the key service.

use crate::cast::{ARN, KEY, Scene, base64, done};
use crate::support::{Answer, Client};
use serde_json::json;

const SSE: &str = "x-amz-server-side-encryption";
const SSE_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const SSE_CONTEXT: &str = "x-amz-server-side-encryption-context";
const SSE_BUCKET_KEY: &str = "x-amz-server-side-encryption-bucket-key-enabled";

fn put(client: &Client, path: &str, body: &[u8]) -> Answer {
    client.send("PUT", path, &[(SSE, "aws:kms"), (SSE_KEY, "alias/reports")], body)
}

#[test]
fn who_may_not_decrypt_does_not_read() {
    let scene = Scene::new();
    let (root, alice) = (scene.s3("root"), scene.s3("alice"));
    for (path, size) in [("/reports/none", 0_usize), ("/reports/small", 10), ("/reports/large", 300_000)] {
        let body = vec![b'x'; size];
        let written = put(&root, path, &body);
        assert_eq!(
            (written.status, written.header(SSE), written.header(SSE_KEY)),
            (200, "aws:kms", ARN),
            "{}",
            written.text()
        );
        assert_ne!(written.header("etag"), format!("\"{}\"", md5_hex(&body)), "it says nothing of the bytes");
        assert_eq!(root.get(path).body, body);
        if size > 0 {
            assert_eq!(root.send("GET", path, &[("range", "bytes=1-2")], b"").text(), "xx");
        }
        let refused = alice.get(path);
        assert_eq!((refused.status, refused.code().as_str()), (403, "AccessDenied"));
        assert_eq!(
            refused.element("Message"),
            "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: kms:Decrypt on the resource \
             associated with this ciphertext because no identity-based policy allows the kms:Decrypt action"
        );
        assert_eq!(scene.server.anonymous().get(path).status, 403);
        // What is said of it needs no key, its checksum does.
        let head = alice.send("HEAD", path, &[], b"");
        assert_eq!((head.status, head.header(SSE), head.header(SSE_KEY)), (200, "aws:kms", ARN));
        assert_eq!(alice.send("HEAD", path, &[("x-amz-checksum-mode", "ENABLED")], b"").status, 403);
        let copy = alice.send("PUT", "/reports/copy", &[("x-amz-copy-source", path)], b"");
        assert_eq!(copy.code(), "AccessDenied", "{}", copy.text());
        let plain = root.send("PUT", "/reports/copy", &[("x-amz-copy-source", path)], b"");
        assert_eq!((plain.status, plain.header(SSE)), (200, "AES256"));
        assert_eq!(alice.get("/reports/copy").body, body);
    }
    let refused = put(&alice, "/reports/mine", b"x");
    assert!(refused.element("Message").contains("kms:GenerateDataKey"), "{}", refused.text());
    assert_eq!(root.get("/reports/mine").code(), "NoSuchKey");
}

fn md5_hex(bytes: &[u8]) -> String {
    use md5::Digest as _;
    crate::support::hex(&md5::Md5::digest(bytes))
}

#[test]
fn a_keys_state_is_its_objects_state() {
    let scene = Scene::new();
    let (root, kms) = (scene.s3("root"), scene.kms("root"));
    put(&root, "/reports/a", b"hello");
    done(&kms, "RotateKeyOnDemand", &json!({"KeyId": KEY}));
    put(&root, "/reports/b", b"hello");
    for path in ["/reports/a", "/reports/b"] {
        assert_eq!(root.get(path).text(), "hello", "rotation changes nothing for readers");
    }
    done(&kms, "DisableKey", &json!({"KeyId": KEY}));
    for answer in [root.get("/reports/a"), put(&root, "/reports/c", b"")] {
        assert_eq!((answer.status, answer.code().as_str()), (400, "KMS.DisabledException"));
        assert_eq!(answer.element("Message"), format!("{ARN} is disabled."));
    }
    done(&kms, "EnableKey", &json!({"KeyId": KEY}));
    assert_eq!(root.get("/reports/a").text(), "hello");
    done(&kms, "ScheduleKeyDeletion", &json!({"KeyId": KEY}));
    assert_eq!(root.get("/reports/a").code(), "KMS.KMSInvalidStateException");
    assert_eq!(root.delete("/reports/a").status, 204, "deleting needs no key");
    let unknown = root.send("PUT", "/reports/d", &[(SSE, "aws:kms"), (SSE_KEY, "alias/nope")], b"");
    assert_eq!(unknown.code(), "KMS.NotFoundException");
}

#[test]
fn decisions_see_the_objects_encryption_context() {
    let scene = Scene::new();
    let (root, carol) = (scene.s3("root"), scene.s3("carol"));
    // Her policy allows keys through S3, for objects below `carol/`.
    assert_eq!(put(&carol, "/reports/carol/a", b"hers").status, 200);
    assert_eq!(carol.get("/reports/carol/a").text(), "hers");
    assert_eq!(put(&carol, "/reports/other", b"x").code(), "AccessDenied");
    put(&root, "/reports/other", b"x");
    assert_eq!(carol.get("/reports/other").code(), "AccessDenied");
    let direct =
        crate::cast::refused(&scene.kms("carol"), "GenerateDataKey", &json!({"KeyId": KEY, "KeySpec": "AES_256"}));
    assert_eq!(direct.0, "AccessDeniedException");
    // With a Bucket Key the context is the bucket's.
    let headers = [(SSE, "aws:kms"), (SSE_KEY, KEY), (SSE_BUCKET_KEY, "true")];
    assert_eq!(carol.send("PUT", "/reports/carol/b", &headers, b"x").code(), "AccessDenied");
    let written = root.send("PUT", "/reports/carol/b", &headers, b"x");
    assert_eq!((written.status, written.header(SSE_BUCKET_KEY)), (200, "true"));
    assert_eq!(root.get("/reports/carol/b").text(), "x");
    // What a writer adds is kept, and comes back to the writer alone.
    let context = base64(br#"{"team":"red"}"#);
    let headers = [(SSE, "aws:kms"), (SSE_KEY, KEY), (SSE_CONTEXT, context.as_str())];
    let written = root.send("PUT", "/reports/c", &headers, b"x");
    assert_eq!((written.status, written.header(SSE_CONTEXT)), (200, context.as_str()));
    let read = root.get("/reports/c");
    assert_eq!((read.text().as_str(), read.header(SSE_CONTEXT)), ("x", ""));
    let own = base64(br#"{"aws:s3:arn":"x"}"#);
    let headers = [(SSE, "aws:kms"), (SSE_KEY, KEY), (SSE_CONTEXT, own.as_str())];
    assert_eq!(root.send("PUT", "/reports/d", &headers, b"x").code(), "InvalidArgument");
}

#[test]
fn the_buckets_default_holds_where_nothing_is_said() {
    let scene = Scene::new();
    let root = scene.s3("root");
    let setting = |key: &str| {
        format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
             <SSEAlgorithm>aws:kms</SSEAlgorithm>{key}</ApplyServerSideEncryptionByDefault>\
             <BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
        )
    };
    let own = setting(&format!("<KMSMasterKeyID>{ARN}</KMSMasterKeyID>"));
    assert_eq!(root.send("PUT", "/reports?encryption", &[], own.as_bytes()).status, 200);
    assert!(root.get("/reports?encryption").text().contains(ARN));
    let written = root.put("/reports/a", b"x");
    assert_eq!(
        (written.header(SSE), written.header(SSE_KEY), written.header(SSE_BUCKET_KEY)),
        ("aws:kms", ARN, "true")
    );
    assert_eq!(root.send("PUT", "/reports/b", &[(SSE, "AES256")], b"x").header(SSE), "AES256");
    assert_eq!(scene.s3("alice").put("/reports/c", b"x").code(), "AccessDenied");
    // Without a key it is the account's own for S3, which nobody uses but through S3.
    assert_eq!(root.send("PUT", "/reports?encryption", &[], setting("").as_bytes()).status, 200);
    let written = scene.s3("alice").put("/reports/d", b"alice's");
    assert_eq!((written.status, written.header(SSE)), (200, "aws:kms"), "{}", written.text());
    let managed = written.header(SSE_KEY).to_owned();
    assert_ne!(managed, ARN);
    assert_eq!(scene.s3("alice").get("/reports/d").text(), "alice's");
    let shown = done(&scene.kms("root"), "DescribeKey", &json!({"KeyId": "alias/aws/s3"}));
    assert_eq!((&shown["KeyMetadata"]["Arn"], &shown["KeyMetadata"]["KeyManager"]), (&json!(managed), &json!("AWS")));
    for (operation, input) in [
        ("Encrypt", json!({"KeyId": managed, "Plaintext": "YQ=="})),
        ("ScheduleKeyDeletion", json!({"KeyId": managed})),
        ("DisableKey", json!({"KeyId": managed})),
        ("PutKeyPolicy", json!({"KeyId": managed, "Policy": "{}"})),
    ] {
        assert_eq!(
            crate::cast::refused(&scene.kms("root"), operation, &input).0,
            "AccessDeniedException",
            "{operation}"
        );
    }
}

#[test]
fn uploads_of_parts_are_sealed_like_whole_objects() {
    let scene = Scene::new();
    let (root, alice) = (scene.s3("root"), scene.s3("alice"));
    let headers = [(SSE, "aws:kms"), (SSE_KEY, "alias/reports")];
    assert_eq!(alice.send("POST", "/reports/big?uploads", &headers, b"").code(), "AccessDenied");
    let begun = root.send("POST", "/reports/big?uploads", &headers, b"");
    assert_eq!((begun.status, begun.header(SSE_KEY)), (200, ARN));
    let id = begun.element("UploadId");
    let part = |client: &Client, number: u32, body: &[u8]| {
        client.send("PUT", &format!("/reports/big?partNumber={number}&uploadId={id}"), &[], body)
    };
    let (first, last) = (vec![b'a'; 5 << 20], b"end".to_vec());
    assert_eq!(part(&alice, 1, b"x").code(), "AccessDenied");
    let etags = [part(&root, 1, &first), part(&root, 2, &last)].map(|answer| {
        assert_eq!((answer.status, answer.header(SSE_KEY)), (200, ARN));
        answer.header("etag").to_owned()
    });
    let one =
        |(number, etag): (u32, &String)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    let list = (1..).zip(&etags).map(one).collect::<Vec<_>>().concat();
    let list = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    let completed = root.send("POST", &format!("/reports/big?uploadId={id}"), &[], list.as_bytes());
    assert_eq!((completed.status, completed.header(SSE_KEY)), (200, ARN), "{}", completed.text());
    assert_eq!(root.get("/reports/big").body, [first, last].concat());
    assert_eq!(root.send("GET", "/reports/big", &[("range", "bytes=5242878-5242881")], b"").text(), "aaen");
    assert_eq!(alice.get("/reports/big").code(), "AccessDenied");
}

#[test]
fn who_may_use_no_key_does_not_learn_which_there_are() {
    let scene = Scene::new();
    let (root, alice) = (scene.s3("root"), scene.s3("alice"));
    let under =
        |client: &Client, key: &str| client.send("PUT", "/reports/x", &[(SSE, "aws:kms"), (SSE_KEY, key)], b"x");
    let absent =
        ["alias/absent", "arn:aws:kms:us-east-1:111122223333:key/absent", "arn:aws:kms:us-east-1:444455556666:alias/x"];
    for name in ["alias/reports", ARN].iter().chain(&absent) {
        let refused = under(&alice, name);
        assert_eq!((refused.status, refused.code().as_str()), (403, "AccessDenied"), "{name}: {}", refused.text());
    }
    for name in &absent[..2] {
        assert_eq!(under(&root, name).code(), "KMS.NotFoundException", "{name}");
    }
    let wrong = under(&root, "arn:aws:iam::111122223333:role/x");
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    assert_eq!(root.get("/reports/x").code(), "NoSuchKey");
}
