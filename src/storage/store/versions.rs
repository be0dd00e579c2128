//! The versions of a key, inside a transaction: what becomes of the current one, of the earlier ones, and of the
//! version `null`.

use super::error::StoreError;
use super::records::{BucketRecord, Change, ChangeKind, VersionRecord, Versioning, decode, encode};
use super::sight::{find_current, find_earlier};
use super::version_id::NULL;
use super::{keys, sweep, version_id};
use crate::storage::kv::{Direction, KeyRange, Space, Transaction};
use std::ops::ControlFlow;

/// Random bytes for a version id.
pub(super) fn random() -> Result<[u8; 16], StoreError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StoreError::Io("the system gave no random bytes".into()))?;
    Ok(bytes)
}

/// The next number of a bucket. Transactions run one after another, so that numbers are in the order of commits.
pub(super) fn next_seq(t: &mut dyn Transaction, bucket: u64) -> Result<u64, StoreError> {
    let key = keys::counter(bucket);
    let last = match t.get(Space::Settings, &key)? {
        Some(stored) => read_number(&stored)?,
        None => 0,
    };
    let next = last + 1;
    t.put(Space::Settings, &key, number(next));
    Ok(next)
}

/// A number as a value.
pub(super) fn number(value: u64) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(&value.to_be_bytes())
}

/// Reads what [`number`] wrote.
pub(super) fn read_number(stored: &[u8]) -> Result<u64, StoreError> {
    stored.try_into().map(u64::from_be_bytes).map_err(|_| StoreError::damaged("a counter"))
}

/// Appends to a bucket's change log.
pub(super) fn log(t: &mut dyn Transaction, bucket: u64, seq: u64, change: &Change) {
    t.put(Space::Changes, &keys::change(bucket, seq), encode(change));
}

/// A key of a bucket.
pub(super) struct Place<'a> {
    pub(super) bucket: &'a BucketRecord,
    pub(super) key: &'a str,
}

impl Place<'_> {
    /// The current version.
    pub(super) fn current(&self, t: &dyn Transaction) -> Result<Option<VersionRecord>, StoreError> {
        find_current(t, self.bucket.id, self.key)
    }

    /// An earlier version by its number.
    pub(super) fn earlier(&self, t: &dyn Transaction, seq: u64) -> Result<Option<VersionRecord>, StoreError> {
        find_earlier(t, self.bucket.id, self.key, seq)
    }

    /// Makes a new version the current one, and does with what was there what the bucket's versioning wants. The
    /// record gets its number and version.
    pub(super) fn replace(
        &self,
        t: &mut dyn Transaction,
        current: Option<VersionRecord>,
        record: &mut VersionRecord,
        random: [u8; 16],
        kind: ChangeKind,
    ) -> Result<(), StoreError> {
        record.seq = next_seq(t, self.bucket.id)?;
        let keeps = self.bucket.versioning == Versioning::Enabled;
        record.version = if keeps { version_id::make(record.seq, random) } else { NULL.to_owned() };
        record.null_in_history = None;
        if let Some(current) = current {
            let is_null = current.version == NULL;
            if keeps {
                record.null_in_history = if is_null { Some(current.seq) } else { current.null_in_history };
                self.keep(t, &current);
            } else if is_null {
                sweep::doom(t, &current.content);
            } else {
                if let Some(seq) = current.null_in_history {
                    self.destroy_earlier(t, seq)?;
                }
                self.keep(t, &current);
            }
        }
        self.put_current(t, record);
        self.log(t, record.seq, kind, &record.version, record.modified_ms);
        Ok(())
    }

    /// Puts the record of the current version.
    pub(super) fn put_current(&self, t: &mut dyn Transaction, record: &VersionRecord) {
        t.put(Space::Objects, &keys::object(self.bucket.id, self.key.as_bytes()), encode(record));
    }

    /// Puts the record of an earlier version.
    pub(super) fn keep(&self, t: &mut dyn Transaction, record: &VersionRecord) {
        t.put(Space::History, &keys::version(self.bucket.id, self.key.as_bytes(), record.seq), encode(record));
    }

    /// Destroys an earlier version.
    pub(super) fn destroy_earlier(&self, t: &mut dyn Transaction, seq: u64) -> Result<(), StoreError> {
        if let Some(record) = self.earlier(t, seq)? {
            sweep::doom(t, &record.content);
        }
        t.delete(Space::History, &keys::version(self.bucket.id, self.key.as_bytes(), seq));
        Ok(())
    }

    /// Destroys the current version; the newest of the earlier ones takes its place.
    pub(super) fn destroy_current(&self, t: &mut dyn Transaction, current: &VersionRecord) -> Result<(), StoreError> {
        sweep::doom(t, &current.content);
        let range = KeyRange::prefix(keys::versions(self.bucket.id, self.key.as_bytes()));
        let mut newest = None;
        t.scan(Space::History, &range, Direction::Forward, &mut |key, value| {
            newest = Some((key.to_vec(), decode::<VersionRecord>("version record", value)));
            ControlFlow::Break(())
        })?;
        match newest {
            None => t.delete(Space::Objects, &keys::object(self.bucket.id, self.key.as_bytes())),
            Some((key, record)) => {
                let mut record = record?;
                t.delete(Space::History, &key);
                record.null_in_history = current.null_in_history.filter(|null| *null != record.seq);
                self.put_current(t, &record);
            }
        }
        Ok(())
    }

    /// Appends to the change log with a number of its own.
    pub(super) fn log_now(
        &self,
        t: &mut dyn Transaction,
        kind: ChangeKind,
        version: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let seq = next_seq(t, self.bucket.id)?;
        self.log(t, seq, kind, version, now_ms);
        Ok(())
    }

    fn log(&self, t: &mut dyn Transaction, seq: u64, kind: ChangeKind, version: &str, time_ms: i64) {
        let change = Change { kind, key: self.key.to_owned(), version: version.to_owned(), time_ms };
        log(t, self.bucket.id, seq, &change);
    }
}
