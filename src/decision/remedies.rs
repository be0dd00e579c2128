//! Changes that would turn a denial.

use super::authorizer::Authorizer;
use super::request::AuthorizationRequest;

/// One change and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The change in words.
    pub change: String,
}

pub(super) fn find(_authorizer: &Authorizer, _request: &AuthorizationRequest<'_>) -> Vec<Remedy> {
    Vec::new()
}
