//! CloudFront's door as viewers see it: a bucket that only CloudFront reaches, and what it makes of their requests.
#![cfg(feature = "server")]

#[path = "doors/behaviors.rs"]
mod behaviors;
#[path = "doors/cache.rs"]
mod cache;
#[path = "doors/hostile.rs"]
mod hostile;
#[path = "doors/promise.rs"]
mod promise;
mod support;

use support::{Answer, Client, Server, TempDir, raw};

/// The owner of the bucket `media` and of the distributions, a user of its account without permissions, and a foreign
/// account in which everything is allowed.
const WORLD: &str = r#"{"version": 1, "region": "us-east-1", "accounts": [
    {"id": "111122223333", "name": "prod",
     "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
     "buckets": [{"name": "media"}, {"name": "open",
        "public_access_block": {"BlockPublicAcls": false, "IgnorePublicAcls": false, "BlockPublicPolicy": false,
            "RestrictPublicBuckets": false},
        "policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
            "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::open", "arn:aws:s3:::open/*"]}]}}],
     "origin_access_identities": [{"id": "EIDENTITY00001", "canonical_user": "CANONICAL"}],
     "origin_access_controls": [
        {"id": "ECONTROL000001", "name": "always", "signing_behavior": "always"},
        {"id": "ECONTROL000002", "name": "never", "signing_behavior": "never"},
        {"id": "ECONTROL000003", "name": "no-override", "signing_behavior": "no-override"}],
     "distributions": [DISTRIBUTIONS]},
    {"id": "444455556666", "name": "other",
     "root": {"access_keys": [{"id": "AKIAOTHER", "secret": "other-secret"}]}}]}"#;

const CANONICAL: &str = "cafe0000cafe0000cafe0000cafe0000cafe0000cafe0000cafe0000cafe0000";

/// What is kept for a day.
const OPTIMIZED: &str = r#""CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6""#;
const ALL_METHODS: &str =
    r#""AllowedMethods": {"Items": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]}"#;

/// A distribution of a world, with what a test says of its origin, its default behaviour and beside them.
struct Config {
    id: &'static str,
    bucket: &'static str,
    origin: String,
    behavior: String,
    more: String,
}

impl Config {
    fn new(id: &'static str) -> Self {
        let (origin, behavior) = (String::new(), OPTIMIZED.to_owned());
        Self { id, bucket: "media", origin, behavior, more: String::new() }.of_identity()
    }

    fn of_identity(mut self) -> Self {
        r#""S3OriginConfig": {"OriginAccessIdentity": "origin-access-identity/cloudfront/EIDENTITY00001"}"#
            .clone_into(&mut self.origin);
        self
    }

    fn of_control(mut self, control: &str) -> Self {
        self.origin =
            format!(r#""S3OriginConfig": {{"OriginAccessIdentity": ""}}, "OriginAccessControlId": "{control}""#);
        self
    }

    fn of_nobody(mut self, bucket: &'static str) -> Self {
        self.bucket = bucket;
        r#""S3OriginConfig": {"OriginAccessIdentity": ""}"#.clone_into(&mut self.origin);
        self
    }

    fn behaving(mut self, behavior: &str) -> Self {
        behavior.clone_into(&mut self.behavior);
        self
    }

    fn with(mut self, more: &str) -> Self {
        self.more = format!(", {more}");
        self
    }

    fn json(&self) -> String {
        let Self { id, bucket, origin, behavior, more } = self;
        let domain = format!("{}.cloudfront.net", id.to_ascii_lowercase());
        format!(
            r#"{{"id": "{id}", "domain_name": "{domain}", "config": {{"Enabled": true,
                "Origins": {{"Items": [{{"Id": "o", "DomainName": "{bucket}.s3.amazonaws.com", {origin}}}]}},
                "DefaultCacheBehavior": {{"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", {behavior}}}
                {more}}}}}"#
        )
    }
}

/// A server with a door before it.
struct Place {
    root: Client,
    door: String,
    server: Server,
    directory: TempDir,
}

impl Place {
    fn new(distributions: &[Config]) -> Self {
        Self::with(distributions, &[])
    }

    /// With further arguments of the server.
    fn with(distributions: &[Config], arguments: &[&str]) -> Self {
        let directory = TempDir::new();
        let all: Vec<String> = distributions.iter().map(Config::json).collect();
        let world = WORLD.replace("CANONICAL", CANONICAL).replace("DISTRIBUTIONS", &all.join(","));
        let door = free_address();
        let arguments = [&["--cloudfront", door.as_str()], arguments].concat();
        let server = Server::of_world(&directory, &world, &arguments);
        let root = server.client("AKIAROOT", "root-secret");
        Self { root, door, server, directory }
    }

    /// A viewer of a distribution.
    fn viewer(&self, id: &str) -> Viewer<'_> {
        Viewer { door: &self.door, host: format!("{}.cloudfront.net", id.to_ascii_lowercase()) }
    }

    fn put(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) {
        let answer = self.root.send("PUT", path, headers, body);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Puts a policy with this statement for everything below the bucket `media`.
    fn policy(&self, statement: &str) {
        self.policy_of(&[&format!(r#""Resource": "arn:aws:s3:::media/*", {statement}"#)]);
    }

    /// The policy of the bucket `media`, of statements that allow.
    fn policy_of(&self, statements: &[&str]) {
        let statements: Vec<_> = statements.iter().map(|rest| format!(r#"{{"Effect": "Allow", {rest}}}"#)).collect();
        let policy = format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(","));
        let answer = self.root.send("PUT", "/media?policy", &[], policy.as_bytes());
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// Lets the origin access identity read.
    fn let_the_identity_read(&self) {
        self.policy(&format!(r#"{IDENTITY}, "Action": "s3:GetObject""#));
    }

    /// The events of the trail so far, a line each.
    fn events(&self) -> Vec<String> {
        let trail = self.directory.path().join("data/trail");
        let files = std::fs::read_dir(trail).expect("a trail").map(|file| file.expect("a file").path());
        let events = files.filter(|path| path.extension().is_some_and(|end| end == "ndjson"));
        events
            .flat_map(|path| {
                std::fs::read_to_string(path).expect("text").lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }

    /// What `why --decision` says.
    fn why(&self, id: &str) -> String {
        let program = env!("CARGO_BIN_EXE_portcullis");
        let data = self.directory.path().join("data");
        let mut why = std::process::Command::new(program);
        why.args(["why", "--decision", id, "--data"]).arg(data);
        let output = why.output().expect("the program runs");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

const IDENTITY: &str =
    r#""Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity EIDENTITY00001"}"#;

/// An address where nobody listens yet.
fn free_address() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("bound").to_string()
}

/// Somebody who asks the door.
struct Viewer<'a> {
    door: &'a str,
    host: String,
}

impl Viewer<'_> {
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let anonymous = Client { address: self.door.to_owned(), keys: None, service: "s3", headers: Vec::new() };
        let mut all = vec![("host", self.host.as_str())];
        all.extend(headers);
        let head = anonymous.head(method, path, &all, body);
        raw(self.door, &head, body)
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }
}

/// `X-Cache`, in one word.
fn cached(answer: &Answer) -> &str {
    answer.header("x-cache").strip_suffix(" from cloudfront").unwrap_or_default()
}

/// Status, `X-Cache` and body.
fn seen(answer: &Answer) -> (u16, &str, String) {
    (answer.status, cached(answer), answer.text())
}
