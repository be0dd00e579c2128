//! Portcullis itself, the base of every ratio, and once more with the full explanation in place of the bare answer.
//!
//! The identity policy is the user's, the bucket policy is the resource's; the resource belongs to the
//! user's account. Context values are typed and borrowed before the timed loop.

use crate::engine::{Engine, Prepared};
use crate::work::{ACCOUNT, Request, Typed, Work, typed};
use portcullis::compiled::CompiledPolicy;
use portcullis::decision::{
    Action, AuthorizationRequest, Authorizer, ContextValue, LayerState, Layers, PolicySet, Principal, Resource,
};
use portcullis::policy::{LoadOptions, PolicyDocument, PolicyKind};
use portcullis::words::vocabulary::KeyType;
use std::error::Error;
use std::hint::black_box;

/// The bare answer.
pub struct Portcullis;

/// The answer with the trace of every statement.
pub struct Explained;

struct Ready<'a> {
    authorizer: Authorizer,
    requests: Vec<AuthorizationRequest<'a>>,
}

struct ReadyToExplain<'a>(Ready<'a>);

impl Engine for Portcullis {
    fn name(&self) -> &'static str {
        "Portcullis"
    }

    fn package(&self) -> &'static str {
        crate::BASE
    }

    fn limits(&self) -> &'static [&'static str] {
        &[]
    }

    fn prepare<'a>(&self, work: &'a Work) -> Result<Box<dyn Prepared + 'a>, Box<dyn Error>> {
        Ok(Box::new(ready(work)?))
    }
}

impl Engine for Explained {
    fn name(&self) -> &'static str {
        "Portcullis, explained"
    }

    fn package(&self) -> &'static str {
        crate::BASE
    }

    fn limits(&self) -> &'static [&'static str] {
        &["looks at every statement and every part of it, and records them"]
    }

    fn prepare<'a>(&self, work: &'a Work) -> Result<Box<dyn Prepared + 'a>, Box<dyn Error>> {
        Ok(Box::new(ReadyToExplain(ready(work)?)))
    }
}

impl Prepared for Ready<'_> {
    fn decide(&mut self, i: usize) -> bool {
        self.authorizer.decide(&self.requests[i]).is_allowed()
    }
}

impl Prepared for ReadyToExplain<'_> {
    fn decide(&mut self, i: usize) -> bool {
        let explanation = black_box(self.0.authorizer.explain(&self.0.requests[i]));
        explanation.decision.is_allowed()
    }
}

fn ready(work: &Work) -> Result<Ready<'_>, Box<dyn Error>> {
    let layers = Layers {
        identity: policy("identity", work.identity.as_deref(), PolicyKind::Identity)?,
        resource: policy("bucket", work.bucket.as_deref(), PolicyKind::Bucket)?,
        ..Layers::default()
    };
    Ok(Ready { authorizer: Authorizer::new(layers), requests: work.requests.iter().map(request).collect() })
}

fn policy(name: &str, json: Option<&str>, kind: PolicyKind) -> Result<LayerState<PolicySet>, Box<dyn Error>> {
    let Some(json) = json else { return Ok(LayerState::Absent) };
    let document = PolicyDocument::parse(name, json, &LoadOptions::new(kind))?;
    Ok(LayerState::Given(CompiledPolicy::compile(name, &document).into()))
}

fn request(request: &Request) -> AuthorizationRequest<'_> {
    let mut built = AuthorizationRequest::new(
        Principal::user(&request.principal, ACCOUNT),
        Action::new(&request.action),
        Resource::new(&request.resource).in_account(ACCOUNT),
    );
    for (key, value) in &request.context {
        let kind = match typed(key, value) {
            Typed::Text(_) => KeyType::Text,
            Typed::Flag(_) => KeyType::Bool,
            Typed::Number(_) => KeyType::Number,
            Typed::Date(_) => KeyType::Date,
            Typed::Ip(_) => KeyType::Ip,
        };
        built.context.set_value(key.as_str(), ContextValue::typed(value.as_str(), Some(kind)));
    }
    built
}
