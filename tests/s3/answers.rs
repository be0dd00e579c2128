//! Answers of single operations.

use super::{Place, is, said};

#[test]
fn names_of_buckets_are_names_of_hosts() {
    let place = Place::new();
    for name in ["a.-b", "a-.b", "a..b", "-ab", "ab-", "Abc", "a_b", "192.168.5.4"] {
        assert_eq!(said(&place.main.put(&format!("/{name}"), b"")), is(400, "InvalidBucketName"), "{name}");
    }
    for name in ["a.b", "a--b", "0ab"] {
        assert_eq!(place.main.put(&format!("/{name}"), b"").status, 200, "{name}");
    }
}
