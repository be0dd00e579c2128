//! The material of a key of the key service, and what it seals: ciphertexts, and data keys of blobs.

use super::ciphertext::{Ciphertext, Header, NONCE, SALT};
use super::envelope::{Envelope, InnerKey, SealedBy};
use super::keys::{DataKey, FreshKey, KEY_LEN, Wrapper};
use super::layout::Layers;
use super::{BlobId, SealError};
use aws_lc_rs::aead::{Aad, Nonce};
use aws_lc_rs::rand;
use std::fmt;
use zeroize::Zeroizing;

/// One version of a key's material, opened. It does not come out: what it can do is seal and open.
///
/// Every ciphertext has a key of its own, which HKDF-SHA-256 derives from the material and 16 random bytes; so the
/// bound of 2^32 messages under one key with random nonces (NIST SP 800-38D, section 8.3) is a bound on none of them.
pub struct KeyMaterial {
    ciphertexts: Wrapper,
    blobs: Wrapper,
    /// Seals the data keys of inner layers: one of them does not open as that of an outer layer.
    inner_layers: Wrapper,
}

impl KeyMaterial {
    pub(super) fn new(bytes: &[u8; KEY_LEN]) -> Self {
        Self {
            ciphertexts: Wrapper::of_purpose(b"portcullis key service ciphertext 1", bytes),
            blobs: Wrapper::of_purpose(b"portcullis key service data key wrapping 1", bytes),
            inner_layers: Wrapper::of_purpose(b"portcullis key service inner data key wrapping 1", bytes),
        }
    }

    /// Seals a small plaintext. `key` is the key's name, `version` this material's; `context` is authenticated.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn seal(&self, key: &str, version: u32, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
        rand::fill(&mut salt).map_err(|_| SealError::Library)?;
        rand::fill(&mut nonce).map_err(|_| SealError::Library)?;
        self.seal_with(&Header { key, version, salt, nonce }, context, plain)
    }

    /// As [`Self::seal`], with randomness that was drawn already.
    pub(super) fn seal_with(&self, header: &Header<'_>, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let head = header.bytes().ok_or(SealError::Library)?;
        let associated = [&head, context].concat();
        // PERF: sealed in the place where it stays; the plaintext is overwritten by it.
        let mut blob = Vec::with_capacity(head.len() + plain.len() + super::TAG_LEN);
        blob.extend_from_slice(&head);
        blob.extend_from_slice(plain);
        let (_, body) = blob.split_at_mut(head.len());
        let tag = self
            .ciphertexts
            .key_for(&[&header.salt])?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(header.nonce), Aad::from(associated), body)
            .map_err(|_| SealError::Library)?;
        blob.extend_from_slice(tag.as_ref());
        Ok(blob)
    }

    /// Opens a ciphertext that this material sealed.
    ///
    /// # Errors
    /// [`SealError::TamperedCiphertext`], also where the context is another one.
    pub fn open(&self, sealed: &Ciphertext<'_>, context: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let associated = [sealed.head, context].concat();
        let mut body = Zeroizing::new(sealed.body.to_vec());
        let nonce = Nonce::assume_unique_for_key(sealed.nonce);
        let opened = self.ciphertexts.key_for(&[&sealed.salt])?.open_in_place(nonce, Aad::from(associated), &mut body);
        let length = opened.map_err(|_| SealError::TamperedCiphertext)?.len();
        body.truncate(length);
        Ok(body)
    }

    /// A new data key for this blob, or with [`Layers::Two`] two of them. `version` is this material's; `bound` is what
    /// must be the same again.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn seal_new(
        &self,
        blob: BlobId,
        version: u32,
        bound: &[u8],
        layers: Layers,
    ) -> Result<(FreshKey, Envelope), SealError> {
        match layers {
            Layers::One => self.blobs.seal_new(blob, SealedBy::Kms { material: version }, bound),
            Layers::Two => {
                let (outer, envelope) = self.blobs.fill(blob, Envelope::twice(version), bound)?;
                let (inner, sealed) = self.inner_layers.fill(blob, Envelope::twice(version), bound)?;
                let envelope = Envelope { inner_key: Some(InnerKey(sealed.wrapped_key)), ..envelope };
                Ok((FreshKey(outer.0.over(inner.0)), envelope))
            }
        }
    }

    /// The data key of this blob, or both of them.
    ///
    /// # Errors
    /// [`SealError::WrongServiceKey`]; [`SealError::UnknownFormat`].
    pub fn open_key(&self, blob: BlobId, envelope: &Envelope, bound: &[u8]) -> Result<DataKey, SealError> {
        let wrong = SealError::WrongServiceKey { blob };
        let outer = self.blobs.open(blob, envelope, bound)?.ok_or(wrong.clone())?;
        match envelope.inner() {
            None => Ok(outer),
            Some(sealed) => Ok(outer.over(self.inner_layers.open(blob, &sealed, bound)?.ok_or(wrong)?)),
        }
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaterial(…)")
    }
}
