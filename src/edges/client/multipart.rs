//! Multipart uploads.

use super::objects::{Attributes, path, queried};
use super::wire::{CHECKSUM, Call};
use super::{Client, ClientError};
use crate::edges::server::auth::{Checksum, Hasher, combine};
use bytes::Bytes;
use http::Method;
use std::fmt::Write as _;

/// The most parts of an upload.
pub const MOST_PARTS: u32 = 10_000;
/// The fewest bytes of a part that is not the last one.
pub const LEAST_PART: u64 = 5 << 20;
/// The most bytes of a part.
pub const MOST_PART: u64 = 5 << 30;

/// An upload that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadId {
    /// The bucket.
    pub bucket: String,
    /// The key of the object that it is to be.
    pub key: String,
    /// The store's name for it.
    pub id: String,
}

impl UploadId {
    fn target(&self, more: &str) -> String {
        format!("{}?{more}uploadId={}", path(&self.bucket, &self.key), queried(&self.id))
    }
}

/// A part that is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// Its bytes.
    pub size: u64,
    /// Its entity tag, with its quotes.
    pub etag: String,
    /// Its checksum, where the store lists one.
    pub checksum: Option<Checksum>,
}

impl Client {
    /// `CreateMultipartUpload`, for an object with a checksum over all of its bytes.
    ///
    /// # Errors
    /// What the store refuses; no answer.
    pub async fn create_upload(
        &self,
        bucket: &str,
        key: &str,
        attributes: &Attributes,
    ) -> Result<UploadId, ClientError> {
        let call = Call::s3(Method::POST, format!("{}?uploads=", path(bucket, key)))
            .header("x-amz-checksum-algorithm", CHECKSUM.name())?
            .header("x-amz-checksum-type", "FULL_OBJECT")?;
        let answer = self.send(&attributes.on(call)?).await?;
        Ok(UploadId { bucket: bucket.to_owned(), key: key.to_owned(), id: answer.xml()?.wanted("UploadId")? })
    }

    /// `UploadPart`, with the checksum of its bytes.
    ///
    /// # Errors
    /// What the store refuses; no answer.
    pub async fn upload_part(&self, upload: &UploadId, number: u32, body: Bytes) -> Result<Part, ClientError> {
        let (checksum, size) = (Hasher::of(CHECKSUM, &body), body.len() as u64);
        let call = Call::s3(Method::PUT, upload.target(&format!("partNumber={number}&")));
        let answer = self.send(&call.body(body, Some(&checksum.base64()))?).await?;
        let etag = answer.header("etag").ok_or_else(|| ClientError::Answer("it has no etag".to_owned()))?;
        Ok(Part { number, size, etag: etag.to_owned(), checksum: Some(checksum) })
    }

    /// All pages of `ListParts`, in order.
    ///
    /// # Errors
    /// What the store refuses, `NoSuchUpload` where it is done or gone; no answer.
    pub async fn list_parts(&self, upload: &UploadId) -> Result<Vec<Part>, ClientError> {
        let mut parts: Vec<Part> = Vec::new();
        loop {
            let marker = parts.last().map_or(0, |part| part.number);
            let call = Call::s3(Method::GET, upload.target(&format!("part-number-marker={marker}&")));
            let document = self.send(&call).await?.xml()?;
            let before = parts.len();
            for part in document.all("Part") {
                parts.push(Part {
                    number: u32::try_from(part.number("PartNumber")?).unwrap_or(u32::MAX),
                    size: part.number("Size")?,
                    etag: part.wanted("ETag")?,
                    checksum: Checksum::parse(CHECKSUM, &part.text("ChecksumCRC64NVME")),
                });
            }
            if document.text("IsTruncated") != "true" || parts.len() == before {
                return Ok(parts);
            }
        }
    }

    /// `CompleteMultipartUpload`, with the checksum of the whole object.
    ///
    /// # Errors
    /// What the store refuses; no answer.
    pub async fn complete_upload(&self, upload: &UploadId, parts: &[Part]) -> Result<(), ClientError> {
        let mut body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
        for part in parts {
            let etag = part.etag.replace('&', "&amp;").replace('<', "&lt;");
            let _ = write!(body, "<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag>", part.number);
            if let Some(checksum) = part.checksum {
                let _ = write!(body, "<ChecksumCRC64NVME>{}</ChecksumCRC64NVME>", checksum.base64());
            }
            body.push_str("</Part>");
        }
        body.push_str("</CompleteMultipartUpload>");
        let sums: Option<Vec<_>> = parts.iter().map(|p| Some((p.checksum.as_ref()?, p.size))).collect();
        let whole = sums.and_then(|sums| combine(CHECKSUM, sums));
        let mut call = Call::s3(Method::POST, upload.target("")).header("x-amz-checksum-type", "FULL_OBJECT")?;
        call = call.header("content-type", "application/xml")?;
        call = call.body(body.into(), whole.map(|sum| sum.base64()).as_deref())?;
        self.send(&call).await.map(drop)
    }

    /// `AbortMultipartUpload`; one that is gone is aborted.
    ///
    /// # Errors
    /// What the store refuses; no answer.
    pub async fn abort_upload(&self, upload: &UploadId) -> Result<(), ClientError> {
        match self.send(&Call::s3(Method::DELETE, upload.target(""))).await {
            Err(ClientError::Refused { code, .. }) if code == "NoSuchUpload" => Ok(()),
            other => other.map(drop),
        }
    }
}
