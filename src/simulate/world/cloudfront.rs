//! CloudFront in the world: origin access identities and controls, public keys, key groups, distributions.
//!
//! A distribution's configuration is AWS's own `DistributionConfig` in JSON. What decisions need of it is read here,
//! in whose name each origin is asked; the server that the world seeds reads all of it, and refuses what it cannot do.

use super::native::Loader;
use super::resolve::{Answer, AskError, refuse};
use super::who::Who;
use super::{Account, World};
use crate::simulate::actions;
use crate::simulate::reader::Findings;
use crate::words::arn::Arn;
use crate::words::codes::Code;
use crate::words::json::Node;
use crate::words::problem::Source;
use std::collections::BTreeMap;

/// CloudFront's things of one account.
#[derive(Clone, Debug, Default)]
pub struct CloudFrontEntries {
    /// Origin access controls by id.
    pub controls: BTreeMap<String, ControlEntry>,
    /// Public keys by id.
    pub public_keys: BTreeMap<String, PublicKeyEntry>,
    /// Key groups by id.
    pub key_groups: BTreeMap<String, KeyGroupEntry>,
    /// Distributions by id.
    pub distributions: BTreeMap<String, DistributionEntry>,
}

/// An origin access control.
#[derive(Clone, Debug, Default)]
pub struct ControlEntry {
    /// Its name.
    pub name: String,
    /// A text for people.
    pub description: String,
    /// `always`, `never` or `no-override`.
    pub signing: String,
}

/// A public key for viewers' signatures.
#[derive(Clone, Debug, Default)]
pub struct PublicKeyEntry {
    /// Its name.
    pub name: String,
    /// The key in PEM.
    pub pem: String,
    /// A text for people.
    pub comment: String,
}

/// A key group.
#[derive(Clone, Debug, Default)]
pub struct KeyGroupEntry {
    /// Its name.
    pub name: String,
    /// The ids of its public keys.
    pub keys: Vec<String>,
    /// A text for people.
    pub comment: String,
}

/// A distribution.
#[derive(Clone, Debug, Default)]
pub struct DistributionEntry {
    /// Its own host.
    pub domain_name: Option<String>,
    /// Its configuration, AWS's `DistributionConfig` in JSON; `None`: only its id is known.
    pub config: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Its origins; `None`: they were not given.
    pub origins: Option<Vec<OriginEntry>>,
}

/// An origin of a distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginEntry {
    /// Its domain name.
    pub domain_name: String,
    /// In whose name it is asked.
    pub access: OriginAs,
}

/// In whose name an origin is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginAs {
    /// Nobody's.
    Anonymous,
    /// This origin access identity's.
    Identity(String),
    /// The service's, as this origin access control says.
    Control(String),
}

// ---- world files ----

impl Loader<'_, '_> {
    /// The lists of an account that are CloudFront's.
    pub(super) fn cloudfront(&mut self, account: &mut Account, fields: &mut crate::simulate::reader::Fields<'_>) {
        for node in fields.items(self.findings, "origin_access_identities") {
            let mut inner = self.findings.fields(node, "an origin access identity");
            let id = self.name(&mut inner, "id");
            let canonical = inner.string(self.findings, "canonical_user");
            inner.finish(self.findings, "an origin access identity");
            let known = &mut account.origin_access_identities;
            super::native::insert(self.findings, known, node, "origin access identities", &id, canonical);
        }
        for node in fields.items(self.findings, "origin_access_controls") {
            let (id, entry) = self.control(node);
            let known = &mut account.cloudfront.controls;
            super::native::insert(self.findings, known, node, "origin access controls", &id, entry);
        }
        for node in fields.items(self.findings, "public_keys") {
            let (id, entry) = self.public_key(node);
            super::native::insert(self.findings, &mut account.cloudfront.public_keys, node, "public keys", &id, entry);
        }
        for node in fields.items(self.findings, "key_groups") {
            let (id, entry) = self.key_group(account, node);
            super::native::insert(self.findings, &mut account.cloudfront.key_groups, node, "key groups", &id, entry);
        }
        for node in fields.items(self.findings, "distributions") {
            let (id, entry) = self.distribution(account, node);
            let known = &mut account.cloudfront.distributions;
            super::native::insert(self.findings, known, node, "distributions", &id, entry);
        }
    }

    fn control(&mut self, node: &Node) -> (String, ControlEntry) {
        let mut fields = self.findings.fields(node, "an origin access control");
        let id = self.name(&mut fields, "id");
        let signing = fields.string(self.findings, "signing_behavior").unwrap_or_else(|| "always".to_owned());
        if !matches!(signing.as_str(), "always" | "never" | "no-override") {
            let message = format!("`signing_behavior` is `{signing}`; it can be `always`, `never` or `no-override`");
            self.findings.error(Code::InvalidValue, node.span, message);
        }
        let entry = ControlEntry {
            name: fields.string(self.findings, "name").unwrap_or_else(|| id.clone()),
            description: fields.string(self.findings, "description").unwrap_or_default(),
            signing,
        };
        fields.finish(self.findings, "an origin access control");
        (id, entry)
    }

    fn public_key(&mut self, node: &Node) -> (String, PublicKeyEntry) {
        let mut fields = self.findings.fields(node, "a public key");
        let id = self.name(&mut fields, "id");
        let pem = match fields.need(self.findings, "pem") {
            Some(node) => self.findings.string(node, "`pem`").map(|text| (node, text)),
            None => None,
        };
        let pem = pem.and_then(|(node, text)| {
            if text.trim_start().starts_with("-----BEGIN") {
                return Some(text);
            }
            self.referred(node, &text).map(|source| source.text.to_string())
        });
        let entry = PublicKeyEntry {
            name: fields.string(self.findings, "name").unwrap_or_else(|| id.clone()),
            pem: pem.unwrap_or_default(),
            comment: fields.string(self.findings, "comment").unwrap_or_default(),
        };
        fields.finish(self.findings, "a public key");
        (id, entry)
    }

    fn key_group(&mut self, account: &Account, node: &Node) -> (String, KeyGroupEntry) {
        let mut fields = self.findings.fields(node, "a key group");
        let id = self.name(&mut fields, "id");
        let mut keys = Vec::new();
        for node in fields.items(self.findings, "keys") {
            let Some(key) = self.findings.string(node, "a public key") else { continue };
            let known = &account.cloudfront.public_keys;
            let found = known.iter().find(|(id, entry)| **id == key || entry.name == key);
            match found {
                Some((id, _)) => keys.push(id.clone()),
                None => {
                    let message = format!("the account `{}` has no public key `{key}`", account.id);
                    self.findings.error(Code::DanglingReference, node.span, message);
                }
            }
        }
        let entry = KeyGroupEntry {
            name: fields.string(self.findings, "name").unwrap_or_else(|| id.clone()),
            keys,
            comment: fields.string(self.findings, "comment").unwrap_or_default(),
        };
        fields.finish(self.findings, "a key group");
        (id, entry)
    }

    fn distribution(&mut self, account: &Account, node: &Node) -> (String, DistributionEntry) {
        let mut fields = self.findings.fields(node, "a distribution");
        let id = self.name(&mut fields, "id");
        let mut entry = DistributionEntry {
            domain_name: fields.string(self.findings, "domain_name"),
            tags: fields.take(self.findings, "tags").map(|n| self.findings.pairs(n, "`tags`")).unwrap_or_default(),
            ..DistributionEntry::default()
        };
        if let Some(config) = fields.take(self.findings, "config") {
            self.config(config, &mut entry);
        }
        fields.finish(self.findings, "a distribution");
        for origin in entry.origins.iter().flatten() {
            let (known, what, id) = match &origin.access {
                OriginAs::Anonymous => continue,
                OriginAs::Identity(id) => {
                    (account.origin_access_identities.contains_key(id), "origin access identity", id)
                }
                OriginAs::Control(id) => (account.cloudfront.controls.contains_key(id), "origin access control", id),
            };
            if !known {
                let message = format!("the account `{}` has no {what} `{id}`", account.id);
                self.findings.error(Code::DanglingReference, node.span, message);
            }
        }
        (id, entry)
    }

    /// A configuration in place, or the path of one.
    fn config(&mut self, node: &Node, entry: &mut DistributionEntry) {
        let Some(path) = node.as_str(&self.findings.source.text).map(str::to_owned) else {
            let source = self.findings.source.clone();
            entry.take_config(node, &source.text);
            self.has_origins(node, entry);
            return;
        };
        let Some(source) = self.referred(node, &path) else { return };
        let mut inner = Findings::new(source.clone(), Code::WorldShape);
        if let Some(root) = super::parse_tree(&source, &mut inner) {
            // `aws cloudfront get-distribution-config` wraps it.
            entry.take_config(root.get(&source.text, "DistributionConfig").unwrap_or(&root), &source.text);
        }
        match inner.finish() {
            Ok(_) => self.has_origins(node, entry),
            Err(problems) => self.findings.elsewhere.push(problems),
        }
    }

    fn has_origins(&mut self, node: &Node, entry: &DistributionEntry) {
        if entry.origins.as_ref().is_none_or(Vec::is_empty) {
            self.findings.shape(node.span, "the configuration has no `Origins` with `Items`");
        }
    }

    /// Another file that this one names.
    fn referred(&mut self, node: &Node, path: &str) -> Option<Source> {
        match (self.context.read)(&self.findings.source, path) {
            Ok(source) => Some(source),
            Err(message) => {
                self.findings.error(Code::DanglingReference, node.span, format!("`{path}`: {message}"));
                None
            }
        }
    }
}

impl DistributionEntry {
    fn take_config(&mut self, config: &Node, source: &str) {
        let mut text = String::new();
        config.print(source, &mut text);
        self.config = Some(text);
        self.origins = origins(config, source);
    }
}

/// The origins of a configuration, or of a summary of one.
fn origins(config: &Node, source: &str) -> Option<Vec<OriginEntry>> {
    let items = config.get(source, "Origins")?.get(source, "Items")?.items()?;
    let text = |node: &Node, name: &str| node.get(source, name).and_then(|n| n.as_str(source)).map(str::to_owned);
    let read = |node: &Node| {
        let identity = node.get(source, "S3OriginConfig").and_then(|s3| text(s3, "OriginAccessIdentity"));
        let identity = identity.and_then(|named| named.rsplit('/').next().map(str::to_owned));
        let control = text(node, "OriginAccessControlId");
        let access = match (identity.filter(|id| !id.is_empty()), control.filter(|id| !id.is_empty())) {
            (_, Some(id)) => OriginAs::Control(id),
            (Some(id), None) => OriginAs::Identity(id),
            (None, None) => OriginAs::Anonymous,
        };
        Some(OriginEntry { domain_name: text(node, "DomainName")?, access })
    };
    items.iter().map(read).collect()
}

// ---- AWS's dumps ----

/// Whether a file is a dump of CloudFront's; what it holds is that of `account` where it does not say.
pub(super) fn is_dump(root: &Node, source: &str) -> bool {
    const LISTS: [&str; 5] = [
        "CloudFrontOriginAccessIdentityList",
        "OriginAccessControlList",
        "DistributionList",
        "Distribution",
        "DistributionConfig",
    ];
    LISTS.iter().any(|name| root.get(source, name).is_some())
}

/// Takes a dump; `account` is whose things are that do not say so themselves, `stem` the file's name.
pub(super) fn load_dump(world: &mut World, root: &Node, source: &str, account: &str, stem: &str) {
    let list = |name: &str| {
        root.get(source, name).and_then(|n| n.get(source, "Items")).and_then(Node::items).unwrap_or_default()
    };
    let text = |node: &Node, name: &str| node.get(source, name).and_then(|n| n.as_str(source)).map(str::to_owned);
    for node in list("CloudFrontOriginAccessIdentityList") {
        if let Some(id) = text(node, "Id") {
            let canonical = text(node, "S3CanonicalUserId");
            world.account(account).origin_access_identities.insert(id, canonical);
        }
    }
    for node in list("OriginAccessControlList") {
        if let Some(id) = text(node, "Id") {
            let entry = ControlEntry {
                name: text(node, "Name").unwrap_or_else(|| id.clone()),
                description: text(node, "Description").unwrap_or_default(),
                signing: text(node, "SigningBehavior").unwrap_or_else(|| "always".to_owned()),
            };
            world.account(account).cloudfront.controls.insert(id, entry);
        }
    }
    for node in list("DistributionList").iter().chain(root.get(source, "Distribution")) {
        let Some(id) = text(node, "Id") else { continue };
        let arn = text(node, "ARN");
        let owner = arn.as_deref().and_then(Arn::parse).map_or(account, |arn| arn.account);
        let mut entry = DistributionEntry { domain_name: text(node, "DomainName"), ..DistributionEntry::default() };
        match node.get(source, "DistributionConfig") {
            Some(config) => entry.take_config(config, source),
            None => entry.origins = origins(node, source),
        }
        world.account(owner).cloudfront.distributions.insert(id, entry);
    }
    // `get-distribution-config` does not say of which distribution: its file is named after it.
    if let Some(config) = root.get(source, "DistributionConfig") {
        let entry = world.account(account).cloudfront.distributions.entry(stem.to_owned()).or_default();
        entry.take_config(config, source);
    }
}

// ---- questions ----

impl World {
    /// Who asks a bucket in the name of a distribution, with the keys that come with it.
    pub(super) fn distribution(&self, id: &str, resource: &str) -> Answer<Who<'_>> {
        let all = || self.accounts.values().flat_map(|a| a.cloudfront.distributions.keys().cloned());
        let found = self.accounts.values().find_map(|a| Some((a, a.cloudfront.distributions.get(id)?)));
        let Some((account, entry)) = found else {
            let message = format!("the world has no distribution `{id}`");
            return Err(AskError { code: Code::UnknownPrincipal, message, candidates: actions::nearest(id, all()) });
        };
        match origin_of(account, entry, id, resource)? {
            Some(OriginAs::Identity(identity)) => self.who(&format!("oai/{identity}")),
            Some(OriginAs::Anonymous) => self.who("anyone"),
            // Without its origins it is taken to sign its requests, as distributions made today do.
            Some(OriginAs::Control(_)) | None => {
                let mut who = self.who("cloudfront.amazonaws.com")?;
                let arn = format!("arn:aws:cloudfront::{}:distribution/{id}", account.id);
                who.context.push(("aws:SourceArn".to_owned(), vec![arn]));
                who.context.push(("aws:SourceAccount".to_owned(), vec![account.id.clone()]));
                Ok(who)
            }
        }
    }
}

/// In whose name a distribution asks the bucket of a resource; `None`: its origins are not known.
fn origin_of(account: &Account, entry: &DistributionEntry, id: &str, resource: &str) -> Answer<Option<OriginAs>> {
    let Some(origins) = &entry.origins else { return Ok(None) };
    let bucket = Arn::parse(resource).filter(|arn| arn.service == "s3").map(|arn| arn.resource);
    let bucket = bucket.map(|path| path.split('/').next().unwrap_or(path));
    let mut found: Vec<OriginAs> = Vec::new();
    for origin in origins.iter().filter(|o| bucket.is_none_or(|bucket| is_bucket(&o.domain_name, bucket))) {
        // A control that never signs leaves the request without a name.
        let access = match &origin.access {
            OriginAs::Control(id) if account.cloudfront.controls.get(id).is_some_and(|c| c.signing == "never") => {
                OriginAs::Anonymous
            }
            access => access.clone(),
        };
        if !found.contains(&access) {
            found.push(access);
        }
    }
    match found.as_slice() {
        [] => refuse(
            Code::BadQuestion,
            format!("the distribution `{id}` has no origin that is the bucket of `{resource}`"),
        ),
        [one] => Ok(Some(one.clone())),
        _ => {
            let candidates = found.iter().map(|access| match access {
                OriginAs::Anonymous => "anyone".to_owned(),
                OriginAs::Identity(id) => format!("oai/{id}"),
                OriginAs::Control(_) => "cloudfront.amazonaws.com".to_owned(),
            });
            let message = format!("the distribution `{id}` asks that bucket in several names; say which");
            Err(AskError { code: Code::AmbiguousPrincipal, message, candidates: candidates.collect() })
        }
    }
}

/// Whether a domain name of an origin is a bucket, below S3's hosts or another's.
fn is_bucket(domain: &str, bucket: &str) -> bool {
    let rest = domain.get(..bucket.len()).filter(|head| head.eq_ignore_ascii_case(bucket));
    let rest = rest.and_then(|_| domain.get(bucket.len()..)).unwrap_or_default().to_ascii_lowercase();
    rest.starts_with(".s3.") || rest.starts_with(".s3-") || rest.starts_with('.') && !rest.ends_with(".amazonaws.com")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::world::LoadContext;

    fn world(text: &str) -> Result<World, String> {
        let mut world = World::default();
        let mut read = |_: &Source, path: &str| Err(format!("no file {path}"));
        world
            .load(&Source::new("EDISTRIBUTION.json", text), &mut LoadContext { read: &mut read, strict: false })
            .map_err(|problems| problems.iter().flat_map(|p| &p.list).map(|p| p.message.clone()).collect::<String>())?;
        Ok(world)
    }

    fn config(access: &str) -> String {
        format!(
            r#"{{"Origins": {{"Quantity": 1, "Items": [{{"Id": "o", "DomainName": "reports.s3.amazonaws.com", {access}}}]}}}}"#
        )
    }

    fn native(distribution: &str) -> String {
        format!(
            r#"{{"version": 1, "accounts": [{{"id": "111122223333",
            "origin_access_identities": [{{"id": "EIDENTITY"}}],
            "origin_access_controls": [{{"id": "ECONTROL"}}, {{"id": "ENEVER", "signing_behavior": "never"}}],
            "distributions": [{{"id": "E1" {distribution}}}]}}]}}"#
        )
    }

    #[test]
    fn in_whose_name_a_distribution_asks() {
        let resource = "arn:aws:s3:::reports/q1.csv";
        let identity = r#""S3OriginConfig": {"OriginAccessIdentity": "origin-access-identity/cloudfront/EIDENTITY"}"#;
        for (access, kind) in [
            (identity, "oai"),
            (r#""OriginAccessControlId": "ECONTROL""#, "service"),
            (r#""OriginAccessControlId": "ENEVER""#, "anonymous"),
            (r#""S3OriginConfig": {"OriginAccessIdentity": ""}"#, "anonymous"),
        ] {
            let world = world(&native(&format!(r#", "config": {}"#, config(access)))).unwrap();
            let who = world.distribution("E1", resource).ok().unwrap();
            assert_eq!(who.principal.kind, kind, "{access}");
            assert_eq!(who.context.is_empty(), kind != "service", "{access}");
            assert!(world.distribution("E1", "arn:aws:s3:::other/k").is_err());
            assert!(world.distribution("E2", resource).is_err());
        }
        let bare = world(&native("")).unwrap();
        assert_eq!(bare.distribution("E1", resource).ok().unwrap().principal.kind, "service");
    }

    #[test]
    fn references_are_checked() {
        let dangling = native(&format!(r#", "config": {}"#, config(r#""OriginAccessControlId": "EGONE""#)));
        assert!(world(&dangling).unwrap_err().contains("no origin access control `EGONE`"));
        assert!(world(&native(r#", "config": {}"#)).unwrap_err().contains("`Origins`"));
        assert!(world(&native(r#", "confg": {}"#)).unwrap_err().contains("no field `confg`"));
    }

    #[test]
    fn dumps_are_recognised() {
        let listed = r#"{"DistributionList": {"Items": [{"Id": "E1", "ARN": "arn:aws:cloudfront::111122223333:distribution/E1",
            "DomainName": "d1.cloudfront.net", "Origins": {"Quantity": 1, "Items": [{"Id": "o",
            "DomainName": "reports.s3.amazonaws.com", "OriginAccessControlId": "EC"}]}}]}}"#;
        let world_of = |text: &str| world(text).unwrap();
        let read = world_of(listed);
        let entry = &read.accounts["111122223333"].cloudfront.distributions["E1"];
        assert_eq!(entry.origins.as_ref().unwrap()[0].access, OriginAs::Control("EC".to_owned()));
        let read =
            world_of(&format!(r#"{{"ETag": "E", "DistributionConfig": {}}}"#, config(r#""S3OriginConfig": {}"#)));
        assert!(read.accounts["000000000000"].cloudfront.distributions.contains_key("EDISTRIBUTION"));
        let read = world_of(
            r#"{"CloudFrontOriginAccessIdentityList": {"Items": [{"Id": "EI", "S3CanonicalUserId": "c", "Comment": ""}]}}"#,
        );
        assert_eq!(read.accounts["000000000000"].origin_access_identities["EI"].as_deref(), Some("c"));
    }
}
