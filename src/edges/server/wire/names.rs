//! Names of buckets and objects.
//!
//! Source: S3 User Guide, "Bucket naming rules", "Naming Amazon S3 objects".

use crate::edges::server::error::S3Error;
use percent_encoding::percent_decode_str;
use std::net::Ipv4Addr;

/// The longest key, in bytes of UTF-8.
pub const MAX_KEY: usize = 1024;

/// Whether a bucket may be created with this name: 3 to 63 lower-case letters, digits, dots and hyphens, every
/// label between dots beginning and ending with a letter or digit, and none of the forms that S3 keeps for itself or that look like an address.
///
/// # Errors
/// `InvalidBucketName`.
pub fn check_bucket_name(name: &str) -> Result<(), S3Error> {
    if is_bucket_name(name) { Ok(()) } else { Err(S3Error::invalid_bucket_name(name)) }
}

fn is_bucket_name(name: &str) -> bool {
    const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
    const RESERVED_SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| lower(b) || b == b'.' || b == b'-')
        && name.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
        && name.parse::<Ipv4Addr>().is_err()
        && !RESERVED_PREFIXES.iter().any(|p| name.starts_with(p))
        && !RESERVED_SUFFIXES.iter().any(|s| name.ends_with(s))
}

/// Whether a bucket could have this name: 3 to 255 letters, digits, dots, hyphens and underscores, the rule of
/// S3's oldest region. Addressing a bucket asks no more; there is none with such a name anyway.
///
/// # Errors
/// `InvalidBucketName`.
pub fn check_addressed_bucket(name: &str) -> Result<(), S3Error> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || b == b'_';
    if (3..=255).contains(&name.len()) && name.bytes().all(legal) {
        Ok(())
    } else {
        Err(S3Error::invalid_bucket_name(name))
    }
}

/// Whether an object may have this key: 1 to 1,024 bytes. Every character is legal, control characters too.
///
/// # Errors
/// `KeyTooLongError`, `InvalidURI` for the empty key.
pub fn check_key(key: &str) -> Result<(), S3Error> {
    match key.len() {
        0 => Err(S3Error::invalid_uri(key)),
        1..=MAX_KEY => Ok(()),
        n => Err(S3Error::key_too_long(n, MAX_KEY)),
    }
}

/// Decodes percent escapes once. A `+` stays a plus.
///
/// # Errors
/// `InvalidURI` for a `%` without two hexadecimal digits and for what is not UTF-8.
pub fn decode(text: &str) -> Result<String, S3Error> {
    let refused = || S3Error::invalid_uri(text);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_hexdigit());
        if byte == b'%' && !(hex(bytes.next()) && hex(bytes.next())) {
            return Err(refused());
        }
    }
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_new_buckets() {
        let long = "a".repeat(63);
        let too_long = "a".repeat(64);
        let good = ["abc", "a-b", "a.b.c", "1ab", "my-bucket.2", "1.2.3", "1.2.3.4.5", "a--b", &long];
        for name in good {
            assert!(check_bucket_name(name).is_ok(), "{name}");
        }
        let bad = [
            "",
            "ab",
            "Abc",
            "a_b",
            ".ab",
            "ab.",
            "-ab",
            "ab-",
            "a..b",
            "192.168.5.4",
            "xn--abc",
            "sthree-x",
            "abc-s3alias",
            "abc--ol-s3",
            "abc.mrap",
            "abc--x-s3",
            "abc--table-s3",
            "amzn-s3-demo-x",
            "a b",
            "ab/",
            "abé",
            &too_long,
        ];
        for name in bad {
            let error = check_bucket_name(name).expect_err(name);
            assert_eq!((error.code, error.status.as_u16()), ("InvalidBucketName", 400), "{name}");
        }
    }

    #[test]
    fn addressed_buckets() {
        for (name, good) in
            [("Abc", true), ("a_b", true), ("ab", false), ("a b", false), ("a/b", false), ("é12", false)]
        {
            assert_eq!(check_addressed_bucket(name).is_ok(), good, "{name}");
        }
    }

    #[test]
    fn keys() {
        for (key, code) in [
            ("k".to_owned(), ""),
            ("\u{0}".to_owned(), ""),
            ("é".repeat(512), ""),
            ("k".repeat(1024), ""),
            ("k".repeat(1025), "KeyTooLongError"),
            ("é".repeat(513), "KeyTooLongError"),
            (String::new(), "InvalidURI"),
        ] {
            assert_eq!(check_key(&key).map_or_else(|e| e.code, |()| ""), code, "{} bytes", key.len());
        }
    }

    #[test]
    fn decoding_once() {
        for (text, expected) in [
            ("a%2Fb", Some("a/b")),
            ("a%252Fb", Some("a%2Fb")),
            ("a+b", Some("a+b")),
            ("%C3%A9", Some("é")),
            ("é", Some("é")),
            ("%00", Some("\u{0}")),
            ("%", None),
            ("%2", None),
            ("%2g", None),
            ("%%41", None),
            ("%ff", None),
            ("%c3", None),
        ] {
            assert_eq!(decode(text).ok().as_deref(), expected, "{text}");
            if let Err(error) = decode(text) {
                assert_eq!(error.code, "InvalidURI");
            }
        }
    }
}
