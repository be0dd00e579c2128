//! The command line's grammar.

use crate::simulate::question::{Circumstances, Question};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// One gate for every request: says whether AWS would allow a request, and why.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 yes, 1 no, 2 the question could not be asked, 3 undecided: a layer that was not given would decide."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Would this request be allowed?
    Can(Ask),
    /// The same question with everything that led to the answer.
    Why(Ask),
    /// Runs scenario files and policy unit tests.
    Test(Test),
    /// Shows or checks a world.
    World {
        /// What to do with it.
        #[command(subcommand)]
        command: WorldCommand,
    },
    /// Explains a code such as D201.
    Explain {
        /// The code; without one, all codes are listed.
        code: Option<String>,
    },
    /// Prints a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page of the program, or of one verb.
    Man {
        /// The verb.
        verb: Option<String>,
    },
}

/// Commands on worlds.
#[derive(Debug, Subcommand)]
pub enum WorldCommand {
    /// Lists what was loaded: accounts, identities, buckets, keys, and what is not known.
    Show(WorldArgs),
    /// Reports everything that is wrong or questionable.
    Check(WorldArgs),
}

/// Where the world comes from.
#[derive(Clone, Debug, Args)]
pub struct WorldArgs {
    /// A file, a directory or a pattern such as 'dumps/*.json': world files, AWS's own dumps, policy
    /// documents; repeatable
    #[arg(short, long = "world", value_name = "PATH", env = "PORTCULLIS_WORLD")]
    pub world: Vec<PathBuf>,
    /// Warnings about policies are errors
    #[arg(long)]
    pub strict: bool,
}

/// A question.
#[derive(Debug, Args)]
pub struct Ask {
    /// alice, user/alice, role/deploy, role/deploy/session, name@account, root@ACCOUNT, an ARN,
    /// svc.amazonaws.com, oai/ID, anyone
    pub principal: String,
    /// s3:GetObject, or GetObject where the resource names the service; wildcards give a table
    pub action: String,
    /// `s3://BUCKET/KEY`, an ARN, key/ID, alias/NAME, role/NAME, or *
    pub resource: String,
    /// Where policies come from.
    #[command(flatten)]
    pub world: WorldArgs,
    /// The circumstances.
    #[command(flatten)]
    pub circumstances: CircumstanceArgs,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Exit with 0 when the answer is this, and with 1 when it is another
    #[arg(long, value_name = "ANSWER", value_parser = ["allow", "deny", "explicit-deny", "implicit-deny"])]
    pub expect: Option<String>,
}

/// The circumstances of a question.
#[derive(Debug, Args)]
pub struct CircumstanceArgs {
    /// The source address
    #[arg(long, value_name = "IP")]
    from: Option<String>,
    /// The time of the request, such as 2026-11-22T09:00Z; the clock's when not given
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Made with MFA, AGE seconds ago
    #[arg(long, value_name = "AGE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "clap: not given, given, given with a value")]
    mfa: Option<Option<String>>,
    /// Sent over plain HTTP
    #[arg(long, conflicts_with = "https")]
    http: bool,
    /// Sent over HTTPS
    #[arg(long)]
    https: bool,
    /// Sent through this VPC endpoint
    #[arg(long, value_name = "ID")]
    vpce: Option<String>,
    /// Any other context key; repeat for several values
    #[arg(short = 'c', long = "context", value_name = "KEY=VALUE")]
    context: Vec<String>,
    /// Take a layer that was not given to be absent: scp, rcp, resource, …
    #[arg(long, value_name = "LAYER")]
    absent: Vec<String>,
}

impl Ask {
    /// The question.
    #[must_use]
    pub fn question(&self) -> Question {
        let c = &self.circumstances;
        let https = (c.http || c.https).then_some(c.https);
        Question {
            principal: self.principal.clone(),
            action: self.action.clone(),
            resource: self.resource.clone(),
            circumstances: Circumstances {
                from: c.from.clone(),
                at: c.at.clone(),
                mfa: c.mfa.clone(),
                https,
                vpce: c.vpce.clone(),
                context: c.context.clone(),
                absent: c.absent.clone(),
            },
        }
    }
}

/// Files to run.
#[derive(Debug, Args)]
pub struct Test {
    /// Scenario files and policy unit tests, JSON or YAML
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The world of tests that name none
    #[command(flatten)]
    pub world: WorldArgs,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    pub format: TestFormat,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// The versioned JSON shape.
    Json,
    /// The shape of AWS's SimulatePolicyResponse.
    Aws,
}

/// How test results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// For people.
    #[default]
    Human,
    /// The versioned JSON shape.
    Json,
}
