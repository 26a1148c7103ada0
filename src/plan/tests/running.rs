//! What a task is: its overrides over its own revision's environment, whoever started it.

use super::*;
use crate::ports::{Container, ContainerOverride};

const OLD: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-migration-task:3";

/// A revision whose migration container has these variables.
fn revision(variables: &[(&str, &str)]) -> Value {
    let mut document = document();
    let container = &mut document["taskDefinition"]["containerDefinitions"][0];
    for (name, value) in variables {
        container["environment"].as_array_mut().expect("a list").push(json!({"name": name, "value": value}));
    }
    document
}

/// Whether a plan for `a` and `b` starts their tasks, beside a task of that revision with those overrides.
fn beside(revision: Result<Value, String>, overrides: Option<Overrides>) -> (Plan, [bool; 2]) {
    let mut observed = observed(document());
    observed.running =
        vec![Task { task_definition: Some(OLD.into()), overrides, ..task("arn:1", "", "somebody") }];
    let revision = revision.map(|document| TaskDefinition::from_json(document, OLD).expect("a revision"));
    observed.revisions.read(vec![(OLD.into(), revision)]);
    let plan = Plan::new(&settings(&["--database=a,b"]), observed).expect("a plan");
    let starts = ["a", "b"].map(|name| {
        plan.packs.iter().any(|pack| pack.databases.iter().any(|of| *of == name) && plan.may_start(pack))
    });
    (plan, starts)
}

#[test]
fn a_task_is_its_overrides_over_its_own_revision() {
    let one = "DATABASE_NAME";
    let list = "DATABASE_NAMES";
    for (of_revision, of_task, starts) in [
        // Of the revision alone: started by a person, or by a scheduled rule.
        (&[(one, "a")] as &[_], &[] as &[_], [false, true]),
        (&[(list, r#"["a","b"]"#)], &[], [false, false]),
        (&[(one, "other")], &[], [true, true]),
        (&[], &[], [true, true]),
        (&[(one, "__set-by-fargate-migrate__")], &[], [true, true]),
        (&[(one, "")], &[], [true, true]),
        // The override wins, be it empty.
        (&[(one, "a")], &[(one, "b")], [true, false]),
        (&[(one, "a")], &[(one, "")], [true, true]),
        (&[(one, "a"), (list, r#"["b"]"#)], &[(list, "")], [false, true]),
        (&[(list, r#"["a"]"#)], &[(one, ""), (list, r#"["b"]"#)], [true, false]),
        // The list of its revision counts beside the name of its overrides: images differ in which of them they read.
        (&[(list, r#"["a"]"#)], &[(one, "b")], [false, false]),
        (&[(one, "a")], &[(list, r#"["b"]"#)], [false, false]),
        (&[(list, "[]")], &[(one, "b")], [true, false]),
        // Repeated, and the same.
        (&[(one, "a")], &[(one, "b"), (one, "b")], [true, false]),
        // What cannot be told closes.
        (&[(one, "other")], &[(one, "a"), (one, "other")], [false, false]),
        (&[(one, "x"), (one, "y")], &[], [false, false]),
        (&[(list, "a,b")], &[], [false, false]),
        (&[(list, r#"{"a":1}"#)], &[(one, "x")], [false, false]),
        (&[], &[(list, "[1]")], [false, false]),
    ] {
        let (plan, actual) = beside(Ok(revision(of_revision)), Some(told(of_task)));
        assert_eq!(actual, starts, "{of_revision:?} {of_task:?}: {:?}", plan.notes);
    }
}

#[test]
fn what_cannot_be_told_of_a_task_closes_and_is_said() {
    let container = |name: &str| ContainerOverride { name: name.into(), ..ContainerOverride::default() };
    let files = ContainerOverride {
        environment_files: vec!["arn:aws:s3:::b/x.env".into()],
        ..container("migration")
    };
    let changed = |key: &str, value: Value| {
        let mut document = document();
        document["taskDefinition"]["containerDefinitions"][0][key] = value;
        Ok(document)
    };
    let secret = json!([{"name": "DATABASE_NAME", "valueFrom": "arn:x"}]);
    let in_s3 = json!([{"type": "s3", "value": "arn:aws:s3:::b/x.env"}]);
    let mut renamed = document();
    renamed["taskDefinition"]["containerDefinitions"][0]["name"] = json!("app");
    let nothing = || Some(Overrides::default());
    for (revision, overrides, why) in [
        (Ok(document()), None, "ECS does not say what it is told"),
        (Err("access denied".to_owned()), nothing(), "cannot be read: access denied"),
        (
            Err("ECS does not know it".to_owned()),
            Some(told(&[("DATABASE_NAME", "other")])),
            "does not know it",
        ),
        (changed("secrets", secret), nothing(), "takes DATABASE_NAME from a secret"),
        (changed("environmentFiles", in_s3), nothing(), "or may from a file"),
        (
            Ok(document()),
            Some(Overrides { containers: vec![files], task_role: None }),
            "variables from files",
        ),
        (Ok(renamed), nothing(), "has no container migration"),
    ] {
        let (plan, starts) = beside(revision, overrides);
        assert_eq!(starts, [false, false], "{why}");
        let said = "what task arn:1 migrates cannot be told, so nothing starts meanwhile: ";
        let is_said = plan.notes.iter().any(|note| note.starts_with(said) && note.contains(why));
        assert!(is_said, "{why}: {:?}", plan.notes);
    }
    // Both are said by the overrides: nothing has to be read.
    let both = told(&[("DATABASE_NAME", "other"), ("DATABASE_NAMES", "")]);
    assert_eq!(beside(Err("access denied".into()), Some(both)).1, [true, true]);
}

/// What another container is told is none of our business, whatever comes first.
#[test]
fn the_migration_container_alone_is_told_databases() {
    let named = |name: &str, value: &str| ContainerOverride {
        name: name.into(),
        environment: vec![("DATABASE_NAME".into(), value.into())],
        ..ContainerOverride::default()
    };
    for containers in [
        vec![named("router", "a"), named("migration", "b")],
        vec![named("migration", "b"), named("router", "a")],
        // ECS answers with an entry for each container.
        vec![ContainerOverride { name: "migration".into(), ..Default::default() }, named("migration", "b")],
    ] {
        let (_, starts) = beside(Ok(document()), Some(Overrides { containers, task_role: None }));
        assert_eq!(starts, [true, false]);
    }
}

/// An earlier step of the job has told its task another command: it is none that this one may follow.
#[test]
fn a_task_of_an_earlier_step_that_does_something_else_is_not_taken_up() {
    for (flags, alike) in [
        (&[] as &[&str], true),
        (&["--command=app migrate --dry-run"], false),
        (&["--env=MODE=dry"], false),
        (&["--on-running=adopt", "--env=MODE=dry"], false),
    ] {
        let settings = settings(&[&["--database=a"], flags].concat());
        for document in [wanted(), document()] {
            // Its revision is another one where a new one is registered.
            let alike = alike && document == wanted();
            let mut observed = observed(document);
            observed.running = vec![task("arn:1", "a", &settings.common.run.started_by)];
            let plan = Plan::new(&settings, observed).expect("a plan");
            let running = plan.packs[0].running.as_ref();
            assert_eq!(running.is_none(), alike, "{flags:?}");
            assert!(running.is_none_or(|task| task.ours && !task.alike));
            assert_eq!(plan.left_by_earlier_steps().len(), usize::from(!alike));
        }
    }
}

/// The other containers of a task may run on, and ECS takes its time to take it down.
#[test]
fn a_task_whose_migration_container_has_exited_for_good_is_none_that_migrates() {
    let again = json!({"enabled": true, "ignoredExitCodes": [3]});
    let off = json!({"enabled": false});
    for (essential, policy, desired, exit_code, starts) in [
        (true, Value::Null, "STOPPED", Some(0), true),
        (true, Value::Null, "STOPPED", None, false),
        // An exit code alone may be followed by anything.
        (true, Value::Null, "RUNNING", Some(0), false),
        (false, Value::Null, "RUNNING", Some(0), true),
        (false, Value::Null, "RUNNING", None, false),
        (false, off, "RUNNING", Some(1), true),
        (false, again.clone(), "RUNNING", Some(0), false),
        (false, again.clone(), "RUNNING", Some(3), true),
        (false, again.clone(), "STOPPED", Some(0), true),
        (true, again, "RUNNING", Some(3), false),
    ] {
        let mut document = revision(&[]);
        let containers = &mut document["taskDefinition"]["containerDefinitions"];
        containers[0]["essential"] = json!(essential);
        containers[0]["restartPolicy"] = policy.clone();
        let mut observed = observed(super::document());
        let own = Container {
            name: "migration".into(),
            is_stopped: exit_code.is_some(),
            exit_code,
            ..Container::default()
        };
        observed.running = vec![Task {
            task_definition: Some(OLD.into()),
            overrides: Some(told(&[("DATABASE_NAME", "a"), ("DATABASE_NAMES", "")])),
            desired_status: desired.into(),
            containers: vec![own],
            ..task("arn:1", "", "another run")
        }];
        let definition = TaskDefinition::from_json(document, OLD).expect("a revision");
        observed.revisions.read(vec![(OLD.into(), Ok(definition))]);
        let plan = Plan::new(&settings(&["--database=a"]), observed).expect("a plan");
        let found = plan.packs.iter().all(|pack| pack.running.is_none());
        assert_eq!(found, starts, "essential {essential}, {policy}, {desired}, {exit_code:?}");
    }
}

/// `executionStoppedAt` is the end of the first essential container: ours may still have its `stopTimeout`.
#[test]
fn a_task_whose_sidecar_has_ended_first_still_migrates() {
    let container = |name: &str, is_stopped| Container {
        name: name.into(),
        is_stopped,
        exit_code: is_stopped.then_some(0),
        ..Container::default()
    };
    for (own_is_stopped, starts) in [(false, false), (true, true)] {
        let mut observed = observed(document());
        observed.running = vec![Task {
            task_definition: Some(OLD.into()),
            overrides: Some(told(&[("DATABASE_NAME", "a"), ("DATABASE_NAMES", "")])),
            desired_status: "STOPPED".into(),
            last_status: "STOPPING".into(),
            execution_stopped_at: Some(jiff::Timestamp::UNIX_EPOCH),
            containers: vec![container("proxy", true), container("migration", own_is_stopped)],
            ..task("arn:1", "", "another run")
        }];
        let plan = Plan::new(&settings(&["--database=a"]), observed).expect("a plan");
        assert_eq!(plan.packs.iter().all(|pack| pack.running.is_none()), starts);
    }
}

/// Whether a container that has exited may be started again, only its revision tells.
#[test]
fn the_revision_of_a_task_whose_container_has_exited_is_read() {
    let (orders, revisions) = (Orders::default(), Revisions::default());
    let reading = Reading {
        container: "migration",
        variable: "DATABASE_NAME",
        started_by: "ours",
        revision: None,
        orders: &orders,
        revisions: &revisions,
    };
    for is_stopped in [false, true] {
        let own = Container { name: "migration".into(), is_stopped, ..Container::default() };
        let task = Task {
            task_definition: Some(OLD.into()),
            overrides: Some(told(&[("DATABASE_NAME", "a"), ("DATABASE_NAMES", "")])),
            containers: vec![own],
            ..task("arn:1", "", "another run")
        };
        assert_eq!(reading.unread(&[task]).len(), usize::from(is_stopped));
    }
}
