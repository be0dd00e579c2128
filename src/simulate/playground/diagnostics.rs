//! Findings about a text, with places as an editor counts them.

use super::answer::{Checked, Diagnostic, MAX_DIAGNOSTICS, Mark, VERSION};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::words::problem::{Lines, Problem, Severity, Span};

/// From byte offsets to UTF-16 code units.
pub(super) struct Units<'t> {
    text: &'t str,
    /// Byte offset and unit of every so many bytes; empty where the text is ASCII and both are the same.
    steps: Vec<(usize, usize)>,
}

impl<'t> Units<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        const STEP: usize = 256;
        let mut steps = Vec::new();
        if !text.is_ascii() {
            let (mut units, mut next) = (0, 0);
            for (at, c) in text.char_indices() {
                if at >= next {
                    steps.push((at, units));
                    next = at + STEP;
                }
                units += c.len_utf16();
            }
        }
        Self { text, steps }
    }

    fn unit(&self, offset: usize) -> usize {
        let before = self.steps.partition_point(|(at, _)| *at <= offset);
        let Some((at, units)) = before.checked_sub(1).and_then(|i| self.steps.get(i)) else { return offset };
        units + self.text.get(*at..offset).unwrap_or_default().chars().map(char::len_utf16).sum::<usize>()
    }

    pub(super) fn mark(&self, span: Span) -> Mark {
        let range = span.drawable(self.text);
        Mark { from: self.unit(range.start), to: self.unit(range.end) }
    }
}

/// The first findings about a text.
pub(super) fn shown(text: &str, list: &[Problem]) -> Vec<Diagnostic> {
    let (units, lines) = (Units::of(text), Lines::of(text));
    let diagnostic = |p: &Problem| {
        let (line, column) = lines.position(text, p.span.start as usize);
        Diagnostic {
            code: p.code,
            title: p.code.title(),
            severity: p.severity,
            message: p.message.clone(),
            mark: units.mark(p.span),
            line,
            column,
        }
    };
    list.iter().take(MAX_DIAGNOSTICS).map(diagnostic).collect()
}

/// Everything that is wrong or questionable in a policy, held to what AWS would store for its kind; `bucket` is the
/// name of the bucket that a bucket policy is attached to.
#[must_use]
pub fn check(text: &str, kind: PolicyKind, bucket: Option<&str>) -> Checked {
    let options = LoadOptions { bucket: bucket.filter(|name| !name.is_empty()), ..LoadOptions::new(kind) };
    let list = match PolicyDocument::parse("policy", text, &options) {
        Ok(document) => document.warnings().to_vec(),
        Err(refused) => refused.list,
    };
    Checked {
        version: VERSION,
        refused: list.iter().any(|p| p.severity == Severity::Error),
        diagnostics: shown(text, &list),
        more: list.len().saturating_sub(MAX_DIAGNOSTICS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_count_as_javascript_does() {
        let text = format!("é𝄞x{}y", "ß".repeat(400));
        let units = Units::of(&text);
        let mark = |part: &str| {
            let at = text.find(part).expect("it is there");
            units.mark(Span::new(at, at + part.len()))
        };
        assert_eq!(mark("𝄞"), Mark { from: 1, to: 3 });
        assert_eq!(mark("x"), Mark { from: 3, to: 4 });
        assert_eq!(mark("y"), Mark { from: 404, to: 405 });
        assert_eq!(Units::of("abc").mark(Span::new(1, 99)), Mark { from: 1, to: 3 });
    }

    #[test]
    fn a_policy_is_checked_as_its_kind() {
        let text =
            r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObjects", "Resource": "*", "Principal": "*"}}"#;
        let codes = |kind| -> Vec<_> {
            check(text, kind, None).diagnostics.iter().map(|d| (d.code.as_str(), d.mark.from)).collect()
        };
        assert_eq!(codes(PolicyKind::Identity).first(), Some(&("W705", 44)));
        assert!(codes(PolicyKind::Identity).iter().any(|(code, _)| *code == "E210"));
        assert!(!codes(PolicyKind::Bucket).iter().any(|(code, _)| *code == "E210"));
        assert!(check("{", PolicyKind::ServiceControl, None).refused);
    }
}
