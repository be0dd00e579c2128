//! Temporary credentials: a token carries what was fixed when it was given, sealed; everything else is looked up.
//!
//! Permissions, tags and the trust of the role are those of the moment of the request; a principal that is gone, or
//! that is another one of the same name, ends its sessions at once.

use super::model::Kind;
use super::state::{AccountState, Holder, compiled, tag_keys};
use crate::compiled::CompiledPolicy;
use crate::decision::{ContextValue, LayerState, PolicySet};
use crate::edges::server::auth::Credential;
use crate::gate::{Caller, SessionFacts, SessionKind};
use crate::policy::PolicyKind;
use crate::simulate::scenario::OwnedPrincipal;
use crate::simulate::world::ContextKeys;
use crate::storage::store::{SealedText, Store, StoreError};
use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};

/// What a token carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The access key id that it belongs to.
    pub key_id: String,
    /// The secret of that key.
    pub secret: String,
    /// The operation that gave it.
    pub kind: SessionKind,
    /// The account.
    pub account: String,
    /// Whose session it is: unique id and document of the user or role; `None`: the root user.
    pub holder: Option<(String, String)>,
    /// The session's name, of a role or a federated user.
    pub name: String,
    /// When it was given, in seconds since 1970.
    pub issued: i64,
    /// When it ends, in seconds since 1970.
    pub expires: i64,
    /// When an MFA device's code was shown, in seconds since 1970.
    pub mfa_at: Option<i64>,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// The keys of the tags that go on to the next role of a chain.
    pub transitive: Vec<String>,
    /// The source identity.
    pub source_identity: Option<String>,
    /// Session policies.
    pub policies: Vec<String>,
    /// The ARNs of managed policies that are session policies too.
    pub policy_arns: Vec<String>,
    /// Context keys of an identity provider's claims.
    pub context: ContextKeys,
}

impl Claims {
    /// The token.
    ///
    /// # Errors
    /// [`StoreError::Io`] where there is no randomness.
    pub fn sealed(&self, store: &Store) -> Result<String, StoreError> {
        let text = serde_json::to_string(self).map_err(|e| StoreError::Io(e.to_string().into()))?;
        let sealed = store.seal_text(&text, self.issued.saturating_mul(1000))?;
        let bytes = rmp_serde::to_vec(&sealed).map_err(|e| StoreError::Io(e.to_string().into()))?;
        Ok(STANDARD.encode(bytes))
    }

    /// What a token carries; `None`: it is none of this server's.
    #[must_use]
    pub fn opened(store: &Store, token: &str) -> Option<Self> {
        let bytes = STANDARD.decode(token).ok()?;
        let sealed: SealedText = rmp_serde::from_slice(&bytes).ok()?;
        serde_json::from_str(&store.open_sealed(&sealed).ok()?).ok()
    }
}

/// A session that was opened before.
pub struct Session {
    /// Its token.
    pub token: String,
    /// What the token carries.
    pub claims: Claims,
    policies: Vec<Arc<CompiledPolicy>>,
    facts: Arc<SessionFacts>,
    /// The credential, and the state of the account that it was made from.
    made: ArcSwapOption<(Arc<AccountState>, Arc<Credential>)>,
}

/// Everything: the identity side of who is a federated user by the root user's leave.
static EVERYTHING: LazyLock<PolicySet> = LazyLock::new(|| {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    PolicySet::new(vec![compiled("root", text, PolicyKind::Identity)])
});

impl Session {
    /// A session with its policies compiled.
    #[must_use]
    pub fn new(token: &str, claims: Claims) -> Self {
        let policies = claims.policies.iter();
        let policies = policies.map(|text| compiled("session-policy", text, PolicyKind::Session)).collect();
        let facts = Arc::new(SessionFacts {
            kind: claims.kind,
            expires: claims.expires,
            mfa_at: claims.mfa_at,
            tags: claims.tags.clone(),
            transitive: claims.transitive.clone(),
            source_identity: claims.source_identity.clone(),
        });
        Self { token: token.to_owned(), claims, policies, facts, made: ArcSwapOption::empty() }
    }

    /// The credential with the principal's present permissions; `None`: the principal is gone.
    #[must_use]
    pub fn credential(&self, account: &Arc<AccountState>) -> Option<Arc<Credential>> {
        if let Some(made) = &*self.made.load()
            && Arc::ptr_eq(&made.0, account)
        {
            return Some(made.1.clone());
        }
        let credential = Arc::new(Credential {
            secret: self.claims.secret.clone().into(),
            active: true,
            session_token: Some(self.token.clone()),
            expires: Some(self.claims.expires),
            caller: Arc::new(self.caller(account)?),
        });
        self.made.store(Some(Arc::new((account.clone(), credential.clone()))));
        Some(credential)
    }

    fn caller(&self, account: &AccountState) -> Option<Caller> {
        let claims = &self.claims;
        let holder = match &claims.holder {
            None => None,
            Some((id, key)) => {
                let known = account.identities.get(key.as_str()).filter(|holder| holder.document.id == *id);
                Some(known.or_else(|| account.by_id(id))?)
            }
        };
        let mut caller = match (claims.kind, holder) {
            (SessionKind::SessionToken, None) => account.root(),
            (SessionKind::SessionToken, Some(user)) => account.user_caller(user),
            (SessionKind::Role, Some(role)) => self.of_role(account, role),
            (SessionKind::Federation, issuer) => self.federated(account, issuer),
            (SessionKind::Role, None) => return None,
        };
        if !(self.policies.is_empty() && claims.policy_arns.is_empty()) {
            caller.session = account.set_of(self.policies.clone(), &claims.policy_arns);
        }
        self.add_keys(&mut caller.context);
        caller.session_facts = Some(self.facts.clone());
        Some(caller)
    }

    fn of_role(&self, account: &AccountState, role: &Holder) -> Caller {
        let (of, name) = (&account.facts.id, &self.claims.name);
        let usual = account.caller();
        let principal = OwnedPrincipal {
            kind: "role-session".to_owned(),
            arn: Some(format!("arn:aws:sts::{of}:assumed-role/{}/{name}", role.document.name)),
            role_arn: Some(role.arn.clone()),
            id: Some(format!("{}:{name}", role.document.id)),
            service_linked: role.document.role().is_some_and(|settings| settings.service_linked),
            ..usual.principal.clone()
        };
        let context = self.with_tags(role, usual.context.clone());
        Caller { principal, identity: role.identity.clone(), boundary: role.boundary.clone(), context, ..usual }
    }

    fn federated(&self, account: &AccountState, issuer: Option<&Arc<Holder>>) -> Caller {
        let usual = account.caller();
        let issuer_arn = issuer.map(|user| user.arn.clone());
        let principal = OwnedPrincipal {
            kind: "federated".to_owned(),
            arn: Some(format!("arn:aws:sts::{}:federated-user/{}", account.facts.id, self.claims.name)),
            issuer_arn,
            ..usual.principal.clone()
        };
        let (identity, boundary) = match issuer {
            Some(user) => (user.identity.clone(), user.boundary.clone()),
            None => (LayerState::Given(EVERYTHING.clone()), LayerState::Absent),
        };
        let mut context = usual.context.clone();
        match issuer {
            Some(user) => context = self.with_tags(user, context),
            None => context.extend(tag_keys(&self.claims.tags)),
        }
        Caller { principal, identity, boundary, context, ..usual }
    }

    /// The holder's tags, and the session's over them. Source: IAM User Guide, "Passing session tags in AWS STS".
    fn with_tags(&self, holder: &Holder, mut context: ContextKeys) -> ContextKeys {
        let tags = &self.claims.tags;
        let hidden = |key: &str| tags.iter().any(|(own, _)| own.eq_ignore_ascii_case(key));
        let below: Vec<_> = holder.document.tags.iter().filter(|(key, _)| !hidden(key)).cloned().collect();
        context.extend(tag_keys(&below));
        context.extend(tag_keys(tags));
        context
    }

    fn add_keys(&self, context: &mut ContextKeys) {
        let claims = &self.claims;
        let mut put = |key: &str, value: String| context.push((key.to_owned(), vec![value]));
        put("aws:TokenIssueTime", ContextValue::instant(claims.issued).as_str().to_owned());
        put("aws:MultiFactorAuthPresent", claims.mfa_at.is_some().to_string());
        if let Some(identity) = &claims.source_identity {
            put("aws:SourceIdentity", identity.clone());
        }
        context.extend(claims.context.iter().cloned());
    }
}

/// The document of a user or role, as tokens name it.
#[must_use]
pub fn holder_of(holder: &Holder) -> (String, String) {
    debug_assert!(holder.document.kind() != Kind::Group, "groups make no requests");
    (holder.document.id.clone(), holder.document.key())
}
