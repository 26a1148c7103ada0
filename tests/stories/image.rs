use std::path::{Path, PathBuf};

use sandbox::{RepositorySettings, seed};

use crate::support::program::static_program;
use crate::support::{HEALTH, PROD, World};

fn packaged<'a>(binary: &'a str, tag: &'a str) -> [&'a str; 7] {
    ["--binary", binary, "--tag", tag, "--database", PROD, "--format=json"]
}

#[tokio::test]
async fn a_binary_is_pushed_once_for_a_commit_and_named_by_its_digest() {
    let world = World::new().await;
    let binary = static_program().display().to_string();
    let first = world.migrate(&packaged(&binary, "v1")).finish().await;
    first.exits(0);
    assert_eq!(first.result()["image"]["source"], "packaged");
    let again = world.migrate(&packaged(&binary, "v1")).finish().await;
    again.exits(0);
    assert_eq!(again.result()["image"]["source"], "reused");
    assert_eq!(first.result()["image"]["digest"], again.result()["image"]["digest"]);
    let other_tag = world.migrate(&packaged(&binary, "v2")).finish().await;
    assert_eq!(
        first.result()["image"]["digest"],
        other_tag.result()["image"]["digest"],
        "the same program is the same image"
    );
}

#[tokio::test]
async fn an_immutable_repository_takes_the_same_commit_twice() {
    let world = World::new().await;
    world.sandbox.create_repository("frozen", RepositorySettings { immutable: true, ..Default::default() });
    let binary = static_program().display().to_string();
    for _ in 0..2 {
        let flags = [packaged(&binary, "v1").as_slice(), &["--repository=frozen"]].concat();
        world.migrate(&flags).finish().await.exits(0);
    }
}

#[tokio::test]
async fn the_image_is_named_after_the_commit_of_github() {
    let world = World::new().await;
    let binary = static_program().display().to_string();
    let run = world.migrate(&["--binary", &binary, "--database", PROD]).in_actions().finish().await;
    run.exits(0);
    let digest = world.sandbox.calls().iter().filter(|call| call.operation == "BatchGetImage").count();
    assert!(digest > 0);
    assert!(run.outputs["image"].contains("@sha256:"), "{:?}", run.outputs);
    assert!(run.outputs["image-digest"].starts_with("sha256:"));
    assert!(run.summary.contains("0123456789ab"), "{}", run.summary);
}

#[tokio::test]
async fn a_changed_working_tree_is_no_commit() {
    let world = World::new().await;
    let tree = a_working_tree(&world);
    let binary = static_program().display().to_string();
    let flags = ["--binary", &binary, "--database", PROD, "--format=json"];
    let clean = world.migrate(&flags).current_directory(&tree).finish().await;
    clean.exits(0);
    assert_eq!(clean.result()["image"]["tag"].as_str().map(str::len), Some(40));
    std::fs::write(tree.join("a"), "2").expect("write");
    let dirty = world.migrate(&flags).current_directory(&tree).finish().await;
    dirty.exits(2);
}

/// A working tree with one commit and the file `a`.
pub fn a_working_tree(world: &World) -> PathBuf {
    let tree = world.directory.path().join("tree");
    std::fs::create_dir(&tree).expect("a directory");
    git(&tree, &["init", "--quiet"]);
    std::fs::write(tree.join("a"), "1").expect("write");
    git(&tree, &["add", "a"]);
    git(&tree, &["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--quiet", "-m", "a"]);
    tree
}

fn git(directory: &Path, arguments: &[&str]) {
    let status =
        std::process::Command::new("git").arg("-C").arg(directory).args(arguments).status().expect("run git");
    assert!(status.success(), "git {arguments:?}");
}

#[tokio::test]
async fn an_image_built_elsewhere_is_pinned_by_its_digest() {
    let world = World::new().await;
    let binary = static_program().display().to_string();
    let pushed = world.migrate(&packaged(&binary, "v1")).finish().await;
    let digest = pushed.exits(0).result()["image"]["digest"].as_str().expect("a digest").to_owned();
    let image = format!("{}/{}:v1", world.sandbox.registry().host(), seed::REPOSITORY);
    let run = world.migrate(&["--image", &image, "--database", HEALTH, "--format=json"]).finish().await;
    run.exits(0);
    assert_eq!(run.result()["image"]["digest"], digest.as_str());
    assert!(run.result()["image"]["reference"].as_str().is_some_and(|image| image.ends_with(&digest)));
}

#[tokio::test]
async fn a_repository_that_is_named_by_its_uri_is_asked_in_its_own_registry() {
    let world = World::new().await;
    let binary = static_program().display().to_string();
    for uri in [
        "999999999999.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend",
        "999999999999.dkr-ecr.us-east-1.on.aws/startupwebapp-backend",
        "999999999999.dkr.ecr.eu-west-1.amazonaws.com/startupwebapp-backend",
    ] {
        let flags = [packaged(&binary, "v1").as_slice(), &["--repository", uri]].concat();
        let run = world.migrate(&flags).finish().await;
        run.exits(2).says("repository startupwebapp-backend does not exist in account 999999999999");
        let asked = world.inputs("DescribeRepositories");
        assert!(asked.iter().all(|input| input["registryId"] == "999999999999"), "{asked:?}");
    }
    for uri in [
        "ghcr.io/octo/shop",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.example.org/startupwebapp-backend",
    ] {
        let flags = [packaged(&binary, "v1").as_slice(), &["--repository", uri]].concat();
        world.migrate(&flags).finish().await.exits(2).says("images are pushed to an account's ECR");
    }
    let china = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/startupwebapp-backend";
    let flags = [packaged(&binary, "v1").as_slice(), &["--repository", china]].concat();
    world.migrate(&flags).finish().await.exits(2).says("partition aws-cn");
    for changing in ["GetAuthorizationToken", "RegisterTaskDefinition", "RunTask"] {
        assert_eq!(world.called(changing), 0, "{changing}");
    }
}

#[tokio::test]
async fn an_image_that_a_pull_through_cache_may_fetch_is_run_and_one_that_nothing_fetches_is_not() {
    let world = World::new().await;
    let planned =
        async |image: &str| world.migrate(&["--plan", "--database", PROD, "--image", image]).finish().await;
    let own = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let flyway = format!("{own}/docker-hub/flyway/flyway:11");
    planned(&flyway)
        .await
        .exits(2)
        .says("repository docker-hub/flyway/flyway does not exist in us-east-1")
        .says("no pull-through cache rule has a prefix of it");
    world.sandbox.registry().add_pull_through_rule("docker-hub", "registry-1.docker.io");
    planned(&flyway)
        .await
        .exits(0)
        .says("a pull-through cache rule has its prefix, docker-hub")
        .says("is not pinned by digest")
        .says(&format!("image = {flyway}"));
    planned(&format!("{own}/quay/flyway:11")).await.exits(2);
    planned(&format!("{own}/startupwebapp-backend:absent")).await.exits(2).says("has no image absent");
    // Nobody may list the rules of this account.
    planned("999999999999.dkr.ecr.us-east-1.amazonaws.com/docker-hub/flyway:11")
        .await
        .exits(0)
        .says("whether a pull-through cache rule has its prefix is not known");
}

#[tokio::test]
async fn an_image_that_is_no_reference_is_refused_at_once() {
    let world = World::new().await;
    for image in ["UPPER/Case:a:b", "a@sha256:zz", "registry.example/app:1\nx", "registry.example/app\n"] {
        let run = world.migrate(&["--database", PROD, "--image", image]).finish().await;
        run.exits(2).says("is not an image reference").says("hint: write [registry/]repository");
    }
    assert!(world.operations().is_empty());
}

#[tokio::test]
async fn the_commit_that_is_checked_out_names_the_image_whatever_github_sha_is() {
    let world = World::new().await;
    let tree = world.directory.path().join("ref");
    std::fs::create_dir_all(tree.join(".git")).expect("a directory");
    let commit = "89abcdef0123456789abcdef0123456789abcdef";
    std::fs::write(tree.join(".git/HEAD"), format!("{commit}\n")).expect("write");
    let binary = static_program().display().to_string();
    let flags = ["--binary", &binary, "--database", PROD, "--plan"];
    let planned = world.migrate(&flags).in_actions().current_directory(&tree).finish().await;
    planned
        .exits(0)
        .says(&format!("startupwebapp-backend:{commit}"))
        .says(&format!("commit {commit} is checked out, and GITHUB_SHA is 0123456789abcdef"));
    let tagged =
        world.migrate(&[flags.as_slice(), &["--tag=0123456789abcdef0123456789abcdef01234567"]].concat());
    let tagged = tagged.current_directory(&tree).finish().await;
    tagged.exits(0).says("looks like a commit, and 89abcdef");
}
