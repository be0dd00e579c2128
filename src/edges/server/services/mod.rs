//! The services beside S3 on the same port: routed by the service that a signature's scope names.
//!
//! A request's path: [`answer`] (the whole body, the signature) → the service's own module (which operation, of what)
//! → [`ServiceCall::authorize`] (through the gate) → storage → the service's own words. Absent here: decisions.

mod cloudfront;
mod cloudtrail;
mod error;
mod kms;

pub use error::{Protocol, ServiceError};

use super::app::Server;
use super::auth::{self, Authenticated, S3Error};
use super::call::Unseen;
use super::http::RequestBody;
use super::reply::Reply;
use crate::decision::{AuthorizationRequest, Authorizer, Decision};
use crate::gate::services::kms::{EncryptionContext, KeyUse, UsesKey};
use crate::gate::services::{self, Service, ServiceAsk, ServiceFacts, ServiceOperation, Subject};
use crate::gate::{Authorized, Refusal, Step, Witness};
use aws_lc_rs::digest;
use bytes::Bytes;
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// When it came, in milliseconds since 1970.
    pub now_ms: i64,
    /// Its id.
    pub request_id: String,
    decisions: AtomicU64,
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
    /// `AccessDenied`, with AWS's sentence for callers of the resource's account.
    pub fn authorize<O: ServiceOperation>(&self, subjects: &[Subject<'_>]) -> Result<Authorized<O>, ServiceError> {
        let facts = self.facts();
        let ask = ServiceAsk { facts: &facts, caller: &self.auth.caller, subjects, witness: self };
        services::authorize_service(&ask).map_err(refused)
    }

    /// Authorizes a use of keys, each in its encryption context.
    ///
    /// # Errors
    /// As [`Self::authorize`].
    pub fn authorize_use<O: UsesKey>(
        &self,
        keys: Vec<(Subject<'_>, EncryptionContext)>,
    ) -> Result<KeyUse<O>, ServiceError> {
        let facts = self.facts();
        let ask = ServiceAsk { facts: &facts, caller: &self.auth.caller, subjects: &[], witness: self };
        services::kms::authorize_use(&ask, keys).map_err(refused)
    }

    /// Whether the caller could do `O` if its subjects were these. Nothing is done, and nobody is told.
    #[must_use]
    pub fn could<O: ServiceOperation>(&self, subjects: &[Subject<'_>]) -> bool {
        let facts = self.facts();
        let ask = ServiceAsk { facts: &facts, caller: &self.auth.caller, subjects, witness: &Unseen };
        services::authorize_service::<O>(&ask).is_ok()
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
}

fn refused(refusal: Refusal) -> ServiceError {
    match refusal {
        Refusal::Denied { sentence: Some(sentence), .. } => ServiceError::access_denied(sentence),
        Refusal::Unasked(why) => {
            tracing::error!(%why, "a request could not be put to the decision core");
            ServiceError::access_denied("Access Denied")
        }
        _ => ServiceError::access_denied("Access Denied"),
    }
}

impl Witness for ServiceCall {
    fn decided(&self, step: &Step, request: &AuthorizationRequest<'_>, authorizer: &Authorizer, decision: Decision) {
        let number = self.decisions.fetch_add(1, Ordering::Relaxed) + 1;
        self.server.counted().decision(decision.is_allowed());
        self.server.log().record(&self.request_id, number, self.now_ms, step, request, authorizer, decision);
    }
}

/// The service beside S3 that a request is signed for. What names no service that is known here is S3's to refuse.
#[must_use]
pub fn named<B>(request: &http::Request<B>) -> Option<Service> {
    let service = Service::from_scope(&auth::named_service(request.headers(), request.uri())?)?;
    (service != Service::S3).then_some(service)
}

/// Answers a request to a service beside S3; refusals are in the service's own words.
pub async fn answer(service: Service, arrival: ServiceArrival) -> Reply {
    let protocol = Protocol::of(service);
    let request_id = arrival.request_id.clone();
    let answered = match authenticated(service, arrival).await {
        Ok(call) => match service {
            Service::CloudFront => cloudfront::answer(&call).await,
            Service::CloudTrail => cloudtrail::answer(&call).await,
            Service::Kms => kms::answer(&call).await,
            Service::S3 => Err(ServiceError::internal()),
        },
        Err(refused) => Err(ServiceError::of_authentication(refused, protocol)),
    };
    protocol.finished(answered, &request_id)
}

async fn authenticated(service: Service, arrival: ServiceArrival) -> Result<ServiceCall, S3Error> {
    let ServiceArrival { server, parts, body, source_ip, secure, now_ms, request_id } = arrival;
    let raw = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let collected = Limited::new(body, LONGEST_BODY).collect().await;
    let body = collected.map_err(|_| S3Error::of("MaxMessageLengthExceeded"))?.to_bytes();
    let sha256 = auth::hex(digest::digest(&digest::SHA256, &body).as_ref());
    let directory = server.directory();
    let found = auth::authenticate_service(&parts, raw, &sha256, now_ms, service.prefix(), server.auth(), &*directory)?;
    if found.caller.is_anonymous() {
        return Err(S3Error::new("MissingAuthenticationToken", "Request is missing Authentication Token"));
    }
    Ok(ServiceCall {
        server,
        parts,
        body,
        auth: found,
        source_ip,
        secure,
        now_ms,
        request_id,
        decisions: AtomicU64::new(0),
    })
}
