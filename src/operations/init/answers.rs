//! What `init` has to know: from a flag, else from git, the environment or the files here, else from a question.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum as _;

use super::framework;
use super::here;
use crate::adapters::ThisMachine;
use crate::adapters::github::GitHub;
use crate::choices::Framework;
use crate::cli::{InitFlags, Way, init_name, init_region, init_repository};
use crate::database_name::DatabaseName;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::operations::asking;
use crate::ports::Machine as _;
use crate::untrusted::phrase;
use crate::values::{Subnet, Words, Wrong};

/// Where the newest commit of the Action is looked for.
const ACTION: &str = env!("CARGO_PKG_REPOSITORY");

/// Answers to one question before init gives up.
const TRIES: usize = 3;

#[derive(Debug, Clone)]
pub(super) struct Answers {
    pub name: String,
    /// OWNER/NAME.
    pub github: String,
    pub region: String,
    pub databases: Vec<DatabaseName>,
    pub network: Network,
    pub subnets: Vec<String>,
    pub public_ip: bool,
    pub database_secret: Option<String>,
    pub database_security_group: Option<String>,
    pub dockerfile: PathBuf,
    /// Absent without the witness.
    pub framework: Option<Framework>,
    pub command: Words,
    pub service: Option<String>,
    pub test_command: Option<String>,
    /// The commit that the workflows run.
    pub action: String,
}

/// The network of the tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Network {
    /// infra/up makes it, with this way out.
    New(Way),
    /// infra/up makes the rest in this VPC.
    Vpc(String),
    /// Nothing is to be made.
    There,
}

impl Answers {
    /// Finds all of it.
    ///
    /// # Errors
    /// Flags are missing and nobody can be asked; or what is given does not fit what is here.
    pub(super) async fn find(
        flags: InitFlags,
        variable: &dyn Fn(&str) -> Option<String>,
        github: Option<&GitHub>,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        at_the_root()?;
        let dockerfile = dockerfile(flags.dockerfile)?;
        let directory = dockerfile.parent().unwrap_or(here()).to_owned();
        let mut questions =
            Questions { is_possible: asking::is_possible(github), interrupt, missing: Vec::new() };
        let framework = match (flags.framework, flags.no_witness) {
            (None, false) => questions.framework(&directory).await?,
            (given, _) => given,
        };
        let origin = ThisMachine.github_repository(here()).await;
        let repository = questions
            .answer(flags.github, origin, "--github", "Repository on GitHub", init_repository)
            .await?;
        let usual =
            repository.as_deref().and_then(|one| one.split_once('/')).and_then(|(_, name)| usual(name));
        let name =
            questions.answer(flags.name, usual, "--name", "Names in AWS begin with", init_name).await?;
        let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| variable(name));
        let region = questions
            .answer(flags.region, region, "--region", "AWS Region, such as us-east-1", init_region)
            .await?;
        let databases = (!flags.databases.is_empty()).then_some(flags.databases);
        let databases = questions
            .answer(databases, None, "--databases", "Databases, with commas between them", names)
            .await?;
        let network = flags.vpc.map(Network::Vpc).or(flags.network.map(network));
        let network = questions
            .answer(
                network,
                None,
                "--network (or --vpc with --subnets)",
                "Network: public (0 dollars a month), nat (37), endpoints (58), or none where everything is there",
                network_of,
            )
            .await?;
        if let (Some(Network::Vpc(_)), Some(name)) =
            (&network, flags.subnets.iter().find(|one| one.starts_with("tag:")))
        {
            return Err(Failure::input(format!("--vpc is given, and --subnets names {name}"))
                .hint("name them by their ids, which infra/up needs: subnet-…")
                .into());
        }
        let subnets = match (&network, flags.subnets) {
            (Some(Network::There), given) if given.is_empty() => {
                questions.answer(None, None, "--subnets", "Subnets of the tasks, with commas", list).await?
            }
            (_, given) => Some(given.iter().map(|one| one.trim().to_owned()).collect()),
        };
        let usual = framework.and_then(framework::command).map(str::to_owned);
        let command =
            questions.answer(flags.command, usual, "--command", "Command that migrates", words).await?;
        questions.check()?;
        let action = match flags.action {
            Some(commit) => commit,
            None => interrupt.unless(async { Ok(newest().await?) }).await?,
        };
        let known = "questions.check";
        let answers = Self {
            name: name.expect(known),
            github: repository.expect(known),
            region: region.expect(known),
            databases: databases.expect(known),
            network: network.expect(known),
            subnets: subnets.expect(known),
            public_ip: flags.public_ip,
            database_secret: flags.database_secret,
            database_security_group: flags.database_security_group,
            dockerfile,
            framework,
            command: command.expect(known),
            service: flags.service,
            test_command: flags.test_command,
            action,
        };
        answers.check()?;
        Ok(answers)
    }

    /// Checks what no flag alone shows.
    fn check(&self) -> Result<(), Failure> {
        if matches!(self.network, Network::New(_)) && (!self.subnets.is_empty() || self.public_ip) {
            return Err(Failure::input("--subnets and --public-ip with a network that infra/up makes")
                .hint("pass --vpc for a network that is there, or leave them out"));
        }
        for subnet in &self.subnets {
            subnet.parse::<Subnet>().map_err(|wrong| wrong.about("--subnets"))?;
        }
        let mut seen = BTreeSet::new();
        if let Some(name) = self.databases.iter().find(|name| !seen.insert(*name)) {
            return Err(
                Failure::input(format!("database {name} is listed twice")).hint("list each database once")
            );
        }
        Ok(())
    }

    /// Returns the directory of the Dockerfile, which is the build context.
    pub(super) fn directory(&self) -> &Path {
        self.dockerfile.parent().unwrap_or(here())
    }
}

/// Checks that this is the root of a repository: GitHub finds workflows there alone.
fn at_the_root() -> Result<(), Failure> {
    let Ok(directory) = here().join(".").canonicalize() else { return Ok(()) };
    match directory.ancestors().find(|one| one.join(".git").exists()) {
        Some(root) if root != directory => Err(Failure::input(format!(
            "this directory is not the root of its repository, which is {}",
            phrase(&root.display().to_string())
        ))
        .hint("run init there, and name the Dockerfile with --dockerfile PATH")),
        _ => Ok(()),
    }
}

fn dockerfile(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let path = given.unwrap_or_else(|| "Dockerfile".into());
    if path.is_absolute() || path.components().any(|part| part == std::path::Component::ParentDir) {
        return Err(Failure::input(format!("the Dockerfile {} is not below this directory", path.display()))
            .hint("run init at the root of the repository, and name the Dockerfile relative to it"));
    }
    if !path.is_file() {
        return Err(Failure::input(format!("there is no file {}", path.display())).hint(
            "run init at the root of the repository; where its Dockerfile is elsewhere, pass --dockerfile PATH",
        ));
    }
    Ok(path)
}

/// Makes a name for AWS of a repository's.
fn usual(repository: &str) -> Option<String> {
    let name: String = repository
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(30)
        .collect();
    init_name(name.trim_matches('-')).ok()
}

/// Asks GitHub for the newest commit of the Action.
async fn newest() -> Result<String, Failure> {
    ThisMachine.newest_commit(ACTION).await.ok_or_else(|| {
        Failure::service(format!("read the newest commit of {ACTION}: git does not say it")).hint(
            "check that git is here and reaches GitHub; or pass --action COMMIT with the commit that the workflows are to run",
        )
    })
}

/// Questions, of which those without an answer are named together.
struct Questions<'a> {
    is_possible: bool,
    interrupt: &'a Interrupt,
    missing: Vec<&'static str>,
}

impl Questions<'_> {
    /// Returns what a flag says, else what is known otherwise if nobody can be asked, else the answer.
    async fn answer<T>(
        &mut self,
        given: Option<T>,
        usual: Option<String>,
        flag: &'static str,
        question: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>> {
        if given.is_some() {
            return Ok(given);
        }
        let usual = usual.filter(|usual| parse(usual).is_ok());
        if !self.is_possible {
            let known = usual.and_then(|usual| parse(&usual).ok());
            if known.is_none() {
                self.missing.push(flag);
            }
            return Ok(known);
        }
        let shown = usual.as_deref().map(|usual| format!(" [{}]", phrase(usual))).unwrap_or_default();
        for _ in 0..TRIES {
            let typed = asking::ask(&format!("{question}{shown}:"), self.interrupt).await?;
            let Some(typed) = typed else {
                // The end of the input: nobody answers the next question either.
                self.is_possible = false;
                break;
            };
            let text = if typed.is_empty() { usual.clone().unwrap_or_default() } else { typed };
            match parse(&text) {
                Ok(value) => return Ok(Some(value)),
                Err(why) => say(&why),
            }
        }
        self.missing.push(flag);
        Ok(None)
    }

    /// Returns the framework that the files here speak of, else the answer; `None` is an image that reports itself.
    ///
    /// # Errors
    /// The files speak of none or of several, and nobody can be asked.
    async fn framework(&mut self, directory: &Path) -> Result<Option<Framework>> {
        let mut found = framework::found(directory);
        if found.is_empty() && directory != here() {
            found = framework::found(here());
        }
        let names: Vec<String> = found.iter().map(|one| one.word()).collect();
        match found.as_slice() {
            [one] => return Ok(Some(*one)),
            _ if self.is_possible => {}
            [] => {
                return Err(Failure::input("no file here says which framework the migrations are of")
                    .hint("pass --framework NAME; or --no-witness if the image prints a migration report itself")
                    .into());
            }
            _ => {
                return Err(Failure::input(format!(
                    "the files here are of several frameworks: {}",
                    names.join(", ")
                ))
                .hint("pass --framework with the one whose migrations the command applies")
                .into());
            }
        }
        let known: Vec<String> = Framework::value_variants().iter().map(|one| one.word()).collect();
        let question = format!(
            "Framework of the migrations ({}), or none if the image prints a migration report itself",
            if names.is_empty() { &known } else { &names }.join(", ")
        );
        let parse = |text: &str| match text {
            "none" => Ok(None),
            text => Framework::from_str(text, true)
                .map(Some)
                .map_err(|_| format!("write none, or one of {}", known.join(", "))),
        };
        Ok(self.answer(None, None, "--framework", &question, parse).await?.flatten())
    }

    /// Names what is still not known.
    ///
    /// # Errors
    /// A question has no answer.
    fn check(&self) -> Result<(), Failure> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Failure::input(format!("init does not know {}", self.missing.join(", ")))
            .hint("pass the flags, or run it on a terminal, where it asks"))
    }
}

/// Says on the terminal why an answer is none.
fn say(why: &str) {
    let _ = writeln!(std::io::stderr(), "  {}", phrase(why));
}

fn names(text: &str) -> Result<Vec<DatabaseName>, String> {
    list(text)?.iter().map(|name| name.parse().map_err(|wrong: Wrong| wrong.to_string())).collect()
}

fn list(text: &str) -> Result<Vec<String>, String> {
    let all: Vec<String> =
        text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
    if all.is_empty() { Err("write at least one".to_owned()) } else { Ok(all) }
}

fn network(way: Way) -> Network {
    if way == Way::None { Network::There } else { Network::New(way) }
}

fn network_of(text: &str) -> Result<Network, String> {
    Way::from_str(text, true).map(network).map_err(|_| "write public, nat, endpoints or none".to_owned())
}

fn words(text: &str) -> Result<Words, String> {
    text.parse().map_err(|wrong: Wrong| wrong.to_string())
}
