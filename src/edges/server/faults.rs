//! Crash points: `PORTCULLIS_CRASH_AT=put.before_metadata:3` ends the process, as a power cut would, when it comes
//! to that place for the third time; `PORTCULLIS_FAIL_AT` makes the disk fail there instead, from then on. For
//! tests of what survives; the names stand with the code they interrupt.

use crate::storage::kv::FaultPoint;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The crash point that the environment names; `None`, as for everyone who is no test.
#[must_use]
pub fn from_environment() -> Option<FaultPoint> {
    let crash = std::env::var("PORTCULLIS_CRASH_AT").ok().map(|text| (text, true));
    let (text, crashes) = crash.or_else(|| std::env::var("PORTCULLIS_FAIL_AT").ok().map(|text| (text, false)))?;
    let (place, count) = match text.rsplit_once(':') {
        Some((place, count)) => (place.to_owned(), count.parse().unwrap_or(1)),
        None => (text, 1),
    };
    Some(fault(place, count, crashes))
}

fn fault(place: String, count: u64, crashes: bool) -> FaultPoint {
    let met = AtomicU64::new(0);
    Arc::new(move |at: &'static str| {
        if at != place || met.fetch_add(1, Ordering::SeqCst) + 1 < count {
            return Ok(());
        }
        if crashes {
            std::process::abort();
        }
        Err(io::Error::other("a failure of the disk that a test asked for"))
    })
}
