//! A table of the services, and a section for each that needs a person.

use super::rollout;
use super::words::{self, mark};
use crate::document::{Block, Content, Line, Log, Mark, Rank, Reader, Section, Table};
use crate::report::{Cause, ServiceReport};
use crate::verdict::service::{Evidence, ServiceVerdict};
use crate::words::{counted, duration};

/// Rows in a terminal, besides those that need a person.
const ROWS: usize = 20;
/// Events that are named next to the verdict.
const EVENTS: usize = 3;

/// Warns of what is done and not proved as well as it could be.
pub(in crate::report) fn warnings(rows: &[ServiceReport]) -> Vec<Block> {
    let count = |is_one: &dyn Fn(&ServiceVerdict) -> bool| {
        rows.iter().filter(|row| row.verdict.as_ref().is_some_and(is_one)).count()
    };
    let is_classic =
        |verdict: &ServiceVerdict| verdict.proof().is_some_and(|proof| proof.evidence() == Evidence::Classic);
    let is_empty = |verdict: &ServiceVerdict| *verdict == ServiceVerdict::NoTasksWanted;
    let of = [
        (
            count(&is_classic),
            " proved by DescribeServices alone, the weaker proof: the record of the deployment itself could not be \
             read, or ECS has none (`ecs:ListServiceDeployments`, `ecs:DescribeServiceDeployments`).",
        ),
        (count(&is_empty), " deployed with no tasks wanted: nothing proves that a task of the image starts."),
    ];
    let of = of.into_iter().filter(|(count, _)| *count > 0);
    let warning = |(count, what)| Content::Warning(Line::from(counted(count, "service")).and(what));
    of.map(warning).map(|one| Block::from(one).only(Reader::Page)).collect()
}

/// Lists the services in a terminal: those that need a person first, and some of the others.
pub(in crate::report) fn terminal_rows(rows: &[ServiceReport]) -> Table {
    let mut shown = words::failures_first(rows);
    let needed = shown.iter().filter(|row| !mark(row).is_well()).count();
    let rest = shown.split_off(shown.len().min(needed + ROWS));
    let rest = match rest.len() {
        0 => String::new(),
        count => format!("… and {} more: {}", counted(count, "service"), words::states(&rest)),
    };
    let row = |row: &&ServiceReport| {
        let word = words::word(row);
        (Some(mark(row)), vec![row.service.clone().into(), word.into(), what_came_of_it(row)])
    };
    Table { rows: shown.iter().map(row).collect(), rest, ..Table::default() }
}

/// Returns the verdict in words, the images and the time:
/// `web:12 in 2 running tasks, each with the image's digest, 3f78685 (4f53cda18c2b) → …, 48 s`.
fn what_came_of_it(row: &ServiceReport) -> Line {
    let why = row.verdict.as_ref().map(ServiceVerdict::explain);
    let under_way =
        || row.stage.as_ref().map(|stage| format!("{}, {} tasks", stage.status, words::tasks(row)));
    let mut parts: Vec<Line> = why.or_else(under_way).map(Line::from).into_iter().collect();
    if row.from.is_some() || row.to.is_some() {
        parts.push(words::from_to(row));
    }
    parts.extend(words::total_ms(row).map(|ms| duration(ms).into()));
    parts.into_iter().reduce(|line, part| line.and(", ").and(part)).unwrap_or_default()
}

/// Lists the services on a page, those that need a person first.
pub(in crate::report) fn table(rows: &[ServiceReport]) -> Table {
    let row = |row: &ServiceReport| {
        let name = Line::from(row.service.clone());
        let name = match &row.url {
            Some(url) => name.and(" ").and(Line::link("console", url)),
            None => name,
        };
        let verdict = Line::from(mark(row).emoji()).and(" ").and(words::word(row));
        let time = words::total_ms(row).map_or_else(|| "–".into(), |ms| duration(ms).into());
        (None, vec![name, verdict, words::from_to(row), words::tasks(row).into(), time])
    };
    Table {
        head: vec!["service", "verdict", "commit (image)", "tasks", "time"],
        rows: words::failures_first(rows).into_iter().map(row).collect(),
        ..Table::default()
    }
}

/// Returns a section for each service that is not done, why others were not deployed, and how the rollouts of the
/// rest went.
pub(in crate::report) fn sections(rows: &[ServiceReport]) -> Vec<Section> {
    let rows = words::failures_first(rows);
    // One that nothing is known of yet has its row in the table.
    let is_told = |row: &ServiceReport| row.verdict.is_none() && row.stage.is_none();
    let needs_one =
        |row: &&&ServiceReport| !(mark(row).is_well() || words::is_not_deployed(row) || is_told(row));
    let mut sections: Vec<Section> = rows.iter().filter(needs_one).map(|row| explanation(row)).collect();
    let not_deployed = rows.iter().filter(|row| words::is_not_deployed(row)).map(|row| {
        let why = row.verdict.as_ref().map(ServiceVerdict::explain).unwrap_or_default();
        (Reader::Page, "not deployed", Line::from(row.service.clone()).and(": ").and(why))
    });
    let not_deployed = Block::from(Content::Points(not_deployed.collect())).within(Rank::Reason, 8);
    sections.push(Section::of([not_deployed]));
    let well = rows.iter().filter(|row| mark(row).is_well());
    sections.push(Section::of(well.flat_map(|row| folded(row))));
    sections
}

/// Returns the rollout and what it changed, folded.
fn folded(row: &ServiceReport) -> Vec<Block> {
    let page = |content: Content, part| Block::from(content).only(Reader::Page).within(Rank::Detail, part);
    let mut blocks = vec![page(rollout::timeline(row), 8)];
    if !mark(row).is_well() {
        blocks.push(page(rollout::events(row), 8));
    }
    blocks.push(page(rollout::difference(row), 16));
    blocks
}

/// Explains why a service is not done and what to do about it, with the end of the failed task's log.
fn explanation(row: &ServiceReport) -> Section {
    let why = row.verdict.as_ref().map(|verdict| {
        let why = Line::from(verdict.explain().trim_end_matches('.').to_owned()).and(".");
        Block::from(Content::Paragraph(why)).only(Reader::Page).within(Rank::Reason, 8)
    });
    let mark = mark(row);
    // A terminal shows the end of a run: nothing is under way there.
    let reader = if mark == Mark::Bad { Reader::Both } else { Reader::Page };
    let points = Block::from(Content::Points(points(row))).within(Rank::Reason, 8).only(reader);
    let log = row.cause.as_ref().map(|cause| {
        Block::from(Content::Log(log(row, cause, mark == Mark::Bad))).within(Rank::Log, 1).only(reader)
    });
    Section {
        mark: Some(mark),
        title: Line::from(row.service.clone()).and(": ").and(words::word(row)),
        blocks: why.into_iter().chain([points]).chain(log).chain(folded(row)).collect(),
    }
}

fn points(row: &ServiceReport) -> Vec<(Reader, &'static str, Line)> {
    let text = |text: &String| Line::from(text.clone());
    let code = |text: &String| Line::code(text.clone());
    let cause = row.cause.as_ref();
    let stage = row.stage.as_ref();
    let told = cause.into_iter().flat_map(|cause| cause.events.iter().take(EVENTS));
    let tasks = stage.map(|stage| {
        let others = [(stage.pending, "pending"), (stage.failed, "failed")];
        let others = others.into_iter().filter(|(count, _)| *count > 0);
        let others: String = others.map(|(count, what)| format!(", {count} {what}")).collect();
        Line::from(format!("{} of {} running{others}", stage.running, stage.wanted))
    });
    let traffic =
        stage.and_then(|stage| stage.traffic).map(|percent| format!("{percent} % on the new revision"));
    let stage_name = stage.and_then(|stage| stage.stage.as_ref());
    let first = [
        (Reader::Both, "cause", cause.and_then(|cause| cause.diagnosis).map(|found| found.cause.into())),
        (Reader::Both, "fix", words::fix(row).map(Line::from)),
        (Reader::Page, "lifecycleStage", stage_name.map(code)),
        (Reader::Page, "waits for", stage.and_then(|stage| stage.waits_for.as_ref()).map(text)),
        (Reader::Page, "tasks", tasks),
        (Reader::Page, "traffic", traffic.map(Line::from)),
        (Reader::Both, "health", row.health.as_ref().map(text)),
    ];
    let events = told.map(|event| (Reader::Both, "event", Some(text(event))));
    let last = [
        // Names of AWS, which is what one searches for.
        (Reader::Both, "stoppedReason", cause.and_then(|cause| cause.stopped_reason.as_ref()).map(text)),
        (Reader::Page, "stopCode", cause.and_then(|cause| cause.stop_code.as_ref()).map(text)),
        (
            Reader::Page,
            "exit code",
            cause.and_then(|cause| cause.exit_code).map(|code| Line::from(code.to_string())),
        ),
        (Reader::Both, "task", cause.and_then(|cause| cause.task_arn.as_ref()).map(code)),
        (Reader::Page, "task definition", row.to.as_ref().map(|to| code(&to.task_definition))),
        (Reader::Page, "before", row.from.as_ref().map(|from| code(&from.task_definition))),
        (Reader::Page, "deployment", row.deployment.as_ref().map(code)),
    ];
    let all = first.into_iter().chain(events).chain(last);
    all.filter_map(|(reader, name, value)| Some((reader, name, value?))).collect()
}

fn log(row: &ServiceReport, cause: &Cause, open: bool) -> Log {
    let of = match &cause.container {
        Some(container) => format!("{}, container {container}", row.service),
        None => row.service.clone(),
    };
    Log { of, tail: cause.log.clone(), url: cause.log_url.clone(), about: None, open }
}
