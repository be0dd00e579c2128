//! The table of CloudFront's management operations.
//!
//! Source: Amazon CloudFront API Reference, version 2020-05-31; Service Authorization Reference, "Amazon CloudFront".

use super::{Route, need};
use crate::gate::operations::Method;
use crate::gate::operations::Method::{Delete, Get, Post, Put};

const fn at(method: Method, path: &'static str) -> Route {
    Route::Path { method, path, query: None }
}

const fn with(method: Method, path: &'static str, query: &'static str) -> Route {
    Route::Path { method, path, query: Some(query) }
}

super::service_table! {
    CloudFront CloudFrontOperation:

    // ---- distributions ----
    CreateDistribution: changes at(Post, "/2020-05-31/distribution"), [need("cloudfront:CreateDistribution", "distribution")];
    CreateDistributionWithTags: changes with(Post, "/2020-05-31/distribution", "WithTags"), [
        need("cloudfront:CreateDistribution", "distribution"),
        need("cloudfront:TagResource", "distribution")
    ];
    GetDistribution: reads at(Get, "/2020-05-31/distribution/{Id}"), [need("cloudfront:GetDistribution", "distribution")];
    GetDistributionConfig: reads at(Get, "/2020-05-31/distribution/{Id}/config"), [need("cloudfront:GetDistributionConfig", "distribution")];
    ListDistributionsByKeyGroup: reads at(Get, "/2020-05-31/distributionsByKeyGroupId/{KeyGroupId}"), [need("cloudfront:ListDistributionsByKeyGroup", "*")];
    ListDistributions: reads at(Get, "/2020-05-31/distribution"), [need("cloudfront:ListDistributions", "*")];
    UpdateDistribution: changes at(Put, "/2020-05-31/distribution/{Id}/config"), [need("cloudfront:UpdateDistribution", "distribution")];
    DeleteDistribution: changes at(Delete, "/2020-05-31/distribution/{Id}"), [need("cloudfront:DeleteDistribution", "distribution")];

    // ---- origin access identities ----
    CreateCloudFrontOriginAccessIdentity: changes at(Post, "/2020-05-31/origin-access-identity/cloudfront"), [need("cloudfront:CreateCloudFrontOriginAccessIdentity", "identity")];
    GetCloudFrontOriginAccessIdentity: reads at(Get, "/2020-05-31/origin-access-identity/cloudfront/{Id}"), [need("cloudfront:GetCloudFrontOriginAccessIdentity", "identity")];
    GetCloudFrontOriginAccessIdentityConfig: reads at(Get, "/2020-05-31/origin-access-identity/cloudfront/{Id}/config"), [need("cloudfront:GetCloudFrontOriginAccessIdentityConfig", "identity")];
    ListCloudFrontOriginAccessIdentities: reads at(Get, "/2020-05-31/origin-access-identity/cloudfront"), [need("cloudfront:ListCloudFrontOriginAccessIdentities", "*")];
    UpdateCloudFrontOriginAccessIdentity: changes at(Put, "/2020-05-31/origin-access-identity/cloudfront/{Id}/config"), [need("cloudfront:UpdateCloudFrontOriginAccessIdentity", "identity")];
    DeleteCloudFrontOriginAccessIdentity: changes at(Delete, "/2020-05-31/origin-access-identity/cloudfront/{Id}"), [need("cloudfront:DeleteCloudFrontOriginAccessIdentity", "identity")];

    // ---- origin access controls ----
    CreateOriginAccessControl: changes at(Post, "/2020-05-31/origin-access-control"), [need("cloudfront:CreateOriginAccessControl", "control")];
    GetOriginAccessControl: reads at(Get, "/2020-05-31/origin-access-control/{Id}"), [need("cloudfront:GetOriginAccessControl", "control")];
    GetOriginAccessControlConfig: reads at(Get, "/2020-05-31/origin-access-control/{Id}/config"), [need("cloudfront:GetOriginAccessControlConfig", "control")];
    ListOriginAccessControls: reads at(Get, "/2020-05-31/origin-access-control"), [need("cloudfront:ListOriginAccessControls", "*")];
    UpdateOriginAccessControl: changes at(Put, "/2020-05-31/origin-access-control/{Id}/config"), [need("cloudfront:UpdateOriginAccessControl", "control")];
    DeleteOriginAccessControl: changes at(Delete, "/2020-05-31/origin-access-control/{Id}"), [need("cloudfront:DeleteOriginAccessControl", "control")];

    // ---- public keys and key groups ----
    CreatePublicKey: changes at(Post, "/2020-05-31/public-key"), [need("cloudfront:CreatePublicKey", "*")];
    GetPublicKey: reads at(Get, "/2020-05-31/public-key/{Id}"), [need("cloudfront:GetPublicKey", "*")];
    GetPublicKeyConfig: reads at(Get, "/2020-05-31/public-key/{Id}/config"), [need("cloudfront:GetPublicKeyConfig", "*")];
    ListPublicKeys: reads at(Get, "/2020-05-31/public-key"), [need("cloudfront:ListPublicKeys", "*")];
    UpdatePublicKey: changes at(Put, "/2020-05-31/public-key/{Id}/config"), [need("cloudfront:UpdatePublicKey", "*")];
    DeletePublicKey: changes at(Delete, "/2020-05-31/public-key/{Id}"), [need("cloudfront:DeletePublicKey", "*")];
    CreateKeyGroup: changes at(Post, "/2020-05-31/key-group"), [need("cloudfront:CreateKeyGroup", "*")];
    GetKeyGroup: reads at(Get, "/2020-05-31/key-group/{Id}"), [need("cloudfront:GetKeyGroup", "*")];
    GetKeyGroupConfig: reads at(Get, "/2020-05-31/key-group/{Id}/config"), [need("cloudfront:GetKeyGroupConfig", "*")];
    ListKeyGroups: reads at(Get, "/2020-05-31/key-group"), [need("cloudfront:ListKeyGroups", "*")];
    UpdateKeyGroup: changes at(Put, "/2020-05-31/key-group/{Id}"), [need("cloudfront:UpdateKeyGroup", "*")];
    DeleteKeyGroup: changes at(Delete, "/2020-05-31/key-group/{Id}"), [need("cloudfront:DeleteKeyGroup", "*")];

    // ---- invalidations ----
    CreateInvalidation: changes at(Post, "/2020-05-31/distribution/{DistributionId}/invalidation"), [need("cloudfront:CreateInvalidation", "distribution")];
    GetInvalidation: reads at(Get, "/2020-05-31/distribution/{DistributionId}/invalidation/{Id}"), [need("cloudfront:GetInvalidation", "distribution")];
    ListInvalidations: reads at(Get, "/2020-05-31/distribution/{DistributionId}/invalidation"), [need("cloudfront:ListInvalidations", "distribution")];

    // ---- managed policies ----
    GetCachePolicy: reads at(Get, "/2020-05-31/cache-policy/{Id}"), [need("cloudfront:GetCachePolicy", "policy")];
    GetCachePolicyConfig: reads at(Get, "/2020-05-31/cache-policy/{Id}/config"), [need("cloudfront:GetCachePolicyConfig", "policy")];
    ListCachePolicies: reads at(Get, "/2020-05-31/cache-policy"), [need("cloudfront:ListCachePolicies", "*")];
    GetOriginRequestPolicy: reads at(Get, "/2020-05-31/origin-request-policy/{Id}"), [need("cloudfront:GetOriginRequestPolicy", "policy")];
    GetOriginRequestPolicyConfig: reads at(Get, "/2020-05-31/origin-request-policy/{Id}/config"), [need("cloudfront:GetOriginRequestPolicyConfig", "policy")];
    ListOriginRequestPolicies: reads at(Get, "/2020-05-31/origin-request-policy"), [need("cloudfront:ListOriginRequestPolicies", "*")];

    // ---- tags ----
    ListTagsForResource: reads at(Get, "/2020-05-31/tagging"), [need("cloudfront:ListTagsForResource", "resource")];
    TagResource: changes with(Post, "/2020-05-31/tagging", "Operation=Tag"), [need("cloudfront:TagResource", "resource")];
    UntagResource: changes with(Post, "/2020-05-31/tagging", "Operation=Untag"), [need("cloudfront:UntagResource", "resource")];
}
