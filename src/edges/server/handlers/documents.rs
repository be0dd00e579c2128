//! Settings that are kept as the document that was put: CORS, default encryption, bucket tags.

use super::settings::change;
use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::encryption::{self, BucketEncryption};
use crate::edges::server::wire::{cors, tags};
use crate::gate::BodyFacts;
use crate::gate::operations as o;
use crate::storage::store::BucketRecord;
use bytes::Bytes;
use http::StatusCode;
use s3s::dto;

/// The name of the CORS document in a bucket's record.
pub(in crate::edges::server) const CORS: &str = "cors";
/// The name of the default encryption's document.
const ENCRYPTION: &str = "encryption";

fn document(bucket: &BucketRecord, name: &str, missing: &'static str) -> Result<Bytes, S3Error> {
    let text =
        bucket.documents.get(name).ok_or_else(|| S3Error::of(missing).with("BucketName", bucket.name.clone()))?;
    Ok(Bytes::from(text.clone()))
}

/// The document as text; XML that was parsed is UTF-8.
fn text_of(body: &[u8]) -> Result<String, S3Error> {
    String::from_utf8(body.to_vec()).map_err(|_| S3Error::malformed_xml("the document is not UTF-8"))
}

/// `GET …?cors`
pub(super) fn get_cors(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<o::GetBucketCors>(&BodyFacts::default())?;
    Ok(reply::xml_bytes(document(&bucket, CORS, "NoSuchCORSConfiguration")?))
}

/// `PUT …?cors`
pub(super) async fn put_cors(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<o::PutBucketCors>(&BodyFacts::default())?;
    let body = call.small_body().await?;
    cors::parse(&body)?;
    put(call, grant, CORS, text_of(&body)?).await?;
    Ok(reply::empty(StatusCode::OK))
}

async fn put<O: crate::storage::store::ConfiguresBucket>(
    call: &Call,
    grant: crate::gate::Authorized<O>,
    name: &'static str,
    text: String,
) -> Result<(), S3Error> {
    change(call, &grant, move |record| {
        record.documents.insert(name.to_owned(), text.clone());
    })
    .await
}

/// `DELETE …?cors`
pub(super) async fn delete_cors(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<o::DeleteBucketCors>(&BodyFacts::default())?;
    change(call, &grant, |record| {
        record.documents.remove(CORS);
    })
    .await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// The default encryption of a bucket's new objects.
///
/// # Errors
/// Where the document cannot be read, although it could when it was put.
pub(super) fn default_encryption(bucket: &BucketRecord) -> Result<Option<BucketEncryption>, S3Error> {
    bucket.documents.get(ENCRYPTION).map(|text| encryption::parse_configuration(text.as_bytes())).transpose()
}

/// `GET …?encryption`. Without a configuration every new object is SSE-S3, and S3 says so.
pub(super) fn get_encryption(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<o::GetBucketEncryption>(&BodyFacts::default())?;
    Ok(match bucket.documents.get(ENCRYPTION) {
        Some(text) => reply::xml_bytes(Bytes::from(text.clone())),
        None => reply::xml(&encryption::configuration(&BucketEncryption::default())),
    })
}

/// `PUT …?encryption`
pub(super) async fn put_encryption(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<o::PutBucketEncryption>(&BodyFacts::default())?;
    let body = call.small_body().await?;
    encryption::parse_configuration(&body)?;
    put(call, grant, ENCRYPTION, text_of(&body)?).await?;
    Ok(reply::empty(StatusCode::OK))
}

/// `DELETE …?encryption`
pub(super) async fn delete_encryption(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<o::DeleteBucketEncryption>(&BodyFacts::default())?;
    change(call, &grant, |record| {
        record.documents.remove(ENCRYPTION);
    })
    .await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET …?tagging` of a bucket.
pub(super) fn get_tagging(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<o::GetBucketTagging>(&BodyFacts::default())?;
    if bucket.tags.is_empty() {
        return Err(S3Error::of("NoSuchTagSet").with("BucketName", bucket.name.clone()));
    }
    Ok(reply::xml(&dto::GetBucketTaggingOutput { tag_set: tags::tag_set(&bucket.tags) }))
}

/// `PUT …?tagging` of a bucket.
pub(super) async fn put_tagging(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<o::PutBucketTagging>(&BodyFacts::default())?;
    let body = call.small_body().await?;
    let set = tags::parse_xml(&body, tags::MAX_BUCKET_TAGS)?;
    change(call, &grant, move |record| record.tags.clone_from(&set)).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `DELETE …?tagging` of a bucket.
pub(super) async fn delete_tagging(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<o::DeleteBucketTagging>(&BodyFacts::default())?;
    change(call, &grant, |record| record.tags.clear()).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
