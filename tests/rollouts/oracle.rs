//! Whether a verdict is so, by what ECS knew when it was said.
//!
//! It shares no code with the product: it reads the simulated ECS's own state as JSON.

use fargate_migrate::report::ServiceReport;
use serde_json::Value;

use crate::world::{Heard, Truth, digest};

fn last_part(text: &Value) -> &str {
    text.as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default()
}

fn list<'a>(value: &'a Value, member: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    value[member].as_array().into_iter().flatten()
}

impl Truth {
    /// The content of a service revision by its number.
    pub fn content(&self, number: &str) -> Option<&str> {
        let revision =
            list(&self.0, "serviceRevisions").find(|one| last_part(&one["serviceRevisionArn"]) == number)?;
        revision["containerImages"][0]["image"].as_str()?.rsplit('@').next()
    }

    /// The number of the PRIMARY deployment.
    pub fn primary(&self) -> &str {
        let primary = list(&self.0, "deployments").find(|one| one["status"] == "PRIMARY");
        primary.map_or("", |one| last_part(&one["id"]))
    }

    pub fn primary_content(&self) -> &str {
        self.content(self.primary()).unwrap_or_default()
    }

    /// Status and target of every service deployment, the oldest first.
    pub fn deployments(&self) -> Vec<(&str, &str)> {
        let each = list(&self.0, "serviceDeployments").map(|one| {
            (one["status"].as_str().unwrap_or_default(), last_part(&one["targetServiceRevision"]["arn"]))
        });
        each.collect()
    }

    /// Numbers of service revisions that a deployment came to: SUCCESSFUL ones, and those that ECS went back to.
    pub fn ran(&self) -> Vec<&str> {
        let each = list(&self.0, "serviceDeployments").filter_map(|one| match one["status"].as_str() {
            Some("SUCCESSFUL") => Some(last_part(&one["targetServiceRevision"]["arn"])),
            Some("ROLLBACK_SUCCESSFUL") => Some(last_part(&one["rollback"]["serviceRevisionArn"])),
            _ => None,
        });
        each.collect()
    }

    pub fn desired(&self) -> u64 {
        self.0["desiredCount"].as_u64().unwrap_or_default()
    }

    /// Digests of the tasks that run and are to run: of one deployment, or of all.
    fn running(&self, number: Option<&str>) -> Vec<&str> {
        let runs = |task: &&Value| task["lastStatus"] == "RUNNING" && task["desiredStatus"] == "RUNNING";
        let of = |task: &&Value| number.is_none_or(|number| last_part(&task["startedBy"]) == number);
        let digest = |task: &'_ Value| task["containers"][0]["imageDigest"].as_str().map(str::to_owned);
        let tasks = list(&self.0, "tasks").filter(runs).filter(of);
        tasks
            .filter(|task| digest(task).is_some())
            .map(|task| task["containers"][0]["imageDigest"].as_str().unwrap_or_default())
            .collect()
    }

    /// Whether the service runs this content, completely and nothing else. `when_moved` says that somebody else has moved
    /// it so shortly before that nobody could have seen it: what came before counts then.
    pub fn runs(&self, wanted: char, when_moved: bool, may_lack_tasks: bool) -> Result<(), String> {
        let wanted = digest(wanted);
        let is_wanted = |number: &&str| self.content(number) == Some(&wanted);
        let ran = self.ran();
        if !ran.iter().any(is_wanted) {
            return Err("no service deployment of it is SUCCESSFUL".into());
        }
        if when_moved {
            return Ok(());
        }
        let primary = self.primary();
        if !is_wanted(&primary) {
            return Err("PRIMARY has another content".into());
        }
        if !ran.contains(&primary) {
            return Err("the service deployment of PRIMARY is not SUCCESSFUL".into());
        }
        if let Some(other) = self.running(None).into_iter().find(|digest| *digest != wanted) {
            return Err(format!("a task runs {other}"));
        }
        let (running, desired) = (self.running(Some(primary)).len() as u64, self.desired());
        if !may_lack_tasks && running < desired {
            return Err(format!("{running} of {desired} tasks run"));
        }
        Ok(())
    }
}

/// The last time that a row's verdict was said.
pub fn said<'a>(row: &ServiceReport, heard: &'a [Heard]) -> Result<&'a Heard, String> {
    let word = row.verdict.as_ref().map_or("none", |verdict| verdict.word());
    let last = heard.iter().rev().find(|one| one.service == row.service && one.what == word);
    last.ok_or_else(|| format!("{} is {word}, and nobody was told", row.service))
}

/// The codes that a run may end with when a service has come to this.
pub fn codes(word: &str) -> &'static [i32] {
    match word {
        "deployed" | "unchanged" | "deployed with no tasks wanted" => &[0],
        "paused" | "timed out" => &[4],
        "cancelled" => &[130],
        // It has the code of its cause.
        "not deployed" => &[1, 2, 3, 4, 130],
        "unproved" => &[1, 3],
        _ => &[1],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sandbox::seed;
    use serde_json::json;

    use crate::others::revision;
    use crate::services::{Image, Service};
    use crate::world::{NEW, OLD, Truth, World, simulate, truth};

    /// While the new image is deployed it does not run yet; after a rollback the service is stable, and runs the old one.
    #[test]
    fn what_runs_is_told_from_what_is_only_stable() {
        for (image, runs) in [(Image::Healthy, NEW), (Image::Crashes { after: 1 }, OLD)] {
            simulate(1, async || {
                let world = World::new(1);
                let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
                let service = Service {
                    name: "web".into(),
                    image,
                    desired: 2,
                    configuration: breaker,
                    old_is_sick: false,
                };
                service.create(&world, &[OLD, NEW]);
                world.settled("web").await;
                let arn = revision(&world, "web", NEW).expect("registered");
                let input = json!({"cluster": seed::CLUSTER, "service": "web", "taskDefinition": arn});
                world.sandbox.ask("UpdateService", &input).map_err(|error| error.message).expect("updated");
                tokio::time::sleep(Duration::from_secs(5)).await;
                assert!(truth(&world.sandbox, "web").runs(NEW, false, true).is_err());
                world.settled("web").await;
                let now: Truth = truth(&world.sandbox, "web");
                assert_eq!(now.runs(NEW, false, false).is_ok(), runs == NEW, "{image:?}");
                assert_eq!(now.runs(OLD, false, false).is_ok(), runs == OLD, "{image:?}");
            });
        }
    }
}
