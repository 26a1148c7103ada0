//! How a run reads: rows, the reasons for failures, and all logs. What a person needs comes first.

use super::words::{self, mark};
use super::{DatabaseReport, ImageUsed, Report, RevisionUsed, gantt, next, services, stages, table};
use crate::database_name::{is_fleet, short_list};
use crate::document::{Block, Content, Document, Line, Lines, Log, Mark, Rank, Reader, Section, Table};
use crate::verdict::GitHubProof;
use crate::words::{counted, duration};
use crate::workflow_commands::SUMMARY_LIMIT;

/// Rows of migrated databases of a fleet, in a terminal.
const FIRST: usize = 5;
/// Migrations that are named above a log.
const APPLIED: usize = 300;

impl Report {
    pub fn document(&self) -> Document {
        let rows = words::failures_first(self);
        let headline = Line::from(words::headline(self));
        let page = |content: Content| Section::of([Block::from(content).only(Reader::Page)]);
        let mut sections = vec![
            Section::of(warnings(self)),
            Section::of([Block::from(Content::Table(terminal_rows(self))).only(Reader::Terminal)]),
            Section::of([Block::from(Content::Table(self.terminal_services())).only(Reader::Terminal)]),
            Section::of(
                [Reader::Page, Reader::Terminal]
                    .map(|reader| Block::from(Content::Table(stages::table(self, reader))).only(reader)),
            )
            .within(Rank::Core, 8),
            page(Content::Markdown(table::databases(&rows, SUMMARY_LIMIT / 3))),
            page(Content::Table(services::table(&self.services))).within(Rank::Core, 4),
            Section::of(next::next(self)),
            page(Content::Markdown(gantt::fleet(&rows))),
        ];
        let (migrated, others): (Vec<_>, Vec<_>) = rows.iter().copied().partition(|row| mark(row).is_well());
        let told = others.into_iter().filter(|row| !is_told_by_the_table(row));
        sections.extend(told.map(explanation));
        sections.extend(services::sections(&self.services));
        let packs = packs(self).filter(|(_, log)| !log.is_empty());
        let (done, others): (Vec<_>, Vec<_>) = packs.partition(|(mark, _)| *mark == Mark::Good);
        sections.extend(others.into_iter().map(|(mark, log)| Section {
            mark: Some(mark),
            title: format!("the task of {}", log.of).into(),
            blocks: vec![Block::from(Content::Log(log)).within(Rank::Log, 1).only(reader(mark))],
        }));
        sections.push(what_ran(self));
        sections.push(page(difference(self)).within(Rank::Detail, 16));
        sections.push(Section::of([Content::Notes(self.notes.clone())]).within(Rank::Detail, 64));
        let own = migrated.into_iter().filter(|row| row.pack_log.is_none()).map(log);
        let logs = done.into_iter().map(|(_, log)| log).chain(own).filter(|log| !log.is_empty());
        let logs = logs.map(|log| Block::from(Content::Log(log)).within(Rank::Rest, 1).only(Reader::Page));
        sections.push(Section::of(logs).titled("Logs"));
        Document {
            mark: Some(words::mark_of_run(self)),
            title: headline.clone(),
            conclusion: (!self.databases.is_empty() || !self.services.is_empty()).then_some(headline),
            error: self.error.clone(),
            sections,
            ..Document::default()
        }
    }

    /// Returns the rows of the services; none where nothing has begun, since each would say what the error says.
    fn terminal_services(&self) -> Table {
        if self.ended_before_all() { Table::default() } else { services::terminal_rows(&self.services) }
    }
}

/// Tells whether a database needs no section of its own: no task was started for it, or it only waits.
fn is_told_by_the_table(row: &DatabaseReport) -> bool {
    words::is_not_run(row) || row.verdict.is_none() && row.log.last().is_none()
}

/// Warns of what is migrated or deployed, and not proved.
fn warnings(report: &Report) -> Vec<Block> {
    let by_exit_code = Line::from(
        " migrated by exit code alone: no migration report was seen, so nothing proves which database it was \
         connected to.",
    );
    let by_deployment = Line::from(
        " migrated by an earlier run, as GitHub's Deployments say, and not proved: with `--proof exit-code` that run \
         took exit codes for proof.",
    );
    let of = [(None, by_exit_code), (Some(GitHubProof::Success), by_deployment)];
    let counts = of.into_iter().map(|(github, what)| (words::without_report(report, github), what));
    let warning = |(count, what)| Content::Warning(Line::from(counted(count, "database")).and(what));
    let without_migration = report.no_migration.then(|| {
        Content::Warning(
            "deployed without a migration (`--no-migration`): the databases were not looked at.".into(),
        )
    });
    let warnings = without_migration.into_iter().chain(counts.filter(|(count, _)| *count > 0).map(warning));
    let warnings = warnings.map(|one| Block::from(one).only(Reader::Page));
    warnings.chain(services::warnings(&report.services)).collect()
}

/// Lists all of a few databases; of a fleet those that need a person, and the first of the others.
fn terminal_rows(report: &Report) -> Table {
    // Each row would say what the error says.
    if report.ended_before_all() {
        return Table::default();
    }
    let mut shown: Vec<&DatabaseReport> = report.databases.iter().collect();
    let mut rest = Vec::new();
    if is_fleet(shown.len()) {
        shown = words::failures_first(report);
        let needed = shown.iter().filter(|row| !mark(row).is_well()).count();
        rest = shown.split_off(shown.len().min(needed + FIRST));
    }
    let proved = rest.iter().all(|row| mark(row) == Mark::Good);
    let rest = match rest.len() {
        0 => String::new(),
        count if proved => format!("… and {} more, migrated", counted(count, "database")),
        count => format!("… and {} more: {}", counted(count, "database"), words::states(&rest)),
    };
    let row = |row: &&DatabaseReport| {
        let word = words::verdict(row);
        (Some(mark(row)), vec![row.database.to_string().into(), word.into(), what_was_done(row).into()])
    };
    Table { rows: shown.iter().map(row).collect(), rest, ..Table::default() }
}

/// Returns `6 → 12, 6 applied, 57 tables, 48 s`; for a database that is not migrated, why.
fn what_was_done(row: &DatabaseReport) -> String {
    let mut parts = Vec::new();
    match (&row.verdict, words::own_report(row)) {
        (Some(verdict), _) if !verdict.is_migrated() => parts.push(verdict.explain()),
        (_, Some(ran)) => {
            parts.push(words::versions(row));
            parts.push(format!("{} applied", ran.applied.len()));
            parts.extend(ran.tables.map(|tables| counted(tables, "table")));
        }
        (Some(verdict), None) => parts.push(verdict.explain()),
        (None, None) => {}
    }
    parts.extend(row.drift.as_ref().map(|_| "another schema than others at its version".to_owned()));
    parts.extend(row.other_run_url.clone());
    parts.extend(words::own_time(row).map(duration));
    parts.extend(words::shared_time(row));
    parts.extend(
        words::proved_earlier(row)
            .map(|at| format!("proved by an earlier run at {}", at.strftime("%Y-%m-%d %H:%M UTC"))),
    );
    parts.extend(words::killed_tasks(row));
    parts.extend(row.waited.as_ref().map(|waited| format!("waited {} for capacity", duration(waited.ms))));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// Explains why a database is not migrated, with what to do about it and its log. A terminal shows nothing of one
/// under way.
fn explanation(row: &DatabaseReport) -> Section {
    let code = |text: &String| Line::code(text.clone());
    let text = |text: String| Line::from(text);
    let points = [
        (Reader::Both, "failed migration", words::failed_migration(row).map(text)),
        (Reader::Both, "cause", row.diagnosis.map(|diagnosis| diagnosis.cause.into())),
        (Reader::Both, "told elsewhere", words::told_elsewhere(row).map(text)),
        (Reader::Both, "fix", words::next_step(row).map(text)),
        // Names of AWS, which is what one searches for.
        (Reader::Page, "stoppedReason", row.stopped_reason.clone().map(text)),
        (Reader::Page, "stopCode", row.stop_code.clone().map(text)),
        (Reader::Page, "the other run", row.other_run_url.as_ref().map(|url| Line::link("its page", url))),
        (Reader::Both, "task", row.task_arn.as_ref().map(code)),
    ];
    let points = points.into_iter().filter_map(|(reader, name, value)| Some((reader, name, value?)));
    let why = row.verdict.as_ref().map(|verdict| {
        let why = Line::from(verdict.explain().trim_end_matches('.').to_owned()).and(".");
        Block::from(Content::Paragraph(why)).only(Reader::Page).within(Rank::Reason, 8)
    });
    let points = Block::from(Content::Points(points.collect())).within(Rank::Reason, 8);
    // What a pack's databases printed stands in the log that they share.
    let log = row.pack_log.is_none().then(|| Block::from(Content::Log(log(row))).within(Rank::Log, 1));
    let last = [points].into_iter().chain(log).map(|block| block.only(reader(mark(row))));
    Section {
        mark: Some(mark(row)),
        title: Line::from(row.database.to_string()).and(": ").and(words::verdict(row)),
        blocks: why.into_iter().chain(last).collect(),
    }
}

fn log(row: &DatabaseReport) -> Log {
    let applied = words::own_report(row).map(|report| report.applied.as_slice()).unwrap_or_default();
    let names =
        applied.iter().take(APPLIED).map(|one| format!("{} {}", one.version, one.name).trim().to_owned());
    let names = names.collect::<Vec<_>>().join(", ");
    Log {
        of: row.database.to_string(),
        tail: row.log.clone(),
        url: row.log_url.clone(),
        about: (!names.is_empty()).then(|| format!("Applied: {names}")),
        open: mark(row) == Mark::Bad,
    }
}

/// Returns the logs of tasks that migrate packs, each once, and how their databases stand.
fn packs(report: &Report) -> impl Iterator<Item = (Mark, Log)> {
    report.pack_logs.iter().enumerate().map(|(index, pack)| {
        let rows = || report.databases.iter().filter(|row| row.pack_log == Some(index));
        let any = |wanted: &Mark| rows().any(|row| mark(row) == *wanted);
        let mark = [Mark::Bad, Mark::UnderWay].into_iter().find(any).unwrap_or(Mark::Good);
        let log = Log {
            of: short_list(&pack.databases),
            tail: pack.log.clone(),
            url: rows().find_map(|row| row.log_url.clone()),
            about: None,
            open: mark == Mark::Bad,
        };
        (mark, log)
    })
}

/// Returns who reads of such a row: of a failure both, else the page alone. A terminal shows the end of a run, when
/// nothing is under way.
fn reader(mark: Mark) -> Reader {
    if mark == Mark::Bad { Reader::Both } else { Reader::Page }
}

fn what_ran(report: &Report) -> Section {
    let code = |text: &String| Line::code(text.clone());
    let place = [report.region.as_ref(), report.account.as_ref()].into_iter().flatten().map(code);
    let migrates = !report.no_migration;
    let took = report.ended_at.map(|ended| ended.as_millisecond() - report.started_at.as_millisecond());
    let facts = [
        ("commit or tag", report.tag.as_ref().map(code)),
        ("image", report.image.as_ref().map(image)),
        (
            "task definition",
            migrates.then(|| report.revision.as_ref().map_or_else(|| code(&report.family), revision)),
        ),
        ("container", migrates.then(|| code(&report.container))),
        ("cluster", Some(code(&report.cluster))),
        ("region, account", place.reduce(|region, account| region.and(", ").and(account))),
        ("started", Some(report.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string().into())),
        ("took", took.map(|took| duration(took).into())),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    Section::of([Block::from(Content::Facts(facts)).only(Reader::Page)]).titled("What ran")
}

pub(super) fn image(image: &ImageUsed) -> Line {
    let digest = image.digest.as_deref().filter(|digest| !image.reference.ends_with(digest));
    let reference = Line::code(image.reference.clone());
    let both = match digest {
        Some(digest) => reference.and(", ").and(Line::code(digest)),
        None => reference,
    };
    both.and(" (").and(image.source.word()).and(")")
}

pub(super) fn revision(revision: &RevisionUsed) -> Line {
    let origin = if revision.registered { " (registered by this run)" } else { " (reused: nothing changed)" };
    Line::code(revision.arn.clone()).and(origin)
}

fn difference(report: &Report) -> Content {
    Content::Lines(Lines {
        language: "diff",
        text: report.diff.clone(),
        fold: Some("Changes of the task definition".into()),
        ..Lines::default()
    })
}

#[cfg(test)]
pub(super) mod tests;
