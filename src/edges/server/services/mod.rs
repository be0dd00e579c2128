//! The services beside S3 on the same port: routed by the service that a signature's scope names.
//!
//! A request's path: [`answer`] (the whole body, the signature) → the service's own module (which operation, of what)
//! → [`ServiceCall::authorize`] (through the gate) → storage → the service's own words. Absent here: decisions.

pub(super) mod cloudfront;
mod cloudtrail;
mod error;
mod iam;
mod kms;
mod query;
mod sts;

pub use error::{Protocol, ServiceError};

use super::app::Server;
use super::auth::{self, Authenticated, S3Error};
use super::call::Unseen;
use super::http::RequestBody;
use super::reply::Reply;
use super::trail;
use crate::gate::services::kms::{EncryptionContext, KeyUse, UsesKey};
use crate::gate::services::{self, Service, ServiceAsk, ServiceFacts, ServiceOperation, Subject};
use crate::gate::{Authorized, Caller, Decided, Keeping, Refusal, Witness};
use crate::simulate::recorded::Door;
use aws_lc_rs::digest;
use bytes::Bytes;
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The namespace of IAM's documents.
const IAM_NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
/// The namespace of STS's documents.
const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The most bytes of a request's body: no policy, key or configuration is longer.
const LONGEST_BODY: usize = 1024 * 1024;

/// A request to a service, before its sender is known.
pub struct ServiceArrival {
    /// The server it came to.
    pub server: Server,
    /// Its head.
    pub parts: Parts,
    /// Its body.
    pub body: RequestBody,
    /// Where it came from.
    pub source_ip: Option<IpAddr>,
    /// It came over TLS, here or at a configured proxy.
    pub secure: bool,
    /// The version of TLS at our own listener.
    pub tls_version: Option<&'static str>,
    /// When it came, in milliseconds since 1970.
    pub now_ms: i64,
    /// Its id, as the answer names it.
    pub request_id: String,
}

/// A request to a service, whose sender is known.
pub struct ServiceCall {
    /// The server it came to.
    pub server: Server,
    /// Its head.
    pub parts: Parts,
    /// Its whole body.
    pub body: Bytes,
    /// Who sent it.
    pub auth: Authenticated,
    /// Where it came from.
    pub source_ip: Option<IpAddr>,
    /// It came over TLS, here or at a configured proxy.
    pub secure: bool,
    /// The version of TLS at our own listener.
    pub tls_version: Option<&'static str>,
    /// When it came, in milliseconds since 1970.
    pub now_ms: i64,
    /// Its id.
    pub request_id: String,
    /// Its operation, or a use of keys, was authorized.
    granted: AtomicBool,
    /// Why the last decision was no, encoded: what STS decodes.
    refused: Mutex<Option<String>>,
    records: trail::Records,
}

impl ServiceCall {
    /// The caller's account; anonymous callers have none.
    #[must_use]
    pub fn account(&self) -> &str {
        self.auth.caller.account().unwrap_or_default()
    }

    /// A header's text; `None` where it is not there or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// Authorizes the operation on what the request names.
    ///
    /// # Errors
    /// `AccessDenied`, with AWS's sentence for callers of the resource's account; `ServiceUnavailable` where the
    /// decision cannot be written down.
    pub async fn authorize<O: ServiceOperation>(
        &self,
        subjects: &[Subject<'_>],
    ) -> Result<Authorized<O>, ServiceError> {
        self.authorize_as(&self.auth.caller, subjects).await
    }

    /// As [`Self::authorize`], where another than who signed the request asks: whom an identity provider vouches for.
    ///
    /// # Errors
    /// As [`Self::authorize`].
    pub async fn authorize_as<O: ServiceOperation>(
        &self,
        caller: &Arc<Caller>,
        subjects: &[Subject<'_>],
    ) -> Result<Authorized<O>, ServiceError> {
        let facts = self.facts();
        let ask = ServiceAsk { facts: &facts, caller, subjects, witness: self };
        self.settled(services::authorize_service(&ask).kept().await)
    }

    /// Authorizes a use of keys, each in its encryption context.
    ///
    /// # Errors
    /// As [`Self::authorize`].
    pub async fn authorize_use<O: UsesKey>(
        &self,
        keys: Vec<(Subject<'_>, EncryptionContext)>,
    ) -> Result<KeyUse<O>, ServiceError> {
        let facts = self.facts();
        let ask = ServiceAsk { facts: &facts, caller: &self.auth.caller, subjects: &[], witness: self };
        self.settled(services::kms::authorize_use(&ask, keys).kept().await)
    }

    /// Whether the caller could do `O` if its subjects were these. Nothing is done, and nobody is told.
    #[must_use]
    pub fn could<O: ServiceOperation>(&self, subjects: &[Subject<'_>]) -> bool {
        let facts = self.facts();
        let ask = ServiceAsk { facts: &facts, caller: &self.auth.caller, subjects, witness: &Unseen };
        services::authorize_service::<O>(&ask).is_allowed()
    }

    fn facts(&self) -> ServiceFacts<'_> {
        ServiceFacts {
            source_ip: self.source_ip,
            secure: self.secure,
            time: self.now_ms.div_euclid(1000),
            user_agent: self.header("user-agent"),
            region: self.server.region(),
        }
    }

    fn settled<T>(&self, answer: Result<T, Refusal>) -> Result<T, ServiceError> {
        let grant = answer.map_err(|refusal| self.refused(refusal))?;
        self.granted.store(true, Ordering::Relaxed);
        Ok(grant)
    }

    fn refused(&self, refusal: Refusal) -> ServiceError {
        match refusal {
            Refusal::Denied { sentence: Some(sentence), .. } => {
                ServiceError { encoded: self.take_refused(), ..ServiceError::access_denied(sentence) }
            }
            Refusal::Unkept(why) => ServiceError::unavailable(why),
            Refusal::Unasked(why) => {
                tracing::error!(%why, "a request could not be put to the decision core");
                ServiceError::access_denied("Access Denied")
            }
            _ => ServiceError::access_denied("Access Denied"),
        }
    }
}

impl ServiceCall {
    /// INVARIANT: no service answers a request of which the gate allowed nothing. What changes something demands its
    /// own grant by type; a handler that asked nothing at all is stopped here.
    fn held_to_the_gate(&self, answer: Result<Reply, ServiceError>) -> Result<Reply, ServiceError> {
        if answer.is_ok() && !self.granted.load(Ordering::Relaxed) {
            tracing::error!(path = self.parts.uri.path(), "a request was answered without having been authorized");
            return Err(ServiceError::internal());
        }
        answer
    }

    fn take_refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Witness for ServiceCall {
    fn nanos(&self) -> u64 {
        self.server.trail().nanos()
    }

    fn decided(&self, decided: &Decided<'_>) {
        self.server.counted().decision(decided.decision.is_allowed());
        let origin = trail::Origin {
            request_id: &self.request_id,
            time_ms: self.now_ms,
            region: self.server.region(),
            door: Door::Service,
            access_key_id: self.auth.access_key_id.as_deref(),
            signature_version: self.auth.signature_version,
            tls_version: self.tls_version,
            host: self.header("host"),
        };
        if let (Some(explanation), Service::Iam | Service::Sts) = (decided.explanation, decided.step.service) {
            let encoded = sts::encoded(self.server.store(), self.now_ms, explanation);
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = encoded;
        }
        self.server.trail().record(&self.records, &origin, decided);
    }

    fn kept(&self) -> Keeping<'_> {
        self.records.kept()
    }
}

/// The service beside S3 that a request is signed for; one that is not signed goes by its form. What names no service
/// that is known here is S3's to refuse.
#[must_use]
pub fn named<B>(request: &http::Request<B>) -> Option<Service> {
    let Some(scope) = auth::named_service(request.headers(), request.uri()) else {
        return unsigned(request);
    };
    let service = Service::from_scope(&scope)?;
    (service != Service::S3).then_some(service)
}

/// The service that a request to the server as a whole means although it has no signature: a form is STS's, where some
/// need none, and a target names a service that will ask for one. S3 has neither there.
fn unsigned<B>(request: &http::Request<B>) -> Option<Service> {
    let to_all = request.method() == http::Method::POST && request.uri().path_and_query().is_some_and(|p| p == "/");
    if !to_all || request.headers().contains_key(http::header::AUTHORIZATION) {
        return None;
    }
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some((service, _)) = text("x-amz-target").split_once('.') {
        return Service::from_target(service);
    }
    let kind = text("content-type").split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded").then_some(Service::Sts)
}

/// Answers a request to a service beside S3; refusals are in the service's own words.
pub async fn answer(service: Service, arrival: ServiceArrival) -> Reply {
    let protocol = Protocol::of(service);
    let request_id = arrival.request_id.clone();
    let answered = match authenticated(service, arrival).await {
        Ok(call) => call.held_to_the_gate(match service {
            Service::CloudFront => cloudfront::answer(&call).await,
            Service::CloudTrail => cloudtrail::answer(&call).await,
            Service::Kms => kms::answer(&call).await,
            Service::Iam => iam::answer(&call).await,
            Service::Sts => sts::answer(&call).await,
            Service::S3 => Err(ServiceError::internal()),
        }),
        Err(refused) => Err(ServiceError::of_authentication(refused, protocol)),
    };
    protocol.finished(answered, &request_id)
}

async fn authenticated(service: Service, arrival: ServiceArrival) -> Result<ServiceCall, S3Error> {
    let ServiceArrival { server, parts, body, source_ip, secure, tls_version, now_ms, request_id } = arrival;
    let raw = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let collected = Limited::new(body, LONGEST_BODY).collect().await;
    let body = collected.map_err(|_| S3Error::of("MaxMessageLengthExceeded"))?.to_bytes();
    let sha256 = auth::hex(digest::digest(&digest::SHA256, &body).as_ref());
    let identities = server.identities();
    let found =
        auth::authenticate_service(&parts, raw, &sha256, now_ms, service.prefix(), server.auth(), &**identities)?;
    identities.note_use(&found.caller, found.access_key_id.as_deref(), service.prefix(), now_ms.div_euclid(1000));
    // Whom an identity provider vouches for has no keys yet; STS tells which operations are for them.
    if found.caller.is_anonymous() && service != Service::Sts {
        return Err(S3Error::new("MissingAuthenticationToken", "Request is missing Authentication Token"));
    }
    Ok(ServiceCall {
        server,
        parts,
        body,
        auth: found,
        source_ip,
        secure,
        tls_version,
        now_ms,
        request_id,
        granted: AtomicBool::new(false),
        refused: Mutex::new(None),
        records: trail::Records::default(),
    })
}
