//! `world`, `explain` and `man`.

use super::args::WorldArgs;
use super::{NO, UNASKED, YES, files, say};
use crate::decision::LayerState;
use crate::simulate::actions::nearest;
use crate::simulate::render;
use crate::simulate::world::cloudfront::{CloudFrontEntries, OriginAs};
use crate::simulate::world::{Account, Identity, World};
use crate::words::codes::Code;
use crate::words::problem::Severity;
use anstream::eprintln;

pub(super) fn show(args: &WorldArgs) -> u8 {
    match files::world(&args.world, args.strict) {
        Ok(world) => {
            say(&listing(&world));
            YES
        }
        Err(error) => {
            eprintln!("{}", error.0);
            UNASKED
        }
    }
}

/// Exit status 0: nothing found; 1: warnings; 2: it does not load.
pub(super) fn check(args: &WorldArgs) -> u8 {
    let world = match files::world(&args.world, args.strict) {
        Ok(world) => world,
        Err(error) => {
            eprintln!("{}", error.0);
            return UNASKED;
        }
    };
    let mut warnings = 0;
    for (source, warning) in &world.warnings {
        say(&format!("{}\n", render::problems(source, std::slice::from_ref(warning))));
        warnings += 1;
    }
    for policy in world.policies() {
        let list: Vec<_> = policy.warnings().iter().filter(|w| w.severity == Severity::Warning).cloned().collect();
        say(&render::problems(policy.source(), &list));
        warnings += list.len();
    }
    say(&format!("{} policies, {warnings} warnings\n", world.policies().count()));
    if warnings == 0 { YES } else { NO }
}

fn listing(world: &World) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    if let Some(organization) = &world.organization {
        let _ =
            writeln!(out, "organization {} (management account {})", organization.id, organization.management_account);
        for (account, levels) in &organization.levels {
            let policies = |sets: &[crate::decision::PolicySet]| sets.iter().map(|s| s.policies().len()).sum::<usize>();
            let _ = writeln!(
                out,
                "  {account}: {} service control and {} resource control policies over {} levels ({})",
                policies(&levels.service_control),
                policies(&levels.resource_control),
                levels.service_control.len().max(levels.resource_control.len()),
                levels.names.join(" › "),
            );
        }
    }
    for account in world.accounts.values() {
        account_listing(account, &mut out);
    }
    out
}

fn account_listing(account: &Account, out: &mut String) {
    use std::fmt::Write as _;
    let name = account.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    let _ = writeln!(out, "account {}{name}", account.id);
    if account.partial {
        let _ =
            writeln!(out, "  from a dump of IAM: buckets, keys and organization are unknown where no file gives them");
    }
    let identity = |kind: &str, identity: &Identity, out: &mut String| {
        let names: Vec<String> = identity
            .policies
            .iter()
            .map(|a| match a.policy() {
                Ok(policy) => policy.name().to_owned(),
                Err(name) => format!("{name} (not given)"),
            })
            .collect();
        let groups =
            if identity.groups.is_empty() { String::new() } else { format!(" in {}", identity.groups.join(", ")) };
        let boundary = if identity.boundary.is_some() { " with a boundary" } else { "" };
        let _ = writeln!(out, "  {kind} {}{groups}{boundary}: {}", identity.arn, none_or(&names));
    };
    account.users.values().for_each(|u| identity("user", u, out));
    account.roles.values().for_each(|r| identity("role", r, out));
    for (name, bucket) in &account.buckets {
        let policy = word(&bucket.policy);
        let ownership = bucket.ownership.map_or("unknown ownership", |o| o.name());
        let block = match &bucket.public_access_block {
            LayerState::Given(b) if *b == crate::policy::acl::PublicAccessBlock::ALL => "all of Block Public Access",
            LayerState::Given(b) if *b == crate::policy::acl::PublicAccessBlock::default() => "no Block Public Access",
            LayerState::Given(_) => "some of Block Public Access",
            LayerState::Absent => "no Block Public Access",
            LayerState::Unknown => "unknown Block Public Access",
        };
        let _ = writeln!(
            out,
            "  bucket {name}: {policy} policy, {ownership}, {block}, {} objects listed",
            bucket.objects.len()
        );
    }
    for (id, key) in &account.keys {
        let alias = key.alias.as_ref().map_or_else(String::new, |a| format!(" ({a})"));
        let _ = writeln!(out, "  key {id}{alias}: {} policy", word(&key.policy));
    }
    for (id, endpoint) in &account.vpc_endpoints {
        let _ =
            writeln!(out, "  endpoint {id}: {}", if endpoint.policy.is_some() { "a policy" } else { "full access" });
    }
    for id in account.origin_access_identities.keys() {
        let _ = writeln!(out, "  origin access identity {id}");
    }
    cloudfront_listing(&account.cloudfront, out);
}

fn cloudfront_listing(entries: &CloudFrontEntries, out: &mut String) {
    use std::fmt::Write as _;
    for (id, control) in &entries.controls {
        let _ = writeln!(out, "  origin access control {id} ({}): signs {}", control.name, control.signing);
    }
    for (id, key) in &entries.public_keys {
        let _ = writeln!(out, "  public key {id} ({})", key.name);
    }
    for (id, group) in &entries.key_groups {
        let _ = writeln!(out, "  key group {id} ({}): {}", group.name, group.keys.join(", "));
    }
    for (id, distribution) in &entries.distributions {
        let origins = distribution.origins.iter().flatten().map(|origin| match &origin.access {
            OriginAs::Anonymous => origin.domain_name.clone(),
            OriginAs::Identity(id) => format!("{} as oai/{id}", origin.domain_name),
            OriginAs::Control(id) => format!("{} signed, {id}", origin.domain_name),
        });
        let origins: Vec<String> = origins.collect();
        let origins = if distribution.origins.is_some() { origins.join(", ") } else { "unknown origins".to_owned() };
        let _ = writeln!(out, "  distribution {id}: {origins}");
    }
}

fn none_or(names: &[String]) -> String {
    if names.is_empty() { "no policies".to_owned() } else { names.join(", ") }
}

fn word<T>(state: &LayerState<T>) -> &'static str {
    match state {
        LayerState::Absent => "no",
        LayerState::Unknown => "unknown",
        LayerState::Given(_) => "a",
    }
}

pub(super) fn explain(code: Option<&str>) -> u8 {
    let Some(text) = code else {
        for code in Code::ALL {
            say(&format!("{code}  {}\n", code.title()));
        }
        return YES;
    };
    match Code::from_text(text) {
        Some(code) => {
            say(&format!("{}\n", code.page()));
            YES
        }
        None => {
            eprintln!("error: there is no code `{text}`");
            let near = nearest(text, Code::ALL.iter().map(ToString::to_string));
            if !near.is_empty() {
                eprintln!("hint: did you mean `{}`?", near.join("`, `"));
            }
            UNASKED
        }
    }
}

pub(super) fn man(mut command: clap::Command, verb: Option<&str>) -> u8 {
    command.build();
    let chosen = match verb {
        None => Some(command),
        Some(verb) => command.find_subcommand(verb).cloned(),
    };
    let Some(chosen) = chosen else {
        eprintln!("error: there is no verb `{}`", verb.unwrap_or_default());
        return UNASKED;
    };
    let mut page = Vec::new();
    match clap_mangen::Man::new(chosen).render(&mut page) {
        Ok(()) => {
            say(&String::from_utf8_lossy(&page));
            YES
        }
        Err(error) => {
            eprintln!("error: {error}");
            UNASKED
        }
    }
}
