//! The mode against the whole one, the formats against themselves and against what others wrote.

use super::*;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use futures_util::FutureExt as _;
use proptest::prelude::*;

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a raw key does not wait")
}

fn whole(key: &[u8; 32], nonce: [u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes"));
    let mut out = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut out).expect("sealed");
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_stream_is_what_the_whole_is(
        key in any::<[u8; 32]>(),
        nonce in any::<[u8; 12]>(),
        aad in proptest::collection::vec(any::<u8>(), 0..40),
        plain in proptest::collection::vec(any::<u8>(), 0..70_000),
        cuts in proptest::collection::vec(1_usize..20_000, 1..8),
    ) {
        let mut gcm = Gcm::new(&key, &nonce, &aad).expect("a key");
        let mut sealed = plain.clone();
        let mut rest = sealed.as_mut_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at_mut((*cut).min(rest.len()));
            gcm.encrypt(now).expect("short");
            rest = later;
        }
        sealed.extend_from_slice(&gcm.tag());
        prop_assert_eq!(&sealed, &whole(&key, nonce, &aad, &plain));
        let mut gcm = Gcm::new(&key, &nonce, &aad).expect("a key");
        let (body, tag) = sealed.split_at_mut(plain.len());
        for piece in body.chunks_mut(cuts[0]) {
            gcm.decrypt(piece).expect("short");
        }
        prop_assert_eq!(&*body, &*plain);
        prop_assert_eq!(&*tag, &gcm.tag()[..]);
    }
}

/// Source: `McGrew` and Viega, "The Galois/Counter Mode of Operation", test cases 13 to 16, which NIST's validation of
/// SP 800-38D goes back to.
#[test]
fn a_stream_is_aes_gcm_by_the_book() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/aes-256-gcm.json");
    let cases: Vec<serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(file).expect("the vectors")).expect("a list");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let of = |name: &str| unhex(case[name].as_str().expect("a text"));
        let (key, nonce) = (of("key").try_into().expect("32 bytes"), of("nonce").try_into().expect("12 bytes"));
        let mut gcm = Gcm::new(&key, &nonce, &of("aad")).expect("a key");
        let mut sealed = of("plain");
        sealed.chunks_mut(7).for_each(|piece| gcm.encrypt(piece).expect("short enough"));
        sealed.extend(gcm.tag());
        assert_eq!(sealed, of("sealed"), "{}", case["case"]);
    }
}

fn keyring() -> AesKeyring {
    AesKeyring::new(&[7; 32]).expect("32 bytes")
}

fn encrypted(keyring: &dyn Keyring, plain: &[u8]) -> (Envelope, Vec<u8>) {
    let mut encryptor = now(Encryptor::new(keyring, &BTreeMap::new())).expect("a data key");
    let mut out = plain.to_vec();
    out.chunks_mut(1000).for_each(|chunk| encryptor.update(chunk).expect("short"));
    let envelope = encryptor.envelope.clone();
    out.extend_from_slice(&encryptor.finish());
    (envelope, out)
}

fn decrypted(keyring: &dyn Keyring, envelope: &Envelope, sealed: &[u8]) -> Result<Vec<u8>, EncryptionError> {
    let mut decryptor = now(Decryptor::new(keyring, envelope))?;
    let mut out = Vec::new();
    for piece in sealed.chunks(7) {
        decryptor.update(piece, &mut out)?;
    }
    decryptor.finish().map(|()| out)
}

#[test]
fn what_goes_in_comes_out_through_the_metadata() {
    let text = b"for those who may".repeat(500);
    for plain in [&b""[..], b"x", &text] {
        let (envelope, sealed) = encrypted(&keyring(), plain);
        assert_eq!(sealed.len() as u64, plain.len() as u64 + OVERHEAD);
        let metadata = envelope.metadata();
        assert_eq!(metadata.get("x-amz-c").map(String::as_str), Some("115"));
        assert_eq!(metadata.get("x-amz-w").map(String::as_str), Some("02"));
        let read = Envelope::read(&metadata).expect("as written");
        assert_eq!(read, envelope);
        assert_eq!(decrypted(&keyring(), &read, &sealed).as_deref(), Ok(plain));
    }
}

#[test]
fn an_object_is_encrypted_again_to_the_same_bytes() {
    let (envelope, sealed) = encrypted(&keyring(), b"the same again");
    let mut again = now(Encryptor::again(&keyring(), &envelope)).expect("the same key");
    let mut out = b"the same again".to_vec();
    again.update(&mut out).expect("short");
    out.extend_from_slice(&again.finish());
    assert_eq!(out, sealed);
}

#[test]
fn whatever_is_changed_is_refused() {
    let (envelope, sealed) = encrypted(&keyring(), b"sixteen bytes or more of text");
    let other = AesKeyring::new(&[8; 32]).expect("32 bytes");
    assert_eq!(decrypted(&other, &envelope, &sealed), Err(EncryptionError::WrongKey));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(decrypted(&keyring(), &envelope, &changed), Err(EncryptionError::NotAuthentic), "byte {at}");
    }
    for short in 0..sealed.len() {
        let cut = decrypted(&keyring(), &envelope, &sealed[..short]);
        assert_eq!(cut, Err(EncryptionError::NotAuthentic), "{short} bytes");
    }
    let change = |with: fn(&mut Envelope)| {
        let mut changed = envelope.clone();
        with(&mut changed);
        decrypted(&keyring(), &changed, &sealed)
    };
    assert_eq!(change(|e| e.commitment[0] ^= 1), Err(EncryptionError::Commitment));
    assert_eq!(change(|e| e.iv[0] ^= 1), Err(EncryptionError::Commitment));
    assert_eq!(change(|e| e.wrapped.key[20] ^= 1), Err(EncryptionError::WrongKey));
    // The data key is bound to its suite: it cannot be passed off as one of the format without commitment.
    let passed_off = change(|e| {
        e.suite = Suite::Plain;
        e.iv.truncate(12);
    });
    assert_eq!(passed_off, Err(EncryptionError::WrongKey));
}

#[test]
fn metadata_of_two_formats_or_of_none_are_refused() {
    let (envelope, _) = encrypted(&keyring(), b"x");
    let good = envelope.metadata();
    let with = |name: &str, value: &str| {
        let mut changed = good.clone();
        changed.insert(name.to_owned(), value.to_owned());
        Envelope::read(&changed).expect_err("refused").to_string()
    };
    let mut missing = good.clone();
    missing.remove("x-amz-d");
    assert!(Envelope::read(&missing).expect_err("refused").to_string().contains("x-amz-d is missing"));
    assert!(with("x-amz-key-v2", "eA==").contains("two formats"));
    assert!(with("x-amz-i", "eA==").contains("1 bytes long instead of 28"));
    assert!(with("x-amz-3", "%").contains("not base64"));
    assert!(with("x-amz-m", "[]").contains("not a JSON object"));
    assert!(with("x-amz-c", "116").contains("`116`"));
    assert!(with("x-amz-w", "99").contains("`99`"));
    assert_eq!(Envelope::read(&BTreeMap::new()), Err(EncryptionError::NotEncrypted));
    let old = BTreeMap::from([("x-amz-key".to_owned(), "eA==".to_owned())]);
    assert!(matches!(Envelope::read(&old), Err(EncryptionError::Unsupported(_))));
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect()
}

/// Key, commitment and ciphertext as `amazon-s3-encryption-client-python` 4.0.0 makes them (`key_derivation.py`,
/// `derive_keys`), from the data key 0, 1, … 31 and the message id 100, 101, … 127.
#[test]
fn keys_and_commitments_are_those_of_the_encryption_client() {
    let key = DataKey::from_slice(&(0..32).collect::<Vec<u8>>()).expect("32 bytes");
    let message_id: Vec<u8> = (100..128).collect();
    let (derived, commitment) = committed(&key, &message_id).expect("derived");
    assert_eq!(derived.to_vec(), unhex("95e0b2ff3f50200a0e3015f67f680fa0e4bce4c2e63c817f1ff465eb4b974f85"));
    assert_eq!(commitment.to_vec(), unhex("2d59a480d136f5982791c93a93d760ceade5011ccf465dbfc303c597"));
    let message_id = message_id.try_into().expect("28 bytes");
    let mut encryptor = Encryptor::of(&key, Wrapped::default(), message_id).expect("a key");
    let mut text = b"for those who may".to_vec();
    encryptor.update(&mut text).expect("short");
    text.extend_from_slice(&encryptor.finish());
    assert_eq!(text, unhex("3f7ef710c9f65104b2caa7c84128d6971d01687aee59766576992286ea3fc36519"));
}

#[test]
fn a_context_is_of_characters_that_every_client_reads_alike() {
    let context = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    assert!(now(Encryptor::new(&keyring(), &context("a \"b\"", "c=\\d&<e>"))).is_ok());
    for (name, value) in [("Stra\u{df}e", "a"), ("a", "\u{1f511}"), ("a\n", "b")] {
        let refused = now(Encryptor::new(&keyring(), &context(name, value))).err();
        assert!(matches!(refused, Some(EncryptionError::Key(_))), "{name} {value}");
    }
}
