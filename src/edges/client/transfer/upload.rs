//! Objects from bytes: at once where they are few, in parts where they are many.

use super::state::{Begun, Remembered};
use super::{Encryption, Identity, Source, Transfers, Uploads, permit};
use crate::edges::client::ClientError;
use crate::edges::client::encryption::{EncryptionError, Encryptor, Envelope, MOST_BYTES, OVERHEAD};
use crate::edges::client::multipart::{LEAST_PART, MOST_PART, MOST_PARTS, Part, UploadId};
use crate::edges::client::objects::Attributes;
use crate::edges::server::auth::Hasher;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, TryStreamExt as _};
use std::collections::BTreeMap;

/// What is read at once while a part fills.
const READ: usize = 1 << 20;
/// Parts grow in steps of this.
const STEP: u64 = 1 << 20;

/// Where an object is put, and how.
pub struct Target<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// What it carries.
    pub attributes: Attributes,
    /// How it is encrypted; `None` sends the bytes as they are.
    pub encryption: Option<&'a Encryption>,
    /// Bytes of a part, at least; parts grow where there would be too many.
    pub part_size: u64,
    /// Bytes of the source, where they are known.
    pub size: Option<u64>,
    /// The source's identity and where its upload is remembered; `None` for what cannot go on.
    pub resume: Option<(&'a Identity, &'a Uploads)>,
}

/// Puts an object. Nothing of it is seen before it is whole.
///
/// # Errors
/// Of the source, the store, the keyring; [`EncryptionError::TooLong`]. An upload that can go on later is kept, every
/// other one is aborted.
pub async fn upload(transfers: &Transfers, source: Source, target: Target<'_>) -> Result<(), ClientError> {
    let overhead = if target.encryption.is_some() { OVERHEAD } else { 0 };
    if target.encryption.is_some() && target.size.is_some_and(|size| size > MOST_BYTES) {
        return Err(EncryptionError::TooLong.into());
    }
    let part_size = fitting(target.part_size, target.size.unwrap_or_default() + overhead)?;
    let fits_at_once = target.size.is_some_and(|size| size + overhead <= part_size);
    let remembered = match target.resume {
        Some((identity, uploads)) if !fits_at_once => {
            let place = format!("{}/{}/{}", transfers.client.endpoint().url(), target.bucket, target.key);
            uploads.open(&identity.path, &place)?
        }
        _ => None,
    };
    let mut work = Work { transfers, target, remembered };
    let stale = match work.earlier().await? {
        Earlier::Usable(begun, parts, encryptor) => {
            let cutter = Cutter::new(source, encryptor.map(|it| *it), begun.part_size);
            return work.go_on(&begun.upload_id, cutter, parts).await;
        }
        Earlier::Stale(upload) => Some(upload),
        Earlier::None => None,
    };
    // The new data key first: where the key service is away, nothing was lost.
    let encryptor = work.encryptor().await?;
    if let Some(upload) = stale {
        // Best effort: what stays behind is what the bucket's lifecycle ends.
        let _ = transfers.client.abort_upload(&upload).await;
    }
    work.begin(Cutter::new(source, encryptor, part_size), part_size).await
}

/// The least size of parts, from the wanted one upwards, of which the most are enough.
fn fitting(wanted: u64, whole: u64) -> Result<u64, ClientError> {
    let size = wanted.max(LEAST_PART).max(whole.div_ceil(u64::from(MOST_PARTS)).next_multiple_of(STEP));
    if size > MOST_PART {
        return Err(ClientError::Setting(format!("an object of {whole} bytes is too large for S3")));
    }
    Ok(size)
}

struct Work<'a> {
    transfers: &'a Transfers,
    target: Target<'a>,
    remembered: Option<Remembered>,
}

/// What became of an earlier try.
enum Earlier {
    /// There was none that is remembered.
    None,
    /// It was of something else, or cannot go on.
    Stale(UploadId),
    /// It goes on: what it was begun as, the parts that are there, and the same encryption again.
    Usable(Box<Begun>, BTreeMap<u32, Part>, Option<Box<Encryptor>>),
}

impl Work<'_> {
    async fn encryptor(&mut self) -> Result<Option<Encryptor>, ClientError> {
        let Some(encryption) = self.target.encryption else { return Ok(None) };
        let encryptor = Encryptor::new(encryption.keyring.as_ref(), &encryption.context).await?;
        self.target.attributes.metadata.extend(encryptor.envelope.metadata());
        Ok(Some(encryptor))
    }

    /// The upload that was interrupted, where there is one that still is what is wanted.
    async fn earlier(&mut self) -> Result<Earlier, ClientError> {
        let Some(begun) = self.remembered.as_mut().and_then(Remembered::read) else { return Ok(Earlier::None) };
        let id = self.id(&begun.upload_id);
        if !self.same(&begun) {
            return Ok(Earlier::Stale(id));
        }
        // Whoever may encrypt need not be one who may decrypt.
        let Ok(encryptor) = self.encryptor_again(&begun).await else { return Ok(Earlier::Stale(id)) };
        let parts = match self.transfers.client.list_parts(&id).await {
            Err(error) if error.code() == Some("NoSuchUpload") => return Ok(Earlier::None),
            listed => listed?.into_iter().map(|part| (part.number, part)).collect(),
        };
        self.target.attributes = begun.attributes.clone();
        Ok(Earlier::Usable(Box::new(begun), parts, encryptor.map(Box::new)))
    }

    /// Whether the source and all that the object carries, save for its own data key, are what they were.
    fn same(&self, begun: &Begun) -> bool {
        let own = Envelope::read(&begun.attributes.metadata).ok();
        let (mut plain, envelope) = (begun.attributes.clone(), own.map(|e| e.metadata()).unwrap_or_default());
        plain.metadata.retain(|name, _| !envelope.contains_key(name));
        let of_source = self.target.resume.is_some_and(|(identity, _)| *identity == begun.source);
        of_source && plain == self.target.attributes && envelope.is_empty() == self.target.encryption.is_none()
    }

    async fn encryptor_again(&self, begun: &Begun) -> Result<Option<Encryptor>, EncryptionError> {
        let Some(encryption) = self.target.encryption else { return Ok(None) };
        let envelope = Envelope::read(&begun.attributes.metadata)?;
        let context = &envelope.wrapped.context;
        let same_context = encryption.context.iter().all(|(name, value)| context.get(name) == Some(value));
        if !same_context {
            return Err(EncryptionError::OtherContext);
        }
        Encryptor::again(encryption.keyring.as_ref(), &envelope).await.map(Some)
    }

    fn id(&self, id: &str) -> UploadId {
        UploadId { bucket: self.target.bucket.to_owned(), key: self.target.key.to_owned(), id: id.to_owned() }
    }

    async fn begin(mut self, mut cutter: Cutter, part_size: u64) -> Result<(), ClientError> {
        let client = &self.transfers.client;
        let permit = permit(&self.transfers.sends).await?;
        let first = cutter.next().await?.unwrap_or_default();
        if cutter.ended && cutter.rest.is_empty() {
            self.unchanged()?;
            let (target, size) = (&self.target, first.len() as u64);
            client.put_object(target.bucket, target.key, &target.attributes, first).await?;
            self.came(&cutter, size);
            self.forget();
            return Ok(());
        }
        // It is read again with the rest: at most one piece waits outside of the count.
        drop(permit);
        cutter.give_back(first);
        let upload = client.create_upload(self.target.bucket, self.target.key, &self.target.attributes).await?;
        if let (Some(remembered), Some((identity, _))) = (&mut self.remembered, self.target.resume) {
            let attributes = self.target.attributes.clone();
            remembered.write(&Begun::new(&upload.id, part_size, identity.clone(), attributes))?;
        }
        self.go_on(&upload.id, cutter, BTreeMap::new()).await
    }

    /// Sends the parts that are not there yet, and completes.
    async fn go_on(mut self, id: &str, cutter: Cutter, there: BTreeMap<u32, Part>) -> Result<(), ClientError> {
        let upload = self.id(id);
        let client = self.transfers.client.clone();
        let passing = self.remembered.is_none();
        if passing {
            self.transfers.open().push(upload.clone());
        }
        let done = match self.parts(&upload, cutter, there).await.and_then(|p| self.unchanged().map(|()| p)) {
            Ok(parts) => client.complete_upload(&upload, &parts).await,
            Err(error) => Err(error),
        };
        let hopeless = match &done {
            Ok(()) => true,
            Err(ClientError::SourceChanged(_) | ClientError::Encryption(_) | ClientError::Damaged(_)) => true,
            Err(_) => self.remembered.is_none(),
        };
        if done.is_err() && hopeless {
            let _ = client.abort_upload(&upload).await;
        }
        if hopeless {
            self.forget();
        }
        if passing {
            self.transfers.open().retain(|other| *other != upload);
        }
        done
    }

    async fn parts(
        &self,
        upload: &UploadId,
        cutter: Cutter,
        there: BTreeMap<u32, Part>,
    ) -> Result<Vec<Part>, ClientError> {
        let transfers = self.transfers;
        let local = !cutter.counts_itself();
        let cut = stream::try_unfold((cutter, 1_u32), |(mut cutter, number)| async move {
            let permit = permit(&transfers.sends).await?;
            if cutter.ended && cutter.rest.is_empty() {
                return Ok(None);
            }
            if number > MOST_PARTS {
                let why = format!("it needs more than {MOST_PARTS} parts; give a larger part size");
                return Err(ClientError::Setting(why));
            }
            let body = cutter.next().await?.unwrap_or_default();
            Ok(Some(((number, body, permit), (cutter, number + 1))))
        });
        let there = &there;
        let sent = cut.map_ok(|(number, body, permit)| async move {
            let size = body.len() as u64;
            let part = match there.get(&number) {
                Some(part) => kept(part, &body, upload)?,
                None => None,
            };
            let part = match part {
                Some(part) => part,
                None => {
                    let part = transfers.client.upload_part(upload, number, body).await?;
                    transfers.interrupt("cp.part_sent")?;
                    part
                }
            };
            if local {
                (transfers.progress)(size);
            }
            drop(permit);
            Ok(part)
        });
        let mut parts: Vec<Part> = sent.try_buffer_unordered(transfers.parallel).try_collect().await?;
        parts.sort_unstable_by_key(|part| part.number);
        Ok(parts)
    }

    fn forget(&mut self) {
        if let Some(remembered) = self.remembered.take() {
            remembered.forget();
        }
    }

    fn came(&self, cutter: &Cutter, bytes: u64) {
        if !cutter.counts_itself() {
            (self.transfers.progress)(bytes);
        }
    }

    fn unchanged(&self) -> Result<(), ClientError> {
        self.target.resume.map_or(Ok(()), |(identity, _)| identity.same_still())
    }
}

/// A part that is there already, where it is the one that would be sent. One of other bytes means that the source
/// changed although it looks the same: going on would encrypt two texts under one key.
fn kept(there: &Part, body: &Bytes, upload: &UploadId) -> Result<Option<Part>, ClientError> {
    let Some(known) = there.checksum else { return Ok(None) };
    if there.size == body.len() as u64 && Hasher::of(known.algorithm(), body) == known {
        return Ok(Some(there.clone()));
    }
    Err(ClientError::SourceChanged(format!("the source of s3://{}/{}", upload.bucket, upload.key)))
}

/// Cuts a source into parts, encrypted on the way.
struct Cutter {
    source: Source,
    encryptor: Option<Encryptor>,
    part_size: usize,
    /// What is ready and fills no part yet.
    rest: BytesMut,
    /// Whether the source gave its last bytes.
    ended: bool,
}

impl Cutter {
    fn new(source: Source, encryptor: Option<Encryptor>, part_size: u64) -> Self {
        let part_size = usize::try_from(part_size).unwrap_or(usize::MAX);
        Self { source, encryptor, part_size, rest: BytesMut::new(), ended: false }
    }

    fn counts_itself(&self) -> bool {
        self.source.counts_itself()
    }

    fn give_back(&mut self, part: Bytes) {
        let later = std::mem::replace(&mut self.rest, BytesMut::from(part));
        self.rest.unsplit(later);
    }

    /// The next part: all but the last are full. `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        // One byte more than a part tells whether it is the last.
        while !self.ended && self.rest.len() <= self.part_size {
            let bytes = self.source.read(READ).await?;
            if bytes.is_empty() {
                self.ended = true;
                self.rest.extend(self.encryptor.take().map(Encryptor::finish).into_iter().flatten());
                break;
            }
            let from = self.rest.len();
            self.rest.extend_from_slice(&bytes);
            if let Some(encryptor) = &mut self.encryptor {
                encryptor.update(self.rest.get_mut(from..).unwrap_or_default())?;
            }
        }
        // The end is said with the last part, not behind it.
        if self.rest.is_empty() {
            return Ok(None);
        }
        let full = self.rest.len().min(self.part_size);
        let more = self.rest.len() > self.part_size;
        let part = self.rest.split_to(full).freeze();
        debug_assert!(more || self.ended, "a part that is not full is the last");
        Ok(Some(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn cut(bytes: usize, part_size: u64) -> Vec<usize> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let source = Source::local(std::io::Cursor::new(vec![7; bytes]), PathBuf::from("-"));
        let mut cutter = Cutter::new(source, None, part_size);
        runtime.block_on(async {
            let mut sizes = Vec::new();
            while let Some(part) = cutter.next().await.expect("memory") {
                sizes.push(part.len());
            }
            assert!(cutter.ended);
            sizes
        })
    }

    #[test]
    fn parts_are_full_save_for_the_last() {
        assert_eq!(cut(0, 10), [0; 0]);
        assert_eq!(cut(10, 10), [10]);
        assert_eq!(cut(11, 10), [10, 1]);
        assert_eq!(cut(20, 10), [10, 10]);
        let long = 3 << 20;
        assert_eq!(cut(long, 1 << 20), [1 << 20; 3]);
        assert_eq!(cut(long + 5, 2 << 20), [2 << 20, (1 << 20) + 5]);
    }

    #[test]
    fn parts_grow_with_the_object() {
        let mib = 1 << 20;
        assert_eq!(fitting(8 * mib, 0).expect("small"), 8 * mib);
        assert_eq!(fitting(mib, 0).expect("small"), LEAST_PART, "the least that S3 takes");
        assert_eq!(fitting(8 * mib, 80_000 * mib).expect("just"), 8 * mib);
        assert_eq!(fitting(8 * mib, 80_000 * mib + 1).expect("larger"), 9 * mib);
        assert!(fitting(8 * mib, u64::MAX / 2).is_err());
    }
}
