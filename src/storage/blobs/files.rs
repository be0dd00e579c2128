//! The directory of blobs: its shards, paths, and staging files.

use super::BlobError;
use crate::storage::sealing::BlobId;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Where a blob lies, for `object_store`.
pub(super) fn location(id: BlobId) -> object_store::path::Path {
    object_store::path::Path::from(format!("{:02x}/{id}", id.shard()))
}

/// Where a blob lies, for the system.
pub(super) fn path(root: &Path, id: BlobId) -> PathBuf {
    root.join(format!("{:02x}/{id}", id.shard()))
}

/// Makes the directory and its 256 shards, durably, and returns its absolute path.
///
/// All shards are made here because `object_store` makes and flushes them on demand only for the writer that
/// made them: another, at the same time, would be acknowledged before its directory is on disk. A shard itself is
/// flushed with every blob that is put there.
pub(super) fn prepare(directory: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    let root = std::fs::canonicalize(directory)?;
    for shard in 0..=u8::MAX {
        match std::fs::create_dir(root.join(format!("{shard:02x}"))) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
    }
    // Always: an earlier start may have ended between making and flushing.
    File::open(&root)?.sync_all()?;
    if let Some(parent) = root.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(root)
}

/// Bytes that an unprivileged process may still write.
pub(super) fn free_space(root: &Path) -> io::Result<u64> {
    let space = rustix::fs::statvfs(root)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Removes a file; one that is not there is removed already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// The blob whose staging file has this name: `object_store` appends `#` and a number.
fn staged(name: &str) -> Option<BlobId> {
    let (id, number) = name.split_once('#')?;
    number.parse::<u32>().ok().and(BlobId::parse(id))
}

/// Removes the staging files of blobs that `abandoned` says are nobody's; returns how many.
pub(super) fn remove_staged(root: &Path, abandoned: impl Fn(BlobId) -> bool) -> io::Result<u64> {
    let mut removed = 0;
    for shard in 0..=u8::MAX {
        for entry in std::fs::read_dir(root.join(format!("{shard:02x}")))? {
            let entry = entry?;
            if entry.file_name().to_str().and_then(staged).is_some_and(&abandoned) {
                remove(&entry.path())?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// Removes what a writer that failed may have left: its staging file, and the blob itself if only the last flush
/// failed. Best effort: what stays is an orphan, which is nobody's.
pub(super) fn discard(path: &Path) {
    let mut staged = path.as_os_str().to_owned();
    staged.push("#1");
    for left in [Path::new(&staged), path] {
        if let Err(error) = remove(left) {
            tracing::warn!(path = %left.display(), %error, "an unfinished blob could not be removed");
        }
    }
}

/// Runs `work` where it may wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(ended) => Err(BlobError::io("waiting for the disk", io::Error::other(ended))),
    }
}
