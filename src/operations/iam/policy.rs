//! Pure: the permission policy, one statement for each kind of resource.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Scope;
use crate::ecr_registry::{EcrRegistry, partition_of};
use crate::ports::{CALLS, DEPENDENT_ACTIONS, ECS_TASKS, Grant, On, PUSH_ACTIONS, When};

/// Characters of a managed policy without its white space (IAM quotas).
pub(super) const MAX_POLICY: usize = 6_144;

/// The identity-based policy of the role that runs the program.
pub(super) fn permissions(scope: &Scope) -> Value {
    let json = |statement: Statement| {
        let mut json = json!({
            "Sid": statement.sid,
            "Effect": "Allow",
            "Action": one_or_many(statement.actions.into_iter().map(str::to_owned).collect()),
            "Resource": one_or_many(statement.resources),
        });
        if let Some(condition) = statement.condition {
            json["Condition"] = condition;
        }
        json
    };
    let statements: Vec<Value> = statements(scope).map(json).collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// What is allowed on one kind of resource.
pub(super) struct Statement {
    pub sid: &'static str,
    /// What it is for, to the person who signs it off.
    pub reason: &'static str,
    actions: Vec<&'static str>,
    resources: Vec<String>,
    condition: Option<Value>,
}

pub(super) fn statements(scope: &Scope) -> impl Iterator<Item = Statement> {
    actions(scope).into_iter().map(|(on, actions)| statement(scope, on, actions))
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

fn statement(scope: &Scope, on: On, actions: Vec<&'static str>) -> Statement {
    let Scope { partition, region, account, cluster, families, registry, repository, service, .. } = scope;
    let arn = |service: &str, resource: String| {
        vec![format!("arn:{partition}:{service}:{region}:{account}:{resource}")]
    };
    let in_registry = |resource: String| {
        let EcrRegistry { account, region } = registry;
        let partition = if *region == scope.region { partition } else { partition_of(region) };
        vec![format!("arn:{partition}:ecr:{region}:{account}:{resource}")]
    };
    let anything = || vec!["*".to_owned()];
    let revisions = || -> Vec<String> {
        families.iter().flat_map(|family| arn("ecs", format!("task-definition/{family}:*"))).collect()
    };
    let in_cluster =
        || Some(json!({"ArnEquals": {"ecs:cluster": &arn("ecs", format!("cluster/{cluster}"))[0]}}));
    let string_equals = |key: &str, value: &str| Some(json!({"StringEquals": {key: value}}));
    let (sid, reason, resources, condition) = match on {
        On::Nothing | On::Everything => {
            ("NoResourceLevel", "IAM knows no narrower resource for these", anything(), None)
        }
        On::Repository => (
            "Image",
            "look for the commit's image, and push it where it is built here",
            in_registry(format!("repository/{repository}")),
            None,
        ),
        On::EveryRepository => (
            "NamesOfRepositories",
            "hints: which repositories there are, when one is not found",
            in_registry("repository/*".to_owned()),
            None,
        ),
        On::Cluster => {
            ("Cluster", "is the cluster there, and active?", arn("ecs", format!("cluster/{cluster}")), None)
        }
        On::Family => (
            "Revision",
            "register the revision that has the image and the database variable",
            revisions(),
            None,
        ),
        On::TagsOfNewRevisions => (
            "TagsOfTheRevision",
            "only the tags that a revision is registered with",
            revisions(),
            string_equals("ecs:CreateAction", "RegisterTaskDefinition"),
        ),
        On::TagsOfNewTasks => (
            "TagsOfTheTask",
            "only the tags that a task is started with",
            arn("ecs", format!("task/{cluster}/*")),
            string_equals("ecs:CreateAction", "RunTask"),
        ),
        On::FamilyInCluster => (
            "Run",
            "start migration tasks, of this family and in this cluster only",
            revisions(),
            in_cluster(),
        ),
        On::TaskRoles => (
            "RolesOfTheTask",
            "hand the task its own roles, and to ECS tasks only",
            scope.roles.iter().cloned().collect(),
            string_equals("iam:PassedToService", ECS_TASKS),
        ),
        On::EverythingInCluster => {
            ("ListTasks", "does another task migrate this database now?", anything(), in_cluster())
        }
        On::TasksOfCluster => (
            "Tasks",
            "follow the tasks; stop them on an interrupt or at the timeout",
            arn("ecs", format!("task/{cluster}/*")),
            None,
        ),
        On::Service => (
            "Service",
            "take the network from this service",
            arn("ecs", format!("service/{cluster}/{service}")),
            None,
        ),
        On::LogStreams => {
            // GetLogEvents is an action on a stream, FilterLogEvents on the group, which the service authorization
            // reference writes without the star.
            let both = |(region, group): &(String, String)| {
                let group = format!("arn:{partition}:logs:{region}:{account}:log-group:{group}");
                [group.clone(), format!("{group}:*")]
            };
            ("Logs", "read what the tasks print", scope.log_groups.iter().flat_map(both).collect(), None)
        }
    };
    Statement { sid, reason, actions, resources, condition }
}

fn one_or_many(mut values: Vec<String>) -> Value {
    if values.len() == 1 { values.remove(0).into() } else { values.into() }
}
