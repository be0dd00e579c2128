//! The facts of a request that conditions and variables read.
//!
//! Absent, empty and false are three different things: an absent key has no entry, an empty one has an
//! entry without values.

use crate::compiled::pattern::KeyRef;
use crate::words::ids::hash_lower;
use crate::words::moment;
use crate::words::values::{self, Instant, Number};
use crate::words::vocabulary::{self, KeyFacts, KeyId, KeyType};
use std::borrow::Cow;
use std::net::IpAddr;

/// One value of a key: its text, and what the text means where that is known beforehand.
#[derive(Clone, Debug)]
pub struct ContextValue<'a> {
    text: Cow<'a, str>,
    typed: Typed,
}

#[derive(Clone, Copy, Debug)]
enum Typed {
    Text,
    Number(i64),
    Instant(Instant),
    Bool(bool),
    Ip(IpAddr),
}

impl<'a> ContextValue<'a> {
    /// A text; operators of other types read it when they need it.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), typed: Typed::Text }
    }

    /// A text of a key with a known type: read once, here.
    pub fn typed(text: impl Into<Cow<'a, str>>, kind: Option<KeyType>) -> Self {
        let text = text.into();
        let typed = match kind {
            Some(KeyType::Number) => Number::parse(&text).and_then(|n| n.small()).map(Typed::Number),
            Some(KeyType::Date) => values::parse_instant(&text).map(Typed::Instant),
            Some(KeyType::Bool) => values::parse_bool(&text).map(Typed::Bool),
            Some(KeyType::Ip) => text.parse().ok().map(Typed::Ip),
            Some(KeyType::Text | KeyType::Arn) | None => None,
        };
        Self { text, typed: typed.unwrap_or(Typed::Text) }
    }

    /// A boolean.
    #[must_use]
    pub fn bool(value: bool) -> Self {
        Self { text: Cow::Borrowed(if value { "true" } else { "false" }), typed: Typed::Bool(value) }
    }

    /// A whole number.
    #[must_use]
    pub fn number(value: i64) -> Self {
        Self { text: Cow::Owned(value.to_string()), typed: Typed::Number(value) }
    }

    /// An address.
    #[must_use]
    pub fn ip(address: IpAddr) -> Self {
        Self { text: Cow::Owned(address.to_string()), typed: Typed::Ip(address) }
    }

    /// An instant in seconds since 1970, spelled in ISO 8601.
    #[must_use]
    pub fn instant(seconds: i64) -> Self {
        let text = moment::extended(seconds).unwrap_or_else(|| seconds.to_string());
        Self { text: Cow::Owned(text), typed: Typed::Instant(Instant::from_epoch(seconds)) }
    }

    /// The text, as string operators and variables see it.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[inline]
    pub(super) fn as_ip(&self) -> Option<IpAddr> {
        match self.typed {
            Typed::Ip(address) => Some(address),
            _ => self.text.parse().ok(),
        }
    }

    #[inline]
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self.typed {
            Typed::Bool(value) => Some(value),
            _ => values::parse_bool(&self.text),
        }
    }

    #[inline]
    pub(super) fn as_instant(&self) -> Option<Instant> {
        match self.typed {
            Typed::Instant(at) => Some(at),
            _ => values::parse_instant(&self.text),
        }
    }

    #[inline]
    pub(super) fn small_number(&self) -> Option<i64> {
        match self.typed {
            Typed::Number(value) => Some(value),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
enum Values<'a> {
    One([ContextValue<'a>; 1]),
    Many(Vec<ContextValue<'a>>),
}

/// One key with its values.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    name: Cow<'a, str>,
    hash: u64,
    multivalued: bool,
    values: Values<'a>,
}

impl<'a> Entry<'a> {
    /// The key's name as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its values; an empty slice for a key that is present without any.
    #[inline]
    #[must_use]
    pub fn values(&self) -> &[ContextValue<'a>] {
        match &self.values {
            Values::One(one) => one,
            Values::Many(many) => many,
        }
    }

    /// Whether a condition on it needs a set operator.
    #[inline]
    #[must_use]
    pub fn is_multivalued(&self) -> bool {
        self.multivalued
    }
}

const NO_ENTRY: u8 = u8::MAX;
/// Room for the keys of most requests, so that their list grows once.
const USUAL_KEYS: usize = 20;

/// The context of a request. Setting a key again replaces its values.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    slots: [u8; KeyId::COUNT],
    known: Vec<Entry<'a>>,
    others: Vec<Entry<'a>>,
    /// A well-known key was removed, and its entry may still be there.
    leftovers: bool,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Self { slots: [NO_ENTRY; KeyId::COUNT], known: Vec::new(), others: Vec::new(), leftovers: false }
    }
}

impl<'a> Context<'a> {
    /// A context without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key to one value. The name compares without case; the value is typed by the catalogue.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> &mut Self {
        let name = name.into();
        let facts = vocabulary::key_facts(&name);
        let value = ContextValue::typed(value, facts.kind);
        self.put(name, facts, Values::One([value]), false)
    }

    /// As [`Self::set`], where the key is not there yet.
    pub fn set_if_absent(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) -> &mut Self {
        let facts = vocabulary::key_facts(name);
        let there = match facts.id {
            Some(id) => self.known_entry(id),
            None => self.other_entry(hash_lower(name), name),
        };
        if there.is_some() {
            return self;
        }
        let value = ContextValue::typed(value, facts.kind);
        self.put(Cow::Borrowed(name), facts, Values::One([value]), false)
    }

    /// Sets a key to any number of values; with none the key is present and empty.
    pub fn set_many<V: Into<Cow<'a, str>>>(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        let name = name.into();
        let facts = vocabulary::key_facts(&name);
        let values: Vec<_> = values.into_iter().map(|v| ContextValue::typed(v, facts.kind)).collect();
        let many = values.len() > 1;
        self.put(name, facts, Values::Many(values), many)
    }

    /// Sets a key to a value that is typed already.
    pub fn set_value(&mut self, name: impl Into<Cow<'a, str>>, value: ContextValue<'a>) -> &mut Self {
        let name = name.into();
        let facts = vocabulary::key_facts(&name);
        self.put(name, facts, Values::One([value]), false)
    }

    fn put(&mut self, name: Cow<'a, str>, facts: KeyFacts, values: Values<'a>, many: bool) -> &mut Self {
        let multivalued = many || facts.multivalued;
        let known = facts.id;
        // Well-known keys are found by their number.
        let hash = if known.is_some() { 0 } else { hash_lower(&name) };
        let entry = Entry { name, hash, multivalued, values };
        if let Some(id) = known {
            let slot = self.slots.get(id.index()).copied().unwrap_or(NO_ENTRY);
            if let Some(old) = self.known.get_mut(usize::from(slot)) {
                *old = entry;
            } else {
                // A removed key left its entry behind: it is taken up again, so that there is one for each key.
                let known = &self.known;
                let left = self.leftovers.then(|| known.iter().position(|e| e.is(hash, &entry.name))).flatten();
                let at = left.unwrap_or(known.len());
                if known.capacity() == 0 {
                    self.known.reserve(USUAL_KEYS);
                }
                if let (Ok(number), Some(slot)) = (u8::try_from(at), self.slots.get_mut(id.index())) {
                    *slot = number;
                    match self.known.get_mut(at) {
                        Some(old) => *old = entry,
                        None => self.known.push(entry),
                    }
                }
            }
        } else if let Some(old) = self.others.iter_mut().find(|e| e.is(hash, &entry.name)) {
            *old = entry;
        } else {
            self.others.push(entry);
        }
        self
    }

    /// Removes a key.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        if let Some(id) = vocabulary::known_key(name) {
            if let Some(slot) = self.slots.get_mut(id.index()) {
                // The entry stays where it is, so that the other slots stay right.
                *slot = NO_ENTRY;
                self.leftovers = true;
            }
        } else {
            let hash = hash_lower(name);
            self.others.retain(|e| !e.is(hash, name));
        }
        self
    }

    /// The entry of a key.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Entry<'a>> {
        match vocabulary::known_key(name) {
            Some(id) => self.known_entry(id),
            None => self.other_entry(hash_lower(name), name),
        }
    }

    /// The only value of a key.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)?.values() {
            [one] => Some(one.as_str()),
            _ => None,
        }
    }

    #[inline]
    fn known_entry(&self, id: KeyId) -> Option<&Entry<'a>> {
        let slot = *self.slots.get(id.index())?;
        self.known.get(usize::from(slot))
    }

    fn other_entry(&self, hash: u64, name: &str) -> Option<&Entry<'a>> {
        self.others.iter().find(|e| e.is(hash, name))
    }

    /// The entry of a compiled key, whose name stands in `arena`.
    #[inline]
    pub(super) fn lookup(&self, key: &KeyRef, arena: &str) -> Option<&Entry<'a>> {
        match key.known {
            Some(id) => self.known_entry(id),
            None => self.other_entry(key.hash, key.name.of(arena)),
        }
    }

    /// Every entry.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<'a>> {
        let live = self.slots.iter().filter_map(|slot| self.known.get(usize::from(*slot)));
        live.chain(&self.others)
    }

    /// `aws:SourceIp`.
    pub fn source_ip(&mut self, address: IpAddr) -> &mut Self {
        self.set_value("aws:SourceIp", ContextValue::ip(address))
    }

    /// `aws:SecureTransport`.
    pub fn secure_transport(&mut self, tls: bool) -> &mut Self {
        self.set_value("aws:SecureTransport", ContextValue::bool(tls))
    }

    /// `aws:CurrentTime` and `aws:EpochTime`, from seconds since 1970.
    pub fn current_time(&mut self, seconds: i64) -> &mut Self {
        self.set_value("aws:CurrentTime", ContextValue::instant(seconds));
        let epoch =
            ContextValue { text: Cow::Owned(seconds.to_string()), typed: Typed::Instant(Instant::from_epoch(seconds)) };
        self.set_value("aws:EpochTime", epoch)
    }

    /// `aws:TokenIssueTime`, from seconds since 1970.
    pub fn token_issue_time(&mut self, seconds: i64) -> &mut Self {
        self.set_value("aws:TokenIssueTime", ContextValue::instant(seconds))
    }

    /// `aws:MultiFactorAuthPresent`, and the age in seconds where MFA was used.
    pub fn mfa(&mut self, present: bool, age_seconds: Option<i64>) -> &mut Self {
        if let Some(age) = age_seconds {
            self.set_value("aws:MultiFactorAuthAge", ContextValue::number(age));
        }
        self.set_value("aws:MultiFactorAuthPresent", ContextValue::bool(present))
    }

    /// `aws:username`.
    pub fn username(&mut self, name: impl Into<Cow<'a, str>>) -> &mut Self {
        self.set_value("aws:username", ContextValue::text(name))
    }

    /// `aws:userid`.
    pub fn userid(&mut self, id: impl Into<Cow<'a, str>>) -> &mut Self {
        self.set_value("aws:userid", ContextValue::text(id))
    }

    /// `aws:PrincipalArn`.
    pub fn principal_arn(&mut self, arn: impl Into<Cow<'a, str>>) -> &mut Self {
        self.set_value("aws:PrincipalArn", ContextValue::text(arn))
    }

    /// `aws:SourceVpce`.
    pub fn source_vpce(&mut self, id: impl Into<Cow<'a, str>>) -> &mut Self {
        self.set_value("aws:SourceVpce", ContextValue::text(id))
    }

    /// `aws:SourceArn`.
    pub fn source_arn(&mut self, arn: impl Into<Cow<'a, str>>) -> &mut Self {
        self.set_value("aws:SourceArn", ContextValue::text(arn))
    }

    /// `s3:prefix`.
    pub fn prefix(&mut self, prefix: impl Into<Cow<'a, str>>) -> &mut Self {
        self.set_value("s3:prefix", ContextValue::text(prefix))
    }

    /// `s3:ExistingObjectTag/key`.
    pub fn existing_object_tag(&mut self, key: &str, value: impl Into<Cow<'a, str>>) -> &mut Self {
        self.set(format!("s3:ExistingObjectTag/{key}"), value)
    }
}

impl Entry<'_> {
    fn is(&self, hash: u64, name: &str) -> bool {
        self.hash == hash && self.name.eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_setting_replaces() {
        let mut context = Context::new();
        context.set("AWS:sourceip", "10.0.0.1").set("aws:PrincipalTag/Dept", "a").set("aws:principaltag/dept", "b");
        assert_eq!(context.text("aws:SourceIp"), Some("10.0.0.1"));
        assert_eq!(context.text("aws:PrincipalTag/dept"), Some("b"));
        assert_eq!(context.entries().count(), 2);
        context.remove("aws:SourceIP").remove("aws:PrincipalTag/DEPT");
        assert_eq!(context.entries().count(), 0);
        for round in 0..1000 {
            context
                .set("aws:SourceIp", "10.0.0.2")
                .remove("aws:SourceIp")
                .set("aws:SourceIp", format!("10.0.0.{}", round % 9));
        }
        assert_eq!(context.text("aws:SourceIp"), Some("10.0.0.0"));
    }

    #[test]
    fn absent_and_empty_differ() {
        let mut context = Context::new();
        context.set_many("aws:TagKeys", Vec::<&str>::new());
        assert!(context.get("aws:TagKeys").is_some_and(|e| e.values().is_empty() && e.is_multivalued()));
        assert!(context.get("aws:CalledVia").is_none());
        context.set_many("x:y", ["a", "b"]);
        assert!(context.get("x:y").is_some_and(Entry::is_multivalued));
        assert_eq!(context.text("x:y"), None);
    }
}
