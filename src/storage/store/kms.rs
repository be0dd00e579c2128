//! Keys of the key service: their documents, their material, and what they seal.
//!
//! What a key does, it does only with a [`KeyUse`]: the gate's proof that it may be used in an encryption context,
//! which is then the one that is authenticated. Absent here: who may use a key, and whether it is enabled.

use super::Store;
use super::content::new_id;
use super::entities::{Entity, EntityTransaction, Kept};
use super::error::StoreError;
use crate::decision::KeyGrant;
use crate::gate::services::kms::{Decrypt, EncryptionContext, GenerateDataKey, KeyUse, OpensUnderKey, SealsUnderKey};
use crate::gate::{Authorized, Operation};
use crate::storage::sealing::{BlobId, Ciphertext, DataKey, Envelope, FreshKey, KeyMaterial, Layers, SealError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use zeroize::Zeroizing;

const DAY_MS: i64 = 86_400_000;
/// Documents of one transaction.
const BATCH: usize = 100;

/// What a key may be used for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// Everything.
    Enabled,
    /// Nothing that uses its material.
    Disabled,
    /// Nothing: it is deleted at this time, in milliseconds since 1970, unless that is cancelled.
    PendingDeletion(i64),
}

/// Why there is a version of material.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaterialOrigin {
    /// It came with the key.
    Created,
    /// By the key's period.
    Automatic,
    /// Somebody asked for it.
    OnDemand,
}

/// A version of a key's material, as it lies on disk: sealed under the key ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterialRecord {
    /// From 1 upwards.
    pub version: u32,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Why.
    pub origin: MaterialOrigin,
    id: BlobId,
    envelope: Envelope,
}

impl MaterialRecord {
    /// Its id as answers show it: 64 hexadecimal digits. It says nothing of the material.
    #[must_use]
    pub fn shown_id(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.id.as_bytes());
        let mut text = String::with_capacity(64);
        for byte in digest.as_ref() {
            write!(text, "{byte:02x}").expect("a text takes what is written");
        }
        text
    }
}

/// Automatic rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Days from one rotation to the next.
    pub period_days: u32,
    /// The next one, in milliseconds since 1970.
    pub next_ms: i64,
}

/// A key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its region.
    pub region: String,
    /// What its owner says of it.
    #[serde(default)]
    pub description: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// The service that made it and manages it, such as `s3`; `None`: a customer's.
    #[serde(default)]
    pub managed_by: Option<String>,
    /// What it may be used for.
    pub state: KeyState,
    /// Its policy, as it was put. A key without one allows nobody anything.
    #[serde(default)]
    pub policy: Option<String>,
    /// The users, roles and sessions of this server's accounts that the policy names, by ARN, with the unique ids that
    /// they had when it was put; without one, none had the name. `None`: they were not looked up yet.
    #[serde(default)]
    pub policy_principals: Option<Vec<(String, Option<String>)>>,
    /// Its tags, in the order they were put.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    /// Its automatic rotation; `None`: it has none.
    #[serde(default)]
    pub rotation: Option<Rotation>,
    /// The versions of its material, ascending, at least one. None is ever taken away.
    pub materials: Vec<MaterialRecord>,
}

impl Entity for KeyRecord {
    const KIND: &'static str = "kms/key";
}

impl KeyRecord {
    /// The version that seals what is new.
    #[must_use]
    pub fn current(&self) -> Option<&MaterialRecord> {
        self.materials.last()
    }

    /// Adds a version of material.
    ///
    /// # Errors
    /// [`StoreError::Io`] where there is no randomness.
    pub fn rotate(&mut self, store: &Store, origin: MaterialOrigin, now_ms: i64) -> Result<(), StoreError> {
        let version = self.current().map_or(0, |material| material.version).saturating_add(1);
        self.materials.push(store.new_material(version, origin, now_ms)?);
        Ok(())
    }
}

/// Another name of a key; its id is the name with `alias/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasRecord {
    /// The key's region.
    pub region: String,
    /// The id of the key, in the same account.
    pub key: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last pointed at a key, likewise.
    pub updated_ms: i64,
}

impl Entity for AliasRecord {
    const KIND: &'static str = "kms/alias";
}

/// A grant of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// The id of the key, in the same account.
    pub key: String,
    /// Its name, which makes creating it again harmless.
    #[serde(default)]
    pub name: Option<String>,
    /// Who may: an ARN, an account or a service.
    pub grantee: String,
    /// Who may give it up beside the account.
    #[serde(default)]
    pub retiring: Option<String>,
    /// The users, roles and sessions of this server's accounts among these two, as in
    /// [`KeyRecord::policy_principals`].
    #[serde(default)]
    pub principals: Option<Vec<(String, Option<String>)>>,
    /// The operations.
    pub operations: Vec<String>,
    /// The encryption context must be exactly this.
    #[serde(default)]
    pub context_equals: Option<Vec<(String, String)>>,
    /// The encryption context must include this.
    #[serde(default)]
    pub context_subset: Option<Vec<(String, String)>>,
    /// The ARN of the account's root user that it was made under.
    pub issuing_account: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// What names it to whoever was given it.
    pub token: String,
}

impl Entity for GrantRecord {
    const KIND: &'static str = "kms/grant";
}

impl GrantRecord {
    /// What one of its principals is told by: the unique id that was looked up, which nobody has where none had the
    /// name; else the name.
    #[must_use]
    pub fn told_by<'n>(&'n self, name: &'n str) -> &'n str {
        let known = self.principals.as_ref().and_then(|known| known.iter().find(|(arn, _)| arn == name));
        known.map_or(name, |(_, id)| id.as_deref().unwrap_or_default())
    }

    /// As decisions read it.
    #[must_use]
    pub fn for_decisions(&self) -> KeyGrant {
        KeyGrant {
            grantee: self.told_by(&self.grantee).to_owned(),
            operations: self.operations.clone(),
            context_equals: self.context_equals.clone(),
            context_subset: self.context_subset.clone(),
        }
    }
}

/// A key's ARN.
#[must_use]
pub fn key_arn(region: &str, account: &str, id: &str) -> String {
    format!("arn:aws:kms:{region}:{account}:key/{id}")
}

/// A key, opened. What it does, it does for a [`KeyUse`] of its own ARN.
pub struct OpenKey {
    arn: String,
    materials: BTreeMap<u32, KeyMaterial>,
}

impl OpenKey {
    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    fn newest(&self) -> Result<(u32, &KeyMaterial), StoreError> {
        let newest = self.materials.last_key_value().map(|(version, material)| (*version, material));
        newest.ok_or_else(|| StoreError::damaged(format!("{} has no material", self.arn)))
    }

    /// The encryption context of a proof, if it is one for this key.
    fn context<'u, O: crate::gate::services::kms::UsesKey>(
        &self,
        proof: &'u KeyUse<O>,
        on: &'static str,
    ) -> Result<&'u EncryptionContext, StoreError> {
        if proof.key(on) != Some(&self.arn) {
            return Err(StoreError::WrongGrant);
        }
        proof.context(on).ok_or(StoreError::WrongGrant)
    }

    /// Seals a small plaintext.
    ///
    /// # Errors
    /// [`StoreError::WrongGrant`] if the proof is for another key; [`StoreError::Io`].
    pub fn seal<O: SealsUnderKey>(&self, proof: &KeyUse<O>, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let context = self.context(proof, O::ON)?.canonical();
        let (version, material) = self.newest()?;
        Ok(material.seal(&self.arn, version, &context, plain)?)
    }

    /// Opens a ciphertext.
    ///
    /// # Errors
    /// [`StoreError::WrongGrant`] if the proof is for another key; [`StoreError::InvalidCiphertext`].
    pub fn open<O: OpensUnderKey>(
        &self,
        proof: &KeyUse<O>,
        sealed: &Ciphertext<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let context = self.context(proof, O::ON)?.canonical();
        if sealed.key != self.arn {
            return Err(StoreError::InvalidCiphertext);
        }
        let material = self.materials.get(&sealed.version).ok_or(StoreError::InvalidCiphertext)?;
        material.open(sealed, &context).map_err(|error| match error {
            SealError::TamperedCiphertext => StoreError::InvalidCiphertext,
            other => other.into(),
        })
    }

    fn bound(&self, context: &EncryptionContext) -> Vec<u8> {
        let length = u32::try_from(self.arn.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&length[..], self.arn.as_bytes(), &context.canonical()].concat()
    }

    /// What seals an object's data keys, once or twice over.
    ///
    /// # Errors
    /// [`StoreError::WrongGrant`] if the proof is for another key.
    pub fn for_writing(
        self: &Arc<Self>,
        proof: &KeyUse<GenerateDataKey>,
        layers: Layers,
    ) -> Result<ObjectKey, StoreError> {
        let bound = self.bound(self.context(proof, GenerateDataKey::ON)?);
        Ok(ObjectKey { key: Arc::clone(self), bound: bound.into(), layers })
    }

    /// What opens an object's data keys.
    ///
    /// # Errors
    /// [`StoreError::WrongGrant`] if the proof is for another key.
    pub fn for_reading(self: &Arc<Self>, proof: &KeyUse<Decrypt>) -> Result<ObjectUnlock, StoreError> {
        let bound = self.bound(self.context(proof, Decrypt::ON)?);
        Ok(ObjectUnlock { key: Arc::clone(self), bound: bound.into() })
    }

    /// As [`Self::for_reading`], for the store's own check of what it keeps: no byte leaves it.
    pub(super) fn for_scrubbing(self: &Arc<Self>, context: &EncryptionContext) -> ObjectUnlock {
        ObjectUnlock { key: Arc::clone(self), bound: self.bound(context).into() }
    }
}

impl std::fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenKey").field("arn", &self.arn).finish_non_exhaustive()
    }
}

/// The right to seal objects under a key. Only [`OpenKey::for_writing`] makes one.
#[derive(Clone, Debug)]
pub struct ObjectKey {
    key: Arc<OpenKey>,
    bound: Arc<[u8]>,
    layers: Layers,
}

impl ObjectKey {
    pub(super) fn arn(&self) -> &str {
        &self.key.arn
    }

    pub(super) fn layers(&self) -> Layers {
        self.layers
    }

    pub(super) fn seal_new(&self, blob: BlobId) -> Result<(FreshKey, Envelope), StoreError> {
        let (version, material) = self.key.newest()?;
        Ok(material.seal_new(blob, version, &self.bound, self.layers)?)
    }
}

/// The right to open what is sealed under a key in an encryption context. Only [`OpenKey::for_reading`] makes one,
/// with the gate's proof that its bearer may decrypt; what is sealed so opens with nothing else.
#[derive(Clone, Debug)]
pub struct ObjectUnlock {
    key: Arc<OpenKey>,
    bound: Arc<[u8]>,
}

impl ObjectUnlock {
    pub(super) fn arn(&self) -> &str {
        &self.key.arn
    }

    pub(super) fn open_key(&self, blob: BlobId, material: u32, envelope: &Envelope) -> Result<DataKey, StoreError> {
        let version = self.key.materials.get(&material);
        let missing = || StoreError::damaged(format!("{} has no material {material}", self.key.arn));
        Ok(version.ok_or_else(missing)?.open_key(blob, envelope, &self.bound)?)
    }
}

impl Store {
    /// A new version of material.
    ///
    /// # Errors
    /// [`StoreError::Io`] where there is no randomness.
    pub fn new_material(
        &self,
        version: u32,
        origin: MaterialOrigin,
        now_ms: i64,
    ) -> Result<MaterialRecord, StoreError> {
        let id = new_id(now_ms)?;
        // The data key that comes with the envelope is the material: it seals no blob.
        let (_, envelope) = self.inner.keys.seal_new(id)?;
        Ok(MaterialRecord { version, created_ms: now_ms, origin, id, envelope })
    }

    /// Opens a key's material.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn open_key(&self, key: &Kept<KeyRecord>) -> Result<Arc<OpenKey>, StoreError> {
        let open = |m: &MaterialRecord| Ok((m.version, self.inner.keys.open_material(m.id, &m.envelope)?));
        let materials = key.document.materials.iter().map(open).collect::<Result<_, StoreError>>()?;
        Ok(Arc::new(OpenKey { arn: key_arn(&key.document.region, &key.account, &key.id), materials }))
    }

    /// Makes the key that a service manages for the account of whoever it works for, with its alias, if there is
    /// none yet. `grant` is for what the service is asked to do: it needs no permission of its own.
    ///
    /// # Errors
    /// [`StoreError::WrongGrant`] for callers without an account; [`StoreError::Io`], [`StoreError::Full`],
    /// [`StoreError::ReadOnly`].
    pub async fn managed_key<O: Operation>(
        &self,
        grant: &Authorized<O>,
        alias: &'static str,
        record: KeyRecord,
        id: String,
    ) -> Result<(), StoreError> {
        let account = grant.caller().account().ok_or(StoreError::WrongGrant)?.to_owned();
        self.change_documents(move |t: &mut EntityTransaction<'_>| {
            if t.get::<AliasRecord>(&account, alias)?.is_some() {
                return Ok(());
            }
            let (created_ms, region) = (record.created_ms, record.region.clone());
            let alias_record = AliasRecord { region, key: id.clone(), created_ms, updated_ms: created_ms };
            t.put(&account, &id, &record)?;
            t.put(&account, alias, &alias_record)?;
            Ok(())
        })
        .await
    }

    /// Looks up whom key policies and grants name that were stored without it: when the data directory is opened.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub async fn look_up_key_principals(
        &self,
        of_policy: impl Fn(&str) -> Vec<(String, Option<String>)>,
        of_grant: impl Fn(&[&str]) -> Vec<(String, Option<String>)>,
    ) -> Result<(), StoreError> {
        let mut keys = self.entities::<KeyRecord>(None)?;
        keys.retain(|kept| kept.document.policy.is_some() && kept.document.policy_principals.is_none());
        for kept in &mut keys {
            kept.document.policy_principals = kept.document.policy.as_deref().map(&of_policy);
        }
        let mut grants = self.entities::<GrantRecord>(None)?;
        grants.retain(|kept| kept.document.principals.is_none());
        for kept in &mut grants {
            let names: Vec<&str> =
                [&kept.document.grantee].into_iter().chain(&kept.document.retiring).map(|n| &**n).collect();
            kept.document.principals = Some(of_grant(&names));
        }
        self.put_again(keys).await?;
        self.put_again(grants).await
    }

    /// Writes documents that were read before, in small transactions. Nobody else writes yet: the server is not open.
    async fn put_again<E: Entity + Clone>(&self, documents: Vec<Kept<E>>) -> Result<(), StoreError> {
        for batch in documents.chunks(BATCH) {
            let batch = batch.to_vec();
            self.change_documents(move |t: &mut EntityTransaction<'_>| {
                batch.iter().try_for_each(|kept| t.put(&kept.account, &kept.id, &kept.document).map(drop))
            })
            .await?;
        }
        Ok(())
    }

    /// Rotates the keys whose period is over, and deletes those whose waiting time is. Gives the account and id of
    /// each key that changed. For the program's own timer.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Io`], [`StoreError::Full`], [`StoreError::ReadOnly`].
    pub async fn tend_keys(&self, now_ms: i64) -> Result<Vec<(String, String)>, StoreError> {
        let mut changed = Vec::new();
        for kept in self.entities::<KeyRecord>(None)? {
            if is_due(&kept.document, now_ms) {
                self.tend_key(kept.account.clone(), kept.id.clone(), now_ms).await?;
                changed.push((kept.account, kept.id));
            }
        }
        Ok(changed)
    }

    async fn tend_key(&self, account: String, id: String, now_ms: i64) -> Result<(), StoreError> {
        let store = self.clone();
        self.change_documents(move |t: &mut EntityTransaction<'_>| {
            // It may have been changed meanwhile.
            let Some(kept) = t.get::<KeyRecord>(&account, &id)? else { return Ok(()) };
            let mut key = kept.document;
            if !is_due(&key, now_ms) {
                return Ok(());
            }
            if matches!(key.state, KeyState::PendingDeletion(_)) {
                return delete_key(t, &account, &id);
            }
            if let Some(rotation) = &mut key.rotation {
                rotation.next_ms = now_ms.saturating_add(i64::from(rotation.period_days) * DAY_MS);
                key.rotate(&store, MaterialOrigin::Automatic, now_ms)?;
            }
            t.put(&account, &id, &key).map(drop)
        })
        .await
    }
}

/// Whether the program's timer has something to do with a key. A disabled one is not rotated until it is enabled.
fn is_due(key: &KeyRecord, now_ms: i64) -> bool {
    match key.state {
        KeyState::PendingDeletion(at) => at <= now_ms,
        KeyState::Disabled => false,
        KeyState::Enabled => key.rotation.is_some_and(|rotation| rotation.next_ms <= now_ms),
    }
}

/// A key goes with everything that names it: nothing sealed under it opens ever again.
fn delete_key(t: &mut EntityTransaction<'_>, account: &str, id: &str) -> Result<(), StoreError> {
    for alias in t.list::<AliasRecord>(Some(account))?.into_iter().filter(|alias| alias.document.key == id) {
        t.delete::<AliasRecord>(account, &alias.id);
    }
    for grant in t.list::<GrantRecord>(Some(account))?.into_iter().filter(|grant| grant.document.key == id) {
        t.delete::<GrantRecord>(account, &grant.id);
    }
    t.delete::<KeyRecord>(account, id);
    Ok(())
}
