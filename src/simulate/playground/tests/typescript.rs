//! The TypeScript declarations of the npm package are made from the wire types; this test keeps the committed file
//! fresh. `UPDATE=1 cargo test --lib typescript` writes it.

use super::super::*;
use crate::simulate::wire::ScenariosRun;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use ts_rs::{Config, TS, TypeVisitor};

/// What no Rust type says: the functions, and words that have a name.
const HEAD: &str = include_str!("playground.d.ts");

/// Collects declarations by name.
struct Declarations<'c> {
    config: &'c Config,
    found: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if T::output_path().is_some() {
            let name = T::ident(self.config);
            if self.found.contains_key(&name) {
                return;
            }
            let docs = T::docs().unwrap_or_default();
            self.found.insert(name, tidy(&format!("{docs}export {}\n", T::decl(self.config))));
        }
        T::visit_dependencies(self);
    }
}

/// One comment a line, members indented, no blanks at line ends.
fn tidy(declaration: &str) -> String {
    let text = declaration.replace("/**\n * ", "/** ").replace("\n */", " */").replace("[`", "`").replace("`]", "`");
    let (head, body) = text.split_once("= {").unwrap_or((&text, ""));
    let lines: Vec<String> = body.lines().map(|line| format!("  {}", line.trim()).trim_end().to_owned()).collect();
    let body = lines.join("\n");
    if body.is_empty() {
        return text;
    }
    let body = body.trim().replace(", };", ",\n};").replace(" };", "\n};");
    format!("{head}= {{\n  {body}\n")
}

fn declarations() -> String {
    let config = Config::new();
    let mut all = Declarations { config: &config, found: BTreeMap::new() };
    all.visit::<Question>();
    all.visit::<Decided>();
    all.visit::<Explained>();
    all.visit::<Checked>();
    all.visit::<KeysRead>();
    all.visit::<Completions>();
    all.visit::<Pasted>();
    all.visit::<WorldQuestion>();
    all.visit::<WorldAsked>();
    all.visit::<Exported>();
    all.visit::<ScenariosRun>();
    let mut out = String::from(HEAD);
    for declaration in all.found.values() {
        let _ = write!(out, "\n{declaration}");
    }
    out
}

#[test]
fn the_declarations_are_those_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm/package/portcullis.d.ts");
    let fresh = declarations();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &fresh).expect("the package's folder can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "{} is stale: run `UPDATE=1 cargo test --lib typescript`", path.display());
}
