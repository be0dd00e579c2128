//! Whom key policies and grants name: somebody who exists, kept by unique id beside the ARN.
//!
//! Source: KMS Developer Guide, "Key policies in AWS KMS"; API Reference, `PutKeyPolicy`, `CreateGrant`; IAM User Guide,
//! "AWS JSON policy elements: Principal".

use crate::edges::server::identities::principals::{self, Named};
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::policy::PolicyDocument;

/// Whom a key policy names.
///
/// # Errors
/// `MalformedPolicyDocumentException`, with the name of a user or role of this server's accounts that does not exist.
pub(super) fn of_policy(call: &ServiceCall, document: &PolicyDocument) -> Result<Named, ServiceError> {
    let snapshot = call.server.identities().snapshot();
    let named = principals::named(document, &|arn| snapshot.unique_id(arn));
    match principals::stranger(&named) {
        None => Ok(named),
        Some(stranger) => {
            let message =
                format!("Policy contains a statement with one or more invalid principals: \"AWS\":\"{stranger}\"");
            Err(ServiceError::bad("MalformedPolicyDocumentException", message))
        }
    }
}

/// Whom a grant names.
///
/// # Errors
/// `InvalidArnException`, with the name of a user or role of this server's accounts that does not exist.
pub(super) fn of_grant<'n>(
    call: &ServiceCall,
    names: impl IntoIterator<Item = &'n String>,
) -> Result<Named, ServiceError> {
    let snapshot = call.server.identities().snapshot();
    let named = principals::named_among(names.into_iter().map(String::as_str), &|arn| snapshot.unique_id(arn));
    match principals::stranger(&named) {
        None => Ok(named),
        Some(stranger) => {
            let message = format!("ARN does not refer to a valid principal: {stranger}");
            Err(ServiceError::bad("InvalidArnException", message))
        }
    }
}
