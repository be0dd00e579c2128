//! Crash points: `PORTCULLIS_CRASH_AT=put.before_metadata:3` ends the process, as a power cut would, when it comes
//! to that place for the third time; `PORTCULLIS_FAIL_AT` makes the disk fail there instead, from then on, and
//! `PORTCULLIS_FULL_AT` makes it full. For tests of what survives; the names stand with the code they interrupt.

use crate::storage::kv::FaultPoint;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What happens at the place.
#[derive(Clone, Copy)]
enum Fault {
    Crash,
    Fail,
    Full,
}

/// The crash point that the environment names; `None`, as for everyone who is no test.
#[must_use]
pub fn from_environment() -> Option<FaultPoint> {
    let kinds = [("CRASH", Fault::Crash), ("FAIL", Fault::Fail), ("FULL", Fault::Full)];
    let read = |(name, kind)| Some((std::env::var(format!("PORTCULLIS_{name}_AT")).ok()?, kind));
    let (text, kind) = kinds.into_iter().find_map(read)?;
    let (place, count) = match text.rsplit_once(':') {
        Some((place, count)) => (place.to_owned(), count.parse().unwrap_or(1)),
        None => (text, 1),
    };
    Some(fault(place, count, kind))
}

fn fault(place: String, count: u64, kind: Fault) -> FaultPoint {
    let met = AtomicU64::new(0);
    Arc::new(move |at: &'static str| {
        if at != place || met.fetch_add(1, Ordering::SeqCst) + 1 < count {
            return Ok(());
        }
        match kind {
            Fault::Crash => std::process::abort(),
            Fault::Fail => Err(io::Error::other("a failure of the disk that a test asked for")),
            Fault::Full => Err(io::ErrorKind::StorageFull.into()),
        }
    })
}
