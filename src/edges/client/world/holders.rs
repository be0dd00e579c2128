//! The plan's part for IAM: users, groups, roles and managed policies, in phases over all of them, so that nobody is
//! given anything before everybody is limited.

use super::identities::parameters;
use super::plan::{Options, Plan, tag_parameters};
use crate::edges::inventory::native::policy_arn;
use crate::edges::inventory::{Holder, Inventory, same_document};
use crate::edges::server::identities::model::Kind;
use std::collections::BTreeSet;

/// A trust policy that lets nobody in: for roles until they have what they shall have.
const CLOSED: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}"#;

/// Names of operations.
struct Words {
    create: &'static str,
    update: &'static str,
    put: &'static str,
    delete: &'static str,
    attach: &'static str,
    detach: &'static str,
    bound: &'static str,
    unbound: &'static str,
    tag: &'static str,
    untag: &'static str,
    name: &'static str,
}

const fn words(kind: Kind) -> Words {
    macro_rules! of {
        ($kind:literal) => {
            Words {
                create: concat!("Create", $kind),
                update: concat!("Update", $kind),
                put: concat!("Put", $kind, "Policy"),
                delete: concat!("Delete", $kind, "Policy"),
                attach: concat!("Attach", $kind, "Policy"),
                detach: concat!("Detach", $kind, "Policy"),
                bound: concat!("Put", $kind, "PermissionsBoundary"),
                unbound: concat!("Delete", $kind, "PermissionsBoundary"),
                tag: concat!("Tag", $kind),
                untag: concat!("Untag", $kind),
                name: concat!($kind, "Name"),
            }
        };
    }
    match kind {
        Kind::User => of!("User"),
        Kind::Group => of!("Group"),
        Kind::Role => of!("Role"),
    }
}

pub(super) struct Holders<'p> {
    pub(super) plan: &'p mut Plan,
    pub(super) wanted: &'p Inventory,
    pub(super) present: &'p Inventory,
    pub(super) options: Options,
}

/// An identity on its way.
struct Way<'p> {
    kind: Kind,
    name: &'p str,
    entity: String,
    wanted: &'p Holder,
    /// What there is of it; `None`: it is new.
    there: Option<&'p Holder>,
}

impl Way<'_> {
    /// The parameter that names it.
    fn id(&self) -> (&'static str, &str) {
        (words(self.kind).name, self.name)
    }

    fn keeps_trust(&self) -> bool {
        let Some(trust) = &self.wanted.trust else { return true };
        let kept = self.there.and_then(|there| there.trust.as_ref());
        kept.is_some_and(|kept| same_document(kept, trust))
    }

    fn keeps_inline(&self, name: &str, text: &str) -> bool {
        let kept = self.there.and_then(|there| there.inline.iter().find(|(n, _)| n == name));
        kept.is_some_and(|(_, kept)| same_document(kept, text))
    }

    fn has_attached(&self, arn: &String) -> bool {
        self.there.is_some_and(|there| there.attached.contains(arn))
    }
}

impl<'p> Holders<'p> {
    /// INVARIANT: what is new can do nothing, then what limits comes, then what takes away, then what gives, and at
    /// last what lifts a limit or lets somebody in.
    pub(super) fn all(mut self) {
        let ways = self.ways();
        let limits = self.boundaries();
        let (wanted, present, replace) = (self.wanted, self.present, self.options.replace);
        let (new, there): (Vec<_>, Vec<_>) =
            wanted.policies.iter().partition(|(name, _)| !present.policies.contains_key(*name));
        for (name, policy) in new {
            self.plan.new_policy(&wanted.account, name, policy);
        }
        let (limiting, giving): (Vec<_>, Vec<_>) =
            there.into_iter().partition(|(name, policy)| limits.contains(&policy_arn(&wanted.account, name, policy)));
        for way in ways.iter().filter(|way| way.there.is_some()) {
            self.close(way);
        }
        for way in &ways {
            match way.there {
                None => self.create(way),
                Some(there) => self.change(way, there),
            }
        }
        for (name, policy) in limiting {
            self.plan.policy(&wanted.account, name, policy, present, self.options);
        }
        for way in &ways {
            self.boundary(way);
        }
        for way in ways.iter().filter(|_| replace) {
            self.remove(way);
        }
        for (name, policy) in giving {
            self.plan.policy(&wanted.account, name, policy, present, self.options);
        }
        for way in &ways {
            self.give(way);
            self.tags(way);
        }
        for way in &ways {
            self.join(way);
        }
        for way in ways.iter().filter(|_| replace) {
            self.unbound(way);
        }
        for (url, provider) in &wanted.providers {
            self.plan.provider(&wanted.account, url, provider, present.providers.get(url), self.options);
        }
        for way in &ways {
            self.trust(way);
        }
    }

    /// Those that can become what is wanted.
    fn ways(&mut self) -> Vec<Way<'p>> {
        let mut ways = Vec::new();
        for ((kind, name), wanted) in &self.wanted.holders {
            let there = self.present.holders.get(&(*kind, name.clone()));
            let entity = format!("{} {name}", kind.word());
            if wanted.service_linked {
                if there.is_none() {
                    self.plan.left_out.push(format!("{entity}: it is service-linked, only its service can make it"));
                }
                continue;
            }
            if let Some(there) = there.filter(|there| *kind == Kind::Role && there.path != wanted.path) {
                let why =
                    format!("its path is {}, and {} is wanted; a role's path cannot change", there.path, wanted.path);
                self.plan.conflict(&entity, why);
                continue;
            }
            ways.push(Way { kind: *kind, name, entity, wanted, there });
        }
        ways
    }

    /// The ARNs of all that is a boundary, or becomes one.
    fn boundaries(&self) -> BTreeSet<String> {
        let holders = self.wanted.holders.values().chain(self.present.holders.values());
        holders.filter_map(|holder| holder.boundary.clone()).collect()
    }

    /// The managed policy with this ARN, as steps name it.
    fn policy_entity(&self, arn: &str) -> Option<String> {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let own = self.wanted.policies.get(name).is_some_and(|p| policy_arn(&self.wanted.account, name, p) == arn);
        own.then(|| Plan::policy_entity(name))
    }

    /// What must be as wanted before a limit of this identity is lifted.
    fn rests_on(&self, way: &Way<'_>) -> Vec<String> {
        let policies = way.wanted.attached.iter().chain(&way.wanted.boundary);
        let groups = way.wanted.groups.iter().map(|group| format!("{} {group}", Kind::Group.word()));
        policies.filter_map(|arn| self.policy_entity(arn)).chain(groups).collect()
    }

    fn create(&mut self, way: &Way<'_>) {
        let (words, wanted) = (words(way.kind), way.wanted);
        let mut sent = parameters([way.id(), ("Path", &wanted.path)]);
        if way.kind == Kind::Role {
            sent.extend(parameters([("AssumeRolePolicyDocument", CLOSED)]));
            sent.extend(wanted.description.iter().map(|text| ("Description".to_owned(), text.clone())));
            sent.extend(wanted.max_session.map(|seconds| ("MaxSessionDuration".to_owned(), seconds.to_string())));
        }
        sent.extend(wanted.boundary.iter().map(|arn| ("PermissionsBoundary".to_owned(), arn.clone())));
        sent.extend(tag_parameters(&wanted.tags));
        let uses = wanted.boundary.iter().filter_map(|arn| self.policy_entity(arn)).collect();
        self.plan.iam(&way.entity, words.create, "", sent).limits().uses(uses);
    }

    /// Who comes in by an old trust policy shall not get what is new, nor who comes in by the new one what is old.
    fn close(&mut self, way: &Way<'_>) {
        if way.kind == Kind::Role && !way.keeps_trust() && self.changes(way) {
            let sent = parameters([way.id(), ("PolicyDocument", CLOSED)]);
            self.plan.iam(&way.entity, "UpdateAssumeRolePolicy", "(nobody)", sent).limits();
        }
    }

    /// Whether what an identity that is there may do changes.
    fn changes(&self, way: &Way<'_>) -> bool {
        let Some(there) = way.there else { return true };
        let (wanted, replace) = (way.wanted, self.options.replace);
        let policy_changes = |arn: &String| {
            let name = arn.rsplit('/').next().unwrap_or_default();
            let (wanted, present) = (self.wanted.policies.get(name), self.present.policies.get(name));
            wanted.zip(present).is_some_and(|(a, b)| !same_document(a.in_force(), b.in_force()))
        };
        wanted.inline.iter().any(|(name, text)| !way.keeps_inline(name, text))
            || wanted.attached.iter().any(|arn| !there.attached.contains(arn))
            || there.attached.iter().chain(&there.boundary).any(policy_changes)
            || wanted.boundary != there.boundary && (replace || wanted.boundary.is_some())
            || replace && there.inline.iter().any(|(name, _)| wanted.inline.iter().all(|(n, _)| n != name))
            || replace && there.attached.iter().any(|arn| !wanted.attached.contains(arn))
    }

    /// Its path, and what a role is described with.
    fn change(&mut self, way: &Way<'_>, there: &Holder) {
        let (words, wanted) = (words(way.kind), way.wanted);
        if there.path != wanted.path {
            let sent = parameters([way.id(), ("NewPath", &wanted.path)]);
            self.plan.iam(&way.entity, words.update, &wanted.path, sent);
        }
        if way.kind == Kind::Role {
            let seconds = wanted.max_session.filter(|_| there.max_session != wanted.max_session);
            let description = wanted.description.as_ref().filter(|_| there.description != wanted.description);
            let mut sent = parameters([way.id()]);
            sent.extend(description.map(|text| ("Description".to_owned(), text.clone())));
            sent.extend(seconds.map(|seconds| ("MaxSessionDuration".to_owned(), seconds.to_string())));
            if sent.len() > 1 {
                self.plan.iam(&way.entity, words.update, "", sent);
            }
        }
    }

    fn boundary(&mut self, way: &Way<'_>) {
        let (Some(there), Some(arn)) = (way.there, &way.wanted.boundary) else { return };
        if there.boundary.as_ref() != Some(arn) {
            let sent = parameters([way.id(), ("PermissionsBoundary", arn)]);
            let uses = self.policy_entity(arn).into_iter().collect();
            self.plan.iam(&way.entity, words(way.kind).bound, arn, sent).limits().uses(uses);
        }
    }

    fn unbound(&mut self, way: &Way<'_>) {
        let kept = way.there.and_then(|there| there.boundary.as_ref());
        if let Some(arn) = kept.filter(|_| way.wanted.boundary.is_none()) {
            let uses = self.rests_on(way);
            self.plan.iam(&way.entity, words(way.kind).unbound, arn, parameters([way.id()])).uses(uses);
        }
    }

    /// What it has beside what is wanted.
    fn remove(&mut self, way: &Way<'_>) {
        let Some(there) = way.there else { return };
        let (words, wanted, id) = (words(way.kind), way.wanted, way.id());
        for (name, _) in there.inline.iter().filter(|(name, _)| wanted.inline.iter().all(|(n, _)| n != name)) {
            self.plan.iam(&way.entity, words.delete, name, parameters([id, ("PolicyName", name)])).limits();
        }
        for arn in there.attached.iter().filter(|arn| !wanted.attached.contains(arn)) {
            self.plan.iam(&way.entity, words.detach, arn, parameters([id, ("PolicyArn", arn)])).limits();
        }
        for group in there.groups.iter().filter(|group| !wanted.groups.contains(group)) {
            let sent = parameters([id, ("GroupName", group)]);
            self.plan.iam(&way.entity, "RemoveUserFromGroup", group, sent).limits();
        }
    }

    fn give(&mut self, way: &Way<'_>) {
        let (words, wanted, id) = (words(way.kind), way.wanted, way.id());
        for (name, text) in wanted.inline.iter().filter(|(name, text)| !way.keeps_inline(name, text)) {
            let sent = parameters([id, ("PolicyName", name), ("PolicyDocument", text)]);
            let step = self.plan.iam(&way.entity, words.put, name, sent);
            // Until it is put, the old one of that name is in force.
            if way.there.is_some_and(|there| there.inline.iter().any(|(n, _)| n == name)) {
                step.limits();
            }
        }
        for arn in wanted.attached.iter().filter(|arn| !way.has_attached(arn)) {
            let uses = self.policy_entity(arn).into_iter().collect();
            self.plan.iam(&way.entity, words.attach, arn, parameters([id, ("PolicyArn", arn)])).uses(uses);
        }
    }

    fn tags(&mut self, way: &Way<'_>) {
        let (words, Some(there)) = (words(way.kind), way.there) else { return };
        let sets = (way.wanted.tags.as_slice(), there.tags.as_slice());
        self.plan.tags(&way.entity, (words.tag, words.untag), way.id(), sets, self.options);
    }

    fn join(&mut self, way: &Way<'_>) {
        let there = way.there.map(|there| there.groups.as_slice()).unwrap_or_default();
        for group in way.wanted.groups.iter().filter(|group| !there.contains(group)) {
            let sent = parameters([way.id(), ("GroupName", group)]);
            let uses = vec![format!("{} {group}", Kind::Group.word())];
            self.plan.iam(&way.entity, "AddUserToGroup", group, sent).uses(uses);
        }
    }

    fn trust(&mut self, way: &Way<'_>) {
        let Some(trust) = way.wanted.trust.as_ref().filter(|_| !way.keeps_trust()) else { return };
        let sent = parameters([("RoleName", way.name), ("PolicyDocument", trust)]);
        let uses = self.rests_on(way);
        self.plan.iam(&way.entity, "UpdateAssumeRolePolicy", "", sent).uses(uses);
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Options, Plan, Unlimited};
    use super::{Holder, Inventory, Kind};
    use crate::edges::inventory::Policy;

    const ACCOUNT: &str = "111122223333";

    fn arn(name: &str) -> String {
        format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
    }

    fn document(action: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#)
    }

    fn account(policies: &[(&str, &str)], holders: Vec<(Kind, &str, Holder)>) -> Inventory {
        let policy = |(name, action): &(&str, &str)| {
            let versions = [(1, document(action))].into();
            ((*name).to_owned(), Policy { path: "/".to_owned(), versions, default: 1, ..Policy::default() })
        };
        let holder = |(kind, name, holder): (Kind, &str, Holder)| {
            ((kind, name.to_owned()), Holder { path: "/".to_owned(), ..holder })
        };
        Inventory {
            account: ACCOUNT.to_owned(),
            policies: policies.iter().map(policy).collect(),
            holders: holders.into_iter().map(holder).collect(),
            ..Inventory::default()
        }
    }

    fn inline(name: &str, action: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), document(action))]
    }

    fn steps(plan: &Plan) -> Vec<String> {
        plan.steps.iter().map(|step| format!("{}: {}", step.entity, step.action).replace(&arn(""), "")).collect()
    }

    /// What is tried where the first step that begins so fails.
    fn tried(plan: &Plan, failing: &str) -> Vec<String> {
        let mut unlimited = Unlimited::at_first(plan);
        let mut tried = Vec::new();
        for (step, shown) in plan.steps.iter().zip(steps(plan)) {
            if unlimited.under(step).is_some() || shown.starts_with(failing) {
                unlimited.note(step);
            } else {
                tried.push(shown);
            }
        }
        tried
    }

    /// Everything that can change at once.
    fn everything() -> Plan {
        let present = account(
            &[("limits", "s3:*"), ("readers", "s3:Get*")],
            vec![
                (Kind::Group, "staff", Holder { attached: vec![arn("readers")], ..Holder::default() }),
                (Kind::User, "anna", Holder { inline: inline("old", "s3:*"), ..Holder::default() }),
                (Kind::User, "ben", Holder { boundary: Some(arn("limits")), ..Holder::default() }),
                (Kind::Role, "app", Holder { trust: Some(document("sts:AssumeRole")), ..Holder::default() }),
            ],
        );
        let wanted = account(
            &[("limits", "s3:Get*"), ("readers", "s3:*"), ("writers", "s3:Put*")],
            vec![
                (Kind::Group, "staff", Holder { attached: vec![arn("readers")], ..Holder::default() }),
                (
                    Kind::User,
                    "anna",
                    Holder {
                        inline: inline("new", "iam:*"),
                        attached: vec![arn("writers")],
                        boundary: Some(arn("limits")),
                        groups: vec!["staff".to_owned()],
                        ..Holder::default()
                    },
                ),
                (Kind::User, "ben", Holder { inline: inline("own", "kms:*"), ..Holder::default() }),
                (
                    Kind::Role,
                    "app",
                    Holder {
                        attached: vec![arn("readers")],
                        trust: Some(document("sts:TagSession")),
                        ..Holder::default()
                    },
                ),
                (
                    Kind::Role,
                    "fresh",
                    Holder { trust: Some(document("sts:*")), boundary: Some(arn("limits")), ..Holder::default() },
                ),
            ],
        );
        Plan::new(&wanted, &present, Options { replace: true, create: false }).expect("a plan")
    }

    #[test]
    fn everybody_is_limited_before_anybody_is_given_anything() {
        let expected = [
            "policy writers: CreatePolicy",
            "role app: UpdateAssumeRolePolicy (nobody)",
            "role fresh: CreateRole",
            "policy limits: CreatePolicyVersion",
            "user anna: PutUserPermissionsBoundary limits",
            "user anna: DeleteUserPolicy old",
            "policy readers: CreatePolicyVersion",
            "user anna: PutUserPolicy new",
            "user anna: AttachUserPolicy writers",
            "user ben: PutUserPolicy own",
            "role app: AttachRolePolicy readers",
            "user anna: AddUserToGroup staff",
            "user ben: DeleteUserPermissionsBoundary limits",
            "role app: UpdateAssumeRolePolicy",
            "role fresh: UpdateAssumeRolePolicy",
        ];
        assert_eq!(steps(&everything()), expected);
    }

    #[test]
    fn what_builds_on_a_failed_limit_is_not_tried() {
        let plan = everything();
        let all = steps(&plan).len();
        let without = |failing: &str| {
            let tried = tried(&plan, failing);
            (all - tried.len(), tried)
        };
        // The boundary: nothing more of that user.
        let (skipped, rest) = without("user anna: PutUserPermissionsBoundary");
        assert!(skipped == 5 && rest.iter().all(|step| !step.starts_with("user anna")), "{rest:?}");
        // The boundary's document: none of those whom it binds.
        let (_, rest) = without("policy limits: CreatePolicyVersion");
        assert!(rest.iter().all(|step| !step.starts_with("user anna")), "{rest:?}");
        assert!(!rest.contains(&"role fresh: UpdateAssumeRolePolicy".to_owned()), "{rest:?}");
        assert!(rest.contains(&"user ben: PutUserPolicy own".to_owned()), "{rest:?}");
        // A policy's version: it is attached to nobody, and nobody comes to it.
        let (skipped, rest) = without("policy readers: CreatePolicyVersion");
        assert!(skipped == 3 && !rest.iter().any(|step| step.starts_with("role app: A")), "{rest:?}");
        assert!(!rest.contains(&"role app: UpdateAssumeRolePolicy".to_owned()), "{rest:?}");
        // A grant that fails limits nobody.
        let (skipped, rest) = without("user anna: AttachUserPolicy");
        assert_eq!(skipped, 1, "{rest:?}");
    }
}
