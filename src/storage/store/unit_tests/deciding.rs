//! Conditions, locks and codes: what is judged inside a transaction, also where many come at once.

use super::*;
use crate::gate::operations as o;

fn any_new() -> WriteConditions {
    WriteConditions { if_none_match: Some(EtagMatch::Any), ..WriteConditions::default() }
}

fn only_over(etag: &str) -> WriteConditions {
    WriteConditions { if_match: Some(EtagMatch::OneOf(vec![etag.to_owned()])), ..WriteConditions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_conditional_writes_one_wins() {
    let (store, _folder) = store().await;
    for size in [10, 20_000] {
        let key = format!("k{size}");
        for conditions in [any_new(), only_over(&etag(&body(0, size)))] {
            let tasks: Vec<_> = (0..24_u8)
                .map(|n| {
                    let (store, key, conditions) = (store.clone(), key.clone(), conditions.clone());
                    // Number 0 leaves the ETag that the second round wants to find.
                    let number = if conditions == any_new() { 0 } else { n + 1 };
                    tokio::spawn(async move { put_if(&store, &key, &body(number, size), conditions).await })
                })
                .collect();
            let mut won = 0;
            for task in tasks {
                match task.await.expect("no panic") {
                    Ok(_) => won += 1,
                    Err(error) => assert!(matches!(error, StoreError::Precondition(_)), "{error}"),
                }
            }
            assert_eq!(won, 1);
        }
    }
    assert_sound(&store).await;
}

#[tokio::test]
async fn conditions_count_markers_as_nothing() {
    let (store, _folder) = store().await;
    set_versioning(&store, Versioning::Enabled).await;
    assert!(matches!(put_if(&store, "k", b"a", only_over("1-97")).await, Err(StoreError::NoSuchKey)));
    put_if(&store, "k", b"a", any_new()).await.expect("nothing is there");
    assert!(matches!(put_if(&store, "k", b"b", any_new()).await, Err(StoreError::Precondition("If-None-Match"))));
    assert!(matches!(put_if(&store, "k", b"b", only_over("x")).await, Err(StoreError::Precondition("If-Match"))));
    put_if(&store, "k", b"b", only_over("1-97")).await.expect("it is that one");
    let conditional = async |conditions| {
        let options = DeleteOptions { conditions, now_ms: 9, ..DeleteOptions::default() };
        store.delete(&on::<o::DeleteObject>("k"), options).await
    };
    let wrong = DeleteConditions { if_match: Some(EtagMatch::OneOf(vec!["1-97".to_owned()])), ..Default::default() };
    assert!(matches!(conditional(wrong).await, Err(StoreError::Precondition("If-Match"))));
    let wrong = DeleteConditions { if_size: Some(2), ..Default::default() };
    assert!(matches!(conditional(wrong).await, Err(StoreError::Precondition("x-amz-if-match-size"))));
    let wrong = DeleteConditions { if_modified_at: Some(2), ..Default::default() };
    assert!(matches!(conditional(wrong).await, Err(StoreError::Precondition("x-amz-if-match-last-modified-time"))));
    let right = DeleteConditions { if_match: Some(EtagMatch::Any), if_modified_at: Some(1), if_size: Some(1) };
    conditional(right.clone()).await.expect("it is that one");
    assert!(matches!(conditional(right).await, Err(StoreError::NoSuchKey)));
    assert!(matches!(put_if(&store, "k", b"c", only_over("1-98")).await, Err(StoreError::NoSuchKey)));
    put_if(&store, "k", b"c", any_new()).await.expect("a marker is nothing");
}

fn kept(mode: LockMode, until_ms: i64) -> Retention {
    Retention { mode, until_ms }
}

async fn retain(
    store: &Store,
    key: &str,
    to: impl Into<Option<Retention>>,
    bypass_governance: bool,
) -> Result<(), StoreError> {
    let change = RetentionChange { to: to.into(), bypass_governance, now_ms: 3_000 };
    let apply = move |_: &BucketRecord, record: &mut VersionRecord| change.apply(record);
    store.update_object(&on::<o::PutObjectRetention>(key), 3_000, apply).await.map(drop)
}

#[tokio::test]
async fn object_lock() {
    use LockMode::{Compliance, Governance};
    let (store, _folder) = store_with(true, StoreSettings::default()).await;
    let destroy = async |key: &str, now_ms, bypass_governance| {
        let version = look(&store, key, None).expect("is there").record().version.clone();
        let options = DeleteOptions { bypass_governance, now_ms, ..DeleteOptions::default() };
        store.delete(&on_version::<o::DeleteObject>(key, Some(&version)), options).await
    };
    put(&store, "k", b"a").await.expect("puts");
    retain(&store, "k", kept(Governance, 5_000), false).await.expect("sets");
    retain(&store, "k", kept(Governance, 6_000), false).await.expect("extends");
    assert!(matches!(retain(&store, "k", kept(Governance, 5_999), false).await, Err(StoreError::Locked)));
    assert!(matches!(retain(&store, "k", None, false).await, Err(StoreError::Locked)));
    assert!(matches!(destroy("k", 3_000, false).await, Err(StoreError::Locked)));
    retain(&store, "k", kept(Governance, 5_000), true).await.expect("shortens with the right to");
    assert!(matches!(retain(&store, "k", kept(Compliance, 5_000), false).await, Err(StoreError::Locked)));
    retain(&store, "k", kept(Compliance, 5_000), true).await.expect("grows stricter with the right to");
    for bypass in [false, true] {
        assert!(matches!(retain(&store, "k", kept(Compliance, 4_999), bypass).await, Err(StoreError::Locked)));
        assert!(matches!(retain(&store, "k", kept(Governance, 9_000), bypass).await, Err(StoreError::Locked)));
        assert!(matches!(retain(&store, "k", None, bypass).await, Err(StoreError::Locked)));
        assert!(matches!(destroy("k", 4_999, bypass).await, Err(StoreError::Locked)));
    }
    let hold = async |on_hold| {
        let change = move |_: &BucketRecord, record: &mut VersionRecord| {
            record.legal_hold = Some(on_hold);
            Ok(())
        };
        store.update_object(&on::<o::PutObjectLegalHold>("k"), 3_000, change).await.expect("sets");
    };
    hold(true).await;
    assert!(matches!(destroy("k", 5_000, true).await, Err(StoreError::Locked)));
    hold(false).await;
    delete(&store, "k", None).await.expect("a marker destroys nothing");
    delete(&store, "k", None).await.expect("nor does a second one");
    put(&store, "g", b"a").await.expect("puts");
    retain(&store, "g", kept(Governance, 5_000), false).await.expect("sets");
    destroy("g", 3_000, true).await.expect("destroys with the right to");
    put(&store, "h", b"a").await.expect("puts");
    retain(&store, "h", kept(Compliance, 5_000), false).await.expect("sets");
    destroy("h", 5_000, false).await.expect("its time is over");
}

#[tokio::test]
async fn a_bucket_keeps_what_object_lock_needs() {
    let (store, _folder) = store_with(true, StoreSettings::default()).await;
    let update = async |change: fn(&mut BucketRecord)| {
        let grant = on_bucket::<o::PutObjectLockConfiguration>("b");
        store
            .update_bucket(&grant, None, 2, move |record| {
                change(record);
                Ok(())
            })
            .await
    };
    let refused = [
        update(|b| b.versioning = Versioning::Suspended).await,
        update(|b| b.versioning = Versioning::Off).await,
        update(|b| b.object_lock = None).await,
        update(|b| b.owner_account.clear()).await,
    ];
    assert!(refused.iter().all(|r| matches!(r, Err(StoreError::InvalidBucketState(_)))), "{refused:?}");
    let default = DefaultRetention { mode: LockMode::Governance, period: LockPeriod::Days(2) };
    update(|b| {
        let default = DefaultRetention { mode: LockMode::Governance, period: LockPeriod::Days(2) };
        b.object_lock = Some(ObjectLock { default: Some(default) });
    })
    .await
    .expect("a default");
    put(&store, "k", b"a").await.expect("puts");
    let record = look(&store, "k", None).expect("is there").record().clone();
    assert_eq!(record.retention, Some(kept(default.mode, 1_000 + 2 * 86_400_000)));

    let (plain, _other) = store_with(false, StoreSettings::default()).await;
    let mut locked = new_object();
    locked.meta.legal_hold = Some(true);
    let refused = plain.begin_write(&on::<o::PutObject>("k"), locked).err();
    assert!(matches!(refused, Some(StoreError::NoObjectLock)));
    put(&plain, "k", b"a").await.expect("puts");
    assert!(matches!(retain(&plain, "k", kept(LockMode::Governance, 9), false).await, Err(StoreError::NoObjectLock)));
}

/// A code is good if it is the secret and the step, and the step is later than the last one.
fn check(secret: &str, code: &str, now: i64, last_step: Option<u64>) -> Option<u64> {
    let step = u64::try_from(now / 30).ok()?;
    (code == format!("{secret}{step}") && last_step.is_none_or(|last| step > last)).then_some(step)
}

async fn with_device(store: &Store, account: &str, owner: &str) {
    let device = MfaDevice {
        serial: format!("arn:aws:iam::{account}:mfa/{owner}"),
        secret: "s".to_owned(),
        account: account.to_owned(),
        owner: owner.to_owned(),
    };
    store.put_mfa_device(device.clone(), 1).await.expect("a device");
    assert!(store.mfa_devices().expect("devices").contains(&device));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_good_once() {
    let (store, _folder) = store().await;
    with_device(&store, ACCOUNT, "root").await;
    with_device(&store, ACCOUNT, "bob").await;
    with_device(&store, "222222222222", "root").await;
    let verify = async |header: String, now| store.verify_mfa(ACCOUNT, &header, now, check).await;
    let serial = format!("arn:aws:iam::{ACCOUNT}:mfa/root");
    for bad in [
        String::new(),
        "s1".to_owned(),
        format!("{serial} s2"),
        "arn:aws:iam::222222222222:mfa/root s1".to_owned(),
        format!("arn:aws:iam::{ACCOUNT}:mfa/bob s1"),
        format!("{serial}x s1"),
    ] {
        assert!(matches!(verify(bad.clone(), 30).await, Err(StoreError::MfaInvalid)), "{bad}");
    }
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (store, header) = (store.clone(), format!("{serial} s1"));
            tokio::spawn(async move { store.verify_mfa(ACCOUNT, &header, 30, check).await.is_ok() })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += u32::from(task.await.expect("no panic"));
    }
    assert_eq!(won, 1);
    assert_eq!(verify(format!("{serial} s2"), 60).await.expect("a later code").account(), ACCOUNT);
    assert!(matches!(verify(format!("{serial} s1"), 30).await, Err(StoreError::MfaInvalid)), "an earlier one");
}

#[tokio::test]
async fn mfa_delete() {
    use Versioning::{Enabled, Suspended};
    let (store, _folder) = store().await;
    with_device(&store, ACCOUNT, "root").await;
    with_device(&store, "222222222222", "root").await;
    let mut step = 0;
    let mut proof = async |account: &str| {
        step += 1;
        let header = format!("arn:aws:iam::{account}:mfa/root s{step}");
        store.verify_mfa(account, &header, step * 30, check).await.expect("a good code")
    };
    let configure = async |mfa, versioning, mfa_delete| {
        let change = move |record: &mut BucketRecord| {
            record.versioning = versioning;
            record.mfa_delete = mfa_delete;
            Ok(())
        };
        let target = Target::Bucket { bucket: "b".to_owned() };
        let grant = Authorized::<o::PutBucketVersioning>::for_test(target, None, root(ACCOUNT), 0);
        store.update_bucket(&grant, mfa, 2, change).await
    };
    assert!(matches!(configure(None, Enabled, true).await, Err(StoreError::MfaRequired)));
    let foreign = proof("222222222222").await;
    assert!(matches!(configure(Some(foreign.clone()), Enabled, true).await, Err(StoreError::MfaInvalid)));
    let by_a_user = |record: &mut BucketRecord| {
        (record.versioning, record.mfa_delete) = (Enabled, true);
        Ok(())
    };
    let code = Some(proof(ACCOUNT).await);
    let by_a_user = store.update_bucket(&on_bucket::<o::PutBucketVersioning>("b"), code, 2, by_a_user).await;
    assert!(matches!(by_a_user, Err(StoreError::RootNeeded)));
    configure(Some(proof(ACCOUNT).await), Enabled, true).await.expect("turns it on");
    assert!(matches!(configure(None, Suspended, true).await, Err(StoreError::MfaRequired)));
    assert!(matches!(configure(None, Enabled, false).await, Err(StoreError::MfaRequired)));

    let version = put(&store, "k", b"a").await.expect("puts").version;
    delete(&store, "k", None).await.expect("a marker wants no code");
    let refused = delete(&store, "k", version.as_deref()).await;
    assert!(matches!(refused, Err(StoreError::MfaRequired)));
    let destroy = async |mfa| {
        let options = DeleteOptions { mfa, now_ms: 3, ..DeleteOptions::default() };
        store.delete(&on_version::<o::DeleteObject>("k", version.as_deref()), options).await
    };
    assert!(matches!(destroy(Some(foreign)).await, Err(StoreError::MfaInvalid)));
    destroy(Some(proof(ACCOUNT).await)).await.expect("destroys");
    configure(Some(proof(ACCOUNT).await), Suspended, false).await.expect("turns it off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buckets_are_made_once_and_by_their_owner() {
    let (store, _folder) = store().await;
    let create = async |account: &str, name: &str| {
        let new = NewBucket { owner_account: account.to_owned(), ..new_bucket(false) };
        store.create_bucket(&on_bucket(name), new).await
    };
    assert!(matches!(create(ACCOUNT, "b").await, Err(StoreError::BucketExists { owned: true })));
    assert!(matches!(create("222222222222", "b").await, Err(StoreError::BucketExists { owned: false })));
    create(ACCOUNT, "a").await.expect("another name");
    create("222222222222", "z").await.expect("another owner");
    let names: Vec<_> = store
        .buckets_of(&Authorized::for_test(Target::Service, None, caller(ACCOUNT), 0))
        .iter()
        .map(|b| b.name.clone())
        .collect();
    assert_eq!(names, ["a", "b"]);
    put(&store, "k", b"x").await.expect("puts");
    assert!(matches!(store.delete_bucket(&on_bucket("b")).await, Err(StoreError::BucketNotEmpty)));
    // Nothing meant for a bucket reaches its successor.
    let writer = store.begin_write(&on::<o::PutObject>("late"), new_object()).expect("begins");
    delete(&store, "k", None).await.expect("deletes");
    store.delete_bucket(&on_bucket("b")).await.expect("deletes");
    create(ACCOUNT, "b").await.expect("the name is free");
    assert!(matches!(writer.commit(finish("e")).await, Err(StoreError::NoSuchBucket)));
    let kinds: Vec<_> = store.changes("b", 0, 9).expect("a log").iter().map(|c| c.change.kind).collect();
    assert_eq!(kinds, [ChangeKind::BucketCreated], "the log is the successor's own");

    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let change = move |record: &mut BucketRecord| {
                    record.tags.push((format!("t{n}"), String::new()));
                    Ok(())
                };
                store.update_bucket(&on_bucket::<o::PutBucketTagging>("b"), None, 3, change).await.map(drop)
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("changes");
    }
    assert_eq!(store.bucket("b").expect("is there").tags.len(), 20);
    store.put_world("{}", 0).await.expect("seeds");
    assert!(matches!(store.seed_bucket("late", new_bucket(false), |_| {}).await, Err(StoreError::Conflict)));
}
