//! What is wrong with an input, and where.

use super::codes::Code;
use std::fmt;
use std::sync::Arc;

/// A half-open range of byte offsets into one source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// A span from byte offsets; offsets beyond `u32` are clamped (inputs are limited far below that).
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end) }
    }

    /// The span as a range for slicing.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The range widened to whole characters of `source`: for drawing, where half a character cannot be marked.
    #[must_use]
    pub fn drawable(self, source: &str) -> std::ops::Range<usize> {
        let mut start = (self.start as usize).min(source.len());
        while !source.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = (self.end as usize).clamp(start, source.len());
        while !source.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }

    /// The text that the span covers, or the empty text where it does not fit `source`.
    #[must_use]
    pub fn of(self, source: &str) -> &str {
        source.get(self.range()).unwrap_or_default()
    }
}

/// A named source text: a policy file, a world file, a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name as the user gave it, or a description such as `inline`.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl Source {
    /// A source from its name and text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Line and column of a byte offset, both counted from 1; columns count characters.
    #[must_use]
    pub fn position(&self, offset: u32) -> (usize, usize) {
        position(&self.text, offset as usize)
    }
}

/// Line and column (in characters) of a byte offset, both counted from 1.
#[must_use]
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = text.get(..offset).unwrap_or_default();
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Where the lines of a text start: many positions in a long text without reading it again for each.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// The lines of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// As [`position`], of the text that these are the lines of.
    #[must_use]
    pub fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let offset = Span::new(offset, offset).drawable(text).start;
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied().unwrap_or_default();
        (line, text.get(start..offset).unwrap_or_default().chars().count() + 1)
    }
}

/// How much a [`Problem`] weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// AWS would store it, but it cannot do what it seems to; `strict` makes it an error.
    Warning,
    /// The input is refused.
    Error,
}

/// One finding about an input: code, sentence, place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The stable code; `portcullis explain CODE` has a page on it.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// A plain sentence, lower case, without a final stop.
    pub message: String,
    /// Where in the source.
    pub span: Span,
}

impl Problem {
    /// An error.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), span }
    }

    /// A warning.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Warning, message: message.into(), span }
    }
}

/// Everything that is wrong with one source, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The text the spans point into.
    pub source: Source,
    /// At least one problem.
    pub list: Vec<Problem>,
}

impl Problems {
    /// The first error as a sentence with its code and place, for an answer that has room for one.
    #[must_use]
    pub fn first_sentence(&self) -> String {
        let first = self.list.iter().find(|p| p.severity == Severity::Error).or(self.list.first());
        first.map_or_else(String::new, |problem| {
            let (line, column) = self.source.position(problem.span.start);
            let mut letters = problem.message.chars();
            let message: String =
                letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
            format!("{message} [{}] at line {line}, column {column}", problem.code)
        })
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Beyond this many the list tells nothing new.
        const SHOWN: usize = 100;
        for (i, problem) in self.list.iter().take(SHOWN).enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            let (line, column) = self.source.position(problem.span.start);
            let word = match problem.severity {
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            write!(f, "{}:{line}:{column}: {word}[{}]: {}", self.source.name, problem.code, problem.message)?;
        }
        match self.list.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        assert_eq!(position("ab\ncd", 0), (1, 1));
        assert_eq!(position("ab\ncd", 4), (2, 2));
        assert_eq!(position("é\nßx", 5), (2, 2));
        assert_eq!(position("ab", 99), (1, 3));
        for text in ["", "ab\ncd", "é\nßx\n\n", "\n"] {
            let lines = Lines::of(text);
            (0..8).for_each(|at| assert_eq!(lines.position(text, at), position(text, at), "{text:?} {at}"));
        }
    }
}
