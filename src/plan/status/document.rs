//! How `status` is shown.

use super::check::{Compared, short};
use super::{DatabaseRow, Image, Proved, SeenService, ServiceRow, Status};
use crate::arn;
use crate::document::{Block, Content, Document, Line, Mark, Rank, Reader, Section, Table};
use crate::failure::Failure;
use crate::plan::RunningTask;
use crate::plan::back::schema::minute;
use crate::words::counted;

/// Databases that a terminal shows, at most. Those that are not proved, or not for sure, come first.
const IN_TERMINAL: usize = 100;
/// Reasons that are shown for one service, at most.
const REASONS: usize = 10;

/// Describes the status. `error` is what kept it from being read completely; without `status` nothing was read.
pub(crate) fn document(status: Option<&Status>, error: Option<&Failure>, notes: &[String]) -> Document {
    let Some(status) = status else {
        let title = Line::from("The status is not known");
        return Document {
            mark: Some(Mark::Bad),
            title: title.clone(),
            conclusion: Some(title),
            error: error.cloned(),
            sections: vec![Section::of([Content::Notes(notes.to_vec())])],
            ..Document::default()
        };
    };
    let headline = headline(status);
    let account = format!("{} in {}", status.account.caller.account, status.account.region);
    let facts = vec![
        ("cluster", Line::code(status.cluster.clone())),
        ("account", account.into()),
        ("read", minute(status.at).into()),
    ];
    let mut sections = vec![Section::of([Content::Facts(facts)])];
    sections.extend(check(status));
    if !status.databases.is_empty() {
        sections.push(databases(&status.databases));
    }
    if !status.services.is_empty() {
        sections.push(services(&status.services));
    }
    let notes = [status.notes.as_slice(), notes].concat();
    sections.push(Section::of([Content::Notes(notes)]).within(Rank::Detail, 16));
    Document {
        mark: Some(if error.is_some() { Mark::Bad } else { mark(status) }),
        title: headline.clone(),
        conclusion: Some(headline),
        error: error.cloned(),
        sections,
        ..Document::default()
    }
}

fn mark(status: &Status) -> Mark {
    match &status.check {
        Some(check) if check.iter().any(|one| !one.reasons.is_empty()) => Mark::Bad,
        _ if status.in_use => Mark::Doubtful,
        _ if status.databases.iter().all(is_clear) && status.services.iter().all(is_calm) => Mark::Good,
        _ => Mark::Doubtful,
    }
}

/// Sums the status up: `2 of 3 databases proved; 1 of 2 services stable`, or with `--check` how many services are not
/// known to run the proved image.
fn headline(status: &Status) -> Line {
    if let Some(check) = &status.check {
        let wrong = check.iter().filter(|one| !one.reasons.is_empty()).count();
        let all = counted(check.len(), "service");
        return match wrong {
            0 => format!("{all}: each runs the image that its databases are proved at").into(),
            _ => format!("{wrong} of {all}: not known to run the image that the databases are proved at")
                .into(),
        };
    }
    let part = |clear: usize, all: usize, noun: &str, are: &str| {
        (all > 0).then(|| format!("{clear} of {} {are}", counted(all, noun)))
    };
    let clear = status.databases.iter().filter(|row| is_clear(row)).count();
    let calm = status.services.iter().filter(|row| is_calm(row)).count();
    let parts = [
        part(clear, status.databases.len(), "database", "proved"),
        part(calm, status.services.len(), "service", "stable"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ").into()
}

/// Returns whether a report proves the database, with nothing later and nothing under way.
pub(super) fn is_clear(row: &DatabaseRow) -> bool {
    let is_proved = row.standing.as_ref().is_ok_and(|standing| {
        standing.later.is_none() && standing.proved.as_ref().is_some_and(|proved| proved.by_report)
    });
    is_proved && row.running.as_ref().is_ok_and(Vec::is_empty)
}

/// Returns whether the service is ACTIVE and runs at least as many tasks as it wants, none of them unhealthy, with no
/// deployment under way.
pub(super) fn is_calm(row: &ServiceRow) -> bool {
    row.seen.as_ref().is_ok_and(|seen| {
        let has_all = |desired: i32| {
            let wanted = usize::try_from(desired).unwrap_or(0);
            seen.tasks.as_ref().is_ok_and(|tasks| tasks.running >= wanted && tasks.unhealthy == 0)
        };
        seen.service.status == "ACTIVE"
            && seen.rollout.is_none()
            && seen.deployments.is_ok()
            && has_all(seen.service.desired)
    })
}

fn check(status: &Status) -> Option<Section> {
    let wrong: Vec<&Compared> = status.check.as_ref()?.iter().filter(|one| !one.reasons.is_empty()).collect();
    if wrong.is_empty() {
        return None;
    }
    let mut rows = Vec::new();
    for one in wrong {
        // Reasons that are known to differ come before those that are not known.
        let mut reasons: Vec<_> = one.reasons.iter().collect();
        reasons.sort_by_key(|reason| !reason.differs);
        for reason in reasons.iter().take(REASONS) {
            let of = reason.database.clone().map_or_else(Line::default, Line::code);
            let mark = if reason.differs { Mark::Bad } else { Mark::Doubtful };
            rows.push((Some(mark), vec![Line::code(one.service.clone()), of, reason.why.clone().into()]));
        }
        if let Some(rest) = reasons.len().checked_sub(REASONS).filter(|rest| *rest > 0) {
            let rest = format!("and {}: --format json has all", counted(rest, "more reason"));
            rows.push((None, vec![Line::code(one.service.clone()), Line::default(), rest.into()]));
        }
    }
    let head = vec!["service", "database", "why"];
    let table = Content::Table(Table { head, rows, rest: String::new() });
    Some(Section::of([table]).titled("Not the same, or not known").within(Rank::Core, 2))
}

fn databases(rows: &[DatabaseRow]) -> Section {
    let mut rows: Vec<&DatabaseRow> = rows.iter().collect();
    rows.sort_by_key(|row| is_clear(row));
    let table = |rows: &[&DatabaseRow], rest: usize| {
        let rest = if rest == 0 {
            String::new()
        } else {
            format!("… and {}: --format json has all", counted(rest, "more database"))
        };
        let head = vec!["database", "proved at", "when", "by", "later", "migrates now"];
        Content::Table(Table { head, rows: rows.iter().map(|row| database(row)).collect(), rest })
    };
    let shown = rows.len().min(IN_TERMINAL);
    Section::of([
        Block::from(table(&rows[..shown], rows.len() - shown)).only(Reader::Terminal),
        Block::from(table(&rows, 0)).only(Reader::Page),
    ])
    .titled("Databases")
    .within(Rank::Core, 2)
}

fn database(row: &DatabaseRow) -> (Option<Mark>, Vec<Line>) {
    let proved = row.standing.as_ref().ok().and_then(|standing| standing.proved.as_ref());
    let at = match (&row.standing, proved) {
        (Err(why), _) => format!("not known: {why}").into(),
        (Ok(_), None) => "not proved".into(),
        (Ok(_), Some(proved)) => image(&proved.image),
    };
    let later = row.standing.as_ref().ok().and_then(|standing| standing.later.as_ref());
    let later = later.map(|later| match later.at {
        Some(at) => format!("{}, {}", later.what, minute(at)),
        None => later.what.clone(),
    });
    let running = match &row.running {
        Ok(tasks) if tasks.is_empty() => "no".into(),
        Ok(tasks) => tasks.iter().map(migrates).collect::<Vec<_>>().join("; ").into(),
        Err(why) => Line::from(format!("not known: {why}")),
    };
    let cells = vec![
        Line::code(row.name.clone()),
        at,
        proved.map(|proved| Line::from(minute(proved.at))).unwrap_or_default(),
        proved.map(|proved| Line::from(by(proved))).unwrap_or_default(),
        later.map(Line::from).unwrap_or_default(),
        running,
    ];
    (Some(if is_clear(row) { Mark::Good } else { Mark::Doubtful }), cells)
}

/// Says what proves it, and in which record: `report (state file)`.
fn by(proved: &Proved) -> String {
    let how = if proved.by_report { "report" } else { "exit code" };
    format!("{how} ({})", proved.from.words())
}

/// Describes a task that migrates, and its run: `task 0123 of fargate-migrate/1-1-0123`.
fn migrates(task: &RunningTask) -> String {
    let whose = match task.started_by.as_deref() {
        Some(run) if !run.is_empty() => format!(" of {run}"),
        _ => ", and ECS does not say who started it".to_owned(),
    };
    let ending = if task.ending { ", which is being stopped" } else { "" };
    let may = task.told.as_ref().err().map(|why| format!(", perhaps: {why}")).unwrap_or_default();
    format!("task {}{whose}{ending}{may}", arn::name(&task.arn))
}

/// Describes an image: `9f3c… (sha256:…)`.
fn image(image: &Image) -> Line {
    let digest = image.digest.as_deref().map_or("a digest that is not recorded".to_owned(), short);
    let unread = image.unread.as_deref().map(|why| format!("; its tags are not known: {why}"));
    let unread = unread.unwrap_or_default();
    match image.tag() {
        Some(tag) => Line::code(tag.to_owned()).and(format!(" ({digest}){unread}")),
        None => Line::code(digest).and(unread),
    }
}

fn services(rows: &[ServiceRow]) -> Section {
    let head = vec!["service", "runs", "tasks", "healthy", "rollout", "newest deployments"];
    let rows = rows.iter().map(service).collect();
    Section::of([Content::Table(Table { head, rows, rest: String::new() })])
        .titled("Services")
        .within(Rank::Core, 2)
}

fn service(row: &ServiceRow) -> (Option<Mark>, Vec<Line>) {
    let name = Line::code(row.name.clone());
    let seen = match &row.seen {
        Ok(seen) => seen,
        Err(why) => return (Some(Mark::Bad), vec![name, format!("not known: {why}").into()]),
    };
    let mark = if is_calm(row) { Mark::Good } else { Mark::Doubtful };
    let counts = format!("{} of {}", seen.service.running, seen.service.desired);
    let is_active = seen.service.status == "ACTIVE";
    let counts = if is_active { counts } else { format!("{counts}, {}", seen.service.status) };
    (Some(mark), vec![name, runs(seen), counts.into(), health(seen), rollout(seen), deployments(seen)])
}

fn runs(seen: &SeenService) -> Line {
    let tasks = match &seen.tasks {
        Ok(tasks) => tasks,
        Err(why) => return format!("not known: {why}").into(),
    };
    let mut line = match seen.service.task_definition.as_deref() {
        Some(definition) => Line::code(arn::name(definition).to_owned()),
        None => Line::from("no task definition"),
    };
    if tasks.running == 0 {
        return line.and(", no task");
    }
    for one in &tasks.images {
        line = line.and(", ").and(Line::code(one.container.clone())).and(" ").and(image(&one.image));
        if one.tasks < tasks.running {
            line = line.and(format!(" in {}", counted(one.tasks, "task")));
        }
    }
    line
}

fn health(seen: &SeenService) -> Line {
    match &seen.tasks {
        Err(_) => "not known".into(),
        Ok(tasks) if tasks.unhealthy > 0 => format!("{} unhealthy", tasks.unhealthy).into(),
        Ok(tasks) if tasks.healthy == 0 => "no health check says".into(),
        Ok(tasks) => format!("{} of {}", tasks.healthy, tasks.running).into(),
    }
}

fn rollout(seen: &SeenService) -> Line {
    let Some(rollout) = &seen.rollout else {
        return if seen.deployments.is_ok() { "none" } else { "none that DescribeServices shows" }.into();
    };
    let progress = match &rollout.progress {
        Ok(progress) => progress,
        Err(why) => return format!("{}, and how far it is is not known: {why}", rollout.what).into(),
    };
    let stage = progress.stage.as_ref().map(|stage| format!(", stage {stage}"));
    let pause = progress.paused_at.as_ref().map(|hook| format!(", paused at hook {hook}"));
    let tasks = progress.tasks.map(|(running, wanted)| format!(", {running} of {wanted} new tasks"));
    let rest: String = [stage, pause, tasks].into_iter().flatten().collect();
    format!("{}{rest}", rollout.what).into()
}

fn deployments(seen: &SeenService) -> Line {
    let ended = match &seen.deployments {
        Ok(ended) if ended.is_empty() => return "none within 90 days".into(),
        Ok(ended) => ended,
        Err(why) => return format!("not known: {why}").into(),
    };
    let words = ended.iter().map(|one| {
        let of = one.task_definition.as_ref().map(|of| format!(" {of}")).unwrap_or_default();
        let at = one.at.map(|at| format!(" {}", minute(at))).unwrap_or_default();
        let why = one.reason.iter().flatten().next().map(|why| format!(": {why}")).unwrap_or_default();
        format!("{}{of}{at}{why}", one.status)
    });
    // One call is made for all of them, so what it does not say is written once.
    let unknown = |what: &str, whys: &mut dyn Iterator<Item = &String>| {
        whys.next().map(|why| format!("{what} not known: {why}"))
    };
    let revisions =
        unknown("task definitions", &mut ended.iter().filter_map(|one| one.task_definition.as_ref().err()));
    let reasons = unknown("reasons", &mut ended.iter().filter_map(|one| one.reason.as_ref().err()));
    words.chain(revisions).chain(reasons).collect::<Vec<_>>().join("; ").into()
}
