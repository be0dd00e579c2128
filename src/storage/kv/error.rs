//! What can go wrong with the metadata store.

use std::sync::Arc;

/// A failure of an engine. Cheap to copy, since one failed commit answers many transactions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// An earlier write failed; nothing is written until the engine is opened again. Nothing of this transaction
    /// was kept.
    #[error("the metadata store is read-only: {0}")]
    ReadOnly(Arc<str>),
    /// Writing this transaction failed half-way. Whether it is kept shows when the engine is opened again, so
    /// object bytes it refers to must stay.
    #[error("the metadata store failed while writing, and whether this change was kept is not known: {0}")]
    Unsettled(Arc<str>),
    /// The file system has less free space than is held in reserve.
    #[error("the metadata store is full: {free} bytes are free, and {reserve} are held in reserve")]
    Full {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are to stay free.
        reserve: u64,
    },
    /// The transaction met another one on every attempt.
    #[error("the transaction met conflicting ones on every attempt")]
    Conflict,
    /// The transaction's closure panicked; nothing of it was kept.
    #[error("the transaction panicked: {0}")]
    Panicked(Arc<str>),
    /// The transaction wrote a key that is empty or longer than [`MAX_KEY`](super::MAX_KEY).
    #[error("a key of {0} bytes is empty or too long")]
    InvalidKey(usize),
    /// A read failed, or the engine could not be opened.
    #[error("the metadata store cannot be read: {0}")]
    Io(Arc<str>),
    /// Another process has the store open.
    #[error("the metadata store is in use by another process")]
    Locked,
    /// The engine was closed.
    #[error("the metadata store is closed")]
    Closed,
}

/// Why a transaction was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactError<E> {
    /// The closure refused; nothing of it was written.
    #[error("{0}")]
    Refused(E),
    /// The engine failed.
    #[error(transparent)]
    Failed(#[from] KvError),
}

/// The text of an error, or of a panic's message, to be shared by all whom it concerns.
pub(super) fn shared(text: &dyn std::fmt::Display) -> Arc<str> {
    Arc::from(text.to_string())
}

/// The message of a caught panic.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> Arc<str> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Arc::from(text.unwrap_or("no message"))
}
