use std::collections::BTreeMap;

use serde_json::Value;

use crate::account::Ended;

/// Whether a verdict's word belongs into a list.
type Belongs = dyn Fn(&str) -> bool;

pub fn check(run: &Ended, found: &mut Vec<String>) {
    let verdicts = run.verdicts();
    let outputs = run.outputs();
    let output = |name: &str| outputs.get(name).map_or("", String::as_str);
    exit_code(run, &verdicts, found);
    if output("exit-code") != run.exit_code.to_string() {
        found.push(format!("exit code {}, and the output says {}", run.exit_code, output("exit-code")));
    }
    let names = |of: &Belongs| -> Vec<&str> {
        verdicts.iter().filter(|(_, word)| of(word)).map(|(name, _)| name.as_str()).collect()
    };
    let lists: [(&str, &Belongs); 3] = [
        ("migrated", &|word| word.starts_with("migrated")),
        ("not-proved", &|word| word == "migrated, not proved"),
        ("failed", &|word| !word.starts_with("migrated")),
    ];
    for (name, of) in lists {
        let told: Vec<&str> = output(name).split(',').filter(|name| !name.is_empty()).collect();
        if told != names(of) {
            found.push(format!("the output {name} is {told:?}, and the verdicts say {:?}", names(of)));
        }
    }
    let result: Value = serde_json::from_str(output("result")).unwrap_or_default();
    let rows = result["databases"].as_array().cloned().unwrap_or_default();
    let of_result: Vec<_> =
        rows.iter().map(|row| (row["database"].as_str(), row["verdict"].as_str())).collect();
    let kept: Vec<_> =
        verdicts.iter().map(|(name, word)| (Some(name.as_str()), Some(word.as_str()))).collect();
    if of_result != kept {
        found.push(format!("the output result has {of_result:?}, and the file has {kept:?}"));
    }
    let proved = names(&|word| word == "migrated").len();
    let (count, databases) = (verdicts.len(), if verdicts.len() == 1 { "database" } else { "databases" });
    let doubtful = names(&|word| word == "migrated, not proved").len();
    let headline = match (proved, doubtful) {
        (0, 1..) => format!("{doubtful} of {count} {databases} migrated, not proved"),
        _ => format!("{proved} of {count} {databases} proved migrated"),
    };
    let summary = run.read("summary.md");
    let none = format!("No task was started for {count} {databases}");
    let none_ran = verdicts.iter().all(|(_, word)| word == "not run");
    let is_told = summary.contains(&headline) || (none_ran && summary.contains(&none));
    if !is_told {
        let first = summary.lines().next().unwrap_or_default();
        found.push(format!("the summary does not say {headline:?} but {first:?}"));
    }
    state(run, &verdicts, found);
}

/// docs/reference/verdicts.md: the first of 130, 1, 4, 3 that occurs among those that ran.
fn exit_code(run: &Ended, verdicts: &[(String, String)], found: &mut Vec<String>) {
    let of = |word: &str| match word {
        "migrated" | "migrated, not proved" => 0,
        "timed out" => 4,
        "cancelled" => 130,
        "never started" => 3,
        _ => 1,
    };
    let codes: Vec<i32> =
        verdicts.iter().filter(|(_, word)| word != "not run").map(|(_, word)| of(word)).collect();
    let worst = [130, 1, 4, 3].into_iter().find(|code| codes.contains(code));
    let all_migrated = verdicts.iter().all(|(_, word)| of(word) == 0);
    let fits = match worst {
        Some(code) => run.exit_code == code || (run.was_interrupted && run.exit_code == 130),
        None if all_migrated => run.exit_code == 0,
        None => run.exit_code != 0,
    };
    if !fits {
        found.push(format!("exit code {} for {verdicts:?}", run.exit_code));
    }
}

/// The last verdict of the state file about each database that this run judged is that of the run.
fn state(run: &Ended, verdicts: &[(String, String)], found: &mut Vec<String>) {
    let Some(text) = &run.state else { return };
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines() {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        let name = record["database"].as_str().unwrap_or_default();
        match record["record"].as_str() {
            Some("verdict") => {
                let word = record["verdict"].as_str().unwrap_or_default().to_owned();
                last.insert(name.to_owned(), word);
            }
            Some("intent") => {
                for begun in record["databases"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    last.remove(begun);
                }
            }
            _ => {}
        }
    }
    for (name, word) in verdicts {
        let kept = last.get(name).map(String::as_str);
        let is_told = match word.as_str() {
            // Nothing was begun, or only looked at.
            "not run" | "already running" => true,
            _ => kept == Some(word),
        };
        if !is_told {
            found.push(format!("{name} is {word:?}, and the state file says {kept:?}"));
        }
    }
}
