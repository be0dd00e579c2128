//! The file of root keys: readable by its owner only, replaced whole, flushed before it counts.

use super::keyring::KeyRingError;
use super::keys::KEY_LEN;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::{Zeroize as _, Zeroizing};

/// The file's format.
const FORMAT: u8 = 1;

/// A file longer than this is not a key file: it would hold ten thousand keys.
const MAX_LEN: usize = 1 << 20;

/// What is in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    format: u8,
    keys: Vec<RootKey>,
}

/// A root key as it stands in the file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RootKey {
    /// From 1 upwards.
    pub version: u32,
    /// In seconds since 1970.
    pub created: i64,
    pub key: Secret,
}

/// The key itself: base64 in the file, wiped from memory when dropped.
#[derive(Clone)]
pub(super) struct Secret(pub Zeroizing<[u8; KEY_LEN]>);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64.encode(self.0.as_ref())))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = BASE64.decode(text.as_bytes()).map(Zeroizing::new);
        // The reason would quote the key.
        let wrong = || serde::de::Error::custom("a key is not 32 bytes in base64");
        let mut key = Zeroizing::new([0; KEY_LEN]);
        match bytes {
            Ok(bytes) if bytes.len() == KEY_LEN => key.copy_from_slice(&bytes),
            _ => return Err(wrong()),
        }
        Ok(Self(key))
    }
}

/// Reads and checks a key file. At least one key is in it, versions ascend from 1 or more.
pub(super) fn read(path: &Path) -> Result<Vec<RootKey>, KeyRingError> {
    let text = read_private(path)?;
    // Only the place: the text of serde's errors may quote a value, and values here are keys.
    let file: KeyFile = serde_json::from_slice(&text).map_err(|e| KeyRingError::Malformed {
        path: path.to_owned(),
        reason: format!("not the JSON of a key file at line {}, column {}", e.line(), e.column()),
    })?;
    check(path, file.format, FORMAT, file.keys.iter().map(|key| key.version))?;
    Ok(file.keys)
}

/// What holds of every file of root keys, wrapped ones too: the format is known, there is at least one key, versions
/// ascend from 1 or more.
pub(super) fn check(
    path: &Path,
    format: u8,
    known: u8,
    versions: impl Iterator<Item = u32>,
) -> Result<(), KeyRingError> {
    let malformed = |reason: String| Err(KeyRingError::Malformed { path: path.to_owned(), reason });
    if format != known {
        return malformed(format!("its format is {format}, this version knows {known}"));
    }
    let mut before = 0;
    for version in versions {
        if version <= before {
            return malformed(format!("version {version} does not follow version {before}"));
        }
        before = version;
    }
    if before == 0 { malformed("it has no keys".to_owned()) } else { Ok(()) }
}

/// Reads a short file of secrets, which must be its owner's alone.
///
/// # Errors
/// [`KeyRingError::Exposed`] if others may read or write it; [`KeyRingError::Io`]; [`KeyRingError::Malformed`] if it is
/// longer than any file of keys.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyRingError> {
    let failed = |source| KeyRingError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        // What has no length of its own would be read as empty.
        return Err(KeyRingError::Malformed { path: path.to_owned(), reason: "it is no file".to_owned() });
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyRingError::Exposed { path: path.to_owned(), mode });
    }
    let len = usize::try_from(metadata.len()).ok().filter(|len| *len <= MAX_LEN);
    let too_long = || KeyRingError::Malformed { path: path.to_owned(), reason: "it is too long".to_owned() };
    let len = len.ok_or_else(too_long)?;
    // Room for all of it at once: a vector that grows would leave copies behind.
    let mut text = Zeroizing::new(vec![0; len]);
    file.read_exact(&mut text).map_err(failed)?;
    Ok(text)
}

/// Makes the directory of key files, closed to others, and flushes that it exists.
pub(super) fn make_directory(path: &Path) -> Result<(), KeyRingError> {
    let failed = |source| KeyRingError::Io { path: path.to_owned(), source };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.map_err(failed)?,
    }
    path.parent().map_or(Ok(()), flush_directory).map_err(failed)
}

/// Replaces the key file. Once it returns, the new one survives a loss of power; until then, the old one does.
pub(super) fn write(path: &Path, keys: &[RootKey]) -> Result<(), KeyRingError> {
    let failed = |source| KeyRingError::Io { path: path.to_owned(), source };
    let file = KeyFile { format: FORMAT, keys: keys.to_vec() };
    // Longer than any entry, so that the vector does not grow and leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(64 + 192 * keys.len()));
    serde_json::to_writer_pretty(&mut *text, &file).map_err(|e| failed(e.into()))?;
    text.push(b'\n');
    let written = write_durably(path, &text).map_err(failed);
    text.zeroize();
    written
}

/// Replaces a file, closed to others. Once it returns, the new one survives a loss of power; until then, the old one does.
pub(super) fn write_durably(path: &Path, text: &[u8]) -> io::Result<()> {
    let staged = path.with_extension("new");
    match std::fs::remove_file(&staged) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged)?;
    file.write_all(text)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&staged, path)?;
    path.parent().map_or(Ok(()), flush_directory)
}

fn flush_directory(path: &Path) -> io::Result<()> {
    // A relative path of one part has the empty path as its parent.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}
