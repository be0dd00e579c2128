//! IAM: users, groups, roles, policies, keys, devices, providers, and the simulator.
//!
//! Source: IAM API Reference, version 2010-05-08.

mod account;
mod attach;
pub(super) mod check;
mod holders;
mod inline;
mod keys;
mod mfa;
mod policies;
mod providers;
mod qr;
mod shapes;
mod simulate;
mod tags;

use super::query::{Answer, QueryCall, unknown_operation};
use super::{IAM_NAMESPACE, ServiceCall, ServiceError};
use crate::edges::server::identities::model::Kind::{Group, Role, User};
use crate::edges::server::reply::Reply;
use crate::gate::SessionKind;
use crate::gate::services::iam::{self as ops, IamOperation};
use crate::gate::services::parameters;
use http::StatusCode;

/// Answers a request.
///
/// # Errors
/// IAM's own.
pub async fn answer(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let query = QueryCall::of(call)?;
    let name = query.params.get("Action").unwrap_or_default().to_owned();
    let operation = IamOperation::ALL.iter().find(|operation| operation.row().name == name);
    let operation = *operation.ok_or_else(|| unknown_operation(&name, "2010-05-08"))?;
    query.params.only(parameters::of(&name))?;
    long_term(&query)?;
    let xml = dispatch(operation, &query).await?;
    Ok(xml.response(&name, IAM_NAMESPACE, &call.request_id))
}

/// Who has only a session of their own must have shown a device's code; federated users never get here.
/// Source: IAM User Guide, "Comparing the AWS STS API operations".
fn long_term(query: &QueryCall<'_>) -> Result<(), ServiceError> {
    let Some(session) = &query.caller().session_facts else { return Ok(()) };
    let refused = match session.kind {
        SessionKind::Role => false,
        SessionKind::SessionToken => session.mfa_at.is_none(),
        SessionKind::Federation => true,
    };
    if refused {
        let message = "The security token included in the request is invalid.";
        return Err(ServiceError::new(StatusCode::FORBIDDEN, "InvalidClientTokenId", message));
    }
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "one line for each operation")]
async fn dispatch(operation: IamOperation, q: &QueryCall<'_>) -> Answer {
    use IamOperation as Op;
    match operation {
        Op::CreateUser => holders::create::<ops::CreateUser>(q, User).await,
        Op::GetUser => holders::get_user(q).await,
        Op::ListUsers => holders::list::<ops::ListUsers>(q, User).await,
        Op::UpdateUser => holders::update::<ops::UpdateUser>(q, User).await,
        Op::DeleteUser => holders::delete::<ops::DeleteUser>(q, User).await,
        Op::TagUser => tags::retag::<ops::TagUser>(q, User, true).await,
        Op::UntagUser => tags::retag::<ops::UntagUser>(q, User, false).await,
        Op::ListUserTags => tags::list::<ops::ListUserTags>(q, User).await,

        Op::CreateGroup => holders::create::<ops::CreateGroup>(q, Group).await,
        Op::GetGroup => holders::get_group(q).await,
        Op::ListGroups => holders::list::<ops::ListGroups>(q, Group).await,
        Op::UpdateGroup => holders::update::<ops::UpdateGroup>(q, Group).await,
        Op::DeleteGroup => holders::delete::<ops::DeleteGroup>(q, Group).await,
        Op::AddUserToGroup => holders::member::<ops::AddUserToGroup>(q, true).await,
        Op::RemoveUserFromGroup => holders::member::<ops::RemoveUserFromGroup>(q, false).await,
        Op::ListGroupsForUser => holders::list_groups_for_user(q).await,

        Op::CreateRole => holders::create::<ops::CreateRole>(q, Role).await,
        Op::GetRole => holders::get_role(q).await,
        Op::ListRoles => holders::list::<ops::ListRoles>(q, Role).await,
        Op::UpdateRole => holders::update_role::<ops::UpdateRole>(q, false).await,
        Op::UpdateRoleDescription => holders::update_role::<ops::UpdateRoleDescription>(q, true).await,
        Op::UpdateAssumeRolePolicy => holders::update_role::<ops::UpdateAssumeRolePolicy>(q, false).await,
        Op::DeleteRole => holders::delete::<ops::DeleteRole>(q, Role).await,
        Op::TagRole => tags::retag::<ops::TagRole>(q, Role, true).await,
        Op::UntagRole => tags::retag::<ops::UntagRole>(q, Role, false).await,
        Op::ListRoleTags => tags::list::<ops::ListRoleTags>(q, Role).await,

        Op::PutUserPolicy => inline::put::<ops::PutUserPolicy>(q, User).await,
        Op::PutGroupPolicy => inline::put::<ops::PutGroupPolicy>(q, Group).await,
        Op::PutRolePolicy => inline::put::<ops::PutRolePolicy>(q, Role).await,
        Op::GetUserPolicy => inline::get::<ops::GetUserPolicy>(q, User).await,
        Op::GetGroupPolicy => inline::get::<ops::GetGroupPolicy>(q, Group).await,
        Op::GetRolePolicy => inline::get::<ops::GetRolePolicy>(q, Role).await,
        Op::DeleteUserPolicy => inline::delete::<ops::DeleteUserPolicy>(q, User).await,
        Op::DeleteGroupPolicy => inline::delete::<ops::DeleteGroupPolicy>(q, Group).await,
        Op::DeleteRolePolicy => inline::delete::<ops::DeleteRolePolicy>(q, Role).await,
        Op::ListUserPolicies => inline::list::<ops::ListUserPolicies>(q, User).await,
        Op::ListGroupPolicies => inline::list::<ops::ListGroupPolicies>(q, Group).await,
        Op::ListRolePolicies => inline::list::<ops::ListRolePolicies>(q, Role).await,

        Op::AttachUserPolicy => attach::attach::<ops::AttachUserPolicy>(q, User).await,
        Op::AttachGroupPolicy => attach::attach::<ops::AttachGroupPolicy>(q, Group).await,
        Op::AttachRolePolicy => attach::attach::<ops::AttachRolePolicy>(q, Role).await,
        Op::DetachUserPolicy => attach::detach::<ops::DetachUserPolicy>(q, User).await,
        Op::DetachGroupPolicy => attach::detach::<ops::DetachGroupPolicy>(q, Group).await,
        Op::DetachRolePolicy => attach::detach::<ops::DetachRolePolicy>(q, Role).await,
        Op::ListAttachedUserPolicies => attach::list::<ops::ListAttachedUserPolicies>(q, User).await,
        Op::ListAttachedGroupPolicies => attach::list::<ops::ListAttachedGroupPolicies>(q, Group).await,
        Op::ListAttachedRolePolicies => attach::list::<ops::ListAttachedRolePolicies>(q, Role).await,

        Op::PutUserPermissionsBoundary => attach::boundary::<ops::PutUserPermissionsBoundary>(q, User, true).await,
        Op::PutRolePermissionsBoundary => attach::boundary::<ops::PutRolePermissionsBoundary>(q, Role, true).await,
        Op::DeleteUserPermissionsBoundary => {
            attach::boundary::<ops::DeleteUserPermissionsBoundary>(q, User, false).await
        }
        Op::DeleteRolePermissionsBoundary => {
            attach::boundary::<ops::DeleteRolePermissionsBoundary>(q, Role, false).await
        }

        Op::CreatePolicy => policies::create(q).await,
        Op::GetPolicy => policies::get(q).await,
        Op::ListPolicies => policies::list(q).await,
        Op::DeletePolicy => policies::delete(q).await,
        Op::CreatePolicyVersion => policies::create_version(q).await,
        Op::GetPolicyVersion => policies::get_version(q).await,
        Op::ListPolicyVersions => policies::list_versions(q).await,
        Op::SetDefaultPolicyVersion => policies::set_default(q).await,
        Op::DeletePolicyVersion => policies::delete_version(q).await,
        Op::ListEntitiesForPolicy => policies::entities(q).await,
        Op::TagPolicy => policies::retag::<ops::TagPolicy>(q, true).await,
        Op::UntagPolicy => policies::retag::<ops::UntagPolicy>(q, false).await,
        Op::ListPolicyTags => policies::tags(q).await,

        Op::CreateAccessKey => keys::create(q).await,
        Op::ListAccessKeys => keys::list(q).await,
        Op::UpdateAccessKey => keys::update(q).await,
        Op::DeleteAccessKey => keys::delete(q).await,
        Op::GetAccessKeyLastUsed => keys::last_used(q).await,

        Op::CreateVirtualMFADevice => mfa::create(q).await,
        Op::DeleteVirtualMFADevice => mfa::delete(q).await,
        Op::ListVirtualMFADevices => mfa::list_virtual(q).await,
        Op::EnableMFADevice => mfa::enable::<ops::EnableMFADevice>(q, false).await,
        Op::DeactivateMFADevice => mfa::deactivate(q).await,
        Op::ResyncMFADevice => mfa::enable::<ops::ResyncMFADevice>(q, true).await,
        Op::ListMFADevices => mfa::list(q).await,
        Op::GetMFADevice => mfa::get(q).await,
        Op::TagMFADevice => mfa::retag::<ops::TagMFADevice>(q, true).await,
        Op::UntagMFADevice => mfa::retag::<ops::UntagMFADevice>(q, false).await,
        Op::ListMFADeviceTags => mfa::tags(q).await,

        Op::CreateOpenIDConnectProvider => providers::create(q).await,
        Op::GetOpenIDConnectProvider => providers::get(q).await,
        Op::ListOpenIDConnectProviders => providers::list(q).await,
        Op::DeleteOpenIDConnectProvider => providers::delete(q).await,
        Op::AddClientIDToOpenIDConnectProvider => providers::add_client(q).await,
        Op::RemoveClientIDFromOpenIDConnectProvider => providers::remove_client(q).await,
        Op::UpdateOpenIDConnectProviderThumbprint => providers::update_thumbprints(q).await,
        Op::TagOpenIDConnectProvider => providers::retag::<ops::TagOpenIDConnectProvider>(q, true).await,
        Op::UntagOpenIDConnectProvider => providers::retag::<ops::UntagOpenIDConnectProvider>(q, false).await,
        Op::ListOpenIDConnectProviderTags => providers::tags(q).await,

        Op::CreateAccountAlias => account::create_alias(q).await,
        Op::DeleteAccountAlias => account::delete_alias(q).await,
        Op::ListAccountAliases => account::list_aliases(q).await,
        Op::GetAccountSummary => account::summary(q).await,
        Op::GetAccountAuthorizationDetails => account::details(q).await,

        Op::SimulateCustomPolicy => simulate::custom(q).await,
        Op::SimulatePrincipalPolicy => simulate::principal(q).await,
        Op::GetContextKeysForCustomPolicy => simulate::custom_keys(q).await,
        Op::GetContextKeysForPrincipalPolicy => simulate::principal_keys(q).await,
    }
}
