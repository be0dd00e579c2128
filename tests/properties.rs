//! What must hold for every policy and request: the engine against the naive model, the fast path
//! against the explanation, and what a single change of a policy may and may not do.
//!
//! Random input is a sequence of choices, which proptest shortens and makes smaller on failure.
//! `PROPTEST_CASES` sets the number of cases of every property.

mod model;

use model::generate::arbitrary_scenario;
use portcullis::compiled::CompiledPolicy;
use portcullis::decision::{
    Action, AuthorizationRequest, Authorizer, Bucket, Decision, Layer, LayerState, Layers, Principal, Resource,
};
use portcullis::policy::{Acceptance, LoadOptions, PolicyDocument, PolicyKind};
use portcullis::simulate::scenario::{self, Scenario};
use portcullis::words::codes::Code;
use portcullis::words::json::{self, Kind, MAX_DEPTH, Node};
use portcullis::words::problem::Source;
use proptest::prelude::{ProptestConfig, Strategy, prop, proptest};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

// ---------------------------------------------------------------------------------------------
// Choices

/// `PROPTEST_CASES` where it is set, else `usual`.
fn cases(usual: u32) -> ProptestConfig {
    let set = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: set.unwrap_or(usual), failure_persistence: None, ..ProptestConfig::default() }
}

/// Numbers that a generator takes its choices from; 0 is the plainest, also where they end.
#[derive(Clone)]
struct Choices {
    list: Vec<u32>,
    at: usize,
}

impl std::fmt::Debug for Choices {
    /// On one line: failures are read by people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = self.list.iter().rposition(|choice| *choice != 0).map_or(0, |last| last + 1);
        write!(f, "{:?}", &self.list[..end])
    }
}

impl Choices {
    fn below(&mut self, n: u32) -> u32 {
        self.at += 1;
        self.list.get(self.at - 1).map_or(0, |choice| choice % n)
    }

    /// True once in `n`; 0 is false.
    fn once_in(&mut self, n: u32) -> bool {
        self.below(n) == n - 1
    }

    fn at(&mut self, count: usize) -> usize {
        self.below(u32::try_from(count).expect("pools are small")) as usize
    }

    fn pick<'a>(&mut self, pool: &[&'a str]) -> &'a str {
        pool[self.at(pool.len())]
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.list.len()
    }
}

/// A multiple of every small number, so that each choice below one is as likely as the others.
const MOST: u32 = 720_720;

fn choices(most: usize) -> impl Strategy<Value = Choices> {
    prop::collection::vec(0..MOST, 0..=most).prop_map(|list| Choices { list, at: 0 })
}

fn random_scenario(mut choices: Choices) -> Value {
    arbitrary_scenario(&mut |n| choices.below(n))
}

/// How many choices a scenario takes at most, or nearly so.
const SCENARIO: usize = 400;

// ---------------------------------------------------------------------------------------------
// Scenarios

fn read(scenario: &Value) -> Scenario {
    let mut scenario = scenario.clone();
    scenario["expect"] = json!("allow");
    let text = json!([scenario]).to_string();
    match scenario::read(&Source::new("random", text)) {
        Ok(mut scenarios) => scenarios.remove(0),
        Err(problems) => panic!("{problems}\n{scenario:#}"),
    }
}

fn decide(scenario: &Value) -> Decision {
    let scenario = read(scenario);
    scenario.authorizer().decide(&scenario.request())
}

/// Every policy of the scenario with the name of its layer.
fn policies(scenario: &mut Value) -> Vec<(&'static str, &mut Value)> {
    let mut found = Vec::new();
    let Some(layers) = scenario["layers"].as_object_mut() else { return found };
    for (name, layer) in layers {
        let name = match name.as_str() {
            "identity" => "identity",
            "session" => "session",
            "boundary" => "boundary",
            "resource" => "resource",
            "vpce" => "vpce",
            "scp" => "scp",
            "rcp" => "rcp",
            _ => continue,
        };
        match layer {
            Value::Array(list) => {
                for item in list {
                    match item {
                        Value::Array(level) => found.extend(level.iter_mut().map(|policy| (name, policy))),
                        policy => found.push((name, policy)),
                    }
                }
            }
            Value::Null => {}
            policy => found.push((name, policy)),
        }
    }
    found
}

/// The statements of a policy, as a list where there is one only.
fn statements(policy: &mut Value) -> &mut Vec<Value> {
    let statement = &mut policy["Statement"];
    if !statement.is_array() {
        *statement = json!([statement.take()]);
    }
    statement.as_array_mut().expect("made a list above")
}

/// A statement for a layer's policy, often one that meets the request.
fn extra_statement(choices: &mut Choices, layer: &str, request: &Value, effect: &str) -> Value {
    let text = |value: &Value| value.as_str().expect("the generator gives texts").to_owned();
    let (action, resource) = (text(&request["action"]), text(&request["resource"]));
    let service = action.split(':').next().expect("split gives a part").to_owned();
    let trust = service == "sts" && layer == "resource";
    let plain = layer == "scp" && effect == "Allow";
    let mut statement = json!({"Effect": effect, "Action": match choices.below(4) {
        0 => json!("*"),
        1 => json!(action),
        2 => json!([format!("{service}:*"), "s3:GetObject"]),
        _ => json!(format!("{service}:NoSuchAction")),
    }});
    if layer != "rcp" && choices.once_in(6) {
        let action = statement["Action"].take();
        statement = json!({"Effect": effect, "NotAction": action});
    }
    if !trust {
        let (element, value) = match choices.below(5) {
            _ if plain => ("Resource", json!("*")),
            0 => ("Resource", json!("*")),
            1 => ("Resource", json!(resource)),
            2 => ("Resource", json!(["arn:aws:s3:::amzn-demo-bucket", "arn:aws:s3:::amzn-demo-bucket/*"])),
            3 => ("NotResource", json!(resource)),
            _ => ("NotResource", json!("arn:aws:s3:::other/${aws:username}")),
        };
        statement[element] = value;
    }
    let principals = [
        json!("*"),
        json!({"AWS": "111122223333"}),
        json!({"AWS": ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::444455556666:root"]}),
    ];
    match layer {
        "rcp" | "vpce" => statement["Principal"] = json!("*"),
        "resource" => {
            let element = if !trust && choices.once_in(5) { "NotPrincipal" } else { "Principal" };
            statement[element] = principals[choices.at(principals.len())].clone();
        }
        _ => {}
    }
    if !plain && choices.once_in(3) {
        statement["Condition"] = match choices.below(4) {
            0 => json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-abc1234567"}}),
            1 => json!({"Bool": {"aws:SecureTransport": "true"}}),
            2 => json!({"StringEqualsIfExists": {"aws:username": "alice"}}),
            _ => json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        };
    }
    statement
}

/// Puts a random statement at a random place of a random policy; tells of which layer.
fn add_statement(choices: &mut Choices, scenario: &mut Value, effect: &str) -> Option<&'static str> {
    let request = scenario["request"].clone();
    // A resource control policy can allow nothing of its own.
    let fits = |(layer, _): &(&'static str, &mut Value)| effect == "Deny" || *layer != "rcp";
    let mut policies: Vec<_> = policies(scenario).into_iter().filter(fits).collect();
    if policies.is_empty() {
        return None;
    }
    let (layer, policy) = policies.swap_remove(choices.at(policies.len()));
    let statement = extra_statement(choices, layer, &request, effect);
    let statements = statements(policy);
    let place = choices.at(statements.len() + 1);
    statements.insert(place, statement);
    Some(layer)
}

/// Makes the statement that a decision rests on match nothing; the others keep their numbers.
fn disable(scenario: &mut Value, at: portcullis::decision::StatementRef) {
    let service = scenario["request"]["action"].as_str().and_then(|a| a.split(':').next()).map(str::to_owned);
    let (level, number) = (usize::from(at.level), usize::from(at.policy));
    let layers = &mut scenario["layers"];
    let policy = match at.layer {
        Layer::Identity => &mut layers["identity"][number],
        Layer::Session => &mut layers["session"][number],
        Layer::Resource => &mut layers["resource"],
        Layer::Boundary => &mut layers["boundary"],
        Layer::VpcEndpoint => &mut layers["vpce"],
        Layer::ServiceControl => &mut layers["scp"][level][number],
        Layer::ResourceControl => &mut layers["rcp"][level][number],
        Layer::PublicAccessBlock | Layer::Acl | Layer::Grant => panic!("{at:?} is no statement of a policy"),
    };
    let statement = statements(policy)[at.statement as usize].as_object_mut().expect("a statement is an object");
    statement.remove("NotAction");
    statement.insert("Action".to_owned(), json!(format!("{}:NoSuchAction", service.expect("actions have a service"))));
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn the_engine_answers_as_the_model(list in choices(SCENARIO)) {
        let scenario = random_scenario(list);
        let wanted = model::model(&scenario).name();
        let got = read(&scenario).run();
        assert_eq!(got.got, wanted, "{}\n{scenario:#}", got.reason);
    }

    #[test]
    fn deciding_and_explaining_agree(list in choices(SCENARIO)) {
        let scenario = random_scenario(list);
        let read = read(&scenario);
        let decision = read.authorizer().decide(&read.request());
        // The decision carries its basis: code, layer and statement.
        read.explained(|explanation| assert_eq!(explanation.decision, decision, "{scenario:#}"));
    }
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn one_more_deny_never_allows(list in choices(SCENARIO), mut change in choices(16)) {
        let before = random_scenario(list);
        let mut after = before.clone();
        if let Some(layer) = add_statement(&mut change, &mut after, "Deny") {
            let (old, new) = (decide(&before), decide(&after));
            assert!(old.is_allowed() || !new.is_allowed(), "{layer}: {old:?} became {new:?}\n{after:#}");
            assert!(old.word() != "explicit-deny" || new.word() == old.word(), "{layer}: {new:?}\n{after:#}");
        }
    }

    #[test]
    fn one_more_allow_never_denies(list in choices(SCENARIO), mut change in choices(16)) {
        let before = random_scenario(list);
        let mut after = before.clone();
        if let Some(layer) = add_statement(&mut change, &mut after, "Allow") {
            let (old, new) = (decide(&before), decide(&after));
            // The Allow may have made the policy public, and RestrictPublicBuckets closes the bucket.
            let closed = layer == "resource" && new.basis().code == Code::PublicBucketRestricted;
            assert!(!old.is_allowed() || new.is_allowed() || closed, "{layer}: {old:?} became {new:?}\n{after:#}");
            let denied = old.word() != "explicit-deny" && new.word() == "explicit-deny";
            assert!(!denied || closed, "{layer}: {old:?} became {new:?}\n{after:#}");
        }
    }

    #[test]
    fn the_order_of_statements_does_not_matter(list in choices(SCENARIO), mut order in choices(64)) {
        let before = random_scenario(list);
        let mut after = before.clone();
        for (_, policy) in policies(&mut after) {
            let statements = statements(policy);
            for at in (1..statements.len()).rev() {
                let other = order.at(at + 1);
                // 0 leaves the statement where it is.
                statements.swap(at, at - other);
            }
        }
        assert_eq!(decide(&before).word(), decide(&after).word(), "{before:#}\n{after:#}");
    }

    #[test]
    fn an_allow_rests_on_the_statement_it_names(list in choices(SCENARIO)) {
        let mut scenario = random_scenario(list);
        let before = decide(&scenario);
        if let Decision::Allow(basis) = before
            && let Some(at) = basis.statement
        {
            disable(&mut scenario, at);
            let after = decide(&scenario);
            assert_ne!(before, after, "without its statement nothing changed\n{scenario:#}");
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Printing

/// Reads and prints a policy; what was printed reads and prints as the same.
fn print_twice(text: &str, kind: PolicyKind, acceptance: Acceptance) -> String {
    let options = LoadOptions { acceptance, ..LoadOptions::new(kind) };
    let parse = |text: &str| match PolicyDocument::parse("policy", text, &options) {
        Ok(document) => document,
        Err(problems) => panic!("{problems}\n{text}"),
    };
    let printed = parse(text).print();
    let again = parse(&printed);
    assert_eq!(again.print(), printed);
    let compiled = CompiledPolicy::compile("policy", &again);
    assert_eq!(compiled.statements().len(), again.statements().len());
    printed
}

fn kind_of(layer: &str, request: &Value) -> PolicyKind {
    let action = request["action"].as_str().unwrap_or_default();
    match layer {
        "identity" => PolicyKind::Identity,
        "session" => PolicyKind::Session,
        "boundary" => PolicyKind::Boundary,
        "vpce" => PolicyKind::VpcEndpoint,
        "scp" => PolicyKind::ServiceControl,
        "rcp" => PolicyKind::ResourceControl,
        _ if action.starts_with("kms:") => PolicyKind::Key,
        _ if action.starts_with("sts:") => PolicyKind::Trust,
        _ => PolicyKind::Bucket,
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn printing_gives_the_policy_back(list in choices(SCENARIO), pretty in prop::bool::ANY) {
        let mut scenario = random_scenario(list);
        let request = scenario["request"].clone();
        for (layer, policy) in policies(&mut scenario) {
            let compact = policy.to_string();
            let text = if pretty { format!("{policy:#}") } else { compact.clone() };
            // The generator makes what AWS would store.
            let printed = print_twice(&text, kind_of(layer, &request), Acceptance::Stored);
            assert_eq!(printed, compact, "byte for byte");
        }
    }
}

/// A file of the shared folder beside the checkout, or where `PORTCULLIS_SHARED` says.
fn shared(file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("PORTCULLIS_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    Some(folder.join(file)).filter(|path| path.is_file())
}

#[test]
fn managed_policies_load_compile_and_print_back() {
    let Some(path) = shared("data/managed_policies.jsonl") else {
        println!("skipped managed_policies_load_compile_and_print_back: ../shared/data is not here");
        return;
    };
    let lines = std::fs::read_to_string(path).expect("the file can be read");
    let mut count = 0;
    for line in lines.lines() {
        let entry: Value = serde_json::from_str(line).expect("every line is JSON");
        let printed = print_twice(&entry["doc"].to_string(), PolicyKind::Identity, Acceptance::Stored);
        let value: Value = serde_json::from_str(&printed).expect("what is printed is JSON");
        assert_eq!(value, entry["doc"], "{}", entry["name"]);
        count += 1;
    }
    assert_eq!(count, 1_582);
}

// ---------------------------------------------------------------------------------------------
// Large policies: the index

const BUCKET: &str = "arn:aws:s3:::big";

fn tenant(choices: &mut Choices) -> u32 {
    choices.below(120)
}

fn big_principal(choices: &mut Choices) -> Value {
    let one = |choices: &mut Choices| match choices.below(7) {
        0..=2 => format!("arn:aws:iam::111122223333:user/tenant-{}", tenant(choices)),
        3 => format!("arn:aws:iam::111122223333:role/tenant-{}", tenant(choices)),
        4 => format!("arn:aws:sts::111122223333:assumed-role/tenant-{0}/s{0}", tenant(choices)),
        5 => "arn:aws:iam::111122223333:root".to_owned(),
        _ => format!("AIDATENANT{}", tenant(choices)),
    };
    match choices.below(9) {
        0 => json!("*"),
        1 => json!({"AWS": "*"}),
        2..=4 => json!({"AWS": one(choices)}),
        5..=7 => json!({"AWS": [one(choices), one(choices), one(choices)]}),
        _ => json!({"Service": "logging.s3.amazonaws.com", "AWS": one(choices)}),
    }
}

fn big_resource(choices: &mut Choices) -> String {
    let tenant = tenant(choices);
    match choices.below(40) {
        0..=19 => format!("{BUCKET}/tenant-{tenant}/*"),
        20..=22 => format!("{BUCKET}/tenant-{tenant}*"),
        23..=28 => format!("{BUCKET}/tenant-{tenant}/reports/2026.csv"),
        29 | 30 => format!("{BUCKET}/shared/*/tenant-{tenant}/*"),
        31 => format!("arn:aws:s3:::*/tenant-{tenant}/*"),
        32 | 33 => format!("arn:aws:s3:::*-logs/t?nant-{tenant}/*"),
        34 => format!("{BUCKET}/${{aws:username}}/*"),
        35 => format!("{BUCKET}/*/${{aws:PrincipalTag/team, 'none'}}/{tenant}"),
        36 => format!("{BUCKET}/?enant-{tenant}/*"),
        37 => format!("{BUCKET}*"),
        38 => "*".to_owned(),
        _ => format!("{BUCKET}/*.csv"),
    }
}

/// `deny`: one in so many statements is a Deny.
fn big_statement(choices: &mut Choices, deny: u32, principals: bool) -> Value {
    let mut statement = json!({"Effect": if choices.once_in(deny) { "Deny" } else { "Allow" }});
    if principals {
        let except = choices.once_in(20);
        statement[if except { "NotPrincipal" } else { "Principal" }] = big_principal(choices);
    }
    let actions = match choices.below(9) {
        0 | 1 => json!("s3:GetObject"),
        2 => json!(["s3:PutObject", "s3:DeleteObject"]),
        3 => json!("s3:*"),
        4 => json!(["s3:Get*", "s3:ListBucket"]),
        5 => json!("s3:NoSuch*"),
        6 => json!(["s3:GetObjectTagging", "s3:NewAction"]),
        7 => json!("s3:PutObjectTagg*"),
        _ => json!("*"),
    };
    let except = choices.once_in(12);
    statement[if except { "NotAction" } else { "Action" }] = actions;
    let count = 1 + choices.below(3);
    let resources: Vec<String> = (0..count).map(|_| big_resource(choices)).collect();
    let except = choices.once_in(8);
    statement[if except { "NotResource" } else { "Resource" }] = json!(resources);
    if choices.once_in(6) {
        statement["Condition"] = json!({"StringNotLike": {"aws:username": format!("tenant-{}*", tenant(choices))}});
    }
    statement
}

/// Between one and 300 statements, as many as there are choices for.
fn big_policy(choices: &mut Choices, principals: bool) -> Value {
    let deny = [1_000, 100, 20, 3][choices.at(4)];
    let mut statements = vec![big_statement(choices, deny, principals)];
    while !choices.is_at_end() && statements.len() < 300 {
        statements.push(big_statement(choices, deny, principals));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn compile(policy: &Value, kind: PolicyKind) -> CompiledPolicy {
    let options = LoadOptions { acceptance: Acceptance::Evaluable, ..LoadOptions::new(kind) };
    match PolicyDocument::parse("big", &policy.to_string(), &options) {
        Ok(document) => CompiledPolicy::compile("big", &document),
        Err(problems) => panic!("{problems}"),
    }
}

fn big_key(choices: &mut Choices) -> String {
    let tenant = tenant(choices);
    match choices.below(8) {
        0..=2 => format!("{BUCKET}/tenant-{tenant}/x"),
        3 => format!("{BUCKET}/tenant-{tenant}/reports/2026.csv"),
        4 => format!("{BUCKET}/shared/{tenant}/tenant-{tenant}/y"),
        5 => format!("arn:aws:s3:::acme-logs/tenant-{tenant}/z"),
        6 => BUCKET.to_owned(),
        _ => format!("{BUCKET}/a/red/{tenant}"),
    }
}

/// Asks a few requests of every kind of requester.
fn ask_big(authorizer: &Authorizer, choices: &mut Choices, policy: &Value) {
    for _ in 0..8 {
        let tenant = tenant(choices);
        let user = format!("arn:aws:iam::111122223333:user/tenant-{tenant}");
        let role = format!("arn:aws:iam::111122223333:role/tenant-{tenant}");
        let session = format!("arn:aws:sts::111122223333:assumed-role/tenant-{tenant}/s{tenant}");
        let id = format!("AIDATENANT{tenant}");
        let foreign = format!("arn:aws:iam::444455556666:user/tenant-{tenant}");
        let name = format!("tenant-{tenant}");
        let principal = match choices.below(7) {
            0 | 1 => Principal::user(&user, "111122223333").with_id(&id),
            2 => Principal::role_session(&session, "111122223333", &role),
            3 => Principal::root("arn:aws:iam::111122223333:root", "111122223333"),
            4 => Principal::anonymous(),
            5 => Principal::user(&foreign, "444455556666"),
            _ => Principal::service("logging.s3.amazonaws.com"),
        };
        let action = choices.pick(&[
            "s3:GetObject",
            "s3:PutObject",
            "s3:ListBucket",
            "s3:GetObjectTagging",
            "s3:NewAction",
            "s3:PutObjectTagging",
            "s3:PutObjectTaggingNew",
            "s3:NoSuchThing",
            "iam:GetUser",
        ]);
        let key = big_key(choices);
        let resource = Resource::new(&key).in_account("111122223333");
        let mut request = AuthorizationRequest::new(principal, Action::new(action), resource);
        if choices.below(2) == 0 {
            request.context.username(&*name);
        }
        if choices.once_in(3) {
            request.context.set("aws:PrincipalTag/team", "red");
        }
        let explanation = authorizer.explain(&request);
        assert_eq!(authorizer.decide(&request), explanation.decision, "{request:?}\n{policy}");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn the_index_changes_no_answer(mut requests in choices(64), mut list in choices(5_000), mut identity in choices(1_200)) {
        let policy = big_policy(&mut list, true);
        let resource = compile(&policy, PolicyKind::Bucket);
        let bucket = Bucket { name: "big".to_owned(), owner_account: "111122223333".to_owned(), ..Bucket::default() };
        let mut layers = Layers {
            resource: LayerState::Given(resource.into()),
            bucket: Some(bucket),
            ..Layers::default()
        };
        ask_big(&Authorizer::new(layers.clone()), &mut requests, &policy);
        let own = big_policy(&mut identity, false);
        layers.identity = LayerState::Given(compile(&own, PolicyKind::Identity).into());
        ask_big(&Authorizer::new(layers), &mut requests, &json!([policy, own]));
    }
}

#[test]
fn an_index_finds_actions_that_the_catalogue_does_not_have() {
    // Each pattern means one or no action of the catalogue, and others that AWS may add.
    for pattern in ["s3:PutObjectTagg*", "s3:NewAct*", "new:*", "NEW:action", "s3:GetObjectTorren?*"] {
        let statement = json!({"Effect": "Allow", "Action": pattern, "Resource": "*"});
        let policy = json!({"Version": "2012-10-17", "Statement": vec![statement; 40]});
        let identity = LayerState::Given(compile(&policy, PolicyKind::Identity).into());
        let authorizer = Authorizer::new(Layers { identity, ..Layers::default() });
        let mut allowed = 0;
        for action in ["s3:PutObjectTaggingNew", "s3:newAction", "new:Action", "s3:GetObjectTorrents"] {
            let principal = Principal::user("arn:aws:iam::111122223333:user/alice", "111122223333");
            let request = AuthorizationRequest::new(principal, Action::new(action), Resource::new("arn:aws:s3:::b/k"));
            let decision = authorizer.decide(&request);
            assert_eq!(decision, authorizer.explain(&request).decision, "{pattern} {action}");
            allowed += u32::from(decision.is_allowed());
        }
        assert_eq!(allowed, 1, "{pattern}");
    }
}

// ---------------------------------------------------------------------------------------------
// The strict JSON reader

/// Writes something that is JSON, or nearly.
struct Scribbler<'c> {
    choices: &'c mut Choices,
    /// Makes mistakes.
    careless: bool,
    out: String,
}

impl Scribbler<'_> {
    /// Writes one of the good texts, carelessly now and then one of the others.
    fn one_of(&mut self, good: &[&str], others: &[&str]) {
        let careless = self.careless && self.choices.once_in(16);
        let text = self.choices.pick(if careless { others } else { good });
        self.out.push_str(text);
    }

    fn space(&mut self) {
        self.one_of(&["", "", "", " ", "\n", "\t\r\n"], &["\u{a0}", "\u{b}", "\u{c}", "\u{feff}", "//", "\0"]);
    }

    fn value(&mut self, depth: u32) {
        self.space();
        match self.choices.below(if depth > 6 { 3 } else { 5 }) {
            0 => self.one_of(&["null", "true", "false"], &["nul", "True", "truefalse", "", ",", "}", "undefined"]),
            1 => self.number(),
            2 => self.text(),
            3 => {
                self.out.push('[');
                for number in 0..self.choices.below(4) {
                    if number > 0 {
                        self.one_of(&[","], &[",,", "", ";", ":"]);
                    }
                    self.value(depth + 1);
                }
                self.one_of(&["]"], &[",]", "}", "", "]]"]);
            }
            _ => {
                self.out.push('{');
                for number in 0..self.choices.below(4) {
                    if number > 0 {
                        self.one_of(&[","], &[",,", "", ";"]);
                    }
                    self.space();
                    if self.careless && self.choices.once_in(24) {
                        self.value(depth + 1);
                    } else {
                        self.text();
                    }
                    self.space();
                    self.one_of(&[":"], &["", "=", "::", ","]);
                    self.value(depth + 1);
                }
                self.one_of(&["}"], &[",}", "]", "", "}}"]);
            }
        }
        self.space();
    }

    fn number(&mut self) {
        self.one_of(
            &[
                "0",
                "1",
                "-0",
                "10",
                "1.5",
                "-2e3",
                "1E+2",
                "0.0e-7",
                "9223372036854775808",
                "-9223372036854775808",
                "123456789012345678901234567890",
                "0.1000",
                "1e400",
                "0.1e-400",
            ],
            &["01", "1.", "-", "+1", ".5", "1e", "1e+", "NaN", "Infinity", "0x1", "--1", "1_0", "-01", "1.e2"],
        );
    }

    fn text(&mut self) {
        self.one_of(
            &[
                r#""a""#,
                r#""b""#,
                r#""""#,
                r#""\u0061""#,
                r#""é""#,
                r#""\u00E9\n\t\r\b\f\/\\\"""#,
                r#""\ud83d\ude00x""#,
                r#""\ud800\udc00\udbff\uDFFF""#,
                "\"\u{7f}\u{2028}\"",
                r#""𝄞 ${*}""#,
                r#""\u0000""#,
            ],
            &[
                r#""\ud83d""#,
                r#""\udbff\udbff""#,
                r#""\udc00""#,
                r#""\ude00\ud83d""#,
                r#""\ud83d\u0061""#,
                r#""\ud83dx""#,
                r#""\u00g0""#,
                r#""\u12""#,
                r#""\x""#,
                r#""\u+123""#,
                r#""\U0061""#,
                "\"\u{1}\"",
                "\"a\nb\"",
                "\"\\\u{1}\"",
                "\"a",
                "'a'",
                "\"\\",
                "\"\\ué\"",
            ],
        );
    }
}

/// Takes out, doubles or puts in one character.
fn mutate(choices: &mut Choices, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    if characters.is_empty() {
        return String::new();
    }
    let at = choices.at(characters.len());
    match choices.below(3) {
        0 => {
            characters.remove(at);
        }
        1 => characters.insert(at, characters[at]),
        _ => characters.insert(at, ['"', '\\', '{', ']', ',', '0', '-', 'e', '\u{85}'][choices.at(9)]),
    }
    characters.into_iter().collect()
}

/// Whether the two readers read the same value; of members with one name, `serde_json` keeps the last.
fn same(node: &Node, source: &str, value: &Value) -> bool {
    match (&node.kind, value) {
        (Kind::Null, Value::Null) => true,
        (Kind::Bool(ours), Value::Bool(theirs)) => ours == theirs,
        (Kind::String(_), Value::String(theirs)) => node.as_str(source) == Some(theirs),
        (Kind::Number, Value::Number(theirs)) => {
            let ours = node.span.of(source);
            if let (Ok(ours), Some(theirs)) = (ours.parse::<i128>(), as_whole(theirs)) {
                return ours == theirs;
            }
            let (ours, theirs) = (ours.parse::<f64>().expect("a number"), theirs.as_f64().expect("a number"));
            // `serde_json` reads fractions without caring for the last bit.
            (ours - theirs).abs() <= ours.abs() * 1e-15
        }
        (Kind::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(o, t)| same(o, source, t))
        }
        (Kind::Object(ours), Value::Object(theirs)) => {
            let mut last = Map::new();
            for (at, member) in ours.iter().enumerate() {
                last.insert(member.name.as_str(source).expect("names are strings").to_owned(), json!(at));
            }
            let at = |at: &Value| at.as_u64().and_then(|at| usize::try_from(at).ok()).expect("a number from above");
            last.len() == theirs.len()
                && last.iter().all(|(name, number)| {
                    theirs.get(name).is_some_and(|theirs| same(&ours[at(number)].value, source, theirs))
                })
        }
        _ => false,
    }
}

fn as_whole(number: &serde_json::Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// How many members repeat a name of their object.
fn repetitions(node: &Node, source: &str) -> usize {
    match &node.kind {
        Kind::Array(items) => items.iter().map(|item| repetitions(item, source)).sum(),
        Kind::Object(members) => {
            let names: std::collections::HashSet<_> = members.iter().map(|m| m.name.as_str(source)).collect();
            let inner: usize = members.iter().map(|m| repetitions(&m.value, source)).sum();
            inner + members.len() - names.len()
        }
        _ => 0,
    }
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn strict_json_is_the_json_of_serde_json(mut choices in choices(120)) {
        let (careless, mutated) = (choices.once_in(2), choices.once_in(4));
        let mut scribbler = Scribbler { choices: &mut choices, careless, out: String::new() };
        scribbler.value(0);
        let mut text = scribbler.out;
        if mutated {
            text = mutate(&mut choices, &text);
        }
        let mut problems = Vec::new();
        let ours = json::parse(&text, &mut problems);
        match (serde_json::from_str::<Value>(&text), ours) {
            (Ok(theirs), Some(ours)) => {
                assert!(same(&ours, &text, &theirs), "{text:?}: {ours:?} is not {theirs:?}");
                let twice = problems.iter().filter(|p| p.code == Code::DuplicateKey).count();
                assert_eq!(twice, problems.len(), "{text:?}: {problems:?}");
                assert_eq!(twice, repetitions(&ours, &text), "{text:?}");
            }
            // Numbers keep their text here and have no range.
            (Err(error), Some(_)) => assert!(error.to_string().contains("number out of range"), "{text:?}: {error}"),
            (Err(_), None) => assert_eq!(problems.last().map(|p| p.code), Some(Code::JsonSyntax), "{text:?}"),
            (Ok(_), None) => panic!("{text:?}: {problems:?}"),
        }
    }
}

#[test]
fn strict_json_nests_less_deep_than_serde_json() {
    for (depth, fits) in [(1, true), (MAX_DEPTH, true), (MAX_DEPTH + 1, false), (100, false)] {
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert!(serde_json::from_str::<Value>(&text).is_ok());
        let mut problems = Vec::new();
        assert_eq!(json::parse(&text, &mut problems).is_some(), fits, "{depth}");
        assert_eq!(
            problems.iter().map(|p| p.code).collect::<Vec<_>>(),
            if fits { vec![] } else { vec![Code::TooDeep] }
        );
    }
}
