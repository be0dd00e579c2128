//! Who may do what with the services beside S3, over HTTP: every operation of their tables by everybody who might ask,
//! as one table, `tests/matrix/services.txt`.

mod cast;
mod privileges;
mod recipes;
mod state;

use crate::support::Answer;
use cast::{ACCOUNTS, COLUMNS, Column, House, Meant, Town, Who};
use portcullis::gate::services::{Service, ServiceRow};
use recipes::{Grant, Input, Stage};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const TABLE_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/services.txt");

/// Does a job for each row, in as many accounts side by side as there are; gives the results in order.
fn for_each_row<T: Send>(town: &Town, job: impl Fn(&House<'_>, &'static ServiceRow) -> T + Sync) -> Vec<T> {
    let rows: Vec<&'static ServiceRow> = recipes::rows().collect();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for at in 0..ACCOUNTS.len() {
            let (rows, next, results, job) = (&rows, &next, &results, &job);
            scope.spawn(move || {
                let house = town.house(at);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = rows.get(at) else { break };
                    let result = job(&house, row);
                    results.lock().expect("no worker panicked").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no worker panicked");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// An answer as the table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    status: u16,
    /// The service's error code; empty for none.
    code: String,
    message: String,
}

impl Outcome {
    fn of(answer: &Answer) -> Self {
        if answer.status < 300 {
            return Self { status: answer.status, code: String::new(), message: answer.text() };
        }
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        match json {
            Value::Null => Self {
                status: answer.status,
                code: answer.element("Code"),
                message: answer.element("Message").replace("&quot;", "\""),
            },
            _ => Self { status: answer.status, code: text("__type"), message: text("message") },
        }
    }

    fn is_done(&self) -> bool {
        self.status < 300 && self.code.is_empty()
    }

    fn is_denied(&self) -> bool {
        (self.status, self.code.as_str()) == (403, "AccessDenied")
            || (self.status, self.code.as_str()) == (400, "AccessDeniedException")
    }

    /// One letter.
    fn letter(&self) -> &'static str {
        if self.is_done() {
            return "A";
        }
        if self.is_denied() {
            return "d";
        }
        LETTERS.iter().find(|(_, codes)| codes.contains(&self.code.as_str())).map_or("!", |(letter, _)| letter)
    }
}

/// What the letters stand for beside `A` and `d`.
const LETTERS: [(&str, &[&str]); 8] = [
    ("m", &["MissingAuthenticationToken", "MissingAuthenticationTokenException"]),
    ("u", &["InvalidClientTokenId", "UnrecognizedClientException"]),
    ("s", &["SignatureDoesNotMatch", "InvalidSignatureException"]),
    ("x", &["ExpiredToken", "ExpiredTokenException"]),
    ("n", &["NoSuchEntity", "NotFoundException"]),
    ("v", &["ValidationError", "ValidationException", "InvalidInput"]),
    ("t", &["InvalidAuthorizationMessageException", "InvalidIdentityToken"]),
    ("c", &["EntityAlreadyExists", "AlreadyExistsException"]),
];

/// What is meant to become of a caller's request: what the column says, but where AWS says otherwise.
fn meant(row: &ServiceRow, column: &Column) -> Meant {
    let known = column.meant != Meant::Unknown;
    let is_session = matches!(column.who, Who::Session | Who::Narrowed);
    match (row.service, row.name) {
        // Whoever has credentials may ask who they are, and whatever policies say.
        // Source: STS API Reference, `GetCallerIdentity`.
        (Service::Sts, "GetCallerIdentity") if known => Meant::Done,
        // Sessions of roles have no sessions of their own. Source: IAM User Guide, "Comparing the AWS STS API
        // operations".
        (Service::Sts, "GetSessionToken" | "GetFederationToken") if is_session => Meant::Denied,
        // A user's own: it shows a device's code and gives nothing more. Source: IAM User Guide, "Permissions for
        // GetSessionToken".
        (Service::Sts, "GetSessionToken") if known => Meant::Done,
        // The root user assumes no roles. Source: STS API Reference, `AssumeRole`.
        (Service::Sts, "AssumeRole") if column.who == Who::Root => Meant::Denied,
        // The token is who asks, not the signature. Source: STS API Reference, `AssumeRoleWithWebIdentity`.
        (Service::Sts, "AssumeRoleWithWebIdentity") if known || column.who == Who::Nobody => Meant::Done,
        _ => column.meant,
    }
}

/// Whether a row's needs are all within patterns.
fn covers(patterns: &[&str], row: &ServiceRow) -> bool {
    let covered = |action: &str| {
        patterns.iter().any(|pattern| pattern.strip_suffix('*').map_or(action == *pattern, |p| action.starts_with(p)))
    };
    row.needs.iter().filter(|need| need.always).all(|need| covered(need.action))
}

/// Whether the outcome is what is meant, for a request about this account.
fn is_right(row: &ServiceRow, column: &Column, house: &House<'_>, outcome: &Outcome) -> bool {
    let because = |what: &str| outcome.message.contains(what);
    match meant(row, column) {
        Meant::Done => outcome.is_done(),
        Meant::Covered(patterns) if covers(patterns, row) => outcome.is_done(),
        Meant::Covered(_) | Meant::Denied => {
            // A session's own refusals name no action.
            let plain = row.service == Service::Sts && (because("session credentials") || because("root accounts"));
            outcome.is_denied()
                && (plain || because("is not authorized to perform: ") && row.needs.iter().any(|n| because(n.action)))
        }
        Meant::Unknown => {
            let codes: &[&str] = match column.who {
                Who::UnknownKey => LETTERS[1].1,
                Who::WrongSignature => LETTERS[2].1,
                Who::Expired => LETTERS[3].1,
                _ => LETTERS[0].1,
            };
            outcome.status / 100 == 4 && codes.contains(&outcome.code.as_str())
        }
        // Whose account a key is of, everybody may know who may ask at all. Source: STS API Reference,
        // `GetAccessKeyInfo`.
        Meant::Elsewhere if row.name == "GetAccessKeyInfo" => outcome.is_done(),
        // What they tried is among their own events.
        Meant::Elsewhere if row.name == "LookupEvents" => outcome.is_done(),
        Meant::Elsewhere if outcome.is_done() => !because(&format!(":{}:", house.account)),
        Meant::Elsewhere => outcome.status / 100 == 4 && !(outcome.is_denied() && because("because")),
    }
}

/// Statements that allow exactly this.
fn allowing(grants: &[Grant]) -> Vec<Value> {
    let statement = |(action, arn): &Grant| json!({"Effect": "Allow", "Action": action, "Resource": arn});
    grants.iter().map(statement).collect()
}

/// Everything but what a row lists.
fn all_but(row: &ServiceRow) -> Vec<Value> {
    let actions: Vec<&str> = row.needs.iter().map(|need| need.action).collect();
    let mut statements = vec![json!({"Effect": "Allow", "Action": "*", "Resource": "*"})];
    if !actions.is_empty() {
        statements.push(json!({"Effect": "Deny", "Action": actions, "Resource": "*"}));
    }
    statements
}

/// Asks for a row in the name of each column: those who may each on things of their own, the others all on the same
/// things, which must be afterwards as they were before.
fn ask_for(house: &House<'_>, row: &'static ServiceRow, wrong: &Mutex<Vec<String>>) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; COLUMNS.len()];
    let done = |column: &Column| match meant(row, column) {
        Meant::Done => true,
        Meant::Covered(patterns) => covers(patterns, row),
        _ => false,
    };
    for (at, column) in COLUMNS.iter().enumerate().filter(|(_, column)| done(column)) {
        let ask = Stage::new(house, row, &format!("c{at}")).ask(row, &[]);
        if column.who == Who::User("exact") {
            house.give("exact", &allowing(&ask.grants(&[])));
        }
        outcomes[at] = Some(Outcome::of(&ask.send(&house.client(column.who))));
    }
    house.give("allbut", &all_but(row));
    let stage = Stage::new(house, row, "refused");
    let ask = stage.ask(row, &[]);
    let before = state::of(&stage, &ask);
    for (at, outcome) in outcomes.iter_mut().enumerate() {
        outcome.get_or_insert_with(|| Outcome::of(&ask.send(&house.client(COLUMNS[at].who))));
    }
    let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    let mut wrong = wrong.lock().expect("no worker panicked");
    if before != state::of(&stage, &ask) {
        wrong.push(format!("{}: a refused request changed something", row.name));
    }
    for (column, outcome) in COLUMNS.iter().zip(&outcomes) {
        if !is_right(row, column, house, outcome) {
            wrong.push(format!("{}, {}: {outcome:?}", row.name, column.title));
        }
    }
    outcomes
}

fn line(service: Service, name: &str, outcomes: &[Outcome], codes: &mut BTreeSet<String>) -> String {
    let mut line = format!("{:<52}", format!("{}:{name}", service.prefix()));
    for outcome in outcomes {
        let letter = outcome.letter();
        if letter == "!" {
            codes.insert(format!("{} {}", outcome.status, outcome.code));
        }
        let _ = write!(line, " {letter:<2}");
    }
    line.trim_end().to_owned()
}

fn titled(titles: &[&str]) -> String {
    let mut head = String::new();
    for (at, title) in titles.iter().enumerate() {
        let _ = writeln!(head, "{:>2}  {title}", at + 1);
    }
    let numbers: Vec<String> = (1..=titles.len()).map(|n| format!("{n:<2}")).collect();
    let _ = writeln!(head, "\n{:<52} {}", "", numbers.join(" ").trim_end());
    head
}

/// What the letters mean.
fn legend() -> String {
    let letters = LETTERS.map(|(letter, codes)| format!("{letter} {}", codes.join(" or ")));
    format!(
        "Every operation of IAM, STS, KMS and CloudTrail, as those of the columns ask for it.\n\
         A done; d AccessDenied or AccessDeniedException;\n{};\n\
         ! another code, which stands below.\n\n",
        letters.join(";\n")
    )
}

#[test]
fn who_may_do_what_with_the_services() {
    let town = Town::new();
    let wrong = Mutex::new(Vec::new());
    let results = for_each_row(&town, |house, row| {
        let keyed = (row.service == Service::Kms).then(|| by_key_policy(house, row, &wrong));
        (row, ask_for(house, row, &wrong), keyed)
    });
    assert!(results.len() > 140, "{} rows", results.len());
    let mut codes = BTreeSet::new();
    let mut table = legend();
    table.push_str(&titled(&COLUMNS.map(|column| column.title)));
    for (row, outcomes, _) in &results {
        let _ = writeln!(table, "{}", line(row.service, row.name, outcomes, &mut codes));
    }
    table.push_str("\nKeys whose policies differ:\n\n");
    table.push_str(&titled(&KEY_COLUMNS.map(|column| column.title)));
    for (row, _, keyed) in &results {
        if let Some(outcomes) = keyed {
            let _ = writeln!(table, "{}", line(row.service, row.name, outcomes, &mut codes));
        }
    }
    if !codes.is_empty() {
        let _ = writeln!(table, "\n! {}", codes.into_iter().collect::<Vec<_>>().join(", "));
    }
    crate::settle(TABLE_FILE, &table, &wrong.into_inner().expect("no worker panicked"));
}

/// A column of the table of keys.
#[derive(Clone, Copy)]
struct KeyColumn {
    title: &'static str,
    who: &'static str,
    /// The key's policy names this user beside who keeps the key; `None`: it hands over to the account.
    names: Option<&'static str>,
}

const KEY_COLUMNS: [KeyColumn; 4] = [
    KeyColumn { title: "the key policy names the user, who has no policy", who: "keyed", names: Some("keyed") },
    KeyColumn { title: "the key policy hands over to the account, and the user has kms:*", who: "exact", names: None },
    KeyColumn {
        title: "the key policy names another user only, and the user has *",
        who: "admin",
        names: Some("keeper"),
    },
    KeyColumn { title: "the same, with a grant of everything a grant can give", who: "grantee", names: Some("keeper") },
];

/// Whether a caller of the table of keys may do what a row is for.
fn may(row: &ServiceRow, column: &KeyColumn) -> bool {
    let on_key = |on: &str| matches!(on, "key" | "source" | "destination");
    let mut needs = row.needs.iter().filter(|need| need.always);
    match column.who {
        // What retires a grant is the grant. Source: KMS Developer Guide, "AWS KMS permissions".
        "keyed" => row.name != "RetireGrant" && needs.all(|need| on_key(need.on)),
        "exact" => true,
        // Which grants of its keys end, an account decides beside the key policy. Source: KMS Developer Guide,
        // "Retiring and revoking grants".
        "admin" => row.name == "RetireGrant" || needs.all(|need| !on_key(need.on)),
        _ => needs.all(|need| on_key(need.on) && recipes::GRANTABLE.contains(&need.action.trim_start_matches("kms:"))),
    }
}

fn by_key_policy(house: &House<'_>, row: &'static ServiceRow, wrong: &Mutex<Vec<String>>) -> Vec<Outcome> {
    let keeper = house.client(Who::User("keeper"));
    let attempt = |(at, column): (usize, &KeyColumn)| {
        let mut stage = Stage::new(house, row, &format!("key{at}"));
        if let Some(user) = column.names {
            let principals = [house.arn("user/keeper"), house.arn(&format!("user/{user}"))];
            let mut policy = cast::policy("Allow", &json!("kms:*"), &json!("*"));
            policy["Statement"][0]["Principal"] = json!({"AWS": principals});
            stage = Stage { maker: keeper.clone(), key_policy: Some(policy), ..stage };
        }
        if column.who == "exact" {
            house.give("exact", &[json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})]);
        }
        let ask = stage.ask(row, &[]);
        let before = state::of(&stage, &ask);
        let outcome = Outcome::of(&ask.send(&house.client(Who::User(column.who))));
        let right =
            if may(row, column) { outcome.is_done() } else { outcome.is_denied() && before == state::of(&stage, &ask) };
        if !right {
            let mut wrong = wrong.lock().expect("no worker panicked");
            wrong.push(format!("{}, {}: {outcome:?}", row.name, column.title));
        }
        outcome
    };
    KEY_COLUMNS.iter().enumerate().map(attempt).collect()
}

/// A request by a user who has exactly what a row lists, or all of it but one.
#[test]
fn what_a_row_of_a_service_lists_suffices_and_nothing_of_it_can_be_left_out() {
    let town = Town::new();
    let exact = Who::User("exact");
    let wrong: Vec<String> = for_each_row(&town, |house, row| {
        let mut wrong = Vec::new();
        for (number, variant) in recipes::variants(row).iter().enumerate() {
            if row.name == "AssumeRoleWithWebIdentity" {
                wrong.extend(vouched_for(house, row, variant));
                continue;
            }
            let stage = Stage::new(house, row, &format!("v{number}"));
            let ask = stage.ask(row, variant);
            let grants = ask.grants(variant);
            for (at, (action, arn)) in grants.iter().enumerate() {
                let mut held = grants.clone();
                held.remove(at);
                house.give("exact", &allowing(&held));
                let outcome = Outcome::of(&ask.send(&house.client(exact)));
                // Whose key it is would be told by the resource.
                let resource =
                    if row.name == "GetAccessKeyLastUsed" { "access key AKIA" } else { &format!("\"{arn}\"") };
                let what = format!("is not authorized to perform: {action} on resource: {resource}");
                if !outcome.is_denied() || !outcome.message.contains(&what) {
                    wrong.push(format!("{} {variant:?} without {action} on {arn}: {outcome:?}", row.name));
                }
            }
            house.give("exact", &allowing(&grants));
            let outcome = Outcome::of(&ask.send(&house.client(exact)));
            if !outcome.is_done() {
                wrong.push(format!("{} {variant:?} with {grants:?}: {outcome:?}", row.name));
            }
        }
        wrong
    })
    .concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whom an identity provider vouches for has no policies of their own: the role's trust lists what they may.
fn vouched_for(house: &House<'_>, row: &'static ServiceRow, variant: &[&str]) -> Vec<String> {
    let needs = row.needs.iter().filter(|need| need.always || variant.contains(&need.on));
    let actions: Vec<&str> = needs.map(|need| need.action).collect();
    let mut wrong = Vec::new();
    for lacking in std::iter::once(None).chain((0..actions.len()).map(Some)) {
        let mut trusted = actions.clone();
        if let Some(at) = lacking {
            // A trust policy without actions is none.
            trusted[at] = "sts:AssumeRole";
        }
        let stage = Stage::new(house, row, &format!("w{}{}", variant.concat(), lacking.map_or(9, |at| at)));
        stage.trusting_the_web(&trusted);
        let role = house.arn(&format!("role/{}", stage.name));
        let token = stage.token(variant);
        let parameters =
            [("RoleArn", role.as_str()), ("RoleSessionName", "somebody"), ("WebIdentityToken", token.as_str())];
        let outcome = Outcome::of(&cast::query(&house.client(Who::Nobody), "sts", row.name, &parameters));
        let right = if lacking.is_none() { outcome.is_done() } else { outcome.is_denied() };
        if !right {
            wrong.push(format!("{} {variant:?} trusting {trusted:?}: {outcome:?}", row.name));
        }
    }
    wrong
}

/// What is said of a request about things that are not there, as if it were about those that are.
fn as_if_there(message: &str, missing: &recipes::Ask, real: &recipes::Ask) -> String {
    let parameters = |ask: &recipes::Ask| match &ask.input {
        Input::Form(parameters) => parameters.iter().map(|(_, value)| value.clone()).collect(),
        Input::Json(_) => Vec::new(),
    };
    let names = |ask: &recipes::Ask| -> Vec<String> {
        ask.on.iter().map(|(_, arn)| arn.clone()).chain(parameters(ask)).collect()
    };
    let pairs: Vec<(String, String)> = names(missing).into_iter().zip(names(real)).collect();
    let long = pairs.iter().filter(|(missing, _)| missing.len() > 8);
    long.fold(message.to_owned(), |message, (missing, real)| message.replace(missing, real))
}

/// Whether something is there is told to those who may ask about it.
#[test]
fn what_is_not_there_is_refused_as_what_is() {
    let town = Town::new();
    let wrong: Vec<String> = for_each_row(&town, |house, row| {
        let mut wrong = Vec::new();
        // A ciphertext names its key itself, a token its issuer; the others have no permission to lack.
        let free = ["Decrypt", "ReEncrypt", "AssumeRoleWithWebIdentity", "GetCallerIdentity", "GetSessionToken"];
        if free.contains(&row.name) {
            return wrong;
        }
        let missing = Stage { real: false, ..Stage::new(house, row, "missing") }.ask(row, &[]);
        let real = Stage::new(house, row, "there").ask(row, &[]);
        let says = |who: Who| {
            let client = house.client(who);
            let (missed, there) = (Outcome::of(&missing.send(&client)), Outcome::of(&real.send(&client)));
            (Outcome { message: as_if_there(&missed.message, &missing, &real), ..missed }, there)
        };
        let (missed, there) = says(Who::User("nobody"));
        if missed != there || !there.is_denied() || !there.message.contains("is not authorized to perform: ") {
            wrong.push(format!("{}: {missed:?} and {there:?}", row.name));
        }
        // What other accounts name by an ARN.
        let others = ["key", "role", "policy", "mfa", "source", "destination"];
        if real.on.iter().any(|(on, _)| others.contains(on)) && !by_name(row) {
            let (missed, there) = says(Who::Stranger);
            if missed != there || !there.is_denied() {
                wrong.push(format!("{} of another account: {missed:?} and {there:?}", row.name));
            }
        }
        wrong
    })
    .concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a row's requests name things of the caller's own account only.
fn by_name(row: &ServiceRow) -> bool {
    let role = row.service == Service::Iam && row.needs.iter().any(|need| need.on == "role");
    role || matches!(row.name, "CreatePolicy" | "CreateVirtualMFADevice" | "UpdateAlias" | "DeleteAlias")
}

/// A role that is not there trusts nobody: the same is said of one that trusts somebody else.
#[test]
fn whom_a_provider_vouches_for_learns_of_no_role() {
    let town = Town::new();
    let house = town.house(0);
    let row = portcullis::gate::services::sts::StsOperation::AssumeRoleWithWebIdentity.row();
    let stage = Stage::new(&house, row, "there");
    stage.trusting_the_web(&["sts:AssumeRole"]);
    let token = stage.token(&[]);
    let says = |role: &str| {
        let role = house.arn(&format!("role/{role}"));
        let parameters = [("RoleArn", role.as_str()), ("RoleSessionName", "ada"), ("WebIdentityToken", token.as_str())];
        Outcome::of(&cast::query(&house.client(Who::Nobody), "sts", row.name, &parameters))
    };
    let there = says(&stage.name);
    assert!(there.is_denied(), "{there:?}");
    assert_eq!(there, says("none"));
}

/// Who renames a user needs the permission on the name that the user will have, in the path that it keeps.
#[test]
fn a_new_name_is_in_the_old_path() {
    let town = Town::new();
    let house = town.house(0);
    let root = |action: &str, parameters: &[(&str, &str)]| {
        assert_eq!(cast::query(&house.root, "iam", action, parameters).status, 200, "{action}");
    };
    root("CreateUser", &[("UserName", "dora"), ("Path", "/crew/")]);
    let rename = |name: &str, statements: &[&str]| {
        let grant = |name: &&str| ("iam:UpdateUser", house.arn(&format!("user/{name}")));
        house.give("exact", &allowing(&statements.iter().map(grant).collect::<Vec<_>>()));
        let renamed = [("UserName", "dora"), ("NewUserName", name)];
        Outcome::of(&cast::query(&house.client(Who::User("exact")), "iam", "UpdateUser", &renamed))
    };
    assert!(rename("dolores", &["crew/dora", "dolores"]).is_denied());
    assert!(rename("dolores", &["crew/dora", "crew/dolores"]).is_done());
}
