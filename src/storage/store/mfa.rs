//! MFA devices, and the proof that one of an account showed a fresh code.

use super::error::StoreError;
use super::records::{decode, encode};
use super::{EntityTransaction, SealedText, Store};
use crate::storage::kv::{Direction, KeyRange, Reads, Space, Transaction};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Where the devices lie in the space Identity.
const DEVICES: &[u8] = b"mfa/";

/// An MFA device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MfaDevice {
    /// Its serial number, an ARN.
    pub serial: String,
    /// Its secret in base32. On disk it is sealed.
    pub secret: String,
    /// The twelve digits of its account.
    pub account: String,
    /// Whose it is: `root`, or a user's name.
    pub owner: String,
}

/// A device as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDevice {
    /// Its serial number, an ARN.
    pub serial: String,
    /// The twelve digits of its account.
    pub account: String,
    /// Whose it is: `root`, a user's name or unique id; empty: nobody's yet.
    pub owner: String,
    /// Its secret, sealed.
    pub secret: SealedText,
    /// The time step of the last code that was good: it and earlier ones are good no more.
    #[serde(default)]
    pub last_step: Option<u64>,
    /// Since when it is its owner's, in seconds since 1970.
    #[serde(default)]
    pub enabled: Option<i64>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
}

/// Checks a code: of this secret (base32), at this time (seconds since 1970), later than the last step that was
/// used. Answers with the step that matched.
pub type CheckCode = fn(secret: &str, code: &str, now: i64, last_step: Option<u64>) -> Option<u64>;

/// The proof that a device of an account showed a code that was never used before. Only [`Store::verify_mfa`]
/// makes one.
#[derive(Clone, Debug)]
pub struct MfaProof {
    account: String,
}

impl MfaProof {
    /// The device's account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

fn device_key(serial: &str) -> Vec<u8> {
    [DEVICES, serial.as_bytes()].concat()
}

impl Store {
    /// Adds a device, or replaces the one with its serial number.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Full`], [`StoreError::ReadOnly`].
    pub async fn put_mfa_device(&self, device: MfaDevice, now_ms: i64) -> Result<(), StoreError> {
        let record = KeptDevice {
            secret: self.seal_text(&device.secret, now_ms)?,
            serial: device.serial,
            account: device.account,
            owner: device.owner,
            last_step: None,
            enabled: Some(now_ms.div_euclid(1000)),
            tags: Vec::new(),
        };
        let (key, value) = (device_key(&record.serial), encode(&record));
        self.transact(move |t| {
            t.put(Space::Identity, &key, value.clone());
            Ok(())
        })
        .await
    }

    /// Removes a device; one that is not there is no error.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::ReadOnly`].
    pub async fn delete_mfa_device(&self, serial: &str) -> Result<(), StoreError> {
        let key = device_key(serial);
        self.transact_freeing(move |t| {
            t.delete(Space::Identity, &key);
            Ok(())
        })
        .await
    }

    /// Every device, by serial number.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn mfa_devices(&self) -> Result<Vec<MfaDevice>, StoreError> {
        let opened = |record: KeptDevice| {
            let secret = self.open_sealed(&record.secret)?;
            Ok(MfaDevice { secret, serial: record.serial, account: record.account, owner: record.owner })
        };
        self.kept_devices()?.into_iter().map(opened).collect()
    }

    /// Every device by serial number, its secret still sealed.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn kept_devices(&self) -> Result<Vec<KeptDevice>, StoreError> {
        devices(&*self.inner.engine)
    }

    /// A device, its secret still sealed.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn kept_device(&self, serial: &str) -> Result<Option<KeptDevice>, StoreError> {
        let stored = self.inner.engine.get(Space::Identity, &device_key(serial))?;
        stored.map(|bytes| decode("MFA device", &bytes)).transpose()
    }

    /// Checks the value of a header `x-amz-mfa`: a device's serial number, a space, and its code. The device must be
    /// of this account, and of its root user: only that one deletes under MFA Delete. A code is good once: of
    /// several requests with the same one, one wins. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::MfaInvalid`]; [`StoreError::Io`], [`StoreError::Full`], [`StoreError::ReadOnly`].
    pub async fn verify_mfa(
        &self,
        account: &str,
        header: &str,
        now: i64,
        check: CheckCode,
    ) -> Result<MfaProof, StoreError> {
        let (serial, code) = header.trim().rsplit_once(' ').ok_or(StoreError::MfaInvalid)?;
        self.verify_code(account, &["root"], serial.trim(), code, now, check).await
    }

    /// Checks a code of a device that belongs to one of these owners in this account. A code is good once: of
    /// several requests with the same one, one wins. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::MfaInvalid`]; [`StoreError::Io`], [`StoreError::Full`], [`StoreError::ReadOnly`].
    pub async fn verify_code(
        &self,
        account: &str,
        owners: &[&str],
        serial: &str,
        code: &str,
        now: i64,
        check: CheckCode,
    ) -> Result<MfaProof, StoreError> {
        let key = device_key(serial);
        let stored = self.inner.engine.get(Space::Identity, &key)?.ok_or(StoreError::MfaInvalid)?;
        let record: KeptDevice = decode("MFA device", &stored)?;
        if record.account != account || record.owner.is_empty() || !owners.contains(&record.owner.as_str()) {
            return Err(StoreError::MfaInvalid);
        }
        let secret = self.open_sealed(&record.secret)?;
        let (account, code) = (account.to_owned(), code.to_owned());
        self.transact(move |t: &mut dyn Transaction| {
            // Read again: another request may have used the code meanwhile.
            let stored = t.get(Space::Identity, &key)?.ok_or(StoreError::MfaInvalid)?;
            let mut device: KeptDevice = decode("MFA device", &stored)?;
            if device.secret != record.secret || device.owner != record.owner {
                return Err(StoreError::MfaInvalid);
            }
            let step = check(&secret, &code, now, device.last_step).ok_or(StoreError::MfaInvalid)?;
            if device.last_step.is_some_and(|last| step <= last) {
                return Err(StoreError::MfaInvalid);
            }
            device.last_step = Some(step);
            t.put(Space::Identity, &key, encode(&device));
            Ok(MfaProof { account: account.clone() })
        })
        .await
    }
}

impl EntityTransaction<'_> {
    /// A device.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn device(&self, serial: &str) -> Result<Option<KeptDevice>, StoreError> {
        let stored = self.inner.get(Space::Identity, &device_key(serial))?;
        stored.map(|bytes| decode("MFA device", &bytes)).transpose()
    }

    /// Every device, by serial number.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn devices(&self) -> Result<Vec<KeptDevice>, StoreError> {
        devices(&*self.inner)
    }

    /// Writes a device, new or in the place of the one with its serial number.
    pub fn put_device(&mut self, device: &KeptDevice) {
        self.inner.put(Space::Identity, &device_key(&device.serial), encode(device));
    }

    /// Removes a device; one that is not there is no error.
    pub fn delete_device(&mut self, serial: &str) {
        self.inner.delete(Space::Identity, &device_key(serial));
    }
}

fn devices(reads: &dyn Reads) -> Result<Vec<KeptDevice>, StoreError> {
    let mut records = Vec::new();
    reads.scan(Space::Identity, &KeyRange::prefix(DEVICES), Direction::Forward, &mut |_, value| {
        records.push(decode::<KeptDevice>("MFA device", value));
        ControlFlow::Continue(())
    })?;
    records.into_iter().collect()
}
