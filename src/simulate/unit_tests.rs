//! Policy unit tests in the command line's own words.

use super::question::{Circumstances, Question};
use super::reader::{Fields, Findings};
use super::scenario::TestResult;
use super::world::{Asked, World};
use crate::decision::{Authorizer, Decision};
use crate::words::codes::Code;
use crate::words::json::Node;
use crate::words::problem::{Problems, Source, Span};
use crate::words::values;

/// A file of policy unit tests.
#[derive(Debug)]
pub struct TestFile {
    /// The world's path, relative to the file.
    pub world: Option<String>,
    /// The pinned clock, in seconds since 1970.
    pub now: Option<i64>,
    tests: Vec<TestCase>,
}

/// One line, or one cell of a table.
#[derive(Clone, Debug)]
struct TestCase {
    name: String,
    question: Question,
    allowed: bool,
    because: Option<String>,
    span: Span,
}

/// Whether a parsed file is one of unit tests rather than scenarios.
#[must_use]
pub fn recognises(root: &Node, source: &str) -> bool {
    root.get(source, "tests").is_some()
}

/// Reads a file of unit tests.
///
/// # Errors
/// Everything that is wrong with it, with its place.
pub fn read(mut findings: Findings, root: &Node) -> Result<TestFile, Problems> {
    let mut fields = findings.fields(root, "a test file");
    if let Some(version) = fields.need(&mut findings, "version")
        && findings.scalar(version, "`version`").is_some_and(|v| v != "1")
    {
        findings.shape(version.span, "only version 1 of the test format is known");
    }
    let world = fields.string(&mut findings, "world");
    let now = fields.take(&findings, "now").and_then(|n| {
        let at = findings.scalar(n, "`now`").and_then(|text| values::parse_instant(&text));
        if at.is_none() {
            findings.shape(n.span, "`now` must be a time such as 2026-11-22T09:00:00Z");
        }
        at.map(|at| at.seconds)
    });
    let defaults = fields.take(&findings, "defaults").map(|n| {
        let line = findings.string(n, "`defaults`").unwrap_or_default();
        Question::parse_circumstances(&line).unwrap_or_else(|message| {
            findings.error(Code::BadQuestion, n.span, message);
            Circumstances::default()
        })
    });
    let defaults = defaults.unwrap_or_default();
    let mut tests = Vec::new();
    for node in fields.items(&mut findings, "tests") {
        read_test(&mut findings, node, &defaults, &mut tests);
    }
    fields.finish(&mut findings, "a test file");
    findings.finish().map(|_| TestFile { world, now, tests })
}

fn read_test(findings: &mut Findings, node: &Node, defaults: &Circumstances, tests: &mut Vec<TestCase>) {
    let mut fields = findings.fields(node, "a test");
    let because = fields.string(findings, "because");
    let (can, cannot) = (fields.take(findings, "can"), fields.take(findings, "cannot"));
    match (can, cannot) {
        (Some(line), None) | (None, Some(line)) => {
            let name = fields.string(findings, "name");
            if let Some(text) = findings.string(line, "a question") {
                match Question::parse(&text) {
                    Ok(mut question) => {
                        question.circumstances = question.circumstances.or(defaults);
                        let (name, allowed) = (name.unwrap_or(text), can.is_some());
                        tests.push(TestCase { name, question, allowed, because, span: line.span });
                    }
                    Err(message) => findings.error(Code::BadQuestion, line.span, message),
                }
            }
        }
        (None, None) => {
            if because.is_some() {
                findings.shape(node.span, "`because` belongs to a line under `can` or `cannot`, not to a table");
            }
            read_table(findings, node, &mut fields, defaults, tests);
        }
        (Some(_), Some(_)) => findings.shape(node.span, "a test has `can` or `cannot`, not both"),
    }
    fields.finish(findings, "a test");
}

/// A table: every combination must be denied but those under `allow`.
fn read_table(
    findings: &mut Findings,
    node: &Node,
    fields: &mut Fields<'_>,
    defaults: &Circumstances,
    tests: &mut Vec<TestCase>,
) {
    let name = fields.string(findings, "name").unwrap_or_else(|| "table".to_owned());
    let mut list = |field: &str, findings: &mut Findings| {
        fields.need(findings, field).map(|n| findings.strings(n, &format!("`{field}`"))).unwrap_or_default()
    };
    let (principals, actions) = (list("principals", findings), list("actions", findings));
    let resources = list("on", findings);
    let allow = fields.take(findings, "allow").map(|n| findings.strings(n, "`allow`")).unwrap_or_default();
    let with = fields.string(findings, "with").map(|line| Question::parse_circumstances(&line));
    let circumstances = match with {
        Some(Ok(own)) => own.or(defaults),
        Some(Err(message)) => {
            findings.error(Code::BadQuestion, node.span, message);
            return;
        }
        None => defaults.clone(),
    };
    if principals.is_empty() || actions.is_empty() || resources.is_empty() {
        findings.shape(node.span, "a table needs at least one of `principals`, `actions` and `on`");
    }
    let mut used = vec![false; allow.len()];
    for principal in &principals {
        for action in &actions {
            for resource in &resources {
                let names = [format!("{principal} {action}"), format!("{principal} {action} {resource}")];
                let mut allowed = false;
                for (line, used) in allow.iter().zip(&mut used).filter(|(line, _)| names.contains(line)) {
                    let _ = line;
                    (*used, allowed) = (true, true);
                }
                let question = Question {
                    principal: principal.clone(),
                    action: action.clone(),
                    resource: resource.clone(),
                    circumstances: circumstances.clone(),
                };
                let name = format!("{name}: {principal} {action} {resource}");
                tests.push(TestCase { name, question, allowed, because: None, span: node.span });
            }
        }
    }
    for (line, _) in allow.iter().zip(&used).filter(|(_, used)| !**used) {
        findings.shape(node.span, format!("`{line}` under `allow` is no combination of the table"));
    }
}

impl TestFile {
    /// The questions in their order, with the names of their tests.
    pub fn questions(&self) -> impl Iterator<Item = (&str, &Question)> {
        self.tests.iter().map(|test| (test.name.as_str(), &test.question))
    }

    /// Asks every question of the world.
    #[must_use]
    pub fn run(&self, source: &Source, world: &World, now: Option<i64>) -> Vec<TestResult> {
        self.tests.iter().map(|test| test.run(source, world, self.now.or(now))).collect()
    }
}

impl TestCase {
    fn run(&self, source: &Source, world: &World, now: Option<i64>) -> TestResult {
        let word = if self.allowed { "allow" } else { "deny" };
        let expect = self.because.as_ref().map_or_else(|| word.to_owned(), |b| format!("{word} because {b}"));
        let unasked = |message: String| {
            let (line, column) = source.position(self.span.start);
            let reason = format!("{}:{line}:{column}: {message}", source.name);
            TestResult {
                id: self.name.clone(),
                expect: expect.clone(),
                got: "unasked".to_owned(),
                pass: false,
                reason,
                unasked: true,
            }
        };
        let asked = match world.ask(&self.question, now) {
            Ok(asked) => asked,
            Err(error) => return unasked(format!("{} [{}]", error.message, error.code)),
        };
        let Asked { layers, request, .. } = asked;
        let authorizer = Authorizer::new(layers);
        let request = match request.as_request(authorizer.layers()) {
            Ok(request) => request,
            Err(message) => return unasked(message),
        };
        let explanation = authorizer.explain(&request);
        let basis = explanation.decision.basis();
        let deciding = explanation.deciding();
        let names: Vec<String> = deciding.iter().flat_map(names_of).collect();
        let because = self.because.as_deref().is_none_or(|wanted| {
            wanted == explanation.decision.word()
                || wanted == basis.code.as_str()
                || names.iter().any(|name| name == wanted)
        });
        let by = names.first().map_or_else(|| basis.code.to_string(), Clone::clone);
        TestResult {
            id: self.name.clone(),
            expect,
            got: format!("{} because {by}", word_of(explanation.decision)),
            // What a layer that was not given would decide is neither allowed nor denied.
            pass: explanation.decision.is_allowed() == self.allowed
                && because
                && (!explanation.decision.is_undecided() || self.because.is_some()),
            reason: format!("{} [{}]", basis.code.title(), basis.code),
            unasked: false,
        }
    }
}

fn word_of(decision: Decision) -> &'static str {
    if decision.is_undecided() { "undecided" } else { decision.word() }
}

/// The names a statement goes by under `because`: policy or file, with its id or number.
fn names_of(view: &crate::decision::explanation::StatementView<'_>) -> Vec<String> {
    let file = view.policy.source().name.rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    let statement = view.sid().map_or_else(|| (view.at.statement + 1).to_string(), str::to_owned);
    let policy = view.policy.name();
    vec![
        format!("{policy}#{statement}"),
        format!("{stem}#{statement}"),
        format!("{policy}#{}", view.at.statement + 1),
        policy.to_owned(),
    ]
}
