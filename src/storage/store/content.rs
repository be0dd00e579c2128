//! The bytes of objects and parts: small ones in the metadata, others as blobs, those of several parts by a
//! manifest.

use super::Store;
use super::error::StoreError;
use super::guards::ReadGuard;
use super::kms::{ObjectKey, ObjectUnlock};
use super::manifest::{self, ManifestRef};
use super::records::{StoredKms, StoredSse};
use crate::storage::blobs::{BlobError, BlobWriter};
use crate::storage::kv::{Reads, Space, Transaction};
use crate::storage::sealing::{
    BlobId, CustomerKey, DataKey, Envelope, FreshKey, Layers, SealError, SealedBy, open_small, seal_small,
};
use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Plaintext up to this many bytes lies in the metadata.
pub(super) const INLINE_MAX: usize = 16 * 1024;

/// Where bytes are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// There are none.
    #[default]
    None,
    /// In the metadata.
    Inline(BlobId, Envelope),
    /// In a blob.
    Blob(BlobId, Envelope),
    /// In several parts.
    Manifest(ManifestRef),
}

/// Who holds the key of something new.
#[derive(Debug)]
pub enum Sse {
    /// The store (SSE-S3).
    S3,
    /// The client (SSE-C).
    Customer {
        /// The key, for this request only.
        key: CustomerKey,
        /// The base64 of its MD5.
        key_md5: String,
    },
    /// The key service (SSE-KMS, DSSE-KMS).
    Kms {
        /// The right to seal under the key.
        key: ObjectKey,
        /// What is kept of it beside the object; the key's ARN and the layers are those of `key`.
        stored: Box<StoredKms>,
    },
}

/// What opens an object.
#[derive(Clone, Copy, Debug)]
pub enum Unlock<'k> {
    /// The store's own key (SSE-S3).
    Store,
    /// The key that came with the request (SSE-C).
    Customer(&'k CustomerKey),
    /// The right to open what is sealed under a key of the key service (SSE-KMS).
    Kms(&'k ObjectUnlock),
}

impl<'k> From<Option<&'k CustomerKey>> for Unlock<'k> {
    fn from(key: Option<&'k CustomerKey>) -> Self {
        key.map_or(Self::Store, Self::Customer)
    }
}

/// As [`Unlock`], for a stream that outlives the request's handler.
enum OwnedUnlock {
    Store,
    Customer(CustomerKey),
    Kms(ObjectUnlock),
}

impl OwnedUnlock {
    fn of(unlock: Unlock<'_>) -> Self {
        match unlock {
            Unlock::Store => Self::Store,
            Unlock::Customer(key) => Self::Customer(CustomerKey::new(*key.as_bytes())),
            Unlock::Kms(unlock) => Self::Kms(unlock.clone()),
        }
    }

    fn unlock(&self) -> Unlock<'_> {
        match self {
            Self::Store => Unlock::Store,
            Self::Customer(key) => Unlock::Customer(key),
            Self::Kms(unlock) => Unlock::Kms(unlock),
        }
    }
}

impl Sse {
    /// What is kept of it beside the object; never the key.
    #[must_use]
    pub fn stored(&self) -> StoredSse {
        match self {
            Self::S3 => StoredSse::S3,
            Self::Customer { key_md5, .. } => StoredSse::Customer { key_md5: key_md5.clone() },
            Self::Kms { key, stored } => {
                let dual_layer = key.layers() == Layers::Two;
                StoredSse::Kms(Box::new(StoredKms {
                    key: key.arn().to_owned(),
                    dual_layer,
                    ..StoredKms::clone(stored)
                }))
            }
        }
    }

    pub(super) fn seal_new(&self, store: &Store, id: BlobId) -> Result<(FreshKey, Envelope), StoreError> {
        Ok(match self {
            Self::S3 => store.inner.keys.seal_new(id)?,
            Self::Customer { key, .. } => key.seal_new(id)?,
            Self::Kms { key, .. } => key.seal_new(id)?,
        })
    }
}

impl From<BlobError> for StoreError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Full => Self::Full,
            BlobError::Seal(error) => error.into(),
            BlobError::Io { .. } | BlobError::Broken { .. } => Self::Io(error.to_string().into()),
            _ => Self::damaged(error.to_string()),
        }
    }
}

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::WrongKey { .. } => Self::WrongCustomerKey,
            SealError::CustomerKeyNeeded { .. } => Self::CustomerKeyNeeded,
            SealError::NoCustomerKey { .. } => Self::UnexpectedCustomerKey,
            SealError::ServiceKeyNeeded { .. } => Self::ServiceKeyNeeded,
            SealError::WrongServiceKey { .. } => Self::WrongServiceKey,
            SealError::Library => Self::Io(error.to_string().into()),
            _ => Self::damaged(error.to_string()),
        }
    }
}

/// An id for something new; the time stands in it so that what is made together lies together.
pub(super) fn new_id(now_ms: i64) -> Result<BlobId, StoreError> {
    Ok(BlobId::generate(u64::try_from(now_ms).unwrap_or_default())?)
}

/// Takes bytes of unknown length: holds the first [`INLINE_MAX`], and spills into a blob beyond.
pub(super) struct Sink {
    store: Store,
    sse: Sse,
    now_ms: i64,
    most: u64,
    size: u64,
    state: State,
}

enum State {
    Held(Vec<Bytes>),
    Spilled(Box<(BlobId, Envelope, BlobWriter)>),
}

impl Sink {
    pub(super) fn new(store: &Store, sse: Sse, now_ms: i64) -> Self {
        let most = store.limits().max_put_bytes;
        Self { store: store.clone(), sse, now_ms, most, size: 0, state: State::Held(Vec::new()) }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.size += bytes.len() as u64;
        if self.size > self.most {
            return Err(StoreError::TooLarge { size: self.size, most: self.most });
        }
        match &mut self.state {
            State::Held(held) => {
                held.push(bytes);
                if self.size > INLINE_MAX as u64 { self.spill().await } else { Ok(()) }
            }
            State::Spilled(blob) => Ok(blob.2.write(bytes).await?),
        }
    }

    async fn spill(&mut self) -> Result<(), StoreError> {
        self.store.fault("put.before_blob")?;
        let id = new_id(self.now_ms)?;
        let (key, envelope) = self.sse.seal_new(&self.store, id)?;
        let mut writer = self.store.inner.blobs.create(id, key);
        if let State::Held(held) = &mut self.state {
            for bytes in std::mem::take(held) {
                writer.write(bytes).await?;
            }
        }
        self.state = State::Spilled(Box::new((id, envelope, writer)));
        Ok(())
    }

    /// Makes the bytes durable, unless they are few: those go with their record.
    pub(super) async fn finish(self) -> Result<(Stored, Cleanup), StoreError> {
        let Self { store, sse, now_ms, most, size, state } = self;
        if size > most {
            return Err(StoreError::TooLarge { size, most });
        }
        match state {
            State::Spilled(blob) => {
                let (id, envelope, writer) = *blob;
                writer.finish().await?;
                let stored = Stored { size, content: Content::Blob(id, envelope), inline: None };
                Ok((stored, Cleanup { store, blob: Some(id) }))
            }
            // Nothing to seal, and no key of a customer to check later.
            State::Held(held) if held.is_empty() && matches!(sse, Sse::S3) => {
                Ok((Stored { size, content: Content::None, inline: None }, Cleanup { store, blob: None }))
            }
            State::Held(held) => {
                let id = new_id(now_ms)?;
                let (key, envelope) = sse.seal_new(&store, id)?;
                // PERF: one piece, as small bodies mostly come, is sealed without being copied together.
                let sealed = match held.as_slice() {
                    [one] => seal_small(key, id, one)?,
                    pieces => {
                        let mut all = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
                        pieces.iter().for_each(|piece| all.extend_from_slice(piece));
                        seal_small(key, id, &all)?
                    }
                };
                let stored =
                    Stored { size, content: Content::Inline(id, envelope), inline: Some((id, Bytes::from(sealed))) };
                Ok((stored, Cleanup { store, blob: None }))
            }
        }
    }
}

/// Bytes that wait for their record.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) size: u64,
    pub(super) content: Content,
    inline: Option<(BlobId, Bytes)>,
}

impl Stored {
    /// Puts few bytes into the transaction of their record.
    pub(super) fn put_inline(&self, t: &mut dyn Transaction) {
        if let Some((id, sealed)) = &self.inline {
            t.put(Space::Inline, id.as_bytes(), sealed.clone());
        }
    }
}

/// Takes a blob away again that no record came to name.
pub(super) struct Cleanup {
    store: Store,
    blob: Option<BlobId>,
}

impl Cleanup {
    /// Waits for the transaction that names the blob. If the caller goes away meanwhile, the blob stays: the
    /// transaction may come to pass all the same.
    pub(super) async fn after<T>(
        mut self,
        transaction: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let blob = self.blob.take();
        let outcome = transaction.await;
        if let (Some(id), Err(error)) = (blob, &outcome)
            && !matches!(error, StoreError::Unsettled(_) | StoreError::Closed)
        {
            // What stays is an orphan, which scrubbing finds.
            let _ = self.store.inner.blobs.delete(id).await;
        }
        outcome
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.blob.take(), tokio::runtime::Handle::try_current()) {
            let store = self.store.clone();
            runtime.spawn(async move {
                let _ = store.inner.blobs.delete(id).await;
            });
        }
    }
}

/// An object's bytes, in order. It keeps them from being swept.
pub struct ContentStream {
    source: Source,
    _guard: Arc<ReadGuard>,
}

enum Source {
    Once(Option<Bytes>),
    Many(BoxStream<'static, Result<Bytes, StoreError>>),
}

impl ContentStream {
    /// The bytes, where they are all here already.
    ///
    /// # Errors
    /// The stream itself, where they are still to be read.
    pub fn whole(self) -> Result<Bytes, Self> {
        match self.source {
            Source::Once(bytes) => Ok(bytes.unwrap_or_default()),
            Source::Many(_) => Err(self),
        }
    }
}

impl Stream for ContentStream {
    type Item = Result<Bytes, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.source {
            Source::Once(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Source::Many(stream) => stream.as_mut().poll_next(context),
        }
    }
}

/// The data key of something stored.
pub(super) fn data_key(
    store: &Store,
    id: BlobId,
    envelope: &Envelope,
    unlock: Unlock<'_>,
) -> Result<DataKey, StoreError> {
    // INVARIANT: what is sealed under a key of the key service opens with an `ObjectUnlock`, for which the gate's proof
    // was given, and with nothing else: the key ring refuses it.
    Ok(match (envelope.sealed_by(), unlock) {
        (SealedBy::Customer, Unlock::Customer(key)) => key.open_key(id, envelope)?,
        (SealedBy::Customer, _) => return Err(StoreError::CustomerKeyNeeded),
        (SealedBy::Kms { material }, Unlock::Kms(unlock)) => unlock.open_key(id, material, envelope)?,
        (SealedBy::Kms { .. }, _) => return Err(StoreError::ServiceKeyNeeded),
        (SealedBy::Root { .. }, _) => store.inner.keys.open_key(id, envelope)?,
    })
}

/// Checks that a key opens what is stored.
pub(super) fn check_key(store: &Store, content: &Content, unlock: Unlock<'_>) -> Result<(), StoreError> {
    match content {
        Content::None => Ok(()),
        Content::Inline(id, envelope) | Content::Blob(id, envelope) => data_key(store, *id, envelope, unlock).map(drop),
        Content::Manifest(manifest) => match manifest::load(store, manifest, 0)?.first() {
            Some(part) if !matches!(part.content, Content::Manifest(_)) => check_key(store, &part.content, unlock),
            _ => Err(StoreError::damaged(format!("manifest {}", manifest.id))),
        },
    }
}

/// The bytes of a range.
pub(super) async fn open(
    store: &Store,
    content: &Content,
    size: u64,
    unlock: Unlock<'_>,
    range: Range<u64>,
    guard: Arc<ReadGuard>,
) -> Result<ContentStream, StoreError> {
    let mut source = match content {
        Content::Manifest(manifest) => {
            let unlock = Arc::new(OwnedUnlock::of(unlock));
            Source::Many(manifest_stream(store.clone(), manifest.clone(), unlock, range))
        }
        piece => open_piece(store, piece, size, unlock, range).await?,
    };
    // A blob's first bytes are verified already.
    if matches!(content, Content::Manifest(_))
        && let Source::Many(stream) = &mut source
        && let Some(first) = stream.next().await
    {
        let rest = std::mem::replace(stream, stream::empty().boxed());
        source = Source::Many(stream::once(std::future::ready(Ok(first?))).chain(rest).boxed());
    }
    Ok(ContentStream { source, _guard: guard })
}

async fn open_piece(
    store: &Store,
    content: &Content,
    size: u64,
    unlock: Unlock<'_>,
    range: Range<u64>,
) -> Result<Source, StoreError> {
    match content {
        Content::None if size == 0 => Ok(Source::Once(None)),
        Content::None | Content::Manifest(_) => Err(StoreError::damaged("a record without its bytes")),
        Content::Inline(id, envelope) => {
            let plain = inline_bytes(store, *id, envelope, size, unlock)?;
            let start = usize::try_from(range.start).unwrap_or(usize::MAX);
            let end = usize::try_from(range.end).unwrap_or(usize::MAX);
            if end > plain.len() || start > end {
                return Err(StoreError::damaged(format!("inline value {id} is shorter than its record says")));
            }
            Ok(Source::Once((start < end).then(|| plain.slice(start..end))))
        }
        Content::Blob(id, envelope) => {
            let key = data_key(store, *id, envelope, unlock)?;
            let stream = store.inner.blobs.read(*id, key, size, range).await?;
            Ok(Source::Many(stream.map(|piece| piece.map_err(StoreError::from)).boxed()))
        }
    }
}

/// The plaintext of a small object, verified.
pub(super) fn inline_bytes(
    store: &Store,
    id: BlobId,
    envelope: &Envelope,
    size: u64,
    unlock: Unlock<'_>,
) -> Result<Bytes, StoreError> {
    let key = data_key(store, id, envelope, unlock)?;
    let sealed = store.inner.engine.get(Space::Inline, id.as_bytes())?;
    let sealed = sealed.ok_or_else(|| StoreError::damaged(format!("inline value {id} is missing")))?;
    let plain = open_small(key, id, sealed)?;
    if plain.len() as u64 != size {
        return Err(StoreError::damaged(format!("inline value {id} has another size than its record says")));
    }
    Ok(Bytes::from(plain))
}

/// The parts of a manifest one after another; only the chunks and parts that the range touches are read.
fn manifest_stream(
    store: Store,
    manifest: ManifestRef,
    unlock: Arc<OwnedUnlock>,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let chunks = manifest.overlapping(&range);
    let of_chunks = store.clone();
    stream::iter(chunks)
        .map(move |(chunk, start)| match manifest::load(&of_chunks, &manifest, chunk) {
            Ok(parts) => stream::iter(manifest::pieces(parts, start, &range)).map(Ok).left_stream(),
            Err(error) => stream::once(std::future::ready(Err(error))).right_stream(),
        })
        .flatten()
        .then(move |piece| {
            let (store, unlock) = (store.clone(), Arc::clone(&unlock));
            async move {
                let (content, size, range) = piece?;
                let source = open_piece(&store, &content, size, unlock.unlock(), range).await?;
                Ok(match source {
                    Source::Once(bytes) => stream::iter(bytes.map(Ok)).boxed(),
                    Source::Many(stream) => stream,
                })
            }
        })
        .flat_map(|opened: Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError>| match opened {
            Ok(stream) => stream,
            Err(error) => stream::once(std::future::ready(Err(error))).boxed(),
        })
        .boxed()
}
