//! Root keys wrapped by a key of an external key service: `Encrypt` and `Decrypt`, with what a root key is bound to as
//! the encryption context.

use crate::edges::client::{Client, ClientError, Credentials, Endpoint, Settings};
use crate::storage::sealing::{Binding, RootKeyBytes, WrappedKey, WrappingError, WrappingKey};
use std::future::Future;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// How often a request is sent before its failure counts.
const ATTEMPTS: u32 = 3;

/// A key of an external key service. Address and credentials are read anew whenever it is used, since credentials in
/// files change.
#[derive(Debug)]
pub(super) struct KmsKey {
    /// Its id, ARN, alias or alias's ARN.
    key: String,
    region: String,
    endpoint_url: Option<String>,
}

impl KmsKey {
    /// A key, in the region of its ARN or in this one.
    pub(super) fn new(key: &str, region: Option<&str>, endpoint_url: Option<String>) -> Result<Self, String> {
        if key.is_empty() || key.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("KEY in kms:KEY is the id, the ARN or the alias of a key".to_owned());
        }
        let of_arn = key.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2)).filter(|r| !r.is_empty());
        let region = of_arn
            .or(region)
            .ok_or_else(|| "the region of kms:KEY is not known: give the key's ARN, or set AWS_REGION".to_owned())?;
        if let Some(url) = &endpoint_url {
            Endpoint::parse(url).map_err(|e| format!("--root-key-endpoint-url: {e}"))?;
        }
        Ok(Self { key: key.to_owned(), region: region.to_owned(), endpoint_url })
    }

    fn client(&self) -> Result<Client, ClientError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        // The process's own keys come first, then the shared file's, as AWS's programs do.
        let file = variable("AWS_SHARED_CREDENTIALS_FILE").filter(|_| variable("AWS_ACCESS_KEY_ID").is_none());
        let profile = variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
        let credentials = Credentials::read(file.map(PathBuf::from).as_deref(), &profile);
        let endpoint = Endpoint::of_environment("kms", self.endpoint_url.as_deref(), &self.region)?;
        if !endpoint.is_private() {
            let reason = format!("root keys are not sent to {} without TLS", endpoint.url());
            return Err(ClientError::Setting(reason));
        }
        let ca = variable("AWS_CA_BUNDLE")
            .map(|path| std::fs::read(&path).map_err(|source| ClientError::File { path: path.into(), source }));
        Client::new(Settings {
            s3: endpoint.clone(),
            iam: endpoint.clone(),
            sts: endpoint.clone(),
            kms: endpoint,
            region: self.region.clone(),
            credentials: credentials.map_err(|reason| {
                // The hint is about `cp`'s own options.
                let reason = reason.split("\nhint:").next().unwrap_or_default();
                ClientError::Setting(format!("{reason}; or name a file with AWS_SHARED_CREDENTIALS_FILE"))
            })?,
            ca: ca.transpose()?,
            attempts: ATTEMPTS,
        })
    }

    async fn wrap_one(
        &self,
        client: &Client,
        binding: &Binding,
        key: &RootKeyBytes,
    ) -> Result<WrappedKey, ClientError> {
        let (by, ciphertext) = client.encrypt(&self.key, key.as_slice(), &binding.context()).await?;
        Ok(WrappedKey { by, ciphertext })
    }

    /// By the key that was named, and no other: a ciphertext that somebody else's key made is not taken.
    async fn open_one(
        &self,
        client: &Client,
        binding: &Binding,
        wrapped: &WrappedKey,
    ) -> Result<RootKeyBytes, WrappingError> {
        let opened = client.decrypt_data_key(&self.key, &wrapped.ciphertext, &binding.context()).await;
        let key = opened.map_err(|error| match error.code() {
            Some("InvalidCiphertextException" | "IncorrectKeyException") => WrappingError::DoesNotOpen {
                version: binding.version,
                reason: format!("{error} (it says that {} wrapped it)", wrapped.by),
            },
            _ => refused(&error),
        })?;
        Ok(Zeroizing::new(*key.as_bytes()))
    }
}

fn refused(error: &ClientError) -> WrappingError {
    let (code, reason) = match error {
        ClientError::Refused { code, message, .. } => (code.as_str(), message.clone()),
        ClientError::Unreachable { .. } => ("Unreachable", error.to_string()),
        ClientError::Answer(_) => ("InvalidAnswer", error.to_string()),
        _ => ("InvalidSetting", error.to_string()),
    };
    WrappingError::Refused { code: code.to_owned(), reason }
}

/// Waits for the network in a thread of its own: the caller may be a runtime's thread, which must not.
fn waited_for<T: Send>(work: impl Future<Output = Result<T, WrappingError>> + Send) -> Result<T, WrappingError> {
    let failed = |reason: String| WrappingError::Refused { code: "InternalError".to_owned(), reason };
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|e| failed(format!("no runtime for requests: {e}")))?.block_on(work)
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap_or_else(|_| Err(failed("a request failed".to_owned()))))
}

impl WrappingKey for KmsKey {
    fn method(&self) -> &'static str {
        "kms"
    }

    fn name(&self) -> String {
        format!("kms:{}", self.key)
    }

    fn wrap(&self, keys: &[(Binding, RootKeyBytes)]) -> Result<Vec<WrappedKey>, WrappingError> {
        waited_for(async {
            let client = self.client().map_err(|e| refused(&e))?;
            let mut wrapped = Vec::with_capacity(keys.len());
            for (binding, key) in keys {
                wrapped.push(self.wrap_one(&client, binding, key).await.map_err(|e| refused(&e))?);
            }
            Ok(wrapped)
        })
    }

    fn open(&self, keys: &[(Binding, WrappedKey)]) -> Result<Vec<RootKeyBytes>, WrappingError> {
        waited_for(async {
            let client = self.client().map_err(|e| refused(&e))?;
            let mut opened = Vec::with_capacity(keys.len());
            for (binding, wrapped) in keys {
                opened.push(self.open_one(&client, binding, wrapped).await?);
            }
            Ok(opened)
        })
    }
}
