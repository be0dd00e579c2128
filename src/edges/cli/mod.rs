//! The command line: data on standard output, the rest on standard error, and exit codes that tell a denial
//! from a typo.

mod args;
mod ask;
mod files;
mod inspect;
mod testing;

use args::{Cli, Command, WorldCommand};
use clap::{CommandFactory, Parser};
use std::process::ExitCode;

/// Exit status 0: yes.
const YES: u8 = 0;
/// Exit status 1: denied, a test failed, findings.
const NO: u8 = 1;
/// Exit status 2: the question could not be asked.
const UNASKED: u8 = 2;
/// Exit status 3: a layer that was not given would decide.
const UNDECIDED: u8 = 3;

/// Runs the program with the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; everything else is a question that could not be asked.
            let status = if error.use_stderr() { UNASKED } else { YES };
            return if error.print().is_ok() { ExitCode::from(status) } else { ExitCode::from(UNASKED) };
        }
    };
    let status = match cli.command {
        Command::Can(ask) => ask::can(&ask, false),
        Command::Why(ask) => ask::can(&ask, true),
        Command::Test(test) => testing::run(&test),
        Command::World { command: WorldCommand::Show(args) } => inspect::show(&args),
        Command::World { command: WorldCommand::Check(args) } => inspect::check(&args),
        Command::Explain { code } => inspect::explain(code.as_deref()),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut std::io::stdout());
            YES
        }
        Command::Man { verb } => inspect::man(Cli::command(), verb.as_deref()),
    };
    ExitCode::from(status)
}

/// The clock, in seconds since 1970.
fn now() -> Option<i64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
