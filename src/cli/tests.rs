use super::*;

fn parsed(arguments: &[&str], inputs: &[(&str, &str)]) -> Migrate {
    let arguments = arguments.iter().map(Into::into).collect();
    let variable =
        |name: &str| inputs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let Command::Migrate(migrate) = parse(arguments, &variable).expect("valid").command;
    migrate
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn inputs_stand_for_flags_and_empty_ones_for_none() {
    let inputs = [
        ("GITHUB_ACTIONS", "true"),
        ("INPUT_DATABASE", "a\n b \n\nc,d"),
        ("INPUT_CLUSTER", "x"),
        ("INPUT_REGION", ""),
        ("INPUT_MAX-PARALLEL", "7"),
        ("INPUT_KEEP-GOING", "true"),
        ("INPUT_REQUIRE-REPORT", "false"),
        ("INPUT_SUBNETS", "tag:Name=a-*"),
    ];
    let migrate = parsed(&["fargate-migrate"], &inputs);
    assert_eq!(migrate.database, ["a", "b", "c", "d"]);
    assert_eq!(migrate.target.cluster.as_deref(), Some("x"));
    assert_eq!(migrate.target.region, None);
    assert_eq!(migrate.fleet.max_parallel, 7);
    assert!(migrate.fleet.keep_going);
    assert!(!migrate.task.require_report);
    assert_eq!(migrate.network.subnets, ["tag:Name=a-*"]);
}

#[test]
fn outside_of_github_actions_inputs_are_not_read() {
    let migrate = parsed(&["fargate-migrate", "migrate"], &[("INPUT_DATABASE", "a")]);
    assert!(migrate.database.is_empty());
}

#[test]
fn a_flag_overrides_its_input() {
    let migrate = parsed(
        &["fargate-migrate", "migrate", "--database", "a", "--max-parallel=2"],
        &[("GITHUB_ACTIONS", "true"), ("INPUT_DATABASE", "b"), ("INPUT_MAX_PARALLEL", "3")],
    );
    assert_eq!(migrate.database, ["a"]);
    assert_eq!(migrate.fleet.max_parallel, 2);
}

#[test]
fn a_boolean_input_that_is_none_is_refused() {
    let variable = |name: &str| match name {
        "GITHUB_ACTIONS" => Some("true".to_owned()),
        "INPUT_PLAN" => Some("yes".to_owned()),
        _ => None,
    };
    assert!(parse(vec!["fargate-migrate".into(), "migrate".into()], &variable).is_err());
}

#[test]
fn an_input_can_not_smuggle_in_another_flag() {
    let inputs = [("GITHUB_ACTIONS", "true"), ("INPUT_TAG", "--plan"), ("INPUT_DATABASE", "--plan")];
    let migrate = parsed(&["fargate-migrate", "migrate"], &inputs);
    assert_eq!(migrate.image.tag.as_deref(), Some("--plan"));
    assert_eq!(migrate.database, ["--plan"]);
    assert!(!migrate.plan);
}
