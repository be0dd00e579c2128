//! The index over the statements of one effect: principal, then resource, then action.
//!
//! It only narrows the search: every candidate is still evaluated in full, so an index can cost time
//! but not change an answer. `explain` looks at every statement without it, and tests compare the two.

use super::needles::{Needles, NeedlesBuilder};
use super::pattern::Matcher;
use super::prefixes::{Prefixes, PrefixesBuilder};
use super::principal::Principals;
use super::statement::{CompiledPolicy, Statement};
use crate::words::ids::Prehashed;
use crate::words::problem::Span;
use crate::words::vocabulary::ActionId;
use crate::words::wildcard::Token;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// Up to this many candidates are scanned; beyond, they are indexed. A scan of 32 takes about as long as the
/// look-ups (the benchmark's W3), and small policies compile without building an index.
const SCAN: usize = 32;

/// Up to this many statements that list specific principals are looked at one by one; beyond, under their names.
const NAMED: usize = 4;

/// Numbers of statements, ascending.
type List = Box<[u32]>;

/// A statement and its number, while an index is built.
#[derive(Clone, Copy)]
pub(super) struct Entry<'p> {
    pub id: u32,
    pub statement: &'p Statement,
}

/// A statement and the tokens of the pattern it stands under, where they are more than a literal.
type Candidate<'p> = (Entry<'p>, Option<&'p [Token]>);

/// What a request is looked up by.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'r> {
    /// `name_hash` of every name the requester can be listed under.
    pub names: &'r [u64],
    /// The resource's ARN.
    pub resource: &'r str,
    /// The action, where it is known.
    pub action: Option<ActionId>,
}

/// The index over the statements of one effect.
#[derive(Debug, Default)]
pub struct Index {
    /// Statements that list specific principals only, under each of them.
    by_name: HashMap<u64, Node, BuildHasherDefault<Prehashed>>,
    /// All others.
    others: Node,
}

#[derive(Debug)]
enum Node {
    Scan(List),
    Resources(Box<ResourceIndex>),
}

impl Default for Node {
    fn default() -> Self {
        Self::Scan(List::default())
    }
}

#[derive(Debug)]
struct ResourceIndex {
    prefixes: Prefixes,
    needles: Option<Needles>,
    rest: Rest,
}

/// Statements whose resources say little: `*`, `NotResource`, none.
#[derive(Debug)]
enum Rest {
    Scan(List),
    Actions {
        /// Statements that name a few known actions, under each of them.
        named: HashMap<u16, List>,
        /// Statements by action class.
        classes: Vec<(u32, List)>,
    },
}

impl Index {
    pub(super) fn build(policy: &CompiledPolicy, entries: Vec<Entry<'_>>) -> Self {
        let mut named: HashMap<u64, Vec<Entry<'_>>> = HashMap::new();
        let mut others = Vec::new();
        let lists = |e: &&Entry<'_>| matches!(e.statement.principals, Principals::Listed { everyone: false, .. });
        if entries.iter().filter(lists).count() <= NAMED {
            others = entries;
        } else {
            for entry in entries {
                match entry.statement.principals {
                    Principals::Listed { everyone: false, names } => {
                        for name in policy.names(names) {
                            let list = named.entry(name.hash).or_default();
                            if list.last().is_none_or(|last| last.id != entry.id) {
                                list.push(entry);
                            }
                        }
                    }
                    _ => others.push(entry),
                }
            }
        }
        Self {
            by_name: named.into_iter().map(|(hash, list)| (hash, Node::build(policy, &list))).collect(),
            others: Node::build(policy, &others),
        }
    }

    /// All statements of the effect, where they are few enough to be looked at one by one.
    #[inline]
    #[must_use]
    pub fn scan(&self) -> Option<&[u32]> {
        match &self.others {
            Node::Scan(list) if self.by_name.is_empty() => Some(list),
            _ => None,
        }
    }

    /// Calls `visit` with every list of candidates; lists ascend and may overlap.
    pub fn visit(&self, policy: &CompiledPolicy, probe: &Probe<'_>, visit: &mut dyn FnMut(&[u32])) {
        for name in probe.names {
            if let Some(node) = self.by_name.get(name) {
                node.visit(policy, probe, visit);
            }
        }
        self.others.visit(policy, probe, visit);
    }
}

fn ids(entries: &[Entry<'_>]) -> List {
    entries.iter().map(|e| e.id).collect()
}

impl Node {
    fn build(policy: &CompiledPolicy, entries: &[Entry<'_>]) -> Self {
        if entries.len() <= SCAN {
            return Self::Scan(ids(entries));
        }
        let mut by_prefix: HashMap<&str, Vec<Candidate<'_>>> = HashMap::new();
        let mut rest: Vec<Entry<'_>> = Vec::new();
        for entry in entries {
            let Some(resources) = entry.statement.resources.filter(|r| !r.negated) else {
                rest.push(*entry);
                continue;
            };
            for pattern in policy.patterns(resources.patterns) {
                let (prefix, tokens) = match pattern.matcher {
                    Matcher::Any => (Span::default(), None),
                    Matcher::Exact(text) | Matcher::Prefix(text) => (text, None),
                    Matcher::Glob { tokens, .. } => {
                        let tokens = policy.tokens(tokens);
                        (leading_literal(tokens), Some(tokens))
                    }
                    Matcher::Never => continue,
                };
                by_prefix.entry(policy.text(prefix)).or_default().push((*entry, tokens));
            }
        }
        let mut prefixes = PrefixesBuilder::default();
        let mut needles = NeedlesBuilder::default();
        for (prefix, list) in by_prefix {
            if list.len() <= SCAN / 4 {
                prefixes.add(prefix, list.iter().map(|(e, _)| e.id));
                continue;
            }
            // A prefix that many share tells little: look for a text that stands later in the pattern.
            for (entry, tokens) in list {
                if tokens.is_none_or(|tokens| !needles.add(policy, tokens, entry.id)) {
                    if prefix.is_empty() {
                        rest.push(entry);
                    } else {
                        prefixes.add(prefix, [entry.id]);
                    }
                }
            }
        }
        rest.sort_by_key(|e| e.id);
        rest.dedup_by_key(|e| e.id);
        let index =
            ResourceIndex { prefixes: prefixes.build(), needles: needles.build(), rest: Rest::build(policy, &rest) };
        Self::Resources(Box::new(index))
    }

    fn visit(&self, policy: &CompiledPolicy, probe: &Probe<'_>, visit: &mut dyn FnMut(&[u32])) {
        match self {
            Self::Scan(list) => visit(list),
            Self::Resources(index) => index.visit(policy, probe, visit),
        }
    }
}

impl ResourceIndex {
    fn visit(&self, policy: &CompiledPolicy, probe: &Probe<'_>, visit: &mut dyn FnMut(&[u32])) {
        self.prefixes.visit(probe.resource, &mut *visit);
        if let Some(needles) = &self.needles {
            needles.visit(probe.resource, &mut *visit);
        }
        match &self.rest {
            Rest::Scan(list) => visit(list),
            Rest::Actions { named, classes } => {
                let number = probe.action.and_then(|id| u16::try_from(id.index()).ok());
                if let Some(list) = number.and_then(|n| named.get(&n)) {
                    visit(list);
                }
                for (class, list) in classes {
                    if probe.action.is_none_or(|id| policy.class(*class).has(id)) {
                        visit(list);
                    }
                }
            }
        }
    }
}

impl Rest {
    fn build(policy: &CompiledPolicy, entries: &[Entry<'_>]) -> Self {
        /// Statements that mean more actions than this stand under their class only.
        const FEW: u32 = 8;
        if entries.len() <= SCAN {
            return Self::Scan(ids(entries));
        }
        let mut named: HashMap<u16, Vec<u32>> = HashMap::new();
        let mut classes: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in entries {
            let class = policy.class(entry.statement.class);
            let known: u32 = class.known.iter().map(|word| word.count_ones()).sum();
            let all_known = !class.negated && policy.patterns(class.patterns).len() <= known as usize;
            if all_known && known <= FEW {
                for number in
                    (0..u16::try_from(ActionId::COUNT).unwrap_or(u16::MAX)).filter(|n| has_bit(&class.known, *n))
                {
                    named.entry(number).or_default().push(entry.id);
                }
            }
            if !all_known || known > FEW || class_has_unknown(policy, class.patterns) {
                classes.entry(entry.statement.class).or_default().push(entry.id);
            }
        }
        Self::Actions {
            named: named.into_iter().map(|(n, list)| (n, list.into())).collect(),
            classes: classes.into_iter().map(|(n, list)| (n, list.into())).collect(),
        }
    }
}

fn has_bit(words: &[u64], number: u16) -> bool {
    words.get(usize::from(number) / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
}

/// Whether some pattern could mean an action that is not in the catalogue.
fn class_has_unknown(policy: &CompiledPolicy, patterns: super::pattern::Run) -> bool {
    policy.patterns(patterns).iter().any(|p| ActionId::lookup(policy.text(p.text)).is_none())
}

/// The literal a pattern starts with.
fn leading_literal(tokens: &[Token]) -> Span {
    match tokens.first() {
        Some(Token::Literal(span)) => *span,
        _ => Span::default(),
    }
}
