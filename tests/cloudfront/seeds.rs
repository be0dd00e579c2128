//! What the world files say is there from the first start, and stays.

use super::{Config, DISTRIBUTIONS, IDENTITIES, PEM, Place, Server, TempDir, is, said};

fn world(distribution: &str) -> String {
    let pem = serde_json::Value::from(PEM).to_string();
    format!(
        r#"{{"version": 1, "accounts": [{{"id": "111122223333",
        "root": {{"access_keys": [{{"id": "AKIAROOT", "secret": "root-secret"}}]}},
        "buckets": [{{"name": "reports", "policy": {{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
            "Principal": {{"CanonicalUser": "{canonical}"}}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::reports/*"}}]}}}}],
        "origin_access_identities": [{{"id": "E2EXAMPLE1OAI", "canonical_user": "{canonical}"}}],
        "public_keys": [{{"id": "KEXAMPLE", "name": "signer", "pem": {pem}}}],
        "key_groups": [{{"id": "viewers", "keys": ["signer"]}}],
        "distributions": [{{"id": "EDFDVBD6EXAMPLE", "domain_name": "d111111abcdef8.cloudfront.net", {distribution}}}]}}]}}"#,
        canonical = "c".repeat(64),
    )
}

const CONFIG: &str = r#""config": {"Enabled": true, "Aliases": {"Items": ["www.example.com"]},
    "Origins": {"Items": [{"Id": "o", "DomainName": "reports.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": "origin-access-identity/cloudfront/E2EXAMPLE1OAI"}}]},
    "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all",
        "TrustedKeyGroups": {"Enabled": true, "Items": ["viewers"]},
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}}"#;

#[test]
fn the_world_seeds_cloudfront() {
    let directory = TempDir::new();
    let server = Server::of_world(&directory, &world(CONFIG), &["--allow-insecure-secrets"]);
    let root = server.client("AKIAROOT", "root-secret").of_service("cloudfront");
    let got = root.get(&format!("{DISTRIBUTIONS}/EDFDVBD6EXAMPLE"));
    assert_eq!((got.status, got.element("DomainName")), (200, "d111111abcdef8.cloudfront.net".to_owned()));
    assert_eq!((got.element("CNAME"), got.element("KeyPairId")), ("www.example.com".to_owned(), "KEXAMPLE".to_owned()));
    let identity = root.get(&format!("{IDENTITIES}/E2EXAMPLE1OAI"));
    assert_eq!(identity.element("S3CanonicalUserId"), "c".repeat(64));
    let policy = root.of_service("s3").get("/reports?policy").text();
    assert!(policy.contains("Origin Access Identity E2EXAMPLE1OAI"), "{policy}");
    drop(server);
    let server = Server::start(&directory.path().join("data"), &["--allow-insecure-secrets"]);
    let root = server.client("AKIAROOT", "root-secret").of_service("cloudfront");
    assert_eq!(root.get(&format!("{DISTRIBUTIONS}/EDFDVBD6EXAMPLE")).text(), got.text(), "it stays");
}

#[test]
fn what_was_made_is_there_after_a_restart() {
    let mut place = Place::new();
    let made = place.distribution(&Config::new("d"));
    place.server.kill();
    let server = Server::start(&place.directory.path().join("data"), &["--allow-insecure-secrets"]);
    let root = server.client("AKIAROOT", "root-secret").of_service("cloudfront");
    let got = root.get(&format!("{DISTRIBUTIONS}/{}", made.id));
    assert_eq!((got.status, got.header("etag")), (200, made.etag.as_str()));
    assert_eq!(said(&root.get(&format!("{DISTRIBUTIONS}/ENONE"))), is(404, "NoSuchDistribution"));
}
