//! The ciphertexts of the key service, as clients keep them. They must open for ever, so this format never changes:
//! a change takes a new number.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the format: 1 |
//! | 2 | length of the key's ARN, big-endian |
//! | … | the key's ARN |
//! | 4 | the version of its material, big-endian |
//! | 16 | salt: derives the ciphertext's own key from the material |
//! | 12 | nonce |
//! | … | the plaintext, sealed with AES-256-GCM |
//! | 16 | tag |
//!
//! Authenticated with it: everything before the sealed bytes, then the encryption context in its one encoding.

use super::TAG_LEN;

const FORMAT: u8 = 1;
/// Bytes of salt.
pub(super) const SALT: usize = 16;
/// Bytes of nonce.
pub(super) const NONCE: usize = 12;

/// What stands before the sealed bytes.
pub(super) struct Header<'a> {
    pub key: &'a str,
    pub version: u32,
    pub salt: [u8; SALT],
    pub nonce: [u8; NONCE],
}

impl Header<'_> {
    /// `None`: the key's name is longer than the format allows.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        let length = u16::try_from(self.key.len()).ok()?.to_be_bytes();
        let version = self.version.to_be_bytes();
        Some([&[FORMAT][..], &length, self.key.as_bytes(), &version, &self.salt, &self.nonce].concat())
    }
}

/// A ciphertext, taken apart; nothing of it is verified yet.
#[derive(Clone, Copy, Debug)]
pub struct Ciphertext<'a> {
    /// The ARN of the key that it says it is sealed under.
    pub key: &'a str,
    /// The version of that key's material.
    pub version: u32,
    pub(super) head: &'a [u8],
    pub(super) salt: [u8; SALT],
    pub(super) nonce: [u8; NONCE],
    pub(super) body: &'a [u8],
}

impl<'a> Ciphertext<'a> {
    /// Takes a ciphertext apart; `None`: it is none, or one of a later format.
    #[must_use]
    pub fn read(blob: &'a [u8]) -> Option<Self> {
        let (format, rest) = blob.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (salt, rest) = rest.split_first_chunk::<SALT>()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE>()?;
        let head = blob.get(..blob.len() - body.len())?;
        let key = std::str::from_utf8(key).ok()?;
        let whole = *format == FORMAT && body.len() >= TAG_LEN;
        whole.then_some(Self { key, version: u32::from_be_bytes(*version), head, salt: *salt, nonce: *nonce, body })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::KeyMaterial;
    use super::*;
    use crate::storage::sealing::SealError;

    const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    /// What the first version sealed: it opens for ever.
    #[test]
    fn ciphertexts_of_every_earlier_version_open() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/kms-ciphertexts.json");
        let text = std::fs::read_to_string(folder).expect("the kept ciphertexts");
        let kept: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list");
        assert!(!kept.is_empty());
        for one in kept {
            let of = |name: &str| unhex(one[name].as_str().expect("a text"));
            let material = KeyMaterial::new(&of("material").try_into().expect("32 bytes"));
            let blob = of("blob");
            let sealed = Ciphertext::read(&blob).expect("taken apart");
            assert_eq!((sealed.key, u64::from(sealed.version)), (KEY, one["version"].as_u64().expect("a number")));
            assert_eq!(*material.open(&sealed, &of("context")).expect("opens"), of("plaintext"));
        }
    }

    pub(in crate::storage::sealing) fn unhex(text: &str) -> Vec<u8> {
        let digit = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).expect("digits");
        (0..text.len()).step_by(2).map(digit).collect()
    }

    #[test]
    fn the_format_is_as_it_is_written_down() {
        let material = KeyMaterial::new(&[7; 32]);
        let header = Header { key: KEY, version: 3, salt: [1; SALT], nonce: [2; NONCE] };
        let blob = material.seal_with(&header, b"context", b"plaintext").expect("sealed");
        let head = [&[1, 0, 75][..], KEY.as_bytes(), &[0, 0, 0, 3], &[1; 16], &[2; 12]].concat();
        assert_eq!(blob.get(..head.len()), Some(&head[..]));
        assert_eq!(blob.len(), head.len() + 9 + 16);
    }

    #[test]
    fn nothing_opens_that_was_changed() {
        let material = KeyMaterial::new(&[7; 32]);
        let blob = material.seal(KEY, 1, b"context", b"plaintext").expect("sealed");
        let open = |blob: &[u8], context: &[u8]| {
            Ciphertext::read(blob).map(|sealed| material.open(&sealed, context).map(|plain| plain.to_vec()))
        };
        assert_eq!(open(&blob, b"context"), Some(Ok(b"plaintext".to_vec())));
        assert_eq!(open(&blob, b"Context"), Some(Err(SealError::TamperedCiphertext)));
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            assert!(!matches!(open(&changed, b"context"), Some(Ok(_))), "byte {at}");
            assert!(!matches!(open(&blob[..at], b"context"), Some(Ok(_))), "cut at {at}");
        }
        let other = KeyMaterial::new(&[8; 32]);
        let sealed = Ciphertext::read(&blob).expect("whole");
        assert_eq!(other.open(&sealed, b"context").err(), Some(SealError::TamperedCiphertext));
    }

    #[test]
    fn a_blobs_key_is_bound_to_key_and_context() {
        let (material, id) = (KeyMaterial::new(&[7; 32]), crate::storage::sealing::BlobId::from_bytes([9; 16]));
        let (_, envelope) = material.seal_new(id, 2, b"bound", crate::storage::sealing::Layers::One).expect("sealed");
        assert!(material.open_key(id, &envelope, b"bound").is_ok());
        assert_eq!(material.open_key(id, &envelope, b"other").err(), Some(SealError::WrongServiceKey { blob: id }));
    }
}
