//! Pure: the permission policy, one statement for each kind of resource.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Scope;
use crate::choices::PolicyFor;
use crate::ecr_registry::{EcrRegistry, partition_of};
use crate::ports::{CALLS, Call, DEPENDENT_ACTIONS, ECS_TASKS, Grant, On, PUSH_ACTIONS, When};

/// Characters of a managed policy without its white space (IAM quotas).
pub(super) const MAX_POLICY: usize = 6_144;

/// Makes the identity-based policy of the role that runs the program.
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
    let network = scope.network_service.as_ref().map(|service| {
        let (sid, reason) = ("NetworkService", "take the network from this service");
        let resources = vec![ecs_arn(scope, &format!("service/{}/{service}", scope.cluster))];
        Statement { sid, reason, actions: vec![Call::DESCRIBE_SERVICES.action], resources, condition: None }
    });
    actions(scope).into_iter().map(|(on, actions)| statement(scope, on, actions)).chain(network)
}

fn ecs_arn(scope: &Scope, resource: &str) -> String {
    let Scope { partition, region, account, .. } = scope;
    format!("arn:{partition}:ecs:{region}:{account}:{resource}")
}

/// Returns the actions of a run with this scope, by the kind of resource that it does them on.
fn actions(scope: &Scope) -> BTreeMap<On, Vec<&'static str>> {
    let calls = CALLS.iter().map(|call| (call.action, call.changes, call.grant));
    // An image with the witness is pushed, too, whoever has built the one without it.
    let pushes = [When::Push, When::Witness].into_iter().flat_map(|when| {
        PUSH_ACTIONS.iter().map(move |action| (*action, true, Grant { on: On::Repository, when }))
    });
    let mut grouped = BTreeMap::<On, Vec<&str>>::new();
    for (action, changes, grant) in calls.chain(pushes).chain(DEPENDENT_ACTIONS.iter().copied()) {
        let wanted = scope.needs.contains(&grant.when) && !(changes && scope.plan_only);
        // Each ARN stands there once: a policy has a limit, and an action takes those that it is authorised on.
        let on = match grant.on {
            On::ServiceDeployments | On::ServiceRevisions => On::Service,
            on => on,
        };
        let actions = grouped.entry(on).or_default();
        if wanted && on != On::Nothing && !actions.contains(&action) {
            actions.push(action);
        }
    }
    grouped.retain(|_, actions| !actions.is_empty());
    grouped
}

fn statement(scope: &Scope, on: On, actions: Vec<&'static str>) -> Statement {
    let Scope { partition, region, account, cluster, families, service_families, services, .. } = scope;
    let arn = |service: &str, resource: String| {
        vec![format!("arn:{partition}:{service}:{region}:{account}:{resource}")]
    };
    let in_registry = |registry: &EcrRegistry, resource: &str| {
        let EcrRegistry { account, region } = registry;
        let partition = if *region == scope.region { partition } else { partition_of(region) };
        format!("arn:{partition}:ecr:{region}:{account}:repository/{resource}")
    };
    let repositories = scope.repositories.iter();
    let anything = || vec!["*".to_owned()];
    let of = |families: &mut dyn Iterator<Item = &String>| -> Vec<String> {
        families.flat_map(|family| arn("ecs", format!("task-definition/{family}:*"))).collect()
    };
    let revisions = || {
        let others = service_families.iter().filter(|family| !families.contains(family));
        of(&mut families.iter().chain(others))
    };
    let in_cluster =
        || Some(json!({"ArnEquals": {"ecs:cluster": &arn("ecs", format!("cluster/{cluster}"))[0]}}));
    // What belongs to a service is a service-deployment or a service-revision.
    let of_service = |name: &String| {
        [("service", ""), ("service-*", "/*")]
            .map(|(kind, rest)| ecs_arn(scope, &format!("{kind}/{cluster}/{name}{rest}")))
    };
    let string_equals = |key: &str, value: &str| Some(json!({"StringEquals": {key: value}}));
    let (sid, reason, resources, condition) = match on {
        On::Nothing | On::Everything => {
            ("NoResourceLevel", "IAM knows no narrower resource for these", anything(), None)
        }
        On::Repository => (
            "Image",
            match scope.operation {
                PolicyFor::Status => "which commit is an image known by?",
                _ => "look for the commit's image, and push it where it is built here",
            },
            repositories.map(|(registry, name)| in_registry(registry, name)).collect(),
            None,
        ),
        On::EveryRepository => (
            "NamesOfRepositories",
            "hints: which repositories there are, when one is not found",
            repositories.take(1).map(|(registry, _)| in_registry(registry, "*")).collect(),
            None,
        ),
        On::Cluster => {
            ("Cluster", "is the cluster there, and active?", arn("ecs", format!("cluster/{cluster}")), None)
        }
        On::Family => (
            "Revision",
            match scope.operation {
                PolicyFor::Migrate
                | PolicyFor::Build
                | PolicyFor::Check
                | PolicyFor::Run
                | PolicyFor::Status => "register the revision that has the image and the database variable",
                PolicyFor::Deploy => {
                    "register the revisions that have the image: the migration's, each service's"
                }
                PolicyFor::Rollback => "register what ran before again, where ECS has it no more",
            },
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
            match scope.operation {
                PolicyFor::Run => "start one-off tasks, of this family and in this cluster only",
                _ => "start migration tasks, of this family and in this cluster only",
            },
            of(&mut families.iter()),
            in_cluster(),
        ),
        On::TaskRoles => (
            "RolesOfTheTask",
            "hand the task its own roles, and to ECS tasks only",
            scope.roles.iter().cloned().collect(),
            string_equals("iam:PassedToService", ECS_TASKS),
        ),
        On::EverythingInCluster => (
            "ListTasks",
            match scope.operation {
                PolicyFor::Migrate | PolicyFor::Build | PolicyFor::Check => {
                    "does another task migrate this database now?"
                }
                PolicyFor::Deploy => {
                    "does another task migrate this database now? which tasks has a service?"
                }
                PolicyFor::Rollback => "which tasks has a service?",
                PolicyFor::Run => "which of its tasks has a run left behind? which service has the family?",
                PolicyFor::Status => "which tasks migrate a database now? which tasks has a service?",
            },
            anything(),
            in_cluster(),
        ),
        On::TasksOfCluster => (
            "Tasks",
            match scope.operation {
                PolicyFor::Status => "see the tasks",
                _ => "follow the tasks; stop them on an interrupt or at the timeout",
            },
            arn("ecs", format!("task/{cluster}/*")),
            None,
        ),
        On::Service | On::ServiceDeployments | On::ServiceRevisions => (
            "Services",
            match scope.operation {
                PolicyFor::Rollback => "take the service back, follow its deployment, and prove what runs",
                PolicyFor::Status => "see the service and its deployments",
                _ => "put the revision on the service, follow its deployment, and prove what runs",
            },
            services.iter().flat_map(of_service).collect(),
            None,
        ),
        On::LogStreams => {
            // GetLogEvents is an action on a stream, FilterLogEvents on the group, which the service authorization
            // reference writes without the star.
            let group = |(region, group): &(String, String)| {
                format!("arn:{partition}:logs:{region}:{account}:log-group:{group}")
            };
            let both =
                scope.log_groups.iter().map(group).flat_map(|group| [group.clone(), format!("{group}:*")]);
            let streams = scope.service_log_groups.iter().map(|one| format!("{}:*", group(one)));
            ("Logs", "read what the tasks print", both.chain(streams).collect(), None)
        }
    };
    Statement { sid, reason, actions, resources, condition }
}

fn one_or_many(mut values: Vec<String>) -> Value {
    if values.len() == 1 { values.remove(0).into() } else { values.into() }
}
