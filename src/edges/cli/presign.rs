//! `presign`.

use super::server_args::PresignArgs;
use super::{UNASKED, YES, now, say};
use crate::edges::client::Credentials;
use anstream::eprintln;

/// What is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// The method.
    pub method: &'a str,
    /// The URL without a signature.
    pub url: &'a str,
    /// The region of the scope.
    pub region: &'a str,
    /// From 1 to 604,800.
    pub expires_seconds: u32,
    /// Seconds since 1970.
    pub now: i64,
    /// Headers to be signed, names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Prints the signed URL. Exit status 2: it could not be made.
pub fn run(args: &PresignArgs, sign: impl FnOnce(&Unsigned<'_>, &Credentials) -> Result<String, String>) -> u8 {
    let signed = || {
        let credentials = args.keys.read()?;
        let now = now().ok_or("the clock stands before 1970")?;
        let headers: Vec<(&str, &str)> = args.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let unsigned = Unsigned {
            method: &args.method,
            url: &args.url,
            region: &args.region,
            expires_seconds: args.expires,
            now,
            headers: &headers,
        };
        sign(&unsigned, &credentials)
    };
    match signed() {
        Ok(url) => {
            say(&format!("{url}\n"));
            YES
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            UNASKED
        }
    }
}
