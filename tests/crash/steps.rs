//! Single operations over a prepared data directory, and its whole state as a text.

use super::model::{Piece, hex};
use super::read::{self, completion, etag_of, tagging, versioning};
use super::rounds::WORLD;
use super::support::{Answer, Client, Server, TempDir, try_raw};
use md5::{Digest as _, Md5};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is done when the server dies or its disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    PutSmall,
    PutBig,
    PutHuge,
    BigOverSmall,
    SmallOverBig,
    PutVersion,
    Copy,
    CreateUpload,
    Part,
    PartAgain,
    Complete,
    Abort,
    Delete,
    DeleteOfParts,
    DeleteBatch,
    Marker,
    DestroyCurrent,
    DestroyEarlier,
    Tag,
    CreateBucket,
    DeleteBucket,
    Policy,
    Versioning,
    BucketBlock,
}

/// A data directory that was prepared, and what is known of it.
pub struct Prepared {
    pub directory: TempDir,
    upload: String,
    abandoned: String,
    earlier: String,
    current: String,
}

const BIG: Piece = Piece { seed: 1, len: 300 << 10 };
const PART: Piece = Piece { seed: 2, len: 200 << 10 };

pub fn client(server: &Server) -> Client {
    server.client("AKIAROOT", "root-secret")
}

fn ok(answer: Answer) -> Answer {
    assert!(answer.status < 300, "{}: {}", answer.status, answer.text());
    answer
}

/// Objects small, big and of parts, versions, uploads under way.
pub fn prepare() -> Prepared {
    let directory = TempDir::new();
    let server = Server::of_world(&directory, WORLD, &[]);
    let client = client(&server);
    ok(client.put("/versioned?versioning", versioning("Enabled").as_bytes()));
    ok(client.put("/flat/small", b"small"));
    ok(client.put("/flat/big", &BIG.bytes()));
    ok(client.put("/flat/one", b"one"));
    ok(client.put("/flat/two", &BIG.bytes()));
    let begun = |path: &str| ok(client.send("POST", &format!("{path}?uploads"), &[], b"")).element("UploadId");
    let with_part = |path: &str| {
        let id = begun(path);
        let part = ok(client.put(&format!("{path}?partNumber=1&uploadId={id}"), &PART.bytes()));
        (id, etag_of(&part))
    };
    let (id, etag) = with_part("/flat/parts");
    let list = completion([(1, etag.as_str())].into_iter());
    ok(client.send("POST", &format!("/flat/parts?uploadId={id}"), &[], list.as_bytes()));
    let version = |body: &[u8]| ok(client.put("/versioned/doc", body)).header("x-amz-version-id").to_owned();
    let (earlier, current) = (version(&BIG.bytes()), version(b"second"));
    let (upload, abandoned) = (with_part("/flat/rising").0, with_part("/flat/abandoned").0);
    drop(client);
    drop(server);
    Prepared { directory, upload, abandoned, earlier, current }
}

impl Prepared {
    /// A copy to spoil.
    pub fn copy(&self) -> TempDir {
        let copy = TempDir::new();
        // Journals are mostly holes, which `cp` keeps.
        let status = Command::new("cp").arg("-R").arg(self.directory.path().join("data")).arg(copy.path()).status();
        assert!(status.expect("cp starts").success());
        copy
    }

    /// Does it; `None` if the server went away.
    pub fn act(&self, step: Step, client: &Client) -> Option<Answer> {
        let big = BIG.bytes();
        let send = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
            read::attempt(client, method, path, headers, body)
        };
        match step {
            Step::PutSmall => send("PUT", "/flat/new", &[], b"a few bytes"),
            Step::PutBig => send("PUT", "/flat/new", &[], &big),
            Step::PutHuge => send("PUT", "/flat/new", &[], &Piece { seed: 5, len: 6 << 20 }.bytes()),
            Step::BigOverSmall => send("PUT", "/flat/small", &[], &big),
            Step::SmallOverBig => send("PUT", "/flat/big", &[], b"small now"),
            Step::PutVersion => send("PUT", "/versioned/doc", &[], &big),
            Step::Copy => send("PUT", "/flat/copy", &[("x-amz-copy-source", "/flat/big")], b""),
            Step::CreateUpload => send("POST", "/flat/begun?uploads", &[], b""),
            Step::Part => send("PUT", &format!("/flat/rising?partNumber=2&uploadId={}", self.upload), &[], &big),
            Step::PartAgain => send("PUT", &format!("/flat/rising?partNumber=1&uploadId={}", self.upload), &[], &big),
            Step::Complete => {
                let list = completion([(1, PART.etag().as_str())].into_iter());
                send("POST", &format!("/flat/rising?uploadId={}", self.upload), &[], list.as_bytes())
            }
            Step::Abort => send("DELETE", &format!("/flat/abandoned?uploadId={}", self.abandoned), &[], b""),
            Step::Delete => send("DELETE", "/flat/big", &[], b""),
            Step::DeleteOfParts => send("DELETE", "/flat/parts", &[], b""),
            Step::DeleteBatch => {
                let list = "<Delete><Object><Key>one</Key></Object><Object><Key>two</Key></Object></Delete>";
                send("POST", "/flat?delete", &[("content-md5", &base64_md5(list))], list.as_bytes())
            }
            Step::Marker => send("DELETE", "/versioned/doc", &[], b""),
            Step::DestroyCurrent => send("DELETE", &format!("/versioned/doc?versionId={}", self.current), &[], b""),
            Step::DestroyEarlier => send("DELETE", &format!("/versioned/doc?versionId={}", self.earlier), &[], b""),
            Step::Tag => send("PUT", "/flat/big?tagging", &[], tagging("tagged").as_bytes()),
            Step::CreateBucket => send("PUT", "/another", &[], b""),
            Step::DeleteBucket => send("DELETE", "/paused", &[], b""),
            Step::Policy => send("PUT", "/flat?policy", &[], POLICY.as_bytes()),
            Step::Versioning => send("PUT", "/flat?versioning", &[], versioning("Enabled").as_bytes()),
            Step::BucketBlock => send("PUT", "/flat?publicAccessBlock", &[], BLOCK.as_bytes()),
        }
    }
}

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutBucketTagging",
    "Resource":"arn:aws:s3:::flat"}]}"#;
const BLOCK: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
    <IgnorePublicAcls>false</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>\
    <RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>";

fn base64_md5(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(Md5::digest(text))
}

/// Everything a server has, without what is random: buckets and their settings, versions with their bytes and
/// tags, uploads with their parts.
pub fn state(client: &Client) -> String {
    let mut text = String::new();
    let buckets = client.get("/");
    assert_eq!(buckets.status, 200, "{}", buckets.text());
    for (_, bucket) in read::blocks(&buckets.text(), &["Bucket"]) {
        let name = read::field(&bucket, "Name");
        writeln!(text, "bucket {name}").expect("text");
        for setting in ["versioning", "policy", "publicAccessBlock"] {
            let answer = client.get(&format!("/{name}?{setting}"));
            let body = if answer.status == 200 { answer.text() } else { answer.code() };
            writeln!(text, "  {setting} {} {}", answer.status, body.replace('\n', " ")).expect("text");
        }
        for seen in read::versions(client, &name, "", 1) {
            let path = format!("/{name}/{}?versionId={}", seen.key, seen.id);
            let line = format!("  {} {} {} latest={}", seen.key, seen.etag, seen.size, seen.latest);
            if seen.marker {
                writeln!(text, "{line} marker").expect("text");
                continue;
            }
            let got = client.get(&path);
            assert_eq!((got.status, got.body.len() as u64), (200, seen.size), "GET {path}");
            let tag = read::tag(client, &name, &seen.key, &seen.id);
            writeln!(text, "{line} md5={} tag={tag}", hex(&Md5::digest(&got.body))).expect("text");
        }
        let listed: Vec<String> = read::keys(client, &name, "").into_iter().map(|k| k.0).collect();
        writeln!(text, "  lists {}", listed.join(" ")).expect("text");
        for (key, id) in read::uploads(client, &name, "") {
            let parts = read::parts(client, &name, &key, &id).expect("it was listed");
            writeln!(text, "  upload {key} {parts:?}").expect("text");
        }
    }
    text
}

/// Starts a server that may die before it is ready.
pub fn try_start(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Option<Server> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let Some(address) = line.trim().strip_prefix("ready http://") else {
        child.wait().expect("it ended");
        return None;
    };
    Some(Server { address: address.to_owned(), child })
}

/// Waits until a server is gone.
pub fn wait_for_end(server: &mut Server) {
    let begun = Instant::now();
    while server.child.try_wait().expect("a child").is_none() {
        assert!(begun.elapsed() < Duration::from_mins(2), "the server did not come to its crash point");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A GET of the admin listener.
pub fn admin(address: &str, path: &str) -> u16 {
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    try_raw(address, &head, b"").expect("the admin listener answers").status
}
