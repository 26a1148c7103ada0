//! Migrations on a clock that stands still until everybody waits: hours pass in a moment.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Migration;
use crate::cli;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::ports::{
    BinaryImage, Caller, Container, DesiredStatus, DockerBuild, ImageTag, Launch, LogEvent, LogPage,
    LogStream, Network, NetworkResource, Reads, Repository, RunTask, Task, Writes,
};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::report::Report;
use crate::settings::{RunIdentity, Settings};
use crate::steps::image::image;
use crate::steps::observe::{Account, Observed, ObservedImage};
use crate::steps::revision::revision;
use crate::task_definition::TaskDefinition;
use crate::verdict::Verdict;

const START: Duration = Duration::from_secs(40);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Fargate as one container lives on it: forty seconds to start, `run` to run, and a line now and then.
struct Fargate {
    run: Duration,
    exit_code: i32,
    /// Lines, and when they come after the container's start.
    lines: Vec<(Duration, String)>,
    /// How long a line takes into CloudWatch Logs.
    log_delay: Duration,
    /// DescribeTasks knows a task only after this long.
    unknown_for: Duration,
    /// From when to when DescribeTasks fails, counted from RunTask.
    blind: (Duration, Duration),
    tasks: RefCell<HashMap<String, Instant>>,
    stopped: RefCell<HashMap<String, Instant>>,
    /// StopTask is carried out, and its answer does not come.
    stops_in_silence: bool,
    describes: Cell<usize>,
}

impl Fargate {
    fn running_for(run: Duration) -> Self {
        Self {
            run,
            exit_code: 0,
            lines: vec![(run, report("shop"))],
            log_delay: SECOND,
            unknown_for: Duration::ZERO,
            blind: (Duration::ZERO, Duration::ZERO),
            tasks: RefCell::default(),
            stopped: RefCell::default(),
            stops_in_silence: false,
            describes: Cell::default(),
        }
    }

    fn task(&self, arn: &str) -> Option<Task> {
        let since = self.tasks.borrow().get(arn)?.elapsed();
        let killed = self.stopped.borrow().get(arn).copied();
        let started = since >= START;
        let over = killed.is_some() || since >= START + self.run;
        let status = if over {
            "STOPPED"
        } else if started {
            "RUNNING"
        } else {
            "PROVISIONING"
        };
        Some(Task {
            arn: arn.to_owned(),
            last_status: status.into(),
            stop_code: over
                .then(|| if killed.is_some() { "UserInitiated" } else { "EssentialContainerExited" }.into()),
            stopped_reason: over.then(|| "Essential container in task exited".into()),
            containers: vec![Container {
                name: "migration".into(),
                exit_code: over.then_some(if killed.is_some() { 143 } else { self.exit_code }),
                ..Container::default()
            }],
            started_at: started.then(Timestamp::now),
            ..Task::default()
        })
    }
}

fn report(database: &str) -> String {
    json!({"migration_report": {"version": 1, "database": database, "applied": [], "pending": 0, "current": "1"}})
        .to_string()
}

impl Reads for Fargate {
    async fn caller(&self) -> Result<Caller> {
        unimplemented_here()
    }

    async fn describe_task_definition(&self, _: &str) -> Result<Option<Value>> {
        unimplemented_here()
    }

    async fn task_definition_families_like(&self, _: &str) -> Result<Vec<String>> {
        unimplemented_here()
    }

    async fn check_cluster(&self, _: &str) -> Result<()> {
        unimplemented_here()
    }

    async fn repository(&self, _: &str) -> Result<Repository> {
        unimplemented_here()
    }

    async fn image_digest(&self, _: &str, _: &str) -> Result<Option<String>> {
        unimplemented_here()
    }

    async fn network_of_service(&self, _: &str, _: &str) -> Result<Network> {
        unimplemented_here()
    }

    async fn resources_by_tag(&self, _: NetworkResource, _: &str, _: &str) -> Result<Vec<String>> {
        unimplemented_here()
    }

    async fn tasks_of_family(&self, _: &str, _: &str, _: DesiredStatus) -> Result<Vec<Task>> {
        unimplemented_here()
    }

    async fn describe_tasks(&self, _: &str, arns: &[String]) -> Result<Vec<Task>> {
        self.describes.set(self.describes.get() + 1);
        let age = |arn: &String| self.tasks.borrow()[arn].elapsed();
        if arns.iter().any(|arn| (self.blind.0..self.blind.1).contains(&age(arn))) {
            return Err(Failure::service("describe tasks: no answer").transient().into());
        }
        let known = arns.iter().filter(|arn| age(arn) >= self.unknown_for);
        Ok(known.filter_map(|arn| self.task(arn)).collect())
    }

    async fn log_page(&self, stream: &LogStream, token: Option<&str>) -> Result<LogPage> {
        let id = stream.name.rsplit('/').next().unwrap_or_default();
        let tasks = self.tasks.borrow();
        let Some((_, since)) = tasks.iter().find(|(arn, _)| arn.ends_with(id)) else {
            return Ok(LogPage::Absent);
        };
        let since = since.elapsed();
        let there = self.lines.iter().filter(|(at, _)| START + *at + self.log_delay <= since).count();
        if there == 0 {
            return Ok(LogPage::Absent);
        }
        let from: usize = token.map_or(Ok(0), str::parse)?;
        let events = self.lines[from..there]
            .iter()
            .map(|(_, line)| LogEvent { timestamp: 0, message: line.clone() })
            .collect();
        Ok(LogPage::Events { events, next: Some(there.to_string()) })
    }
}

impl Writes for Fargate {
    async fn build_and_push(&self, _: &DockerBuild, _: &ImageTag, _: &Progress) -> Result<String> {
        unimplemented_here()
    }

    async fn package_and_push(&self, _: &BinaryImage, _: &ImageTag, _: &Progress) -> Result<String> {
        unimplemented_here()
    }

    async fn register_task_definition(&self, _: &Value) -> Result<String> {
        Ok("arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-migration-task:3".into())
    }

    async fn run_task(&self, request: &RunTask) -> Result<Launch> {
        let arn = format!("arn:aws:ecs:us-east-1:123456789012:task/c/{}", &request.client_token[..32]);
        self.tasks.borrow_mut().entry(arn.clone()).or_insert_with(Instant::now);
        Ok(Launch::Started(Box::new(self.task(&arn).expect("just started"))))
    }

    async fn stop_task(&self, _: &str, arn: &str, _: &str) -> Result<()> {
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

fn plan(flags: &[&str]) -> Plan {
    let base = ["fargate-migrate", "migrate", "--cluster=c", "--task-definition=t", "--subnets=subnet-1"];
    let arguments = base.iter().chain(flags).map(Into::into).collect();
    let cli::Command::Migrate(flags) =
        cli::parse(arguments, &|_| None, Path::new("/nowhere")).expect("flags").command
    else {
        panic!("migrate")
    };
    let settings = Settings::new(flags, None, RunIdentity::local("test")).expect("settings");
    let document = include_str!("../../../sandbox/fixtures/describe-task-definition.json");
    let document = serde_json::from_str(document).expect("JSON");
    let observed = Observed {
        aws: Some(Account {
            caller: Caller { account: "123456789012".into(), arn: "arn:aws:sts::123456789012:x".into() },
            region: "us-east-1".into(),
        }),
        base: TaskDefinition::from_json(document, "the seed's").expect("a task definition"),
        current: None,
        image: ObservedImage::Reference { reference: "registry.example/app@sha256:0".into(), digest: None },
        network: Network::default(),
        running: Vec::new(),
        finished: Vec::new(),
        notes: Vec::new(),
    };
    Plan::new(&settings, observed).expect("a plan")
}

fn settings_of(plan: &Plan) -> Settings {
    let databases = plan.databases.iter().map(|row| format!("--database={}", row.database));
    let base = ["fargate-migrate", "migrate", "--cluster=c", "--task-definition=t", "--subnets=subnet-1"];
    let arguments = base.iter().map(|flag| (*flag).to_owned()).chain(databases).map(Into::into).collect();
    let cli::Command::Migrate(flags) =
        cli::parse(arguments, &|_| None, Path::new("/nowhere")).expect("flags").command
    else {
        panic!("migrate")
    };
    Settings::new(flags, None, RunIdentity::local("test")).expect("settings")
}

/// Runs the plan to its end; answers the report and how long it took.
async fn migrated(world: &Fargate, plan: &Plan, interrupt: &Interrupt) -> (Report, Duration) {
    let progress = Progress::silent();
    let recorder = Recorder::new(&settings_of(plan), &progress, None);
    let image = image(plan, world, &progress).await.expect("an image");
    let revision = revision(plan, &image, world, &progress).await.expect("a revision");
    let from = Instant::now();
    Migration { plan, revision: &revision, world, progress: &progress, recorder: &recorder, interrupt }
        .run()
        .await;
    (recorder.close(None), from.elapsed())
}

fn verdict(report: &Report) -> &Verdict {
    report.databases[0].verdict.as_ref().expect("a verdict")
}

#[tokio::test(start_paused = true)]
async fn a_migration_of_ninety_minutes_is_waited_for_and_its_end_is_noticed_within_seconds() {
    let world = Fargate::running_for(90 * MINUTE);
    let plan = plan(&["--database=shop", "--timeout=3h"]);
    let (_sender, never) = Interrupt::by_hand();
    let (report, took) = migrated(&world, &plan, &never).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
    let after_the_end = took - (START + 90 * MINUTE);
    assert!(after_the_end <= 3 * SECOND, "{after_the_end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ecs_does_not_know_yet_is_waited_for_and_one_that_it_never_knows_is_lost() {
    for (unknown_for, migrates) in [(90 * SECOND, true), (60 * MINUTE, false)] {
        let world = Fargate { unknown_for, ..Fargate::running_for(5 * MINUTE) };
        let (_sender, never) = Interrupt::by_hand();
        let (report, took) = migrated(&world, &plan(&["--database=shop"]), &never).await;
        assert_eq!(verdict(&report).is_migrated(), migrates, "{report:#?}");
        assert!(took < 10 * MINUTE);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_minutes_is_waited_out_and_a_longer_one_is_said() {
    for (outage, migrates) in [(4 * MINUTE, true), (20 * MINUTE, false)] {
        let world = Fargate { blind: (MINUTE, MINUTE + outage), ..Fargate::running_for(2 * MINUTE) };
        let (_sender, never) = Interrupt::by_hand();
        let (report, _) = migrated(&world, &plan(&["--database=shop"]), &never).await;
        assert_eq!(verdict(&report).is_migrated(), migrates, "{report:#?}");
        if !migrates {
            assert!(matches!(verdict(&report), Verdict::Unproved { why } if why.contains("lost sight")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_arrives_late_is_waited_for_by_default() {
    let world = Fargate { log_delay: 10 * SECOND, ..Fargate::running_for(MINUTE) };
    let (_sender, never) = Interrupt::by_hand();
    let (report, _) = migrated(&world, &plan(&["--database=shop", "--require-report"]), &never).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_late_report_of_another_database_still_counts() {
    let lines = vec![(MINUTE, report("production_default"))];
    let world = Fargate { log_delay: 10 * SECOND, lines, ..Fargate::running_for(MINUTE) };
    let (_sender, never) = Interrupt::by_hand();
    let (report, _) = migrated(&world, &plan(&["--database=shop"]), &never).await;
    assert!(matches!(verdict(&report), Verdict::WrongDatabase { .. }), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_stops_the_task_and_an_interrupt_does_so_at_once() {
    let world = Fargate::running_for(90 * MINUTE);
    let (sender, interrupt) = Interrupt::by_hand();
    let (report, took) = migrated(&world, &plan(&["--database=shop", "--timeout=10m"]), &interrupt).await;
    assert_eq!(verdict(&report), &Verdict::TimedOut { stopped: true });
    assert!(took < 13 * MINUTE, "{took:?}");

    let world = Fargate::running_for(90 * MINUTE);
    let plan = plan(&["--database=shop", "--database=blog", "--max-parallel=2"]);
    let running = migrated(&world, &plan, &interrupt);
    let interrupted = async {
        tokio::time::sleep(5 * MINUTE).await;
        sender.send_replace(true);
    };
    let ((report, took), ()) = tokio::join!(running, interrupted);
    assert!(report.databases.iter().all(|row| row.verdict == Some(Verdict::Cancelled { stopped: true })));
    assert!(took <= 5 * MINUTE + SECOND, "{took:?}");
    assert_eq!(world.stopped.borrow().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_stops_without_an_answer_to_stop_task_is_seen_to_stop() {
    let world = Fargate { stops_in_silence: true, ..Fargate::running_for(90 * MINUTE) };
    let (_sender, never) = Interrupt::by_hand();
    let (report, _) = migrated(&world, &plan(&["--database=shop", "--timeout=10m"]), &never).await;
    assert_eq!(verdict(&report), &Verdict::TimedOut { stopped: true });
    assert!(!report.notes.iter().any(|note| note.contains("may still run")), "{:?}", report.notes);
}

#[tokio::test(start_paused = true)]
async fn one_reader_asks_for_all_tasks_at_once() {
    let world = Fargate { lines: Vec::new(), ..Fargate::running_for(MINUTE) };
    let names: Vec<String> = (0..60).map(|n| format!("tenant_{n}")).collect();
    let plan = plan(&[&format!("--database={}", names.join(",")), "--max-parallel=60"]);
    let (_sender, never) = Interrupt::by_hand();
    let (report, _) = migrated(&world, &plan, &never).await;
    assert_eq!(report.migrated().count(), 60);
    let once_a_second = (START + MINUTE).as_secs() as usize + 20;
    assert!(world.describes.get() <= once_a_second, "{} calls", world.describes.get());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_just_in_time_is_judged_and_not_timed_out() {
    let world = Fargate { log_delay: 10 * SECOND, ..Fargate::running_for(10 * MINUTE - START - SECOND) };
    let (_sender, never) = Interrupt::by_hand();
    let plan = plan(&["--database=shop", "--timeout=10m", "--require-report"]);
    let (report, _) = migrated(&world, &plan, &never).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_while_the_log_is_drained_is_no_proof() {
    for (log_delay, migrates) in [(10 * SECOND, false), (Duration::ZERO, true)] {
        let world = Fargate { log_delay, ..Fargate::running_for(MINUTE) };
        let (sender, interrupt) = Interrupt::by_hand();
        let plan = plan(&["--database=shop"]);
        let running = migrated(&world, &plan, &interrupt);
        let interrupted = async {
            tokio::time::sleep(START + MINUTE + 4 * SECOND).await;
            sender.send_replace(true);
        };
        let ((report, _), ()) = tokio::join!(running, interrupted);
        assert_eq!(verdict(&report).is_migrated(), migrates, "{report:#?}");
        assert_eq!(world.stopped.borrow().len(), 0, "there was nothing left to stop");
    }
}
