//! XML bodies in and out.
//!
//! In: the text is read over once by `scan`, which refuses what no S3 request needs (document types, entities,
//! deep nesting, other encodings), then by `s3s`, which ignores unknown elements in most documents and refuses
//! them, doubled elements and missing ones in the others. Out: what XML 1.0 cannot carry is written as a
//! character reference, as S3 does it; clients that list such keys ask for `encoding-type=url`.

mod scan;
pub mod tree;

use crate::edges::server::error::S3Error;
use bytes::Bytes;
use s3s::dto;
use s3s::xml::{DeError, Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Write as _;

/// The most keys of one `DeleteObjects`.
pub const MAX_DELETED_KEYS: usize = 1000;

/// Reads a body.
///
/// # Errors
/// `MissingRequestBodyError` for an empty body, `MalformedXML` for everything that is not the document wanted.
pub fn parse<T: for<'x> Deserialize<'x>>(body: &[u8]) -> Result<T, S3Error> {
    let text = scan::prepare(body)?;
    let mut reader = Deserializer::new(text.as_bytes());
    let value = T::deserialize(&mut reader).map_err(|e| refused(&e))?;
    reader.expect_eof().map_err(|e| refused(&e))?;
    Ok(value)
}

fn refused(error: &DeError) -> S3Error {
    S3Error::malformed_xml(match error {
        DeError::InvalidXml(_) => "an element is not closed or a tag is broken",
        DeError::UnexpectedEof => "it ends too early",
        DeError::UnexpectedStart => "an element stands where text is wanted",
        DeError::UnexpectedEnd => "an element is empty that must not be",
        DeError::UnexpectedTagName => "an element has a name that is not known there",
        DeError::InvalidAttribute | DeError::UnexpectedAttributeName => "an attribute is not valid",
        DeError::InvalidContent => "the text of an element is not a value of its type",
        DeError::MissingField => "a required element is missing",
        DeError::DuplicateField => "an element stands twice that may stand once",
    })
}

/// The objects of a `DeleteObjects`: 1 to 1,000. Keys that are too long are refused one by one, by the caller.
///
/// # Errors
/// `MalformedXML`, `MissingRequestBodyError`.
pub fn parse_delete(body: &[u8]) -> Result<dto::Delete, S3Error> {
    let delete: dto::Delete = parse(body)?;
    match delete.objects.len() {
        0 => Err(S3Error::malformed_xml("no object is listed")),
        1..=MAX_DELETED_KEYS => match delete.objects.iter().position(|o| o.key.is_empty()) {
            Some(at) => Err(S3Error::malformed_xml(&format!("Object {} has an empty Key", at + 1))),
            None => Ok(delete),
        },
        n => Err(S3Error::malformed_xml(&format!("{n} objects are listed, at most {MAX_DELETED_KEYS} may be"))),
    }
}

/// Writes a document with its XML declaration.
///
/// # Panics
/// Never: memory takes every write, and no value of `s3s` fails to be written.
#[must_use]
pub fn body<T: Serialize>(value: &T) -> Bytes {
    let mut buffer = Vec::with_capacity(1024);
    let mut writer = Serializer::new(&mut buffer);
    writer
        .decl()
        .and_then(|()| value.serialize(&mut writer))
        .expect("writing to memory does not fail and every value has a text");
    Bytes::from(carriable(buffer))
}

/// Replaces what XML 1.0 cannot carry, or would change in reading, by character references.
fn carriable(buffer: Vec<u8>) -> Vec<u8> {
    let control = |b: u8| b < 0x20 && b != b'\n' && b != b'\t';
    // PERF: nearly no listing holds such a byte; U+FFFE and U+FFFF begin with 0xef.
    if !buffer.iter().any(|b| control(*b) || *b == 0xef) {
        return buffer;
    }
    let mut out = Vec::with_capacity(buffer.len() + 64);
    let mut reference = String::new();
    let mut at = 0;
    while let Some(rest) = buffer.get(at..) {
        let (code, length) = match rest {
            [byte, ..] if control(*byte) => (u32::from(*byte), 1),
            [0xef, 0xbf, 0xbe, ..] => (0xfffe, 3),
            [0xef, 0xbf, 0xbf, ..] => (0xffff, 3),
            [byte, ..] => {
                out.push(*byte);
                at += 1;
                continue;
            }
            [] => break,
        };
        reference.clear();
        let _ = write!(reference, "&#x{code:x};");
        out.extend_from_slice(reference.as_bytes());
        at += length;
    }
    out
}

/// The document that answers a POST form with status 201.
/// Source: S3 API Reference, "POST Object", `PostResponse`.
///
/// # Panics
/// Never, as [`body`].
#[must_use]
pub fn post_response(location: &str, bucket: &str, key: &str, etag: &str) -> Bytes {
    let mut buffer = Vec::with_capacity(256);
    let mut writer = Serializer::new(&mut buffer);
    let fields = [("Location", location), ("Bucket", bucket), ("Key", key), ("ETag", etag)];
    writer
        .decl()
        .and_then(|()| {
            writer.element("PostResponse", |inner| {
                fields.iter().try_for_each(|(name, value)| inner.content(name, *value))
            })
        })
        .expect("writing to memory does not fail and every value has a text");
    Bytes::from(carriable(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3s::dto::{Delete, VersioningConfiguration};

    fn code<T: for<'x> Deserialize<'x>>(body: &str) -> &'static str {
        parse::<T>(body.as_bytes()).map_or_else(|e| e.code, |_| "")
    }

    #[test]
    fn what_is_read_and_what_is_refused() {
        let table = [
            ("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", ""),
            ("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<VersioningConfiguration/>\n", ""),
            ("<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>", ""),
            ("<VersioningConfiguration><!-- c --><Status><![CDATA[Enabled]]></Status></VersioningConfiguration>", ""),
            ("<VersioningConfiguration><Unknown><A/></Unknown></VersioningConfiguration>", ""),
            ("", "MissingRequestBodyError"),
            (" \n", "MissingRequestBodyError"),
            ("nonsense", "MalformedXML"),
            ("<Other/>", "MalformedXML"),
            ("<VersioningConfiguration>", "MalformedXML"),
            ("<VersioningConfiguration/><VersioningConfiguration/>", "MalformedXML"),
            ("<VersioningConfiguration/>x", "MalformedXML"),
            ("<VersioningConfiguration><Status>a</Status><Status>b</Status></VersioningConfiguration>", "MalformedXML"),
            ("<!DOCTYPE a><VersioningConfiguration/>", "MalformedXML"),
        ];
        for (text, expected) in table {
            assert_eq!(code::<VersioningConfiguration>(text), expected, "{text}");
        }
    }

    #[test]
    fn cdata_and_references_keep_their_text() {
        let delete: Delete =
            parse("<Delete><Object><Key><![CDATA[a<b]]>&amp;&#x1F600;&#60;&#13;</Key></Object></Delete>".as_bytes())
                .unwrap();
        assert_eq!(delete.objects[0].key, "a<b&\u{1F600}<\r");
    }

    #[test]
    fn limits_of_delete() {
        let listing = |n: usize, key: &str| {
            format!("<Delete>{}</Delete>", format!("<Object><Key>{key}</Key></Object>").repeat(n))
        };
        for (n, key, good) in [(0, "k", false), (1, "k", true), (1000, "k", true), (1001, "k", false), (1, "", false)] {
            let read = parse_delete(listing(n, key).as_bytes());
            assert_eq!(read.is_ok(), good, "{n} of {key:?}");
            if let Err(error) = read {
                assert_eq!(error.code, "MalformedXML");
            }
        }
    }

    #[test]
    fn what_xml_cannot_carry_is_a_reference() {
        let out = dto::DeleteObjectsOutput {
            deleted: Some(vec![dto::DeletedObject {
                key: Some("a\u{1}\r\n\u{ffff}\u{fffe}\u{fffd}<é".to_owned()),
                ..Default::default()
            }]),
            ..Default::default()
        };
        let text = String::from_utf8(body(&out).to_vec()).unwrap();
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"), "{text}");
        assert!(text.contains("<Key>a&#x1;&#xd;\n&#xffff;&#xfffe;\u{fffd}&lt;é</Key>"), "{text}");
    }

    proptest::proptest! {
        /// Text goes out and comes in as it was, whatever XML can carry; the rest is refused, never changed.
        #[test]
        fn keys_there_and_back(key in ".{1,40}") {
            let sent = Delete {
                objects: vec![dto::ObjectIdentifier { key: key.clone(), ..Default::default() }],
                quiet: None,
            };
            let carried = key.chars().all(|c| c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}');
            match parse_delete(&body(&sent)) {
                Ok(read) => proptest::prop_assert_eq!(&read.objects[0].key, &key),
                Err(error) => proptest::prop_assert!(!carried, "{}", error.message),
            }
        }

        /// Whatever comes, there is an answer.
        #[test]
        fn no_body_panics(body in "[<>/&;#x!a\\[\\]CDT\"'?= -]{0,60}", bytes: Vec<u8>) {
            let wrapped = format!("<Delete>{body}</Delete>");
            for text in [body.as_bytes(), wrapped.as_bytes(), &bytes] {
                let _ = parse_delete(text);
            }
        }
    }
}
