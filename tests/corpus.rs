//! Decisions as data: every scenario of the corpus, and of the shared examples where they are at hand.

use portcullis::simulate::scenario::{self, Scenario};
use portcullis::words::problem::Source;
use std::path::Path;

fn read_folder(folder: &Path) -> Vec<(String, Scenario)> {
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok).collect();
    files.sort_by_key(std::fs::DirEntry::path);
    let mut all = Vec::new();
    for file in files.iter().map(std::fs::DirEntry::path).filter(|p| p.extension().is_some_and(|e| e == "json")) {
        let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(&file).expect("the file can be read");
        match scenario::read(&Source::new(name.as_str(), text)) {
            Ok(scenarios) => all.extend(scenarios.into_iter().map(|s| (name.clone(), s))),
            Err(problems) => panic!("{problems}"),
        }
    }
    all
}

fn run(scenarios: &[(String, Scenario)]) {
    let mut failed = Vec::new();
    for (file, scenario) in scenarios {
        let result = scenario.run();
        if !result.pass {
            failed.push(format!(
                "{file} {}: expected {}, got {}: {} ({})",
                result.id, result.expect, result.got, result.reason, scenario.why
            ));
        }
        let explained = scenario.explained(|e| e.decision);
        assert_eq!(
            explained,
            scenario.authorizer().decide(&scenario.request()),
            "{} decides and explains alike",
            result.id
        );
    }
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), scenarios.len(), failed.join("\n"));
}

#[test]
fn own_corpus() {
    let scenarios = read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"));
    assert!(scenarios.len() >= 400, "{}", scenarios.len());
    run(&scenarios);
}

#[test]
fn shared_scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/scenarios");
    if !folder.is_dir() {
        println!("skipped shared_scenarios: ../shared/scenarios is not here");
        return;
    }
    run(&read_folder(&folder));
}
