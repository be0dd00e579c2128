//! Where a signature stands in a request: parameters of the URL, or cookies.
//!
//! Source: CloudFront Developer Guide, "Use signed cookies": a URL with any of the parameters is a signed URL, and cookies are
//! not looked at then; "Cache content based on query string parameters": the parameters never reach the origin.

use super::key::HashAlgorithm;
use super::policy;
use super::refusal::{RefusalKind, ViewerRefusal};
use base64::Engine as _;
use base64::alphabet::{Alphabet, Symbol};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The longest encoded policy that is decoded, in characters: CloudFront's limit for a whole URL.
const MAX_POLICY: usize = 8192;
/// The longest encoded signature that is decoded, in characters; one of RSA 2048 has 344.
const MAX_SIGNATURE: usize = 512;

/// What signs, wherever it stands. The order is that of [`Given`]'s fields.
pub(super) const NAMES: [&str; 5] = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"];
/// What the names of the cookies begin with; the rest of a name is one of [`NAMES`].
pub(super) const COOKIE_PREFIX: &str = "CloudFront-";

/// CloudFront's base64: `-`, `~` and `_` stand for `+`, `/` and `=`. The padding may be left out.
///
/// Source: CloudFront Developer Guide, "Create a signed URL using a custom policy"; its example has no padding.
pub(super) const BASE64: GeneralPurpose = {
    let symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~";
    let padding = Symbol::new(b'_').expect("it can be printed");
    let Ok(alphabet) = Alphabet::new_with_padding(symbols, padding) else { panic!("64 different symbols") };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet, config)
};

/// Whether a cookie of this name is for CloudFront alone, and not for the cache or the origin.
#[must_use]
pub fn is_signing_cookie(name: &str) -> bool {
    name.strip_prefix(COOKIE_PREFIX).is_some_and(|name| NAMES.contains(&name))
}

/// The values that were given, not looked at yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Given<'a>([Option<&'a str>; 5]);

/// What is to be checked.
#[derive(Debug)]
pub(super) struct Credential<'a> {
    pub key_pair_id: &'a str,
    pub hash: HashAlgorithm,
    pub signature: Vec<u8>,
    pub proof: Proof,
}

/// What was signed.
#[derive(Debug)]
pub(super) enum Proof {
    /// The canned policy of the URL, up to this second since 1970.
    Canned { expires: i64 },
    /// This policy.
    Custom { policy: String },
}

/// Parts a URL's path and query from its signing parameters; `None`: it has none.
pub(super) fn of_url(path_and_query: &str) -> Result<(String, Option<Given<'_>>), ViewerRefusal> {
    let Some((path, query)) = path_and_query.split_once('?') else {
        return Ok((path_and_query.to_owned(), None));
    };
    let mut given = Given::default();
    let mut kept = String::with_capacity(path_and_query.len());
    kept.push_str(path);
    let mut mark = '?';
    for piece in query.split('&') {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        if given.take(name, value)? {
            continue;
        }
        if hides_a_name(name) {
            let detail = "the name of a signing parameter is written with escapes";
            return Err(ViewerRefusal::new(RefusalKind::AccessDenied, detail));
        }
        kept.push(mark);
        kept.push_str(piece);
        mark = '&';
    }
    Ok((kept, given.any().then_some(given)))
}

/// The origin would read an escaped name as the plain one.
fn hides_a_name(name: &str) -> bool {
    name.contains('%') && {
        let decoded: Vec<u8> = percent_encoding::percent_decode_str(name).collect();
        NAMES.iter().any(|known| known.as_bytes() == decoded)
    }
}

/// The signing cookies. Source of the syntax: RFC 6265, section 4.2.1.
pub(super) fn of_cookies<'a>(headers: &[&'a str]) -> Result<Given<'a>, ViewerRefusal> {
    let mut given = Given::default();
    for pair in headers.iter().flat_map(|header| header.split(';')) {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let Some(name) = name.trim().strip_prefix(COOKIE_PREFIX) else { continue };
        let value = value.trim();
        let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        given.take(name, quoted.unwrap_or(value))?;
    }
    Ok(given)
}

impl<'a> Given<'a> {
    /// Takes a value where the name is one that signs, and says whether it is.
    fn take(&mut self, name: &str, value: &'a str) -> Result<bool, ViewerRefusal> {
        let Some((name, place)) = NAMES.iter().zip(&mut self.0).find(|(known, _)| **known == name) else {
            return Ok(false);
        };
        if place.replace(value).is_some() {
            return Err(ViewerRefusal::new(RefusalKind::AccessDenied, format!("{name} was sent twice")));
        }
        Ok(true)
    }

    fn any(&self) -> bool {
        self.0.iter().any(Option::is_some)
    }

    /// Decodes what was given. A policy decides where there is one, and a date beside it says nothing.
    pub(super) fn credential(&self) -> Result<Credential<'a>, ViewerRefusal> {
        let [expires, policy, signature, key_pair_id, hash] = self.0.map(|value| value.filter(|text| !text.is_empty()));
        let key_pair_id =
            key_pair_id.ok_or_else(|| ViewerRefusal::new(RefusalKind::MissingKey, "the request names no key"))?;
        let hash = match self.0.last() {
            Some(Some(_)) => hash.and_then(HashAlgorithm::of).ok_or_else(|| {
                ViewerRefusal::new(RefusalKind::AccessDenied, "Hash-Algorithm is neither SHA1 nor SHA256")
            })?,
            _ => HashAlgorithm::default(),
        };
        let proof = match (policy, expires) {
            (Some(policy), _) => Proof::Custom { policy: decode_policy(policy)? },
            (None, Some(expires)) => Proof::Canned { expires: policy::date(expires)? },
            (None, None) => {
                return Err(ViewerRefusal::new(RefusalKind::MalformedPolicy, "there is neither a policy nor a date"));
            }
        };
        Ok(Credential { key_pair_id, hash, signature: decode_signature(signature)?, proof })
    }
}

fn decode_policy(text: &str) -> Result<String, ViewerRefusal> {
    let malformed = |detail: &'static str| ViewerRefusal::new(RefusalKind::MalformedPolicy, detail);
    if text.len() > MAX_POLICY {
        return Err(malformed("the policy is longer than 8,192 characters"));
    }
    let bytes = BASE64.decode(text).map_err(|_| malformed("the policy is not CloudFront's base64"))?;
    String::from_utf8(bytes).map_err(|_| malformed("the policy is not UTF-8"))
}

fn decode_signature(text: Option<&str>) -> Result<Vec<u8>, ViewerRefusal> {
    let malformed = |detail: &'static str| ViewerRefusal::new(RefusalKind::MalformedSignature, detail);
    let missing = || ViewerRefusal::new(RefusalKind::MissingSignature, "the request has no signature");
    let text = text.ok_or_else(missing)?;
    if text.len() > MAX_SIGNATURE {
        return Err(malformed("the signature is longer than 512 characters"));
    }
    BASE64.decode(text).map_err(|_| malformed("the signature is not CloudFront's base64"))
}
