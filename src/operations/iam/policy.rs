//! Pure: the permission policy, one statement for each kind of resource.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Scope;
use crate::ports::{CALLS, DEPENDENT_ACTIONS, Grant, On, PUSH_ACTIONS, When};

/// Characters of a managed policy without its white space (IAM quotas).
pub const MAX_POLICY: usize = 6_144;

/// The identity-based policy of the role that runs the program.
pub fn permissions(scope: &Scope) -> Value {
    let statements: Vec<Value> = actions(scope)
        .into_iter()
        .map(|(on, actions)| {
            let mut statement = Map::new();
            statement.insert("Sid".into(), sid(on).into());
            statement.insert("Effect".into(), "Allow".into());
            statement.insert("Action".into(), one_or_many(actions.into_iter().map(str::to_owned).collect()));
            statement.insert("Resource".into(), one_or_many(resources(scope, on)));
            if let Some(condition) = condition(scope, on) {
                statement.insert("Condition".into(), condition);
            }
            Value::Object(statement)
        })
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// What a run with this scope does, by the kind of resource that it does it on.
fn actions(scope: &Scope) -> BTreeMap<On, Vec<&'static str>> {
    let calls = CALLS.iter().map(|call| (call.action, call.changes, call.grant));
    let pushes =
        PUSH_ACTIONS.iter().map(|action| (*action, true, Grant { on: On::Repository, when: When::Push }));
    let mut grouped = BTreeMap::<On, Vec<&str>>::new();
    for (action, changes, grant) in calls.chain(pushes).chain(DEPENDENT_ACTIONS.iter().copied()) {
        let wanted = scope.needs.contains(&grant.when) && !(changes && scope.plan_only);
        if wanted && grant.on != On::Nothing {
            grouped.entry(grant.on).or_default().push(action);
        }
    }
    grouped
}

fn sid(on: On) -> &'static str {
    match on {
        On::Nothing | On::Everything => "NoResourceLevel",
        On::Repository => "Image",
        On::EveryRepository => "NamesOfRepositories",
        On::Cluster => "Cluster",
        On::Family => "Revision",
        On::TagsOfNewRevisions => "TagsOfTheRevision",
        On::FamilyInCluster => "Run",
        On::TaskRoles => "RolesOfTheTask",
        On::EverythingInCluster => "ListTasks",
        On::TasksOfCluster => "Tasks",
        On::Service => "Service",
        On::LogStreams => "Logs",
    }
}

/// What a statement is for, to the person who signs it off.
pub fn reason(sid: &str) -> &'static str {
    match sid {
        "NoResourceLevel" => "IAM knows no narrower resource for these",
        "Image" => "look for the commit's image, and push it where it is built here",
        "NamesOfRepositories" => "hints: which repositories there are, when one is not found",
        "Cluster" => "is the cluster there, and active?",
        "Revision" => "register the revision that has the image and the database variable",
        "TagsOfTheRevision" => "only the tags that a revision is registered with",
        "Run" => "start migration tasks, of this family and in this cluster only",
        "RolesOfTheTask" => "hand the task its own roles, and to ECS tasks only",
        "ListTasks" => "does another task migrate this database now?",
        "Tasks" => "follow the tasks; stop them on an interrupt or at the timeout",
        "Service" => "take the network from this service",
        "Logs" => "read what the tasks print",
        _ => "",
    }
}

fn resources(scope: &Scope, on: On) -> Vec<String> {
    let Scope { partition, region, account, cluster, family, repository, service, .. } = scope;
    let arn = |service: &str, resource: &str| {
        vec![format!("arn:{partition}:{service}:{region}:{account}:{resource}")]
    };
    match on {
        On::Nothing | On::Everything | On::EverythingInCluster => vec!["*".into()],
        On::Repository => arn("ecr", &format!("repository/{repository}")),
        On::EveryRepository => arn("ecr", "repository/*"),
        On::Cluster => arn("ecs", &format!("cluster/{cluster}")),
        On::Family | On::FamilyInCluster | On::TagsOfNewRevisions => {
            arn("ecs", &format!("task-definition/{family}:*"))
        }
        On::TaskRoles => scope.roles.iter().cloned().collect(),
        On::TasksOfCluster => arn("ecs", &format!("task/{cluster}/*")),
        On::Service => arn("ecs", &format!("service/{cluster}/{service}")),
        On::LogStreams => {
            // GetLogEvents is an action on a stream, FilterLogEvents on the group, which the service authorization
            // reference writes without the star.
            let both = |(region, group): &(String, String)| {
                let group = format!("arn:{partition}:logs:{region}:{account}:log-group:{group}");
                [group.clone(), format!("{group}:*")]
            };
            scope.log_groups.iter().flat_map(both).collect()
        }
    }
}

fn condition(scope: &Scope, on: On) -> Option<Value> {
    let Scope { partition, region, account, cluster, .. } = scope;
    match on {
        On::FamilyInCluster | On::EverythingInCluster => Some(json!({
            "ArnEquals": {"ecs:cluster": format!("arn:{partition}:ecs:{region}:{account}:cluster/{cluster}")}
        })),
        On::TagsOfNewRevisions => {
            Some(json!({"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}}))
        }
        On::TaskRoles => {
            // The same name in every partition (IAM, service principals).
            Some(json!({"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}))
        }
        _ => None,
    }
}

fn one_or_many(mut values: Vec<String>) -> Value {
    if values.len() == 1 { values.remove(0).into() } else { values.into() }
}
