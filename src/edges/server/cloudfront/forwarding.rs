//! What of a viewer's request reaches the origin, and what tells cached answers apart.
//!
//! Source: CloudFront Developer Guide, "HTTP request headers and CloudFront behavior (custom and Amazon S3 origins)",
//! "Understand the cache key", "Use managed cache policies". The `Host` of an origin request is always the origin's.

use super::model::{Behavior, Caching, Forwarded};
use super::policies::{self, Selected};
use super::ttl::Ttls;
use super::viewer::parameters::is_signing_cookie;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::percent_decode_str;
use std::fmt::Write as _;

/// A selection of named values.
#[derive(Clone, Copy, Debug)]
enum Pick<'b> {
    Forwarded(&'b Forwarded),
    /// Names in lower case; `*` is all of them.
    Headers(&'b [String]),
    Managed(Selected),
}

impl Pick<'_> {
    const NONE: Self = Self::Managed(Selected::None);

    fn takes(self, name: &str) -> bool {
        match self {
            Self::Forwarded(Forwarded::None) => false,
            Self::Forwarded(Forwarded::All) => true,
            Self::Forwarded(Forwarded::Listed(names)) => names.iter().any(|one| one == name),
            Self::Headers(names) => names.iter().any(|one| one == "*" || one.eq_ignore_ascii_case(name)),
            Self::Managed(selected) => selected.takes(name),
        }
    }
}

/// How a behaviour forwards and caches.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'b> {
    /// How long answers are kept.
    pub ttls: Ttls,
    keyed: [Pick<'b>; 3],
    further: [Pick<'b>; 3],
    /// Answers differ by whether the viewer takes gzip, and by whether it takes Brotli.
    encodings: (bool, bool),
    /// Headers that no rule is about are passed on.
    other_headers: bool,
    /// Every header is passed on, so that no two requests are alike.
    all_headers: bool,
    /// Answers to OPTIONS count as cached, so that they are not the viewer's own.
    caches_options: bool,
}

const HEADERS: usize = 0;
const COOKIES: usize = 1;
const QUERY: usize = 2;

/// What S3 reads of a request's body; it goes with the body.
const OF_THE_BODY: [&str; 9] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "expires",
    "transfer-encoding",
];
/// What an answer is chosen by; the door judges it itself where it caches.
pub(super) const CONDITIONS: [&str; 6] =
    ["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"];
/// What CloudFront removes or replaces, whatever a behaviour says.
const NEVER: [&str; 18] = [
    "authorization",
    "accept-encoding",
    "connection",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "upgrade",
    "via",
    "x-amz-cf-id",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
];
/// What CloudFront removes unless a behaviour takes it.
const UNLESS_TAKEN: [&str; 8] = [
    "accept",
    "accept-charset",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "origin",
    "referer",
    "user-agent",
];
/// What the answer of a bucket with CORS rules depends on.
const CROSS_ORIGIN: [&str; 3] = ["origin", "access-control-request-headers", "access-control-request-method"];

impl<'b> Rules<'b> {
    /// The rules of a behaviour.
    #[must_use]
    pub fn of(behavior: &'b Behavior) -> Self {
        let caches_options = behavior.cached_methods.iter().any(|method| method == "OPTIONS");
        let origin_request = behavior.origin_request_policy.as_deref().and_then(policies::origin_request_policy);
        let further = origin_request
            .map_or([Pick::NONE; 3], |policy| [policy.headers, policy.cookies, policy.query].map(Pick::Managed));
        match &behavior.caching {
            Caching::Legacy { min_ttl, default_ttl, max_ttl, query, headers, cookies } => Self {
                ttls: Ttls { min: *min_ttl, default: *default_ttl, max: *max_ttl },
                keyed: [Pick::Headers(headers), Pick::Forwarded(cookies), Pick::Forwarded(query)],
                further,
                encodings: (false, false),
                other_headers: true,
                all_headers: headers.iter().any(|name| name == "*"),
                caches_options,
            },
            Caching::Policy(id) => {
                let policy = policies::cache_policy(id);
                Self {
                    // A policy that is not known keeps nothing.
                    ttls: policy.map_or(Ttls { min: 0, default: 0, max: 0 }, |policy| Ttls {
                        min: policy.min_ttl,
                        default: policy.default_ttl,
                        max: policy.max_ttl,
                    }),
                    keyed: policy.map_or([Pick::NONE; 3], |policy| {
                        [policy.headers, policy.cookies, policy.query].map(Pick::Managed)
                    }),
                    further,
                    encodings: policy.map_or((false, false), |policy| policy.encodings),
                    other_headers: false,
                    all_headers: false,
                    caches_options,
                }
            }
        }
    }

    /// Whether the behaviour keeps answers at all.
    #[must_use]
    pub fn cache(&self) -> bool {
        self.ttls.max > 0 && !self.all_headers
    }

    fn forwards(&self, kind: usize, name: &str) -> bool {
        [&self.keyed, &self.further].iter().any(|picks| picks.get(kind).is_some_and(|pick| pick.takes(name)))
    }

    fn keys(&self, kind: usize, name: &str) -> bool {
        self.keyed.get(kind).is_some_and(|pick| pick.takes(name))
    }

    /// Whether the viewer's `Authorization` is passed on, as far as the behaviour is concerned.
    #[must_use]
    pub fn forwards_authorization(&self, method: &Method) -> bool {
        match *method {
            Method::GET | Method::HEAD => self.forwards(HEADERS, "authorization"),
            Method::OPTIONS => !self.caches_options || self.forwards(HEADERS, "authorization"),
            _ => true,
        }
    }

    /// The part of the query that reaches the origin, as it was sent.
    #[must_use]
    pub fn origin_query(&self, raw: &str) -> String {
        picked(raw, '&', |name| self.forwards(QUERY, name))
    }

    /// The part of the query that tells answers apart, as it was sent.
    #[must_use]
    pub fn keyed_query(&self, raw: &str) -> String {
        picked(raw, '&', |name| self.keys(QUERY, name))
    }

    /// The headers of the origin request, but for `Host` and what CloudFront adds.
    #[must_use]
    pub fn origin_headers(&self, method: &Method, viewer: &HeaderMap, authorization: bool) -> HeaderMap {
        let with_body = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        let mut headers = HeaderMap::new();
        for (name, value) in viewer {
            if self.passes(name.as_str(), with_body, authorization) {
                headers.append(name.clone(), value.clone());
            }
        }
        if authorization && let Some(value) = viewer.get(http::header::AUTHORIZATION) {
            headers.insert(http::header::AUTHORIZATION, value.clone());
        }
        let cookies = Self::cookies(viewer, |name| self.forwards(COOKIES, name));
        if let Ok(value) = HeaderValue::from_str(&cookies)
            && !cookies.is_empty()
        {
            headers.insert(http::header::COOKIE, value);
        }
        if let Some(encodings) = self.accepted(viewer) {
            headers.insert(http::header::ACCEPT_ENCODING, HeaderValue::from_static(encodings));
        }
        headers
    }

    fn passes(&self, name: &str, with_body: bool, authorization: bool) -> bool {
        let among = |list: &[&str]| list.contains(&name);
        let taken = || self.forwards(HEADERS, name);
        if among(&NEVER) || name.starts_with("x-edge-") {
            return false;
        }
        if let Some(of_s3) = name.strip_prefix("x-amz-") {
            // A signature that is passed on is over these. One that CloudFront makes itself has its own date.
            let of_signature = matches!(of_s3, "date" | "security-token");
            let of_body = with_body && is_of_body(of_s3);
            return authorization || (!of_signature && (of_body || self.other_headers || taken()));
        }
        if among(&OF_THE_BODY) {
            return with_body;
        }
        if among(&CONDITIONS) {
            return true;
        }
        if among(&UNLESS_TAKEN) {
            return taken();
        }
        self.other_headers || taken()
    }

    /// Whether the answer to these headers may be kept, or be one that was kept: it depends on nothing but the key.
    #[must_use]
    pub fn shareable(&self, origin_headers: &HeaderMap) -> bool {
        let private = |name: &HeaderName| {
            name == http::header::AUTHORIZATION
                || (name.as_str().starts_with("x-amz-") && !self.keys(HEADERS, name.as_str()))
        };
        !origin_headers.keys().any(private)
    }

    /// What tells answers to requests for one path apart, beside the query: headers, cookies, encodings.
    #[must_use]
    pub fn variant(&self, viewer: &HeaderMap) -> String {
        let mut names: Vec<&str> = viewer.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let mut variant = String::new();
        for name in names {
            // A bucket's CORS rules answer what is passed on, keyed or not.
            let cross_origin = CROSS_ORIGIN.contains(&name) && self.forwards(HEADERS, name);
            if matches!(name, "cookie" | "accept-encoding" | "host") || !(self.keys(HEADERS, name) || cross_origin) {
                continue;
            }
            for value in viewer.get_all(name) {
                let _ = writeln!(variant, "{name}: {}", value.as_bytes().escape_ascii());
            }
        }
        let _ = writeln!(variant, "cookie: {}", Self::cookies(viewer, |name| self.keys(COOKIES, name)));
        let _ = write!(variant, "accept-encoding: {}", self.accepted(viewer).unwrap_or_default());
        variant
    }

    /// The cookies that are taken, in one line; never those that sign.
    fn cookies(viewer: &HeaderMap, takes: impl Fn(&str) -> bool) -> String {
        let mut all = Vec::new();
        for line in viewer.get_all(http::header::COOKIE) {
            let Ok(line) = line.to_str() else { continue };
            let own = |piece: &&str| {
                let name = piece.split_once('=').map_or(*piece, |(name, _)| name);
                !is_signing_cookie(name) && takes(name)
            };
            all.extend(line.split(';').map(str::trim).filter(|piece| !piece.is_empty()).filter(own));
        }
        all.join("; ")
    }

    /// What of `Accept-Encoding` counts, in one spelling.
    fn accepted(&self, viewer: &HeaderMap) -> Option<&'static str> {
        let sent = viewer.get_all(http::header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
        let words: Vec<&str> = sent.flat_map(|line| line.split(',')).map(str::trim).collect();
        let takes = |name: &str| {
            words.iter().any(|word| {
                let (coding, quality) = word.split_once(';').unwrap_or((word, ""));
                let refused = matches!(quality.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
                coding.trim().eq_ignore_ascii_case(name) && !refused
            })
        };
        match (self.encodings.1 && takes("br"), self.encodings.0 && takes("gzip")) {
            (true, true) => Some("br,gzip"),
            (true, false) => Some("br"),
            (false, true) => Some("gzip"),
            (false, false) => None,
        }
    }
}

/// Whether a header `x-amz-…` describes a body.
fn is_of_body(of_s3: &str) -> bool {
    matches!(of_s3, "content-sha256" | "decoded-content-length" | "trailer") || of_s3.contains("checksum")
}

/// The pieces whose decoded names are taken.
fn picked(raw: &str, separator: char, takes: impl Fn(&str) -> bool) -> String {
    let own = |piece: &&str| {
        let name = piece.split_once('=').map_or(*piece, |(name, _)| name);
        !piece.is_empty() && takes(&percent_decode_str(name).decode_utf8_lossy())
    };
    raw.split(separator).filter(own).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        map
    }

    fn legacy(query: Forwarded, names: &[&str], cookies: Forwarded) -> Behavior {
        let headers = names.iter().map(|n| (*n).to_owned()).collect();
        let caching = Caching::Legacy { min_ttl: 0, default_ttl: 1, max_ttl: 1, query, headers, cookies };
        Behavior { caching, ..Behavior::default() }
    }

    fn policy(cache: &str, origin_request: Option<&str>) -> Behavior {
        Behavior {
            caching: Caching::Policy(cache.to_owned()),
            origin_request_policy: origin_request.map(str::to_owned),
            ..Behavior::default()
        }
    }

    const OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";
    const DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
    const ALL_VIEWER: &str = "216adef6-5c7f-47e4-b989-5492eafa07d3";
    const CORS_S3: &str = "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf";

    fn names(map: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn queries_are_passed_on_as_they_were_sent() {
        let listed = legacy(Forwarded::Listed(vec!["a".to_owned(), "é".to_owned()]), &[], Forwarded::None);
        let rules = Rules::of(&listed);
        assert_eq!(rules.origin_query("b=1&a=%2f&&%C3%A9&A=2&a"), "a=%2f&%C3%A9&a");
        assert_eq!(rules.keyed_query("%61=1&acl"), "%61=1");
        let none = policy(OPTIMIZED, None);
        assert_eq!(Rules::of(&none).origin_query("acl&versionId=1"), "");
        let all = policy(OPTIMIZED, Some(ALL_VIEWER));
        assert_eq!(Rules::of(&all).origin_query("acl&x=1"), "acl&x=1");
        assert_eq!(Rules::of(&all).keyed_query("acl&x=1"), "");
    }

    #[test]
    fn what_the_origin_sees_of_headers() {
        let viewer = headers(&[
            ("host", "h"),
            ("authorization", "AWS4-HMAC-SHA256 x"),
            ("user-agent", "u"),
            ("referer", "r"),
            ("origin", "https://o"),
            ("x-amz-acl", "public-read"),
            ("x-amz-date", "d"),
            ("x-amz-security-token", "t"),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-other", "o"),
            ("content-type", "text/plain"),
            ("range", "bytes=0-1"),
            ("cookie", "a=1; CloudFront-Signature=s; b=2"),
            ("accept-encoding", "gzip;q=0, BR"),
        ]);
        let none = legacy(Forwarded::None, &[], Forwarded::Listed(vec!["b".to_owned()]));
        let seen = Rules::of(&none).origin_headers(&Method::GET, &viewer, false);
        assert_eq!(names(&seen), ["cookie", "range", "x-amz-acl", "x-amz-content-sha256", "x-other"]);
        assert_eq!(seen.get("cookie").expect("one is taken"), "b=2");
        let managed = policy(OPTIMIZED, None);
        let seen = Rules::of(&managed).origin_headers(&Method::GET, &viewer, false);
        assert_eq!(names(&seen), ["accept-encoding", "range"]);
        assert_eq!(seen.get("accept-encoding").expect("it counts"), "br");
        let seen = Rules::of(&managed).origin_headers(&Method::PUT, &viewer, false);
        assert_eq!(names(&seen), ["accept-encoding", "content-type", "range", "x-amz-content-sha256"]);
        let all = policy(DISABLED, Some(ALL_VIEWER));
        let seen = Rules::of(&all).origin_headers(&Method::GET, &viewer, false);
        let expected =
            ["cookie", "origin", "range", "referer", "user-agent", "x-amz-acl", "x-amz-content-sha256", "x-other"];
        assert_eq!(names(&seen), expected);
        let signed = Rules::of(&managed).origin_headers(&Method::GET, &viewer, true);
        assert!(signed.contains_key("authorization") && signed.contains_key("x-amz-security-token"));
        assert!(!Rules::of(&managed).shareable(&signed) && Rules::of(&managed).shareable(&HeaderMap::new()));
        assert!(!Rules::of(&none).shareable(&headers(&[("x-amz-acl", "private")])));
    }

    #[test]
    fn authorization_goes_with_writes_and_where_it_is_named() {
        let none = policy(OPTIMIZED, None);
        let named = legacy(Forwarded::None, &["authorization"], Forwarded::None);
        for (behavior, method, expected) in [
            (&none, Method::GET, false),
            (&none, Method::HEAD, false),
            (&none, Method::PUT, true),
            (&none, Method::OPTIONS, true),
            (&named, Method::GET, true),
        ] {
            assert_eq!(Rules::of(behavior).forwards_authorization(&method), expected, "{method}");
        }
        let caching = Behavior { cached_methods: vec!["OPTIONS".to_owned()], ..none.clone() };
        assert!(!Rules::of(&caching).forwards_authorization(&Method::OPTIONS));
    }

    #[test]
    fn variants() {
        let listed = legacy(Forwarded::None, &["x-a"], Forwarded::Listed(vec!["c".to_owned()]));
        let rules = Rules::of(&listed);
        let of = |pairs: &[(&str, &str)]| rules.variant(&headers(pairs));
        assert_eq!(of(&[]), of(&[("x-b", "1"), ("cookie", "d=1"), ("accept-encoding", "gzip"), ("host", "h")]));
        assert_ne!(of(&[]), of(&[("x-a", "1")]));
        assert_ne!(of(&[("x-a", "1")]), of(&[("x-a", "2")]));
        assert_ne!(of(&[]), of(&[("cookie", "c=1")]));
        let optimized = policy(OPTIMIZED, Some(CORS_S3));
        let rules = Rules::of(&optimized);
        let of = |pairs: &[(&str, &str)]| rules.variant(&headers(pairs));
        assert_eq!(of(&[("accept-encoding", "gzip, br")]), of(&[("accept-encoding", "br;q=1.0,gzip")]));
        assert_ne!(of(&[("accept-encoding", "gzip")]), of(&[]));
        assert_ne!(of(&[("origin", "https://a")]), of(&[]), "its answer has other CORS headers");
        assert_eq!(of(&[("user-agent", "u")]), of(&[]));
    }

    #[test]
    fn what_is_kept_at_all() {
        assert!(!Rules::of(&policy(DISABLED, None)).cache() && !Rules::of(&policy("unknown", None)).cache());
        assert!(Rules::of(&policy(OPTIMIZED, None)).cache() && Rules::of(&Behavior::default()).cache());
        assert!(!Rules::of(&legacy(Forwarded::None, &["*"], Forwarded::None)).cache());
    }
}
