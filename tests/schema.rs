//! The JSON answer keeps to its published schema, over the whole corpus.

use portcullis::simulate::recorded::{Door, EventFacts, Occasion, RecordedDecision, RecordedLayers, TrailEvent};
use portcullis::simulate::{scenario, wire};
use portcullis::words::problem::Source;
use serde_json::Value;
use std::path::Path;

/// Holds a value to the part of JSON Schema that the file uses; anything else in the schema fails.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) {
    let keywords = schema.as_object().expect("a schema is an object");
    for (keyword, wanted) in keywords {
        match keyword.as_str() {
            "$ref" if wanted.as_str().is_some_and(|r| r.ends_with(".schema.json")) => {
                let other = self::schema(wanted.as_str().expect("a name"));
                check(&other, &other, value, at);
            }
            "$ref" => {
                let name = wanted.as_str().and_then(|r| r.strip_prefix("#/$defs/")).expect("a local reference");
                check(root, &root["$defs"][name], value, at);
            }
            "type" => {
                let is = match wanted.as_str().expect("one type") {
                    "string" => value.is_string(),
                    "integer" => value.is_u64(),
                    "boolean" => value.is_boolean(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    "null" => value.is_null(),
                    other => panic!("unknown type {other}"),
                };
                assert!(is, "{at} is {value}, not {wanted}");
            }
            "const" => assert_eq!(value, wanted, "{at}"),
            "enum" => assert!(wanted.as_array().expect("a list").contains(value), "{at} is {value}"),
            "anyOf" => {
                let null = value.is_null();
                let options = wanted.as_array().expect("a list");
                let chosen = options.iter().find(|s| (s["type"] == "null") == null).expect("null or not");
                check(root, chosen, value, at);
            }
            "items" => {
                for (i, item) in value.as_array().expect("an array").iter().enumerate() {
                    check(root, wanted, item, &format!("{at}[{i}]"));
                }
            }
            "properties" => {
                let properties = wanted.as_object().expect("an object");
                for (name, inner) in value.as_object().expect("an object") {
                    let schema = properties.get(name).unwrap_or_else(|| panic!("{at}.{name} is not in the schema"));
                    check(root, schema, inner, &format!("{at}.{name}"));
                }
            }
            "required" => {
                for name in wanted.as_array().expect("a list") {
                    let name = name.as_str().expect("a name");
                    assert!(value.get(name).is_some(), "{at}.{name} is missing");
                }
            }
            "pattern" => {
                let code = value.as_str().expect("a string");
                assert!(code.len() == 4 && code.starts_with(['A', 'D']), "{at} is {code}");
            }
            "additionalProperties" if wanted.is_object() => {
                for (name, inner) in value.as_object().expect("an object") {
                    check(root, wanted, inner, &format!("{at}.{name}"));
                }
            }
            "$schema" | "$id" | "$defs" | "title" | "additionalProperties" => {}
            other => panic!("the schema uses `{other}`, which this test does not know"),
        }
    }
}

fn corpus(mut see: impl FnMut(&scenario::Scenario)) -> usize {
    let mut count = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for entry in std::fs::read_dir(folder).expect("the corpus").filter_map(Result::ok) {
        let text = std::fs::read_to_string(entry.path()).expect("a corpus file");
        for s in scenario::read(&Source::new("corpus", text)).unwrap_or_else(|e| panic!("{e}")) {
            see(&s);
            count += 1;
        }
    }
    count
}

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).expect("the schema")).expect("JSON")
}

#[test]
fn decision_events_keep_to_the_schema() {
    let schema = schema("decision-event-v1.schema.json");
    let count = corpus(|s| {
        let request = s.request();
        let occasion = Occasion { id: &s.id, n: 1, time_ms: 0, operation: "GetObject", method: "GET" };
        let mut event = RecordedDecision::new(occasion, &request, s.authorizer().decide(&request));
        event.layers = Some(RecordedLayers::of(s.authorizer().layers(), |_| "sha256:0".to_owned()));
        check(&schema, &schema, &serde_json::to_value(event).expect("JSON"), &s.id);
    });
    assert!(count >= 400, "{count}");
}

#[test]
fn trail_events_keep_to_the_schema() {
    let schema = schema("trail-event-v1.schema.json");
    let count = corpus(|s| {
        let request = s.request();
        let layers = s.authorizer().layers();
        for door in Door::ALL {
            let facts = EventFacts {
                id: &s.id,
                n: 1,
                time_ms: 0,
                source: "s3.amazonaws.com",
                operation: "GetObject",
                method: "GET",
                read_only: true,
                region: "us-east-1",
                door,
                access_key_id: Some("AKIA"),
                signature_version: Some("AWS"),
                tls_version: Some("1.3"),
                host: Some("h"),
                took_ns: 1,
            };
            s.explained(|explanation| {
                let decision = explanation.decision;
                let mut event = TrailEvent::of_decision(&facts, &request, layers, decision, Some(explanation));
                if let Some(recorded) = &mut event.portcullis.decision {
                    recorded.layers = Some(RecordedLayers::of(layers, |_| "sha256:0".to_owned()));
                }
                let value = serde_json::to_value(&event).expect("JSON");
                check(&schema, &schema, &value, &s.id);
                let again: TrailEvent<'_> = serde_json::from_value(value.clone()).expect("it can be read");
                assert_eq!(serde_json::to_value(&again).expect("JSON"), value, "{}", s.id);
            });
        }
    });
    assert!(count >= 400, "{count}");
}

#[test]
fn answers_keep_to_the_schema() {
    let schema = schema("answer-v1.schema.json");
    let count = corpus(|s| {
        let remedies = s.authorizer().remedies(&s.request());
        let answer = s.explained(|e| serde_json::to_value(wire::answer(e, &[], &[], remedies)).expect("JSON"));
        check(&schema, &schema, &answer, &s.id);
    });
    assert!(count >= 400, "{count}");
}
