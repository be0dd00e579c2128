//! The library as a gateway embeds it: expensive keys on demand, typed context, reload by swapping.

use portcullis::compiled::CompiledPolicy;
use portcullis::decision::{
    Action, AuthorizationRequest, Authorizer, ContextValue, LayerState, Layers, Principal, Resource,
};
use portcullis::policy::{LoadOptions, PolicyDocument, PolicyKind};
use std::sync::{Arc, RwLock};

fn authorizer(statements: &str) -> Authorizer {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    let document = PolicyDocument::parse("policy.json", &text, &LoadOptions::new(PolicyKind::Identity))
        .unwrap_or_else(|e| panic!("{e}"));
    let policy = CompiledPolicy::compile("policy", &document);
    Authorizer::new(Layers { identity: LayerState::Given(policy.into()), ..Layers::default() })
}

fn request<'a>(action: &'a str, arn: &'a str) -> AuthorizationRequest<'a> {
    let principal = Principal::user("arn:aws:iam::111122223333:user/alice", "111122223333");
    AuthorizationRequest::new(principal, Action::new(action), Resource::new(arn).in_account("111122223333"))
}

#[test]
fn only_candidates_ask_for_expensive_keys() {
    let gate = authorizer(
        r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*",
            "Condition": {"StringEquals": {"s3:ExistingObjectTag/class": "open"}, "Bool": {"aws:SecureTransport": "true"}}},
           {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${aws:ResourceTag/team}/*"},
           {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::c/*"}"#,
    );
    assert_eq!(
        gate.required_keys(&request("s3:GetObject", "arn:aws:s3:::a/k")),
        ["aws:ResourceTag/team", "s3:ExistingObjectTag/class"]
    );
    assert!(gate.required_keys(&request("s3:PutObject", "arn:aws:s3:::a/k")).is_empty());
    let mut told = request("s3:GetObject", "arn:aws:s3:::a/k");
    told.context.existing_object_tag("class", "open").set("aws:ResourceTag/team", "x").secure_transport(true);
    assert!(gate.required_keys(&told).is_empty());
    assert!(gate.decide(&told).is_allowed());
    let plain = authorizer(r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#);
    assert!(plain.required_keys(&request("s3:GetObject", "arn:aws:s3:::a/k")).is_empty());
}

#[test]
fn typed_values_and_texts_decide_alike() {
    let gate = authorizer(
        r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {
            "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringLike": {"aws:SourceIp": "10.*"},
            "DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "60"},
            "Bool": {"aws:MultiFactorAuthPresent": "true"}, "StringEquals": {"aws:username": "alice"}}}"#,
    );
    let mut typed = request("s3:GetObject", "arn:aws:s3:::a/k");
    typed.context.source_ip([10, 1, 2, 3].into()).current_time(1_795_338_000).mfa(true, Some(59)).username("alice");
    let mut text = request("s3:GetObject", "arn:aws:s3:::a/k");
    text.context.set_value("aws:SourceIp", ContextValue::text("10.1.2.3"));
    text.context.set_value("aws:CurrentTime", ContextValue::text("2026-11-22T09:00:00Z"));
    text.context.set_value("aws:MultiFactorAuthAge", ContextValue::text("59.0"));
    text.context.set_value("aws:MultiFactorAuthPresent", ContextValue::text("True"));
    text.context.set_value("AWS:UserName", ContextValue::text("alice"));
    assert!(gate.decide(&typed).is_allowed());
    assert_eq!(gate.decide(&typed), gate.decide(&text));
    typed.context.mfa(true, Some(60));
    assert!(!gate.decide(&typed).is_allowed());
}

#[test]
fn missing_keys_say_whether_they_decide() {
    let gate = authorizer(
        r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
           {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*",
            "Condition": {"StringEquals": {"s3:prefix": "x", "s3:delimiter": "y"}}}"#,
    );
    let request = request("s3:GetObject", "arn:aws:s3:::a/k");
    let explanation = gate.explain(&request);
    let keys: Vec<(String, bool)> = explanation.missing_keys().into_iter().map(|k| (k.key, k.decisive)).collect();
    let key = |name: &str, decisive| (name.to_owned(), decisive);
    assert_eq!(keys, [key("aws:SecureTransport", true), key("s3:delimiter", false), key("s3:prefix", false)]);
}

#[test]
fn a_new_policy_holds_for_the_next_request_on_every_thread() {
    let allow = authorizer(r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#);
    let deny = authorizer(r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#);
    let current = Arc::new(RwLock::new(allow));
    let ask = |gate: &RwLock<Authorizer>| {
        let gate = gate.read().expect("no writer panicked").clone();
        gate.decide(&request("s3:GetObject", "arn:aws:s3:::a/k")).is_allowed()
    };
    std::thread::scope(|scope| {
        let before: Vec<_> = (0..4).map(|_| scope.spawn(|| ask(&current))).collect();
        assert!(before.into_iter().all(|t| t.join().expect("no panic")));
    });
    *current.write().expect("no reader panicked") = deny;
    std::thread::scope(|scope| {
        let after: Vec<_> = (0..4).map(|_| scope.spawn(|| ask(&current))).collect();
        assert!(after.into_iter().all(|t| !t.join().expect("no panic")));
    });
}
