//! Tags of objects and buckets.
//!
//! Source: S3 User Guide, "Categorizing your objects using tags"; AWS Billing, "User-defined tag restrictions".

use super::{names, xml};
use crate::edges::server::error::S3Error;
use s3s::dto;

/// The most tags of an object.
pub const MAX_OBJECT_TAGS: usize = 10;
/// The most tags of a bucket.
pub const MAX_BUCKET_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// Tags in the order in which they were sent.
pub type Tags = Vec<(String, String)>;

/// Reads the header `x-amz-tagging`, `k1=v1&k2=v2`, percent-encoded.
///
/// # Errors
/// `InvalidArgument` for broken encoding, `InvalidTag`, for more than ten tags too.
pub fn parse_header(header: &str) -> Result<Tags, S3Error> {
    let refused = || {
        S3Error::invalid_argument(
            "x-amz-tagging",
            header,
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag \
             name duplicates.",
        )
    };
    let decode = |text: &str| names::decode(&text.replace('+', " ")).map_err(|_| refused());
    let mut tags = Tags::new();
    for piece in header.split('&').filter(|p| !p.is_empty()) {
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        let key = decode(key)?;
        if tags.iter().any(|(k, _)| *k == key) {
            return Err(refused());
        }
        tags.push((key, decode(value)?));
    }
    check(&tags, MAX_OBJECT_TAGS)?;
    Ok(tags)
}

/// Reads a `Tagging` document with at most `max` tags.
///
/// # Errors
/// `MalformedXML`; `InvalidTag`, for more than `max` tags too.
pub fn parse_xml(body: &[u8], max: usize) -> Result<Tags, S3Error> {
    let tagging: dto::Tagging = xml::parse(body)?;
    let tags = tagging
        .tag_set
        .into_iter()
        .map(|tag| match (tag.key, tag.value) {
            (Some(key), Some(value)) => Ok((key, value)),
            (None, _) => Err(S3Error::malformed_xml("a Tag has no Key")),
            (_, None) => Err(S3Error::malformed_xml("a Tag has no Value")),
        })
        .collect::<Result<Tags, _>>()?;
    check(&tags, max)?;
    Ok(tags)
}

/// Checks a whole set.
///
/// # Errors
/// `InvalidTag`, for more than `max` tags too.
pub fn check(tags: &[(String, String)], max: usize) -> Result<(), S3Error> {
    if tags.len() > max {
        let whose = if max == MAX_OBJECT_TAGS { "Object" } else { "Bucket" };
        return Err(S3Error::invalid_tag(format!("{whose} tags cannot be greater than {max}")));
    }
    for (at, (key, value)) in tags.iter().enumerate() {
        if tags.iter().skip(at + 1).any(|(other, _)| other == key) {
            return Err(S3Error::invalid_tag("Cannot provide multiple Tags with the same key").with("TagKey", key));
        }
        if key.is_empty() || characters(key) > MAX_KEY || !key.chars().all(legal) {
            return Err(S3Error::invalid_tag("The TagKey you have provided is invalid").with("TagKey", key));
        }
        if characters(value) > MAX_VALUE || !value.chars().all(legal) {
            return Err(S3Error::invalid_tag("The TagValue you have provided is invalid")
                .with("TagKey", key)
                .with("TagValue", value));
        }
        if key.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("aws:")) {
            return Err(S3Error::invalid_tag("System tags cannot be added/updated by requester").with("TagKey", key));
        }
    }
    Ok(())
}

/// The `TagSet` of an answer.
#[must_use]
pub fn tag_set(tags: &[(String, String)]) -> dto::TagSet {
    tags.iter().map(|(key, value)| dto::Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

/// Lengths count UTF-16 units, as AWS does.
fn characters(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Letters, blanks, numbers and `_ . : / = + - @`, of every script.
fn legal(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c) || is_mark_or_space(c)
}

/// Marks belong to the letters of many scripts; Rust's own tables class letters and numbers only.
fn is_mark_or_space(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && (c.is_whitespace() || ('\u{300}'..='\u{36f}').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> String {
        match parse_header(text) {
            Ok(tags) => tags.iter().flat_map(|(k, v)| [k, "=", v, ";"]).collect(),
            Err(error) => error.code.to_owned(),
        }
    }

    #[test]
    fn headers() {
        for (text, expected) in [
            ("", ""),
            ("a=1&b=2", "a=1;b=2;"),
            ("a=&b", "a=;b=;"),
            ("a%20b=c+d%2B", "a b=c d+;"),
            ("k=a=b", "k=a=b;"),
            ("a=1&a=1", "InvalidArgument"),
            ("a=%zz", "InvalidArgument"),
            ("=x", "InvalidTag"),
            ("aws:x=1", "InvalidTag"),
            ("AWS:x=1", "InvalidTag"),
            ("a=%3C", "InvalidTag"),
            ("a%00=1", "InvalidTag"),
            ("é=ü", "é=ü;"),
        ] {
            assert_eq!(header(text), expected, "{text}");
        }
    }

    #[test]
    fn limits() {
        let many = |n: usize| (0..n).map(|i| (format!("k{i}"), String::new())).collect::<Tags>();
        assert!(check(&many(10), MAX_OBJECT_TAGS).is_ok() && check(&many(50), MAX_BUCKET_TAGS).is_ok());
        assert_eq!(check(&many(11), MAX_OBJECT_TAGS).unwrap_err().code, "InvalidTag");
        assert_eq!(check(&many(51), MAX_BUCKET_TAGS).unwrap_err().code, "InvalidTag");
        for (key, value, good) in [(128, 256, true), (129, 0, false), (1, 257, false)] {
            assert_eq!(check(&[("k".repeat(key), "v".repeat(value))], 10).is_ok(), good, "{key} {value}");
        }
    }

    #[test]
    fn documents() {
        let of = |tags: &str| parse_xml(format!("<Tagging><TagSet>{tags}</TagSet></Tagging>").as_bytes(), 10);
        let tag = |k: &str, v: &str| format!("<Tag><Key>{k}</Key><Value>{v}</Value></Tag>");
        assert_eq!(of("").unwrap(), []);
        assert_eq!(of(&tag("a", "1")).unwrap(), [("a".to_owned(), "1".to_owned())]);
        assert_eq!(of(&tag("a", "")).unwrap(), [("a".to_owned(), String::new())]);
        let error = of(&(tag("a", "1") + &tag("a", "2"))).unwrap_err();
        assert_eq!((error.code, &*error.message), ("InvalidTag", "Cannot provide multiple Tags with the same key"));
        assert_eq!(of("<Tag><Key>a</Key></Tag>").unwrap_err().code, "MalformedXML");
        assert_eq!(of("<Tag><Value>a</Value></Tag>").unwrap_err().code, "MalformedXML");
        assert_eq!(parse_xml(b"<Tagging/>", 10).unwrap_err().code, "MalformedXML");
    }

    #[test]
    fn answers() {
        let set = tag_set(&[("a".to_owned(), "1".to_owned())]);
        let text = xml::body(&dto::GetObjectTaggingOutput { tag_set: set, version_id: None });
        let text = std::str::from_utf8(&text).unwrap();
        assert!(text.contains("<TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet>"), "{text}");
    }
}
