//! Space that is set aside, so that the owner of a bucket can free a full disk and it is still written down.
//!
//! The file has all its blocks from the start; lines are written over its zeros. Once there is space again it is cut
//! to what was written and becomes one of the trail's files, by its name alone, so that nothing is there twice.

use crate::gate::{Decided, Service};
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// How much: some two thousand events.
const SIZE: u64 = 8 << 20;

/// Whether the event of a decision may use the reserve: the bucket owner's account deletes, and may.
pub(super) fn may_use(decided: &Decided<'_>) -> bool {
    let frees =
        matches!(decided.step.operation, "DeleteObject" | "DeleteObjects" | "DeleteBucket" | "AbortMultipartUpload");
    let owner = decided.authorizer.layers().bucket.as_ref().map(|bucket| bucket.owner_account.as_str());
    frees
        && decided.step.service == Service::S3
        && decided.decision.is_allowed()
        && owner.is_some()
        && owner == decided.request.principal.account
}

/// The file.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    file: Option<File>,
    used: u64,
}

impl Reserve {
    /// Opens the reserve, or sets it aside. Where there is no space for it, it is missing until there is.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("reserve");
        let mut reserve = Self { path, file: None, used: 0 };
        match OpenOptions::new().read(true).write(true).open(&reserve.path) {
            Ok(mut file) => {
                reserve.used = whole_lines(&mut file)?;
                let whole = file.metadata()?.len() >= SIZE;
                // One that a crash left half made holds nothing, and is made again.
                reserve.file = (whole || reserve.used > 0).then_some(file);
                reserve.renew();
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => reserve.renew(),
            Err(error) => return Err(error),
        }
        Ok(reserve)
    }

    fn set_aside(&mut self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        let allocated = match fallocate(&file, FallocateFlags::empty(), 0, SIZE) {
            // A file system that cannot set blocks aside gets them written.
            Err(rustix::io::Errno::OPNOTSUPP) => zeros(&mut file),
            other => other.map_err(io::Error::from),
        };
        if let Err(error) = allocated.and_then(|()| file.sync_all()) {
            drop(fs::remove_file(&self.path));
            return Err(error);
        }
        self.file = Some(file);
        self.used = 0;
        Ok(())
    }

    /// Whether something stands in it.
    pub(super) fn is_used(&self) -> bool {
        self.used > 0
    }

    /// Writes lines, durably.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let file = self.file.as_ref().ok_or_else(|| io::Error::other("no space was set aside"))?;
        let end = self.used + lines.len() as u64;
        if end > file.metadata()?.len() {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the space set aside is used up"));
        }
        file.write_all_at(lines, self.used)?;
        file.sync_data()?;
        self.used = end;
        Ok(())
    }

    /// Makes what stands in it a file of the trail, and sets space aside anew.
    pub(super) fn become_file(&mut self, path: &Path) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        file.set_len(self.used)?;
        file.sync_all()?;
        fs::rename(&self.path, path)?;
        (self.file, self.used) = (None, 0);
        self.renew();
        Ok(())
    }

    /// Sets space aside where there is none.
    pub(super) fn renew(&mut self) {
        if self.file.is_none()
            && let Err(error) = self.set_aside()
        {
            tracing::warn!(%error, "no space can be set aside for the trail of deletes on a full disk");
        }
    }
}

fn zeros(file: &mut File) -> io::Result<()> {
    let zeros = vec![0; 64 << 10];
    for _ in 0..SIZE / zeros.len() as u64 {
        file.write_all(&zeros)?;
    }
    Ok(())
}

/// The length of the whole lines at the beginning of a file.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let written = bytes.split(|b| *b == 0).next().unwrap_or_default();
    Ok(written.iter().rposition(|b| *b == b'\n').map_or(0, |at| at as u64 + 1))
}
