//! Calls below AWS's rates: a token bucket for each of AWS's, filled with our share of it (`--api-share`).
//!
//! The buckets belong to the account: consoles, autoscalers and other pipelines draw on them as well. A call waits here
//! for its token, and when AWS throttles it all the same, every call of its bucket becomes slower until it stops. The
//! SDK's own retries would hide that from us, so `adapters` turns them off for throttling.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use self::bucket::Bucket;
use crate::failure::is_throttled;
use crate::ports::{ApiBucket, BUCKETS, Call};

mod bucket;
#[cfg(test)]
mod tests;

/// Every bucket at our share of its rate.
pub struct Rates {
    buckets: Vec<(ApiBucket, Bucket)>,
    patience: Duration,
}

impl Rates {
    /// `share` of AWS's documented rates is ours: above 0, and above 1 where they have been raised. A call that is
    /// throttled is tried again for `patience`.
    pub fn new(share: f64, patience: Duration) -> Self {
        let bucket = |&bucket: &ApiBucket| (bucket, Bucket::new(bucket.burst, bucket.rate, share));
        Self { buckets: BUCKETS.iter().map(bucket).collect(), patience }
    }

    /// Makes `call` when its buckets have tokens, and again while AWS throttles it. Without a bucket it is left to the
    /// SDK's own retries.
    pub async fn keep<T>(&self, call: Call, make: impl AsyncFn() -> Result<T>) -> Result<T> {
        let (mut throttled_since, mut tries) = (None, 0);
        loop {
            for bucket in self.of(call) {
                // Nothing may wait before a task is stopped: the run may have seconds to live.
                if call == Call::STOP_TASK { bucket.take_now() } else { bucket.take().await }
            }
            let sent = Instant::now();
            let answer = make().await;
            let throttled = matches!(&answer, Err(error) if is_throttled(error));
            self.of(call).for_each(|bucket| if throttled { bucket.throttled(sent) } else { bucket.served() });
            if !throttled || call.buckets.is_empty() {
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
            }
        }
    }

    fn of(&self, call: Call) -> impl Iterator<Item = &Bucket> {
        self.buckets.iter().filter(move |(of, _)| call.buckets.contains(of)).map(|(_, bucket)| bucket)
    }
}

/// Throttled answers to one call that are not the last word, however long they took.
const TRIES: u32 = 8;
/// Between two tries of StopTask.
const AGAIN: Duration = Duration::from_millis(300);
