//! Answers for people.

use super::question::Question;
use super::world::Gap;
use crate::decision::explanation::{ConditionView, StatementView};
use crate::decision::remedies::Remedy;
use crate::decision::{
    AclOf, Action, AuthorizationRequest, Authorizer, Decision, Explanation, Layer, LayerState, Resource,
};
use crate::policy::acl::{Grantee, ObjectOwnership};
use crate::words::codes::Code;
use crate::words::problem::{Problem, Severity, Source, Span};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The colour of a yes.
pub const GREEN: &str = "\u{1b}[1;32m";
/// The colour of a no.
pub const RED: &str = "\u{1b}[1;31m";
/// The colour of what is open.
pub const YELLOW: &str = "\u{1b}[1;33m";
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
/// Ends a colour.
pub const OFF: &str = "\u{1b}[0m";

/// What an answer is rendered from.
#[derive(Clone, Copy, Debug)]
pub struct Rendered<'r> {
    /// The question as it was asked.
    pub question: &'r Question,
    /// The explanation.
    pub explanation: &'r Explanation<'r>,
    /// Context keys that the question gave.
    pub given: &'r [String],
    /// What is not known.
    pub gaps: &'r [Gap],
    /// Changes that would turn the answer.
    pub remedies: &'r [Remedy],
    /// The caller's clock was used.
    pub clock_used: bool,
    /// What a command has to carry besides the question, such as ` -w world/`; `None`: no command asks it again.
    pub options: Option<&'r str>,
}

/// Foreign text for a terminal: control and direction-changing characters are spelled out, so that a name
/// cannot forge a line of the answer.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    let spelled = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(spelled) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if spelled(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect())
}

/// The glyph, word and colour of a decision.
#[must_use]
pub fn verdict(decision: Decision) -> (&'static str, &'static str, &'static str) {
    match decision {
        _ if decision.is_undecided() => ("?", "UNDECIDED", YELLOW),
        Decision::Allow(_) => ("✓", "ALLOWED", GREEN),
        Decision::ExplicitDeny(_) | Decision::ImplicitDeny(_) => ("✗", "DENIED", RED),
    }
}

/// The first line: the answer.
#[must_use]
pub fn headline(question: &Question, explanation: &Explanation<'_>) -> String {
    let (glyph, word, colour) = verdict(explanation.decision);
    let basis = explanation.decision.basis();
    let kind = match explanation.decision {
        Decision::Allow(_) => basis.code.title().to_owned(),
        Decision::ExplicitDeny(_) => basis.code.title().to_owned(),
        Decision::ImplicitDeny(_) if explanation.decision.is_undecided() => {
            format!("the {} was not given and would decide", basis.layer.words())
        }
        Decision::ImplicitDeny(_) => format!("implicit deny: {}", basis.code.title()),
    };
    let mut line = format!(
        "{colour}{glyph} {word}{OFF} ({kind})  {}  {}  {}",
        clean(&question.principal),
        clean(explanation.request().action.as_str()),
        clean(&question.resource)
    );
    let c = &question.circumstances;
    for (word, value) in [("from", &c.from), ("at", &c.at), ("through", &c.vpce)] {
        if let Some(value) = value {
            let _ = write!(line, "  {word} {}", clean(value));
        }
    }
    line
}

/// The short answer of `can`: headline, what decided, near misses, changes that would help.
#[must_use]
pub fn short(r: &Rendered<'_>) -> String {
    let mut out = headline(r.question, r.explanation);
    out.push('\n');
    depends(r, &mut out);
    snippet(r.explanation, &mut out);
    near_misses(r.explanation, &mut out);
    closing(r, &mut out);
    out
}

/// The long answer of `why`: also the request as understood, every layer and every statement.
#[must_use]
pub fn long(r: &Rendered<'_>) -> String {
    let mut out = headline(r.question, r.explanation);
    out.push('\n');
    depends(r, &mut out);
    snippet(r.explanation, &mut out);
    near_misses(r.explanation, &mut out);
    request(r, &mut out);
    layers(r.explanation, &mut out);
    statements(r.explanation, &mut out);
    closing(r, &mut out);
    out
}

/// A key that the question could have given and that would turn the answer.
fn depends(r: &Rendered<'_>, out: &mut String) {
    let derived = [
        "aws:principalarn",
        "aws:principalaccount",
        "aws:principaltype",
        "aws:username",
        "aws:userid",
        "aws:resourceaccount",
        "s3:resourceaccount",
    ];
    let own = |key: &str| derived.contains(&key.to_ascii_lowercase().as_str());
    for missing in r.explanation.missing_keys().into_iter().filter(|m| m.decisive && !own(&m.key)) {
        let (_, word, _) = verdict(r.explanation.decision);
        let would =
            r.remedies.iter().find(|x| x.context.len() == 1 && x.context.iter().any(|(k, _)| *k == missing.key));
        let when = would.map_or_else(String::new, |x| format!("allowed when {}; ", clean(&x.change)));
        let _ =
            writeln!(out, "{YELLOW}? DEPENDS{OFF} on {} — {when}not given, so treated as absent: {word}", missing.key);
    }
}

/// Draws what decided, or the closest miss, in its source.
fn snippet(explanation: &Explanation<'_>, out: &mut String) {
    let basis = explanation.decision.basis();
    let allowed = explanation.decision.is_allowed();
    let misses = explanation.near_misses();
    let Some(view) = explanation.deciding().or_else(|| misses.into_iter().next()) else {
        let _ = writeln!(
            out,
            "\n{BOLD}{}[{}]{OFF}: {}",
            if allowed { "note" } else { "error" },
            basis.code,
            sentence(explanation)
        );
        return;
    };
    let source = view.policy.source();
    let (primary, label) = marked(&view, explanation);
    let label = clean(&label).into_owned();
    let mut drawn = Snippet::source(&*source.text)
        .path(&*source.name)
        .annotation(AnnotationKind::Primary.span(primary.drawable(&source.text)).label(label));
    if let Some(sid) = view.policy.sid_place(view.statement)
        && sid != primary
    {
        let whole = Span { start: sid.start.saturating_sub(1), end: sid.end + 1 };
        drawn = drawn
            .annotation(AnnotationKind::Context.span(whole.drawable(&source.text)).label(standing(&view, explanation)));
    }
    let level = if allowed { Level::NOTE } else { Level::ERROR };
    let title = clean(&sentence(explanation)).into_owned();
    let group = level.primary_title(title).id(basis.code.as_str()).element(drawn);
    let _ = writeln!(out, "\n{}", Renderer::styled().render(&[group]));
}

/// The reason as a sentence about this request.
fn sentence(explanation: &Explanation<'_>) -> String {
    let basis = explanation.decision.basis();
    let action = explanation.request().action.as_str();
    match basis.code {
        Code::NothingAllows => format!("no identity-based or resource-based policy allows `{action}`"),
        Code::DeniedByIdentity
        | Code::DeniedByResource
        | Code::DeniedByBoundary
        | Code::DeniedBySession
        | Code::DeniedByScp
        | Code::DeniedByRcp
        | Code::DeniedByEndpoint => {
            let by = explanation.deciding().map_or_else(String::new, |v| format!(" `{}`", v.policy.name()));
            format!("`{action}` is denied by the {}{by}", basis.layer.words())
        }
        Code::ScpLacksAllow => {
            let level =
                explanation.outcome().scp_gap.map_or_else(String::new, |level| format!(" at level {}", level + 1));
            let sets = explanation.layers().service_control.given();
            let names: Vec<&str> = explanation
                .outcome()
                .scp_gap
                .and_then(|level| sets?.get(usize::from(level)))
                .map(|set| set.policies().iter().map(|p| p.name()).collect())
                .unwrap_or_default();
            let names = if names.is_empty() { "none is attached".to_owned() } else { names.join(", ") };
            format!("no service control policy{level} ({names}) allows `{action}`")
        }
        code => code.title().to_owned(),
    }
}

/// What of the statement stands beside its id.
fn standing(view: &StatementView<'_>, explanation: &Explanation<'_>) -> String {
    if view.parts.all() {
        return if explanation.decision.is_allowed() { "this statement allows it" } else { "this statement denies it" }
            .to_owned();
    }
    let mut met = Vec::new();
    let mut failed = Vec::new();
    for (name, is_met) in [
        ("action", view.parts.action),
        ("resource", view.parts.resource),
        ("principal", view.parts.principal.is_some()),
        ("condition", view.parts.conditions),
    ] {
        if is_met { met.push(name) } else { failed.push(name) }
    }
    met.retain(|name| *name != "condition" || !view.conditions_met.is_empty());
    let verb = |list: &[&str], one: &'static str, many: &'static str| if list.len() == 1 { one } else { many };
    format!(
        "closest: {} {}; {} {}",
        met.join(", "),
        verb(&met, "matches", "match"),
        failed.join(", "),
        verb(&failed, "does not", "do not")
    )
}

/// The place to mark and what to say there.
fn marked(view: &StatementView<'_>, explanation: &Explanation<'_>) -> (Span, String) {
    if view.parts.all() {
        let conditions = view.conditions();
        if let Some(condition) = conditions.first().filter(|_| !explanation.decision.is_allowed()) {
            return (condition.span, condition_text(condition));
        }
        if let Some(pattern) = view.matched_resource() {
            return (pattern.span, format!("matches `{}`", explanation.request().resource.arn));
        }
        return (view.statement.actions_span, format!("matches `{}`", explanation.request().action.as_str()));
    }
    let failed = view.conditions().into_iter().find(|c| !c.met);
    let label = if !view.parts.action {
        format!("the request is for `{}`", explanation.request().action.as_str())
    } else if view.parts.principal.is_none() {
        format!("the request comes from `{}`", who(explanation))
    } else if !view.parts.resource {
        format!("the request is for `{}`", explanation.request().resource.arn)
    } else {
        failed.as_ref().map(condition_text).unwrap_or_default()
    };
    (view.failed_span(), label)
}

fn who<'e>(explanation: &Explanation<'e>) -> &'e str {
    let principal = &explanation.request().principal;
    if principal.arn.is_empty() { "an anonymous requester" } else { principal.arn }
}

/// What the request has, against what the condition wants.
fn condition_text(c: &ConditionView<'_>) -> String {
    let got = match &c.actual {
        None => format!("the request has no `{}`", c.key),
        Some(values) if values.is_empty() => format!("`{}` is empty", c.key),
        Some(values) => format!("request has `{}`", values.join("`, `")),
    };
    let range = c.operator.contains("IpAddress");
    match (c.met, range) {
        (true, _) => format!("{got}: {} {}", c.operator, if c.met { "holds" } else { "fails" }),
        (false, true) if c.actual.is_some() && c.operator.starts_with("Not") => format!("{got}, inside this range"),
        (false, true) if c.actual.is_some() => format!("{got}, outside this range"),
        (false, _) => format!("{got}: wanted {} `{}`", c.words.trim_end_matches(':'), c.wanted.join("` or `")),
    }
}

fn near_misses(explanation: &Explanation<'_>, out: &mut String) {
    let misses = explanation.near_misses();
    if misses.is_empty() {
        return;
    }
    let _ = writeln!(out, "  near misses");
    let shown = |view| miss_row(view, explanation).map(|cell| shortened(&clean(&cell)));
    let rows: Vec<[String; 4]> = misses.iter().map(shown).collect();
    let widths = [0, 1]
        .map(|column: usize| rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0));
    for (number, [name, part, want, got]) in (1..).zip(&rows) {
        let [name_width, part_width] = widths;
        let _ = writeln!(out, "  {number}  {name:name_width$}   {part:part_width$}   want {want}   got {got}");
    }
}

/// A cell of a table; what is longer than a line is cut.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 120;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn miss_row(view: &StatementView<'_>, explanation: &Explanation<'_>) -> [String; 4] {
    let name = format!("{} / {}", view.policy.name(), view.title());
    if view.parts.principal.is_none() {
        let wanted: Vec<&str> = view.wanted_principals().into_iter().map(short_arn).collect();
        return [name, "principal".to_owned(), wanted.join(", "), short_arn(who(explanation)).to_owned()];
    }
    if !view.parts.resource {
        let wanted = view.wanted_resources().join(", ");
        return [name, "resource".to_owned(), wanted, explanation.request().resource.arn.to_owned()];
    }
    match view.conditions().into_iter().find(|c| !c.met) {
        Some(c) => {
            let got = c.actual.as_ref().map_or_else(|| "(absent)".to_owned(), |v| v.join(", "));
            [name, format!("condition  {} {}", c.operator, c.key), c.wanted.join(", "), got]
        }
        None => [name, "action".to_owned(), String::new(), explanation.request().action.as_str().to_owned()],
    }
}

/// `arn:aws:iam::111122223333:user/alice` becomes `user/alice`.
fn short_arn(arn: &str) -> &str {
    crate::words::arn::Arn::parse(arn).map_or(arn, |a| a.resource)
}

fn request(r: &Rendered<'_>, out: &mut String) {
    let request = r.explanation.request();
    let _ = writeln!(out, "\n{BOLD}the request as understood{OFF}");
    let _ = writeln!(out, "  principal  {}", clean(who(r.explanation)));
    let _ = writeln!(out, "  action     {}", clean(request.action.as_str()));
    let _ = writeln!(out, "  resource   {}", clean(request.resource.arn));
    let mut entries: Vec<_> = request.context.entries().collect();
    entries.sort_by_key(|e| e.name().to_ascii_lowercase());
    for entry in entries {
        let origin = if r.given.iter().any(|k| k.eq_ignore_ascii_case(entry.name())) { "given" } else { "derived" };
        let values: Vec<&str> = entry.values().iter().map(crate::decision::ContextValue::as_str).collect();
        let _ = writeln!(out, "  {:28} {}  {DIM}{origin}{OFF}", clean(entry.name()), clean(&values.join(", ")));
    }
    for missing in r.explanation.missing_keys() {
        let weight = if missing.decisive { "absent, and a value could turn the answer" } else { "absent" };
        let _ = writeln!(out, "  {:28} {DIM}{weight}{OFF}", missing.key);
    }
}

fn layers(explanation: &Explanation<'_>, out: &mut String) {
    use crate::decision::combine::{Identity, Relation};
    let outcome = explanation.outcome();
    let relation = match outcome.relation {
        Relation::Same => "same account: an Allow of either side suffices",
        Relation::SameInCustody => "same account, but the resource's own policy must allow or delegate",
        _ if outcome.identity == Identity::Nobody => {
            "the requester has no identity-based policies: the resource side decides alone"
        }
        Relation::Cross if outcome.foreign_object => "the object belongs to another account: its owner must allow",
        Relation::Cross => "two accounts: both sides must allow",
    };
    let _ = writeln!(out, "\n{BOLD}layers{OFF}  {DIM}{relation}{OFF}");
    for shown in super::wire::answer(explanation, &[], &[], Vec::new()).verdicts {
        let glyph = match shown.verdict {
            "allow" => "✓",
            "deny" => "✗",
            "unknown" => "?",
            _ => "·",
        };
        let note = match (shown.layer, shown.verdict) {
            (Layer::Identity, "absent") => "the principal has none",
            (_, "absent") => "does not apply",
            (_, "no-match") => "no statement allows or denies",
            (_, "allow") => "allows",
            (_, "deny") => "denies",
            _ => "was not given",
        };
        let _ = writeln!(out, "  {glyph} {:24} {note}", shown.layer.words());
    }
    bucket_settings(explanation, out);
}

/// S3's own settings, as far as they bear on the request.
fn bucket_settings(explanation: &Explanation<'_>, out: &mut String) {
    let outcome = explanation.outcome();
    if let Some((number, _)) = outcome.grant {
        let _ = writeln!(out, "  ✓ {:24} grant {} permits the operation", Layer::Grant.words(), number + 1);
    }
    let request = explanation.request();
    let Some(bucket) = explanation.layers().bucket.as_ref().filter(|_| request.action.s3().is_some()) else { return };
    let acl = match (outcome.acl, bucket.ownership) {
        (_, ObjectOwnership::BucketOwnerEnforced) => "ignored: the bucket's owner owns everything".to_owned(),
        (None, _) => "no grant meets the request".to_owned(),
        (Some(grant), _) => {
            let list = if grant.of == AclOf::Bucket {
                bucket.acl.given()
            } else {
                request.resource.object.and_then(|o| o.acl)
            };
            let entry = grant.number.and_then(|n| list?.grants.get(n as usize));
            match entry {
                Some(g) => {
                    format!("the {} ACL grants {} to {}", of_word(grant.of), g.permission.name(), grantee(&g.grantee))
                }
                None => format!("what the owner always keeps, whatever the {} ACL says", of_word(grant.of)),
            }
        }
    };
    let glyph = if outcome.acl.is_some() { "✓" } else { "·" };
    let _ = writeln!(out, "  {glyph} {:24} {acl}", Layer::Acl.words());
    let block = match &bucket.public_access_block {
        LayerState::Absent => "none".to_owned(),
        LayerState::Unknown => "not given".to_owned(),
        LayerState::Given(b) => {
            let flags = [
                (b.block_public_acls, "BlockPublicAcls"),
                (b.ignore_public_acls, "IgnorePublicAcls"),
                (b.block_public_policy, "BlockPublicPolicy"),
                (b.restrict_public_buckets, "RestrictPublicBuckets"),
            ];
            let on: Vec<&str> = flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
            if on.is_empty() { "none".to_owned() } else { on.join(", ") }
        }
    };
    let public = explanation.layers().resource.given().is_some_and(|s| s.policies().iter().any(|p| p.is_public()));
    let _ = writeln!(
        out,
        "  bucket {}: {}; Block Public Access: {block}; its policy is {}public",
        bucket.name,
        bucket.ownership.name(),
        if public { "" } else { "not " }
    );
    missing_key(explanation, &bucket.name, out);
}

/// S3 tells a missing key (404) only to those who may list the bucket.
fn missing_key(explanation: &Explanation<'_>, bucket: &str, out: &mut String) {
    let request = explanation.request();
    if !matches!(request.action.s3(), Some("GetObject" | "GetObjectVersion")) {
        return;
    }
    if !explanation.decision.is_allowed() {
        let _ = writeln!(out, "  S3 answers 403 AccessDenied, whether or not the key exists");
        return;
    }
    let arn = format!("arn:aws:s3:::{bucket}");
    let listing =
        AuthorizationRequest::new(request.principal.clone(), Action::new("s3:ListBucket"), Resource::new(&arn))
            .with_context(request.context.clone());
    let listed = Authorizer::new(explanation.layers().clone()).decide(&listing).is_allowed();
    let (status, may) = if listed { ("404 NoSuchKey", "is") } else { ("403 AccessDenied", "is not") };
    let _ = writeln!(out, "  were the key missing, S3 would answer {status}: s3:ListBucket {may} allowed");
}

fn of_word(of: AclOf) -> &'static str {
    match of {
        AclOf::Bucket => "bucket's",
        AclOf::Object => "object's",
    }
}

fn grantee(grantee: &Grantee) -> String {
    match grantee {
        Grantee::Canonical(id) => format!("the canonical user {}…", id.get(..12).unwrap_or(id)),
        Grantee::AllUsers => "AllUsers".to_owned(),
        Grantee::AuthenticatedUsers => "AuthenticatedUsers".to_owned(),
        Grantee::LogDelivery => "LogDelivery".to_owned(),
        Grantee::Email(address) => address.clone(),
    }
}

fn statements(explanation: &Explanation<'_>, out: &mut String) {
    let views = explanation.statements();
    if views.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{BOLD}statements{OFF}  {DIM}action · principal · resource · conditions{OFF}");
    let mark = |met: bool| if met { "✓" } else { "✗" };
    for view in views {
        let (line, column) = view.policy.source().position(view.statement.span.start);
        let met = if view.parts.all() { "applies" } else { "" };
        let conditions: String = view.conditions_met.iter().map(|m| mark(*m)).collect();
        let _ = writeln!(
            out,
            "  {:8} {} {} {} {:3} {:5} {} / {}  {DIM}{}:{line}:{column}{OFF} {met}",
            layer_word(view.at.layer),
            mark(view.parts.action),
            mark(view.parts.principal.is_some()),
            mark(view.parts.resource),
            if conditions.is_empty() { "–".to_owned() } else { conditions },
            format!("{:?}", view.statement.effect),
            view.policy.name(),
            view.title(),
            view.policy.source().name,
        );
    }
}

fn layer_word(layer: Layer) -> &'static str {
    match layer {
        Layer::ServiceControl => "scp",
        Layer::ResourceControl => "rcp",
        Layer::VpcEndpoint => "endpoint",
        Layer::PublicAccessBlock => "block",
        Layer::Resource => "resource",
        Layer::Acl => "acl",
        Layer::Grant => "grant",
        Layer::Identity => "identity",
        Layer::Boundary => "boundary",
        Layer::Session => "session",
    }
}

fn closing(r: &Rendered<'_>, out: &mut String) {
    for gap in r.gaps {
        let _ = writeln!(
            out,
            "{YELLOW}unknown{OFF}: {} ({}); fetch it: {}",
            clean(&gap.about),
            gap.layer,
            clean(&gap.command)
        );
    }
    let reads_time = r.explanation.statements().iter().any(|view| {
        let close = view.parts.action && view.parts.principal.is_some() && view.parts.resource;
        close
            && view
                .conditions()
                .iter()
                .any(|c| matches!(c.key.to_ascii_lowercase().as_str(), "aws:currenttime" | "aws:epochtime"))
    });
    if r.clock_used && reads_time {
        let time = r.explanation.request().context.text("aws:CurrentTime").unwrap_or_default();
        let _ = writeln!(out, "note: the time of the request was taken to be {time}; --at sets another");
    }
    for remedy in r.remedies.iter().take(3) {
        out.push_str(&help(remedy));
        if let Some((options, command)) = r.options.zip(command(r.question, remedy)) {
            let _ = write!(out, "      portcullis can {}{options}", clean(&command));
        }
        out.push('\n');
    }
}

/// A change that would turn the answer, in one line.
fn help(remedy: &Remedy) -> String {
    let when = if remedy.context.is_empty() { "allowed with" } else { "allowed when" };
    let when = if remedy.change.starts_with("without") { "allowed" } else { when };
    format!("{GREEN}help{OFF}: {when} {} (re-evaluated)", clean(&remedy.change))
}

/// What a denied request would have needed, in a few lines: the statement that came closest, or the one that denied,
/// and the changes that would turn the answer.
#[must_use]
pub fn needed(explanation: &Explanation<'_>, remedies: &[Remedy]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(view) = explanation.deciding().filter(|_| matches!(explanation.decision, Decision::ExplicitDeny(_))) {
        lines.push(clean(&format!("denied by {} / {}", view.policy.name(), view.title())).into_owned());
    }
    if let Some(view) = explanation.near_misses().first() {
        let [name, part, want, got] = miss_row(view, explanation).map(|cell| shortened(&clean(&cell)));
        lines.push(format!("closest {name}   {part}   want {want}   got {got}"));
    }
    lines.extend(remedies.iter().take(2).map(help));
    if remedies.is_empty() {
        let layer = explanation.decision.basis().layer.words();
        let wanted = match explanation.decision {
            Decision::ImplicitDeny(_) => format!("needs an Allow: {layer}"),
            _ => format!("needs no Deny: {layer}"),
        };
        lines.push(format!("{wanted}; no single change alone would turn it (re-evaluated)"));
    }
    lines
}

/// The question with a remedy's context, as one would type it.
#[must_use]
pub fn command(question: &Question, remedy: &Remedy) -> Option<String> {
    if remedy.context.is_empty() {
        return None;
    }
    let mut changed = question.clone();
    let c = &mut changed.circumstances;
    for (key, value) in &remedy.context {
        let value = value.as_ref()?;
        c.context.retain(|pair| !pair.split('=').next().is_some_and(|k| k.eq_ignore_ascii_case(key)));
        match key.to_ascii_lowercase().as_str() {
            "aws:sourceip" if c.vpce.is_none() => c.from = Some(value.clone()),
            "aws:securetransport" => c.https = Some(value == "true"),
            "aws:multifactorauthpresent" if value == "true" => c.mfa = Some(c.mfa.take().flatten()),
            "aws:multifactorauthage" => c.mfa = Some(Some(value.clone())),
            "aws:currenttime" => c.at = Some(value.clone()),
            _ => c.context.push(format!("{key}={value}")),
        }
    }
    Some(changed.line())
}

/// Problems drawn in their source, as a compiler draws them.
#[must_use]
pub fn problems(source: &Source, list: &[Problem]) -> String {
    let mut out = String::new();
    for problem in list {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let range = problem.span.drawable(&source.text);
        let snippet =
            Snippet::source(&*source.text).path(&*source.name).annotation(AnnotationKind::Primary.span(range));
        let group =
            level.primary_title(clean(&problem.message).into_owned()).id(problem.code.as_str()).element(snippet);
        let _ = writeln!(out, "{}", Renderer::styled().render(&[group]));
    }
    out
}
