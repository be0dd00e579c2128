//! Condition keys: numbers for the well-known ones, types for all.

use super::known_keys::{FAMILIES, KNOWN};
use crate::words::ids::hash_lower;

/// The type of a key's values, from the service authorization reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// Text.
    Text,
    /// An integer or decimal.
    Number,
    /// An instant.
    Date,
    /// `true` or `false`.
    Bool,
    /// An address or a range.
    Ip,
    /// An ARN.
    Arn,
}

pub(super) struct KeyRow {
    pub name: &'static str,
    pub kind: KeyType,
    pub multivalued: bool,
}

/// A well-known key with a fixed name: an index into the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u8);

impl KeyId {
    /// How many keys are numbered.
    pub const COUNT: usize = KNOWN.len();

    /// Its number.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The name as AWS spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        KNOWN.get(self.index()).map_or("", |row| row.name)
    }
}

/// The well-known key of that name, in any case.
#[must_use]
pub fn known_key(name: &str) -> Option<KeyId> {
    #[expect(clippy::cast_possible_truncation, reason = "only the low bits choose the slot")]
    let mut slot = hash_lower(name) as usize % SLOTS;
    loop {
        let entry = *TABLE.get(slot)?;
        if entry == EMPTY {
            return None;
        }
        if KNOWN.get(usize::from(entry)).is_some_and(|row| row.name.eq_ignore_ascii_case(name)) {
            return Some(KeyId(entry));
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// Everything the catalogue knows of a key, with one look-up.
#[derive(Clone, Copy, Debug)]
pub struct KeyFacts {
    /// Its number, where it is well known.
    pub id: Option<KeyId>,
    /// Its type, where it is known.
    pub kind: Option<KeyType>,
    /// Whether it can have several values.
    pub multivalued: bool,
}

/// The facts of the key of that name, in any case.
#[must_use]
pub fn key_facts(name: &str) -> KeyFacts {
    if let Some(id) = known_key(name) {
        let row = KNOWN.get(id.index());
        return KeyFacts { id: Some(id), kind: row.map(|r| r.kind), multivalued: row.is_some_and(|r| r.multivalued) };
    }
    let family = FAMILIES.iter().find(|f| starts_with_fold(name, f.name));
    let federated = starts_with_fold(name, "saml:edupersonaffiliation") || ends_with_fold(name, ":amr");
    // Federation keys are not in the catalogue: `saml:…` lists and Cognito's `amr` (IAM User Guide).
    KeyFacts { id: None, kind: family.map(|f| f.kind), multivalued: family.map_or(federated, |f| f.multivalued) }
}

/// The type of a key, where it is known.
#[must_use]
pub fn key_type(name: &str) -> Option<KeyType> {
    key_facts(name).kind
}

/// The family a key belongs to, such as `aws:PrincipalTag/`.
#[must_use]
pub fn family(name: &str) -> Option<&'static str> {
    FAMILIES.iter().map(|f| f.name).find(|f| starts_with_fold(name, f))
}

/// Whether the key can have several values; conditions on it need a set operator.
#[must_use]
pub fn is_multivalued(name: &str) -> bool {
    key_facts(name).multivalued
}

fn starts_with_fold(text: &str, start: &str) -> bool {
    text.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

fn ends_with_fold(text: &str, end: &str) -> bool {
    let from = text.len().saturating_sub(end.len());
    text.as_bytes().get(from..).is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
}

const SLOTS: usize = 1024;
const EMPTY: u8 = u8::MAX;
const _: () = assert!(KNOWN.len() < EMPTY as usize, "key numbers fit a byte");

static TABLE: [u8; SLOTS] = build_table();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, which would refuse"
)]
const fn build_table() -> [u8; SLOTS] {
    let mut table = [EMPTY; SLOTS];
    let mut i = 0;
    while i < KNOWN.len() {
        let bytes = KNOWN[i].name.as_bytes();
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at].to_ascii_lowercase() as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        let mut slot = hash as usize % SLOTS;
        while table[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = i as u8;
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_its_name() {
        for row in &KNOWN {
            assert_eq!(known_key(&row.name.to_uppercase()).map(KeyId::name), Some(row.name));
        }
        assert_eq!(known_key("aws:PrincipalTag/team"), None);
    }

    #[test]
    fn types_and_sets() {
        assert_eq!(key_type("AWS:sourceip"), Some(KeyType::Ip));
        assert_eq!(key_type("aws:principaltag/Team"), Some(KeyType::Text));
        assert_eq!(key_type("example:unknown"), None);
        assert!(is_multivalued("aws:TagKeys") && is_multivalued("s3:RequestObjectTagKeys"));
        assert!(is_multivalued("cognito-identity.amazonaws.com:amr"));
        assert!(!is_multivalued("aws:SourceIp") && !is_multivalued("x"));
    }
}
