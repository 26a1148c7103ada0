//! `infra/`, as it is in the repository of fargate-migrate, and the command that makes what the answers need.

use clap::ValueEnum as _;

use super::answers::{Answers, Network};
use super::at;
use super::written::Written;
use crate::bounded_file;
use crate::cli::Way;
use crate::failure::Failure;

/// A file of infra/ with its text.
macro_rules! of_infra {
    ($make:path, $($name:literal),+) => {
        [$($make(concat!("infra/", $name), include_str!(concat!("../../../infra/", $name)))),+]
    };
}

/// Returns the templates and scripts.
pub(super) fn files() -> Vec<Written> {
    let programs = of_infra!(Written::program, "up", "down");
    let texts = of_infra!(
        text,
        "README.md",
        "lib.sh",
        "values.sh",
        "stacks.sh",
        "preflight.sh",
        "plan.sh",
        "service.sh",
        "databases.sh",
        "configuration.sh",
        "github.sh",
        "network.yaml",
        "database.yaml",
        "platform.yaml",
        "service.yaml",
        "github.yaml",
        "github-provider.yaml"
    );
    programs.into_iter().chain(texts).collect()
}

fn text(path: &str, text: &str) -> Written {
    Written::text(path, text)
}

/// Checks that a script that is there is this one, of whatever version: the next command runs it.
///
/// # Errors
/// `infra/up` is another program.
pub(super) fn check() -> Result<(), Failure> {
    match bounded_file::read_text(&at("infra/up"), bounded_file::TEXT) {
        Ok(text) if !text.contains("infra/up --name NAME") => {
            Err(Failure::input("infra/up is there, and is another program")
                .hint("move it away; or make the parts by hand (docs/by-hand.md), and pass --network none"))
        }
        _ => Ok(()),
    }
}

/// Returns the command line of `infra/up`; `None` where everything is there.
pub(super) fn up(answers: &Answers) -> Option<String> {
    let subnets = answers.subnets.join(",");
    let names: Vec<&str> = answers.databases.iter().map(|name| &**name).collect();
    let names = names.join(",");
    let mut words = vec!["infra/up", "--name", &answers.name, "--region", &answers.region];
    let way;
    match &answers.network {
        Network::There => return None,
        Network::Vpc(vpc) => {
            words.extend(["--vpc", vpc, "--subnets", &subnets]);
            words.extend(answers.public_ip.then_some("--public-ip"));
        }
        Network::New(given) => {
            way = given.to_possible_value()?;
            words.extend(["--network", way.get_name()]);
        }
    }
    match &answers.database_secret {
        Some(secret) => words.extend(["--database-secret", secret]),
        None => words.push("--database"),
    }
    words.extend(answers.database_security_group.iter().flat_map(|id| ["--database-security-group", id]));
    // The task that makes databases has its image from the internet (docs/infrastructure.md).
    if answers.network != Network::New(Way::Endpoints) {
        words.extend(["--databases", &names]);
    }
    words.extend(["--github", &answers.github]);
    words.extend(answers.framework.is_some().then_some("--witness"));
    Some(shell_words::join(words))
}
