//! S3's own answers, where clients rely on them: several accounts, one of them with the buckets, ACLs in force.
#![cfg(feature = "server")]

#[path = "s3/acl.rs"]
mod acl;
#[path = "s3/answers.rs"]
mod answers;
mod support;

use support::{Answer, Client, Server, TempDir};

/// Three accounts with a user each, who may do everything as far as their own account is concerned; new buckets
/// have ACLs and no Block Public Access, as buckets made before 2023.
fn world() -> String {
    let account = |digit: char, name: &str| {
        let (id, canonical) = (digit.to_string().repeat(12), digit.to_string().repeat(64));
        format!(
            r#"{{"id": "{id}", "name": "{name}", "canonical_id": "{canonical}", "display_name": "{name}",
            "email": "{name}@example.com", "users": [{{"name": "{name}",
            "access_keys": [{{"id": "AKIA{name}", "secret": "{name}-secret"}}],
            "inline": [{{"name": "all", "document": {{"Version": "2012-10-17",
            "Statement": [{{"Effect": "Allow", "Action": "*", "Resource": "*"}}]}}}}]}}]}}"#
        )
    };
    let accounts = [account('1', "MAIN"), account('2', "ALT"), account('3', "THIRD")].join(",");
    format!(
        r#"{{"version": 1, "region": "us-east-1", "accounts": [{accounts}],
        "bucket_defaults": {{"object_ownership": "ObjectWriter", "public_access_block": {{}}}}}}"#
    )
}

/// A server of that world, and its clients.
struct Place {
    main: Client,
    alt: Client,
    nobody: Client,
    _server: Server,
    _directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new();
        let server = Server::of_world(&directory, &world(), &["--allow-insecure-secrets", "--any-region"]);
        let client = |name: &str| server.client(&format!("AKIA{name}"), &format!("{name}-secret"));
        let (main, alt, nobody) = (client("MAIN"), client("ALT"), server.anonymous());
        Self { main, alt, nobody, _server: server, _directory: directory }
    }

    /// Makes a bucket of the first account.
    fn bucket(&self, name: &str, headers: &[(&str, &str)]) {
        let made = self.main.send("PUT", &format!("/{name}"), headers, b"");
        assert_eq!(made.status, 200, "{}", made.text());
    }
}

/// Status and error code of an answer.
fn said(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

/// A status and a code as [`said`] gives them.
fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
