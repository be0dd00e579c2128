//! Who may see what a distribution serves: signed URLs and signed cookies.
//!
//! A viewer's request → its signing parameters ([`parameters`]) → the key of a trusted key group ([`key`]) → the
//! signature over the policy's text → what the policy says ([`policy`]) → [`Admitted`], which only [`admit`] makes and
//! which the cache and the origin request take. Absent here: I/O, the clock (time is an argument), decisions about
//! buckets.
//!
//! Source: CloudFront Developer Guide, "Serve private content with signed URLs and signed cookies".

pub mod key;
pub mod parameters;
pub mod policy;
pub mod refusal;
pub mod sign;

#[cfg(test)]
mod tests;

use super::model::Behavior;
use super::state::CloudFront;
use key::ViewerKey;
use parameters::{Credential, Proof};
pub use refusal::{RefusalKind, ViewerRefusal};
use std::borrow::Cow;
use std::net::IpAddr;

/// What a viewer asked for.
#[derive(Clone, Copy, Debug)]
pub struct ViewerRequest<'a> {
    /// `http` or `https`: how the viewer reached the door.
    pub scheme: &'a str,
    /// The `Host` header as it was sent, with its port.
    pub host: &'a str,
    /// The path and query as they were sent, nothing decoded.
    pub path_and_query: &'a str,
    /// The values of the `Cookie` headers.
    pub cookies: &'a [&'a str],
    /// The viewer's address.
    pub source_ip: IpAddr,
    /// Seconds since 1970.
    pub now: i64,
}

/// Proof that a viewer may see what the URL names: its behaviour is for everybody, or a trusted key signed.
///
/// INVARIANT: only [`admit`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    path_and_query: String,
    key_pair_id: Option<String>,
    expires: Option<i64>,
}

impl Admitted {
    /// The path and query for the cache and the origin: as the viewer sent them, on a behaviour with trusted key
    /// groups without the signing parameters.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// The path alone, nothing decoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path_and_query.split_once('?').map_or(self.path_and_query.as_str(), |(path, _)| path)
    }

    /// The query without its `?`, nothing decoded; empty where there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.path_and_query.split_once('?').map_or("", |(_, query)| query)
    }

    /// The key that signed; `None` where everybody may see it.
    #[must_use]
    pub fn key_pair_id(&self) -> Option<&str> {
        self.key_pair_id.as_deref()
    }

    /// When the right ends, in seconds since 1970; `None` where everybody may see it.
    #[must_use]
    pub const fn expires(&self) -> Option<i64> {
        self.expires
    }
}

/// Lets a viewer in, or says why not.
///
/// # Errors
/// [`ViewerRefusal`]: CloudFront's own answer.
pub fn admit(
    request: &ViewerRequest<'_>,
    behavior: &Behavior,
    cloudfront: &CloudFront,
) -> Result<Admitted, ViewerRefusal> {
    if behavior.trusted_key_groups.is_empty() {
        let path_and_query = request.path_and_query.to_owned();
        return Ok(Admitted { path_and_query, key_pair_id: None, expires: None });
    }
    let (path_and_query, in_url) = parameters::of_url(request.path_and_query)?;
    let given = match in_url {
        Some(given) => given,
        None => parameters::of_cookies(request.cookies)?,
    };
    let credential = given.credential()?;
    let key = trusted_key(credential.key_pair_id, behavior, cloudfront)?;
    let url = format!("{}://{}{path_and_query}", request.scheme, request.host);
    let expires = check(&credential, key, &url, request)?;
    Ok(Admitted { path_and_query, key_pair_id: Some(credential.key_pair_id.to_owned()), expires: Some(expires) })
}

/// The key of that id, where it is of one of the behaviour's key groups.
fn trusted_key<'c>(id: &str, behavior: &Behavior, cloudfront: &'c CloudFront) -> Result<&'c ViewerKey, ViewerRefusal> {
    let unknown = |detail: &'static str| ViewerRefusal::new(RefusalKind::UnknownKey, detail);
    let mut groups = behavior.trusted_key_groups.iter().filter_map(|group| cloudfront.groups.get(group));
    if !groups.any(|group| group.document.keys.iter().any(|key| key == id)) {
        return Err(unknown("the key is in none of the behaviour's key groups"));
    }
    cloudfront.viewer_keys.get(id).ok_or_else(|| unknown("the key group names a key that is gone or cannot be read"))
}

/// The signature first, so that what is read as a policy was written by the key's owner. Gives the end of the right.
fn check(
    credential: &Credential<'_>,
    key: &ViewerKey,
    url: &str,
    request: &ViewerRequest<'_>,
) -> Result<i64, ViewerRefusal> {
    let text: Cow<'_, str> = match &credential.proof {
        Proof::Canned { expires } => Cow::Owned(policy::canned(url, *expires)),
        Proof::Custom { policy } => Cow::Borrowed(policy.as_str()),
    };
    if !key.verifies(credential.hash, text.as_bytes(), &credential.signature) {
        return Err(ViewerRefusal::new(RefusalKind::AccessDenied, "the signature is not that of the policy's text"));
    }
    match credential.proof {
        Proof::Canned { expires } => {
            policy::check_dates(None, expires, request.now)?;
            Ok(expires)
        }
        Proof::Custom { .. } => {
            let policy = policy::Policy::read(&text)?;
            policy.check(url, request.source_ip, request.now)?;
            Ok(policy.date_less_than)
        }
    }
}
