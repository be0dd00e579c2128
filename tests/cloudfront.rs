//! CloudFront's management API as its clients see it: what is made, changed and deleted, what is refused, and who may.
#![cfg(feature = "server")]

#[path = "cloudfront/errors.rs"]
mod errors;
#[path = "cloudfront/lifecycle.rs"]
mod lifecycle;
#[path = "cloudfront/permissions.rs"]
mod permissions;
#[path = "cloudfront/principals.rs"]
mod principals;
#[path = "cloudfront/seeds.rs"]
mod seeds;
mod support;

use support::{Answer, Client, Server, TempDir};

/// Two accounts with everything allowed, and in the first one a user without any permission.
const WORLD: &str = r#"{"version": 1, "region": "us-east-1", "accounts": [
    {"id": "111122223333", "name": "prod", "canonical_id": "1111111111111111111111111111111111111111111111111111111111111111",
     "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
     "users": [{"name": "nobody", "access_keys": [{"id": "AKIANOBODY", "secret": "nobody-secret"}]},
        {"name": "reader", "access_keys": [{"id": "AKIAREADER", "secret": "reader-secret"}], "inline": [
            {"name": "own", "document": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "cloudfront:Get*", "Resource": "arn:aws:cloudfront::111122223333:distribution/*",
                 "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}},
                {"Effect": "Allow", "Action": ["cloudfront:CreateDistribution", "cloudfront:TagResource"],
                 "Resource": "arn:aws:cloudfront::111122223333:distribution/*",
                 "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}}}]}}]}],
     "buckets": [{"name": "reports", "object_ownership": "ObjectWriter"}]},
    {"id": "444455556666", "name": "other", "root": {"access_keys": [{"id": "AKIAOTHER", "secret": "other-secret"}]}}]}"#;

const IDENTITIES: &str = "/2020-05-31/origin-access-identity/cloudfront";
const CONTROLS: &str = "/2020-05-31/origin-access-control";
const DISTRIBUTIONS: &str = "/2020-05-31/distribution";
const KEYS: &str = "/2020-05-31/public-key";
const GROUPS: &str = "/2020-05-31/key-group";

/// An RSA key of 2,048 bits.
const PEM: &str = include_str!("cloudfront/public.pem");

/// A server of that world, and its clients.
struct Place {
    root: Client,
    nobody: Client,
    other: Client,
    server: Server,
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new();
        let server = Server::of_world(&directory, WORLD, &["--allow-insecure-secrets"]);
        let client = |id: &str, secret: &str| server.client(id, secret).of_service("cloudfront");
        let root = client("AKIAROOT", "root-secret");
        let nobody = client("AKIANOBODY", "nobody-secret");
        let other = client("AKIAOTHER", "other-secret");
        Self { root, nobody, other, server, directory }
    }

    fn identity(&self, reference: &str) -> Made {
        made(&self.root.send("POST", IDENTITIES, &[], identity(reference, "c").as_bytes()))
    }

    fn control(&self, name: &str) -> Made {
        made(&self.root.send("POST", CONTROLS, &[], control(name, "always").as_bytes()))
    }

    fn distribution(&self, config: &Config) -> Made {
        made(&self.root.send("POST", DISTRIBUTIONS, &[], config.xml().as_bytes()))
    }

    fn key(&self, name: &str) -> Made {
        made(&self.root.send("POST", KEYS, &[], key(name, name).as_bytes()))
    }

    fn group(&self, name: &str, keys: &[&str]) -> Made {
        made(&self.root.send("POST", GROUPS, &[], group(name, keys).as_bytes()))
    }
}

/// What was made: its id and version.
#[derive(Clone, Debug)]
struct Made {
    id: String,
    etag: String,
}

fn made(answer: &Answer) -> Made {
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.element("Id");
    assert!(answer.header("location").ends_with(&format!("/{id}")), "{}", answer.header("location"));
    Made { id, etag: answer.header("etag").to_owned() }
}

/// Status and error code of an answer.
fn said(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

/// A status and a code as [`said`] gives them.
fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn document(root: &str, inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{root} xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">{inner}</{root}>"
    )
}

fn identity(reference: &str, comment: &str) -> String {
    let inner = format!("<CallerReference>{reference}</CallerReference><Comment>{comment}</Comment>");
    document("CloudFrontOriginAccessIdentityConfig", &inner)
}

fn control(name: &str, signing: &str) -> String {
    let inner = format!(
        "<Name>{name}</Name><SigningProtocol>sigv4</SigningProtocol><SigningBehavior>{signing}</SigningBehavior>\
         <OriginAccessControlOriginType>s3</OriginAccessControlOriginType>"
    );
    document("OriginAccessControlConfig", &inner)
}

fn key(name: &str, reference: &str) -> String {
    let inner = format!(
        "<CallerReference>{reference}</CallerReference><Name>{name}</Name><EncodedKey>{PEM}</EncodedKey><Comment>c</Comment>"
    );
    document("PublicKeyConfig", &inner)
}

fn group(name: &str, keys: &[&str]) -> String {
    let keys = elements("PublicKey", keys);
    document("KeyGroupConfig", &format!("<Name>{name}</Name><Items>{keys}</Items>"))
}

fn elements(name: &str, values: &[&str]) -> String {
    let all: Vec<String> = values.iter().map(|value| format!("<{name}>{value}</{name}>")).collect();
    all.concat()
}

fn list(name: &str, item: &str, values: &[&str]) -> String {
    let items = elements(item, values);
    format!("<{name}><Quantity>{}</Quantity><Items>{items}</Items></{name}>", values.len())
}

/// The configuration of a distribution, with what a test changes of it.
#[derive(Clone)]
struct Config {
    reference: String,
    enabled: bool,
    domain: String,
    /// Elements of the origin beside id and domain.
    origin: String,
    /// Elements of the default behaviour beside origin and protocol.
    behavior: String,
    /// Further elements.
    more: String,
}

impl Config {
    fn new(reference: &str) -> Self {
        Self {
            reference: reference.to_owned(),
            enabled: false,
            domain: "reports.s3.amazonaws.com".to_owned(),
            origin: "<S3OriginConfig><OriginAccessIdentity></OriginAccessIdentity></S3OriginConfig>".to_owned(),
            behavior: "<CachePolicyId>658327ea-f89d-4fab-a63d-7e88639e58f6</CachePolicyId>".to_owned(),
            more: String::new(),
        }
    }

    fn with(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self
    }

    fn behaving(mut self, behavior: &str) -> Self {
        behavior.clone_into(&mut self.behavior);
        self
    }

    fn asking(mut self, origin: &str) -> Self {
        origin.clone_into(&mut self.origin);
        self
    }

    fn of_identity(self, id: &str) -> Self {
        self.asking(&format!(
            "<S3OriginConfig><OriginAccessIdentity>origin-access-identity/cloudfront/{id}</OriginAccessIdentity></S3OriginConfig>"
        ))
    }

    fn inner(&self) -> String {
        let Self { reference, enabled, domain, origin, behavior, more } = self;
        format!(
            "<CallerReference>{reference}</CallerReference><Comment>c</Comment><Enabled>{enabled}</Enabled>\
             <Origins><Quantity>1</Quantity><Items><Origin><Id>o</Id><DomainName>{domain}</DomainName>{origin}</Origin>\
             </Items></Origins><DefaultCacheBehavior><TargetOriginId>o</TargetOriginId>\
             <ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy>{behavior}</DefaultCacheBehavior>{more}"
        )
    }

    fn xml(&self) -> String {
        document("DistributionConfig", &self.inner())
    }
}
