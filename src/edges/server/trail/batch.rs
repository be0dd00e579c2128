//! Events that are written together, and how those who wait for them learn what became of them.

use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// Why nothing is written any more.
pub(super) const ENDED: &str = "its writer ended";

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All of it is on disk.
    Kept,
    /// Only what may use the reserve is on disk; why the rest is not.
    SpareKept(Arc<str>),
    /// Nothing of it counts as written; why.
    Lost(Arc<str>),
}

/// Events that are written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    outcome: OnceLock<Outcome>,
    finished: Notify,
}

impl Batch {
    /// A batch that is lost already.
    pub(super) fn lost(why: &str) -> Self {
        let batch = Self::default();
        batch.finish(Outcome::Lost(why.into()));
        batch
    }

    /// Tells everyone who waits; the first outcome stands.
    pub(super) fn finish(&self, outcome: Outcome) {
        let _ = self.outcome.set(outcome);
        self.finished.notify_waiters();
    }

    /// Waits until the events are on disk.
    ///
    /// # Errors
    /// Why they are not. `spare`: the waiter's events may use the reserve.
    pub(super) async fn kept(&self, spare: bool) -> Result<(), Arc<str>> {
        let finished = self.finished.notified();
        // INVARIANT: a waiter is known to the notifier from its creation on, so that an outcome that is set between
        // the look and the wait is not missed.
        let outcome = match self.outcome.get() {
            Some(outcome) => outcome,
            None => {
                finished.await;
                self.outcome.get().ok_or(ENDED)?
            }
        };
        match outcome {
            Outcome::Kept => Ok(()),
            Outcome::SpareKept(_) if spare => Ok(()),
            Outcome::SpareKept(why) | Outcome::Lost(why) => Err(why.clone()),
        }
    }
}
