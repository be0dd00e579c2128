//! `GetSessionToken` and `GetFederationToken`: sessions of the caller's own.

use super::issue::{Issued, Wanted, claims, duration, mfa, session_name};
use crate::edges::server::identities::model::Kind;
use crate::edges::server::identities::sessions::{Claims, holder_of};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, Named, QueryCall, Xml};
use crate::gate::SessionKind;
use crate::gate::services::sts as ops;

/// Seconds of a session that names none: twelve hours.
const USUAL: i64 = 43_200;
/// The longest of a user: 36 hours.
const LONGEST: i64 = 129_600;
/// The longest of the root user.
const LONGEST_OF_ROOT: i64 = 3600;

/// The user who asks, as tokens name it; `None`: the root user.
fn asker(query: &QueryCall<'_>) -> Result<Option<(String, String)>, ServiceError> {
    let principal = &query.caller().principal;
    if principal.kind == "root" {
        return Ok(None);
    }
    let account = query.account()?;
    let user = principal.id.as_deref().and_then(|id| account.by_id(id)).filter(|u| u.document.kind() == Kind::User);
    user.map(|user| Some(holder_of(user)))
        .ok_or_else(|| ServiceError::access_denied("Only users and the root user have sessions of their own."))
}

fn seconds(query: &QueryCall<'_>) -> Result<i64, ServiceError> {
    let root = query.caller().is_root();
    let seconds = duration(&query.params, if root { LONGEST_OF_ROOT } else { USUAL }, 900..=LONGEST)?;
    // What the root user asks for beyond an hour is cut to it, as AWS does.
    Ok(if root { seconds.min(LONGEST_OF_ROOT) } else { seconds })
}

pub(super) async fn session(query: &QueryCall<'_>) -> Answer {
    let seconds = seconds(query)?;
    query.allow::<ops::GetSessionToken>(&[]).await?;
    let (holder, mfa_at) = (asker(query)?, mfa(query).await?);
    let of = claims(SessionKind::SessionToken, query.account_id(), "", Wanted::default());
    let issued = Issued::new(query, Claims { holder, mfa_at, ..of }, seconds)?;
    Ok(Xml::of(|xml| issued.write(xml)))
}

pub(super) async fn federation(query: &QueryCall<'_>) -> Answer {
    let name = session_name(query.params.need("Name")?, "Name", 32)?.to_owned();
    let seconds = seconds(query)?;
    let wanted = Wanted::of(query)?;
    let arn = format!("arn:aws:sts::{}:federated-user/{name}", query.account_id());
    let mut named = wanted.named(&Named::new("federated", arn.clone()));
    named.retain(|named| named.on != "sourced");
    query.allow::<ops::GetFederationToken>(&named).await?;
    let (account, holder) = (query.account()?, asker(query)?);
    wanted.check(&account)?;
    let packed = wanted.packed();
    let of = claims(SessionKind::Federation, query.account_id(), &name, wanted);
    let issued = Issued::new(query, Claims { holder, ..of }, seconds)?;
    Ok(Xml::of(|xml| {
        issued.write(xml);
        xml.inside("FederatedUser", |xml| {
            xml.text("FederatedUserId", format!("{}:{name}", query.account_id()));
            xml.text("Arn", arn);
        });
        xml.text("PackedPolicySize", packed.to_string());
    }))
}
