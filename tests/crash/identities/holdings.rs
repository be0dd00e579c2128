//! What one of the writers of policies owns, and how it is read from a server. Policies are kept as the texts that
//! were sent: one that comes back is exactly one of those, or the comparison fails.

use super::super::read::{blocks, encoded, field};
use super::super::support::{Answer, Client, try_raw};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

pub const ACCOUNT: &str = "111122223333";
/// The policy that all writers attach and that nobody changes; it opens the last key.
pub const COMMON: &str = "common";
/// The user to whom all writers put policies of their own.
pub const EVERYONE: &str = "everyone";
/// Keys of the bucket that policies open, one for each bit of a mask.
pub const KEYS: u32 = 8;

/// A form of the query protocol; nothing where the server went away.
pub fn attempt_form(client: &Client, service: &'static str, fields: &[(&str, &str)]) -> Option<Answer> {
    let mut form = String::new();
    for (name, value) in fields {
        let _ = write!(form, "{}{name}={}", if form.is_empty() { "" } else { "&" }, encoded(value));
    }
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let client = client.of(service);
    let head = client.head("POST", "/", &headers, form.as_bytes());
    let answer = try_raw(&client.address, &head, form.as_bytes()).ok()?;
    let promised = answer.header("content-length").parse::<usize>().unwrap_or(0);
    (answer.body.len() >= promised).then_some(answer)
}

/// A form that must be answered; `None`: there is no such thing.
fn asked(client: &Client, fields: &[(&str, &str)]) -> Option<String> {
    let answer = attempt_form(client, "iam", fields).expect("the server answers");
    assert!(matches!(answer.status, 200 | 404), "{fields:?}: {}", answer.text());
    (answer.status == 200).then(|| answer.text())
}

fn elements(client: &Client, fields: &[(&str, &str)], name: &str) -> Vec<String> {
    let text = asked(client, fields).unwrap_or_default();
    blocks(&text, &[name]).into_iter().map(|(_, inner)| inner).collect()
}

fn document(text: &str, name: &str) -> String {
    percent_decode_str(&field(text, name)).decode_utf8().expect("a text").into_owned()
}

pub fn policy_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

pub fn user_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

/// A text that opens the keys of a mask. Its first statement's name has the mask, each name has the seed.
fn text(mask: u8, seed: u64, opening: Value, padding: impl Iterator<Item = Value>) -> String {
    let sid = |at: usize| format!("M{mask}S{seed}N{at}");
    let statements: Vec<Value> = std::iter::once(opening)
        .chain(padding)
        .enumerate()
        .map(|(at, mut statement)| {
            statement["Sid"] = json!(sid(at));
            statement
        })
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// The mask of a text.
pub fn mask(text: &str) -> u8 {
    let digits = text.split_once("\"Sid\":\"M").and_then(|(_, rest)| rest.split_once('S')).map(|(digits, _)| digits);
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no mask in {text}"))
}

fn opened(bucket: &str, mask: u8) -> Vec<String> {
    // A statement needs a resource: this one is no object.
    let none = format!("arn:aws:s3:::{bucket}/nothing");
    let keys = (0..KEYS).filter(|bit| mask & (1 << bit) != 0).map(|bit| format!("arn:aws:s3:::{bucket}/k{bit}"));
    std::iter::once(none).chain(keys).collect()
}

/// A policy of an identity, of about this many statements.
pub fn identity_text(mask: u8, seed: u64, length: u64) -> String {
    let opening = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": opened("data", mask)});
    let more = (0..length).map(
        |at| json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::data/{seed}-{at}")}),
    );
    text(mask, seed, opening, more)
}

/// A bucket's policy for a user.
pub fn bucket_text(bucket: &str, user: &str, mask: u8, seed: u64, length: u64) -> String {
    let principal = json!({"AWS": user_arn(user)});
    let opening =
        json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": opened(bucket, mask)});
    let more = (0..length).map(|at| {
        let resource = format!("arn:aws:s3:::{bucket}/{seed}-{at}");
        json!({"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": resource})
    });
    text(mask, seed, opening, more)
}

/// A role's trust policy: whether the user may take it on.
pub fn trust_text(user: &str, trusted: bool, seed: u64) -> String {
    let action = if trusted { "sts:AssumeRole" } else { "sts:TagSession" };
    let opening = json!({"Effect": "Allow", "Principal": {"AWS": user_arn(user)}, "Action": action});
    let more = (0..seed % 8).map(|at| {
        json!({"Effect": "Deny", "Principal": {"AWS": user_arn(user)}, "Action": "sts:TagSession",
            "Condition": {"StringEquals": {"aws:RequestTag/x": format!("{seed}-{at}")}}})
    });
    text(u8::from(trusted), seed, opening, more)
}

/// A key's policy: whether the user may encrypt.
pub fn key_text(user: &str, encrypts: bool, seed: u64) -> String {
    let action = if encrypts { "kms:Encrypt" } else { "kms:DescribeKey" };
    let opening = json!({"Effect": "Allow", "Principal": {"AWS": user_arn(user)}, "Action": action, "Resource": "*"});
    let owner = json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
        "Action": "kms:*", "Resource": "*"});
    let more = (0..seed % 60).map(|at| {
        json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "kms:Encrypt", "Resource": "*",
            "Condition": {"StringEquals": {"kms:EncryptionContext:x": format!("{seed}-{at}")}}})
    });
    text(u8::from(encrypts), seed, opening, std::iter::once(owner).chain(more))
}

/// A managed policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managed {
    pub default: u32,
    /// By number; 0: the number is not known yet.
    pub versions: BTreeMap<u32, String>,
}

/// Everything that one writer alone changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Of its user: policy by name.
    pub inline: BTreeMap<String, String>,
    /// The policy with its name that [`EVERYONE`] has.
    pub shared_inline: Option<String>,
    /// Managed policies of its user.
    pub attached: BTreeSet<String>,
    /// Managed policies of its role.
    pub role_attached: BTreeSet<String>,
    /// Its managed policies by name.
    pub policies: BTreeMap<String, Managed>,
    /// The trust policy of its role.
    pub trust: String,
    /// The policy of its bucket.
    pub bucket: Option<String>,
    /// The policy of its key.
    pub key: String,
    /// Users below its path, beside its own.
    pub users: BTreeSet<String>,
    /// Access keys of its user, beside the first; empty text: the id is not known yet.
    pub keys: BTreeSet<String>,
}

/// The names of what a writer owns.
#[derive(Clone, Debug)]
pub struct Names {
    pub user: String,
    pub role: String,
    pub bucket: String,
    /// Of its managed policies.
    pub policies: [String; 2],
    /// Of users that come and go.
    pub path: String,
    /// The id of its key in the key service.
    pub key: String,
    /// The access key that its user always has, whose secret is the same text.
    pub access_key: String,
}

impl Names {
    pub fn of(number: usize) -> Self {
        Self {
            user: format!("user{number}"),
            role: format!("role{number}"),
            bucket: format!("bucket{number}"),
            policies: [format!("p{number}-0"), format!("p{number}-1")],
            path: format!("/writer{number}/"),
            key: format!("1234abcd-12ab-34cd-56ef-00000000000{number}"),
            access_key: format!("AKIAWRITER{number}"),
        }
    }
}

fn attached_to(client: &Client, kind: &str, name: &str) -> BTreeSet<String> {
    let action = format!("ListAttached{kind}Policies");
    let fields = [("Action", action.as_str()), (if kind == "User" { "UserName" } else { "RoleName" }, name)];
    elements(client, &fields, "PolicyName").into_iter().collect()
}

fn managed(client: &Client, name: &str) -> Option<Managed> {
    let arn = policy_arn(name);
    let text = asked(client, &[("Action", "GetPolicy"), ("PolicyArn", &arn)])?;
    let number = |id: &str| id.trim_start_matches('v').parse().expect("a number");
    let default = number(&field(&text, "DefaultVersionId"));
    let listed = asked(client, &[("Action", "ListPolicyVersions"), ("PolicyArn", &arn)]).expect("its versions");
    let mut versions = BTreeMap::new();
    for (_, member) in blocks(&listed, &["member"]) {
        let id = field(&member, "VersionId");
        let fields = [("Action", "GetPolicyVersion"), ("PolicyArn", arn.as_str()), ("VersionId", &id)];
        let text = asked(client, &fields).expect("a version that is listed");
        assert_eq!(field(&member, "IsDefaultVersion") == "true", number(&id) == default, "{name} {id}: {listed}");
        versions.insert(number(&id), document(&text, "Document"));
    }
    assert!(versions.contains_key(&default), "{name} has no version v{default}: {listed}");
    Some(Managed { default, versions })
}

fn user_policy(client: &Client, user: &str, policy: &str) -> Option<String> {
    let fields = [("Action", "GetUserPolicy"), ("UserName", user), ("PolicyName", policy)];
    asked(client, &fields).map(|text| document(&text, "PolicyDocument"))
}

impl Holdings {
    /// Everything as the server has it; `client` is the root user's.
    pub fn read(client: &Client, names: &Names) -> Self {
        let user = names.user.as_str();
        let of_user = |action| [("Action", action), ("UserName", user)];
        let inline = elements(client, &of_user("ListUserPolicies"), "member").into_iter().map(|name| {
            let text = user_policy(client, user, &name).expect("a policy that is listed");
            (name, text)
        });
        let inline = inline.collect();
        let policies = names.policies.iter().filter_map(|name| Some((name.clone(), managed(client, name)?))).collect();
        let role = asked(client, &[("Action", "GetRole"), ("RoleName", &names.role)]).expect("its role");
        let answer = client.get(&format!("/{}?policy", names.bucket));
        assert!(matches!(answer.status, 200 | 404), "{}", answer.text());
        let key = client.of("kms").call("TrentService.GetKeyPolicy", &json!({"KeyId": names.key}));
        let key: Value = serde_json::from_slice(&key.body).expect("a document");
        let users = elements(client, &[("Action", "ListUsers"), ("PathPrefix", &names.path)], "UserName");
        let keys = elements(client, &of_user("ListAccessKeys"), "AccessKeyId");
        Self {
            inline,
            shared_inline: user_policy(client, EVERYONE, user),
            attached: attached_to(client, "User", user),
            role_attached: attached_to(client, "Role", &names.role),
            policies,
            trust: document(&role, "AssumeRolePolicyDocument"),
            bucket: (answer.status == 200).then(|| answer.text()),
            key: key["Policy"].as_str().expect("a policy").to_owned(),
            users: users.into_iter().collect(),
            keys: keys.into_iter().filter(|id| *id != names.access_key).collect(),
        }
    }

    /// Fills in the ids that the server made, from what was read.
    pub fn learn(&mut self, read: &Self) {
        if self.keys.remove("") {
            let new = read.keys.difference(&self.keys).next().cloned();
            self.keys.extend(new);
        }
        for (name, managed) in &mut self.policies {
            let Some(text) = managed.versions.remove(&0) else { continue };
            let read = read.policies.get(name).into_iter().flat_map(|read| read.versions.keys());
            let Some(number) = read.copied().find(|number| !managed.versions.contains_key(number)) else { continue };
            managed.versions.insert(number, text);
            if managed.default == 0 {
                managed.default = number;
            }
        }
    }

    /// The keys that its user's own policies open.
    pub fn opens(&self) -> u8 {
        let attached = self.attached.iter().map(|name| match self.policies.get(name) {
            Some(managed) => mask(&managed.versions[&managed.default]),
            None => 1 << (KEYS - 1),
        });
        self.inline.values().map(|text| mask(text)).chain(attached).fold(0, |all, one| all | one)
    }
}

/// Each policy's list of whom it is attached to is the same as their lists of what is attached to them.
pub fn attachments_agree(client: &Client, writers: &[&Names]) {
    let own = writers.iter().flat_map(|names| names.policies.iter().map(String::as_str));
    for policy in own.chain([COMMON]) {
        let arn = policy_arn(policy);
        let Some(text) = asked(client, &[("Action", "GetPolicy"), ("PolicyArn", &arn)]) else { continue };
        let listed = asked(client, &[("Action", "ListEntitiesForPolicy"), ("PolicyArn", &arn)]).expect("its entities");
        let named = |name| blocks(&listed, &[name]).into_iter().map(|(_, inner)| inner).collect::<BTreeSet<_>>();
        let having = |kind, all: Vec<&str>| {
            let has = |name: &&str| attached_to(client, kind, name).contains(policy);
            all.into_iter().filter(has).map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let users = having("User", writers.iter().map(|names| names.user.as_str()).chain([EVERYONE]).collect());
        let roles = having("Role", writers.iter().map(|names| names.role.as_str()).collect());
        assert_eq!(field(&text, "AttachmentCount"), (users.len() + roles.len()).to_string(), "{policy}: {listed}");
        assert_eq!((named("UserName"), named("RoleName")), (users, roles), "{policy}: {listed}");
    }
}
