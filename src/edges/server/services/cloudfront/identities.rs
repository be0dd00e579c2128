//! Origin access identities.

use super::error;
use super::family::{Family, Names, New, random_canonical, same_reference};
use super::reading::Fields;
use super::writing::Xml;
use crate::edges::server::cloudfront::model::{Distribution, OriginAccess, OriginAccessIdentity};
use crate::edges::server::cloudfront::state::CloudFront;
use crate::edges::server::services::ServiceError;
use crate::edges::server::settings::ServeSettings;
use crate::storage::store::{EntityTransaction, Kept};

/// What stands before the id of an identity in an origin.
pub const IN_ORIGINS: &str = "origin-access-identity/cloudfront/";

/// Reference and comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityConfig {
    caller_reference: String,
    comment: String,
}

impl Family for OriginAccessIdentity {
    type Config = IdentityConfig;
    const NAMES: Names = Names {
        words: "origin access identity",
        whole: "CloudFrontOriginAccessIdentity",
        config: "CloudFrontOriginAccessIdentityConfig",
        list: "CloudFrontOriginAccessIdentityList",
        summary: "CloudFrontOriginAccessIdentitySummary",
        path: "/2020-05-31/origin-access-identity/cloudfront",
        no_such: "NoSuchCloudFrontOriginAccessIdentity",
        too_many: ("TooManyCloudFrontOriginAccessIdentities", 100),
        arn: Some("origin-access-identity"),
        says_truncated: true,
    };

    fn read(mut fields: Fields<'_>, _settings: &ServeSettings) -> Result<IdentityConfig, ServiceError> {
        let config = IdentityConfig {
            caller_reference: fields.need_short("CallerReference", 256)?,
            comment: fields.short("Comment", 128)?.unwrap_or_default(),
        };
        fields.finish()?;
        Ok(config)
    }

    fn make(config: &IdentityConfig, new: &New) -> Result<Self, ServiceError> {
        Ok(Self {
            id: new.id.clone(),
            canonical: random_canonical()?,
            caller_reference: config.caller_reference.clone(),
            comment: config.comment.clone(),
        })
    }

    fn made_before(
        t: &EntityTransaction<'_>,
        new: &New,
        config: &IdentityConfig,
    ) -> Result<Option<Kept<Self>>, ServiceError> {
        let mut kept = t.list::<Self>(Some(&new.account))?.into_iter();
        let Some(before) = kept.find(|kept| kept.document.caller_reference == config.caller_reference) else {
            return Ok(None);
        };
        if before.document.comment == config.comment {
            return Ok(Some(before));
        }
        let message = format!(
            "The CallerReference `{}` was used for `{}`, with another comment.",
            config.caller_reference, before.id
        );
        Err(error("CloudFrontOriginAccessIdentityAlreadyExists", message))
    }

    fn admit(
        _t: &EntityTransaction<'_>,
        _account: &str,
        config: &IdentityConfig,
        before: Option<&Kept<Self>>,
    ) -> Result<(), ServiceError> {
        before.map_or(Ok(()), |kept| same_reference(&kept.document.caller_reference, &config.caller_reference))
    }

    fn change(&mut self, config: &IdentityConfig, _now_ms: i64) {
        self.comment.clone_from(&config.comment);
    }

    fn release(t: &mut EntityTransaction<'_>, kept: &Kept<Self>) -> Result<(), ServiceError> {
        match user_of(t, &kept.account, &OriginAccess::Identity(kept.id.clone()))? {
            Some(user) => {
                let message =
                    format!("The origin access identity `{}` is still used by the distribution `{user}`.", kept.id);
                Err(error("CloudFrontOriginAccessIdentityInUse", message))
            }
            None => Ok(()),
        }
    }

    fn write(kept: &Kept<Self>, _all: &CloudFront, xml: &mut Xml) {
        xml.text("Id", &kept.id);
        xml.text("S3CanonicalUserId", &kept.document.canonical);
        xml.element(Self::NAMES.config, |xml| kept.document.write_config(xml));
    }

    fn write_config(&self, xml: &mut Xml) {
        xml.text("CallerReference", &self.caller_reference);
        xml.text("Comment", &self.comment);
    }

    fn write_summary(kept: &Kept<Self>, xml: &mut Xml) {
        xml.text("Id", &kept.id);
        xml.text("S3CanonicalUserId", &kept.document.canonical);
        xml.text("Comment", &kept.document.comment);
    }
}

/// A distribution of the account with an origin that is asked so.
pub(super) fn user_of(
    t: &EntityTransaction<'_>,
    account: &str,
    access: &OriginAccess,
) -> Result<Option<String>, ServiceError> {
    let kept = t.list::<Distribution>(Some(account))?;
    let user = kept.into_iter().find(|kept| kept.document.config.origins.iter().any(|o| o.access == *access));
    Ok(user.map(|kept| kept.id))
}
