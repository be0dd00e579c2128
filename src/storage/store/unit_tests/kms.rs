//! Objects that are sealed under a key of the key service open with the gate's proof, and with nothing else.

use super::*;
use crate::gate::operations as o;
use crate::gate::services::kms::{Decrypt, EncryptionContext, GenerateDataKey, KeyUse};
use crate::storage::sealing::{CustomerKey, Layers};
use crate::storage::store::kms::{KeyRecord, KeyState, MaterialOrigin, OpenKey, Rotation};

const ACCOUNT: &str = "111111111111";

fn arn(id: &str) -> String {
    crate::storage::store::kms::key_arn("us-east-1", ACCOUNT, id)
}

fn record(store: &Store) -> KeyRecord {
    let mut record = KeyRecord {
        region: "us-east-1".to_owned(),
        description: String::new(),
        created_ms: 1,
        managed_by: None,
        state: KeyState::Enabled,
        policy: None,
        policy_principals: None,
        tags: Vec::new(),
        rotation: None,
        materials: Vec::new(),
    };
    record.rotate(store, MaterialOrigin::Created, 1).expect("material");
    record
}

async fn keep(store: &Store, id: &'static str, record: KeyRecord) -> Arc<OpenKey> {
    store.change_documents(move |t| t.put(ACCOUNT, id, &record).map(drop)).await.expect("kept");
    store.open_key(&store.entity::<KeyRecord>(ACCOUNT, id).expect("readable").expect("there")).expect("opens")
}

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    EncryptionContext::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))).expect("each key once")
}

fn whole() -> EncryptionContext {
    context(&[("aws:s3:arn", "arn:aws:s3:::b/k")])
}

#[tokio::test]
async fn nothing_but_the_proof_opens_an_object() {
    let (store, _folder) = store().await;
    let one = keep(&store, "one", record(&store)).await;
    let two = keep(&store, "two", record(&store)).await;
    let writing = KeyUse::<GenerateDataKey>::for_test("key", &arn("one"), whole());
    assert!(
        matches!(two.for_writing(&writing, Layers::One), Err(StoreError::WrongGrant)),
        "a proof is for its own key"
    );
    let sizes = [0, 10, 20_000, 200_000];
    for (size, layers) in sizes.into_iter().flat_map(|size| [(size, Layers::One), (size, Layers::Two)]) {
        let key = one.for_writing(&writing, layers).expect("a right");
        let mut new = new_object();
        new.sse = Sse::Kms { key, stored: Box::default() };
        let mut writer = store.begin_write(&on::<o::PutObject>("k"), new).expect("begins");
        writer.write(Bytes::from(body(1, size))).await.expect("writes");
        writer.commit(finish("e")).await.expect("puts");
        let view = look(&store, "k", None).expect("is there");
        let unlock = |key: &Arc<OpenKey>, id: &str, context| {
            key.for_reading(&KeyUse::<Decrypt>::for_test("key", &arn(id), context)).expect("a right")
        };
        let right = unlock(&one, "one", whole());
        assert!(matches!(view.check_key(Unlock::Store), Err(StoreError::ServiceKeyNeeded)));
        assert!(view.content(Unlock::Store, 0..0).await.is_err());
        let customer = CustomerKey::new([1; 32]);
        assert!(matches!(view.check_key(Unlock::Customer(&customer)), Err(StoreError::UnexpectedCustomerKey)));
        let wrong = [unlock(&two, "two", whole()), unlock(&one, "one", context(&[("aws:s3:arn", "arn:aws:s3:::b/x")]))];
        for wrong in &wrong {
            assert!(matches!(view.check_key(Unlock::Kms(wrong)), Err(StoreError::WrongServiceKey)), "{size}");
            assert!(view.content(Unlock::Kms(wrong), 0..0).await.is_err());
        }
        let stream = view.content(Unlock::Kms(&right), 0..size as u64).await.expect("opens");
        let found: Vec<Bytes> = stream.try_collect().await.expect("reads");
        assert_eq!(found.concat(), body(1, size));
    }
    assert_sound(&store).await;
}

#[tokio::test]
async fn keys_rotate_and_go_when_their_time_has_come() {
    const DAY: i64 = 86_400_000;
    let (store, _folder) = store().await;
    let rotating = KeyRecord { rotation: Some(Rotation { period_days: 90, next_ms: 90 * DAY }), ..record(&store) };
    keep(&store, "rotating", rotating.clone()).await;
    keep(&store, "disabled", KeyRecord { state: KeyState::Disabled, ..rotating }).await;
    keep(&store, "going", KeyRecord { state: KeyState::PendingDeletion(100 * DAY), ..record(&store) }).await;
    let tended = async |day: i64| {
        let changed = store.tend_keys(day * DAY).await.expect("tended");
        changed.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
    };
    assert!(tended(89).await.is_empty());
    assert_eq!(tended(91).await, ["rotating"]);
    assert!(tended(91).await.is_empty());
    let kept = store.entity::<KeyRecord>(ACCOUNT, "rotating").expect("readable").expect("there").document;
    assert_eq!(kept.materials.iter().map(|m| m.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(kept.rotation.map(|r| r.next_ms), Some((91 + 90) * DAY));
    assert_eq!(tended(100).await, ["going"]);
    assert!(store.entity::<KeyRecord>(ACCOUNT, "going").expect("readable").is_none());
}

#[tokio::test]
async fn documents_without_unique_ids_get_them_once() {
    use crate::storage::store::kms::GrantRecord;
    let (store, _folder) = store().await;
    let json = serde_json::json!({"key": "one", "grantee": "arn:aws:iam::111111111111:user/a", "operations": ["Decrypt"],
        "issuing_account": "arn:aws:iam::111111111111:root", "created_ms": 1, "token": "t"});
    let grant: GrantRecord = serde_json::from_value(json).expect("a grant of an earlier version");
    assert_eq!(grant.for_decisions().grantee, grant.grantee, "compared by ARN until it is looked up");
    keep(&store, "one", KeyRecord { policy: Some("its policy".to_owned()), ..record(&store) }).await;
    keep(&store, "none", record(&store)).await;
    store.change_documents(move |t| t.put(ACCOUNT, "g", &grant).map(drop)).await.expect("kept");
    for id in ["first", "second"] {
        let known = |name: &str| vec![(name.to_owned(), Some(id.to_owned()))];
        store.look_up_key_principals(known, |names| known(names[0])).await.expect("looked up");
    }
    let grant = store.entity::<GrantRecord>(ACCOUNT, "g").expect("readable").expect("there").document;
    assert_eq!(grant.for_decisions().grantee, "first");
    let of = |id| store.entity::<KeyRecord>(ACCOUNT, id).expect("readable").expect("there").document.policy_principals;
    assert_eq!(of("one"), Some(vec![("its policy".to_owned(), Some("first".to_owned()))]));
    assert_eq!(of("none"), None);
    let gone = GrantRecord { principals: Some(vec![(grant.grantee.clone(), None)]), ..grant };
    assert_eq!(gone.for_decisions().grantee, "", "nobody is told by it");
}
