//! Signature Version 4 for services other than S3: the payload is always signed, and a path is encoded twice.
//!
//! Source: AWS General Reference, "Signing AWS API requests".

use super::canonical::Query;
use super::verify::{ALGORITHM, Claim, Place, Scope, check_signed_headers, check_skew, verify};
use super::{
    AuthConfig, Authenticated, BodyPlan, Credentials, Request, S3Error, anonymous, header, one_header,
    refuse_repeated_headers,
};
use http::request::Parts;

/// The service that the scope of a request's signature names, whether or not it is right; `None`: it has no
/// signature of Version 4 that names one.
#[must_use]
pub fn named_service(headers: &http::HeaderMap, uri: &http::Uri) -> Option<String> {
    let from_header = || {
        let value = one_header(headers, "authorization").ok()??;
        let rest = value.strip_prefix(ALGORITHM)?;
        let credential = rest.split(',').find_map(|part| part.trim().strip_prefix("Credential="))?;
        credential.split('/').nth(3).map(str::to_owned)
    };
    // PERF: asked of every request; the query as a whole is read by whoever answers.
    let from_query = || {
        let credential = uri.query()?.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
        let credential = percent_encoding::percent_decode_str(credential).decode_utf8().ok()?;
        credential.split('/').nth(3).map(str::to_owned)
    };
    from_header().or_else(from_query)
}

/// Finds out who sent a request to a service. `body_sha256` are the hexadecimal digits of the SHA-256 of its whole
/// body, `raw_path_and_query` the request target as it was received, `now_ms` the time in milliseconds since 1970.
///
/// # Errors
/// As S3's; the caller puts them into the words of its service.
pub fn authenticate_service(
    parts: &Parts,
    raw_path_and_query: &str,
    body_sha256: &str,
    now_ms: i64,
    service: &'static str,
    config: &AuthConfig,
    credentials: &dyn Credentials,
) -> Result<Authenticated, S3Error> {
    let (path, raw_query) = raw_path_and_query.split_once('?').unwrap_or((raw_path_and_query, ""));
    let query = Query::parse(raw_query)?;
    // Its canonical form encodes what is encoded already.
    let path = path.replace('%', "%25");
    let request = Request { parts, path: &path, raw_query, query: &query, now_ms, service, config, credentials };
    refuse_repeated_headers(&parts.headers)?;
    let Some(value) = request.header("authorization")? else {
        return anonymous(&parts.headers, BodyPlan::of_request(parts, None)?);
    };
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme != ALGORITHM {
        return Err(super::invalid_argument("Authorization", value, "Unsupported Authorization Type"));
    }
    let components = header::Components::parse(rest)?;
    check_signed_headers(components.signed_headers)
        .map_err(|()| header::malformed(&format!("SignedHeaders={}", components.signed_headers)))?;
    let scope = Scope::parse(components.credential, Place::Header)?;
    let (signed_at, as_sent) = header::signed_at(&request)?;
    check_skew(&request, signed_at, as_sent)?;
    if request.header("x-amz-content-sha256")?.is_some_and(|sent| sent != body_sha256) {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err(S3Error::new("XAmzContentSHA256Mismatch", message));
    }
    let claim = Claim {
        place: Place::Header,
        scope,
        signed_headers: components.signed_headers,
        signature: components.signature,
        token: request.header("x-amz-security-token")?,
        payload: body_sha256,
        signed_at,
        expires_at: None,
    };
    verify(&request, &claim)
}
