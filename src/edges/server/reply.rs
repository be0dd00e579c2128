//! Answers: heads and bodies as S3 sends them.

use super::error::S3Error;
use super::http::ResponseBody;
use super::wire::{error_body, xml};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// An answer.
pub type Reply = Response<ResponseBody>;

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Reply {
    with_body(status, ResponseBody::empty())
}

/// An answer with this body.
#[must_use]
pub fn with_body(status: StatusCode, body: ResponseBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}

/// An XML document.
#[must_use]
pub fn xml<T: s3s::xml::Serialize>(document: &T) -> Reply {
    xml_bytes(xml::body(document))
}

/// An XML document that is written already.
#[must_use]
pub fn xml_bytes(document: Bytes) -> Reply {
    let mut reply = with_body(StatusCode::OK, document.into());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    reply
}

/// Sets a header; a value that HTTP cannot carry is left out, as S3 leaves it out.
pub fn set(reply: &mut Reply, name: &'static str, value: impl AsRef<[u8]>) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_ref()) {
        reply.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// As [`set`], where there is a value.
pub fn set_some(reply: &mut Reply, name: &'static str, value: Option<impl AsRef<[u8]>>) {
    if let Some(value) = value {
        set(reply, name, value);
    }
}

/// The answer with what every answer has. Errors become S3's documents; HEAD has no body.
#[must_use]
pub fn finished(answer: Result<Reply, S3Error>, request_id: &str, path: &str, head: bool) -> Reply {
    let mut reply = answer.unwrap_or_else(|error| refusal(&error, request_id, path, head));
    set(&mut reply, "x-amz-request-id", request_id);
    set(&mut reply, "x-amz-id-2", request_id);
    set(&mut reply, "server", "Portcullis");
    reply
}

fn refusal(error: &S3Error, request_id: &str, path: &str, head: bool) -> Reply {
    let bodiless = head || error.status == StatusCode::NOT_MODIFIED;
    let mut reply = if bodiless {
        empty(error.status)
    } else {
        let document = error_body::error_body(error, path, request_id, request_id);
        let mut reply = with_body(error.status, document.into());
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        reply
    };
    if head {
        reply.headers_mut().remove(CONTENT_LENGTH);
    }
    for (name, value) in &error.headers {
        set(&mut reply, name, value);
    }
    reply
}
