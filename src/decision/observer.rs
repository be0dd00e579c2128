//! Who watches an evaluation: nobody on the fast path, the trace for an explanation.

use super::combine::Layer;
use super::evaluate::Outcome;
use super::matching::Subject;
use super::principal::Named;
use crate::compiled::condition::Condition;

/// A statement of one of the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementRef {
    /// The layer.
    pub layer: Layer,
    /// The level, for control policies: 0 is the root.
    pub level: u16,
    /// The number of the policy in its set.
    pub policy: u16,
    /// The number of the statement in its policy.
    pub statement: u32,
}

/// Watches an evaluation. Sealed: only this crate's observers decide what is looked at.
pub(super) trait Observer {
    /// Look at every statement and every part of it, without index and short cut.
    const TRACE: bool;

    /// An outcome to assume for a condition instead of evaluating it.
    #[inline]
    fn suppose(&self, _subject: &Subject<'_>, _condition: &Condition) -> Option<bool> {
        None
    }

    /// A statement to leave out.
    #[inline]
    fn skip(&self, _at: StatementRef) -> bool {
        false
    }

    /// A condition of the statement that is looked at.
    #[inline]
    fn condition(&mut self, _met: bool) {}

    /// A statement, after its conditions.
    #[inline]
    fn statement(&mut self, _at: StatementRef, _parts: Parts) {}

    /// The facts that are no statements.
    #[inline]
    fn outcome(&mut self, _outcome: &Outcome) {}
}

/// What of a statement met the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The action.
    pub action: bool,
    /// The principal: whom the statement named.
    pub principal: Option<Named>,
    /// The resource.
    pub resource: bool,
    /// All conditions.
    pub conditions: bool,
}

impl Parts {
    /// Whether the statement applies to the request.
    #[must_use]
    pub fn all(&self) -> bool {
        self.action && self.principal.is_some() && self.resource && self.conditions
    }
}

/// Watches nothing: the fast path.
pub(super) struct Silent;

impl Observer for Silent {
    const TRACE: bool = false;
}
