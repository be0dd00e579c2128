//! F7, edges: where the outside world comes in.

pub mod cli;
