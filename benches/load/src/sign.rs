//! Signature version 4, as much of it as the load needs: keys of plain letters, one region, signed ahead of time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

pub const KEY_ID: &str = "AKIALOADLOADLOADLOAD";
pub const SECRET: &str = "load/secret+of-the-load-comparison";
const REGION: &str = "us-east-1";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Who signs.
#[derive(Clone)]
pub struct Credentials {
    pub id: String,
    pub secret: String,
    /// Of a session.
    pub token: Option<String>,
}

impl Credentials {
    /// Of a key that lasts.
    pub fn of(id: &str, secret: &str) -> Self {
        Self { id: id.to_owned(), secret: secret.to_owned(), token: None }
    }
}

/// Signs for one server, as of one moment: good for a quarter of an hour in headers.
pub struct Signer {
    host: String,
    date: String,
    scope: String,
    key: Vec<u8>,
    id: String,
    token: Option<String>,
}

impl Signer {
    pub fn new(host: &str) -> Self {
        Self::of(host, "s3", &Credentials::of(KEY_ID, SECRET))
    }

    /// In somebody's name, for a service.
    pub fn of(host: &str, service: &str, who: &Credentials) -> Self {
        let date = basic_date(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs());
        let scope = format!("{}/{REGION}/{service}/aws4_request", &date[..8]);
        let mut key = format!("AWS4{}", who.secret).into_bytes();
        for step in scope.split('/') {
            key = mac(&key, step.as_bytes());
        }
        Self { host: host.to_owned(), date, scope, key, id: who.id.clone(), token: who.token.clone() }
    }

    /// The head of a request whose query is signed.
    pub fn presigned(&self, method: &str, path: &str) -> String {
        let credential = format!("{}/{}", self.id, self.scope).replace('/', "%2F");
        let token = self.token.as_ref().map_or_else(String::new, |token| {
            let token = token.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
            format!("&X-Amz-Security-Token={token}")
        });
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={}&X-Amz-Expires=3600\
             {token}&X-Amz-SignedHeaders=host",
            self.date
        );
        let canonical = format!("{method}\n{path}\n{query}\nhost:{}\n\nhost\n{UNSIGNED}", self.host);
        let signature = self.signature(&canonical);
        format!("{method} {path}?{query}&X-Amz-Signature={signature} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host)
    }

    /// The head of a request whose headers are signed; its body, of this length, is not.
    pub fn with_headers(&self, method: &str, path: &str, length: usize) -> String {
        self.with(method, path, &[("x-amz-content-sha256", UNSIGNED)], UNSIGNED, length)
    }

    /// A whole request to a service, whose headers and body are signed.
    pub fn whole(&self, headers: &[(&str, &str)], body: &str) -> String {
        let head = self.with("POST", "/", headers, &hex(&Sha256::digest(body)), body.len());
        head + body
    }

    /// The head of a request with these headers beside its own; all of them are signed.
    pub fn with(&self, method: &str, path: &str, more: &[(&str, &str)], payload: &str, length: usize) -> String {
        let mut headers: Vec<(&str, &str)> = vec![("host", &self.host), ("x-amz-date", &self.date)];
        headers.extend(self.token.as_deref().map(|token| ("x-amz-security-token", token)));
        headers.extend(more);
        headers.sort_unstable();
        let signed = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines = |between: &str, end: &str| {
            headers.iter().flat_map(|(name, value)| [*name, between, *value, end]).collect::<String>()
        };
        let canonical = lines(":", "\n");
        let signature = self.signature(&format!("{method}\n{path}\n\n{canonical}\n{signed}\n{payload}"));
        let sent = lines(": ", "\r\n");
        let length = if method == "GET" { String::new() } else { format!("content-length: {length}\r\n") };
        let (id, scope) = (&self.id, &self.scope);
        format!(
            "{method} {path} HTTP/1.1\r\n{sent}authorization: AWS4-HMAC-SHA256 Credential={id}/{scope}, \
             SignedHeaders={signed}, Signature={signature}\r\n{length}\r\n"
        )
    }

    fn signature(&self, canonical: &str) -> String {
        let digest = hex(&Sha256::digest(canonical));
        hex(&mac(&self.key, format!("AWS4-HMAC-SHA256\n{}\n{}\n{digest}", self.date, self.scope).as_bytes()))
    }
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `20260102T030405Z`. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn basic_date(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", time / 3600, time / 60 % 60, time % 60)
}
