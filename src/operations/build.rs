//! All of `fargate-migrate build`: observe → plan → image → report.

use anyhow::Result;

use super::migrate::unless;
use crate::adapters::github::GitHub;
use crate::adapters::{Aws, identity::Access};
use crate::document;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::plan::build::BuildPlan;
use crate::progress::Progress;
use crate::report::build::{self, BuildReport};
use crate::settings::BuildSettings;
use crate::steps::image::image;
use crate::steps::observe::observe_build;
use crate::workflow_commands::SUMMARY_LIMIT;

pub enum BuildOutcome {
    /// `--plan`: nothing was changed.
    Planned(Box<BuildPlan>),
    Done(Box<BuildReport>),
}

/// # Errors
/// With `--plan`, whatever keeps the plan from being made. Without it, an error is part of the report.
pub async fn build(
    settings: &BuildSettings,
    progress: &Progress,
    github: Option<&GitHub>,
    interrupt: &Interrupt,
) -> Result<BuildOutcome> {
    if settings.plan_only {
        let (plan, _) = unless(interrupt, planned(settings, progress)).await?;
        return Ok(BuildOutcome::Planned(Box::new(plan)));
    }
    let mut report = BuildReport { tag: settings.image.tag.clone(), ..BuildReport::default() };
    if let Err(error) = unless(interrupt, run(settings, progress, &mut report)).await {
        report.error = Some(Failure::from_error(&error));
    }
    written(settings, github, &mut report, progress);
    Ok(BuildOutcome::Done(Box::new(report)))
}

async fn planned(settings: &BuildSettings, progress: &Progress) -> Result<(BuildPlan, Aws)> {
    let aws = Aws::connect(&Access::of_build(settings), &progress.aside()).await?;
    let observed = observe_build(settings, &aws, aws.region()).await?;
    Ok((BuildPlan::new(settings, observed)?, aws))
}

async fn run(settings: &BuildSettings, progress: &Progress, report: &mut BuildReport) -> Result<()> {
    progress.step("observe");
    let (plan, aws) = planned(settings, progress).await?;
    report.tag = plan.image.tag().map(str::to_owned);
    report.notes.clone_from(&plan.notes);
    report.image = Some(image(&plan.image, &aws, progress).await?.used());
    Ok(())
}

/// A file that can not be written is a note: the image is where it is.
fn written(settings: &BuildSettings, github: Option<&GitHub>, report: &mut BuildReport, progress: &Progress) {
    let mut problems = Vec::new();
    let summary = document::markdown(&report.document(), SUMMARY_LIMIT);
    if let Some(github) = github {
        let outputs = github.write_outputs(&build::outputs(report));
        problems.extend(outputs.err().map(|error| format!("the outputs were not written: {error:#}")));
        let written = github.write_summary(&summary);
        problems.extend(written.err().map(|error| format!("the job summary was not written: {error:#}")));
    }
    if let Some(path) = &settings.summary_file
        && let Err(error) = std::fs::write(path, &summary)
    {
        problems.push(format!("the summary was not written to {}: {error}", path.display()));
    }
    for problem in problems {
        progress.note(&problem);
        report.notes.push(problem);
    }
}
