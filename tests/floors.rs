//! The floors of the design: a module uses lower floors only, and the pure floors do no I/O.

use std::path::{Path, PathBuf};

const FLOORS: [(&str, u8); 8] = [
    ("words", 0),
    ("policy", 1),
    ("compiled", 2),
    ("decision", 3),
    ("simulate", 4),
    ("gate", 5),
    ("storage", 6),
    ("edges", 7),
];

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a source folder").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, u8, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let mut out = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
        let Some(floor) = relative.split('/').next().and_then(floor) else {
            assert!(["lib.rs", "main.rs", "manual.rs"].contains(&relative.as_str()), "{relative} stands on no floor");
            continue;
        };
        let text = std::fs::read_to_string(&file).expect("a source file");
        let code = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        out.push((relative, floor, code));
    }
    assert!(out.len() > 40, "the sources were found");
    out
}

#[test]
fn modules_use_lower_floors_only() {
    let mut upward = Vec::new();
    for (file, own, code) in sources() {
        for used in code.split("crate::").skip(1) {
            let module: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(other) = floor(&module) else { panic!("{file} uses crate::{module}, which stands on no floor") };
            if other > own {
                upward.push(format!("{file} (F{own}) uses crate::{module} (F{other})"));
            }
        }
    }
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

#[test]
fn pure_floors_do_no_io_and_know_no_clock() {
    let forbidden = [
        "std::fs",
        "std::env",
        "std::process",
        "std::thread",
        "std::time",
        "std::io",
        "TcpStream",
        "UdpSocket",
        "SystemTime",
        "Utc::now",
        "Local::now",
        "println!",
        "eprintln!",
        "print!(",
        "dbg!",
        "async fn",
        "tokio",
        "tracing",
        "log::",
    ];
    let mut found = Vec::new();
    for (file, own, code) in sources() {
        // What only tests compile may read the corpus and write what is made from the code.
        let of_tests = file.ends_with("/tests.rs") || file.contains("/tests/");
        if own <= 4 && !of_tests {
            found.extend(
                forbidden.iter().filter(|word| code.contains(**word)).map(|word| format!("{file} uses {word}")),
            );
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
