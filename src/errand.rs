//! Errands: one-off tasks that are not migrations. A limited number runs at a time, and each is followed to its end.
//!
//! [`crate::steps::task`] runs the tasks. What they print, and what that means, is for their [`Client`] to judge.

use std::cell::Cell;

use tokio::time::Instant;

use self::hearing::Hearing;
use crate::choices::{Leftover, Proof};
use crate::database_name::{DatabaseName, short_list};
use crate::diagnosis::{Diagnosis, LastLines, diagnose, diagnose_refusal};
use crate::ending::Ending;
use crate::failure::Failure;
use crate::plan::log_stream;
use crate::ports::{LogGroup, LogStream, RunTask, Task, TaskWorld};
use crate::progress::{Progress, TaskPhase};
use crate::session::Session;
use crate::steps::task::follow::{End, FollowedContainer, Stop, Until, left_running, may_run_on};
use crate::steps::task::lanes::{Lane, in_lanes};
use crate::steps::task::launch::{Launched, Owner, RunTaskCall};
use crate::steps::task::{Patience, Tasks};
use crate::task_definition::TaskDefinition;
use crate::verdict::{Asked, ContainerEnd, container_end};

mod hearing;

/// A one-off task that is to run.
#[derive(Debug, Clone)]
pub(crate) struct Errand {
    /// The databases that it is about, by which progress shows it; empty for one that is about none.
    pub databases: Vec<DatabaseName>,
    pub request: RunTask,
    /// Its place in the order in which tasks start.
    pub place: usize,
}

/// How the errands of a run are run.
pub(crate) struct Terms<'a> {
    /// The revision that their tasks run: it says which containers log where and end the task.
    pub definition: &'a TaskDefinition,
    /// The container that is followed: its command is the errand's.
    pub container: &'a str,
    pub cluster: &'a str,
    /// The cluster's region.
    pub region: &'a str,
    /// `lanes` tasks run at a time.
    pub patience: Patience,
    pub on_timeout: Leftover,
    pub on_cancel: Leftover,
    /// Where the logs of all tasks are read together. A client that gets lines this way may have to begin again.
    /// Without it, each line comes once.
    pub fleet_log: Option<LogGroup>,
}

/// The owner of errands. It is called while they run, from one thread.
pub(crate) trait Client {
    /// Says why no further task starts; none while one may.
    fn nothing_starts(&self) -> Option<String> {
        None
    }

    /// Hears that a task has started. `log` is the stream of its log; none when that is not in CloudWatch Logs.
    fn started(&self, errand: &Errand, task: &Task, log: Option<&LogStream>);

    /// Takes a line that the container has printed, without its end; `timestamp_ms` since the Unix epoch, as
    /// CloudWatch Logs has it. The line is text from outside.
    fn line(&self, errand: &Errand, timestamp_ms: i64, line: &str);

    /// Hears that some lines have come, and that the next ones may take a while.
    fn page_ended(&self, errand: &Errand);

    /// Tells whether the task has printed all that is expected of it, so that the end of its log need not be waited
    /// for.
    fn has_heard_all(&self, _errand: &Errand) -> bool {
        false
    }

    /// Hears that the log is read again, from its head.
    fn begin_again(&self, _errand: &Errand) {}

    /// Hears that the log could not be read, for now or at all.
    fn unreadable(&self, errand: &Errand, failure: Failure);

    /// Hears how the errand has ended.
    fn ended(&self, errand: &Errand, end: ErrandEnd);

    /// Takes a sentence that is worth saying once.
    fn note(&self, text: String);
}

/// What became of an errand.
pub(crate) enum ErrandEnd {
    /// No task was started, unless `may_run`: then an earlier try of RunTask was not answered. `failure` is that of the
    /// call itself.
    Refused { reason: String, failure: Option<Failure>, diagnosis: Option<Diagnosis>, may_run: bool },
    /// No task was started, because the client said so.
    NotRun { why: String },
    /// The run was interrupted before a task was known; `may_run` where RunTask had not answered.
    Interrupted { may_run: bool },
    /// A task was started, and followed.
    Followed(Box<Followed>),
}

/// A task that was followed.
pub(crate) struct Followed {
    pub task: Task,
    pub end: End,
    /// How its container has ended, as far as ECS said last.
    pub container: ContainerEnd,
    pub ending: Ending,
    /// The last lines of its container.
    pub last: LastLines,
    /// Whether its log stream was read for long enough and held no line, or does not exist.
    pub is_silent: bool,
    /// Whether its log is in CloudWatch Logs.
    pub has_log: bool,
}

impl Followed {
    /// Finds the cause of an end that is not a success, as far as ECS and the last lines show it.
    pub(crate) fn diagnosis(&self, container: &str) -> Option<Diagnosis> {
        diagnose(&self.task, container, &self.last)
    }
}

/// The errands of a run.
pub(crate) struct Errands<'a, W, C> {
    terms: Terms<'a>,
    client: &'a C,
    progress: &'a Progress,
    /// The name by which progress shows an errand that is about no database.
    unnamed: Vec<DatabaseName>,
    tasks: Tasks<'a, W>,
    essential: Vec<String>,
    followed: FollowedContainer,
}

impl<'a, W: TaskWorld, C: Client> Errands<'a, W, C> {
    pub(crate) fn new<R>(mut terms: Terms<'a>, session: &Session<'a, &'a W, R>, client: &'a C) -> Self {
        let tasks = Tasks::new(session.world, terms.cluster, session.interrupt, terms.patience);
        let part = terms.definition.part(terms.container).unwrap_or_default();
        let essential = terms.definition.essential_beside(terms.container);
        Self {
            progress: session.progress,
            unnamed: "task".parse().into_iter().collect(),
            tasks: tasks.with_fleet_log(terms.fleet_log.take()),
            followed: FollowedContainer {
                name: terms.container.to_owned(),
                is_only_essential: part.is_essential && essential.is_empty(),
                part,
                is_ours: true,
            },
            essential,
            client,
            terms,
        }
    }

    /// Runs all of them, in their order. The client hears of each end; an interrupt stops their tasks.
    pub(crate) async fn run(&self, errands: Vec<Errand>) {
        let all = in_lanes(self.terms.patience.lanes.max(1), errands, |errand, lane| self.one(errand, lane));
        let note = |why| self.client.note(format!("the logs of all tasks are read one by one: {why}"));
        tokio::select! {
            () = all => {}
            () = self.tasks.run(note) => {}
        }
    }

    async fn one(&self, errand: Errand, lane: Lane) -> Vec<Errand> {
        let end = match self.client.nothing_starts() {
            _ if self.tasks.is_interrupted() => ErrandEnd::Interrupted { may_run: false },
            Some(why) => ErrandEnd::NotRun { why },
            None => self.start(&errand, lane).await,
        };
        self.client.ended(&errand, end);
        Vec::new()
    }

    async fn start(&self, errand: &Errand, lane: Lane) -> ErrandEnd {
        self.phase(errand, TaskPhase::Queued);
        let call = RunTaskCall { request: errand.request.clone(), unanswered: false, place: errand.place };
        match self.tasks.launch(call, &Starting { client: self.client, errand }).await {
            Launched::Task(task) => ErrandEnd::Followed(Box::new(self.follow(errand, *task, lane).await)),
            Launched::Refused { reason, failure, may_run } => {
                let said = reason.strip_prefix("RunTask: ").unwrap_or(&reason);
                let diagnosis = failure.is_none().then(|| diagnose_refusal(said));
                ErrandEnd::Refused { reason, failure, diagnosis, may_run }
            }
            Launched::Hindered(never) => match never {},
            Launched::Interrupted => ErrandEnd::Interrupted { may_run: false },
            Launched::Unanswered => ErrandEnd::Interrupted { may_run: true },
        }
    }

    fn phase(&self, errand: &Errand, phase: TaskPhase) {
        let is_named = !errand.databases.is_empty();
        self.progress.task_phase(if is_named { &errand.databases } else { &self.unnamed }, phase);
    }

    async fn follow(&self, errand: &Errand, task: Task, lane: Lane) -> Followed {
        let Terms { patience, on_timeout, on_cancel, cluster, .. } = self.terms;
        let until = Until { deadline: Instant::now() + patience.timeout, on_timeout, on_cancel };
        let stream = log_stream(self.terms.definition, Some(self.terms.region), self.terms.container, &task);
        self.client.started(errand, &task, stream.as_ref());
        let has_log = stream.is_some();
        let lane = Cell::new(lane);
        let when_ended = |task: &Task| {
            // The rest of its log is read while the next task starts, unless its end may keep that one from starting.
            let own = task.container(self.terms.container);
            if patience.lanes > 1 && own.and_then(|own| own.exit_code) == Some(0) {
                lane.take();
            }
        };
        let hearing = Hearing::new(self, errand, &when_ended);
        let mut following = self.tasks.following(task, stream, self.followed.clone(), hearing);
        let end = self.tasks.follow(&mut following, until).await;
        let of = errand.name();
        if let Some(note) = end.not_stopped(&following.task, &of) {
            self.client.note(note);
        }
        if let Some(why) = following.runs_on() {
            self.client.note(may_run_on(cluster, &following.task, &of, why));
        }
        if matches!(end, End::Interrupted(Stop::Left)) {
            self.client.note(left_running(cluster, &following.task));
        }
        let ending = following.ending();
        let Hearing { last, is_silent, .. } = following.listener;
        let container = container_end(&self.asked(), &following.task, !last.is_empty());
        Followed { task: following.task, end, container, ending, last, is_silent, has_log }
    }

    /// Returns what is asked of each task; nothing here depends on a proof.
    fn asked(&self) -> Asked<'_> {
        Asked {
            container: self.terms.container,
            image_digest: None,
            is_essential: self.followed.part.is_essential,
            essential: &self.essential,
            proof: Proof::Report,
        }
    }
}

impl Errand {
    /// Returns what notes call it.
    pub(crate) fn name(&self) -> String {
        if self.databases.is_empty() { "the command".to_owned() } else { short_list(&self.databases) }
    }
}

/// An errand while its task is launched. Nothing hinders it: it is not a migration.
struct Starting<'e, C> {
    client: &'e C,
    errand: &'e Errand,
}

impl<C: Client> Owner for Starting<'_, C> {
    type Hindrance = std::convert::Infallible;

    async fn hindrance(&self) -> Option<Self::Hindrance> {
        None
    }

    fn intends(&self, _request: &RunTask) -> Result<(), Failure> {
        Ok(())
    }

    fn launched(&self, _token: &str, _arn: &str) {}

    fn refused(&self, _token: &str) {}

    fn waited(&self, _reason: Option<&str>, _since: Instant) {}

    fn note(&self, text: String) {
        self.client.note(text);
    }

    fn left_unanswered(&self) {
        self.client.note(format!(
            "RunTask for {} did not answer before the run ended: a task with startedBy {} may run",
            self.errand.name(),
            self.errand.request.started_by
        ));
    }
}
