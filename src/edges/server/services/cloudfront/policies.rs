//! The managed policies, which every account has and nobody changes.

use super::error;
use super::paging::{page, query};
use super::writing::{self, Xml, reply, tagged};
use crate::edges::server::cloudfront::policies::{
    CACHE_POLICIES, CachePolicy, ORIGIN_REQUEST_POLICIES, OriginRequestPolicy, Selected, cache_policy,
    origin_request_policy,
};
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::edges::server::wire::dates::iso8601;
use crate::gate::services::{ServiceOperation, Subject};
use http::StatusCode;

/// When the managed policies were made: 2020-07-22, as CloudFront's are.
const MADE_MS: i64 = 1_595_376_000_000;
/// The version of what never changes.
const ETAG: &str = "E23ZP02F085DFQ";

/// A managed policy of either kind.
pub(super) trait Managed: Sized + 'static {
    /// `CachePolicy`, …
    const ROOT: &'static str;
    /// The type in its ARN.
    const ARN: &'static str;
    /// The code where there is none.
    const NO_SUCH: &'static str;
    /// All of them.
    const ALL: &'static [Self];

    /// Its id.
    fn id(&self) -> &'static str;

    /// The one of this id.
    fn of(id: &str) -> Option<&'static Self>;

    /// Writes its configuration.
    fn write_config(&self, xml: &mut Xml);
}

impl Managed for CachePolicy {
    const ROOT: &'static str = "CachePolicy";
    const ARN: &'static str = "cache-policy";
    const NO_SUCH: &'static str = "NoSuchCachePolicy";
    const ALL: &'static [Self] = CACHE_POLICIES;

    fn id(&self) -> &'static str {
        self.id
    }

    fn of(id: &str) -> Option<&'static Self> {
        cache_policy(id)
    }

    fn write_config(&self, xml: &mut Xml) {
        xml.text("Comment", self.comment);
        xml.text("Name", format_args!("Managed-{}", self.name));
        xml.text("DefaultTTL", self.default_ttl);
        xml.text("MaxTTL", self.max_ttl);
        xml.text("MinTTL", self.min_ttl);
        xml.element("ParametersInCacheKeyAndForwardedToOrigin", |xml| {
            xml.text("EnableAcceptEncodingGzip", self.encodings.0);
            xml.text("EnableAcceptEncodingBrotli", self.encodings.1);
            selections(self.headers, "whitelist", self.cookies, self.query, xml);
        });
    }
}

impl Managed for OriginRequestPolicy {
    const ROOT: &'static str = "OriginRequestPolicy";
    const ARN: &'static str = "origin-request-policy";
    const NO_SUCH: &'static str = "NoSuchOriginRequestPolicy";
    const ALL: &'static [Self] = ORIGIN_REQUEST_POLICIES;

    fn id(&self) -> &'static str {
        self.id
    }

    fn of(id: &str) -> Option<&'static Self> {
        origin_request_policy(id)
    }

    fn write_config(&self, xml: &mut Xml) {
        xml.text("Comment", self.comment);
        xml.text("Name", format_args!("Managed-{}", self.name));
        if self.made.is_empty() {
            selections(self.headers, "whitelist", self.cookies, self.query, xml);
        } else {
            let made = Selected::Listed(self.made);
            selections(made, "allViewerAndWhitelistCloudFront", self.cookies, self.query, xml);
        }
    }
}

/// Which headers, cookies and parameters count; `listed` is the word for listed headers.
fn selections(headers: Selected, listed: &str, cookies: Selected, query: Selected, xml: &mut Xml) {
    xml.element("HeadersConfig", |xml| {
        let (word, names) = words(headers, listed, "allViewer");
        xml.text("HeaderBehavior", word);
        names.write(xml, "Headers");
    });
    for (config, behavior, list, selected) in [
        ("CookiesConfig", "CookieBehavior", "Cookies", cookies),
        ("QueryStringsConfig", "QueryStringBehavior", "QueryStrings", query),
    ] {
        xml.element(config, |xml| {
            let (word, names) = words(selected, "whitelist", "all");
            xml.text(behavior, word);
            names.write(xml, list);
        });
    }
}

struct Names(&'static [&'static str]);

impl Names {
    fn write(&self, xml: &mut Xml, list: &str) {
        if !self.0.is_empty() {
            xml.texts(list, "Name", self.0);
        }
    }
}

fn words<'w>(selected: Selected, listed: &'w str, all: &'w str) -> (&'w str, Names) {
    match selected {
        Selected::None => ("none", Names(&[])),
        Selected::Listed(names) => (listed, Names(names)),
        Selected::AllExcept(names) => ("allExcept", Names(names)),
        Selected::All => (all, Names(&[])),
    }
}

fn write<P: Managed>(policy: &P, xml: &mut Xml) {
    xml.text("Id", policy.id());
    xml.text("LastModifiedTime", iso8601(MADE_MS));
    xml.element(&format!("{}Config", P::ROOT), |xml| policy.write_config(xml));
}

/// `GET …/{Id}` and `GET …/{Id}/config`
pub(super) async fn get<P: Managed, O: ServiceOperation>(
    call: &ServiceCall,
    id: &str,
    config: bool,
) -> Result<Reply, ServiceError> {
    let arn = format!("arn:aws:cloudfront::{}:{}/{id}", call.account(), P::ARN);
    call.authorize::<O>(&[Subject { on: "policy", arn: &arn, ..Subject::default() }]).await?;
    let policy = P::of(id)
        .ok_or_else(|| error(P::NO_SUCH, format!("The policy `{id}` does not exist; there are the managed ones.")))?;
    let document = if config {
        Xml::document(&format!("{}Config", P::ROOT), |xml| policy.write_config(xml))
    } else {
        Xml::document(P::ROOT, |xml| write(policy, xml))
    };
    Ok(tagged(reply(StatusCode::OK, document), ETAG))
}

/// `GET …`
pub(super) async fn list<P: Managed, O: ServiceOperation>(call: &ServiceCall) -> Result<Reply, ServiceError> {
    call.authorize::<O>(&[]).await?;
    let all = match query(call)?.get("Type").unwrap_or_default() {
        "" | "managed" => P::ALL,
        "custom" => &[],
        other => return Err(error("InvalidArgument", format!("Type is `{other}`, wanted `managed` or `custom`."))),
    };
    let page = page(call, all, |policy| policy.id())?;
    let document = Xml::document(&format!("{}List", P::ROOT), |xml| {
        page.write(xml, false, |xml, policy| {
            xml.element(&format!("{}Summary", P::ROOT), |xml| {
                xml.text("Type", "managed");
                xml.element(P::ROOT, |xml| write(policy, xml));
            });
        });
    });
    Ok(writing::reply(StatusCode::OK, document))
}
