//! Databases that share a task, and tasks that run already.

use super::*;
use crate::settings::samples;

fn packed_task(arn: &str, databases: &[&str], started_by: &str) -> Task {
    let names = json!(databases).to_string();
    let overrides = Some(told(&[("DATABASE_NAME", ""), ("DATABASE_NAMES", &names)]));
    Task { overrides, ..task(arn, "", started_by) }
}

fn packs_of(plan: &Plan) -> Vec<(Vec<&str>, Option<&str>)> {
    plan.packs
        .iter()
        .map(|pack| {
            let names = pack.databases.iter().map(|name| name.as_str()).collect();
            (names, pack.running.as_ref().map(|task| task.arn.as_str()))
        })
        .collect()
}

#[test]
fn a_pack_is_told_a_list_and_nothing_else() {
    let plan = Plan::new(&settings(&["--database=a,b,c", "--databases-per-task=2"]), observed(document()));
    let plan = plan.expect("a plan");
    let told = |pack: &Pack| plan.run_task("t:1", &pack.databases, 0).environment;
    let variables = |list: &str| {
        vec![("DATABASE_NAME".to_owned(), String::new()), ("DATABASE_NAMES".to_owned(), list.to_owned())]
    };
    assert_eq!(
        plan.packs.iter().map(told).collect::<Vec<_>>(),
        [variables(r#"["a","b"]"#), variables(r#"["c"]"#)]
    );

    let one = settings(&["--database=a", "--databases-per-task=auto", "--database-variable=TENANT"]);
    let one = Plan::new(&one, observed(document())).expect("a plan");
    let told = one.run_task("t:1", &one.packs[0].databases, 0).environment;
    assert_eq!(told, [("TENANT".to_owned(), String::new()), ("TENANTS".to_owned(), r#"["a"]"#.to_owned())]);
    // A list of one is told something else, so it is another task.
    let alone = Plan::new(&settings(&["--database=a"]), observed(document())).expect("a plan");
    let token = |plan: &Plan| plan.run_task("t:1", &["a".into()], 0).client_token;
    assert_ne!(token(&one), token(&alone));
}

#[test]
fn a_list_in_the_task_definition_is_not_what_a_task_is_told() {
    let mut document = document();
    let variables = &mut document["taskDefinition"]["containerDefinitions"][0]["environment"];
    variables
        .as_array_mut()
        .expect("a list")
        .push(json!({"name": "DATABASE_NAMES", "value": "[\"production\"]"}));
    for (flag, told) in [
        ("--databases-per-task=1", [("DATABASE_NAME", "a"), ("DATABASE_NAMES", "")]),
        ("--databases-per-task=2", [("DATABASE_NAME", ""), ("DATABASE_NAMES", r#"["a"]"#)]),
    ] {
        let plan = Plan::new(&settings(&["--database=a", flag]), observed(document.clone())).expect("a plan");
        let environment = plan.run_task("t:1", &["a".into()], 0).environment;
        assert_eq!(environment, told.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}

#[test]
fn what_names_the_databases_of_a_task_is_set_by_nobody_else() {
    let refused = |flags: &[&str]| samples::tried(flags).err().map(|error| error.message);
    for flags in [
        &["--env=DATABASE_NAMES=x"][..],
        &["--env=DATABASE_NAMES=x", "--databases-per-task=2"],
        &["--env=A=1", "--env=DATABASE_NAMES=", "--databases-per-task=auto"],
    ] {
        let said = refused(&[&["--database=a"], flags].concat()).expect("an error");
        assert_eq!(said, "--env sets DATABASE_NAMES, the variable that names the databases of a task");
    }
    let tenant = ["--database=a", "--database-variable=TENANT"];
    for (pair, said) in [
        ("--env=TENANT=x", Some("--env sets TENANT, the database variable")),
        ("--env=TENANTS=x", Some("--env sets TENANTS, the variable that names the databases of a task")),
        // On Linux another case is another variable.
        ("--env=tenant=x", None),
        ("--env=TENANTSS=x", None),
    ] {
        assert_eq!(refused(&[tenant.as_slice(), &[pair]].concat()).as_deref(), said, "{pair}");
    }
    let list = ["--database=a", "--database-variable=DATABASE_NAMES", "--env=DATABASE_NAMES=x"];
    assert_eq!(refused(&list).as_deref(), Some("--env sets DATABASE_NAMES, the database variable"));

    let mut secret = document();
    secret["taskDefinition"]["containerDefinitions"][0]["secrets"] =
        json!([{"name": "DATABASE_NAMES", "valueFrom": "arn:x"}]);
    let error = Plan::new(&settings(&["--database=a", "--databases-per-task=2"]), observed(secret.clone()));
    assert!(error.expect_err("a secret").message.contains("takes DATABASE_NAMES from a secret"));
    assert!(Plan::new(&settings(&["--database=a"]), observed(secret)).is_ok());
}

#[test]
fn databases_of_a_running_pack_leave_their_own() {
    let flags = ["--database=a,b,c,d,e", "--databases-per-task=3", "--on-running"];
    let with = |what: &str, started_by: Option<&str>| {
        let settings = settings(&[flags.as_slice(), &[what]].concat());
        let by = started_by.map_or_else(|| settings.common.run.started_by.clone(), str::to_owned);
        let mut observed = observed(wanted());
        observed.running = vec![packed_task("arn:1", &["x", "b", "d"], &by), task("arn:2", "e", &by)];
        Plan::new(&settings, observed).expect("a plan")
    };
    // To be started after a wait, they have to fit into a task; to be followed, they may be of any number.
    let waits = with("wait", Some("somebody"));
    let (one, two) = (Some("arn:1"), Some("arn:2"));
    assert_eq!(
        packs_of(&waits),
        [(vec!["a", "c"], None), (vec!["b"], one), (vec!["d"], one), (vec!["e"], two)]
    );
    for followed in [with("adopt", Some("somebody")), with("wait", None)] {
        assert_eq!(packs_of(&followed), [(vec!["a", "c"], None), (vec!["b", "d"], one), (vec!["e"], two)]);
        let places: Vec<usize> = followed.packs.iter().map(|pack| pack.place).collect();
        assert_eq!(places, [0, 1, 2]);
    }
    // Tasks of this run are followed whatever --on-running says.
    let own = with("wait", None);
    assert!(own.packs[1].running.as_ref().is_some_and(|task| task.ours) && !own.may_start(&own.packs[1]));
    assert!(waits.may_start(&waits.packs[1]));
}

#[test]
fn a_task_that_is_told_to_end_is_waited_for_whoever_started_it() {
    for (flag, started_by) in [("fail", "somebody"), ("adopt", "somebody"), ("fail", "")] {
        let settings = settings(&["--database=shop", &format!("--on-running={flag}")]);
        let started_by = if started_by.is_empty() { &settings.common.run.started_by } else { started_by };
        let mut observed = observed(document());
        let ending = Task { desired_status: "STOPPED".into(), ..task("arn:1", "shop", started_by) };
        let is_ours = *started_by == *settings.common.run.started_by;
        observed.finished = is_ours.then(|| ending.clone()).into_iter().collect();
        observed.running = vec![ending];
        let plan = Plan::new(&settings, observed).expect("a plan");
        assert!(plan.may_start(&plan.packs[0]), "{flag}");
        assert_eq!(plan.packs[0].attempt, u32::from(is_ours), "another task, after its end");
        let text = text(&plan);
        let said = "1 database migrated by a task that is being stopped: its end is waited for";
        assert!(text.contains(said) && !text.contains("nothing is started"), "{text}");
    }
}

#[test]
fn what_the_first_process_of_a_run_had_packed_the_second_packs_alike() {
    let settings = settings(&["--database=a,b,c,d,e,f", "--databases-per-task=2"]);
    let first = Plan::new(&settings, observed(document())).expect("a plan");
    let mut observed = observed(document());
    observed.running = vec![packed_task("arn:1", &["a", "b"], &settings.common.run.started_by)];
    observed.finished = vec![packed_task("arn:2", &["c", "d"], &settings.common.run.started_by)];
    let second = Plan::new(&settings, observed).expect("a plan");
    let token = |plan: &Plan, pack: usize| {
        let Pack { databases, attempt, .. } = &plan.packs[pack];
        plan.run_task("t:1", databases, *attempt).client_token
    };
    assert!(second.packs[0].running.is_some());
    assert_ne!(token(&first, 1), token(&second, 1), "it has run: the next one is another task");
    assert_eq!(token(&first, 2), token(&second, 2), "ECS may not show it yet");
}

/// A canary, or more packs than run at once, gives a failure the time to be seen.
#[test]
fn a_plan_says_where_no_failure_could_stop_anything() {
    let notes = |flags: &[&str]| {
        let flags = [&["--database=a,b,c,d"], flags].concat();
        Plan::new(&settings(&flags), observed(document())).expect("a plan").notes.join("\n")
    };
    let auto = "--databases-per-task=auto";
    assert!(notes(&[auto, "--max-parallel=2"]).contains("all tasks start at the same time"));
    for flags in [
        &[auto, "--max-parallel=2", "--canary=1"] as &[&str],
        &[auto, "--max-parallel=2", "--keep-going"],
        &["--databases-per-task=1", "--max-parallel=4"],
        &["--databases-per-task=2"],
    ] {
        assert!(!notes(flags).contains("all tasks start at the same time"), "{flags:?}");
    }
}

#[test]
fn packs_are_in_every_form_of_the_plan() {
    let settings = settings(&["--database=a,b,c,d,e", "--databases-per-task=3", "--canary=e"]);
    let mut observed = observed(document());
    observed.running = vec![packed_task("arn:1", &["b"], "somebody")];
    let plan = Plan::new(&settings, observed).expect("a plan");
    let said =
        ["3 of at most 2 databases, named in DATABASE_NAMES", "first e; when all of them are migrated"];
    let text = text(&plan);
    for printed in [&text, &page(&plan)] {
        assert!(said.iter().all(|said| printed.contains(said)), "{printed}");
    }
    assert!(
        text.contains(r#"RunTask for a and 1 more: the same, with DATABASE_NAMES = ["a","c"], clientToken"#),
        "{text}"
    );
    let document = plan.document().expect("JSON").data;
    assert_eq!(document["waves"], json!([["e"], ["a", "c", "b", "d"]]));
    assert_eq!(document["packs"][1]["databases"], json!(["a", "c"]));
    assert_eq!(
        document["packs"][1]["run_task"]["overrides"]["containerOverrides"][0]["environment"][1]["value"],
        r#"["a","c"]"#
    );
    assert_eq!(
        (&document["packs"][2]["already_running"], &document["packs"][2]["run_task"]),
        (&json!("arn:1"), &json!(null))
    );
    assert_eq!(document["databases"][3], json!({"database": "b", "already_running": "arn:1", "pack": 2}));
}
