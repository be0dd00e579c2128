//! What the rows of the table do not show: requests that are allowed in part, uploads of other accounts, policies
//! on which only the owner's account decides.

use super::cast::{client, user_with};
use super::recipes::{Sent, Stage, completion};
use super::senders::{Outcome, Way, send};
use crate::support::{Client, Server};
use serde_json::{Value, json};

const BUCKET: &str = "cases";
/// A bucket whose policy names the other account.
const SHARED: &str = "shared";
/// A bucket that everybody may write to.
const OPEN: &str = "open-to-all";
/// A bucket whose policy denies everybody everything.
const SHUT: &str = "shut";

/// The users and buckets of these cases.
pub fn people_and_places() -> (Vec<Value>, Vec<Value>) {
    let (a, from, to) = ("arn:aws:s3:::cases/a", "arn:aws:s3:::cases/from", "arn:aws:s3:::cases/to");
    let users = vec![
        user_with("halfway", &[("s3:DeleteObject", a)]),
        user_with("reader", &[("s3:GetObject", from)]),
        user_with("writer", &[("s3:PutObject", to)]),
        user_with("copier", &[("s3:GetObject", from), ("s3:PutObject", to)]),
    ];
    let policy = |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]});
    let other = json!({"AWS": "arn:aws:iam::444455556666:user/other"});
    let theirs = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": other, "Resource": "arn:aws:s3:::shared/theirs/*",
         "Action": ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]},
        {"Effect": "Allow", "Principal": other, "Resource": "arn:aws:s3:::shared",
         "Action": ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:GetBucketPolicyStatus"]},
    ]});
    let open = policy(
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::open-to-all/*"}),
    );
    let shut = policy(json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::shut", "arn:aws:s3:::shut/*"]}));
    let buckets = vec![
        json!({"name": BUCKET}),
        json!({"name": SHARED, "policy": theirs}),
        json!({"name": OPEN, "policy": open, "public_access_block": {}}),
        json!({"name": SHUT, "policy": shut, "objects": [{"key": "k"}]}),
    ];
    (users, buckets)
}

/// The cases in order, each with its outcome.
pub fn all(server: &Server) -> Vec<(String, String)> {
    let mut cases = Cases { server, lines: Vec::new() };
    cases.batches();
    cases.copies();
    cases.uploads();
    cases.policies();
    cases.forms();
    cases.lines
}

struct Cases<'a> {
    server: &'a Server,
    lines: Vec<(String, String)>,
}

impl Cases<'_> {
    fn client(&self, who: &str) -> Client {
        client(self.server, Some(who))
    }

    fn root_puts(&self, path: &str) {
        assert_eq!(self.client("root").put(path, b"content").status, 200, "{path}");
    }

    fn try_it(&mut self, what: &str, who: &str, method: &'static str, path: &str, body: &str) {
        self.with_headers(what, who, method, path, &[], body);
    }

    fn with_headers(
        &mut self,
        what: &str,
        who: &str,
        method: &'static str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) {
        let answer = self.client(who).send(method, path, headers, body.as_bytes());
        self.lines.push((what.to_owned(), Outcome::of(&answer).full()));
    }

    fn batches(&mut self) {
        for key in ["a", "b"] {
            self.root_puts(&format!("/{BUCKET}/{key}"));
        }
        let body = "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>";
        let answer = self.client("halfway").send("POST", &format!("/{BUCKET}?delete"), &[], body.as_bytes());
        let text = answer.text();
        let between = |open: &str, close: &str| {
            let parts = text.split(open).skip(1).filter_map(|rest| rest.split_once(close));
            parts.map(|(inside, _)| inside.to_owned()).collect::<Vec<_>>()
        };
        let key = |inside: &String| {
            inside.split_once("<Key>").and_then(|(_, r)| r.split_once("</Key>")).map(|k| k.0.to_owned())
        };
        let deleted: Vec<_> = between("<Deleted>", "</Deleted>").iter().filter_map(key).collect();
        let refused: Vec<_> = between("<Error>", "</Error>").iter().filter_map(key).collect();
        let outcome = format!("{} deleted {deleted:?}, {} {refused:?}", answer.status, answer.element("Code"));
        self.lines.push(("DeleteObjects of a and b by a user who may delete a".to_owned(), outcome));
        for key in ["a", "b"] {
            self.try_it(
                &format!("- then HeadObject of {key} by root"),
                "root",
                "HEAD",
                &format!("/{BUCKET}/{key}"),
                "",
            );
        }
    }

    fn copies(&mut self) {
        self.root_puts(&format!("/{BUCKET}/from"));
        let root = self.client("root");
        let upload = Stage { root: &root, bucket: BUCKET.to_owned() }.upload("to");
        let part = format!("/{BUCKET}/to?partNumber=1&uploadId={upload}");
        for (name, path) in [("CopyObject", format!("/{BUCKET}/to")), ("UploadPartCopy", part)] {
            for (may, who) in [
                ("read the source, not write", "reader"),
                ("write, not read the source", "writer"),
                ("read the source and write", "copier"),
            ] {
                let source = [("x-amz-copy-source", "/cases/from")];
                self.with_headers(&format!("{name} by a user who may {may}"), who, "PUT", &path, &source, "");
            }
        }
    }

    /// The owner's upload and the other account's, at keys where the other may write and where not.
    fn uploads(&mut self) {
        let (root, other) = (self.client("root"), self.client("other"));
        let owners = Stage { root: &root, bucket: SHARED.to_owned() };
        let others = Stage { root: &other, bucket: SHARED.to_owned() };
        let requests = |key: &str, upload: &str, etag: &str| {
            let path = format!("/{SHARED}/{key}?uploadId={upload}");
            let part = format!("{path}&partNumber=2");
            [
                ("UploadPart", "PUT", part, "part".to_owned()),
                ("ListParts", "GET", path.clone(), String::new()),
                ("CompleteMultipartUpload", "POST", path.clone(), completion(etag)),
                ("AbortMultipartUpload", "DELETE", path, String::new()),
            ]
        };
        let upload = owners.upload("ours");
        let etag = owners.part("ours", &upload);
        for (name, method, path, body) in requests("ours", &upload, &etag) {
            self.try_it(&format!("{name} of the owner's upload by the other account"), "other", method, &path, &body);
        }
        for (name, method, path, body) in requests("theirs/x", &upload, &etag) {
            let what = format!("{name} of the owner's upload by the other account, at a key where it may write");
            self.try_it(&what, "other", method, &path, &body);
        }
        // Who may write to a key may complete what was begun there: the permission is all that S3 asks for.
        let upload = owners.upload("theirs/ours");
        let etag = owners.part("theirs/ours", &upload);
        let [_, list, complete, _] = requests("theirs/ours", &upload, &etag);
        for (name, method, path, body) in [list, complete] {
            let what =
                format!("{name} of the owner's upload at a key where the other account may write, by the latter");
            self.try_it(&what, "other", method, &path, &body);
        }
        for (whose, who) in [("a third account", "third"), ("a user without permissions", "nobody")] {
            let upload = others.upload("theirs/x");
            let etag = others.part("theirs/x", &upload);
            for (name, method, path, body) in requests("theirs/x", &upload, &etag) {
                self.try_it(&format!("{name} of the other account's upload by {whose}"), who, method, &path, &body);
            }
        }
        let upload = others.upload("theirs/x");
        let etag = others.part("theirs/x", &upload);
        let [part, list, complete, _] = requests("theirs/x", &upload, &etag);
        for (name, method, path, body) in [part, list, complete] {
            self.try_it(&format!("{name} of the other account's upload by itself"), "other", method, &path, &body);
        }
        let upload = others.upload("theirs/x");
        let [.., (name, method, path, body)] = requests("theirs/x", &upload, "");
        self.try_it(&format!("{name} of the other account's upload by the owner's root"), "root", method, &path, &body);
    }

    fn policies(&mut self) {
        let harmless = |bucket: &str| {
            let resource = format!("arn:aws:s3:::{bucket}/k");
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject",
                "Principal": {"AWS": "111122223333"}, "Resource": resource}]})
            .to_string()
        };
        let (shared, shut) = (format!("/{SHARED}?policy"), format!("/{SHUT}?policy"));
        for (name, method, body) in [
            ("GetBucketPolicy", "GET", String::new()),
            ("PutBucketPolicy", "PUT", harmless(SHARED)),
            ("DeleteBucketPolicy", "DELETE", String::new()),
        ] {
            let by = "by another account that the policy allows it";
            self.try_it(&format!("{name} {by}"), "other", method, &shared, &body);
        }
        let what = "GetBucketPolicyStatus by another account that the policy allows it";
        self.try_it(what, "other", "GET", &format!("/{SHARED}?policyStatus"), "");
        for (name, method, body) in [
            ("GetBucketPolicy", "GET", String::new()),
            ("PutBucketPolicy", "PUT", harmless(SHUT)),
            ("DeleteBucketPolicy", "DELETE", String::new()),
        ] {
            let what = format!("Everybody is denied everything: {name} by a user with all permissions");
            self.try_it(&what, "allowed", method, &shut, &body);
        }
        for (name, path) in [
            ("GetObject", format!("/{SHUT}/k")),
            ("GetBucketPolicyStatus", format!("/{SHUT}?policyStatus")),
            ("GetBucketAcl", format!("/{SHUT}?acl")),
        ] {
            self.try_it(&format!("Everybody is denied everything: {name} by root"), "root", "GET", &path, "");
        }
        let denied = self.client("root").get(&shut).text();
        self.try_it("Everybody is denied everything: GetBucketPolicy by root", "root", "GET", &shut, "");
        self.try_it("Everybody is denied everything: PutBucketPolicy by root", "root", "PUT", &shut, &harmless(SHUT));
        self.try_it("- then GetObject by root", "root", "GET", &format!("/{SHUT}/k"), "");
        self.try_it("PutBucketPolicy that denies everybody everything, by root", "root", "PUT", &shut, &denied);
        self.try_it("Everybody is denied everything: DeleteBucketPolicy by root", "root", "DELETE", &shut, "");
        self.try_it("- then GetObject by root", "root", "GET", &format!("/{SHUT}/k"), "");
        let what = "PutBucketPolicy that denies everybody everything, by a user with all permissions";
        self.try_it(what, "allowed", "PUT", &shut, &denied);
        let confirmed = [("x-amz-confirm-remove-self-bucket-access", "true")];
        self.with_headers(&format!("{what}, confirmed"), "allowed", "PUT", &shut, &confirmed, &denied);
    }

    fn forms(&mut self) {
        let form = Sent {
            method: "POST",
            path: format!("/{OPEN}"),
            form: Some(vec![("key", "posted".to_owned())]),
            ..Sent::default()
        };
        let who = |who: Option<&str>| client(self.server, who);
        let nobody = send(&who(None), Way::Header, &form);
        let denied = send(&who(Some("denied")), Way::Header, &form);
        let other = send(&who(Some("other")), Way::Header, &form);
        for (by, answer) in [("nobody in particular", nobody), ("another account", other), ("a denied user", denied)] {
            let what = format!("PostObject to a bucket that everybody may write to, by {by}");
            self.lines.push((what, Outcome::of(&answer).full()));
        }
        let url = self.client("allowed").presigned("POST", &format!("/{OPEN}"), &[], 600, crate::support::now());
        let both = send(&who(Some("allowed")), Way::Header, &Sent { path: url, ..form });
        self.lines.push(("PostObject with a signed form at a presigned URL".to_owned(), Outcome::of(&both).full()));
    }
}
