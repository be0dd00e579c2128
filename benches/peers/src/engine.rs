//! What an engine must do to be timed.

use crate::work::Work;
use std::error::Error;
use std::hint::black_box;

/// A policy engine under test.
pub trait Engine {
    /// Name as printed, without the version.
    fn name(&self) -> &'static str;

    /// Package whose version in the lock file is printed.
    fn package(&self) -> &'static str;

    /// What of the work the engine or its language cannot say, one sentence each. Printed.
    fn limits(&self) -> &'static [&'static str];

    /// Loads the policies and builds every request of `work`, which it may borrow from; nothing of this is timed.
    fn prepare<'a>(&self, work: &'a Work) -> Result<Box<dyn Prepared + 'a>, Box<dyn Error>>;
}

/// An engine with the policies and the requests of one piece of work.
pub trait Prepared {
    /// Is request `i` of the work allowed? An error of the engine counts as a denial.
    fn decide(&mut self, i: usize) -> bool;

    /// Decides each of `requests`, `passes` times over, and counts the allowed ones.
    ///
    /// PERF: the one dynamic call of a timed batch. A provided method is compiled once for each
    /// engine, so `decide` is called directly inside it.
    fn run(&mut self, requests: &[usize], passes: u64) -> u64 {
        let mut allowed = 0;
        for _ in 0..passes {
            for &i in requests {
                allowed += u64::from(black_box(self.decide(black_box(i))));
            }
        }
        allowed
    }
}
