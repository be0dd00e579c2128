//! The keys of records: ordered as listings want them, so that a scan is a listing.
//!
//! | space | key | value |
//! |---|---|---|
//! | Settings | `format` | the format's number |
//! | Settings | `bucket-ids` | the last bucket id that was given |
//! | Settings | `seq/` bucket id | the bucket's counter |
//! | Settings | `done/` bucket id, upload id | what a completed upload became |
//! | Buckets | name | `BucketRecord` |
//! | Objects | bucket id, key | the current `VersionRecord` |
//! | History | bucket id, escaped key, end, inverted number | the earlier ones, newest first |
//! | Inline | blob id | sealed bytes |
//! | Manifests | manifest id, chunk | up to 1,000 parts |
//! | Uploads | bucket id, escaped key, end, upload id | `UploadRecord` |
//! | Parts | bucket id, upload id, part number | `PartRecord` |
//! | Changes | bucket id, number | `Change` |
//! | Doomed | blob or manifest id | what is to be swept |
//! | Identity | `world`, `block/` account, `mfa/` serial | the identity's documents |
//! | Identity | `entity/` kind, `/` account, `/` id | a document of another service |
//! | Credentials | access key | sealed credentials |
//!
//! Numbers are big-endian. In keys that go on after an object's key, that key is escaped: a zero byte becomes
//! `00 FF`, and `00 00` ends it, which keeps the order of the bytes.

/// The key of the format's number.
pub(super) const FORMAT: &[u8] = b"format";
/// That the root keys are wrapped.
pub(super) const WRAPPED: &[u8] = b"root-keys-wrapped";
/// The key of the counter of bucket ids.
pub(super) const BUCKET_IDS: &[u8] = b"bucket-ids";
/// The key of the seed documents.
pub(super) const WORLD: &[u8] = b"world";
/// Where the documents of other services begin.
pub(super) const ENTITIES: &[u8] = b"entity/";
/// Where the completed uploads begin.
pub(super) const DONE: &[u8] = b"done/";

/// Where the documents of a kind begin, or those of an account among them.
pub(super) fn entities(kind: &str, account: Option<&str>) -> Vec<u8> {
    let kind = joined(&[ENTITIES, kind.as_bytes(), b"/"]);
    account.map_or_else(|| kind.clone(), |account| joined(&[&kind, account.as_bytes(), b"/"]))
}

/// A document of another service.
pub(super) fn entity(kind: &str, account: &str, id: &str) -> Vec<u8> {
    joined(&[&entities(kind, Some(account)), id.as_bytes()])
}

/// The account and id in the key of a document of this kind.
pub(super) fn split_entity<'k>(kind: &str, key: &'k [u8]) -> Option<(&'k str, &'k str)> {
    let rest = std::str::from_utf8(key.get(entities(kind, None).len()..)?).ok()?;
    rest.split_once('/')
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(parts.iter().map(|p| p.len()).sum());
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// The bucket's counter.
pub(super) fn counter(bucket: u64) -> Vec<u8> {
    joined(&[b"seq/", &bucket.to_be_bytes()])
}

/// What a completed upload became.
pub(super) fn done(bucket: u64, upload: &str) -> Vec<u8> {
    joined(&[DONE, &bucket.to_be_bytes(), upload.as_bytes()])
}

/// The current version of an object; with an empty key, where the bucket's objects begin.
pub(super) fn object(bucket: u64, key: &[u8]) -> Vec<u8> {
    joined(&[&bucket.to_be_bytes(), key])
}

/// The object's key in a key of Objects.
pub(super) fn key_of_object(stored: &[u8]) -> Option<&[u8]> {
    stored.get(8..)
}

fn escape_into(out: &mut Vec<u8>, key: &[u8]) {
    for byte in key {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xFF);
        }
    }
}

/// Where the records of a key begin in History or Uploads.
pub(super) fn versions(bucket: u64, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + key.len() + 2 + 8);
    out.extend_from_slice(&bucket.to_be_bytes());
    escape_into(&mut out, key);
    out.extend_from_slice(&[0, 0]);
    out
}

/// Where the records of keys with a prefix begin in History or Uploads.
pub(super) fn versions_from(bucket: u64, prefix: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + prefix.len());
    out.extend_from_slice(&bucket.to_be_bytes());
    escape_into(&mut out, prefix);
    out
}

/// An earlier version.
pub(super) fn version(bucket: u64, key: &[u8], seq: u64) -> Vec<u8> {
    let mut out = versions(bucket, key);
    out.extend_from_slice(&(!seq).to_be_bytes());
    out
}

/// An upload.
pub(super) fn upload(bucket: u64, key: &[u8], upload: &str) -> Vec<u8> {
    let mut out = versions(bucket, key);
    out.extend_from_slice(upload.as_bytes());
    out
}

/// The object's key in a key of History or Uploads, and what comes after it.
pub(super) fn split(stored: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut key = Vec::with_capacity(stored.len());
    let mut rest = stored.get(8..)?;
    loop {
        match rest {
            [0, 0, after @ ..] => return Some((key, after)),
            [0, 0xFF, after @ ..] => {
                key.push(0);
                rest = after;
            }
            [0, ..] | [] => return None,
            [byte, after @ ..] => {
                key.push(*byte);
                rest = after;
            }
        }
    }
}

/// Where the parts of an upload begin.
pub(super) fn parts(bucket: u64, upload: &str) -> Vec<u8> {
    joined(&[&bucket.to_be_bytes(), upload.as_bytes()])
}

/// A part of an upload.
pub(super) fn part(bucket: u64, upload: &str, number: u32) -> Vec<u8> {
    joined(&[&bucket.to_be_bytes(), upload.as_bytes(), &number.to_be_bytes()])
}

/// A chunk of a manifest.
pub(super) fn manifest(id: &[u8], chunk: u32) -> Vec<u8> {
    joined(&[id, &chunk.to_be_bytes()])
}

/// A change.
pub(super) fn change(bucket: u64, seq: u64) -> Vec<u8> {
    joined(&[&bucket.to_be_bytes(), &seq.to_be_bytes()])
}

/// The least key above every key with this prefix; `None`: there is none.
pub(super) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < 0xFF {
            *last += 1;
            return Some(end);
        }
        end.pop();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn escaped_keys_keep_their_order_and_come_back(
            a in proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xFF), any::<u8>()], 0..8),
            b in proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xFF), any::<u8>()], 0..8),
        ) {
            prop_assert_eq!(versions(7, &a).cmp(&versions(7, &b)), a.cmp(&b));
            let stored = version(7, &a, 42);
            let (key, after) = split(&stored).expect("well formed");
            prop_assert_eq!(key, a.clone());
            prop_assert_eq!(after, (!42_u64).to_be_bytes());
            prop_assert!(version(7, &a, 43) < version(7, &a, 42), "newest first");
            if a.starts_with(&b) {
                prop_assert!(versions(7, &a).starts_with(&versions_from(7, &b)));
            }
        }

        #[test]
        fn nothing_with_the_prefix_is_above_its_end(p in proptest::collection::vec(any::<u8>(), 1..4),
                                                    k in proptest::collection::vec(any::<u8>(), 0..6)) {
            match after_prefix(&p) {
                Some(end) => prop_assert_eq!(k >= p && k < end, k.starts_with(&p)),
                None => prop_assert_eq!(k >= p, k.starts_with(&p)),
            }
        }
    }
}
