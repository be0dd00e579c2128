//! The managed policies of AWS as the server's entities: those that are known without being given, and those that the
//! seed files give, which go before them.

use super::model::{ManagedPolicy, PolicyVersion};
use super::state::{PolicyState, compiled};
use crate::compiled::CompiledPolicy;
use crate::edges::inventory::Texts;
use crate::policy::PolicyKind;
use crate::simulate::world::aws_managed;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All of them by ARN, with those that the seed files give.
#[must_use]
pub fn all(given: &BTreeMap<String, Arc<CompiledPolicy>>) -> BTreeMap<String, Arc<PolicyState>> {
    let mut policies = BTreeMap::new();
    for known in aws_managed::all() {
        policies.insert(known.arn.clone(), Arc::new(state(&known.arn, known.text, known.policy.clone())));
    }
    let mut texts = Texts::default();
    for (arn, policy) in given {
        // Places count from the policy's own text, as `GetPolicyVersion` shows it, not from the file's beginning.
        let text = texts.of(policy);
        let own = compiled(policy.name(), &text, PolicyKind::Identity);
        policies.insert(arn.clone(), Arc::new(state(arn, &text, own)));
    }
    policies
}

fn state(arn: &str, text: &str, compiled: Arc<CompiledPolicy>) -> PolicyState {
    let path = arn.split_once(":policy").map_or("/", |(_, path)| path);
    let (path, name) = path.rsplit_once('/').unwrap_or(("", path));
    let document = ManagedPolicy {
        name: name.to_owned(),
        path: format!("{path}/"),
        // AWS's ids are not known here; this one is as constant as theirs.
        id: format!("ANPA{:017}", crate::words::ids::hash_text(arn) % 100_000_000_000_000_000),
        created: 0,
        updated: 0,
        description: None,
        tags: Vec::new(),
        versions: vec![PolicyVersion { number: 1, text: text.to_owned(), created: 0 }],
        default: 1,
        next: 2,
    };
    PolicyState { document, arn: arn.to_owned(), compiled }
}
