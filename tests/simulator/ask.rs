//! One question, put to IAM over HTTP and to the command line, and what their answers are compared by.

use super::{FORM, ROOT, encoded};
use crate::support::{Answer, Server};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// A question.
#[derive(Clone, Debug)]
pub struct Question {
    /// The ARN of a user or role.
    pub who: String,
    pub action: &'static str,
    pub resource: String,
    /// The time, and context keys with type and values.
    pub at: &'static str,
    pub context: Vec<(&'static str, &'static str, Vec<&'static str>)>,
    /// The owner and the policy of the resource, where that is of another account.
    pub foreign: Option<(String, String)>,
}

/// A statement that led to the decision: policy, and the offsets of both ends in the text that it was found in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matched {
    pub policy: String,
    pub text: String,
    pub start: usize,
    pub end: usize,
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: String,
    pub matched: Vec<Matched>,
    pub missing: BTreeSet<String>,
    pub by_organization: Option<bool>,
    pub by_boundary: Option<bool>,
    /// `EvalDecisionDetails`, sorted.
    pub details: Option<Vec<(String, String)>>,
}

/// The offset of a line and column, both from 1; columns are characters.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &text[start..];
    start + rest.char_indices().nth(column - 1).map_or(rest.len(), |(at, _)| at)
}

/// The inner text of the first element of this name.
pub fn inner<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (_, rest) = text.split_once(&open)?;
    rest.split_once(&close).map(|(inner, _)| inner)
}

fn strings(text: &str, list: &str) -> BTreeSet<String> {
    let members = inner(text, list).unwrap_or_default().split("<member>").skip(1);
    members.map(|m| m.split('<').next().unwrap_or_default().to_owned()).collect()
}

/// Every policy document that IAM holds or a request carries: where an answer's positions count from.
pub struct Texts(pub Vec<String>);

impl Question {
    /// The parameters that both operations have.
    fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = vec![
            ("ActionNames.member.1".to_owned(), self.action.to_owned()),
            ("ContextEntries.member.1.ContextKeyName".to_owned(), "aws:CurrentTime".to_owned()),
            ("ContextEntries.member.1.ContextKeyType".to_owned(), "date".to_owned()),
            ("ContextEntries.member.1.ContextKeyValues.member.1".to_owned(), self.at.to_owned()),
        ];
        if self.resource != "*" {
            parameters.push(("ResourceArns.member.1".to_owned(), self.resource.clone()));
        }
        for (at, (name, kind, values)) in self.context.iter().enumerate() {
            let entry = format!("ContextEntries.member.{}", at + 2);
            parameters.push((format!("{entry}.ContextKeyName"), (*name).to_owned()));
            parameters.push((format!("{entry}.ContextKeyType"), (*kind).to_owned()));
            for (n, value) in values.iter().enumerate() {
                parameters.push((format!("{entry}.ContextKeyValues.member.{}", n + 1), (*value).to_owned()));
            }
        }
        if let Some((owner, policy)) = &self.foreign {
            parameters.push(("ResourceOwner".to_owned(), format!("arn:aws:iam::{owner}:root")));
            parameters.push(("ResourcePolicy".to_owned(), policy.clone()));
        }
        parameters
    }

    fn send(&self, server: &Server, action: &str, more: &[(String, String)]) -> Answer {
        let mut form = format!("Action={action}&Version=2010-05-08");
        for (name, value) in self.parameters().iter().chain(more) {
            let _ = write!(form, "&{name}={}", encoded(value));
        }
        let answer = server.client(ROOT.0, ROOT.1).of("iam").send("POST", "/", &FORM, form.as_bytes());
        assert_eq!(answer.status, 200, "{self:?}: {}", answer.text());
        answer
    }

    /// `SimulatePrincipalPolicy`.
    pub fn of_principal(&self, server: &Server) -> String {
        self.send(server, "SimulatePrincipalPolicy", &[("PolicySourceArn".to_owned(), self.who.clone())]).text()
    }

    /// `SimulateCustomPolicy` with these policies.
    pub fn of_policies(&self, server: &Server, policies: &[(String, String)]) -> String {
        let caller = ("CallerArn".to_owned(), self.who.clone());
        let more: Vec<_> = policies.iter().cloned().chain([caller]).collect();
        self.send(server, "SimulateCustomPolicy", &more).text()
    }

    /// `portcullis can … --format json`. A simulation knows resource policies that it is given, and no resource control
    /// policies: layers that the world's files leave open are taken to be absent.
    pub fn by_command(&self, worlds: &[&Path]) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(["can", &self.who, self.action, &self.resource, "--at", self.at, "--format", "json"]);
        for layer in ["rcp", "resource", "acl", "block_public_access"] {
            command.args(["--absent", layer]);
        }
        for (name, _, values) in &self.context {
            for value in values {
                command.args(["-c", &format!("{name}={value}")]);
            }
        }
        for world in worlds {
            command.arg("-w").arg(world);
        }
        let output = command.env_remove("PORTCULLIS_WORLD").output().expect("the program starts");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let answer = serde_json::from_str(&text);
        answer.unwrap_or_else(|_| panic!("{self:?}: {text} {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// What IAM answered; positions count from the policy's own text.
pub fn of_api(xml: &str) -> Answered {
    let top = xml.split("<ResourceSpecificResults>").next().expect("a text");
    let flag = |list: &str, name: &str| inner(top, list).and_then(|d| inner(d, name)).map(|v| v == "true");
    let number = |at: &str, name: &str| inner(at, name).and_then(|n| n.parse().ok()).expect("a number");
    let matched = inner(top, "MatchedStatements").expect("a list").split("<member>").skip(1).map(|statement| {
        let place = |name: &str| {
            let at = inner(statement, name).expect("a position");
            (number(at, "Line"), number(at, "Column"))
        };
        let (start, end): ((usize, usize), (usize, usize)) = (place("StartPosition"), place("EndPosition"));
        let policy = inner(statement, "SourcePolicyId").expect("an id").to_owned();
        (policy, start, end)
    });
    let details = inner(top, "EvalDecisionDetails").map(|map| {
        let entry = |e: &str| (inner(e, "key").expect("a key").to_owned(), inner(e, "value").expect("one").to_owned());
        map.split("<entry>").skip(1).map(entry).collect()
    });
    Answered {
        decision: inner(top, "EvalDecision").expect("a decision").to_owned(),
        // Lines and columns, until it is known which text they count from.
        matched: matched
            .map(|(policy, start, end)| Matched {
                policy,
                text: format!("{}:{} {}:{}", start.0, start.1, end.0, end.1),
                start: 0,
                end: 0,
            })
            .collect(),
        missing: strings(top, "MissingContextValues"),
        by_organization: flag("OrganizationsDecisionDetail", "AllowedByOrganizations"),
        by_boundary: flag("PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary"),
        details,
    }
}

/// A place of a statement: two lines and columns.
fn places(text: &str) -> [(usize, usize); 2] {
    let mut pairs = text.split(' ').map(|pair| {
        let (line, column) = pair.split_once(':').expect("a pair");
        (line.parse().expect("a number"), column.parse().expect("a number"))
    });
    [pairs.next().expect("a start"), pairs.next().expect("an end")]
}

/// Whether a place that counts from a policy's own text is the place in the file that the policy stands in.
pub fn is_same_place(api: &Matched, shown: &Value, texts: &Texts) -> bool {
    let place = &shown["place"];
    let number = |name: &str| usize::try_from(place[name].as_u64().expect("a number")).expect("a small number");
    let in_file = [(number("line"), number("column")), (number("end_line"), number("end_column"))];
    let in_text = places(&api.text);
    // Control policies stay where the world's files have them; AWS's known policies are no file.
    if shown["layer"] == "service-control" {
        return in_text == in_file;
    }
    let Ok(file) = std::fs::read_to_string(place["file"].as_str().expect("a name")) else { return in_text == in_file };
    let [from, to] = in_file.map(|(line, column)| offset(&file, line, column));
    texts.0.iter().any(|text| {
        let [start, end] = in_text.map(|(line, column)| offset(text, line, column));
        // The whole text must stand there, and the statement at the same distance from its beginning.
        to.wrapping_sub(end) == from.wrapping_sub(start)
            && from.checked_sub(start).and_then(|begin| file.get(begin..)).is_some_and(|rest| rest.starts_with(text))
    })
}

/// The statements that led to the decision of `can`.
pub fn deciding(answer: &Value) -> Vec<&Value> {
    let effect = if answer["decision"] == "explicit-deny" { "Deny" } else { "Allow" };
    let statements = answer["statements"].as_array().expect("a list").iter();
    statements.filter(|s| s["met"] == json!(true) && s["effect"] == effect).collect()
}

fn verdict<'a>(answer: &'a Value, layer: &str) -> &'a str {
    let verdicts = answer["verdicts"].as_array().expect("a list");
    let found = verdicts.iter().find(|v| v["layer"] == layer).expect("the layer");
    found["verdict"].as_str().expect("a word")
}

/// What `can` answered, in the words of IAM; the statements without their places.
pub fn of_command(answer: &Value, resource: &str) -> Answered {
    let detail = |layer| match verdict(answer, layer) {
        "absent" => None,
        word => Some(word == "allow"),
    };
    let word = |layer| match verdict(answer, layer) {
        "allow" => "allowed".to_owned(),
        "deny" => "explicitDeny".to_owned(),
        _ => "implicitDeny".to_owned(),
    };
    let by_organization = detail("service-control");
    let details = match answer["relation"].as_str() {
        _ if by_organization == Some(false) => None,
        Some("cross-account") => {
            let mut all = vec![("IAM Policy".to_owned(), word("identity"))];
            if detail("boundary").is_some() {
                all.push(("Permissions Boundary Policy".to_owned(), word("boundary")));
            }
            all.push(("Resource Policy".to_owned(), word("resource")));
            Some(all)
        }
        _ => (resource != "*").then(Vec::new),
    };
    let missing = answer["missing_keys"].as_array().expect("a list").iter();
    Answered {
        decision: match answer["decision"].as_str().expect("a word") {
            "allow" => "allowed".to_owned(),
            "explicit-deny" => "explicitDeny".to_owned(),
            _ => "implicitDeny".to_owned(),
        },
        matched: Vec::new(),
        missing: missing.map(|key| key["key"].as_str().expect("a name").to_owned()).collect(),
        by_organization,
        by_boundary: detail("boundary"),
        details,
    }
}
