//! The command line's grammar.

#[cfg(feature = "server")]
use super::server_args::{KeysCommand, MfaCommand, PresignArgs, ScrubArgs, ServeArgs, SignCookiesArgs, SignUrlArgs};
use crate::simulate::question::{Circumstances, Question};
use crate::simulate::recorded::Door;
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
    #[command(override_usage = "portcullis can [OPTIONS] PRINCIPAL ACTION RESOURCE\n       \
                                portcullis can [OPTIONS] METHOD URL --as WHO", after_help = HTTP_HELP)]
    Can(Ask),
    /// The same question with everything that led to the answer; or a decision of the past.
    #[command(override_usage = "portcullis why [OPTIONS] PRINCIPAL ACTION RESOURCE\n       \
                                portcullis why [OPTIONS] METHOD URL --as WHO\n       \
                                portcullis why [OPTIONS] --decision ID --data DIR", after_help = HTTP_HELP)]
    Why(Why),
    /// Runs scenario files and policy unit tests.
    Test(Test),
    /// Shows the decisions of a server's trail, and follows them as they fall.
    Trail(TrailArgs),
    /// Serves the object store: S3 with every request decided by the same core.
    #[cfg(feature = "server")]
    Serve(Box<ServeArgs>),
    /// Makes a presigned URL.
    #[cfg(feature = "server")]
    Presign(PresignArgs),
    /// Makes a signed URL of CloudFront.
    #[cfg(feature = "server")]
    SignUrl(SignUrlArgs),
    /// Makes signed cookies of CloudFront.
    #[cfg(feature = "server")]
    SignCookies(SignCookiesArgs),
    /// Copies files, folders and streams to and from an object store, encrypted on this side if wanted.
    #[cfg(feature = "server")]
    #[command(after_help = super::cp::HELP)]
    Cp(Box<super::cp::CpArgs>),
    /// Makes MFA devices for MFA Delete.
    #[cfg(feature = "server")]
    Mfa {
        /// What to do.
        #[command(subcommand)]
        command: MfaCommand,
    },
    /// Reads and verifies everything that a data directory holds.
    #[cfg(feature = "server")]
    Scrub(ScrubArgs),
    /// Serves the playground's page with a world preloaded; nothing leaves this machine.
    Playground(PlaygroundArgs),
    /// Root keys, which seal everything that a data directory keeps.
    #[cfg(feature = "server")]
    Keys {
        /// What to do with them.
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Shows or checks a world, and moves it in and out of servers.
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
    /// Writes what a server, or a data directory, has: identities, policies, settings of buckets and keys.
    #[cfg(feature = "server")]
    #[command(after_help = super::moves::EXPORT_HELP)]
    Export(Box<super::moves::ExportArgs>),
    /// Makes a server have what world files or AWS's dumps say.
    #[cfg(feature = "server")]
    #[command(after_help = super::moves::IMPORT_HELP)]
    Import(Box<super::moves::ImportArgs>),
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

/// The page.
#[derive(Debug, Args)]
pub struct PlaygroundArgs {
    /// The world that the page starts with; its keys and secrets are left out
    #[command(flatten)]
    pub world: WorldArgs,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9080")]
    pub listen: String,
}

const HTTP_HELP: &str = "An HTTP request (METHOD URL --as WHO) is asked as the permissions that its S3 operation \
needs, each on its own resource with the condition keys that the request brings: those of its query and of the headers \
under -H, aws:SecureTransport from the URL's scheme, and how it is signed (by a header, or by the URL where that has \
X-Amz-Algorithm). The path is decoded once and never normalised. The first line is the answer to all of them. What \
stands in a body is given with -c.

  portcullis why GET 'http://127.0.0.1:9000/reports/2024/q1.csv?tagging' --as alice -w world.json
  portcullis can PUT https://store.example/b/new --as alice -H 'x-amz-copy-source: /a/old' -w world.json";

/// A question.
#[derive(Debug, Args)]
pub struct Ask {
    /// alice, user/alice, role/deploy, role/deploy/session, name@account, root@ACCOUNT, an ARN,
    /// svc.amazonaws.com, oai/ID, cloudfront/DISTRIBUTION, anyone
    pub principal: Option<String>,
    /// s3:GetObject, or GetObject where the resource names the service; wildcards give a table
    pub action: Option<String>,
    /// `s3://BUCKET/KEY`, an ARN, key/ID, alias/NAME, role/NAME, or *
    pub resource: Option<String>,
    /// Ask about an HTTP request, METHOD URL, made by WHO
    #[arg(long = "as", value_name = "WHO")]
    pub sender: Option<String>,
    /// A header of that request; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", requires = "sender")]
    pub header: Vec<String>,
    /// Below this host, buckets stand in the host's name (BUCKET.SUFFIX); repeatable
    #[arg(long, value_name = "SUFFIX", requires = "sender")]
    pub host_suffix: Vec<String>,
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

/// A question, or a decision of the past.
#[derive(Debug, Args)]
pub struct Why {
    /// The question.
    #[command(flatten)]
    pub ask: Ask,
    /// Explain a recorded decision by the policies of its time: the request id of an answer; `ID.2` is the
    /// request's second decision, without a number all are shown
    #[arg(long, value_name = "ID", requires = "data", conflicts_with_all = [
        "principal", "sender", "from", "at", "mfa", "http", "https", "vpce", "context", "absent"
    ])]
    pub decision: Option<String>,
    /// The server's data directory, whose trail has the decision
    #[arg(long, value_name = "DIR", requires = "decision")]
    pub data: Option<PathBuf>,
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
    ///
    /// # Errors
    /// A sentence about a word that is missing.
    pub fn question(&self) -> Result<Question, String> {
        let missing = |what| format!("the {what} is missing: a question is `PRINCIPAL ACTION RESOURCE`");
        if let (Some(method), Some(url), None) = (&self.principal, &self.action, &self.resource)
            && url.contains("://")
            && method.chars().all(|c| c.is_ascii_uppercase())
        {
            return Err(format!("who sends `{method} {url}`? add --as WHO"));
        }
        Ok(Question {
            principal: self.principal.clone().ok_or_else(|| missing("principal"))?,
            action: self.action.clone().ok_or_else(|| missing("action"))?,
            resource: self.resource.clone().ok_or_else(|| missing("resource"))?,
            circumstances: self.circumstances.given(),
        })
    }
}

impl CircumstanceArgs {
    /// The circumstances.
    #[must_use]
    pub fn given(&self) -> Circumstances {
        Circumstances {
            from: self.from.clone(),
            at: self.at.clone(),
            mfa: self.mfa.clone(),
            https: (self.http || self.https).then_some(self.https),
            vpce: self.vpce.clone(),
            context: self.context.clone(),
            absent: self.absent.clone(),
            new_bucket: false,
            new_object: false,
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

/// Which events of a trail.
#[derive(Debug, Args)]
pub struct TrailArgs {
    /// The server's data directory, or a folder that holds a trail
    pub dir: Option<PathBuf>,
    /// The same
    #[arg(
        long,
        value_name = "DIR",
        env = "PORTCULLIS_DATA",
        default_value = "portcullis-data",
        conflicts_with = "dir"
    )]
    pub data: PathBuf,
    /// Goes on with what comes
    #[arg(short, long)]
    pub follow: bool,
    /// Only denials and refusals
    #[arg(long)]
    pub denied: bool,
    /// Only of this requester: a name, an ARN, an access key or an account; * and ? stand for others
    #[arg(long, value_name = "WHO")]
    pub principal: Option<String>,
    /// Only this action: s3:GetObject, GetObject, 's3:Put*'
    #[arg(long)]
    pub action: Option<String>,
    /// Only this resource: an ARN or an s3:// URL; * and ? stand for others
    #[arg(long)]
    pub resource: Option<String>,
    /// Only what came through this door
    #[arg(long, value_enum)]
    pub door: Option<DoorArg>,
    /// Only what came since: 2026-11-22T09:00Z, or 15m, 12h, 7d ago
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// How to show them: a line for people, with what a denial would have needed, or the events themselves
    #[arg(long, value_enum, default_value_t)]
    pub format: TestFormat,
}

/// A door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoorArg {
    /// Signed in its header.
    Header,
    /// A presigned URL.
    Presigned,
    /// A browser's form.
    Form,
    /// Unsigned.
    Anonymous,
    /// CloudFront, as an origin access identity.
    Oai,
    /// CloudFront, by origin access control.
    Oac,
    /// A viewer before CloudFront.
    Viewer,
    /// A service beside S3.
    Service,
}

impl From<DoorArg> for Door {
    fn from(door: DoorArg) -> Self {
        match door {
            DoorArg::Header => Self::Header,
            DoorArg::Presigned => Self::Presigned,
            DoorArg::Form => Self::Form,
            DoorArg::Anonymous => Self::Anonymous,
            DoorArg::Oai => Self::Oai,
            DoorArg::Oac => Self::Oac,
            DoorArg::Viewer => Self::Viewer,
            DoorArg::Service => Self::Service,
        }
    }
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
