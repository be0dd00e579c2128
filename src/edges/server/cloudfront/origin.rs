//! Requests to origins: which bucket, in whose name, with what of the viewer's request.
//!
//! Source: CloudFront Developer Guide, "Restrict access to an Amazon S3 origin"; semantics section 8. An origin request
//! takes S3's ordinary path and passes the gate: nothing is allowed for coming from here.

use super::errors::DoorError;
use super::forwarding::{CONDITIONS, Rules};
use super::hosts;
use super::model::{Behavior, Distribution, Origin, OriginAccess, OriginAccessIdentity, SigningBehavior};
use super::origin_bucket;
use super::state::CloudFront;
use super::viewer::Admitted;
use crate::decision::LayerState;
use crate::edges::server::app::OriginSender;
use crate::edges::server::http::RequestBody;
use crate::gate::Caller;
use crate::simulate::scenario::OwnedPrincipal;
use crate::simulate::world::ContextKeys;
use crate::storage::store::Kept;
use http::header::{HOST, IF_NONE_MATCH, USER_AGENT, VIA};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use std::collections::HashMap;
use std::sync::Arc;

/// The service in whose name origin access controls sign.
const SERVICE: &str = "cloudfront.amazonaws.com";
/// What origins are told of the viewer's program, unless a behaviour passes that on.
const AGENT: &str = "Amazon CloudFront";

/// CloudFront's documents with the callers that origins see, made once for each state of the documents.
#[derive(Debug)]
pub struct View {
    /// The documents.
    pub cloudfront: Arc<CloudFront>,
    /// By the ids of origin access identities.
    identities: HashMap<String, Arc<Caller>>,
    /// By the ids of distributions.
    services: HashMap<String, Arc<Caller>>,
}

impl View {
    /// The view of these documents.
    #[must_use]
    pub fn of(cloudfront: Arc<CloudFront>) -> Self {
        let identity = |kept: &Kept<OriginAccessIdentity>| (kept.id.clone(), Arc::new(identity(&kept.document)));
        let service = |kept: &Arc<Kept<Distribution>>| (kept.id.clone(), Arc::new(service(&kept.account, &kept.id)));
        Self {
            identities: cloudfront.identities.values().map(identity).collect(),
            services: cloudfront.distributions.values().map(service).collect(),
            cloudfront,
        }
    }

    /// In whose name an origin is asked; the flag says that the viewer's `Authorization` is passed on.
    fn caller(
        &self,
        distribution: &str,
        access: &OriginAccess,
        may_forward: bool,
        sent: bool,
    ) -> Result<(Option<Arc<Caller>>, bool), DoorError> {
        let service = || self.services.get(distribution).cloned().ok_or(DoorError::Internal);
        match access {
            OriginAccess::Anonymous => Ok((None, may_forward && sent)),
            // An identity or control that is gone signs nothing, and nobody else signs in its place.
            OriginAccess::Identity(id) => {
                self.identities.get(id).cloned().map(|caller| (Some(caller), false)).ok_or(DoorError::UnknownOrigin)
            }
            OriginAccess::Control(id) => {
                let control = self.cloudfront.controls.get(id).ok_or(DoorError::UnknownOrigin)?;
                match control.document.signing {
                    SigningBehavior::Never => Ok((None, may_forward && sent)),
                    SigningBehavior::NoOverride if may_forward && sent => Ok((None, true)),
                    SigningBehavior::NoOverride | SigningBehavior::Always => Ok((Some(service()?), false)),
                }
            }
        }
    }
}

fn caller(principal: OwnedPrincipal, context: ContextKeys) -> Caller {
    Caller {
        principal,
        display_name: None,
        identity: LayerState::Absent,
        boundary: LayerState::Absent,
        session: LayerState::Absent,
        service_control: LayerState::Absent,
        context,
        session_facts: None,
    }
}

/// An origin access identity as S3 sees it: without an account, by its ARN and its canonical user id.
fn identity(document: &OriginAccessIdentity) -> Caller {
    let principal = OwnedPrincipal {
        kind: "oai".to_owned(),
        arn: Some(OriginAccessIdentity::arn(&document.id)),
        canonical: Some(document.canonical.clone()),
        ..OwnedPrincipal::default()
    };
    caller(principal, vec![key("aws:PrincipalIsAWSService", "false")])
}

/// CloudFront as a service, on behalf of a distribution.
fn service(account: &str, distribution: &str) -> Caller {
    let principal =
        OwnedPrincipal { kind: "service".to_owned(), arn: Some(SERVICE.to_owned()), ..OwnedPrincipal::default() };
    let context = vec![
        key("aws:PrincipalIsAWSService", "true"),
        key("aws:PrincipalServiceName", SERVICE),
        key("aws:PrincipalServiceNamesList", SERVICE),
        key("aws:SourceArn", &Distribution::arn(account, distribution)),
        key("aws:SourceAccount", account),
    ];
    caller(principal, context)
}

fn key(name: &str, value: &str) -> (String, Vec<String>) {
    (name.to_owned(), vec![value.to_owned()])
}

/// What a viewer's request has that origin requests are made of.
#[derive(Clone, Copy, Debug)]
pub struct Viewed<'v> {
    /// Its method.
    pub method: &'v Method,
    /// Its headers.
    pub headers: &'v HeaderMap,
    /// It came over HTTPS.
    pub secure: bool,
    /// The path for the origin, nothing decoded: the viewer's, or the default root object.
    pub path: &'v str,
    /// How the door calls itself in `Via`.
    pub via: &'v str,
}

/// Everything about the origin requests of one viewer's request.
#[derive(Debug)]
pub struct OriginAsk<'v> {
    /// How the behaviour forwards and caches.
    pub rules: Rules<'v>,
    /// In whose name, which bucket.
    pub sender: OriginSender,
    /// Their headers, with conditions and ranges.
    pub headers: HeaderMap,
    /// Their path and query.
    pub uri: String,
    /// Whether the answer may be kept, or be one that was kept.
    pub shareable: bool,
    /// Under which key.
    pub key: String,
    /// The path, and after a `?` the query that tells answers apart.
    pub place: String,
}

impl<'v> OriginAsk<'v> {
    /// What is to be asked for a viewer who is let in.
    ///
    /// # Errors
    /// [`DoorError::Loop`], [`DoorError::UnknownOrigin`].
    pub fn new(
        view: &View,
        distribution: &Kept<Distribution>,
        behavior: &'v Behavior,
        admitted: &Admitted,
        viewed: &Viewed<'v>,
        suffixes: &[String],
    ) -> Result<Self, DoorError> {
        let origins = &distribution.document.config.origins;
        let origin = origins.iter().find(|o| o.id == behavior.origin).ok_or(DoorError::UnknownOrigin)?;
        let bucket = bucket_of(&view.cloudfront, &origin.domain_name, suffixes)?;
        let rules = Rules::of(behavior);
        let may_forward = rules.forwards_authorization(viewed.method);
        let sent = viewed.headers.contains_key(http::header::AUTHORIZATION);
        let (caller, authorization) = view.caller(&distribution.id, &origin.access, may_forward, sent)?;
        let forwarded = rules.origin_headers(viewed.method, viewed.headers, authorization);
        let shareable = rules.cache() && rules.shareable(&forwarded);
        let (keyed, passed) = (rules.keyed_query(admitted.query()), rules.origin_query(admitted.query()));
        let place = with_query(viewed.path, &keyed);
        // What the policies of a changed configuration mean is not what was kept under the older one.
        let revision = distribution.revision.to_string();
        let key = [distribution.id.as_str(), &revision, &place, &rules.variant(viewed.headers)].join("\n");
        Ok(Self {
            rules,
            sender: OriginSender { caller, bucket, secure: viewed.secure },
            headers: completed(forwarded, origin, viewed.via),
            uri: with_query(&[origin.path.as_str(), viewed.path].concat(), &passed),
            shareable,
            key,
            place,
        })
    }

    /// The request as it is, with the viewer's conditions and range.
    ///
    /// # Errors
    /// [`DoorError::UnknownOrigin`] where the origin's path is none.
    pub fn request(&self, method: &Method, body: RequestBody) -> Result<Request<RequestBody>, DoorError> {
        self.with_headers(method, self.headers.clone(), body)
    }

    /// The request for the whole, or for the news that an `ETag` is still the object's.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub fn whole(&self, method: &Method, etag: Option<&HeaderValue>) -> Result<Request<RequestBody>, DoorError> {
        let mut headers = self.headers.clone();
        for name in CONDITIONS {
            headers.remove(name);
        }
        if let Some(etag) = etag {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        self.with_headers(method, headers, RequestBody::empty())
    }

    fn with_headers(
        &self,
        method: &Method,
        headers: HeaderMap,
        body: RequestBody,
    ) -> Result<Request<RequestBody>, DoorError> {
        let request = Request::builder().method(method).uri(&self.uri).body(body);
        let mut request = request.map_err(|_| DoorError::UnknownOrigin)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { [path, "?", query].concat() }
}

/// The headers with those that CloudFront itself adds.
fn completed(mut headers: HeaderMap, origin: &Origin, via: &str) -> HeaderMap {
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
    if let Ok(via) = HeaderValue::from_str(via) {
        headers.insert(VIA, via);
    }
    for (name, value) in &origin.custom_headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if let Ok(host) = HeaderValue::from_str(&origin.domain_name) {
        headers.insert(HOST, host);
    }
    headers
}

/// The bucket of this server that an origin's host is.
fn bucket_of(cloudfront: &CloudFront, domain: &str, suffixes: &[String]) -> Result<String, DoorError> {
    if hosts::distribution(cloudfront, domain).is_some() {
        return Err(DoorError::Loop);
    }
    origin_bucket::bucket_of(domain, suffixes).ok_or(DoorError::UnknownOrigin)
}
