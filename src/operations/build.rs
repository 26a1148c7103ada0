//! `fargate-migrate build`: the commit's image is in the registry, and known by its digest.

use anyhow::Result;
use serde_json::Value;

use super::{Operation, Planned};
use crate::adapters::ThisMachine;
use crate::adapters::github::GitHub;
use crate::cli;
use crate::document::Document;
use crate::failure::{ExitCode, Failure};
use crate::plan::build_plan::BuildPlan;
use crate::ports::{Reads, Writes};
use crate::recorder::Reported;
use crate::report::build_report::{self, BuildReport};
use crate::report::{Annotation, Outputs};
use crate::session::Session;
use crate::settings::{BuildSettings, Common};
use crate::steps::image::image;
use crate::steps::observe::observe_build;

pub struct Build {
    settings: BuildSettings,
}

impl Build {
    /// Reads the flags. The commit of the workflow's run is the image's tag where there is none and nothing is
    /// checked out.
    ///
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::BuildFlags, github: Option<&GitHub>) -> Result<Self, Failure> {
        let commit = github.and_then(|github| github.sha.clone());
        Ok(Self { settings: BuildSettings::new(flags, commit, super::identity(github))? })
    }
}

impl Operation for Build {
    type Plan = BuildPlan;
    type Report = BuildReport;

    fn common(&self) -> &Common {
        &self.settings.common
    }

    fn report(&self) -> BuildReport {
        BuildReport { tag: self.settings.image.tag.clone(), ..BuildReport::default() }
    }

    async fn plan<R: Reads>(&self, session: &Session<'_, Option<&R>, BuildReport>) -> Result<BuildPlan> {
        let Some(aws) = session.world else {
            return Err(Failure::input("a build cannot be planned without AWS").into());
        };
        let observed = observe_build(&self.settings, &ThisMachine, aws).await?;
        Ok(BuildPlan::new(&self.settings, observed)?)
    }

    async fn apply<W: Reads + Writes>(
        &self,
        plan: &BuildPlan,
        session: &Session<'_, &W, BuildReport>,
    ) -> Result<()> {
        session.recorder.update(|report| {
            report.tag = plan.image.tag().map(str::to_owned);
            report.notes.clone_from(&plan.notes);
        });
        let note = |text: String| session.recorder.note(text);
        let image = image(&plan.image, None, session.world, session.progress, &note);
        let image = session.interrupt.unless(image).await?;
        session.recorder.update(|report| report.image = Some(image.used()));
        Ok(())
    }
}

impl Planned for BuildPlan {
    fn document(&self) -> Result<Document, Failure> {
        Ok(self.document())
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }
}

impl Reported for BuildReport {
    fn document(&self) -> Document {
        self.document()
    }

    fn data(&self) -> Value {
        self.document().data
    }

    fn outputs(&self) -> Outputs {
        build_report::outputs(self)
    }

    fn exit_code(&self) -> ExitCode {
        self.exit_code()
    }

    fn annotations(&self) -> Vec<Annotation> {
        let of_error = |error: &Failure| Annotation {
            title: "fargate-migrate".into(),
            message: error.message.clone(),
            file: None,
            line: None,
        };
        self.error.iter().map(of_error).collect()
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn end(&mut self, error: Option<Failure>) {
        self.error = error;
    }
}
