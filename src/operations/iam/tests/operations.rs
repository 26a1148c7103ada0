//! Each operation has what it does, and nothing of the others.

use super::*;

const BASE: [&str; 3] = ["--task-definition", FILE, "--cluster=c"];

/// A task definition of a service: of another family, with roles and a log group of its own.
fn definition(family: &str) -> TaskDefinition {
    // A role's name has 64 characters at most.
    let short: String = family.chars().take(50).collect();
    let arn = |kind: &str| format!("arn:aws:iam::123456789012:role/{short}-{kind}");
    let document = json!({"taskDefinition": {
        "taskDefinitionArn": format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{family}:7"),
        "family": family,
        "revision": 7,
        "executionRoleArn": arn("execution"),
        "taskRoleArn": arn("task"),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{
            "name": "web",
            "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1",
            "essential": true,
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": format!("/ecs/{family}"),
                "awslogs-region": "us-east-1",
                "awslogs-stream-prefix": "web",
            }},
        }],
    }, "tags": []});
    TaskDefinition::from_json(document, family).expect("a task definition")
}

fn scope_of(arguments: &[&str], services: Option<Vec<TaskDefinition>>) -> Scope {
    let flags = flags(arguments);
    let task_definition = Some(TaskDefinition::from_file(FILE.as_ref()).unwrap());
    let known = SeenInAws { task_definition, services, ..SeenInAws::default() };
    Scope::new(&flags, &|_| None, &known, None).expect("a scope")
}

fn policy_of(more: &[&str], services: &[&str]) -> Value {
    let services = services.iter().map(|family| definition(family)).collect();
    permissions(&scope_of(&[BASE.as_slice(), more].concat(), Some(services)))
}

fn statement<'a>(policy: &'a Value, sid: &str) -> &'a Value {
    let statements = policy["Statement"].as_array().unwrap();
    statements.iter().find(|one| one["Sid"] == sid).unwrap_or_else(|| panic!("no {sid} in {policy:#}"))
}

#[test]
fn a_build_has_the_registry_alone() {
    let wanted = [
        "ecr:GetAuthorizationToken",
        "ecr:DescribeRepositories",
        "ecr:BatchGetImage",
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    ];
    assert_eq!(actions(&policy_of(&["--for=build"], &[])), wanted);
    let named = flags(&["--for=build", "--task-definition=shop"]);
    let policy = permissions(&Scope::new(&named, &|_| None, &SeenInAws::default(), None).unwrap());
    assert_eq!(actions(&policy)[0], "ecs:DescribeTaskDefinition", "for the repository of its image");
    assert_eq!(actions(&policy).len(), wanted.len() + 1);
    let plan = actions(&policy_of(&["--for=build", "--plan"], &[]));
    assert_eq!(plan, ["ecr:DescribeRepositories", "ecr:BatchGetImage"]);
}

#[test]
fn the_witness_is_read_beside_and_pushed_whatever_image_it_is_for() {
    let image = "--image=123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1";
    let more = |flags: &[&str]| -> Vec<String> {
        let with = actions(&policy_of(&[flags, &["--witness"]].concat(), &[]));
        let without = actions(&policy_of(flags, &[]));
        assert!(without.iter().all(|action| with.contains(action)), "{with:?}");
        with.into_iter().filter(|action| !without.contains(action)).collect()
    };
    let read = ["ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer"];
    assert_eq!(more(&["--plan"]), read);
    assert_eq!(more(&[]), read[1..]);
    let pushed = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    ];
    assert_eq!(more(&[image]), [&read[..1], &pushed, &read[1..]].concat());
    assert!(more(&["--for=build"]).is_empty() && more(&["--for=status"]).is_empty());
}

#[test]
fn a_deployment_has_the_migrations_and_its_services() {
    let policy = policy_of(&["--for=deploy", "--service=web,worker"], &["web", "worker"]);
    let migrate = actions(&policy_of(&[], &[]));
    let all = actions(&policy);
    assert!(migrate.iter().all(|action| all.contains(action)), "{all:?}");
    let more: Vec<&str> = all.iter().filter(|action| !migrate.contains(action)).map(String::as_str).collect();
    assert_eq!(
        more,
        [
            "ecr:DescribeImages",
            "ecs:DescribeServices",
            "ecs:ListServiceDeployments",
            "ecs:DescribeServiceDeployments",
            "ecs:DescribeServiceRevisions",
            "ecs:UpdateService",
        ]
    );
    let arn = |rest: &str| format!("arn:aws:ecs:us-east-1:123456789012:{rest}");
    let family = |name: &str| arn(&format!("task-definition/{name}:*"));
    let own = "startupwebapp-migration-task";
    assert_eq!(statement(&policy, "Run")["Resource"], family(own), "no task of a service is started");
    assert_eq!(
        statement(&policy, "Revision")["Resource"],
        json!([family(own), family("web"), family("worker")])
    );
    let of = |name: &str| [arn(&format!("service/c/{name}")), arn(&format!("service-*/c/{name}/*"))];
    assert_eq!(statement(&policy, "Services")["Resource"], json!([of("web"), of("worker")].concat()));
    let roles = statement(&policy, "RolesOfTheTask")["Resource"].to_string();
    for role in ["web-execution", "web-task", "worker-task", "ecsTaskExecutionRole-startupwebapp"] {
        assert!(roles.contains(role), "{role}: {roles}");
    }
    let logs = statement(&policy, "Logs")["Resource"].to_string();
    assert!(
        logs.contains("log-group:/ecs/web:*") && logs.contains("/ecs/startupwebapp-migrations:*"),
        "{logs}"
    );
    // A service of the migration's family keeps it: the migration's revision goes beside.
    let shared = policy_of(&["--for=deploy", "--service=web"], &[own]);
    let beside = family(&format!("{own}-migration"));
    assert_eq!(statement(&shared, "Run")["Resource"], beside);
    assert_eq!(statement(&shared, "Revision")["Resource"], json!([beside, family(own)]));
}

#[test]
fn only_what_may_go_back_is_allowed_to() {
    let goes_back = |more: &[&str]| {
        let arguments = [&["--for=deploy", "--service=web"], more].concat();
        let all = actions(&policy_of(&arguments, &["web"]));
        let has = |action: &str| all.iter().any(|known| known == action);
        assert_eq!(has("ecs:StopServiceDeployment"), has("ecs:ContinueServiceDeployment"));
        has("ecs:StopServiceDeployment")
    };
    assert!(!goes_back(&[]) && !goes_back(&["--on-cancel=leave"]));
    assert!(goes_back(&["--on-cancel=rollback"]) && goes_back(&["--on-failure=rollback"]));
    assert!(!goes_back(&["--on-cancel=rollback", "--plan"]), "a plan changes nothing");
}

#[test]
fn a_deployment_without_a_migration_starts_no_task() {
    let all = actions(&policy_of(&["--for=deploy", "--service=web", "--no-migration"], &["web"]));
    for action in ["ecs:RunTask", "ecs:StopTask", "logs:FilterLogEvents"] {
        assert!(!all.iter().any(|known| known == action), "{action}");
    }
    for action in ["ecs:UpdateService", "ecs:RegisterTaskDefinition", "iam:PassRole", "logs:GetLogEvents"] {
        assert!(all.iter().any(|known| known == action), "{action}");
    }
}

#[test]
fn a_rollback_has_the_services_and_their_images() {
    let policy = policy_of(&["--for=rollback", "--service=web"], &["web"]);
    assert_eq!(
        actions(&policy),
        [
            "ecs:DescribeTaskDefinition",
            "ecr:BatchGetImage",
            "ecr:DescribeImages",
            "ecs:DescribeClusters",
            "ecs:RegisterTaskDefinition",
            "iam:PassRole",
            "ecs:ListTasks",
            "ecs:DescribeTasks",
            "ecs:DescribeServices",
            "ecs:ListServiceDeployments",
            "ecs:DescribeServiceDeployments",
            "ecs:DescribeServiceRevisions",
            "ecs:UpdateService",
            "ecs:StopServiceDeployment",
            "ecs:ContinueServiceDeployment",
            "logs:GetLogEvents",
        ]
        .map(str::to_owned)
    );
    assert_eq!(
        statement(&policy, "Image")["Resource"],
        "arn:aws:ecr:us-east-1:123456789012:repository/shop",
        "where what ran before is looked for"
    );
    assert!(!policy.to_string().contains("startupwebapp-migration"), "the migration is none of its business");
}

#[test]
fn the_network_of_another_service_is_read_and_no_more() {
    let arguments = ["--for=deploy", "--service=web", "--network-from-service=lb"];
    let policy = policy_of(&arguments, &["web"]);
    let network = statement(&policy, "NetworkService");
    assert_eq!(network["Action"], "ecs:DescribeServices");
    assert_eq!(network["Resource"], "arn:aws:ecs:us-east-1:123456789012:service/c/lb");
    assert!(!statement(&policy, "Services").to_string().contains("/lb"));
    let own = policy_of(&["--for=deploy", "--service=web", "--network-from-service=web"], &["web"]);
    assert!(!own.to_string().contains("NetworkService"), "it is looked at anyway");
}

#[test]
fn what_a_service_runs_is_a_placeholder_where_nobody_could_be_asked() {
    let scope = scope_of(&[BASE.as_slice(), &["--for=deploy"]].concat(), None);
    let names: Vec<&str> = scope.placeholders.iter().map(|one| one.name).collect();
    let wanted =
        ["SERVICE", "SERVICE_FAMILY", "SERVICE_EXECUTION_ROLE", "SERVICE_TASK_ROLE", "SERVICE_LOG_GROUP"];
    let policy = permissions(&scope).to_string();
    for name in wanted {
        assert!(names.contains(&name) && policy.contains(name), "{name}: {names:?}");
    }
    let page = crate::document::text(&page::document(&scope, &[]), Colour::Never);
    assert!(page.contains("all that fargate-migrate deploy does with these flags"), "{page}");
    assert!(page.contains("--role-name deploy "), "{page}");
}

#[test]
fn long_names_of_services_fit_into_a_managed_policy() {
    let long = |name: &str, length: usize| name.repeat(length);
    let cluster = format!("--cluster={}", long("c", 100));
    let services = format!("--service={},{}", long("s", 100), long("t", 100));
    let repository = format!("--repository={}", long("r", 256));
    let arguments = [
        "--for=deploy",
        "--task-definition",
        FILE,
        &cluster,
        &services,
        &repository,
        "--hints",
        "--network-from-service=lb",
        "--subnets=tag:a=b",
        "--on-cancel=rollback",
    ];
    let families = [long("f", 100), long("g", 100)].map(|family| definition(&family));
    let size = permissions(&scope_of(&arguments[..8], Some(families.to_vec()))).to_string().len();
    assert!(size > 4_000 && size <= policy::MAX_POLICY, "{size}");
    let cluster = format!("--cluster={}", long("c", 255));
    let service = format!("--service={}", long("s", 255));
    for operation in ["--for=deploy", "--for=rollback"] {
        let arguments = [operation, "--task-definition", FILE, &cluster, &service, "--on-cancel=rollback"];
        let family = definition(&long("f", 200));
        let size = permissions(&scope_of(&arguments, Some(vec![family]))).to_string().len();
        assert!(size <= policy::MAX_POLICY, "{operation}: {size}");
    }
}

#[test]
fn a_check_has_what_a_migration_has_and_a_plan_that_checks_has_all_but_the_push() {
    let checks = permissions(&scope_of(&[BASE.as_slice(), &["--for=check"]].concat(), None));
    let migrates = permissions(&scope_of(&BASE, None));
    assert_eq!(checks, migrates);
    let text = |more: &[&str]| permissions(&scope_of(&[BASE.as_slice(), more].concat(), None)).to_string();
    let plan = text(&["--plan", "--check"]);
    for action in ["ecs:RunTask", "ecs:StopTask", "ecs:RegisterTaskDefinition", "iam:PassRole"] {
        assert!(plan.contains(action) && !text(&["--plan"]).contains(action), "{action}: {plan}");
    }
    assert!(!plan.contains("ecr:PutImage") && migrates.to_string().contains("ecr:PutImage"), "{plan}");
}

#[test]
fn a_run_has_what_its_own_flags_ask_for() {
    let of = |more: &[&str], known: Option<&str>| {
        let flags = flags(&[&["--for=run", "--cluster=c"], more].concat());
        let task_definition = known.map(definition);
        let known = SeenInAws { task_definition, ..SeenInAws::default() };
        permissions(&Scope::new(&flags, &|_| None, &known, None).expect("a scope"))
    };
    let words = ["--", "app", "--no-such-flag"];
    let plain = of(&[&["--task-definition=shop"][..], &words].concat(), Some("shop"));
    assert!(!actions(&plain).iter().any(|action| action == "ecs:RegisterTaskDefinition"), "{plain:#}");
    let like = of(&[&["--like-service=web"][..], &words].concat(), Some("shop"));
    let arn = |name: &str| format!("arn:aws:ecs:us-east-1:123456789012:{name}");
    assert_eq!(statement(&like, "NetworkService")["Resource"], arn("service/c/web"));
    assert_eq!(statement(&like, "Run")["Resource"], arn("task-definition/shop:*"));
    assert!(!actions(&like).iter().any(|action| action == "ecs:RegisterTaskDefinition"), "{like:#}");
    // Another image has a revision, and that stays out of the service's family.
    let other = of(&[&["--like-service=web", "--tag=v1"][..], &words].concat(), Some("shop"));
    assert_eq!(statement(&other, "Run")["Resource"], arn("task-definition/shop-migration:*"));
    assert_eq!(statement(&other, "Revision")["Resource"], arn("task-definition/shop-migration:*"));
    let unknown = of(&["--like-service=web", "--named=vacuum"], None).to_string();
    for placeholder in ["task-definition/SERVICE_FAMILY:*", "SERVICE_EXECUTION_ROLE", "SERVICE_LOG_GROUP"] {
        assert!(unknown.contains(placeholder), "{placeholder}: {unknown}");
    }
}
