//! What waits to be written.

use super::Mode;
use super::batch::{Batch, ENDED, Outcome};
use super::layers::LayersText;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may wait to be written, in bytes, where nobody waits for it.
const MOST_WAITING: usize = 8 << 20;
/// The same where requests wait for it, which bounds it already.
const MOST_WAITING_DURABLE: usize = 64 << 20;
/// Beyond this much the writer does not wait for more.
const ENOUGH: usize = 1 << 20;
/// How long the writer lets events gather where nobody waits for them.
const GATHERING: Duration = Duration::from_millis(50);

/// An event.
pub(super) struct Line<'a> {
    /// A whole line.
    pub bytes: &'a [u8],
    /// The layers it holds.
    pub layers: Option<&'a Arc<LayersText>>,
    /// It may be written to the reserve.
    pub spare: bool,
}

/// Events that wait.
#[derive(Debug)]
pub(super) struct Queue {
    mode: Mode,
    waiting: Mutex<Waiting>,
    came: Condvar,
    lost: AtomicU64,
    refused: AtomicU64,
    failing: Mutex<Option<Arc<str>>>,
}

/// What gathered for one write.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Lines.
    pub events: Vec<u8>,
    /// How many.
    pub count: u64,
    /// Which of them may be written to the reserve.
    pub spare: Vec<Range<usize>>,
    /// The layers they hold, by address.
    pub layers: HashMap<usize, Arc<LayersText>>,
    /// Who waits for them.
    pub batch: Arc<Batch>,
    closed: bool,
}

impl Drop for Waiting {
    /// Whoever still waits learns that nobody will write it any more.
    fn drop(&mut self) {
        self.batch.finish(Outcome::Lost(ENDED.into()));
    }
}

impl Waiting {
    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.spare.clear();
        self.layers.clear();
        self.count = 0;
    }
}

impl Queue {
    pub(super) fn new(mode: Mode) -> Self {
        let waiting = Mutex::default();
        Self { mode, waiting, came: Condvar::new(), lost: 0.into(), refused: 0.into(), failing: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event, and gives what a request has to wait for.
    pub(super) fn push(&self, line: &Line<'_>) -> Option<Arc<Batch>> {
        let most = if self.mode == Mode::Durable { MOST_WAITING_DURABLE } else { MOST_WAITING };
        let mut waiting = self.lock();
        if waiting.events.len() + line.bytes.len() > most || waiting.closed {
            drop(waiting);
            return self.refuse("more events wait than can be written");
        }
        let before = waiting.events.len();
        waiting.events.extend_from_slice(line.bytes);
        waiting.count += 1;
        let after = waiting.events.len();
        if line.spare {
            waiting.spare.push(before..after);
        }
        if let Some(layers) = line.layers {
            waiting.layers.entry(Arc::as_ptr(layers) as usize).or_insert_with(|| layers.clone());
        }
        let batch = (self.mode == Mode::Durable).then(|| waiting.batch.clone());
        drop(waiting);
        // PERF: waking a thread costs more than an event; it is woken by the first, and by the one that is enough.
        if before == 0 || before < ENOUGH && after >= ENOUGH {
            self.came.notify_one();
        }
        batch
    }

    /// An event that cannot be written.
    pub(super) fn refuse(&self, why: &str) -> Option<Arc<Batch>> {
        self.count_unwritten(1);
        (self.mode == Mode::Durable).then(|| Arc::new(Batch::lost(why)))
    }

    /// Nobody writes any more.
    pub(super) fn end(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.batch.finish(Outcome::Lost(ENDED.into()));
        drop(waiting);
        self.set_failing(Some(ENDED.into()));
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.came.notify_one();
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// So many events could not be written.
    pub(super) fn count_unwritten(&self, count: u64) {
        let counter = if self.mode == Mode::Durable { &self.refused } else { &self.lost };
        counter.fetch_add(count, Ordering::Relaxed);
    }

    /// Why nothing can be written at the moment.
    pub(super) fn failing(&self) -> Option<Arc<str>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers why nothing can be written; tells whether that is new.
    pub(super) fn set_failing(&self, why: Option<Arc<str>>) -> bool {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = failing.is_some() != why.is_some();
        *failing = why;
        changed
    }

    /// Waits for something and takes all of it; tells whether it was the last. Where nobody waits, more gathers first.
    pub(super) fn take(&self, into: &mut Waiting) -> bool {
        let waiting = self.lock();
        let mut waiting =
            self.came.wait_while(waiting, |w| w.events.is_empty() && !w.closed).unwrap_or_else(PoisonError::into_inner);
        if self.mode != Mode::Durable {
            let gathered = self.came.wait_timeout_while(waiting, GATHERING, |w| w.events.len() < ENOUGH && !w.closed);
            waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
        }
        let closed = waiting.closed;
        std::mem::swap(&mut *waiting, into);
        waiting.closed = closed;
        waiting.batch = Arc::default();
        closed
    }
}
