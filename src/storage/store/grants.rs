//! Which operations may do what here. The traits are sealed: only this file says it.

use crate::gate::operations as o;

mod sealed {
    /// Nobody outside adds an operation.
    pub trait Sealed {}
}
use sealed::Sealed;

macro_rules! grants {
    ($($(#[$doc:meta])* $name:ident: $($operation:ident)*;)*) => {
        $(
            $(#[$doc])*
            pub trait $name: Sealed {}
            $(impl $name for o::$operation {})*
        )*
    };
}

macro_rules! sealed {
    ($($operation:ident)*) => {
        $(impl Sealed for o::$operation {})*
    };
}

grants! {
    /// Reads an object's bytes and what is said of them.
    ReadsObject: GetObject HeadObject GetObjectAttributes;
    /// Reads what is said of an object, not its bytes.
    InspectsObject: GetObjectTagging GetObjectAcl GetObjectRetention GetObjectLegalHold;
    /// Reads an object that it copies from.
    ReadsSource: CopyObject UploadPartCopy;
    /// Makes an object.
    WritesObject: PutObject PostObject CopyObject;
    /// Adds a part to an upload.
    WritesPart: UploadPart UploadPartCopy;
    /// Has to do with an upload under way.
    AddressesUpload: UploadPart UploadPartCopy CompleteMultipartUpload AbortMultipartUpload ListParts;
    /// Changes what is said of a version.
    UpdatesObject: PutObjectTagging DeleteObjectTagging PutObjectAcl PutObjectRetention PutObjectLegalHold;
    /// Deletes objects or versions.
    DeletesObject: DeleteObject DeleteObjects;
    /// Lists the current objects.
    ListsBucket: ListObjects ListObjectsV2;
    /// Changes a bucket's settings; creating one again resets its ACL.
    ConfiguresBucket:
        CreateBucket PutBucketAcl PutBucketCors DeleteBucketCors PutBucketEncryption DeleteBucketEncryption
        PutObjectLockConfiguration PutBucketOwnershipControls DeleteBucketOwnershipControls PutBucketPolicy
        DeleteBucketPolicy PutPublicAccessBlock DeletePublicAccessBlock PutBucketTagging DeleteBucketTagging
        PutBucketVersioning;
    /// Reads an account's Block Public Access.
    ReadsAccountBlock: GetAccountPublicAccessBlock;
    /// Changes an account's Block Public Access.
    ConfiguresAccount: PutAccountPublicAccessBlock DeleteAccountPublicAccessBlock;
}

sealed! {
    GetObject HeadObject GetObjectAttributes GetObjectTagging GetObjectAcl GetObjectRetention GetObjectLegalHold
    CopyObject UploadPartCopy PutObject PostObject UploadPart CompleteMultipartUpload AbortMultipartUpload
    ListParts PutObjectTagging DeleteObjectTagging PutObjectAcl CreateBucket
    PutObjectRetention PutObjectLegalHold DeleteObject DeleteObjects ListObjects ListObjectsV2
    PutBucketAcl PutBucketCors DeleteBucketCors PutBucketEncryption DeleteBucketEncryption
    PutObjectLockConfiguration PutBucketOwnershipControls DeleteBucketOwnershipControls PutBucketPolicy
    DeleteBucketPolicy PutPublicAccessBlock DeletePublicAccessBlock PutBucketTagging DeleteBucketTagging
    PutBucketVersioning GetAccountPublicAccessBlock PutAccountPublicAccessBlock DeleteAccountPublicAccessBlock
}
