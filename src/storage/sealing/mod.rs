//! Encryption at rest: data keys, the key ring that seals them, and the chunked AEAD format.
//!
//! Every blob has a data key of its own, random, used for that blob alone. What is stored beside the blob is its
//! [`Envelope`]: the format and the data key, sealed under a root key of the [`KeyRing`] (SSE-S3) or under the
//! [`CustomerKey`] that comes with the request (SSE-C) and is forgotten with it.
//!
//! **The bytes:** AES-256-GCM in STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption
//! and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015). The plaintext is cut into chunks; chunk *i* is sealed
//! under the nonce `prefix (7) ‖ i (4, big-endian) ‖ last (1)`, and its 16 bytes of tag follow it. All chunks are
//! full but the last; an empty blob is one empty last chunk. The additional data is `format ‖ chunk size ‖ blob
//! id`. So a chunk opens at its own place of its own blob only: bit flips, cuts, extensions, reordering and
//! exchanged blobs are errors, and a range needs only its own chunks.
//!
//! **Twice over** (DSSE-KMS, format 2): each chunk is sealed so under an inner data key, and what comes of it, tag
//! included, under an outer one. The two are random, independent of each other, and sealed under the same key of the
//! key service for two purposes: neither envelope opens in the place of the other.
//!
//! **The data key:** sealed with AES-256-GCM under a random nonce and a wrapping key that HKDF-SHA-256 (RFC 5869)
//! derives for this blob alone, which is why a root key may seal any number of blobs with random nonces.
//!
//! **Keys of the key service:** [`KeyMaterial`] seals data keys of blobs likewise, bound to the key's name and the
//! encryption context as well, and small [`Ciphertext`]s that name their key and material.
//!
//! **Root keys** are in a file or the environment, or [wrapped](WrappingKey) by a key in a device or a key service.
//!
//! Absent here: files of blobs (only the files of root keys are read and written), and anything that prints a key.

mod chunks;
mod ciphertext;
mod customer;
#[cfg(test)]
mod dual_layer_tests;
mod envelope;
mod fixed_bytes;
mod id;
mod keyfile;
mod keyring;
mod keys;
mod layout;
mod material;
mod source;
#[cfg(test)]
mod unit_tests;
#[cfg(test)]
mod vectors;
mod wrapped;

pub use chunks::{ChunkPlan, Opener, Sealer, open_small, seal_small};
pub use ciphertext::Ciphertext;
pub use customer::CustomerKey;
pub use envelope::{Envelope, SealedBy};
pub use id::BlobId;
pub use keyfile::read_private;
pub use keyring::{KeyRing, KeyRingError};
pub use keys::{DataKey, FreshKey};
pub use layout::{Layers, Layout};
pub use material::KeyMaterial;
pub use source::{EnvironmentSource, FileSource, ROOT_KEY_VARIABLE, RootKeyPlace, RootKeySource, RootKeys};
pub use wrapped::{Binding, RootKeyBytes, WrappedKey, WrappedSource, WrappingError, WrappingKey};

/// Bytes of plaintext in a chunk of a new blob; what a stored blob has is in its envelope.
pub const CHUNK_SIZE: u32 = 64 * 1024;

/// Bytes that each layer of sealing adds to a chunk: the tag of AES-GCM.
pub const TAG_LEN: usize = 16;

/// Why something could not be sealed or opened. No variant holds a key or plaintext.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A chunk is not what was sealed at this place of this blob.
    #[error("blob `{blob}` is damaged at chunk {chunk}")]
    Tampered {
        /// The blob.
        blob: BlobId,
        /// The chunk's number, from 0.
        chunk: u32,
    },
    /// The envelope is not this blob's, or was changed.
    #[error("the sealed data key of blob `{blob}` is damaged")]
    TamperedKey {
        /// The blob.
        blob: BlobId,
    },
    /// The customer's key is not the one that the blob was sealed with (or the envelope was changed: without
    /// keeping anything of the key, the two look the same).
    #[error("the customer key does not open blob `{blob}`")]
    WrongKey {
        /// The blob.
        blob: BlobId,
    },
    /// Sealed with a customer's key: the key ring cannot open it.
    #[error("blob `{blob}` is sealed with a customer key")]
    CustomerKeyNeeded {
        /// The blob.
        blob: BlobId,
    },
    /// Sealed under a key of the key service: the key ring cannot open it.
    #[error("blob `{blob}` is sealed under a key of the key service")]
    ServiceKeyNeeded {
        /// The blob.
        blob: BlobId,
    },
    /// A key of the key service, or the encryption context, is not the one that the blob was sealed with (or the
    /// envelope was changed).
    #[error("neither this key nor this encryption context opens blob `{blob}`")]
    WrongServiceKey {
        /// The blob.
        blob: BlobId,
    },
    /// A ciphertext of the key service that was changed, cut, or sealed in another encryption context.
    #[error("the ciphertext does not open in this encryption context")]
    TamperedCiphertext,
    /// Not sealed with a customer's key, but one was given.
    #[error("blob `{blob}` is not sealed with a customer key")]
    NoCustomerKey {
        /// The blob.
        blob: BlobId,
    },
    /// The key ring has no root key of this version.
    #[error("root key version {version} is not in the key ring")]
    UnknownRootKey {
        /// The version that the envelope names.
        version: u32,
    },
    /// A format of a later version, or a chunk size that none has.
    #[error("sealing format {format} with chunks of {chunk_size} bytes is not known")]
    UnknownFormat {
        /// The format's number.
        format: u8,
        /// Bytes of plaintext in a chunk.
        chunk_size: u32,
    },
    /// More chunks than the format can number.
    #[error("blob `{blob}` is longer than the format allows")]
    TooLong {
        /// The blob.
        blob: BlobId,
    },
    /// A range that does not lie inside the plaintext.
    #[error("bytes {start} to {end} are outside of a blob of {plain_len} bytes")]
    OutOfRange {
        /// The first byte wanted.
        start: u64,
        /// One past the last byte wanted.
        end: u64,
        /// Bytes of plaintext in the blob.
        plain_len: u64,
    },
    /// The system gave no random bytes, or the cryptographic library refused.
    #[error("the cryptographic library failed")]
    Library,
}
