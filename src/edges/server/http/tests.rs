//! Listeners over real sockets, with a toy app.

use super::tls::self_made;
use super::*;
use crate::edges::server::testing::TempDir;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_rustls::rustls;

/// Long enough that no test waits for it, short enough that a broken one ends.
const PATIENCE: Duration = Duration::from_secs(10);

pub(in crate::edges::server) struct Toy {
    metrics: Arc<Metrics>,
    /// `/slow` answers once there is a permit.
    pub(in crate::edges::server) gate: Arc<Semaphore>,
    /// A permit for each `/slow` that came in.
    pub(in crate::edges::server) entered: Arc<Semaphore>,
}

impl Default for Toy {
    fn default() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { metrics: Arc::default(), gate: closed(), entered: closed() }
    }
}

impl App for Toy {
    async fn call(&self, request: Request<RequestBody>, facts: ConnectionFacts) -> Response<ResponseBody> {
        let (head, body) = request.into_parts();
        let answer = |status: StatusCode, text: String| {
            let mut answer = Response::new(ResponseBody::from(text));
            *answer.status_mut() = status;
            answer
        };
        match head.uri.path() {
            "/facts" => answer(StatusCode::OK, format!("{:?} {}", facts.tls.map(|t| t.version), facts.peer.ip())),
            "/slow" => {
                self.entered.add_permits(1);
                let _permit = self.gate.acquire().await.expect("never closed");
                answer(StatusCode::OK, "slow".to_owned())
            }
            "/put" => match body.collect().await {
                Ok(body) => answer(StatusCode::OK, format!("got {}", body.to_bytes().len())),
                Err(BodyError::TimedOut) => answer(StatusCode::BAD_REQUEST, "RequestTimeout".to_owned()),
                Err(BodyError::Broken(_)) => answer(StatusCode::BAD_REQUEST, "IncompleteBody".to_owned()),
            },
            "/deny" => answer(StatusCode::FORBIDDEN, "denied".to_owned()),
            "/panic" => panic!("as the test wants it"),
            "/torn" => {
                let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("disk"))];
                Response::new(ResponseBody::stream(futures_util::stream::iter(pieces), Some(8)))
            }
            "/endless" => {
                let piece = Bytes::from(vec![7; 1 << 16]);
                Response::new(ResponseBody::stream(futures_util::stream::repeat_with(move || Ok(piece.clone())), None))
            }
            _ => answer(StatusCode::OK, "hello".to_owned()),
        }
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

struct Server {
    runtime: tokio::runtime::Runtime,
    address: SocketAddr,
    drain: Drain,
    app: Arc<Toy>,
    serving: tokio::task::JoinHandle<()>,
}

fn limits() -> Limits {
    Limits {
        header_read: PATIENCE,
        idle: PATIENCE,
        body_stall: PATIENCE,
        write_stall: PATIENCE,
        handshake: PATIENCE,
        linger: Duration::from_secs(2),
        ..Limits::default()
    }
}

impl Server {
    fn start(limits: Limits, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let socket = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = socket.local_addr().expect("bound");
        let (drain, app) = (Drain::default(), Arc::new(Toy::default()));
        let serving = runtime.spawn(Listener { socket, tls, limits }.serve(Arc::clone(&app), drain.watch()));
        Self { runtime, address, drain, app, serving }
    }

    fn connect(&self) -> Client {
        Client(connect(self.address))
    }

    /// The listener has ended, and with it every connection.
    fn ended(self) {
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, self.serving).await })
            .expect("ends")
            .expect("no panic");
    }

    fn wait_for_slow(&self) {
        let entered = Arc::clone(&self.app.entered);
        self.runtime.block_on(async move { entered.acquire().await.expect("never closed").forget() });
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("accepted");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream.set_nodelay(true).expect("no delay");
    stream
}

struct Client(TcpStream);

impl Client {
    fn send(&mut self, text: &str) -> &mut Self {
        self.0.write_all(text.as_bytes()).expect("sent");
        self
    }

    /// One answer with a `Content-Length`: status and body.
    fn answer(&mut self) -> (u16, String) {
        let (status, head) = self.head();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        self.0.read_exact(&mut body).expect("a body");
        (status, String::from_utf8(body).expect("text"))
    }

    fn head(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("a head");
            head.extend(byte);
        }
        let head = String::from_utf8(head).expect("text");
        (head[9..12].parse().expect("a status"), head)
    }

    /// What comes until the server closes.
    fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("closed in order");
        String::from_utf8_lossy(&rest).into_owned()
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn ok(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

#[test]
fn a_connection_is_kept_and_its_bytes_are_counted() {
    let server = Server::start(limits(), None);
    let mut client = server.connect();
    assert_eq!(client.send(&get("/facts")).answer(), ok("None 127.0.0.1"));
    assert_eq!(client.send("PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345").answer(), ok("got 5"));
    // Two requests in one packet.
    client.send(&(get("/") + &get("/facts")));
    assert_eq!(client.answer(), ok("hello"));
    assert_eq!(client.answer(), ok("None 127.0.0.1"));
    let text = server.app.metrics.render();
    assert!(text.contains("portcullis_received_bytes_total 5\n"), "{text}");
    assert!(text.contains("portcullis_sent_bytes_total 38\n"), "{text}");
    assert_eq!(server.app.metrics.connections(), 1);
}

#[test]
fn a_client_that_waits_for_100_is_told_to_go_on() {
    let server = Server::start(limits(), None);
    let mut client = server.connect();
    let head = "PUT /put HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(client.send(head).head().0, 100);
    assert_eq!(client.send("abc").answer(), ok("got 3"));
}

#[test]
fn an_answer_in_place_of_100_is_the_connections_last() {
    let server = Server::start(limits(), None);
    let head = "PUT /put HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let refused = head.replace("/put", "/deny");
    for (head, status, body) in [(head.replace(": 3", ": 0"), "200 OK", "got 0"), (refused, "403 Forbidden", "denied")]
    {
        let answer = server.connect().send(&head).rest();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
    }
}

#[test]
fn slow_heads_are_cut() {
    let server = Server::start(Limits { header_read: Duration::from_millis(250), ..limits() }, None);
    // Nothing at all, a piece, drops: the same time for all.
    assert_eq!(server.connect().rest(), "");
    assert_eq!(server.connect().send("GET / HT").rest(), "");
    let mut client = server.connect();
    let mut sent = 0;
    while sent < 1000 && client.0.write_all(b"G").is_ok() {
        sent += 1;
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(sent < 1000, "a byte now and then keeps no connection open");
    // The second head of a connection as well.
    let mut client = server.connect();
    assert_eq!(client.send(&get("/")).answer(), ok("hello"));
    assert_eq!(client.send("GET / HTTP/1.1\r\n").rest(), "");
}

#[test]
fn a_head_in_pieces_and_a_slow_answer_are_not_cut() {
    let server = Server::start(Limits { header_read: Duration::from_millis(300), ..limits() }, None);
    let mut client = server.connect();
    client.send("GET /slow HTTP/1.1\r\n");
    std::thread::sleep(Duration::from_millis(20));
    client.send("Host: x\r\n\r\n");
    server.wait_for_slow();
    std::thread::sleep(Duration::from_millis(400));
    server.app.gate.add_permits(1);
    assert_eq!(client.answer(), ok("slow"));
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(client.send(&get("/")).answer(), ok("hello"), "idle time is another");
}

#[test]
fn idle_connections_are_closed() {
    let server = Server::start(Limits { idle: Duration::from_millis(50), ..limits() }, None);
    let mut client = server.connect();
    assert_eq!(client.send(&get("/")).answer(), ok("hello"));
    assert_eq!(client.rest(), "");
}

#[test]
fn a_body_that_stalls_is_told_so() {
    let server = Server::start(Limits { body_stall: Duration::from_millis(60), ..limits() }, None);
    let mut client = server.connect();
    client.send("PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234");
    assert_eq!(client.answer(), (400, "RequestTimeout".to_owned()));
    assert_eq!(client.rest(), "");
    // Slow, but never silent for long.
    let server = Server::start(Limits { body_stall: Duration::from_millis(400), ..limits() }, None);
    let mut client = server.connect();
    client.send("PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
    for _ in 0..9 {
        std::thread::sleep(Duration::from_millis(60));
        client.send("x");
    }
    assert_eq!(client.answer(), ok("got 9"));
}

#[test]
fn a_body_that_ends_early_is_broken() {
    let server = Server::start(limits(), None);
    let mut client = server.connect();
    client.send("PUT /put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert_eq!(client.answer(), (400, "IncompleteBody".to_owned()));
}

#[test]
fn a_reader_that_takes_nothing_is_cut() {
    let server = Server::start(Limits { write_stall: Duration::from_millis(80), ..limits() }, None);
    let mut client = server.connect();
    assert_eq!(client.send(&get("/endless")).head().0, 200);
    let started = std::time::Instant::now();
    while server.app.metrics.connections() != 0 {
        assert!(started.elapsed() < PATIENCE, "the connection is still open");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_refused_upload_sees_its_answer() {
    let server = Server::start(limits(), None);
    let mut client = server.connect();
    let size = 8 << 20;
    client.send(&format!("PUT /deny HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"));
    // As most clients do: the whole body, then the answer.
    client.0.write_all(&vec![1; size]).expect("no reset while sending");
    assert_eq!(client.answer(), (403, "denied".to_owned()));
    drop(client);
    server.drain.start();
    server.ended();
}

#[test]
fn malformed_and_oversize_heads_are_refused() {
    let server = Server::start(limits(), None);
    let long = "a".repeat(70_000);
    let many = "x-many: 1\r\n".repeat(200);
    for (head, want) in [
        ("nonsense\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        ("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nx-long: {long}\r\n\r\n"), "HTTP/1.1 431"),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 4"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"), "HTTP/1.1 431"),
    ] {
        let mut client = server.connect();
        let rest = client.send(&head).rest();
        assert!(rest.starts_with(want), "{want}: {rest} for {}", &head[..40.min(head.len())]);
    }
    assert_eq!(server.connect().send(&get("/")).answer(), ok("hello"));
}

#[test]
fn a_panic_is_an_internal_error_and_the_connection_goes_on() {
    let server = Server::start(limits(), None);
    let mut client = server.connect();
    let (status, body) = client.send(&get("/panic")).answer();
    assert_eq!(status, 500);
    assert!(body.contains("<Code>InternalError</Code>"), "{body}");
    assert_eq!(client.send(&get("/")).answer(), ok("hello"));
}

#[test]
fn an_answer_that_breaks_off_is_seen_to() {
    let server = Server::start(limits(), None);
    let mut client = server.connect();
    let rest = client.send(&get("/torn")).rest();
    assert!(rest.matches("half").count() < 2, "{rest}");
    assert!(rest.is_empty() || rest.contains("content-length: 8\r\n"), "{rest}");
}

#[test]
fn connections_are_bounded() {
    let server = Server::start(Limits { connections: 2, ..limits() }, None);
    let mut first = server.connect();
    let mut second = server.connect();
    assert_eq!(first.send(&get("/")).answer(), ok("hello"));
    assert_eq!(second.send(&get("/")).answer(), ok("hello"));
    let mut third = server.connect();
    third.send(&get("/"));
    third.0.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
    assert!(third.0.peek(&mut [0]).is_err(), "the third waits");
    assert_eq!(server.app.metrics.connections(), 2);
    third.0.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    drop(first);
    assert_eq!(third.answer(), ok("hello"));
}

#[test]
fn draining_finishes_what_was_begun_and_takes_nothing_new() {
    let server = Server::start(limits(), None);
    let mut idle = server.connect();
    assert_eq!(idle.send(&get("/")).answer(), ok("hello"));
    let mut slow = server.connect();
    slow.send(&get("/slow"));
    server.wait_for_slow();
    server.drain.start();
    assert_eq!(idle.rest(), "", "an idle connection ends at once");
    let refused = (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        TcpStream::connect(server.address).is_err()
    });
    assert!(refused, "no new connections");
    server.app.gate.add_permits(1);
    let (status, head) = slow.head();
    assert_eq!(status, 200);
    assert!(head.contains("connection: close\r\n"), "{head}");
    assert_eq!(slow.rest(), "slow");
    server.ended();
}

#[test]
fn stopping_cuts_what_is_left() {
    let server = Server::start(limits(), None);
    let mut slow = server.connect();
    slow.send(&get("/slow"));
    server.wait_for_slow();
    server.drain.start();
    server.drain.stop();
    let mut rest = Vec::new();
    let _ = slow.0.read_to_end(&mut rest);
    assert_eq!(rest, b"");
    server.ended();
}

#[test]
fn a_self_made_certificate_serves_both_versions() {
    let dir = TempDir::new();
    let made = self_made(dir.path(), &["s3.localhost".to_owned()]).expect("made");
    let server = Server::start(limits(), Some(Arc::clone(&made.config)));
    let pem = std::fs::read(&made.cert).expect("readable");
    let mut roots = rustls::RootCertStore::empty();
    let cert = rustls::pki_types::pem::PemObject::from_pem_slice(&pem).expect("a certificate");
    roots.add(cert).expect("usable");
    for (version, name, shown) in [
        (&rustls::version::TLS13, "localhost", "1.3"),
        (&rustls::version::TLS12, "127.0.0.1", "1.2"),
        (&rustls::version::TLS13, "bucket.s3.localhost", "1.3"),
    ] {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = name.to_owned().try_into().expect("a name");
        let session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
        let mut client = rustls::StreamOwned::new(session, connect(server.address));
        let request = "GET /facts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        client.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("closed in order");
        assert!(answer.ends_with(&format!("Some(\"{shown}\") 127.0.0.1")), "{answer}");
        assert_eq!(client.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    }
    // Who does not speak TLS is cut, and so is who says nothing.
    let mut rest = Vec::new();
    let _ = server.connect().send(&get("/")).0.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"));
    let server = Server::start(Limits { handshake: Duration::from_millis(50), ..limits() }, Some(made.config));
    assert_eq!(server.connect().rest(), "");
}
