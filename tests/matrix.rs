//! Who may do what, over HTTP: every operation of the gate's table by everybody who might ask, as one table that a
//! change of the decision shows as a diff, `tests/matrix/table.txt`; and that the permissions which a row lists are
//! exactly those that its operation needs. The doors, through which viewers ask, have a table of their own,
//! `tests/matrix/doors.txt`, and so have the services beside S3, `tests/matrix/services.txt`.
//!
//! `UPDATE_MATRIX=1 cargo test --test matrix` writes the tables anew.
#![cfg(feature = "server")]

#[path = "matrix/cases.rs"]
mod cases;
#[path = "matrix/cast.rs"]
mod cast;
#[path = "matrix/doors.rs"]
mod doors;
#[path = "matrix/recipes.rs"]
mod recipes;
#[path = "matrix/senders.rs"]
mod senders;
#[path = "matrix/services/mod.rs"]
mod services;
mod support;

use cast::{COLUMNS, Column, Trial};
use portcullis::gate::OperationId as Id;
use portcullis::gate::operations::{Method, Place, Row, TABLE};
use recipes::{Sent, Stage, Variant};
use senders::{Outcome, Way};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Client, Server, TempDir};

/// Requests of different operations are made side by side: they wait for the disk, mostly.
const WORKERS: usize = 8;

/// Does a job for each row, those of one account's settings one after the other; gives the results in order.
fn for_each_row<T: Send>(job: impl Fn(&'static Row) -> T + Sync) -> Vec<T> {
    let (shared, own): (Vec<&Row>, Vec<&Row>) = TABLE.iter().partition(|row| row.place == Place::Account);
    let groups: Vec<Vec<&Row>> = std::iter::once(shared).chain(own.into_iter().map(|row| vec![row])).collect();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for row in group {
                        let result = job(row);
                        results.lock().expect("no worker panicked").push((row.id as usize, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no worker panicked");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Whether an operation was done, or refused only because the store does not do it or has nothing set.
fn is_granted(row: &Row, outcome: &Outcome) -> bool {
    let unset = match row.id {
        Id::GetBucketLifecycleConfiguration => "NoSuchLifecycleConfiguration",
        Id::GetBucketReplication => "ReplicationConfigurationNotFoundError",
        Id::GetBucketWebsite => "NoSuchWebsiteConfiguration",
        _ => "",
    };
    match (row.supported, unset) {
        (false, _) => outcome.full() == "501 NotImplemented",
        (true, "") => outcome.status < 300 && outcome.code.is_empty(),
        (true, unset) => outcome.status == 404 && outcome.code == unset,
    }
}

/// What must hold whatever the table says: a row that breaks it cannot be accepted by writing the table anew.
fn check(row: &Row, outcomes: &[Outcome], wrong: &mut Vec<String>) {
    for (column, outcome) in COLUMNS.iter().zip(outcomes) {
        let right = if may(row, column) { is_granted(row, outcome) } else { outcome.is_denied() };
        if !right {
            wrong.push(format!("{}, {}: {outcome:?}", row.name, column.title));
        }
    }
}

fn line(row: &Row, outcomes: &[Outcome]) -> String {
    let mut line = format!("{:<44}", row.name);
    for outcome in outcomes {
        let _ = write!(line, " {:<4}", outcome.short());
    }
    let mut codes: Vec<String> = Vec::new();
    for outcome in outcomes.iter().filter(|o| !o.code.is_empty() && !o.is_denied()) {
        if !codes.contains(&outcome.full()) {
            codes.push(outcome.full());
        }
    }
    let _ = write!(line, " {}", codes.join(", "));
    line.trim_end().to_owned()
}

/// Makes a row's requests, one for each of so many columns: those that are granted each on things of its own, then the
/// others on the same things, which must be afterwards as they were before. `prepare` makes things ready under a name.
fn outcomes<'a>(
    row: &'static Row,
    columns: usize,
    prepare: impl Fn(&str) -> (Stage<'a>, Sent),
    may: impl Fn(usize) -> bool,
    send: impl Fn(usize, &Sent) -> Outcome,
) -> Vec<Outcome> {
    let granted = |at: usize| may(at).then(|| send(at, &prepare(&format!("column{at}")).1));
    let mut outcomes: Vec<Option<Outcome>> = (0..columns).map(granted).collect();
    let (stage, sent) = prepare("refused");
    let before = stage.state(row, &sent);
    for (at, outcome) in outcomes.iter_mut().enumerate() {
        outcome.get_or_insert_with(|| send(at, &sent));
    }
    assert_eq!(before, stage.state(row, &sent), "{}: a refused request changed something", row.name);
    outcomes.into_iter().flatten().collect()
}

fn ask_for(server: &Server, root: &Client, row: &'static Row) -> Vec<Outcome> {
    let stage = |part: &str| Stage { root, bucket: cast::bucket_of(row, part) };
    stage("").set_up(row);
    let prepare = |part: &str| {
        let stage = stage(part);
        let sent = stage.request(row, &Variant::default());
        (stage, sent)
    };
    let send = |at: usize, sent: &Sent| {
        let Column { who, way, .. } = COLUMNS[at];
        Outcome::of(&senders::send(&cast::client(server, who), way, sent))
    };
    outcomes(row, COLUMNS.len(), prepare, |at| may(row, &COLUMNS[at]), send)
}

/// Who is meant to be allowed. Whoever has an account may list its buckets and create one.
fn may(row: &Row, column: &Column) -> bool {
    let in_own_account = column.who == Some("other") && matches!(row.id, Id::ListBuckets | Id::CreateBucket);
    let in_time = column.way != Way::Expired;
    in_own_account || in_time && matches!(column.who, Some("root" | "allowed"))
}

#[test]
fn who_may_do_what() {
    let directory = TempDir::new();
    let (users, buckets) = cases::people_and_places();
    let server = Server::of_world(&directory, &cast::world(&users, &buckets), &[]);
    let root = cast::client(&server, Some("root"));
    let rows = for_each_row(|row| (row, ask_for(&server, &root, row)));
    assert_eq!(rows.len(), TABLE.len());
    let mut table = String::from(
        "Every operation of the gate's table, as those of the columns ask for it. 403 is AccessDenied, 403x the same\n\
         because the time of the URL or form is over, 200! a batch that refused its only key with AccessDenied; other\n\
         error codes stand at the end of the row.\n\n",
    );
    table.push_str(&titled(&COLUMNS.map(|column| column.title)));
    let mut wrong = Vec::new();
    for (row, outcomes) in &rows {
        check(row, outcomes, &mut wrong);
        let _ = writeln!(table, "{}", line(row, outcomes));
    }
    table.push_str("\nWhat each needs, in which case and on what; for a version the action behind the slash:\n\n");
    for row in TABLE {
        let _ = writeln!(table, "{:<44} {}", row.name, cast::needs(row));
    }
    table.push_str("\nWhat the rows do not show:\n\n");
    for (what, outcome) in cases::all(&server) {
        let _ = writeln!(table, "{what:<104} {outcome}");
    }
    settle(TABLE_FILE, &table, &wrong);
}

const TABLE_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/table.txt");

/// What the columns are, and their numbers above them.
fn titled(titles: &[&str]) -> String {
    let mut head = String::new();
    for (at, title) in titles.iter().enumerate() {
        let _ = writeln!(head, "{}  {title}", at + 1);
    }
    let numbers: Vec<String> = (1..=titles.len()).map(|n| format!("{n:<4}")).collect();
    let _ = writeln!(head, "\n{:<44} {}", "", numbers.join(" ").trim_end());
    head
}

/// Fails where something is wrong, which no accepted table excuses, or where a table is not the accepted one.
fn settle(file: &str, table: &str, wrong: &[String]) {
    let difference = difference(file, table);
    assert!(wrong.is_empty(), "against the rules:\n{}\n{difference}", wrong.join("\n"));
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        return std::fs::write(file, table).expect("the table can be written");
    }
    assert!(difference.is_empty(), "the table changed (accept it with UPDATE_MATRIX=1):\n{difference}");
}

/// How a table differs from the one that was accepted: the lines that went and came, in their order.
fn difference(file: &str, table: &str) -> String {
    let accepted = std::fs::read_to_string(file).unwrap_or_default();
    if accepted == table {
        return String::new();
    }
    let only = |sign: char, these: &str, others: &str| {
        let others: Vec<&str> = others.lines().collect();
        let new = these.lines().filter(|line| !others.contains(line));
        new.map(|line| format!("{sign} {line}")).collect::<Vec<_>>().join("\n")
    };
    let lines = format!("{}\n{}", only('-', &accepted, table), only('+', table, &accepted));
    if lines.trim().is_empty() { "the same lines in another order or number".to_owned() } else { lines }
}

#[test]
fn what_a_row_lists_suffices_and_nothing_of_it_can_be_left_out() {
    let directory = TempDir::new();
    let (trials, users) = cast::trials();
    let server = Server::of_world(&directory, &cast::world(&users, &[]), &[]);
    let root = cast::client(&server, Some("root"));
    let wrong: Vec<String> = for_each_row(|row| {
        let own = trials.iter().filter(|trial| trial.row.id == row.id);
        let attempt = |(at, trial): (usize, &Trial)| {
            let stage = Stage { root: &root, bucket: trial.bucket.clone() };
            if at == 0 {
                stage.set_up(row);
            }
            let sent = stage.request(row, &trial.variant);
            let client = cast::client(&server, Some(&trial.who));
            let answer = senders::send(&client, Way::Header, &sent);
            let outcome = Outcome::of(&answer);
            let message = answer.element("Message");
            let right = match &trial.without {
                None => is_granted(row, &outcome),
                // Answers to HEAD have no sentence.
                Some(_) if row.method == Method::Head => outcome.is_denied(),
                Some((action, resource)) => {
                    let what = format!("is not authorized to perform: {action} on resource: \"{resource}\"");
                    outcome.is_denied() && message.replace("&quot;", "\"").contains(&what)
                }
            };
            (!right)
                .then(|| format!("{} {:?} without {:?}: {outcome:?} {message}", row.name, trial.variant, trial.without))
        };
        own.enumerate().filter_map(attempt).collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(wrong.is_empty(), "{} of {} trials:\n{}", wrong.len(), trials.len(), wrong.join("\n"));
}
