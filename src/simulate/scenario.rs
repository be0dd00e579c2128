//! Scenario files: authorization questions with their expected answers, as data.

use super::attributes;
use super::reader::{Fields, Findings};
use super::settings;
use crate::compiled::CompiledPolicy;
use crate::decision::{
    Action, AuthorizationRequest, Authorizer, Bucket, Explanation, LayerState, Layers, ObjectFacts, PolicySet,
    Principal, Resource,
};
use crate::policy::acl::{ANONYMOUS_CANONICAL_ID, Acl, PublicAccessBlock};
use crate::policy::{Acceptance, LoadOptions, PolicyDocument, PolicyKind};
use crate::words::codes::Code;
use crate::words::json::{self, Node};
use crate::words::problem::{Problems, Source};
use std::sync::Arc;

/// An expected answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// `allow`.
    Allow,
    /// `explicit-deny`.
    ExplicitDeny,
    /// `implicit-deny`.
    ImplicitDeny,
    /// Either denial.
    AnyDeny,
}

impl Expected {
    /// Reads `allow`, `deny`, `explicit-deny` or `implicit-deny`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "allow" => Self::Allow,
            "explicit-deny" => Self::ExplicitDeny,
            "implicit-deny" => Self::ImplicitDeny,
            "deny" => Self::AnyDeny,
            _ => return None,
        })
    }

    /// The word it is read from.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::ExplicitDeny => "explicit-deny",
            Self::ImplicitDeny => "implicit-deny",
            Self::AnyDeny => "deny",
        }
    }

    /// Whether a decision's word is the expected one.
    #[must_use]
    pub fn met_by(self, word: &str) -> bool {
        self.word() == word || self == Self::AnyDeny && word != "allow"
    }
}

/// One question with its expected answer.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Unique in its file.
    pub id: String,
    /// What it pins down.
    pub why: String,
    /// The answer it expects.
    pub expected: Expected,
    authorizer: Authorizer,
    request: OwnedRequest,
}

/// A request that owns its texts.
#[derive(Clone, Debug, Default)]
pub struct OwnedRequest {
    /// The principal.
    pub principal: OwnedPrincipal,
    /// The action's full name.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// The resource's account, where the ARN does not tell.
    pub resource_account: Option<String>,
    /// The context keys with their values.
    pub context: Vec<(String, Vec<String>)>,
    /// Derive the keys that follow from principal and resource.
    pub derive_context: bool,
    /// What is known of an existing object.
    pub object: Option<OwnedObject>,
    /// It would set a public ACL in its body.
    pub sets_public_acl: bool,
    /// It would set a public bucket policy.
    pub sets_public_policy: bool,
}

/// An object's facts, with their own texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedObject {
    /// The canonical user id of its owner; `None`: the bucket's owner.
    pub owner_canonical: Option<String>,
    /// Its ACL; `None`: the owner holds everything.
    pub acl: Option<Acl>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// A principal that owns its texts; the fields are those of [`Principal`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedPrincipal {
    /// `user`, `role-session`, `root`, `anonymous`, `service`, `oai`, `federated`, `canonical`.
    pub kind: String,
    /// The ARN, or a service's name.
    pub arn: Option<String>,
    /// Its account.
    pub account: Option<String>,
    /// Its canonical user id.
    pub canonical: Option<String>,
    /// The role behind a session.
    pub role_arn: Option<String>,
    /// Its unique id.
    pub id: Option<String>,
    /// The user behind a federation token.
    pub issuer_arn: Option<String>,
    /// A service-linked role.
    pub service_linked: bool,
}

impl OwnedPrincipal {
    /// Nobody in particular, by S3's canonical user for it: what anonymous requests write belongs to that user, and
    /// who comes without a name is its owner.
    #[must_use]
    pub fn anonymous() -> Self {
        let canonical = Some(ANONYMOUS_CANONICAL_ID.to_owned());
        Self { kind: "anonymous".to_owned(), canonical, ..Self::default() }
    }

    /// The principal; `Err` names the field that its kind needs.
    ///
    /// # Errors
    /// A sentence about what is missing or unknown.
    pub fn as_principal(&self) -> Result<Principal<'_>, String> {
        let need = |field: &'static str, value: &'_ Option<String>| {
            value.is_some().then_some(()).ok_or_else(|| format!("a principal of kind `{}` needs `{field}`", self.kind))
        };
        let arn = self.arn.as_deref().unwrap_or_default();
        let account = self.account.as_deref().unwrap_or_default();
        if !matches!(self.kind.as_str(), "anonymous" | "canonical") {
            need("arn", &self.arn)?;
        }
        if matches!(self.kind.as_str(), "user" | "role-session" | "root") {
            need("account", &self.account)?;
        }
        let mut principal = match self.kind.as_str() {
            "user" => Principal::user(arn, account),
            "role-session" => {
                need("role_arn", &self.role_arn)?;
                Principal::role_session(arn, account, self.role_arn.as_deref().unwrap_or_default())
            }
            "root" => Principal::root(arn, account),
            "anonymous" => Principal::anonymous(),
            "service" => Principal::service(arn),
            "oai" => Principal::origin_access_identity(arn),
            "federated" if !arn.contains(":federated-user/") => Principal::federated_identity(arn),
            "federated" => {
                need("account", &self.account)?;
                Principal::federated_user(arn, account, self.issuer_arn.as_deref())
            }
            "canonical" => {
                need("canonical", &self.canonical)?;
                let id = self.canonical.as_deref().unwrap_or_default();
                return Ok(Principal::canonical(id, self.account.as_deref()));
            }
            other => return Err(format!("`{other}` is not a kind of principal")),
        };
        if let Some(canonical) = self.canonical.as_deref() {
            principal = principal.with_canonical(canonical);
        }
        if let Some(id) = self.id.as_deref() {
            principal = principal.with_id(id);
        }
        Ok(if self.service_linked { principal.service_linked() } else { principal })
    }
}

impl OwnedRequest {
    /// The request against these layers.
    ///
    /// # Errors
    /// What the principal lacks; see [`OwnedPrincipal::as_principal`].
    pub fn as_request<'a>(&'a self, layers: &'a Layers) -> Result<AuthorizationRequest<'a>, String> {
        let mut resource = Resource::new(&self.resource);
        if let Some(account) = self.resource_account.as_deref() {
            resource = resource.in_account(account);
        }
        if let Some(object) = &self.object {
            let owner_canonical = object.owner_canonical.as_deref();
            resource = resource.with_object(ObjectFacts { owner_canonical, acl: object.acl.as_ref() });
        }
        let principal = self.principal.as_principal()?;
        let mut request = AuthorizationRequest::new(principal, Action::new(&self.action), resource);
        request.sets_public_acl = self.sets_public_acl;
        request.sets_public_policy = self.sets_public_policy;
        for (key, values) in &self.context {
            match values.as_slice() {
                [one] => request.context.set(key.as_str(), one.as_str()),
                many => request.context.set_many(key.as_str(), many.iter().map(String::as_str)),
            };
        }
        if self.derive_context {
            attributes::derive(&mut request, layers);
            let tags = self.object.iter().flat_map(|object| &object.tags);
            attributes::derive_object_tags(&mut request, tags.map(|(k, v)| (k.as_str(), v.as_str())));
        }
        Ok(request)
    }
}

/// What came of one scenario or one line of policy unit tests.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TestResult {
    /// The scenario's id; the line, or the table's name and the combination.
    pub id: String,
    /// The answer it expects.
    pub expect: String,
    /// The answer it got.
    pub got: String,
    /// Whether they agree.
    pub pass: bool,
    /// The reason of the answer, in one sentence.
    #[serde(skip)]
    pub reason: String,
    /// The question could not be asked.
    #[serde(skip)]
    pub unasked: bool,
}

impl Scenario {
    /// Its authorizer.
    #[must_use]
    pub fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    /// Its request.
    ///
    /// # Panics
    /// Never: reading the file built the request once.
    #[must_use]
    pub fn request(&self) -> AuthorizationRequest<'_> {
        self.request.as_request(self.authorizer.layers()).expect("checked when the file was read")
    }

    /// Its request with its own texts.
    #[must_use]
    pub fn asked(&self) -> &OwnedRequest {
        &self.request
    }

    /// Calls `see` with the explanation of its decision.
    pub fn explained<T>(&self, see: impl FnOnce(&Explanation<'_>) -> T) -> T {
        see(&self.authorizer.explain(&self.request()))
    }

    /// Asks the question.
    #[must_use]
    pub fn run(&self) -> TestResult {
        let decision = self.authorizer.decide(&self.request());
        let got = decision.word();
        TestResult {
            id: self.id.clone(),
            expect: self.expected.word().to_owned(),
            got: got.to_owned(),
            pass: self.expected.met_by(got),
            reason: format!("{} [{}]", decision.basis().code.title(), decision.basis().code),
            unasked: false,
        }
    }
}

/// Reads a scenario file: an array of scenarios, or `{"version": 1, "scenarios": […]}`.
///
/// # Errors
/// Everything that is wrong with the file, with its place.
pub fn read(source: &Source) -> Result<Vec<Scenario>, Problems> {
    let mut findings = Findings::new(source.clone(), Code::ScenarioShape);
    let Some(root) = json::parse(&source.text, &mut findings.list) else {
        return findings.finish().map(|_| Vec::new());
    };
    read_node(findings, &root)
}

/// As [`read`], of a text that is parsed already.
///
/// # Errors
/// As for [`read`].
pub fn read_node(mut findings: Findings, root: &Node) -> Result<Vec<Scenario>, Problems> {
    let list = if root.members().is_some() {
        let mut fields = findings.fields(root, "a scenario file");
        if let Some(version) = fields.need(&mut findings, "version")
            && findings.scalar(version, "`version`").is_some_and(|v| v != "1")
        {
            findings.shape(version.span, "only version 1 of the scenario format is known");
        }
        let list = fields.need(&mut findings, "scenarios");
        fields.finish(&mut findings, "a scenario file");
        list
    } else {
        Some(root)
    };
    let items = list.map_or(&[][..], |list| findings.items(list, "the scenarios"));
    let mut scenarios = Vec::with_capacity(items.len());
    let mut ids = std::collections::HashSet::new();
    for item in items {
        if let Some(scenario) = read_scenario(&mut findings, item) {
            if !ids.insert(scenario.id.clone()) {
                findings.error(
                    Code::DuplicateName,
                    item.span,
                    format!("the id `{}` is taken in this file", scenario.id),
                );
            }
            scenarios.push(scenario);
        }
    }
    findings.finish().map(|_| scenarios)
}

/// What stands beside the policies of one scenario: `{"layers": {…}, "request": {…}}`.
pub(super) fn read_circumstances(source: &Source) -> Result<(Layers, OwnedRequest), Problems> {
    let mut findings = Findings::new(source.clone(), Code::ScenarioShape);
    let (mut layers, mut request) = (Layers::default(), OwnedRequest::default());
    if let Some(root) = json::parse(&source.text, &mut findings.list) {
        let mut fields = findings.fields(&root, "a question");
        let mut object = None;
        if let Some(node) = fields.need(&mut findings, "layers") {
            layers = read_layers(&mut findings, node, &mut object);
        }
        if let Some(node) = fields.need(&mut findings, "request") {
            request = read_request(&mut findings, node, object);
        }
        fields.finish(&mut findings, "a question");
    }
    findings.finish().map(|_| (layers, request))
}

fn read_scenario(findings: &mut Findings, node: &Node) -> Option<Scenario> {
    let before = findings.list.len();
    let mut fields = findings.fields(node, "a scenario");
    let id = fields.need(findings, "id").and_then(|n| findings.string(n, "`id`"));
    let why = fields.string(findings, "why").unwrap_or_default();
    let expected = fields.need(findings, "expect").and_then(|n| read_expected(findings, n));
    let any = fields.take(findings, "deny_kind").is_some_and(|n| {
        let any = findings.string(n, "`deny_kind`").is_some_and(|kind| kind == "any");
        if !any {
            findings.shape(n.span, "`deny_kind` can only be `any`");
        }
        any
    });
    let mut object = None;
    let layers = match fields.need(findings, "layers") {
        Some(layers) => read_layers(findings, layers, &mut object),
        None => Layers::default(),
    };
    let request = fields.need(findings, "request").map(|n| read_request(findings, n, object));
    fields.ignore(findings, &["note", "source", "confidence"]);
    fields.finish(findings, "a scenario");
    let (id, expected, request) = (id?, expected?, request?);
    if let Err(message) = request.as_request(&layers) {
        findings.shape(node.span, message);
    }
    if findings.list.iter().skip(before).any(|p| p.severity == crate::words::problem::Severity::Error) {
        return None;
    }
    let expected = if any && expected != Expected::Allow { Expected::AnyDeny } else { expected };
    Some(Scenario { id, why, expected, authorizer: Authorizer::new(layers), request })
}

fn read_expected(findings: &mut Findings, node: &Node) -> Option<Expected> {
    let word = findings.string(node, "`expect`")?;
    let expected = Expected::parse(&word).filter(|e| *e != Expected::AnyDeny);
    if expected.is_none() {
        findings.shape(node.span, format!("`{word}` is not `allow`, `explicit-deny` or `implicit-deny`"));
    }
    expected
}

fn read_layers(findings: &mut Findings, node: &Node, object: &mut Option<OwnedObject>) -> Layers {
    let mut layers = Layers::default();
    let mut fields = findings.fields(node, "`layers`");
    let request_kind = |findings: &mut Findings, name: &str, fields: &mut Fields<'_>, kind| {
        fields.take(findings, name).map(|n| policies(findings, n, name, kind))
    };
    layers.identity = request_kind(findings, "identity", &mut fields, PolicyKind::Identity).into();
    layers.boundary = request_kind(findings, "boundary", &mut fields, PolicyKind::Boundary).into();
    // Without a policy in the list no session policy was passed.
    let session = request_kind(findings, "session", &mut fields, PolicyKind::Session);
    layers.session = session.filter(|set| !set.policies().is_empty()).into();
    layers.vpc_endpoint = request_kind(findings, "vpce", &mut fields, PolicyKind::VpcEndpoint).into();
    layers.service_control = levels(findings, &mut fields, "scp", PolicyKind::ServiceControl).into();
    layers.resource_control = levels(findings, &mut fields, "rcp", PolicyKind::ResourceControl).into();
    layers.bucket = fields.take(findings, "bucket").map(|n| read_bucket(findings, n));
    if let Some(resource) = fields.take(findings, "resource") {
        let kind = resource_kind(&findings.source.text, resource);
        layers.resource = LayerState::Given(policies(findings, resource, "resource", kind));
    }
    if let Some(grants) = fields.take(findings, "grants") {
        layers.grants = LayerState::Given(settings::key_grants(findings, grants));
    }
    if let Some(node) = fields.take(findings, "object") {
        let mut inner = findings.fields(node, "`object`");
        let owner_canonical = inner.string(findings, "owner_canonical");
        let acl = inner.take(findings, "acl").map(|n| settings::acl(findings, n));
        let tags = inner.take(findings, "tags").map(|n| findings.pairs(n, "`tags`")).unwrap_or_default();
        inner.finish(findings, "`object`");
        *object = Some(OwnedObject { owner_canonical, acl, tags });
    }
    let unknown = fields.items(findings, "unknown");
    fields.finish(findings, "`layers`");
    for item in unknown {
        mark_unknown(findings, &mut layers, item);
    }
    layers
}

fn mark_unknown(findings: &mut Findings, layers: &mut Layers, item: &Node) {
    let Some(name) = findings.string(item, "an unknown layer") else { return };
    match name.as_str() {
        "identity" => layers.identity = LayerState::Unknown,
        "boundary" => layers.boundary = LayerState::Unknown,
        "session" => layers.session = LayerState::Unknown,
        "scp" => layers.service_control = LayerState::Unknown,
        "rcp" => layers.resource_control = LayerState::Unknown,
        "resource" => layers.resource = LayerState::Unknown,
        "vpce" => layers.vpc_endpoint = LayerState::Unknown,
        "grants" => layers.grants = LayerState::Unknown,
        "acl" => layers.bucket.get_or_insert_default().acl = LayerState::Unknown,
        "bucket" => {
            layers.resource = LayerState::Unknown;
            let bucket = layers.bucket.get_or_insert_default();
            bucket.acl = LayerState::Unknown;
            bucket.public_access_block = LayerState::Unknown;
        }
        "block_public_access" => layers.bucket.get_or_insert_default().public_access_block = LayerState::Unknown,
        _ => findings.shape(item.span, format!("there is no layer `{name}`")),
    }
}

/// A resource policy is a trust policy where its statements have no resource, a key policy where its
/// actions are KMS's, and a bucket policy otherwise.
pub(super) fn resource_kind(source: &str, node: &Node) -> PolicyKind {
    let statements = node.get(source, "Statement").map(Node::one_or_many).unwrap_or_default();
    let has = |name: &str| statements.iter().any(|s| s.get(source, name).is_some());
    let mut actions = statements.iter().filter_map(|s| s.get(source, "Action").or_else(|| s.get(source, "NotAction")));
    let starts = |n: &Node, prefix: &str| {
        n.one_or_many().iter().any(|a| a.as_str(source).is_some_and(|t| t.to_ascii_lowercase().starts_with(prefix)))
    };
    if !has("Resource") && !has("NotResource") {
        PolicyKind::Trust
    } else if actions.any(|a| starts(a, "kms:")) {
        PolicyKind::Key
    } else {
        PolicyKind::Bucket
    }
}

fn policies(findings: &mut Findings, node: &Node, layer: &str, kind: PolicyKind) -> PolicySet {
    let documents = node.one_or_many();
    let one = documents.len() == 1;
    let compiled = (1..).zip(documents).filter_map(|(number, document)| {
        let name = if one { layer.to_owned() } else { format!("{layer} {number}") };
        compile(findings, document, name, kind)
    });
    PolicySet::new(compiled.collect())
}

fn compile(findings: &mut Findings, node: &Node, name: String, kind: PolicyKind) -> Option<Arc<CompiledPolicy>> {
    let options = LoadOptions { acceptance: Acceptance::Evaluable, ..LoadOptions::new(kind) };
    match PolicyDocument::from_node(findings.source.clone(), node, &options) {
        Ok(document) => Some(Arc::new(CompiledPolicy::compile(name, &document))),
        Err(problems) => {
            findings.extend(problems.list);
            None
        }
    }
}

fn levels(findings: &mut Findings, fields: &mut Fields<'_>, name: &str, kind: PolicyKind) -> Option<Vec<PolicySet>> {
    let node = fields.take(findings, name)?;
    let levels = findings.items(node, &format!("`{name}`"));
    let label = |level: usize| format!("{name} level {}", level + 1);
    Some(levels.iter().enumerate().map(|(i, level)| policies(findings, level, &label(i), kind)).collect())
}

fn read_bucket(findings: &mut Findings, node: &Node) -> Bucket {
    let mut fields = findings.fields(node, "`bucket`");
    let mut bucket = Bucket {
        name: fields.string(findings, "name").unwrap_or_default(),
        owner_account: fields.scalar(findings, "owner_account").unwrap_or_default(),
        owner_canonical: fields.string(findings, "owner_canonical"),
        region: fields.string(findings, "region"),
        ..Bucket::default()
    };
    bucket.acl = fields.take(findings, "acl").map(|n| settings::acl(findings, n)).into();
    if let Some(node) = fields.take(findings, "object_ownership") {
        bucket.ownership = settings::ownership(findings, node);
    }
    let own = fields.take(findings, "block_public_access").map(|n| settings::public_access_block(findings, n));
    let account =
        fields.take(findings, "account_block_public_access").map(|n| settings::public_access_block(findings, n));
    if own.is_some() || account.is_some() {
        let none = PublicAccessBlock::default();
        bucket.public_access_block = LayerState::Given(own.unwrap_or(none).union(account.unwrap_or(none)));
    }
    fields.finish(findings, "`bucket`");
    bucket
}

fn read_request(findings: &mut Findings, node: &Node, object: Option<OwnedObject>) -> OwnedRequest {
    let mut fields = findings.fields(node, "`request`");
    let principal = match fields.need(findings, "principal") {
        Some(node) => read_principal(findings, node),
        None => OwnedPrincipal::default(),
    };
    let mut text = |name: &str, findings: &mut Findings| {
        fields.need(findings, name).and_then(|n| findings.string(n, &format!("`{name}`"))).unwrap_or_default()
    };
    let (action, resource) = (text("action", findings), text("resource", findings));
    let mut context = Vec::new();
    if let Some(node) = fields.take(findings, "context") {
        for (key, values) in findings.fields(node, "`context`").rest(findings) {
            let texts = values.one_or_many().iter().filter_map(|v| findings.scalar(v, &format!("`{key}`"))).collect();
            context.push((key, texts));
        }
    }
    let derive_context = fields.bool(findings, "derive_context").unwrap_or(true);
    fields.finish(findings, "`request`");
    OwnedRequest { principal, action, resource, context, derive_context, object, ..OwnedRequest::default() }
}

fn read_principal(findings: &mut Findings, node: &Node) -> OwnedPrincipal {
    let mut fields = findings.fields(node, "`principal`");
    let principal = OwnedPrincipal {
        kind: fields.need(findings, "kind").and_then(|n| findings.string(n, "`kind`")).unwrap_or_default(),
        arn: fields.string(findings, "arn"),
        account: fields.scalar(findings, "account"),
        canonical: fields.string(findings, "canonical"),
        role_arn: fields.string(findings, "role_arn"),
        id: fields.string(findings, "id"),
        issuer_arn: fields.string(findings, "issuer_arn"),
        service_linked: fields.bool(findings, "service_linked").unwrap_or(false),
    };
    fields.finish(findings, "`principal`");
    principal
}
