//! Frameworks as they are, from PyPI and npm, with small applications in `apps/`.
//!
//! docs/witness.md has a table of what these tests say.

mod node;
mod python;

use crate::support::{Program, Run, World};
use serde_json::{Value, json};

/// Returns how often a command runs that is connected to another database; a longer series is for docs/witness.md.
fn runs() -> usize {
    std::env::var("WITNESS_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(10)
}

/// An application in the folder of a world, and how its framework migrates.
struct Application {
    world: World,
    tool: &'static str,
    command: Vec<String>,
    /// What the history and the files both name, of the two migrations that the application begins with.
    first: [&'static str; 2],
    /// Files of the two migrations that come later: one that works, and one that is broken behind its first statement.
    third: (&'static str, &'static str),
    broken: (&'static str, &'static str),
}

impl Application {
    fn witness(&self, flags: &[&str]) -> Program {
        let command: Vec<&str> = self.command.iter().map(String::as_str).collect();
        let history = format!("--history={}", self.tool);
        self.world.witness(&[flags, &[&history, "--"], &command[..]].concat())
    }

    async fn migrate(&self) -> Run {
        self.witness(&[]).run().await
    }

    async fn check(&self) -> Value {
        self.witness(&["check"]).run().await.exits(0).report()
    }

    fn write(&self, (path, text): (&str, &str)) {
        self.world.file(path, text);
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.world.folder.path().join(path)).expect("remove a file");
    }

    /// The first migration, one with nothing to do, and a look before and after.
    async fn begins(&self) {
        let new = self.check().await;
        assert_eq!(
            versions(&new["missing"])[new["pending"].as_u64().expect("a number") as usize - 2..],
            self.first
        );
        let first = self.migrate().await.exits(0).report();
        assert_eq!((&first["database"], &first["from"]), (&json!(self.world.name), &Value::Null), "{first}");
        assert_eq!((&first["pending"], &first["unknown"]), (&json!(0), &json!([])), "{first}");
        let mut applied = versions(&first["applied"]);
        assert!(applied.ends_with(&self.first.map(str::to_owned)), "{first}");
        // Those of several apps depend on each other, which a list by name does not show.
        applied.sort();
        assert_eq!(applied, versions(&new["missing"]));
        let again = self.migrate().await.exits(0).report();
        assert_eq!(
            (&again["from"], &again["current"]),
            (&json!(self.first[1]), &json!(self.first[1])),
            "{again}"
        );
        assert_eq!((&again["applied"], &again["pending"]), (&json!([]), &json!(0)), "{again}");
        let done = self.check().await;
        assert_eq!(
            (&done["pending"], &done["unknown"], &done["schema"]),
            (&json!(0), &json!([]), &again["schema"])
        );
    }

    /// A later migration that works before one that is broken. Returns what has stayed and what is missing.
    async fn breaks(&self) -> (Vec<String>, Vec<String>) {
        self.write(self.third);
        self.write(self.broken);
        let run = self.migrate().await;
        assert!(run.exit.is_some_and(|code| code > 0), "{}", run.said());
        let report = run.report();
        let why = format!("the command ended with exit code {}", run.exit.unwrap_or_default());
        assert_eq!(
            (&report["database"], &report["error"]),
            (&json!(self.world.name), &json!(why)),
            "{report}"
        );
        let stayed = (versions(&report["applied"]), versions(&report["missing"]));
        self.remove(self.broken.0);
        let mended = self.migrate().await.exits(0).report();
        assert_eq!((&mended["pending"], versions(&mended["unknown"])), (&json!(0), vec![]), "{mended}");
        self.remove(self.third.0);
        stayed
    }

    /// A database that was asked for and is empty, and a command that works in another one. Prints how often its session
    /// was seen there.
    #[expect(clippy::print_stdout, reason = "how often depends on the machine, so it is said and not judged")]
    async fn is_never_taken_for_another(&self, other: &str, variables: &[(&str, String)]) {
        let (mut seen, runs) = (0, runs());
        for _ in 0..runs {
            let mut witness = self.witness(&[]);
            for (name, value) in variables {
                witness = witness.env(name, value);
            }
            let run = witness.run().await;
            let report = run.report();
            if report["database"] == json!(other) {
                seen += 1;
                assert_eq!(run.exit, Some(1));
                assert!(
                    report["error"].as_str().is_some_and(|error| error.contains(&self.world.name)),
                    "{report}"
                );
            } else {
                assert_eq!(report["database"], json!(self.world.name));
                assert!(report["pending"].as_u64().is_some_and(|pending| pending >= 2), "{report}");
                assert_eq!(report["applied"], json!([]));
            }
        }
        println!("{}: the session in the other database was seen in {seen} of {runs} runs", self.tool);
    }
}

fn versions(list: &Value) -> Vec<String> {
    let versions = list.as_array().into_iter().flatten().filter_map(|one| one["version"].as_str());
    versions.map(str::to_owned).collect()
}
