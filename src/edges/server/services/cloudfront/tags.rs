//! Tags of distributions.

use super::error;
use super::family::{self, no_such};
use super::paging::query;
use super::reading::{self, Fields};
use super::writing::{self, Xml};
use crate::edges::server::cloudfront::model::Distribution;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::gate::Authorized;
use crate::gate::services::cloudfront::{ListTagsForResource, TagResource, UntagResource};
use crate::gate::services::{ServiceOperation, Subject};
use crate::simulate::world::ContextKeys;
use crate::storage::store::{EntityTransaction, Kept};
use crate::words::arn::Arn;
use http::StatusCode;

const MOST: usize = 50;

/// Reads `Tags`.
///
/// # Errors
/// `MalformedInput`, `InvalidTagging`.
pub fn read(mut fields: Fields<'_>) -> Result<Vec<(String, String)>, ServiceError> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for (at, element) in fields.bare_items("Tag")?.iter().enumerate() {
        let mut tag = fields.item("Items", at, element)?;
        let (key, value) = (tag.need_text("Key")?, tag.text("Value")?.unwrap_or_default());
        tag.finish()?;
        check_key(&key)?;
        if value.chars().count() > 256 || !value.chars().all(is_legal) {
            return Err(error("InvalidTagging", format!("The value of the tag `{key}` is not valid.")));
        }
        if tags.iter().any(|(earlier, _)| *earlier == key) {
            return Err(error("InvalidTagging", format!("The tag `{key}` is given twice.")));
        }
        tags.push((key, value));
    }
    fields.finish()?;
    within(tags.len())?;
    Ok(tags)
}

fn check_key(key: &str) -> Result<(), ServiceError> {
    let reserved = key.to_ascii_lowercase().starts_with("aws:");
    if !reserved && (1..=128).contains(&key.chars().count()) && key.chars().all(is_legal) {
        return Ok(());
    }
    Err(error("InvalidTagging", format!("`{key}` cannot be the key of a tag.")))
}

fn is_legal(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

fn within(count: usize) -> Result<(), ServiceError> {
    if count <= MOST {
        return Ok(());
    }
    Err(error("InvalidTagging", format!("A resource has at most {MOST} tags; these would be {count}.")))
}

/// The condition keys of the tags that a request sets.
#[must_use]
pub fn request_context(tags: &[(String, String)]) -> ContextKeys {
    let mut context: ContextKeys =
        tags.iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), vec![value.clone()])).collect();
    if !tags.is_empty() {
        context.push(("aws:TagKeys".to_owned(), tags.iter().map(|(key, _)| key.clone()).collect()));
    }
    context
}

/// The condition keys of the tags that a resource has.
#[must_use]
pub fn resource_context(tags: &[(String, String)]) -> ContextKeys {
    tags.iter().map(|(key, value)| (format!("aws:ResourceTag/{key}"), vec![value.clone()])).collect()
}

/// Authorizes an operation on the resource that the query names, and gives the id of the distribution it is.
async fn authorize<O: ServiceOperation>(
    call: &ServiceCall,
    mut context: ContextKeys,
) -> Result<(Authorized<O>, String), ServiceError> {
    let query = query(call)?;
    let arn = query.get("Resource").unwrap_or_default();
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "cloudfront" && !arn.account.is_empty());
    let Some(parsed) = parsed else {
        return Err(error("InvalidArgument", format!("`{arn}` is not the ARN of a resource of CloudFront.")));
    };
    let id = parsed.resource.strip_prefix("distribution/").unwrap_or_default();
    if parsed.account == call.account()
        && let Some(kept) = call.server.store().entity::<Distribution>(parsed.account, id)?
    {
        context.extend(resource_context(&kept.document.tags));
    }
    let grant = call.authorize::<O>(&[Subject { on: "resource", arn, context, ..Subject::default() }]).await?;
    if parsed.account != call.account() || id.is_empty() {
        return Err(error("NoSuchResource", format!("The specified resource does not exist: `{arn}`.")));
    }
    Ok((grant, id.to_owned()))
}

fn missing(id: &str) -> ServiceError {
    error("NoSuchResource", no_such::<Distribution>(id).message)
}

/// `GET /2020-05-31/tagging`
pub(super) async fn list(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let (_, id) = authorize::<ListTagsForResource>(call, ContextKeys::new()).await?;
    let kept = family::found::<Distribution>(call, &id).map_err(|_| missing(&id))?;
    let document = Xml::document("Tags", |xml| {
        xml.element("Items", |xml| {
            for (key, value) in &kept.document.tags {
                xml.element("Tag", |xml| {
                    xml.text("Key", key);
                    xml.text("Value", value);
                });
            }
        });
    });
    Ok(writing::reply(StatusCode::OK, document))
}

/// `POST /2020-05-31/tagging?Operation=Tag`
pub(super) async fn tag(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let sent = reading::body(&call.body, "Tags").and_then(|root| read(Fields::of(&root)?));
    let context = request_context(sent.as_deref().unwrap_or_default());
    let (grant, id) = authorize::<TagResource>(call, context).await?;
    let sent = sent?;
    change(call, grant, id, move |tags| {
        tags.retain(|(key, _)| !sent.iter().any(|(new, _)| new == key));
        tags.extend(sent.iter().cloned());
    })
    .await
}

/// `POST /2020-05-31/tagging?Operation=Untag`
pub(super) async fn untag(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let sent = reading::body(&call.body, "TagKeys").and_then(|root| keys(Fields::of(&root)?));
    let named = sent.as_deref().unwrap_or_default();
    let context = if named.is_empty() { Vec::new() } else { vec![("aws:TagKeys".to_owned(), named.to_vec())] };
    let (grant, id) = authorize::<UntagResource>(call, context).await?;
    let sent = sent?;
    change(call, grant, id, move |tags| tags.retain(|(key, _)| !sent.contains(key))).await
}

fn keys(mut fields: Fields<'_>) -> Result<Vec<String>, ServiceError> {
    let keys = reading::texts(&fields.bare_items("Key")?, "TagKeys/Items")?;
    fields.finish()?;
    within(keys.len())?;
    Ok(keys)
}

async fn change<O: ServiceOperation>(
    call: &ServiceCall,
    grant: Authorized<O>,
    id: String,
    mut edit: impl FnMut(&mut Vec<(String, String)>) + Send + 'static,
) -> Result<Reply, ServiceError> {
    let account = call.account().to_owned();
    let changed = move |t: &mut EntityTransaction<'_>| {
        let kept: Option<Kept<Distribution>> = t.get(&account, &id)?;
        let mut kept = kept.ok_or_else(|| missing(&id))?;
        edit(&mut kept.document.tags);
        within(kept.document.tags.len())?;
        t.put(&account, &id, &kept.document)?;
        Ok::<_, ServiceError>(())
    };
    call.server.change_cloudfront(grant, changed).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
