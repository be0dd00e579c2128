//! Requests over the wire: signed, sent, answered in whole, tried again where that may help.

use super::xml::Element;
use super::{ClientError, Credentials};
use crate::edges::server::auth::{Algorithm, Hasher, Signer, hex};
use crate::edges::server::open::system_clock;
use crate::words::moment;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take beyond the time that the request's bytes need on a slow line.
const PATIENCE: Duration = Duration::from_mins(1);
/// The slowest line that is waited for, in bytes a second.
const SLOWEST: u64 = 32 * 1024;
/// The longest answer: a piece of an object, or a page of a listing.
const LONGEST_ANSWER: usize = 64 << 20;
/// The first pause before another try; it doubles, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    authority: String,
    secure: bool,
}

impl Endpoint {
    /// Reads `http://HOST[:PORT]` or `https://HOST[:PORT]`.
    ///
    /// # Errors
    /// [`ClientError::Setting`] for everything else; a path would not be part of the signature that S3 computes.
    pub fn parse(url: &str) -> Result<Self, ClientError> {
        let refused = |why: &str| ClientError::Setting(format!("`{url}` is no address of a service: {why}"));
        let uri: http::Uri = url.parse().map_err(|_| refused("it is no URL"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refused("it begins with neither http:// nor https://")),
        };
        let authority = uri.authority().ok_or_else(|| refused("it names no host"))?;
        if authority.as_str().contains('@') {
            // Not repeated: there is a password in it.
            return Err(ClientError::Setting(
                "this is no address of a service: names and passwords are not sent".to_owned(),
            ));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(refused("there is something behind the host"));
        }
        Ok(Self { authority: authority.to_string(), secure })
    }

    /// AWS's own endpoint of a service in a region.
    ///
    /// # Errors
    /// [`ClientError::Setting`] for a region that is no word.
    pub fn of_aws(service: &str, region: &str) -> Result<Self, ClientError> {
        match service {
            // AWS: one for all regions.
            "iam" => Self::parse("https://iam.amazonaws.com"),
            _ => Self::parse(&format!("https://{service}.{region}.amazonaws.com")),
        }
    }

    /// Where a service is for a program that is told `url`; without it as `AWS_ENDPOINT_URL_KMS`, for example, or
    /// `AWS_ENDPOINT_URL` say, or AWS's own.
    ///
    /// # Errors
    /// [`ClientError::Setting`] for what is no address.
    pub fn of_environment(service: &str, url: Option<&str>, region: &str) -> Result<Self, ClientError> {
        Self::given(service, url).map_or_else(|| Self::of_aws(service, region), |url| Self::parse(&url))
    }

    /// The URL of a service: the one that is given, or that of `AWS_ENDPOINT_URL_S3` and its kin, or that of
    /// `AWS_ENDPOINT_URL`; `None`: AWS's own is meant.
    #[must_use]
    pub fn given(service: &str, url: Option<&str>) -> Option<String> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let own = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
        url.map(str::to_owned).or_else(|| variable(&own)).or_else(|| variable("AWS_ENDPOINT_URL"))
    }

    /// Whether nobody on the way can read along: over TLS, or within this machine.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        self.secure || host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

/// Whom a client asks, and as whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where S3 is. Buckets stand in the path.
    pub s3: Endpoint,
    /// Where the key service is.
    pub kms: Endpoint,
    /// Where identities are managed.
    pub iam: Endpoint,
    /// Where sessions are given out.
    pub sts: Endpoint,
    /// The region of the signatures.
    pub region: String,
    /// Who signs.
    pub credentials: Credentials,
    /// Certificates in PEM form that are trusted in place of the system's.
    pub ca: Option<Vec<u8>>,
    /// How often a request is sent before its failure counts; at least 1.
    pub attempts: u32,
}

/// An S3 client. Clones share connections.
#[derive(Clone)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    http: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(super) settings: Settings,
}

/// A service that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    S3,
    Kms,
    Iam,
    Sts,
}

impl Service {
    /// Its name in signatures.
    fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Kms => "kms",
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }
}

/// A request before it is signed.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) service: Service,
    pub(super) method: Method,
    /// Path and query, encoded.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn s3(method: Method, target: String) -> Self {
        Self { service: Service::S3, method, target, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Adds a header.
    ///
    /// # Errors
    /// [`ClientError::Setting`] for what a header cannot carry.
    pub(super) fn header(mut self, name: &str, value: &str) -> Result<Self, ClientError> {
        let refused = || ClientError::Setting(format!("`{name}: {value}` cannot be sent as a header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        // Other than in ASCII, services read different characters.
        let value = HeaderValue::from_str(value).ok().filter(|v| v.to_str().is_ok()).ok_or_else(refused)?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sends these bytes, with their checksum where they are an object's.
    pub(super) fn body(mut self, body: Bytes, checksum: Option<&str>) -> Result<Self, ClientError> {
        self.body = body;
        match checksum {
            Some(checksum) => self.header(CHECKSUM.header(), checksum),
            None => Ok(self),
        }
    }
}

/// The checksum that objects are sent and stored with: S3's own choice, which combines over parts.
pub(super) const CHECKSUM: Algorithm = Algorithm::Crc64Nvme;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn xml(&self) -> Result<Element, ClientError> {
        Element::parse(&self.body)
    }
}

/// What a try came to.
enum Failure {
    /// Another try may help.
    Again(ClientError),
    Final(ClientError),
}

impl Client {
    /// A client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Setting`] where no certificate can be trusted.
    pub fn new(settings: Settings) -> Result<Self, ClientError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(&settings)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .set_host(false)
            .build(https);
        Ok(Self { shared: Arc::new(Shared { http, settings }) })
    }

    /// Where S3 is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.settings.s3
    }

    /// Sends a request until it is answered with success, or nothing helps.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, ClientError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..self.shared.settings.attempts.max(1) {
            match self.once(call).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Again(_)) => {
                    tokio::time::sleep(scattered(pause)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        self.once(call).await.map_err(|failure| match failure {
            Failure::Again(error) | Failure::Final(error) => error,
        })
    }

    async fn once(&self, call: &Call) -> Result<Answer, Failure> {
        let endpoint = self.endpoint_of(call.service);
        let lost = |reason: String| Failure::Again(ClientError::Unreachable { address: endpoint.url(), reason });
        let request = self.signed(call, endpoint).map_err(Failure::Final)?;
        let slow_line = Duration::from_secs(call.body.len() as u64 / SLOWEST);
        let head = tokio::time::timeout(PATIENCE + slow_line, self.shared.http.request(request)).await;
        let head = head.map_err(|_| lost("no answer in time".to_owned()))?.map_err(|e| lost(reasons(&e)))?;
        let body_time = PATIENCE + Duration::from_secs(LONGEST_ANSWER as u64 / SLOWEST);
        let answer = tokio::time::timeout(body_time, whole(head)).await;
        let answer = answer.map_err(|_| lost("the answer did not end in time".to_owned()))?.map_err(lost)?;
        judged(call, answer)
    }

    fn endpoint_of(&self, service: Service) -> &Endpoint {
        match service {
            Service::S3 => &self.shared.settings.s3,
            Service::Kms => &self.shared.settings.kms,
            Service::Iam => &self.shared.settings.iam,
            Service::Sts => &self.shared.settings.sts,
        }
    }

    fn signed(&self, call: &Call, endpoint: &Endpoint) -> Result<Request<Full<Bytes>>, ClientError> {
        let settings = &self.shared.settings;
        let now = system_clock().div_euclid(1000);
        let date = moment::basic(now).ok_or_else(|| ClientError::Setting("the clock is wrong".to_owned()))?;
        // TLS protects the payload, and the checksum is signed; hashing it too would only cost time.
        let unsigned = endpoint.secure && call.service == Service::S3 && call.headers.contains_key(CHECKSUM.header());
        let payload =
            if unsigned { "UNSIGNED-PAYLOAD".to_owned() } else { hex(Hasher::of(Algorithm::Sha256, &call.body).raw()) };
        let mut call = call.clone();
        call = call.header("host", &endpoint.authority)?;
        call = call.header("x-amz-date", &date)?;
        call = call.header("x-amz-content-sha256", &payload)?;
        if let Some(token) = &settings.credentials.session_token {
            call = call.header("x-amz-security-token", token)?;
        }
        let signer = Signer {
            access_key_id: &settings.credentials.access_key_id,
            secret: &settings.credentials.secret,
            session_token: None,
            region: &settings.region,
            service: call.service.name(),
        };
        let authorization = signer
            .authorization(call.method.as_str(), &call.target, &call.headers, now)
            .map_err(|e| ClientError::Setting(e.message.into_owned()))?;
        call = call.header("authorization", &authorization)?;
        if matches!(call.method, Method::PUT | Method::POST) {
            // An empty body has none of its own, and stores want one.
            let length = call.body.len().to_string();
            call = call.header("content-length", &length)?;
        }
        let uri = format!("{}{}", endpoint.url(), call.target);
        let mut request = Request::new(Full::new(call.body));
        *request.uri_mut() = uri.parse().map_err(|_| ClientError::Setting(format!("`{uri}` cannot be asked for")))?;
        *request.method_mut() = call.method;
        *request.headers_mut() = call.headers;
        Ok(request)
    }
}

async fn whole(head: Response<Incoming>) -> Result<Answer, String> {
    let (parts, body) = head.into_parts();
    let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(|e| reasons(e.as_ref()))?.to_bytes();
    Ok(Answer { status: parts.status, headers: parts.headers, body })
}

/// Success, or the service's refusal. A completion is answered with 200 before it is known to succeed.
fn judged(call: &Call, answer: Answer) -> Result<Answer, Failure> {
    let late = call.method == Method::POST && call.service == Service::S3 && answer.body.trim_ascii().starts_with(b"<");
    let late = late && answer.xml().is_ok_and(|document| document.name == "Error");
    if answer.status.is_success() && !late {
        return Ok(answer);
    }
    let error = refusal(&answer, call.service);
    let again = match &error {
        ClientError::Refused { status, code, .. } => {
            matches!(status, 429 | 500 | 502 | 503 | 504)
                || matches!(
                    code.as_str(),
                    "InternalError" | "RequestTimeout" | "SlowDown" | "ServiceUnavailable" | "ThrottlingException"
                )
        }
        _ => false,
    };
    Err(if again { Failure::Again(error) } else { Failure::Final(error) })
}

fn refusal(answer: &Answer, service: Service) -> ClientError {
    let status = answer.status.as_u16();
    let (code, message, in_body) = match service {
        Service::S3 => answer.xml().ok().map(|e| (e.text("Code"), e.text("Message"), e.text("RequestId"))),
        Service::Kms => serde_json::from_slice::<serde_json::Value>(&answer.body).ok().map(|document| {
            let text = |name: &str| document.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
            let code = text("__type");
            let code = code.rsplit('#').next().unwrap_or_default().to_owned();
            (code, text("message") + &text("Message"), String::new())
        }),
        Service::Iam | Service::Sts => answer.xml().ok().map(|document| {
            let error = document.all("Error").next();
            let text = |name: &str| error.map(|e| e.text(name)).unwrap_or_default();
            (text("Code"), text("Message"), document.text("RequestId"))
        }),
    }
    .unwrap_or_default();
    let request_id = answer.header("x-amz-request-id").or_else(|| answer.header("x-amzn-requestid"));
    let request_id = request_id.map_or(in_body, str::to_owned);
    let (plain_code, plain) = plain(answer.status);
    let code = if code.is_empty() { plain_code.to_owned() } else { code };
    let message = if message.is_empty() { plain.to_owned() } else { message };
    ClientError::Refused { status, code, message, request_id }
}

/// What an answer without a body means: those to HEAD have none.
fn plain(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        301 | 307 => ("PermanentRedirect", "The bucket is in another region or at another endpoint."),
        400 => ("BadRequest", "The service did not take the request."),
        403 => ("AccessDenied", "Access Denied"),
        404 => ("NotFound", "There is no such bucket or key."),
        412 => ("PreconditionFailed", "The object changed meanwhile."),
        500.. => ("InternalError", "The service failed."),
        _ => ("Refused", "The service refused the request."),
    }
}

/// All that an error says of its causes.
fn reasons(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.extend([": ", &more]);
        }
        cause = error.source();
    }
    text
}

/// Somewhere between half of a pause and the whole, so that those who failed together do not come back together.
fn scattered(pause: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    let _ = aws_lc_rs::rand::fill(&mut byte);
    pause / 2 + pause / 2 * u32::from(byte[0]) / 255
}

fn tls(settings: &Settings) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &settings.ca {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let unusable = |why: String| ClientError::Setting(format!("a certificate to trust cannot be used: {why}"));
            let certificate = certificate.map_err(|e| unusable(e.to_string()))?;
            roots.add(certificate).map_err(|e| unusable(e.to_string()))?;
        }
        if roots.is_empty() {
            return Err(ClientError::Setting("the file of certificates to trust holds none".to_owned()));
        }
    } else if [&settings.s3, &settings.kms, &settings.iam, &settings.sts].iter().any(|e| e.secure) {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|e| ClientError::Setting(e.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_read_along() {
        for (url, private) in [
            ("https://kms.example", true),
            ("http://localhost:1", true),
            ("http://127.0.0.1:9000", true),
            ("http://[::1]:9000", true),
            ("http://kms.example", false),
            ("http://10.0.0.1:9000", false),
            ("http://localhost.example:1", false),
        ] {
            assert_eq!(Endpoint::parse(url).expect("an address").is_private(), private, "{url}");
        }
    }

    #[test]
    fn endpoints_are_a_scheme_and_a_host() {
        for (url, shown) in [
            ("http://127.0.0.1:9000", Some("http://127.0.0.1:9000")),
            ("https://s3.example.test/", Some("https://s3.example.test")),
            ("ftp://x", None),
            ("127.0.0.1:9000", None),
            ("http://u:p@x", None),
            ("http://x/path", None),
            ("http://x/?q", None),
            ("", None),
        ] {
            let read = Endpoint::parse(url);
            assert_eq!(read.as_ref().ok().map(Endpoint::url).as_deref(), shown, "{url}");
            if let Err(error) = read {
                let error = error.to_string();
                assert!(error.contains("is no address of a service") && !error.contains("u:p"), "{error}");
            }
        }
        let aws = Endpoint::of_aws("kms", "eu-west-1").map(|e| e.url());
        assert_eq!(aws.ok().as_deref(), Some("https://kms.eu-west-1.amazonaws.com"));
    }

    fn answered(method: Method, status: u16, body: &'static str) -> Result<u16, (bool, String)> {
        let call = Call::s3(method, "/b/k?uploads".to_owned());
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = Answer { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) };
        match judged(&call, answer) {
            Ok(answer) => Ok(answer.status.as_u16()),
            Err(Failure::Again(error)) => Err((true, error.to_string())),
            Err(Failure::Final(error)) => Err((false, error.to_string())),
        }
    }

    #[test]
    fn what_is_tried_again_and_what_is_final() {
        let slow = "<Error><Code>SlowDown</Code><Message>Reduce.</Message></Error>";
        assert_eq!(answered(Method::GET, 206, "x"), Ok(206));
        assert_eq!(answered(Method::PUT, 503, slow), Err((true, "SlowDown: Reduce.".to_owned())));
        assert_eq!(answered(Method::POST, 200, slow), Err((true, "SlowDown: Reduce.".to_owned())));
        assert_eq!(answered(Method::GET, 200, slow), Ok(200), "an object may be any text");
        assert_eq!(answered(Method::HEAD, 403, ""), Err((false, "AccessDenied: Access Denied".to_owned())));
        let late = "<Error><Code>RequestTimeout</Code><Message>m</Message></Error>";
        assert_eq!(answered(Method::PUT, 400, late), Err((true, "RequestTimeout: m".to_owned())));
        assert_eq!(answered(Method::PUT, 502, "<html>"), Err((true, "InternalError: The service failed.".to_owned())));
    }

    #[test]
    fn headers_carry_ascii_only() {
        let call = || Call::s3(Method::PUT, "/".to_owned());
        assert!(call().header("x-amz-meta-a", "plain text").is_ok());
        for bad in ["line\nbreak", "é"] {
            assert!(call().header("x-amz-meta-a", bad).is_err(), "{bad:?}");
        }
        assert!(call().header("bad name", "x").is_err());
    }

    /// A service of one connection for each request, which answers so, one after the other.
    fn service(answers: &'static [&'static str]) -> (Client, std::thread::JoinHandle<Vec<String>>) {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().expect("a port"))).expect("a URL");
        let served = std::thread::spawn(move || {
            let mut heads = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut head = [0; 4096];
                let length = stream.read(&mut head).expect("a head");
                heads.push(String::from_utf8_lossy(&head[..length]).into_owned());
                stream.write_all(answer.as_bytes()).expect("taken");
            }
            heads
        });
        let credentials =
            Credentials { access_key_id: "AK".to_owned(), secret: "s".to_owned().into(), session_token: None };
        let [s3, kms, iam, sts] = std::array::from_fn(|_| endpoint.clone());
        let region = "us-east-1".to_owned();
        let settings = Settings { s3, kms, iam, sts, region, credentials, ca: None, attempts: 4 };
        (Client::new(settings).expect("settings"), served)
    }

    #[test]
    fn a_service_that_fails_at_first_is_asked_again_and_no_more_often_than_allowed() {
        const FAILED: &str = "HTTP/1.1 503 Slow\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        const CUT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhalf";
        const GOOD: &str = "HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let put = |answers| {
            let (client, served) = service(answers);
            let body = Bytes::from_static(b"body");
            let done = runtime.block_on(client.put_object(
                "b",
                "k",
                &crate::edges::client::objects::Attributes::default(),
                body,
            ));
            (done, served.join().expect("served"))
        };
        let (done, heads) = put(&[FAILED, CUT, "", GOOD]);
        done.expect("the fourth time");
        for head in heads {
            assert!(head.starts_with("PUT /b/k HTTP/1.1\r\n"), "{head}");
            assert!(head.contains("x-amz-checksum-crc64nvme: ") && head.contains("authorization: AWS4-HMAC-SHA256 "));
        }
        let (done, _) = put(&[FAILED; 4]);
        assert_eq!(done.expect_err("four times").to_string(), "InternalError: The service failed.");
    }
}
