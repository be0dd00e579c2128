//! Random operations against a naive model: a list of versions for each key.

use super::*;
use crate::gate::operations as o;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    /// Destroys a version: below 6, the one at this place from the newest one of the key; from 6, the one at this
    /// place among all that were ever made, there or not.
    Destroy(u8, usize),
    DestroyNull(u8),
    Versioning(bool),
    Tag(u8, usize),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..3_u8, any::<u8>()).prop_map(|(k, b)| Step::Put(k, b)),
        3 => (0..3_u8).prop_map(Step::Delete),
        5 => (0..3_u8, prop_oneof![Just(0), Just(0), 0..12_usize]).prop_map(|(k, n)| Step::Destroy(k, n)),
        1 => (0..3_u8).prop_map(Step::DestroyNull),
        2 => prop::bool::weighted(0.7).prop_map(Step::Versioning),
        1 => (0..3_u8, 0..12_usize).prop_map(|(k, n)| Step::Tag(k, n)),
        1 => Just(Step::Sweep),
    ]
}

#[derive(Clone, Debug)]
struct Version {
    id: String,
    /// `None`: a delete marker.
    body: Option<Vec<u8>>,
    tag: Option<String>,
}

/// Versions by key, oldest first.
#[derive(Default)]
struct Model {
    versioning: Versioning,
    keys: BTreeMap<String, Vec<Version>>,
    made: Vec<String>,
}

impl Model {
    fn add(&mut self, key: &str, id: &str, body: Option<Vec<u8>>) {
        let versions = self.keys.entry(key.to_owned()).or_default();
        if id == NULL {
            versions.retain(|v| v.id != NULL);
        } else {
            self.made.push(id.to_owned());
        }
        versions.push(Version { id: id.to_owned(), body, tag: None });
    }

    fn destroy(&mut self, key: &str, id: &str) -> bool {
        let Some(versions) = self.keys.get_mut(key) else { return false };
        let marker = versions.iter().any(|v| v.id == id && v.body.is_none());
        versions.retain(|v| v.id != id);
        marker
    }
}

fn key(number: u8) -> String {
    ["k", "k\u{0}z", "k/ü"][usize::from(number)].to_owned()
}

async fn apply(store: &Store, model: &mut Model, step: Step) {
    match step {
        Step::Put(k, b) => {
            // Some are larger than what lies in the metadata.
            let body = body(b, if b % 16 == 0 { 20_000 } else { usize::from(b) });
            let written = put(store, &key(k), &body).await.expect("puts");
            assert_eq!(written.version.is_none(), model.versioning == Versioning::Off);
            let id = written.version.unwrap_or_else(|| NULL.to_owned());
            assert_eq!(id == NULL, model.versioning != Versioning::Enabled);
            model.add(&key(k), &id, Some(body));
        }
        Step::Delete(k) => {
            let deleted = delete(store, &key(k), None).await.expect("deletes");
            if model.versioning == Versioning::Off {
                assert_eq!(deleted, Deleted::default());
                model.keys.remove(&key(k));
            } else {
                assert!(deleted.delete_marker);
                model.add(&key(k), &deleted.version.expect("a marker has a version"), None);
            }
        }
        Step::Destroy(k, n) => {
            let newest_first = model.keys.get(&key(k)).into_iter().flat_map(|v| v.iter().rev().map(|v| v.id.clone()));
            let id = if n < 6 { newest_first.skip(n).find(|id| id != NULL) } else { model.made.get(n - 6).cloned() };
            let Some(id) = id else { return };
            let deleted = delete(store, &key(k), Some(&id)).await.expect("destroys");
            let marker = model.destroy(&key(k), &id);
            assert_eq!(deleted, Deleted { delete_marker: marker, version: Some(id) });
        }
        Step::DestroyNull(k) => {
            let deleted = delete(store, &key(k), Some(NULL)).await.expect("destroys");
            assert_eq!(deleted.delete_marker, model.destroy(&key(k), NULL));
        }
        Step::Versioning(enabled) => {
            model.versioning = if enabled { Versioning::Enabled } else { Versioning::Suspended };
            set_versioning(store, model.versioning).await;
        }
        Step::Tag(k, n) => {
            let Some(id) = model.made.get(n).cloned() else { return };
            let tag = format!("t{n}");
            let tags = vec![(tag.clone(), String::new())];
            let change = move |_: &BucketRecord, record: &mut VersionRecord| {
                record.tags.clone_from(&tags);
                Ok(())
            };
            let outcome = store.update_object(&on_version::<o::PutObjectTagging>(&key(k), Some(&id)), 5, change).await;
            let versions = model.keys.entry(key(k)).or_default();
            match (versions.iter_mut().find(|v| v.id == id), outcome) {
                (Some(v), Ok(_)) if v.body.is_some() => v.tag = Some(tag),
                (Some(v), Err(StoreError::DeleteMarker { .. })) => assert!(v.body.is_none()),
                (None, Err(StoreError::NoSuchVersion)) => {}
                (found, outcome) => panic!("{found:?} {:?}", outcome.map(|r| r.seq)),
            }
        }
        Step::Sweep => drop(store.sweep().await.expect("sweeps")),
    }
}

async fn compare(store: &Store, model: &Model) {
    for k in 0..3 {
        let key = key(k);
        let versions = model.keys.get(&key).cloned().unwrap_or_default();
        let current = get(store, &key, None).await;
        match versions.last() {
            None => assert!(matches!(current, Err(StoreError::NoSuchKey))),
            Some(Version { body: Some(body), .. }) => assert_eq!(&current.expect("is there"), body),
            Some(Version { body: None, id, .. }) => {
                let Err(StoreError::DeleteMarker { version, named: false, .. }) = current else { panic!("a marker") };
                assert_eq!(&version, id);
            }
        }
        for id in model.made.iter().map(String::as_str).chain([NULL]) {
            let found = get(store, &key, Some(id)).await;
            match versions.iter().find(|v| v.id == id) {
                None => assert!(matches!(found, Err(StoreError::NoSuchVersion)), "{id}"),
                Some(Version { body: Some(body), tag, .. }) => {
                    assert_eq!(&found.expect("is there"), body);
                    let tags = look(store, &key, Some(id)).expect("is there").record().tags.clone();
                    assert_eq!(tags.first().map(|(name, _)| name), tag.as_ref());
                }
                Some(_) => assert!(matches!(found, Err(StoreError::DeleteMarker { named: true, .. }))),
            }
        }
    }
    let listed = |max_keys| {
        let mut query = VersionQuery { max_keys, ..VersionQuery::default() };
        let mut all = Vec::new();
        loop {
            let page = store.list_versions(&on_bucket("b"), &query).expect("lists");
            assert!(page.versions.len() <= max_keys);
            all.extend(page.versions.into_iter().map(|v| (v.key, v.version, v.is_latest, v.delete_marker)));
            let Some((key, version)) = page.next else { break };
            (query.key_marker, query.version_marker) = (Some(key), version);
        }
        all
    };
    let expected: Vec<_> = model
        .keys
        .iter()
        .flat_map(|(key, versions)| {
            versions.iter().rev().enumerate().map(|(at, v)| (key.clone(), v.id.clone(), at == 0, v.body.is_none()))
        })
        .collect();
    for max_keys in [1, 2, 1000] {
        assert_eq!(listed(max_keys), expected);
    }
    let current: Vec<_> =
        model.keys.iter().filter(|(_, v)| v.last().is_some_and(|v| v.body.is_some())).map(|(k, _)| k.clone()).collect();
    let listing = store.list(&on_bucket::<o::ListObjects>("b"), &ListQuery { max_keys: 9, ..ListQuery::default() });
    let found: Vec<_> = listing.expect("lists").entries.into_iter().map(|e| e.key).collect();
    assert_eq!(found, current);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn versions_do_what_the_model_does(steps in proptest::collection::vec(step(), 1..40)) {
        runtime().block_on(async {
            let (store, _folder) = store().await;
            let mut model = Model::default();
            for step in steps {
                apply(&store, &mut model, step).await;
            }
            compare(&store, &model).await;
            assert_sound(&store).await;
            let changes = store.changes("b", 0, usize::MAX).expect("a log");
            assert!(changes.is_sorted_by(|a, b| a.seq < b.seq));
            for (key, versions) in std::mem::take(&mut model.keys) {
                for version in versions {
                    delete(&store, &key, Some(&version.id)).await.expect("destroys");
                }
            }
            assert_sound(&store).await;
            store.delete_bucket(&on_bucket("b")).await.expect("an empty bucket goes");
            assert!(store.bucket("b").is_none());
            assert_sound(&store).await;
        });
    }
}
