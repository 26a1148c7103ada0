//! The tasks of a check: one for each pack.

use super::hearing::Hearing;
use crate::adapters::github::TaskList;
use crate::database_name::is_fleet;
use crate::errand::{Errand, Errands, Terms};
use crate::plan::Plan;
use crate::ports::TaskWorld;
use crate::report::check_report::CheckReport;
use crate::session::Session;
use crate::steps::revision::Revision;
use crate::steps::task::log::files::LogFiles;
use crate::steps::task::{FEW, Patience};

/// The errands that ask the databases of a plan.
pub(super) struct Checks<'a, W> {
    plan: &'a Plan,
    revision: &'a Revision,
    session: &'a Session<'a, &'a W, CheckReport>,
    heard: Hearing<'a>,
}

impl<'a, W: TaskWorld> Checks<'a, W> {
    pub(super) fn new(
        plan: &'a Plan,
        revision: &'a Revision,
        session: &'a Session<'a, &'a W, CheckReport>,
        list: Option<TaskList>,
        files: Option<&'a LogFiles>,
    ) -> Self {
        Self { plan, revision, session, heard: Hearing::new(plan, session, list, files) }
    }

    /// Runs a task for each pack, and goes on whatever becomes of one.
    pub(super) async fn run(&self) {
        let Self { plan, revision, session, .. } = self;
        let errands = plan.packs.iter().map(|pack| Errand {
            databases: pack.databases.clone(),
            request: plan.run_task(revision.arn(), &pack.databases, pack.attempt),
            place: pack.place,
        });
        let patience = Patience {
            timeout: *plan.task.common.timeout,
            log_drain: *plan.task.common.log_drain,
            lanes: plan.fleet.max_parallel.min(plan.packs.len()),
        };
        let reads_at_once = is_fleet(plan.databases().count()) && patience.lanes > FEW;
        let terms = Terms {
            definition: revision.definition(),
            container: &plan.container,
            cluster: &plan.cluster,
            region: plan.account.as_ref().map_or("", |account| &account.region),
            patience,
            on_timeout: plan.task.common.on_timeout,
            on_cancel: plan.task.common.on_cancel.tasks(),
            fleet_log: reads_at_once.then(|| plan.log_group(&plan.container)).flatten(),
        };
        Errands::new(terms, session, &self.heard).run(errands.collect()).await;
    }
}
