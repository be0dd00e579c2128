//! Users, groups, roles, their policies and credentials: kept in the store, read in memory.
//!
//! A change is one transaction of the store; then the part of memory that it touched is read again and swapped, before
//! the change is answered: it holds for the very next request. Requests read an immutable [`Snapshot`]; no lock is held
//! while one is decided.

pub mod aws_managed;
pub mod draft;
pub mod ids;
pub mod model;
pub mod principals;
pub mod seed;
pub mod sessions;
pub mod state;

use super::auth::{Credential, Credentials, Unusable};
use super::services::ServiceError;
use crate::gate::{Authorized, Caller, ServiceOperation};
use crate::policy::PolicyKind;
use crate::simulate::world::World;
use crate::storage::store::{Store, StoreError};
use arc_swap::ArcSwap;
use dashmap::DashMap;
use draft::Draft;
use model::{KeptKey, Seeded};
use sessions::{Claims, Session};
use state::{AccountFacts, AccountState, Holder, Snapshot, Touched};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use zeroize::Zeroizing;

/// How many opened sessions are remembered.
const REMEMBERED: usize = 20_000;

/// When and for what an access key or a role was last used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// In seconds since 1970.
    pub at: i64,
    /// The service's prefix.
    pub service: &'static str,
}

/// Who there is.
pub struct Identities {
    store: Store,
    now: ArcSwap<Snapshot>,
    /// Held while memory follows a change.
    following: tokio::sync::Mutex<()>,
    sessions: DashMap<String, Arc<Session>>,
    uses: DashMap<String, LastUse>,
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identities").finish_non_exhaustive()
    }
}

impl Identities {
    /// The identities of a data directory. In a new one, and in one of a version that kept none, they are those of the
    /// world that it was seeded with.
    ///
    /// # Errors
    /// A sentence about what could not be read or written.
    pub async fn open(store: &Store, world: &World, now_ms: i64) -> Result<Arc<Self>, String> {
        let failed = |e: StoreError| format!("the identities cannot be read: {e}");
        if !store.seeded::<Seeded>().map_err(failed)? {
            seed::write(store, world, now_ms).await.map_err(failed)?;
        }
        let devices = store.kept_devices().map_err(failed)?;
        let mut snapshot = Snapshot::default();
        for facts in AccountFacts::of_world(world)? {
            let state = Arc::new(AccountState::load(facts, store, &devices).map_err(failed)?);
            for (key, caller) in keys_of(&state, true, None) {
                let secret = store.open_sealed(&key.secret).map_err(failed)?.into();
                snapshot.keys.insert(key.id.as_str().into(), credential(secret, &key, caller));
            }
            snapshot.accounts.insert(state.facts.id.as_str().into(), state);
        }
        let look_up = |text: &str| principals::named_in(text, PolicyKind::Bucket, &|arn| snapshot.unique_id(arn));
        store.look_up_principals(now_ms, look_up).await.map_err(failed)?;
        let of_key = |text: &str| principals::named_in(text, PolicyKind::Key, &|arn| snapshot.unique_id(arn));
        let of_grant = |names: &[&str]| principals::named_among(names.iter().copied(), &|arn| snapshot.unique_id(arn));
        store.look_up_key_principals(of_key, of_grant).await.map_err(failed)?;
        Ok(Arc::new(Self {
            store: store.clone(),
            now: ArcSwap::from_pointee(snapshot),
            following: tokio::sync::Mutex::new(()),
            sessions: DashMap::new(),
            uses: DashMap::new(),
        }))
    }

    /// Everybody at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.now.load_full()
    }

    /// An account at this moment.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<Arc<AccountState>> {
        self.now.load().accounts.get(id).cloned()
    }

    /// Changes an account's identities in one transaction; when this returns, the change is durable and holds.
    /// `work` may run more than once; what it refuses changes nothing.
    ///
    /// # Errors
    /// What `work` refuses; [`ServiceError::internal`] and its kin where the store could not write.
    pub async fn change<O, R>(
        self: &Arc<Self>,
        grant: Authorized<O>,
        account: &str,
        mut work: impl FnMut(&mut Draft<'_, '_>) -> Result<R, ServiceError> + Send + 'static,
    ) -> Result<R, ServiceError>
    where
        O: ServiceOperation,
        R: Send + 'static,
    {
        let (identities, account) = (Arc::clone(self), account.to_owned());
        // A task of its own: memory follows also where the client went away.
        let task = tokio::spawn(async move {
            let of = account.clone();
            let written = identities.store.change_entities(&grant, move |t| {
                let mut touched = BTreeSet::new();
                let result = work(&mut Draft::new(t, &of, &mut touched))?;
                Ok::<_, ServiceError>((result, touched))
            });
            let (result, touched) = written.await?;
            identities.follow(&account, &touched).await?;
            Ok(result)
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a change of identities was cut");
            Err(ServiceError::internal())
        })
    }

    /// Takes over what a change wrote.
    async fn follow(&self, account: &str, touched: &BTreeSet<Touched>) -> Result<(), StoreError> {
        let _alone = self.following.lock().await;
        let mut snapshot = Snapshot::clone(&self.now.load());
        let Some(before) = snapshot.accounts.get(account).cloned() else { return Ok(()) };
        let mut state = AccountState::clone(&before);
        let stale = state.refresh(&self.store, touched)?;
        let root = touched.contains(&Touched::Settings);
        let mut known = HashMap::new();
        for (key, _) in keys_of(&before, root, Some(&stale)) {
            known.extend(snapshot.keys.remove(key.id.as_str()).map(|credential| (key.id, credential)));
        }
        let state = Arc::new(state);
        for (key, caller) in keys_of(&state, root, Some(&stale)) {
            let secret = match known.get(&key.id) {
                Some(credential) => credential.secret.clone(),
                None => self.store.open_sealed(&key.secret)?.into(),
            };
            snapshot.keys.insert(key.id.as_str().into(), credential(secret, &key, caller));
        }
        snapshot.accounts.insert(account.into(), state);
        self.now.store(Arc::new(snapshot));
        Ok(())
    }

    /// Reads an MFA device again whose code was used.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub async fn device_used(&self, account: &str, serial: &str) -> Result<(), StoreError> {
        self.follow(account, &BTreeSet::from([Touched::Device(serial.to_owned())])).await
    }

    /// Notes that an access key, or the role behind a session, was used.
    pub fn note_use(&self, caller: &Caller, access_key_id: Option<&str>, service: &'static str, at: i64) {
        let principal = &caller.principal;
        let role = principal.id.as_deref().filter(|_| principal.kind == "role-session");
        let role = role.map(|id| id.split(':').next().unwrap_or(id));
        let Some(used) = role.or(access_key_id.filter(|id| id.starts_with("AKIA"))) else { return };
        let now = LastUse { at, service };
        if self.uses.get(used).is_none_or(|last| *last != now) {
            self.uses.insert(used.to_owned(), now);
        }
    }

    /// When an access key, or the role with this unique id, was last used since the server's start.
    #[must_use]
    pub fn last_use(&self, id: &str) -> Option<LastUse> {
        self.uses.get(id).map(|last| *last)
    }
}

/// The keys of a whole account with their callers, or of some of its users and, where that is asked, the root user.
fn keys_of(state: &AccountState, root: bool, users: Option<&BTreeSet<Arc<str>>>) -> Vec<(KeptKey, Arc<Caller>)> {
    let of_root = Arc::new(state.root());
    let mut keys: Vec<_> =
        state.settings.keys.iter().filter(|_| root).map(|key| (key.clone(), of_root.clone())).collect();
    let holders: Box<dyn Iterator<Item = &Arc<Holder>> + '_> = match users {
        None => Box::new(state.identities.values()),
        Some(stale) => Box::new(stale.iter().filter_map(|key| state.identities.get(key))),
    };
    for holder in holders {
        let Some(caller) = &holder.caller else { continue };
        keys.extend(holder.document.keys().iter().map(|key| (key.clone(), caller.clone())));
    }
    keys
}

/// A long-term key that may be used.
fn credential(secret: Zeroizing<String>, key: &KeptKey, caller: Arc<Caller>) -> Arc<Credential> {
    Arc::new(Credential { secret, active: key.active, session_token: None, expires: None, caller })
}

impl Credentials for Identities {
    fn find(&self, access_key_id: &str) -> Option<Arc<Credential>> {
        self.now.load().keys.get(access_key_id).cloned()
    }

    fn find_session(&self, access_key_id: &str, token: &str) -> Result<Arc<Credential>, Unusable> {
        let known = self.sessions.get(access_key_id).filter(|session| session.token == token);
        let known = known.map(|session| Arc::clone(session.value()));
        let session = match known {
            Some(session) => session,
            None => {
                let claims = Claims::opened(&self.store, token).ok_or(Unusable::Token)?;
                if claims.key_id != access_key_id {
                    return Err(Unusable::Token);
                }
                let session = Arc::new(Session::new(token, claims));
                if self.sessions.len() >= REMEMBERED {
                    self.sessions.clear();
                }
                self.sessions.insert(access_key_id.to_owned(), session.clone());
                session
            }
        };
        let account = self.account(&session.claims.account).ok_or(Unusable::Unknown)?;
        session.credential(&account).ok_or(Unusable::Unknown)
    }
}
