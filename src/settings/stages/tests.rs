use super::*;
use crate::settings::samples;

fn names(names: &[&str]) -> Vec<DatabaseName> {
    names.iter().map(|name| name.parse().expect("valid")).collect()
}

fn rollout(yaml: &str) -> Rollout {
    let parsed = crate::config::Config::parse(yaml, "c.yml".as_ref(), &cli::keys());
    parsed.expect("valid").rollout
}

fn fleet() -> Fleet {
    Fleet {
        databases: names(&["a", "b", "t1", "t2", "t3"]),
        groups: [("first".to_owned(), names(&["b", "t2"]))].into(),
    }
}

/// The stages of a run with these databases, by their titles.
fn of(stages: &Stages, databases: &[&str], flags: &[&str]) -> Vec<(String, Vec<String>)> {
    let settings = samples::of(&[&["--database=a"], flags].concat());
    let all = stages.of(&names(databases), &settings.fleet);
    let texts = |databases: Vec<DatabaseName>| databases.iter().map(ToString::to_string).collect();
    all.into_iter()
        .map(|(stage, databases)| (stage.name.title().unwrap_or_default().to_owned(), texts(databases)))
        .collect()
}

fn expected(stages: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    stages.iter().map(|&(title, names)| (title.to_owned(), texts(names))).collect()
}

const THREE: &str =
    "rollout: [{databases: [first]}, {name: few, databases: [t1, t2, a]}, {databases: ['t*']}]\n";

#[test]
fn a_database_is_in_the_first_stage_that_names_it_and_the_rest_comes_last() {
    let with_groups = format!("databases: [a, b, t1, t2, t3]\ngroups: {{first: [b, t2]}}\n{THREE}");
    let stages =
        |run: &[&str]| Stages::new(&[], &rollout(&with_groups), &names(run), &fleet()).expect("stages");
    let all = ["t3", "t2", "t1", "b", "a"];
    assert_eq!(
        of(&stages(&all), &all, &[]),
        expected(&[("first", &["t2", "b"]), ("few", &["t1", "a"]), ("t*", &["t3"])])
    );
    // A run of some has the stages that name one of them.
    let some = stages(&["a", "t1"]);
    assert_eq!(of(&some, &["a", "t1"], &[]), expected(&[("few", &["a", "t1"])]));
    assert_eq!(some.without_databases(), ["first", "t*"]);
    // As has one that resumes with fewer.
    assert_eq!(of(&stages(&all), &["b"], &[]), expected(&[("first", &["b"])]));
}

#[test]
fn what_no_stage_names_is_the_rest_or_is_refused() {
    let text = "databases: [a, b, t1, t2, t3]\nrollout: [{databases: [b]}]\nrest: ";
    let last = rollout(&format!("{text}last\n"));
    let stages = Stages::new(&[], &last, &names(&["a", "b"]), &fleet()).expect("stages");
    assert_eq!(of(&stages, &["a", "b"], &[]), expected(&[("b", &["b"]), ("rest", &["a"])]));
    let refuse = rollout(&format!("{text}refuse\n"));
    assert!(Stages::new(&[], &refuse, &names(&["b"]), &fleet()).is_ok(), "others are none of this run");
    let refused = Stages::new(&[], &refuse, &names(&["b", "t1", "a"]), &fleet()).expect_err("no stage");
    assert_eq!(refused.message, "no stage of rollout names a, t1");
}

#[test]
fn without_a_list_a_stage_may_name_what_this_run_leaves_out() {
    let rollout = rollout("rollout: [{databases: [x, elsewhere]}, {databases: ['y*']}]\n");
    let stages = Stages::new(&[], &rollout, &names(&["y1", "x", "z"]), &Fleet::default()).expect("stages");
    let run = ["y1", "x", "z"];
    assert_eq!(
        of(&stages, &run, &[]),
        expected(&[("x, elsewhere", &["x"]), ("y*", &["y1"]), ("rest", &["z"])])
    );
}

#[test]
fn a_canary_beside_a_rollout_is_refused() {
    let rollout = rollout("rollout: [{databases: [a]}]\n");
    let canary = ["a".to_owned()];
    let refused = Stages::new(&canary, &rollout, &names(&["a"]), &Fleet::default()).expect_err("both");
    assert_eq!(refused.message, "--canary cannot be used with the rollout of the configuration file");
}

#[test]
fn what_a_stage_does_not_say_the_flags_say() {
    let rollout = rollout(
        "rollout:\n- {databases: [a], parallel: 9, max-failures: 2, pause: 1m, databases-per-task: auto}\n- {databases: \
         [b], keep-going: true}\n- databases: [c]\n",
    );
    let all = names(&["a", "b", "c", "d"]);
    let stages = Stages::new(&[], &rollout, &all, &Fleet::default()).expect("stages");
    let of = |flags: &[&str]| {
        let settings = samples::of(&[&["--database=a"], flags].concat());
        let stages = stages.of(&all, &settings.fleet).into_iter();
        stages.map(|(stage, _)| stage).collect::<Vec<_>>()
    };
    let rules = |stages: &[Stage]| {
        stages.iter().map(|stage| (stage.failures.stops_after, stage.failures.fails_with)).collect::<Vec<_>>()
    };
    let plain = of(&[]);
    assert_eq!(rules(&plain), [(Some(2), 2), (None, 1), (Some(1), 1), (Some(1), 1)]);
    assert_eq!(plain.iter().map(|stage| stage.max_parallel).collect::<Vec<_>>(), [9, 1, 1, 1]);
    assert_eq!((plain[0].packing, plain[1].packing), (Packing::Auto, Packing::One));
    assert_eq!((plain[0].pause, plain[1].pause), (Duration::from_secs(60), Duration::ZERO));
    let flags = of(&["--max-parallel=4", "--max-failures=7", "--databases-per-task=3"]);
    assert_eq!(rules(&flags), [(Some(2), 2), (None, 1), (Some(7), 7), (Some(7), 7)]);
    assert_eq!(flags.iter().map(|stage| stage.max_parallel).collect::<Vec<_>>(), [9, 4, 4, 4]);
    assert_eq!((flags[0].packing, flags[3].packing), (Packing::Auto, Packing::AtMost(3)));
    assert_eq!(rules(&of(&["--keep-going"]))[2..], [(None, 1), (None, 1)]);
}

#[test]
fn a_stage_may_take_the_switch_of_the_run_back() {
    let rollout = rollout("rollout: [{databases: [a], keep-going: false}]\n");
    let all = names(&["a", "b"]);
    let stages = Stages::new(&[], &rollout, &all, &Fleet::default()).expect("stages");
    let settings = samples::of(&["--database=a", "--keep-going"]);
    let rules: Vec<_> =
        stages.of(&all, &settings.fleet).iter().map(|(stage, _)| stage.failures.stops_after).collect();
    assert_eq!(rules, [Some(1), None]);
}
