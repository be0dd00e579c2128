//! What one change of an account's identities reads and writes.

use super::model::{AccountSettings, Identity, Kind, ManagedPolicy, Provider, key_of};
use super::state::Touched;
use crate::storage::store::{Entity, EntityTransaction, KeptDevice, StoreError};
use std::collections::BTreeSet;

/// One account's documents in a transaction; keeps count of what is written.
pub struct Draft<'d, 't> {
    transaction: &'d mut EntityTransaction<'t>,
    account: &'d str,
    touched: &'d mut BTreeSet<Touched>,
}

impl<'d, 't> Draft<'d, 't> {
    /// A draft of an account.
    pub fn new(
        transaction: &'d mut EntityTransaction<'t>,
        account: &'d str,
        touched: &'d mut BTreeSet<Touched>,
    ) -> Self {
        Self { transaction, account, touched }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        self.account
    }

    fn get<T: Entity>(&self, id: &str) -> Result<Option<T>, StoreError> {
        Ok(self.transaction.get::<T>(self.account, id)?.map(|kept| kept.document))
    }

    /// An identity.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`]; so it is with all that follow.
    pub fn identity(&self, kind: Kind, name: &str) -> Result<Option<Identity>, StoreError> {
        self.get(&key_of(kind, name))
    }

    /// Every identity.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn identities(&self) -> Result<Vec<Identity>, StoreError> {
        Ok(self.transaction.list(Some(self.account))?.into_iter().map(|kept| kept.document).collect())
    }

    /// Writes an identity.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn put_identity(&mut self, identity: &Identity) -> Result<(), StoreError> {
        self.touched.insert(Touched::Identity(identity.key()));
        self.transaction.put(self.account, &identity.key(), identity).map(drop)
    }

    /// Removes an identity.
    pub fn delete_identity(&mut self, kind: Kind, name: &str) {
        let key = key_of(kind, name);
        self.transaction.delete::<Identity>(self.account, &key);
        self.touched.insert(Touched::Identity(key));
    }

    /// A managed policy by name.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn policy(&self, name: &str) -> Result<Option<ManagedPolicy>, StoreError> {
        self.get(&name.to_lowercase())
    }

    /// Every managed policy.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn policies(&self) -> Result<Vec<ManagedPolicy>, StoreError> {
        Ok(self.transaction.list(Some(self.account))?.into_iter().map(|kept| kept.document).collect())
    }

    /// Writes a managed policy.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn put_policy(&mut self, policy: &ManagedPolicy) -> Result<(), StoreError> {
        self.touched.insert(Touched::Policy(policy.key()));
        self.transaction.put(self.account, &policy.key(), policy).map(drop)
    }

    /// Removes a managed policy.
    pub fn delete_policy(&mut self, name: &str) {
        let key = name.to_lowercase();
        self.transaction.delete::<ManagedPolicy>(self.account, &key);
        self.touched.insert(Touched::Policy(key));
    }

    /// An identity provider by URL.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn provider(&self, url: &str) -> Result<Option<Provider>, StoreError> {
        self.get(url)
    }

    /// Writes an identity provider.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn put_provider(&mut self, provider: &Provider) -> Result<(), StoreError> {
        self.touched.insert(Touched::Provider(provider.url.clone()));
        self.transaction.put(self.account, &provider.url, provider).map(drop)
    }

    /// Removes an identity provider.
    pub fn delete_provider(&mut self, url: &str) {
        self.transaction.delete::<Provider>(self.account, url);
        self.touched.insert(Touched::Provider(url.to_owned()));
    }

    /// The account's settings.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn settings(&self) -> Result<AccountSettings, StoreError> {
        Ok(self.get(AccountSettings::ID)?.unwrap_or_default())
    }

    /// Whether another account has this alias.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn alias_is_taken(&self, alias: &str) -> Result<bool, StoreError> {
        let all = self.transaction.list::<AccountSettings>(None)?;
        Ok(all.iter().any(|kept| kept.account != self.account && kept.document.alias.as_deref() == Some(alias)))
    }

    /// Writes the account's settings.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn put_settings(&mut self, settings: &AccountSettings) -> Result<(), StoreError> {
        self.touched.insert(Touched::Settings);
        self.transaction.put(self.account, AccountSettings::ID, settings).map(drop)
    }

    /// An MFA device of the account.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn device(&self, serial: &str) -> Result<Option<KeptDevice>, StoreError> {
        Ok(self.transaction.device(serial)?.filter(|device| device.account == self.account))
    }

    /// Every MFA device of the account.
    ///
    /// # Errors
    /// As [`Self::identity`].
    pub fn devices(&self) -> Result<Vec<KeptDevice>, StoreError> {
        let mut devices = self.transaction.devices()?;
        devices.retain(|device| device.account == self.account);
        Ok(devices)
    }

    /// Writes an MFA device.
    pub fn put_device(&mut self, device: &KeptDevice) {
        self.touched.insert(Touched::Device(device.serial.clone()));
        self.transaction.put_device(device);
    }

    /// Removes an MFA device.
    pub fn delete_device(&mut self, serial: &str) {
        self.touched.insert(Touched::Device(serial.to_owned()));
        self.transaction.delete_device(serial);
    }
}
