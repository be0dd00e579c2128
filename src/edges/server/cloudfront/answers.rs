//! From what an origin answered to what a viewer gets: conditions and ranges of kept answers, and the headers that
//! CloudFront adds.
//!
//! Source: RFC 9110, sections 13 and 14; CloudFront Developer Guide, "How CloudFront processes partial requests for an
//! object (range GETs)".

use super::cache::Entry;
use super::policies;
use crate::edges::server::app::OriginPermits;
use crate::edges::server::auth::S3Error;
use crate::edges::server::http::ResponseBody;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::conditions::{Conditions, ETags};
use crate::edges::server::wire::{dates, headers, range};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::ops::Range;

/// Where an answer came from, as `X-Cache` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XCache {
    /// It was kept.
    Hit,
    /// The origin was asked.
    Miss,
    /// It was kept, and the origin said that it is still so.
    RefreshHit,
    /// It is an error.
    Error,
    /// The viewer is sent to HTTPS.
    Redirect,
}

impl XCache {
    fn text(self) -> &'static str {
        match self {
            Self::Hit => "Hit from cloudfront",
            Self::Miss => "Miss from cloudfront",
            Self::RefreshHit => "RefreshHit from cloudfront",
            Self::Error => "Error from cloudfront",
            Self::Redirect => "Redirect from cloudfront",
        }
    }
}

/// An answer with where it came from.
#[derive(Debug)]
pub struct Shown {
    /// The answer.
    pub reply: Reply,
    /// Where it came from.
    pub from: XCache,
    /// How many seconds it has been kept.
    pub age: Option<i64>,
}

impl Shown {
    /// An answer that comes from the origin at this moment.
    #[must_use]
    pub fn passed(reply: Reply) -> Self {
        let failed = reply.status().is_client_error() || reply.status().is_server_error();
        Self { reply, from: if failed { XCache::Error } else { XCache::Miss }, age: None }
    }

    /// A kept answer, as far as the origin permits it at this moment.
    #[must_use]
    pub fn kept(entry: &Entry, from: XCache, viewer: &Viewer<'_>, permits: &OriginPermits, now_ms: i64) -> Self {
        let head = *viewer.method == Method::HEAD;
        let reply = reply::finished(of_entry(entry, viewer), permits.request_id(), viewer.path, head);
        let failed = !(entry.status.is_success() && (reply.status().is_success() || reply.status() == 304));
        let age = (from != XCache::Miss).then(|| (now_ms - entry.stored_ms).max(0).div_euclid(1000));
        Self { reply, from: if failed { XCache::Error } else { from }, age }
    }
}

/// What of the viewer's request a kept answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'v> {
    /// Its method: GET or HEAD.
    pub method: &'v Method,
    /// Its headers.
    pub headers: &'v HeaderMap,
    /// Its path, for error documents.
    pub path: &'v str,
}

fn of_entry(entry: &Entry, viewer: &Viewer<'_>) -> Result<Reply, S3Error> {
    let wanted = if entry.status == StatusCode::OK { wanted(entry, viewer.headers)? } else { None };
    let length = entry.body.len();
    let bounds = wanted.as_ref().and_then(|w| Some(usize::try_from(w.start).ok()?..usize::try_from(w.end).ok()?));
    let body = entry.body.slice(bounds.unwrap_or(0..length));
    let announced = body.len();
    let status = if wanted.is_some() { StatusCode::PARTIAL_CONTENT } else { entry.status };
    let shown = if *viewer.method == Method::HEAD { ResponseBody::empty() } else { ResponseBody::Full(body) };
    let mut reply = reply::with_body(status, shown);
    reply.headers_mut().clone_from(&entry.headers);
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(announced));
    if let Some(wanted) = wanted {
        reply::set(&mut reply, CONTENT_RANGE_NAME, range::content_range(&wanted, length as u64));
    }
    Ok(reply)
}

const CONTENT_RANGE_NAME: &str = "content-range";

/// The bytes that are wanted of a kept object; `None`: all.
fn wanted(entry: &Entry, viewer: &HeaderMap) -> Result<Option<Range<u64>>, S3Error> {
    let text = |name: HeaderName| entry.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let (etag, modified) = (text(ETAG).trim_matches('"'), text(LAST_MODIFIED));
    let modified_at = dates::parse_http_date(modified);
    let conditions = Conditions::of_read(viewer)?;
    if !conditions.is_empty() {
        conditions.check(etag, modified_at.unwrap_or_default()).into_result().map_err(|error| {
            error.with_header("etag", text(ETAG).to_owned()).with_header("last-modified", modified.to_owned())
        })?;
    }
    if let Some(unless) = viewer.get(IF_RANGE).and_then(|v| v.to_str().ok()) {
        let same_date = dates::parse_http_date(unless).is_some_and(|at| Some(at) == modified_at);
        if !same_date && ETags::parse(unless) != ETags::Listed(vec![(etag.to_owned(), false)]) {
            return Ok(None);
        }
    }
    range::requested(headers::one(viewer, "range")?, entry.body.len() as u64)
}

/// Whether the answer depends on more than what is asked for: a condition or a range.
#[must_use]
pub fn is_plain(viewer: &HeaderMap) -> bool {
    !super::forwarding::CONDITIONS.iter().any(|name| viewer.contains_key(*name))
}

/// The length that an answer announces.
#[must_use]
pub fn announced(reply: &Reply) -> Option<u64> {
    if reply.headers().contains_key(CONTENT_RANGE) {
        return None;
    }
    match reply.headers().get(CONTENT_LENGTH) {
        Some(length) => length.to_str().ok()?.parse().ok(),
        None => http_body::Body::size_hint(reply.body()).exact(),
    }
}

/// Adds what CloudFront adds to every answer.
pub fn complete(shown: Shown, via: &str, id: &str) -> Reply {
    let Shown { mut reply, from, age } = shown;
    reply::set(&mut reply, "x-cache", from.text());
    reply::set(&mut reply, "via", via);
    reply::set(&mut reply, "x-amz-cf-pop", "PTC1-P1");
    reply::set(&mut reply, "x-amz-cf-id", id);
    if let Some(age) = age {
        reply::set(&mut reply, "age", age.to_string());
    }
    reply
}

/// Adds the headers of a behaviour's managed policy.
pub fn add_policy_headers(reply: &mut Reply, policy: Option<&str>, cross_origin: bool) {
    let Some(policy) = policy.and_then(policies::response_headers_policy) else { return };
    for added in policy.headers.iter().copied().flatten().filter(|added| cross_origin || !added.cors) {
        let Ok(name) = HeaderName::from_bytes(added.name.as_bytes()) else { continue };
        if added.replaces || !reply.headers().contains_key(&name) {
            reply.headers_mut().insert(name, HeaderValue::from_static(added.value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn entry() -> Entry {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, HeaderValue::from_static("\"e\""));
        headers.insert(LAST_MODIFIED, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        headers.insert("x-amz-meta-a", HeaderValue::from_static("1"));
        Entry {
            status: StatusCode::OK,
            headers,
            body: Bytes::from_static(b"0123456789"),
            stored_ms: 1000,
            fresh_until_ms: 0,
            distribution: String::new(),
            path: String::new(),
        }
    }

    fn ask(method: &Method, pairs: &[(&'static str, &'static str)]) -> (Shown, Vec<u8>) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let viewer = Viewer { method, headers: &headers, path: "/x" };
        let mut origin = reply::empty(StatusCode::OK);
        reply::set(&mut origin, "x-amz-request-id", "ID");
        let shown = Shown::kept(&entry(), XCache::Hit, &viewer, &OriginPermits::of_answer(&origin), 3999);
        let ResponseBody::Full(body) = shown.reply.body() else { panic!("in one piece") };
        let body = body.to_vec();
        (shown, body)
    }

    #[test]
    fn kept_answers_are_cut_as_the_viewer_wants_them() {
        type Row = (&'static [(&'static str, &'static str)], u16, &'static str);
        let table: &[Row] = &[
            (&[], 200, "0123456789"),
            (&[("range", "bytes=2-4")], 206, "234"),
            (&[("range", "bytes=-3")], 206, "789"),
            (&[("range", "bytes=0-1,4-5")], 200, "0123456789"),
            (&[("range", "bytes=2-4"), ("if-range", "\"e\"")], 206, "234"),
            (&[("range", "bytes=2-4"), ("if-range", "\"x\"")], 200, "0123456789"),
            (&[("range", "bytes=2-4"), ("if-range", "W/\"e\"")], 200, "0123456789"),
            (&[("range", "bytes=2-4"), ("if-range", "Sun, 06 Nov 1994 08:49:37 GMT")], 206, "234"),
            (&[("if-none-match", "\"e\"")], 304, ""),
            (&[("if-none-match", "\"x\"")], 200, "0123456789"),
            (&[("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")], 304, ""),
        ];
        for (pairs, status, expected) in table {
            let (shown, body) = ask(&Method::GET, pairs);
            assert_eq!((shown.reply.status().as_u16(), body.as_slice()), (*status, expected.as_bytes()), "{pairs:?}");
            assert_eq!((shown.from, shown.age), (XCache::Hit, Some(2)));
        }
        for (pairs, status) in [(("range", "bytes=10-"), 416), (("if-match", "\"x\""), 412)] {
            let (shown, _) = ask(&Method::GET, &[pairs]);
            assert_eq!((shown.reply.status().as_u16(), shown.from), (status, XCache::Error));
        }
    }

    #[test]
    fn heads_announce_what_they_do_not_send() {
        let (shown, body) = ask(&Method::HEAD, &[("range", "bytes=2-4")]);
        let reply = complete(shown, "1.1 x", "cf");
        assert!(body.is_empty());
        for (name, value) in [
            ("content-length", "3"),
            ("content-range", "bytes 2-4/10"),
            ("x-amz-meta-a", "1"),
            ("x-amz-request-id", "ID"),
            ("x-cache", "Hit from cloudfront"),
            ("via", "1.1 x"),
            ("x-amz-cf-id", "cf"),
            ("age", "2"),
        ] {
            assert_eq!(reply.headers().get(name).expect(name), value, "{name}");
        }
    }

    #[test]
    fn policies_add_headers() {
        let mut reply = reply::empty(StatusCode::OK);
        reply::set(&mut reply, "x-frame-options", "DENY");
        add_policy_headers(&mut reply, Some("e61eb60c-9c35-4d20-a928-2b84e02af89c"), false);
        assert_eq!(reply.headers().get("x-frame-options").expect("the origin's"), "DENY");
        assert_eq!(reply.headers().get("x-content-type-options").expect("added"), "nosniff");
        assert!(!reply.headers().contains_key("access-control-allow-origin"));
        add_policy_headers(&mut reply, Some("e61eb60c-9c35-4d20-a928-2b84e02af89c"), true);
        assert_eq!(reply.headers().get("access-control-allow-origin").expect("added"), "*");
    }
}
