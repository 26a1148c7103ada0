//! What `fargate-migrate run` was asked for, checked.

use super::{
    Common, ImageSettings, Kind, RunIdentity, Settings, Stages, all_given, check_environment, check_tags,
    selection,
};
use crate::choices::{Leftover, Proof};
use crate::cli;
use crate::config::Commands;
use crate::failure::{Failure, did_you_mean};
use crate::untrusted::phrase;

mod secrets;

/// A command, and where it runs.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Where its tasks run and what they are told, as of a migration; there may be no databases here.
    pub target: Settings,
    /// Not empty: the words of the process.
    pub words: Vec<String>,
    /// The name of the words in the configuration file, where they have one.
    pub named: Option<String>,
    /// The service whose task definition and network are taken.
    pub like_service: Option<String>,
    /// Whether another image is asked for than the task definition names.
    pub is_other_image: bool,
}

impl RunSettings {
    /// Checks the flags of `run`, and makes the settings from them.
    ///
    /// # Errors
    /// A flag is missing, or its value cannot be used with those of others.
    pub fn new(flags: cli::RunFlags, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        let command = flags.command;
        let words = words(command.named.as_deref(), command.words, &flags.config.commands)?;
        if !command.env_is_not_secret {
            secrets::refuse(&flags.task.env)?;
        }
        check_environment(&flags.task)?;
        check_tags(&flags.task)?;
        let task = cli::TaskFlags { common: flags.task, command: None, proof: Proof::default() };
        let cli::TargetFlags { cluster, base, family, aws } = flags.target;
        let network = match &command.like_service {
            Some(service) => {
                cli::NetworkFlags { network_from_service: Some(service.clone()), ..Default::default() }
            }
            None => flags.network,
        };
        let definition = base.task_definition.as_deref().or(command.like_service.as_deref());
        all_given(false, cluster.as_deref(), definition, &network)?;
        let known = flags.config.fleet;
        let cli::SelectionFlags { database, databases_file, exclude } = flags.selection;
        let in_file = databases_file.as_deref().map(selection::listed_in).transpose()?;
        let databases = match (database.as_slice(), &in_file) {
            ([], None) if exclude.is_empty() => Vec::new(),
            (asked, in_file) => {
                selection::select(asked, in_file.as_deref().unwrap_or_default(), &exclude, &known)?
            }
        };
        Ok(Self {
            target: Settings {
                witness: None,
                common: Common {
                    plan_only: flags.plan,
                    aws,
                    credentials: flags.credentials,
                    output: flags.output,
                    run: run.of(Kind::Run),
                },
                databases,
                stages: Stages::One,
                cluster: cluster.unwrap_or_default(),
                task_definition: base.task_definition.unwrap_or_default().into(),
                container: base.container,
                family: family.map(|family| family.to_string()),
                image: ImageSettings::new(flags.image.image, flags.image.source, commit),
                network,
                task,
                fleet: flags.fleet.into_fleet_flags(),
                github: cli::GitHubFlags::default(),
                resume: cli::ResumeFlags::default(),
                sql: cli::SqlFlags::default(),
            },
            words,
            named: command.named,
            like_service: command.like_service,
            is_other_image: command.is_other_image,
        })
    }

    pub fn on_cancel(&self) -> Leftover {
        self.target.task.common.on_cancel.tasks()
    }
}

/// Returns the words behind `--`, or those of the command that `--named` names.
///
/// # Errors
/// There are none, a word has a NUL character, or the configuration file has no such command.
fn words(named: Option<&str>, words: Vec<String>, commands: &Commands) -> Result<Vec<String>, Failure> {
    let known = || commands.0.keys().map(String::as_str);
    let names = || match commands.0.is_empty() {
        true => "the configuration file has none: add commands: {name: [word, word]}".to_owned(),
        false => format!("commands: {}", known().collect::<Vec<_>>().join(", ")),
    };
    let Some(name) = named else {
        return match words.first() {
            Some(first) if !first.is_empty() => match words.iter().any(|word| word.contains('\0')) {
                true => Err(Failure::input("a word of the command has a NUL character")
                    .hint("no program takes such a word: omit it")),
                false => Ok(words),
            },
            _ => Err(Failure::input("no command given").hint(format!(
                "put it behind --, as in fargate-migrate run -- python manage.py clearsessions, or pass --named, which is all that the Action takes; {}",
                names()
            ))),
        };
    };
    commands.0.get(name).cloned().ok_or_else(|| {
        let hint = did_you_mean(name, known(), names);
        let hint = if hint.starts_with("did") { format!("{hint} {}", names()) } else { hint };
        Failure::input(format!("--named {} is not a command of the configuration file", phrase(name)))
            .hint(hint)
    })
}
