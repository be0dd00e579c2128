//! Keys that customers bring with their requests (SSE-C).

use super::envelope::{Envelope, SealedBy};
use super::keys::{DataKey, FreshKey, KEY_LEN, Wrapper};
use super::{BlobId, SealError};
use std::fmt;
use zeroize::Zeroizing;

/// A customer's key for the time of one request. It is never stored: the envelope keeps nothing of it.
///
/// Source: Amazon S3 User Guide, "Using server-side encryption with customer-provided keys (SSE-C)".
pub struct CustomerKey(Zeroizing<[u8; KEY_LEN]>);

impl CustomerKey {
    /// The key with these 32 bytes.
    #[must_use]
    pub fn new(key: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// Its bytes, to check them against the MD5 that came beside them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// A new data key for this blob, sealed under this key.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn seal_new(&self, blob: BlobId) -> Result<(FreshKey, Envelope), SealError> {
        Wrapper::new(&self.0).seal_new(blob, SealedBy::Customer, &[])
    }

    /// The data key of this blob.
    ///
    /// # Errors
    /// [`SealError::WrongKey`]; [`SealError::NoCustomerKey`] if the blob was not sealed with any customer's key;
    /// [`SealError::UnknownFormat`].
    pub fn open_key(&self, blob: BlobId, envelope: &Envelope) -> Result<DataKey, SealError> {
        match envelope.sealed_by {
            SealedBy::Customer => Wrapper::new(&self.0).open(blob, envelope, &[])?.ok_or(SealError::WrongKey { blob }),
            SealedBy::Root { .. } | SealedBy::Kms { .. } => Err(SealError::NoCustomerKey { blob }),
        }
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(…)")
    }
}
