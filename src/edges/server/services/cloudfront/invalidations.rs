//! Invalidations: done when they are answered.
//!
//! Source: CloudFront Developer Guide, "Invalidate files to remove content", "Quotas on invalidations".

use super::error;
use super::family::{self, random_id};
use super::paging;
use super::reading::{self, Fields};
use super::writing::{self, Xml};
use crate::edges::server::cloudfront::model::{Distribution, Invalidation};
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::edges::server::wire::dates::iso8601;
use crate::gate::services::cloudfront::{CreateInvalidation, GetInvalidation, ListInvalidations};
use crate::simulate::world::ContextKeys;
use crate::storage::store::{EntityTransaction, Kept};
use http::StatusCode;

const MOST_PATHS: usize = 3_000;
const MOST_WILDCARDS: usize = 15;
const LONGEST_PATH: usize = 4_000;
/// The most that are remembered of a distribution; the oldest go first.
const MOST_KEPT: usize = 100;

fn read(mut fields: Fields<'_>) -> Result<(Vec<String>, String), ServiceError> {
    let paths = fields.texts("Paths", "Path")?;
    let reference = fields.need_short("CallerReference", 256)?;
    fields.finish()?;
    let is_path = |path: &&String| {
        let star = path.find('*');
        path.starts_with('/') && path.len() <= LONGEST_PATH && star.is_none_or(|at| at + 1 == path.len())
    };
    if paths.is_empty() {
        return Err(error("InvalidArgument", "`InvalidationBatch/Paths` names no path."));
    }
    if let Some(path) = paths.iter().find(|path| !is_path(path)) {
        let message =
            format!("`{path}` is no path to invalidate: it begins with a slash, and a `*` stands at its end.");
        return Err(error("InvalidArgument", message));
    }
    let wildcards = paths.iter().filter(|path| path.ends_with('*')).count();
    if paths.len() > MOST_PATHS || wildcards > MOST_WILDCARDS {
        let message = format!(
            "Invalidation batch specified is too large: {} paths, {wildcards} with a `*`; at most {MOST_PATHS} and \
             {MOST_WILDCARDS}.",
            paths.len()
        );
        return Err(error("BatchTooLarge", message));
    }
    Ok((paths, reference))
}

fn write(invalidation: &Invalidation, xml: &mut Xml) {
    xml.text("Id", &invalidation.id);
    xml.text("Status", "Completed");
    xml.text("CreateTime", iso8601(invalidation.created_ms));
    xml.element("InvalidationBatch", |xml| {
        xml.texts("Paths", "Path", &invalidation.paths);
        xml.text("CallerReference", &invalidation.caller_reference);
    });
}

fn place(distribution: &str, id: &str) -> String {
    format!("{distribution}/{id}")
}

fn of_distribution(mut all: Vec<Kept<Invalidation>>, distribution: &str) -> Vec<Kept<Invalidation>> {
    all.retain(|kept| kept.document.distribution == distribution);
    all.sort_by(|a, b| (b.document.created_ms, &b.id).cmp(&(a.document.created_ms, &a.id)));
    all
}

/// `POST …/distribution/{DistributionId}/invalidation`
pub(super) async fn create(call: &ServiceCall, distribution: &str) -> Result<Reply, ServiceError> {
    let grant = family::authorize::<Distribution, CreateInvalidation>(call, distribution, ContextKeys::new()).await?;
    family::found::<Distribution>(call, distribution)?;
    let (paths, reference) = read(Fields::of(&reading::body(&call.body, "InvalidationBatch")?)?)?;
    let new = Invalidation {
        id: random_id("I")?,
        distribution: distribution.to_owned(),
        caller_reference: reference,
        paths,
        created_ms: call.now_ms,
    };
    let account = call.account().to_owned();
    let made = move |t: &mut EntityTransaction<'_>| {
        if t.get::<Distribution>(&account, &new.distribution)?.is_none() {
            return Err(family::no_such::<Distribution>(&new.distribution));
        }
        let past = of_distribution(t.list::<Invalidation>(Some(&account))?, &new.distribution);
        if let Some(before) = past.iter().find(|kept| kept.document.caller_reference == new.caller_reference) {
            if before.document.paths == new.paths {
                return Ok(before.document.clone());
            }
            let message = format!("The CallerReference `{}` was used for other paths.", new.caller_reference);
            return Err(error("InvalidArgument", message));
        }
        for oldest in past.iter().skip(MOST_KEPT - 1) {
            t.delete::<Invalidation>(&account, &oldest.id);
        }
        t.put(&account, &place(&new.distribution, &new.id), &new)?;
        Ok(new.clone())
    };
    let invalidation = call.server.change_cloudfront(grant, made).await?;
    call.server.invalidate(distribution, &invalidation.paths);
    let path = format!("/2020-05-31/distribution/{distribution}/invalidation/{}", invalidation.id);
    let document = Xml::document("Invalidation", |xml| write(&invalidation, xml));
    Ok(writing::located(writing::reply(StatusCode::CREATED, document), &path))
}

/// `GET …/distribution/{DistributionId}/invalidation/{Id}`
pub(super) async fn get(call: &ServiceCall, distribution: &str, id: &str) -> Result<Reply, ServiceError> {
    family::authorize::<Distribution, GetInvalidation>(call, distribution, ContextKeys::new()).await?;
    family::found::<Distribution>(call, distribution)?;
    let kept = call.server.store().entity::<Invalidation>(call.account(), &place(distribution, id))?;
    let kept = kept.ok_or_else(|| {
        let message = format!("The specified invalidation does not exist: `{id}` of `{distribution}`.");
        error("NoSuchInvalidation", message)
    })?;
    let document = Xml::document("Invalidation", |xml| write(&kept.document, xml));
    Ok(writing::reply(StatusCode::OK, document))
}

/// `GET …/distribution/{DistributionId}/invalidation`
pub(super) async fn list(call: &ServiceCall, distribution: &str) -> Result<Reply, ServiceError> {
    family::authorize::<Distribution, ListInvalidations>(call, distribution, ContextKeys::new()).await?;
    family::found::<Distribution>(call, distribution)?;
    let kept = call.server.store().entities::<Invalidation>(Some(call.account()))?;
    let kept = of_distribution(kept, distribution);
    let page = paging::page(call, &kept, |kept| &kept.document.id)?;
    let document = Xml::document("InvalidationList", |xml| {
        page.write(xml, true, |xml, kept| {
            xml.element("InvalidationSummary", |xml| {
                xml.text("Id", &kept.document.id);
                xml.text("CreateTime", iso8601(kept.document.created_ms));
                xml.text("Status", "Completed");
            });
        });
    });
    Ok(writing::reply(StatusCode::OK, document))
}
