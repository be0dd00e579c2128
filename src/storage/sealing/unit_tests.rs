//! Tests of the format, the keys and the key file.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

const CHUNK: usize = CHUNK_SIZE as usize;

fn once() -> Layout {
    Layout::new(CHUNK_SIZE, Layers::One)
}

fn blob(n: u8) -> BlobId {
    BlobId::from_bytes([n; 16])
}

fn customer() -> CustomerKey {
    CustomerKey::new([7; 32])
}

fn plain(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from((i * 31 + i / 251) % 256).expect("below 256")).collect()
}

/// Seals `text` for blob 1; returns the envelope, to open as often as a test likes.
fn sealed(text: &[u8]) -> (Envelope, Vec<u8>) {
    let (key, envelope) = customer().seal_new(blob(1)).expect("sealed");
    let bytes = seal_small(key, blob(1), text).expect("sealed");
    (envelope, bytes)
}

fn open(envelope: &Envelope, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
    open_small(customer().open_key(blob(1), envelope)?, blob(1), bytes)
}

/// Opens only the chunks of a range, as a reader of a file does.
fn open_range(envelope: &Envelope, bytes: &[u8], plain_len: usize, range: std::ops::Range<u64>) -> Vec<u8> {
    let plan = ChunkPlan::new(blob(1), plain_len as u64, once(), range).expect("inside");
    let at = plan.sealed_range(plan.wanted());
    let mut part = bytes[usize::try_from(at.start).unwrap()..usize::try_from(at.end).unwrap()].to_vec();
    let opener = Opener::new(customer().open_key(blob(1), envelope).expect("right key"), blob(1));
    let wanted = opener.open_run(&plan, plan.wanted(), &mut part).expect("untouched");
    wanted.into_iter().flat_map(|place| part[place].to_vec()).collect()
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let id = BlobId::generate(0).expect("random");
        Self(std::env::temp_dir().join(format!("portcullis-keys-{id}")))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn every_size_and_range_comes_back() {
    for len in [0, 1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1, 3 * CHUNK + 17] {
        let text = plain(len);
        let (envelope, bytes) = sealed(&text);
        assert_eq!(bytes.len() as u64, once().sealed_len(len as u64), "{len}");
        assert_eq!(open(&envelope, &bytes).expect("opened"), text, "{len}");
        let mut places = vec![0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 3 * CHUNK, len / 2, len];
        places.retain(|place| *place <= len);
        for start in &places {
            for end in places.iter().filter(|end| *end >= start) {
                let got = open_range(&envelope, &bytes, len, *start as u64..*end as u64);
                assert_eq!(got, text[*start..*end], "{start}..{end} of {len}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pushing_in_any_portions_seals_the_same_plaintext(
        portions in prop::collection::vec(0..150_000_usize, 0..6),
        per_piece in 1..4_usize,
        cut in (0.0..1.0_f64, 0.0..1.0_f64),
    ) {
        let text = plain(portions.iter().sum());
        let (key, envelope) = customer().seal_new(blob(1)).expect("sealed");
        let mut sealer = Sealer::new(key, blob(1), per_piece);
        let mut bytes = Vec::new();
        let mut rest = Bytes::from(text.clone());
        for portion in portions {
            let mut data = rest.split_to(portion);
            while !data.is_empty() {
                if let Some(piece) = sealer.push(&mut data).expect("sealed") {
                    prop_assert_eq!(piece.len(), per_piece * (CHUNK + TAG_LEN));
                    bytes.extend_from_slice(&piece);
                    sealer.recycle(piece);
                }
            }
        }
        let (last, len) = sealer.finish().expect("sealed");
        bytes.extend_from_slice(&last);
        prop_assert_eq!(len, text.len() as u64);
        prop_assert_eq!(open(&envelope, &bytes).expect("opened"), text.clone());

        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "any place inside will do")]
        let place = |part: f64| (part * text.len() as f64) as usize;
        let (a, b) = (place(cut.0.min(cut.1)), place(cut.0.max(cut.1)));
        prop_assert_eq!(open_range(&envelope, &bytes, text.len(), a as u64..b as u64), &text[a..b]);
    }
}

#[test]
fn ranges_outside_are_refused() {
    for (len, start, end) in [(0, 0, 1), (10, 0, 11), (10, 11, 11), (10, 5, 4)] {
        let plan = ChunkPlan::new(blob(1), len, once(), start..end);
        assert_eq!(plan, Err(SealError::OutOfRange { start, end, plain_len: len }));
    }
    let endless = ChunkPlan::new(blob(1), u64::MAX / 2, once(), 0..1);
    assert_eq!(endless, Err(SealError::TooLong { blob: blob(1) }));
}

#[test]
fn every_flipped_bit_cut_and_extension_is_refused() {
    for text in [&b""[..], b"a small object"] {
        let (envelope, bytes) = sealed(text);
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&envelope, &changed), Err(SealError::Tampered { blob: blob(1), chunk: 0 }), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(open(&envelope, &bytes[..len]).is_err(), "cut to {len}");
            assert!(open(&envelope, &bytes[bytes.len() - len..]).is_err(), "the last {len}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(open(&envelope, &longer).is_err());
    }
}

#[test]
fn chunks_stay_in_their_places() {
    const SEALED: usize = CHUNK + TAG_LEN;
    let (envelope, bytes) = sealed(&plain(3 * CHUNK));
    let chunks: Vec<&[u8]> = bytes.chunks(SEALED).collect();
    let orders: [&[usize]; 8] = [&[1, 0, 2], &[0, 2, 1], &[2, 1, 0], &[0, 0, 2], &[0, 1], &[0], &[1, 2], &[0, 1, 2, 2]];
    for order in orders {
        let moved: Vec<u8> = order.iter().flat_map(|place| chunks[*place].to_vec()).collect();
        assert!(matches!(open(&envelope, &moved), Err(SealError::Tampered { .. })), "{order:?}");
    }
    // Cut at a chunk's end and said to be shorter: the chunk that is last now was not sealed as the last.
    assert_eq!(open(&envelope, &bytes[..2 * SEALED]), Err(SealError::Tampered { blob: blob(1), chunk: 1 }));
    // An empty last chunk is not taken for the end of a blob that fills its chunks.
    let (_, empty) = sealed(b"");
    assert!(open(&envelope, &[&bytes[..], &empty[..]].concat()).is_err());
}

#[test]
fn a_blob_opens_as_itself_only() {
    let (envelope, bytes) = sealed(b"mine");
    let (other, others) = sealed(b"mine");
    assert_ne!(bytes, others, "data keys are random");
    assert!(matches!(open(&envelope, &others), Err(SealError::Tampered { .. })));
    assert_eq!(customer().open_key(blob(2), &envelope).err(), Some(SealError::WrongKey { blob: blob(2) }));
    let key = customer().open_key(blob(1), &other).expect("right key");
    assert_eq!(open_small(key, blob(2), others), Err(SealError::Tampered { blob: blob(2), chunk: 0 }));
}

#[test]
fn a_wrong_customer_key_opens_nothing() {
    let (envelope, _) = sealed(b"secret");
    for bit in 0..256 {
        let mut key = [7; 32];
        key[bit / 8] ^= 1 << (bit % 8);
        let opened = CustomerKey::new(key).open_key(blob(1), &envelope);
        assert_eq!(opened.err(), Some(SealError::WrongKey { blob: blob(1) }));
    }
}

#[test]
fn a_changed_envelope_opens_nothing() {
    let (envelope, _) = sealed(b"secret");
    for bit in 0..envelope.wrapped_key.len() * 8 {
        let mut changed = envelope.clone();
        changed.wrapped_key[bit / 8] ^= 1 << (bit % 8);
        assert!(customer().open_key(blob(1), &changed).is_err(), "bit {bit}");
    }
    let smaller = Envelope { chunk_size: CHUNK_SIZE / 2, ..envelope.clone() };
    assert!(matches!(customer().open_key(blob(1), &smaller), Err(SealError::WrongKey { .. })));
    for (format, chunk_size) in [(2, CHUNK_SIZE), (0, CHUNK_SIZE), (1, 0), (1, 1), (1, 65_537), (1, 1 << 31)] {
        let changed = Envelope { format, chunk_size, ..envelope.clone() };
        let refused = customer().open_key(blob(1), &changed).err();
        assert_eq!(refused, Some(SealError::UnknownFormat { format, chunk_size }));
    }
}

#[test]
fn older_root_keys_open_for_ever() {
    let folder = Folder::new();
    let ring = KeyRing::create(&folder.0, 1000).expect("made");
    let (key, envelope) = ring.seal_new(blob(1)).expect("sealed");
    let bytes = seal_small(key, blob(1), b"old").expect("sealed");
    assert_eq!(ring.rotate_if_older_than(1099, 100).expect("asked"), None);
    assert_eq!(ring.rotate_if_older_than(900, 100).expect("a clock set back"), None);
    assert_eq!(ring.rotate_if_older_than(1100, 100).expect("rotated"), Some(2));
    assert_eq!(ring.rotate(1101).expect("rotated"), 3);
    let reopened = KeyRing::open(&folder.0).expect("opened");
    for ring in [&ring, &reopened] {
        assert_eq!(ring.version(), 3);
        let key = ring.open_key(blob(1), &envelope).expect("version 1 is kept");
        assert_eq!(open_small(key, blob(1), &bytes[..]).expect("opened"), b"old");
        let (_, new) = ring.seal_new(blob(2)).expect("sealed");
        assert_eq!(new.sealed_by(), SealedBy::Root { version: 3 });
        assert!(reopened.open_key(blob(2), &new).is_ok());
        let relabelled = Envelope { sealed_by: SealedBy::Root { version: 2 }, ..new.clone() };
        let refused = ring.open_key(blob(2), &relabelled).err();
        assert_eq!(refused, Some(SealError::TamperedKey { blob: blob(2) }));
        let unknown = Envelope { sealed_by: SealedBy::Root { version: 4 }, ..new.clone() };
        assert_eq!(ring.open_key(blob(2), &unknown).err(), Some(SealError::UnknownRootKey { version: 4 }));
        assert_eq!(customer().open_key(blob(2), &new).err(), Some(SealError::NoCustomerKey { blob: blob(2) }));
        let (theirs, _) = sealed(b"");
        assert_eq!(ring.open_key(blob(1), &theirs).err(), Some(SealError::CustomerKeyNeeded { blob: blob(1) }));
    }
}

#[test]
fn the_key_file_is_its_owners() {
    let folder = Folder::new();
    let ring = KeyRing::create(&folder.0, 0).expect("made");
    let file = folder.0.join("root.json");
    let mode = |path: &PathBuf| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder.0), mode(&file)), (0o700, 0o600));
    ring.rotate(1).expect("rotated");
    assert_eq!(mode(&file), 0o600);
    assert!(matches!(KeyRing::create(&folder.0, 2), Err(KeyRingError::Exists { .. })));
    for exposed in [0o640, 0o604, 0o620, 0o601] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(exposed)).expect("set");
        let refused = KeyRing::open(&folder.0).expect_err("open to others").to_string();
        assert!(refused.contains(&format!("is open to others (mode {exposed:03o})")), "{refused}");
    }
}

#[test]
fn a_damaged_key_file_is_refused_without_quoting_it() {
    let folder = Folder::new();
    KeyRing::create(&folder.0, 0).expect("made").rotate(1).expect("rotated");
    let file = folder.0.join("root.json");
    let good = std::fs::read_to_string(&file).expect("text");
    let secret = good.split('"').find(|part| part.len() == 44).expect("a key in base64").to_owned();
    let cases = [
        good[..good.len() / 2].to_owned(),
        String::new(),
        good.replace("\"format\": 1", "\"format\": 2"),
        good.replace("\"version\": 2", "\"version\": 1"),
        good.replace("\"created\": 0", &format!("\"created\": \"{secret}\"")),
        good.replace("\"created\": 0,", "\"created\": 0, \"more\": 1,"),
        good.replace(&secret, &secret[4..]),
        "{\"format\": 1, \"keys\": []}".to_owned(),
    ];
    for text in cases {
        assert_ne!(text, good, "the case changes something");
        std::fs::write(&file, &text).expect("written");
        let refused = KeyRing::open(&folder.0).expect_err("damaged");
        assert!(matches!(refused, KeyRingError::Malformed { .. }), "{refused}");
        assert!(!format!("{refused} {refused:?}").contains(&secret[4..]), "the key is not quoted");
    }
    std::fs::remove_file(&file).expect("removed");
    assert!(matches!(KeyRing::open(&folder.0), Err(KeyRingError::Io { .. })), "no key ring is made in its place");
}

#[test]
fn keys_are_not_printed() {
    let folder = Folder::new();
    let ring = KeyRing::create(&folder.0, 0).expect("made");
    let (fresh, envelope) = customer().seal_new(blob(1)).expect("sealed");
    let opened = customer().open_key(blob(1), &envelope).expect("opened");
    let text = format!("{:?} {fresh:?} {opened:?}", customer());
    assert_eq!(text, "CustomerKey(…) FreshKey(…) DataKey(…)");
    let path = folder.0.join("root.json");
    assert_eq!(format!("{ring:?}"), format!("KeyRing {{ source: FileSource({path:?}), version: 1, .. }}"));
}

#[test]
fn ids_are_ordered_by_time_and_read_back() {
    let ids: Vec<BlobId> = [1, 2, 256, 1 << 47].iter().map(|t| BlobId::generate(*t).expect("random")).collect();
    assert!(ids.is_sorted());
    assert_ne!(BlobId::generate(5), BlobId::generate(5));
    for id in ids {
        assert_eq!(BlobId::parse(&id.to_string()), Some(id));
    }
    let text = "00ff0a1b2c3d4e5f60718293a4b5c6d7";
    let id = BlobId::parse(text).expect("an id");
    assert_eq!((id.to_string().as_str(), id.shard()), (text, 0xd7));
    for wrong in [
        "",
        "00",
        &text.to_uppercase(),
        &text[1..],
        "00ff0a1b2c3d4e5f60718293a4b5c6dg",
        "é0ff0a1b2c3d4e5f60718293a4b5c6d",
    ] {
        assert_eq!(BlobId::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn envelopes_read_back_from_named_fields() {
    let (envelope, _) = sealed(b"");
    let packed = rmp_serde::to_vec_named(&(blob(3), &envelope)).expect("packed");
    assert!(packed.len() < 160, "{} bytes", packed.len());
    assert_eq!(rmp_serde::from_slice::<(BlobId, Envelope)>(&packed).expect("read"), (blob(3), envelope.clone()));
    let json = serde_json::to_string(&envelope).expect("written");
    assert_eq!(serde_json::from_str::<Envelope>(&json).expect("read"), envelope);
    assert!(serde_json::from_str::<Envelope>(&json.replace('[', "[1,")).is_err(), "a key too long");
    assert!(serde_json::from_str::<Envelope>(&json.replace("customer", "kms")).is_err(), "an unknown sealer");
}
