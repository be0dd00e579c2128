//! Random requests, and what the library and the command line say of them.

use super::support::{Answer, Client, Server, now};
use super::worlds::{self, BUCKETS, KEYS, Random};
use portcullis::decision::Authorizer;
use portcullis::gate::needs::Need;
use portcullis::gate::operations::{HeadBucket, On, Operation as _, Permission, Row, When, find};
use portcullis::gate::{self, Asked, BodyFacts, Method, OperationId, RequestFacts, SignatureFacts, Source, Target};
use portcullis::policy::acl::ObjectOwnership;
use portcullis::simulate::question::{Circumstances, Question};
use portcullis::simulate::world::World;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::Command;

/// Who asks: as `--as` names them, and the name of their access key.
const CALLERS: [(&str, Option<&str>); 9] = [
    ("alice", Some("ALICE")),
    ("bob", Some("BOB")),
    ("carol", Some("CAROL")),
    ("mia", Some("MIA")),
    ("alice", Some("ALICE")),
    ("root@111122223333", Some("PRODROOT")),
    ("root@444455556666", Some("DEVROOT")),
    ("root@999900001111", Some("PAYERROOT")),
    ("anonymous", None),
];
const OTHER_GROUP: &str = "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"";

/// One request, as it is sent and as it is asked about.
pub struct Request {
    pub who: &'static str,
    pub key: Option<&'static str>,
    pub method: &'static str,
    pub target: Target,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Tags that the server takes from header or body.
    pub tags: Option<Vec<(String, String)>>,
    pub source: Option<Source>,
    /// Signed by its URL.
    pub presigned: bool,
    /// Path and query as they were sent.
    pub url: String,
}

impl Asked for Request {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// A decision as its log and the library tell it.
#[derive(Debug, PartialEq, Eq)]
pub struct Decided {
    pub action: String,
    pub resource: String,
    pub outcome: String,
    pub code: String,
    pub context: BTreeMap<String, Vec<String>>,
}

impl Decided {
    /// What this one says, and the other's facts where they differ.
    pub fn against(&self, other: &Self) -> String {
        let only = |a: &Self, b: &Self| {
            let differ = a.context.iter().filter(|(key, values)| b.context.get(*key) != Some(values));
            differ.map(|(key, values)| format!("{key}={values:?}")).collect::<Vec<_>>()
        };
        let brief = |d: &Self| format!("{} {} {} {}", d.action, d.resource, d.outcome, d.code);
        let (mine, theirs) = (only(self, other), only(other, self));
        format!("decides {} by {mine:?}\n  where the library decides {} by {theirs:?}", brief(self), brief(other))
    }
}

/// What the library says of a request.
pub struct Expected {
    pub allowed: bool,
    /// The decisions up to the first denial.
    pub decisions: Vec<Decided>,
    /// Decisions that only tell whether absence may be learnt follow.
    pub more_follow: bool,
}

/// Percent-encodes what a path or query cannot have.
fn encoded(text: &str, keep_slash: bool) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b) || keep_slash && b == b'/';
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

pub fn object(bucket: &str, key: &str) -> Target {
    Target::Object { bucket: bucket.to_owned(), key: key.to_owned() }
}

impl Random {
    /// A request. `used` are objects that an earlier request changed: they are not as the world has them any more.
    pub fn request(&mut self, used: &HashSet<Target>, number: usize) -> Request {
        let (who, key) = self.pick(&CALLERS);
        let (bucket, _) = self.pick(&BUCKETS);
        let mut request = Request {
            who,
            key,
            method: "GET",
            target: self.object(bucket, used),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            tags: None,
            source: None,
            presigned: false,
            url: String::new(),
        };
        self.operation(&mut request, bucket, used, number);
        for (name, values) in [
            ("user-agent", ["curl/8.1", "Mozilla/5.0 (X11)", "aws-cli"]),
            ("referer", ["https://example.com/", "https://example.com/a", "http://other.example/"]),
        ] {
            if !self.one_in(3) {
                request.set(name, self.pick(&values));
            }
        }
        if self.one_in(16) {
            request.set("x-amz-expected-bucket-owner", self.pick(&[worlds::PROD, worlds::DEV]));
        }
        let plain = request.method == "GET" && request.headers.iter().all(|(name, _)| !name.starts_with("x-amz-"));
        request.presigned = plain && key.is_some() && self.one_in(5);
        if key.is_some() && !request.presigned {
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &request.body);
            let hash = hash.as_ref().iter().fold(String::new(), |hex, b| format!("{hex}{b:02x}"));
            let unsigned = self.one_in(3);
            request.set("x-amz-content-sha256", if unsigned { "UNSIGNED-PAYLOAD" } else { &hash });
        }
        request
    }

    /// A request for a bucket's own settings, which may change them: the last of its world.
    pub fn last_request(&mut self, number: usize) -> Request {
        let mut request = self.request(&HashSet::new(), number);
        let (bucket, _) = self.pick(&BUCKETS);
        let (method, what) = self.pick(&[
            ("GET", "policy"),
            ("DELETE", "policy"),
            ("PUT", "acl"),
            ("DELETE", "publicAccessBlock"),
            ("DELETE", "ownershipControls"),
            ("DELETE", "tagging"),
        ]);
        request.headers.retain(|(name, _)| !name.starts_with("x-amz-"));
        if request.key.is_some() {
            request.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        }
        if what == "acl" {
            request.set("x-amz-acl", self.pick(&["private", "public-read", "authenticated-read"]));
        }
        let target = Target::Bucket { bucket: bucket.to_owned() };
        let query = vec![(what.to_owned(), String::new())];
        Request { method, target, query, body: Vec::new(), tags: None, source: None, presigned: false, ..request }
    }

    fn object(&mut self, bucket: &str, used: &HashSet<Target>) -> Target {
        let target = object(bucket, self.pick(&KEYS));
        // Nobody touches the last key of the list.
        if used.contains(&target) { object(bucket, KEYS[KEYS.len() - 1]) } else { target }
    }

    fn operation(&mut self, request: &mut Request, bucket: &str, used: &HashSet<Target>, number: usize) {
        let on_bucket = Target::Bucket { bucket: bucket.to_owned() };
        let fresh = object(bucket, &format!("{}new-{number}", self.pick(&["", "pub/", "home/alice/"])));
        let untouched = |target: &Target| *target != object(bucket, KEYS[KEYS.len() - 1]);
        match self.below(24) {
            0..=3 => {}
            4 | 5 => request.method = "HEAD",
            6 => request.ask("tagging", ""),
            7 => request.ask("acl", ""),
            8..=11 => {
                request.method = "PUT";
                if !self.one_in(3) || !untouched(&request.target) {
                    request.target = fresh;
                }
                self.describe(request);
                if self.one_in(6) {
                    request.set("if-none-match", "*");
                }
                request.body = b"a,b".to_vec();
            }
            12 | 13 => {
                request.method = "PUT";
                let (from, _) = self.pick(&BUCKETS);
                let Target::Object { bucket: from, key } = self.object(from, used) else { return };
                let slash = if self.one_in(2) { "/" } else { "" };
                request.set("x-amz-copy-source", &format!("{slash}{from}/{}", encoded(&key, true)));
                request.source = Some(Source { bucket: from, key, version: None });
                request.target = fresh;
                self.describe(request);
                for name in ["x-amz-metadata-directive", "x-amz-tagging-directive"] {
                    if self.one_in(3) {
                        request.set(name, self.pick(&["COPY", "REPLACE"]));
                    }
                }
                if request.header("x-amz-tagging-directive") != Some("REPLACE") {
                    request.tags = None;
                }
            }
            14 => {
                request.method = "POST";
                request.ask("uploads", "");
                self.describe(request);
            }
            15 | 16 if untouched(&request.target) => request.method = "DELETE",
            17 if untouched(&request.target) => {
                request.method = "PUT";
                request.ask("tagging", "");
                let tags = vec![("env".to_owned(), self.pick(&["dev", "prod"]).to_owned())];
                request.body = tagging(&tags);
                request.tags = Some(tags);
            }
            18 if untouched(&request.target) => {
                request.method = "PUT";
                request.ask("acl", "");
                request.set("x-amz-acl", self.pick(&["private", "public-read", "bucket-owner-full-control"]));
            }
            15..=19 => {
                request.target = on_bucket;
                request.ask("list-type", "2");
                for (name, values) in [
                    ("prefix", ["home/", "", "home/alice/"]),
                    ("delimiter", ["/", "/", "-"]),
                    ("max-keys", ["5", "10", "1000"]),
                ] {
                    if self.one_in(2) {
                        request.ask(name, self.pick(&values));
                    }
                }
            }
            20 => {
                request.target = on_bucket;
                let what = self.pick(&["policy", "acl", "", "versioning", "policyStatus", "uploads"]);
                match what {
                    "" => request.method = "HEAD",
                    what => request.ask(what, ""),
                }
            }
            21 => {
                request.target = on_bucket;
                request.method = "PUT";
                request.ask("tagging", "");
                request.body = tagging(&[("a".to_owned(), "b".to_owned())]);
            }
            22 => request.target = Target::Service,
            _ => {
                request.method = "PUT";
                request.target = Target::Bucket { bucket: format!("new-bucket-{number}") };
                if self.one_in(3) {
                    request.set("x-amz-object-ownership", "ObjectWriter");
                }
                if self.one_in(3) {
                    request.set("x-amz-acl", self.pick(&["private", "public-read"]));
                }
            }
        }
    }

    /// Headers of a new object.
    fn describe(&mut self, request: &mut Request) {
        match self.below(6) {
            0 | 1 => {
                let canned = ["private", "public-read", "bucket-owner-full-control", "authenticated-read"];
                request.set("x-amz-acl", self.pick(&canned));
            }
            2 => {
                let account = format!("id=\"{}\"", worlds::DEV_CANONICAL);
                request.set("x-amz-grant-read", self.pick(&[account.as_str(), OTHER_GROUP]));
            }
            _ => {}
        }
        if self.one_in(3) {
            let mut tags = vec![("env".to_owned(), self.pick(&["dev", "prod"]).to_owned())];
            if self.one_in(2) {
                tags.push(("team".to_owned(), "a b".to_owned()));
            }
            let pairs: Vec<String> = tags.iter().map(|(k, v)| format!("{k}={}", encoded(v, false))).collect();
            request.set("x-amz-tagging", &pairs.join("&"));
            request.tags = Some(tags);
        }
        if self.one_in(3) {
            request.set("x-amz-storage-class", self.pick(&["STANDARD", "STANDARD_IA"]));
        }
        if self.one_in(4) {
            request.set("x-amz-server-side-encryption", "AES256");
        }
    }
}

fn tagging(tags: &[(String, String)]) -> Vec<u8> {
    let set: Vec<String> = tags.iter().map(|(k, v)| format!("<Tag><Key>{k}</Key><Value>{v}</Value></Tag>")).collect();
    format!("<Tagging><TagSet>{}</TagSet></Tagging>", set.concat()).into_bytes()
}

impl Request {
    fn set(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn ask(&mut self, name: &str, value: &str) {
        self.query.push((name.to_owned(), value.to_owned()));
    }

    /// Sends it.
    pub fn send(&mut self, server: &Server) -> Answer {
        let mut path = match &self.target {
            Target::Service | Target::Entities(_) => "/".to_owned(),
            Target::Bucket { bucket } => format!("/{bucket}"),
            Target::Object { bucket, key } => format!("/{bucket}/{}", encoded(key, true)),
        };
        for (at, (name, value)) in self.query.iter().enumerate() {
            let value = encoded(value, false);
            let mark = if at == 0 { '?' } else { '&' };
            path = format!("{path}{mark}{name}={value}");
        }
        let keys = self.key.map(|name| (format!("AKIA{name}"), worlds::secret(name)));
        let mut client = Client { keys, ..server.anonymous() };
        if self.presigned {
            path = client.presigned(self.method, &path, &[], 900, now());
            client.keys = None;
        }
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = client.send(self.method, &path, &headers, &self.body);
        self.url = format!("http://{}{path}", server.address);
        answer
    }

    /// Whether the server let it through. Anything but S3's refusal and the answers of requests that were let
    /// through is a mistake of the test.
    pub fn was_let_through(&self, answer: &Answer) -> bool {
        let code = answer.code();
        match (answer.status, code.as_str()) {
            (403, "AccessDenied") => false,
            (403, "") if self.method == "HEAD" => false,
            (405, "MethodNotAllowed") => false,
            (200 | 204, _) => true,
            (404, _) => true,
            (400, "AccessControlListNotSupported" | "InvalidBucketAclWithObjectOwnership") => true,
            (412, "PreconditionFailed") => true,
            (status, code) => panic!("{self}: {status} {code}: {}", answer.text()),
        }
    }

    /// Whether what the world says of an object stopped being true.
    pub fn changed(&self) -> Option<&Target> {
        let changes = matches!(self.method, "PUT" | "DELETE") && self.target.key().is_some();
        changes.then_some(&self.target)
    }

    fn row(&self) -> &'static Row {
        let method = Method::parse(self.method).expect("a method");
        find(method, &self.target, false, self).expect("an operation")
    }

    fn facts(&self) -> RequestFacts<'_> {
        let signed = self.key.is_some();
        let auth_type = if self.presigned { "REST-QUERY-STRING" } else { "REST-HEADER" };
        RequestFacts {
            method: Method::parse(self.method).expect("a method"),
            target: &self.target,
            asked: self,
            source_ip: None,
            secure: None,
            tls_version: None,
            time: now(),
            signature: SignatureFacts {
                auth_type: signed.then_some(auth_type),
                version: signed.then_some("AWS4-HMAC-SHA256"),
                age_ms: self.presigned.then_some(500),
                content_sha256: self.header("x-amz-content-sha256"),
            },
        }
    }

    // ---- the library ----

    /// What the library says of it.
    pub fn expected(&self, world: &World) -> Expected {
        let (row, facts) = (self.row(), self.facts());
        let object_of = |bucket: &str, key: &str| world.bucket(bucket).and_then(|(_, entry)| entry.objects.get(key));
        let tagged =
            self.source.as_ref().and_then(|s| object_of(&s.bucket, &s.key)).is_some_and(|o| !o.tags.is_empty());
        let replaces = self.header("x-amz-tagging-directive") == Some("REPLACE");
        let body = BodyFacts { tags: self.tags.clone(), copies_tags: tagged && !replaces, ..BodyFacts::default() };
        let owner = |bucket: Option<&str>| bucket.and_then(|name| world.bucket(name)).map(|(account, _)| &*account.id);
        let bucket = self.target.bucket();
        let account = world.party(self.who).expect("a principal").principal.account;
        let expects = self.header("x-amz-expected-bucket-owner").filter(|_| bucket.is_some());
        let found = if row.id == OperationId::CreateBucket { account.as_deref() } else { owner(bucket) };
        if expects.is_some_and(|expected| Some(expected) != found) {
            return Expected { allowed: false, decisions: Vec::new(), more_follow: self.reads() };
        }
        let mut decisions = Vec::new();
        for permission in gate::needed(row, &facts, &body) {
            decisions.push(self.decided(world, row, permission, &facts, &body));
            if decisions.last().is_some_and(|d| d.outcome != "allow") {
                break;
            }
        }
        let refusal = decisions.last().map(|d| d.outcome.clone()).filter(|outcome| outcome != "allow");
        let owners_alone = gate::is_owners_alone(row) && account.as_deref() != owner(bucket);
        // Of what is not there those may know who may list the bucket. Source: semantics, section 5.4.
        let read = match (&self.source, &self.target) {
            (Some(source), _) => Some((source.bucket.as_str(), source.key.as_str())),
            (None, Target::Object { bucket, key }) if self.reads() => Some((bucket.as_str(), key.as_str())),
            _ => None,
        };
        if let Some((bucket, key)) = read
            && object_of(bucket, key).is_none()
        {
            let target = Target::Bucket { bucket: bucket.to_owned() };
            let list = HeadBucket::ROW;
            let listing = RequestFacts { target: &target, ..facts };
            let lists = list.needs.iter().all(|p| self.decided(world, list, p, &listing, &body).outcome == "allow");
            let acls =
                world.bucket(bucket).and_then(|(_, b)| b.ownership) != Some(ObjectOwnership::BucketOwnerEnforced);
            let open = refusal.is_none() || acls && refusal.as_deref() == Some("implicit-deny");
            return Expected { allowed: open && lists, decisions, more_follow: true };
        }
        Expected { allowed: refusal.is_none() && !owners_alone, decisions, more_follow: false }
    }

    /// Whether it is answered from an object that must be there.
    pub fn reads(&self) -> bool {
        let setting = self.query("tagging").or(self.query("acl")).is_some();
        self.target.key().is_some() && (matches!(self.method, "GET" | "HEAD") || setting)
    }

    fn decided(
        &self,
        world: &World,
        row: &'static Row,
        permission: &'static Permission,
        facts: &RequestFacts<'_>,
        body: &BodyFacts,
    ) -> Decided {
        let (bucket, key) = match (permission.on, &self.source) {
            (On::Service, _) => (None, None),
            (On::Bucket, _) => (facts.target.bucket(), None),
            (On::Source, Some(source)) => (Some(source.bucket.as_str()), Some(source.key.as_str())),
            _ => (facts.target.bucket(), facts.target.key()),
        };
        let arn = gate::arn(bucket, key);
        let need = Need { row, permission, arn: &arn, version: None, object: None };
        let mut circumstances = Circumstances {
            from: Some("127.0.0.1".to_owned()),
            https: Some(false),
            new_bucket: row.id == OperationId::CreateBucket,
            new_object: permission.on == On::Object && permission.when == When::SetsAcl,
            at: Some(facts.time.to_string()),
            ..Circumstances::default()
        };
        for entry in need.context(facts, body).entries() {
            if !["aws:CurrentTime", "aws:EpochTime"].contains(&entry.name()) {
                let pairs = entry.values().iter().map(|value| format!("{}={}", entry.name(), value.as_str()));
                circumstances.context.extend(pairs);
            }
        }
        let resource = if bucket.is_some() { arn.clone() } else { "*".to_owned() };
        let question =
            Question { principal: self.who.to_owned(), action: need.action().to_owned(), resource, circumstances };
        let asked = world.ask(&question, None).unwrap_or_else(|e| panic!("{}: {}", question.line(), e.message));
        let authorizer = Authorizer::new(asked.layers);
        let request = asked.request.as_request(authorizer.layers()).expect("a request");
        let decision = authorizer.decide(&request);
        let context = request.context.entries().map(|entry| {
            let values = entry.values().iter().map(|value| value.as_str().to_owned()).collect();
            (entry.name().to_ascii_lowercase(), values)
        });
        Decided {
            action: question.action,
            resource: question.resource,
            outcome: decision.word().to_owned(),
            code: decision.basis().code.as_str().to_owned(),
            context: timeless(context),
        }
    }

    // ---- the command line ----

    /// What `portcullis why METHOD URL --as WHO` answers: its JSON and its exit status.
    pub fn why(&self, world: &Path) -> (Value, i32) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(["why", self.method, &self.url, "--as", self.who, "--from", "127.0.0.1", "--http"]);
        command.args(["--at", &now().to_string(), "--format", "json", "-w"]).arg(world);
        for (name, value) in &self.headers {
            command.args(["-H", &format!("{name}: {value}")]);
        }
        if self.presigned {
            command.args(["-c", "s3:signatureAge=500"]);
        }
        if self.method == "PUT" && self.query("tagging").is_some() && self.target.key().is_some() {
            for (key, value) in self.tags.iter().flatten() {
                command.args(["-c", &format!("s3:RequestObjectTag/{key}={value}")]);
                command.args(["-c", &format!("s3:RequestObjectTagKeys={key}")]);
            }
        }
        let output = command.output().expect("it runs");
        let answer = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{self}: {e}: {}", String::from_utf8_lossy(&output.stderr)));
        (answer, output.status.code().expect("a status"))
    }
}

/// A context without what differs from one second to the next.
pub fn timeless(context: impl Iterator<Item = (String, Vec<String>)>) -> BTreeMap<String, Vec<String>> {
    context
        .filter(|(key, _)| !["aws:currenttime", "aws:epochtime", "s3:signatureage"].contains(&key.as_str()))
        .collect()
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} as {} with {:?}", self.method, self.url, self.who, self.headers)
    }
}
