//! The configuration of a distribution, written: with everything that CloudFront shows, so that it can be sent back.

use super::identities::IN_ORIGINS;
use super::writing::Xml;
use crate::edges::server::cloudfront::model::{
    Behavior, Caching, CustomError, DistributionConfig, Forwarded, Origin, OriginAccess, ViewerProtocol,
};

/// Writes a whole configuration.
pub(super) fn write(config: &DistributionConfig, xml: &mut Xml) {
    xml.text("CallerReference", &config.caller_reference);
    xml.text("DefaultRootObject", &config.default_root_object);
    shown(config, xml);
    xml.element("Logging", |xml| {
        xml.text("Enabled", false);
        xml.text("IncludeCookies", false);
        xml.text("Bucket", "");
        xml.text("Prefix", "");
    });
    xml.text("ContinuousDeploymentPolicyId", "");
}

/// What a summary shows of a configuration too.
pub(super) fn shown(config: &DistributionConfig, xml: &mut Xml) {
    xml.texts("Aliases", "CNAME", &config.aliases);
    xml.element("Origins", |xml| {
        xml.items(&config.origins, |xml, one| xml.element("Origin", |xml| origin(one, xml)));
    });
    xml.element("OriginGroups", |xml| xml.text("Quantity", 0));
    xml.element("DefaultCacheBehavior", |xml| behavior(&config.default_behavior, xml));
    xml.element("CacheBehaviors", |xml| {
        xml.items(&config.behaviors, |xml, one| {
            xml.element("CacheBehavior", |xml| {
                xml.text("PathPattern", &one.pattern);
                behavior(&one.behavior, xml);
            });
        });
    });
    xml.element("CustomErrorResponses", |xml| {
        xml.items(&config.custom_errors, |xml, one| xml.element("CustomErrorResponse", |xml| custom_error(one, xml)));
    });
    xml.text("Comment", &config.comment);
    xml.text("PriceClass", &config.price_class);
    xml.text("Enabled", config.enabled);
    xml.element("ViewerCertificate", |xml| {
        xml.text("CloudFrontDefaultCertificate", true);
        xml.text("SSLSupportMethod", "vip");
        xml.text("MinimumProtocolVersion", "TLSv1");
        xml.text("CertificateSource", "cloudfront");
    });
    xml.element("Restrictions", |xml| {
        xml.element("GeoRestriction", |xml| {
            xml.text("RestrictionType", "none");
            xml.text("Quantity", 0);
        });
    });
    xml.text("WebACLId", "");
    xml.text("HttpVersion", &config.http_version);
    xml.text("IsIPV6Enabled", config.ipv6);
    xml.text("Staging", false);
}

fn origin(origin: &Origin, xml: &mut Xml) {
    let (identity, control) = match &origin.access {
        OriginAccess::Anonymous => (String::new(), ""),
        OriginAccess::Identity(id) => (format!("{IN_ORIGINS}{id}"), ""),
        OriginAccess::Control(id) => (String::new(), id.as_str()),
    };
    xml.text("Id", &origin.id);
    xml.text("DomainName", &origin.domain_name);
    xml.text("OriginPath", &origin.path);
    xml.element("CustomHeaders", |xml| {
        xml.items(&origin.custom_headers, |xml, (name, value)| {
            xml.element("OriginCustomHeader", |xml| {
                xml.text("HeaderName", name);
                xml.text("HeaderValue", value);
            });
        });
    });
    xml.element("S3OriginConfig", |xml| xml.text("OriginAccessIdentity", identity));
    xml.text("ConnectionAttempts", origin.connection_attempts);
    xml.text("ConnectionTimeout", origin.connection_timeout);
    xml.element("OriginShield", |xml| xml.text("Enabled", false));
    xml.text("OriginAccessControlId", control);
}

fn behavior(behavior: &Behavior, xml: &mut Xml) {
    let protocol = ViewerProtocol::ALL.iter().find(|(protocol, _)| *protocol == behavior.viewer_protocol);
    xml.text("TargetOriginId", &behavior.origin);
    xml.element("TrustedSigners", |xml| {
        xml.text("Enabled", false);
        xml.text("Quantity", 0);
    });
    xml.element("TrustedKeyGroups", |xml| {
        xml.text("Enabled", !behavior.trusted_key_groups.is_empty());
        xml.items(&behavior.trusted_key_groups, |xml, group| xml.text("KeyGroup", group));
    });
    xml.text("ViewerProtocolPolicy", protocol.map_or("", |(_, word)| *word));
    xml.element("AllowedMethods", |xml| {
        xml.items(&behavior.allowed_methods, |xml, method| xml.text("Method", method));
        xml.texts("CachedMethods", "Method", &behavior.cached_methods);
    });
    xml.text("SmoothStreaming", false);
    xml.text("Compress", behavior.compress);
    xml.element("LambdaFunctionAssociations", |xml| xml.text("Quantity", 0));
    xml.element("FunctionAssociations", |xml| xml.text("Quantity", 0));
    xml.text("FieldLevelEncryptionId", "");
    caching(&behavior.caching, xml);
    if let Some(id) = &behavior.origin_request_policy {
        xml.text("OriginRequestPolicyId", id);
    }
    if let Some(id) = &behavior.response_headers_policy {
        xml.text("ResponseHeadersPolicyId", id);
    }
}

fn caching(caching: &Caching, xml: &mut Xml) {
    let (min, default, max, query, headers, cookies) = match caching {
        Caching::Policy(id) => return xml.text("CachePolicyId", id),
        Caching::Legacy { min_ttl, default_ttl, max_ttl, query, headers, cookies } => {
            (min_ttl, default_ttl, max_ttl, query, headers, cookies)
        }
    };
    xml.element("ForwardedValues", |xml| {
        xml.text("QueryString", *query != Forwarded::None);
        xml.element("Cookies", |xml| {
            let forward = match cookies {
                Forwarded::None => "none",
                Forwarded::Listed(_) => "whitelist",
                Forwarded::All => "all",
            };
            xml.text("Forward", forward);
            if let Forwarded::Listed(names) = cookies {
                xml.texts("WhitelistedNames", "Name", names);
            }
        });
        xml.texts("Headers", "Name", headers);
        xml.texts("QueryStringCacheKeys", "Name", if let Forwarded::Listed(names) = query { names } else { &[] });
    });
    xml.text("MinTTL", min);
    xml.text("DefaultTTL", default);
    xml.text("MaxTTL", max);
}

fn custom_error(error: &CustomError, xml: &mut Xml) {
    xml.text("ErrorCode", error.status);
    xml.text("ResponsePagePath", error.page.as_deref().unwrap_or_default());
    xml.text("ResponseCode", error.response_status.map_or_else(String::new, |status| status.to_string()));
    xml.text("ErrorCachingMinTTL", error.min_ttl);
}
