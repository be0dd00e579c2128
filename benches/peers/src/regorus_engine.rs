//! regorus: the policies are translated by hand into Rego (see `w2.rego`) and compiled for its virtual machine.
//!
//! The fast path: program and machine made once, for each request `set_input` (a reference count)
//! and `execute`.
//!
//! A statement of W3 is a rule, as in W1 and W2; where the machine's limit of 65,535 instructions for
//! a program no longer holds them, the statements are data that one rule goes through (at 1,000
//! statements this took 0.9 times as long for a miss and 1.9 times for a hit, where it does not stop).
//! Rego could also look a tenant up by principal in an object; that would be an index made by hand for this
//! one shape of policy, and it would not serve W3*.

use crate::engine::{Engine, Prepared};
use crate::work::{Kind, Request, Typed, Work, tenant_arn, tenant_prefix, typed};
use chrono::{DateTime, Utc};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine as Rego, Value};
use serde_json::{Map, json};
use std::error::Error;
use std::fmt::Write as _;

pub struct Regorus;

struct Ready {
    machine: RegoVM,
    requests: Vec<Value>,
}

impl Engine for Regorus {
    fn name(&self) -> &'static str {
        "regorus (compiled)"
    }

    fn package(&self) -> &'static str {
        "regorus"
    }

    fn limits(&self) -> &'static [&'static str] {
        &[
            "translated by hand",
            "no type for addresses: ranges are read again for every request",
            "W3 is a rule for each statement up to 1,000, data in one loop above, where its limit for programs is reached",
        ]
    }

    fn prepare<'a>(&self, work: &'a Work) -> Result<Box<dyn Prepared + 'a>, Box<dyn Error>> {
        let (policy, data) = policy(work.kind);
        let data = Value::from(data);
        let mut engine = Rego::new();
        engine.add_data(data.clone())?;
        engine.add_policy("work.rego".to_owned(), policy)?;
        let compiled = engine.compile_with_entrypoint(&ENTRY.into())?;
        let program = Compiler::compile_from_policy(&compiled, &[ENTRY]).map_err(|error| error.to_string())?;

        let mut machine = RegoVM::new();
        // Its default stops long before 10,000 statements.
        machine.set_max_instructions(usize::MAX);
        machine.load_program(program);
        machine.set_data(data).map_err(|error| error.to_string())?;
        let requests = work.requests.iter().map(request).collect::<Result<_, _>>()?;
        Ok(Box::new(Ready { machine, requests }))
    }
}

impl Prepared for Ready {
    fn decide(&mut self, i: usize) -> bool {
        self.machine.set_input(self.requests[i].clone());
        matches!(self.machine.execute(), Ok(Value::Bool(true)))
    }
}

const ENTRY: &str = "data.peers.allow";

const W1: &str = r#"package peers
import rego.v1
default allow := false
allow if {
    input.action == "s3:GetObject"
    startswith(input.resource, "arn:aws:s3:::bucket/")
}"#;

/// The largest W3 in which each statement is a rule.
const MOST_RULES: usize = 1_000;

const W3_LOOP: &str = r"package peers
import rego.v1
default allow := false
allow if {
    some statement in data.statements
    statement.principal == input.principal
    statement.action == input.action
    startswith(input.resource, statement.prefix)
}";

const W3_LOOP_ANYONE: &str = r"package peers
import rego.v1
default allow := false
allow if {
    some statement in data.statements
    statement.action == input.action
    startswith(input.resource, statement.prefix)
}";

/// Policy and data.
fn policy(kind: Kind) -> (String, serde_json::Value) {
    match kind {
        Kind::W1 => (W1.to_owned(), json!({})),
        Kind::W2 => (include_str!("w2.rego").to_owned(), json!({})),
        Kind::W3 { tenants, anyone } if tenants <= MOST_RULES => (w3_rules(tenants, anyone), json!({})),
        Kind::W3 { tenants, anyone } => {
            let text = if anyone { W3_LOOP_ANYONE } else { W3_LOOP };
            (text.to_owned(), w3_data(tenants))
        }
    }
}

fn w3_rules(tenants: usize, anyone: bool) -> String {
    let mut text = String::from("package peers\nimport rego.v1\ndefault allow := false\n");
    for i in 0..tenants {
        let principal = if anyone { String::new() } else { format!("input.principal == \"{}\"; ", tenant_arn(i)) };
        let prefix = tenant_prefix(i);
        writeln!(
            text,
            r#"allow if {{ {principal}input.action == "s3:GetObject"; startswith(input.resource, "{prefix}") }}"#
        )
        .expect("writing to a String cannot fail");
    }
    text
}

fn w3_data(tenants: usize) -> serde_json::Value {
    let statement = |i| json!({ "principal": tenant_arn(i), "action": "s3:GetObject", "prefix": tenant_prefix(i) });
    json!({ "statements": (0..tenants).map(statement).collect::<Vec<_>>() })
}

fn request(request: &Request) -> Result<Value, Box<dyn Error>> {
    let mut context = Map::new();
    for (key, value) in &request.context {
        context.insert(key.clone(), json_value(key, value)?);
    }
    Ok(Value::from(json!({
        "principal": request.principal,
        "action": request.action,
        "resource": request.resource,
        "context": context,
    })))
}

fn json_value(key: &str, value: &str) -> Result<serde_json::Value, Box<dyn Error>> {
    Ok(match typed(key, value) {
        Typed::Text(text) | Typed::Ip(text) => json!(text),
        Typed::Flag(flag) => json!(flag),
        Typed::Number(number) => json!(number),
        Typed::Date(date) => json!(date.parse::<DateTime<Utc>>()?.timestamp_nanos_opt()),
    })
}
