//! A small engine in memory: nothing is kept when the process ends. For tests, and as the plainest reading of the
//! contract.

use super::pending::{Pending, Ran, Write};
use super::{Direction, Engine, Health, KeyRange, KvError, Reads, Space, Visit, Work};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The maps of all spaces.
#[derive(Clone, Default)]
struct State([BTreeMap<Bytes, Bytes>; Space::ALL.len()]);

impl State {
    fn of(&self, space: Space) -> &BTreeMap<Bytes, Bytes> {
        self.0.get(space.index()).expect("there is a map for every space")
    }
}

/// An engine in memory. Every transaction runs on the caller's thread while it is submitted, and copies all maps if
/// a snapshot is held: right for tests, not for much data.
#[derive(Default)]
pub struct MemoryEngine {
    state: RwLock<Arc<State>>,
    /// Held by the transaction that runs.
    writing: Mutex<()>,
    closed: AtomicBool,
}

impl MemoryEngine {
    /// An empty engine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    // The state is replaced whole, so a poisoned lock still guards a sound one.
    fn current(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reads for MemoryEngine {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, KvError> {
        self.current().get(space, key)
    }

    fn scan(&self, space: Space, range: &KeyRange, direction: Direction, visit: &mut Visit) -> Result<(), KvError> {
        self.current().scan(space, range, direction, visit)
    }
}

impl Engine for MemoryEngine {
    fn snapshot(&self) -> Result<Box<dyn Reads>, KvError> {
        Ok(Box::new(self.current()))
    }

    fn submit(&self, work: Work) {
        let Work { mut job, .. } = work;
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.closed.load(Ordering::Acquire) {
            return job.settle(Err(KvError::Closed));
        }
        let mut pending = Pending::default();
        let base = self.current();
        let ran = pending.run(&base, &mut *job, || Ok(()));
        drop(base);
        let outcome = match ran {
            Ran::Failed(error) => Err(error),
            Ran::Unchanged => Ok(()),
            Ran::Wrote => {
                let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
                let state = Arc::make_mut(&mut state);
                for (space, key, write) in pending.drain() {
                    let map = state.0.get_mut(space.index()).expect("there is a map for every space");
                    match write {
                        Write::Put(value) => drop(map.insert(key, value)),
                        Write::Delete => drop(map.remove(&key)),
                    }
                }
                Ok(())
            }
        };
        drop(writing);
        job.settle(outcome);
    }

    fn health(&self) -> Health {
        if self.closed.load(Ordering::Acquire) { Health::Closed } else { Health::Ready }
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // The transaction that runs is finished when its lock is free.
        drop(self.writing.lock());
    }
}

impl Reads for State {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, KvError> {
        Ok(self.of(space).get(key).cloned())
    }

    fn scan(&self, space: Space, range: &KeyRange, direction: Direction, visit: &mut Visit) -> Result<(), KvError> {
        if range.is_empty() {
            return Ok(());
        }
        let mut found = self.of(space).range::<[u8], _>(range.bounds());
        let mut stop = |(key, value): (&Bytes, &Bytes)| visit(key, value).is_break();
        // That the visitor wants no more is no error.
        let _stopped = match direction {
            Direction::Forward => found.any(&mut stop),
            Direction::Backward => found.rev().any(&mut stop),
        };
        Ok(())
    }
}
