//! Which of many literal prefixes a value starts with.
//!
//! The prefixes stand sorted; every prefix knows the longest other one that it starts with. The last
//! prefix not greater than the value is found by binary search, and every prefix of the value is that
//! one or among its ancestors: whatever sorts between a prefix and an extension of it extends it too.

use std::collections::BTreeMap;

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Prefix {
    /// The eight bytes behind what all prefixes share, big-endian: most comparisons end here.
    key: u64,
    text: Box<str>,
    parent: u32,
    list: Box<[u32]>,
}

/// Sorted prefixes with the statements under each.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    shared: usize,
    sorted: Box<[Prefix]>,
}

#[derive(Default)]
pub(super) struct PrefixesBuilder<'t> {
    lists: BTreeMap<&'t str, Vec<u32>>,
}

impl<'t> PrefixesBuilder<'t> {
    pub(super) fn add(&mut self, prefix: &'t str, ids: impl IntoIterator<Item = u32>) {
        self.lists.entry(prefix).or_default().extend(ids);
    }

    pub(super) fn build(self) -> Prefixes {
        let first = self.lists.keys().next().copied().unwrap_or_default();
        let last = self.lists.keys().next_back().copied().unwrap_or_default();
        let shared = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
        let mut sorted: Vec<Prefix> = Vec::with_capacity(self.lists.len());
        let mut open: Vec<u32> = Vec::new();
        for (text, mut ids) in self.lists {
            ids.sort_unstable();
            ids.dedup();
            let starts = |n: &u32| sorted.get(*n as usize).is_some_and(|p: &Prefix| text.starts_with(&*p.text));
            while open.last().is_some_and(|n| !starts(n)) {
                open.pop();
            }
            let parent = open.last().copied().unwrap_or(NONE);
            open.push(u32::try_from(sorted.len()).unwrap_or(NONE));
            sorted.push(Prefix { key: key(text.as_bytes(), shared), text: text.into(), parent, list: ids.into() });
        }
        Prefixes { shared, sorted: sorted.into() }
    }
}

fn key(text: &[u8], shared: usize) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(text.get(shared..).unwrap_or_default()) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
}

impl Prefixes {
    /// Calls `visit` with the list of every prefix that the value starts with.
    pub(super) fn visit(&self, value: &str, mut visit: impl FnMut(&[u32])) {
        let Some(first) = self.sorted.first() else { return };
        if value.as_bytes().get(..self.shared) != first.text.as_bytes().get(..self.shared) {
            return;
        }
        let wanted = key(value.as_bytes(), self.shared);
        let not_greater = |p: &Prefix| p.key < wanted || p.key == wanted && *p.text <= *value;
        let mut at = self.sorted.partition_point(not_greater).wrapping_sub(1);
        while let Some(prefix) = self.sorted.get(at) {
            if value.starts_with(&*prefix.text) {
                visit(&prefix.list);
            }
            at = prefix.parent as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_exactly_the_prefixes_of_a_value() {
        let texts = [
            "",
            "a",
            "ab",
            "abc",
            "abd",
            "b",
            "ba",
            "arn:aws:s3:::b/tenant-1/",
            "arn:aws:s3:::b/tenant-10/",
            "é",
            "ab\0",
        ];
        for skip in 0..texts.len() {
            let mut builder = PrefixesBuilder::default();
            let used: Vec<&str> =
                texts.iter().copied().enumerate().filter(|(i, _)| *i != skip).map(|(_, t)| t).collect();
            for (id, text) in (0..).zip(&used) {
                builder.add(text, [id]);
            }
            let prefixes = builder.build();
            for value in ["", "a", "abcd", "abz", "ab\0x", "c", "arn:aws:s3:::b/tenant-10/x", "éa", "baa", "b"] {
                let mut found = Vec::new();
                prefixes.visit(value, |list| found.extend_from_slice(list));
                found.sort_unstable();
                let want: Vec<u32> =
                    (0..).zip(&used).filter(|(_, t)| value.starts_with(**t)).map(|(id, _)| id).collect();
                assert_eq!(found, want, "{value:?} without {skip}");
            }
        }
    }
}
