//! Browser forms: what their policies say, and what they cost before anybody is asked.

use super::ground::Ground;
use super::wire::{Connection, basic, told};
use crate::support::{Answer, now, raw};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::edges::server::auth::SigningKey;

const BOUNDARY: &str = "----form";

/// A form's fields, up to its file.
#[derive(Clone)]
struct Form {
    fields: Vec<(String, String)>,
    file: String,
}

impl Form {
    /// A good one, of bob's, for keys that begin with `in/` and up to 20 bytes.
    fn signed() -> Self {
        Self::under(
            r#"[{"bucket": "drop"}, ["starts-with", "$key", "in/"], ["content-length-range", 1, 20],
                {"x-amz-algorithm": "AWS4-HMAC-SHA256"}, ["starts-with", "$x-amz-credential", ""],
                ["starts-with", "$x-amz-date", ""]]"#,
            now() + 600,
        )
    }

    fn under(conditions: &str, until: i64) -> Self {
        let until = chrono::DateTime::from_timestamp(until, 0).expect("a time").format("%Y-%m-%dT%H:%M:%SZ");
        let policy = STANDARD.encode(format!(r#"{{"expiration": "{until}", "conditions": {conditions}}}"#));
        let date = basic(now());
        let day = &date[..8];
        let signature = SigningKey::derive("bob-secret", day, "us-east-1", "s3").sign(&policy);
        let fields = [
            ("key", "in/form".to_owned()),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential", format!("AKIABOB/{day}/us-east-1/s3/aws4_request")),
            ("x-amz-date", date.clone()),
            ("policy", policy),
            ("x-amz-signature", signature),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { fields, file: "content".to_owned() }
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(n, _)| n != name);
        self
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn of(mut self, file: &str) -> Self {
        file.clone_into(&mut self.file);
        self
    }

    fn before_file(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.fields {
            text += &format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        text + &format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\r\n")
    }

    fn body(&self) -> String {
        format!("{}{}\r\n--{BOUNDARY}--\r\n", self.before_file(), self.file)
    }
}

fn head(ground: &Ground, bucket: &str, length: usize) -> String {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    format!(
        "POST /{bucket} HTTP/1.1\r\nhost: {}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n",
        ground.address()
    )
}

fn post(ground: &Ground, bucket: &str, body: &str) -> Answer {
    raw(ground.address(), &head(ground, bucket, body.len()), body.as_bytes())
}

#[test]
fn a_form_does_what_its_policy_says() {
    let ground = Ground::new();
    let before = ground.stored();
    let form = Form::signed;
    let changed = STANDARD.encode(r#"{"expiration": "2099-01-01T00:00:00Z", "conditions": []}"#);
    let wide = r#"[{"bucket": "drop"}, ["starts-with", "$key", ""]]"#;
    let credential = r#"["starts-with", "$x-amz-credential", ""], ["starts-with", "$x-amz-date", ""], ["starts-with", "$x-amz-algorithm", ""]"#;
    let keyless = Form::under(&format!(r#"[{{"bucket": "drop"}}, {credential}]"#), now() + 60).without("key");
    for (what, form, status, code) in [
        ("a policy of one's own", form().with("policy", &changed), 403, "SignatureDoesNotMatch"),
        ("no signature", form().without("x-amz-signature"), 400, "InvalidArgument"),
        ("no policy", form().without("policy"), 400, "InvalidArgument"),
        ("no date", form().without("x-amz-date"), 400, "InvalidArgument"),
        ("a wrong signature", form().with("x-amz-signature", &"0".repeat(64)), 403, "SignatureDoesNotMatch"),
        ("another key", form().with("key", "out/form"), 403, "AccessDenied"),
        ("a path", form().with("key", "../in/form"), 403, "AccessDenied"),
        ("an uncovered field", form().with("acl", "public-read"), 403, "AccessDenied"),
        ("uncovered metadata", form().with("x-amz-meta-a", "b"), 403, "AccessDenied"),
        ("uncovered tags", form().with("tagging", "<Tagging/>"), 403, "AccessDenied"),
        ("a redirect", form().with("success_action_redirect", "http://evil.example/"), 403, "AccessDenied"),
        ("too long a file", form().of(&"x".repeat(21)), 400, "EntityTooLarge"),
        ("an empty file", form().of(""), 400, "EntityTooSmall"),
        ("no key", form().without("key"), 400, "InvalidArgument"),
        ("a policy and a form without a key", keyless, 400, "InvalidArgument"),
        ("an empty key", form().with("key", ""), 400, "InvalidArgument"),
        ("an expired policy", Form::under(wide, now() - 60), 403, "AccessDenied"),
        ("fields that nothing covers", Form::under(wide, now() + 60), 403, "AccessDenied"),
        ("both versions", form().with("AWSAccessKeyId", "AKIABOB"), 400, "InvalidArgument"),
        (
            "no policy at all",
            Form { fields: vec![("key".to_owned(), "in/form".to_owned())], file: "x".to_owned() },
            403,
            "AccessDenied",
        ),
    ] {
        let answer = post(&ground, "drop", &form.body());
        assert_eq!(told(&answer), (status, code.to_owned()), "{what}: {}", answer.text());
    }
    // A policy for another bucket, and a bucket where bob may not write.
    assert_eq!(told(&post(&ground, "reports", &form().body())), (403, "AccessDenied".to_owned()));
    assert_eq!(told(&post(&ground, "no-such-bucket", &form().body())).0, 403);
    assert_eq!(ground.stored(), before);
    let answer = post(&ground, "drop", &form().body());
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(ground.root().get("/drop/in/form").text(), "content");
    assert_eq!(post(&ground, "drop", &form().with("key", "in/${filename}").body()).status, 204);
    assert_eq!(ground.root().get("/drop/in/f.txt").text(), "content");
}

#[test]
fn a_form_that_is_none() {
    let ground = Ground::new();
    let before = ground.stored();
    let good = Form::signed().body();
    let cut = |from: &str| good.split_once(from).expect("there").0.to_owned();
    let twice = good.replacen(
        "\r\n\r\nin/form",
        "\r\n\r\nin/form\r\n------form\r\ncontent-disposition: form-data; name=\"key\"\r\n\r\nin/b",
        1,
    );
    for (what, body, code) in [
        ("nothing", String::new(), "MalformedPOSTRequest"),
        ("no form", "key=in/form".to_owned(), "MalformedPOSTRequest"),
        (
            "no file",
            cut("------form\r\ncontent-disposition: form-data; name=\"file\"") + "------form--\r\n",
            "IncorrectNumberOfFilesInPostRequest",
        ),
        ("cut before the file", cut("content-disposition: form-data; name=\"file\""), "MalformedPOSTRequest"),
        ("no end", cut("\r\n------form--"), "MalformedPOSTRequest"),
        ("a key twice", twice, "InvalidArgument"),
        ("a field without a name", good.replacen("; name=\"key\"", "", 1), "MalformedPOSTRequest"),
    ] {
        let answer = post(&ground, "drop", &body);
        assert_eq!(told(&answer), (400, code.to_owned()), "{what}: {}", answer.text());
    }
    for kind in ["multipart/form-data", "multipart/form-data; boundary="] {
        let head = head(&ground, "drop", good.len()).replace("multipart/form-data; boundary=----form", kind);
        let answer = raw(ground.address(), &head, good.as_bytes());
        assert_eq!(answer.status / 100, 4, "{kind}: {}", answer.text());
    }
    assert_eq!(ground.stored(), before);
}

#[test]
fn a_form_is_refused_before_its_file_is_sent() {
    let ground = Ground::new();
    let before = ground.stored();
    let refused = |form: &Form| {
        // A gigabyte is announced; of the file not a byte is sent.
        let mut connection = Connection::open(ground.address());
        connection.send(head(&ground, "drop", 1 << 30).as_bytes()).expect("sends");
        connection.send(form.before_file().as_bytes()).expect("sends");
        // The parser may want to see that a file begins.
        connection.send(&[b'x'; 9000]).expect("sends");
        connection.answer(false).expect("an answer")
    };
    let anonymous = Form { fields: vec![("key".to_owned(), "in/form".to_owned())], file: String::new() };
    assert_eq!(told(&refused(&anonymous)), (403, "AccessDenied".to_owned()));
    let forged = Form::signed().with("x-amz-signature", &"0".repeat(64));
    assert_eq!(told(&refused(&forged)), (403, "SignatureDoesNotMatch".to_owned()));
    assert_eq!(told(&refused(&Form::signed())), (400, "EntityTooLarge".to_owned()), "the policy's 20 bytes");
    assert_eq!(ground.stored(), before);
}

#[test]
fn fields_are_small_and_few() {
    let ground = Ground::new();
    let before = ground.stored();
    let long = Form::signed().with("x-ignore-long", &"x".repeat(2 << 20));
    let some = Form::signed().with("x-ignore-long", &"x".repeat(21 << 10));
    let many = (0..200).fold(Form::signed(), |form, n| form.with(&format!("x-ignore-{n}"), "x"));
    for form in [&long, &some, &many] {
        let answer = post(&ground, "drop", &form.body());
        assert_eq!(told(&answer), (400, "MaxPostPreDataLengthExceeded".to_owned()), "{}", answer.text());
    }
    // Headers of one part, and a preamble, without an end.
    let endless = format!("--{BOUNDARY}\r\nx: {}", "x".repeat(2 << 20));
    let preamble = "x".repeat(2 << 20);
    for body in [endless, preamble] {
        assert_eq!(post(&ground, "drop", &body).status, 400);
    }
    // And a field that never ends is refused while it comes.
    let mut connection = Connection::open(ground.address());
    connection.send(head(&ground, "drop", 1 << 30).as_bytes()).expect("sends");
    let field =
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"x-ignore-a\"\r\n\r\n{}", "x".repeat(100_000));
    connection.send(field.as_bytes()).expect("sends");
    let answer = connection.answer(false).expect("an answer");
    assert_eq!(told(&answer), (400, "MaxPostPreDataLengthExceeded".to_owned()));
    assert_eq!(ground.stored(), before);
}
