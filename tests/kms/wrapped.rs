//! What the tests of wrapped root keys share: servers whose logs are kept, starts that are refused, an external key
//! service.

use crate::cast::WORLD;
use crate::support::{Client, Server, TempDir};
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A command line.
pub fn portcullis(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).envs(environment.iter().copied());
    command
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Starts a server that must not start, and gives what it says.
#[track_caller]
pub fn refused_start(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().expect("a text")];
    all.extend(arguments);
    let mut child = portcullis(&all, environment)
        .env("PORTCULLIS_LOG", "debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let since = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if since.elapsed() > Duration::from_mins(1) {
            let _ = child.kill();
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("it ended");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(!said.contains("ready http"), "{said}");
    said
}

/// A server whose log is kept.
pub struct Logged {
    pub server: Server,
    log: PathBuf,
}

impl Logged {
    pub fn start(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let log = data.with_extension(format!("{count}.log"));
        let file = std::fs::File::create(&log).expect("writable");
        let all: Vec<_> = environment.iter().copied().chain([("PORTCULLIS_LOG", "trace")]).collect();
        Self { server: Server::start_logged(data, arguments, &all, file.into()), log }
    }

    pub fn said(&self) -> String {
        let mut text = String::new();
        std::fs::File::open(&self.log).expect("a log").read_to_string(&mut text).expect("a text");
        text
    }

    pub fn root(&self) -> Client {
        self.server.client("AKIAROOT", "root-secret")
    }
}

pub fn world(directory: &TempDir) -> String {
    let file = directory.path().join("world.json");
    std::fs::write(&file, WORLD).expect("writable");
    file.to_str().expect("a text").to_owned()
}

pub fn reseal(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut all = vec!["keys", "reseal", "--data", data.to_str().expect("a text")];
    all.extend(arguments);
    portcullis(&all, environment).output().expect("it runs")
}

/// Every file below a folder, with its bytes.
pub fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        if entry.path().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push((entry.path(), std::fs::read(entry.path()).expect("readable")));
        }
    }
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").filter_map(Result::ok) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            std::fs::copy(&source, &target).expect("copied");
        }
    }
}

pub fn wrapped(data: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(data.join("keys/wrapped.json")).expect("a file")).expect("JSON")
}

pub fn versions(data: &Path) -> Vec<u64> {
    wrapped(data)["keys"].as_array().expect("a list").iter().map(|key| key["version"].as_u64().expect("one")).collect()
}

/// An external key service: another server, whose bob may use its keys.
pub struct External {
    pub directory: TempDir,
    pub server: Server,
}

impl External {
    pub fn new() -> Self {
        let directory = TempDir::new();
        let server = Server::of_world(&directory, WORLD, &[]);
        Self { directory, server }
    }

    pub fn kms(&self) -> Client {
        self.server.client("AKIABOB", "bob-secret").of("kms")
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }
}

pub fn as_user(user: &'static str) -> [(&'static str, &'static str); 2] {
    match user {
        "bob" => [("AWS_ACCESS_KEY_ID", "AKIABOB"), ("AWS_SECRET_ACCESS_KEY", "bob-secret")],
        "alice" => [("AWS_ACCESS_KEY_ID", "AKIAALICE"), ("AWS_SECRET_ACCESS_KEY", "alice-secret")],
        _ => [("AWS_ACCESS_KEY_ID", "AKIABOB"), ("AWS_SECRET_ACCESS_KEY", "wrong")],
    }
}
