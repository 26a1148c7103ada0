//! Fargate as one container lives on it, and CloudWatch Logs behind it: they behave, they are no scripts.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use crate::ports::{Container, ContainerOverride, Overrides, Task};

mod calls;

pub(super) const START: Duration = Duration::from_secs(40);
/// Between a container's exit and the first answer that shows it.
pub(super) const SHOWN: Duration = Duration::from_secs(10);
/// Between a container's exit and the end of its task.
pub(super) const END: Duration = Duration::from_secs(25);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const NO_VCPUS: &str = "You’ve reached the limit on the number of vCPUs you can run concurrently";
/// What the step registers.
pub(super) const REVISION: &str =
    "arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-migration-task:3";
/// How late a late line is.
const LATE: Duration = Duration::from_secs(15);
/// Events of a page.
const PAGE: usize = 500;
const NO_CAPACITY: &str =
    "Capacity is unavailable at this time. Please try again later or in a different availability zone";

/// When an answer of ECS has the exit code of a container that has exited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExitCode {
    /// With all else of its end.
    Shown,
    /// At once, before the task is told to stop.
    Early,
    /// When the task is STOPPED.
    Late,
    Never,
}

/// Forty seconds to start, `run` to run, ten until its exit shows, 25 to end, and a line now and then.
pub(super) struct Fargate {
    pub run: Duration,
    pub exit_code: ExitCode,
    /// What ECS says of when a container has exited; none for the truth.
    pub execution_stopped_at: Option<Timestamp>,
    /// Whose task runs for longer.
    pub slow: Option<(&'static str, Duration)>,
    /// Databases whose container ends with exit code 1.
    pub failing: Vec<String>,
    /// Databases that end every container that comes to them, with this exit code.
    pub poison: HashMap<String, i32>,
    /// So many tasks, from the first one on, lose their Spot capacity half-way.
    pub doomed: usize,
    /// Lines, and when they come after the container's start; `%` stands for the database.
    pub lines: Vec<(Duration, String)>,
    /// GetLogEvents names another page for ever, behind all that there is.
    pub endless_log: bool,
    /// How long a line takes into CloudWatch Logs.
    pub log_delay: Duration,
    /// DescribeTasks knows a task only after this long.
    pub unknown_for: Duration,
    /// From when to when DescribeTasks fails, counted from RunTask.
    pub blind: (Duration, Duration),
    /// A task that DescribeTasks does not know any more from this age on, while ListTasks does.
    pub hidden: Option<(&'static str, Duration)>,
    /// Tasks that the account's vCPUs are enough for.
    pub slots: usize,
    /// A subnet whose zone has no capacity: it is refused when it is named first.
    pub dry_subnet: Option<String>,
    pub tasks: RefCell<HashMap<String, Life>>,
    pub stopped: RefCell<HashMap<String, Instant>>,
    /// Another container, an essential one, runs on when the migration container has ended.
    pub serves: bool,
    /// How long a container goes on after StopTask.
    pub stop_timeout: Duration,
    /// StopTask is carried out, and its answer does not come.
    pub stops_in_silence: bool,
    pub stop_denied: bool,
    pub lists: Cell<usize>,
    pub list_denied: bool,
    /// From when to when ListTasks fails, counted from the beginning.
    pub unlisted: (Duration, Duration),
    /// A task that DescribeTasks knows only after this long.
    pub strange: Option<(&'static str, Duration)>,
    /// What revisions name in DATABASE_NAME.
    pub own_database: Option<&'static str>,
    pub definitions_denied: bool,
    pub definitions_read: Cell<usize>,
    pub describes: Cell<usize>,
    pub log_reads: Cell<usize>,
    pub filters: Cell<usize>,
    pub filter_denied: bool,
    /// Pages of FilterLogEvents that hold events of others, before those with ours, and since when.
    pub foreign: (usize, Duration),
    /// Lines (by database and number) that FilterLogEvents shows later than those after them.
    pub late: Vec<(String, usize)>,
    pub epoch: Instant,
    pub epoch_ms: i64,
    /// So many RunTask calls are throttled, from the first one on.
    pub throttled: usize,
    /// The client tokens of all RunTask calls.
    pub tokens: RefCell<Vec<String>>,
    /// RunTask calls, refused ones included.
    pub runs: Cell<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Life {
    /// What its container was told.
    pub databases: Vec<String>,
    /// It was told a list.
    pub packed: bool,
    /// How many tasks were started before it.
    pub number: usize,
    pub since: Instant,
    pub started_by: String,
    /// What else it was told.
    pub command: Option<Vec<String>>,
    pub further: Vec<(String, String)>,
    /// It has no overrides: its revision tells it its database.
    pub untold: bool,
}

impl Life {
    pub(super) fn of(databases: &[&str], packed: bool) -> Self {
        let databases = databases.iter().map(|&name| name.to_owned()).collect();
        let started_by = "fargate-migrate/gha-1-1-migrate".to_owned();
        Self {
            databases,
            packed,
            number: usize::MAX,
            since: Instant::now(),
            started_by,
            command: None,
            further: Vec::new(),
            untold: false,
        }
    }
}

/// A container that did not come to its own end: what it had reported on by then, and what ECS says.
struct Death {
    reported: usize,
    exit_code: i32,
    stop_code: &'static str,
}

impl Fargate {
    pub(super) fn running_for(run: Duration) -> Self {
        Self {
            run,
            exit_code: ExitCode::Shown,
            execution_stopped_at: None,
            slow: None,
            failing: Vec::new(),
            poison: HashMap::new(),
            doomed: 0,
            lines: vec![(run, report("%"))],
            endless_log: false,
            log_delay: SECOND,
            unknown_for: Duration::ZERO,
            blind: (Duration::ZERO, Duration::ZERO),
            hidden: None,
            slots: usize::MAX,
            dry_subnet: None,
            tasks: RefCell::default(),
            stopped: RefCell::default(),
            serves: false,
            stop_timeout: Duration::ZERO,
            stops_in_silence: false,
            stop_denied: false,
            lists: Cell::default(),
            list_denied: false,
            unlisted: (Duration::ZERO, Duration::ZERO),
            strange: None,
            own_database: None,
            definitions_denied: false,
            definitions_read: Cell::default(),
            describes: Cell::default(),
            log_reads: Cell::default(),
            filters: Cell::default(),
            filter_denied: false,
            foreign: (0, Duration::ZERO),
            late: Vec::new(),
            epoch: Instant::now(),
            epoch_ms: Timestamp::now().as_millisecond(),
            throttled: 0,
            tokens: RefCell::default(),
            runs: Cell::default(),
        }
    }

    pub(super) fn task(&self, arn: &str) -> Option<Task> {
        let life = self.tasks.borrow().get(arn)?.clone();
        let since = life.since.elapsed();
        let killed = self.stopped.borrow().get(arn).map(|at| at.elapsed());
        let started = since >= START;
        let own_end = since.checked_sub(START + self.run_of(&life));
        // Of StopTask, after the time that it leaves.
        let killed_end = killed.and_then(|ago| ago.checked_sub(self.stop_timeout));
        // The migration container's, and the task's.
        let exit = own_end.max(killed_end);
        let end = if self.serves { killed_end } else { exit };
        let shows = |ago: Option<Duration>| ago.is_some_and(|ago| ago >= SHOWN);
        let stopped = end.is_some_and(|ago| ago >= END);
        // Of the migration container itself, and not of the task.
        let ended_before = own_end.is_some() && own_end > killed;
        let over = shows(end);
        let is_told = over || killed.is_some();
        let status = match (stopped, over, is_told) {
            (true, ..) => "STOPPED",
            (_, true, _) => "DEPROVISIONING",
            (.., true) => "STOPPING",
            _ if started => "RUNNING",
            _ => "PROVISIONING",
        };
        let code_shows = match self.exit_code {
            ExitCode::Shown => shows(exit) || stopped,
            ExitCode::Early => exit.is_some(),
            ExitCode::Late => stopped,
            ExitCode::Never => false,
        };
        let death = self.death(&life);
        let exit_code = match &death {
            _ if !ended_before => 143,
            Some(death) => death.exit_code,
            None => i32::from(life.databases.iter().any(|database| self.failing.contains(database))),
        };
        let ran = own_end.map_or_else(|| since.saturating_sub(exit.unwrap_or_default()), |ago| since - ago);
        Some(Task {
            arn: arn.to_owned(),
            last_status: status.into(),
            desired_status: if is_told { "STOPPED" } else { "RUNNING" }.into(),
            stop_code: is_told.then(|| match (killed, &death) {
                (Some(ago), _) if !shows(end.and_then(|end| end.checked_sub(ago))) => "UserInitiated".into(),
                (_, Some(death)) => death.stop_code.into(),
                (_, None) => "EssentialContainerExited".into(),
            }),
            stopped_reason: over.then(|| "Essential container in task exited".into()),
            containers: vec![Container {
                name: "migration".into(),
                is_stopped: shows(exit) || code_shows,
                exit_code: code_shows.then_some(exit_code),
                ..Container::default()
            }],
            created_at: Some(Timestamp::UNIX_EPOCH),
            started_at: started.then(|| Timestamp::UNIX_EPOCH + START),
            execution_stopped_at: over
                .then(|| self.execution_stopped_at.unwrap_or(Timestamp::UNIX_EPOCH + ran)),
            task_definition: Some(REVISION.to_owned()),
            started_by: Some(life.started_by.clone()),
            overrides: Some(if life.untold { Overrides::default() } else { told(&life) }),
            ..Task::default()
        })
    }

    fn run_of(&self, life: &Life) -> Duration {
        let is_slow = |slow: &(&str, Duration)| life.databases.iter().any(|name| name == slow.0);
        self.slow.filter(is_slow).map_or(self.run, |(_, run)| run)
    }

    /// When each line comes, counted from the container's start, and of which database it is.
    fn lines_of(&self, life: &Life) -> Vec<(Duration, String, String)> {
        let of = |database: &String| {
            let failed = life.packed && self.failing.contains(database);
            let lines = self.lines.iter().map(move |(at, line)| {
                let line = if failed && *line == report("%") { failed_report() } else { line.clone() };
                (*at, database.clone(), line.replace('%', database))
            });
            lines.collect::<Vec<_>>()
        };
        let reported = self.death(life).map_or(life.databases.len(), |death| death.reported);
        let mut lines: Vec<_> = life.databases[..reported].iter().flat_map(of).collect();
        lines.sort_by_key(|(at, ..)| *at);
        lines
    }

    fn death(&self, life: &Life) -> Option<Death> {
        if life.number < self.doomed {
            let reported = life.databases.len() / 2;
            return Some(Death { reported, exit_code: 143, stop_code: "SpotInterruption" });
        }
        let mut names = life.databases.iter().enumerate();
        let (reported, exit_code) = names.find_map(|(at, name)| Some((at, *self.poison.get(name)?)))?;
        Some(Death { reported, exit_code, stop_code: "EssentialContainerExited" })
    }

    /// How many tasks were started for each database.
    pub(super) fn tasks_of(&self, database: &str) -> usize {
        let tasks = self.tasks.borrow();
        tasks.values().filter(|life| life.databases.iter().any(|name| name == database)).count()
    }

    /// When each database's task was started, counted from the first one.
    pub(super) fn started(&self) -> HashMap<String, Duration> {
        let tasks = self.tasks.borrow();
        let first = tasks.values().map(|life| life.since).min();
        let starts = tasks.values().flat_map(|life| life.databases.iter().map(|name| (name, life.since)));
        starts.filter_map(|(name, since)| Some((name.clone(), since - first?))).collect()
    }

    fn under_way(&self) -> usize {
        let arns: Vec<String> = self.tasks.borrow().keys().cloned().collect();
        arns.iter().filter_map(|arn| self.task(arn)).filter(|task| !task.is_stopped()).count()
    }
}

/// The overrides that tell a task its databases.
fn told(life: &Life) -> Overrides {
    let mut environment = match life.packed {
        true => vec![
            ("DATABASE_NAME".to_owned(), String::new()),
            ("DATABASE_NAMES".to_owned(), json!(life.databases).to_string()),
        ],
        false => vec![("DATABASE_NAME".to_owned(), life.databases.concat())],
    };
    environment.extend(life.further.iter().cloned());
    let name = "migration".to_owned();
    let container = ContainerOverride {
        name,
        command: life.command.clone(),
        environment,
        ..ContainerOverride::default()
    };
    Overrides { containers: vec![container], task_role: None }
}

pub(super) fn report(database: &str) -> String {
    json!({"migration_report": {"version": 1, "database": database, "applied": [], "pending": 0, "current": "1"}})
        .to_string()
}

fn failed_report() -> String {
    json!({"migration_report": {"version": 1, "database": "%", "pending": 1,
        "failed": {"version": "2", "name": "add_orders", "error": "relation already exists"}}})
    .to_string()
}
