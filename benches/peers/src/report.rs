//! The tables, in Markdown on stdout.

use crate::Column;
use crate::engine::Engine;
use crate::measure::Outcome;

/// One row for each engine, one column for each measured case.
pub fn table(engines: &[Box<dyn Engine>], base: Option<usize>, columns: &[&Column]) {
    let titles: Vec<&str> = columns.iter().map(|column| column.title.as_str()).collect();
    println!("| engine | {} |", titles.join(" | "));
    println!("|---|{}", "---:|".repeat(columns.len()));
    for (row, engine) in engines.iter().enumerate() {
        let cells: Vec<String> = columns.iter().map(|column| cell(&column.outcomes, row, base)).collect();
        println!("| {} {} | {} |", engine.name(), version(engine.package()), cells.join(" | "));
    }
    println!();
}

/// `1,322 (×49)`; the base has no ratio.
fn cell(outcomes: &[Outcome], row: usize, base: Option<usize>) -> String {
    let outcome = &outcomes[row];
    let Some(nanoseconds) = outcome.nanoseconds else {
        return if outcome.wrong.is_empty() { "–".to_owned() } else { "wrong".to_owned() };
    };
    let mark = if outcome.wrong.is_empty() { "" } else { "\\*" };
    match base.and_then(|base| if base == row { None } else { outcomes[base].nanoseconds }) {
        Some(base) => format!("{}{mark} (×{})", figure(nanoseconds), figure(nanoseconds / base)),
        None => format!("{}{mark}", figure(nanoseconds)),
    }
}

/// What each engine got wrong and what it cannot say.
pub fn notes(engines: &[Box<dyn Engine>], columns: &[Column]) {
    for (row, engine) in engines.iter().enumerate() {
        let mut notes: Vec<String> = Vec::new();
        for column in columns {
            let wrong = &column.outcomes[row].wrong;
            if !wrong.is_empty() {
                notes.push(format!("wrong on {} of {}", wrong.join(", "), column.case));
            }
        }
        notes.extend(engine.limits().iter().map(ToString::to_string));
        if !notes.is_empty() {
            println!("- {}: {}.", engine.name(), notes.join("; "));
        }
    }
}

/// One decimal below ten, thousands separated above.
fn figure(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { grouped(&format!("{value:.0}")) }
}

/// `10000` as `10,000`.
pub fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Version of a package in the lock file.
fn version(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n")));
    entry.and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next()).unwrap_or("?")
}
