//! What is kept of CloudFront: distributions, origin access identities and controls, public keys, key groups,
//! invalidations.
//!
//! Source: Amazon CloudFront API Reference, version 2020-05-31, the types of these names.

use crate::storage::store::Entity;
use serde::{Deserialize, Serialize};

/// A distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Its id: `E` and thirteen characters. It is the id under which it is kept.
    pub id: String,
    /// The host that viewers ask: `d….cloudfront.net`, beside the aliases.
    pub domain_name: String,
    /// How it serves.
    pub config: DistributionConfig,
    /// When it was changed, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
}

/// How a distribution serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistributionConfig {
    /// The caller's own name for the creation: a second one of the name is the first again, or refused.
    pub caller_reference: String,
    /// Further hosts that viewers ask.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The object that stands for `/`; empty: none.
    #[serde(default)]
    pub default_root_object: String,
    /// Where objects come from.
    pub origins: Vec<Origin>,
    /// How requests that fit no other behaviour are served.
    pub default_behavior: Behavior,
    /// The other behaviours, in the order in which they are tried.
    #[serde(default)]
    pub behaviors: Vec<PathBehavior>,
    /// What viewers see of errors.
    #[serde(default)]
    pub custom_errors: Vec<CustomError>,
    /// A text for people.
    #[serde(default)]
    pub comment: String,
    /// Whether it serves at all.
    pub enabled: bool,
    /// `PriceClass_All`, …: kept and shown, without a meaning here.
    #[serde(default)]
    pub price_class: String,
    /// `http1.1`, `http2`, …: kept and shown; the door speaks HTTP/1.1.
    #[serde(default)]
    pub http_version: String,
    /// Kept and shown.
    #[serde(default)]
    pub ipv6: bool,
}

/// Where objects come from: a bucket of this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its id, unique in its distribution.
    pub id: String,
    /// `BUCKET.s3.amazonaws.com`, `BUCKET.s3.REGION.amazonaws.com`, or the bucket below a host of this server.
    pub domain_name: String,
    /// What stands before the viewer's path: empty, or `/…` without a slash at its end.
    #[serde(default)]
    pub path: String,
    /// Headers that every origin request has.
    #[serde(default)]
    pub custom_headers: Vec<(String, String)>,
    /// In whose name it is asked.
    #[serde(default)]
    pub access: OriginAccess,
    /// How often CloudFront tries to connect: kept and shown, since an origin here is this server itself.
    #[serde(default = "usual_attempts")]
    pub connection_attempts: u8,
    /// For how many seconds it tries: kept and shown likewise.
    #[serde(default = "usual_timeout")]
    pub connection_timeout: u8,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            id: String::new(),
            domain_name: String::new(),
            path: String::new(),
            custom_headers: Vec::new(),
            access: OriginAccess::Anonymous,
            connection_attempts: usual_attempts(),
            connection_timeout: usual_timeout(),
        }
    }
}

const fn usual_attempts() -> u8 {
    3
}

const fn usual_timeout() -> u8 {
    10
}

/// In whose name an origin is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OriginAccess {
    /// In nobody's.
    #[default]
    Anonymous,
    /// As the origin access identity of this id.
    Identity(String),
    /// As the service, as the origin access control of this id says.
    Control(String),
}

/// A behaviour and the paths it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathBehavior {
    /// The pattern, with `*` and `?`; a slash at its start does not matter.
    pub pattern: String,
    /// The behaviour.
    pub behavior: Behavior,
}

/// How requests are served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behavior {
    /// The id of the origin.
    pub origin: String,
    /// Which protocols viewers may use.
    #[serde(default)]
    pub viewer_protocol: ViewerProtocol,
    /// The methods that are let through.
    pub allowed_methods: Vec<String>,
    /// The methods whose answers are cached.
    pub cached_methods: Vec<String>,
    /// The key groups of which one must have signed the URL or cookies; empty: everybody may see it.
    #[serde(default)]
    pub trusted_key_groups: Vec<String>,
    /// Kept and shown: compression is left to the client.
    #[serde(default)]
    pub compress: bool,
    /// How long answers are kept, and what tells them apart.
    #[serde(default)]
    pub caching: Caching,
    /// The managed policy for origin requests, by its id: one that [`super::policies::origin_request_policy`] knows.
    #[serde(default)]
    pub origin_request_policy: Option<String>,
    /// The managed policy for headers of answers, by its id: one that
    /// [`super::policies::response_headers_policy`] knows.
    #[serde(default)]
    pub response_headers_policy: Option<String>,
}

/// Which protocols viewers may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ViewerProtocol {
    /// HTTP and HTTPS.
    #[default]
    AllowAll,
    /// HTTPS alone; others get 403.
    HttpsOnly,
    /// Others are sent to HTTPS with 301.
    RedirectToHttps,
}

/// How long answers are kept, and what tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caching {
    /// The older settings, which stand in the behaviour itself.
    Legacy {
        /// Seconds.
        min_ttl: u64,
        /// Seconds, where the origin says nothing.
        default_ttl: u64,
        /// Seconds.
        max_ttl: u64,
        /// The parts of the query that reach the origin and tell answers apart.
        query: Forwarded,
        /// The headers likewise, in lower case.
        headers: Vec<String>,
        /// The cookies likewise.
        cookies: Forwarded,
    },
    /// A managed cache policy, by its id: one that [`super::policies::cache_policy`] knows.
    Policy(String),
}

impl Default for Caching {
    fn default() -> Self {
        Self::Legacy {
            min_ttl: 0,
            default_ttl: 86_400,
            max_ttl: 31_536_000,
            query: Forwarded::None,
            headers: Vec::new(),
            cookies: Forwarded::None,
        }
    }
}

/// Which named values are passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Forwarded {
    /// None.
    #[default]
    None,
    /// These.
    Listed(Vec<String>),
    /// All.
    All,
}

/// What viewers see of an error of the origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomError {
    /// The origin's status.
    pub status: u16,
    /// The page that is shown for it, a path of the distribution.
    pub page: Option<String>,
    /// The status that is sent with the page.
    pub response_status: Option<u16>,
    /// How long the error is cached, in seconds.
    pub min_ttl: u64,
}

/// An origin access identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginAccessIdentity {
    /// Its id: `E` and thirteen characters. It is the id under which it is kept.
    pub id: String,
    /// Its canonical user id, which ACLs and policies may name.
    pub canonical: String,
    /// The caller's own name for the creation.
    pub caller_reference: String,
    /// A text for people.
    pub comment: String,
}

/// An origin access control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginAccessControl {
    /// Its id: `E` and thirteen characters.
    pub id: String,
    /// Its name, unique in its account.
    pub name: String,
    /// A text for people.
    pub description: String,
    /// When origin requests are signed.
    pub signing: SigningBehavior,
}

/// When origin requests are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningBehavior {
    /// Always, whatever `Authorization` the viewer sent.
    Always,
    /// Never: the viewer's own `Authorization` is passed on, or none.
    Never,
    /// Unless the viewer sent an `Authorization`, which is passed on then.
    NoOverride,
}

/// A public key that signed URLs and cookies are checked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// Its id: `K` and thirteen characters, the `Key-Pair-Id` of signatures.
    pub id: String,
    /// The caller's own name for the creation.
    pub caller_reference: String,
    /// Its name, unique in its account.
    pub name: String,
    /// The key in PEM: RSA of 2,048 bits or ECDSA P-256.
    pub pem: String,
    /// A text for people.
    pub comment: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
}

/// A key group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGroup {
    /// Its id, a UUID.
    pub id: String,
    /// Its name, unique in its account.
    pub name: String,
    /// The ids of its public keys: 1 to 5.
    pub keys: Vec<String>,
    /// A text for people.
    pub comment: String,
    /// When it was changed, in milliseconds since 1970.
    pub modified_ms: i64,
}

/// An invalidation, done as soon as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalidation {
    /// Its id: `I` and further characters. It is kept under the distribution's id, a slash and this.
    pub id: String,
    /// The distribution.
    pub distribution: String,
    /// The caller's own name for the creation.
    pub caller_reference: String,
    /// The paths, each with at most one `*`, at its end.
    pub paths: Vec<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
}

impl Distribution {
    /// Its ARN, as `aws:SourceArn` of origin requests and as the resource of management requests.
    #[must_use]
    pub fn arn(account: &str, id: &str) -> String {
        ["arn:aws:cloudfront::", account, ":distribution/", id].concat()
    }
}

impl DistributionConfig {
    /// Its behaviours: the others in their order, then the default one.
    pub fn all_behaviors(&self) -> impl Iterator<Item = &Behavior> {
        self.behaviors.iter().map(|other| &other.behavior).chain([&self.default_behavior])
    }
}

impl OriginAccessIdentity {
    /// Its ARN, as bucket policies name it.
    #[must_use]
    pub fn arn(id: &str) -> String {
        ["arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity ", id].concat()
    }
}

impl SigningBehavior {
    /// Every one, with the name that the API has for it.
    pub const ALL: [(Self, &str); 3] =
        [(Self::Always, "always"), (Self::Never, "never"), (Self::NoOverride, "no-override")];
}

impl ViewerProtocol {
    /// Every one, with the name that the API has for it.
    pub const ALL: [(Self, &str); 3] =
        [(Self::AllowAll, "allow-all"), (Self::HttpsOnly, "https-only"), (Self::RedirectToHttps, "redirect-to-https")];
}

impl Entity for Distribution {
    const KIND: &'static str = "cloudfront/distribution";
}
impl Entity for OriginAccessIdentity {
    const KIND: &'static str = "cloudfront/origin-access-identity";
}
impl Entity for OriginAccessControl {
    const KIND: &'static str = "cloudfront/origin-access-control";
}
impl Entity for PublicKey {
    const KIND: &'static str = "cloudfront/public-key";
}
impl Entity for KeyGroup {
    const KIND: &'static str = "cloudfront/key-group";
}
impl Entity for Invalidation {
    const KIND: &'static str = "cloudfront/invalidation";
}
