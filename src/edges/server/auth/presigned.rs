//! Signature Version 4 in the query: presigned URLs.

use super::canonical::Query;
use super::verify::{ALGORITHM, Claim, Place, Scope, check_signed_headers, verify};
use super::{Authenticated, Request, S3Error, digest};
use std::borrow::Cow;

/// A presigned URL lives a week at most.
pub(super) const MAX_EXPIRES: i64 = 604_800;

const NAMES: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
];

/// Whether anything of a presigned URL is there, in any case: then it must be all there, and right.
pub(super) fn is_meant(query: &Query<'_>) -> bool {
    query.names().any(|name| NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Checks a query in which [`is_meant`] found something.
pub(super) fn authenticate(request: &Request<'_>) -> Result<Authenticated, S3Error> {
    let needed = |name| request.query.get(name).ok_or_else(incomplete);
    if let Some(odd) = request.query.names().find(|n| NAMES.iter().any(|k| k.eq_ignore_ascii_case(n) && k != n)) {
        return Err(refused(format!("The query parameter {odd} is not written as X-Amz parameters are.")));
    }
    let algorithm = needed("X-Amz-Algorithm")?;
    let credential = needed("X-Amz-Credential")?;
    let signature = needed("X-Amz-Signature")?;
    let date = needed("X-Amz-Date")?;
    let signed_headers = needed("X-Amz-SignedHeaders")?;
    let lifetime = parse_expires(&needed("X-Amz-Expires")?)?;
    if algorithm != ALGORITHM {
        return Err(refused("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    let scope = Scope::parse(&credential, Place::Query)?;
    let signed_at = digest::parse_basic(&date)
        .ok_or_else(|| refused("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""))?;
    check_signed_headers(&signed_headers)
        .map_err(|()| refused("X-Amz-SignedHeaders must be a semicolon-separated list of lower-case header names."))?;
    check_time(request, signed_at, lifetime)?;
    // The header counts only where it is signed, and unsigned `x-amz-*` headers are refused.
    let payload = request.header("x-amz-content-sha256")?;
    payload.map_or(Ok(()), super::plan::check_content_sha256)?;
    let token = token(request)?;
    let claim = Claim {
        place: Place::Query,
        scope,
        signed_headers: &signed_headers,
        signature: &signature,
        token: token.as_deref(),
        payload: payload.unwrap_or("UNSIGNED-PAYLOAD"),
        signed_at,
        expires_at: Some(signed_at + lifetime),
    };
    verify(request, &claim)
}

/// The session token, of the query or of a signed header, not of both.
fn token<'r>(request: &'r Request<'_>) -> Result<Option<Cow<'r, str>>, S3Error> {
    match (request.query.get("X-Amz-Security-Token"), request.header("x-amz-security-token")?) {
        (Some(_), Some(_)) => {
            Err(refused("X-Amz-Security-Token must be specified either as a query parameter or as a header, not both."))
        }
        (query, header) => Ok(query.or(header.map(Cow::Borrowed))),
    }
}

fn parse_expires(text: &str) -> Result<i64, S3Error> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused("X-Amz-Expires should be a number"));
    }
    if digits.len() < text.len() {
        return Err(refused("X-Amz-Expires must be non-negative"));
    }
    match digits.parse() {
        Ok(0) => Err(refused("X-Amz-Expires must be at least 1 second")),
        Ok(seconds @ 1..=MAX_EXPIRES) => Ok(seconds),
        _ => Err(too_long()),
    }
}

/// S3's sentence on lifetimes beyond a week.
pub(super) fn too_long() -> S3Error {
    refused(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than \
         604800 seconds",
    )
}

fn check_time(request: &Request<'_>, signed_at: i64, lifetime: i64) -> Result<(), S3Error> {
    let now = request.now();
    if signed_at - now > request.config.max_skew_seconds {
        return Err(S3Error::new("AccessDenied", "Request is not valid yet")
            .with("X-Amz-Date", digest::basic(signed_at))
            .with("ServerTime", digest::extended(now)));
    }
    if now >= signed_at + lifetime {
        return Err(expired(request, signed_at + lifetime).with("X-Amz-Expires", lifetime.to_string()));
    }
    Ok(())
}

/// What an expired URL is answered.
pub(super) fn expired(request: &Request<'_>, expires_at: i64) -> S3Error {
    S3Error::new("AccessDenied", "Request has expired")
        .with("Expires", digest::extended(expires_at))
        .with("ServerTime", digest::extended(request.now()))
}

fn incomplete() -> S3Error {
    refused(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
         X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    )
}

fn refused(message: impl Into<Cow<'static, str>>) -> S3Error {
    S3Error::new("AuthorizationQueryParametersError", message)
}
