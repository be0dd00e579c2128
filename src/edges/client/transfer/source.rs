//! Where bytes come from: a file or stream here, or an object there.

use super::{Decryption, PART, Transfers, permit};
use crate::edges::client::ClientError;
use crate::edges::client::encryption::{Decryptor, EncryptionError, OVERHEAD};
use crate::edges::client::objects::ObjectHead;
use crate::edges::server::auth::{Checksum, Hasher};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use std::io::{self, Read};
use std::path::PathBuf;

/// A source of bytes.
pub struct Source(Kind);

enum Kind {
    /// A file or a stream until it ended, and its name for messages.
    Local(Option<Box<dyn Read + Send>>, PathBuf),
    Object(Box<ObjectReader>),
}

impl Source {
    /// A file or a stream; `name` is for messages.
    #[must_use]
    pub fn local(reader: impl Read + Send + 'static, name: PathBuf) -> Self {
        Self(Kind::Local(Some(Box::new(reader)), name))
    }

    /// An object.
    #[must_use]
    pub fn object(reader: ObjectReader) -> Self {
        Self(Kind::Object(Box::new(reader)))
    }

    /// Whether its bytes were counted as they came.
    pub(super) fn counts_itself(&self) -> bool {
        matches!(self.0, Kind::Object(_))
    }

    /// The next bytes, at most as many; none at the end, and the end of an object comes only when it was verified.
    ///
    /// # Errors
    /// Of the file or the store; [`EncryptionError::NotAuthentic`].
    pub async fn read(&mut self, most: usize) -> Result<Bytes, ClientError> {
        match &mut self.0 {
            Kind::Object(object) => Ok(object.next().await?.unwrap_or_default()),
            Kind::Local(reader, path) => {
                let Some(mut open) = reader.take() else { return Ok(Bytes::new()) };
                let name = path.clone();
                // Files and pipes block.
                let done = tokio::task::spawn_blocking(move || filled(open.as_mut(), most).map(|b| (b, open))).await;
                let (bytes, open) = done
                    .map_err(io::Error::other)
                    .and_then(|done| done)
                    .map_err(|source| ClientError::File { path: name, source })?;
                if bytes.len() == most {
                    *reader = Some(open);
                }
                Ok(bytes.into())
            }
        }
    }
}

/// As many bytes as there are, up to `most`.
fn filled(reader: &mut dyn Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(most);
    reader.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An object's bytes in order: fetched in pieces side by side, decrypted where it is encrypted, verified at the end.
pub struct ObjectReader {
    pieces: BoxStream<'static, Result<Bytes, ClientError>>,
    decryptor: Option<Decryptor>,
    /// What the stored bytes must sum up to.
    checksum: Option<(Hasher, Checksum)>,
    ended: bool,
}

impl ObjectReader {
    /// Begins to read an object whose head was fetched.
    ///
    /// # Errors
    /// What [`Decryption::of`] refuses.
    pub async fn new(
        transfers: &Transfers,
        bucket: &str,
        key: &str,
        head: &ObjectHead,
        decryption: &Decryption,
    ) -> Result<Self, EncryptionError> {
        let decryptor = decryption.of(&head.attributes.metadata).await?;
        if decryptor.is_some() && head.size < OVERHEAD {
            return Err(EncryptionError::NotAuthentic);
        }
        let size = head.size;
        let (shared, bucket, key, etag) = (transfers.clone(), bucket.to_owned(), key.to_owned(), head.etag.clone());
        let fetched = stream::iter((0..size.div_ceil(PART)).map(move |piece| {
            let (shared, bucket, key, etag) = (shared.clone(), bucket.clone(), key.clone(), etag.clone());
            let range = piece * PART..size.min((piece + 1) * PART);
            // A task of its own: who waits for another piece first must not keep this one's permit.
            let fetch = tokio::spawn(async move {
                let _permit = permit(&shared.fetches).await?;
                let bytes = shared.client.get_range(&bucket, &key, &etag, range).await?;
                (shared.progress)(bytes.len() as u64);
                Ok(bytes)
            });
            async move { fetch.await.unwrap_or_else(|e| Err(ClientError::Answer(format!("the fetch ended: {e}")))) }
        }));
        let checksum = head.checksum.map(|sum| (Hasher::new(sum.algorithm()), sum));
        Ok(Self { pieces: fetched.buffered(transfers.parallel.max(1)).boxed(), decryptor, checksum, ended: false })
    }

    /// Whether what it gives is only known to be authentic at its end.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.decryptor.is_some()
    }

    /// The next bytes; `None` after the last, when all were verified.
    ///
    /// # Errors
    /// Of the store; [`EncryptionError::NotAuthentic`]; [`ClientError::Damaged`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        while !self.ended {
            let Some(piece) = self.pieces.next().await.transpose()? else {
                self.ended = true;
                return self.verified().map(|()| None);
            };
            if let Some((hasher, _)) = &mut self.checksum {
                hasher.update(&piece);
            }
            let Some(decryptor) = &mut self.decryptor else { return Ok(Some(piece)) };
            let mut plain = Vec::with_capacity(piece.len() + 16);
            decryptor.update(&piece, &mut plain)?;
            if !plain.is_empty() {
                return Ok(Some(plain.into()));
            }
        }
        Ok(None)
    }

    fn verified(&mut self) -> Result<(), ClientError> {
        // The tag first: what was tampered with should be called so.
        self.decryptor.take().map_or(Ok(()), Decryptor::finish)?;
        let Some((hasher, wanted)) = self.checksum.take() else { return Ok(()) };
        if hasher.finish() == wanted {
            return Ok(());
        }
        Err(ClientError::Damaged(format!("its {} is another", wanted.algorithm().name())))
    }
}
