//! How a request is sent: with signed headers, as a presigned URL, without a name, or as a form signed in its
//! fields; and what is shown of the answer.

use super::recipes::Sent;
use crate::support::{Answer, Client, now};
use base64::Engine as _;
use portcullis::edges::server::auth::SigningKey;
use std::fmt::Write as _;

/// In which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As the client does: signed headers, or nothing at all for clients without keys.
    Header,
    /// A presigned URL, sent by somebody without keys.
    Presigned,
    /// A presigned URL whose time is over.
    Expired,
}

/// Sends a request.
pub fn send(client: &Client, way: Way, sent: &Sent) -> Answer {
    let headers: Vec<(&str, &str)> = sent.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let nobody = Client { keys: None, ..client.clone() };
    if let Some(fields) = &sent.form {
        let bucket = sent.path.trim_start_matches('/').split('?').next().unwrap_or_default();
        let body = form(client, way, bucket, fields);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        return nobody.send(sent.method, &sent.path, &[("content-type", kind.as_str())], body.as_bytes());
    }
    let (expires, at) = match way {
        Way::Header => return client.send(sent.method, &sent.path, &headers, &sent.body),
        Way::Presigned => (600, now()),
        Way::Expired => (1, now() - 3600),
    };
    let path = client.presigned(sent.method, &sent.path, &headers, expires, at);
    nobody.send(sent.method, &path, &headers, &sent.body)
}

const BOUNDARY: &str = "----of-the-matrix";

/// A browser's form. Its policy names every field, and the file comes last.
fn form(client: &Client, way: Way, bucket: &str, fields: &[(&'static str, String)]) -> String {
    let mut fields = fields.to_vec();
    if let Some((id, secret)) = &client.keys {
        let time = |seconds: i64| chrono::DateTime::from_timestamp(seconds, 0).expect("a time");
        let signed = now();
        let until = if way == Way::Expired { signed - 60 } else { signed + 600 };
        let day = time(signed).format("%Y%m%d").to_string();
        fields.push(("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()));
        fields.push(("x-amz-credential", format!("{id}/{day}/us-east-1/s3/aws4_request")));
        fields.push(("x-amz-date", time(signed).format("%Y%m%dT%H%M%SZ").to_string()));
        let all = fields.iter().map(|(name, value)| (*name, value.as_str())).chain([("bucket", bucket)]);
        let conditions: Vec<_> =
            all.map(|(name, value)| serde_json::json!(["eq", format!("${name}"), value])).collect();
        let expiration = time(until).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let policy = serde_json::json!({"expiration": expiration, "conditions": conditions}).to_string();
        let policy = base64::engine::general_purpose::STANDARD.encode(policy);
        let signature = SigningKey::derive(secret, &day, "us-east-1", "s3").sign(&policy);
        fields.push(("policy", policy));
        fields.push(("x-amz-signature", signature));
    }
    let mut body = String::new();
    for (name, value) in &fields {
        let _ = write!(body, "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    let file = "content-disposition: form-data; name=\"file\"; filename=\"f\"";
    let _ = write!(body, "--{BOUNDARY}\r\n{file}\r\n\r\ncontent\r\n--{BOUNDARY}--\r\n");
    body
}

/// An answer as the table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub status: u16,
    /// S3's error code, of the answer or of the batch's one entry; empty for none, and for answers to HEAD.
    pub code: String,
    /// The request was refused because its time is over.
    pub expired: bool,
}

impl Outcome {
    pub fn of(answer: &Answer) -> Self {
        let message = answer.element("Message");
        Self {
            status: answer.status,
            code: answer.element("Code"),
            expired: message == "Request has expired" || message.ends_with("Policy expired."),
        }
    }

    /// Whether it is a plain refusal.
    pub fn is_denied(&self) -> bool {
        let batch = self.status == 200 && self.code == "AccessDenied";
        self.status == 403 && (self.code == "AccessDenied" || self.code.is_empty()) || batch
    }

    /// The status, with an `x` where the time is over.
    pub fn short(&self) -> String {
        let batch = if self.status == 200 && !self.code.is_empty() { "!" } else { "" };
        format!("{}{}{batch}", self.status, if self.expired { "x" } else { "" })
    }

    /// The status and its code, in full.
    pub fn full(&self) -> String {
        format!("{} {}", self.status, self.code).trim_end().to_owned()
    }
}
