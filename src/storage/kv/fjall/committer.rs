//! The one thread that writes.
//!
//! It adds no delay: while one group is flushed the next gathers in the queue, so groups grow with the load.

use super::{MIB, Store, View};
use crate::storage::kv::error::{panic_message, shared};
use crate::storage::kv::pending::{Pending, Ran, Write};
use crate::storage::kv::{Job, KvError, Work};
use ::fjall::{Error, PersistMode};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// The most transactions in one group, so that nobody waits long for others.
const MAX_GROUP: usize = 256;
/// A group that has written this many bytes takes no more transactions. Also bounds what a group takes from the
/// reserve, since the free space is looked at once per group.
const MAX_GROUP_BYTES: usize = 8 * 1024 * 1024;
/// The part of the reserve that not even transactions that free space may use: a write that fails half-way costs
/// more than one that is refused.
const LAST_RESERVE: u64 = 8 * MIB;

/// The queue, and the thread behind it.
pub(super) struct Committer {
    queue: Sender<Message>,
    closed: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Message {
    Work(Work),
    Close,
}

impl Committer {
    pub(super) fn start(store: Arc<Store>) -> Result<Self, KvError> {
        let (queue, messages) = channel();
        let thread = thread::Builder::new()
            .name("kv-commit".to_owned())
            .spawn(move || commit_groups(&store, &messages))
            .map_err(|error| KvError::Io(shared(&error)))?;
        Ok(Self { queue, closed: AtomicBool::new(false), thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn submit(&self, work: Work) {
        let refused = if self.is_closed() {
            Some(Message::Work(work))
        } else {
            self.queue.send(Message::Work(work)).err().map(|unsent| unsent.0)
        };
        if let Some(Message::Work(work)) = refused {
            work.job.settle(Err(KvError::Closed));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // Fails only if the thread has ended.
            drop(self.queue.send(Message::Close));
            // A transaction may hold the last handle of the engine, and cannot wait for its own thread.
            if thread.thread().id() != thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread: one group after another until the queue is closed.
fn commit_groups(store: &Arc<Store>, messages: &Receiver<Message>) {
    let mut pending = Pending::default();
    let mut group = Vec::new();
    let mut open = true;
    while open {
        let Ok(Message::Work(first)) = messages.recv() else { break };
        open = gather(store, first, messages, &mut pending, &mut group);
        let outcome = if group.iter().any(|(_, ran)| matches!(ran, Ran::Wrote)) {
            // A panic in fjall must not leave callers without an answer.
            let committed = catch_unwind(AssertUnwindSafe(|| commit(store, &mut pending)));
            committed.unwrap_or_else(|panic| Outcome::Unsettled(panic_message(&*panic)))
        } else {
            Outcome::Durable
        };
        if let Outcome::Nothing(reason) | Outcome::Unsettled(reason) = &outcome {
            store.stop(Arc::clone(reason));
        }
        for (job, ran) in group.drain(..) {
            settle(job, outcome.of(ran));
        }
    }
}

/// Runs what is queued, up to the bounds of a group. False if the queue is to be closed after it.
fn gather(
    store: &Arc<Store>,
    first: Work,
    messages: &Receiver<Message>,
    pending: &mut Pending,
    group: &mut Vec<(Box<dyn Job>, Ran)>,
) -> bool {
    let mut free = None;
    let base = store.view();
    let mut next = Message::Work(first);
    loop {
        let Message::Work(work) = next else { return false };
        group.push(run(store, &base, pending, work, &mut free));
        if group.len() >= MAX_GROUP || pending.bytes() >= MAX_GROUP_BYTES {
            return true;
        }
        match messages.try_recv() {
            Ok(message) => next = message,
            Err(_) => return true,
        }
    }
}

fn run(
    store: &Store,
    base: &View,
    pending: &mut Pending,
    work: Work,
    free: &mut Option<io::Result<u64>>,
) -> (Box<dyn Job>, Ran) {
    let Work { mut job, frees_space } = work;
    if let Some(reason) = store.stopped.get() {
        return (job, Ran::Failed(KvError::ReadOnly(Arc::clone(reason))));
    }
    let ran = pending.run(base, &mut *job, || {
        // PERF: asked once per group, beside the flush of the group it costs nothing.
        match free.get_or_insert_with(|| store.free_bytes()) {
            Ok(free) => admit(*free, store.reserve_bytes, frees_space),
            Err(error) => Err(KvError::Io(shared(error))),
        }
    });
    (job, ran)
}

fn admit(free: u64, reserve: u64, frees_space: bool) -> Result<(), KvError> {
    let wanted = if frees_space { reserve.min(LAST_RESERVE) } else { reserve };
    if free < wanted { Err(KvError::Full { free, reserve }) } else { Ok(()) }
}

/// What became of a group's writes.
enum Outcome {
    Durable,
    /// They failed before anything was written.
    Nothing(Arc<str>),
    /// They failed while they were written.
    Unsettled(Arc<str>),
}

impl Outcome {
    /// What it means for one transaction of the group. What a transaction only saw must be durable too: it may have
    /// seen the writes of an earlier one.
    fn of(&self, ran: Ran) -> Result<(), KvError> {
        match (self, ran) {
            (_, Ran::Failed(error)) => Err(error),
            (Self::Durable, _) => Ok(()),
            (Self::Unsettled(reason), Ran::Wrote) => Err(KvError::Unsettled(Arc::clone(reason))),
            (Self::Nothing(reason) | Self::Unsettled(reason), _) => Err(KvError::ReadOnly(Arc::clone(reason))),
        }
    }
}

fn commit(store: &Store, pending: &mut Pending) -> Outcome {
    let mut batch = store.database.batch().durability(Some(PersistMode::SyncData));
    for (space, key, write) in pending.drain() {
        match write {
            Write::Put(value) => batch.insert(store.keyspace(space), &*key, &*value),
            Write::Delete => batch.remove(store.keyspace(space), &*key),
        }
    }
    if let Err(error) = store.fault("kv.before_commit") {
        return Outcome::Nothing(shared(&error));
    }
    match batch.commit() {
        Ok(()) => {}
        // One of fjall's own threads failed earlier; it turns batches away at the door.
        Err(error @ Error::Poisoned) => return Outcome::Nothing(shared(&error)),
        Err(error) => return Outcome::Unsettled(shared(&error)),
    }
    match store.fault("kv.after_commit") {
        Ok(()) => Outcome::Durable,
        Err(error) => Outcome::Unsettled(shared(&error)),
    }
}

fn settle(job: Box<dyn Job>, outcome: Result<(), KvError>) {
    // The caller's types are dropped here if it no longer waits, and their `drop` is not ours to trust.
    drop(catch_unwind(AssertUnwindSafe(|| job.settle(outcome))));
}
