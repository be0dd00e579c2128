//! `sign-url` and `sign-cookies`.

use super::server_args::{SignCookiesArgs, SignUrlArgs, SigningArgs};
use super::{UNASKED, YES, now, say};
use crate::edges::server::cloudfront::viewer::policy;
use crate::edges::server::cloudfront::viewer::sign::{Terms, ViewerSigner, base_url};
use crate::words::values;
use anstream::eprintln;
use clap::ValueEnum;

/// How signed cookies are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CookieFormat {
    /// `Set-Cookie` lines for an answer
    #[default]
    SetCookie,
    /// The `Cookie` line of a request
    Header,
    /// Arguments for curl
    Curl,
}

/// Prints a signed URL. Exit status 2: it could not be made.
pub(super) fn url(args: &SignUrlArgs) -> u8 {
    printed(|now| {
        let terms = terms(&args.signing, &args.url, args.resource.as_deref(), now)?;
        let signed = signer(&args.signing)?.url(&args.url, &terms, now).map_err(|e| e.to_string())?;
        Ok(format!("{signed}\n"))
    })
}

/// Prints signed cookies. Exit status 2: they could not be made.
pub(super) fn cookies(args: &SignCookiesArgs) -> u8 {
    printed(|now| {
        // A wildcard is a custom policy's; one URL fits in the canned one.
        let pattern = args.resource.contains('*').then_some(args.resource.as_str());
        let terms = terms(&args.signing, &args.resource, pattern, now)?;
        let pairs = signer(&args.signing)?.cookies(&args.resource, &terms, now).map_err(|e| e.to_string())?;
        Ok(shown(&pairs, args))
    })
}

fn printed(make: impl FnOnce(i64) -> Result<String, String>) -> u8 {
    match now().ok_or_else(|| "the clock stands before 1970".to_owned()).and_then(make) {
        Ok(text) => {
            say(&text);
            YES
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            UNASKED
        }
    }
}

fn signer(args: &SigningArgs) -> Result<ViewerSigner, String> {
    let name = args.private_key.display();
    let pem = std::fs::read(&args.private_key).map_err(|e| format!("{name}: {e}"))?;
    ViewerSigner::new(&zeroize::Zeroizing::new(pem), &args.key_pair_id).map_err(|e| format!("{name}: {e}"))
}

/// The canned policy where it can say what was asked for, as it makes the shorter URL.
fn terms(args: &SigningArgs, url: &str, pattern: Option<&str>, now: i64) -> Result<Terms, String> {
    if let Some(file) = &args.policy {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        // An editor ends a file with a line; that is no part of the policy.
        return Ok(Terms::Custom { policy: text.trim_end().to_owned() });
    }
    let expires = match (args.expires_in, args.date_less_than) {
        (_, Some(at)) => at,
        (Some(seconds), None) => now + i64::from(seconds),
        (None, None) => return Err("wanted --expires-in, --date-less-than or --policy".to_owned()),
    };
    if pattern.is_none() && args.date_greater_than.is_none() && args.ip.is_none() {
        return Ok(Terms::Canned { expires });
    }
    let resource = match pattern {
        Some(pattern) => pattern.to_owned(),
        None => base_url(url).map_err(|e| e.to_string())?,
    };
    let policy = policy::custom(Some(&resource), expires, args.date_greater_than, args.ip.as_deref());
    Ok(Terms::Custom { policy })
}

fn shown(pairs: &[(String, String)], args: &SignCookiesArgs) -> String {
    let line = || pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    match args.format {
        CookieFormat::Header => format!("Cookie: {}\n", line()),
        CookieFormat::Curl => format!("--cookie '{}'\n", line()),
        CookieFormat::SetCookie => {
            let domain = args.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
            // Over plain HTTP a browser would never send a secure cookie back.
            let secure = if args.resource.starts_with("http://") { "" } else { "; Secure" };
            let path = &args.path;
            let set = |(name, value): &(String, String)| {
                format!("Set-Cookie: {name}={value}{domain}; Path={path}{secure}; HttpOnly\n")
            };
            pairs.iter().map(set).collect()
        }
    }
}

/// A date, in seconds since 1970.
pub(super) fn parse_date(text: &str) -> Result<i64, String> {
    let at = values::parse_instant(text).ok_or("wanted a date such as 2027-01-01T12:00Z, or seconds since 1970")?;
    Ok(at.seconds)
}

/// A range of IPv4, always with its prefix.
pub(super) fn parse_viewers(text: &str) -> Result<String, String> {
    let range = values::parse_range(text).filter(values::IpRange::is_v4);
    range.ok_or("wanted IPv4 addresses, such as 192.0.2.0/24 or 192.0.2.10")?;
    Ok(if text.contains('/') { text.to_owned() } else { format!("{text}/32") })
}

/// The hash of signatures: SHA-256 alone is made.
pub(super) fn parse_hash(text: &str) -> Result<String, String> {
    match text {
        "sha256" => Ok(text.to_owned()),
        "sha1" => Err("signatures with SHA-1 are checked, but no new ones are made; sha256 is what CloudFront takes \
                       as well"
            .to_owned()),
        _ => Err("wanted sha256".to_owned()),
    }
}

/// The id of a public key.
pub(super) fn parse_key_pair_id(text: &str) -> Result<String, String> {
    if (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        Ok(text.to_owned())
    } else {
        Err("the id of a public key has letters and digits, such as K2JCJMDEHXQW5F".to_owned())
    }
}

/// What can stand in a cookie's attribute.
pub(super) fn parse_attribute(text: &str) -> Result<String, String> {
    if text.bytes().all(|b| b.is_ascii_graphic() && b != b';') && !text.is_empty() {
        Ok(text.to_owned())
    } else {
        Err("wanted printable characters without `;`".to_owned())
    }
}
