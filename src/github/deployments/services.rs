//! A GitHub Deployment for each environment of services: of one service, or of all that a run is asked for.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::DeploymentQueue;
use super::outbox::Outbox;
use super::wanted::{Kind, Subject, description};
use crate::hex::is_commit;
use crate::interrupt::Interrupt;
use crate::ports::github::{DeploymentState, DeploymentTask, GitHubDeployments, NewDeployment};
use crate::report::ServiceReport;
use crate::verdict::service::ServiceVerdict;
use crate::words::counted;

/// Stands in `--service-environment` for the service's name.
const SERVICE: &str = "{service}";
/// Services that a payload lists: GitHub keeps it with the deployment.
const LISTED: usize = 100;

/// What the deployments of a run's services have in common.
pub(crate) struct ServiceDeployments {
    /// `--service-environment`.
    pub environment: String,
    pub task: DeploymentTask,
    pub cluster: String,
    /// The commit of a service whose own is not known: the workflow's, where the run is what deploys it.
    pub commit: Option<String>,
    /// The run's `startedBy` at ECS.
    pub started_by: String,
    pub started_at: Timestamp,
}

/// The deployments of services to record, and how far each of them is.
pub(crate) struct ServiceDeploymentQueue {
    about: ServiceDeployments,
    /// Why environments have no GitHub Deployment: a note for each.
    without: RefCell<Vec<String>>,
    outbox: Rc<Outbox>,
}

impl ServiceDeploymentQueue {
    pub(crate) fn new(about: ServiceDeployments) -> Self {
        Self { about, without: RefCell::default(), outbox: Rc::default() }
    }

    /// Sends by way of the databases' queue, whose [`DeploymentQueue::record_during`] then records both: GitHub's
    /// limits are for all that a run tells.
    pub(crate) fn beside(databases: &DeploymentQueue, about: ServiceDeployments) -> Self {
        Self { outbox: Rc::clone(&databases.outbox), ..Self::new(about) }
    }

    /// Records that deployments of these services are about to begin, now that it is known what they are to run.
    pub(crate) fn begun(&self, rows: &[ServiceReport]) {
        for (environment, rows) in self.environments(rows) {
            let text = format!("{} in {}", named(&rows), self.about.cluster);
            self.want(&environment, &rows, (DeploymentState::InProgress, description(&text)));
        }
    }

    /// Records the results of the environments whose services all have a verdict. Where no service's deployment was
    /// started, though one was needed, no GitHub Deployment is made.
    pub(crate) fn judged(&self, rows: &[ServiceReport]) {
        for (environment, rows) in self.environments(rows) {
            let Some(state) = state(&rows) else { continue };
            let shown = (state, description(&said(&rows)));
            let is_not_deployed =
                |row: &&ServiceReport| row.verdict.as_ref().is_some_and(ServiceVerdict::is_not_begun);
            if rows.iter().all(is_not_deployed) {
                self.outbox.show(&of(&environment), shown.0, shown.1);
            } else {
                self.want(&environment, &rows, shown);
            }
        }
    }

    /// Awaits `run` and records meanwhile, as [`DeploymentQueue::record_during`] does.
    pub(crate) async fn record_during<T>(
        &self,
        api: &impl GitHubDeployments,
        run: impl Future<Output = T>,
        interrupt: &Interrupt,
    ) -> T {
        self.outbox.record_during(api, run, interrupt).await
    }

    /// Returns the notes for the report, one per cause; none when everything is recorded.
    pub(crate) fn notes(&self, rows: &[ServiceReport]) -> Vec<String> {
        let behind = self.outbox.notes(Kind::Services, self.environments(rows).len());
        self.without.borrow().iter().cloned().chain(behind).collect()
    }

    /// Groups the services by environment, in their order.
    fn environments<'a>(&self, rows: &'a [ServiceReport]) -> Vec<(String, Vec<&'a ServiceReport>)> {
        let mut environments: Vec<(String, Vec<&ServiceReport>)> = Vec::new();
        for row in rows {
            let name = self.about.environment.replace(SERVICE, &row.service);
            match environments.iter_mut().find(|(known, _)| *known == name) {
                Some((_, rows)) => rows.push(row),
                None => environments.push((name, vec![row])),
            }
        }
        environments
    }

    fn want(&self, environment: &str, rows: &[&ServiceReport], shown: (DeploymentState, String)) {
        match self.commit(rows) {
            Ok(commit) => {
                self.outbox.want(of(environment), || self.deployment(environment, commit, rows), Some(shown));
            }
            Err(why) => {
                let note = format!("no GitHub Deployment is recorded in environment {environment}: {why}");
                let mut without = self.without.borrow_mut();
                if !without.contains(&note) {
                    without.push(note);
                }
            }
        }
    }

    /// Returns the commit that all of these services are to be at, or else why there is no such commit.
    fn commit(&self, rows: &[&ServiceReport]) -> Result<String, String> {
        let own = |row: &&ServiceReport| {
            let tag = row.to.as_ref().and_then(|to| to.tag.clone()).filter(|tag| is_commit(tag));
            tag.or_else(|| self.about.commit.clone())
        };
        let mut commits: Vec<Option<String>> = rows.iter().map(own).collect();
        commits.sort_unstable();
        commits.dedup();
        match commits.as_slice() {
            [Some(commit)] => Ok(commit.clone()),
            [_, _, ..] if commits.iter().all(Option::is_some) => Err(format!(
                "its services are at different commits; with {SERVICE} in --service-environment each has one of its own"
            )),
            _ => Err("which commit it is about is not known".to_owned()),
        }
    }

    fn deployment(&self, environment: &str, commit: String, rows: &[&ServiceReport]) -> NewDeployment {
        let ServiceDeployments { task, cluster, started_by, started_at, .. } = &self.about;
        let service = |row: &&ServiceReport| {
            let (from, to) = (row.from.as_ref(), row.to.as_ref());
            json!({
                "service": row.service,
                "task_definition": to.map(|to| &to.task_definition),
                "image": to.and_then(|to| to.image.as_ref()),
                "image_digest": to.and_then(|to| to.digest.as_ref()),
                "from": from.map(|from| &from.task_definition),
            })
        };
        let services: Vec<Value> = rows.iter().take(LISTED).map(service).collect();
        let doing = match task {
            DeploymentTask::RollBackServices => "roll back",
            _ => "deploy",
        };
        NewDeployment {
            task: *task,
            environment: environment.to_owned(),
            description: description(&format!("{doing} {} in {cluster}", named(rows))),
            payload: json!({
                "key": format!("{started_by}/{environment}/{}", started_at.as_nanosecond()),
                "cluster": cluster,
                "services": services,
            }),
            commit,
        }
    }
}

fn of(environment: &str) -> Subject {
    Subject { kind: Kind::Services, name: environment.to_owned() }
}

/// Lists the services by name: `service web`, `2 services: web, worker`.
fn named(rows: &[&ServiceReport]) -> String {
    match rows {
        [one] => format!("service {}", one.service),
        _ => {
            let names: Vec<&str> = rows.iter().map(|row| row.service.as_str()).collect();
            format!("{}: {}", counted(rows.len(), "service"), names.join(", "))
        }
    }
}

/// Judges a deployment by the verdicts of its services; none before all of them are there.
///
/// `success` makes a commit the one that an environment is at: every service runs what was asked for.
fn state(rows: &[&ServiceReport]) -> Option<DeploymentState> {
    let verdicts: Option<Vec<&ServiceVerdict>> = rows.iter().map(|row| row.verdict.as_ref()).collect();
    let verdicts = verdicts?;
    Some(match () {
        () if verdicts.iter().all(|verdict| verdict.is_done()) => DeploymentState::Success,
        () if verdicts.iter().any(|verdict| matches!(verdict, ServiceVerdict::Cancelled { .. })) => {
            DeploymentState::Error
        }
        () => DeploymentState::Failure,
    })
}

/// Describes the verdicts: `deployed: web:12 in 2 running tasks …`; of several `deployed: web, cron; rolled back:
/// worker`.
fn said(rows: &[&ServiceReport]) -> String {
    if let [ServiceReport { verdict: Some(verdict), .. }] = rows {
        return format!("{}: {}", verdict.word(), verdict.explain());
    }
    let mut words: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in rows {
        let word = row.verdict.as_ref().map_or("under way", ServiceVerdict::word);
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, names)) => names.push(&row.service),
            None => words.push((word, vec![&row.service])),
        }
    }
    // The ones that need a person are not cut off.
    words.sort_by_key(|(word, _)| matches!(*word, "deployed" | "unchanged"));
    let words: Vec<String> =
        words.iter().map(|(word, names)| format!("{word}: {}", names.join(", "))).collect();
    words.join("; ")
}

#[cfg(test)]
mod tests;
