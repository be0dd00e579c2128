//! scratchstack-aspen: reads the policy JSON as it is.
//!
//! Within one policy the first statement that matches decides, so a Deny after a matching Allow is
//! not seen: R7 of W2 is answered wrongly. The order of the statements is not changed to suit it,
//! since the order of statements means nothing in AWS. It has no word for accounts or for the
//! relation of identity and resource policies; within one account a plain set of both is right.
//! A Deny with `StringNotEquals` or `NotIpAddress` also misses requests without the key, and
//! `NotIpAddress` with two ranges matches unless the address is in both; no request of W2 turns on these.

use crate::engine::{Engine, Prepared};
use crate::work::{Request, Typed, Work, typed};
use chrono::{DateTime, Utc};
use scratchstack_arn::Arn;
use scratchstack_aspen::{Context, Decision, Policy, PolicySet, PolicySource};
use scratchstack_aws_principal::{Principal, SessionData, SessionValue, User};
use std::error::Error;

pub struct Aspen;

struct Ready {
    policies: PolicySet,
    requests: Vec<Context>,
}

impl Engine for Aspen {
    fn name(&self) -> &'static str {
        "scratchstack-aspen"
    }

    fn package(&self) -> &'static str {
        "scratchstack-aspen"
    }

    fn limits(&self) -> &'static [&'static str] {
        &["the first matching statement of a policy decides: a Deny behind an Allow is not seen"]
    }

    fn prepare<'a>(&self, work: &'a Work) -> Result<Box<dyn Prepared + 'a>, Box<dyn Error>> {
        let mut policies = PolicySet::new();
        if let Some(json) = &work.identity {
            let user = &work.requests[0].principal;
            let source = PolicySource::new_entity_inline(user, "AIDAALICEEXAMPLEUSER1", "identity");
            policies.add_policy(source, json.parse::<Policy>()?);
        }
        if let Some(json) = &work.bucket {
            policies
                .add_policy(PolicySource::new_resource("arn:aws:s3:::bucket", Some("bucket")), json.parse::<Policy>()?);
        }
        let requests = work.requests.iter().map(request).collect::<Result<_, _>>()?;
        Ok(Box::new(Ready { policies, requests }))
    }
}

impl Prepared for Ready {
    fn decide(&mut self, i: usize) -> bool {
        self.policies.evaluate(&self.requests[i]).is_ok_and(|(decision, _)| decision == Decision::Allow)
    }
}

fn request(request: &Request) -> Result<Context, Box<dyn Error>> {
    let mut session = SessionData::new();
    for (key, value) in &request.context {
        session.insert(key, session_value(key, value)?);
    }
    let user: User = request.principal.parse()?;
    let resource: Arn = request.resource.parse()?;
    Ok(Context::builder()
        .service("s3")
        .api(request.operation())
        .actor(Principal::from(vec![user.into()]))
        .resources(vec![resource])
        .session_data(session)
        .build()?)
}

fn session_value(key: &str, value: &str) -> Result<SessionValue, Box<dyn Error>> {
    Ok(match typed(key, value) {
        Typed::Text(text) => SessionValue::String(text.to_owned()),
        Typed::Flag(flag) => SessionValue::Bool(flag),
        Typed::Number(number) => SessionValue::Integer(number),
        Typed::Date(date) => SessionValue::Timestamp(date.parse::<DateTime<Utc>>()?),
        Typed::Ip(address) => SessionValue::IpAddr(address.parse()?),
    })
}
