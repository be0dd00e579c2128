//! `portcullis serve`: the object store behind the gate.
//!
//! A request's path: [`http`] (listeners, limits) → [`app`] (what is asked, of what) → [`auth`] (by whom) → [`call`]
//! (through the gate) → `handlers` (one for each operation of the table) → storage → [`reply`]; requests that are signed
//! for another service go from [`app`] to [`services`]. Absent here:
//! decisions, which are the gate's to ask and the decision core's to make.

pub mod admin;
pub mod app;
pub mod auth;
pub mod call;
pub mod canonicals;
pub mod cloudfront;
mod cors;
pub mod directory;
pub mod error;
pub(in crate::edges) mod faults;
mod handlers;
pub mod http;
pub mod identities;
pub mod kms;
pub mod metrics;
pub mod open;
mod principal_arns;
mod refusals;
pub mod reply;
pub mod reseal;
pub mod root_keys;
pub mod run;
pub mod scenes;
pub mod services;
pub mod settings;
#[cfg(test)]
pub(crate) mod testing;
pub mod totp;
pub mod trail;
pub mod wire;
