//! `world export`.

use super::args::{ExportArgs, Shape};
use super::{Ended, counted};
use crate::edges::cli::{NO, YES, say};
use crate::edges::client::world::Scope;
use crate::edges::inventory::directory::{self, Found};
use crate::edges::inventory::{Inventory, dump, native};
use crate::edges::server::identities::model::Kind;
use crate::edges::server::identities::seed::USUAL_SESSION;
use anstream::eprintln;
use std::path::Path;

/// How often a request is sent before it counts as failed.
const ATTEMPTS: u32 = 5;

/// What was read, and what was not.
struct Read {
    found: Found,
    unread: Vec<String>,
}

/// Exit status 0: all of it was exported; 1: something could not be read; 2: nothing was asked.
pub(in crate::edges::cli) fn export(args: &ExportArgs) -> u8 {
    let done = tokio::runtime::Runtime::new().map_err(|e| Ended::unasked(e.to_string())).and_then(|runtime| {
        let read = runtime.block_on(read(args))?;
        let left_out = written(args, &read.found)?;
        Ok((read, left_out))
    });
    let (read, left_out) = match done {
        Ok(done) => done,
        Err(Ended(status, reason)) => {
            eprintln!("error: {reason}");
            return status;
        }
    };
    for account in &read.found.accounts {
        eprintln!("account {}: {}", account.account, counted(account));
    }
    eprintln!("note: secrets never leave: access keys, MFA devices and the material of KMS keys are not exported");
    for what in read.found.left_out.iter().chain(&left_out) {
        eprintln!("note: not exported: {what}");
    }
    for what in &read.unread {
        eprintln!("error: not read: {what}");
    }
    if read.unread.is_empty() { YES } else { NO }
}

async fn read(args: &ExportArgs) -> Result<Read, Ended> {
    if let Some(data) = &args.data {
        let settings = args.root_keys.settings().store_settings().map_err(Ended::unasked)?;
        let found = directory::read(data, settings, args.account.as_deref()).await.map_err(Ended::unasked)?;
        return Ok(Read { found, unread: Vec::new() });
    }
    let client = args.services.client(ATTEMPTS).map_err(Ended::unasked)?;
    let mut reading = client.read_world(&Scope::all()).await.map_err(|e| Ended::refused(&e))?;
    if args.format == Shape::Native {
        reading = reading.whole();
    }
    let beyond = "the organization, VPC endpoints, CloudFront's things: no operation is asked for them; --data exports the \
                  organization and names the rest";
    reading.left_out.push(beyond.to_owned());
    let found = Found { accounts: vec![reading.inventory], left_out: reading.left_out, ..Found::default() };
    Ok(Read { found, unread: reading.unread })
}

/// Writes it; what the format does not hold is returned.
fn written(args: &ExportArgs, found: &Found) -> Result<Vec<String>, Ended> {
    let failed = |path: &Path, e: std::io::Error| Ended::unasked(format!("{}: {e}", path.display()));
    let is_folder = |path: &Path| path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let folder = args.output.as_deref().filter(|path| is_folder(path));
    let (name, text, pieces, left_out) = match args.format {
        Shape::Native => {
            let text = native::written(&found.accounts, found.region.as_deref(), found.organization.as_deref());
            ("world.json", text, Vec::new(), Vec::new())
        }
        Shape::Aws => {
            let [account] = found.accounts.as_slice() else {
                let ids: Vec<&str> = found.accounts.iter().map(|a| a.account.as_str()).collect();
                let hint = "a dump of AWS is about one account; choose it with --account:";
                return Err(Ended::unasked(format!("{hint} {}", ids.join(", "))));
            };
            let pieces = if folder.is_some() { dump::pieces(account) } else { Vec::new() };
            let mut left_out = without(account, folder.is_some());
            left_out.extend(
                found.organization.as_ref().map(|_| "the organization: no dump of AWS holds its tree".to_owned()),
            );
            (dump::IDENTITIES, dump::identities(account), pieces, left_out)
        }
    };
    match (&args.output, folder) {
        (None, _) => say(&text),
        (Some(file), None) => std::fs::write(file, text).map_err(|e| failed(file, e))?,
        (Some(_), Some(folder)) => {
            std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
            for (name, text) in std::iter::once((name.to_owned(), text)).chain(pieces) {
                let file = folder.join(name);
                std::fs::write(&file, text).map_err(|e| failed(&file, e))?;
            }
        }
    }
    Ok(left_out)
}

/// What AWS's dumps do not hold.
fn without(account: &Inventory, with_pieces: bool) -> Vec<String> {
    let mut left_out = Vec::new();
    let has_pieces = !account.buckets.is_empty() || !account.keys.is_empty();
    if has_pieces && !with_pieces {
        left_out.push("settings of buckets and keys: one dump is about identities; -o FOLDER/ writes all".to_owned());
    }
    left_out.extend(account.providers.keys().map(|url| format!("identity provider {url}: no dump of AWS holds it")));
    for ((kind, name), holder) in &account.holders {
        let longer = holder.max_session.is_some_and(|seconds| seconds != USUAL_SESSION);
        if *kind == Kind::Role && (longer || holder.description.is_some()) {
            left_out.push(format!("role {name}: its description and longest session, which the dump does not hold"));
        }
    }
    for (name, _) in account.buckets.iter().filter(|(_, bucket)| with_pieces && bucket.policy.is_none()) {
        left_out.push(format!("bucket {name}: that it has no policy, so that to readers of the dump it may have one"));
    }
    for (id, key) in account.keys.iter().filter(|_| with_pieces) {
        left_out.extend(key.aliases.iter().map(|alias| format!("key {id}: its alias {alias}")));
    }
    left_out
}
