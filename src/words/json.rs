//! Strict JSON with a place for every value.
//!
//! A policy is security configuration: a second `Effect` that silently replaces the first is a
//! vulnerability, and a message without a place is of little use. So this reader refuses duplicate
//! names (compared after decoding escapes), unpaired surrogates, control characters, depth beyond
//! [`MAX_DEPTH`] and inputs beyond [`MAX_BYTES`], keeps the text of numbers as written, and knows the
//! byte span of every value. Grammar: RFC 8259. `serde_json` reads the same language; a test compares
//! the two on random input.

use super::codes::Code;
use super::problem::{Problem, Span};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Nesting beyond this is refused. The deepest element of a policy stands at depth 6, of a world at about 15.
pub const MAX_DEPTH: usize = 64;
/// Inputs beyond this are refused before anything is read: 64 MiB.
pub const MAX_BYTES: usize = 64 << 20;
/// Beyond this many problems, further duplicate names are not listed one by one.
const MAX_DUPLICATES: usize = 100;

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it stands, quotes and brackets included.
    pub span: Span,
}

/// The kinds of JSON values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; its text is what the span covers.
    Number,
    /// A string. `None`: the text stands between the quotes as it is; `Some`: it had to be decoded.
    String(Option<Box<str>>),
    /// An array.
    Array(Vec<Node>),
    /// An object, members in the order of the text.
    Object(Vec<Member>),
}

/// One member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name, always a [`Kind::String`].
    pub name: Node,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The text of a string.
    #[must_use]
    pub fn as_str<'s>(&'s self, source: &'s str) -> Option<&'s str> {
        match &self.kind {
            Kind::String(Some(text)) => Some(text),
            Kind::String(None) => {
                Some(source.get(self.span.start as usize + 1..self.span.end as usize - 1).unwrap_or_default())
            }
            _ => None,
        }
    }

    /// The spelling of a string, number or boolean: how AWS compares condition values.
    #[must_use]
    pub fn scalar_text<'s>(&'s self, source: &'s str) -> Option<&'s str> {
        match &self.kind {
            Kind::String(_) => self.as_str(source),
            Kind::Bool(true) => Some("true"),
            Kind::Bool(false) => Some("false"),
            Kind::Number => Some(self.span.of(source)),
            Kind::Null | Kind::Array(_) | Kind::Object(_) => None,
        }
    }

    /// The members of an object.
    #[must_use]
    pub fn members(&self) -> Option<&[Member]> {
        match &self.kind {
            Kind::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items of an array.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The items of an array, or the value itself as a list of one: IAM's "one or many".
    #[must_use]
    pub fn one_or_many(&self) -> &[Node] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// The member of that name.
    #[must_use]
    pub fn get<'n>(&'n self, source: &str, name: &str) -> Option<&'n Node> {
        self.members()?.iter().find(|m| m.name.as_str(source) == Some(name)).map(|m| &m.value)
    }

    /// The kind in words, for messages.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number => "a number",
            Kind::String(_) => "a string",
            Kind::Array(_) => "an array",
            Kind::Object(_) => "an object",
        }
    }

    /// Writes the value as JSON: names in their order, numbers as they were written.
    pub fn print(&self, source: &str, out: &mut String) {
        match &self.kind {
            Kind::Null => out.push_str("null"),
            Kind::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.print(source, out);
                }
                out.push(']');
            }
            Kind::Object(members) => {
                out.push('{');
                for (i, member) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    member.name.print(source, out);
                    out.push(':');
                    member.value.print(source, out);
                }
                out.push('}');
            }
            Kind::String(_) => print_string(self.as_str(source).unwrap_or_default(), out),
            Kind::Bool(_) | Kind::Number => out.push_str(self.scalar_text(source).unwrap_or_default()),
        }
    }
}

/// Writes `text` as a JSON string.
pub fn print_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Checks length and encoding of raw bytes.
///
/// # Errors
/// A problem at the first byte that is not UTF-8, or one for an input that is too long.
pub fn text_of(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the input has {} bytes; the limit is {MAX_BYTES}", bytes.len());
        return Err(Problem::error(Code::InputTooLong, Span::default(), message));
    }
    std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        let message = format!("byte {at} does not start a valid UTF-8 character");
        Problem::error(Code::InvalidUtf8, Span::new(at, at + 1), message)
    })
}

/// Reads one JSON value.
///
/// Duplicate names are reported into `problems` and reading goes on; a syntax error ends it.
/// `None` is returned exactly when a syntax error was reported.
pub fn parse(source: &str, problems: &mut Vec<Problem>) -> Option<Node> {
    if let Err(problem) = text_of(source.as_bytes()) {
        problems.push(problem);
        return None;
    }
    let mut reader = Reader { source, bytes: source.as_bytes(), at: 0, depth: 0, problems };
    let result = reader.document();
    match result {
        Ok(node) => Some(node),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

struct Reader<'s, 'p> {
    source: &'s str,
    bytes: &'s [u8],
    at: usize,
    depth: usize,
    problems: &'p mut Vec<Problem>,
}

type Step<T> = Result<T, Problem>;

impl Reader<'_, '_> {
    fn document(&mut self) -> Step<Node> {
        let node = self.value()?;
        self.skip_space();
        if self.at < self.bytes.len() {
            return Err(self.unexpected("the end of the input"));
        }
        Ok(node)
    }

    fn value(&mut self) -> Step<Node> {
        self.skip_space();
        let start = self.at;
        let kind = match self.bytes.get(self.at) {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { kind, span: Span::new(start, self.at) })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Step<Kind>) -> Step<Kind> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("the input nests deeper than {MAX_DEPTH} levels");
            return Err(Problem::error(Code::TooDeep, Span::new(self.at, self.at + 1), message));
        }
        let kind = read(self)?;
        self.depth -= 1;
        Ok(kind)
    }

    fn object(&mut self) -> Step<Kind> {
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        self.skip_space();
        if self.eat(b'}') {
            return Ok(Kind::Object(members));
        }
        members.reserve(6);
        loop {
            self.skip_space();
            let start = self.at;
            if self.bytes.get(self.at) != Some(&b'"') {
                return Err(self.unexpected("a name in double quotes"));
            }
            let kind = self.string()?;
            let name = Node { kind, span: Span::new(start, self.at) };
            self.skip_space();
            if !self.eat(b':') {
                return Err(self.unexpected("`:`"));
            }
            let value = self.value()?;
            members.push(Member { name, value });
            self.skip_space();
            if self.eat(b'}') {
                self.report_duplicates(&members);
                return Ok(Kind::Object(members));
            }
            if !self.eat(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn report_duplicates(&mut self, members: &[Member]) {
        if self.problems.len() >= MAX_DUPLICATES {
            return;
        }
        // Policies have objects of a handful of members; hashing pays only for large ones.
        if members.len() <= 12 {
            for (i, member) in members.iter().enumerate() {
                for first in members.iter().take(i) {
                    if may_equal(&first.name, &member.name)
                        && let Some(name) = member.name.as_str(self.source)
                        && first.name.as_str(self.source) == Some(name)
                    {
                        self.problems.push(duplicate(self.source, name, first, member));
                        break;
                    }
                }
            }
            return;
        }
        let mut seen: HashMap<&str, &Member> = HashMap::with_capacity(members.len());
        for member in members {
            let name = member.name.as_str(self.source).unwrap_or_default();
            if let Some(first) = seen.get(name) {
                self.problems.push(duplicate(self.source, name, first, member));
                if self.problems.len() >= MAX_DUPLICATES {
                    return;
                }
            } else {
                seen.insert(name, member);
            }
        }
    }

    fn array(&mut self) -> Step<Kind> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.eat(b']') {
            return Ok(Kind::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_space();
            if self.eat(b']') {
                return Ok(Kind::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Step<Kind> {
        let start = self.at + 1;
        self.at = start;
        self.skip_plain();
        match self.bytes.get(self.at) {
            Some(b'"') => {
                self.at += 1;
                Ok(Kind::String(None))
            }
            Some(b'\\') => self.escaped_string(start),
            Some(_) => Err(self.control_character()),
            None => Err(self.unclosed(start - 1)),
        }
    }

    /// Moves to the next byte of a string that means something: a quote, a backslash, a control character.
    fn skip_plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = 0x8080_8080_8080_8080;
        // PERF: eight bytes at a time. A byte below `n` (of 128 at most) sets its high bit in `word - n * ONES`
        // where it had none. Bytes above the first such one may be flagged wrongly, the first never is.
        let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word & HIGHS;
        while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*chunk);
            let quote = word ^ (ONES * u64::from(b'"'));
            let backslash = word ^ (ONES * u64::from(b'\\'));
            let found = below(word, 0x20) | below(quote, 1) | below(backslash, 1);
            self.at += found.trailing_zeros() as usize / 8;
            if found != 0 {
                return;
            }
        }
        while self.bytes.get(self.at).is_some_and(|b| !matches!(b, b'"' | b'\\' | 0..0x20)) {
            self.at += 1;
        }
    }

    /// Continues a string at its first backslash.
    fn escaped_string(&mut self, start: usize) -> Step<Kind> {
        let mut text = String::from(self.source.get(start..self.at).unwrap_or_default());
        loop {
            let plain = self.at;
            self.skip_plain();
            text.push_str(self.source.get(plain..self.at).unwrap_or_default());
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Kind::String(Some(text.into_boxed_str())));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(self.control_character()),
                None => return Err(self.unclosed(start - 1)),
            }
        }
    }

    fn escape(&mut self) -> Step<char> {
        let start = self.at;
        let letter = self.bytes.get(self.at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(self.bad_escape(start)),
        })
    }

    fn unicode_escape(&mut self, start: usize) -> Step<char> {
        let first = self.hex4(start)?;
        let code = match first {
            0xd800..0xdc00 => {
                if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                    return Err(self.bad_escape(start));
                }
                self.at += 2;
                let second = self.hex4(start)?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(self.bad_escape(start));
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.bad_escape(start))
    }

    fn hex4(&mut self, start: usize) -> Step<u32> {
        let digits = self.source.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).ok_or_else(|| self.bad_escape(start))?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Step<Kind> {
        self.eat(b'-');
        if !self.eat(b'0') && self.digits() == 0 {
            return Err(self.unexpected("a digit"));
        }
        if self.eat(b'.') && self.digits() == 0 {
            return Err(self.unexpected("a digit"));
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            if self.digits() == 0 {
                return Err(self.unexpected("a digit"));
            }
        }
        Ok(Kind::Number)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &str, kind: Kind) -> Step<Kind> {
        if self.source.get(self.at..self.at + word.len()) != Some(word) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(kind)
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self, wanted: &str) -> Problem {
        let found = match self.source.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => Cow::from(format!("`{}`", c.escape_debug())),
            None => Cow::from("the end of the input"),
        };
        let end = (self.at + 1).min(self.bytes.len().max(self.at));
        Problem::error(Code::JsonSyntax, Span::new(self.at, end), format!("expected {wanted}, found {found}"))
    }

    fn unclosed(&self, start: usize) -> Problem {
        Problem::error(Code::JsonSyntax, Span::new(start, self.at), "this string is never closed")
    }

    fn control_character(&self) -> Problem {
        let span = Span::new(self.at, self.at + 1);
        Problem::error(Code::JsonSyntax, span, "a control character in a string must be written as an escape")
    }

    fn bad_escape(&self, start: usize) -> Problem {
        let mut end = (start + 2).min(self.bytes.len());
        while !self.source.is_char_boundary(end) {
            end += 1;
        }
        Problem::error(Code::JsonSyntax, Span::new(start, end), "this escape sequence is not valid")
    }
}

/// PERF: names of different lengths differ, unless one had to be decoded.
fn may_equal(a: &Node, b: &Node) -> bool {
    let plain = matches!((&a.kind, &b.kind), (Kind::String(None), Kind::String(None)));
    !plain || a.span.end - a.span.start == b.span.end - b.span.start
}

fn duplicate(source: &str, name: &str, first: &Member, second: &Member) -> Problem {
    let (line, column) = super::problem::position(source, first.name.span.start as usize);
    let message = format!("`{name}` stands twice in this object, first at {line}:{column}");
    Problem::error(Code::DuplicateKey, second.name.span, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<(String, u32)> {
        let mut list = Vec::new();
        parse(text, &mut list);
        list.into_iter().map(|p| (p.code.to_string(), p.span.start)).collect()
    }

    #[test]
    fn reads_values_with_their_spans() {
        let text = r#" {"a": [1.0, -2e3, "x"], "b\u0041": {"c": null}} "#;
        let mut list = Vec::new();
        let node = parse(text, &mut list).expect("valid");
        assert!(list.is_empty());
        assert_eq!(node.span, Span::new(1, text.len() - 1));
        let items = node.get(text, "a").and_then(Node::items).expect("an array");
        assert_eq!(items.iter().map(|n| n.span.of(text)).collect::<Vec<_>>(), ["1.0", "-2e3", "\"x\""]);
        assert!(node.get(text, "bA").is_some());
        let mut printed = String::new();
        node.print(text, &mut printed);
        assert_eq!(printed, r#"{"a":[1.0,-2e3,"x"],"bA":{"c":null}}"#);
    }

    #[test]
    fn finds_what_ends_a_string_at_every_place() {
        for length in 0..20 {
            for plain in ["a", "é", "!", "#", "[", "\u{7f}"] {
                let start = format!("[\"{}", plain.repeat(length));
                for end in ["\"]", "\\n\"]", "\\\"\"]"] {
                    assert_eq!(problems(&format!("{start}{end}")), [], "{start}{end}");
                }
                for control in ["\u{1f}", "\0"] {
                    let at = u32::try_from(start.len()).expect("short");
                    assert_eq!(problems(&format!("{start}{control}\"]")), [("E101".to_owned(), at)], "{start}");
                }
            }
        }
    }

    #[test]
    fn refuses_duplicates_after_decoding() {
        assert_eq!(problems(r#"{"Effect":1,"Eff\u0065ct":2}"#), [("E104".to_owned(), 12)]);
        let many = (0..40).map(|i| format!("\"k{i}\":1")).collect::<Vec<_>>().join(",") + ",";
        assert_eq!(problems(&format!("{{{many}\"k7\":2}}")).len(), 1);
    }

    #[test]
    fn refuses_bad_syntax_with_a_place() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            ("{\"a\" 1}", 5),
            ("01", 1),
            ("1.", 2),
            ("\"\\x\"", 1),
            ("\"\\ud800\"", 1),
            ("tru", 0),
            ("\"a", 0),
            ("{} x", 3),
            ("\"\u{1}\"", 1),
            ("'a'", 0),
            ("\"\\é\"", 1),
        ] {
            assert_eq!(problems(text), [("E101".to_owned(), at)], "{text:?}");
        }
    }

    #[test]
    fn refuses_deep_nesting_without_recursing_into_it() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(problems(&deep), [("E103".to_owned(), 64)]);
    }

    #[test]
    fn refuses_invalid_utf8_with_its_place() {
        let problem = text_of(b"{\"a\":\"\xff\"}").expect_err("not UTF-8");
        assert_eq!((problem.code, problem.span.start), (Code::InvalidUtf8, 6));
    }
}
