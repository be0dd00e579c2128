//! Which copies a command line asks for.

use super::args::CpArgs;
use super::places::{Place, base_name, below, folder};
use crate::edges::client::{Client, ClientError};
use anstream::eprintln;
use std::fs;
use std::path::{Path, PathBuf};

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where from.
    pub source: Place,
    /// Where to: exactly this name.
    pub target: Place,
    /// Bytes of the source, where they are known.
    pub size: Option<u64>,
}

/// All copies, and how many things cannot be copied, which were said.
#[derive(Debug, Default)]
pub struct Plan {
    /// In order.
    pub copies: Vec<Copy>,
    /// How many sources cannot be copied at all.
    pub refused: u64,
}

/// Finds out what is to be copied.
///
/// # Errors
/// A sentence where the question makes no sense, or its source cannot be listed.
pub async fn plan(args: &CpArgs, client: &Client) -> Result<Plan, String> {
    let (source, target) = (&args.source, &args.target);
    if !matches!((source, target), (Place::Stored { .. }, _) | (_, Place::Stored { .. })) {
        return Err("neither SOURCE nor TARGET is s3://BUCKET/KEY".to_owned());
    }
    match (source, target) {
        (Place::Stream, _) | (_, Place::Stream) if args.recursive => Err("a stream has no files in it".to_owned()),
        (Place::Local(root), Place::Stored { bucket, key }) if args.recursive => files(root, bucket, key),
        (Place::Stored { bucket, key }, _) if args.recursive => objects(client, (bucket, key), target).await,
        _ => {
            let copy = Copy { source: source.clone(), target: named(source, target)?, size: size(source)? };
            Ok(Plan { copies: vec![copy], refused: 0 })
        }
    }
}

fn size(source: &Place) -> Result<Option<u64>, String> {
    let Place::Local(path) = source else { return Ok(None) };
    let meta = fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    if meta.is_dir() {
        return Err(format!("{} is a folder; --recursive copies folders", path.display()));
    }
    // A pipe or a device has no size.
    Ok(meta.is_file().then_some(meta.len()))
}

/// The target of one source: below a folder it keeps its name.
fn named(source: &Place, target: &Place) -> Result<Place, String> {
    let name = match source {
        Place::Stream => "",
        Place::Local(path) => path.file_name().and_then(|name| name.to_str()).unwrap_or_default(),
        Place::Stored { key, .. } if key.is_empty() || key.ends_with('/') => {
            return Err(format!("{source} is a prefix; --recursive copies what is below it"));
        }
        Place::Stored { key, .. } => base_name(key),
    };
    match target {
        Place::Stream => Ok(Place::Stream),
        Place::Stored { bucket, key } if key.is_empty() || key.ends_with('/') => match name {
            "" => Err(format!("{target} has no key, and {source} gives it no name")),
            name => Ok(Place::Stored { bucket: bucket.clone(), key: format!("{key}{name}") }),
        },
        Place::Stored { .. } => Ok(target.clone()),
        Place::Local(path) => {
            let inside = path.is_dir() || path.to_string_lossy().ends_with('/');
            Ok(Place::Local(if inside { below(path, name)? } else { path.clone() }))
        }
    }
}

async fn objects(client: &Client, (bucket, key): (&str, &str), target: &Place) -> Result<Plan, String> {
    let prefix = folder(key);
    let listed = client.list_objects(bucket, &prefix).await.map_err(|e: ClientError| format!("s3://{bucket}: {e}"))?;
    let mut plan = Plan::default();
    for object in listed {
        let relative = object.key.strip_prefix(prefix.as_str()).unwrap_or(&object.key);
        let place = match target {
            Place::Stored { bucket, key } => Ok(Place::Stored { bucket: bucket.clone(), key: folder(key) + relative }),
            // What consoles make to show a folder is no file.
            _ if object.size == 0 && (relative.is_empty() || relative.ends_with('/')) => continue,
            Place::Local(root) => below(root, relative).map(Place::Local),
            Place::Stream => Err("a stream has no files in it".to_owned()),
        };
        let source = Place::Stored { bucket: bucket.to_owned(), key: object.key.clone() };
        match place {
            Ok(target) => plan.copies.push(Copy { source, target, size: Some(object.size) }),
            Err(reason) => {
                eprintln!("error: {source}: {reason}");
                plan.refused += 1;
            }
        }
    }
    Ok(plan)
}

fn files(root: &Path, bucket: &str, key: &str) -> Result<Plan, String> {
    let mut found = Vec::new();
    let mut plan = Plan::default();
    let meta = fs::metadata(root).map_err(|e| format!("{}: {e}", root.display()))?;
    if !meta.is_dir() {
        return Err(format!("{} is no folder; without --recursive a file is copied", root.display()));
    }
    walk(root, &mut found, &mut plan.refused);
    let prefix = folder(key);
    for (path, size) in found {
        let relative = path.strip_prefix(root).ok().and_then(Path::to_str).map(str::to_owned);
        let Some(relative) = relative else {
            eprintln!("error: {}: a key is Unicode text, and this name is not", path.display());
            plan.refused += 1;
            continue;
        };
        let target = Place::Stored { bucket: bucket.to_owned(), key: format!("{prefix}{relative}") };
        plan.copies.push(Copy { source: Place::Local(path), target, size: Some(size) });
    }
    Ok(plan)
}

/// The files below a folder, in the order of their names. Links to files are followed; those to folders are not, since
/// they may lead in a circle.
fn walk(folder: &Path, found: &mut Vec<(PathBuf, u64)>, refused: &mut u64) {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            eprintln!("error: {}: {error}", folder.display());
            *refused += 1;
            return;
        }
    };
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        match fs::metadata(&path) {
            Ok(meta) if meta.is_file() => found.push((path, meta.len())),
            Ok(meta) if meta.is_dir() && entry.file_type().is_ok_and(|kind| kind.is_dir()) => {
                walk(&path, found, refused);
            }
            Ok(_) => eprintln!("note: {} is left out: it is no file", path.display()),
            Err(error) => {
                eprintln!("error: {}: {error}", path.display());
                *refused += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_its_name_below_a_folder() {
        let place = |text: &str| Place::parse(text).expect("a place");
        let name = |source: &str, target: &str| named(&place(source), &place(target)).map(|p| p.to_string());
        for (source, target, want) in [
            ("a/file", "s3://b", "s3://b/file"),
            ("a/file", "s3://b/dir/", "s3://b/dir/file"),
            ("a/file", "s3://b/other", "s3://b/other"),
            ("-", "s3://b/k", "s3://b/k"),
            ("s3://b/a/k", "/", "/k"),
            ("s3://b/a/k", "/tmp/new-name", "/tmp/new-name"),
            ("s3://b/a/k", "-", "-"),
            ("s3://b/a/k", "s3://c/d/", "s3://c/d/k"),
        ] {
            assert_eq!(name(source, target).as_deref(), Ok(want), "{source} {target}");
        }
        for (source, target) in [("-", "s3://b"), ("s3://b/a/", "/tmp"), ("s3://b/..", "/tmp"), ("s3://b", "x")] {
            assert!(name(source, target).is_err(), "{source} {target}");
        }
    }
}
