//! Calls below AWS's rates: a token bucket for each of AWS's, filled with this run's share of it (`--api-share`).
//!
//! The buckets belong to the account: consoles, autoscalers and other pipelines draw on them as well. A call waits
//! here for its token, and when AWS throttles it all the same, every call of its bucket becomes slower until it
//! stops. The SDK's own retries would hide that from the buckets, so `adapters` turns them off for throttling.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use self::bucket::Bucket;
use crate::backoff::jittered;
use crate::failure::is_throttled;
use crate::ports::{ApiBucket, BUCKETS, Call};

mod bucket;
#[cfg(test)]
mod tests;

/// Every bucket, at this run's share of its rate.
pub struct Rates {
    buckets: Vec<(ApiBucket, Bucket)>,
    patience: Duration,
}

impl Rates {
    /// Fills the buckets with `share` of AWS's documented rates: above 0, and above 1 where they have been raised. A
    /// call that is throttled is tried again for `patience`.
    pub fn new(share: f64, patience: Duration) -> Self {
        let bucket = |&bucket: &ApiBucket| (bucket, Bucket::new(bucket.burst, bucket.rate, share));
        Self { buckets: BUCKETS.iter().map(bucket).collect(), patience }
    }

    /// Waits until the buckets of `call` have a token each, and takes them.
    pub async fn turn(&self, call: Call) {
        for bucket in self.of(call) {
            bucket.take().await;
        }
    }

    /// Makes `call`, whose turn has come ([`Self::turn`]), once: its buckets hear of the answer.
    pub async fn once<T>(&self, call: Call, make: impl AsyncFn() -> Result<T>) -> Result<T> {
        let sent = Instant::now();
        let answer = make().await;
        let throttled = matches!(&answer, Err(error) if is_throttled(error));
        self.of(call).for_each(|bucket| if throttled { bucket.throttled(sent) } else { bucket.served() });
        answer
    }

    /// Makes `call` when its buckets have tokens, and again while AWS throttles it.
    pub async fn keep<T>(&self, call: Call, make: impl AsyncFn() -> Result<T>) -> Result<T> {
        let (mut throttled_since, mut tries, mut pause) = (None, 0, FIRST_PAUSE);
        loop {
            // Nothing may wait before a task is stopped: the run may have seconds to live.
            if call == Call::STOP_TASK {
                self.of(call).for_each(Bucket::take_now);
            } else {
                self.turn(call).await;
            }
            let sent = Instant::now();
            let answer = self.once(call, &make).await;
            if !matches!(&answer, Err(error) if is_throttled(error)) {
                return answer;
            }
            tries += 1;
            // Most of the time may have been spent waiting behind others.
            let since: &mut Instant = throttled_since.get_or_insert(sent);
            if tries >= TRIES && since.elapsed() >= self.patience {
                return answer;
            }
            if call == Call::STOP_TASK {
                tokio::time::sleep(AGAIN).await;
            } else if call.buckets.is_empty() {
                // No bucket slows this call down. The SDK has tried as well, when it knew the exception by its name.
                tokio::time::sleep(jittered(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    fn of(&self, call: Call) -> impl Iterator<Item = &Bucket> {
        self.buckets.iter().filter(move |(of, _)| call.buckets.contains(of)).map(|(_, bucket)| bucket)
    }
}

/// Throttled answers to one call that are not the last word, however long they took.
const TRIES: u32 = 8;
/// Between tries of a call without a bucket, doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Between two tries of StopTask.
const AGAIN: Duration = Duration::from_millis(300);
