//! Tests of authentication: AWS's own examples, every rule as a refusal, bodies in any pieces, forms.

mod bodies;
mod examples;
mod forms;
mod refusals;

use super::{
    AuthConfig, Authenticated, BodyOutcome, Credential, Credentials, RegionRule, S3Error, Signer, VerifiedBody, Want,
    authenticate, digest,
};
use crate::gate::Caller;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::request::Parts;
use std::sync::Arc;
use zeroize::Zeroizing;

pub(super) const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(super) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// 2013-05-24T00:00:00Z, the time of AWS's examples.
pub(super) const NOW: i64 = 1_369_353_600;
pub(super) const SIGNER: Signer<'static> =
    Signer { access_key_id: KEY, secret: SECRET, session_token: None, region: "us-east-1", service: "s3" };

/// One permanent key, one inactive, one temporary (until `NOW` + 600), one that has ended.
pub(super) struct Keys;

impl Credentials for Keys {
    fn find(&self, access_key_id: &str) -> Option<Arc<Credential>> {
        let (active, session_token, expires) = match access_key_id {
            KEY => (true, None, None),
            "INACTIVE" => (false, None, None),
            "TEMPORARY" => (true, Some("token".to_owned()), Some(NOW + 600)),
            "ENDED" => (true, Some("token".to_owned()), Some(NOW)),
            _ => return None,
        };
        let mut caller = Caller::anonymous();
        caller.principal.kind = "user".to_owned();
        let secret = Zeroizing::new(SECRET.to_owned());
        Some(Arc::new(Credential { secret, active, session_token, expires, caller: Arc::new(caller) }))
    }
}

pub(super) fn config() -> AuthConfig {
    AuthConfig::new(RegionRule::Exactly("us-east-1".to_owned()))
}

/// A request's head from its headers; the target may be what no URI type takes.
pub(super) fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method).uri(target.split('#').next().unwrap_or_default());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

/// A head signed at `NOW` over all of its headers, to which host, date and payload hash are added.
pub(super) fn signed(signer: &Signer<'_>, method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut all = vec![("host", "s3.test"), ("x-amz-date", "20130524T000000Z")];
    if !headers.iter().any(|(name, _)| *name == "x-amz-content-sha256") {
        all.push(("x-amz-content-sha256", EMPTY));
    }
    all.extend_from_slice(headers);
    let mut parts = head(method, target, &all);
    let authorization = signer.authorization(method, target, &parts.headers, NOW).expect("signed");
    parts.headers.insert("authorization", authorization.parse().expect("ASCII"));
    parts
}

pub(super) fn ask_with(config: &AuthConfig, parts: &Parts, target: &str, now: i64) -> Result<Authenticated, S3Error> {
    authenticate(parts, target, now * 1000, config, &Keys)
}

pub(super) fn ask(parts: &Parts, target: &str) -> Result<Authenticated, S3Error> {
    ask_with(&config(), parts, target, NOW)
}

/// Reads a body that arrives in these pieces.
pub(super) fn read(pieces: Vec<Bytes>, plan: super::BodyPlan, want: Want) -> Result<(Vec<u8>, BodyOutcome), S3Error> {
    let mut body = VerifiedBody::new(stream::iter(pieces.into_iter().map(Ok)), plan, want);
    let mut content = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        while let Some(piece) = body.next().await {
            match piece {
                Ok(piece) => content.extend_from_slice(&piece),
                Err(error) => {
                    assert!(body.next().await.is_none(), "nothing follows an error");
                    assert!(body.outcome().is_none(), "a failed body has no outcome");
                    return Err(error);
                }
            }
        }
        Ok((content, body.outcome().expect("a clean end").clone()))
    })
}
