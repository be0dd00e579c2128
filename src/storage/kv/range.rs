//! Ranges of keys.

use std::ops::{Bound, RangeBounds};

/// The order of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Greatest key first.
    Backward,
}

/// A range of keys, in the order of their bytes. Starts as everything or one prefix and is then narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    low: Bound<Vec<u8>>,
    high: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    #[must_use]
    pub const fn all() -> Self {
        Self { low: Bound::Unbounded, high: Bound::Unbounded }
    }

    /// The keys that start with these bytes.
    #[must_use]
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        let low = prefix.into();
        // The first key behind all keys of the prefix: the last byte that can grow, grown, and nothing after it.
        let high = low.iter().rposition(|byte| *byte != u8::MAX).map(|last| {
            let mut end: Vec<u8> = low.iter().take(last + 1).copied().collect();
            if let Some(byte) = end.last_mut() {
                *byte += 1;
            }
            end
        });
        Self { low: Bound::Included(low), high: high.map_or(Bound::Unbounded, Bound::Excluded) }
    }

    /// Between two bounds.
    #[must_use]
    pub const fn new(low: Bound<Vec<u8>>, high: Bound<Vec<u8>>) -> Self {
        Self { low, high }
    }

    /// The same range, but no keys below this one.
    #[must_use]
    pub fn starting_at(self, key: impl Into<Vec<u8>>) -> Self {
        self.raise(Bound::Included(key.into()))
    }

    /// The same range, but only keys above this one.
    #[must_use]
    pub fn after(self, key: impl Into<Vec<u8>>) -> Self {
        self.raise(Bound::Excluded(key.into()))
    }

    /// The same range, but only keys below this one.
    #[must_use]
    pub fn before(mut self, key: impl Into<Vec<u8>>) -> Self {
        let key = key.into();
        let narrower = match &self.high {
            Bound::Unbounded => true,
            Bound::Included(high) => key <= *high,
            Bound::Excluded(high) => key < *high,
        };
        if narrower {
            self.high = Bound::Excluded(key);
        }
        self
    }

    fn raise(mut self, bound: Bound<Vec<u8>>) -> Self {
        let narrower = match (&self.low, &bound) {
            (Bound::Unbounded, _) => true,
            (Bound::Included(low), Bound::Excluded(new)) => new >= low,
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(new) | Bound::Excluded(new)) => new > low,
            (_, Bound::Unbounded) => false,
        };
        if narrower {
            self.low = bound;
        }
        self
    }

    /// Both bounds.
    #[must_use]
    pub fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.low.as_ref().map(Vec::as_slice), self.high.as_ref().map(Vec::as_slice))
    }

    /// Whether a key is in it.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        RangeBounds::<[u8]>::contains(&self.bounds(), key)
    }

    /// Whether no key can be in it. Ordered maps and engines may panic when they are asked for such a range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self.bounds() {
            (Bound::Included(low), Bound::Included(high)) => low > high,
            (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => low >= high,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_holds_what_starts_with_it() {
        for prefix in [&b""[..], b"a", b"a\xff", b"\xff\xff", b"a\x00"] {
            let range = KeyRange::prefix(prefix);
            for key in [&b""[..], b"\x00", b"`", b"a", b"a\x00", b"a\x01", b"a\xff", b"a\xff\xff", b"b", b"\xff\xff"] {
                assert_eq!(range.contains(key), key.starts_with(prefix), "{prefix:?} {key:?}");
            }
        }
    }

    #[test]
    fn narrowing_never_widens() {
        let range = KeyRange::prefix("b");
        for narrowed in [range.clone().starting_at("a"), range.clone().after("a"), range.clone().before("d")] {
            assert_eq!(narrowed, range);
        }
        assert!(!range.clone().after("b").contains(b"b"));
        assert!(range.clone().after("b").contains(b"b\x00"));
        assert!(range.clone().starting_at("bx").contains(b"bx"));
        assert!(!range.clone().after("bx").starting_at("bx").contains(b"bx"));
        assert!(!range.clone().before("bx").contains(b"bx"));
        assert!(range.clone().starting_at("c").is_empty());
        assert!(range.after("bx").before("bx").is_empty());
    }
}
