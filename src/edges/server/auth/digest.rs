//! Hashes in hexadecimal, dates as signatures write them, and comparison in constant time.

use crate::words::moment;
use aws_lc_rs::{constant_time, digest};
use chrono::{DateTime, NaiveDate};

/// Milliseconds of a second.
pub(super) const SECOND: i64 = 1000;

/// SHA-256 of `bytes`.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    array(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The first 32 bytes of a hash that has them.
pub(super) fn array(hash: &[u8]) -> [u8; 32] {
    *hash.first_chunk().expect("SHA-256 has 32 bytes")
}

/// Lower-case hexadecimal digits.
pub(in crate::edges) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(*DIGITS.get(usize::from(nibble)).expect("a nibble is below 16"));
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// Reads the 64 hexadecimal digits of a SHA-256.
pub(super) fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut out = [0; 32];
    if pairs.len() != out.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = super::canonical::hex_digit(*high)? << 4 | super::canonical::hex_digit(*low)?;
    }
    Some(out)
}

/// Whether two texts are equal, in a time that says nothing about where they differ.
pub(super) fn equal(a: &str, b: &str) -> bool {
    constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

/// Reads `yyyyMMddTHHmmssZ`, into seconds since 1970.
pub(super) fn parse_basic(text: &str) -> Option<i64> {
    // PERF: read digit by digit, since a format string is read anew each time.
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let whole = |digits: &str, count: usize| -> Option<u32> {
        let shaped = digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_digit());
        shaped.then(|| digits.parse().ok())?
    };
    let (date, time) = (whole(date, 8)?, whole(time, 6)?);
    let day = NaiveDate::from_ymd_opt(i32::try_from(date / 10_000).ok()?, date / 100 % 100, date % 100)?;
    day.and_hms_opt(time / 10_000, time / 100 % 100, time % 100).map(|at| at.and_utc().timestamp())
}

/// Reads a date header: ISO 8601's basic form or RFC 1123's, into seconds since 1970.
pub(super) fn parse_http(text: &str) -> Option<i64> {
    parse_basic(text).or_else(|| DateTime::parse_from_rfc2822(text).ok().map(|time| time.timestamp()))
}

/// Writes `yyyyMMddTHHmmssZ`.
pub(super) fn basic(seconds: i64) -> String {
    moment::basic(seconds).unwrap_or_default()
}

/// Writes `yyyy-MM-ddTHH:mm:ssZ`, as error documents do.
pub(super) fn extended(seconds: i64) -> String {
    moment::extended(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_both_forms_and_no_other() {
        assert_eq!(parse_basic("20130524T000000Z"), Some(1_369_353_600));
        assert_eq!(parse_http("Fri, 24 May 2013 00:00:00 GMT"), Some(1_369_353_600));
        for bad in [
            "",
            "20130524T000000",
            "20131324T000000Z",
            "2013-05-24T00:00:00Z",
            "+0130524T000000Z",
            "20130524T250000Z",
            "20130524T000060Z",
        ] {
            assert_eq!(parse_basic(bad), None, "{bad}");
        }
        assert_eq!(basic(1_369_353_600), "20130524T000000Z");
        assert_eq!(extended(1_369_353_600), "2013-05-24T00:00:00Z");
    }

    #[test]
    fn hexadecimal_goes_both_ways() {
        let hash = sha256(b"");
        assert_eq!(hex(&hash), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(parse_sha256(&hex(&hash)), Some(hash));
        assert_eq!(parse_sha256("e3"), None);
        assert_eq!(parse_sha256(&"g".repeat(64)), None);
        assert_eq!(parse_sha256(&"é".repeat(32)), None);
    }
}
