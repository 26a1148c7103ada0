//! The API quotas of an account: token buckets as AWS documents them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::time::Instant;

/// Whether the sandbox throttles by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quotas {
    #[default]
    Off,
    /// A new account in an older Region: ECS and CloudWatch Logs API buckets, Fargate launch rate, 6 vCPU.
    Documented,
}

/// Fargate's initial on-demand quota.
pub const VCPUS: f64 = 6.0;

struct Bucket {
    name: &'static str,
    operations: &'static [&'static str],
    burst: f64,
    /// Tokens a second.
    rate: f64,
}

const fn bucket(name: &'static str, burst: u32, rate: u32, operations: &'static [&'static str]) -> Bucket {
    Bucket { name, operations, burst: burst as f64, rate: rate as f64 }
}

/// Source: the service quotas of ECS, Fargate and CloudWatch Logs.
const BUCKETS: &[Bucket] = &[
    bucket("task definition modify", 20, 1, &["ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition"]),
    bucket(
        "task definition read",
        50,
        20,
        &["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ecs:ListTaskDefinitionFamilies"],
    ),
    bucket("cluster resource modify", 100, 40, &["ecs:RunTask", "ecs:StopTask"]),
    bucket("Fargate RunTask", 20, 20, &["ecs:RunTask"]),
    bucket("cluster resource read", 100, 20, &["ecs:DescribeTasks", "ecs:ListTasks"]),
    bucket("service modify", 50, 5, &["ecs:CreateService", "ecs:UpdateService", "ecs:DeleteService"]),
    bucket("service read", 100, 20, &["ecs:DescribeServices", "ecs:ListServices"]),
    bucket("service deployment", 50, 20, &["ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments"]),
    bucket("service revision", 50, 20, &["ecs:DescribeServiceRevisions"]),
    bucket("tag modify", 20, 10, &["ecs:TagResource"]),
    bucket("tag read", 50, 20, &["ecs:ListTagsForResource"]),
    bucket("cluster read", 50, 20, &["ecs:DescribeClusters", "ecs:ListClusters"]),
    bucket("FilterLogEvents", 10, 10, &["logs:FilterLogEvents"]),
    bucket("GetLogEvents", 25, 25, &["logs:GetLogEvents"]),
    bucket("DescribeLogStreams", 25, 25, &["logs:DescribeLogStreams"]),
    bucket("DescribeLogGroups", 10, 10, &["logs:DescribeLogGroups"]),
    bucket("CreateLogStream", 50, 50, &["logs:CreateLogStream"]),
    bucket("PutImage", 10, 10, &["ecr:PutImage"]),
];

const LAUNCHES: Bucket = bucket("Fargate task launches", 100, 20, &[]);

/// How a bucket was used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BucketUse {
    pub admitted: u64,
    pub refused: u64,
    /// The fewest tokens that were ever left in it.
    pub lowest: f64,
}

/// How full each bucket is.
#[derive(Debug)]
pub struct Meter {
    quotas: Quotas,
    vcpus: f64,
    /// Seconds of AWS in a second here.
    scale: f64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The part of each bucket that others in the account use up.
    neighbour: f64,
    levels: BTreeMap<&'static str, Level>,
}

#[derive(Debug)]
struct Level {
    tokens: f64,
    since: Instant,
    used: BucketUse,
}

impl Meter {
    pub fn new(quotas: Quotas) -> Self {
        Self { quotas, vcpus: VCPUS, scale: 1.0, state: Mutex::default() }
    }

    /// Sets another quota of vCPUs than a new account's.
    pub fn with_vcpus(self, vcpus: f64) -> Self {
        Self { vcpus, ..self }
    }

    /// Sets how many seconds of AWS a second of the clock is: buckets refill as much faster.
    pub fn with_scale(self, scale: f64) -> Self {
        Self { scale, ..self }
    }

    /// Lets others in the account use this part of every API bucket from now on: 0.8 leaves a fifth of burst and
    /// rate. They use none of Fargate's vCPUs.
    pub fn set_neighbour(&self, share: f64) {
        self.state().neighbour = share.clamp(0.0, 1.0);
    }

    /// Returns the use of the buckets that were asked, by name.
    pub fn used(&self) -> BTreeMap<&'static str, BucketUse> {
        self.state().levels.iter().map(|(name, level)| (*name, level.used)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token for `service:Operation` from each of its buckets; false when one is empty.
    pub fn admit(&self, operation: &str) -> bool {
        self.quotas == Quotas::Off
            || BUCKETS
                .iter()
                .filter(|bucket| bucket.operations.contains(&operation))
                .all(|bucket| self.take(bucket, 1.0))
    }

    /// Returns whether `count` more Fargate tasks may be launched now, and takes their tokens.
    pub fn admit_launches(&self, count: usize) -> bool {
        self.quotas == Quotas::Off || self.take(&LAUNCHES, count as f64)
    }

    /// Returns whether tasks of `wanted` vCPU may run in addition to those of `used` vCPU.
    pub fn admit_vcpus(&self, used: f64, wanted: f64) -> bool {
        self.quotas == Quotas::Off || used + wanted <= self.vcpus
    }

    fn take(&self, bucket: &Bucket, tokens: f64) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let ours = 1.0 - state.neighbour;
        let (burst, rate) = (bucket.burst * ours, bucket.rate * ours * self.scale);
        let level = state.levels.entry(bucket.name).or_insert(Level {
            tokens: burst,
            since: now,
            used: BucketUse { admitted: 0, refused: 0, lowest: burst },
        });
        level.tokens = (level.tokens + now.duration_since(level.since).as_secs_f64() * rate).min(burst);
        level.since = now;
        // A fifth of a hundred is a little less than twenty tokens to a computer.
        let enough = level.tokens + 1e-9 >= tokens;
        if enough {
            level.tokens -= tokens;
            level.used.admitted += 1;
            level.used.lowest = level.used.lowest.min(level.tokens);
        } else {
            level.used.refused += 1;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_refills_at_its_rate() {
        let meter = Meter::new(Quotas::Documented);
        let register = || meter.admit("ecs:RegisterTaskDefinition");
        assert_eq!((0..25).filter(|_| register()).count(), 20);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!((0..25).filter(|_| register()).count(), 3);
        assert!(Meter::new(Quotas::Off).admit("ecs:RegisterTaskDefinition"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_neighbour_leaves_a_part_of_burst_and_rate() {
        let meter = Meter::new(Quotas::Documented);
        meter.set_neighbour(0.8);
        let read = || (0..200).filter(|_| meter.admit("ecs:DescribeTasks")).count();
        assert_eq!(read(), 20);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(read(), 8);
        let used = meter.used()["cluster resource read"];
        assert_eq!((used.admitted, used.refused), (28, 372));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_refills_as_fast() {
        let meter = Meter::new(Quotas::Documented).with_scale(20.0);
        let register = || (0..100).filter(|_| meter.admit("ecs:RegisterTaskDefinition")).count();
        assert_eq!(register(), 20);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(register(), 10);
    }

    #[test]
    fn twenty_four_quarter_vcpu_tasks_fit() {
        let meter = Meter::new(Quotas::Documented);
        assert!(meter.admit_vcpus(5.75, 0.25));
        assert!(!meter.admit_vcpus(6.0, 0.25));
    }
}
