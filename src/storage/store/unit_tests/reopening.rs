//! The embedded engine: what was acknowledged is there when the data directory is opened again.

use super::*;
use crate::policy::acl::PublicAccessBlock;
use crate::storage::kv::Space;

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let folder = Folder::new();
    let open = async || Store::open(&folder.0, StoreSettings::default(), 0).await;
    let store = open().await.expect("a new data directory");
    assert_eq!(store.world().expect("reads"), None);
    store.seed_bucket("b", new_bucket(true), |b| b.policy = Some("{}".to_owned())).await.expect("seeds");
    store.seed_account_block(ACCOUNT, PublicAccessBlock::ALL).await.expect("seeds");
    store.put_world("world", 0).await.expect("seeds");
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
    assert_eq!(store.world().expect("reads").as_deref(), Some("world"));
    assert_eq!(store.health(), Health::Ready);
    assert_eq!(store.sweep().await.expect("sweeps").gone, 1, "what was doomed before may go");
    assert_sound(&store).await;
    let next = put(&store, "k", b"x").await.expect("puts");
    assert_ne!(next.version, Some(first));
    store.close();
    assert!(matches!(put(&store, "k", b"y").await, Err(StoreError::Closed)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_objects_while_others_write_delete_and_sweep() {
    let folder = Folder::new();
    let store = Store::open(&folder.0, StoreSettings::default(), 0).await.expect("a new data directory");
    store.create_bucket(&on_bucket("b"), new_bucket(false)).await.expect("a new bucket");
    let mut tasks = Vec::new();
    for writer in 0..4_u8 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..40_u8 {
                let key = format!("k{}", round % 3);
                let size = if round % 4 == writer { 40_000 } else { 500 + usize::from(round) };
                put(&store, &key, &body(writer * 50 + round, size)).await.expect("puts");
                if round % 7 == writer {
                    delete(&store, &key, None).await.expect("deletes");
                }
                store.sweep().await.expect("sweeps");
            }
        }));
    }
    for _ in 0..3 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..400 {
                match look(&store, &format!("k{}", round % 3), None) {
                    Ok(view) => {
                        let found = bytes_of(&view, 0..view.record().size).await.expect("reads what it saw");
                        assert_eq!(view.record().etag, etag(&found));
                        assert_eq!(found, body(found[0], found.len()));
                    }
                    Err(error) => assert!(matches!(error, StoreError::NoSuchKey), "{error}"),
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_sound(&store).await;
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
            t.put(Space::Settings, b"format", value.clone());
            Ok::<_, ()>(())
        };
        transact(&*engine, write).await.expect("writes");
        let opened =
            Store::assemble(Arc::clone(&engine), blobs.clone(), Arc::clone(&keys), StoreSettings::default(), None);
        let Err(StoreError::Format { found: seen, known: FORMAT }) = opened.await else { panic!("refused") };
        assert_eq!(seen, found);
    }
}
