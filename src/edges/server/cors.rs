//! Cross-origin requests: preflights, and what answers to browsers say.
//!
//! A preflight carries no credentials and reads nothing but the bucket's CORS rules, so that it is answered
//! without authorization, as S3 does. Source: S3 User Guide, "Using cross-origin resource sharing (CORS)".

use super::app::Server;
use super::call::Call;
use super::error::S3Error;
use super::handlers::CORS;
use super::reply::{self, Reply};
use super::wire::cors::{self, CorsHeaders};
use crate::gate::Target;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use s3s::dto::CORSRule;

fn rules(server: &Server, bucket: &str) -> Option<Vec<CORSRule>> {
    let record = server.store().bucket(bucket)?;
    let text = record.documents.get(CORS)?;
    // It was checked when it was put; one that cannot be read any more allows nothing.
    Some(cors::parse(text.as_bytes()).unwrap_or_default())
}

/// Answers `OPTIONS`.
///
/// # Errors
/// `BadRequest` for what is no preflight; `AccessForbidden` where no rule allows it.
pub fn preflight(server: &Server, parts: &Parts, target: &Target) -> Result<Reply, S3Error> {
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let (origin, method) = cors::asked(header("origin"), header("access-control-request-method"))?;
    let kind = if target.key().is_some() { "OBJECT" } else { "BUCKET" };
    let bucket = target.bucket().ok_or_else(|| cors::disabled(method, "SERVICE"))?;
    let rules = rules(server, bucket).ok_or_else(|| cors::disabled(method, kind))?;
    let wanted = header("access-control-request-headers");
    let allowed = cors::preflight(&rules, origin, method, wanted).ok_or_else(|| cors::forbidden(method, kind))?;
    let mut reply = reply::empty(StatusCode::OK);
    put(&mut reply, allowed);
    Ok(reply)
}

fn put(reply: &mut Reply, headers: CorsHeaders) {
    for (name, value) in headers {
        reply::set(reply, name, value);
    }
}

/// Adds to an answer what a browser needs to give it to the page; refusals too, so that pages can read them.
///
/// # Errors
/// The answer's own.
pub fn allow(call: &Call, origin: &HeaderValue, answer: Result<Reply, S3Error>) -> Result<Reply, S3Error> {
    let headers = origin.to_str().ok().and_then(|origin| {
        let rules = rules(&call.server, call.target.bucket()?)?;
        // Pages that send the preflight's header with the request itself are judged by it, as S3 does.
        let asked = call.parts.headers.get("access-control-request-method").and_then(|v| v.to_str().ok());
        cors::actual(&rules, origin, asked.unwrap_or(call.method.name()))
    });
    let Some(headers) = headers else { return answer };
    match answer {
        Ok(mut reply) => {
            put(&mut reply, headers);
            Ok(reply)
        }
        Err(mut error) => {
            error.headers.extend(headers);
            Err(error)
        }
    }
}
