//! Whom a command asks, and as whom.

use super::server_args::KeyArgs;
use crate::edges::client::{Client, Endpoint, Settings};
use crate::edges::server::settings::parse_region;
use clap::Args;
use std::path::PathBuf;

/// Where services are, and whose keys sign.
#[derive(Debug, Args)]
pub struct ServiceArgs {
    /// Where the services are; without it as `AWS_ENDPOINT_URL_S3`, `…_KMS`, `…_IAM`, `…_STS` or `AWS_ENDPOINT_URL`
    /// say, or AWS's own
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// The region
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1", value_parser = parse_region)]
    pub region: String,
    /// Trust these certificates (PEM) in place of the system's, such as DIR/tls/cert.pem of a server
    #[arg(long, value_name = "FILE", env = "AWS_CA_BUNDLE")]
    pub ca: Option<PathBuf>,
    /// Who signs.
    #[command(flatten)]
    pub keys: KeyArgs,
}

impl ServiceArgs {
    /// The address that is given for a service; `None`: AWS's own is meant.
    #[must_use]
    pub fn given(&self, service: &str) -> Option<String> {
        Endpoint::given(service, self.endpoint_url.as_deref())
    }

    /// A client that sends a request so often before it counts as failed.
    ///
    /// # Errors
    /// A sentence about an address, a file or a key that cannot be used.
    pub fn client(&self, attempts: u32) -> Result<Client, String> {
        let endpoint = |service: &str| {
            Endpoint::of_environment(service, self.endpoint_url.as_deref(), &self.region).map_err(|e| e.to_string())
        };
        let read = |path: &PathBuf| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
        let settings = Settings {
            s3: endpoint("s3")?,
            kms: endpoint("kms")?,
            iam: endpoint("iam")?,
            sts: endpoint("sts")?,
            region: self.region.clone(),
            credentials: self.keys.read()?,
            ca: self.ca.as_ref().map(read).transpose()?,
            attempts,
        };
        Client::new(settings).map_err(|e| e.to_string())
    }
}
