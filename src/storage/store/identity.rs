//! What is kept of identities: the seed documents, access keys, and the accounts' Block Public Access.

use super::content::{self, new_id};
use super::error::StoreError;
use super::grants::{ConfiguresAccount, ReadsAccountBlock};
use super::records::{decode, encode};
use super::{Store, acl_form, keys};
use crate::gate::Authorized;
use crate::policy::acl::PublicAccessBlock;
use crate::storage::kv::{Direction, KeyRange, Reads, Space};
use crate::storage::sealing::{BlobId, Envelope, open_small, seal_small};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Where the accounts' Block Public Access lies in the space Identity.
pub(super) const BLOCKS: &[u8] = b"block/";

/// A secret on disk: sealed under the key ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SealedValue {
    id: BlobId,
    envelope: Envelope,
    sealed: Vec<u8>,
}

/// Seals a secret.
pub(super) fn seal_value(store: &Store, plain: &[u8], now_ms: i64) -> Result<SealedValue, StoreError> {
    let id = new_id(now_ms)?;
    let (key, envelope) = content::Sse::S3.seal_new(store, id)?;
    Ok(SealedValue { id, envelope, sealed: seal_small(key, id, plain)? })
}

/// Opens a sealed text.
pub(super) fn open_text(store: &Store, value: &SealedValue) -> Result<String, StoreError> {
    let key = store.inner.keys.open_key(value.id, &value.envelope)?;
    let plain = open_small(key, value.id, value.sealed.clone())?;
    String::from_utf8(plain).map_err(|_| StoreError::damaged("a sealed text"))
}

#[derive(Serialize, Deserialize)]
struct BlockRecord {
    #[serde(with = "acl_form::block")]
    block: Option<PublicAccessBlock>,
}

impl Store {
    /// Keeps the seed documents, sealed: they hold secrets. They replace those that are there, and end the seeding
    /// of buckets.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Full`], [`StoreError::ReadOnly`].
    pub async fn put_world(&self, documents: &str, now_ms: i64) -> Result<(), StoreError> {
        let record = encode(&seal_value(self, documents.as_bytes(), now_ms)?);
        self.transact(move |t| {
            t.put(Space::Identity, keys::WORLD, record.clone());
            Ok(())
        })
        .await
    }

    /// The seed documents; `None`: the data directory is new.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn world(&self) -> Result<Option<String>, StoreError> {
        let stored = self.inner.engine.get(Space::Identity, keys::WORLD)?;
        stored.map(|bytes| open_text(self, &decode("seed documents", &bytes)?)).transpose()
    }

    /// An account's Block Public Access. For decisions: no grant is needed, and nothing is read from disk.
    #[must_use]
    pub fn account_block(&self, account: &str) -> Option<PublicAccessBlock> {
        self.inner.account_blocks.get(account).map(|block| *block)
    }

    /// The Block Public Access of the caller's account, for an answer.
    #[must_use]
    pub fn read_account_block<O: ReadsAccountBlock>(&self, grant: &Authorized<O>) -> Option<PublicAccessBlock> {
        self.account_block(grant.caller().account()?)
    }

    /// Sets or removes the Block Public Access of the caller's account. That the request names that account is the
    /// caller's to check.
    ///
    /// # Errors
    /// [`StoreError::WrongGrant`] for callers without an account; [`StoreError::Io`], [`StoreError::Full`],
    /// [`StoreError::ReadOnly`].
    pub async fn put_account_block<O: ConfiguresAccount>(
        &self,
        grant: &Authorized<O>,
        block: Option<PublicAccessBlock>,
    ) -> Result<(), StoreError> {
        let account = grant.caller().account().ok_or(StoreError::WrongGrant)?.to_owned();
        self.set_account_block(account, block).await
    }

    /// Sets an account's Block Public Access in a new data directory; no request does this.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the seed documents are there; else as [`Store::put_account_block`].
    pub async fn seed_account_block(&self, account: &str, block: PublicAccessBlock) -> Result<(), StoreError> {
        if self.world()?.is_some() {
            return Err(StoreError::Conflict);
        }
        self.set_account_block(account.to_owned(), Some(block)).await
    }

    async fn set_account_block(&self, account: String, block: Option<PublicAccessBlock>) -> Result<(), StoreError> {
        let key = [BLOCKS, account.as_bytes()].concat();
        let store = self.clone();
        let task = tokio::spawn(async move {
            let _alone = store.inner.bucket_changes.lock().await;
            store
                .transact(move |t| {
                    match block {
                        Some(_) => t.put(Space::Identity, &key, encode(&BlockRecord { block })),
                        None => t.delete(Space::Identity, &key),
                    }
                    Ok(())
                })
                .await?;
            match block {
                Some(block) => drop(store.inner.account_blocks.insert(account, block)),
                None => drop(store.inner.account_blocks.remove(&account)),
            }
            Ok(())
        });
        task.await.unwrap_or_else(|e| Err(StoreError::Io(e.to_string().into())))
    }
}

/// Reads every account's Block Public Access into memory.
pub(super) fn load(store: &Store) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    store.inner.engine.scan(Space::Identity, &KeyRange::prefix(BLOCKS), Direction::Forward, &mut |key, value| {
        let account = key.get(BLOCKS.len()..).and_then(|k| std::str::from_utf8(k).ok());
        match (account, decode::<BlockRecord>("account block", value)) {
            (Some(account), Ok(BlockRecord { block: Some(block) })) => {
                store.inner.account_blocks.insert(account.to_owned(), block);
                ControlFlow::Continue(())
            }
            (_, Err(error)) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    })?;
    outcome
}
