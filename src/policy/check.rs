//! What AWS checks when it stores a policy, beyond its shape.
//!
//! Source: `semantics` sections 1.4–1.7 (IAM and S3 rejections), S3 User Guide "Bucket policy".

use super::document::{Condition, Effect, MatchList, PolicyKind, Statement, Text, Version};
use super::operators::{Family, Operator};
use super::parse::Reader;
use crate::words::codes::Code;
use crate::words::json::Node;
use crate::words::template;
use crate::words::values;
use crate::words::vocabulary::{self, ActionId, BUCKET, OBJECT};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Findings that keep a document from being stored but leave its meaning definite.
pub(super) fn forbids_only_storing(code: Code) -> bool {
    matches!(
        code,
        Code::EmptyStatement
            | Code::InvalidSid
            | Code::DuplicateSid
            | Code::InvalidPrincipal
            | Code::InvalidAction
            | Code::UnknownAction
            | Code::UnsupportedAction
            | Code::InvalidResource
            | Code::ForeignResource
            | Code::ActionResourceMismatch
            | Code::InvalidConditionKey
            | Code::ConditionNotApplicable
            | Code::InvalidIpOperand
    )
}

/// Whether IAM stores the policy itself (and holds it to IAM's rules for ids).
fn is_iam_document(kind: PolicyKind) -> bool {
    !matches!(kind, PolicyKind::Bucket | PolicyKind::Key | PolicyKind::VpcEndpoint)
}

pub(super) fn unique_sids(reader: &mut Reader<'_>, statements: &[Statement]) {
    if !is_iam_document(reader.options.kind) {
        return;
    }
    let source = reader.source;
    let mut sids: Vec<_> = statements.iter().filter_map(|s| s.sid.as_ref()).map(|s| (s.get(source), s.span)).collect();
    sids.sort_unstable();
    for pair in sids.windows(2) {
        if let [(before, _), (sid, span)] = *pair
            && before == sid
            && !sid.is_empty()
        {
            let message = format!("the statement id `{sid}` is taken; ids are unique in a policy");
            reader.error(Code::DuplicateSid, span, message);
        }
    }
}

/// AWS's quota in characters without white space, or bytes for resource policies.
pub(super) fn quota(reader: &mut Reader<'_>, root: &Node) {
    let (limit, unit) = match reader.options.kind {
        PolicyKind::Identity | PolicyKind::Boundary => (6_144, "characters without white space"),
        PolicyKind::Session => (2_048, "characters"),
        PolicyKind::Trust => (8_192, "characters"),
        PolicyKind::ServiceControl | PolicyKind::ResourceControl => (5_120, "bytes"),
        PolicyKind::Bucket | PolicyKind::VpcEndpoint => (20_480, "bytes"),
        PolicyKind::Key => (32_768, "bytes"),
    };
    if root.span.range().len() <= limit {
        return;
    }
    let mut compact = String::new();
    root.print(reader.source, &mut compact);
    let size = match unit {
        "bytes" => compact.len(),
        "characters" => compact.chars().count(),
        _ => compact.chars().filter(|c| !c.is_whitespace()).count(),
    };
    if size > limit {
        let message = format!(
            "the quota of a policy of this kind ({}) is {limit} {unit}; this one has {size}",
            reader.options.kind.words()
        );
        reader.warn(
            Code::QuotaExceeded,
            crate::words::problem::Span { end: root.span.start + 1, ..root.span },
            message,
        );
    }
}

pub(super) fn statement(reader: &mut Reader<'_>, statement: &Statement) {
    sid(reader, statement);
    for item in &statement.actions.items {
        action(reader, item);
    }
    for item in statement.resources.iter().flat_map(|r| &r.items) {
        resource(reader, item);
    }
    for condition in &statement.conditions {
        condition_key(reader, condition);
        for value in &condition.values {
            operand(reader, statement, condition, value);
        }
        if condition.values.is_empty() && condition.span.of(reader.source).starts_with('[') {
            reader.warn(Code::EmptyList, condition.span, "the list of values is empty: no value can match");
        }
    }
    repeated_keys(reader, &statement.conditions);
    if reader.options.kind == PolicyKind::Bucket {
        bucket_statement(reader, statement);
    }
    let stored = !matches!(reader.options.kind, PolicyKind::Trust | PolicyKind::ResourceControl);
    if stored && statement.effect == Effect::Allow && statement.principal.as_ref().is_some_and(|p| p.negated) {
        let message = "`NotPrincipal` with `Allow` lets in everyone who is not listed, anonymous requesters too";
        reader.warn(Code::NotPrincipalAllow, statement.effect_span, message);
    }
    control_policy(reader, statement);
}

fn sid(reader: &mut Reader<'_>, statement: &Statement) {
    let Some(sid) = &statement.sid else { return };
    let text = sid.get(reader.source);
    if is_iam_document(reader.options.kind) && !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        reader.error(Code::InvalidSid, sid.span, format!("the statement id `{text}` may have letters and digits only"));
    }
}

/// A resource control policy of a customer only denies; the one AWS attaches allows everything.
fn control_policy(reader: &mut Reader<'_>, statement: &Statement) {
    if reader.options.kind != PolicyKind::ResourceControl {
        return;
    }
    let everything = |list: &MatchList| !list.negated && list.items.iter().any(|i| i.get(reader.source) == "*");
    let full_access = everything(&statement.actions)
        && statement.resources.as_ref().is_some_and(everything)
        && statement.conditions.is_empty();
    if statement.effect == Effect::Allow && !full_access {
        let message =
            "a resource control policy can only deny; the implied full access cannot be narrowed by an `Allow`";
        reader.storing_error(Code::InvalidEffect, statement.effect_span, message);
    }
    if statement.actions.negated {
        let message = "a resource control policy has no `NotAction`";
        reader.storing_error(Code::ForbiddenElement, statement.actions.span, message);
    }
}

fn action(reader: &mut Reader<'_>, item: &Text) {
    let text = item.get(reader.source);
    if text == "*" {
        return;
    }
    let Some((service, name)) = text.split_once(':') else {
        let message = format!("`{text}` must be `*` or start with a service, as in `s3:GetObject`");
        reader.error(Code::InvalidAction, item.span, message);
        return;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if service.contains(['*', '?']) {
        reader.error(
            Code::InvalidAction,
            item.span,
            format!("the service in `{text}` must be named in full, without wildcards"),
        );
    } else if service.is_empty() || !service.chars().all(plain) {
        reader.error(Code::InvalidAction, item.span, format!("`{service}` is not a service prefix"));
    } else if name.is_empty() || !name.chars().all(|c| plain(c) || matches!(c, '*' | '?' | '_')) {
        let message =
            format!("`{name}` is not an action name: letters, digits, `*` and `?`, no variables, spaces or commas");
        reader.error(Code::InvalidAction, item.span, message);
    } else {
        known_action(reader, item, service, name);
    }
}

fn known_action(reader: &mut Reader<'_>, item: &Text, service: &str, name: &str) {
    if reader.options.kind == PolicyKind::Trust && !service.eq_ignore_ascii_case("sts") {
        let message = format!("a role trust policy allows `sts` actions only, not `{service}:{name}`");
        reader.error(Code::UnsupportedAction, item.span, message);
        return;
    }
    if reader.options.kind == PolicyKind::Bucket && !service.eq_ignore_ascii_case("s3") {
        reader.error(Code::UnsupportedAction, item.span, format!("a bucket policy has no actions of `{service}`"));
        return;
    }
    let Some(known) = vocabulary::Service::from_prefix(service) else { return };
    if vocabulary::actions_matching(known, name).next().is_some() {
        return;
    }
    let message = format!("`{service}` has no action that `{name}` names");
    if reader.options.kind == PolicyKind::Bucket {
        reader.error(Code::UnknownAction, item.span, message);
    } else {
        reader.warn(Code::UnknownActionInert, item.span, format!("{message}: it is stored and matches nothing known"));
    }
}

fn resource(reader: &mut Reader<'_>, item: &Text) {
    let text = item.get(reader.source);
    if text == "*" {
        return;
    }
    if !text.starts_with("arn:") {
        reader.error(Code::InvalidResource, item.span, format!("`{text}` must be an ARN or `*`"));
        return;
    }
    if let Some(variable) = template::first_variable(text)
        && text.get(..variable).is_some_and(|before| colons(before) < 5)
        && reader.version == Version::V2012
    {
        let message = "a policy variable before the fifth colon of an ARN is plain text and matches nothing";
        reader.warn(Code::VariableInert, item.span, message);
    }
    let colons = colons(text);
    if colons < 5 && !text.contains(['*', '?']) {
        let message = format!("`{text}` has {} of an ARN's six parts and matches no resource", colons + 1);
        reader.warn(Code::OperandNeverMatches, item.span, message);
    }
    variables(reader, item, true);
}

fn colons(text: &str) -> usize {
    text.bytes().filter(|b| *b == b':').count()
}

/// Warns about `${…}` that is not what it seems.
fn variables(reader: &mut Reader<'_>, item: &Text, taken: bool) {
    let text = item.get(reader.source);
    if template::first_variable(text).is_none() {
        return;
    }
    if reader.version == Version::V2008 {
        let message = "`${…}` is plain text in a policy of version 2008-10-17 (also when `Version` is missing)";
        reader.warn(Code::VariableInert, item.span, message);
    } else if !taken {
        reader.warn(
            Code::VariableInert,
            item.span,
            "this operator takes no policy variables: `${…}` is plain text here",
        );
    } else if template::is_malformed(text) {
        reader.warn(Code::VariableMalformed, item.span, "this policy variable is not well formed and stays plain text");
    }
}

fn condition_key(reader: &mut Reader<'_>, condition: &Condition) {
    let key = condition.key.get(reader.source);
    let vendor = key.split_once(':').map(|(vendor, _)| vendor);
    if vendor.is_none_or(str::is_empty) || key.contains(['*', '$']) && vocabulary::family(key).is_none() {
        let message =
            format!("`{key}` is not a condition key; it starts with `aws:` or a service, as in `aws:SourceIp`");
        reader.error(Code::InvalidConditionKey, condition.key.span, message);
    }
}

/// Under one operator the strict reader has refused equal names already; these differ in case.
fn repeated_keys(reader: &mut Reader<'_>, conditions: &[Condition]) {
    // PERF: a statement has a handful of conditions; only long lists are worth a table.
    if conditions.len() <= 12 {
        for (at, condition) in conditions.iter().enumerate() {
            let key = condition.key.get(reader.source);
            let twin = |c: &&Condition| {
                let other = c.key.get(reader.source);
                c.operator == condition.operator && other.eq_ignore_ascii_case(key) && other != key
            };
            if conditions.iter().take(at).any(|c| twin(&c)) {
                warn_of_twin(reader, condition);
            }
        }
        return;
    }
    let mut first: HashMap<(Operator, String), &str> = HashMap::new();
    for condition in conditions {
        let key = condition.key.get(reader.source);
        match first.entry((condition.operator, key.to_ascii_lowercase())) {
            Entry::Vacant(free) => {
                free.insert(key);
            }
            Entry::Occupied(twin) if *twin.get() != key => warn_of_twin(reader, condition),
            Entry::Occupied(_) => {}
        }
    }
}

fn warn_of_twin(reader: &mut Reader<'_>, condition: &Condition) {
    let key = condition.key.get(reader.source);
    let message = format!("`{key}` stands twice under this operator, differing only in case: both must hold");
    reader.warn(Code::DuplicateConditionKey, condition.key.span, message);
}

fn operand(reader: &mut Reader<'_>, statement: &Statement, condition: &Condition, value: &Text) {
    let text = value.get(reader.source);
    let operator = condition.operator;
    variables(reader, value, operator.takes_variables());
    let wanted = match operator.family {
        Family::Number if values::Number::parse(text).is_none() => "a number",
        Family::Date if values::parse_instant(text).is_none() => "a date (ISO 8601 or epoch seconds)",
        Family::Bool | Family::Null if values::parse_bool(text).is_none() => "`true` or `false`",
        Family::Binary if values::parse_base64(text).is_none() => "base64",
        Family::Ip if values::parse_range(text).is_none() => "an IP address or CIDR range",
        Family::Arn if template::first_variable(text).is_none() && colons(text) < 5 => "an ARN of six parts",
        _ => return,
    };
    if operator.family == Family::Ip && reader.options.kind == PolicyKind::Bucket {
        reader.error(Code::InvalidIpOperand, value.span, format!("`{text}` is not {wanted}"));
        return;
    }
    let hole = if statement.effect == Effect::Deny { ": this Deny has a hole" } else { "" };
    let message = format!("`{text}` is not {wanted}: `{operator}` can never match it{hole}");
    reader.warn(Code::OperandNeverMatches, value.span, message);
}

/// S3 knows what its actions apply to, and holds a bucket policy to it.
fn bucket_statement(reader: &mut Reader<'_>, statement: &Statement) {
    let actions: Vec<(bool, Vec<ActionId>)> = statement
        .actions
        .items
        .iter()
        .map(|item| {
            let text = item.get(reader.source);
            let name = if text == "*" { "*" } else { text.split_once(':').map_or("", |(_, name)| name) };
            (name.contains(['*', '?']), vocabulary::actions_matching(vocabulary::Service::S3, name).collect())
        })
        .collect();
    let mut asked = Unsupported::new();
    for condition in &statement.conditions {
        bucket_condition(reader, statement, condition, &actions, &mut asked);
    }
    let Some(resources) = &statement.resources else {
        return;
    };
    let mut covered = 0;
    for item in &resources.items {
        covered |= bucket_resource(reader, item);
    }
    if resources.negated || statement.actions.negated {
        return;
    }
    for (item, (_, ids)) in statement.actions.items.iter().zip(&actions) {
        if !ids.is_empty()
            && covered != 0
            && !ids.iter().any(|id| id.resources() & covered != 0 || id.resources() & (BUCKET | OBJECT) == 0)
        {
            let what = if covered == OBJECT { "objects" } else { "the bucket" };
            let message = format!(
                "`{}` does not apply to {what}, and the statement's resources are nothing else",
                item.get(reader.source)
            );
            reader.error(Code::ActionResourceMismatch, item.span, message);
        }
    }
}

/// What a bucket policy's resource covers: bucket, objects, or both.
fn bucket_resource(reader: &mut Reader<'_>, item: &Text) -> u8 {
    let text = item.get(reader.source);
    let fixed = |(partition, _): &(&str, &str)| !partition.contains(['*', '?', ':', '$']);
    let path = text.strip_prefix("arn:").and_then(|t| t.split_once(":s3:::")).filter(fixed).map(|(_, path)| path);
    let Some(path) = path else {
        let message = format!("`{text}` is not a bucket or object: in a bucket policy it starts with `arn:aws:s3:::`");
        reader.error(Code::ForeignResource, item.span, message);
        return BUCKET | OBJECT;
    };
    if let Some(bucket) = reader.options.bucket {
        let rest = path.strip_prefix(bucket);
        if !rest.is_some_and(|r| r.is_empty() || r.starts_with(['/', '*', '?'])) {
            let message = format!("`{text}` does not lie in the bucket `{bucket}` that the policy is attached to");
            reader.error(Code::ForeignResource, item.span, message);
        }
    }
    match path.split_once('/') {
        Some(_) => OBJECT,
        None if path.contains(['*', '?']) => BUCKET | OBJECT,
        None => BUCKET,
    }
}

/// The first action of the statement that never carries each key, by key or family of keys.
type Unsupported = HashMap<String, Option<usize>>;

fn bucket_condition(
    reader: &mut Reader<'_>,
    statement: &Statement,
    condition: &Condition,
    actions: &[(bool, Vec<ActionId>)],
    asked: &mut Unsupported,
) {
    let key = condition.key.get(reader.source).to_ascii_lowercase();
    if !key.starts_with("s3:") {
        return;
    }
    if vocabulary::key_type(&key).is_none() {
        let message = format!("S3 has no condition key `{key}`");
        reader.error(Code::InvalidConditionKey, condition.key.span, message);
        return;
    }
    if statement.actions.negated {
        return;
    }
    // AWS: every named action must support the key; of a wildcard, some action it stands for.
    let family = vocabulary::family(&key).map_or(key.clone(), str::to_ascii_lowercase);
    let unsupported = *asked.entry(family).or_insert_with(|| {
        let supports = |(wild, ids): &(bool, Vec<ActionId>)| {
            let mut ids = ids.iter();
            if *wild { ids.any(|id| id.supports_key(&key)) } else { ids.all(|id| id.supports_key(&key)) }
        };
        actions.iter().position(|action| !action.1.is_empty() && !supports(action))
    });
    if let Some(item) = unsupported.and_then(|at| statement.actions.items.get(at)) {
        let message = format!("`{}` never carries the key `{key}`", item.get(reader.source));
        reader.error(Code::ConditionNotApplicable, condition.key.span, message);
    }
}
