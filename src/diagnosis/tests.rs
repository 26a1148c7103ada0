//! Every row is hit by a message as ECS writes it, in both wordings of AWS where there are two.

use self::messages::MESSAGES;
use super::*;
use crate::ports::Container;

mod messages;

const START: &str = "TaskFailedToStart";
const EXITED: &str = "EssentialContainerExited";
const IN_TASK: &str = "Essential container in task exited";

fn task(stop_code: &str, stopped_reason: &str, reason: &str, exit_code: Option<i32>) -> Task {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Task {
        last_status: "STOPPED".into(),
        stop_code: some(stop_code),
        stopped_reason: some(stopped_reason),
        containers: vec![Container {
            name: "migration".into(),
            exit_code,
            reason: some(reason),
            ..Container::default()
        }],
        ..Task::default()
    }
}

fn row_of(stop_code: &str, stopped_reason: &str, reason: &str) -> &'static str {
    row(&task(stop_code, stopped_reason, reason, None), "migration").map_or("none", |row| row.id)
}

fn diagnose(task: &Task, container: &str) -> Option<Diagnosis> {
    super::diagnose(task, container, &LastLines::default())
}

#[test]
fn every_message_is_known() {
    for (id, stop_code, stopped_reason, reason) in MESSAGES {
        assert_eq!(row_of(stop_code, stopped_reason, reason), *id, "{stopped_reason} {reason}");
    }
}

#[test]
fn every_row_is_hit_and_its_name_is_its_own() {
    let mut ids: Vec<_> = table::all().map(|row| row.id).collect();
    for id in &ids {
        assert!(MESSAGES.iter().any(|message| message.0 == *id), "no message for row {id}");
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), table::all().count());
}

/// `normal` folds the text, so a phrase that is not folded could never match.
#[test]
fn every_phrase_is_written_as_the_text_is_folded() {
    for row in table::all() {
        for phrase in row.phrases.iter().copied().flatten() {
            assert_eq!(normal(phrase), phrase.trim_end(), "row {}", row.id);
        }
    }
}

/// A text of a row's own phrases alone, whichever of each group, is that row's: no general one stands before it.
#[test]
fn no_row_is_hidden_by_one_before_it() {
    for row in table::all().filter(|row| !row.phrases.is_empty()) {
        let stop_code = row.stop_codes.first().copied().unwrap_or(START);
        let mut texts = vec![String::new()];
        for group in row.phrases {
            let with =
                |text: &String| group.iter().map(|phrase| format!("{text} {phrase}")).collect::<Vec<_>>();
            texts = texts.iter().flat_map(with).collect();
        }
        for text in texts {
            assert_eq!(row_of(stop_code, &format!("{text} x"), ""), row.id, "{text}");
        }
    }
}

/// Whoever concludes that there is no way through the network has read a word of the network's.
#[test]
fn nothing_but_the_networks_words_makes_a_row_speak_of_the_network() {
    for (id, stop_code, stopped_reason, reason) in MESSAGES {
        let claims = ["cannot reach", "speaks of the network"];
        let found = diagnose(&task(stop_code, stopped_reason, reason, None), "migration").unwrap();
        if claims.iter().any(|claim| found.cause.contains(claim)) {
            let text = normal(&format!("{stopped_reason} {reason}"));
            let words = table::NETWORK.iter().chain(&["check your task network configuration", "timed out"]);
            assert!(words.into_iter().any(|word| text.contains(word)), "{id}: {text}");
        }
    }
}

#[test]
fn a_message_in_a_containers_reason_counts_as_much() {
    for (id, stop_code, stopped_reason, reason) in MESSAGES.iter().filter(|m| m.1 == START && m.3.is_empty())
    {
        assert_eq!(
            row_of(stop_code, "Task failed to start", stopped_reason),
            *id,
            "{stopped_reason}{reason}"
        );
    }
}

/// Platform version 1.4 cuts: what is left must still be diagnosed, if only by its kind.
#[test]
fn a_message_that_is_cut_is_still_known() {
    for (_, stop_code, stopped_reason, reason) in MESSAGES {
        for text in [stopped_reason, reason] {
            let kinds =
                ["ResourceInitializationError", "CannotPullContainerError", "CannotStartContainerError"];
            for kind in kinds.iter().filter(|kind| text.starts_with(**kind)) {
                for (cut, _) in text.char_indices().skip(kind.len()) {
                    assert_ne!(row_of(stop_code, &text[..cut], ""), "none", "{}", &text[..cut]);
                }
            }
        }
    }
}

#[test]
fn an_unknown_start_failure_has_no_diagnosis() {
    assert_eq!(diagnose(&task(START, "SomethingNew: nobody knows", "", None), "migration"), None);
    assert_eq!(diagnose(&Task::default(), "migration"), None);
}

#[test]
fn a_good_end_needs_none() {
    assert_eq!(diagnose(&task(EXITED, IN_TASK, "", Some(0)), "migration"), None);
    assert_eq!(diagnose(&task("", "", "", Some(0)), "migration"), None);
}

#[test]
fn exit_codes_speak_when_the_text_does_not() {
    for (exit_code, part) in [
        (1, "an error of its own"),
        (125, "could not be run"),
        (126, "could not be run"),
        (127, "could not be run"),
        (134, "SIGABRT"),
        (137, "SIGKILL"),
        (139, "SIGSEGV"),
        (143, "SIGTERM"),
        (255, "entry point failed"),
        (3, "only the program defines"),
    ] {
        let found = diagnose(&task(EXITED, IN_TASK, "", Some(exit_code)), "migration").unwrap();
        assert!(found.cause.contains(part), "{exit_code}: {}", found.cause);
    }
}

#[test]
fn memory_comes_before_the_exit_code() {
    let oom = task(EXITED, IN_TASK, "OutOfMemoryError: Container killed due to memory usage", Some(137));
    assert!(diagnose(&oom, "migration").unwrap().cause.contains("more memory than it has"));
}

#[test]
fn a_sidecars_trouble_is_ours_only_when_we_did_not_end_by_ourselves() {
    let sidecar = Container {
        name: "agent".into(),
        exit_code: Some(137),
        reason: Some("OutOfMemoryError: Container killed due to memory usage".into()),
        ..Container::default()
    };
    for (exit_code, expected) in [(3, "only the program defines"), (143, "more memory")] {
        let mut both = task(EXITED, IN_TASK, "", Some(exit_code));
        both.containers.insert(0, sidecar.clone());
        assert!(diagnose(&both, "migration").unwrap().cause.contains(expected), "{exit_code}");
    }
}
