//! The API quotas of an account: token buckets as AWS documents them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

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
    bucket("service modify", 50, 5, &["ecs:CreateService"]),
    bucket("service read", 100, 20, &["ecs:DescribeServices", "ecs:ListServices"]),
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

/// How full each bucket is.
#[derive(Debug, Default)]
pub struct Meter {
    quotas: Quotas,
    levels: Mutex<HashMap<&'static str, (f64, Option<Instant>)>>,
}

impl Meter {
    pub fn new(quotas: Quotas) -> Self {
        Self { quotas, levels: Mutex::default() }
    }

    /// Takes a token for `service:Operation` from each of its buckets; false when one is empty.
    pub fn admit(&self, operation: &str) -> bool {
        self.quotas == Quotas::Off
            || BUCKETS
                .iter()
                .filter(|bucket| bucket.operations.contains(&operation))
                .all(|bucket| self.take(bucket, 1.0))
    }

    /// Whether `count` more Fargate tasks may be launched now.
    pub fn admit_launches(&self, count: usize) -> bool {
        self.quotas == Quotas::Off || self.take(&LAUNCHES, count as f64)
    }

    /// Whether tasks of `wanted` vCPU may run beside those of `used` vCPU.
    pub fn admit_vcpus(&self, used: f64, wanted: f64) -> bool {
        self.quotas == Quotas::Off || used + wanted <= VCPUS
    }

    fn take(&self, bucket: &Bucket, tokens: f64) -> bool {
        let now = Instant::now();
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let (level, since) = levels.entry(bucket.name).or_insert((bucket.burst, None));
        if let Some(since) = since.replace(now) {
            *level = (*level + now.duration_since(since).as_secs_f64() * bucket.rate).min(bucket.burst);
        }
        let enough = *level >= tokens;
        if enough {
            *level -= tokens;
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

    #[test]
    fn twenty_four_quarter_vcpu_tasks_fit() {
        let meter = Meter::new(Quotas::Documented);
        assert!(meter.admit_vcpus(5.75, 0.25));
        assert!(!meter.admit_vcpus(6.0, 0.25));
    }
}
