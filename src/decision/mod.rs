//! F3, decision: one algorithm from request and layers to an answer.
//!
//! `evaluate` is generic over an observer: with the silent one it is the fast
//! path, with the tracing one it is the explanation. There is no second evaluator. No I/O, no clock,
//! no logging, and on warm structures no heap allocation in `decide`.

mod acl;
pub mod authorizer;
pub mod combine;
mod conditions;
pub mod context;
pub mod evaluate;
pub mod explanation;
mod guards;
pub mod layers;
mod matching;
pub mod observer;
pub mod principal;
pub mod remedies;
pub mod request;
pub mod trace;

pub use acl::{AclGrant, AclOf};
pub use authorizer::Authorizer;
pub use combine::{Basis, Decision, Layer};
pub use context::{Context, ContextValue};
pub use explanation::Explanation;
pub use layers::{Bucket, KeyGrant, LayerState, Layers, PolicySet};
pub use observer::StatementRef;
pub use principal::{Principal, PrincipalKind};
pub use request::{Action, AuthorizationRequest, ObjectFacts, Resource};
