//! Manifests: what an object of several parts is made of. They lie in chunks, so that a range reads only its own.

use super::Store;
use super::content::Content;
use super::error::StoreError;
use super::keys;
use super::records::{Checksum, PartRecord, VersionRecord, decode, encode};
use crate::storage::kv::{Reads, Space, Transaction};
use crate::storage::sealing::BlobId;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Parts in a chunk: at up to 500 bytes each, a chunk stays below 256 KiB.
const CHUNK: usize = 500;

/// Where a manifest is, and what its chunks hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRef {
    pub(super) id: BlobId,
    chunks: Vec<Chunk>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Chunk {
    /// Bytes of all its parts.
    bytes: u64,
    /// The number of its last part.
    last: u32,
}

/// A part of an object, as answers tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartView {
    /// Its number.
    pub number: u32,
    /// Where it begins in the object, in bytes.
    pub start: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// How many parts the object has; `None`: it was put whole.
    pub of: Option<u32>,
}

impl ManifestRef {
    /// The chunks that a range touches, each with where it begins.
    pub(super) fn overlapping(&self, range: &Range<u64>) -> Vec<(u32, u64)> {
        let mut start = 0;
        let mut found = Vec::new();
        for (number, chunk) in (0..).zip(&self.chunks) {
            let end = start + chunk.bytes;
            if start < range.end && end > range.start {
                found.push((number, start));
            }
            start = end;
        }
        found
    }

    /// How many chunks there are.
    pub(super) fn chunks(&self) -> u32 {
        u32::try_from(self.chunks.len()).unwrap_or(u32::MAX)
    }
}

/// Writes a manifest.
pub(super) fn write(t: &mut dyn Transaction, id: BlobId, parts: &[PartRecord]) -> ManifestRef {
    let mut chunks = Vec::with_capacity(parts.len().div_ceil(CHUNK));
    for (number, part_chunk) in (0..).zip(parts.chunks(CHUNK)) {
        t.put(Space::Manifests, &keys::manifest(id.as_bytes(), number), encode(&part_chunk));
        chunks.push(Chunk {
            bytes: part_chunk.iter().map(|p| p.size).sum(),
            last: part_chunk.last().map_or(0, |p| p.number),
        });
    }
    ManifestRef { id, chunks }
}

/// Reads a chunk of a manifest.
pub(super) fn load(store: &Store, manifest: &ManifestRef, chunk: u32) -> Result<Vec<PartRecord>, StoreError> {
    let stored = store.inner.engine.get(Space::Manifests, &keys::manifest(manifest.id.as_bytes(), chunk))?;
    let stored = stored.ok_or_else(|| StoreError::damaged(format!("manifest {} is missing", manifest.id)))?;
    decode("manifest", &stored)
}

/// The pieces of a chunk's parts that a range wants: where the bytes are, the part's size, and which of them.
pub(super) fn pieces(parts: Vec<PartRecord>, mut start: u64, range: &Range<u64>) -> Vec<(Content, u64, Range<u64>)> {
    let mut pieces = Vec::with_capacity(parts.len());
    for part in parts {
        let end = start + part.size;
        if start < range.end && end > range.start {
            let within = range.start.max(start) - start..range.end.min(end) - start;
            pieces.push((part.content, part.size, within));
        }
        start = end;
    }
    pieces
}

/// A part of an object by its number.
pub(super) fn part(store: &Store, record: &VersionRecord, number: u32) -> Result<PartView, StoreError> {
    let missing = StoreError::InvalidPartNumber { number };
    if record.parts_count.is_none() {
        return if number == 1 { Ok(whole(record)) } else { Err(missing) };
    }
    let found = number.checked_sub(1).map(|before| parts(store, record, before, 1)).transpose()?;
    found.and_then(|parts| parts.into_iter().next()).filter(|part| part.number == number).ok_or(missing)
}

/// The parts with numbers above `after`.
pub(super) fn parts(
    store: &Store,
    record: &VersionRecord,
    after: u32,
    most: usize,
) -> Result<Vec<PartView>, StoreError> {
    let Content::Manifest(manifest) = &record.content else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut start = 0;
    for (number, chunk) in (0..).zip(&manifest.chunks) {
        if chunk.last > after && found.len() < most {
            let mut at = start;
            for part in load(store, manifest, number)? {
                let size = part.size;
                if part.number > after && found.len() < most {
                    found.push(PartView {
                        number: part.number,
                        start: at,
                        size,
                        etag: part.etag,
                        checksum: part.checksum,
                        of: record.parts_count,
                    });
                }
                at += size;
            }
        }
        start += chunk.bytes;
    }
    Ok(found)
}

fn whole(record: &VersionRecord) -> PartView {
    PartView {
        number: 1,
        start: 0,
        size: record.size,
        etag: record.etag.clone(),
        checksum: record.checksum.clone(),
        of: None,
    }
}
