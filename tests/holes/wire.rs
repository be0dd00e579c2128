//! Requests as no honest client sends them, and several of them on one connection.

use crate::support::{Answer, Client, now};
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis::edges::server::auth::Signer;
use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection that stays open from request to request.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a time-out");
        stream.set_write_timeout(Some(Duration::from_mins(1))).expect("a time-out");
        Self { stream: BufReader::new(stream) }
    }

    /// Sends bytes; an error where the server does not take them any more.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends a request whole, in one piece, and reads its answer.
    pub fn ask(&mut self, head: &str, body: &[u8]) -> Result<Answer> {
        self.send(&[keeping_open(head).as_bytes(), body].concat())?;
        self.answer(head.starts_with("HEAD "))
    }

    /// Reads one answer and no byte more.
    pub fn answer(&mut self, bodiless: bool) -> Result<Answer> {
        let (status, headers) = self.head()?;
        if status == 100 {
            return self.answer(bodiless);
        }
        let length = headers.get("content-length").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let mut body = vec![0; if bodiless || status == 204 || status == 304 { 0 } else { length.unwrap_or(0) }];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, headers, body })
    }

    /// Reads what comes until the connection ends, however it does: the body may be shorter than announced.
    pub fn answer_as_it_comes(&mut self) -> Result<Answer> {
        let (status, headers) = self.head()?;
        let mut body = Vec::new();
        let _ = self.stream.read_to_end(&mut body);
        Ok(Answer { status, headers, body })
    }

    fn head(&mut self) -> Result<(u16, HeaderMap)> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| Error::other(first.clone()))?;
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(Error::other)?;
            headers.append(name, HeaderValue::from_str(value.trim()).map_err(Error::other)?);
        }
        Ok((status, headers))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(Error::other("the connection ended")),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Whether nothing more comes.
    pub fn is_over(&mut self) -> bool {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).is_ok() && rest.is_empty()
    }
}

/// A head as the test client makes them, without its wish to close.
pub fn keeping_open(head: &str) -> String {
    head.replace("connection: close\r\n", "")
}

/// The code and status of an answer, for comparisons.
pub fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

/// Every way of signing that the test client does not have.
pub struct Signing<'a> {
    pub id: &'a str,
    pub secret: &'a str,
    pub region: &'a str,
    pub service: &'a str,
    pub at: i64,
}

impl<'a> Signing<'a> {
    pub fn of(id: &'a str, secret: &'a str) -> Self {
        Self { id, secret, region: "us-east-1", service: "s3", at: now() }
    }

    fn signer(&self) -> Signer<'_> {
        let Self { id, secret, region, service, .. } = *self;
        Signer { access_key_id: id, secret, session_token: None, region, service }
    }

    /// A head that is signed over exactly these headers, the host and the date.
    pub fn head(&self, address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let mut map = HeaderMap::new();
        let date = basic(self.at);
        let own = [("host", address), ("x-amz-date", date.as_str())];
        for (name, value) in own.iter().chain(headers) {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        map.entry("x-amz-content-sha256").or_insert(HeaderValue::from_static("UNSIGNED-PAYLOAD"));
        let signed = self.signer().authorization(method, path, &map, self.at).expect("signable");
        map.insert("authorization", HeaderValue::from_str(&signed).expect("text"));
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in &map {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("text")));
        }
        head + "connection: close\r\n\r\n"
    }

    /// A presigned path and query.
    pub fn presigned(&self, address: &str, method: &str, path: &str, expires: u32) -> String {
        let url = format!("http://{address}{path}");
        let signed = self.signer().presign(method, &url, &[], expires, self.at).expect("signable");
        signed.strip_prefix(&format!("http://{address}")).expect("the same host").to_owned()
    }
}

/// `yyyyMMddTHHmmssZ`
pub fn basic(at: i64) -> String {
    chrono::DateTime::from_timestamp(at, 0).expect("a time").format("%Y%m%dT%H%M%SZ").to_string()
}

/// A head with one more header, which nobody signed.
pub fn with_unsigned(head: &str, name: &str, value: &str) -> String {
    head.replacen("\r\n", &format!("\r\n{name}: {value}\r\n"), 1)
}

/// A head in which a text, which must be there, is another.
pub fn altered(head: &str, from: &str, to: &str) -> String {
    assert!(head.contains(from), "{from} is not in {head}");
    head.replacen(from, to, 1)
}

/// A request that is not signed in its headers.
pub fn bare(method: &str, target: &str, address: &str, length: usize) -> String {
    format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
}

/// The anonymous client with these headers on every request.
pub fn with_headers(client: &Client, headers: &[(&str, &str)]) -> Client {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Client { headers, ..client.clone() }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}
