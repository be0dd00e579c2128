//! Origin access controls.

use super::error;
use super::family::{Family, Names, New, taken};
use super::identities::user_of;
use super::reading::Fields;
use super::writing::Xml;
use crate::edges::server::cloudfront::model::{OriginAccess, OriginAccessControl, SigningBehavior};
use crate::edges::server::cloudfront::state::CloudFront;
use crate::edges::server::services::ServiceError;
use crate::edges::server::settings::ServeSettings;
use crate::storage::store::{EntityTransaction, Kept};

/// What a request configures.
#[derive(Clone, Debug)]
pub struct ControlConfig {
    name: String,
    description: String,
    signing: SigningBehavior,
}

impl Family for OriginAccessControl {
    type Config = ControlConfig;
    const NAMES: Names = Names {
        words: "origin access control",
        whole: "OriginAccessControl",
        config: "OriginAccessControlConfig",
        list: "OriginAccessControlList",
        summary: "OriginAccessControlSummary",
        path: "/2020-05-31/origin-access-control",
        no_such: "NoSuchOriginAccessControl",
        too_many: ("TooManyOriginAccessControls", 100),
        arn: Some("origin-access-control"),
        says_truncated: true,
    };

    fn read(mut fields: Fields<'_>, _settings: &ServeSettings) -> Result<ControlConfig, ServiceError> {
        let missing = |name: &str| error("MalformedInput", format!("`OriginAccessControlConfig/{name}` is missing"));
        let name = fields.need_short("Name", 64)?;
        let description = fields.short("Description", 256)?.unwrap_or_default();
        let protocol = fields.word("SigningProtocol", &[((), "sigv4")])?;
        protocol.ok_or_else(|| missing("SigningProtocol"))?;
        let signing = fields.word("SigningBehavior", &SigningBehavior::ALL)?;
        let kind = fields.word("OriginAccessControlOriginType", &[((), "s3")])?;
        kind.ok_or_else(|| missing("OriginAccessControlOriginType"))?;
        fields.finish()?;
        Ok(ControlConfig { name, description, signing: signing.ok_or_else(|| missing("SigningBehavior"))? })
    }

    fn make(config: &ControlConfig, new: &New) -> Result<Self, ServiceError> {
        Ok(Self {
            id: new.id.clone(),
            name: config.name.clone(),
            description: config.description.clone(),
            signing: config.signing,
        })
    }

    fn admit(
        t: &EntityTransaction<'_>,
        account: &str,
        config: &ControlConfig,
        before: Option<&Kept<Self>>,
    ) -> Result<(), ServiceError> {
        let own = before.map(|kept| kept.id.as_str());
        let others = t.list::<Self>(Some(account))?;
        if others.iter().any(|kept| Some(kept.id.as_str()) != own && kept.document.name == config.name) {
            return Err(taken("OriginAccessControlAlreadyExists", Self::NAMES.words, &config.name));
        }
        Ok(())
    }

    fn change(&mut self, config: &ControlConfig, _now_ms: i64) {
        self.name.clone_from(&config.name);
        self.description.clone_from(&config.description);
        self.signing = config.signing;
    }

    fn release(t: &mut EntityTransaction<'_>, kept: &Kept<Self>) -> Result<(), ServiceError> {
        match user_of(t, &kept.account, &OriginAccess::Control(kept.id.clone()))? {
            Some(user) => {
                let message =
                    format!("The origin access control `{}` is still used by the distribution `{user}`.", kept.id);
                Err(error("OriginAccessControlInUse", message))
            }
            None => Ok(()),
        }
    }

    fn write(kept: &Kept<Self>, _all: &CloudFront, xml: &mut Xml) {
        xml.text("Id", &kept.id);
        xml.element(Self::NAMES.config, |xml| kept.document.write_config(xml));
    }

    fn write_config(&self, xml: &mut Xml) {
        let signing = SigningBehavior::ALL.iter().find(|(signing, _)| *signing == self.signing);
        xml.text("Name", &self.name);
        xml.text("Description", &self.description);
        xml.text("SigningProtocol", "sigv4");
        xml.text("SigningBehavior", signing.map_or("", |(_, word)| *word));
        xml.text("OriginAccessControlOriginType", "s3");
    }

    fn write_summary(kept: &Kept<Self>, xml: &mut Xml) {
        xml.text("Id", &kept.id);
        kept.document.write_config(xml);
    }
}
