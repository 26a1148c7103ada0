//! The stages of a rollout: how far each is, and the verdicts on its databases.

use serde_json::{Value, json};

use super::{DatabaseReport, Report, StageEnd, StageReport, words};
use crate::document::{Mark, Reader, Table};

/// Returns a row per stage; none of a run without a rollout.
pub(super) fn table(report: &Report, reader: Reader) -> Table {
    let row = |(index, stage): (usize, &StageReport)| {
        let rows = of(report, index);
        let (mark, state) = state(report, stage, &rows);
        // A terminal has a column of its own for the marks.
        let (mark, state) = match reader {
            Reader::Page => (None, format!("{} {state}", mark.emoji())),
            Reader::Terminal | Reader::Both => (Some(mark), state),
        };
        (mark, vec![stage.name.clone().into(), state.into(), words::states(&rows).into()])
    };
    let rows = report.stages.iter().enumerate().map(row).collect();
    Table { head: vec!["stage", "state", "databases"], rows, ..Table::default() }
}

/// Returns the stages for programs; `None` without a rollout.
pub(super) fn data(report: &Report) -> Option<Value> {
    let stage = |(index, stage): (usize, &StageReport)| {
        let rows = of(report, index);
        let migrated = rows.iter().filter(|row| words::mark(row).is_well()).count();
        json!({
            "name": stage.name,
            "state": state(report, stage, &rows).1,
            "databases": rows.len(),
            "migrated": migrated,
        })
    };
    (!report.stages.is_empty()).then(|| report.stages.iter().enumerate().map(stage).collect())
}

fn of(report: &Report, index: usize) -> Vec<&DatabaseReport> {
    report.databases.iter().filter(|row| row.stage == Some(index)).collect()
}

fn state(report: &Report, stage: &StageReport, rows: &[&DatabaseReport]) -> (Mark, String) {
    let has_begun =
        rows.iter().any(|row| row.task_arn.is_some() || row.verdict.is_some() && !words::is_not_run(row));
    // Another run has migrated all of it, or its last database was migrated just when this run ended.
    let is_done = !rows.is_empty() && rows.iter().all(|row| words::mark(row).is_well());
    match (stage.end, stage.pauses_until) {
        (_, Some(until)) => {
            (Mark::UnderWay, format!("passed, pauses until {}", until.strftime("%H:%M:%S UTC")))
        }
        (None, None) if is_done => (Mark::Good, "passed".to_owned()),
        (Some(StageEnd::Passed), None) => (Mark::Good, "passed".to_owned()),
        (Some(StageEnd::Failed), None) => (Mark::Bad, "failed".to_owned()),
        (None, None) if report.ended_at.is_none() && has_begun => (Mark::UnderWay, "under way".to_owned()),
        (None, None) if has_begun => (Mark::Bad, "not finished".to_owned()),
        (None, None) if report.ended_at.is_none() => (Mark::UnderWay, "not begun".to_owned()),
        (None, None) => (Mark::Bad, "not begun".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn report(ends: [Option<StageEnd>; 3]) -> Report {
        let row = |stage: usize, row: DatabaseReport| DatabaseReport { stage: Some(stage), ..row };
        let databases = vec![
            row(0, samples::migrated("a")),
            row(1, samples::migrated("b")),
            row(1, samples::failed("c")),
            row(2, samples::not_run("d")),
        ];
        let stage = |(name, end): (&str, _)| StageReport { name: name.into(), end, pauses_until: None };
        let stages = ["canary", "few", "rest"].into_iter().zip(ends).map(stage).collect();
        Report { databases, stages, ended_at: Some(jiff::Timestamp::UNIX_EPOCH), ..Report::default() }
    }

    #[test]
    fn a_stage_has_its_state_and_what_its_databases_came_to() {
        let report = report([Some(StageEnd::Passed), Some(StageEnd::Failed), None]);
        let data = data(&report).expect("stages");
        let field =
            |name: &str| data.as_array().unwrap().iter().map(|one| one[name].clone()).collect::<Vec<_>>();
        assert_eq!(field("state"), ["passed", "failed", "not begun"]);
        assert_eq!(
            (field("databases"), field("migrated")),
            (vec![1.into(), 2.into(), 1.into()], vec![1.into(), 1.into(), 0.into()])
        );
        assert_eq!(super::data(&Report::default()), None);
        assert!(table(&Report::default(), Reader::Page).rows.is_empty());
    }

    #[test]
    fn a_stage_that_was_cut_off_or_pauses_says_so() {
        let mut report = report([Some(StageEnd::Passed), None, None]);
        let states = |report: &Report| {
            let stages = data(report).expect("stages");
            stages.as_array().unwrap().iter().map(|one| one["state"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(states(&report), ["passed", "not finished", "not begun"]);
        report.stages[0].pauses_until = Some(jiff::Timestamp::UNIX_EPOCH);
        report.ended_at = None;
        assert_eq!(states(&report), ["passed, pauses until 00:00:00 UTC", "under way", "not begun"]);
    }
}
