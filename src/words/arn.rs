//! Amazon Resource Names: `arn:partition:service:region:account:resource`.
//!
//! Source: IAM User Guide, "Amazon Resource Names (ARNs)".

use nom::bytes::complete::{tag, take_till};
use nom::combinator::rest;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// An ARN, borrowed from its text; the resource part keeps its colons and slashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: &'a str,
    /// The service prefix, such as `s3`.
    pub service: &'a str,
    /// Empty for global services and S3.
    pub region: &'a str,
    /// Twelve digits, empty for S3, or a word such as `aws` or `cloudfront`.
    pub account: &'a str,
    /// Everything behind the fifth colon.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads an ARN; `None` where the text does not start with `arn:` or has fewer than six parts.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        six_parts(text).ok().map(|(_, arn)| arn)
    }

    /// The part of the resource behind its first `/` or `:`, and the part before it.
    #[must_use]
    pub fn resource_type(&self) -> Option<(&'a str, &'a str)> {
        let at = self.resource.find(['/', ':'])?;
        Some((self.resource.get(..at)?, self.resource.get(at + 1..)?))
    }
}

fn part(input: &str) -> IResult<&str, &str> {
    terminated(take_till(|c| c == ':'), tag(":")).parse(input)
}

fn six_parts(input: &str) -> IResult<&str, Arn<'_>> {
    (preceded(tag("arn:"), part), part, part, part, rest)
        .map(|(partition, service, region, account, resource)| Arn { partition, service, region, account, resource })
        .parse(input)
}

/// The byte offset of the fifth colon: where the resource part of an ARN begins, less one.
#[must_use]
pub fn fifth_colon(text: &str) -> Option<usize> {
    text.bytes().enumerate().filter(|(_, b)| *b == b':').nth(4).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_into_six_parts() {
        let arn = Arn::parse("arn:aws:sts::111122223333:assumed-role/app/s:1").expect("six parts");
        assert_eq!(
            (arn.service, arn.region, arn.account, arn.resource),
            ("sts", "", "111122223333", "assumed-role/app/s:1")
        );
        assert_eq!(arn.resource_type(), Some(("assumed-role", "app/s:1")));
        assert_eq!(fifth_colon("arn:aws:s3:::b/k:x"), Some(12));
        for bad in ["", "arn", "arn:aws:s3::", "urn:aws:s3:::b", "not-an-arn"] {
            assert_eq!(Arn::parse(bad), None, "{bad}");
        }
    }
}
