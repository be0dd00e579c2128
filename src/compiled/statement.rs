//! A compiled policy: statements, pools, and the indexes over them.

use super::builder;
use super::condition::{Condition, Operand};
use super::index::Index;
use super::pattern::{Pattern, Run, Variable};
use super::principal::{PrincipalName, Principals};
use crate::policy::{Effect, PolicyDocument, PolicyKind};
use crate::words::problem::{Problem, Source, Span};
use crate::words::vocabulary::ActionId;
use crate::words::wildcard::Token;
use std::sync::Arc;

/// `Action`s that some statements share.
#[derive(Clone, Copy, Debug)]
pub struct ActionClass {
    /// One bit for each known action that is meant; negation is already applied.
    pub known: [u64; ActionId::COUNT.div_ceil(64)],
    /// `NotAction`.
    pub negated: bool,
    /// The patterns as written, for actions that are not in the catalogue and for explanations.
    pub patterns: Run,
}

impl ActionClass {
    /// Whether a known action is meant.
    #[inline]
    #[must_use]
    pub fn has(&self, id: ActionId) -> bool {
        let index = id.index();
        self.known.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }
}

/// `Resource` or `NotResource`.
#[derive(Clone, Copy, Debug)]
pub struct Resources {
    /// `NotResource`.
    pub negated: bool,
    /// The patterns.
    pub patterns: Run,
}

/// One statement.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// What it does where it matches.
    pub effect: Effect,
    /// Its number in [`CompiledPolicy::class`].
    pub class: u32,
    /// Where its `Action` or `NotAction` stands.
    pub actions_span: Span,
    /// Whom it applies to.
    pub principals: Principals,
    /// Which resources; `None` in trust policies, which apply to their role.
    pub resources: Option<Resources>,
    /// All must hold.
    pub conditions: Run,
    /// Its id, in the arena.
    pub sid: Option<Span>,
    /// Its place in the source.
    pub span: Span,
}

/// A policy document in the form that is evaluated. Immutable; compile once, share by `Arc`.
#[derive(Debug)]
pub struct CompiledPolicy {
    pub(super) name: Arc<str>,
    pub(super) source: Source,
    pub(super) document: Span,
    pub(super) arena: Arc<str>,
    pub(super) kind: PolicyKind,
    pub(super) public: bool,
    pub(super) statements: Box<[Statement]>,
    pub(super) classes: Box<[ActionClass]>,
    pub(super) patterns: Box<[Pattern]>,
    pub(super) tokens: Box<[Token]>,
    pub(super) variables: Box<[Variable]>,
    pub(super) names: Box<[PrincipalName]>,
    pub(super) conditions: Box<[Condition]>,
    pub(super) operands: Box<[Operand]>,
    pub(super) warnings: Box<[Problem]>,
    pub(super) denies: Index,
    pub(super) allows: Index,
}

impl CompiledPolicy {
    /// Compiles a document. `name` is what explanations call the policy.
    #[must_use]
    pub fn compile(name: impl Into<Arc<str>>, document: &PolicyDocument) -> Self {
        builder::compile(name.into(), document, None)
    }

    /// As [`Self::compile`], where users and roles are named by what `unique_id` gives for their ARNs: a principal
    /// that was deleted is not the new one of its name. `None`: the ARN itself is compared.
    /// Source: IAM User Guide, "AWS JSON policy elements: Principal".
    #[must_use]
    pub fn compile_by_id(
        name: impl Into<Arc<str>>,
        document: &PolicyDocument,
        unique_id: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        builder::compile(name.into(), document, Some(unique_id))
    }

    /// What explanations call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Where the document stands in that text, which may be a larger file.
    #[must_use]
    pub fn document(&self) -> Span {
        self.document
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// S3's definition of a public policy.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// What AWS stores but cannot do what it seems to.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Its statements in the order of the document.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The text at a place of the arena.
    #[inline]
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        span.of(&self.arena)
    }

    /// The bytes at a place of the arena.
    #[inline]
    #[must_use]
    pub fn bytes(&self, span: Span) -> &[u8] {
        // PERF: a slice of bytes needs no check for character boundaries.
        self.arena.as_bytes().get(span.range()).unwrap_or_default()
    }

    /// The arena all text spans point into.
    #[inline]
    #[must_use]
    pub fn arena(&self) -> &str {
        &self.arena
    }

    /// Where a statement's id stands in the source, where the source has it as it is.
    #[must_use]
    pub fn sid_place(&self, statement: &Statement) -> Option<Span> {
        statement.sid.filter(|_| Arc::ptr_eq(&self.arena, &self.source.text))
    }

    /// The actions a statement means.
    ///
    /// # Panics
    /// Never: classes are numbered by the builder.
    #[inline]
    #[must_use]
    pub fn class(&self, number: u32) -> &ActionClass {
        self.classes.get(number as usize).expect("the builder numbers classes from zero")
    }

    /// The patterns of a run.
    #[inline]
    #[must_use]
    pub fn patterns(&self, run: Run) -> &[Pattern] {
        run.of(&self.patterns)
    }

    /// The tokens of a run.
    #[inline]
    #[must_use]
    pub fn tokens(&self, run: Run) -> &[Token] {
        run.of(&self.tokens)
    }

    /// A variable by its number in a token.
    #[inline]
    #[must_use]
    pub fn variable(&self, number: u32) -> Option<&Variable> {
        self.variables.get(number as usize)
    }

    /// The principals of a run.
    #[inline]
    #[must_use]
    pub fn names(&self, run: Run) -> &[PrincipalName] {
        run.of(&self.names)
    }

    /// The conditions of a run.
    #[inline]
    #[must_use]
    pub fn conditions(&self, run: Run) -> &[Condition] {
        run.of(&self.conditions)
    }

    /// The operands of a run.
    #[inline]
    #[must_use]
    pub fn operands(&self, run: Run) -> &[Operand] {
        run.of(&self.operands)
    }

    /// The index over the statements of one effect.
    #[inline]
    #[must_use]
    pub fn index_of(&self, effect: Effect) -> &Index {
        match effect {
            Effect::Allow => &self.allows,
            Effect::Deny => &self.denies,
        }
    }

    /// Every condition key that the policy reads, in conditions and variables, with repetitions.
    pub fn keys_read(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().map(|c| self.text(c.key.name)).chain(self.variables_read())
    }

    /// Every condition key that the policy reads as a variable, with repetitions.
    pub fn variables_read(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|variable| self.text(variable.key.name))
    }
}
