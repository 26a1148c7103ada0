//! Clusters.

use serde_json::{Value, json};

use super::{State, max_results, short_name, strings};
use crate::answer::{Answer, AwsError};
use crate::paging::paged;
use crate::region::Region;

/// A cluster; its counts come from the tasks.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub arn: String,
    pub name: String,
    pub tags: Value,
    pub capacity_providers: Vec<String>,
    pub default_strategy: Value,
}

impl State {
    /// Finds the cluster that a request names, by name or ARN; `default` when it names none.
    pub fn cluster(&self, name_or_arn: Option<&str>) -> Result<&Cluster, AwsError> {
        let wanted = name_or_arn.unwrap_or("default");
        self.clusters
            .get(short_name(wanted))
            .filter(|cluster| !wanted.starts_with("arn:") || cluster.arn == wanted)
            .ok_or_else(|| AwsError::client("ClusterNotFoundException", "Cluster not found."))
    }
}

pub(super) fn create(region: &Region, input: &Value) -> Answer {
    let name = input["clusterName"].as_str().unwrap_or("default");
    let mut state = region.ecs.state();
    let cluster = state.clusters.entry(name.into()).or_insert_with(|| Cluster {
        arn: region.arn("ecs", &format!("cluster/{name}")),
        name: name.into(),
        tags: input.get("tags").cloned().unwrap_or_else(|| json!([])),
        capacity_providers: strings(&input["capacityProviders"]),
        default_strategy: input.get("defaultCapacityProviderStrategy").cloned().unwrap_or_else(|| json!([])),
    });
    let cluster = cluster.clone();
    Ok(json!({ "cluster": render(&state, &cluster, &["TAGS".into(), "SETTINGS".into()]) }))
}

/// Makes the CreateCluster request that makes this cluster.
pub(crate) fn creation(cluster: &Cluster) -> Value {
    json!({
        "clusterName": cluster.name,
        "tags": cluster.tags,
        "capacityProviders": cluster.capacity_providers,
        "defaultCapacityProviderStrategy": cluster.default_strategy,
    })
}

pub(super) fn describe(region: &Region, input: &Value) -> Answer {
    let state = region.ecs.state();
    let mut wanted = strings(&input["clusters"]);
    if wanted.is_empty() {
        wanted.push("default".into());
    }
    let include = strings(&input["include"]);
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for name in wanted {
        match state.cluster(Some(&name)) {
            Ok(cluster) => clusters.push(render(&state, cluster, &include)),
            Err(_) => {
                let arn = if name.starts_with("arn:") {
                    name
                } else {
                    region.arn("ecs", &format!("cluster/{name}"))
                };
                failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            }
        }
    }
    Ok(json!({ "clusters": clusters, "failures": failures }))
}

pub(super) fn list(region: &Region, input: &Value) -> Answer {
    let arns: Vec<String> = region.ecs.state().clusters.values().map(|cluster| cluster.arn.clone()).collect();
    paged(arns, "clusterArns", input, max_results(input)?)
}

fn render(state: &State, cluster: &Cluster, include: &[String]) -> Value {
    let here = || state.tasks.values().filter(|task| task.cluster == cluster.name);
    let running = here().filter(|task| task.last_status == "RUNNING").count();
    let pending =
        here().filter(|task| matches!(task.last_status, "PROVISIONING" | "PENDING" | "ACTIVATING")).count();
    let services = state.services.keys().filter(|(name, _)| *name == cluster.name).count();
    let included = |what: &str| include.iter().any(|word| word == what);
    json!({
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": services,
        "statistics": [],
        "tags": if included("TAGS") { cluster.tags.clone() } else { json!([]) },
        "settings": if included("SETTINGS") {
            json!([{ "name": "containerInsights", "value": "disabled" }])
        } else {
            json!([])
        },
        "capacityProviders": cluster.capacity_providers,
        "defaultCapacityProviderStrategy": cluster.default_strategy,
    })
}
