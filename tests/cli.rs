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

#[test]
fn an_http_request_is_asked_as_what_its_operation_needs() {
    let (code, out, err) = answer(&format!(
        "can GET https://127.0.0.1:9000/reports/2024/q1.csv --as alice --from 198.51.100.9 -w {WORLD}"
    ));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("✓ ALLOWED  alice  GET https://"), "{out}");
    assert!(out.contains("GetObject needs s3:GetObject: 1 of 1 allowed"), "{out}");

    let (code, out, _) = answer(&format!("why GET http://h/reports/2024/q1.csv?tagging --as alice -w {WORLD}"));
    assert_eq!(code, 1);
    assert!(out.starts_with("✗ DENIED  alice"), "{out}");
    assert!(out.contains("GetObjectTagging needs s3:GetObjectTagging: 0 of 1"), "{out}");
    for line in ["aws:SecureTransport          false  given", "s3:authType                  REST-HEADER  given"] {
        assert!(out.contains(line), "{line} in {out}");
    }
    let presigned = "GET http://reports.store.example/2024/q1.csv?X-Amz-Algorithm=AWS4-HMAC-SHA256";
    let (_, out, _) = answer(&format!("why {presigned} --as alice --host-suffix store.example -w {WORLD}"));
    assert!(out.contains("REST-QUERY-STRING") && out.contains("arn:aws:s3:::reports/2024/q1.csv"), "{out}");
    let (_, out, _) = answer(&format!("why GET http://h/public/logo.svg --as anyone -w {WORLD}"));
    assert!(out.starts_with("✓ ALLOWED  anyone") && !out.contains("s3:authType"), "{out}");
    assert_eq!(answer(&format!("can HEAD http://h/nowhere/x --as alice --from 198.51.100.9 -w {WORLD}")).0, 3);
}

#[test]
fn a_copy_needs_its_source_too_and_one_denial_denies() {
    let words = |extra: &[&str]| -> (i32, serde_json::Value) {
        let mut args = vec!["can", "PUT", "http://h/artifacts/new", "--as", "alice", "--from", "198.51.100.9"];
        args.extend(["-H", "x-amz-copy-source: /reports/2024/q1%2Ecsv?versionId=v1", "-w", WORLD, "--format", "json"]);
        args.extend(extra);
        let output = run(&args);
        (output.status.code().expect("no signal"), serde_json::from_slice(&output.stdout).expect("JSON"))
    };
    // Beside the source's own tags those of the header are not used.
    let (_, json) = words(&["-H", "X-Amz-Tagging: a=b"]);
    assert_eq!(json["answers"].as_array().map(Vec::len), Some(2), "{json}");
    assert!(!json.to_string().contains("s3:RequestObjectTag"), "{json}");
    let (code, json) = words(&["-H", "X-Amz-Tagging: a=b%26c&d=e", "-H", "x-amz-tagging-directive: REPLACE"]);
    assert_eq!(code, 1);
    assert_eq!((&json["operation"], &json["decision"]), (&"CopyObject".into(), &"implicit-deny".into()));
    let asked: Vec<(&str, &str)> = json["answers"]
        .as_array()
        .expect("answers")
        .iter()
        .map(|a| (a["request"]["action"].as_str().expect("text"), a["request"]["resource"].as_str().expect("text")))
        .collect();
    let (source, target) = ("arn:aws:s3:::reports/2024/q1.csv", "arn:aws:s3:::artifacts/new");
    assert_eq!(asked, [("s3:GetObjectVersion", source), ("s3:PutObject", target), ("s3:PutObjectTagging", target)]);
    let value = |answer: usize, key: &str| {
        let context = json["answers"][answer]["request"]["context"].as_array().expect("keys");
        context.iter().find(|k| k["key"] == key).map(|k| k["values"].clone())
    };
    assert_eq!(value(0, "s3:versionid"), Some(serde_json::json!(["v1"])));
    assert_eq!(value(1, "s3:RequestObjectTag/a"), Some(serde_json::json!(["b&c"])));
    assert_eq!(value(2, "s3:RequestObjectTagKeys"), Some(serde_json::json!(["a", "d"])));
    assert_eq!(value(1, "s3:versionid"), None);
    assert_eq!(words(&["--expect", "deny"]).0, 0);
}

#[test]
fn what_refuses_a_permitted_request_denies_it() {
    let ask = "GET http://h/reports?policy --as root@111122223333";
    assert_eq!(answer(&format!("can {ask} -w {WORLD}")).0, 0);
    let expecting = |account: &str| {
        let header = format!("x-amz-expected-bucket-owner: {account}");
        let mut args: Vec<&str> = vec!["can"];
        args.extend(ask.split(' '));
        args.extend(["-H", &header, "-w", WORLD]);
        let output = run(&args);
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    assert_eq!(expecting("111122223333").0, Some(0));
    let (code, out) = expecting("444455556666");
    assert_eq!(code, Some(1));
    assert!(out.starts_with("✗ DENIED") && out.contains("403 AccessDenied"), "{out}");

    let allow = r#""Effect": "Allow", "Action": "s3:GetBucketPolicy", "Resource": "arn:aws:s3:::b""#;
    let bob = r#""Principal": {"AWS": "arn:aws:iam::444455556666:user/bob"}"#;
    let document = |rest: &str| format!(r#"{{"Version": "2012-10-17", "Statement": [{{{allow}{rest}}}]}}"#);
    let world = format!(
        r#"{{"version": 1, "accounts": [{{"id": "111122223333", "buckets": [{{"name": "b", "policy": {}}}]}},
            {{"id": "444455556666", "users": [{{"name": "bob", "inline": [{{"name": "p", "document": {}}}]}}]}}]}}"#,
        document(&format!(", {bob}")),
        document("")
    );
    let folder = scratch("owner-alone");
    std::fs::write(folder.join("w.json"), world).expect("written");
    let (code, out, err) = answer(&format!("can GET http://h/b?policy --as bob -w {}/w.json", folder.display()));
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("405 MethodNotAllowed") && out.contains("1 of 1 allowed"), "{out}");
}

#[test]
fn http_requests_that_cannot_be_asked_are_refused() {
    for (line, why) in [
        ("can PATCH http://h/b/k --as alice", "not a method"),
        ("can POST http://h/ --as alice", "MethodNotAllowed"),
        ("can GET h/b/k --as alice", "not a URL"),
        ("can GET http://h/b/%zz --as alice", "hexadecimal"),
        ("can GET http://h/reports/x", "add --as WHO"),
        ("can GET --as alice", "METHOD URL"),
        ("can alice GetObject s3://b/k --as alice", "METHOD URL"),
        ("can POST http://h/reports?delete --as alice", "in the body"),
        ("can GET http://h/reports/x --as alise", "did you mean `alice`"),
        ("can GET http://h/reports/x --as alice --at yesterday", "yesterday"),
        ("can PUT http://h/reports/x --as alice -H x-amz-copy-source:/reports", "x-amz-copy-source"),
    ] {
        let (code, out, err) = answer(&format!("{line} -w {WORLD}"));
        assert_eq!((code, out.as_str()), (2, ""), "{line}: {err}");
        assert!(err.contains(why), "{line}: {err}");
    }
    assert_eq!(answer("can GET http://h/b -H x:y").0, 2, "headers are of HTTP requests");
}

#[cfg(feature = "server")]
#[test]
fn a_recorded_decision_is_explained_by_the_policies_of_its_time() {
    use portcullis::decision::Authorizer;
    use portcullis::edges::server::trail::{Origin, Records, Trail, TrailSettings};
    use portcullis::gate::operations::{GetObject, Operation};
    use portcullis::gate::{Decided, Step};
    use portcullis::simulate::question::Question;
    use portcullis::simulate::recorded::Door;
    use portcullis::simulate::world::{LoadContext, World};
    use portcullis::words::problem::Source;

    let folder = scratch("decision");
    let trail = Trail::open(&folder, &TrailSettings::default(), None).expect("opened");
    let world = Path::new(env!("CARGO_MANIFEST_DIR")).join(WORLD);
    let read = |path: &Path| {
        std::fs::read_to_string(path).map(|text| Source::new(path.to_string_lossy(), text)).map_err(|e| e.to_string())
    };
    let mut read_document = |_: &Source, path: &str| read(&world.join(path));
    let mut loaded = World::default();
    let source = read(&world.join("world.json")).expect("the world");
    loaded.load(&source, &mut LoadContext { read: &mut read_document, strict: false }).expect("loads");
    let requests = [Records::default(), Records::default()];
    for (id, of, from) in [("7F3A", 0, "203.0.113.7"), ("7F3A", 0, "198.51.100.9"), ("7F3B", 1, "198.51.100.9")] {
        let line = format!("alice GetObject s3://reports/2024/q1.csv --from {from} --at 2026-11-22T09:00Z");
        let asked = loaded.ask(&Question::parse(&line).expect("a question"), None).expect("asked");
        let authorizer = Authorizer::new(asked.layers);
        let request = asked.request.as_request(authorizer.layers()).expect("a request");
        let decision = authorizer.decide(&request);
        let origin = Origin {
            request_id: id,
            time_ms: 1_795_338_000_250,
            region: "us-east-1",
            door: Door::Header,
            access_key_id: None,
            signature_version: None,
            tls_version: None,
            host: None,
        };
        let explanation = authorizer.explain(&request);
        let decided = Decided {
            step: Step::of(GetObject::ROW),
            request: &request,
            authorizer: &authorizer,
            lasts: true,
            decision,
            explanation: Some(&explanation),
            took_ns: 1,
        };
        trail.record(&requests[of], &origin, &decided);
    }
    drop(trail);
    let data = folder.to_str().expect("UTF-8");

    // No world is needed: the trail has the policies.
    let (code, out, err) = answer(&format!("why --decision 7F3A.1 --data {data}"));
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    assert!(out.starts_with("✗ DENIED (implicit deny"), "{out}");
    assert!(out.contains("recorded as 7F3A.1, GetObject (GET)"), "{out}");
    assert!(out.contains("at 2026-11-22T09:00:00.250Z") && out.contains("ReadFromOffice"), "{out}");
    assert!(out.contains("/trail/policies/") && out.contains(":10:40"), "{out}");
    assert!(out.contains("outside this range") && !out.contains("portcullis can"), "{out}");
    assert!(out.contains("aws:SourceIp                 203.0.113.7  given"), "{out}");
    assert!(out.contains("aws:username                 alice  derived"), "{out}");
    assert_eq!(answer(&format!("why --decision 7F3B --data {data}")).0, 0);

    let (code, out, _) = answer(&format!("why --decision 7F3A --data {data} --format json"));
    assert_eq!(code, 1, "one of two is denied");
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let words: Vec<_> = json["answers"].as_array().expect("both").iter().map(|a| a["code"].clone()).collect();
    assert_eq!(words, ["D201", "A101"]);

    for (line, why) in [
        (format!("why --decision 7F3C --data {data}"), "has no decision `7F3C`"),
        (format!("why --decision 7F3A.3 --data {data}"), "has no decision `7F3A.3`"),
        ("why --decision 7F3A".to_owned(), "--data"),
        (format!("why --decision 7F3A --data {data} --from 10.0.0.1"), "--from"),
        (format!("why --decision 7F3A --data {data}/nowhere"), "E805"),
        (format!("can --decision 7F3A --data {data}"), "--decision"),
    ] {
        let (code, out, err) = answer(&line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(err.contains(why), "{line}: {err}");
    }

    // A trail that was changed explains nothing.
    let events = folder.join("trail/events-1.ndjson");
    let text = std::fs::read_to_string(&events).expect("events");
    std::fs::write(&events, text.replace("203.0.113.7", "198.51.100.9")).expect("written");
    let (code, _, err) = answer(&format!("why --decision 7F3A.1 --data {data}"));
    assert_eq!(code, 2);
    assert!(err.contains("was implicit-deny [D201] and is now allow [A101]"), "{err}");
    for entry in std::fs::read_dir(folder.join("trail/policies")).expect("policies").filter_map(Result::ok) {
        let text = std::fs::read_to_string(entry.path()).expect("a policy");
        std::fs::write(entry.path(), format!("{text} ")).expect("written");
    }
    let (code, _, err) = answer(&format!("why --decision 7F3B --data {data}"));
    assert_eq!(code, 2);
    assert!(err.contains("was changed"), "{err}");
}

#[test]
fn distributions_ask_in_the_name_of_their_origins() {
    let folder = scratch("cloudfront");
    let statement = |principal: &str, condition: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {principal},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::BUCKET/*"{condition}}}]}}"#
        )
    };
    let by_identity = statement(r#"{"CanonicalUser": "cafe"}"#, "").replace("BUCKET", "reports");
    let condition =
        r#", "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:cloudfront::111122223333:distribution/EDIST"}}"#;
    let by_service = statement(r#"{"Service": "cloudfront.amazonaws.com"}"#, condition).replace("BUCKET", "media");
    let world = format!(
        r#"{{"version": 1, "accounts": [{{"id": "111122223333",
        "buckets": [{{"name": "reports", "policy": {by_identity}}}, {{"name": "media", "policy": {by_service}}}],
        "origin_access_identities": [{{"id": "EOAI", "canonical_user": "cafe"}}],
        "origin_access_controls": [{{"id": "EOAC"}}],
        "distributions": [{{"id": "EDIST", "config": {{"Origins": {{"Items": [
            {{"Id": "r", "DomainName": "reports.s3.amazonaws.com",
              "S3OriginConfig": {{"OriginAccessIdentity": "origin-access-identity/cloudfront/EOAI"}}}},
            {{"Id": "m", "DomainName": "media.s3.us-east-1.amazonaws.com", "OriginAccessControlId": "EOAC"}}]}}}}}},
            {{"id": "EOTHER"}}]}}]}}"#
    );
    let file = folder.join("world.json");
    std::fs::write(&file, world).expect("writable");
    let file = file.display();
    for (who, what, code) in [
        ("oai/EOAI", "s3://reports/k", 0),
        ("oai/EOTHER", "s3://reports/k", 1),
        ("oai/EOAI", "s3://media/k", 1),
        ("cloudfront/EDIST", "s3://reports/k", 0),
        ("cloudfront/EDIST", "s3://media/k", 0),
        ("cloudfront/EOTHER", "s3://media/k", 1),
        ("cloudfront/EDIST", "s3://elsewhere/k", 2),
        ("cloudfront/ENONE", "s3://media/k", 2),
        ("cloudfront.amazonaws.com", "s3://media/k", 1),
        (
            "cloudfront.amazonaws.com",
            "s3://media/k -c aws:SourceArn=arn:aws:cloudfront::111122223333:distribution/EDIST",
            0,
        ),
        ("anyone", "s3://reports/k", 1),
    ] {
        let (status, out, err) = answer(&format!("can {who} GetObject {what} -w {file}"));
        assert_eq!(status, code, "{who} {what}: {out}{err}");
    }
    let (_, shown, _) = answer(&format!("world show -w {file}"));
    assert!(shown.contains("distribution EDIST: reports.s3.amazonaws.com as oai/EOAI"), "{shown}");
    assert!(shown.contains("origin access control EOAC"), "{shown}");
}
