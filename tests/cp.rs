//! `portcullis cp` against a real server: there and back, interrupted, tampered with, and what the server never sees.
#![cfg(feature = "server")]

mod support;

use futures_util::FutureExt as _;
use portcullis::edges::client::encryption::gcm::Gcm;
use portcullis::edges::client::encryption::{AesKeyring, Envelope, Keyring, Suite};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::{Client, Server, TempDir};

const CANARY: &[u8] = b"CANARY-that-nobody-but-us-may-read;";
const KEY: [u8; 32] = *b"an AES key of thirty-two bytes!!";

/// A server with the bucket `bkt`, its root user's keys, and a folder to work in.
struct World {
    server: Server,
    root: Client,
    directory: TempDir,
}

impl World {
    fn new(arguments: &[&str]) -> Self {
        let directory = TempDir::new();
        let server = Server::start(&directory.path().join("data"), arguments);
        let text = fs::read_to_string(directory.path().join("data/credentials")).expect("credentials");
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).expect("a setting");
            line.split_once('=').expect("a value").1.trim().to_owned()
        };
        let root = server.client(&value("aws_access_key_id"), &value("aws_secret_access_key"));
        assert_eq!(root.put("/bkt", b"").status, 200);
        fs::write(directory.path().join("key"), KEY).expect("written");
        Self { server, root, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        fs::write(&path, bytes).expect("written");
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_at(&format!("http://{}", self.server.address), arguments)
    }

    fn command_at(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(["cp", "--credentials", "data/credentials", "--endpoint-url", url]).args(arguments);
        command.current_dir(self.directory.path()).env("XDG_STATE_HOME", self.path("state"));
        command
    }

    fn cp(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("cp starts")
    }

    #[track_caller]
    fn copied(&self, arguments: &[&str]) {
        let done = self.cp(arguments);
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Copies, which must fail with this status and these words.
    #[track_caller]
    fn refused(&self, status: i32, words: &str, arguments: &[&str]) {
        let done = self.cp(arguments);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(status), "{said}");
        assert!(said.contains(words), "{said}");
    }

    fn upload_states(&self) -> Vec<PathBuf> {
        let found = fs::read_dir(self.path("state/portcullis/uploads"));
        found.into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect()
    }

    fn open_uploads(&self) -> usize {
        self.root.get("/bkt?uploads").text().matches("<UploadId>").count()
    }
}

/// Bytes that do not repeat themselves, with the canary all over them.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(length + 64);
    while out.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out.extend_from_slice(&state.to_be_bytes());
        if out.len() % 4096 < 8 {
            out.extend_from_slice(CANARY);
        }
    }
    out.truncate(length);
    out
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn everything_below(folder: &Path, out: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            everything_below(&entry, out);
        } else {
            out.push((entry.clone(), fs::read(&entry).expect("readable")));
        }
    }
}

const ENCRYPT: [&str; 2] = ["--encrypt-with", "aes:key"];
const DECRYPT: [&str; 2] = ["--decrypt-with", "aes:key"];

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, more].concat()
}

#[test]
fn files_go_there_and_back_in_the_clear_and_encrypted() {
    let world = World::new(&[]);
    for (at, size) in [0, 1, 100, 5 << 20, (5 << 20) - 16, (5 << 20) + 1, 12_000_000].into_iter().enumerate() {
        let (bytes, name) = (noise(size), format!("file {at}.txt"));
        world.file(&name, &bytes);
        for options in [&[][..], &ENCRYPT] {
            world.copied(&with(&[&name, "s3://bkt/in a folder/", "--part-size", "5MiB"], options));
            let back = if options.is_empty() { &[][..] } else { &DECRYPT };
            world.copied(&with(&[&format!("s3://bkt/in a folder/{name}"), "back"], back));
            assert!(fs::read(world.path("back")).expect("copied") == bytes, "{size} bytes, {options:?}");
            let stored = world.root.get(&format!("/bkt/in%20a%20folder/file%20{at}.txt"));
            assert_eq!(stored.body == bytes, options.is_empty(), "{size} bytes");
            assert_eq!(stored.header("content-type"), "text/plain");
            assert_eq!(stored.header("x-amz-meta-x-amz-c"), if options.is_empty() { "" } else { "115" });
        }
    }
    assert_eq!((world.open_uploads(), world.upload_states()), (0, vec![]));
}

#[test]
fn folders_go_there_and_back_and_keys_never_lead_out() {
    let world = World::new(&[]);
    let names = ["a", "sub/deep/c d+e%.txt", "sub/ключ 鍵.bin", "sub/empty"];
    for name in names {
        world.file(&format!("tree/{name}"), if name.ends_with("empty") { b"" } else { name.as_bytes() });
    }
    world.copied(&with(&["-r", "tree", "s3://bkt/backup"], &ENCRYPT));
    world.copied(&with(&["-r", "s3://bkt/backup", "s3://bkt/plain", "--parallel", "1"], &DECRYPT));
    world.copied(&with(&["-r", "s3://bkt/backup/", "back"], &DECRYPT));
    world.copied(&["-r", "s3://bkt/plain", "plain"]);
    for name in names {
        let bytes = fs::read(world.path(&format!("tree/{name}"))).expect("a file");
        for copy in ["back", "plain"] {
            assert_eq!(fs::read(world.path(&format!("{copy}/{name}"))).expect("copied"), bytes, "{copy}/{name}");
        }
    }
    for key in ["x/../../../out", "x//abs", "x/./dot"] {
        assert_eq!(world.root.put(&format!("/bkt/{key}"), b"evil").status, 200);
    }
    assert_eq!(world.root.put("/bkt/x/good", b"good").status, 200);
    assert_eq!(world.root.put("/bkt/x/folder/", b"").status, 200);
    world.refused(1, "the key cannot be a path here", &["-r", "s3://bkt/x", "below/here"]);
    assert_eq!(fs::read(world.path("below/here/good")).expect("copied"), b"good");
    let mut found = Vec::new();
    everything_below(&world.path("below"), &mut found);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!world.path("out").exists());
}

#[test]
fn streams_go_both_ways_and_a_tampered_one_gives_nothing() {
    let world = World::new(&[]);
    for (size, options) in [(3, &ENCRYPT[..]), (11_000_000, &ENCRYPT), (11_000_000, &[])] {
        let bytes = noise(size);
        let mut child = world
            .command(&with(&["-", "s3://bkt/stream", "--part-size", "5MiB"], options))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("cp starts");
        child.stdin.take().expect("piped").write_all(&bytes).expect("taken");
        assert!(child.wait().expect("ended").success());
        let back = if options.is_empty() { &[][..] } else { &DECRYPT };
        let done = world.cp(&with(&["s3://bkt/stream", "-"], back));
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(done.stdout == bytes, "{size} bytes");
    }
    world.copied(&with(&["key", "s3://bkt/small"], &ENCRYPT));
    tamper(&world, "small", |body| body[0] ^= 1);
    let done = world.cp(&with(&["s3://bkt/small", "-"], &DECRYPT));
    assert_eq!((done.status.code(), done.stdout.len()), (Some(1), 0));
}

/// Changes an object as somebody would who holds the store.
fn tamper(world: &World, key: &str, change: Change) {
    let stored = world.root.get(&format!("/bkt/{key}"));
    let mut body = stored.body.clone();
    change(&mut body);
    let kept = stored.headers.iter().filter(|(name, _)| name.as_str().starts_with("x-amz-meta-"));
    let headers: Vec<(&str, &str)> = kept.map(|(n, v)| (n.as_str(), v.to_str().expect("ASCII"))).collect();
    assert_eq!(world.root.send("PUT", &format!("/bkt/{key}"), &headers, &body).status, 200);
}

type Change = fn(&mut Vec<u8>);

#[test]
fn what_is_not_authentic_never_gets_its_name() {
    let world = World::new(&[]);
    let text = noise(50_000);
    world.file("text", &text);
    let changes: [(&str, Change); 5] = [
        ("first", |body| body[0] ^= 1),
        ("tag", |body| *body.last_mut().expect("a tag") ^= 1),
        ("cut", |body| body.truncate(40_000)),
        ("longer", |body| body.push(0)),
        ("gone", Vec::clear),
    ];
    fs::create_dir(world.path("out")).expect("made");
    for (key, change) in changes {
        world.copied(&with(&["text", &format!("s3://bkt/{key}")], &ENCRYPT));
        tamper(&world, key, change);
        world.refused(1, "not authentic", &with(&[&format!("s3://bkt/{key}"), "out/text"], &DECRYPT));
        // Nor does it become another object.
        world.refused(1, "not authentic", &with(&[&format!("s3://bkt/{key}"), "s3://bkt/copy"], &DECRYPT));
        assert_eq!(world.root.get("/bkt/copy").status, 404);
        assert_eq!(fs::read_dir(world.path("out")).expect("a folder").count(), 0, "{key}");
    }
    world.file("out/text", b"what was there before");
    world.refused(1, "not authentic", &with(&["s3://bkt/cut", "out/text"], &DECRYPT));
    assert_eq!(fs::read(world.path("out/text")).expect("kept"), b"what was there before");
}

#[test]
fn the_wrong_key_and_none_are_refused_with_what_to_do() {
    let world = World::new(&[]);
    world.file("text", b"text");
    world.file("other", &[9; 32]);
    world.copied(&with(&["text", "s3://bkt/sealed"], &ENCRYPT));
    world.refused(1, "does not open with this key", &["s3://bkt/sealed", "out", "--decrypt-with", "aes:other"]);
    world.refused(1, "--decrypt-with names its key", &["s3://bkt/sealed", "out"]);
    world.refused(1, "--decrypt-with names its key", &["s3://bkt/sealed", "s3://bkt/copy"]);
    world.copied(&["text", "s3://bkt/plain"]);
    world.refused(1, "not encrypted by a client", &with(&["s3://bkt/plain", "out"], &DECRYPT));
    assert!(!world.path("out").exists());
    // As they are, with their metadata: the copy opens as the original does.
    world.copied(&["s3://bkt/sealed", "s3://bkt/copy", "--raw"]);
    world.copied(&with(&["s3://bkt/copy", "out"], &DECRYPT));
    assert_eq!(fs::read(world.path("out")).expect("copied"), b"text");
    world.copied(&["s3://bkt/sealed", "raw", "--raw"]);
    assert_eq!(fs::read(world.path("raw")).expect("copied").len(), 4 + 16);
}

#[test]
fn questions_that_cannot_be_asked_have_status_2() {
    let world = World::new(&[]);
    world.file("text", b"text");
    fs::create_dir(world.path("folder")).expect("made");
    for (words, arguments) in [
        ("neither SOURCE nor TARGET", &["text", "other"][..]),
        ("missing: No such file", &["missing", "s3://bkt/k"]),
        ("--recursive copies folders", &["folder", "s3://bkt/k"]),
        ("a stream has no files", &["-r", "-", "s3://bkt/k"]),
        ("NoSuchBucket", &["-r", "s3://none", "out"]),
        ("16 or 32 bytes", &["text", "s3://bkt/k", "--encrypt-with", "aes:text"]),
        ("no kind of key", &["text", "s3://bkt/k", "--encrypt-with", "des:key"]),
        ("names no key", &["text", "s3://bkt/k", "--encrypt-with", "kms:"]),
        (
            "is reserved",
            &["text", "s3://bkt/k", "--encrypt-with", "kms:k", "--encryption-context", "aws:x-amz-cek-alg=1"],
        ),
        ("those of encryption", &["text", "s3://bkt/k", "--metadata", "x-amz-c=1"]),
        ("for what goes to a store", &["s3://bkt/k", "out", "--encrypt-with", "aes:key"]),
        ("cannot be used with", &["s3://bkt/k", "out", "--raw", "--decrypt-with", "aes:key"]),
        ("5 MiB to 5 GiB", &["text", "s3://bkt/k", "--part-size", "1MiB"]),
    ] {
        world.refused(2, words, arguments);
    }
    world.refused(1, "NotFound", &["s3://bkt/none", "out"]);
    let mut unreachable = world.command_at("http://127.0.0.1:1", &["text", "s3://bkt/k", "--attempts", "2"]);
    let done = unreachable.output().expect("cp starts");
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("http://127.0.0.1:1: "), "{done:?}");
}

#[test]
fn the_server_never_holds_what_is_encrypted_nor_a_key() {
    let world = World::new(&[]);
    let text = noise(6_000_000);
    assert!(contains(&text, CANARY));
    world.file("text", &text);
    world.copied(&with(&["text", "s3://bkt/parts", "--part-size", "5MiB"], &ENCRYPT));
    world.copied(&with(&["key", "s3://bkt/one", "--encryption-context", "purpose=test"], &ENCRYPT));
    // What the wire brought is what the store gives back: neither text nor key.
    for key in ["parts", "one"] {
        let stored = world.root.get(&format!("/bkt/{key}"));
        let shown = format!("{:?}", stored.headers).into_bytes();
        for secret in [CANARY, &KEY] {
            assert!(!contains(&stored.body, secret) && !contains(&shown, secret), "{key}");
        }
    }
    let mut held = Vec::new();
    everything_below(&world.path("data"), &mut held);
    for (path, bytes) in held {
        assert!(!contains(&bytes, CANARY) && !contains(&bytes, &KEY), "{}", path.display());
    }
}

#[test]
fn an_interrupted_upload_goes_on_where_it_was() {
    let world = World::new(&[]);
    let text = noise(40_000_000);
    world.file("text", &text);
    for (options, back) in [(&ENCRYPT[..], &DECRYPT[..]), (&[], &[])] {
        let arguments = with(&["text", "s3://bkt/large", "--part-size", "5MiB", "--parallel", "2"], options);
        let mut killed = world.command(&arguments);
        let status = killed.env("PORTCULLIS_CRASH_AT", "cp.part_sent:4").output().expect("cp starts").status;
        assert_eq!(status.code(), None, "it was ended at once");
        assert_eq!((world.open_uploads(), world.upload_states().len()), (1, 1));
        let state = fs::read(&world.upload_states()[0]).expect("readable");
        assert!(!contains(&state, &KEY) && contains(&state, b"x-amz-d") != options.is_empty());
        let upload = world.root.get("/bkt?uploads").element("UploadId");
        let parts = world.root.get(&format!("/bkt/large?uploadId={upload}"));
        let before = parts.text().matches("<ETag>").count();
        assert!(before >= 3, "{}", parts.text());
        // Only the rest of the eight is sent: a ninth would fail.
        let one_too_many = format!("cp.part_sent:{}", 8 - before + 1);
        let again = world.command(&arguments).env("PORTCULLIS_FAIL_AT", one_too_many).output().expect("cp starts");
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        assert_eq!((world.open_uploads(), world.upload_states()), (0, vec![]));
        world.copied(&with(&["s3://bkt/large", "back"], back));
        assert!(fs::read(world.path("back")).expect("copied") == text);
    }
}

#[test]
fn an_upload_whose_source_changed_begins_anew_under_another_key() {
    let world = World::new(&[]);
    let arguments = with(&["text", "s3://bkt/large", "--part-size", "5MiB", "--parallel", "1"], &ENCRYPT);
    world.file("text", &noise(12_000_000));
    let mut failing = world.command(&arguments);
    let failed = failing.env("PORTCULLIS_FAIL_AT", "cp.part_sent:2").output().expect("cp starts");
    assert_eq!(failed.status.code(), Some(1), "{}", String::from_utf8_lossy(&failed.stderr));
    let first = world.root.get("/bkt?uploads").element("UploadId");
    assert_eq!(world.upload_states().len(), 1);
    let mut other = noise(12_000_000);
    other.reverse();
    world.file("text", &other);
    world.copied(&arguments);
    assert_eq!(world.root.get(&format!("/bkt/large?uploadId={first}")).code(), "NoSuchUpload");
    world.copied(&with(&["s3://bkt/large", "back"], &DECRYPT));
    assert!(fs::read(world.path("back")).expect("copied") == other);
    assert_eq!((world.open_uploads(), world.upload_states()), (0, vec![]));
}

#[test]
fn an_rsa_pair_wraps_with_one_half_and_opens_with_the_other() {
    let world = World::new(&[]);
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).current_dir(world.directory.path()).output();
        assert!(done.expect("openssl is installed").status.success());
    };
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "private.pem"]);
    openssl(&["pkey", "-in", "private.pem", "-pubout", "-out", "public.pem"]);
    world.file("text", b"text");
    world.copied(&["text", "s3://bkt/k", "--encrypt-with", "rsa:public.pem"]);
    assert_eq!(world.root.send("HEAD", "/bkt/k", &[], b"").header("x-amz-meta-x-amz-w"), "22");
    world.refused(1, "no private key was given", &["s3://bkt/k", "out", "--decrypt-with", "rsa:public.pem"]);
    world.copied(&["s3://bkt/k", "out", "--decrypt-with", "rsa:private.pem"]);
    assert_eq!(fs::read(world.path("out")).expect("copied"), b"text");
}

/// An object in format 2, as earlier encryption clients wrote it.
#[test]
fn the_previous_format_is_read_where_the_policy_allows_it() {
    let world = World::new(&[]);
    let keyring = AesKeyring::new(&KEY).expect("32 bytes");
    let context = BTreeMap::new();
    let made = keyring.new_data_key(Suite::Plain, &context).now_or_never().expect("at once");
    let (key, wrapped) = made.expect("a data key");
    let iv = [5; 12];
    let mut body = b"from earlier years".to_vec();
    let mut gcm = Gcm::new(key.as_bytes(), &iv, b"").expect("a key");
    gcm.encrypt(&mut body).expect("short");
    body.extend_from_slice(&gcm.tag());
    let envelope = Envelope { suite: Suite::Plain, wrapped, iv: iv.to_vec(), commitment: Vec::new() };
    let names: Vec<(String, String)> =
        envelope.metadata().into_iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value)).collect();
    let headers: Vec<(&str, &str)> = names.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(world.root.send("PUT", "/bkt/old", &headers, &body).status, 200);
    world.refused(1, "require-encrypt-allow-decrypt", &with(&["s3://bkt/old", "out"], &DECRYPT));
    let allowed = ["s3://bkt/old", "out", "--commitment-policy", "require-encrypt-allow-decrypt"];
    world.copied(&with(&allowed, &DECRYPT));
    assert_eq!(fs::read(world.path("out")).expect("copied"), b"from earlier years");
}

#[test]
fn a_key_of_the_key_service_wraps_and_its_context_must_be_known() {
    let world = World::new(&[]);
    world.file("text", b"text");
    let key = kms_key(&world);
    let with_key = format!("kms:{key}");
    let context = ["--encryption-context", "purpose=test"];
    world.copied(&with(&["text", "s3://bkt/k", "--encrypt-with", &with_key], &context));
    let head = world.root.send("HEAD", "/bkt/k", &[], b"");
    assert_eq!(head.header("x-amz-meta-x-amz-w"), "12");
    assert!(head.header("x-amz-meta-x-amz-t").contains("\"aws:x-amz-cek-alg\":\"115\""));
    world.copied(&with(&["s3://bkt/k", "out", "--decrypt-with", &with_key], &context));
    assert_eq!(fs::read(world.path("out")).expect("copied"), b"text");
    world.refused(1, "encryption context is not the one", &["s3://bkt/k", "o", "--decrypt-with", &with_key]);
    let other = format!("kms:{}", kms_key(&world));
    world.refused(1, "does not open with this key", &with(&["s3://bkt/k", "o", "--decrypt-with", &other], &context));
    world.refused(1, "NotFoundException", &with(&["s3://bkt/k", "o", "--decrypt-with", "kms:alias/none"], &context));
    assert!(!world.path("o").exists());
}

fn kms_key(world: &World) -> String {
    let (id, secret) = world.root.keys.clone().expect("root's keys");
    let signer = portcullis::edges::server::auth::Signer {
        access_key_id: &id,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "kms",
    };
    let (now, body) = (support::now(), b"{}");
    let date = chrono::DateTime::from_timestamp(now, 0).expect("a time").format("%Y%m%dT%H%M%SZ").to_string();
    let hash = support::hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body).as_ref());
    let mut headers = http::HeaderMap::new();
    for (name, value) in [
        ("host", world.server.address.as_str()),
        ("x-amz-date", &date),
        ("x-amz-content-sha256", &hash),
        ("x-amz-target", "TrentService.CreateKey"),
        ("content-type", "application/x-amz-json-1.1"),
    ] {
        headers.insert(name, value.parse().expect("text"));
    }
    let signed = signer.authorization("POST", "/", &headers, now).expect("signable");
    headers.insert("authorization", signed.parse().expect("text"));
    let mut head = "POST / HTTP/1.1\r\n".to_owned();
    for (name, value) in &headers {
        let _ = write!(head, "{name}: {}\r\n", value.to_str().expect("ASCII"));
    }
    head.push_str("content-length: 2\r\nconnection: close\r\n\r\n");
    let answer = support::raw(&world.server.address, &head, body);
    let document: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    document["KeyMetadata"]["KeyId"].as_str().unwrap_or_else(|| panic!("{document}")).to_owned()
}

#[test]
fn tls_is_trusted_where_the_certificate_is() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let world = World::new(&["--tls-listen", &format!("127.0.0.1:{port}")]);
    world.file("text", b"text");
    let url = format!("https://127.0.0.1:{port}");
    let trusting = ["text", "s3://bkt/k", "--ca", "data/tls/cert.pem"];
    let done = world.command_at(&url, &trusting).output().expect("cp starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(world.root.get("/bkt/k").body, b"text");
    let done = world.command_at(&url, &["text", "s3://bkt/l", "--attempts", "1"]).output().expect("cp starts");
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("certificate"), "{done:?}");
}
