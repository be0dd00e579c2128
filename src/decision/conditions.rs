//! Whether a condition holds.
//!
//! Source: IAM User Guide, "Condition operators", "Conditions with multiple context keys or values",
//! "Multivalued context keys".

use super::context::{ContextValue, Entry};
use super::matching::Subject;
use crate::compiled::condition::{Condition, Operand, OperandValue};
use crate::compiled::pattern::Matcher;
use crate::policy::Effect;
use crate::policy::operators::{Family, Qualifier, Relation};
use crate::words::arn::fifth_colon;
use crate::words::values::{self, Number};
use crate::words::wildcard::Token;
use std::cmp::Ordering;

impl Subject<'_> {
    /// Whether a condition of a statement with this effect holds.
    #[inline]
    pub(super) fn condition_met(&self, condition: &Condition, effect: Effect) -> bool {
        match self.request.context.lookup(&condition.key, self.policy.arena()) {
            Some(entry) => self.present(condition, entry, effect),
            None => self.absent(condition),
        }
    }

    fn absent(&self, condition: &Condition) -> bool {
        let operator = condition.operator;
        if operator.family == Family::Null {
            return self.null_wants(condition, true);
        }
        match operator.qualifier {
            _ if operator.if_exists => true,
            Some(Qualifier::ForAllValues) => true,
            Some(Qualifier::ForAnyValue) => false,
            None => operator.is_negated(),
        }
    }

    fn null_wants(&self, condition: &Condition, absent: bool) -> bool {
        let operands = self.policy.operands(condition.operands);
        operands.iter().any(|o| matches!(o.value, OperandValue::Bool(wanted) if wanted == absent))
    }

    #[inline]
    fn present(&self, condition: &Condition, entry: &Entry<'_>, effect: Effect) -> bool {
        let operator = condition.operator;
        if operator.family == Family::Null {
            return self.null_wants(condition, false);
        }
        // What cannot be answered fails closed: a negated operator holds in a Deny and fails in an Allow.
        let unreadable = operator.is_negated() && effect == Effect::Deny;
        match operator.qualifier {
            Some(set) => {
                let values = match entry.values() {
                    [only] if only.as_str().is_empty() => &[],
                    values => values,
                };
                match set {
                    Qualifier::ForAllValues => values.iter().all(|v| self.holds(condition, v, unreadable)),
                    Qualifier::ForAnyValue => values.iter().any(|v| self.holds(condition, v, unreadable)),
                }
            }
            None if entry.is_multivalued() => unreadable,
            None => match entry.values() {
                [value] => self.holds(condition, value, unreadable),
                _ => operator.is_negated(),
            },
        }
    }

    /// Whether the condition holds for one value of the request.
    #[inline]
    fn holds(&self, condition: &Condition, value: &ContextValue<'_>, unreadable: bool) -> bool {
        let operands = self.policy.operands(condition.operands);
        let relation = condition.operator.relation;
        let matched = match condition.operator.family {
            Family::Text | Family::Like => self.any_fits(operands, value.as_str(), None),
            Family::TextIgnoreCase => operands.iter().any(|o| self.equals_ignoring_case(o, value.as_str())),
            Family::Ip => {
                let Some(address) = value.as_ip() else { return unreadable };
                operands.iter().any(|o| matches!(o.value, OperandValue::Range(range) if range.contains(address)))
            }
            Family::Bool => {
                let Some(given) = value.as_bool() else { return unreadable };
                operands.iter().any(|o| matches!(o.value, OperandValue::Bool(wanted) if wanted == given))
            }
            Family::Date => {
                let Some(given) = value.as_instant() else { return unreadable };
                let fits =
                    |o: &Operand| matches!(o.value, OperandValue::Instant(at) if relates(relation, given.cmp(&at)));
                operands.iter().any(fits)
            }
            Family::Number => match self.any_number(operands, value, relation) {
                Some(matched) => matched,
                None => return unreadable,
            },
            Family::Arn => {
                let Some(colon) = fifth_colon(value.as_str()) else { return unreadable };
                self.any_fits(operands, value.as_str(), Some(colon))
            }
            Family::Binary => {
                if values::parse_base64(value.as_str()).is_none() {
                    return unreadable;
                }
                let same = |o: &Operand| self.policy.text(o.text) == value.as_str();
                operands.iter().any(|o| matches!(o.value, OperandValue::Binary) && same(o))
            }
            // INVARIANT: `present` answers `Null` before values are looked at.
            Family::Null => false,
        };
        match (relation, matched) {
            (Relation::NotEqual, true) => false,
            (Relation::NotEqual, false) => !condition.has_never || unreadable,
            (_, matched) => matched,
        }
    }

    #[inline]
    fn any_fits(&self, operands: &[Operand], value: &str, segmented_until: Option<usize>) -> bool {
        operands.iter().any(|operand| match &operand.value {
            OperandValue::Pattern(matcher) => self.fits(matcher, value, segmented_until),
            _ => false,
        })
    }

    /// `None` where the value is no number.
    fn any_number(&self, operands: &[Operand], value: &ContextValue<'_>, relation: Relation) -> Option<bool> {
        let given = match value.small_number() {
            Some(_) => None,
            None => Some(Number::parse(value.as_str())?),
        };
        let compare = |operand: &Operand| match (operand.value, value.small_number()) {
            (OperandValue::Number(Some(wanted)), Some(small)) => Some(small.cmp(&wanted)),
            (OperandValue::Number(_), _) => {
                let wanted = Number::parse(self.policy.text(operand.text))?;
                Some(given.or_else(|| Number::parse(value.as_str()))?.cmp(&wanted))
            }
            _ => None,
        };
        Some(operands.iter().any(|o| compare(o).is_some_and(|order| relates(relation, order))))
    }

    /// Simple lower-casing, character by character; no normalisation (`ß` is not `ss`).
    fn equals_ignoring_case(&self, operand: &Operand, value: &str) -> bool {
        let value = value.chars().flat_map(char::to_lowercase);
        match operand.value {
            OperandValue::Pattern(Matcher::Exact(text)) => {
                self.policy.text(text).chars().flat_map(char::to_lowercase).eq(value)
            }
            OperandValue::Pattern(Matcher::Glob { tokens, .. }) => {
                let tokens = self.policy.tokens(tokens);
                if !self.all_resolved(tokens) {
                    return false;
                }
                let texts = tokens.iter().map(|token| match token {
                    Token::Literal(span) => self.policy.text(*span),
                    Token::Variable(number) => self.variable(*number).unwrap_or_default(),
                    // INVARIANT: operands of this family are split without wildcards.
                    Token::One | Token::Run => "",
                });
                texts.flat_map(str::chars).flat_map(char::to_lowercase).eq(value)
            }
            _ => false,
        }
    }
}

#[inline]
fn relates(relation: Relation, order: Ordering) -> bool {
    match relation {
        // Negation is applied once, to the whole list.
        Relation::Equal | Relation::NotEqual => order.is_eq(),
        Relation::Less => order.is_lt(),
        Relation::LessOrEqual => order.is_le(),
        Relation::Greater => order.is_gt(),
        Relation::GreaterOrEqual => order.is_ge(),
    }
}
