//! How long answers are kept.
//!
//! Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)" and "HTTP 4xx and 5xx
//! status codes that CloudFront caches".

use super::model::CustomError;
use crate::edges::server::wire::dates::parse_http_date;
use http::{HeaderMap, StatusCode};

/// The bounds of a behaviour, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttls {
    /// At least so long.
    pub min: u64,
    /// So long where the origin says nothing.
    pub default: u64,
    /// At most so long, where the origin says something.
    pub max: u64,
}

/// What the origin's `Cache-Control` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Directives {
    max_age: Option<u64>,
    shared_max_age: Option<u64>,
    no_cache: bool,
    /// `no-store`, `private`.
    not_shared: bool,
}

impl Directives {
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let lines = headers.get_all(http::header::CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok());
        for directive in lines.flat_map(|line| line.split(',')) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            // A number that cannot be read is no reason to keep anything.
            let seconds = || Some(value.trim().trim_matches('"').parse().unwrap_or(0));
            match name.trim().to_ascii_lowercase().as_str() {
                "max-age" => found.max_age = seconds(),
                "s-maxage" => found.shared_max_age = seconds(),
                "no-cache" => found.no_cache = true,
                "no-store" | "private" => found.not_shared = true,
                _ => {}
            }
        }
        found
    }
}

/// How many seconds an answer of the origin is kept from `now` on; 0: not at all. What is private or must not be
/// stored is never kept, whatever the least time is.
#[must_use]
pub fn of_answer(ttls: Ttls, headers: &HeaderMap, now: i64) -> u64 {
    let said = Directives::of(headers);
    if said.not_shared {
        return 0;
    }
    if said.no_cache {
        return ttls.min;
    }
    let expires = || {
        let text = headers.get(http::header::EXPIRES)?.to_str().ok()?;
        // A date that is none has passed (RFC 9111, section 5.3).
        Some(parse_http_date(text).map_or(0, |at| u64::try_from(at.saturating_sub(now)).unwrap_or(0)))
    };
    match said.shared_max_age.or(said.max_age).or_else(expires) {
        Some(seconds) => seconds.clamp(ttls.min, ttls.max.max(ttls.min)),
        None => ttls.default.max(ttls.min),
    }
}

/// Seconds that an error is kept where nothing is configured.
const USUAL_ERROR_TTL: u64 = 10;

/// How many seconds an error of the origin is kept; 0: not at all. A refusal is never kept: the next request is
/// decided anew.
#[must_use]
pub fn of_error(status: StatusCode, configured: Option<&CustomError>, headers: &HeaderMap) -> u64 {
    let always = matches!(status.as_u16(), 404 | 410 | 414 | 500..=504);
    let when_configured = matches!(status.as_u16(), 400 | 405 | 412 | 415);
    if !(always || when_configured && configured.is_some()) {
        return 0;
    }
    let said = Directives::of(headers);
    let least = configured.map_or(USUAL_ERROR_TTL, |error| error.min_ttl);
    said.shared_max_age.or(said.max_age).unwrap_or(0).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(cache_control: &'static str, expires: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(http::header::CACHE_CONTROL, cache_control), (http::header::EXPIRES, expires)] {
            if !value.is_empty() {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        headers
    }

    #[test]
    fn answers() {
        const AT: i64 = 784_111_777;
        const IN_A_MINUTE: &str = "Sun, 06 Nov 1994 08:50:37 GMT";
        let zero = Ttls { min: 0, default: 86_400, max: 1000 };
        let some = Ttls { min: 30, default: 10, max: 1000 };
        for (ttls, cache_control, expires, expected) in [
            (zero, "", "", 86_400),
            (some, "", "", 30),
            (zero, "max-age=60", "", 60),
            (zero, "public, Max-Age=60", "", 60),
            (zero, "max-age=5000", "", 1000),
            (some, "max-age=5", "", 30),
            (zero, "max-age=60, s-maxage=7", "", 7),
            (zero, "max-age=0", "", 0),
            (some, "max-age=0", "", 30),
            (zero, "max-age=x", "", 0),
            (zero, "", IN_A_MINUTE, 60),
            (zero, "max-age=5", IN_A_MINUTE, 5),
            (zero, "", "0", 0),
            (some, "", "0", 30),
            (zero, "no-cache", "", 0),
            (some, "no-cache, max-age=99", "", 30),
            (zero, "no-store", "", 0),
            (some, "no-store", "", 0),
            (some, "private, max-age=99", "", 0),
            (zero, "must-revalidate", "", 86_400),
            (Ttls { min: 50, default: 1, max: 20 }, "max-age=30", "", 50),
        ] {
            assert_eq!(of_answer(ttls, &headers(cache_control, expires), AT), expected, "{cache_control} {expires}");
        }
    }

    #[test]
    fn errors() {
        let configured = CustomError { status: 404, page: None, response_status: None, min_ttl: 3 };
        let none = HeaderMap::new();
        let of = |status: u16, configured| of_error(StatusCode::from_u16(status).expect("a status"), configured, &none);
        assert_eq!((of(404, None), of(404, Some(&configured)), of(503, None)), (10, 3, 10));
        assert_eq!((of(403, None), of(403, Some(&configured)), of(416, Some(&configured))), (0, 0, 0));
        assert_eq!((of(405, None), of(405, Some(&configured))), (0, 3));
        let long = headers("max-age=60", "");
        assert_eq!(of_error(StatusCode::NOT_FOUND, None, &long), 60);
    }
}
