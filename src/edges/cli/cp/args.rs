//! The grammar of `cp`.

use super::places::Place;
use crate::edges::cli::services::ServiceArgs;
use crate::edges::client::multipart::{LEAST_PART, MOST_PART};
use crate::edges::client::transfer::CommitmentPolicy;
use clap::{Args, ValueEnum};

/// What stands behind the options.
pub const HELP: &str = "SOURCE and TARGET are s3://BUCKET/KEY, a path, or - for a stream; one of the two is in a store.

  portcullis cp report.csv s3://reports/2026/ --encrypt-with kms:alias/reports
  portcullis cp s3://reports/2026/report.csv . --decrypt-with kms:alias/reports
  portcullis cp -r photos s3://archive/photos --encrypt-with aes:key.bin --parallel 16
  tar c src | portcullis cp - s3://archive/src.tar --encrypt-with rsa:public.pem

Exit status: 0 everything was copied, 1 something was not, 2 nothing was tried.";

/// What to copy, and how.
#[derive(Debug, Args)]
pub struct CpArgs {
    /// Where from: `s3://BUCKET/KEY`, a path, or - for standard input
    #[arg(value_parser = Place::parse)]
    pub source: Place,
    /// Where to: `s3://BUCKET/KEY`, a path, or - for standard output; below it where it ends with a slash
    #[arg(value_parser = Place::parse)]
    pub target: Place,
    /// Copy all files of a folder, or all objects below a prefix
    #[arg(short, long)]
    pub recursive: bool,
    /// How many requests are under way at once, in each direction
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallel: u16,
    /// The size of parts: bytes, or such as 16MiB
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = parse_size)]
    pub part_size: u64,
    /// How often a request is sent before it counts as failed
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub attempts: u32,
    /// Do not remember uploads: an interrupted one begins anew
    #[arg(long)]
    pub no_resume: bool,
    /// Encrypt before sending: kms:KEY, aes:FILE (16 or 32 bytes, also in base64) or rsa:PUBLIC.pem
    #[arg(long, value_name = "KEY", conflicts_with = "raw")]
    pub encrypt_with: Option<String>,
    /// Decrypt what was encrypted by a client: kms:KEY, aes:FILE or rsa:PRIVATE.pem
    #[arg(long, value_name = "KEY", conflicts_with = "raw")]
    pub decrypt_with: Option<String>,
    /// Bound to the data key, and wanted of it with kms: in decryption; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub encryption_context: Vec<(String, String)>,
    /// Which formats are decrypted; new objects always commit to their keys
    #[arg(long, value_enum, default_value_t)]
    pub commitment_policy: Policy,
    /// Copy encrypted objects as they are, with their encryption metadata
    #[arg(long)]
    pub raw: bool,
    /// The content type of what is sent; without it, it is that of the source object or of the file's name
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// User metadata of what is sent; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub metadata: Vec<(String, String)>,
    /// Whom to ask, and as whom.
    #[command(flatten)]
    pub services: ServiceArgs,
}

/// The commitment policies of the Amazon S3 Encryption Client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// Format 3 only.
    #[default]
    RequireEncryptRequireDecrypt,
    /// Format 2 too, which does not commit to its key.
    RequireEncryptAllowDecrypt,
}

impl From<Policy> for CommitmentPolicy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::RequireEncryptRequireDecrypt => Self::RequireDecrypt,
            Policy::RequireEncryptAllowDecrypt => Self::AllowDecrypt,
        }
    }
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("wanted NAME=VALUE".to_owned()),
    }
}

fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text.get(digits.len()..).unwrap_or_default() {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => return Err(format!("`{other}` is no unit; there are KiB, MiB and GiB")),
    };
    let number: u64 = digits.parse().map_err(|_| "wanted a number of bytes, or such as 16MiB".to_owned())?;
    number
        .checked_mul(unit)
        .filter(|size| (LEAST_PART..=MOST_PART).contains(size))
        .ok_or_else(|| "S3's parts are of 5 MiB to 5 GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units_and_s3s_limits() {
        for (text, want) in [("8MiB", Some(8 << 20)), ("5242880", Some(5 << 20)), ("1GiB", Some(1 << 30))] {
            assert_eq!(parse_size(text).ok(), want, "{text}");
        }
        for bad in ["", "MiB", "8MB", "8 MiB", "1MiB", "6GiB", "-1", "99999999999GiB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pairs() {
        assert_eq!(parse_pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(parse_pair("=b").is_err() && parse_pair("a").is_err());
    }
}
