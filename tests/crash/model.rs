//! What was written, kept small: bodies are made again from their seeds.

use md5::{Digest as _, Md5};
use std::fmt::Write as _;

/// Random numbers that a seed repeats (splitmix64).
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let at = self.below(list.len().max(1) as u64);
        list.get(usize::try_from(at).expect("small"))
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Mostly small, often at the border between metadata and blobs, sometimes megabytes.
    pub fn length(&mut self) -> u64 {
        match self.below(100) {
            0..=2 => 0,
            3..=59 => 1 + self.below(8 << 10),
            60..=69 => (16 << 10) - 2 + self.below(5),
            70..=95 => (100 << 10) + self.below(500 << 10),
            _ => (1 << 20) + self.below(5 << 20),
        }
    }
}

/// Bytes by seed and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub seed: u64,
    pub len: u64,
}

impl Piece {
    /// A block of random bytes, repeated; each repetition begins with its number.
    pub fn bytes(self) -> Vec<u8> {
        let len = usize::try_from(self.len).expect("small");
        let mut rng = Rng(self.seed);
        let mut block: Vec<u8> = (0..128).flat_map(|_| rng.next().to_le_bytes()).collect();
        let mut out = Vec::with_capacity(len + block.len());
        for number in 0_u64.. {
            if out.len() >= len {
                break;
            }
            out.extend_from_slice(&block);
            block[..8].copy_from_slice(&number.to_le_bytes());
        }
        out.truncate(len);
        out
    }

    pub fn etag(self) -> String {
        hex(&Md5::digest(self.bytes()))
    }
}

/// The bytes of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    pieces: Vec<Piece>,
    /// Its MD5, or that of the MD5s of its parts.
    etag: String,
}

impl Body {
    pub fn of(piece: Piece) -> Self {
        Self { etag: piece.etag(), pieces: vec![piece] }
    }

    pub fn of_parts(pieces: Vec<Piece>) -> Self {
        let mut all = Md5::new();
        for piece in &pieces {
            all.update(Md5::digest(piece.bytes()));
        }
        Self { etag: format!("{}-{}", hex(&all.finalize()), pieces.len()), pieces }
    }

    pub fn len(&self) -> u64 {
        self.pieces.iter().map(|p| p.len).sum()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|p| p.bytes()).collect()
    }

    pub fn etag(&self) -> &str {
        &self.etag
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes what is written");
        text
    })
}

/// A version, or a delete marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Unknown while nobody said it.
    pub id: Option<String>,
    /// None: a delete marker.
    pub body: Option<Body>,
    /// The value of its one tag; empty without one.
    pub tag: String,
}

/// The versions of a key, newest first.
pub type Versions = Vec<Version>;

/// How a bucket keeps versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Flat,
    Versioned,
    Suspended,
}

impl Mode {
    /// The versions once another one, or a marker, was put.
    pub fn put(self, before: &Versions, version: Version) -> Versions {
        let mut after = before.clone();
        match self {
            Self::Flat => after.clear(),
            Self::Versioned => {}
            Self::Suspended => after.retain(|v| v.id.as_deref() != Some("null")),
        }
        after.insert(0, version);
        after
    }

    /// The versions once the key was deleted without naming a version.
    pub fn delete(self, before: &Versions) -> Versions {
        match self {
            Self::Flat => Versions::new(),
            _ => self.put(before, Version { id: self.fixed_id(), body: None, tag: String::new() }),
        }
    }

    /// The id that a new version has here, where that can be known.
    pub fn fixed_id(self) -> Option<String> {
        (self != Self::Versioned).then(|| "null".to_owned())
    }
}

/// The buckets of the loop.
pub const BUCKETS: [(&str, Mode); 3] =
    [("flat", Mode::Flat), ("versioned", Mode::Versioned), ("paused", Mode::Suspended)];
