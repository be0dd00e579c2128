//! The embedded engine: what was acknowledged is there when the data directory is opened again.

use super::*;
use crate::policy::acl::PublicAccessBlock;

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let folder = Folder::new();
    let open = async || Store::open(&folder.0, StoreSettings::default(), 0).await;
    let store = open().await.expect("a new data directory");
    assert_eq!(store.world().expect("reads"), None);
    store.seed_bucket("b", new_bucket(true), |b| b.policy = Some("{}".to_owned())).await.expect("seeds");
    store.seed_account_block(ACCOUNT, PublicAccessBlock::ALL).await.expect("seeds");
    let credential = Credential {
        access_key: "AKIAEXAMPLE".to_owned(),
        secret: "secret".to_owned(),
        account: ACCOUNT.to_owned(),
        owner: "root".to_owned(),
    };
    store.put_credential(credential.clone(), 1).await.expect("a key");
    store.put_world(Bytes::from_static(b"world")).await.expect("seeds");
    let first = put(&store, "k", &body(1, 10)).await.expect("puts").version.expect("a version");
    put(&store, "k", &body(2, 20_000)).await.expect("puts");
    put(&store, "gone", &body(2, 20_000)).await.expect("puts");
    let gone = look(&store, "gone", None).expect("is there").record().version.clone();
    delete(&store, "gone", Some(&gone)).await.expect("destroys");
    let reader = look(&store, "k", None).expect("is there");
    let second = open().await;
    assert!(matches!(second.err(), Some(StoreError::InUse)));
    drop(reader);
    store.close();
    drop(store);

    let store = open().await.expect("the same data directory");
    assert_eq!(get(&store, "k", None).await.expect("reads"), body(2, 20_000));
    assert_eq!(get(&store, "k", Some(&first)).await.expect("reads"), body(1, 10));
    assert_eq!(store.bucket("b").expect("is there").policy.as_deref(), Some("{}"));
    assert_eq!(store.account_block(ACCOUNT), Some(PublicAccessBlock::ALL));
    assert_eq!(store.credentials().expect("reads"), [credential]);
    assert_eq!(store.world().expect("reads").as_deref(), Some(&b"world"[..]));
    assert_eq!(store.health(), Health::Ready);
    assert_eq!(store.sweep().await.expect("sweeps").gone, 1, "what was doomed before may go");
    assert_sound(&store).await;
    let next = put(&store, "k", b"x").await.expect("puts");
    assert_ne!(next.version, Some(first));
    store.close();
    assert!(matches!(put(&store, "k", b"y").await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn a_later_format_is_refused() {
    let folder = Folder::new();
    let engine: Arc<dyn Engine> = Arc::new(MemoryEngine::new());
    let keys = Arc::new(KeyRing::create(&folder.0.join("keys"), 0).expect("new keys"));
    let blobs = Blobs::open(&folder.0.join("blobs"), BlobOptions::default()).expect("a directory");
    for (found, stored) in [(Some(2), &[0, 0, 0, 2][..]), (None, &b"x"[..])] {
        let value = Bytes::copy_from_slice(stored);
        let write = move |t: &mut dyn Transaction| {
            t.put(super::super::super::kv::Space::Settings, b"format", value.clone());
            Ok::<_, ()>(())
        };
        transact(&*engine, write).await.expect("writes");
        let opened =
            Store::assemble(Arc::clone(&engine), blobs.clone(), Arc::clone(&keys), StoreSettings::default(), None);
        let Err(StoreError::Format { found: seen, known: FORMAT }) = opened.await else { panic!("refused") };
        assert_eq!(seen, found);
    }
}
