//! F5, the gate: from the facts of an HTTP request to decisions, and the only maker of [`Authorized`].

mod authorized;
mod caller;
pub mod operations;
mod target;

pub use authorized::Authorized;
pub use caller::Caller;
pub use operations::{Operation, OperationId};
pub use target::Target;
