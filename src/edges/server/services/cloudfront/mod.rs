//! CloudFront's management API: paths and XML, as its stock clients speak it.
//!
//! A request's path: [`answer`] finds the row → the family of the thing authorizes it, then looks whether it is there,
//! then reads the body → one transaction, and what it changed is in force before the answer is written.
//!
//! Absent here: decisions, and what viewers see.
//!
//! Source: Amazon CloudFront API Reference, version 2020-05-31; the shapes are those of botocore's service model.

mod behavior;
mod config;
mod config_out;
mod controls;
mod distributions;
mod family;
mod identities;
mod invalidations;
mod keys;
mod paging;
mod policies;
mod reading;
pub mod seed;
mod tags;
mod writing;

use super::{ServiceCall, ServiceError};
use crate::edges::server::cloudfront::model::{
    Distribution, KeyGroup, OriginAccessControl, OriginAccessIdentity, PublicKey,
};
use crate::edges::server::cloudfront::policies::{CachePolicy, OriginRequestPolicy};
use crate::edges::server::reply::Reply;
use crate::gate::Method;
use crate::gate::services::cloudfront as operations;
use crate::gate::services::cloudfront::CloudFrontOperation as Op;
use crate::gate::services::{Service, find_by_path};
use http::StatusCode;
use std::borrow::Cow;

/// An error with the status that CloudFront gives its code.
fn error(code: &'static str, message: impl Into<Cow<'static, str>>) -> ServiceError {
    let status = match code {
        "PreconditionFailed" => StatusCode::PRECONDITION_FAILED,
        "BatchTooLarge" => StatusCode::PAYLOAD_TOO_LARGE,
        "DistributionNotDisabled" => StatusCode::CONFLICT,
        code if code.starts_with("NoSuch") => StatusCode::NOT_FOUND,
        code if code.ends_with("AlreadyExists") || code.ends_with("InUse") => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    };
    ServiceError::new(status, code, message)
}

/// Answers a request.
///
/// # Errors
/// CloudFront's own.
pub async fn answer(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let path = call.parts.uri.path();
    let query = paging::query(call)?;
    let has = |wanted: &str| match wanted.split_once('=') {
        Some((name, value)) => query.get(name) == Some(value),
        None => query.get(wanted).is_some(),
    };
    let method = Method::parse(call.parts.method.as_str());
    let found = method.and_then(|method| find_by_path(Service::CloudFront, method, path, has));
    let operation = found.as_ref().and_then(|(row, _)| Op::ALL.iter().find(|op| op.row().name == row.name));
    let (Some((_, names)), Some(operation)) = (found, operation) else {
        let message = format!("This server has no operation for {} {path}.", call.parts.method);
        return Err(error("InvalidArgument", message));
    };
    let id = names.first().copied().unwrap_or_default();
    let second = names.get(1).copied().unwrap_or_default();
    dispatch(call, *operation, id, second).await
}

async fn dispatch(call: &ServiceCall, operation: Op, id: &str, second: &str) -> Result<Reply, ServiceError> {
    macro_rules! answer {
        ($family:ty, create $operation:ident) => {
            family::create::<$family, operations::$operation>(call).await
        };
        ($family:ty, list $operation:ident) => {
            family::list::<$family, operations::$operation>(call).await
        };
        ($family:ty, update $operation:ident) => {
            family::update::<$family, operations::$operation>(call, id).await
        };
        ($family:ty, delete $operation:ident) => {
            family::delete::<$family, operations::$operation>(call, id).await
        };
        ($family:ty, $read:ident $operation:ident) => {
            family::$read::<$family, operations::$operation>(call, id).await
        };
    }
    match operation {
        Op::CreateDistribution => answer!(Distribution, create CreateDistribution),
        Op::CreateDistributionWithTags => distributions::create_with_tags(call).await,
        Op::GetDistribution => answer!(Distribution, get GetDistribution),
        Op::GetDistributionConfig => answer!(Distribution, get_config GetDistributionConfig),
        Op::ListDistributions => answer!(Distribution, list ListDistributions),
        Op::ListDistributionsByKeyGroup => distributions::list_by_key_group(call, id).await,
        Op::UpdateDistribution => answer!(Distribution, update UpdateDistribution),
        Op::DeleteDistribution => answer!(Distribution, delete DeleteDistribution),

        Op::CreateCloudFrontOriginAccessIdentity => {
            answer!(OriginAccessIdentity, create CreateCloudFrontOriginAccessIdentity)
        }
        Op::GetCloudFrontOriginAccessIdentity => answer!(OriginAccessIdentity, get GetCloudFrontOriginAccessIdentity),
        Op::GetCloudFrontOriginAccessIdentityConfig => {
            answer!(OriginAccessIdentity, get_config GetCloudFrontOriginAccessIdentityConfig)
        }
        Op::ListCloudFrontOriginAccessIdentities => {
            answer!(OriginAccessIdentity, list ListCloudFrontOriginAccessIdentities)
        }
        Op::UpdateCloudFrontOriginAccessIdentity => {
            answer!(OriginAccessIdentity, update UpdateCloudFrontOriginAccessIdentity)
        }
        Op::DeleteCloudFrontOriginAccessIdentity => {
            answer!(OriginAccessIdentity, delete DeleteCloudFrontOriginAccessIdentity)
        }

        Op::CreateOriginAccessControl => answer!(OriginAccessControl, create CreateOriginAccessControl),
        Op::GetOriginAccessControl => answer!(OriginAccessControl, get GetOriginAccessControl),
        Op::GetOriginAccessControlConfig => answer!(OriginAccessControl, get_config GetOriginAccessControlConfig),
        Op::ListOriginAccessControls => answer!(OriginAccessControl, list ListOriginAccessControls),
        Op::UpdateOriginAccessControl => answer!(OriginAccessControl, update UpdateOriginAccessControl),
        Op::DeleteOriginAccessControl => answer!(OriginAccessControl, delete DeleteOriginAccessControl),

        Op::CreatePublicKey => answer!(PublicKey, create CreatePublicKey),
        Op::GetPublicKey => answer!(PublicKey, get GetPublicKey),
        Op::GetPublicKeyConfig => answer!(PublicKey, get_config GetPublicKeyConfig),
        Op::ListPublicKeys => answer!(PublicKey, list ListPublicKeys),
        Op::UpdatePublicKey => answer!(PublicKey, update UpdatePublicKey),
        Op::DeletePublicKey => answer!(PublicKey, delete DeletePublicKey),
        Op::CreateKeyGroup => answer!(KeyGroup, create CreateKeyGroup),
        Op::GetKeyGroup => answer!(KeyGroup, get GetKeyGroup),
        Op::GetKeyGroupConfig => answer!(KeyGroup, get_config GetKeyGroupConfig),
        Op::ListKeyGroups => answer!(KeyGroup, list ListKeyGroups),
        Op::UpdateKeyGroup => answer!(KeyGroup, update UpdateKeyGroup),
        Op::DeleteKeyGroup => answer!(KeyGroup, delete DeleteKeyGroup),

        Op::CreateInvalidation => invalidations::create(call, id).await,
        Op::GetInvalidation => invalidations::get(call, id, second).await,
        Op::ListInvalidations => invalidations::list(call, id).await,

        Op::GetCachePolicy => policies::get::<CachePolicy, operations::GetCachePolicy>(call, id, false).await,
        Op::GetCachePolicyConfig => {
            policies::get::<CachePolicy, operations::GetCachePolicyConfig>(call, id, true).await
        }
        Op::ListCachePolicies => policies::list::<CachePolicy, operations::ListCachePolicies>(call).await,
        Op::GetOriginRequestPolicy => {
            policies::get::<OriginRequestPolicy, operations::GetOriginRequestPolicy>(call, id, false).await
        }
        Op::GetOriginRequestPolicyConfig => {
            policies::get::<OriginRequestPolicy, operations::GetOriginRequestPolicyConfig>(call, id, true).await
        }
        Op::ListOriginRequestPolicies => {
            policies::list::<OriginRequestPolicy, operations::ListOriginRequestPolicies>(call).await
        }

        Op::ListTagsForResource => tags::list(call).await,
        Op::TagResource => tags::tag(call).await,
        Op::UntagResource => tags::untag(call).await,
    }
}
