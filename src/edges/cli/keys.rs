//! `keys reseal`: a new root key, and everything sealed under it.

use super::server_args::ResealArgs;
use super::{NO, UNASKED, YES, say};
use crate::edges::server::open::system_clock;
use crate::edges::server::reseal::{answer_file, request_file};
use crate::storage::store::{Resealed, Store, StoreError, StoreSettings};
use anstream::eprintln;
use indicatif::ProgressBar;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a server may take to notice that it is asked.
const NOTICED: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Exit status 0: everything is sealed under the newest root key; 1: not everything; 2: the data directory could not
/// be used.
pub(super) fn reseal(args: &ResealArgs) -> u8 {
    if !args.data.join("metadata").is_dir() {
        eprintln!("error: {}: this is no data directory", args.data.display());
        return UNASKED;
    }
    let settings = match args.root_keys.settings().store_settings() {
        Ok(settings) => settings,
        Err(reason) => {
            eprintln!("error: {reason}");
            return UNASKED;
        }
    };
    let bar = ProgressBar::new_spinner().with_message("sealing everything anew");
    bar.enable_steady_tick(LOOK_AGAIN);
    let done = tokio::runtime::Runtime::new()
        .map_err(StoreError::from)
        .and_then(|rt| rt.block_on(offline(&args.data, settings)));
    let status = match done {
        Ok(done) => {
            bar.finish_and_clear();
            told(done)
        }
        Err(StoreError::InUse) => serving(&args.data, &bar),
        Err(error) => {
            bar.finish_and_clear();
            eprintln!("error: {}: {error}", args.data.display());
            if matches!(error, StoreError::Damaged { .. }) { NO } else { UNASKED }
        }
    };
    bar.finish_and_clear();
    status
}

fn told(done: Resealed) -> u8 {
    say(&format!("root key {} seals everything: {} envelopes were sealed anew\n", done.version, done.envelopes));
    YES
}

async fn offline(data: &Path, settings: StoreSettings) -> Result<Resealed, StoreError> {
    let now = system_clock().div_euclid(1000);
    let store = Store::open(data, settings, now).await?;
    let done = store.reseal(now).await?;
    store.close();
    Ok(done)
}

/// Asks the server that has the data directory.
fn serving(data: &Path, bar: &ProgressBar) -> u8 {
    let (request, answer) = (request_file(data), answer_file(data));
    let _ = std::fs::remove_file(&answer);
    if let Err(error) = std::fs::write(&request, b"") {
        eprintln!("error: {}: {error}", request.display());
        return UNASKED;
    }
    let asked = Instant::now();
    let mut held = false;
    while request.exists() {
        std::thread::sleep(LOOK_AGAIN);
        if asked.elapsed() > NOTICED && !held {
            held = true;
            bar.set_message(
                "the server has not answered yet: it is busy, or the data directory is held by something else",
            );
        }
    }
    bar.finish_and_clear();
    let text = std::fs::read_to_string(&answer).unwrap_or_default();
    let _ = std::fs::remove_file(&answer);
    let parsed = text.strip_prefix("ok ").and_then(|rest| rest.trim().split_once(' '));
    match parsed.and_then(|(version, count)| Some((version.parse().ok()?, count.parse().ok()?))) {
        Some((version, envelopes)) => told(Resealed { version, envelopes }),
        None => {
            eprintln!("error: the server could not seal everything anew: {}", text.trim().trim_start_matches("error "));
            NO
        }
    }
}
