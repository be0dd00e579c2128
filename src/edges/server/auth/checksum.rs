//! The checksums of S3's objects: computed, written, combined.
//!
//! Source: S3 User Guide, "Checking object integrity".

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;

/// An algorithm of `x-amz-checksum-*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// CRC-32 of ISO HDLC.
    Crc32,
    /// CRC-32C, of iSCSI.
    Crc32c,
    /// CRC-64 as in `NVMe`; S3's own choice for objects without any other.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// Reads a name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The algorithm of a header such as `x-amz-checksum-crc32`, in any case.
    #[must_use]
    pub fn of_header(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.header().eq_ignore_ascii_case(name))
    }

    /// Its name: `CRC32`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// Its header: `x-amz-checksum-crc32`.
    #[must_use]
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Bytes of a checksum.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// A checksum: its algorithm and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    algorithm: Algorithm,
    bytes: [u8; 32],
}

impl Checksum {
    /// A checksum of these bytes; `None` where they are not as many as the algorithm has.
    #[must_use]
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Option<Self> {
        (raw.len() == algorithm.size()).then(|| Self::of_bytes(algorithm, raw))
    }

    /// Reads the Base64 form of headers.
    #[must_use]
    pub fn parse(algorithm: Algorithm, base64: &str) -> Option<Self> {
        Self::from_raw(algorithm, &STANDARD.decode(base64).ok()?)
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes, most significant first.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        self.bytes.get(..self.algorithm.size()).unwrap_or_default()
    }

    /// The Base64 form of headers.
    #[must_use]
    pub fn base64(&self) -> String {
        STANDARD.encode(self.raw())
    }

    fn of_crc(algorithm: Algorithm, value: u64) -> Self {
        let big = value.to_be_bytes();
        Self::of_bytes(algorithm, big.get(big.len().saturating_sub(algorithm.size())..).unwrap_or_default())
    }

    /// INVARIANT: called with as many bytes as the algorithm has.
    fn of_bytes(algorithm: Algorithm, raw: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().zip(raw) {
            *place = *byte;
        }
        Self { algorithm, bytes }
    }

    fn crc_value(&self) -> u64 {
        self.raw().iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}

/// A checksum in the making.
pub struct Hasher(State);

#[expect(clippy::large_enum_variant, reason = "one or two for each body, and no allocation for the common one")]
enum State {
    Crc(Algorithm, crc_fast::Digest),
    Sha(Algorithm, digest::Context),
}

impl Hasher {
    /// A checksum of nothing yet.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm.crc() {
            Some(crc) => State::Crc(algorithm, crc_fast::Digest::new(crc)),
            None if algorithm == Algorithm::Sha1 => {
                State::Sha(algorithm, digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY))
            }
            None => State::Sha(algorithm, digest::Context::new(&digest::SHA256)),
        })
    }

    /// The checksum of `bytes`.
    #[must_use]
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Self::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Which one.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            State::Crc(algorithm, _) | State::Sha(algorithm, _) => *algorithm,
        }
    }

    /// Goes on with `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc(_, crc) => crc.update(bytes),
            State::Sha(_, sha) => sha.update(bytes),
        }
    }

    /// The checksum of everything so far.
    #[must_use]
    pub fn finish(self) -> Checksum {
        match self.0 {
            State::Crc(algorithm, crc) => Checksum::of_crc(algorithm, crc.finalize()),
            State::Sha(algorithm, sha) => Checksum::of_bytes(algorithm, sha.finish().as_ref()),
        }
    }
}

/// The composite checksum of a multipart object: the checksum of its parts' checksums. Headers write it with
/// `-N` behind, the number of parts. `None` where a part has another algorithm, or for CRC-64, which S3 knows for
/// full objects only.
pub fn composite<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = &'a Checksum>) -> Option<Checksum> {
    if algorithm == Algorithm::Crc64Nvme {
        return None;
    }
    let mut hasher = Hasher::new(algorithm);
    for part in parts {
        if part.algorithm != algorithm {
            return None;
        }
        hasher.update(part.raw());
    }
    Some(hasher.finish())
}

/// The checksum of a whole multipart object from its parts' checksums and lengths in bytes. `None` where a part
/// has another algorithm, or for SHA, which cannot be combined.
pub fn combine<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = (&'a Checksum, u64)>) -> Option<Checksum> {
    let crc = algorithm.crc()?;
    let mut whole = Hasher::of(algorithm, b"").crc_value();
    for (part, length) in parts {
        if part.algorithm != algorithm {
            return None;
        }
        // An empty part changes nothing, and the combination is not defined for it.
        if length > 0 {
            whole = crc_fast::checksum_combine(crc, whole, part.crc_value(), length);
        }
    }
    Some(Checksum::of_crc(algorithm, whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn checksums_are_those_of_their_standards() {
        for (algorithm, expected) in [
            (Algorithm::Crc32, "y/Q5Jg=="),
            (Algorithm::Crc32c, "4waSgw=="),
            (Algorithm::Crc64Nvme, "rosUhgp5mIg="),
            (Algorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (Algorithm::Sha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ] {
            let checksum = Hasher::of(algorithm, b"123456789");
            assert_eq!(checksum.base64(), expected, "{algorithm:?}");
            assert_eq!(checksum.raw().len(), algorithm.size());
            assert_eq!(Checksum::parse(algorithm, &checksum.base64()), Some(checksum));
            assert_eq!(Algorithm::parse(&algorithm.name().to_lowercase()), Some(algorithm));
            assert_eq!(Algorithm::of_header(algorithm.header()), Some(algorithm));
        }
        assert_eq!(Hasher::of(Algorithm::Sha1, b"").base64(), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
        assert_eq!(Hasher::of(Algorithm::Sha256, b"").base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        for bad in ["", "AAAA", "AAAAA===", "y/Q5Jg", "y/Q5Jg==-1", "!!!!!!=="] {
            assert_eq!(Checksum::parse(Algorithm::Crc32, bad), None, "{bad}");
        }
        assert_eq!(Algorithm::parse("MD5"), None);
    }

    #[test]
    fn a_composite_is_the_checksum_of_checksums() {
        let parts = [Hasher::of(Algorithm::Sha256, b"a"), Hasher::of(Algorithm::Sha256, b"b")];
        let joined: Vec<u8> = parts.iter().flat_map(|part| part.raw().to_vec()).collect();
        assert_eq!(composite(Algorithm::Sha256, &parts), Some(Hasher::of(Algorithm::Sha256, &joined)));
        assert_eq!(composite(Algorithm::Sha1, &parts), None);
        assert_eq!(composite(Algorithm::Crc64Nvme, &[]), None);
        assert_eq!(combine(Algorithm::Sha256, parts.iter().map(|part| (part, 1))), None);
    }

    proptest! {
        #[test]
        fn combined_parts_are_the_whole(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5)) {
            for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
                let sums: Vec<_> = parts.iter().map(|p| (Hasher::of(algorithm, p), p.len() as u64)).collect();
                let whole = Hasher::of(algorithm, &parts.concat());
                prop_assert_eq!(combine(algorithm, sums.iter().map(|(sum, length)| (sum, *length))), Some(whole));
            }
        }
    }
}
