//! The three pieces of work, the same for every engine.
//!
//! W1: one Allow, one request. W2: an identity policy of ten statements and a bucket policy of
//! five, eight requests. W3: a bucket policy of N Allow statements, one for each tenant.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Account of every principal and of the bucket's owner.
pub const ACCOUNT: &str = "111122223333";

/// Which piece of work; engines with a language of their own choose their translation by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One identity policy of one statement.
    W1,
    /// Ten identity and five bucket statements.
    W2,
    /// `tenants` bucket statements; each names its own principal or, with `anyone` (W3*), `"*"`.
    W3 { tenants: usize, anyone: bool },
}

/// Policies and requests.
pub struct Work {
    pub kind: Kind,
    /// Identity policy of the one user, JSON.
    pub identity: Option<String>,
    /// Bucket policy, JSON; the bucket is of the same account.
    pub bucket: Option<String>,
    pub requests: Vec<Request>,
}

/// One question with its right answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    pub name: String,
    /// ARN of an IAM user.
    pub principal: String,
    pub action: String,
    /// ARN of a bucket or an object.
    pub resource: String,
    /// Condition keys and their values as text; `typed` says what they stand for.
    pub context: BTreeMap<String, String>,
    expect: Expect,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Allow,
    Deny,
}

impl Request {
    /// The right answer.
    pub fn allowed(&self) -> bool {
        self.expect == Expect::Allow
    }

    /// The action without its service: `GetObject`.
    pub fn operation(&self) -> &str {
        self.action.split_once(':').map_or("", |(_, operation)| operation)
    }
}

/// What a context value stands for, so that each engine gets it in its own type before the timed loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed<'a> {
    Text(&'a str),
    Flag(bool),
    Number(i64),
    /// RFC 3339.
    Date(&'a str),
    Ip(&'a str),
}

/// The type of a condition key's value.
pub fn typed<'a>(key: &str, value: &'a str) -> Typed<'a> {
    match key {
        "aws:SecureTransport" | "aws:MultiFactorAuthPresent" => Typed::Flag(value == "true"),
        "aws:CurrentTime" => Typed::Date(value),
        "aws:SourceIp" => Typed::Ip(value),
        "s3:max-keys" => Typed::Number(value.parse().expect("the work's s3:max-keys is a number")),
        _ => Typed::Text(value),
    }
}

pub fn w1() -> Work {
    Work {
        kind: Kind::W1,
        identity: Some(include_str!("../work/w1_policy.json").to_owned()),
        bucket: None,
        requests: requests(include_str!("../work/w1_requests.json")),
    }
}

pub fn w2() -> Work {
    Work {
        kind: Kind::W2,
        identity: Some(include_str!("../work/w2_identity.json").to_owned()),
        bucket: Some(include_str!("../work/w2_bucket.json").to_owned()),
        requests: requests(include_str!("../work/w2_requests.json")),
    }
}

/// Position of the request in W3 that the statement in the middle allows.
pub const HIT: usize = 0;
/// Position of the request in W3 that no statement allows: the right principal, no prefix.
pub const MISS: usize = 1;

pub fn w3(tenants: usize, anyone: bool) -> Work {
    let middle = tenants / 2;
    Work {
        kind: Kind::W3 { tenants, anyone },
        identity: None,
        bucket: Some(w3_policy(tenants, anyone)),
        requests: vec![
            w3_request("hit", middle, &format!("{}report.csv", tenant_prefix(middle)), Expect::Allow),
            w3_request("miss", middle, "arn:aws:s3:::bucket/elsewhere/report.csv", Expect::Deny),
        ],
    }
}

/// Principal of statement `i` of W3.
pub fn tenant_arn(i: usize) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/tenant-{i}")
}

/// Resource of statement `i` of W3 without its last star.
pub fn tenant_prefix(i: usize) -> String {
    format!("arn:aws:s3:::bucket/tenant-{i}/")
}

fn w3_policy(tenants: usize, anyone: bool) -> String {
    let mut json = String::from(r#"{"Version":"2012-10-17","Statement":["#);
    for i in 0..tenants {
        let comma = if i == 0 { "" } else { "," };
        let principal = if anyone { r#""*""#.to_owned() } else { format!(r#"{{"AWS":"{}"}}"#, tenant_arn(i)) };
        let resource = tenant_prefix(i);
        write!(
            json,
            r#"{comma}{{"Effect":"Allow","Principal":{principal},"Action":"s3:GetObject","Resource":"{resource}*"}}"#
        )
        .expect("writing to a String cannot fail");
    }
    json.push_str("]}");
    json
}

/// The context is W1's, for another user.
fn w3_request(name: &str, tenant: usize, resource: &str, expect: Expect) -> Request {
    let principal = tenant_arn(tenant);
    let mut context = w1().requests.swap_remove(0).context;
    context.insert("aws:username".to_owned(), format!("tenant-{tenant}"));
    context.insert("aws:userid".to_owned(), format!("AIDATENANT{tenant:06}"));
    context.insert("aws:PrincipalArn".to_owned(), principal.clone());
    Request {
        name: name.to_owned(),
        principal,
        action: "s3:GetObject".to_owned(),
        resource: resource.to_owned(),
        context,
        expect,
    }
}

fn requests(json: &str) -> Vec<Request> {
    serde_json::from_str(json).expect("the work's requests are well-formed")
}
