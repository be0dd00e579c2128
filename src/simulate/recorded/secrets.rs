//! What never goes to the log.
//!
//! No condition key carries a secret by itself; a key that a later version would add, or a signed URL sent as
//! a referer, must not bring one in.

use std::borrow::Cow;

/// Headers and parameters whose values are secrets or prove one; a key is compared behind its service prefix.
const SECRET_NAMES: [&str; 12] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-amz-security-token",
    "x-amz-signature",
    "signature",
    "x-amz-credential",
    "x-amz-mfa",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-md5",
    "x-amz-copy-source-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key-md5",
];

const REMOVED: &str = "REMOVED";

/// Whether a context key is never recorded.
pub(super) fn is_secret(key: &str) -> bool {
    let name = key.rsplit_once(':').map_or(key, |(_, name)| name);
    SECRET_NAMES.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

/// A value with the secrets of a URL's query taken out.
#[must_use]
pub fn without_secrets(value: &str) -> Cow<'_, str> {
    // PERF: nearly no value has a query.
    if !value.contains('=') || !parameters(value).any(|(_, name, _)| is_secret(name)) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    for (before, name, rest) in parameters(value) {
        out.push_str(before);
        out.push_str(name);
        if !rest.is_empty() && is_secret(name) {
            out.push('=');
            out.push_str(REMOVED);
        } else {
            out.push_str(rest);
        }
    }
    out.extend(value.chars().next_back().filter(|c| separates(*c)));
    Cow::Owned(out)
}

/// The parts between `?`, `&`, `;` and `#`: the separator, the name, and `=value`.
fn parameters(value: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    value.split_inclusive(separates).scan("", |before, part| {
        let body = part.strip_suffix(separates).unwrap_or(part);
        let (name, rest) = body.split_at(body.find('=').unwrap_or(body.len()));
        let own = std::mem::replace(before, part.get(body.len()..).unwrap_or_default());
        Some((own, name, rest))
    })
}

fn separates(c: char) -> bool {
    matches!(c, '?' | '&' | ';' | '#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_would_hold_secrets_are_kept_out() {
        for key in ["Authorization", "s3:X-Amz-Security-Token", "s3:x-amz-server-side-encryption-customer-key"] {
            assert!(is_secret(key), "{key}");
        }
        for key in [
            "s3:signatureversion",
            "s3:signatureAge",
            "s3:authType",
            "s3:x-amz-server-side-encryption-customer-algorithm",
            "aws:MultiFactorAuthPresent",
            "s3:x-amz-content-sha256",
        ] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn signed_urls_lose_what_signs_them() {
        let url = "https://h/b/k?X-Amz-Date=1&X-Amz-Signature=abc&x-amz-security-token=def#top";
        assert_eq!(
            without_secrets(url),
            "https://h/b/k?X-Amz-Date=1&X-Amz-Signature=REMOVED&x-amz-security-token=REMOVED#top"
        );
        for plain in ["", "a=b", "https://h/?a=b&c", "?&;=", "=x", "a?"] {
            assert!(matches!(without_secrets(plain), Cow::Borrowed(text) if text == plain), "{plain}");
        }
        assert_eq!(without_secrets("?Signature=a&?b&"), "?Signature=REMOVED&?b&");
    }
}
