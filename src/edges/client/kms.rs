//! Data keys of a key service, and the keyring that wraps with them.
//!
//! Source: AWS KMS API Reference, `GenerateDataKey` and `Decrypt`; the S3 Encryption Client's specification, "KMS
//! keyring", mode `kms+context`.

use super::encryption::{DataKey, EncryptionError, Keyring, Suite, Wrapped};
use super::wire::{Call, Service};
use super::{Client, ClientError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The name in the encryption context that binds a data key to its cipher.
pub const CIPHER: &str = "aws:x-amz-cek-alg";
/// The name that earlier formats wrote for themselves.
const FORMER: &str = "kms_cmk_id";
const MODE: &str = "kms+context";

type Context = BTreeMap<String, String>;

impl Client {
    /// `GenerateDataKey` of 256 bits: the key, and the key as the service wrapped it.
    ///
    /// # Errors
    /// What the service refuses; no answer.
    pub async fn generate_data_key(&self, key: &str, context: &Context) -> Result<(DataKey, Vec<u8>), ClientError> {
        let input = json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context });
        let answer = self.ask_kms("GenerateDataKey", &input).await?;
        Ok((plaintext(&answer)?, bytes(&answer, "CiphertextBlob")?))
    }

    /// `Decrypt` of a data key, by this key and no other.
    ///
    /// # Errors
    /// What the service refuses; no answer.
    pub async fn decrypt_data_key(&self, key: &str, wrapped: &[u8], context: &Context) -> Result<DataKey, ClientError> {
        let input = json!({ "KeyId": key, "CiphertextBlob": BASE64.encode(wrapped), "EncryptionContext": context });
        plaintext(&self.ask_kms("Decrypt", &input).await?)
    }

    /// `Encrypt`: the ARN of the key that did it, and the ciphertext.
    ///
    /// # Errors
    /// What the service refuses; no answer.
    pub async fn encrypt(&self, key: &str, plain: &[u8], context: &Context) -> Result<(String, Vec<u8>), ClientError> {
        let plain = Zeroizing::new(BASE64.encode(plain));
        let input = json!({ "KeyId": key, "Plaintext": plain.as_str(), "EncryptionContext": context });
        let answer = self.ask_kms("Encrypt", &input).await?;
        let arn = answer.get("KeyId").and_then(Value::as_str);
        let arn = arn.ok_or_else(|| ClientError::Answer("it has no KeyId".to_owned()))?;
        Ok((arn.to_owned(), bytes(&answer, "CiphertextBlob")?))
    }

    pub(super) async fn ask_kms(&self, operation: &str, input: &Value) -> Result<Value, ClientError> {
        let call = Call {
            service: Service::Kms,
            method: Method::POST,
            target: "/".to_owned(),
            headers: HeaderMap::new(),
            body: input.to_string().into(),
        };
        let call = call.header("content-type", "application/x-amz-json-1.1")?;
        let answer = self.send(&call.header("x-amz-target", &format!("TrentService.{operation}"))?).await?;
        if answer.body.is_empty() {
            // What operations without an output answer.
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).map_err(|_| ClientError::Answer("it is not JSON".to_owned()))
    }
}

fn bytes(answer: &Value, name: &str) -> Result<Vec<u8>, ClientError> {
    let text = answer.get(name).and_then(Value::as_str);
    let missing = || ClientError::Answer(format!("it has no {name} in base64"));
    BASE64.decode(text.ok_or_else(missing)?).map_err(|_| missing())
}

fn plaintext(answer: &Value) -> Result<DataKey, ClientError> {
    let key = Zeroizing::new(bytes(answer, "Plaintext")?);
    DataKey::from_slice(&key).map_err(|_| ClientError::Answer("its data key is not of 256 bits".to_owned()))
}

/// Wraps data keys with a key of a key service.
pub struct KmsKeyring {
    client: Client,
    key: String,
    /// What an object's encryption context must be, without the reserved names.
    context: Context,
}

impl KmsKeyring {
    /// Of a key (its id, ARN or alias) and an encryption context, which objects must have to be opened.
    ///
    /// # Errors
    /// [`EncryptionError::Key`] for a context with a reserved name.
    pub fn new(client: Client, key: &str, context: Context) -> Result<Self, EncryptionError> {
        match [CIPHER, FORMER].into_iter().find(|name| context.contains_key(*name)) {
            Some(name) => Err(EncryptionError::Key(format!("`{name}` is reserved in an encryption context"))),
            None => Ok(Self { client, key: key.to_owned(), context }),
        }
    }

    /// Whether a stored context is that of this suite and of what the caller expects.
    fn expects(&self, stored: &Context, suite: Suite) -> Result<(), EncryptionError> {
        if stored.get(CIPHER).map(String::as_str) != Some(suite.name()) {
            return Err(EncryptionError::Commitment);
        }
        let own = stored.iter().filter(|(name, _)| ![CIPHER, FORMER].contains(&name.as_str()));
        if own.eq(self.context.iter()) { Ok(()) } else { Err(EncryptionError::OtherContext) }
    }
}

fn service(error: &ClientError) -> EncryptionError {
    EncryptionError::Service(error.to_string())
}

impl Keyring for KmsKeyring {
    fn new_data_key<'a>(
        &'a self,
        suite: Suite,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<(DataKey, Wrapped), EncryptionError>> {
        async move {
            let mut context = context.clone();
            context.insert(CIPHER.to_owned(), suite.name().to_owned());
            let (plain, key) =
                self.client.generate_data_key(&self.key, &context).await.map_err(|error| service(&error))?;
            Ok((plain, Wrapped { algorithm: MODE.to_owned(), key, context }))
        }
        .boxed()
    }

    fn open<'a>(&'a self, wrapped: &'a Wrapped, suite: Suite) -> BoxFuture<'a, Result<DataKey, EncryptionError>> {
        async move {
            if wrapped.algorithm != MODE {
                return Err(EncryptionError::OtherKeyring(wrapped.algorithm.clone()));
            }
            self.expects(&wrapped.context, suite)?;
            let opened = self.client.decrypt_data_key(&self.key, &wrapped.key, &wrapped.context).await;
            opened.map_err(|error| match error.code() {
                Some("InvalidCiphertextException" | "IncorrectKeyException") => EncryptionError::WrongKey,
                _ => service(&error),
            })
        }
        .boxed()
    }
}
