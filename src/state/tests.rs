use std::path::Path;

use tempfile::TempDir;

use super::github_history::Terms;
use super::journal_record::{JournalRecord, Run};
use super::samples::*;
use super::*;
use crate::choices::Proof;
use crate::failure::ExitCode;

fn word(next: Next<'_>) -> String {
    match next {
        Next::Proved(_) => "proved".into(),
        Next::FindOut(launch) => {
            format!("find out about {}", launch.task.as_ref().map_or("its call", |_| "its task"))
        }
        Next::Start => "start".into(),
    }
}

#[test]
fn what_is_left_to_do() {
    let failed = || judged("a", "failed", false);
    for (what, records, expected, attempt) in [
        ("nothing", vec![run()], "start", 0),
        ("an intent", vec![run(), intent("t", 0, &["a"])], "find out about its call", 1),
        ("of another", vec![run(), intent("t", 4, &["b"])], "start", 0),
        ("a task", vec![run(), intent("t", 0, &["a"]), started("t")], "find out about its task", 1),
        (
            "no task",
            vec![run(), intent("t", 0, &["a"]), JournalRecord::Refused { at: at(), token: "t".into() }],
            "start",
            1,
        ),
        ("its end", vec![run(), intent("t", 0, &["a"]), started("t"), ended()], "find out about its task", 1),
        ("failed", vec![run(), intent("t", 0, &["a"]), started("t"), ended(), failed()], "start", 1),
        (
            "lost",
            vec![run(), intent("t", 0, &["a"]), started("t"), judged("a", "unproved", false)],
            "find out about its task",
            1,
        ),
        (
            "migrated",
            vec![run(), intent("t", 0, &["a"]), started("t"), ended(), judged("a", "migrated", true)],
            "proved",
            1,
        ),
        (
            "by exit code",
            vec![run(), intent("t", 0, &["a"]), started("t"), ended(), judged("a", "migrated", false)],
            "start",
            1,
        ),
        (
            "once more",
            vec![
                run(),
                intent("t", 0, &["a"]),
                started("t"),
                ended(),
                failed(),
                run(),
                intent("u", 1, &["a"]),
            ],
            "find out about its call",
            2,
        ),
        (
            "broken after it was migrated",
            vec![
                run(),
                intent("t", 0, &["a"]),
                started("t"),
                ended(),
                judged("a", "migrated", true),
                intent("u", 1, &["a"]),
                JournalRecord::Refused { at: at(), token: "u".into() },
            ],
            "start",
            2,
        ),
        (
            "half a pack",
            vec![run(), intent("t", 2, &["a", "b"]), started("t"), ended(), judged("b", "migrated", true)],
            "find out about its task",
            3,
        ),
        ("adopted", vec![run(), ended(), judged("a", "migrated", true)], "proved", 0),
    ] {
        let history = history(&records);
        assert_eq!(word(history.next("a", Some(&terms()))), expected, "{what}");
        assert_eq!(history.next_attempt("a"), attempt, "{what}");
    }
}

#[test]
fn proof_is_of_one_image_and_as_good_as_asked_for() {
    let of = |report| {
        history(&[run(), intent("t", 0, &["a"]), started("t"), ended(), judged("a", "migrated", report)])
    };
    for (report, digest, told, proof, expected) in [
        (true, Some(DIGEST), TOLD, Proof::Report, "proved"),
        (false, Some(DIGEST), TOLD, Proof::ExitCode, "proved"),
        (false, Some(DIGEST), TOLD, Proof::Report, "start"),
        (true, Some("sha256:2222"), TOLD, Proof::Report, "start"),
        (true, None, TOLD, Proof::ExitCode, "start"),
        // Its task was told another command, or other variables.
        (true, Some(DIGEST), "fedcba9876543210fedcba9876543210", Proof::Report, "start"),
        (true, Some(DIGEST), "", Proof::ExitCode, "start"),
    ] {
        let history = of(report);
        let terms = Terms { digest, told, proof, ..terms() };
        let next = word(history.next("a", Some(&terms)));
        assert_eq!(next, expected, "{report} {digest:?} {told} {proof:?}");
    }
    // A version that did not write what its task was told.
    let JournalRecord::Verdict(mut by) = judged("a", "migrated", true) else { panic!("a verdict") };
    by.told = None;
    let older = history(&[run(), JournalRecord::Verdict(by)]);
    assert_eq!(word(older.next("a", Some(&terms()))), "start");
    assert_eq!(word(of(true).next("a", None)), "start");
    for (word, proof, expected) in [
        ("migrated, not proved", Proof::ExitCode, "proved"),
        ("migrated, not proved", Proof::Report, "start"),
        ("unproved", Proof::ExitCode, "start"),
    ] {
        // A report does not make a proof of a record that says that there is none.
        for report in [true, false] {
            let history =
                history(&[run(), intent("t", 0, &["a"]), started("t"), ended(), judged("a", word, report)]);
            assert_eq!(
                self::word(history.next("a", Some(&Terms { proof, ..terms() }))),
                expected,
                "{word} {proof:?}"
            );
        }
    }
    assert!(!of(false).ran_in_vain("a", Proof::ExitCode) && of(false).ran_in_vain("a", Proof::Report));
    assert!(!of(true).ran_in_vain("never", Proof::Report));
}

#[test]
fn a_new_run_is_told_what_may_still_run() {
    let all = [run(), intent("t", 0, &["a"]), started("t"), ended()];
    assert_eq!(history(&all[..2]).open().collect::<Vec<_>>(), ["a"]);
    assert_eq!(history(&all[..3]).open().collect::<Vec<_>>(), ["a"]);
    assert_eq!(history(&all).open().count(), 0);
}

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.jsonl");
    std::fs::write(&path, bytes).expect("write it");
    (directory, path)
}

fn lines(records: &[JournalRecord]) -> Vec<u8> {
    let line = |record| format!("{}\n", serde_json::to_string(record).expect("JSON"));
    records.iter().map(line).collect::<String>().into_bytes()
}

/// Every instant at which a kill can cut the file: what is read is what the whole lines say, and the next record
/// stands on a line of its own.
#[test]
fn a_file_that_was_cut_anywhere_is_read_as_far_as_its_lines_are_whole() {
    let records =
        [run(), intent("t", 0, &["a", "b"]), started("t"), ended(), judged("a", "migrated", true), run()];
    let bytes = lines(&records);
    for cut in 0..=bytes.len() {
        let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
        let (_directory, path) = file(&bytes[..cut]);
        let before = Journal::peek(&path).expect("a plan reads it");
        assert_eq!(std::fs::read(&path).expect("read"), bytes[..cut], "a plan changes nothing");
        let (journal, contents) = Journal::open(&path).expect("a run takes it over");
        assert_eq!(contents.history, before.history);
        assert_eq!(contents.history, history(&records[..whole]), "cut at {cut}");
        assert_eq!(contents.was_cut, cut > 0 && bytes[cut - 1] != b'\n', "cut at {cut}");
        journal.append(&run()).expect("write to it");
        drop(journal);
        let after = Journal::peek(&path).expect("a journal");
        assert_eq!(after.history, history(&[&records[..whole], &[run()]].concat()), "cut at {cut}");
        assert!(!after.was_cut);
    }
}

#[test]
fn any_other_line_that_can_not_be_read_is_an_error_that_changes_nothing() {
    let good = lines(&[run(), intent("t", 0, &["a"])]);
    let mut newer = String::from_utf8(lines(&[run()])).expect("text");
    newer = newer.replace("\"version\":1", "\"version\":2");
    let elsewhere = String::from_utf8(lines(&[run()])).expect("text").replace("us-east-1", "eu-west-1");
    let named = String::from_utf8(lines(&[run()])).expect("text").replace("local-1", "local 1");
    for (line, why) in [
        (b"{\"record\":\"intent\"\n".to_vec(), "EOF"),
        (b"\n".to_vec(), "EOF"),
        (b"\xff\xfe\n".to_vec(), "expected value"),
        (b"{\"record\":\"surprise\"}\n".to_vec(), "unknown variant `surprise`"),
        (lines(&[started("u")]), "no RunTask had this token"),
        (lines(&[intent("two words", 0, &["a"])]), "its token is none that RunTask takes"),
        (newer.into_bytes(), "it is of version 2, and this program knows 1"),
        (elsewhere.into_bytes(), "are about region us-east-1, and it is about eu-west-1"),
        (named.into_bytes(), "started_by"),
    ] {
        let bytes = [good.clone(), line, good.clone()].concat();
        let (_directory, path) = file(&bytes);
        let failure = Journal::open(&path).expect_err("no journal");
        assert_eq!(failure.exit_code, ExitCode::BadInput);
        assert!(failure.message.starts_with("line 3 of state file"), "{}", failure.message);
        assert!(failure.message.contains(why), "{}", failure.message);
        assert_eq!(std::fs::read(&path).expect("read"), bytes);
    }
    let (_directory, path) = file(&lines(&[intent("t", 0, &["a"])]));
    assert!(Journal::open(&path).expect_err("no journal").message.contains("no run has begun before it"));
}

#[test]
fn one_process_has_it_at_a_time() {
    let (_directory, path) = file(b"");
    let (first, _) = Journal::open(&path).expect("free");
    for refused in [Journal::open(&path).map(|_| ()), Journal::peek(&path).map(|_| ())] {
        let failure = refused.expect_err("in use");
        assert_eq!(failure.exit_code, ExitCode::BadInput);
        assert!(failure.message.ends_with("is in use by another run"), "{}", failure.message);
    }
    drop(first);
    Journal::open(&path).expect("free again");
}

#[test]
fn a_look_is_no_obstacle_to_a_run_and_a_run_is_none_to_a_look() {
    let records = [run(), intent("t", 0, &["a"])];
    let bytes = lines(&records);
    let (_directory, path) = file(&[&bytes[..], b"{\"record\":"].concat());
    let look = || Journal::look(&path).expect("it is read");
    assert!(!look().in_use);
    assert!(look().note.is_some_and(|note| note.contains("its writer was killed")));
    let (journal, _) = Journal::open(&path).expect("nothing of a look is left");
    journal.append(&started("t")).expect("written");
    let during = look();
    assert!(during.in_use);
    assert!(during.note.is_some_and(|note| note.starts_with("a run has state file")));
    assert_eq!(during.history, history(&[&records[..], &[started("t")]].concat()));
    drop(journal);
    let after = look();
    assert_eq!((after.in_use, after.note), (false, None));
}

/// `/dev/zero` has no end.
#[test]
fn a_device_is_no_state_file() {
    for refused in
        [Journal::open(Path::new("/dev/zero")).map(|_| ()), Journal::peek(Path::new("/dev")).map(|_| ())]
    {
        let failure = refused.expect_err("no file");
        assert_eq!(failure.exit_code, ExitCode::BadInput);
        assert!(failure.message.ends_with("not a regular file"), "{}", failure.message);
    }
}

#[test]
fn what_tasks_have_applied_is_known_by_image_or_known_to_be_unknown() {
    let applied = |second: i64, digest: &str, report: Option<usize>| {
        let JournalRecord::Verdict(mut judged) = judged("a", "migrated", true) else { unreachable!() };
        judged.at = jiff::Timestamp::from_second(second).expect("a time");
        judged.image_digest = Some(digest.into());
        match report {
            None => (judged.report, judged.verdict) = (None, "failed".into()),
            Some(count) => {
                let of_report = judged.report.as_mut().expect("a report");
                of_report.applied = (0..count)
                    .map(|n| crate::migration_report::Applied {
                        version: n.to_string(),
                        name: String::new(),
                        ms: 0,
                    })
                    .collect();
            }
        }
        JournalRecord::Verdict(judged)
    };
    let changes = |records: &[JournalRecord]| -> Vec<(String, i64, Option<bool>)> {
        let history = history(&[&[run()], records].concat());
        let of = |(_, change): (&str, &Change)| {
            (change.image_digest.clone().unwrap_or_default(), change.at.as_second(), change.applied)
        };
        history.changes().map(of).collect()
    };
    let one = |digest: &str, second: i64, applied: Option<bool>| (digest.to_owned(), second, applied);
    assert_eq!(changes(&[applied(5, "b", Some(0))]), [], "nothing was applied");
    assert_eq!(
        changes(&[applied(5, "b", Some(2)), applied(6, "c", Some(1)), applied(7, "b", Some(1))]),
        [one("c", 6, Some(true)), one("b", 7, Some(true))]
    );
    assert_eq!(
        changes(&[applied(5, "b", None), applied(6, "b", Some(0))]),
        [one("b", 5, None)],
        "what failed may have applied something"
    );
    let begun = [intent("t", 0, &["a"]), started("t")];
    assert_eq!(changes(&begun), [one(DIGEST, 0, None)]);
    assert_eq!(changes(&[begun[0].clone(), JournalRecord::Refused { at: at(), token: "t".into() }]), []);
    let JournalRecord::Verdict(mut never) = judged("a", "cancelled", false) else { unreachable!() };
    never.task = None;
    let unanswered = [begun[0].clone(), JournalRecord::Verdict(never)];
    assert_eq!(changes(&unanswered), [one(DIGEST, 0, None)], "RunTask may have started one");
}

/// A journal whose tasks are named by their tokens, and whose runs are of images.
#[test]
fn a_task_that_was_never_judged_may_have_applied_something_whatever_came_after_it() {
    let of_image = |digest: &str| {
        let JournalRecord::Run(of) = run() else { unreachable!() };
        JournalRecord::Run(Run { image_digest: Some(digest.into()), ..of })
    };
    let started =
        |token: &str| JournalRecord::Started { at: at(), token: token.into(), task: format!("task-{token}") };
    let ended = |token: &str| JournalRecord::Ended { at: at(), task: format!("task-{token}") };
    let refused = |token: &str| JournalRecord::Refused { at: at(), token: token.into() };
    // It has applied nothing.
    let verdict = |token: &str, digest: &str| {
        let JournalRecord::Verdict(mut judged) = judged("a", "migrated", true) else { unreachable!() };
        (judged.task, judged.image_digest) = (Some(format!("task-{token}")), Some(digest.into()));
        JournalRecord::Verdict(judged)
    };
    let launched = |token: &str, attempt: u32| [intent(token, attempt, &["a"]), started(token), ended(token)];
    let JournalRecord::Verdict(mut of_b) = verdict("t", "c") else { unreachable!() };
    of_b.database = "b".into();
    let verdict_of_b = JournalRecord::Verdict(of_b);
    for (what, records, unknown) in [
        (
            "cut off, and then the same image again",
            vec![vec![of_image("c")], launched("t", 0).into(), vec![of_image("c")], launched("u", 1).into()],
            vec!["c", "c"],
        ),
        (
            "and judged",
            vec![
                vec![of_image("c")],
                launched("t", 0).into(),
                vec![of_image("c")],
                launched("u", 1).into(),
                vec![verdict("u", "c")],
            ],
            vec!["c"],
        ),
        (
            "a pack that was killed, and its retry",
            vec![
                vec![of_image("c"), intent("t", 0, &["a", "b"]), started("t"), ended("t"), verdict_of_b],
                launched("u", 1).into(),
                vec![verdict("u", "c")],
            ],
            vec!["c"],
        ),
        (
            "cut off, and then the old image",
            vec![
                vec![of_image("c")],
                launched("t", 0).into(),
                vec![of_image("b")],
                launched("u", 1).into(),
                vec![verdict("u", "b")],
            ],
            vec!["c"],
        ),
        (
            "cut off, and judged by the run that was resumed",
            vec![
                vec![of_image("c")],
                launched("t", 0).into(),
                vec![of_image("c"), started("t"), verdict("t", "c")],
            ],
            vec![],
        ),
        (
            "RunTask that had no answer, sent again",
            vec![
                vec![of_image("c"), intent("t", 0, &["a"]), of_image("c")],
                launched("t", 0).into(),
                vec![verdict("t", "c")],
            ],
            vec![],
        ),
        (
            "refused after one that was cut off",
            vec![
                vec![of_image("c")],
                launched("t", 0).into(),
                vec![of_image("b"), intent("u", 1, &["a"]), refused("u")],
            ],
            vec!["c"],
        ),
        (
            "a token that ECS had forgotten",
            vec![
                vec![of_image("c")],
                launched("t", 0).into(),
                vec![
                    of_image("c"),
                    intent("t", 0, &["a"]),
                    JournalRecord::Started { at: at(), token: "t".into(), task: "task-u".into() },
                    verdict("u", "c"),
                ],
            ],
            vec!["c"],
        ),
        (
            "a task of another run was judged",
            vec![vec![of_image("c")], launched("t", 0).into(), vec![verdict("another", "c")]],
            vec!["c"],
        ),
    ] {
        let history = history(&records.concat());
        let left: Vec<_> = history.changes().collect();
        assert!(left.iter().all(|(_, change)| change.applied.is_none()), "{what}: {left:?}");
        let digests: Vec<_> =
            left.iter().map(|(_, change)| change.image_digest.as_deref().unwrap_or_default()).collect();
        assert_eq!(digests, unknown, "{what}");
    }
}
