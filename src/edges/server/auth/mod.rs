//! Who sent this request: signed headers, presigned URLs, POST forms, chunked bodies; parsed once, strictly.
//!
//! [`authenticate`] says who asks, [`BodyPlan`] what the body must prove, [`VerifiedBody`] lets only such a
//! body end cleanly. A request is anonymous only when nothing in it looks like a signature; everything that
//! looks like one and is not right is refused. No decision is made here.
//!
//! Source: S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"; the codes and sentences are S3's.

mod body;
mod canonical;
mod checksum;
mod chunked;
mod digest;
mod form;
mod header;
mod plan;
mod post_policy;
mod presigned;
mod service;
mod sign;
mod signing_key;
mod sigv2;
mod verify;

#[cfg(test)]
mod tests;

pub use body::{BodyOutcome, Frames, VerifiedBody, Want, collect};
pub use checksum::{Algorithm, Checksum, Hasher, combine, composite};
pub(in crate::edges) use digest::hex;
pub use form::{FormFile, PostForm, read_form};
pub use plan::{BodyPlan, Payload, without_aws_chunked};
pub use post_policy::{PostAuthenticated, PostRequest, authenticate_post};
pub use service::{authenticate_service, named_service};
pub use sign::Signer;
pub use signing_key::SigningKey;

pub(super) use super::error::S3Error;

use crate::gate::Caller;
use crate::simulate::recorded::Door;
use canonical::Query;
use http::request::Parts;
use std::fmt;
use std::sync::{Arc, LazyLock};
use zeroize::Zeroizing;

/// S3's name in a signature's scope.
const S3: &str = "s3";

/// Which regions a signature's scope may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionRule {
    /// This one.
    Exactly(String),
    /// Any.
    Any,
}

/// What authentication accepts.
pub struct AuthConfig {
    /// The regions of a signature's scope.
    pub region: RegionRule,
    /// Whether Signature Version 2 is accepted, in headers, URLs and forms.
    pub allow_sigv2: bool,
    /// How far the clocks may be apart, in seconds. S3's value: 900.
    pub max_skew_seconds: i64,
    /// The names below which a bucket is the first label of the host, in lower case, without a port. Signature
    /// Version 2 is over the bucket's name.
    pub hosts: Vec<String>,
    keys: signing_key::SigningKeys,
}

impl AuthConfig {
    /// S3's rules: Signature Version 4 only, clocks at most fifteen minutes apart.
    #[must_use]
    pub fn new(region: RegionRule) -> Self {
        Self {
            region,
            allow_sigv2: false,
            max_skew_seconds: 900,
            hosts: Vec::new(),
            keys: signing_key::SigningKeys::default(),
        }
    }
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("region", &self.region)
            .field("allow_sigv2", &self.allow_sigv2)
            .finish_non_exhaustive()
    }
}

/// An access key as it stands at this moment.
pub struct Credential {
    /// The secret access key.
    pub secret: Zeroizing<String>,
    /// Whether it is in use; an inactive key is answered like an unknown one.
    pub active: bool,
    /// The session token that must come with a temporary key; `None` for a long-term key.
    pub session_token: Option<String>,
    /// When a temporary key ends, in seconds since 1970.
    pub expires: Option<i64>,
    /// Whose it is.
    pub caller: Arc<Caller>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("active", &self.active).finish_non_exhaustive()
    }
}

/// Where access keys are looked up, on every request.
pub trait Credentials: Send + Sync {
    /// The credential of an access key id, in use or not.
    fn find(&self, access_key_id: &str) -> Option<Arc<Credential>>;

    /// The credential of a temporary key that came with a token.
    ///
    /// # Errors
    /// Why there is none.
    fn find_session(&self, access_key_id: &str, token: &str) -> Result<Arc<Credential>, Unusable> {
        let _ = token;
        self.find(access_key_id).ok_or(Unusable::Unknown)
    }
}

/// Why a temporary key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is no such key, or its principal is gone.
    Unknown,
    /// The token is none of this server's, or another key's.
    Token,
}

/// How a request was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthType {
    /// Not at all.
    Anonymous,
    /// In the header `Authorization`.
    Header,
    /// In the query: a presigned URL.
    Query,
    /// In the fields of a form.
    Post,
}

impl AuthType {
    /// The value of the condition key `s3:authType`; absent for anonymous requests.
    #[must_use]
    pub fn condition_value(self) -> Option<&'static str> {
        match self {
            Self::Anonymous => None,
            Self::Header => Some("REST-HEADER"),
            Self::Query => Some("REST-QUERY-STRING"),
            Self::Post => Some("POST"),
        }
    }
}

/// A request whose signature was checked, or that has none by name.
pub struct Authenticated {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// How it was signed.
    pub auth_type: AuthType,
    /// The value of `s3:signatureversion`: `AWS4-HMAC-SHA256` or `AWS`.
    pub signature_version: Option<&'static str>,
    /// When it was signed, in milliseconds since 1970; absent for URLs of Signature Version 2.
    pub signed_at_ms: Option<i64>,
    /// How long ago that is, in milliseconds, never negative.
    pub signature_age_ms: Option<i64>,
    /// The header `x-amz-content-sha256`, where it was sent.
    pub content_sha256: Option<String>,
    /// When the signature or the temporary key ends, whichever is first, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
    /// The access key.
    pub access_key_id: Option<String>,
    /// The region of the signature's scope.
    pub region: Option<String>,
    /// The session token, verified.
    pub session_token: Option<String>,
    /// What the body must prove.
    pub body: BodyPlan,
}

impl Authenticated {
    /// Through which door it came.
    #[must_use]
    pub fn door(&self) -> Door {
        match (self.caller.principal.kind.as_str(), self.auth_type) {
            ("oai", _) => Door::Oai,
            ("service", _) => Door::Oac,
            (_, AuthType::Anonymous) => Door::Anonymous,
            (_, AuthType::Header) => Door::Header,
            (_, AuthType::Query) => Door::Presigned,
            (_, AuthType::Post) => Door::Form,
        }
    }

    /// A request that CloudFront makes to an origin: signed by it, as its header would be.
    ///
    /// # Errors
    /// S3's own, where it has a second signature, or the headers that describe the body are not right.
    pub fn of_origin(caller: Arc<Caller>, parts: &Parts, raw_path_and_query: &str) -> Result<Self, S3Error> {
        let query = Query::parse(raw_path_and_query.split_once('?').map_or("", |(_, query)| query))?;
        refuse_repeated_headers(&parts.headers)?;
        let in_header = parts.headers.contains_key(http::header::AUTHORIZATION);
        if in_header || presigned::is_meant(&query) || sigv2::is_meant(&query) {
            return Err(two_mechanisms(one_header(&parts.headers, "authorization")?.unwrap_or_default()));
        }
        let unsigned = anonymous(&parts.headers, BodyPlan::of_request(parts, None)?)?;
        let signature_version = Some("AWS4-HMAC-SHA256");
        Ok(Self { caller, auth_type: AuthType::Header, signature_version, ..unsigned })
    }
}

impl fmt::Debug for Authenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated")
            .field("auth_type", &self.auth_type)
            .field("access_key_id", &self.access_key_id)
            .field("signed_at_ms", &self.signed_at_ms)
            .field("region", &self.region)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// A request as the rules of this module read it.
struct Request<'a> {
    parts: &'a Parts,
    path: &'a str,
    raw_query: &'a str,
    query: &'a Query<'a>,
    now_ms: i64,
    /// The service whose name must stand in a signature's scope.
    service: &'static str,
    config: &'a AuthConfig,
    credentials: &'a dyn Credentials,
}

impl Request<'_> {
    /// The text of a header. A second one of the name is refused: readers differ in which one counts.
    fn header(&self, name: &str) -> Result<Option<&str>, S3Error> {
        one_header(&self.parts.headers, name)
    }

    fn now(&self) -> i64 {
        self.now_ms.div_euclid(digest::SECOND)
    }
}

fn one_header<'h>(headers: &'h http::HeaderMap, name: &str) -> Result<Option<&'h str>, S3Error> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid_argument(name, "", format!("The header {name} was specified more than once.")));
    }
    let text = value.to_str().map(|text| Some(text.trim()));
    text.map_err(|_| invalid_argument(name, "", format!("The header {name} has characters that are not ASCII.")))
}

/// `InvalidArgument` with the details that S3 gives.
fn invalid_argument(name: &str, value: &str, message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::new("InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
}

/// Finds out who sent a request.
///
/// `raw_path_and_query` is the request target as it was received, in origin form (`/bucket/key?query`); `now_ms` the time in milliseconds since 1970.
/// A browser's POST form is signed in its fields: see [`authenticate_post`].
///
/// # Errors
/// S3's own, for everything that is not exactly one valid authentication or none at all.
pub fn authenticate(
    parts: &Parts,
    raw_path_and_query: &str,
    now_ms: i64,
    config: &AuthConfig,
    credentials: &dyn Credentials,
) -> Result<Authenticated, S3Error> {
    let (path, raw_query) = raw_path_and_query.split_once('?').unwrap_or((raw_path_and_query, ""));
    let query = Query::parse(raw_query)?;
    let request = Request { parts, path, raw_query, query: &query, now_ms, service: S3, config, credentials };
    refuse_repeated_headers(&parts.headers)?;
    let in_header = parts.headers.contains_key(http::header::AUTHORIZATION);
    let (v4_query, v2_query) = (presigned::is_meant(&query), sigv2::is_meant(&query));
    if usize::from(in_header) + usize::from(v4_query) + usize::from(v2_query) > 1 {
        return Err(two_mechanisms(request.header("authorization")?.unwrap_or_default()));
    }
    if in_header {
        header::authenticate(&request)
    } else if v4_query {
        presigned::authenticate(&request)
    } else if v2_query {
        sigv2::authenticate_query(&request)
    } else if query.names().any(|name| name.starts_with("response-")) {
        let message = "Request specific response headers cannot be used for anonymous GET requests.";
        Err(S3Error::new("InvalidRequest", message))
    } else {
        anonymous(&parts.headers, BodyPlan::of_request(parts, None)?)
    }
}

fn two_mechanisms(authorization: &str) -> S3Error {
    let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query \
                   string parameter or the Authorization header should be specified";
    invalid_argument("Authorization", authorization, message)
}

/// A request without any signature.
fn anonymous(headers: &http::HeaderMap, body: BodyPlan) -> Result<Authenticated, S3Error> {
    static NOBODY: LazyLock<Arc<Caller>> = LazyLock::new(|| Arc::new(Caller::anonymous()));
    Ok(Authenticated {
        caller: Arc::clone(&NOBODY),
        auth_type: AuthType::Anonymous,
        signature_version: None,
        signed_at_ms: None,
        signature_age_ms: None,
        content_sha256: one_header(headers, "x-amz-content-sha256")?.map(str::to_owned),
        expires_at_ms: None,
        access_key_id: None,
        region: None,
        session_token: None,
        body,
    })
}

/// Headers with one value stand once. A signature is over all values of a name joined by commas, so a value
/// with a comma could be sent as two headers, of which a handler reads the first.
fn refuse_repeated_headers(headers: &http::HeaderMap) -> Result<(), S3Error> {
    if headers.len() == headers.keys_len() {
        return Ok(());
    }
    for name in headers.keys().map(http::HeaderName::as_str) {
        let single =
            matches!(name, "authorization" | "host" | "date" | "content-md5" | "content-length" | "content-type")
                || (name.starts_with("x-amz-")
                    && !name.starts_with("x-amz-meta-")
                    && !name.starts_with("x-amz-grant-")
                    && !matches!(name, "x-amz-object-attributes" | "x-amz-optional-object-attributes"));
        if single && headers.get_all(name).iter().nth(1).is_some() {
            return Err(invalid_argument(name, "", format!("The header {name} was specified more than once.")));
        }
    }
    Ok(())
}
