//! CloudTrail: the trail of decisions, asked for with its stock clients.
//!
//! Source: CloudTrail API Reference, `LookupEvents`.

mod lookup;

use super::{ServiceCall, ServiceError};
use crate::edges::server::reply::{self, Reply};
use crate::gate::services::cloudtrail::LookupEvents;
use crate::gate::services::{Service, find_by_name};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use lookup::{Found, Lookup, Sought};

/// Answers a request.
///
/// # Errors
/// CloudTrail's own.
pub async fn answer(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let name = call.header("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or_default();
    match find_by_name(Service::CloudTrail, name).map(|row| row.name) {
        None => Err(ServiceError::bad("UnknownOperationException", format!("unknown operation `{name}`"))),
        Some("LookupEvents") => lookup_events(call).await,
        Some(name) => Err(ServiceError::bad("UnsupportedOperationException", format!("{name} is not supported"))),
    }
}

async fn lookup_events(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let request: Lookup = serde_json::from_slice(if call.body.is_empty() { b"{}".as_slice() } else { &call.body })
        .map_err(|error| {
            ServiceError::bad("SerializationException", format!("the request is not as it should be: {error}"))
        })?;
    let sought = Sought::of(&request, call.account())?;
    let grant = call.authorize::<LookupEvents>(&[]).await?;
    let folder = call.server.settings().data.join("trail");
    let found = tokio::task::spawn_blocking(move || sought.search(&grant, &folder)).await;
    let found: Found = match found {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::error!(%error, "the trail cannot be read");
            return Err(ServiceError::internal());
        }
        Err(_) => return Err(ServiceError::internal()),
    };
    let document = serde_json::to_vec(&found).map_err(|_| ServiceError::internal())?;
    let mut reply = reply::with_body(StatusCode::OK, document.into());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    Ok(reply)
}
