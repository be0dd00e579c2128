//! The thread that writes the trail.

use super::batch::Outcome;
use super::files;
use super::layers::LayersText;
use super::queue::{Queue, Waiting};
use super::reserve::Reserve;
use super::{Mode, TrailSettings};
use crate::edges::trail_files::path_of;
use crate::simulate::recorded::document_text;
use crate::storage::kv::FaultPoint;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The trail leaves this much of the file system free, half of what the store holds in reserve: otherwise reading
/// would use up what deleting needs.
const LEFT_FREE: u64 = 32 << 20;

/// Tells the queue that its writer is gone.
struct Ends<'q>(&'q Queue);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The files, and what is known of them.
pub(super) struct Writer {
    folder: PathBuf,
    durable: bool,
    max_size: u64,
    max_age: Duration,
    keep: usize,
    file: File,
    number: u64,
    /// The end of what is written and counts.
    size: u64,
    begun: SystemTime,
    /// The policies that the events of the newest file name; not all of them, where it was continued.
    named: HashSet<Arc<str>>,
    continued: bool,
    /// The policies whose text is on disk.
    stored: HashSet<Arc<str>>,
    reserve: Reserve,
    fault: Option<FaultPoint>,
}

impl Writer {
    /// Opens the newest file, or the first.
    pub(super) fn open(folder: &Path, settings: &TrailSettings, fault: Option<FaultPoint>) -> io::Result<Self> {
        files::make_folder(folder)?;
        let number = files::newest(folder)?.unwrap_or(1);
        let (file, size) = files::open(folder, number)?;
        let begun = file.metadata()?.created().unwrap_or_else(|_| SystemTime::now());
        let mut writer = Self {
            folder: folder.to_owned(),
            durable: settings.mode == Mode::Durable,
            max_size: settings.max_size,
            max_age: settings.max_age,
            keep: settings.keep,
            file,
            number,
            size,
            begun,
            named: HashSet::new(),
            continued: size > 0,
            stored: HashSet::new(),
            reserve: Reserve::open(folder)?,
            fault,
        };
        if writer.reserve.is_used()
            && let Err(error) = writer.take_over_reserve()
        {
            tracing::warn!(%error, "events in the space set aside stay there for now");
        }
        Ok(writer)
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self, queue: &Queue) {
        // INVARIANT: however this ends, nobody waits for ever.
        let _ends = Ends(queue);
        let mut waiting = Waiting::default();
        loop {
            let last = queue.take(&mut waiting);
            if waiting.count > 0 {
                let outcome = self.write_down(&waiting, queue);
                waiting.batch.finish(outcome);
            }
            waiting.clear();
            if last {
                let _ = self.file.sync_data();
                return;
            }
        }
    }

    fn write_down(&mut self, waiting: &Waiting, queue: &Queue) -> Outcome {
        let Err(error) = self.write(waiting) else {
            if queue.set_failing(None) {
                tracing::info!("the trail can be written again");
            }
            return Outcome::Kept;
        };
        let why: Arc<str> = error.to_string().into();
        if queue.set_failing(Some(why.clone())) {
            tracing::error!(%error, "the trail cannot be written");
        }
        let spare = self.durable && !waiting.spare.is_empty();
        if spare && self.write_spare(waiting).is_ok() {
            queue.count_unwritten(waiting.count.saturating_sub(waiting.spare.len() as u64));
            return Outcome::SpareKept(why);
        }
        queue.count_unwritten(waiting.count);
        Outcome::Lost(why)
    }

    /// Writes a batch; with a durable trail it is on disk afterwards.
    pub(super) fn write(&mut self, waiting: &Waiting) -> io::Result<()> {
        self.fault("trail.before_write")?;
        let free = rustix::fs::statvfs(&self.folder)?;
        let free = free.f_bavail.saturating_mul(free.f_frsize);
        if free < LEFT_FREE + waiting.events.len() as u64 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, format!("the disk is full: {free} bytes are free")));
        }
        if self.reserve.is_used() {
            self.take_over_reserve()?;
        }
        if self.size > 0 && (self.size >= self.max_size || self.is_old()) {
            self.rotate()?;
        }
        // Behind the rotation, which takes away the policies that no event of the files names.
        for layers in waiting.layers.values() {
            self.store(layers)?;
        }
        let written = self.append(&waiting.events);
        if written.is_err() {
            // INVARIANT: what was refused does not stand in the trail, and no line is cut off in its middle.
            self.file.set_len(self.size)?;
            self.file.seek(SeekFrom::Start(self.size))?;
            return written;
        }
        self.size += waiting.events.len() as u64;
        for layers in waiting.layers.values() {
            self.named.extend(layers.policies.iter().map(|(hex, _)| hex.clone()));
        }
        Ok(())
    }

    fn append(&mut self, events: &[u8]) -> io::Result<()> {
        self.file.write_all(events)?;
        self.fault("trail.before_sync")?;
        if self.durable { self.file.sync_data() } else { Ok(()) }
    }

    fn write_spare(&mut self, waiting: &Waiting) -> io::Result<()> {
        // Where the texts of policies find no space, they are stored with the first event that does.
        for layers in waiting.layers.values() {
            if let Err(error) = self.store(layers) {
                tracing::warn!(%error, "a policy cannot be stored beside the events that name it");
            }
        }
        let lines: Vec<u8> =
            waiting.spare.iter().filter_map(|span| waiting.events.get(span.clone())).flatten().copied().collect();
        self.reserve.write(&lines).inspect_err(|error| tracing::error!(%error, "the space set aside cannot be written"))
    }

    /// Stores the policies that are named and not stored yet.
    fn store(&mut self, layers: &LayersText) -> io::Result<()> {
        for (hex, policy) in &layers.policies {
            if self.stored.contains(hex) {
                continue;
            }
            let path = self.folder.join("policies").join(&**hex);
            if !path.exists() {
                files::write_whole(&path, document_text(policy).as_bytes())?;
            }
            self.stored.insert(hex.clone());
        }
        Ok(())
    }

    fn is_old(&self) -> bool {
        self.begun.elapsed().is_ok_and(|age| age >= self.max_age)
    }

    /// Goes on with the next file.
    fn rotate(&mut self) -> io::Result<()> {
        self.close_file()?;
        self.begin_file(self.number + 1)
    }

    /// Notes what the events of the newest file name.
    fn close_file(&mut self) -> io::Result<()> {
        if self.continued {
            self.named.extend(files::names(&self.folder, self.number)?);
            self.continued = false;
        }
        files::put_names(&self.folder, self.number, &self.named)
    }

    fn begin_file(&mut self, number: u64) -> io::Result<()> {
        (self.file, self.size) = files::open(&self.folder, number)?;
        self.number = number;
        self.begun = SystemTime::now();
        self.named.clear();
        self.reserve.renew();
        for gone in files::prune(&self.folder, self.keep, &self.named)? {
            self.stored.remove(gone.as_str());
        }
        Ok(())
    }

    /// What was written to the reserve becomes the file behind the newest, and the next goes on behind it.
    fn take_over_reserve(&mut self) -> io::Result<()> {
        self.close_file()?;
        self.reserve.become_file(&path_of(&self.folder, self.number + 1))?;
        File::open(&self.folder)?.sync_all()?;
        self.begin_file(self.number + 2)
    }

    fn fault(&self, place: &'static str) -> io::Result<()> {
        self.fault.as_ref().map_or(Ok(()), |fault| fault(place))
    }
}
