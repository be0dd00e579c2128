//! The bytes of every object: known from its key, so that any of them can be compared, and never held whole.

use bytes::Bytes;

/// A prime, so that no block of a storage format falls in step with it.
const BLOCK: usize = 1_000_003;
/// The longest body that is always in one piece.
const PIECE: usize = 4096;

/// A block of noise that repeats; an object begins somewhere in it.
pub struct Pattern(Bytes);

impl Pattern {
    pub fn new() -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let mut block: Vec<u8> = noise.take(BLOCK.div_ceil(8)).flatten().collect();
        block.truncate(BLOCK);
        Self(block.into())
    }

    /// Where an object begins.
    pub fn start_of(key: &str) -> usize {
        let hash =
            key.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
        usize::try_from(hash % (BLOCK - PIECE) as u64).expect("below the block's length")
    }

    /// The bytes at a position, up to the block's end.
    pub fn at(&self, position: usize) -> Bytes {
        self.0.slice(position % BLOCK..)
    }

    /// As [`Self::at`], at most `most` of them.
    pub fn piece(&self, position: usize, most: usize) -> &[u8] {
        let from = position % BLOCK;
        &self.0[from..BLOCK.min(from + most)]
    }

    /// The first place at which `bytes` are not those at `position`.
    pub fn difference(&self, mut position: usize, mut bytes: &[u8]) -> Option<usize> {
        while !bytes.is_empty() {
            let want = self.piece(position, bytes.len());
            let (have, rest) = bytes.split_at(want.len());
            if have != want {
                return have.iter().zip(want).position(|(h, w)| h != w).map(|n| position + n);
            }
            position += want.len();
            bytes = rest;
        }
        None
    }
}
