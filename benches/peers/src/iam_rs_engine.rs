//! iam-rs: reads the policy JSON as it is.
//!
//! It substitutes variables in resources but not in condition operands, so R3 of W2 (`StringLike` on
//! `home/${aws:username}/*`) is answered wrongly. What it does at decision time is its own: patterns, dates and
//! ranges are parsed again for every request, and the result holds a copy of the request.

use crate::engine::{Engine, Prepared};
use crate::work::{Request, Typed, Work, typed};
use chrono::{DateTime, Utc};
use iam_rs::{
    Arn, Context, ContextValue, Decision, EvaluationOptions, IAMPolicy, IAMRequest, PolicyEvaluator, Principal,
    PrincipalId,
};
use std::error::Error;

pub struct IamRs;

struct Ready {
    evaluator: PolicyEvaluator,
    requests: Vec<IAMRequest>,
}

impl Engine for IamRs {
    fn name(&self) -> &'static str {
        "iam-rs"
    }

    fn package(&self) -> &'static str {
        "iam-rs"
    }

    fn limits(&self) -> &'static [&'static str] {
        &["variables in condition operands are not substituted", "its limit of 1,000 statements, an option, is lifted"]
    }

    fn prepare<'a>(&self, work: &'a Work) -> Result<Box<dyn Prepared + 'a>, Box<dyn Error>> {
        // One list for identity and bucket policy: within one account either may allow and both may deny.
        let policies: Vec<IAMPolicy> = [&work.identity, &work.bucket]
            .into_iter()
            .flatten()
            .map(|json| IAMPolicy::from_json(json))
            .collect::<Result<_, _>>()?;
        let options = EvaluationOptions { max_statements: usize::MAX, ..EvaluationOptions::default() };
        Ok(Box::new(Ready {
            evaluator: PolicyEvaluator::with_policies(policies).with_options(options),
            requests: work.requests.iter().map(request).collect::<Result<_, _>>()?,
        }))
    }
}

impl Prepared for Ready {
    fn decide(&mut self, i: usize) -> bool {
        self.evaluator.evaluate(&self.requests[i]).is_ok_and(|result| result.decision == Decision::Allow)
    }
}

fn request(request: &Request) -> Result<IAMRequest, Box<dyn Error>> {
    let mut context = Context::new();
    for (key, value) in &request.context {
        context.insert(key.clone(), context_value(key, value)?);
    }
    let principal = Principal::Aws(PrincipalId::String(request.principal.clone()));
    let resource = Arn::parse(&request.resource).map_err(|error| error.to_string())?;
    Ok(IAMRequest::new_with_context(principal, request.action.as_str(), resource, context))
}

/// Addresses stay text: it has no type for them.
fn context_value(key: &str, value: &str) -> Result<ContextValue, Box<dyn Error>> {
    Ok(match typed(key, value) {
        Typed::Text(text) | Typed::Ip(text) => ContextValue::String(text.to_owned()),
        Typed::Flag(flag) => ContextValue::Boolean(flag),
        #[expect(clippy::cast_precision_loss, reason = "its numbers are floats; the work's are below 2^53")]
        Typed::Number(number) => ContextValue::Number(number as f64),
        Typed::Date(date) => ContextValue::DateTime(date.parse::<DateTime<Utc>>()?),
    })
}
