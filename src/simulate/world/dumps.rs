//! AWS's own dump formats, recognised by what stands in them.
//!
//! `aws iam get-account-authorization-details`, `aws s3api get-bucket-policy`, `get-bucket-acl`,
//! `get-public-access-block`, `get-bucket-ownership-controls`, `aws kms get-key-policy`,
//! `aws organizations describe-organization`, `aws cloudfront list-cloud-front-origin-access-identities`,
//! `list-origin-access-controls`, `list-distributions`, `get-distribution`, `get-distribution-config`, and bare policy
//! documents. What AWS adds to these shapes
//! later is passed over. A dump says nothing about what it does not hold: those layers are unknown.

use super::cloudfront;
use super::native::file_stem;
use super::{
    Attachment, BucketEntry, Group, Identity, KeyEntry, LoadContext, ManagedAttachment, ManagedPolicy, Organization,
    World, compiled,
};
use crate::compiled::CompiledPolicy;
use crate::decision::{KeyGrant, LayerState};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::reader::Findings;
use crate::simulate::settings;
use crate::words::arn::Arn;
use crate::words::codes::Code;
use crate::words::json::{self, Node};
use crate::words::percent;
use crate::words::problem::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The account of buckets that no loaded account owns.
const NOBODY: &str = "000000000000";

/// Loads a dump; false where it is none.
pub(super) fn load(world: &mut World, root: &Node, findings: &mut Findings, context: &LoadContext<'_>) -> bool {
    let source = findings.source.text.clone();
    let has = |name: &str| root.get(&source, name);
    let mut loader = Loader { world, findings, strict: context.strict };
    if has("UserDetailList").or(has("RoleDetailList")).or(has("GroupDetailList")).is_some() {
        loader.authorization_details(root);
    } else if let Some(organization) = has("Organization") {
        loader.organization(organization);
    } else if let Some(policy) = has("Policy") {
        loader.attached_text(policy);
    } else if has("Statement").is_some() {
        loader.bare_document(root);
    } else if let Some(role) = has("Role") {
        loader.role(role);
    } else if let Some(grants) = has("Grants").filter(|g| is_key_grants(g, &source)) {
        loader.key_grants(grants);
    } else if let Some(grants) = has("Grants") {
        let acl = settings::aws_acl(loader.findings, grants);
        loader.bucket().acl = LayerState::Given(acl);
    } else if let Some(block) = has("PublicAccessBlockConfiguration") {
        let block = settings::public_access_block(loader.findings, block);
        let stem = file_stem(&loader.findings.source.name);
        match loader.world.accounts.get_mut(&stem) {
            // `aws s3control get-public-access-block`, in a file named after the account.
            Some(account) => account.public_access_block = LayerState::Given(block),
            None => loader.bucket().public_access_block = LayerState::Given(block),
        }
    } else if let Some(controls) = has("OwnershipControls") {
        loader.ownership(controls);
    } else if cloudfront::is_dump(root, &source) {
        let (account, stem) = (loader.owner(), file_stem(&loader.findings.source.name));
        cloudfront::load_dump(loader.world, root, &source, &account, &stem);
    } else {
        return false;
    }
    true
}

/// Whether a file describes a bucket or key of an account that another file describes.
pub(super) fn is_piece(root: &Node, source: &str) -> bool {
    const PIECES: [&str; 5] = ["Policy", "Statement", "Grants", "PublicAccessBlockConfiguration", "OwnershipControls"];
    let piece = PIECES.iter().any(|name| root.get(source, name).is_some());
    (piece || cloudfront::is_dump(root, source)) && !super::native::recognises(root, source)
}

struct Loader<'l> {
    world: &'l mut World,
    findings: &'l mut Findings,
    strict: bool,
}

impl Loader<'_> {
    fn text(&self, node: &Node, name: &str) -> Option<String> {
        node.get(&self.findings.source.text, name)
            .and_then(|n| n.scalar_text(&self.findings.source.text))
            .map(str::to_owned)
    }

    fn list<'n>(&self, node: &'n Node, name: &str) -> &'n [Node] {
        node.get(&self.findings.source.text, name).and_then(Node::items).unwrap_or_default()
    }

    /// A document in place, or as a string of JSON (also percent-encoded, as the API sends it).
    fn document(
        &mut self,
        node: &Node,
        name: &str,
        kind: PolicyKind,
        bucket: Option<&str>,
    ) -> Option<Arc<CompiledPolicy>> {
        let options = LoadOptions { strict: self.strict, bucket, ..LoadOptions::new(kind) };
        let document = match node.as_str(&self.findings.source.text) {
            None => PolicyDocument::from_node(self.findings.source.clone(), node, &options),
            Some(text) => {
                let text = if text.starts_with('%') { percent::decoded(text) } else { text.to_owned() };
                PolicyDocument::parse(&format!("{}#{name}", self.findings.source.name), &text, &options)
            }
        };
        compiled(self.findings, document, name)
    }

    fn authorization_details(&mut self, root: &Node) {
        if self.text(root, "IsTruncated").as_deref() == Some("true") {
            let message = "this dump is truncated; fetch all of it, the AWS CLI does so by itself";
            self.findings.error(Code::WorldShape, root.span, message);
        }
        for node in self.list(root, "Policies") {
            self.managed_policy(node);
        }
        for node in self.list(root, "GroupDetailList") {
            let Some((name, account, arn)) = self.named(node, "GroupName") else { continue };
            let policies = self.policies(node, "GroupPolicyList", &account);
            self.world.account(&account).groups.insert(name, Group { arn, policies });
        }
        for node in self.list(root, "UserDetailList") {
            let Some((name, account, arn)) = self.named(node, "UserName") else { continue };
            let policies = self.policies(node, "UserPolicyList", &account);
            let groups = self.list(node, "GroupList").iter();
            let groups = groups.filter_map(|g| g.as_str(&self.findings.source.text).map(str::to_owned)).collect();
            let identity = Identity { groups, ..self.identity(node, "UserId", arn, policies, &account) };
            self.world.account(&account).users.insert(name, identity);
        }
        for node in self.list(root, "RoleDetailList") {
            self.role(node);
        }
    }

    /// An entry of `RoleDetailList`, or the `Role` of `aws iam get-role`.
    fn role(&mut self, node: &Node) {
        if let Some((name, account, arn)) = self.named(node, "RoleName") {
            let policies = self.policies(node, "RolePolicyList", &account);
            let mut identity = self.identity(node, "RoleId", arn, policies, &account);
            identity.service_linked = identity.arn.contains(":role/aws-service-role/");
            if let Some(trust) = node.get(&self.findings.source.text.clone(), "AssumeRolePolicyDocument") {
                identity.trust = self.document(trust, &format!("{name}-trust"), PolicyKind::Trust, None);
            }
            self.world.account(&account).roles.insert(name, identity);
        }
    }

    /// Name, account and ARN of an entry.
    fn named(&mut self, node: &Node, field: &str) -> Option<(String, String, String)> {
        let (name, arn) = (self.text(node, field), self.text(node, "Arn"));
        let account = arn.as_deref().and_then(Arn::parse).map(|a| a.account.to_owned());
        let (Some(name), Some(arn), Some(account)) = (name, arn, account) else {
            self.findings.shape(node.span, format!("this entry has no `{field}` or no `Arn`"));
            return None;
        };
        self.world.account(&account).partial = true;
        Some((name, account, arn))
    }

    fn managed_policy(&mut self, node: &Node) {
        let Some((name, account, arn)) = self.policy_name(node) else { return };
        let default = self.text(node, "DefaultVersionId");
        let versions = self.list(node, "PolicyVersionList");
        let version = versions
            .iter()
            .find(|v| self.text(v, "VersionId") == default && default.is_some())
            .or_else(|| versions.iter().find(|v| self.text(v, "IsDefaultVersion").as_deref() == Some("true")));
        let source = self.findings.source.text.clone();
        let Some(document) = version.and_then(|v| v.get(&source, "Document")) else {
            self.findings.shape(node.span, format!("the policy `{name}` has no default version"));
            return;
        };
        let Some(policy) = self.document(document, &name, PolicyKind::Identity, None) else { return };
        if account == "aws" {
            self.keep_of_aws(node, arn, policy);
        } else {
            let mut managed = ManagedPolicy::new(arn, policy);
            managed.description = self.text(node, "Description");
            managed.tags = self.tags(node);
            self.versions(versions, default.as_deref(), &mut managed);
            self.keep(node, &account, name, managed);
        }
    }

    /// The versions beside the one in force.
    fn versions(&mut self, versions: &[Node], default: Option<&str>, policy: &mut ManagedPolicy) {
        let number = |id: &str| id.strip_prefix('v')?.parse().ok();
        policy.version = default.and_then(number).unwrap_or(policy.version);
        let source = self.findings.source.text.clone();
        for version in versions {
            let number = self.text(version, "VersionId").and_then(|id| number(&id));
            let Some(number) = number.filter(|n| *n != policy.version) else { continue };
            let Some(document) = version.get(&source, "Document") else { continue };
            let label = format!("{}:v{number}", policy.policy.name());
            if let Some(compiled) = self.document(document, &label, PolicyKind::Identity, None) {
                policy.others.insert(number, compiled);
            }
        }
    }

    fn tags(&self, node: &Node) -> Vec<(String, String)> {
        let tags = self.list(node, "Tags").iter();
        tags.filter_map(|t| Some((self.text(t, "Key")?, self.text(t, "Value")?))).collect()
    }

    fn policy_name(&mut self, node: &Node) -> Option<(String, String, String)> {
        let arn = self.text(node, "Arn")?;
        let account = Arn::parse(&arn)?.account.to_owned();
        Some((self.text(node, "PolicyName")?, account, arn))
    }

    fn identity(&mut self, node: &Node, id: &str, arn: String, policies: Vec<Attachment>, account: &str) -> Identity {
        let source = self.findings.source.text.clone();
        let boundary = node.get(&source, "PermissionsBoundary").and_then(|b| self.text(b, "PermissionsBoundaryArn"));
        Identity {
            id: self.text(node, id),
            tags: self.tags(node),
            description: self.text(node, "Description"),
            max_session_seconds: self.text(node, "MaxSessionDuration").and_then(|text| text.parse().ok()),
            boundary: boundary.map(|arn| self.managed(arn, account)),
            arn,
            policies,
            ..Identity::default()
        }
    }

    fn policies(&mut self, node: &Node, inline: &str, account: &str) -> Vec<Attachment> {
        let source = self.findings.source.text.clone();
        let mut list = Vec::new();
        for entry in self.list(node, inline) {
            let name = self.text(entry, "PolicyName").unwrap_or_default();
            if let Some(document) = entry.get(&source, "PolicyDocument") {
                list.extend(self.document(document, &name, PolicyKind::Identity, None).map(Attachment::Inline));
            }
        }
        for entry in self.list(node, "AttachedManagedPolicies") {
            list.extend(self.text(entry, "PolicyArn").map(|arn| Attachment::Managed(self.managed(arn, account))));
        }
        list
    }

    fn managed(&self, arn: String, account: &str) -> ManagedAttachment {
        let own = self.world.accounts.get(account).and_then(|a| a.policies.values().find(|p| p.arn == arn));
        let policy = own.map(|p| &p.policy).or_else(|| self.world.aws_policies.get(&arn)).cloned();
        ManagedAttachment { arn, policy }
    }

    /// Keeps a managed policy of an account; the files may have it more than once.
    fn keep(&mut self, node: &Node, account: &str, name: String, policy: ManagedPolicy) {
        let policies = &mut self.world.account(account).policies;
        match policies.get(&name) {
            Some(kept) if kept.arn != policy.arn || !same(&kept.policy, &policy.policy) => {
                self.differs(node, &policy.arn);
            }
            Some(_) => {}
            None => {
                policies.insert(name, policy);
            }
        }
    }

    fn keep_of_aws(&mut self, node: &Node, arn: String, policy: Arc<CompiledPolicy>) {
        match self.world.aws_policies.get(&arn) {
            Some(kept) if !same(kept, &policy) => self.differs(node, &arn),
            Some(_) => {}
            None => {
                self.world.aws_policies.insert(arn, policy);
            }
        }
    }

    /// Which of two documents holds would be a guess.
    fn differs(&mut self, node: &Node, arn: &str) {
        let message = format!("the files have another policy of this name than `{arn}`, or another document of it");
        self.findings.error(Code::DuplicateName, node.span, message);
    }

    fn organization(&mut self, node: &Node) {
        let management_account =
            self.text(node, "MasterAccountId").or_else(|| self.text(node, "ManagementAccountId")).unwrap_or_default();
        let id = self.text(node, "Id").unwrap_or_default();
        if id.is_empty() || management_account.is_empty() {
            self.findings.shape(node.span, "the organization has no `Id` or no `MasterAccountId`");
        }
        self.world.organization = Some(Organization { id, management_account, ..Organization::default() });
    }

    /// `{"Policy": "…"}`: a bucket policy or a key policy.
    fn attached_text(&mut self, node: &Node) {
        let Some(text) = node.as_str(&self.findings.source.text).map(str::to_owned) else {
            let message = "`Policy` must be the policy's text, as `get-bucket-policy` and `get-key-policy` give it";
            self.findings.shape(node.span, message);
            return;
        };
        let mut problems = Vec::new();
        let Some(root) = json::parse(&text, &mut problems) else {
            self.findings.extend(
                problems.into_iter().map(|p| crate::words::problem::Problem { span: node.span, ..p }).collect(),
            );
            return;
        };
        if is_key_policy(&root, &text) {
            self.key_policy(node);
        } else {
            let bucket = bucket_of(&root, &text);
            self.bucket_policy(node, bucket);
        }
    }

    fn bare_document(&mut self, root: &Node) {
        let source = self.findings.source.text.clone();
        let stem = file_stem(&self.findings.source.name);
        let statements = root.get(&source, "Statement").map(Node::one_or_many).unwrap_or_default();
        let has = |name: &str| statements.iter().any(|s| s.get(&source, name).is_some());
        if !has("Principal") && !has("NotPrincipal") {
            if let Some(policy) = self.document(root, &stem, PolicyKind::Identity, None) {
                let account = self.owner();
                let arn = format!("arn:aws:iam::{account}:policy/{stem}");
                self.keep(root, &account, stem, ManagedPolicy::new(arn, policy));
            }
        } else if is_key_policy(root, &source) {
            self.key_policy(root);
        } else {
            let bucket = bucket_of(root, &source);
            self.bucket_policy(root, bucket);
        }
    }

    fn bucket_policy(&mut self, node: &Node, named: Option<String>) {
        let bucket = named.unwrap_or_else(|| self.bucket_of_file());
        if let Some(policy) = self.document(node, &format!("{bucket}-bucket"), PolicyKind::Bucket, Some(&bucket)) {
            let alone = PolicyDocument::parse("", &policy.source().text, &LoadOptions::new(PolicyKind::Bucket));
            let entry = self.bucket_named(&bucket);
            entry.policy_text = alone.ok().map(|document| document.print());
            entry.policy = LayerState::Given(policy);
        }
    }

    fn key_policy(&mut self, node: &Node) {
        let id = file_stem(&self.findings.source.name);
        if let Some(policy) = self.document(node, &format!("{id}-key"), PolicyKind::Key, None) {
            let account = self.owner();
            let unknown = KeyEntry { grants: LayerState::Unknown, ..KeyEntry::default() };
            let entry = self.world.account(&account).keys.entry(id).or_insert(unknown);
            let alone =
                PolicyDocument::parse("policy", policy.text(policy.document()), &LoadOptions::new(PolicyKind::Key));
            entry.policy_text = alone.ok().map(|document| document.print());
            entry.policy = LayerState::Given(policy);
        }
    }

    fn ownership(&mut self, controls: &Node) {
        let source = self.findings.source.text.clone();
        let rule = self.list(controls, "Rules").first().and_then(|r| r.get(&source, "ObjectOwnership"));
        match rule {
            Some(rule) => {
                let ownership = settings::ownership(self.findings, rule);
                self.bucket().ownership = Some(ownership);
            }
            None => self.findings.shape(controls.span, "the ownership controls have no rule"),
        }
    }

    /// `aws kms list-grants`.
    fn key_grants(&mut self, node: &Node) {
        let source = self.findings.source.text.clone();
        let mut by_key: BTreeMap<String, Vec<KeyGrant>> = BTreeMap::new();
        for entry in node.items().unwrap_or_default() {
            let key = self.text(entry, "KeyId").unwrap_or_default();
            let id = key.rsplit('/').next().unwrap_or_default().to_owned();
            by_key.entry(id).or_default().push(settings::aws_key_grant(self.findings, entry, &source));
        }
        let account = self.owner();
        for (id, grants) in by_key {
            let unknown = KeyEntry { policy: LayerState::Unknown, ..KeyEntry::default() };
            self.world.account(&account).keys.entry(id).or_insert(unknown).grants = LayerState::Given(grants);
        }
    }

    /// The bucket that the file's name names: `reports.acl.json` is about `reports`, `a.b.acl.json` about `a.b`.
    fn bucket(&mut self) -> &mut BucketEntry {
        let name = self.bucket_of_file();
        self.bucket_named(&name)
    }

    fn bucket_of_file(&self) -> String {
        let file = self.findings.source.name.rsplit(['/', '\\']).next().unwrap_or_default();
        let base = [".json", ".yaml", ".yml"].iter().find_map(|e| file.strip_suffix(e)).unwrap_or(file);
        let known = self.world.accounts.values().flat_map(|a| a.buckets.keys());
        let named =
            |bucket: &&String| base.strip_prefix(bucket.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('.'));
        if let Some(longest) = known.filter(named).max_by_key(|bucket| bucket.len()) {
            return longest.clone();
        }
        let about = ["acl", "policy", "pab", "public-access-block", "ownership", "ownership-controls"];
        match base.rsplit_once('.') {
            Some((bucket, last)) if about.contains(&last) => bucket.to_owned(),
            _ => base.to_owned(),
        }
    }

    fn bucket_named(&mut self, name: &str) -> &mut BucketEntry {
        let known = self.world.bucket(name).map(|(account, _)| account.id.clone());
        let owner = known.unwrap_or_else(|| self.owner());
        self.world.account(&owner).buckets.entry(name.to_owned()).or_insert_with(|| BucketEntry {
            policy: LayerState::Unknown,
            acl: LayerState::Unknown,
            public_access_block: LayerState::Unknown,
            ..BucketEntry::default()
        })
    }

    /// The only account, or a made-up one where there is none. Of several it would be a guess.
    fn owner(&mut self) -> String {
        let mut ids = self.world.accounts.keys();
        match (ids.next(), ids.next()) {
            (Some(only), None) => only.clone(),
            (None, _) => {
                self.world.account(NOBODY).partial = true;
                NOBODY.to_owned()
            }
            (Some(first), Some(_)) => {
                let first = first.clone();
                let message = "the world has several accounts, and nothing says whose this is; list the bucket or key \
                               under its account in a world file";
                self.findings.error(Code::Unrecognised, Span::new(0, 1), message);
                first
            }
        }
    }
}

/// Whether two policies are the same document, but for how it is written.
fn same(a: &CompiledPolicy, b: &CompiledPolicy) -> bool {
    let as_written = |policy: &CompiledPolicy| policy.document().of(&policy.source().text).to_owned();
    let printed = |text: &str| PolicyDocument::parse("policy", text, &LoadOptions::new(PolicyKind::Identity)).ok();
    let (a, b) = (as_written(a), as_written(b));
    a == b || printed(&a).zip(printed(&b)).is_some_and(|(a, b)| a.print() == b.print())
}

fn is_key_grants(grants: &Node, source: &str) -> bool {
    grants.items().is_some_and(|list| list.iter().any(|g| g.get(source, "GranteePrincipal").is_some()))
}

fn is_key_policy(root: &Node, source: &str) -> bool {
    let statements = root.get(source, "Statement").map(Node::one_or_many).unwrap_or_default();
    let actions = statements.iter().filter_map(|s| s.get(source, "Action")).flat_map(Node::one_or_many);
    actions.filter_map(|a| a.as_str(source)).any(|a| a.to_ascii_lowercase().starts_with("kms:"))
}

/// The one bucket that all resources of a policy lie in.
fn bucket_of(root: &Node, source: &str) -> Option<String> {
    let statements = root.get(source, "Statement").map(Node::one_or_many).unwrap_or_default();
    let resources =
        statements.iter().filter_map(|s| s.get(source, "Resource").or_else(|| s.get(source, "NotResource")));
    let mut names = resources.flat_map(Node::one_or_many).filter_map(|r| {
        let path = r.as_str(source)?.split_once(":s3:::")?.1;
        path.split('/').next().filter(|name| !name.contains(['*', '?'])).map(str::to_owned)
    });
    let first = names.next()?;
    names.all(|name| name == first).then_some(first)
}
