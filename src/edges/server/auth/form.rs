//! A browser's form: its fields, bounded, and its file as a stream.
//!
//! Source: S3 API Reference, "POST Object": the file is the last field that counts; what follows it is not read.

use super::S3Error;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// The names and values before the file have at most this many bytes together. S3's value: 20 KB.
const MAX_FIELDS_BYTES: usize = 20 * 1024;
/// As many fields are read.
const MAX_FIELDS: usize = 100;
/// So much of the body is taken before the file begins, framing and read-ahead included.
const MAX_BEFORE_FILE: usize = 1 << 20;
/// Before the file the parser is fed pieces of this size, so that it reads ahead little.
const PIECE: usize = 4096;

/// A form up to where its file begins.
#[derive(Debug)]
pub struct PostForm {
    /// The fields before the file, in order; names in lower case, `${filename}` filled in.
    pub fields: Vec<(String, String)>,
    /// The file.
    pub file: FormFile,
}

impl PostForm {
    /// The value of a field, by its name in lower case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        find(&self.fields, name)
    }
}

/// The value of a field, by its name in lower case.
pub(super) fn find<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// The content of a form's file. It ends cleanly only at the boundary behind it.
pub struct FormFile {
    field: multer::Field<'static>,
    range: Option<(u64, u64)>,
    length: u64,
    ended: bool,
}

impl fmt::Debug for FormFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormFile").field("range", &self.range).field("length", &self.length).finish_non_exhaustive()
    }
}

impl FormFile {
    /// Refuses the file where its length, in bytes, is not in this range, ends included.
    pub fn limit(&mut self, range: Option<(u64, u64)>) {
        self.range = range;
    }

    /// The name that the browser gives the file.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    fn check_end(&self) -> Result<(), S3Error> {
        match self.range {
            Some((min, _)) if self.length < min => {
                let message = "Your proposed upload is smaller than the minimum allowed size";
                Err(S3Error::new("EntityTooSmall", message)
                    .with("ProposedSize", self.length.to_string())
                    .with("MinSizeAllowed", min.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn check_so_far(&self) -> Result<(), S3Error> {
        match self.range {
            Some((_, max)) if self.length > max => {
                let message = "Your proposed upload exceeds the maximum allowed size";
                Err(S3Error::new("EntityTooLarge", message)
                    .with("ProposedSize", self.length.to_string())
                    .with("MaxSizeAllowed", max.to_string()))
            }
            _ => Ok(()),
        }
    }
}

impl Stream for FormFile {
    type Item = Result<Bytes, S3Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let file = self.get_mut();
        if file.ended {
            return Poll::Ready(None);
        }
        let item = match std::task::ready!(file.field.poll_next_unpin(cx)) {
            Some(Ok(data)) => {
                file.length += data.len() as u64;
                Some(file.check_so_far().map(|()| data))
            }
            Some(Err(error)) => Some(Err(refused(error))),
            None => file.check_end().err().map(Err),
        };
        file.ended = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}

/// Reads a form up to its file. `content_type` is the request's header.
///
/// # Errors
/// `PreconditionFailed` for another content type, `MalformedPOSTRequest` for what is not well formed,
/// `MaxPostPreDataLengthExceeded` for too much before the file, `IncorrectNumberOfFilesInPostRequest` without one.
pub async fn read_form<S>(body: S, content_type: &str) -> Result<PostForm, S3Error>
where
    S: Stream<Item = Result<Bytes, S3Error>> + Send + Unpin + 'static,
{
    let boundary = multer::parse_boundary(content_type).map_err(refused)?;
    let at_file = Arc::new(AtomicBool::new(false));
    let paced = Paced { source: body, rest: Bytes::new(), given: 0, pause: false, at_file: Arc::clone(&at_file) };
    let mut parser = multer::Multipart::new(paced, boundary);
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut bytes = 0;
    while let Some(mut field) = parser.next_field().await.map_err(refused)? {
        let name = field.name().ok_or_else(malformed)?.to_ascii_lowercase();
        if name == "file" {
            at_file.store(true, Ordering::Relaxed);
            fill_in_file_name(&mut fields, field.file_name().unwrap_or_default());
            let file = FormFile { field, range: None, length: 0, ended: false };
            return Ok(PostForm { fields, file });
        }
        bytes += name.len();
        let mut value = Vec::new();
        while let Some(data) = field.chunk().await.map_err(refused)? {
            bytes += data.len();
            if bytes > MAX_FIELDS_BYTES {
                return Err(too_long());
            }
            value.extend_from_slice(&data);
        }
        if fields.len() >= MAX_FIELDS {
            return Err(too_long());
        }
        if find(&fields, &name).is_some() {
            return Err(super::invalid_argument(&name, "", format!("The field {name} was specified more than once.")));
        }
        let value = String::from_utf8(value)
            .map_err(|_| super::invalid_argument(&name, "", format!("The field {name} is not UTF-8.")))?;
        fields.push((name, value));
    }
    let message = "POST requires exactly one file upload per request.";
    Err(S3Error::new("IncorrectNumberOfFilesInPostRequest", message))
}

/// Fills `${filename}` in. Of a path only what follows the last slash or backslash counts.
fn fill_in_file_name(fields: &mut [(String, String)], sent: &str) {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    for (field, value) in fields {
        let is_signed_text = matches!(field.as_str(), "policy" | "signature" | "x-amz-signature");
        if !is_signed_text && value.contains("${filename}") {
            *value = value.replace("${filename}", name);
        }
    }
}

/// The body as the parser may have it: one piece at a time, since it takes whatever is ready into memory.
struct Paced<S> {
    source: S,
    rest: Bytes,
    given: usize,
    pause: bool,
    at_file: Arc<AtomicBool>,
}

impl<S: Stream<Item = Result<Bytes, S3Error>> + Unpin> Stream for Paced<S> {
    type Item = Result<Bytes, Carried>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let paced = self.get_mut();
        if std::mem::take(&mut paced.pause) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if paced.rest.is_empty() {
            match std::task::ready!(paced.source.poll_next_unpin(cx)) {
                Some(Ok(data)) => paced.rest = data,
                other => return Poll::Ready(other.map(|item| item.map_err(Carried))),
            }
        }
        paced.pause = true;
        if paced.at_file.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Ok(std::mem::take(&mut paced.rest))));
        }
        let piece = paced.rest.split_to(paced.rest.len().min(PIECE));
        paced.given += piece.len();
        let allowed = paced.given <= MAX_BEFORE_FILE;
        Poll::Ready(Some(if allowed { Ok(piece) } else { Err(Carried(too_long())) }))
    }
}

/// An error on its way through the parser.
#[derive(Debug)]
struct Carried(S3Error);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Carried {}

fn refused(error: multer::Error) -> S3Error {
    match error {
        multer::Error::StreamReadFailed(cause) => {
            cause.downcast::<Carried>().map_or_else(|_| malformed(), |carried| carried.0)
        }
        multer::Error::NoMultipart | multer::Error::DecodeContentType(_) => {
            let message = "Bucket POST must be of the enclosure-type multipart/form-data";
            S3Error::new("PreconditionFailed", message)
        }
        _ => malformed(),
    }
}

fn malformed() -> S3Error {
    let message = "The body of your POST request is not well-formed multipart/form-data.";
    S3Error::new("MalformedPOSTRequest", message)
}

fn too_long() -> S3Error {
    let message = "Your POST request fields preceding the upload file were too large.";
    S3Error::new("MaxPostPreDataLengthExceeded", message)
}
