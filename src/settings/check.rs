//! What `fargate-migrate check` was asked for, checked.

use super::{Kind, RunIdentity, Settings, Stages};
use crate::cli;
use crate::failure::Failure;
use crate::values::{Assignment, Words, Wrong};
use crate::witness;

/// What a check is asked for.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// Where its tasks run and what they are told, as of a migration whose command is the check's.
    pub target: Settings,
    /// Whether to keep a comment on the pull request.
    pub comment: bool,
}

impl CheckSettings {
    /// Checks the flags of `check`, and makes the settings from them.
    ///
    /// # Errors
    /// A flag is missing, or its value cannot be used with those of others.
    pub fn new(flags: cli::CheckFlags, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        let comment = flags.comment;
        if comment && flags.plan {
            return Err(Failure::input(
                "--comment of check cannot be used with --plan, which checks nothing",
            )
            .hint("omit --plan: the comment says what is pending in each database"));
        }
        let mut target = Settings::new(flags.into_migrate_flags(), commit, run.of(Kind::Check))?;
        told(&mut target)?;
        Ok(Self { target, comment })
    }

    /// Makes the check of `migrate --plan --check`, of what the migration with these settings would migrate.
    ///
    /// # Errors
    /// There is no check command, or no `--plan`.
    pub fn of_plan(settings: &Settings, command: Option<Words>) -> Result<Self, Failure> {
        if !settings.common.plan_only {
            return Err(Failure::input("--check without --plan")
                .hint("add --plan; a migration itself reports on each database, and needs no check"));
        }
        let mut target = settings.clone();
        target.common.run = target.common.run.of(Kind::Check);
        target.task.command = command;
        told(&mut target)?;
        target.stages = Stages::One;
        // The plan looks at it.
        target.sql = cli::SqlFlags::default();
        target.github.deployments = false;
        target.resume = cli::ResumeFlags { state: None, resume: false, only_failed: false };
        Ok(Self { target, comment: false })
    }
}

/// Tells the witness, where there is one, to report and to run nothing; or to run the check's own command alone.
///
/// Refuses a check without either: the task definition's command migrates, so it is not a default.
fn told(target: &mut Settings) -> Result<(), Failure> {
    let operation = match (&target.witness, &target.task.command) {
        (None, Some(_)) => return Ok(()),
        (Some(_), None) => witness::CHECK,
        (Some(_), Some(_)) => witness::EXEC,
        (None, None) => return Err(Failure::input("no check command given").hint(
            "pass --check-command COMMAND, or check-command in the configuration file: a command that prints a migration \
             report and changes nothing, such as \"app status --report\"; or pass --witness, which needs none",
        )),
    };
    let name = witness::OPERATION.parse().map_err(|wrong: Wrong| wrong.about("the witness's variable"))?;
    target.task.common.env.push(Assignment { name, value: operation.to_owned() });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::samples;

    #[test]
    fn a_check_of_a_plan_is_a_run_of_its_own_kind_that_records_nothing() {
        let command: Words = "app status --report".parse().expect("words");
        let planned = samples::of(&["--plan", "--database=a", "--canary=1", "--deployments"]);
        let check = CheckSettings::of_plan(&planned, Some(command.clone())).expect("settings").target;
        assert_eq!(check.common.run.started_by, "fargate-migrate-check/local-test");
        assert_eq!((check.task.command, check.github.deployments), (Some(command.clone()), false));
        assert!(matches!(check.stages, Stages::One), "a check that fails stops no other");
        let none = CheckSettings::of_plan(&planned, None).expect_err("no command");
        assert_eq!(none.message, "no check command given");
        let applied = samples::of(&["--database=a"]);
        let refused = CheckSettings::of_plan(&applied, Some(command)).expect_err("no plan");
        assert_eq!(refused.message, "--check without --plan");
    }
}
