//! AES-256-GCM over a stream of any length up to 64 GiB.
//!
//! The usual interfaces take a whole message; an object does not fit into memory. So the two halves of the mode are
//! put together as NIST SP 800-38D has them (GCTR from aws-lc, GHASH from the crate `ghash`), and tested against the whole
//! one of aws-lc.

use super::{EncryptionError, MOST_BYTES};
use aws_lc_rs::cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use ghash::universal_hash::UniversalHash as _;
use ghash::{GHash, Key};

/// Bytes of a tag.
pub const TAG: usize = 16;
/// Bytes of a nonce.
pub const NONCE: usize = 12;
const BLOCK: usize = 16;
/// What is encrypted at once: large enough for the processor's instructions, small enough for its cache.
const CHUNK: usize = 16 * 1024;

/// One message under one key and nonce.
pub struct Gcm {
    stream: StreamingEncryptingKey,
    hash: GHash,
    /// The encrypted first counter block, which masks the tag.
    mask: [u8; BLOCK],
    /// Ciphertext that fills no block yet.
    partial: Vec<u8>,
    aad_bytes: u64,
    bytes: u64,
    scratch: Vec<u8>,
}

impl Gcm {
    /// Begins a message.
    ///
    /// # Errors
    /// [`EncryptionError::Failed`].
    pub fn new(key: &[u8; 32], nonce: &[u8; NONCE], aad: &[u8]) -> Result<Self, EncryptionError> {
        let mut scratch = vec![0; CHUNK + BLOCK];
        let mut subkey = [0; BLOCK];
        keystream(&mut stream(key, &[0; BLOCK])?, &mut subkey, &mut scratch)?;
        let mut first = [0; BLOCK];
        first.get_mut(..NONCE).ok_or(EncryptionError::Failed)?.copy_from_slice(nonce);
        // The counter's last four bytes begin at 1; the message begins at 2.
        first[BLOCK - 1] = 1;
        let mut stream = stream(key, &first)?;
        let mut mask = [0; BLOCK];
        keystream(&mut stream, &mut mask, &mut scratch)?;
        let mut hash = GHash::new(&Key::from(subkey));
        hash.update_padded(aad);
        let aad_bytes = aad.len() as u64;
        Ok(Self { stream, hash, mask, partial: Vec::with_capacity(BLOCK), aad_bytes, bytes: 0, scratch })
    }

    /// Encrypts the next bytes in place.
    ///
    /// # Errors
    /// [`EncryptionError::TooLong`].
    pub fn encrypt(&mut self, bytes: &mut [u8]) -> Result<(), EncryptionError> {
        self.count(bytes.len())?;
        for chunk in bytes.chunks_mut(CHUNK) {
            keystream(&mut self.stream, chunk, &mut self.scratch)?;
            self.absorb(chunk);
        }
        Ok(())
    }

    /// Decrypts the next bytes in place.
    ///
    /// # Errors
    /// [`EncryptionError::TooLong`].
    pub fn decrypt(&mut self, bytes: &mut [u8]) -> Result<(), EncryptionError> {
        self.count(bytes.len())?;
        for chunk in bytes.chunks_mut(CHUNK) {
            self.absorb(chunk);
            keystream(&mut self.stream, chunk, &mut self.scratch)?;
        }
        Ok(())
    }

    /// The tag of the whole message.
    #[must_use]
    pub fn tag(mut self) -> [u8; TAG] {
        let rest = std::mem::take(&mut self.partial);
        self.hash.update_padded(&rest);
        let mut lengths = [0_u8; BLOCK];
        let both = (u128::from(self.aad_bytes * 8) << 64) | u128::from(self.bytes * 8);
        lengths.copy_from_slice(&both.to_be_bytes());
        self.hash.update(&[lengths.into()]);
        let mut tag = self.mask;
        for (byte, hashed) in tag.iter_mut().zip(self.hash.finalize()) {
            *byte ^= hashed;
        }
        tag
    }

    fn count(&mut self, more: usize) -> Result<(), EncryptionError> {
        self.bytes += more as u64;
        if self.bytes > MOST_BYTES { Err(EncryptionError::TooLong) } else { Ok(()) }
    }

    /// Takes ciphertext into the hash, block by block.
    fn absorb(&mut self, mut bytes: &[u8]) {
        if !self.partial.is_empty() {
            let (fills, rest) = bytes.split_at(bytes.len().min(BLOCK - self.partial.len()));
            self.partial.extend_from_slice(fills);
            bytes = rest;
            if self.partial.len() < BLOCK {
                return;
            }
            self.hash.update_padded(&self.partial);
            self.partial.clear();
        }
        let whole = bytes.len() - bytes.len() % BLOCK;
        let (blocks, rest) = bytes.split_at(whole);
        // Whole blocks need no padding.
        self.hash.update_padded(blocks);
        self.partial.extend_from_slice(rest);
    }
}

/// The key stream that begins with this counter block.
fn stream(key: &[u8; 32], counter: &[u8; BLOCK]) -> Result<StreamingEncryptingKey, EncryptionError> {
    let key = UnboundCipherKey::new(&AES_256, key)?;
    let context = EncryptionContext::Iv128(FixedLength::from(counter));
    Ok(StreamingEncryptingKey::less_safe_ctr(key, context)?)
}

/// Adds the next of a key stream to at most [`CHUNK`] bytes.
fn keystream(stream: &mut StreamingEncryptingKey, bytes: &mut [u8], scratch: &mut [u8]) -> Result<(), EncryptionError> {
    let update = stream.update(bytes, scratch)?;
    bytes.copy_from_slice(update.written());
    Ok(())
}
