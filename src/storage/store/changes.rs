//! The ordered change log of a bucket: one entry for each change, in the same transaction as the change.

use super::Store;
use super::error::StoreError;
use super::keys;
use super::records::{Change, decode};
use crate::storage::kv::{Direction, KeyRange, Reads, Space};
use std::ops::ControlFlow;

/// An entry of the change log with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedChange {
    /// Its number in the bucket: later changes have greater ones, not always by one.
    pub seq: u64,
    /// The change.
    pub change: Change,
}

impl Store {
    /// The changes of a bucket after a number, oldest first, at most `most`. For the program's own followers; no
    /// request reads it.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::Damaged`]; [`StoreError::Io`].
    pub fn changes(&self, bucket: &str, after: u64, most: usize) -> Result<Vec<LoggedChange>, StoreError> {
        let id = self.bucket(bucket).ok_or(StoreError::NoSuchBucket)?.id;
        let range = KeyRange::prefix(id.to_be_bytes()).after(keys::change(id, after));
        let mut found = Vec::new();
        let mut outcome = Ok(());
        self.inner.engine.scan(Space::Changes, &range, Direction::Forward, &mut |key, value| {
            if found.len() == most {
                return ControlFlow::Break(());
            }
            let seq = key.get(8..).and_then(|k| k.try_into().ok()).map(u64::from_be_bytes);
            match (seq, decode("change", value)) {
                (Some(seq), Ok(change)) => {
                    found.push(LoggedChange { seq, change });
                    ControlFlow::Continue(())
                }
                (_, Err(error)) => {
                    outcome = Err(error);
                    ControlFlow::Break(())
                }
                (None, _) => {
                    outcome = Err(StoreError::damaged("the key of a change"));
                    ControlFlow::Break(())
                }
            }
        })?;
        outcome.map(|()| found)
    }
}
