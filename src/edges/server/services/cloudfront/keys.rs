//! Public keys and key groups.

use super::error;
use super::family::{Family, Names, New, random_id, random_uuid, same_reference, taken};
use super::reading::{self, Fields};
use super::writing::Xml;
use crate::edges::server::cloudfront::model::{Distribution, KeyGroup, PublicKey};
use crate::edges::server::cloudfront::state::CloudFront;
use crate::edges::server::cloudfront::viewer::key::ViewerKey;
use crate::edges::server::services::ServiceError;
use crate::edges::server::settings::ServeSettings;
use crate::edges::server::wire::dates::iso8601;
use crate::storage::store::{EntityTransaction, Kept};

/// The longest key in PEM, in characters: twice what the longest that is taken has.
const LONGEST_PEM: usize = 2_048;
/// The most public keys of a group.
const MOST_KEYS: usize = 5;

/// What a request configures of a public key.
#[derive(Clone, Debug)]
pub struct KeyConfig {
    caller_reference: String,
    name: String,
    pem: String,
    comment: String,
}

impl Family for PublicKey {
    type Config = KeyConfig;
    const NAMES: Names = Names {
        words: "public key",
        whole: "PublicKey",
        config: "PublicKeyConfig",
        list: "PublicKeyList",
        summary: "PublicKeySummary",
        path: "/2020-05-31/public-key",
        no_such: "NoSuchPublicKey",
        too_many: ("TooManyPublicKeys", 10),
        arn: None,
        says_truncated: false,
    };

    fn new_id() -> Result<String, ServiceError> {
        random_id("K")
    }

    fn read(mut fields: Fields<'_>, _settings: &ServeSettings) -> Result<KeyConfig, ServiceError> {
        let config = KeyConfig {
            caller_reference: fields.need_short("CallerReference", 256)?,
            name: fields.need_short("Name", 128)?,
            pem: fields.need_short("EncodedKey", LONGEST_PEM)?,
            comment: fields.short("Comment", 128)?.unwrap_or_default(),
        };
        fields.finish()?;
        ViewerKey::from_pem(&config.pem).map_err(|why| {
            error("InvalidArgument", format!("`PublicKeyConfig/EncodedKey` is no key that is taken: {why}"))
        })?;
        Ok(config)
    }

    fn make(config: &KeyConfig, new: &New) -> Result<Self, ServiceError> {
        Ok(Self {
            id: new.id.clone(),
            caller_reference: config.caller_reference.clone(),
            name: config.name.clone(),
            pem: config.pem.clone(),
            comment: config.comment.clone(),
            created_ms: new.now_ms,
        })
    }

    fn made_before(
        t: &EntityTransaction<'_>,
        new: &New,
        config: &KeyConfig,
    ) -> Result<Option<Kept<Self>>, ServiceError> {
        let kept = t.list::<Self>(Some(&new.account))?;
        let before = kept.into_iter().find(|kept| kept.document.caller_reference == config.caller_reference);
        // The same request once more is answered as the first was.
        let same = |key: &Self| (&key.name, &key.pem, &key.comment) == (&config.name, &config.pem, &config.comment);
        match before {
            Some(before) if !same(&before.document) => {
                let message =
                    format!("The CallerReference `{}` was used for `{}`.", config.caller_reference, before.id);
                Err(error("PublicKeyAlreadyExists", message))
            }
            before => Ok(before),
        }
    }

    fn admit(
        t: &EntityTransaction<'_>,
        account: &str,
        config: &KeyConfig,
        before: Option<&Kept<Self>>,
    ) -> Result<(), ServiceError> {
        if let Some(Kept { document, .. }) = before {
            same_reference(&document.caller_reference, &config.caller_reference)?;
            if document.name != config.name || document.pem != config.pem {
                let message = "Only the comment of a public key can be changed, neither its name nor the key.";
                return Err(error("CannotChangeImmutablePublicKeyFields", message));
            }
        } else if t.list::<Self>(Some(account))?.iter().any(|kept| kept.document.name == config.name) {
            return Err(taken("PublicKeyAlreadyExists", Self::NAMES.words, &config.name));
        }
        Ok(())
    }

    fn change(&mut self, config: &KeyConfig, _now_ms: i64) {
        self.comment.clone_from(&config.comment);
    }

    fn release(t: &mut EntityTransaction<'_>, kept: &Kept<Self>) -> Result<(), ServiceError> {
        let groups = t.list::<KeyGroup>(Some(&kept.account))?;
        match groups.iter().find(|group| group.document.keys.contains(&kept.id)) {
            Some(group) => {
                let message = format!("The public key `{}` is in the key group `{}`.", kept.id, group.document.name);
                Err(error("PublicKeyInUse", message))
            }
            None => Ok(()),
        }
    }

    fn write(kept: &Kept<Self>, _all: &CloudFront, xml: &mut Xml) {
        xml.text("Id", &kept.id);
        xml.text("CreatedTime", iso8601(kept.document.created_ms));
        xml.element(Self::NAMES.config, |xml| kept.document.write_config(xml));
    }

    fn write_config(&self, xml: &mut Xml) {
        xml.text("CallerReference", &self.caller_reference);
        xml.text("Name", &self.name);
        xml.text("EncodedKey", &self.pem);
        xml.text("Comment", &self.comment);
    }

    fn write_summary(kept: &Kept<Self>, xml: &mut Xml) {
        xml.text("Id", &kept.id);
        xml.text("Name", &kept.document.name);
        xml.text("CreatedTime", iso8601(kept.document.created_ms));
        xml.text("EncodedKey", &kept.document.pem);
        xml.text("Comment", &kept.document.comment);
    }
}

/// What a request configures of a key group.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    name: String,
    keys: Vec<String>,
    comment: String,
}

impl Family for KeyGroup {
    type Config = GroupConfig;
    const NAMES: Names = Names {
        words: "key group",
        whole: "KeyGroup",
        config: "KeyGroupConfig",
        list: "KeyGroupList",
        summary: "KeyGroupSummary",
        path: "/2020-05-31/key-group",
        no_such: "NoSuchResource",
        too_many: ("TooManyKeyGroups", 10),
        arn: None,
        says_truncated: false,
    };

    fn new_id() -> Result<String, ServiceError> {
        random_uuid()
    }

    fn read(mut fields: Fields<'_>, _settings: &ServeSettings) -> Result<GroupConfig, ServiceError> {
        let name = fields.need_short("Name", 128)?;
        let keys = reading::texts(&fields.bare_items("PublicKey")?, "KeyGroupConfig/Items")?;
        let comment = fields.short("Comment", 128)?.unwrap_or_default();
        fields.finish()?;
        let doubled = keys.iter().enumerate().find(|(at, key)| keys.iter().take(*at).any(|earlier| earlier == *key));
        match (keys.len(), doubled) {
            (0, _) => Err(error("InvalidArgument", "`KeyGroupConfig/Items` names no public key")),
            (n, _) if n > MOST_KEYS => Err(error(
                "TooManyPublicKeysInKeyGroup",
                format!("{n} public keys are named; a group has at most {MOST_KEYS}."),
            )),
            (_, Some((_, key))) => Err(error("InvalidArgument", format!("`{key}` is named twice"))),
            _ => Ok(GroupConfig { name, keys, comment }),
        }
    }

    fn make(config: &GroupConfig, new: &New) -> Result<Self, ServiceError> {
        Ok(Self {
            id: new.id.clone(),
            name: config.name.clone(),
            keys: config.keys.clone(),
            comment: config.comment.clone(),
            modified_ms: new.now_ms,
        })
    }

    fn admit(
        t: &EntityTransaction<'_>,
        account: &str,
        config: &GroupConfig,
        before: Option<&Kept<Self>>,
    ) -> Result<(), ServiceError> {
        let own = before.map(|kept| kept.id.as_str());
        let others = t.list::<Self>(Some(account))?;
        if others.iter().any(|kept| Some(kept.id.as_str()) != own && kept.document.name == config.name) {
            return Err(taken("KeyGroupAlreadyExists", Self::NAMES.words, &config.name));
        }
        for key in &config.keys {
            if t.get::<PublicKey>(account, key)?.is_none() {
                return Err(error("InvalidArgument", format!("The account has no public key `{key}`.")));
            }
        }
        Ok(())
    }

    fn change(&mut self, config: &GroupConfig, now_ms: i64) {
        self.name.clone_from(&config.name);
        self.keys.clone_from(&config.keys);
        self.comment.clone_from(&config.comment);
        self.modified_ms = now_ms;
    }

    fn release(t: &mut EntityTransaction<'_>, kept: &Kept<Self>) -> Result<(), ServiceError> {
        let distributions = t.list::<Distribution>(Some(&kept.account))?;
        let trusts = |user: &&Kept<Distribution>| {
            user.document.config.all_behaviors().any(|behavior| behavior.trusted_key_groups.contains(&kept.id))
        };
        match distributions.iter().find(trusts) {
            Some(user) => {
                let message = format!("The key group `{}` is still used by the distribution `{}`.", kept.id, user.id);
                Err(error("ResourceInUse", message))
            }
            None => Ok(()),
        }
    }

    fn write(kept: &Kept<Self>, _all: &CloudFront, xml: &mut Xml) {
        xml.text("Id", &kept.id);
        xml.text("LastModifiedTime", iso8601(kept.document.modified_ms));
        xml.element(Self::NAMES.config, |xml| kept.document.write_config(xml));
    }

    fn write_config(&self, xml: &mut Xml) {
        xml.text("Name", &self.name);
        xml.element("Items", |xml| self.keys.iter().for_each(|key| xml.text("PublicKey", key)));
        xml.text("Comment", &self.comment);
    }

    fn write_summary(kept: &Kept<Self>, xml: &mut Xml) {
        xml.element("KeyGroup", |xml| Self::write(kept, &CloudFront::default(), xml));
    }
}
