//! One authorization question: principal, action, resource, context.

use super::context::Context;
use super::principal::Principal;
use crate::policy::acl::Acl;
use crate::words::arn::Arn;
use crate::words::vocabulary::{self, ActionId};

/// An action, looked up once.
#[derive(Clone, Copy, Debug)]
pub struct Action<'a> {
    text: &'a str,
    id: Option<ActionId>,
    binds_rcp: bool,
}

impl<'a> Action<'a> {
    /// The action of that full name, such as `s3:GetObject`, in any case. Names outside the catalogue are
    /// compared as text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let action = Self { text, id: ActionId::lookup(text), binds_rcp: false };
        Self { binds_rcp: vocabulary::binds_rcp(action.service()), ..action }
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// Its number, where it is known.
    #[inline]
    #[must_use]
    pub fn id(&self) -> Option<ActionId> {
        self.id
    }

    /// The name behind the service prefix, as AWS spells it where it is known.
    #[must_use]
    pub fn name(&self) -> &'a str {
        match self.id {
            Some(id) => id.name(),
            None => self.text.split_once(':').map_or(self.text, |(_, name)| name),
        }
    }

    /// Whether resource control policies bind it.
    #[must_use]
    pub fn binds_rcp(&self) -> bool {
        self.binds_rcp
    }

    /// The service prefix, as it was given.
    #[must_use]
    pub fn service(&self) -> &'a str {
        self.text.split_once(':').map_or("", |(service, _)| service)
    }

    /// Whether it is an action of the service with this prefix, also one that is not in the catalogue.
    #[must_use]
    pub fn is_of(&self, service: &str) -> bool {
        self.service().eq_ignore_ascii_case(service)
    }

    /// The name of a known S3 action, `None` for other services.
    #[must_use]
    pub fn s3(&self) -> Option<&'a str> {
        self.id.filter(|id| id.service() == vocabulary::Service::S3).map(|_| self.name())
    }
}

/// What S3 knows of the object that a request addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct ObjectFacts<'a> {
    /// The canonical user id of its owner; `None`: the bucket's owner.
    pub owner_canonical: Option<&'a str>,
    /// Its ACL; `None`: the owner holds everything.
    pub acl: Option<&'a Acl>,
}

/// Whether the resource's own policy must take part for anything to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Custody {
    /// An Allow of either side suffices in the same account.
    Shared,
    /// The resource's policy must allow or delegate: KMS keys, roles that are assumed.
    Resource,
}

/// What is acted upon.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Its ARN, or `*` for actions without a resource.
    pub arn: &'a str,
    /// The account it belongs to, where the ARN or the layers' bucket do not tell.
    pub account: Option<&'a str>,
    /// The object behind it, where one exists.
    pub object: Option<ObjectFacts<'a>>,
    kind: Option<Custodian>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Custodian {
    Key,
    Alias,
    Role,
}

impl<'a> Resource<'a> {
    /// A resource by its ARN; the account is the ARN's.
    #[must_use]
    pub fn new(arn: &'a str) -> Self {
        let parsed = Arn::parse(arn);
        let kind = parsed.and_then(|p| match (p.service, p.resource_type()) {
            ("kms", Some(("key", _))) => Some(Custodian::Key),
            ("kms", Some(("alias", _))) => Some(Custodian::Alias),
            ("iam", Some(("role", _))) => Some(Custodian::Role),
            _ => None,
        });
        Self { arn, account: parsed.map(|p| p.account).filter(|a| !a.is_empty()), object: None, kind }
    }

    /// Names the account it belongs to.
    #[must_use]
    pub fn in_account(mut self, account: &'a str) -> Self {
        self.account = Some(account);
        self
    }

    /// Adds what is known of an existing object.
    #[must_use]
    pub fn with_object(mut self, object: ObjectFacts<'a>) -> Self {
        self.object = Some(object);
        self
    }

    /// Whether its own policy must take part in answering `action`.
    #[must_use]
    pub fn custody(&self, action: &Action<'_>) -> Custody {
        let service = match self.kind {
            // An alias has no policy: who may make it is said by identity policies. Nothing else is asked of it; the
            // keys behind it are asked for themselves. Source: KMS Developer Guide, "Controlling access to aliases".
            Some(Custodian::Alias) if matches!(action.name(), "CreateAlias" | "UpdateAlias" | "DeleteAlias") => {
                return Custody::Shared;
            }
            Some(Custodian::Key | Custodian::Alias) => "kms",
            Some(Custodian::Role) => "sts",
            None => return Custody::Shared,
        };
        if action.is_of(service) { Custody::Resource } else { Custody::Shared }
    }
}

/// One question. Everything is borrowed or typed before it is asked; asking changes nothing.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest<'a> {
    /// Who.
    pub principal: Principal<'a>,
    /// What.
    pub action: Action<'a>,
    /// On what.
    pub resource: Resource<'a>,
    /// Under which circumstances.
    pub context: Context<'a>,
    /// The request would set a public ACL in its body (headers are read from the context).
    pub sets_public_acl: bool,
    /// The request would set a public bucket policy.
    pub sets_public_policy: bool,
}

impl<'a> AuthorizationRequest<'a> {
    /// A question with an empty context.
    #[must_use]
    pub fn new(principal: Principal<'a>, action: Action<'a>, resource: Resource<'a>) -> Self {
        Self { principal, action, resource, context: Context::new(), sets_public_acl: false, sets_public_policy: false }
    }

    /// The same question in another context.
    #[must_use]
    pub fn with_context(mut self, context: Context<'a>) -> Self {
        self.context = context;
        self
    }
}
