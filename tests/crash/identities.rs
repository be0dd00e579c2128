//! The loop for policies: change them, kill, start again, compare. `CRASH_ROUNDS` and `CRASH_SEED` as for objects.

#[path = "identities/changer.rs"]
mod changer;
#[path = "identities/decided.rs"]
mod decided;
#[path = "identities/holdings.rs"]
mod holdings;

use super::model::Rng;
use super::read::attempt;
use super::rounds::{killed_while_starting, number};
use super::scrub_clean;
use super::support::{Client, Server, TempDir, now};
use changer::Changer;
use holdings::{COMMON, EVERYONE, Holdings, KEYS, attachments_agree, bucket_text, identity_text, key_text, trust_text};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const WRITERS: usize = 4;
/// The bucket whose policy every writer puts.
const CONTESTED: &str = "/contested?policy";

/// Everybody, with whatever a writer does not make itself.
fn world() -> String {
    let parsed = |text: String| serde_json::from_str::<Value>(&text).expect("JSON");
    let objects: Vec<Value> = (0..KEYS).map(|bit| json!({"key": format!("k{bit}")})).collect();
    let names: Vec<_> = (0..WRITERS).map(holdings::Names::of).collect();
    let mut users: Vec<Value> = names
        .iter()
        .map(|n| json!({"name": n.user, "access_keys": [{"id": n.access_key, "secret": n.access_key}]}))
        .collect();
    users.push(json!({"name": EVERYONE}));
    let role = |n: &holdings::Names| json!({"name": n.role, "trust": parsed(trust_text(&n.user, false, 0))});
    let key = |n: &holdings::Names| json!({"id": n.key, "policy": parsed(key_text(&n.user, false, 0))});
    let buckets = names.iter().map(|n| n.bucket.as_str()).chain(["data"]);
    let mut buckets: Vec<Value> = buckets.map(|name| json!({"name": name, "objects": objects})).collect();
    buckets.push(json!({"name": "contested"}));
    json!({"version": 1, "region": "us-east-1", "accounts": [{
        "id": holdings::ACCOUNT, "name": "prod",
        "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
        "policies": [{"name": COMMON, "document": parsed(identity_text(1 << (KEYS - 1), 0, 0))}],
        "users": users,
        "roles": names.iter().map(role).collect::<Vec<_>>(),
        "keys": names.iter().map(key).collect::<Vec<_>>(),
        "buckets": buckets,
    }]})
    .to_string()
}

/// A policy of the contested bucket, with the times at which it was sent and acknowledged.
struct Sent {
    began: u64,
    acknowledged: Option<u64>,
    text: String,
}

/// What all writers put in one place: the last acknowledged one is there, or one that had no answer.
#[derive(Default)]
struct Contested {
    clock: AtomicU64,
    log: Mutex<Vec<Sent>>,
}

impl Contested {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn step(&self, client: &Client, changer: &mut Changer) -> Option<()> {
        let seed = changer.rng.below(1_000_000_000);
        let text = bucket_text("contested", &changer.names.user, 0, seed, changer.rng.below(100));
        let at = {
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(Sent { began: self.tick(), acknowledged: None, text: text.clone() });
            log.len() - 1
        };
        let answer = attempt(client, "PUT", CONTESTED, &[], text.as_bytes())?;
        assert_eq!(answer.status, 204, "{}", answer.text());
        self.log.lock().unwrap_or_else(PoisonError::into_inner)[at].acknowledged = Some(self.tick());
        Some(())
    }

    fn check(&self, client: &Client) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let there = client.get(CONTESTED);
        if there.status == 404 {
            assert!(log.iter().all(|sent| sent.acknowledged.is_none()), "{}", there.text());
            return;
        }
        let at = log.iter().position(|sent| sent.text == there.text());
        let at = at.unwrap_or_else(|| panic!("nobody sent {}", there.text()));
        let found = log.swap_remove(at);
        let replaced = |by: &Sent| by.acknowledged.is_some() && found.acknowledged.is_some_and(|at| at < by.began);
        assert!(!log.iter().any(replaced), "an acknowledged policy is lost: {}", found.text);
        *log = vec![Sent { began: self.tick(), acknowledged: Some(self.tick()), ..found }];
    }
}

#[test]
fn killed_at_any_moment_policies_are_neither_lost_nor_mixed() {
    let rounds = number("CRASH_ROUNDS").unwrap_or(8);
    let seed = number("CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()) ^ now().unsigned_abs());
    eprintln!("CRASH_ROUNDS={rounds} CRASH_SEED={seed}");
    let mut rng = Rng(seed);
    let directory = TempDir::new();
    let data = directory.path().join("data");
    let mut changers: Vec<Changer> = (0..WRITERS).map(|number| Changer::new(number, rng.next())).collect();
    let contested = Contested::default();
    let server = Server::of_world(&directory, &world(), &[]);
    let root = server.client("AKIAROOT", "root-secret");
    changers.iter_mut().for_each(|changer| changer.known = Holdings::read(&root, &changer.names));
    drop(server);

    for round in 0..=rounds {
        if rng.chance(25) {
            killed_while_starting(&data, Duration::from_millis(rng.below(120)));
        }
        let mut server = Server::start(&data, &[]);
        let root = server.client("AKIAROOT", "root-secret");
        let checked = std::thread::scope(|scope| {
            let checks: Vec<_> = changers.iter_mut().map(|changer| scope.spawn(|| changer.check(&root))).collect();
            checks.into_iter().all(|check| check.join().is_ok())
        });
        assert!(checked, "round {round} of seed {seed}");
        contested.check(&root);
        attachments_agree(&root, &changers.iter().map(|changer| &changer.names).collect::<Vec<_>>());
        if round == rounds {
            break;
        }
        let written = std::thread::scope(|scope| {
            let one_step = |changer: &mut Changer| {
                if changer.rng.chance(8) { contested.step(&root, changer) } else { changer.step(&root) }
            };
            let running: Vec<_> =
                changers.iter_mut().map(|c| scope.spawn(move || while one_step(c).is_some() {})).collect();
            std::thread::sleep(Duration::from_millis(20 + rng.below(700)));
            server.kill();
            running.into_iter().all(|thread| thread.join().is_ok())
        });
        assert!(written, "round {round} of seed {seed}");
    }
    let acknowledged: u64 = changers.iter().map(|c| c.acknowledged).sum();
    let (old, new) = changers.iter().fold((0, 0), |sum, c| (sum.0 + c.resolved.0, sum.1 + c.resolved.1));
    eprintln!("{acknowledged} changes acknowledged; of those without an answer {old} did nothing and {new} all");
    assert!(acknowledged > rounds, "the writers wrote");
    scrub_clean(&data);
}
