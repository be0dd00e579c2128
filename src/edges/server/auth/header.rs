//! Signature Version 4 in the header `Authorization`.

use super::verify::{ALGORITHM, Claim, Place, Scope, check_signed_headers, check_skew, verify};
use super::{Authenticated, Request, S3Error, digest, invalid_argument, sigv2};

/// Checks the header `Authorization`, which is there.
pub(super) fn authenticate(request: &Request<'_>) -> Result<Authenticated, S3Error> {
    let value = request.header("authorization")?.unwrap_or_default();
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    match scheme {
        ALGORITHM => {}
        "AWS" => return sigv2::authenticate_header(request, rest.trim()),
        _ => return Err(invalid_argument("Authorization", value, "Unsupported Authorization Type")),
    }
    let components = Components::parse(rest)?;
    let scope = Scope::parse(components.credential, Place::Header)?;
    let (signed_at, as_sent) = signed_at(request)?;
    check_skew(request, signed_at, as_sent)?;
    let payload = request.header("x-amz-content-sha256")?.ok_or_else(|| {
        S3Error::new("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    })?;
    super::plan::check_content_sha256(payload)?;
    let claim = Claim {
        place: Place::Header,
        scope,
        signed_headers: components.signed_headers,
        signature: components.signature,
        token: request.header("x-amz-security-token")?,
        payload,
        signed_at,
        expires_at: None,
    };
    verify(request, &claim)
}

/// When the request was signed, in seconds since 1970, and as it says so.
pub(super) fn signed_at<'r>(request: &'r Request<'_>) -> Result<(i64, &'r str), S3Error> {
    let sent = match request.header("x-amz-date")? {
        Some(date) => Some(date),
        None => request.header("date")?,
    };
    let time = sent.and_then(|text| digest::parse_http(text).map(|time| (time, text)));
    time.ok_or_else(|| S3Error::new("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"))
}

pub(super) struct Components<'a> {
    pub(super) credential: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Components<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, S3Error> {
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for component in text.split(',').map(str::trim) {
            let (name, value) = component.split_once('=').unwrap_or((component, ""));
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(malformed(component)),
            };
            if value.is_empty() || place.replace(value).is_some() {
                return Err(malformed(component));
            }
        }
        let (Some(credential), Some(signed_headers), Some(signature)) = (credential, signed_headers, signature) else {
            return Err(Place::Header.error(
                "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
            ));
        };
        check_signed_headers(signed_headers).map_err(|()| malformed(&format!("SignedHeaders={signed_headers}")))?;
        Ok(Self { credential, signed_headers, signature })
    }
}

pub(super) fn malformed(component: &str) -> S3Error {
    Place::Header.error(format_args!("the authorization component \"{component}\" is malformed."))
}
