//! `why --decision`: a recorded decision, explained by the policies of its time.

use super::args::{Ask, Format};
use super::ask::{About, Answered, Answers, AwsResponse, Form, answered, json, status};
use super::{UNASKED, files, say};
use crate::decision::{Authorizer, Layers};
use crate::edges::trail_files;
use crate::simulate::question::{Circumstances, Question};
use crate::simulate::recorded::{RecordedDecision, TrailEvent};
use crate::simulate::render::clean;
use crate::simulate::scenario::OwnedRequest;
use crate::simulate::wire;
use crate::words::codes::Code;
use crate::words::problem::Source;
use anstream::eprintln;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Explains the decisions of a request, or one of them.
pub(super) fn why(id: &str, data: &Path, ask: &Ask) -> u8 {
    match explain(id, data, ask) {
        Ok(status) => status,
        Err(message) => {
            eprintln!("{message}");
            UNASKED
        }
    }
}

fn explain(id: &str, data: &Path, ask: &Ask) -> Result<u8, String> {
    let (request, n) = match id.rsplit_once('.') {
        Some((request, n)) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => (request, n.parse().ok()),
        _ => (id, None),
    };
    let found =
        find(data, request, n).map_err(|error| format!("error[{}]: {}: {error}", Code::Unreadable, data.display()))?;
    if found.is_empty() {
        return Err(format!(
            "error[{}]: {} has no decision `{}`\nhint: it may be older than what is kept, or the server keeps no trail",
            Code::BadQuestion,
            data.display(),
            clean(id)
        ));
    }
    let mut decisions = Vec::new();
    let mut texts = String::new();
    let mut answers = Vec::new();
    let mut results = Vec::new();
    for Found { event, folder } in &found {
        let failed = |why| format!("error[{}]: the decision {}.{}: {why}", Code::BadQuestion, event.id, event.n);
        let Answered { decision, form } = again(event, folder, ask.format).map_err(failed)?;
        decisions.push(decision);
        match form {
            Form::Human(text) => {
                let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
                let about = format!("{}.{}, {} ({})", event.id, event.n, event.operation, event.method);
                let blank = if texts.is_empty() { "" } else { "\n" };
                let _ = write!(texts, "{blank}{first}\n  recorded as {}\n{rest}", clean(&about));
            }
            Form::Json(answer) => answers.push(*answer),
            Form::Aws(result) => results.push(result),
        }
    }
    match (ask.format, answers.as_slice()) {
        (Format::Human, _) => say(&texts),
        (Format::Json, [one]) => json(one),
        (Format::Json, _) => json(&Answers { version: wire::VERSION, answers }),
        (Format::Aws, _) => json(&AwsResponse::new(results)),
    }
    Ok(status(ask, &decisions))
}

/// The layers and the request of a recorded decision, with the policies that stand in its folder.
pub(super) fn replayed(event: &RecordedDecision<'_>, folder: &Path) -> Result<(Layers, OwnedRequest), String> {
    event.replay(|digest, name, _| policy(folder, digest, name))
}

/// Decides an event again and explains it.
fn again(event: &RecordedDecision<'_>, folder: &Path, format: Format) -> Result<Answered, String> {
    let (layers, owned) = replayed(event, folder)?;
    let given = given(&owned, &layers);
    let authorizer = Authorizer::new(layers);
    let request = owned.as_request(authorizer.layers())?;
    let decision = authorizer.decide(&request);
    let (word, code) = (decision.word(), decision.basis().code.as_str());
    if (word, code) != (&*event.outcome, &*event.code) {
        return Err(format!(
            "it was {} [{}] and is now {word} [{code}]: the trail was changed, or another version of portcullis decided",
            clean(&event.outcome),
            clean(&event.code)
        ));
    }
    let question = Question {
        principal: owned
            .principal
            .arn
            .clone()
            .or(owned.principal.canonical.clone().filter(|_| owned.principal.kind != "anonymous"))
            .unwrap_or(owned.principal.kind.clone()),
        action: owned.action.clone(),
        resource: owned.resource.clone(),
        circumstances: Circumstances { at: Some(event.time.to_string()), ..Circumstances::default() },
    };
    let about = About { question: &question, given: &given, gaps: &[], clock_used: false, options: None };
    Ok(answered(format, true, &about, &authorizer, &request))
}

/// The keys that do not follow from principal, resource and object.
fn given(owned: &OwnedRequest, layers: &Layers) -> Vec<String> {
    let bare = OwnedRequest { context: Vec::new(), derive_context: true, ..owned.clone() };
    let derived: Vec<String> = bare
        .as_request(layers)
        .map(|request| request.context.entries().map(|entry| entry.name().to_owned()).collect())
        .unwrap_or_default();
    let of_object = |key: &str| key.get(..20).is_some_and(|head| head.eq_ignore_ascii_case("s3:ExistingObjectTag"));
    let keys = owned.context.iter().map(|(key, _)| key);
    keys.filter(|key| !of_object(key) && !derived.iter().any(|d| d.eq_ignore_ascii_case(key))).cloned().collect()
}

/// The text of a policy as it was, checked against its digest.
fn policy(folder: &Path, digest: &str, name: &str) -> Result<Source, String> {
    let hex =
        digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let hex = hex.ok_or_else(|| format!("`{}` is not the digest of a policy", clean(digest)))?;
    let source = files::read(&folder.join("policies").join(hex))
        .map_err(|error| format!("the policy `{}` cannot be read: {}", clean(name), error.0))?;
    #[cfg(feature = "server")]
    if crate::edges::server::trail::digest(&source.text) != hex {
        return Err(format!("the text of the policy `{}` was changed: {}", clean(name), source.name));
    }
    Ok(source)
}

/// A recorded decision, and where the policies that it names are.
struct Found {
    event: RecordedDecision<'static>,
    folder: PathBuf,
}

/// The decisions of a request in their order, or the one with that number: from the trail, and from the log that
/// earlier versions kept.
fn find(data: &Path, id: &str, n: Option<u64>) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut any = false;
    for folder in [data.join("trail"), data.join("decisions")] {
        if folder.is_dir() {
            any = true;
            find_in(&folder, id, n, &mut found)?;
        }
    }
    if !any {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no trail of decisions"));
    }
    found.sort_by_key(|found| found.event.n);
    Ok(found)
}

/// Newest files first, as far back as needed.
fn find_in(folder: &Path, id: &str, n: Option<u64>, found: &mut Vec<Found>) -> io::Result<()> {
    let needle = format!("\"id\":{}", serde_json::to_string(id)?);
    for (number, file) in trail_files::all_files(folder)?.into_iter().rev() {
        let length = trail_files::written(number, &file)?;
        for line in BufReader::new(File::open(file)?.take(length)).split(b'\n') {
            let line = line?;
            // A line that a crash cut off is no event.
            let Some(text) = std::str::from_utf8(&line).ok().filter(|text| text.contains(&needle)) else { continue };
            if let Some(event) = decision_of(text)
                && event.id == id
                && n.is_none_or(|n| event.n == n)
            {
                found.push(Found { event, folder: folder.to_owned() });
            }
        }
        if found.iter().any(|found| found.event.n == n.unwrap_or(1)) {
            break;
        }
    }
    Ok(())
}

/// The decision of a line: of an event of the trail, or of the log of earlier versions.
fn decision_of(text: &str) -> Option<RecordedDecision<'static>> {
    if let Ok(event) = serde_json::from_str::<TrailEvent<'static>>(text) {
        return event.portcullis.decision.map(|decision| *decision);
    }
    serde_json::from_str(text).ok()
}
