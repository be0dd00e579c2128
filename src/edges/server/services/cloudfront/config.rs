//! The configuration of a distribution, read.
//!
//! What this server does not do is refused where it would change how requests are served, and taken at its off value.
//!
//! Source: Amazon CloudFront API Reference, `DistributionConfig`; CloudFront Developer Guide, "Quotas", "All
//! distribution settings reference".

use super::behavior;
use super::error;
use super::identities::IN_ORIGINS;
use super::reading::{Fields, is_empty, is_false};
use crate::edges::server::cloudfront::model::{CustomError, DistributionConfig, Origin, OriginAccess, PathBehavior};
use crate::edges::server::cloudfront::origin_bucket::{bucket_of, is_of_s3};
use crate::edges::server::services::ServiceError;
use crate::edges::server::wire::xml::tree::Element;
use http::{HeaderName, HeaderValue};

const MOST_ALIASES: usize = 100;
const MOST_ORIGINS: usize = 25;
const MOST_BEHAVIORS: usize = 25;
const MOST_HEADERS: usize = 30;
const HTTP_VERSIONS: [(&str, &str); 4] =
    [("http1.1", "http1.1"), ("http2", "http2"), ("http3", "http3"), ("http2and3", "http2and3")];
const PRICE_CLASSES: [(&str, &str); 3] =
    [("PriceClass_100", "PriceClass_100"), ("PriceClass_200", "PriceClass_200"), ("PriceClass_All", "PriceClass_All")];

/// Reads a configuration. `suffixes` are the hosts of this server below which buckets are.
///
/// # Errors
/// CloudFront's own, with the path of the member.
pub fn read(mut fields: Fields<'_>, suffixes: &[String]) -> Result<DistributionConfig, ServiceError> {
    let config = DistributionConfig {
        caller_reference: fields.need_short("CallerReference", 256)?,
        aliases: aliases(&mut fields, suffixes)?,
        default_root_object: default_root_object(&mut fields)?,
        origins: origins(&mut fields, suffixes)?,
        default_behavior: behavior::read(fields.need_inner("DefaultCacheBehavior")?)?,
        behaviors: behaviors(&mut fields)?,
        custom_errors: custom_errors(&mut fields)?,
        comment: fields.short("Comment", 128)?.ok_or_else(|| missing("Comment"))?,
        enabled: fields.boolean("Enabled")?.ok_or_else(|| missing("Enabled"))?,
        price_class: fields.word("PriceClass", &PRICE_CLASSES)?.unwrap_or("PriceClass_All").to_owned(),
        http_version: fields.word("HttpVersion", &HTTP_VERSIONS)?.unwrap_or("http2").to_owned(),
        ipv6: fields.boolean("IsIPV6Enabled")?.unwrap_or_default(),
    };
    viewer_certificate(&mut fields)?;
    restrictions(&mut fields)?;
    fields.off("Logging", "InvalidArgument", |logging| {
        logging.children.iter().all(|member| member.name != "Enabled" || is_false(member))
    })?;
    fields.off("OriginGroups", "InvalidArgument", is_false)?;
    fields.off("WebACLId", "InvalidWebACLId", is_empty)?;
    fields.off("ContinuousDeploymentPolicyId", "InvalidArgument", is_empty)?;
    fields.off("Staging", "InvalidArgument", is_false)?;
    fields.off("AnycastIpListId", "InvalidArgument", is_empty)?;
    fields.off("TenantConfig", "InvalidArgument", is_empty)?;
    fields.off("ConnectionMode", "InvalidArgument", |mode| matches!(&*mode.text, "" | "direct"))?;
    for name in ["ViewerMtlsConfig", "ConnectionFunctionAssociation", "CacheTagConfig"] {
        fields.off(name, "InvalidArgument", is_empty)?;
    }
    fields.finish()?;
    behaviors_have_origins(&config)?;
    Ok(config)
}

fn missing(name: &str) -> ServiceError {
    error("MalformedInput", format!("`DistributionConfig/{name}` is missing"))
}

fn aliases(fields: &mut Fields<'_>, suffixes: &[String]) -> Result<Vec<String>, ServiceError> {
    let aliases = fields.texts("Aliases", "CNAME")?;
    if aliases.len() > MOST_ALIASES {
        let message = format!("{} aliases are named; a distribution has at most {MOST_ALIASES}.", aliases.len());
        return Err(error("TooManyDistributionCNAMEs", message));
    }
    for (at, alias) in aliases.iter().enumerate() {
        let name = alias.strip_prefix("*.").unwrap_or(alias);
        if !is_host(name) || is_of_s3(name, suffixes) || is_of_cloudfront(name) {
            return Err(error("InvalidArgument", format!("`{alias}` cannot be an alias of a distribution.")));
        }
        if aliases.iter().take(at).any(|earlier| earlier.eq_ignore_ascii_case(alias)) {
            return Err(error("InvalidArgument", format!("The alias `{alias}` is named twice.")));
        }
    }
    Ok(aliases)
}

/// A host name of at least two labels.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label) && name.parse::<std::net::Ipv4Addr>().is_err()
}

fn is_of_cloudfront(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".cloudfront.net") || name.eq_ignore_ascii_case("cloudfront.net")
}

fn default_root_object(fields: &mut Fields<'_>) -> Result<String, ServiceError> {
    let object = fields.text("DefaultRootObject")?.unwrap_or_default();
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-.*$/~\"'&".contains(&b);
    if object.starts_with('/') || object.len() > 255 || !object.bytes().all(legal) {
        let message = format!(
            "The default root object `{object}` is not valid: at most 255 letters, digits and _ - . * $ / ~ \" ' &, \
             without a slash at its start."
        );
        return Err(error("InvalidDefaultRootObject", message));
    }
    Ok(object)
}

fn origins(fields: &mut Fields<'_>, suffixes: &[String]) -> Result<Vec<Origin>, ServiceError> {
    let items = fields.list("Origins", "Origin")?;
    let mut origins: Vec<Origin> = Vec::new();
    for (at, element) in items.iter().enumerate() {
        let read = origin(fields.item("Origins", at, element)?, suffixes)?;
        if origins.iter().any(|earlier| earlier.id == read.id) {
            return Err(error("InvalidArgument", format!("Two origins have the id `{}`.", read.id)));
        }
        origins.push(read);
    }
    match origins.len() {
        0 => Err(error("InvalidArgument", "`DistributionConfig/Origins` names no origin.")),
        n if n > MOST_ORIGINS => {
            Err(error("TooManyOrigins", format!("{n} origins are named; a distribution has at most {MOST_ORIGINS}.")))
        }
        _ => Ok(origins),
    }
}

fn origin(mut fields: Fields<'_>, suffixes: &[String]) -> Result<Origin, ServiceError> {
    let id = fields.need_short("Id", 128)?;
    let domain_name = fields.need_short("DomainName", 253)?;
    let custom = "InvalidOrigin";
    fields.off("CustomOriginConfig", custom, |_| false)?;
    fields.off("VpcOriginConfig", custom, |_| false)?;
    if bucket_of(&domain_name, suffixes).is_none() {
        let what = if is_of_cloudfront(&domain_name) {
            "a distribution cannot be the origin of a distribution"
        } else {
            "it is no bucket of S3: write BUCKET.s3.amazonaws.com; websites and servers of one's own are not supported"
        };
        return Err(error("InvalidOrigin", format!("The origin `{domain_name}` of `{id}` is not valid: {what}.")));
    }
    let path = origin_path(&mut fields, &id)?;
    let custom_headers = custom_headers(&mut fields)?;
    let access = origin_access(&mut fields, &id)?;
    let connection_attempts = fields.number("ConnectionAttempts")?.unwrap_or(3);
    let connection_timeout = fields.number("ConnectionTimeout")?.unwrap_or(10);
    if !(1..=3).contains(&connection_attempts) || !(1..=10).contains(&connection_timeout) {
        let message = format!("The origin `{id}` has ConnectionAttempts 1 to 3 and ConnectionTimeout 1 to 10.");
        return Err(error("InvalidArgument", message));
    }
    fields.off("ResponseCompletionTimeout", "InvalidArgument", is_false)?;
    fields.off("OriginShield", "InvalidArgument", |shield| {
        shield.children.iter().all(|member| member.name != "Enabled" || is_false(member))
    })?;
    fields.finish()?;
    Ok(Origin { id, domain_name, path, custom_headers, access, connection_attempts, connection_timeout })
}

fn origin_path(fields: &mut Fields<'_>, id: &str) -> Result<String, ServiceError> {
    let path = fields.text("OriginPath")?.unwrap_or_default();
    let legal = path.bytes().all(|b| b.is_ascii_graphic() && !b"?#".contains(&b));
    if path.is_empty() || path.starts_with('/') && !path.ends_with('/') && path.len() <= 255 && legal {
        return Ok(path);
    }
    let message = format!(
        "The path `{path}` of the origin `{id}` is not valid: it begins with a slash, does not end with one, is \
         URL-encoded and at most 255 characters long."
    );
    Err(error("InvalidRelativePath", message))
}

/// Headers that CloudFront itself sends or that belong to the connection.
/// Source: CloudFront Developer Guide, "Custom headers that CloudFront can't add to origin requests".
const KEPT_HEADERS: [&str; 27] = [
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "date",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "request-range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-real-ip",
    "x-forwarded-for",
];

fn custom_headers(fields: &mut Fields<'_>) -> Result<Vec<(String, String)>, ServiceError> {
    let items = fields.list("CustomHeaders", "OriginCustomHeader")?;
    if items.len() > MOST_HEADERS {
        let message = format!("{} custom headers are named; an origin has at most {MOST_HEADERS}.", items.len());
        return Err(error("TooManyOriginCustomHeaders", message));
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    for (at, element) in items.iter().enumerate() {
        let mut header = fields.item("CustomHeaders", at, element)?;
        let name = header.need_short("HeaderName", 256)?;
        let value = header.short("HeaderValue", 1_783)?.unwrap_or_default();
        header.finish()?;
        let lower = name.to_ascii_lowercase();
        let kept = KEPT_HEADERS.contains(&&*lower) || lower.starts_with("x-amz-") || lower.starts_with("x-edge-");
        let sendable = HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(&value).is_ok();
        if kept || !sendable {
            return Err(error("InvalidArgument", format!("The custom header `{name}` cannot be added to requests.")));
        }
        if headers.iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(&name)) {
            return Err(error("InvalidArgument", format!("The custom header `{name}` is named twice.")));
        }
        headers.push((name, value));
    }
    Ok(headers)
}

/// In whose name an origin is asked: `S3OriginConfig` with or without an identity, or an access control.
fn origin_access(fields: &mut Fields<'_>, id: &str) -> Result<OriginAccess, ServiceError> {
    let control = fields.text("OriginAccessControlId")?.filter(|control| !control.is_empty());
    let Some(mut s3) = fields.inner("S3OriginConfig")? else {
        return control.map(OriginAccess::Control).ok_or_else(|| {
            error(
                "InvalidArgument",
                format!("The origin `{id}` must have `S3OriginConfig` or an origin access control."),
            )
        });
    };
    let identity = s3.text("OriginAccessIdentity")?.unwrap_or_default();
    s3.off("OriginReadTimeout", "InvalidOriginReadTimeout", |timeout| {
        timeout.text.parse::<u16>().is_ok_and(|seconds| (1..=120).contains(&seconds))
    })?;
    s3.finish()?;
    match (identity.as_str(), control) {
        ("", None) => Ok(OriginAccess::Anonymous),
        ("", Some(control)) => Ok(OriginAccess::Control(control)),
        (_, Some(_)) => {
            let message = format!(
                "The origin `{id}` has both an origin access identity and an origin access control; use one of them."
            );
            Err(error("IllegalOriginAccessConfiguration", message))
        }
        (identity, None) => match identity.strip_prefix(IN_ORIGINS) {
            Some(identity) if !identity.is_empty() => Ok(OriginAccess::Identity(identity.to_owned())),
            _ => {
                let message = format!(
                    "The origin access identity `{identity}` of the origin `{id}` is not of the form {IN_ORIGINS}ID."
                );
                Err(error("InvalidOriginAccessIdentity", message))
            }
        },
    }
}

fn behaviors(fields: &mut Fields<'_>) -> Result<Vec<PathBehavior>, ServiceError> {
    let items = fields.list("CacheBehaviors", "CacheBehavior")?;
    if items.len() > MOST_BEHAVIORS {
        let message = format!("{} behaviors are named; a distribution has at most {MOST_BEHAVIORS}.", items.len());
        return Err(error("TooManyCacheBehaviors", message));
    }
    let mut behaviors: Vec<PathBehavior> = Vec::new();
    for (at, element) in items.iter().enumerate() {
        let mut item = fields.item("CacheBehaviors", at, element)?;
        let pattern = item.need_short("PathPattern", 255)?;
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"_-.*?$/~\"'@:+&%".contains(&b);
        if !pattern.bytes().all(legal) {
            let message =
                format!("`{pattern}` is not a path pattern: letters, digits and _ - . * ? $ / ~ \" ' @ : + &.");
            return Err(error("InvalidArgument", message));
        }
        // A slash at the start does not matter.
        let bare = |pattern: &str| pattern.strip_prefix('/').unwrap_or(pattern).to_owned();
        if behaviors.iter().any(|earlier| bare(&earlier.pattern) == bare(&pattern)) {
            return Err(error("InvalidArgument", format!("Two behaviors have the path pattern `{pattern}`.")));
        }
        behaviors.push(PathBehavior { pattern, behavior: behavior::read(item)? });
    }
    Ok(behaviors)
}

/// Every behaviour names one of the origins.
fn behaviors_have_origins(config: &DistributionConfig) -> Result<(), ServiceError> {
    let unknown = |id: &str| !config.origins.iter().any(|origin| origin.id == id);
    match config.all_behaviors().find(|behavior| unknown(&behavior.origin)) {
        Some(behavior) => {
            let message = format!(
                "One or more of your origins or origin groups do not exist: no origin has the id `{}`.",
                behavior.origin
            );
            Err(error("NoSuchOrigin", message))
        }
        None => Ok(()),
    }
}

const ERROR_STATUSES: [u16; 11] = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];

fn custom_errors(fields: &mut Fields<'_>) -> Result<Vec<CustomError>, ServiceError> {
    let mut errors: Vec<CustomError> = Vec::new();
    for (at, element) in fields.list("CustomErrorResponses", "CustomErrorResponse")?.iter().enumerate() {
        let read = custom_error(fields.item("CustomErrorResponses", at, element)?)?;
        if errors.iter().any(|earlier| earlier.status == read.status) {
            return Err(error("InvalidArgument", format!("The error {} is answered twice.", read.status)));
        }
        errors.push(read);
    }
    Ok(errors)
}

fn custom_error(mut item: Fields<'_>) -> Result<CustomError, ServiceError> {
    let status = item.number("ErrorCode")?.unwrap_or_default();
    if !ERROR_STATUSES.contains(&status) {
        let message = format!("The error code {status} cannot be answered; those that can are {ERROR_STATUSES:?}.");
        return Err(error("InvalidErrorCode", message));
    }
    let page = item.text("ResponsePagePath")?.filter(|page| !page.is_empty());
    let response = item.text("ResponseCode")?.filter(|code| !code.is_empty());
    let min_ttl = item.number("ErrorCachingMinTTL")?.unwrap_or(10);
    item.finish()?;
    let response_status = match &response {
        None => None,
        Some(text) => match text.parse().ok().filter(|n| *n == 200 || ERROR_STATUSES.contains(n)) {
            Some(status) => Some(status),
            None => return Err(error("InvalidResponseCode", format!("`{text}` cannot be the answer to {status}."))),
        },
    };
    if page.is_some() != response_status.is_some() {
        let message = format!("The answer to {status} has a page and a response code, or neither.");
        return Err(error("InvalidArgument", message));
    }
    if let Some(page) = page.as_deref().filter(|page| !page.starts_with('/') || page.len() > 4_000) {
        return Err(error(
            "InvalidArgument",
            format!("The page `{page}` does not begin with a slash, or is too long."),
        ));
    }
    Ok(CustomError { status, page, response_status, min_ttl })
}

/// Certificates are the listener's: a distribution has CloudFront's own.
fn viewer_certificate(fields: &mut Fields<'_>) -> Result<(), ServiceError> {
    let Some(mut certificate) = fields.inner("ViewerCertificate")? else { return Ok(()) };
    certificate.boolean("CloudFrontDefaultCertificate")?;
    for name in ["IAMCertificateId", "ACMCertificateArn", "Certificate"] {
        if let Some(named) = certificate.text(name)?.filter(|named| !named.is_empty() && name != "Certificate") {
            let message = format!(
                "The certificate `{named}` does not exist: certificates are those of this server's listener; use \
                 CloudFrontDefaultCertificate."
            );
            return Err(error("InvalidViewerCertificate", message));
        }
    }
    certificate
        .off("CertificateSource", "InvalidViewerCertificate", |source| matches!(&*source.text, "" | "cloudfront"))?;
    certificate.off("SSLSupportMethod", "InvalidViewerCertificate", |method| {
        matches!(&*method.text, "" | "vip" | "sni-only")
    })?;
    certificate.off("MinimumProtocolVersion", "InvalidMinimumProtocolVersion", |version| {
        matches!(&*version.text, "" | "TLSv1")
    })?;
    certificate.finish()
}

fn restrictions(fields: &mut Fields<'_>) -> Result<(), ServiceError> {
    let Some(mut restrictions) = fields.inner("Restrictions")? else { return Ok(()) };
    let mut geo = restrictions.need_inner("GeoRestriction")?;
    geo.off("RestrictionType", "InvalidGeoRestrictionParameter", |kind: &Element| kind.text == "none")?;
    let locations = geo.items("Location")?;
    geo.finish()?;
    restrictions.finish()?;
    if locations.is_empty() {
        return Ok(());
    }
    Err(error("InvalidGeoRestrictionParameter", "Locations are named, and the restriction type is `none`."))
}
