//! Matching a value against a pattern of literals, `?`, `*` and substituted variables.
//!
//! The matcher remembers only the last `*`, so its work is bounded by the length of the value times
//! the length of the pattern, whatever the pattern; a recursive matcher is exponential in the number
//! of stars. Substituted text is compared as it is: a `*` in a user's name is not a wildcard.

use super::problem::Span;

/// One token of a compiled pattern. Spans point into the arena given to [`matches()`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Text that must stand here.
    Literal(Span),
    /// Exactly one character (a Unicode scalar value, not a byte).
    One,
    /// Any run of characters, also none.
    Run,
    /// The value of the variable with this number.
    Variable(u32),
}

/// How texts are compared and how far a `*` reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// ASCII letters compare without case: action names.
    pub ignore_case: bool,
    /// Up to and including this byte offset of the value, `*` does not match `:`.
    /// The ARN operators compare the first five segments one by one; see `arn::fifth_colon`.
    pub segmented_until: Option<usize>,
}

/// Counts the matcher's steps; the unit type counts nothing and costs nothing.
pub trait Steps {
    /// Called once for every token looked at.
    fn step(&mut self);
}

impl Steps for () {
    #[inline]
    fn step(&mut self) {}
}

impl Steps for u64 {
    fn step(&mut self) {
        *self += 1;
    }
}

/// Whether the whole of `value` matches. `variable` gives the text of a variable that has a value;
/// a variable without one matches nothing.
#[inline]
pub fn matches<'v>(
    tokens: &[Token],
    arena: &str,
    value: &str,
    variable: impl Fn(u32) -> Option<&'v str>,
    rules: Rules,
    steps: &mut impl Steps,
) -> bool {
    let (bytes, arena) = (value.as_bytes(), arena.as_bytes());
    // PERF: a literal behind a star that reaches everywhere is searched for, not tried at every place.
    let plain = rules.segmented_until.is_none();
    let mut token = 0;
    let mut at = 0;
    // The token behind the last star, and where its run ends at present.
    let mut star: Option<(usize, usize)> = None;
    loop {
        steps.step();
        let fits = match tokens.get(token) {
            None if at == bytes.len() => return true,
            None => false,
            Some(Token::Run) => {
                token += 1;
                if token == tokens.len() && rules.segmented_until.is_none() {
                    return true;
                }
                if plain {
                    let Some(end) = next_end(tokens, token, arena, bytes, at, rules.ignore_case) else { return false };
                    at = end;
                }
                star = Some((token, at));
                continue;
            }
            Some(Token::One) => {
                if at >= bytes.len() {
                    return false;
                }
                at = next_char(bytes, at);
                true
            }
            Some(Token::Literal(span)) => advance(bytes, &mut at, literal(arena, *span), rules.ignore_case),
            Some(Token::Variable(number)) => match variable(*number) {
                Some(text) => advance(bytes, &mut at, text.as_bytes(), rules.ignore_case),
                None => return false,
            },
        };
        if fits {
            token += 1;
            continue;
        }
        let Some((resume, end)) = &mut star else {
            return false;
        };
        if *end >= bytes.len() {
            return false;
        }
        if bytes.get(*end) == Some(&b':') && rules.segmented_until.is_some_and(|last| *end <= last) {
            return false;
        }
        *end = next_char(bytes, *end);
        if plain {
            let Some(next) = next_end(tokens, *resume, arena, bytes, *end, rules.ignore_case) else { return false };
            *end = next;
        }
        (token, at) = (*resume, *end);
    }
}

/// The first place from `from` on where the run before the token `resume` can end, so that a literal there fits.
#[inline]
fn next_end(
    tokens: &[Token],
    resume: usize,
    arena: &[u8],
    bytes: &[u8],
    from: usize,
    ignore_case: bool,
) -> Option<usize> {
    let Some(Token::Literal(span)) = tokens.get(resume) else { return Some(from) };
    let wanted = literal(arena, *span);
    if resume + 1 == tokens.len() {
        // The last literal stands at the end or nowhere.
        return bytes.len().checked_sub(wanted.len()).filter(|end| *end >= from);
    }
    let (first, others) = wanted.split_first()?;
    let mut end = from;
    if ignore_case {
        return bytes.get(end..)?.iter().position(|b| b.eq_ignore_ascii_case(first)).map(|skip| end + skip);
    }
    loop {
        end += bytes.get(end..)?.iter().position(|b| b == first)?;
        // Most places differ in the next byte or two, before a call to compare memory would pay.
        let found = bytes.get(end + 1..end + wanted.len())?;
        if found.iter().zip(others).all(|(a, b)| a == b) {
            return Some(end);
        }
        end += 1;
    }
}

#[inline]
fn literal(arena: &[u8], span: Span) -> &[u8] {
    arena.get(span.range()).unwrap_or_default()
}

/// Moves past `text` where the value continues with it.
#[inline]
fn advance(bytes: &[u8], at: &mut usize, text: &[u8], ignore_case: bool) -> bool {
    let Some(found) = bytes.get(*at..*at + text.len()) else {
        return false;
    };
    let same = if ignore_case { found.eq_ignore_ascii_case(text) } else { found == text };
    if same {
        *at += text.len();
    }
    same
}

/// The offset of the character behind the one at `at`.
#[inline]
fn next_char(bytes: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while bytes.get(next).is_some_and(|b| b & 0xc0 == 0x80) {
        next += 1;
    }
    next
}

/// A pattern with `*` and `?` and no variables, with its own text: for callers off the hot path.
#[derive(Clone, Debug)]
pub struct Wildcard<'p> {
    pattern: &'p str,
    tokens: Vec<Token>,
}

impl<'p> Wildcard<'p> {
    /// Splits a pattern once, for many values.
    #[must_use]
    pub fn new(pattern: &'p str) -> Self {
        use super::template::{Piece, Special, pieces};
        let (split, _) = pieces(pattern, Special { wildcards: true, variables: false });
        let tokens = split
            .iter()
            .map(|piece| match piece {
                Piece::One => Token::One,
                Piece::Run => Token::Run,
                Piece::Literal(text) | Piece::Variable { key: text, .. } => Token::Literal(part_of(pattern, text)),
            })
            .collect();
        Self { pattern, tokens }
    }

    /// Whether the whole value matches.
    #[must_use]
    pub fn matches(&self, value: &str, ignore_case: bool) -> bool {
        let rules = Rules { ignore_case, segmented_until: None };
        matches(&self.tokens, self.pattern, value, |_| None, rules, &mut ())
    }
}

/// Where `part`, a slice of `whole`, stands in it.
#[must_use]
pub fn part_of(whole: &str, part: &str) -> Span {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    Span::new(start, start + part.len())
}

/// Whether `value` matches a pattern text with `*` and `?` and no variables.
#[must_use]
pub fn matches_text(pattern: &str, value: &str, ignore_case: bool) -> bool {
    Wildcard::new(pattern).matches(value, ignore_case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, value, want) in [
            ("", "", true),
            ("*", "", true),
            ("a*", "a", true),
            ("a*", "b", false),
            ("*a", "ba", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("?", "é", true),
            ("??", "é", false),
            ("*?", "é", true),
            ("*?x", "éx", true),
            ("a**b", "ab", true),
            ("*ab", "aab", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("ab", "abc", false),
            ("*.csv", "a.csv.csv", true),
            ("a*?b", "ab", false),
            ("\n*", "\nx\n", true),
        ] {
            assert_eq!(matches_text(pattern, value, false), want, "{pattern} {value}");
        }
        assert!(matches_text("S3:get*", "s3:GetObject", true));
    }

    #[test]
    fn segments_hold_a_star_back() {
        let arn = "arn:aws:sns:us-east-1:111122223333:t:x";
        let rules = Rules { ignore_case: false, segmented_until: super::super::arn::fifth_colon(arn) };
        let check = |pattern: &str| {
            let wildcard = Wildcard::new(pattern);
            matches(&wildcard.tokens, pattern, arn, |_| None, rules, &mut ())
        };
        assert!(check("arn:aws:sns:*:*:*"));
        assert!(check("arn:*:sns:*:111122223333:t:?"));
        assert!(!check("arn:aws:*:t:x"));
        assert!(!check("arn:aws:sns:*"));
        assert!(!check("*"));
    }

    #[test]
    fn hostile_patterns_stay_within_value_times_pattern() {
        let value = "a".repeat(1024);
        let pattern = "*a".repeat(20) + "b";
        let arena = "ab";
        let mut tokens = Vec::new();
        for _ in 0..20 {
            tokens.extend([Token::Run, Token::Literal(Span::new(0, 1))]);
        }
        tokens.push(Token::Literal(Span::new(1, 2)));
        let mut steps = 0_u64;
        assert!(!matches(&tokens, arena, &value, |_| None, Rules::default(), &mut steps));
        assert!(steps <= (value.len() * pattern.len()) as u64, "{steps}");
    }
}
