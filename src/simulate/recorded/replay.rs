//! From an event back to layers and a request that are decided again.

use super::layers::{self, RecordedLayer, RecordedLayers, RecordedPolicy};
use super::{RecordedContext, RecordedDecision, RecordedPrincipal, RecordedRequest, VERSION};
use crate::compiled::CompiledPolicy;
use crate::decision::{Layers, PolicySet};
use crate::policy::{Acceptance, LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::reader::Findings;
use crate::simulate::scenario::{OwnedObject, OwnedPrincipal, OwnedRequest};
use crate::simulate::world::parse_tree;
use crate::words::codes::Code;
use crate::words::problem::Source;
use std::collections::HashMap;
use std::sync::Arc;

impl RecordedDecision<'_> {
    /// The layers and the request as they were. `read_policy` gives the text of a policy by its digest
    /// (`sha256:…`), name and kind.
    ///
    /// # Errors
    /// A sentence: the event is of another version or not whole, or a policy cannot be read.
    pub fn replay(
        &self,
        read_policy: impl FnMut(&str, &str, PolicyKind) -> Result<Source, String>,
    ) -> Result<(Layers, OwnedRequest), String> {
        if self.version != VERSION {
            return Err(format!("the event is of version {}, this program knows version {VERSION}", self.version));
        }
        let recorded = self.layers.as_ref().ok_or("the event does not say which layers applied")?;
        let mut policies = Policies { read: read_policy, known: HashMap::new() };
        Ok((policies.layers(recorded)?, self.request.owned()?))
    }
}

impl RecordedRequest<'_> {
    fn owned(&self) -> Result<OwnedRequest, String> {
        let object = self.object.as_ref().map(|object| {
            Ok::<_, String>(OwnedObject {
                owner_canonical: object.owner_canonical.as_deref().map(str::to_owned),
                acl: object.acl.as_ref().map(|grants| layers::acl(grants)).transpose()?,
                tags: Vec::new(),
            })
        });
        Ok(OwnedRequest {
            principal: self.principal.owned(),
            action: self.action.to_string(),
            resource: self.resource.to_string(),
            resource_account: self.resource_account.as_deref().map(str::to_owned),
            context: match &self.context {
                RecordedContext::Read(keys) => keys.clone(),
                RecordedContext::Live(context) => {
                    let values = |e: &crate::decision::context::Entry<'_>| {
                        e.values().iter().map(|v| v.as_str().to_owned()).collect()
                    };
                    context.entries().map(|e| (e.name().to_owned(), values(e))).collect()
                }
            },
            // The context is the one that was decided by; nothing is added to it.
            derive_context: false,
            object: object.transpose()?,
            sets_public_acl: self.sets_public_acl,
            sets_public_policy: self.sets_public_policy,
        })
    }
}

impl RecordedPrincipal<'_> {
    fn owned(&self) -> OwnedPrincipal {
        let text = |field: &Option<super::Text<'_>>| field.as_deref().map(str::to_owned);
        OwnedPrincipal {
            kind: self.kind.to_string(),
            arn: text(&self.arn),
            account: text(&self.account),
            canonical: text(&self.canonical),
            role_arn: text(&self.role_arn),
            id: text(&self.id),
            issuer_arn: text(&self.issuer_arn),
            service_linked: self.service_linked,
        }
    }
}

struct Policies<R> {
    read: R,
    known: HashMap<(String, String, String), Arc<CompiledPolicy>>,
}

impl<R: FnMut(&str, &str, PolicyKind) -> Result<Source, String>> Policies<R> {
    fn layers(&mut self, recorded: &RecordedLayers) -> Result<Layers, String> {
        Ok(Layers {
            identity: recorded.identity.state.state(|| self.union(&recorded.identity))?,
            boundary: recorded.boundary.state.state(|| self.union(&recorded.boundary))?,
            session: recorded.session.state.state(|| self.union(&recorded.session))?,
            service_control: recorded.service_control.state.state(|| self.levels(&recorded.service_control))?,
            resource_control: recorded.resource_control.state.state(|| self.levels(&recorded.resource_control))?,
            resource: recorded.resource.state.state(|| self.union(&recorded.resource))?,
            vpc_endpoint: recorded.vpc_endpoint.state.state(|| self.union(&recorded.vpc_endpoint))?,
            bucket: recorded.bucket.as_ref().map(super::RecordedBucket::settings).transpose()?,
            grants: recorded
                .key_grants
                .state
                .state(|| Ok(recorded.key_grants.grants.iter().map(super::RecordedKeyGrant::grant).collect()))?,
        })
    }

    fn union(&mut self, layer: &RecordedLayer) -> Result<PolicySet, String> {
        self.set(layer.levels.iter().flatten())
    }

    fn levels(&mut self, layer: &RecordedLayer) -> Result<Vec<PolicySet>, String> {
        layer.levels.iter().map(|level| self.set(level.iter())).collect()
    }

    fn set<'p>(&mut self, policies: impl Iterator<Item = &'p RecordedPolicy>) -> Result<PolicySet, String> {
        policies.map(|policy| self.policy(policy)).collect::<Result<_, _>>().map(PolicySet::new)
    }

    fn policy(&mut self, policy: &RecordedPolicy) -> Result<Arc<CompiledPolicy>, String> {
        let key = (policy.digest.clone(), policy.name.clone(), policy.kind.clone());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let name = &policy.name;
        let kind = PolicyKind::from_word(&policy.kind)
            .ok_or_else(|| format!("the policy `{name}` is of the unknown kind `{}`", policy.kind))?;
        let source = (self.read)(&policy.digest, name, kind)?;
        let compiled = Arc::new(compile(source, name, kind).map_err(|why| format!("the policy `{name}`: {why}"))?);
        self.known.insert(key, compiled.clone());
        Ok(compiled)
    }
}

/// Whatever was once decided by has a meaning, also where a later version would no longer load it.
fn compile(source: Source, name: &str, kind: PolicyKind) -> Result<CompiledPolicy, String> {
    let options = LoadOptions { acceptance: Acceptance::Evaluable, ..LoadOptions::new(kind) };
    let mut findings = Findings::new(source.clone(), Code::Unrecognised);
    let Some(root) = parse_tree(&source, &mut findings) else {
        return Err(findings.finish().err().map_or_else(|| "it is empty".to_owned(), |p| p.to_string()));
    };
    let document = PolicyDocument::from_node(source, &root, &options).map_err(|problems| problems.to_string())?;
    Ok(CompiledPolicy::compile(name, &document))
}
