//! The observer behind explanations: what met and what failed, as compact records.

use super::evaluate::Outcome;
use super::observer::{Observer, Parts, StatementRef};

/// A statement that was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Which.
    pub at: StatementRef,
    /// What of it met.
    pub parts: Parts,
    /// Its conditions: a range of [`Trace::conditions`].
    first_condition: u32,
    conditions: u32,
}

/// Everything an evaluation looked at.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    steps: Vec<Step>,
    conditions: Vec<bool>,
    outcome: Option<Outcome>,
    pending: u32,
}

impl Trace {
    pub(super) fn with_capacity(statements: usize) -> Self {
        Self {
            steps: Vec::with_capacity(statements),
            conditions: Vec::with_capacity(statements * 2),
            outcome: None,
            pending: 0,
        }
    }

    /// Every statement that was looked at.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Which of a step's conditions met, in their order.
    #[must_use]
    pub fn conditions(&self, step: &Step) -> &[bool] {
        let start = step.first_condition as usize;
        self.conditions.get(start..start + step.conditions as usize).unwrap_or_default()
    }

    /// What led to the decision.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }
}

impl Observer for Trace {
    const TRACE: bool = true;

    fn condition(&mut self, met: bool) {
        self.conditions.push(met);
        self.pending += 1;
    }

    fn statement(&mut self, at: StatementRef, parts: Parts) {
        let end = u32::try_from(self.conditions.len()).unwrap_or(u32::MAX);
        let conditions = std::mem::take(&mut self.pending);
        self.steps.push(Step { at, parts, first_condition: end - conditions, conditions });
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.outcome = Some(*outcome);
    }
}
