//! From a data directory to a server: the first start seeds it, later ones go on from what is there.

use super::app::{Clock, Found, Server};
use super::canonicals::Canonicals;
use super::cloudfront::state::CloudFront;
use super::directory::Directory;
use super::identities::{self, Identities, ids};
use super::kms::{self, Keys};
use super::metrics::Metrics;
use super::principal_arns;
use super::reseal;
use super::run::ServeError;
use super::services::cloudfront::seed;
use super::settings::ServeSettings;
use super::trail::Trail;
use crate::policy::acl::Acl;
use crate::simulate::world::{Account, BucketEntry, Bundle, World};
use crate::storage::kv::Health;
use crate::storage::store::{Limits, MfaDevice, NewBucket, ObjectMeta, Owner, Store, StoreError, StoreSettings};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The account that a first start without a world makes: AWS's own example.
const FIRST_ACCOUNT: &str = "123456789012";
/// How often doomed bytes are swept.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// How often abandoned uploads are looked for.
const EXPIRE_EVERY: Duration = Duration::from_mins(10);
/// After how long a new root key seals new objects, in seconds: a year.
const ROOT_KEY_AGE: i64 = 365 * 86_400;
const DAY_MS: i64 = 86_400_000;

/// The system's clock, in milliseconds since 1970.
#[must_use]
pub fn system_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Opens the data directory and makes the server. `load` reads the world files of the settings.
///
/// # Errors
/// What kept it from being opened, as a sentence for operators.
pub async fn open(
    settings: Arc<ServeSettings>,
    load: impl FnOnce(&ServeSettings) -> Result<(World, Bundle), String>,
) -> Result<Server, ServeError> {
    let clock: Clock = Arc::new(system_clock);
    let now_ms = clock();
    let failed = |e: StoreError| ServeError::Prepare(format!("{}: {e}", settings.data.display()));
    let usual = Limits::default();
    let most = settings.max_object_bytes;
    let limits = Limits { max_object_bytes: most, max_put_bytes: most.min(usual.max_put_bytes), ..usual };
    let store_settings = settings.root_keys.store_settings().map_err(ServeError::Prepare)?;
    let store_settings = StoreSettings { limits, fault: super::faults::from_environment(), ..store_settings };
    let store = Store::open(&settings.data, store_settings, now_ms.div_euclid(1000)).await.map_err(failed)?;
    let world = match store.world().map_err(failed)? {
        None => first_start(&store, &settings, now_ms, load).await?,
        Some(kept) => {
            if !settings.world.is_empty() {
                tracing::warn!("the data directory has its own world: the files given with -w were not applied");
            }
            restored(&kept)?
        }
    };
    // Behind the world: a root key that does not open what is there must not be followed by others.
    if let Err(error) = store.rotate_root_key(now_ms.div_euclid(1000), ROOT_KEY_AGE) {
        tracing::error!(%error, "the root key is a year old, and no new one can be kept: the present one goes on");
    }
    let identities = Identities::open(&store, &world, now_ms).await.map_err(ServeError::Prepare)?;
    let directory = Directory::new(world);
    let trail = Trail::open(&settings.data, &settings.trail, super::faults::from_environment())
        .map_err(|e| ServeError::Prepare(format!("the trail of decisions cannot be opened: {e}")))?;
    let cloudfront = CloudFront::load(&store).map_err(failed)?;
    let keys = Keys::load(&store).map_err(failed)?;
    let server = Server::new(
        Found { store, directory, identities, cloudfront, keys },
        ServeSettings::clone(&settings),
        Arc::new(Metrics::default()),
        trail,
        clock,
    );
    tend(&server);
    Ok(server)
}

/// The world of a data directory's seed documents.
pub(in crate::edges) fn restored(kept: &str) -> Result<World, ServeError> {
    let bundle: Bundle = serde_json::from_str(kept)
        .map_err(|e| ServeError::Prepare(format!("the seed files in the data directory cannot be read: {e}")))?;
    bundle.world().map_err(|problems| {
        let first = problems.iter().flat_map(|p| &p.list).next();
        let message = first.map_or_else(String::new, |p| format!(": [{}] {}", p.code, p.message));
        ServeError::Prepare(format!("the seed files in the data directory are refused by this version{message}"))
    })
}

/// Seeds a new data directory. The seed documents go in last: a start that was cut short begins again, with what
/// the world says then.
async fn first_start(
    store: &Store,
    settings: &ServeSettings,
    now_ms: i64,
    load: impl FnOnce(&ServeSettings) -> Result<(World, Bundle), String>,
) -> Result<World, ServeError> {
    let failed = |e: StoreError| ServeError::Prepare(format!("the data directory cannot be seeded: {e}"));
    let (world, bundle) = if settings.world.is_empty() {
        first_account(&settings.data, &settings.region)?
    } else {
        load(settings).map_err(ServeError::Prepare)?
    };
    // What cannot be served must not be kept.
    identities::seed::check(&world).map_err(ServeError::Prepare)?;
    let directory = Directory::new(world);
    store.forget_cut_seed().await.map_err(failed)?;
    seed::seed(store, directory.world(), settings, now_ms)
        .await
        .map_err(|e| ServeError::Prepare(format!("the world files cannot be served: {}: {}", e.code, e.message)))?;
    let cloudfront = Arc::new(CloudFront::load(store).map_err(failed)?);
    let known = Canonicals { directory: Arc::new(directory), cloudfront };
    for account in known.directory.world().accounts.values() {
        seed_account(store, account, &known, settings, now_ms).await.map_err(failed)?;
    }
    seed_keys(store, known.directory.world(), settings, now_ms).await.map_err(failed)?;
    let documents = serde_json::to_string(&bundle).map_err(|e| ServeError::Prepare(e.to_string()))?;
    store.put_world(&documents, now_ms).await.map_err(failed)?;
    bundle.world().map_err(|_| ServeError::Prepare("the world cannot be loaded a second time".to_owned()))
}

/// An account with a root key, which stands in `DIR/credentials`.
fn first_account(data: &Path, region: &str) -> Result<(World, Bundle), ServeError> {
    let key = ids::access_key("AKIA").map_err(|e| ServeError::Prepare(e.to_string()))?;
    let (id, secret) = (key.id, key.secret);
    let text = serde_json::json!({
        "version": 1, "region": region,
        "accounts": [{"id": FIRST_ACCOUNT, "name": "default", "root": {"access_keys": [{"id": id, "secret": secret}]}}],
    });
    let bundle = Bundle::of_text("first-start.json", &text.to_string());
    let world = bundle.world().map_err(|_| ServeError::Prepare("the first account cannot be made".to_owned()))?;
    let profile = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\nregion = {region}\n");
    write_private(&data.join("credentials"), profile.as_bytes())
        .map_err(|e| ServeError::Prepare(format!("the credentials cannot be written: {e}")))?;
    Ok((world, bundle))
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

async fn seed_account(
    store: &Store,
    account: &Account,
    known: &Canonicals,
    settings: &ServeSettings,
    now_ms: i64,
) -> Result<(), StoreError> {
    if let Some(block) = account.public_access_block.given() {
        store.seed_account_block(&account.id, *block).await?;
    }
    let users = account.users.iter().map(|(name, user)| (name.as_str(), &user.credentials));
    for (owner, credentials) in std::iter::once(("root", &account.root)).chain(users) {
        for (serial, secret) in &credentials.mfa {
            let device = MfaDevice {
                serial: serial.clone(),
                secret: secret.clone(),
                account: account.id.clone(),
                owner: owner.to_owned(),
            };
            store.put_mfa_device(device, now_ms).await?;
        }
    }
    let owner = Owner {
        canonical: account.canonical_id.clone(),
        display: known.directory.display_name(&account.canonical_id).unwrap_or_default().to_owned(),
    };
    for (name, bucket) in &account.buckets {
        seed_bucket(store, account, &owner, (name, bucket), known, settings, now_ms).await?;
    }
    Ok(())
}

async fn seed_bucket(
    store: &Store,
    account: &Account,
    owner: &Owner,
    (name, bucket): (&str, &BucketEntry),
    known: &Canonicals,
    settings: &ServeSettings,
    now_ms: i64,
) -> Result<(), StoreError> {
    let new = NewBucket {
        owner_account: account.id.clone(),
        owner: owner.clone(),
        region: bucket.region.clone().unwrap_or_else(|| settings.region.clone()),
        acl: resolved(bucket.acl.given(), known)?,
        ownership: bucket.ownership,
        public_access_block: bucket.public_access_block.given().copied(),
        object_lock: false,
        tags: Vec::new(),
        now_ms,
    };
    // A policy that names somebody who is not in the world stays as it is written.
    let text = bucket.policy_text.as_ref().map(|text| principal_arns::stored_text(text, known));
    let configure = move |record: &mut crate::storage::store::BucketRecord| record.policy.clone_from(&text);
    store.seed_bucket(name, new, configure).await?;
    for (key, object) in &bucket.objects {
        let owner = match &object.owner_canonical {
            Some(canonical) => Owner { canonical: canonical.clone(), display: String::new() },
            None => owner.clone(),
        };
        let meta = ObjectMeta {
            owner,
            acl: resolved(object.acl.as_ref(), known)?,
            tags: object.tags.clone(),
            ..ObjectMeta::default()
        };
        store.seed_object(name, key, meta, now_ms).await?;
    }
    Ok(())
}

/// The keys of the world, with material of their own.
async fn seed_keys(store: &Store, world: &World, settings: &ServeSettings, now_ms: i64) -> Result<(), StoreError> {
    let mut seeds = Vec::new();
    for account in world.accounts.values() {
        for (id, key) in &account.keys {
            let region = key.region.as_deref().unwrap_or(&settings.region);
            seeds.push(kms::Seed::of(store, &account.id, id, key, region, now_ms)?);
        }
    }
    store.seed_entities(move |t| seeds.iter().try_for_each(|seed| seed.put(t))).await
}

/// An ACL with its e-mail grantees found.
fn resolved(acl: Option<&Acl>, known: &Canonicals) -> Result<Option<Acl>, StoreError> {
    let found = acl.map(|acl| super::handlers::resolved(acl.clone(), known)).transpose();
    found.map_err(|e| StoreError::Damaged { what: format!("the seed files: {}", e.message) })
}

/// What a server does beside answering: sweeping, expiring uploads, showing its health.
fn tend(server: &Server) {
    let server = server.downgrade();
    tokio::spawn(async move {
        let mut since_expiry = EXPIRE_EVERY;
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            let Some(server) = server.upgrade() else { return };
            let store = server.store();
            server.counted().set_read_only(matches!(store.health(), Health::ReadOnly(_)));
            loop {
                match store.sweep().await {
                    Ok(swept) if swept.more => {}
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(%error, "what was deleted could not be swept");
                        break;
                    }
                }
            }
            tend_keys(&server).await;
            reseal::if_asked(&server).await;
            server.counted().set_trail(server.trail());
            since_expiry += SWEEP_EVERY;
            let Some(days) = server.settings().upload_expiry_days else { continue };
            if since_expiry >= EXPIRE_EVERY {
                since_expiry = Duration::ZERO;
                match store.expire_uploads(server.now_ms() - i64::from(days) * DAY_MS).await {
                    Ok(0) => {}
                    Ok(count) => tracing::info!(count, "abandoned multipart uploads were aborted"),
                    Err(error) => tracing::warn!(%error, "abandoned multipart uploads could not be aborted"),
                }
            }
        }
    });
}

/// Rotates and deletes the keys whose time has come; requests see it at once.
async fn tend_keys(server: &Server) {
    let store = server.store();
    let changed = match store.tend_keys(server.now_ms()).await {
        Ok(changed) => changed,
        Err(error) => {
            tracing::warn!(%error, "keys could not be rotated or deleted");
            return;
        }
    };
    for (account, id) in changed {
        tracing::info!(account, id, "a key was rotated or deleted");
        if let Err(error) = server.keys().reload(store, &account, &id) {
            tracing::error!(%error, account, id, "a key that changed could not be read again");
        }
    }
}
