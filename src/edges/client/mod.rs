//! The other side of the wire: an S3 client that encrypts before it sends and decrypts after it received.
//!
//! `portcullis cp` stands on it; a gateway may use [`encryption`] by itself. Absent here: the server.

pub mod encryption;
