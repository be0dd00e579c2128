//! Who owns what is made, and access control lists.
//!
//! Source: S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket"; semantics
//! sections 6.1 and 6.3.

use crate::edges::server::call::Call;
use crate::edges::server::directory::Directory;
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::scenes::ownership_of;
use crate::edges::server::wire::acl::{self, AclHeaders};
use crate::gate::operations::{GetBucketAcl, GetObjectAcl, PutBucketAcl, PutObjectAcl};
use crate::gate::{BodyFacts, Caller};
use crate::policy::acl::{ANONYMOUS_CANONICAL_ID, Acl, Grant, Grantee, ObjectOwnership, Permission};
use crate::storage::store::{BucketRecord, Owner};
use http::StatusCode;

/// The owner of a new object and its ACL.
pub(super) struct Ownership {
    pub owner: Owner,
    /// `None`: the owner holds everything.
    pub acl: Option<Acl>,
}

/// Whoever sent the request, as an owner.
pub(super) fn owner_of(caller: &Caller) -> Owner {
    Owner {
        canonical: caller.canonical_id().unwrap_or(ANONYMOUS_CANONICAL_ID).to_owned(),
        display: caller.display_name.clone().unwrap_or_default(),
    }
}

/// Who owns a new object, and with which ACL.
pub(super) fn of_new_object(
    call: &Call,
    bucket: &BucketRecord,
    headers: Option<&AclHeaders>,
) -> Result<Ownership, S3Error> {
    let ownership = ownership_of(bucket);
    let given_away = matches!(headers, Some(AclHeaders::Canned("bucket-owner-full-control")));
    let owner = match ownership {
        ObjectOwnership::BucketOwnerEnforced => bucket.owner.clone(),
        ObjectOwnership::BucketOwnerPreferred if given_away => bucket.owner.clone(),
        ObjectOwnership::BucketOwnerPreferred | ObjectOwnership::ObjectWriter => owner_of(&call.auth.caller),
    };
    let Some(headers) = headers else { return Ok(Ownership { owner, acl: None }) };
    let acl = resolved(headers.acl(&owner.canonical, &bucket.owner.canonical), &call.server.directory())?;
    if ownership == ObjectOwnership::BucketOwnerEnforced {
        changes_nothing(&acl, bucket)?;
        return Ok(Ownership { owner, acl: None });
    }
    Ok(Ownership { owner, acl: Some(acl) })
}

/// Where ACLs are disabled, only those are taken that say what holds anyway.
fn changes_nothing(acl: &Acl, bucket: &BucketRecord) -> Result<(), S3Error> {
    let owner = Grantee::Canonical(bucket.owner.canonical.clone());
    if acl.grants.iter().all(|grant| grant.grantee == owner) {
        return Ok(());
    }
    Err(S3Error::new("AccessControlListNotSupported", "The bucket does not allow ACLs"))
}

/// The list with its e-mail grantees found, and its canonical ids checked.
pub(in crate::edges::server) fn resolved(mut acl: Acl, directory: &Directory) -> Result<Acl, S3Error> {
    for grant in &mut acl.grants {
        match &grant.grantee {
            Grantee::Email(address) => {
                let unresolvable = || {
                    let message = "The e-mail address you provided does not match any account on record.";
                    S3Error::new("UnresolvableGrantByEmailAddress", message).with("EmailAddress", address.clone())
                };
                let canonical = directory.canonical_of_email(address).ok_or_else(unresolvable)?;
                grant.grantee = Grantee::Canonical(canonical.to_owned());
            }
            Grantee::Canonical(id) if !directory.knows_canonical(id) => {
                return Err(S3Error::invalid_argument("CanonicalUser/ID", id, "Invalid id"));
            }
            _ => {}
        }
    }
    Ok(acl)
}

/// The ACL that a `PUT …?acl` sets: in headers, or in a body that repeats the owner.
async fn sent_acl(call: &mut Call) -> Result<Sent, S3Error> {
    let headers = AclHeaders::of_request(&call.parts.headers)?;
    let body = call.small_body().await?;
    match (headers, body.is_empty()) {
        (Some(headers), true) => Ok(Sent::Headers(headers)),
        (None, false) => Ok(Sent::Document(acl::parse_xml(&body)?)),
        (Some(_), false) => Err(S3Error::of("UnexpectedContent")),
        (None, true) => Err(S3Error::new("MissingSecurityHeader", "Your request was missing a required header")
            .with("MissingHeaderName", "x-amz-acl")),
    }
}

enum Sent {
    Headers(AclHeaders),
    Document(acl::SentAcl),
}

impl Sent {
    fn facts(&self) -> BodyFacts {
        let public = matches!(self, Self::Document(sent) if sent.acl.is_public());
        BodyFacts { sets_public_acl: public, ..BodyFacts::default() }
    }

    /// The list, for something that `owner` owns.
    fn acl(self, owner: &str, bucket: &BucketRecord, directory: &Directory) -> Result<Acl, S3Error> {
        let list = match self {
            Self::Headers(headers) => headers.acl(owner, &bucket.owner.canonical),
            Self::Document(sent) if sent.owner != owner => return Err(S3Error::access_denied()),
            Self::Document(sent) => sent.acl,
        };
        resolved(list, directory)
    }
}

/// `GET …?acl` of a bucket.
pub(super) async fn get_bucket_acl(call: &mut Call) -> Result<Reply, S3Error> {
    let (_, bucket) = call.authorize_bucket::<GetBucketAcl>(&BodyFacts::default()).await?;
    let list = shown(bucket.acl.as_ref(), &bucket.owner, &bucket);
    let directory = call.server.directory();
    let name = |id: &str| directory.display_name(id).map(str::to_owned);
    Ok(reply::xml(&acl::bucket_acl(&bucket.owner.canonical, &list, &name)))
}

/// What is shown of a list: where ACLs are disabled, that the bucket's owner holds everything.
fn shown(acl: Option<&Acl>, owner: &Owner, bucket: &BucketRecord) -> Acl {
    match acl {
        Some(acl) if ownership_of(bucket) != ObjectOwnership::BucketOwnerEnforced => acl.clone(),
        _ => Acl::private(&owner.canonical),
    }
}

/// `PUT …?acl` of a bucket.
pub(super) async fn put_bucket_acl(call: &mut Call) -> Result<Reply, S3Error> {
    let sent = sent_acl(call).await?;
    let (grant, bucket) = call.authorize_bucket::<PutBucketAcl>(&sent.facts()).await?;
    let directory = call.server.directory();
    let list = sent.acl(&bucket.owner.canonical, &bucket, &directory)?;
    if ownership_of(&bucket) == ObjectOwnership::BucketOwnerEnforced {
        changes_nothing(&list, &bucket)?;
        return Ok(reply::empty(StatusCode::OK));
    }
    let change = move |record: &mut BucketRecord| {
        record.acl = Some(list.clone());
        Ok(())
    };
    call.server.store().update_bucket(&grant, None, call.now_ms, change).await.map_err(|e| call.failed(e))?;
    Ok(reply::empty(StatusCode::OK))
}

/// `GET …?acl` of an object.
pub(super) async fn get_object_acl(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, sighting) = call.authorize_object::<GetObjectAcl>(&BodyFacts::default()).await?;
    let bucket = sighting.bucket().clone();
    let record = call.server.store().inspect(&grant, sighting).map_err(|e| call.failed(e))?;
    let enforced = ownership_of(&bucket) == ObjectOwnership::BucketOwnerEnforced;
    let owner = if enforced { &bucket.owner } else { &record.owner };
    let list = shown(record.acl.as_ref(), owner, &bucket);
    let directory = call.server.directory();
    let name = |id: &str| directory.display_name(id).map(str::to_owned);
    let mut reply = reply::xml(&acl::object_acl(&owner.canonical, &list, &name));
    super::object_settings::show_version(&bucket, &record.version, &mut reply);
    Ok(reply)
}

/// `PUT …?acl` of an object.
pub(super) async fn put_object_acl(call: &mut Call) -> Result<Reply, S3Error> {
    let sent = sent_acl(call).await?;
    let (grant, sighting) = call.authorize_object::<PutObjectAcl>(&sent.facts()).await?;
    let bucket = sighting.bucket().clone();
    let directory = call.server.directory();
    let enforced = ownership_of(&bucket) == ObjectOwnership::BucketOwnerEnforced;
    let owner = match sighting.owner() {
        Some(owner) if !enforced => owner.canonical.clone(),
        _ => bucket.owner.canonical.clone(),
    };
    drop(sighting);
    let list = sent.acl(&owner, &bucket, &directory)?;
    if enforced {
        changes_nothing(&list, &bucket)?;
        return Ok(reply::empty(StatusCode::OK));
    }
    let change = move |_: &BucketRecord, record: &mut crate::storage::store::VersionRecord| {
        record.acl = Some(list.clone());
        Ok(())
    };
    let record = call.server.store().update_object(&grant, call.now_ms, change).await.map_err(|e| call.failed(e))?;
    let mut reply = reply::empty(StatusCode::OK);
    super::object_settings::show_version(&bucket, &record.version, &mut reply);
    Ok(reply)
}

/// Whether a bucket's ACL gives anything to somebody else; then ACLs cannot be disabled.
pub(super) fn grants_to_others(bucket: &BucketRecord) -> bool {
    let owner = Grantee::Canonical(bucket.owner.canonical.clone());
    let own = |grant: &Grant| grant.grantee == owner && grant.permission == Permission::FullControl;
    bucket.acl.as_ref().is_some_and(|acl| !acl.grants.iter().all(own))
}
