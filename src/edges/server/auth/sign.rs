//! The other side: signing requests, for `portcullis presign` and for tests.

use super::canonical::{self, Query, canonical_request, encode_query, string_to_sign};
use super::verify::ALGORITHM;
use super::{S3Error, SigningKey, digest};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write as _;

/// Somebody with an access key.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// The token of a temporary key.
    pub session_token: Option<&'a str>,
    /// The region of the scope.
    pub region: &'a str,
    /// The service of the scope: `s3`.
    pub service: &'a str,
}

impl Signer<'_> {
    /// A presigned URL, good from `now` (seconds since 1970) for `expires` seconds. `url` is as it will be sent,
    /// path and query encoded; `headers` are those that the request must carry, beside the host.
    ///
    /// # Errors
    /// A URL without scheme and host, a path or query that does not decode, a header that cannot be sent.
    pub fn presign(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        expires: u32,
        now: i64,
    ) -> Result<String, S3Error> {
        let url = url.split('#').next().unwrap_or_default();
        let bad_url = || S3Error::new("InvalidURI", "Couldn't parse the specified URI.").with("URI", url);
        let (scheme, rest) = url.split_once("://").ok_or_else(bad_url)?;
        let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = before_query.find('/').map_or((before_query, "/"), |at| before_query.split_at(at));
        if host.is_empty() {
            return Err(bad_url());
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().copied().chain([("host", host)]) {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad_header(name))?;
            let value = HeaderValue::from_str(value).map_err(|_| bad_header(name.as_str()))?;
            map.append(name, value);
        }
        let (amz_date, signed) = (digest::basic(now), signed_names(&map));
        let scope = self.scope(&amz_date);
        let mut query = query.to_owned();
        let mut add = |name: &str, value: &str| {
            let separator = if query.is_empty() { "" } else { "&" };
            let _ = write!(query, "{separator}{name}={}", encode_query(value));
        };
        add("X-Amz-Algorithm", ALGORITHM);
        add("X-Amz-Credential", &format!("{}/{scope}", self.access_key_id));
        add("X-Amz-Date", &amz_date);
        add("X-Amz-Expires", &expires.to_string());
        if let Some(token) = self.session_token {
            add("X-Amz-Security-Token", token);
        }
        add("X-Amz-SignedHeaders", &signed);
        let payload = map.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
        let payload = payload.unwrap_or("UNSIGNED-PAYLOAD");
        let parsed = Query::parse(&query)?;
        let parts = canonical::Parts { method, path, query: &parsed, headers: &map, signed: &signed, payload };
        let signature = self.signature(&amz_date, &parts)?;
        Ok(format!("{scheme}://{host}{path}?{query}&X-Amz-Signature={signature}"))
    }

    /// The header `Authorization` of a request that is signed at `now` (seconds since 1970), over all of `headers`,
    /// which must have `host`, `x-amz-date` of that time and `x-amz-content-sha256`.
    ///
    /// # Errors
    /// A path or query that does not decode.
    pub fn authorization(
        &self,
        method: &str,
        path_and_query: &str,
        headers: &HeaderMap,
        now: i64,
    ) -> Result<String, S3Error> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let (amz_date, signed) = (digest::basic(now), signed_names(headers));
        let payload = headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let query = Query::parse(query)?;
        let parts = canonical::Parts { method, path, query: &query, headers, signed: &signed, payload };
        let signature = self.signature(&amz_date, &parts)?;
        let credential = format!("{}/{}", self.access_key_id, self.scope(&amz_date));
        Ok(format!("{ALGORITHM} Credential={credential}, SignedHeaders={signed}, Signature={signature}"))
    }

    fn signature(&self, amz_date: &str, parts: &canonical::Parts<'_>) -> Result<String, S3Error> {
        let canonical = canonical_request(parts)?.unwrap_or_default();
        let date = amz_date.get(..8).unwrap_or_default();
        let key = SigningKey::derive(self.secret, date, self.region, self.service);
        Ok(key.sign(&string_to_sign(amz_date, &self.scope(amz_date), &canonical)))
    }

    fn scope(&self, amz_date: &str) -> String {
        format!("{}/{}/{}/aws4_request", amz_date.get(..8).unwrap_or_default(), self.region, self.service)
    }
}

fn signed_names(headers: &HeaderMap) -> String {
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names.join(";")
}

fn bad_header(name: &str) -> S3Error {
    S3Error::new("InvalidArgument", format!("The header {name} cannot be sent.")).with("ArgumentName", name)
}
