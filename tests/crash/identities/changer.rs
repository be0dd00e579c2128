//! One of the writers of policies: it alone changes what it holds, one request after the other.

use super::super::model::Rng;
use super::super::read::{attempt, field};
use super::super::support::{Answer, Client};
use super::holdings::{
    COMMON, EVERYONE, Holdings, Managed, Names, attempt_form, bucket_text, identity_text, key_text, policy_arn,
    trust_text,
};
use serde_json::json;

pub struct Changer {
    pub names: Names,
    pub rng: Rng,
    pub known: Holdings,
    /// What a request without an answer was to make of it.
    pub pending: Option<Holdings>,
    /// Access keys that it was given, with their secrets, whether or not they are still there.
    pub secrets: Vec<(String, String)>,
    pub acknowledged: u64,
    /// What became of requests without an answer: nothing, or everything.
    pub resolved: (u64, u64),
}

impl Changer {
    pub fn new(number: usize, seed: u64) -> Self {
        Self {
            names: Names::of(number),
            rng: Rng(seed),
            known: Holdings::default(),
            pending: None,
            secrets: Vec::new(),
            acknowledged: 0,
            resolved: (0, 0),
        }
    }

    fn mask(&mut self) -> u8 {
        u8::try_from(self.rng.below(128)).expect("below 128")
    }

    /// A seed of few digits: it stands in every statement.
    fn seed(&mut self) -> u64 {
        self.rng.below(1_000_000)
    }

    /// One request; nothing once the server is gone.
    pub fn step(&mut self, client: &Client) -> Option<()> {
        match self.rng.below(100) {
            0..=17 => self.inline(client),
            18..=25 => self.shared_inline(client),
            26..=39 => self.attachment(client, "User"),
            40..=44 => self.attachment(client, "Role"),
            45..=69 => self.managed(client),
            70..=76 => self.trust(client),
            77..=83 => self.bucket(client),
            84..=89 => self.key(client),
            90..=94 => self.user(client),
            _ => self.access_key(client),
        }
    }

    /// Sends a form that makes `after` of what is held.
    fn change(&mut self, client: &Client, fields: &[(&str, &str)], after: Holdings) -> Option<Answer> {
        self.pending = Some(after);
        let answer = attempt_form(client, "iam", fields)?;
        assert_eq!(answer.status, 200, "{fields:?}: {}", answer.text());
        self.settle();
        Some(answer)
    }

    fn settle(&mut self) {
        self.known = self.pending.take().expect("something was sent");
        self.acknowledged += 1;
    }

    fn inline(&mut self, client: &Client) -> Option<()> {
        let (name, user) = (format!("inline{}", self.rng.below(3)), self.names.user.clone());
        let mut after = self.known.clone();
        let named = [("UserName", user.as_str()), ("PolicyName", name.as_str())];
        if after.inline.remove(&name).is_some() && self.rng.chance(30) {
            let fields = [&[("Action", "DeleteUserPolicy")][..], &named].concat();
            return self.change(client, &fields, after).map(drop);
        }
        // All of them together have no more than 2048 characters.
        let text = identity_text(self.mask() & 0x0f, self.seed(), self.rng.below(2));
        after.inline.insert(name.clone(), text.clone());
        let fields = [&[("Action", "PutUserPolicy"), ("PolicyDocument", text.as_str())][..], &named].concat();
        self.change(client, &fields, after).map(drop)
    }

    /// A policy in the same document as those of the other writers.
    fn shared_inline(&mut self, client: &Client) -> Option<()> {
        let name = self.names.user.clone();
        let mut after = self.known.clone();
        let named = [("UserName", EVERYONE), ("PolicyName", name.as_str())];
        if after.shared_inline.take().is_some() && self.rng.chance(40) {
            let fields = [&[("Action", "DeleteUserPolicy")][..], &named].concat();
            return self.change(client, &fields, after).map(drop);
        }
        let text = identity_text(self.mask() & 0x07, self.seed(), 0);
        after.shared_inline = Some(text.clone());
        let fields = [&[("Action", "PutUserPolicy"), ("PolicyDocument", text.as_str())][..], &named].concat();
        self.change(client, &fields, after).map(drop)
    }

    fn attachment(&mut self, client: &Client, kind: &str) -> Option<()> {
        let mut after = self.known.clone();
        let mut names: Vec<String> = after.policies.keys().cloned().collect();
        names.push(COMMON.to_owned());
        let name = self.rng.pick(&names).cloned().expect("at least one");
        let (attached, field, holder) = if kind == "User" {
            (&mut after.attached, "UserName", self.names.user.clone())
        } else {
            (&mut after.role_attached, "RoleName", self.names.role.clone())
        };
        let action = if attached.remove(&name) { format!("Detach{kind}Policy") } else { format!("Attach{kind}Policy") };
        if action.starts_with('A') {
            attached.insert(name.clone());
        }
        let arn = policy_arn(&name);
        self.change(client, &[("Action", &action), (field, &holder), ("PolicyArn", &arn)], after).map(drop)
    }

    /// Makes a policy or a version, sets the default, or takes one of them away.
    fn managed(&mut self, client: &Client) -> Option<()> {
        let name = self.rng.pick(&self.names.policies.clone()).cloned().expect("two");
        let (arn, mut after) = (policy_arn(&name), self.known.clone());
        let text = identity_text(self.mask(), self.seed(), self.rng.below(35));
        let Some(managed) = after.policies.get_mut(&name) else {
            after.policies.insert(name.clone(), Managed { default: 1, versions: [(1, text.clone())].into() });
            let fields = [("Action", "CreatePolicy"), ("PolicyName", name.as_str()), ("PolicyDocument", &text)];
            return self.change(client, &fields, after).map(drop);
        };
        let others: Vec<u32> = managed.versions.keys().copied().filter(|number| *number != managed.default).collect();
        let version = self.rng.pick(&others).copied();
        let id = version.map(|number| format!("v{number}")).unwrap_or_default();
        let of_version = |action| [("Action", action), ("PolicyArn", arn.as_str()), ("VersionId", id.as_str())];
        match (self.rng.below(10), version) {
            (0..=2, Some(version)) => {
                managed.default = version;
                self.change(client, &of_version("SetDefaultPolicyVersion"), after).map(drop)
            }
            (3..=5, Some(version)) => {
                managed.versions.remove(&version);
                self.change(client, &of_version("DeletePolicyVersion"), after).map(drop)
            }
            (6, None) if !after.attached.contains(&name) && !after.role_attached.contains(&name) => {
                after.policies.remove(&name);
                self.change(client, &[("Action", "DeletePolicy"), ("PolicyArn", &arn)], after).map(drop)
            }
            (roll, _) if others.len() < 4 => {
                managed.versions.insert(0, text.clone());
                let default = roll % 2 == 0;
                if default {
                    managed.default = 0;
                }
                let set = default.to_string();
                let fields = [
                    ("Action", "CreatePolicyVersion"),
                    ("PolicyArn", &arn),
                    ("PolicyDocument", &text),
                    ("SetAsDefault", &set),
                ];
                let answer = self.change(client, &fields, after)?;
                let number = field(&answer.text(), "VersionId").trim_start_matches('v').parse().expect("a number");
                let managed = self.known.policies.get_mut(&name).expect("it is there");
                let text = managed.versions.remove(&0).expect("just made");
                managed.versions.insert(number, text);
                if default {
                    managed.default = number;
                }
                Some(())
            }
            _ => Some(()),
        }
    }

    fn trust(&mut self, client: &Client) -> Option<()> {
        let (trusted, seed) = (self.rng.chance(50), self.seed());
        let text = trust_text(&self.names.user, trusted, seed);
        let after = Holdings { trust: text.clone(), ..self.known.clone() };
        let role = self.names.role.clone();
        let fields = [("Action", "UpdateAssumeRolePolicy"), ("RoleName", role.as_str()), ("PolicyDocument", &text)];
        self.change(client, &fields, after).map(drop)
    }

    fn bucket(&mut self, client: &Client) -> Option<()> {
        let path = format!("/{}?policy", self.names.bucket);
        let mut after = self.known.clone();
        let answer = if after.bucket.take().is_some() && self.rng.chance(30) {
            self.pending = Some(after);
            attempt(client, "DELETE", &path, &[], b"")?
        } else {
            let (mask, seed, length) = (self.mask(), self.seed(), self.rng.below(90));
            let text = bucket_text(&self.names.bucket, &self.names.user, mask, seed, length);
            after.bucket = Some(text.clone());
            self.pending = Some(after);
            attempt(client, "PUT", &path, &[], text.as_bytes())?
        };
        assert_eq!(answer.status, 204, "{}", answer.text());
        self.settle();
        Some(())
    }

    fn key(&mut self, client: &Client) -> Option<()> {
        let (encrypts, seed) = (self.rng.chance(50), self.seed());
        let text = key_text(&self.names.user, encrypts, seed);
        self.pending = Some(Holdings { key: text.clone(), ..self.known.clone() });
        let body = json!({"KeyId": self.names.key, "Policy": text}).to_string();
        let headers = [("x-amz-target", "TrentService.PutKeyPolicy"), ("content-type", "application/x-amz-json-1.1")];
        let answer = attempt(&client.of("kms"), "POST", "/", &headers, body.as_bytes())?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.settle();
        Some(())
    }

    fn user(&mut self, client: &Client) -> Option<()> {
        let name = format!("{}-{}", self.names.user, self.rng.below(4));
        let mut after = self.known.clone();
        if after.users.remove(&name) {
            return self.change(client, &[("Action", "DeleteUser"), ("UserName", &name)], after).map(drop);
        }
        after.users.insert(name.clone());
        let path = self.names.path.clone();
        self.change(client, &[("Action", "CreateUser"), ("UserName", &name), ("Path", &path)], after).map(drop)
    }

    fn access_key(&mut self, client: &Client) -> Option<()> {
        let (user, mut after) = (self.names.user.clone(), self.known.clone());
        if let Some(id) = after.keys.pop_first() {
            let fields = [("Action", "DeleteAccessKey"), ("UserName", user.as_str()), ("AccessKeyId", &id)];
            return self.change(client, &fields, after).map(drop);
        }
        after.keys.insert(String::new());
        let answer = self.change(client, &[("Action", "CreateAccessKey"), ("UserName", &user)], after)?.text();
        let id = field(&answer, "AccessKeyId");
        self.known.keys = [id.clone()].into();
        self.secrets.push((id, field(&answer, "SecretAccessKey")));
        Some(())
    }
}
