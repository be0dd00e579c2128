//! Which of many patterns can match a value at all, by a literal that must stand somewhere in it.
//!
//! For patterns whose first wildcard stands early (`arn:aws:s3:::*-logs/tenant-17/*`) a prefix tells
//! nothing. One pass of an Aho–Corasick automaton over the value finds every literal that occurs.

use super::statement::CompiledPolicy;
use crate::words::wildcard::Token;
use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Input, MatchKind};
use std::collections::HashMap;

#[derive(Debug)]
pub(super) struct Needles {
    automaton: NFA,
    literals: Box<[Box<str>]>,
    lists: Box<[Box<[u32]>]>,
}

#[derive(Default)]
pub(super) struct NeedlesBuilder<'p> {
    patterns: Vec<(Vec<&'p str>, u32)>,
}

impl<'p> NeedlesBuilder<'p> {
    /// Takes a pattern that has a literal behind its first wildcard; false where it has none.
    pub(super) fn add(&mut self, policy: &'p CompiledPolicy, tokens: &[Token], id: u32) -> bool {
        let literals: Vec<&str> = tokens
            .iter()
            .skip(1)
            .filter_map(|token| match token {
                Token::Literal(span) => Some(policy.text(*span)),
                _ => None,
            })
            .collect();
        let usable = !literals.is_empty();
        if usable {
            self.patterns.push((literals, id));
        }
        usable
    }

    pub(super) fn build(self) -> Option<Needles> {
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for literal in self.patterns.iter().flat_map(|(literals, _)| literals) {
            *uses.entry(literal).or_default() += 1;
        }
        // The rarest literal tells most, among equals the longest.
        let mut lists: HashMap<&str, Vec<u32>> = HashMap::new();
        for (literals, id) in &self.patterns {
            let rarest = literals.iter().min_by_key(|l| (uses.get(**l).copied().unwrap_or(0), usize::MAX - l.len()));
            if let Some(literal) = rarest {
                lists.entry(literal).or_default().push(*id);
            }
        }
        if lists.is_empty() {
            return None;
        }
        let (literals, lists): (Vec<&str>, Vec<Vec<u32>>) = lists.into_iter().unzip();
        // One kind for every size, so that the cost of a search does not change with the number of patterns.
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .build(&literals)
            .expect("literals of one policy stay far below the automaton's limit of 2^31 states");
        let literals = literals.into_iter().map(Box::from).collect();
        let lists = lists
            .into_iter()
            .map(|mut ids| {
                ids.sort_unstable();
                ids.dedup();
                ids.into_boxed_slice()
            })
            .collect();
        Some(Needles { automaton, literals, lists })
    }
}

impl Needles {
    /// Calls `visit` with the list of every literal that occurs in the value.
    pub(super) fn visit(&self, value: &str, mut visit: impl FnMut(&[u32])) {
        for found in self.automaton.try_find_overlapping_iter(Input::new(value)).into_iter().flatten() {
            let number = found.pattern().as_usize();
            // A literal that occurs often is visited once, at its first place.
            if let (Some(list), Some(literal)) = (self.lists.get(number), self.literals.get(number))
                && value.find(&**literal) == Some(found.start())
            {
                visit(list);
            }
        }
    }
}
