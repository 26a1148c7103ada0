//! What a sandbox has seen, in numbers: calls and throttles by API, peaks, tasks.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::Serialize;

use crate::quotas::BucketUse;

/// All numbers of one sandbox so far. Seconds are AWS's: a sandbox at twenty times Fargate's pace counts twenty for
/// one of its clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// By `service:Operation`.
    pub calls: BTreeMap<String, CallFigures>,
    /// Of [`crate::Quotas::Documented`], by the bucket's name. A RunTask that finds the last of its buckets empty has
    /// taken from the others.
    pub buckets: BTreeMap<&'static str, BucketUse>,
    pub tasks: TaskFigures,
    pub seconds: f64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CallFigures {
    /// Those with an error and those without an answer included.
    pub calls: u64,
    pub throttled: u64,
    /// Other errors.
    pub errors: u64,
    /// The most in any one second.
    pub peak_per_second: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TaskFigures {
    pub started: usize,
    /// Started and not yet STOPPED, at the same time.
    pub peak: usize,
    /// Refused in RunTask's `failures[]`: vCPUs, or a fault.
    pub refused: u64,
}

impl Figures {
    /// Returns the calls of one operation, such as `ecs:RunTask`.
    pub fn calls_of(&self, operation: &str) -> u64 {
        self.calls.get(operation).map_or(0, |one| one.calls)
    }

    pub fn total_calls(&self) -> u64 {
        self.calls.values().map(|one| one.calls).sum()
    }

    pub fn throttled(&self) -> u64 {
        self.calls.values().map(|one| one.throttled).sum()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TaskFigures { started, peak, refused } = self.tasks;
        writeln!(
            f,
            "{} calls, {} throttled, in {:.0} s of AWS; {started} tasks, at most {peak} at a time, {refused} launches \
             refused",
            self.total_calls(),
            self.throttled(),
            self.seconds,
        )?;
        writeln!(f, "{:<40} {:>8} {:>9} {:>7} {:>7}", "call", "calls", "throttled", "errors", "peak/s")?;
        for (name, one) in &self.calls {
            let CallFigures { calls, throttled, errors, peak_per_second } = one;
            writeln!(f, "{name:<40} {calls:>8} {throttled:>9} {errors:>7} {peak_per_second:>7}")?;
        }
        if !self.buckets.is_empty() {
            writeln!(f, "{:<40} {:>8} {:>9} {:>7}", "bucket", "admitted", "refused", "lowest")?;
        }
        for (name, BucketUse { admitted, refused, lowest }) in &self.buckets {
            writeln!(f, "{name:<40} {admitted:>8} {refused:>9} {lowest:>7.1}")?;
        }
        Ok(())
    }
}

/// Counts calls of one operation.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    figures: CallFigures,
    /// The calls of the last second, in milliseconds of AWS.
    recent: VecDeque<u64>,
}

impl Counter {
    pub fn count(&mut self, at: u64, error_code: Option<&str>) {
        self.figures.calls += 1;
        match error_code {
            None => {}
            // The Query protocol's name has no `Exception`.
            Some("ThrottlingException" | "Throttling") => self.figures.throttled += 1,
            Some(_) => self.figures.errors += 1,
        }
        while self.recent.front().is_some_and(|earlier| earlier + 1000 <= at) {
            self.recent.pop_front();
        }
        self.recent.push_back(at);
        self.figures.peak_per_second = self.figures.peak_per_second.max(self.recent.len());
    }

    pub fn figures(&self) -> CallFigures {
        self.figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_a_table() {
        let figures = Figures {
            calls: [(
                "ecs:RunTask".to_owned(),
                CallFigures { calls: 1004, throttled: 4, errors: 0, peak_per_second: 27 },
            )]
            .into(),
            buckets: [("Fargate RunTask", BucketUse { admitted: 1000, refused: 4, lowest: 0.25 })].into(),
            tasks: TaskFigures { started: 1000, peak: 24, refused: 3 },
            seconds: 4005.3,
        };
        let lines = [
            "1004 calls, 4 throttled, in 4005 s of AWS; 1000 tasks, at most 24 at a time, 3 launches refused",
            "call                                        calls throttled  errors  peak/s",
            "ecs:RunTask                                  1004         4       0      27",
            "bucket                                   admitted   refused  lowest",
            "Fargate RunTask                              1000         4     0.2",
        ];
        assert_eq!(figures.to_string().lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_peak_is_of_any_second_and_not_of_whole_ones() {
        let mut counter = Counter::default();
        for at in [0, 900, 1100, 1800, 1899, 5000] {
            counter.count(at, (at == 5000).then_some("ThrottlingException"));
        }
        let expected = CallFigures { calls: 6, throttled: 1, errors: 0, peak_per_second: 4 };
        assert_eq!(counter.figures(), expected);
    }
}
