//! The key that S3 manages for an account, made when it is first needed.
//!
//! Source: KMS Developer Guide, "AWS managed keys"; the policy is the one that AWS gives `aws/s3`.

use super::{Found, Named, new_id};
use crate::edges::server::app::Server;
use crate::gate::{Authorized, Operation};
use crate::storage::store::StoreError;
use crate::storage::store::kms::{KeyRecord, KeyState, MaterialOrigin, Rotation};

/// The alias of S3's own key in each account.
pub const S3_ALIAS: &str = "alias/aws/s3";
/// AWS rotates the keys it manages every year.
const PERIOD_DAYS: u32 = 365;

/// The key that S3 manages for the caller's account. `grant` is for what S3 is asked to do.
///
/// # Errors
/// [`StoreError::WrongGrant`] for callers without an account; [`StoreError::Io`], [`StoreError::Full`],
/// [`StoreError::ReadOnly`].
pub(super) async fn s3_key<O: Operation>(server: &Server, grant: &Authorized<O>) -> Result<Found, StoreError> {
    let account = grant.caller().account().ok_or(StoreError::WrongGrant)?;
    let find = || server.keys().find(S3_ALIAS, Named::Anyhow, account, server.region());
    if let Ok(found) = find() {
        return Ok(found);
    }
    let (store, now_ms) = (server.store(), server.now_ms());
    let mut record = KeyRecord {
        region: server.region().to_owned(),
        description: "Default key that protects my S3 objects when no other key is defined".to_owned(),
        created_ms: now_ms,
        managed_by: Some("s3".to_owned()),
        state: KeyState::Enabled,
        policy: Some(policy(account, server.region())),
        policy_principals: Some(Vec::new()),
        tags: Vec::new(),
        rotation: Some(Rotation {
            period_days: PERIOD_DAYS,
            next_ms: now_ms.saturating_add(i64::from(PERIOD_DAYS) * 86_400_000),
        }),
        materials: Vec::new(),
    };
    record.rotate(store, MaterialOrigin::Created, now_ms)?;
    store.managed_key(grant, S3_ALIAS, record, new_id()?).await?;
    // Somebody else's may have come first.
    let alias = store.entity::<crate::storage::store::kms::AliasRecord>(account, S3_ALIAS)?;
    let alias = alias.ok_or_else(|| StoreError::Damaged { what: format!("{S3_ALIAS} of {account} is missing") })?;
    server.keys().reload(store, account, &alias.document.key)?;
    find().map_err(|error| StoreError::Damaged { what: error.message })
}

fn policy(account: &str, region: &str) -> String {
    serde_json::json!({
        "Version": "2012-10-17",
        "Id": "auto-s3-2",
        "Statement": [
            {
                "Sid": "Allow access through S3 for all principals in the account that are authorized to use S3",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Resource": "*",
                "Condition": {"StringEquals": {
                    "kms:CallerAccount": account,
                    "kms:ViaService": format!("s3.{region}.amazonaws.com")
                }}
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*"
            }
        ]
    })
    .to_string()
}
