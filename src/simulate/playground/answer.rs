//! What the page gets told. `version` counts up with every change that is not an addition.

use crate::decision::Layer;
use crate::simulate::wire::Answer;
use crate::words::codes::Code;
use crate::words::problem::Severity;
use serde::Serialize;

/// The version of these shapes.
pub const VERSION: u32 = 1;

/// The answer to a question, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Decided {
    /// [`VERSION`].
    pub version: u32,
    /// The verdict; `null` where the question could not be asked.
    pub verdict: Option<Verdict>,
    /// The policies that are refused.
    pub broken: Vec<BrokenPolicy>,
    /// What else is wrong with the question.
    pub problems: Vec<QuestionProblem>,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Verdict {
    /// `allow`, `explicit-deny` or `implicit-deny`.
    #[cfg_attr(test, ts(type = "DecisionWord"))]
    pub decision: &'static str,
    /// The reason's code.
    #[cfg_attr(test, ts(type = "string"))]
    pub code: Code,
    /// The layer that decided, or whose missing Allow did.
    pub layer: Layer,
    /// Something that was not given would decide.
    pub undecided: bool,
}

/// The answer to a question, with everything that led to it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Explained {
    /// [`VERSION`].
    pub version: u32,
    /// The answer; `null` where the question could not be asked.
    pub view: Option<View>,
    /// Where unknown policies leave the answer open: the answer if they said nothing.
    pub known: Option<View>,
    /// The policies whose state is unknown, and whether each could change the answer.
    pub unknown: Vec<UnknownPolicy>,
    /// The policies that are refused.
    pub broken: Vec<BrokenPolicy>,
    /// What else is wrong with the question.
    pub problems: Vec<QuestionProblem>,
}

/// An answer with the places in the texts that were typed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct View {
    /// The answer, in the shape of the command line's `--format json`.
    pub answer: Answer,
    /// The index of the deciding statement in `answer.statements`.
    pub deciding: Option<usize>,
    /// The indexes of the near misses in `answer.statements`, closest first.
    pub near_misses: Vec<usize>,
    /// The places of each of `answer.statements`, in their order.
    pub marks: Vec<StatementMarks>,
}

/// Which policy of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PolicyPlace {
    /// Its layer.
    pub layer: Layer,
    /// The level of control policies, from 0 as the question lists them.
    pub level: usize,
    /// Its number in the question's list, from 0; policies that are off are counted.
    pub index: usize,
}

/// A place in a policy's text, in UTF-16 code units as JavaScript counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Mark {
    /// The first unit.
    pub from: usize,
    /// The unit behind the last.
    pub to: usize,
}

/// The places of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StatementMarks {
    /// Its policy.
    pub policy: PolicyPlace,
    /// The whole statement.
    pub statement: Mark,
    /// The value of `Effect`.
    pub effect: Mark,
    /// `Action` or `NotAction`.
    pub action: PartMark,
    /// `Principal` or `NotPrincipal`.
    pub principal: Option<PartMark>,
    /// `Resource` or `NotResource`.
    pub resource: Option<PartMark>,
    /// The conditions, in the order of `conditions`.
    pub conditions: Vec<ConditionMark>,
}

/// The places of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PartMark {
    /// The element's value.
    pub element: Mark,
    /// The pattern that met.
    pub matched: Option<Mark>,
}

/// The places of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ConditionMark {
    /// The operator's name.
    pub operator: Mark,
    /// The key.
    pub key: Mark,
    /// The wanted values.
    pub values: Mark,
}

/// What a policy that nobody knows could do. Every other unknown policy is taken to allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UnknownPolicy {
    /// The policy.
    pub policy: PolicyPlace,
    /// Its name.
    pub name: String,
    /// The answer if it allowed the request.
    #[cfg_attr(test, ts(type = "DecisionWord"))]
    pub if_allows: &'static str,
    /// The answer if it said nothing about the request.
    #[cfg_attr(test, ts(type = "DecisionWord"))]
    pub if_silent: &'static str,
    /// The answer if it denied the request.
    #[cfg_attr(test, ts(type = "DecisionWord"))]
    pub if_denies: &'static str,
    /// Whether the request is allowed depends on it.
    pub matters: bool,
}

/// A policy that is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BrokenPolicy {
    /// The policy.
    pub policy: PolicyPlace,
    /// Its name.
    pub name: String,
    /// Everything that is wrong or questionable.
    pub diagnostics: Vec<Diagnostic>,
}

/// A problem of the question beside its policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct QuestionProblem {
    /// The code.
    #[cfg_attr(test, ts(type = "string"))]
    pub code: Code,
    /// A plain sentence.
    pub message: String,
    /// What may have been meant.
    pub candidates: Vec<String>,
}

/// A finding about a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Diagnostic {
    /// The code.
    #[cfg_attr(test, ts(type = "string"))]
    pub code: Code,
    /// What the code means, in half a sentence.
    pub title: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// A plain sentence.
    pub message: String,
    /// Where.
    pub mark: Mark,
    /// The line of its start, from 1.
    pub line: usize,
    /// The column of its start in characters, from 1.
    pub column: usize,
}

/// What [`check`](super::check) found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Checked {
    /// [`VERSION`].
    pub version: u32,
    /// The policy is refused.
    pub refused: bool,
    /// At most [`MAX_DIAGNOSTICS`], in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there are.
    pub more: usize,
}

/// Beyond this many the list tells nothing new.
pub const MAX_DIAGNOSTICS: usize = 200;

/// The context keys that a question's policies read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeysRead {
    /// [`VERSION`].
    pub version: u32,
    /// The keys, sorted by name.
    pub keys: Vec<KeyRead>,
}

/// A context key that policies read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyRead {
    /// Its name as AWS spells it, or else as the first policy does.
    pub key: String,
    /// The type of its values.
    pub kind: KeyKind,
    /// It can have several values.
    pub multivalued: bool,
    /// It follows from principal and resource, unless the request gives it.
    pub derived: bool,
    /// Who reads it.
    pub readers: Vec<KeyReader>,
    /// Values that conditions compare it with, and values that would meet them.
    pub suggestions: Vec<String>,
}

/// The type of a key's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Text.
    String,
    /// A number.
    Number,
    /// An instant.
    Date,
    /// `true` or `false`.
    Boolean,
    /// An address.
    Ip,
    /// An ARN.
    Arn,
    /// Bytes, in base64.
    Binary,
}

/// Who reads a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyReader {
    /// The policy.
    pub policy: PolicyPlace,
    /// Its name.
    pub name: String,
    /// The operator; `null` where it is a variable such as `${aws:username}`.
    pub operator: Option<String>,
}

/// Names that complete what was typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Completions {
    /// At most [`MAX_COMPLETIONS`], best first.
    pub items: Vec<Completion>,
    /// The service is not among those that are known without the other services' names.
    pub wants_vocabulary: bool,
}

/// Beyond this many one types on.
pub const MAX_COMPLETIONS: usize = 100;

/// A name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Completion {
    /// The text: `s3:GetObject`, or a service's prefix with its colon.
    pub label: String,
    /// The access level of an action, or the name of a service.
    pub detail: String,
}

/// A text to copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Exported {
    /// The text; `null` where the question could not be asked.
    pub text: Option<String>,
    /// What people should know about it.
    pub notes: Vec<String>,
    /// Why there is none.
    pub problems: Vec<QuestionProblem>,
}
