//! Events of the trail: one decision, or one viewer's admission, in CloudTrail's shape.
//!
//! What CloudTrail has no place for stands under the member `portcullis`, and with it all that is needed to decide
//! again: a [`RecordedDecision`]. The JSON Schema stands in `src/manual/trail-event-v1.schema.json`.
//!
//! Source: CloudTrail User Guide, "CloudTrail record contents", "CloudTrail userIdentity element"; S3 User Guide,
//! "Amazon S3 CloudTrail events".

use super::identity::UserIdentity;
use super::secrets::{is_secret, without_secrets};
use super::{Occasion, RecordedDecision, Text};
use crate::decision::{AuthorizationRequest, ContextValue, Decision, Explanation, Layer, Layers, StatementRef};
use crate::simulate::sentence;
use crate::words::moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of CloudTrail's record format.
pub const EVENT_VERSION: &str = "1.11";
/// The version of [`Own`]. It counts up with every change that is not an addition.
pub const OWN_VERSION: u32 = 1;

/// Through which door a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// Directly, signed in its header.
    Header,
    /// Directly, by a presigned URL.
    Presigned,
    /// Directly, by a browser's form.
    Form,
    /// Directly, unsigned.
    Anonymous,
    /// Through CloudFront, as an origin access identity.
    Oai,
    /// Through CloudFront, by origin access control.
    Oac,
    /// A viewer before CloudFront.
    Viewer,
    /// To a service beside S3.
    Service,
}

impl Door {
    /// Every door.
    pub const ALL: [Self; 8] =
        [Self::Header, Self::Presigned, Self::Form, Self::Anonymous, Self::Oai, Self::Oac, Self::Viewer, Self::Service];

    /// Its word in an event.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Presigned => "presigned",
            Self::Form => "form",
            Self::Anonymous => "anonymous",
            Self::Oai => "oai",
            Self::Oac => "oac",
            Self::Viewer => "viewer",
            Self::Service => "service",
        }
    }

    /// How CloudTrail calls the way of signing.
    fn authentication_method(self) -> Option<&'static str> {
        match self {
            Self::Header | Self::Service | Self::Oac => Some("AuthHeader"),
            Self::Presigned => Some("QueryString"),
            Self::Form => Some("HtmlForm"),
            Self::Anonymous | Self::Oai | Self::Viewer => None,
        }
    }
}

/// An event.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrailEvent<'a> {
    /// [`EVENT_VERSION`].
    pub event_version: Text<'a>,
    /// Who.
    pub user_identity: UserIdentity<'a>,
    /// When, in ISO 8601 without fractions.
    pub event_time: Text<'a>,
    /// The service, such as `s3.amazonaws.com`.
    pub event_source: Text<'a>,
    /// The operation, as CloudTrail calls it.
    pub event_name: Text<'a>,
    /// The region.
    pub aws_region: Text<'a>,
    /// The address it came from, or the service that sent it.
    #[serde(rename = "sourceIPAddress")]
    pub source_ip_address: Text<'a>,
    /// What the client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Text<'a>>,
    /// Of a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<Text<'a>>,
    /// Of a denial: AWS's sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<Text<'a>>,
    /// Bucket, key and what else the request named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_parameters: Option<BTreeMap<Text<'a>, Text<'a>>>,
    /// How it was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_event_data: Option<AdditionalData<'a>>,
    /// The request's id, as its answer carried it.
    #[serde(rename = "requestID")]
    pub request_id: Text<'a>,
    /// The decision's id: `REQUEST.n`.
    #[serde(rename = "eventID")]
    pub event_id: Text<'a>,
    /// It changes nothing.
    pub read_only: bool,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<EventResource<'a>>,
    /// `AwsApiCall`, or `AwsServiceEvent` of a viewer.
    pub event_type: Text<'a>,
    /// It is about settings rather than about objects.
    pub management_event: bool,
    /// The account it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_account_id: Option<Text<'a>>,
    /// `Management` or `Data`.
    pub event_category: Text<'a>,
    /// How the connection was protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_details: Option<TlsDetails<'a>>,
    /// What CloudTrail has no place for.
    pub portcullis: Own<'a>,
}

/// How a request was signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdditionalData<'a> {
    /// `SigV4` or `SigV2`.
    #[serde(default, rename = "SignatureVersion", skip_serializing_if = "Option::is_none")]
    pub signature_version: Option<Text<'a>>,
    /// `AuthHeader`, `QueryString` or `HtmlForm`.
    #[serde(default, rename = "AuthenticationMethod", skip_serializing_if = "Option::is_none")]
    pub authentication_method: Option<Text<'a>>,
}

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventResource<'a> {
    /// Its account, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Text<'a>>,
    /// Such as `AWS::S3::Object`.
    #[serde(rename = "type")]
    pub kind: Text<'a>,
    /// Its ARN.
    #[serde(rename = "ARN")]
    pub arn: Text<'a>,
}

/// How a connection was protected.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsDetails<'a> {
    /// `TLSv1.2` or `TLSv1.3`.
    pub tls_version: Text<'a>,
    /// The host that the client named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_provided_host_header: Option<Text<'a>>,
}

/// What CloudTrail has no place for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Own<'a> {
    /// [`OWN_VERSION`].
    pub version: u32,
    /// Which door.
    pub door: Door,
    /// `allow`, `explicit-deny`, `implicit-deny`; of a viewer `admitted` or `refused`.
    pub outcome: Text<'a>,
    /// What decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<DecidedBy<'a>>,
    /// The context keys that mattered, with the values of the request; `null`: the request had none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context_keys: BTreeMap<Text<'a>, Option<Vec<Text<'a>>>>,
    /// How long the decision took, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ns: Option<u64>,
    /// Of a viewer's request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<ViewerFacts<'a>>,
    /// All that is needed to decide again. It is the last member: its layers are put in behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Box<RecordedDecision<'a>>>,
}

/// What a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecidedBy<'a> {
    /// The reason's code, as `portcullis explain` knows it.
    pub code: Text<'a>,
    /// The layer that decided, or whose missing Allow did.
    pub layer: Layer,
    /// The policy, where a statement decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Text<'a>>,
    /// The statement's id, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Text<'a>>,
    /// The number of the statement in its policy, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<u32>,
}

/// A viewer's request to CloudFront.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewerFacts<'a> {
    /// The distribution's id.
    pub distribution: Text<'a>,
    /// The host it was sent to.
    pub host: Text<'a>,
    /// Path and query, without what signs them.
    pub path: Text<'a>,
    /// The path pattern of the cache behaviour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<Text<'a>>,
    /// `public`, `signed-url` or `signed-cookies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Text<'a>>,
    /// The id of the key that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pair_id: Option<Text<'a>>,
}

/// What is known of a request beside what its decision read.
#[derive(Clone, Copy, Debug)]
pub struct EventFacts<'a> {
    /// Its id.
    pub id: &'a str,
    /// The number of the decision in it, from 1.
    pub n: u64,
    /// When, in milliseconds since 1970.
    pub time_ms: i64,
    /// The service, such as `s3.amazonaws.com`.
    pub source: &'a str,
    /// The operation's name in the service's API.
    pub operation: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The operation changes nothing.
    pub read_only: bool,
    /// The server's region.
    pub region: &'a str,
    /// Which door.
    pub door: Door,
    /// The access key.
    pub access_key_id: Option<&'a str>,
    /// `AWS4-HMAC-SHA256` or `AWS`.
    pub signature_version: Option<&'a str>,
    /// `1.2` or `1.3` where it came over our own TLS listener.
    pub tls_version: Option<&'a str>,
    /// The header `Host`.
    pub host: Option<&'a str>,
    /// How long the decision took, in nanoseconds.
    pub took_ns: u64,
}

impl<'a> TrailEvent<'a> {
    /// The event of a decision, with everything but its layers. A denial comes with its explanation.
    #[must_use]
    pub fn of_decision(
        facts: &EventFacts<'a>,
        request: &'a AuthorizationRequest<'a>,
        layers: &'a Layers,
        decision: Decision,
        explanation: Option<&Explanation<'_>>,
    ) -> Self {
        let arn = request.resource.arn;
        let owner = request.resource.account.or(layers.bucket.as_ref().map(|b| b.owner_account.as_str()));
        let denied = !decision.is_allowed();
        let data = is_data(facts.operation, arn);
        let occasion = Occasion {
            id: facts.id,
            n: facts.n,
            time_ms: facts.time_ms,
            operation: facts.operation,
            method: facts.method,
        };
        let text = |name| request.context.text(name);
        let region = text("aws:RequestedRegion").unwrap_or(facts.region);
        let address = text("aws:SourceIp").unwrap_or(match facts.door {
            Door::Oai | Door::Oac => "cloudfront.amazonaws.com",
            _ => "AWS Internal",
        });
        let authentication_method = facts.door.authentication_method().map(Text::Borrowed);
        Self {
            event_version: EVENT_VERSION.into(),
            user_identity: UserIdentity::of(request, facts.access_key_id),
            event_time: iso_seconds(facts.time_ms).into(),
            event_source: facts.source.into(),
            event_name: event_name(facts.operation).into(),
            aws_region: region.to_owned().into(),
            source_ip_address: address.to_owned().into(),
            user_agent: text("aws:UserAgent").map(|agent| without_secrets(agent).into_owned().into()),
            error_code: denied.then_some(Text::Borrowed("AccessDenied")),
            error_message: explanation.filter(|_| denied).map(|e| sentence::of(e).into()),
            request_parameters: parameters(request, facts.host),
            additional_event_data: authentication_method.map(|method| AdditionalData {
                signature_version: facts.signature_version.map(|v| if v == "AWS" { "SigV2" } else { "SigV4" }.into()),
                authentication_method: Some(method),
            }),
            request_id: facts.id.into(),
            event_id: format!("{}.{}", facts.id, facts.n).into(),
            read_only: facts.read_only,
            resources: resources(arn, owner),
            event_type: "AwsApiCall".into(),
            management_event: !data,
            recipient_account_id: owner.or(request.principal.account).map(Text::Borrowed),
            event_category: if data { "Data" } else { "Management" }.into(),
            tls_details: facts.tls_version.map(|version| TlsDetails {
                tls_version: format!("TLSv{version}").into(),
                client_provided_host_header: facts.host.map(Text::Borrowed),
            }),
            portcullis: Own {
                version: OWN_VERSION,
                door: facts.door,
                outcome: decision.word().into(),
                decided_by: Some(decided_by(layers, decision)),
                context_keys: keys_that_mattered(request, layers, decision, explanation),
                took_ns: Some(facts.took_ns),
                viewer: None,
                decision: Some(Box::new(RecordedDecision::new(occasion, request, decision))),
            },
        }
    }
}

fn decided_by(layers: &Layers, decision: Decision) -> DecidedBy<'_> {
    let basis = decision.basis();
    let at = basis.statement;
    let policy = at.and_then(|at| layers.policy(at));
    let statement = at.and_then(|at| policy?.statements().get(at.statement as usize));
    let sid = statement.and_then(|s| s.sid).and_then(|sid| policy.map(|p| p.text(sid)));
    DecidedBy {
        code: basis.code.as_str().into(),
        layer: basis.layer,
        policy: policy.map(|p| p.name().into()),
        sid: sid.filter(|sid| !sid.is_empty()).map(Text::Borrowed),
        statement: at.map(|at| at.statement + 1),
    }
}

/// The keys that the deciding statement reads, and for an implicit denial those of the statements that came closest.
fn keys_that_mattered<'a>(
    request: &'a AuthorizationRequest<'a>,
    layers: &'a Layers,
    decision: Decision,
    explanation: Option<&Explanation<'_>>,
) -> BTreeMap<Text<'a>, Option<Vec<Text<'a>>>> {
    let mut keys = BTreeMap::new();
    let mut add = |at: StatementRef| {
        let Some(policy) = layers.policy(at) else { return };
        let Some(statement) = policy.statements().get(at.statement as usize) else { return };
        for condition in policy.conditions(statement.conditions) {
            let name = policy.text(condition.key.name);
            if is_secret(name) {
                continue;
            }
            let entry = request.context.get(name);
            let values =
                entry.map(|e| e.values().iter().map(|v| without_secrets(v.as_str()).into_owned().into()).collect());
            keys.insert(Text::Borrowed(name), values);
        }
    };
    if let Some(at) = decision.basis().statement {
        add(at);
    }
    for view in explanation.map(Explanation::near_misses).unwrap_or_default() {
        add(view.at);
    }
    keys
}

/// What a request to S3 named: bucket, key, version, and what conditions can read of its query and headers.
fn parameters<'a>(
    request: &'a AuthorizationRequest<'a>,
    host: Option<&'a str>,
) -> Option<BTreeMap<Text<'a>, Text<'a>>> {
    let rest = request.resource.arn.strip_prefix("arn:aws:s3:::");
    if rest.is_none() && !request.action.is_of("s3") {
        return None;
    }
    let mut parameters = BTreeMap::new();
    let (bucket, key) = rest.map_or((None, None), |rest| match rest.split_once('/') {
        Some((bucket, key)) => (Some(bucket), Some(key)),
        None => (Some(rest), None),
    });
    for (name, value) in [("bucketName", bucket), ("key", key), ("Host", host)] {
        parameters.extend(value.map(|value| (Text::Borrowed(name), Text::Borrowed(value))));
    }
    for entry in request.context.entries() {
        let Some(name) = entry.name().strip_prefix("s3:") else { continue };
        let sent = name.starts_with("x-amz-") && name != "x-amz-content-sha256";
        let named = matches!(name, "prefix" | "delimiter" | "max-keys" | "versionid" | "VersionId");
        if (sent || named) && !is_secret(name) {
            let name = if name.eq_ignore_ascii_case("versionid") { "versionId" } else { name };
            let value = entry.values().iter().map(ContextValue::as_str).collect::<Vec<_>>().join(",");
            parameters.insert(Text::Owned(name.to_owned()), Text::Owned(without_secrets(&value).into_owned()));
        }
    }
    Some(parameters)
}

/// Whether an operation is about objects, as CloudTrail tells data events from management events.
fn is_data(operation: &str, arn: &str) -> bool {
    let object = arn.strip_prefix("arn:aws:s3:::").is_some_and(|rest| rest.contains('/'));
    let listing = matches!(
        operation,
        "HeadBucket" | "ListMultipartUploads" | "ListObjects" | "ListObjectsV2" | "ListObjectVersions"
    );
    object || listing
}

/// An operation as CloudTrail calls it, where that is not its name in the API.
fn event_name(operation: &str) -> &str {
    match operation {
        "ListObjectsV2" => "ListObjects",
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" => "PutBucketPublicAccessBlock",
        "DeletePublicAccessBlock" => "DeleteBucketPublicAccessBlock",
        "GetBucketLifecycleConfiguration" => "GetBucketLifecycle",
        "PutBucketLifecycleConfiguration" => "PutBucketLifecycle",
        "GetBucketNotificationConfiguration" => "GetBucketNotification",
        "PutBucketNotificationConfiguration" => "PutBucketNotification",
        "GetObjectLockConfiguration" => "GetBucketObjectLockConfiguration",
        "PutObjectLockConfiguration" => "PutBucketObjectLockConfiguration",
        other => other,
    }
}

/// The resource that a decision was about; of an object, its bucket too.
fn resources<'a>(arn: &'a str, owner: Option<&'a str>) -> Vec<EventResource<'a>> {
    let owner = owner.map(Text::Borrowed);
    let Some(rest) = arn.strip_prefix("arn:aws:s3:::") else {
        return resource_type(arn)
            .map(|kind| EventResource { account_id: owner, kind: kind.into(), arn: arn.into() })
            .into_iter()
            .collect();
    };
    let bucket = |arn: Text<'a>| EventResource { account_id: owner, kind: "AWS::S3::Bucket".into(), arn };
    match rest.split_once('/') {
        None => vec![bucket(arn.into())],
        Some((name, _)) => {
            let end = arn.len() - rest.len() + name.len();
            let object = EventResource { account_id: None, kind: "AWS::S3::Object".into(), arn: arn.into() };
            vec![object, bucket(arn.get(..end).unwrap_or_default().into())]
        }
    }
}

/// The resource type of what an ARN names, such as `AWS::CloudFront::Distribution`.
fn resource_type(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(6, ':');
    let service = match parts.nth(2)? {
        "cloudfront" => "CloudFront",
        "cloudtrail" => "CloudTrail",
        "iam" => "IAM",
        "kms" => "KMS",
        "s3" => "S3",
        "sts" => "STS",
        _ => return None,
    };
    let kind = parts.nth(2)?.split(['/', ':']).next()?;
    let words = kind.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    });
    Some(format!("AWS::{service}::{}", words.collect::<String>()))
}

/// An instant in ISO 8601, in UTC without fractions.
#[must_use]
pub fn iso_seconds(time_ms: i64) -> String {
    moment::extended(time_ms.div_euclid(1000)).unwrap_or_else(|| time_ms.to_string())
}
