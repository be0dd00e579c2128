//! Tests of the store, over the engine in memory or the embedded one, and blobs in a temporary directory.

mod deciding;
mod listing;
mod model;
mod multipart;
mod reading;
mod reopening;

use super::version_id::NULL;
use super::*;
use crate::gate::{Authorized, Caller, Target};
use crate::simulate::scenario::OwnedPrincipal;
use crate::storage::blobs::BlobOptions;
use crate::storage::kv::MemoryEngine;
use crate::storage::sealing::BlobId;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use std::path::{Path, PathBuf};

const ACCOUNT: &str = "111111111111";

/// A directory that goes when the test does.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("portcullis-store-{}", BlobId::generate(0).expect("random bytes"));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new directory");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn caller(account: &str) -> Arc<Caller> {
    Arc::new(Caller {
        principal: OwnedPrincipal {
            kind: "user".to_owned(),
            account: Some(account.to_owned()),
            ..OwnedPrincipal::default()
        },
        ..Caller::anonymous()
    })
}

fn root(account: &str) -> Arc<Caller> {
    let mut root = Caller::clone(&caller(account));
    root.principal.kind = "root".to_owned();
    Arc::new(root)
}

fn on_bucket<O>(bucket: &str) -> Authorized<O> {
    Authorized::for_test(Target::Bucket { bucket: bucket.to_owned() }, None, caller(ACCOUNT), 0)
}

fn on<O>(key: &str) -> Authorized<O> {
    on_version(key, None)
}

fn on_version<O>(key: &str, version: Option<&str>) -> Authorized<O> {
    let target = Target::Object { bucket: "b".to_owned(), key: key.to_owned() };
    Authorized::for_test(target, version, caller(ACCOUNT), 0)
}

fn owner() -> Owner {
    Owner { canonical: "c".repeat(64), display: "one".to_owned() }
}

fn new_bucket(object_lock: bool) -> NewBucket {
    NewBucket {
        owner_account: ACCOUNT.to_owned(),
        owner: owner(),
        region: "us-east-1".to_owned(),
        acl: None,
        ownership: None,
        public_access_block: None,
        object_lock,
        tags: Vec::new(),
        now_ms: 1,
    }
}

fn new_object() -> NewObject {
    NewObject { meta: ObjectMeta { owner: owner(), ..ObjectMeta::default() }, sse: Sse::S3, now_ms: 1 }
}

fn finish(etag: &str) -> Finish {
    Finish { etag: etag.to_owned(), checksum: None, conditions: WriteConditions::default(), now_ms: 1_000 }
}

/// A store in memory with the bucket `b`, and where its blobs are.
async fn store_with(object_lock: bool, settings: StoreSettings) -> (Store, Folder) {
    let folder = Folder::new();
    let engine = Arc::new(MemoryEngine::new());
    let store = assemble(&folder.0, engine, settings).await;
    store.create_bucket(&on_bucket("b"), new_bucket(object_lock)).await.expect("a new bucket");
    (store, folder)
}

async fn assemble(folder: &Path, engine: Arc<dyn Engine>, settings: StoreSettings) -> Store {
    let keys = KeyRing::create(&folder.join("keys"), 0).expect("new keys");
    let blobs = Blobs::open(&folder.join("blobs"), BlobOptions::default()).expect("a directory for blobs");
    Store::assemble(engine, blobs, Arc::new(keys), settings, None).await.expect("a new store")
}

async fn store() -> (Store, Folder) {
    store_with(false, StoreSettings { limits: small_limits(), ..StoreSettings::default() }).await
}

fn small_limits() -> Limits {
    Limits { max_put_bytes: 1 << 20, max_object_bytes: 200_000, min_part_bytes: 100 }
}

async fn set_versioning(store: &Store, to: Versioning) {
    let grant = on_bucket::<crate::gate::operations::PutBucketVersioning>("b");
    let change = move |record: &mut BucketRecord| {
        record.versioning = to;
        Ok(())
    };
    store.update_bucket(&grant, None, 2, change).await.expect("versioning changes");
}

async fn put(store: &Store, key: &str, body: &[u8]) -> Result<Written, StoreError> {
    put_if(store, key, body, WriteConditions::default()).await
}

/// Puts an object whose `ETag` is its size and first byte.
async fn put_if(store: &Store, key: &str, body: &[u8], conditions: WriteConditions) -> Result<Written, StoreError> {
    let mut writer = store.begin_write(&on::<crate::gate::operations::PutObject>(key), new_object())?;
    for piece in body.chunks(10_000) {
        writer.write(Bytes::copy_from_slice(piece)).await?;
    }
    writer.commit(Finish { conditions, ..finish(&etag(body)) }).await
}

fn etag(body: &[u8]) -> String {
    format!("{}-{}", body.len(), body.first().copied().unwrap_or_default())
}

fn look(store: &Store, key: &str, version: Option<&str>) -> Result<ObjectView, StoreError> {
    let sighting = store.sight("b", key, version)?;
    store.read(&on_version::<crate::gate::operations::GetObject>(key, version), sighting)
}

async fn bytes_of(view: &ObjectView, range: std::ops::Range<u64>) -> Result<Vec<u8>, StoreError> {
    view.content(Unlock::Store, range)
        .await?
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

async fn get(store: &Store, key: &str, version: Option<&str>) -> Result<Vec<u8>, StoreError> {
    let view = look(store, key, version)?;
    bytes_of(&view, 0..view.record().size).await
}

async fn delete(store: &Store, key: &str, version: Option<&str>) -> Result<Deleted, StoreError> {
    let grant = on_version::<crate::gate::operations::DeleteObject>(key, version);
    store.delete(&grant, DeleteOptions { now_ms: 3_000, ..DeleteOptions::default() }).await
}

fn body(byte: u8, size: usize) -> Vec<u8> {
    let mut body = vec![0; size];
    for (at, place) in body.iter_mut().enumerate() {
        *place = byte.wrapping_add(u8::try_from(at % 251).expect("below 251"));
    }
    body
}

/// Everything that is stored is whole, and nothing else is stored.
async fn assert_sound(store: &Store) {
    while store.sweep().await.expect("sweeps").more {}
    let report = store.scrub(&mut |_| {}).await.expect("scrubs");
    assert_eq!(report.problems, []);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

#[test]
fn futures_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    // Never polled: only their types count.
    fn check(store: &Store, writer: ObjectWriter, part: PartWriter, view: &ObjectView) {
        use crate::gate::operations as o;
        is_send(&writer.commit(finish("")));
        is_send(&part.commit(String::new(), None, 0));
        is_send(&view.content(Unlock::Store, 0..0));
        is_send(&store.delete(&on::<o::DeleteObject>("k"), DeleteOptions::default()));
        is_send(&store.delete_bucket(&on_bucket("b")));
        is_send(&store.create_bucket(&on_bucket("b"), new_bucket(false)));
        is_send(&store.update_bucket(&on_bucket::<o::PutBucketAcl>("b"), None, 0, |_| Ok(())));
        is_send(&store.update_object(&on::<o::PutObjectAcl>("k"), 0, |_, _| Ok(())));
        is_send(&store.sweep());
        is_send(&store.scrub(&mut |_| {}));
        is_send(&Store::open(Path::new("x"), StoreSettings::default(), 0));
    }
    let _ = check;
}
