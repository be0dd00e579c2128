//! The name of a sealed thing.

use super::{SealError, fixed_bytes};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The opaque name of a blob, or of an object's bytes that lie sealed in its metadata: 48 bits of time, so that
/// ids of one time lie together, and 80 random bits, so that no two are the same and none can be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlobId(#[serde(with = "fixed_bytes")] [u8; BlobId::LEN]);

impl BlobId {
    /// Bytes of an id.
    pub const LEN: usize = 16;

    /// A new id. `millis` is the time in milliseconds since 1970, or a counter; its lower 48 bits count.
    ///
    /// # Errors
    /// [`SealError::Library`] if the system gives no random bytes.
    pub fn generate(millis: u64) -> Result<Self, SealError> {
        let [_, _, time @ ..] = millis.to_be_bytes();
        let mut id = [0; Self::LEN];
        let (first, rest) = id.split_at_mut(time.len());
        first.copy_from_slice(&time);
        aws_lc_rs::rand::fill(rest).map_err(|_| SealError::Library)?;
        Ok(Self(id))
    }

    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Reads what [`fmt::Display`] writes: exactly 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut id = [0; Self::LEN];
        if text.len() != 2 * Self::LEN {
            return None;
        }
        for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            for digit in pair {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return None,
                };
                *byte = (*byte << 4) | value;
            }
        }
        Some(Self(id))
    }

    /// One random byte of it, which spreads blobs over directories.
    #[must_use]
    pub fn shard(&self) -> u8 {
        let [.., last] = self.0;
        last
    }

    /// Seven random bytes of it, for nonces.
    pub(super) fn nonce_prefix(&self) -> &[u8; 7] {
        self.0.last_chunk().expect("an id is longer")
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 2 * Self::LEN];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        f.write_str(std::str::from_utf8(&text).expect("hexadecimal digits are ASCII"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}
