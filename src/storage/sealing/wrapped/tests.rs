//! Wrapped root keys under a wrapping key of this process.

use super::super::{KeyRing, RootKeyPlace};
use super::*;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A wrapping key that may be taken away.
#[derive(Debug)]
struct Software {
    key: u8,
    gone: AtomicBool,
}

impl Software {
    fn new(key: u8) -> Arc<Self> {
        Arc::new(Self { key, gone: AtomicBool::new(false) })
    }

    fn cipher(&self) -> Result<LessSafeKey, WrappingError> {
        let refused = || WrappingError::Refused { code: "Gone".to_owned(), reason: "taken away".to_owned() };
        (!self.gone.load(Ordering::Relaxed)).then_some(()).ok_or_else(refused)?;
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[self.key; 32]).expect("a key")))
    }
}

/// A nonce that depends on the version: enough for tests.
fn nonce(binding: &Binding) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&binding.version.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

impl WrappingKey for Software {
    fn method(&self) -> &'static str {
        if self.key == 9 { "other" } else { "software" }
    }

    fn name(&self) -> String {
        format!("software:{}", self.key)
    }

    fn wrap(&self, keys: &[(Binding, RootKeyBytes)]) -> Result<Vec<WrappedKey>, WrappingError> {
        let cipher = self.cipher()?;
        let wrapped = keys.iter().map(|(binding, key)| {
            let mut sealed = key.to_vec();
            let bound = Aad::from(binding.additional_data());
            cipher.seal_in_place_append_tag(nonce(binding), bound, &mut sealed).expect("sealed");
            WrappedKey { by: self.name(), ciphertext: sealed }
        });
        Ok(wrapped.collect())
    }

    fn open(&self, keys: &[(Binding, WrappedKey)]) -> Result<Vec<RootKeyBytes>, WrappingError> {
        let cipher = self.cipher()?;
        let opened = keys.iter().map(|(binding, wrapped)| {
            let mut sealed = wrapped.ciphertext.clone();
            let opened = cipher.open_in_place(nonce(binding), Aad::from(binding.additional_data()), &mut sealed);
            let damaged = |_| WrappingError::DoesNotOpen { version: binding.version, reason: "its tag".to_owned() };
            let opened = opened.map_err(damaged)?;
            Ok(Zeroizing::new((&*opened).try_into().expect("32 bytes")))
        });
        opened.collect()
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("portcullis-wrapped-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn place(key: &Arc<Software>) -> RootKeyPlace {
    RootKeyPlace::Wrapped { key: key.clone(), former: Vec::new(), environment: None }
}

fn bytes(folder: &Folder, key: &Arc<Software>) -> Vec<(u32, Vec<u8>)> {
    let source = WrappedSource::new(&folder.0, key.clone(), None).expect("a source");
    let RootKeys(keys) = source.read().expect("keys");
    keys.iter().map(|key| (key.version, key.key.0.to_vec())).collect()
}

#[test]
fn a_new_ring_is_wrapped_and_opens_again() {
    let (folder, key) = (Folder::new(), Software::new(1));
    let ring = place(&key).key_ring(&folder.0, true, false, 5).expect("a new ring");
    assert_eq!((ring.version(), ring.is_writable()), (1, true));
    assert_eq!(ring.rotate(6).expect("rotated"), 2);
    let first = bytes(&folder, &key);
    assert_eq!(first.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(place(&key).key_ring(&folder.0, false, false, 7).expect("opened").version(), 2);
    // No root key is in the file, in any of the ways that it might be.
    let text = std::fs::read_to_string(folder.file()).expect("a file");
    for (_, root_key) in &first {
        assert!(!text.contains(&BASE64.encode(root_key)));
    }
    assert!(!folder.0.join("root.json").exists());
    assert_eq!(std::fs::metadata(folder.file()).expect("a file").permissions().mode() & 0o777, 0o600);
    let environment = Some(Zeroizing::new("1:AAAA".to_owned()));
    let beside = RootKeyPlace::Wrapped { key: key.clone(), former: Vec::new(), environment };
    let shown = format!("{ring:?} {beside:?} {:?}", RootKeyPlace::Environment("1:AAAA".to_owned().into()));
    assert!(!shown.contains("AAAA"), "{shown}");
    assert!(shown.contains("WrappedSource") && shown.contains("software:1"), "{shown}");
    let (_, root_key) = &first[0];
    assert!(!shown.contains(&format!("{root_key:?}")) && !shown.contains(&BASE64.encode(root_key)));
}

#[test]
fn without_the_wrapping_key_nothing_opens_and_nothing_changes() {
    let (folder, key) = (Folder::new(), Software::new(1));
    let ring = place(&key).key_ring(&folder.0, true, false, 5).expect("a new ring");
    let before = std::fs::read(folder.file()).expect("a file");
    let refused = |place: &RootKeyPlace| place.key_ring(&folder.0, false, false, 5).expect_err("refused").to_string();
    let other = refused(&place(&Software::new(2)));
    assert!(other.contains("wrapped.json") && other.contains("root key 1 does not open"), "{other}");
    let method = refused(&place(&Software::new(9)));
    assert!(method.contains("by software:1 (software), not by software:9"), "{method}");
    for plain in [RootKeyPlace::File, RootKeyPlace::Environment(BASE64.encode([7; 32]).into())] {
        let error = refused(&plain);
        assert!(error.contains("--root-key-source") && error.contains("wrapped.json"), "{error}");
    }
    key.gone.store(true, Ordering::Relaxed);
    assert_eq!(refused(&place(&key)), "root keys: software:1: Gone: taken away");
    let not_rotated = ring.rotate(6).expect_err("it is gone");
    assert!(matches!(not_rotated, KeyRingError::WrappingKey { .. }) && ring.version() == 1);
    assert_eq!(std::fs::read(folder.file()).expect("a file"), before);
    // Neither is a new ring made where metadata has lost its own.
    key.gone.store(false, Ordering::Relaxed);
    std::fs::remove_file(folder.file()).expect("removed");
    assert!(matches!(place(&key).key_ring(&folder.0, false, false, 5), Err(KeyRingError::Io { .. })));
}

#[test]
fn a_first_start_without_the_wrapping_key_leaves_no_ring() {
    let (folder, key) = (Folder::new(), Software::new(1));
    key.gone.store(true, Ordering::Relaxed);
    assert!(matches!(place(&key).key_ring(&folder.0, true, false, 5), Err(KeyRingError::WrappingKey { .. })));
    assert!(!folder.file().exists());
    key.gone.store(false, Ordering::Relaxed);
    assert_eq!(place(&key).key_ring(&folder.0, true, false, 5).expect("a ring").version(), 1);
}

#[test]
fn a_changed_file_is_refused() {
    let (folder, key) = (Folder::new(), Software::new(1));
    place(&key).key_ring(&folder.0, true, false, 5).expect("a new ring").rotate(6).expect("rotated");
    let text = std::fs::read_to_string(folder.file()).expect("a file");
    let good: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = good.clone();
        change(&mut value);
        value.to_string()
    };
    for wrong in [
        changed(&|v| v["ring"] = "00000000000000000000000000000000".into()),
        changed(&|v| v["keys"][0]["created"] = 4.into()),
        changed(&|v| v["keys"][1]["version"] = 3.into()),
        changed(&|v| v["keys"][1]["ciphertext"] = v["keys"][0]["ciphertext"].clone()),
        changed(&|v| v["keys"][0]["ciphertext"] = "".into()),
        changed(&|v| v["keys"][0]["ciphertext"] = "*".into()),
        changed(&|v| v["keys"][1]["version"] = 1.into()),
        changed(&|v| v["keys"] = serde_json::json!([])),
        changed(&|v| v["format"] = 2.into()),
        changed(&|v| v["more"] = 2.into()),
        changed(&|v| v["keys"][0]["more"] = 2.into()),
        text.replacen("\"format\": 1,", "\"format\": 1, \"format\": 1,", 1),
        format!("{text}x"),
        String::new(),
    ] {
        std::fs::write(folder.file(), &wrong).expect("written");
        let refused = place(&key).key_ring(&folder.0, false, false, 7).expect_err(&wrong);
        assert!(matches!(refused, KeyRingError::Malformed { .. }), "{wrong}: {refused}");
    }
    std::fs::write(folder.file(), &text).expect("written");
    std::fs::set_permissions(folder.file(), std::fs::Permissions::from_mode(0o640)).expect("set");
    assert!(matches!(place(&key).key_ring(&folder.0, false, false, 7), Err(KeyRingError::Exposed { .. })));
}

#[test]
fn root_keys_from_before_open_what_they_sealed() {
    let (folder, key) = (Folder::new(), Software::new(1));
    let blob = super::super::BlobId::generate(1).expect("an id");
    let ring = KeyRing::create(&folder.0, 1).expect("a key file");
    let (_, envelope) = ring.seal_new(blob).expect("sealed");
    let ring = place(&key).key_ring(&folder.0, false, false, 5).expect("moved");
    assert_eq!(ring.version(), 2);
    ring.open_key(blob, &envelope).expect("by the key file's");
    let envelope = ring.reseal(blob, &envelope).expect("resealed").expect("anew");
    assert_eq!(ring.rotate(6).expect("rotated"), 3);
    assert_eq!(bytes(&folder, &key).iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3]);
    std::fs::remove_file(folder.0.join("root.json")).expect("taken away");
    let ring = place(&key).key_ring(&folder.0, false, false, 7).expect("without the key file");
    assert_eq!(ring.version(), 3);
    ring.open_key(blob, &envelope).expect("by the wrapped one");
    // Environment: its versions must be below.
    let environment = |version: u32| RootKeyPlace::Wrapped {
        key: key.clone(),
        former: Vec::new(),
        environment: Some(format!("{version}:{}", BASE64.encode([7; 32])).into()),
    };
    assert_eq!(environment(1).key_ring(&folder.0, false, false, 8).expect("below").version(), 3);
    assert!(matches!(environment(3).key_ring(&folder.0, false, false, 8), Err(KeyRingError::Malformed { .. })));
}

#[test]
fn a_former_wrapping_key_opens_until_everything_is_wrapped_anew() {
    for new in [Software::new(2), Software::new(9)] {
        let (folder, old) = (Folder::new(), Software::new(1));
        place(&old).key_ring(&folder.0, true, false, 5).expect("a new ring");
        let both = RootKeyPlace::Wrapped { key: new.clone(), former: vec![old.clone()], environment: None };
        assert!(place(&new).key_ring(&folder.0, false, false, 6).is_err());
        let ring = both.key_ring(&folder.0, false, false, 6).expect("by the former key");
        let before = bytes(&folder, &old);
        assert_eq!(ring.rotate(7).expect("rotated"), 2);
        assert_eq!(bytes(&folder, &new)[0], before[0], "the same root key");
        assert!(place(&old).key_ring(&folder.0, false, false, 8).is_err(), "the former key wraps nothing any more");
        // A former key that cannot be reached is an error, not a reason to go on without it.
        old.gone.store(true, Ordering::Relaxed);
        both.key_ring(&folder.0, false, false, 8).expect("the former key is not needed");
        new.gone.store(true, Ordering::Relaxed);
        assert!(matches!(both.key_ring(&folder.0, false, false, 8), Err(KeyRingError::WrappingKey { .. })));
    }
}

/// Wraps to what does not open again.
#[derive(Debug)]
struct Broken(Arc<Software>);

impl WrappingKey for Broken {
    fn method(&self) -> &'static str {
        self.0.method()
    }

    fn name(&self) -> String {
        self.0.name()
    }

    fn wrap(&self, keys: &[(Binding, RootKeyBytes)]) -> Result<Vec<WrappedKey>, WrappingError> {
        let mut wrapped = self.0.wrap(keys)?;
        for key in &mut wrapped {
            key.ciphertext.reverse();
        }
        Ok(wrapped)
    }

    fn open(&self, keys: &[(Binding, WrappedKey)]) -> Result<Vec<RootKeyBytes>, WrappingError> {
        self.0.open(keys)
    }
}

#[test]
fn good_wraps_are_not_replaced_by_what_does_not_open() {
    let (folder, key) = (Folder::new(), Software::new(1));
    place(&key).key_ring(&folder.0, true, false, 5).expect("a new ring");
    let before = bytes(&folder, &key);
    let broken = RootKeyPlace::Wrapped { key: Arc::new(Broken(key.clone())), former: Vec::new(), environment: None };
    let ring = broken.key_ring(&folder.0, false, true, 6).expect("it opens what is there");
    assert!(ring.rotate(7).is_err());
    assert_eq!((bytes(&folder, &key), ring.version()), (before, 1));
}

#[test]
fn wrapped_keys_that_are_gone_are_not_made_anew() {
    let (folder, key) = (Folder::new(), Software::new(1));
    KeyRing::create(&folder.0, 5).expect("a key file");
    place(&key).key_ring(&folder.0, false, false, 6).expect("it moves");
    std::fs::remove_file(folder.file()).expect("gone");
    for place in [place(&key), RootKeyPlace::File] {
        let refused = place.key_ring(&folder.0, false, true, 7).map(|ring| ring.version());
        assert!(matches!(refused, Err(KeyRingError::WrappedGone { .. })), "{refused:?}");
        assert!(!folder.file().exists());
    }
}
