use std::time::Duration;

use super::*;
use crate::plan::tests::{document, observed, page, settings, task, text};
use crate::plan::{ObservedImage, Plan};
use crate::state::History;
use crate::state::journal_record::JournalRecord;
use crate::state::samples::{TASK, at, ended, history, intent, judged, run, started};
use crate::verdict::Judged;

/// The image's digest in plans of tests.
const DIGEST: &str = "sha256:0";

/// Migrated with the image of the plan.
fn migrated(database: &str) -> JournalRecord {
    let JournalRecord::Verdict(by) = judged(database, "migrated", true) else { panic!("a verdict") };
    let plan = Plan::new(&settings(&["--database=a"]), observed(document())).expect("a plan");
    let (image_digest, told) = (Some(DIGEST.into()), Some(plan.told_digest()));
    JournalRecord::Verdict(Box::new(Judged { image_digest, told, ..*by }))
}

fn plan_after(records: &[JournalRecord], flags: &[&str], running: Vec<Task>) -> Plan {
    let mut observed = observed(document());
    observed.running = running;
    observed.past = Past { resumes: true, history: history(records), ..Past::default() };
    Plan::new(&settings(&[&[], flags].concat()), observed).expect("a plan")
}

fn packs(plan: &Plan) -> Vec<(Vec<&str>, String, u32)> {
    let word = |pack: &Pack| match &pack.begun {
        None => "start".to_owned(),
        Some(Begun::Task { arn, token, has_ended }) => {
            let what = if *has_ended { "judge" } else { "follow" };
            format!("{what} {arn}{}", if token.is_some() { ", and record it" } else { "" })
        }
        Some(Begun::Call { token, attempt }) => format!("call {token}/{attempt} again"),
    };
    let packs = plan.packs.iter();
    packs
        .map(|pack| (pack.databases.iter().map(|name| name.as_str()).collect(), word(pack), pack.attempt))
        .collect()
}

#[test]
fn what_was_begun_goes_first_and_in_its_own_packs() {
    let records = [
        run(),
        intent("t", 0, &["a", "b", "c"]),
        intent("u", 1, &["d", "e"]),
        intent("v", 0, &["f"]),
        migrated("b"),
    ];
    let alive = task("arn:1", "f", "fargate-migrate/local-test");
    let plan = plan_after(&records, &["--database=x,a,b,c,d,f", "--databases-per-task=10"], vec![alive]);
    assert_eq!(
        packs(&plan),
        [
            (vec!["a", "c"], "call t/0 again".into(), 1),
            // e is not asked for.
            (vec!["d"], "call u/1 again".into(), 2),
            (vec!["f"], "follow arn:1, and record it".into(), 1),
            (vec!["x"], "start".into(), 0),
        ]
    );
    assert_eq!(plan.packs.iter().map(|pack| pack.place).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(plan.proved.iter().map(|proved| proved.database.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_task_of_somebody_else_is_known_where_a_call_would_be_made_again() {
    let records = [run(), intent("t", 0, &["a", "b"])];
    let plan = plan_after(&records, &["--database=a,b"], vec![task("arn:1", "b", "somebody")]);
    let of_others: Vec<bool> = plan.packs.iter().map(|pack| pack.running.is_some()).collect();
    assert_eq!(of_others, [false, true]);
    let said = text(&plan);
    assert!(said.contains("No RunTask for b: task arn:1 migrates it now"), "{said}");
}

/// Without a second look at its task, nobody has judged it.
#[test]
fn a_task_that_has_ended_unjudged_is_looked_at_as_long_as_ecs_has_it() {
    let records = [run(), intent("t", 0, &["shop"]), started("t"), ended()];
    let with = |tasks: Vec<Task>| {
        let mut observed = observed(document());
        observed.past = Past { resumes: true, history: history(&records), tasks, ..Past::default() };
        Plan::new(&settings(&["--database=shop"]), observed).expect("a plan")
    };
    let stopped = Task { last_status: "STOPPED".into(), ..task(TASK, "shop", "fargate-migrate/local-test") };
    let plan = with(vec![stopped]);
    assert_eq!(packs(&plan), [(vec!["shop"], format!("judge {TASK}"), 1)]);
    // Nobody can follow it, and nobody knows yet what it has done.
    for printed in [text(&plan), page(&plan)] {
        let counted =
            "1 database begun by a task that has ended, and started again where that did not migrate them";
        assert!(printed.contains(counted) && !printed.contains("followed"), "{printed}");
        assert!(printed.contains("of this run has ended: it is judged first"), "{printed}");
    }
    assert_eq!(plan.document().expect("JSON").data["databases"][0]["earlier"]["ended"], true);
    let alive = Task { last_status: "RUNNING".into(), ..task(TASK, "shop", "fargate-migrate/local-test") };
    assert_eq!(packs(&with(vec![alive])), [(vec!["shop"], format!("follow {TASK}"), 1)]);
    assert_eq!(packs(&with(Vec::new())), [(vec!["shop"], "start".into(), 1)]);
    // The token was sent again for another database, long after.
    let other = task(TASK, "other", "fargate-migrate/local-test");
    assert_eq!(packs(&with(vec![other])), [(vec!["shop"], "start".into(), 1)]);
}

#[test]
fn canaries_that_are_proved_have_passed() {
    let records = [run(), migrated("a"), migrated("b")];
    let plan = plan_after(&records, &["--database=a,b,c,d", "--canary=a,c"], Vec::new());
    assert_eq!(plan.waves().map(<[Pack]>::len).collect::<Vec<_>>(), [1, 1]);
    let plan = plan_after(&records, &["--database=a,b,c,d", "--canary=a,b"], Vec::new());
    assert_eq!((plan.waves().count(), packs(&plan).len()), (1, 2));
    assert_eq!(
        plan.stages().map(|(stage, packs)| (stage.proved, packs.len())).collect::<Vec<_>>(),
        [(2, 0), (0, 2)]
    );
}

#[test]
fn nothing_is_proved_of_an_image_that_nobody_has_made_yet() {
    let mut observed = observed(document());
    observed.image = ObservedImage::Reference {
        reference: "registry.example/app:latest".into(),
        digest: None,
        platforms: None,
        unseen: None,
    };
    observed.past = Past { resumes: true, history: history(&[run(), migrated("a")]), ..Past::default() };
    let plan = Plan::new(&settings(&["--database=a,b"]), observed).expect("a plan");
    assert!(plan.proved.is_empty() && plan.packs.len() == 2);
    assert!(plan.notes.iter().any(|note| note.contains("nothing counts as migrated")), "{:?}", plan.notes);
}

/// How long things took is of use to any run; all else is to one that resumes.
#[test]
fn a_run_that_does_not_resume_packs_by_what_it_knows_and_starts_everything() {
    let slow = |database: &str, seconds: u64| {
        let JournalRecord::Verdict(by) = migrated(database) else { panic!("a verdict") };
        JournalRecord::Verdict(Box::new(Judged { ms: Some(seconds * 1000), ..*by }))
    };
    let records = [run(), slow("a", 1), slow("b", 1), slow("c", 1), slow("d", 3)];
    let mut observed = observed(document());
    observed.past = Past { resumes: false, history: history(&records), ..Past::default() };
    let flags = ["--database=a,b,c,d", "--databases-per-task=auto", "--max-parallel=2"];
    let plan = Plan::new(&settings(&flags), observed).expect("a plan");
    let names: Vec<_> = packs(&plan).into_iter().map(|(names, ..)| names.len()).collect();
    assert_eq!(names, [1, 3], "the slow one is alone");
    assert_eq!(History::default().durations().get("a"), None::<&Duration>);
}

#[test]
fn a_plan_says_what_is_left() {
    let records = [run(), migrated("a"), intent("t", 0, &["b"]), intent("u", 0, &["c"])];
    let alive = task("arn:1", "c", "fargate-migrate/local-test");
    let plan = plan_after(&records, &["--database=a,b,c,d"], vec![alive]);
    let said = text(&plan);
    for part in [
        "1 database proved migrated by an earlier run, and skipped; 1 database begun, and followed; 1 database \
         with an unconfirmed RunTask call: it is repeated with the same client token",
        "No RunTask for c: task arn:1 of this run is followed",
        "RunTask for b again",
        "\"clientToken\": \"t\"",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let document = plan.document().expect("JSON").data;
    assert_eq!(document["proved"][0]["database"], "a");
    assert_eq!(document["proved"][0]["proved_at"], at().to_string());
    let rows: Vec<_> =
        document["databases"].as_array().expect("rows").iter().map(|row| &row["earlier"]).collect();
    let call = serde_json::json!({ "client_token": "t" });
    let task = serde_json::json!({ "task_arn": "arn:1", "ended": false });
    assert_eq!(rows, [&call, &task, &serde_json::Value::Null]);
    let markdown = page(&plan);
    assert!(markdown.contains("No RunTask for c: task") && markdown.contains("of this run is followed"));
}

/// The pause of a stage that an earlier process has ended is over when its time is.
#[test]
fn of_a_pause_that_was_cut_off_what_is_left_is_waited_for() {
    let records = [run(), migrated("a"), migrated("b")];
    let after = |stages: &str| {
        let mut observed = observed(document());
        observed.past = Past { resumes: true, history: history(&records), ..Past::default() };
        let file = format!("databases: [a, b, c]\nrollout: [{stages}, {{databases: [c]}}]\n");
        let settings = crate::settings::samples::with_file(&file, &["--database=all"]);
        Plan::new(&settings, observed).expect("a plan")
    };
    let plan = after("{databases: [a, b], pause: 10m}");
    let (first, packs) = plan.stages().next().expect("a stage");
    assert_eq!((first.proved, packs.len()), (2, 0));
    let proved_at = plan.proved.iter().map(|one| one.by.at).max().expect("a time");
    let minutes = |n: i64| jiff::SignedDuration::from_mins(n);
    let left = |at: jiff::Timestamp| first.pause_left(at).as_secs();
    assert_eq!(left(proved_at), 600);
    assert_eq!(left(proved_at + minutes(4)), 360);
    assert_eq!(left(proved_at + minutes(11)), 0);
    // A clock that went back makes no pause longer.
    assert_eq!(left(proved_at - minutes(60)), 600);
    // What is left to do is waited after, in full.
    let plan = after("{databases: [a, b, c], pause: 10m}");
    let (first, _) = plan.stages().next().expect("a stage");
    assert_eq!(first.pause_left(proved_at + minutes(11)).as_secs(), 600);
}
