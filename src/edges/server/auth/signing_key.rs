//! Signing keys, derived once for each (access key, day, region, service) and kept.

use super::digest;
use arc_swap::ArcSwapOption;
use aws_lc_rs::hmac;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How many keys are kept: more signers than this in one day take turns.
const SLOTS: usize = 512;

/// A derived key of Signature Version 4.
#[derive(Debug)]
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// Derives the key of a day, region and service. Source: IAM User Guide, "Create a signed AWS API request".
    #[must_use]
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        let start = Zeroizing::new(format!("AWS4{secret}"));
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, start.as_bytes());
        for text in [date, region, service, "aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, text.as_bytes()).as_ref());
        }
        Self(key)
    }

    /// The signature of a string to sign, in hexadecimal.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        digest::hex(hmac::sign(&self.0, text.as_bytes()).as_ref())
    }
}

struct Kept {
    access_key_id: String,
    secret: Zeroizing<String>,
    date: String,
    region: String,
    service: String,
    key: Arc<SigningKey>,
}

/// The keys that were derived lately: a table of fixed size, read without a lock.
pub(super) struct SigningKeys(Box<[ArcSwapOption<Kept>]>);

impl SigningKeys {
    /// The key of a credential's scope, derived where it is not at hand. The secret is compared too, so that a
    /// changed one takes effect at once.
    pub(super) fn get(
        &self,
        access_key_id: &str,
        secret: &str,
        date: &str,
        region: &str,
        service: &str,
    ) -> Arc<SigningKey> {
        let hash = crate::words::ids::hash_text(access_key_id) ^ crate::words::ids::hash_text(region).rotate_left(17);
        let Some(slot) = usize::try_from(hash % SLOTS as u64).ok().and_then(|at| self.0.get(at)) else {
            return Arc::new(SigningKey::derive(secret, date, region, service));
        };
        if let Some(kept) = slot.load().as_ref()
            && kept.access_key_id == access_key_id
            && kept.date == date
            && kept.region == region
            && kept.service == service
            && digest::equal(&kept.secret, secret)
        {
            return Arc::clone(&kept.key);
        }
        let key = Arc::new(SigningKey::derive(secret, date, region, service));
        slot.store(Some(Arc::new(Kept {
            access_key_id: access_key_id.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            key: Arc::clone(&key),
        })));
        key
    }
}

impl Default for SigningKeys {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| ArcSwapOption::empty()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_derived_once_and_again_when_anything_changes() {
        let keys = SigningKeys::default();
        let first = keys.get("AK", "secret", "20130524", "us-east-1", "s3");
        assert!(Arc::ptr_eq(&first, &keys.get("AK", "secret", "20130524", "us-east-1", "s3")));
        for (secret, date, region, service) in [
            ("other", "20130524", "us-east-1", "s3"),
            ("secret", "20130525", "us-east-1", "s3"),
            ("secret", "20130524", "us-east-2", "s3"),
            ("secret", "20130524", "us-east-1", "sts"),
        ] {
            let key = keys.get("AK", secret, date, region, service);
            assert_ne!(key.sign("text"), first.sign("text"));
            assert_eq!(key.sign("text"), SigningKey::derive(secret, date, region, service).sign("text"));
        }
    }
}
