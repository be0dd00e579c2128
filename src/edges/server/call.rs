//! One request on its way: what came in, who sent it, and the way through the gate.

use super::app::Server;
use super::auth::{AuthType, Authenticated, Frames, VerifiedBody, Want, collect};
use super::error::S3Error;
use super::http::RequestBody;
use super::kms::{Opened, Opening};
use super::refusals;
use super::scenes;
use super::trail;
use super::wire::encryption::SentKey;
use super::wire::query::Query;
use crate::gate::operations::Row;
use crate::gate::services::kms::{self, EncryptionContext, KeyUse, UsesKey};
use crate::gate::{
    self, Ask, Asked, Authorized, BodyFacts, Decided, Keeping, Method, Operation, OperationId, Refusal, RequestFacts,
    Scene, SeenObject, ServiceAsk, ServiceFacts, SignatureFacts, Source, SourceAsk, Subject, Target, Verdict, Witness,
};
use crate::storage::sealing::CustomerKey;
use crate::storage::store::{BucketRecord, Sighting, Sse, StoreError};
use bytes::Bytes;
use http::request::Parts;
use std::net::IpAddr;
use std::sync::Arc;

/// The most bytes of the body of an operation that takes a document. The longest are `CompleteMultipartUpload` with
/// 10,000 parts and their checksums, and `DeleteObjects` with 1,000 keys of 1,024 bytes.
fn longest_document(operation: OperationId) -> u64 {
    match operation {
        OperationId::CompleteMultipartUpload | OperationId::DeleteObjects => 4 * 1024 * 1024,
        _ => 256 * 1024,
    }
}

const CUSTOMER_KEYS: &str = "customer-provided encryption keys";

/// One request.
pub struct Call {
    /// The server it came to.
    pub server: Server,
    /// Its method, in S3's words.
    pub method: Method,
    /// Its head.
    pub parts: Parts,
    /// Its query.
    pub query: Query,
    /// What it addresses.
    pub target: Target,
    /// The operation.
    pub row: &'static Row,
    /// Who sent it.
    pub auth: Authenticated,
    /// Where it came from; `None` for a request to an origin, which is told nothing of the viewer.
    pub source_ip: Option<IpAddr>,
    /// It came over TLS, here or at a configured proxy.
    pub secure: bool,
    /// The version of TLS at our own listener.
    pub tls_version: Option<&'static str>,
    /// When it came, in milliseconds since 1970.
    pub now_ms: i64,
    /// Its id, as the answer names it.
    pub request_id: String,
    /// Its body, until somebody reads it.
    pub body: Option<RequestBody>,
    records: trail::Records,
}

/// What a request brings to be judged; see [`Call::new`].
pub struct Arrival {
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
    /// Its id.
    pub request_id: String,
}

impl Call {
    /// A request whose operation and sender are known.
    #[must_use]
    pub fn new(
        arrival: Arrival,
        method: Method,
        query: Query,
        target: Target,
        row: &'static Row,
        auth: Authenticated,
    ) -> Self {
        let Arrival { server, parts, body, source_ip, secure, tls_version, now_ms, request_id } = arrival;
        Self {
            server,
            method,
            parts,
            query,
            target,
            row,
            auth,
            source_ip,
            secure,
            tls_version,
            now_ms,
            request_id,
            body: Some(body),
            records: trail::Records::default(),
        }
    }

    /// The addressed bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        self.target.bucket().unwrap_or_default()
    }

    /// The addressed object's key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.target.key().unwrap_or_default()
    }

    /// A header's text.
    ///
    /// # Errors
    /// `InvalidArgument` where it is sent twice with different values or is not UTF-8.
    pub fn header(&self, name: &str) -> Result<Option<&str>, S3Error> {
        super::wire::headers::one(&self.parts.headers, name)
    }

    /// The facts that decisions read.
    #[must_use]
    pub fn facts(&self) -> RequestFacts<'_> {
        self.facts_of(self)
    }

    /// As [`Self::facts`], with other fields in the place of headers and query: those of a POST form.
    #[must_use]
    pub fn facts_of<'a>(&'a self, asked: &'a dyn Asked) -> RequestFacts<'a> {
        RequestFacts {
            method: self.method,
            target: &self.target,
            asked,
            source_ip: self.source_ip,
            secure: Some(self.secure),
            tls_version: self.tls_version,
            time: self.now_ms.div_euclid(1000),
            signature: SignatureFacts {
                auth_type: self.auth.auth_type.condition_value(),
                version: self.auth.signature_version,
                // S3 has it for presigned URLs and forms only.
                age_ms: self.auth.signature_age_ms.filter(|_| self.auth.auth_type != AuthType::Header),
                content_sha256: self.auth.content_sha256.as_deref(),
            },
        }
    }

    /// The request at the gate.
    #[must_use]
    pub fn ask<'a>(
        &'a self,
        facts: &'a RequestFacts<'a>,
        scene: &'a Scene,
        object: Option<SeenObject<'a>>,
        body: &'a BodyFacts,
    ) -> Ask<'a> {
        Ask { facts, caller: &self.auth.caller, scene, object, source: None, body, witness: self }
    }

    /// A bucket and how decisions see it.
    ///
    /// # Errors
    /// `NoSuchBucket`, which S3 answers before any authorization.
    pub fn scene(&self, bucket: &str) -> Result<(Arc<BucketRecord>, Arc<Scene>), S3Error> {
        let record = self.server.store().bucket(bucket).ok_or_else(|| S3Error::no_such_bucket(bucket))?;
        let block = self.server.store().account_block(&record.owner_account);
        let scene = self.server.scenes().of(&record, &self.server.directory(), block);
        Ok((record, scene))
    }

    /// The scene of a request that addresses no bucket that exists.
    #[must_use]
    pub fn bare_scene(&self, bucket: Option<&str>) -> Scene {
        let caller = &self.auth.caller;
        let block = caller.account().and_then(|account| self.server.store().account_block(account));
        scenes::without_bucket(caller, bucket, block, &self.server.directory(), self.server.region())
    }

    /// Authorizes an operation on the service or an account.
    ///
    /// # Errors
    /// S3's refusal.
    pub async fn authorize_service<O: Operation>(&self) -> Result<Authorized<O>, S3Error> {
        let scene = self.bare_scene(None);
        let facts = self.facts();
        let body = BodyFacts::default();
        let verdict = gate::authorize(&self.ask(&facts, &scene, None, &body));
        verdict.kept().await.map_err(|r| self.refused(&r))
    }

    /// Authorizes an operation on a bucket that exists.
    ///
    /// # Errors
    /// `NoSuchBucket`, or S3's refusal.
    pub async fn authorize_bucket<O: Operation>(
        &self,
        body: &BodyFacts,
    ) -> Result<(Authorized<O>, Arc<BucketRecord>), S3Error> {
        let (record, scene) = self.scene(self.bucket())?;
        let facts = self.facts();
        let verdict = gate::authorize(&self.ask(&facts, &scene, None, body));
        let grant = verdict.kept().await.map_err(|r| self.refused(&r))?;
        Ok((grant, record))
    }

    /// Authorizes an operation on a key, whether or not there is an object.
    ///
    /// # Errors
    /// `NoSuchBucket`, or S3's refusal.
    pub async fn authorize_key<O: Operation>(
        &self,
        body: &BodyFacts,
    ) -> Result<(Authorized<O>, Arc<BucketRecord>), S3Error> {
        let (record, scene) = self.scene(self.bucket())?;
        let facts = self.facts();
        let sighting = self.sight(self.bucket(), self.key(), gate::version_of(self.row, &facts))?;
        let verdict = gate::authorize(&self.ask(&facts, &scene, seen(&sighting), body));
        let grant = verdict.kept().await.map_err(|r| self.refused(&r))?;
        Ok((grant, record))
    }

    /// Authorizes an operation on an object that must be there.
    ///
    /// # Errors
    /// `NoSuchBucket`, S3's refusal, or `NoSuchKey` for those who may know.
    pub async fn authorize_object<O: Operation>(&self, body: &BodyFacts) -> Result<(Authorized<O>, Sighting), S3Error> {
        let (grant, sighting, _) = self.authorize_object_and(body, |_| None).await?;
        Ok((grant, sighting))
    }

    /// As [`Self::authorize_object`]; what else the object raises is asked at once, and waited for together with it.
    ///
    /// # Errors
    /// As [`Self::authorize_object`]; a refusal of the second question is not one of these.
    pub async fn authorize_object_and<O: Operation>(
        &self,
        body: &BodyFacts,
        opening: impl FnOnce(&Sighting) -> Option<Opening>,
    ) -> Result<(Authorized<O>, Sighting, Option<Opened>), S3Error> {
        let (_, scene) = self.scene(self.bucket())?;
        let facts = self.facts();
        let version = gate::version_of(self.row, &facts);
        let sighting = self.sight(self.bucket(), self.key(), version)?;
        let ask = self.ask(&facts, &scene, seen(&sighting), body);
        let verdict = gate::authorize::<O>(&ask);
        let hidden = !sighting.exists() && !gate::may_learn_absence(&ask, &verdict);
        let (opening, via) = (opening(&sighting), self.facts_through_s3());
        let verdict = verdict.and_ask(|| opening.as_ref().map(|o| o.verdict(self, &via)));
        let answer = verdict.kept().await;
        if hidden {
            let refusal = answer.err().unwrap_or(Refusal::Denied { explicit: false, sentence: None });
            return Err(self.refused(&refusal));
        }
        match answer {
            Ok((grant, proof)) => Ok((grant, sighting, opening.zip(proof))),
            Err(refusal) if !sighting.exists() && !matches!(refusal, Refusal::Unkept(_)) => {
                Err(refusals::absent(&sighting, self.key(), version))
            }
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }

    /// Authorizes a copy: reading its source and writing its target.
    ///
    /// # Errors
    /// `NoSuchBucket`, S3's refusal, or `NoSuchKey` of the source for those who may know.
    pub async fn authorize_copy<O: Operation>(
        &self,
        source: &Source,
        facts_of_body: impl FnOnce(&Sighting) -> Result<BodyFacts, S3Error>,
    ) -> Result<(Authorized<O>, Sighting, Arc<BucketRecord>), S3Error> {
        let (record, scene) = self.scene(self.bucket())?;
        let (_, source_scene) = self.scene(&source.bucket)?;
        let facts = self.facts();
        let there = self.sight(self.bucket(), self.key(), None)?;
        let sighting = self.sight(&source.bucket, &source.key, source.version.as_deref())?;
        let body = facts_of_body(&sighting)?;
        let from = SourceAsk { source, scene: &source_scene, object: seen(&sighting) };
        let ask = Ask { source: Some(from), ..self.ask(&facts, &scene, seen(&there), &body) };
        let verdict = gate::authorize::<O>(&ask);
        if sighting.exists() {
            return verdict.kept().await.map(|grant| (grant, sighting, record)).map_err(|r| self.refused(&r));
        }
        // Whether the source is there is for those to know who may list its bucket.
        let at_source = Target::Object { bucket: source.bucket.clone(), key: source.key.clone() };
        let facts = RequestFacts { target: &at_source, ..facts };
        let ask = self.ask(&facts, &source_scene, None, &body);
        let known = gate::may_learn_absence(&ask, &verdict);
        match verdict.kept().await {
            Err(refusal @ Refusal::Unkept(_)) => Err(self.refused(&refusal)),
            _ if known => Err(refusals::absent(&sighting, &source.key, source.version.as_deref())),
            Err(refusal) => Err(self.refused(&refusal)),
            Ok(_) => Err(self.refused(&Refusal::Denied { explicit: false, sentence: None })),
        }
    }

    /// Whether the request would be let through at this moment, for an answer that is there already. It gives no
    /// token, so that nothing is read or changed with it. `absent`: that answer was that there is no such object, which
    /// is for those to know who may list the bucket.
    ///
    /// # Errors
    /// `NoSuchBucket`, or S3's refusal.
    pub async fn still_permitted(&self, absent: bool) -> Result<(), S3Error> {
        let (_, scene) = self.scene(self.bucket())?;
        let facts = self.facts();
        let sighting = match self.target.key() {
            Some(key) => Some(self.sight(self.bucket(), key, gate::version_of(self.row, &facts))?),
            None => None,
        };
        let body = BodyFacts::default();
        let ask = self.ask(&facts, &scene, sighting.as_ref().and_then(seen), &body);
        let verdict = gate::permitted(self.row, &ask);
        let known = absent && gate::may_learn_absence(&ask, &verdict);
        match verdict.kept().await {
            Err(refusal @ Refusal::Unkept(_)) => Err(self.refused(&refusal)),
            _ if known => Ok(()),
            Ok(()) if absent => Err(self.refused(&Refusal::Denied { explicit: false, sentence: None })),
            answer => answer.map_err(|refusal| self.refused(&refusal)),
        }
    }

    /// The facts of a request that S3 makes in the caller's name: the caller's address is not theirs.
    /// Source: KMS Developer Guide, "Using the IP address condition".
    #[must_use]
    pub fn facts_through_s3(&self) -> ServiceFacts<'_> {
        ServiceFacts {
            source_ip: None,
            secure: true,
            time: self.now_ms.div_euclid(1000),
            user_agent: None,
            region: self.server.region(),
        }
    }

    /// Decides a use of keys of the key service, which S3 makes in the caller's name.
    pub fn decide_use<'c, O: UsesKey>(
        &'c self,
        facts: &'c ServiceFacts<'c>,
        keys: Vec<(Subject<'_>, EncryptionContext)>,
    ) -> Verdict<'c, KeyUse<O>> {
        let ask = ServiceAsk { facts, caller: &self.auth.caller, subjects: &[], witness: self };
        kms::authorize_use(&ask, keys)
    }

    /// Whether the caller could still do `O` if the bucket were as in `after`.
    #[must_use]
    pub fn allowed_after<O: Operation>(&self, after: &BucketRecord) -> bool {
        let block = self.server.store().account_block(&after.owner_account);
        let scene = scenes::scene_of(after, &self.server.directory(), block);
        let facts = self.facts();
        let body = BodyFacts::default();
        gate::authorize::<O>(&Ask { witness: &Unseen, ..self.ask(&facts, &scene, None, &body) }).is_allowed()
    }

    /// Looks at an object for a decision.
    ///
    /// # Errors
    /// `NoSuchBucket`, `InternalError`.
    pub fn sight(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Sighting, S3Error> {
        self.server.store().sight(bucket, key, version).map_err(|e| self.failed(e))
    }

    /// S3's words for a refusal.
    #[must_use]
    pub fn refused(&self, refusal: &Refusal) -> S3Error {
        refusals::denied(refusal, self.method)
    }

    /// S3's words for what storage would not do.
    #[must_use]
    pub fn failed(&self, error: StoreError) -> S3Error {
        refusals::failed(error, self.bucket(), self.key(), self.query.get("versionId"))
    }

    /// The body as a verified stream.
    ///
    /// # Errors
    /// Where the headers that describe it contradict each other.
    pub fn verified_body(&mut self, want: Want) -> Result<VerifiedBody<Frames<RequestBody>>, S3Error> {
        let body = self.body.take().ok_or_else(|| S3Error::of("InternalError"))?;
        Ok(VerifiedBody::new(Frames(body), self.auth.body.clone(), want))
    }

    /// A small body, whole and verified.
    ///
    /// # Errors
    /// S3's own for a body that is too long or not what its headers say.
    pub async fn small_body(&mut self) -> Result<Bytes, S3Error> {
        let mut body = self.verified_body(Want::default())?;
        collect(&mut body, longest_document(self.row.id)).await
    }

    /// Secrets are taken over TLS only, unless a setting says otherwise.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn demand_tls(&self, what: &str) -> Result<(), S3Error> {
        if self.secure || self.server.settings().allow_insecure_secrets {
            return Ok(());
        }
        Err(S3Error::invalid_request(format!("Requests with {what} must be made over a secure connection.")))
    }

    /// A customer's key, refused over plain HTTP.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn customer_key(&self, sent: Option<SentKey>) -> Result<Option<CustomerKey>, S3Error> {
        if sent.is_some() {
            self.demand_tls(CUSTOMER_KEYS)?;
        }
        Ok(sent.map(|sent| sent.key))
    }

    /// How something new is encrypted; with a customer's key not over plain HTTP.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn over_tls(&self, sse: Sse) -> Result<Sse, S3Error> {
        if matches!(sse, Sse::Customer { .. }) {
            self.demand_tls(CUSTOMER_KEYS)?;
        }
        Ok(sse)
    }
}

/// What the gate may know of an object.
#[must_use]
pub fn seen(sighting: &Sighting) -> Option<SeenObject<'_>> {
    sighting.exists().then(|| SeenObject {
        owner_canonical: sighting.owner().map(|o| o.canonical.as_str()),
        acl: sighting.acl(),
        tags: sighting.tags(),
    })
}

impl Asked for Call {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }

    fn header(&self, name: &str) -> Option<&str> {
        // INVARIANT: `app` refused heads with values that are not UTF-8 where a decision reads them.
        self.parts.headers.get(name).and_then(|v| std::str::from_utf8(v.as_bytes()).ok())
    }
}

/// For questions that are no request's.
pub struct Unseen;

impl Witness for Unseen {
    fn decided(&self, _: &Decided<'_>) {}

    fn kept(&self) -> Keeping<'_> {
        None
    }
}

impl Witness for Call {
    fn nanos(&self) -> u64 {
        self.server.trail().nanos()
    }

    fn decided(&self, decided: &Decided<'_>) {
        self.server.counted().decision(decided.decision.is_allowed());
        let header = |name: &str| self.parts.headers.get(name).and_then(|v| v.to_str().ok());
        let origin = trail::Origin {
            request_id: &self.request_id,
            time_ms: self.now_ms,
            region: self.server.region(),
            door: self.auth.door(),
            access_key_id: self.auth.access_key_id.as_deref(),
            signature_version: self.auth.signature_version,
            tls_version: self.tls_version,
            host: header("host"),
        };
        self.server.trail().record(&self.records, &origin, decided);
    }

    fn kept(&self) -> Keeping<'_> {
        self.records.kept()
    }
}
