//! Grants: permissions on a key that come and go without its policy.
//!
//! Source: KMS Developer Guide, "Grants in AWS KMS"; API Reference, `CreateGrant`, `RetireGrant`.

use super::wire::{Page, SentContext, answer, check_tokens, input, invalid, limit, nothing, time, unsupported};
use crate::decision::KeyGrant;
use crate::edges::server::auth::hex;
use crate::edges::server::identities::principals::Named as Known;
use crate::edges::server::identities::state::Snapshot;
use crate::edges::server::kms::{Key, Named};
use crate::edges::server::reply::Reply;
use crate::edges::server::services::{ServiceCall, ServiceError};
use crate::gate::Subject;
use crate::gate::services::kms as o;
use crate::simulate::world::ContextKeys;
use crate::storage::store::Kept;
use crate::storage::store::kms::{GrantRecord, KeyRecord};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Grants that a key may have. Source: KMS Developer Guide, "Resource quotas".
const MOST: usize = 50_000;

/// The operations of symmetric keys that a grant can allow.
const OPERATIONS: [&str; 9] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
];

type Pairs = Vec<(String, String)>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Constraints {
    encryption_context_subset: Option<SentContext>,
    encryption_context_equals: Option<SentContext>,
    source_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    key_id: String,
    grantee_principal: Option<String>,
    retiring_principal: Option<String>,
    operations: Vec<String>,
    constraints: Option<Constraints>,
    #[serde(default)]
    grant_tokens: Vec<String>,
    name: Option<String>,
    dry_run: Option<bool>,
    grantee_service_principal: Option<String>,
    retiring_service_principal: Option<String>,
}

/// A grant as a request describes it.
#[derive(Clone, PartialEq)]
struct Wanted {
    name: Option<String>,
    grantee: String,
    retiring: Option<String>,
    operations: Vec<String>,
    equals: Option<Pairs>,
    subset: Option<Pairs>,
}

/// One of two members, with the kind of what it names checked.
fn principal(
    name: &str,
    of_account: Option<String>,
    of_service: Option<String>,
) -> Result<Option<String>, ServiceError> {
    let wrong = |text: &str| ServiceError::bad("InvalidArnException", format!("{text} is not a valid {name}."));
    match (of_account, of_service) {
        (Some(_), Some(_)) => Err(invalid(format!("Give '{name}' as a principal or as a service, not both."))),
        (None, None) => Ok(None),
        (Some(text), None) => {
            let account = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
            let arn = crate::words::arn::Arn::parse(&text)
                .is_some_and(|arn| matches!(arn.service, "iam" | "sts") && arn.account.len() == 12);
            let service = text.ends_with(".amazonaws.com");
            if account || arn || service { Ok(Some(text)) } else { Err(wrong(&text)) }
        }
        (None, Some(text)) if text.ends_with(".amazonaws.com") => Ok(Some(text)),
        (None, Some(text)) => Err(wrong(&text)),
    }
}

impl Wanted {
    fn of(asked: Create) -> Result<(Self, String, Option<bool>), ServiceError> {
        let grantee = principal("GranteePrincipal", asked.grantee_principal, asked.grantee_service_principal)?;
        let grantee = grantee.ok_or_else(|| invalid("'granteePrincipal' is missing."))?;
        let retiring = principal("RetiringPrincipal", asked.retiring_principal, asked.retiring_service_principal)?;
        if let Some(other) = asked.operations.iter().find(|name| !OPERATIONS.contains(&name.as_str())) {
            return Err(invalid(format!("'operations' has {other}, which a grant of a symmetric key cannot allow.")));
        }
        if asked.operations.is_empty() {
            return Err(invalid("'operations' is empty."));
        }
        let legal = |name: &String| {
            (1..=256).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || ":/_-".contains(c))
        };
        if let Some(name) = asked.name.as_ref().filter(|name| !legal(name)) {
            return Err(invalid(format!("'name' cannot be {name}.")));
        }
        let mut operations = asked.operations;
        operations.sort();
        operations.dedup();
        let constraints = asked.constraints;
        if constraints.as_ref().is_some_and(|c| c.source_arn.is_some()) {
            return Err(unsupported("The grant constraint SourceArn"));
        }
        let (equals, subset) = match constraints {
            None => (None, None),
            Some(c) => {
                (c.encryption_context_equals.as_ref().map(pairs), c.encryption_context_subset.as_ref().map(pairs))
            }
        };
        if equals.is_some() && subset.is_some() {
            return Err(invalid("A grant has EncryptionContextEquals or EncryptionContextSubset, not both."));
        }
        let wanted = Self { name: asked.name, grantee, retiring, operations, equals, subset };
        Ok((wanted, asked.key_id, asked.dry_run))
    }

    /// Whether a grant is this one, of the same principals by unique id.
    fn is(&self, there: &GrantRecord, principals: &Known) -> bool {
        there.name == self.name
            && there.principals.as_ref() == Some(principals)
            && there.grantee == self.grantee
            && there.retiring == self.retiring
            && there.operations == self.operations
            && there.context_equals == self.equals
            && there.context_subset == self.subset
    }

    /// The condition keys that the request brings. Source: KMS Developer Guide, "AWS KMS condition keys".
    fn brings(&self) -> ContextKeys {
        let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
        let mut keys = vec![
            one("kms:GranteePrincipal", &self.grantee),
            one("kms:GrantIsForAWSResource", "false"),
            ("kms:GrantOperations".to_owned(), self.operations.clone()),
        ];
        keys.extend(self.retiring.iter().map(|who| one("kms:RetiringPrincipal", who)));
        let (kind, context) = match (&self.equals, &self.subset) {
            (Some(pairs), _) => ("EncryptionContextEquals", pairs),
            (None, Some(pairs)) => ("EncryptionContextSubset", pairs),
            (None, None) => return keys,
        };
        keys.push(one("kms:GrantConstraintType", kind));
        keys.extend(context.iter().map(|(key, value)| one(&format!("kms:EncryptionContext:{key}"), value)));
        keys.push(("kms:EncryptionContextKeys".to_owned(), context.iter().map(|(key, _)| key.clone()).collect()));
        keys
    }

    /// Whether a grant that allows `CreateGrant` allows this one: it gives no operation and no context away that it
    /// does not have itself.
    fn is_within(&self, parent: &GrantRecord) -> bool {
        let operations = self.operations.iter().all(|operation| parent.operations.contains(operation));
        let context = match (&parent.context_equals, &parent.context_subset) {
            (Some(pairs), _) => self.equals.as_ref() == Some(pairs),
            (None, Some(pairs)) => {
                let own = self.equals.as_ref().or(self.subset.as_ref());
                own.is_some_and(|own| pairs.iter().all(|pair| own.contains(pair)))
            }
            (None, None) => true,
        };
        operations && context
    }
}

fn pairs(context: &SentContext) -> Pairs {
    context.0.pairs().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A key as a decision on making a grant sees it: of its own grants, those count that may be passed on so.
fn subject<'a>(call: &ServiceCall, key: &'a Key, wanted: &Wanted) -> Subject<'a> {
    let within = |grant: &&Kept<GrantRecord>| {
        grant.document.operations.iter().any(|o| o == "CreateGrant") && wanted.is_within(&grant.document)
    };
    let grants = key.grants.iter().filter(within).map(|grant| grant.document.for_decisions()).collect();
    let brings = wanted.brings();
    with_grants(call.subject("key", key, "CreateGrant", brings), grants)
}

/// A key as if these were its grants.
fn with_grants(subject: Subject<'_>, grants: Vec<KeyGrant>) -> Subject<'_> {
    Subject { scene: Arc::new(subject.scene.with_grants(grants)), ..subject }
}

fn random_text() -> Result<String, ServiceError> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ServiceError::internal())?;
    Ok(hex(&bytes))
}

pub(super) async fn create(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Create = input(call)?;
    check_tokens(call, &asked.grant_tokens)?;
    let (wanted, key_id, dry_run) = Wanted::of(asked)?;
    let found = call.found::<o::CreateGrant>(&key_id, Named::ByKey).await?;
    let grant = call.authorize::<o::CreateGrant>(&[subject(call, &found.key, &wanted)]).await?;
    found.key.usable()?;
    let principals = super::principals::of_grant(call, [&wanted.grantee].into_iter().chain(&wanted.retiring))?;
    dry(dry_run)?;
    let record = GrantRecord {
        key: found.key.id.clone(),
        name: wanted.name.clone(),
        grantee: wanted.grantee.clone(),
        retiring: wanted.retiring.clone(),
        principals: Some(principals.clone()),
        operations: wanted.operations.clone(),
        context_equals: wanted.equals.clone(),
        context_subset: wanted.subset.clone(),
        issuing_account: format!("arn:aws:iam::{}:root", call.account()),
        created_ms: call.now_ms,
        token: random_text()?,
    };
    let (account, arn, id) = (found.key.account.clone(), found.key.arn.clone(), random_text()?);
    let written = call.server.store().change_entities(&grant, move |t| {
        if t.get::<KeyRecord>(&account, &record.key)?.is_none() {
            return Err(super::no_key(&arn));
        }
        let there = t.list::<GrantRecord>(Some(&account))?;
        let mut there = there.into_iter().filter(|grant| grant.document.key == record.key);
        // With a name, creating it again is harmless: it is the one that is there.
        if wanted.name.is_some()
            && let Some(same) = there.find(|grant| wanted.is(&grant.document, &principals))
        {
            return Ok((same.id, same.document.token));
        }
        if there.count() >= MOST {
            return Err(limit(format!("{arn} has {MOST} grants already.")));
        }
        t.put(&account, &id, &record)?;
        Ok((id.clone(), record.token.clone()))
    });
    let (id, token) = written.await?;
    call.reload(&found.key.account, &found.key.id)?;
    Ok(answer(&json!({"GrantId": id, "GrantToken": token})))
}

fn dry(asked: Option<bool>) -> Result<(), ServiceError> {
    super::crypto::dry_run(asked)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    limit: Option<u64>,
    marker: Option<String>,
    key_id: String,
    grant_id: Option<String>,
    grantee_principal: Option<String>,
    grantee_service_principal: Option<String>,
}

pub(super) async fn list(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: List = input(call)?;
    let found = call.found::<o::ListGrants>(&asked.key_id, Named::ByKey).await?;
    call.may::<o::ListGrants>(&found, Vec::new()).await?;
    let page = Page::new(asked.limit, asked.marker.as_deref(), 50, 100)?;
    let grantee = principal("GranteePrincipal", asked.grantee_principal, asked.grantee_service_principal)?;
    let snapshot = call.server.identities().snapshot();
    let wanted = |grant: &&Kept<GrantRecord>| {
        let names = |who: &String| *who == shown_name(&snapshot, grant, &grant.document.grantee);
        asked.grant_id.as_ref().is_none_or(|id| grant.id == *id) && grantee.as_ref().is_none_or(names)
    };
    let grants = found.key.grants.iter().filter(wanted);
    let show = |grant: &Kept<GrantRecord>| shown(&snapshot, &found.key, grant);
    Ok(answer(&page.cut(grants, |grant| grant.id.clone(), "Grants", |grant| show(grant))))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListRetirable {
    limit: Option<u64>,
    marker: Option<String>,
    retiring_principal: Option<String>,
    retiring_service_principal: Option<String>,
}

pub(super) async fn list_retirable(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: ListRetirable = input(call)?;
    call.authorize::<o::ListRetirableGrants>(&[]).await?;
    let who = principal("RetiringPrincipal", asked.retiring_principal, asked.retiring_service_principal)?;
    let who = who.ok_or_else(|| invalid("'retiringPrincipal' is missing."))?;
    let page = Page::new(asked.limit, asked.marker.as_deref(), 50, 100)?;
    let snapshot = call.server.identities().snapshot();
    let mut grants: Vec<(Arc<Key>, Kept<GrantRecord>)> = Vec::new();
    for key in call.server.keys().of_account(call.account()) {
        let names = |grant: &&Kept<GrantRecord>| {
            let retiring = grant.document.retiring.as_ref();
            retiring.is_some_and(|name| shown_name(&snapshot, grant, name) == who)
        };
        let own = key.grants.iter().filter(names);
        grants.extend(own.map(|grant| (key.clone(), grant.clone())));
    }
    grants.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
    let show = |(key, grant): &(Arc<Key>, Kept<GrantRecord>)| shown(&snapshot, key, grant);
    Ok(answer(&page.cut(grants.into_iter(), |(_, grant)| grant.id.clone(), "Grants", show)))
}

/// A principal of a grant as it is shown: whoever is gone by the unique id.
fn shown_name(snapshot: &Snapshot, grant: &Kept<GrantRecord>, name: &str) -> String {
    grant.document.principals.as_ref().map_or_else(|| name.to_owned(), |known| snapshot.shown_name(name, known))
}

/// A grant as answers show it.
fn shown(snapshot: &Snapshot, key: &Key, grant: &Kept<GrantRecord>) -> Value {
    let record = &grant.document;
    let name = |name: &String| shown_name(snapshot, grant, name);
    let mut entry = json!({
        "KeyId": key.arn,
        "GrantId": grant.id,
        "Name": record.name.as_deref().unwrap_or_default(),
        "CreationDate": time(record.created_ms),
        "GranteePrincipal": name(&record.grantee),
        "IssuingAccount": record.issuing_account,
        "Operations": record.operations,
    });
    let object = |pairs: &Pairs| json!(pairs.iter().cloned().collect::<BTreeMap<String, String>>());
    if let Some(members) = entry.as_object_mut() {
        if let Some(who) = &record.retiring {
            members.insert("RetiringPrincipal".to_owned(), json!(name(who)));
        }
        if let Some(pairs) = &record.context_equals {
            members.insert("Constraints".to_owned(), json!({"EncryptionContextEquals": object(pairs)}));
        }
        if let Some(pairs) = &record.context_subset {
            members.insert("Constraints".to_owned(), json!({"EncryptionContextSubset": object(pairs)}));
        }
    }
    entry
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Retire {
    grant_token: Option<String>,
    key_id: Option<String>,
    grant_id: Option<String>,
    dry_run: Option<bool>,
}

/// The key and the grant that a request to retire names.
async fn named_grant(call: &ServiceCall, asked: &Retire) -> Result<(Arc<Key>, String), ServiceError> {
    match (&asked.grant_token, &asked.key_id, &asked.grant_id) {
        (Some(token), None, None) => call.server.keys().by_token(token).ok_or_else(|| {
            ServiceError::bad("InvalidGrantTokenException", "The grant token names no grant that there is.")
        }),
        (None, Some(key), Some(grant)) => {
            Ok((call.found::<o::RetireGrant>(key, Named::ByKey).await?.key, grant.clone()))
        }
        _ => Err(invalid("Give 'grantToken', or 'keyId' and 'grantId'.")),
    }
}

pub(super) async fn retire(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Retire = input(call)?;
    let (key, id) = named_grant(call, &asked).await?;
    let there = key.grants.iter().find(|grant| grant.id == id);
    // The grant itself says who may: whom it names to retire it, its grantee if it allows that, its account.
    let may = |grantee: &str| KeyGrant {
        grantee: grantee.to_owned(),
        operations: vec!["RetireGrant".to_owned()],
        ..KeyGrant::default()
    };
    let who = there.map(|grant| &grant.document).map(|grant| {
        let grantee = grant.operations.iter().any(|o| o == "RetireGrant").then_some(&grant.grantee);
        let who = [grant.retiring.as_ref(), grantee, Some(&grant.issuing_account)].into_iter().flatten();
        who.map(|name| may(grant.told_by(name))).collect()
    });
    let subject = call.subject("key", &key, "RetireGrant", Vec::new());
    let subject = with_grants(subject, who.unwrap_or_default());
    // The key policy can refuse it, and cannot allow it. Source: KMS Developer Guide, "AWS KMS permissions".
    let grants = subject.scene.without_policy();
    let by_grant = Subject { scene: Arc::new(grants), ..subject.clone() };
    let grant = call.authorize::<o::RetireGrant>(&[subject, by_grant]).await?;
    dry(asked.dry_run)?;
    end(call, &grant, &key, id).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Revoke {
    key_id: String,
    grant_id: String,
    dry_run: Option<bool>,
}

pub(super) async fn revoke(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let asked: Revoke = input(call)?;
    let found = call.found::<o::RevokeGrant>(&asked.key_id, Named::ByKey).await?;
    let grant = call.may::<o::RevokeGrant>(&found, Vec::new()).await?;
    dry(asked.dry_run)?;
    end(call, &grant, &found.key, asked.grant_id).await
}

/// Takes a grant away, for the very next request.
async fn end<O: crate::gate::ServiceOperation>(
    call: &ServiceCall,
    proof: &crate::gate::Authorized<O>,
    key: &Key,
    id: String,
) -> Result<Reply, ServiceError> {
    let (account, key_id, arn) = (key.account.clone(), key.id.clone(), key.arn.clone());
    let written = call.server.store().change_entities(proof, move |t| {
        let there = t.get::<GrantRecord>(&account, &id)?.filter(|grant| grant.document.key == key_id);
        if there.is_none() {
            let message = format!("Grant ID {id} is none of {arn}.");
            return Err(ServiceError::bad("NotFoundException", message));
        }
        t.delete::<GrantRecord>(&account, &id);
        Ok(())
    });
    written.await?;
    call.reload(&key.account, &key.id)?;
    Ok(nothing())
}
