//! A new root key: everything that older ones sealed is sealed under it, in small transactions, while others read and
//! write.
//!
//! A record is looked through as a tree, and every envelope in it that stands beside the id it is bound to is sealed
//! anew; so this needs to know no kind of record, and leaves everything else in it as it is. The bytes of objects do
//! not change: only the data keys' envelopes do. Old root keys stay in the ring.

use super::Store;
use super::error::StoreError;
use crate::storage::kv::{Direction, KeyRange, Reads, Space, Transaction};
use crate::storage::sealing::{BlobId, Envelope, KeyRing};
use bytes::Bytes;
use rmpv::Value;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Records that one transaction looks at.
const BATCH: usize = 100;

/// Where envelopes are.
const SPACES: [Space; 7] = [
    Space::Objects,
    Space::History,
    Space::Manifests,
    Space::Uploads,
    Space::Parts,
    Space::Identity,
    Space::Credentials,
];

/// What was sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// The version of the root key that seals everything now.
    pub version: u32,
    /// Envelopes that an older one had sealed.
    pub envelopes: u64,
}

impl Store {
    /// Makes a new root key, where root keys can be made, and seals under the newest one what older ones sealed.
    /// May be called while others read and write: what was begun before and comes in behind it stays under the root key
    /// of before, until the next call, which also takes up what was cut short.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the new root key cannot be kept; [`StoreError::Damaged`] if an envelope does not open:
    /// what came before it is sealed anew then.
    pub async fn reseal(&self, now: i64) -> Result<Resealed, StoreError> {
        // Root keys that are not this data directory's must not go unnoticed.
        self.world()?;
        if self.inner.keys.is_writable() {
            let keys = Arc::clone(&self.inner.keys);
            // Writing may wait for a disk, a device or another server.
            let rotated = tokio::task::spawn_blocking(move || keys.rotate(now)).await;
            rotated.map_err(|e| StoreError::Io(e.to_string().into()))??;
        }
        let mut done = Resealed { version: self.inner.keys.version(), envelopes: 0 };
        for space in SPACES {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let names = self.names_after(space, after.as_deref())?;
                let Some(last) = names.last() else { break };
                after = Some(last.clone());
                done.envelopes += self.reseal_batch(space, names).await?;
            }
        }
        Ok(done)
    }

    fn names_after(&self, space: Space, after: Option<&[u8]>) -> Result<Vec<Vec<u8>>, StoreError> {
        let range = after.map_or(KeyRange::all(), |key| KeyRange::all().after(key));
        let mut names = Vec::new();
        self.inner.engine.scan(space, &range, Direction::Forward, &mut |key, _| {
            names.push(key.to_vec());
            if names.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(names)
    }

    async fn reseal_batch(&self, space: Space, names: Vec<Vec<u8>>) -> Result<u64, StoreError> {
        let keys = self.inner.keys.clone();
        self.transact(move |t: &mut dyn Transaction| {
            let mut count = 0;
            for name in &names {
                // It may be gone, or another one, by now.
                let Some(stored) = t.get(space, name)? else { continue };
                if let Some((anew, envelopes)) = resealed(&keys, &stored)? {
                    t.put(space, name, anew);
                    count += envelopes;
                }
            }
            Ok(count)
        })
        .await
    }
}

/// A record with its envelopes sealed anew, and how many those were; `None`: none were to be.
fn resealed(keys: &KeyRing, stored: &[u8]) -> Result<Option<(Bytes, u64)>, StoreError> {
    let mut rest = stored;
    let Ok(mut tree) = rmpv::decode::read_value(&mut rest) else { return Ok(None) };
    // Values that are no records hold no envelopes.
    if !rest.is_empty() {
        return Ok(None);
    }
    let count = walk(keys, &mut tree)?;
    if count == 0 {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(stored.len());
    rmpv::encode::write_value(&mut bytes, &tree).map_err(|e| StoreError::damaged(e.to_string()))?;
    Ok(Some((bytes.into(), count)))
}

/// Seals the envelopes of a tree anew. An id and its envelope stand beside each other: in a list, or in a map as `id`
/// and `envelope`.
fn walk(keys: &KeyRing, tree: &mut Value) -> Result<u64, StoreError> {
    let mut count = 0;
    match tree {
        Value::Array(list) => {
            let mut before = None;
            for value in list {
                let id = blob_id(value);
                count += match before {
                    Some(blob) if is_envelope(value) => reseal_value(keys, blob, value)?,
                    _ => walk(keys, value)?,
                };
                before = id;
            }
        }
        Value::Map(map) => {
            let named = |name: &str| map.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
            let id = named("id").and_then(blob_id);
            for (key, value) in map.iter_mut() {
                count += match id {
                    Some(blob) if key.as_str() == Some("envelope") && is_envelope(value) => {
                        reseal_value(keys, blob, value)?
                    }
                    _ => walk(keys, value)?,
                };
            }
        }
        _ => {}
    }
    Ok(count)
}

fn blob_id(value: &Value) -> Option<BlobId> {
    let Value::Binary(bytes) = value else { return None };
    bytes.as_slice().try_into().ok().map(BlobId::from_bytes)
}

fn is_envelope(value: &Value) -> bool {
    let has = |name: &str| value.as_map().is_some_and(|map| map.iter().any(|(key, _)| key.as_str() == Some(name)));
    has("wrapped_key") && has("sealed_by") && has("chunk_size")
}

fn reseal_value(keys: &KeyRing, blob: BlobId, value: &mut Value) -> Result<u64, StoreError> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).map_err(|e| StoreError::damaged(e.to_string()))?;
    let envelope: Envelope = super::records::decode("envelope", &bytes)?;
    let Some(anew) = keys.reseal(blob, &envelope)? else { return Ok(0) };
    let bytes = super::records::encode(&anew);
    *value = rmpv::decode::read_value(&mut &*bytes).map_err(|e| StoreError::damaged(e.to_string()))?;
    Ok(1)
}
