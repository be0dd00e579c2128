//! Buckets: creating, changing, deleting, finding.

use super::Store;
use super::error::StoreError;
use super::grants::ConfiguresBucket;
use super::mfa::MfaProof;
use super::records::{BucketRecord, Change, ChangeKind, ObjectLock, Owner, Versioning, decode, encode};
use super::{keys, sweep, versions};
use crate::gate::{Authorized, operations};
use crate::policy::acl::{Acl, ObjectOwnership, PublicAccessBlock};
use crate::storage::kv::{Direction, KeyRange, Reads, Space, Transaction};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A bucket to be created.
#[derive(Clone, Debug)]
pub struct NewBucket {
    /// The twelve digits of the account that will own it.
    pub owner_account: String,
    /// That account's canonical user id and display name.
    pub owner: Owner,
    /// Its region.
    pub region: String,
    /// Its ACL; `None`: the owner holds everything.
    pub acl: Option<Acl>,
    /// Its Object Ownership.
    pub ownership: Option<ObjectOwnership>,
    /// Its Block Public Access.
    pub public_access_block: Option<PublicAccessBlock>,
    /// Whether it has object lock, and therefore versioning.
    pub object_lock: bool,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
}

impl NewBucket {
    fn record(self, id: u64, name: &str) -> BucketRecord {
        BucketRecord {
            id,
            generation: 1,
            name: name.to_owned(),
            owner_account: self.owner_account,
            owner: self.owner,
            region: self.region,
            created_ms: self.now_ms,
            versioning: if self.object_lock { Versioning::Enabled } else { Versioning::Off },
            mfa_delete: false,
            object_lock: self.object_lock.then(ObjectLock::default),
            policy: None,
            policy_principals: None,
            acl: self.acl,
            ownership: self.ownership,
            public_access_block: self.public_access_block,
            tags: self.tags,
            documents: BTreeMap::new(),
        }
    }
}

impl Store {
    /// A bucket as its last commit left it. For decisions: no grant is needed, and nothing is read from disk.
    #[must_use]
    pub fn bucket(&self, name: &str) -> Option<Arc<BucketRecord>> {
        self.inner.buckets.get(name).map(|found| Arc::clone(found.value()))
    }

    /// The caller's account's buckets, in the order of their names. Empty for callers without an account.
    #[must_use]
    pub fn buckets_of(&self, grant: &Authorized<operations::ListBuckets>) -> Vec<Arc<BucketRecord>> {
        let Some(account) = grant.caller().account() else { return Vec::new() };
        let mut found: Vec<_> = self
            .inner
            .buckets
            .iter()
            .filter(|bucket| bucket.owner_account == account)
            .map(|bucket| Arc::clone(bucket.value()))
            .collect();
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// All buckets, in the order of their names: for an export of a data directory whose server has ended. No request
    /// does this, so that no grant is needed.
    #[must_use]
    pub fn every_bucket(&self) -> Vec<Arc<BucketRecord>> {
        let mut found: Vec<_> = self.inner.buckets.iter().map(|bucket| Arc::clone(bucket.value())).collect();
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Creates the bucket that the grant names. Whether its name is one S3 allows is the caller's to check.
    ///
    /// # Errors
    /// [`StoreError::BucketExists`]; [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`].
    pub async fn create_bucket(
        &self,
        grant: &Authorized<operations::CreateBucket>,
        new: NewBucket,
    ) -> Result<Arc<BucketRecord>, StoreError> {
        self.make_bucket(grant.bucket().to_owned(), new, |_| {}).await
    }

    /// Creates a bucket of a new data directory, with settings of its own. No request does this, so that no grant
    /// is needed; once the seed documents were put, it is refused.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the seed documents are there; else as [`Store::create_bucket`].
    pub async fn seed_bucket(
        &self,
        name: &str,
        new: NewBucket,
        settings: impl Fn(&mut BucketRecord) + Send + 'static,
    ) -> Result<Arc<BucketRecord>, StoreError> {
        if self.inner.engine.get(Space::Identity, keys::WORLD)?.is_some() {
            return Err(StoreError::Conflict);
        }
        self.make_bucket(name.to_owned(), new, settings).await
    }

    async fn make_bucket(
        &self,
        name: String,
        new: NewBucket,
        settings: impl Fn(&mut BucketRecord) + Send + 'static,
    ) -> Result<Arc<BucketRecord>, StoreError> {
        if name.is_empty() {
            return Err(StoreError::WrongGrant);
        }
        self.fault("bucket.before_metadata")?;
        let work = move |t: &mut dyn Transaction| {
            if let Some(there) = find(t, &name)? {
                return Err(StoreError::BucketExists { owned: there.owner_account == new.owner_account });
            }
            let id = match t.get(Space::Settings, keys::BUCKET_IDS)? {
                Some(stored) => versions::read_number(&stored)? + 1,
                None => 1,
            };
            t.put(Space::Settings, keys::BUCKET_IDS, versions::number(id));
            let mut record = new.clone().record(id, &name);
            settings(&mut record);
            put(t, &record, ChangeKind::BucketCreated, new.now_ms)?;
            Ok(record)
        };
        self.keeping_up(work).await
    }

    /// Runs a transaction that changes a bucket, and has the bucket in memory follow it, even if the caller goes
    /// away meanwhile.
    /// Looks up whom the bucket policies name that were stored without it: when the data directory is opened.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub async fn look_up_principals(
        &self,
        now_ms: i64,
        principals: impl Fn(&str) -> Vec<(String, Option<String>)>,
    ) -> Result<(), StoreError> {
        let waiting = |bucket: &BucketRecord| bucket.policy.is_some() && bucket.policy_principals.is_none();
        let found: Vec<_> =
            self.inner.buckets.iter().filter(|b| waiting(b.value())).map(|b| Arc::clone(b.value())).collect();
        for hint in found {
            let named = principals(hint.policy.as_deref().unwrap_or_default());
            let work = move |t: &mut dyn Transaction| {
                let mut record = BucketRecord::clone(&*same(t, &hint)?);
                record.policy_principals = Some(named.clone());
                record.generation += 1;
                put(t, &record, ChangeKind::BucketChanged, now_ms)?;
                Ok(record)
            };
            self.keeping_up(work).await?;
        }
        Ok(())
    }

    async fn keeping_up(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<BucketRecord, StoreError> + Send + 'static,
    ) -> Result<Arc<BucketRecord>, StoreError> {
        let store = self.clone();
        let task = tokio::spawn(async move {
            let _alone = store.inner.bucket_changes.lock().await;
            let record = Arc::new(store.transact(work).await?);
            store.inner.buckets.insert(record.name.clone(), Arc::clone(&record));
            Ok(record)
        });
        task.await.unwrap_or_else(|e| Err(StoreError::Io(e.to_string().into())))
    }

    /// Changes a bucket's settings. `change` may run more than once, and refuses with its own error. Changing
    /// versioning or MFA Delete where MFA Delete is on, and turning it on, wants the code of a device of the
    /// owner's account; turning it on and off is for that account's root user alone.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::MfaRequired`], [`StoreError::MfaInvalid`],
    /// [`StoreError::RootNeeded`];
    /// [`StoreError::InvalidBucketState`] for what S3 never allows (object lock without versioning or taken away,
    /// versioning back to off); what `change` refuses.
    pub async fn update_bucket<O: ConfiguresBucket>(
        &self,
        grant: &Authorized<O>,
        mfa: Option<MfaProof>,
        now_ms: i64,
        mut change: impl FnMut(&mut BucketRecord) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Arc<BucketRecord>, StoreError> {
        self.fault("bucket.before_metadata")?;
        let hint = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        let owners_root = grant.caller().is_root() && grant.caller().account() == Some(&hint.owner_account);
        let work = move |t: &mut dyn Transaction| {
            let before = same(t, &hint)?;
            let mut after = BucketRecord::clone(&before);
            change(&mut after)?;
            check_change(&before, &after, mfa.as_ref())?;
            if before.mfa_delete != after.mfa_delete && !owners_root {
                return Err(StoreError::RootNeeded);
            }
            after.generation = before.generation + 1;
            put(t, &after, ChangeKind::BucketChanged, now_ms)?;
            Ok(after)
        };
        self.keeping_up(work).await
    }

    /// Deletes a bucket in which no version and no delete marker is left. Its uploads go with it.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBucket`]; [`StoreError::BucketNotEmpty`].
    pub async fn delete_bucket(&self, grant: &Authorized<operations::DeleteBucket>) -> Result<(), StoreError> {
        self.fault("bucket.before_metadata")?;
        let hint = self.bucket(grant.bucket()).ok_or(StoreError::NoSuchBucket)?;
        let (id, name) = (hint.id, hint.name.clone());
        let work = move |t: &mut dyn Transaction| {
            let bucket = same(t, &hint)?;
            for space in [Space::Objects, Space::History] {
                if has_any(t, space, bucket.id)? {
                    return Err(StoreError::BucketNotEmpty);
                }
            }
            t.delete(Space::Buckets, bucket.name.as_bytes());
            t.delete(Space::Settings, &keys::counter(bucket.id));
            sweep::doom_bucket(t, bucket.id);
            Ok(())
        };
        let store = self.clone();
        let task = tokio::spawn(async move {
            let _alone = store.inner.bucket_changes.lock().await;
            store.transact_freeing(work).await?;
            store.inner.buckets.remove_if(&name, |_, held| held.id == id);
            Ok(())
        });
        task.await.unwrap_or_else(|e| Err(StoreError::Io(e.to_string().into())))
    }
}

/// Whether a space has something of a bucket.
fn has_any(t: &dyn Transaction, space: Space, bucket: u64) -> Result<bool, StoreError> {
    let mut found = false;
    t.scan(space, &KeyRange::prefix(bucket.to_be_bytes()), Direction::Forward, &mut |_, _| {
        found = true;
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// The rules that no setting gets around.
fn check_change(before: &BucketRecord, after: &BucketRecord, mfa: Option<&MfaProof>) -> Result<(), StoreError> {
    let fixed = |b: &BucketRecord| (b.id, b.name.clone(), b.owner_account.clone(), b.created_ms, b.generation);
    if fixed(before) != fixed(after) {
        return Err(StoreError::InvalidBucketState("a bucket's identity does not change"));
    }
    if before.versioning != Versioning::Off && after.versioning == Versioning::Off {
        return Err(StoreError::InvalidBucketState("versioning is suspended, not turned off"));
    }
    if after.object_lock.is_some() && after.versioning != Versioning::Enabled {
        return Err(StoreError::InvalidBucketState("object lock wants versioning"));
    }
    if before.object_lock.is_some() && after.object_lock.is_none() {
        return Err(StoreError::InvalidBucketState("object lock is never taken away"));
    }
    let touches = before.versioning != after.versioning || before.mfa_delete != after.mfa_delete;
    if touches && (before.mfa_delete || after.mfa_delete) {
        require_mfa(before, mfa)?;
    }
    Ok(())
}

/// A code of a device of the bucket owner's account.
pub(super) fn require_mfa(bucket: &BucketRecord, mfa: Option<&MfaProof>) -> Result<(), StoreError> {
    match mfa {
        None => Err(StoreError::MfaRequired),
        Some(proof) if proof.account() == bucket.owner_account => Ok(()),
        Some(_) => Err(StoreError::MfaInvalid),
    }
}

/// Puts a bucket's record, and notes it in the change log.
fn put(t: &mut dyn Transaction, record: &BucketRecord, kind: ChangeKind, time_ms: i64) -> Result<(), StoreError> {
    t.put(Space::Buckets, record.name.as_bytes(), encode(record));
    let seq = versions::next_seq(t, record.id)?;
    versions::log(t, record.id, seq, &Change { kind, key: String::new(), version: String::new(), time_ms });
    Ok(())
}

fn find<R: Reads + ?Sized>(view: &R, name: &str) -> Result<Option<BucketRecord>, StoreError> {
    view.get(Space::Buckets, name.as_bytes())?.map(|stored| decode("bucket record", &stored)).transpose()
}

/// What tells one state of a bucket from another.
#[derive(Deserialize)]
struct Stamp {
    id: u64,
    #[serde(default)]
    generation: u64,
}

/// The bucket as this transaction sees it; `hint` is how it was seen before.
///
/// PERF: a policy of 20 KB is not read again for every object: only number and generation are.
///
/// # Errors
/// [`StoreError::NoSuchBucket`], also if the name is another bucket's by now: the grant was not for that one.
pub(super) fn same(t: &dyn Transaction, hint: &Arc<BucketRecord>) -> Result<Arc<BucketRecord>, StoreError> {
    let stored = t.get(Space::Buckets, hint.name.as_bytes())?.ok_or(StoreError::NoSuchBucket)?;
    let stamp: Stamp = decode("bucket record", &stored)?;
    if stamp.id != hint.id {
        return Err(StoreError::NoSuchBucket);
    }
    if stamp.generation == hint.generation {
        return Ok(Arc::clone(hint));
    }
    Ok(Arc::new(decode("bucket record", &stored)?))
}

/// Reads every bucket into memory.
pub(super) fn load(store: &Store) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    store.inner.engine.scan(Space::Buckets, &KeyRange::all(), Direction::Forward, &mut |_, value| match decode::<
        BucketRecord,
    >(
        "bucket record",
        value,
    ) {
        Ok(record) => {
            store.inner.buckets.insert(record.name.clone(), Arc::new(record));
            ControlFlow::Continue(())
        }
        Err(error) => {
            outcome = Err(error);
            ControlFlow::Break(())
        }
    })?;
    outcome
}
