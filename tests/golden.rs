//! Who may do what in a small world, as one table: a change of the decision is reviewed as a diff.
//!
//! The bucket `b` belongs to account 111122223333; Object Ownership is `ObjectWriter`. `b/k` and `b/pub/x`
//! are the owner's, `b/theirs` was written by account 444455556666 and has no other grant. Every line was
//! checked against the reference when the snapshot was accepted; so must every changed line be.

use portcullis::compiled::CompiledPolicy;
use portcullis::decision::{
    Action, AuthorizationRequest, Authorizer, Bucket, LayerState, Layers, ObjectFacts, PolicySet, Principal, Resource,
};
use portcullis::policy::acl::ObjectOwnership;
use portcullis::policy::{LoadOptions, PolicyDocument, PolicyKind};
use std::fmt::Write;

const OWNER: &str = "111122223333";
const OTHER: &str = "444455556666";
const OWNER_ID: &str = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const OTHER_ID: &str = "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2";
const OAI_ID: &str = "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3";
const OAI: &str = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE1OAI";
const DISTRIBUTION: &str = "arn:aws:cloudfront::111122223333:distribution/E1";

const BUCKET_POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "TheOtherAccount", "Effect": "Allow", "Principal": {"AWS": "444455556666"},
        "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]},
    {"Sid": "EdReads", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/ed"},
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"},
    {"Sid": "EtlWrites", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/etl"},
        "Action": ["s3:PutObject", "s3:GetObjectAcl"], "Resource": "arn:aws:s3:::b/*"},
    {"Sid": "FedReads", "Effect": "Allow", "Principal": {"AWS": "arn:aws:sts::111122223333:federated-user/fed"},
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"},
    {"Sid": "Public", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b/pub/*"},
    {"Sid": "Distribution", "Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*",
        "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:cloudfront::111122223333:distribution/E1"}}},
    {"Sid": "OldDistribution", "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE1OAI"},
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"},
    {"Sid": "NotDora", "Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111122223333:user/dora"},
        "Action": "s3:*", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]},
    {"Sid": "ThePolicyStays", "Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketPolicy",
        "Resource": "arn:aws:s3:::b"}]}"#;

const EVERYTHING: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
const READ_AND_WRITE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "ReadAndWrite", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::b/*"},
    {"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b"}]}"#;
const READ_ONLY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "ReadOnly", "Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}]}"#;
const ELSEWHERE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "Ec2", "Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
    {"Sid": "NoDelete", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}]}"#;
const NO_DELETE: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Sid": "NoDelete", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}]}"#;

const ON_OBJECTS: [&str; 4] = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectAcl"];
const ON_BUCKETS: [&str; 2] = ["s3:ListBucket", "s3:PutBucketPolicy"];

/// A requester with the policies of its side.
struct Who {
    name: &'static str,
    principal: Principal<'static>,
    identity: Option<&'static str>,
    boundary: Option<&'static str>,
    session: Option<&'static str>,
    source_arn: Option<&'static str>,
}

impl Who {
    fn new(name: &'static str, principal: Principal<'static>) -> Self {
        Self { name, principal, identity: None, boundary: None, session: None, source_arn: None }
    }

    fn owners(name: &'static str, arn: &'static str) -> Self {
        Self::new(name, Principal::user(arn, OWNER).with_canonical(OWNER_ID))
    }

    fn others(name: &'static str, arn: &'static str) -> Self {
        Self::new(name, Principal::user(arn, OTHER).with_canonical(OTHER_ID))
    }

    fn with(mut self, identity: &'static str) -> Self {
        self.identity = Some(identity);
        self
    }
}

fn everyone() -> Vec<Who> {
    let etl = Principal::role_session(
        "arn:aws:sts::111122223333:assumed-role/etl/nightly",
        OWNER,
        "arn:aws:iam::111122223333:role/etl",
    );
    let fed = Principal::federated_user(
        "arn:aws:sts::111122223333:federated-user/fed",
        OWNER,
        Some("arn:aws:iam::111122223333:user/alice"),
    );
    let service = || Principal::service("cloudfront.amazonaws.com");
    vec![
        Who::new("owner-root", Principal::root("arn:aws:iam::111122223333:root", OWNER).with_canonical(OWNER_ID)),
        Who::owners("alice", "arn:aws:iam::111122223333:user/alice").with(READ_AND_WRITE),
        Who {
            boundary: Some(READ_ONLY),
            ..Who::owners("bounded", "arn:aws:iam::111122223333:user/bounded").with(EVERYTHING)
        },
        Who::owners("cautious", "arn:aws:iam::111122223333:user/cautious").with(NO_DELETE),
        Who::owners("dora", "arn:aws:iam::111122223333:user/dora").with(EVERYTHING),
        Who { boundary: Some(ELSEWHERE), ..Who::owners("ed", "arn:aws:iam::111122223333:user/ed") },
        Who { session: Some(READ_ONLY), ..Who::new("etl-session", etl.with_canonical(OWNER_ID)).with(EVERYTHING) },
        Who::new("fed", fed.with_canonical(OWNER_ID)).with(EVERYTHING),
        Who::others("bob@other", "arn:aws:iam::444455556666:user/bob").with(EVERYTHING),
        Who::others("eve@other", "arn:aws:iam::444455556666:user/eve"),
        Who::new("other-root", Principal::root("arn:aws:iam::444455556666:root", OTHER).with_canonical(OTHER_ID)),
        Who::new("anonymous", Principal::anonymous()),
        Who { source_arn: Some(DISTRIBUTION), ..Who::new("service", service()) },
        Who::new("service-alone", service()),
        Who::new("oai", Principal::origin_access_identity(OAI).with_canonical(OAI_ID)),
    ]
}

fn load(name: &str, text: &str, kind: PolicyKind) -> PolicySet {
    match PolicyDocument::parse(name, text, &LoadOptions::new(kind)) {
        Ok(document) => CompiledPolicy::compile(name, &document).into(),
        Err(problems) => panic!("{problems}"),
    }
}

fn authorizer(who: &Who) -> Authorizer {
    let own = |text: Option<&str>, kind| text.map(|text| load("own", text, kind)).into();
    Authorizer::new(Layers {
        identity: own(who.identity, PolicyKind::Identity),
        boundary: own(who.boundary, PolicyKind::Boundary),
        session: own(who.session, PolicyKind::Session),
        resource: LayerState::Given(load("bucket", BUCKET_POLICY, PolicyKind::Bucket)),
        bucket: Some(Bucket {
            name: "b".to_owned(),
            owner_account: OWNER.to_owned(),
            owner_canonical: Some(OWNER_ID.to_owned()),
            ownership: ObjectOwnership::ObjectWriter,
            ..Bucket::default()
        }),
        ..Layers::default()
    })
}

#[test]
fn who_may_do_what() {
    let mut table = String::new();
    for who in everyone() {
        let authorizer = authorizer(&who);
        let objects = [("b/k", OWNER_ID), ("b/pub/x", OWNER_ID), ("b/theirs", OTHER_ID)];
        let on_objects =
            objects.iter().flat_map(|(path, owner)| ON_OBJECTS.map(|action| (action, *path, Some(*owner))));
        let on_buckets = ON_BUCKETS.map(|action| (action, "b", None));
        for (action, path, owner_canonical) in on_objects.chain(on_buckets) {
            let arn = format!("arn:aws:s3:::{path}");
            let mut resource = Resource::new(&arn);
            if owner_canonical.is_some() {
                resource = resource.with_object(ObjectFacts { owner_canonical, acl: None });
            }
            let mut request = AuthorizationRequest::new(who.principal.clone(), Action::new(action), resource);
            if let Some(arn) = who.source_arn {
                request.context.source_arn(arn);
            }
            let explanation = authorizer.explain(&request);
            let decision = authorizer.decide(&request);
            assert_eq!(decision, explanation.decision);
            let (word, code) = (decision.word(), decision.basis().code);
            let statement = explanation.deciding().map(|s| s.title()).unwrap_or_default();
            let line =
                format!("{:<13} {action:<18} {:<14} {word:<13} {code} {statement}", who.name, format!("s3://{path}"));
            writeln!(table, "{}", line.trim_end()).expect("texts can be written to");
        }
    }
    insta::assert_snapshot!(table);
}
