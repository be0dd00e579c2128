//! Root keys wrapped by a PKCS#11 token and by an external key service: what opens, what does not, what is said.

use crate::cast::{ARN, KEY, WORLD, call, done};
use crate::support::{Client, Server, TempDir};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const PIN: &str = "pin-5309-secret";
const LABEL: &str = "portcullis root";

/// A command line, with the world's variables that name credentials and keys taken away.
fn portcullis(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).envs(environment.iter().copied());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Starts a server that must not start, and gives what it says.
#[track_caller]
fn refused_start(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
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
        if since.elapsed() > Duration::from_secs(60) {
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
struct Logged {
    server: Server,
    log: PathBuf,
}

impl Logged {
    fn start(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let log = data.with_extension(format!("{count}.log"));
        let file = std::fs::File::create(&log).expect("writable");
        let all: Vec<_> = environment.iter().copied().chain([("PORTCULLIS_LOG", "trace")]).collect();
        Self { server: Server::start_logged(data, arguments, &all, file.into()), log }
    }

    fn said(&self) -> String {
        let mut text = String::new();
        std::fs::File::open(&self.log).expect("a log").read_to_string(&mut text).expect("a text");
        text
    }

    fn root(&self) -> Client {
        self.server.client("AKIAROOT", "root-secret")
    }
}

fn world(directory: &TempDir) -> String {
    let file = directory.path().join("world.json");
    std::fs::write(&file, WORLD).expect("writable");
    file.to_str().expect("a text").to_owned()
}

fn reseal(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut all = vec!["keys", "reseal", "--data", data.to_str().expect("a text")];
    all.extend(arguments);
    portcullis(&all, environment).output().expect("it runs")
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        if entry.path().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push((entry.path(), std::fs::read(entry.path()).expect("readable")));
        }
    }
}

fn copy(from: &Path, to: &Path) {
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

fn wrapped(data: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(data.join("keys/wrapped.json")).expect("a file")).expect("JSON")
}

fn versions(data: &Path) -> Vec<u64> {
    wrapped(data)["keys"].as_array().expect("a list").iter().map(|key| key["version"].as_u64().expect("one")).collect()
}

/// A software token in a folder of its own.
struct Token {
    directory: TempDir,
    module: PathBuf,
}

impl Token {
    fn new() -> Self {
        let places = [
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
            "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
            "/usr/local/lib/softhsm/libsofthsm2.so",
        ];
        let module = places.into_iter().map(PathBuf::from).find(|path| path.exists());
        let module = module.expect("SoftHSM is not installed: apt-get install softhsm2 (scripts/test does, as root)");
        let directory = TempDir::new();
        let tokens = directory.path().join("tokens");
        std::fs::create_dir(&tokens).expect("a folder");
        let settings =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
        std::fs::write(directory.path().join("softhsm2.conf"), settings).expect("writable");
        let token = Self { directory, module };
        token.util(&["--init-token", "--free", "--label", "vault", "--so-pin", "officer-1234", "--pin", PIN]);
        token
    }

    fn with_key() -> Self {
        let token = Self::new();
        token.make_key(7);
        token
    }

    fn make_key(&self, byte: u8) {
        let file = self.directory.path().join("aes");
        std::fs::write(&file, [byte; 32]).expect("writable");
        let file = file.to_str().expect("a text");
        let key = ["--import", file, "--aes", "--token", "vault", "--label", LABEL, "--id", "01", "--pin", PIN];
        self.util(&key);
    }

    fn util(&self, arguments: &[&str]) {
        let run = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", self.settings()).output();
        let run = run.expect("softhsm2-util is not installed: apt-get install softhsm2 (scripts/test does, as root)");
        assert!(run.status.success(), "{}", text(&run));
    }

    fn settings(&self) -> String {
        self.directory.path().join("softhsm2.conf").to_str().expect("a text").to_owned()
    }

    fn tokens(&self) -> PathBuf {
        self.directory.path().join("tokens")
    }

    /// With this after the module's path.
    fn uri(&self, more: &str) -> String {
        format!("pkcs11:token=vault;object=portcullis%20root?module-path={}{more}", self.module.display())
    }

    fn pin_file(&self, pin: &str, mode: u32) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.directory.path().join("pin");
        std::fs::write(&file, format!("{pin}\n")).expect("writable");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("set");
        format!("&pin-source=file:{}", file.display())
    }
}

#[test]
fn a_token_keeps_what_opens_the_data() {
    let (token, directory) = (Token::with_key(), TempDir::new());
    let data = directory.path().join("data");
    let settings = token.settings();
    let softhsm = [("SOFTHSM2_CONF", settings.as_str())];
    let uri = token.uri(&token.pin_file(PIN, 0o600));
    let source = ["--root-key-source", uri.as_str()];
    let mut logs = Vec::new();

    let mut first = Logged::start(&data, &["-w", &world(&directory), source[0], source[1]], &softhsm);
    assert_eq!(first.root().put("/reports/a", b"hello").status, 200);
    // A new root key while it serves.
    let resealed = reseal(&data, &[], &[]);
    assert!(text(&resealed).contains("root key 2 seals everything"), "{}", text(&resealed));
    assert_eq!(first.root().get("/reports/a").text(), "hello");
    assert_eq!(versions(&data), [1, 2]);
    assert!(!data.join("keys/root.json").exists(), "no root key is on disk");
    first.server.kill();
    logs.push(first.said());

    // The same by the variable, and offline.
    let by_variable = token.uri("");
    let environment =
        [softhsm[0], ("PORTCULLIS_PKCS11_PIN", PIN), ("PORTCULLIS_ROOT_KEY_SOURCE", by_variable.as_str())];
    let resealed = reseal(&data, &[], &environment);
    assert!(text(&resealed).contains("root key 3 seals everything"), "{}", text(&resealed));
    logs.push(text(&resealed));
    let mut again = Logged::start(&data, &[], &environment);
    assert_eq!(again.root().get("/reports/a").text(), "hello");
    again.server.kill();
    logs.push(again.said());
    let scrubbed =
        portcullis(&["scrub", "--data", data.to_str().expect("a text")], &environment).output().expect("it runs");
    assert!(scrubbed.status.success(), "{}", text(&scrubbed));
    let enrolled = portcullis(
        &["mfa", "enroll", "--account", "111122223333", "--data", data.to_str().expect("a text")],
        &environment,
    );
    let enrolled = { enrolled }.output().expect("it runs");
    assert!(enrolled.status.success(), "{}", text(&enrolled));

    // Without the token, no verb opens it, and nothing is changed.
    let before = wrapped(&data);
    let moved = directory.path().join("moved");
    std::fs::rename(token.tokens(), &moved).expect("taken away");
    std::fs::create_dir(token.tokens()).expect("a folder");
    let said = refused_start(&data, &source, &softhsm);
    assert!(said.contains("NoSuchToken") && said.contains("pkcs11:token=vault;object=portcullis%20root"), "{said}");
    logs.push(said);
    let refused = reseal(&data, &source, &softhsm);
    assert!(!refused.status.success() && text(&refused).contains("NoSuchToken"), "{}", text(&refused));
    std::fs::remove_dir(token.tokens()).expect("empty");
    std::fs::rename(&moved, token.tokens()).expect("put back");
    // Neither does a copy of the directory by itself.
    let copied = directory.path().join("copied");
    copy(&data, &copied);
    let said = refused_start(&copied, &[], &[]);
    assert!(said.contains("wrapped.json") && said.contains("--root-key-source"), "{said}");
    assert_eq!(wrapped(&data), before);
    let mut back = Logged::start(&data, &source, &softhsm);
    assert_eq!(back.root().get("/reports/a").text(), "hello");
    back.server.kill();
    logs.push(back.said());

    let mut kept = Vec::new();
    files(&data, &mut kept);
    for (place, bytes) in kept
        .iter()
        .map(|(path, bytes)| (path.display().to_string(), bytes.clone()))
        .chain(logs.into_iter().map(|log| ("a log".to_owned(), log.into_bytes())))
    {
        assert!(!bytes.windows(PIN.len()).any(|window| window == PIN.as_bytes()), "the PIN is in {place}");
    }
}

#[test]
fn a_token_that_cannot_be_used_is_refused_by_name() {
    let (token, directory) = (Token::new(), TempDir::new());
    let data = directory.path().join("data");
    let settings = token.settings();
    let softhsm = [("SOFTHSM2_CONF", settings.as_str())];
    let start = |uri: &str| refused_start(&data, &["--root-key-source", uri], &softhsm);
    let check = |uri: &str, wanted: &[&str]| {
        let said = start(uri);
        for wanted in wanted {
            assert!(said.contains(wanted), "{wanted} in: {said}");
        }
        assert!(!said.contains(PIN) && !said.contains("wrong-pin") && !said.contains("panicked"), "{said}");
        assert!(!data.join("keys/wrapped.json").exists());
    };
    let pin = token.pin_file(PIN, 0o600);
    // No key yet: the sentence is the command that makes it.
    check(&token.uri(&pin), &["NoSuchKey", "pkcs11-tool", "--keygen --key-type AES:32 --label 'portcullis root'"]);
    token.make_key(7);
    check(&token.uri("&pin-value=wrong-pin"), &["CKR_PIN_INCORRECT"]);
    check(&token.uri(""), &["NoPin", "PORTCULLIS_PKCS11_PIN"]);
    check(&token.uri(&token.pin_file(PIN, 0o644)), &["NoPin", "mode 644"]);
    check(&token.uri("&pin-source=file:/nowhere/pin"), &["NoPin", "/nowhere/pin"]);
    check(&format!("pkcs11:token=vault;object=x?module-path=/nowhere.so{pin}"), &["NoSuchModule", "/nowhere.so"]);
    check(&token.uri(&pin).replace("token=vault", "token=other"), &["NoSuchToken", "vault"]);
    check(&token.uri("&pin-valu=wrong-pin"), &["`pin-valu`"]);
    check("wrong-pin", &["wanted file, env, pkcs11:… or kms:KEY"]);
    // The first start was refused; another may still be.
    let pin = token.pin_file(PIN, 0o600);
    let uri = token.uri(&pin);
    let server = Logged::start(&data, &["-w", &world(&directory), "--root-key-source", &uri], &softhsm);
    assert_eq!(server.root().put("/reports/a", b"x").status, 200);
}

#[test]
fn a_changed_file_or_another_key_of_the_name_opens_nothing() {
    let (token, directory) = (Token::with_key(), TempDir::new());
    let data = directory.path().join("data");
    let settings = token.settings();
    let softhsm = [("SOFTHSM2_CONF", settings.as_str())];
    let uri = token.uri(&token.pin_file(PIN, 0o600));
    let source = ["--root-key-source", uri.as_str()];
    let mut server = Logged::start(&data, &["-w", &world(&directory), source[0], source[1]], &softhsm);
    server.server.kill();
    let file = data.join("keys/wrapped.json");
    let good = std::fs::read(&file).expect("a file");
    let mut changed = wrapped(&data);
    changed["keys"][0]["created"] = json!(1);
    std::fs::write(&file, changed.to_string()).expect("writable");
    let said = refused_start(&data, &source, &softhsm);
    assert!(said.contains("wrapped.json") && said.contains("root key 1 does not open"), "{said}");
    std::fs::write(&file, good).expect("writable");
    // Another token of the same label, with another key of the same label.
    let other = Token::new();
    other.make_key(8);
    let settings = other.settings();
    let said = refused_start(&data, &source, &[("SOFTHSM2_CONF", settings.as_str())]);
    assert!(said.contains("wrapped.json") && said.contains("root key 1 does not open"), "{said}");
    let _back = Logged::start(&data, &source, &softhsm);
}

#[test]
fn a_data_directory_moves_from_its_key_file_to_a_token() {
    let (token, directory) = (Token::with_key(), TempDir::new());
    let data = directory.path().join("data");
    let settings = token.settings();
    let softhsm = [("SOFTHSM2_CONF", settings.as_str())];
    let uri = token.uri(&token.pin_file(PIN, 0o600));
    let source = ["--root-key-source", uri.as_str()];
    let mut before = Server::start(&data, &["-w", &world(&directory)]);
    assert_eq!(before.client("AKIAROOT", "root-secret").put("/reports/a", b"old").status, 200);
    before.kill();
    let mut moving = Logged::start(&data, &source, &softhsm);
    assert_eq!(moving.root().get("/reports/a").text(), "old");
    assert_eq!(moving.root().put("/reports/b", b"new").status, 200);
    assert!(moving.said().contains("reseal, then take them away"), "{}", moving.said());
    assert_eq!(versions(&data), [2]);
    let resealed = reseal(&data, &[], &[]);
    assert!(text(&resealed).contains("root key 3 seals everything"), "{}", text(&resealed));
    moving.server.kill();
    // Never both silently.
    let said = refused_start(&data, &[], &[]);
    assert!(said.contains("--root-key-source"), "{said}");
    std::fs::remove_file(data.join("keys/root.json")).expect("taken away");
    let after = Logged::start(&data, &source, &softhsm);
    assert_eq!(
        (after.root().get("/reports/a").text(), after.root().get("/reports/b").text()),
        ("old".into(), "new".into())
    );
    assert!(!after.said().contains("take them away"));
}

/// An external key service: another server, whose bob may use its keys.
struct External {
    directory: TempDir,
    server: Server,
}

impl External {
    fn new() -> Self {
        let directory = TempDir::new();
        let server = Server::of_world(&directory, WORLD, &[]);
        Self { directory, server }
    }

    fn kms(&self) -> Client {
        self.server.client("AKIABOB", "bob-secret").of("kms")
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }
}

fn as_user(user: &'static str) -> [(&'static str, &'static str); 2] {
    match user {
        "bob" => [("AWS_ACCESS_KEY_ID", "AKIABOB"), ("AWS_SECRET_ACCESS_KEY", "bob-secret")],
        "alice" => [("AWS_ACCESS_KEY_ID", "AKIAALICE"), ("AWS_SECRET_ACCESS_KEY", "alice-secret")],
        _ => [("AWS_ACCESS_KEY_ID", "AKIABOB"), ("AWS_SECRET_ACCESS_KEY", "wrong")],
    }
}

#[test]
fn an_external_key_service_keeps_what_opens_the_data() {
    let (external, directory) = (External::new(), TempDir::new());
    let data = directory.path().join("data");
    let (url, key) = (external.url(), format!("kms:{ARN}"));
    let source = ["--root-key-source", key.as_str(), "--root-key-endpoint-url", url.as_str()];
    let bob = as_user("bob");
    // Refused first starts leave nothing that stands in the way.
    let said = refused_start(&data, &source, &as_user("alice"));
    assert!(said.contains("AccessDeniedException") && said.contains("kms:Encrypt") && said.contains(ARN), "{said}");
    let said = refused_start(&data, &source, &as_user("nobody"));
    assert!(said.contains("InvalidSignatureException") || said.contains("SignatureDoesNotMatch"), "{said}");
    let said = refused_start(&data, &source[..2], &[bob[0], bob[1], ("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")]);
    assert!(said.contains("Unreachable") && said.contains("http://127.0.0.1:1"), "{said}");
    let mut start = vec!["-w"];
    let world = world(&directory);
    start.push(&world);
    start.extend(source);
    let mut first = Logged::start(&data, &start, &bob);
    assert_eq!(first.root().put("/reports/a", b"hello").status, 200);
    let resealed = reseal(&data, &[], &[]);
    assert!(text(&resealed).contains("root key 2 seals everything"), "{}", text(&resealed));
    assert_eq!(first.root().get("/reports/a").text(), "hello");
    first.server.kill();
    let file = wrapped(&data);
    assert_eq!((file["keys"][0]["by"].as_str(), file["keys"][0]["method"].as_str()), (Some(ARN), Some("kms")));
    assert!(!first.said().contains("bob-secret") && !data.join("keys/root.json").exists());

    // Offline, by the alias and the variables.
    let alias = ("PORTCULLIS_ROOT_KEY_SOURCE", "kms:alias/reports");
    let by_alias =
        [bob[0], bob[1], alias, ("PORTCULLIS_ROOT_KEY_ENDPOINT_URL", url.as_str()), ("AWS_REGION", "us-east-1")];
    let resealed = reseal(&data, &[], &by_alias);
    assert!(text(&resealed).contains("root key 3 seals everything"), "{}", text(&resealed));

    // A disabled key, a missing permission, another context, another key: nothing opens, nothing changes.
    let before = wrapped(&data);
    done(&external.kms(), "DisableKey", &json!({"KeyId": KEY}));
    let said = refused_start(&data, &source, &bob);
    assert!(said.contains("DisabledException") && said.contains(ARN), "{said}");
    done(&external.kms(), "EnableKey", &json!({"KeyId": KEY}));
    let said = refused_start(&data, &source, &as_user("alice"));
    assert!(said.contains("AccessDeniedException") && said.contains("kms:Decrypt"), "{said}");
    let mut changed = before.clone();
    changed["ring"] = json!("00000000000000000000000000000000");
    let path = data.join("keys/wrapped.json");
    std::fs::write(&path, changed.to_string()).expect("writable");
    let said = refused_start(&data, &source, &bob);
    assert!(said.contains("InvalidCiphertextException") && said.contains("root key 1 does not open"), "{said}");
    std::fs::write(&path, before.to_string()).expect("writable");
    let other = done(&external.kms(), "CreateKey", &json!({}));
    let other = format!("kms:{}", other["KeyMetadata"]["Arn"].as_str().expect("an ARN"));
    let said = refused_start(&data, &["--root-key-source", &other, "--root-key-endpoint-url", &url], &bob);
    assert!(said.contains("IncorrectKeyException") && said.contains(ARN), "{said}");
    assert_eq!(wrapped(&data), before);
    let mut last = Logged::start(&data, &source, &bob);
    assert_eq!(last.root().get("/reports/a").text(), "hello");
    // A key that is disabled while the server runs: the new root key is refused, the rest goes on.
    done(&external.kms(), "DisableKey", &json!({"KeyId": KEY}));
    let refused = reseal(&data, &[], &[]);
    assert!(!refused.status.success() && text(&refused).contains("DisabledException"), "{}", text(&refused));
    assert_eq!(last.root().put("/reports/b", b"still").status, 200);
    last.server.kill();
    drop(external.server);
    let said = refused_start(&data, &source, &bob);
    assert!(said.contains("Unreachable") && said.contains(&url), "{said}");
    let ring = before["ring"].as_str().expect("a name");
    assert_decrypts_in_trail(&external.directory.path().join("data"), ring);
}

/// The external service's trail says who opened which root key.
fn assert_decrypts_in_trail(data: &Path, ring: &str) {
    let mut kept = Vec::new();
    files(&data.join("trail"), &mut kept);
    let lines: Vec<String> = kept
        .iter()
        .flat_map(|(_, bytes)| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let decrypts = lines.iter().filter(|line| {
        line.contains("\"Decrypt\"")
            && line.contains("portcullis:ring")
            && line.contains(ring)
            && line.contains("user/bob")
    });
    assert!(decrypts.count() >= 3, "{}", lines.join("\n"));
}

#[test]
fn a_data_directory_moves_from_its_key_file_to_a_key_service() {
    let (external, directory) = (External::new(), TempDir::new());
    let data = directory.path().join("data");
    let (url, key) = (external.url(), format!("kms:{ARN}"));
    let source = ["--root-key-source", key.as_str(), "--root-key-endpoint-url", url.as_str()];
    let bob = as_user("bob");
    let mut before = Server::start(&data, &["-w", &world(&directory)]);
    assert_eq!(before.client("AKIAROOT", "root-secret").put("/reports/a", b"old").status, 200);
    before.kill();
    let resealed = reseal(&data, &source, &bob);
    assert!(text(&resealed).contains("root key 3 seals everything"), "{}", text(&resealed));
    std::fs::remove_file(data.join("keys/root.json")).expect("taken away");
    let after = Logged::start(&data, &source, &bob);
    assert_eq!(after.root().get("/reports/a").text(), "old");
    // A copy elsewhere opens with the service's permission only.
    let copied = directory.path().join("copied");
    copy(&data, &copied);
    let said = refused_start(&copied, &source, &as_user("alice"));
    assert!(said.contains("AccessDeniedException"), "{said}");
    assert_eq!(call(&external.kms(), "DescribeKey", &json!({"KeyId": KEY})).status, 200);
}
