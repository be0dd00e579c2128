//! The files of a trail, as they are read: by `why`, by `trail`, and by those who look events up.
//!
//! Files are only ever appended to, cut off at the oldest, and followed by others, so that a place in them stays what
//! it is. A last line without an end is still being written, or was cut off by a crash; it is no event.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// How much is read at once, going backwards.
const BLOCK: u64 = 256 << 10;
/// The number under which the reserve stands: what is in it is newer than everything else.
const RESERVE: u64 = u64::MAX;

/// The path of a file of events.
#[must_use]
pub fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("events-{number}.ndjson"))
}

/// The files of events with their numbers, oldest first.
///
/// # Errors
/// The folder cannot be read.
pub fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number: Option<u64> = name.and_then(|n| n.strip_prefix("events-")?.strip_suffix(".ndjson")?.parse().ok());
        files.extend(number.map(|number| (number, path)));
    }
    files.sort();
    Ok(files)
}

/// The files of events with what stands in the reserve, oldest first.
///
/// # Errors
/// The folder cannot be read.
pub fn all_files(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = segments(folder)?;
    let reserve = folder.join("reserve");
    if reserve.exists() {
        files.push((RESERVE, reserve));
    }
    Ok(files)
}

/// How much of a file are whole lines. The reserve is filled with zeros behind them.
///
/// # Errors
/// It cannot be read.
pub fn written(number: u64, path: &Path) -> io::Result<u64> {
    if number != RESERVE {
        return Ok(fs::metadata(path)?.len());
    }
    let bytes = fs::read(path)?;
    Ok(bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len()) as u64)
}

/// A place between two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the file.
    pub number: u64,
    /// Bytes from its beginning.
    pub offset: u64,
}

/// The lines of a trail, newest first.
#[derive(Debug)]
pub struct Backwards {
    /// Files yet to be read; the next one last.
    files: Vec<(u64, PathBuf)>,
    file: Option<File>,
    number: u64,
    /// Bytes of the file from `start` that were read and not yet given.
    buffer: Vec<u8>,
    start: u64,
}

impl Backwards {
    /// The lines before a place; `None`: from the newest on.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn new(folder: &Path, before: Option<Place>) -> io::Result<Self> {
        let mut files = all_files(folder)?;
        let mut lines = Self { files: Vec::new(), file: None, number: 0, buffer: Vec::new(), start: 0 };
        if let Some(place) = before {
            files.retain(|(number, _)| *number <= place.number);
            if files.last().is_some_and(|(number, _)| *number == place.number)
                && let Some((number, path)) = files.pop()
            {
                lines.file = Some(File::open(path)?);
                (lines.number, lines.start) = (number, place.offset);
            }
        }
        lines.files = files;
        Ok(lines)
    }

    /// The next older line without its end, and the place before it; `None`: there are no more.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn older(&mut self) -> io::Result<Option<(Vec<u8>, Place)>> {
        loop {
            if self.file.is_none() && !self.open_next()? {
                return Ok(None);
            }
            // What stands behind the last newline is the end of a line that is not whole, or nothing.
            let Some(end) = self.buffer.iter().rposition(|b| *b == b'\n') else {
                if !self.read_more()? {
                    (self.file, self.start) = (None, 0);
                    self.buffer.clear();
                }
                continue;
            };
            let before = self.buffer.get(..end).and_then(|b| b.iter().rposition(|b| *b == b'\n'));
            let begin = match before {
                Some(at) => at + 1,
                None if self.start == 0 => 0,
                None => {
                    self.read_more()?;
                    continue;
                }
            };
            let line = self.buffer.get(begin..end).unwrap_or_default().to_vec();
            self.buffer.truncate(begin);
            return Ok(Some((line, Place { number: self.number, offset: self.start + begin as u64 })));
        }
    }

    fn open_next(&mut self) -> io::Result<bool> {
        let Some((number, path)) = self.files.pop() else { return Ok(false) };
        match File::open(&path) {
            Ok(file) => {
                self.start = written(number, &path)?;
                (self.file, self.number) = (Some(file), number);
                self.buffer.clear();
                Ok(true)
            }
            // It was too old to be kept, meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.open_next(),
            Err(error) => Err(error),
        }
    }

    /// Puts the block before the buffer in front of it; tells whether there was one.
    fn read_more(&mut self) -> io::Result<bool> {
        let Some(file) = self.file.as_mut().filter(|_| self.start > 0) else { return Ok(false) };
        let from = self.start.saturating_sub(BLOCK);
        let mut block = vec![0; usize::try_from(self.start - from).unwrap_or_default()];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut block)?;
        block.append(&mut self.buffer);
        self.buffer = block;
        self.start = from;
        Ok(true)
    }
}
