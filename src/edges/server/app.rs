//! The server: every request in, one answer out.

use super::auth::{self, AuthConfig, AuthType, Authenticated};
use super::call::{Arrival, Call};
use super::cloudfront::state::CloudFront;
use super::cors;
use super::decision_log::DecisionLog;
use super::directory::Directory;
use super::error::S3Error;
use super::handlers;
use super::http::{App, ConnectionFacts, RequestBody, ResponseBody, proxy};
use super::kms::Keys;
use super::metrics::Metrics;
use super::reply::{self, Reply};
use super::scenes::Scenes;
use super::services::{self, ServiceArrival};
use super::settings::ServeSettings;
use super::wire::query::Query;
use super::wire::target::target;
use crate::gate::operations::{ACCOUNT_PATH, find};
use crate::gate::{Asked, Caller, Method, Service, Target};
use crate::storage::kv::Health;
use crate::storage::store::{Store, StoreError};
use arc_swap::ArcSwap;
use aws_lc_rs::rand;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use std::sync::{Arc, Weak};
use std::time::Instant;

/// Where the time comes from: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

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

struct Inner {
    store: Store,
    directory: ArcSwap<Directory>,
    cloudfront: ArcSwap<CloudFront>,
    keys: Keys,
    scenes: Scenes,
    auth: AuthConfig,
    settings: ServeSettings,
    metrics: Arc<Metrics>,
    log: DecisionLog,
    clock: Clock,
}

impl Server {
    /// A server over an open store.
    #[must_use]
    pub fn new(
        store: Store,
        directory: Directory,
        cloudfront: CloudFront,
        keys: Keys,
        settings: ServeSettings,
        metrics: Arc<Metrics>,
        log: DecisionLog,
        clock: Clock,
    ) -> Self {
        let auth = settings.auth_config();
        let directory = ArcSwap::from_pointee(directory);
        let cloudfront = ArcSwap::from_pointee(cloudfront);
        let inner = Inner {
            store,
            directory,
            cloudfront,
            keys,
            scenes: Scenes::default(),
            auth,
            settings,
            metrics,
            log,
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

    /// Who there is.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.directory.load_full()
    }

    /// CloudFront's distributions, identities and keys.
    #[must_use]
    pub fn cloudfront(&self) -> Arc<CloudFront> {
        self.inner.cloudfront.load_full()
    }

    /// Reads CloudFront's documents again: they were changed.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`]; what was in force before goes on then.
    pub fn reload_cloudfront(&self) -> Result<(), StoreError> {
        self.inner.cloudfront.store(Arc::new(CloudFront::load(&self.inner.store)?));
        Ok(())
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
    pub fn log(&self) -> &DecisionLog {
        &self.inner.log
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
            Health::Ready => Ok(()),
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
            now_ms: self.now_ms(),
            request_id,
        };
        services::answer(service, arrival).await
    }

    /// Where a request came from, by the connection and what trusted proxies say.
    fn source(&self, connection: ConnectionFacts, headers: &HeaderMap) -> Result<proxy::Source, S3Error> {
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
    /// CloudFront, in the name of an origin access identity or as a service: a request to an origin. It passes the
    /// gate like any other.
    Origin(Arc<Caller>),
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

impl Server {
    async fn answer(
        &self,
        request: Request<RequestBody>,
        connection: ConnectionFacts,
        sender: Sender,
        request_id: &str,
        operation: &mut &'static str,
    ) -> Result<Reply, S3Error> {
        let (mut parts, body) = request.into_parts();
        let source = self.source(connection, &parts.headers)?;
        let raw = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
        let (raw_path, raw_query) = raw.split_once('?').unwrap_or((&raw, ""));
        let host = parts.headers.get(http::header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        let query = Query::parse(raw_query)?;
        let account = raw_path == ACCOUNT_PATH && parts.headers.contains_key("x-amz-account-id");
        let target =
            if account { Target::Service } else { target(host, raw_path, &self.inner.settings.host_suffixes)? };
        if parts.method == http::Method::OPTIONS {
            *operation = "Preflight";
            return cors::preflight(self, &parts, &target);
        }
        readable(&parts.headers)?;
        let now_ms = self.now_ms();
        // A form is signed in its fields; its handler finds out by whom.
        let from_origin = matches!(sender, Sender::Origin(_));
        let auth = match sender {
            Sender::Signature => auth::authenticate(&parts, &raw, now_ms, &self.inner.auth, &*self.directory())?,
            Sender::Origin(caller) => Authenticated::of_origin(caller, &parts)?,
        };
        if auth.auth_type == AuthType::Query {
            take_up(&query, &mut parts.headers);
        }
        let unknown = || S3Error::method_not_allowed(parts.method.as_str(), place_name(&target));
        let method = Method::parse(parts.method.as_str()).ok_or_else(unknown)?;
        let head = Head { query: &query, headers: &parts.headers };
        let row = find(method, &target, account, &head).ok_or_else(unknown)?;
        *operation = row.name;
        if matches!(target, Target::Object { .. }) {
            // An empty id must not be taken for none: the current version is another one than was meant.
            query.version_id()?;
        }
        let origin = parts.headers.get(http::header::ORIGIN).cloned();
        let arrival = Arrival {
            server: self.clone(),
            parts,
            body,
            source_ip: (!from_origin).then_some(source.ip),
            secure: source.secure,
            tls_version: connection.tls.map(|t| t.version),
            now_ms,
            request_id: request_id.to_owned(),
        };
        let mut call = Call::new(arrival, method, query, target, row, auth);
        let answer = handlers::dispatch(&mut call).await;
        match origin {
            None => answer,
            Some(origin) => cors::allow(&call, &origin, answer),
        }
    }
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
