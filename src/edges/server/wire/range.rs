//! Byte ranges.
//!
//! Source: RFC 9110 section 14; S3 API Reference, `GetObject`, `UploadPartCopy`.

use super::headers::whole;
use crate::edges::server::error::S3Error;
use std::ops::Range;

/// One range as a client asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// `bytes=a-b`, both included, `a` not after `b`.
    FromTo(u64, u64),
    /// `bytes=a-`
    From(u64),
    /// `bytes=-n`: the last `n` bytes.
    Last(u64),
}

impl RangeSpec {
    /// Reads a Range header. `None` for several ranges, other units and malformed text: S3 then answers with
    /// the whole object, as RFC 9110 allows.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (unit, set) = header.trim_ascii().split_once('=')?;
        let (first, last) = set.trim_ascii().split_once('-')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        match (first, last) {
            ("", last) => digits(last).map(Self::Last),
            (first, "") => digits(first).map(Self::From),
            (first, last) => {
                let (first, last) = (digits(first)?, digits(last)?);
                (first <= last).then_some(Self::FromTo(first, last))
            }
        }
    }

    /// The bytes of an object with `len` bytes that it means; `None` if none of them.
    #[must_use]
    pub fn within(self, len: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::FromTo(first, last) => first..len.min(last.saturating_add(1)),
            Self::From(first) => first..len,
            Self::Last(n) => len.saturating_sub(n)..len,
        };
        (range.start < range.end).then_some(range)
    }
}

/// Digits as a number; more than 64 bits is past every end.
fn digits(text: &str) -> Option<u64> {
    let number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    number.then(|| whole(text).unwrap_or(u64::MAX))
}

/// The bytes that a GET or HEAD wants of an object with `len` bytes; `None`: all of it, with status 200.
///
/// # Errors
/// `InvalidRange` if the range has none of its bytes.
pub fn requested(header: Option<&str>, len: u64) -> Result<Option<Range<u64>>, S3Error> {
    let Some((header, spec)) = header.and_then(|h| Some((h, RangeSpec::parse(h)?))) else { return Ok(None) };
    spec.within(len).map(Some).ok_or_else(|| S3Error::invalid_range(header, len))
}

/// The value of a Content-Range header.
#[must_use]
pub fn content_range(range: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", range.start, range.end.saturating_sub(1))
}

/// The bytes that `x-amz-copy-source-range` names of a source with `len` bytes: `bytes=a-b` alone, wholly inside.
///
/// # Errors
/// `InvalidArgument` for another form, `InvalidRange` for what reaches past the end.
pub fn copy_source_range(header: &str, len: u64) -> Result<Range<u64>, S3Error> {
    match RangeSpec::parse(header) {
        Some(RangeSpec::FromTo(first, last)) if header.starts_with("bytes=") => {
            if last < len {
                Ok(first..last + 1)
            } else {
                let mut error = S3Error::invalid_range(header, len);
                error.message = format!("Range specified is not valid for source object of size: {len}").into();
                error.headers.clear();
                Err(error)
            }
        }
        _ => Err(S3Error::invalid_argument(
            "x-amz-copy-source-range",
            header,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ten_bytes() {
        let table: &[(&str, Option<(u64, u64)>)] = &[
            ("bytes=0-0", Some((0, 1))),
            ("bytes=2-5", Some((2, 6))),
            ("Bytes=2-5", Some((2, 6))),
            ("bytes=2-", Some((2, 10))),
            ("bytes=2-99", Some((2, 10))),
            ("bytes=2-99999999999999999999", Some((2, 10))),
            ("bytes=-3", Some((7, 10))),
            ("bytes=-99", Some((0, 10))),
            ("bytes=-99999999999999999999", Some((0, 10))),
            ("bytes=0-18446744073709551615", Some((0, 10))),
        ];
        for (header, expected) in table {
            let found = requested(Some(header), 10).unwrap().map(|r| (r.start, r.end));
            assert_eq!(found, *expected, "{header}");
        }
        for header in ["bytes=0-1,3-4", "bytes=5-2", "bytes=a-b", "bytes=", "bytes=-", "items=0-1", "0-1", "bytes=+1-2"]
        {
            assert_eq!(requested(Some(header), 10), Ok(None), "{header}");
        }
        for (header, len) in
            [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)]
        {
            let error = requested(Some(header), len).expect_err(header);
            assert_eq!((error.code, error.status.as_u16()), ("InvalidRange", 416), "{header}");
            assert_eq!(error.headers, [("content-range", format!("bytes */{len}"))]);
        }
        assert_eq!(requested(None, 10), Ok(None));
    }

    #[test]
    fn the_answer_names_both_ends() {
        assert_eq!(content_range(&(2..6), 10), "bytes 2-5/10");
    }

    #[test]
    fn ranges_of_copies_are_strict() {
        assert_eq!(copy_source_range("bytes=0-9", 10), Ok(0..10));
        for (header, code) in [
            ("bytes=0-10", "InvalidRange"),
            ("bytes=10-11", "InvalidRange"),
            ("bytes=0-", "InvalidArgument"),
            ("bytes=-5", "InvalidArgument"),
            ("bytes=0-2,3-5", "InvalidArgument"),
            ("bytes=hello-world", "InvalidArgument"),
            ("0-2", "InvalidArgument"),
            ("Bytes=0-2", "InvalidArgument"),
            ("", "InvalidArgument"),
        ] {
            assert_eq!(copy_source_range(header, 10).expect_err(header).code, code, "{header}");
        }
    }
}
