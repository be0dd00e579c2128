//! Which bucket an origin's domain name is.
//!
//! Source: S3 User Guide, "Virtual hosting of general purpose buckets"; CloudFront Developer Guide, "Origin domain"
//! (a bucket is named by its REST endpoint, with or without the region).

use crate::edges::server::wire::{names, target};

/// The bucket that a domain name of an origin is: below S3's hosts, or below this server's own (`suffixes`). `None`
/// for websites, for names that no bucket can have, and for any other host.
#[must_use]
pub fn bucket_of(domain: &str, suffixes: &[String]) -> Option<String> {
    let domain = domain.to_ascii_lowercase();
    let bucket = below_s3(&domain).or_else(|| target::hosted_bucket(&domain, suffixes))?;
    names::check_bucket_name(bucket).is_ok().then(|| bucket.to_owned())
}

/// Whether a host is S3's or the bucket of one of this server's own hosts: no alias of a distribution.
#[must_use]
pub fn is_of_s3(host: &str, suffixes: &[String]) -> bool {
    let host = host.to_ascii_lowercase();
    let own = suffixes.iter().any(|suffix| suffix.eq_ignore_ascii_case(&host));
    own || host.ends_with(".amazonaws.com") || target::hosted_bucket(&host, suffixes).is_some()
}

fn below_s3(domain: &str) -> Option<&str> {
    let rest = domain.strip_suffix(".amazonaws.com")?;
    if let Some(bucket) = rest.strip_suffix(".s3") {
        return Some(bucket);
    }
    let (before, last) = rest.rsplit_once('.')?;
    if last.starts_with("s3-") {
        // The older form with the region in the label.
        return Some(before).filter(|_| !last.starts_with("s3-website"));
    }
    before.strip_suffix(".s3").or_else(|| before.strip_suffix(".s3.dualstack"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        let suffixes = ["s3.example.com".to_owned()];
        for (domain, expected) in [
            ("reports.s3.amazonaws.com", Some("reports")),
            ("Reports.S3.amazonaws.com", Some("reports")),
            ("a.b.s3.amazonaws.com", Some("a.b")),
            ("reports.s3.eu-west-1.amazonaws.com", Some("reports")),
            ("reports.s3-eu-west-1.amazonaws.com", Some("reports")),
            ("reports.s3.dualstack.eu-west-1.amazonaws.com", Some("reports")),
            ("reports.s3.example.com", Some("reports")),
            ("reports.s3-website-us-east-1.amazonaws.com", None),
            ("reports.s3-website.eu-west-1.amazonaws.com", None),
            ("s3.amazonaws.com", None),
            (".s3.amazonaws.com", None),
            ("UP_PER.s3.amazonaws.com", None),
            ("s3.example.com", None),
            ("www.example.com", None),
            ("d111111abcdef8.cloudfront.net", None),
            ("127.0.0.1", None),
            ("", None),
        ] {
            assert_eq!(bucket_of(domain, &suffixes).as_deref(), expected, "{domain}");
        }
    }
}
