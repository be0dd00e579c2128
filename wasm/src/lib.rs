//! The decision core for JavaScript: bindings only, texts of JSON in and out. The wire types and what they mean live
//! in the library's `simulate::playground`; the package's scripts parse and print.
#![forbid(unsafe_code)]

use portcullis::policy::PolicyKind;
use portcullis::simulate::playground::{self, Question, QuestionProblem, WorldQuestion};
use portcullis::simulate::wire;
use portcullis::words::codes::Code;
use portcullis::words::problem::Source;
use serde::Serialize;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

thread_local! {
    /// The other services' action names, once they are fetched.
    static OTHERS: RefCell<String> = const { RefCell::new(String::new()) };
}

fn json(value: &impl Serialize) -> Result<String, JsError> {
    serde_json::to_string(value).map_err(|error| JsError::new(&error.to_string()))
}

/// The question of a text. The page makes it from objects, so that a mistake is the program's, not the user's.
fn question(text: &str) -> Result<Question, JsError> {
    Question::parse(text).map_err(|problems| refused(&problems))
}

fn refused(problems: &[QuestionProblem]) -> JsError {
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    JsError::new(&messages.join("; "))
}

/// The version of the library.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// The answer to a question, in short.
#[wasm_bindgen]
pub fn decide(text: &str) -> Result<String, JsError> {
    json(&playground::decide(&question(text)?))
}

/// The answer to a question, with everything that led to it.
#[wasm_bindgen]
pub fn explain(text: &str) -> Result<String, JsError> {
    json(&playground::explain(&question(text)?))
}

/// Everything that is wrong or questionable in a policy of that kind.
#[wasm_bindgen]
pub fn check(text: &str, kind: &str, bucket: &str) -> Result<String, JsError> {
    let kind = PolicyKind::from_word(kind).ok_or_else(|| JsError::new("unknown kind of policy"))?;
    json(&playground::check(text, kind, Some(bucket)))
}

/// The context keys that the policies of a question read.
#[wasm_bindgen(js_name = keysRead)]
pub fn keys_read(text: &str) -> Result<String, JsError> {
    json(&playground::keys_read(&question(text)?))
}

/// Actions and services that start with what was typed.
#[wasm_bindgen]
pub fn complete(prefix: &str) -> Result<String, JsError> {
    OTHERS.with_borrow(|others| json(&playground::complete(prefix, others)))
}

/// Adds the other services' action names.
#[wasm_bindgen(js_name = addVocabulary)]
pub fn add_vocabulary(text: String) {
    OTHERS.with_borrow_mut(|others| *others = text);
}

/// What a pasted text is, and what it fills.
#[wasm_bindgen(js_name = readPasted)]
pub fn read_pasted(text: &str) -> Result<String, JsError> {
    json(&playground::read_pasted(text))
}

/// A question about a world, with the policies that apply.
#[wasm_bindgen(js_name = fromWorld)]
pub fn from_world(world: &str, asked: &str) -> Result<String, JsError> {
    let asked = WorldQuestion::parse(asked).map_err(|problems| refused(&problems))?;
    json(&playground::from_world(world, &asked))
}

/// A question as a shell snippet.
#[wasm_bindgen(js_name = toCli)]
pub fn to_cli(text: &str) -> Result<String, JsError> {
    json(&playground::to_cli(&question(text)?))
}

/// A question as a scenario file.
#[wasm_bindgen(js_name = toScenario)]
pub fn to_scenario(text: &str, id: &str) -> Result<String, JsError> {
    json(&playground::to_scenario(&question(text)?, id))
}

/// Runs a scenario file; results, or what is wrong with the file.
#[wasm_bindgen(js_name = runScenarios)]
pub fn run_scenarios(text: &str) -> Result<String, JsError> {
    json(&wire::ScenariosRun::of(&Source::new("scenarios", text)))
}

/// The manual's page about a code, Markdown.
#[wasm_bindgen(js_name = explainCode)]
#[must_use]
pub fn explain_code(code: &str) -> String {
    Code::from_text(code).map(Code::page).unwrap_or_default().to_owned()
}
