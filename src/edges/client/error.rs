//! What can go wrong on the way to an object and back.

use super::encryption::EncryptionError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a request or a transfer failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The service refused: its own code and sentence.
    #[error("{code}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Such as `NoSuchKey`.
        code: String,
        /// The service's sentence.
        message: String,
        /// The id under which the service knows the request; empty where it said none.
        request_id: String,
    },
    /// No answer came, in as many tries as the settings allow.
    #[error("{address}: {reason}")]
    Unreachable {
        /// The service's address.
        address: String,
        /// What was seen.
        reason: String,
    },
    /// A part was done before an error.
    #[error("{done}: {source}")]
    Partly {
        /// What was done.
        done: String,
        /// What came of the rest.
        source: Box<Self>,
    },
    /// An answer is not what the protocol says.
    #[error("the answer cannot be read: {0}")]
    Answer(String),
    /// A setting that cannot be used.
    #[error("{0}")]
    Setting(String),
    /// Encryption or decryption.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    /// A local file, or a stream.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The source is no longer what it was when the transfer began.
    #[error("{0} changed while it was copied")]
    SourceChanged(String),
    /// What arrived is not what the store says that it holds.
    #[error("what was received is not what the store holds: {0}")]
    Damaged(String),
}

impl ClientError {
    /// An error of a file.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }

    /// The service's code, where it answered with one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Partly { source, .. } => source.code(),
            _ => None,
        }
    }
}
