//! A first start that is cut short: the next one makes the same data directory as an undisturbed one.

use super::scrub_clean;
use super::steps::{state, try_start};
use super::support::{Client, Server, TempDir};
use std::path::Path;

const WORLD: &str = r#"{"version": 1, "accounts": [{"id": "111122223333", "name": "prod",
    "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
    "public_access_block": {"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": false,
                            "RestrictPublicBuckets": false},
    "buckets": [{"name": "first", "objects": [{"key": "a/b"}, {"key": "c"}]},
                {"name": "second", "policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny",
                 "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::second/*"}]}}]}]}"#;

fn root(server: &Server) -> Client {
    server.client("AKIAROOT", "root-secret")
}

#[test]
fn a_first_start_that_was_cut_short_begins_again() {
    let directory = TempDir::new();
    let world = directory.path().join("world.json");
    std::fs::write(&world, WORLD).expect("writable");
    let arguments = ["-w", world.to_str().expect("text")];
    let expected = state(&root(&Server::start(&directory.path().join("whole"), &arguments)));
    assert!(expected.contains("bucket first") && expected.contains("lists a/b c"), "{expected}");
    // Between any two commits of the first start, until it is not cut any more.
    for count in 1.. {
        let data = directory.path().join(count.to_string());
        let at = format!("kv.before_commit:{count}");
        let started = try_start(&data, &arguments, &[("PORTCULLIS_CRASH_AT", &at)]);
        let whole = started.is_some();
        drop(started);
        let mut server = try_start(&data, &arguments, &[]).unwrap_or_else(|| panic!("no start after {at}"));
        assert_eq!(state(&root(&server)), expected, "{at}");
        server.kill();
        assert_eq!(scrub_clean(&data), 0, "{at}");
        if whole {
            assert!(count > 6, "two buckets, two objects, a block and the world: {count}");
            break;
        }
    }
}

#[test]
fn a_world_that_was_changed_after_a_cut_start_is_the_one_that_counts() {
    let directory = TempDir::new();
    let world = directory.path().join("world.json");
    let arguments = ["-w", world.to_str().expect("text")];
    let data = directory.path().join("data");
    std::fs::write(&world, WORLD).expect("writable");
    assert!(try_start(&data, &arguments, &[("PORTCULLIS_CRASH_AT", "bucket.before_metadata:2")]).is_none());
    std::fs::write(&world, WORLD.replace("\"first\"", "\"other\"")).expect("writable");
    let server = Server::start(&data, &arguments);
    let state = state(&root(&server));
    assert!(state.contains("bucket other") && state.contains("bucket second"), "{state}");
    assert!(!state.contains("bucket first"), "{state}");
}

/// The key in `DIR/credentials`.
fn made_key(data: &Path) -> (String, String) {
    let text = std::fs::read_to_string(data.join("credentials")).expect("credentials");
    let value = |name: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(" = ")).expect("a value");
        line.to_owned()
    };
    (value("aws_access_key_id"), value("aws_secret_access_key"))
}

#[test]
fn the_first_account_is_made_once() {
    let directory = TempDir::new();
    for (at, fault) in ["kv.before_commit:1", "kv.after_commit:1", "kv.before_commit:2"].into_iter().enumerate() {
        let data = directory.path().join(at.to_string());
        assert!(try_start(&data, &[], &[("PORTCULLIS_CRASH_AT", fault)]).is_none(), "{fault}");
        let mut server = Server::start(&data, &[]);
        let (id, secret) = made_key(&data);
        assert_eq!(server.client(&id, &secret).put("/mine", b"").status, 200, "{fault}");
        server.kill();
        let server = Server::start(&data, &[]);
        assert_eq!(made_key(&data), (id.clone(), secret.clone()), "{fault}");
        assert!(server.client(&id, &secret).get("/").text().contains("<Name>mine</Name>"), "{fault}");
    }
}
