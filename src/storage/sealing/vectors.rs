//! What version 1 of the format sealed once. It must open for ever: a failure here is lost data.

use super::*;
use aws_lc_rs::digest::{SHA256, digest};
use std::os::unix::fs::OpenOptionsExt as _;

const BLOB: &str = "018bcfe56800112233445566778899aa";
const TEXT: &[u8] = b"Sealed by version 1 of the format.";

const KEY_FILE: &str = r#"{
  "format": 1,
  "keys": [
    {
      "version": 1,
      "created": 1700000000,
      "key": "Vf7gw90Fp0clJBwBj/fpDOSUcOESH+mavvydEJIqhE4="
    }
  ]
}
"#;
const BY_ROOT: (&str, &str) = (
    "84a6666f726d617401aa6368756e6b5f73697a65ce00010000a97365616c65645f627981a4726f6f7481a776657273696f6e01\
     ab777261707065645f6b6579c43ce3ac7cc64cd2da91677c3c82fe07e98f5237e74824993417a29c4c46150ebc7880a05966ff\
     e94c94b8393bc8188a692bf789890cd1aeb2884d10ba9e",
    "0545e2c09041f74385a8772a164a123a2a2ecbb055427103d2dbec75a5cd1c5345a04597d6ef1a86f85c1836f11c44bd5d42",
);

const CUSTOMER_KEY: [u8; 32] = *b"a key that the customer sends me";
const BY_CUSTOMER: (&str, &str) = (
    "84a6666f726d617401aa6368756e6b5f73697a65ce00010000a97365616c65645f6279a8637573746f6d6572ab777261707065\
     645f6b6579c43c730910be1cbc48eea85e245c3f4247223aa8e9976cd18bdc40e3172c70c4d58c3d02fb680766e5a7654197ca\
     f60f753a30187f7e5ebb8ed206383fae",
    "fb4a8e03e4540c193ab4cdd374583e885466606de95f7371e2b3c30e21a00ec61f004e1e548b302cc179351b988292f849e2",
);
/// SHA-256 of 150,000 zeros (three chunks) as the customer's data key above seals them.
const LONG_DIGEST: &str = "436905765abca3ee7507b92d1c29e4f77c0336d54bfed7bbb7496902811082b1";

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}

fn envelope(hex: &str) -> Envelope {
    rmp_serde::from_slice(&bytes(hex)).expect("an envelope of version 1")
}

#[test]
fn a_blob_sealed_by_a_root_key_of_version_1_opens() {
    let blob = BlobId::parse(BLOB).expect("an id");
    let folder = std::env::temp_dir().join(format!("portcullis-vector-{}", BlobId::generate(0).expect("random")));
    std::fs::create_dir(&folder).expect("made");
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join("root.json"));
    std::io::Write::write_all(&mut file.expect("made"), KEY_FILE.as_bytes()).expect("written");
    let ring = KeyRing::open(&folder);
    std::fs::remove_dir_all(&folder).expect("removed");
    let key = ring.expect("a key file of version 1").open_key(blob, &envelope(BY_ROOT.0)).expect("its data key");
    assert_eq!(open_small(key, blob, bytes(BY_ROOT.1)).expect("its bytes"), TEXT);
}

#[test]
fn a_blob_sealed_by_a_customer_key_in_version_1_opens() {
    let blob = BlobId::parse(BLOB).expect("an id");
    let customer = CustomerKey::new(CUSTOMER_KEY);
    let key = customer.open_key(blob, &envelope(BY_CUSTOMER.0)).expect("its data key");
    assert_eq!(open_small(key, blob, bytes(BY_CUSTOMER.1)).expect("its bytes"), TEXT);
}

#[test]
fn several_chunks_are_sealed_as_in_version_1() {
    let blob = BlobId::parse(BLOB).expect("an id");
    let key = CustomerKey::new(CUSTOMER_KEY).open_key(blob, &envelope(BY_CUSTOMER.0)).expect("its data key");
    let sealed = seal_small(FreshKey(key), blob, &vec![0; 150_000]).expect("sealed");
    assert_eq!(digest(&SHA256, &sealed).as_ref(), bytes(LONG_DIGEST));
}
