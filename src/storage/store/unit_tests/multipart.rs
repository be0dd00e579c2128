//! Multipart uploads: their rules, and what they leave.

use super::*;
use crate::gate::operations as o;
use crate::storage::sealing::CustomerKey;

fn new_upload() -> NewUpload {
    NewUpload { object: new_object(), initiator: owner(), checksum_algorithm: None, checksum_kind: None }
}

async fn begin(store: &Store, key: &str) -> String {
    store.create_upload(&on(key), new_upload()).await.expect("begins")
}

async fn part(store: &Store, key: &str, upload: &str, number: u32, body: &[u8]) -> Result<PartRecord, StoreError> {
    let new = NewPart { sse: Sse::S3, now_ms: 2 };
    let mut writer = store.part_writer(&on::<o::UploadPart>(key), upload, number, new)?;
    writer.write(Bytes::copy_from_slice(body)).await?;
    writer.commit(format!("{:032x}", body.len()), None, 2).await
}

fn listed(parts: &[(u32, usize)]) -> Vec<ListedPart> {
    let part =
        |(number, size): &(u32, usize)| ListedPart { number: *number, etag: format!("{size:032x}"), checksum: None };
    parts.iter().map(part).collect()
}

fn options(parts: &[(u32, usize)]) -> CompleteOptions {
    CompleteOptions {
        parts: listed(parts),
        checksum: Box::new(|_, _| Ok(None)),
        size: None,
        conditions: WriteConditions::default(),
        now_ms: 3,
    }
}

async fn complete(store: &Store, key: &str, upload: &str, parts: &[(u32, usize)]) -> Result<Written, StoreError> {
    store.complete_upload(&on(key), upload, options(parts)).await
}

#[tokio::test]
async fn parts_become_one_object() {
    let (store, _folder) = store().await;
    let upload = begin(&store, "k").await;
    let (first, second, third) = (body(1, 30_000), body(2, 150), body(3, 7));
    part(&store, "k", &upload, 7, &third).await.expect("a part");
    part(&store, "k", &upload, 1, &body(9, 200)).await.expect("a part that is replaced");
    part(&store, "k", &upload, 1, &first).await.expect("a part");
    part(&store, "k", &upload, 4, &second).await.expect("a part");
    part(&store, "k", &upload, 5, &body(8, 40_000)).await.expect("a part that is not listed");
    assert!(matches!(look(&store, "k", None), Err(StoreError::NoSuchKey)), "not there before it is complete");

    let parts = [(1, 30_000), (4, 150), (7, 7)];
    let written = complete(&store, "k", &upload, &parts).await.expect("completes");
    assert!(written.etag.ends_with("-3") && written.etag.len() == 34, "{}", written.etag);
    let whole = [first.clone(), second, third].concat();
    assert_eq!(written.size, whole.len() as u64);
    let view = look(&store, "k", None).expect("is there");
    for range in [0..whole.len(), 29_990..30_157, 30_000..30_150, 30_151..30_157, 5..5, 29_999..30_000] {
        let found = bytes_of(&view, range.start as u64..range.end as u64).await.expect("reads");
        assert_eq!(found, whole[range]);
    }
    assert_eq!(view.parts_count(), Some(3));
    let found = view.part(4).expect("part 4");
    assert_eq!((found.start, found.size, found.of), (30_000, 150, Some(3)));
    assert!(matches!(view.part(5), Err(StoreError::InvalidPartNumber { number: 5 })));
    assert_eq!(view.parts(1, 10).expect("parts").iter().map(|p| p.number).collect::<Vec<_>>(), [4, 7]);

    let again = complete(&store, "k", &upload, &parts).await.expect("the same answer");
    assert_eq!(again, written);
    let other = complete(&store, "k", &upload, &parts[..2]).await;
    assert!(matches!(other, Err(StoreError::NoSuchUpload)));
    assert!(matches!(part(&store, "k", &upload, 9, b"x").await, Err(StoreError::NoSuchUpload)));
    assert_sound(&store).await;

    put(&store, "k", b"new").await.expect("puts over it");
    assert!(matches!(complete(&store, "k", &upload, &parts).await, Err(StoreError::NoSuchUpload)));
    // The view keeps the parts from being swept.
    assert!(store.sweep().await.expect("sweeps").waiting > 0);
    assert_eq!(bytes_of(&view, 0..whole.len() as u64).await.expect("reads"), whole);
    drop(view);
    assert_sound(&store).await;
}

#[tokio::test]
async fn the_etag_is_the_digest_of_the_digests() {
    let (store, _folder) = store().await;
    let upload = begin(&store, "k").await;
    // The MD5 of "a", the only part: the ETag is the MD5 of its 16 bytes.
    let new = NewPart { sse: Sse::S3, now_ms: 2 };
    let mut writer = store.part_writer(&on::<o::UploadPart>("k"), &upload, 1, new).expect("a writer");
    writer.write(Bytes::from_static(b"a")).await.expect("writes");
    let etag = "0cc175b9c0f1b6a831c399e269772661";
    writer.commit(etag.to_owned(), None, 2).await.expect("a part");
    let mut options = options(&[]);
    options.parts = vec![ListedPart { number: 1, etag: etag.to_owned(), checksum: None }];
    let written = store.complete_upload(&on("k"), &upload, options).await.expect("completes");
    // printf 0cc175b9c0f1b6a831c399e269772661 | xxd -r -p | md5sum
    assert_eq!(written.etag, "b6ff9a06b7e20bcb2858c5b8ff744aea-1");
}

#[tokio::test]
async fn what_a_completion_refuses() {
    let (store, _folder) = store().await;
    let upload = begin(&store, "k").await;
    for (number, size) in [(1, 150), (2, 50), (3, 60), (4, 100_000), (5, 100_000)] {
        part(&store, "k", &upload, number, &body(1, size)).await.expect("a part");
    }
    let refused = async |parts: &[(u32, usize)]| complete(&store, "k", &upload, parts).await.expect_err("refused");
    assert!(matches!(refused(&[]).await, StoreError::InvalidPartOrder));
    assert!(matches!(refused(&[(2, 50), (1, 150)]).await, StoreError::InvalidPartOrder));
    assert!(matches!(refused(&[(1, 150), (1, 150)]).await, StoreError::InvalidPartOrder));
    assert!(matches!(refused(&[(1, 150), (9, 50)]).await, StoreError::InvalidPart { number: 9 }));
    assert!(matches!(refused(&[(1, 151)]).await, StoreError::InvalidPart { number: 1 }));
    let small = refused(&[(1, 150), (2, 50), (3, 60)]).await;
    assert!(matches!(small, StoreError::PartTooSmall { number: 2, size: 50, least: 100, .. }));
    let large = refused(&[(1, 150), (4, 100_000), (5, 100_000)]).await;
    assert!(matches!(large, StoreError::TooLarge { size: 200_150, most: 200_000 }));
    let mut sized = options(&[(1, 150)]);
    sized.size = Some(149);
    let sized = store.complete_upload(&on("k"), &upload, sized).await;
    assert!(matches!(sized, Err(StoreError::Precondition("x-amz-mp-object-size"))));
    let mut summed = options(&[(1, 150)]);
    summed.checksum = Box::new(|_, parts| Err(StoreError::InvalidPart { number: parts[0].number + 40 }));
    let summed = store.complete_upload(&on("k"), &upload, summed).await;
    assert!(matches!(summed, Err(StoreError::InvalidPart { number: 41 })));
    assert!(matches!(complete(&store, "other", &upload, &[(1, 150)]).await, Err(StoreError::NoSuchUpload)));
    let numbers = [0, 10_001];
    for number in numbers {
        let found = part(&store, "k", &upload, number, b"x").await;
        assert!(matches!(found, Err(StoreError::InvalidPartNumber { .. })));
    }
    put(&store, "k", b"there").await.expect("puts");
    let mut unless = options(&[(1, 150)]);
    unless.conditions.if_none_match = Some(EtagMatch::Any);
    let unless = store.complete_upload(&on("k"), &upload, unless).await;
    assert!(matches!(unless, Err(StoreError::Precondition("If-None-Match"))));
    // After all that the upload is as it was.
    complete(&store, "k", &upload, &[(1, 150), (2, 50)]).await.expect("completes");
    assert_sound(&store).await;
}

#[tokio::test]
async fn uploads_are_listed_and_given_up() {
    let (store, _folder) = store().await;
    let mut ids = Vec::new();
    for (key, time) in [("a/1", 5), ("a/2", 6), ("b", 7), ("b", 8), ("c", 9)] {
        let mut new = new_upload();
        new.object.now_ms = time;
        ids.push(store.create_upload(&on(key), new).await.expect("begins"));
    }
    let list = |query: &UploadQuery| store.list_uploads(&on_bucket("b"), query).expect("lists");
    let mut query = UploadQuery { delimiter: Some("/".to_owned()), max_uploads: 1, ..UploadQuery::default() };
    let (mut found, mut prefixes) = (Vec::new(), Vec::new());
    loop {
        let page = list(&query);
        found.extend(page.uploads.into_iter().map(|u| u.upload_id));
        prefixes.extend(page.common_prefixes);
        let Some((key, upload)) = page.next else { break };
        (query.key_marker, query.upload_marker) = (Some(key), upload);
    }
    assert_eq!(found, ids[2..]);
    assert_eq!(prefixes, ["a/"]);
    let behind = UploadQuery { key_marker: Some("b".to_owned()), max_uploads: 9, ..UploadQuery::default() };
    assert_eq!(list(&behind).uploads.len(), 1, "all uploads of the marker's key are behind");

    for number in [3, 1, 2] {
        part(&store, "c", &ids[4], number, &body(1, 20_000)).await.expect("a part");
    }
    let page = store.list_parts(&on("c"), &ids[4], 1, 1).expect("lists");
    assert_eq!((page.parts[0].number, page.truncated, page.next), (2, true, Some(2)));
    let page = store.list_parts(&on("c"), &ids[4], 2, 1).expect("lists");
    assert_eq!((page.parts[0].number, page.truncated, page.next), (3, false, None));
    assert!(matches!(store.list_parts(&on("d"), &ids[4], 0, 1), Err(StoreError::NoSuchUpload)));

    store.abort_upload(&on("b"), &ids[3]).await.expect("gives up");
    assert!(matches!(store.abort_upload(&on("b"), &ids[3]).await, Err(StoreError::NoSuchUpload)));
    assert_eq!(store.expire_uploads(8).await.expect("expires"), 3);
    let left = list(&UploadQuery { max_uploads: 9, ..UploadQuery::default() });
    assert_eq!(left.uploads.iter().map(|u| &u.upload_id).collect::<Vec<_>>(), [&ids[4]]);
    // A bucket with uploads but without objects is empty; they go with it.
    store.delete_bucket(&on_bucket("b")).await.expect("goes");
    assert!(matches!(part(&store, "c", &ids[4], 9, b"x").await, Err(StoreError::NoSuchBucket)));
    assert_sound(&store).await;
    assert_sound(&store).await;
    assert_eq!(store.inner.blobs.list().try_collect::<Vec<_>>().await.expect("lists").len(), 0);
}

#[tokio::test]
async fn parts_bring_the_key_that_the_upload_was_begun_with() {
    let (store, _folder) = store().await;
    let customer = |byte| Sse::Customer { key: CustomerKey::new([byte; 32]), key_md5: "m".to_owned() };
    let mut new = new_upload();
    new.object.sse = customer(1);
    let upload = store.create_upload(&on("k"), new).await.expect("begins");
    let writer = |sse| store.part_writer(&on::<o::UploadPart>("k"), &upload, 1, NewPart { sse, now_ms: 2 });
    assert!(matches!(writer(Sse::S3).err(), Some(StoreError::CustomerKeyNeeded)));
    assert!(matches!(writer(customer(2)).err(), Some(StoreError::WrongCustomerKey)));
    let mut part = writer(customer(1)).expect("a writer");
    part.write(Bytes::from(body(5, 20_000))).await.expect("writes");
    part.commit("e".to_owned(), None, 2).await.expect("a part");
    let mut options = options(&[]);
    options.parts = vec![ListedPart { number: 1, etag: "e".to_owned(), checksum: None }];
    store.complete_upload(&on("k"), &upload, options).await.expect("completes");
    let view = look(&store, "k", None).expect("is there");
    assert!(matches!(view.check_key(Unlock::Store), Err(StoreError::CustomerKeyNeeded)));
    assert!(matches!(view.check_key(Unlock::Customer(&CustomerKey::new([2; 32]))), Err(StoreError::WrongCustomerKey)));
    let stream = view.content(Unlock::Customer(&CustomerKey::new([1; 32])), 0..20_000).await.expect("opens");
    let found: Vec<Bytes> = stream.try_collect().await.expect("reads");
    assert_eq!(found.concat(), body(5, 20_000));
    drop(view);
    assert_sound(&store).await;

    let plain = begin(&store, "p").await;
    let unwanted = NewPart { sse: customer(1), now_ms: 2 };
    let refused = store.part_writer(&on::<o::UploadPart>("p"), &plain, 1, unwanted).err();
    assert!(matches!(refused, Some(StoreError::UnexpectedCustomerKey)));
}

#[tokio::test]
async fn an_object_of_many_parts_reads_from_several_chunks() {
    let limits = Limits { min_part_bytes: 1, ..small_limits() };
    let (store, _folder) = store_with(false, StoreSettings { limits, ..StoreSettings::default() }).await;
    let upload = begin(&store, "k").await;
    let mut whole = Vec::new();
    let mut parts = Vec::new();
    for number in 1..=1_201_u32 {
        let piece = body(u8::try_from(number % 256).expect("a byte"), usize::try_from(number % 5 + 1).expect("small"));
        part(&store, "k", &upload, number, &piece).await.expect("a part");
        parts.push((number, piece.len()));
        whole.extend(piece);
    }
    complete(&store, "k", &upload, &parts).await.expect("completes");
    let view = look(&store, "k", None).expect("is there");
    assert_eq!(bytes_of(&view, 0..whole.len() as u64).await.expect("reads"), whole);
    let start: usize = parts[..1_100].iter().map(|(_, size)| size).sum();
    let found = view.part(1_101).expect("a part");
    assert_eq!((found.start, found.of), (start as u64, Some(1_201)));
    let found = bytes_of(&view, found.start..found.start + found.size).await.expect("reads");
    assert_eq!(found, whole[start..start + found.len()]);
    assert_eq!(view.parts(498, 4).expect("parts").iter().map(|p| p.number).collect::<Vec<_>>(), [499, 500, 501, 502]);
    drop(view);
    delete(&store, "k", None).await.expect("deletes");
    assert_sound(&store).await;
}
