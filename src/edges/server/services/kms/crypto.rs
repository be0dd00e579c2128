//! What keys are for.

use super::wire::{Blob, SentContext, answer, base64, check_tokens, input, invalid, no_recipient, unsupported};
use crate::edges::server::kms::{Found, Named};
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::gate::services::kms as o;
use crate::simulate::world::ContextKeys;
use crate::storage::sealing::Ciphertext;
use crate::storage::store::StoreError;
use crate::storage::store::kms::MaterialRecord;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The algorithm of symmetric keys, in KMS's words.
const ALGORITHM: &str = "SYMMETRIC_DEFAULT";
const LONGEST_PLAINTEXT: usize = 4096;
const LONGEST_CIPHERTEXT: usize = 6144;

/// What the store says of keys, in KMS's words.
fn failed(error: StoreError) -> ServiceError {
    match error {
        StoreError::InvalidCiphertext => invalid_ciphertext(),
        other => other.into(),
    }
}

fn invalid_ciphertext() -> ServiceError {
    let message = "The ciphertext was changed, or sealed in another encryption context, or is none of this service.";
    ServiceError::bad("InvalidCiphertextException", message)
}

fn check_algorithm(name: Option<&str>) -> Result<(), ServiceError> {
    match name.filter(|name| *name != ALGORITHM) {
        None => Ok(()),
        Some(other) => {
            let message = format!("EncryptionAlgorithm {other} is not one of this key's: {ALGORITHM}.");
            Err(ServiceError::bad("InvalidKeyUsageException", message))
        }
    }
}

fn algorithm_key() -> ContextKeys {
    vec![("kms:EncryptionAlgorithm".to_owned(), vec![ALGORITHM.to_owned()])]
}

/// The answer to a request that only asks whether it would be done.
pub(super) fn dry_run(asked: Option<bool>) -> Result<(), ServiceError> {
    if asked != Some(true) {
        return Ok(());
    }
    Err(ServiceError::bad(
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    ))
}

/// Authorizes a use of one key. Those who may not are told so before the key's state is.
async fn may_use<O: o::UsesKey>(
    call: &ServiceCall,
    found: &Found,
    brings: ContextKeys,
    context: SentContext,
) -> Result<o::KeyUse<O>, ServiceError> {
    let mut all = found.brings();
    all.extend(brings);
    let subject = call.subject("key", &found.key, O::ROW.name, all);
    call.authorize_use::<O>(vec![(subject, context.0)]).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Encrypt {
    key_id: String,
    plaintext: Blob,
    #[serde(default)]
    encryption_context: SentContext,
    #[serde(default)]
    grant_tokens: Vec<String>,
    encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

pub(super) async fn encrypt(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Encrypt = input(call)?;
    let plain = asked.plaintext.within("plaintext", LONGEST_PLAINTEXT)?;
    check_algorithm(asked.encryption_algorithm.as_deref())?;
    check_tokens(call, &asked.grant_tokens)?;
    let found = call.found::<o::Encrypt>(&asked.key_id, Named::Anyhow).await?;
    let proof = may_use::<o::Encrypt>(call, &found, algorithm_key(), asked.encryption_context).await?;
    let key = found.key.usable()?;
    dry_run(asked.dry_run)?;
    let blob = key.seal(&proof, plain).map_err(failed)?;
    Ok(answer(&json!({
        "CiphertextBlob": base64(&blob), "KeyId": found.key.arn, "EncryptionAlgorithm": ALGORITHM,
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Decrypt {
    ciphertext_blob: Option<Blob>,
    #[serde(default)]
    encryption_context: SentContext,
    #[serde(default)]
    grant_tokens: Vec<String>,
    key_id: Option<String>,
    encryption_algorithm: Option<String>,
    recipient: Option<Value>,
    dry_run: Option<bool>,
    dry_run_modifiers: Option<Vec<String>>,
}

/// The key that a ciphertext names, or the one that the request names; both must be the same.
async fn key_behind<O: o::UsesKey>(
    call: &ServiceCall,
    sealed: &Ciphertext<'_>,
    named: Option<&str>,
) -> Result<Found, ServiceError> {
    if let Some(given) = named {
        return call.found::<O>(given, Named::Anyhow).await;
    }
    // Whether there ever was such a key is for those to learn who might use one of that name.
    call.found::<O>(sealed.key, Named::ByKey).await.map_err(|error| match &*error.code {
        "NotFoundException" => ServiceError::access_denied(
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or \
             you are not allowed to access.",
        ),
        // The name in it is none: it was changed.
        "InvalidArnException" => invalid_ciphertext(),
        _ => error,
    })
}

fn same_key(sealed: &Ciphertext<'_>, found: &Found) -> Result<(), ServiceError> {
    if sealed.key == found.key.arn {
        return Ok(());
    }
    let message = "The key ID in the request does not identify a CMK that can perform this operation.";
    Err(ServiceError::bad("IncorrectKeyException", message))
}

pub(super) async fn decrypt(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Decrypt = input(call)?;
    no_recipient(asked.recipient.as_ref())?;
    refuse_modifiers(asked.dry_run_modifiers.as_ref())?;
    let blob = asked.ciphertext_blob.ok_or_else(|| invalid("'ciphertextBlob' is missing."))?;
    let blob = blob.within("ciphertextBlob", LONGEST_CIPHERTEXT)?;
    check_algorithm(asked.encryption_algorithm.as_deref())?;
    check_tokens(call, &asked.grant_tokens)?;
    let sealed = Ciphertext::read(blob).ok_or_else(invalid_ciphertext)?;
    let found = key_behind::<o::Decrypt>(call, &sealed, asked.key_id.as_deref()).await?;
    let proof = may_use::<o::Decrypt>(call, &found, algorithm_key(), asked.encryption_context).await?;
    let key = found.key.usable()?;
    same_key(&sealed, &found)?;
    let plain = key.open(&proof, &sealed).map_err(failed)?;
    dry_run(asked.dry_run)?;
    let text = Zeroizing::new(base64(&plain));
    Ok(answer(&json!({
        "KeyId": found.key.arn,
        "Plaintext": *text,
        "EncryptionAlgorithm": ALGORITHM,
        "KeyMaterialId": material_id(&found, sealed.version),
    })))
}

fn refuse_modifiers(modifiers: Option<&Vec<String>>) -> Result<(), ServiceError> {
    match modifiers.and_then(|list| list.first()) {
        None => Ok(()),
        Some(name) => Err(unsupported(&format!("DryRunModifiers {name}"))),
    }
}

fn material_id(found: &Found, version: u32) -> Option<String> {
    found.key.record.materials.iter().find(|m| m.version == version).map(MaterialRecord::shown_id)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ReEncrypt {
    ciphertext_blob: Option<Blob>,
    #[serde(default)]
    source_encryption_context: SentContext,
    source_key_id: Option<String>,
    destination_key_id: String,
    #[serde(default)]
    destination_encryption_context: SentContext,
    source_encryption_algorithm: Option<String>,
    destination_encryption_algorithm: Option<String>,
    #[serde(default)]
    grant_tokens: Vec<String>,
    dry_run: Option<bool>,
    dry_run_modifiers: Option<Vec<String>>,
}

pub(super) async fn re_encrypt(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: ReEncrypt = input(call)?;
    refuse_modifiers(asked.dry_run_modifiers.as_ref())?;
    let blob = asked.ciphertext_blob.ok_or_else(|| invalid("'ciphertextBlob' is missing."))?;
    let blob = blob.within("ciphertextBlob", LONGEST_CIPHERTEXT)?;
    check_algorithm(asked.source_encryption_algorithm.as_deref())?;
    check_algorithm(asked.destination_encryption_algorithm.as_deref())?;
    check_tokens(call, &asked.grant_tokens)?;
    let sealed = Ciphertext::read(blob).ok_or_else(invalid_ciphertext)?;
    let from = key_behind::<o::ReEncrypt>(call, &sealed, asked.source_key_id.as_deref()).await?;
    let to = call.found::<o::ReEncrypt>(&asked.destination_key_id, Named::Anyhow).await?;
    let brings = |found: &Found| {
        let same = ("kms:ReEncryptOnSameKey".to_owned(), vec![(from.key.arn == to.key.arn).to_string()]);
        found.brings().into_iter().chain(algorithm_key()).chain([same]).collect()
    };
    let proof = call
        .authorize_use::<o::ReEncrypt>(vec![
            (call.subject("source", &from.key, "ReEncryptFrom", brings(&from)), asked.source_encryption_context.0),
            (call.subject("destination", &to.key, "ReEncryptTo", brings(&to)), asked.destination_encryption_context.0),
        ])
        .await?;
    let (from_key, to_key) = (from.key.usable()?, to.key.usable()?);
    same_key(&sealed, &from)?;
    let plain = from_key.open(&proof, &sealed).map_err(failed)?;
    dry_run(asked.dry_run)?;
    let blob = to_key.seal(&proof, &plain).map_err(failed)?;
    Ok(answer(&json!({
        "CiphertextBlob": base64(&blob),
        "SourceKeyId": from.key.arn,
        "KeyId": to.key.arn,
        "SourceEncryptionAlgorithm": ALGORITHM,
        "DestinationEncryptionAlgorithm": ALGORITHM,
        "SourceKeyMaterialId": material_id(&from, sealed.version),
        "DestinationKeyMaterialId": to.key.record.current().map(MaterialRecord::shown_id),
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DataKey {
    key_id: String,
    #[serde(default)]
    encryption_context: SentContext,
    number_of_bytes: Option<u64>,
    key_spec: Option<String>,
    #[serde(default)]
    grant_tokens: Vec<String>,
    recipient: Option<Value>,
    dry_run: Option<bool>,
}

/// How many bytes of key a request wants.
fn wanted_length(number: Option<u64>, spec: Option<&str>) -> Result<usize, ServiceError> {
    match (number, spec) {
        (None, Some("AES_256")) => Ok(32),
        (None, Some("AES_128")) => Ok(16),
        (None, Some(other)) => Err(invalid(format!("'keySpec' cannot be {other}: it is AES_256 or AES_128."))),
        (Some(number), None) => length(number),
        _ => Err(invalid("Please specify either number of bytes or key spec.")),
    }
}

fn length(number: u64) -> Result<usize, ServiceError> {
    let length = usize::try_from(number).ok().filter(|n| (1..=1024).contains(n));
    length.ok_or_else(|| invalid("'numberOfBytes' must be from 1 to 1024."))
}

fn random(length: usize) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ServiceError::internal())?;
    Ok(bytes)
}

async fn data_key<O: o::SealsUnderKey>(
    call: &ServiceCall,
) -> Result<(Zeroizing<Vec<u8>>, serde_json::Map<String, Value>), ServiceError> {
    let asked: DataKey = input(call)?;
    no_recipient(asked.recipient.as_ref())?;
    let length = wanted_length(asked.number_of_bytes, asked.key_spec.as_deref())?;
    check_tokens(call, &asked.grant_tokens)?;
    let found = call.found::<O>(&asked.key_id, Named::Anyhow).await?;
    let proof = may_use::<O>(call, &found, Vec::new(), asked.encryption_context).await?;
    let key = found.key.usable()?;
    dry_run(asked.dry_run)?;
    let plain = random(length)?;
    let blob = key.seal(&proof, &plain).map_err(failed)?;
    let mut members = serde_json::Map::new();
    members.insert("CiphertextBlob".to_owned(), base64(&blob).into());
    members.insert("KeyId".to_owned(), found.key.arn.clone().into());
    members.insert("KeyMaterialId".to_owned(), found.key.record.current().map(MaterialRecord::shown_id).into());
    Ok((plain, members))
}

pub(super) async fn generate_data_key(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let (plain, mut members) = data_key::<o::GenerateDataKey>(call).await?;
    members.insert("Plaintext".to_owned(), base64(&plain).into());
    Ok(answer(&members.into()))
}

pub(super) async fn generate_sealed_data_key(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let (_, members) = data_key::<o::GenerateDataKeyWithoutPlaintext>(call).await?;
    Ok(answer(&members.into()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Random {
    number_of_bytes: Option<u64>,
    custom_key_store_id: Option<String>,
    recipient: Option<Value>,
}

pub(super) async fn generate_random(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Random = input(call)?;
    no_recipient(asked.recipient.as_ref())?;
    if asked.custom_key_store_id.is_some() {
        return Err(unsupported("A custom key store"));
    }
    let number = asked.number_of_bytes.ok_or_else(|| invalid("'numberOfBytes' is missing."))?;
    let length = length(number)?;
    call.authorize::<o::GenerateRandom>(&[]).await?;
    Ok(answer(&json!({"Plaintext": base64(&random(length)?)})))
}
