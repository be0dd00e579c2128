//! The plan's part for buckets and Block Public Access.

use super::buckets::{
    about, about_account, acl_document, block_document, location_document, ownership_document, with_document,
};
use super::plan::{Options, Plan, Request};
use crate::edges::client::ClientError;
use crate::edges::client::objects::queried;
use crate::edges::client::wire::Call;
use crate::edges::inventory::{Bucket, Inventory, same_document};
use crate::policy::acl::{Acl, Grantee, ObjectOwnership, PublicAccessBlock};
use http::Method;

/// Operation, parameter and document of a setting.
type Put = (&'static str, &'static str, String);

impl Plan {
    /// Buckets, between what tightens the account's Block Public Access and what loosens it.
    pub(super) fn buckets(
        &mut self,
        wanted: &Inventory,
        present: &Inventory,
        options: Options,
    ) -> Result<(), ClientError> {
        let first = self.steps.len();
        for (name, bucket) in &wanted.buckets {
            self.bucket(name, bucket, wanted, present, options)?;
        }
        let Some(block) = wanted.public_access_block else { return Ok(()) };
        let mut changed: Vec<String> = self.steps.iter().skip(first).map(|step| step.entity.clone()).collect();
        changed.dedup();
        let kept = present.public_access_block;
        let (before, after) = stages(kept, PublicAccessBlock::default(), block, !changed.is_empty());
        let entity = account_entity(wanted);
        if let Some(block) = before {
            self.account_block(&entity, wanted, block, Vec::new())?;
            let last = self.steps.len();
            // It was added behind the buckets' steps.
            if let Some(steps) = self.steps.get_mut(first..last) {
                steps.rotate_right(1);
            }
        }
        if let Some(block) = after {
            self.account_block(&entity, wanted, block, changed)?;
        }
        Ok(())
    }

    fn account_block(
        &mut self,
        entity: &str,
        wanted: &Inventory,
        block: PublicAccessBlock,
        uses: Vec<String>,
    ) -> Result<(), ClientError> {
        let call = with_document(about_account(Method::PUT, &wanted.account)?, block_document(block))?;
        self.add(entity, "PutPublicAccessBlock", Request::S3(Box::new(call))).limits().uses(uses);
        Ok(())
    }

    fn bucket(
        &mut self,
        name: &str,
        wanted: &Bucket,
        from: &Inventory,
        present: &Inventory,
        options: Options,
    ) -> Result<(), ClientError> {
        let entity = format!("bucket {name}");
        let nothing = Bucket::default();
        let there = present.buckets.get(name);
        if there.is_none() && !options.create {
            self.left_out.push(format!("{entity}: it is not there, or of another account; --create makes it"));
            return Ok(());
        }
        if there.is_none() {
            let call = Call::s3(Method::PUT, format!("/{}", queried(name)));
            let region = wanted.region.as_deref().filter(|region| *region != "us-east-1");
            let call = match region {
                Some(region) => with_document(call, location_document(region))?,
                None => call,
            };
            self.add(&entity, "CreateBucket", Request::S3(Box::new(call))).limits();
        }
        let owner = present.canonical_id.clone().unwrap_or_default();
        let translated = |acl: &Acl| translated(acl, from.canonical_id.as_deref(), &owner);
        let wanted = Bucket { acl: wanted.acl.as_ref().map(translated), ..wanted.clone() };
        for (action, setting, body) in self.settings(&entity, &wanted, there.unwrap_or(&nothing), &owner) {
            let call = with_document(about(Method::PUT, name, setting), body)?;
            self.add(&entity, action, Request::S3(Box::new(call))).limits().uses(vec![account_entity(from)]);
        }
        Ok(())
    }

    /// The settings of a bucket that differ. What Block Public Access holds back stays so until all else is as wanted.
    fn settings(&mut self, entity: &str, wanted: &Bucket, there: &Bucket, owner: &str) -> Vec<Put> {
        let mut puts = self.access(entity, wanted, there, owner);
        if let Some(block) = wanted.public_access_block {
            let kept = there.public_access_block;
            let (before, after) = stages(kept, PublicAccessBlock::ALL, block, !puts.is_empty());
            let put = |block| ("PutPublicAccessBlock", "publicAccessBlock", block_document(block));
            puts = before.map(put).into_iter().chain(puts).chain(after.map(put)).collect();
        }
        puts
    }

    /// Object Ownership, ACL and policy.
    fn access(&mut self, entity: &str, wanted: &Bucket, there: &Bucket, owner: &str) -> Vec<Put> {
        let enforced = |ownership: Option<ObjectOwnership>| ownership == Some(ObjectOwnership::BucketOwnerEnforced);
        let ownership = wanted.ownership.filter(|_| there.ownership != wanted.ownership);
        let ownership = ownership.map(|o| ("PutBucketOwnershipControls", "ownershipControls", ownership_document(o)));
        let private = Acl::private(owner);
        let kept = there.acl.as_ref().unwrap_or(&private);
        let mut acl = wanted.acl.as_ref().filter(|acl| *acl != kept);
        if acl.is_some_and(|acl| *acl != private) && enforced(wanted.ownership.or(there.ownership)) {
            self.left_out.push(format!("{entity}: its ACL, which BucketOwnerEnforced turns off"));
            acl = None;
        }
        let acl = acl.map(|acl| ("PutBucketAcl", "acl", acl_document(owner, acl)));
        let keeps = |policy: &String| there.policy.as_ref().is_some_and(|kept| same_document(kept, policy));
        let policy = wanted.policy.as_ref().filter(|policy| !keeps(policy));
        let policy = policy.map(|policy| ("PutBucketPolicy", "policy", policy.clone()));
        // AWS: an ACL can be put only where ACLs are on, and they can be turned off only where it is private.
        let acl_last = there.ownership.is_none() || enforced(there.ownership);
        let both = if acl_last { [ownership, acl] } else { [acl, ownership] };
        both.into_iter().chain([policy]).flatten().collect()
    }
}

fn account_entity(of: &Inventory) -> String {
    format!("account {}", of.account)
}

/// Block Public Access before and after other settings change (`between`), each where it must be put. `assumed` holds
/// where it is not known what is kept. What refuses public settings is as wanted from the first on, so that they can
/// be put; what takes their effect away is only lifted at last.
fn stages(
    kept: Option<PublicAccessBlock>,
    assumed: PublicAccessBlock,
    wanted: PublicAccessBlock,
    between: bool,
) -> (Option<PublicAccessBlock>, Option<PublicAccessBlock>) {
    let strict = wanted.union(kept.unwrap_or(assumed));
    let first = PublicAccessBlock {
        block_public_acls: wanted.block_public_acls,
        block_public_policy: wanted.block_public_policy,
        ..strict
    };
    let first = if between { first } else { wanted };
    (Some(first).filter(|_| kept != Some(first)), Some(wanted).filter(|_| first != wanted))
}

/// An ACL in which the account's own canonical user id is that of the service.
fn translated(acl: &Acl, from: Option<&str>, to: &str) -> Acl {
    let mut acl = acl.clone();
    for grant in &mut acl.grants {
        if matches!(&grant.grantee, Grantee::Canonical(id) if Some(id.as_str()) == from) {
            grant.grantee = Grantee::Canonical(to.to_owned());
        }
    }
    acl
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Options, Plan, Unlimited};
    use super::{Acl, Bucket, Inventory, ObjectOwnership, PublicAccessBlock, stages};
    use crate::policy::acl::{Grant, Grantee, Permission};

    const OWNER: &str = "aaaabbbb";
    const OPEN: PublicAccessBlock = PublicAccessBlock {
        block_public_acls: false,
        ignore_public_acls: false,
        block_public_policy: false,
        restrict_public_buckets: false,
    };

    fn public() -> Acl {
        let grantee = Grantee::group("http://acs.amazonaws.com/groups/global/AllUsers").expect("a group");
        let mut acl = Acl::private(OWNER);
        acl.grants.push(Grant { grantee, permission: Permission::Read });
        acl
    }

    fn account(block: PublicAccessBlock, bucket: Bucket) -> Inventory {
        Inventory {
            account: "111122223333".to_owned(),
            canonical_id: Some(OWNER.to_owned()),
            public_access_block: Some(block),
            buckets: [("data".to_owned(), Bucket { public_access_block: Some(block), ..bucket })].into(),
            ..Inventory::default()
        }
    }

    fn steps(plan: &Plan) -> Vec<String> {
        plan.steps.iter().map(|step| format!("{}: {}", step.entity, step.action)).collect()
    }

    fn loosened() -> Plan {
        let there = Bucket {
            policy: Some("{\"Id\":\"old\"}".to_owned()),
            acl: Some(public()),
            ownership: Some(ObjectOwnership::ObjectWriter),
            ..Bucket::default()
        };
        let wanted = Bucket {
            policy: Some("{\"Id\":\"new\"}".to_owned()),
            acl: Some(Acl::private(OWNER)),
            ownership: Some(ObjectOwnership::BucketOwnerEnforced),
            ..Bucket::default()
        };
        let (wanted, there) = (account(OPEN, wanted), account(PublicAccessBlock::ALL, there));
        Plan::new(&wanted, &there, Options::default()).expect("a plan")
    }

    #[test]
    fn what_was_held_back_is_replaced_before_it_is_let_go() {
        let expected = [
            "account 111122223333: PutPublicAccessBlock",
            "bucket data: PutPublicAccessBlock",
            "bucket data: PutBucketAcl",
            "bucket data: PutBucketOwnershipControls",
            "bucket data: PutBucketPolicy",
            "bucket data: PutPublicAccessBlock",
            "account 111122223333: PutPublicAccessBlock",
        ];
        assert_eq!(steps(&loosened()), expected);
        let (first, last) = stages(Some(PublicAccessBlock::ALL), OPEN, OPEN, true);
        let held = PublicAccessBlock { ignore_public_acls: true, restrict_public_buckets: true, ..OPEN };
        assert_eq!((first, last), (Some(held), Some(OPEN)));
        // Nothing in between, or nothing to loosen: once. Nothing to do: never.
        assert_eq!(stages(Some(PublicAccessBlock::ALL), OPEN, OPEN, false), (Some(OPEN), None));
        assert_eq!(stages(Some(OPEN), OPEN, PublicAccessBlock::ALL, true), (Some(PublicAccessBlock::ALL), None));
        assert_eq!(stages(Some(OPEN), OPEN, OPEN, true), (None, None));
        assert_eq!(stages(None, OPEN, OPEN, true), (Some(OPEN), None));
    }

    #[test]
    fn block_public_access_is_not_lifted_from_what_was_not_replaced() {
        let plan = loosened();
        let mut unlimited = Unlimited::at_first(&plan);
        let mut tried = Vec::new();
        for (step, shown) in plan.steps.iter().zip(steps(&plan)) {
            if unlimited.under(step).is_some() || shown == "bucket data: PutBucketPolicy" {
                unlimited.note(step);
            } else {
                tried.push(shown);
            }
        }
        assert_eq!(tried, steps(&plan).get(..4).expect("steps before it"));
    }

    #[test]
    fn acls_are_turned_on_before_one_is_put() {
        let there = Bucket { ownership: Some(ObjectOwnership::BucketOwnerEnforced), ..Bucket::default() };
        let wanted =
            Bucket { ownership: Some(ObjectOwnership::ObjectWriter), acl: Some(public()), ..Bucket::default() };
        let (wanted, there) = (account(OPEN, wanted), account(OPEN, there));
        let plan = Plan::new(&wanted, &there, Options::default()).expect("a plan");
        assert_eq!(steps(&plan), ["bucket data: PutBucketOwnershipControls", "bucket data: PutBucketAcl"]);
    }
}
