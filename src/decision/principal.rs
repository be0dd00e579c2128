//! Who asks, and under which names a policy can mean them.

use crate::compiled::principal::{NameKind, name_hash};

/// The kinds of requesters that policies tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// An IAM user with long-term keys, or its `GetSessionToken` session.
    User,
    /// A session of a role (`AssumeRole*`).
    RoleSession,
    /// The account's root user.
    Root,
    /// Nobody in particular.
    Anonymous,
    /// An AWS service calling as itself.
    Service,
    /// A CloudFront origin access identity.
    OriginAccessIdentity,
    /// A `GetFederationToken` session.
    FederatedUser,
    /// Somebody an identity provider vouches for, before a role is assumed.
    FederatedIdentity,
    /// An account known by its canonical user id only.
    Canonical,
}

/// Whom a matching statement of a resource-based policy named: it decides which implicit denials the
/// statement's Allow bypasses. Source: IAM User Guide, "Policy evaluation logic".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Named {
    /// The account: its principals still need an identity-based Allow.
    Account,
    /// The role behind the session: identity policies are bypassed; boundary and session policy limit.
    Role,
    /// The user who called `GetFederationToken`: as for a role.
    Issuer,
    /// The requester itself: user, session, service, origin access identity.
    Requester,
    /// `"*"`, or everyone but others.
    Everyone,
}

/// One name of a requester.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// How it is compared.
    pub kind: NameKind,
    /// The text.
    pub text: &'a str,
    /// What a statement that lists it has named.
    pub named: Named,
    /// Names with the same link are alternatives; `NotPrincipal` with `Deny` spares only a requester
    /// of whom every link is listed.
    pub link: Link,
}

/// The links of the chain behind a requester.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// Its account.
    Account,
    /// The user or role; of a federated session, the user who called for it.
    Entity,
    /// The session.
    Session,
}

/// Of a role session: its ARN, the role's, the account, the canonical user id, the role's unique id and its own.
const MAX_NAMES: usize = 6;

/// A requester.
#[derive(Clone, Debug)]
pub struct Principal<'a> {
    /// What it is.
    pub kind: PrincipalKind,
    /// Its ARN; a service's or identity provider's name; empty for anonymous.
    pub arn: &'a str,
    /// Its account's twelve digits.
    pub account: Option<&'a str>,
    /// Behind a role session, the role's ARN.
    pub role_arn: Option<&'a str>,
    /// Its unique id (`AIDA…`, `AROA…`), as it stands in `aws:userid`.
    pub id: Option<&'a str>,
    /// The user who called `GetFederationToken`.
    pub issuer_arn: Option<&'a str>,
    /// Its account's canonical user id, or an origin access identity's own.
    pub canonical: Option<&'a str>,
    /// A service-linked role: control policies do not bind it.
    pub service_linked: bool,
    names: [Option<Name<'a>>; MAX_NAMES],
    hashes: [u64; MAX_NAMES],
    count: usize,
}

impl<'a> Principal<'a> {
    fn bare(kind: PrincipalKind, arn: &'a str, account: Option<&'a str>) -> Self {
        Self {
            kind,
            arn,
            account,
            role_arn: None,
            id: None,
            issuer_arn: None,
            canonical: None,
            service_linked: false,
            names: [None; MAX_NAMES],
            hashes: [0; MAX_NAMES],
            count: 0,
        }
    }

    fn name(&mut self, kind: NameKind, text: &'a str, named: Named, link: Link) {
        if let (Some(slot), Some(hash)) = (self.names.get_mut(self.count), self.hashes.get_mut(self.count)) {
            *slot = Some(Name { kind, text, named, link });
            *hash = name_hash(kind, text);
            self.count += 1;
        }
    }

    fn account_name(mut self) -> Self {
        if let Some(account) = self.account {
            self.name(NameKind::Account, account, Named::Account, Link::Account);
        }
        self
    }

    /// An IAM user.
    #[must_use]
    pub fn user(arn: &'a str, account: &'a str) -> Self {
        let mut principal = Self::bare(PrincipalKind::User, arn, Some(account));
        principal.name(NameKind::Arn, arn, Named::Requester, Link::Entity);
        principal.account_name()
    }

    /// A session of a role: `arn` is the `assumed-role` ARN.
    #[must_use]
    pub fn role_session(arn: &'a str, account: &'a str, role_arn: &'a str) -> Self {
        let mut principal = Self::bare(PrincipalKind::RoleSession, arn, Some(account));
        principal.role_arn = Some(role_arn);
        principal.name(NameKind::Arn, arn, Named::Requester, Link::Session);
        principal.name(NameKind::Arn, role_arn, Named::Role, Link::Entity);
        principal.account_name()
    }

    /// An account's root user.
    #[must_use]
    pub fn root(arn: &'a str, account: &'a str) -> Self {
        Self::bare(PrincipalKind::Root, arn, Some(account)).account_name()
    }

    /// An anonymous requester. It has no name: only `"*"` means it.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::bare(PrincipalKind::Anonymous, "", None)
    }

    /// A service principal such as `cloudfront.amazonaws.com`.
    #[must_use]
    pub fn service(name: &'a str) -> Self {
        let mut principal = Self::bare(PrincipalKind::Service, name, None);
        principal.name(NameKind::Service, name, Named::Requester, Link::Entity);
        principal
    }

    /// A CloudFront origin access identity, by its ARN.
    #[must_use]
    pub fn origin_access_identity(arn: &'a str) -> Self {
        let mut principal = Self::bare(PrincipalKind::OriginAccessIdentity, arn, None);
        principal.name(NameKind::Arn, arn, Named::Requester, Link::Entity);
        principal
    }

    /// A `GetFederationToken` session and the user who called it.
    #[must_use]
    pub fn federated_user(arn: &'a str, account: &'a str, issuer_arn: Option<&'a str>) -> Self {
        let mut principal = Self::bare(PrincipalKind::FederatedUser, arn, Some(account));
        principal.issuer_arn = issuer_arn;
        principal.name(NameKind::Arn, arn, Named::Requester, Link::Session);
        if let Some(issuer) = issuer_arn {
            principal.name(NameKind::Arn, issuer, Named::Issuer, Link::Entity);
        }
        principal.account_name()
    }

    /// Somebody an identity provider vouches for: the provider's ARN or domain.
    #[must_use]
    pub fn federated_identity(provider: &'a str) -> Self {
        let mut principal = Self::bare(PrincipalKind::FederatedIdentity, provider, None);
        principal.name(NameKind::Federated, provider, Named::Requester, Link::Entity);
        principal
    }

    /// An account known by its canonical user id; it acts as the account.
    #[must_use]
    pub fn canonical(id: &'a str, account: Option<&'a str>) -> Self {
        Self::bare(PrincipalKind::Canonical, "", account).account_name().with_canonical(id)
    }

    /// Adds the canonical user id.
    #[must_use]
    pub fn with_canonical(mut self, id: &'a str) -> Self {
        self.canonical = Some(id);
        let (named, link) = match self.kind {
            PrincipalKind::OriginAccessIdentity => (Named::Requester, Link::Entity),
            _ => (Named::Account, Link::Account),
        };
        self.name(NameKind::Canonical, id, named, link);
        self
    }

    /// Adds the unique id; of a session, `AROA…` alone or as `AROA…:session`.
    #[must_use]
    pub fn with_id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        let own = id.split_once(':').map_or(id, |(role, _)| role);
        match self.kind {
            PrincipalKind::User => self.name(NameKind::UniqueId, own, Named::Requester, Link::Entity),
            PrincipalKind::RoleSession => {
                self.name(NameKind::UniqueId, own, Named::Role, Link::Entity);
                if own != id {
                    self.name(NameKind::UniqueId, id, Named::Requester, Link::Session);
                }
            }
            _ => {}
        }
        self
    }

    /// Marks a session of a service-linked role.
    #[must_use]
    pub fn service_linked(mut self) -> Self {
        self.service_linked = true;
        self
    }

    /// Every name a policy can list it under.
    pub fn names(&self) -> impl Iterator<Item = &Name<'a>> {
        self.names.iter().flatten()
    }

    /// The name with this hash and kind and text.
    #[inline]
    #[must_use]
    pub fn named(&self, hash: u64, kind: NameKind, text: &str) -> Option<&Name<'a>> {
        let at = self.hashes().iter().position(|h| *h == hash)?;
        self.names.get(at)?.as_ref().filter(|name| name.kind == kind && name.text == text)
    }

    /// The hashes of its names.
    #[inline]
    #[must_use]
    pub fn hashes(&self) -> &[u64] {
        self.hashes.get(..self.count).unwrap_or_default()
    }

    /// Whether it belongs to an account and has identity-based policies.
    #[must_use]
    pub fn has_identity_side(&self) -> bool {
        matches!(
            self.kind,
            PrincipalKind::User
                | PrincipalKind::RoleSession
                | PrincipalKind::Root
                | PrincipalKind::FederatedUser
                | PrincipalKind::Canonical
        )
    }

    /// Whether it acts as the whole account.
    #[must_use]
    pub fn acts_as_account(&self) -> bool {
        matches!(self.kind, PrincipalKind::Root | PrincipalKind::Canonical)
    }
}
