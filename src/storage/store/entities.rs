//! What the services beside S3 keep: distributions, keys, users, as documents by kind, account and id.
//!
//! A service reads and changes them in one transaction, and only with an [`Authorized`] of one of its operations that
//! change something. Each change counts the document's number up, from which services make their `ETag`s.

use super::Store;
use super::error::StoreError;
use super::identity::{SealedValue, open_text, seal_value};
use super::keys;
use super::records::{decode, encode};
use crate::gate::{Authorized, ServiceOperation};
use crate::storage::kv::{Direction, KeyRange, Reads, Space, TransactError, Transaction, transact};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// A kind of document.
pub trait Entity: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name on disk, such as `cloudfront/distribution`. It never changes.
    const KIND: &'static str;
}

/// A document as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<T> {
    /// The twelve digits of its account.
    pub account: String,
    /// Its id, unique in its kind and account.
    pub id: String,
    /// How often it was written: 1 for a new one.
    pub revision: u64,
    /// The document.
    pub document: T,
}

/// A secret inside a document: sealed under the key ring, as it lies on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedText(SealedValue);

#[derive(Serialize, Deserialize)]
struct Record<T> {
    revision: u64,
    document: T,
}

/// What one change of a service reads and writes: all of it is durable together, or none of it happens.
pub struct EntityTransaction<'t> {
    inner: &'t mut dyn Transaction,
}

impl EntityTransaction<'_> {
    /// A document.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn get<T: Entity>(&self, account: &str, id: &str) -> Result<Option<Kept<T>>, StoreError> {
        let stored = self.inner.get(Space::Identity, &keys::entity(T::KIND, account, id))?;
        stored.map(|bytes| kept(account, id, &bytes)).transpose()
    }

    /// Writes a document, new or in the place of the one with its id, and gives its revision.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn put<T: Entity>(&mut self, account: &str, id: &str, document: &T) -> Result<u64, StoreError> {
        let revision = self.get::<T>(account, id)?.map_or(1, |before| before.revision + 1);
        let record = Record { revision, document };
        self.inner.put(Space::Identity, &keys::entity(T::KIND, account, id), encode(&record));
        Ok(revision)
    }

    /// Removes a document; one that is not there is no error.
    pub fn delete<T: Entity>(&mut self, account: &str, id: &str) {
        self.inner.delete(Space::Identity, &keys::entity(T::KIND, account, id));
    }

    /// The documents of a kind: of one account, or with `None` of all, by account and id.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn list<T: Entity>(&self, account: Option<&str>) -> Result<Vec<Kept<T>>, StoreError> {
        list(&*self.inner, account)
    }
}

impl Store {
    /// The documents of a kind: of one account, or with `None` of all, by account and id. For what decisions and
    /// answers read in memory: no grant is needed.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn entities<T: Entity>(&self, account: Option<&str>) -> Result<Vec<Kept<T>>, StoreError> {
        list(&*self.inner.engine, account)
    }

    /// One document.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn entity<T: Entity>(&self, account: &str, id: &str) -> Result<Option<Kept<T>>, StoreError> {
        let stored = self.inner.engine.get(Space::Identity, &keys::entity(T::KIND, account, id))?;
        stored.map(|bytes| kept(account, id, &bytes)).transpose()
    }

    /// Changes documents in one transaction. `work` may run more than once; what it refuses changes nothing.
    ///
    /// # Errors
    /// What `work` refuses; [`StoreError::Io`], [`StoreError::Full`], [`StoreError::ReadOnly`].
    pub async fn change_entities<O, R, E>(
        &self,
        _grant: &Authorized<O>,
        work: impl FnMut(&mut EntityTransaction<'_>) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        O: ServiceOperation,
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        const { assert!(!O::ROW.read_only, "an operation that only reads changes nothing") };
        self.change_documents(work).await
    }

    /// Writes documents into a new data directory. Once the seed documents were put, it is refused.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the seed documents are there; [`StoreError::Io`].
    pub async fn seed_entities(
        &self,
        work: impl FnMut(&mut EntityTransaction<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        if self.world()?.is_some() {
            return Err(StoreError::Conflict);
        }
        self.change_documents(work).await
    }

    pub(super) async fn change_documents<R, E>(
        &self,
        mut work: impl FnMut(&mut EntityTransaction<'_>) -> Result<R, E> + Send + 'static,
    ) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let done = transact(&*self.inner.engine, move |t| work(&mut EntityTransaction { inner: t })).await;
        done.map_err(|error| match error {
            TransactError::Refused(error) => error,
            TransactError::Failed(error) => E::from(StoreError::from(error)),
        })
    }

    /// Seals a secret for a document.
    ///
    /// # Errors
    /// [`StoreError::Io`] where there is no randomness.
    pub fn seal_text(&self, plain: &str, now_ms: i64) -> Result<SealedText, StoreError> {
        seal_value(self, plain.as_bytes(), now_ms).map(SealedText)
    }

    /// Opens a secret of a document.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn open_sealed(&self, sealed: &SealedText) -> Result<String, StoreError> {
        open_text(self, &sealed.0)
    }
}

fn kept<T: Entity>(account: &str, id: &str, stored: &[u8]) -> Result<Kept<T>, StoreError> {
    let record: Record<T> = decode(T::KIND, stored)?;
    Ok(Kept { account: account.to_owned(), id: id.to_owned(), revision: record.revision, document: record.document })
}

fn list<T: Entity>(reads: &dyn Reads, account: Option<&str>) -> Result<Vec<Kept<T>>, StoreError> {
    let prefix = keys::entities(T::KIND, account);
    let mut found = Vec::new();
    reads.scan(Space::Identity, &KeyRange::prefix(prefix), Direction::Forward, &mut |key, value| {
        found.push(match keys::split_entity(T::KIND, key) {
            Some((account, id)) => kept(account, id, value),
            None => Err(StoreError::damaged(T::KIND)),
        });
        ControlFlow::Continue(())
    })?;
    found.into_iter().collect()
}
