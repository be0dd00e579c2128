//! The thread that writes the log, and what waits for it.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may wait to be written, in bytes.
const MOST_WAITING: usize = 8 << 20;
/// Beyond this much the writer does not wait for more.
const ENOUGH: usize = 1 << 20;
/// How long the writer lets events gather: far below the 200 ms after which an event has to be in its file.
const GATHERING: Duration = Duration::from_millis(50);
/// A file of this size is followed by the next.
const FILE_SIZE: u64 = 64 << 20;
/// How many files are kept.
const FILES_KEPT: usize = 8;

/// Events and policies that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Lines.
    events: Vec<u8>,
    /// How many.
    count: u64,
    /// Digest and text.
    policies: Vec<(String, String)>,
    closed: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.policies.is_empty()
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event, a whole line, or counts it as lost.
    pub(super) fn push(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.events.len() + line.len() > MOST_WAITING || waiting.closed {
            drop(waiting);
            self.count_dropped(1);
            return;
        }
        let before = waiting.events.len();
        waiting.events.extend_from_slice(line);
        waiting.count += 1;
        let after = waiting.events.len();
        drop(waiting);
        // PERF: waking a thread costs more than an event; it is woken by the first, and by the one that is enough.
        if before == 0 || before < ENOUGH && after >= ENOUGH {
            self.came.notify_one();
        }
    }

    /// Adds policies. They are never dropped: events without them cannot be explained, and they are few.
    pub(super) fn push_policies(&self, policies: Vec<(String, String)>) {
        self.lock().policies.extend(policies);
        self.came.notify_one();
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.came.notify_one();
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn count_dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Waits for something, lets more gather, and takes all of it; tells whether it was the last.
    fn take(&self, into: &mut Waiting) -> bool {
        let waiting = self.lock();
        let waiting =
            self.came.wait_while(waiting, |w| w.is_empty() && !w.closed).unwrap_or_else(PoisonError::into_inner);
        let gathered = self
            .came
            .wait_timeout_while(waiting, GATHERING, |w| w.events.len() < ENOUGH && !w.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let mut waiting = gathered.0;
        std::mem::swap(&mut waiting.events, &mut into.events);
        std::mem::swap(&mut waiting.policies, &mut into.policies);
        into.count = std::mem::take(&mut waiting.count);
        waiting.closed
    }
}

/// The files.
#[derive(Debug)]
pub(super) struct Writer {
    folder: PathBuf,
    file: File,
    number: u64,
    size: u64,
    stored: HashSet<String>,
    /// Policies that could not be written yet.
    unstored: Vec<(String, String)>,
    failing: bool,
    file_size: u64,
}

impl Writer {
    /// Opens the newest file, or the first.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder.join("policies"))?;
        let number = numbers(folder)?.last().copied().unwrap_or(1);
        let (file, size) = append_to(folder, number)?;
        Ok(Self {
            folder: folder.to_owned(),
            file,
            number,
            size,
            stored: HashSet::new(),
            unstored: Vec::new(),
            failing: false,
            file_size: FILE_SIZE,
        })
    }

    #[cfg(test)]
    pub(super) fn with_file_size(mut self, bytes: u64) -> Self {
        self.file_size = bytes;
        self
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self, queue: &Queue) {
        let mut batch = Waiting::default();
        loop {
            let last = queue.take(&mut batch);
            let policies = self.store_all(&mut batch.policies);
            let events = self.write(&batch.events).inspect_err(|_| queue.count_dropped(batch.count));
            match policies.and(events) {
                Ok(()) => self.failing = false,
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::error!(%error, "the decision log cannot be written");
                    }
                }
            }
            batch.events.clear();
            if last {
                return;
            }
        }
    }

    /// Writes lines.
    pub(super) fn write(&mut self, events: &[u8]) -> io::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        if self.size >= self.file_size {
            self.rotate()?;
        }
        if let Err(error) = self.file.write_all(events) {
            // A part of a line may stand there; the next goes to a line of its own.
            let end = self.file.seek(SeekFrom::End(0))?;
            self.size = end;
            self.file.write_all(b"\n")?;
            return Err(error);
        }
        self.size += events.len() as u64;
        Ok(())
    }

    /// Writes policies, and those that could not be written before.
    fn store_all(&mut self, policies: &mut Vec<(String, String)>) -> io::Result<()> {
        self.unstored.append(policies);
        while let Some((hex, text)) = self.unstored.pop() {
            if let Err(error) = self.store(&hex, &text) {
                self.unstored.push((hex, text));
                return Err(error);
            }
        }
        Ok(())
    }

    fn store(&mut self, hex: &str, text: &str) -> io::Result<()> {
        if self.stored.contains(hex) {
            return Ok(());
        }
        let path = self.folder.join("policies").join(hex);
        if !path.exists() {
            let temporary = path.with_extension("new");
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            file.write_all(text.as_bytes())?;
            fs::rename(&temporary, &path)?;
        }
        self.stored.insert(hex.to_owned());
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        (self.file, self.size) = append_to(&self.folder, self.number + 1)?;
        self.number += 1;
        let numbers = numbers(&self.folder)?;
        for old in numbers.iter().rev().skip(FILES_KEPT) {
            fs::remove_file(path(&self.folder, *old))?;
        }
        Ok(())
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("events-{number}.ndjson"))
}

/// The numbers of the files, oldest first.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|n| n.strip_prefix("events-")?.strip_suffix(".ndjson")?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Opens a file at its end; a line that a crash cut off is ended.
fn append_to(folder: &Path, number: u64) -> io::Result<(File, u64)> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path(folder, number))?;
    let mut size = file.seek(SeekFrom::End(0))?;
    if size > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
            size += 1;
        }
    }
    Ok((file, size))
}
