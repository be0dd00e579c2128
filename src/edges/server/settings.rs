//! Everything that an operator can set.

use super::auth::{AuthConfig, RegionRule};
use super::http::Limits;
use super::root_keys::RootKeySettings;
use super::trail::TrailSettings;
use ipnetwork::{IpNetwork, Ipv4Network};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

/// The settings of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the operator, none depends on another")]
pub struct ServeSettings {
    /// The data directory; made where there is none.
    pub data: PathBuf,
    /// The plain HTTP listener.
    pub listen: HostPort,
    /// The TLS listener.
    pub tls: Option<TlsSettings>,
    /// CloudFront's listeners.
    pub cloudfront: CloudFrontSettings,
    /// The listener for `/livez`, `/readyz` and `/metrics`.
    pub admin: Option<HostPort>,
    /// Worlds that seed an empty data directory: files, directories, patterns.
    pub world: Vec<PathBuf>,
    /// Warnings about the world's policies are errors.
    pub strict: bool,
    /// The region of new buckets, and the one that signatures must name.
    pub region: String,
    /// Any region in a signature's scope will do.
    pub any_region: bool,
    /// Domains below which the first label is a bucket: `bucket.DOMAIN`. Lower case, without a port.
    pub host_suffixes: Vec<String>,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` count.
    pub trusted_proxies: Vec<IpNetwork>,
    /// Signatures of version 2 are accepted.
    pub allow_sigv2: bool,
    /// SSE-C keys and MFA codes are accepted over plain HTTP.
    pub allow_insecure_secrets: bool,
    /// The largest object, in bytes.
    pub max_object_bytes: u64,
    /// Connections at the same time, for each listener.
    pub max_connections: u32,
    /// Multipart uploads that were begun this many days ago, and not completed, are aborted; `None`: never.
    pub upload_expiry_days: Option<u32>,
    /// How long open requests may take once the server is told to end.
    pub drain: Duration,
    /// How logs are written to standard error.
    pub log_format: LogFormat,
    /// Identity providers' keys: the issuer's URL, and the file of its JSON Web Key Set.
    pub oidc_keys: Vec<(String, PathBuf)>,
    /// How the trail of decisions is kept.
    pub trail: TrailSettings,
    /// Where the root keys are.
    pub root_keys: RootKeySettings,
}

impl ServeSettings {
    /// The bounds of its listeners.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { connections: self.max_connections, ..Limits::default() }
    }

    /// What authentication accepts.
    #[must_use]
    pub fn auth_config(&self) -> AuthConfig {
        let region = if self.any_region { RegionRule::Any } else { RegionRule::Exactly(self.region.clone()) };
        let mut config = AuthConfig::new(region);
        config.allow_sigv2 = self.allow_sigv2;
        config.hosts.clone_from(&self.host_suffixes);
        config
    }

    /// The hosts that a self-made certificate stands for, beside `localhost`: the TLS listeners', the suffixes and,
    /// where CloudFront speaks TLS, the domains below which distributions are found.
    #[must_use]
    pub fn certificate_hosts(&self) -> Vec<String> {
        let listeners = self.tls.iter().chain(&self.cloudfront.tls).map(|tls| tls.listen.host.clone());
        let any = |host: &String| host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        let doors = self.cloudfront.tls.iter().flat_map(|_| ["cloudfront.localhost", "cloudfront.net"]);
        let own = listeners.filter(|host| !any(host)).chain(self.host_suffixes.iter().cloned());
        own.chain(doors.map(str::to_owned)).collect()
    }
}

/// The TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Where it listens.
    pub listen: HostPort,
    /// Its certificate.
    pub certificate: Certificate,
}

/// CloudFront: where viewers find the distributions, and how much of them is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudFrontSettings {
    /// The plain HTTP listener.
    pub listen: Option<HostPort>,
    /// The TLS listener.
    pub tls: Option<TlsSettings>,
    /// The most bytes of answers that the cache keeps; 0: none.
    pub cache_bytes: u64,
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Made at the first start, kept in `DIR/tls`.
    SelfMade,
    /// PEM files.
    Files {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The leaf's private key.
        key: PathBuf,
    },
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line for people
    #[default]
    Text,
    /// One JSON object for each line
    Json,
}

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
}

impl HostPort {
    /// Reads `HOST:PORT`, with an IPv6 address in brackets.
    ///
    /// # Errors
    /// What is missing or malformed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("wanted HOST:PORT, such as 127.0.0.1:9000")?;
        // `parse` would take a sign.
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = if digits { port.parse().ok() } else { None };
        let port = port.ok_or("the port is a number from 0 to 65535")?;
        let host = match host.strip_prefix('[') {
            Some(inside) => inside
                .strip_suffix(']')
                .filter(|ip| ip.parse::<Ipv6Addr>().is_ok())
                .ok_or("brackets hold an IPv6 address, such as [::1]:9000")?,
            None if host.contains(':') => return Err("an IPv6 address stands in brackets: [::1]:9000".to_owned()),
            None if host.parse::<IpAddr>().is_ok() || is_host_name(host) => host,
            None => return Err(format!("`{host}` is neither an address nor a host name")),
        };
        Ok(Self { host: host.to_owned(), port })
    }

    /// The same host with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Reads a domain for virtual-hosted buckets.
///
/// # Errors
/// It is not a host name.
pub fn parse_host_suffix(text: &str) -> Result<String, String> {
    // An address has no names below it.
    if is_host_name(text) && text.parse::<IpAddr>().is_err() {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("wanted a domain such as s3.example.com, without a port".to_owned())
    }
}

/// Reads a proxy's network, `10.0.0.0/8`, or address.
///
/// # Errors
/// It is neither.
pub fn parse_proxy(text: &str) -> Result<IpNetwork, String> {
    let network: IpNetwork =
        text.parse().map_err(|_| "wanted an address or a network such as 10.0.0.0/8".to_owned())?;
    if network.ip() != network.network() {
        return Err(format!("bits are set beyond the prefix; meant is {}/{}?", network.network(), network.prefix()));
    }
    // Peers are compared as IPv4 where they are; a network must be written the same way to match any.
    let IpNetwork::V6(v6) = network else { return Ok(network) };
    match (v6.ip().to_ipv4_mapped(), v6.prefix().checked_sub(96)) {
        (Some(v4), Some(prefix)) => Ipv4Network::new(v4, prefix).map(IpNetwork::V4).map_err(|e| e.to_string()),
        _ => Ok(network),
    }
}

/// Reads a region's name.
///
/// # Errors
/// It holds anything but lower-case letters, digits and hyphens.
pub fn parse_region(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("wanted a region such as us-east-1: lower-case letters, digits and hyphens".to_owned())
    }
}

/// Letters, digits and hyphens in labels of 1 to 63 (RFC 1123, section 2.1).
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("127.0.0.1:9000", "127.0.0.1", 9000),
            ("localhost:0", "localhost", 0),
            ("0.0.0.0:65535", "0.0.0.0", 65535),
            ("[::1]:80", "::1", 80),
            ("[::]:9000", "::", 9000),
            ("s3-a.example.com:443", "s3-a.example.com", 443),
        ] {
            let read = HostPort::parse(text).expect(text);
            assert_eq!((read.host.as_str(), read.port), (host, port));
            assert_eq!(read.to_string(), text);
        }
        for wrong in [
            "",
            ":",
            "9000",
            ":9000",
            "localhost",
            "localhost:",
            "a:65536",
            "a:-1",
            "a:+1",
            "a:80x",
            "::1:80",
            "[::1]",
            "[a]:80",
            "[::1:80",
            "a b:80",
            "-a:80",
            "a..b:80",
            "http://a:80",
            "a/b:80",
        ] {
            assert!(HostPort::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn proxies() {
        for (text, want) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(parse_proxy(text).expect(text).to_string(), want);
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0.1/8", "example.com", "10.0.0/8", "10.0.0.0/"] {
            assert!(parse_proxy(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn suffixes_and_regions() {
        assert_eq!(parse_host_suffix("S3.Example.com").as_deref(), Ok("s3.example.com"));
        for wrong in ["", ".s3.localhost", "s3.localhost.", "s3.localhost:9000", "127.0.0.1", "*.s3", "a_b"] {
            assert!(parse_host_suffix(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_region("eu-central-1").as_deref(), Ok("eu-central-1"));
        for wrong in ["", "EU", "eu central", "eu/central"] {
            assert!(parse_region(wrong).is_err(), "{wrong}");
        }
    }
}
