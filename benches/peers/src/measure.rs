//! Checks every answer, then times all engines on one piece of work in interleaved rounds.

use crate::engine::Prepared;
use crate::work::Work;
use std::time::Duration;

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Timed batches for each engine; the median counts.
    pub rounds: usize,
    /// What the batches are made to take.
    pub batch: Duration,
    /// An engine that needs longer than this for one pass gets `slow_rounds` only.
    pub slow: Duration,
    pub slow_rounds: usize,
}

impl Plan {
    pub const FULL: Self =
        Self { rounds: 21, batch: Duration::from_millis(10), slow: Duration::from_millis(100), slow_rounds: 3 };
    pub const QUICK: Self =
        Self { rounds: 7, batch: Duration::from_millis(2), slow: Duration::from_millis(20), slow_rounds: 1 };
}

/// What came out for one engine.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// CPU nanoseconds for each decision; nothing where the engine did not run or was never right.
    pub nanoseconds: Option<f64>,
    /// Names of the requests that it answered wrongly. They are not timed.
    pub wrong: Vec<String>,
}

/// One engine between calibration and median.
struct Runner<'a> {
    engine: &'a mut dyn Prepared,
    /// The requests that it answers rightly.
    right: Vec<usize>,
    /// Allowed requests in one pass.
    allowed: u64,
    passes: u64,
    rounds: usize,
    /// Nanoseconds for each decision.
    samples: Vec<f64>,
}

/// Runs the requests `cases` of `work` on every engine; `None` stands for one that is not there.
pub fn compare(
    engines: &mut [Option<Box<dyn Prepared + '_>>],
    work: &Work,
    cases: &[usize],
    plan: Plan,
) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::default(); engines.len()];
    let mut runners = Vec::new();
    for (slot, engine) in engines.iter_mut().enumerate() {
        let Some(engine) = engine else { continue };
        let (right, wrong): (Vec<usize>, Vec<usize>) =
            cases.iter().partition(|&&i| engine.decide(i) == work.requests[i].allowed());
        outcomes[slot].wrong = wrong.into_iter().map(|i| work.requests[i].name.clone()).collect();
        if !right.is_empty() {
            let allowed = right.iter().filter(|&&i| work.requests[i].allowed()).count() as u64;
            runners.push((slot, Runner::calibrated(engine.as_mut(), right, allowed, plan)));
        }
    }

    // Noise that lasts longer than a batch hits every engine; each round starts with another one.
    let count = runners.len();
    for round in 0..plan.rounds {
        for turn in 0..count {
            let (_, runner) = &mut runners[(round + turn) % count];
            if round < runner.rounds {
                let sample = runner.sample();
                runner.samples.push(sample);
            }
        }
    }
    for (slot, runner) in runners {
        outcomes[slot].nanoseconds = Some(median(runner.samples));
    }
    outcomes
}

impl<'a> Runner<'a> {
    /// Finds how many passes fill a batch; this is the warm-up too.
    fn calibrated(engine: &'a mut dyn Prepared, right: Vec<usize>, allowed: u64, plan: Plan) -> Self {
        let mut runner = Self { engine, right, allowed, passes: 1, rounds: plan.rounds, samples: Vec::new() };
        loop {
            let taken = runner.batch();
            if runner.passes == 1 && taken > plan.slow {
                runner.rounds = plan.slow_rounds;
            }
            if taken * 2 >= plan.batch {
                return runner;
            }
            // Twofold at least, so that it ends; tenfold at most, so that one odd reading does no harm.
            let wanted = plan.batch.as_nanos() / taken.as_nanos().max(1);
            runner.passes *= u64::try_from(wanted).unwrap_or(10).clamp(2, 10);
        }
    }

    fn batch(&mut self) -> Duration {
        let start = cpu_time();
        let allowed = self.engine.run(&self.right, self.passes);
        let taken = cpu_time().saturating_sub(start);
        assert_eq!(allowed, self.allowed * self.passes, "an answer changed between two passes");
        taken
    }

    #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2^53 decisions")]
    fn sample(&mut self) -> f64 {
        let nanoseconds = self.batch().as_secs_f64() * 1e9;
        nanoseconds / (self.passes * self.right.len() as u64) as f64
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// CPU time of this thread, so that other processes on the machine do not count.
#[cfg(unix)]
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("the CPU time of a thread is not negative")
}

/// Elsewhere the time on the wall.
#[cfg(not(unix))]
fn cpu_time() -> Duration {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
