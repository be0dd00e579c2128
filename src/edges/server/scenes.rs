//! What decisions read about each bucket, kept in memory and renewed with the bucket.

use super::directory::Directory;
use super::identities::state::stored_id;
use crate::compiled::CompiledPolicy;
use crate::decision::{Bucket, LayerState};
use crate::gate::{Caller, Scene};
use crate::policy::acl::{ObjectOwnership, PublicAccessBlock};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::storage::store::BucketRecord;
use dashmap::DashMap;
use std::sync::Arc;

/// The name under which a bucket's policy stands in explanations.
const POLICY_NAME: &str = "bucket-policy";

/// The scenes of all buckets.
#[derive(Debug, Default)]
pub struct Scenes {
    known: DashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    record: Arc<BucketRecord>,
    directory: Arc<Directory>,
    account_block: Option<PublicAccessBlock>,
    scene: Arc<Scene>,
}

impl Scenes {
    /// The scene of a bucket as it is at this moment.
    ///
    /// INVARIANT: a scene is of exactly these settings: any other record, directory or account setting makes a
    /// new one, so that a change holds for the very next request.
    #[must_use]
    pub fn of(
        &self,
        record: &Arc<BucketRecord>,
        directory: &Arc<Directory>,
        account_block: Option<PublicAccessBlock>,
    ) -> Arc<Scene> {
        if let Some(known) = self.known.get(&record.name)
            && Arc::ptr_eq(&known.record, record)
            && Arc::ptr_eq(&known.directory, directory)
            && known.account_block == account_block
        {
            return known.scene.clone();
        }
        let scene = Arc::new(scene_of(record, directory, account_block).lasting());
        let known = Known { record: record.clone(), directory: directory.clone(), account_block, scene: scene.clone() };
        self.known.insert(record.name.clone(), known);
        scene
    }

    /// Forgets a bucket that is gone.
    pub fn forget(&self, name: &str) {
        self.known.remove(name);
    }
}

/// The scene of a bucket with these settings.
#[must_use]
pub fn scene_of(record: &BucketRecord, directory: &Directory, account_block: Option<PublicAccessBlock>) -> Scene {
    let (resource_control, mut context) = directory.of_resources(&record.owner_account);
    context.push(("aws:RequestedRegion".to_owned(), vec![record.region.clone()]));
    let none = PublicAccessBlock::default();
    let block = record.public_access_block.unwrap_or(none).union(account_block.unwrap_or(none));
    let bucket = Bucket {
        name: record.name.clone(),
        owner_account: record.owner_account.clone(),
        owner_canonical: Some(record.owner.canonical.clone()),
        region: Some(record.region.clone()),
        acl: record.acl.clone().into(),
        ownership: ownership_of(record),
        public_access_block: if block == none { LayerState::Absent } else { LayerState::Given(block) },
    };
    let named = record.policy_principals.as_deref().unwrap_or_default();
    let policy = match record.policy.as_deref().map(|text| compile(text, named)) {
        None => LayerState::Absent,
        Some(Ok(policy)) => LayerState::Given(policy.into()),
        // It was checked when it was put. One that cannot be read any more must not be taken for none.
        Some(Err(())) => LayerState::Unknown,
    };
    Scene::new(Some(bucket), policy, resource_control, context)
}

/// The Object Ownership in force: a bucket whose setting was deleted is as before the setting existed.
#[must_use]
pub fn ownership_of(record: &BucketRecord) -> ObjectOwnership {
    record.ownership.unwrap_or(ObjectOwnership::ObjectWriter)
}

/// A principal that was looked up is told by its unique id: see [`BucketRecord::policy_principals`].
fn compile(text: &str, named: &[(String, Option<String>)]) -> Result<CompiledPolicy, ()> {
    let document = PolicyDocument::parse(POLICY_NAME, text, &LoadOptions::new(PolicyKind::Bucket)).map_err(|_| ())?;
    Ok(CompiledPolicy::compile_by_id(POLICY_NAME, &document, &|arn| stored_id(named, arn)))
}

/// The scene of a request that addresses no bucket, or one that is yet to be created: then as the caller's own.
#[must_use]
pub fn without_bucket(
    caller: &Caller,
    name: Option<&str>,
    account_block: Option<PublicAccessBlock>,
    directory: &Directory,
    region: &str,
) -> Scene {
    let account = caller.account().unwrap_or_default();
    let (resource_control, mut context) = match account {
        "" => (LayerState::Absent, Vec::new()),
        account => directory.of_resources(account),
    };
    context.push(("aws:RequestedRegion".to_owned(), vec![region.to_owned()]));
    let bucket = name.map(|name| Bucket {
        name: name.to_owned(),
        owner_account: account.to_owned(),
        owner_canonical: caller.canonical_id().map(str::to_owned),
        region: Some(region.to_owned()),
        acl: LayerState::Absent,
        ownership: ObjectOwnership::BucketOwnerEnforced,
        public_access_block: account_block.map_or(LayerState::Absent, LayerState::Given),
    });
    Scene::new(bucket, LayerState::Absent, resource_control, context)
}
