//! The managed policies of AWS that come with the server. Those that the seed files give go before them.
//!
//! Source: AWS Managed Policy Reference Guide.

use super::model::{ManagedPolicy, PolicyVersion};
use super::state::{PolicyState, compiled};
use crate::compiled::CompiledPolicy;
use crate::policy::PolicyKind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Name and document of each.
const POLICIES: [(&str, &str); 6] = [
    ("AdministratorAccess", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#),
    (
        "AmazonS3FullAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]}"#,
    ),
    (
        "AmazonS3ReadOnlyAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}"#,
    ),
    (
        "IAMFullAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","organizations:DescribeAccount","organizations:DescribeOrganization","organizations:DescribeOrganizationalUnit","organizations:DescribePolicy","organizations:ListChildren","organizations:ListParents","organizations:ListPoliciesForTarget","organizations:ListRoots","organizations:ListPolicies","organizations:ListTargetsForPolicy"],"Resource":"*"}]}"#,
    ),
    (
        "IAMReadOnlyAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],"Resource":"*"}]}"#,
    ),
    (
        "PowerUserAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles","organizations:DescribeOrganization","account:ListRegions","account:GetAccountInformation"],"Resource":"*"}]}"#,
    ),
];

/// All of them by ARN, with those that the seed files give.
#[must_use]
pub fn all(given: &BTreeMap<String, Arc<CompiledPolicy>>) -> BTreeMap<String, Arc<PolicyState>> {
    let mut policies = BTreeMap::new();
    for (name, text) in POLICIES {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        let state = state(&arn, text, compiled(name, text, PolicyKind::Identity));
        policies.insert(arn, Arc::new(state));
    }
    for (arn, policy) in given {
        let text = policy.document().of(&policy.source().text);
        policies.insert(arn.clone(), Arc::new(state(arn, text, policy.clone())));
    }
    policies
}

fn state(arn: &str, text: &str, compiled: Arc<CompiledPolicy>) -> PolicyState {
    let path = arn.split_once(":policy").map_or("/", |(_, path)| path);
    let (path, name) = path.rsplit_once('/').unwrap_or(("", path));
    let document = ManagedPolicy {
        name: name.to_owned(),
        path: format!("{path}/"),
        // AWS's ids are not known here; this one is as constant as theirs.
        id: format!("ANPA{:017}", crate::words::ids::hash_text(arn) % 100_000_000_000_000_000),
        created: 0,
        updated: 0,
        description: None,
        tags: Vec::new(),
        versions: vec![PolicyVersion { number: 1, text: text.to_owned(), created: 0 }],
        default: 1,
        next: 2,
    };
    PolicyState { document, arn: arn.to_owned(), compiled }
}
