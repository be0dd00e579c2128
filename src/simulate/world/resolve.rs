//! From a question to layers and a request: who is meant, what applies, and what is not known.

use super::who::{Who, is_called};
use super::{Account, Attachment, BucketEntry, KeyEntry, World};
use crate::compiled::CompiledPolicy;
use crate::decision::{Bucket, LayerState, Layers, PolicySet};
use crate::policy::acl::{ObjectOwnership, PublicAccessBlock};
use crate::simulate::attributes;
use crate::simulate::question::{Circumstances, Question, quoted};
use crate::simulate::scenario::{OwnedObject, OwnedRequest};
use crate::words::arn::Arn;
use crate::words::codes::Code;
use crate::words::values;
use crate::words::vocabulary::{ActionId, BUCKET, NONE, OBJECT, Service};
use std::net::IpAddr;
use std::sync::Arc;

/// A layer that exists and was not given, with the command that would fetch it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Gap {
    /// The layer's name, as `--absent` takes it.
    pub layer: &'static str,
    /// What is not known.
    pub about: String,
    /// The `aws` command that would fetch it.
    pub command: String,
}

/// Why a question could not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskError {
    /// The code.
    pub code: Code,
    /// A plain sentence.
    pub message: String,
    /// What may have been meant.
    pub candidates: Vec<String>,
}

pub(super) fn refuse<T>(code: Code, message: impl Into<String>) -> Result<T, AskError> {
    Err(AskError { code, message: message.into(), candidates: Vec::new() })
}

pub(super) type Answer<T> = Result<T, AskError>;

/// A question resolved against a world.
#[derive(Debug, Default)]
pub struct Asked {
    /// What applies.
    pub layers: Layers,
    /// The request.
    pub request: OwnedRequest,
    /// What is not known.
    pub gaps: Vec<Gap>,
    /// The context keys that the question gave.
    pub given: Vec<String>,
    /// The time was not given and the caller's clock was used.
    pub clock_used: bool,
}

impl World {
    /// Resolves a question. `now` is the caller's clock, in seconds since 1970, for questions without a time.
    ///
    /// # Errors
    /// A principal, action or resource that is unknown or ambiguous, or an option that cannot be read.
    pub fn ask(&self, question: &Question, now: Option<i64>) -> Answer<Asked> {
        let resource = self.resource_arn(&question.resource)?;
        let who = match question.principal.strip_prefix("cloudfront/") {
            Some(distribution) => self.distribution(distribution, &resource)?,
            None => self.who(&question.principal)?,
        };
        let action = super::super::actions::resolve(&question.action, &resource)
            .map_err(|(code, message, candidates)| AskError { code, message, candidates })?;
        fits(&action, &resource, &question.resource)?;
        let principal = who.principal.clone();
        let request = OwnedRequest { principal, action, resource, derive_context: true, ..OwnedRequest::default() };
        let mut asked = Asked { request, ..Asked::default() };
        Self::identity_layers(&who, &mut asked);
        self.resource_layers(&who, question.circumstances.new_bucket, &mut asked);
        if question.circumstances.new_object {
            make_own(&who, &mut asked);
        }
        self.control_layers(&who, &mut asked);
        self.circumstances(&who, &question.circumstances, now, &mut asked)?;
        assume_absent(&question.circumstances.absent, &mut asked)?;
        if let Err(message) = asked.request.principal.as_principal() {
            return refuse(Code::UnknownPrincipal, message);
        }
        Ok(asked)
    }

    // ---- resources ----

    /// The ARN of a resource as people type it.
    ///
    /// # Errors
    /// Where the text is no resource, or could be several.
    pub fn resource_arn(&self, text: &str) -> Answer<String> {
        if let Some(arn) = Arn::parse(text)
            && arn.service == "kms"
            && let Some(account) = self.accounts.get(arn.account)
            && let Some((id, key)) = account.keys.iter().find(|(_, k)| k.alias.as_deref() == Some(arn.resource))
        {
            return Ok(self.key_arn(account, id, key));
        }
        if text == "*" || text.starts_with("arn:") && Arn::parse(text).is_some() {
            return Ok(text.to_owned());
        }
        if let Some(path) = text.strip_prefix("s3://") {
            let path = path.strip_suffix('/').filter(|p| !p.contains('/')).unwrap_or(path);
            if path.is_empty() || path.starts_with('/') {
                return refuse(Code::UnknownResource, format!("`{text}` names no bucket"));
            }
            return Ok(format!("arn:aws:s3:::{path}"));
        }
        let mut found: Vec<String> = Vec::new();
        for account in self.accounts.values() {
            for (id, key) in &account.keys {
                if key.alias.as_deref() == Some(text) || text.strip_prefix("key/") == Some(id) {
                    found.push(self.key_arn(account, id, key));
                }
            }
            found.extend(
                account
                    .roles
                    .values()
                    .filter(|r| is_called(r, "role", text) && text.starts_with("role/"))
                    .map(|r| r.arn.clone()),
            );
        }
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => refuse(
                Code::UnknownResource,
                format!(
                    "`{text}` is not a resource; write an ARN, `s3://BUCKET/KEY`, `key/ID`, `alias/NAME`, `role/NAME` or `*`"
                ),
            ),
            _ => Err(AskError {
                code: Code::UnknownResource,
                message: format!("`{text}` could be several resources"),
                candidates: found,
            }),
        }
    }

    fn key_arn(&self, account: &Account, id: &str, key: &KeyEntry) -> String {
        let region = key.region.as_deref().or(self.region.as_deref()).unwrap_or("us-east-1");
        format!("arn:aws:kms:{region}:{}:key/{id}", account.id)
    }

    // ---- layers ----

    pub(super) fn identity_layers(who: &Who<'_>, asked: &mut Asked) {
        let arn = who.principal.arn.clone().unwrap_or_default();
        match who.identity {
            Some(identity) => {
                let account = who.account;
                let mut policies: Vec<_> = identity.policies.iter().map(known).collect();
                for name in &identity.groups {
                    match account.and_then(|a| a.groups.get(name)) {
                        Some(group) => policies.extend(group.policies.iter().map(known)),
                        None => policies.push(Err(format!("of the group {name}"))),
                    }
                }
                asked.layers.identity = set_of(policies, "identity", &mut asked.gaps);
                if let Some(boundary) = &identity.boundary {
                    let boundary = boundary.policy().map_err(str::to_owned);
                    asked.layers.boundary = set_of([boundary], "boundary", &mut asked.gaps);
                }
            }
            None if matches!(who.principal.kind.as_str(), "user" | "role-session") => {
                asked.layers.identity = LayerState::Unknown;
                asked.layers.boundary = LayerState::Unknown;
                let command = "aws iam get-account-authorization-details".to_owned();
                asked.gaps.push(Gap {
                    layer: "identity",
                    about: format!("the policies of {arn}"),
                    command: command.clone(),
                });
                asked.gaps.push(Gap {
                    layer: "boundary",
                    about: format!("the permissions boundary of {arn}"),
                    command,
                });
            }
            None => {}
        }
    }

    fn resource_layers(&self, who: &Who<'_>, new_bucket: bool, asked: &mut Asked) {
        let resource = asked.request.resource.clone();
        if resource == "*" && asked.request.action.starts_with("s3:") {
            // What S3 does for no bucket in particular, it does for the requester's own account.
            asked.request.resource_account.clone_from(&who.principal.account);
        }
        let Some(arn) = Arn::parse(&resource) else { return };
        match (arn.service, arn.resource_type()) {
            ("s3", _) if arn.account.is_empty() => {
                let (name, key) = match arn.resource.split_once('/') {
                    Some((name, key)) => (name, Some(key)),
                    None => (arn.resource, None),
                };
                if key.is_none() && (new_bucket || asked.request.action == "s3:CreateBucket") {
                    asked.layers.bucket = Some(self.own_new_bucket(who, name));
                } else {
                    self.bucket_layers(who, name, key, asked);
                }
            }
            ("kms", Some(("key", id))) => {
                let account = self.accounts.get(arn.account);
                let entry = account.and_then(|a| a.keys.get(id).filter(|key| self.key_arn(a, id, key) == resource));
                let describe = |what: &str| format!("aws kms {what} --key-id {}", quoted(&resource));
                let gap = |layer, about: &str, command| Gap { layer, about: about.to_owned(), command };
                asked.layers.resource = match entry.map(|e| &e.policy) {
                    Some(LayerState::Given(policy)) => LayerState::Given(one(policy)),
                    // A key always has a policy: one that the world leaves out allows nothing.
                    Some(LayerState::Absent) => LayerState::Given(PolicySet::default()),
                    Some(LayerState::Unknown) | None => LayerState::Unknown,
                };
                asked.layers.grants = entry.map_or(LayerState::Unknown, |e| e.grants.clone());
                if asked.layers.resource.is_unknown() {
                    asked.gaps.push(gap(
                        "resource",
                        "the key policy",
                        format!("{} --policy-name default", describe("get-key-policy")),
                    ));
                }
                if asked.layers.grants.is_unknown() {
                    asked.gaps.push(gap("grants", "the key's grants", describe("list-grants")));
                }
            }
            ("iam", Some(("role", _))) if asked.request.action.starts_with("sts:") => {
                let account = self.accounts.get(arn.account);
                let role = account.and_then(|a| a.roles.values().find(|r| r.arn == resource));
                asked.layers.resource = match role {
                    Some(role) => LayerState::Given(role.trust.as_ref().map(one).unwrap_or_default()),
                    None => LayerState::Unknown,
                };
                if role.is_none() {
                    let command =
                        format!("aws iam get-role --role-name {}", arn.resource.rsplit('/').next().unwrap_or_default());
                    asked.gaps.push(Gap { layer: "resource", about: "the role's trust policy".to_owned(), command });
                }
            }
            _ => {}
        }
    }

    /// A bucket that is yet to be created, as the requester's own: there is no policy and no ACL that could speak.
    fn own_new_bucket(&self, who: &Who<'_>, name: &str) -> Bucket {
        let block = match who.account {
            Some(account) if account.partial && account.public_access_block.is_absent() => LayerState::Unknown,
            Some(account) => account.public_access_block.clone(),
            None => LayerState::Absent,
        };
        Bucket {
            name: name.to_owned(),
            owner_account: who.principal.account.clone().unwrap_or_default(),
            owner_canonical: who.principal.canonical.clone(),
            region: self.region.clone(),
            acl: LayerState::Absent,
            ownership: ObjectOwnership::BucketOwnerEnforced,
            public_access_block: block,
        }
    }

    fn bucket_layers(&self, who: &Who<'_>, name: &str, key: Option<&str>, asked: &mut Asked) {
        let Some((account, entry)) = self.bucket(name) else {
            asked.layers.resource = LayerState::Unknown;
            let command = format!("aws s3api get-bucket-policy --bucket {}", quoted(name));
            asked.gaps.push(Gap { layer: "resource", about: format!("the bucket `{name}` and its policy"), command });
            // Without an owner the bucket is taken for the requester's own: the more permissive reading, which an
            // unknown layer then keeps from allowing.
            asked.request.resource_account.clone_from(&who.principal.account);
            return;
        };
        let gap = |layer, about: String, command: &str| Gap {
            layer,
            about,
            command: format!("aws s3api {command} --bucket {}", quoted(name)),
        };
        asked.layers.resource = match &entry.policy {
            LayerState::Given(policy) => LayerState::Given(one(policy)),
            LayerState::Absent => LayerState::Absent,
            LayerState::Unknown => {
                asked.gaps.push(gap("resource", format!("the policy of the bucket `{name}`"), "get-bucket-policy"));
                LayerState::Unknown
            }
        };
        let block = merged_block(account, entry);
        if block.is_unknown() {
            let about = format!("Block Public Access of the bucket `{name}` or its account");
            asked.gaps.push(gap("block_public_access", about, "get-public-access-block"));
        }
        let mut acl = entry.acl.clone();
        if entry.ownership.is_none() {
            acl = LayerState::Unknown;
            let about = format!("the Object Ownership of the bucket `{name}`");
            asked.gaps.push(gap("acl", about, "get-bucket-ownership-controls"));
        } else if acl.is_unknown() && entry.ownership != Some(ObjectOwnership::BucketOwnerEnforced) {
            asked.gaps.push(gap("acl", format!("the ACL of the bucket `{name}`"), "get-bucket-acl"));
        }
        asked.layers.bucket = Some(Bucket {
            name: name.to_owned(),
            owner_account: account.id.clone(),
            owner_canonical: Some(account.canonical_id.clone()),
            region: entry.region.clone().or_else(|| self.region.clone()),
            acl,
            // Without the setting ACLs are taken to count.
            ownership: entry.ownership.unwrap_or(ObjectOwnership::ObjectWriter),
            public_access_block: block,
        });
        asked.request.object = key.and_then(|key| entry.objects.get(key)).cloned().or_else(|| {
            // An object that the world does not list may exist; for ACLs it is taken to be the owner's own.
            (key.is_some() && !writes_new_objects(&asked.request.action)).then(OwnedObject::default)
        });
    }

    fn control_layers(&self, who: &Who<'_>, asked: &mut Asked) {
        let principal = who.principal.account.clone();
        let of_resource = asked.layers.bucket.as_ref().map(|b| b.owner_account.clone());
        let resource = of_resource
            .or_else(|| asked.request.resource_account.clone())
            .or_else(|| Arn::parse(&asked.request.resource).map(|a| a.account.to_owned()).filter(|a| !a.is_empty()))
            .or_else(|| principal.clone());
        for (account, scp) in [(principal, true), (resource, false)] {
            let Some(account) = account else { continue };
            let layer = if scp { "scp" } else { "rcp" };
            let state = self.control_sets(&account, scp);
            if state.is_unknown() {
                let filter = if scp { "SERVICE_CONTROL_POLICY" } else { "RESOURCE_CONTROL_POLICY" };
                let command =
                    format!("aws organizations list-policies-for-target --target-id {account} --filter {filter}");
                let kind = if scp { "service" } else { "resource" };
                asked.gaps.push(Gap {
                    layer,
                    about: format!("the {kind} control policies of the account {account}"),
                    command,
                });
            }
            if scp {
                asked.layers.service_control = state;
            } else {
                asked.layers.resource_control = state;
            }
        }
    }

    pub(super) fn control_sets(&self, account: &str, scp: bool) -> LayerState<Vec<PolicySet>> {
        let known = self.accounts.get(account);
        let Some(organization) = &self.organization else {
            // A world file without an organization has none; a dump does not say.
            return if known.is_none_or(|a| a.partial) { LayerState::Unknown } else { LayerState::Absent };
        };
        if organization.management_account == account {
            return LayerState::Absent;
        }
        match organization.levels.get(account) {
            Some(levels) => {
                let sets = if scp { &levels.service_control } else { &levels.resource_control };
                if sets.is_empty() { LayerState::Absent } else { LayerState::Given(sets.clone()) }
            }
            None if organization.complete && known.is_some_and(|a| !a.partial) => LayerState::Absent,
            None => LayerState::Unknown,
        }
    }

    // ---- circumstances ----

    fn circumstances(&self, who: &Who<'_>, c: &Circumstances, now: Option<i64>, asked: &mut Asked) -> Answer<()> {
        let mut context = self.principal_context(who);
        let owner = asked.layers.bucket.as_ref().map(|b| b.owner_account.as_str());
        let owner = owner.or(asked.request.resource_account.as_deref());
        let owner = owner.or_else(|| Arn::parse(&asked.request.resource).map(|a| a.account));
        context.extend(self.resource_context(owner));
        let mut put = |key: &str, value: String| context.push((key.to_owned(), vec![value]));
        let region = asked.layers.bucket.as_ref().and_then(|b| b.region.clone()).or_else(|| self.region.clone());
        if let Some(region) = region {
            put("aws:RequestedRegion", region);
        }
        let mut given: Vec<(String, Vec<String>)> = Vec::new();
        let mut give = |key: &str, value: String| given.push((key.to_owned(), vec![value]));
        if let Some(id) = &c.vpce {
            give("aws:SourceVpce", id.clone());
            let found = self.accounts.values().find_map(|a| a.vpc_endpoints.get(id));
            if let Some(vpc) = found.and_then(|e| e.vpc.as_ref()) {
                put("aws:SourceVpc", vpc.clone());
            }
            match found {
                Some(endpoint) => asked.layers.vpc_endpoint = endpoint.policy.as_ref().map(one).into(),
                None => {
                    asked.layers.vpc_endpoint = LayerState::Unknown;
                    let command = format!("aws ec2 describe-vpc-endpoints --vpc-endpoint-ids {}", quoted(id));
                    asked.gaps.push(Gap { layer: "vpce", about: format!("the policy of the endpoint {id}"), command });
                }
            }
        }
        if let Some(address) = &c.from {
            if address.parse::<IpAddr>().is_err() {
                return refuse(Code::BadQuestion, format!("`--from {address}` is not an IP address"));
            }
            // Through an endpoint the public address is not known; the private one is (IAM User Guide).
            give(if c.vpce.is_some() { "aws:VpcSourceIp" } else { "aws:SourceIp" }, address.clone());
        }
        if let Some(tls) = c.https {
            give("aws:SecureTransport", tls.to_string());
        }
        if let Some(age) = &c.mfa {
            give("aws:MultiFactorAuthPresent", "true".to_owned());
            if let Some(age) = age {
                if age.parse::<u64>().is_err() {
                    return refuse(Code::BadQuestion, format!("`--mfa={age}` is not an age in seconds"));
                }
                give("aws:MultiFactorAuthAge", age.clone());
            }
        }
        let seconds = match &c.at {
            Some(at) => match values::parse_instant(at) {
                Some(at) => Some(at.seconds),
                None => {
                    return refuse(Code::BadQuestion, format!("`--at {at}` is not a time such as 2026-11-22T09:00Z"));
                }
            },
            None => now,
        };
        asked.clock_used = c.at.is_none();
        if let Some(seconds) = seconds {
            let time = crate::decision::ContextValue::instant(seconds).as_str().to_owned();
            let to = if c.at.is_some() { &mut given } else { &mut context };
            to.push(("aws:CurrentTime".to_owned(), vec![time]));
            to.push(("aws:EpochTime".to_owned(), vec![seconds.to_string()]));
        }
        asked.given = given.iter().map(|(key, _)| key.clone()).collect();
        for pair in &c.context {
            let Some((key, value)) = pair.split_once('=').filter(|(key, _)| key.contains(':')) else {
                return refuse(
                    Code::BadQuestion,
                    format!("`-c {pair}` is not KEY=VALUE with a key such as aws:SourceVpc"),
                );
            };
            if asked.given.iter().any(|k| k.eq_ignore_ascii_case(key)) {
                return refuse(Code::BadQuestion, format!("`-c {pair}` and an option of its own both say `{key}`"));
            }
            match given.iter_mut().find(|(k, _)| k.eq_ignore_ascii_case(key)) {
                Some((_, values)) => values.push(value.to_owned()),
                None => given.push((key.to_owned(), vec![value.to_owned()])),
            }
        }
        asked.given = given.iter().map(|(key, _)| key.clone()).collect();
        context.extend(given);
        asked.request.context = context;
        Ok(())
    }
}

/// An S3 or KMS action is asked of the kind of resource that it applies to: on anything else AWS would never
/// evaluate it, and the answer would mislead.
fn fits(action: &str, resource: &str, typed: &str) -> Answer<()> {
    let arn = Arn::parse(resource);
    let Some(id) = ActionId::lookup(action) else {
        return match arn {
            Some(arn) if arn.service == "s3" && !action.starts_with("s3:") => {
                refuse(Code::UnknownResource, format!("`{action}` is not an action on `{typed}`, which is of S3"))
            }
            _ => Ok(()),
        };
    };
    let kinds = id.resources();
    let wanted = match id.service() {
        Service::S3 if kinds & OBJECT != 0 => "an object: `s3://BUCKET/KEY`",
        Service::S3 if kinds & BUCKET != 0 => "a bucket: `s3://BUCKET`",
        Service::S3 if kinds == NONE => "`*`",
        Service::Kms if kinds != NONE => "a key: `key/ID`, `alias/NAME` or its ARN",
        _ => return Ok(()),
    };
    let fitting = match (id.service(), arn.map(|a| (a.service, a.account.is_empty(), a.resource.contains('/')))) {
        (Service::S3, None) => kinds & (BUCKET | OBJECT) == 0,
        (Service::S3, Some(("s3", true, is_object))) => kinds & if is_object { OBJECT } else { BUCKET } != 0,
        // Access points and the like have ARNs of their own, which are taken as they are.
        (Service::S3, Some(("s3", false, _))) | (Service::Kms, Some(("kms", ..))) => true,
        _ => false,
    };
    if fitting {
        Ok(())
    } else {
        refuse(Code::UnknownResource, format!("`{action}` is asked of {wanted}, not of `{typed}`"))
    }
}

/// Takes the object for the one that the request makes.
fn make_own(who: &Who<'_>, asked: &mut Asked) {
    let Some(bucket) = &asked.layers.bucket else { return };
    if let Some(writer) = attributes::owner_to_be(bucket.ownership, who.principal.canonical.as_deref()) {
        let tags = asked.request.object.take().map(|object| object.tags).unwrap_or_default();
        asked.request.object = Some(OwnedObject { owner_canonical: Some(writer.to_owned()), acl: None, tags });
    }
}

fn writes_new_objects(action: &str) -> bool {
    action == "s3:PutObject"
}

fn one(policy: &Arc<CompiledPolicy>) -> PolicySet {
    PolicySet::new(vec![policy.clone()])
}

fn known(attachment: &Attachment) -> Result<&Arc<CompiledPolicy>, String> {
    attachment.policy().map_err(str::to_owned)
}

/// A layer of these policies, or of the names of those that are not known.
fn set_of<'a>(
    attachments: impl IntoIterator<Item = Result<&'a Arc<CompiledPolicy>, String>>,
    layer: &'static str,
    gaps: &mut Vec<Gap>,
) -> LayerState<PolicySet> {
    let mut policies = Vec::new();
    let mut missing = false;
    for attachment in attachments {
        match attachment {
            Ok(policy) => policies.push(policy.clone()),
            Err(name) => {
                missing = true;
                let command = format!(
                    "aws iam get-account-authorization-details --filter AWSManagedPolicy LocalManagedPolicy # {name}"
                );
                gaps.push(Gap { layer, about: format!("the policy {name}"), command });
            }
        }
    }
    if missing { LayerState::Unknown } else { LayerState::Given(PolicySet::new(policies)) }
}

fn merged_block(account: &Account, entry: &BucketEntry) -> LayerState<PublicAccessBlock> {
    let account_block = match (&account.public_access_block, account.partial) {
        (LayerState::Absent, true) => &LayerState::Unknown,
        (block, _) => block,
    };
    match (&entry.public_access_block, account_block) {
        // All four flags on are as strict as it gets, whatever the other setting is.
        (LayerState::Given(all), _) | (_, LayerState::Given(all)) if *all == PublicAccessBlock::ALL => {
            LayerState::Given(*all)
        }
        (LayerState::Unknown, _) | (_, LayerState::Unknown) => LayerState::Unknown,
        (LayerState::Given(a), LayerState::Given(b)) => LayerState::Given(a.union(*b)),
        (LayerState::Given(one), LayerState::Absent) | (LayerState::Absent, LayerState::Given(one)) => {
            LayerState::Given(*one)
        }
        (LayerState::Absent, LayerState::Absent) => LayerState::Absent,
    }
}

fn clear<T>(state: &mut LayerState<T>) {
    if state.is_unknown() {
        *state = LayerState::Absent;
    }
}

fn assume_absent(layers: &[String], asked: &mut Asked) -> Answer<()> {
    for name in layers {
        let l = &mut asked.layers;
        match name.as_str() {
            "identity" => clear(&mut l.identity),
            "boundary" => clear(&mut l.boundary),
            "session" => clear(&mut l.session),
            "scp" => clear(&mut l.service_control),
            "rcp" => clear(&mut l.resource_control),
            "resource" => clear(&mut l.resource),
            "vpce" => clear(&mut l.vpc_endpoint),
            "grants" => clear(&mut l.grants),
            "acl" => l.bucket.iter_mut().for_each(|b| clear(&mut b.acl)),
            "block_public_access" => l.bucket.iter_mut().for_each(|b| clear(&mut b.public_access_block)),
            _ => return refuse(Code::BadQuestion, format!("there is no layer `{name}` to take as absent")),
        }
        asked.gaps.retain(|gap| gap.layer != name);
    }
    Ok(())
}
