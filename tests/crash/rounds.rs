//! The loop: write, kill, start again, compare.

use super::model::{BUCKETS, Mode, Rng};
use super::read::versioning;
use super::shared::Shared;
use super::support::{Server, TempDir};
use super::writer::Writer;
use super::{scrub, scrub_clean};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const WRITERS: usize = 4;
pub const WORLD: &str = r#"{"version": 1, "accounts": [{"id": "111122223333", "name": "prod",
    "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
    "buckets": [{"name": "flat"}, {"name": "versioned"}, {"name": "paused"}]}]}"#;

pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    let rounds = number("CRASH_ROUNDS").unwrap_or(20);
    let seed =
        number("CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()) ^ super::support::now().unsigned_abs());
    eprintln!("CRASH_ROUNDS={rounds} CRASH_SEED={seed}");
    let mut rng = Rng(seed);
    let directory = TempDir::new();
    let data = directory.path().join("data");
    let shared = Shared::default();
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(number, rng.next())).collect();
    prepare(&directory, &mut writers);

    for round in 0..rounds {
        if rng.chance(25) {
            killed_while_starting(&data, Duration::from_millis(rng.below(120)));
        }
        // The sweeper wakes every two seconds, so some rounds live longer.
        let life = if round % 5 == 2 { 1900 + rng.below(900) } else { 20 + rng.below(800) };
        let mut server = Server::start(&data, &[]);
        let client = server.client("AKIAROOT", "root-secret");
        let checks = std::thread::scope(|scope| {
            let checks = writers.iter_mut().map(|w| scope.spawn(|| w.check(&client, false))).collect::<Vec<_>>();
            checks.into_iter().all(|check| check.join().is_ok())
        });
        assert!(checks, "round {round} of seed {seed}");
        shared.check(&client);
        let written = std::thread::scope(|scope| {
            let running: Vec<_> =
                writers.iter_mut().map(|w| scope.spawn(|| while one_step(w, &shared, &client).is_some() {})).collect();
            std::thread::sleep(Duration::from_millis(life));
            server.kill();
            running.into_iter().all(|thread| thread.join().is_ok())
        });
        assert!(written, "round {round} of seed {seed}");
        if round % 7 == 6 {
            let found = scrub(&data, &[]);
            assert_eq!(found.serious, 0, "round {round} of seed {seed}: {}", found.text);
        }
    }
    let unnamed = at_the_end(&data, &mut writers, &shared);
    let acknowledged: u64 = writers.iter().map(|w| w.acknowledged).sum();
    let (old, new) = writers.iter().fold((0, 0), |sum, w| (sum.0 + w.resolved.0, sum.1 + w.resolved.1));
    eprintln!(
        "{acknowledged} requests acknowledged; of those without an answer {old} did nothing and {new} all; \
         {unnamed} unnamed pieces"
    );
    assert!(acknowledged > rounds, "the writers wrote");
}

fn one_step(writer: &mut Writer, shared: &Shared, client: &super::support::Client) -> Option<()> {
    if writer.rng.chance(15) { shared.step(client, &mut writer.rng) } else { writer.step(client) }
}

/// Seeds the data directory; the third bucket gets versions before its versioning is suspended.
fn prepare(directory: &TempDir, writers: &mut [Writer]) {
    let server = Server::of_world(directory, WORLD, &[]);
    let client = server.client("AKIAROOT", "root-secret");
    for (bucket, mode) in BUCKETS {
        if mode != Mode::Flat {
            let answer = client.put(&format!("/{bucket}?versioning"), versioning("Enabled").as_bytes());
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    writers.iter_mut().for_each(|writer| writer.prepare(&client));
    let answer = client.put("/paused?versioning", versioning("Suspended").as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// A start that does not come to its end.
pub fn killed_while_starting(data: &Path, after: Duration) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    std::thread::sleep(after);
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// Everything is read; then a scrub finds nothing damaged or missing, and what nothing names can go without harm.
fn at_the_end(data: &Path, writers: &mut [Writer], shared: &Shared) -> u64 {
    let read = |writers: &mut [Writer]| {
        let mut server = Server::start(data, &[]);
        let client = server.client("AKIAROOT", "root-secret");
        writers.iter_mut().for_each(|writer| writer.check(&client, true));
        shared.check(&client);
        server.kill();
    };
    read(writers);
    let unnamed = scrub_clean(data);
    read(writers);
    unnamed
}
