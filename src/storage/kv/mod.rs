//! The ordered, transactional key-value store that metadata stands on.
//!
//! One narrow trait, [`Engine`], and one suite that every engine passes (`contract.rs`). Writing has a single way
//! in: [`transact`] takes a closure, runs it against a consistent view with its own writes on top, and answers when
//! what it wrote is durable. Reads see durable state only. Transactions are serializable: the outcome is that of
//! some order in which they ran one after another.
//!
//! Absent here: what keys and values mean, encryption, and clocks.

mod error;
mod fjall;
mod memory;
mod pending;
mod range;

#[cfg(test)]
mod contract;

pub use self::fjall::{FjallEngine, Options};
pub use error::{KvError, TransactError};
pub use memory::MemoryEngine;
pub use range::{Direction, KeyRange};

use bytes::Bytes;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::oneshot;

/// One ordered map of keys to values. A transaction spans all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Settings of the store itself.
    Settings,
    /// Buckets and their configuration.
    Buckets,
    /// The current version of each key.
    Objects,
    /// Earlier versions and delete markers.
    History,
    /// Parts that make up a multipart object.
    Manifests,
    /// Multipart uploads under way.
    Uploads,
    /// Parts of uploads under way.
    Parts,
    /// Bytes of small objects.
    Inline,
    /// The ordered change log of each bucket.
    Changes,
    /// Object bytes that wait to be swept.
    Doomed,
    /// Accounts, users, roles, groups and their policies.
    Identity,
    /// Access keys and sessions.
    Credentials,
}

impl Space {
    /// Every space, in the order of the enum.
    pub const ALL: [Self; 12] = [
        Self::Settings,
        Self::Buckets,
        Self::Objects,
        Self::History,
        Self::Manifests,
        Self::Uploads,
        Self::Parts,
        Self::Inline,
        Self::Changes,
        Self::Doomed,
        Self::Identity,
        Self::Credentials,
    ];

    /// The name under which an engine keeps the space. Part of the data format: it never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Buckets => "buckets",
            Self::Objects => "objects",
            Self::History => "history",
            Self::Manifests => "manifests",
            Self::Uploads => "uploads",
            Self::Parts => "parts",
            Self::Inline => "inline",
            Self::Changes => "changes",
            Self::Doomed => "doomed",
            Self::Identity => "identity",
            Self::Credentials => "credentials",
        }
    }

    /// Its place in [`Space::ALL`].
    const fn index(self) -> usize {
        self as usize
    }
}

/// The longest key, in bytes. The shortest is one byte. S3 keys have at most 1,024 bytes, so the rest is ample.
pub const MAX_KEY: usize = 8 * 1024;

/// What a scan calls for every key and value; `Break` ends the scan.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Reads of one view: of an engine, a snapshot or a transaction.
pub trait Reads: Send + Sync {
    /// The value of a key, if it has one.
    ///
    /// # Errors
    /// [`KvError::Io`] if the engine cannot read.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, KvError>;

    /// Visits the keys of a range in order, each with its value, until the visitor breaks off. A range that ends
    /// before it starts is empty.
    ///
    /// # Errors
    /// [`KvError::Io`] if the engine cannot read.
    fn scan(&self, space: Space, range: &KeyRange, direction: Direction, visit: &mut Visit) -> Result<(), KvError>;
}

impl<R: Reads + ?Sized> Reads for Arc<R> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, KvError> {
        (**self).get(space, key)
    }

    fn scan(&self, space: Space, range: &KeyRange, direction: Direction, visit: &mut Visit) -> Result<(), KvError> {
        (**self).scan(space, range, direction, visit)
    }
}

/// A transaction under way. Its reads see its own writes; nobody else does before it is durable.
///
/// INVARIANT: writes cannot fail while the closure runs; what is wrong with one (an empty or overlong key) fails
/// the transaction as a whole, whatever the closure answers.
pub trait Transaction: Reads {
    /// Sets the value of a key.
    fn put(&mut self, space: Space, key: &[u8], value: Bytes);

    /// Removes a key; nothing happens if it is not there.
    fn delete(&mut self, space: Space, key: &[u8]);
}

/// A place where metadata is kept. Reads of the engine itself see the newest durable state, each read for itself;
/// take a [`snapshot`](Engine::snapshot) where two reads must agree.
pub trait Engine: Reads + 'static {
    /// A consistent view of durable state, which later transactions do not change. It holds back the reclaiming of
    /// space, so it should be short-lived.
    ///
    /// # Errors
    /// [`KvError::Io`] if the engine cannot be reached.
    fn snapshot(&self) -> Result<Box<dyn Reads>, KvError>;

    /// Takes work into the queue. Use [`transact`].
    fn submit(&self, work: Work);

    /// What the engine can do at the moment.
    fn health(&self) -> Health;

    /// Takes no more transactions, finishes those in the queue, and returns when it has. Blocks the thread. Reads
    /// go on working. Closing twice does nothing.
    fn close(&self);
}

/// What an engine can do at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Everything.
    Ready,
    /// Reads, and transactions that free space.
    Full {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are to stay free.
        reserve: u64,
    },
    /// Reads only, until it is opened again, for this reason.
    ReadOnly(Arc<str>),
    /// Reads only: it was closed.
    Closed,
}

/// A hook that tests put where an engine touches the disk. It is told the place, such as `kv.before_commit`; its
/// error counts as an I/O error there.
pub type FaultPoint = Arc<dyn Fn(&'static str) -> io::Result<()> + Send + Sync>;

/// What the closure of a transaction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its writes are to be kept.
    Commit,
    /// Its writes are to be dropped.
    Refuse,
}

/// A transaction as an engine sees it, without the caller's types.
pub trait Job: Send {
    /// Runs the closure, perhaps more than once; the last run counts. After a read that met a conflict an engine
    /// runs it again whatever it answers.
    fn run(&mut self, transaction: &mut dyn Transaction) -> Verdict;

    /// Tells the caller: `Ok` if the closure's answer stands, and what it wrote and saw is durable.
    fn settle(self: Box<Self>, outcome: Result<(), KvError>);
}

/// A transaction in the queue of an engine.
pub struct Work {
    job: Box<dyn Job>,
    frees_space: bool,
}

impl Work {
    /// Work for an engine. One that `frees_space` may use the space held in reserve.
    #[must_use]
    pub fn new(job: Box<dyn Job>, frees_space: bool) -> Self {
        Self { job, frees_space }
    }
}

/// Runs a transaction: `Ok` when what the closure wrote is durable.
///
/// The closure should be short and its writes few, since transactions may wait for each other; it must not wait
/// for anything itself, least of all for another transaction. It may run more than once, and what it answered in
/// its last run counts. Its refusal (`Err`) drops its writes. Dropping the future does not recall the transaction.
///
/// # Errors
/// [`TransactError::Refused`] with the closure's own refusal; [`TransactError::Failed`] if the engine failed. Then
/// nothing was written, except perhaps with [`KvError::Unsettled`].
pub async fn transact<T: Send + 'static, E: Send + 'static>(
    engine: &dyn Engine,
    work: impl FnMut(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
) -> Result<T, TransactError<E>> {
    run(engine, false, work).await
}

/// [`transact`] for a transaction that deletes more than it writes: it may use the space held in reserve, so that
/// a full disk can be emptied.
///
/// # Errors
/// As [`transact`].
pub async fn transact_freeing<T: Send + 'static, E: Send + 'static>(
    engine: &dyn Engine,
    work: impl FnMut(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
) -> Result<T, TransactError<E>> {
    run(engine, true, work).await
}

async fn run<T: Send + 'static, E: Send + 'static>(
    engine: &dyn Engine,
    frees_space: bool,
    work: impl FnMut(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
) -> Result<T, TransactError<E>> {
    let (waiter, answer) = oneshot::channel();
    engine.submit(Work::new(Box::new(Typed { work, answer: None, waiter }), frees_space));
    // An engine that drops work instead of settling it has closed.
    answer.await.unwrap_or(Err(TransactError::Failed(KvError::Closed)))
}

/// A closure, its last answer, and who waits for it.
struct Typed<T, E, F> {
    work: F,
    answer: Option<Result<T, E>>,
    waiter: oneshot::Sender<Result<T, TransactError<E>>>,
}

impl<T, E, F> Job for Typed<T, E, F>
where
    T: Send,
    E: Send,
    F: FnMut(&mut dyn Transaction) -> Result<T, E> + Send,
{
    fn run(&mut self, transaction: &mut dyn Transaction) -> Verdict {
        // An answer of an earlier run must not outlive a run that panics.
        self.answer = None;
        let answer = (self.work)(transaction);
        let verdict = if answer.is_ok() { Verdict::Commit } else { Verdict::Refuse };
        self.answer = Some(answer);
        verdict
    }

    fn settle(self: Box<Self>, outcome: Result<(), KvError>) {
        let Self { work, answer, waiter } = *self;
        drop(work);
        let answer = match (outcome, answer) {
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), Some(Err(refusal))) => Err(TransactError::Refused(refusal)),
            // INVARIANT: an engine says `Ok` only after a run.
            (Ok(()), None) => Err(TransactError::Failed(KvError::Closed)),
            (Err(error), _) => Err(TransactError::Failed(error)),
        };
        // Nobody may be waiting any more; the transaction stands all the same.
        drop(waiter.send(answer));
    }
}
