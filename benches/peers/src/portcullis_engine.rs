//! Portcullis itself, the base of every ratio.
//!
//! PLACEHOLDER. Until it is filled in, `prepare` refuses, the row stays empty and no ratios are printed. To fill in:
//!
//! 1. `Ready`: the `Authorizer` and the requests, made from `work` (values typed by `typed`, nothing left
//!    to parse at decision time, as for every other engine).
//! 2. `prepare`: compile `work.identity` as an identity policy and `work.bucket` as a bucket policy
//!    of `ACCOUNT`, and `Authorizer::new(layers)`.
//! 3. `decide`: `authorizer.decide(&request)`.

use crate::engine::{Engine, Prepared};
use crate::work::Work;
use std::error::Error;

pub struct Portcullis;

impl Engine for Portcullis {
    fn name(&self) -> &'static str {
        "Portcullis"
    }

    fn package(&self) -> &'static str {
        crate::BASE
    }

    fn limits(&self) -> &'static [&'static str] {
        &[]
    }

    fn prepare<'a>(&self, _work: &'a Work) -> Result<Box<dyn Prepared + 'a>, Box<dyn Error>> {
        Err("portcullis_engine.rs is not filled in".into())
    }
}
