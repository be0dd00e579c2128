//! The server: every request in, one answer out.

use super::auth::{self, AuthConfig, AuthType, Authenticated};
use super::call::{Arrival, Call};
use super::canonicals::Canonicals;
use super::cloudfront::state::CloudFront;
use super::cors;
use super::directory::Directory;
use super::error::S3Error;
use super::handlers;
use super::http::{App, ConnectionFacts, RequestBody, ResponseBody, proxy};
use super::identities::Identities;
use super::kms::Keys;
use super::metrics::Metrics;
use super::reply::{self, Reply};
use super::scenes::Scenes;
use super::services::{self, ServiceArrival};
use super::settings::ServeSettings;
use super::trail::Trail;
use super::wire::query::Query;
use super::wire::target::{hosted_target, target};
use crate::gate::operations::{ACCOUNT_PATH, find};
use crate::gate::{Asked, Authorized, Caller, Method, Service, ServiceOperation, Target};
use crate::storage::kv::Health;
use crate::storage::store::{EntityTransaction, Store, StoreError};
use arc_swap::ArcSwap;
use aws_lc_rs::rand;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;
use tokio::sync::Mutex;

/// Where the time comes from: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Who forgets cached answers: of the distribution of this id, those whose paths fit one of these.
pub type Invalidated = Box<dyn Fn(&str, &[String]) + Send + Sync>;

/// A server with all it stands on. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

/// A handle that does not keep its server alive.
pub struct WeakServer {
    inner: Weak<Inner>,
}

impl WeakServer {
    /// The server, if it is still there.
    #[must_use]
    pub fn upgrade(&self) -> Option<Server> {
        self.inner.upgrade().map(|inner| Server { inner })
    }
}

/// What is found in a data directory.
pub struct Found {
    /// What is stored.
    pub store: Store,
    /// The accounts.
    pub directory: Directory,
    /// Users, roles and their credentials.
    pub identities: Arc<Identities>,
    /// CloudFront's documents.
    pub cloudfront: CloudFront,
    /// The keys of the key service.
    pub keys: Keys,
}

struct Inner {
    store: Store,
    directory: ArcSwap<Directory>,
    identities: Arc<Identities>,
    cloudfront: ArcSwap<CloudFront>,
    cloudfront_changes: Mutex<()>,
    invalidated: OnceLock<Invalidated>,
    keys: Keys,
    scenes: Scenes,
    auth: AuthConfig,
    settings: ServeSettings,
    metrics: Arc<Metrics>,
    trail: Trail,
    clock: Clock,
}

impl Server {
    /// A server over an open store.
    #[must_use]
    pub fn new(found: Found, settings: ServeSettings, metrics: Arc<Metrics>, trail: Trail, clock: Clock) -> Self {
        let Found { store, directory, identities, cloudfront, keys } = found;
        let auth = settings.auth_config();
        let directory = ArcSwap::from_pointee(directory);
        let cloudfront = ArcSwap::from_pointee(cloudfront);
        let inner = Inner {
            store,
            directory,
            identities,
            cloudfront,
            cloudfront_changes: Mutex::new(()),
            invalidated: OnceLock::new(),
            keys,
            scenes: Scenes::default(),
            auth,
            settings,
            metrics,
            trail,
            clock,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A handle that does not keep the server alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakServer {
        WeakServer { inner: Arc::downgrade(&self.inner) }
    }

    /// What is stored.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The accounts.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.directory.load_full()
    }

    /// Users, roles and their credentials.
    #[must_use]
    pub fn identities(&self) -> &Arc<Identities> {
        &self.inner.identities
    }

    /// CloudFront's distributions, identities and keys.
    #[must_use]
    pub fn cloudfront(&self) -> Arc<CloudFront> {
        self.inner.cloudfront.load_full()
    }

    /// Changes CloudFront's documents: once this returns, the next request is judged by what they say now. It goes on
    /// to its end even where the caller is dropped.
    ///
    /// # Errors
    /// What `work` refuses; as [`Store::change_entities`].
    pub async fn change_cloudfront<O, R, E>(
        &self,
        grant: Authorized<O>,
        work: impl FnMut(&mut EntityTransaction<'_>) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        O: ServiceOperation,
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let server = self.clone();
        let changed = tokio::spawn(async move {
            // INVARIANT: read again before the next change begins, so that no older state replaces a newer one.
            let _alone = server.inner.cloudfront_changes.lock().await;
            let changed = server.store().change_entities(&grant, work).await;
            server.inner.cloudfront.store(Arc::new(CloudFront::load(server.store())?));
            changed
        });
        changed.await.unwrap_or_else(|_| Err(E::from(StoreError::Closed)))
    }

    /// Sets who forgets cached answers; the first one stays.
    pub fn when_invalidated(&self, forget: Invalidated) {
        let _ = self.inner.invalidated.set(forget);
    }

    /// Forgets the cached answers of a distribution whose paths fit one of these, each with at most one `*`, at its
    /// end.
    pub fn invalidate(&self, distribution: &str, paths: &[String]) {
        if let Some(forget) = self.inner.invalidated.get() {
            forget(distribution, paths);
        }
    }

    /// Whom canonical user ids name at this moment.
    #[must_use]
    pub fn canonicals(&self) -> Canonicals {
        Canonicals { directory: self.directory(), cloudfront: self.cloudfront() }
    }

    /// The keys of the key service.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// What decisions read about buckets.
    #[must_use]
    pub fn scenes(&self) -> &Scenes {
        &self.inner.scenes
    }

    /// What authentication accepts.
    #[must_use]
    pub fn auth(&self) -> &AuthConfig {
        &self.inner.auth
    }

    /// The operator's settings.
    #[must_use]
    pub fn settings(&self) -> &ServeSettings {
        &self.inner.settings
    }

    /// The region of the server.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.inner.settings.region
    }

    /// What is counted.
    #[must_use]
    pub fn counted(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Where decisions are written down.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.inner.trail
    }

    /// The time, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.inner.clock)()
    }
}

impl App for Server {
    async fn call(&self, request: Request<RequestBody>, connection: ConnectionFacts) -> http::Response<ResponseBody> {
        self.respond(request, connection, Sender::Signature).await
    }

    fn ready(&self) -> Result<(), String> {
        match self.inner.store.health() {
            Health::Ready => self.inner.trail.health(),
            Health::Full { free, reserve } => Err(format!("the disk is full: {free} bytes free, {reserve} in reserve")),
            Health::ReadOnly(why) => Err(format!("the store is read-only: {why}")),
            Health::Closed => Err("the store is closed".to_owned()),
        }
    }

    fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }
}

impl Server {
    /// Answers one request.
    pub async fn respond(
        &self,
        request: Request<RequestBody>,
        connection: ConnectionFacts,
        sender: Sender,
    ) -> http::Response<ResponseBody> {
        let started = Instant::now();
        let request_id = new_request_id();
        if let (Sender::Signature, Some(service)) = (&sender, services::named(&request)) {
            let response = self.answer_service(service, request, connection, request_id).await;
            self.inner.metrics.request(service.prefix(), response.status(), started.elapsed());
            return response;
        }
        let head = request.method() == http::Method::HEAD;
        let path = request.uri().path().to_owned();
        let mut operation = "Unknown";
        let answer = self.answer(request, connection, sender, &request_id, &mut operation).await;
        let response = reply::finished(answer, &request_id, &path, head);
        self.inner.metrics.request(operation, response.status(), started.elapsed());
        response
    }

    /// Answers a request to a service beside S3.
    async fn answer_service(
        &self,
        service: Service,
        request: Request<RequestBody>,
        connection: ConnectionFacts,
        request_id: String,
    ) -> Reply {
        let (parts, body) = request.into_parts();
        let source = match self.source(connection, &parts.headers) {
            Ok(source) => source,
            Err(error) => return reply::finished(Err(error), &request_id, parts.uri.path(), false),
        };
        let arrival = ServiceArrival {
            server: self.clone(),
            parts,
            body,
            source_ip: Some(source.ip),
            secure: source.secure,
            tls_version: connection.tls.map(|t| t.version),
            now_ms: self.now_ms(),
            request_id,
        };
        services::answer(service, arrival).await
    }

    /// Where a request came from, by the connection and what trusted proxies say.
    ///
    /// # Errors
    /// `InvalidRequest` for a header of a trusted proxy that cannot be read.
    pub fn source(&self, connection: ConnectionFacts, headers: &HeaderMap) -> Result<proxy::Source, S3Error> {
        let trusted = &self.inner.settings.trusted_proxies;
        proxy::source_ip(connection.peer.ip(), connection.tls.is_some(), headers, trusted)
            .map_err(|malformed| S3Error::invalid_request(malformed.to_string()))
    }
}

/// Who vouches for who sent a request.
#[derive(Clone, Debug)]
pub enum Sender {
    /// Its own signature; without one it is anonymous.
    Signature,
    /// CloudFront: a request to an origin. It passes the gate like any other.
    Origin(OriginSender),
}

/// CloudFront as the sender of a request to an origin. What it does not say of the viewer, no decision reads.
#[derive(Clone, Debug)]
pub struct OriginSender {
    /// In whose name it is signed; `None`: CloudFront does not sign, and the request's own signature counts, or none.
    pub caller: Option<Arc<Caller>>,
    /// The bucket that is the origin, whatever the host is called.
    pub bucket: String,
    /// Over HTTPS: CloudFront asks S3 as it was asked.
    pub secure: bool,
}

/// Query and headers of a request whose operation is yet to be found.
struct Head<'a> {
    query: &'a Query,
    headers: &'a HeaderMap,
}

impl Asked for Head<'_> {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| std::str::from_utf8(v.as_bytes()).ok())
    }
}

/// The origin's permission to show an answer: it gave the answer itself just now, or the gate let the request through
/// again. Without one no kept answer is shown.
#[derive(Clone, Debug)]
pub struct OriginPermits {
    request_id: String,
}

impl OriginPermits {
    /// The permission that lies in the origin's own answer.
    #[must_use]
    pub fn of_answer(reply: &Reply) -> Self {
        let id = reply.headers().get("x-amz-request-id").and_then(|id| id.to_str().ok());
        Self { request_id: id.unwrap_or_default().to_owned() }
    }

    /// The id under which the origin's decisions are written down.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// A request that was read, but for who sent it.
struct Addressed {
    parts: Parts,
    raw: String,
    query: Query,
    target: Target,
    /// It addresses an account's settings.
    account: bool,
    secure: bool,
    /// Where it came from; `None` for a request to an origin.
    source_ip: Option<IpAddr>,
    tls_version: Option<&'static str>,
}

impl Server {
    /// Whether a request that an origin answered before would be let through at this moment. Nothing is read or
    /// changed; the decision is made and written down as for the request itself, under the id of the permission.
    /// `absent`: that answer was that there is nothing, which not everybody may know.
    pub async fn still_permits(
        &self,
        request: Request<RequestBody>,
        sender: OriginSender,
        absent: bool,
    ) -> Option<OriginPermits> {
        let request_id = new_request_id();
        let (parts, body) = request.into_parts();
        let addressed = Self::addressed_by_origin(parts, &sender).ok()?;
        let call = self.arrived(addressed, body, &Sender::Origin(sender), &request_id).ok()?;
        call.still_permitted(absent).await.ok().map(|()| OriginPermits { request_id })
    }

    async fn answer(
        &self,
        request: Request<RequestBody>,
        connection: ConnectionFacts,
        sender: Sender,
        request_id: &str,
        operation: &mut &'static str,
    ) -> Result<Reply, S3Error> {
        let (parts, body) = request.into_parts();
        let addressed = match &sender {
            Sender::Signature => self.addressed(parts, connection)?,
            Sender::Origin(sender) => Self::addressed_by_origin(parts, sender)?,
        };
        if addressed.parts.method == http::Method::OPTIONS {
            *operation = "Preflight";
            return cors::preflight(self, &addressed.parts, &addressed.target);
        }
        let origin = addressed.parts.headers.get(http::header::ORIGIN).cloned();
        let mut call = self.arrived(addressed, body, &sender, request_id)?;
        *operation = call.row.name;
        let answer = handlers::dispatch(&mut call).await;
        match origin {
            None => answer,
            Some(origin) => cors::allow(&call, &origin, answer),
        }
    }

    fn addressed(&self, parts: Parts, connection: ConnectionFacts) -> Result<Addressed, S3Error> {
        let source = self.source(connection, &parts.headers)?;
        let raw = raw_of(&parts);
        let (raw_path, raw_query) = raw.split_once('?').unwrap_or((&raw, ""));
        let host = parts.headers.get(http::header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        let query = Query::parse(raw_query)?;
        let account = raw_path == ACCOUNT_PATH && parts.headers.contains_key("x-amz-account-id");
        let target =
            if account { Target::Service } else { target(host, raw_path, &self.inner.settings.host_suffixes)? };
        let (source_ip, tls_version) = (Some(source.ip), connection.tls.map(|t| t.version));
        Ok(Addressed { parts, raw, query, target, account, secure: source.secure, source_ip, tls_version })
    }

    fn addressed_by_origin(parts: Parts, sender: &OriginSender) -> Result<Addressed, S3Error> {
        let raw = raw_of(&parts);
        let (raw_path, raw_query) = raw.split_once('?').unwrap_or((&raw, ""));
        let query = Query::parse(raw_query)?;
        let target = hosted_target(&sender.bucket, raw_path)?;
        let secure = sender.secure;
        Ok(Addressed { parts, raw, query, target, account: false, secure, source_ip: None, tls_version: None })
    }

    /// A request whose sender and operation are found.
    fn arrived(
        &self,
        addressed: Addressed,
        body: RequestBody,
        sender: &Sender,
        request_id: &str,
    ) -> Result<Call, S3Error> {
        let Addressed { mut parts, raw, query, target, account, secure, source_ip, tls_version } = addressed;
        readable(&parts.headers)?;
        let now_ms = self.now_ms();
        // A form is signed in its fields; its handler finds out by whom.
        let auth = match sender {
            Sender::Origin(OriginSender { caller: Some(caller), .. }) => {
                Authenticated::of_origin(Arc::clone(caller), &parts, &raw)?
            }
            Sender::Signature | Sender::Origin(OriginSender { caller: None, .. }) => {
                auth::authenticate(&parts, &raw, now_ms, &self.inner.auth, &**self.identities())?
            }
        };
        self.identities().note_use(&auth.caller, auth.access_key_id.as_deref(), "s3", now_ms.div_euclid(1000));
        if auth.auth_type == AuthType::Query {
            take_up(&query, &mut parts.headers);
        }
        let unknown = || S3Error::method_not_allowed(parts.method.as_str(), place_name(&target));
        let method = Method::parse(parts.method.as_str()).ok_or_else(unknown)?;
        let head = Head { query: &query, headers: &parts.headers };
        let row = find(method, &target, account, &head).ok_or_else(unknown)?;
        if matches!(target, Target::Object { .. }) {
            // An empty id must not be taken for none: the current version is another one than was meant.
            query.version_id()?;
        }
        let request_id = request_id.to_owned();
        let server = self.clone();
        let arrival = Arrival { server, parts, body, source_ip, secure, tls_version, now_ms, request_id };
        Ok(Call::new(arrival, method, query, target, row, auth))
    }
}

fn raw_of(parts: &Parts) -> String {
    parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned()
}

/// Header values that decisions read must be text: one that is not must not be taken for absent.
fn readable(headers: &HeaderMap) -> Result<(), S3Error> {
    let read = |name: &str| {
        name.starts_with("x-amz-") && !name.starts_with("x-amz-meta-")
            || matches!(name, "user-agent" | "referer" | "if-match" | "if-none-match")
    };
    let mut headers = headers.iter();
    match headers.find(|(name, value)| read(name.as_str()) && std::str::from_utf8(value.as_bytes()).is_err()) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("The header {name} is not UTF-8");
            Err(S3Error::invalid_argument(name.as_str(), "", message))
        }
    }
}

/// Presigned URLs carry headers of the request among their parameters, under the signature: the JavaScript SDK puts
/// them there. They count as the headers they name; those of the signature itself, and what describes a body that was
/// not known when the URL was made, do not.
fn take_up(query: &Query, headers: &mut HeaderMap) {
    const OF_THE_BODY: [&str; 3] = ["x-amz-checksum-", "x-amz-content-", "x-amz-sdk-"];
    for (name, value) in query.iter() {
        let name = name.to_ascii_lowercase();
        let counts = name.starts_with("x-amz-")
            && !SIGNATURE_PARAMETERS.contains(&name.as_str())
            && !OF_THE_BODY.iter().any(|prefix| name.starts_with(prefix));
        if let (true, Ok(name), Ok(value)) =
            (counts, HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.unwrap_or_default()))
            && !headers.contains_key(&name)
        {
            headers.insert(name, value);
        }
    }
}

/// The parameters of a signature, in small letters.
const SIGNATURE_PARAMETERS: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

fn place_name(target: &Target) -> &'static str {
    match target {
        Target::Service => "SERVICE",
        Target::Bucket { .. } => "BUCKET",
        Target::Object { .. } => "OBJECT",
        Target::Entities(_) => "SERVICE",
    }
}

/// Sixteen characters, as S3's request ids are.
fn new_request_id() -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut bytes = [0_u8; 8];
    // A request id that repeats is a nuisance, not a danger: zeros where there is no randomness.
    let _ = rand::fill(&mut bytes);
    let digit = |n: u8| char::from(DIGITS.get(usize::from(n & 15)).copied().unwrap_or(b'0'));
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}
