//! Listing against a naive model: a sorted list.

use super::*;
use crate::gate::operations as o;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
enum Item {
    Key(String),
    Prefix(String),
}

impl Item {
    fn text(&self) -> &str {
        match self {
            Self::Key(text) | Self::Prefix(text) => text,
        }
    }
}

/// What S3 lists, written down plainly.
fn expected(keys: &BTreeSet<String>, query: &ListQuery) -> (Vec<Item>, bool) {
    let delimiter = query.delimiter.as_deref().filter(|d| !d.is_empty());
    let mut items: Vec<Item> = Vec::new();
    for key in keys {
        let Some(rest) = key.strip_prefix(&query.prefix) else { continue };
        let item = match delimiter.and_then(|d| rest.find(d).map(|at| at + d.len())) {
            Some(end) => Item::Prefix(format!("{}{}", query.prefix, &rest[..end])),
            None => Item::Key(key.clone()),
        };
        if query.after.as_ref().is_none_or(|after| item.text() > after.as_str()) && !items.contains(&item) {
            items.push(item);
        }
    }
    let truncated = items.len() > query.max_keys && query.max_keys > 0;
    items.truncate(query.max_keys);
    (items, truncated)
}

fn items(listing: &Listing) -> Vec<Item> {
    let keys = listing.entries.iter().map(|e| Item::Key(e.key.clone()));
    let mut items: Vec<_> = keys.chain(listing.common_prefixes.iter().cloned().map(Item::Prefix)).collect();
    items.sort_by(|a, b| a.text().cmp(b.text()));
    items
}

fn key() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => Just("a"), 4 => Just("b"), 5 => Just("/"), 2 => Just("//"), 1 => Just("ü"), 1 => Just("\u{0}"),
        1 => Just("\u{10FFFF}"), 1 => Just(" "), 1 => Just("ab/"),
    ];
    proptest::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

fn query() -> impl Strategy<Value = ListQuery> {
    let delimiter = prop_oneof![
        2 => Just(None), 3 => Just(Some("/".to_owned())), 1 => Just(Some("//".to_owned())),
        1 => Just(Some("b/a".to_owned())), 1 => Just(Some(String::new())), 1 => Just(Some("ü".to_owned())),
    ];
    let prefix = prop_oneof![2 => Just(String::new()), 2 => key()];
    (prefix, delimiter, proptest::option::of(key()), 0..6_usize)
        .prop_map(|(prefix, delimiter, after, max_keys)| ListQuery { prefix, delimiter, after, max_keys })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn listing_is_the_sorted_list(
        keys in proptest::collection::btree_set(key(), 0..40),
        deleted in proptest::collection::btree_set(key(), 0..10),
        queries in proptest::collection::vec(query(), 1..12),
    ) {
        runtime().block_on(async {
            let (store, _folder) = store().await;
            set_versioning(&store, Versioning::Enabled).await;
            for key in keys.iter().chain(&deleted) {
                put(&store, key, b"x").await.expect("puts");
            }
            for key in &deleted {
                delete(&store, key, None).await.expect("deletes");
            }
            let live: BTreeSet<String> = keys.difference(&deleted).cloned().collect();
            let all: BTreeSet<String> = keys.union(&deleted).cloned().collect();
            for query in queries {
                let listing = store.list(&on_bucket::<o::ListObjectsV2>("b"), &query).expect("lists");
                assert_eq!((items(&listing), listing.truncated), expected(&live, &query), "{query:?}");
                walk_all(&store, &live, query.clone());
                walk_versions(&store, &all, &query);
            }
        });
    }
}

/// Walking all pages gives everything once, in order.
fn walk_all(store: &Store, live: &BTreeSet<String>, mut query: ListQuery) {
    query.max_keys = query.max_keys.max(1);
    let (whole, _) = expected(live, &ListQuery { max_keys: usize::MAX, ..query.clone() });
    let mut walked = Vec::new();
    loop {
        let page = store.list(&on_bucket::<o::ListObjects>("b"), &query).expect("lists");
        walked.extend(items(&page));
        assert_eq!(page.truncated, page.next.is_some());
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    assert_eq!(walked, whole);
}

fn walk_versions(store: &Store, all: &BTreeSet<String>, query: &ListQuery) {
    let whole = ListQuery { max_keys: usize::MAX, ..query.clone() };
    let mut versions = VersionQuery {
        prefix: query.prefix.clone(),
        delimiter: query.delimiter.clone(),
        key_marker: query.after.clone(),
        version_marker: None,
        max_keys: query.max_keys.max(1),
    };
    let mut walked: Vec<Item> = Vec::new();
    loop {
        let page = store.list_versions(&on_bucket("b"), &versions).expect("lists");
        let keys = page.versions.iter().map(|v| Item::Key(v.key.clone()));
        let mut items: Vec<_> = keys.chain(page.common_prefixes.into_iter().map(Item::Prefix)).collect();
        items.sort_by(|a, b| a.text().cmp(b.text()));
        walked.extend(items);
        let Some((key, version)) = page.next else { break };
        (versions.key_marker, versions.version_marker) = (Some(key), version);
    }
    // A marker stands above the version that it hides: such keys come twice.
    walked.dedup();
    assert_eq!(walked, expected(all, &whole).0);
}

#[tokio::test]
async fn a_full_prefix_is_passed_whole() {
    let (store, _folder) = store().await;
    for number in 0..100 {
        put(&store, &format!("many/{number:03}"), b"x").await.expect("puts");
    }
    put(&store, "one", b"x").await.expect("puts");
    let query = ListQuery { delimiter: Some("/".to_owned()), max_keys: 2, ..ListQuery::default() };
    let listing = store.list(&on_bucket::<o::ListObjectsV2>("b"), &query).expect("lists");
    assert_eq!(items(&listing), [Item::Prefix("many/".to_owned()), Item::Key("one".to_owned())]);
    assert!(!listing.truncated && listing.next.is_none());
    assert_eq!(*listing.entries[0].owner, owner());
    let none = store.list(&on_bucket::<o::ListObjects>("b"), &ListQuery::default()).expect("lists");
    assert_eq!(none, Listing::default());
    let missing = store.list(&on_bucket::<o::ListObjects>("nope"), &query);
    assert!(matches!(missing, Err(StoreError::NoSuchBucket)));
}
