//! The world that the holes are looked for in, and what is stored there.

use super::wire::Connection;
use crate::support::{Answer, Client, Server, TempDir};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Two accounts. In `prod`, alice reads `reports` and writes `drop`, bob only writes `drop`, carol may all but see
/// what is in `vault`; `site` is public to read, `locked` has object lock.
pub const WORLD: &str = r#"{"version": 1, "accounts": [
  {"id": "111122223333", "name": "prod",
   "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
   "users": [
     {"name": "alice", "access_keys": [{"id": "AKIAALICE", "secret": "alice-secret"},
                                       {"id": "AKIAOLD", "secret": "old-secret", "status": "Inactive"}],
      "inline": [{"name": "own", "document": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "arn:aws:s3:::reports/*"},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::drop/*"}]}}]},
     {"name": "bob", "access_keys": [{"id": "AKIABOB", "secret": "bob-secret"}],
      "inline": [{"name": "own", "document": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::drop/*"},
        {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::drop/*"}]}}]},
     {"name": "carol", "access_keys": [{"id": "AKIACAROL", "secret": "carol-secret"}],
      "inline": [{"name": "own", "document": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "NotResource": ["arn:aws:s3:::vault", "arn:aws:s3:::vault/*"]},
        {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::reports/*"}]}}]}],
   "buckets": [{"name": "reports"}, {"name": "drop"}, {"name": "vault"},
     {"name": "site", "public_access_block": {},
      "policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
                 "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"}]}}]},
  {"id": "444455556666", "name": "other",
   "root": {"access_keys": [{"id": "AKIAOTHER", "secret": "other-secret"}]},
   "buckets": [{"name": "theirs"}]}]}"#;

/// A running server with something in it.
pub struct Ground {
    pub server: Server,
    pub directory: TempDir,
}

impl Ground {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With further arguments of `serve`.
    pub fn with(arguments: &[&str]) -> Self {
        let directory = TempDir::new();
        let server = Server::of_world(&directory, WORLD, arguments);
        let ground = Self { server, directory };
        for (key, body) in [("/reports/kept", "kept"), ("/vault/secret", "secret"), ("/site/page", "page")] {
            assert_eq!(ground.root().put(key, body.as_bytes()).status, 200, "{key}");
        }
        ground
    }

    pub fn address(&self) -> &str {
        &self.server.address
    }

    pub fn root(&self) -> Client {
        self.server.client("AKIAROOT", "root-secret")
    }

    pub fn alice(&self) -> Client {
        self.server.client("AKIAALICE", "alice-secret")
    }

    pub fn bob(&self) -> Client {
        self.server.client("AKIABOB", "bob-secret")
    }

    pub fn carol(&self) -> Client {
        self.server.client("AKIACAROL", "carol-secret")
    }

    /// The other account's root user.
    pub fn other(&self) -> Client {
        self.server.client("AKIAOTHER", "other-secret")
    }

    /// Everything that can be read of what is stored: buckets, their settings, all versions, open uploads, and the
    /// object that tests aim at.
    pub fn stored(&self) -> String {
        const SETTINGS: [&str; 12] = [
            "acl",
            "cors",
            "encryption",
            "object-lock",
            "ownershipControls",
            "policy",
            "publicAccessBlock",
            "tagging",
            "uploads",
            "versioning",
            "versions",
            "location",
        ];
        let mut all = String::new();
        let mut connection = Connection::open(self.address());
        let mut get = |client: &Client, path: &str| {
            connection.ask(&client.head("GET", path, &[], b""), b"").unwrap_or_else(|e| panic!("{path}: {e}"))
        };
        for client in [self.root(), self.other()] {
            let buckets = get(&client, "/").text();
            let names = buckets.split("<Name>").skip(1).filter_map(|rest| rest.split_once("</Name>"));
            for name in names.map(|(name, _)| name) {
                for setting in SETTINGS {
                    all += &format!("{name}?{setting} {}\n", shown(&get(&client, &format!("/{name}?{setting}"))));
                }
            }
            all += &buckets;
        }
        for path in ["/reports/kept", "/reports/kept?acl", "/reports/kept?tagging", "/vault/secret", "/site/page"] {
            let answer = get(&self.root(), path);
            let kept: Vec<_> = answer.headers.iter().filter(|(name, _)| kept_header(name.as_str())).collect();
            all += &format!("{path} {kept:?} {}\n", shown(&answer));
        }
        all
    }

    /// Sends a request that must be refused, then a good one on the same connection, and compares what is stored.
    pub fn refused(&self, head: &str, body: &[u8]) -> Answer {
        let mut connection = Connection::open(self.address());
        let answer = connection.ask(head, body).unwrap_or_else(|e| panic!("no answer: {e}\n{head}"));
        assert!(answer.status >= 400, "{} {head}", answer.status);
        if answer.header("connection") == "close" {
            assert!(connection.is_over(), "it says that it closes: {head}");
        } else {
            let next = self.root().head("GET", "/reports/kept", &[], b"");
            let next = connection.ask(&next, b"").unwrap_or_else(|e| panic!("the connection broke: {e}\n{head}"));
            assert_eq!(next.text(), "kept", "after {head}");
        }
        answer
    }
}

fn kept_header(name: &str) -> bool {
    !matches!(name, "date" | "x-amz-request-id" | "x-amz-id-2")
}

/// An answer without what is new in every one.
fn shown(answer: &Answer) -> String {
    let text = answer.text();
    let end = text.find("<RequestId>").unwrap_or(text.len());
    format!("{} {}", answer.status, text.get(..end).unwrap_or_default())
}

/// A server whose log goes to a file, with environment variables; `None` where it does not get ready.
pub fn logged(data: &Path, log: &Path, environment: &[(&str, &str)]) -> Option<Server> {
    let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .envs(environment.iter().copied())
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("ready http://").map(str::to_owned);
    if address.is_none() {
        let _ = child.wait();
    }
    address.map(|address| Server { address, child })
}

/// What `portcullis scrub` says of a data directory, and its exit status.
pub fn scrub(data: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("scrub").arg("--data").arg(data).output();
    let output = output.expect("runs");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}
