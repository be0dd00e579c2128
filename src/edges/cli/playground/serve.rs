//! The page's files and the world, over HTTP/1.1.

use crate::edges::cli::args::PlaygroundArgs;
use crate::edges::cli::{files, say};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY};
use http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use include_dir::{Dir, include_dir};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// What `wasm/build` made.
static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/wasm/www/dist");

/// The page talks to its own origin only, and nobody shows it inside another page.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's word for no world, and for the one that is served.
const NO_WORLD: &str = r#"<meta name="portcullis-world" content="">"#;
const WORLD: &str = r#"<meta name="portcullis-world" content="world.json">"#;

/// What is served.
struct Site {
    index: Bytes,
    world: Option<Bytes>,
    /// The name that the listener was told, which a request may call it by.
    host: String,
}

pub(super) fn run(args: &PlaygroundArgs) -> Result<(), String> {
    let world = world(args)?;
    let index = PAGE.get_file("index.html").and_then(|file| file.contents_utf8());
    let index = index.ok_or("error: the page in this program has no index.html")?;
    let index = if world.is_some() { index.replacen(NO_WORLD, WORLD, 1) } else { index.to_owned() };
    let host = args.listen.rsplit_once(':').map_or(args.listen.as_str(), |(host, _)| host);
    let site = Site { index: index.into(), world, host: host.to_ascii_lowercase() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| format!("error: {e}"))?.block_on(serve(Arc::new(site), &args.listen))
}

/// The world as the page reads it.
fn world(args: &PlaygroundArgs) -> Result<Option<Bytes>, String> {
    if args.world.world.is_empty() {
        return Ok(None);
    }
    let (_, bundle) = files::bundle(&args.world.world, args.world.strict).map_err(|unusable| unusable.0)?;
    let text = serde_json::to_vec(&bundle.without_secrets()).map_err(|e| format!("error: {e}"))?;
    Ok(Some(text.into()))
}

async fn serve(site: Arc<Site>, listen: &str) -> Result<(), String> {
    let cannot = |e: std::io::Error| format!("error: {listen}: {e}\nhint: --listen HOST:PORT, port 0 takes a free one");
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address: SocketAddr = listener.local_addr().map_err(cannot)?;
    if !address.ip().is_loopback() {
        anstream::eprintln!("warning: {address} can be reached from other machines, and so can the world");
    }
    say(&format!("ready http://{address}\n"));
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let site = site.clone();
                tokio::spawn(async move {
                    let answer = service_fn(move |request| {
                        let response = site.answer(&request);
                        async move { Ok::<_, Infallible>(response) }
                    });
                    let mut http = http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
                    // A connection that breaks is over; there is nobody to tell.
                    let _ = http.serve_connection(TokioIo::new(stream), answer).await;
                });
            },
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

impl Site {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        if !host.is_some_and(|host| self.is_own(host)) {
            return reply(StatusCode::MISDIRECTED_REQUEST, "text/plain", Bytes::from_static(b"this is not the host\n"));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", Bytes::new());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let found = match request.uri().path().trim_start_matches('/') {
            "" | "index.html" => Some(("text/html; charset=utf-8", self.index.clone())),
            "world.json" => self.world.clone().map(|world| ("application/json", world)),
            path => PAGE.get_file(path).map(|file| (kind(path), Bytes::from_static(file.contents()))),
        };
        match found {
            Some((kind, body)) => reply(StatusCode::OK, kind, body),
            None => reply(StatusCode::NOT_FOUND, "text/plain", Bytes::from_static(b"there is no such file\n")),
        }
    }

    /// A page of elsewhere whose name was made to point here must not read the world: only addresses, `localhost`
    /// and the name that the listener was told are this host.
    fn is_own(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        let name = name.to_ascii_lowercase();
        name == "localhost" || name == self.host || name.parse::<IpAddr>().is_ok()
    }
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn reply(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let fixed = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        // Another start may serve another world.
        (CACHE_CONTROL, "no-cache"),
    ];
    response.headers_mut().extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
