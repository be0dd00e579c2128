//! The managed policies of AWS that are known without being given. Those that a world's files give go before them.
//!
//! Source: AWS Managed Policy Reference Guide.

use crate::compiled::CompiledPolicy;
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use std::sync::{Arc, LazyLock};

/// The ARN of each begins so.
const PREFIX: &str = "arn:aws:iam::aws:policy/";

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

/// A managed policy of AWS.
#[derive(Clone, Debug)]
pub struct AwsManaged {
    /// Its ARN.
    pub arn: String,
    /// Its document.
    pub text: &'static str,
    /// The document, compiled.
    pub policy: Arc<CompiledPolicy>,
}

static ALL: LazyLock<Vec<AwsManaged>> = LazyLock::new(|| POLICIES.iter().map(compiled).collect());

fn compiled(&(name, text): &(&'static str, &'static str)) -> AwsManaged {
    let document = PolicyDocument::parse(name, text, &LoadOptions::new(PolicyKind::Identity));
    let document = document.expect("a test reads every document of the table");
    AwsManaged { arn: format!("{PREFIX}{name}"), text, policy: Arc::new(CompiledPolicy::compile(name, &document)) }
}

/// All of them.
#[must_use]
pub fn all() -> &'static [AwsManaged] {
    &ALL
}

/// The one with this ARN.
#[must_use]
pub fn by_arn(arn: &str) -> Option<&'static Arc<CompiledPolicy>> {
    if !arn.starts_with(PREFIX) {
        return None;
    }
    ALL.iter().find(|known| known.arn == arn).map(|known| &known.policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_is_one_and_is_found_by_its_arn() {
        assert_eq!(all().len(), POLICIES.len());
        for known in all() {
            assert!(Arc::ptr_eq(by_arn(&known.arn).expect("found"), &known.policy));
        }
        assert!(by_arn("arn:aws:iam::aws:policy/Nonsense").is_none());
        assert!(by_arn("AdministratorAccess").is_none());
    }
}
