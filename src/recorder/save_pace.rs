//! Pace: how often the summary is written while verdicts come in.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two saves, however little they cost.
const SHORTEST: Duration = Duration::from_secs(2);
/// The time between two saves is so many times what the first of them took: a run spends at most a twentieth of its
/// time on them, whatever the number of its databases and the speed of its machine.
const TIMES_ITS_COST: u32 = 20;

/// When the last save was, and when the next one may be.
#[derive(Debug, Default)]
pub(super) struct SavePace {
    last: Cell<Option<(Instant, Duration)>>,
}

impl SavePace {
    pub(super) fn is_due(&self) -> bool {
        self.last.get().is_none_or(|(at, interval)| at.elapsed() >= interval)
    }

    /// Takes note of a save that has just ended. `took` is by the machine's own clock: nothing else runs on the
    /// thread meanwhile.
    pub(super) fn saved(&self, took: Duration) {
        self.last.set(Some((Instant::now(), SHORTEST.max(took * TIMES_ITS_COST))));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use super::*;

    /// An hour of verdicts, five a second, where a save takes so long; answers the saves and their share of the hour.
    async fn an_hour(cost: Duration) -> (u32, f64) {
        let (pace, began) = (SavePace::default(), Instant::now());
        let (mut saves, hour) = (0, Duration::from_secs(3600));
        while began.elapsed() < hour {
            advance(Duration::from_millis(200)).await;
            if pace.is_due() {
                saves += 1;
                advance(cost).await;
                pace.saved(cost);
            }
        }
        (saves, (cost * saves).div_duration_f64(began.elapsed()))
    }

    #[tokio::test(start_paused = true)]
    async fn saves_take_a_twentieth_of_the_time_at_most() {
        for (ms, fewest) in [(1, 1_700), (50, 1_700), (100, 1_600), (500, 300), (5_000, 30)] {
            let (saves, share) = an_hour(Duration::from_millis(ms)).await;
            assert!(share <= 0.05, "{ms} ms: {share}");
            assert!((fewest..=1_800).contains(&saves), "{ms} ms: {saves} saves");
        }
    }
}
