//! Header values as text, numbers and flags.

use crate::edges::server::error::S3Error;
use http::{HeaderMap, HeaderValue};
use std::borrow::Cow;

/// The one value of a header, without blanks around it.
///
/// # Errors
/// `InvalidArgument` for bytes that are not UTF-8 and for two different values.
pub fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, S3Error> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        let message = format!("The header {name} was sent with two different values");
        return Err(S3Error::invalid_argument(name, &String::from_utf8_lossy(first.as_bytes()), message));
    }
    text(name, first).map(Some)
}

/// All values of a header as one list, as RFC 9110 joins them.
///
/// # Errors
/// `InvalidArgument` for bytes that are not UTF-8.
pub fn joined<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<Cow<'h, str>>, S3Error> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let mut all = Cow::Borrowed(text(name, first)?);
    for value in values {
        let all = all.to_mut();
        all.push(',');
        all.push_str(text(name, value)?);
    }
    Ok(Some(all))
}

/// A header that says `true` or `false`; absent is false.
///
/// # Errors
/// `InvalidArgument` for anything else.
pub fn flag(headers: &HeaderMap, name: &str) -> Result<bool, S3Error> {
    match one(headers, name)? {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(value) => Err(S3Error::invalid_argument(name, value, format!("The header {name} must be true or false"))),
    }
}

/// A header that is a whole number of bytes or seconds.
///
/// # Errors
/// `InvalidArgument` for signs, blanks, fractions and more than 64 bits.
pub fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, S3Error> {
    one(headers, name)?
        .map(|value| {
            whole(value).ok_or_else(|| {
                S3Error::invalid_argument(name, value, format!("The header {name} must be a whole number"))
            })
        })
        .transpose()
}

/// Digits only, as a number of 64 bits.
pub(super) fn whole(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn text<'h>(name: &str, value: &'h HeaderValue) -> Result<&'h str, S3Error> {
    std::str::from_utf8(value.as_bytes()).map(str::trim_ascii).map_err(|_| {
        let shown = String::from_utf8_lossy(value.as_bytes()).into_owned();
        S3Error::invalid_argument(name, &shown, format!("The header {name} is not UTF-8"))
    })
}

/// A map of headers, for tests.
#[cfg(test)]
pub(super) fn of(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            http::HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
        );
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let headers = of(&[("a", " x é "), ("b", "1"), ("b", "1"), ("c", "1"), ("c", "2"), ("t", "True"), ("n", "-1")]);
        assert_eq!(one(&headers, "a").unwrap(), Some("x é"));
        assert_eq!(one(&headers, "b").unwrap(), Some("1"));
        assert_eq!(one(&headers, "z").unwrap(), None);
        assert_eq!(one(&headers, "c").unwrap_err().code, "InvalidArgument");
        assert_eq!(joined(&headers, "c").unwrap().as_deref(), Some("1,2"));
        assert_eq!((flag(&headers, "t"), flag(&headers, "z")), (Ok(true), Ok(false)));
        assert_eq!(flag(&headers, "b").unwrap_err().code, "InvalidArgument");
        assert_eq!(number(&headers, "b"), Ok(Some(1)));
        for name in ["n", "a"] {
            assert_eq!(number(&headers, name).unwrap_err().code, "InvalidArgument", "{name}");
        }
        let mut broken = HeaderMap::new();
        broken.insert("x", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(one(&broken, "x").unwrap_err().code, "InvalidArgument");
    }

    #[test]
    fn whole_numbers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("+1", None),
            ("", None),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
    }
}
