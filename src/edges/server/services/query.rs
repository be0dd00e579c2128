//! The query protocol: a form in, an XML document out. IAM and STS speak it.
//!
//! Source: Smithy, "AWS query protocol".

use super::{ServiceCall, ServiceError};
use crate::decision::{LayerState, PolicySet};
use crate::edges::server::identities::state::{AccountState, Holder};
use crate::edges::server::reply::{self, Reply};
use crate::edges::server::wire::error_body::escaped;
use crate::edges::server::wire::query;
use crate::gate::services::{ServiceOperation, Subject};
use crate::gate::{Authorized, Caller, Scene};
use crate::simulate::world::ContextKeys;
use crate::words::moment;
use http::{StatusCode, header::CONTENT_TYPE};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an operation answers.
pub type Answer = Result<Xml, ServiceError>;

/// The parameters of a request, or of a structure in it.
#[derive(Clone, Debug)]
pub struct Params {
    all: Arc<BTreeMap<String, String>>,
    prefix: String,
}

impl Params {
    /// Reads a form.
    ///
    /// # Errors
    /// `MalformedQueryString`, also where a parameter has two values.
    pub fn parse(body: &[u8]) -> Result<Self, ServiceError> {
        let malformed = |what: &str| ServiceError::bad("MalformedQueryString", what.to_owned());
        let text = std::str::from_utf8(body).map_err(|_| malformed("The request is not UTF-8."))?;
        let form = query::Query::parse(text).map_err(|e| malformed(&e.message))?;
        let mut all = BTreeMap::new();
        for (name, value) in form.iter() {
            if all.insert(name.to_owned(), value.unwrap_or_default().to_owned()).is_some() {
                return Err(malformed(&format!("The parameter {name} was specified more than once.")));
            }
        }
        Ok(Self { all: Arc::new(all), prefix: String::new() })
    }

    fn key(&self, name: &str) -> String {
        [&self.prefix, name].concat()
    }

    /// A parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all.get(&self.key(name)).map(String::as_str)
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// `ValidationError`.
    pub fn need(&self, name: &str) -> Result<&str, ServiceError> {
        self.get(name).ok_or_else(|| invalid("null", name, "Member must not be null"))
    }

    /// A whole number.
    ///
    /// # Errors
    /// `MalformedInput`.
    pub fn number(&self, name: &str) -> Result<Option<i64>, ServiceError> {
        let wrong = |text: &str| ServiceError::bad("MalformedInput", format!("`{text}` is not a number at '{name}'."));
        self.get(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
    }

    /// A yes or no.
    ///
    /// # Errors
    /// `MalformedInput`.
    pub fn flag(&self, name: &str) -> Result<bool, ServiceError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                Err(ServiceError::bad("MalformedInput", format!("`{other}` is not `true` or `false` at '{name}'.")))
            }
        }
    }

    /// The elements of a list of structures, in order.
    #[must_use]
    pub fn members(&self, name: &str) -> Vec<Self> {
        (1..=self.all.len())
            .map(|n| self.key(&format!("{name}.member.{n}")))
            .take_while(|prefix| self.has(prefix))
            .map(|prefix| Self { all: self.all.clone(), prefix: prefix + "." })
            .collect()
    }

    /// The elements of a list of texts, in order.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        (1..).map_while(|n| self.get(&format!("{name}.member.{n}")).map(str::to_owned)).collect()
    }

    /// Whether a parameter of this name, or below it, is there.
    fn has(&self, name: &str) -> bool {
        let at_or_after = self.all.range(name.to_owned()..);
        at_or_after
            .take_while(|(key, _)| key.starts_with(name))
            .any(|(key, _)| key.len() == name.len() || key.as_bytes().get(name.len()) == Some(&b'.'))
    }
}

/// `ValidationError`, in the words of every operation.
#[must_use]
pub fn invalid(value: &str, name: &str, constraint: &str) -> ServiceError {
    let mut letters = name.chars();
    let field = letters.next().map_or_else(String::new, |c| c.to_lowercase().chain(letters).collect());
    let value = if value == "null" { value.to_owned() } else { format!("'{value}'") };
    let message =
        format!("1 validation error detected: Value {value} at '{field}' failed to satisfy constraint: {constraint}");
    ServiceError::bad("ValidationError", message)
}

/// A request of the query protocol.
pub struct QueryCall<'c> {
    /// The request.
    pub call: &'c ServiceCall,
    /// Its parameters.
    pub params: Params,
}

/// A resource that a request names, with its own texts.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The name of a need of the row.
    pub on: &'static str,
    /// Its ARN.
    pub arn: String,
    /// Its account, where it is another one than the ARN's: AWS's policies are everybody's own.
    pub account: Option<String>,
    /// Its own policy.
    pub policy: LayerState<PolicySet>,
    /// The resource control policies of its account.
    pub resource_control: LayerState<Vec<PolicySet>>,
    /// Condition keys.
    pub context: ContextKeys,
}

impl Named {
    /// A resource.
    #[must_use]
    pub fn new(on: &'static str, arn: impl Into<String>) -> Self {
        Self { on, arn: arn.into(), ..Self::default() }
    }

    /// With a condition key.
    #[must_use]
    pub fn with(mut self, key: &str, value: Option<&str>) -> Self {
        self.context.extend(value.map(|value| (key.to_owned(), vec![value.to_owned()])));
        self
    }

    /// With the tags that it has.
    #[must_use]
    pub fn tagged(mut self, service: &str, tags: &[(String, String)]) -> Self {
        for (key, value) in tags {
            for prefix in ["aws:ResourceTag/", &format!("{service}:ResourceTag/")] {
                self.context.push((format!("{prefix}{key}"), vec![value.clone()]));
            }
        }
        self
    }

    /// With the tags that the request would set.
    #[must_use]
    pub fn tagging(mut self, tags: &[(String, String)]) -> Self {
        for (key, value) in tags {
            self.context.push((format!("aws:RequestTag/{key}"), vec![value.clone()]));
        }
        self.tag_keys(tags.iter().map(|(key, _)| key.as_str()))
    }

    /// With the keys of tags that the request is about.
    #[must_use]
    pub fn tag_keys<'t>(mut self, keys: impl Iterator<Item = &'t str>) -> Self {
        let keys: Vec<String> = keys.map(str::to_owned).collect();
        if !keys.is_empty() {
            self.context.push(("aws:TagKeys".to_owned(), keys));
        }
        self
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            on: self.on,
            arn: &self.arn,
            account: self.account.as_deref(),
            scene: Arc::new(Scene::of_resource(
                self.policy.clone(),
                self.resource_control.clone(),
                LayerState::Absent,
                ContextKeys::new(),
            )),
            context: self.context.clone(),
        }
    }
}

impl<'c> QueryCall<'c> {
    /// Reads the parameters.
    ///
    /// # Errors
    /// `MalformedQueryString`.
    pub fn of(call: &'c ServiceCall) -> Result<Self, ServiceError> {
        let params = if call.parts.method == http::Method::POST {
            Params::parse(&call.body)?
        } else {
            Params::parse(call.parts.uri.query().unwrap_or_default().as_bytes())?
        };
        Ok(Self { call, params })
    }

    /// Who sent it.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.call.auth.caller
    }

    /// The caller's account, twelve digits.
    #[must_use]
    pub fn account_id(&self) -> &str {
        self.call.account()
    }

    /// The caller's account at this moment.
    ///
    /// # Errors
    /// `InvalidClientTokenId` where there is none.
    pub fn account(&self) -> Result<Arc<AccountState>, ServiceError> {
        self.call.server.identities().account(self.account_id()).ok_or_else(|| {
            let message = "The security token included in the request is invalid.";
            ServiceError::new(StatusCode::FORBIDDEN, "InvalidClientTokenId", message)
        })
    }

    /// The time in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.call.now_ms.div_euclid(1000)
    }

    /// Authorizes the operation on what the request names.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn allow<O: ServiceOperation>(&self, named: &[Named]) -> Result<Authorized<O>, ServiceError> {
        self.allow_as::<O>(self.caller(), named).await
    }

    /// Authorizes the operation of somebody else than who signed the request: whom an identity provider vouches for.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub async fn allow_as<O: ServiceOperation>(
        &self,
        caller: &Arc<Caller>,
        named: &[Named],
    ) -> Result<Authorized<O>, ServiceError> {
        let subjects: Vec<Subject<'_>> = named.iter().map(Named::subject).collect();
        self.call.authorize_as::<O>(caller, &subjects).await
    }
}

/// Writes an XML document.
#[derive(Clone, Debug, Default)]
pub struct Xml {
    out: String,
}

impl Xml {
    /// An empty answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An answer that this writes.
    #[must_use]
    pub fn of(write: impl FnOnce(&mut Self)) -> Self {
        let mut xml = Self::default();
        write(&mut xml);
        xml
    }

    /// An element with a text.
    pub fn text(&mut self, name: &str, value: impl AsRef<str>) {
        let value = escaped(value.as_ref());
        for piece in ["<", name, ">", &value, "</", name, ">"] {
            self.out.push_str(piece);
        }
    }

    /// As [`Self::text`], where there is one.
    pub fn some(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A moment, in seconds since 1970.
    pub fn moment(&mut self, name: &str, seconds: i64) {
        self.some(name, moment::extended(seconds));
    }

    /// An element with others in it.
    pub fn inside(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        for piece in ["<", name, ">"] {
            self.out.push_str(piece);
        }
        write(self);
        for piece in ["</", name, ">"] {
            self.out.push_str(piece);
        }
    }

    /// A list of structures.
    pub fn members<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.inside(name, |xml| items.into_iter().for_each(|item| xml.inside("member", |xml| write(xml, item))));
    }

    /// A list of texts.
    pub fn strings(&mut self, name: &str, items: impl IntoIterator<Item = impl AsRef<str>>) {
        self.inside(name, |xml| items.into_iter().for_each(|item| xml.text("member", item)));
    }

    /// Tags.
    pub fn tags(&mut self, tags: &[(String, String)]) {
        self.members("Tags", tags, |xml, (key, value)| {
            xml.text("Key", key);
            xml.text("Value", value);
        });
    }

    /// The whole answer of an operation.
    #[must_use]
    pub fn response(self, operation: &str, namespace: &str, request_id: &str) -> Reply {
        let mut whole = Self { out: format!("<{operation}Response xmlns=\"{namespace}\">") };
        if !self.out.is_empty() {
            whole.inside(&format!("{operation}Result"), |xml| xml.out.push_str(&self.out));
        }
        whole.inside("ResponseMetadata", |xml| xml.text("RequestId", request_id));
        for piece in ["</", operation, "Response>"] {
            whole.out.push_str(piece);
        }
        let mut reply = reply::with_body(StatusCode::OK, whole.out.into_bytes().into());
        reply.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/xml"));
        reply
    }
}

/// An identity as the resource of a request: its ARN, tags and boundary.
#[must_use]
pub fn named_holder(holder: &Holder) -> Named {
    Named::new(holder.document.kind().word(), holder.arn.clone())
        .tagged("iam", &holder.document.tags)
        .with("iam:PermissionsBoundary", holder.document.boundary.as_deref())
}

/// The error of a name that no operation has.
#[must_use]
pub fn unknown_operation(name: &str, version: &str) -> ServiceError {
    ServiceError::bad("InvalidAction", format!("Could not find operation {name} for version {version}"))
}
