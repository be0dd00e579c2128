//! A real server in a process of its own, and a plain HTTP client that signs as it is told. What the server's
//! tests share.
#![allow(dead_code, reason = "each test program uses its own part of this")]

pub mod issuer;

use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis::edges::server::auth::Signer;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A directory that goes away with its owner.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("portcullis-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server process; killed when dropped.
pub struct Server {
    pub address: String,
    pub child: Child,
}

impl Server {
    /// Starts `portcullis serve` on a free port, with these further arguments.
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_with(data, arguments, &[])
    }

    /// As [`Self::start`], with environment variables.
    pub fn start_with(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let shown = std::env::var_os("SHOW_SERVER").is_some();
        Self::start_logged(data, arguments, environment, if shown { Stdio::inherit() } else { Stdio::null() })
    }

    /// As [`Self::start_with`], with a place for what it logs.
    pub fn start_logged(data: &Path, arguments: &[&str], environment: &[(&str, &str)], log: Stdio) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("ready http://").unwrap_or_else(|| panic!("not ready: {line:?}"));
        Self { address: address.to_owned(), child }
    }

    /// Starts a server over a new data directory that this world seeds.
    pub fn of_world(directory: &TempDir, world: &str, arguments: &[&str]) -> Self {
        let file = directory.path().join("world.json");
        std::fs::write(&file, world).expect("writable");
        let file = file.to_str().expect("a path of text").to_owned();
        let mut all = vec!["-w", file.as_str()];
        all.extend(arguments);
        Self::start(&directory.path().join("data"), &all)
    }

    /// Ends it at once, as a power cut would end the process.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A client without keys.
    pub fn anonymous(&self) -> Client {
        Client { address: self.address.clone(), keys: None, service: "s3", headers: Vec::new() }
    }

    /// A client with these keys.
    pub fn client(&self, id: &str, secret: &str) -> Client {
        Client { keys: Some((id.to_owned(), secret.to_owned())), ..self.anonymous() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Small hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// A form of the query protocol.
pub fn form(action: &str, parameters: &[(&str, &str)]) -> String {
    parameters.iter().fold(format!("Action={action}"), |mut out, (name, value)| {
        let _ = write!(out, "&{name}={}", encoded(value));
        out
    })
}

/// A value of a form or a query.
pub fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        let _ = if b.is_ascii_alphanumeric() { write!(out, "{}", char::from(b)) } else { write!(out, "%{b:02X}") };
        out
    })
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("a small number")
}

/// Somebody who sends requests, each over a connection of its own.
#[derive(Clone)]
pub struct Client {
    pub address: String,
    pub keys: Option<(String, String)>,
    /// The service that requests are signed for.
    pub service: &'static str,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The text of the first element of this name.
    pub fn element(&self, name: &str) -> String {
        let text = self.text();
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let found = text.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
        found.map(|(inner, _)| inner.to_owned()).unwrap_or_default()
    }

    /// S3's error code; empty where there is none.
    pub fn code(&self) -> String {
        if self.status < 300 { String::new() } else { self.element("Code") }
    }
}

impl Client {
    /// The same client, for another service.
    pub fn of_service(&self, service: &'static str) -> Self {
        Self { service, ..self.clone() }
    }

    fn signer(&self) -> Option<Signer<'_>> {
        let (access_key_id, secret) = self.keys.as_ref()?;
        Some(Signer { access_key_id, secret, session_token: None, region: "us-east-1", service: self.service })
    }

    /// Sends a request; `path` is the raw path and query.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let head = self.head(method, path, headers, body);
        raw(&self.address, &head, body)
    }

    /// The head of a request, signed where there are keys.
    pub fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut map = HeaderMap::new();
        let own = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        if !map.contains_key("host") {
            map.insert("host", HeaderValue::from_str(&self.address).expect("a host"));
        }
        if let Some(signer) = self.signer() {
            let now = now();
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
            let hash = hex(digest.as_ref());
            let date = chrono::DateTime::from_timestamp(now, 0).expect("a time").format("%Y%m%dT%H%M%SZ").to_string();
            map.entry("x-amz-content-sha256").or_insert(HeaderValue::from_str(&hash).expect("hex"));
            map.insert("x-amz-date", HeaderValue::from_str(&date).expect("digits"));
            let signed = signer.authorization(method, path, &map, now).expect("signable");
            map.insert("authorization", HeaderValue::from_str(&signed).expect("text"));
        }
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in &map {
            let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
        }
        if !map.contains_key("content-length") && !map.contains_key("transfer-encoding") {
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        head.push_str("connection: close\r\n\r\n");
        head
    }

    /// A presigned path and query.
    pub fn presigned(&self, method: &str, path: &str, headers: &[(&str, &str)], expires: u32, at: i64) -> String {
        let url = format!("http://{}{path}", self.address);
        let signed = self.signer().expect("keys").presign(method, &url, headers, expires, at).expect("signable");
        signed.strip_prefix(&format!("http://{}", self.address)).expect("the same host").to_owned()
    }

    /// The same client before another service.
    pub fn of(&self, service: &'static str) -> Self {
        Self { service, ..self.clone() }
    }

    /// Calls an operation of a service of the JSON protocol; `target` is such as `CloudTrail_20131101.LookupEvents`.
    pub fn call(&self, target: &str, body: &serde_json::Value) -> Answer {
        let headers = [("x-amz-target", target), ("content-type", "application/x-amz-json-1.1")];
        self.send("POST", "/", &headers, body.to_string().as_bytes())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn put(&self, path: &str, body: &[u8]) -> Answer {
        self.send("PUT", path, &[], body)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"")
    }
}

/// Sends bytes as they are and reads one answer until the connection ends.
pub fn raw(address: &str, head: &str, body: &[u8]) -> Answer {
    try_raw(address, head, body).unwrap_or_else(|e| panic!("no answer: {e}"))
}

/// As [`raw`]; an error where the server went away.
pub fn try_raw(address: &str, head: &str, body: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    stream.write_all(head.as_bytes())?;
    // A server that refuses early may not read to the end.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| std::io::Error::other(format!("no HTTP answer: {:?}", String::from_utf8_lossy(&bytes))))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value.trim()).ok()?);
    }
    if status == 100 {
        return parse(&bytes[end + 4..]);
    }
    let body = &bytes[end + 4..];
    let chunked = headers.get("transfer-encoding").is_some_and(|v| v == "chunked");
    let body = if chunked { dechunked(body)? } else { body.to_vec() };
    Some(Answer { status, headers, body })
}

fn dechunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let end = body.windows(2).position(|w| w == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).ok()?.trim(), 16).ok()?;
        body = &body[end + 2..];
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(body.get(..size)?);
        body = body.get(size + 2..)?;
    }
}
