//! Query strings.

use super::names;
use crate::edges::server::error::S3Error;

/// Parameters that decide what is done to what: with two values a request would be read in two ways.
const SINGULAR: [&str; 18] = [
    "acl",
    "attributes",
    "continuation-token",
    "delete",
    "key-marker",
    "legal-hold",
    "list-type",
    "marker",
    "partNumber",
    "policy",
    "prefix",
    "retention",
    "start-after",
    "tagging",
    "uploadId",
    "uploads",
    "versionId",
    "versions",
];

/// A query's parameters, decoded, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, Option<String>)>,
}

impl Query {
    /// Reads the text after the `?`. A plus is a blank, as in forms; empty pieces are skipped.
    ///
    /// # Errors
    /// `InvalidURI` for broken escapes; `InvalidArgument` where a deciding parameter has two values.
    pub fn parse(raw: &str) -> Result<Self, S3Error> {
        let mut pairs = Vec::new();
        for piece in raw.split('&').filter(|p| !p.is_empty()) {
            pairs.push(match piece.split_once('=') {
                Some((name, value)) => (decode(name)?, Some(decode(value)?)),
                None => (decode(piece)?, None),
            });
        }
        let query = Self { pairs };
        query.refuse_conflicts()?;
        Ok(query)
    }

    /// The first value of a parameter; empty if it has none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_deref().unwrap_or_default())
    }

    /// Whether a parameter is there, with a value or without.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(n, _)| n == name)
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_deref()))
    }

    /// The version that the request names; S3's own ids are opaque, so only the empty one is refused.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty `versionId`.
    pub fn version_id(&self) -> Result<Option<&str>, S3Error> {
        match self.get("versionId") {
            Some("") => Err(S3Error::invalid_argument("versionId", "", "Version id cannot be the empty string")),
            other => Ok(other),
        }
    }

    fn refuse_conflicts(&self) -> Result<(), S3Error> {
        for (at, (name, value)) in self.pairs.iter().enumerate() {
            let other = |(n, v): &(String, Option<String>)| {
                n == name && v.as_deref().unwrap_or_default() != value.as_deref().unwrap_or_default()
            };
            if SINGULAR.contains(&name.as_str()) && self.pairs.iter().skip(at + 1).any(other) {
                let value = value.as_deref().unwrap_or_default();
                let message = format!("The query parameter {name} was sent with two different values");
                return Err(S3Error::invalid_argument(name, value, message));
            }
        }
        Ok(())
    }
}

fn decode(text: &str) -> Result<String, S3Error> {
    if text.contains('+') { names::decode(&text.replace('+', " ")) } else { names::decode(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_in_order() {
        let query = Query::parse("prefix=a%2Fb+c&acl&x=&&x=2&%C3%A9=%3D=").unwrap();
        let pairs: Vec<_> = query.iter().collect();
        assert_eq!(
            pairs,
            [("prefix", Some("a/b c")), ("acl", None), ("x", Some("")), ("x", Some("2")), ("é", Some("=="))]
        );
        assert_eq!((query.get("x"), query.get("acl"), query.get("y")), (Some(""), Some(""), None));
        assert!(query.has("acl") && !query.has("Acl"));
        assert_eq!(Query::parse("").unwrap(), Query::default());
    }

    #[test]
    fn refusals() {
        for (raw, code) in [
            ("versionId=1&versionId=2", "InvalidArgument"),
            ("versionId=1&x=1&versionId", "InvalidArgument"),
            ("uploadId=a&uploadId=b", "InvalidArgument"),
            ("partNumber=1&partNumber=01", "InvalidArgument"),
            ("versionId=1&versionId=1", ""),
            ("acl&acl=", ""),
            ("X-Amz-Date=1&X-Amz-Date=2", ""),
            ("a=%", "InvalidURI"),
            ("%ff", "InvalidURI"),
        ] {
            assert_eq!(Query::parse(raw).map_or_else(|e| e.code, |_| ""), code, "{raw}");
        }
    }

    #[test]
    fn versions() {
        for (raw, expected) in [("", Ok(None)), ("versionId=null", Ok(Some("null"))), ("versionId=", Err(()))] {
            assert_eq!(Query::parse(raw).unwrap().version_id().map_err(|_| ()), expected, "{raw}");
        }
    }
}
