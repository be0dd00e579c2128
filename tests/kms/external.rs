//! Root keys wrapped by a key of an external key service: what opens, what does not, what is said, on both sides.

use crate::cast::{ARN, KEY, call, done};
use crate::support::{Server, TempDir};
use crate::wrapped::{External, Logged, as_user, copy, files, refused_start, reseal, text, world, wrapped};
use serde_json::json;
use std::path::Path;

#[test]
fn an_external_key_service_keeps_what_opens_the_data() {
    let (external, directory) = (External::new(), TempDir::new());
    let data = directory.path().join("data");
    let (url, key) = (external.url(), format!("kms:{ARN}"));
    let source = ["--root-key-source", key.as_str(), "--root-key-endpoint-url", url.as_str()];
    let bob = as_user("bob");
    // Refused first starts leave nothing that stands in the way.
    let said = refused_start(&data, &source, &as_user("alice"));
    assert!(said.contains("AccessDeniedException") && said.contains("kms:Encrypt") && said.contains(ARN), "{said}");
    let said = refused_start(&data, &source, &as_user("nobody"));
    assert!(said.contains("InvalidSignatureException") || said.contains("SignatureDoesNotMatch"), "{said}");
    let said = refused_start(&data, &source[..2], &[bob[0], bob[1], ("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")]);
    assert!(said.contains("Unreachable") && said.contains("http://127.0.0.1:1"), "{said}");
    let mut start = vec!["-w"];
    let world = world(&directory);
    start.push(&world);
    start.extend(source);
    let mut first = Logged::start(&data, &start, &bob);
    assert_eq!(first.root().put("/reports/a", b"hello").status, 200);
    let resealed = reseal(&data, &[], &[]);
    assert!(text(&resealed).contains("root key 2 seals everything"), "{}", text(&resealed));
    assert_eq!(first.root().get("/reports/a").text(), "hello");
    first.server.kill();
    let file = wrapped(&data);
    assert_eq!((file["keys"][0]["by"].as_str(), file["keys"][0]["method"].as_str()), (Some(ARN), Some("kms")));
    assert!(!first.said().contains("bob-secret") && !data.join("keys/root.json").exists());

    // Offline, by the alias and the variables.
    let alias = ("PORTCULLIS_ROOT_KEY_SOURCE", "kms:alias/reports");
    let by_alias =
        [bob[0], bob[1], alias, ("PORTCULLIS_ROOT_KEY_ENDPOINT_URL", url.as_str()), ("AWS_REGION", "us-east-1")];
    let resealed = reseal(&data, &[], &by_alias);
    assert!(text(&resealed).contains("root key 3 seals everything"), "{}", text(&resealed));

    // A disabled key, a missing permission, another context, another key: nothing opens, nothing changes.
    let before = wrapped(&data);
    done(&external.kms(), "DisableKey", &json!({"KeyId": KEY}));
    let said = refused_start(&data, &source, &bob);
    assert!(said.contains("DisabledException") && said.contains(ARN), "{said}");
    done(&external.kms(), "EnableKey", &json!({"KeyId": KEY}));
    let said = refused_start(&data, &source, &as_user("alice"));
    assert!(said.contains("AccessDeniedException") && said.contains("kms:Decrypt"), "{said}");
    let mut changed = before.clone();
    changed["ring"] = json!("00000000000000000000000000000000");
    let path = data.join("keys/wrapped.json");
    std::fs::write(&path, changed.to_string()).expect("writable");
    let said = refused_start(&data, &source, &bob);
    assert!(said.contains("InvalidCiphertextException") && said.contains("root key 1 does not open"), "{said}");
    std::fs::write(&path, before.to_string()).expect("writable");
    let other = done(&external.kms(), "CreateKey", &json!({}));
    let other = format!("kms:{}", other["KeyMetadata"]["Arn"].as_str().expect("an ARN"));
    let said = refused_start(&data, &["--root-key-source", &other, "--root-key-endpoint-url", &url], &bob);
    assert!(said.contains("IncorrectKeyException") && said.contains(ARN), "{said}");
    assert_eq!(wrapped(&data), before);
    let mut last = Logged::start(&data, &source, &bob);
    assert_eq!(last.root().get("/reports/a").text(), "hello");
    // A key that is disabled while the server runs: the new root key is refused, the rest goes on.
    done(&external.kms(), "DisableKey", &json!({"KeyId": KEY}));
    let refused = reseal(&data, &[], &[]);
    assert!(!refused.status.success() && text(&refused).contains("DisabledException"), "{}", text(&refused));
    assert_eq!(last.root().put("/reports/b", b"still").status, 200);
    last.server.kill();
    drop(external.server);
    let said = refused_start(&data, &source, &bob);
    assert!(said.contains("Unreachable") && said.contains(&url), "{said}");
    let ring = before["ring"].as_str().expect("a name");
    assert_decrypts_in_trail(&external.directory.path().join("data"), ring);
}

/// The external service's trail says who opened which root key.
fn assert_decrypts_in_trail(data: &Path, ring: &str) {
    let mut kept = Vec::new();
    files(&data.join("trail"), &mut kept);
    let lines: Vec<String> = kept
        .iter()
        .flat_map(|(_, bytes)| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let decrypts = lines.iter().filter(|line| {
        line.contains("\"Decrypt\"")
            && line.contains("portcullis:ring")
            && line.contains(ring)
            && line.contains("user/bob")
    });
    assert!(decrypts.count() >= 3, "{}", lines.join("\n"));
}

#[test]
fn a_data_directory_moves_from_its_key_file_to_a_key_service() {
    let (external, directory) = (External::new(), TempDir::new());
    let data = directory.path().join("data");
    let (url, key) = (external.url(), format!("kms:{ARN}"));
    let source = ["--root-key-source", key.as_str(), "--root-key-endpoint-url", url.as_str()];
    let bob = as_user("bob");
    let mut before = Server::start(&data, &["-w", &world(&directory)]);
    assert_eq!(before.client("AKIAROOT", "root-secret").put("/reports/a", b"old").status, 200);
    before.kill();
    let resealed = reseal(&data, &source, &bob);
    assert!(text(&resealed).contains("root key 3 seals everything"), "{}", text(&resealed));
    std::fs::remove_file(data.join("keys/root.json")).expect("taken away");
    let after = Logged::start(&data, &source, &bob);
    assert_eq!(after.root().get("/reports/a").text(), "old");
    // A copy elsewhere opens with the service's permission only.
    let copied = directory.path().join("copied");
    copy(&data, &copied);
    let said = refused_start(&copied, &source, &as_user("alice"));
    assert!(said.contains("AccessDeniedException"), "{said}");
    assert_eq!(call(&external.kms(), "DescribeKey", &json!({"KeyId": KEY})).status, 200);
}
