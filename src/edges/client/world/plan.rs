//! What must be done so that a service has what an inventory says: operations in the order in which they can succeed,
//! and in which nobody may more in between than before or after.
//!
//! Nothing is deleted unless that is asked for. What is there and differs is changed where the service has an operation
//! for it, and is a conflict where it has none.

use super::holders::Holders;
use super::identities::parameters;
use crate::edges::client::ClientError;
use crate::edges::client::query::Parameters;
use crate::edges::client::wire::Call;
use crate::edges::inventory::native::policy_arn;
use crate::edges::inventory::{Inventory, Key, Policy, same_document};
use crate::simulate::world::OidcProvider;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Tags: key and value of each.
type Tags = [(String, String)];

/// How far a plan goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Identities become exactly what the inventory says: what they have beside it is removed from them.
    pub replace: bool,
    /// Buckets and keys that are not there are made.
    pub create: bool,
}

/// What is there and cannot become what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Such as `role ops`.
    pub entity: String,
    /// Why.
    pub why: String,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Step {
    /// Whom it changes: `user alice`.
    pub entity: String,
    /// The operation and what it is about: `PutUserPolicy read`.
    pub action: String,
    pub(super) request: Request,
    /// Where it fails, nothing else may be done to what it changes, nor with it: that would give more than is wanted.
    limits: bool,
    /// What else it builds on, as `entity` names it.
    uses: Vec<String>,
}

impl Step {
    /// Marks a step that limits what later ones give.
    pub(super) fn limits(&mut self) -> &mut Self {
        self.limits = true;
        self
    }

    /// Says what else a step builds on.
    pub(super) fn uses(&mut self, entities: Vec<String>) -> &mut Self {
        self.uses = entities;
        self
    }
}

/// What is not limited as it should be, because a step failed.
#[derive(Clone, Debug, Default)]
pub struct Unlimited(BTreeSet<String>);

impl Unlimited {
    /// What to know before the first step: what is in conflict stays as it is.
    #[must_use]
    pub fn at_first(plan: &Plan) -> Self {
        Self(plan.conflicts.iter().map(|conflict| conflict.entity.clone()).collect())
    }

    /// A step failed, or was not tried.
    pub fn note(&mut self, step: &Step) {
        if step.limits {
            self.0.insert(step.entity.clone());
        }
    }

    /// Why a step must not be tried: whom it builds on.
    #[must_use]
    pub fn under<'s>(&self, step: &'s Step) -> Option<&'s str> {
        let mut bases = std::iter::once(&step.entity).chain(&step.uses);
        bases.find(|entity| self.0.contains(*entity)).map(String::as_str)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Request {
    Iam(&'static str, Parameters),
    S3(Box<Call>),
    Kms(&'static str, Value),
    /// `CreateKey`, and then what needs its id: each input gets it as this member.
    NewKey {
        input: Value,
        then: Vec<(&'static str, &'static str, Value)>,
    },
}

/// The steps to what is wanted.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In their order.
    pub steps: Vec<Step>,
    /// What cannot be changed.
    pub conflicts: Vec<Conflict>,
    /// What has no operation, each with its reason.
    pub left_out: Vec<String>,
}

impl Plan {
    /// The plan from what there is to what is wanted.
    ///
    /// # Errors
    /// [`ClientError::Setting`] for what cannot be sent.
    pub fn new(wanted: &Inventory, present: &Inventory, options: Options) -> Result<Self, ClientError> {
        let mut plan = Self::default();
        Holders { plan: &mut plan, wanted, present, options }.all();
        plan.buckets(wanted, present, options)?;
        for (id, key) in &wanted.keys {
            plan.key(id, key, present, options);
        }
        Ok(plan)
    }

    pub(super) fn add(&mut self, entity: &str, action: impl Into<String>, request: Request) -> &mut Step {
        let (entity, action) = (entity.to_owned(), action.into());
        self.steps.push(Step { entity, action, request, limits: false, uses: Vec::new() });
        self.steps.last_mut().expect("a step was pushed just now")
    }

    /// How steps name a managed policy.
    pub(super) fn policy_entity(name: &str) -> String {
        format!("policy {name}")
    }

    /// A call of IAM; what it is about stands behind its name.
    pub(super) fn iam(&mut self, entity: &str, action: &'static str, about: &str, parameters: Parameters) -> &mut Step {
        let shown = if about.is_empty() { action.to_owned() } else { format!("{action} {about}") };
        self.add(entity, shown, Request::Iam(action, parameters))
    }

    pub(super) fn conflict(&mut self, entity: &str, why: impl Into<String>) {
        self.conflicts.push(Conflict { entity: entity.to_owned(), why: why.into() });
    }

    /// Tags that are missing or different, and with `replace` those that are too many. `entity` has the word for
    /// people, `kind` that of the operations, `id` the parameter that names it.
    pub(super) fn tags(
        &mut self,
        entity: &str,
        (tag, untag): (&'static str, &'static str),
        id: (&str, &str),
        (wanted, present): (&Tags, &Tags),
        options: Options,
    ) {
        let new: Vec<_> = wanted.iter().filter(|pair| !present.contains(pair)).cloned().collect();
        if !new.is_empty() {
            let mut sent = parameters([id]);
            sent.extend(tag_parameters(&new));
            let keys: Vec<&str> = new.iter().map(|(key, _)| key.as_str()).collect();
            self.iam(entity, tag, &keys.join(", "), sent);
        }
        let old: Vec<&str> = present.iter().map(|(key, _)| key.as_str()).collect();
        // IAM's tag keys differ by more than case: the tag of the other case is the one that was set.
        let extra: Vec<&str> =
            old.into_iter().filter(|key| !wanted.iter().any(|(k, _)| k.eq_ignore_ascii_case(key))).collect();
        if options.replace && !extra.is_empty() {
            let mut sent = parameters([id]);
            sent.extend((1..).zip(&extra).map(|(n, key)| (format!("TagKeys.member.{n}"), (*key).to_owned())));
            self.iam(entity, untag, &extra.join(", "), sent);
        }
    }

    /// A managed policy that is there.
    pub(super) fn policy(&mut self, account: &str, name: &str, wanted: &Policy, present: &Inventory, options: Options) {
        let Some(there) = present.policies.get(name) else { return };
        let (entity, arn) = (Self::policy_entity(name), policy_arn(account, name, wanted));
        if there.path != wanted.path {
            let why =
                format!("its path is {}, and {} is wanted; a policy's path cannot change", there.path, wanted.path);
            return self.conflict(&entity, why);
        }
        let id = ("PolicyArn", arn.as_str());
        if !same_document(there.in_force(), wanted.in_force()) {
            let known = there.versions.iter().find(|(_, text)| same_document(text, wanted.in_force()));
            if let Some((number, _)) = known {
                let version = format!("v{number}");
                let sent = parameters([id, ("VersionId", version.as_str())]);
                self.iam(&entity, "SetDefaultPolicyVersion", &version, sent).limits();
            } else {
                let oldest = there.versions.keys().find(|number| **number != there.default);
                if let Some(oldest) = oldest.filter(|_| options.replace && there.versions.len() >= 5) {
                    let version = format!("v{oldest}");
                    let sent = parameters([id, ("VersionId", version.as_str())]);
                    self.iam(&entity, "DeletePolicyVersion", &version, sent);
                }
                let document = ("PolicyDocument", wanted.in_force());
                let sent = parameters([id, document, ("SetAsDefault", "true")]);
                self.iam(&entity, "CreatePolicyVersion", "", sent).limits();
            }
        }
        if wanted.description.is_some() && wanted.description != there.description {
            self.left_out.push(format!("{entity}: its description, which no operation changes"));
        }
        self.tags(&entity, ("TagPolicy", "UntagPolicy"), id, (&wanted.tags, &there.tags), options);
    }

    pub(super) fn new_policy(&mut self, account: &str, name: &str, wanted: &Policy) {
        let (entity, arn) = (&Self::policy_entity(name), &policy_arn(account, name, wanted));
        for (place, (number, text)) in wanted.versions.iter().enumerate() {
            if place > 0 {
                let default = (*number == wanted.default).to_string();
                let sent = [("PolicyArn", arn.as_str()), ("PolicyDocument", text), ("SetAsDefault", &default)];
                let step = self.iam(entity, "CreatePolicyVersion", "", parameters(sent));
                if *number == wanted.default {
                    step.limits();
                }
                continue;
            }
            let mut sent = parameters([("PolicyName", name), ("Path", &wanted.path), ("PolicyDocument", text)]);
            sent.extend(wanted.description.iter().map(|text| ("Description".to_owned(), text.clone())));
            sent.extend(tag_parameters(&wanted.tags));
            self.iam(entity, "CreatePolicy", "", sent).limits();
        }
    }

    pub(super) fn provider(
        &mut self,
        account: &str,
        url: &str,
        wanted: &OidcProvider,
        present: Option<&OidcProvider>,
        options: Options,
    ) {
        let entity = format!("identity provider {url}");
        let members = |list: &str, values: &[String]| -> Parameters {
            (1..).zip(values).map(|(n, value)| (format!("{list}.member.{n}"), value.clone())).collect()
        };
        let Some(there) = present else {
            let mut sent = parameters([("Url", format!("https://{url}").as_str())]);
            sent.extend(members("ClientIDList", &wanted.client_ids));
            sent.extend(members("ThumbprintList", &wanted.thumbprints));
            sent.extend(tag_parameters(&wanted.tags));
            self.iam(&entity, "CreateOpenIDConnectProvider", "", sent);
            return;
        };
        let arn = format!("arn:aws:iam::{account}:oidc-provider/{url}");
        let id = ("OpenIDConnectProviderArn", arn.as_str());
        for client in wanted.client_ids.iter().filter(|client| !there.client_ids.contains(client)) {
            self.iam(&entity, "AddClientIDToOpenIDConnectProvider", client, parameters([id, ("ClientID", client)]));
        }
        let extra = there.client_ids.iter().filter(|client| options.replace && !wanted.client_ids.contains(client));
        for client in extra {
            let sent = parameters([id, ("ClientID", client)]);
            self.iam(&entity, "RemoveClientIDFromOpenIDConnectProvider", client, sent);
        }
        if there.thumbprints != wanted.thumbprints {
            let mut sent = parameters([id]);
            sent.extend(members("ThumbprintList", &wanted.thumbprints));
            self.iam(&entity, "UpdateOpenIDConnectProviderThumbprint", "", sent);
        }
        let actions = ("TagOpenIDConnectProvider", "UntagOpenIDConnectProvider");
        self.tags(&entity, actions, id, (&wanted.tags, &there.tags), options);
    }

    /// Keys get their ids from the service: one is found by its id, else by its alias.
    fn key(&mut self, id: &str, wanted: &Key, present: &Inventory, options: Options) {
        let entity = format!("key {id}");
        let named = |(_, key): &(&String, &Key)| wanted.aliases.iter().any(|alias| key.aliases.contains(alias));
        let there = present.keys.get_key_value(id).or_else(|| present.keys.iter().find(named));
        let grants = |there: &[crate::decision::KeyGrant]| -> Vec<Value> {
            let kept: Vec<String> = there.iter().map(|grant| grant_input(grant).to_string()).collect();
            let inputs = wanted.grants.iter().map(grant_input);
            inputs.filter(|input| !kept.contains(&input.to_string())).collect()
        };
        let Some((found, there)) = there else {
            if !options.create || wanted.aliases.is_empty() {
                let why = if wanted.aliases.is_empty() {
                    "without an alias a new key could not be told from it"
                } else {
                    "--create makes one with its alias, under an id of its own"
                };
                self.left_out.push(format!("{entity}: it is not there; {why}"));
                return;
            }
            let input = wanted.policy.as_ref().map_or_else(|| json!({}), |policy| json!({"Policy": policy}));
            let aliases =
                wanted.aliases.iter().map(|alias| ("CreateAlias", "TargetKeyId", json!({"AliasName": alias})));
            let given = grants(&[]).into_iter().map(|grant| ("CreateGrant", "KeyId", grant));
            let then = aliases.chain(given).collect();
            self.add(&entity, format!("CreateKey {}", wanted.aliases.join(", ")), Request::NewKey { input, then });
            return;
        };
        if let Some(policy) = &wanted.policy
            && !there.policy.as_ref().is_some_and(|kept| same_document(kept, policy))
        {
            let input = json!({"KeyId": found, "PolicyName": "default", "Policy": policy});
            self.add(&entity, "PutKeyPolicy", Request::Kms("PutKeyPolicy", input)).limits();
        }
        for alias in wanted.aliases.iter().filter(|alias| !there.aliases.contains(alias)) {
            let input = json!({"AliasName": alias, "TargetKeyId": found});
            self.add(&entity, format!("CreateAlias {alias}"), Request::Kms("CreateAlias", input));
        }
        for mut input in grants(&there.grants) {
            let action = format!("CreateGrant {}", input.get("GranteePrincipal").and_then(Value::as_str).unwrap_or(""));
            if let Some(members) = input.as_object_mut() {
                members.insert("KeyId".to_owned(), json!(found));
            }
            self.add(&entity, action, Request::Kms("CreateGrant", input));
        }
    }
}

fn grant_input(of: &crate::decision::KeyGrant) -> Value {
    let pairs = |pairs: &Vec<(String, String)>| json!(pairs.iter().cloned().collect::<BTreeMap<_, _>>());
    let mut operations = of.operations.clone();
    operations.sort();
    let mut input = json!({"GranteePrincipal": of.grantee, "Operations": operations});
    let equals = of.context_equals.as_ref().map(|context| json!({"EncryptionContextEquals": pairs(context)}));
    let subset = of.context_subset.as_ref().map(|context| json!({"EncryptionContextSubset": pairs(context)}));
    if let (Some(constraints), Some(members)) = (equals.or(subset), input.as_object_mut()) {
        members.insert("Constraints".to_owned(), constraints);
    }
    input
}

/// The parameters of tags.
pub(super) fn tag_parameters(tags: &[(String, String)]) -> Parameters {
    let member = |(number, (key, value)): (u32, &(String, String))| {
        [(format!("Tags.member.{number}.Key"), key.clone()), (format!("Tags.member.{number}.Value"), value.clone())]
    };
    (1..).zip(tags).flat_map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::{Options, Plan};

    #[test]
    fn a_tag_that_differs_in_case_is_not_taken_away_again() {
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let (wanted, present) = ([tag("Cost", "2")], [tag("cost", "1"), tag("old", "x")]);
        let mut plan = Plan::default();
        let options = Options { replace: true, create: false };
        plan.tags("user anna", ("TagUser", "UntagUser"), ("UserName", "anna"), (&wanted, &present), options);
        let actions: Vec<&str> = plan.steps.iter().map(|step| step.action.as_str()).collect();
        assert_eq!(actions, ["TagUser Cost", "UntagUser old"]);
    }
}
