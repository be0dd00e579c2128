//! What is remembered of an upload, so that it can go on after an interruption.
//!
//! A file for each upload, for its owner's eyes only. It holds the data key as the object carries it, wrapped; never a
//! key in the clear.

use crate::edges::client::ClientError;
use crate::edges::client::objects::Attributes;
use crate::edges::server::auth::{Algorithm, Hasher, hex};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Which file it is, and in which state. The same ciphertext must never stand for two plaintexts: an upload goes on
/// only where nothing of this changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The whole path.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// When its bytes changed, in nanoseconds since 1970.
    modified_ns: i128,
    /// When anything of it changed, which nobody can set back.
    changed_ns: i128,
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of a file that was opened at a path, as it is now.
    ///
    /// # Errors
    /// The system's.
    pub fn of(path: &Path, file: &File) -> Result<Self, ClientError> {
        let found = fs::canonicalize(path).and_then(|whole| file.metadata().map(|meta| (whole, meta)));
        let (path, meta) = found.map_err(ClientError::file(path))?;
        Ok(Self::new(path, &meta))
    }

    fn new(path: PathBuf, meta: &fs::Metadata) -> Self {
        let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
        Self {
            path,
            size: meta.len(),
            modified_ns: ns(meta.mtime(), meta.mtime_nsec()),
            changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
            device: meta.dev(),
            inode: meta.ino(),
        }
    }

    /// Refuses a file that changed since, or another one in its place.
    ///
    /// # Errors
    /// [`ClientError::SourceChanged`]; the system's.
    pub fn same_still(&self) -> Result<(), ClientError> {
        let meta = fs::metadata(&self.path).map_err(ClientError::file(&self.path))?;
        if Self::new(self.path.clone(), &meta) == *self {
            return Ok(());
        }
        Err(ClientError::SourceChanged(self.path.display().to_string()))
    }
}

/// An upload as it was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begun {
    version: u32,
    pub(super) upload_id: String,
    pub(super) part_size: u64,
    pub(super) source: Identity,
    /// What the object carries, its encryption metadata among it.
    pub(super) attributes: Attributes,
}

impl Begun {
    const VERSION: u32 = 1;

    pub(super) fn new(upload_id: &str, part_size: u64, source: Identity, attributes: Attributes) -> Self {
        Self { version: Self::VERSION, upload_id: upload_id.to_owned(), part_size, source, attributes }
    }
}

/// Where uploads are remembered.
#[derive(Clone, Debug)]
pub struct Uploads(PathBuf);

impl Uploads {
    /// In this directory, which is made when it is needed.
    #[must_use]
    pub fn in_directory(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Opens and locks the file of an upload from a path to a place; `None` while another process has it.
    pub(super) fn open(&self, source: &Path, target: &str) -> Result<Option<Remembered>, ClientError> {
        let name = format!("{}\0{target}", source.display());
        let hash = hex(Hasher::of(Algorithm::Sha256, name.as_bytes()).raw());
        let path = self.0.join(format!("{hash}.json"));
        let opened = || {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
            let options =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = options?;
            match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => Ok(Some(file)),
                Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
                Err(error) => Err(io::Error::from(error)),
            }
        };
        let file = opened().map_err(ClientError::file(&path))?;
        Ok(file.map(|file| Remembered { path, file }))
    }
}

/// The file of one upload, locked while it is open.
pub(super) struct Remembered {
    path: PathBuf,
    file: File,
}

impl Remembered {
    /// What it says; `None` where it is new, or not whole, or of another version.
    pub(super) fn read(&mut self) -> Option<Begun> {
        let mut text = String::new();
        self.file.rewind().ok()?;
        self.file.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok().filter(|begun: &Begun| begun.version == Begun::VERSION)
    }

    pub(super) fn write(&mut self, begun: &Begun) -> Result<(), ClientError> {
        let text = serde_json::to_vec(begun).map_err(io::Error::other);
        let written = text.and_then(|text| {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&text)?;
            self.file.sync_data()
        });
        written.map_err(ClientError::file(&self.path))
    }

    pub(super) fn forget(self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        // Nothing was begun: nothing is to be remembered.
        if self.file.metadata().is_ok_and(|meta| meta.len() == 0) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::server::testing::TempDir;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn an_upload_is_remembered_by_one_at_a_time_and_privately() {
        let dir = TempDir::new();
        let source = dir.path().join("source");
        fs::write(&source, "text").expect("written");
        let uploads = Uploads::in_directory(dir.path().join("state"));
        let mut first = uploads.open(&source, "s3://b/k").expect("opened").expect("free");
        assert!(uploads.open(&source, "s3://b/k").expect("opened").is_none(), "locked");
        assert!(uploads.open(&source, "s3://b/other").expect("opened").is_some());
        assert!(first.read().is_none());
        let identity = Identity::of(&source, &File::open(&source).expect("a file")).expect("a file");
        let begun = Begun::new("id", 5, identity, Attributes::default());
        first.write(&begun).expect("written");
        assert_eq!(first.read(), Some(begun.clone()));
        let mode = fs::metadata(&first.path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(first);
        let again = uploads.open(&source, "s3://b/k").expect("opened").expect("free again");
        again.forget();
        assert!(uploads.open(&source, "s3://b/k").expect("opened").expect("free").read().is_none());
    }

    #[test]
    fn a_file_that_changed_is_another() {
        let dir = TempDir::new();
        let source = dir.path().join("source");
        fs::write(&source, "text").expect("written");
        let identity = Identity::of(&source, &File::open(&source).expect("a file")).expect("a file");
        identity.same_still().expect("unchanged");
        std::thread::sleep(std::time::Duration::from_millis(20));
        let kept = fs::metadata(&source).and_then(|meta| meta.modified()).expect("a time");
        fs::write(&source, "TEXT").expect("written");
        // Its size and its time are as before; that something changed is not to be hidden.
        File::options().write(true).open(&source).and_then(|f| f.set_modified(kept)).expect("set");
        assert!(matches!(identity.same_still(), Err(ClientError::SourceChanged(_))));
    }
}
