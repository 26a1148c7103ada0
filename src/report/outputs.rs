//! What a workflow's later steps can use.

use std::fmt::Write as _;

use super::data::{self, OUTPUT_LIMIT};
use super::{Report, ServiceReport, services};
use serde_json::Value;

use crate::document::printed;
use crate::failure::ExitCode;

/// Every output, as action.yml declares them.
pub const OUTPUTS: &[&str] = &[
    "image",
    "image-digest",
    "task-definition-arn",
    "migrated",
    "not-proved",
    "failed",
    "service",
    "deployed",
    "rolled-back-to",
    "exit-code",
    "result",
    "result-file",
];

/// The values of the Action's outputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs {
    /// All of [`OUTPUTS`] but `result-file`, in their order.
    pub values: Vec<(&'static str, String)>,
    /// Those that do not hold everything: it would not fit.
    pub shortened: Vec<&'static str>,
}

/// Returns the Action's outputs, all of them each time: the runner keeps the last value that it was given of each.
///
/// Lists are names with commas between them, which `contains()` and shells can use as they are: no name has a comma.
pub fn outputs(report: &Report) -> Outputs {
    let mut shortened = Vec::new();
    let mut list = |output: &'static str, names: &mut dyn Iterator<Item = &str>| {
        let (text, is_whole) = list(names);
        if !is_whole {
            shortened.push(output);
        }
        (output, text)
    };
    let image = report.image.as_ref();
    let back_on: Vec<String> = services::back_on(&report.services).collect();
    let (result, result_is_whole) = data::output(report);
    let values = vec![
        ("image", image.map(|image| image.reference.clone()).unwrap_or_default()),
        ("image-digest", image.and_then(|image| image.digest.clone()).unwrap_or_default()),
        (
            "task-definition-arn",
            report.revision.as_ref().map(|revision| revision.arn.clone()).unwrap_or_default(),
        ),
        list("migrated", &mut report.migrated()),
        list("not-proved", &mut report.not_proved()),
        list("failed", &mut report.not_migrated()),
        list("service", &mut services::names(&report.services)),
        list("deployed", &mut services::done(&report.services)),
        list("rolled-back-to", &mut back_on.iter().map(String::as_str)),
        ("exit-code", report.exit_code().number().to_string()),
        ("result", printed(&result)),
    ];
    if !result_is_whole {
        shortened.push("result");
    }
    Outputs { values, shortened }
}

/// Returns the outputs of a run that is about services alone: the others are empty.
pub(super) fn of_services(
    rows: &[ServiceReport],
    exit_code: ExitCode,
    (result, result_is_whole): &(Value, bool),
) -> Outputs {
    let back_on: Vec<String> = services::back_on(rows).collect();
    let lists = [
        ("service", list(&mut services::names(rows))),
        ("deployed", list(&mut services::done(rows))),
        ("rolled-back-to", list(&mut back_on.iter().map(String::as_str))),
    ];
    let list = |name: &str| lists.iter().find(|(known, _)| *known == name).map(|(_, (text, _))| text.clone());
    let value = |name: &str| match name {
        "exit-code" => exit_code.number().to_string(),
        "result" => printed(result),
        list_or_nothing => list(list_or_nothing).unwrap_or_default(),
    };
    let names = OUTPUTS.iter().filter(|name| **name != "result-file");
    let short = lists.iter().filter(|(_, (_, is_whole))| !is_whole).map(|(name, _)| *name);
    Outputs {
        values: names.map(|name| (*name, value(name))).collect(),
        shortened: short.chain((!result_is_whole).then_some("result")).collect(),
    }
}

/// Joins names with commas, and returns whether they are all there. What does not fit is counted at the end, after
/// the last comma, in words that are not a name.
pub(super) fn list(names: &mut dyn Iterator<Item = &str>) -> (String, bool) {
    const COUNT: usize = 64;
    let names: Vec<&str> = names.collect();
    let mut text = names.join(",");
    if text.len() <= OUTPUT_LIMIT {
        return (text, true);
    }
    let mut kept = 0;
    let mut length = COUNT;
    for name in &names {
        length += name.len() + 1;
        if length > OUTPUT_LIMIT {
            break;
        }
        kept += 1;
    }
    text = names[..kept].join(",");
    let _ = write!(text, ",… and {} more", names.len() - kept);
    (text, false)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_workflow_gets_every_output() {
        let names: Vec<&str> = outputs(&samples::fleet()).values.iter().map(|(name, _)| *name).collect();
        assert_eq!([names.as_slice(), &["result-file"]].concat(), OUTPUTS);
        let Outputs { values: mut outputs, shortened } = outputs(&samples::fleet());
        assert!(shortened.is_empty());
        let (_, result) = outputs.last_mut().expect("the result");
        assert!(!result.contains('\n'), "{result}");
        let value: serde_json::Value = serde_json::from_str(result).expect("JSON");
        *result = format!("{value:#}");
        let text: String = outputs.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_output_fits_into_a_variable_and_says_when_it_is_shortened() {
        let mut report = samples::run();
        for (count, name, shortened) in [
            (2, "a".repeat(63), &[] as &[&str]),
            (11_000, "tenant".to_owned(), &["migrated", "result"]),
            (2_500, "n".repeat(55), &["migrated", "result"]),
            (5_000, "é".repeat(20), &["migrated", "result"]),
        ] {
            report.databases =
                (0..count).map(|number| samples::migrated(&format!("{name}{number:05}"))).collect();
            let outputs = outputs(&report);
            assert_eq!(outputs.shortened, shortened, "{count}");
            for (output, value) in &outputs.values {
                assert!(value.len() <= 100 * 1024, "{output} of {count}: {}", value.len());
            }
            let migrated = outputs.values.iter().find(|(output, _)| *output == "migrated").expect("migrated");
            let names: Vec<&str> = migrated.1.split(',').collect();
            let Some((last, whole)) = names.split_last().filter(|_| !shortened.is_empty()) else { continue };
            assert!(
                whole.iter().zip(&report.databases).all(|(name, row)| *name == &*row.database),
                "{count}"
            );
            assert_eq!(*last, format!("… and {} more", count - whole.len()));
            assert!(last.parse::<crate::database_name::DatabaseName>().is_err(), "no name reads like it");
        }
    }

    #[test]
    fn a_run_that_failed_early_has_empty_outputs() {
        let outputs = outputs(&samples::no_repository()).values;
        for (name, value) in &outputs {
            assert_eq!(value.is_empty(), !matches!(*name, "exit-code" | "result"), "{name}={value}");
        }
    }
}
