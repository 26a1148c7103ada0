//! The sandbox's clock: AWS timestamps, and how long things take compared with Fargate.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// How long a task's life takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Every state is passed through as fast as possible. Stop timeouts are a tenth of what they say.
    Instant,
    /// As long as on Fargate, divided by `scale`: 1.0 is Fargate itself, 20.0 a task in two seconds.
    Realistic { scale: f64 },
}

impl Pace {
    /// Returns how long a phase takes here that takes `on_fargate` there.
    pub fn phase(self, on_fargate: Duration) -> Duration {
        match self {
            Self::Instant => Duration::from_millis(1),
            Self::Realistic { scale } => on_fargate.div_f64(scale.max(0.001)),
        }
    }
}

/// Follows tokio's clock, so that a test with paused time sees timestamps that agree with it.
#[derive(Debug)]
pub struct Clock {
    pace: Pace,
    origin: tokio::time::Instant,
    /// Milliseconds since the Unix epoch at `origin`.
    epoch: i64,
}

impl Clock {
    pub fn start(pace: Pace) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { pace, origin: tokio::time::Instant::now(), epoch: millis(since) }
    }

    /// Returns the time in milliseconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.epoch + millis(self.origin.elapsed())
    }

    /// Returns how many seconds of Fargate pass in one of this clock.
    pub fn scale(&self) -> f64 {
        match self.pace {
            Pace::Instant => 1.0,
            Pace::Realistic { scale } => scale.max(0.001),
        }
    }

    /// Returns the milliseconds of Fargate since the start.
    pub fn elapsed(&self) -> u64 {
        (self.origin.elapsed().as_secs_f64() * self.scale() * 1000.0) as u64
    }

    /// Returns how long a phase takes here that takes `on_fargate` there.
    pub fn phase(&self, on_fargate: Duration) -> Duration {
        self.pace.phase(on_fargate)
    }

    /// Returns how long a container has between SIGTERM and SIGKILL.
    pub fn stop_timeout(&self, declared: Duration) -> Duration {
        match self.pace {
            Pace::Instant => declared / 10,
            Pace::Realistic { scale } => declared.div_f64(scale.max(0.001)),
        }
    }

    /// Returns how long a container has to run before its restart policy restarts it. An instant sandbox does not
    /// shorten it: otherwise, every container would have run long enough.
    pub fn restart_attempt_period(&self, declared: Duration) -> Duration {
        match self.pace {
            Pace::Instant => declared,
            Pace::Realistic { .. } => self.phase(declared),
        }
    }

    /// Returns how long a phase takes that even an instant sandbox must not skip: a task that ends at once has to
    /// differ from one that stays, and pauses have to grow.
    pub fn shortened(&self, on_fargate: Duration) -> Duration {
        match self.pace {
            Pace::Instant => on_fargate / 400,
            Pace::Realistic { .. } => self.phase(on_fargate),
        }
    }

    /// Returns how often the awslogs driver flushes: every 5 s on Fargate.
    pub fn log_flush(&self) -> Duration {
        match self.pace {
            Pace::Instant => Duration::from_millis(50),
            Pace::Realistic { scale } => Duration::from_secs(5).div_f64(scale.max(0.001)),
        }
    }
}

/// Renders a timestamp as AWS JSON 1.1 sends it: seconds since the Unix epoch with milliseconds.
pub fn timestamp(millis: i64) -> Value {
    Value::from(millis as f64 / 1000.0)
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
