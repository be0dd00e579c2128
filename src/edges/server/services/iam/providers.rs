//! Identity providers that speak `OpenID` Connect.

use super::check::{self, Page, conflict};
use crate::edges::server::identities::draft::Draft;
use crate::edges::server::identities::model::Provider;
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, QueryCall, Xml};
use crate::gate::services::{ServiceOperation, iam};

/// Client ids of one provider.
const MOST_CLIENTS: usize = 100;

fn no_provider(arn: &str) -> ServiceError {
    check::no_such(format!("OpenIDConnect Provider not found for arn {arn}"))
}

/// The URL of a provider's ARN.
fn url_of<'a>(query: &QueryCall<'_>, arn: &'a str) -> Option<&'a str> {
    let prefix = format!("arn:aws:iam::{}:oidc-provider/", query.account_id());
    arn.strip_prefix(&prefix)
}

fn named(query: &QueryCall<'_>) -> Result<(String, Named), ServiceError> {
    let arn = query.params.need("OpenIDConnectProviderArn")?.to_owned();
    let Some(url) = url_of(query, &arn) else {
        return Err(ServiceError::bad("InvalidInput", format!("Invalid ARN: {arn}")));
    };
    let account = query.account()?;
    let tags = account.providers.get(url).map(|p| p.tags.clone()).unwrap_or_default();
    Ok((url.to_owned(), Named::new("provider", arn).tagged("iam", &tags)))
}

/// A URL such as `https://token.actions.githubusercontent.com`, without its scheme.
fn checked_url(url: &str) -> Result<String, ServiceError> {
    let wrong =
        |what: &str| Err(ServiceError::bad("ValidationError", format!("Invalid Open ID Connect Provider URL: {what}")));
    let Some(rest) = url.strip_prefix("https://") else { return wrong("it must begin with https://") };
    let rest = rest.trim_end_matches('/');
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._~/:".contains(c);
    if rest.is_empty() || rest.len() > 255 || !rest.chars().all(fits) || rest.contains("//") {
        return wrong("it must be a host and a path");
    }
    Ok(rest.to_owned())
}

fn client_ids(ids: &[String]) -> Result<(), ServiceError> {
    if ids.len() > MOST_CLIENTS {
        return Err(check::limit(format!("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {MOST_CLIENTS}")));
    }
    match ids.iter().find(|id| id.is_empty() || id.len() > 255) {
        Some(wrong) => Err(ServiceError::bad("InvalidInput", format!("Invalid client ID: `{wrong}`"))),
        None => Ok(()),
    }
}

fn thumbprints(query: &QueryCall<'_>) -> Result<Vec<String>, ServiceError> {
    let list = query.params.list("ThumbprintList");
    if list.len() > 5 {
        return Err(ServiceError::bad("InvalidInput", "Thumbprint list must contain fewer than 5 entries."));
    }
    match list.iter().find(|t| t.len() != 40 || !t.bytes().all(|b| b.is_ascii_hexdigit())) {
        Some(wrong) => Err(ServiceError::bad(
            "ValidationError",
            format!("Thumbprint must be exactly 40 hexadecimal digits: `{wrong}`"),
        )),
        None => Ok(list),
    }
}

pub(super) async fn create(query: &QueryCall<'_>) -> Answer {
    let params = &query.params;
    let url = checked_url(params.need("Url")?)?;
    let (ids, tags, thumbprints) = (params.list("ClientIDList"), check::tags(params)?, thumbprints(query)?);
    client_ids(&ids)?;
    let provider = Provider { url, client_ids: ids, thumbprints, created: query.now(), tags };
    let arn = provider.arn(query.account_id());
    let mut named = vec![Named::new("provider", arn.clone()).tagging(&provider.tags)];
    if !provider.tags.is_empty() {
        named.push(Named::new("tagged", arn.clone()).tagging(&provider.tags));
    }
    let grant = query.allow::<iam::CreateOpenIDConnectProvider>(&named).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        if draft.provider(&provider.url)?.is_some() {
            let message = format!("Provider with url https://{} already exists.", provider.url);
            return Err(conflict("EntityAlreadyExists", message));
        }
        Ok(draft.put_provider(&provider)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::of(|xml| xml.text("OpenIDConnectProviderArn", arn)))
}

pub(super) async fn get(query: &QueryCall<'_>) -> Answer {
    let (url, named) = named(query)?;
    let arn = named.arn.clone();
    query.allow::<iam::GetOpenIDConnectProvider>(&[named]).await?;
    let account = query.account()?;
    let provider = account.providers.get(url.as_str()).ok_or_else(|| no_provider(&arn))?;
    Ok(Xml::of(|xml| {
        xml.text("Url", &provider.url);
        xml.strings("ClientIDList", &provider.client_ids);
        xml.strings("ThumbprintList", &provider.thumbprints);
        xml.moment("CreateDate", provider.created);
        xml.tags(&provider.tags);
    }))
}

pub(super) async fn list(query: &QueryCall<'_>) -> Answer {
    query.allow::<iam::ListOpenIDConnectProviders>(&[]).await?;
    let account = query.account()?;
    Ok(Xml::of(|xml| {
        xml.members("OpenIDConnectProviderList", account.providers.values(), |xml, provider| {
            xml.text("Arn", provider.arn(&account.facts.id));
        });
    }))
}

/// Changes a provider that is there.
async fn change<O: ServiceOperation>(
    query: &QueryCall<'_>,
    named: (String, Named),
    mut change: impl FnMut(&mut Provider) -> Result<(), ServiceError> + Send + 'static,
) -> Answer {
    let (url, named) = named;
    let arn = named.arn.clone();
    let grant = query.allow::<O>(&[named]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut provider = draft.provider(&url)?.ok_or_else(|| no_provider(&arn))?;
        change(&mut provider)?;
        Ok(draft.put_provider(&provider)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn delete(query: &QueryCall<'_>) -> Answer {
    let (url, named) = named(query)?;
    let grant = query.allow::<iam::DeleteOpenIDConnectProvider>(&[named]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        draft.delete_provider(&url);
        Ok(())
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn add_client(query: &QueryCall<'_>) -> Answer {
    let id = query.params.need("ClientID")?.to_owned();
    let work = move |provider: &mut Provider| {
        if !provider.client_ids.contains(&id) {
            provider.client_ids.push(id.clone());
        }
        client_ids(&provider.client_ids)
    };
    change::<iam::AddClientIDToOpenIDConnectProvider>(query, named(query)?, work).await
}

pub(super) async fn remove_client(query: &QueryCall<'_>) -> Answer {
    let id = query.params.need("ClientID")?.to_owned();
    let work = move |provider: &mut Provider| {
        provider.client_ids.retain(|client| *client != id);
        Ok(())
    };
    change::<iam::RemoveClientIDFromOpenIDConnectProvider>(query, named(query)?, work).await
}

pub(super) async fn update_thumbprints(query: &QueryCall<'_>) -> Answer {
    let list = thumbprints(query)?;
    let work = move |provider: &mut Provider| {
        provider.thumbprints.clone_from(&list);
        Ok(())
    };
    change::<iam::UpdateOpenIDConnectProviderThumbprint>(query, named(query)?, work).await
}

/// Changes the tags of a provider.
pub(super) async fn retag<O: ServiceOperation>(query: &QueryCall<'_>, set: bool) -> Answer {
    let tags = super::tags::Change::of(query, set)?;
    let (url, named) = named(query)?;
    let named = tags.over(named);
    change::<O>(query, (url, named), move |provider| tags.apply(&mut provider.tags)).await
}

pub(super) async fn tags(query: &QueryCall<'_>) -> Answer {
    let page = Page::of(&query.params)?;
    let (url, named) = named(query)?;
    let arn = named.arn.clone();
    query.allow::<iam::ListOpenIDConnectProviderTags>(&[named]).await?;
    let account = query.account()?;
    let provider = account.providers.get(url.as_str()).ok_or_else(|| no_provider(&arn))?;
    Ok(super::tags::listed(&provider.tags, &page))
}
