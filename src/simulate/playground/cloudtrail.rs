//! Events of CloudTrail as requests.
//!
//! Source: CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity element"; S3 User Guide,
//! "Amazon S3 CloudTrail events".

use super::filled::{BucketFill, Pasted};
use super::pasted::{principal, sentence};
use super::question::QuestionPrincipal;
use crate::words::arn::Arn;
use crate::words::json::{self, Node};
use crate::words::values;
use crate::words::vocabulary::{ActionId, OBJECT, Service};
use std::net::IpAddr;

/// An event with the text it stands in.
pub(super) struct Event {
    text: String,
    root: Node,
}

impl Event {
    fn of(text: &str) -> Option<Self> {
        let root = json::parse(text, &mut Vec::new())?;
        Some(Self { text: text.to_owned(), root })
    }

    fn node(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, name| node.get(&self.text, name))
    }

    /// The spelling of a value.
    fn at(&self, path: &[&str]) -> Option<&str> {
        self.node(path)?.scalar_text(&self.text).filter(|value| !value.is_empty())
    }
}

/// The event of a text: alone, the first of `Records`, or the first of what `aws cloudtrail lookup-events` gives.
pub(super) fn event_of(root: &Node, text: &str) -> Option<Event> {
    let first = |list: &str| root.get(text, list).and_then(Node::items).and_then(|list| list.first());
    let event = match (first("Records"), first("Events").and_then(|e| e.get(text, "CloudTrailEvent"))) {
        (Some(record), _) => Event::of(record.span.of(text))?,
        (None, Some(inner)) => Event::of(inner.as_str(text)?)?,
        (None, None) => Event::of(
            root.get(text, "CloudTrailEvent")
                .map_or(root.span.of(text), |inner| inner.as_str(text).unwrap_or_default()),
        )?,
    };
    let is_event = event.at(&["eventName"]).is_some() && event.node(&["userIdentity"]).is_some();
    is_event.then_some(event)
}

/// Fills the request from an event.
pub(super) fn read(event: &Event, pasted: &mut Pasted) {
    let service = event.at(&["eventSource"]).and_then(|source| source.split('.').next()).unwrap_or_default().to_owned();
    let name = event.at(&["eventName"]).unwrap_or_default();
    // A refused request has AWS's sentence, which is exact about action and resource.
    let (kind, what) = (pasted.kind, pasted.what.clone());
    if let Some(message) = event.at(&["errorMessage"]) {
        sentence(message, pasted);
    }
    (pasted.kind, pasted.what) = (kind, what);
    let action = action(&service, name);
    let resource = resource(event, &service, &action);
    pasted.fill.action.get_or_insert(action);
    if pasted.fill.resource.is_none() {
        pasted.fill.resource = resource;
    }
    if let Some(found) = identity(event) {
        pasted.fill.principal = Some(found);
    }
    if pasted.fill.principal.is_none() {
        pasted.notes.push("the event does not say who asked".to_owned());
    }
    if let Some(bucket) = event.at(&["requestParameters", "bucketName"]) {
        pasted.fill.bucket = Some(BucketFill { name: Some(bucket.to_owned()), ..BucketFill::default() });
    }
    if let Some(code) = event.at(&["errorCode"]) {
        pasted.notes.push(format!("the request failed with {code}"));
    }
    context(event, &service, pasted);
}

/// The permission of an operation, where CloudTrail names the operation and S3's permission has another name.
/// Of a copy or a multipart upload it is the writing one.
fn action(service: &str, name: &str) -> String {
    // Events of some services carry the date of the API: `Invoke20150331`.
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    if service == "s3" && ActionId::in_service(Service::S3, name).is_none() {
        let permission = match name {
            "HeadObject" | "SelectObjectContent" => "GetObject",
            "ListObjects" | "ListObjectsV" | "HeadBucket" => "ListBucket",
            "ListObjectVersions" => "ListBucketVersions",
            "ListBuckets" => "ListAllMyBuckets",
            "ListMultipartUploads" => "ListBucketMultipartUploads",
            "ListParts" => "ListMultipartUploadParts",
            "DeleteObjects" => "DeleteObject",
            "CopyObject"
            | "PostObject"
            | "CreateMultipartUpload"
            | "InitiateMultipartUpload"
            | "UploadPart"
            | "UploadPartCopy"
            | "CompleteMultipartUpload" => "PutObject",
            "GetBucketEncryption" => "GetEncryptionConfiguration",
            "PutBucketEncryption" | "DeleteBucketEncryption" => "PutEncryptionConfiguration",
            "GetBucketLifecycle" | "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
            "PutBucketLifecycle" | "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => {
                "PutLifecycleConfiguration"
            }
            "GetBucketCors" => "GetBucketCORS",
            "PutBucketCors" | "DeleteBucketCors" => "PutBucketCORS",
            "GetBucketReplication" => "GetReplicationConfiguration",
            "PutBucketReplication" | "DeleteBucketReplication" => "PutReplicationConfiguration",
            "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
            "PutPublicAccessBlock" | "DeletePublicAccessBlock" => "PutBucketPublicAccessBlock",
            "DeleteBucketTagging" => "PutBucketTagging",
            other => other,
        };
        return format!("s3:{permission}");
    }
    format!("{service}:{name}")
}

fn resource(event: &Event, service: &str, action: &str) -> Option<String> {
    let parameter = |name: &str| event.at(&["requestParameters", name]);
    let listed = event.node(&["resources"]).and_then(Node::items).unwrap_or_default();
    let arns: Vec<&str> =
        listed.iter().filter_map(|r| r.get(&event.text, "ARN").and_then(|arn| arn.as_str(&event.text))).collect();
    match service {
        "s3" => {
            let bucket = parameter("bucketName")?;
            let on_object = ActionId::lookup(action).is_some_and(|id| id.resources() & OBJECT != 0);
            let key = parameter("key").filter(|_| on_object);
            Some(key.map_or_else(|| format!("arn:aws:s3:::{bucket}"), |key| format!("arn:aws:s3:::{bucket}/{key}")))
        }
        "sts" => parameter("roleArn").map(str::to_owned),
        _ => {
            let own = |arn: &&str| Arn::parse(arn).is_some_and(|parsed| parsed.service == service);
            arns.iter()
                .copied()
                .find(own)
                .or_else(|| parameter("keyId").filter(|id| id.starts_with("arn:")))
                .map(str::to_owned)
        }
    }
}

fn identity(event: &Event) -> Option<QuestionPrincipal> {
    let of = |field: &str| event.at(&["userIdentity", field]);
    let kind = of("type").unwrap_or_default();
    if kind == "AWSService" {
        return principal(of("invokedBy")?);
    }
    if kind == "AWSAccount" && of("accountId") == Some("anonymous") || of("principalId") == Some("Anonymous") {
        return principal("anonymous");
    }
    let mut found = principal(of("arn")?)?;
    found.id = of("principalId").filter(|_| kind != "Root").map(str::to_owned).or(found.id);
    if let Some(role) = event.at(&["userIdentity", "sessionContext", "sessionIssuer", "arn"]) {
        match kind {
            "AssumedRole" => found.role_arn = Some(role.to_owned()),
            "FederatedUser" => found.issuer_arn = Some(role.to_owned()),
            _ => {}
        }
    }
    Some(found)
}

fn context(event: &Event, service: &str, pasted: &mut Pasted) {
    let mut put = |key: &str, value: String| {
        pasted.fill.context.insert(key.to_owned(), vec![value]);
    };
    let through_endpoint = event.at(&["vpcEndpointId"]);
    if let Some(address) = event.at(&["sourceIPAddress"]).filter(|a| a.parse::<IpAddr>().is_ok()) {
        put(if through_endpoint.is_some() { "aws:VpcSourceIp" } else { "aws:SourceIp" }, address.to_owned());
    }
    if let Some(id) = through_endpoint {
        put("aws:SourceVpce", id.to_owned());
    }
    if let Some(time) = event.at(&["eventTime"])
        && let Some(at) = values::parse_instant(time)
    {
        put("aws:CurrentTime", time.to_owned());
        put("aws:EpochTime", at.seconds.to_string());
    }
    if let Some(agent) = event.at(&["userAgent"]) {
        // S3's events put the header into brackets.
        let inner = agent.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(agent);
        put("aws:UserAgent", inner.to_owned());
    }
    if let Some(region) = event.at(&["awsRegion"]) {
        put("aws:RequestedRegion", region.to_owned());
    }
    if event.node(&["tlsDetails"]).is_some() {
        put("aws:SecureTransport", "true".to_owned());
    }
    let session = ["userIdentity", "sessionContext", "attributes"];
    let of_session =
        |field: &str| event.node(&session).and_then(|n| n.get(&event.text, field)?.scalar_text(&event.text));
    if let Some(mfa) = of_session("mfaAuthenticated") {
        put("aws:MultiFactorAuthPresent", mfa.to_owned());
    }
    if let Some(issued) = of_session("creationDate") {
        put("aws:TokenIssueTime", issued.to_owned());
    }
    if service != "s3" {
        return;
    }
    let additional = |field: &str| event.at(&["additionalEventData", field]);
    match additional("AuthenticationMethod") {
        Some("AuthHeader") => put("s3:authType", "REST-HEADER".to_owned()),
        Some("QueryString") => put("s3:authType", "REST-QUERY-STRING".to_owned()),
        _ => {}
    }
    if additional("SignatureVersion") == Some("SigV4") {
        put("s3:signatureversion", "AWS4-HMAC-SHA256".to_owned());
    }
    for name in ["prefix", "delimiter", "max-keys", "x-amz-acl", "x-amz-server-side-encryption", "x-amz-storage-class"]
    {
        if let Some(value) = event.at(&["requestParameters", name]) {
            put(&format!("s3:{name}"), value.to_owned());
        }
    }
}
