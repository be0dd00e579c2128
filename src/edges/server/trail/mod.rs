//! The trail: every decision of every listener as one event, on disk before anything follows from it.
//!
//! An event is put into bytes on the request's thread and appended to what gathers for the next write; one thread
//! writes and syncs what gathered, and wakes those who wait for it. With [`Mode::Durable`] a request waits, in
//! [`Records::kept`], until all its events are on disk, and is refused where they cannot be; with
//! [`Mode::BestEffort`] nothing waits, and what does not fit is dropped and counted.
//!
//! `DIR/trail/events-N.ndjson` holds an event a line ([`TrailEvent`]), `DIR/trail/policies/HEX` the text of each
//! policy by its SHA-256, `DIR/trail/reserve` space for the events of what frees a full disk.

mod batch;
mod files;
mod layers;
mod queue;
mod records;
mod reserve;
mod viewer;
mod writer;

pub use records::Records;
pub use viewer::{ViewerEvent, ViewerOutcome};

use crate::gate::Decided;
use crate::simulate::recorded::{Door, EventFacts, TrailEvent};
use crate::storage::kv::FaultPoint;
use layers::{LayersText, Rendered};
use queue::{Line, Queue};
use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use writer::Writer;

/// The room that an event mostly needs.
const USUAL_EVENT: usize = 4096;

/// What is promised of the trail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Each decision is on disk before anything follows from it; where it cannot be, the request is refused
    #[default]
    Durable,
    /// Requests never wait for the trail: a crash or a full disk may lose events
    BestEffort,
    /// No trail: no decision can be explained or looked up later. For measurements
    Off,
}

/// How the trail is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailSettings {
    /// What is promised.
    pub mode: Mode,
    /// A file of this many bytes is followed by the next.
    pub max_size: u64,
    /// A file that was begun so long ago is followed by the next.
    pub max_age: Duration,
    /// How many files are kept; 0: all.
    pub keep: usize,
}

impl Default for TrailSettings {
    fn default() -> Self {
        Self { mode: Mode::Durable, max_size: 64 << 20, max_age: Duration::from_hours(24), keep: 64 }
    }
}

/// What is known of a request beside what its decisions read.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// When it came, in milliseconds since 1970.
    pub time_ms: i64,
    /// The server's region.
    pub region: &'a str,
    /// Which door.
    pub door: Door,
    /// The access key.
    pub access_key_id: Option<&'a str>,
    /// `AWS4-HMAC-SHA256` or `AWS`.
    pub signature_version: Option<&'a str>,
    /// `1.2` or `1.3` where it came over our own TLS listener.
    pub tls_version: Option<&'a str>,
    /// The header `Host`.
    pub host: Option<&'a str>,
}

/// The trail of a server. Dropping it writes what is still in memory.
#[derive(Debug)]
pub struct Trail {
    mode: Mode,
    queue: Arc<Queue>,
    rendered: Rendered,
    begun: Instant,
    writer: Option<JoinHandle<()>>,
}

thread_local! {
    static EVENT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(USUAL_EVENT));
}

impl Trail {
    /// Opens the trail of a data directory, and starts its writer.
    ///
    /// # Errors
    /// Its directory or files cannot be made, or the thread cannot be started.
    pub fn open(data: &Path, settings: &TrailSettings, fault: Option<FaultPoint>) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(settings.mode));
        let writer = match settings.mode {
            Mode::Off => None,
            Mode::Durable | Mode::BestEffort => {
                let writer = Writer::open(&data.join("trail"), settings, fault)?;
                let queue = queue.clone();
                Some(std::thread::Builder::new().name("trail".to_owned()).spawn(move || writer.run(&queue))?)
            }
        };
        Ok(Self { mode: settings.mode, queue, rendered: Rendered::default(), begun: Instant::now(), writer })
    }

    /// A clock that only goes forward, in nanoseconds.
    #[must_use]
    pub fn nanos(&self) -> u64 {
        match self.mode {
            Mode::Off => 0,
            _ => u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// How many events were lost: there was no room for them, or they could not be written. Only
    /// [`Mode::BestEffort`] loses any.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// How many events could not be written, so that what they were about was refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.queue.refused()
    }

    /// Can requests be answered?
    ///
    /// # Errors
    /// Why the trail cannot be written, so that they cannot.
    pub fn health(&self) -> Result<(), String> {
        match (self.mode, self.queue.failing()) {
            (Mode::Durable, Some(why)) => Err(unwritable(&why)),
            _ => Ok(()),
        }
    }

    /// Writes a decision down; `records` are those of its request.
    pub fn record(&self, records: &Records, origin: &Origin<'_>, decided: &Decided<'_>) {
        if self.mode == Mode::Off {
            return;
        }
        let layers = self.layers(decided);
        let facts = EventFacts {
            id: origin.request_id,
            n: records.next(),
            time_ms: origin.time_ms,
            source: decided.step.service.host(),
            operation: decided.step.operation,
            method: decided.step.method.name(),
            read_only: decided.step.read_only,
            region: origin.region,
            door: origin.door,
            access_key_id: origin.access_key_id,
            signature_version: origin.signature_version,
            tls_version: origin.tls_version,
            host: origin.host,
            took_ns: decided.took_ns,
        };
        let applied = decided.authorizer.layers();
        let event = TrailEvent::of_decision(&facts, decided.request, applied, decided.decision, decided.explanation);
        self.push(records, &event, Some(&layers), reserve::may_use(decided));
    }

    fn layers(&self, decided: &Decided<'_>) -> Arc<LayersText> {
        if decided.lasts {
            self.rendered.of(decided.authorizer)
        } else {
            Arc::new(LayersText::of(decided.authorizer.layers()))
        }
    }

    fn push(&self, records: &Records, event: &TrailEvent<'_>, layers: Option<&Arc<LayersText>>, spare: bool) {
        let receipt = EVENT.with_borrow_mut(|bytes| {
            bytes.clear();
            match line(bytes, event, layers.map(|l| &*l.json)) {
                Ok(()) => self.queue.push(&Line { bytes, layers, spare }),
                Err(error) => self.queue.refuse(&error.to_string()),
            }
        });
        if let Some(batch) = receipt {
            records.add(batch, spare);
        }
    }
}

/// Renders an event as a line. The layers, which are the last member of its last member, are put in as they are.
fn line(bytes: &mut Vec<u8>, event: &TrailEvent<'_>, layers: Option<&[u8]>) -> io::Result<()> {
    serde_json::to_writer(&mut *bytes, event)?;
    if let Some(layers) = layers {
        let open = bytes.len().saturating_sub(3);
        if bytes.get(open..) != Some(b"}}}") {
            return Err(io::Error::other("an event ends otherwise than expected"));
        }
        bytes.truncate(open);
        bytes.extend_from_slice(b",\"layers\":");
        bytes.extend_from_slice(layers);
        bytes.extend_from_slice(b"}}}");
    }
    bytes.push(b'\n');
    Ok(())
}

/// What requests and operators are told while the trail cannot be written.
fn unwritable(why: &str) -> String {
    format!("The trail of decisions cannot be written ({why}), so that nothing may be decided; nothing was changed.")
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the trail failed");
        }
    }
}

/// The SHA-256 of a policy's text, in hexadecimal digits.
#[must_use]
pub fn digest(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    super::auth::hex(digest.as_ref())
}

#[cfg(test)]
mod tests;
