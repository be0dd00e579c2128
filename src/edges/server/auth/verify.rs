//! What header and query authentication of Signature Version 4 have in common: scope, key, token, signature.

use super::RegionRule;
use super::canonical::{self, canonical_request, string_to_sign};
use super::{
    AuthConfig, AuthType, Authenticated, BodyPlan, Credential, Request, S3Error, SigningKey, Unusable, digest,
};
use std::sync::Arc;

/// The only algorithm of Signature Version 4 that is spoken here.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A credential as requests write it: `AK/20130524/us-east-1/s3/aws4_request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    terminal: &'a str,
    /// All but the access key.
    pub(super) text: &'a str,
}

/// Where a credential stands, for the words of its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Header,
    Query,
    Form,
}

impl Place {
    /// An error of this place.
    pub(super) fn error(self, what: impl std::fmt::Display) -> S3Error {
        match self {
            Self::Header => {
                let message = format!("The authorization header is malformed; {what}");
                S3Error::new("AuthorizationHeaderMalformed", message)
            }
            Self::Query => {
                let message = format!("Error parsing the X-Amz-Credential parameter; {what}");
                S3Error::new("AuthorizationQueryParametersError", message)
            }
            Self::Form => {
                let message = format!("Error parsing the X-Amz-Credential parameter; {what}");
                S3Error::new("InvalidArgument", message).with("ArgumentName", "x-amz-credential")
            }
        }
    }
}

impl<'a> Scope<'a> {
    pub(super) fn parse(credential: &'a str, place: Place) -> Result<Self, S3Error> {
        let malformed = || {
            let expected =
                "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
            place.error(expected)
        };
        let (access_key_id, text) = credential.split_once('/').ok_or_else(malformed)?;
        let mut pieces = text.split('/');
        let mut next = || pieces.next().ok_or_else(malformed);
        let (date, region, service, terminal) = (next()?, next()?, next()?, next()?);
        if pieces.next().is_some() {
            return Err(malformed());
        }
        if access_key_id.is_empty() {
            return Err(place.error("a non-empty Access Key (AKID) must be provided in the credential."));
        }
        Ok(Self { access_key_id, date, region, service, terminal, text })
    }

    /// Checks everything but the access key against the settings and the time of the request.
    pub(super) fn check(
        &self,
        config: &AuthConfig,
        service: &str,
        signed_at: i64,
        place: Place,
    ) -> Result<(), S3Error> {
        if self.date.len() != 8 || !self.date.bytes().all(|byte| byte.is_ascii_digit()) {
            let date = self.date;
            return Err(place.error(format_args!(
                "incorrect date format \"{date}\". This date in the credential must be in the format \"yyyyMMdd\"."
            )));
        }
        let amz_date = digest::basic(signed_at);
        let day = amz_date.get(..8).unwrap_or_default();
        if self.date != day {
            let date = self.date;
            return Err(place.error(format_args!(
                "Invalid credential date \"{date}\". This date is not the same as X-Amz-Date: \"{day}\"."
            )));
        }
        if let RegionRule::Exactly(region) = &config.region
            && region != self.region
        {
            let wrong = self.region;
            let error = place.error(format_args!("the region '{wrong}' is wrong; expecting '{region}'"));
            return Err(error.with("Region", region));
        }
        if self.region.is_empty() {
            return Err(place.error("a non-empty region must be provided in the credential."));
        }
        if self.service != service {
            let (wrong, right) = (self.service, service);
            return Err(
                place.error(format_args!("incorrect service \"{wrong}\". This endpoint belongs to \"{right}\"."))
            );
        }
        if self.terminal != "aws4_request" {
            let terminal = self.terminal;
            return Err(
                place.error(format_args!("incorrect terminal \"{terminal}\". This endpoint uses \"aws4_request\"."))
            );
        }
        Ok(())
    }
}

/// The credential of an access key that is in use, with its token checked.
pub(super) fn find_credential(
    request: &Request<'_>,
    access_key_id: &str,
    token: Option<&str>,
) -> Result<Arc<Credential>, S3Error> {
    let unknown = || {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        S3Error::new("InvalidAccessKeyId", message).with("AWSAccessKeyId", access_key_id)
    };
    let invalid = || S3Error::new("InvalidToken", "The provided token is malformed or otherwise invalid.");
    let found = match token {
        // Only temporary keys come with a token, and their ids tell them apart.
        Some(token) if access_key_id.starts_with("ASIA") => request.credentials.find_session(access_key_id, token),
        _ => request.credentials.find(access_key_id).ok_or(Unusable::Unknown),
    };
    let credential = match found {
        Ok(credential) if credential.active => credential,
        Ok(_) | Err(Unusable::Unknown) => return Err(unknown()),
        Err(Unusable::Token) => return Err(invalid()),
    };
    match (&credential.session_token, token) {
        (None, None) => {}
        // S3 answers a temporary key without its token as an unknown key.
        (Some(_), None) => return Err(unknown()),
        (Some(right), Some(given)) if digest::equal(right, given) => {}
        (_, Some(_)) => {
            return Err(invalid());
        }
    }
    if credential.expires.is_some_and(|expires| expires <= request.now()) {
        return Err(S3Error::new("ExpiredToken", "The provided token has expired."));
    }
    Ok(credential)
}

/// Everything that a signature of Version 4 claims.
pub(super) struct Claim<'a> {
    pub(super) place: Place,
    pub(super) scope: Scope<'a>,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
    pub(super) token: Option<&'a str>,
    /// The payload's hash in the canonical request.
    pub(super) payload: &'a str,
    /// In seconds since 1970.
    pub(super) signed_at: i64,
    /// In seconds since 1970.
    pub(super) expires_at: Option<i64>,
}

/// Checks a claim whose time was found good: scope → key → token → signature.
pub(super) fn verify(request: &Request<'_>, claim: &Claim<'_>) -> Result<Authenticated, S3Error> {
    claim.scope.check(request.config, request.service, claim.signed_at, claim.place)?;
    let missing = canonical::unsigned_headers(&request.parts.headers, claim.signed_headers);
    if !missing.is_empty() {
        let message = "There were headers present in the request which were not signed";
        return Err(S3Error::new("AccessDenied", message).with("HeadersNotSigned", missing.join(", ")));
    }
    let scope = &claim.scope;
    let credential = find_credential(request, scope.access_key_id, claim.token)?;
    let config = request.config;
    let key = config.keys.get(scope.access_key_id, &credential.secret, scope.date, scope.region, scope.service);
    check_signature(request, claim, &key)?;
    let content_sha256 = request.header("x-amz-content-sha256")?;
    let chain = super::plan::Chain {
        seed: claim.signature.to_owned(),
        key,
        amz_date: digest::basic(claim.signed_at),
        scope: scope.text.to_owned(),
    };
    let expires = [claim.expires_at, credential.expires].into_iter().flatten().min();
    Ok(Authenticated {
        caller: Arc::clone(&credential.caller),
        auth_type: if claim.place == Place::Header { AuthType::Header } else { AuthType::Query },
        signature_version: Some(ALGORITHM),
        signed_at_ms: Some(claim.signed_at * digest::SECOND),
        signature_age_ms: Some((request.now_ms - claim.signed_at * digest::SECOND).max(0)),
        content_sha256: content_sha256.map(str::to_owned),
        expires_at_ms: expires.map(|seconds| seconds.saturating_mul(digest::SECOND)),
        access_key_id: Some(scope.access_key_id.to_owned()),
        region: Some(scope.region.to_owned()),
        session_token: claim.token.map(str::to_owned),
        body: BodyPlan::of_request(request.parts, Some(chain))?,
    })
}

fn check_signature(request: &Request<'_>, claim: &Claim<'_>, key: &SigningKey) -> Result<(), S3Error> {
    let canonical = canonical_request(&canonical::Parts {
        method: request.parts.method.as_str(),
        path: request.path,
        query: request.query,
        headers: &request.parts.headers,
        signed: claim.signed_headers,
        payload: claim.payload,
    })?;
    let Some(canonical) = canonical else {
        return Err(mismatch(claim.scope.access_key_id, claim.signature, ""));
    };
    let text = string_to_sign(&digest::basic(claim.signed_at), claim.scope.text, &canonical);
    if digest::equal(&key.sign(&text), claim.signature) {
        return Ok(());
    }
    let error = mismatch(claim.scope.access_key_id, claim.signature, &text);
    // An error document must not carry a customer's key to where documents are kept.
    if request.parts.headers.keys().any(|name| name.as_str().ends_with("-server-side-encryption-customer-key")) {
        return Err(error);
    }
    Err(error.with("CanonicalRequest", String::from_utf8_lossy(&canonical)))
}

/// `SignatureDoesNotMatch`, with what was signed here and there.
pub(super) fn mismatch(access_key_id: &str, given: &str, string_to_sign: &str) -> S3Error {
    let message = "The request signature we calculated does not match the signature you provided. Check your key \
                   and signing method.";
    S3Error::new("SignatureDoesNotMatch", message)
        .with("AWSAccessKeyId", access_key_id)
        .with("StringToSign", string_to_sign)
        .with("SignatureProvided", given)
}

/// Refuses a list of signed headers that is not lower-case names, each once.
pub(super) fn check_signed_headers(list: &str) -> Result<(), ()> {
    let well_formed = |name: &str| {
        let token = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
        !name.is_empty() && name.bytes().all(token)
    };
    let names: Vec<&str> = list.split(';').collect();
    let repeated = names.iter().enumerate().any(|(i, name)| names.iter().take(i).any(|earlier| earlier == name));
    if repeated || !names.iter().all(|name| well_formed(name)) { Err(()) } else { Ok(()) }
}

/// Refuses a time that is further from now than the settings allow.
pub(super) fn check_skew(request: &Request<'_>, signed_at: i64, as_sent: &str) -> Result<(), S3Error> {
    let skew = request.config.max_skew_seconds;
    if (request.now() - signed_at).abs() <= skew {
        return Ok(());
    }
    let message = "The difference between the request time and the current time is too large.";
    Err(S3Error::new("RequestTimeTooSkewed", message)
        .with("RequestTime", as_sent)
        .with("ServerTime", digest::extended(request.now()))
        .with("MaxAllowedSkewMilliseconds", (skew * digest::SECOND).to_string()))
}

/// A signature in the shape that every signer writes: 64 lower-case hexadecimal digits.
pub(super) fn is_signature(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
