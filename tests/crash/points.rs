//! Crash points: between any two steps of an operation the process dies, or the disk begins to fail, and either
//! nothing of it happened or all of it.

use super::scrub_clean;
use super::steps::{Prepared, Step, admin, client, prepare, state, try_start, wait_for_end};
use super::support::{Server, TempDir};
use Expect::{Acknowledged, New, Old};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a crash leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Nothing happened.
    Old,
    /// All of it happened, though nobody was told.
    New,
    /// It was acknowledged before; the crash comes while its remains are swept.
    Acknowledged,
}

/// Fault, how often it is met before the crash, step, outcome.
type Row = (&'static str, u32, Step, Expect);

const ROWS: &[Row] = &[
    ("put.before_metadata", 1, Step::PutSmall, Old),
    ("kv.before_commit", 1, Step::PutSmall, Old),
    ("kv.after_commit", 1, Step::PutSmall, New),
    ("put.before_blob", 1, Step::PutBig, Old),
    ("blob.before_write", 1, Step::PutBig, Old),
    ("blob.before_finish", 1, Step::PutBig, Old),
    ("blob.after_finish", 1, Step::PutBig, Old),
    ("put.before_metadata", 1, Step::PutBig, Old),
    ("kv.after_commit", 1, Step::PutBig, New),
    ("blob.before_write", 3, Step::PutHuge, Old),
    ("blob.after_finish", 1, Step::PutHuge, Old),
    ("kv.after_commit", 1, Step::BigOverSmall, New),
    ("sweep.before_metadata", 1, Step::BigOverSmall, Acknowledged),
    ("kv.before_commit", 1, Step::SmallOverBig, Old),
    ("kv.after_commit", 1, Step::SmallOverBig, New),
    ("sweep.before", 1, Step::SmallOverBig, Acknowledged),
    ("blob.before_delete", 1, Step::SmallOverBig, Acknowledged),
    ("sweep.before_metadata", 1, Step::SmallOverBig, Acknowledged),
    ("kv.before_commit", 2, Step::SmallOverBig, Acknowledged),
    ("kv.after_commit", 2, Step::SmallOverBig, Acknowledged),
    ("blob.after_finish", 1, Step::PutVersion, Old),
    ("kv.after_commit", 1, Step::PutVersion, New),
    ("kv.after_commit", 1, Step::Copy, New),
    ("kv.after_commit", 1, Step::CreateUpload, New),
    ("put.before_blob", 1, Step::Part, Old),
    ("blob.before_finish", 1, Step::Part, Old),
    ("blob.after_finish", 1, Step::Part, Old),
    ("upload.before_metadata", 1, Step::CreateUpload, Old),
    ("part.before_metadata", 1, Step::Part, Old),
    ("kv.after_commit", 1, Step::Part, New),
    ("part.before_metadata", 1, Step::PartAgain, Old),
    ("kv.after_commit", 1, Step::PartAgain, New),
    ("blob.before_delete", 1, Step::PartAgain, Acknowledged),
    ("complete.before_metadata", 1, Step::Complete, Old),
    ("kv.before_commit", 1, Step::Complete, Old),
    ("kv.after_commit", 1, Step::Complete, New),
    ("abort.before_metadata", 1, Step::Abort, Old),
    ("kv.after_commit", 1, Step::Abort, New),
    ("sweep.before_metadata", 1, Step::Abort, Acknowledged),
    ("delete.before_metadata", 1, Step::Delete, Old),
    ("kv.after_commit", 1, Step::Delete, New),
    ("blob.before_delete", 1, Step::Delete, Acknowledged),
    ("kv.after_commit", 1, Step::DeleteOfParts, New),
    ("blob.before_delete", 1, Step::DeleteOfParts, Acknowledged),
    ("sweep.before_metadata", 1, Step::DeleteOfParts, Acknowledged),
    ("kv.before_commit", 2, Step::DeleteOfParts, Acknowledged),
    ("kv.before_commit", 1, Step::DeleteBatch, Old),
    ("delete.before_metadata", 1, Step::Marker, Old),
    ("kv.before_commit", 1, Step::Marker, Old),
    ("kv.after_commit", 1, Step::Marker, New),
    ("kv.before_commit", 1, Step::DestroyCurrent, Old),
    ("kv.after_commit", 1, Step::DestroyCurrent, New),
    ("kv.after_commit", 1, Step::DestroyEarlier, New),
    ("sweep.before_metadata", 1, Step::DestroyEarlier, Acknowledged),
    ("update.before_metadata", 1, Step::Tag, Old),
    ("kv.before_commit", 1, Step::Tag, Old),
    ("kv.after_commit", 1, Step::Tag, New),
    ("bucket.before_metadata", 1, Step::CreateBucket, Old),
    ("kv.after_commit", 1, Step::CreateBucket, New),
    ("bucket.before_metadata", 1, Step::DeleteBucket, Old),
    ("kv.after_commit", 1, Step::DeleteBucket, New),
    ("sweep.before", 1, Step::DeleteBucket, Acknowledged),
    ("bucket.before_metadata", 1, Step::Policy, Old),
    ("kv.after_commit", 1, Step::Policy, New),
    ("kv.after_commit", 1, Step::Versioning, New),
    ("kv.after_commit", 1, Step::BucketBlock, New),
    ("trail.before_write", 1, Step::PutSmall, Old),
    ("trail.before_sync", 1, Step::PutSmall, Old),
    ("trail.before_sync", 1, Step::DeleteBatch, Old),
    ("trail.before_sync", 1, Step::Policy, Old),
];

/// Every step's state without a crash, beside the one that all begin with.
struct States {
    prepared: Prepared,
    before: String,
    after: Vec<(Step, String)>,
}

impl States {
    fn of(rows: &[&Row]) -> Self {
        let prepared = prepare();
        let copy = prepared.copy();
        let before = state(&client(&Server::start(&copy.path().join("data"), &[])));
        let mut steps: Vec<Step> = Vec::new();
        for row in rows {
            if !steps.contains(&row.2) {
                steps.push(row.2);
            }
        }
        let after = in_parallel(&steps, |step| {
            let copy = prepared.copy();
            let server = Server::start(&copy.path().join("data"), &[]);
            let client = client(&server);
            let answer = prepared.act(*step, &client).expect("an answer");
            assert!(answer.status < 300, "{step:?}: {} {}", answer.status, answer.text());
            let after = state(&client);
            assert_ne!(after, before, "{step:?} changes something");
            (*step, after)
        });
        Self { prepared, before, after }
    }

    fn after(&self, step: Step) -> &str {
        self.after.iter().find(|(of, _)| *of == step).map_or("", |(_, text)| text)
    }
}

/// Does the same to every item, a few at a time, and gives the results in order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let mut found: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut own = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(at) else { return own };
                own.push((at, work(item)));
            }
        };
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|w| w.join().expect("no row fails")).collect()
    });
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn a_crash_between_any_two_steps_leaves_the_old_or_the_new_state() {
    let rows: Vec<&Row> = ROWS.iter().collect();
    let states = States::of(&rows);
    in_parallel(&rows, |row| crash(&states, row));
}

fn crash(states: &States, row: &Row) {
    let (fault, count, step, expect) = *row;
    let directory = states.prepared.copy();
    let data = directory.path().join("data");
    let mut server = Server::start_with(&data, &[], &[("PORTCULLIS_CRASH_AT", &format!("{fault}:{count}"))]);
    let answer = states.prepared.act(step, &client(&server)).map(|a| a.status);
    let told = answer.is_some_and(|status| status < 300);
    assert_eq!(told, expect == Acknowledged, "{row:?}: answered {answer:?}");
    wait_for_end(&mut server);

    let mut server = Server::start(&data, &[]);
    let client = client(&server);
    let found = state(&client);
    let expected = if expect == Old { &states.before } else { states.after(step) };
    assert_eq!(found, expected, "{row:?}");
    if expect == Old {
        // Doing it again is as good as doing it for the first time.
        let answer = states.prepared.act(step, &client).expect("an answer");
        assert!(answer.status < 300, "{row:?} again: {}", answer.text());
        assert_eq!(state(&client), states.after(step), "{row:?} again");
    } else if step == Step::Complete {
        let answer = states.prepared.act(step, &client).expect("an answer");
        assert_eq!(answer.status, 200, "{row:?} again: {}", answer.text());
        assert_eq!(state(&client), expected, "{row:?} again");
    }
    server.kill();
    let unnamed = scrub_clean(&data);
    assert!(unnamed <= 1, "{row:?}: {unnamed} pieces that nothing names");
}

#[test]
fn a_failing_disk_refuses_requests_and_loses_nothing() {
    // Each fault once for requests, and once for sweeping, which concerns nobody who waits for an answer.
    let mut seen = BTreeSet::new();
    let rows: Vec<&Row> = ROWS.iter().filter(|row| seen.insert((row.0, row.3 == Acknowledged))).collect();
    let states = States::of(&rows);
    in_parallel(&rows, |row| if row.3 == Acknowledged { fail_to_sweep(&states, row) } else { fail(&states, row) });
}

/// A start with a failing disk and an admin listener.
fn failing(data: &Path, fault: &str, count: u32) -> (Server, String) {
    loop {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let address = port.to_string();
        let fault = format!("{fault}:{count}");
        // Somebody else may have taken the port meanwhile.
        let started = try_start(data, &["--admin", &address], &[("PORTCULLIS_FAIL_AT", &fault)]);
        if let Some(server) = started {
            return (server, address);
        }
    }
}

fn fail(states: &States, row: &Row) {
    let (fault, count, step, _) = *row;
    let directory = states.prepared.copy();
    let data = directory.path().join("data");
    let (mut server, operator) = failing(&data, fault, count);
    let at_work = client(&server);
    assert_eq!(admin(&operator, "/readyz"), 200, "{row:?}");
    let answer = states.prepared.act(step, &at_work).expect("an answer");
    assert!([500, 503, 507].contains(&answer.status), "{row:?}: {} {}", answer.status, answer.text());
    assert!(!answer.code().is_empty(), "{row:?}: {}", answer.text());
    // A write that failed while it was committed may be there; everything else is as it was.
    let settled = |found: &str| found == states.before || (fault == "kv.after_commit" && found == states.after(step));
    let (metadata, trail) = (fault.starts_with("kv."), fault.starts_with("trail."));
    if trail {
        let refused = at_work.get("/flat/small");
        assert_eq!((refused.status, refused.code().as_str()), (503, "ServiceUnavailable"), "{row:?}: nor is it read");
    } else {
        let found = state(&at_work);
        assert!(settled(&found), "{row:?}: reading goes on: {found}");
    }
    assert_eq!(admin(&operator, "/readyz"), if metadata || trail { 503 } else { 200 }, "{row:?}");
    assert_eq!(admin(&operator, "/livez"), 200, "{row:?}");
    let again = states.prepared.act(step, &at_work).expect("an answer");
    assert!([500, 503, 507].contains(&again.status), "{row:?} again: {} {}", again.status, again.text());
    if metadata {
        let refused = at_work.put("/flat/refused", b"x");
        assert_eq!((refused.status, refused.code().as_str()), (503, "ServiceUnavailable"), "{row:?}");
    }
    server.kill();

    let mut server = Server::start(&data, &[]);
    let found = state(&client(&server));
    assert!(settled(&found), "{row:?} after a new start: {found}");
    server.kill();
    let unnamed = scrub_clean(&data);
    assert!(unnamed <= 2, "{row:?}: {unnamed} pieces that nothing names");
}

/// What cannot be swept stays until it can; requests are not disturbed, unless the metadata fail.
fn fail_to_sweep(states: &States, row: &Row) {
    let (fault, count, step, _) = *row;
    let directory = states.prepared.copy();
    let data = directory.path().join("data");
    let (mut server, operator) = failing(&data, fault, count);
    let at_work = client(&server);
    let answer = states.prepared.act(step, &at_work).expect("an answer");
    assert!(answer.status < 300, "{row:?}: {}", answer.text());
    let read_only = fault.starts_with("kv.");
    if read_only {
        // The sweeper comes to it by itself.
        while admin(&operator, "/readyz") == 200 {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    assert_eq!(state(&at_work), states.after(step), "{row:?}");
    assert_eq!(at_work.put("/flat/later", b"x").status, if read_only { 503 } else { 200 }, "{row:?}");
    at_work.delete("/flat/later");
    server.kill();
    let server = Server::start(&data, &[]);
    assert_eq!(state(&client(&server)), states.after(step), "{row:?} after a new start");
    drop(server);
    scrub_clean(&data);
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a source folder").filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !name.contains("tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !name.contains("tests") {
            found.push(path);
        }
    }
}

#[test]
fn every_crash_point_of_the_source_has_a_row() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut named = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).expect("a source file");
        let calls = text.split("fault(\"").skip(1).filter_map(|rest| rest.split('"').next());
        named.extend(calls.map(str::to_owned));
    }
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(named, rows, "left: crash points of the source; right: those with a row");
}

#[test]
fn a_fault_that_nobody_meets_changes_nothing() {
    let directory = TempDir::new();
    let data = directory.path().join("data");
    let server = Server::start_with(&data, &[], &[("PORTCULLIS_CRASH_AT", "no.such.place:1")]);
    assert_eq!(server.anonymous().get("/").status, 403);
}
