//! The module gives the same bytes as the library: every scenario of the corpus, explained by both.
//!
//! Needs what `wasm/build package` makes, and Node. Where the module is not built the test says so by name;
//! with `PORTCULLIS_WASM=required` that is a failure.

use portcullis::simulate::playground::{self, Question};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Every scenario of the corpus as a question.
fn questions() -> Vec<Question> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("the corpus").filter_map(Result::ok).collect();
    files.sort_by_key(std::fs::DirEntry::path);
    let texts = files.iter().map(|file| std::fs::read_to_string(file.path()).expect("a file of the corpus"));
    texts.flat_map(|text| playground::read_pasted(&text).scenarios).map(|scenario| scenario.question).collect()
}

#[test]
fn the_module_explains_as_the_library_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm/package");
    if !root.join("portcullis.wasm").is_file() {
        assert!(std::env::var_os("PORTCULLIS_WASM").is_none(), "the module is not built: run wasm/build package");
        println!("skipped the_module_explains_as_the_library_does: run wasm/build package");
        return;
    }
    let mut all = questions();
    assert!(all.len() >= 1000, "{}", all.len());
    // What nobody knows is asked, too.
    let unknown = all.iter().step_by(10).cloned().map(|mut question| {
        for policy in question.layers.identity.iter_mut().flatten().chain(&mut question.layers.resource) {
            policy.state = playground::PolicyState::Unknown;
        }
        question
    });
    let unknown: Vec<Question> = unknown.collect();
    all.extend(unknown);
    let (mut asked, mut expected) = (String::new(), String::new());
    for question in &all {
        let line = |value: String| value + "\n";
        asked += &line(serde_json::to_string(question).expect("a question can be written"));
        expected += &line(serde_json::to_string(&playground::explain(question)).expect("an answer can be written"));
    }
    let mut node = Command::new("node")
        .arg(root.join("test/answers.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut stdin = node.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(asked.as_bytes()));
    let output = node.wait_with_output().expect("node ends");
    writer.join().expect("the writer ends").expect("node reads");
    assert!(output.status.success());
    let got = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let mut wrong = String::new();
    for (number, (got, expected)) in got.lines().zip(expected.lines()).enumerate().filter(|(_, (a, b))| a != b).take(3)
    {
        let _ = writeln!(wrong, "{number}:\n  module  {got}\n  library {expected}");
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(got.lines().count(), all.len(), "one answer for each question");
}
