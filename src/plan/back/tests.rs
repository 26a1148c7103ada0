use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::goal::Goal;
use super::history::ServiceHistory;
use super::images::{Look, Looked, Seen, images, looks};
use super::observed::{ObservedGoal, ObservedService};
use super::samples::*;
use super::*;
use crate::cli;
use crate::document::{self, Colour, markdown};
use crate::failure::ExitCode;
use crate::ports::{Caller, HookDetail, StoredImage};
use crate::settings::RunIdentity;
use crate::state::Change;
use crate::workflow_commands::SUMMARY_LIMIT;

fn settings(more: &[&str]) -> RollbackSettings {
    let arguments = [&["fargate-migrate", "rollback", "--cluster=c", "--service=web"], more].concat();
    let arguments = arguments.iter().map(Into::into).collect();
    let cli = cli::parse(arguments, &|_| None, Path::new("/nowhere")).expect("flags");
    let cli::Command::Rollback(flags) = cli.command else { panic!("rollback") };
    RollbackSettings::new(*flags, RunIdentity::local("test")).expect("settings")
}

/// `web:<revision>` as DescribeTaskDefinition answers.
fn definition(revision: usize, image: &str, status: &str) -> TaskDefinition {
    let document = json!({"taskDefinition": {
        "taskDefinitionArn": definition_arn(revision),
        "family": "web",
        "revision": revision,
        "status": status,
        "containerDefinitions": [{"name": "web", "image": image}],
    }});
    TaskDefinition::from_json(document, "test").expect("a task definition")
}

fn by_tag(tag: &str) -> String {
    format!("{REPOSITORY}:{tag}")
}

/// ECR has every image, and these tags are those of these digests.
fn ecr(images: &[ContainerImage], moved: &[(&str, String)]) -> Looked {
    let answer = |look: Look| {
        let name = look.tag_or_digest.as_str();
        let moved = moved.iter().find(|(tag, _)| *tag == name).map(|(_, digest)| digest.clone());
        let digest =
            if name.starts_with("sha256:") { name.to_owned() } else { moved.unwrap_or(digest(name)) };
        let stored = StoredImage { digest, index: None, tags: Vec::new() };
        (look, Seen::Stored(stored))
    };
    Looked(images.iter().flat_map(looks).map(answer).collect())
}

/// Service web ran a, b and c, of web:1 to web:3.
fn abc() -> ServiceHistory {
    history(&[revision(1, 1, "a"), revision(2, 2, "b"), revision(3, 3, "c")])
}

fn goal(history: &ServiceHistory, place: usize, status: &str, moved: &[(&str, String)]) -> ObservedGoal {
    let ran = history.revision(place).cloned().expect("known");
    let number = definition_name(&ran.task_definition).trim_start_matches("web:").parse().expect("a number");
    let definition = definition(number, &ran.images[0].image, status);
    let images = images(&definition, &ran.images);
    let looked = ecr(&images, moved);
    let newest = Some(self::definition(3, &by_tag("c"), "ACTIVE"));
    ObservedGoal {
        also: None,
        goal: Goal::Ran(place),
        ran: Some(ran),
        definition,
        registered_at: None,
        newest,
        images,
        looked,
    }
}

fn observed(history: ServiceHistory, goal: Option<ObservedGoal>) -> ObservedBack {
    let caller = Caller { account: "123456789012".into(), arn: "arn:aws:sts::123456789012:x".into() };
    let back = goal.as_ref().map(|goal| goal.definition.clone());
    let current = Some(definition(3, &by_tag("c"), "ACTIVE"));
    let tags = vec![(digest("c"), vec!["0123abc".to_owned()])];
    let one = ObservedService { history, current, back, tags, goal };
    ObservedBack { account: Account { caller, region: "us-east-1".into() }, services: vec![one] }
}

fn planned(status: &str, moved: &[(&str, String)]) -> BackPlan {
    let history = abc();
    let goal = goal(&history, 1, status, moved);
    BackPlan::new(&settings(&[]), observed(history, Some(goal)), &Recorded::default()).expect("a plan")
}

fn update(plan: &BackPlan) -> &Update {
    let Way::Update(update) = &plan.services[0].way else { panic!("{:?}", plan.services[0].way) };
    update
}

fn text(plan: &BackPlan) -> String {
    document::text(&plan.document(), Colour::Never)
}

#[test]
fn an_active_revision_with_its_images_is_sent_as_it_is() {
    let plan = planned("ACTIVE", &[]);
    let update = update(&plan);
    assert!(matches!(&update.revision, RevisionPlan::Reuse(arn) if *arn == definition_arn(2)));
    assert_eq!(update.digests, [("web".to_owned(), digest("b"))]);
    assert!(!update.force);
    let text = text(&plan);
    for said in [
        "Plan: roll back 1 service on c. Nothing has been changed.",
        "c (web:3, sha256:3333",
        "b (web:2, sha256:2222",
        "service revision 2)",
        "UpdateService with web:2",
        "not known whether databases were migrated since",
        "30 min",
        "+ image = ",
    ] {
        assert!(text.contains(said), "{said}:\n{text}");
    }
    let data = plan.document().data;
    assert_eq!(data["operation"], "rollback");
    assert_eq!(data["services"][0]["to"]["task_definition"], definition_arn(2));
    assert_eq!(data["services"][0]["to"]["tag"], "b");
    assert_eq!(data["services"][0]["from"]["images"][0]["tags"], json!(["0123abc"]));
    assert_eq!(data["services"][0]["to"]["ran_until"], at(20).to_string());
    assert_eq!(data["services"][0]["way"]["action"], "update");
    assert!(markdown(&plan.document(), SUMMARY_LIMIT).contains("web:2"));
}

#[test]
fn a_copy_is_registered_where_the_revision_is_inactive_or_its_tag_has_moved() {
    let plan = planned("INACTIVE", &[]);
    let RevisionPlan::Register(wanted) = &update(&plan).revision else { panic!("a copy") };
    assert_eq!(wanted.image("web"), Some(by_tag("b").as_str()), "nothing else is changed");
    assert!(text(&plan).contains("register a copy of web:2, which is INACTIVE"), "{}", text(&plan));

    for status in ["ACTIVE", "INACTIVE"] {
        let plan = planned(status, &[("b", digest("x"))]);
        let RevisionPlan::Register(wanted) = &update(&plan).revision else { panic!("a copy") };
        let pinned = format!("{REPOSITORY}@{}", digest("b"));
        assert_eq!(wanted.image("web"), Some(pinned.as_str()));
        assert_eq!(wanted.arn(), None);
        assert!(text(&plan).contains("with the images named by their digests"), "{}", text(&plan));
        assert!(plan.notes.iter().any(|note| note.contains("tag b of what container web ran names another")));
    }

    // An earlier rollback has registered it.
    let history = abc();
    let mut goal = goal(&history, 1, "INACTIVE", &[]);
    goal.newest = Some(definition(4, &by_tag("b"), "ACTIVE"));
    let plan =
        BackPlan::new(&settings(&[]), observed(history, Some(goal)), &Recorded::default()).expect("a plan");
    assert!(matches!(&update(&plan).revision, RevisionPlan::Reuse(arn) if *arn == definition_arn(4)));
    assert!(
        text(&plan).contains("UpdateService with web:4, which is a copy of web:2 already"),
        "{}",
        text(&plan)
    );
}

#[test]
fn the_same_revision_with_the_tag_moved_back_is_forced() {
    let history = history(&[revision(1, 3, "a"), revision(2, 3, "c")]);
    let mut goal = goal(&history, 1, "ACTIVE", &[]);
    goal.definition = definition(3, &by_tag("v"), "ACTIVE");
    goal.images = images(&goal.definition, &history.revision(1).expect("known").images);
    goal.looked = ecr(&goal.images, &[("v", digest("a"))]);
    let plan =
        BackPlan::new(&settings(&[]), observed(history, Some(goal)), &Recorded::default()).expect("a plan");
    assert!(update(&plan).force && text(&plan).contains("forced"), "{}", text(&plan));
}

#[test]
fn an_image_that_is_named_by_its_digest_is_known_by_a_tag_of_ecr() {
    let mut images = vec![ContainerImage {
        container: "web".into(),
        reference: format!("{REPOSITORY}@{}", digest("c")),
        digest: Some(digest("c")),
        tags: Vec::new(),
    }];
    assert_eq!(images[0].tag(), None);
    let mut side =
        Side { revision: None, task_definition: definition_arn(3), images: images.clone(), span: None };
    side.takes(&[(digest("b"), vec!["b".into()]), (digest("c"), vec!["0123abc".into(), "latest".into()])]);
    assert_eq!(side.images[0].tag(), Some("0123abc"));
    images[0].digest = None;
    side.images = images;
    side.takes(&[(digest("c"), vec!["0123abc".into()])]);
    assert_eq!(side.images[0].tag(), None, "what ran is not known");
}

#[test]
fn a_plan_that_was_agreed_to_is_not_another_one() {
    let plan = |place| {
        let history = abc();
        let goal = goal(&history, place, "ACTIVE", &[]);
        BackPlan::new(&settings(&[]), observed(history, Some(goal)), &Recorded::default()).expect("a plan")
    };
    let mut later = plan(1);
    later.services[0].service.running += 1;
    later.notes.clear();
    assert!(later.does_the_same_as(&plan(1)));
    assert!(!plan(2).does_the_same_as(&plan(1)));
    later.services[0].way =
        Way::TakeBack { deployment: deployment_arn(9), status: DeploymentStatus::InProgress, paused: None };
    assert!(!later.does_the_same_as(&plan(1)), "a deployment has begun");
    later.services.clear();
    assert!(!later.does_the_same_as(&plan(1)));
}

#[test]
fn an_image_that_is_gone_is_refused() {
    let history = abc();
    let mut goal = goal(&history, 1, "ACTIVE", &[]);
    goal.looked.0.iter_mut().for_each(|(_, seen)| *seen = Seen::Missing);
    let refused = BackPlan::new(&settings(&[]), observed(history, Some(goal)), &Recorded::default());
    let failure = refused.expect_err("it is gone");
    assert_eq!(failure.exit_code, ExitCode::BadInput);
    assert!(failure.message.contains(&digest("b")) && failure.hint.is_some(), "{failure}");
}

#[test]
fn what_stays_is_listed_with_then_and_now() {
    let mut revisions = [revision(1, 1, "a"), revision(2, 2, "b"), revision(3, 3, "c")];
    revisions[1].settings = json!({"launchType": "FARGATE", "platformVersion": "1.3.0"});
    revisions[2].settings = json!({"launchType": "FARGATE", "platformVersion": "1.4.0"});
    let history = history(&revisions);
    let goal = goal(&history, 1, "ACTIVE", &[]);
    let plan =
        BackPlan::new(&settings(&[]), observed(history, Some(goal)), &Recorded::default()).expect("a plan");
    let expected = json!([{"setting": "platformVersion", "then": "1.3.0", "now": "1.4.0"}]);
    assert_eq!(plan.document().data["services"][0]["stays"], expected);
    let text = text(&plan);
    assert!(text.contains("Does not come back for web") && text.contains("was 1.3.0  stays 1.4.0"), "{text}");
}

fn recorded(changes: &[(&str, Timestamp, &str)]) -> Recorded {
    let change = |(database, at, tag): &(&str, Timestamp, &str)| {
        let change = Change { at: *at, image_digest: Some(digest(tag)), applied: Some(true) };
        ((*database).to_owned(), change)
    };
    Recorded {
        from: Some("state file s".into()),
        known: 9,
        changes: changes.iter().map(change).collect(),
        ..Recorded::default()
    }
}

#[test]
fn a_newer_schema_is_refused_until_somebody_accepts_it() {
    // For c, a minute before it was deployed; for b, before it began to run; by b itself, later.
    let recorded = recorded(&[
        ("tenant", at(19), "c"),
        ("other", at(9), "b"),
        ("late", at(30), "b"),
        ("old", at(-5), "a"),
    ]);
    let tried = |more: &[&str]| {
        let history = abc();
        let goal = goal(&history, 1, "ACTIVE", &[]);
        BackPlan::new(&settings(more), observed(history, Some(goal)), &recorded).and_then(BackPlan::checked)
    };
    let failure = tried(&[]).expect_err("tenant is newer");
    assert_eq!(failure.exit_code, ExitCode::BadInput);
    assert!(failure.message.ends_with(": tenant"), "{failure}");
    assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("--accept-newer-schema")));
    let plan = tried(&["--accept-newer-schema"]).expect("a plan");
    assert_eq!(plan.document().data["services"][0]["schema"]["newer"], json!(["tenant"]));
    let said = "newer: tenant was migrated by another image, by state file s, which is accepted";
    assert!(text(&plan).contains(said), "{}", text(&plan));
    assert_eq!(plan.notes, Vec::<String>::new(), "all is known");
}

#[test]
fn what_is_under_way_is_taken_back_by_ecs_whatever_the_schema_and_the_counts() {
    let (a, b) = (revision(1, 1, "a"), revision(2, 3, "c"));
    let recorded = recorded(&[("tenant", at(400), "c")]);
    let tried = |status: &str, paused: bool, flags: &[&str]| {
        let mut underway = under_way(status, &b, &a);
        if paused {
            underway.hooks.push(HookDetail {
                id: "gate".into(),
                status: "AWAITING_ACTION".into(),
                ..HookDetail::default()
            });
        }
        let mut history =
            of(&[a.clone(), b.clone()], history(std::slice::from_ref(&a)).listed, Some(underway));
        // Counts that no UpdateService could move.
        (history.service.desired, history.service.rules.maximum) = (1, Some(100));
        history.service.rules.minimum_healthy = Some(100);
        let mut observed = observed(history, None);
        observed.services[0].back = Some(definition(1, &by_tag("a"), "ACTIVE"));
        BackPlan::new(&settings(flags), observed, &recorded).expect("a plan")
    };
    for (status, paused, said) in [
        (
            "IN_PROGRESS",
            false,
            "ECS takes back deployment dep-99, which is IN_PROGRESS: StopServiceDeployment",
        ),
        ("PENDING", false, "which is PENDING"),
        ("IN_PROGRESS", true, "paused at lifecycle hook gate: ContinueServiceDeployment with ROLLBACK"),
        ("ROLLBACK_IN_PROGRESS", false, "ECS goes back from deployment dep-99 already"),
    ] {
        let plan = tried(status, paused, &[]);
        let text = text(&plan);
        assert!(text.contains(said), "{said}:\n{text}");
        assert!(text.contains("the tasks that ECS goes back to run with it now"), "{text}");
        assert!(text.contains("a (web:1") && text.contains("c (web:3"), "{text}");
        let data = plan.document().data;
        assert_eq!(data["services"][0]["way"]["action"], "take-back");
        assert_eq!(data["services"][0]["to"]["service_revision"], revision_arn(1));
        assert_eq!(data["services"][0]["from"]["service_revision"], revision_arn(2));
        assert_eq!(data["services"][0]["stays"], json!([]));
    }
}

#[test]
fn counts_that_never_move_refuse_an_update() {
    let mut history = abc();
    (history.service.desired, history.service.rules.maximum) = (1, Some(100));
    let goal = goal(&history, 1, "ACTIVE", &[]);
    let refused = BackPlan::new(&settings(&[]), observed(history, Some(goal)), &Recorded::default());
    assert!(refused.expect_err("stuck").message.contains("can move"));
}

#[test]
fn names_from_outside_cannot_forge_the_plan() {
    let hostile = "::error::x\u{1b}[31m<script>@everyone|`";
    let mut revisions = [revision(1, 1, "a"), revision(2, 2, "b"), revision(3, 3, "c")];
    revisions[1].settings = json!({"platformVersion": hostile, hostile: hostile});
    let history = history(&revisions);
    let goal = goal(&history, 1, "ACTIVE", &[]);
    let recorded = Recorded {
        changes: vec![(hostile.to_owned(), Change { at: at(15), image_digest: None, applied: Some(true) })],
        unread: vec![hostile.to_owned()],
        ..recorded(&[])
    };
    let plan = BackPlan::new(&settings(&["--accept-newer-schema"]), observed(history, Some(goal)), &recorded)
        .expect("a plan");
    let (text, page) = (text(&plan), markdown(&plan.document(), SUMMARY_LIMIT));
    assert!(!text.contains('\u{1b}') && !page.contains('\u{1b}'));
    assert!(!page.contains("<script>") && !page.contains("@everyone"), "{page}");
    let is_command = |line: &str| line.trim_start().starts_with("::");
    assert!(!page.lines().any(is_command), "{page}");
    let _: Value = serde_json::from_str(&document::json(&plan.document())).expect("JSON");
}

#[test]
fn a_side_is_the_same_by_its_content_and_not_by_its_names() {
    let plan = planned("ACTIVE", &[]);
    let shown = plan.services[0].to.clone().expect("a side");
    let mut now = Side { span: None, revision: None, ..shown.clone() };
    now.images[0].tags.push("latest".into());
    assert!(now.is_the_same_as(&shown));
    now.images[0].digest = Some(digest("z"));
    assert!(!now.is_the_same_as(&shown));
    let by_another = Side { task_definition: definition_arn(9), ..shown.clone() };
    assert!(!by_another.is_the_same_as(&shown));
    assert!(shown.in_words().contains(": sha256:"), "{}", shown.in_words());
}
