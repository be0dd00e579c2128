//! The door itself: every viewer's request in, one answer out.
//!
//! A request's path: its head within bounds → the distribution of its host → the behaviour of its path → protocol,
//! method → [`viewer::admit`] → [`Exchange`]: cache and origin → custom error page → the headers that CloudFront adds.

use super::answers::{self, Shown, Viewer, XCache};
use super::behaviors::{self, ByProtocol};
use super::cache::Cache;
use super::errors::DoorError;
use super::exchange::Exchange;
use super::hosts;
use super::model::{Behavior, CustomError, Distribution};
use super::origin::{OriginAsk, View, Viewed};
use super::viewer::{self, Admitted, ViewerRefusal, ViewerRequest};
use crate::edges::server::app::Server;
use crate::edges::server::auth::hex;
use crate::edges::server::http::{App, ConnectionFacts, RequestBody, ResponseBody, proxy};
use crate::edges::server::metrics::Metrics;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::trail::{ViewerEvent, ViewerOutcome};
use crate::storage::store::Kept;
use arc_swap::ArcSwap;
use aws_lc_rs::rand;
use base64::Engine as _;
use http::header::{HOST, ORIGIN, VIA};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Version};
use http_body::Body as _;
use std::sync::Arc;
use std::time::Instant;

/// The longest URL, in bytes. Source: CloudFront Developer Guide, "Maximum length of a request and maximum length of
/// a URL".
const LONGEST_URL: usize = 8192;
/// The longest head, in bytes.
const LONGEST_HEAD: usize = 32_768;
/// What viewers' requests are counted under.
const COUNTED_AS: &str = "CloudFrontViewer";

/// CloudFront before a server. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    inner: Arc<Inner>,
}

struct Inner {
    server: Server,
    cache: Arc<Cache>,
    view: ArcSwap<View>,
    /// What `Via` says of this door: a name of its own, by which it knows requests that come back.
    via: String,
}

/// Why a request is not served.
enum Refused {
    /// By the door.
    Door(DoorError),
    /// The viewer has no right to it.
    Viewer(ViewerRefusal),
}

/// What becomes of a viewer's request that is not refused.
enum Judged {
    /// It is let in.
    Admitted(Admitted),
    /// It is sent to HTTPS, with this status.
    Redirect(StatusCode),
}

impl Refused {
    fn outcome(&self) -> ViewerOutcome<'_> {
        match self {
            Self::Door(error) => ViewerOutcome::Refused { code: error.code(), message: error.sentence() },
            Self::Viewer(refusal) => ViewerOutcome::Refused { code: refusal.code(), message: refusal.detail() },
        }
    }
}

fn let_in<'a>(admitted: &'a Admitted, raw: &str) -> ViewerOutcome<'a> {
    let key_pair_id = admitted.key_pair_id();
    let by = match key_pair_id {
        None => "public",
        // What signs is taken out of the URL where it stood there.
        Some(_) if admitted.path_and_query() != raw => "signed-url",
        Some(_) => "signed-cookies",
    };
    ViewerOutcome::Admitted { by, key_pair_id }
}

impl From<DoorError> for Refused {
    fn from(error: DoorError) -> Self {
        Self::Door(error)
    }
}

impl Door {
    /// The door before a server. Invalidations reach its cache from here on.
    #[must_use]
    pub fn new(server: Server) -> Self {
        let settings = &server.settings().cloudfront;
        let listens = settings.listen.is_some() || settings.tls.is_some();
        let cache = Arc::new(Cache::new(if listens { settings.cache_bytes } else { 0 }));
        let invalidated = Arc::clone(&cache);
        server.when_invalidated(Box::new(move |distribution, paths| invalidated.invalidate(distribution, paths)));
        let view = ArcSwap::from_pointee(View::of(server.cloudfront()));
        let via = format!("{}.cloudfront.net (CloudFront)", hex(&random::<16>()));
        Self { inner: Arc::new(Inner { server, cache, view, via }) }
    }
}

impl App for Door {
    async fn call(&self, request: Request<RequestBody>, connection: ConnectionFacts) -> http::Response<ResponseBody> {
        let started = Instant::now();
        let answer = self.inner.answer(request, connection).await;
        self.inner.server.counted().request(COUNTED_AS, answer.status(), started.elapsed());
        answer
    }

    fn ready(&self) -> Result<(), String> {
        self.inner.server.ready()
    }

    fn metrics(&self) -> &Arc<Metrics> {
        self.inner.server.metrics()
    }
}

/// What a request is for.
struct Found<'f> {
    distribution: &'f Kept<Distribution>,
    behavior: &'f Behavior,
    /// The path for the origin.
    path: String,
}

/// A request's head, with where it came from.
#[derive(Clone, Copy)]
struct Head<'h> {
    parts: &'h Parts,
    /// The host as it was sent, with its port.
    host: &'h str,
    /// The path and query as they were sent.
    raw: &'h str,
    source: proxy::Source,
    /// The id that the answer names it by.
    id: &'h str,
    tls_version: Option<&'static str>,
}

impl<'h> Head<'h> {
    fn path(&self) -> &'h str {
        self.raw.split_once('?').map_or(self.raw, |(path, _)| path)
    }

    fn viewer_request<'a>(&'a self, path_and_query: &'a str, cookies: &'a [&'a str], now: i64) -> ViewerRequest<'a> {
        let scheme = if self.source.secure { "https" } else { "http" };
        ViewerRequest { scheme, host: self.host, path_and_query, cookies, source_ip: self.source.ip, now }
    }
}

impl Inner {
    async fn answer(&self, request: Request<RequestBody>, connection: ConnectionFacts) -> Reply {
        let id = base64::engine::general_purpose::URL_SAFE.encode(random::<40>());
        let (parts, body) = request.into_parts();
        let shown = match self.shown(&id, &parts, body, connection).await {
            Ok(shown) => shown,
            Err(refused) => {
                let reply = match refused {
                    Refused::Door(error) => error.page(&id),
                    Refused::Viewer(refusal) => refusal_document(&refusal),
                };
                Shown { reply: bodiless(reply, &parts.method), from: XCache::Error, age: None }
            }
        };
        answers::complete(shown, &self.said_via(&parts, false), &id)
    }

    /// The documents as they are at this moment, with what was made from them.
    fn view(&self) -> Arc<View> {
        let cloudfront = self.server.cloudfront();
        let view = self.view.load_full();
        if Arc::ptr_eq(&view.cloudfront, &cloudfront) {
            return view;
        }
        let view = Arc::new(View::of(cloudfront));
        self.view.store(Arc::clone(&view));
        view
    }

    async fn shown(
        &self,
        id: &str,
        parts: &Parts,
        body: RequestBody,
        connection: ConnectionFacts,
    ) -> Result<Shown, Refused> {
        within_bounds(parts)?;
        let host = host_of(parts)?;
        let view = self.view();
        let found = hosts::distribution(&view.cloudfront, host).filter(|kept| kept.document.config.enabled);
        let distribution = found.ok_or(DoorError::NoDistribution)?;
        if parts.headers.get_all(VIA).iter().any(|via| contains(via.as_bytes(), self.via.as_bytes())) {
            return Err(DoorError::Loop.into());
        }
        let source = self.server.source(connection, &parts.headers).map_err(|_| DoorError::Malformed)?;
        let raw = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let head = Head { parts, host, raw, source, id, tls_version: connection.tls.map(|tls| tls.version) };
        let path = behaviors::rooted(&distribution.document.config, head.path());
        let behavior = behaviors::behavior_of(&distribution.document.config, &path);
        let found = Found { distribution, behavior, path };
        let judged = self.judged(&view, &head, &found, &body);
        if let Ok(Judged::Redirect(status)) = judged {
            return Ok(Shown { reply: self.redirect(status, &head), from: XCache::Redirect, age: None });
        }
        self.written_down(&head, &found, &judged).await?;
        let Judged::Admitted(admitted) = judged? else { return Err(DoorError::Internal.into()) };
        let mut shown = self.exchanged(&view, &head, &found, &admitted, body, connection).await?;
        if shown.from == XCache::Error {
            let page = self.error_page(&view, &head, distribution, shown.reply.status(), connection).await;
            shown = page.unwrap_or(shown);
        }
        let cross_origin = parts.headers.contains_key(ORIGIN);
        answers::add_policy_headers(&mut shown.reply, behavior.response_headers_policy.as_deref(), cross_origin);
        Ok(shown)
    }

    /// What becomes of a viewer's request, before anything is fetched for it.
    fn judged(&self, view: &View, head: &Head<'_>, found: &Found<'_>, body: &RequestBody) -> Result<Judged, Refused> {
        let (parts, behavior) = (head.parts, found.behavior);
        if let ByProtocol::Redirect(status) =
            behaviors::by_protocol(behavior, head.source.secure, &parts.method, parts.version)?
        {
            return Ok(Judged::Redirect(status));
        }
        behaviors::by_method(behavior, &parts.method)?;
        if matches!(parts.method, Method::GET | Method::HEAD) && !body.is_end_stream() {
            return Err(DoorError::UnwantedBody.into());
        }
        self.admitted(view, head, found, head.raw).map(Judged::Admitted)
    }

    /// Writes down that a viewer was let in, or not; nothing follows from it before.
    async fn written_down(
        &self,
        head: &Head<'_>,
        found: &Found<'_>,
        judged: &Result<Judged, Refused>,
    ) -> Result<(), DoorError> {
        let (path, outcome) = match judged {
            Ok(Judged::Redirect(_)) => return Ok(()),
            Ok(Judged::Admitted(admitted)) => (admitted.path_and_query(), let_in(admitted, head.raw)),
            // The query of a refused request may hold what signs another one.
            Err(refused) => (head.path(), refused.outcome()),
        };
        let (kept, headers) = (found.distribution, &head.parts.headers);
        let mut others = kept.document.config.behaviors.iter();
        let pattern = others.find(|other| std::ptr::eq(&raw const other.behavior, found.behavior));
        let event = ViewerEvent {
            request_id: head.id,
            time_ms: self.server.now_ms(),
            distribution: &Distribution::arn(&kept.account, &kept.id),
            account: &kept.account,
            method: head.parts.method.as_str(),
            host: head.host,
            path,
            behavior: pattern.map(|other| other.pattern.as_str()),
            source_ip: head.source.ip,
            user_agent: headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok()),
            tls_version: head.tls_version,
            outcome,
        };
        self.server.trail().viewer(&event).await.map_err(|why| {
            tracing::error!(%why, "a viewer's request was refused");
            DoorError::Unkept
        })
    }

    /// Asks for the viewer's right, for every request and before anything else is looked at.
    fn admitted(&self, view: &View, head: &Head<'_>, found: &Found<'_>, raw: &str) -> Result<Admitted, Refused> {
        let cookies = head.parts.headers.get_all(http::header::COOKIE).iter();
        let cookies: Vec<&str> = cookies.filter_map(|line| line.to_str().ok()).collect();
        let now = self.server.now_ms().div_euclid(1000);
        let request = head.viewer_request(raw, &cookies, now);
        viewer::admit(&request, found.behavior, &view.cloudfront).map_err(|refusal| {
            let distribution = found.distribution.id.as_str();
            tracing::debug!(distribution, %refusal, "a viewer was not let in");
            Refused::Viewer(refusal)
        })
    }

    async fn exchanged(
        &self,
        view: &View,
        head: &Head<'_>,
        found: &Found<'_>,
        admitted: &Admitted,
        body: RequestBody,
        connection: ConnectionFacts,
    ) -> Result<Shown, Refused> {
        let parts = head.parts;
        let via = self.said_via(parts, true);
        let viewed = Viewed {
            method: &parts.method,
            headers: &parts.headers,
            secure: head.source.secure,
            path: &found.path,
            via: &via,
        };
        let suffixes = &self.server.settings().host_suffixes;
        let ask = OriginAsk::new(view, found.distribution, found.behavior, admitted, &viewed, suffixes)?;
        let exchange = Exchange {
            server: &self.server,
            cache: &self.cache,
            ask: &ask,
            viewer: Viewer { method: &parts.method, headers: &parts.headers, path: head.path() },
            distribution: &found.distribution.id,
            errors: &found.distribution.document.config.custom_errors,
            connection,
        };
        Ok(exchange.answer(body).await?)
    }

    /// The page that the distribution has for an error of its origin. It comes by the behaviour of its own path, for
    /// this viewer; where that does not give it, the error itself is shown.
    async fn error_page(
        &self,
        view: &View,
        head: &Head<'_>,
        distribution: &Kept<Distribution>,
        status: StatusCode,
        connection: ConnectionFacts,
    ) -> Option<Shown> {
        if !matches!(head.parts.method, Method::GET | Method::HEAD) {
            return None;
        }
        let config = &distribution.document.config;
        let error = config.custom_errors.iter().find(|error| error.status == status.as_u16())?;
        let (page, status) = (error.page.as_deref()?, shown_status(error, status));
        let behavior = behaviors::behavior_of(config, page);
        let found = Found { distribution, behavior, path: page.to_owned() };
        let admitted = self.admitted(view, head, &found, page).ok()?;
        let mut parts = head.parts.clone();
        for name in super::forwarding::CONDITIONS {
            parts.headers.remove(name);
        }
        let head = Head { parts: &parts, raw: page, ..*head };
        let body = RequestBody::empty();
        let mut shown = self.exchanged(view, &head, &found, &admitted, body, connection).await.ok()?;
        if shown.reply.status() != StatusCode::OK {
            return None;
        }
        *shown.reply.status_mut() = status;
        shown.from = XCache::Error;
        Some(shown)
    }

    /// Sends the viewer to HTTPS, at the port of the door's own TLS listener.
    fn redirect(&self, status: StatusCode, head: &Head<'_>) -> Reply {
        let port = self.server.settings().cloudfront.tls.as_ref().map_or(443, |tls| tls.listen.port);
        let port = if matches!(port, 0 | 443) { String::new() } else { format!(":{port}") };
        let mut reply = reply::empty(status);
        reply::set(&mut reply, "location", format!("https://{}{port}{}", hosts::bare(head.host), head.raw));
        reply::set(&mut reply, "server", "CloudFront");
        reply
    }

    /// The header `Via`: of an answer, or of a request with what it came through.
    fn said_via(&self, parts: &Parts, forwards: bool) -> String {
        let version = if parts.version == Version::HTTP_10 { "1.0" } else { "1.1" };
        let own = format!("{version} {}", self.via);
        let before = parts.headers.get_all(VIA).iter().filter_map(|via| via.to_str().ok());
        let mut all: Vec<&str> = before.filter(|_| forwards).collect();
        all.push(&own);
        all.join(", ")
    }
}

fn shown_status(error: &CustomError, origin: StatusCode) -> StatusCode {
    error.response_status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(origin)
}

fn refusal_document(refusal: &ViewerRefusal) -> Reply {
    let mut reply = reply::with_body(refusal.status(), refusal.document().into_bytes().into());
    reply::set(&mut reply, "content-type", "text/xml");
    reply::set(&mut reply, "server", "CloudFront");
    reply
}

/// HEAD has no body.
fn bodiless(mut reply: Reply, method: &Method) -> Reply {
    if *method == Method::HEAD {
        *reply.body_mut() = ResponseBody::empty();
    }
    reply
}

fn within_bounds(parts: &Parts) -> Result<(), DoorError> {
    let url = parts.uri.path_and_query().map_or(0, |raw| raw.as_str().len());
    let headers: usize = lengths(&parts.headers).sum();
    let fits = url <= LONGEST_URL && url + headers <= LONGEST_HEAD;
    if fits { Ok(()) } else { Err(DoorError::TooLong) }
}

/// What each header takes in the head: its name, a colon, a blank, its value and the end of the line.
fn lengths(headers: &HeaderMap) -> impl Iterator<Item = usize> {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4)
}

/// The host of the request target where it names one (RFC 9112, section 3.2.2), else the one `Host` header.
fn host_of(parts: &Parts) -> Result<&str, DoorError> {
    if let Some(authority) = parts.uri.authority() {
        return Ok(authority.as_str());
    }
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map_err(|_| DoorError::NoHost),
        (None, _) if parts.version == Version::HTTP_10 => Err(DoorError::NoDistribution),
        _ => Err(DoorError::NoHost),
    }
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // An id that repeats is a nuisance, not a danger: zeros where there is no randomness.
    let _ = rand::fill(&mut bytes);
    bytes
}
