//! What a signer says: until when, from when, from where, and which URLs.
//!
//! Source: CloudFront Developer Guide, "Create a signed URL using a canned policy", "Create a signed URL using a custom
//! policy": one statement, all names exactly as given there, `DateLessThan` mandatory, addresses of IPv4 alone.

use super::refusal::{RefusalKind, ViewerRefusal};
use crate::words::json::{self, Node};
use crate::words::values::{IpRange, parse_range};
use crate::words::wildcard::Wildcard;
use std::net::IpAddr;

/// The last second that a date may name: 19 January 2038.
const LAST_SECOND: i64 = 2_147_483_647;
/// What the pattern of a resource begins with, one of these.
const SCHEMES: [&str; 4] = ["http://", "https://", "http*", "*"];

/// A custom policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The pattern of the URLs; `None`: every URL of every distribution that trusts the key.
    pub resource: Option<String>,
    /// The right ends with this second since 1970.
    pub date_less_than: i64,
    /// The right begins after this second.
    pub date_greater_than: Option<i64>,
    /// The viewers' addresses, of IPv4.
    pub source: Option<IpRange>,
}

/// The canned policy of a URL: the very text that signers sign.
#[must_use]
pub fn canned(url: &str, expires: i64) -> String {
    custom(Some(url), expires, None, None)
}

/// A policy's text, without white space, its names in the order in which AWS's own signers write them.
#[must_use]
pub fn custom(resource: Option<&str>, before: i64, after: Option<i64>, source: Option<&str>) -> String {
    let mut text = String::with_capacity(resource.map_or(0, str::len) + 192);
    text.push_str("{\"Statement\":[{");
    if let Some(resource) = resource {
        text.push_str("\"Resource\":");
        json::print_string(resource, &mut text);
        text.push(',');
    }
    text.push_str("\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":");
    text.push_str(&before.to_string());
    text.push('}');
    if let Some(source) = source {
        text.push_str(",\"IpAddress\":{\"AWS:SourceIp\":");
        json::print_string(source, &mut text);
        text.push('}');
    }
    if let Some(after) = after {
        text.push_str(",\"DateGreaterThan\":{\"AWS:EpochTime\":");
        text.push_str(&after.to_string());
        text.push('}');
    }
    text.push_str("}}]}");
    text
}

impl Policy {
    /// Reads a policy. Unknown and repeated names are refused, as is a second statement.
    ///
    /// # Errors
    /// `MalformedPolicy`; its detail names the place.
    pub fn read(text: &str) -> Result<Self, ViewerRefusal> {
        let mut problems = Vec::new();
        let root = json::parse(text, &mut problems);
        let (Some(root), None) = (root, problems.first()) else {
            return Err(malformed(problems.first().map_or("it is no JSON", |problem| problem.message.as_str())));
        };
        let [statements] = members(text, &root, "the policy", ["Statement"])?;
        let statements = statements.ok_or_else(|| malformed("`Statement` is missing"))?;
        let Some([statement]) = statements.items() else {
            return Err(malformed("`Statement` is not an array of exactly one statement"));
        };
        let [resource, condition] = members(text, statement, "the statement", ["Resource", "Condition"])?;
        let condition = condition.ok_or_else(|| malformed("`Condition` is missing"))?;
        let names = ["DateLessThan", "DateGreaterThan", "IpAddress"];
        let [less, greater, address] = members(text, condition, "`Condition`", names)?;
        let less = less.ok_or_else(|| malformed("`DateLessThan` is missing"))?;
        Ok(Self {
            resource: resource.map(|node| resource_of(text, node)).transpose()?,
            date_less_than: epoch_time(text, less)?,
            date_greater_than: greater.map(|node| epoch_time(text, node)).transpose()?,
            source: address.map(|node| source_ip(text, node)).transpose()?,
        })
    }

    /// Whether the policy allows this URL, from this address, now.
    ///
    /// # Errors
    /// `AccessDenied`; its detail names the condition.
    pub fn check(&self, url: &str, source: IpAddr, now: i64) -> Result<(), ViewerRefusal> {
        check_dates(self.date_greater_than, self.date_less_than, now)?;
        // A listener for both families sees viewers of IPv4 as IPv6.
        if self.source.is_some_and(|range| !range.contains(source.to_canonical())) {
            return Err(denied("the viewer's address is outside the policy's range"));
        }
        if self.resource.as_ref().is_some_and(|pattern| !Wildcard::new(pattern).matches(url, false)) {
            return Err(denied("the URL does not match the policy's `Resource`"));
        }
        Ok(())
    }
}

/// "On or before" the first date nobody is let in, and from the last on nobody any more.
pub(super) fn check_dates(after: Option<i64>, before: i64, now: i64) -> Result<(), ViewerRefusal> {
    if now >= before {
        return Err(denied("the date of `DateLessThan` has passed"));
    }
    if after.is_some_and(|after| now <= after) {
        return Err(denied("the date of `DateGreaterThan` has not passed"));
    }
    Ok(())
}

/// A second since 1970: digits alone, up to 2147483647.
pub(super) fn date(text: &str) -> Result<i64, ViewerRefusal> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let seconds = if plain { text.parse().ok() } else { None };
    seconds
        .filter(|seconds| *seconds <= LAST_SECOND)
        .ok_or_else(|| malformed("a date is not a whole number of seconds up to 2147483647"))
}

fn epoch_time(text: &str, node: &Node) -> Result<i64, ViewerRefusal> {
    let [seconds] = members(text, node, "a date's condition", ["AWS:EpochTime"])?;
    let seconds = seconds.ok_or_else(|| malformed("`AWS:EpochTime` is missing"))?;
    // A date in quotation marks is none.
    match seconds.kind {
        json::Kind::Number => date(seconds.span.of(text)),
        _ => Err(malformed("`AWS:EpochTime` is not a number")),
    }
}

fn source_ip(text: &str, node: &Node) -> Result<IpRange, ViewerRefusal> {
    let [range] = members(text, node, "`IpAddress`", ["AWS:SourceIp"])?;
    range
        .and_then(|range| range.as_str(text))
        .and_then(parse_range)
        .filter(IpRange::is_v4)
        .ok_or_else(|| malformed("`AWS:SourceIp` is not one range of IPv4 addresses"))
}

fn resource_of(text: &str, node: &Node) -> Result<String, ViewerRefusal> {
    let pattern = node.as_str(text).ok_or_else(|| malformed("`Resource` is not a string"))?;
    if SCHEMES.iter().any(|scheme| pattern.starts_with(scheme)) {
        Ok(pattern.to_owned())
    } else {
        Err(malformed("`Resource` does not begin with http://, https://, http* or *"))
    }
}

/// The members of these names, of an object that has no others.
fn members<'n, const N: usize>(
    text: &str,
    node: &'n Node,
    whose: &str,
    names: [&str; N],
) -> Result<[Option<&'n Node>; N], ViewerRefusal> {
    let members =
        node.members().ok_or_else(|| malformed(&format!("{whose} is {}, not an object", node.kind_name())))?;
    if members.iter().any(|member| member.name.as_str(text).is_none_or(|name| !names.contains(&name))) {
        return Err(malformed(&format!("{whose} has a member that does not belong there")));
    }
    Ok(names.map(|name| node.get(text, name)))
}

fn malformed(detail: &str) -> ViewerRefusal {
    ViewerRefusal::new(RefusalKind::MalformedPolicy, detail.to_owned())
}

fn denied(detail: &'static str) -> ViewerRefusal {
    ViewerRefusal::new(RefusalKind::AccessDenied, detail)
}
