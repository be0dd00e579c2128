//! The keys of the key service in memory, as KMS and S3 read them with every request, and how a decision sees them.
//!
//! Absent here: decisions, and key material outside of [`crate::storage::store::kms::OpenKey`].

mod managed;
mod objects;
mod seed;
mod state;

pub use managed::S3_ALIAS;
pub use objects::{ObjectKeys, Opened, Opening, WriteSse};
pub use seed::Seed;
pub use state::{Found, Key, Keys, Named};
pub(in crate::edges::server) use state::{compiled, default_policy, named_arn};

use crate::edges::server::error::S3Error;
use crate::edges::server::services::ServiceError;
use crate::storage::store::StoreError;

/// Why a key cannot be used, in KMS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError {
    /// KMS's code.
    pub code: &'static str,
    /// The sentence, which names the key.
    pub message: String,
}

impl KeyError {
    /// An error.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<KeyError> for ServiceError {
    fn from(error: KeyError) -> Self {
        Self::bad(error.code, error.message)
    }
}

impl From<KeyError> for S3Error {
    fn from(error: KeyError) -> Self {
        // S3 repeats KMS's code with its service before it.
        let code = match error.code {
            "NotFoundException" => "KMS.NotFoundException",
            "InvalidArnException" => "KMS.InvalidArnException",
            "DisabledException" => "KMS.DisabledException",
            "KMSInvalidStateException" => "KMS.KMSInvalidStateException",
            _ => "InternalError",
        };
        Self::new(code, error.message)
    }
}

/// An id as KMS makes them: a random UUID.
///
/// # Errors
/// [`StoreError::Io`] where there is no randomness.
pub fn new_id() -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StoreError::Io("there is no randomness".into()))?;
    // Version 4, variant 1. Source: RFC 9562, section 5.4.
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = crate::edges::server::auth::hex(&bytes);
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    Ok([part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-"))
}
