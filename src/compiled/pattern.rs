//! Compiled patterns, variables and condition keys.

use crate::words::ids::hash_lower;
use crate::words::problem::Span;
use crate::words::vocabulary::{self, KeyId};

/// A run of items in one of a policy's pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Number of the first item.
    pub start: u32,
    /// How many.
    pub len: u32,
}

impl Run {
    /// The items.
    #[inline]
    #[must_use]
    pub fn of<T>(self, pool: &[T]) -> &[T] {
        pool.get(self.start as usize..(self.start + self.len) as usize).unwrap_or_default()
    }
}

/// The cheapest way to match a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// `*`.
    Any,
    /// No wildcard: the text at this place of the arena.
    Exact(Span),
    /// A literal and a last `*`.
    Prefix(Span),
    /// Everything else: tokens, and whether a variable is among them.
    Glob {
        /// Its tokens.
        tokens: Run,
        /// Whether it must be expanded for every request.
        variables: bool,
    },
    /// An operand that can never match.
    Never,
}

/// A pattern and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The whole text, in the arena.
    pub text: Span,
    /// Its place in the source.
    pub span: Span,
    /// How to match it.
    pub matcher: Matcher,
}

/// A condition key as a policy names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// Its name as written, in the arena.
    pub name: Span,
    /// Its number where it is well known.
    pub known: Option<KeyId>,
    /// The hash of its lower-case name otherwise.
    pub hash: u64,
    /// It can have several values.
    pub multivalued: bool,
}

impl KeyRef {
    /// The key of that name, standing at `name` in the arena.
    #[must_use]
    pub fn new(text: &str, name: Span) -> Self {
        let facts = vocabulary::key_facts(text);
        Self {
            name,
            known: facts.id,
            hash: if facts.id.is_some() { 0 } else { hash_lower(text) },
            multivalued: facts.multivalued,
        }
    }
}

/// `${key, 'default'}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The key whose value is substituted.
    pub key: KeyRef,
    /// The text where the key is absent.
    pub default: Option<Span>,
}
