//! YAML as the same tree as JSON, with a place for every node.
//!
//! The core schema decides types: `true`, `null` and numbers are what they look like, everything else
//! is text. Anchors, aliases, tags and a second document are refused.

use crate::words::codes::Code;
use crate::words::json::{Kind, MAX_DEPTH, Member, Node};
use crate::words::problem::{Problem, Span};
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

/// Reads one YAML document; `None` exactly when a problem was reported that ended the reading.
pub fn parse(source: &str, problems: &mut Vec<Problem>) -> Option<Node> {
    let offsets: Vec<usize> = source.char_indices().map(|(at, _)| at).chain([source.len()]).collect();
    let mut reader = Reader { source, offsets, parser: Parser::new_from_str(source), problems };
    match reader.document() {
        Ok(node) => Some(node),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

struct Reader<'s, 'p> {
    source: &'s str,
    /// Byte offsets of the characters: the parser counts characters.
    offsets: Vec<usize>,
    parser: Parser<'s, StrInput<'s>>,
    problems: &'p mut Vec<Problem>,
}

type Step<T> = Result<T, Problem>;

impl<'s> Reader<'s, '_> {
    fn offset(&self, character: usize) -> usize {
        self.offsets.get(character).copied().unwrap_or(self.source.len())
    }

    fn next(&mut self) -> Step<(Event<'s>, Span)> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                Ok((event, Span::new(self.offset(span.start.index()), self.offset(span.end.index()))))
            }
            Some(Err(error)) => {
                let at = self.offset(error.marker().index());
                Err(Problem::error(Code::YamlSyntax, Span::new(at, at + 1), error.info()))
            }
            None => Err(Problem::error(Code::YamlSyntax, Span::default(), "the document ends too early")),
        }
    }

    fn document(&mut self) -> Step<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => {
                    return root.ok_or_else(|| Problem::error(Code::YamlSyntax, span, "the file is empty"));
                }
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(Problem::error(Code::YamlSyntax, span, "only one document is expected"));
                }
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                event => root = Some(self.node(event, span, 0)?),
            }
        }
    }

    fn node(&mut self, event: Event<'s>, span: Span, depth: usize) -> Step<Node> {
        if depth > MAX_DEPTH {
            return Err(Problem::error(Code::TooDeep, span, format!("the input nests deeper than {MAX_DEPTH} levels")));
        }
        match event {
            Event::Scalar(text, style, 0, None) => Ok(Node { kind: scalar(&text, style), span }),
            Event::SequenceStart(0, None) => self.sequence(span, depth),
            Event::MappingStart(0, None) => self.mapping(span, depth),
            _ => Err(Problem::error(Code::YamlSyntax, span, "anchors, aliases and tags are not supported")),
        }
    }

    fn sequence(&mut self, start: Span, depth: usize) -> Step<Node> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node { kind: Kind::Array(items), span: Span { start: start.start, end: span.end } });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Step<Node> {
        let mut members: Vec<Member> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Node { kind: Kind::Object(members), span: Span { start: start.start, end: span.end } });
            }
            let Event::Scalar(text, _, 0, None) = event else {
                return Err(Problem::error(Code::YamlSyntax, span, "a name must be plain text"));
            };
            let name = Node { kind: Kind::String(Some(text.as_ref().into())), span };
            let twin = members.iter().find(|m| m.name.as_str(self.source) == Some(&*text));
            if let Some(twin) = twin {
                let (line, column) = crate::words::problem::position(self.source, twin.name.span.start as usize);
                let message = format!("`{text}` stands twice in this mapping, first at {line}:{column}");
                self.problems.push(Problem::error(Code::DuplicateKey, span, message));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            members.push(Member { name, value });
        }
    }
}

/// YAML 1.2 core schema.
fn scalar(text: &str, style: ScalarStyle) -> Kind {
    if style != ScalarStyle::Plain {
        return Kind::String(Some(text.into()));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        _ if crate::words::values::Number::parse(text).is_some() => Kind::Number,
        _ => Kind::String(Some(text.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_json_reads() {
        let text = "a: [1, é, 'x: y']\nb:\n  c: true\n  d: ~\nversion: 2012-10-17\n";
        let mut problems = Vec::new();
        let node = parse(text, &mut problems).expect("valid");
        let mut printed = String::new();
        node.print(text, &mut printed);
        assert_eq!(printed, r#"{"a":[1,"é","x: y"],"b":{"c":true,"d":null},"version":"2012-10-17"}"#);
        let items = node.get(text, "a").and_then(Node::items).expect("a list");
        assert_eq!(items.iter().map(|n| n.span.of(text)).collect::<Vec<_>>(), ["1", "é", "'x: y'"]);
    }

    #[test]
    fn refuses_what_has_no_place_here() {
        for text in ["", "a: &x 1", "a: *x", "a: !!str 1", "- a\n---\n- b", "a: [", "{[a]: 1}"] {
            let mut problems = Vec::new();
            assert!(parse(text, &mut problems).is_none(), "{text:?}");
            assert_eq!(problems.len(), 1, "{text:?}");
        }
        let mut problems = Vec::new();
        parse("a: 1\nb: 2\na: 3", &mut problems);
        assert_eq!(problems.first().map(|p| p.code), Some(Code::DuplicateKey));
    }
}
