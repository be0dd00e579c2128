//! The operator's listener: is it alive, is it ready, what did it do. It asks for no credentials, so it belongs on
//! the loopback or an operator's network.

use super::http::{App, ConnectionFacts, Draining, RequestBody, ResponseBody};
use super::metrics::{CONTENT_TYPE, Metrics};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE as TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use std::sync::Arc;

/// `/livez`, `/readyz` and `/metrics` of an app.
#[derive(Debug)]
pub struct Admin<A> {
    app: Arc<A>,
    draining: Draining,
    /// Its own connections are not the server's.
    own: Arc<Metrics>,
}

impl<A: App> Admin<A> {
    /// The operator's view of this app. `draining` is that of the app's listeners: `/readyz` is 503 as soon as it
    /// began.
    #[must_use]
    pub fn new(app: Arc<A>, draining: Draining) -> Self {
        Self { app, draining, own: Arc::new(Metrics::default()) }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<ResponseBody> {
        let known = matches!(path, "/livez" | "/readyz" | "/metrics");
        if known && !matches!(*method, Method::GET | Method::HEAD) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match path {
            "/livez" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" if self.draining.is_draining() => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned()),
            "/readyz" => match self.app.ready() {
                Ok(()) => text(StatusCode::OK, "ok\n".to_owned()),
                Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
            },
            "/metrics" => {
                let mut answer = text(StatusCode::OK, self.app.metrics().render());
                answer.headers_mut().insert(TYPE, HeaderValue::from_static(CONTENT_TYPE));
                answer
            }
            _ => text(StatusCode::NOT_FOUND, "there are /livez, /readyz and /metrics\n".to_owned()),
        }
    }
}

fn text(status: StatusCode, body: String) -> Response<ResponseBody> {
    let mut answer = Response::new(ResponseBody::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

impl<A: App> App for Admin<A> {
    async fn call(&self, request: Request<RequestBody>, _: ConnectionFacts) -> Response<ResponseBody> {
        self.answer(request.method(), request.uri().path())
    }

    fn ready(&self) -> Result<(), String> {
        self.app.ready()
    }

    fn metrics(&self) -> &Arc<Metrics> {
        &self.own
    }
}
