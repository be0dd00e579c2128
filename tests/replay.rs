//! Recorded decisions are decided again alike, from their events and the stored policies alone.

use portcullis::decision::{AuthorizationRequest, Authorizer};
use portcullis::simulate::question::Question;
use portcullis::simulate::recorded::{Occasion, RecordedDecision, RecordedLayers, document_text};
use portcullis::simulate::scenario::{self, OwnedRequest};
use portcullis::simulate::world::{LoadContext, World};
use portcullis::words::problem::Source;
use std::collections::HashMap;
use std::path::Path;

/// Records a decision, reads the event back and asks again; `stored` takes the policies' texts.
fn round(
    authorizer: &Authorizer,
    request: &AuthorizationRequest<'_>,
    stored: &mut HashMap<String, String>,
) -> (String, Authorizer, OwnedRequest) {
    let decision = authorizer.decide(request);
    let occasion = Occasion { id: "A1", n: 1, time_ms: 1_795_337_999_123, operation: "GetObject", method: "GET" };
    let mut event = RecordedDecision::new(occasion, request, decision);
    event.layers = Some(RecordedLayers::of(authorizer.layers(), |policy| {
        let text = document_text(policy).into_owned();
        let digest = format!("sha256:{:016x}", portcullis::words::ids::hash_text(&text));
        stored.insert(digest.clone(), text);
        digest
    }));
    let json = serde_json::to_string(&event).expect("JSON");
    let read: RecordedDecision<'_> = serde_json::from_str(&json).expect("an event");
    assert_eq!(serde_json::to_string(&read).expect("JSON"), json, "an event reads back as it was written");
    assert_eq!((&*read.outcome, &*read.code), (decision.word(), decision.basis().code.as_str()));
    let (layers, owned) = read
        .replay(|digest, _, _| Ok(Source::new(digest, stored.get(digest).ok_or("not stored")?.as_str())))
        .unwrap_or_else(|why| panic!("{why}: {json}"));
    (json, Authorizer::new(layers), owned)
}

#[test]
fn every_scenario_of_the_corpus_is_decided_again_alike() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus").filter_map(Result::ok) {
        let text = std::fs::read_to_string(entry.path()).expect("a corpus file");
        for s in scenario::read(&Source::new("corpus", text)).unwrap_or_else(|e| panic!("{e}")) {
            let request = s.request();
            let (_, again, owned) = round(s.authorizer(), &request, &mut HashMap::new());
            let replayed = owned.as_request(again.layers()).expect("a request");
            assert_eq!(again.decide(&replayed), s.authorizer().decide(&request), "{}", s.id);
            count += 1;
        }
    }
    assert!(count >= 400, "{count}");
}

fn asked(world: &str) -> (Authorizer, OwnedRequest) {
    let mut loaded = World::default();
    let mut read = |_: &Source, _: &str| Err("no files".to_owned());
    let mut context = LoadContext { read: &mut read, strict: false };
    loaded.load(&Source::new("world", world), &mut context).unwrap_or_else(|e| panic!("{e:?}"));
    let question = Question::parse("al GetObject s3://b/k --absent resource").expect("a question");
    let asked = loaded.ask(&question, Some(0)).unwrap_or_else(|e| panic!("{e:?}"));
    (Authorizer::new(asked.layers), asked.request)
}

#[test]
fn a_policy_in_a_larger_file_is_stored_alone_and_its_places_fit() {
    let json = "{\"version\": 1, \"accounts\": [{\"id\": \"111122223333\", \"users\": [{\"name\": \"al\",\n \
        \"mfa\": [], \"inline\": [{\"name\": \"p\", \"document\": {\"Version\": \"2012-10-17\",\n \
        \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\",\n  \"Resource\": \"*\"}]}}]}]}]}";
    let yaml = "version: 1\naccounts:\n  - id: '111122223333'\n    users:\n      - name: al\n        inline:\n          \
        - name: p\n            document:\n              Version: 2012-10-17\n              Statement:\n                \
        - Effect: Allow\n                  Action: s3:GetObject\n                  Resource: '*'\n    name: prod\n";
    let flow = "version: 1\naccounts:\n- id: '111122223333'\n  users:\n  - name: al\n    inline:\n    - name: p\n      \
        document: {Version: 2012-10-17,\n       Statement: [{Effect: Allow, Action: s3:GetObject, Resource: '*'}]}\n";
    for (world, line) in [(json, 2), (yaml, 3), (flow, 3)] {
        if !cfg!(feature = "cli") && world != json {
            continue;
        }
        let (authorizer, request) = asked(world);
        let request = request.as_request(authorizer.layers()).expect("a request");
        let mut stored = HashMap::new();
        let (_, again, owned) = round(&authorizer, &request, &mut stored);
        let text = stored.values().next().expect("one policy");
        assert!(!text.contains("accounts") && !text.contains("prod"), "{text}");
        let replayed = owned.as_request(again.layers()).expect("a request");
        let explanation = again.explain(&replayed);
        let deciding = explanation.deciding().expect("the statement allows");
        let source = deciding.policy.source();
        assert_eq!(source.position(deciding.statement.span.start).0, line, "{text}");
        assert_eq!(again.decide(&replayed), authorizer.decide(&request));
    }
}

#[test]
fn no_secret_is_recorded() {
    let (authorizer, request) = asked(
        "{\"version\": 1, \"accounts\": [{\"id\": \"111122223333\", \"users\": [{\"name\": \"al\", \
         \"access_keys\": [{\"id\": \"AKIAIOSFODNN7EXAMPLE\", \"secret\": \"wJalrXUtnFEMI\"}]}]}]}",
    );
    let mut request = request.as_request(authorizer.layers()).expect("a request");
    request.context.set("s3:x-amz-security-token", "wJalrXUtnFEMI").set("aws:UserAgent", "a=b");
    request.context.set("aws:Referer", "http://h/k?X-Amz-Signature=wJalrXUtnFEMI");
    let (json, ..) = round(&authorizer, &request, &mut HashMap::new());
    assert!(!json.contains("wJalrXUtnFEMI"), "{json}");
    assert!(json.contains("http://h/k?X-Amz-Signature=REMOVED") && json.contains("\"a=b\""), "{json}");
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let (authorizer, request) =
        asked("{\"version\": 1, \"accounts\": [{\"id\": \"111122223333\", \"users\": [{\"name\": \"al\"}]}]}");
    let request = request.as_request(authorizer.layers()).expect("a request");
    let (json, ..) = round(&authorizer, &request, &mut HashMap::new());
    for (from, to, why) in [
        ("\"version\":1", "\"version\":2", "version 2"),
        (
            "\"resource\":{\"state\":\"absent\"}",
            "\"resource\":{\"state\":\"given\",\"levels\":[[{\"name\":\"p\",\"kind\":\"x\",\"digest\":\"\"}]]}",
            "kind `x`",
        ),
        (
            "\"resource\":{\"state\":\"absent\"}",
            "\"resource\":{\"state\":\"given\",\"levels\":[[{\"name\":\"p\",\"kind\":\"bucket\",\"digest\":\"\"}]]}",
            "gone",
        ),
    ] {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json, "{from}");
        let event: RecordedDecision<'_> = serde_json::from_str(&changed).expect("an event");
        let error = event.replay(|_, _, _| Err("gone".to_owned())).expect_err(why);
        assert!(error.contains(why), "{error}");
    }
}
