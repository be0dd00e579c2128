//! Patterns and policy variables as text: `arn:aws:s3:::home/${aws:username, 'nobody'}/*`.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags".

use nom::bytes::complete::{tag, take_till, take_till1};
use nom::character::complete::{char, space0};
use nom::combinator::{all_consuming, opt};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

/// One piece of a pattern, borrowed from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text that stands for itself. The escapes `${*}`, `${?}` and `${$}` become their character.
    Literal(&'t str),
    /// `?`: exactly one character.
    One,
    /// `*`: any run of characters, also none.
    Run,
    /// `${key}` or `${key, 'default'}`.
    Variable {
        /// The context key's name as written.
        key: &'t str,
        /// Used when the key is absent.
        default: Option<&'t str>,
    },
}

/// What is special in a text; the rest stands for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// `*` and `?` are wildcards.
    pub wildcards: bool,
    /// `${…}` is a variable; false in documents of version `2008-10-17`.
    pub variables: bool,
}

/// Splits a text into pieces; `true` beside them tells that some `${` was not well formed and stayed text.
#[must_use]
pub fn pieces(text: &str, special: Special) -> (Vec<Piece<'_>>, bool) {
    let mut out = Vec::new();
    let malformed = each_piece(text, special, |piece| out.push(piece));
    (out, malformed)
}

/// Calls `visit` with every piece of a text, without a list; returns whether some `${` was not well formed.
pub fn each_piece<'t>(text: &'t str, special: Special, mut visit: impl FnMut(Piece<'t>)) -> bool {
    let mut malformed = false;
    let mut rest = text;
    let mut after_run = false;
    while !rest.is_empty() {
        // What is special is ASCII, so a place found among the bytes is one between characters.
        let stop = rest.bytes().position(|b| match b {
            b'*' | b'?' => special.wildcards,
            b'$' => special.variables,
            _ => false,
        });
        let (literal, tail) = rest.split_at(stop.unwrap_or(rest.len()));
        if !literal.is_empty() {
            visit(Piece::Literal(literal));
            after_run = false;
        }
        rest = tail;
        if let Some(tail) = rest.strip_prefix('*') {
            // Two stars in a row mean the same as one.
            if !after_run {
                visit(Piece::Run);
            }
            after_run = true;
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix('?') {
            visit(Piece::One);
            after_run = false;
            rest = tail;
        } else if rest.starts_with('$') {
            after_run = false;
            if let Some((piece, tail)) = variable(rest) {
                visit(piece);
                rest = tail;
            } else {
                malformed |= rest.starts_with("${");
                let (dollar, tail) = rest.split_at(1);
                visit(Piece::Literal(dollar));
                rest = tail;
            }
        }
    }
    malformed
}

/// Where the first `${` stands.
#[must_use]
pub fn first_variable(text: &str) -> Option<usize> {
    // PERF: most texts have no `$`; and a search for a text costs more to set up than most texts are long.
    let bytes = text.as_bytes();
    if bytes.contains(&b'$') { bytes.windows(2).position(|pair| pair == b"${") } else { None }
}

/// Whether some `${` in the text is not well formed: what [`pieces`] tells, without the pieces.
#[must_use]
pub fn is_malformed(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = first_variable(rest) {
        match rest.get(at..).and_then(variable) {
            Some((_, tail)) => rest = tail,
            None => return true,
        }
    }
    false
}

/// Reads `${…}` at the start of the text.
fn variable(text: &str) -> Option<(Piece<'_>, &str)> {
    let (tail, inner) = braces(text).ok()?;
    if matches!(inner, "*" | "?" | "$") {
        return Some((Piece::Literal(inner), tail));
    }
    let (_, (key, default)) = all_consuming((key, opt(default))).parse(inner).ok()?;
    Some((Piece::Variable { key, default }, tail))
}

fn braces(input: &str) -> IResult<&str, &str> {
    delimited(tag("${"), take_till(|c| c == '}'), char('}')).parse(input)
}

fn key(input: &str) -> IResult<&str, &str> {
    take_till1(|c: char| c.is_whitespace() || matches!(c, ',' | '\'' | '{' | '$')).parse(input)
}

fn default(input: &str) -> IResult<&str, &str> {
    let quoted = delimited(char('\''), take_till(|c| c == '\''), char('\''));
    delimited(preceded(space0, char(',')), preceded(space0, quoted), space0).parse(input)
}

#[cfg(test)]
mod tests {
    use super::Piece::{Literal, One, Run, Variable};
    use super::*;

    const ALL: Special = Special { wildcards: true, variables: true };

    #[test]
    fn splits_patterns() {
        let (out, malformed) = pieces("a**b?${aws:username}/${aws:PrincipalTag/t, 'co-wide'}${*}", ALL);
        let user = Variable { key: "aws:username", default: None };
        let tag = Variable { key: "aws:PrincipalTag/t", default: Some("co-wide") };
        assert_eq!(out, [Literal("a"), Run, Literal("b"), One, user, Literal("/"), tag, Literal("*")]);
        assert!(!malformed);
    }

    #[test]
    fn malformed_variables_stay_text() {
        for text in ["${", "${aws:username", "${}", "${a b}", "${a, b}", "${a,'b}", "${${aws:username}}"] {
            let (out, malformed) = pieces(text, ALL);
            assert!(malformed && is_malformed(text), "{text}");
            assert!(!out.iter().any(|p| matches!(p, Variable { .. }) && text.starts_with("${a")), "{text}");
        }
        assert_eq!(pieces("cost$5", ALL), (vec![Literal("cost"), Literal("$"), Literal("5")], false));
    }

    #[test]
    fn old_versions_have_no_variables() {
        let old = Special { wildcards: true, variables: false };
        assert_eq!(pieces("${aws:username}*", old).0, [Literal("${aws:username}"), Run]);
        let plain = Special { wildcards: false, variables: true };
        assert_eq!(pieces("a*b", plain).0, [Literal("a*b")]);
    }
}
