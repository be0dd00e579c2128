//! What can go wrong with blobs.

use crate::storage::sealing::{BlobId, SealError};
use std::error::Error;
use std::io;

/// Why a blob could not be written, read or deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// There is no such blob.
    #[error("blob `{blob}` is not there")]
    NotFound {
        /// The blob.
        blob: BlobId,
    },
    /// A chunk is not what was sealed at this place of this blob.
    #[error("blob `{blob}` is damaged at chunk {chunk}")]
    Tampered {
        /// The blob.
        blob: BlobId,
        /// The chunk's number, from 0.
        chunk: u32,
    },
    /// The file was cut or extended.
    #[error("blob `{blob}` is damaged: its file has {found} bytes where {expected} were sealed")]
    Length {
        /// The blob.
        blob: BlobId,
        /// Bytes that its plaintext has when sealed.
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// The file system is full, or only the reserve is left.
    #[error("the file system of the blobs is full")]
    Full,
    /// A file that is not a blob lies among them.
    #[error("`{path}` is not a blob")]
    Foreign {
        /// The file, from the blobs' directory.
        path: String,
    },
    /// The writer failed earlier, or a write was cancelled in its middle: the blob cannot be finished.
    #[error("blob `{blob}` was not written wholly")]
    Broken {
        /// The blob.
        blob: BlobId,
    },
    /// The range, the format or the cryptographic library refused.
    #[error(transparent)]
    Seal(SealError),
    /// The disk failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl From<SealError> for BlobError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Tampered { blob, chunk } => Self::Tampered { blob, chunk },
            other => Self::Seal(other),
        }
    }
}

impl BlobError {
    /// Whether what is stored is damaged, as opposed to missing or out of reach.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Tampered { .. } | Self::Length { .. })
    }

    pub(super) fn io(doing: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { doing, source },
        }
    }

    /// What `object_store` reports: it wraps the system's errors, whose kinds decide.
    pub(super) fn of_store(doing: &'static str, blob: Option<BlobId>, error: object_store::Error) -> Self {
        if let (object_store::Error::NotFound { .. }, Some(blob)) = (&error, blob) {
            return Self::NotFound { blob };
        }
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(e) = cause {
            if let Some(system) = e.downcast_ref::<io::Error>() {
                return Self::io(doing, io::Error::new(system.kind(), error));
            }
            cause = e.source();
        }
        Self::Io { doing, source: io::Error::other(error) }
    }
}
