//! What lies in the metadata: records with named fields, so that later versions of the program read earlier ones.

use super::acl_form;
use super::content::Content;
use super::error::StoreError;
use crate::gate::services::kms::EncryptionContext;
use crate::policy::acl::{Acl, ObjectOwnership, PublicAccessBlock};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format of the data directory.
pub const FORMAT: u32 = 1;

/// Writes a record.
///
/// INVARIANT: records are plain structs of strings, numbers, lists and maps with text keys, which `MessagePack`
/// takes as they are.
pub(super) fn encode<T: Serialize>(record: &T) -> Bytes {
    Bytes::from(rmp_serde::to_vec_named(record).expect("records are plain data"))
}

/// Reads a record; `what` names it where it is damaged.
pub(super) fn decode<T: DeserializeOwned>(what: &'static str, stored: &[u8]) -> Result<T, StoreError> {
    rmp_serde::from_slice(stored).map_err(|e| StoreError::damaged(format!("{what}: {e}")))
}

/// Whether a value is what an absent field means.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whether a bucket keeps earlier versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// It never did.
    #[default]
    Off,
    /// It does.
    Enabled,
    /// It did; what is written now has the version `null`.
    Suspended,
}

/// How strictly object lock keeps a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockMode {
    /// Those with `s3:BypassGovernanceRetention` may lift it.
    Governance,
    /// Nobody may lift it.
    Compliance,
}

/// How long a version is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How strictly.
    pub mode: LockMode,
    /// Until when, in milliseconds since 1970.
    pub until_ms: i64,
}

/// The length of a default retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockPeriod {
    /// Days of 24 hours.
    Days(u32),
    /// Years of 365 days.
    Years(u32),
}

impl LockPeriod {
    /// Its length in milliseconds.
    #[must_use]
    pub fn millis(self) -> i64 {
        let days = match self {
            Self::Days(days) => i64::from(days),
            Self::Years(years) => i64::from(years) * 365,
        };
        days * 86_400_000
    }
}

/// What new versions of a bucket get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRetention {
    /// How strictly.
    pub mode: LockMode,
    /// For how long.
    pub period: LockPeriod,
}

/// A bucket's object lock; it can be enabled, never disabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLock {
    /// What new versions get that bring nothing of their own.
    #[serde(default)]
    pub default: Option<DefaultRetention>,
}

/// Somebody who owns a bucket, an object or an upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The canonical user id.
    pub canonical: String,
    /// The display name; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display: String,
}

/// A bucket and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketRecord {
    /// Its number in the keys of records; never given twice.
    pub id: u64,
    /// Counts its changes.
    #[serde(default)]
    pub generation: u64,
    /// Its name.
    pub name: String,
    /// The twelve digits of the account that owns it.
    pub owner_account: String,
    /// That account's canonical user id and display name.
    pub owner: Owner,
    /// Its region.
    pub region: String,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: i64,
    /// Whether it keeps earlier versions.
    #[serde(default)]
    pub versioning: Versioning,
    /// Whether versions are destroyed, and versioning changed, only with an MFA device's code.
    #[serde(default)]
    pub mfa_delete: bool,
    /// Its object lock.
    #[serde(default)]
    pub object_lock: Option<ObjectLock>,
    /// Its policy, as it was put.
    #[serde(default)]
    pub policy: Option<String>,
    /// The users, roles and sessions of this server's accounts that the policy names, by ARN, with the unique ids that
    /// they had when it was put; without one, none had the name. `None`: they were not looked up yet.
    #[serde(default)]
    pub policy_principals: Option<Vec<(String, Option<String>)>>,
    /// Its ACL; `None`: the owner holds everything.
    #[serde(default, with = "acl_form::acl")]
    pub acl: Option<Acl>,
    /// Its Object Ownership; `None`: the setting was deleted, ACLs count as with `ObjectWriter`.
    #[serde(default, with = "acl_form::ownership")]
    pub ownership: Option<ObjectOwnership>,
    /// Its Block Public Access.
    #[serde(default, with = "acl_form::block")]
    pub public_access_block: Option<PublicAccessBlock>,
    /// Its tags, in the order they were put.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    /// Its other settings by name (`cors`, `encryption`, …), each as the document that was put.
    #[serde(default)]
    pub documents: BTreeMap<String, String>,
}

/// The headers that are stored with an object and come back with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// `Content-Type`
    #[serde(skip_serializing_if = "is_default")]
    pub content_type: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`
    #[serde(skip_serializing_if = "is_default")]
    pub content_encoding: Option<String>,
    /// `Content-Disposition`
    #[serde(skip_serializing_if = "is_default")]
    pub content_disposition: Option<String>,
    /// `Content-Language`
    #[serde(skip_serializing_if = "is_default")]
    pub content_language: Option<String>,
    /// `Cache-Control`
    #[serde(skip_serializing_if = "is_default")]
    pub cache_control: Option<String>,
    /// `Expires`, as it was sent
    #[serde(skip_serializing_if = "is_default")]
    pub expires: Option<String>,
    /// `x-amz-website-redirect-location`
    #[serde(skip_serializing_if = "is_default")]
    pub redirect: Option<String>,
}

/// Whether a checksum is over all bytes, or over the checksums of the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChecksumKind {
    /// `FULL_OBJECT`
    FullObject,
    /// `COMPOSITE`
    Composite,
}

/// A checksum that was checked when the bytes came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// The algorithm's name as S3 writes it, such as `CRC64NVME`.
    pub algorithm: String,
    /// The value in base64, with `-N` after it for a composite of N parts.
    pub value: String,
    /// Over what.
    pub kind: ChecksumKind,
}

/// Who holds the key that seals an object's data key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredSse {
    /// The store (SSE-S3).
    #[default]
    S3,
    /// The client (SSE-C).
    Customer {
        /// The base64 of the key's MD5, as answers repeat it. It is not the key.
        key_md5: String,
    },
    /// A key of the key service (SSE-KMS, DSSE-KMS).
    Kms(Box<StoredKms>),
}

/// How an object is sealed under a key of the key service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKms {
    /// The key's ARN.
    pub key: String,
    /// The encryption context that the writer gave; the object's or bucket's ARN comes to it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: Vec<(String, String)>,
    /// With a Bucket Key: the encryption context has the bucket's ARN, not the object's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bucket_key: bool,
    /// Sealed twice over (DSSE-KMS).
    #[serde(default, skip_serializing_if = "is_default")]
    pub dual_layer: bool,
}

impl StoredKms {
    /// The name of the pair that the store adds to the encryption context.
    pub const ARN_PAIR: &'static str = "aws:s3:arn";

    /// The whole encryption context of an object.
    ///
    /// # Errors
    /// The key of the writer's context that comes twice.
    pub fn whole_context(&self, bucket: &str, key: &str) -> Result<EncryptionContext, String> {
        let arn = crate::gate::arn(Some(bucket), (!self.bucket_key).then_some(key));
        let own = std::iter::once((Self::ARN_PAIR.to_owned(), arn));
        EncryptionContext::new(own.chain(self.context.iter().cloned()))
    }
}

/// A version of an object, or a delete marker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VersionRecord {
    /// The number of the change that made it.
    pub seq: u64,
    /// Its version id: a text of [`super::version_id`], or `null`.
    pub version: String,
    /// Whether it is a delete marker; then only its time and owner mean something.
    #[serde(default, skip_serializing_if = "is_default")]
    pub delete_marker: bool,
    /// When it was made, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its `ETag`, without quotes.
    #[serde(default)]
    pub etag: String,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
    /// Its owner.
    #[serde(default)]
    pub owner: Owner,
    /// Its storage class; `None`: `STANDARD`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub storage_class: Option<String>,
    /// Its checksum.
    #[serde(default, skip_serializing_if = "is_default")]
    pub checksum: Option<Checksum>,
    /// Where its bytes are.
    #[serde(default)]
    pub(in crate::storage::store) content: Content,
    /// The number of the version `null` of this key, if that is an earlier one. Only the current version knows.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(in crate::storage::store) null_in_history: Option<u64>,
    /// The headers that come back with it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headers: Headers,
    /// User metadata: names in small letters without `x-amz-meta-`, and values.
    #[serde(default, skip_serializing_if = "is_default")]
    pub user_metadata: Vec<(String, String)>,
    /// Its ACL; `None`: the owner holds everything.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "acl_form::acl")]
    pub acl: Option<Acl>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tags: Vec<(String, String)>,
    /// Until when it is kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retention: Option<Retention>,
    /// Whether it is kept until the hold is lifted. `None`: a hold was never set.
    #[serde(default, skip_serializing_if = "is_default")]
    pub legal_hold: Option<bool>,
    /// Who holds its key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sse: StoredSse,
    /// The number of its parts, if it was made of parts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parts_count: Option<u32>,
}

impl VersionRecord {
    /// A version with what a request says of it; number, version, time, `ETag` and bytes are to be filled in.
    pub(super) fn from_meta(meta: ObjectMeta) -> Self {
        Self {
            seq: 0,
            version: String::new(),
            delete_marker: false,
            modified_ms: 0,
            etag: String::new(),
            size: 0,
            owner: meta.owner,
            storage_class: meta.storage_class,
            checksum: None,
            content: Content::None,
            null_in_history: None,
            headers: meta.headers,
            user_metadata: meta.user_metadata,
            acl: meta.acl,
            tags: meta.tags,
            retention: meta.retention,
            legal_hold: meta.legal_hold,
            sse: StoredSse::S3,
            parts_count: None,
        }
    }

    /// Whether object lock keeps it from being destroyed at this time.
    #[must_use]
    pub fn locked(&self, now_ms: i64, bypass_governance: bool) -> bool {
        let kept = self
            .retention
            .is_some_and(|r| r.until_ms > now_ms && !(r.mode == LockMode::Governance && bypass_governance));
        kept || self.legal_hold == Some(true)
    }
}

/// What listings show of a version; the rest of the record is skipped, not built.
#[derive(Deserialize)]
pub(super) struct ListedRecord<'a> {
    pub(super) seq: u64,
    #[serde(borrow)]
    pub(super) version: &'a str,
    #[serde(default)]
    pub(super) delete_marker: bool,
    pub(super) modified_ms: i64,
    #[serde(default, borrow)]
    pub(super) etag: &'a str,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default, borrow)]
    pub(super) owner: ListedOwner<'a>,
    #[serde(default)]
    pub(super) null_in_history: Option<u64>,
    #[serde(default, borrow)]
    pub(super) storage_class: Option<&'a str>,
    #[serde(default)]
    pub(super) checksum: Option<Checksum>,
}

/// The owner in a listing.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ListedOwner<'a> {
    #[serde(borrow)]
    pub(super) canonical: &'a str,
    #[serde(borrow)]
    pub(super) display: &'a str,
}

/// A part that came in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartRecord {
    /// Its number, 1–10,000.
    pub number: u32,
    /// When it came, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its checksum.
    #[serde(default, skip_serializing_if = "is_default")]
    pub checksum: Option<Checksum>,
    /// Where its bytes are.
    #[serde(default)]
    pub(in crate::storage::store) content: Content,
}

/// What a request writes beside the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectMeta {
    /// The headers that come back with the object.
    pub headers: Headers,
    /// User metadata.
    pub user_metadata: Vec<(String, String)>,
    /// Who owns it.
    pub owner: Owner,
    /// Its ACL; `None`: the owner holds everything.
    #[serde(with = "acl_form::acl")]
    pub acl: Option<Acl>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Until when it is kept; `None`: the bucket's default.
    pub retention: Option<Retention>,
    /// Its legal hold.
    pub legal_hold: Option<bool>,
    /// Its storage class; `None`: `STANDARD`.
    pub storage_class: Option<String>,
}

/// What is changed by an entry of the change log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeKind {
    /// A version was made.
    Created,
    /// A version was destroyed.
    Deleted,
    /// A delete marker was made.
    Marker,
    /// What is said of a version was changed: tags, ACL, retention, legal hold.
    Updated,
    /// The bucket was created.
    BucketCreated,
    /// The bucket's settings were changed.
    BucketChanged,
}

/// An entry of a bucket's ordered change log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// To which key; empty: the bucket.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// To which version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// When, in milliseconds since 1970.
    pub time_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::acl::{Grant, Grantee, Permission};

    /// A version as another version of the program writes it.
    #[derive(Serialize)]
    struct Earlier {
        seq: u64,
        version: &'static str,
        modified_ms: i64,
        a_field_of_tomorrow: u8,
    }

    #[test]
    fn records_come_back_and_absent_fields_mean_the_default() {
        let acl = Acl {
            grants: [
                Grantee::Canonical("abc".to_owned()),
                Grantee::AllUsers,
                Grantee::AuthenticatedUsers,
                Grantee::LogDelivery,
                Grantee::Email("a@example.com".to_owned()),
            ]
            .into_iter()
            .map(|grantee| Grant { grantee, permission: Permission::ReadAcp })
            .collect(),
        };
        let meta = ObjectMeta {
            acl: Some(acl),
            retention: Some(Retention { mode: LockMode::Compliance, until_ms: 5 }),
            tags: vec![("a".to_owned(), String::new())],
            ..ObjectMeta::default()
        };
        assert_eq!(decode::<ObjectMeta>("meta", &encode(&meta)).expect("readable"), meta);
        let block = PublicAccessBlock { ignore_public_acls: true, ..PublicAccessBlock::default() };
        let bucket = BucketRecord {
            id: 7,
            generation: 1,
            name: "b".to_owned(),
            owner_account: "111111111111".to_owned(),
            owner: Owner { canonical: "c".to_owned(), display: "d".to_owned() },
            region: "us-east-1".to_owned(),
            created_ms: 9,
            versioning: Versioning::Suspended,
            mfa_delete: true,
            object_lock: Some(ObjectLock {
                default: Some(DefaultRetention { mode: LockMode::Governance, period: LockPeriod::Years(1) }),
            }),
            policy: Some("{}".to_owned()),
            policy_principals: Some(vec![("a".to_owned(), None)]),
            acl: meta.acl.clone(),
            ownership: Some(ObjectOwnership::BucketOwnerPreferred),
            public_access_block: Some(block),
            tags: meta.tags.clone(),
            documents: BTreeMap::from([("cors".to_owned(), "<x/>".to_owned())]),
        };
        assert_eq!(decode::<BucketRecord>("bucket", &encode(&bucket)).expect("readable"), bucket);

        let earlier = encode(&Earlier { seq: 3, version: "null", modified_ms: 4, a_field_of_tomorrow: 1 });
        let version = decode::<VersionRecord>("version", &earlier).expect("readable");
        assert_eq!((version.seq, version.size, version.delete_marker), (3, 0, false));
        assert!(matches!(version.content, Content::None));
        let stored = encode(&version);
        let listed: ListedRecord<'_> = rmp_serde::from_slice(&stored).expect("readable");
        assert_eq!((listed.seq, listed.version, listed.modified_ms), (3, "null", 4));
        assert!(matches!(decode::<BucketRecord>("bucket", b"\x01"), Err(StoreError::Damaged { .. })));
    }

    #[test]
    fn locks() {
        let mut record = VersionRecord::from_meta(ObjectMeta::default());
        assert!(!record.locked(0, false));
        record.retention = Some(Retention { mode: LockMode::Governance, until_ms: 5 });
        assert!(record.locked(4, false) && !record.locked(4, true) && !record.locked(5, false));
        record.retention = Some(Retention { mode: LockMode::Compliance, until_ms: 5 });
        assert!(record.locked(4, true) && !record.locked(5, false));
        record.legal_hold = Some(true);
        assert!(record.locked(9, true));
        record.legal_hold = Some(false);
        assert!(!record.locked(9, true));
    }
}
