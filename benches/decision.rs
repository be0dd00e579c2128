//! The decision core, timed: `cargo bench --bench decision`.
//!
//! - **W1**: one Allow, one request. **W2**: ten identity and five bucket statements, eight requests, timed
//!   together. Both as they stand in `benches/peers/work`.
//! - **W3**: a bucket policy of N Allow statements, one for each tenant's principal and prefix; **W3\*** the same
//!   for everyone (`"*"`). *hit* asks for what statement N/2 allows, *miss* for what none does.
//! - **early star**: as W3\*, with a wildcard before the tenant's name.
//! - **load**: a policy of 6 KB parsed and compiled, beside `serde_json::Value` of the same text.
//!
//! Every answer is checked before anything is timed. Context values are typed before the timed loop, but where
//! the name says that building is included. After criterion's groups the summary measures the ratios by itself,
//! each pair side by side: ratios travel between machines, nanoseconds do not.
//! `cargo bench --bench decision -- --test` checks everything and times nothing.

#![allow(unsafe_code, reason = "a global allocator that counts cannot be written without")]

use criterion::Criterion;
use portcullis::compiled::CompiledPolicy;
use portcullis::decision::{
    Action, AuthorizationRequest, Authorizer, ContextValue, LayerState, Layers, Principal, Resource,
};
use portcullis::policy::{LoadOptions, PolicyDocument, PolicyKind};
use portcullis::words::vocabulary::KeyType;
use serde::Deserialize;
use serde_json::Value;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

/// Account of every principal and of every bucket's owner.
const ACCOUNT: &str = "111122223333";
/// Numbers of statements in W3.
const TENANTS: [usize; 4] = [10, 100, 1_000, 10_000];
/// Numbers of statements whose wildcard stands early.
const EARLY_STARS: [usize; 2] = [100, 1_000];

// ---------------------------------------------------------------------------------------------
// Counting bytes

struct Counting;

thread_local! {
    // Neither lazy nor with a destructor: reading it allocates nothing. Wraps where another thread's memory is freed.
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

fn grown(bytes: usize) {
    LIVE.set(LIVE.get().wrapping_add(bytes));
}

fn shrunk(bytes: usize) {
    LIVE.set(LIVE.get().wrapping_sub(bytes));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        shrunk(layout.size());
        grown(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// ---------------------------------------------------------------------------------------------
// The work

/// One question with its right answer.
#[derive(Clone, Deserialize)]
struct Question {
    name: String,
    principal: String,
    action: String,
    resource: String,
    context: BTreeMap<String, String>,
    expect: Expect,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Allow,
    Deny,
}

impl Question {
    fn request(&self) -> AuthorizationRequest<'_> {
        let mut request = AuthorizationRequest::new(
            Principal::user(&self.principal, ACCOUNT),
            Action::new(&self.action),
            Resource::new(&self.resource).in_account(ACCOUNT),
        );
        for (key, value) in &self.context {
            request.context.set_value(key.as_str(), ContextValue::typed(value.as_str(), Some(key_type(key))));
        }
        request
    }
}

fn key_type(key: &str) -> KeyType {
    match key {
        "aws:SecureTransport" | "aws:MultiFactorAuthPresent" => KeyType::Bool,
        "aws:CurrentTime" => KeyType::Date,
        "aws:SourceIp" => KeyType::Ip,
        "s3:max-keys" => KeyType::Number,
        _ => KeyType::Text,
    }
}

/// Compiled policies and what is asked of them.
struct Work {
    authorizer: Authorizer,
    questions: Vec<Question>,
}

impl Work {
    /// The answers are checked here, so that no work is timed that is done wrongly.
    fn new(layers: Layers, questions: Vec<Question>) -> Self {
        let work = Self { authorizer: Authorizer::new(layers), questions };
        for question in &work.questions {
            let request = question.request();
            let decision = work.authorizer.decide(&request);
            let name = &question.name;
            assert_eq!(decision.is_allowed(), question.expect == Expect::Allow, "{name}: {decision:?}");
            assert_eq!(work.authorizer.explain(&request).decision, decision, "{name}, explained");
        }
        work
    }

    fn requests(&self) -> Vec<AuthorizationRequest<'_>> {
        self.questions.iter().map(Question::request).collect()
    }

    fn decide(&self, requests: &[AuthorizationRequest<'_>]) {
        for request in requests {
            black_box(self.authorizer.decide(black_box(request)));
        }
    }

    fn build_and_decide(&self) {
        for question in &self.questions {
            black_box(self.authorizer.decide(&black_box(question).request()));
        }
    }

    fn explain(&self, requests: &[AuthorizationRequest<'_>]) {
        for request in requests {
            black_box(self.authorizer.explain(black_box(request)));
        }
    }

    fn remedies(&self, requests: &[AuthorizationRequest<'_>]) {
        for request in requests {
            black_box(self.authorizer.remedies(black_box(request)));
        }
    }
}

/// All that is timed.
struct Works {
    one: Work,
    two: Work,
    /// As many as `TENANTS`.
    tenants: Vec<Tenants>,
    /// W3*, as many as `TENANTS`.
    anyone: Vec<Tenants>,
    /// `arn:aws:s3:::*/tenant-i/*`, as many as `EARLY_STARS`.
    early_folder: Vec<Tenants>,
    /// `arn:aws:s3:::*-tenant-i/data`, as many as `EARLY_STARS`.
    early_bucket: Vec<Tenants>,
    policy_6k: String,
}

impl Works {
    fn new() -> Self {
        let base = questions("w1_requests.json").swap_remove(0);
        let folder = Shape { public: true, pattern: ("*/", "/*"), value: ("bucket/", "/report.csv") };
        let bucket = Shape { public: true, pattern: ("*-", "/data"), value: ("acme-", "/data") };
        let anyone = Shape { public: true, pattern: ("bucket/", "/*"), value: ("bucket/", "/report.csv") };
        let tenants = Shape { public: false, ..anyone };
        let all = |shape: &Shape, numbers: &[usize]| numbers.iter().map(|n| Tenants::new(shape, *n, &base)).collect();
        let works = Self {
            one: Work::new(
                Layers { identity: given(&file("w1_policy.json"), PolicyKind::Identity), ..Layers::default() },
                vec![base.clone()],
            ),
            two: Work::new(
                Layers {
                    identity: given(&file("w2_identity.json"), PolicyKind::Identity),
                    resource: given(&file("w2_bucket.json"), PolicyKind::Bucket),
                    ..Layers::default()
                },
                questions("w2_requests.json"),
            ),
            tenants: all(&tenants, &TENANTS),
            anyone: all(&anyone, &TENANTS),
            early_folder: all(&folder, &EARLY_STARS),
            early_bucket: all(&bucket, &EARLY_STARS),
            policy_6k: file("policy_6k.json"),
        };
        works.check();
        works
    }

    /// What `Work::new` does not check.
    fn check(&self) {
        assert_eq!(
            self.two.questions.iter().filter(|q| q.expect == Expect::Allow).count(),
            4,
            "W2 allows four of eight"
        );
        assert_eq!(self.two.questions.len(), 8);
        let requests = self.two.requests();
        let remedies: Vec<_> = requests.iter().map(|r| self.two.authorizer.remedies(r).len()).collect();
        for (question, found) in self.two.questions.iter().zip(&remedies) {
            assert!(question.expect == Expect::Deny || *found == 0, "{}: a remedy for an Allow", question.name);
        }
        assert!(remedies.iter().any(|found| *found > 0), "no denial of W2 has a remedy");
        let json: Value = serde_json::from_str(&self.policy_6k).expect("the policy of 6 KB is JSON");
        let statements = json["Statement"].as_array().expect("the policy of 6 KB has a list of statements").len();
        assert_eq!(compiled(&self.policy_6k, PolicyKind::Identity).statements().len(), statements);
    }
}

/// What the statements of a policy for tenants look like.
#[derive(Clone, Copy)]
struct Shape {
    /// Every statement's principal is `"*"` and not the tenant's.
    public: bool,
    /// Before and after the tenant's name in a statement's resource.
    pattern: (&'static str, &'static str),
    /// Before and after the tenant's name in the resource that is asked for.
    value: (&'static str, &'static str),
}

/// One statement for each tenant.
struct Tenants {
    statements: usize,
    hit: Work,
    miss: Work,
}

impl Tenants {
    fn new(shape: &Shape, statements: usize, base: &Question) -> Self {
        let layers =
            Layers { resource: given(&tenants_policy(shape, statements), PolicyKind::Bucket), ..Layers::default() };
        let middle = statements / 2;
        let ask = |name: &str, tenant: &str, expect| {
            let (before, after) = shape.value;
            let mut question = base.clone();
            question.name = format!("{name} of {statements}");
            question.principal = tenant_arn(middle);
            question.resource = format!("arn:aws:s3:::{before}{tenant}{after}");
            question.expect = expect;
            question.context.insert("aws:username".to_owned(), format!("tenant-{middle}"));
            question.context.insert("aws:userid".to_owned(), format!("AIDATENANT{middle:06}"));
            question.context.insert("aws:PrincipalArn".to_owned(), tenant_arn(middle));
            vec![question]
        };
        Self {
            statements,
            hit: Work::new(layers.clone(), ask("hit", &format!("tenant-{middle}"), Expect::Allow)),
            miss: Work::new(layers, ask("miss", "tenant-none", Expect::Deny)),
        }
    }
}

fn tenants_policy(shape: &Shape, statements: usize) -> String {
    let (before, after) = shape.pattern;
    let statement = |i| {
        let principal = if shape.public { r#""*""#.to_owned() } else { format!(r#"{{"AWS":"{}"}}"#, tenant_arn(i)) };
        let resource = format!("arn:aws:s3:::{before}tenant-{i}{after}");
        format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:GetObject","Resource":"{resource}"}}"#)
    };
    let list: Vec<_> = (0..statements).map(statement).collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, list.join(","))
}

fn tenant_arn(i: usize) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/tenant-{i}")
}

/// Both layers are policy sets, of which one policy is given.
fn given<T: From<CompiledPolicy>>(json: &str, kind: PolicyKind) -> LayerState<T> {
    LayerState::Given(compiled(json, kind).into())
}

fn compiled(json: &str, kind: PolicyKind) -> CompiledPolicy {
    let document = PolicyDocument::parse("work", json, &LoadOptions::new(kind)).expect("the work's policy is valid");
    CompiledPolicy::compile("work", &document)
}

fn questions(name: &str) -> Vec<Question> {
    serde_json::from_str(&file(name)).expect("the work's requests are well-formed")
}

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/work").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn load(json: &str) {
    black_box(compiled(black_box(json), PolicyKind::Identity));
}

fn load_json(json: &str) {
    black_box(serde_json::from_str::<Value>(black_box(json)).expect("checked before"));
}

// ---------------------------------------------------------------------------------------------
// Criterion's groups

fn decisions(criterion: &mut Criterion, works: &Works) {
    let requests = works.one.requests();
    let mut w1 = criterion.benchmark_group("w1");
    w1.bench_function("decide", |b| b.iter(|| works.one.decide(&requests)));
    w1.finish();

    let requests = works.two.requests();
    let mut w2 = criterion.benchmark_group("w2, 8 requests");
    w2.bench_function("decide", |b| b.iter(|| works.two.decide(&requests)));
    w2.bench_function("decide, with building the request", |b| b.iter(|| works.two.build_and_decide()));
    w2.bench_function("explain", |b| b.iter(|| works.two.explain(&requests)));
    w2.bench_function("remedies", |b| b.iter(|| works.two.remedies(&requests)));
    w2.finish();
}

fn tenants(criterion: &mut Criterion, works: &Works) {
    let shapes = [
        ("w3", &works.tenants),
        ("w3 star", &works.anyone),
        ("early star, folder", &works.early_folder),
        ("early star, bucket", &works.early_bucket),
    ];
    for (name, sizes) in shapes {
        let mut group = criterion.benchmark_group(name);
        for tenants in sizes {
            for (name, work) in [("hit", &tenants.hit), ("miss", &tenants.miss)] {
                let requests = work.requests();
                group.bench_function(format!("{name}/{}", tenants.statements), |b| b.iter(|| work.decide(&requests)));
            }
        }
        group.finish();
    }
}

fn loading(criterion: &mut Criterion, works: &Works) {
    let mut group = criterion.benchmark_group("load 6 KB");
    group.bench_function("parse and compile", |b| b.iter(|| load(&works.policy_6k)));
    group.bench_function("serde_json::Value", |b| b.iter(|| load_json(&works.policy_6k)));
    group.finish();
}

// ---------------------------------------------------------------------------------------------
// The summary

/// Rounds of the summary; odd, so that a median is one of them.
const ROUNDS: usize = 15;
/// Slices of each side in a round, in turn; the fastest counts, the one that least else ran beside.
const SLICES: usize = 16;
/// How long a slice is, at least.
const SLICE: Duration = Duration::from_micros(250);

/// Runs so many times, and takes so long.
type Timed<'a> = Box<dyn Fn(u32) -> Duration + 'a>;

/// One side of a row.
struct Side<'a> {
    run: Timed<'a>,
    /// What one iteration counts for.
    decisions: f64,
    iterations: u32,
}

impl<'a> Side<'a> {
    fn new(decisions: usize, act: impl Fn() + 'a) -> Self {
        let run: Timed<'a> = Box::new(move |iterations| {
            let start = Instant::now();
            for _ in 0..iterations {
                act();
            }
            start.elapsed()
        });
        let mut iterations = 1;
        while run(iterations) < SLICE {
            iterations *= 2;
        }
        let decisions = u32::try_from(decisions).expect("few decisions").into();
        Self { run, decisions, iterations }
    }

    fn decide(work: &'a Work) -> Self {
        let requests = work.requests();
        Self::new(requests.len(), move || work.decide(&requests))
    }

    fn nanoseconds(&self) -> f64 {
        (self.run)(self.iterations).as_secs_f64() * 1e9 / f64::from(self.iterations) / self.decisions
    }
}

/// A ratio, or with nothing below it a time.
struct Row<'a> {
    what: &'static str,
    above: Side<'a>,
    below: Option<Side<'a>>,
    /// Nanoseconds of both sides in each round.
    rounds: Vec<(f64, f64)>,
}

impl<'a> Row<'a> {
    fn time(what: &'static str, side: Side<'a>) -> Self {
        Self { what, above: side, below: None, rounds: Vec::new() }
    }

    fn ratio(what: &'static str, above: Side<'a>, below: Side<'a>) -> Self {
        Self { what, above, below: Some(below), rounds: Vec::new() }
    }

    fn round(&mut self) {
        let mut fastest = (f64::INFINITY, f64::INFINITY);
        for _ in 0..SLICES {
            fastest.0 = fastest.0.min(self.above.nanoseconds());
            if let Some(below) = &self.below {
                fastest.1 = fastest.1.min(below.nanoseconds());
            }
        }
        self.rounds.push(fastest);
    }

    fn print(&self) {
        let above = median(self.rounds.iter().map(|(above, _)| *above));
        if self.below.is_none() {
            println!("{:<36} {:>8} {above:>12.1}", self.what, "");
            return;
        }
        let below = median(self.rounds.iter().map(|(_, below)| *below));
        let ratio = median(self.rounds.iter().map(|(above, below)| above / below));
        println!("{:<36} {ratio:>8.2} {above:>12.1} / {below:.1}", self.what);
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn summary(works: &Works) {
    let (two, requests) = (&works.two, works.two.requests());
    let mut rows = vec![
        Row::time("W1, one decision", Side::decide(&works.one)),
        Row::time("W2, one decision (mean)", Side::decide(two)),
        Row::time("W2, the same, built each time", Side::new(requests.len(), || two.build_and_decide())),
        Row::ratio("W2 explain / decide", Side::new(requests.len(), || two.explain(&requests)), Side::decide(two)),
    ];
    let shapes = [
        ("W3 hit, 10,000 / 10", "W3 miss, 10,000 / 10", &works.tenants),
        ("W3* hit, 10,000 / 10", "W3* miss, 10,000 / 10", &works.anyone),
        ("*/tenant-i/* hit, 1,000 / 100", "*/tenant-i/* miss, 1,000 / 100", &works.early_folder),
        ("*-tenant-i/data hit, 1,000 / 100", "*-tenant-i/data miss, 1,000 / 100", &works.early_bucket),
    ];
    for (hit, miss, sizes) in shapes {
        let (few, many) = (&sizes[0], &sizes[sizes.len() - 1]);
        rows.push(Row::ratio(hit, Side::decide(&many.hit), Side::decide(&few.hit)));
        rows.push(Row::ratio(miss, Side::decide(&many.miss), Side::decide(&few.miss)));
    }
    let json = &works.policy_6k;
    rows.push(Row::ratio(
        "parse and compile / serde_json::Value",
        Side::new(1, || load(json)),
        Side::new(1, || load_json(json)),
    ));
    for _ in 0..ROUNDS {
        rows.iter_mut().for_each(Row::round);
    }
    println!("\n{:<36} {:>8} {:>12}", format!("medians of {ROUNDS} rounds"), "ratio", "ns");
    rows.iter().for_each(Row::print);
}

/// Live bytes of W3's largest policy, compiled, for each statement; its document is gone, its source text is not.
fn print_bytes() {
    let statements = TENANTS[TENANTS.len() - 1];
    let shape = Shape { public: false, pattern: ("bucket/", "/*"), value: ("", "") };
    let json = tenants_policy(&shape, statements);
    let before = LIVE.get();
    let policy = compiled(&json, PolicyKind::Bucket);
    let bytes = LIVE.get().wrapping_sub(before);
    assert_eq!(policy.statements().len(), statements);
    println!(
        "\nW3 at {statements}: {} bytes per compiled statement, of them {} source text",
        bytes / statements,
        json.len() / statements
    );
}

fn main() {
    // As criterion sees it: without `--bench` (`cargo test --benches`) it only tests.
    let argument = |name: &str| std::env::args().any(|argument| argument == name);
    let timed = argument("--bench") && !argument("--test") && !argument("--list");
    let works = Works::new();
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .configure_from_args();
    decisions(&mut criterion, &works);
    tenants(&mut criterion, &works);
    loading(&mut criterion, &works);
    criterion.final_summary();
    if argument("--list") {
        return;
    }
    print_bytes();
    if timed {
        summary(&works);
    }
}
