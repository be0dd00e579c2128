//! Every worked example: its scenarios, its policy unit tests, and snapshots of what people read.

use portcullis::decision::Authorizer;
use portcullis::simulate::question::Question;
use portcullis::simulate::reader::Findings;
use portcullis::simulate::render::{self, Rendered};
use portcullis::simulate::unit_tests::{self, TestFile};
use portcullis::simulate::world::{LoadContext, World, parse_tree};
use portcullis::simulate::{scenario, yaml};
use portcullis::words::codes::Code;
use portcullis::words::problem::Source;
use std::path::{Path, PathBuf};

/// 2026-11-22T09:00:00Z
const NOW: i64 = 1_795_338_000;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies-examples");
    let entries = std::fs::read_dir(root).expect("the examples are there").filter_map(Result::ok);
    let mut folders: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 17, "at least 16 examples and the world");
    folders
}

/// Sources are named by their path below the examples, so that snapshots do not know the machine.
fn source(path: &Path) -> Source {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    Source::new(name, std::fs::read_to_string(path).expect("an example's file"))
}

fn world(folder: &Path) -> World {
    let mut world = World::default();
    let mut read = |from: &Source, path: &str| {
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join(&*from.name);
        Ok(source(&base.parent().expect("a file stands in a folder").join(path)))
    };
    let mut context = LoadContext { read: &mut read, strict: false };
    world.load(&source(&folder.join("world.json")), &mut context).unwrap_or_else(|e| panic!("{e:?}"));
    world
}

fn tests(folder: &Path) -> (Source, TestFile) {
    let source = source(&folder.join("tests.yaml"));
    let mut findings = Findings::new(source.clone(), Code::ScenarioShape);
    let root = parse_tree(&source, &mut findings).unwrap_or_else(|| panic!("{:?}", findings.list));
    (source, unit_tests::read(findings, &root).unwrap_or_else(|e| panic!("{e}")))
}

#[test]
fn unit_tests_pass() {
    for folder in folders() {
        let (source, tests) = tests(&folder);
        let results = tests.run(&source, &world(&folder), Some(NOW));
        assert!(results.len() >= 4, "{} asks little", folder.display());
        for r in results {
            assert!(r.pass, "{} {}: expected {}, got {}: {}", source.name, r.id, r.expect, r.got, r.reason);
        }
    }
}

#[test]
fn scenarios_pass() {
    let mut count = 0;
    for file in folders().iter().map(|f| f.join("scenarios.json")).filter(|f| f.is_file()) {
        for scenario in scenario::read(&source(&file)).unwrap_or_else(|e| panic!("{e}")) {
            let r = scenario.run();
            assert!(r.pass, "{} {}: expected {}, got {}: {}", file.display(), r.id, r.expect, r.got, r.reason);
            count += 1;
        }
    }
    assert!(count >= 60, "{count}");
}

fn rendered(world: &World, question: &Question) -> String {
    let asked = world.ask(question, Some(NOW)).unwrap_or_else(|e| panic!("{e:?}"));
    let authorizer = Authorizer::new(asked.layers.clone());
    let request = asked.request.as_request(authorizer.layers()).expect("resolved");
    let explanation = authorizer.explain(&request);
    let remedies = authorizer.remedies(&request);
    let text = render::long(&Rendered {
        question,
        explanation: &explanation,
        given: &asked.given,
        gaps: &asked.gaps,
        remedies: &remedies,
        clock_used: asked.clock_used,
        options: Some(""),
    });
    anstream::adapter::strip_str(&text).to_string()
}

/// What `portcullis why` prints, for the first three questions of every example: 63 explanations.
#[test]
fn explanations_read_well() {
    let mut count = 0;
    for folder in folders() {
        let name = folder.file_name().and_then(|n| n.to_str()).expect("a plain name").to_owned();
        let world = world(&folder);
        let (_, tests) = tests(&folder);
        for (number, (_, question)) in (1..=3).zip(tests.questions()) {
            let line = format!("portcullis why {}", question.line());
            insta::assert_snapshot!(format!("{name}-{number}"), format!("{line}\n\n{}", rendered(&world, question)));
            count += 1;
        }
    }
    assert!(count >= 40, "{count}");
}

/// Every remedy that is shown was evaluated: asking with it must allow.
#[test]
fn remedies_keep_their_word() {
    let mut kept = 0;
    for folder in folders() {
        let world = world(&folder);
        let (_, tests) = tests(&folder);
        for (_, question) in tests.questions() {
            let asked = world.ask(question, Some(NOW)).unwrap_or_else(|e| panic!("{e:?}"));
            let authorizer = Authorizer::new(asked.layers.clone());
            let request = asked.request.as_request(authorizer.layers()).expect("resolved");
            for remedy in authorizer.remedies(&request) {
                let Some(line) = render::command(question, &remedy) else { continue };
                let again = Question::parse(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
                let asked = world.ask(&again, Some(NOW)).unwrap_or_else(|e| panic!("{line}: {e:?}"));
                let authorizer = Authorizer::new(asked.layers.clone());
                let request = asked.request.as_request(authorizer.layers()).expect("resolved");
                assert!(authorizer.decide(&request).is_allowed(), "{}: {line}", folder.display());
                kept += 1;
            }
        }
    }
    assert!(kept >= 10, "{kept}");
}

/// YAML and JSON give the same tree, so the same world.
#[test]
fn yaml_reads_json() {
    for folder in folders() {
        let source = source(&folder.join("world.json"));
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let json = portcullis::words::json::parse(&source.text, &mut a).expect("JSON");
        let yaml = yaml::parse(&source.text, &mut b).expect("JSON is YAML");
        let (mut left, mut right) = (String::new(), String::new());
        json.print(&source.text, &mut left);
        yaml.print(&source.text, &mut right);
        assert_eq!(left, right, "{}", source.name);
    }
}
