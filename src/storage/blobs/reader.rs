//! Reading a range of a blob as a stream, one piece ahead of the reader.

use super::{BlobError, files};
use crate::storage::sealing::{BlobId, ChunkPlan, DataKey, Opener};
use bytes::Bytes;
use futures_util::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::future::Future as _;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::JoinHandle;

/// Bytes of plaintext that are read at once. Two such pieces are in memory: one at the reader, one underway.
const PIECE: u32 = 512 * 1024;

/// The plaintext of a range of a blob, as a stream of at most a chunk at a time. Every byte of it is
/// authenticated; after an error the stream ends.
pub struct BlobReader {
    source: Arc<Source>,
    /// The first chunk that was not asked for yet.
    next: u32,
    ready: VecDeque<Bytes>,
    underway: Option<JoinHandle<Result<VecDeque<Bytes>, BlobError>>>,
}

struct Source {
    /// Open for the whole stream: deleting the blob takes its name away, not its bytes.
    file: File,
    opener: Opener,
    plan: ChunkPlan,
    chunks_per_piece: u32,
}

impl BlobReader {
    pub(super) async fn open(
        path: PathBuf,
        id: BlobId,
        key: DataKey,
        plain_len: u64,
        range: Range<u64>,
    ) -> Result<Self, BlobError> {
        let plan = ChunkPlan::new(id, plain_len, key.layout(), range)?;
        let chunks_per_piece = (PIECE / key.layout().chunk_size()).max(1);
        let first = piece(&plan.wanted(), plan.wanted().start, chunks_per_piece);
        let next = first.end;
        let opener = Opener::new(key, id);
        files::blocking(move || {
            let file = File::open(path).map_err(|e| match e.kind() {
                io::ErrorKind::NotFound => BlobError::NotFound { blob: id },
                _ => BlobError::io("opening a blob", e),
            })?;
            let found = file.metadata().map_err(|e| BlobError::io("opening a blob", e))?.len();
            if found != plan.sealed_len() {
                return Err(reported(BlobError::Length { blob: id, expected: plan.sealed_len(), found }));
            }
            let source = Source { file, opener, plan, chunks_per_piece };
            let ready = source.load(first)?;
            Ok(Self { source: Arc::new(source), next, ready, underway: None })
        })
        .await
    }

    /// Starts reading the next piece, if there is one and none is underway.
    fn read_ahead(&mut self) {
        let chunks = piece(&self.source.plan.wanted(), self.next, self.source.chunks_per_piece);
        if self.underway.is_none() && !chunks.is_empty() {
            self.next = chunks.end;
            let source = Arc::clone(&self.source);
            self.underway = Some(tokio::task::spawn_blocking(move || source.load(chunks)));
        }
    }
}

impl Stream for BlobReader {
    type Item = Result<Bytes, BlobError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            self.read_ahead();
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(bytes)));
            }
            let Some(task) = self.underway.as_mut() else { return Poll::Ready(None) };
            let done = ready!(Pin::new(task).poll(cx));
            self.underway = None;
            match done.unwrap_or_else(|e| Err(BlobError::io("waiting for the disk", io::Error::other(e)))) {
                Ok(pieces) => self.ready = pieces,
                Err(error) => {
                    self.next = self.source.plan.wanted().end;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader").field("blob", &self.source.opener.blob()).finish_non_exhaustive()
    }
}

/// At most `count` of the wanted chunks, from `start` on.
fn piece(wanted: &Range<u32>, start: u32, count: u32) -> Range<u32> {
    start..start.saturating_add(count).min(wanted.end)
}

impl Source {
    /// Reads and opens consecutive chunks: one read, decrypted where it lies, and handed out without a copy.
    fn load(&self, chunks: Range<u32>) -> Result<VecDeque<Bytes>, BlobError> {
        if chunks.is_empty() {
            return Ok(VecDeque::new());
        }
        let mut sealed = self.read(self.plan.sealed_range(chunks.clone()))?;
        let wanted = self.opener.open_run(&self.plan, chunks, &mut sealed).map_err(|e| reported(e.into()))?;
        let opened = Bytes::from(sealed);
        Ok(wanted.into_iter().filter(|part| !part.is_empty()).map(|part| opened.slice(part)).collect())
    }

    /// The bytes of the file in this range, or fewer if it ends before.
    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        let len = usize::try_from(range.end - range.start).expect("a piece fits into memory");
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let place = range.start + bytes.len() as u64;
            // The vector may have more room than was asked for; what is read too much is cut off below.
            match rustix::io::pread(&self.file, rustix::buffer::spare_capacity(&mut bytes), place) {
                Ok(0) => break,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(BlobError::io("reading a blob", e.into())),
            }
        }
        bytes.truncate(len);
        Ok(bytes)
    }
}

/// Damage is an operator's business as well as the reader's.
fn reported(error: BlobError) -> BlobError {
    if error.is_damage() {
        tracing::error!(%error, "damage found");
    }
    error
}
