//! Known actions as small numbers.

use super::catalogue::{ACTIONS, RCP_SERVICES};
use crate::words::ids::{continue_lower, hash_lower};
use crate::words::wildcard::Wildcard;
use std::cmp::Ordering;
use std::ops::Range;

/// The services whose actions are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// AWS Identity and Access Management.
    Iam,
    /// AWS Key Management Service.
    Kms,
    /// Amazon S3.
    S3,
    /// AWS Security Token Service.
    Sts,
}

impl Service {
    /// The prefix of its actions.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Kms => "kms",
            Self::S3 => "s3",
            Self::Sts => "sts",
        }
    }

    /// The service with this prefix, in any case.
    #[must_use]
    pub fn from_prefix(prefix: &str) -> Option<Self> {
        [Self::Iam, Self::Kms, Self::S3, Self::Sts].into_iter().find(|s| s.prefix().eq_ignore_ascii_case(prefix))
    }
}

/// AWS's access levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessLevel {
    /// Lists resources.
    List,
    /// Reads contents.
    Read,
    /// Changes contents.
    Write,
    /// Changes permissions.
    Permissions,
    /// Changes tags.
    Tagging,
}

/// The action applies to a bucket.
pub const BUCKET: u8 = 1;
/// The action applies to an object.
pub const OBJECT: u8 = 2;
/// The action applies to some other resource of its service.
pub const OTHER: u8 = 4;
/// The action applies to no resource; policies name it with `"Resource": "*"`.
pub const NONE: u8 = 0;

pub(super) struct ActionRow {
    pub service: Service,
    pub name: &'static str,
    pub level: AccessLevel,
    pub resources: u8,
    pub keys: &'static [&'static str],
}

/// A known action: an index into the catalogue, which is sorted by service and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionId(u16);

impl ActionId {
    /// How many actions are known.
    pub const COUNT: usize = ACTIONS.len();

    /// The action of that full name (`s3:GetObject`), in any case.
    #[must_use]
    pub fn lookup(name: &str) -> Option<Self> {
        Self::lookup_hashed(hash_lower(name), |row| is_named(row, name))
    }

    /// The action of a service, by its name without the prefix, in any case.
    #[must_use]
    pub fn in_service(service: Service, name: &str) -> Option<Self> {
        let hash = continue_lower(continue_lower(hash_lower(service.prefix()), ":"), name);
        Self::lookup_hashed(hash, |row| row.service == service && row.name.eq_ignore_ascii_case(name))
    }

    fn lookup_hashed(hash: u64, is_it: impl Fn(&ActionRow) -> bool) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "only the low bits choose the slot")]
        let mut slot = hash as usize % SLOTS;
        loop {
            let entry = *TABLE.get(slot)?;
            if entry == EMPTY {
                return None;
            }
            if ACTIONS.get(usize::from(entry)).is_some_and(&is_it) {
                return Some(Self(entry));
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Its number.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    fn row(self) -> &'static ActionRow {
        ACTIONS.get(self.index()).expect("ids are only made from indices of the table")
    }

    /// The service it belongs to.
    #[must_use]
    pub fn service(self) -> Service {
        self.row().service
    }

    /// Its name without the service, as AWS spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its access level.
    #[must_use]
    pub fn level(self) -> AccessLevel {
        self.row().level
    }

    /// What it applies to: a union of [`BUCKET`], [`OBJECT`] and [`OTHER`].
    #[must_use]
    pub fn resources(self) -> u8 {
        self.row().resources
    }

    /// Whether requests for it can carry the service's own condition key of this lower-case name.
    #[must_use]
    pub fn supports_key(self, lower_key: &str) -> bool {
        self.row().keys.iter().any(|k| *k == lower_key || k.ends_with(['/', ':']) && lower_key.starts_with(k))
    }
}

/// The numbered actions of a service, in the order of their names.
pub fn known_actions(service: Service) -> impl Iterator<Item = ActionId> {
    ids(range(service))
}

/// The actions of a service that a pattern (`Get*`, without the prefix) names.
pub fn actions_matching(service: Service, pattern: &str) -> impl Iterator<Item = ActionId> {
    let all = range(service);
    let (some, filter) = match pattern.find(['*', '?']) {
        None => match ActionId::in_service(service, pattern) {
            Some(id) => (id.index()..id.index() + 1, None),
            None => (0..0, None),
        },
        Some(at) if at + 1 == pattern.len() && pattern.ends_with('*') => {
            // The rows are sorted by lower-case name, so those with a common start stand together.
            let start = pattern.get(..at).unwrap_or_default();
            let rows = ACTIONS.get(all.clone()).unwrap_or_default();
            let from = rows.partition_point(|row| order_of_start(row.name, start).is_lt());
            let found = rows.get(from..).unwrap_or_default();
            let count = found.partition_point(|row| order_of_start(row.name, start).is_eq());
            (all.start + from..all.start + from + count, None)
        }
        Some(_) => (all, Some(Wildcard::new(pattern))),
    };
    ids(some).filter(move |id| filter.as_ref().is_none_or(|f| f.matches(id.name(), true)))
}

/// How the beginning of a name compares with `start`, without case; equal where the name starts with it.
fn order_of_start(name: &str, start: &str) -> Ordering {
    for (of_name, wanted) in name.bytes().zip(start.bytes()) {
        let order = of_name.to_ascii_lowercase().cmp(&wanted.to_ascii_lowercase());
        if order.is_ne() {
            return order;
        }
    }
    if name.len() < start.len() { Ordering::Less } else { Ordering::Equal }
}

fn ids(range: Range<usize>) -> impl Iterator<Item = ActionId> {
    range.filter_map(|i| u16::try_from(i).ok().map(ActionId))
}

fn range(service: Service) -> Range<usize> {
    const fn first_of(service: Service) -> usize {
        let mut i = 0;
        while i < ACTIONS.len() && ACTIONS[i].service as u8 != service as u8 {
            i += 1;
        }
        i
    }
    const STARTS: [usize; 5] =
        [first_of(Service::Iam), first_of(Service::Kms), first_of(Service::S3), first_of(Service::Sts), ACTIONS.len()];
    match service {
        Service::Iam => STARTS[0]..STARTS[1],
        Service::Kms => STARTS[1]..STARTS[2],
        Service::S3 => STARTS[2]..STARTS[3],
        Service::Sts => STARTS[3]..STARTS[4],
    }
}

/// Whether resource control policies bind actions of the service with this prefix.
#[must_use]
pub fn binds_rcp(prefix: &str) -> bool {
    RCP_SERVICES.iter().any(|s| s.eq_ignore_ascii_case(prefix))
}

fn is_named(row: &ActionRow, full: &str) -> bool {
    full.split_once(':').is_some_and(|(prefix, name)| {
        prefix.eq_ignore_ascii_case(row.service.prefix()) && name.eq_ignore_ascii_case(row.name)
    })
}

const SLOTS: usize = 2048;
const EMPTY: u16 = u16::MAX;

/// Open addressing, filled by the compiler.
static TABLE: [u16; SLOTS] = build_table();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, which would refuse"
)]
const fn build_table() -> [u16; SLOTS] {
    let mut table = [EMPTY; SLOTS];
    let mut i = 0;
    while i < ACTIONS.len() {
        let mut hash = fold(0xcbf2_9ce4_8422_2325, ACTIONS[i].service.prefix());
        hash = fold(hash, ":");
        hash = fold(hash, ACTIONS[i].name);
        let mut slot = hash as usize % SLOTS;
        while table[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = i as u16;
        i += 1;
    }
    table
}

/// One run of [`hash_lower`] that the compiler can do.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which would refuse")]
const fn fold(mut hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i].to_ascii_lowercase() as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name() {
        for service in [Service::Iam, Service::Kms, Service::S3, Service::Sts] {
            assert!(known_actions(service).count() > 10);
            for id in known_actions(service) {
                let full = format!("{}:{}", service.prefix(), id.name());
                assert_eq!(ActionId::lookup(&full), Some(id));
                assert_eq!(ActionId::lookup(&full.to_uppercase()), Some(id));
            }
        }
        let named = |pattern| actions_matching(Service::S3, pattern).map(ActionId::name).collect::<Vec<_>>();
        assert_eq!(named("getbucketp*"), ["GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketPublicAccessBlock"]);
        assert_eq!(named("*").len(), known_actions(Service::S3).count());
        assert_eq!(named("?etObject"), ["GetObject"]);
        assert_eq!(named("getobject"), ["GetObject"]);
        assert!(named("zz*").is_empty() && named("nothing").is_empty());
        for unknown in ["", "s3", "s3:", "s3:GetObjectX", "ec2:RunInstances", "GetObject"] {
            assert_eq!(ActionId::lookup(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn actions_know_their_resources_and_keys() {
        let get = ActionId::lookup("s3:GetObject").expect("known");
        assert_eq!(get.resources() & (BUCKET | OBJECT), OBJECT);
        assert!(get.supports_key("s3:existingobjecttag/team"));
        assert!(!get.supports_key("s3:prefix"));
        assert!(binds_rcp("s3") && !binds_rcp("ec2"));
    }
}
