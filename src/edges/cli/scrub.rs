//! `scrub`: reads and verifies everything, with a progress bar.

use super::server_args::ScrubArgs;
use super::{NO, UNASKED, YES, say};
use crate::edges::server::open::system_clock;
use crate::storage::store::{ScrubProblem, ScrubProgress, ScrubReport, Store, StoreError};
use anstream::eprintln;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use std::time::Duration;

/// Exit status 0: all is well; 1: something is wrong; 2: the data directory could not be read.
pub(super) fn run(args: &ScrubArgs) -> u8 {
    let done = tokio::runtime::Runtime::new().map_err(StoreError::from).and_then(|rt| rt.block_on(scrub(args)));
    match done {
        Ok((report, deleted)) => show(&report, deleted),
        Err(error) => {
            eprintln!("error: {}: {error}", args.data.display());
            if matches!(error, StoreError::InUse) {
                eprintln!("hint: end the server first; a scrub wants the data directory for itself");
            }
            UNASKED
        }
    }
}

async fn scrub(args: &ScrubArgs) -> Result<(ScrubReport, Option<u64>), StoreError> {
    if !args.data.join("metadata").is_dir() {
        // Opening would make an empty data directory, and find nothing wrong with it.
        return Err(StoreError::Damaged { what: "this is no data directory".to_owned() });
    }
    let now = system_clock().div_euclid(1000);
    let settings = args.root_keys.settings().store_settings().map_err(|reason| StoreError::RootKeys(reason.into()))?;
    let store = Store::open(&args.data, settings, now).await?;
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    let report = store
        .scrub(&mut |progress: &ScrubProgress| {
            let (records, bytes) = (HumanCount(progress.records), HumanBytes(progress.bytes));
            bar.set_message(format!("{records} records, {bytes} verified, {} problems", progress.problems));
        })
        .await?;
    bar.finish_and_clear();
    let deleted = if args.delete_unnamed { Some(store.delete_unnamed(&report).await?) } else { None };
    store.close();
    Ok((report, deleted))
}

fn show(report: &ScrubReport, deleted: Option<u64>) -> u8 {
    let (records, bytes) = (HumanCount(report.progress.records), HumanBytes(report.progress.bytes));
    let serious = report.problems.iter().filter(|p| !is_waste(p)).count();
    let waste = report.problems.len() - serious;
    let verdict = if report.problems.is_empty() { "all is well" } else { "something is wrong" };
    say(&format!("{verdict}: {records} records and {bytes} verified, {serious} damaged or missing, {waste} unnamed\n"));
    for problem in &report.problems {
        say(&format!("  {}\n", line(problem)));
    }
    match deleted {
        Some(count) => say(&format!("{count} unnamed pieces deleted\n")),
        None if waste > 0 => eprintln!("hint: `portcullis scrub --delete-unnamed` deletes what nothing names"),
        None => {}
    }
    if serious > 0 || (waste > 0 && deleted.is_none()) { NO } else { YES }
}

/// Whether a problem costs space and nothing else.
fn is_waste(problem: &ScrubProblem) -> bool {
    matches!(problem, ScrubProblem::Orphan { .. } | ScrubProblem::Dangling { .. } | ScrubProblem::Foreign { .. })
}

fn line(problem: &ScrubProblem) -> String {
    match problem {
        ScrubProblem::Damaged { bucket, key, version, why } => {
            format!("damaged   s3://{bucket}/{} ({version}): {why}", key.escape_debug())
        }
        ScrubProblem::NoBucket { bucket, key } => format!("no bucket {bucket} for the key {}", key.escape_debug()),
        ScrubProblem::NoCurrent { bucket, key } => {
            format!("damaged   s3://{bucket}/{}: earlier versions without a current one", key.escape_debug())
        }
        ScrubProblem::Orphan { blob, sealed_len } => format!("unnamed   blob {blob}, {}", HumanBytes(*sealed_len)),
        ScrubProblem::Dangling { id, manifest: true } => format!("unnamed   manifest {id}"),
        ScrubProblem::Dangling { id, manifest: false } => format!("unnamed   small value {id}"),
        ScrubProblem::Foreign { what } => format!("unnamed   {what}"),
    }
}
