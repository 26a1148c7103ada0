use serde_json::{Value, json};

use super::run_task::MAX_OVERRIDES;
use super::*;
use crate::document::{self, Colour};
use crate::ports::{Caller, ContainerOverride, Overrides, Repository, Task};
pub(crate) use crate::settings::samples::of as settings;
use crate::workflow_commands::SUMMARY_LIMIT;

mod packs;
mod running;

pub(crate) fn text(plan: &Plan) -> String {
    document::text(&plan.document().expect("a document"), Colour::Never)
}

pub(crate) fn page(plan: &Plan) -> String {
    document::markdown(&plan.document().expect("a document"), SUMMARY_LIMIT)
}

pub(crate) fn document() -> Value {
    let text = include_str!("../../sandbox/fixtures/describe-task-definition.json");
    serde_json::from_str(text).expect("JSON")
}

pub(crate) fn observed(document: Value) -> Observed {
    let definition = TaskDefinition::from_json(document, "test").expect("a task definition");
    let caller = Caller { account: "123456789012".into(), arn: "arn:aws:sts::123456789012:x".into() };
    Observed {
        aws: Some(Account { caller, region: "us-east-1".into() }),
        current: Some(definition.clone()),
        revisions: Revisions::of([&definition]),
        family: Family::new(None, definition.family(), None).expect("a family"),
        base: definition,
        image: ObservedImage::Reference {
            reference: "registry.example/app@sha256:0".into(),
            digest: Some("sha256:0".into()),
            platforms: None,
            unseen: None,
        },
        witness: None,
        network: Network::default(),
        running: Vec::new(),
        looked_at: tokio::time::Instant::now(),
        finished: Vec::new(),
        past: crate::plan::Past::default(),
        notes: Vec::new(),
    }
}

/// Of the observed revision.
pub(crate) fn task(arn: &str, database: &str, started_by: &str) -> Task {
    Task {
        arn: arn.into(),
        last_status: "RUNNING".into(),
        started_by: Some(started_by.into()),
        task_definition: observed(document()).base.arn().map(str::to_owned),
        overrides: Some(told(&[("DATABASE_NAME", database)])),
        ..Task::default()
    }
}

/// Overrides of the migration container.
pub(crate) fn told(environment: &[(&str, &str)]) -> Overrides {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let container =
        ContainerOverride { name: "migration".into(), environment, ..ContainerOverride::default() };
    Overrides { containers: vec![container], task_role: None }
}

#[test]
fn a_token_is_the_same_for_the_same_work_and_another_for_any_other() {
    let plan = Plan::new(&settings(&["--database=a,b"]), observed(document())).expect("a plan");
    let token =
        |revision, database: &str, attempt| plan.run_task(revision, &[database.into()], attempt).client_token;
    assert_eq!(token("t:1", "a", 0), token("t:1", "a", 0));
    // A later step of the same job, which tells its task something else.
    let step = |more: &[&str]| {
        let settings = settings(&[&["--database=a"], more].concat());
        let plan = Plan::new(&settings, observed(document())).expect("a plan");
        plan.run_task("t:1", &["a".into()], 0).client_token
    };
    assert_eq!(step(&[]), token("t:1", "a", 0));
    assert_eq!(step(&["--env=A=1", "--env=B=2"]), step(&["--env=B=2", "--env=A=1"]));
    let others = [
        token("t:2", "a", 0),
        token("t:1", "b", 0),
        token("t:1", "a", 1),
        step(&["--command=app migrate --dry-run"]),
        step(&["--env=A=1"]),
        step(&["--env=A=2"]),
        step(&["--env=A="]),
        step(&["--databases-per-task=2"]),
        step(&["--database-variable=TENANT"]),
    ];
    let distinct: std::collections::HashSet<&String> = others.iter().collect();
    assert_eq!(distinct.len(), others.len());
    assert!(others.iter().all(|other| *other != token("t:1", "a", 0)));
    // RunTask takes 64 characters of ASCII 33 to 126.
    assert!(token("t:1", "a", 0).len() <= 64 && token("t:1", "a", 0).chars().all(|c| c.is_ascii_graphic()));
}

/// What the plan wants already: its revision is the current one.
pub(crate) fn wanted() -> Value {
    let mut wanted = document();
    let container = &mut wanted["taskDefinition"]["containerDefinitions"][0];
    container["image"] = json!("registry.example/app@sha256:0");
    let placeholder = json!({"name": "DATABASE_NAME", "value": "__set-by-fargate-migrate__"});
    container["environment"].as_array_mut().expect("a list").push(placeholder);
    wanted
}

#[test]
fn a_database_that_others_migrate_is_told_from_one_that_this_run_does() {
    let settings = settings(&["--database=a,b,c"]);
    let own = settings.common.run.started_by.clone();
    let mut observed = observed(wanted());
    observed.running =
        vec![task("arn:1", "a", "somebody"), task("arn:2", "b", &own), task("arn:3", "other", "somebody")];
    observed.finished = vec![task("arn:4", "c", &own), task("arn:5", "c", &own)];
    let plan = Plan::new(&settings, observed).expect("a plan");
    let rows: Vec<(&str, bool, u32)> = plan
        .packs
        .iter()
        .map(|pack| (pack.databases[0].as_str(), pack.running.is_some(), pack.attempt))
        .collect();
    assert_eq!(rows, [("a", true, 0), ("b", false, 0), ("c", false, 2)]);
}

#[test]
fn a_revision_is_reused_when_it_is_what_is_wanted_and_only_then() {
    let settings = settings(&["--database=a"]);
    let mut wanted = wanted();
    let reuses = |document: Value| {
        let plan = Plan::new(&settings, observed(document)).expect("a plan");
        matches!(plan.revision(), Ok(RevisionPlan::Reuse(_)))
    };
    assert!(reuses(wanted.clone()));
    assert!(!reuses(document()));
    wanted["taskDefinition"]["cpu"] = json!("512");
    assert!(reuses(wanted.clone()), "the base is what counts, and it is the current one");
    wanted["taskDefinition"]["containerDefinitions"][0]["environment"][2]["value"] = json!("a");
    assert!(!reuses(wanted), "a task that is started by hand would migrate it");
}

/// Another choice in the dropdown registers nothing, and no revision names a tenant.
#[test]
fn a_revision_is_the_same_whatever_is_chosen() {
    for flags in [
        &["--database=a"] as &[&str],
        &["--database=b"],
        &["--database=a,b,c"],
        &["--database=a", "--databases-per-task=auto"],
    ] {
        let plan = Plan::new(&settings(flags), observed(document())).expect("a plan");
        let Ok(RevisionPlan::Register(wanted)) = plan.revision() else { panic!("a new revision") };
        let own = wanted.environment("migration", "DATABASE_NAME");
        assert_eq!(own, Some("__set-by-fargate-migrate__"), "{flags:?}");
        let told = plan.run_task("t:1", &["a".into()], 0).environment;
        assert!(told.iter().any(|(_, value)| value.contains('a')), "{told:?}");
    }
}

/// The revision does not say it, so what a reviewer looks for stands elsewhere.
#[test]
fn a_plan_says_which_database_each_task_is_told() {
    for (flags, said) in [
        (&["--database=shop"] as &[&str], "DATABASE_NAME = shop by RunTask; the revision names no database"),
        (
            &["--database=a,b"],
            "DATABASE_NAME by RunTask, for each task its own; the revision names no database",
        ),
        (
            &["--database=a,b", "--databases-per-task=2", "--database-variable=TENANT"],
            "TENANTS by RunTask, for each task its own; the revision names no database",
        ),
    ] {
        let plan = Plan::new(&settings(flags), observed(document())).expect("a plan");
        for printed in [text(&plan), page(&plan)] {
            assert!(
                printed.replace('\\', "").replace("&#95;", "_").replace("&#61;", "=").contains(said),
                "{printed}"
            );
        }
    }
}

#[test]
fn what_ecs_would_refuse_is_refused_here() {
    let huge = format!("--env=A={}", "x".repeat(MAX_OVERRIDES));
    let error = Plan::new(&settings(&["--database=a", &huge]), observed(document())).expect_err("too long");
    assert!(error.message.contains("ECS takes 8192"), "{error}");

    for (field, value, said) in [
        ("networkMode", json!("bridge"), "networkMode bridge"),
        ("requiresCompatibilities", json!(["EC2"]), "not made for Fargate"),
    ] {
        let mut document = document();
        document["taskDefinition"][field] = value;
        document["taskDefinition"]["compatibilities"] = json!(["EC2"]);
        let error = Plan::new(&settings(&["--database=a"]), observed(document)).expect_err(said);
        assert!(error.message.contains(said), "{error}");
    }
}

#[test]
fn what_a_log_configuration_means_is_said_before_the_run() {
    for (configuration, said) in [
        (json!(null), "has no logConfiguration"),
        (json!({"logDriver": "awsfirelens"}), "awsfirelens"),
        (
            json!({"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-stream-prefix": "p"}}),
            "non-blocking",
        ),
    ] {
        let mut document = document();
        document["taskDefinition"]["containerDefinitions"][0]["logConfiguration"] = configuration;
        let plan = Plan::new(&settings(&["--database=a"]), observed(document)).expect("a plan");
        assert!(plan.notes.iter().any(|note| note.contains(said)), "{said}: {:?}", plan.notes);
    }
}

#[test]
fn a_binary_whose_name_is_not_the_commands_is_said_before_the_run() {
    let notes = |flags: &[&str]| {
        let mut observed = observed(document());
        let repository = Repository {
            name: "shop".into(),
            uri: "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop".into(),
            registry: None,
        };
        observed.image = ObservedImage::Tagged {
            repository,
            tag: "t".into(),
            named_by: TagSource::CheckedOut { github: None },
            stored: None,
        };
        let settings = settings(&[&["--database=a"], flags].concat());
        Plan::new(&settings, observed).expect("a plan").notes
    };
    let said = |notes: Vec<String>| notes.iter().any(|note| note.contains("the image of --binary holds"));
    assert!(said(notes(&["--binary=target/shop"])), "its command is app migrate");
    assert!(!said(notes(&["--binary=target/app"])));
    assert!(!said(notes(&["--binary=target/shop", "--command=/usr/local/bin/shop migrate"])));
}

#[test]
fn waves_and_what_stops_them_are_in_every_form_of_the_plan() {
    let settings = settings(&["--database=a,b,c,d", "--canary=c", "--max-failures=3", "--max-parallel=2"]);
    let plan = Plan::new(&settings, observed(document())).expect("a plan");
    let said = ["first c; when all of them are migrated, the other 3", "start no more after 3 failures"];
    for printed in [text(&plan), page(&plan)] {
        assert!(said.iter().all(|said| printed.contains(said)), "{printed}");
    }
    let document = plan.document().expect("JSON").data;
    assert_eq!(document["waves"], json!([["c"], ["a", "b", "d"]]));
    assert_eq!((&document["max_failures"], &document["keep_going"]), (&json!(3), &json!(false)));
}

#[test]
fn a_variable_that_is_a_secret_is_not_set_by_env() {
    let mut document = document();
    document["taskDefinition"]["containerDefinitions"][0]["secrets"] =
        json!([{"name": "SMTP_PASSWORD", "valueFrom": "arn:x"}]);
    let plan = |pair| Plan::new(&settings(&["--database=a", pair]), observed(document.clone()));
    let error = plan("--env=SMTP_PASSWORD=hunter2").expect_err("a secret");
    assert_eq!(error.exit_code, crate::failure::ExitCode::BadInput);
    assert_eq!(
        error.message,
        "--env sets SMTP_PASSWORD, which container migration of task definition startupwebapp-migration-task:2 takes \
         from a secret"
    );
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("from the container's `secrets`")));
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(plan("--env=smtp_password=x").is_ok());
}

#[test]
fn no_form_of_a_plan_has_a_value_of_env() {
    for flags in [
        &["--database=a,b"][..],
        &["--database=a,b,c", "--databases-per-task=2"],
        &["--database=a,b", "--database-variable=TENANT", "--env=DATABASE_NAME=hunter3"],
    ] {
        let secret = ["--env=SMTP_PASSWORD=hunter2", "--command=app migrate --verbose"];
        let plan = Plan::new(&settings(&[flags, &secret].concat()), observed(document())).expect("a plan");
        let data = plan.document().expect("a document").data;
        for printed in [text(&plan), page(&plan), data.to_string()] {
            assert!(!printed.contains("hunter"), "{printed}");
            for shown in ["SMTP&#95;PASSWORD", "(hidden)", "--verbose"] {
                let shown = if printed.contains(shown) { shown } else { &shown.replace("&#95;", "_") };
                assert!(printed.contains(shown), "{shown}: {printed}");
            }
        }
        let call = match plan.packed {
            true => &data["packs"][0]["run_task"],
            false => &data["databases"][0]["run_task"],
        };
        let environment = &call["overrides"]["containerOverrides"][0]["environment"];
        let told = plan.told(&plan.packs[0].databases).environment(&plan.task.common.database_variable);
        for (index, (name, value)) in told.iter().enumerate() {
            assert_eq!(environment[index], json!({"name": name, "value": value}));
        }
    }
}

#[test]
fn another_way_to_tell_a_database_is_noted_by_name() {
    let told = |fields: Value, flags: &[&str]| {
        let mut document = document();
        let container = &mut document["taskDefinition"]["containerDefinitions"][0];
        container.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        let plan = Plan::new(&settings(&[&["--database=a,b"], flags].concat()), observed(document));
        let plan = plan.expect("a plan");
        let data = plan.document().expect("a document").data;
        for printed in [text(&plan), page(&plan), data.to_string()] {
            assert!(!printed.contains("central"), "{printed}");
        }
        let note = plan.notes.iter().find(|note| note.contains("told a database in another way")).cloned();
        (plan.told_elsewhere, note)
    };
    let url = json!([{"name": "DATABASE_URL", "value": "postgresql://h/central"}]);
    let (ways, note) = told(json!({"environment": url}), &[]);
    assert_eq!(ways, ["DATABASE_URL"]);
    assert_eq!(
        note.expect("a note"),
        "container migration may be told a database in another way as well, by DATABASE_URL: a program that takes that \
         one ignores DATABASE_NAME"
    );
    let files = json!([{"value": "arn:aws:s3:::b/x.env", "type": "s3"}]);
    let secrets =
        json!([{"name": "TENANT_DSN", "valueFrom": "arn:x"}, {"name": "DATABASE_NAMES", "valueFrom": "x"}]);
    for (fields, flags, expected) in [
        (
            json!({"secrets": secrets, "environmentFiles": files}),
            &["--env=PGDATABASE=central"][..],
            vec![
                "TENANT_DSN (a secret)",
                "DATABASE_NAMES (a secret)",
                "1 environment file, which is not looked at",
                "PGDATABASE (by --env)",
            ],
        ),
        (json!({"environment": url}), &["--env=DATABASE_URL=postgresql://h"], vec![]),
        (
            json!({"environment": [{"name": "DATABASE_URL", "value": "x"}]}),
            &["--database-variable=DATABASE_URL"],
            vec![],
        ),
        (
            json!({"environment": []}),
            &["--command=psql postgresql://h/postgres"],
            vec!["a word of --command"],
        ),
        (json!({"command": ["sh", "-c", "app --database main"]}), &[], vec!["a word of its command"]),
        (json!({"environment": []}), &[], vec![]),
    ] {
        let (ways, note) = told(fields, flags);
        assert_eq!(ways, expected, "{flags:?}");
        assert_eq!(note.is_some(), !expected.is_empty());
    }
}

#[test]
fn what_will_be_registered_is_judged_and_not_what_it_is_made_from() {
    let planned = |change: fn(&mut Value), image: &str| {
        let mut document = document();
        change(&mut document["taskDefinition"]);
        let mut observed = observed(document);
        observed.image =
            ObservedImage::Reference { reference: image.into(), digest: None, platforms: None, unseen: None };
        Plan::new(&settings(&["--database=a"]), observed)
    };
    let ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app@sha256:0";
    let elsewhere = "registry.example/app@sha256:0";
    let refused = |planned: Result<Plan, Failure>| {
        let failure = planned.expect_err("a refusal");
        assert!(failure.hint.is_some(), "{failure}");
        failure.message
    };

    let from_a_public_image: fn(&mut Value) = |task| {
        task["executionRoleArn"] = Value::Null;
        for key in ["logConfiguration", "secrets"] {
            task["containerDefinitions"][0][key] = Value::Null;
        }
    };
    assert!(planned(from_a_public_image, elsewhere).is_ok());
    let message = refused(planned(from_a_public_image, ecr));
    assert!(
        message.contains("no executionRoleArn, and its container migration takes its image from ECR"),
        "{message}"
    );

    let with_credentials: fn(&mut Value) = |task| {
        task["containerDefinitions"][0]["repositoryCredentials"] =
            json!({"credentialsParameter": "arn:aws:x"});
    };
    assert!(
        !text(&planned(with_credentials, elsewhere).expect("a plan")).contains("- repositoryCredentials")
    );
    let diff = text(&planned(with_credentials, ecr).expect("a plan"));
    assert!(diff.contains("- repositoryCredentials.credentialsParameter = arn:aws:x"), "{diff}");

    let at_launch: fn(&mut Value) =
        |task| task["volumes"] = json!([{"name": "v", "configuredAtLaunch": true}]);
    assert!(refused(planned(at_launch, elsewhere)).contains("volume v, which is configured at launch"));
    let restarted: fn(&mut Value) = |task| {
        task["containerDefinitions"][0]["restartPolicy"] = json!({"enabled": true, "ignoredExitCodes": [0]});
    };
    assert!(refused(planned(restarted, elsewhere)).contains("restartPolicy for container migration"));
}
