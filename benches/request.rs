//! What a request costs beside its bytes: `cargo bench --bench request`.
//!
//! - **authorize**: the authorization request of a `GetObject` is built from its facts and decided, with a user's
//!   policies and a bucket's; the proof of a yes comes out.
//! - **authenticate**: the signature in the headers of that request is checked.
//! - **admit**: a viewer's signed URL is checked, with a key that was read before.
//! - **list**: a page of 1,000 of a million keys from the store's own method, beside the engine's scan of as many
//!   records, which only counts their bytes.
//!
//! Every answer is checked before it is timed. `cargo bench --bench request -- --test` checks everything over ten
//! thousand keys and times nothing.

use bytes::Bytes;
use criterion::Criterion;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request};
use portcullis::edges::server::auth::{
    AuthConfig, AuthType, Authenticated, Credentials as _, RegionRule, Signer, authenticate,
};
use portcullis::edges::server::cloudfront::model::{Behavior, KeyGroup, PublicKey};
use portcullis::edges::server::cloudfront::state::CloudFront;
use portcullis::edges::server::cloudfront::viewer::key::KeyRing as ViewerKeys;
use portcullis::edges::server::cloudfront::viewer::sign::{Terms, ViewerSigner};
use portcullis::edges::server::cloudfront::viewer::{ViewerRequest, admit, policy};
use portcullis::edges::server::directory::Directory;
use portcullis::edges::server::identities::Identities;
use portcullis::edges::server::scenes::scene_of;
use portcullis::gate::operations::{GetObject, ListObjectsV2};
use portcullis::gate::{
    Ask, Asked, Authorized, BodyFacts, Caller, Decided, Keeping, Method, Refusal, RequestFacts, Scene, SeenObject,
    SignatureFacts, Target, Witness, authorize,
};
use portcullis::simulate::world::Bundle;
use portcullis::storage::blobs::{BlobOptions, Blobs};
use portcullis::storage::kv::{Direction, Engine, FjallEngine, KeyRange, Options, Reads as _, Space, transact};
use portcullis::storage::sealing::KeyRing;
use portcullis::storage::store::{Kept, ListQuery, NewBucket, ObjectMeta, Owner, Store, StoreSettings};
use std::collections::HashMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WORLD: &str = r#"{"version": 1, "accounts": [{"id": "111122223333", "name": "prod",
    "root": {"access_keys": [{"id": "AKIAROOT", "secret": "root-secret"}]},
    "policies": [{"name": "read-reports", "document": {"Version": "2012-10-17", "Statement": [
        {"Sid": "List", "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"],
         "Resource": "arn:aws:s3:::reports", "Condition": {"StringLike": {"s3:prefix": ["", "finance/*"]}}},
        {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"],
         "Resource": ["arn:aws:s3:::reports/finance/*", "arn:aws:s3:::reports/shared/*"]},
        {"Sid": "Write", "Effect": "Allow", "Action": "s3:PutObject",
         "Resource": "arn:aws:s3:::reports/finance/${aws:username}/*"}]}}],
    "groups": [{"name": "analysts", "attached": ["read-reports"]}],
    "users": [{"name": "alice", "tags": {"team": "finance"}, "groups": ["analysts"],
        "access_keys": [{"id": "AKIAALICE", "secret": "alice-secret"}], "inline": [{"name": "own", "document":
        {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*",
         "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}]}}]}]}]}"#;

const BUCKET_POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "OurNetworks", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
     "Resource": ["arn:aws:s3:::reports", "arn:aws:s3:::reports/*"],
     "Condition": {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24", "127.0.0.0/8"]}}},
    {"Sid": "Partners", "Effect": "Allow", "Principal": {"AWS": ["444455556666", "777788889999"]},
     "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/shared/*"},
    {"Sid": "Teams", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject",
     "Resource": "arn:aws:s3:::reports/${aws:PrincipalTag/team}/*"},
    {"Sid": "Sealed", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
     "Resource": "arn:aws:s3:::reports/*",
     "Condition": {"Null": {"s3:x-amz-server-side-encryption": "false"},
      "StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}}]}"#;

const PATH: &str = "/reports/finance/2024/q1.csv";
/// 2024-05-04, 03:02:01 UTC.
const NOW: i64 = 1_714_791_721;
const KEYS: usize = 1_000_000;
const FEWER_KEYS: usize = 10_000;
const PAGE: usize = 1000;
/// Keys of one transaction, while the bucket is filled.
const BATCH: usize = 20_000;
/// Rounds of the last comparison, in which both sides take turns.
const ROUNDS: usize = 101;

/// A directory that goes away with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("portcullis-request-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Nobody looks on: writing decisions down is the server's business.
struct Unseen;

impl Witness for Unseen {
    fn decided(&self, _: &Decided<'_>) {}

    fn kept(&self) -> Keeping<'_> {
        None
    }
}

/// A request as the gate asks for it.
struct Head(Parts);

impl Asked for Head {
    fn query(&self, _: &str) -> Option<&str> {
        None
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

/// A signed `GetObject`, as the SDKs send it.
fn signed_get() -> Parts {
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "s3.example.test"),
        ("x-amz-content-sha256", NOTHING),
        ("x-amz-date", "20240504T030201Z"),
        ("amz-sdk-invocation-id", "5a0a4a4e-6f6b-4d0e-9d55-0a1c5d4a9c55"),
        ("amz-sdk-request", "attempt=1; max=3"),
        ("user-agent", "aws-sdk-rust/1.3.3 os/linux lang/rust/1.95.0"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let signer = Signer {
        access_key_id: "AKIAALICE",
        secret: "alice-secret",
        session_token: None,
        region: "us-east-1",
        service: "s3",
    };
    let signature = signer.authorization("GET", PATH, &headers, NOW).expect("signable");
    let mut request = Request::get(PATH).body(()).expect("a request");
    *request.headers_mut() = headers;
    request.headers_mut().insert("authorization", signature.parse().expect("text"));
    request.into_parts().0
}

/// A store with one bucket of many keys.
struct Filled {
    store: Store,
    engine: Arc<dyn Engine>,
    scene: Scene,
    keys: usize,
    /// The first of the bucket's keys in the engine is this and the object's key.
    stored: Vec<u8>,
    _folder: Folder,
}

impl Filled {
    async fn new(directory: &Directory, keys: usize) -> Self {
        let folder = Folder::new();
        let engine: Arc<dyn Engine> =
            Arc::new(FjallEngine::open(&folder.0.join("metadata"), Options::default()).expect("a new engine"));
        let ring = KeyRing::create(&folder.0.join("keys"), NOW).expect("new keys");
        let blobs = Blobs::open(&folder.0.join("blobs"), BlobOptions::default()).expect("a directory for blobs");
        let store = Store::assemble(Arc::clone(&engine), blobs, Arc::new(ring), StoreSettings::default(), None)
            .await
            .expect("a new store");
        let account = &directory.world().accounts["111122223333"];
        let owner = Owner { canonical: account.canonical_id.clone(), display: "prod".to_owned() };
        let new = NewBucket {
            owner_account: account.id.clone(),
            owner: owner.clone(),
            region: "us-east-1".to_owned(),
            acl: None,
            ownership: None,
            public_access_block: None,
            object_lock: false,
            tags: Vec::new(),
            now_ms: NOW * 1000,
        };
        let configure = |record: &mut portcullis::storage::store::BucketRecord| {
            record.policy = Some(BUCKET_POLICY.to_owned());
        };
        store.seed_bucket("reports", new, configure).await.expect("a new bucket");
        let meta = ObjectMeta { owner, ..ObjectMeta::default() };
        store.seed_object("reports", &key(0), meta, NOW * 1000).await.expect("a new object");
        let (mut stored, mut record) = (Vec::new(), Bytes::new());
        engine
            .scan(Space::Objects, &KeyRange::prefix(Vec::new()), Direction::Forward, &mut |key, value| {
                (stored, record) = (key.to_vec(), Bytes::copy_from_slice(value));
                ControlFlow::Break(())
            })
            .expect("a scan");
        stored.truncate(stored.len() - key(0).len());
        // The others are like the first: putting each would time the disk's flushes, and listings see no difference.
        for first in (1..keys).step_by(BATCH) {
            let (prefix, record) = (stored.clone(), record.clone());
            let filled = transact(&*engine, move |t| {
                for number in first..keys.min(first + BATCH) {
                    let key = [prefix.as_slice(), key(number).as_bytes()].concat();
                    t.put(Space::Objects, &key, record.clone());
                }
                Ok::<_, ()>(())
            });
            filled.await.expect("durable");
        }
        let bucket = store.bucket("reports").expect("there");
        let scene = scene_of(&bucket, directory, None);
        Self { store, engine, scene, keys, stored, _folder: folder }
    }

    /// The page that begins behind the middle.
    fn query(&self) -> ListQuery {
        ListQuery { after: Some(key(self.keys / 2)), max_keys: PAGE, ..ListQuery::default() }
    }

    fn list(&self, grant: &Authorized<ListObjectsV2>, query: &ListQuery) -> usize {
        self.store.list(grant, query).expect("a listing").entries.len()
    }

    /// The same records from the engine, and one more, which says that there is more; their bytes are counted.
    fn scan(&self) -> (usize, usize) {
        let from = [self.stored.as_slice(), key(self.keys / 2).as_bytes()].concat();
        let range = KeyRange::prefix(self.stored.clone()).after(from);
        let (mut count, mut bytes) = (0, 0);
        let view = self.engine.snapshot().expect("a view");
        view.scan(Space::Objects, &range, Direction::Forward, &mut |key, value| {
            count += 1;
            bytes += key.len() + value.len();
            if count > PAGE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("a scan");
        (count, bytes)
    }
}

fn key(number: usize) -> String {
    format!("finance/2024/{number:09}.csv")
}

/// Who asks, and how.
struct Asker {
    caller: Arc<Caller>,
    head: Head,
    get: Target,
    bucket: Target,
    owner: String,
}

impl Asker {
    fn facts<'a>(&'a self, target: &'a Target) -> RequestFacts<'a> {
        RequestFacts {
            method: Method::Get,
            target,
            asked: &self.head,
            source_ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
            secure: Some(true),
            tls_version: Some("1.3"),
            time: NOW,
            signature: SignatureFacts {
                auth_type: Some("REST-HEADER"),
                version: Some("AWS4-HMAC-SHA256"),
                age_ms: None,
                content_sha256: Some("UNSIGNED-PAYLOAD"),
            },
        }
    }

    /// Builds the authorization request and decides it.
    fn authorize(&self, scene: &Scene) -> Result<Authorized<GetObject>, Refusal> {
        let object = SeenObject { owner_canonical: Some(&self.owner), acl: None, tags: &[] };
        authorize(&Ask {
            facts: &self.facts(&self.get),
            caller: &self.caller,
            scene,
            object: Some(object),
            source: None,
            body: &BodyFacts::default(),
            witness: &Unseen,
        })
        .kept()
        .now_or_never()
        .expect("nothing waits for nobody")
    }

    fn may_list(&self, caller: &Arc<Caller>, scene: &Scene) -> Result<Authorized<ListObjectsV2>, Refusal> {
        authorize(&Ask {
            facts: &self.facts(&self.bucket),
            caller,
            scene,
            object: None,
            source: None,
            body: &BodyFacts::default(),
            witness: &Unseen,
        })
        .kept()
        .now_or_never()
        .expect("nothing waits for nobody")
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Both sides in turns, so that what else the machine does falls on both.
fn ratio(filled: &Filled, grant: &Authorized<ListObjectsV2>) {
    let query = filled.query();
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        black_box(filled.list(grant, &query));
        let listed = began.elapsed().as_secs_f64();
        let began = Instant::now();
        black_box(filled.scan());
        rounds.push((listed, began.elapsed().as_secs_f64()));
    }
    let micros = |side: fn(&(f64, f64)) -> f64| median(rounds.iter().map(side).collect()) * 1e6;
    println!(
        "list 1,000 of {}: {:.2} times the engine's scan, the median of {ROUNDS} rounds ({:.0} µs and {:.0} µs)",
        filled.keys,
        median(rounds.iter().map(|(listed, scanned)| listed / scanned).collect()),
        micros(|r| r.0),
        micros(|r| r.1)
    );
}

/// A behaviour whose key group has two keys, and the path and query of a URL for each way of signing.
struct Viewers {
    behavior: Behavior,
    cloudfront: CloudFront,
    urls: Vec<(&'static str, String)>,
}

impl Viewers {
    const HOST: &str = "d111111abcdef8.cloudfront.net";
    const URL: &str = "http://d111111abcdef8.cloudfront.net/finance/2024/q1.csv";

    fn new() -> Self {
        let kept = |id: &str, pem: &str| {
            let (name, caller_reference) = (id.to_owned(), id.to_owned());
            let (pem, comment) = (pem.to_owned(), String::new());
            let document = PublicKey { id: name.clone(), caller_reference, name, pem, comment, created_ms: 0 };
            (id.to_owned(), Kept { account: "111122223333".to_owned(), id: id.to_owned(), revision: 1, document })
        };
        let keys = HashMap::from([
            kept("KRSA", include_str!("../tests/data/viewer/rsa.public.pem")),
            kept("KEC", include_str!("../tests/data/viewer/ec.public.pem")),
        ]);
        let ids = keys.keys().cloned().collect();
        let document =
            KeyGroup { id: "G".to_owned(), name: "G".to_owned(), keys: ids, comment: String::new(), modified_ms: 0 };
        let group = Kept { account: "111122223333".to_owned(), id: "G".to_owned(), revision: 1, document };
        let groups = HashMap::from([("G".to_owned(), group)]);
        let viewer_keys = ViewerKeys::of(&keys);
        let rsa = ViewerSigner::new(include_bytes!("../tests/data/viewer/rsa.pkcs8.pem"), "KRSA").expect("a key");
        let ec = ViewerSigner::new(include_bytes!("../tests/data/viewer/ec.pkcs8.pem"), "KEC").expect("a key");
        let canned = Terms::Canned { expires: NOW + 60 };
        let text = policy::custom(Some("http*://*/finance/*"), NOW + 60, None, Some("192.0.2.0/24"));
        let custom = Terms::Custom { policy: text };
        let signed = |signer: &ViewerSigner, terms| {
            let url = signer.url(Self::URL, terms, NOW).expect("a signed URL");
            url.split_once(Self::HOST).expect("the host").1.to_owned()
        };
        let urls = vec![
            ("RSA, canned policy", signed(&rsa, &canned)),
            ("RSA, custom policy", signed(&rsa, &custom)),
            ("ECDSA, canned policy", signed(&ec, &canned)),
        ];
        let behavior = Behavior { trusted_key_groups: vec!["G".to_owned()], ..Behavior::default() };
        Self { behavior, cloudfront: CloudFront { keys, groups, viewer_keys, ..CloudFront::default() }, urls }
    }

    fn admits(&self, path_and_query: &str, now: i64) -> bool {
        let (cookies, source_ip) = (&[], IpAddr::from([192, 0, 2, 10]));
        let request = ViewerRequest { scheme: "http", host: Self::HOST, path_and_query, cookies, source_ip, now };
        admit(&request, &self.behavior, &self.cloudfront).is_ok()
    }
}

fn main() {
    // As criterion sees it: without `--bench` (`cargo test --benches`) it only tests.
    let argument = |name: &str| std::env::args().any(|argument| argument == name);
    let timed = argument("--bench") && !argument("--test") && !argument("--list");
    let world = Bundle::of_text("world.json", WORLD).world().expect("a world");
    let directory = Directory::new(world);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let filled = runtime.block_on(Filled::new(&directory, if timed { KEYS } else { FEWER_KEYS }));

    let identities = Identities::open(&filled.store, directory.world(), NOW * 1000);
    let identities = runtime.block_on(identities).expect("the world's identities");

    let config = AuthConfig::new(RegionRule::Exactly("us-east-1".to_owned()));
    let parts = signed_get();
    let check = || -> Authenticated { authenticate(&parts, PATH, NOW * 1000, &config, &*identities).expect("right") };
    let known = check();
    assert_eq!((known.auth_type, known.access_key_id.as_deref()), (AuthType::Header, Some("AKIAALICE")));
    let later = authenticate(&parts, PATH, (NOW + 3600) * 1000, &config, &*identities).err();
    assert_eq!(later.map(|e| e.code), Some("RequestTimeTooSkewed"));

    let root = identities.find("AKIAROOT").expect("the root user's key").caller.clone();
    let mut asker = Asker {
        caller: known.caller,
        head: Head(signed_get()),
        get: Target::Object { bucket: "reports".to_owned(), key: "finance/2024/q1.csv".to_owned() },
        bucket: Target::Bucket { bucket: "reports".to_owned() },
        owner: directory.world().accounts["111122223333"].canonical_id.clone(),
    };
    assert!(asker.authorize(&filled.scene).is_ok());
    let allowed = std::mem::replace(
        &mut asker.get,
        Target::Object { bucket: "reports".to_owned(), key: "secret/q1.csv".to_owned() },
    );
    assert!(asker.authorize(&filled.scene).is_err());
    asker.get = allowed;

    let grant = asker.may_list(&root, &filled.scene).expect("the owner may list");
    let query = filled.query();
    let page = filled.store.list(&grant, &query).expect("a listing");
    assert_eq!(page.entries.first().map(|e| e.key.clone()), Some(key(filled.keys / 2 + 1)));
    assert_eq!(page.entries.last().map(|e| e.key.clone()), Some(key(filled.keys / 2 + PAGE)));
    assert!(page.truncated);
    assert_eq!(filled.scan().0, PAGE + 1);

    let viewers = Viewers::new();
    for (name, url) in &viewers.urls {
        assert!(viewers.admits(url, NOW) && !viewers.admits(url, NOW + 60), "{name}");
    }

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args();
    criterion.bench_function("authorize GetObject", |b| b.iter(|| asker.authorize(black_box(&filled.scene))));
    criterion.bench_function("authenticate a signed GET", |b| b.iter(&check));
    for (name, url) in &viewers.urls {
        criterion
            .bench_function(&format!("admit a viewer: {name}"), |b| b.iter(|| viewers.admits(black_box(url), NOW)));
    }
    criterion.bench_function("list 1,000 keys, store", |b| b.iter(|| filled.list(&grant, &query)));
    criterion.bench_function("scan 1,001 records, engine", |b| b.iter(|| filled.scan()));
    criterion.final_summary();
    if timed {
        ratio(&filled, &grant);
    }
}
