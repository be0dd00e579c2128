//! Whatever was answered is in the trail, whenever the process ends.

use super::model::Rng;
use super::read;
use super::rounds::WORLD;
use super::support::{Client, Server, TempDir};
use portcullis::simulate::recorded::TrailEvent;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

const ROUNDS: u64 = 8;
const CLIENTS: u64 = 6;

#[test]
fn each_answered_request_has_its_event_after_a_kill() {
    let directory = TempDir::new();
    let data = directory.path().join("data");
    let seed = u64::from(std::process::id());
    let mut rng = Rng(seed);
    drop(Server::of_world(&directory, WORLD, &[]));
    let mut answered: Vec<String> = Vec::new();
    for _ in 0..ROUNDS {
        // Small files, so that kills meet rotations too.
        let mut server = Server::start(&data, &["--trail-max-size", "200000", "--trail-keep", "0"]);
        let clients: Vec<(Client, u64)> = (0..CLIENTS)
            .map(|n| {
                let client = if n == 0 { server.anonymous() } else { server.client("AKIAROOT", "root-secret") };
                (client, rng.next())
            })
            .collect();
        std::thread::scope(|scope| {
            let running: Vec<_> = clients.iter().map(|(client, seed)| scope.spawn(|| ask(client, *seed))).collect();
            std::thread::sleep(Duration::from_millis(100 + rng.below(500)));
            server.kill();
            answered.extend(running.into_iter().flat_map(|thread| thread.join().expect("no client fails")));
        });
    }
    // A start cuts off what a kill tore.
    drop(Server::start(&data, &[]));
    let known = known(&data);
    let lost: Vec<&String> = answered.iter().filter(|id| !known.contains(*id)).collect();
    assert!(lost.is_empty(), "{} of {} answers have no event; seed {seed}: {lost:?}", lost.len(), answered.len());
    assert!(answered.len() > 100, "{} answers", answered.len());
}

/// Asks until the server is gone; gives the ids of what was answered.
fn ask(client: &Client, seed: u64) -> Vec<String> {
    let mut rng = Rng(seed);
    let mut ids = Vec::new();
    loop {
        let path = format!("/flat/{}", rng.below(20));
        let answer = match rng.below(4) {
            0 => read::attempt(client, "PUT", &path, &[], b"content"),
            1 => read::attempt(client, "DELETE", &path, &[], b""),
            _ => read::attempt(client, "GET", &path, &[], b""),
        };
        let Some(answer) = answer else { return ids };
        assert!(answer.status < 500, "{}", answer.text());
        ids.push(answer.header("x-amz-request-id").to_owned());
    }
}

fn known(data: &Path) -> HashSet<String> {
    let mut ids = HashSet::new();
    for (_, path) in portcullis::edges::trail_files::segments(&data.join("trail")).expect("a trail") {
        let text = std::fs::read_to_string(path).expect("text");
        for line in text.lines() {
            let event: TrailEvent<'_> = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            ids.insert(event.request_id.into_owned());
        }
    }
    ids
}
