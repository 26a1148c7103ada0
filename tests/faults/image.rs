//! What the image does with each database.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use sandbox::{Script, TaskContext};
use serde_json::json;

use crate::databases::{Databases, Work};

/// What is not one of the fleet.
pub const ELSEWHERE: &str = "production";

/// What a container does with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    Migrates,
    Fails,
    Hangs,
    /// It exits with 0, and its report says that migrations are pending.
    Lies,
    /// It is connected to a database that is not the one it was told.
    WrongDatabase,
    NoReport,
    /// The second report says that a migration is pending.
    TwoReports,
    /// The container is killed after the report.
    ReportThenDeath,
    /// It hangs, and SIGTERM does not end it.
    IgnoresSigterm,
    /// Its report breaks off in the middle of the line.
    CutReport,
}

pub const BEHAVIOURS: [Behaviour; 10] = [
    Behaviour::Migrates,
    Behaviour::Fails,
    Behaviour::Hangs,
    Behaviour::Lies,
    Behaviour::WrongDatabase,
    Behaviour::NoReport,
    Behaviour::TwoReports,
    Behaviour::ReportThenDeath,
    Behaviour::IgnoresSigterm,
    Behaviour::CutReport,
];

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Migrates => "migrates",
            Self::Fails => "fails",
            Self::Hangs => "hangs",
            Self::Lies => "exits with 0 with migrations pending",
            Self::WrongDatabase => "works on another database",
            Self::NoReport => "prints no report",
            Self::TwoReports => "prints two reports that contradict each other",
            Self::ReportThenDeath => "reports and is killed",
            Self::IgnoresSigterm => "hangs and ignores SIGTERM",
            Self::CutReport => "prints half a report",
        })
    }
}

/// A database of the fleet, and what its migration does: at first, and in every later task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub name: String,
    pub first: Behaviour,
    pub later: Behaviour,
    /// Seconds.
    pub takes: u64,
    /// Numbered lines, half of them before its work.
    pub lines: usize,
}

impl Database {
    pub fn of(number: usize, badness: u8, dice: &mut Rng) -> Self {
        let draw = |dice: &mut Rng| match dice.u8(..100) < badness {
            true => BEHAVIOURS[dice.usize(..BEHAVIOURS.len())],
            false => Behaviour::Migrates,
        };
        let first = draw(dice);
        let later = if dice.bool() { first } else { draw(dice) };
        let lines = if dice.u8(..40) == 0 { dice.usize(300..1500) } else { dice.usize(1..9) };
        let takes = if dice.u8(..4) == 0 { dice.u64(20..65) } else { dice.u64(0..20) };
        Self { name: format!("tenant_{number:02}"), first, later, takes, lines }
    }
}

fn report(database: &str, pending: u64, ms: u64) -> String {
    json!({"migration_report": {"version": 1, "database": database, "from": "10",
        "applied": [{"version": "11", "name": "orders", "ms": ms}], "pending": pending, "current": "11"}})
    .to_string()
}

/// How a container is told its databases.
fn told(context: &TaskContext) -> (Vec<String>, bool) {
    let variable = |name: &str| context.environment.get(name).filter(|value| !value.is_empty());
    match (variable("DATABASE_NAMES"), variable("DATABASE_NAME")) {
        (Some(list), _) => (serde_json::from_str(list).unwrap_or_default(), true),
        (None, Some(name)) => (vec![name.clone()], false),
        (None, None) => (Vec::new(), false),
    }
}

/// One container of it. Its numbered lines begin with the task's id, so that each is like no other.
pub fn script(fleet: &[Database], into: &Databases, context: &TaskContext) -> Script {
    let (names, is_list) = told(context);
    let unknown = Database {
        name: String::new(),
        first: Behaviour::Fails,
        later: Behaviour::Fails,
        takes: 0,
        lines: 1,
    };
    let parts = names.iter().map(|name| {
        let known = fleet.iter().find(|one| one.name == *name).unwrap_or(&unknown);
        let behaviour = if into.tries(name) == 0 { known.first } else { known.later };
        (name.clone(), known.clone(), behaviour)
    });
    let parts: Vec<_> = parts.collect();
    let work = Arc::new(into.begin(&context.task_id, &names, is_list));
    let mut writing = Writing { script: Script::new(), work, task: context.task_id.clone(), line: 0 };
    let mut exit_code = 0;
    for (name, known, behaviour) in &parts {
        writing = writing.lines(known.lines.div_ceil(2));
        if matches!(behaviour, Behaviour::Hangs | Behaviour::IgnoresSigterm) {
            let Writing { mut script, work, .. } = writing;
            if *behaviour == Behaviour::IgnoresSigterm {
                script = script.ignores_sigterm();
            }
            return script.until_stopped().does(move || drop(work));
        }
        writing.script = writing.script.work(Duration::from_secs(known.takes));
        writing = writing.lines(known.lines / 2);
        let ms = known.takes * 1000;
        match behaviour {
            Behaviour::Migrates => writing = writing.migrates(name).reports(name, 0, ms),
            Behaviour::NoReport => writing = writing.migrates(name),
            Behaviour::Fails => {
                exit_code = 1;
                if is_list {
                    writing = writing.reports(name, 1, ms);
                }
            }
            Behaviour::Lies => writing = writing.reports(name, 1, ms),
            Behaviour::WrongDatabase => writing = writing.migrates(ELSEWHERE).reports(ELSEWHERE, 0, ms),
            Behaviour::TwoReports => writing = writing.reports(name, 0, ms).reports(name, 1, ms),
            Behaviour::CutReport => {
                let whole = report(name, 0, ms);
                writing = writing.migrates(name);
                writing.script = writing.script.line(&whole[..whole.len() - 9]);
            }
            Behaviour::ReportThenDeath => return writing.migrates(name).reports(name, 0, ms).exits(137),
            Behaviour::Hangs | Behaviour::IgnoresSigterm => {}
        }
    }
    writing.exits(exit_code)
}

struct Writing {
    script: Script,
    work: Arc<Work>,
    task: String,
    line: usize,
}

impl Writing {
    fn lines(mut self, count: usize) -> Self {
        let (from, task, work) = (self.line, self.task.clone(), Arc::clone(&self.work));
        self.line += count;
        self.script = self.script.lines((from..from + count).map(move |number| format!("{task} {number}")));
        self.script = self.script.does(move || work.prints(count));
        self
    }

    fn migrates(mut self, database: &str) -> Self {
        let (work, database) = (Arc::clone(&self.work), database.to_owned());
        self.script = self.script.does(move || work.migrates(&database));
        self
    }

    fn reports(mut self, database: &str, pending: u64, ms: u64) -> Self {
        let (work, name) = (Arc::clone(&self.work), database.to_owned());
        self.script =
            self.script.line(report(database, pending, ms)).does(move || work.reports(&name, pending == 0));
        self
    }

    fn exits(self, code: i32) -> Script {
        let Self { script, work, .. } = self;
        script.does(move || work.exits(code)).exit(code)
    }
}
