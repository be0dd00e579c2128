//! Root keys wrapped by a key of a PKCS#11 token: what opens, what does not, what is said.

use crate::cast::ARN;
use crate::support::{Server, TempDir};
use crate::wrapped::{
    External, Logged, as_user, copy, files, portcullis, refused_start, reseal, text, versions, world, wrapped,
};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

const PIN: &str = "pin-5309-secret";
const LABEL: &str = "portcullis root";

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

#[test]
fn a_data_directory_moves_from_a_token_to_a_key_service_and_back() {
    let (token, external, directory) = (Token::with_key(), External::new(), TempDir::new());
    let data = directory.path().join("data");
    let settings = token.settings();
    let [id, secret] = as_user("bob");
    let environment = [("SOFTHSM2_CONF", settings.as_str()), id, secret];
    let (by_token, by_service) = (token.uri(&token.pin_file(PIN, 0o600)), format!("kms:{ARN}"));
    let url = external.url();
    let start = ["-w", &world(&directory), "--root-key-source", &by_token];
    let mut first = Logged::start(&data, &start, &environment);
    assert_eq!(first.root().put("/reports/a", b"hello").status, 200);
    first.server.kill();
    let address = ["--root-key-endpoint-url", url.as_str()];
    let service = ["--root-key-source", &by_service, address[0], address[1]];
    let said = refused_start(&data, &service, &environment);
    assert!(said.contains("is wrapped by pkcs11:token=vault;object=portcullis%20root"), "{said}");
    let moving = [service.as_slice(), &["--root-key-former", &by_token]].concat();
    let resealed = reseal(&data, &moving, &environment);
    assert!(text(&resealed).contains("root key 2 seals everything"), "{}", text(&resealed));
    let methods = |data| {
        let file = wrapped(data);
        file["keys"].as_array().expect("a list").iter().map(|key| key["method"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(methods(&data), ["kms", "kms"]);
    let mut second = Logged::start(&data, &service, &[id, secret]);
    assert_eq!(second.root().get("/reports/a").text(), "hello");
    second.server.kill();
    let back = ["--root-key-source", &by_token, "--root-key-former", &by_service];
    let environment = [environment.as_slice(), &[("AWS_ENDPOINT_URL_KMS", url.as_str())]].concat();
    let mut both = Logged::start(&data, &back, &environment);
    assert!(both.said().contains("a former key still wraps this root key"), "{}", both.said());
    let resealed = reseal(&data, &[], &[]);
    assert!(text(&resealed).contains("root key 3 seals everything"), "{}", text(&resealed));
    assert_eq!(methods(&data), ["pkcs11-aes-gcm", "pkcs11-aes-gcm", "pkcs11-aes-gcm"]);
    both.server.kill();
    drop(external);
    let last = Logged::start(&data, &["--root-key-source", &by_token], &environment);
    assert_eq!(last.root().get("/reports/a").text(), "hello");
}
