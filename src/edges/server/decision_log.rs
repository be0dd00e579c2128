//! The decision log: what was decided, kept so that it can be asked again.
//!
//! A decision is put into bytes on the request's thread and appended to a bounded buffer; one thread writes
//! what gathered there. The log never holds a request up: what does not fit is dropped and counted.
//!
//! `DIR/decisions/events-N.ndjson` holds an event a line
//! ([`RecordedDecision`]), `DIR/decisions/policies/HEX` the text of
//! each policy by its SHA-256.

mod writer;

use crate::decision::{AuthorizationRequest, Authorizer, Decision};
use crate::gate::Step;
use crate::simulate::recorded::{Occasion, RecordedDecision, RecordedLayers, document_text};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use writer::{Queue, Writer};

/// More authorizers than this are not remembered.
const REMEMBERED: usize = 1024;
/// The room that an event mostly needs.
const USUAL_EVENT: usize = 2048;

/// Which decisions are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Every decision
    #[default]
    All,
    /// Only denials
    Denied,
    /// None
    Off,
}

/// The log. Dropping it writes what is still in memory.
#[derive(Debug)]
pub struct DecisionLog {
    mode: Mode,
    queue: Arc<Queue>,
    // PERF: what applies changes rarely; its part of an event is rendered once for each authorizer.
    rendered: RwLock<HashMap<usize, Rendered>>,
    writer: Option<JoinHandle<()>>,
}

/// The layers of an authorizer as they stand in an event. It keeps the authorizer alive, so that its address
/// means the same layers for as long as the entry stands.
#[derive(Debug)]
struct Rendered {
    _authorizer: Authorizer,
    layers: Arc<[u8]>,
}

thread_local! {
    static EVENT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(USUAL_EVENT));
}

impl DecisionLog {
    /// Opens the log of a data directory, and starts its writer.
    ///
    /// # Errors
    /// Its directory or file cannot be made, or the thread cannot be started.
    pub fn open(dir: &Path, mode: Mode) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let writer = match mode {
            Mode::Off => None,
            Mode::All | Mode::Denied => {
                let writer = Writer::open(&dir.join("decisions"))?;
                let queue = queue.clone();
                Some(std::thread::Builder::new().name("decisions".to_owned()).spawn(move || writer.run(&queue))?)
            }
        };
        Ok(Self { mode, queue, rendered: RwLock::default(), writer })
    }

    /// How many events were lost: there was no room for them, or they could not be written.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// Records a decision: the `n`-th of the request, from 1.
    #[expect(clippy::too_many_arguments, reason = "each is one fact of the event; a struct would only name them again")]
    pub fn record(
        &self,
        request_id: &str,
        n: u64,
        time_ms: i64,
        step: &Step,
        request: &AuthorizationRequest<'_>,
        authorizer: &Authorizer,
        decision: Decision,
    ) {
        let wanted = match self.mode {
            Mode::All => true,
            Mode::Denied => !decision.is_allowed(),
            Mode::Off => false,
        };
        if !wanted {
            return;
        }
        let layers = self.layers(authorizer);
        let occasion = Occasion { id: request_id, n, time_ms, operation: step.operation, method: step.method.name() };
        let event = RecordedDecision::new(occasion, request, decision);
        EVENT.with_borrow_mut(|bytes| {
            bytes.clear();
            // The event is an object without its last member, which is spliced in.
            let written = serde_json::to_writer(&mut *bytes, &event);
            if written.is_err() || bytes.pop() != Some(b'}') {
                self.queue.count_dropped(1);
                return;
            }
            bytes.extend_from_slice(b",\"layers\":");
            bytes.extend_from_slice(&layers);
            bytes.extend_from_slice(b"}\n");
            self.queue.push(bytes);
        });
    }

    fn layers(&self, authorizer: &Authorizer) -> Arc<[u8]> {
        let address = std::ptr::from_ref(authorizer.layers()) as usize;
        let rendered = self.rendered.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = rendered.get(&address) {
            return entry.layers.clone();
        }
        drop(rendered);
        let mut texts = Vec::new();
        let recorded = RecordedLayers::of(authorizer.layers(), |policy| {
            let text = document_text(policy);
            let hex = digest(&text);
            let name = format!("sha256:{hex}");
            texts.push((hex, text.into_owned()));
            name
        });
        let layers: Arc<[u8]> = serde_json::to_vec(&recorded).map_or_else(|_| Arc::from(*b"null"), Arc::from);
        // INVARIANT: policies are queued before any event that names them, and the writer takes both at once.
        self.queue.push_policies(texts);
        let mut rendered = self.rendered.write().unwrap_or_else(PoisonError::into_inner);
        if rendered.len() >= REMEMBERED {
            rendered.clear();
        }
        rendered.insert(address, Rendered { _authorizer: authorizer.clone(), layers: layers.clone() });
        layers
    }
}

impl Drop for DecisionLog {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the decision log failed");
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
