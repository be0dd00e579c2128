//! From layers and a request back to a question: what a world or a scenario says, as texts to edit.

use super::pretty::pretty;
use super::question::{
    Accepted, BlockPublicAccess, PolicyState, PolicyText, Question, QuestionBucket, QuestionConstraints, QuestionGrant,
    QuestionGrantee, QuestionKeyGrant, QuestionLayers, QuestionObject, QuestionPrincipal, QuestionRequest,
};
use crate::compiled::CompiledPolicy;
use crate::decision::{Bucket, KeyGrant, LayerState, Layers, PolicySet};
use crate::policy::acl::{Acl, PublicAccessBlock};
use crate::simulate::recorded::{acl_grants, document_text};
use crate::simulate::scenario::{OwnedObject, OwnedPrincipal, OwnedRequest};
use std::sync::Arc;

impl Question {
    /// The question of these layers and this request.
    pub(super) fn of(layers: &Layers, request: &OwnedRequest, acceptance: Accepted) -> Self {
        let one = |state: &LayerState<PolicySet>| list(state).and_then(|list| list.into_iter().next());
        let bucket = layers.bucket.as_ref();
        let named = [
            ("identity", layers.identity.is_unknown()),
            ("boundary", layers.boundary.is_unknown()),
            ("session", layers.session.is_unknown()),
            ("scp", layers.service_control.is_unknown()),
            ("rcp", layers.resource_control.is_unknown()),
            ("resource", layers.resource.is_unknown()),
            ("vpce", layers.vpc_endpoint.is_unknown()),
            ("grants", layers.grants.is_unknown()),
            ("acl", bucket.is_some_and(|b| b.acl.is_unknown())),
            ("block_public_access", bucket.is_some_and(|b| b.public_access_block.is_unknown())),
        ];
        let unknown: Vec<String> = named.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()).collect();
        Self {
            layers: QuestionLayers {
                identity: list(&layers.identity),
                boundary: one(&layers.boundary),
                session: list(&layers.session),
                scp: levels(&layers.service_control),
                rcp: levels(&layers.resource_control),
                resource: one(&layers.resource),
                vpce: one(&layers.vpc_endpoint),
                bucket: bucket.map(QuestionBucket::of),
                grants: layers.grants.given().map(|grants| grants.iter().map(QuestionKeyGrant::of).collect()),
                object: request.object.as_ref().map(QuestionObject::of),
                unknown: (!unknown.is_empty()).then_some(unknown),
            },
            request: QuestionRequest {
                principal: QuestionPrincipal::of(&request.principal),
                action: request.action.clone(),
                resource: request.resource.clone(),
                context: request.context.iter().cloned().collect(),
                derive_context: request.derive_context,
            },
            acceptance,
        }
    }
}

fn text(policy: &Arc<CompiledPolicy>) -> PolicyText {
    let own = document_text(policy);
    // A document of its own stays as somebody wrote it; out of a larger file it is set anew.
    let alone = own.len() == policy.source().text.len() && own.contains('\n');
    let text = if alone { own.into_owned() } else { pretty(&own).into_owned() };
    PolicyText { name: policy.name().to_owned(), text, state: PolicyState::On }
}

fn list(state: &LayerState<PolicySet>) -> Option<Vec<PolicyText>> {
    state.given().map(|set| set.policies().iter().map(text).collect())
}

fn levels(state: &LayerState<Vec<PolicySet>>) -> Option<Vec<Vec<PolicyText>>> {
    state.given().map(|levels| levels.iter().map(|set| set.policies().iter().map(text).collect()).collect())
}

/// The grants of an ACL as a question has them.
pub(super) fn grants(acl: &Acl) -> Vec<QuestionGrant> {
    let grant = |g: crate::simulate::recorded::RecordedGrant| QuestionGrant {
        grantee: QuestionGrantee { kind: g.kind.into_owned(), id: g.id },
        permission: g.permission.into_owned(),
    };
    acl_grants(acl).into_iter().map(grant).collect()
}

impl QuestionBucket {
    fn of(bucket: &Bucket) -> Self {
        Self {
            name: bucket.name.clone(),
            owner_account: bucket.owner_account.clone(),
            owner_canonical: bucket.owner_canonical.clone(),
            region: bucket.region.clone(),
            acl: bucket.acl.given().map(grants),
            object_ownership: Some(bucket.ownership.name().to_owned()),
            block_public_access: bucket.public_access_block.given().map(BlockPublicAccess::of),
            account_block_public_access: None,
        }
    }
}

impl BlockPublicAccess {
    pub(super) fn of(block: &PublicAccessBlock) -> Self {
        Self {
            block_public_acls: block.block_public_acls,
            ignore_public_acls: block.ignore_public_acls,
            block_public_policy: block.block_public_policy,
            restrict_public_buckets: block.restrict_public_buckets,
        }
    }
}

impl QuestionKeyGrant {
    fn of(grant: &KeyGrant) -> Self {
        let pairs = |pairs: &Option<Vec<(String, String)>>| pairs.as_ref().map(|p| p.iter().cloned().collect());
        let constraints = QuestionConstraints {
            encryption_context_equals: pairs(&grant.context_equals),
            encryption_context_subset: pairs(&grant.context_subset),
        };
        Self {
            grantee: grant.grantee.clone(),
            operations: grant.operations.clone(),
            constraints: (constraints != QuestionConstraints::default()).then_some(constraints),
        }
    }
}

impl QuestionObject {
    fn of(object: &OwnedObject) -> Self {
        Self {
            owner_canonical: object.owner_canonical.clone(),
            acl: object.acl.as_ref().map(grants),
            tags: (!object.tags.is_empty()).then(|| object.tags.iter().cloned().collect()),
        }
    }
}

impl QuestionPrincipal {
    pub(super) fn of(principal: &OwnedPrincipal) -> Self {
        Self {
            kind: principal.kind.clone(),
            arn: principal.arn.clone(),
            account: principal.account.clone(),
            canonical: principal.canonical.clone(),
            role_arn: principal.role_arn.clone(),
            id: principal.id.clone(),
            issuer_arn: principal.issuer_arn.clone(),
            service_linked: principal.service_linked.then_some(true),
        }
    }
}
