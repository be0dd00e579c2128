//! `test`: scenarios and policy unit tests.

use super::args::{Test, TestFormat};
use super::files::{self, Unusable};
use super::{NO, UNASKED, YES, now, say};
use crate::simulate::reader::Findings;
use crate::simulate::render::clean;
use crate::simulate::scenario::{self, TestResult};
use crate::simulate::unit_tests;
use crate::simulate::world::parse_tree;
use crate::words::codes::Code;
use crate::words::problem::Source;
use anstream::eprintln;
use std::path::Path;

/// The JSON shape of a run.
#[derive(serde::Serialize)]
struct Report {
    version: u32,
    results: Vec<TestResult>,
}

pub(super) fn run(test: &Test) -> u8 {
    let mut results = Vec::new();
    let mut unusable = false;
    for file in &test.files {
        match run_file(test, file) {
            Ok(list) => {
                if test.format == TestFormat::Human {
                    report(file, &list);
                }
                results.extend(list);
            }
            Err(error) => {
                eprintln!("{}", error.0);
                unusable = true;
            }
        }
    }
    let failed = results.iter().filter(|r| !r.pass).count();
    unusable |= results.iter().any(|r| r.unasked);
    match test.format {
        TestFormat::Human => say(&format!("{} passed, {failed} failed\n", results.len() - failed)),
        TestFormat::Json => match serde_json::to_string_pretty(&Report { version: 1, results }) {
            Ok(text) => say(&format!("{text}\n")),
            Err(error) => eprintln!("error: {error}"),
        },
    }
    match (unusable, failed) {
        (true, _) => UNASKED,
        (false, 0) => YES,
        (false, _) => NO,
    }
}

/// One line for each failure: id, expected, got, reason.
fn report(file: &Path, results: &[TestResult]) {
    for r in results.iter().filter(|r| !r.pass) {
        let (id, reason) = (clean(&r.id), clean(&r.reason));
        say(&format!("✗ {}: {id}: expected {}, got {}: {reason}\n", file.display(), r.expect, r.got));
    }
}

fn run_file(test: &Test, file: &Path) -> Result<Vec<TestResult>, Unusable> {
    let source = files::read(file)?;
    let mut findings = Findings::new(source.clone(), Code::ScenarioShape);
    let refused = |problems| Unusable(files::shown(&problems));
    let Some(root) = parse_tree(&source, &mut findings) else {
        return findings.finish().map(|_| Vec::new()).map_err(refused);
    };
    if unit_tests::recognises(&root, &source.text) {
        let tests = unit_tests::read(findings, &root).map_err(refused)?;
        return run_unit_tests(test, &source, file, &tests);
    }
    let scenarios = scenario::read_node(findings, &root).map_err(refused)?;
    Ok(scenarios.iter().map(scenario::Scenario::run).collect())
}

fn run_unit_tests(
    test: &Test,
    source: &Source,
    file: &Path,
    tests: &unit_tests::TestFile,
) -> Result<Vec<TestResult>, Unusable> {
    let mut paths = test.world.world.clone();
    if let Some(world) = &tests.world {
        paths = vec![file.parent().unwrap_or(Path::new("")).join(world)];
    }
    let world = files::world(&paths, test.world.strict)?;
    Ok(tests.run(source, &world, now()))
}
