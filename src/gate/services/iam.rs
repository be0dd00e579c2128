//! The table of IAM's operations.
//!
//! Source: IAM API Reference, version 2010-05-08; Service Authorization Reference, "AWS Identity and Access
//! Management (IAM)".

use super::{Route::Name, may, need};

super::service_table! {
    Iam IamOperation:

    // ---- users ----
    CreateUser: changes Name, [need("iam:CreateUser", "user"), may("iam:TagUser", "tagged")];
    GetUser: reads Name, [need("iam:GetUser", "user")];
    ListUsers: reads Name, [need("iam:ListUsers", "*")];
    UpdateUser: changes Name, [need("iam:UpdateUser", "user")];
    DeleteUser: changes Name, [need("iam:DeleteUser", "user")];
    TagUser: changes Name, [need("iam:TagUser", "user")];
    UntagUser: changes Name, [need("iam:UntagUser", "user")];
    ListUserTags: reads Name, [need("iam:ListUserTags", "user")];

    // ---- groups ----
    CreateGroup: changes Name, [need("iam:CreateGroup", "group")];
    GetGroup: reads Name, [need("iam:GetGroup", "group")];
    ListGroups: reads Name, [need("iam:ListGroups", "*")];
    UpdateGroup: changes Name, [need("iam:UpdateGroup", "group")];
    DeleteGroup: changes Name, [need("iam:DeleteGroup", "group")];
    AddUserToGroup: changes Name, [need("iam:AddUserToGroup", "group")];
    RemoveUserFromGroup: changes Name, [need("iam:RemoveUserFromGroup", "group")];
    ListGroupsForUser: reads Name, [need("iam:ListGroupsForUser", "user")];

    // ---- roles ----
    CreateRole: changes Name, [need("iam:CreateRole", "role"), may("iam:TagRole", "tagged")];
    GetRole: reads Name, [need("iam:GetRole", "role")];
    ListRoles: reads Name, [need("iam:ListRoles", "*")];
    UpdateRole: changes Name, [need("iam:UpdateRole", "role")];
    UpdateRoleDescription: changes Name, [need("iam:UpdateRoleDescription", "role")];
    UpdateAssumeRolePolicy: changes Name, [need("iam:UpdateAssumeRolePolicy", "role")];
    DeleteRole: changes Name, [need("iam:DeleteRole", "role")];
    TagRole: changes Name, [need("iam:TagRole", "role")];
    UntagRole: changes Name, [need("iam:UntagRole", "role")];
    ListRoleTags: reads Name, [need("iam:ListRoleTags", "role")];

    // ---- inline policies ----
    PutUserPolicy: changes Name, [need("iam:PutUserPolicy", "user")];
    PutGroupPolicy: changes Name, [need("iam:PutGroupPolicy", "group")];
    PutRolePolicy: changes Name, [need("iam:PutRolePolicy", "role")];
    GetUserPolicy: reads Name, [need("iam:GetUserPolicy", "user")];
    GetGroupPolicy: reads Name, [need("iam:GetGroupPolicy", "group")];
    GetRolePolicy: reads Name, [need("iam:GetRolePolicy", "role")];
    DeleteUserPolicy: changes Name, [need("iam:DeleteUserPolicy", "user")];
    DeleteGroupPolicy: changes Name, [need("iam:DeleteGroupPolicy", "group")];
    DeleteRolePolicy: changes Name, [need("iam:DeleteRolePolicy", "role")];
    ListUserPolicies: reads Name, [need("iam:ListUserPolicies", "user")];
    ListGroupPolicies: reads Name, [need("iam:ListGroupPolicies", "group")];
    ListRolePolicies: reads Name, [need("iam:ListRolePolicies", "role")];

    // ---- attached policies ----
    AttachUserPolicy: changes Name, [need("iam:AttachUserPolicy", "user")];
    AttachGroupPolicy: changes Name, [need("iam:AttachGroupPolicy", "group")];
    AttachRolePolicy: changes Name, [need("iam:AttachRolePolicy", "role")];
    DetachUserPolicy: changes Name, [need("iam:DetachUserPolicy", "user")];
    DetachGroupPolicy: changes Name, [need("iam:DetachGroupPolicy", "group")];
    DetachRolePolicy: changes Name, [need("iam:DetachRolePolicy", "role")];
    ListAttachedUserPolicies: reads Name, [need("iam:ListAttachedUserPolicies", "user")];
    ListAttachedGroupPolicies: reads Name, [need("iam:ListAttachedGroupPolicies", "group")];
    ListAttachedRolePolicies: reads Name, [need("iam:ListAttachedRolePolicies", "role")];

    // ---- permissions boundaries ----
    PutUserPermissionsBoundary: changes Name, [need("iam:PutUserPermissionsBoundary", "user")];
    PutRolePermissionsBoundary: changes Name, [need("iam:PutRolePermissionsBoundary", "role")];
    DeleteUserPermissionsBoundary: changes Name, [need("iam:DeleteUserPermissionsBoundary", "user")];
    DeleteRolePermissionsBoundary: changes Name, [need("iam:DeleteRolePermissionsBoundary", "role")];

    // ---- managed policies ----
    CreatePolicy: changes Name, [need("iam:CreatePolicy", "policy"), may("iam:TagPolicy", "tagged")];
    GetPolicy: reads Name, [need("iam:GetPolicy", "policy")];
    ListPolicies: reads Name, [need("iam:ListPolicies", "*")];
    DeletePolicy: changes Name, [need("iam:DeletePolicy", "policy")];
    CreatePolicyVersion: changes Name, [need("iam:CreatePolicyVersion", "policy")];
    GetPolicyVersion: reads Name, [need("iam:GetPolicyVersion", "policy")];
    ListPolicyVersions: reads Name, [need("iam:ListPolicyVersions", "policy")];
    SetDefaultPolicyVersion: changes Name, [need("iam:SetDefaultPolicyVersion", "policy")];
    DeletePolicyVersion: changes Name, [need("iam:DeletePolicyVersion", "policy")];
    ListEntitiesForPolicy: reads Name, [need("iam:ListEntitiesForPolicy", "policy")];
    TagPolicy: changes Name, [need("iam:TagPolicy", "policy")];
    UntagPolicy: changes Name, [need("iam:UntagPolicy", "policy")];
    ListPolicyTags: reads Name, [need("iam:ListPolicyTags", "policy")];

    // ---- access keys ----
    CreateAccessKey: changes Name, [need("iam:CreateAccessKey", "user")];
    ListAccessKeys: reads Name, [need("iam:ListAccessKeys", "user")];
    UpdateAccessKey: changes Name, [need("iam:UpdateAccessKey", "user")];
    DeleteAccessKey: changes Name, [need("iam:DeleteAccessKey", "user")];
    GetAccessKeyLastUsed: reads Name, [need("iam:GetAccessKeyLastUsed", "user")];

    // ---- MFA devices ----
    CreateVirtualMFADevice: changes Name, [need("iam:CreateVirtualMFADevice", "mfa"), may("iam:TagMFADevice", "tagged")];
    DeleteVirtualMFADevice: changes Name, [need("iam:DeleteVirtualMFADevice", "mfa")];
    ListVirtualMFADevices: reads Name, [need("iam:ListVirtualMFADevices", "*")];
    EnableMFADevice: changes Name, [need("iam:EnableMFADevice", "user")];
    DeactivateMFADevice: changes Name, [need("iam:DeactivateMFADevice", "user")];
    ResyncMFADevice: changes Name, [need("iam:ResyncMFADevice", "user")];
    ListMFADevices: reads Name, [need("iam:ListMFADevices", "user")];
    GetMFADevice: reads Name, [need("iam:GetMFADevice", "user")];
    TagMFADevice: changes Name, [need("iam:TagMFADevice", "mfa")];
    UntagMFADevice: changes Name, [need("iam:UntagMFADevice", "mfa")];
    ListMFADeviceTags: reads Name, [need("iam:ListMFADeviceTags", "mfa")];

    // ---- identity providers ----
    CreateOpenIDConnectProvider: changes Name, [need("iam:CreateOpenIDConnectProvider", "provider"), may("iam:TagOpenIDConnectProvider", "tagged")];
    GetOpenIDConnectProvider: reads Name, [need("iam:GetOpenIDConnectProvider", "provider")];
    ListOpenIDConnectProviders: reads Name, [need("iam:ListOpenIDConnectProviders", "*")];
    DeleteOpenIDConnectProvider: changes Name, [need("iam:DeleteOpenIDConnectProvider", "provider")];
    AddClientIDToOpenIDConnectProvider: changes Name, [need("iam:AddClientIDToOpenIDConnectProvider", "provider")];
    RemoveClientIDFromOpenIDConnectProvider: changes Name, [need("iam:RemoveClientIDFromOpenIDConnectProvider", "provider")];
    UpdateOpenIDConnectProviderThumbprint: changes Name, [need("iam:UpdateOpenIDConnectProviderThumbprint", "provider")];
    TagOpenIDConnectProvider: changes Name, [need("iam:TagOpenIDConnectProvider", "provider")];
    UntagOpenIDConnectProvider: changes Name, [need("iam:UntagOpenIDConnectProvider", "provider")];
    ListOpenIDConnectProviderTags: reads Name, [need("iam:ListOpenIDConnectProviderTags", "provider")];

    // ---- the account ----
    CreateAccountAlias: changes Name, [need("iam:CreateAccountAlias", "*")];
    DeleteAccountAlias: changes Name, [need("iam:DeleteAccountAlias", "*")];
    ListAccountAliases: reads Name, [need("iam:ListAccountAliases", "*")];
    GetAccountSummary: reads Name, [need("iam:GetAccountSummary", "*")];
    GetAccountAuthorizationDetails: reads Name, [need("iam:GetAccountAuthorizationDetails", "*")];

    // ---- the simulator ----
    SimulateCustomPolicy: reads Name, [need("iam:SimulateCustomPolicy", "*")];
    SimulatePrincipalPolicy: reads Name, [need("iam:SimulatePrincipalPolicy", "source")];
    GetContextKeysForCustomPolicy: reads Name, [need("iam:GetContextKeysForCustomPolicy", "*")];
    GetContextKeysForPrincipalPolicy: reads Name, [need("iam:GetContextKeysForPrincipalPolicy", "source")];
}
