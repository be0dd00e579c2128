//! Conditional requests: reads, copy sources, writes and deletes.
//!
//! Source: RFC 9110 section 13; S3 User Guide, "Conditional requests"; S3 API Reference, `CopyObject`.

use super::dates;
use super::headers;
use crate::edges::server::error::S3Error;
use crate::storage::store::{DeleteConditions, EtagMatch, WriteConditions};
use http::HeaderMap;

/// The entity tags of an `If-Match` or `If-None-Match` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ETags {
    /// `*`
    Any,
    /// Tags without their quotes, and whether they are weak.
    Listed(Vec<(String, bool)>),
}

impl ETags {
    /// Reads `*`, or a list of tags; S3 takes tags without quotes too.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.trim_ascii() == "*" {
            return Self::Any;
        }
        let tags = text.split(',').map(str::trim_ascii).filter(|t| !t.is_empty());
        Self::Listed(
            tags.map(|tag| {
                let strong = tag.strip_prefix("W/");
                (strong.unwrap_or(tag).trim_matches('"').to_owned(), strong.is_some())
            })
            .collect(),
        )
    }

    /// Strong comparison: weak tags match nothing.
    fn strongly(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|(tag, weak)| !weak && tag == etag),
        }
    }

    /// What strong comparison can match.
    fn strong(self) -> EtagMatch {
        match self {
            Self::Any => EtagMatch::Any,
            Self::Listed(tags) => {
                EtagMatch::OneOf(tags.into_iter().filter(|(_, weak)| !weak).map(|(t, _)| t).collect())
            }
        }
    }

    /// Weak comparison.
    fn weakly(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|(tag, _)| tag == etag),
        }
    }
}

/// What a conditional read comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Proceed,
    /// 304: the client has it already.
    NotModified,
    /// 412, with the condition's name as S3 writes it.
    PreconditionFailed(&'static str),
}

impl Verdict {
    /// `Ok` for [`Verdict::Proceed`].
    ///
    /// # Errors
    /// `NotModified`, `PreconditionFailed`.
    pub fn into_result(self) -> Result<(), S3Error> {
        match self {
            Self::Proceed => Ok(()),
            Self::NotModified => Err(S3Error::not_modified()),
            Self::PreconditionFailed(condition) => Err(S3Error::precondition_failed(condition)),
        }
    }
}

/// The conditions of a read, or of a copy's source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    if_match: Option<ETags>,
    if_none_match: Option<ETags>,
    if_modified_since: Option<i64>,
    if_unmodified_since: Option<i64>,
    copy_source: bool,
}

impl Conditions {
    /// Those of a GET or HEAD. Dates that are none are ignored, as RFC 9110 has it.
    ///
    /// # Errors
    /// `InvalidArgument` for header bytes that are not UTF-8 and dates sent twice.
    pub fn of_read(headers: &HeaderMap) -> Result<Self, S3Error> {
        Self::of(headers, ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"], false)
    }

    /// Those of a copy's source, `x-amz-copy-source-if-*`; with them, what would be a 304 is a 412.
    ///
    /// # Errors
    /// As [`Conditions::of_read`].
    pub fn of_copy_source(headers: &HeaderMap) -> Result<Self, S3Error> {
        let names = [
            "x-amz-copy-source-if-match",
            "x-amz-copy-source-if-none-match",
            "x-amz-copy-source-if-modified-since",
            "x-amz-copy-source-if-unmodified-since",
        ];
        Self::of(headers, names, true)
    }

    fn of(headers: &HeaderMap, names: [&str; 4], copy_source: bool) -> Result<Self, S3Error> {
        let [if_match, if_none_match, modified, unmodified] = names;
        let tags = |name| Ok::<_, S3Error>(headers::joined(headers, name)?.map(|t| ETags::parse(&t)));
        let date = |name| Ok::<_, S3Error>(headers::one(headers, name)?.and_then(dates::parse_http_date));
        Ok(Self {
            if_match: tags(if_match)?,
            if_none_match: tags(if_none_match)?,
            if_modified_since: date(modified)?,
            if_unmodified_since: date(unmodified)?,
            copy_source,
        })
    }

    /// Whether nothing was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { copy_source: self.copy_source, ..Self::default() }
    }

    /// Judges an object by its entity tag, without quotes, and its last modification in seconds since 1970.
    /// A tag's condition stands before a date's (RFC 9110 section 13.2.2).
    #[must_use]
    pub fn check(&self, etag: &str, last_modified: i64) -> Verdict {
        if let Some(tags) = &self.if_match {
            if !tags.strongly(etag) {
                return self.failed("If-Match", "x-amz-copy-source-If-Match");
            }
        } else if self.if_unmodified_since.is_some_and(|since| last_modified > since) {
            return self.failed("If-Unmodified-Since", "x-amz-copy-source-If-Unmodified-Since");
        }
        let unchanged = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) if tags.weakly(etag) => "x-amz-copy-source-If-None-Match",
            (None, Some(since)) if last_modified <= since => "x-amz-copy-source-If-Modified-Since",
            _ => return Verdict::Proceed,
        };
        if self.copy_source { Verdict::PreconditionFailed(unchanged) } else { Verdict::NotModified }
    }

    fn failed(&self, read: &'static str, copy: &'static str) -> Verdict {
        Verdict::PreconditionFailed(if self.copy_source { copy } else { read })
    }
}

/// The conditions of PUT, of a copy's target and of `CompleteMultipartUpload`. Storage judges them.
///
/// # Errors
/// `NotImplemented` for `If-None-Match` with anything but `*`, and for both conditions at once.
pub fn of_write(headers: &HeaderMap) -> Result<WriteConditions, S3Error> {
    let if_match = headers::joined(headers, "if-match")?.map(|t| ETags::parse(&t).strong());
    let if_none_match = match headers::joined(headers, "if-none-match")?.as_deref() {
        None => None,
        Some("*") => Some(EtagMatch::Any),
        Some(_) => return Err(unsupported("If-None-Match", "If-None-Match of a write must be *")),
    };
    if if_none_match.is_some() && if_match.is_some() {
        return Err(unsupported("If-None-Match", "If-Match and If-None-Match of one write"));
    }
    Ok(WriteConditions { if_match, if_none_match })
}

/// The conditions of `DeleteObject`. Storage judges them.
///
/// # Errors
/// `NotImplemented` for `If-None-Match`, `InvalidArgument` for a date or size that is none.
pub fn of_delete(headers: &HeaderMap) -> Result<DeleteConditions, S3Error> {
    const TIME: &str = "x-amz-if-match-last-modified-time";
    if headers.contains_key("if-none-match") {
        return Err(unsupported("If-None-Match", "If-None-Match of a delete"));
    }
    let if_modified_at = match headers::one(headers, TIME)? {
        None => None,
        Some(text) => Some(dates::parse_http_date(text).ok_or_else(|| {
            S3Error::invalid_argument(TIME, text, "The last modified time must be a date as RFC 9110 writes it")
        })?),
    };
    Ok(DeleteConditions {
        if_match: headers::joined(headers, "if-match")?.map(|t| ETags::parse(&t).strong()),
        if_modified_at,
        if_size: headers::number(headers, "x-amz-if-match-size")?,
    })
}

fn unsupported(header: &str, what: &str) -> S3Error {
    S3Error::not_implemented(what).with("Header", header)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 784_111_777;
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn reads() {
        let failed = Verdict::PreconditionFailed;
        let table: &[(&[(&str, &str)], Verdict)] = &[
            (&[], Verdict::Proceed),
            (&[("if-match", "\"e\"")], Verdict::Proceed),
            (&[("if-match", "e")], Verdict::Proceed),
            (&[("if-match", "*")], Verdict::Proceed),
            (&[("if-match", "\"x\", \"e\"")], Verdict::Proceed),
            (&[("if-match", "\"x\""), ("if-match", "\"e\"")], Verdict::Proceed),
            (&[("if-match", "W/\"e\"")], failed("If-Match")),
            (&[("if-match", "\"x\"")], failed("If-Match")),
            (&[("if-match", "")], failed("If-Match")),
            (&[("if-none-match", "\"x\"")], Verdict::Proceed),
            (&[("if-none-match", "\"e\"")], Verdict::NotModified),
            (&[("if-none-match", "W/\"e\"")], Verdict::NotModified),
            (&[("if-none-match", "*")], Verdict::NotModified),
            (&[("if-modified-since", THEN)], Verdict::NotModified),
            (&[("if-modified-since", BEFORE)], Verdict::Proceed),
            (&[("if-modified-since", "nonsense")], Verdict::Proceed),
            (&[("if-unmodified-since", THEN)], Verdict::Proceed),
            (&[("if-unmodified-since", BEFORE)], failed("If-Unmodified-Since")),
            (&[("if-match", "e"), ("if-unmodified-since", BEFORE)], Verdict::Proceed),
            (&[("if-none-match", "x"), ("if-modified-since", THEN)], Verdict::Proceed),
            (&[("if-none-match", "e"), ("if-modified-since", BEFORE)], Verdict::NotModified),
            (&[("if-match", "e"), ("if-none-match", "e")], Verdict::NotModified),
            (&[("if-unmodified-since", BEFORE), ("if-none-match", "e")], failed("If-Unmodified-Since")),
        ];
        for (pairs, expected) in table {
            let conditions = Conditions::of_read(&headers::of(pairs)).unwrap();
            assert_eq!(conditions.check("e", AT), *expected, "{pairs:?}");
            let ignored = pairs.iter().all(|(_, v)| *v == "nonsense");
            assert_eq!(conditions.is_empty(), ignored, "{pairs:?}");
        }
    }

    #[test]
    fn copy_sources_never_answer_304() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("x-amz-copy-source-if-match", "x", Some("x-amz-copy-source-If-Match")),
            ("x-amz-copy-source-if-none-match", "e", Some("x-amz-copy-source-If-None-Match")),
            ("x-amz-copy-source-if-modified-since", THEN, Some("x-amz-copy-source-If-Modified-Since")),
            ("x-amz-copy-source-if-unmodified-since", BEFORE, Some("x-amz-copy-source-If-Unmodified-Since")),
            ("x-amz-copy-source-if-match", "e", None),
            ("if-match", "x", None),
        ];
        for (name, value, expected) in table {
            let conditions = Conditions::of_copy_source(&headers::of(&[(name, value)])).unwrap();
            let expected = expected.map_or(Verdict::Proceed, Verdict::PreconditionFailed);
            assert_eq!(conditions.check("e", AT), expected, "{name}: {value}");
        }
    }

    #[test]
    fn verdicts_as_errors() {
        assert_eq!(Verdict::Proceed.into_result(), Ok(()));
        assert_eq!(Verdict::NotModified.into_result().unwrap_err().status, 304);
        let error = Verdict::PreconditionFailed("If-Match").into_result().unwrap_err();
        assert_eq!((error.code, error.details), ("PreconditionFailed", vec![("Condition", "If-Match".to_owned())]));
    }

    type Row<'a> = (&'a [(&'a str, &'a str)], Result<WriteConditions, &'a str>);

    #[test]
    fn writes() {
        let one = |tag: &str| Some(EtagMatch::OneOf(vec![tag.to_owned()]));
        let table: &[Row<'_>] = &[
            (&[], Ok(WriteConditions::default())),
            (
                &[("if-none-match", "*")],
                Ok(WriteConditions { if_none_match: Some(EtagMatch::Any), ..WriteConditions::default() }),
            ),
            (&[("if-none-match", "\"e\"")], Err("NotImplemented")),
            (&[("if-match", "\"e\"")], Ok(WriteConditions { if_match: one("e"), ..WriteConditions::default() })),
            (&[("if-match", "e, W/\"x\"")], Ok(WriteConditions { if_match: one("e"), ..WriteConditions::default() })),
            (&[("if-match", "e"), ("if-none-match", "*")], Err("NotImplemented")),
        ];
        for (pairs, expected) in table {
            let read = of_write(&headers::of(pairs)).map_err(|e| e.code);
            assert_eq!(read, expected.clone(), "{pairs:?}");
        }
    }

    #[test]
    fn deletes() {
        let table: &[(&[(&str, &str)], &str)] = &[
            (&[], ""),
            (&[("if-match", "*"), ("x-amz-if-match-size", "5"), ("x-amz-if-match-last-modified-time", THEN)], ""),
            (&[("if-none-match", "*")], "NotImplemented"),
            (&[("x-amz-if-match-size", "-5")], "InvalidArgument"),
            (&[("x-amz-if-match-last-modified-time", "yesterday")], "InvalidArgument"),
        ];
        for (pairs, expected) in table {
            let read = of_delete(&headers::of(pairs));
            assert_eq!(read.as_ref().map_or_else(|e| e.code, |_| ""), *expected, "{pairs:?}");
            if pairs.len() == 3 {
                let read = read.expect("legal");
                assert_eq!((read.if_modified_at, read.if_size), (Some(AT), Some(5)));
            }
        }
    }
}
