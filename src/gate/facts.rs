//! The facts of one HTTP request that a decision may read. Values only: sockets, clocks and bodies stay outside.

use super::operations::{Asked, Method};
use super::target::Target;
use crate::policy::acl::Acl;
use std::net::IpAddr;

/// What is known of a request beside who sent it.
#[derive(Clone, Copy)]
pub struct RequestFacts<'a> {
    /// Its method.
    pub method: Method,
    /// What it addresses.
    pub target: &'a Target,
    /// Its query and headers; for POST forms the fields stand for the headers.
    pub asked: &'a dyn Asked,
    /// Where it came from.
    pub source_ip: Option<IpAddr>,
    /// It came over TLS, here or at a configured proxy; `None`: not known.
    pub secure: Option<bool>,
    /// `1.2` or `1.3` where it came over our own TLS listener.
    pub tls_version: Option<&'static str>,
    /// When it came, in seconds since 1970.
    pub time: i64,
    /// How it was signed.
    pub signature: SignatureFacts<'a>,
}

impl std::fmt::Debug for RequestFacts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers may hold secrets.
        f.debug_struct("RequestFacts")
            .field("method", &self.method)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// How a request was signed; all absent for an anonymous one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignatureFacts<'a> {
    /// `REST-HEADER`, `REST-QUERY-STRING` or `POST`.
    pub auth_type: Option<&'static str>,
    /// `AWS4-HMAC-SHA256` or `AWS`.
    pub version: Option<&'static str>,
    /// Milliseconds since it was signed.
    pub age_ms: Option<i64>,
    /// The header `x-amz-content-sha256` as it was sent.
    pub content_sha256: Option<&'a str>,
}

/// What the body of a request says that a decision may read; absent where the operation has no such body.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each asked for by one permission")]
pub struct BodyFacts {
    /// Tags sent with an object, in a header, form field or body.
    pub tags: Option<Vec<(String, String)>>,
    /// A retention mode that is sent.
    pub lock_mode: Option<String>,
    /// A retention date that is sent, in ISO 8601, and its seconds since 1970.
    pub retain_until: Option<(String, i64)>,
    /// A legal hold that is sent: `ON` or `OFF`.
    pub legal_hold: Option<String>,
    /// The location constraint of a new bucket.
    pub location_constraint: Option<String>,
    /// The body sets an ACL that is public.
    pub sets_public_acl: bool,
    /// The body sets a bucket policy that is public.
    pub sets_public_policy: bool,
    /// The new bucket has object lock.
    pub locks_bucket: bool,
    /// The copied object has tags, and they are copied.
    pub copies_tags: bool,
}

/// What is known of an object before a decision.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeenObject<'a> {
    /// The canonical user id of its owner.
    pub owner_canonical: Option<&'a str>,
    /// Its ACL.
    pub acl: Option<&'a Acl>,
    /// Its tags.
    pub tags: &'a [(String, String)],
}
