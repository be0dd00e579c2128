//! The program as people run it: answers, exit codes, formats, and what bad input gets.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const WORLD: &str = "policies-examples/world";

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("PORTCULLIS_WORLD")
        .output()
        .expect("the program starts")
}

/// Exit code, standard output, standard error.
fn answer(line: &str) -> (i32, String, String) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = run(&words);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

#[test]
fn the_first_line_is_the_answer_and_the_exit_code_tells_it() {
    let ask = format!("can alice GetObject s3://reports/2024/q1.csv -w {WORLD}");
    let (code, out, err) = answer(&format!("{ask} --from 203.0.113.7"));
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(out.starts_with("✗ DENIED (implicit deny"), "{out}");
    assert!(out.contains("read-reports.json:10:40"), "{out}");
    let (code, out, _) = answer(&format!("{ask} --from 198.51.100.9"));
    assert_eq!(code, 0);
    assert!(out.starts_with("✓ ALLOWED"), "{out}");
    for (expect, code) in [("deny", 0), ("implicit-deny", 0), ("explicit-deny", 1), ("allow", 1)] {
        assert_eq!(answer(&format!("{ask} --from 203.0.113.7 --expect {expect}")).0, code, "{expect}");
    }
}

#[test]
fn no_colour_without_a_terminal() {
    let (_, out, _) = answer(&format!("why alice GetObject s3://reports/2024/q1.csv -w {WORLD}"));
    assert!(!out.contains('\u{1b}'), "{out}");
}

#[test]
fn a_typo_is_not_a_denial() {
    for (line, code) in [
        ("can alise GetObject s3://reports/x", "E902"),
        ("can alice GetObjct s3://reports/x", "E904"),
        ("can alice nosuch:GetObject s3://reports/x", "E904"),
        ("can alice s3:Zz* s3://reports/x", "E904"),
        ("can alice GetObject reports/x", "E905"),
        ("can alice GetObject s3://", "E905"),
        ("can alice@nowhere GetObject s3://reports/x", "E902"),
        ("can arn:aws:iam::111122223333:user/nobody GetObject s3://reports/x", "E902"),
        ("can alice GetObject s3://reports/x --from nowhere", "E901"),
        ("can alice GetObject s3://reports/x --at yesterday", "E901"),
        ("can alice GetObject s3://reports/x --mfa=soon", "E901"),
        ("can alice GetObject s3://reports/x -c novalue", "E901"),
        ("can alice GetObject s3://reports/x --absent everything", "E901"),
        ("explain D999", "no code"),
    ] {
        let world = if line.starts_with("can") { format!(" -w {WORLD}") } else { String::new() };
        let (status, out, err) = answer(&format!("{line}{world}"));
        assert_eq!((status, out.as_str()), (2, ""), "{line}");
        assert!(err.contains(code), "{line}: {err}");
    }
    let (status, _, err) = answer("can alice GetObject s3://reports/x");
    assert_eq!(status, 2);
    assert!(err.contains("-w PATH"), "{err}");
    let (status, out, err) = answer("test nowhere.json");
    assert_eq!((status, out.as_str()), (2, "0 passed, 0 failed\n"));
    assert!(err.contains("E805"), "{err}");
    assert_eq!(answer("can alice").0, 2);
    assert_eq!(answer("--help").0, 0);
}

#[test]
fn did_you_mean_and_ambiguity() {
    let (_, _, err) = answer(&format!("can alise GetObject s3://reports/x -w {WORLD}"));
    assert!(err.contains("did you mean `alice`"), "{err}");
    let folder = scratch("ambiguous");
    let account = |id: &str| format!(r#"{{"id": "{id}", "name": "a{id}", "users": [{{"name": "sam"}}]}}"#);
    let world = format!(r#"{{"version": 1, "accounts": [{}, {}]}}"#, account("111122223333"), account("444455556666"));
    std::fs::write(folder.join("w.json"), world).expect("written");
    let path = folder.join("w.json");
    let path = path.to_str().expect("UTF-8");
    let (code, _, err) = answer(&format!("can sam ListAllMyBuckets * -w {path}"));
    assert_eq!(code, 2);
    assert!(err.contains("arn:aws:iam::111122223333:user/sam") && err.contains("444455556666"), "{err}");
    for who in ["sam@444455556666", "user/sam@a444455556666", "arn:aws:iam::444455556666:user/sam"] {
        assert_eq!(answer(&format!("can {who} ListAllMyBuckets * -w {path}")).0, 1, "{who}");
    }
}

#[test]
fn what_was_not_given_is_said_and_never_allows() {
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/account_authorization_details.json");
    if !dump.is_file() {
        println!("skipped what_was_not_given_is_said_and_never_allows: ../shared/data is not here");
        return;
    }
    let ask = format!("can obama ListAllMyBuckets * -w {}", dump.display());
    let (code, out, _) = answer(&ask);
    assert_eq!(code, 3, "{out}");
    assert!(out.starts_with("? UNDECIDED"), "{out}");
    assert!(out.contains("aws organizations list-policies-for-target --target-id 012345678901"), "{out}");
    assert_eq!(answer(&format!("{ask} --absent scp --absent rcp")).0, 0);
    assert_eq!(answer(&format!("can biden ec2:TerminateInstances * --absent scp -w {}", dump.display())).0, 1);
    assert_eq!(answer(&format!("world show -w {}", dump.display())).0, 0);
}

#[test]
fn aws_dump_formats_are_recognised() {
    let folder = scratch("dumps");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("written");
    let policy = r#"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::logs/*\"}]}"#;
    write("logs.policy.json", &format!(r#"{{"Policy": "{policy}"}}"#));
    let (code, out, _) = answer(&format!("can anyone GetObject s3://logs/a --absent rcp -w {}", folder.display()));
    assert_eq!(code, 3, "{out}");
    assert!(out.contains("get-public-access-block"), "{out}");
    write(
        "logs.pab.json",
        r#"{"PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true}}"#,
    );
    write(
        "logs.acl.json",
        r#"{"Owner": {"ID": "abc"}, "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "abc"}, "Permission": "FULL_CONTROL"}]}"#,
    );
    write("logs.ownership.json", r#"{"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}"#);
    let (code, out, _) = answer(&format!("can anyone GetObject s3://logs/a --absent rcp -w {}", folder.display()));
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("D403"), "{out}");
    write("organization.json", r#"{"Organization": {"Id": "o-1", "MasterAccountId": "999900001111"}}"#);
    assert_eq!(answer(&format!("world show -w {}", folder.display())).0, 0);
    write("what.json", r#"{"hello": 1}"#);
    let (code, _, err) = answer(&format!("world show -w {}", folder.display()));
    assert_eq!(code, 2);
    assert!(err.contains("E806"), "{err}");
}

#[test]
fn problems_of_a_world_have_code_and_place() {
    let folder = scratch("broken");
    let world = "{\"version\": 1, \"accounts\": [{\n  \"id\": \"111122223333\", \"colour\": 1,\n  \"users\": [{\"name\": \"a\", \"attached\": [\"gone\"]},\n            {\"name\": \"a\"}],\n  \"buckets\": [{\"name\": \"b\", \"policy\": {\"Version\": \"2012-10-17\", \"Statement\": []}}]\n}]}";
    std::fs::write(folder.join("w.json"), world).expect("written");
    let (code, out, err) = answer(&format!("world check -w {}/w.json", folder.display()));
    assert_eq!((code, out.as_str()), (2, ""));
    for found in ["E801", "w.json:2:", "E802", "w.json:3:", "E804", "w.json:4:", "E205", "w.json:5:"] {
        assert!(err.contains(found), "{found} in {err}");
    }
    std::fs::write(folder.join("bytes.json"), b"{\"version\": \xff}").expect("written");
    let (code, _, err) = answer(&format!("world check -w {}/bytes.json", folder.display()));
    assert_eq!(code, 2);
    assert!(err.contains("E102"), "{err}");
}

#[test]
fn json_and_aws_formats_are_data() {
    let ask = format!("why alice GetObject s3://reports/2024/q1.csv --from 203.0.113.7 -w {WORLD} --format");
    let (code, out, _) = answer(&format!("{ask} json"));
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, 1);
    assert_eq!(
        (&json["version"], &json["decision"], &json["code"]),
        (&1.into(), &"implicit-deny".into(), &"D201".into())
    );
    let miss = &json["near_misses"][0];
    assert_eq!(miss["conditions"][0]["actual"][0], "203.0.113.7");
    assert_eq!(
        (&miss["conditions"][0]["place"]["line"], &miss["conditions"][0]["place"]["column"]),
        (&10.into(), &40.into())
    );
    assert_eq!(json["remedies"][0]["context"][0][0], "aws:SourceIp");
    let (_, out, _) = answer(&format!("{ask} aws"));
    let aws: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(aws["EvaluationResults"][0]["EvalDecision"], "implicitDeny");
    assert_eq!(aws["IsTruncated"], false);
}

#[test]
fn wildcards_give_a_table() {
    let (code, out, _) = answer(&format!("can anyone s3:Get* s3://public/logo.svg -w {WORLD}"));
    assert_eq!(code, 1, "not all are allowed");
    assert!(out.lines().next().is_some_and(|l| l.contains("actions allowed")), "{out}");
    assert!(out.contains("✓ ALLOWED   s3:GetObject "), "{out}");
    assert!(out.contains("✗ DENIED    s3:GetObjectAcl"), "{out}");
}

#[test]
fn tests_report_and_exit() {
    let folder = scratch("tests");
    let world = Path::new(env!("CARGO_MANIFEST_DIR")).join(WORLD);
    let file = folder.join("t.yaml");
    let write = |lines: &str| {
        let text = format!("version: 1\nworld: {}\nnow: 2026-11-22T09:00:00Z\ntests:\n{lines}", world.display());
        std::fs::write(&file, text).expect("written");
    };
    write("  - can: alice GetObject s3://reports/a --from 198.51.100.9\n    because: read-reports#ReadFromOffice\n");
    let (code, out, _) = answer(&format!("test {}", file.display()));
    assert_eq!((code, out.as_str()), (0, "1 passed, 0 failed\n"));
    write("  - cannot: alice GetObject s3://reports/a --from 198.51.100.9\n  - can: alice GetObject s3://reports/a\n");
    let (code, out, _) = answer(&format!("test {}", file.display()));
    assert_eq!(code, 1);
    assert_eq!(out.lines().count(), 3, "{out}");
    assert!(out.ends_with("0 passed, 2 failed\n"), "{out}");
    let (_, out, _) = answer(&format!("test {} --format json", file.display()));
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&json["version"], &json["results"][0]["pass"]), (&1.into(), &false.into()));
    write("  - can: alise GetObject s3://reports/a\n");
    assert_eq!(answer(&format!("test {}", file.display())).0, 2);
    write("  - can: alice GetObject s3://reports/a\n    becuase: x\n");
    let (code, _, err) = answer(&format!("test {}", file.display()));
    assert_eq!(code, 2);
    assert!(err.contains("becuase") && err.contains("t.yaml:6:"), "{err}");
}

#[test]
fn scenario_files_report_unknown_fields() {
    let folder = scratch("scenario");
    let file = folder.join("s.json");
    std::fs::write(&file, r#"[{"id": "a", "layers": {"identty": []}, "request": {"principal": {"kind": "user"}, "action": "s3:GetObject", "resource": "*"}, "expect": "maybe"}]"#)
        .expect("written");
    let (code, _, err) = answer(&format!("test {}", file.display()));
    assert_eq!(code, 2);
    assert!(err.contains("identty") && err.contains("maybe"), "{err}");
}

#[test]
fn completions_man_pages_and_codes() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(answer(&format!("completions {shell}")).1.contains("portcullis"), "{shell}");
    }
    assert!(answer("man").1.contains(".TH"));
    assert!(answer("man can").1.contains("\\-\\-from"));
    assert!(answer("explain d201").1.starts_with("D201"));
    assert!(answer("explain").1.lines().count() > 70);
}

#[test]
fn characters_of_any_length_are_drawn() {
    let folder = scratch("characters");
    let file = folder.join("p.json");
    let texts = [
        "{“Statement”:[]}",
        "{\"Statement\":[é]}",
        "{\"Statement\":[]}é",
        "{\"a\":1 😀}",
        "Statement:\n- é: 1",
        "é: [",
        "\u{feff}{}",
        "",
        "[",
        "\r\n",
    ];
    for text in texts {
        std::fs::write(&file, text).expect("written");
        for verb in ["world check -w", "test"] {
            let (code, _, err) = answer(&format!("{verb} {}", file.display()));
            assert_eq!(code, 2, "{text:?}: {err}");
            assert!(err.contains("error[E"), "{text:?}: {err}");
        }
    }
}

#[test]
fn questions_that_aws_would_never_evaluate_are_refused() {
    for line in [
        "alice ListBucket s3://reports/x",
        "alice GetObject s3://reports",
        "alice GetObject *",
        "alice kms:Decrypt *",
        "alice ListAllMyBuckets s3://reports",
        "alice ec2:RunInstances s3://reports/x",
        "alice GetObject s3://reports/x --mfa -c aws:MultiFactorAuthPresent=false",
    ] {
        let (code, _, err) = answer(&format!("can {line} -w {WORLD}"));
        assert_eq!(code, 2, "{line}: {err}");
    }
    assert_eq!(answer(&format!("can alice ListAllMyBuckets * -w {WORLD}")).0, 1);
}

#[test]
fn undecided_is_neither_can_nor_cannot() {
    let folder = scratch("undecided");
    let world = r#"{"version": 1, "accounts": [{"id": "111122223333", "users": [{"name": "al@example.com",
        "inline": [{"name": "x", "document": {"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}}]}]}]}"#;
    std::fs::write(folder.join("world.json"), world).expect("written");
    let tests = "version: 1\nworld: world.json\ntests:\n  - cannot: al@example.com GetObject s3://nowhere/x\n";
    std::fs::write(folder.join("t.yaml"), tests).expect("written");
    let (code, out, _) = answer(&format!("test {}/t.yaml", folder.display()));
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("undecided"), "{out}");
    assert_eq!(answer(&format!("can al@example.com GetObject s3://nowhere/x -w {}", folder.display())).0, 3);
}

#[test]
fn names_cannot_forge_an_answer_or_a_command() {
    let output = run(&["can", "alice", "GetObject", "s3://public/a\n✓ ALLOWED\u{1b}[2K\u{202e}x", "-w", WORLD]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let forged = text.lines().skip(1).filter(|l| l.starts_with('✓')).count();
    assert_eq!(forged, 0, "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    let output = run(&["can", "alice", "GetObject", "s3://b$(id)'/x;y", "-w", WORLD]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains(r"--bucket 'b$(id)'\'''"), "{text}");
}

#[test]
fn a_folder_may_hold_the_documents_its_world_names() {
    let folder = scratch("folder");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("written");
    let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal":
        {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"#;
    write("trust.json", trust);
    let world =
        r#"{"version": 1, "accounts": [{"id": "111122223333", "roles": [{"name": "r", "trust": "trust.json"}]}]}"#;
    write("world.json", world);
    let (code, _, err) = answer(&format!("can ec2.amazonaws.com AssumeRole role/r -w {}", folder.display()));
    assert_eq!(code, 0, "{err}");
}

#[test]
fn commands_in_answers_can_be_pasted() {
    let (_, out, _) = answer(&format!("can alice GetObject s3://reports/2024/q1.csv --from 203.0.113.7 -w {WORLD}"));
    let command = out.lines().find_map(|l| l.split_once("      portcullis ")).expect("a command").1;
    assert_eq!(answer(command).0, 0, "{command}");
}
