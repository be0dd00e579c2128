//! The decision core for JavaScript: bindings only, the wire types live in the library.
#![forbid(unsafe_code)]

use portcullis::policy::{LoadOptions, PolicyDocument, PolicyKind};
use portcullis::simulate::{scenario, wire};
use portcullis::words::problem::{Problem, Source};
use wasm_bindgen::prelude::*;

fn problems(source: &Source, list: &[Problem]) -> String {
    serde_json::json!({"version": wire::VERSION, "problems": wire::findings(source, list)}).to_string()
}

/// Everything that is wrong or questionable in a policy document, as JSON; `kind` is `identity`, `boundary`,
/// `session`, `scp`, `rcp`, `bucket`, `key`, `trust` or `vpce`.
#[wasm_bindgen]
pub fn check(text: &str, kind: &str) -> Result<String, JsError> {
    let kind = PolicyKind::from_word(kind).ok_or_else(|| JsError::new("unknown kind of policy"))?;
    Ok(match PolicyDocument::parse("policy", text, &LoadOptions::new(kind)) {
        Ok(document) => problems(document.source(), document.warnings()),
        Err(refused) => problems(&refused.source, &refused.list),
    })
}

/// Runs a scenario file; results, or what is wrong with the file, as JSON.
#[wasm_bindgen(js_name = runScenarios)]
pub fn run_scenarios(text: &str) -> String {
    match scenario::read(&Source::new("scenarios", text)) {
        Ok(list) => {
            let results: Vec<_> = list.iter().map(scenario::Scenario::run).collect();
            serde_json::json!({"version": wire::VERSION, "results": results}).to_string()
        }
        Err(refused) => problems(&refused.source, &refused.list),
    }
}

/// Explains the scenarios of a file: one answer each, as JSON.
#[wasm_bindgen]
pub fn explain(text: &str) -> String {
    match scenario::read(&Source::new("scenarios", text)) {
        Ok(list) => {
            let answers: Vec<_> = list
                .iter()
                .map(|s| s.explained(|e| wire::answer(e, &[], &[], s.authorizer().remedies(&s.request()))))
                .collect();
            serde_json::json!({"version": wire::VERSION, "answers": answers}).to_string()
        }
        Err(refused) => problems(&refused.source, &refused.list),
    }
}
