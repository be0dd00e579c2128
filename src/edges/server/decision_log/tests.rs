use super::writer::{Queue, Writer};
use super::*;
use crate::compiled::CompiledPolicy;
use crate::decision::{Action, LayerState, Layers, Principal, Resource};
use crate::gate::Witness;
use crate::gate::operations::{GetObject, Operation};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::words::problem::Source;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Records the decisions of one request, in their order.
struct RequestLog<'l> {
    log: &'l DecisionLog,
    request_id: &'l str,
    time_ms: i64,
    count: AtomicU64,
}

impl Witness for RequestLog<'_> {
    fn decided(&self, step: &Step, request: &AuthorizationRequest<'_>, authorizer: &Authorizer, decision: Decision) {
        let n = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        self.log.record(self.request_id, n, self.time_ms, step, request, authorizer, decision);
    }
}

fn of_request<'l>(log: &'l DecisionLog, request_id: &'l str, time_ms: i64) -> RequestLog<'l> {
    RequestLog { log, request_id, time_ms, count: AtomicU64::new(0) }
}

const TEXT: &str = r#"{"Version": "2012-10-17",
  "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]}"#;

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("portcullis-decisions-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

fn authorizer() -> Authorizer {
    let document = PolicyDocument::parse("p", TEXT, &LoadOptions::new(PolicyKind::Identity)).expect("a policy");
    let policy = CompiledPolicy::compile("read", &document);
    Authorizer::new(Layers { identity: LayerState::Given(policy.into()), ..Layers::default() })
}

fn request(arn: &str) -> AuthorizationRequest<'_> {
    let principal = Principal::user("arn:aws:iam::111122223333:user/al", "111122223333");
    let resource = Resource::new(arn).in_account("111122223333");
    let mut request = AuthorizationRequest::new(principal, Action::new("s3:GetObject"), resource);
    request.context.source_ip([203, 0, 113, 7].into()).secure_transport(true).current_time(1_795_337_999);
    request
}

fn record(log: &DecisionLog, authorizer: &Authorizer, id: &str, arn: &str) {
    let request = request(arn);
    let witness = of_request(log, id, 1_795_337_999_123);
    witness.decided(&Step::of(GetObject::ROW), &request, authorizer, authorizer.decide(&request));
}

fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("decisions/events-1.ndjson")).expect("a file");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn what_is_recorded_is_decided_again_from_the_files_alone() {
    let folder = scratch("again");
    let log = DecisionLog::open(&folder, Mode::All).expect("opened");
    let authorizer = authorizer();
    record(&log, &authorizer, "A1", "arn:aws:s3:::b/k\n\"x");
    record(&log, &authorizer, "A2", "arn:aws:s3:::other/k");
    drop(log);
    let lines = lines(&folder);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, word) in lines.iter().zip(["allow", "implicit-deny"]) {
        let event: RecordedDecision<'_> = serde_json::from_str(line).expect("an event");
        assert_eq!(serde_json::to_string(&event).expect("JSON"), *line, "one shape, however it is written");
        assert_eq!((&*event.outcome, &*event.time), (word, "2026-11-22T08:59:59.123Z"));
        assert_eq!((&*event.operation, &*event.method), ("GetObject", "GET"));
        let (layers, owned) = event
            .replay(|digest, _, _| {
                let hex = digest.strip_prefix("sha256:").expect("a digest");
                let path = folder.join("decisions/policies").join(hex);
                let text = fs::read_to_string(&path).expect("a stored policy");
                assert_eq!(super::digest(&text), hex);
                assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
                Ok(Source::new(hex, text))
            })
            .expect("replayed");
        let again = Authorizer::new(layers);
        assert_eq!(again.decide(&owned.as_request(again.layers()).expect("a request")).word(), word);
    }
    let mode = fs::metadata(folder.join("decisions/events-1.ndjson")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_mode_says_what_is_recorded() {
    for (mode, count) in [(Mode::All, 2), (Mode::Denied, 1)] {
        let folder = scratch(&format!("{mode:?}"));
        let log = DecisionLog::open(&folder, mode).expect("opened");
        record(&log, &authorizer(), "A1", "arn:aws:s3:::b/k");
        record(&log, &authorizer(), "A2", "arn:aws:s3:::other/k");
        drop(log);
        let lines = lines(&folder);
        assert_eq!(lines.len(), count, "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("\"A2\"")));
    }
    let folder = scratch("off");
    record(&DecisionLog::open(&folder, Mode::Off).expect("opened"), &authorizer(), "A1", "arn:aws:s3:::b/k");
    assert!(!folder.join("decisions").exists());
}

#[test]
fn decisions_of_a_request_are_numbered() {
    let folder = scratch("numbered");
    let log = DecisionLog::open(&folder, Mode::All).expect("opened");
    let (authorizer, request) = (authorizer(), request("arn:aws:s3:::b/k"));
    let witness = of_request(&log, "A1", 0);
    for _ in 0..3 {
        witness.decided(&Step::of(GetObject::ROW), &request, &authorizer, authorizer.decide(&request));
    }
    drop(log);
    let numbers: Vec<u64> = lines(&folder)
        .iter()
        .map(|line| serde_json::from_str::<RecordedDecision<'_>>(line).expect("an event").n)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn a_line_that_a_crash_cut_off_does_not_spoil_the_next() {
    let folder = scratch("torn");
    fs::create_dir_all(folder.join("decisions")).expect("made");
    fs::write(folder.join("decisions/events-1.ndjson"), "{\"version\":1,\"id\":\"A0").expect("written");
    record(&DecisionLog::open(&folder, Mode::All).expect("opened"), &authorizer(), "A1", "arn:aws:s3:::b/k");
    let lines = lines(&folder);
    assert_eq!(lines.len(), 2);
    assert!(serde_json::from_str::<RecordedDecision<'_>>(&lines[1]).is_ok_and(|event| event.id == "A1"));
}

#[test]
fn files_are_followed_by_the_next_and_eight_are_kept() {
    let folder = scratch("files");
    let mut writer = Writer::open(&folder).expect("opened").with_file_size(10);
    for number in 1..=12 {
        writer.write(format!("event number {number}\n").as_bytes()).expect("written");
    }
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("listed")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("events-"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 8, "{names:?}");
    for (number, there) in [(4, false), (5, true), (12, true)] {
        let text = fs::read_to_string(folder.join(format!("events-{number}.ndjson"))).ok();
        assert_eq!(text, there.then(|| format!("event number {number}\n")));
    }
    drop(writer);
    Writer::open(&folder).expect("opened").write(b"more\n").expect("written");
    let newest = fs::read_to_string(folder.join("events-12.ndjson")).expect("there");
    assert_eq!(newest, "event number 12\nmore\n", "the newest file is continued");
}

#[test]
fn what_does_not_fit_is_counted_and_nothing_waits() {
    let queue = Queue::default();
    let line = vec![b'x'; 1 << 20];
    for _ in 0..8 {
        queue.push(&line);
    }
    assert_eq!(queue.dropped(), 0);
    queue.push(b"one more\n");
    assert_eq!(queue.dropped(), 1);
    queue.close();
    queue.push(b"");
    assert_eq!(queue.dropped(), 2);
}
