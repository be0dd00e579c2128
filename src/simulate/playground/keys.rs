//! The context keys that a question's policies read, for a form that asks for them.

use super::answer::{KeyKind, KeyRead, KeyReader, KeysRead, VERSION};
use super::prepare::{Loaded, load_known};
use super::question::Question;
use crate::compiled::condition::{Condition, OperandValue};
use crate::policy::operators::{Family, Operator};
use crate::simulate::attributes;
use crate::words::vocabulary::{KeyType, key_facts};
use std::collections::BTreeMap;

/// Beyond this many one types the value.
const MAX_SUGGESTIONS: usize = 20;

/// The context keys that the policies of a question read. Policies that are refused or off read none, and the request
/// may be incomplete: the form is filled from this.
#[must_use]
pub fn keys_read(question: &Question) -> KeysRead {
    let mut keys: BTreeMap<String, KeyRead> = BTreeMap::new();
    for loaded in load_known(question) {
        let policy = &loaded.compiled;
        for statement in policy.statements() {
            for condition in policy.conditions(statement.conditions) {
                let key = entry(&mut keys, policy.text(condition.key.name), condition.operator.family);
                read_by(key, &loaded, Some(condition.operator));
                suggest(key, &loaded, condition);
            }
        }
        for name in policy.variables_read() {
            read_by(entry(&mut keys, name, Family::Text), &loaded, None);
        }
    }
    let mut keys: Vec<KeyRead> = keys.into_values().collect();
    keys.iter_mut().for_each(|key| key.suggestions.truncate(MAX_SUGGESTIONS));
    KeysRead { version: VERSION, keys }
}

fn entry<'k>(keys: &'k mut BTreeMap<String, KeyRead>, name: &str, family: Family) -> &'k mut KeyRead {
    let facts = key_facts(name);
    let by_operator = kind_of(family);
    let key = keys.entry(name.to_ascii_lowercase()).or_insert_with(|| KeyRead {
        key: facts.id.map_or(name, |id| id.name()).to_owned(),
        kind: facts.kind.map_or(KeyKind::String, kind),
        multivalued: facts.multivalued,
        derived: attributes::is_derived(name),
        readers: Vec::new(),
        suggestions: Vec::new(),
    });
    // Of a key that the catalogue does not know, its operators tell.
    if let (None, KeyKind::String, Some(kind)) = (facts.kind, key.kind, by_operator) {
        key.kind = kind;
    }
    key
}

fn kind(kind: KeyType) -> KeyKind {
    match kind {
        KeyType::Text => KeyKind::String,
        KeyType::Number => KeyKind::Number,
        KeyType::Date => KeyKind::Date,
        KeyType::Bool => KeyKind::Boolean,
        KeyType::Ip => KeyKind::Ip,
        KeyType::Arn => KeyKind::Arn,
    }
}

fn kind_of(family: Family) -> Option<KeyKind> {
    Some(match family {
        Family::Number => KeyKind::Number,
        Family::Date => KeyKind::Date,
        Family::Bool => KeyKind::Boolean,
        Family::Binary => KeyKind::Binary,
        Family::Ip => KeyKind::Ip,
        Family::Arn => KeyKind::Arn,
        Family::Text | Family::TextIgnoreCase | Family::Like | Family::Null => return None,
    })
}

fn read_by(key: &mut KeyRead, loaded: &Loaded, operator: Option<Operator>) {
    let reader = KeyReader {
        policy: loaded.place,
        name: loaded.compiled.name().to_owned(),
        operator: operator.map(|o| o.to_string()),
    };
    if !key.readers.contains(&reader) {
        key.readers.push(reader);
    }
}

/// Values that the condition compares the key with; of a range its first host, of a pattern an example.
fn suggest(key: &mut KeyRead, loaded: &Loaded, condition: &Condition) {
    let policy = &loaded.compiled;
    let mut add = |value: String| {
        if key.suggestions.len() < MAX_SUGGESTIONS && !value.is_empty() && !key.suggestions.contains(&value) {
            key.suggestions.push(value);
        }
    };
    for operand in policy.operands(condition.operands) {
        let text = policy.text(operand.text);
        match operand.value {
            // `Null` asks whether the key is there, not what it is.
            _ if condition.operator.family == Family::Null => {}
            OperandValue::Range(range) => add(range.first_host().to_string()),
            OperandValue::Pattern(_) if text.contains("${") => {}
            OperandValue::Pattern(_) => add(text.replace('*', "").replace('?', "x")),
            OperandValue::Bool(_) => ["true", "false"].into_iter().for_each(|v| add(v.to_owned())),
            OperandValue::Number(_) | OperandValue::Instant(_) | OperandValue::Binary => add(text.to_owned()),
            OperandValue::Never => {}
        }
    }
}
