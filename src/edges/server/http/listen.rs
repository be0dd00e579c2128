//! One listener: accepts, bounds, drives connections, drains.

use super::body::{RequestBody, Sent};
use super::drain::Draining;
use super::guard::{ConnectionState, Guarded};
use super::limits::Limits;
use super::{App, ConnectionFacts, ResponseBody, TlsFacts};
use futures_util::FutureExt as _;
use http::HeaderValue;
use http::header::{CONNECTION, EXPECT};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ProtocolVersion;

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Its certificate, where it speaks TLS.
    pub tls: Option<Arc<tokio_rustls::rustls::ServerConfig>>,
    /// Its bounds.
    pub limits: Limits,
}

/// What every connection of a listener shares.
struct Shared<A> {
    app: Arc<A>,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    protocol: http1::Builder,
    draining: Draining,
}

impl Listener {
    /// Serves until it is drained: returns when the last connection has ended, or when it is stopped.
    pub async fn serve<A: App>(self, app: Arc<A>, mut draining: Draining) {
        let slots = Arc::new(Semaphore::new(self.limits.connections as usize));
        let shared = Arc::new(Shared {
            app,
            tls: self.tls.map(TlsAcceptor::from),
            limits: self.limits,
            protocol: protocol(&self.limits),
            draining: draining.clone(),
        });
        tokio::select! {
            biased;
            () = draining.draining() => {}
            () = accept(&self.socket, &shared, &slots) => {}
        }
        // From here the kernel refuses connections.
        drop(self.socket);
        // Stopped connections give their slots back at once, so this ends either way.
        let _ = slots.acquire_many(self.limits.connections).await;
    }
}

fn protocol(limits: &Limits) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    // Time-outs are the stream's, see `guard`. The number of headers stays hyper's 100, which it keeps
    // on the stack.
    protocol.header_read_timeout(None).max_header_size(limits.header_bytes).max_buf_size(limits.buffer_bytes);
    protocol
}

async fn accept<A: App>(socket: &TcpListener, shared: &Arc<Shared<A>>, slots: &Arc<Semaphore>) {
    let mut backoff = Backoff::default();
    loop {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return };
        let (stream, peer) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if let Some(pause) = backoff.after(&error) {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(pause).await;
                }
                continue;
            }
        };
        backoff = Backoff::default();
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let _slot = slot;
            let _open = Open::new(&*shared.app);
            let mut stopping = shared.draining.clone();
            tokio::select! {
                () = connection(stream, peer, &shared) => {}
                () = stopping.stopped() => {}
            }
        });
    }
}

/// How long to wait after accept failed.
#[derive(Debug, Default)]
struct Backoff {
    last: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(5);
    const LONGEST: Duration = Duration::from_secs(1);

    /// `None` where the error was that connection's own. Otherwise the process or the machine lacks
    /// something (descriptors, memory): asking again at once would spin.
    fn after(&mut self, error: &io::Error) -> Option<Duration> {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
            return None;
        }
        self.last = (self.last * 2).clamp(Self::FIRST, Self::LONGEST);
        Some(self.last)
    }
}

/// Counts a connection while it lives.
struct Open<'a, A: App>(&'a A);

impl<'a, A: App> Open<'a, A> {
    fn new(app: &'a A) -> Self {
        app.metrics().connection_opened();
        Self(app)
    }
}

impl<A: App> Drop for Open<'_, A> {
    fn drop(&mut self) {
        self.0.metrics().connection_closed();
    }
}

async fn connection<A: App>(stream: TcpStream, peer: SocketAddr, shared: &Shared<A>) {
    // Answers are written whole: waiting to join packets only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    let Some(acceptor) = &shared.tls else {
        return drive(stream, ConnectionFacts { peer, tls: None }, shared).await;
    };
    match tokio::time::timeout(shared.limits.handshake, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let version = match stream.get_ref().1.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "1.3",
                _ => "1.2",
            };
            drive(stream, ConnectionFacts { peer, tls: Some(TlsFacts { version }) }, shared).await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "TLS handshake timed out"),
    }
}

async fn drive<A: App, T>(stream: T, facts: ConnectionFacts, shared: &Shared<A>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send,
{
    let state = Arc::new(ConnectionState::new(Arc::clone(shared.app.metrics())));
    let service = service_fn(|request: http::Request<Incoming>| {
        state.request_began();
        let (app, state) = (Arc::clone(&shared.app), Arc::clone(&state));
        let stall = shared.limits.body_stall;
        let waits = request.headers().contains_key(EXPECT);
        let empty = request.body().is_end_stream();
        async move {
            let request = request.map(|body| RequestBody::new(body, Arc::clone(&state), stall));
            let answer = AssertUnwindSafe(app.call(request, facts)).catch_unwind().await;
            let mut answer = answer.unwrap_or_else(|_| broken());
            // A client that waits for `100 Continue` gets its answer without one. AWS's own client library, up to
            // botocore 1.43, misreads the next answer of that connection; so there is none.
            if waits && (empty || state.has_unread_body()) {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer.map(|body| Sent { body, connection: state }))
        }
    });
    let io = TokioIo::new(Guarded::new(stream, Arc::clone(&state), shared.limits));
    let mut served = shared.protocol.serve_connection(io, service);
    let mut draining = shared.draining.clone();
    let result = tokio::select! {
        biased;
        result = Pin::new(&mut served) => result,
        () = draining.draining() => {
            Pin::new(&mut served).graceful_shutdown();
            Pin::new(&mut served).await
        }
    };
    let refused = match &result {
        Ok(()) => false,
        Err(error) => {
            tracing::debug!(peer = %facts.peer, %error, "connection ended early");
            error.is_parse()
        }
    };
    if refused || state.has_unread_body() {
        linger(&mut served.into_parts().io.into_inner().into_inner(), shared.limits.linger).await;
    }
}

/// The answer in place of one that panicked; the panic itself stands on standard error.
fn broken() -> http::Response<ResponseBody> {
    const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>";
    tracing::error!("a request was given up: its handler panicked");
    let mut answer = http::Response::new(ResponseBody::from(XML));
    *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/xml"));
    answer
}

/// Closes our side, then reads and drops what the client still sends. Closing a socket that has unread bytes
/// resets the connection, and the reset can overtake the answer: a client in the middle of an upload would
/// see a broken pipe in place of its 403.
async fn linger<T: AsyncRead + AsyncWrite + Unpin>(stream: &mut T, limit: Duration) {
    let discard = async {
        let _ = poll_fn(|cx| Pin::new(&mut *stream).poll_shutdown(cx)).await;
        let mut space = vec![0; 16 * 1024];
        loop {
            let mut buf = ReadBuf::new(&mut space);
            let read = poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut buf)).await;
            if read.is_err() || buf.filled().is_empty() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(limit, discard).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_descriptors_is_waited_for() {
        let mut backoff = Backoff::default();
        let lack = io::Error::from_raw_os_error(24);
        let pauses: Vec<u128> = (0..10).filter_map(|_| backoff.after(&lack)).map(|p| p.as_millis()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(backoff.after(&io::ErrorKind::ConnectionAborted.into()), None, "the next may be fine");
    }
}
