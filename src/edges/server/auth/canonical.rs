//! The canonical form of a request, which is what a signature is over.
//!
//! Source: S3 API Reference, "Signature Calculations for the Authorization Header": a path is encoded once and
//! never normalised, a query is decoded and encoded again strictly and sorted, header values are trimmed and
//! their inner runs of spaces collapsed.

use super::{S3Error, digest};
use http::HeaderMap;
use std::borrow::Cow;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The parameters of a query in canonical encoding, sorted.
pub(super) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Reads the query of a request target as received, without its `?`.
    ///
    /// A raw `+` is a space, as S3 reads it; every current SDK sends `%20` and `%2B`.
    pub(super) fn parse(raw: &'a str) -> Result<Self, S3Error> {
        let mut pairs = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((encode_again(name, Part::Query)?, encode_again(value, Part::Query)?));
        }
        pairs.sort_unstable();
        let query = Self { pairs };
        query.refuse_repetition()?;
        Ok(query)
    }

    /// Two parameters of a name are refused: readers differ in which one counts, and the canonical form, which is
    /// sorted, does not say which came first.
    fn refuse_repetition(&self) -> Result<(), S3Error> {
        let mut names = self.names().zip(self.names().skip(1));
        let Some((name, _)) = names.find(|(one, next)| one == next) else { return Ok(()) };
        let message = format!("The query parameter {name} was specified more than once.");
        let of_signature = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
        Err(if of_signature {
            S3Error::new("AuthorizationQueryParametersError", message)
        } else {
            super::invalid_argument(name, "", message)
        })
    }

    /// The decoded value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.pairs.iter().find(|(found, _)| found == name).map(|(_, value)| decode_text(value))
    }

    /// The parameters' names, encoded.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(name, _)| name.as_ref())
    }

    /// Writes the canonical query, without the parameter `skip`.
    fn write(&self, skip: &str, out: &mut Vec<u8>) {
        let start = out.len();
        for (name, value) in self.pairs.iter().filter(|(name, _)| name != skip) {
            if out.len() > start {
                out.push(b'&');
            }
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            out.extend_from_slice(value.as_bytes());
        }
    }
}

/// Where a text stands in a request target.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A slash stays, a plus is a plus.
    Path,
    /// A slash is encoded, a plus is a space.
    Query,
}

/// Decodes and encodes strictly: what `UriEncode` of AWS's documents makes of the decoded text.
fn encode_again(raw: &str, part: Part) -> Result<Cow<'_, str>, S3Error> {
    if is_canonical(raw.as_bytes(), part) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut out = String::with_capacity(raw.len() + 16);
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let decoded = match byte {
            b'%' => {
                let digits = (bytes.next().and_then(hex_digit), bytes.next().and_then(hex_digit));
                let (Some(high), Some(low)) = digits else {
                    return Err(S3Error::new("InvalidURI", "Couldn't parse the specified URI.").with("URI", raw));
                };
                high << 4 | low
            }
            b'+' if part == Part::Query => b' ',
            byte => byte,
        };
        push_encoded(decoded, part, &mut out);
    }
    Ok(Cow::Owned(out))
}

fn is_canonical(raw: &[u8], part: Part) -> bool {
    let mut rest = raw;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, rest @ ..] => {
                let upper = |b: &u8| hex_digit(*b).filter(|_| !b.is_ascii_lowercase());
                match (upper(high), upper(low)) {
                    (Some(high), Some(low)) if !is_plain(high << 4 | low, part) => rest,
                    _ => return false,
                }
            }
            [byte, rest @ ..] if is_plain(*byte, part) => rest,
            _ => return false,
        };
    }
}

fn is_plain(byte: u8, part: Part) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
        || (byte == b'/' && part == Part::Path)
}

fn push_encoded(byte: u8, part: Part, out: &mut String) {
    if is_plain(byte, part) {
        out.push(char::from(byte));
    } else {
        let digit = |nibble: u8| char::from(*HEX.get(usize::from(nibble)).expect("a nibble is below 16"));
        out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
    }
}

pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Encodes a decoded text as a query's name or value.
pub(super) fn encode_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    text.bytes().for_each(|byte| push_encoded(byte, Part::Query, &mut out));
    out
}

fn decode_text(encoded: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(encoded).decode_utf8_lossy()
}

/// What a canonical request is made of.
pub(super) struct Parts<'a> {
    /// The HTTP method.
    pub(super) method: &'a str,
    /// The path as received.
    pub(super) path: &'a str,
    /// The query.
    pub(super) query: &'a Query<'a>,
    /// The headers.
    pub(super) headers: &'a HeaderMap,
    /// The names of the signed headers, as sent: lower case, parted by semicolons.
    pub(super) signed: &'a str,
    /// The payload's hash, or the word that stands for it.
    pub(super) payload: &'a str,
}

/// Writes the canonical request. `None`: a signed header is not there, so that no signature can be right.
pub(super) fn canonical_request(parts: &Parts<'_>) -> Result<Option<Vec<u8>>, S3Error> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(parts.method.as_bytes());
    out.push(b'\n');
    let path = if parts.path.is_empty() { "/" } else { parts.path };
    out.extend_from_slice(encode_again(path, Part::Path)?.as_bytes());
    out.push(b'\n');
    parts.query.write("X-Amz-Signature", &mut out);
    out.push(b'\n');
    for name in parts.signed.split(';') {
        let mut values = parts.headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Ok(None);
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        for (i, value) in values.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            push_trimmed(value.as_bytes(), &mut out);
        }
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(parts.signed.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(parts.payload.as_bytes());
    Ok(Some(out))
}

/// A header's value without spaces around it and with one space for each run of them inside.
fn push_trimmed(value: &[u8], out: &mut Vec<u8>) {
    let mut space = false;
    for byte in value.trim_ascii() {
        if *byte == b' ' {
            space = true;
        } else {
            if std::mem::take(&mut space) {
                out.push(b' ');
            }
            out.push(*byte);
        }
    }
}

/// The string to sign of a request.
pub(super) fn string_to_sign(amz_date: &str, scope: &str, canonical: &[u8]) -> String {
    format!("AWS4-HMAC-SHA256\n{amz_date}\n{scope}\n{}", digest::hex(&digest::sha256(canonical)))
}

/// The `x-amz-*` headers and the host, as far as they are not among the signed ones.
pub(super) fn unsigned_headers(headers: &HeaderMap, signed: &str) -> Vec<String> {
    let is_signed = |name: &str| signed.split(';').any(|s| s == name);
    let mut missing = Vec::new();
    if !is_signed("host") {
        missing.push("host".to_owned());
    }
    let unsigned = headers.keys().map(http::HeaderName::as_str).filter(|n| n.starts_with("x-amz-") && !is_signed(n));
    missing.extend(unsigned.map(str::to_owned));
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(raw: &str) -> String {
        let mut out = Vec::new();
        Query::parse(raw).expect("a query").write("X-Amz-Signature", &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn queries_are_decoded_encoded_and_sorted() {
        for (raw, expected) in [
            ("", ""),
            ("acl", "acl="),
            ("prefix=a+b", "prefix=a%20b"),
            ("prefix=a%2bb", "prefix=a%2Bb"),
            ("b=2&a=1&&A=0", "A=0&a=1&b=2"),
            ("a-b=1&a=2", "a=2&a-b=1"),
            ("a=%7e%61/", "a=~a%2F"),
            ("a=b=c", "a=b%3Dc"),
            ("X-Amz-Signature=1&a=(*)'!", "a=%28%2A%29%27%21"),
            ("a=\u{e9}", "a=%C3%A9"),
        ] {
            assert_eq!(canonical(raw), expected, "{raw}");
        }
        assert_eq!(Query::parse("a=%4").err().map(|e| e.code), Some("InvalidURI"));
        assert_eq!(Query::parse("a=%+4").err().map(|e| e.code), Some("InvalidURI"));
    }

    #[test]
    fn a_parameter_that_stands_twice_is_refused() {
        for (raw, code) in [
            ("X-Amz-Date=1&b&X-Amz-Date=2", "AuthorizationQueryParametersError"),
            ("versionId=1&versionId=2", "InvalidArgument"),
            ("acl&acl", "InvalidArgument"),
            ("%61=1&a=1", "InvalidArgument"),
        ] {
            assert_eq!(Query::parse(raw).err().map(|e| e.code), Some(code), "{raw}");
        }
        let query = Query::parse("b=%20").expect("a query");
        assert_eq!(query.get("b").as_deref(), Some(" "));
        assert_eq!(query.get("c"), None);
    }

    #[test]
    fn paths_are_never_normalised() {
        for (raw, expected) in
            [("/a//b/../c", "/a//b/../c"), ("/a+b", "/a%2Bb"), ("/%41%2f", "/A/"), ("/a%20b", "/a%20b"), ("/*", "/%2A")]
        {
            assert_eq!(encode_again(raw, Part::Path).expect("a path"), expected);
        }
    }

    #[test]
    fn header_values_are_trimmed_and_their_spaces_collapsed() {
        let mut out = Vec::new();
        push_trimmed(b"  a   b c  ", &mut out);
        assert_eq!(out, b"a b c");
    }

    proptest! {
        #[test]
        fn what_is_called_canonical_encodes_to_itself(raw in "[a-zA-Z0-9%/+ ~._é-]{0,12}") {
            for part in [Part::Path, Part::Query] {
                if let Ok(encoded) = encode_again(&raw, part) {
                    prop_assert!(is_canonical(encoded.as_bytes(), part));
                    prop_assert_eq!(encoded == raw, is_canonical(raw.as_bytes(), part));
                }
            }
        }
    }
}
