//! What a shell makes of the words that follow its `-c`.
//!
//! It takes the first for its script, and the others for `$0`, `$1`, … of that script (POSIX.1-2024, `sh`, Operands).
//! So `sh -c python3 manage.py migrate` starts `python3` alone, and ends with its exit code.

/// A shell with `-c` in a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shell {
    /// The index of the shell.
    pub at: usize,
    /// The index of its script, which may be missing.
    pub script: usize,
}

/// Programs that read `-c SCRIPT [$0 [$1…]]`.
const SHELLS: [&str; 10] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "yash", "rbash", "fish"];
/// Programs that hand what follows their `-c` to a shell.
const BY_OTHERS: [&str; 2] = ["su", "runuser"];
/// Long options of bash whose value is the next word.
const WITH_VALUE: [&str; 2] = ["--rcfile", "--init-file"];

/// Returns the first shell of a command line that is told a script by `-c`, whatever starts it (`tini --`, `env A=1`,
/// `busybox`).
pub(super) fn shell(words: &[String]) -> Option<Shell> {
    (0..words.len()).find_map(|at| {
        let name = words[at].rsplit('/').next().unwrap_or_default();
        let script = match name {
            _ if SHELLS.contains(&name) => own_script(words, at),
            _ if BY_OTHERS.contains(&name) => handed_script(words, at),
            _ => None,
        };
        script.map(|script| Shell { at, script })
    })
}

/// Returns the index of the script of a shell with `-c`; none without. Options may be clustered (`-euc`), and each
/// `o` or `O` takes the word behind the cluster (`-euo pipefail -c`).
fn own_script(words: &[String], shell: usize) -> Option<usize> {
    let mut at = shell + 1;
    let mut has_script = false;
    while let Some(word) = words.get(at) {
        at += 1;
        if word == "--" || word == "-" {
            break;
        }
        if word.starts_with("--") {
            has_script |= word == "--command";
            at += usize::from(WITH_VALUE.contains(&word.as_str()));
        } else if let Some(cluster) = word.strip_prefix(['-', '+']) {
            has_script |= word.starts_with('-') && cluster.contains('c');
            at += cluster.matches(['o', 'O']).count();
        } else {
            at -= 1;
            break;
        }
    }
    has_script.then_some(at)
}

fn handed_script(words: &[String], at: usize) -> Option<usize> {
    let options = words.iter().enumerate().skip(at + 1).take_while(|(_, word)| *word != "--");
    let mut scripts = options.filter(|(_, word)| matches!(word.as_str(), "-c" | "--command" | "-lc"));
    scripts.next().map(|(at, _)| at + 1)
}

/// What a script does with the words behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uses {
    /// `$0`.
    pub name: bool,
    /// `$@`, `$*`, `$1`, ….
    pub words: bool,
}

/// Returns what a script refers to, in quotes or not, so that no word that it uses counts as lost.
pub(super) fn uses(script: &str) -> Uses {
    let mut uses = Uses { name: false, words: script.contains("$argv") };
    for after in script.split('$').skip(1) {
        let after = after.strip_prefix('{').unwrap_or(after).trim_start_matches(['#', '!']);
        match after.chars().next() {
            Some('0') => uses.name = true,
            Some('@' | '*' | '1'..='9') => uses.words = true,
            _ => {}
        }
    }
    uses.words |= script.contains("$#") || script.contains("${#");
    uses
}

/// Returns the first thing in a command line that only a shell would act upon: an operator, an expansion or a pattern
/// outside of quotes, an assignment in front.
pub(super) fn syntax(text: &str) -> Option<String> {
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_name = |name: &str| name.parse::<crate::values::Variable>().is_ok();
    if first.split_once('=').is_some_and(|(name, _)| is_name(name)) {
        return Some(first.split_inclusive('=').next().unwrap_or_default().to_owned());
    }
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        let rest = &text[at..];
        match (quote, char) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => drop(chars.next()),
            (_, '$') => {
                let after = rest[1..].chars().next();
                if after.is_some_and(|after| after.is_alphabetic() || matches!(after, '_' | '{' | '(')) {
                    return Some(word_at(rest));
                }
            }
            (_, '`') => return Some("`".to_owned()),
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(char),
            (None, '&' | '|' | ';' | '<' | '>') => {
                return Some(rest.chars().take_while(|&next| next == char).collect());
            }
            (None, '*') => return Some("*".to_owned()),
            (None, _) => {}
        }
    }
    None
}

/// Returns a `$` with the name behind it.
fn word_at(rest: &str) -> String {
    let ends = |char: char| !(char.is_alphanumeric() || matches!(char, '_' | '{'));
    match rest[1..].find(ends) {
        Some(end) if rest[1 + end..].starts_with('}') => rest[..end + 2].to_owned(),
        Some(end) if end > 0 => rest[..=end].to_owned(),
        Some(_) => rest[..2].to_owned(),
        None => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script_of(line: &str) -> Option<(usize, usize)> {
        shell(&shell_words::split(line).expect("words")).map(|shell| (shell.at, shell.script))
    }

    #[test]
    fn a_script_stands_behind_all_options() {
        for (line, expected) in [
            ("sh -c", Some((0, 2))),
            ("/bin/sh -c", Some((0, 2))),
            ("bash -lc x y", Some((0, 2))),
            ("bash -l -c x", Some((0, 3))),
            ("sh -ec x", Some((0, 2))),
            ("sh -c -e x", Some((0, 3))),
            ("sh -c -- x", Some((0, 3))),
            ("bash -eux -o pipefail -c x", Some((0, 5))),
            ("bash -euo pipefail -c x", Some((0, 4))),
            ("bash -euxo pipefail -O extglob -c x", Some((0, 6))),
            ("bash --norc --rcfile f +x -c x", Some((0, 6))),
            ("/usr/bin/env sh -c x", Some((1, 3))),
            ("env A=1 -u B dash -c x", Some((4, 6))),
            ("/sbin/tini -- ash -c x", Some((2, 4))),
            ("dumb-init -- zsh -c x", Some((2, 4))),
            ("busybox sh -c x", Some((1, 3))),
            ("timeout 600 gosu app bash -c x", Some((4, 6))),
            ("bash /entry.sh sh -c x", Some((2, 4))),
            ("su app -s /bin/sh -c x", Some((0, 5))),
            ("su app -c x", Some((0, 3))),
            ("runuser -u app -- sh -c x", Some((4, 6))),
            ("fish --command x", Some((0, 2))),
            ("sh migrate.sh -c", None),
            ("bash -l migrate.sh", None),
            ("sh +c x", None),
            ("python3 -c x", None),
            ("app migrate -c sh", None),
            ("", None),
        ] {
            assert_eq!(script_of(line), expected, "{line}");
        }
    }

    #[test]
    fn a_script_takes_the_words_that_it_refers_to() {
        for (script, name, words) in [
            ("python3", false, false),
            ("exec \"$@\"", false, true),
            ("exec \"${@}\"", false, true),
            ("set -e; \"$0\" \"$@\"", true, true),
            ("echo $*", false, true),
            ("run ${1:-x}", false, true),
            ("[ $# -gt 0 ]", false, true),
            ("$0", true, false),
            ("echo $HOME $$ $?", false, false),
            ("exec $argv", false, true),
        ] {
            assert_eq!(uses(script), Uses { name, words }, "{script}");
        }
    }

    #[test]
    fn what_only_a_shell_reads_is_seen_outside_of_quotes() {
        for (text, seen) in [
            ("echo a && exit 3", Some("&&")),
            ("echo a&&exit 3", Some("&&")),
            ("a | b", Some("|")),
            ("a; b", Some(";")),
            ("a > /dev/null 2>&1", Some(">")),
            ("a --at $HOME/x", Some("$HOME")),
            ("a \"${DB}\"", Some("${DB}")),
            ("a $(date)", Some("$(")),
            ("a `date`", Some("`")),
            ("ls *.sql", Some("*")),
            ("RAILS_ENV=production rake db:migrate", Some("RAILS_ENV=")),
            ("a &", Some("&")),
            ("a 'b && c' \"d; e\" f\\;g '$HOME' '*'", None),
            ("a --price 5$ --mail a@b.c?x=1", None),
            ("app migrate --to=7", None),
        ] {
            assert_eq!(syntax(text).as_deref(), seen, "{text}");
        }
    }
}
