//! What the embedded engine promises beyond the contract: durability, and what it does when the disk fails.

use super::{FjallEngine, Options};
use crate::storage::kv::contract::{Folder, get, open, put, wait, write};
use crate::storage::kv::{
    Engine, FaultPoint, Health, KvError, Reads, Space, TransactError, transact, transact_freeing,
};
use bytes::Bytes;
use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

fn opened(path: &Path, faults: FaultPoint) -> FjallEngine {
    FjallEngine::open(path, Options { faults: Some(faults), ..Options::default() }).expect("opens")
}

/// Fails at a place once it is armed.
fn failing_at(place: &'static str) -> (Arc<AtomicBool>, FaultPoint) {
    let armed = Arc::new(AtomicBool::new(false));
    let trigger = Arc::clone(&armed);
    let fault = move |at: &'static str| {
        let fails = at == place && trigger.load(Ordering::Relaxed);
        if fails { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    };
    (armed, Arc::new(fault))
}

#[test]
fn a_reopened_engine_has_all_that_was_acknowledged() {
    let folder = Folder::new();
    for round in 0..4_u32 {
        let engine = open(&folder.0);
        for number in 0..50 * round {
            let key = number.to_be_bytes();
            assert_eq!(engine.get(Space::Objects, &key).expect("reads").is_some(), number < 50 * round);
        }
        let large = Bytes::from(vec![u8::try_from(round).expect("small"); 300_000]);
        for number in 50 * round..50 * (round + 1) {
            let large = large.clone();
            write(&engine, move |t| {
                t.put(Space::Objects, &number.to_be_bytes(), "1".into());
                t.put(Space::Inline, &round.to_be_bytes(), large.clone());
            })
            .expect("writes");
        }
    }
    let engine = open(&folder.0);
    for number in 0..200_u32 {
        assert_eq!(engine.get(Space::Objects, &number.to_be_bytes()), Ok(Some("1".into())));
    }
    for round in 0..4_u32 {
        let value = engine.get(Space::Inline, &round.to_be_bytes()).expect("reads").expect("is there");
        assert!(value.len() == 300_000 && value.iter().all(|byte| u32::from(*byte) == round));
    }
}

#[test]
fn one_process_has_it_open() {
    let folder = Folder::new();
    let engine = open(&folder.0);
    let second = FjallEngine::open(&folder.0, Options::default());
    assert_eq!(second.err(), Some(KvError::Locked));
    drop(engine);
    open(&folder.0);
}

#[test]
fn a_fault_before_the_commit_writes_nothing_and_ends_writing() {
    let folder = Folder::new();
    let (armed, fault) = failing_at("kv.before_commit");
    let engine = opened(&folder.0, fault);
    put(&engine, "kept", "1");
    armed.store(true, Ordering::Relaxed);
    let read_only = Err(TransactError::Failed(KvError::ReadOnly("the disk is gone".into())));
    assert_eq!(write(&engine, |t| t.put(Space::Objects, b"kept", "2".into())), read_only);
    armed.store(false, Ordering::Relaxed);
    assert_eq!(write(&engine, |t| t.put(Space::Objects, b"later", "2".into())), read_only, "and stays so");
    assert_eq!(write(&engine, |_| ()), read_only);
    assert_eq!(engine.health(), Health::ReadOnly("the disk is gone".into()));
    assert_eq!((get(&engine, "kept"), get(&engine, "later")), (Some("1".into()), None));
    drop(engine);
    let engine = open(&folder.0);
    assert_eq!(engine.health(), Health::Ready);
    assert_eq!((get(&engine, "kept"), get(&engine, "later")), (Some("1".into()), None));
    put(&engine, "later", "3");
    assert_eq!(get(&engine, "later"), Some("3".into()));
}

#[test]
fn a_fault_after_the_commit_leaves_the_outcome_open() {
    let folder = Folder::new();
    let (armed, fault) = failing_at("kv.after_commit");
    let engine = opened(&folder.0, fault);
    armed.store(true, Ordering::Relaxed);
    let unsettled = Err(TransactError::Failed(KvError::Unsettled("the disk is gone".into())));
    assert_eq!(write(&engine, |t| t.put(Space::Objects, b"a", "1".into())), unsettled);
    let read_only = Err(TransactError::Failed(KvError::ReadOnly("the disk is gone".into())));
    assert_eq!(write(&engine, |t| t.put(Space::Objects, b"b", "1".into())), read_only);
    drop(engine);
    let engine = open(&folder.0);
    assert_eq!((get(&engine, "a"), get(&engine, "b")), (Some("1".into()), None));
}

/// Holds the first commit until the queue is filled, so that what follows is one group.
#[test]
fn a_group_is_one_commit_and_each_sees_the_ones_before() {
    let folder = Folder::new();
    let (entered, wait_entered) = mpsc::channel();
    let (release, wait_release) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(wait_release);
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let fault: FaultPoint = Arc::new(move |at| {
        if at == "kv.before_commit" && counted.fetch_add(1, Ordering::Relaxed) == 0 {
            entered.send(()).expect("the test waits");
            held.lock().expect("one thread").recv().expect("the test releases");
        }
        Ok(())
    });
    let engine = opened(&folder.0, fault);
    wait(async {
        let first = transact(&engine, |t| {
            t.put(Space::Objects, b"count", vec![0].into());
            Ok::<_, Infallible>(())
        });
        let rest = (0..40_u8).map(|number| {
            transact(&engine, move |t| {
                let before = t.get(Space::Objects, b"count").expect("reads").expect("is there");
                t.put(Space::Objects, b"count", vec![before[0] + 1].into());
                match number % 4 {
                    0 => Err("refused"),
                    1 => panic!("on purpose"),
                    _ => Ok(before[0]),
                }
            })
        });
        let rest = futures_util::future::join_all(rest);
        let releasing = async {
            // Polled last: everything is queued by now, or in the hands of the thread that is held.
            wait_entered.recv().expect("the first commit began");
            assert_eq!(get(&engine, "count"), None, "nothing is seen before it is durable");
            release.send(()).expect("it is held");
        };
        let (first, rest, ()) = futures_util::join!(first, rest, releasing);
        first.expect("commits");
        let seen: Vec<u8> = rest.into_iter().filter_map(Result::ok).collect();
        assert_eq!(seen, (0..20).collect::<Vec<_>>(), "in the order of the queue, without the refused");
    });
    assert_eq!(get(&engine, "count").as_deref(), Some(&[20][..]));
    let commits = commits.load(Ordering::Relaxed);
    assert!(commits <= 2, "41 transactions took {commits} commits");
}

#[test]
fn what_was_only_seen_must_be_durable_too() {
    let folder = Folder::new();
    let (armed, fault) = failing_at("kv.before_commit");
    let engine = opened(&folder.0, fault);
    armed.store(true, Ordering::Relaxed);
    // The first transaction waits for the others to be queued, so they share its group.
    let (release, held) = mpsc::channel::<()>();
    wait(async {
        let writes = transact(&engine, move |t| {
            held.recv().expect("the test releases");
            t.put(Space::Objects, b"a", "1".into());
            Ok::<_, Infallible>(())
        });
        let looks = transact(&engine, |t| match get(t, "a") {
            Some(_) => Err("there is one"),
            None => Ok(()),
        });
        let releasing = async { release.send(()).expect("it is held") };
        let (writes, looks, ()) = futures_util::join!(writes, looks, releasing);
        let reason: Arc<str> = "the disk is gone".into();
        assert_eq!(writes, Err(TransactError::Failed(KvError::ReadOnly(Arc::clone(&reason)))));
        assert_eq!(looks, Err(TransactError::Failed(KvError::ReadOnly(reason))), "no refusal for what is not there");
    });
}

#[test]
fn a_full_disk_takes_only_what_frees_space() {
    let folder = Folder::new();
    put(&open(&folder.0), "a", "1");
    let options = Options { reserve_bytes: u64::MAX, ..Options::default() };
    let engine = FjallEngine::open(&folder.0, options).expect("opens");
    let refused = write(&engine, |t| t.put(Space::Objects, b"b", "1".into()));
    assert!(matches!(refused, Err(TransactError::Failed(KvError::Full { reserve: u64::MAX, .. }))), "{refused:?}");
    assert_eq!(write(&engine, |_| ()), Ok(()), "reading needs no space");
    assert!(matches!(engine.health(), Health::Full { reserve: u64::MAX, .. }));
    let freed = wait(transact_freeing(&engine, |t| {
        t.delete(Space::Objects, b"a");
        Ok::<_, Infallible>(())
    }));
    assert_eq!(freed, Ok(()));
    assert_eq!((get(&engine, "a"), get(&engine, "b")), (None, None));
}

#[test]
fn a_snapshot_outlives_its_engine() {
    let folder = Folder::new();
    let engine = open(&folder.0);
    put(&engine, "a", "1");
    let snapshot = engine.snapshot().expect("a snapshot");
    drop(engine);
    assert_eq!(get(&*snapshot, "a"), Some("1".into()));
}

/// Fills a value with zeros in the journal, as if its pages had not reached the disk.
fn tear(folder: &Path, value: &[u8]) -> Vec<u8> {
    let path = folder.join("0.jnl");
    let mut bytes = std::fs::read(&path).expect("the first journal");
    let at = bytes.windows(value.len()).position(|window| window == value).expect("the value is in it");
    bytes[at + 1000..at + value.len()].fill(0);
    std::fs::write(&path, &bytes).expect("writes");
    bytes
}

fn three_large_values(folder: &Path) -> [Bytes; 3] {
    let values = [1_u8, 2, 3].map(|byte| Bytes::from(vec![byte; 9_000]));
    let engine = open(folder);
    for value in &values {
        let value = value.clone();
        write(&engine, move |t| t.put(Space::Inline, &value[..1], value.clone())).expect("writes");
    }
    values
}

#[test]
fn a_torn_last_batch_is_cut_off_and_kept() {
    let folder = Folder::new();
    let values = three_large_values(&folder.0);
    tear(&folder.0, &values[2]);
    let engine = open(&folder.0);
    let found = values.each_ref().map(|value| engine.get(Space::Inline, &value[..1]).expect("reads"));
    assert_eq!(found, [Some(values[0].clone()), Some(values[1].clone()), None]);
    put(&engine, "after", "1");
    drop(engine);
    let torn = std::fs::read_dir(&folder.0).expect("reads").filter_map(Result::ok);
    let torn: Vec<_> = torn.filter(|entry| entry.path().extension().is_some_and(|e| e == "torn")).collect();
    assert_eq!(torn.len(), 1);
    let engine = open(&folder.0);
    assert_eq!(get(&engine, "after"), Some("1".into()), "the journal goes on after the cut");
    assert_eq!(engine.get(Space::Inline, &values[1][..1]), Ok(Some(values[1].clone())));
}

#[test]
fn damage_before_the_last_batch_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let values = three_large_values(&folder.0);
    let before = tear(&folder.0, &values[1]);
    for _ in 0..2 {
        let refused = FjallEngine::open(&folder.0, Options::default()).err();
        assert!(matches!(&refused, Some(KvError::Io(reason)) if reason.contains("ChecksumMismatch")), "{refused:?}");
    }
    assert!(std::fs::read(folder.0.join("0.jnl")).expect("reads") == before, "nothing was cut");
}
