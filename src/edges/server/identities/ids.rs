//! Unique ids and access keys, as AWS makes them. Source: IAM User Guide, "IAM identifiers".

use crate::storage::store::StoreError;
use aws_lc_rs::rand;

/// The letters of ids: those of base32.
const IDS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The letters of secrets: those of base64.
const SECRETS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters behind a unique id's first four.
const ID_LENGTH: usize = 17;
/// Characters behind an access key id's first four.
const KEY_LENGTH: usize = 16;
/// Characters of a secret.
const SECRET_LENGTH: usize = 40;

/// An access key: id and secret.
pub struct NewKey {
    /// `AKIA` or `ASIA` and sixteen characters.
    pub id: String,
    /// Forty characters.
    pub secret: String,
}

/// A unique id that begins with these four letters.
///
/// # Errors
/// [`StoreError::Io`] where there is no randomness.
pub fn unique_id(prefix: &str) -> Result<String, StoreError> {
    Ok(format!("{prefix}{}", random(IDS, ID_LENGTH)?))
}

/// An access key whose id begins with these four letters: `AKIA` for a long-term one, `ASIA` for a temporary one.
///
/// # Errors
/// [`StoreError::Io`] where there is no randomness.
pub fn access_key(prefix: &str) -> Result<NewKey, StoreError> {
    let id = format!("{prefix}{}", random(IDS, KEY_LENGTH)?);
    Ok(NewKey { id, secret: random(SECRETS, SECRET_LENGTH)? })
}

/// Letters of an alphabet whose length divides 256, so that each is as likely.
fn random(alphabet: &[u8], length: usize) -> Result<String, StoreError> {
    let mut bytes = vec![0_u8; length];
    rand::fill(&mut bytes).map_err(|_| StoreError::Io("there is no randomness".to_owned().into()))?;
    let letter = |byte: &u8| alphabet.get(usize::from(*byte) % alphabet.len()).copied().map_or('A', char::from);
    Ok(bytes.iter().map(letter).collect())
}
