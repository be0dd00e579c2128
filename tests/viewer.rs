//! `portcullis sign-url` and `sign-cookies`: what they print opens the door, and what they refuse.
#![cfg(feature = "server")]

use portcullis::edges::server::cloudfront::model::{Behavior, KeyGroup, PublicKey};
use portcullis::edges::server::cloudfront::state::CloudFront;
use portcullis::edges::server::cloudfront::viewer::key::KeyRing;
use portcullis::edges::server::cloudfront::viewer::{ViewerRequest, admit};
use portcullis::storage::store::Kept;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const KEYS: &str = "tests/data/viewer";
const URL: &str = "https://d111111abcdef8.cloudfront.net/paid/film.mp4";

/// Exit code, standard output, standard error.
fn answer(words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let output = command.args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

/// The verb with a key and further words.
fn signed(verb: &str, what: &str, key: &str, further: &[&str]) -> (i32, String, String) {
    let file = format!("{KEYS}/{key}.pem");
    answer(&[&[verb, what, "--key-pair-id", "K2JCJMDEHXQW5F", "--private-key", &file], further].concat())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("a date")
}

fn kept<T>(id: &str, document: T) -> Kept<T> {
    Kept { account: "111122223333".to_owned(), id: id.to_owned(), revision: 1, document }
}

/// Whether a behaviour that trusts the public key lets the viewer in, now and from 192.0.2.10.
fn admits(public: &str, url: &str, cookies: &[&str], after: i64) -> Result<String, &'static str> {
    let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join(KEYS).join(format!("{public}.public.pem"));
    let text = |text: &str| text.to_owned();
    let id = "K2JCJMDEHXQW5F";
    let key = PublicKey {
        id: text(id),
        caller_reference: text("1"),
        name: text("one"),
        pem: std::fs::read_to_string(pem).expect("a public key"),
        comment: String::new(),
        created_ms: 0,
    };
    let group = KeyGroup { id: text("G"), name: text("G"), keys: vec![text(id)], comment: text(""), modified_ms: 0 };
    let keys = [(text(id), kept(id, key))].into();
    let viewer_keys = KeyRing::of(&keys);
    let groups = [(text("G"), kept("G", group))].into();
    let cloudfront = CloudFront { keys, groups, viewer_keys, ..CloudFront::default() };
    let behavior = Behavior { trusted_key_groups: vec![text("G")], ..Behavior::default() };
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (host, path_and_query) = rest.split_at(rest.find('/').expect("a path"));
    let source_ip = IpAddr::from([192, 0, 2, 10]);
    let request = ViewerRequest { scheme, host, path_and_query, cookies, source_ip, now: now() + after };
    match admit(&request, &behavior, &cloudfront) {
        Ok(admitted) => Ok(admitted.path_and_query().to_owned()),
        Err(refusal) => Err(refusal.code()),
    }
}

#[test]
fn signed_urls_open_the_door_until_they_end() {
    for (key, public) in [("rsa.pkcs1", "rsa"), ("rsa.pkcs8", "rsa"), ("ec.sec1", "ec"), ("ec.pkcs8", "ec")] {
        let tomorrow = (now() + 86_400).to_string();
        for further in [
            ["--expires-in", "1h"].as_slice(),
            &["--date-less-than", &tomorrow, "--hash", "sha256"],
            &["--expires-in", "1h", "--date-greater-than", "2026-01-01", "--ip", "192.0.2.10"],
            &["--expires-in", "1h", "--resource", "http*://*.cloudfront.net/paid/*"],
        ] {
            let (code, url, err) = signed("sign-url", URL, key, further);
            assert_eq!((code, err.as_str()), (0, ""), "{key} {further:?}");
            let url = url.strip_suffix('\n').expect("one line");
            assert_eq!(admits(public, url, &[], 0), Ok("/paid/film.mp4".to_owned()), "{url}");
            assert_eq!(admits(public, url, &[], 90_000), Err("AccessDenied"), "{url}");
            assert_eq!(admits("other-rsa", url, &[], 0), Err("AccessDenied"), "{url}");
        }
    }
    // The host as browsers send it, also in a policy that is written for the URL.
    let loud = "HTTPS://D111111abcdef8.CloudFront.net:443/paid/film.mp4?x=1";
    for further in [["--expires-in", "60"].as_slice(), &["--expires-in", "60", "--ip", "192.0.2.0/24"]] {
        let (_, url, _) = signed("sign-url", loud, "ec.sec1", further);
        assert_eq!(admits("ec", url.trim_end(), &[], 0), Ok("/paid/film.mp4?x=1".to_owned()), "{url}");
    }
}

#[test]
fn signed_cookies_open_the_door_in_all_formats() {
    for pattern in [URL, "https://*/paid/*"] {
        let cookies = |format: &str| {
            let further = ["--expires-in", "5m", "--format", format, "--domain", "example.com", "--path", "/paid"];
            let (code, out, err) = signed("sign-cookies", pattern, "ec.sec1", &further);
            assert_eq!((code, err.as_str()), (0, ""));
            out
        };
        let header = cookies("header");
        let header = header.strip_prefix("Cookie: ").and_then(|text| text.strip_suffix('\n')).expect("a header");
        assert_eq!(admits("ec", URL, &[header], 0), Ok("/paid/film.mp4".to_owned()));
        assert_eq!(admits("ec", &URL.replace("paid", "free"), &[header], 0), Err("AccessDenied"));
        let curl = cookies("curl");
        let curl = curl.strip_prefix("--cookie '").and_then(|text| text.strip_suffix("'\n")).expect("an argument");
        assert_eq!(admits("ec", URL, &[curl], 0), Ok("/paid/film.mp4".to_owned()));
        let lines = cookies("set-cookie");
        let pairs = lines.lines().map(|line| {
            let rest = line.strip_prefix("Set-Cookie: ").expect("a line of its own");
            rest.strip_suffix("; Domain=example.com; Path=/paid; Secure; HttpOnly").expect("the attributes")
        });
        let pairs: Vec<&str> = pairs.collect();
        assert_eq!(pairs.len(), 4);
        assert_eq!(admits("ec", URL, &pairs, 0), Ok("/paid/film.mp4".to_owned()));
    }
    let (_, plain, _) = signed("sign-cookies", "http://127.0.0.1:9443/*", "ec.sec1", &["--expires-in", "5m"]);
    assert!(!plain.contains("Secure") && plain.contains("; Path=/; HttpOnly"), "{plain}");
}

#[test]
fn a_policy_of_ones_own() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("viewer-policy");
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    let file = folder.join("policy.json");
    let file = file.to_str().expect("UTF-8");
    let end = now() + 600;
    let with = |end: &str| {
        format!("{{\"Statement\": [{{\"Condition\": {{\"DateLessThan\": {{\"AWS:EpochTime\": {end}}}}}}}]}}\n")
    };
    std::fs::write(file, with(&end.to_string())).expect("written");
    let (code, url, err) = signed("sign-url", URL, "rsa.pkcs8", &["--policy", file]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(admits("rsa", url.trim_end(), &[], 0), Ok("/paid/film.mp4".to_owned()));
    std::fs::write(file, with(&format!("\"{end}\""))).expect("written");
    let (code, out, err) = signed("sign-url", URL, "rsa.pkcs8", &["--policy", file]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, "error: the policy would be refused: `AWS:EpochTime` is not a number\n");
}

#[test]
fn what_cannot_be_signed_is_said() {
    for (what, key, further, want) in [
        (URL, "rsa.pkcs8", [].as_slice(), "--expires-in"),
        (URL, "rsa.pkcs8", &["--expires-in", "1h", "--date-less-than", "2030-01-01"], "cannot be used with"),
        (URL, "rsa.pkcs8", &["--expires-in", "1y"], "wanted seconds, or such as 15m"),
        (URL, "rsa.pkcs8", &["--expires-in", "0"], "its end has passed"),
        (URL, "rsa.pkcs8", &["--date-less-than", "2020-01-01"], "its end has passed"),
        (URL, "rsa.pkcs8", &["--date-less-than", "2040-01-01"], "up to 2147483647"),
        (URL, "rsa.pkcs8", &["--date-less-than", "tomorrow"], "wanted a date such as"),
        (URL, "rsa.pkcs8", &["--expires-in", "1h", "--ip", "2001:db8::/32"], "wanted IPv4 addresses"),
        (URL, "rsa.pkcs8", &["--expires-in", "1h", "--hash", "sha1"], "no new ones are made"),
        (URL, "rsa.pkcs8", &["--expires-in", "1h", "--resource", "https://other/*"], "does not match"),
        (URL, "rsa.public", &["--expires-in", "1h"], "there is no unencrypted private key"),
        (URL, "nowhere", &["--expires-in", "1h"], "tests/data/viewer/nowhere.pem: "),
        ("/paid/film.mp4", "rsa.pkcs8", &["--expires-in", "1h"], "does not begin with http:// or https://"),
        ("https://h/*", "rsa.pkcs8", &["--expires-in", "1h"], "write it as %2A"),
        ("https://h/?Policy=1", "rsa.pkcs8", &["--expires-in", "1h"], "keep for themselves"),
    ] {
        let (code, out, err) = signed("sign-url", what, key, further);
        assert_eq!((code, out.as_str()), (2, ""), "{what} {further:?}");
        assert!(err.contains(want), "{what} {further:?}: {err}");
    }
}
