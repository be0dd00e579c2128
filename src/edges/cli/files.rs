//! Reading worlds and tests from disk.

use crate::simulate::reader::Findings;
use crate::simulate::render;
use crate::simulate::unit_tests;
use crate::simulate::world::{Bundle, LoadContext, World, parse_tree};
use crate::words::codes::Code;
use crate::words::json::{self, Node};
use crate::words::problem::{Problems, Source};
use globset::{Glob, GlobMatcher};
use std::path::{Path, PathBuf};

/// Why files could not be used; printed to standard error, exit status 2.
#[derive(Debug)]
pub struct Unusable(pub String);

/// The text of a file.
pub fn read(path: &Path) -> Result<Source, Unusable> {
    let name = path.display().to_string();
    let unreadable = |message: String| Unusable(format!("error[{}]: {name}: {message}", Code::Unreadable));
    let bytes = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
    match json::text_of(&bytes) {
        Ok(text) => Ok(Source::new(name, text.strip_prefix('\u{feff}').unwrap_or(text))),
        Err(problem) => Err(Unusable(format!("error[{}]: {name}: {}", problem.code, problem.message))),
    }
}

/// Problems as the terminal shows them.
pub fn shown(problems: &Problems) -> String {
    render::problems(&problems.source, &problems.list)
}

/// Loads a world from files, directories and patterns.
pub fn world(paths: &[PathBuf], strict: bool) -> Result<World, Unusable> {
    bundle(paths, strict).map(|(world, _)| world)
}

/// As [`world`], with the texts it was loaded from.
pub fn bundle(paths: &[PathBuf], strict: bool) -> Result<(World, Bundle), Unusable> {
    if paths.is_empty() {
        return Err(Unusable(
            "error: no world to ask: name one with -w PATH or PORTCULLIS_WORLD\nhint: `portcullis can --help` says what a world can be".to_owned(),
        ));
    }
    let mut found = Vec::new();
    for path in paths {
        for file in files_of(path)? {
            let source = read(&file)?;
            let named = file == *path;
            if named || !is_test_file(&source) {
                found.push((file, source, named));
            }
        }
    }
    // A document that a world file names by its path is loaded where it is named.
    let referred: Vec<PathBuf> = found.iter().flat_map(|(file, source, _)| documents_named_by(file, source)).collect();
    let wanted = found.into_iter().filter(|(file, _, named)| *named || !referred.contains(file));
    let sources: Vec<Source> = wanted.map(|(_, source, _)| source).collect();
    let mut read_document = |from: &Source, path: &str| {
        let base = Path::new(&*from.name).parent().unwrap_or(Path::new(""));
        read(&base.join(path)).map_err(|e| e.0)
    };
    let mut context = LoadContext { read: &mut read_document, strict };
    Bundle::load(&sources, &mut context).map_err(|failed| Unusable(failed.iter().map(shown).collect()))
}

/// The files of a directory that can describe a world, those a pattern names, or the file itself.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, Unusable> {
    if path.is_dir() {
        let known = glob("*.{json,yaml,yml}")?;
        return listed(path, |name| known.is_match(name));
    }
    let text = path.to_string_lossy();
    if path.exists() || !text.contains(['*', '?', '[', '{']) {
        return Ok(vec![path.to_owned()]);
    }
    let wanted = glob(&text)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = listed(folder, |name| wanted.is_match(path.with_file_name(name)))?;
    if files.is_empty() {
        return Err(Unusable(format!("error[{}]: no file matches `{text}`", Code::Unreadable)));
    }
    Ok(files)
}

fn glob(pattern: &str) -> Result<GlobMatcher, Unusable> {
    Ok(Glob::new(pattern).map_err(|e| Unusable(format!("error[{}]: {e}", Code::Unreadable)))?.compile_matcher())
}

fn listed(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Unusable> {
    let unreadable = |e: std::io::Error| Unusable(format!("error[{}]: {}: {e}", Code::Unreadable, folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() && path.file_name().is_some_and(|name| wanted(Path::new(name))) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The paths of the documents that a world file refers to.
fn documents_named_by(file: &Path, source: &Source) -> Vec<PathBuf> {
    let mut findings = Findings::new(source.clone(), Code::WorldShape);
    let Some(root) = parse_tree(source, &mut findings) else { return Vec::new() };
    let mut texts = Vec::new();
    strings_of(&root, &source.text, &mut texts);
    let base = file.parent().unwrap_or(Path::new(""));
    texts.into_iter().map(|text| base.join(text)).collect()
}

fn strings_of<'n>(node: &'n Node, source: &'n str, texts: &mut Vec<&'n str>) {
    texts.extend(node.as_str(source));
    node.items().into_iter().flatten().for_each(|item| strings_of(item, source, texts));
    node.members().into_iter().flatten().for_each(|member| strings_of(&member.value, source, texts));
}

/// Tests and scenarios may stand beside a world; they are not part of it.
fn is_test_file(source: &Source) -> bool {
    let mut findings = Findings::new(source.clone(), Code::WorldShape);
    parse_tree(source, &mut findings).is_some_and(|root| {
        root.items().is_some()
            || unit_tests::recognises(&root, &source.text)
            || root.get(&source.text, "scenarios").is_some()
    })
}
