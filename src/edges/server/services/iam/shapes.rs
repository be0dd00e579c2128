//! IAM's data types as they are answered. Source: IAM API Reference, "Data Types".

use crate::edges::server::identities::Identities;
use crate::edges::server::identities::model::{Identity, Kind, PolicyVersion};
use crate::edges::server::identities::state::{AccountState, Holder, PolicyState, Snapshot};
use crate::edges::server::services::query::Xml;
use crate::policy::PolicyKind;
use crate::storage::store::KeptDevice;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A policy document, encoded as RFC 3986 has it.
pub fn document(xml: &mut Xml, name: &str, text: &str) {
    xml.text(name, utf8_percent_encode(text, UNRESERVED).to_string());
}

fn basics(xml: &mut Xml, holder: &Holder) {
    let (identity, kind) = (&holder.document, holder.document.kind().title());
    xml.text("Path", &identity.path);
    xml.text(&format!("{kind}Name"), &identity.name);
    xml.text(&format!("{kind}Id"), &identity.id);
    xml.text("Arn", &holder.arn);
    xml.moment("CreateDate", identity.created);
}

fn boundary(xml: &mut Xml, identity: &Identity) {
    if let Some(arn) = &identity.boundary {
        xml.inside("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy");
            xml.text("PermissionsBoundaryArn", arn);
        });
    }
}

/// The inside of `User`, `Group` or `Role`; in lists some of it is left out, as AWS does.
pub fn identity(xml: &mut Xml, holder: &Holder, snapshot: &Snapshot, identities: &Identities, listed: bool) {
    basics(xml, holder);
    let document = &holder.document;
    if let Some(role) = document.role() {
        let shown = snapshot.shown(&role.trust, PolicyKind::Trust, &role.trusted);
        self::document(xml, "AssumeRolePolicyDocument", &shown);
        xml.some("Description", role.description.as_ref());
        xml.text("MaxSessionDuration", role.max_session.to_string());
    }
    if listed || document.kind() == Kind::Group {
        return;
    }
    boundary(xml, document);
    if !document.tags.is_empty() {
        xml.tags(&document.tags);
    }
    if document.kind() == Kind::Role {
        role_last_used(xml, document, identities);
    }
}

fn role_last_used(xml: &mut Xml, role: &Identity, identities: &Identities) {
    let used = identities.last_use(&role.id);
    xml.inside("RoleLastUsed", |xml| {
        if let Some(used) = used {
            xml.moment("LastUsedDate", used.at);
            xml.text("Region", "us-east-1");
        }
    });
}

/// The name and ARN of attached managed policies.
pub fn attached<'a>(xml: &mut Xml, name: &str, arns: impl IntoIterator<Item = &'a String>) {
    xml.members(name, arns, |xml, arn| {
        xml.text("PolicyName", arn.rsplit('/').next().unwrap_or_default());
        xml.text("PolicyArn", arn);
    });
}

/// An entry of `GetAccountAuthorizationDetails`.
pub fn details(xml: &mut Xml, holder: &Holder, snapshot: &Snapshot, identities: &Identities) {
    basics(xml, holder);
    let document = &holder.document;
    let kind = document.kind();
    if let Some(role) = document.role() {
        let shown = snapshot.shown(&role.trust, PolicyKind::Trust, &role.trusted);
        self::document(xml, "AssumeRolePolicyDocument", &shown);
        xml.strings("InstanceProfileList", std::iter::empty::<&str>());
    }
    if !document.inline.is_empty() || kind != Kind::User {
        xml.members(&format!("{}PolicyList", kind.title()), &document.inline, |xml, policy| {
            xml.text("PolicyName", &policy.name);
            self::document(xml, "PolicyDocument", &policy.text);
        });
    }
    if kind == Kind::User {
        xml.strings("GroupList", document.groups());
    }
    attached(xml, "AttachedManagedPolicies", &document.attached);
    boundary(xml, document);
    if kind != Kind::Group && !document.tags.is_empty() {
        xml.tags(&document.tags);
    }
    if kind == Kind::Role {
        role_last_used(xml, document, identities);
    }
}

/// How often a policy is attached, and how often it is a boundary.
#[must_use]
pub fn attachments(account: &AccountState, arn: &str) -> (usize, usize) {
    let holders = || account.identities.values();
    let attached = holders().filter(|h| h.document.attached.iter().any(|a| a == arn)).count();
    (attached, holders().filter(|h| h.document.boundary.as_deref() == Some(arn)).count())
}

/// The inside of `Policy`.
pub fn policy(xml: &mut Xml, policy: &PolicyState, account: &AccountState, listed: bool) {
    let document = &policy.document;
    let (attached, boundaries) = attachments(account, &policy.arn);
    xml.text("PolicyName", &document.name);
    xml.text("PolicyId", &document.id);
    xml.text("Arn", &policy.arn);
    xml.text("Path", &document.path);
    xml.text("DefaultVersionId", format!("v{}", document.default));
    xml.text("AttachmentCount", attached.to_string());
    xml.text("PermissionsBoundaryUsageCount", boundaries.to_string());
    xml.text("IsAttachable", "true");
    if !listed {
        xml.some("Description", document.description.as_ref());
    }
    xml.moment("CreateDate", document.created);
    xml.moment("UpdateDate", document.updated);
    if !listed && !document.tags.is_empty() {
        xml.tags(&document.tags);
    }
}

/// The inside of `PolicyVersion`; lists leave the document out.
pub fn version(xml: &mut Xml, version: &PolicyVersion, default: u32, with_document: bool) {
    if with_document {
        document(xml, "Document", &version.text);
    }
    xml.text("VersionId", format!("v{}", version.number));
    xml.text("IsDefaultVersion", (version.number == default).to_string());
    xml.moment("CreateDate", version.created);
}

/// The user that a device belongs to; `None`: the root user, or nobody yet.
#[must_use]
pub fn device_user<'a>(account: &'a AccountState, device: &KeptDevice) -> Option<&'a Holder> {
    let owner = device.owner.as_str();
    if owner.is_empty() || owner == "root" {
        return None;
    }
    let user = account.identity(Kind::User, owner).filter(|user| user.document.name == owner);
    user.or_else(|| account.by_id(owner)).map(|user| &**user)
}

/// `IsTruncated` and `Marker`.
pub fn truncation(xml: &mut Xml, marker: Option<String>) {
    xml.text("IsTruncated", marker.is_some().to_string());
    xml.some("Marker", marker);
}
