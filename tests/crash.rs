//! Nothing lost: a server that is killed at random moments, that dies between the steps of its work, whose disk
//! fails, and that opens what an earlier version wrote.
//!
//! `CRASH_ROUNDS=200 cargo test --release --test crash -- --nocapture killed` makes the longer runs of the two kill
//! loops, of objects and of policies; `CRASH_SEED` repeats the choices of one.
#![cfg(feature = "server")]

mod support;

#[path = "crash/check.rs"]
mod check;
#[path = "crash/earlier.rs"]
mod earlier;
#[path = "crash/identities.rs"]
mod identities;
#[path = "crash/model.rs"]
mod model;
#[path = "crash/points.rs"]
mod points;
#[path = "crash/read.rs"]
mod read;
#[path = "crash/rounds.rs"]
mod rounds;
#[path = "crash/seeding.rs"]
mod seeding;
#[path = "crash/shared.rs"]
mod shared;
#[path = "crash/steps.rs"]
mod steps;
#[path = "crash/trail.rs"]
mod trail;
#[path = "crash/writer.rs"]
mod writer;

use std::path::Path;
use std::process::Command;

/// What a scrub of a data directory says.
#[derive(Debug)]
struct Scrubbed {
    ok: bool,
    serious: u64,
    unnamed: u64,
    text: String,
}

/// Runs `portcullis scrub`; no server may have the directory.
fn scrub(data: &Path, arguments: &[&str]) -> Scrubbed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.args(["scrub", "--data"]).arg(data).args(arguments).output().expect("scrub starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let count = |what: &str| {
        let words: Vec<&str> = text.lines().next().unwrap_or_default().split([' ', ',']).collect();
        let at = words.iter().position(|w| *w == what).unwrap_or_else(|| panic!("scrub said: {text}"));
        words[..at].iter().rev().find_map(|w| w.parse().ok()).unwrap_or_else(|| panic!("scrub said: {text}"))
    };
    Scrubbed { ok: output.status.success(), serious: count("damaged"), unnamed: count("unnamed"), text }
}

/// Nothing is damaged or missing; what nothing names can be deleted, and then all is well. Gives how many pieces
/// nothing named.
fn scrub_clean(data: &Path) -> u64 {
    let first = scrub(data, &["--delete-unnamed"]);
    assert!(first.ok && first.serious == 0, "{}", first.text);
    if first.unnamed > 0 {
        let second = scrub(data, &[]);
        assert!(second.ok && second.serious == 0 && second.unnamed == 0, "{}", second.text);
    }
    first.unnamed
}
