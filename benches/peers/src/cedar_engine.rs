//! Cedar: the policies are translated by hand (`w2.cedar` says what that loses).
//!
//! The ordinary path: one `Authorizer`, a parsed `PolicySet`, a `Request` and `Entities` built
//! before. The entities hold the action groups only; no schema, which plays no part in a decision.

use crate::engine::{Engine, Prepared};
use crate::work::{Kind, Request, Typed, Work, tenant_arn, tenant_prefix, typed};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet,
    Request as CedarRequest, RestrictedExpression,
};
use std::collections::HashSet;
use std::error::Error;
use std::fmt::Write as _;

pub struct Cedar;

struct Ready {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    requests: Vec<CedarRequest>,
}

impl Engine for Cedar {
    fn name(&self) -> &'static str {
        "cedar-policy"
    }

    fn package(&self) -> &'static str {
        "cedar-policy"
    }

    fn limits(&self) -> &'static [&'static str] {
        &[
            "translated by hand",
            "no variables in patterns: the host cuts `home/USER/` out of the ARN while it builds the request (untimed)",
            "no `?`: `public-data-??` is `public-data-*`",
            "action patterns are groups of known actions",
        ]
    }

    fn prepare<'a>(&self, work: &'a Work) -> Result<Box<dyn Prepared + 'a>, Box<dyn Error>> {
        Ok(Box::new(Ready {
            authorizer: Authorizer::new(),
            policies: policies(work.kind).parse()?,
            entities: actions()?,
            requests: work.requests.iter().map(request).collect::<Result<_, _>>()?,
        }))
    }
}

impl Prepared for Ready {
    fn decide(&mut self, i: usize) -> bool {
        let response = self.authorizer.is_authorized(&self.requests[i], &self.policies, &self.entities);
        response.decision() == Decision::Allow
    }
}

fn policies(kind: Kind) -> String {
    match kind {
        Kind::W1 => r#"permit (principal, action == Action::"s3:GetObject", resource)
            when { context.arn like "arn:aws:s3:::bucket/*" };"#
            .to_owned(),
        Kind::W2 => include_str!("w2.cedar").to_owned(),
        Kind::W3 { tenants, anyone } => w3(tenants, anyone),
    }
}

fn w3(tenants: usize, anyone: bool) -> String {
    let mut text = String::new();
    for i in 0..tenants {
        let principal =
            if anyone { "principal".to_owned() } else { format!(r#"principal == Principal::"{}""#, tenant_arn(i)) };
        let prefix = tenant_prefix(i);
        writeln!(
            text,
            r#"permit ({principal}, action == Action::"s3:GetObject", resource) when {{ context.arn like "{prefix}*" }};"#
        )
        .expect("writing to a String cannot fail");
    }
    text
}

/// Every action that a policy or a request of the work names, with the groups it is in.
fn actions() -> Result<Entities, Box<dyn Error>> {
    const NAMES: [&str; 14] = [
        "AbortMultipartUpload",
        "DeleteObject",
        "DeleteObjectVersion",
        "GetBucketLocation",
        "GetObject",
        "GetObjectTagging",
        "GetObjectVersion",
        "ListAllMyBuckets",
        "ListBucket",
        "ListMultipartUploadParts",
        "PutObject",
        "PutObjectAcl",
        "PutObjectTagging",
        "RestoreObject",
    ];
    let groups = |name: &str| {
        let prefixes = [("Get", "s3:Get*"), ("List", "s3:List*"), ("Delete", "s3:Delete*")];
        let mut groups: HashSet<EntityUid> = prefixes
            .into_iter()
            .filter(|(prefix, _)| name.starts_with(prefix))
            .map(|(_, group)| uid("Action", group))
            .collect();
        groups.insert(uid("Action", "s3:*"));
        if name.ends_with("Object") {
            groups.insert(uid("Action", "s3:*Object"));
        }
        groups
    };
    let actions = NAMES.map(|name| Entity::new_no_attrs(uid("Action", &format!("s3:{name}")), groups(name)));
    Ok(Entities::from_entities(actions, None)?)
}

fn request(request: &Request) -> Result<CedarRequest, Box<dyn Error>> {
    let mut pairs: Vec<(String, RestrictedExpression)> =
        request.context.iter().map(|(key, value)| (key.clone(), expression(key, value))).collect();
    let mut text = |key: &str, value: &str| {
        pairs.push((key.to_owned(), RestrictedExpression::new_string(value.to_owned())));
    };
    text("arn", &request.resource);
    // What the language cannot cut out of the ARN by itself, see w2.cedar.
    if let Some((home, rest)) = segment_after(&request.resource, "/home/") {
        text("home", home);
        text("homeRest", rest);
    }
    if let Some((inbox, _)) = segment_after(&request.resource, "/inbox/") {
        text("inbox", inbox);
    }
    if let Some(prefix) = request.context.get("s3:prefix")
        && let Some((home, _)) = prefix.strip_prefix("home/").and_then(|rest| rest.split_once('/'))
    {
        text("prefixHome", home);
    }
    Ok(CedarRequest::new(
        uid("Principal", &request.principal),
        uid("Action", &request.action),
        uid("Resource", &request.resource),
        Context::from_pairs(pairs)?,
        None,
    )?)
}

/// The path segment behind the first `marker`, and what follows it.
fn segment_after<'a>(arn: &'a str, marker: &str) -> Option<(&'a str, &'a str)> {
    arn.split_once(marker)?.1.split_once('/')
}

fn expression(key: &str, value: &str) -> RestrictedExpression {
    match typed(key, value) {
        Typed::Text(text) => RestrictedExpression::new_string(text.to_owned()),
        Typed::Flag(flag) => RestrictedExpression::new_bool(flag),
        Typed::Number(number) => RestrictedExpression::new_long(number),
        Typed::Date(date) => RestrictedExpression::new_datetime(date),
        Typed::Ip(address) => RestrictedExpression::new_ip(address),
    }
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().expect("the type names here are identifiers");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}
