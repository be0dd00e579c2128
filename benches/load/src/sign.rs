//! Signature version 4, as much of it as the load needs: keys of plain letters, one region, signed ahead of time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

pub const KEY_ID: &str = "AKIALOADLOADLOADLOAD";
pub const SECRET: &str = "load/secret+of-the-load-comparison";
const REGION: &str = "us-east-1";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Signs for one server, as of one moment: good for a quarter of an hour in headers.
pub struct Signer {
    host: String,
    date: String,
    scope: String,
    key: Vec<u8>,
}

impl Signer {
    pub fn new(host: &str) -> Self {
        let date = basic_date(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs());
        let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
        let mut key = format!("AWS4{SECRET}").into_bytes();
        for step in scope.split('/') {
            key = mac(&key, step.as_bytes());
        }
        Self { host: host.to_owned(), date, scope, key }
    }

    /// The head of a request whose query is signed.
    pub fn presigned(&self, method: &str, path: &str) -> String {
        let credential = format!("{KEY_ID}/{}", self.scope).replace('/', "%2F");
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={}&X-Amz-Expires=3600\
             &X-Amz-SignedHeaders=host",
            self.date
        );
        let canonical = format!("{method}\n{path}\n{query}\nhost:{}\n\nhost\n{UNSIGNED}", self.host);
        let signature = self.signature(&canonical);
        format!("{method} {path}?{query}&X-Amz-Signature={signature} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host)
    }

    /// The head of a request whose headers are signed; its body, of this length, is not.
    pub fn with_headers(&self, method: &str, path: &str, length: usize) -> String {
        const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";
        let Self { host, date, scope, .. } = self;
        let canonical = format!(
            "{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{UNSIGNED}\nx-amz-date:{date}\n\n{SIGNED}\n{UNSIGNED}"
        );
        let signature = self.signature(&canonical);
        let length = if method == "PUT" { format!("content-length: {length}\r\n") } else { String::new() };
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nx-amz-content-sha256: {UNSIGNED}\r\nx-amz-date: {date}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={SIGNED}, \
             Signature={signature}\r\n{length}\r\n"
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
