//! Decisions as the log keeps them: event schema, version 1.
//!
//! An event holds the facts of one decision and the digests of the policies it was made by; with those
//! policies by digest it can be asked again, and gives the same answer whatever has changed since. The JSON
//! Schema stands in `src/manual/decision-event-v1.schema.json`.

mod event;
mod identity;
mod layers;
mod replay;
mod secrets;

pub use event::{
    AdditionalData, DecidedBy, Door, EVENT_VERSION, EventFacts, EventResource, OWN_VERSION, Own, TlsDetails,
    TrailEvent, ViewerFacts, iso_seconds,
};
pub use identity::{SessionAttributes, SessionContext, SessionIssuer, UserIdentity};
pub(super) use layers::grants as acl_grants;
pub use layers::{
    LayerWord, RecordedAcl, RecordedBlock, RecordedBucket, RecordedGrant, RecordedKeyGrant, RecordedKeyGrants,
    RecordedLayer, RecordedLayers, RecordedPolicy, document_text,
};
pub use secrets::without_secrets;

use crate::decision::{AuthorizationRequest, Context, Decision, Layer, Principal, PrincipalKind};
use crate::words::moment;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// The version of [`RecordedDecision`]. It counts up with every change that is not an addition.
pub const VERSION: u32 = 1;

type Text<'a> = Cow<'a, str>;

/// One decision. A request that needs several has several, numbered in the order in which they were made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordedDecision<'a> {
    /// [`VERSION`].
    pub version: u32,
    /// The request's id, as its answer carried it.
    pub id: Text<'a>,
    /// The number of the decision in its request, from 1.
    pub n: u64,
    /// When, in ISO 8601 with milliseconds.
    pub time: Text<'a>,
    /// The operation's name in S3's API.
    pub operation: Text<'a>,
    /// The HTTP method.
    pub method: Text<'a>,
    /// `allow`, `explicit-deny` or `implicit-deny`.
    pub outcome: Text<'a>,
    /// The reason's code.
    pub code: Text<'a>,
    /// The layer that decided, or whose missing Allow did.
    pub layer: Layer,
    /// What was asked.
    pub request: RecordedRequest<'a>,
    /// What it was held against. `None` only while an event is put together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<RecordedLayers>,
}

/// Which decision of which request, and when.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The request's id.
    pub id: &'a str,
    /// The number of the decision in its request, from 1.
    pub n: u64,
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// The operation's name in S3's API.
    pub operation: &'a str,
    /// The HTTP method.
    pub method: &'a str,
}

/// The question of a decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordedRequest<'a> {
    /// Who.
    pub principal: RecordedPrincipal<'a>,
    /// The action's full name.
    pub action: Text<'a>,
    /// The resource's ARN.
    pub resource: Text<'a>,
    /// The account it belongs to, where the ARN or the bucket do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_account: Option<Text<'a>>,
    /// What was known of the object, where it existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<RecordedObject<'a>>,
    /// The context as it was decided by: those keys that follow from principal and resource included.
    pub context: RecordedContext<'a>,
    /// The request would set a public ACL in its body.
    pub sets_public_acl: bool,
    /// The request would set a public bucket policy.
    pub sets_public_policy: bool,
}

/// A principal; the fields are those of [`super::scenario::OwnedPrincipal`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordedPrincipal<'a> {
    /// `user`, `role-session`, `root`, `anonymous`, `service`, `oai`, `federated`, `canonical`.
    pub kind: Text<'a>,
    /// The ARN, or a service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<Text<'a>>,
    /// Its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Text<'a>>,
    /// Its canonical user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<Text<'a>>,
    /// The role behind a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<Text<'a>>,
    /// Its unique id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<'a>>,
    /// The user behind a federation token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_arn: Option<Text<'a>>,
    /// A service-linked role.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub service_linked: bool,
}

/// An object; its tags are among the context's keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordedObject<'a> {
    /// The canonical user id of its owner; `None`: the bucket's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_canonical: Option<Text<'a>>,
    /// Its ACL; `None`: the owner holds everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Vec<RecordedGrant>>,
}

/// Context keys: in JSON an object of lists.
#[derive(Clone, Debug)]
pub enum RecordedContext<'a> {
    /// Of a decision that is being recorded.
    Live(&'a Context<'a>),
    /// Read from an event.
    Read(Vec<(String, Vec<String>)>),
}

impl<'a> RecordedDecision<'a> {
    /// The event of a decision, with everything but its layers.
    #[must_use]
    pub fn new(occasion: Occasion<'a>, request: &'a AuthorizationRequest<'a>, decision: Decision) -> Self {
        let basis = decision.basis();
        Self {
            version: VERSION,
            id: occasion.id.into(),
            n: occasion.n,
            time: iso_millis(occasion.time_ms).into(),
            operation: occasion.operation.into(),
            method: occasion.method.into(),
            outcome: decision.word().into(),
            code: basis.code.as_str().into(),
            layer: basis.layer,
            request: RecordedRequest {
                principal: RecordedPrincipal::of(&request.principal),
                action: request.action.as_str().into(),
                resource: request.resource.arn.into(),
                resource_account: request.resource.account.map(Cow::Borrowed),
                object: request.resource.object.map(|object| RecordedObject {
                    owner_canonical: object.owner_canonical.map(Cow::Borrowed),
                    acl: object.acl.map(layers::grants),
                }),
                context: RecordedContext::Live(&request.context),
                sets_public_acl: request.sets_public_acl,
                sets_public_policy: request.sets_public_policy,
            },
            layers: None,
        }
    }
}

impl<'a> RecordedPrincipal<'a> {
    fn of(principal: &Principal<'a>) -> Self {
        let kind = match principal.kind {
            PrincipalKind::User => "user",
            PrincipalKind::RoleSession => "role-session",
            PrincipalKind::Root => "root",
            PrincipalKind::Anonymous => "anonymous",
            PrincipalKind::Service => "service",
            PrincipalKind::OriginAccessIdentity => "oai",
            PrincipalKind::FederatedUser | PrincipalKind::FederatedIdentity => "federated",
            PrincipalKind::Canonical => "canonical",
        };
        Self {
            kind: kind.into(),
            arn: Some(principal.arn).filter(|arn| !arn.is_empty()).map(Cow::Borrowed),
            account: principal.account.map(Cow::Borrowed),
            canonical: principal.canonical.map(Cow::Borrowed),
            role_arn: principal.role_arn.map(Cow::Borrowed),
            id: principal.id.map(Cow::Borrowed),
            issuer_arn: principal.issuer_arn.map(Cow::Borrowed),
            service_linked: principal.service_linked,
        }
    }
}

impl Serialize for RecordedContext<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            // INVARIANT: what goes to the log passes here, and no secret passes.
            Self::Live(context) => {
                for entry in context.entries().filter(|entry| !secrets::is_secret(entry.name())) {
                    map.serialize_entry(entry.name(), &LiveValues(entry.values()))?;
                }
            }
            Self::Read(keys) => {
                for (key, values) in keys {
                    map.serialize_entry(key, values)?;
                }
            }
        }
        map.end()
    }
}

struct LiveValues<'v>(&'v [crate::decision::ContextValue<'v>]);

impl Serialize for LiveValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|value| secrets::without_secrets(value.as_str())))
    }
}

impl<'de> Deserialize<'de> for RecordedContext<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Vec<(String, Vec<String>)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("context keys with lists of values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    keys.push(entry);
                }
                Ok(keys)
            }
        }
        deserializer.deserialize_map(Keys).map(Self::Read)
    }
}

/// An instant in ISO 8601, in UTC with milliseconds.
#[must_use]
pub fn iso_millis(time_ms: i64) -> String {
    moment::extended_millis(time_ms).unwrap_or_else(|| time_ms.to_string())
}
