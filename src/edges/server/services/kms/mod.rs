//! AWS Key Management Service: symmetric keys, their policies, grants and aliases, and what they encrypt.
//!
//! A request's path: the operation's name → its input, strictly read → the keys it names → the gate → the store, or
//! the key itself → the answer. Source: AWS KMS API Reference, version 2014-11-01.

mod aliases;
mod crypto;
mod grants;
mod keys;
mod policies;
mod principals;
mod rotation;
mod tags;
mod wire;

use super::{ServiceCall, ServiceError};
use crate::edges::server::kms::{Found, Key, KeyError, Named, named_arn};
use crate::edges::server::reply::Reply;
use crate::gate::services::ServiceOperation;
use crate::gate::services::kms::KmsOperation as Op;
use crate::gate::{Authorized, Subject};
use crate::simulate::world::ContextKeys;
use crate::storage::store::kms::KeyRecord;

/// Answers a request.
///
/// # Errors
/// KMS's own.
pub async fn answer(call: &ServiceCall) -> Result<Reply, ServiceError> {
    let target = call.header("x-amz-target").unwrap_or_default();
    let name = target.strip_prefix("TrentService.").unwrap_or_default();
    let operation = Op::ALL.iter().find(|operation| operation.row().name == name).copied();
    let unknown = || ServiceError::bad("UnknownOperationException", format!("Unknown operation `{target}`"));
    match operation.ok_or_else(unknown)? {
        Op::CreateKey => keys::create(call).await,
        Op::DescribeKey => keys::describe(call).await,
        Op::ListKeys => keys::list(call).await,
        Op::EnableKey => keys::enable(call).await,
        Op::DisableKey => keys::disable(call).await,
        Op::ScheduleKeyDeletion => keys::schedule_deletion(call).await,
        Op::CancelKeyDeletion => keys::cancel_deletion(call).await,
        Op::UpdateKeyDescription => keys::update_description(call).await,

        Op::CreateAlias => aliases::create(call).await,
        Op::UpdateAlias => aliases::update(call).await,
        Op::DeleteAlias => aliases::delete(call).await,
        Op::ListAliases => aliases::list(call).await,

        Op::GetKeyPolicy => policies::get(call).await,
        Op::PutKeyPolicy => policies::put(call).await,
        Op::ListKeyPolicies => policies::list(call).await,

        Op::Encrypt => crypto::encrypt(call).await,
        Op::Decrypt => crypto::decrypt(call).await,
        Op::ReEncrypt => crypto::re_encrypt(call).await,
        Op::GenerateDataKey => crypto::generate_data_key(call).await,
        Op::GenerateDataKeyWithoutPlaintext => crypto::generate_sealed_data_key(call).await,
        Op::GenerateRandom => crypto::generate_random(call).await,

        Op::CreateGrant => grants::create(call).await,
        Op::ListGrants => grants::list(call).await,
        Op::ListRetirableGrants => grants::list_retirable(call).await,
        Op::RetireGrant => grants::retire(call).await,
        Op::RevokeGrant => grants::revoke(call).await,

        Op::EnableKeyRotation => rotation::enable(call).await,
        Op::DisableKeyRotation => rotation::disable(call).await,
        Op::GetKeyRotationStatus => rotation::status(call).await,
        Op::RotateKeyOnDemand => rotation::rotate(call).await,
        Op::ListKeyRotations => rotation::list(call).await,

        Op::TagResource => tags::tag(call).await,
        Op::UntagResource => tags::untag(call).await,
        Op::ListResourceTags => tags::list(call).await,
    }
}

impl ServiceCall {
    /// The key that a request names.
    fn key(&self, given: &str, named: Named) -> Result<Found, KeyError> {
        self.server.keys().find(given, named, self.account(), self.server.region())
    }

    /// As [`Self::key`], for `O`. That there is no such key is told to those who might do `O` to one of this name: their
    /// own account's, as if its policy handed over to the account.
    async fn found<O: ServiceOperation>(&self, given: &str, named: Named) -> Result<Found, ServiceError> {
        self.found_beside::<O>(given, named, "*").await
    }

    /// As [`Self::found`], where the operation is also about an alias.
    async fn found_beside<O: ServiceOperation>(
        &self,
        given: &str,
        named: Named,
        alias: &str,
    ) -> Result<Found, ServiceError> {
        let missing = match self.key(given, named) {
            Err(missing) if missing.code == "NotFoundException" => missing,
            found => return Ok(found?),
        };
        let arn = named_arn(given, self.account(), self.server.region());
        let directory = self.server.directory();
        let missed = O::ROW.needs.iter().filter(|need| need.always && need.on != "*").map(|need| match need.on {
            "alias" => Subject { on: need.on, arn: alias, ..Subject::default() },
            on => Key::missing(on, &arn, &self.auth.caller, &directory),
        });
        self.authorize::<O>(&missed.collect::<Vec<_>>()).await?;
        Err(missing.into())
    }

    /// A key as a decision on `operation` sees it.
    fn subject<'a>(&self, on: &'static str, key: &'a Key, operation: &str, brings: ContextKeys) -> Subject<'a> {
        key.subject(on, operation, &self.auth.caller, &self.server.directory(), brings)
    }

    /// Authorizes an operation on one key.
    async fn may<O: ServiceOperation>(
        &self,
        found: &Found,
        brings: ContextKeys,
    ) -> Result<Authorized<O>, ServiceError> {
        let mut all = found.brings();
        all.extend(brings);
        self.authorize::<O>(&[self.subject("key", &found.key, O::ROW.name, all)]).await
    }

    /// Changes a key's document, and lets it be seen by the very next request.
    async fn change<O: ServiceOperation, R: Send + 'static>(
        &self,
        grant: &Authorized<O>,
        key: &Key,
        mut work: impl FnMut(&mut KeyRecord) -> Result<R, ServiceError> + Send + 'static,
    ) -> Result<R, ServiceError> {
        let (account, id, arn) = (key.account.clone(), key.id.clone(), key.arn.clone());
        let done = self.server.store().change_entities(grant, move |t| {
            let kept = t.get::<KeyRecord>(&account, &id)?;
            let mut record = kept.ok_or_else(|| no_key(&arn))?.document;
            let answer = work(&mut record)?;
            t.put(&account, &id, &record)?;
            Ok::<_, ServiceError>(answer)
        });
        let answer = done.await?;
        self.reload(&key.account, &key.id)?;
        Ok(answer)
    }

    fn reload(&self, account: &str, id: &str) -> Result<(), ServiceError> {
        Ok(self.server.keys().reload(self.server.store(), account, id)?)
    }
}

fn no_key(arn: &str) -> ServiceError {
    ServiceError::bad("NotFoundException", format!("Key '{arn}' does not exist"))
}
