//! Compiled principals.

use super::pattern::Run;
use crate::words::arn::Arn;
use crate::words::ids::{AccountId, hash_text};
use crate::words::problem::Span;

/// What a named principal is compared with. An account id and its `…:root` ARN are the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// An account, compared by its twelve digits.
    Account,
    /// A user, role, session, federated user or OAI by ARN.
    Arn,
    /// A user or role by its unique id.
    UniqueId,
    /// A service principal.
    Service,
    /// An identity provider.
    Federated,
    /// A canonical user id.
    Canonical,
}

/// The hash a name is looked up by; names of different kinds do not meet.
#[must_use]
pub fn name_hash(kind: NameKind, text: &str) -> u64 {
    hash_text(text).rotate_left(kind as u32 * 8 + 1)
}

/// The account that an `AWS` principal names as a whole.
#[must_use]
pub fn named_account(text: &str) -> Option<&str> {
    if AccountId::parse(text).is_some() {
        return Some(text);
    }
    Arn::parse(text).filter(|arn| arn.service == "iam" && arn.resource == "root").map(|arn| arn.account)
}

/// One principal of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrincipalName {
    /// What to compare with.
    pub kind: NameKind,
    /// The text that is compared, in the arena.
    pub text: Span,
    /// [`name_hash`] of it.
    pub hash: u64,
    /// Its place in the source.
    pub span: Span,
}

/// The principal part of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principals {
    /// The kind of policy has none: it applies to whom it is attached to.
    Unstated,
    /// `Principal`.
    Listed {
        /// `"*"` is among them.
        everyone: bool,
        /// The others.
        names: Run,
    },
    /// `NotPrincipal`.
    Excluded {
        /// `"*"` is among them: nobody is left.
        everyone: bool,
        /// The others.
        names: Run,
    },
}
