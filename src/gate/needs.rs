//! From a row of the table to the questions it asks: which permissions, on which resources, with which
//! condition keys.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; semantics
//! section 5.2 for when a key is present.

use super::caller::Caller;
use super::facts::{BodyFacts, RequestFacts, SeenObject};
use super::operations::{Keys, OperationId, Permission, Row, When};
use crate::decision::{Action, AuthorizationRequest, Context, ContextValue, Layers, ObjectFacts, Resource};
use crate::simulate::attributes;

/// Headers that a condition key carries as they were sent: `s3:` and the header's name.
const ACL_KEYS: [(&str, &str); 6] = [
    ("x-amz-acl", "s3:x-amz-acl"),
    ("x-amz-grant-read", "s3:x-amz-grant-read"),
    ("x-amz-grant-write", "s3:x-amz-grant-write"),
    ("x-amz-grant-read-acp", "s3:x-amz-grant-read-acp"),
    ("x-amz-grant-write-acp", "s3:x-amz-grant-write-acp"),
    ("x-amz-grant-full-control", "s3:x-amz-grant-full-control"),
];
const WRITE_KEYS: [(&str, &str); 7] = [
    ("x-amz-storage-class", "s3:x-amz-storage-class"),
    ("x-amz-server-side-encryption", "s3:x-amz-server-side-encryption"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    ("x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-server-side-encryption-customer-algorithm"),
    ("x-amz-website-redirect-location", "s3:x-amz-website-redirect-location"),
    ("if-match", "s3:if-match"),
    ("if-none-match", "s3:if-none-match"),
];
const COPY_KEYS: [(&str, &str); 2] =
    [("x-amz-copy-source", "s3:x-amz-copy-source"), ("x-amz-metadata-directive", "s3:x-amz-metadata-directive")];
const LISTING_KEYS: [(&str, &str); 3] =
    [("prefix", "s3:prefix"), ("delimiter", "s3:delimiter"), ("max-keys", "s3:max-keys")];

const SECONDS_A_DAY: i64 = 86_400;

/// Whether a request needs a permission.
#[must_use]
pub fn applies(when: When, facts: &RequestFacts<'_>, body: &BodyFacts) -> bool {
    let header = |name: &str| facts.asked.header(name);
    match when {
        When::Always => true,
        When::SetsAcl => ACL_KEYS.iter().any(|(name, _)| header(name).is_some()),
        When::SetsTags => body.tags.as_ref().is_some_and(|tags| !tags.is_empty()),
        When::SetsRetention => body.lock_mode.is_some() || body.retain_until.is_some(),
        When::SetsLegalHold => body.legal_hold.is_some(),
        When::LocksBucket => body.locks_bucket,
        When::SetsOwnership => header("x-amz-object-ownership").is_some(),
        When::BypassesGovernance => bypasses_governance(facts),
        When::CopiesTags => body.copies_tags,
    }
}

/// Whether the request asks to override GOVERNANCE retention.
#[must_use]
pub fn bypasses_governance(facts: &RequestFacts<'_>) -> bool {
    facts.asked.header("x-amz-bypass-governance-retention").is_some_and(|v| v.eq_ignore_ascii_case("true"))
}

/// One question of a request.
#[derive(Clone, Copy, Debug)]
pub struct Need<'a> {
    /// The operation.
    pub row: &'static Row,
    /// The permission.
    pub permission: &'static Permission,
    /// The resource's ARN.
    pub arn: &'a str,
    /// The version of the object that is named.
    pub version: Option<&'a str>,
    /// The object, where it exists.
    pub object: Option<SeenObject<'a>>,
}

impl<'a> Need<'a> {
    /// The action: the versioned one where a version is named.
    #[must_use]
    pub fn action(&self) -> &'static str {
        self.version.and(self.permission.versioned).unwrap_or(self.permission.action)
    }

    /// The condition keys that the request brings for it, beside those that follow from principal and resource.
    #[must_use]
    pub fn context(&self, facts: &RequestFacts<'a>, body: &'a BodyFacts) -> Context<'a> {
        let mut context = Context::new();
        circumstances(&mut context, facts);
        let keys = self.permission.keys;
        if let Some(version) = self.version.filter(|_| self.permission.versioned.is_some()) {
            context.set("s3:versionid", version);
        }
        let mut put_headers = |table: &[(&str, &'static str)]| {
            for (header, key) in table {
                if let Some(value) = facts.asked.header(header) {
                    context.set(*key, value);
                }
            }
        };
        if keys.has(Keys::ACL) {
            put_headers(&ACL_KEYS);
        }
        if keys.has(Keys::WRITE) {
            put_headers(&WRITE_KEYS);
        }
        if keys.has(Keys::COPY) {
            put_headers(&COPY_KEYS);
        }
        if keys.has(Keys::IF_MATCH) {
            put_headers(&[("if-match", "s3:if-match")]);
        }
        if keys.has(Keys::CREATION) {
            put_headers(&[("x-amz-object-ownership", "s3:x-amz-object-ownership")]);
            if let Some(location) = &body.location_constraint {
                context.set("s3:locationconstraint", location.as_str());
            }
        }
        if keys.has(Keys::WRITE) {
            let partial = matches!(
                self.row.id,
                OperationId::CreateMultipartUpload | OperationId::UploadPart | OperationId::UploadPartCopy
            );
            context.set_value("s3:ObjectCreationOperation", ContextValue::bool(!partial));
        }
        if keys.has(Keys::LISTING) {
            for (parameter, key) in LISTING_KEYS {
                if let Some(value) = facts.asked.query(parameter) {
                    context.set(key, value);
                }
            }
        }
        if keys.has(Keys::TAGS) {
            tags(&mut context, body);
        }
        if keys.has(Keys::LOCK) {
            lock(&mut context, body, keys, facts.time);
        }
        context
    }

    /// The question in full.
    ///
    /// # Errors
    /// A sentence where the caller is of no kind that can ask.
    pub fn request(
        &self,
        facts: &RequestFacts<'a>,
        body: &'a BodyFacts,
        caller: &'a Caller,
        scene_context: &'a [(String, Vec<String>)],
        layers: &'a Layers,
    ) -> Result<AuthorizationRequest<'a>, String> {
        let mut resource = Resource::new(self.arn);
        if layers.bucket.is_none()
            && let Some(account) = caller.account()
        {
            resource = resource.in_account(account);
        }
        if let Some(object) = self.object {
            resource = resource.with_object(ObjectFacts { owner_canonical: object.owner_canonical, acl: object.acl });
        }
        let principal = caller.principal.as_principal()?;
        let mut request = AuthorizationRequest::new(principal, Action::new(self.action()), resource)
            .with_context(self.context(facts, body));
        caller.set_context(&mut request.context, facts.time);
        for (key, values) in scene_context {
            match values.as_slice() {
                [one] => request.context.set(key.as_str(), one.as_str()),
                many => request.context.set_many(key.as_str(), many.iter().map(String::as_str)),
            };
        }
        request.sets_public_acl = body.sets_public_acl;
        request.sets_public_policy = body.sets_public_policy;
        attributes::derive(&mut request, layers);
        let tags = self.object.iter().flat_map(|object| object.tags);
        attributes::derive_object_tags(&mut request, tags.map(|(k, v)| (k.as_str(), v.as_str())));
        Ok(request)
    }
}

fn circumstances<'a>(context: &mut Context<'a>, facts: &RequestFacts<'a>) {
    context.current_time(facts.time);
    if let Some(address) = facts.source_ip {
        context.source_ip(address);
    }
    if let Some(secure) = facts.secure {
        context.secure_transport(secure);
    }
    if let Some(version) = facts.tls_version {
        context.set("s3:TlsVersion", version);
    }
    let signature = facts.signature;
    if let Some(auth_type) = signature.auth_type {
        context.set("s3:authType", auth_type);
    }
    if let Some(version) = signature.version {
        context.set("s3:signatureversion", version);
    }
    if let Some(age) = signature.age_ms {
        context.set_value("s3:signatureAge", ContextValue::number(age));
    }
    if let Some(hash) = signature.content_sha256 {
        context.set("s3:x-amz-content-sha256", hash);
    }
    if let Some(agent) = facts.asked.header("user-agent") {
        context.set("aws:UserAgent", agent);
    }
    if let Some(referer) = facts.asked.header("referer") {
        context.set("aws:Referer", referer);
    }
    context.set_value("aws:ViaAWSService", ContextValue::bool(false));
}

fn tags<'a>(context: &mut Context<'a>, body: &'a BodyFacts) {
    let Some(tags) = &body.tags else { return };
    for (key, value) in tags {
        context.set(format!("s3:RequestObjectTag/{key}"), value.as_str());
    }
    if !tags.is_empty() {
        context.set_many("s3:RequestObjectTagKeys", tags.iter().map(|(key, _)| key.as_str()));
    }
}

fn lock<'a>(context: &mut Context<'a>, body: &'a BodyFacts, keys: Keys, now: i64) {
    if let Some(mode) = &body.lock_mode {
        context.set("s3:object-lock-mode", mode.as_str());
    }
    if let Some((text, until)) = &body.retain_until {
        context.set("s3:object-lock-retain-until-date", text.as_str());
        if keys.has(Keys::RETENTION) || keys.has(Keys::WRITE) {
            // AWS counts whole days that remain; a part of a day counts as one.
            let seconds = until.saturating_sub(now);
            let days = seconds.div_euclid(SECONDS_A_DAY) + i64::from(seconds.rem_euclid(SECONDS_A_DAY) > 0);
            context.set_value("s3:object-lock-remaining-retention-days", ContextValue::number(days));
        }
    }
    if let Some(hold) = &body.legal_hold {
        context.set("s3:object-lock-legal-hold", hold.as_str());
    }
}
