//! The files of a trail, as they are read: by `why`, by `trail`, and by those who look events up.
//!
//! Files are only ever appended to, cut off at the oldest, and followed by others, so that a place in them stays what
//! it is. A last line without an end is still being written, or was cut off by a crash; it is no event.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
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
                lines.start = place.offset.min(written(number, &path)?);
                (lines.file, lines.number) = (Some(File::open(path)?), number);
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

/// The lines of a trail, oldest first, and then those that come.
#[derive(Debug)]
pub struct Forwards {
    folder: PathBuf,
    /// The file that is read, and up to where.
    at: Place,
    reader: Option<BufReader<File>>,
    /// Lines of the reserve that were given: they come again, as a file of their own.
    spare: HashSet<Vec<u8>>,
}

impl Forwards {
    /// From the oldest on.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), at: Place { number: 0, offset: 0 }, reader: None, spare: HashSet::new() }
    }

    /// The next line without its end; `None`: there is no more for now.
    ///
    /// # Errors
    /// The folder or a file cannot be read.
    pub fn newer(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(reader) = &mut self.reader {
                let mut line = Vec::new();
                let length = reader.read_until(b'\n', &mut line)?;
                if line.pop() == Some(b'\n') {
                    self.at.offset += length as u64;
                    if !self.spare.remove(&line) {
                        return Ok(Some(line));
                    }
                    continue;
                }
                // What is not whole yet is read again.
                reader.seek(SeekFrom::Start(self.at.offset))?;
            }
            if !self.open_next()? {
                return self.spare_line();
            }
        }
    }

    fn open_next(&mut self) -> io::Result<bool> {
        let next = segments(&self.folder)?.into_iter().find(|(number, _)| *number > self.at.number);
        let Some((number, path)) = next else { return Ok(false) };
        match File::open(&path) {
            Ok(file) => {
                self.reader = Some(BufReader::new(file));
                self.at = Place { number, offset: 0 };
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A line of the reserve that was not given yet.
    fn spare_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let bytes = match fs::read(self.folder.join("reserve")) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let written = bytes.split(|b| *b == 0).next().unwrap_or_default();
        for line in written.split_inclusive(|b| *b == b'\n') {
            if let Some(line) = line.strip_suffix(b"\n")
                && self.spare.insert(line.to_vec())
            {
                return Ok(Some(line.to_vec()));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("portcullis-trail-files-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a scratch folder");
        folder
    }

    fn backwards(folder: &Path, before: Option<Place>) -> Vec<(String, Place)> {
        let mut lines = Backwards::new(folder, before).expect("opened");
        let mut found = Vec::new();
        while let Some((line, place)) = lines.older().expect("read") {
            found.push((String::from_utf8(line).expect("text"), place));
        }
        found
    }

    #[test]
    fn lines_come_newest_first_from_any_place() {
        let folder = folder("backwards");
        let long = "x".repeat(usize::try_from(BLOCK).expect("small") + 5);
        fs::write(path_of(&folder, 1), format!("a\n{long}\nb\n")).expect("written");
        fs::write(path_of(&folder, 10), "c\nd\ntorn").expect("written");
        fs::write(folder.join("reserve"), b"e\n\0\0\0").expect("written");
        let all = backwards(&folder, None);
        let texts: Vec<&str> = all.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(texts, ["e", "d", "c", "b", &long, "a"]);
        for (at, (_, place)) in all.iter().enumerate() {
            let rest = backwards(&folder, Some(*place));
            assert_eq!(rest, all[at + 1..], "from {place:?}");
        }
        assert_eq!(backwards(&folder, Some(Place { number: 10, offset: 1 << 40 })).len(), 5, "no place is too far");
    }

    #[test]
    fn lines_come_as_they_are_written() {
        let folder = folder("forwards");
        let mut lines = Forwards::new(&folder);
        let mut next = || lines.newer().expect("read").map(|line| String::from_utf8(line).expect("text"));
        assert_eq!(next(), None);
        fs::write(path_of(&folder, 1), "a\nb").expect("written");
        assert_eq!((next().as_deref(), next()), (Some("a"), None));
        fs::write(path_of(&folder, 1), "a\nbc\n").expect("written");
        assert_eq!((next().as_deref(), next()), (Some("bc"), None));
        fs::write(folder.join("reserve"), b"spare\n\0").expect("written");
        assert_eq!((next().as_deref(), next()), (Some("spare"), None));
        // The reserve becomes a file: its lines were shown.
        fs::rename(folder.join("reserve"), path_of(&folder, 2)).expect("renamed");
        fs::write(path_of(&folder, 3), "d\n").expect("written");
        assert_eq!((next().as_deref(), next()), (Some("d"), None));
    }
}
