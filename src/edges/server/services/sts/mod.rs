//! STS: temporary credentials.
//!
//! Source: STS API Reference, version 2011-06-15; IAM User Guide, "Temporary security credentials in IAM".

mod assume;
mod decode;
mod issue;
mod token;
mod web;

pub(super) use decode::encoded;

use super::query::{Answer, QueryCall, Xml, invalid, unknown_operation};
use super::{STS_NAMESPACE, ServiceCall, ServiceError};
use crate::edges::server::reply::Reply;
use crate::gate::SessionKind;
use crate::gate::services::parameters;
use crate::gate::services::sts::{self as ops, StsOperation};
use http::StatusCode;

/// Answers a request.
///
/// # Errors
/// STS's own.
pub async fn answer(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let query = QueryCall::of(call)?;
    let name = query.params.get("Action").unwrap_or_default().to_owned();
    let operation = StsOperation::ALL.iter().find(|operation| operation.row().name == name).copied();
    // Forms without a signature all come here, IAM's too: their senders lack a signature before anything else.
    if call.auth.caller.is_anonymous() && operation != Some(StsOperation::AssumeRoleWithWebIdentity) {
        let message = "Request is missing Authentication Token";
        return Err(ServiceError::new(StatusCode::FORBIDDEN, "MissingAuthenticationToken", message));
    }
    let operation = operation.ok_or_else(|| unknown_operation(&name, "2011-06-15"))?;
    query.params.only(parameters::of(&name))?;
    supported(&query)?;
    may_ask(&query, operation)?;
    let xml = match operation {
        StsOperation::AssumeRole => assume::assume_role(&query).await?,
        StsOperation::AssumeRoleWithWebIdentity => web::assume_role(&query).await?,
        StsOperation::GetFederationToken => token::federation(&query).await?,
        StsOperation::GetSessionToken => token::session(&query).await?,
        StsOperation::GetCallerIdentity => identity(&query).await?,
        StsOperation::GetAccessKeyInfo => key_info(&query).await?,
        StsOperation::DecodeAuthorizationMessage => decode::decode(&query).await?,
    };
    Ok(xml.response(&name, STS_NAMESPACE, &call.request_id))
}

/// Refuses what AWS knows and this server does not do; an empty list asks for nothing.
fn supported(query: &QueryCall<'_>) -> Result<(), ServiceError> {
    // Contexts of an identity center, the tokens of providers that are not of `OpenID` Connect, larger tokens.
    const NOT_HERE: [&str; 3] = ["ProvidedContexts", "ProviderId", "MinimumSessionTokenSize"];
    match NOT_HERE.iter().find(|name| query.params.says(name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("The parameter {name} is not supported.");
            Err(ServiceError::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message))
        }
    }
}

/// Which operations sessions may call. Source: IAM User Guide, "Comparing the AWS STS API operations".
fn may_ask(query: &QueryCall<'_>, operation: StsOperation) -> Result<(), ServiceError> {
    let Some(session) = &query.caller().session_facts else { return Ok(()) };
    let open = match session.kind {
        SessionKind::Role => !matches!(operation, StsOperation::GetSessionToken | StsOperation::GetFederationToken),
        SessionKind::SessionToken => {
            matches!(operation, StsOperation::AssumeRole | StsOperation::GetCallerIdentity)
        }
        SessionKind::Federation => operation == StsOperation::GetCallerIdentity,
    };
    if open {
        return Ok(());
    }
    Err(ServiceError::access_denied(format!("Cannot call {} with session credentials", operation.row().name)))
}

async fn identity(query: &QueryCall<'_>) -> Answer {
    query.allow::<ops::GetCallerIdentity>(&[]).await?;
    let principal = &query.caller().principal;
    let account = query.account_id();
    let name = principal.arn.as_deref().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    let user_id = match principal.kind.as_str() {
        "federated" => format!("{account}:{name}"),
        _ => principal.id.clone().unwrap_or_else(|| account.to_owned()),
    };
    Ok(Xml::of(|xml| {
        xml.text("Arn", principal.arn.as_deref().unwrap_or_default());
        xml.text("UserId", user_id);
        xml.text("Account", account);
    }))
}

async fn key_info(query: &QueryCall<'_>) -> Answer {
    let id = query.params.need("AccessKeyId")?;
    if !(16..=128).contains(&id.len()) {
        return Err(invalid(id, "AccessKeyId", "Member must have length between 16 and 128"));
    }
    query.allow::<ops::GetAccessKeyInfo>(&[]).await?;
    let snapshot = query.call.server.identities().snapshot();
    let credential = snapshot.keys.get(id);
    let account = credential.and_then(|credential| credential.caller.account().map(str::to_owned));
    let account =
        account.ok_or_else(|| ServiceError::bad("InvalidClientTokenId", format!("There is no access key {id}.")))?;
    Ok(Xml::of(|xml| xml.text("Account", account)))
}
