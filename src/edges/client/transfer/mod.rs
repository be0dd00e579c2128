//! Whole objects, up and down: in parts, encrypted before the wire and decrypted behind it.
//!
//! What was not authentic is never given out: a download appears under its name, and an upload becomes an object, only
//! after the last byte was verified.

mod download;
mod source;
mod state;
mod upload;

pub use download::{download, spool};
pub use source::{ObjectReader, Source};
pub use state::{Identity, Uploads};
pub use upload::{Target, upload};

use super::encryption::{Decryptor, EncryptionError, Envelope, Keyring, Suite};
use super::multipart::UploadId;
use super::{Client, ClientError};
use crate::storage::kv::FaultPoint;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is read at once, in bytes: the size of parts where nothing else is said.
pub const PART: u64 = 8 << 20;

/// Which formats are decrypted. New objects always commit to their keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitmentPolicy {
    /// Format 3 only: the encryption client's default.
    #[default]
    RequireDecrypt,
    /// Format 2 too, which does not commit to its key.
    AllowDecrypt,
}

/// How objects are read.
#[derive(Clone, Default)]
pub struct Decryption {
    /// Who opens their data keys.
    pub keyring: Option<Arc<dyn Keyring>>,
    /// Which formats are read.
    pub policy: CommitmentPolicy,
    /// Give the bytes as they are stored, encrypted or not.
    pub raw: bool,
}

impl Decryption {
    /// What decrypts an object with these metadata; `None` where it is read as it is.
    ///
    /// # Errors
    /// [`EncryptionError::KeyWanted`] for an encrypted object without a key, [`EncryptionError::NotEncrypted`] for one
    /// that should be and is not; what the policy or the keyring refuses.
    pub async fn of(&self, metadata: &BTreeMap<String, String>) -> Result<Option<Decryptor>, EncryptionError> {
        match &self.keyring {
            _ if self.raw => Ok(None),
            None if Envelope::is_in(metadata) => Err(EncryptionError::KeyWanted),
            None => Ok(None),
            Some(keyring) => {
                let envelope = Envelope::read(metadata)?;
                if envelope.suite == Suite::Plain && self.policy == CommitmentPolicy::RequireDecrypt {
                    return Err(EncryptionError::NotCommitting);
                }
                Decryptor::new(keyring.as_ref(), &envelope).await.map(Some)
            }
        }
    }
}

/// How objects are written: under new data keys, which the keyring wraps.
#[derive(Clone)]
pub struct Encryption {
    /// Who wraps data keys.
    pub keyring: Arc<dyn Keyring>,
    /// What is bound to each of them.
    pub context: BTreeMap<String, String>,
}

/// What transfers share.
#[derive(Clone)]
pub struct Transfers {
    /// Who asks.
    pub client: Client,
    /// Told how many bytes of a source came through, whenever some did.
    pub progress: Arc<dyn Fn(u64) + Send + Sync>,
    /// Where tests interrupt; see the server's crash points.
    pub fault: Option<FaultPoint>,
    parallel: usize,
    /// Two counts, so that nobody who waits to send keeps away what is to be sent.
    fetches: Arc<Semaphore>,
    sends: Arc<Semaphore>,
    /// Uploads under way that nobody remembers.
    open: Arc<Mutex<Vec<UploadId>>>,
}

impl Transfers {
    /// Transfers with at most this many pieces under way in each direction, over all objects. Each takes as much
    /// memory as a part.
    #[must_use]
    pub fn new(client: Client, parallel: usize) -> Self {
        let parallel = parallel.clamp(1, Semaphore::MAX_PERMITS);
        let count = || Arc::new(Semaphore::new(parallel));
        Self {
            client,
            progress: Arc::new(|_| ()),
            fault: None,
            parallel,
            fetches: count(),
            sends: count(),
            open: Arc::default(),
        }
    }

    /// Aborts the uploads that were interrupted and cannot go on later.
    pub async fn abort_open(&self) {
        let open = std::mem::take(&mut *self.open());
        for upload in open {
            let _ = self.client.abort_upload(&upload).await;
        }
    }

    fn open(&self) -> MutexGuard<'_, Vec<UploadId>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interrupt(&self, place: &'static str) -> Result<(), ClientError> {
        let failed = |e: std::io::Error| ClientError::Setting(e.to_string());
        self.fault.as_ref().map_or(Ok(()), |fault| fault(place).map_err(failed))
    }
}

async fn permit(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ClientError> {
    let closed = |_| ClientError::Setting("the transfers were ended".to_owned());
    Arc::clone(of).acquire_owned().await.map_err(closed)
}
