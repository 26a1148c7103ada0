use super::samples::{MIGRATION, SERVICES, migrating, tried, without_migration};
use super::*;

#[test]
fn a_service_is_named_once_by_name_or_arn() {
    let arn = "arn:aws:ecs:us-east-1:123456789012:service";
    let flags =
        [format!("--service={arn}/c/api,web"), format!("--service={arn}/old"), "--service=api".into()];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let settings = migrating(&flags);
    assert_eq!(settings.services, ["web", "api", "old"]);
    assert_eq!(settings.cluster, "c");
    assert!(matches!(&settings.first, First::Migrate(migrate) if migrate.databases.len() == 1));
}

#[test]
fn without_a_migration_nothing_of_one_is_needed() {
    let settings = without_migration(&["--repository=shop", "--tag=v1", "--deploy-timeout=5m"]);
    let First::ProvedElsewhere { image, .. } = &settings.first else { panic!("{settings:?}") };
    assert_eq!((image.repository.as_deref(), image.tag.as_deref()), (Some("shop"), Some("v1")));
    assert_eq!(settings.deploy_timeout, Some(Duration::from_secs(300)));
}

#[test]
fn one_environment_for_all_or_one_for_each() {
    let of = |name: &str| {
        let flag = format!("--service-environment={name}");
        without_migration(&[&flag]).environment("web")
    };
    assert_eq!(of("production").as_deref(), Some("production"));
    assert_eq!(of("production/{service}").as_deref(), Some("production/web"));
    assert_eq!(without_migration(&[]).environment("web"), None);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_observed() {
    let all = [&SERVICES[..], &MIGRATION].concat();
    let alone = [&SERVICES[..], &["--no-migration"]].concat();
    let other = "--service=arn:aws:ecs:us-east-1:123456789012:service/other/web";
    for (arguments, said) in [
        (SERVICES.to_vec(), "no database given"),
        ([&["fargate-migrate", "deploy", "--cluster=c"][..], &MIGRATION].concat(), "no service given"),
        (vec!["fargate-migrate", "deploy", "--service=a", "--no-migration"], "no cluster given"),
        ([&alone[..], &["--database=shop"]].concat(), "--database cannot be used with --no-migration"),
        ([&alone[..], &["--databases-file=x"]].concat(), "--databases-file cannot be used"),
        ([&alone[..], &["--exclude=x"]].concat(), "--exclude cannot be used"),
        ([&alone[..], &["--resume"]].concat(), "--resume cannot be used"),
        ([&alone[..], &[other]].concat(), "is in cluster other"),
        ([&alone[..], &["--service=a b"]].concat(), "can name no service"),
        ([&alone[..], &["--service-container= "]].concat(), "names no container"),
        ([&alone[..], &["--health-url=shop.example"]].concat(), "not an http or https URL"),
        ([&alone[..], &["--health-url=https://"]].concat(), "not an http or https URL"),
        ([&alone[..], &["--health-url=http://x", "--health-expect="]].concat(), "--health-expect is empty"),
        ([&alone[..], &["--service-environment= "]].concat(), "can name no environment"),
        ([&all[..], &["--state=s", "--resume", "--only-failed"]].concat(), "--only-failed leaves"),
        ([&SERVICES[..], &["--database=shop", "--task-definition=t"]].concat(), "no subnets given"),
    ] {
        let failure = tried(&arguments).expect_err(said);
        assert!(failure.message.contains(said), "{failure}");
        assert_eq!(failure.exit_code, crate::failure::ExitCode::BadInput);
        assert!(failure.hint.is_some(), "{failure}");
    }
    let failure = tried(&SERVICES).expect_err("neither");
    let hint = failure.hint.expect("a hint");
    assert!(hint.contains("--database NAME") && hint.contains("--no-migration"), "{hint}");
}
