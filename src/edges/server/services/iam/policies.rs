//! Managed policies and their versions.

use super::attach::policy_arn;
use super::check::{self, Page, conflict, limit};
use super::shapes;
use crate::edges::server::identities::draft::Draft;
use crate::edges::server::identities::ids::unique_id;
use crate::edges::server::identities::model::{Kind, ManagedPolicy, PolicyVersion};
use crate::edges::server::identities::state::{Holder, PolicyState};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, QueryCall, Xml, invalid};
use crate::gate::services::{ServiceOperation, iam};
use crate::policy::PolicyKind;
use std::sync::Arc;

/// Versions that a policy may have.
const MOST_VERSIONS: usize = 5;
/// Policies of an account.
const MOST_POLICIES: usize = 1500;

fn no_policy(arn: &str) -> ServiceError {
    check::no_such(format!("Policy {arn} was not found."))
}

/// The policy that a request names, as its resource.
pub(super) fn named(query: &QueryCall<'_>, arn: &str) -> Result<Named, ServiceError> {
    let account = query.account()?;
    let tags = account.policy(arn).map(|policy| policy.document.tags.clone()).unwrap_or_default();
    let of_aws = account.facts.aws_policies.contains_key(arn);
    let owner = of_aws.then(|| account.facts.id.clone());
    Ok(Named { account: owner, ..Named::new("policy", arn).tagged("iam", &tags) })
}

/// A policy of the account, or of AWS, that must be there.
pub(super) fn found(query: &QueryCall<'_>, arn: &str) -> Result<Arc<PolicyState>, ServiceError> {
    query.account()?.any_policy(arn).cloned().ok_or_else(|| no_policy(arn))
}

/// In a transaction: the policy of this ARN.
pub(super) fn drafted(draft: &Draft<'_, '_>, arn: &str) -> Result<ManagedPolicy, ServiceError> {
    if arn.starts_with("arn:aws:iam::aws:") {
        let message = format!("Policy {arn} is owned by AWS and cannot be changed.");
        return Err(ServiceError::new(http::StatusCode::FORBIDDEN, "AccessDenied", message));
    }
    let name = arn.rsplit('/').next().unwrap_or_default();
    let policy = draft.policy(name)?.filter(|policy| policy.arn(draft.account()) == arn);
    policy.ok_or_else(|| no_policy(arn))
}

/// A document for a managed policy.
fn document(query: &QueryCall<'_>) -> Result<String, ServiceError> {
    let text = query.params.need("PolicyDocument")?;
    check::policy(text, PolicyKind::Identity)?;
    if check::size(text) > check::MANAGED_SIZE {
        return Err(limit(format!("Cannot exceed quota for PolicySize: {}", check::MANAGED_SIZE)));
    }
    Ok(text.to_owned())
}

pub(super) async fn create(query: &QueryCall<'_>) -> Answer {
    let params = &query.params;
    let name = check::name(params, "PolicyName", 128)?.to_owned();
    let (path, tags) = (check::path(params, "Path")?, check::tags(params)?);
    let description = params.get("Description").map(str::to_owned);
    if let Some(text) = description.as_ref().filter(|text| text.chars().count() > 1000) {
        return Err(invalid(text, "Description", "Member must have length less than or equal to 1000"));
    }
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", query.account_id());
    let mut named = vec![Named::new("policy", arn.clone()).tagging(&tags)];
    if !tags.is_empty() {
        named.push(Named::new("tagged", arn.clone()).tagging(&tags));
    }
    let grant = query.allow::<iam::CreatePolicy>(&named).await?;
    let text = document(query)?;
    let created = query.now();
    let policy = ManagedPolicy {
        name,
        path,
        id: unique_id("ANPA")?,
        created,
        updated: created,
        description,
        tags,
        versions: vec![PolicyVersion { number: 1, text, created }],
        default: 1,
        next: 2,
    };
    let work = move |draft: &mut Draft<'_, '_>| {
        if draft.policy(&policy.name)?.is_some() {
            let message = format!("A policy called {} already exists. Duplicate names are not allowed.", policy.name);
            return Err(conflict("EntityAlreadyExists", message));
        }
        if draft.policies()?.len() >= MOST_POLICIES {
            return Err(limit(format!("Cannot exceed quota for PoliciesPerAccount: {MOST_POLICIES}")));
        }
        Ok(draft.put_policy(&policy)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    shown(query, &arn)
}

fn shown(query: &QueryCall<'_>, arn: &str) -> Answer {
    let (policy, account) = (found(query, arn)?, query.account()?);
    Ok(Xml::of(|xml| xml.inside("Policy", |xml| shapes::policy(xml, &policy, &account, false))))
}

pub(super) async fn get(query: &QueryCall<'_>) -> Answer {
    let arn = policy_arn(query, "PolicyArn")?;
    query.allow::<iam::GetPolicy>(&[named(query, &arn)?]).await?;
    shown(query, &arn)
}

pub(super) async fn list(query: &QueryCall<'_>) -> Answer {
    let params = &query.params;
    let (prefix, page) = (check::path_prefix(params)?, Page::of(params)?);
    let scope = params.get("Scope").unwrap_or("All");
    if !matches!(scope, "All" | "AWS" | "Local") {
        return Err(invalid(scope, "Scope", "Member must satisfy enum value set: [All, AWS, Local]"));
    }
    let (only_attached, usage) = (params.flag("OnlyAttached")?, params.get("PolicyUsageFilter"));
    query.allow::<iam::ListPolicies>(&[]).await?;
    let account = query.account()?;
    let wanted = |policy: &&Arc<PolicyState>| {
        let (attached, boundaries) = shapes::attachments(&account, &policy.arn);
        let own = policy.arn.split(':').nth(4) == Some(account.facts.id.as_str());
        scope != if own { "AWS" } else { "Local" }
            && policy.document.path.starts_with(prefix)
            && (!only_attached || attached + boundaries > 0)
            && match usage {
                Some("PermissionsPolicy") => attached > 0,
                Some("PermissionsBoundary") => boundaries > 0,
                _ => true,
            }
    };
    let mut found: Vec<_> = account
        .policies
        .values()
        .chain(account.facts.aws_policies.values())
        .filter(wanted)
        .map(|policy| (policy.arn.clone(), policy.clone()))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let part = page.part(found.into_iter());
    Ok(Xml::of(|xml| {
        xml.members("Policies", &part.items, |xml, policy| shapes::policy(xml, policy, &account, true));
        shapes::truncation(xml, part.marker);
    }))
}

pub(super) async fn delete(query: &QueryCall<'_>) -> Answer {
    let arn = policy_arn(query, "PolicyArn")?;
    let grant = query.allow::<iam::DeletePolicy>(&[named(query, &arn)?]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let policy = drafted(draft, &arn)?;
        let names = |a: &String| *a == arn;
        let in_use = draft.identities()?.iter().any(|i| i.attached.iter().chain(&i.boundary).any(names));
        if in_use {
            return Err(conflict("DeleteConflict", "Cannot delete a policy attached to entities."));
        }
        if policy.versions.len() > 1 {
            let message = "This policy has more than one version. Before you delete a policy, you must delete the \
                           policy's versions. The default version is deleted with the policy.";
            return Err(conflict("DeleteConflict", message));
        }
        draft.delete_policy(&policy.name);
        Ok(())
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn create_version(query: &QueryCall<'_>) -> Answer {
    let arn = policy_arn(query, "PolicyArn")?;
    let default = query.params.flag("SetAsDefault")?;
    let grant = query.allow::<iam::CreatePolicyVersion>(&[named(query, &arn)?]).await?;
    let (text, created) = (document(query)?, query.now());
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut policy = drafted(draft, &arn)?;
        if policy.versions.len() >= MOST_VERSIONS {
            let message = format!(
                "A managed policy can have up to {MOST_VERSIONS} versions. Before you create a new version, you must \
                 delete an existing version."
            );
            return Err(limit(message));
        }
        let version = PolicyVersion { number: policy.next, text: text.clone(), created };
        policy.next += 1;
        policy.updated = created;
        if default {
            policy.default = version.number;
        }
        policy.versions.push(version.clone());
        draft.put_policy(&policy)?;
        Ok((version, policy.default))
    };
    let (version, default) = query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::of(|xml| xml.inside("PolicyVersion", |xml| shapes::version(xml, &version, default, false))))
}

/// The number of the version that a request names.
fn version_number(query: &QueryCall<'_>) -> Result<u32, ServiceError> {
    let text = query.params.need("VersionId")?;
    let number = text.strip_prefix('v').and_then(|digits| digits.parse().ok());
    let pattern = "Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?";
    number.ok_or_else(|| invalid(text, "VersionId", pattern))
}

fn no_version(arn: &str, number: u32) -> ServiceError {
    check::no_such(format!("Policy {arn} version v{number} does not exist or is not attachable."))
}

pub(super) async fn get_version(query: &QueryCall<'_>) -> Answer {
    let (arn, number) = (policy_arn(query, "PolicyArn")?, version_number(query)?);
    query.allow::<iam::GetPolicyVersion>(&[named(query, &arn)?]).await?;
    let policy = found(query, &arn)?;
    let version = policy.document.versions.iter().find(|v| v.number == number);
    let version = version.ok_or_else(|| no_version(&arn, number))?;
    let default = policy.document.default;
    Ok(Xml::of(|xml| xml.inside("PolicyVersion", |xml| shapes::version(xml, version, default, true))))
}

pub(super) async fn list_versions(query: &QueryCall<'_>) -> Answer {
    let (arn, page) = (policy_arn(query, "PolicyArn")?, Page::of(&query.params)?);
    query.allow::<iam::ListPolicyVersions>(&[named(query, &arn)?]).await?;
    let policy = found(query, &arn)?;
    // Newest first, as AWS lists them; the key orders them so.
    let newest = policy.document.versions.iter().rev();
    let part = page.part(newest.map(|v| (format!("{:010}", u32::MAX - v.number), v)));
    Ok(Xml::of(|xml| {
        xml.members("Versions", part.items, |xml, v| shapes::version(xml, v, policy.document.default, false));
        shapes::truncation(xml, part.marker);
    }))
}

pub(super) async fn set_default(query: &QueryCall<'_>) -> Answer {
    let (arn, number) = (policy_arn(query, "PolicyArn")?, version_number(query)?);
    let grant = query.allow::<iam::SetDefaultPolicyVersion>(&[named(query, &arn)?]).await?;
    let now = query.now();
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut policy = drafted(draft, &arn)?;
        if policy.versions.iter().all(|v| v.number != number) {
            return Err(no_version(&arn, number));
        }
        policy.default = number;
        policy.updated = now;
        Ok(draft.put_policy(&policy)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn delete_version(query: &QueryCall<'_>) -> Answer {
    let (arn, number) = (policy_arn(query, "PolicyArn")?, version_number(query)?);
    let grant = query.allow::<iam::DeletePolicyVersion>(&[named(query, &arn)?]).await?;
    let now = query.now();
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut policy = drafted(draft, &arn)?;
        let at = policy.versions.iter().position(|v| v.number == number);
        let at = at.ok_or_else(|| no_version(&arn, number))?;
        if policy.default == number {
            return Err(conflict("DeleteConflict", "Cannot delete the default version of a policy."));
        }
        policy.versions.remove(at);
        policy.updated = now;
        Ok(draft.put_policy(&policy)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn entities(query: &QueryCall<'_>) -> Answer {
    let (arn, page) = (policy_arn(query, "PolicyArn")?, Page::of(&query.params)?);
    let prefix = check::path_prefix(&query.params)?;
    let filter = query.params.get("EntityFilter");
    let usage = query.params.get("PolicyUsageFilter");
    query.allow::<iam::ListEntitiesForPolicy>(&[named(query, &arn)?]).await?;
    super::attach::must_exist(query, &arn).map_err(|_| no_policy(&arn))?;
    let account = query.account()?;
    let wanted = |holder: &&Arc<Holder>| {
        let attached = usage != Some("PermissionsBoundary") && holder.document.attached.contains(&arn);
        let boundary = usage != Some("PermissionsPolicy") && holder.document.boundary.as_ref() == Some(&arn);
        (attached || boundary)
            && filter.is_none_or(|kind| kind == holder.document.kind().title())
            && holder.document.path.starts_with(prefix)
    };
    let holders = account.identities.values().filter(wanted).map(|h| (h.document.key(), h.clone()));
    let part = page.part(holders);
    let of = |kind: Kind| part.items.iter().filter(move |h| h.document.kind() == kind);
    Ok(Xml::of(|xml| {
        for kind in [Kind::Group, Kind::User, Kind::Role] {
            xml.members(&format!("Policy{}s", kind.title()), of(kind), |xml, holder| {
                xml.text(&format!("{}Name", kind.title()), &holder.document.name);
                xml.text(&format!("{}Id", kind.title()), &holder.document.id);
            });
        }
        shapes::truncation(xml, part.marker);
    }))
}

/// Changes the tags of a policy.
pub(super) async fn retag<O: ServiceOperation>(query: &QueryCall<'_>, set: bool) -> Answer {
    let arn = policy_arn(query, "PolicyArn")?;
    let change = super::tags::Change::of(query, set)?;
    let grant = query.allow::<O>(&[change.over(named(query, &arn)?)]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut policy = drafted(draft, &arn)?;
        change.apply(&mut policy.tags)?;
        Ok(draft.put_policy(&policy)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn tags(query: &QueryCall<'_>) -> Answer {
    let (arn, page) = (policy_arn(query, "PolicyArn")?, Page::of(&query.params)?);
    query.allow::<iam::ListPolicyTags>(&[named(query, &arn)?]).await?;
    Ok(super::tags::listed(&found(query, &arn)?.document.tags, &page))
}
