//! THE TABLE: one row for each S3 operation. Dispatch, enforcement, the simulator's HTTP form, the
//! documentation and the authorization matrix are made from it.
//!
//! Source: S3 API Reference (each operation's page), Service Authorization Reference, "Actions, resources, and
//! condition keys for Amazon S3".

use super::target::Target;
use std::fmt::Debug;

/// An HTTP method that S3 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// PUT
    Put,
    /// POST
    Post,
    /// DELETE
    Delete,
}

impl Method {
    /// Reads a method's name, in capitals as HTTP has it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "PUT" => Self::Put,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// The kind of thing an operation addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `/`
    Service,
    /// The account that the header `x-amz-account-id` names, at S3 Control's path.
    Account,
    /// `/bucket`
    Bucket,
    /// `/bucket/key`
    Object,
}

/// What must be there beside method and place for a row to be the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The query has this parameter.
    Query(&'static str),
    /// The query has this parameter with this value.
    QueryIs(&'static str, &'static str),
    /// The request has this header.
    Header(&'static str),
    /// The body is `multipart/form-data`.
    Form,
}

/// On what a permission is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum On {
    /// `*`
    Service,
    /// The bucket.
    Bucket,
    /// The object.
    Object,
    /// The object that `x-amz-copy-source` names.
    Source,
    /// Each object that the body lists.
    Listed,
}

/// When a permission is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// Always.
    Always,
    /// `x-amz-acl` or `x-amz-grant-*` is sent, as a header or form field.
    SetsAcl,
    /// Tags are sent with the object.
    SetsTags,
    /// A retention mode or date is sent.
    SetsRetention,
    /// A legal hold is sent.
    SetsLegalHold,
    /// The new bucket has object lock.
    LocksBucket,
    /// The new bucket has an Object Ownership setting.
    SetsOwnership,
    /// `x-amz-bypass-governance-retention: true` is sent.
    BypassesGovernance,
    /// The tags of the source are copied, and it has some.
    CopiesTags,
}

/// Families of condition keys that a permission's request brings; see `needs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys(u16);

impl Keys {
    /// None beyond the global ones.
    pub const NONE: Self = Self(0);
    /// `s3:prefix`, `s3:delimiter`, `s3:max-keys`.
    pub const LISTING: Self = Self(1);
    /// `s3:x-amz-acl`, `s3:x-amz-grant-*`.
    pub const ACL: Self = Self(1 << 1);
    /// Storage class, encryption, redirect, conditional writes.
    pub const WRITE: Self = Self(1 << 2);
    /// `s3:RequestObjectTag/*`, `s3:RequestObjectTagKeys`.
    pub const TAGS: Self = Self(1 << 3);
    /// `s3:object-lock-*`.
    pub const LOCK: Self = Self(1 << 4);
    /// `s3:x-amz-copy-source`, `s3:x-amz-metadata-directive`.
    pub const COPY: Self = Self(1 << 5);
    /// `s3:locationconstraint`, `s3:x-amz-object-ownership`.
    pub const CREATION: Self = Self(1 << 6);
    /// `s3:if-match`.
    pub const IF_MATCH: Self = Self(1 << 7);
    /// `s3:object-lock-remaining-retention-days`: in whole days, from the date that is sent.
    pub const RETENTION: Self = Self(1 << 8);

    /// Both families.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are brought.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A permission that an operation needs.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// The action's full name.
    pub action: &'static str,
    /// The action where the request names a version of the object.
    pub versioned: Option<&'static str>,
    /// On what.
    pub on: On,
    /// When.
    pub when: When,
    /// The condition keys that come with it.
    pub keys: Keys,
}

const fn on(action: &'static str, on: On) -> Permission {
    Permission { action, versioned: None, on, when: When::Always, keys: Keys::NONE }
}

impl Permission {
    const fn or(self, versioned: &'static str) -> Self {
        Self { versioned: Some(versioned), ..self }
    }
    const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }
    const fn keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which operation.
    pub id: OperationId,
    /// Its name in S3's API.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// What it addresses.
    pub place: Place,
    /// What else tells it from others; every one must be there.
    pub selectors: &'static [Selector],
    /// What it needs.
    pub needs: &'static [Permission],
    /// Whether the store does it; otherwise it answers `NotImplemented`, after authorization.
    pub supported: bool,
}

/// An S3 operation as a type: what an [`super::Authorized`] was allowed to do.
pub trait Operation: Debug + 'static {
    /// Its row.
    const ROW: &'static Row;
}

macro_rules! table {
    ($($name:ident: $method:ident $place:ident $selectors:tt $needs:tt $supported:ident;)*) => {
        /// The operations by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum OperationId {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)*
        }

        /// Every row. The first one that fits a request is the request's.
        pub const TABLE: &[Row] = &[$(Row {
            id: OperationId::$name,
            name: stringify!($name),
            method: Method::$method,
            place: Place::$place,
            selectors: &$selectors,
            needs: &$needs,
            supported: supported!($supported),
        },)*];

        $(
            #[doc = concat!("The operation `", stringify!($name), "`.")]
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}
            impl Operation for $name {
                const ROW: &'static Row = &TABLE[OperationId::$name as usize];
            }
        )*
    };
}

macro_rules! supported {
    (yes) => {
        true
    };
    (not_yet) => {
        false
    };
}

use On::{Bucket, Listed, Object, Service, Source};
use Selector::{Form, Header, Query, QueryIs};
use When::{
    BypassesGovernance, CopiesTags, LocksBucket, SetsAcl, SetsLegalHold, SetsOwnership, SetsRetention, SetsTags,
};

const PUT_OBJECT: Permission =
    on("s3:PutObject", Object).keys(Keys::ACL.and(Keys::WRITE).and(Keys::TAGS).and(Keys::LOCK));
const PUT_ACL: Permission = on("s3:PutObjectAcl", Object).when(SetsAcl).keys(Keys::ACL);
const PUT_TAGS: Permission = on("s3:PutObjectTagging", Object).when(SetsTags).keys(Keys::TAGS);
const PUT_RETENTION: Permission =
    on("s3:PutObjectRetention", Object).when(SetsRetention).keys(Keys::LOCK.and(Keys::RETENTION));
const PUT_HOLD: Permission = on("s3:PutObjectLegalHold", Object).when(SetsLegalHold).keys(Keys::LOCK);
const READ: Permission = on("s3:GetObject", Object).or("s3:GetObjectVersion");
const READ_SOURCE: Permission = on("s3:GetObject", Source).or("s3:GetObjectVersion");
const PUT_PART: Permission = on("s3:PutObject", Object).keys(Keys::WRITE);

table! {
    // ---- the service ----
    ListBuckets: Get Service [] [on("s3:ListAllMyBuckets", Service)] yes;
    GetAccountPublicAccessBlock: Get Account [] [on("s3:GetAccountPublicAccessBlock", Service)] yes;
    PutAccountPublicAccessBlock: Put Account [] [on("s3:PutAccountPublicAccessBlock", Service)] yes;
    DeleteAccountPublicAccessBlock: Delete Account [] [on("s3:PutAccountPublicAccessBlock", Service)] yes;

    // ---- buckets: settings ----
    GetBucketAcl: Get Bucket [Query("acl")] [on("s3:GetBucketAcl", Bucket)] yes;
    PutBucketAcl: Put Bucket [Query("acl")] [on("s3:PutBucketAcl", Bucket).keys(Keys::ACL)] yes;
    GetBucketCors: Get Bucket [Query("cors")] [on("s3:GetBucketCORS", Bucket)] yes;
    PutBucketCors: Put Bucket [Query("cors")] [on("s3:PutBucketCORS", Bucket)] yes;
    DeleteBucketCors: Delete Bucket [Query("cors")] [on("s3:PutBucketCORS", Bucket)] yes;
    GetBucketEncryption: Get Bucket [Query("encryption")] [on("s3:GetEncryptionConfiguration", Bucket)] yes;
    PutBucketEncryption: Put Bucket [Query("encryption")] [on("s3:PutEncryptionConfiguration", Bucket)] yes;
    DeleteBucketEncryption: Delete Bucket [Query("encryption")] [on("s3:PutEncryptionConfiguration", Bucket)] yes;
    GetBucketLocation: Get Bucket [Query("location")] [on("s3:GetBucketLocation", Bucket)] yes;
    GetObjectLockConfiguration: Get Bucket [Query("object-lock")] [on("s3:GetBucketObjectLockConfiguration", Bucket)] yes;
    PutObjectLockConfiguration: Put Bucket [Query("object-lock")] [on("s3:PutBucketObjectLockConfiguration", Bucket)] yes;
    GetBucketOwnershipControls: Get Bucket [Query("ownershipControls")] [on("s3:GetBucketOwnershipControls", Bucket)] yes;
    PutBucketOwnershipControls: Put Bucket [Query("ownershipControls")] [on("s3:PutBucketOwnershipControls", Bucket)] yes;
    DeleteBucketOwnershipControls: Delete Bucket [Query("ownershipControls")] [on("s3:PutBucketOwnershipControls", Bucket)] yes;
    GetBucketPolicy: Get Bucket [Query("policy")] [on("s3:GetBucketPolicy", Bucket)] yes;
    PutBucketPolicy: Put Bucket [Query("policy")] [on("s3:PutBucketPolicy", Bucket)] yes;
    DeleteBucketPolicy: Delete Bucket [Query("policy")] [on("s3:DeleteBucketPolicy", Bucket)] yes;
    GetBucketPolicyStatus: Get Bucket [Query("policyStatus")] [on("s3:GetBucketPolicyStatus", Bucket)] yes;
    GetPublicAccessBlock: Get Bucket [Query("publicAccessBlock")] [on("s3:GetBucketPublicAccessBlock", Bucket)] yes;
    PutPublicAccessBlock: Put Bucket [Query("publicAccessBlock")] [on("s3:PutBucketPublicAccessBlock", Bucket)] yes;
    DeletePublicAccessBlock: Delete Bucket [Query("publicAccessBlock")] [on("s3:PutBucketPublicAccessBlock", Bucket)] yes;
    GetBucketRequestPayment: Get Bucket [Query("requestPayment")] [on("s3:GetBucketRequestPayment", Bucket)] yes;
    PutBucketRequestPayment: Put Bucket [Query("requestPayment")] [on("s3:PutBucketRequestPayment", Bucket)] not_yet;
    GetBucketTagging: Get Bucket [Query("tagging")] [on("s3:GetBucketTagging", Bucket)] yes;
    PutBucketTagging: Put Bucket [Query("tagging")] [on("s3:PutBucketTagging", Bucket)] yes;
    DeleteBucketTagging: Delete Bucket [Query("tagging")] [on("s3:PutBucketTagging", Bucket)] yes;
    GetBucketVersioning: Get Bucket [Query("versioning")] [on("s3:GetBucketVersioning", Bucket)] yes;
    PutBucketVersioning: Put Bucket [Query("versioning")] [on("s3:PutBucketVersioning", Bucket)] yes;

    // ---- buckets: what is not kept yet. Reading says that none is set; changing is refused ----
    GetBucketAccelerateConfiguration: Get Bucket [Query("accelerate")] [on("s3:GetAccelerateConfiguration", Bucket)] yes;
    PutBucketAccelerateConfiguration: Put Bucket [Query("accelerate")] [on("s3:PutAccelerateConfiguration", Bucket)] not_yet;
    GetBucketAnalyticsConfiguration: Get Bucket [Query("analytics")] [on("s3:GetAnalyticsConfiguration", Bucket)] not_yet;
    PutBucketAnalyticsConfiguration: Put Bucket [Query("analytics")] [on("s3:PutAnalyticsConfiguration", Bucket)] not_yet;
    DeleteBucketAnalyticsConfiguration: Delete Bucket [Query("analytics")] [on("s3:PutAnalyticsConfiguration", Bucket)] not_yet;
    GetBucketIntelligentTieringConfiguration: Get Bucket [Query("intelligent-tiering")] [on("s3:GetIntelligentTieringConfiguration", Bucket)] not_yet;
    PutBucketIntelligentTieringConfiguration: Put Bucket [Query("intelligent-tiering")] [on("s3:PutIntelligentTieringConfiguration", Bucket)] not_yet;
    DeleteBucketIntelligentTieringConfiguration: Delete Bucket [Query("intelligent-tiering")] [on("s3:PutIntelligentTieringConfiguration", Bucket)] not_yet;
    GetBucketInventoryConfiguration: Get Bucket [Query("inventory")] [on("s3:GetInventoryConfiguration", Bucket)] not_yet;
    PutBucketInventoryConfiguration: Put Bucket [Query("inventory")] [on("s3:PutInventoryConfiguration", Bucket)] not_yet;
    DeleteBucketInventoryConfiguration: Delete Bucket [Query("inventory")] [on("s3:PutInventoryConfiguration", Bucket)] not_yet;
    GetBucketLifecycleConfiguration: Get Bucket [Query("lifecycle")] [on("s3:GetLifecycleConfiguration", Bucket)] yes;
    PutBucketLifecycleConfiguration: Put Bucket [Query("lifecycle")] [on("s3:PutLifecycleConfiguration", Bucket)] not_yet;
    DeleteBucketLifecycle: Delete Bucket [Query("lifecycle")] [on("s3:PutLifecycleConfiguration", Bucket)] not_yet;
    GetBucketLogging: Get Bucket [Query("logging")] [on("s3:GetBucketLogging", Bucket)] yes;
    PutBucketLogging: Put Bucket [Query("logging")] [on("s3:PutBucketLogging", Bucket)] not_yet;
    GetBucketMetadataTableConfiguration: Get Bucket [Query("metadataTable")] [on("s3:GetBucketMetadataTableConfiguration", Bucket)] not_yet;
    GetBucketMetricsConfiguration: Get Bucket [Query("metrics")] [on("s3:GetMetricsConfiguration", Bucket)] not_yet;
    PutBucketMetricsConfiguration: Put Bucket [Query("metrics")] [on("s3:PutMetricsConfiguration", Bucket)] not_yet;
    DeleteBucketMetricsConfiguration: Delete Bucket [Query("metrics")] [on("s3:PutMetricsConfiguration", Bucket)] not_yet;
    GetBucketNotificationConfiguration: Get Bucket [Query("notification")] [on("s3:GetBucketNotification", Bucket)] yes;
    PutBucketNotificationConfiguration: Put Bucket [Query("notification")] [on("s3:PutBucketNotification", Bucket)] not_yet;
    GetBucketReplication: Get Bucket [Query("replication")] [on("s3:GetReplicationConfiguration", Bucket)] yes;
    PutBucketReplication: Put Bucket [Query("replication")] [on("s3:PutReplicationConfiguration", Bucket)] not_yet;
    DeleteBucketReplication: Delete Bucket [Query("replication")] [on("s3:PutReplicationConfiguration", Bucket)] not_yet;
    GetBucketWebsite: Get Bucket [Query("website")] [on("s3:GetBucketWebsite", Bucket)] yes;
    PutBucketWebsite: Put Bucket [Query("website")] [on("s3:PutBucketWebsite", Bucket)] not_yet;
    DeleteBucketWebsite: Delete Bucket [Query("website")] [on("s3:DeleteBucketWebsite", Bucket)] not_yet;

    // ---- buckets: themselves and their contents ----
    ListMultipartUploads: Get Bucket [Query("uploads")] [on("s3:ListBucketMultipartUploads", Bucket)] yes;
    ListObjectVersions: Get Bucket [Query("versions")] [on("s3:ListBucketVersions", Bucket).keys(Keys::LISTING)] yes;
    ListObjectsV2: Get Bucket [QueryIs("list-type", "2")] [on("s3:ListBucket", Bucket).keys(Keys::LISTING)] yes;
    ListObjects: Get Bucket [] [on("s3:ListBucket", Bucket).keys(Keys::LISTING)] yes;
    HeadBucket: Head Bucket [] [on("s3:ListBucket", Bucket).keys(Keys::LISTING)] yes;
    CreateBucket: Put Bucket [] [
        on("s3:CreateBucket", Bucket).keys(Keys::CREATION.and(Keys::ACL)),
        on("s3:PutBucketAcl", Bucket).when(SetsAcl).keys(Keys::ACL),
        on("s3:PutBucketObjectLockConfiguration", Bucket).when(LocksBucket),
        on("s3:PutBucketVersioning", Bucket).when(LocksBucket),
        on("s3:PutBucketOwnershipControls", Bucket).when(SetsOwnership)
    ] yes;
    DeleteBucket: Delete Bucket [] [on("s3:DeleteBucket", Bucket)] yes;
    DeleteObjects: Post Bucket [Query("delete")] [
        on("s3:DeleteObject", Listed).or("s3:DeleteObjectVersion").keys(Keys::IF_MATCH),
        on("s3:BypassGovernanceRetention", Listed).when(BypassesGovernance)
    ] yes;
    PostObject: Post Bucket [Form] [PUT_OBJECT, PUT_ACL, PUT_TAGS, PUT_RETENTION, PUT_HOLD] yes;

    // ---- objects: their settings ----
    GetObjectAcl: Get Object [Query("acl")] [on("s3:GetObjectAcl", Object).or("s3:GetObjectVersionAcl")] yes;
    PutObjectAcl: Put Object [Query("acl")] [on("s3:PutObjectAcl", Object).or("s3:PutObjectVersionAcl").keys(Keys::ACL)] yes;
    GetObjectAttributes: Get Object [Query("attributes")] [
        READ,
        on("s3:GetObjectAttributes", Object).or("s3:GetObjectVersionAttributes")
    ] yes;
    GetObjectLegalHold: Get Object [Query("legal-hold")] [on("s3:GetObjectLegalHold", Object)] yes;
    PutObjectLegalHold: Put Object [Query("legal-hold")] [on("s3:PutObjectLegalHold", Object).keys(Keys::LOCK)] yes;
    GetObjectRetention: Get Object [Query("retention")] [on("s3:GetObjectRetention", Object)] yes;
    PutObjectRetention: Put Object [Query("retention")] [
        on("s3:PutObjectRetention", Object).keys(Keys::LOCK.and(Keys::RETENTION)),
        on("s3:BypassGovernanceRetention", Object).when(BypassesGovernance).keys(Keys::LOCK.and(Keys::RETENTION))
    ] yes;
    GetObjectTagging: Get Object [Query("tagging")] [on("s3:GetObjectTagging", Object).or("s3:GetObjectVersionTagging")] yes;
    PutObjectTagging: Put Object [Query("tagging")] [on("s3:PutObjectTagging", Object).or("s3:PutObjectVersionTagging").keys(Keys::TAGS)] yes;
    DeleteObjectTagging: Delete Object [Query("tagging")] [on("s3:DeleteObjectTagging", Object).or("s3:DeleteObjectVersionTagging")] yes;
    GetObjectTorrent: Get Object [Query("torrent")] [on("s3:GetObjectTorrent", Object)] not_yet;
    RestoreObject: Post Object [Query("restore")] [on("s3:RestoreObject", Object)] not_yet;
    SelectObjectContent: Post Object [Query("select")] [on("s3:GetObject", Object)] not_yet;

    // ---- objects: multipart uploads ----
    ListParts: Get Object [Query("uploadId")] [on("s3:ListMultipartUploadParts", Object)] yes;
    CreateMultipartUpload: Post Object [Query("uploads")] [PUT_OBJECT, PUT_ACL, PUT_TAGS, PUT_RETENTION, PUT_HOLD] yes;
    UploadPartCopy: Put Object [Query("uploadId"), Header("x-amz-copy-source")] [
        READ_SOURCE,
        PUT_PART.keys(Keys::WRITE.and(Keys::COPY))
    ] yes;
    UploadPart: Put Object [Query("uploadId")] [PUT_PART] yes;
    CompleteMultipartUpload: Post Object [Query("uploadId")] [PUT_PART] yes;
    AbortMultipartUpload: Delete Object [Query("uploadId")] [on("s3:AbortMultipartUpload", Object)] yes;

    // ---- objects: themselves ----
    GetObject: Get Object [] [READ] yes;
    HeadObject: Head Object [] [READ] yes;
    CopyObject: Put Object [Header("x-amz-copy-source")] [
        READ_SOURCE,
        on("s3:GetObjectTagging", Source).or("s3:GetObjectVersionTagging").when(CopiesTags),
        PUT_OBJECT.keys(Keys::ACL.and(Keys::WRITE).and(Keys::TAGS).and(Keys::LOCK).and(Keys::COPY)),
        PUT_ACL,
        on("s3:PutObjectTagging", Object).when(CopiesTags),
        PUT_TAGS,
        PUT_RETENTION,
        PUT_HOLD
    ] yes;
    PutObject: Put Object [] [PUT_OBJECT, PUT_ACL, PUT_TAGS, PUT_RETENTION, PUT_HOLD] yes;
    DeleteObject: Delete Object [] [
        on("s3:DeleteObject", Object).or("s3:DeleteObjectVersion").keys(Keys::IF_MATCH),
        on("s3:BypassGovernanceRetention", Object).when(BypassesGovernance)
    ] yes;
}

/// Where a request stands for the table: what it addresses, and what else tells operations apart.
pub trait Asked: Sync {
    /// Whether the query has this parameter.
    fn query(&self, name: &str) -> Option<&str>;
    /// A header's value.
    fn header(&self, name: &str) -> Option<&str>;
}

/// S3 Control's path of an account's Block Public Access.
pub const ACCOUNT_PATH: &str = "/v20180820/configuration/publicAccessBlock";

/// The row of a request; `None`: S3 has no such operation (`MethodNotAllowed`).
#[must_use]
pub fn find(method: Method, target: &Target, account: bool, asked: &impl Asked) -> Option<&'static Row> {
    let place = match target {
        _ if account => Place::Account,
        Target::Service => Place::Service,
        Target::Entities(_) => return None,
        Target::Bucket { .. } => Place::Bucket,
        Target::Object { .. } => Place::Object,
    };
    let row = TABLE
        .iter()
        .find(|row| row.method == method && row.place == place && row.selectors.iter().all(|s| selected(*s, asked)))?;
    // `DELETE /bucket?uploads` must not delete the bucket: a sub-resource is never left out.
    let by_query = row.selectors.iter().any(|s| matches!(s, Selector::Query(_) | Selector::QueryIs(..)));
    (by_query || !names_subresource(place, asked)).then_some(row)
}

/// Whether the query names a sub-resource of such a place, with whichever method.
fn names_subresource(place: Place, asked: &impl Asked) -> bool {
    let rows = TABLE.iter().filter(|row| row.place == place);
    let mut selectors = rows.flat_map(|row| row.selectors);
    selectors.any(|s| matches!(s, Selector::Query(name) if asked.query(name).is_some()))
}

fn selected(selector: Selector, asked: &impl Asked) -> bool {
    match selector {
        Selector::Query(name) => asked.query(name).is_some(),
        Selector::QueryIs(name, value) => asked.query(name) == Some(value),
        Selector::Header(name) => asked.header(name).is_some(),
        Selector::Form => asked
            .header("content-type")
            .is_some_and(|t| t.trim_start().get(..19).is_some_and(|t| t.eq_ignore_ascii_case("multipart/form-data"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::vocabulary::ActionId;

    #[test]
    fn every_action_is_in_the_catalogue_and_every_row_needs_something() {
        for row in TABLE {
            assert!(!row.needs.is_empty(), "{} needs nothing", row.name);
            for need in row.needs {
                for action in [Some(need.action), need.versioned].into_iter().flatten() {
                    let id = ActionId::lookup(action);
                    assert!(
                        id.is_some_and(|id| format!("s3:{}", id.name()) == action),
                        "{}: {action} is not an action",
                        row.name
                    );
                }
            }
            assert!(row.needs.iter().any(|n| n.when == When::Always), "{} needs nothing for certain", row.name);
        }
    }

    #[test]
    fn no_row_hides_a_later_one() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.id as usize, at);
            for earlier in &TABLE[..at] {
                let same = earlier.method == row.method && earlier.place == row.place;
                let hides = same && earlier.selectors.iter().all(|s| row.selectors.contains(s));
                assert!(!hides, "{} never comes to pass: {} stands before it", row.name, earlier.name);
            }
        }
    }
}
