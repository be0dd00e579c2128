//! Blobs that are not as they were written: an error and a line in the log, never wrong bytes.

use super::ground::{Ground, WORLD, logged, scrub};
use super::wire::Connection;
use crate::support::{Answer, Client, Server, TempDir};
use std::fs;
use std::path::{Path, PathBuf};

/// The blobs of a data directory, sorted.
fn blobs(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shard in fs::read_dir(data.join("blobs")).expect("a directory") {
        let shard = shard.expect("an entry").path();
        if shard.is_dir() {
            found.extend(fs::read_dir(shard).expect("a shard").map(|entry| entry.expect("an entry").path()));
        }
    }
    found.sort();
    found
}

fn content(seed: u32) -> Vec<u8> {
    (0..400_000_u32).map(|n| u8::try_from(n.wrapping_mul(seed) / 7 % 256).expect("small")).collect()
}

/// A server with two big objects and a small one, and the blob of each big one.
struct Bench {
    data: PathBuf,
    log: PathBuf,
    server: Option<Server>,
    blobs: [PathBuf; 2],
    _directory: TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = TempDir::new();
        let data = directory.path().join("data");
        drop(Server::of_world(&directory, WORLD, &[]));
        let log = directory.path().join("log");
        let server = logged(&data, &log, &[]).expect("ready");
        let mut bench = Self { data, log, server: Some(server), blobs: Default::default(), _directory: directory };
        assert!(blobs(&bench.data).is_empty());
        for (n, key) in ["one", "two"].into_iter().enumerate() {
            let seed = u32::try_from(n).expect("small") + 3;
            assert_eq!(bench.root().put(&format!("/drop/{key}"), &content(seed)).status, 200);
            let new: Vec<_> = blobs(&bench.data).into_iter().filter(|b| !bench.blobs.contains(b)).collect();
            assert_eq!(new.len(), 1, "a big object is one blob");
            bench.blobs[n].clone_from(&new[0]);
        }
        assert_eq!(bench.root().put("/drop/small", b"inline").status, 200);
        bench
    }

    fn root(&self) -> Client {
        self.server.as_ref().expect("runs").client("AKIAROOT", "root-secret")
    }

    /// What a client gets of `/drop/one`: nothing that it could take for the object, or the object.
    fn fails(&self, range: Option<&str>) -> bool {
        let headers: Vec<(&str, &str)> = range.map(|r| ("range", r)).into_iter().collect();
        let head = self.root().head("GET", "/drop/one", &headers, b"");
        let answer = whatever_comes(&self.root().address, &head);
        let Some(answer) = answer else { return true };
        if answer.status >= 500 {
            assert_eq!(answer.code(), "InternalError");
            return true;
        }
        let announced: usize = answer.header("content-length").parse().expect("a length");
        let whole = content(3);
        let right = match range {
            None => &whole[..],
            Some(text) => {
                let (from, to) = text.strip_prefix("bytes=").and_then(|r| r.split_once('-')).expect("a range");
                &whole[from.parse().expect("a number")..=to.parse().expect("a number")]
            }
        };
        assert!(right.starts_with(&answer.body), "not a byte is wrong");
        assert_eq!(announced, right.len());
        answer.body.len() < announced
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    fn stop(&mut self) {
        self.server = None;
    }

    fn restart(&mut self) {
        self.stop();
        self.server = Some(logged(&self.data, &self.log, &[]).expect("ready"));
    }
}

/// An answer, perhaps cut short; `None` where the connection ended before its head did.
fn whatever_comes(address: &str, head: &str) -> Option<Answer> {
    let mut connection = Connection::open(address);
    connection.send(head.as_bytes()).expect("sends");
    connection.answer_as_it_comes().ok()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("readable");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("writable");
}

#[test]
fn a_flipped_bit_is_an_error_and_a_line_in_the_log() {
    let mut bench = Bench::new();
    assert!(!bench.fails(None), "the object is fine");
    let good = fs::read(&bench.blobs[0]).expect("readable");
    let len = good.len();
    for at in [0, 1, 100, len / 2, len - 17, len - 1] {
        flip(&bench.blobs[0], at);
        assert!(bench.fails(None), "byte {at} of {len}");
        fs::write(&bench.blobs[0], &good).expect("writable");
        assert!(!bench.fails(None), "whole again");
    }
    let log = bench.log();
    assert!(log.contains("ERROR") && (log.contains("damage") || log.contains("could not be read")), "{log}");

    // What is far from the damage can be read, and is right.
    flip(&bench.blobs[0], len - 1);
    assert!(!bench.fails(Some("bytes=0-999")));
    assert!(bench.fails(Some("bytes=399990-399999")));
    let copied = bench.root().send("PUT", "/drop/copy", &[("x-amz-copy-source", "drop/one")], b"");
    assert!(copied.status >= 500, "{}", copied.text());
    assert_eq!(bench.root().get("/drop/copy").status, 404, "no copy of half an object");
    assert_eq!(bench.root().get("/drop/two").body, content(4), "others are as they were");
    bench.restart();
    assert!(bench.fails(None), "nor after a restart");
    assert_eq!(bench.root().get("/drop/small").text(), "inline");
}

#[test]
fn a_blob_that_is_cut_missing_longer_or_another_ones() {
    let bench = Bench::new();
    let [one, two] = &bench.blobs;
    let (good, other) = (fs::read(one).expect("readable"), fs::read(two).expect("readable"));
    let longer = [&good[..], b"more"].concat();
    let zeros = vec![0; good.len()];
    for (what, bytes) in [
        ("cut by a byte", &good[..good.len() - 1]),
        ("cut in the middle", &good[..good.len() / 2]),
        ("empty", b""),
        ("longer", &longer),
        ("zeros", &zeros),
        ("another object's", &other),
    ] {
        fs::write(one, bytes).expect("writable");
        let failed = bench.fails(None);
        // Bytes behind the end are nobody's; whether they are an error is for `scrub` to say.
        assert!(failed || what == "longer", "{what}");
    }
    fs::remove_file(one).expect("removable");
    assert!(bench.fails(None), "missing");
    assert!(bench.log().contains("ERROR"), "{}", bench.log());
    assert_eq!(bench.root().get("/drop/two").body, content(4));
    assert_eq!(bench.root().delete("/drop/one").status, 204, "it can still be deleted");
}

#[test]
fn a_scrub_names_what_is_damaged() {
    let mut bench = Bench::new();
    bench.stop();
    let (status, said) = scrub(&bench.data);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.starts_with("all is well"), "{said}");
    let good = fs::read(&bench.blobs[0]).expect("readable");
    for damage in ["flipped", "cut", "longer", "missing"] {
        match damage {
            "flipped" => flip(&bench.blobs[0], good.len() / 2),
            "cut" => fs::write(&bench.blobs[0], &good[..good.len() - 1]).expect("writable"),
            "longer" => fs::write(&bench.blobs[0], [&good[..], b"more"].concat()).expect("writable"),
            _ => fs::remove_file(&bench.blobs[0]).expect("removable"),
        }
        let (status, said) = scrub(&bench.data);
        assert_eq!(status, Some(1), "{damage}: {said}");
        assert!(said.contains("damaged   s3://drop/one"), "{damage}: {said}");
        assert!(!said.contains("s3://drop/two") && !said.contains("s3://drop/small"), "{damage}: {said}");
    }
    fs::write(&bench.blobs[0], &good).expect("writable");
    assert_eq!(scrub(&bench.data).0, Some(0), "whole again");
    let stranger = bench.blobs[0].with_file_name("0123456789abcdef0123456789abcdef");
    fs::write(&stranger, b"nobody's").expect("writable");
    let (status, said) = scrub(&bench.data);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("unnamed"), "{said}");
    fs::remove_file(stranger).expect("removable");

    // A directory that a server has is not scrubbed.
    bench.restart();
    assert_eq!(scrub(&bench.data).0, Some(2));
}

#[test]
fn a_damaged_part_fails_the_object() {
    let ground = Ground::new();
    let root = ground.root();
    let id = root.send("POST", "/drop/parts?uploads", &[], b"").element("UploadId");
    let part = vec![5; 5 << 20];
    let mut listed = String::new();
    for number in 1..=2 {
        let answer = root.put(&format!("/drop/parts?uploadId={id}&partNumber={number}"), &part);
        listed += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", answer.header("etag"));
    }
    let complete = format!("<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>");
    assert_eq!(root.send("POST", &format!("/drop/parts?uploadId={id}"), &[], complete.as_bytes()).status, 200);
    let parts = blobs(&ground.directory.path().join("data"));
    assert_eq!(parts.len(), 2);
    flip(&parts[1], 1000);
    let answers = [1, 2].map(|n| {
        let head = root.head("GET", &format!("/drop/parts?partNumber={n}"), &[], b"");
        whatever_comes(ground.address(), &head).map_or(0, |a| a.body.len())
    });
    assert!(answers.contains(&part.len()), "the other part is whole: {answers:?}");
    assert!(answers.iter().any(|len| *len < part.len()), "the damaged one is not: {answers:?}");
    let whole = whatever_comes(ground.address(), &root.head("GET", "/drop/parts", &[], b""));
    assert!(whole.is_none_or(|a| a.status >= 500 || (a.body.len() < 2 * part.len() && a.body.iter().all(|b| *b == 5))));
}
