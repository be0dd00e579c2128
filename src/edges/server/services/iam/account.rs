//! The account as a whole: alias, summary, and everything in one dump.

use super::check::{self, Page, conflict};
use super::{inline, shapes};
use crate::edges::server::identities::draft::Draft;
use crate::edges::server::identities::model::Kind;
use crate::edges::server::identities::state::{Holder, PolicyState};
use crate::edges::server::services::ServiceError;
use crate::edges::server::services::query::{Answer, QueryCall, Xml, invalid};
use crate::gate::services::iam;
use std::collections::BTreeSet;
use std::sync::Arc;

fn alias(query: &QueryCall<'_>) -> Result<String, ServiceError> {
    let alias = query.params.need("AccountAlias")?;
    let inner = alias.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let ends = !alias.starts_with('-') && !alias.ends_with('-') && !alias.contains("--");
    if inner && ends && (3..=63).contains(&alias.len()) {
        return Ok(alias.to_owned());
    }
    Err(invalid(
        alias,
        "AccountAlias",
        "Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
    ))
}

pub(super) async fn create_alias(query: &QueryCall<'_>) -> Answer {
    let alias = alias(query)?;
    let grant = query.allow::<iam::CreateAccountAlias>(&[]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        if draft.alias_is_taken(&alias)? {
            let message = format!("The account alias {alias} already exists.");
            return Err(conflict("EntityAlreadyExists", message));
        }
        let mut settings = draft.settings()?;
        settings.alias = Some(alias.clone());
        Ok(draft.put_settings(&settings)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn delete_alias(query: &QueryCall<'_>) -> Answer {
    let alias = alias(query)?;
    let grant = query.allow::<iam::DeleteAccountAlias>(&[]).await?;
    let work = move |draft: &mut Draft<'_, '_>| {
        let mut settings = draft.settings()?;
        if settings.alias.as_ref() != Some(&alias) {
            return Err(check::no_such(format!("The account alias {alias} cannot be found.")));
        }
        settings.alias = None;
        Ok(draft.put_settings(&settings)?)
    };
    query.call.server.identities().change(grant, query.account_id(), work).await?;
    Ok(Xml::new())
}

pub(super) async fn list_aliases(query: &QueryCall<'_>) -> Answer {
    query.allow::<iam::ListAccountAliases>(&[]).await?;
    let account = query.account()?;
    Ok(Xml::of(|xml| {
        xml.strings("AccountAliases", &account.settings.alias);
        shapes::truncation(xml, None);
    }))
}

pub(super) async fn summary(query: &QueryCall<'_>) -> Answer {
    query.allow::<iam::GetAccountSummary>(&[]).await?;
    let account = query.account()?;
    let count = |kind| account.of_kind(kind).count();
    let in_use = account.devices.values().filter(|device| !device.owner.is_empty()).count();
    let root_mfa = account.devices.values().any(|device| device.owner == "root");
    let versions: usize = account.policies.values().map(|policy| policy.document.versions.len()).sum();
    let entries: [(&str, usize); 32] = [
        ("Users", count(Kind::User)),
        ("UsersQuota", 5000),
        ("Groups", count(Kind::Group)),
        ("GroupsQuota", 300),
        ("Roles", count(Kind::Role)),
        ("RolesQuota", 1000),
        ("Policies", account.policies.len()),
        ("PoliciesQuota", 1500),
        ("PolicyVersionsInUse", versions),
        ("PolicyVersionsInUseQuota", 10_000),
        ("VersionsPerPolicyQuota", 5),
        ("PolicySizeQuota", check::MANAGED_SIZE),
        ("UserPolicySizeQuota", inline::most(Kind::User)),
        ("GroupPolicySizeQuota", inline::most(Kind::Group)),
        ("RolePolicySizeQuota", inline::most(Kind::Role)),
        ("AssumeRolePolicySizeQuota", check::TRUST_SIZE),
        ("AttachedPoliciesPerUserQuota", 10),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("GroupsPerUserQuota", 10),
        ("AccessKeysPerUserQuota", 2),
        ("SigningCertificatesPerUserQuota", 2),
        ("MFADevices", account.devices.len()),
        ("MFADevicesInUse", in_use),
        ("AccountMFAEnabled", usize::from(root_mfa)),
        ("AccountAccessKeysPresent", usize::from(!account.settings.keys.is_empty())),
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("Providers", account.providers.len()),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 20),
        ("GlobalEndpointTokenVersion", 2),
    ];
    Ok(Xml::of(|xml| {
        xml.inside("SummaryMap", |xml| {
            for (key, value) in entries {
                xml.inside("entry", |xml| {
                    xml.text("key", key);
                    xml.text("value", value.to_string());
                });
            }
        });
    }))
}

/// One entry of the dump.
enum Detail {
    Holder(Arc<Holder>),
    Policy(Arc<PolicyState>),
}

pub(super) async fn details(query: &QueryCall<'_>) -> Answer {
    let (page, filter) = (Page::of(&query.params)?, query.params.list("Filter"));
    query.allow::<iam::GetAccountAuthorizationDetails>(&[]).await?;
    let account = query.account()?;
    let identities = query.call.server.identities();
    let snapshot = identities.snapshot();
    let wants = |name: &str| filter.is_empty() || filter.iter().any(|f| f == name);
    // Pages go through users, groups, roles and then policies: the key says which, and where in them.
    let holders = [(Kind::User, "User"), (Kind::Group, "Group"), (Kind::Role, "Role")].into_iter().enumerate();
    let holders = holders.filter(|(_, (_, name))| wants(name)).flat_map(|(at, (kind, _))| {
        account.of_kind(kind).map(move |h| (format!("{at}/{}", h.document.key()), Detail::Holder(h.clone())))
    });
    let policies = account.policies.values().filter(|_| wants("LocalManagedPolicy"));
    let policies = policies.map(|p| (format!("3/{}", p.document.key()), Detail::Policy(p.clone())));
    // Of AWS's policies those that are in use here.
    let used: BTreeSet<&String> = account
        .identities
        .values()
        .flat_map(|holder| holder.document.attached.iter().chain(&holder.document.boundary))
        .filter(|_| wants("AWSManagedPolicy"))
        .collect();
    let of_aws = used.into_iter().filter_map(|arn| Some((arn, account.facts.aws_policies.get(arn)?)));
    let of_aws = of_aws.map(|(arn, p)| (format!("4/{arn}"), Detail::Policy(p.clone())));
    let part = page.part(holders.chain(policies).chain(of_aws));
    let of_kind = |kind: Kind| {
        part.items.iter().filter_map(move |detail| match detail {
            Detail::Holder(holder) if holder.document.kind() == kind => Some(holder),
            _ => None,
        })
    };
    Ok(Xml::of(|xml| {
        for kind in [Kind::User, Kind::Group, Kind::Role] {
            xml.members(&format!("{}DetailList", kind.title()), of_kind(kind), |xml, holder| {
                shapes::details(xml, holder, &snapshot, identities);
            });
        }
        let policies = part.items.iter().filter_map(|detail| match detail {
            Detail::Policy(policy) => Some(policy),
            Detail::Holder(_) => None,
        });
        xml.members("Policies", policies, |xml, policy| {
            shapes::policy(xml, policy, &account, true);
            xml.members("PolicyVersionList", policy.document.versions.iter().rev(), |xml, version| {
                shapes::version(xml, version, policy.document.default, true);
            });
        });
        shapes::truncation(xml, part.marker.clone());
    }))
}
