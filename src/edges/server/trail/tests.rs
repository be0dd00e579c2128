use super::batch::{Batch, Outcome};
use super::layers::LayersText;
use super::queue::{Line, Queue, Waiting};
use super::writer::Writer;
use super::*;
use crate::compiled::CompiledPolicy;
use crate::decision::{Action, AuthorizationRequest, Authorizer, LayerState, Layers, Principal, Resource};
use crate::edges::server::testing::TempDir;
use crate::edges::trail_files::{Backwards, all_files, segments};
use crate::gate::Step;
use crate::gate::operations::{DeleteObject, GetObject, Operation};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::words::problem::Source;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

const ACCOUNT: &str = "111122223333";

fn policy_text(sid: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "{sid}", "Effect": "Allow",
  "Action": ["s3:GetObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::b/*",
  "Condition": {{"Bool": {{"aws:SecureTransport": "true"}}}}}}]}}"#
    )
}

fn authorizer_of(sid: &str) -> Authorizer {
    let text = policy_text(sid);
    let document = PolicyDocument::parse("p", &text, &LoadOptions::new(PolicyKind::Identity)).expect("a policy");
    let policy = CompiledPolicy::compile("read", &document);
    let bucket = crate::decision::Bucket {
        name: "b".to_owned(),
        owner_account: ACCOUNT.to_owned(),
        owner_canonical: None,
        region: None,
        acl: LayerState::Absent,
        ownership: crate::policy::acl::ObjectOwnership::BucketOwnerEnforced,
        public_access_block: LayerState::Absent,
    };
    let layers = Layers { identity: LayerState::Given(policy.into()), bucket: Some(bucket), ..Layers::default() };
    Authorizer::new(layers)
}

fn request<'a>(action: &'a str, arn: &'a str) -> AuthorizationRequest<'a> {
    let principal = Principal::user("arn:aws:iam::111122223333:user/al", ACCOUNT);
    let resource = Resource::new(arn).in_account(ACCOUNT);
    let mut request = AuthorizationRequest::new(principal, Action::new(action), resource);
    request.context.source_ip([203, 0, 113, 7].into()).secure_transport(true).current_time(1_795_337_999);
    request
}

fn origin(id: &str) -> Origin<'_> {
    Origin {
        request_id: id,
        time_ms: 1_795_337_999_123,
        region: "us-east-1",
        door: Door::Header,
        access_key_id: Some("AKIAALICE"),
        signature_version: Some("AWS4-HMAC-SHA256"),
        tls_version: Some("1.3"),
        host: Some("b.example.test"),
    }
}

fn record(trail: &Trail, records: &Records, authorizer: &Authorizer, id: &str, delete: bool, arn: &str) {
    let (row, action) = if delete { (DeleteObject::ROW, "s3:DeleteObject") } else { (GetObject::ROW, "s3:GetObject") };
    let request = request(action, arn);
    let decision = authorizer.decide(&request);
    let explanation = (!decision.is_allowed()).then(|| authorizer.explain(&request));
    let explanation = explanation.as_ref();
    let decided =
        Decided { step: Step::of(row), request: &request, authorizer, lasts: true, decision, explanation, took_ns: 5 };
    trail.record(records, &origin(id), &decided);
}

fn get(trail: &Trail, authorizer: &Authorizer, id: &str, arn: &str) -> Records {
    let records = Records::default();
    record(trail, &records, authorizer, id, false, arn);
    records
}

async fn kept(records: &Records) -> Result<(), String> {
    match records.kept() {
        Some(keeping) => keeping.await,
        None => Ok(()),
    }
}

fn lines_of(folder: &Path, number: u64) -> Vec<String> {
    let text = fs::read_to_string(folder.join(format!("trail/events-{number}.ndjson"))).expect("a file");
    text.lines().map(str::to_owned).collect()
}

fn open(folder: &Path, settings: &TrailSettings) -> Trail {
    Trail::open(folder, settings, None).expect("opened")
}

/// A disk that fails or is full as long as it is told to.
fn breaking(place: &'static str, kind: io::ErrorKind) -> (Arc<AtomicBool>, FaultPoint) {
    let broken = Arc::new(AtomicBool::new(true));
    let told = broken.clone();
    let fault: FaultPoint =
        Arc::new(
            move |at: &'static str| {
                if at == place && told.load(Ordering::SeqCst) { Err(kind.into()) } else { Ok(()) }
            },
        );
    (broken, fault)
}

#[tokio::test]
async fn what_is_recorded_is_decided_again_from_the_files_alone() {
    let folder = TempDir::new();
    let trail = open(folder.path(), &TrailSettings::default());
    let authorizer = authorizer_of("Read");
    kept(&get(&trail, &authorizer, "A1", "arn:aws:s3:::b/k\n\"x")).await.expect("kept");
    // A durable event is in its file as soon as it is kept, without any closing.
    assert_eq!(lines_of(folder.path(), 1).len(), 1);
    kept(&get(&trail, &authorizer, "A2", "arn:aws:s3:::other/k")).await.expect("kept");
    let lines = lines_of(folder.path(), 1);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, word) in lines.iter().zip(["allow", "implicit-deny"]) {
        let event: TrailEvent<'_> = serde_json::from_str(line).expect("an event");
        assert_eq!(serde_json::to_string(&event).expect("JSON"), *line, "one shape, however it is written");
        assert_eq!((&*event.event_time, &*event.event_name), ("2026-11-22T08:59:59Z", "GetObject"));
        assert_eq!((&*event.portcullis.outcome, event.portcullis.door), (word, Door::Header));
        assert_eq!(&*event.event_id, format!("{}.1", event.request_id));
        let decision = event.portcullis.decision.expect("a decision");
        assert_eq!((&*decision.outcome, &*decision.time), (word, "2026-11-22T08:59:59.123Z"));
        let (layers, owned) = decision
            .replay(|digest, _, _| {
                let hex = digest.strip_prefix("sha256:").expect("a digest");
                let path = folder.path().join("trail/policies").join(hex);
                let text = fs::read_to_string(&path).expect("a stored policy");
                assert_eq!(super::digest(&text), hex);
                assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
                Ok(Source::new(hex, text))
            })
            .expect("replayed");
        let again = Authorizer::new(layers);
        assert_eq!(again.decide(&owned.as_request(again.layers()).expect("a request")).word(), word);
    }
    let mode = fs::metadata(folder.path().join("trail/events-1.ndjson")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn an_event_says_who_what_where_and_why() {
    let folder = TempDir::new();
    let trail = open(folder.path(), &TrailSettings::default());
    kept(&get(&trail, &authorizer_of("Read"), "A1", "arn:aws:s3:::b/k/l")).await.expect("kept");
    kept(&get(&trail, &authorizer_of("Read"), "A2", "arn:aws:s3:::other/k")).await.expect("kept");
    let events: Vec<serde_json::Value> =
        lines_of(folder.path(), 1).iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (allowed, denied) = (&events[0], &events[1]);
    assert_eq!(allowed["userIdentity"]["type"], "IAMUser");
    assert_eq!(allowed["userIdentity"]["userName"], "al");
    assert_eq!(allowed["userIdentity"]["accessKeyId"], "AKIAALICE");
    assert_eq!(allowed["sourceIPAddress"], "203.0.113.7");
    assert_eq!(allowed["requestParameters"]["bucketName"], "b");
    assert_eq!(allowed["requestParameters"]["key"], "k/l");
    assert_eq!(allowed["resources"][0]["ARN"], "arn:aws:s3:::b/k/l");
    assert_eq!(allowed["resources"][1]["ARN"], "arn:aws:s3:::b");
    assert_eq!(allowed["resources"][1]["accountId"], ACCOUNT);
    assert_eq!(allowed["tlsDetails"]["tlsVersion"], "TLSv1.3");
    assert_eq!(allowed["eventCategory"], "Data");
    assert_eq!(allowed["additionalEventData"]["AuthenticationMethod"], "AuthHeader");
    assert_eq!(allowed["errorCode"], serde_json::Value::Null);
    let own = &allowed["portcullis"];
    assert_eq!(own["decidedBy"]["policy"], "read");
    assert_eq!(own["decidedBy"]["sid"], "Read");
    assert_eq!(own["decidedBy"]["statement"], 1);
    assert_eq!(own["contextKeys"]["aws:SecureTransport"][0], "true");
    assert_eq!(own["tookNs"], 5);
    assert_eq!(denied["errorCode"], "AccessDenied");
    let sentence = "User: arn:aws:iam::111122223333:user/al is not authorized to perform: s3:GetObject on resource: \
                    \"arn:aws:s3:::other/k\" because no identity-based policy allows the s3:GetObject action";
    assert_eq!(denied["errorMessage"], sentence);
    assert_eq!(denied["portcullis"]["contextKeys"]["aws:SecureTransport"][0], "true", "of the nearest miss");
}

#[tokio::test]
async fn without_a_trail_nothing_is_written_and_nothing_waits() {
    let folder = TempDir::new();
    let trail = open(folder.path(), &TrailSettings { mode: Mode::Off, ..TrailSettings::default() });
    assert!(get(&trail, &authorizer_of("Read"), "A1", "arn:aws:s3:::b/k").kept().is_none());
    drop(trail);
    assert!(!folder.path().join("trail").exists());
}

#[tokio::test]
async fn decisions_of_a_request_are_numbered_and_waited_for_together() {
    let folder = TempDir::new();
    let trail = open(folder.path(), &TrailSettings::default());
    let (authorizer, records) = (authorizer_of("Read"), Records::default());
    for _ in 0..3 {
        record(&trail, &records, &authorizer, "A1", false, "arn:aws:s3:::b/k");
    }
    kept(&records).await.expect("kept");
    assert!(records.kept().is_none(), "nothing is waited for twice");
    let ids: Vec<String> = lines_of(folder.path(), 1)
        .iter()
        .map(|line| serde_json::from_str::<TrailEvent<'_>>(line).expect("an event").event_id.into_owned())
        .collect();
    assert_eq!(ids, ["A1.1", "A1.2", "A1.3"]);
}

#[tokio::test]
async fn a_line_that_a_crash_cut_off_goes_and_the_file_is_continued() {
    let folder = TempDir::new();
    fs::create_dir_all(folder.path().join("trail")).expect("made");
    let file = folder.path().join("trail/events-3.ndjson");
    fs::write(&file, "{\"whole\":1}\n{\"version\":1,\"id\":\"A0").expect("written");
    let trail = open(folder.path(), &TrailSettings::default());
    kept(&get(&trail, &authorizer_of("Read"), "A1", "arn:aws:s3:::b/k")).await.expect("kept");
    let lines = lines_of(folder.path(), 3);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], "{\"whole\":1}");
    assert!(serde_json::from_str::<TrailEvent<'_>>(&lines[1]).is_ok_and(|event| event.request_id == "A1"));
}

#[tokio::test]
async fn files_follow_each_other_and_policies_go_with_the_last_event_that_names_them() {
    let folder = TempDir::new();
    let settings = TrailSettings { max_size: 1, keep: 2, ..TrailSettings::default() };
    let trail = open(folder.path(), &settings);
    let authorizers = ["One", "Two", "Three", "Four"].map(authorizer_of);
    for (n, authorizer) in authorizers.iter().enumerate() {
        kept(&get(&trail, authorizer, &format!("A{n}"), "arn:aws:s3:::b/k")).await.expect("kept");
    }
    let numbers: Vec<u64> = segments(&folder.path().join("trail")).expect("listed").iter().map(|(n, _)| *n).collect();
    assert_eq!(numbers, [3, 4]);
    let policies = |folder: &Path| {
        let entries = fs::read_dir(folder.join("trail/policies")).expect("listed");
        let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    };
    let digest_of = |sid| super::digest(&policy_text(sid));
    let mut wanted = [digest_of("Three"), digest_of("Four")];
    wanted.sort();
    assert_eq!(policies(folder.path()), wanted);
    // A policy whose text is gone comes back with the next event that names it; after a start, too.
    kept(&get(&trail, &authorizers[0], "B0", "arn:aws:s3:::b/k")).await.expect("kept");
    assert!(policies(folder.path()).contains(&digest_of("One")));
    drop(trail);
    let trail = open(folder.path(), &settings);
    kept(&get(&trail, &authorizers[1], "B1", "arn:aws:s3:::b/k")).await.expect("kept");
    let mut wanted = [digest_of("One"), digest_of("Two")];
    wanted.sort();
    assert_eq!(policies(folder.path()), wanted, "the file that was continued was read for its policies");
}

#[tokio::test]
async fn old_files_are_followed_by_the_next() {
    let folder = TempDir::new();
    let trail = open(folder.path(), &TrailSettings { max_age: Duration::from_millis(20), ..TrailSettings::default() });
    for id in ["A1", "A2"] {
        kept(&get(&trail, &authorizer_of("Read"), id, "arn:aws:s3:::b/k")).await.expect("kept");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!((lines_of(folder.path(), 1).len(), lines_of(folder.path(), 2).len()), (1, 1));
}

#[tokio::test]
async fn a_trail_that_cannot_be_written_refuses_and_recovers() {
    for place in ["trail.before_write", "trail.before_sync"] {
        let folder = TempDir::new();
        let (broken, fault) = breaking(place, io::ErrorKind::Other);
        let trail = Trail::open(folder.path(), &TrailSettings::default(), Some(fault)).expect("opened");
        let authorizer = authorizer_of("Read");
        let records = get(&trail, &authorizer, "A1", "arn:aws:s3:::b/k");
        let refused = kept(&records).await.expect_err("not kept");
        assert!(refused.contains("trail of decisions cannot be written"), "{refused}");
        assert_eq!(kept(&records).await, Err(refused), "it stays refused");
        assert!(trail.health().is_err());
        assert_eq!((trail.refused(), trail.lost()), (1, 0));
        broken.store(false, Ordering::SeqCst);
        kept(&get(&trail, &authorizer, "A2", "arn:aws:s3:::b/k")).await.expect("kept");
        assert_eq!(trail.health(), Ok(()));
        let lines = lines_of(folder.path(), 1);
        assert_eq!(lines.len(), 1, "what was refused does not stand there: {lines:?}");
    }
}

#[tokio::test]
async fn on_a_full_disk_the_owner_still_deletes_and_it_is_written_down() {
    let folder = TempDir::new();
    let (broken, fault) = breaking("trail.before_write", io::ErrorKind::StorageFull);
    let authorizer = authorizer_of("Read");
    let trail = Trail::open(folder.path(), &TrailSettings::default(), Some(fault)).expect("opened");
    for (delete, arn, possible) in [
        (true, "arn:aws:s3:::b/k", true),
        (false, "arn:aws:s3:::b/k", false),
        // A denial frees nothing.
        (true, "arn:aws:s3:::other/k", false),
    ] {
        let records = Records::default();
        record(&trail, &records, &authorizer, "A1", delete, arn);
        assert_eq!(kept(&records).await.is_ok(), possible, "{delete} {arn}");
    }
    let place = folder.path().join("trail");
    let ids = |place: &Path| {
        let mut lines = Backwards::new(place, None).expect("opened");
        let mut ids = Vec::new();
        while let Some((line, _)) = lines.older().expect("read") {
            let event: TrailEvent<'_> = serde_json::from_slice(&line).expect("an event");
            ids.push(format!("{} {}", event.event_id, event.event_name));
        }
        ids
    };
    assert_eq!(ids(&place), ["A1.1 DeleteObject"], "it can be read from where it was set aside");
    broken.store(false, Ordering::SeqCst);
    kept(&get(&trail, &authorizer, "A2", "arn:aws:s3:::b/k")).await.expect("kept");
    assert_eq!(ids(&place), ["A2.1 GetObject", "A1.1 DeleteObject"]);
    let reserve = fs::metadata(place.join("reserve")).expect("set aside anew").len();
    assert_eq!(reserve, 8 << 20);
    assert_eq!(all_files(&place).expect("listed").len(), 4, "1 empty, 2 from the reserve, 3, and the reserve");
}

#[tokio::test]
async fn what_a_crash_left_in_the_reserve_becomes_a_file() {
    let folder = TempDir::new();
    let (_, fault) = breaking("trail.before_write", io::ErrorKind::StorageFull);
    let authorizer = authorizer_of("Read");
    let trail = Trail::open(folder.path(), &TrailSettings::default(), Some(fault)).expect("opened");
    let records = Records::default();
    record(&trail, &records, &authorizer, "A1", true, "arn:aws:s3:::b/k");
    kept(&records).await.expect("kept");
    drop(trail);
    let trail = open(folder.path(), &TrailSettings::default());
    assert_eq!(lines_of(folder.path(), 2).len(), 1);
    kept(&get(&trail, &authorizer, "A2", "arn:aws:s3:::b/k")).await.expect("kept");
    assert_eq!(lines_of(folder.path(), 3).len(), 1);
}

#[test]
fn where_nobody_waits_what_does_not_fit_is_counted() {
    let queue = Queue::new(Mode::BestEffort);
    let line = vec![b'x'; 1 << 20];
    let push = |bytes: &[u8]| queue.push(&Line { bytes, layers: None, spare: false });
    for _ in 0..8 {
        assert!(push(&line).is_none());
    }
    assert_eq!(queue.lost(), 0);
    push(b"one more\n");
    assert_eq!((queue.lost(), queue.refused()), (1, 0));
    queue.close();
    push(b"");
    assert_eq!(queue.lost(), 2);
}

#[tokio::test]
async fn best_effort_writes_without_being_waited_for() {
    let folder = TempDir::new();
    let trail = open(folder.path(), &TrailSettings { mode: Mode::BestEffort, ..TrailSettings::default() });
    assert!(get(&trail, &authorizer_of("Read"), "A1", "arn:aws:s3:::b/k").kept().is_none());
    drop(trail);
    assert_eq!(lines_of(folder.path(), 1).len(), 1);
}

#[tokio::test]
async fn a_batch_tells_everyone_who_waits() {
    let batch = Arc::new(Batch::default());
    let waiters: Vec<_> = (0..3)
        .map(|n| {
            let batch = batch.clone();
            tokio::spawn(async move { batch.kept(n == 0).await })
        })
        .collect();
    tokio::task::yield_now().await;
    batch.finish(Outcome::SpareKept("full".into()));
    let mut told = Vec::new();
    for waiter in waiters {
        told.push(waiter.await.expect("ended").is_ok());
    }
    assert_eq!(told, [true, false, false]);
    assert!(Batch::lost("why").kept(true).await.is_err());
}

#[tokio::test]
async fn nobody_waits_for_a_writer_that_is_gone() {
    let queue = Queue::new(Mode::Durable);
    let line = Line { bytes: b"{}\n", layers: None, spare: false };
    let taken = queue.push(&line).expect("a batch");
    let mut waiting = Waiting::default();
    queue.take(&mut waiting);
    let left = queue.push(&line).expect("a batch");
    drop(waiting);
    queue.end();
    assert!(taken.kept(false).await.is_err() && left.kept(false).await.is_err());
    assert!(queue.push(&line).expect("a batch").kept(false).await.is_err());
    assert!(queue.failing().is_some());
}

#[tokio::test]
async fn a_viewer_is_an_event_without_what_signed_it() {
    let folder = TempDir::new();
    let trail = open(folder.path(), &TrailSettings::default());
    let event = ViewerEvent {
        request_id: "V1",
        time_ms: 1_795_337_999_123,
        distribution: "arn:aws:cloudfront::111122223333:distribution/EDFDVBD6EXAMPLE",
        account: ACCOUNT,
        method: "GET",
        host: "d111111abcdef8.cloudfront.net",
        path: "/a.txt?Signature=canary&x=1",
        behavior: Some("/private/*"),
        source_ip: [203, 0, 113, 7].into(),
        user_agent: None,
        tls_version: None,
        outcome: ViewerOutcome::Admitted { by: "signed-url", key_pair_id: Some("K2JCJMDEHXQW5F") },
    };
    trail.viewer(&event).await.expect("kept");
    let refused = ViewerOutcome::Refused { code: "MissingKey", message: "Missing Key-Pair-Id" };
    trail.viewer(&ViewerEvent { request_id: "V2", outcome: refused, ..event }).await.expect("kept");
    let lines = lines_of(folder.path(), 1);
    assert!(!lines.concat().contains("canary"), "{lines:?}");
    let admitted: TrailEvent<'_> = serde_json::from_str(&lines[0]).expect("an event");
    assert_eq!((&*admitted.portcullis.outcome, admitted.portcullis.door), ("admitted", Door::Viewer));
    let refused: TrailEvent<'_> = serde_json::from_str(&lines[1]).expect("an event");
    assert_eq!(refused.error_code.as_deref(), Some("MissingKey"));
    assert_eq!(refused.recipient_account_id.as_deref(), Some(ACCOUNT));
}

/// Used by no test of the writer alone, but its parts are what the others stand on.
#[test]
fn a_writer_takes_what_gathered() {
    let folder = TempDir::new();
    let place: PathBuf = folder.path().join("trail");
    let mut writer = Writer::open(&place, &TrailSettings::default(), None).expect("opened");
    let layers = Arc::new(LayersText::of(authorizer_of("Read").layers()));
    let queue = Queue::new(Mode::Durable);
    queue.push(&Line { bytes: b"{}\n", layers: Some(&layers), spare: false });
    let mut waiting = Waiting::default();
    assert!(!queue.take(&mut waiting));
    writer.write(&waiting).expect("written");
    assert_eq!(fs::read_to_string(place.join("events-1.ndjson")).expect("there"), "{}\n");
    assert!(place.join("policies").join(super::digest(&policy_text("Read"))).exists());
}
