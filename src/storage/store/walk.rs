//! Walking the keys of a bucket as S3 lists them: by prefix, with what shares a prefix up to a delimiter rolled up.

use super::error::StoreError;
use super::keys;
use crate::storage::kv::{Direction, KeyRange, Reads, Space};
use std::borrow::Cow;
use std::ops::{Bound, ControlFlow};

/// Keys below a rolled-up prefix that are stepped over before the walk seeks past all of them.
///
/// PERF: a seek costs about as much as a few steps (not measured); prefixes of few keys are common.
const STEPS: usize = 8;

/// What to walk.
pub(super) struct Walk<'a> {
    pub(super) view: &'a dyn Reads,
    /// Objects or Uploads.
    pub(super) space: Space,
    pub(super) bucket: u64,
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// Rolled-up prefixes up to this one were listed before.
    pub(super) after: Option<&'a str>,
    /// Where the records begin that were not listed before.
    pub(super) start: Bound<Vec<u8>>,
}

/// What is met on the way.
pub(super) enum Met<'a> {
    /// A record: its object's key, and the value.
    Record(&'a [u8], &'a [u8]),
    /// A record below a prefix that is not rolled up yet: the prefix, and the value.
    Below(&'a [u8], &'a [u8]),
}

/// What the visitor wants.
pub(super) enum Go {
    /// The next record.
    On,
    /// The next record that is not below the prefix just met.
    Past,
    /// No more.
    Stop,
}

impl Walk<'_> {
    fn stored(&self, key: &[u8]) -> Vec<u8> {
        match self.space {
            Space::Objects => keys::object(self.bucket, key),
            _ => keys::versions_from(self.bucket, key),
        }
    }

    fn read<'k>(&self, stored: &'k [u8]) -> Option<Cow<'k, [u8]>> {
        match self.space {
            Space::Objects => keys::key_of_object(stored).map(Cow::Borrowed),
            _ => keys::split(stored).map(|(key, _)| Cow::Owned(key)),
        }
    }

    /// Where the rolled-up prefix of a key ends, if it has one.
    fn rolled(&self, key: &[u8]) -> Option<usize> {
        let delimiter = self.delimiter?.as_bytes();
        let rest = key.get(self.prefix.len()..)?;
        let at = match delimiter {
            [one] => rest.iter().position(|byte| byte == one),
            several => rest.windows(several.len()).position(|window| window == several),
        }?;
        Some(self.prefix.len() + at + delimiter.len())
    }

    /// Walks until the visitor stops or nothing is left.
    pub(super) fn run(&self, mut visit: impl FnMut(Met<'_>) -> Result<Go, StoreError>) -> Result<(), StoreError> {
        let whole = KeyRange::prefix(self.stored(self.prefix.as_bytes()));
        let mut range = match &self.start {
            Bound::Unbounded => whole.clone(),
            Bound::Included(key) => whole.clone().starting_at(key.clone()),
            Bound::Excluded(key) => whole.clone().after(key.clone()),
        };
        loop {
            let mut passing: Vec<u8> = Vec::new();
            let mut steps = 0;
            let mut seek = false;
            let mut outcome = Ok(());
            self.view.scan(self.space, &range, Direction::Forward, &mut |stored, value| {
                let Some(key) = self.read(stored) else {
                    outcome = Err(StoreError::damaged("the key of a record"));
                    return ControlFlow::Break(());
                };
                if !passing.is_empty() && key.starts_with(&passing) {
                    steps += 1;
                    seek = steps > STEPS;
                    return if seek { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                }
                let rolled = self.rolled(&key).and_then(|end| key.get(..end));
                let go = match rolled {
                    Some(prefix) if self.after.is_some_and(|after| prefix <= after.as_bytes()) => Ok(Go::Past),
                    Some(prefix) => visit(Met::Below(prefix, value)),
                    None => visit(Met::Record(&key, value)),
                };
                match go {
                    Ok(Go::On) => ControlFlow::Continue(()),
                    Ok(Go::Past) => {
                        passing.clear();
                        passing.extend_from_slice(rolled.unwrap_or(&key));
                        steps = 0;
                        ControlFlow::Continue(())
                    }
                    Ok(Go::Stop) => ControlFlow::Break(()),
                    Err(error) => {
                        outcome = Err(error);
                        ControlFlow::Break(())
                    }
                }
            })?;
            outcome?;
            match keys::after_prefix(&self.stored(&passing)).filter(|_| seek) {
                Some(next) => range = whole.clone().starting_at(next),
                None => return Ok(()),
            }
        }
    }
}

/// A stored key as text.
pub(super) fn text(key: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(key.to_vec()).map_err(|_| StoreError::damaged("a key that is no UTF-8"))
}
