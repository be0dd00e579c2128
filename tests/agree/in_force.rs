//! A policy change is in force for the very next request, also under load.

use super::support::{Client, Server, TempDir};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

const WORLD: &str = r#"{"version": 1, "accounts": [{"id": "111122223333", "name": "prod",
    "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
    "users": [{"name": "alice", "access_keys": [{"id": "AKIAALICE", "secret": "alice-secret"}]}],
    "buckets": [{"name": "reports"}]}]}"#;
const CHANGES: u64 = 100;
const READERS: usize = 8;
/// Reads that must have been judged under each policy before the next one comes.
const JUDGED: usize = 4;

/// What the policy of a generation is: one that allows, one that denies, one that allows, none.
fn policy(generation: u64) -> Option<String> {
    let statement = |effect: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "G{generation}", "Effect": "{effect}",
                "Principal": {{"AWS": "arn:aws:iam::111122223333:user/alice"}}, "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::reports/*"}}]}}"#
        )
    };
    match generation % 4 {
        0 | 2 => Some(statement("Allow")),
        1 => Some(statement("Deny")),
        _ => None,
    }
}

fn allows(generation: u64) -> bool {
    generation.is_multiple_of(2)
}

fn put(root: &Client, generation: u64) {
    let answer = match policy(generation) {
        Some(policy) => root.put("/reports?policy", policy.as_bytes()),
        None => root.delete("/reports?policy"),
    };
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// `true` for 200, `false` for 403; nothing else may come.
fn reads(alice: &Client) -> bool {
    let answer = alice.get("/reports/k");
    match answer.status {
        200 => true,
        403 => false,
        status => panic!("{status}: {}", answer.text()),
    }
}

/// What readers share with the one who changes the policy.
#[derive(Default)]
struct Shared {
    /// Twice the generation in force, and one more while it is being changed.
    state: AtomicU64,
    judged: AtomicUsize,
    allowed: AtomicUsize,
    ended: AtomicBool,
}

/// Ends the readers also where an assertion fails.
struct Ending<'s>(&'s AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Reads until the end. A read that began after a change was answered, and was answered before the next one began,
/// must see that change.
fn reader(alice: &Client, shared: &Shared) {
    while !shared.ended.load(Ordering::SeqCst) {
        let before = shared.state.load(Ordering::SeqCst);
        let read = reads(alice);
        if before.is_multiple_of(2) && shared.state.load(Ordering::SeqCst) == before {
            let generation = before / 2;
            assert_eq!(read, allows(generation), "generation {generation}");
            shared.judged.fetch_add(1, Ordering::SeqCst);
            shared.allowed.fetch_add(usize::from(read), Ordering::SeqCst);
        }
    }
}

#[test]
fn the_next_request_sees_the_new_policy_under_load() {
    let directory = TempDir::new();
    let server = Server::of_world(&directory, WORLD, &[]);
    let (root, alice) = (server.client("AKIAROOT", "root-secret"), server.client("AKIAALICE", "alice-secret"));
    assert_eq!(root.put("/reports/k", b"v").status, 200);
    put(&root, 0);
    let shared = Shared::default();
    std::thread::scope(|scope| {
        let readers: Vec<ScopedJoinHandle<'_, ()>> =
            (0..READERS).map(|_| scope.spawn(|| reader(&alice, &shared))).collect();
        let ending = Ending(&shared.ended);
        for generation in 1..=CHANGES {
            let enough = shared.judged.load(Ordering::SeqCst) + JUDGED;
            while shared.judged.load(Ordering::SeqCst) < enough && !readers.iter().any(ScopedJoinHandle::is_finished) {
                std::thread::sleep(Duration::from_millis(1));
            }
            shared.state.store(2 * generation - 1, Ordering::SeqCst);
            put(&root, generation);
            shared.state.store(2 * generation, Ordering::SeqCst);
            assert_eq!(reads(&alice), allows(generation), "generation {generation}, the very next request");
        }
        drop(ending);
        for reader in readers {
            reader.join().expect("every read saw the policy in force");
        }
    });
    let (judged, allowed) = (shared.judged.into_inner(), shared.allowed.into_inner());
    assert!(allowed > 0 && allowed < judged, "{allowed} of {judged} were allowed");
}
