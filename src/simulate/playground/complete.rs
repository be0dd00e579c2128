//! Completion of action names.

use super::answer::{Completion, Completions, MAX_COMPLETIONS};
use crate::words::vocabulary::{AccessLevel, Service, known_actions};

const NUMBERED: [(Service, &str); 4] = [
    (Service::S3, "Amazon S3"),
    (Service::Iam, "AWS Identity and Access Management"),
    (Service::Sts, "AWS Security Token Service"),
    (Service::Kms, "AWS Key Management Service"),
];

/// Actions that start with what was typed, in any case; without a colon also services, and S3's actions by their bare
/// name. `others` are the other services' names, as the file `vocabulary-other.txt` has them; empty where it was not
/// fetched.
#[must_use]
pub fn complete(prefix: &str, others: &str) -> Completions {
    let typed = prefix.trim();
    let mut items = match typed.split_once(':') {
        Some((service, name)) => actions(service, name, others),
        None => {
            let mut items = services(typed, others);
            items.extend(if typed.is_empty() { Vec::new() } else { actions("s3", typed, others) });
            items
        }
    };
    items.truncate(MAX_COMPLETIONS);
    let service = typed.split(':').next().unwrap_or_default();
    let wants_vocabulary = others.is_empty() && !typed.is_empty() && Service::from_prefix(service).is_none();
    Completions { items, wants_vocabulary }
}

fn services(typed: &str, others: &str) -> Vec<Completion> {
    let item = |prefix: &str, name: &str| Completion { label: format!("{prefix}:"), detail: name.to_owned() };
    let numbered = NUMBERED.iter().map(|(service, name)| (service.prefix(), *name));
    let listed = others
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(prefix, rest)| Some((prefix, rest.split_once('\t')?.0)));
    numbered
        .chain(listed)
        .filter(|(prefix, _)| starts(prefix, typed))
        .map(|(prefix, name)| item(prefix, name))
        .collect()
}

fn actions(service: &str, typed: &str, others: &str) -> Vec<Completion> {
    let item = |prefix: &str, name: &str, detail: &str| Completion {
        label: format!("{prefix}:{name}"),
        detail: detail.to_owned(),
    };
    if let Some(known) = Service::from_prefix(service) {
        let fitting = known_actions(known).filter(|id| starts(id.name(), typed));
        return fitting.map(|id| item(known.prefix(), id.name(), level(id.level()))).collect();
    }
    let line = others.lines().find(|line| line.split('\t').next().is_some_and(|p| p.eq_ignore_ascii_case(service)));
    let mut parts = line.unwrap_or_default().splitn(3, '\t');
    let prefix = parts.next().unwrap_or_default();
    let names = parts.nth(1).unwrap_or_default().split(',');
    names.filter(|name| !name.is_empty() && starts(name, typed)).map(|name| item(prefix, name, "")).collect()
}

fn level(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::List => "List",
        AccessLevel::Read => "Read",
        AccessLevel::Write => "Write",
        AccessLevel::Permissions => "Permissions management",
        AccessLevel::Tagging => "Tagging",
    }
}

fn starts(text: &str, start: &str) -> bool {
    text.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: &str = include_str!("../../words/vocabulary/services.txt");

    fn labels(prefix: &str, others: &str) -> (Vec<String>, bool) {
        let found = complete(prefix, others);
        (found.items.into_iter().map(|item| item.label).collect(), found.wants_vocabulary)
    }

    #[test]
    fn actions_and_services_complete() {
        let (items, wants) = labels("S3:getobjecta", "");
        assert_eq!((items.first().map(String::as_str), wants), (Some("s3:GetObjectAcl"), false));
        assert!(labels("getobj", "").0.contains(&"s3:GetObject".to_owned()));
        assert_eq!(labels("", "").0, ["s3:", "iam:", "sts:", "kms:"]);
        assert_eq!(labels("ec2:runi", ""), (Vec::new(), true));
        assert_eq!(labels("ec2:runi", OTHERS), (vec!["ec2:RunInstances".to_owned()], false));
        assert!(labels("ec", OTHERS).0.contains(&"ec2:".to_owned()));
        assert_eq!(labels("é:é\t,", OTHERS).0, Vec::<String>::new());
    }
}
