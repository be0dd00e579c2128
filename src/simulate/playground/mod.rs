//! What the browser's playground asks and gets told: the wire types and the functions over them.
//!
//! The bindings in `wasm/` add nothing but JSON. Nothing decides here: a question becomes layers and a request,
//! and the core answers.

mod answer;
mod cli;
mod cloudtrail;
mod complete;
mod diagnostics;
mod explain;
mod export;
mod filled;
mod keys;
mod of_layers;
mod pasted;
mod prepare;
mod pretty;
mod question;
mod read;
#[cfg(test)]
mod tests;
mod unknown;
mod worlds;

pub use answer::{
    BrokenPolicy, Checked, Completion, Completions, ConditionMark, Decided, Diagnostic, Explained, Exported, KeyKind,
    KeyRead, KeyReader, KeysRead, MAX_COMPLETIONS, MAX_DIAGNOSTICS, Mark, PartMark, PolicyPlace, QuestionProblem,
    StatementMarks, UnknownPolicy, VERSION, Verdict, View,
};
pub use complete::complete;
pub use diagnostics::check;
pub use explain::{decide, explain};
pub use export::{to_cli, to_scenario};
pub use filled::{
    BucketFill, Choice, Fill, FilledPolicy, MAX_PASTED, Pasted, PastedKind, PastedScenario, WorldAsked, WorldQuestion,
};
pub use keys::keys_read;
pub use pasted::read_pasted;
pub use pretty::pretty;
pub use question::{
    Accepted, BlockPublicAccess, PolicyState, PolicyText, Question, QuestionBucket, QuestionConstraints, QuestionGrant,
    QuestionGrantee, QuestionKeyGrant, QuestionLayers, QuestionObject, QuestionPrincipal, QuestionRequest,
};
pub use worlds::from_world;
