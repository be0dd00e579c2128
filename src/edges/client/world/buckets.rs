//! Buckets' part: read, and how settings are sent.

use super::{Reading, Scope, absent};
use crate::edges::client::objects::queried;
use crate::edges::client::wire::{CHECKSUM, Call};
use crate::edges::client::xml::Element;
use crate::edges::client::{Client, ClientError};
use crate::edges::inventory::{Bucket, beside};
use crate::edges::server::auth::Hasher;
use crate::gate::operations::ACCOUNT_PATH;
use crate::policy::acl::{Acl, Grant, Grantee, ObjectOwnership, Permission, PublicAccessBlock};
use http::Method;
use quick_xml::escape::escape;
use std::fmt::Write as _;

/// A request about a setting of a bucket; `setting` is such as `policy`.
pub(super) fn about(method: Method, bucket: &str, setting: &str) -> Call {
    Call::s3(method, format!("/{}?{setting}", queried(bucket)))
}

/// The same with a document, and its checksum, which S3 wants with settings.
pub(super) fn with_document(call: Call, body: String) -> Result<Call, ClientError> {
    let checksum = Hasher::of(CHECKSUM, body.as_bytes()).base64();
    call.body(body.into(), Some(&checksum))
}

/// A request about an account's Block Public Access.
pub(super) fn about_account(method: Method, account: &str) -> Result<Call, ClientError> {
    Call::s3(method, ACCOUNT_PATH.to_owned()).header("x-amz-account-id", account)
}

const SPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

pub(super) fn block_document(block: PublicAccessBlock) -> String {
    let members = [
        ("BlockPublicAcls", block.block_public_acls),
        ("IgnorePublicAcls", block.ignore_public_acls),
        ("BlockPublicPolicy", block.block_public_policy),
        ("RestrictPublicBuckets", block.restrict_public_buckets),
    ];
    let inner = members.iter().fold(String::new(), |mut out, (name, on)| {
        let _ = write!(out, "<{name}>{on}</{name}>");
        out
    });
    format!("<PublicAccessBlockConfiguration {SPACE}>{inner}</PublicAccessBlockConfiguration>")
}

pub(super) fn ownership_document(ownership: ObjectOwnership) -> String {
    let rule = format!("<Rule><ObjectOwnership>{}</ObjectOwnership></Rule>", ownership.name());
    format!("<OwnershipControls {SPACE}>{rule}</OwnershipControls>")
}

pub(super) fn acl_document(owner: &str, acl: &Acl) -> String {
    let mut grants = String::new();
    for grant in &acl.grants {
        let (kind, id) = grant.grantee.named();
        let (kind, member) = match &grant.grantee {
            Grantee::Canonical(_) => (kind, "ID"),
            Grantee::Email(_) => ("AmazonCustomerByEmail", "EmailAddress"),
            _ => (kind, "URI"),
        };
        let _ = write!(
            grants,
            "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{kind}\">\
             <{member}>{}</{member}></Grantee><Permission>{}</Permission></Grant>",
            escape(id),
            grant.permission.name()
        );
    }
    let owner = format!("<Owner><ID>{}</ID></Owner>", escape(owner));
    format!("<AccessControlPolicy {SPACE}>{owner}<AccessControlList>{grants}</AccessControlList></AccessControlPolicy>")
}

pub(super) fn location_document(region: &str) -> String {
    let inner = format!("<LocationConstraint>{}</LocationConstraint>", escape(region));
    format!("<CreateBucketConfiguration {SPACE}>{inner}</CreateBucketConfiguration>")
}

impl Client {
    pub(super) async fn read_buckets(&self, scope: &Scope, reading: &mut Reading) {
        if scope.account_block {
            let account = reading.inventory.account.clone();
            let block = self.account_block(&account).await;
            reading.inventory.public_access_block = reading.take("the account's Block Public Access", block).flatten();
        }
        if scope.buckets.as_ref().is_some_and(std::collections::BTreeSet::is_empty) {
            return;
        }
        let list = self.bucket_list().await;
        let Some((owner, names)) = reading.take("buckets", list) else { return };
        reading.inventory.canonical_id = Some(owner);
        for name in names {
            if scope.buckets.as_ref().is_none_or(|wanted| wanted.contains(&name)) {
                let unread = reading.unread.len();
                let bucket = self.read_bucket(&name, reading).await;
                if reading.unread.len() > unread {
                    reading.partial.buckets.insert(name.clone());
                }
                if scope.beside {
                    let settings = self.other_settings(&name).await;
                    reading.left_out.extend(beside(&format!("bucket {name}"), &settings));
                }
                reading.inventory.buckets.insert(name, bucket);
            }
        }
    }

    async fn account_block(&self, account: &str) -> Result<Option<PublicAccessBlock>, ClientError> {
        let answer = self.send(&about_account(Method::GET, account)?).await;
        let answer = absent(answer, "NoSuchPublicAccessBlockConfiguration")?;
        answer.map(|answer| answer.xml().map(|document| block(&document))).transpose()
    }

    /// The caller's canonical user id and the names of its buckets.
    async fn bucket_list(&self) -> Result<(String, Vec<String>), ClientError> {
        let (mut names, mut token) = (Vec::new(), None::<String>);
        loop {
            let more = token.as_ref().map(|token| format!("?continuation-token={}", queried(token)));
            let target = format!("/{}", more.unwrap_or_default());
            let page = self.send(&Call::s3(Method::GET, target)).await?.xml()?;
            let buckets = page.all("Buckets").flat_map(|list| list.all("Bucket"));
            names.extend(buckets.map(|bucket| bucket.text("Name")));
            let next = page.some("ContinuationToken").filter(|next| !next.is_empty() && Some(next) != token.as_ref());
            match next {
                Some(next) => token = Some(next),
                None => return Ok((page.take("Owner").text("ID"), names)),
            }
        }
    }

    async fn read_bucket(&self, name: &str, reading: &mut Reading) -> Bucket {
        let what = |part: &str| format!("{part} of bucket {name}");
        let region = self.document(name, "location", "").await;
        let region = reading.take(&what("the region"), region).flatten();
        let region = region.map(|e| if e.own().is_empty() { "us-east-1".to_owned() } else { e.own().to_owned() });
        let policy = absent(self.send(&about(Method::GET, name, "policy")).await, "NoSuchBucketPolicy");
        let policy = reading.take(&what("the policy"), policy).flatten();
        let acl = self.document(name, "acl", "").await.and_then(|e| e.map(|e| acl_of(&e)).transpose());
        let acl = reading.take(&what("the ACL"), acl).flatten();
        let found = self.document(name, "publicAccessBlock", "NoSuchPublicAccessBlockConfiguration").await;
        let found = reading.take(&what("Block Public Access"), found);
        let ownership = self.document(name, "ownershipControls", "OwnershipControlsNotFoundError").await;
        // Deleted, ACLs count as with this.
        let ownership =
            ownership.and_then(|document| document.as_ref().map_or(Ok(ObjectOwnership::ObjectWriter), ownership_of));
        let ownership = reading.take(&what("Object Ownership"), ownership);
        Bucket {
            region,
            policy: policy.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()),
            acl,
            ownership,
            public_access_block: found.map(|found| found.map(|e| block(&e)).unwrap_or_default()),
        }
    }

    /// What a bucket has that is no part of an inventory. What may not be asked for is no error: nothing is lost that
    /// an export would have.
    async fn other_settings(&self, name: &str) -> Vec<String> {
        type IsSet = fn(&Element) -> bool;
        let any: IsSet = |_| true;
        let on: IsSet = |document| !document.text("Status").is_empty();
        let other: IsSet = |document| {
            let rules = document.all("Rule").flat_map(|rule| rule.all("ApplyServerSideEncryptionByDefault"));
            rules.into_iter().any(|default| default.text("SSEAlgorithm") != "AES256")
        };
        let settings = [
            ("tags", "tagging", "NoSuchTagSet", any),
            ("versioning", "versioning", "", on),
            ("object lock", "object-lock", "ObjectLockConfigurationNotFoundError", any),
            ("default encryption", "encryption", "ServerSideEncryptionConfigurationNotFoundError", other),
            ("CORS", "cors", "NoSuchCORSConfiguration", any),
        ];
        let mut found = Vec::new();
        for (shown, setting, missing, is_set) in settings {
            match self.document(name, setting, missing).await {
                Ok(document) => found.extend(document.filter(is_set).map(|_| shown.to_owned())),
                Err(_) => found.push(format!("{shown} (not known)")),
            }
        }
        found
    }

    async fn document(&self, bucket: &str, setting: &str, missing: &str) -> Result<Option<Element>, ClientError> {
        let answer = absent(self.send(&about(Method::GET, bucket, setting)).await, missing)?;
        answer.map(|answer| answer.xml()).transpose()
    }
}

fn block(of: &Element) -> PublicAccessBlock {
    let on = |name: &str| of.text(name) == "true";
    PublicAccessBlock {
        block_public_acls: on("BlockPublicAcls"),
        ignore_public_acls: on("IgnorePublicAcls"),
        block_public_policy: on("BlockPublicPolicy"),
        restrict_public_buckets: on("RestrictPublicBuckets"),
    }
}

fn ownership_of(document: &Element) -> Result<ObjectOwnership, ClientError> {
    let text = document.all("Rule").next().map(|rule| rule.text("ObjectOwnership")).unwrap_or_default();
    ObjectOwnership::parse(&text).ok_or_else(|| ClientError::Answer(format!("`{text}` is no Object Ownership")))
}

fn acl_of(document: &Element) -> Result<Acl, ClientError> {
    let mut acl = Acl::default();
    for entry in document.all("AccessControlList").flat_map(|list| list.all("Grant")) {
        let grantee = entry.all("Grantee").next().and_then(|grantee| {
            let uri = grantee.some("URI").and_then(|uri| Grantee::group(&uri));
            uri.or_else(|| grantee.some("ID").map(Grantee::Canonical))
                .or_else(|| grantee.some("EmailAddress").map(Grantee::Email))
        });
        match (grantee, Permission::parse(&entry.text("Permission"))) {
            (Some(grantee), Some(permission)) => acl.grants.push(Grant { grantee, permission }),
            _ => return Err(ClientError::Answer("it has a grant that S3 does not know".to_owned())),
        }
    }
    Ok(acl)
}
