//! One pass over an XML body before it is parsed: refuses what could cost more than its length, or could be
//! read in two ways, and resolves CDATA sections and character references, which `s3s` does not (fully).

use crate::edges::server::error::S3Error;
use std::borrow::Cow;

/// S3's deepest document has seven levels.
const MAX_DEPTH: usize = 32;

/// The body's text without byte order mark, CDATA sections and numeric references.
pub(super) fn prepare(body: &[u8]) -> Result<Cow<'_, str>, S3Error> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(S3Error::of("MissingRequestBodyError"));
    }
    let text = std::str::from_utf8(body).map_err(|e| {
        let line = line_of(body, e.valid_up_to());
        S3Error::malformed_xml(&format!("line {line}: it is not UTF-8"))
    })?;
    let mut scan = Scan { text, at: 0, depth: 0, roots: 0, copied: 0, out: None };
    scan.run().map_err(|what| {
        let line = line_of(body, scan.at);
        S3Error::malformed_xml(&format!("line {line}: {what}"))
    })?;
    Ok(match scan.out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(from(text, scan.copied));
            Cow::Owned(out)
        }
    })
}

fn line_of(body: &[u8], at: usize) -> usize {
    1 + body.iter().take(at).filter(|b| **b == b'\n').count()
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    roots: usize,
    /// How much of the text stands in `out`.
    copied: usize,
    /// Filled only if something had to be replaced.
    out: Option<String>,
}

type Outcome = Result<(), &'static str>;

/// INVARIANT: positions stand before or behind ASCII markup, so never inside of a character.
fn from(text: &str, begin: usize) -> &str {
    text.get(begin..).expect("a position in the text, at ASCII")
}

/// INVARIANT: as [`from`].
fn between(text: &str, begin: usize, end: usize) -> &str {
    text.get(begin..end).expect("two positions in the text, in order, at ASCII")
}

impl Scan<'_> {
    fn run(&mut self) -> Outcome {
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'<' => self.markup()?,
                b'&' => self.reference()?,
                b'\t' | b'\n' | b'\r' => self.at += 1,
                0..=0x1f => return Err("a control character is not allowed in XML"),
                byte if self.depth == 0 && *byte != b' ' => return Err("text stands outside of the root element"),
                _ => self.at += 1,
            }
        }
        match (self.depth, self.roots) {
            (0, 1) => Ok(()),
            (0, _) => Err("there must be one root element"),
            _ => Err("an element is not closed"),
        }
    }

    fn markup(&mut self) -> Outcome {
        let rest = from(self.text, self.at);
        if rest.starts_with("<!--") {
            self.skip_past("-->", 4, "a comment is not closed")
        } else if rest.starts_with("<![CDATA[") {
            self.cdata()
        } else if rest.starts_with("<!") {
            Err("document types and entity declarations are not allowed")
        } else if rest.starts_with("<?") {
            self.instruction()
        } else if rest.starts_with("</") {
            self.depth = self.depth.checked_sub(1).ok_or("an element is closed that was not opened")?;
            self.skip_past(">", 2, "a tag is not closed")
        } else {
            self.start_tag()
        }
    }

    fn skip_past(&mut self, end: &str, from: usize, unclosed: &'static str) -> Outcome {
        let rest = self.text.get(self.at + from..).unwrap_or_default();
        self.at += from + rest.find(end).ok_or(unclosed)? + end.len();
        Ok(())
    }

    fn cdata(&mut self) -> Outcome {
        if self.depth == 0 {
            return Err("text stands outside of the root element");
        }
        let begin = self.at;
        self.skip_past("]]>", 9, "a CDATA section is not closed")?;
        let content = between(self.text, begin + 9, self.at - 3);
        if content.bytes().any(|b| b < 0x20 && !b.is_ascii_whitespace()) {
            return Err("a control character is not allowed in XML");
        }
        let escaped = content.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.replace(begin, &escaped);
        Ok(())
    }

    /// A processing instruction or the XML declaration, whose encoding must be one that UTF-8 covers.
    fn instruction(&mut self) -> Outcome {
        let begin = self.at;
        self.skip_past("?>", 2, "a processing instruction is not closed")?;
        let instruction = between(self.text, begin, self.at);
        if instruction.starts_with("<?xml ")
            && let Some((_, named)) = instruction.split_once("encoding")
        {
            let name = named.trim_start_matches([' ', '=', '"', '\'']);
            let name = name.split(['"', '\'']).next().unwrap_or_default();
            if !["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|n| name.eq_ignore_ascii_case(n)) {
                return Err("the encoding must be UTF-8");
            }
        }
        Ok(())
    }

    fn start_tag(&mut self) -> Outcome {
        let mut quote = None;
        let rest = from(self.text, self.at);
        let end = rest.bytes().skip(1).position(|byte| match (quote, byte) {
            (None, b'>') => true,
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                false
            }
            (Some(open), byte) if open == byte => {
                quote = None;
                false
            }
            _ => false,
        });
        let length = end.ok_or("a tag is not closed")? + 2;
        let tag = between(rest, 1, length);
        if tag.contains(['<', '&']) {
            return Err("a tag is broken");
        }
        if self.depth == 0 {
            self.roots += 1;
        }
        if !tag.ends_with("/>") {
            self.depth += 1;
        }
        if self.depth > MAX_DEPTH {
            return Err("elements nest too deep");
        }
        self.at += length;
        Ok(())
    }

    fn reference(&mut self) -> Outcome {
        if self.depth == 0 {
            return Err("text stands outside of the root element");
        }
        let begin = self.at;
        let rest = from(self.text, begin + 1);
        let (name, _) = rest.split_once(';').ok_or("an & starts no reference")?;
        self.at += name.len() + 2;
        let Some(number) = name.strip_prefix('#') else {
            return match name {
                "amp" | "lt" | "gt" | "quot" | "apos" => Ok(()),
                _ => {
                    self.at = begin;
                    Err("only the five entities of XML itself are known")
                }
            };
        };
        let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
        let legal = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
        let Some(c) = u32::from_str_radix(digits, radix)
            .ok()
            .filter(|_| !digits.starts_with('+'))
            .and_then(char::from_u32)
            .filter(legal)
        else {
            self.at = begin;
            return Err("a character reference names no character of XML");
        };
        match c {
            '&' => self.replace(begin, "&amp;"),
            '<' => self.replace(begin, "&lt;"),
            '>' => self.replace(begin, "&gt;"),
            c => self.replace(begin, c.encode_utf8(&mut [0; 4])),
        }
        Ok(())
    }

    /// What stands from `begin` to here becomes `text`.
    fn replace(&mut self, begin: usize, text: &str) {
        let out = self.out.get_or_insert_with(|| String::with_capacity(self.text.len()));
        out.push_str(between(self.text, self.copied, begin));
        out.push_str(text);
        self.copied = self.at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_and_broken_text() {
        let deep = format!("{}{}", "<a>".repeat(33), "</a>".repeat(33));
        let as_deep_as_allowed = format!("{}{}", "<a>".repeat(32), "</a>".repeat(32));
        let table: &[(&[u8], Option<&str>)] = &[
            (b"<a/>", None),
            (b"<a b='>'>x</a>", None),
            (b"<?xml version='1.0' encoding='utf-8'?><a/>", None),
            (as_deep_as_allowed.as_bytes(), None),
            (deep.as_bytes(), Some("line 1: elements nest too deep")),
            (b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", Some("line 1: document types")),
            (b"<a>\n<!ENTITY b 'c'></a>", Some("line 2: document types")),
            (b"<a>&b;</a>", Some("line 1: only the five entities")),
            (b"<a>& </a>", Some("an & starts no reference")),
            (b"<a>&#0;</a>", Some("names no character")),
            (b"<a>&#x1;</a>", Some("names no character")),
            (b"<a>&#xD800;</a>", Some("names no character")),
            (b"<a>&#+65;</a>", Some("names no character")),
            (b"<a>&#99999999999;</a>", Some("names no character")),
            (b"<a>\x01</a>", Some("a control character")),
            (b"<a><![CDATA[\x01]]></a>", Some("a control character")),
            (b"<a>\xff</a>", Some("not UTF-8")),
            (b"<a></a></a>", Some("closed that was not opened")),
            (b"<a><b></a>", Some("not closed")),
            (b"<a", Some("a tag is not closed")),
            (b"<a><!-- x</a>", Some("a comment is not closed")),
            (b"<a><![CDATA[x</a>", Some("a CDATA section is not closed")),
            (b"<a/><b/>", Some("one root")),
            (b"x<a/>", Some("outside of the root")),
            (b"<!-- only -->", Some("one root")),
            (b"<?xml version='1.0' encoding='UTF-16'?><a/>", Some("the encoding must be UTF-8")),
        ];
        for (body, expected) in table {
            let shown = String::from_utf8_lossy(body);
            match (prepare(body), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(what)) => assert!(error.message.contains(what), "{shown}: {}", error.message),
                (other, _) => panic!("{shown}: {other:?}"),
            }
        }
    }

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(prepare(b"<a>x &amp; y</a>"), Ok(Cow::Borrowed(_))));
        assert_eq!(prepare(b"<a>&#65;b<![CDATA[&]]>c</a>").unwrap(), "<a>Abb&amp;c</a>".replace("bb", "b"));
    }
}
