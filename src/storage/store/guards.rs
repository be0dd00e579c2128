//! Read guards: bytes that somebody may still read are not swept.
//!
//! A guard is taken before metadata is read and held until the bytes are. What a transaction dooms is swept only
//! when every guard that was there when the doom was seen is gone: whoever comes later sees the metadata without
//! it. After a restart nobody reads, so everything doomed may go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who reads, by the epoch in which they began.
#[derive(Debug, Default)]
pub(super) struct Guards {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    epoch: u64,
    readers: BTreeMap<u64, usize>,
}

/// Somebody who reads.
#[derive(Debug)]
pub(super) struct ReadGuard {
    guards: Arc<Guards>,
    epoch: u64,
}

impl Guards {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change of the state is one step, so a poisoned lock still guards a sound one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to read.
    pub(super) fn enter(self: &Arc<Self>) -> ReadGuard {
        let mut state = self.state();
        let epoch = state.epoch;
        *state.readers.entry(epoch).or_default() += 1;
        drop(state);
        ReadGuard { guards: Arc::clone(self), epoch }
    }

    /// Begins a new epoch, and gives it: whoever began before is older than it.
    pub(super) fn advance(&self) -> u64 {
        let mut state = self.state();
        state.epoch += 1;
        state.epoch
    }

    /// Whether nobody reads who began before this epoch.
    pub(super) fn all_since(&self, epoch: u64) -> bool {
        self.state().readers.first_key_value().is_none_or(|(oldest, _)| *oldest >= epoch)
    }
}

impl Drop for ReadGuard {
    fn drop(&mut self) {
        let mut state = self.guards.state();
        if let Some(count) = state.readers.get_mut(&self.epoch) {
            *count -= 1;
            if *count == 0 {
                state.readers.remove(&self.epoch);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_free_when_the_older_readers_are_gone() {
        let guards = Arc::new(Guards::default());
        let (a, b) = (guards.enter(), guards.enter());
        let epoch = guards.advance();
        let c = guards.enter();
        assert!(!guards.all_since(epoch));
        drop(a);
        assert!(!guards.all_since(epoch));
        drop(b);
        assert!(guards.all_since(epoch), "the reader that is left is younger");
        assert!(!guards.all_since(guards.advance()));
        drop(c);
        assert!(guards.all_since(u64::MAX));
    }
}
