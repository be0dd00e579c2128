//! A question as something to keep: a scenario file, a shell snippet. What is handed out was run, and gives the same
//! answer.

use super::answer::{Exported, QuestionProblem};
use super::cli;
use super::explain::decision_of;
use super::prepare::{Refused, prepare, problem};
use super::pretty::pretty;
use super::question::{PolicyState, PolicyText, Question};
use super::unknown::suppose;
use crate::decision::{Decision, Layers};
use crate::simulate::scenario;
use crate::words::codes::Code;
use crate::words::json::print_string;
use crate::words::problem::Source;
use serde::Serialize;

/// A question that was answered.
pub(super) struct Answered<'q> {
    pub question: &'q Question,
    /// The layers that the answer rests on.
    pub layers: Layers,
    pub decision: Decision,
    pub notes: Vec<String>,
}

fn answered(question: &Question) -> Result<Answered<'_>, Vec<QuestionProblem>> {
    let prepared = prepare(question).map_err(|Refused { broken, mut problems }| {
        problems.extend(
            broken.into_iter().map(|b| problem(Code::ScenarioShape, format!("the policy `{}` is refused", b.name))),
        );
        problems
    })?;
    let supposed = suppose(&prepared);
    let decision = decision_of(&prepared, supposed.layers.clone());
    let mut notes = Vec::new();
    if states(question).any(|state| state == PolicyState::Off) {
        notes.push("policies that are switched off are left out".to_owned());
    }
    match (supposed.policies.is_empty(), supposed.open) {
        (true, _) => {}
        (false, true) => notes.push("a layer with a policy that is unknown is unknown as a whole".to_owned()),
        (false, false) => notes.push("policies that are unknown are left out: none of them could allow it".to_owned()),
    }
    Ok(Answered { question, layers: supposed.layers, decision, notes })
}

fn states(question: &Question) -> impl Iterator<Item = PolicyState> {
    let l = &question.layers;
    let lists =
        l.identity.iter().chain(&l.session).chain(l.scp.iter().flatten()).chain(l.rcp.iter().flatten()).flatten();
    lists.chain(&l.boundary).chain(&l.resource).chain(&l.vpce).map(|policy| policy.state)
}

/// The question as a scenario file that `portcullis test` runs; it expects the answer of today.
#[must_use]
pub fn to_scenario(question: &Question, id: &str) -> Exported {
    match answered(question) {
        Ok(answered) => match scenario_text(&answered, id) {
            Some(text) => Exported { text: Some(text), notes: answered.notes, problems: Vec::new() },
            None => unsaid("a scenario cannot say this question"),
        },
        Err(problems) => Exported { text: None, notes: Vec::new(), problems },
    }
}

fn unsaid(message: &str) -> Exported {
    Exported { text: None, notes: Vec::new(), problems: vec![problem(Code::ScenarioShape, message)] }
}

/// The question as a shell snippet: the world in a file and `portcullis can`, or where the command line has no words
/// for it, a scenario file and `portcullis test`.
#[must_use]
pub fn to_cli(question: &Question) -> Exported {
    let mut answered = match answered(question) {
        Ok(answered) => answered,
        Err(problems) => return Exported { text: None, notes: Vec::new(), problems },
    };
    let text = cli::snippet(&answered).or_else(|| {
        let text = scenario_text(&answered, "from-the-playground")?;
        answered.notes.push("as a scenario: `portcullis can` has no words for this question".to_owned());
        Some(format!("{}portcullis test question.json\n", heredoc("question.json", &text)))
    });
    match text {
        Some(text) => Exported { text: Some(text), notes: answered.notes, problems: Vec::new() },
        None => unsaid("neither a question of the command line nor a scenario can say this"),
    }
}

/// A file as a shell writes it; JSON has no line that ends it.
pub(super) fn heredoc(file: &str, text: &str) -> String {
    format!("cat > {file} <<'END_OF_FILE'\n{}\nEND_OF_FILE\n", text.trim_end())
}

/// The scenario, if it gives the same answer when it is run.
fn scenario_text(answered: &Answered<'_>, id: &str) -> Option<String> {
    let mut text = String::from(r#"{"version":1,"scenarios":[{"id":"#);
    print_string(id, &mut text);
    text.push_str(r#","layers":{"#);
    text.push_str(&layers(answered)?.join(","));
    text.push_str(r#"},"request":"#);
    text.push_str(&serde_json::to_string(&answered.question.request).ok()?);
    text.push_str(r#","expect":"#);
    print_string(answered.decision.word(), &mut text);
    text.push_str("}]}");
    let read = scenario::read(&Source::new("scenario", text.as_str())).ok()?;
    let same = read
        .first()
        .is_some_and(|s| s.run().pass && s.explained(|e| e.decision.basis().code) == answered.decision.basis().code);
    same.then(|| format!("{}\n", pretty(&text)))
}

/// The members of `layers`: what is known of those that are known.
fn layers(answered: &Answered<'_>) -> Option<Vec<String>> {
    let (l, known) = (&answered.question.layers, &answered.layers);
    let mut out = Vec::new();
    let mut unknown: Vec<&str> = Vec::new();
    let mut put = |name: &'static str, is_unknown: bool, is_given: bool, value: Option<String>| {
        if is_unknown {
            unknown.push(name);
        } else if let Some(value) = value.filter(|_| is_given) {
            out.push(format!("\"{name}\":{value}"));
        }
    };
    put("identity", known.identity.is_unknown(), known.identity.given().is_some(), l.identity.as_deref().map(list));
    put("boundary", known.boundary.is_unknown(), known.boundary.given().is_some(), one(l.boundary.as_ref()));
    put("session", known.session.is_unknown(), known.session.given().is_some(), l.session.as_deref().map(list));
    let (scp, rcp) = (&known.service_control, &known.resource_control);
    put("scp", scp.is_unknown(), scp.given().is_some(), l.scp.as_deref().map(levels));
    put("rcp", rcp.is_unknown(), rcp.given().is_some(), l.rcp.as_deref().map(levels));
    put("resource", known.resource.is_unknown(), known.resource.given().is_some(), one(l.resource.as_ref()));
    put("vpce", known.vpc_endpoint.is_unknown(), known.vpc_endpoint.given().is_some(), one(l.vpce.as_ref()));
    put("bucket", false, l.bucket.is_some(), json(&l.bucket));
    put("grants", false, l.grants.is_some(), json(&l.grants));
    put("object", false, l.object.is_some(), json(&l.object));
    let said =
        l.unknown.iter().flatten().map(String::as_str).filter(|name| !unknown.contains(name)).collect::<Vec<_>>();
    unknown.extend(said);
    if !unknown.is_empty() {
        out.push(format!("\"unknown\":{}", json(&unknown)?));
    }
    Some(out)
}

fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// The texts of policies that count, as a list.
pub(super) fn list(policies: &[PolicyText]) -> String {
    let on = policies.iter().filter(|policy| policy.state == PolicyState::On).map(|policy| policy.text.trim());
    format!("[{}]", on.collect::<Vec<_>>().join(","))
}

/// The levels that are left: one whose every policy is switched off is gone.
pub(super) fn levels(levels: &[Vec<PolicyText>]) -> String {
    let off = |level: &&Vec<PolicyText>| level.is_empty() || level.iter().any(|p| p.state != PolicyState::Off);
    format!("[{}]", levels.iter().filter(off).map(|level| list(level)).collect::<Vec<_>>().join(","))
}

fn one(policy: Option<&PolicyText>) -> Option<String> {
    policy.filter(|policy| policy.state == PolicyState::On).map(|policy| policy.text.trim().to_owned())
}
