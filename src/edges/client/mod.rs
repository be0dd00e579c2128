//! The other side of the wire: an S3 client that encrypts before it sends and decrypts after it received.
//!
//! | part | module |
//! |---|---|
//! | the formats of the Amazon S3 Encryption Client | [`encryption`] |
//! | keys to sign with | [`Credentials`] |
//! | requests, signed and tried again | [`Client`] |
//! | S3's operations | [`objects`], [`multipart`], [`listing`] |
//! | data keys of a key service | [`kms`] |
//! | whole objects, up and down | [`transfer`] |
//!
//! `portcullis cp` stands on it; a gateway may use [`encryption`] by itself. From the server it takes what both sides
//! of a wire share: signatures and checksums.

mod credentials;
pub mod encryption;
mod error;
pub mod kms;
pub mod listing;
pub mod multipart;
pub mod objects;
mod query;
pub mod transfer;
mod wire;
pub mod world;
mod xml;

pub use credentials::Credentials;
pub use error::ClientError;
pub use wire::{Client, Endpoint, Settings};
