//! What every engine promises, as tests that run on each of them.

use super::{
    Direction, Engine, Health, KeyRange, KvError, Reads, Space, TransactError, Transaction, transact, transact_freeing,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::ops::{Bound, ControlFlow};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An engine under test, and where it lies.
struct Bench {
    engine: Arc<dyn Engine>,
    _folder: Option<Folder>,
}

fn memory() -> Bench {
    Bench { engine: Arc::new(super::MemoryEngine::new()), _folder: None }
}

fn fjall() -> Bench {
    let folder = Folder::new();
    Bench { engine: Arc::new(open(&folder.0)), _folder: Some(folder) }
}

pub(super) fn open(path: &Path) -> super::FjallEngine {
    super::FjallEngine::open(path, super::Options::default()).expect("opens")
}

/// A folder of its own, removed in the end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("portcullis-kv-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

macro_rules! contract {
    ($($promise:ident),* $(,)?) => {
        mod on_memory { $(#[test] fn $promise() { super::$promise(&super::memory().engine); })* }
        mod on_fjall { $(#[test] fn $promise() { super::$promise(&super::fjall().engine); })* }
    };
}

contract!(
    puts_gets_and_deletes,
    scans_in_order_within_bounds,
    takes_any_bytes,
    keeps_large_values,
    sees_its_own_writes,
    refusals_write_nothing,
    is_atomic_across_spaces,
    snapshots_do_not_move,
    loses_no_concurrent_write,
    survives_a_panic,
    turns_bad_keys_away,
    agrees_with_a_model,
    closes,
);

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// A transaction that does not refuse.
pub(super) fn write(
    engine: &dyn Engine,
    mut work: impl FnMut(&mut dyn Transaction) + Send + 'static,
) -> Result<(), TransactError<Infallible>> {
    wait(transact(engine, move |transaction| {
        work(transaction);
        Ok(())
    }))
}

pub(super) fn put(engine: &dyn Engine, key: &'static str, value: &'static str) {
    write(engine, move |t| t.put(Space::Objects, key.as_bytes(), value.into())).expect("writes");
}

pub(super) fn get(reads: &dyn Reads, key: &str) -> Option<Bytes> {
    reads.get(Space::Objects, key.as_bytes()).expect("reads")
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn pairs(reads: &dyn Reads, range: &KeyRange, direction: Direction, limit: usize) -> Pairs {
    let mut found = Vec::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        found.push((key.to_vec(), value.to_vec()));
        if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    reads.scan(Space::Objects, range, direction, &mut visit).expect("scans");
    found
}

fn keys(reads: &dyn Reads, range: &KeyRange, direction: Direction) -> Vec<String> {
    let found = pairs(reads, range, direction, usize::MAX);
    found.into_iter().map(|(key, _)| String::from_utf8(key).expect("text")).collect()
}

fn puts_gets_and_deletes(engine: &Arc<dyn Engine>) {
    assert_eq!(get(engine, "a"), None);
    put(&**engine, "a", "1");
    assert_eq!(get(engine, "a").as_deref(), Some(&b"1"[..]));
    assert_eq!(engine.get(Space::History, b"a"), Ok(None), "spaces are apart");
    put(&**engine, "a", "");
    assert_eq!(get(engine, "a").as_deref(), Some(&b""[..]), "an empty value is a value");
    write(&**engine, |t| t.delete(Space::Objects, b"a")).expect("deletes");
    write(&**engine, |t| t.delete(Space::Objects, b"never there")).expect("deletes nothing");
    assert_eq!(get(engine, "a"), None);
    assert_eq!(engine.get(Space::Objects, b""), Ok(None));
    assert_eq!(engine.health(), Health::Ready);
}

fn scans_in_order_within_bounds(engine: &Arc<dyn Engine>) {
    for key in ["b/2", "a", "b/10", "c", "b/1", "b"] {
        put(&**engine, key, key);
    }
    for reads in [&**engine as &dyn Reads, &*engine.snapshot().expect("a snapshot")] {
        let forward = |range: KeyRange| keys(reads, &range, Direction::Forward);
        let backward = |range: KeyRange| keys(reads, &range, Direction::Backward);
        assert_eq!(forward(KeyRange::all()), ["a", "b", "b/1", "b/10", "b/2", "c"]);
        assert_eq!(backward(KeyRange::all()), ["c", "b/2", "b/10", "b/1", "b", "a"]);
        assert_eq!(forward(KeyRange::prefix("b/")), ["b/1", "b/10", "b/2"]);
        assert_eq!(backward(KeyRange::prefix("b/")), ["b/2", "b/10", "b/1"]);
        assert_eq!(forward(KeyRange::prefix("b/").after("b/1")), ["b/10", "b/2"]);
        assert_eq!(backward(KeyRange::prefix("b/").before("b/2")), ["b/10", "b/1"]);
        assert_eq!(forward(KeyRange::all().starting_at("b/2")), ["b/2", "c"]);
        let closed = KeyRange::new(Bound::Excluded(b"a".to_vec()), Bound::Included(b"b/1".to_vec()));
        assert_eq!(forward(closed.clone()), ["b", "b/1"]);
        assert_eq!(backward(closed), ["b/1", "b"]);
        for nothing in [
            KeyRange::new(Bound::Included(b"c".to_vec()), Bound::Excluded(b"a".to_vec())),
            KeyRange::new(Bound::Excluded(b"b".to_vec()), Bound::Excluded(b"b".to_vec())),
            KeyRange::prefix("x"),
        ] {
            assert!(forward(nothing.clone()).is_empty() && backward(nothing.clone()).is_empty(), "{nothing:?}");
        }
        assert_eq!(pairs(reads, &KeyRange::all(), Direction::Forward, 2).len(), 2, "a visitor ends the scan");
    }
}

fn takes_any_bytes(engine: &Arc<dyn Engine>) {
    const KEYS: [&[u8]; 8] = [b"\x00", b"\x00\x00", b"\x00\xff", b"a", b"a\x00", b"a\xff", b"\xff", b"\xff\xff"];
    write(&**engine, |t| KEYS.iter().rev().for_each(|key| t.put(Space::Objects, key, Bytes::copy_from_slice(key))))
        .expect("writes");
    let found = pairs(engine, &KeyRange::all(), Direction::Forward, usize::MAX);
    assert_eq!(found, KEYS.map(|key| (key.to_vec(), key.to_vec())));
    let found = pairs(engine, &KeyRange::prefix(b"\xff"), Direction::Backward, usize::MAX);
    assert_eq!(found, [KEYS[7], KEYS[6]].map(|key| (key.to_vec(), key.to_vec())));
}

fn keeps_large_values(engine: &Arc<dyn Engine>) {
    let value: Bytes = (0..1_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
    for space in [Space::Inline, Space::Objects] {
        let written = value.clone();
        write(&**engine, move |t| t.put(space, b"large", written.clone())).expect("writes");
        assert!(engine.get(space, b"large").expect("reads") == Some(value.clone()));
    }
}

fn sees_its_own_writes(engine: &Arc<dyn Engine>) {
    for key in ["b", "c", "d", "f"] {
        put(&**engine, key, "old");
    }
    let seen = wait(transact(&**engine, |t| {
        t.put(Space::Objects, b"a", "new".into());
        t.put(Space::Objects, b"c", "new".into());
        t.delete(Space::Objects, b"d");
        t.put(Space::Objects, b"e", "gone".into());
        t.delete(Space::Objects, b"e");
        t.put(Space::Objects, b"g", "new".into());
        let values = ["a", "b", "c", "d", "e"].map(|key| get(t, key));
        let all = KeyRange::all();
        let forward = keys(t, &all, Direction::Forward);
        let backward = keys(t, &all, Direction::Backward);
        let inner = keys(t, &KeyRange::all().after("a").before("g"), Direction::Backward);
        let some = pairs(t, &all, Direction::Forward, 3).len();
        Ok::<_, Infallible>((values, forward, backward, inner, some))
    }));
    let (values, forward, backward, inner, some) = seen.expect("commits");
    let (old, new) = (Some(Bytes::from("old")), Some(Bytes::from("new")));
    assert_eq!(values, [new.clone(), old, new, None, None]);
    assert_eq!(forward, ["a", "b", "c", "f", "g"]);
    assert_eq!(backward, ["g", "f", "c", "b", "a"]);
    assert_eq!(inner, ["f", "c", "b"]);
    assert_eq!(some, 3);
    assert_eq!(keys(engine, &KeyRange::all(), Direction::Forward), forward, "and so it was committed");
}

fn refusals_write_nothing(engine: &Arc<dyn Engine>) {
    put(&**engine, "kept", "1");
    let refused = wait(transact(&**engine, |t| {
        t.put(Space::Objects, b"kept", "2".into());
        t.put(Space::Objects, b"new", "2".into());
        t.delete(Space::Objects, b"kept");
        Err::<(), _>("no")
    }));
    assert_eq!(refused, Err(TransactError::Refused("no")));
    assert_eq!((get(engine, "kept"), get(engine, "new")), (Some("1".into()), None));
}

fn is_atomic_across_spaces(engine: &Arc<dyn Engine>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let writer = Arc::clone(engine);
    let writing = runtime.spawn(async move {
        for round in 1..=100_u32 {
            transact(&*writer, move |t| {
                for space in Space::ALL {
                    t.put(space, b"round", Bytes::copy_from_slice(&round.to_be_bytes()));
                }
                Ok::<_, Infallible>(())
            })
            .await
            .expect("writes");
        }
    });
    while !writing.is_finished() {
        let snapshot = engine.snapshot().expect("a snapshot");
        let seen = Space::ALL.map(|space| snapshot.get(space, b"round").expect("reads"));
        assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
    }
    runtime.block_on(writing).expect("no panic");
    let last = Some(Bytes::copy_from_slice(&100_u32.to_be_bytes()));
    assert!(Space::ALL.iter().all(|space| engine.get(*space, b"round").expect("reads") == last));
}

fn snapshots_do_not_move(engine: &Arc<dyn Engine>) {
    put(&**engine, "a", "1");
    put(&**engine, "b", "1");
    let before = engine.snapshot().expect("a snapshot");
    put(&**engine, "a", "2");
    put(&**engine, "c", "2");
    write(&**engine, |t| t.delete(Space::Objects, b"b")).expect("deletes");
    assert_eq!(["a", "b", "c"].map(|key| get(&*before, key)), [Some("1".into()), Some("1".into()), None]);
    assert_eq!(keys(&*before, &KeyRange::all(), Direction::Forward), ["a", "b"]);
    assert_eq!(["a", "b", "c"].map(|key| get(engine, key)), [Some("2".into()), None, Some("2".into())]);
}

/// A counter in the record of `key`.
fn increment(t: &mut dyn Transaction, key: &[u8]) -> Result<u32, KvError> {
    let now = t.get(Space::Settings, key)?.map_or(0, |value| u32::from_be_bytes((&*value).try_into().expect("4")));
    t.put(Space::Settings, key, Bytes::copy_from_slice(&(now + 1).to_be_bytes()));
    Ok(now + 1)
}

fn loses_no_concurrent_write(engine: &Arc<dyn Engine>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime");
    let tasks: Vec<_> = (0..32)
        .map(|task| {
            let engine = Arc::clone(engine);
            runtime.spawn(async move {
                let mut counted = Vec::new();
                for round in 0..20 {
                    let refuse = (task + round) % 5 == 0;
                    let done = transact(&*engine, move |t| {
                        let count = increment(t, b"counter").map_err(|_| "cannot read")?;
                        if refuse { Err("no") } else { Ok(count) }
                    });
                    match done.await {
                        Ok(count) => counted.push(count),
                        Err(error) => assert_eq!((error, refuse), (TransactError::Refused("no"), true)),
                    }
                }
                counted
            })
        })
        .collect();
    let mut counted: Vec<u32> = tasks.into_iter().flat_map(|task| runtime.block_on(task).expect("no panic")).collect();
    counted.sort_unstable();
    assert_eq!(counted, (1..=512).collect::<Vec<_>>(), "each number was given out once");
    let last = engine.get(Space::Settings, b"counter").expect("reads");
    assert_eq!(last.as_deref(), Some(&512_u32.to_be_bytes()[..]));
}

fn survives_a_panic(engine: &Arc<dyn Engine>) {
    let panicked = write(&**engine, |t| {
        t.put(Space::Objects, b"a", "half".into());
        panic!("on purpose");
    });
    assert_eq!(panicked, Err(TransactError::Failed(KvError::Panicked("on purpose".into()))));
    assert_eq!(get(engine, "a"), None);
    put(&**engine, "a", "whole");
    assert_eq!(get(engine, "a"), Some("whole".into()));
}

fn turns_bad_keys_away(engine: &Arc<dyn Engine>) {
    for length in [0, super::MAX_KEY + 1, 70_000] {
        let key = vec![b'k'; length];
        let refused = write(&**engine, move |t| {
            t.put(Space::Objects, b"a", "1".into());
            t.put(Space::Objects, &key, "1".into());
        });
        assert_eq!(refused, Err(TransactError::Failed(KvError::InvalidKey(length))));
        assert_eq!(get(engine, "a"), None);
    }
    let longest = vec![b'k'; super::MAX_KEY];
    let key = longest.clone();
    write(&**engine, move |t| t.put(Space::Objects, &key, "1".into())).expect("writes");
    assert_eq!(engine.get(Space::Objects, &longest), Ok(Some("1".into())));
}

/// Random transactions, each looked at from inside and, after it, from outside; against an ordered map.
fn agrees_with_a_model(engine: &Arc<dyn Engine>) {
    use proptest::prelude::*;
    let key = || prop::collection::vec(prop_oneof![Just(0_u8), Just(b'a'), Just(b'b'), Just(255)], 1..4);
    let bound =
        || prop_oneof![Just(Bound::Unbounded), key().prop_map(Bound::Included), key().prop_map(Bound::Excluded)];
    let writes = prop::collection::vec((key(), prop::option::of(any::<u8>())), 0..12);
    let model = std::cell::RefCell::new(BTreeMap::new());
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let agreed = runner.run(&(writes, bound(), bound(), any::<bool>(), 1..20_usize), |(writes, low, high, keep, n)| {
        let range = KeyRange::new(low, high);
        let look = move |reads: &dyn Reads, range: &KeyRange| {
            [Direction::Forward, Direction::Backward].map(|direction| pairs(reads, range, direction, n))
        };
        let expected = |map: &BTreeMap<Vec<u8>, Vec<u8>>| -> [Pairs; 2] {
            let own = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
            let inside: Pairs = map.iter().filter(|(key, _)| range.contains(key)).map(own).collect();
            [inside.iter().take(n).cloned().collect(), inside.iter().rev().take(n).cloned().collect()]
        };
        let mut model = model.borrow_mut();
        let mut after: BTreeMap<Vec<u8>, Vec<u8>> = model.clone();
        for (key, value) in &writes {
            match value {
                Some(value) => after.insert(key.clone(), vec![*value]),
                None => after.remove(key),
            };
        }
        let inner = range.clone();
        let inside = wait(transact(&**engine, move |t| {
            for (key, value) in &writes {
                match value {
                    Some(value) => t.put(Space::Objects, key, Bytes::copy_from_slice(&[*value])),
                    None => t.delete(Space::Objects, key),
                }
            }
            let seen = look(t, &inner);
            if keep { Ok(seen) } else { Err(seen) }
        }));
        let inside = match inside {
            Ok(seen) | Err(TransactError::Refused(seen)) => seen,
            Err(TransactError::Failed(error)) => return Err(TestCaseError::fail(error.to_string())),
        };
        prop_assert_eq!(inside, expected(&after));
        if keep {
            *model = after;
        }
        prop_assert_eq!(look(engine, &range), expected(&model));
        Ok(())
    });
    agreed.expect("agrees");
}

fn closes(engine: &Arc<dyn Engine>) {
    put(&**engine, "a", "1");
    engine.close();
    engine.close();
    assert_eq!(engine.health(), Health::Closed);
    let late = write(&**engine, |t| t.put(Space::Objects, b"a", "2".into()));
    assert_eq!(late, Err(TransactError::Failed(KvError::Closed)));
    let late = wait(transact_freeing(&**engine, |t| {
        t.delete(Space::Objects, b"a");
        Ok::<_, Infallible>(())
    }));
    assert_eq!(late, Err(TransactError::Failed(KvError::Closed)));
    assert_eq!(get(engine, "a"), Some("1".into()), "reads go on");
}
