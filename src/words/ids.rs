//! Small identifiers.

use std::fmt;

/// A twelve-digit AWS account id, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(u64);

impl AccountId {
    /// Reads exactly twelve ASCII digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 12 {
            return None;
        }
        let mut number = 0;
        for byte in text.bytes() {
            if !byte.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u64::from(byte - b'0');
        }
        Some(Self(number))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// A hash of a text for look-ups; equal hashes are always confirmed by comparing the texts.
#[must_use]
pub fn hash_text(text: &str) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::fast::FixedState::with_seed(0x0070_0a7c_0115).build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// As [`hash_text`], of the ASCII-lower-case text, without building it.
#[must_use]
pub fn hash_lower(text: &str) -> u64 {
    // FNV-1a, byte by byte: the texts are names of a few dozen bytes and folding costs nothing extra.
    continue_lower(0xcbf2_9ce4_8422_2325, text)
}

/// Continues a [`hash_lower`] with more text.
#[must_use]
pub fn continue_lower(mut hash: u64, text: &str) -> u64 {
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

/// A hasher for keys that are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prehashed(u64);

impl std::hash::Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_are_twelve_digits() {
        assert_eq!(AccountId::parse("000011112222").map(|a| a.to_string()).as_deref(), Some("000011112222"));
        for bad in ["", "11112222333", "1111222233334", "11112222333x", "cloudfront"] {
            assert_eq!(AccountId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn lower_hash_ignores_ascii_case_only() {
        assert_eq!(hash_lower("s3:GetObject"), hash_lower("S3:getobject"));
        assert_ne!(hash_lower("É"), hash_lower("é"));
    }
}
