//! The plan's part for users, groups and roles.

use super::identities::parameters;
use super::plan::{Options, Plan, tag_parameters};
use crate::edges::inventory::{Holder, Inventory, same_document};
use crate::edges::server::identities::model::Kind;

/// A trust policy that lets nobody in, for roles whose own names somebody who is made later.
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
    there: Option<&'p Holder>,
}

impl Holders<'_> {
    /// All of them are made, with their boundaries, before anybody is given anything.
    pub(super) fn all(mut self) {
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
            ways.push(Way { kind: *kind, name, entity, wanted, there });
        }
        // Users are made before roles; a role may name one that is made after it.
        let coming = ways.iter().filter(|way| way.there.is_none() && way.kind == Kind::Role);
        let coming: Vec<String> = coming.flat_map(|way| self.principals(way)).collect();
        let mut closed = Vec::new();
        let mut going = Vec::new();
        for way in &ways {
            let waits = way.wanted.trust.as_ref().is_some_and(|text| coming.iter().any(|name| text.contains(name)));
            if way.there.is_none() {
                self.create(way, waits);
                closed.extend((waits && way.kind == Kind::Role).then_some(way));
            } else if !self.change(way, !waits) {
                continue;
            } else if waits {
                closed.push(way);
            }
            going.push(way);
        }
        for way in closed {
            self.trust(way);
        }
        for way in going {
            self.boundary(way);
            self.policies(way);
            self.tags(way);
            self.groups(way);
        }
    }

    /// How policies name a role and its sessions, up to what may stand behind.
    fn principals(&self, role: &Way<'_>) -> [String; 2] {
        let (account, path) = (&self.wanted.account, &role.wanted.path);
        let role = role.name;
        [
            format!("\"arn:aws:iam::{account}:role{path}{role}\""),
            format!("\"arn:aws:sts::{account}:assumed-role/{role}/"),
        ]
    }

    fn create(&mut self, way: &Way<'_>, closed: bool) {
        let (words, wanted) = (words(way.kind), way.wanted);
        let mut sent = parameters([(words.name, way.name), ("Path", &wanted.path)]);
        if way.kind == Kind::Role {
            let trust = wanted.trust.as_deref().unwrap_or_default();
            sent.extend(parameters([("AssumeRolePolicyDocument", if closed { CLOSED } else { trust })]));
            sent.extend(wanted.description.iter().map(|text| ("Description".to_owned(), text.clone())));
            sent.extend(wanted.max_session.map(|seconds| ("MaxSessionDuration".to_owned(), seconds.to_string())));
        }
        sent.extend(wanted.boundary.iter().map(|arn| ("PermissionsBoundary".to_owned(), arn.clone())));
        sent.extend(tag_parameters(&wanted.tags));
        self.plan.iam(&way.entity, words.create, "", sent);
    }

    /// What differs in an identity that is there; false where it cannot become what is wanted.
    fn change(&mut self, way: &Way<'_>, with_trust: bool) -> bool {
        let (words, wanted) = (words(way.kind), way.wanted);
        let Some(there) = way.there else { return true };
        if there.path != wanted.path {
            if way.kind == Kind::Role {
                let why =
                    format!("its path is {}, and {} is wanted; a role's path cannot change", there.path, wanted.path);
                self.plan.conflict(&way.entity, why);
                return false;
            }
            let sent = parameters([(words.name, way.name), ("NewPath", &wanted.path)]);
            self.plan.iam(&way.entity, words.update, &wanted.path, sent);
        }
        if way.kind == Kind::Role {
            let seconds = wanted.max_session.filter(|_| there.max_session != wanted.max_session);
            let description = wanted.description.as_ref().filter(|_| there.description != wanted.description);
            let mut sent = parameters([(words.name, way.name)]);
            sent.extend(description.map(|text| ("Description".to_owned(), text.clone())));
            sent.extend(seconds.map(|seconds| ("MaxSessionDuration".to_owned(), seconds.to_string())));
            if sent.len() > 1 {
                self.plan.iam(&way.entity, words.update, "", sent);
            }
            if with_trust {
                self.trust(way);
            }
        }
        true
    }

    fn trust(&mut self, way: &Way<'_>) {
        let Some(trust) = &way.wanted.trust else { return };
        let kept = way.there.and_then(|there| there.trust.as_ref());
        if !kept.is_some_and(|kept| same_document(kept, trust)) {
            let sent = parameters([("RoleName", way.name), ("PolicyDocument", trust)]);
            self.plan.iam(&way.entity, "UpdateAssumeRolePolicy", "", sent);
        }
    }

    fn boundary(&mut self, way: &Way<'_>) {
        let (words, Some(there)) = (words(way.kind), way.there) else { return };
        match (&way.wanted.boundary, &there.boundary) {
            (Some(arn), kept) if kept.as_ref() != Some(arn) => {
                let sent = parameters([(words.name, way.name), ("PermissionsBoundary", arn)]);
                self.plan.iam(&way.entity, words.bound, arn, sent);
            }
            (None, Some(arn)) if self.options.replace => {
                self.plan.iam(&way.entity, words.unbound, arn, parameters([(words.name, way.name)]));
            }
            _ => {}
        }
    }

    /// What is taken away goes first.
    fn policies(&mut self, way: &Way<'_>) {
        let (words, nothing) = (words(way.kind), Holder::default());
        let (wanted, there) = (way.wanted, way.there.unwrap_or(&nothing));
        let id = (words.name, way.name);
        if self.options.replace {
            for (name, _) in there.inline.iter().filter(|(name, _)| wanted.inline.iter().all(|(n, _)| n != name)) {
                self.plan.iam(&way.entity, words.delete, name, parameters([id, ("PolicyName", name)]));
            }
            for arn in there.attached.iter().filter(|arn| !wanted.attached.contains(arn)) {
                self.plan.iam(&way.entity, words.detach, arn, parameters([id, ("PolicyArn", arn)]));
            }
        }
        for (name, text) in &wanted.inline {
            let kept = there.inline.iter().find(|(n, _)| n == name);
            if !kept.is_some_and(|(_, kept)| same_document(kept, text)) {
                let sent = parameters([id, ("PolicyName", name), ("PolicyDocument", text)]);
                self.plan.iam(&way.entity, words.put, name, sent);
            }
        }
        for arn in wanted.attached.iter().filter(|arn| !there.attached.contains(arn)) {
            self.plan.iam(&way.entity, words.attach, arn, parameters([id, ("PolicyArn", arn)]));
        }
    }

    fn tags(&mut self, way: &Way<'_>) {
        let (words, Some(there)) = (words(way.kind), way.there) else { return };
        let sets = (way.wanted.tags.as_slice(), there.tags.as_slice());
        self.plan.tags(&way.entity, (words.tag, words.untag), (words.name, way.name), sets, self.options);
    }

    fn groups(&mut self, way: &Way<'_>) {
        let nothing = Holder::default();
        let (wanted, there) = (way.wanted, way.there.unwrap_or(&nothing));
        let sent = |group: &String| parameters([("UserName", way.name), ("GroupName", group)]);
        for group in there.groups.iter().filter(|g| self.options.replace && !wanted.groups.contains(g)) {
            self.plan.iam(&way.entity, "RemoveUserFromGroup", group, sent(group));
        }
        for group in wanted.groups.iter().filter(|group| !there.groups.contains(group)) {
            self.plan.iam(&way.entity, "AddUserToGroup", group, sent(group));
        }
    }
}
