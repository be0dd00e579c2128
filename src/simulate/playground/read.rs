//! Questions from their JSON: the strict reader of every other file, so that what a page sends is held to the same
//! rules. It is also a third of the size of what a derived reader would add to the module.

use super::answer::QuestionProblem;
use super::filled::WorldQuestion;
use super::question::{
    Accepted, BlockPublicAccess, PolicyState, PolicyText, Question, QuestionBucket, QuestionConstraints, QuestionGrant,
    QuestionGrantee, QuestionKeyGrant, QuestionLayers, QuestionObject, QuestionPrincipal, QuestionRequest,
};
use crate::simulate::reader::{Fields, Findings};
use crate::words::codes::Code;
use crate::words::json::{self, Node};
use crate::words::problem::Source;
use std::collections::BTreeMap;

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// Everything that is wrong with its shape. What stands in it is judged when it is asked.
    pub fn parse(text: &str) -> Result<Self, Vec<QuestionProblem>> {
        read(text, |findings, root| {
            let mut fields = findings.fields(root, "a question");
            let layers = fields.take(findings, "layers").map(|n| layers(findings, n)).unwrap_or_default();
            let request = fields.take(findings, "request").map(|n| request(findings, n)).unwrap_or_default();
            let words = [("stored", Accepted::Stored), ("evaluable", Accepted::Evaluable)];
            let acceptance = word(findings, &mut fields, "acceptance", &words);
            fields.finish(findings, "a question");
            Self { layers, request, acceptance }
        })
    }
}

impl WorldQuestion {
    /// Reads a question about a world.
    ///
    /// # Errors
    /// As for [`Question::parse`].
    pub fn parse(text: &str) -> Result<Self, Vec<QuestionProblem>> {
        read(text, |findings, root| {
            let mut fields = findings.fields(root, "a question about a world");
            let mut need = |name: &str, findings: &mut Findings| {
                fields.need(findings, name).and_then(|n| findings.string(n, name)).unwrap_or_default()
            };
            let (principal, action) = (need("principal", findings), need("action", findings));
            let resource = need("resource", findings);
            let circumstances = fields.string(findings, "circumstances").unwrap_or_default();
            fields.finish(findings, "a question about a world");
            Self { principal, action, resource, circumstances }
        })
    }
}

fn read<T>(text: &str, make: impl FnOnce(&mut Findings, &Node) -> T) -> Result<T, Vec<QuestionProblem>> {
    let mut findings = Findings::new(Source::new("question", text), Code::ScenarioShape);
    let made = json::parse(text, &mut findings.list).map(|root| make(&mut findings, &root));
    match (findings.finish(), made) {
        (Ok(_), Some(made)) => Ok(made),
        (Ok(_), None) => Err(vec![super::prepare::problem(Code::JsonSyntax, "the question is not JSON")]),
        (Err(problems), _) => {
            let shown = problems.list.into_iter().map(|p| super::prepare::problem(p.code, p.message));
            Err(shown.take(super::MAX_DIAGNOSTICS).collect())
        }
    }
}

/// One of a few words; the first where nothing is said.
fn word<T: Copy + Default>(findings: &mut Findings, fields: &mut Fields<'_>, name: &str, words: &[(&str, T)]) -> T {
    let Some(node) = fields.take(findings, name) else { return T::default() };
    let text = findings.string(node, name).unwrap_or_default();
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        findings.shape(node.span, format!("`{text}` is no `{name}`"));
    }
    found.unwrap_or_default()
}

fn many<T>(findings: &mut Findings, node: &Node, what: &str, one: fn(&mut Findings, &Node) -> T) -> Vec<T> {
    findings.items(node, what).iter().map(|n| one(findings, n)).collect()
}

fn policy(findings: &mut Findings, node: &Node) -> PolicyText {
    let mut fields = findings.fields(node, "a policy");
    let name = fields.string(findings, "name").unwrap_or_default();
    let text = fields.string(findings, "text").unwrap_or_default();
    let words = [("on", PolicyState::On), ("off", PolicyState::Off), ("unknown", PolicyState::Unknown)];
    let state = word(findings, &mut fields, "state", &words);
    fields.finish(findings, "a policy");
    PolicyText { name, text, state }
}

fn policies(findings: &mut Findings, node: &Node) -> Vec<PolicyText> {
    many(findings, node, "policies", policy)
}

fn layers(findings: &mut Findings, node: &Node) -> QuestionLayers {
    let mut fields = findings.fields(node, "`layers`");
    let layers = QuestionLayers {
        identity: fields.take(findings, "identity").map(|n| policies(findings, n)),
        boundary: fields.take(findings, "boundary").map(|n| policy(findings, n)),
        session: fields.take(findings, "session").map(|n| policies(findings, n)),
        scp: fields.take(findings, "scp").map(|n| many(findings, n, "`scp`", policies)),
        rcp: fields.take(findings, "rcp").map(|n| many(findings, n, "`rcp`", policies)),
        resource: fields.take(findings, "resource").map(|n| policy(findings, n)),
        vpce: fields.take(findings, "vpce").map(|n| policy(findings, n)),
        bucket: fields.take(findings, "bucket").map(|n| bucket(findings, n)),
        grants: fields.take(findings, "grants").map(|n| many(findings, n, "`grants`", key_grant)),
        object: fields.take(findings, "object").map(|n| object(findings, n)),
        unknown: fields.take(findings, "unknown").map(|n| strings(findings, n)),
    };
    fields.finish(findings, "`layers`");
    layers
}

fn strings(findings: &mut Findings, node: &Node) -> Vec<String> {
    findings.strings(node, "a name")
}

fn bucket(findings: &mut Findings, node: &Node) -> QuestionBucket {
    let mut fields = findings.fields(node, "`bucket`");
    let bucket = QuestionBucket {
        name: fields.string(findings, "name").unwrap_or_default(),
        owner_account: fields.string(findings, "owner_account").unwrap_or_default(),
        owner_canonical: fields.string(findings, "owner_canonical"),
        region: fields.string(findings, "region"),
        acl: fields.take(findings, "acl").map(|n| many(findings, n, "`acl`", grant)),
        object_ownership: fields.string(findings, "object_ownership"),
        block_public_access: fields.take(findings, "block_public_access").map(|n| block(findings, n)),
        account_block_public_access: fields.take(findings, "account_block_public_access").map(|n| block(findings, n)),
    };
    fields.finish(findings, "`bucket`");
    bucket
}

fn block(findings: &mut Findings, node: &Node) -> BlockPublicAccess {
    BlockPublicAccess::of(&crate::simulate::settings::public_access_block(findings, node))
}

fn grant(findings: &mut Findings, node: &Node) -> QuestionGrant {
    let mut fields = findings.fields(node, "a grant");
    let grantee = fields.need(findings, "grantee").map(|node| {
        let mut inner = findings.fields(node, "a grantee");
        let kind = inner.string(findings, "type").unwrap_or_default();
        let id = inner.string(findings, "id").unwrap_or_default();
        inner.finish(findings, "a grantee");
        QuestionGrantee { kind, id }
    });
    let permission = fields.string(findings, "permission").unwrap_or_default();
    fields.finish(findings, "a grant");
    QuestionGrant { grantee: grantee.unwrap_or_default(), permission }
}

fn key_grant(findings: &mut Findings, node: &Node) -> QuestionKeyGrant {
    let mut fields = findings.fields(node, "a KMS grant");
    let grantee = fields.string(findings, "grantee").unwrap_or_default();
    let operations = fields.take(findings, "operations").map(|n| strings(findings, n)).unwrap_or_default();
    let constraints = fields.take(findings, "constraints").map(|node| {
        let mut inner = findings.fields(node, "`constraints`");
        let constraints = QuestionConstraints {
            encryption_context_equals: inner.take(findings, "EncryptionContextEquals").map(|n| pairs(findings, n)),
            encryption_context_subset: inner.take(findings, "EncryptionContextSubset").map(|n| pairs(findings, n)),
        };
        inner.finish(findings, "`constraints`");
        constraints
    });
    fields.finish(findings, "a KMS grant");
    QuestionKeyGrant { grantee, operations, constraints }
}

fn pairs(findings: &mut Findings, node: &Node) -> BTreeMap<String, String> {
    findings.pairs(node, "the pairs").into_iter().collect()
}

fn object(findings: &mut Findings, node: &Node) -> QuestionObject {
    let mut fields = findings.fields(node, "`object`");
    let object = QuestionObject {
        owner_canonical: fields.string(findings, "owner_canonical"),
        acl: fields.take(findings, "acl").map(|n| many(findings, n, "`acl`", grant)),
        tags: fields.take(findings, "tags").map(|n| pairs(findings, n)),
    };
    fields.finish(findings, "`object`");
    object
}

fn request(findings: &mut Findings, node: &Node) -> QuestionRequest {
    let mut fields = findings.fields(node, "`request`");
    let mut context = BTreeMap::new();
    let principal = fields.take(findings, "principal").map(|n| principal(findings, n)).unwrap_or_default();
    if let Some(node) = fields.take(findings, "context") {
        for (key, values) in findings.fields(node, "`context`").rest(findings) {
            context.insert(key, strings(findings, values));
        }
    }
    let request = QuestionRequest {
        principal,
        action: fields.string(findings, "action").unwrap_or_default(),
        resource: fields.string(findings, "resource").unwrap_or_default(),
        context,
        derive_context: fields.bool(findings, "derive_context").unwrap_or(true),
    };
    fields.finish(findings, "`request`");
    request
}

fn principal(findings: &mut Findings, node: &Node) -> QuestionPrincipal {
    let mut fields = findings.fields(node, "`principal`");
    let principal = QuestionPrincipal {
        kind: fields.string(findings, "kind").unwrap_or_default(),
        arn: fields.string(findings, "arn"),
        account: fields.string(findings, "account"),
        canonical: fields.string(findings, "canonical"),
        role_arn: fields.string(findings, "role_arn"),
        id: fields.string(findings, "id"),
        issuer_arn: fields.string(findings, "issuer_arn"),
        service_linked: fields.bool(findings, "service_linked"),
    };
    fields.finish(findings, "`principal`");
    principal
}
