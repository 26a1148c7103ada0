use super::*;
use crate::choices::{Leftover, Proof};

fn parsed(arguments: &[&str], inputs: &[(&str, &str)]) -> MigrateFlags {
    in_directory(arguments, inputs, Path::new("/nowhere")).expect("valid")
}

fn in_directory(
    arguments: &[&str],
    inputs: &[(&str, &str)],
    directory: &Path,
) -> Result<MigrateFlags, Error> {
    let arguments = arguments.iter().map(Into::into).collect();
    let variable =
        |name: &str| inputs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let Command::Migrate(migrate) = parse(arguments, &variable, directory)?.command else {
        panic!("migrate")
    };
    Ok(migrate)
}

/// With a configuration file of this text, in GitHub Actions.
fn with_config(config: &str, flags: &[&str], inputs: &[(&str, &str)]) -> Result<MigrateFlags, Error> {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join(".github")).expect("make it");
    std::fs::write(directory.path().join(crate::config::DEFAULT_PATH), config).expect("write it");
    let flags = [["fargate-migrate", "migrate"].as_slice(), flags].concat();
    let inputs = [[("GITHUB_ACTIONS", "true")].as_slice(), inputs].concat();
    in_directory(&flags, &inputs, directory.path())
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
    command().debug_assert();
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
        ("INPUT_PROOF", ""),
        ("INPUT_SUBNETS", "tag:Name=a-*"),
    ];
    let migrate = parsed(&["fargate-migrate"], &inputs);
    assert_eq!(migrate.selection.database, ["a", "b", "c", "d"]);
    assert_eq!(migrate.target.cluster.as_deref(), Some("x"));
    assert_eq!(migrate.target.aws.region, None);
    assert_eq!(*migrate.fleet.max_parallel, 7);
    assert!(migrate.fleet.keep_going);
    assert_eq!(migrate.task.proof, Proof::Report);
    assert_eq!(migrate.network.subnets, ["tag:Name=a-*".parse().expect("a subnet")]);
}

#[test]
fn outside_of_github_actions_inputs_are_not_read() {
    let migrate = parsed(&["fargate-migrate", "migrate"], &[("INPUT_DATABASE", "a")]);
    assert!(migrate.selection.database.is_empty());
}

#[test]
fn a_flag_overrides_its_input() {
    let migrate = parsed(
        &["fargate-migrate", "migrate", "--database", "a", "--max-parallel=2"],
        &[("GITHUB_ACTIONS", "true"), ("INPUT_DATABASE", "b"), ("INPUT_MAX_PARALLEL", "3")],
    );
    assert_eq!(migrate.selection.database, ["a"]);
    assert_eq!(*migrate.fleet.max_parallel, 2);
}

#[test]
fn a_boolean_input_that_is_none_is_refused() {
    let variable = |name: &str| match name {
        "GITHUB_ACTIONS" => Some("true".to_owned()),
        "INPUT_PLAN" => Some("yes".to_owned()),
        _ => None,
    };
    let arguments = vec!["fargate-migrate".into(), "migrate".into()];
    assert!(parse(arguments, &variable, Path::new("/nowhere")).is_err());
}

#[test]
fn an_input_can_not_smuggle_in_another_flag() {
    let inputs = [("GITHUB_ACTIONS", "true"), ("INPUT_CONTAINER", "--plan"), ("INPUT_DATABASE", "--plan")];
    let migrate = parsed(&["fargate-migrate", "migrate"], &inputs);
    assert_eq!(migrate.target.base.container.as_deref(), Some("--plan"));
    assert_eq!(migrate.selection.database, ["--plan"]);
    assert!(!migrate.plan);
}

#[test]
fn a_flag_goes_before_an_input_and_an_input_before_the_file() {
    let config = "cluster: file\nregion: file\ncontainer: file\nmax-parallel: 9\n";
    let inputs = [("INPUT_CLUSTER", "input"), ("INPUT_REGION", "input"), ("INPUT_CONTAINER", "")];
    let migrate = with_config(config, &["--cluster=flag"], &inputs).expect("valid");
    assert_eq!(migrate.target.cluster.as_deref(), Some("flag"));
    assert_eq!(migrate.target.aws.region.as_deref(), Some("input"));
    assert_eq!(migrate.target.base.container.as_deref(), Some("file"), "an empty input is none");
    assert_eq!(*migrate.fleet.max_parallel, 9);
    assert_eq!(&*migrate.task.common.database_variable, "DATABASE_NAME", "nobody says another");
}

#[test]
fn every_kind_of_value_becomes_its_flag() {
    let config = include_str!("../config/samples/full.yml");
    let migrate = with_config(config, &[], &[]).expect("valid");
    assert_eq!(
        migrate.image.source.build_arg,
        ["PROXY", "VERSION=1"].map(|text| text.parse().expect("an argument"))
    );
    assert_eq!(migrate.task.common.env, ["LOG_LEVEL=debug".parse().expect("a variable")]);
    assert_eq!(Ok(migrate.task.common.timeout), "1h 30m".parse());
    assert_eq!(migrate.task.common.on_timeout, Leftover::Leave);
    assert_eq!(migrate.network.subnets, ["tag:Name=shop-private-*".parse().expect("a subnet")]);
    assert!(migrate.fleet.keep_going && migrate.github.deployments && !migrate.network.assign_public_ip);
    assert_eq!(migrate.config.fleet.databases, ["prod", "tenant_a", "tenant_b"]);
    assert!(migrate.selection.database.is_empty(), "the file says what there is, not what to migrate");
}

#[test]
fn a_switch_of_the_file_can_be_turned_off() {
    let config = "keep-going: true\ndeployments: true\n";
    let inputs = [("INPUT_KEEP-GOING", "false"), ("INPUT_DEPLOYMENTS", "")];
    let migrate = with_config(config, &[], &inputs).expect("valid");
    assert!(!migrate.fleet.keep_going, "an input that says false overrides");
    assert!(migrate.github.deployments, "an empty one does not");
    let migrate = with_config(config, &["--keep-going=false"], &[("INPUT_KEEP-GOING", "true")]);
    assert!(!migrate.expect("valid").fleet.keep_going);
    let migrate = with_config("keep-going: false\n", &["--keep-going"], &[]).expect("valid");
    assert!(migrate.fleet.keep_going);
    assert!(with_config("", &["--keep-going=maybe"], &[]).is_err());
}

#[test]
fn what_a_layer_says_makes_way_for_what_it_excludes() {
    let builds = "dockerfile: app/Dockerfile\ntarget: production\n";
    let migrate = with_config(builds, &["--image=registry/app:v1"], &[]).expect("the file makes way");
    assert_eq!((migrate.image.source.dockerfile, migrate.image.source.target), (None, None));
    let migrate = with_config(builds, &[], &[("INPUT_BINARY", "target/app")]).expect("the file makes way");
    assert_eq!(migrate.image.source.dockerfile, None);
    let migrate = with_config(builds, &["--context=elsewhere"], &[]).expect("these go together");
    assert_eq!(migrate.image.source.target.as_deref(), Some("production"));

    let inputs = [("INPUT_DOCKERFILE", "Dockerfile"), ("INPUT_TARGET", "x")];
    let migrate = with_config("", &["--image=registry/app:v1"], &inputs).expect("inputs make way for flags");
    assert_eq!(migrate.image.source.dockerfile, None);

    let given = "subnets: [subnet-1]\nsecurity-groups: [sg-1]\nassign-public-ip: true\n";
    let migrate = with_config(given, &["--network-from-service=web"], &[]).expect("the file makes way");
    assert!(migrate.network.subnets.is_empty() && !migrate.network.assign_public_ip);
    let migrate = with_config("network-from-service: web\n", &["--subnets=subnet-2"], &[]).expect("so here");
    assert_eq!(migrate.network.network_from_service, None);
    let inputs = [("INPUT_ASSIGN-PUBLIC-IP", "false")];
    let migrate = with_config("network-from-service: web\n", &[], &inputs).expect("false is in no way");
    assert_eq!(migrate.network.network_from_service.as_deref(), Some("web"));
}

#[test]
fn what_excludes_each_other_in_one_layer_is_an_error() {
    let inputs = [("INPUT_IMAGE", "a"), ("INPUT_DOCKERFILE", "b")];
    assert!(matches!(with_config("", &[], &inputs), Err(Error::Usage(_))));
    assert!(matches!(with_config("image: a\ndockerfile: b\n", &[], &[]), Err(Error::Input(_))));
}

#[test]
fn a_given_file_is_read_and_has_to_be_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("mine.yml");
    let flag = format!("--config={}", path.display());
    assert!(matches!(with_config("cluster: usual\n", &[&flag], &[]), Err(Error::Input(_))));
    std::fs::write(&path, "cluster: mine\n").expect("write it");
    let migrate = with_config("cluster: usual\n", &[&flag], &[]).expect("valid");
    assert_eq!(migrate.target.cluster.as_deref(), Some("mine"));
    let inputs = [("INPUT_CONFIG", path.to_str().expect("UTF-8"))];
    let migrate = with_config("cluster: usual\n", &[], &inputs).expect("valid");
    assert_eq!(migrate.target.cluster.as_deref(), Some("mine"));
}

#[test]
fn a_value_of_the_file_can_not_smuggle_in_another_flag() {
    let migrate = with_config("container: --plan\nenv: {A: '--plan'}\n", &[], &[]).expect("valid");
    assert_eq!(migrate.target.base.container.as_deref(), Some("--plan"));
    assert_eq!(migrate.task.common.env, ["A=--plan".parse().expect("a variable")]);
    assert!(!migrate.plan);
}

#[test]
fn a_flag_that_is_given_twice_is_refused_with_what_to_do() {
    let said = |flags: &[&str]| {
        let flags = [["fargate-migrate", "migrate"].as_slice(), flags].concat();
        let refused = in_directory(&flags, &[], Path::new("/nowhere")).expect_err("refused");
        let Error::Usage(error) = refused else { panic!("{refused:?}") };
        error.render().to_string()
    };
    let twice = said(&["--max-parallel=24", "--max-parallel", "3"]);
    assert!(twice.contains("'--max-parallel <N>' cannot be used multiple times"), "{twice}");
    assert!(twice.contains("tip: pass --max-parallel once, with the value that is meant"), "{twice}");
    let twice = said(&["--plan", "--plan"]);
    assert!(twice.contains("tip: pass --plan once,"), "{twice}");
    let other = said(&["--image=a", "--binary=b"]);
    assert!(!other.contains("tip: pass"), "{other}");
}

#[test]
fn no_layer_may_set_what_tells_a_task_its_databases() {
    let refused = |config: &str, flags: &[&str], inputs: &[(&str, &str)]| {
        let flags = [&["--cluster=c", "--task-definition=t", "--subnets=subnet-1", "--database=a"], flags];
        let read = with_config(config, &flags.concat(), inputs).expect("flags");
        let run = crate::settings::RunIdentity::local("test");
        crate::settings::Settings::new(read, None, run).expect_err("refused").message
    };
    for (name, what) in [
        ("DATABASE_NAME", "the database variable"),
        ("DATABASE_NAMES", "the variable that names the databases of a task"),
    ] {
        let said = format!("--env sets {name}, {what}");
        assert_eq!(refused("", &["--env=A=1", &format!("--env={name}=x")], &[]), said);
        assert_eq!(refused("", &[], &[("INPUT_ENV", &format!("A=1\n{name}=x"))]), said);
        assert_eq!(refused(&format!("env: {{A: '1', {name}: x}}\n"), &[], &[]), said);
    }
    // The variable in one layer, its value in another.
    let said = "--env sets TENANTS, the variable that names the databases of a task";
    assert_eq!(refused("database-variable: TENANT\n", &["--env=TENANTS=x"], &[]), said);
    assert_eq!(refused("env: {TENANTS: x}\n", &[], &[("INPUT_DATABASE-VARIABLE", "TENANT")]), said);
}
