//! The grammar of `world export` and `world import`.

use crate::edges::cli::args::WorldArgs;
use crate::edges::cli::root_key_args::RootKeyArgs;
use crate::edges::cli::services::ServiceArgs;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What stands behind the options of `world export`.
pub const EXPORT_HELP: &str =
    "A server that runs is asked by IAM's, S3's and KMS's own operations, each decided as for \
anybody: what the caller may not read is named on standard error, and the exit status is 1. A data directory whose \
server has ended is read with --data.

Secrets never leave: neither access keys nor MFA devices are exported, nor the material of KMS keys, nor objects.

  portcullis world export --endpoint-url http://127.0.0.1:9000 -o world.json
  portcullis world export --endpoint-url http://127.0.0.1:9000 --format aws -o dumps/
  portcullis world export --data portcullis-data --account 123456789012

Exit status: 0 everything was exported, 1 something could not be read, 2 nothing was asked.";

/// What stands behind the options of `world import`.
pub const IMPORT_HELP: &str =
    "The files are read as everywhere. The account of whoever signs is compared with them, and \
made to have what they say by IAM's, S3's and KMS's own operations, each decided as for anybody: identities first, \
then what names them. What is there already is left alone, so that a second import changes nothing; what differs is \
changed; nothing is deleted, but with --replace what the named identities have beside the files. The address must be \
given, here or in the environment: nothing is sent to AWS by default.

Access keys, MFA devices, the organization, VPC endpoints, CloudFront's things and objects cannot be imported; they \
are named on standard error.

  portcullis world import -w world.json --endpoint-url http://127.0.0.1:9000 --dry-run
  portcullis world import -w dumps/ --endpoint-url http://127.0.0.1:9000 --keep-going

Exit status: 0 the server has it, 1 something was refused or conflicts, 2 nothing was tried.";

/// What to export, and where to.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Read this data directory, whose server has ended, in place of a server that runs
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint_url")]
    pub data: Option<PathBuf>,
    /// Only this account of the data directory
    #[arg(long, value_name = "ID", requires = "data")]
    pub account: Option<String>,
    /// Where the root keys are.
    #[command(flatten)]
    pub root_keys: RootKeyArgs,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Shape,
    /// Where it is written: a file, or a folder for AWS's dumps, which ends with a slash where it is new; without it
    /// to standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Whom to ask.
    #[command(flatten)]
    pub services: ServiceArgs,
}

/// A format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// A world file.
    #[default]
    Native,
    /// AWS's dumps; into a folder also those of buckets and keys.
    Aws,
}

/// What to import, and where to.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub struct ImportArgs {
    /// What to import.
    #[command(flatten)]
    pub world: WorldArgs,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Remove what the named identities have beside the files: policies, tags, groups, boundaries
    #[arg(long)]
    pub replace: bool,
    /// Make buckets and KMS keys that are not there; keys get ids of their own
    #[arg(long)]
    pub create: bool,
    /// Go on after a refusal or a conflict, but not with what builds on a limit that failed; without it the first one ends
    #[arg(long)]
    pub keep_going: bool,
    /// Whom to ask.
    #[command(flatten)]
    pub services: ServiceArgs,
}
