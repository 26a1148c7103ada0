//! What a workflow's later steps can use.

use super::{Report, data};
use crate::document::printed;

/// Every output, as action.yml declares them.
pub const OUTPUTS: &[&str] = &[
    "image",
    "image-digest",
    "task-definition-arn",
    "migrated",
    "not-proved",
    "failed",
    "exit-code",
    "result",
];

/// The Action's outputs, all of them each time: the runner keeps the last value that it was given of each.
///
/// `migrated` and `failed` are names with commas between them, which `contains()` and shells can use as they are:
/// no name has a comma.
pub fn outputs(report: &Report) -> Vec<(&'static str, String)> {
    let image = report.image.as_ref();
    let commas = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(",");
    vec![
        ("image", image.map(|image| image.reference.clone()).unwrap_or_default()),
        ("image-digest", image.and_then(|image| image.digest.clone()).unwrap_or_default()),
        (
            "task-definition-arn",
            report.revision.as_ref().map(|revision| revision.arn.clone()).unwrap_or_default(),
        ),
        ("migrated", commas(&mut report.migrated())),
        ("not-proved", commas(&mut report.not_proved())),
        ("failed", commas(&mut report.not_migrated())),
        ("exit-code", (report.exit_code() as u8).to_string()),
        ("result", printed(&data::output(report))),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_workflow_gets_every_output() {
        let names: Vec<&str> = outputs(&samples::fleet()).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, OUTPUTS);
        let mut outputs = outputs(&samples::fleet());
        let (_, result) = outputs.last_mut().expect("the result");
        assert!(!result.contains('\n'), "{result}");
        let value: serde_json::Value = serde_json::from_str(result).expect("JSON");
        *result = format!("{value:#}");
        let text: String = outputs.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_run_that_failed_early_has_empty_outputs() {
        let outputs = outputs(&samples::no_repository());
        for (name, value) in &outputs {
            assert_eq!(value.is_empty(), !matches!(*name, "exit-code" | "result"), "{name}={value}");
        }
    }
}
