//! Version ids: 32 opaque characters that hold the number of the change that made the version, so that a version
//! is found without a search.

use super::error::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The version of what was written without versioning.
pub const NULL: &str = "null";

/// A new version id for a change's number, from 16 random bytes.
#[must_use]
pub fn make(seq: u64, random: [u8; 16]) -> String {
    let (mask, tail) = random.split_at(8);
    let mut bytes = [0; 24];
    let (head, rest) = bytes.split_at_mut(8);
    head.copy_from_slice(mask);
    for (at, (number, mask)) in seq.to_be_bytes().iter().zip(mask).enumerate() {
        if let Some(byte) = rest.get_mut(at) {
            *byte = number ^ mask;
        }
    }
    if let Some(end) = rest.get_mut(8..) {
        end.copy_from_slice(tail);
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a request can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The version `null`.
    Null,
    /// The version that this change made, if its id is the same text.
    Seq(u64),
}

/// Reads the version that a request names.
///
/// # Errors
/// [`StoreError::InvalidVersion`] for a text that this store never made.
pub fn read(text: &str) -> Result<Named, StoreError> {
    if text == NULL {
        return Ok(Named::Null);
    }
    let mut bytes = [0; 24];
    if text.len() != 32 || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(24) {
        return Err(StoreError::InvalidVersion);
    }
    let number = |from: &[u8]| from.first_chunk().map(|b| u64::from_be_bytes(*b));
    let (mask, rest) = bytes.split_at(8);
    Ok(Named::Seq(number(mask).zip(number(rest)).map_or(0, |(mask, number)| mask ^ number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_their_number_and_show_nothing() {
        for seq in [0, 1, 77, u64::MAX] {
            let id = make(seq, [0xA5; 16]);
            assert_eq!(id.len(), 32);
            assert_eq!(read(&id).expect("made here"), Named::Seq(seq));
        }
        assert_ne!(make(1, [1; 16]), make(1, [2; 16]));
        assert_eq!(read("null").expect("known"), Named::Null);
        for bad in ["", "NULL", "x", "3HL4kqtJvjVBH40Nrjfkd", "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~"] {
            assert!(matches!(read(bad), Err(StoreError::InvalidVersion)), "{bad}");
        }
    }
}
