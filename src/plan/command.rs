//! The command as the container will start it: where a shell reads it, and which words it would lose.

use super::shell::{Shell, Uses, shell, syntax, uses};
use crate::failure::Failure;
use crate::task_definition::TaskDefinition;
use crate::untrusted::printable;
use crate::values::Words;

/// The command of a run, and a note on it.
#[derive(Debug, Default)]
pub(super) struct Command {
    /// What replaces the container's own command; none to keep that.
    pub words: Option<Words>,
    pub note: Option<String>,
}

/// What becomes of the words behind a shell's `-c`.
pub(super) enum Read {
    /// They are read as they are meant.
    Whole,
    /// The first is the script, and the others are lost.
    FirstAlone,
    /// The script takes none of them.
    Unused,
    /// The first is `$0`, which the script does not use.
    WithoutFirst,
}

/// Looks at `--command`, or at the container's own command, behind the entry point of its definition. The entry point
/// of an image is not seen, so nothing is said of it.
///
/// Hands over a `--command` of several words behind a shell's `-c` as one word, which the shell reads.
///
/// # Errors
/// A shell would start something else than `--command` says, and this program cannot change that.
pub(super) fn command(
    base: &TaskDefinition,
    container: &str,
    given: Option<&Words>,
) -> Result<Command, Failure> {
    let entry = base.entry_point(container).unwrap_or_default();
    let Some(given) = given else {
        let own = base.command(container).unwrap_or_default();
        return Ok(Command { words: None, note: of_definition(container, &entry, &own) });
    };
    let line = [entry.as_slice(), given.as_slice()].concat();
    let shown_entry = shown(&entry);
    let unchanged = |note| Ok(Command { words: Some(given.clone()), note });
    let Some(shell) = shell(&line) else {
        return unchanged(syntax(given.text()).map(|syntax| unread(&syntax, "--command")));
    };
    let is_in_entry = shell.at < entry.len();
    match read(&line, shell, entry.len()) {
        Read::Whole if shell.script < entry.len() => {
            unchanged(syntax(given.text()).map(|syntax| unread(&syntax, "--command")))
        }
        Read::Whole => unchanged(None),
        Read::FirstAlone if shell.script == entry.len() && is_in_entry => Ok(Command {
            words: Some(given.as_script()),
            note: Some(format!(
                "the entry point of container {container} is {shown_entry}, and its shell takes one word: it is given \
                 --command as one, and reads it as a script: {}",
                printable(given.text(), 300)
            )),
        }),
        Read::FirstAlone => {
            let script = shown(&line[shell.script..=shell.script]);
            Err(Failure::input(format!(
                "--command would start {script} alone: a shell takes the first word after its -c for the script, and \
                 not the others"
            ))
            .hint("quote the script, as in --command \"sh -c 'python3 manage.py migrate'\""))
        }
        Read::Unused => Err(lost(
            base,
            container,
            &shown_entry,
            "does not use the words that follow it, so --command would be ignored",
        )
        .hint(
            "let the script in entryPoint end in exec \"$@\", with a further word such as -- behind it; or leave \
             --command away",
        )),
        Read::WithoutFirst => Err(lost(
            base,
            container,
            &shown_entry,
            "takes the word that follows it for $0, so the first word of --command would be lost",
        )
        .hint("add a further word such as -- to the end of entryPoint: it becomes $0")),
    }
}

pub(super) fn lost(base: &TaskDefinition, container: &str, entry: &str, what: &str) -> Failure {
    let name = base.name();
    Failure::input(format!(
        "the entry point of container {container} of task definition {name} is {entry}: its script {what}"
    ))
}

/// Tells what a shell does with the words of a command line from index `command` on.
pub(super) fn read(line: &[String], shell: Shell, command: usize) -> Read {
    let Some(script) = line.get(shell.script) else { return Read::Whole };
    let behind = line.len() - shell.script - 1;
    let Uses { name, words } = uses(script);
    if behind == 0 {
        return Read::Whole;
    }
    if shell.script >= command {
        return if name || words { Read::Whole } else { Read::FirstAlone };
    }
    // The script belongs to the entry point, which may have words of its own behind it.
    let has_name = shell.script + 1 < command;
    match (name, words) {
        (false, false) => Read::Unused,
        (false, true) if !has_name => Read::WithoutFirst,
        (true, false) if has_name || behind > 1 => Read::Unused,
        _ => Read::Whole,
    }
}

fn of_definition(container: &str, entry: &[String], own: &[String]) -> Option<String> {
    let line = [entry, own].concat();
    let Some(shell) = shell(&line) else {
        let operators = ["&&", "||", "|", ";", "&", ">", ">>", "<"];
        let found = own.iter().find(|word| operators.contains(&word.as_str()))?;
        return Some(unread(found, &format!("the command of container {container}")));
    };
    // The entry point's own words are meant for its script, so only a command can be lost.
    let script = shown(line.get(shell.script..=shell.script)?);
    let what = match read(&line, shell, entry.len()) {
        Read::Whole => return None,
        Read::FirstAlone => format!(
            "the shell of container {container} starts {script} alone: it takes the first word after its -c for the script, and not the others"
        ),
        Read::Unused => format!(
            "the shell of container {container} ignores its command: the script {script} does not use the words that follow it"
        ),
        Read::WithoutFirst => format!(
            "the shell of container {container} takes the first word of its command for $0, which the script {script} does not use"
        ),
    };
    Some(format!("{what}. Write the whole script as one word of the task definition"))
}

fn unread(syntax: &str, of: &str) -> String {
    format!(
        "{of} has {}, which only a shell acts upon, and no shell is seen that reads it: the program gets it as text. For a \
         shell, begin with sh -c and quote the rest as one word",
        printable(syntax, 60)
    )
}

/// Joins words as a shell would be given them, at most 200 characters.
pub(super) fn shown(words: &[String]) -> String {
    printable(&shell_words::join(words), 200)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(
        entry: Value,
        own: Value,
        given: Option<&str>,
    ) -> Result<(Option<Vec<String>>, Option<String>), Failure> {
        let container = json!({"name": "web", "image": "x:1", "entryPoint": entry, "command": own});
        let document = json!({"family": "f", "containerDefinitions": [container]});
        let base = TaskDefinition::from_json(document, "test").expect("a task definition");
        let given: Option<Words> = given.map(|text| text.parse().expect("words"));
        let Command { words, note } = command(&base, "web", given.as_ref())?;
        Ok((words.map(|words| words.to_vec()), note))
    }

    #[test]
    fn a_shell_that_takes_one_word_is_given_one() {
        for entry in [
            json!(["sh", "-c"]),
            json!(["/bin/bash", "-lc"]),
            json!(["bash", "-eux", "-o", "pipefail", "-c"]),
            json!(["env", "sh", "-c"]),
            json!(["/sbin/tini", "--", "sh", "-ec"]),
            json!(["su", "app", "-c"]),
        ] {
            for text in [
                "python3 /nonexistent/manage.py migrate",
                "echo migrating && exit 3",
                "app migrate 'a b' --to=\"$VERSION\"",
            ] {
                let (words, note) =
                    of(entry.clone(), json!(["exec ./server"]), Some(text)).expect("handed over");
                assert_eq!(words.expect("a command"), [text], "{entry}");
                assert!(note.expect("a note").ends_with(&format!("reads it as a script: {text}")), "{entry}");
            }
            // One word is what the shell wants; a script that takes words gets them.
            for (text, words) in [
                ("'app migrate'", vec!["app migrate"]),
                ("app", vec!["app"]),
                ("'exec \"$@\"' -- a b", vec!["exec \"$@\"", "--", "a", "b"]),
            ] {
                let (given, note) = of(entry.clone(), Value::Null, Some(text)).expect("as it is");
                assert_eq!(
                    (given.expect("a command"), note),
                    (words.into_iter().map(str::to_owned).collect(), None)
                );
            }
        }
    }

    #[test]
    fn a_command_that_a_shell_would_lose_is_refused() {
        for (entry, given, said) in [
            (json!(null), "sh -c python3 manage.py migrate", "--command would start python3 alone"),
            (json!(["docker-entrypoint.sh"]), "bash -ec app migrate", "--command would start app alone"),
            (json!(["sh", "-c", "./server"]), "app migrate", "so --command would be ignored"),
            (json!(["sh", "-c", "./server", "--"]), "app migrate", "so --command would be ignored"),
            (
                json!(["bash", "-c", "set -e; exec \"$@\""]),
                "app migrate",
                "the first word of --command would be lost",
            ),
        ] {
            let error = of(entry.clone(), Value::Null, Some(given)).expect_err(given);
            assert_eq!(error.exit_code, crate::failure::ExitCode::BadInput);
            assert!(
                error.message.contains(said) && error.hint.is_some(),
                "{entry} {given}: {}",
                error.message
            );
        }
    }

    #[test]
    fn words_that_reach_the_program_are_left_alone() {
        for (entry, given) in [
            (json!(null), "app migrate"),
            (json!(["tini", "--"]), "app migrate"),
            (json!(["sh", "-c", "exec \"$@\"", "--"]), "app migrate"),
            (json!(["sh", "-c", "\"$0\" \"$@\""]), "app migrate"),
            (json!(["bash", "/entry.sh"]), "app migrate"),
            (json!(null), "sh -c 'app migrate && echo $HOME'"),
            (json!(["python3", "-c", "import sys"]), "app migrate"),
        ] {
            let (words, note) = of(entry.clone(), Value::Null, Some(given)).expect("as it is");
            assert_eq!(words, shell_words::split(given).ok(), "{entry}");
            assert_eq!(note, None, "{entry} {given}");
        }
    }

    #[test]
    fn what_no_shell_reads_is_noted() {
        for entry in [json!(null), json!(["tini", "--"]), json!(["sh", "-c", "exec \"$@\"", "--"])] {
            let (words, note) = of(entry, Value::Null, Some("app migrate && echo done")).expect("as it is");
            assert_eq!(words.expect("words").len(), 5);
            assert!(note.expect("a note").starts_with("--command has &&, which only a shell acts upon"));
        }
    }

    #[test]
    fn a_command_of_the_definition_is_noted() {
        for (entry, own, said) in [
            (json!(["sh", "-c"]), json!(["python3", "manage.py", "migrate"]), Some("starts python3 alone")),
            (json!(null), json!(["sh", "-c", "app", "migrate"]), Some("starts app alone")),
            (json!(["sh", "-c", "./server"]), json!(["migrate"]), Some("ignores its command")),
            (json!(["sh", "-c", "exec \"$@\""]), json!(["app", "migrate"]), Some("for $0")),
            (
                json!(null),
                json!(["app", "migrate", "&&", "echo"]),
                Some("the command of container web has &&"),
            ),
            (json!(["sh", "-c"]), json!(["app migrate && echo done"]), None),
            (json!(["sh", "-c"]), json!(null), None),
            (json!(["sh", "-c", "exec \"$@\"", "--"]), json!(["app", "migrate"]), None),
            (json!(null), json!(["app", "migrate"]), None),
        ] {
            let (words, note) = of(entry, own.clone(), None).expect("a note at most");
            assert_eq!(words, None);
            match said {
                Some(said) => {
                    assert!(note.as_ref().is_some_and(|note| note.contains(said)), "{own}: {note:?}")
                }
                None => assert_eq!(note, None, "{own}"),
            }
        }
    }
}
