//! Who made a request, as CloudTrail writes it.
//!
//! Source: CloudTrail User Guide, "CloudTrail userIdentity element".

use super::Text;
use crate::decision::{AuthorizationRequest, PrincipalKind};
use serde::{Deserialize, Serialize};

/// The element `userIdentity`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity<'a> {
    /// `IAMUser`, `Root`, `AssumedRole`, `FederatedUser`, `WebIdentityUser`, `AWSService` or `AWSAccount`.
    #[serde(rename = "type")]
    pub kind: Text<'a>,
    /// The unique id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<Text<'a>>,
    /// The ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<Text<'a>>,
    /// The account; `anonymous` for requests that nobody signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Text<'a>>,
    /// The access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Text<'a>>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<Text<'a>>,
    /// The session, of temporary credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_context: Option<SessionContext<'a>>,
    /// The service that made the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoked_by: Option<Text<'a>>,
}

/// A session of temporary credentials.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionContext<'a> {
    /// Who or what it was issued for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_issuer: Option<SessionIssuer<'a>>,
    /// When it began, and whether with MFA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<SessionAttributes<'a>>,
}

/// Who or what a session was issued for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionIssuer<'a> {
    /// `Role` or `IAMUser`.
    #[serde(rename = "type")]
    pub kind: Text<'a>,
    /// Its unique id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<Text<'a>>,
    /// Its ARN.
    pub arn: Text<'a>,
    /// Its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<Text<'a>>,
    /// Its name.
    pub user_name: Text<'a>,
}

/// When a session began, and whether with MFA.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionAttributes<'a> {
    /// When, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<Text<'a>>,
    /// `true` or `false`.
    pub mfa_authenticated: Text<'a>,
}

impl<'a> UserIdentity<'a> {
    /// Who made a request.
    #[must_use]
    pub fn of(request: &'a AuthorizationRequest<'a>, access_key_id: Option<&'a str>) -> Self {
        let principal = &request.principal;
        let some = |text: &'a str| Some(text).filter(|t| !t.is_empty()).map(Text::Borrowed);
        let arn = some(principal.arn);
        let mut identity = Self {
            kind: "AWSAccount".into(),
            principal_id: principal.id.map(Text::Borrowed),
            arn,
            account_id: principal.account.map(Text::Borrowed),
            access_key_id: access_key_id.map(Text::Borrowed),
            user_name: None,
            session_context: session(request),
            invoked_by: None,
        };
        match principal.kind {
            PrincipalKind::User => {
                identity.kind = "IAMUser".into();
                identity.user_name = some(last_part(principal.arn));
            }
            PrincipalKind::Root => {
                identity.kind = "Root".into();
                identity.principal_id = principal.account.map(Text::Borrowed);
            }
            PrincipalKind::RoleSession => identity.kind = "AssumedRole".into(),
            PrincipalKind::FederatedUser => identity.kind = "FederatedUser".into(),
            PrincipalKind::FederatedIdentity => identity.kind = "WebIdentityUser".into(),
            PrincipalKind::Service => {
                identity.kind = "AWSService".into();
                identity.invoked_by = identity.arn.take();
            }
            PrincipalKind::Anonymous => identity = Self::nobody(),
            PrincipalKind::OriginAccessIdentity => {
                identity.principal_id = principal.canonical.map(Text::Borrowed);
                identity.account_id = Some("cloudfront".into());
                identity.invoked_by = Some("cloudfront.amazonaws.com".into());
            }
            PrincipalKind::Canonical => identity.principal_id = principal.canonical.map(Text::Borrowed),
        }
        identity
    }

    /// Nobody in particular: a request that nobody signed, or that is not signed as AWS knows it.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            kind: "AWSAccount".into(),
            principal_id: Some("".into()),
            arn: None,
            account_id: Some("anonymous".into()),
            access_key_id: None,
            user_name: None,
            session_context: None,
            invoked_by: None,
        }
    }

    /// How a person would call it: the last part of its ARN, or what kind it is.
    #[must_use]
    pub fn name(&self) -> &str {
        let arn = self.arn.as_deref().map(last_part);
        let name = self.user_name.as_deref().or(arn).or(self.invoked_by.as_deref());
        name.or(self.account_id.as_deref()).unwrap_or("unknown")
    }
}

/// The session behind temporary credentials: a role's, a federated user's, or a user's with MFA.
fn session<'a>(request: &'a AuthorizationRequest<'a>) -> Option<SessionContext<'a>> {
    let principal = &request.principal;
    let begun = request.context.text("aws:TokenIssueTime");
    let issuer = match principal.kind {
        PrincipalKind::RoleSession => principal.role_arn.map(|arn| ("Role", arn)),
        PrincipalKind::FederatedUser => principal.issuer_arn.map(|arn| ("IAMUser", arn)),
        _ => None,
    };
    if begun.is_none() && issuer.is_none() {
        return None;
    }
    let session_issuer = issuer.map(|(kind, arn)| SessionIssuer {
        kind: kind.into(),
        principal_id: principal.id.and_then(|id| id.split(':').next()).map(Text::Borrowed),
        arn: arn.into(),
        account_id: principal.account.map(Text::Borrowed),
        user_name: last_part(arn).into(),
    });
    let mfa = request.context.text("aws:MultiFactorAuthPresent").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let attributes = SessionAttributes {
        creation_date: begun.map(|at| at.to_owned().into()),
        mfa_authenticated: if mfa { "true" } else { "false" }.into(),
    };
    Some(SessionContext { session_issuer, attributes: Some(attributes) })
}

fn last_part(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}
