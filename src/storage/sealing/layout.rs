//! How a sealed blob is cut, and how long it is.

use super::TAG_LEN;

/// How often the bytes of a blob are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layers {
    /// Once.
    #[default]
    One,
    /// Twice over, under two independent data keys (DSSE-KMS).
    Two,
}

/// How a sealed blob is cut into chunks, and what sealing adds to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    chunk_size: u32,
    layers: Layers,
}

impl Layout {
    /// Chunks of this many bytes of plaintext.
    #[must_use]
    pub fn new(chunk_size: u32, layers: Layers) -> Self {
        Self { chunk_size, layers }
    }

    /// Bytes of plaintext in each chunk but the last.
    #[must_use]
    pub fn chunk_size(self) -> u32 {
        self.chunk_size
    }

    /// Bytes that sealing adds to each chunk: a tag for each layer.
    #[must_use]
    pub fn added(self) -> usize {
        match self.layers {
            Layers::One => TAG_LEN,
            Layers::Two => 2 * TAG_LEN,
        }
    }

    /// Bytes that a full chunk has once sealed.
    pub(super) fn sealed_chunk(self) -> usize {
        self.chunk_size as usize + self.added()
    }

    /// Bytes that a blob of `plain_len` bytes has once sealed.
    #[must_use]
    pub fn sealed_len(self, plain_len: u64) -> u64 {
        plain_len.saturating_add(self.chunk_count(plain_len) * self.added() as u64)
    }

    /// An empty blob is one empty chunk, so that its absence is noticed.
    pub(super) fn chunk_count(self, plain_len: u64) -> u64 {
        plain_len.div_ceil(u64::from(self.chunk_size)).max(1)
    }

    /// The plaintext's length of a sealed blob, if any plaintext seals to this length.
    pub(super) fn plain_len(self, sealed_len: u64) -> Option<u64> {
        let chunks = sealed_len.div_ceil(self.sealed_chunk() as u64);
        let plain = sealed_len.checked_sub(chunks * self.added() as u64)?;
        (self.sealed_len(plain) == sealed_len).then_some(plain)
    }
}
