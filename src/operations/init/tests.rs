use super::answers::{Answers, Network};
use super::*;
use crate::choices::Framework;
use crate::cli::Way;

fn answers() -> Answers {
    Answers {
        name: "shop".into(),
        github: "acme/shop".into(),
        region: "us-east-1".into(),
        databases: vec!["shop_prod".into(), "2024".into(), "yes".into()],
        network: Network::New(Way::Public),
        subnets: vec![],
        public_ip: false,
        database_secret: None,
        database_security_group: None,
        dockerfile: "Dockerfile".into(),
        framework: Some(Framework::Django),
        command: "python manage.py migrate".parse().expect("words"),
        service: None,
        test_command: None,
        action: "0123456789abcdef0123456789abcdef01234567".into(),
    }
}

#[test]
fn the_files_of_a_repository() {
    insta::assert_snapshot!("configuration", configuration::text(&answers()));
    insta::assert_snapshot!("migrate_without_tests", workflows::migrate(&answers()).expect("a workflow"));
    let with = Answers { test_command: Some("make test".into()), service: Some("web".into()), ..answers() };
    insta::assert_snapshot!("deploy_with_tests", workflows::deploy(&with).expect("a workflow"));
}

#[test]
fn another_network_and_a_dockerfile_elsewhere() {
    let vpc = Answers {
        network: Network::Vpc("vpc-1".into()),
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        public_ip: true,
        database_secret: Some("arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf".into()),
        dockerfile: "backend/Dockerfile".into(),
        framework: None,
        ..answers()
    };
    let text = configuration::text(&vpc);
    for line in [
        r#"subnets: ["subnet-1", "subnet-2"]"#,
        "assign-public-ip: true",
        r#"dockerfile: "backend/Dockerfile""#,
        r#"context: "backend""#,
        "databases: [shop_prod, '2024', 'yes']",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in {text}");
    }
    assert!(!text.contains("witness"), "{text}");
    let up = infrastructure::up(&vpc).expect("a command");
    assert!(
        up.contains("--vpc vpc-1 --subnets subnet-1,subnet-2 --public-ip --database-secret arn:aws:"),
        "{up}"
    );
    assert!(!up.contains("--witness"), "{up}");
    assert_eq!(infrastructure::up(&Answers { network: Network::There, ..answers() }), None);
}

#[test]
fn the_configuration_file_is_one_that_a_run_reads() {
    let directory = tempfile::tempdir().expect("a directory");
    let service = Some("web".to_owned());
    for framework in [None, Some(Framework::Alembic)] {
        let path = directory.path().join("fargate-migrate.yml");
        let text = configuration::text(&Answers { framework, service: service.clone(), ..answers() });
        std::fs::write(&path, text).expect("write it");
        let config = crate::config::Config::find(Some(&path), directory.path(), &crate::cli::keys());
        let config = config.expect("a configuration file").expect("one is there");
        assert_eq!(config.fleet.databases, answers().databases);
    }
}

/// Every file of infra/ that a repository needs.
#[test]
fn infra_is_whole() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("infra");
    let mut there: Vec<String> = std::fs::read_dir(directory)
        .expect("infra")
        .map(|entry| format!("infra/{}", entry.expect("an entry").file_name().display()))
        .collect();
    let mut written: Vec<String> = infrastructure::files().into_iter().map(|file| file.path).collect();
    // For developers alone.
    there.retain(|path| path != "infra/.shellcheckrc");
    there.sort();
    written.sort();
    assert_eq!(written, there);
}
