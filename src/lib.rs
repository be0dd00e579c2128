//! Portcullis: one gate for every request. Reads AWS authorization policies and says whether a request is
//! allowed, and why.
//!
//! The crate is a house of floors; a module uses lower floors only (a test reads the imports), and each
//! floor is as much defined by what is absent from it:
//!
//! | floor | modules | absent |
//! |---|---|---|
//! | F0 words | [`words`]: strict JSON with places, ARNs, patterns, values, vocabulary, codes | policies |
//! | F1 policy | [`policy`]: documents, parsing, operators, ACLs | requests |
//! | F2 compiled | [`compiled`]: statements, conditions, index | requests |
//! | F3 decision | [`decision`]: request, layers, evaluation, combination, explanation, remedies | I/O, clock, async, logging, allocation in `decide` |
//! | F4 simulate | [`simulate`]: worlds, scenarios, questions, wire shapes, rendering | I/O, clock; nothing is decided here |
//! | F5 gate | [`gate`]: the operation table, needs, the only maker of [`gate::Authorized`] | I/O, HTTP libraries |
//! | F6 storage | `storage` (feature `server`): metadata, blobs, sealing | HTTP, decisions, clock |
//! | F7 edges | `edges`: the command line (feature `cli`), the object store and its client (feature `server`) | decisions |
//!
//! **A policy's path:** bytes → [`words::json`] → [`policy::PolicyDocument`] → [`compiled::CompiledPolicy`]
//! with its index → [`decision::PolicySet`] in [`decision::Layers`], swapped whole.
//!
//! **A request's path:** [`decision::AuthorizationRequest`] → [`decision::Authorizer::decide`] →
//! [`decision::Decision`]; with [`decision::Authorizer::explain`] the same algorithm, watched, gives
//! [`decision::Explanation`].
//!
//! **An HTTP request's path:** facts → [`gate::operations::TABLE`] → one question for each permission → decisions →
//! [`gate::Authorized`], which storage demands.
//!
//! Start at [`decision::Authorizer`] for an example; the [`manual`] has the evaluation logic, the known
//! divergences from AWS, and the pitfalls of other engines.
#![forbid(unsafe_code)]

pub mod compiled;
pub mod decision;
#[cfg(feature = "cli")]
pub mod edges;
pub mod gate;
pub mod manual;
pub mod policy;
pub mod simulate;
#[cfg(feature = "server")]
pub mod storage;
pub mod words;
