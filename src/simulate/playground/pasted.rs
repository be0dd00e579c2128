//! What people have at hand: error sentences, CloudTrail events, the output of `aws` commands, policies, worlds.

use super::VERSION;
use super::filled::{BucketFill, Fill, FilledPolicy, MAX_PASTED, Pasted, PastedKind, PastedScenario};
use super::of_layers::grants;
use super::prepare::problem;
use super::pretty::pretty;
use super::question::{Accepted, BlockPublicAccess, PolicyState, PolicyText, Question, QuestionPrincipal};
use super::{cloudtrail, worlds};
use crate::policy::PolicyKind;
use crate::simulate::reader::Findings;
use crate::simulate::world::World;
use crate::simulate::{scenario, settings};
use crate::words::codes::Code;
use crate::words::json::{self, MAX_BYTES, Node};
use crate::words::problem::{Problems, Source};

/// What a pasted text is, and what it fills.
#[must_use]
pub fn read_pasted(text: &str) -> Pasted {
    let mut pasted = Pasted { version: VERSION, ..Pasted::default() };
    if text.len() > MAX_BYTES {
        pasted.problems.push(problem(Code::InputTooLong, "the text is too long"));
    } else if text.trim_start().starts_with(['{', '[']) {
        read_json(text, &mut pasted);
    } else if !sentence(text, &mut pasted) {
        let message = "this is neither JSON nor AWS's sentence about a refused request";
        pasted.problems.push(problem(Code::Unrecognised, message));
    }
    pasted
}

fn become_a(pasted: &mut Pasted, kind: PastedKind, what: impl Into<String>) {
    pasted.kind = kind;
    pasted.what = what.into();
}

fn read_json(text: &str, pasted: &mut Pasted) {
    let mut findings = Findings::new(Source::new("pasted", text), Code::Unrecognised);
    let Some(root) = json::parse(text, &mut findings.list) else {
        if let Err(problems) = findings.finish() {
            refuse(pasted, &problems);
        }
        return;
    };
    let has = |name: &str| root.get(text, name);
    if root.items().is_some_and(|list| list.iter().all(|n| n.get(text, "expect").is_some()))
        || has("scenarios").is_some()
    {
        return scenarios(text, pasted);
    }
    if let Some(event) = cloudtrail::event_of(&root, text) {
        become_a(pasted, PastedKind::Cloudtrail, "a CloudTrail event");
        return cloudtrail::read(&event, pasted);
    }
    let is_world = ["UserDetailList", "RoleDetailList", "GroupDetailList", "accounts", "sources"];
    if is_world.iter().any(|name| has(name).is_some()) {
        return world(text, pasted);
    }
    if policy(&root, text, pasted) {
        return;
    }
    if let Some(list) = has("Grants") {
        become_a(pasted, PastedKind::BucketAcl, "the ACL of a bucket");
        let acl = settings::aws_acl(&mut findings, list);
        let owner = has("Owner").and_then(|o| o.get(text, "ID")).and_then(|id| id.as_str(text));
        let owner_canonical = owner.map(str::to_owned);
        pasted.fill.bucket = Some(BucketFill { acl: Some(grants(&acl)), owner_canonical, ..BucketFill::default() });
    } else if let Some(block) = has("PublicAccessBlockConfiguration") {
        become_a(pasted, PastedKind::PublicAccessBlock, "Block Public Access of a bucket");
        let block = BlockPublicAccess::of(&settings::public_access_block(&mut findings, block));
        pasted.fill.bucket = Some(BucketFill { block_public_access: Some(block), ..BucketFill::default() });
    } else if let Some(controls) = has("OwnershipControls") {
        become_a(pasted, PastedKind::OwnershipControls, "the Object Ownership of a bucket");
        let rule = controls.get(text, "Rules").and_then(Node::items).and_then(|rules| rules.first());
        let setting = rule.and_then(|rule| rule.get(text, "ObjectOwnership"));
        let setting = setting.map(|node| settings::ownership(&mut findings, node).name().to_owned());
        pasted.fill.bucket = Some(BucketFill { object_ownership: setting, ..BucketFill::default() });
    } else {
        findings.shape(root.span, "this is no policy, no event, no world and no dump that is known");
    }
    if let Err(problems) = findings.finish() {
        refuse(pasted, &problems);
    }
}

/// Nothing is filled from what could not be read whole.
fn refuse(pasted: &mut Pasted, problems: &Problems) {
    pasted.fill = Fill::default();
    for found in problems.list.iter().take(super::MAX_DIAGNOSTICS) {
        let (line, column) = problems.source.position(found.span.start);
        pasted.problems.push(problem(found.code, format!("{line}:{column}: {}", found.message)));
    }
}

fn scenarios(text: &str, pasted: &mut Pasted) {
    become_a(pasted, PastedKind::Scenarios, "a scenario file");
    match scenario::read(&Source::new("pasted", text)) {
        Ok(list) => {
            if list.len() > MAX_PASTED {
                pasted.notes.push(format!("only the first {MAX_PASTED} of {} scenarios are shown", list.len()));
            }
            pasted.scenarios = list.iter().take(MAX_PASTED).map(PastedScenario::of).collect();
        }
        Err(problems) => refuse(pasted, &problems),
    }
}

impl PastedScenario {
    fn of(scenario: &scenario::Scenario) -> Self {
        Self {
            id: scenario.id.clone(),
            why: scenario.why.clone(),
            expect: scenario.expected.word().to_owned(),
            question: Question::of(scenario.authorizer().layers(), scenario.asked(), Accepted::Evaluable),
        }
    }
}

fn world(text: &str, pasted: &mut Pasted) {
    become_a(pasted, PastedKind::World, "a world of accounts");
    match worlds::world_of(text) {
        Ok(world) => {
            pasted.principals = worlds::principals(&world);
            pasted.resources = worlds::resources(&world);
            for (list, what) in [(&mut pasted.principals, "principals"), (&mut pasted.resources, "resources")] {
                if list.len() > MAX_PASTED {
                    pasted.notes.push(format!("only the first {MAX_PASTED} of {} {what} are listed", list.len()));
                    list.truncate(MAX_PASTED);
                }
            }
        }
        Err(problems) => pasted.problems = problems,
    }
}

/// A policy, bare or inside what an `aws` command gives.
fn policy(root: &Node, text: &str, pasted: &mut Pasted) -> bool {
    let has = |name: &str| root.get(text, name);
    let name_of = |node: &Node, field: &str| node.get(text, field).and_then(|n| n.as_str(text)).map(str::to_owned);
    let named = name_of(root, "PolicyName");
    if has("Statement").is_some() {
        // It stays as it was written.
        fill_policy(text.to_owned(), None, named, pasted);
    } else if let Some(role) = has("Role") {
        let Some(trust) = role.get(text, "AssumeRolePolicyDocument") else { return false };
        pasted.fill.resource = name_of(role, "Arn");
        fill_policy(document(trust, text), Some(PolicyKind::Trust), name_of(role, "RoleName"), pasted);
    } else if let Some(document_node) = has("PolicyDocument") {
        fill_policy(document(document_node, text), Some(PolicyKind::Identity), named, pasted);
    } else if let Some(version) = has("PolicyVersion").and_then(|v| v.get(text, "Document")) {
        fill_policy(document(version, text), Some(PolicyKind::Identity), named, pasted);
    } else if let Some(content) = has("Policy").and_then(|p| p.get(text, "Content")) {
        // `aws organizations describe-policy`.
        let summary = has("Policy").and_then(|p| p.get(text, "PolicySummary"));
        let kind = match summary.and_then(|s| name_of(s, "Type")).as_deref() {
            Some("RESOURCE_CONTROL_POLICY") => PolicyKind::ResourceControl,
            _ => PolicyKind::ServiceControl,
        };
        fill_policy(document(content, text), Some(kind), summary.and_then(|s| name_of(s, "Name")), pasted);
    } else if let Some(policy) = has("Policy").filter(|p| p.as_str(text).is_some()) {
        fill_policy(document(policy, text), None, named, pasted);
    } else {
        return false;
    }
    true
}

/// A document in place, or as a string of JSON.
fn document(node: &Node, text: &str) -> String {
    match node.as_str(text) {
        Some(inner) => {
            let decoded = crate::words::percent::decoded(inner);
            pretty(if inner.starts_with('%') { &decoded } else { inner }).into_owned()
        }
        None => pretty(node.span.of(text)).into_owned(),
    }
}

fn fill_policy(text: String, kind: Option<PolicyKind>, name: Option<String>, pasted: &mut Pasted) {
    let guessed = || {
        let root = json::parse(&text, &mut Vec::new())?;
        let statements = root.get(&text, "Statement").map(Node::one_or_many).unwrap_or_default();
        let has_principal =
            statements.iter().any(|s| s.get(&text, "Principal").or_else(|| s.get(&text, "NotPrincipal")).is_some());
        Some(if has_principal { scenario::resource_kind(&text, &root) } else { PolicyKind::Identity })
    };
    let kind = kind.or_else(guessed).unwrap_or(PolicyKind::Identity);
    become_a(pasted, PastedKind::Policy, format!("a policy, read as {} {}", article(kind), kind.words()));
    let name = name.unwrap_or_else(|| kind.words().to_owned());
    pasted
        .fill
        .policies
        .push(FilledPolicy { kind: kind.word(), policy: PolicyText { name, text, state: PolicyState::On } });
}

fn article(kind: PolicyKind) -> &'static str {
    if kind == PolicyKind::Identity { "an" } else { "a" }
}

/// `User: … is not authorized to perform: … on resource: … because …`. True where it is one.
pub(super) fn sentence(text: &str, pasted: &mut Pasted) -> bool {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((before, behind)) = line.split_once(" is not authorized to perform: ") else { return false };
    let Some((_, who)) = before.rsplit_once("User: ") else { return false };
    become_a(pasted, PastedKind::AccessDenied, "AWS's sentence about a refused request");
    let (action, rest) = behind.split_once(' ').unwrap_or((behind, ""));
    pasted.fill.action = Some(action.trim_end_matches(['.', ',']).to_owned());
    if let Some(rest) = rest.strip_prefix("on resource: ") {
        let resource = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default(),
            // Keys may have blanks: what follows a resource is one of AWS's own phrases.
            None => [" because ", " with an explicit deny", " (", "; "]
                .iter()
                .fold(rest, |resource, phrase| resource.split(phrase).next().unwrap_or(resource)),
        };
        pasted.fill.resource = Some(resource.to_owned());
    }
    match principal(who) {
        Some(principal) => pasted.fill.principal = Some(principal),
        None => pasted.notes.push(format!("`{who}` is no principal that is known")),
    }
    let phrases = ["because ", "with an explicit deny"];
    if let Some(at) = phrases.iter().filter_map(|phrase| rest.find(phrase)).min() {
        pasted.notes.push(format!("AWS said: {}", rest.get(at..).unwrap_or_default()));
    }
    true
}

/// A principal by its ARN or name, as the command line reads them, of no world in particular.
pub(super) fn principal(who: &str) -> Option<QuestionPrincipal> {
    let party = World::default().party(who).ok()?;
    Some(QuestionPrincipal::of(&party.principal))
}
