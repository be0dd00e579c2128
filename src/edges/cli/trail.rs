//! `trail`: decisions as they stand in the trail, and as they fall.

use super::args::{TestFormat, TrailArgs};
use super::{UNASKED, YES, decisions, now, say};
use crate::decision::Authorizer;
use crate::edges::trail_files::Forwards;
use crate::simulate::recorded::TrailEvent;
use crate::simulate::render::{GREEN, OFF, RED, clean, needed};
use crate::words::codes::Code;
use crate::words::values::parse_instant;
use crate::words::wildcard::matches_text;
use anstream::eprintln;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the trail is looked at for more.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many events are shown before those that are to come.
const BEFORE: usize = 10;

/// Shows the events of a trail.
pub(super) fn run(args: &TrailArgs) -> u8 {
    let folder = folder_of(args);
    let since = match args.since.as_deref().map(since).transpose() {
        Ok(since) => since,
        Err(message) => return unasked(&message),
    };
    match show(args, &folder, since) {
        Ok(()) => YES,
        Err(error) => {
            eprintln!("error[{}]: {}: {error}", Code::Unreadable, folder.display());
            UNASKED
        }
    }
}

fn unasked(message: &str) -> u8 {
    eprintln!("error[{}]: {message}", Code::BadQuestion);
    UNASKED
}

/// The folder of the trail: of a data directory, or named itself.
fn folder_of(args: &TrailArgs) -> PathBuf {
    let given = args.dir.as_ref().unwrap_or(&args.data);
    let within = given.join("trail");
    if within.is_dir() { within } else { given.clone() }
}

/// The seconds since 1970 that a time means: an instant, or so long ago.
fn since(text: &str) -> Result<i64, String> {
    if let Some(at) = parse_instant(text) {
        return Ok(at.seconds);
    }
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let found = units.iter().find_map(|(unit, seconds)| {
        let number: i64 = text.strip_suffix(*unit)?.parse().ok().filter(|n| *n >= 0)?;
        number.checked_mul(*seconds)
    });
    let ago = found.ok_or_else(|| format!("--since `{}`: wanted 2026-11-22T09:00Z, or 15m, 12h, 7d", clean(text)))?;
    now().map(|now| now - ago).ok_or_else(|| "there is no clock".to_owned())
}

fn show(args: &TrailArgs, folder: &Path, since: Option<i64>) -> io::Result<()> {
    let mut lines = Forwards::new(folder);
    let mut last = VecDeque::new();
    // Whoever waits for what is to come sees a little of what was.
    let few = args.follow && since.is_none();
    read(args, &mut lines, since, |text| {
        if few {
            last.push_back(text.to_owned());
            if last.len() > BEFORE {
                last.pop_front();
            }
        } else {
            print(args, folder, text);
        }
    })?;
    for text in last {
        print(args, folder, &text);
    }
    if !args.follow {
        return Ok(());
    }
    loop {
        std::thread::sleep(LOOK_EVERY);
        read(args, &mut lines, since, |text| print(args, folder, text))?;
    }
}

/// Gives every event that is wanted to `see`.
fn read(args: &TrailArgs, lines: &mut Forwards, since: Option<i64>, mut see: impl FnMut(&str)) -> io::Result<()> {
    while let Some(line) = lines.newer()? {
        let Ok(text) = std::str::from_utf8(&line) else { continue };
        let Ok(event) = serde_json::from_str::<TrailEvent<'_>>(text) else { continue };
        if is_wanted(args, &event)
            && since.is_none_or(|since| parse_instant(&event.event_time).is_none_or(|t| t.seconds >= since))
        {
            see(text);
        }
    }
    Ok(())
}

fn is_wanted(args: &TrailArgs, event: &TrailEvent<'_>) -> bool {
    let own = &event.portcullis;
    let fits = |pattern: &Option<String>, texts: &[Option<&str>], ignore_case| {
        pattern.as_ref().is_none_or(|p| texts.iter().flatten().any(|text| matches_text(p, text, ignore_case)))
    };
    let who = &event.user_identity;
    let decision = own.decision.as_ref();
    let action = decision.map(|d| &*d.request.action);
    let bare = action.and_then(|action| action.split_once(':')).map(|(_, name)| name);
    let arn = decision.map(|d| &*d.request.resource);
    let url = arn.and_then(|arn| arn.strip_prefix("arn:aws:s3:::")).map(|rest| format!("s3://{rest}"));
    let viewed = own.viewer.as_ref().map(|viewer| format!("https://{}{}", viewer.host, viewer.path));
    (!args.denied || !is_allowed(event))
        && args.door.is_none_or(|door| own.door == door.into())
        && fits(
            &args.principal,
            &[Some(who.name()), who.arn.as_deref(), who.access_key_id.as_deref(), who.account_id.as_deref()],
            false,
        )
        && fits(&args.action, &[action, bare, Some(&event.event_name)], true)
        && fits(&args.resource, &[arn, url.as_deref(), viewed.as_deref()], false)
}

fn is_allowed(event: &TrailEvent<'_>) -> bool {
    matches!(&*event.portcullis.outcome, "allow" | "admitted")
}

fn print(args: &TrailArgs, folder: &Path, text: &str) {
    match args.format {
        TestFormat::Json => say(&format!("{text}\n")),
        TestFormat::Human => {
            if let Ok(event) = serde_json::from_str::<TrailEvent<'_>>(text) {
                say(&human(&event, folder));
            }
        }
    }
}

/// One line of an event; of a denial, AWS's sentence and what would have been needed.
fn human(event: &TrailEvent<'_>, folder: &Path) -> String {
    let own = &event.portcullis;
    let (colour, glyph) = if is_allowed(event) { (GREEN, '✓') } else { (RED, '✗') };
    let what = match (&own.decision, &own.viewer) {
        (Some(decision), _) => {
            let arn = &*decision.request.resource;
            let place = arn.strip_prefix("arn:aws:s3:::").map_or_else(|| arn.to_owned(), |rest| format!("s3://{rest}"));
            format!("{}  {place}", decision.request.action)
        }
        (None, Some(viewer)) => format!("{}  https://{}{}", event.event_name, viewer.host, viewer.path),
        (None, None) => event.event_name.to_string(),
    };
    let time = own.decision.as_ref().map_or(&event.event_time, |decision| &decision.time);
    let mut out = format!(
        "{time}  {colour}{glyph} {:<13}{OFF}  {:<9}  {}  {}  from {}  {}\n",
        own.outcome,
        own.door.word(),
        clean(event.user_identity.name()),
        clean(&what),
        clean(&event.source_ip_address),
        clean(&event.event_id),
    );
    if is_allowed(event) {
        return out;
    }
    if let Some(message) = &event.error_message {
        let code = own.decided_by.as_ref().map_or(event.error_code.as_deref().unwrap_or_default(), |by| &by.code);
        let _ = writeln!(out, "    [{}] {}", clean(code), clean(message));
    }
    for line in turned(event, folder) {
        let _ = writeln!(out, "    {line}");
    }
    out
}

/// What would have been needed, decided again with the policies of that time.
fn turned(event: &TrailEvent<'_>, folder: &Path) -> Vec<String> {
    let Some(decision) = &event.portcullis.decision else { return Vec::new() };
    let again = decisions::replayed(decision, folder).and_then(|(layers, owned)| {
        let authorizer = Authorizer::new(layers);
        let request = owned.as_request(authorizer.layers())?;
        Ok(needed(&authorizer.explain(&request), &authorizer.remedies(&request)))
    });
    again.unwrap_or_else(|why| vec![format!("it cannot be decided again: {}", clean(&why))])
}
