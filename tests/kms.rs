//! The key service and objects sealed under its keys, as clients see them.
#![cfg(feature = "server")]

mod support;

#[path = "kms/bad_input.rs"]
mod bad_input;
#[path = "kms/cast.rs"]
mod cast;
#[path = "kms/dual_layer.rs"]
mod dual_layer;
#[path = "kms/external.rs"]
mod external;
#[path = "kms/keys.rs"]
mod keys;
#[path = "kms/objects.rs"]
mod objects;
#[path = "kms/principals.rs"]
mod principals;
#[path = "kms/root_keys.rs"]
mod root_keys;
#[cfg(feature = "pkcs11")]
#[path = "kms/token.rs"]
mod token;
#[path = "kms/wrapped.rs"]
mod wrapped;
