//! `PolicyExclusionList`: what the simulation takes to be gone.
//!
//! Source: IAM API Reference, `PolicyIdentifier`.

use crate::decision::{LayerState, PolicySet};
use crate::edges::server::identities::model::Kind;
use crate::edges::server::identities::state::{AccountState, Holder, PolicyFrom};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::iam::check;
use crate::edges::server::services::query::{Params, invalid};
use crate::words::arn::Arn;
use crate::words::wildcard;

/// The most entries of a list.
const MOST: usize = 256;

/// One entry: which policies it means.
#[derive(Debug)]
enum Exclusion {
    /// All inline policies.
    Inline,
    /// All managed policies of AWS.
    AwsManaged,
    /// All managed policies of the account.
    UserManaged,
    /// The permissions boundary.
    Boundary,
    /// The service control policies.
    ServiceControl,
    /// Resource control policies take no part in a simulation: nothing.
    ResourceControl,
    /// Managed policies by ARN, wildcards in the name.
    Arn(String),
    /// Inline policies of this name; of whom may have wildcards.
    Named { policy: String, of: Kind, name: String },
}

/// The whole list.
#[derive(Debug)]
pub(super) struct Exclusions(Vec<Exclusion>);

impl Exclusions {
    /// Reads the list of a request.
    ///
    /// # Errors
    /// `ValidationError`, `InvalidInput`.
    pub(super) fn of(params: &Params) -> Result<Self, ServiceError> {
        let members = params.members("PolicyExclusionList");
        if members.len() > MOST {
            let constraint = format!("Member must have length less than or equal to {MOST}");
            return Err(invalid(&members.len().to_string(), "PolicyExclusionList", &constraint));
        }
        members.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    fn any(&self, meant: impl Fn(&Exclusion) -> bool) -> bool {
        self.0.iter().any(meant)
    }

    /// The identity policies that stay.
    pub(super) fn identity(&self, account: &AccountState, holder: &Holder) -> LayerState<PolicySet> {
        account.identity_of(holder, &|policy| !self.any(|entry| entry.means(policy)))
    }

    /// Whether the permissions boundary stays.
    pub(super) fn keep_boundary(&self) -> bool {
        !self.any(|entry| matches!(entry, Exclusion::Boundary))
    }

    /// Whether the service control policies stay.
    pub(super) fn keep_service_control(&self) -> bool {
        !self.any(|entry| matches!(entry, Exclusion::ServiceControl))
    }
}

impl Exclusion {
    fn means(&self, policy: &PolicyFrom<'_>) -> bool {
        match (self, policy) {
            (Self::Inline, PolicyFrom::Inline { .. }) => true,
            (Self::AwsManaged, PolicyFrom::Managed(arn)) => is_of_aws(arn),
            (Self::UserManaged, PolicyFrom::Managed(arn)) => !is_of_aws(arn),
            (Self::Arn(pattern), PolicyFrom::Managed(arn)) => wildcard::matches_text(pattern, arn, false),
            (Self::Named { policy, of, name }, PolicyFrom::Inline { of: kind, holder, name: inline }) => {
                of == kind && policy == inline && wildcard::matches_text(name, holder, false)
            }
            _ => false,
        }
    }
}

fn is_of_aws(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.account == "aws")
}

/// At most one `*`; any number of `?`.
fn is_pattern(text: &str) -> bool {
    text.matches('*').count() <= 1
}

fn one(entry: &Params) -> Result<Exclusion, ServiceError> {
    let inline = entry.structure("InlinePolicyIdentifier");
    match (entry.get("PolicyType"), entry.get("PolicyArn"), inline) {
        (Some(kind), None, None) => Ok(match kind {
            "inline" => Exclusion::Inline,
            "aws-managed" => Exclusion::AwsManaged,
            "user-managed" => Exclusion::UserManaged,
            "permission-boundary" => Exclusion::Boundary,
            "scp" => Exclusion::ServiceControl,
            "rcp" => Exclusion::ResourceControl,
            _ => {
                let constraint = "Member must satisfy enum value set: [inline, aws-managed, user-managed, \
                                  permission-boundary, scp, rcp]";
                return Err(invalid(kind, "PolicyType", constraint));
            }
        }),
        (None, Some(arn), None) => by_arn(arn),
        (None, None, Some(inline)) => by_name(&inline),
        _ => Err(ServiceError::bad(
            "InvalidInput",
            "A member of PolicyExclusionList must have exactly one of PolicyType, PolicyArn and InlinePolicyIdentifier.",
        )),
    }
}

fn by_arn(text: &str) -> Result<Exclusion, ServiceError> {
    let fits = |arn: &Arn<'_>| {
        let Some(path) = arn.resource.strip_prefix("policy/") else { return false };
        // Wildcards stand in the name alone: not in the account, not in the path.
        let (path, name) = path.rsplit_once('/').unwrap_or(("", path));
        let before = [arn.partition, arn.region, arn.account, path];
        arn.service == "iam" && !name.is_empty() && is_pattern(name) && before.iter().all(|p| !p.contains(['*', '?']))
    };
    match Arn::parse(text).filter(fits) {
        Some(_) => Ok(Exclusion::Arn(text.to_owned())),
        None => Err(ServiceError::bad("InvalidInput", format!("{text} is not the ARN of a managed policy."))),
    }
}

fn by_name(entry: &Params) -> Result<Exclusion, ServiceError> {
    let policy = check::name(entry, "PolicyName", 128)?.to_owned();
    let kind = entry.need("AttachmentType")?;
    let of = [Kind::User, Kind::Group, Kind::Role].into_iter().find(|of| of.word() == kind);
    let of =
        of.ok_or_else(|| invalid(kind, "AttachmentType", "Member must satisfy enum value set: [user, group, role]"))?;
    let name = entry.need("AttachmentName")?;
    // Beside the wildcards it is a name.
    check::checked_name(&name.replace(['*', '?'], "x"), "AttachmentName", 128)?;
    if !is_pattern(name) {
        let message = format!("There can be at most one `*` in the AttachmentName {name}.");
        return Err(ServiceError::bad("InvalidInput", message));
    }
    Ok(Exclusion::Named { policy, of, name: name.to_owned() })
}
