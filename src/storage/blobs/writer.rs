//! Writing a blob: sealed as it comes in, one piece being filled while another is written.

use super::{BlobError, Shared, files};
use crate::storage::sealing::{BlobId, FreshKey, Sealer};
use bytes::Bytes;
use futures_util::FutureExt as _;
use object_store::{MultipartUpload, ObjectStoreExt as _, PutPayload, UploadPart};
use std::fmt;
use std::sync::Arc;

/// Chunks in a piece: 1 MiB of plaintext. A writer holds two pieces at most.
const CHUNKS_PER_PIECE: usize = 16;

/// A blob that is being written. Dropped before [`Self::finish`] it leaves nothing behind (its staging file is
/// removed a moment later).
///
/// A write cancelled in its middle makes the blob impossible to finish; a finish cancelled in its middle may
/// leave an orphan.
pub struct BlobWriter {
    sealer: Sealer,
    upload: Upload,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// Bytes of plaintext.
    pub plain_len: u64,
    /// Bytes of the sealed file.
    pub sealed_len: u64,
}

/// The way to disk. A blob of one piece is written in one call when it ends; a longer one opens a staging file.
struct Upload {
    shared: Arc<Shared>,
    id: BlobId,
    staged: Option<Box<dyn MultipartUpload>>,
    in_flight: Option<(UploadPart, Bytes)>,
    written: u64,
    broken: bool,
    /// The blob may be visible under its name.
    published: bool,
}

impl BlobWriter {
    pub(super) fn new(shared: Arc<Shared>, id: BlobId, key: FreshKey) -> Self {
        shared.unfinished().insert(id);
        let upload = Upload { shared, id, staged: None, in_flight: None, written: 0, broken: false, published: false };
        Self { sealer: Sealer::new(key, id, CHUNKS_PER_PIECE), upload }
    }

    /// Appends plaintext.
    ///
    /// # Errors
    /// [`BlobError::Full`], [`BlobError::Io`], [`BlobError::Broken`] after an earlier error.
    pub async fn write(&mut self, mut data: Bytes) -> Result<(), BlobError> {
        while !data.is_empty() {
            self.upload.check()?;
            if let Some(piece) = self.sealer.push(&mut data).inspect_err(|_| self.upload.broken = true)? {
                self.upload.broken = true;
                if let Some(done) = self.upload.send(piece).await? {
                    self.sealer.recycle(done);
                }
                self.upload.broken = false;
            }
        }
        Ok(())
    }

    /// Ends the blob. When this returns, its bytes, its file and the file's name are on disk.
    ///
    /// # Errors
    /// As [`Self::write`]. Nothing is left behind then.
    pub async fn finish(mut self) -> Result<BlobInfo, BlobError> {
        self.upload.check()?;
        let finished = match self.sealer.finish() {
            Ok((last, plain_len)) => self.upload.complete(last).await.map(|len| (plain_len, len)),
            Err(error) => Err(error.into()),
        };
        match finished {
            Ok((plain_len, sealed_len)) => Ok(BlobInfo { plain_len, sealed_len }),
            Err(error) => {
                self.upload.discard().await;
                Err(error)
            }
        }
    }

    /// Gives the blob up. When this returns, its staging file is gone.
    pub async fn abort(mut self) {
        self.upload.discard().await;
    }
}

impl Upload {
    fn check(&self) -> Result<(), BlobError> {
        if self.broken { Err(BlobError::Broken { blob: self.id }) } else { Ok(()) }
    }

    fn failed(&self, error: object_store::Error) -> BlobError {
        BlobError::of_store("writing a blob", Some(self.id), error)
    }

    fn fault(&self, step: &'static str) -> Result<(), BlobError> {
        self.shared.fault(step).map_err(|e| BlobError::io("writing a blob", e))
    }

    fn before_write(&self, piece: &Bytes) -> Result<(), BlobError> {
        self.shared.admit(piece.len())?;
        self.fault("blob.before_write")
    }

    /// Starts writing a piece, once the one before is written; returns that one.
    async fn send(&mut self, piece: Bytes) -> Result<Option<Bytes>, BlobError> {
        let done = self.settle().await?;
        self.before_write(&piece)?;
        let upload = match &mut self.staged {
            Some(upload) => upload,
            None => {
                let location = files::location(self.id);
                let opened = self.shared.store.put_multipart(&location).await.map_err(|e| self.failed(e))?;
                self.staged.insert(opened)
            }
        };
        self.written += piece.len() as u64;
        let mut part = upload.put_part(PutPayload::from(piece.clone()));
        // The write begins with the first poll; the result is looked at by `settle`.
        match (&mut part).now_or_never() {
            Some(written) => written.map_err(|e| self.failed(e))?,
            None => self.in_flight = Some((part, piece)),
        }
        Ok(done)
    }

    /// Waits for the piece that is being written.
    async fn settle(&mut self) -> Result<Option<Bytes>, BlobError> {
        let Some((part, _)) = &mut self.in_flight else { return Ok(None) };
        let written = part.await;
        let piece = self.in_flight.take().map(|(_, piece)| piece);
        written.map_err(|e| self.failed(e))?;
        Ok(piece)
    }

    /// Writes the last piece and makes the blob visible and durable; returns its sealed length.
    async fn complete(&mut self, last: Bytes) -> Result<u64, BlobError> {
        let sealed_len = self.written + last.len() as u64;
        if self.staged.is_some() {
            self.send(last).await?;
            self.settle().await?;
            self.fault("blob.before_finish")?;
            self.published = true;
            if let Some(upload) = &mut self.staged {
                upload.complete().await.map_err(|e| BlobError::of_store("finishing a blob", Some(self.id), e))?;
            }
        } else {
            self.before_write(&last)?;
            self.fault("blob.before_finish")?;
            self.published = true;
            let location = files::location(self.id);
            self.shared.store.put(&location, PutPayload::from(last)).await.map_err(|e| self.failed(e))?;
        }
        self.fault("blob.after_finish")?;
        Ok(sealed_len)
    }

    async fn discard(&mut self) {
        // A write under way ends first; how does not matter any more.
        if let Some((part, _)) = self.in_flight.take() {
            part.await.ok();
        }
        if let Some(mut upload) = self.staged.take() {
            upload.abort().await.ok();
        }
        if self.published {
            let path = self.shared.path(self.id);
            let removed = files::blocking(move || {
                files::discard(&path);
                Ok(())
            });
            removed.await.ok();
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // `object_store` removes the staging file when its upload is dropped.
        self.shared.unfinished().remove(&self.id);
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter").field("blob", &self.upload.id).finish_non_exhaustive()
    }
}
