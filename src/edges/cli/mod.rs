//! The command line: data on standard output, the rest on standard error, and exit codes that tell a denial
//! from a typo.

mod args;
mod ask;
#[cfg(feature = "server")]
mod cp;
mod decisions;
mod files;
mod http;
mod inspect;
#[cfg(feature = "server")]
mod keys;
#[cfg(feature = "server")]
mod mfa;
#[cfg(feature = "server")]
mod moves;
#[cfg(feature = "server")]
mod operate;
mod playground;
#[cfg(feature = "server")]
mod presign;
#[cfg(feature = "server")]
mod root_key_args;
#[cfg(feature = "server")]
mod scrub;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
mod server_args;
#[cfg(feature = "server")]
mod services;
#[cfg(feature = "server")]
mod sign;
mod testing;
mod trail;

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
        Command::Why(why) => match (&why.decision, &why.data) {
            (Some(id), Some(data)) => decisions::why(id, data, &why.ask),
            _ => ask::can(&why.ask, true),
        },
        Command::Test(test) => testing::run(&test),
        Command::Trail(args) => trail::run(&args),
        #[cfg(feature = "server")]
        Command::Serve(args) => operate::serve(&args),
        #[cfg(feature = "server")]
        Command::Presign(args) => operate::presign(&args),
        #[cfg(feature = "server")]
        Command::SignUrl(args) => sign::url(&args),
        #[cfg(feature = "server")]
        Command::SignCookies(args) => sign::cookies(&args),
        #[cfg(feature = "server")]
        Command::Cp(args) => cp::run(&args),
        #[cfg(feature = "server")]
        Command::Mfa { command } => operate::mfa(&command),
        #[cfg(feature = "server")]
        Command::Scrub(args) => scrub::run(&args),
        Command::Playground(args) => playground::run(&args),
        #[cfg(feature = "server")]
        Command::Keys { command: server_args::KeysCommand::Reseal(args) } => keys::reseal(&args),
        Command::World { command: WorldCommand::Show(args) } => inspect::show(&args),
        Command::World { command: WorldCommand::Check(args) } => inspect::check(&args),
        #[cfg(feature = "server")]
        Command::World { command: WorldCommand::Export(args) } => moves::export(&args),
        #[cfg(feature = "server")]
        Command::World { command: WorldCommand::Import(args) } => moves::import(&args),
        Command::Explain { code } => inspect::explain(code.as_deref()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut script);
            say(&String::from_utf8_lossy(&script));
            YES
        }
        Command::Man { verb } => inspect::man(Cli::command(), verb.as_deref()),
    };
    ExitCode::from(status)
}

/// Writes to standard output. Where nobody reads it any more, or it is full, the program ends: an answer
/// that could not be given is no answer.
fn say(text: &str) {
    use std::io::Write as _;
    let mut out = anstream::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(i32::from(UNASKED));
    }
}

/// The clock, in seconds since 1970.
fn now() -> Option<i64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
