//! Data keys, and how they are sealed under another key.

use super::envelope::{Envelope, SealedBy, WRAPPED_LEN};
use super::fixed_bytes::joined;
use super::layout::{Layers, Layout};
use super::{BlobId, SealError};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::rand;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of an AES-256 key.
pub(super) const KEY_LEN: usize = 32;

/// A blob's data key, to open what it sealed.
pub struct DataKey {
    pub(super) aead: LessSafeKey,
    /// The key of the inner layer, of a blob that is sealed twice over.
    pub(super) inner: Option<LessSafeKey>,
    pub(super) format: u8,
    chunk_size: u32,
}

/// A data key that has sealed nothing yet. It is used up by sealing, so that no nonce is used twice.
pub struct FreshKey(pub(super) DataKey);

impl DataKey {
    /// How what it seals is cut.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::new(self.chunk_size, if self.inner.is_some() { Layers::Two } else { Layers::One })
    }

    /// This key as the outer layer over `inner`.
    pub(super) fn over(self, inner: Self) -> Self {
        Self { inner: Some(inner.aead), ..self }
    }

    pub(super) fn new(bytes: &[u8; KEY_LEN], envelope: &Envelope) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| SealError::Library)?;
        Ok(Self { aead: LessSafeKey::new(key), inner: None, format: envelope.format, chunk_size: envelope.chunk_size })
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

impl fmt::Debug for FreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreshKey(…)")
    }
}

/// What seals data keys: the extracted half of HKDF over a root key or a customer's key.
pub(super) struct Wrapper(Prk);

/// A key on its way from one envelope to another.
type KeyBytes = Zeroizing<[u8; KEY_LEN]>;

impl Wrapper {
    pub(super) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self::of_purpose(b"portcullis data key wrapping 1", key)
    }

    /// As [`Self::new`], for keys of another purpose: what is sealed for one does not open for another.
    pub(super) fn of_purpose(purpose: &'static [u8], key: &[u8; KEY_LEN]) -> Self {
        Self(Salt::new(HKDF_SHA256, purpose).extract(key))
    }

    /// A new data key for this blob, and the envelope that keeps it. `bound` is what must be the same again to open
    /// it, beside what the envelope itself says.
    pub(super) fn seal_new(
        &self,
        blob: BlobId,
        sealed_by: SealedBy,
        bound: &[u8],
    ) -> Result<(FreshKey, Envelope), SealError> {
        self.fill(blob, Envelope::new(sealed_by), bound)
    }

    /// As [`Self::seal_new`], into an envelope that has no data key yet.
    pub(super) fn fill(
        &self,
        blob: BlobId,
        envelope: Envelope,
        bound: &[u8],
    ) -> Result<(FreshKey, Envelope), SealError> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        rand::fill(key.as_mut()).map_err(|_| SealError::Library)?;
        let envelope = self.seal(blob, envelope, bound, key.clone())?;
        Ok((FreshKey(DataKey::new(&key, &envelope)?), envelope))
    }

    /// Seals a data key into an envelope.
    pub(super) fn seal(
        &self,
        blob: BlobId,
        mut envelope: Envelope,
        bound: &[u8],
        mut key: KeyBytes,
    ) -> Result<Envelope, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError::Library)?;
        let context = envelope.context(blob);
        let tag = self
            .key_for(&[&context, bound])?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), key.as_mut())
            .map_err(|_| SealError::Library)?;
        envelope.wrapped_key = joined(&[&nonce, key.as_ref(), tag.as_ref()]);
        Ok(envelope)
    }

    /// The data key in an envelope, or `None` if this key or this blob is not the one it was sealed for.
    pub(super) fn open(&self, blob: BlobId, envelope: &Envelope, bound: &[u8]) -> Result<Option<DataKey>, SealError> {
        self.open_bytes(blob, envelope, bound)?.map(|key| DataKey::new(&key, envelope)).transpose()
    }

    /// As [`Self::open`], the key's bytes.
    pub(super) fn open_bytes(
        &self,
        blob: BlobId,
        envelope: &Envelope,
        bound: &[u8],
    ) -> Result<Option<KeyBytes>, SealError> {
        envelope.check_format()?;
        let context = envelope.context(blob);
        let mut wrapped: Zeroizing<[u8; WRAPPED_LEN]> = Zeroizing::new(envelope.wrapped_key);
        let (nonce, sealed) = wrapped.split_at_mut(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Library)?;
        let Ok(key) = self.key_for(&[&context, bound])?.open_in_place(nonce, Aad::from(context), sealed) else {
            return Ok(None);
        };
        let key: &[u8; KEY_LEN] = (&*key).try_into().map_err(|_| SealError::Library)?;
        Ok(Some(Zeroizing::new(*key)))
    }

    /// The key that seals one thing alone: HKDF's second half over what it is.
    pub(super) fn key_for(&self, info: &[&[u8]]) -> Result<LessSafeKey, SealError> {
        let material = self.0.expand(info, &AES_256_GCM).map_err(|_| SealError::Library)?;
        Ok(LessSafeKey::new(UnboundKey::from(material)))
    }
}
