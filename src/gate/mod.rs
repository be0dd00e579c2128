//! F5, the gate: from the facts of an HTTP request to decisions, and the only maker of [`Authorized`].
//!
//! Absent here: I/O, clocks, HTTP libraries; and any decision: those are [`crate::decision`]'s.

mod authorize;
mod authorized;
mod caller;
mod facts;
pub mod needs;
pub mod operations;
mod scene;
pub mod services;
mod target;
mod witness;

pub use authorize::{
    Ask, ListedAsk, POSTED_KEY, Refusal, SourceAsk, arn, authorize, authorize_listed, expected_owners, is_owners_alone,
    may_learn_absence, needed, permitted, version_of,
};
pub use authorized::{Authorized, Source};
pub use caller::{Caller, SessionFacts, SessionKind};
pub use facts::{BodyFacts, RequestFacts, SeenObject, SignatureFacts};
pub use operations::{Asked, Method, Operation, OperationId};
pub use scene::Scene;
pub use services::{Service, ServiceAsk, ServiceFacts, ServiceOperation, ServiceRow, Subject, authorize_service};
pub use target::{Entity, Target};
pub use witness::{Decided, Keeping, Step, Verdict, Witness};
