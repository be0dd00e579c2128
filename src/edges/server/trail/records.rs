//! What one request has written down.

use super::batch::Batch;
use super::unwritable;
use crate::gate::Keeping;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The events of one request: their numbers, and what it has to wait for before anything follows from them.
#[derive(Debug, Default)]
pub struct Records {
    count: AtomicU64,
    /// The batches its events are in, and whether all its events in them may use the reserve.
    batches: Mutex<Vec<(Arc<Batch>, bool)>>,
}

impl Records {
    /// The number of the next event, from 1.
    pub(super) fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// An event is in this batch.
    pub(super) fn add(&self, batch: Arc<Batch>, spare: bool) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        match batches.last_mut() {
            Some((last, all_spare)) if Arc::ptr_eq(last, &batch) => *all_spare &= spare,
            _ => batches.push((batch, spare)),
        }
    }

    /// Waits until every event so far is on disk. Without a durable trail there is nothing to wait for.
    #[must_use]
    pub fn kept(&self) -> Keeping<'_> {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if batches.is_empty() {
            return None;
        }
        Some(Box::pin(async move {
            for (batch, spare) in &batches {
                batch.kept(*spare).await.map_err(|why| unwritable(&why))?;
            }
            self.forget(&batches);
            Ok(())
        }))
    }

    /// What is on disk need not be waited for again; what was lost stays, so that nothing more follows.
    fn forget(&self, done: &[(Arc<Batch>, bool)]) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.retain(|(batch, _)| !done.iter().any(|(other, _)| Arc::ptr_eq(batch, other)));
    }
}
