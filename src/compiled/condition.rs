//! Compiled conditions.

use super::pattern::{KeyRef, Matcher, Run};
use crate::policy::operators::Operator;
use crate::words::problem::Span;
use crate::words::values::{Instant, IpRange};

/// One operator on one key.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// The key.
    pub key: KeyRef,
    /// The operands.
    pub operands: Run,
    /// Some operand can never match, so that a negated operator cannot be answered.
    pub has_never: bool,
    /// Where the operator's name stands.
    pub operator_span: Span,
    /// Where the operands stand.
    pub span: Span,
}

/// An operand, parsed for its operator.
#[derive(Clone, Copy, Debug)]
pub struct Operand {
    /// Its text, in the arena.
    pub text: Span,
    /// Its place in the source.
    pub span: Span,
    /// What it is.
    pub value: OperandValue,
}

/// The parsed value.
#[derive(Clone, Copy, Debug)]
pub enum OperandValue {
    /// Text or an ARN pattern.
    Pattern(Matcher),
    /// A number; the `i64` where it is a small whole one.
    Number(Option<i64>),
    /// An instant.
    Instant(Instant),
    /// A boolean.
    Bool(bool),
    /// Base64; the text decides.
    Binary,
    /// An address range.
    Range(IpRange),
    /// It can never match.
    Never,
}
