//! Words that are handed over as they are: what the entry point of the task definition makes of them.

use super::command::{Read, lost, read, shown};
use super::shell::shell;
use crate::failure::Failure;
use crate::task_definition::TaskDefinition;
use crate::untrusted::printable;

/// How a container starts these words, and a note on it.
#[derive(Debug)]
pub(super) struct Start {
    /// All words of the process, as a shell would be given them.
    pub line: String,
    pub note: Option<String>,
}

/// Words that only a shell acts upon, where they stand alone.
const OPERATORS: [&str; 8] = ["&&", "||", "|", ";", "&", ">", ">>", "<"];

/// Looks at the words behind the entry point of their container's definition. The entry point of an image is not
/// seen.
///
/// # Errors
/// The entry point's shell would start something else than these words.
pub(super) fn start(base: &TaskDefinition, container: &str, words: &[String]) -> Result<Start, Failure> {
    let entry = base.entry_point(container).unwrap_or_default();
    let line = [entry.as_slice(), words].concat();
    let with = |note| Ok(Start { line: shown(&line), note });
    let Some(shell) = shell(&line) else {
        let operator = words.iter().find(|word| OPERATORS.contains(&word.as_str()));
        return with(operator.map(|word| {
            format!(
                "the word {word} goes to the program as text, for no shell is seen that reads it. For a shell, write: -- \
                 sh -c '…'"
            )
        }));
    };
    let is_in_entry = shell.at < entry.len();
    let shown_entry = shown(&entry);
    let one = || format!("pass the command as one word, which the shell splits: -- {}", quoted(words));
    match read(&line, shell, entry.len()) {
        Read::Whole => with(None),
        Read::FirstAlone if is_in_entry => Err(lost(
            base,
            container,
            &shown_entry,
            "takes one word and reads it as a script, so only the first word of the command would be started",
        )
        .hint(one())),
        Read::FirstAlone => {
            let script = line.get(shell.script).map(|word| printable(word, 60)).unwrap_or_default();
            with(Some(format!(
                "the shell starts {script} alone: it takes the first word after its -c for the script, and not the others"
            )))
        }
        Read::Unused => Err(lost(
            base,
            container,
            &shown_entry,
            "does not use the words that follow it, so the command would be ignored",
        )
        .hint("let the script in entryPoint end in exec \"$@\", with a further word such as -- behind it")),
        Read::WithoutFirst => Err(lost(
            base,
            container,
            &shown_entry,
            "takes the word that follows it for $0, so the first word of the command would be lost",
        )
        .hint("add a further word such as -- to the end of entryPoint: it becomes $0")),
    }
}

/// Quotes all words as one, for a shell that splits them.
fn quoted(words: &[String]) -> String {
    printable(&shell_words::quote(&shell_words::join(words)), 200)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(entry: Value, words: &[&str]) -> Result<Start, Failure> {
        let container = json!({"name": "web", "image": "x:1", "entryPoint": entry});
        let document = json!({"family": "f", "containerDefinitions": [container]});
        let base = TaskDefinition::from_json(document, "test").expect("a task definition");
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        start(&base, "web", &words)
    }

    #[test]
    fn words_are_shown_as_they_are_started() {
        for (entry, words, line, said) in [
            (json!(null), vec!["app", "a b", "$HOME"], "app 'a b' '$HOME'", None),
            (json!(["tini", "--"]), vec!["app"], "tini -- app", None),
            (json!(["sh", "-c"]), vec!["app a && app b"], "sh -c 'app a && app b'", None),
            (
                json!(["sh", "-c", "exec \"$@\"", "--"]),
                vec!["app", "a"],
                "sh -c 'exec \"$@\"' -- app a",
                None,
            ),
            (json!(null), vec!["app", "&&", "b"], "app '&&' b", Some("the word && goes to the program")),
            (json!(null), vec!["sh", "-c", "app", "a"], "sh -c app a", Some("starts app alone")),
        ] {
            let Start { line: shown, note } = of(entry, &words).expect("it starts");
            assert_eq!(shown, line);
            match said {
                Some(said) => assert!(note.as_ref().is_some_and(|note| note.contains(said)), "{note:?}"),
                None => assert_eq!(note, None, "{line}"),
            }
        }
    }

    #[test]
    fn words_that_a_shell_would_lose_are_refused() {
        for (entry, said, hint) in [
            (json!(["sh", "-c"]), "only the first word of the command", "-- 'app '\\''a b'\\'''"),
            (json!(["sh", "-c", "./server"]), "the command would be ignored", "exec"),
            (json!(["sh", "-c", "exec \"$@\""]), "the first word of the command would be lost", "--"),
        ] {
            let failure = of(entry, &["app", "a b"]).expect_err(said);
            assert!(failure.message.contains(said), "{failure}");
            assert!(failure.hint.as_ref().is_some_and(|given| given.contains(hint)), "{:?}", failure.hint);
        }
    }
}
