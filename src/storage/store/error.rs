//! What storage refuses, and why.

use crate::storage::kv::{KvError, TransactError};
use crate::storage::sealing::KeyRingError;
use std::sync::Arc;

/// Why the store did not do what it was asked. Nothing stored has changed then, unless the case says so.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No bucket has this name.
    #[error("no such bucket")]
    NoSuchBucket,
    /// The name of a new bucket is taken.
    #[error("the bucket exists")]
    BucketExists {
        /// Whether the caller's own account has it.
        owned: bool,
    },
    /// A bucket with versions or delete markers in it cannot be deleted.
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    /// The bucket's settings do not allow this change.
    #[error("the bucket's state does not allow it: {0}")]
    InvalidBucketState(&'static str),
    /// No object has this key.
    #[error("no such key")]
    NoSuchKey,
    /// The object has no such version.
    #[error("no such version")]
    NoSuchVersion,
    /// The text is no version id of this store.
    #[error("not a version id")]
    InvalidVersion,
    /// The version is a delete marker.
    #[error("the version is a delete marker")]
    DeleteMarker {
        /// Its version id.
        version: String,
        /// When it was made, in milliseconds since 1970.
        modified_ms: i64,
        /// Whether the request named it; otherwise it is the current one.
        named: bool,
    },
    /// No such multipart upload, or not of this key, or it is over.
    #[error("no such upload")]
    NoSuchUpload,
    /// A part that was listed is not there, or is another one.
    #[error("invalid part {number}")]
    InvalidPart {
        /// The part's number.
        number: u32,
    },
    /// The parts were not listed in ascending order, or none was.
    #[error("the parts are not in ascending order")]
    InvalidPartOrder,
    /// A part number out of 1–10,000, or beyond the object's parts.
    #[error("part number {number} is out of range")]
    InvalidPartNumber {
        /// The number.
        number: u32,
    },
    /// A part before the last is smaller than the least size.
    #[error("part {number} has {size} bytes, fewer than {least}")]
    PartTooSmall {
        /// Its number.
        number: u32,
        /// Its `ETag`.
        etag: String,
        /// Its size in bytes.
        size: u64,
        /// The least size in bytes.
        least: u64,
    },
    /// More bytes than an object may have.
    #[error("{size} bytes, more than {most}")]
    TooLarge {
        /// The size in bytes, as far as it was counted.
        size: u64,
        /// The most an object may have, in bytes.
        most: u64,
    },
    /// A range that does not lie within the object.
    #[error("the range does not lie within the {size} bytes of the object")]
    InvalidRange {
        /// The object's size in bytes.
        size: u64,
    },
    /// A condition of the request does not hold; the header's name stands in it.
    #[error("the condition `{0}` does not hold")]
    Precondition(&'static str),
    /// Object lock forbids it.
    #[error("object lock forbids it")]
    Locked,
    /// The bucket has no object lock, so that its objects take no retention and no legal hold.
    #[error("the bucket has no object lock")]
    NoObjectLock,
    /// MFA Delete wants a device's code.
    #[error("a valid code of an MFA device is needed")]
    MfaRequired,
    /// The device or its code is not valid, or the code was used before.
    #[error("the MFA code is not valid")]
    MfaInvalid,
    /// Only the root user of the account that owns the bucket turns MFA Delete on and off.
    #[error("only the root user of the bucket's owner may do this")]
    RootNeeded,
    /// The customer's key is not the one the object was sealed with.
    #[error("the customer key is another one than the object's")]
    WrongCustomerKey,
    /// The object is sealed with a customer's key, and none was given.
    #[error("the object is sealed with a customer key")]
    CustomerKeyNeeded,
    /// A customer's key was given for an object that is not sealed with one.
    #[error("the object is not sealed with a customer key")]
    UnexpectedCustomerKey,
    /// The object is sealed under a key of the key service, and no proof that it may be opened was given.
    #[error("the object is sealed under a key of the key service")]
    ServiceKeyNeeded,
    /// The proof is for another key of the key service or another encryption context than the object's.
    #[error("the proof is for another key or encryption context than the object's")]
    WrongServiceKey,
    /// A ciphertext of the key service that was changed, or sealed in another encryption context.
    #[error("the ciphertext does not open")]
    InvalidCiphertext,
    /// The grant is for something else than what it came with: a mistake of the program, never of the client.
    #[error("the grant is for something else")]
    WrongGrant,
    /// Stored bytes are missing or not what was written.
    #[error("stored data is damaged: {what}")]
    Damaged {
        /// What and where.
        what: String,
    },
    /// The store takes no changes, after an error of the disk or because it nearly is full.
    #[error("the store is read-only")]
    ReadOnly,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Others kept changing the same records.
    #[error("others keep changing the same thing")]
    Conflict,
    /// Another process has the data directory.
    #[error("the data directory is in use by another process")]
    InUse,
    /// The data directory was written by a version of the program that this one does not know.
    #[error("the data directory has format {found:?}, this program knows format {known}")]
    Format {
        /// The format found; `None`: unreadable.
        found: Option<u32>,
        /// The format of this program.
        known: u32,
    },
    /// Writing failed half-way: whether the change was kept shows when the data directory is opened again.
    #[error("whether the change was kept is not known: {0}")]
    Unsettled(Arc<str>),
    /// The store is closing.
    #[error("the store is closed")]
    Closed,
    /// The root keys cannot be had or kept: the key ring's own words.
    #[error("{0}")]
    RootKeys(Arc<str>),
    /// The disk or its file system failed.
    #[error("input or output failed: {0}")]
    Io(Arc<str>),
}

impl StoreError {
    /// Damage, named.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}

impl From<KeyRingError> for StoreError {
    fn from(error: KeyRingError) -> Self {
        Self::RootKeys(error.to_string().into())
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull { Self::Full } else { Self::Io(error.to_string().into()) }
    }
}

impl From<KvError> for StoreError {
    fn from(error: KvError) -> Self {
        match error {
            KvError::ReadOnly(_) => Self::ReadOnly,
            KvError::Unsettled(why) => Self::Unsettled(why),
            KvError::Full { .. } => Self::Full,
            KvError::Conflict => Self::Conflict,
            KvError::Locked => Self::InUse,
            KvError::Closed => Self::Closed,
            KvError::Io(why) | KvError::Panicked(why) => Self::Io(why),
            KvError::InvalidKey(_) => Self::Io(error.to_string().into()),
        }
    }
}

impl From<TransactError<StoreError>> for StoreError {
    fn from(error: TransactError<StoreError>) -> Self {
        match error {
            TransactError::Refused(refusal) => refusal,
            TransactError::Failed(error) => error.into(),
        }
    }
}
