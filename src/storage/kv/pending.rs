//! Writes that wait for a commit, and the view of a transaction: what is durable with those writes on top.

use super::error::panic_message;
use super::{Direction, Job, KeyRange, KvError, MAX_KEY, Reads, Space, Transaction, Verdict, Visit};
use bytes::Bytes;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a key is to become.
#[derive(Debug)]
pub(super) enum Write {
    Put(Bytes),
    Delete,
}

/// The writes of a group of transactions.
#[derive(Default)]
pub(super) struct Pending {
    spaces: [BTreeMap<Bytes, Write>; Space::ALL.len()],
    /// What the running transaction replaced, latest last, so that its writes can be dropped again.
    undo: Vec<(Space, Bytes, Option<Write>)>,
    /// Bytes of keys and values written so far, overwritten ones included.
    bytes: usize,
}

impl Write {
    fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Put(value) => Some(value),
            Self::Delete => None,
        }
    }
}

/// What a transaction came to before its group is committed.
pub(super) enum Ran {
    /// It wrote something.
    Wrote,
    /// It wrote nothing or refused.
    Unchanged,
    /// It failed; its writes are dropped.
    Failed(KvError),
}

impl Pending {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Empties the group and gives its writes, by space and key.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Space, Bytes, Write)> + use<> {
        self.bytes = 0;
        self.undo.clear();
        let spaces = std::mem::take(&mut self.spaces);
        Space::ALL
            .into_iter()
            .zip(spaces)
            .flat_map(|(space, writes)| writes.into_iter().map(move |(key, write)| (space, key, write)))
    }

    /// Runs one transaction on top of the group. Whatever it does not want kept, or may not keep, is dropped:
    /// `admit` is asked only if it wrote something.
    pub(super) fn run(
        &mut self,
        base: &dyn Reads,
        job: &mut dyn Job,
        admit: impl FnOnce() -> Result<(), KvError>,
    ) -> Ran {
        self.undo.clear();
        let bytes = self.bytes;
        let mut view = View { base, pending: self, invalid_key: None };
        // The closure's captures are not used again after a panic, and the writes are undone.
        let verdict = catch_unwind(AssertUnwindSafe(|| job.run(&mut view)));
        let invalid_key = view.invalid_key;
        let ran = match (verdict, invalid_key) {
            (Err(panic), _) => Ran::Failed(KvError::Panicked(panic_message(&*panic))),
            (Ok(Verdict::Refuse), _) => Ran::Unchanged,
            (Ok(Verdict::Commit), Some(length)) => Ran::Failed(KvError::InvalidKey(length)),
            (Ok(Verdict::Commit), None) if self.undo.is_empty() => Ran::Unchanged,
            (Ok(Verdict::Commit), None) => admit().map_or_else(Ran::Failed, |()| Ran::Wrote),
        };
        if !matches!(ran, Ran::Wrote) {
            self.bytes = bytes;
            self.roll_back();
        }
        ran
    }

    fn roll_back(&mut self) {
        while let Some((space, key, before)) = self.undo.pop() {
            let writes = self.of_mut(space);
            match before {
                Some(write) => drop(writes.insert(key, write)),
                None => drop(writes.remove(&key)),
            }
        }
    }

    fn write(&mut self, space: Space, key: &[u8], write: Write) {
        let key = Bytes::copy_from_slice(key);
        self.bytes += key.len() + write.value().map_or(0, Bytes::len);
        let before = self.of_mut(space).insert(key.clone(), write);
        self.undo.push((space, key, before));
    }

    fn of(&self, space: Space) -> &BTreeMap<Bytes, Write> {
        self.spaces.get(space.index()).expect("there is a map for every space")
    }

    fn of_mut(&mut self, space: Space) -> &mut BTreeMap<Bytes, Write> {
        self.spaces.get_mut(space.index()).expect("there is a map for every space")
    }
}

/// What a transaction sees: durable state, the group's earlier writes over it, its own over those.
struct View<'a> {
    base: &'a dyn Reads,
    pending: &'a mut Pending,
    /// The length of a key that cannot be written.
    invalid_key: Option<usize>,
}

impl View<'_> {
    fn write(&mut self, space: Space, key: &[u8], write: Write) {
        if key.is_empty() || key.len() > MAX_KEY {
            self.invalid_key = Some(key.len());
        } else {
            self.pending.write(space, key, write);
        }
    }
}

impl Reads for View<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, KvError> {
        match self.pending.of(space).get(key) {
            Some(write) => Ok(write.value().cloned()),
            None => self.base.get(space, key),
        }
    }

    fn scan(&self, space: Space, range: &KeyRange, direction: Direction, visit: &mut Visit) -> Result<(), KvError> {
        if range.is_empty() {
            return Ok(());
        }
        let writes = self.pending.of(space);
        if writes.is_empty() {
            return self.base.scan(space, range, direction, visit);
        }
        let writes = writes.range::<[u8], _>(range.bounds());
        match direction {
            Direction::Forward => merge(self.base, space, range, direction, writes, visit),
            Direction::Backward => merge(self.base, space, range, direction, writes.rev(), visit),
        }
    }
}

impl Transaction for View<'_> {
    fn put(&mut self, space: Space, key: &[u8], value: Bytes) {
        self.write(space, key, Write::Put(value));
    }

    fn delete(&mut self, space: Space, key: &[u8]) {
        self.write(space, key, Write::Delete);
    }
}

/// Visits durable state and writes as one sequence; a write hides what it replaces.
fn merge<'w>(
    base: &dyn Reads,
    space: Space,
    range: &KeyRange,
    direction: Direction,
    writes: impl Iterator<Item = (&'w Bytes, &'w Write)>,
    visit: &mut Visit,
) -> Result<(), KvError> {
    let mut writes = writes.peekable();
    let mut stopped = false;
    base.scan(space, range, direction, &mut |key, value| {
        let mut hidden = false;
        while let Some((written, new)) = writes.next_if(|(written, _)| comes_by(written, key, direction)) {
            hidden = written == key;
            if let Write::Put(new) = new
                && visit(written, new).is_break()
            {
                stopped = true;
                return ControlFlow::Break(());
            }
        }
        if !hidden && visit(key, value).is_break() {
            stopped = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if !stopped {
        for (written, new) in writes {
            if let Write::Put(new) = new
                && visit(written, new).is_break()
            {
                break;
            }
        }
    }
    Ok(())
}

/// Whether a written key comes before another, or is the same.
fn comes_by(written: &[u8], key: &[u8], direction: Direction) -> bool {
    let order = match direction {
        Direction::Forward => written.cmp(key),
        Direction::Backward => key.cmp(written),
    };
    order != Ordering::Greater
}
