//! A behaviour of a distribution, read.
//!
//! Source: Amazon CloudFront API Reference, `CacheBehavior`, `ForwardedValues`.

use super::error;
use super::reading::{Fields, is_empty, is_false};
use crate::edges::server::cloudfront::model::{Behavior, Caching, Forwarded, ViewerProtocol};
use crate::edges::server::cloudfront::policies;
use crate::edges::server::services::ServiceError;

const MOST_KEY_GROUPS: usize = 4;
const MOST_NAMES: usize = 10;
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"];

/// Reads a behaviour, whose path pattern was taken.
///
/// # Errors
/// CloudFront's own, with the path of the member.
pub(super) fn read(mut fields: Fields<'_>) -> Result<Behavior, ServiceError> {
    let origin = fields.need_short("TargetOriginId", 128)?;
    let viewer_protocol = fields
        .word("ViewerProtocolPolicy", &ViewerProtocol::ALL)?
        .ok_or_else(|| error("MalformedInput", format!("`{}` is missing", fields.path("ViewerProtocolPolicy"))))?;
    let trusted_key_groups = trusted_key_groups(&mut fields)?;
    fields.off("TrustedSigners", "TrustedSignerDoesNotExist", is_false)?;
    let (allowed_methods, cached_methods) = methods(&mut fields)?;
    let compress = fields.boolean("Compress")?.unwrap_or_default();
    let caching = caching(&mut fields)?;
    let policy = matches!(caching, Caching::Policy(_));
    let origin_request_policy = fields.text("OriginRequestPolicyId")?.filter(|id| !id.is_empty());
    if let Some(id) = &origin_request_policy {
        if policies::origin_request_policy(id).is_none() {
            return Err(error(
                "NoSuchOriginRequestPolicy",
                format!("The origin request policy `{id}` does not exist; there are the managed ones."),
            ));
        }
        if !policy {
            let message = "An origin request policy needs a cache policy: leave `ForwardedValues` out.";
            return Err(error("InvalidArgument", message));
        }
    }
    let response_headers_policy = fields.text("ResponseHeadersPolicyId")?.filter(|id| !id.is_empty());
    if let Some(id) = response_headers_policy.as_deref().filter(|id| policies::response_headers_policy(id).is_none()) {
        return Err(error(
            "NoSuchResponseHeadersPolicy",
            format!("The response headers policy `{id}` does not exist; there are the managed ones."),
        ));
    }
    fields.off("SmoothStreaming", "InvalidArgument", is_false)?;
    fields.off("LambdaFunctionAssociations", "InvalidLambdaFunctionAssociation", is_false)?;
    fields.off("FunctionAssociations", "InvalidFunctionAssociation", is_false)?;
    fields.off("FieldLevelEncryptionId", "NoSuchFieldLevelEncryptionConfig", is_empty)?;
    fields.off("RealtimeLogConfigArn", "NoSuchRealtimeLogConfig", is_empty)?;
    fields.off("GrpcConfig", "InvalidArgument", is_false)?;
    fields.finish()?;
    Ok(Behavior {
        origin,
        viewer_protocol,
        allowed_methods,
        cached_methods,
        trusted_key_groups,
        compress,
        caching,
        origin_request_policy,
        response_headers_policy,
    })
}

fn trusted_key_groups(fields: &mut Fields<'_>) -> Result<Vec<String>, ServiceError> {
    let Some(mut trusted) = fields.inner("TrustedKeyGroups")? else { return Ok(Vec::new()) };
    let enabled = trusted.boolean("Enabled")?;
    let path = trusted.path("Items");
    let groups = super::reading::texts(&trusted.items("KeyGroup")?, &path)?;
    trusted.finish()?;
    if enabled.is_some_and(|enabled| enabled == groups.is_empty()) {
        let message = format!("`{path}` has {} key groups, which does not fit `Enabled`.", groups.len());
        return Err(error("InvalidArgument", message));
    }
    if groups.len() > MOST_KEY_GROUPS {
        let message = format!("{} key groups are named; a behavior has at most {MOST_KEY_GROUPS}.", groups.len());
        return Err(error("TooManyKeyGroupsAssociatedToDistribution", message));
    }
    Ok(groups)
}

/// The methods that are let through, and those whose answers are cached.
fn methods(fields: &mut Fields<'_>) -> Result<(Vec<String>, Vec<String>), ServiceError> {
    let usual = || vec!["GET".to_owned(), "HEAD".to_owned()];
    let Some(mut allowed) = fields.inner("AllowedMethods")? else { return Ok((usual(), usual())) };
    let path = allowed.path("Items");
    let methods = super::reading::texts(&allowed.items("Method")?, &path)?;
    let cached = match allowed.inner("CachedMethods")? {
        None => usual(),
        Some(mut cached) => {
            let path = cached.path("Items");
            let list = super::reading::texts(&cached.items("Method")?, &path)?;
            cached.finish()?;
            list
        }
    };
    allowed.finish()?;
    let is_one_of = |list: &[String], sizes: &[usize]| {
        sizes.iter().any(|size| {
            list.len() == *size && METHODS.iter().take(*size).all(|method| list.iter().any(|m| m == method))
        })
    };
    let fits = is_one_of(&methods, &[2, 3, 7]) && is_one_of(&cached, &[2, 3]);
    if fits && cached.iter().all(|method| methods.contains(method)) {
        return Ok((methods, cached));
    }
    let message = format!(
        "`{path}` is {methods:?} with {cached:?} cached; it can be GET and HEAD, these and OPTIONS, or all of {METHODS:?}, \
         and of the first three those that are cached."
    );
    Err(error("InvalidArgument", message))
}

fn caching(fields: &mut Fields<'_>) -> Result<Caching, ServiceError> {
    let policy = fields.text("CachePolicyId")?.filter(|id| !id.is_empty());
    let forwarded = fields.inner("ForwardedValues")?;
    let times: [Option<u64>; 3] = [fields.number("MinTTL")?, fields.number("DefaultTTL")?, fields.number("MaxTTL")?];
    match (policy, forwarded) {
        (Some(id), None) if times.iter().flatten().all(|ttl| *ttl == 0) => match policies::cache_policy(&id) {
            Some(_) => Ok(Caching::Policy(id)),
            None => Err(error(
                "NoSuchCachePolicy",
                format!("The cache policy `{id}` does not exist; there are the managed ones."),
            )),
        },
        (Some(_), _) => {
            let message =
                "`ForwardedValues`, `MinTTL`, `DefaultTTL` and `MaxTTL` cannot be used together with a cache policy.";
            Err(error("InvalidArgument", message))
        }
        (None, None) => {
            let message = format!("`{}` or `ForwardedValues` is required.", fields.path("CachePolicyId"));
            Err(error("InvalidArgument", message))
        }
        (None, Some(forwarded)) => legacy(forwarded, times),
    }
}

fn legacy(mut forwarded: Fields<'_>, [min, default, max]: [Option<u64>; 3]) -> Result<Caching, ServiceError> {
    let min_ttl = min.unwrap_or_default();
    let default_ttl = default.unwrap_or(min_ttl.max(86_400));
    let max_ttl = max.unwrap_or(default_ttl.max(31_536_000));
    if !(min_ttl <= default_ttl && default_ttl <= max_ttl) || max_ttl > 3_153_600_000 {
        let message = format!(
            "MinTTL {min_ttl}, DefaultTTL {default_ttl} and MaxTTL {max_ttl} must not fall, nor pass 100 years."
        );
        return Err(error("InvalidTTLOrder", message));
    }
    let query_string = forwarded
        .boolean("QueryString")?
        .ok_or_else(|| error("MalformedInput", format!("`{}` is missing", forwarded.path("QueryString"))))?;
    let keys = forwarded.texts("QueryStringCacheKeys", "Name")?;
    let query = match (query_string, keys.is_empty()) {
        (true, true) => Forwarded::All,
        (true, false) => Forwarded::Listed(within(keys, "TooManyQueryStringParameters", "parameters of the query")?),
        (false, true) => Forwarded::None,
        (false, false) => {
            let message = "`QueryStringCacheKeys` names parameters, and `QueryString` is false.";
            return Err(error("InvalidQueryStringParameters", message));
        }
    };
    let cookies = cookies(&mut forwarded)?;
    let headers = forwarded.texts("Headers", "Name")?;
    let headers = within(headers, "TooManyHeadersInForwardedValues", "headers")?;
    forwarded.finish()?;
    let refused = |name: &&String| matches!(name.to_ascii_lowercase().as_str(), "*" | "host" | "");
    if let Some(name) = headers.iter().find(refused) {
        let message = format!("The header `{name}` cannot be forwarded to an origin that is a bucket.");
        return Err(error("InvalidHeadersForS3Origin", message));
    }
    let headers = headers.into_iter().map(|name| name.to_ascii_lowercase()).collect();
    Ok(Caching::Legacy { min_ttl, default_ttl, max_ttl, query, headers, cookies })
}

fn cookies(forwarded: &mut Fields<'_>) -> Result<Forwarded, ServiceError> {
    let mut cookies = forwarded.need_inner("Cookies")?;
    let forward = cookies.word("Forward", &[(0, "none"), (1, "whitelist"), (2, "all")])?;
    let names = cookies.texts("WhitelistedNames", "Name")?;
    cookies.finish()?;
    match (forward, names.is_empty()) {
        (Some(0), true) => Ok(Forwarded::None),
        (Some(2), true) => Ok(Forwarded::All),
        (Some(1), false) => Ok(Forwarded::Listed(within(names, "TooManyCookieNamesInWhiteList", "cookies")?)),
        _ => {
            let message = "`Cookies` has `Forward` none, whitelist with `WhitelistedNames`, or all.";
            Err(error("InvalidForwardCookies", message))
        }
    }
}

fn within(names: Vec<String>, code: &'static str, what: &str) -> Result<Vec<String>, ServiceError> {
    if names.len() <= MOST_NAMES {
        return Ok(names);
    }
    Err(error(code, format!("{} {what} are named; a behavior has at most {MOST_NAMES}.", names.len())))
}
