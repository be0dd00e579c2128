//! The native world file.

use super::{
    AccessKey, Attachment, BucketEntry, ControlLevels, Credentials, EndpointEntry, Group, Identity, KeyEntry,
    LoadContext, ManagedAttachment, ManagedPolicy, OidcProvider, Organization, World, compiled,
};
use crate::compiled::CompiledPolicy;
use crate::decision::{LayerState, PolicySet};
use crate::policy::acl::{ObjectOwnership, PublicAccessBlock};
use crate::policy::{LoadOptions, PolicyDocument, PolicyKind};
use crate::simulate::reader::{Fields, Findings};
use crate::simulate::scenario::OwnedObject;
use crate::simulate::settings;
use crate::words::codes::Code;
use crate::words::ids::AccountId;
use crate::words::json::Node;
use crate::words::problem::Problems;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn recognises(root: &Node, source: &str) -> bool {
    root.get(source, "version").is_some() && root.get(source, "Statement").is_none()
}

pub(super) fn load(world: &mut World, root: &Node, findings: &mut Findings, context: &mut LoadContext<'_>) {
    let mut fields = findings.fields(root, "a world file");
    if let Some(version) = fields.need(findings, "version")
        && findings.scalar(version, "`version`").is_some_and(|v| v != "1")
    {
        findings.shape(version.span, "only version 1 of the world format is known");
    }
    if let Some(region) = fields.string(findings, "region") {
        world.region = Some(region);
    }
    let given = fields.take(findings, "bucket_defaults");
    let defaults = bucket_defaults(findings, given);
    if given.is_some() {
        world.bucket_defaults = Some(defaults);
    }
    let organization = fields.take(findings, "organization");
    let accounts = fields.items(findings, "accounts");
    fields.finish(findings, "a world file");
    let mut loader = Loader { findings, context, defaults };
    for node in accounts {
        loader.account(world, node);
    }
    if let Some(node) = organization {
        let organization = loader.organization(node);
        world.organization = Some(organization);
    }
}

fn bucket_defaults(findings: &mut Findings, node: Option<&Node>) -> (ObjectOwnership, PublicAccessBlock) {
    let mut defaults = (ObjectOwnership::BucketOwnerEnforced, PublicAccessBlock::ALL);
    if let Some(node) = node {
        let mut fields = findings.fields(node, "`bucket_defaults`");
        if let Some(node) = fields.take(findings, "object_ownership") {
            defaults.0 = settings::ownership(findings, node);
        }
        if let Some(node) = fields.take(findings, "public_access_block") {
            defaults.1 = settings::public_access_block(findings, node);
        }
        fields.finish(findings, "`bucket_defaults`");
    }
    defaults
}

pub(super) struct Loader<'l, 'c> {
    pub(super) findings: &'l mut Findings,
    pub(super) context: &'l mut LoadContext<'c>,
    defaults: (ObjectOwnership, PublicAccessBlock),
}

/// Reports a name that is taken.
pub(super) fn insert<T>(
    findings: &mut Findings,
    map: &mut BTreeMap<String, T>,
    node: &Node,
    what: &str,
    name: &str,
    value: T,
) {
    if map.insert(name.to_owned(), value).is_some() {
        findings.error(Code::DuplicateName, node.span, format!("there are two {what} named `{name}`"));
    }
}

impl Loader<'_, '_> {
    /// A field that names something: a string that is not empty and has no control characters.
    pub(super) fn name(&mut self, fields: &mut Fields<'_>, field: &str) -> String {
        let Some(node) = fields.need(self.findings, field) else { return String::new() };
        let name = self.findings.string(node, &format!("`{field}`")).unwrap_or_default();
        if name.is_empty() || name.contains(char::is_control) {
            self.findings.error(
                Code::InvalidValue,
                node.span,
                format!("`{field}` cannot be empty or have control characters"),
            );
        }
        name
    }

    /// A DOC: a policy document in place, or the path of one.
    fn document(
        &mut self,
        node: &Node,
        name: &str,
        kind: PolicyKind,
        bucket: Option<&str>,
    ) -> Option<Arc<CompiledPolicy>> {
        let document = self.parsed(node, kind, bucket)?;
        compiled(self.findings, document, name)
    }

    fn parsed(
        &mut self,
        node: &Node,
        kind: PolicyKind,
        bucket: Option<&str>,
    ) -> Option<Result<PolicyDocument, Problems>> {
        let options = LoadOptions { strict: self.context.strict, bucket, ..LoadOptions::new(kind) };
        let Some(path) = node.as_str(&self.findings.source.text).map(str::to_owned) else {
            return Some(PolicyDocument::from_node(self.findings.source.clone(), node, &options));
        };
        match (self.context.read)(&self.findings.source, &path) {
            Ok(source) => Some(PolicyDocument::parse(&source.name, &source.text, &options)),
            Err(message) => {
                self.findings.error(Code::DanglingReference, node.span, format!("`{path}`: {message}"));
                None
            }
        }
    }

    fn account(&mut self, world: &mut World, node: &Node) {
        let mut fields = self.findings.fields(node, "an account");
        let id = fields.scalar(self.findings, "id").unwrap_or_default();
        if AccountId::parse(&id).is_none() {
            self.findings.error(Code::InvalidValue, node.span, format!("`{id}` is not an account id of twelve digits"));
            return;
        }
        if world.accounts.contains_key(&id) {
            self.findings.error(Code::DuplicateName, node.span, format!("the account `{id}` is there twice"));
            return;
        }
        let taken: Vec<String> = world.accounts.values().flat_map(|a| a.buckets.keys().cloned()).collect();
        let policies = fields.items(self.findings, "policies");
        let groups = fields.items(self.findings, "groups");
        let account = world.account(&id);
        account.name = fields.string(self.findings, "name");
        if let Some(canonical) = fields.string(self.findings, "canonical_id") {
            account.canonical_id = canonical;
        }
        account.display_name = fields.string(self.findings, "display_name");
        account.email = fields.string(self.findings, "email");
        let block = fields.take(self.findings, "public_access_block");
        account.public_access_block = block.map(|n| settings::public_access_block(self.findings, n)).into();
        if let Some(root) = fields.take(self.findings, "root") {
            let mut inner = self.findings.fields(root, "`root`");
            account.root = self.credentials(&mut inner);
            inner.finish(self.findings, "`root`");
        }
        for policy in policies {
            self.managed(account, policy);
        }
        for group in groups {
            let mut inner = self.findings.fields(group, "a group");
            let (name, path) = (self.name(&mut inner, "name"), self.path(&mut inner));
            let policies = self.attachments(account, &mut inner);
            inner.finish(self.findings, "a group");
            let arn = format!("arn:aws:iam::{}:group{path}{name}", account.id);
            insert(self.findings, &mut account.groups, group, "groups", &name, Group { arn, policies });
        }
        for user in fields.items(self.findings, "users") {
            let (name, identity) = self.identity(account, user, "user");
            insert(self.findings, &mut account.users, user, "users", &name, identity);
        }
        for role in fields.items(self.findings, "roles") {
            let (name, identity) = self.identity(account, role, "role");
            insert(self.findings, &mut account.roles, role, "roles", &name, identity);
        }
        for bucket in fields.items(self.findings, "buckets") {
            let (name, entry) = self.bucket(bucket);
            if taken.contains(&name) {
                let message = format!("another account has the bucket `{name}`: names are unique over all accounts");
                self.findings.error(Code::DuplicateName, bucket.span, message);
            }
            insert(self.findings, &mut account.buckets, bucket, "buckets", &name, entry);
        }
        for key in fields.items(self.findings, "keys") {
            let (name, entry) = self.key(key);
            insert(self.findings, &mut account.keys, key, "keys", &name, entry);
        }
        for provider in fields.items(self.findings, "oidc_providers") {
            let (url, entry) = self.oidc_provider(provider);
            insert(self.findings, &mut account.oidc_providers, provider, "identity providers", &url, entry);
        }
        for endpoint in fields.items(self.findings, "vpc_endpoints") {
            let mut inner = self.findings.fields(endpoint, "a VPC endpoint");
            let id = self.name(&mut inner, "id");
            let vpc = inner.string(self.findings, "vpc");
            let policy = inner.take(self.findings, "policy");
            let policy = policy.and_then(|n| self.document(n, &id, PolicyKind::VpcEndpoint, None));
            inner.finish(self.findings, "a VPC endpoint");
            insert(
                self.findings,
                &mut account.vpc_endpoints,
                endpoint,
                "VPC endpoints",
                &id,
                EndpointEntry { vpc, policy },
            );
        }
        self.cloudfront(account, &mut fields);
        fields.finish(self.findings, "an account");
    }

    fn credentials(&mut self, fields: &mut Fields<'_>) -> Credentials {
        let mut credentials = Credentials::default();
        for node in fields.items(self.findings, "access_keys") {
            let mut inner = self.findings.fields(node, "an access key");
            let (id, secret) = (self.name(&mut inner, "id"), self.name(&mut inner, "secret"));
            let status = inner.string(self.findings, "status").unwrap_or_else(|| "Active".to_owned());
            if !matches!(status.as_str(), "Active" | "Inactive") {
                self.findings.error(Code::InvalidValue, node.span, format!("`{status}` is not `Active` or `Inactive`"));
            }
            inner.finish(self.findings, "an access key");
            credentials.access_keys.push(AccessKey { id, secret, active: status == "Active" });
        }
        for node in fields.items(self.findings, "mfa") {
            let mut inner = self.findings.fields(node, "an MFA device");
            credentials.mfa.push((self.name(&mut inner, "serial"), self.name(&mut inner, "secret_base32")));
            inner.finish(self.findings, "an MFA device");
        }
        credentials
    }

    fn managed(&mut self, account: &mut super::Account, node: &Node) {
        let mut fields = self.findings.fields(node, "a policy");
        let name = self.name(&mut fields, "name");
        let path = self.path(&mut fields);
        let document = fields.need(self.findings, "document");
        let description = fields.string(self.findings, "description");
        let tags = self.tags(&mut fields);
        let version = fields.take(self.findings, "version").map_or(1, |n| self.version(n));
        let others = self.other_versions(&name, version, &mut fields);
        fields.finish(self.findings, "a policy");
        let Some(policy) = document.and_then(|n| self.document(n, &name, PolicyKind::Identity, None)) else { return };
        let arn = format!("arn:aws:iam::{}:policy{path}{name}", account.id);
        let managed = ManagedPolicy { arn, policy, version, others, description, tags };
        insert(self.findings, &mut account.policies, node, "policies", &name, managed);
    }

    /// `other_versions`: those beside the one in force.
    fn other_versions(
        &mut self,
        name: &str,
        in_force: u32,
        fields: &mut Fields<'_>,
    ) -> BTreeMap<u32, Arc<CompiledPolicy>> {
        let mut others = BTreeMap::new();
        for node in fields.items(self.findings, "other_versions") {
            let mut inner = self.findings.fields(node, "a version");
            let number = inner.need(self.findings, "version").map_or(0, |n| self.version(n));
            let document = inner.need(self.findings, "document");
            inner.finish(self.findings, "a version");
            let label = format!("{name}:v{number}");
            let Some(document) = document.and_then(|n| self.document(n, &label, PolicyKind::Identity, None)) else {
                continue;
            };
            if number == in_force || others.insert(number, document).is_some() {
                let message = format!("the policy `{name}` has the version `v{number}` twice");
                self.findings.error(Code::DuplicateName, node.span, message);
            }
        }
        others
    }

    /// The number of a version: `v2` is 2.
    fn version(&mut self, node: &Node) -> u32 {
        let text = self.findings.string(node, "a version").unwrap_or_default();
        let number = text.strip_prefix('v').and_then(|digits| digits.parse().ok()).filter(|n| *n > 0);
        number.unwrap_or_else(|| {
            let message = format!("`{text}` is not a version such as `v1`");
            self.findings.error(Code::InvalidValue, node.span, message);
            1
        })
    }

    fn tags(&mut self, fields: &mut Fields<'_>) -> Vec<(String, String)> {
        fields.take(self.findings, "tags").map(|n| self.findings.pairs(n, "`tags`")).unwrap_or_default()
    }

    /// `path`: `/`, or text between two of them.
    fn path(&mut self, fields: &mut Fields<'_>) -> String {
        let Some(node) = fields.take(self.findings, "path") else { return "/".to_owned() };
        let path = self.findings.string(node, "`path`").unwrap_or_default();
        if !path.starts_with('/') || !path.ends_with('/') {
            let message = format!("the path `{path}` must begin and end with `/`");
            self.findings.error(Code::InvalidValue, node.span, message);
        }
        path
    }

    fn oidc_provider(&mut self, node: &Node) -> (String, OidcProvider) {
        let mut fields = self.findings.fields(node, "an identity provider");
        let url = self.name(&mut fields, "url");
        let mut strings = |field: &str| {
            fields.take(self.findings, field).map(|n| self.findings.strings(n, field)).unwrap_or_default()
        };
        let (client_ids, thumbprints) = (strings("client_ids"), strings("thumbprints"));
        let tags = self.tags(&mut fields);
        fields.finish(self.findings, "an identity provider");
        let url = url.strip_prefix("https://").unwrap_or(&url).trim_end_matches('/').to_owned();
        (url, OidcProvider { client_ids, thumbprints, tags })
    }

    /// `inline` and `attached`.
    fn attachments(&mut self, account: &super::Account, fields: &mut Fields<'_>) -> Vec<Attachment> {
        let mut list = Vec::new();
        for node in fields.items(self.findings, "inline") {
            let mut inner = self.findings.fields(node, "an inline policy");
            let name = self.name(&mut inner, "name");
            let document = inner.need(self.findings, "document");
            inner.finish(self.findings, "an inline policy");
            list.extend(
                document.and_then(|n| self.document(n, &name, PolicyKind::Identity, None)).map(Attachment::Inline),
            );
        }
        for node in fields.items(self.findings, "attached") {
            list.extend(self.attached(account, node).map(Attachment::Managed));
        }
        list
    }

    /// A managed policy by its name in the account, or by ARN.
    fn attached(&mut self, account: &super::Account, node: &Node) -> Option<ManagedAttachment> {
        let name = self.findings.string(node, "an attached policy")?;
        let found = account.policies.get(&name).or_else(|| account.policies.values().find(|p| p.arn == name));
        if let Some(found) = found {
            return Some(ManagedAttachment { arn: found.arn.clone(), policy: Some(found.policy.clone()) });
        }
        if name.starts_with("arn:aws:iam::aws:policy/") {
            return Some(ManagedAttachment { arn: name, policy: None });
        }
        let message = format!("the account `{}` has no policy `{name}`", account.id);
        self.findings.error(Code::DanglingReference, node.span, message);
        None
    }

    fn identity(&mut self, account: &super::Account, node: &Node, kind: &str) -> (String, Identity) {
        let mut fields = self.findings.fields(node, &format!("a {kind}"));
        let name = self.name(&mut fields, "name");
        let path = self.path(&mut fields);
        let mut identity = Identity {
            arn: format!("arn:aws:iam::{}:{kind}{path}{name}", account.id),
            id: fields.string(self.findings, "id"),
            ..Identity::default()
        };
        identity.tags = self.tags(&mut fields);
        identity.policies = self.attachments(account, &mut fields);
        if let Some(boundary) = fields.take(self.findings, "boundary") {
            identity.boundary = self.attached(account, boundary);
        }
        if kind == "user" {
            for node in fields.items(self.findings, "groups") {
                let Some(group) = self.findings.string(node, "a group") else { continue };
                if !account.groups.contains_key(&group) {
                    let message = format!("the account `{}` has no group `{group}`", account.id);
                    self.findings.error(Code::DanglingReference, node.span, message);
                }
                identity.groups.push(group);
            }
            identity.credentials = self.credentials(&mut fields);
        } else {
            let trust = fields.take(self.findings, "trust");
            identity.trust = trust.and_then(|n| self.document(n, &format!("{name}-trust"), PolicyKind::Trust, None));
            identity.description = fields.string(self.findings, "description");
            identity.service_linked =
                fields.bool(self.findings, "service_linked").unwrap_or(path.starts_with("/aws-service-role/"));
            let seconds = fields.scalar(self.findings, "max_session_seconds");
            identity.max_session_seconds = seconds.and_then(|text| {
                let seconds = text.parse().ok().filter(|s| (3_600..=43_200).contains(s));
                if seconds.is_none() {
                    let message =
                        format!("`max_session_seconds` is {text}; a role's sessions last 3600 to 43200 seconds");
                    self.findings.error(Code::InvalidValue, node.span, message);
                }
                seconds
            });
        }
        fields.finish(self.findings, &format!("a {kind}"));
        (name, identity)
    }

    fn bucket(&mut self, node: &Node) -> (String, BucketEntry) {
        let mut fields = self.findings.fields(node, "a bucket");
        let name = self.name(&mut fields, "name");
        let mut entry = BucketEntry {
            region: fields.string(self.findings, "region"),
            ownership: Some(self.defaults.0),
            public_access_block: LayerState::Given(self.defaults.1),
            ..BucketEntry::default()
        };
        let policy = fields.take(self.findings, "policy");
        let document = policy.and_then(|n| self.parsed(n, PolicyKind::Bucket, Some(&name)));
        entry.policy_text = document.as_ref().and_then(|d| d.as_ref().ok()).map(PolicyDocument::print);
        entry.policy = document.and_then(|d| compiled(self.findings, d, &format!("{name}-bucket"))).into();
        entry.acl = fields.take(self.findings, "acl").map(|n| settings::acl(self.findings, n)).into();
        if let Some(node) = fields.take(self.findings, "object_ownership") {
            entry.ownership = Some(settings::ownership(self.findings, node));
        }
        if let Some(node) = fields.take(self.findings, "public_access_block") {
            entry.public_access_block = LayerState::Given(settings::public_access_block(self.findings, node));
        }
        for object in fields.items(self.findings, "objects") {
            let mut inner = self.findings.fields(object, "an object");
            let key = self.name(&mut inner, "key");
            let value = OwnedObject {
                owner_canonical: inner.string(self.findings, "owner"),
                acl: inner.take(self.findings, "acl").map(|n| settings::acl(self.findings, n)),
                tags: inner.take(self.findings, "tags").map(|n| self.findings.pairs(n, "`tags`")).unwrap_or_default(),
            };
            inner.finish(self.findings, "an object");
            insert(self.findings, &mut entry.objects, object, "objects", &key, value);
        }
        fields.finish(self.findings, "a bucket");
        (name, entry)
    }

    fn key(&mut self, node: &Node) -> (String, KeyEntry) {
        let mut fields = self.findings.fields(node, "a KMS key");
        let id = self.name(&mut fields, "id");
        let alias = fields.string(self.findings, "alias");
        if let Some(alias) = alias.as_deref().filter(|a| !a.starts_with("alias/")) {
            self.findings.error(Code::InvalidValue, node.span, format!("the alias `{alias}` must start with `alias/`"));
        }
        let label = alias.as_deref().map_or(&*id, |a| a.trim_start_matches("alias/"));
        let label = format!("{label}-key");
        let policy = fields.take(self.findings, "policy");
        let document = policy.and_then(|n| self.parsed(n, PolicyKind::Key, None));
        let policy_text = document.as_ref().and_then(|d| d.as_ref().ok()).map(PolicyDocument::print);
        let entry = KeyEntry {
            region: fields.string(self.findings, "region"),
            policy: document.and_then(|d| compiled(self.findings, d, &label)).into(),
            policy_text,
            grants: fields.take(self.findings, "grants").map(|n| settings::key_grants(self.findings, n)).into(),
            alias,
        };
        fields.finish(self.findings, "a KMS key");
        (id, entry)
    }

    fn organization(&mut self, node: &Node) -> Organization {
        let mut fields = self.findings.fields(node, "`organization`");
        let mut organization = Organization {
            id: self.name(&mut fields, "id"),
            management_account: fields.scalar(self.findings, "management_account").unwrap_or_default(),
            complete: true,
            ..Organization::default()
        };
        if AccountId::parse(&organization.management_account).is_none() {
            let message = format!("`management_account` is `{}`, not twelve digits", organization.management_account);
            self.findings.error(Code::InvalidValue, node.span, message);
        }
        let mut own: BTreeMap<String, (Vec<PolicySet>, Vec<PolicySet>)> = BTreeMap::new();
        for (field, scp) in [("account_scp", true), ("account_rcp", false)] {
            let Some(node) = fields.take(self.findings, field) else { continue };
            let mut inner = self.findings.fields(node, &format!("`{field}`"));
            for (account, documents) in inner.rest(self.findings) {
                let set = self.control_set(documents, field, scp);
                let entry = own.entry(account).or_default();
                if scp { entry.0.push(set) } else { entry.1.push(set) }
            }
        }
        if let Some(root) = fields.need(self.findings, "root") {
            self.unit(root, "root", &ControlLevels::default(), &mut organization);
        }
        fields.finish(self.findings, "`organization`");
        for (account, (scp, rcp)) in own {
            let Some(levels) = organization.levels.get_mut(&account) else {
                let message = format!("`{account}` is not an account of the organization's tree");
                self.findings.error(Code::DanglingReference, node.span, message);
                continue;
            };
            if !scp.is_empty() {
                levels.names.push("account".to_owned());
            }
            levels.service_control.extend(scp);
            levels.resource_control.extend(rcp);
        }
        organization
    }

    fn control_set(&mut self, node: &Node, name: &str, scp: bool) -> PolicySet {
        let kind = if scp { PolicyKind::ServiceControl } else { PolicyKind::ResourceControl };
        let documents = self.findings.items(node, &format!("`{name}`"));
        let compiled = documents.iter().enumerate().filter_map(|(i, n)| {
            let stem = n.as_str(&self.findings.source.text).map(file_stem);
            let label = stem.unwrap_or_else(|| format!("{name} {}", i + 1));
            self.document(n, &label, kind, None)
        });
        PolicySet::new(compiled.collect())
    }

    /// A level without a list attaches nothing of that kind: for service control policies AWS's full access.
    fn unit(&mut self, node: &Node, name: &str, above: &ControlLevels, organization: &mut Organization) {
        let mut fields = self.findings.fields(node, "a unit");
        let label = fields.string(self.findings, "name").unwrap_or_else(|| name.to_owned());
        let mut levels = above.clone();
        if let Some(scp) = fields.take(self.findings, "scp") {
            levels.service_control.push(self.control_set(scp, &format!("{label} scp"), true));
            levels.names.push(label.clone());
        }
        if let Some(rcp) = fields.take(self.findings, "rcp") {
            levels.resource_control.push(self.control_set(rcp, &format!("{label} rcp"), false));
        }
        for account in fields.items(self.findings, "accounts") {
            let Some(id) = self.findings.scalar(account, "an account id") else { continue };
            if organization.levels.insert(id.clone(), levels.clone()).is_some() {
                let message = format!("the account `{id}` stands twice in the organization's tree");
                self.findings.error(Code::DuplicateName, account.span, message);
            }
        }
        for unit in fields.items(self.findings, "units") {
            self.unit(unit, "unit", &levels, organization);
        }
        fields.finish(self.findings, "a unit");
    }
}

/// `policies/read-reports.json` becomes `read-reports`.
pub(super) fn file_stem(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.split('.').next().unwrap_or(name).to_owned()
}
