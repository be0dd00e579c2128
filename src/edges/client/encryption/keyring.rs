//! Who wraps and unwraps data keys: a raw AES key, an RSA pair, or a key service.
//!
//! Source: the S3 Encryption Client's specification, "S3 keyring" and the keyrings of each kind.

use super::{EncryptionError, Suite};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// A data key in the clear. It leaves memory when it is dropped, and is never shown.
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// Of 32 bytes.
    ///
    /// # Errors
    /// [`EncryptionError::WrongKey`] for another length.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, EncryptionError> {
        bytes.try_into().map(|key| Self(Zeroizing::new(key))).map_err(|_| EncryptionError::WrongKey)
    }

    fn random() -> Result<Self, EncryptionError> {
        let mut key = Zeroizing::new([0; 32]);
        rand::fill(&mut *key)?;
        Ok(Self(key))
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// A data key as an object carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrapped {
    /// How it is wrapped: `AES/GCM`, `RSA-OAEP-SHA1`, `kms+context`.
    pub algorithm: String,
    /// The wrapped key.
    pub key: Vec<u8>,
    /// The encryption context of a key service, or a description of a raw key.
    pub context: BTreeMap<String, String>,
}

/// Wraps and unwraps data keys.
pub trait Keyring: Send + Sync {
    /// A new data key, plain and wrapped. `context` is what the caller binds to it, or describes it by.
    fn new_data_key<'a>(
        &'a self,
        suite: Suite,
        context: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<(DataKey, Wrapped), EncryptionError>>;

    /// Opens a wrapped data key.
    fn open<'a>(&'a self, wrapped: &'a Wrapped, suite: Suite) -> BoxFuture<'a, Result<DataKey, EncryptionError>>;
}

/// A random data key, wrapped by a key that is at hand.
fn new_data_key(
    algorithm: &str,
    context: &BTreeMap<String, String>,
    wrap: impl FnOnce(&DataKey) -> Result<Vec<u8>, EncryptionError>,
) -> Result<(DataKey, Wrapped), EncryptionError> {
    let key = DataKey::random()?;
    let wrapped = Wrapped { algorithm: algorithm.to_owned(), key: wrap(&key)?, context: context.clone() };
    Ok((key, wrapped))
}

const AES_GCM: &str = "AES/GCM";
const RSA_OAEP: &str = "RSA-OAEP-SHA1";
const NONCE: usize = 12;

/// A raw AES key of 128 or 256 bits.
pub struct AesKeyring {
    key: LessSafeKey,
}

impl AesKeyring {
    /// Of 16 or 32 bytes.
    ///
    /// # Errors
    /// [`EncryptionError::Key`] for another length.
    pub fn new(key: &[u8]) -> Result<Self, EncryptionError> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            32 => &AES_256_GCM,
            n => return Err(EncryptionError::Key(format!("an AES key is 16 or 32 bytes long, this one {n}"))),
        };
        Ok(Self { key: LessSafeKey::new(UnboundKey::new(algorithm, key)?) })
    }

    fn wrap(&self, key: &DataKey, suite: Suite) -> Result<Vec<u8>, EncryptionError> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce)?;
        let mut sealed = key.as_bytes().to_vec();
        let aad = Aad::from(suite.name().as_bytes());
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn unwrap(&self, wrapped: &Wrapped, suite: Suite) -> Result<DataKey, EncryptionError> {
        if wrapped.algorithm != AES_GCM {
            return Err(EncryptionError::OtherKeyring(wrapped.algorithm.clone()));
        }
        let (nonce, sealed) = wrapped.key.split_at_checked(NONCE).ok_or(EncryptionError::WrongKey)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let aad = Aad::from(suite.name().as_bytes());
        let key = self.key.open_in_place(nonce, aad, &mut sealed).map_err(|_| EncryptionError::WrongKey)?;
        DataKey::from_slice(key)
    }
}

impl Keyring for AesKeyring {
    fn new_data_key<'a>(
        &'a self,
        suite: Suite,
        context: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<(DataKey, Wrapped), EncryptionError>> {
        ready(new_data_key(AES_GCM, context, |key| self.wrap(key, suite))).boxed()
    }

    fn open<'a>(&'a self, wrapped: &'a Wrapped, suite: Suite) -> BoxFuture<'a, Result<DataKey, EncryptionError>> {
        ready(self.unwrap(wrapped, suite)).boxed()
    }
}

/// An RSA pair, or one half of it: the public key encrypts, the private key decrypts.
pub struct RsaKeyring {
    public: Option<OaepPublicEncryptingKey>,
    private: Option<OaepPrivateDecryptingKey>,
}

impl RsaKeyring {
    /// Of a public key in X.509's `SubjectPublicKeyInfo`, DER.
    ///
    /// # Errors
    /// [`EncryptionError::Key`].
    pub fn public(der: &[u8]) -> Result<Self, EncryptionError> {
        let refused = |_| EncryptionError::Key("this is not a public RSA key of 2,048 to 8,192 bits".to_owned());
        let key = PublicEncryptingKey::from_der(der).map_err(|e| refused(e.to_string()))?;
        let public = OaepPublicEncryptingKey::new(key).map_err(|e| refused(e.to_string()))?;
        Ok(Self { public: Some(public), private: None })
    }

    /// Of a private key in PKCS#8, DER; its public half encrypts.
    ///
    /// # Errors
    /// [`EncryptionError::Key`].
    pub fn private(der: &[u8]) -> Result<Self, EncryptionError> {
        let refused = |_| EncryptionError::Key("this is not a private RSA key of 2,048 to 8,192 bits".to_owned());
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|e| refused(e.to_string()))?;
        let public = OaepPublicEncryptingKey::new(key.public_key()).map_err(|e| refused(e.to_string()))?;
        let private = OaepPrivateDecryptingKey::new(key).map_err(|e| refused(e.to_string()))?;
        Ok(Self { public: Some(public), private: Some(private) })
    }

    fn wrap(&self, key: &DataKey, suite: Suite) -> Result<Vec<u8>, EncryptionError> {
        let public = self.public.as_ref().ok_or_else(|| EncryptionError::Key("no public key was given".to_owned()))?;
        // The cipher's name goes with the key, so that the key is good for no other.
        let length = u8::try_from(key.as_bytes().len()).map_err(|_| EncryptionError::Failed)?;
        let plain = Zeroizing::new([&[length], key.as_bytes().as_slice(), suite.name().as_bytes()].concat());
        let mut out = vec![0; public.ciphertext_size()];
        let written = public.encrypt(&OAEP_SHA1_MGF1SHA1, &plain, &mut out, None)?.len();
        out.truncate(written);
        Ok(out)
    }

    fn unwrap(&self, wrapped: &Wrapped, suite: Suite) -> Result<DataKey, EncryptionError> {
        if wrapped.algorithm != RSA_OAEP {
            return Err(EncryptionError::OtherKeyring(wrapped.algorithm.clone()));
        }
        let private =
            self.private.as_ref().ok_or_else(|| EncryptionError::Key("no private key was given".to_owned()))?;
        let mut out = Zeroizing::new(vec![0; private.min_output_size()]);
        let plain = private.decrypt(&OAEP_SHA1_MGF1SHA1, &wrapped.key, &mut out, None);
        let plain = plain.map_err(|_| EncryptionError::WrongKey)?;
        let (length, rest) = plain.split_first().ok_or(EncryptionError::WrongKey)?;
        let (key, name) = rest.split_at_checked(usize::from(*length)).ok_or(EncryptionError::WrongKey)?;
        if name != suite.name().as_bytes() {
            return Err(EncryptionError::Commitment);
        }
        DataKey::from_slice(key)
    }
}

impl Keyring for RsaKeyring {
    fn new_data_key<'a>(
        &'a self,
        suite: Suite,
        context: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<(DataKey, Wrapped), EncryptionError>> {
        ready(new_data_key(RSA_OAEP, context, |key| self.wrap(key, suite))).boxed()
    }

    fn open<'a>(&'a self, wrapped: &'a Wrapped, suite: Suite) -> BoxFuture<'a, Result<DataKey, EncryptionError>> {
        ready(self.unwrap(wrapped, suite)).boxed()
    }
}
