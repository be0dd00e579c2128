//! CloudFront's documents in memory: read by every viewer's request, swapped whole with every change.

use super::model::{Distribution, KeyGroup, OriginAccessControl, OriginAccessIdentity, PublicKey};
use super::viewer::key::KeyRing;
use crate::storage::store::{Kept, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;

/// All of CloudFront at one moment.
#[derive(Debug, Default)]
pub struct CloudFront {
    /// The distributions by host, in lower case: their own and their aliases.
    pub hosts: HashMap<String, Arc<Kept<Distribution>>>,
    /// The distributions by id.
    pub distributions: HashMap<String, Arc<Kept<Distribution>>>,
    /// The origin access identities by id.
    pub identities: HashMap<String, Kept<OriginAccessIdentity>>,
    /// The ids of the origin access identities by canonical user id.
    pub canonicals: HashMap<String, String>,
    /// The origin access controls by id.
    pub controls: HashMap<String, Kept<OriginAccessControl>>,
    /// The public keys by id.
    pub keys: HashMap<String, Kept<PublicKey>>,
    /// The key groups by id.
    pub groups: HashMap<String, Kept<KeyGroup>>,
    /// The public keys as they check signatures, parsed once.
    pub viewer_keys: KeyRing,
}

impl CloudFront {
    /// What the store keeps.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let mut hosts = HashMap::new();
        let mut distributions = HashMap::new();
        for kept in store.entities::<Distribution>(None)? {
            let kept = Arc::new(kept);
            let aliases = kept.document.config.aliases.iter();
            for host in aliases.chain([&kept.document.domain_name]) {
                hosts.insert(host.to_ascii_lowercase(), kept.clone());
            }
            distributions.insert(kept.id.clone(), kept);
        }
        let identities: HashMap<String, Kept<OriginAccessIdentity>> = by_id(store.entities(None)?);
        let canonicals = identities.values().map(|kept| (kept.document.canonical.clone(), kept.id.clone())).collect();
        let keys = by_id(store.entities(None)?);
        Ok(Self {
            hosts,
            distributions,
            identities,
            canonicals,
            controls: by_id(store.entities(None)?),
            viewer_keys: KeyRing::of(&keys),
            keys,
            groups: by_id(store.entities(None)?),
        })
    }
}

fn by_id<T>(kept: Vec<Kept<T>>) -> HashMap<String, Kept<T>> {
    kept.into_iter().map(|kept| (kept.id.clone(), kept)).collect()
}
