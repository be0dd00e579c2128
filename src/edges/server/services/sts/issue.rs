//! What giving a session has in common: its parameters, its checks, its credentials.

use super::super::iam::check;
use crate::edges::server::identities::ids::access_key;
use crate::edges::server::identities::sessions::Claims;
use crate::edges::server::identities::state::AccountState;
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Named, Params, QueryCall, Xml, invalid};
use crate::edges::server::totp;
use crate::gate::SessionKind;
use crate::policy::PolicyKind;
use crate::storage::store::StoreError;
use std::ops::RangeInclusive;

/// Characters of all session policies of a request, and of its tags, at most.
const MOST_PACKED: usize = 2048;
/// Managed session policies of a request.
const MOST_ARNS: usize = 10;

/// What a request says about the session that it asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// The inline session policy.
    pub policies: Vec<String>,
    /// Managed session policies.
    pub arns: Vec<String>,
    /// Session tags, those of the caller's session included that go on.
    pub tags: Vec<(String, String)>,
    /// The keys of tags that go on to the next session.
    pub transitive: Vec<String>,
    /// The source identity.
    pub source_identity: Option<String>,
}

impl Wanted {
    /// Reads `Policy`, `PolicyArns`, `Tags`, `TransitiveTagKeys` and `SourceIdentity`.
    pub(super) fn of(query: &QueryCall<'_>) -> Result<Self, ServiceError> {
        let params = &query.params;
        let policies: Vec<String> = params.get("Policy").map(str::to_owned).into_iter().collect();
        let arns: Vec<String> = params
            .members("PolicyArns")
            .iter()
            .map(|member| member.need("arn").map(str::to_owned))
            .collect::<Result<_, _>>()?;
        let tags = check::tags(params)?;
        let transitive = params.list("TransitiveTagKeys");
        let is_tag = |key: &String| tags.iter().any(|(tag, _)| tag.eq_ignore_ascii_case(key));
        if let Some(key) = transitive.iter().find(|key| !is_tag(key)) {
            let message = format!("The specified transitive tag key {key} must be included in the requested tags.");
            return Err(ServiceError::bad("ValidationError", message));
        }
        if arns.len() > MOST_ARNS {
            return Err(ServiceError::bad("ValidationError", format!("There can be at most {MOST_ARNS} PolicyArns.")));
        }
        let source_identity = params.get("SourceIdentity").map(|text| session_name(text, "SourceIdentity", 64));
        let source_identity = source_identity.transpose()?.map(str::to_owned);
        Ok(Self { policies, arns, tags, transitive, source_identity })
    }

    /// Adds what goes on from the caller's own session.
    pub(super) fn chained(&mut self, query: &QueryCall<'_>) -> Result<(), ServiceError> {
        let Some(session) = &query.caller().session_facts else { return Ok(()) };
        for key in &session.transitive {
            if self.tags.iter().any(|(tag, _)| tag.eq_ignore_ascii_case(key)) {
                let message = "One of the specified transitive tag keys can't be set because it conflicts with a \
                               transitive tag key from the calling session.";
                return Err(ServiceError::bad("ValidationError", message));
            }
            self.tags.extend(session.tags.iter().filter(|(tag, _)| tag.eq_ignore_ascii_case(key)).cloned());
            self.transitive.push(key.clone());
        }
        match (&session.source_identity, &self.source_identity) {
            (Some(own), Some(wanted)) if own != wanted => {
                Err(ServiceError::access_denied("The source identity of a session cannot be changed."))
            }
            (own, None) => {
                self.source_identity.clone_from(own);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Checks what is refused after the gate: policies that cannot be read or are not there, sizes.
    pub(super) fn check(&self, account: &AccountState) -> Result<(), ServiceError> {
        for text in &self.policies {
            check::policy(text, PolicyKind::Session)?;
        }
        for arn in &self.arns {
            if account.managed(arn).is_none() {
                let message = format!("The managed policy {arn} does not exist in the account {}.", account.facts.id);
                return Err(ServiceError::bad("ValidationError", message));
            }
        }
        if self.packed() > 100 {
            let message =
                format!("Packed policy consumes {}% of allotted space, please use smaller policy.", self.packed());
            return Err(ServiceError::bad("PackedPolicyTooLarge", message));
        }
        Ok(())
    }

    /// How much of the room for policies and tags is used, in percent.
    pub(super) fn packed(&self) -> usize {
        let policies: usize = self.policies.iter().map(|text| check::size(text)).sum();
        let arns: usize = self.arns.iter().map(String::len).sum();
        let tags: usize = self.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        ((policies + arns + tags) * 100).div_ceil(MOST_PACKED)
    }

    /// The role as the resource of the request, with the condition keys that the request brings; as often as there
    /// are permissions that it needs.
    pub(super) fn named(&self, role: &Named) -> Vec<Named> {
        let mut role = role.clone().tagging(&self.tags);
        if !self.transitive.is_empty() {
            role.context.push(("sts:TransitiveTagKeys".to_owned(), self.transitive.clone()));
        }
        let role = role.with("sts:SourceIdentity", self.source_identity.as_deref());
        let mut named = vec![role.clone()];
        if !self.tags.is_empty() {
            named.push(Named { on: "tagged", ..role.clone() });
        }
        if self.source_identity.is_some() {
            named.push(Named { on: "sourced", ..role });
        }
        named
    }
}

/// A name of a session: letters, digits and `_=,.@-`, at least two.
pub(super) fn session_name<'t>(text: &'t str, field: &str, most: usize) -> Result<&'t str, ServiceError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !text.chars().all(fits) {
        return Err(invalid(text, field, "Member must satisfy regular expression pattern: [\\w+=,.@-]*"));
    }
    if !(2..=most).contains(&text.len()) {
        return Err(invalid(text, field, &format!("Member must have length between 2 and {most}")));
    }
    Ok(text)
}

/// `DurationSeconds`.
pub(super) fn duration(params: &Params, usual: i64, range: RangeInclusive<i64>) -> Result<i64, ServiceError> {
    let seconds = params.number("DurationSeconds")?.unwrap_or(usual);
    if range.contains(&seconds) {
        return Ok(seconds);
    }
    let constraint = format!("Member must have value between {} and {}", range.start(), range.end());
    Err(invalid(&seconds.to_string(), "DurationSeconds", &constraint))
}

/// Checks `SerialNumber` and `TokenCode`: a device of the caller's own. The time at which it was shown.
pub(super) async fn mfa(query: &QueryCall<'_>) -> Result<Option<i64>, ServiceError> {
    let (serial, code) = match (query.params.get("SerialNumber"), query.params.get("TokenCode")) {
        (None, None) => return Ok(None),
        (Some(serial), Some(code)) => (serial, code),
        (None, Some(_)) => return Err(invalid("null", "SerialNumber", "Member must not be null")),
        (Some(_), None) => return Err(invalid("null", "TokenCode", "Member must not be null")),
    };
    let principal = &query.caller().principal;
    let name = principal.arn.as_deref().and_then(|arn| arn.rsplit('/').next());
    let mut owners: Vec<&str> = match principal.kind.as_str() {
        "root" => vec!["root"],
        "user" => principal.id.iter().map(String::as_str).chain(name.filter(|name| *name != "root")).collect(),
        _ => Vec::new(),
    };
    owners.retain(|owner| !owner.is_empty());
    let verified =
        query.call.server.store().verify_code(query.account_id(), &owners, serial, code, query.now(), totp::verify);
    match verified.await {
        Ok(_) => {
            query.call.server.identities().device_used(query.account_id(), serial).await?;
            Ok(Some(query.now()))
        }
        Err(StoreError::MfaInvalid) => {
            Err(ServiceError::access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code."))
        }
        Err(error) => Err(error.into()),
    }
}

/// The claims of a new session, and its credentials as they are answered.
pub(super) struct Issued {
    /// What the token carries.
    pub claims: Claims,
    token: String,
}

impl Issued {
    /// Gives a session; `claims` without key, secret and times.
    pub(super) fn new(query: &QueryCall<'_>, claims: Claims, seconds: i64) -> Result<Self, ServiceError> {
        let key = access_key("ASIA")?;
        let issued = query.now();
        let claims = Claims { key_id: key.id, secret: key.secret, issued, expires: issued + seconds, ..claims };
        let token = claims.sealed(query.call.server.store())?;
        Ok(Self { claims, token })
    }

    /// `Credentials`.
    pub(super) fn write(&self, xml: &mut Xml) {
        xml.inside("Credentials", |xml| {
            xml.text("AccessKeyId", &self.claims.key_id);
            xml.text("SecretAccessKey", &self.claims.secret);
            xml.text("SessionToken", &self.token);
            xml.moment("Expiration", self.claims.expires);
        });
    }
}

/// Claims that say nothing yet but what was wanted.
pub(super) fn claims(kind: SessionKind, account: &str, name: &str, wanted: Wanted) -> Claims {
    Claims {
        key_id: String::new(),
        secret: String::new(),
        kind,
        account: account.to_owned(),
        holder: None,
        name: name.to_owned(),
        issued: 0,
        expires: 0,
        mfa_at: None,
        tags: wanted.tags,
        transitive: wanted.transitive,
        source_identity: wanted.source_identity,
        policies: wanted.policies,
        policy_arns: wanted.arns,
        context: Vec::new(),
    }
}
