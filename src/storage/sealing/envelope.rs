//! What is stored beside a sealed blob, so that it can be opened.

use super::fixed_bytes::joined;
use super::layout::{Layers, Layout};
use super::{BlobId, CHUNK_SIZE, SealError, fixed_bytes};
use serde::{Deserialize, Serialize};

/// The format of blobs that are sealed once.
pub(super) const FORMAT: u8 = 1;
/// The format of blobs that are sealed twice over.
pub(super) const FORMAT_TWICE: u8 = 2;

/// A sealed data key: 12 bytes of nonce, 32 of key, 16 of tag.
pub(super) const WRAPPED_LEN: usize = 12 + 32 + 16;

/// How a blob is sealed, and its data key, itself sealed. Safe to store and to log: it opens nothing alone.
///
/// A field added later takes `#[serde(default)]`, so that envelopes of this version still read; a change of what
/// the fields mean takes a new format number, which earlier versions refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub(super) format: u8,
    pub(super) chunk_size: u32,
    pub(super) sealed_by: SealedBy,
    #[serde(with = "fixed_bytes")]
    pub(super) wrapped_key: [u8; WRAPPED_LEN],
    /// The data key of the inner layer, in [`FORMAT_TWICE`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inner_key: Option<InnerKey>,
}

/// The sealed data key of the inner layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct InnerKey(#[serde(with = "fixed_bytes")] pub(super) [u8; WRAPPED_LEN]);

/// Whose key seals the data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SealedBy {
    /// A root key of the key ring (SSE-S3).
    Root {
        /// The root key's version.
        version: u32,
    },
    /// The key that the customer sends with each request (SSE-C).
    Customer,
    /// A key of the key service (SSE-KMS). Which one stands beside the envelope, and is authenticated with it.
    Kms {
        /// The version of its material.
        material: u32,
    },
}

impl Envelope {
    /// Whose key seals the data key.
    #[must_use]
    pub fn sealed_by(&self) -> SealedBy {
        self.sealed_by
    }

    /// How the blob is cut.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::new(self.chunk_size, self.layers())
    }

    /// How often the blob is sealed.
    #[must_use]
    pub fn layers(&self) -> Layers {
        if self.format == FORMAT_TWICE { Layers::Two } else { Layers::One }
    }

    pub(super) fn new(sealed_by: SealedBy) -> Self {
        Self { format: FORMAT, chunk_size: CHUNK_SIZE, sealed_by, wrapped_key: [0; WRAPPED_LEN], inner_key: None }
    }

    /// The envelope of a blob that is sealed twice over, under a key of the key service.
    pub(super) fn twice(material: u32) -> Self {
        let inner_key = Some(InnerKey([0; WRAPPED_LEN]));
        Self { format: FORMAT_TWICE, inner_key, ..Self::new(SealedBy::Kms { material }) }
    }

    /// The envelope of the inner layer's data key.
    pub(super) fn inner(&self) -> Option<Self> {
        let InnerKey(wrapped_key) = *self.inner_key.as_ref()?;
        Some(Self { wrapped_key, ..self.clone() })
    }

    /// Refuses formats that this version does not know, before any length is computed from them.
    pub(super) fn check_format(&self) -> Result<(), SealError> {
        let sensible = self.chunk_size.is_power_of_two() && (1 << 12..=1 << 20).contains(&self.chunk_size);
        let known = match self.format {
            FORMAT => self.inner_key.is_none(),
            FORMAT_TWICE => self.inner_key.is_some(),
            _ => false,
        };
        if known && sensible {
            Ok(())
        } else {
            Err(SealError::UnknownFormat { format: self.format, chunk_size: self.chunk_size })
        }
    }

    /// What the sealed data key is bound to: all that the envelope says, and whose envelope it is.
    pub(super) fn context(&self, blob: BlobId) -> [u8; 26] {
        let (kind, version) = match self.sealed_by {
            SealedBy::Root { version } => (1, version),
            SealedBy::Customer => (2, 0),
            SealedBy::Kms { material } => (3, material),
        };
        let (size, version) = (self.chunk_size.to_be_bytes(), version.to_be_bytes());
        joined(&[&[self.format], &size, &[kind], &version, blob.as_bytes()])
    }
}
