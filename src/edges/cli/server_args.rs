//! The grammar of the store's verbs: `serve`, `presign`, `sign-url`, `sign-cookies`, `mfa`.

use super::args::WorldArgs;
use super::root_key_args::RootKeyArgs;
use super::sign::{self, CookieFormat};
use crate::edges::client::Credentials;
use crate::edges::server::settings::{
    Certificate, CloudFrontSettings, HostPort, LogFormat, ServeSettings, TlsSettings, parse_host_suffix, parse_proxy,
    parse_region,
};
use crate::edges::server::trail::{Mode, TrailSettings};
use clap::{ArgGroup, Args, Subcommand};
use ipnetwork::IpNetwork;
use std::path::PathBuf;
use std::time::Duration;

/// Serves an S3-compatible object store.
#[derive(Debug, Args)]
#[command(
    after_help = "Once it accepts requests, `ready http://HOST:PORT` stands alone on standard output.\nSIGTERM or SIGINT end it: open requests are finished first; a second signal cuts them.\nPORTCULLIS_LOG sets what is logged, such as `info` (the default), `debug` or `portcullis=trace`.",
    group = ArgGroup::new("tls_listeners").multiple(true)
)]
pub struct ServeArgs {
    /// The data directory; made where there is none
    #[arg(long, value_name = "DIR", env = "PORTCULLIS_DATA", default_value = "portcullis-data")]
    pub data: PathBuf,
    /// Where to listen for HTTP; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", env = "PORTCULLIS_LISTEN", default_value = "127.0.0.1:9000",
          value_parser = HostPort::parse)]
    pub listen: HostPort,
    /// Where to listen for HTTPS
    #[arg(long, value_name = "HOST:PORT", env = "PORTCULLIS_TLS_LISTEN", value_parser = HostPort::parse,
          group = "tls_listeners")]
    pub tls_listen: Option<HostPort>,
    /// The certificate chain, a PEM file; without it one is made and kept in DIR/tls
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_TLS_CERT", requires_all = ["tls_key", "tls_listeners"])]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_TLS_KEY", requires_all = ["tls_cert", "tls_listeners"])]
    pub tls_key: Option<PathBuf>,
    /// Where to listen for viewers of CloudFront's distributions, over HTTP; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", env = "PORTCULLIS_CLOUDFRONT", value_parser = HostPort::parse)]
    pub cloudfront: Option<HostPort>,
    /// Where to listen for them over HTTPS
    #[arg(long, value_name = "HOST:PORT", env = "PORTCULLIS_CLOUDFRONT_TLS", value_parser = HostPort::parse,
          group = "tls_listeners")]
    pub cloudfront_tls: Option<HostPort>,
    /// The most bytes of answers that CloudFront's cache keeps in memory; 64 MiB by default, 0: none
    #[arg(long, value_name = "BYTES", env = "PORTCULLIS_CLOUDFRONT_CACHE", default_value_t = 64 << 20,
          hide_default_value = true)]
    pub cloudfront_cache: u64,
    /// What an empty data directory is seeded with.
    #[command(flatten)]
    pub world: WorldArgs,
    /// The region of new buckets, and the one that signatures must name
    #[arg(long, env = "PORTCULLIS_REGION", default_value = "us-east-1", value_parser = parse_region)]
    pub region: String,
    /// Accept any region in a signature's scope
    #[arg(long, env = "PORTCULLIS_ANY_REGION")]
    pub any_region: bool,
    /// A domain below which the first label is a bucket: bucket.DOMAIN; repeatable
    #[arg(long, value_name = "DOMAIN", env = "PORTCULLIS_HOST_SUFFIX", default_value = "localhost",
          value_delimiter = ',', value_parser = parse_host_suffix)]
    pub host_suffix: Vec<String>,
    /// A proxy, address or network, whose X-Forwarded-For and X-Forwarded-Proto count; repeatable
    #[arg(long, value_name = "CIDR", env = "PORTCULLIS_TRUSTED_PROXY", value_delimiter = ',',
          value_parser = parse_proxy)]
    pub trusted_proxy: Vec<IpNetwork>,
    /// Accept signatures of version 2
    #[arg(long, env = "PORTCULLIS_ALLOW_SIGV2")]
    pub allow_sigv2: bool,
    /// Accept SSE-C keys and MFA codes over plain HTTP
    #[arg(long, env = "PORTCULLIS_ALLOW_INSECURE_SECRETS")]
    pub allow_insecure_secrets: bool,
    /// Where operators find /livez, /readyz and /metrics, without credentials: use a loopback address or a
    /// private network
    #[arg(long, value_name = "HOST:PORT", env = "PORTCULLIS_ADMIN", value_parser = HostPort::parse)]
    pub admin: Option<HostPort>,
    /// The largest object, in bytes; 5 TiB by default
    #[arg(long, value_name = "BYTES", env = "PORTCULLIS_MAX_OBJECT_BYTES", default_value_t = 5 << 40,
          value_parser = clap::value_parser!(u64).range(1..), hide_default_value = true)]
    pub max_object_bytes: u64,
    /// Connections at the same time, for each listener
    #[arg(long, value_name = "N", env = "PORTCULLIS_MAX_CONNECTIONS", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    /// Abort multipart uploads that were begun this many days ago; 0: never
    #[arg(long, value_name = "DAYS", env = "PORTCULLIS_UPLOAD_EXPIRY_DAYS", default_value_t = 7,
          value_parser = clap::value_parser!(u32).range(..=36_500))]
    pub upload_expiry_days: u32,
    /// How long open requests may take once the server is told to end
    #[arg(long, value_name = "SECONDS", env = "PORTCULLIS_DRAIN_SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(..=86_400))]
    pub drain_seconds: u32,
    /// How logs are written to standard error
    #[arg(long, env = "PORTCULLIS_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// The keys of an identity provider for web identities, a JSON Web Key Set: ISSUER=FILE; repeatable
    #[arg(long, value_name = "ISSUER=FILE", env = "PORTCULLIS_OIDC_KEYS", value_delimiter = ',',
          value_parser = parse_oidc_keys)]
    pub oidc_keys: Vec<(String, PathBuf)>,
    /// What is promised of the trail of decisions
    #[arg(long, env = "PORTCULLIS_TRAIL", value_name = "MODE", value_enum, default_value_t)]
    pub trail: Mode,
    /// The size at which a file of the trail is followed by the next, in bytes; 64 MiB by default
    #[arg(long, value_name = "BYTES", env = "PORTCULLIS_TRAIL_MAX_SIZE", default_value_t = 64 << 20,
          value_parser = clap::value_parser!(u64).range(1..), hide_default_value = true)]
    pub trail_max_size: u64,
    /// The age at which it is: seconds, or 15m, 12h, 7d
    #[arg(long, value_name = "TIME", env = "PORTCULLIS_TRAIL_MAX_AGE", default_value = "1d", value_parser = parse_time)]
    pub trail_max_age: Duration,
    /// How many files of the trail are kept; 0: all
    #[arg(long, value_name = "N", env = "PORTCULLIS_TRAIL_KEEP", default_value_t = 64)]
    pub trail_keep: usize,
    /// Where the root keys are.
    #[command(flatten)]
    pub root_keys: RootKeyArgs,
}

impl ServeArgs {
    /// The settings.
    #[must_use]
    pub fn settings(&self) -> ServeSettings {
        let certificate = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Certificate::Files { cert: cert.clone(), key: key.clone() },
            // INVARIANT: the grammar wants both or none.
            _ => Certificate::SelfMade,
        };
        let tls = |listen: &Option<HostPort>| {
            listen.clone().map(|listen| TlsSettings { listen, certificate: certificate.clone() })
        };
        ServeSettings {
            data: self.data.clone(),
            listen: self.listen.clone(),
            cloudfront: CloudFrontSettings {
                listen: self.cloudfront.clone(),
                tls: tls(&self.cloudfront_tls),
                cache_bytes: self.cloudfront_cache,
            },
            tls: tls(&self.tls_listen),
            admin: self.admin.clone(),
            world: self.world.world.clone(),
            strict: self.world.strict,
            region: self.region.clone(),
            any_region: self.any_region,
            host_suffixes: self.host_suffix.clone(),
            trusted_proxies: self.trusted_proxy.clone(),
            allow_sigv2: self.allow_sigv2,
            allow_insecure_secrets: self.allow_insecure_secrets,
            max_object_bytes: self.max_object_bytes,
            max_connections: self.max_connections,
            upload_expiry_days: (self.upload_expiry_days > 0).then_some(self.upload_expiry_days),
            drain: Duration::from_secs(self.drain_seconds.into()),
            log_format: self.log_format,
            oidc_keys: self.oidc_keys.clone(),
            trail: TrailSettings {
                mode: self.trail,
                max_size: self.trail_max_size,
                max_age: self.trail_max_age,
                keep: self.trail_keep,
            },
            root_keys: self.root_keys.settings(),
        }
    }
}

/// Signs a URL, so that whoever has it can make the request.
#[derive(Debug, Args)]
#[command(
    after_help = "Keys come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or from --credentials."
)]
pub struct PresignArgs {
    /// The method of the request
    #[arg(value_parser = ["GET", "HEAD", "PUT", "POST", "DELETE"])]
    pub method: String,
    /// The URL, such as `http://127.0.0.1:9000/bucket/key`
    pub url: String,
    /// How long it is good: seconds, or 15m, 12h, 7d; at most 7 days
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_expiry)]
    pub expires: u32,
    /// The region in the signature's scope
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1", value_parser = parse_region)]
    pub region: String,
    /// A header that the request must send; repeatable
    #[arg(long = "header", value_name = "NAME:VALUE", value_parser = parse_header)]
    pub headers: Vec<(String, String)>,
    /// Who signs.
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Whose keys sign; without these, those of the environment.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// A file of credentials as AWS's programs share it, such as DIR/credentials of a server; without one,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` sign
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// The section of that file
    #[arg(long, value_name = "NAME", default_value = "default", requires = "credentials")]
    profile: String,
}

impl KeyArgs {
    /// The keys.
    ///
    /// # Errors
    /// A sentence about what is missing.
    pub fn read(&self) -> Result<Credentials, String> {
        Credentials::read(self.credentials.as_deref(), &self.profile)
    }
}

/// Signs a CloudFront URL, so that whoever has it may see what a behaviour with trusted key groups serves.
#[derive(Debug, Args)]
pub struct SignUrlArgs {
    /// The URL as viewers ask for it, such as `https://d111111abcdef8.cloudfront.net/a.pdf`
    pub url: String,
    /// The URLs that the signature is good for, with * and ?; the URL must be one of them
    #[arg(long, value_name = "PATTERN", conflicts_with = "policy")]
    pub resource: Option<String>,
    /// What is granted.
    #[command(flatten)]
    pub signing: SigningArgs,
}

/// Makes CloudFront's cookies, so that whoever has them may see what behaviours with trusted key groups serve.
#[derive(Debug, Args)]
pub struct SignCookiesArgs {
    /// The URLs that the cookies are good for, with * and ?, such as `https://d111111abcdef8.cloudfront.net/paid/*`
    pub resource: String,
    /// How the cookies are printed
    #[arg(long, value_enum, default_value_t)]
    pub format: CookieFormat,
    /// The domain whose hosts get the cookies; without it, the host that sets them
    #[arg(long, value_name = "NAME", value_parser = sign::parse_attribute)]
    pub domain: Option<String>,
    /// The path below which the cookies are sent
    #[arg(long, value_name = "PATH", default_value = "/", value_parser = sign::parse_attribute)]
    pub path: String,
    /// What is granted.
    #[command(flatten)]
    pub signing: SigningArgs,
}

/// What viewers are granted, and by whom.
#[derive(Debug, Args)]
pub struct SigningArgs {
    /// The id of the public key, of a key group that the behaviour trusts
    #[arg(long, value_name = "ID", value_parser = sign::parse_key_pair_id)]
    pub key_pair_id: String,
    /// Its private key in PEM: RSA of 2,048 bits or ECDSA P-256
    #[arg(long, value_name = "FILE")]
    pub private_key: PathBuf,
    /// How long it is good: seconds, or 15m, 12h, 7d
    #[arg(long, value_name = "TIME", value_parser = parse_duration,
          required_unless_present_any = ["date_less_than", "policy"])]
    pub expires_in: Option<u32>,
    /// When it ends, such as 2027-01-01T12:00Z, or seconds since 1970
    #[arg(long, value_name = "DATE", value_parser = sign::parse_date, conflicts_with = "expires_in")]
    pub date_less_than: Option<i64>,
    /// After when it begins
    #[arg(long, value_name = "DATE", value_parser = sign::parse_date)]
    pub date_greater_than: Option<i64>,
    /// The viewers' addresses, of IPv4
    #[arg(long, value_name = "CIDR", value_parser = sign::parse_viewers)]
    pub ip: Option<String>,
    /// A file with a custom policy, signed as it is
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["expires_in", "date_less_than", "date_greater_than", "ip"])]
    pub policy: Option<PathBuf>,
    /// How the policy is hashed: sha256
    #[arg(long, value_name = "HASH", default_value = "sha256", value_parser = sign::parse_hash)]
    pub hash: String,
}

/// MFA devices.
#[derive(Debug, Subcommand)]
pub enum MfaCommand {
    /// Makes a device and shows its URI and QR code; it replaces the one before it.
    Enroll(EnrollArgs),
}

/// What to verify.
#[derive(Debug, Args)]
pub struct ScrubArgs {
    /// The data directory; no server may be using it
    #[arg(long, value_name = "DIR", default_value = "portcullis-data", env = "PORTCULLIS_DATA")]
    pub data: PathBuf,
    /// Delete bytes that nothing names; never anything that an object needs
    #[arg(long)]
    pub delete_unnamed: bool,
    /// Where the root keys are.
    #[command(flatten)]
    pub root_keys: RootKeyArgs,
}

/// Whose device.
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// The data directory of the server
    #[arg(long, value_name = "DIR", env = "PORTCULLIS_DATA", default_value = "portcullis-data")]
    pub data: PathBuf,
    /// The account, twelve digits: without --user the device is its root user's, as MFA Delete wants it
    #[arg(long, value_name = "ID", value_parser = parse_account)]
    pub account: String,
    /// A user of the account
    #[arg(long, value_name = "NAME", value_parser = parse_user)]
    pub user: Option<String>,
    /// Where the root keys are.
    #[command(flatten)]
    pub root_keys: RootKeyArgs,
}

/// An issuer is a URL; its last `=` is the one before the file.
fn parse_oidc_keys(text: &str) -> Result<(String, PathBuf), String> {
    let (issuer, file) = text.rsplit_once('=').filter(|(_, file)| !file.is_empty()).ok_or("wanted ISSUER=FILE")?;
    if !issuer.starts_with("https://") && !issuer.starts_with("http://") {
        return Err(format!("the issuer `{issuer}` is not a URL"));
    }
    Ok((issuer.to_owned(), PathBuf::from(file)))
}

fn parse_account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account is twelve digits".to_owned())
    }
}

/// IAM API Reference, `CreateUser`: letters, digits and `_+=,.@-`, at most 64.
fn parse_user(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a user's name is 1 to 64 letters, digits and _+=,.@-".to_owned())
    }
}

/// `SigV4` allows 1 s to 7 days.
fn parse_expiry(text: &str) -> Result<u32, String> {
    const LONGEST: u32 = 7 * 86_400;
    let seconds = Some(parse_duration(text)?).filter(|s| (1..=LONGEST).contains(s));
    seconds.ok_or_else(|| "a signature is good for 1 second to 7 days".to_owned())
}

/// A time that is not nothing.
fn parse_time(text: &str) -> Result<Duration, String> {
    let seconds = Some(parse_duration(text)?).filter(|s| *s > 0);
    seconds.map(|s| Duration::from_secs(s.into())).ok_or_else(|| "wanted 1 second to 136 years".to_owned())
}

/// Seconds, or a number with a unit.
fn parse_duration(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.as_bytes().last() {
        Some(b's') => (text.strip_suffix('s'), 1),
        Some(b'm') => (text.strip_suffix('m'), 60),
        Some(b'h') => (text.strip_suffix('h'), 3600),
        Some(b'd') => (text.strip_suffix('d'), 86_400),
        _ => (Some(text), 1),
    };
    let digits = number.filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let number: u32 = digits.and_then(|n| n.parse().ok()).ok_or("wanted seconds, or such as 15m, 12h, 7d")?;
    number.checked_mul(unit).ok_or_else(|| "that is longer than 136 years".to_owned())
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("wanted NAME:VALUE")?;
    let name = http::HeaderName::try_from(name).map_err(|_| format!("`{name}` is not a header's name"))?;
    let value = value.trim();
    http::HeaderValue::try_from(value).map_err(|_| format!("`{value}` is not a header's value"))?;
    Ok((name.as_str().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Serve {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn settings(line: &str) -> Result<ServeSettings, String> {
        let words = std::iter::once("serve").chain(line.split_whitespace());
        Serve::try_parse_from(words).map(|s| s.args.settings()).map_err(|e| e.to_string())
    }

    #[test]
    fn defaults() {
        let s = settings("").expect("valid");
        assert_eq!(s.data, PathBuf::from("portcullis-data"));
        assert_eq!(s.listen.to_string(), "127.0.0.1:9000");
        assert_eq!((&s.tls, &s.admin), (&None, &None));
        assert_eq!((&s.cloudfront.listen, &s.cloudfront.tls, s.cloudfront.cache_bytes), (&None, &None, 64 << 20));
        assert_eq!(s.region, "us-east-1");
        assert_eq!(s.host_suffixes, ["localhost"]);
        assert_eq!(s.trusted_proxies, []);
        assert!(!(s.any_region || s.allow_sigv2 || s.allow_insecure_secrets || s.strict));
        assert_eq!(s.max_object_bytes, 5 * 1024_u64.pow(4));
        assert_eq!((s.max_connections, s.upload_expiry_days, s.drain.as_secs()), (1024, Some(7), 30));
        assert_eq!((s.log_format, s.trail), (LogFormat::Text, TrailSettings::default()));
    }

    #[test]
    fn everything_given() {
        let s = settings(
            "--data /d --listen [::1]:0 --tls-listen h.test:9443 --tls-cert c --tls-key k -w a -w b --strict --region eu-west-1 \
             --any-region --host-suffix A.test --host-suffix b.test,c.test --trusted-proxy 10.0.0.0/8 --allow-sigv2 \
             --allow-insecure-secrets --admin 127.0.0.1:1 --max-object-bytes 7 --max-connections 2 --upload-expiry-days 0 \
             --drain-seconds 0 --log-format json --trail best-effort --trail-max-size 7 --trail-max-age 2h --trail-keep 0 \
             --cloudfront 127.0.0.1:2 --cloudfront-tls cf.test:3 --cloudfront-cache 0",
        )
        .expect("valid");
        let tls = s.tls.as_ref().expect("TLS");
        assert_eq!(tls.certificate, Certificate::Files { cert: "c".into(), key: "k".into() });
        assert_eq!(s.host_suffixes, ["a.test", "b.test", "c.test"]);
        let hosts = s.certificate_hosts();
        assert_eq!(
            hosts,
            ["h.test", "cf.test", "a.test", "b.test", "c.test", "cloudfront.localhost", "cloudfront.net"]
        );
        assert_eq!(s.cloudfront.listen.as_ref().map(ToString::to_string).as_deref(), Some("127.0.0.1:2"));
        assert_eq!(
            (s.cloudfront.tls.map(|t| t.certificate), s.cloudfront.cache_bytes),
            (Some(tls.certificate.clone()), 0)
        );
        assert_eq!(s.world, [PathBuf::from("a"), PathBuf::from("b")]);
        assert!(s.any_region && s.allow_sigv2 && s.allow_insecure_secrets && s.strict);
        assert_eq!((s.max_object_bytes, s.max_connections, s.upload_expiry_days, s.drain.as_secs()), (7, 2, None, 0));
        let trail = TrailSettings { mode: Mode::BestEffort, max_size: 7, max_age: Duration::from_hours(2), keep: 0 };
        assert_eq!((s.log_format, s.trail), (LogFormat::Json, trail));
    }

    #[test]
    fn bad_values_name_their_option() {
        for (line, named) in [
            ("--listen 9000", "--listen"),
            ("--tls-listen x", "--tls-listen"),
            ("--tls-cert c", "--tls-key"),
            ("--tls-cert c --tls-key k", "--tls-listen"),
            ("--tls-cert c --tls-key k", "--cloudfront-tls"),
            ("--cloudfront x", "--cloudfront"),
            ("--cloudfront-cache -1", "-1"),
            ("--tls-listen a:1 --tls-key k", "--tls-cert"),
            ("--region US", "--region"),
            ("--host-suffix .x", "--host-suffix"),
            ("--trusted-proxy 10.0.0.1/8", "--trusted-proxy"),
            ("--max-object-bytes 0", "--max-object-bytes"),
            ("--max-connections 0", "--max-connections"),
            ("--max-connections -1", "-1"),
            ("--drain-seconds 1e3", "--drain-seconds"),
            ("--log-format xml", "--log-format"),
            ("--oidc-keys https://id.test", "--oidc-keys"),
            ("--oidc-keys id.test=keys.json", "--oidc-keys"),
            ("--trail some", "--trail"),
            ("--trail-max-size 0", "--trail-max-size"),
            ("--trail-max-age 0", "--trail-max-age"),
            ("--trail-max-age 1w", "--trail-max-age"),
            ("--trail-keep -1", "-1"),
            ("extra", "extra"),
        ] {
            let error = settings(line).expect_err(line);
            assert!(error.contains(named), "{line}: {error}");
        }
    }

    #[test]
    fn expiries() {
        for (text, want) in [("1", 1), ("90s", 90), ("15m", 900), ("12h", 43_200), ("7d", 604_800), ("604800", 604_800)]
        {
            assert_eq!(parse_expiry(text), Ok(want));
        }
        for wrong in ["", "0", "604801", "8d", "-1", "+1", "1.5h", "m", "1w", "99999999999", "4294967295d"] {
            assert!(parse_expiry(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn headers_accounts_and_users() {
        assert_eq!(parse_header("X-Amz-Acl: private"), Ok(("x-amz-acl".to_owned(), "private".to_owned())));
        assert!(parse_header("novalue").is_err() && parse_header("a b:c").is_err() && parse_header("a:b\nc").is_err());
        assert!(parse_account("123456789012").is_ok() && parse_account("12345678901x").is_err());
        assert!(parse_user("alice@x").is_ok() && parse_user("a/b").is_err() && parse_user("").is_err());
    }
}

/// What is done with root keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Makes a new root key and seals everything under it that older ones sealed, also while a server runs
    Reseal(ResealArgs),
}

/// Whose root keys.
#[derive(Debug, Args)]
pub struct ResealArgs {
    /// The data directory; a server that is using it does the work
    #[arg(long, value_name = "DIR", default_value = "portcullis-data", env = "PORTCULLIS_DATA")]
    pub data: PathBuf,
    /// Where the root keys are.
    #[command(flatten)]
    pub root_keys: RootKeyArgs,
}
