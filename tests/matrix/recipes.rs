//! How each operation of the table is asked so that it succeeds for those who may: what must be there before, and
//! the request itself.

use crate::support::{Answer, Client};
use portcullis::gate::OperationId as Id;
use portcullis::gate::operations::{ACCOUNT_PATH, Place, Row, Selector, TABLE, When};

/// The account that owns what is asked for.
pub const OWNER: &str = "111122223333";
/// The object that operations on objects address.
pub const KEY: &str = "k";
/// The object that copies read, in the same bucket.
pub const SOURCE: &str = "from";

const LATE: &str = "2050-01-01T00:00:00Z";
const LATER: &str = "2051-01-01T00:00:00Z";
const EARLIER: &str = "2049-01-01T00:00:00Z";

/// A request, before anybody signs it.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    pub method: &'static str,
    /// The raw path and query.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// The fields of a POST form, which is signed in its fields.
    pub form: Option<Vec<(&'static str, String)>>,
}

/// Which of its forms an operation takes.
#[derive(Clone, Debug, Default)]
pub struct Variant {
    /// What the request sets beside its purpose.
    pub whens: Vec<When>,
    /// It names a version: of the object, of the listed one, or of the copy's source.
    pub version: bool,
}

impl Variant {
    fn has(&self, when: When) -> bool {
        self.whens.contains(&when)
    }
}

/// Where a request is made: a bucket that no other operation uses.
pub struct Stage<'a> {
    pub root: &'a Client,
    pub bucket: String,
}

/// What the operation's query, headers and body hold beyond what the table says.
#[derive(Default)]
struct More {
    query: Vec<String>,
    headers: Vec<(&'static str, String)>,
    body: String,
    form: Option<Vec<(&'static str, String)>>,
}

impl More {
    fn body(body: &str) -> Self {
        Self { body: body.to_owned(), ..Self::default() }
    }

    fn query(mut self, parameter: String) -> Self {
        self.query.push(parameter);
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The row of an operation.
pub fn row_of(id: Id) -> &'static Row {
    TABLE.iter().find(|row| row.id == id).expect("every operation has a row")
}

/// Whether the operation is about objects, so that its bucket has some.
fn on_objects(row: &Row) -> bool {
    row.place == Place::Object || matches!(row.id, Id::DeleteObjects | Id::PostObject)
}

impl Stage<'_> {
    /// Prepares the operation's bucket, once.
    pub fn set_up(&self, row: &Row) {
        if on_objects(row) || row.id == Id::PutObjectLockConfiguration || row.id == Id::GetObjectLockConfiguration {
            self.root_sends(Id::PutBucketVersioning);
        }
        if on_objects(row) {
            self.root_sends(Id::PutObjectLockConfiguration);
        }
    }

    /// Makes ready what one request of the operation uses up or changes, and gives the request.
    pub fn request(&self, row: &'static Row, variant: &Variant) -> Sent {
        match row.id {
            Id::GetAccountPublicAccessBlock | Id::DeleteAccountPublicAccessBlock => {
                self.root_sends(Id::PutAccountPublicAccessBlock);
            }
            Id::GetBucketCors | Id::DeleteBucketCors => self.root_sends(Id::PutBucketCors),
            Id::GetBucketEncryption | Id::DeleteBucketEncryption => self.root_sends(Id::PutBucketEncryption),
            Id::GetBucketOwnershipControls | Id::DeleteBucketOwnershipControls => {
                self.root_sends(Id::PutBucketOwnershipControls);
            }
            Id::GetBucketPolicy | Id::DeleteBucketPolicy | Id::GetBucketPolicyStatus => {
                self.root_sends(Id::PutBucketPolicy);
            }
            Id::GetPublicAccessBlock | Id::DeletePublicAccessBlock => self.root_sends(Id::PutPublicAccessBlock),
            Id::GetBucketTagging | Id::DeleteBucketTagging => self.root_sends(Id::PutBucketTagging),
            Id::GetObjectLockConfiguration => self.root_sends(Id::PutObjectLockConfiguration),
            Id::DeleteBucket => self.root_sends(Id::CreateBucket),
            _ => {}
        }
        let version = if on_objects(row) { self.put_object(row, variant) } else { String::new() };
        self.build(row, variant, &version)
    }

    /// All that a request of the operation might have changed, as the owner's root user sees it.
    pub fn state(&self, row: &Row, sent: &Sent) -> Vec<String> {
        let mut paths: Vec<String> = SETTINGS.iter().map(|name| format!("/{}?{name}", self.bucket)).collect();
        if on_objects(row) {
            let of_object = |name: &&str| format!("/{}/{KEY}{name}", self.bucket);
            paths.extend(["", "?acl", "?tagging", "?retention", "?legal-hold"].iter().map(of_object));
        }
        if let Some((_, upload)) = sent.path.split_once("uploadId=") {
            let id = upload.split('&').next().unwrap_or_default();
            paths.push(format!("/{}/{KEY}?uploadId={id}", self.bucket));
        }
        if row.place == Place::Service {
            // Other rows make buckets meanwhile, and listing them changes none.
            paths.clear();
        }
        let mut headers = Vec::new();
        if row.place == Place::Account {
            paths = vec![ACCOUNT_PATH.to_owned()];
            headers.push(("x-amz-account-id", OWNER));
        }
        let seen = |path: &String| {
            let answer = self.root.send("GET", path, &headers, b"");
            let text = if answer.status < 300 { answer.text() } else { answer.code() };
            format!("{path}: {} {text}", answer.status)
        };
        paths.iter().map(seen).collect()
    }

    /// Does something as the owner's root user.
    fn root_sends(&self, id: Id) {
        self.sent_by_root(&self.build(row_of(id), &Variant::default(), ""));
    }

    fn sent_by_root(&self, sent: &Sent) -> Answer {
        let headers: Vec<(&str, &str)> = sent.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = self.root.send(sent.method, &sent.path, &headers, &sent.body);
        assert!(answer.status < 300, "preparing {} {}: {} {}", sent.method, sent.path, answer.status, answer.text());
        answer
    }

    /// Writes the object that the operation addresses, and gives its version.
    fn put_object(&self, row: &Row, variant: &Variant) -> String {
        let mut headers = vec![("x-amz-tagging", "colour=red".to_owned())];
        let deletes = matches!(row.id, Id::DeleteObject | Id::DeleteObjects);
        if !deletes || variant.has(When::BypassesGovernance) {
            headers.push(("x-amz-object-lock-mode", "GOVERNANCE".to_owned()));
            headers.push(("x-amz-object-lock-retain-until-date", LATE.to_owned()));
        }
        if !deletes {
            headers.push(("x-amz-object-lock-legal-hold", "OFF".to_owned()));
        }
        self.put(KEY, headers)
    }

    fn put(&self, key: &str, headers: Vec<(&'static str, String)>) -> String {
        let path = format!("/{}/{key}", self.bucket);
        let put = Sent { method: "PUT", path, headers, body: b"content".to_vec(), form: None };
        self.sent_by_root(&put).header("x-amz-version-id").to_owned()
    }

    /// Begins an upload.
    pub fn upload(&self, key: &str) -> String {
        let path = format!("/{}/{key}?uploads", self.bucket);
        self.sent_by_root(&Sent { method: "POST", path, ..Sent::default() }).element("UploadId")
    }

    /// Sends the first part of an upload, and gives its `ETag`.
    pub fn part(&self, key: &str, upload: &str) -> String {
        let path = format!("/{}/{key}?partNumber=1&uploadId={upload}", self.bucket);
        let part = Sent { method: "PUT", path, body: b"part".to_vec(), ..Sent::default() };
        self.sent_by_root(&part).header("etag").to_owned()
    }

    fn build(&self, row: &'static Row, variant: &Variant, version: &str) -> Sent {
        let mut more = self.more(row.id, variant, version);
        if variant.version && row.place == Place::Object && !copies(row) {
            more.query.push(format!("versionId={version}"));
        }
        if more.form.is_none() {
            more.headers.extend(variant.whens.iter().flat_map(|when| headers_of(*when)));
        }
        let selected = row.selectors.iter().filter_map(|selector| match selector {
            Selector::Query("uploadId") | Selector::Header(_) | Selector::Form => None,
            Selector::Query(name) => Some((*name).to_owned()),
            Selector::QueryIs(name, value) => Some(format!("{name}={value}")),
        });
        let query: Vec<String> = selected.chain(more.query).collect();
        let path = match row.place {
            Place::Service => "/".to_owned(),
            Place::Account => ACCOUNT_PATH.to_owned(),
            Place::Bucket => format!("/{}", self.bucket),
            Place::Object => format!("/{}/{KEY}", self.bucket),
        };
        let path = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        Sent { method: row.method.name(), path, headers: more.headers, body: more.body.into_bytes(), form: more.form }
    }

    /// The source of a copy, fresh, with tags where they are to be copied.
    fn copy_source(&self, variant: &Variant) -> String {
        let tagged = variant.has(When::CopiesTags).then(|| ("x-amz-tagging", "colour=red".to_owned()));
        let version = self.put(SOURCE, tagged.into_iter().collect());
        let named = if variant.version { format!("?versionId={version}") } else { String::new() };
        format!("/{}/{SOURCE}{named}", self.bucket)
    }

    /// INVARIANT: no arm for the rest. An operation that has no recipe does not compile.
    #[expect(clippy::too_many_lines, reason = "a flat table, one arm for each operation or family")]
    fn more(&self, id: Id, variant: &Variant, version: &str) -> More {
        let on_account = || More::default().header("x-amz-account-id", OWNER);
        let uploading = |upload: &str| More::default().query(format!("uploadId={upload}"));
        match id {
            Id::ListBuckets
            | Id::GetBucketAcl
            | Id::GetBucketCors
            | Id::DeleteBucketCors
            | Id::GetBucketEncryption
            | Id::DeleteBucketEncryption
            | Id::GetBucketLocation
            | Id::GetObjectLockConfiguration
            | Id::GetBucketOwnershipControls
            | Id::DeleteBucketOwnershipControls
            | Id::GetBucketPolicy
            | Id::DeleteBucketPolicy
            | Id::GetBucketPolicyStatus
            | Id::GetPublicAccessBlock
            | Id::DeletePublicAccessBlock
            | Id::GetBucketRequestPayment
            | Id::GetBucketTagging
            | Id::DeleteBucketTagging
            | Id::GetBucketVersioning
            | Id::GetBucketAccelerateConfiguration
            | Id::GetBucketLifecycleConfiguration
            | Id::DeleteBucketLifecycle
            | Id::GetBucketLogging
            | Id::GetBucketMetadataTableConfiguration
            | Id::GetBucketNotificationConfiguration
            | Id::GetBucketReplication
            | Id::DeleteBucketReplication
            | Id::GetBucketWebsite
            | Id::DeleteBucketWebsite
            | Id::ListMultipartUploads
            | Id::ListObjectVersions
            | Id::ListObjectsV2
            | Id::ListObjects
            | Id::HeadBucket
            | Id::CreateBucket
            | Id::DeleteBucket
            | Id::GetObjectAcl
            | Id::GetObjectLegalHold
            | Id::GetObjectRetention
            | Id::GetObjectTagging
            | Id::DeleteObjectTagging
            | Id::GetObjectTorrent
            | Id::CreateMultipartUpload
            | Id::GetObject
            | Id::HeadObject
            | Id::DeleteObject => More::default(),

            Id::GetAccountPublicAccessBlock | Id::DeleteAccountPublicAccessBlock => on_account(),
            Id::PutAccountPublicAccessBlock => More { body: BLOCK.to_owned(), ..on_account() },
            Id::PutBucketAcl | Id::PutObjectAcl => More::default().header("x-amz-acl", "private"),
            Id::PutBucketCors => More::body(CORS),
            Id::PutBucketEncryption => More::body(ENCRYPTION),
            Id::PutObjectLockConfiguration => More::body(OBJECT_LOCK),
            Id::PutBucketOwnershipControls => More::body(OWNERSHIP),
            Id::PutBucketPolicy => More::body(&POLICY.replace("BUCKET", &self.bucket)),
            Id::PutPublicAccessBlock => More::body(BLOCK),
            Id::PutBucketTagging | Id::PutObjectTagging => More::body(TAGGING),
            Id::PutBucketVersioning => More::body(VERSIONING),

            Id::GetBucketAnalyticsConfiguration
            | Id::DeleteBucketAnalyticsConfiguration
            | Id::GetBucketIntelligentTieringConfiguration
            | Id::DeleteBucketIntelligentTieringConfiguration
            | Id::GetBucketInventoryConfiguration
            | Id::DeleteBucketInventoryConfiguration
            | Id::GetBucketMetricsConfiguration
            | Id::DeleteBucketMetricsConfiguration => More::default().query("id=one".to_owned()),
            Id::PutBucketAnalyticsConfiguration
            | Id::PutBucketIntelligentTieringConfiguration
            | Id::PutBucketInventoryConfiguration
            | Id::PutBucketMetricsConfiguration => More::body("<Configuration/>").query("id=one".to_owned()),
            Id::PutBucketRequestPayment => {
                More::body("<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>")
            }
            Id::PutBucketAccelerateConfiguration => {
                More::body("<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>")
            }
            Id::PutBucketLifecycleConfiguration => More::body("<LifecycleConfiguration/>"),
            Id::PutBucketLogging => More::body("<BucketLoggingStatus/>"),
            Id::PutBucketNotificationConfiguration => More::body("<NotificationConfiguration/>"),
            Id::PutBucketReplication => More::body("<ReplicationConfiguration/>"),
            Id::PutBucketWebsite => More::body("<WebsiteConfiguration/>"),
            Id::RestoreObject => More::body("<RestoreRequest><Days>1</Days></RestoreRequest>"),
            Id::SelectObjectContent => More::body("<SelectObjectContentRequest/>").query("select-type=2".to_owned()),

            Id::DeleteObjects => {
                let named = if variant.version { format!("<VersionId>{version}</VersionId>") } else { String::new() };
                More::body(&format!("<Delete><Object><Key>{KEY}</Key>{named}</Object></Delete>"))
            }
            Id::PostObject => More { form: Some(form_fields(variant)), ..More::default() },
            Id::GetObjectAttributes => More::default().header("x-amz-object-attributes", "ETag,ObjectSize"),
            Id::PutObjectLegalHold => More::body("<LegalHold><Status>OFF</Status></LegalHold>"),
            Id::PutObjectRetention => {
                let until = if variant.has(When::BypassesGovernance) { EARLIER } else { LATER };
                let mode = "<Mode>GOVERNANCE</Mode>";
                More::body(&format!("<Retention>{mode}<RetainUntilDate>{until}</RetainUntilDate></Retention>"))
            }

            Id::ListParts | Id::AbortMultipartUpload => uploading(&self.upload(KEY)),
            Id::UploadPart => {
                let more = uploading(&self.upload(KEY)).query("partNumber=1".to_owned());
                More { body: "part".to_owned(), ..more }
            }
            Id::UploadPartCopy => {
                let more = uploading(&self.upload(KEY)).query("partNumber=1".to_owned());
                more.header("x-amz-copy-source", self.copy_source(variant))
            }
            Id::CompleteMultipartUpload => {
                let upload = self.upload(KEY);
                More { body: completion(&self.part(KEY, &upload)), ..uploading(&upload) }
            }
            Id::CopyObject => {
                let more = More::default().header("x-amz-copy-source", self.copy_source(variant));
                let sets = variant.has(When::SetsTags);
                if sets { more.header("x-amz-tagging-directive", "REPLACE") } else { more }
            }
            Id::PutObject => More::body("content"),
        }
    }
}

/// Whether the operation reads a source.
pub fn copies(row: &Row) -> bool {
    matches!(row.id, Id::CopyObject | Id::UploadPartCopy)
}

/// The document that completes an upload of one part.
pub fn completion(etag: &str) -> String {
    let part = format!("<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>");
    format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>")
}

/// What makes a permission apply.
fn headers_of(when: When) -> Vec<(&'static str, String)> {
    let of = |name: &'static str, value: &str| (name, value.to_owned());
    match when {
        // A copy's tags are its source's.
        When::Always | When::CopiesTags => vec![],
        When::SetsAcl => vec![of("x-amz-acl", "private")],
        When::SetsTags => vec![of("x-amz-tagging", "shape=round")],
        When::SetsRetention => {
            vec![of("x-amz-object-lock-mode", "GOVERNANCE"), of("x-amz-object-lock-retain-until-date", LATE)]
        }
        When::SetsLegalHold => vec![of("x-amz-object-lock-legal-hold", "ON")],
        When::LocksBucket => vec![of("x-amz-bucket-object-lock-enabled", "true")],
        When::SetsOwnership => vec![of("x-amz-object-ownership", "BucketOwnerEnforced")],
        When::BypassesGovernance => vec![of("x-amz-bypass-governance-retention", "true")],
    }
}

fn form_fields(variant: &Variant) -> Vec<(&'static str, String)> {
    let of_when = |when: &When| match when {
        When::SetsAcl => vec![("acl", "private".to_owned())],
        When::SetsTags => vec![("tagging", TAGGING.to_owned())],
        other => headers_of(*other),
    };
    let set = variant.whens.iter().flat_map(of_when);
    std::iter::once(("key", KEY.to_owned())).chain(set).collect()
}

/// What a bucket's state is read from: its settings and its contents.
const SETTINGS: [&str; 12] = [
    "acl",
    "cors",
    "encryption",
    "object-lock",
    "ownershipControls",
    "policy",
    "publicAccessBlock",
    "requestPayment",
    "tagging",
    "uploads",
    "versioning",
    "versions",
];
const BLOCK: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
    <BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>";
const CORS: &str = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
    <AllowedOrigin>https://example.com</AllowedOrigin></CORSRule></CORSConfiguration>";
const ENCRYPTION: &str = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
    <SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>\
    </ServerSideEncryptionConfiguration>";
const OBJECT_LOCK: &str =
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
const OWNERSHIP: &str = "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>\
    </OwnershipControls>";
const TAGGING: &str = "<Tagging><TagSet><Tag><Key>shape</Key><Value>round</Value></Tag></TagSet></Tagging>";
const VERSIONING: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
/// It allows nothing that a row asks for.
const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:user/allowed"},
    "Action": "s3:GetObject", "Resource": "arn:aws:s3:::BUCKET/elsewhere"}]}"#;
