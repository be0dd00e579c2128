//! Input that means harm: patterns full of stars, deep and long documents, and every kind of mistake in a
//! policy, each with its code and its place.
//!
//! In the texts of mistakes a mark such as `⟦E201⟧` stands where the problem with that code must be
//! reported; it is taken out before the text is read. The whole list of problems is compared.

use portcullis::compiled::CompiledPolicy;
use portcullis::decision::{Action, AuthorizationRequest, Authorizer, LayerState, Layers, Principal, Resource};
use portcullis::policy::{LoadOptions, PolicyDocument, PolicyKind};
use portcullis::simulate::scenario;
use portcullis::words::codes::Code;
use portcullis::words::json::{self, MAX_BYTES, MAX_DEPTH};
use portcullis::words::problem::{Problem, Severity, Source, Span};
use portcullis::words::wildcard::{Rules, Token, matches, part_of};
use std::fmt::Write;

// ---------------------------------------------------------------------------------------------
// Patterns

/// The tokens of a pattern; `$` stands for variable 0.
fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let literal = rest.find(['*', '?', '$']).unwrap_or(rest.len());
        let token = match first {
            '*' => Token::Run,
            '?' => Token::One,
            '$' => Token::Variable(0),
            _ => {
                tokens.push(Token::Literal(part_of(pattern, &rest[..literal])));
                rest = &rest[literal..];
                continue;
            }
        };
        tokens.push(token);
        rest = &rest[1..];
    }
    tokens
}

/// Matches and checks that it took no more than value times pattern, and a walk over each.
fn bounded(pattern: &str, value: &str, variable: &str, rules: Rules) -> bool {
    let tokens = tokens(pattern);
    let mut steps = 0_u64;
    let matched = matches(&tokens, pattern, value, |_| Some(variable), rules, &mut steps);
    let bound = value.len() * pattern.len() + value.len() + pattern.len() + 1;
    assert!(steps <= bound as u64, "{steps} steps, {bound} are due: {pattern:.60} on {value:.60}");
    matched
}

const PLAIN: Rules = Rules { ignore_case: false, segmented_until: None };

#[test]
fn twenty_stars_on_a_kilobyte_stay_within_the_product() {
    let value = "a".repeat(1024);
    for (pattern, matched) in [
        ("*a".repeat(20) + "b", false),
        ("*a".repeat(20), true),
        ("*".repeat(20) + "b", false),
        ("*".repeat(20), true),
        ("a*".repeat(20) + "b*", false),
        ("*aa".repeat(20) + "b", false),
        ("*?".repeat(20) + "b", false),
        ("?*".repeat(20) + "b", false),
        ("*?a".repeat(20), true),
        ("*".to_owned() + &"a".repeat(512) + "b", false),
        ("*".to_owned() + &"a".repeat(1024), true),
        ("*".to_owned() + &"a".repeat(1025), false),
        ("*".to_owned() + &"?".repeat(1024), true),
        ("*".to_owned() + &"?".repeat(1025), false),
        ("*a*aa*aaa*aaaa*aaaaa*aaaaaa*aaaaaaa*".repeat(3) + "b", false),
        ("a".repeat(1024) + "*", true),
        ("*$".repeat(20) + "b", false),
        ("$*".repeat(20) + "b", false),
        ("*$".repeat(20), true),
    ] {
        for rules in [
            PLAIN,
            Rules { ignore_case: true, ..PLAIN },
            Rules { segmented_until: Some(0), ..PLAIN },
            Rules { segmented_until: Some(1023), ..PLAIN },
        ] {
            assert_eq!(bounded(&pattern, &value, "aaaa", rules), matched, "{pattern:.60} {rules:?}");
        }
        assert!(!bounded(&pattern, &"é".repeat(512), "é", PLAIN) || !pattern.contains('a'), "{pattern:.60}");
    }
}

#[test]
fn colons_and_stars_stay_within_the_product() {
    let arn = ":".repeat(1024);
    for pattern in ["*:".repeat(20) + "b", "*".repeat(20) + "::b", "*:*:*:*:*:*".repeat(4), ":*".repeat(20)] {
        for until in [0, 5, 512, 1023] {
            bounded(&pattern, &arn, ":", Rules { segmented_until: Some(until), ..PLAIN });
        }
    }
}

#[test]
fn variables_are_text_however_many_stars_they_hold() {
    let stars = "*".repeat(1024);
    assert!(!bounded("$", "anything", &stars, PLAIN));
    assert!(bounded("$", &stars, &stars, PLAIN));
    assert!(!bounded("*$*$*$*$*$*", &"a".repeat(1024), "*?*", PLAIN));
    assert!(bounded("*$*", "x*?*y", "*?*", PLAIN));
    // Empty values neither hang nor cost.
    assert!(bounded(&"$*".repeat(500), &"a".repeat(1024), "", PLAIN));
}

#[test]
fn a_hostile_key_costs_an_indexed_policy_no_more_than_a_scan() {
    // Patterns whose only literal occurs at every other place of the key.
    for needle in ["a/", "a/*/b", "*a/?"] {
        let mut statements = Vec::new();
        for number in 0..400 {
            statements.push(format!(
                r#"{{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::*/{needle}", "Condition": {{"StringEquals": {{"aws:PrincipalTag/n": "{number}"}}}}}}"#
            ));
        }
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(","));
        let document = PolicyDocument::parse("bucket.json", &text, &LoadOptions::new(PolicyKind::Bucket))
            .expect("a policy that S3 stores");
        let policy = CompiledPolicy::compile("bucket", &document);
        let authorizer = Authorizer::new(Layers { resource: LayerState::Given(policy.into()), ..Layers::default() });
        for key in ["a/".repeat(500), "a/".repeat(499) + "a?"] {
            let arn = format!("arn:aws:s3:::b/{key}");
            let action = Action::new("s3:GetObject");
            let request = AuthorizationRequest::new(Principal::anonymous(), action, Resource::new(&arn));
            // No time is asserted; before literals were visited once, this took minutes.
            let explained = authorizer.explain(&request).decision;
            assert!(!explained.is_allowed());
            assert_eq!(authorizer.decide(&request), explained);
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Documents

/// Runs what once took time in the square of the input. No time is asserted: were it so again, the run would
/// not end.
fn soon<T>(what: &str, act: impl FnOnce() -> T) -> T {
    println!("{what}");
    act()
}

fn refusal(text: &str) -> Vec<(Code, Span)> {
    let options = LoadOptions::new(PolicyKind::Bucket);
    let problems = PolicyDocument::parse_bytes("x.json", text.as_bytes(), &options).expect_err("must be refused");
    problems.list.iter().map(|p| (p.code, p.span)).collect()
}

#[test]
fn deep_documents_are_refused_where_they_are_too_deep() {
    let at = |offset: usize| vec![(Code::TooDeep, Span::new(offset, offset + 1))];
    for times in [MAX_DEPTH + 1, 1_000_000] {
        assert_eq!(soon("arrays", || refusal(&"[".repeat(times))), at(MAX_DEPTH));
        assert_eq!(soon("objects", || refusal(&r#"{"a":"#.repeat(times))), at(5 * MAX_DEPTH));
        let mixed = r#"[{"a":"#.repeat(times);
        assert_eq!(soon("both", || refusal(&mixed)), at(6 * MAX_DEPTH / 2));
    }
    let deep =
        r#"{"Version": "2012-10-17", "Statement": "#.to_owned() + &"[".repeat(200_000) + &"]".repeat(200_000) + "}";
    assert_eq!(soon("a statement", || refusal(&deep)).first().map(|p| p.0), Some(Code::TooDeep));
    let scenario = scenario::read(&Source::new("x", "[".repeat(1_000_000))).expect_err("must be refused");
    assert_eq!(scenario.list.first().map(|p| p.code), Some(Code::TooDeep));
}

#[test]
fn long_documents_are_refused_before_they_are_read() {
    let long = vec![b'['; MAX_BYTES + 1];
    let options = LoadOptions::new(PolicyKind::Identity);
    let problems = soon("64 MiB", || PolicyDocument::parse_bytes("x", &long, &options)).expect_err("must be refused");
    assert_eq!(problems.list.iter().map(|p| p.code).collect::<Vec<_>>(), [Code::InputTooLong]);
}

#[test]
fn long_pieces_are_read_or_refused_soon() {
    let million = 1_000_000;
    let cases = [
        ("digits", format!("[{}]", "1".repeat(million)), true),
        ("a fraction", format!("0.{}", "1".repeat(million)), true),
        ("backslashes", format!(r#""{}""#, r"\\".repeat(million / 2)), true),
        ("escapes", format!(r#""{}""#, r"\u0041".repeat(million / 6)), true),
        ("an open string", format!(r#""{}"#, "x".repeat(million)), false),
        ("an open string of escapes", format!(r#""{}"#, r"\n".repeat(million / 2)), false),
        ("spaces", " ".repeat(million), false),
        ("items", format!("[{}1]", "1,".repeat(million / 2)), true),
        ("empty lists", format!("[{}[]]", "[],".repeat(million / 3)), true),
        ("a long name", format!(r#"{{"{}": 1}}"#, "x".repeat(million)), true),
        ("one name", format!(r#"{{{}"a":1}}"#, r#""a":1,"#.repeat(million / 6)), true),
    ];
    for (what, text, fits) in cases {
        let read = soon(what, || json::parse(&text, &mut Vec::new()).is_some());
        assert_eq!(read, fits, "{what}");
    }
}

#[test]
fn many_different_repeated_names_are_reported_soon() {
    let mut text = String::from("{");
    for half in 0..2 {
        for number in 0..20_000 {
            let comma = if half + number == 0 { "" } else { "," };
            write!(text, r#"{comma}"k{number}":{half}"#).expect("texts can be written to");
        }
    }
    text.push('}');
    let mut problems = Vec::new();
    soon("40,000 members", || json::parse(&text, &mut problems));
    assert!(!problems.is_empty() && problems.iter().all(|p| p.code == Code::DuplicateKey));
}

#[test]
fn many_problems_are_printed_soon() {
    let statements = vec!["{}"; 10_000].join(",\n");
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    let options = LoadOptions::new(PolicyKind::Bucket);
    let problems = PolicyDocument::parse("x", &text, &options).expect_err("must be refused");
    let printed = soon("printing", || problems.to_string());
    assert!(printed.starts_with("x:1:"));
}

#[test]
fn many_conditions_are_checked_soon() {
    let keys: Vec<String> = (0..10_000).map(|n| format!(r#""aws:PrincipalTag/{n}": "x""#)).collect();
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {{"StringEquals": {{{}}}}}}}}}"#,
        keys.join(",")
    );
    let options = LoadOptions::new(PolicyKind::Identity);
    let document = soon("conditions", || PolicyDocument::parse("x", &text, &options)).expect("it is well formed");
    assert_eq!(document.statements()[0].conditions.len(), 10_000);
}

#[test]
fn many_actions_beside_many_conditions_are_checked_soon() {
    let actions = vec![r#""s3:Get*""#; 1_000].join(",");
    let keys: Vec<String> = (0..400).map(|n| format!(r#""s3:ExistingObjectTag/{n}": "x""#)).collect();
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Deny", "Principal": "*", "Action": [{actions}],
            "Resource": "arn:aws:s3:::b/*", "Condition": {{"StringEquals": {{{}}}}}}}}}"#,
        keys.join(",")
    );
    let options = LoadOptions::new(PolicyKind::Bucket);
    soon("actions and conditions", || PolicyDocument::parse("x", &text, &options)).expect("it is well formed");
}

#[test]
fn a_megabyte_of_ten_thousand_statements_loads() {
    let mut text = String::from(r#"{"Version": "2012-10-17", "Statement": ["#);
    for number in 0..10_000 {
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"Effect":"Allow","Principal":{{"AWS":"111122223333"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/t-{number}/*"}}"#
        )
        .expect("texts can be written to");
    }
    text.push_str("]}");
    assert!(text.len() > 1 << 20, "{}", text.len());
    let options = LoadOptions { bucket: Some("bucket"), ..LoadOptions::new(PolicyKind::Bucket) };
    let document = soon("loading", || PolicyDocument::parse("big", &text, &options)).expect("it is well formed");
    let policy = soon("compiling", || CompiledPolicy::compile("big", &document));
    assert_eq!(policy.statements().len(), 10_000);
    // AWS would not store it: a quota is a warning.
    assert_eq!(policy.warnings().iter().map(|w| w.code).collect::<Vec<_>>(), [Code::QuotaExceeded]);
    let strict = LoadOptions { strict: true, ..options };
    assert!(PolicyDocument::parse("big", &text, &strict).is_err());
    assert_eq!(soon("printing", || document.print()), text.replace(": ", ":").replace(", ", ","));
}

// ---------------------------------------------------------------------------------------------
// Mistakes

/// The text without its marks, and what they say: code, line, column.
fn unmark(marked: &str) -> (String, Vec<(String, usize, usize)>) {
    let mut text = String::new();
    let mut wanted = Vec::new();
    let (mut line, mut column) = (1, 1);
    let mut rest = marked.chars();
    while let Some(c) = rest.next() {
        if c == '⟦' {
            wanted.push((rest.by_ref().take_while(|c| *c != '⟧').collect(), line, column));
        } else {
            (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
            text.push(c);
        }
    }
    (text, wanted)
}

fn places(source: &Source, problems: &[Problem]) -> Vec<(String, usize, usize)> {
    let place = |p: &Problem| {
        let (line, column) = source.position(p.span.start);
        (p.code.to_string(), line, column)
    };
    problems.iter().map(place).collect()
}

/// Checks that the policy has exactly the problems it is marked with; warnings alone do not refuse it.
fn check(kind: PolicyKind, marked: &str) {
    let (text, wanted) = unmark(marked);
    let options = LoadOptions { bucket: Some("b"), ..LoadOptions::new(kind) };
    let warnings_only = wanted.iter().all(|(code, ..)| code.starts_with('W'));
    match PolicyDocument::parse("x.json", &text, &options) {
        Ok(document) => {
            assert!(warnings_only, "{text}\nloads, but should not: {wanted:?}");
            assert_eq!(places(document.source(), document.warnings()), wanted, "{text}");
        }
        Err(problems) => {
            assert_eq!(places(&problems.source, &problems.list), wanted, "{problems}\n{text}");
            assert!(!warnings_only, "{problems}\n{text}");
            let severity =
                |p: &Problem| if p.code.as_str().starts_with('W') { Severity::Warning } else { Severity::Error };
            assert!(problems.list.iter().all(|p| p.severity == severity(p)), "{problems}");
        }
    }
    // Strict: the same problems, all of them errors.
    let strict = LoadOptions { strict: true, ..options };
    match PolicyDocument::parse("x.json", &text, &strict) {
        Ok(document) => assert!(wanted.is_empty() && document.warnings().is_empty(), "{text}"),
        Err(problems) => {
            assert_eq!(places(&problems.source, &problems.list), wanted, "{problems}\n{text}");
            assert!(problems.list.iter().all(|p| p.severity == Severity::Error), "{problems}");
        }
    }
    // The place does not depend on what stands before: the same policy further down in the file.
    let shifted = format!("\n\n  {text}");
    if let Err(problems) = PolicyDocument::parse("x.json", &shifted, &options) {
        let moved = |(code, line, column): &(String, usize, usize)| {
            (code.clone(), line + 2, if *line == 1 { column + 2 } else { *column })
        };
        assert_eq!(places(&problems.source, &problems.list), wanted.iter().map(moved).collect::<Vec<_>>());
    }
}

/// Checks one statement of an identity policy.
fn check_statement(marked: &str) {
    check(PolicyKind::Identity, &format!("{{\"Version\": \"2012-10-17\",\n \"Statement\": [\n  {marked}]}}"));
}

/// Checks one statement of a policy of the bucket `b`.
fn check_bucket(marked: &str) {
    check(PolicyKind::Bucket, &format!("{{\"Version\": \"2012-10-17\",\n \"Statement\": [\n  {marked}]}}"));
}

/// Checks one condition.
fn check_condition(marked: &str) {
    check_statement(&format!(r#"{{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {marked}}}"#));
}

#[test]
fn syntax() {
    for marked in [
        "⟦E101⟧",
        "  ⟦E101⟧",
        "⟦E101⟧'x'",
        "{\"Version\": \"2012-10-17\",\n⟦E101⟧}",
        "{\"Version\": \"2012-10-17\"\n \"Stat⟦E101⟧ement\": []}",
        "{\"Version\": ⟦E101⟧\"2012-10-17\n\"}",
        "{\"Version\": \"2012-10-17\"} ⟦E101⟧,",
        "{\"Id\": \"é ⟦E101⟧\\x\"}",
        "{\"Id\": \"a\", // ⟦E101⟧a remark\n}",
        "{\"Id\": ⟦E101⟧NaN}",
        "{\"Id\": 0⟦E101⟧1}",
    ] {
        let (text, wanted) = unmark(marked);
        let problems =
            PolicyDocument::parse("x", &text, &LoadOptions::new(PolicyKind::Identity)).expect_err("it is not JSON");
        let got = places(&problems.source, &problems.list);
        assert_eq!(got.len(), 1, "{problems}");
        // Two readers may blame neighbouring places of the same line.
        if marked.contains("Stat⟦") || marked.contains("// ⟦") || marked.contains("⟦E101⟧\"2012") {
            assert_eq!(got[0].0, wanted[0].0, "{problems}");
        } else {
            assert_eq!(got, wanted, "{problems}");
        }
    }
}

#[test]
fn encoding() {
    let text = br#"{"Version": "2012-10-17",
  "Id": "caf"#;
    for (prefix, line, column) in [(0, 2, 13), (3, 5, 13), (10_000, 10_002, 13)] {
        let mut bytes = vec![b'\n'; prefix];
        bytes.extend_from_slice(text);
        bytes.extend_from_slice("é".as_bytes());
        bytes.extend_from_slice(b"\xff\"}");
        let options = LoadOptions::new(PolicyKind::Identity);
        let problems = PolicyDocument::parse_bytes("x", &bytes, &options).expect_err("it is not UTF-8");
        assert_eq!(places(&problems.source, &problems.list), [("E102".to_owned(), line, column + 1)], "{prefix}");
    }
    // Half a character at the end, an overlong form, a surrogate.
    for bytes in [&b"{\xc3"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xff\xfe{\0}\0"] {
        let problems =
            PolicyDocument::parse_bytes("x", bytes, &LoadOptions::new(PolicyKind::Key)).expect_err("not UTF-8");
        assert_eq!(problems.list.iter().map(|p| p.code).collect::<Vec<_>>(), [Code::InvalidUtf8]);
    }
}

#[test]
fn repeated_names() {
    check_statement(
        r#"{"Effect": "Deny", "Action": "*", "Resource": "*",
            ⟦E104⟧"Effect": "Allow"}"#,
    );
    check_statement(r#"{"Effect": "Deny", ⟦E104⟧"\u0045ffect": "Allow", "Action": "*", "Resource": "*"}"#);
    check_condition(r#"{"Bool": {"aws:ViaAWSService": "true", ⟦E104⟧"aws:ViaAWSService": "false"}}"#);
    check_condition(r#"{"Bool": {"aws:ViaAWSService": "true"}, ⟦E104⟧"Bool": {"aws:SecureTransport": "true"}}"#);
    check(
        PolicyKind::Identity,
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"},
            ⟦E104⟧"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
            ⟦E104⟧"Version": "2012-10-17"}"#,
    );
}

#[test]
fn unknown_elements() {
    check_statement(r#"{"Effect": "Allow", "Action": "*", "Resource": "*", ⟦E202⟧"Conditions": {}}"#);
    check_statement(r#"{"Effect": "Allow", "Action": "*", "Resource": "*", ⟦E202⟧"condition": {}}"#);
    check_statement(r#"⟦E203⟧{⟦E202⟧"effect": "Allow", "Action": "*", "Resource": "*"}"#);
    check(PolicyKind::Bucket, r#"⟦E203⟧{⟦E202⟧"version": "2012-10-17", ⟦E202⟧"Statements": [], ⟦E202⟧"": null}"#);
}

#[test]
fn wrong_types() {
    check(PolicyKind::Identity, "⟦E201⟧[]");
    check(PolicyKind::Identity, "⟦E201⟧\"Allow everything\"");
    check(
        PolicyKind::Identity,
        r#"{"Version": ⟦E201⟧2012, "Id": ⟦E201⟧["x"],
            "Statement": ⟦E201⟧"Allow"}"#,
    );
    check(PolicyKind::Identity, r#"{"Version": "2012-10-17", "Statement": [⟦E201⟧null, ⟦E201⟧[]]}"#);
    check_statement(r#"{"Sid": ⟦E201⟧1, "Effect": ⟦E201⟧true, "Action": ⟦E201⟧{}, "Resource": ["*", ⟦E201⟧5]}"#);
    check_statement(r#"{"Effect": "Allow", "Action": "*", "Resource": ⟦E201⟧null}"#);
    check_statement(r#"{"Effect": ["Allow"⟦E201⟧], "Action": "*", "Resource": "*"}"#.replace("[\"Allow\"⟦E201⟧]", "⟦E201⟧[\"Allow\"]").as_str());
    check_condition("⟦E201⟧[]");
    check_condition(r#"{"Bool": ⟦E201⟧"true"}"#);
    check_condition(r#"{"Bool": {"aws:SecureTransport": ⟦E201⟧null}}"#);
    check_condition(r#"{"StringEquals": {"aws:username": ["a", ⟦E201⟧["b"], ⟦E201⟧{}, 1, true]}}"#);
    check_bucket(r#"{"Effect": "Deny", "Principal": ⟦E201⟧5, "Action": "s3:*", "Resource": "arn:aws:s3:::b"}"#);
    check_bucket(
        r#"{"Effect": "Deny", "Principal": {"AWS": ⟦E201⟧{}}, "Action": "s3:*", "Resource": "arn:aws:s3:::b"}"#,
    );
}

#[test]
fn elements_that_exclude_each_other() {
    check_statement(r#"{"Effect": "Allow", "Action": "s3:Get*", ⟦E204⟧"NotAction": "s3:Put*", "Resource": "*"}"#);
    check_statement(r#"{"Effect": "Allow", "NotAction": "s3:Get*", ⟦E204⟧"Action": "s3:Put*", "Resource": "*"}"#);
    check_statement(
        r#"{"Effect": "Deny", "Action": "*",
            "Resource": "*",
            ⟦E204⟧"NotResource": "arn:aws:s3:::b/*"}"#,
    );
    check_bucket(
        r#"{"Effect": "Deny", "Principal": "*", ⟦E204⟧"NotPrincipal": {"AWS": "111122223333"},
            "Action": "s3:*", "Resource": "arn:aws:s3:::b"}"#,
    );
}

#[test]
fn missing_elements() {
    check(PolicyKind::Identity, "⟦E203⟧{}");
    check(PolicyKind::Identity, r#"{"Version": "2012-10-17", "Statement": ⟦E205⟧[]}"#);
    check(
        PolicyKind::Identity,
        r#"{"Version": "2012-10-17", "Statement": [⟦E203⟧⟦E203⟧⟦E203⟧{}, ⟦E203⟧{"Effect": "Allow", "Action": "*"}]}"#,
    );
    check_bucket(r#"⟦E203⟧{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b"}"#);
    check(PolicyKind::Trust, r#"{"Version": "2012-10-17", "Statement": ⟦E203⟧{"Effect": "Allow", "Action": "sts:*"}}"#);
}

#[test]
fn values_of_the_wrong_kind() {
    check(
        PolicyKind::Identity,
        r#"{"Version": ⟦E206⟧"2012-10-18", "Statement": {"Effect": ⟦E207⟧"allow", "Action": "*", "Resource": "*"}}"#,
    );
    check_statement(r#"{"Sid": ⟦E208⟧"no spaces", "Effect": "Allow", "Action": "*", "Resource": "*"}"#);
    check(
        PolicyKind::Identity,
        r#"{"Version": "2012-10-17", "Statement": [
            {"Sid": "a", "Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Sid": ⟦E209⟧"a", "Effect": "Deny", "Action": "*", "Resource": "*"}]}"#,
    );
    check_statement(r#"{"Effect": "Allow", ⟦E210⟧"Principal": "*", "Action": "*", "Resource": "*"}"#);
    check(
        PolicyKind::Trust,
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", ⟦E210⟧"NotPrincipal": {"AWS": "111122223333"},
            "Action": ["sts:AssumeRole", ⟦E403⟧"s3:GetObject"], ⟦E210⟧"Resource": "*"}}"#,
    );
    check_statement(
        r#"{"Effect": "Allow", "Action": [⟦E401⟧"s3", ⟦E401⟧"s*:Get", ⟦E401⟧"s3:a,b", ⟦E401⟧"", "*"], "Resource": "*"}"#,
    );
    check_statement(r#"{"Effect": "Allow", "Action": "*", "Resource": [⟦E501⟧"bucket/*", ⟦E501⟧"", "*"]}"#);
    check(
        PolicyKind::ResourceControl,
        r#"{"Version": "2012-10-17", "Statement": {"Effect": ⟦E207⟧"Allow", "Principal": ⟦E301⟧{"AWS": "111122223333"},
            "NotAction": ⟦E210⟧"s3:*", "Resource": "*"}}"#,
    );
}

#[test]
fn bucket_policies() {
    check_bucket(
        r#"{"Effect": "Allow", "Principal": {"AWS": [⟦E301⟧"alice", ⟦E301⟧"arn:aws:iam::111122223333:user/*"],
            ⟦E302⟧"Aws": "*", "Service": ⟦E301⟧"*"},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}"#,
    );
    check_bucket(
        r#"{"Effect": "Allow", "Principal": ⟦E301⟧"alice", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"}"#,
    );
    check_bucket(
        r#"{"Effect": "Deny", "Principal": "*", "Action": [⟦E402⟧"s3:GetObjekt", ⟦E403⟧"ec2:RunInstances"],
            "Resource": "arn:aws:s3:::b/*"}"#,
    );
    check_bucket(
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
            "Resource": ["arn:aws:s3:::b/*", ⟦E502⟧"arn:aws:s3:::b2/*", ⟦E502⟧"arn:aws:sqs:us-east-1:111122223333:q"]}"#,
    );
    check_bucket(
        r#"{"Effect": "Deny", "Principal": "*", "Action": ["s3:GetObject", ⟦E503⟧"s3:ListBucket"],
            "Resource": "arn:aws:s3:::b/*"}"#,
    );
    check_bucket(
        r#"{"Effect": "Deny", "Principal": "*", "Action": [⟦E401⟧"ListBucket", "s3:GetObject", ⟦E503⟧"s3:ListBucket"],
            "Resource": "arn:aws:s3:::b/*"}"#,
    );
    check_bucket(
        r#"{"Effect": "Deny", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
            "Condition": {"StringEquals": {⟦E603⟧"s3:prefix": "a", ⟦E602⟧"s3:Nonsense": "x", ⟦E602⟧"username": "x"},
                "IpAddress": {"aws:SourceIp": [⟦E604⟧"203.0.113.0/33", "203.0.113.0/24", ⟦E604⟧"localhost"]}}}"#,
    );
}

#[test]
fn operators() {
    check_condition(r#"{⟦E601⟧"StringEqual": {"aws:username": "x"}}"#);
    check_condition(r#"{⟦E601⟧"stringEquals": {"aws:username": "x"}}"#);
    check_condition(r#"{⟦E601⟧"ForSomeValues:StringEquals": {"aws:username": "x"}}"#);
    check_condition(r#"{⟦E601⟧"BoolNotEquals": {"aws:SecureTransport": "x"}, ⟦E601⟧"": {}}"#);
    check_condition(r#"{⟦E605⟧"NullIfExists": {"aws:username": "true"}}"#);
    check_condition(r#"{⟦E605⟧"ForAnyValue:NullIfExists": {"aws:TagKeys": "true"}}"#);
}

#[test]
fn several_mistakes_are_reported_at_once_in_the_order_of_the_text() {
    check(
        PolicyKind::Bucket,
        r#"{
  "Version": ⟦E206⟧"2015-10-17",
  ⟦E202⟧"Comment": "for the auditors",
  "Statement": [
    {
      "Effect": ⟦E207⟧"ALLOW",
      "Principal": {"AWS": ⟦E301⟧"*.example.com"},
      "Action": "s3:GetObject",
      ⟦E204⟧"NotAction": "s3:PutObject",
      "Resource": "arn:aws:s3:::b/*"
    },
    ⟦E203⟧{
      "Effect": "Deny",
      "Principal": "*",
      "Action": ⟦E402⟧"s3:GetObjekt",
      ⟦E202⟧"Ressource": "arn:aws:s3:::b/é/*",
      "Condition": {
        "IpAddress": {"aws:SourceIp": ⟦E604⟧"10.0.0.0/99"},
        ⟦E601⟧"StringIs": {"aws:username": "é"},
        ⟦E605⟧"NullIfExists": {"aws:username": "true"}
      },
      ⟦E104⟧"Effect": "Allow"
    },
    ⟦E201⟧17
  ]
}"#,
    );
}

#[test]
fn warnings_load_unless_strict() {
    check_statement(r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#);
    check_condition(r#"{"NumericEquals": {"s3:max-keys": [⟦W701⟧"ten", "10", ⟦W701⟧"1e3"]}}"#);
    check_condition(r#"{"DateLessThan": {"aws:CurrentTime": ⟦W701⟧"tomorrow"}}"#);
    check_condition(r#"{"Bool": {"aws:SecureTransport": ⟦W701⟧"yes"}, "Null": {"aws:username": ⟦W701⟧0}}"#);
    check_condition(r#"{"IpAddress": {"aws:SourceIp": ⟦W701⟧"10.0.0.0/33"}}"#);
    check_condition(r#"{"ArnLike": {"aws:SourceArn": ⟦W701⟧"*"}, "BinaryEquals": {"aws:x": ⟦W701⟧"no base64!"}}"#);
    check_condition(r#"{"Bool": {"aws:SecureTransport": ⟦W701⟧⟦W702⟧"${aws:username}"}}"#.replace("⟦W701⟧⟦W702⟧", "⟦W702⟧⟦W701⟧").as_str());
    check_condition(r#"{"StringLike": {"aws:username": [⟦W703⟧"${aws:username", "${aws:username}", ⟦W703⟧"${}"]}}"#);
    check_condition(r#"{"StringEquals": {"aws:username": ⟦W704⟧[]}}"#);
    check_condition(r#"{"StringEquals": {"aws:username": "a", ⟦W707⟧"AWS:UserName": "b"}}"#);
    check_statement(r#"{"Effect": "Allow", "Action": ⟦W704⟧[], "Resource": ⟦W704⟧[]}"#);
    check_statement(r#"{"Effect": "Allow", "Action": ["s3:GetObject", ⟦W705⟧"s3:GetObjekt"], "Resource": "*"}"#);
    check(
        PolicyKind::Identity,
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": ⟦W702⟧"arn:aws:s3:::b/${aws:username}/*"}}"#,
    );
    check_bucket(
        r#"{"Effect": ⟦W708⟧"Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:*",
            "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]}"#,
    );
    let long = format!(
        r#"⟦W706⟧{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::{}"}}}}"#,
        "x".repeat(6_144)
    );
    check(PolicyKind::Identity, &long);
}
