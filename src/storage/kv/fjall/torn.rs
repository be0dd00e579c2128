//! A journal whose last batch a power cut tore.
//!
//! A batch is longer than a page of the disk, and the pages of one that was being flushed arrive in any order. fjall
//! drops a last batch whose end is missing, but refuses to open (`ChecksumMismatch`) when the end is there and a
//! page before it is not. Every batch is flushed before the next is begun, so a torn one is the last of the newest
//! journal and was never acknowledged: it may be cut off.
//!
//! The same damage done later by the disk to an acknowledged batch cannot be told apart. So what is cut off is kept
//! beside the journal, and the cut is undone if the database does not open after it: then the damage is elsewhere.

use ::fjall::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A journal that was cut.
pub(super) struct Cut {
    journal: PathBuf,
    at: u64,
    length: u64,
    tail: Vec<u8>,
    kept: PathBuf,
}

/// Whether fjall refused a batch of a journal.
pub(super) fn refused(error: &Error) -> bool {
    matches!(error, Error::JournalRecovery(_))
}

/// Cuts the last batch off the newest journal of a database. None if there is none that can be cut.
///
/// # Errors
/// Whatever reading or writing the journal meets.
pub(super) fn cut(database: &Path) -> io::Result<Option<Cut>> {
    let Some((number, journal)) = newest(database)? else { return Ok(None) };
    let bytes = std::fs::read(&journal)?;
    let Some(start) = last_batch(&bytes) else { return Ok(None) };
    let tail = bytes.get(start..).unwrap_or_default().to_vec();
    let (at, length) = (to_u64(start), to_u64(bytes.len()));
    // A second cut lies behind the first, since the journal grew in between. One before it would mean that the
    // first did not help and was not undone.
    if earlier_cut(database, number)?.is_some_and(|earlier| earlier >= at) {
        return Ok(None);
    }
    let kept = database.join(format!("{number}.{at}.torn"));
    let mut copy = File::create(&kept)?;
    copy.write_all(&tail)?;
    copy.sync_all()?;
    File::open(database)?.sync_all()?;
    let file = OpenOptions::new().write(true).open(&journal)?;
    file.set_len(at)?;
    file.sync_all()?;
    Ok(Some(Cut { journal, at, length, tail, kept }))
}

impl Cut {
    /// Where what was cut off is kept.
    pub(super) fn kept(&self) -> &Path {
        &self.kept
    }

    /// Puts it back.
    ///
    /// # Errors
    /// Whatever writing the journal meets; what was cut off is still kept then.
    pub(super) fn undo(self) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&self.journal)?;
        file.seek(SeekFrom::Start(self.at))?;
        file.write_all(&self.tail)?;
        file.set_len(self.length)?;
        file.sync_all()?;
        std::fs::remove_file(&self.kept)
    }
}

/// The journal with the highest number.
fn newest(database: &Path) -> io::Result<Option<(u64, PathBuf)>> {
    let mut newest = None;
    for entry in std::fs::read_dir(database)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(number) = name.and_then(|name| name.strip_suffix(".jnl")?.parse::<u64>().ok()) {
            newest = newest.max(Some((number, path)));
        }
    }
    Ok(newest)
}

/// The furthest place where a journal was cut before.
fn earlier_cut(database: &Path, journal: u64) -> io::Result<Option<u64>> {
    let mut furthest = None;
    for entry in std::fs::read_dir(database)? {
        let name = entry?.file_name();
        let place = name.to_str().and_then(|name| name.strip_suffix(".torn")?.split_once('.'));
        if let Some((number, at)) = place
            && number.parse() == Ok(journal)
        {
            furthest = furthest.max(at.parse().ok());
        }
    }
    Ok(furthest)
}

/// Where the last batch of a journal starts, if that batch has an end and nothing but zeros comes after it.
///
/// The format is that of fjall 3 (`journal/entry.rs`): a batch is a start (tag 1), items (2) or clears (4), and an
/// end (3) with a fixed trailer; numbers are little-endian.
fn last_batch(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut begun = None;
    let mut last = None;
    loop {
        let entry = bytes.get(at..)?;
        let length = match entry.first() {
            Some(1) => {
                begun = Some(at);
                1 + 4 + 8
            }
            Some(2) => {
                let key = u16::from_le_bytes(*entry.get(11..)?.first_chunk()?);
                let value = u32::from_le_bytes(*entry.get(17..)?.first_chunk()?);
                21 + usize::from(key) + usize::try_from(value).ok()?
            }
            Some(3) if entry.get(9..13) == Some(b"FJL\x03") => {
                last = Some(begun.take()?);
                1 + 8 + 4
            }
            Some(4) => 1 + 8,
            _ => break,
        };
        at += length;
    }
    let only_zeros = bytes.get(at..)?.iter().all(|byte| *byte == 0);
    if begun.is_none() && only_zeros { last } else { None }
}

fn to_u64(length: usize) -> u64 {
    u64::try_from(length).expect("no file in memory is longer")
}
