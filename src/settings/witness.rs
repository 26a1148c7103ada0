//! What `--witness` and its further flags say, checked.

use std::path::PathBuf;

use crate::cli;
use crate::failure::Failure;
use crate::untrusted::phrase;

/// The witness that is put in front of the image's command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessSettings {
    /// The executable; absent for the one that lies beside this program.
    pub executable: Option<PathBuf>,
    /// Its flags, as it takes them.
    pub flags: Vec<String>,
}

/// What a template may name (docs/witness.md).
const PARTS: [&str; 5] = ["{user}", "{password}", "{host}", "{port}", "{database}"];

impl WitnessSettings {
    /// Makes the settings; `None` without `--witness`.
    ///
    /// # Errors
    /// A further flag of the witness without `--witness`, or with a value that the witness would refuse.
    pub(super) fn of(flags: cli::WitnessFlags, database_variable: &str) -> Result<Option<Self>, Failure> {
        let cli::WitnessFlags {
            witness,
            witness_executable,
            witness_history,
            witness_migrations,
            witness_set,
            ..
        } = flags;
        if !witness {
            let given = [
                ("--witness-executable", witness_executable.is_some()),
                ("--witness-history", witness_history.is_some()),
                ("--witness-migrations", !witness_migrations.is_empty()),
                ("--witness-set", !witness_set.is_empty()),
                ("--witness-flags", !flags.witness_flags.is_empty()),
            ];
            return match given.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag)) {
                None => Ok(None),
                Some(flag) => Err(Failure::input(format!("{flag} without --witness"))
                    .hint("add --witness, or witness: true in the configuration file")),
            };
        }
        let mut words = Vec::new();
        if let Some(history) = witness_history {
            words.push(format!("--history={}", history.word()));
        }
        words.extend(witness_migrations.iter().map(|glob| format!("--migrations={glob}")));
        for template in &witness_set {
            check_template(&template.name, &template.value)?;
            words.push(format!("--set={}={}", &*template.name, template.value));
        }
        if database_variable != "DATABASE_NAME" {
            words.push(format!("--database-variable={database_variable}"));
        }
        if let Some(word) = flags.witness_flags.iter().find(|word| !word.starts_with("--") || *word == "--") {
            return Err(Failure::input(format!("invalid value '{}' for '--witness-flags'", phrase(word)))
                .hint("write a flag of the witness with its value in one word, such as --witness-flags=--jobs=8"));
        }
        words.extend(flags.witness_flags);
        Ok(Some(Self { executable: witness_executable, flags: words }))
    }
}

fn check_template(name: &str, value: &str) -> Result<(), Failure> {
    let rest = PARTS.iter().fold(value.to_owned(), |rest, part| rest.replace(part, ""));
    if rest.contains(['{', '}']) {
        return Err(Failure::input(format!(
            "invalid value for '--witness-set {name}=…': a brace names no part of a database"
        ))
        .hint(format!("braces hold one of {}", PARTS.join(", "))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _, ValueEnum as _};

    use crate::choices::Framework;
    use crate::settings::samples::{of, tried};

    #[test]
    fn its_flags_are_those_of_the_witness() {
        assert_eq!(of(&["--database=a"]).witness, None);
        let settings = of(&[
            "--database=a",
            "--witness",
            "--witness-history=django",
            "--witness-migrations=db/*.py",
            "--witness-set=URL=postgres://{user}@{host}/{database}",
            "--witness-flags=--table=own",
            "--witness-flags=--jobs=8",
            "--database-variable=TENANT",
        ]);
        assert_eq!(
            settings.witness.expect("a witness").flags,
            [
                "--history=django",
                "--migrations=db/*.py",
                "--set=URL=postgres://{user}@{host}/{database}",
                "--database-variable=TENANT",
                "--table=own",
                "--jobs=8",
            ]
        );
    }

    /// The witness takes them, and knows each framework.
    #[test]
    fn the_witness_itself_takes_them() {
        for framework in Framework::value_variants() {
            let history = format!("--witness-history={}", framework.word());
            let set = "--witness-set=URL=postgres://{user}:{password}@{host}:{port}/{database}";
            let more = ["--witness-migrations=a,b", "--database-variable=TENANT", "--witness-flags=--jobs=8"];
            let flags = [&["--database=a", "--witness", &history, set], &more[..]].concat();
            let flags = of(&flags).witness.expect("a witness").flags;
            let line = ["witness".to_owned()].into_iter().chain(flags).chain(["--".into(), "true".into()]);
            let read =
                witness::cli::Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{history}: {error}"));
            assert_eq!(read.run.history.database_variable, "TENANT");
        }
        let known = witness::cli::Cli::command();
        let history = known.get_arguments().find(|flag| flag.get_id() == "history").expect("a flag");
        assert_eq!(
            history.get_possible_values().len(),
            Framework::value_variants().len() + 1,
            "auto is the default"
        );
    }

    #[test]
    fn what_the_witness_would_refuse_is_refused_here() {
        for (flags, said) in [
            (&["--witness-history=django"][..], "--witness-history without --witness"),
            (&["--witness-flags=--jobs=8"], "--witness-flags without --witness"),
            (&["--witness", "--witness-set=URL={name}"], "a brace names no part of a database"),
            (&["--witness", "--witness-flags=jobs"], "invalid value 'jobs' for '--witness-flags'"),
            (&["--witness", "--witness-flags=--"], "invalid value '--' for '--witness-flags'"),
        ] {
            let failure = tried(&[&["--database=a"], flags].concat()).expect_err(said);
            assert!(failure.message.contains(said) && failure.hint.is_some(), "{failure}");
        }
    }
}
