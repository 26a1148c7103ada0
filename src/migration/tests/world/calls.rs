//! The calls of a migration, as this Fargate answers them.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio::time::Instant;

use super::*;
use crate::failure::{Failure, Recourse};
use crate::plan::tests::document;
use crate::ports::{
    BinaryImage, DefinitionReads, DefinitionWrites, DesiredStatus, DockerBuild, FilterPage, ImagePlatform,
    ImageProgress, ImageReads, ImageTag, ImageWrites, Launch, LogEvent, LogGroup, LogPage, LogReads,
    LogStream, Lookup, Repository, RepositoryName, RunTask, StoredImage, StreamEvent, TaskReads, TaskStatus,
    TaskWrites,
};
use crate::witness::image::{StoredContent, WithWitness};
impl DefinitionWrites for Fargate {
    async fn register_task_definition(&self, _: &Value) -> Result<String> {
        Ok(REVISION.into())
    }
}

impl DefinitionReads for Fargate {
    async fn describe_task_definition(&self, name: &str) -> Result<Option<Value>> {
        self.definitions_read.set(self.definitions_read.get() + 1);
        anyhow::ensure!(!self.definitions_denied, "access denied");
        let mut document = document();
        document["taskDefinition"]["taskDefinitionArn"] = name.into();
        if let Some(own) = self.own_database {
            let variables = &mut document["taskDefinition"]["containerDefinitions"][0]["environment"];
            variables.as_array_mut().expect("a list").push(json!({"name": "DATABASE_NAME", "value": own}));
        }
        Ok(Some(document))
    }

    async fn task_definition_families_like(&self, _: &str) -> Result<Vec<String>> {
        unimplemented_here()
    }
}

impl ImageReads for Fargate {
    async fn repository(&self, _: &RepositoryName) -> Result<Lookup<Repository>> {
        unimplemented_here()
    }

    async fn repositories_beside(&self, _: &RepositoryName) -> Result<Vec<String>> {
        unimplemented_here()
    }

    async fn pull_through_prefixes(&self, _: &RepositoryName) -> Result<Lookup<Vec<String>>> {
        unimplemented_here()
    }

    async fn image_content(&self, _: &Repository, _: &str, _: &ImagePlatform) -> Result<StoredContent> {
        unimplemented_here()
    }

    async fn image_tags(&self, _: &RepositoryName, _: &str) -> Result<Vec<String>> {
        panic!("no migration asks for tags")
    }

    async fn stored_image(&self, _: &RepositoryName, _: &str) -> Result<Lookup<Option<StoredImage>>> {
        unimplemented_here()
    }
}

impl ImageWrites for Fargate {
    async fn build_and_push(&self, _: &DockerBuild, _: &ImageTag, _: &dyn ImageProgress) -> Result<String> {
        unimplemented_here()
    }

    async fn push_with_witness(
        &self,
        _: &WithWitness,
        _: &ImageTag,
        _: &dyn ImageProgress,
    ) -> Result<String> {
        unimplemented_here()
    }

    async fn package_and_push(&self, _: &BinaryImage, _: &ImageTag, _: &dyn ImageProgress) -> Result<String> {
        unimplemented_here()
    }
}

impl TaskReads for Fargate {
    async fn check_cluster(&self, _: &str) -> Result<()> {
        unimplemented_here()
    }

    async fn list_tasks(&self, _: &str, _: &str, wanted: DesiredStatus) -> Result<Vec<String>> {
        self.lists.set(self.lists.get() + 1);
        anyhow::ensure!(!self.list_denied, "access denied");
        if (self.unlisted.0..self.unlisted.1).contains(&self.epoch.elapsed()) {
            return Err(Failure::service("list tasks: no answer").transient().into());
        }
        let arns: Vec<String> = self.tasks.borrow().keys().cloned().collect();
        let is_wanted =
            |task: &Task| (task.desired_status == TaskStatus::Stopped) == (wanted == DesiredStatus::Stopped);
        let tasks = arns.iter().filter_map(|arn| self.task(arn)).filter(is_wanted);
        Ok(tasks.map(|task| task.arn).collect())
    }

    async fn describe_tasks(&self, _: &str, arns: &[String]) -> Result<Vec<Task>> {
        self.describes.set(self.describes.get() + 1);
        assert!(arns.len() <= 100, "DescribeTasks takes 100");
        let age = |arn: &String| self.tasks.borrow()[arn].since.elapsed();
        if arns.iter().any(|arn| (self.blind.0..self.blind.1).contains(&age(arn))) {
            return Err(Failure::service("describe tasks: no answer").transient().into());
        }
        let is_hidden =
            |arn: &String| self.hidden.is_some_and(|(task, from)| task == arn && age(arn) >= from);
        let is_strange =
            |arn: &String| self.strange.is_some_and(|(task, until)| task == arn && age(arn) < until);
        let is_known = |arn: &&String| age(arn) >= self.unknown_for && !is_hidden(arn) && !is_strange(arn);
        let known = arns.iter().filter(is_known);
        Ok(known.filter_map(|arn| self.task(arn)).collect())
    }
}

impl LogReads for Fargate {
    async fn log_page(&self, stream: &LogStream, token: Option<&str>) -> Result<LogPage> {
        self.log_reads.set(self.log_reads.get() + 1);
        let id = stream.name.rsplit('/').next().unwrap_or_default();
        let arn = format!("arn:aws:ecs:us-east-1:123456789012:task/c/{id}");
        let Some(life) = self.tasks.borrow().get(&arn).cloned() else { return Ok(LogPage::Absent) };
        let since = life.since.elapsed();
        let lines = self.lines_of(&life);
        let there = lines.iter().filter(|(at, ..)| START + *at + self.log_delay <= since).count();
        if there == 0 {
            return Ok(LogPage::Absent);
        }
        let from: usize = token.map_or(Ok(0), str::parse)?;
        if self.endless_log && from >= there {
            tokio::time::sleep(Duration::from_millis(200)).await;
            return Ok(LogPage::Events { events: Vec::new(), next: Some((from + 1).to_string()) });
        }
        let events = lines[from..there].iter();
        let events = events.map(|(.., line)| LogEvent { timestamp: 0, message: line.clone() }).collect();
        Ok(LogPage::Events { events, next: Some(there.to_string()) })
    }

    async fn filter_log_events(
        &self,
        group: &LogGroup,
        since: i64,
        token: Option<&str>,
    ) -> Result<FilterPage> {
        self.filters.set(self.filters.get() + 1);
        anyhow::ensure!(!self.filter_denied, "access denied");
        let epoch = self.epoch;
        let mut events = Vec::new();
        for (arn, life) in self.tasks.borrow().iter() {
            let age = life.since.elapsed();
            for (number, (at, database, line)) in self.lines_of(life).into_iter().enumerate() {
                let late = if self.late.contains(&(database, number)) { LATE } else { Duration::ZERO };
                let written = life.since + START + at;
                let timestamp = self.epoch_ms + i64::try_from(written.duration_since(epoch).as_millis())?;
                if START + at + self.log_delay + late <= age && timestamp >= since {
                    let id = arn.rsplit('/').next().unwrap_or_default();
                    events.push(StreamEvent {
                        stream: format!("{}{id}", group.stream_prefix),
                        id: format!("{id}/{number}"),
                        event: LogEvent { timestamp, message: line },
                    });
                }
            }
        }
        events.sort_by(|a, b| (a.event.timestamp, &a.id).cmp(&(b.event.timestamp, &b.id)));
        // Small pages, and one that is empty in front.
        let page: usize = token.map_or(Ok(0), str::parse)?;
        let foreign = if self.epoch.elapsed() >= self.foreign.1 { self.foreign.0 } else { 0 };
        if page < foreign {
            let event = LogEvent { timestamp: since, message: "of another run".into() };
            let (stream, id) = (format!("{}other", group.stream_prefix), format!("other/{page}"));
            let events = vec![StreamEvent { stream, id, event }];
            return Ok(FilterPage { events, next: Some((page + 1).to_string()) });
        }
        let page = page - foreign;
        let from = page.saturating_sub(1) * PAGE;
        let rest = events.split_off(from.min(events.len()));
        let more = page == 0 || rest.len() > PAGE;
        let events = if page == 0 { Vec::new() } else { rest.into_iter().take(PAGE).collect() };
        Ok(FilterPage { events, next: more.then(|| (foreign + page + 1).to_string()) })
    }
}

impl TaskWrites for Fargate {
    async fn run_task(&self, request: &RunTask) -> Result<Launch> {
        let arn = format!("arn:aws:ecs:us-east-1:123456789012:task/c/{}", &request.client_token[..32]);
        self.runs.set(self.runs.get() + 1);
        self.tokens.borrow_mut().push(request.client_token.clone());
        if self.runs.get() <= self.throttled {
            return Err(Failure::service("run task: throttled").recourse(Recourse::SlowDown).into());
        }
        if !self.tasks.borrow().contains_key(&arn) {
            let refused = |reason: &str| Ok(Launch::Refused { reason: reason.to_owned(), detail: None });
            if self.under_way() >= self.slots {
                return refused(NO_VCPUS);
            }
            if self.dry_subnet.is_some() && self.dry_subnet.as_ref() == request.network.subnets.first() {
                return refused(NO_CAPACITY);
            }
        }
        let told = |name: &str| request.environment.iter().find(|(of, _)| of == name).map(|(_, value)| value);
        let databases = match (told("DATABASE_NAMES"), told("DATABASE_NAME")) {
            (Some(list), Some(one)) if one.is_empty() => serde_json::from_str(list)?,
            (None, Some(one)) => vec![one.clone()],
            other => panic!("a container that is told {other:?}"),
        };
        let packed = told("DATABASE_NAMES").is_some();
        let number = self.tasks.borrow().len();
        let started_by = request.started_by.clone();
        let is_further = |(name, _): &&(String, String)| !name.starts_with("DATABASE_NAME");
        let further = request.environment.iter().filter(is_further).cloned().collect();
        let command = request.command.clone();
        let life = Life {
            databases,
            packed,
            number,
            since: Instant::now(),
            started_by,
            command,
            further,
            untold: false,
        };
        self.tasks.borrow_mut().entry(arn.clone()).or_insert(life);
        Ok(Launch::Started(Box::new(self.task(&arn).expect("just started"))))
    }

    async fn stop_task(&self, _: &str, arn: &str, _: &str) -> Result<()> {
        anyhow::ensure!(!self.stop_denied, "access denied");
        self.stopped.borrow_mut().insert(arn.to_owned(), Instant::now());
        if self.stops_in_silence {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// Migrating asks for tasks and logs only; a call beyond that fails the test.
fn unimplemented_here<T>() -> Result<T> {
    anyhow::bail!("the migrate step has no business with this call")
}
