//! Calls below AWS's rates: a token bucket for each of AWS's, filled with our share of it (`--api-share`).
//!
//! The buckets belong to the account: consoles, autoscalers and other pipelines draw on them as well. A call waits here
//! for its token, and when AWS throttles it all the same, every call of its bucket becomes slower until it stops. The
//! SDK's own retries would hide that from us, so `adapters` turns them off for throttling.

use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::bucket::Bucket;
use crate::failure::is_throttled;
use crate::ports::{
    BinaryImage, Call, Caller, DESCRIBE_TASKS_BATCH, DesiredStatus, DockerBuild, FilterPage, ImageTag,
    Launch, LogGroup, LogPage, LogStream, Network, NetworkResource, Reads, Repository, RunTask, Task, Writes,
};
use crate::progress::Progress;

mod bucket;
#[cfg(test)]
mod tests;

/// One of AWS's buckets: its name in docs/aws-limits.md, burst, tokens a second, and the calls that draw on it.
pub type ApiBucket = (&'static str, u32, u32, &'static [Call]);

/// The buckets of the calls that may be many. Where Regions differ, the smaller number of the larger Regions.
pub const BUCKETS: &[ApiBucket] = &[
    ("task definition modify", 20, 1, &[Call::REGISTER_TASK_DEFINITION]),
    ("task definition read", 50, 20, &[Call::DESCRIBE_TASK_DEFINITION, Call::LIST_TASK_DEFINITION_FAMILIES]),
    ("cluster resource modify", 100, 40, &[Call::RUN_TASK, Call::STOP_TASK]),
    ("Fargate RunTask", 20, 20, &[Call::RUN_TASK]),
    ("cluster resource read", 100, 20, &[Call::DESCRIBE_TASKS, Call::LIST_TASKS]),
    ("cluster read", 50, 20, &[Call::DESCRIBE_CLUSTERS, Call::LIST_CLUSTERS]),
    ("service read", 100, 20, &[Call::DESCRIBE_SERVICES]),
    ("FilterLogEvents, most Regions", 10, 10, &[Call::FILTER_LOG_EVENTS]),
    ("GetLogEvents, most Regions", 25, 25, &[Call::GET_LOG_EVENTS]),
];

/// The same world, with every ECS and CloudWatch Logs call at our share of its rate.
pub struct Throttled<W> {
    world: W,
    rates: Rates,
    log_pages: Semaphore,
}

/// Pages of logs that are under way at a time, when hundreds of tasks have ended together: each may be of 1 MB, and of
/// several while it is read.
const LOG_PAGES: usize = 8;

impl<W> Throttled<W> {
    /// `share` of AWS's documented rates is ours: above 0, and above 1 where they have been raised. A call that is throttled is tried again for `patience`.
    pub fn new(world: W, share: f64, patience: Duration) -> Self {
        Self { world, rates: Rates::new(share, patience), log_pages: Semaphore::new(LOG_PAGES) }
    }

    pub fn inner(&self) -> &W {
        &self.world
    }
}

struct Rates {
    buckets: Vec<(&'static [Call], Bucket)>,
    patience: Duration,
}

impl Rates {
    fn new(share: f64, patience: Duration) -> Self {
        let bucket = |&(_, burst, rate, calls): &ApiBucket| (calls, Bucket::new(burst, rate, share));
        Self { buckets: BUCKETS.iter().map(bucket).collect(), patience }
    }

    /// Makes `call` when its buckets have tokens, and again while AWS throttles it.
    async fn keep<T>(&self, call: Call, make: impl AsyncFn() -> Result<T>) -> Result<T> {
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
            if !throttled {
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
        self.buckets.iter().filter(move |(calls, _)| calls.contains(&call)).map(|(_, bucket)| bucket)
    }
}

/// Throttled answers to one call that are not the last word, however long they took.
const TRIES: u32 = 8;
/// Between two tries of StopTask.
const AGAIN: Duration = Duration::from_millis(300);

impl<W: Reads> Reads for Throttled<W> {
    async fn caller(&self) -> Result<Caller> {
        self.world.caller().await
    }

    async fn describe_task_definition(&self, name: &str) -> Result<Option<Value>> {
        let make = async || self.world.describe_task_definition(name).await;
        self.rates.keep(Call::DESCRIBE_TASK_DEFINITION, make).await
    }

    async fn task_definition_families_like(&self, name: &str) -> Result<Vec<String>> {
        let make = async || self.world.task_definition_families_like(name).await;
        self.rates.keep(Call::LIST_TASK_DEFINITION_FAMILIES, make).await
    }

    async fn check_cluster(&self, name: &str) -> Result<()> {
        self.rates.keep(Call::DESCRIBE_CLUSTERS, async || self.world.check_cluster(name).await).await
    }

    async fn repository(&self, name: &str) -> Result<Repository> {
        self.world.repository(name).await
    }

    async fn image_digest(&self, repository: &str, tag_or_digest: &str) -> Result<Option<String>> {
        self.world.image_digest(repository, tag_or_digest).await
    }

    async fn network_of_service(&self, cluster: &str, service: &str) -> Result<Network> {
        let make = async || self.world.network_of_service(cluster, service).await;
        self.rates.keep(Call::DESCRIBE_SERVICES, make).await
    }

    async fn resources_by_tag(&self, kind: NetworkResource, key: &str, pattern: &str) -> Result<Vec<String>> {
        self.world.resources_by_tag(kind, key, pattern).await
    }

    async fn list_tasks(&self, cluster: &str, family: &str, wanted: DesiredStatus) -> Result<Vec<String>> {
        let make = async || self.world.list_tasks(cluster, family, wanted).await;
        self.rates.keep(Call::LIST_TASKS, make).await
    }

    async fn describe_tasks(&self, cluster: &str, arns: &[String]) -> Result<Vec<Task>> {
        let batches = arns.chunks(DESCRIBE_TASKS_BATCH).map(async |batch| {
            let make = async || self.world.describe_tasks(cluster, batch).await;
            self.rates.keep(Call::DESCRIBE_TASKS, make).await
        });
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    async fn log_page(&self, stream: &LogStream, token: Option<&str>) -> Result<LogPage> {
        let make = async || {
            let _one = self.log_pages.acquire().await;
            self.world.log_page(stream, token).await
        };
        self.rates.keep(Call::GET_LOG_EVENTS, make).await
    }

    async fn filter_log_events(
        &self,
        group: &LogGroup,
        since: i64,
        token: Option<&str>,
    ) -> Result<FilterPage> {
        let make = async || self.world.filter_log_events(group, since, token).await;
        self.rates.keep(Call::FILTER_LOG_EVENTS, make).await
    }
}

impl<W: Writes> Writes for Throttled<W> {
    async fn build_and_push(
        &self,
        build: &DockerBuild,
        to: &ImageTag,
        progress: &Progress,
    ) -> Result<String> {
        self.world.build_and_push(build, to, progress).await
    }

    async fn package_and_push(
        &self,
        binary: &BinaryImage,
        to: &ImageTag,
        progress: &Progress,
    ) -> Result<String> {
        self.world.package_and_push(binary, to, progress).await
    }

    async fn register_task_definition(&self, document: &Value) -> Result<String> {
        let make = async || self.world.register_task_definition(document).await;
        self.rates.keep(Call::REGISTER_TASK_DEFINITION, make).await
    }

    async fn run_task(&self, request: &RunTask) -> Result<Launch> {
        self.rates.keep(Call::RUN_TASK, async || self.world.run_task(request).await).await
    }

    async fn stop_task(&self, cluster: &str, arn: &str, reason: &str) -> Result<()> {
        self.rates.keep(Call::STOP_TASK, async || self.world.stop_task(cluster, arn, reason).await).await
    }
}
