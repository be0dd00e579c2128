//! The names AWS uses: actions of S3, IAM, STS and KMS with what they apply to, condition keys with
//! their types, and (with the feature `cli`) the action names of all other services.
//!
//! An action or key that is not listed is no error anywhere in the decision: it is compared as text.

mod actions;
mod catalogue;
mod keys;
mod known_keys;
#[cfg(feature = "cli")]
mod services;

pub use actions::{
    AccessLevel, ActionId, BUCKET, NONE, OBJECT, OTHER, Service, actions_matching, binds_rcp, known_actions,
};
pub use keys::{KeyFacts, KeyId, KeyType, family, is_multivalued, key_facts, key_type, known_key};
#[cfg(feature = "cli")]
pub use services::{action_names, exact_action, service_names, services_with};
