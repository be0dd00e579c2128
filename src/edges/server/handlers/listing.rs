//! Listings: from what storage found to what the answer shows.

use super::get::kind_name;
use super::owners;
use crate::edges::server::call::Call;
use crate::edges::server::error::S3Error;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::listing::{self, Page};
use crate::edges::server::wire::lists::{self, Found, ListedBucket, ListedObject, Person};
use crate::gate::BodyFacts;
use crate::gate::operations::{ListBuckets, ListObjectVersions, ListObjects, ListObjectsV2};
use crate::storage::store::{Checksum, Entry, ListQuery, Listing, Owner, VersionEntry, VersionQuery};

/// An owner as listings show it.
pub(super) fn person(owner: &Owner) -> Person {
    Person { id: owner.canonical.clone(), name: Some(owner.display.clone()).filter(|name| !name.is_empty()) }
}

/// A checksum as listings show it: the algorithm and over what.
fn algorithm(checksum: Option<Checksum>) -> Option<(String, &'static str)> {
    checksum.map(|c| (c.algorithm, kind_name(c.kind)))
}

/// `GET /`
pub(super) async fn buckets(call: &mut Call) -> Result<Reply, S3Error> {
    let grant = call.authorize_service::<ListBuckets>().await?;
    let asked = listing::ListBuckets::parse(&call.query)?;
    let all = call.server.store().buckets_of(&grant);
    let wanted = all.iter().filter(|b| {
        asked.after.as_ref().is_none_or(|after| b.name > *after)
            && asked.prefix.as_ref().is_none_or(|prefix| b.name.starts_with(prefix))
            && asked.region.as_ref().is_none_or(|region| b.region == *region)
    });
    let most = asked.max.map_or(usize::MAX, |max| max as usize);
    let mut page: Vec<ListedBucket> = wanted
        .take(most.saturating_add(1))
        .map(|b| ListedBucket { name: b.name.clone(), created_ms: b.created_ms, region: b.region.clone() })
        .collect();
    let more = page.len() > most;
    page.truncate(most);
    let next = page.last().filter(|_| more).map(|b| b.name.clone());
    let owner = person(&owners::owner_of(&call.auth.caller));
    Ok(reply::xml(&lists::list_buckets(&asked, owner, page, next.as_deref())))
}

fn query(page: &Page, after: Option<&str>) -> ListQuery {
    ListQuery {
        prefix: page.prefix.clone(),
        delimiter: page.delimiter.clone(),
        after: after.map(str::to_owned),
        max_keys: page.max as usize,
    }
}

fn found(listing: Listing, owners: bool) -> Found {
    let object = |entry: Entry| ListedObject {
        key: entry.key,
        version: None,
        latest: true,
        delete_marker: false,
        modified_ms: entry.modified_ms,
        etag: entry.etag,
        size: entry.size,
        storage_class: entry.storage_class,
        owner: owners.then(|| person(&entry.owner)),
        checksum: algorithm(entry.checksum),
    };
    Found {
        objects: listing.entries.into_iter().map(object).collect(),
        prefixes: listing.common_prefixes,
        next: listing.next.map(|next| (next, None)),
    }
}

/// `GET` of a bucket, the first version.
pub(super) async fn v1(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<ListObjects>(&BodyFacts::default()).await?;
    let asked = listing::ListObjects::parse(&call.query)?;
    let page = call.server.store().list(&grant, &query(&asked.page, asked.marker.as_deref()));
    let page = page.map_err(|e| call.failed(e))?;
    Ok(reply::xml(&lists::list_objects(call.bucket(), &asked, found(page, true))))
}

/// `GET …?list-type=2`
pub(super) async fn v2(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<ListObjectsV2>(&BodyFacts::default()).await?;
    let asked = listing::ListObjectsV2::parse(&call.query)?;
    let page = call.server.store().list(&grant, &query(&asked.page, asked.after()));
    let page = page.map_err(|e| call.failed(e))?;
    Ok(reply::xml(&lists::list_objects_v2(call.bucket(), &asked, found(page, asked.fetch_owner))))
}

/// `GET …?versions`
pub(super) async fn versions(call: &mut Call) -> Result<Reply, S3Error> {
    let (grant, _) = call.authorize_bucket::<ListObjectVersions>(&BodyFacts::default()).await?;
    let asked = listing::ListVersions::parse(&call.query)?;
    let query = VersionQuery {
        prefix: asked.page.prefix.clone(),
        delimiter: asked.page.delimiter.clone(),
        key_marker: asked.key_marker.clone(),
        version_marker: asked.version_id_marker.clone(),
        max_keys: asked.page.max as usize,
    };
    let page = call.server.store().list_versions(&grant, &query).map_err(|e| call.failed(e))?;
    let object = |entry: VersionEntry| ListedObject {
        key: entry.key,
        version: Some(entry.version),
        latest: entry.is_latest,
        delete_marker: entry.delete_marker,
        modified_ms: entry.modified_ms,
        etag: entry.etag,
        size: entry.size,
        storage_class: entry.storage_class,
        owner: Some(person(&entry.owner)),
        checksum: algorithm(entry.checksum),
    };
    let found = Found {
        objects: page.versions.into_iter().map(object).collect(),
        prefixes: page.common_prefixes,
        next: page.next,
    };
    Ok(reply::xml(&lists::list_versions(call.bucket(), &asked, found)))
}
