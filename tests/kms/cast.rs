//! Who asks, and what they ask with.

use crate::support::{Answer, Client, Server, TempDir};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
pub const ARN: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Root, alice (S3 only), bob (everything), and another account whose root user the key policy does not know.
pub const WORLD: &str = r#"{"version": 1, "region": "us-east-1", "accounts": [
  {"id": "111122223333", "name": "prod",
   "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
   "users": [
    {"name": "alice", "access_keys": [{"id": "AKIAALICE", "secret": "alice-secret"}], "inline": [{"name": "s3",
     "document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}}]},
    {"name": "bob", "access_keys": [{"id": "AKIABOB", "secret": "bob-secret"}], "inline": [{"name": "all",
     "document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "kms:*"],
      "Resource": "*"}]}}]},
    {"name": "carol", "access_keys": [{"id": "AKIACAROL", "secret": "carol-secret"}], "inline": [{"name": "own",
     "document": {"Version": "2012-10-17", "Statement": [
      {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
      {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*", "Condition": {
       "StringLike": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::reports/carol/*"},
       "StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}}]}}]}],
   "keys": [{"id": "1234abcd-12ab-34cd-56ef-1234567890ab", "alias": "alias/reports", "policy": {"Version": "2012-10-17",
     "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*",
      "Resource": "*"}]}}],
   "buckets": [{"name": "reports"}]},
  {"id": "444455556666", "name": "other", "root": {"access_keys": [{"id": "AKIAOTHER", "secret": "other-secret"}]}}]}"#;

pub struct Scene {
    pub directory: TempDir,
    pub server: Server,
}

impl Scene {
    pub fn new() -> Self {
        let directory = TempDir::new();
        let server = Server::of_world(&directory, WORLD, &[]);
        Self { directory, server }
    }

    pub fn s3(&self, who: &str) -> Client {
        self.server.client(&format!("AKIA{}", who.to_uppercase()), &format!("{who}-secret"))
    }

    pub fn kms(&self, who: &str) -> Client {
        self.s3(who).of("kms")
    }
}

/// Calls an operation.
pub fn call(client: &Client, operation: &str, input: &Value) -> Answer {
    client.call(&format!("TrentService.{operation}"), input)
}

/// Calls an operation that succeeds, and reads its answer.
#[track_caller]
pub fn done(client: &Client, operation: &str, input: &Value) -> Value {
    let answer = call(client, operation, input);
    assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
    if answer.body.is_empty() { Value::Null } else { serde_json::from_slice(&answer.body).expect("a document") }
}

/// Calls an operation that is refused, and gives the code and the sentence.
#[track_caller]
pub fn refused(client: &Client, operation: &str, input: &Value) -> (String, String) {
    let answer = call(client, operation, input);
    assert!(answer.status >= 400, "{operation}: {}", answer.text());
    let body: Value = serde_json::from_slice(&answer.body).expect("a document");
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (text("__type"), text("message"))
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Seals a text under a key.
#[track_caller]
pub fn sealed(client: &Client, key: &str, plain: &str, context: &Value) -> String {
    let input = json!({"KeyId": key, "Plaintext": base64(plain.as_bytes()), "EncryptionContext": context});
    done(client, "Encrypt", &input)["CiphertextBlob"].as_str().expect("a ciphertext").to_owned()
}

/// Opens what [`sealed`] gave.
#[track_caller]
pub fn opened(client: &Client, blob: &str, context: &Value) -> String {
    let answer = done(client, "Decrypt", &json!({"CiphertextBlob": blob, "EncryptionContext": context}));
    let plain = STANDARD.decode(answer["Plaintext"].as_str().expect("a plaintext")).expect("base64");
    String::from_utf8(plain).expect("a text")
}
