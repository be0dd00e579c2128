//! `world import`.

use super::args::ImportArgs;
use super::{Ended, counted};
use crate::edges::cli::{NO, UNASKED, YES, files, say};
use crate::edges::client::Client;
use crate::edges::client::world::{Options, Plan, Scope, Unlimited};
use crate::edges::inventory::{Inventory, Texts, of_account};
use crate::simulate::world::{Account, World};
use anstream::eprintln;

/// Nothing is sent twice: what was done although no answer came would be refused the second time.
const ATTEMPTS: u32 = 1;

/// Exit status 0: the server has it; 1: something was refused, or conflicts; 2: nothing was tried.
pub(in crate::edges::cli) fn import(args: &ImportArgs) -> u8 {
    let world = match files::world(&args.world.world, args.world.strict) {
        Ok(world) => world,
        Err(error) => {
            eprintln!("{}", error.0);
            return UNASKED;
        }
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|e| Ended::unasked(e.to_string()));
    match runtime.and_then(|runtime| runtime.block_on(run(args, &world))) {
        Ok(status) => status,
        Err(Ended(status, reason)) => {
            eprintln!("error: {reason}");
            status
        }
    }
}

async fn run(args: &ImportArgs, world: &World) -> Result<u8, Ended> {
    for service in ["iam", "sts", "s3", "kms"] {
        if args.services.given(service).is_none() {
            let reason = "where to? nothing is sent to AWS by default\nhint: give --endpoint-url URL";
            return Err(Ended::unasked(reason));
        }
    }
    let client = args.services.client(ATTEMPTS).map_err(Ended::unasked)?;
    let own = client.own_account().await.map_err(|e| Ended::refused(&e))?;
    let account = world.accounts.get(&own).ok_or_else(|| {
        let ids: Vec<&str> = world.accounts.keys().map(String::as_str).collect();
        let ids = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
        Ended::unasked(format!(
            "whoever signs is of the account {own}; the files describe: {ids}\nhint: sign with keys of that account"
        ))
    })?;
    let wanted = of_account(account, &mut Texts::default());
    eprintln!("account {own}: {} in the files", counted(&wanted));
    let plan = planned(args, &client, &wanted).await?;
    for what in left_out(world, account).iter().chain(&plan.left_out) {
        eprintln!("note: not imported: {what}");
    }
    for conflict in &plan.conflicts {
        eprintln!("error: {}: {}", conflict.entity, conflict.why);
    }
    if args.dry_run {
        for step in &plan.steps {
            say(&format!("{}: {}\n", step.entity, step.action));
        }
        eprintln!("{} to do; nothing was done", changes(plan.steps.len()));
        return Ok(if plan.conflicts.is_empty() { YES } else { NO });
    }
    if !plan.conflicts.is_empty() && !args.keep_going {
        eprintln!("hint: nothing was done; --keep-going imports the rest");
        return Ok(NO);
    }
    Ok(applied(args, &client, &plan).await)
}

async fn planned(args: &ImportArgs, client: &Client, wanted: &Inventory) -> Result<Plan, Ended> {
    let reading = client.read_world(&Scope::of(wanted)).await.map_err(|e| Ended::refused(&e))?;
    for what in &reading.unread {
        eprintln!("error: not read: {what}");
    }
    if !reading.unread.is_empty() && !args.keep_going {
        let reason = "nothing was done: what cannot be read cannot be compared; --keep-going takes it to be absent";
        return Err(Ended(NO, reason.to_owned()));
    }
    let options = Options { replace: args.replace, create: args.create };
    Plan::new(wanted, &reading.inventory, options).map_err(|e| Ended::unasked(e.to_string()))
}

async fn applied(args: &ImportArgs, client: &Client, plan: &Plan) -> u8 {
    let (mut done, mut failed) = (0, plan.conflicts.len());
    let mut unlimited = Unlimited::at_first(plan);
    for step in &plan.steps {
        if let Some(base) = unlimited.under(step) {
            eprintln!("error: {}: {}: not tried: {base} is not limited as it should be", step.entity, step.action);
            unlimited.note(step);
            failed += 1;
            continue;
        }
        match client.apply(step).await {
            Ok(()) => {
                say(&format!("{}: {}\n", step.entity, step.action));
                done += 1;
            }
            Err(error) => {
                eprintln!("error: {}: {}: {error}", step.entity, step.action);
                failed += 1;
                unlimited.note(step);
                if !args.keep_going {
                    let rest = plan.steps.len() - done - 1;
                    eprintln!("{} done, {rest} after the refused one not tried", changes(done));
                    eprintln!("hint: --keep-going goes on with the rest");
                    return NO;
                }
            }
        }
    }
    eprintln!("{} done, {failed} refused, in conflict or not tried", changes(done));
    if failed == 0 { YES } else { NO }
}

fn changes(count: usize) -> String {
    if count == 1 { "1 change".to_owned() } else { format!("{count} changes") }
}

/// What the files have and no operation brings in.
fn left_out(world: &World, account: &Account) -> Vec<String> {
    let mut left_out = Vec::new();
    let others = world.accounts.keys().filter(|id| **id != account.id);
    left_out.extend(others.map(|id| format!("account {id}: an import is about the account of whoever signs")));
    left_out.extend(world.organization.as_ref().map(|o| format!("organization {}: only seed files set it", o.id)));
    if !world.aws_policies.is_empty() {
        let count = world.aws_policies.len();
        left_out.push(format!("{count} of AWS's managed policies: a server brings its own"));
    }
    let users = account.users.iter().map(|(name, user)| (format!("user {name}"), &user.credentials));
    for (whose, credentials) in std::iter::once(("the root user".to_owned(), &account.root)).chain(users) {
        let (keys, devices) = (credentials.access_keys.len(), credentials.mfa.len());
        if keys > 0 {
            left_out.push(format!("{whose}: {keys} of the access keys; CreateAccessKey makes new ones"));
        }
        if devices > 0 {
            left_out.push(format!("{whose}: {devices} of the MFA devices; CreateVirtualMFADevice makes new ones"));
        }
    }
    left_out.extend(account.vpc_endpoints.keys().map(|id| format!("VPC endpoint {id}: only seed files set it")));
    let identities = account.origin_access_identities.keys().map(|id| format!("origin access identity {id}"));
    let distributions = account.cloudfront.distributions.keys().map(|id| format!("distribution {id}"));
    left_out.extend(identities.chain(distributions).map(|what| format!("{what}: CloudFront's API makes it")));
    let objects = account.buckets.iter().filter(|(_, bucket)| !bucket.objects.is_empty());
    left_out.extend(objects.map(|(name, bucket)| format!("bucket {name}: {} objects", bucket.objects.len())));
    left_out
}
