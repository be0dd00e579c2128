//! Tests of blobs that are sealed twice over.

use super::ciphertext::tests::unhex;
use super::envelope::{FORMAT_TWICE, InnerKey};
use super::*;
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

const CHUNK: usize = CHUNK_SIZE as usize;
const BOUND: &[u8] = b"the key's ARN and the encryption context";

fn blob() -> BlobId {
    BlobId::from_bytes([5; 16])
}

fn material() -> KeyMaterial {
    KeyMaterial::new(&[7; 32])
}

fn plain(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from((i * 31 + i / 251) % 256).expect("below 256")).collect()
}

fn sealed(text: &[u8]) -> (Envelope, Vec<u8>) {
    let (key, envelope) = material().seal_new(blob(), 3, BOUND, Layers::Two).expect("sealed");
    let bytes = seal_small(key, blob(), text).expect("sealed");
    (envelope, bytes)
}

fn open(envelope: &Envelope, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
    open_small(material().open_key(blob(), envelope, BOUND)?, blob(), bytes)
}

/// What another implementation of the format sealed. It opens for ever: a failure here is lost data.
#[test]
fn kept_blobs_open() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/dsse-blobs.json");
    let kept: Vec<serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(file).expect("the kept blobs")).expect("a list");
    assert_eq!(kept.len(), 4);
    for one in kept {
        let of = |name: &str| unhex(one[name].as_str().expect("a text"));
        let number = |name: &str| u32::try_from(one[name].as_u64().expect("a number")).expect("small");
        let material = KeyMaterial::new(&of("material").try_into().expect("32 bytes"));
        let id = BlobId::from_bytes(of("blob").try_into().expect("16 bytes"));
        let envelope = Envelope {
            format: FORMAT_TWICE,
            chunk_size: number("chunk_size"),
            sealed_by: SealedBy::Kms { material: number("version") },
            wrapped_key: of("outer").try_into().expect("60 bytes"),
            inner_key: Some(InnerKey(of("inner").try_into().expect("60 bytes"))),
        };
        let length = number("plain_len");
        assert_eq!(of("sealed").len() as u64, envelope.layout().sealed_len(u64::from(length)));
        let key = material.open_key(id, &envelope, &of("bound")).expect("both data keys");
        assert_eq!(open_small(key, id, of("sealed")).expect("opens"), plain(length as usize));
    }
}

#[test]
fn every_size_and_range_comes_back() {
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 17] {
        let text = plain(len);
        let (envelope, bytes) = sealed(&text);
        assert_eq!(bytes.len() as u64, envelope.layout().sealed_len(len as u64), "{len}");
        assert_eq!(open(&envelope, &bytes).expect("opened"), text, "{len}");
        let places = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, len];
        for start in places.into_iter().filter(|place| *place <= len) {
            for end in places.into_iter().filter(|end| (start..=len).contains(end)) {
                let range = start as u64..end as u64;
                let plan = ChunkPlan::new(blob(), len as u64, envelope.layout(), range).expect("inside");
                let at = plan.sealed_range(plan.wanted());
                let mut part = bytes[usize::try_from(at.start).unwrap()..usize::try_from(at.end).unwrap()].to_vec();
                let opener = Opener::new(material().open_key(blob(), &envelope, BOUND).expect("both"), blob());
                let wanted = opener.open_run(&plan, plan.wanted(), &mut part).expect("untouched");
                let got: Vec<u8> = wanted.into_iter().flat_map(|place| part[place].to_vec()).collect();
                assert_eq!(got, text[start..end], "{start}..{end} of {len}");
            }
        }
    }
}

/// One layer's cipher over the one chunk of a small blob, as the format says it.
fn layer(key: &DataKey, inner: bool) -> (&LessSafeKey, impl Fn() -> Nonce + use<>, Aad<Vec<u8>>) {
    let aead = if inner { key.inner.as_ref().expect("an inner layer") } else { &key.aead };
    let nonce = || Nonce::assume_unique_for_key([&[5; 7][..], &[0; 4], &[1]].concat().try_into().expect("12 bytes"));
    (aead, nonce, Aad::from([&[FORMAT_TWICE][..], &CHUNK_SIZE.to_be_bytes(), &[5; 16]].concat()))
}

#[test]
fn one_layer_alone_gives_nothing_away() {
    let text = b"what only both keys together give";
    let (envelope, bytes) = sealed(text);
    let holds = |bytes: &[u8]| bytes.windows(8).any(|window| text.windows(8).any(|part| part == window));
    let key = material().open_key(blob(), &envelope, BOUND).expect("both");
    let (outer, nonce, context) = layer(&key, false);
    let mut peeled = bytes.clone();
    let inside = outer.open_in_place(nonce(), context, &mut peeled).expect("the outer layer").to_vec();
    assert_eq!(inside.len(), text.len() + TAG_LEN);
    assert!(!holds(&bytes) && !holds(&inside));
    // The inner key opens nothing that the outer one still seals, and is another one.
    let (inner, nonce, context) = layer(&key, true);
    assert!(inner.open_in_place(nonce(), context, &mut bytes.clone()).is_err());
    let (inner, nonce, context) = layer(&key, true);
    assert_eq!(*inner.open_in_place(nonce(), context, &mut inside.clone()).expect("both layers"), *text);
    // A reader with the outer data key only, as one would have it whose envelope lost the inner one.
    let (outer, nonce, context) = layer(&key, false);
    assert!(outer.open_in_place(nonce(), context, &mut inside.clone()).is_err(), "the layers have a key each");
}

#[test]
fn either_layer_is_authenticated() {
    let (envelope, bytes) = sealed(b"a small object");
    let tampered = Err(SealError::Tampered { blob: blob(), chunk: 0 });
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&envelope, &changed), tampered, "bit {bit}");
    }
    for cut in 0..bytes.len() {
        assert_eq!(open(&envelope, &bytes[..cut]), tampered, "cut at {cut}");
    }
    // Whoever has the outer key still cannot change what the inner one sealed.
    let key = material().open_key(blob(), &envelope, BOUND).expect("both");
    let (outer, nonce, context) = layer(&key, false);
    let inside = outer.open_in_place(nonce(), context, &mut bytes.clone()).expect("the outer layer").to_vec();
    for bit in 0..inside.len() * 8 {
        let mut changed = inside.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let (outer, nonce, context) = layer(&key, false);
        outer.seal_in_place_append_tag(nonce(), context, &mut changed).expect("sealed");
        assert_eq!(open(&envelope, &changed), tampered, "bit {bit} below the outer layer");
    }
}

#[test]
fn a_changed_envelope_opens_nothing() {
    let (envelope, bytes) = sealed(b"secret");
    let wrong = Some(SealError::WrongServiceKey { blob: blob() });
    let refused = |envelope: &Envelope| material().open_key(blob(), envelope, BOUND).err();
    let InnerKey(inner) = envelope.inner_key.clone().expect("an inner key");
    for bit in 0..inner.len() * 8 {
        let mut changed = inner;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refused(&Envelope { inner_key: Some(InnerKey(changed)), ..envelope.clone() }), wrong, "bit {bit}");
        let mut changed = envelope.wrapped_key;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refused(&Envelope { wrapped_key: changed, ..envelope.clone() }), wrong, "bit {bit}");
    }
    let swapped = Envelope { wrapped_key: inner, inner_key: Some(InnerKey(envelope.wrapped_key)), ..envelope.clone() };
    let twice_outer = Envelope { inner_key: Some(InnerKey(envelope.wrapped_key)), ..envelope.clone() };
    let once = Envelope { format: 1, inner_key: None, ..envelope.clone() };
    for changed in [swapped, twice_outer, once] {
        assert_eq!(refused(&changed), wrong, "{changed:?}");
    }
    for changed in [Envelope { inner_key: None, ..envelope.clone() }, Envelope { format: 1, ..envelope.clone() }] {
        assert!(matches!(refused(&changed), Some(SealError::UnknownFormat { .. })), "{changed:?}");
    }
    assert_eq!(material().open_key(blob(), &envelope, b"another context").err(), wrong);
    assert_eq!(KeyMaterial::new(&[8; 32]).open_key(blob(), &envelope, BOUND).err(), wrong);
    let packed = rmp_serde::to_vec_named(&envelope).expect("packed");
    assert_eq!(rmp_serde::from_slice::<Envelope>(&packed).expect("read"), envelope);
    assert_eq!(open(&envelope, &bytes).expect("opens"), b"secret");
}

/// AES-256-GCM as data keys have it. Source: `McGrew` and Viega, "The Galois/Counter Mode of Operation", test cases 13
/// to 16, which NIST's validation of SP 800-38D goes back to.
#[test]
fn data_keys_are_aes_gcm_by_the_book() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/aes-256-gcm.json");
    let cases: Vec<serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(file).expect("the vectors")).expect("a list");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let of = |name: &str| unhex(case[name].as_str().expect("a text"));
        let bytes: [u8; 32] = of("key").try_into().expect("32 bytes");
        let key = DataKey::new(&bytes, &Envelope::new(SealedBy::Customer)).expect("a key");
        let nonce = || Nonce::assume_unique_for_key(of("nonce").try_into().expect("12 bytes"));
        let mut sealed = of("plain");
        key.aead.seal_in_place_append_tag(nonce(), Aad::from(of("aad")), &mut sealed).expect("sealed");
        assert_eq!(sealed, of("sealed"), "{}", case["case"]);
        let opened = key.aead.open_in_place(nonce(), Aad::from(of("aad")), &mut sealed).expect("opens");
        assert_eq!(*opened, of("plain"), "{}", case["case"]);
    }
}

/// Keys that wrap keys come from HKDF-SHA-256. Source: RFC 5869, appendix A.1.
#[test]
fn wrapping_keys_are_hkdf_by_the_book() {
    struct Bytes42;
    impl aws_lc_rs::hkdf::KeyType for Bytes42 {
        fn len(&self) -> usize {
            42
        }
    }
    let extracted = Salt::new(HKDF_SHA256, &unhex("000102030405060708090a0b0c")).extract(&[0x0b; 22]);
    let mut out = [0; 42];
    let info = unhex("f0f1f2f3f4f5f6f7f8f9");
    extracted.expand(&[&info], Bytes42).expect("short enough").fill(&mut out).expect("42 bytes");
    let wanted = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(out[..], unhex(wanted));
}
