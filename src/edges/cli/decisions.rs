//! `why --decision`: a recorded decision, explained by the policies of its time.

use super::args::{Ask, Format};
use super::ask::{About, Answered, Answers, AwsResponse, Form, answered, json, status};
use super::{UNASKED, files, say};
use crate::decision::{Authorizer, Layers};
use crate::simulate::question::{Circumstances, Question};
use crate::simulate::recorded::RecordedDecision;
use crate::simulate::render::clean;
use crate::simulate::scenario::OwnedRequest;
use crate::simulate::wire;
use crate::words::codes::Code;
use crate::words::problem::Source;
use anstream::eprintln;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
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
    let folder = data.join("decisions");
    let (request, n) = match id.rsplit_once('.') {
        Some((request, n)) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => (request, n.parse().ok()),
        _ => (id, None),
    };
    let found = find(&folder, request, n)
        .map_err(|error| format!("error[{}]: {}: {error}", Code::Unreadable, folder.display()))?;
    if found.is_empty() {
        return Err(format!(
            "error[{}]: {} has no decision `{}`\nhint: it may be older than the log, or of a kind that the server \
             was not told to record",
            Code::BadQuestion,
            folder.display(),
            clean(id)
        ));
    }
    let mut decisions = Vec::new();
    let mut texts = String::new();
    let mut answers = Vec::new();
    let mut results = Vec::new();
    for event in &found {
        let failed = |why| format!("error[{}]: the decision {}.{}: {why}", Code::BadQuestion, event.id, event.n);
        let Answered { decision, form } = again(event, &folder, ask.format).map_err(failed)?;
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

/// Decides an event again and explains it.
fn again(event: &RecordedDecision<'_>, folder: &Path, format: Format) -> Result<Answered, String> {
    let (layers, owned) = event.replay(|digest, name, _| policy(folder, digest, name))?;
    let given = given(&owned, &layers);
    let authorizer = Authorizer::new(layers);
    let request = owned.as_request(authorizer.layers())?;
    let decision = authorizer.decide(&request);
    let (word, code) = (decision.word(), decision.basis().code.as_str());
    if (word, code) != (&*event.outcome, &*event.code) {
        return Err(format!(
            "it was {} [{}] and is now {word} [{code}]: the log was changed, or another version of portcullis decided",
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
    if crate::edges::server::decision_log::digest(&source.text) != hex {
        return Err(format!("the text of the policy `{}` was changed: {}", clean(name), source.name));
    }
    Ok(source)
}

/// The events of a request in their order, or the one with that number; newest files first, as far back as needed.
fn find(folder: &Path, id: &str, n: Option<u64>) -> io::Result<Vec<RecordedDecision<'static>>> {
    let mut found: Vec<RecordedDecision<'static>> = Vec::new();
    let needle = format!("\"id\":{}", serde_json::to_string(id)?);
    for (_, file) in event_files(folder)?.into_iter().rev() {
        for line in BufReader::new(File::open(file)?).split(b'\n') {
            let line = line?;
            // A line that a crash cut off is no event.
            let Some(text) = std::str::from_utf8(&line).ok().filter(|text| text.contains(&needle)) else { continue };
            if let Ok(event) = serde_json::from_str::<RecordedDecision<'static>>(text)
                && event.id == id
                && n.is_none_or(|n| event.n == n)
            {
                found.push(event);
            }
        }
        if found.iter().any(|event| event.n == n.unwrap_or(1)) {
            break;
        }
    }
    found.sort_by_key(|event| event.n);
    Ok(found)
}

/// The log's files with their numbers, oldest first.
fn event_files(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number: Option<u64> = name.and_then(|n| n.strip_prefix("events-")?.strip_suffix(".ndjson")?.parse().ok());
        files.extend(number.map(|number| (number, path)));
    }
    files.sort();
    Ok(files)
}
