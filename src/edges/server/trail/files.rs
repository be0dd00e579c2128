//! The files of the trail: their names, their ends, and which policies their events name.

use crate::edges::trail_files::{self, path_of};
use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes the folder of the trail, for its owner only.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder.join("policies"))
}

/// The number of the newest file.
pub(super) fn newest(folder: &Path) -> io::Result<Option<u64>> {
    Ok(trail_files::segments(folder)?.last().map(|(number, _)| *number))
}

/// Opens a file at the end of its last whole line; what a crash cut off was never acknowledged, and goes.
pub(super) fn open(folder: &Path, number: u64) -> io::Result<(File, u64)> {
    let path = path_of(folder, number);
    let new = !path.exists();
    let mut file = OpenOptions::new().create(true).read(true).write(true).truncate(false).mode(0o600).open(path)?;
    if new {
        // The name has to be as durable as what stands behind it.
        File::open(folder)?.sync_all()?;
    }
    let length = file.seek(SeekFrom::End(0))?;
    let end = last_line_end(&mut file, length)?;
    if end < length {
        tracing::warn!(number, bytes = length - end, "the trail ended in a torn line, which was cut off");
        file.set_len(end)?;
        file.sync_all()?;
    }
    file.seek(SeekFrom::Start(end))?;
    Ok((file, end))
}

/// Where the last whole line ends, looking backwards.
fn last_line_end(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(64 << 10);
        let mut bytes = vec![0; usize::try_from(end - start).unwrap_or_default()];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        if let Some(at) = bytes.iter().rposition(|b| *b == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The file beside a file of events that lists the policies they name.
fn names_path(folder: &Path, number: u64) -> PathBuf {
    path_of(folder, number).with_extension("policies")
}

/// Notes which policies the events of a file name.
pub(super) fn put_names(folder: &Path, number: u64, names: &HashSet<Arc<str>>) -> io::Result<()> {
    let text: String = names.iter().flat_map(|name| [name, "\n"]).collect();
    write_whole(&names_path(folder, number), text.as_bytes())
}

/// Which policies the events of a file name: as it was noted, or by reading them.
pub(super) fn names(folder: &Path, number: u64) -> io::Result<HashSet<Arc<str>>> {
    match fs::read_to_string(names_path(folder, number)) {
        Ok(text) => Ok(text.lines().map(Arc::from).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => names_in(&path_of(folder, number)),
        Err(error) => Err(error),
    }
}

fn names_in(path: &Path) -> io::Result<HashSet<Arc<str>>> {
    let mut names = HashSet::new();
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        let line = line?;
        let text = String::from_utf8_lossy(&line);
        let found = text.split("\"digest\":\"sha256:").skip(1).filter_map(|rest| rest.get(..64));
        for name in found {
            if !names.contains(name) {
                names.insert(Arc::from(name));
            }
        }
    }
    Ok(names)
}

/// Writes a file that is there whole or not at all, durably.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Deletes the oldest files beyond so many, and the policies that no event names any more; `current` are those that
/// the events of the newest file name. Gives the policies that are gone.
pub(super) fn prune(folder: &Path, keep: usize, current: &HashSet<Arc<str>>) -> io::Result<Vec<String>> {
    let segments = trail_files::segments(folder)?;
    let surplus = segments.len().saturating_sub(keep);
    if keep == 0 || surplus == 0 {
        return Ok(Vec::new());
    }
    let (old, kept) = segments.split_at(surplus);
    let mut named = current.clone();
    for (number, _) in kept.iter().rev().skip(1) {
        named.extend(names(folder, *number)?);
    }
    for (number, path) in old {
        fs::remove_file(path)?;
        match fs::remove_file(names_path(folder, *number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let mut gone = Vec::new();
    for entry in fs::read_dir(folder.join("policies"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !named.contains(name.as_str()) {
            fs::remove_file(entry.path())?;
            gone.push(name);
        }
    }
    Ok(gone)
}
