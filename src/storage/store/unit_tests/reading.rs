//! Reading: ranges, keys, grants, guards, and what damage looks like.

use super::*;
use crate::gate::{Source, operations as o};
use crate::storage::kv::Space;
use crate::storage::sealing::CustomerKey;

#[tokio::test]
async fn bytes_come_back_in_ranges() {
    let (store, _folder) = store().await;
    for size in [0, 1, 16 * 1024, 16 * 1024 + 1, 150_000] {
        let body = body(3, size);
        let written = put(&store, "k", &body).await.expect("puts");
        assert_eq!((written.size, written.version), (size as u64, None));
        let view = look(&store, "k", None).expect("is there");
        for range in [0..size, size / 3..size / 2, size..size, 0..0, size.saturating_sub(1)..size] {
            let found = bytes_of(&view, range.start as u64..range.end as u64).await.expect("reads");
            assert_eq!(found, body[range], "{size}");
        }
        let beyond = view.content(Unlock::Store, 0..size as u64 + 1).await;
        assert!(matches!(beyond.err(), Some(StoreError::InvalidRange { .. })));
        let part = view.part(1).expect("the whole");
        assert_eq!((part.start, part.size, part.of), (0, size as u64, None));
        assert!(view.part(2).is_err() && view.part(0).is_err());
    }
    assert_sound(&store).await;
    let mut writer = store.begin_write(&on::<o::PutObject>("k"), new_object()).expect("begins");
    let refused = writer.write(Bytes::from(vec![0; (1 << 20) + 1])).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { most: 1_048_576, .. })));
}

#[tokio::test]
async fn a_grant_opens_what_it_names_alone() {
    let (store, _folder) = store().await;
    put(&store, "k", b"k").await.expect("puts");
    put(&store, "other", b"o").await.expect("puts");
    let sighting = || store.sight("b", "k", None).expect("looks");
    assert!(matches!(store.read(&on::<o::GetObject>("other"), sighting()), Err(StoreError::WrongGrant)));
    let named = on_version::<o::GetObject>("k", Some(NULL));
    assert!(matches!(store.read(&named, sighting()), Err(StoreError::WrongGrant)));
    assert!(matches!(store.inspect(&on::<o::GetObjectAcl>("other"), sighting()), Err(StoreError::WrongGrant)));
    assert_eq!(store.inspect(&on::<o::GetObjectAcl>("k"), sighting()).expect("opens").etag, "1-107");
    let target = || Target::Object { bucket: "b".to_owned(), key: "copy".to_owned() };
    let copy = |key: &str| {
        let source = Source { bucket: "b".to_owned(), key: key.to_owned(), version: None };
        Authorized::<o::CopyObject>::for_test_from(target(), source, caller(ACCOUNT), 0)
    };
    assert!(matches!(store.read_source(&copy("other"), sighting()), Err(StoreError::WrongGrant)));
    let none = Authorized::<o::CopyObject>::for_test(target(), None, caller(ACCOUNT), 0);
    assert!(matches!(store.read_source(&none, sighting()), Err(StoreError::WrongGrant)));
    let view = store.read_source(&copy("k"), sighting()).expect("opens");
    assert_eq!(bytes_of(&view, 0..1).await.expect("reads"), b"k");

    let absent = store.sight("b", "nope", None).expect("looks");
    assert!(!absent.exists() && absent.owner().is_none() && absent.tags().is_empty());
    assert!(sighting().exists() && sighting().owner() == Some(&owner()));
    assert!(matches!(store.sight("nope", "k", None), Err(StoreError::NoSuchBucket)));
    assert!(matches!(look(&store, "k", Some("x")), Err(StoreError::InvalidVersion)));
    assert!(matches!(look(&store, "k", Some(&version_id::make(1, [0; 16]))), Err(StoreError::NoSuchVersion)));
}

#[tokio::test]
async fn customer_keys() {
    let (store, _folder) = store().await;
    let key = |byte| CustomerKey::new([byte; 32]);
    for size in [0, 10, 20_000] {
        let mut new = new_object();
        new.sse = Sse::Customer { key: key(1), key_md5: "md5".to_owned() };
        let mut writer = store.begin_write(&on::<o::PutObject>("k"), new).expect("begins");
        writer.write(Bytes::from(body(1, size))).await.expect("writes");
        writer.commit(finish("e")).await.expect("puts");
        let view = look(&store, "k", None).expect("is there");
        assert_eq!(view.record().sse, StoredSse::Customer { key_md5: "md5".to_owned() });
        assert!(matches!(view.check_key(Unlock::Store), Err(StoreError::CustomerKeyNeeded)));
        assert!(matches!(view.check_key(Unlock::Customer(&key(2))), Err(StoreError::WrongCustomerKey)), "{size}");
        assert!(view.content(Unlock::Customer(&key(2)), 0..0).await.is_err());
        let stream = view.content(Unlock::Customer(&key(1)), 0..size as u64).await.expect("opens");
        let found: Vec<Bytes> = stream.try_collect().await.expect("reads");
        assert_eq!(found.concat(), body(1, size));
    }
    put(&store, "p", b"plain").await.expect("puts");
    let view = look(&store, "p", None).expect("is there");
    assert!(matches!(view.check_key(Unlock::Customer(&key(1))), Err(StoreError::UnexpectedCustomerKey)));
    assert_sound(&store).await;
}

#[tokio::test]
async fn nothing_is_swept_under_a_reader() {
    let (store, _folder) = store().await;
    for size in [10, 20_000] {
        put(&store, "k", &body(1, size)).await.expect("puts");
        let before = look(&store, "k", None).expect("is there");
        let sighting = store.sight("b", "k", None).expect("looks");
        delete(&store, "k", None).await.expect("deletes");
        assert_eq!(store.sweep().await.expect("sweeps"), Swept { gone: 0, waiting: 1, more: false });
        let after = store.sight("b", "k", None).expect("looks");
        assert!(!after.exists());
        assert_eq!(bytes_of(&before, 0..size as u64).await.expect("reads"), body(1, size));
        let stream = before.content(Unlock::Store, 0..size as u64).await.expect("opens");
        drop(before);
        assert_eq!(store.sweep().await.expect("sweeps").waiting, 1, "the sighting and the stream are left");
        let late = store.read(&on::<o::GetObject>("k"), sighting).expect("opens what it saw");
        assert_eq!(bytes_of(&late, 0..size as u64).await.expect("reads"), body(1, size));
        drop(late);
        assert_eq!(store.sweep().await.expect("sweeps").waiting, 1, "the stream is left");
        let found: Vec<Bytes> = stream.try_collect().await.expect("reads");
        assert_eq!(found.concat(), body(1, size));
        // The stream went with its collecting; the younger sighting holds nothing back.
        assert_eq!(store.sweep().await.expect("sweeps"), Swept { gone: 1, waiting: 0, more: false });
        drop(after);
    }
    assert_sound(&store).await;
}

#[tokio::test]
async fn scrubbing_finds_what_is_wrong() {
    let (store, folder) = store().await;
    put(&store, "large", &body(1, 20_000)).await.expect("puts");
    put(&store, "gone", &body(2, 20_000)).await.expect("puts");
    put(&store, "small", &body(3, 10)).await.expect("puts");
    assert_sound(&store).await;
    let files = blob_files(&folder.0.join("blobs"));
    assert_eq!(files.len(), 2);
    let mut bytes = std::fs::read(&files[0]).expect("readable");
    bytes[12_345] ^= 1;
    std::fs::write(&files[0], bytes).expect("writable");
    std::fs::remove_file(&files[1]).expect("removable");
    // A blob that no record names.
    let id = BlobId::generate(1).expect("random bytes");
    let (key, _) = store.inner.keys.seal_new(id).expect("a key");
    store.inner.blobs.create(id, key).finish().await.expect("a blob");
    // A record without its value.
    let Some(content::Content::Inline(inline, _)) =
        look(&store, "small", None).ok().map(|view| view.record().content.clone())
    else {
        panic!("small objects lie in the metadata")
    };
    store.forget(vec![(Space::Inline, inline.as_bytes().to_vec())]).await.expect("forgets");

    let mut told = 0;
    let report = store.scrub(&mut |progress| told = progress.records).await.expect("scrubs");
    assert_eq!((report.progress.records, told), (3, 3));
    let damaged: Vec<_> = report
        .problems
        .iter()
        .filter_map(|p| match p {
            ScrubProblem::Damaged { bucket, key, .. } => Some((bucket.as_str(), key.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(damaged, [("b", "gone"), ("b", "large"), ("b", "small")]);
    assert!(report.problems.iter().any(|p| matches!(p, ScrubProblem::Orphan { blob, .. } if *blob == id)));
    assert_eq!(report.problems.len(), 4);
    for key in ["gone", "large", "small"] {
        assert!(matches!(get(&store, key, None).await, Err(StoreError::Damaged { .. })), "never wrong bytes");
    }
    assert_eq!(store.delete_unnamed(&report).await.expect("deletes"), 1);
    for key in ["gone", "large", "small"] {
        delete(&store, key, None).await.expect("damage can be deleted");
    }
    assert_sound(&store).await;
}

fn blob_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a directory").filter_map(Result::ok) {
        if entry.path().is_dir() {
            found.extend(blob_files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[tokio::test]
async fn what_is_not_committed_leaves_nothing() {
    let (store, folder) = store().await;
    for size in [10, 20_000, 100_000] {
        let mut writer = store.begin_write(&on::<o::PutObject>("k"), new_object()).expect("begins");
        writer.write(Bytes::from(body(1, size))).await.expect("writes");
        assert_eq!(writer.size(), size as u64);
        drop(writer);
        let unless = WriteConditions { if_match: Some(EtagMatch::Any), ..WriteConditions::default() };
        assert!(matches!(put_if(&store, "k", &body(1, size), unless).await, Err(StoreError::NoSuchKey)));
    }
    let fault: FaultPoint = Arc::new(|place| match place {
        "put.before_metadata" => Err(std::io::Error::other("broken")),
        _ => Ok(()),
    });
    let (broken, other) = store_with(false, StoreSettings { fault: Some(fault), ..StoreSettings::default() }).await;
    assert!(matches!(put(&broken, "k", &body(1, 20_000)).await, Err(StoreError::Io(_))));
    for (store, root) in [(&store, &folder.0), (&broken, &other.0)] {
        assert!(matches!(look(store, "k", None), Err(StoreError::NoSuchKey)));
        // Files of dropped writers are removed in the background.
        for _ in 0..200 {
            if blob_files(&root.join("blobs")).is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(blob_files(&root.join("blobs")), Vec::<PathBuf>::new());
        assert_sound(store).await;
    }
}
