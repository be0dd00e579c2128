//! Which behaviour a path has, and what it lets through.
//!
//! Source: CloudFront Developer Guide, "Cache behavior settings" (path pattern, allowed HTTP methods, viewer protocol
//! policy). Patterns are compared with the path as S3 will read it, decoded once and not otherwise changed, so that no
//! second spelling of a key comes under another behaviour.

use super::errors::DoorError;
use super::model::{Behavior, DistributionConfig, ViewerProtocol};
use crate::words::wildcard;
use http::{Method, StatusCode, Version};
use percent_encoding::percent_decode_str;

/// The first behaviour whose pattern fits the raw path, else the default one.
#[must_use]
pub fn behavior_of<'c>(config: &'c DistributionConfig, raw_path: &str) -> &'c Behavior {
    let path = percent_decode_str(raw_path).decode_utf8_lossy();
    let found = config.behaviors.iter().find(|other| fits(&other.pattern, &path));
    found.map_or(&config.default_behavior, |other| &other.behavior)
}

fn fits(pattern: &str, path: &str) -> bool {
    let without_slash = |text: &'_ str| text.strip_prefix('/').unwrap_or(text).to_owned();
    wildcard::matches_text(&without_slash(pattern), &without_slash(path), false)
}

/// The path that is asked of the origin: the default root object for `/`.
#[must_use]
pub fn rooted(config: &DistributionConfig, raw_path: &str) -> String {
    match config.default_root_object.as_str() {
        object if raw_path == "/" && !object.is_empty() => format!("/{}", object.trim_start_matches('/')),
        _ => raw_path.to_owned(),
    }
}

/// What becomes of a request by its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByProtocol {
    /// It goes on.
    Proceed,
    /// It is sent to HTTPS with this status.
    Redirect(StatusCode),
}

/// Judges how the viewer asked.
///
/// # Errors
/// [`DoorError::HttpsOnly`].
pub fn by_protocol(
    behavior: &Behavior,
    secure: bool,
    method: &Method,
    version: Version,
) -> Result<ByProtocol, DoorError> {
    match behavior.viewer_protocol {
        _ if secure => Ok(ByProtocol::Proceed),
        ViewerProtocol::AllowAll => Ok(ByProtocol::Proceed),
        ViewerProtocol::HttpsOnly => Err(DoorError::HttpsOnly),
        ViewerProtocol::RedirectToHttps if matches!(*method, Method::GET | Method::HEAD) => {
            Ok(ByProtocol::Redirect(StatusCode::MOVED_PERMANENTLY))
        }
        // A client that asks again must ask with the same method and body, which HTTP/1.0 has no status for.
        ViewerProtocol::RedirectToHttps if version >= Version::HTTP_11 => {
            Ok(ByProtocol::Redirect(StatusCode::TEMPORARY_REDIRECT))
        }
        ViewerProtocol::RedirectToHttps => Err(DoorError::HttpsOnly),
    }
}

/// Judges the method. GET and HEAD are always among those of a distribution.
///
/// # Errors
/// [`DoorError::Method`].
pub fn by_method(behavior: &Behavior, method: &Method) -> Result<(), DoorError> {
    let usual = matches!(*method, Method::GET | Method::HEAD);
    if usual || behavior.allowed_methods.iter().any(|allowed| allowed == method.as_str()) {
        return Ok(());
    }
    let cachable = |allowed: &String| matches!(allowed.as_str(), "GET" | "HEAD" | "OPTIONS");
    Err(DoorError::Method { cachable_only: behavior.allowed_methods.iter().all(cachable) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::server::cloudfront::model::PathBehavior;

    fn config() -> DistributionConfig {
        let other = |pattern: &str| PathBehavior {
            pattern: pattern.to_owned(),
            behavior: Behavior { origin: pattern.to_owned(), ..Behavior::default() },
        };
        DistributionConfig {
            default_root_object: "index.html".to_owned(),
            default_behavior: Behavior { origin: "default".to_owned(), ..Behavior::default() },
            behaviors: ["/private/*.jpg", "private/*", "/?.txt", "*.GIF", "/a//b"].map(other).to_vec(),
            ..DistributionConfig::default()
        }
    }

    #[test]
    fn the_first_pattern_that_fits_counts() {
        let config = config();
        for (path, expected) in [
            ("/private/x.jpg", "/private/*.jpg"),
            ("/private/a/b.jpg", "/private/*.jpg"),
            ("/private/x.JPG", "private/*"),
            ("/private/", "private/*"),
            ("/private", "default"),
            ("/Private/x", "default"),
            ("/%70rivate/x", "private/*"),
            ("/private%2Fx", "private/*"),
            ("/x/../private/x", "default"),
            ("/private/../x", "private/*"),
            ("//private/x", "default"),
            ("/a.txt", "/?.txt"),
            ("/ab.txt", "default"),
            ("/%C3%A9.txt", "/?.txt"),
            ("/a/b.GIF", "*.GIF"),
            ("/a/b.gif", "default"),
            ("/a//b", "/a//b"),
            ("/a/b", "default"),
            ("/", "default"),
            ("*", "default"),
        ] {
            assert_eq!(behavior_of(&config, path).origin, expected, "{path}");
        }
    }

    #[test]
    fn only_the_root_has_a_default_object() {
        let config = config();
        for (path, expected) in [("/", "/index.html"), ("/x/", "/x/"), ("//", "//"), ("/x", "/x")] {
            assert_eq!(rooted(&config, path), expected);
        }
        assert_eq!(rooted(&DistributionConfig::default(), "/"), "/");
    }

    #[test]
    fn protocols() {
        let of = |viewer_protocol| Behavior { viewer_protocol, ..Behavior::default() };
        let (only, redirect) = (of(ViewerProtocol::HttpsOnly), of(ViewerProtocol::RedirectToHttps));
        let ask =
            |behavior: &Behavior, secure, method: Method, version| by_protocol(behavior, secure, &method, version);
        let moved = |status| Ok(ByProtocol::Redirect(status));
        let (now, then) = (Version::HTTP_11, Version::HTTP_10);
        assert_eq!(ask(&of(ViewerProtocol::AllowAll), false, Method::GET, now), Ok(ByProtocol::Proceed));
        assert_eq!(ask(&only, true, Method::GET, now), Ok(ByProtocol::Proceed));
        assert_eq!(ask(&only, false, Method::GET, now), Err(DoorError::HttpsOnly));
        assert_eq!(ask(&redirect, true, Method::PUT, now), Ok(ByProtocol::Proceed));
        assert_eq!(ask(&redirect, false, Method::HEAD, then), moved(StatusCode::MOVED_PERMANENTLY));
        assert_eq!(ask(&redirect, false, Method::PUT, now), moved(StatusCode::TEMPORARY_REDIRECT));
        assert_eq!(ask(&redirect, false, Method::PUT, then), Err(DoorError::HttpsOnly));
    }

    #[test]
    fn methods() {
        let of = |methods: &[&str]| Behavior {
            allowed_methods: methods.iter().map(|m| (*m).to_owned()).collect(),
            ..Behavior::default()
        };
        let (two, three) = (of(&["GET", "HEAD"]), of(&["GET", "HEAD", "OPTIONS"]));
        let seven = of(&["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]);
        assert_eq!(by_method(&two, &Method::HEAD), Ok(()));
        assert_eq!(by_method(&two, &Method::OPTIONS), Err(DoorError::Method { cachable_only: true }));
        assert_eq!(by_method(&three, &Method::OPTIONS), Ok(()));
        assert_eq!(by_method(&three, &Method::PUT), Err(DoorError::Method { cachable_only: true }));
        assert_eq!(by_method(&seven, &Method::DELETE), Ok(()));
        assert_eq!(by_method(&seven, &Method::TRACE), Err(DoorError::Method { cachable_only: false }));
    }
}
