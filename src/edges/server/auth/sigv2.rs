//! Signature Version 2, for old clients: only where the settings allow it, with its dates and its list of signed
//! parameters enforced.
//!
//! Source: S3 User Guide, "Signing and authenticating REST requests (AWS signature version 2)".

use super::canonical::Query;
use super::verify::{check_skew, find_credential, mismatch};
use super::{AuthType, Authenticated, BodyPlan, Credential, Request, S3Error, digest, header, presigned};
use aws_lc_rs::hmac;
use base64::Engine as _;
use std::borrow::Cow;

const VERSION: &str = "AWS";

/// The parameters that are part of the string to sign. What chooses an operation must be here: an unsigned one
/// could be added to somebody's URL.
const SIGNED: [&str; 46] = [
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "session",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
    "websiteConfiguration",
];

/// Whether anything of a URL that is signed this way is there, in any case.
pub(super) fn is_meant(query: &Query<'_>) -> bool {
    query.names().any(|n| n.eq_ignore_ascii_case("Signature") || n.eq_ignore_ascii_case("AWSAccessKeyId"))
}

/// Refuses Version 2 where the settings do.
pub(super) fn check_allowed(allowed: bool) -> Result<(), S3Error> {
    if allowed {
        return Ok(());
    }
    let message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    Err(S3Error::new("InvalidRequest", message))
}

/// Checks `Authorization: AWS AK:signature`; `value` is what stands behind the scheme.
pub(super) fn authenticate_header(request: &Request<'_>, value: &str) -> Result<Authenticated, S3Error> {
    check_allowed(request.config.allow_sigv2)?;
    let pair = value.split_once(':').filter(|(key, signature)| !key.is_empty() && !signature.is_empty());
    let (access_key_id, signature) = pair.ok_or_else(|| {
        let message = "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature";
        super::invalid_argument("Authorization", "", message)
    })?;
    let (signed_at, as_sent) = header::signed_at(request)?;
    check_skew(request, signed_at, as_sent)?;
    let date = if request.header("x-amz-date")?.is_some() { "" } else { as_sent };
    let token = request.header("x-amz-security-token")?;
    let credential = find_credential(request, access_key_id, token)?;
    check_signature(request, access_key_id, &credential, date, signature)?;
    let signed_at = Some(signed_at);
    finish(
        request,
        &credential,
        &Claim { access_key_id, auth_type: AuthType::Header, signed_at, expires_at: None, token },
    )
}

/// Checks `AWSAccessKeyId`, `Expires` and `Signature` in the query.
pub(super) fn authenticate_query(request: &Request<'_>) -> Result<Authenticated, S3Error> {
    check_allowed(request.config.allow_sigv2)?;
    let needed = |name| {
        request.query.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let message = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters";
            S3Error::new("AccessDenied", message)
        })
    };
    let (access_key_id, expires, signature) = (needed("AWSAccessKeyId")?, needed("Expires")?, needed("Signature")?);
    let digits = expires.bytes().all(|byte| byte.is_ascii_digit());
    let expires_at: i64 = digits.then(|| expires.parse().ok()).flatten().ok_or_else(|| {
        S3Error::new("AccessDenied", format!("Invalid date (should be seconds since epoch): {expires}"))
    })?;
    if expires_at <= request.now() {
        return Err(presigned::expired(request, expires_at));
    }
    if expires_at - request.now() > presigned::MAX_EXPIRES {
        return Err(presigned::too_long());
    }
    let token = request.header("x-amz-security-token")?;
    let credential = find_credential(request, &access_key_id, token)?;
    check_signature(request, &access_key_id, &credential, &expires, &signature)?;
    let claim = Claim {
        access_key_id: &access_key_id,
        auth_type: AuthType::Query,
        signed_at: None,
        expires_at: Some(expires_at),
        token,
    };
    finish(request, &credential, &claim)
}

struct Claim<'a> {
    access_key_id: &'a str,
    auth_type: AuthType,
    signed_at: Option<i64>,
    expires_at: Option<i64>,
    token: Option<&'a str>,
}

fn finish(request: &Request<'_>, credential: &Credential, claim: &Claim<'_>) -> Result<Authenticated, S3Error> {
    let expires = [claim.expires_at, credential.expires].into_iter().flatten().min();
    let signed_at_ms = claim.signed_at.map(|seconds| seconds * digest::SECOND);
    Ok(Authenticated {
        caller: credential.caller.clone(),
        auth_type: claim.auth_type,
        signature_version: Some(VERSION),
        signed_at_ms,
        signature_age_ms: signed_at_ms.map(|signed_at| (request.now_ms - signed_at).max(0)),
        content_sha256: request.header("x-amz-content-sha256")?.map(str::to_owned),
        expires_at_ms: expires.map(|seconds| seconds.saturating_mul(digest::SECOND)),
        access_key_id: Some(claim.access_key_id.to_owned()),
        region: None,
        session_token: claim.token.map(str::to_owned),
        body: BodyPlan::of_request(request.parts, None)?,
    })
}

fn check_signature(
    request: &Request<'_>,
    access_key_id: &str,
    credential: &Credential,
    date: &str,
    signature: &str,
) -> Result<(), S3Error> {
    let text = string_to_sign(request, date, "")?;
    if digest::equal(&sign(&credential.secret, &text), signature) {
        return Ok(());
    }
    // Clients sign a bucket's own path with a slash behind it, whether they send one or not.
    let bare_bucket = host_bucket(request)?.is_none() && request.path.len() > 1 && request.path.rfind('/') == Some(0);
    if bare_bucket && digest::equal(&sign(&credential.secret, &string_to_sign(request, date, "/")?), signature) {
        return Ok(());
    }
    Err(mismatch(access_key_id, signature, &String::from_utf8_lossy(&text)))
}

/// The Base64 of HMAC-SHA1.
pub(super) fn sign(secret: &str, text: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(hmac::sign(&key, text))
}

fn string_to_sign(request: &Request<'_>, date: &str, slash: &str) -> Result<Vec<u8>, S3Error> {
    let headers = &request.parts.headers;
    let first = |name| headers.get(name).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let mut out = Vec::with_capacity(512);
    let method = request.parts.method.as_str().as_bytes();
    for line in [method, first("content-md5"), first("content-type"), date.as_bytes()] {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    let mut names: Vec<&str> =
        headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-")).collect();
    names.sort_unstable();
    for name in names {
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(|value| value.as_bytes().trim_ascii()).collect();
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(&values.join(&b','));
        out.push(b'\n');
    }
    out.extend_from_slice(resource(request, slash)?.as_bytes());
    Ok(out)
}

/// The bucket that the host names.
fn host_bucket(request: &Request<'_>) -> Result<Option<String>, S3Error> {
    let host = request.header("host")?.unwrap_or_default().to_ascii_lowercase();
    let host = host.split(':').next().unwrap_or_default();
    let below = |base: &String| host.strip_suffix(base.as_str())?.strip_suffix('.').filter(|bucket| !bucket.is_empty());
    Ok(request.config.hosts.iter().find_map(below).map(str::to_owned))
}

/// The canonical resource: the bucket of the host, the path as sent with `slash` behind it, the signed parameters.
fn resource(request: &Request<'_>, slash: &str) -> Result<String, S3Error> {
    let mut out = String::new();
    if let Some(bucket) = host_bucket(request)? {
        out.extend(["/", &bucket]);
    }
    out.push_str(if request.path.is_empty() { "/" } else { request.path });
    out.push_str(slash);
    let mut pairs = Vec::new();
    for pair in request.raw_query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
        let name = decode(name);
        if SIGNED.contains(&name.as_ref()) {
            pairs.push((name, value.map(decode)));
        } else if name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-")) {
            let message = format!("The query parameter {name} cannot be sent with signature version 2.");
            return Err(super::invalid_argument(&name, "", message));
        }
    }
    pairs.sort_unstable();
    for (i, (name, value)) in pairs.iter().enumerate() {
        out.push(if i == 0 { '?' } else { '&' });
        out.push_str(name);
        if let Some(value) = value {
            out.extend(["=", value]);
        }
    }
    Ok(out)
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}
