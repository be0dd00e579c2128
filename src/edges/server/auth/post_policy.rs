//! The signature and the policy of a POST form.
//!
//! Source: S3 API Reference, "POST Policy" and "Authenticating Requests: Browser-Based Uploads".

use super::form::find;
use super::verify::{ALGORITHM, Place, Scope, find_credential, mismatch};
use super::{
    AuthConfig, AuthType, Authenticated, BodyPlan, Credentials, Query, Request, S3Error, digest, invalid_argument,
    sigv2,
};
use crate::words::json::{self, Node};
use crate::words::values::{Instant, parse_instant};
use base64::Engine as _;
use http::request::Parts;
use std::fmt::Write as _;

/// A form that was found good.
#[derive(Debug)]
pub struct PostAuthenticated {
    /// Who asks, and what the file must prove.
    pub authenticated: Authenticated,
    /// The lengths that the policy allows the file, in bytes, ends included: for [`super::FormFile::limit`].
    pub length_range: Option<(u64, u64)>,
}

/// The settings and the time of a POST form, beside the form itself.
#[derive(Clone, Copy)]
pub struct PostRequest<'a> {
    /// The request's head.
    pub parts: &'a Parts,
    /// The request target as received.
    pub raw_path_and_query: &'a str,
    /// The bucket that the URL names.
    pub bucket: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

/// Finds out who sent a form, and whether its policy allows its fields. `fields` as [`super::read_form`] gives
/// them. A form without policy and signature is anonymous.
///
/// # Errors
/// S3's own, for every form that is neither signed rightly nor not at all, and for what its policy does not allow.
pub fn authenticate_post(
    post: PostRequest<'_>,
    fields: &[(String, String)],
    config: &AuthConfig,
    credentials: &dyn Credentials,
) -> Result<PostAuthenticated, S3Error> {
    let PostRequest { parts, raw_path_and_query, bucket, now_ms } = post;
    let head = super::authenticate(parts, raw_path_and_query, now_ms, config, credentials)?;
    if head.auth_type != AuthType::Anonymous {
        let message = "Only one auth mechanism allowed; a POST form is signed in its fields";
        return Err(invalid_argument("Authorization", "", message));
    }
    let body = BodyPlan::of_form(|name| find(fields, name))?;
    let any = |names: &[&str]| names.iter().any(|name| find(fields, name).is_some());
    let v4 = any(&["x-amz-algorithm", "x-amz-credential", "x-amz-signature", "x-amz-date"]);
    let v2 = any(&["awsaccesskeyid", "signature"]);
    if v4 && v2 {
        let message = "Only one auth mechanism allowed; the form has fields of both signature versions";
        return Err(invalid_argument("AWSAccessKeyId", "", message));
    }
    if !v4 && !v2 && find(fields, "policy").is_none() {
        return Ok(PostAuthenticated { authenticated: Authenticated { body, ..head }, length_range: None });
    }
    let query = Query::parse("")?;
    let request =
        Request { parts, path: "/", raw_query: "", query: &query, now_ms, service: super::S3, config, credentials };
    let policy = needed(fields, "policy")?;
    let mut authenticated =
        if v2 { check_v2(&request, fields, policy, body)? } else { check_v4(&request, fields, policy, body)? };
    let policy = Policy::parse(policy)?;
    let length_range = policy.check(fields, bucket, now_ms)?;
    let until = policy.expiration.seconds.saturating_mul(digest::SECOND);
    authenticated.expires_at_ms = Some(authenticated.expires_at_ms.map_or(until, |earlier| earlier.min(until)));
    Ok(PostAuthenticated { authenticated, length_range })
}

fn needed<'f>(fields: &'f [(String, String)], name: &str) -> Result<&'f str, S3Error> {
    find(fields, &name.to_ascii_lowercase()).filter(|value| !value.is_empty()).ok_or_else(|| {
        let message = format!(
            "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
        );
        invalid_argument(name, "", message)
    })
}

fn check_v4(
    request: &Request<'_>,
    fields: &[(String, String)],
    policy: &str,
    body: BodyPlan,
) -> Result<Authenticated, S3Error> {
    let algorithm = needed(fields, "X-Amz-Algorithm")?;
    let credential = needed(fields, "X-Amz-Credential")?;
    let date = needed(fields, "X-Amz-Date")?;
    let signature = needed(fields, "X-Amz-Signature")?;
    if algorithm != ALGORITHM {
        let message = "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"";
        return Err(invalid_argument("X-Amz-Algorithm", algorithm, message));
    }
    let scope = Scope::parse(credential, Place::Form)?;
    let signed_at = digest::parse_basic(date).ok_or_else(|| {
        let message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"";
        invalid_argument("X-Amz-Date", date, message)
    })?;
    if signed_at - request.now() > request.config.max_skew_seconds {
        return Err(S3Error::new("AccessDenied", "Request is not valid yet"));
    }
    scope.check(request.config, super::S3, signed_at, Place::Form)?;
    let token = find(fields, "x-amz-security-token");
    let credential = find_credential(request, scope.access_key_id, token)?;
    let keys = &request.config.keys;
    let key = keys.get(scope.access_key_id, &credential.secret, scope.date, scope.region, super::S3);
    if !digest::equal(&key.sign(policy), signature) {
        return Err(mismatch(scope.access_key_id, signature, policy));
    }
    Ok(Authenticated {
        caller: credential.caller.clone(),
        auth_type: AuthType::Post,
        signature_version: Some(ALGORITHM),
        signed_at_ms: Some(signed_at * digest::SECOND),
        signature_age_ms: Some((request.now_ms - signed_at * digest::SECOND).max(0)),
        content_sha256: None,
        expires_at_ms: credential.expires.map(|seconds| seconds.saturating_mul(digest::SECOND)),
        access_key_id: Some(scope.access_key_id.to_owned()),
        region: Some(scope.region.to_owned()),
        session_token: token.map(str::to_owned),
        body,
    })
}

fn check_v2(
    request: &Request<'_>,
    fields: &[(String, String)],
    policy: &str,
    body: BodyPlan,
) -> Result<Authenticated, S3Error> {
    sigv2::check_allowed(request.config.allow_sigv2)?;
    let access_key_id = needed(fields, "AWSAccessKeyId")?;
    let signature = needed(fields, "signature")?;
    let token = find(fields, "x-amz-security-token");
    let credential = find_credential(request, access_key_id, token)?;
    if !digest::equal(&sigv2::sign(&credential.secret, policy.as_bytes()), signature) {
        return Err(mismatch(access_key_id, signature, policy));
    }
    Ok(Authenticated {
        caller: credential.caller.clone(),
        auth_type: AuthType::Post,
        signature_version: Some("AWS"),
        signed_at_ms: None,
        signature_age_ms: None,
        content_sha256: None,
        expires_at_ms: credential.expires.map(|seconds| seconds.saturating_mul(digest::SECOND)),
        access_key_id: Some(access_key_id.to_owned()),
        region: None,
        session_token: token.map(str::to_owned),
        body,
    })
}

/// A policy document.
#[derive(Debug)]
struct Policy {
    expiration: Instant,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Equals { name: String, value: String },
    StartsWith { name: String, start: String },
    Length { min: u64, max: u64 },
}

impl Policy {
    fn parse(encoded: &str) -> Result<Self, S3Error> {
        let compact: String = encoded.split_ascii_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(compact);
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| bad_document("it is not Base64 of UTF-8."))?;
        let mut problems = Vec::new();
        let root = json::parse(&text, &mut problems);
        if let Some(problem) = problems.first() {
            return Err(bad_document(format_args!("Invalid JSON: {}.", problem.message)));
        }
        let members = root.as_ref().and_then(Node::members).ok_or_else(|| bad_document("it is not a JSON object."))?;
        let (mut expiration, mut conditions) = (None, None);
        for member in members {
            match member.name.as_str(&text).unwrap_or_default() {
                "expiration" => expiration = Some(&member.value),
                "conditions" => conditions = Some(&member.value),
                other => return Err(bad_document(format_args!("Unexpected: '{other}'."))),
            }
        }
        let expiration = expiration.ok_or_else(|| bad_document("Policy missing expiration."))?;
        let expiration = expiration.as_str(&text).unwrap_or_default();
        // A whole date and time: the shorter forms of other dates are not meant here.
        let time = parse_instant(expiration).filter(|_| expiration.contains('T'));
        let expiration =
            time.ok_or_else(|| bad_document(format_args!("Invalid 'expiration' value: '{expiration}'")))?;
        let conditions = conditions.ok_or_else(|| bad_document("Policy missing conditions."))?;
        let conditions = conditions.items().ok_or_else(|| bad_document("Conditions must be a list."))?;
        let conditions = conditions.iter().map(|node| Condition::parse(node, &text)).collect::<Result<_, _>>()?;
        Ok(Self { expiration, conditions })
    }

    /// Checks expiry, every condition, and that every field has one. Gives the lengths allowed.
    fn check(&self, fields: &[(String, String)], bucket: &str, now_ms: i64) -> Result<Option<(u64, u64)>, S3Error> {
        let ms = self.expiration.seconds.saturating_mul(digest::SECOND) + i64::from(self.expiration.nanos / 1_000_000);
        if ms <= now_ms {
            return Err(denied("Policy expired."));
        }
        let value_of = |name: &str| if name == "bucket" { Some(bucket) } else { find(fields, name) };
        let mut range: Option<(u64, u64)> = None;
        for condition in &self.conditions {
            match condition {
                Condition::Length { min, max } => {
                    let (lowest, highest) = range.unwrap_or((0, u64::MAX));
                    range = Some((lowest.max(*min), highest.min(*max)));
                }
                Condition::Equals { name, value } if value_of(name) == Some(value) => {}
                Condition::StartsWith { name, start } if value_of(name).is_some_and(|v| starts(name, v, start)) => {}
                failed => return Err(denied(format_args!("Policy Condition failed: {}", failed.print()))),
            }
        }
        self.check_covered(fields, bucket)?;
        Ok(range)
    }

    fn check_covered(&self, fields: &[(String, String)], bucket: &str) -> Result<(), S3Error> {
        let covered = |name: &str| self.conditions.iter().any(|condition| condition.name() == Some(name));
        let names = fields.iter().map(|(name, _)| name.as_str());
        let extra: Vec<&str> =
            names.chain(["bucket"]).filter(|name| !needs_no_condition(name) && !covered(name)).collect();
        if !extra.is_empty() {
            return Err(denied(format_args!("Extra input fields: {}", extra.join(", "))));
        }
        match find(fields, "bucket") {
            Some(other) if other != bucket => Err(denied("The field bucket does not name the bucket of the URL.")),
            _ => Ok(()),
        }
    }
}

fn needs_no_condition(name: &str) -> bool {
    matches!(name, "policy" | "file" | "x-amz-signature" | "signature" | "awsaccesskeyid")
        || name.starts_with("x-ignore-")
}

/// A Content-Type with commas is a list, each of which must begin so.
fn starts(name: &str, value: &str, start: &str) -> bool {
    if name == "content-type" {
        value.split(',').all(|one| one.trim().starts_with(start))
    } else {
        value.starts_with(start)
    }
}

impl Condition {
    fn parse(node: &Node, text: &str) -> Result<Self, S3Error> {
        if let Some(members) = node.members() {
            let [member] = members else {
                let what = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";
                return Err(bad_document(what));
            };
            let value = member.value.as_str(text);
            let value = value.ok_or_else(|| bad_document("Invalid Simple-Condition: value must be a string."))?;
            let name = member.name.as_str(text).unwrap_or_default().to_ascii_lowercase();
            return Ok(Self::Equals { name, value: value.to_owned() });
        }
        let invalid = || bad_document("Invalid Condition: a condition is an operation and two operands.");
        let [operation, first, second] = node.items().ok_or_else(invalid)? else { return Err(invalid()) };
        let operation = operation.as_str(text).ok_or_else(invalid)?;
        if operation.eq_ignore_ascii_case("content-length-range") {
            let number = |node: &Node| {
                let digits = node.scalar_text(text).filter(|d| d.bytes().all(|byte| byte.is_ascii_digit()));
                let number = digits.and_then(|digits| digits.parse().ok());
                number.ok_or_else(|| bad_document("Invalid content-length-range: its ends must be lengths in bytes."))
            };
            let (min, max): (u64, u64) = (number(first)?, number(second)?);
            if min > max {
                return Err(bad_document("Invalid content-length-range: the first end is beyond the second."));
            }
            return Ok(Self::Length { min, max });
        }
        let name = first.as_str(text).and_then(|name| name.strip_prefix('$')).ok_or_else(invalid)?;
        let (name, value) = (name.to_ascii_lowercase(), second.as_str(text).ok_or_else(invalid)?.to_owned());
        if operation.eq_ignore_ascii_case("eq") {
            Ok(Self::Equals { name, value })
        } else if operation.eq_ignore_ascii_case("starts-with") {
            Ok(Self::StartsWith { name, start: value })
        } else {
            Err(bad_document(format_args!("Invalid Condition: unknown operation '{operation}'.")))
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Equals { name, .. } | Self::StartsWith { name, .. } => Some(name),
            Self::Length { .. } => None,
        }
    }

    fn print(&self) -> String {
        let (operation, name, value) = match self {
            Self::Equals { name, value } => ("eq", name, value),
            Self::StartsWith { name, start } => ("starts-with", name, start),
            Self::Length { min, max } => return format!("[\"content-length-range\", {min}, {max}]"),
        };
        let mut out = String::new();
        let _ = write!(out, "[\"{operation}\", ");
        json::print_string(&format!("${name}"), &mut out);
        out.push_str(", ");
        json::print_string(value, &mut out);
        out.push(']');
        out
    }
}

fn bad_document(what: impl std::fmt::Display) -> S3Error {
    S3Error::new("InvalidPolicyDocument", format!("Invalid Policy: {what}"))
}

fn denied(what: impl std::fmt::Display) -> S3Error {
    S3Error::new("AccessDenied", format!("Invalid according to Policy: {what}"))
}
