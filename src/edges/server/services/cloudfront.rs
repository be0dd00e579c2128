//! CloudFront's management API.

use super::{ServiceCall, ServiceError};
use crate::edges::server::reply::Reply;

/// Answers a request.
///
/// # Errors
/// CloudFront's own.
#[expect(clippy::unused_async, reason = "every service answers so")]
pub async fn answer(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let path = call.parts.uri.path();
    Err(ServiceError::bad("InvalidArgument", format!("there is no operation at {path}")))
}
