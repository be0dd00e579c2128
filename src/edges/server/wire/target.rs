//! What a request addresses: from the host's name and the raw path.
//!
//! Source: S3 User Guide, "Virtual hosting of general purpose buckets".

use super::names;
use crate::edges::server::error::S3Error;
use crate::gate::Target;

/// Reads path-style and virtual-hosted-style addresses. `host` is the Host header, with or without a port;
/// `suffixes` are this server's own names, below which buckets are hosts. Any other host, addresses among them,
/// means path style. Keys are decoded once and never normalised.
///
/// # Errors
/// `InvalidURI` for a path that is no path, broken escapes or text that is not UTF-8; `InvalidBucketName`;
/// `KeyTooLongError`.
pub fn target(host: &str, raw_path: &str, suffixes: &[String]) -> Result<Target, S3Error> {
    let path = raw_path.strip_prefix('/').ok_or_else(|| S3Error::invalid_uri(raw_path))?;
    if let Some(bucket) = hosted_bucket(host, suffixes) {
        // Host names have no case, names of buckets only the lower one.
        return resource(bucket.to_ascii_lowercase(), path);
    }
    if path.is_empty() {
        return Ok(Target::Service);
    }
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    resource(names::decode(bucket)?, key)
}

/// Reads a path below a bucket that is known already, such as the origin of a distribution.
///
/// # Errors
/// As [`target`].
pub fn hosted_target(bucket: &str, raw_path: &str) -> Result<Target, S3Error> {
    let path = raw_path.strip_prefix('/').ok_or_else(|| S3Error::invalid_uri(raw_path))?;
    resource(bucket.to_owned(), path)
}

fn resource(bucket: String, raw_key: &str) -> Result<Target, S3Error> {
    names::check_addressed_bucket(&bucket)?;
    if raw_key.is_empty() {
        return Ok(Target::Bucket { bucket });
    }
    let key = names::decode(raw_key)?;
    names::check_key(&key)?;
    Ok(Target::Object { bucket, key })
}

/// The part of the host before the longest suffix that fits; `None` where the host is no bucket.
#[must_use]
pub fn hosted_bucket<'h>(host: &'h str, suffixes: &[String]) -> Option<&'h str> {
    if suffixes.is_empty() || host.starts_with('[') {
        return None;
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    // A host that is itself one of our names addresses no bucket, whichever shorter suffix it ends with.
    if suffixes.iter().any(|s| name.eq_ignore_ascii_case(s)) {
        return None;
    }
    suffixes
        .iter()
        .filter_map(|suffix| {
            let at = name.len().checked_sub(suffix.len())?;
            let (before, end) = (name.get(..at)?, name.get(at..)?);
            let bucket = before.strip_suffix('.').filter(|b| !b.is_empty())?;
            end.eq_ignore_ascii_case(suffix).then_some(bucket)
        })
        .min_by_key(|bucket| bucket.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(host: &str, path: &str) -> String {
        let suffixes = ["example.com".to_owned(), "s3.example.com".to_owned(), "localhost".to_owned()];
        match target(host, path, &suffixes) {
            Ok(Target::Service) => "service".to_owned(),
            Ok(Target::Bucket { bucket }) => bucket,
            Ok(Target::Object { bucket, key }) => format!("{bucket} {key}"),
            Ok(Target::Entities(_)) => "another service".to_owned(),
            Err(error) => error.code.to_owned(),
        }
    }

    #[test]
    fn addresses() {
        for (host, path, expected) in [
            ("127.0.0.1:9000", "/", "service"),
            ("127.0.0.1:9000", "/bucket", "bucket"),
            ("127.0.0.1:9000", "/bucket/", "bucket"),
            ("127.0.0.1:9000", "/bucket//", "bucket /"),
            ("127.0.0.1:9000", "/bucket/a//b/../c/./%2F%2e", "bucket a//b/../c/.//."),
            ("127.0.0.1:9000", "/bucket/%C3%A9+%2B", "bucket é++"),
            ("127.0.0.1:9000", "/%62ucket/k", "bucket k"),
            ("[::1]:9000", "/bucket/k", "bucket k"),
            ("s3.example.com", "/bucket/k", "bucket k"),
            ("S3.EXAMPLE.COM:443", "/", "service"),
            ("bucket.s3.example.com", "/k", "bucket k"),
            ("bucket.s3.example.com.", "/", "bucket"),
            ("Bucket.S3.Example.com:8080", "/k/", "bucket k/"),
            ("a.b.s3.example.com", "//k", "a.b /k"),
            ("bucket.example.com", "/k", "bucket k"),
            ("bucket.localhost:9000", "/", "bucket"),
            ("xexample.com", "/bucket/k", "bucket k"),
            (".example.com", "/bucket/k", "bucket k"),
            ("other.org", "/bucket/k", "bucket k"),
            ("", "/bucket/k", "bucket k"),
            ("h", "*", "InvalidURI"),
            ("h", "", "InvalidURI"),
            ("h", "/bucket/%zz", "InvalidURI"),
            ("h", "/bucket/%ff", "InvalidURI"),
            ("h", "//k", "InvalidBucketName"),
            ("h", "/a/k", "InvalidBucketName"),
            ("h", "/..%2Fx/k", "InvalidBucketName"),
            ("x_y%.example.com", "/k", "InvalidBucketName"),
        ] {
            assert_eq!(shown(host, path), expected, "{host} {path}");
        }
        assert_eq!(shown("h", &format!("/bucket/{}", "k".repeat(1025))), "KeyTooLongError");
        assert_eq!(shown("h", &format!("/bucket/{}", "%6b".repeat(1024))), format!("bucket {}", "k".repeat(1024)));
    }

    proptest::proptest! {
        /// A key of any text arrives as it is, in both styles.
        #[test]
        fn every_key_arrives(key in "\\PC{1,40}") {
            let raw: String = key.bytes().map(|b| format!("%{b:02x}")).collect::<Vec<_>>().concat();
            let expected = Target::Object { bucket: "bkt".to_owned(), key };
            let suffixes = ["s3.example.com".to_owned()];
            proptest::prop_assert_eq!(target("h", &format!("/bkt/{raw}"), &suffixes), Ok(expected.clone()));
            proptest::prop_assert_eq!(target("bkt.s3.example.com", &format!("/{raw}"), &suffixes), Ok(expected));
        }
    }
}
