//! The services beside S3: one table each, with the same gate and the same proof.
//!
//! An operation of a management API names its resources itself, in its path or body; so a row says under which
//! *names* the handler gives them to the gate, and [`authorize_service`] asks one question for each need of the row.
//! What a handler may touch afterwards is what stands in the [`Authorized`].
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS services".

pub mod cloudfront;
pub mod cloudtrail;
pub mod iam;
pub mod kms;
pub mod parameters;
pub mod sts;

use super::authorize::{Refusal, decided};
use super::authorized::Authorized;
use super::caller::Caller;
use super::operations::Method;
use super::scene::Scene;
use super::target::{Entity, Target};
use super::witness::{Step, Verdict, Witness};
use crate::decision::{Action, AuthorizationRequest, Context, ContextValue, Resource};
use crate::simulate::attributes;
use crate::simulate::world::ContextKeys;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

/// A service whose requests pass the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Amazon S3, whose table is [`super::operations::TABLE`].
    S3,
    /// Amazon CloudFront: its management API.
    CloudFront,
    /// AWS CloudTrail.
    CloudTrail,
    /// AWS Key Management Service.
    Kms,
    /// AWS Identity and Access Management.
    Iam,
    /// AWS Security Token Service.
    Sts,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 6] = [Self::S3, Self::CloudFront, Self::CloudTrail, Self::Kms, Self::Iam, Self::Sts];

    /// The service that a signature's scope names.
    #[must_use]
    pub fn from_scope(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.prefix() == name)
    }

    /// The service that an operation's full name in `X-Amz-Target` begins with.
    #[must_use]
    pub fn from_target(name: &str) -> Option<Self> {
        match name {
            "TrentService" => Some(Self::Kms),
            "CloudTrail_20131101" => Some(Self::CloudTrail),
            _ => None,
        }
    }

    /// Its prefix in action names, which is also its name in a signature's scope.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::CloudFront => "cloudfront",
            Self::CloudTrail => "cloudtrail",
            Self::Kms => "kms",
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }

    /// Its name as an event source and as a principal.
    #[must_use]
    pub fn host(self) -> &'static str {
        match self {
            Self::S3 => "s3.amazonaws.com",
            Self::CloudFront => "cloudfront.amazonaws.com",
            Self::CloudTrail => "cloudtrail.amazonaws.com",
            Self::Kms => "kms.amazonaws.com",
            Self::Iam => "iam.amazonaws.com",
            Self::Sts => "sts.amazonaws.com",
        }
    }

    /// The rows of its table; S3 has its own kind.
    #[must_use]
    pub fn table(self) -> &'static [ServiceRow] {
        match self {
            Self::S3 => &[],
            Self::CloudFront => cloudfront::TABLE,
            Self::CloudTrail => cloudtrail::TABLE,
            Self::Kms => kms::TABLE,
            Self::Iam => iam::TABLE,
            Self::Sts => sts::TABLE,
        }
    }
}

/// How a request says which operation it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// By method and path. A segment in braces is any text; `query` is a parameter that must be there, `NAME` or
    /// `NAME=VALUE`.
    Path {
        /// The method.
        method: Method,
        /// The path, such as `/2020-05-31/distribution/{Id}/config`.
        path: &'static str,
        /// A parameter of the query that tells it from another operation of the path.
        query: Option<&'static str>,
    },
    /// By its name: the last part of `X-Amz-Target`, or the parameter `Action`.
    Name,
}

/// One permission that an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceNeed {
    /// The action's full name.
    pub action: &'static str,
    /// The name under which the handler gives the resource; `*`: the action has none.
    pub on: &'static str,
    /// Whether every request needs it; otherwise those that name such a resource.
    pub always: bool,
}

/// A permission that every request of a row needs.
const fn need(action: &'static str, on: &'static str) -> ServiceNeed {
    ServiceNeed { action, on, always: true }
}

/// A permission that only requests need which name such a resource.
const fn may(action: &'static str, on: &'static str) -> ServiceNeed {
    ServiceNeed { action, on, always: false }
}

/// A row of a service's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    /// The service.
    pub service: Service,
    /// The operation's name in its API.
    pub name: &'static str,
    /// How a request says that it means it.
    pub route: Route,
    /// What it needs.
    pub needs: &'static [ServiceNeed],
    /// It changes nothing.
    pub read_only: bool,
}

/// An operation of a service beside S3, as a type.
pub trait ServiceOperation: Debug + 'static {
    /// Its row.
    const ROW: &'static ServiceRow;
}

/// Makes a table, an enum of its operations and a type for each.
macro_rules! service_table {
    ($service:ident $id:ident: $($name:ident: $access:ident $route:expr, $needs:tt;)*) => {
        /// The operations by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $id {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)*
        }

        impl $id {
            /// Every operation, in the order of [`TABLE`].
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its row.
            #[must_use]
            pub fn row(self) -> &'static super::ServiceRow {
                &TABLE[self as usize]
            }
        }

        /// Every row.
        pub const TABLE: &[super::ServiceRow] = &[$(super::ServiceRow {
            service: super::Service::$service,
            name: stringify!($name),
            route: $route,
            needs: &$needs,
            read_only: super::read_only!($access),
        },)*];

        $(
            #[doc = concat!("The operation `", stringify!($name), "`.")]
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}
            impl super::ServiceOperation for $name {
                const ROW: &'static super::ServiceRow = &TABLE[$id::$name as usize];
            }
        )*
    };
}
macro_rules! read_only {
    (reads) => {
        true
    };
    (changes) => {
        false
    };
}
use {read_only, service_table};

/// The facts of a request to a service that decisions read.
#[derive(Clone, Copy, Debug)]
pub struct ServiceFacts<'a> {
    /// Where it came from.
    pub source_ip: Option<IpAddr>,
    /// It came over TLS.
    pub secure: bool,
    /// When it came, in seconds since 1970.
    pub time: i64,
    /// The header `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// The region that was addressed.
    pub region: &'a str,
}

/// A resource that a request names.
#[derive(Clone, Debug, Default)]
pub struct Subject<'a> {
    /// The name of a need of the row.
    pub on: &'static str,
    /// Its ARN.
    pub arn: &'a str,
    /// Its account where the ARN does not tell; `None`: the ARN's, or the caller's.
    pub account: Option<&'a str>,
    /// The policies that bind it.
    pub scene: Arc<Scene>,
    /// Condition keys that the request brings for it, such as `kms:ViaService` or `aws:RequestTag/…`.
    pub context: ContextKeys,
}

/// A request to a service, at the gate.
#[derive(Clone, Copy)]
pub struct ServiceAsk<'a> {
    /// Its facts.
    pub facts: &'a ServiceFacts<'a>,
    /// Who sent it.
    pub caller: &'a Arc<Caller>,
    /// What it names. Several of one name are all asked for.
    pub subjects: &'a [Subject<'a>],
    /// Who sees the decisions.
    pub witness: &'a dyn Witness,
}

/// Decides a request to a service. Every need of its row must be allowed, on every resource that is given for it.
///
/// The verdict is the grant, or the first refusal; [`Refusal::Unasked`] where the handler gave no resource for a need,
/// or one that no need asks for.
pub fn authorize_service<'a, O: ServiceOperation>(ask: &ServiceAsk<'a>) -> Verdict<'a, Authorized<O>> {
    Verdict::new(granted(ask), ask.witness)
}

fn granted<O: ServiceOperation>(ask: &ServiceAsk<'_>) -> Result<Authorized<O>, Refusal> {
    permitted_service(O::ROW, ask)?;
    let entities = ask.subjects.iter().map(|s| Entity { on: s.on, arn: s.arn.to_owned() }).collect();
    Ok(Authorized::proven(Target::Entities(entities), None, None, ask.caller.clone(), ask.facts.time))
}

fn permitted_service(row: &'static ServiceRow, ask: &ServiceAsk<'_>) -> Result<(), Refusal> {
    if let Some(stray) = ask.subjects.iter().find(|s| !row.needs.iter().any(|need| need.on == s.on)) {
        return Err(Refusal::Unasked(format!("{} asks for no `{}`", row.name, stray.on)));
    }
    for need in row.needs {
        let mut asked = false;
        let whole = Subject { on: "*", arn: "*", ..Subject::default() };
        let whole = (need.on == "*" && !ask.subjects.iter().any(|s| s.on == "*")).then_some(&whole);
        for subject in ask.subjects.iter().filter(|s| s.on == need.on).chain(whole) {
            asked = true;
            decide(row, need, subject, ask)?;
        }
        if need.always && !asked {
            return Err(Refusal::Unasked(format!("{} was given no `{}`", row.name, need.on)));
        }
    }
    Ok(())
}

fn decide(row: &'static ServiceRow, need: &ServiceNeed, on: &Subject<'_>, ask: &ServiceAsk<'_>) -> Result<(), Refusal> {
    let caller = ask.caller;
    let authorizer = on.scene.authorizer(caller);
    let mut resource = Resource::new(on.arn);
    if let Some(account) = on.account.or(resource.account).or(caller.account()) {
        resource = resource.in_account(account);
    }
    let principal = caller.principal.as_principal().map_err(Refusal::Unasked)?;
    let mut request =
        AuthorizationRequest::new(principal, Action::new(need.action), resource).with_context(context(ask.facts));
    caller.set_context(&mut request.context, ask.facts.time);
    for (key, values) in on.scene.context.iter().chain(&on.context) {
        match values.as_slice() {
            [one] => request.context.set(key.as_str(), one.as_str()),
            many => request.context.set_many(key.as_str(), many.iter().map(String::as_str)),
        };
    }
    attributes::derive(&mut request, authorizer.layers());
    let step = Step { service: row.service, operation: row.name, method: method(row), read_only: row.read_only };
    let insider = caller.account().is_some() && request.resource.account == caller.account();
    decided(step, &request, (&authorizer, on.scene.lasts()), ask.witness, insider)
}

fn method(row: &ServiceRow) -> Method {
    match row.route {
        Route::Path { method, .. } => method,
        Route::Name => Method::Post,
    }
}

fn context<'a>(facts: &ServiceFacts<'a>) -> Context<'a> {
    let mut context = Context::new();
    context.current_time(facts.time);
    if let Some(address) = facts.source_ip {
        context.source_ip(address);
    }
    context.secure_transport(facts.secure);
    if let Some(agent) = facts.user_agent {
        context.set("aws:UserAgent", agent);
    }
    context.set("aws:RequestedRegion", facts.region);
    context.set_value("aws:ViaAWSService", ContextValue::bool(false));
    context
}

/// The row of a request that is told by method and path, with the texts that stand for the path's braces; `has` says
/// whether the query has a parameter, `NAME` or `NAME=VALUE`. `None`: the service has no such operation.
#[must_use]
pub fn find_by_path(
    service: Service,
    method: Method,
    path: &str,
    has: impl Fn(&str) -> bool,
) -> Option<(&'static ServiceRow, Vec<&str>)> {
    let fits = |row: &'static ServiceRow| {
        let Route::Path { method: wanted, path: pattern, query } = row.route else { return None };
        if wanted != method || !query.is_none_or(&has) {
            return None;
        }
        matched(pattern, path).map(|texts| (row, texts))
    };
    // A row that wants a parameter goes before one of the same path that does not.
    let rows = service.table().iter();
    let mut found: Vec<_> = rows.filter_map(fits).collect();
    found.sort_by_key(|(row, _)| !matches!(row.route, Route::Path { query: Some(_), .. }));
    found.into_iter().next()
}

/// The row of a request that is told by the operation's name.
#[must_use]
pub fn find_by_name(service: Service, name: &str) -> Option<&'static ServiceRow> {
    service.table().iter().find(|row| row.route == Route::Name && row.name == name)
}

/// The texts that stand for the braces of a pattern, if the path fits it.
fn matched<'p>(pattern: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut texts = Vec::new();
    let mut wanted = pattern.split('/');
    for part in path.split('/') {
        let piece = wanted.next()?;
        if piece.starts_with('{') && !part.is_empty() {
            texts.push(part);
        } else if piece != part {
            return None;
        }
    }
    wanted.next().is_none().then_some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::vocabulary::exact_action;

    #[test]
    fn every_row_needs_known_actions_of_its_service() {
        // What AWS lets everybody with credentials do, whatever policies say.
        let free = ["GetCallerIdentity", "GetSessionToken"];
        for row in Service::ALL.into_iter().flat_map(Service::table) {
            let needs = row.needs.iter().any(|need| need.always);
            let is_free = row.service == Service::Sts && free.contains(&row.name) && row.needs.is_empty();
            assert!(needs != is_free, "{} needs nothing for certain", row.name);
            for need in row.needs {
                let (service, name) = need.action.split_once(':').expect("a full name");
                assert_eq!(exact_action(service, name).as_deref(), Some(need.action), "{}", row.name);
            }
        }
    }

    #[test]
    fn names_and_routes_are_told_apart() {
        for service in Service::ALL {
            for (at, row) in service.table().iter().enumerate() {
                assert_eq!(row.service, service);
                for earlier in &service.table()[..at] {
                    assert_ne!(earlier.name, row.name);
                    assert!(row.route == Route::Name || earlier.route != row.route, "{} {}", earlier.name, row.name);
                }
            }
        }
    }

    #[test]
    fn a_path_fits_segment_by_segment() {
        assert_eq!(matched("/a/{Id}/c", "/a/x/c"), Some(vec!["x"]));
        assert_eq!(matched("/a/{Id}", "/a/x/c"), None);
        assert_eq!(matched("/a/{Id}/c", "/a/x"), None);
        assert_eq!(matched("/a/{Id}", "/a/"), None);
    }
}
