//! CloudTrail: the trail of decisions, asked for with its stock clients.

use super::{ServiceCall, ServiceError};
use crate::edges::server::reply::Reply;
use crate::gate::services::{Service, find_by_name};

/// Answers a request.
///
/// # Errors
/// CloudTrail's own.
#[expect(clippy::unused_async, reason = "every service answers so")]
pub async fn answer(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let name = call.header("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or_default();
    match find_by_name(Service::CloudTrail, name) {
        None => Err(ServiceError::bad("UnknownOperationException", format!("unknown operation `{name}`"))),
        Some(row) => Err(ServiceError::bad("UnsupportedOperationException", format!("{} is not supported", row.name))),
    }
}
