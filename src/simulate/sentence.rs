//! AWS's own sentence for a refused request.
//!
//! Source: IAM User Guide, "Troubleshoot access denied error messages"; S3 User Guide, "Troubleshoot access
//! denied (403 Forbidden) errors in Amazon S3".

use crate::decision::combine::Layer;
use crate::decision::{Decision, Explanation, PrincipalKind};
use crate::words::codes::Code;

/// The sentence, such as `User: … is not authorized to perform: … because no identity-based policy allows …`.
#[must_use]
pub fn of(explanation: &Explanation<'_>) -> String {
    let request = explanation.request();
    let who = match request.principal.kind {
        PrincipalKind::Anonymous => "anonymous",
        _ => request.principal.arn,
    };
    let basis = explanation.decision.basis();
    let action = request.action.as_str();
    let because = match (basis.code, explanation.decision) {
        (Code::PublicAclBlocked, _) => blocked("public ACLs", "BlockPublicAcls"),
        (Code::PublicPolicyBlocked, _) => blocked("public policies", "BlockPublicPolicy"),
        (Code::PublicBucketRestricted, _) => {
            "because public access is prevented by the RestrictPublicBuckets setting in S3 Block Public Access"
                .to_owned()
        }
        (_, Decision::ExplicitDeny(_)) => {
            let name = basis.layer.words();
            let article = if name.starts_with('i') { "an" } else { "a" };
            format!("with an explicit deny in {article} {name}")
        }
        (Code::NothingAllows | Code::IdentitySideMissing, _) => lacks(Layer::Identity, action),
        (Code::NoResourceGrant | Code::ResourceSideMissing | Code::ForeignObject, _) => lacks(Layer::Resource, action),
        _ => lacks(basis.layer, action),
    };
    format!("User: {who} is not authorized to perform: {action} on resource: \"{}\" {because}", request.resource.arn)
}

fn blocked(what: &str, setting: &str) -> String {
    format!("because {what} are prevented by the {setting} setting in S3 Block Public Access")
}

fn lacks(layer: Layer, action: &str) -> String {
    format!("because no {} allows the {action} action", layer.words())
}
