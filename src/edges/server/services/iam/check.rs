//! What IAM accepts: names, paths, tags, policies, pages.
//!
//! Source: IAM API Reference; IAM User Guide, "IAM and AWS STS quotas".

use crate::edges::server::identities::model::Kind;
use crate::edges::server::identities::principals::{self, Named};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Params, QueryCall, invalid};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;

/// Characters of a managed policy that are not white space.
pub const MANAGED_SIZE: usize = 6144;
/// Characters of a trust policy that are not white space.
pub const TRUST_SIZE: usize = 2048;
/// Tags of one resource.
const MOST_TAGS: usize = 50;
/// Entries of a page where the request does not say.
const USUAL_PAGE: i64 = 100;
/// Entries of a page at most.
const MOST_PAGE: i64 = 1000;

/// 404: what the request names is not there.
#[must_use]
pub fn no_such(message: impl Into<String>) -> ServiceError {
    ServiceError::new(StatusCode::NOT_FOUND, "NoSuchEntity", message.into())
}

/// 404 for an identity.
#[must_use]
pub fn no_identity(kind: Kind, name: &str) -> ServiceError {
    no_such(format!("The {} with name {name} cannot be found.", kind.word()))
}

/// 409 with this code.
#[must_use]
pub fn conflict(code: &'static str, message: impl Into<String>) -> ServiceError {
    ServiceError::new(StatusCode::CONFLICT, code, message.into())
}

/// 409: a quota is used up.
#[must_use]
pub fn limit(message: impl Into<String>) -> ServiceError {
    conflict("LimitExceeded", message)
}

/// A name: letters, digits and `_+=,.@-`.
///
/// # Errors
/// `ValidationError`.
pub fn name<'p>(params: &'p Params, field: &str, most: usize) -> Result<&'p str, ServiceError> {
    checked_name(params.need(field)?, field, most)
}

/// As [`name`], of a text.
///
/// # Errors
/// `ValidationError`.
pub fn checked_name<'t>(text: &'t str, field: &str, most: usize) -> Result<&'t str, ServiceError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if text.is_empty() || !text.chars().all(fits) {
        let message = format!(
            "The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        );
        return Err(ServiceError::bad("ValidationError", message));
    }
    if text.len() > most {
        return Err(invalid(text, field, &format!("Member must have length less than or equal to {most}")));
    }
    Ok(text)
}

/// The longest name of a kind.
#[must_use]
pub fn longest_name(kind: Kind) -> usize {
    match kind {
        Kind::User | Kind::Role => 64,
        Kind::Group => 128,
    }
}

/// The name of an identity, from its usual parameter.
///
/// # Errors
/// `ValidationError`.
pub fn identity_name(params: &Params, kind: Kind) -> Result<&str, ServiceError> {
    name(params, &format!("{}Name", kind.title()), longest_name(kind))
}

/// A path: `/`, or text between two of them.
///
/// # Errors
/// `ValidationError`.
pub fn path(params: &Params, field: &str) -> Result<String, ServiceError> {
    let Some(path) = params.get(field) else { return Ok("/".to_owned()) };
    let inner = path.strip_prefix('/').and_then(|rest| rest.is_empty().then_some("").or(rest.strip_suffix('/')));
    let fits = inner.is_some_and(|inner| inner.bytes().all(|b| (0x21..=0x7e).contains(&b)) && path.len() <= 512);
    if fits {
        return Ok(path.to_owned());
    }
    Err(ServiceError::bad(
        "ValidationError",
        format!(
            "The specified value for {field} is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
        ),
    ))
}

/// The tags that a request sets.
///
/// # Errors
/// `InvalidInput`, `ValidationError`, `LimitExceeded`.
pub fn tags(params: &Params) -> Result<Vec<(String, String)>, ServiceError> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for member in params.members("Tags") {
        let (key, value) = (member.need("Key")?, member.need("Value")?);
        let fits = |text: &str, most: usize| {
            text.chars().count() <= most
                && text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
        };
        if key.is_empty() || !fits(key, 128) {
            return Err(invalid(
                key,
                "Tags.Key",
                "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
            ));
        }
        if !fits(value, 256) {
            return Err(invalid(
                value,
                "Tags.Value",
                "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*",
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(ServiceError::bad(
                "InvalidInput",
                "Tag keys starting with 'aws:' are reserved for internal use.",
            ));
        }
        if tags.iter().any(|(k, _)| k.eq_ignore_ascii_case(key)) {
            return Err(ServiceError::bad(
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    enough_room(&tags)?;
    Ok(tags)
}

/// # Errors
/// `LimitExceeded` for more tags than a resource may have.
pub fn enough_room(tags: &[(String, String)]) -> Result<(), ServiceError> {
    if tags.len() > MOST_TAGS {
        return Err(limit(format!("The number of tags has reached the maximum limit of {MOST_TAGS}.")));
    }
    Ok(())
}

/// Puts tags over those that are there.
pub fn merge_tags(there: &mut Vec<(String, String)>, new: &[(String, String)]) {
    there.retain(|(key, _)| !new.iter().any(|(k, _)| k.eq_ignore_ascii_case(key)));
    there.extend(new.iter().cloned());
}

/// A policy as AWS would store it.
///
/// # Errors
/// `MalformedPolicyDocument` with the place.
pub fn policy(text: &str, kind: PolicyKind) -> Result<PolicyDocument, ServiceError> {
    PolicyDocument::parse("policy", text, &LoadOptions::new(kind))
        .map_err(|problems| ServiceError::bad("MalformedPolicyDocument", problems.first_sentence()))
}

/// The characters that count against a quota.
#[must_use]
pub fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// A trust policy, and whom it names.
///
/// # Errors
/// `MalformedPolicyDocument`, `LimitExceeded`.
pub fn trust(query: &QueryCall<'_>, text: &str) -> Result<Named, ServiceError> {
    let document = policy(text, PolicyKind::Trust)?;
    if size(text) > TRUST_SIZE {
        return Err(limit(format!("Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}")));
    }
    let snapshot = query.call.server.identities().snapshot();
    let named = principals::named(&document, &|arn| snapshot.unique_id(arn));
    match principals::stranger(&named) {
        None => Ok(named),
        Some(stranger) => {
            let message = format!("Invalid principal in policy: \"AWS\":\"{stranger}\"");
            Err(ServiceError::bad("MalformedPolicyDocument", message))
        }
    }
}

/// The part of a list that a request asks for.
#[derive(Clone, Debug)]
pub struct Page {
    after: Option<String>,
    most: usize,
}

/// A part of a list, and where the next one begins.
pub struct Paged<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The marker of the next part.
    pub marker: Option<String>,
}

impl Page {
    /// Reads `Marker` and `MaxItems`.
    ///
    /// # Errors
    /// `ValidationError`, `InvalidMarker`.
    pub fn of(params: &Params) -> Result<Self, ServiceError> {
        let most = params.number("MaxItems")?.unwrap_or(USUAL_PAGE);
        if !(1..=MOST_PAGE).contains(&most) {
            let constraint = format!("Member must have value between 1 and {MOST_PAGE}");
            return Err(invalid(&most.to_string(), "MaxItems", &constraint));
        }
        let decoded = |marker: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(marker).ok()?;
            String::from_utf8(bytes).ok()
        };
        let after = match params.get("Marker") {
            None => None,
            Some(marker) => {
                Some(decoded(marker).ok_or_else(|| ServiceError::bad("ValidationError", "Invalid Marker."))?)
            }
        };
        Ok(Self { after, most: usize::try_from(most).unwrap_or(100) })
    }

    /// This part of a list that is ordered by its keys.
    pub fn part<T>(&self, items: impl Iterator<Item = (String, T)>) -> Paged<T> {
        let mut rest = items.filter(|(key, _)| self.after.as_ref().is_none_or(|after| key > after)).peekable();
        let mut taken = Vec::new();
        let mut last = None;
        while taken.len() < self.most {
            let Some((key, item)) = rest.next() else { break };
            last = Some(key);
            taken.push(item);
        }
        let marker = rest.peek().and(last).map(|key| URL_SAFE_NO_PAD.encode(key));
        Paged { items: taken, marker }
    }
}

/// The prefix of paths that a list is about.
///
/// # Errors
/// `ValidationError`.
pub fn path_prefix(params: &Params) -> Result<&str, ServiceError> {
    let prefix = params.get("PathPrefix").unwrap_or("/");
    if prefix.starts_with('/') && prefix.len() <= 512 {
        Ok(prefix)
    } else {
        Err(invalid(prefix, "PathPrefix", "Member must satisfy regular expression pattern: \\u002F[\\u0021-\\u007F]*"))
    }
}
