//! What the families of CloudFront's things have in common: made once, read, listed, changed with their `ETag`, and
//! deleted when nothing uses them.
//!
//! Source: Amazon CloudFront API Reference, "Actions", and "Common errors" of each.

use super::reading::{self, Fields};
use super::writing::{self, Xml};
use super::{error, paging};
use crate::edges::server::auth::hex;
use crate::edges::server::cloudfront::state::CloudFront;
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::edges::server::settings::ServeSettings;
use crate::gate::services::{ServiceOperation, Subject};
use crate::gate::{Authorized, Service};
use crate::simulate::world::ContextKeys;
use crate::storage::store::{Entity, EntityTransaction, Kept};
use aws_lc_rs::{digest, rand};
use http::StatusCode;

/// The names of a family.
pub(super) struct Names {
    /// For people.
    pub words: &'static str,
    /// The root element of one thing.
    pub whole: &'static str,
    /// The root element of its configuration.
    pub config: &'static str,
    /// The root element of a list.
    pub list: &'static str,
    /// An item of a list.
    pub summary: &'static str,
    /// Where things are made, and below which each has its place.
    pub path: &'static str,
    /// The code where there is none of an id.
    pub no_such: &'static str,
    /// The code where an account has too many, and how many it may have.
    pub too_many: (&'static str, usize),
    /// The type in its ARN; `None`: its actions have no resource.
    pub arn: Option<&'static str>,
    /// Lists say whether they go on with `IsTruncated`.
    pub says_truncated: bool,
}

/// A family of things.
pub(super) trait Family: Entity + Clone {
    /// What a request configures.
    type Config: Clone + Send + 'static;
    /// Its names.
    const NAMES: Names;

    /// A new id.
    fn new_id() -> Result<String, ServiceError> {
        random_id("E")
    }

    /// Reads a configuration.
    fn read(fields: Fields<'_>, settings: &ServeSettings) -> Result<Self::Config, ServiceError>;

    /// The new thing.
    fn make(config: &Self::Config, new: &New) -> Result<Self, ServiceError>;

    /// What was made by the same request before and is answered once more.
    fn made_before(
        _t: &EntityTransaction<'_>,
        _new: &New,
        _config: &Self::Config,
    ) -> Result<Option<Kept<Self>>, ServiceError> {
        Ok(None)
    }

    /// Refuses a configuration that cannot be; `before` is what it replaces.
    fn admit(
        t: &EntityTransaction<'_>,
        account: &str,
        config: &Self::Config,
        before: Option<&Kept<Self>>,
    ) -> Result<(), ServiceError>;

    /// The thing with another configuration.
    fn change(&mut self, config: &Self::Config, now_ms: i64);

    /// Refuses to delete what something uses, and deletes what goes with it.
    fn release(t: &mut EntityTransaction<'_>, kept: &Kept<Self>) -> Result<(), ServiceError>;

    /// Writes it.
    fn write(kept: &Kept<Self>, all: &CloudFront, xml: &mut Xml);

    /// Writes its configuration.
    fn write_config(&self, xml: &mut Xml);

    /// Writes it as an item of a list.
    fn write_summary(kept: &Kept<Self>, xml: &mut Xml);

    /// What changes with its configuration.
    fn version(kept: &Kept<Self>) -> String {
        kept.revision.to_string()
    }

    /// The condition keys that it brings.
    fn context(&self) -> ContextKeys {
        ContextKeys::new()
    }
}

/// What is made.
#[derive(Clone, Debug)]
pub(super) struct New {
    /// The account it is made in.
    pub account: String,
    /// Its id.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub now_ms: i64,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// Authorizes an operation on a thing of the caller's account; `*` is the id of a new one.
pub(super) async fn authorize<T: Family, O: ServiceOperation>(
    call: &ServiceCall,
    id: &str,
    mut context: ContextKeys,
) -> Result<Authorized<O>, ServiceError> {
    let Some(kind) = T::NAMES.arn else { return call.authorize(&[]).await };
    if let Some(kept) = call.server.store().entity::<T>(call.account(), id)? {
        context.extend(kept.document.context());
    }
    let arn = format!("arn:aws:{}::{}:{kind}/{id}", Service::CloudFront.prefix(), call.account());
    let mut subjects: Vec<Subject<'_>> = Vec::new();
    for need in O::ROW.needs {
        if !subjects.iter().any(|subject| subject.on == need.on) {
            subjects.push(Subject { on: need.on, arn: &arn, context: context.clone(), ..Subject::default() });
        }
    }
    call.authorize(&subjects).await
}

/// What has this id in the caller's account.
pub(super) fn found<T: Family>(call: &ServiceCall, id: &str) -> Result<Kept<T>, ServiceError> {
    call.server.store().entity(call.account(), id)?.ok_or_else(|| no_such::<T>(id))
}

pub(super) fn no_such<T: Family>(id: &str) -> ServiceError {
    error(T::NAMES.no_such, format!("The specified {} does not exist: `{id}`.", T::NAMES.words))
}

/// The `ETag` of a thing as it is now: it follows from what it is and its version.
pub(super) fn etag<T: Family>(kept: &Kept<T>) -> String {
    let text = format!("{}/{}/{}/{}", T::KIND, kept.account, kept.id, T::version(kept));
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    format!("E{}", in_letters(digest.as_ref()))
}

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Thirteen letters and digits.
fn in_letters(bytes: &[u8]) -> String {
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).map(|letter| char::from(*letter));
    bytes.iter().take(13).filter_map(letter).collect()
}

fn random<const N: usize>() -> Result<[u8; N], ServiceError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| ServiceError::internal())?;
    Ok(bytes)
}

/// A new id: these letters and thirteen random ones.
pub(super) fn random_id(prefix: &str) -> Result<String, ServiceError> {
    Ok(format!("{prefix}{}", in_letters(&random::<13>()?)))
}

/// Sixty-four random hexadecimal digits.
pub(super) fn random_canonical() -> Result<String, ServiceError> {
    Ok(hex(&random::<32>()?))
}

/// A random UUID. Source: RFC 9562, version 4.
pub(super) fn random_uuid() -> Result<String, ServiceError> {
    let mut bytes = random::<16>()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(&bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

/// The configuration that a request's body sets.
pub(super) fn sent<T: Family>(call: &ServiceCall) -> Result<T::Config, ServiceError> {
    let element = reading::body(&call.body, T::NAMES.config)?;
    T::read(Fields::of(&element)?, call.server.settings())
}

/// `POST …`
pub(super) async fn create<T: Family, O: ServiceOperation>(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let grant = authorize::<T, O>(call, "*", ContextKeys::new()).await?;
    make::<T, O>(call, grant, sent::<T>(call)?, Vec::new()).await
}

/// Makes what was configured.
pub(super) async fn make<T: Family, O: ServiceOperation>(
    call: &ServiceCall,
    grant: Authorized<O>,
    config: T::Config,
    tags: Vec<(String, String)>,
) -> Result<Reply, ServiceError> {
    let new = New { account: call.account().to_owned(), id: T::new_id()?, now_ms: call.now_ms, tags };
    let document = T::make(&config, &new)?;
    let made = move |t: &mut EntityTransaction<'_>| {
        if let Some(before) = T::made_before(t, &new, &config)? {
            return Ok(before);
        }
        T::admit(t, &new.account, &config, None)?;
        let (code, most) = T::NAMES.too_many;
        if t.list::<T>(Some(&new.account))?.len() >= most {
            return Err(error(code, format!("The account has {most} of this kind already: {}.", T::NAMES.words)));
        }
        let revision = t.put(&new.account, &new.id, &document)?;
        Ok(Kept { account: new.account.clone(), id: new.id.clone(), revision, document: document.clone() })
    };
    let kept = call.server.change_cloudfront(grant, made).await?;
    let path = format!("{}/{}", T::NAMES.path, kept.id);
    Ok(writing::located(whole(call, StatusCode::CREATED, &kept), &path))
}

fn whole<T: Family>(call: &ServiceCall, status: StatusCode, kept: &Kept<T>) -> Reply {
    let all = call.server.cloudfront();
    let document = Xml::document(T::NAMES.whole, |xml| T::write(kept, &all, xml));
    writing::tagged(writing::reply(status, document), &etag(kept))
}

/// `GET …/{Id}`
pub(super) async fn get<T: Family, O: ServiceOperation>(call: &ServiceCall, id: &str) -> Result<Reply, ServiceError> {
    authorize::<T, O>(call, id, ContextKeys::new()).await?;
    Ok(whole(call, StatusCode::OK, &found::<T>(call, id)?))
}

/// `GET …/{Id}/config`
pub(super) async fn get_config<T: Family, O: ServiceOperation>(
    call: &ServiceCall,
    id: &str,
) -> Result<Reply, ServiceError> {
    authorize::<T, O>(call, id, ContextKeys::new()).await?;
    let kept = found::<T>(call, id)?;
    let document = Xml::document(T::NAMES.config, |xml| kept.document.write_config(xml));
    Ok(writing::tagged(writing::reply(StatusCode::OK, document), &etag(&kept)))
}

/// `GET …`
pub(super) async fn list<T: Family, O: ServiceOperation>(call: &ServiceCall) -> Result<Reply, ServiceError> {
    call.authorize::<O>(&[]).await?;
    list_some::<T>(call, |_| true)
}

/// A list of those that fit.
pub(super) fn list_some<T: Family>(call: &ServiceCall, fits: impl Fn(&Kept<T>) -> bool) -> Result<Reply, ServiceError> {
    let kept = call.server.store().entities::<T>(Some(call.account()))?;
    let kept: Vec<Kept<T>> = kept.into_iter().filter(|kept| fits(kept)).collect();
    let page = paging::page(call, &kept, |kept| &kept.id)?;
    let document = Xml::document(T::NAMES.list, |xml| {
        page.write(xml, T::NAMES.says_truncated, |xml, kept| {
            xml.element(T::NAMES.summary, |xml| T::write_summary(kept, xml));
        });
    });
    Ok(writing::reply(StatusCode::OK, document))
}

/// `PUT …/{Id}/config`
pub(super) async fn update<T: Family, O: ServiceOperation>(
    call: &ServiceCall,
    id: &str,
) -> Result<Reply, ServiceError> {
    let grant = authorize::<T, O>(call, id, ContextKeys::new()).await?;
    found::<T>(call, id)?;
    let if_match = if_match(call)?;
    let config = sent::<T>(call)?;
    let (account, id, now_ms) = (call.account().to_owned(), id.to_owned(), call.now_ms);
    let changed = move |t: &mut EntityTransaction<'_>| {
        let mut kept = current::<T>(t, &account, &id, &if_match)?;
        T::admit(t, &account, &config, Some(&kept))?;
        kept.document.change(&config, now_ms);
        kept.revision = t.put(&account, &id, &kept.document)?;
        Ok::<_, ServiceError>(kept)
    };
    let kept = call.server.change_cloudfront(grant, changed).await?;
    Ok(whole(call, StatusCode::OK, &kept))
}

/// `DELETE …/{Id}`
pub(super) async fn delete<T: Family, O: ServiceOperation>(
    call: &ServiceCall,
    id: &str,
) -> Result<Reply, ServiceError> {
    let grant = authorize::<T, O>(call, id, ContextKeys::new()).await?;
    found::<T>(call, id)?;
    let if_match = if_match(call)?;
    let (account, id) = (call.account().to_owned(), id.to_owned());
    let deleted = move |t: &mut EntityTransaction<'_>| {
        let kept = current::<T>(t, &account, &id, &if_match)?;
        T::release(t, &kept)?;
        t.delete::<T>(&account, &id);
        Ok::<_, ServiceError>(())
    };
    call.server.change_cloudfront(grant, deleted).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// The version that a change is meant for.
fn if_match(call: &ServiceCall) -> Result<String, ServiceError> {
    let given = call.header("if-match").map(|value| value.trim().trim_matches('"'));
    let fits = |value: &&str| (2..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric());
    given.filter(fits).map(str::to_owned).ok_or_else(|| {
        let message = "The If-Match version is missing or not valid for the resource.";
        error("InvalidIfMatchVersion", message)
    })
}

fn current<T: Family>(
    t: &EntityTransaction<'_>,
    account: &str,
    id: &str,
    if_match: &str,
) -> Result<Kept<T>, ServiceError> {
    let kept = t.get::<T>(account, id)?.ok_or_else(|| no_such::<T>(id))?;
    if etag(&kept) == if_match {
        return Ok(kept);
    }
    let message = format!(
        "The request failed because it didn't meet the preconditions in one or more request-header fields: `{id}` is \
         no longer of the version `{if_match}`."
    );
    Err(error("PreconditionFailed", message))
}

/// A name that another thing of the account has.
pub(super) fn taken(code: &'static str, words: &str, name: &str) -> ServiceError {
    error(code, format!("The account has a {words} named `{name}` already."))
}

/// A reference that an update would change.
pub(super) fn same_reference(before: &str, now: &str) -> Result<(), ServiceError> {
    if before == now {
        return Ok(());
    }
    let message = format!("The update contains modifications that are not allowed: CallerReference is `{before}`.");
    Err(error("IllegalUpdate", message))
}
