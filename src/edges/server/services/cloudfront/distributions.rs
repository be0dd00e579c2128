//! Distributions.

use super::config;
use super::config_out;
use super::error;
use super::family::{self, Family, Names, New, random_id, same_reference};
use super::reading::{self, Fields};
use super::tags;
use super::writing::Xml;
use crate::edges::server::cloudfront::model::{
    Distribution, DistributionConfig, Invalidation, KeyGroup, OriginAccess, OriginAccessControl, OriginAccessIdentity,
};
use crate::edges::server::cloudfront::state::CloudFront;
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::edges::server::settings::ServeSettings;
use crate::edges::server::wire::dates::iso8601;
use crate::gate::services::cloudfront::{CreateDistributionWithTags, ListDistributionsByKeyGroup};
use crate::simulate::world::ContextKeys;
use crate::storage::store::{EntityTransaction, Kept};

impl Family for Distribution {
    type Config = DistributionConfig;
    const NAMES: Names = Names {
        words: "distribution",
        whole: "Distribution",
        config: "DistributionConfig",
        list: "DistributionList",
        summary: "DistributionSummary",
        path: "/2020-05-31/distribution",
        no_such: "NoSuchDistribution",
        too_many: ("TooManyDistributions", 500),
        arn: Some("distribution"),
        says_truncated: true,
    };

    fn read(fields: Fields<'_>, settings: &ServeSettings) -> Result<DistributionConfig, ServiceError> {
        config::read(fields, &settings.host_suffixes)
    }

    fn make(config: &DistributionConfig, new: &New) -> Result<Self, ServiceError> {
        Ok(Self {
            id: new.id.clone(),
            domain_name: format!("{}.cloudfront.net", random_id("d")?.to_ascii_lowercase()),
            config: config.clone(),
            modified_ms: new.now_ms,
            tags: new.tags.clone(),
        })
    }

    fn made_before(
        t: &EntityTransaction<'_>,
        new: &New,
        config: &DistributionConfig,
    ) -> Result<Option<Kept<Self>>, ServiceError> {
        let kept = t.list::<Self>(Some(&new.account))?;
        match kept.iter().find(|kept| kept.document.config.caller_reference == config.caller_reference) {
            Some(before) => {
                let message = format!(
                    "The caller reference that you are using to create a distribution is associated with another \
                     distribution. Already exists: {}",
                    before.id
                );
                Err(error("DistributionAlreadyExists", message))
            }
            None => Ok(None),
        }
    }

    fn admit(
        t: &EntityTransaction<'_>,
        account: &str,
        config: &DistributionConfig,
        before: Option<&Kept<Self>>,
    ) -> Result<(), ServiceError> {
        if let Some(kept) = before {
            same_reference(&kept.document.config.caller_reference, &config.caller_reference)?;
        }
        free_aliases(t, config, before.map(|kept| (kept.account.as_str(), kept.id.as_str())))?;
        references(t, account, config)
    }

    fn change(&mut self, config: &DistributionConfig, now_ms: i64) {
        self.config.clone_from(config);
        self.modified_ms = now_ms;
    }

    fn release(t: &mut EntityTransaction<'_>, kept: &Kept<Self>) -> Result<(), ServiceError> {
        if kept.document.config.enabled {
            let message = format!(
                "The distribution you are trying to delete has not been disabled: `{}`. Update it with Enabled false \
                 first.",
                kept.id
            );
            return Err(error("DistributionNotDisabled", message));
        }
        for past in t.list::<Invalidation>(Some(&kept.account))? {
            if past.document.distribution == kept.id {
                t.delete::<Invalidation>(&past.account, &past.id);
            }
        }
        Ok(())
    }

    fn write(kept: &Kept<Self>, all: &CloudFront, xml: &mut Xml) {
        head(kept, xml);
        xml.text("InProgressInvalidationBatches", 0);
        xml.text("DomainName", &kept.document.domain_name);
        xml.element("ActiveTrustedSigners", |xml| {
            xml.text("Enabled", false);
            xml.text("Quantity", 0);
        });
        xml.element("ActiveTrustedKeyGroups", |xml| active_key_groups(&kept.document.config, all, xml));
        xml.element(Self::NAMES.config, |xml| kept.document.write_config(xml));
    }

    fn write_config(&self, xml: &mut Xml) {
        config_out::write(&self.config, xml);
    }

    fn write_summary(kept: &Kept<Self>, xml: &mut Xml) {
        head(kept, xml);
        xml.text("DomainName", &kept.document.domain_name);
        xml.text("ETag", family::etag(kept));
        config_out::shown(&kept.document.config, xml);
    }

    /// Tags are written without a new version.
    fn version(kept: &Kept<Self>) -> String {
        let config = serde_json::to_string(&kept.document.config).unwrap_or_default();
        format!("{}/{config}", kept.document.modified_ms)
    }

    fn context(&self) -> ContextKeys {
        tags::resource_context(&self.tags)
    }
}

fn head(kept: &Kept<Distribution>, xml: &mut Xml) {
    xml.text("Id", &kept.id);
    xml.text("ARN", Distribution::arn(&kept.account, &kept.id));
    xml.text("Status", "Deployed");
    xml.text("LastModifiedTime", iso8601(kept.document.modified_ms));
}

fn active_key_groups(config: &DistributionConfig, all: &CloudFront, xml: &mut Xml) {
    let mut groups: Vec<&String> = config.all_behaviors().flat_map(|behavior| &behavior.trusted_key_groups).collect();
    groups.sort_unstable();
    groups.dedup();
    xml.text("Enabled", !groups.is_empty());
    xml.items(groups, |xml, id| {
        xml.element("KeyGroup", |xml| {
            xml.text("KeyGroupId", id);
            let keys = all.groups.get(id).map(|group| group.document.keys.as_slice()).unwrap_or_default();
            xml.texts("KeyPairIds", "KeyPairId", keys);
        });
    });
}

/// An alias belongs to one distribution, of whichever account.
fn free_aliases(
    t: &EntityTransaction<'_>,
    config: &DistributionConfig,
    own: Option<(&str, &str)>,
) -> Result<(), ServiceError> {
    if config.aliases.is_empty() {
        return Ok(());
    }
    for other in t.list::<Distribution>(None)? {
        if own == Some((other.account.as_str(), other.id.as_str())) {
            continue;
        }
        let has = |alias: &&String| other.document.config.aliases.iter().any(|a| a.eq_ignore_ascii_case(alias));
        if let Some(alias) = config.aliases.iter().find(has) {
            let message = format!(
                "One or more of the CNAMEs you provided are already associated with a different resource: `{alias}`."
            );
            return Err(error("CNAMEAlreadyExists", message));
        }
    }
    Ok(())
}

/// What a configuration names exists in the account.
fn references(t: &EntityTransaction<'_>, account: &str, config: &DistributionConfig) -> Result<(), ServiceError> {
    for origin in &config.origins {
        match &origin.access {
            OriginAccess::Identity(id) if t.get::<OriginAccessIdentity>(account, id)?.is_none() => {
                let message = format!("The specified origin access identity does not exist or is not valid: `{id}`.");
                return Err(error("InvalidOriginAccessIdentity", message));
            }
            OriginAccess::Control(id) if t.get::<OriginAccessControl>(account, id)?.is_none() => {
                let message =
                    format!("The origin access control is not valid: the account has none with the id `{id}`.");
                return Err(error("InvalidOriginAccessControl", message));
            }
            _ => {}
        }
    }
    for group in config.all_behaviors().flat_map(|behavior| &behavior.trusted_key_groups) {
        if t.get::<KeyGroup>(account, group)?.is_none() {
            return Err(error("TrustedKeyGroupDoesNotExist", format!("The account has no key group `{group}`.")));
        }
    }
    Ok(())
}

/// `POST /2020-05-31/distribution?WithTags`
pub(super) async fn create_with_tags(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let sent = sent_with_tags(call);
    // The tags count in the decision; a body that cannot be read has none, and is told so only to who may create.
    let tags = sent.as_ref().map(|(_, tags)| tags.clone()).unwrap_or_default();
    let context = tags::request_context(&tags);
    let grant = family::authorize::<Distribution, CreateDistributionWithTags>(call, "*", context).await?;
    let (config, tags) = sent?;
    family::make::<Distribution, _>(call, grant, config, tags).await
}

type Tagged = (DistributionConfig, Vec<(String, String)>);

fn sent_with_tags(call: &ServiceCall) -> Result<Tagged, ServiceError> {
    let root = reading::body(&call.body, "DistributionConfigWithTags")?;
    let mut fields = Fields::of(&root)?;
    let config = Distribution::read(fields.need_inner("DistributionConfig")?, call.server.settings())?;
    let tags = tags::read(fields.need_inner("Tags")?)?;
    fields.finish()?;
    Ok((config, tags))
}

/// `GET /2020-05-31/distributionsByKeyGroupId/{KeyGroupId}`
pub(super) async fn list_by_key_group(call: &ServiceCall, group: &str) -> Result<Reply, ServiceError> {
    call.authorize::<ListDistributionsByKeyGroup>(&[]).await?;
    family::found::<KeyGroup>(call, group)?;
    let kept = call.server.store().entities::<Distribution>(Some(call.account()))?;
    let uses = |kept: &Kept<Distribution>| {
        kept.document.config.all_behaviors().any(|behavior| behavior.trusted_key_groups.iter().any(|g| g == group))
    };
    let kept: Vec<Kept<Distribution>> = kept.into_iter().filter(uses).collect();
    let page = super::paging::page(call, &kept, |kept| &kept.id)?;
    let document = Xml::document("DistributionIdList", |xml| {
        page.write(xml, true, |xml, kept| xml.text("DistributionId", &kept.id));
    });
    Ok(super::writing::reply(http::StatusCode::OK, document))
}
