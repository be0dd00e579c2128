//! The table of KMS's operations, and the proof that a key may be used in an encryption context.
//!
//! Source: AWS KMS API Reference, version 2014-11-01; Service Authorization Reference, "AWS Key Management Service".

use super::{Route, ServiceAsk, ServiceNeed, ServiceOperation, Subject, authorize_service, need};
use crate::gate::{Authorized, Refusal};
use crate::simulate::world::ContextKeys;
use std::collections::BTreeMap;

/// A permission that only some requests of a row need.
const fn may_need(action: &'static str, on: &'static str) -> ServiceNeed {
    ServiceNeed { action, on, always: false }
}

super::service_table! {
    Kms KmsOperation:

    // ---- keys ----
    CreateKey: changes Route::Name, [need("kms:CreateKey", "*"), may_need("kms:TagResource", "tags")];
    DescribeKey: reads Route::Name, [need("kms:DescribeKey", "key")];
    ListKeys: reads Route::Name, [need("kms:ListKeys", "*")];
    EnableKey: changes Route::Name, [need("kms:EnableKey", "key")];
    DisableKey: changes Route::Name, [need("kms:DisableKey", "key")];
    ScheduleKeyDeletion: changes Route::Name, [need("kms:ScheduleKeyDeletion", "key")];
    CancelKeyDeletion: changes Route::Name, [need("kms:CancelKeyDeletion", "key")];
    UpdateKeyDescription: changes Route::Name, [need("kms:UpdateKeyDescription", "key")];

    // ---- aliases ----
    CreateAlias: changes Route::Name, [need("kms:CreateAlias", "alias"), need("kms:CreateAlias", "key")];
    UpdateAlias: changes Route::Name, [need("kms:UpdateAlias", "alias"), need("kms:UpdateAlias", "key")];
    DeleteAlias: changes Route::Name, [need("kms:DeleteAlias", "alias"), need("kms:DeleteAlias", "key")];
    ListAliases: reads Route::Name, [need("kms:ListAliases", "*")];

    // ---- policies ----
    GetKeyPolicy: reads Route::Name, [need("kms:GetKeyPolicy", "key")];
    PutKeyPolicy: changes Route::Name, [need("kms:PutKeyPolicy", "key")];
    ListKeyPolicies: reads Route::Name, [need("kms:ListKeyPolicies", "key")];

    // ---- cryptography ----
    Encrypt: reads Route::Name, [need("kms:Encrypt", "key")];
    Decrypt: reads Route::Name, [need("kms:Decrypt", "key")];
    ReEncrypt: reads Route::Name, [need("kms:ReEncryptFrom", "source"), need("kms:ReEncryptTo", "destination")];
    GenerateDataKey: reads Route::Name, [need("kms:GenerateDataKey", "key")];
    GenerateDataKeyWithoutPlaintext: reads Route::Name, [need("kms:GenerateDataKeyWithoutPlaintext", "key")];
    GenerateRandom: reads Route::Name, [need("kms:GenerateRandom", "*")];

    // ---- grants ----
    CreateGrant: changes Route::Name, [need("kms:CreateGrant", "key")];
    ListGrants: reads Route::Name, [need("kms:ListGrants", "key")];
    ListRetirableGrants: reads Route::Name, [need("kms:ListRetirableGrants", "*")];
    RetireGrant: changes Route::Name, [need("kms:RetireGrant", "key")];
    RevokeGrant: changes Route::Name, [need("kms:RevokeGrant", "key")];

    // ---- rotation ----
    EnableKeyRotation: changes Route::Name, [need("kms:EnableKeyRotation", "key")];
    DisableKeyRotation: changes Route::Name, [need("kms:DisableKeyRotation", "key")];
    GetKeyRotationStatus: reads Route::Name, [need("kms:GetKeyRotationStatus", "key")];
    RotateKeyOnDemand: changes Route::Name, [need("kms:RotateKeyOnDemand", "key")];
    ListKeyRotations: reads Route::Name, [need("kms:ListKeyRotations", "key")];

    // ---- tags ----
    TagResource: changes Route::Name, [need("kms:TagResource", "key")];
    UntagResource: changes Route::Name, [need("kms:UntagResource", "key")];
    ListResourceTags: reads Route::Name, [need("kms:ListResourceTags", "key")];
}

/// Pairs that are authenticated with a ciphertext and must come again to open it. They are no secret.
/// Source: KMS Developer Guide, "Encryption context".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptionContext(BTreeMap<String, String>);

impl EncryptionContext {
    /// The context of these pairs.
    ///
    /// # Errors
    /// The key that comes twice. Condition keys know no case, so keys that differ in case only are refused too: a
    /// policy could not tell which of them it means.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let mut context = Self::default();
        for (key, value) in pairs {
            if context.0.keys().any(|there| there.to_lowercase() == key.to_lowercase()) {
                return Err(key);
            }
            context.0.insert(key, value);
        }
        Ok(context)
    }

    /// The pairs, in the order of their keys' bytes.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one encoding that is authenticated: the number of pairs, then for each, in the order of their keys'
    /// bytes, length and bytes of key and value; numbers are 32 bits, big-endian.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
        let mut bytes = length(self.0.len()).to_vec();
        for text in self.0.iter().flat_map(|(key, value)| [key, value]) {
            bytes.extend_from_slice(&length(text.len()));
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    /// The condition keys that it brings.
    #[must_use]
    pub fn condition_keys(&self) -> ContextKeys {
        if self.0.is_empty() {
            return Vec::new();
        }
        let pair = |(key, value): (&String, &String)| (format!("kms:EncryptionContext:{key}"), vec![value.clone()]);
        let keys = self.0.keys().cloned().collect();
        self.0.iter().map(pair).chain([("kms:EncryptionContextKeys".to_owned(), keys)]).collect()
    }
}

mod sealed {
    /// Nobody outside adds an operation.
    pub trait Sealed {}
}

/// An operation that uses a key, always in an encryption context.
pub trait UsesKey: ServiceOperation + sealed::Sealed {}
/// Seals under the key that stands in the proof as [`SealsUnderKey::ON`].
pub trait SealsUnderKey: UsesKey {
    /// The name of the need.
    const ON: &'static str;
}
/// Opens what was sealed under the key that stands in the proof as [`OpensUnderKey::ON`].
pub trait OpensUnderKey: UsesKey {
    /// The name of the need.
    const ON: &'static str;
}

macro_rules! uses {
    ($($operation:ident: $($role:ident $on:literal)*;)*) => {$(
        impl sealed::Sealed for $operation {}
        impl UsesKey for $operation {}
        $(impl $role for $operation {
            const ON: &'static str = $on;
        })*
    )*};
}

uses! {
    Encrypt: SealsUnderKey "key";
    Decrypt: OpensUnderKey "key";
    ReEncrypt: OpensUnderKey "source" SealsUnderKey "destination";
    GenerateDataKey: SealsUnderKey "key";
    GenerateDataKeyWithoutPlaintext: SealsUnderKey "key";
}

/// The proof that a key may be used, and in which encryption context: what was decided on is what is authenticated.
/// Only [`authorize_use`] makes one.
#[derive(Debug)]
pub struct KeyUse<O> {
    grant: Authorized<O>,
    contexts: Vec<(&'static str, EncryptionContext)>,
}

impl<O: UsesKey> KeyUse<O> {
    /// The key's ARN, by the name of the need.
    #[must_use]
    pub fn key(&self, on: &str) -> Option<&str> {
        self.grant.entity(on)
    }

    /// The encryption context, by the name of the need.
    #[must_use]
    pub fn context(&self, on: &str) -> Option<&EncryptionContext> {
        self.contexts.iter().find(|(name, _)| *name == on).map(|(_, context)| context)
    }

    /// A proof without a decision, for the tests of storage.
    #[cfg(test)]
    pub(crate) fn for_test(on: &'static str, arn: &str, context: EncryptionContext) -> Self {
        let target = crate::gate::Target::Entities(vec![crate::gate::Entity { on, arn: arn.to_owned() }]);
        let caller = std::sync::Arc::new(crate::gate::Caller::anonymous());
        Self { grant: Authorized::for_test(target, None, caller, 0), contexts: vec![(on, context)] }
    }
}

/// Decides a use of keys. The subjects' context gets the condition keys of the encryption context; the subjects of
/// `ask` are not looked at.
///
/// # Errors
/// As [`authorize_service`].
pub fn authorize_use<O: UsesKey>(
    ask: &ServiceAsk<'_>,
    keys: Vec<(Subject<'_>, EncryptionContext)>,
) -> Result<KeyUse<O>, Refusal> {
    let (mut subjects, mut contexts) = (Vec::with_capacity(keys.len()), Vec::with_capacity(keys.len()));
    for (mut subject, context) in keys {
        subject.context.extend(context.condition_keys());
        contexts.push((subject.on, context));
        subjects.push(subject);
    }
    let grant = authorize_service::<O>(&ServiceAsk { subjects: &subjects, ..*ask })?;
    Ok(KeyUse { grant, contexts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(pairs: &[(&str, &str)]) -> Result<EncryptionContext, String> {
        EncryptionContext::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn a_context_has_one_encoding() {
        let one = context(&[("b", "2"), ("a", "1")]).expect("two keys");
        assert_eq!(one, context(&[("a", "1"), ("b", "2")]).expect("two keys"));
        assert_eq!(one.canonical(), b"\0\0\0\x02\0\0\0\x01a\0\0\0\x011\0\0\0\x01b\0\0\0\x012");
        // What stands where cannot be moved without a difference.
        assert_ne!(
            context(&[("ab", "c")]).expect("one").canonical(),
            context(&[("a", "bc")]).expect("one").canonical()
        );
        assert_eq!(EncryptionContext::default().canonical(), [0; 4]);
    }

    #[test]
    fn keys_that_a_policy_cannot_tell_apart_are_refused() {
        assert_eq!(context(&[("Purpose", "a"), ("purpose", "b")]), Err("purpose".to_owned()));
        assert_eq!(context(&[("a", "a"), ("a", "a")]), Err("a".to_owned()));
    }

    #[test]
    fn a_context_brings_its_condition_keys() {
        let keys = context(&[("Team", "x"), ("app", "y")]).expect("two keys").condition_keys();
        let wanted = [
            ("kms:EncryptionContext:Team", vec!["x"]),
            ("kms:EncryptionContext:app", vec!["y"]),
            ("kms:EncryptionContextKeys", vec!["Team", "app"]),
        ];
        assert!(keys.iter().map(|(k, v)| (k.as_str(), v.iter().map(String::as_str).collect::<Vec<_>>())).eq(wanted));
    }
}
