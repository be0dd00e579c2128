//! Condition operators: `ForAnyValue:StringLikeIfExists` and its parts.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators".

use std::fmt;

/// What an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Exact text.
    Text,
    /// Text without case.
    TextIgnoreCase,
    /// Text with `*` and `?`.
    Like,
    /// Exact decimal numbers.
    Number,
    /// Instants.
    Date,
    /// `true` and `false`.
    Bool,
    /// Bytes, written in base64.
    Binary,
    /// Addresses in ranges.
    Ip,
    /// ARNs, segment by segment, with `*` and `?`.
    Arn,
    /// Presence of the key.
    Null,
}

/// How two values of a family are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Equal, contained, or matching.
    Equal,
    /// Not equal: the negated form of every family that has one.
    NotEqual,
    /// The request's value is smaller than the policy's.
    Less,
    /// Smaller or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
}

/// A set operator before the colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qualifier {
    /// `ForAllValues`: every value of the request meets the condition; true without values.
    ForAllValues,
    /// `ForAnyValue`: some value of the request meets the condition.
    ForAnyValue,
}

/// A condition operator with all its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    /// What is compared.
    pub family: Family,
    /// How.
    pub relation: Relation,
    /// The set operator, if any.
    pub qualifier: Option<Qualifier>,
    /// An absent key meets the condition.
    pub if_exists: bool,
    // The spelling: ArnEquals and ArnLike mean the same.
    name: u8,
}

macro_rules! names {
    ($($name:literal $family:ident $relation:ident $words:literal;)*) => {
        const NAMES: &[(&str, Family, Relation, &str)] =
            &[$(($name, Family::$family, Relation::$relation, $words)),*];
    };
}

names! {
    "StringEquals" Text Equal "equals";
    "StringNotEquals" Text NotEqual "does not equal";
    "StringEqualsIgnoreCase" TextIgnoreCase Equal "equals, ignoring case,";
    "StringNotEqualsIgnoreCase" TextIgnoreCase NotEqual "does not equal, ignoring case,";
    "StringLike" Like Equal "matches";
    "StringNotLike" Like NotEqual "does not match";
    "NumericEquals" Number Equal "is the number";
    "NumericNotEquals" Number NotEqual "is not the number";
    "NumericLessThan" Number Less "is less than";
    "NumericLessThanEquals" Number LessOrEqual "is at most";
    "NumericGreaterThan" Number Greater "is greater than";
    "NumericGreaterThanEquals" Number GreaterOrEqual "is at least";
    "DateEquals" Date Equal "is the instant";
    "DateNotEquals" Date NotEqual "is not the instant";
    "DateLessThan" Date Less "is before";
    "DateLessThanEquals" Date LessOrEqual "is not after";
    "DateGreaterThan" Date Greater "is after";
    "DateGreaterThanEquals" Date GreaterOrEqual "is not before";
    "Bool" Bool Equal "is";
    "BinaryEquals" Binary Equal "has the bytes";
    "IpAddress" Ip Equal "is in";
    "NotIpAddress" Ip NotEqual "is not in";
    "ArnEquals" Arn Equal "matches the ARN";
    "ArnLike" Arn Equal "matches the ARN";
    "ArnNotEquals" Arn NotEqual "does not match the ARN";
    "ArnNotLike" Arn NotEqual "does not match the ARN";
    "Null" Null Equal "is absent:";
}

/// Why a text is no operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorError {
    /// No operator has this name.
    Unknown,
    /// `Null` has no `IfExists` form.
    NullWithIfExists,
}

impl Operator {
    /// Reads an operator as it stands in a policy; names are case-sensitive.
    ///
    /// # Errors
    /// [`OperatorError`] says why the text is none.
    pub fn parse(text: &str) -> Result<Self, OperatorError> {
        let (qualifier, rest) = match text.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Qualifier::ForAllValues), rest),
            Some(("ForAnyValue", rest)) => (Some(Qualifier::ForAnyValue), rest),
            Some(_) => return Err(OperatorError::Unknown),
            None => (None, text),
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let name = NAMES.iter().position(|n| n.0 == base).ok_or(OperatorError::Unknown)?;
        let (_, family, relation, _) = *NAMES.get(name).ok_or(OperatorError::Unknown)?;
        if if_exists && family == Family::Null {
            return Err(OperatorError::NullWithIfExists);
        }
        Ok(Self { family, relation, qualifier, if_exists, name: u8::try_from(name).unwrap_or_default() })
    }

    /// Whether it is a `Not…` operator: no value of the policy may match.
    #[must_use]
    pub fn is_negated(self) -> bool {
        self.relation == Relation::NotEqual
    }

    /// Whether policy variables are expanded in its operands.
    #[must_use]
    pub fn takes_variables(self) -> bool {
        matches!(self.family, Family::Text | Family::TextIgnoreCase | Family::Like | Family::Arn)
    }

    /// The operator in words, as in "`aws:SourceIp` *is in* 10.0.0.0/8".
    #[must_use]
    pub fn words(self) -> &'static str {
        NAMES.get(usize::from(self.name)).map_or("", |n| n.3)
    }

    /// Every base name, for did-you-mean.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|n| n.0)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.qualifier {
            Some(Qualifier::ForAllValues) => f.write_str("ForAllValues:")?,
            Some(Qualifier::ForAnyValue) => f.write_str("ForAnyValue:")?,
            None => {}
        }
        f.write_str(NAMES.get(usize::from(self.name)).map_or("", |n| n.0))?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_and_prints_back() {
        for name in Operator::names() {
            for qualifier in ["", "ForAllValues:", "ForAnyValue:"] {
                let text = format!("{qualifier}{name}");
                assert_eq!(Operator::parse(&text).map(|o| o.to_string()), Ok(text.clone()));
                let text = format!("{text}IfExists");
                if name == "Null" {
                    assert_eq!(Operator::parse(&text), Err(OperatorError::NullWithIfExists));
                } else {
                    assert_eq!(Operator::parse(&text).map(|o| o.to_string()), Ok(text.clone()));
                }
            }
        }
    }

    #[test]
    fn other_names_are_refused() {
        for text in
            ["", "stringequals", "StringEqualsIfExistsIfExists", "BoolNotEquals", "ForSome:Bool", "ForAllValues:"]
        {
            assert_eq!(Operator::parse(text), Err(OperatorError::Unknown), "{text}");
        }
    }
}
