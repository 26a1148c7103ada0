use crate::support::{Finished, HEALTH, PROD};

const LOG_MODE: &str = "note: container migration logs in non-blocking mode";

/// What runs printed of an error.
pub struct Told(Vec<String>);

impl Told {
    /// Takes the first line of a run's output with this text, and the indented lines and the hint that follow it.
    #[track_caller]
    pub fn of(run: &Finished, code: i32, text: &str) -> Self {
        run.exits(code);
        let printed = [run.stdout.as_str(), &run.stderr];
        let told = printed.iter().find_map(|printed| block(printed, text));
        let told = told.unwrap_or_else(|| panic!("{text:?} is not in {run:#?}"));
        Self(vec![format!("{told}exit code {code}")])
    }

    /// Takes the result of a run, from the rows of its databases on.
    #[track_caller]
    pub fn result(run: &Finished, code: i32) -> Self {
        run.exits(code);
        let is_row = |line: &str| [HEALTH, PROD].iter().any(|name| line.starts_with(&format!("{name}  ")));
        // Each run has this one: the seed's task definition says nothing of a mode.
        let lines =
            run.stdout.lines().skip_while(|line| !is_row(line)).filter(|line| !line.starts_with(LOG_MODE));
        let result = lines.collect::<Vec<_>>().join("\n");
        assert!(!result.is_empty(), "{run:#?}");
        Self(vec![format!("{}\nexit code {code}", result.replace("\n\n\n", "\n\n"))])
    }

    /// Adds what another run printed.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub fn text(&self) -> String {
        self.0.join("\n\n")
    }
}

/// Returns the first line with a text, with what belongs to it.
fn block(printed: &str, text: &str) -> Option<String> {
    let mut lines = printed.lines().skip_while(|line| !line.contains(text));
    let first = lines.next()?;
    let follows = |line: &&str| line.starts_with("  ") || line.starts_with("hint: ");
    Some([first].into_iter().chain(lines.take_while(follows)).map(|line| format!("{line}\n")).collect())
}
