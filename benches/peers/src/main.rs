//! Portcullis and its peers on the same work, in one run; only ratios from one run travel between machines.
//!
//! Policies and requests are built before the timed loop, every answer is checked before it is timed, a
//! figure is the median of rounds in which the engines take turns. W1, W2 and W3 are described in
//! `work.rs`; each engine's module says how it is used and what of the work it cannot say.
//!
//! Left out: engines under copyleft licences.

mod aspen_engine;
mod cedar_engine;
mod engine;
mod iam_rs_engine;
mod measure;
#[cfg(feature = "portcullis")]
mod portcullis_engine;
mod regorus_engine;
mod report;
mod work;

use engine::Engine;
use measure::{Outcome, Plan, compare};
use std::process::ExitCode;
use work::{HIT, MISS, Work};

/// The package that the ratios refer to.
pub const BASE: &str = "portcullis";

const HELP: &str = "\
usage: cargo run --release [-- --quick]

Times Portcullis and other engines on the same work and prints tables in Markdown.

  --quick   fewer and shorter rounds, W3 up to 1,000 statements: two seconds instead of half a minute";

/// The outcomes of one measured case, one for each engine.
pub struct Column {
    /// `W1`, `W2`, `W3 hit`, …
    pub case: String,
    /// The case, with its number of statements for W3.
    pub title: String,
    pub outcomes: Vec<Outcome>,
}

fn main() -> ExitCode {
    let mut quick = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => quick = true,
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprintln!("error: unknown argument `{other}`\n\n{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    if run(quick) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn engines() -> Vec<Box<dyn Engine>> {
    vec![
        #[cfg(feature = "portcullis")]
        Box::new(portcullis_engine::Portcullis),
        #[cfg(feature = "portcullis")]
        Box::new(portcullis_engine::Explained),
        Box::new(iam_rs_engine::IamRs),
        Box::new(cedar_engine::Cedar),
        Box::new(regorus_engine::Regorus),
        Box::new(aspen_engine::Aspen),
    ]
}

/// False where Portcullis itself could not be prepared or answered wrongly.
fn run(quick: bool) -> bool {
    let plan = if quick { Plan::QUICK } else { Plan::FULL };
    let sizes: &[usize] = if quick { &[10, 100, 1_000] } else { &[10, 100, 1_000, 10_000] };
    let engines = engines();
    let columns = measure_all(&engines, sizes, plan);

    let base = engines.iter().position(|engine| engine.package() == BASE);
    let pick = |cases: &[&str]| -> Vec<&Column> {
        columns.iter().filter(|column| cases.contains(&column.case.as_str())).collect()
    };
    println!("CPU nanoseconds for one decision (× Portcullis of the same run), median of {} rounds", plan.rounds);
    println!("({} where one pass takes over {} ms), engines interleaved.", plan.slow_rounds, plan.slow.as_millis());
    println!("\\* over the requests that it answers rightly; the ratio is to Portcullis over all of them.\n");
    report::table(&engines, base, &pick(&["W1", "W2", "W3 hit"]));
    report::table(&engines, base, &pick(&["W3 miss"]));
    report::table(&engines, base, &pick(&["W3* hit"]));
    report::table(&engines, base, &pick(&["W3* miss"]));
    report::notes(&engines, &columns);
    let own = engines.iter().enumerate().filter(|(_, engine)| engine.package() == BASE);
    let mut outcomes = own.flat_map(|(row, _)| columns.iter().map(move |column| &column.outcomes[row]));
    outcomes.all(|outcome| outcome.nanoseconds.is_some() && outcome.wrong.is_empty())
}

fn measure_all(engines: &[Box<dyn Engine>], sizes: &[usize], plan: Plan) -> Vec<Column> {
    let mut columns = Vec::new();
    let w1 = work::w1();
    measure_work(engines, &w1, &[("W1", vec![0])], "", plan, &mut columns);
    let w2 = work::w2();
    measure_work(engines, &w2, &[("W2", (0..w2.requests.len()).collect())], "", plan, &mut columns);
    for anyone in [false, true] {
        let cases = if anyone { ["W3* hit", "W3* miss"] } else { ["W3 hit", "W3 miss"] };
        for &size in sizes {
            let work = work::w3(size, anyone);
            let cases = [(cases[0], vec![HIT]), (cases[1], vec![MISS])];
            measure_work(
                engines,
                &work,
                &cases,
                &format!(" {}", report::grouped(&size.to_string())),
                plan,
                &mut columns,
            );
        }
    }
    columns
}

/// Prepares every engine once and measures each of `cases`: a name and the requests it is made of.
fn measure_work(
    engines: &[Box<dyn Engine>],
    work: &Work,
    cases: &[(&str, Vec<usize>)],
    size: &str,
    plan: Plan,
    columns: &mut Vec<Column>,
) {
    let mut prepared = Vec::new();
    for engine in engines {
        prepared.push(engine.prepare(work).map_err(|error| eprintln!("{}: not run: {error}", engine.name())).ok());
    }
    for (case, requests) in cases {
        eprintln!("{case}{size} …");
        columns.push(Column {
            case: (*case).to_owned(),
            title: format!("{case}{size}"),
            outcomes: compare(&mut prepared, work, requests, plan),
        });
    }
}
