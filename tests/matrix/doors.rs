//! The doors as columns: every operation of the gate's table that a viewer can address through a distribution, asked
//! through CloudFront in each way in which an origin can be asked, and directly without a name.

use super::cast::{bucket_of, client, world};
use super::recipes::{OWNER, Sent, Stage, Variant};
use super::senders::{Outcome, Way, send};
use super::{for_each_row, is_granted, line, outcomes, settle, titled};
use crate::support::{Client, Server, TempDir, now};
use portcullis::edges::server::cloudfront::viewer::sign::{Terms, ViewerSigner};
use portcullis::gate::OperationId as Id;
use portcullis::gate::operations::{Place, Row, TABLE};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::TcpListener;

const TABLE_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/doors.txt");

/// The identity that the policy of each bucket allows everything.
const ALLOWED: &str = "EIDENTITY00001";
/// An identity that no policy names.
const UNNAMED: &str = "EIDENTITY00002";
const CONTROL: &str = "ECONTROL000001";
const VIEWERS: &str = "viewers";
const KEY_PAIR: &str = "KVIEWER000001";

/// In whose name a distribution asks its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Identity(&'static str),
    /// The service, for the distribution itself.
    Control,
    Anonymous,
}

/// A distribution of each bucket.
#[derive(Clone, Copy, Debug)]
struct Through {
    /// Part of its id; no two columns share a distribution unless they have the same.
    number: usize,
    origin: Origin,
    /// It serves only what a viewer's key has signed.
    trusts_keys: bool,
}

/// One column.
#[derive(Clone, Copy, Debug)]
struct Door {
    title: &'static str,
    /// `None`: S3 itself is asked.
    through: Option<Through>,
    signs: bool,
    /// The bucket's policy allows everything to those in whose name S3 is asked.
    may: bool,
}

const fn door(title: &'static str, through: Through) -> Door {
    Door { title, through: Some(through), signs: false, may: false }
}

const fn open(number: usize, origin: Origin) -> Through {
    Through { number, origin, trusts_keys: false }
}

const fn closed(number: usize, origin: Origin) -> Through {
    Through { number, origin, trusts_keys: true }
}

/// The number of the distribution for which the bucket's policy allows the service everything.
const NAMED_BY_POLICY: usize = 3;

const DOORS: [Door; 8] = [
    Door { may: true, ..door("an origin access identity that the bucket's policy allows everything", ALLOWED_DOOR) },
    door("an origin access identity that no policy names", open(2, Origin::Identity(UNNAMED))),
    Door {
        may: true,
        ..door(
            "an origin access control, for the distribution that the policy allows everything",
            open(NAMED_BY_POLICY, Origin::Control),
        )
    },
    door("the same control, for another distribution", open(4, Origin::Control)),
    Door { may: true, signs: true, ..door("a signed URL, asked for by the allowed identity", SIGNED_DOOR) },
    Door { signs: true, ..door("a signed URL, asked for without an origin identity", closed(6, Origin::Anonymous)) },
    door("no signature where the allowed identity asks for signed URLs alone", SIGNED_DOOR),
    Door { title: "S3 itself, anonymous", through: None, signs: false, may: false },
];
const ALLOWED_DOOR: Through = open(1, Origin::Identity(ALLOWED));
const SIGNED_DOOR: Through = closed(5, Origin::Identity(ALLOWED));

/// What the answer is where no policy of the bucket lets an identity or the service do it, however much it allows.
fn exception(row: &Row) -> Option<&'static str> {
    match row.id {
        // Policies are for the owner's account alone. Source: S3 API Reference, "PutBucketPolicy".
        Id::GetBucketPolicy | Id::PutBucketPolicy | Id::DeleteBucketPolicy => Some("405 MethodNotAllowed"),
        // There is no bucket yet whose policy could allow it, and neither an identity nor the service has an account.
        Id::CreateBucket => Some("403 AccessDenied"),
        // A form is judged by what is signed in its fields, whoever brings it: here nobody signed. Source: S3 API
        // Reference, "Authenticating requests in browser-based uploads using POST".
        Id::PostObject => Some("403 AccessDenied"),
        _ => None,
    }
}

/// Distributions have a bucket behind them: neither the service nor an account can be addressed through one.
fn is_addressable(row: &Row) -> bool {
    matches!(row.place, Place::Bucket | Place::Object)
}

fn place_of(row: &Row) -> String {
    bucket_of(row, "doors")
}

fn distribution_id(row: &Row, number: usize) -> String {
    format!("EDOOR{:04}{number:05}", row.id as usize)
}

fn host(row: &Row, through: Through) -> String {
    format!("{}.cloudfront.net", distribution_id(row, through.number).to_ascii_lowercase())
}

/// All methods, the whole query, nothing kept.
fn distribution(row: &Row, through: Through) -> Value {
    let identity = match through.origin {
        Origin::Identity(id) => format!("origin-access-identity/cloudfront/{id}"),
        Origin::Control | Origin::Anonymous => String::new(),
    };
    let mut origin = json!({"Id": "o", "DomainName": format!("{}.s3.amazonaws.com", place_of(row)),
        "S3OriginConfig": {"OriginAccessIdentity": identity}});
    if through.origin == Origin::Control {
        origin["OriginAccessControlId"] = CONTROL.into();
    }
    let mut behavior = json!({"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all",
        "AllowedMethods": {"Items": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]},
        "ForwardedValues": {"QueryString": true, "Cookies": {"Forward": "none"}},
        "MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 0});
    if through.trusts_keys {
        behavior["TrustedKeyGroups"] = json!({"Enabled": true, "Items": [VIEWERS]});
    }
    json!({"id": distribution_id(row, through.number), "domain_name": host(row, through),
        "config": {"Enabled": true, "Origins": {"Items": [origin]}, "DefaultCacheBehavior": behavior}})
}

/// Everything for the identity and for the service on behalf of one distribution.
fn policy(row: &Row) -> String {
    let bucket = place_of(row);
    let own = format!("arn:aws:cloudfront::{OWNER}:distribution/{}", distribution_id(row, NAMED_BY_POLICY));
    let resource = json!([format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")]);
    let identity = format!("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {ALLOWED}");
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": identity}, "Action": "s3:*", "Resource": resource},
        {"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:*",
            "Resource": resource, "Condition": {"StringEquals": {"aws:SourceArn": own}}},
    ]})
    .to_string()
}

/// The world of the table, with each bucket's distributions.
fn world_with_doors() -> String {
    let mut world: Value = serde_json::from_str(&world(&[], &[])).expect("it is JSON");
    let mut all: Vec<Through> = DOORS.iter().filter_map(|door| door.through).collect();
    all.sort_by_key(|through| through.number);
    all.dedup_by_key(|through| through.number);
    let rows = TABLE.iter().filter(|row| is_addressable(row));
    let distributions: Vec<Value> =
        rows.flat_map(|row| all.iter().map(move |through| distribution(row, *through))).collect();
    let owner = &mut world["accounts"][0];
    owner["origin_access_identities"] = json!([{"id": ALLOWED}, {"id": UNNAMED}]);
    owner["origin_access_controls"] = json!([{"id": CONTROL, "name": "always", "signing_behavior": "always"}]);
    owner["public_keys"] =
        json!([{"id": KEY_PAIR, "name": "viewer", "pem": include_str!("../data/viewer/ec.public.pem")}]);
    owner["key_groups"] = json!([{"id": VIEWERS, "keys": ["viewer"]}]);
    owner["distributions"] = distributions.into();
    world.to_string()
}

/// A server, its door, and a viewer's key.
struct Doors {
    server: Server,
    root: Client,
    address: String,
    signer: ViewerSigner,
}

impl Doors {
    fn new(directory: &TempDir) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("bound").to_string();
        drop(socket);
        let server = Server::of_world(directory, &world_with_doors(), &["--cloudfront", &address]);
        let root = client(&server, Some("root"));
        let signer = ViewerSigner::new(include_bytes!("../data/viewer/ec.pkcs8.pem"), KEY_PAIR).expect("a key");
        Self { server, root, address, signer }
    }

    /// Makes a row's request ready, under the policy of this table: some recipes put another one.
    fn prepared(&self, row: &'static Row) -> (Stage<'_>, Sent) {
        let stage = Stage { root: &self.root, bucket: place_of(row) };
        let sent = stage.request(row, &Variant::default());
        if row.id != Id::CreateBucket {
            let put = self.root.put(&format!("/{}?policy", stage.bucket), policy(row).as_bytes());
            assert_eq!(put.status, 204, "{}: {}", row.name, put.text());
        }
        (stage, sent)
    }

    fn ask(&self, row: &Row, door: &Door, sent: &Sent) -> Outcome {
        let Some(through) = door.through else {
            return Outcome::of(&send(&self.server.anonymous(), Way::Header, sent));
        };
        let host = host(row, through);
        // The origin is the bucket: viewers do not name it.
        let below = sent.path.strip_prefix(&format!("/{}", place_of(row))).expect("it is in the row's bucket");
        let mut path = if below.starts_with('/') { below.to_owned() } else { format!("/{below}") };
        if door.signs {
            let now = now();
            let base = format!("http://{host}");
            let terms = Terms::Canned { expires: now + 600 };
            let url = self.signer.url(&format!("{base}{path}"), &terms, now).expect("it can be signed");
            url.strip_prefix(&base).expect("the same host").clone_into(&mut path);
        }
        let headers = vec![("host".to_owned(), host)];
        let viewer = Client { address: self.address.clone(), headers, ..self.server.anonymous() };
        Outcome::of(&send(&viewer, Way::Header, &Sent { path, ..sent.clone() }))
    }

    fn ask_for(&self, row: &'static Row) -> Vec<Outcome> {
        let stage = Stage { root: &self.root, bucket: place_of(row) };
        stage.set_up(row);
        let may = |at: usize| DOORS[at].may && exception(row).is_none();
        outcomes(row, DOORS.len(), |_| self.prepared(row), may, |at, sent| self.ask(row, &DOORS[at], sent))
    }
}

/// Whether an outcome is what it must be, whatever the accepted table says.
fn is_right(row: &Row, door: &Door, outcome: &Outcome) -> bool {
    let refused_by_the_door = door.through.is_some_and(|through| through.trusts_keys) && !door.signs;
    match exception(row) {
        // Answers to HEAD have no code.
        _ if refused_by_the_door => outcome.status == 403 && matches!(outcome.code.as_str(), "MissingKey" | ""),
        _ if !door.may => outcome.is_denied(),
        Some(expected) => outcome.full() == expected,
        None => is_granted(row, outcome),
    }
}

#[test]
fn who_may_do_what_through_which_door() {
    let directory = TempDir::new();
    let doors = Doors::new(&directory);
    let rows = for_each_row(|row| (row, is_addressable(row).then(|| doors.ask_for(row))));
    assert_eq!(rows.len(), TABLE.len());
    let mut table = String::from(
        "Every operation of the gate's table on buckets and objects, as viewers ask for it through distributions that\n\
         pass on all methods, the query and the headers. 403 is AccessDenied, 200! a batch that refused its only key with\n\
         AccessDenied; other error codes stand at the end of the row. MissingKey is the door's own refusal.\n\n",
    );
    table.push_str(&titled(&DOORS.map(|door| door.title)));
    let mut wrong = Vec::new();
    for (row, outcomes) in &rows {
        let Some(outcomes) = outcomes else { continue };
        for (door, outcome) in DOORS.iter().zip(outcomes).filter(|(door, outcome)| !is_right(row, door, outcome)) {
            wrong.push(format!("{}, {}: {outcome:?}", row.name, door.title));
        }
        let _ = writeln!(table, "{}", line(row, outcomes));
    }
    table.push_str("\nNot addressed through distributions, behind which is always a bucket:\n\n");
    for (row, _) in rows.iter().filter(|(_, outcomes)| outcomes.is_none()) {
        let _ = writeln!(table, "{:<44} {:?}", row.name, row.place);
    }
    settle(TABLE_FILE, &table, &wrong);
}
