//! A token bucket that becomes slower when AWS throttles, and faster again when it does not.

use std::cell::RefCell;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// What is left of the rate after it was throttled.
const SLOWER: f64 = 0.5;
/// What every call that is served gives back, as a part of the whole rate.
const FASTER: f64 = 0.01;
const SLOWEST: f64 = 1.0 / 32.0;
/// Nothing is sent for this time after a throttled call, doubled for each that follows, half of it at random.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

pub(super) struct Bucket {
    burst: f64,
    /// Tokens a second.
    rate: f64,
    /// First come, first served.
    turn: Mutex<()>,
    level: RefCell<Level>,
}

struct Level {
    /// Below 0 after calls that did not wait.
    tokens: f64,
    /// When there were so many; in the future while nothing may be sent.
    at: Instant,
    /// What part of the rate is used.
    factor: f64,
    pause: Duration,
    slowed_at: Option<Instant>,
}

impl Bucket {
    pub(super) fn new(burst: u32, rate: u32, share: f64) -> Self {
        let burst = (f64::from(burst) * share).max(1.0);
        let now = Instant::now();
        let level = Level { tokens: burst, at: now, factor: 1.0, pause: FIRST_PAUSE, slowed_at: None };
        Self { burst, rate: f64::from(rate) * share, turn: Mutex::default(), level: RefCell::new(level) }
    }

    /// Waits for a token and takes it.
    pub(super) async fn take(&self) {
        let _first = self.turn.lock().await;
        while let Some(missing) = self.try_take() {
            sleep(missing).await;
        }
    }

    /// Takes a token that may not be there yet: the calls after this one wait for it.
    pub(super) fn take_now(&self) {
        let mut level = self.level.borrow_mut();
        self.refill(&mut level);
        level.tokens -= 1.0;
    }

    /// Takes a token, or returns how long it is missing.
    fn try_take(&self) -> Option<Duration> {
        let mut level = self.level.borrow_mut();
        let paused = level.at.saturating_duration_since(Instant::now());
        if !paused.is_zero() {
            return Some(paused);
        }
        self.refill(&mut level);
        if level.tokens >= 1.0 {
            level.tokens -= 1.0;
            return None;
        }
        // A clock of milliseconds may end the wait a moment too early: a little more, not the same again.
        let missing = (1.0 - level.tokens) / (self.rate * level.factor);
        Some(Duration::from_secs_f64(missing) + Duration::from_millis(1))
    }

    fn refill(&self, level: &mut Level) {
        let now = Instant::now();
        let since = now.saturating_duration_since(level.at).as_secs_f64();
        level.tokens = (level.tokens + since * self.rate * level.factor).min(self.burst);
        level.at = level.at.max(now);
    }

    /// Slows down after AWS throttled a call that was sent at `sent`. Calls that were under way together slow down
    /// once.
    pub(super) fn throttled(&self, sent: Instant) {
        let mut level = self.level.borrow_mut();
        if level.slowed_at.is_some_and(|slowed_at| sent <= slowed_at) {
            return;
        }
        let now = Instant::now();
        self.refill(&mut level);
        level.slowed_at = Some(now);
        level.factor = (level.factor * SLOWER).max(SLOWEST);
        // No burst after the pause.
        level.tokens = level.tokens.min(0.0);
        let random = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
        level.at = now + level.pause.mul_f64(0.5 + 0.5 * random);
        level.pause = (level.pause * 2).min(LONGEST_PAUSE);
    }

    pub(super) fn served(&self) {
        let mut level = self.level.borrow_mut();
        level.factor = (level.factor + FASTER).min(1.0);
        level.pause = FIRST_PAUSE;
    }
}
