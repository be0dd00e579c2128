//! Binds, prepares, serves, drains.

use super::admin::Admin;
use super::http::tls::{self, TlsError};
use super::http::{App, Drain, Draining, Limits, Listener};
use super::settings::{Certificate, HostPort, ServeSettings, TlsSettings};
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Why the server did not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A listener's address cannot be taken.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: HostPort,
        /// The system's reason.
        source: io::Error,
    },
    /// The TLS listener has no usable certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What it serves cannot be opened.
    #[error("{0}")]
    Prepare(String),
    /// It was told to end before it was ready.
    #[error("told to end before it was ready")]
    Interrupted,
}

/// What the listeners serve.
#[derive(Debug)]
pub struct Apps<A, D> {
    /// The store, and what operators ask about.
    pub store: A,
    /// CloudFront's distributions.
    pub cloudfront: D,
}

/// A server that accepts requests.
#[derive(Clone, Debug)]
pub struct Started {
    /// The plain listener: the host as it was given, the port as it is.
    pub http: HostPort,
    /// The TLS listener.
    pub tls: Option<HostPort>,
    /// CloudFront's plain listener.
    pub cloudfront: Option<HostPort>,
    /// CloudFront's TLS listener.
    pub cloudfront_tls: Option<HostPort>,
    /// The admin listener.
    pub admin: Option<HostPort>,
    /// The self-made certificate, which clients are told to trust.
    pub certificate: Option<PathBuf>,
    /// Hosts that an earlier self-made certificate does not stand for.
    pub lacking: Vec<String>,
}

/// Serves until `stop` gives a message, or is closed, and returns the store's app, which no connection uses any more.
///
/// Addresses are taken first, then `prepare` makes the apps, then connections are accepted and `announce` is
/// called. At the first message of `stop` no connection is accepted any more, and open requests have
/// [`ServeSettings::drain`] to end; a second message ends them at once. The admin listener lives until all of them
/// have ended.
///
/// # Errors
/// An address that cannot be taken, a certificate that cannot be used, what `prepare` says.
pub async fn run<A, D, P, F>(
    settings: Arc<ServeSettings>,
    prepare: P,
    announce: impl FnOnce(&Started) + Send,
    mut stop: mpsc::Receiver<()>,
) -> Result<Arc<A>, ServeError>
where
    A: App,
    D: App,
    P: FnOnce(Arc<ServeSettings>) -> F,
    F: Future<Output = Result<Apps<A, D>, ServeError>>,
{
    let store_sockets = Sockets::bind(Some(&settings.listen), settings.tls.as_ref()).await?;
    let door_sockets = Sockets::bind(settings.cloudfront.listen.as_ref(), settings.cloudfront.tls.as_ref()).await?;
    let admin = bind_some(settings.admin.as_ref()).await?;
    let apps = tokio::select! {
        apps = prepare(Arc::clone(&settings)) => apps?,
        _ = stop.recv() => return Err(ServeError::Interrupted),
    };
    let app = Arc::new(apps.store);

    let mut started = Started {
        http: store_sockets.http_at().unwrap_or_else(|| settings.listen.clone()),
        tls: store_sockets.tls_at(),
        cloudfront: door_sockets.http_at(),
        cloudfront_tls: door_sockets.tls_at(),
        admin: None,
        certificate: None,
        lacking: Vec::new(),
    };
    let drain = Drain::default();
    let mut serving = JoinSet::new();
    for listener in store_sockets.listeners(&settings, &mut started)? {
        serving.spawn(listener.serve(Arc::clone(&app), drain.watch()));
    }
    let door = Arc::new(apps.cloudfront);
    for listener in door_sockets.listeners(&settings, &mut started)? {
        serving.spawn(listener.serve(Arc::clone(&door), drain.watch()));
    }
    let admin = admin.map(|(socket, address)| {
        started.admin = Some(address);
        AdminTask::start(socket, Arc::clone(&app), drain.watch())
    });
    announce(&started);

    let _ = stop.recv().await;
    tracing::info!(connections = app.metrics().connections(), "draining");
    drain.start();
    tokio::select! {
        () = all(&mut serving) => {}
        () = tokio::time::sleep(settings.drain) => tracing::warn!("requests were cut: the time to drain is over"),
        Some(()) = stop.recv() => tracing::warn!("requests were cut: told to end a second time"),
    }
    drain.stop();
    all(&mut serving).await;
    if let Some(admin) = admin {
        admin.end().await;
    }
    Ok(app)
}

/// The sockets of one app: plain, TLS, both or none.
struct Sockets {
    http: Option<(TcpListener, HostPort)>,
    tls: Option<(TcpListener, HostPort, Certificate)>,
}

impl Sockets {
    async fn bind(http: Option<&HostPort>, tls: Option<&TlsSettings>) -> Result<Self, ServeError> {
        let http = bind_some(http).await?;
        let tls = match tls {
            Some(tls) => {
                let (socket, address) = bind(&tls.listen).await?;
                Some((socket, address, tls.certificate.clone()))
            }
            None => None,
        };
        Ok(Self { http, tls })
    }

    fn http_at(&self) -> Option<HostPort> {
        self.http.as_ref().map(|(_, address)| address.clone())
    }

    fn tls_at(&self) -> Option<HostPort> {
        self.tls.as_ref().map(|(_, address, _)| address.clone())
    }

    fn listeners(self, settings: &ServeSettings, started: &mut Started) -> Result<Vec<Listener>, ServeError> {
        let limits = settings.limits();
        let mut listeners = Vec::new();
        if let Some((socket, _)) = self.http {
            listeners.push(Listener { socket, tls: None, limits });
        }
        if let Some((socket, _, certificate)) = self.tls {
            let config = match certificate {
                Certificate::Files { cert, key } => tls::from_files(&cert, &key)?,
                Certificate::SelfMade => {
                    let made = tls::self_made(&settings.data, &settings.certificate_hosts())?;
                    started.certificate = Some(made.cert);
                    started.lacking = made.lacking;
                    made.config
                }
            };
            listeners.push(Listener { socket, tls: Some(config), limits });
        }
        Ok(listeners)
    }
}

async fn bind_some(address: Option<&HostPort>) -> Result<Option<(TcpListener, HostPort)>, ServeError> {
    match address {
        Some(address) => bind(address).await.map(Some),
        None => Ok(None),
    }
}

async fn all(serving: &mut JoinSet<()>) {
    while serving.join_next().await.is_some() {}
}

/// Takes an address; with port 0, says which port it became.
async fn bind(address: &HostPort) -> Result<(TcpListener, HostPort), ServeError> {
    let failed = |source| ServeError::Bind { address: address.clone(), source };
    let socket = TcpListener::bind((address.host.as_str(), address.port)).await.map_err(failed)?;
    let port = socket.local_addr().map_err(failed)?.port();
    Ok((socket, address.with_port(port)))
}

/// The admin listener, which outlives the others: `/readyz` tells that they drain.
struct AdminTask {
    drain: Drain,
    serving: JoinSet<()>,
}

impl AdminTask {
    fn start<A: App>(socket: TcpListener, app: Arc<A>, draining: Draining) -> Self {
        let drain = Drain::default();
        let mut serving = JoinSet::new();
        let listener = Listener { socket, tls: None, limits: Limits { connections: 64, ..Limits::default() } };
        serving.spawn(listener.serve(Arc::new(Admin::new(app, draining)), drain.watch()));
        Self { drain, serving }
    }

    async fn end(mut self) {
        self.drain.stop();
        all(&mut self.serving).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::server::http::Toy;
    use crate::edges::server::settings::{CloudFrontSettings, LogFormat};
    use crate::edges::server::testing::TempDir;
    use crate::edges::server::trail::TrailSettings;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::Duration;
    use tokio::sync::Semaphore;

    fn settings(data: &TempDir, drain: Duration) -> ServeSettings {
        let free = HostPort::parse("127.0.0.1:0").expect("an address");
        ServeSettings {
            root_keys: crate::edges::server::root_keys::RootKeySettings::default(),
            data: data.path().to_owned(),
            listen: free.clone(),
            tls: Some(TlsSettings { listen: free.clone(), certificate: Certificate::SelfMade }),
            cloudfront: CloudFrontSettings { listen: Some(free.clone()), tls: None, cache_bytes: 0 },
            admin: Some(free),
            world: Vec::new(),
            strict: false,
            region: "us-east-1".to_owned(),
            any_region: false,
            host_suffixes: vec!["localhost".to_owned()],
            trusted_proxies: Vec::new(),
            allow_sigv2: false,
            allow_insecure_secrets: false,
            max_object_bytes: 1,
            max_connections: 8,
            upload_expiry_days: None,
            drain,
            log_format: LogFormat::Text,
            oidc_keys: Vec::new(),
            trail: TrailSettings::default(),
        }
    }

    struct Running {
        started: Started,
        gate: Arc<Semaphore>,
        entered: Arc<Semaphore>,
        stop: mpsc::Sender<()>,
        served: std::thread::JoinHandle<Result<(), ServeError>>,
    }

    fn start(drain: Duration) -> (Running, TempDir) {
        let dir = TempDir::new();
        let settings = Arc::new(settings(&dir, drain));
        let (stop, told) = mpsc::channel(2);
        let (tell, hear) = std::sync::mpsc::channel();
        let toy = Toy::default();
        let (gate, entered) = (Arc::clone(&toy.gate), Arc::clone(&toy.entered));
        let served = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let announce = move |started: &Started| tell.send(started.clone()).expect("heard");
            runtime.expect("a runtime").block_on(async {
                run(settings, async |_| Ok(Apps { store: toy, cloudfront: Toy::default() }), announce, told)
                    .await
                    .map(drop)
            })
        });
        let started = hear.recv_timeout(Duration::from_secs(10)).expect("ready");
        (Running { started, gate, entered, stop, served }, dir)
    }

    fn ask(at: &HostPort, method: &str, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect((at.host.as_str(), at.port)).expect("accepted");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        stream
    }

    fn answer(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("closed in order");
        text
    }

    #[test]
    fn the_operators_listener_sees_the_drain_and_outlives_it() {
        let (server, _dir) = start(Duration::from_secs(10));
        let admin = server.started.admin.clone().expect("an admin listener");
        let status = |method: &str, path: &str| answer(ask(&admin, method, path))[9..12].to_owned();
        assert_eq!(status("GET", "/livez"), "200");
        assert_eq!(status("HEAD", "/readyz"), "200");
        assert_eq!(status("POST", "/readyz"), "405");
        assert_eq!(status("GET", "/"), "404");
        let metrics = answer(ask(&admin, "GET", "/metrics"));
        assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
        assert!(metrics.ends_with("# EOF\n"), "{metrics}");
        let door = server.started.cloudfront.clone().expect("CloudFront's listener");
        assert!(answer(ask(&door, "GET", "/")).ends_with("hello"));
        let slow = ask(&server.started.http, "GET", "/slow");
        while server.entered.available_permits() == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        server.stop.blocking_send(()).expect("running");
        while status("GET", "/readyz") != "503" {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(status("GET", "/livez"), "200");
        server.gate.add_permits(1);
        assert!(answer(slow).ends_with("slow"));
        server.served.join().expect("no panic").expect("ended in order");
    }

    #[test]
    fn the_time_to_drain_is_bounded() {
        let (server, _dir) = start(Duration::from_millis(50));
        let mut slow = ask(&server.started.http, "GET", "/slow");
        server.stop.blocking_send(()).expect("running");
        server.served.join().expect("no panic").expect("ended");
        let mut rest = Vec::new();
        let _ = slow.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }

    #[test]
    fn a_second_word_ends_it_at_once() {
        let (server, _dir) = start(Duration::from_hours(1));
        let _slow = ask(&server.started.http, "GET", "/slow");
        server.stop.blocking_send(()).expect("running");
        server.stop.blocking_send(()).expect("draining");
        server.served.join().expect("no panic").expect("ended");
    }

    #[test]
    fn a_taken_port_is_an_error_before_anything_is_made() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let dir = TempDir::new();
        let mut settings = settings(&dir, Duration::ZERO);
        settings.listen.port = taken.local_addr().expect("bound").port();
        let address = settings.listen.to_string();
        let (_stop, told) = mpsc::channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let prepare = async |_| -> Result<Apps<Toy, Toy>, ServeError> { panic!("nothing is prepared") };
        let error = runtime.block_on(run(Arc::new(settings), prepare, |_| (), told)).err().expect("taken");
        assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn what_cannot_be_prepared_is_not_served() {
        let dir = TempDir::new();
        let (_stop, told) = mpsc::channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let prepare = async |_| -> Result<Apps<Toy, Toy>, ServeError> { Err(ServeError::Prepare("locked".to_owned())) };
        let announce = |_: &Started| panic!("it is not ready");
        let error = runtime.block_on(run(Arc::new(settings(&dir, Duration::ZERO)), prepare, announce, told)).err();
        assert_eq!(error.map(|e| e.to_string()).as_deref(), Some("locked"));
    }
}
