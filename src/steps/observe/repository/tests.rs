use super::*;
use crate::settings::ImageChoice;

const OWN: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

fn wanted(repository: Option<&str>, image: &str) -> Result<Wanted, Failure> {
    let mut document: serde_json::Value =
        serde_json::from_str(include_str!("../../../../sandbox/fixtures/describe-task-definition.json"))
            .unwrap();
    document["taskDefinition"]["containerDefinitions"][0]["image"] = image.into();
    let base = TaskDefinition::from_json(document, "test").unwrap();
    let settings = ImageSettings {
        repository: repository.map(str::to_owned),
        tag: None,
        commit: None,
        choice: ImageChoice::Binary("app".into()),
    };
    Wanted::new(&settings, Some((&base, "migration")))
}

fn registry(account: &str, region: &str) -> Option<EcrRegistry> {
    Some(EcrRegistry { account: account.into(), region: region.into() })
}

#[test]
fn the_registry_that_is_named_is_the_one_that_is_asked() {
    for (repository, image, expected, name) in [
        (Some("shop"), "ghcr.io/octo/other:1", None, "shop"),
        (Some("team/shop"), "nginx", None, "team/shop"),
        (None, &format!("{OWN}/shop:v1") as &str, registry("123456789012", "us-east-1"), "shop"),
        (
            None,
            "999999999999.dkr.ecr.eu-west-1.amazonaws.com/a/b@sha256:0",
            registry("999999999999", "eu-west-1"),
            "a/b",
        ),
        (
            Some("999999999999.dkr-ecr.eu-west-1.on.aws/shop"),
            "nginx",
            registry("999999999999", "eu-west-1"),
            "shop",
        ),
        (
            Some("999999999999.dkr.ecr.cn-north-1.amazonaws.com.cn/shop"),
            "nginx",
            registry("999999999999", "cn-north-1"),
            "shop",
        ),
        (None, "127.0.0.1:5000/shop:v1", None, "shop"),
    ] {
        let wanted = wanted(repository, image).expect("a repository");
        assert_eq!(
            wanted.name,
            RepositoryName { registry: expected, name: name.into() },
            "{repository:?} {image}"
        );
    }
}

#[test]
fn what_is_in_no_ecr_is_never_looked_for_in_ours() {
    for (repository, image, said) in [
        (None, "nginx:1.27", "on Docker Hub"),
        (None, "flyway/flyway:11-alpine", "on Docker Hub"),
        (None, "ghcr.io/octo/shop:1", "in registry ghcr.io"),
        (None, "public.ecr.aws/octo/shop:1", "in registry public.ecr.aws"),
        (Some("ghcr.io/octo/shop"), "nginx", "--repository is in registry ghcr.io"),
        (Some("public.ecr.aws/octo/shop"), "nginx", "in registry public.ecr.aws"),
        (
            Some("123456789012.dkr.ecr.us-east-1.amazonaws.com.example.org/shop"),
            "nginx",
            "in registry 123456789012.dkr.ecr.us-east-1.amazonaws.com.example.org",
        ),
    ] {
        let failure = wanted(repository, image).expect_err(said);
        assert!(failure.message.contains(said), "{failure}");
        assert!(failure.hint.is_some_and(|hint| hint.contains("--repository NAME")));
    }
}

#[test]
fn a_uri_is_kept_and_never_becomes_another() {
    let answered = |uri: &str| Repository { name: "shop".into(), uri: uri.into(), registry: None };
    let classic = format!("{OWN}/shop");
    for (given, found, expected) in [
        ("shop", classic.as_str(), Some(classic.as_str())),
        ("shop", "127.0.0.1:5000/shop", Some("127.0.0.1:5000/shop")),
        (&classic, &classic, Some(&classic)),
        (
            "123456789012.dkr-ecr.us-east-1.on.aws/shop",
            &classic,
            Some("123456789012.dkr-ecr.us-east-1.on.aws/shop"),
        ),
        (&classic, "127.0.0.1:5000/shop", Some("127.0.0.1:5000/shop")),
        ("127.0.0.1:5000/shop", "127.0.0.1:5000/shop", Some("127.0.0.1:5000/shop")),
        ("127.0.0.1:5000/shop", "127.0.0.1:6000/shop", None),
        ("127.0.0.1:5000/shop", &classic, None),
        ("999999999999.dkr.ecr.us-east-1.amazonaws.com/shop", &classic, None),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop", &classic, None),
    ] {
        let taken = wanted(Some(given), "nginx").expect("a repository").takes(answered(found));
        assert_eq!(taken.ok().map(|taken| taken.uri).as_deref(), expected, "{given} {found}");
    }
}
