//! `cp`: copies between here and an object store.

mod args;
mod keyrings;
mod places;
mod plan;
mod run;

pub use args::{CpArgs, HELP};

use super::{NO, UNASKED, YES};
use crate::edges::client::transfer::Transfers;
use crate::edges::client::{Client, Credentials, Endpoint, Settings};
use crate::edges::server::faults;
use anstream::eprintln;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::Arc;
use std::time::Duration;

/// Work that is shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long an interrupted program takes to put away what it began.
const LEAVING: Duration = Duration::from_secs(5);

/// Exit status 0: everything was copied; 1: something was not; 2: nothing was tried.
pub(super) fn run(args: &CpArgs) -> u8 {
    let done = tokio::runtime::Runtime::new().map_err(|e| e.to_string()).and_then(|runtime| {
        let done = runtime.block_on(copy(args));
        // A read of standard input may not return for long.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(0) => YES,
        Ok(_) => NO,
        Err(reason) => {
            eprintln!("error: {reason}");
            UNASKED
        }
    }
}

async fn copy(args: &CpArgs) -> Result<u64, String> {
    let client = client(args)?;
    let way = run::Way::new(args, &client)?;
    let plan = plan::plan(args, &client).await?;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let template = "{spinner} {elapsed_precise} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if let Some(sum) = plan.copies.iter().map(|copy| copy.size).sum::<Option<u64>>() {
        bar.set_length(sum);
    }
    let late = bar.clone();
    let shown = tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        late.set_draw_target(ProgressDrawTarget::stderr());
        late.enable_steady_tick(Duration::from_millis(200));
    });
    let counted = bar.clone();
    let mut transfers = Transfers::new(client, usize::from(args.parallel));
    transfers.progress = Arc::new(move |bytes| counted.inc(bytes));
    transfers.fault = faults::from_environment();
    let refused = plan.refused;
    let done = tokio::select! {
        done = run::all(&transfers, &way, plan, &bar) => Ok(done),
        _ = tokio::signal::ctrl_c() => Err(()),
    };
    shown.abort();
    bar.finish_and_clear();
    match done {
        Ok(done) => {
            let failed = done.failed + refused;
            if failed > 0 {
                eprintln!("{} copied, {failed} not", done.copied);
            }
            Ok(failed)
        }
        Err(()) => {
            let _ = tokio::time::timeout(LEAVING, transfers.abort_open()).await;
            eprintln!("interrupted: the same command goes on where it can");
            Ok(1)
        }
    }
}

fn client(args: &CpArgs) -> Result<Client, String> {
    let endpoint = |service: &str| {
        Endpoint::of_environment(service, args.endpoint_url.as_deref(), &args.region).map_err(|e| e.to_string())
    };
    let read = |path: &std::path::PathBuf| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let credentials: Credentials = args.keys.read()?;
    let settings = Settings {
        s3: endpoint("s3")?,
        kms: endpoint("kms")?,
        region: args.region.clone(),
        credentials,
        ca: args.ca.as_ref().map(read).transpose()?,
        attempts: args.attempts,
    };
    Client::new(settings).map_err(|e| e.to_string())
}
