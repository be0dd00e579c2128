//! The chunked format: sealing as plaintext comes in, opening the chunks of a range.

use super::fixed_bytes::joined;
use super::keys::{DataKey, FreshKey};
use super::layout::Layout;
use super::{BlobId, SealError};
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use bytes::{Buf, Bytes, BytesMut};
use std::ops::Range;

/// The data keys at work on one blob.
struct Cipher {
    outer: LessSafeKey,
    /// Of a blob that is sealed twice over: what seals the plaintext, before the outer key seals that with its tag.
    inner: Option<LessSafeKey>,
    blob: BlobId,
    layout: Layout,
    context: [u8; 21],
}

impl Cipher {
    fn new(key: DataKey, blob: BlobId) -> Self {
        let layout = key.layout();
        let context = joined(&[&[key.format], &layout.chunk_size().to_be_bytes(), blob.as_bytes()]);
        Self { outer: key.aead, inner: key.inner, blob, layout, context }
    }

    fn chunk_size(&self) -> usize {
        self.layout.chunk_size() as usize
    }

    /// INVARIANT: a chunk's number and whether it is the last are in the nonce, the rest in the context: nothing
    /// that was sealed opens anywhere else. The two layers share nonces, and have a key each.
    fn nonce(&self, chunk: u32, last: bool) -> Nonce {
        let parts: [&[u8]; 3] = [self.blob.nonce_prefix(), &chunk.to_be_bytes(), &[u8::from(last)]];
        Nonce::assume_unique_for_key(joined(&parts))
    }

    /// Seals the chunk whose plaintext stands in `buffer` from `start` to the end.
    fn seal<B>(&self, chunk: u32, last: bool, buffer: &mut B, start: usize) -> Result<(), SealError>
    where
        B: AsMut<[u8]> + for<'b> Extend<&'b u8>,
    {
        for layer in self.inner.iter().chain([&self.outer]) {
            let (_, place) = buffer.as_mut().split_at_mut(start);
            let tag = layer
                .seal_in_place_separate_tag(self.nonce(chunk, last), Aad::from(self.context), place)
                .map_err(|_| SealError::Library)?;
            buffer.extend(tag.as_ref());
        }
        Ok(())
    }

    /// Leaves the plaintext at the beginning of `sealed` and returns its length.
    fn open(&self, chunk: u32, last: bool, sealed: &mut [u8]) -> Result<usize, SealError> {
        let mut len = sealed.len();
        for layer in [&self.outer].into_iter().chain(&self.inner) {
            let (rest, _) = sealed.split_at_mut(len);
            let opened = layer.open_in_place(self.nonce(chunk, last), Aad::from(self.context), rest);
            len = opened.map_err(|_| SealError::Tampered { blob: self.blob, chunk })?.len();
        }
        Ok(len)
    }
}

/// Seals a blob as its plaintext comes in, in pieces of whole chunks. It holds one piece, or less.
pub struct Sealer {
    cipher: Cipher,
    piece_len: usize,
    /// Sealed chunks, then the plaintext of the chunk that is being filled.
    buffer: BytesMut,
    /// A buffer that is no longer needed elsewhere, for the next piece.
    spare: Option<BytesMut>,
    filling: usize,
    chunk: u32,
    plain_len: u64,
}

impl Sealer {
    /// A sealer of one blob, which gives away pieces of `chunks_per_piece` chunks (at least one).
    #[must_use]
    pub fn new(key: FreshKey, blob: BlobId, chunks_per_piece: usize) -> Self {
        let cipher = Cipher::new(key.0, blob);
        let piece_len = chunks_per_piece.max(1) * cipher.layout.sealed_chunk();
        Self { cipher, piece_len, buffer: BytesMut::new(), spare: None, filling: 0, chunk: 0, plain_len: 0 }
    }

    /// Takes plaintext from the front of `data`: all of it, or until a piece is full, which is then returned.
    ///
    /// # Errors
    /// [`SealError::TooLong`], [`SealError::Library`].
    pub fn push(&mut self, data: &mut Bytes) -> Result<Option<Bytes>, SealError> {
        while !data.is_empty() {
            // A full chunk waits for one byte more: only then is it known not to be the last.
            if self.filling == self.cipher.chunk_size() {
                self.seal_chunk(false)?;
                if self.buffer.len() >= self.piece_len {
                    let next = self.spare.take().unwrap_or_else(|| BytesMut::with_capacity(self.piece_len));
                    return Ok(Some(std::mem::replace(&mut self.buffer, next).freeze()));
                }
            }
            let take = data.len().min(self.cipher.chunk_size() - self.filling);
            self.make_room(take);
            let (now, _) = data.split_at(take);
            self.buffer.extend_from_slice(now);
            data.advance(take);
            self.filling += take;
            self.plain_len += take as u64;
        }
        Ok(None)
    }

    /// Seals what is left as the last chunk. Returns the last piece, which is never empty, and the plaintext's
    /// length in bytes.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn finish(mut self) -> Result<(Bytes, u64), SealError> {
        self.seal_chunk(true)?;
        Ok((self.buffer.freeze(), self.plain_len))
    }

    /// Gives back the memory of a piece that was returned by [`Self::push`], if nobody else holds it.
    pub fn recycle(&mut self, piece: Bytes) {
        if let Ok(mut buffer) = piece.try_into_mut() {
            buffer.clear();
            self.spare = Some(buffer);
        }
    }

    /// PERF: a small blob gets a small buffer; one that outgrows its first chunk gets a piece's at once.
    fn make_room(&mut self, more: usize) {
        let needed = self.buffer.len() + more + self.cipher.layout.added();
        if needed > self.buffer.capacity() {
            let first = self.cipher.layout.sealed_chunk();
            let total = if needed <= first / 4 {
                needed
            } else if needed <= first {
                first
            } else {
                self.piece_len
            };
            self.buffer.reserve(total.max(needed) - self.buffer.len());
        }
    }

    fn seal_chunk(&mut self, last: bool) -> Result<(), SealError> {
        let start = self.buffer.len() - self.filling;
        self.cipher.seal(self.chunk, last, &mut self.buffer, start)?;
        self.filling = 0;
        if !last {
            // Numbers stay below the largest, so that the count of chunks is a number as well.
            let next = self.chunk.checked_add(1).filter(|next| *next < u32::MAX);
            self.chunk = next.ok_or(SealError::TooLong { blob: self.cipher.blob })?;
        }
        Ok(())
    }
}

/// Opens chunks of one blob.
pub struct Opener(Cipher);

impl Opener {
    /// An opener of this blob.
    #[must_use]
    pub fn new(key: DataKey, blob: BlobId) -> Self {
        Self(Cipher::new(key, blob))
    }

    /// The blob.
    #[must_use]
    pub fn blob(&self) -> BlobId {
        self.0.blob
    }

    /// Opens one chunk in place: its plaintext stands at the beginning of `sealed` afterwards. Returns its length.
    ///
    /// # Errors
    /// [`SealError::Tampered`] if `sealed` is not this chunk of this blob; `sealed` is then worthless.
    pub fn open_chunk(&self, chunk: u32, last: bool, sealed: &mut [u8]) -> Result<usize, SealError> {
        self.0.open(chunk, last, sealed)
    }

    /// Opens consecutive chunks of a plan in place and returns where in `sealed` the wanted plaintext of each
    /// stands.
    ///
    /// # Errors
    /// [`SealError::Tampered`], also if `sealed` is shorter or longer than those chunks.
    pub fn open_run(
        &self,
        plan: &ChunkPlan,
        run: Range<u32>,
        sealed: &mut [u8],
    ) -> Result<Vec<Range<usize>>, SealError> {
        let sealed_chunk = self.0.layout.sealed_chunk();
        let mut wanted = Vec::with_capacity(run.len());
        let mut pieces = sealed.chunks_mut(sealed_chunk);
        for (place, chunk) in run.clone().enumerate() {
            let tampered = SealError::Tampered { blob: self.0.blob, chunk };
            let piece = pieces.next().ok_or(tampered.clone())?;
            let trim = plan.trim(chunk);
            if self.0.open(chunk, chunk + 1 == plan.chunks, piece)? < trim.end {
                return Err(tampered);
            }
            wanted.push(place * sealed_chunk + trim.start..place * sealed_chunk + trim.end);
        }
        match pieces.next() {
            None => Ok(wanted),
            Some(_) => Err(SealError::Tampered { blob: self.0.blob, chunk: run.end }),
        }
    }
}

/// Which chunks hold a range of the plaintext, and where they lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkPlan {
    plain_len: u64,
    range: Range<u64>,
    layout: Layout,
    chunks: u32,
    wanted: Range<u32>,
}

impl ChunkPlan {
    /// The plan for `range` of a blob of `plain_len` bytes. An empty range needs no chunk, except of an empty
    /// blob: that it is empty is read from its chunk.
    ///
    /// # Errors
    /// [`SealError::OutOfRange`] if the range is not inside the blob; [`SealError::TooLong`].
    pub fn new(blob: BlobId, plain_len: u64, layout: Layout, range: Range<u64>) -> Result<Self, SealError> {
        let Range { start, end } = range;
        if start > end || end > plain_len {
            return Err(SealError::OutOfRange { start, end, plain_len });
        }
        let narrow = |chunks: u64| u32::try_from(chunks).map_err(|_| SealError::TooLong { blob });
        let chunks = narrow(layout.chunk_count(plain_len))?;
        let chunk_size = u64::from(layout.chunk_size());
        let wanted = if plain_len == 0 {
            0..1
        } else if start == end {
            0..0
        } else {
            narrow(start / chunk_size)?..narrow(end.div_ceil(chunk_size))?
        };
        Ok(Self { plain_len, range, layout, chunks, wanted })
    }

    /// The numbers of the chunks that are needed.
    #[must_use]
    pub fn wanted(&self) -> Range<u32> {
        self.wanted.clone()
    }

    /// Where consecutive chunks lie in the sealed blob, in bytes.
    #[must_use]
    pub fn sealed_range(&self, run: Range<u32>) -> Range<u64> {
        let sealed_chunk = self.layout.sealed_chunk() as u64;
        let end = if run.end >= self.chunks { self.sealed_len() } else { u64::from(run.end) * sealed_chunk };
        u64::from(run.start) * sealed_chunk..end
    }

    /// Bytes of the whole sealed blob.
    #[must_use]
    pub fn sealed_len(&self) -> u64 {
        self.layout.sealed_len(self.plain_len)
    }

    /// Which bytes of a chunk's plaintext are wanted.
    #[must_use]
    pub fn trim(&self, chunk: u32) -> Range<usize> {
        let chunk_size = u64::from(self.layout.chunk_size());
        let start = u64::from(chunk) * chunk_size;
        let within = |place: u64| usize::try_from(place.saturating_sub(start).min(chunk_size)).unwrap_or(usize::MAX);
        within(self.range.start)..within(self.range.end)
    }
}

/// Seals a blob that is wholly in memory, for objects that are kept in their metadata. The format is the same.
///
/// # Errors
/// [`SealError::TooLong`], [`SealError::Library`].
pub fn seal_small(key: FreshKey, blob: BlobId, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let cipher = Cipher::new(key.0, blob);
    let chunks = plain.len().div_ceil(cipher.chunk_size()).max(1);
    let mut sealed = Vec::with_capacity(plain.len() + chunks * cipher.layout.added());
    let mut rest = plain;
    for chunk in 0..u32::try_from(chunks).map_err(|_| SealError::TooLong { blob })? {
        let (now, later) = rest.split_at(rest.len().min(cipher.chunk_size()));
        rest = later;
        let start = sealed.len();
        sealed.extend_from_slice(now);
        cipher.seal(chunk, rest.is_empty(), &mut sealed, start)?;
    }
    Ok(sealed)
}

/// Opens what [`seal_small`] sealed. A `Vec` is opened in place.
///
/// # Errors
/// [`SealError::Tampered`].
pub fn open_small(key: DataKey, blob: BlobId, sealed: impl Into<Vec<u8>>) -> Result<Vec<u8>, SealError> {
    let mut bytes = sealed.into();
    let layout = key.layout();
    let plain_len = layout.plain_len(bytes.len() as u64).ok_or(SealError::Tampered { blob, chunk: 0 })?;
    let plan = ChunkPlan::new(blob, plain_len, layout, 0..plain_len)?;
    let mut end = 0;
    for part in Opener::new(key, blob).open_run(&plan, plan.wanted(), &mut bytes)? {
        let len = part.len();
        bytes.copy_within(part, end);
        end += len;
    }
    bytes.truncate(end);
    Ok(bytes)
}
