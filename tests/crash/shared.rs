//! Keys that every writer writes: one without versions, where the last acknowledged write wins, and one with
//! versions, where each acknowledged write is a version.

use super::model::{Body, Piece, Rng};
use super::read::{self, attempt, etag_of};
use super::support::Client;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

const FLAT: &str = "/flat/shared/one";
const VERSIONED: &str = "/versioned/shared/many";

/// A write, with the times at which it began and was acknowledged.
#[derive(Clone, Debug)]
struct Write {
    began: u64,
    acknowledged: Option<u64>,
    /// None: a delete.
    body: Option<Body>,
    version: String,
}

#[derive(Default)]
pub struct Shared {
    clock: AtomicU64,
    flat: Mutex<Vec<Write>>,
    versioned: Mutex<Vec<Write>>,
}

impl Shared {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// One request of one of the writers.
    pub fn step(&self, client: &Client, rng: &mut Rng) -> Option<()> {
        let body = Body::of(Piece { seed: rng.next(), len: rng.length() % (300 << 10) });
        match rng.below(10) {
            0..=3 => self.write(client, FLAT, &self.flat, Some(&body)),
            4 => self.write(client, FLAT, &self.flat, None),
            5..=6 => self.read(client),
            _ => self.write(client, VERSIONED, &self.versioned, Some(&body)),
        }
    }

    fn write(&self, client: &Client, path: &str, log: &Mutex<Vec<Write>>, body: Option<&Body>) -> Option<()> {
        let at = {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(Write { began: self.tick(), acknowledged: None, body: body.cloned(), version: String::new() });
            log.len() - 1
        };
        let answer = match body {
            Some(body) => attempt(client, "PUT", path, &[], &body.bytes())?,
            None => attempt(client, "DELETE", path, &[], b"")?,
        };
        assert_eq!(answer.status, if body.is_some() { 200 } else { 204 }, "{path}: {}", answer.text());
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log[at].acknowledged = Some(self.tick());
        answer.header("x-amz-version-id").clone_into(&mut log[at].version);
        Some(())
    }

    /// A read between the writes of others gives one of the values that it may.
    fn read(&self, client: &Client) -> Option<()> {
        let before = self.tick();
        let got = attempt(client, "GET", FLAT, &[], b"")?;
        let after = self.tick();
        let log = self.flat.lock().unwrap_or_else(PoisonError::into_inner);
        let begun: Vec<Write> = log.iter().filter(|w| w.began < after).cloned().collect();
        assert_one_of(&got, &begun, before);
        Some(())
    }

    /// After a restart. What is found is where the next round begins.
    pub fn check(&self, client: &Client) {
        let mut log = self.flat.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.tick();
        let chosen = assert_one_of(&client.get(FLAT), &log, now);
        *log = vec![Write { began: now, acknowledged: Some(self.tick()), ..chosen }];
        self.check_versions(client);
    }

    fn check_versions(&self, client: &Client) {
        let mut log = self.versioned.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = read::versions(client, "versioned", "shared/many", 100);
        let mut order: Vec<Write> = Vec::new();
        for one in &seen {
            let of_body = |w: &&Write| w.body.as_ref().is_some_and(|b| b.etag() == one.etag && b.len() == one.size);
            let known = log.iter().find(|w| w.acknowledged.is_some() && w.version == one.id);
            let write = known.or_else(|| log.iter().find(|w| w.acknowledged.is_none() && of_body(w)));
            let write = write.unwrap_or_else(|| panic!("{one:?} was written by nobody: {log:#?}"));
            assert!(of_body(&write), "{one:?} is not what {write:?} wrote");
            order.push(Write { version: one.id.clone(), ..write.clone() });
        }
        for write in log.iter().filter(|w| w.acknowledged.is_some()) {
            assert!(seen.iter().any(|s| s.id == write.version), "acknowledged, not listed: {write:?} among {seen:#?}");
        }
        for (at, newer) in order.iter().enumerate() {
            let got = client.get(&format!("{VERSIONED}?versionId={}", newer.version));
            let body = newer.body.as_ref().expect("no deletes here");
            assert!(got.status == 200 && got.body == body.bytes(), "{VERSIONED} {}: {}", newer.version, got.status);
            for older in &order[at + 1..] {
                assert!(newer.acknowledged.is_none_or(|a| a > older.began), "{newer:?} is listed before {older:?}");
            }
        }
        // So that it does not grow for ever.
        for old in order.drain(order.len().min(10)..) {
            let answer = client.delete(&format!("{VERSIONED}?versionId={}", old.version));
            assert_eq!(answer.status, 204, "{}", answer.text());
        }
        order.reverse();
        for write in &mut order {
            (write.began, write.acknowledged) = (self.tick(), Some(self.tick()));
        }
        *log = order;
    }
}

/// The answer is that of a write which no other one followed that was acknowledged before this time.
fn assert_one_of(got: &super::support::Answer, log: &[Write], before: u64) -> Write {
    let nothing = Write { began: 0, acknowledged: Some(0), body: None, version: String::new() };
    let all: Vec<&Write> = std::iter::once(&nothing).chain(log).collect();
    let replaced = |w: &Write| {
        let by = |later: &&&Write| {
            later.acknowledged.is_some_and(|a| a < before) && w.acknowledged.is_some_and(|a| a < later.began)
        };
        all.iter().any(|later| by(&later))
    };
    let left: Vec<&Write> = all.iter().copied().filter(|w| !replaced(w)).collect();
    let found = left.iter().copied().find(|w| match &w.body {
        None => got.status == 404,
        Some(body) => got.status == 200 && etag_of(got) == body.etag() && got.body == body.bytes(),
    });
    found.cloned().unwrap_or_else(|| panic!("{} {} is none of {left:#?}", got.status, etag_of(got)))
}
