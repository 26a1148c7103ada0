//! A day from its beginning to its end: all runs, and what is said against them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use fargate_migrate::interrupt::Interrupt;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::account::{Account, Asked, Ended, simulate};
use crate::databases::Container;
use crate::day::{Day, Event};
use crate::oracle;
use crate::people::{self, Act, Done, Killed, When};
use crate::told;

/// All that was stopped has ended by then.
const LATER: Duration = Duration::from_secs(300);

/// What has become of a day.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is not as it must be, in sentences; empty on a good day.
    pub violations: Vec<String>,
    /// How often each kind was drawn, and how often it has struck.
    pub kinds: BTreeMap<String, (u64, u64)>,
    pub verdicts: BTreeMap<String, u64>,
    pub exit_codes: BTreeMap<i32, u64>,
    pub runs: u64,
    pub killed: u64,
    pub databases: u64,
    pub tasks: u64,
    pub calls: u64,
    /// Simulated.
    pub seconds: f64,
}

/// What the oracle looks at when all is over.
pub struct Over<'a> {
    pub account: &'a Account,
    /// Those of this job and those of others, each to its end.
    pub runs: &'a [Ended],
    /// Runs that were killed.
    pub killed: usize,
    pub containers: &'a [Container],
    pub tasks: &'a [serde_json::Value],
}

/// A run without an end.
struct Endless(String);

/// Lives through the day.
pub fn trial(day: &Day) -> Outcome {
    let lived = catch_unwind(AssertUnwindSafe(|| simulate(day.seed, async || live(day).await)));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
        Outcome { violations: vec![format!("something panicked: {text}")], ..Outcome::default() }
    })
}

async fn live(day: &Day) -> Outcome {
    let account = Account::new(day);
    let done = Done::default();
    let killed = Cell::new(0);
    let runs = tokio::select! {
        biased;
        runs = all_runs(&account, &done, &killed) => runs,
        () = people::act(&account, &done) => unreachable!("it returns never"),
    };
    let mut outcome = Outcome { databases: day.databases.len() as u64, ..Outcome::default() };
    let runs = match runs {
        Ok(runs) => {
            sleep(LATER).await;
            let (containers, tasks) = (account.databases.containers(), account.sandbox.tasks());
            let over = Over {
                account: &account,
                runs: &runs,
                killed: killed.get(),
                containers: &containers,
                tasks: &tasks,
            };
            outcome.violations = oracle::violations(&over);
            runs
        }
        Err(Endless(name)) => {
            outcome.violations.push(format!("{name} has no end within {:?}", day.bound()));
            Vec::new()
        }
    };
    count(&account, &done, &runs, &mut outcome);
    outcome.killed = killed.get() as u64;
    outcome
}

fn count(account: &Account, done: &Done, runs: &[Ended], outcome: &mut Outcome) {
    let struck = account.sandbox.faults().struck();
    let figures = account.sandbox.figures();
    let mut faults = struck.iter();
    let failed: u64 = figures.calls.values().map(|call| call.errors + call.throttled).sum();
    for (index, event) in account.day.events.iter().enumerate() {
        let times = match event.fault(account.day.is_packed()) {
            Some(_) => faults.next().copied().unwrap_or_default().into(),
            None => match event {
                Event::Weather { .. } => failed,
                Event::Neighbour(_) => figures.throttled(),
                Event::ListsLag(_) => figures.tasks.started as u64,
                _ => done.acts.borrow().contains(&index).into(),
            },
        };
        let kind = outcome.kinds.entry(told::kind(event)).or_default();
        *kind = (kind.0 + 1, kind.1 + times);
    }
    for run in runs {
        *outcome.exit_codes.entry(run.exit_code).or_default() += 1;
        for (_, word) in run.verdicts() {
            *outcome.verdicts.entry(word).or_default() += 1;
        }
    }
    outcome.runs = runs.len() as u64;
    outcome.tasks = figures.tasks.started as u64;
    outcome.calls = figures.total_calls();
    outcome.seconds = figures.seconds;
}

/// The runs of this job one after the other, with those of others meanwhile.
async fn all_runs(account: &Account, done: &Done, killed: &Cell<usize>) -> Result<Vec<Ended>, Endless> {
    let others = account.day.events.iter().enumerate().filter_map(|(index, event)| match event {
        Event::Person(act @ Act::AnotherRun { .. }) => Some(another(account, done, index, act)),
        _ => None,
    });
    let others = futures::future::try_join_all(others);
    let (ours, others) = tokio::join!(ours(account, done, killed), others);
    let mut runs = ours?;
    runs.extend(others?);
    Ok(runs)
}

async fn another(account: &Account, done: &Done, index: usize, act: &Act) -> Result<Ended, Endless> {
    let Act::AnotherRun { after, every, on_running, lanes, packing } = act else {
        unreachable!("the caller has looked")
    };
    sleep(*after).await;
    done.acts.borrow_mut().push(index);
    let names = account.day.databases.iter().rev().step_by(*every).map(|one| one.name.clone());
    let asked = Asked {
        name: format!("{}", 900 + index),
        is_ours: false,
        databases: names.collect(),
        flags: vec![
            format!("--max-parallel={lanes}"),
            format!("--databases-per-task={packing}"),
            format!("--on-running={on_running}"),
            format!("--timeout={}s", account.day.how.timeout.as_secs()),
            "--keep-going".into(),
        ],
    };
    let name = asked.name.clone();
    let (_sender, interrupt) = Interrupt::by_hand();
    let run = timeout(account.day.bound(), account.run(asked, &interrupt)).await;
    run.map_err(|_| Endless(format!("run {name} of another machine")))
}

/// The first run, and one more after each kill and for whoever resumes.
async fn ours(account: &Account, done: &Done, killed: &Cell<usize>) -> Result<Vec<Ended>, Endless> {
    let mut ended = Vec::new();
    let mut kills = account.day.kills().into_iter();
    let mut number = 0;
    let mut pauses = account.day.events.iter().enumerate().filter_map(|(index, event)| match event {
        Event::Person(Act::Resume(pause)) => Some((index, *pause)),
        _ => None,
    });
    loop {
        number += 1;
        let asked = Asked {
            name: number.to_string(),
            is_ours: true,
            databases: account.day.databases.iter().map(|one| one.name.clone()).collect(),
            flags: account.flags(number > 1),
        };
        let kill = kills.next();
        let run = one(account, done, asked, (number == 1).then_some(()), kill.as_ref()).await;
        match (run?, kill) {
            (Some(run), _) => {
                ended.push(run);
                let Some((index, pause)) = pauses.next() else { return Ok(ended) };
                done.acts.borrow_mut().push(index);
                sleep(pause).await;
            }
            (None, kill) => {
                killed.set(killed.get() + 1);
                let index = place(account, |act| matches!(act, Act::Kill(_)), killed.get() - 1);
                done.acts.borrow_mut().extend(index);
                sleep(kill.map(|kill| kill.pause).unwrap_or_default()).await;
            }
        }
    }
}

/// The place of the nth such act in the day.
fn place(account: &Account, is: impl Fn(&Act) -> bool, nth: usize) -> Option<usize> {
    let events = account.day.events.iter().enumerate();
    let mut such = events.filter(|(_, event)| matches!(event, Event::Person(act) if is(act)));
    such.nth(nth).map(|(index, _)| index)
}

/// A run to its end; none where it was killed. The first one is cancelled if somebody does that.
async fn one(
    account: &Account,
    done: &Done,
    asked: Asked,
    is_first: Option<()>,
    kill: Option<&Killed>,
) -> Result<Option<Ended>, Endless> {
    let (sender, interrupt) = Interrupt::by_hand();
    let name = asked.name.clone();
    let began = Instant::now();
    let cancel = place(account, |act| matches!(act, Act::Cancel(_)), 0).filter(|_| is_first.is_some());
    let cancels = async {
        if let Some(index) = cancel
            && let Event::Person(Act::Cancel(after)) = &account.day.events[index]
        {
            sleep_until(began + *after).await;
            done.acts.borrow_mut().push(index);
            // A run that is over does not listen.
            let _ = sender.send(true);
        }
        std::future::pending::<()>().await
    };
    let started = account.sandbox.figures().tasks.started;
    let is_time = || match kill.map(|kill| &kill.when) {
        None => false,
        Some(When::After(after)) => began.elapsed() >= *after,
        Some(When::Started(tasks)) => account.sandbox.figures().tasks.started >= started + tasks,
    };
    // Something has to wake the run at the time of its death.
    let alarm = async {
        if let Some(When::After(after)) = kill.map(|kill| &kill.when) {
            sleep_until(began + *after).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let running = async {
        tokio::select! {
            biased;
            run = account.run_unless(asked, &interrupt, is_time) => run,
            () = alarm => None,
            () = cancels => unreachable!("it returns never"),
        }
    };
    let run = timeout(account.day.bound(), running).await.map_err(|_| Endless(format!("run {name}")))?;
    if run.is_none() && kill.is_some_and(|kill| kill.cuts) {
        cut(account);
    }
    Ok(run)
}

/// Cuts the last line of the state file in its middle, as a kill in the midst of a write would.
fn cut(account: &Account) {
    let Ok(text) = std::fs::read(account.state()) else { return };
    let Some(end) = text.len().checked_sub(1) else { return };
    let from = text[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    std::fs::write(account.state(), &text[..from.midpoint(text.len())]).expect("cut it");
}
