//! Files from objects: under another name until the last byte was verified.

use super::{Decryption, ObjectReader, Transfers};
use crate::edges::client::ClientError;
use crate::edges::client::objects::ObjectHead;
use crate::edges::server::auth::hex;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file that is gone with its owner, unless it was given its name.
struct Temporary {
    path: PathBuf,
    file: Option<File>,
    kept: bool,
}

impl Temporary {
    /// Beside the file that it is to be, so that it can be renamed.
    fn beside(target: &Path, mode: u32) -> Result<Self, ClientError> {
        let mut random = [0; 8];
        let _ = aws_lc_rs::rand::fill(&mut random);
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        // The file system's limit is 255 bytes for a name; a long one is left out.
        if name.len() > 200 {
            name = OsString::from(".long");
        }
        name.push(format!(".portcullis-{}", hex(&random)));
        let path = target.with_file_name(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&path);
        Ok(Self { file: Some(file.map_err(ClientError::file(&path))?), path, kept: false })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let written = self.file.as_mut().ok_or_else(gone).and_then(|file| file.write_all(bytes));
        written.map_err(ClientError::file(&self.path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes an object to a file, which appears whole and verified or not at all. Its time is the object's.
///
/// # Errors
/// Of the store, the keyring, the file system; what is not authentic.
pub async fn download(
    transfers: &Transfers,
    (bucket, key): (&str, &str),
    head: &ObjectHead,
    decryption: &Decryption,
    target: &Path,
) -> Result<(), ClientError> {
    let mut reader = ObjectReader::new(transfers, bucket, key, head, decryption).await?;
    let mut temporary = Temporary::beside(target, 0o666)?;
    while let Some(bytes) = reader.next().await? {
        // PERF: a write of some megabytes to the page cache; a thread of its own for each would cost more.
        temporary.write(&bytes)?;
    }
    let of_target = ClientError::file(target);
    let Some(file) = temporary.file.take() else { return Ok(()) };
    if let Some(time) = head.last_modified.as_deref().and_then(modified) {
        // A file system that keeps no times keeps the bytes.
        let _ = file.set_modified(time);
    }
    file.sync_all().and_then(|()| fs::rename(&temporary.path, target)).map_err(of_target)?;
    temporary.kept = true;
    Ok(())
}

fn modified(http_date: &str) -> Option<SystemTime> {
    let time = chrono::DateTime::parse_from_rfc2822(http_date).ok()?;
    let seconds = u64::try_from(time.timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds))
}

/// Writes an object's bytes to a stream. An encrypted one is verified first, in a file without a name that nobody
/// else can read: a stream cannot take bytes back.
///
/// # Errors
/// Of the store, the keyring, the stream; what is not authentic.
pub async fn spool(
    transfers: &Transfers,
    (bucket, key): (&str, &str),
    head: &ObjectHead,
    decryption: &Decryption,
    out: &mut (dyn io::Write + Send),
) -> Result<(), ClientError> {
    let mut reader = ObjectReader::new(transfers, bucket, key, head, decryption).await?;
    let name = PathBuf::from("-");
    if !reader.is_encrypted() {
        while let Some(bytes) = reader.next().await? {
            out.write_all(&bytes).map_err(ClientError::file(&name))?;
        }
        return out.flush().map_err(ClientError::file(&name));
    }
    let mut verified = verified(&mut reader).await?;
    io::copy(&mut verified, out).and_then(|_| out.flush()).map_err(ClientError::file(&name))
}

async fn verified(reader: &mut ObjectReader) -> Result<File, ClientError> {
    let mut temporary = Temporary::beside(&std::env::temp_dir().join("stream"), 0o600)?;
    fs::remove_file(&temporary.path).map_err(ClientError::file(&temporary.path))?;
    temporary.kept = true;
    while let Some(bytes) = reader.next().await? {
        temporary.write(&bytes)?;
    }
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    let file = temporary.file.take().ok_or_else(gone);
    file.and_then(|mut file| file.rewind().map(|()| file)).map_err(ClientError::file(&temporary.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_answers_are_times_of_files() {
        let time = modified("Fri, 24 May 2013 00:00:00 GMT").expect("a date");
        assert_eq!(time.duration_since(SystemTime::UNIX_EPOCH).expect("later").as_secs(), 1_369_353_600);
        assert!(modified("yesterday").is_none());
    }

    #[test]
    fn a_temporary_file_is_gone_with_its_owner() {
        let dir = crate::edges::server::testing::TempDir::new();
        let mut temporary = Temporary::beside(&dir.path().join("x".repeat(250)), 0o600).expect("made");
        temporary.write(b"bytes").expect("written");
        assert!(temporary.path.exists());
        let path = temporary.path.clone();
        drop(temporary);
        assert!(!path.exists());
    }
}
