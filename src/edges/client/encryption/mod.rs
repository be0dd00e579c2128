//! Client-side encryption in the formats of the Amazon S3 Encryption Client.
//!
//! New objects are written in format 3: AES-256-GCM under a key that is derived from the data key, together with a
//! commitment to that key. Objects in format 2 (AES-256-GCM without commitment) are read too. A server sees
//! ciphertext and wrapped data keys, never a key.
//!
//! | part | module |
//! |---|---|
//! | AES-256-GCM over a stream | [`gcm`] |
//! | what the object's metadata say | [`envelope`] |
//! | who wraps and unwraps data keys | [`keyring`] |
//!
//! Source: Amazon S3 Encryption Client Developer Guide; the client's published specification (content metadata, key
//! derivation, key commitment).

pub mod envelope;
pub mod gcm;
pub mod keyring;

pub use envelope::{Envelope, Suite};
pub use keyring::{AesKeyring, DataKey, Keyring, RsaKeyring, Wrapped};

use aws_lc_rs::{hkdf, rand};
use gcm::Gcm;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What an object is longer in its encrypted form: the tag, in bytes.
pub const OVERHEAD: u64 = 16;
/// The most bytes of one object: what AES-GCM encrypts under one key and nonce. Source: NIST SP 800-38D, section 5.2.1.1.
pub const MOST_BYTES: u64 = (1 << 36) - 32;

/// Why something could not be encrypted or decrypted. Nothing that was not authentic is ever given out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncryptionError {
    /// The object was not encrypted by a client.
    #[error("the object is not encrypted by a client: its metadata name no data key")]
    NotEncrypted,
    /// The object was encrypted by a client, and no key was given.
    #[error("the object is encrypted by a client, and no key to decrypt it was given")]
    KeyWanted,
    /// The object is in format 2, and the policy wants a commitment.
    #[error("the object is in format 2, which does not commit to its key, and the commitment policy refuses it")]
    NotCommitting,
    /// The encryption context is another than the caller expects.
    #[error("the object's encryption context is not the one that was given")]
    OtherContext,
    /// The metadata are not those of one format.
    #[error("the object's encryption metadata cannot be read: {0}")]
    Metadata(String),
    /// The format is one that is refused for its weakness, or one that is not known.
    #[error("the object is encrypted with `{0}`, which is not read here")]
    Unsupported(String),
    /// The keyring is of another kind than the object's.
    #[error("the data key is wrapped with `{0}`, for which another kind of key is needed")]
    OtherKeyring(String),
    /// The wrapping key does not open the data key.
    #[error("the data key does not open with this key")]
    WrongKey,
    /// The data key is not the one that the object was encrypted with.
    #[error("the object does not commit to this data key: it was tampered with")]
    Commitment,
    /// The ciphertext or its tag was changed.
    #[error("the object's ciphertext is not authentic: it was changed or cut off")]
    NotAuthentic,
    /// More bytes than one key may encrypt.
    #[error("an object of more than {MOST_BYTES} bytes cannot be encrypted under one key")]
    TooLong,
    /// A key that is no key of its kind.
    #[error("{0}")]
    Key(String),
    /// A key service did not answer, or refused.
    #[error("the key service: {0}")]
    Service(String),
    /// There is no randomness, or the cryptography failed.
    #[error("the cryptographic library failed")]
    Failed,
}

impl From<aws_lc_rs::error::Unspecified> for EncryptionError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Failed
    }
}

/// Refuses an encryption context that not every client reads alike: stores encode other characters than those of
/// US-ASCII in metadata, each in its own way. The Amazon S3 Encryption Client refuses them too.
///
/// # Errors
/// [`EncryptionError::Key`].
pub fn check_context(context: &BTreeMap<String, String>) -> Result<(), EncryptionError> {
    let shown = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match context.iter().find(|(name, value)| !shown(name) || !shown(value)) {
        Some((name, _)) => Err(EncryptionError::Key(format!("the encryption context `{name}` is not US-ASCII"))),
        None => Ok(()),
    }
}

/// Encrypts one object.
pub struct Encryptor {
    gcm: Gcm,
    /// The metadata that the object must carry.
    pub envelope: Envelope,
}

impl Encryptor {
    /// Begins an object under a new data key, which the keyring wraps.
    ///
    /// # Errors
    /// What the keyring refuses; [`EncryptionError::Failed`].
    pub async fn new(keyring: &dyn Keyring, context: &BTreeMap<String, String>) -> Result<Self, EncryptionError> {
        check_context(context)?;
        let (key, wrapped) = keyring.new_data_key(Suite::Committing, context).await?;
        let mut message_id = [0_u8; Suite::MESSAGE_ID];
        rand::fill(&mut message_id)?;
        Self::of(&key, wrapped, message_id)
    }

    /// Goes on with an object that was begun: the same ciphertext comes out for the same bytes.
    ///
    /// # Errors
    /// As decryption of such an object.
    pub async fn again(keyring: &dyn Keyring, envelope: &Envelope) -> Result<Self, EncryptionError> {
        let key = opened(keyring, envelope).await?;
        let derived = derived(&key, envelope)?;
        let gcm = Gcm::new(&derived.key, &derived.nonce, derived.aad)?;
        Ok(Self { gcm, envelope: envelope.clone() })
    }

    fn of(key: &DataKey, wrapped: Wrapped, message_id: [u8; Suite::MESSAGE_ID]) -> Result<Self, EncryptionError> {
        let (derived, commitment) = committed(key, &message_id)?;
        let gcm = Gcm::new(&derived, &Suite::COMMITTING_NONCE, &Suite::COMMITTING_ID)?;
        Ok(Self { gcm, envelope: Envelope::committing(wrapped, &message_id, &commitment) })
    }

    /// Encrypts the next bytes in place.
    ///
    /// # Errors
    /// [`EncryptionError::TooLong`].
    pub fn update(&mut self, bytes: &mut [u8]) -> Result<(), EncryptionError> {
        self.gcm.encrypt(bytes)
    }

    /// The tag, which ends the object.
    #[must_use]
    pub fn finish(self) -> [u8; gcm::TAG] {
        self.gcm.tag()
    }
}

/// Decrypts one object. What [`Decryptor::update`] gives is not authentic before [`Decryptor::finish`] said so.
pub struct Decryptor {
    gcm: Gcm,
    /// The last bytes so far: they may be the tag.
    held: Vec<u8>,
}

impl Decryptor {
    /// Begins an object by its metadata.
    ///
    /// # Errors
    /// What the keyring refuses; [`EncryptionError::Commitment`].
    pub async fn new(keyring: &dyn Keyring, envelope: &Envelope) -> Result<Self, EncryptionError> {
        let key = opened(keyring, envelope).await?;
        let derived = derived(&key, envelope)?;
        Ok(Self { gcm: Gcm::new(&derived.key, &derived.nonce, derived.aad)?, held: Vec::new() })
    }

    /// Decrypts the next bytes and appends what they hold to `out`.
    ///
    /// # Errors
    /// [`EncryptionError::TooLong`].
    pub fn update(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EncryptionError> {
        self.held.extend_from_slice(bytes);
        let ready = self.held.len().saturating_sub(gcm::TAG);
        let from = out.len();
        out.extend(self.held.drain(..ready));
        self.gcm.decrypt(out.get_mut(from..).unwrap_or_default())
    }

    /// Whether all that was decrypted is authentic.
    ///
    /// # Errors
    /// [`EncryptionError::NotAuthentic`].
    pub fn finish(self) -> Result<(), EncryptionError> {
        let tag = self.gcm.tag();
        aws_lc_rs::constant_time::verify_slices_are_equal(&tag, &self.held).map_err(|_| EncryptionError::NotAuthentic)
    }
}

/// What AES-GCM needs for an object.
struct Derived {
    key: Zeroizing<[u8; 32]>,
    nonce: [u8; gcm::NONCE],
    aad: &'static [u8],
}

async fn opened(keyring: &dyn Keyring, envelope: &Envelope) -> Result<DataKey, EncryptionError> {
    keyring.open(&envelope.wrapped, envelope.suite).await
}

fn derived(key: &DataKey, envelope: &Envelope) -> Result<Derived, EncryptionError> {
    match envelope.suite {
        Suite::Plain => {
            let nonce = envelope.iv.as_slice().try_into();
            let nonce = nonce.map_err(|_| EncryptionError::Metadata("x-amz-iv is not 12 bytes long".to_owned()))?;
            Ok(Derived { key: Zeroizing::new(*key.as_bytes()), nonce, aad: &[] })
        }
        Suite::Committing => {
            let message_id = envelope.iv.as_slice().try_into();
            let message_id: [u8; Suite::MESSAGE_ID] =
                message_id.map_err(|_| EncryptionError::Metadata("x-amz-i is not 28 bytes long".to_owned()))?;
            let (key, commitment) = committed(key, &message_id)?;
            aws_lc_rs::constant_time::verify_slices_are_equal(&commitment, &envelope.commitment)
                .map_err(|_| EncryptionError::Commitment)?;
            Ok(Derived { key, nonce: Suite::COMMITTING_NONCE, aad: &Suite::COMMITTING_ID })
        }
    }
}

type Committed = (Zeroizing<[u8; 32]>, [u8; Suite::COMMITMENT]);

/// The key that encrypts, and the commitment to it: HKDF-SHA-512 (RFC 5869) over the data key with the message id as
/// its salt.
fn committed(key: &DataKey, message_id: &[u8]) -> Result<Committed, EncryptionError> {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA512, message_id).extract(key.as_bytes());
    let mut derived = Zeroizing::new([0_u8; 32]);
    extracted.expand(&[&Suite::COMMITTING_ID, b"DERIVEKEY"], Length(32))?.fill(&mut *derived)?;
    let mut commitment = [0_u8; Suite::COMMITMENT];
    extracted.expand(&[&Suite::COMMITTING_ID, b"COMMITKEY"], Length(Suite::COMMITMENT))?.fill(&mut commitment)?;
    Ok((derived, commitment))
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests;
