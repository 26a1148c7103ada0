use super::*;
use crate::failure::ExitCode;
use crate::plan::back::samples::*;

fn named_of(to: To, history: &ServiceHistory, digests: &[String]) -> Result<String, String> {
    named(&to, history, digests)
        .map(|goal| match goal {
            Goal::Ran(place) => number(&history.ran[place].revision).to_owned(),
            Goal::Recorded(revision) => format!("recorded {}", number(&revision.arn)),
            Goal::Unrecorded(name) => format!("unrecorded {name}"),
        })
        .map_err(|failure| {
            assert_eq!(failure.exit_code, ExitCode::BadInput);
            assert!(failure.hint.is_some(), "{failure}");
            format!("{failure}; {}", failure.hint.as_deref().unwrap_or_default())
        })
}

fn word(text: &str, history: &ServiceHistory, digests: &[String]) -> Result<String, String> {
    named_of(To::Word(text.into()), history, digests)
}

#[test]
fn without_a_name_it_is_what_ran_before_or_an_answer_that_says_why_not() {
    let goal = earlier(&history(&[revision(1, 1, "a"), revision(2, 2, "b"), revision(3, 3, "c")]));
    assert_eq!(goal, Ok(Goal::Ran(1)));
    let left = history(&[revision(1, 1, "a"), revision(2, 2, "b"), revision(3, 1, "a")]);
    let failure = earlier(&left).expect_err("b was left");
    assert!(failure.message.contains("was left already"), "{failure}");
    let hint = failure.hint.expect("a hint");
    assert!(hint.contains("--to") && hint.contains("service revision 2 (web:2, since 20"), "{hint}");
    let failure = earlier(&history(&[])).expect_err("nothing");
    assert!(failure.message.contains("90 days"), "{failure}");
    let mut gone = history(&[revision(1, 1, "a"), revision(2, 2, "b")]);
    gone = ServiceHistory::new(
        gone.service.clone(),
        gone.listed.clone(),
        gone.ran.clone(),
        gone.revisions.into_iter().filter(|(arn, _)| *arn == revision_arn(2)).collect(),
        Some(&revision_arn(2)),
        None,
    );
    assert!(earlier(&gone).expect_err("unknown").message.contains("service revision 1 of 20"));
}

#[test]
fn every_form_of_a_name_finds_its_entry() {
    let record =
        history(&[revision(11, 1, "a"), revision(12, 2, "b"), revision(13, 3, "c"), revision(14, 3, "c")]);
    assert_eq!(word("11", &record, &[]).as_deref(), Ok("11"));
    assert_eq!(word("dep-1", &record, &[]).as_deref(), Ok("12"));
    // By the tag that the revision was deployed with, and by the digest that the tag has in ECR.
    assert_eq!(word("b", &record, &[]).as_deref(), Ok("12"));
    assert_eq!(word("release", &record, &[digest("a")]).as_deref(), Ok("11"));
    assert_eq!(named_of(To::Revision(revision_arn(12)), &record, &[]).as_deref(), Ok("12"));
    assert_eq!(named_of(To::Deployment(deployment_arn(0)), &record, &[]).as_deref(), Ok("11"));
    for name in ["web:2".to_owned(), definition_arn(2)] {
        assert_eq!(named_of(To::TaskDefinition(name), &record, &[]).as_deref(), Ok("12"));
    }
    assert_eq!(named_of(To::TaskDefinition("web:9".into()), &record, &[]).as_deref(), Ok("unrecorded web:9"));
    let elsewhere = definition_arn(2).replace("us-east-1", "eu-west-1");
    assert_eq!(
        named_of(To::TaskDefinition(elsewhere.clone()), &record, &[]),
        Ok(format!("unrecorded {elsewhere}"))
    );
}

#[test]
fn what_is_not_there_is_said_with_what_there_is() {
    let record = history(&[revision(11, 1, "a"), revision(12, 2, "b")]);
    let said = word("1", &record, &[]).expect_err("11 is not 1");
    assert!(said.contains("has not run 1") && said.contains("service revision 11"), "{said}");
    let said = word("f00", &record, &[digest("z")]).expect_err("never ran");
    assert!(said.contains("there is an image with this tag"), "{said}");
    for current in ["12", "dep-1", "b"] {
        let said = word(current, &record, &[]).expect_err("it runs");
        assert!(said.contains("already"), "{said}");
    }
    let other = revision_arn(11).replace("/web/", "/jobs/");
    let said = named_of(To::Revision(other), &record, &[]).expect_err("of another service");
    assert!(said.contains("service jobs, not web"), "{said}");
    let said = named_of(To::Revision(revision_arn(1)), &record, &[]).expect_err("unknown");
    assert!(said.contains("does not know service revision 1;"), "{said}");
    let said = named_of(To::Deployment(deployment_arn(7)), &record, &[]).expect_err("unknown");
    assert!(said.contains("no service deployment dep-7"), "{said}");
}

#[test]
fn a_name_of_several_things_closes() {
    // The tag of web:1 was moved between two deployments.
    let record =
        history(&[revision(11, 1, "a"), revision(12, 1, "b"), revision(13, 1, "b"), revision(14, 4, "d")]);
    let said = named_of(To::TaskDefinition("web:1".into()), &record, &[]).expect_err("two digests");
    assert!(
        said.contains("several things") && said.contains("revision 11") && said.contains("revision 13"),
        "{said}"
    );
    assert!(!said.contains("revision 12"), "12 and 13 are the same content: {said}");
    assert_eq!(word("13", &record, &[]).as_deref(), Ok("13"));
    // A commit of digits alone that is a service revision's number as well.
    let record = history(&[revision(11, 1, "12"), revision(12, 2, "b"), revision(13, 3, "c")]);
    assert!(word("12", &record, &[]).expect_err("both").contains("several things"));
}

#[test]
fn what_never_ran_is_nothing_to_go_back_to() {
    let (a, b, c) = (revision(1, 1, "a"), revision(2, 2, "b"), revision(3, 3, "c"));
    let mut listed = history(&[a.clone(), b.clone(), c.clone()]).listed;
    listed[1].status = "ROLLBACK_FAILED".into();
    let record = of(&[a, b, c], listed, None);
    let said = named_of(To::Revision(revision_arn(2)), &record, &[]).expect_err("it failed");
    assert!(said.contains("never ran to success") && said.contains("ROLLBACK_FAILED"), "{said}");
    let said = named_of(To::Deployment(deployment_arn(1)), &record, &[]).expect_err("it failed");
    assert!(said.contains("nothing has run by service deployment dep-1"), "{said}");
    // Its deployment is older than what is listed.
    let old = revision(100, 4, "e");
    let mut revisions = record.revisions.clone();
    revisions.insert(old.arn.clone(), old.clone());
    let record = ServiceHistory::new(
        record.service.clone(),
        record.listed.clone(),
        record.ran.clone(),
        revisions,
        Some(&revision_arn(3)),
        None,
    );
    assert_eq!(named_of(To::Revision(old.arn), &record, &[]).as_deref(), Ok("recorded 100"));
}

#[test]
fn what_is_under_way_is_taken_back_unless_it_ends_by_itself_or_is_the_first() {
    let (a, b) = (revision(1, 1, "a"), revision(2, 2, "b"));
    let record = |status: &str| {
        let ran = history(std::slice::from_ref(&a)).listed;
        of(&[a.clone(), b.clone()], ran, Some(under_way(status, &b, &a)))
    };
    for (status, is_so) in [
        ("PENDING", true),
        ("IN_PROGRESS", true),
        ("ROLLBACK_REQUESTED", true),
        ("ROLLBACK_IN_PROGRESS", true),
        ("STOP_REQUESTED", false),
    ] {
        assert_eq!(is_taken_back(&record(status)), Ok(is_so), "{status}");
    }
    assert_eq!(is_taken_back(&history(&[a.clone(), b.clone()])), Ok(false));
    let failure = is_taken_back(&record("OF_TOMORROW")).expect_err("unknown");
    assert!(failure.message.contains("is OF_TOMORROW, which this program does not know"), "{failure}");
    let mut first = under_way("IN_PROGRESS", &a, &a);
    first.sources.clear();
    let failure =
        is_taken_back(&of(std::slice::from_ref(&a), Vec::new(), Some(first))).expect_err("the first");
    assert!(failure.message.contains("nothing ran before it"), "{failure}");
}

#[test]
fn what_ecs_goes_back_to_is_what_it_names_or_what_ran() {
    let (a, b, c) = (revision(1, 1, "a"), revision(2, 2, "b"), revision(3, 3, "c"));
    let ran = || history(&[a.clone(), b.clone()]).listed;
    let back = |change: &dyn Fn(&mut crate::ports::ServiceDeployment)| {
        let mut underway = under_way("IN_PROGRESS", &c, &b);
        change(&mut underway);
        let record = of(&[a.clone(), b.clone(), c.clone()], ran(), Some(underway));
        record.goes_back_to().map(|one| number(&one.arn).to_owned())
    };
    let tasks = |arn: &str| crate::ports::RevisionTasks { arn: arn.to_owned(), ..Default::default() };
    assert_eq!(back(&|_| {}).as_deref(), Some("2"));
    // A deployment that superseded another: of two sources it is what landed last.
    assert_eq!(back(&|one| one.sources.insert(0, tasks(&revision_arn(1)))).as_deref(), Some("2"));
    assert_eq!(back(&|one| one.sources = vec![tasks(&revision_arn(8)), tasks(&revision_arn(9))]), None);
    assert_eq!(back(&|one| one.sources.clear()), None);
    let named = crate::ports::RollbackSeen { to: Some(revision_arn(1)), ..Default::default() };
    assert_eq!(back(&|one| one.rollback = Some(named.clone())).as_deref(), Some("1"));
}

#[test]
fn an_unrecorded_task_definition_must_be_an_older_one() {
    let record = history(&[revision(1, 7, "a")]);
    let definition = |family: &str, number: usize| {
        let document = serde_json::json!({"taskDefinition": {
            "taskDefinitionArn": format!("{ACCOUNT}:task-definition/{family}:{number}"),
            "family": family, "revision": number, "containerDefinitions": [{"name": "web", "image": "i"}],
        }});
        TaskDefinition::from_json(document, "test").expect("a task definition")
    };
    is_older(&definition("web", 6), &record).expect("an older one");
    for (family, number) in [("web", 7), ("web", 8), ("jobs", 1)] {
        let failure = is_older(&definition(family, number), &record).expect_err("no older one");
        assert!(failure.message.contains("is not an older revision of web:7"), "{failure}");
    }
}

#[test]
fn one_image_by_two_task_definitions_is_the_newest_and_the_other_is_noted() {
    let record =
        history(&[revision(11, 1, "a"), revision(12, 2, "a"), revision(13, 3, "b"), revision(14, 4, "c")]);
    assert_eq!(word("a", &record, &[]).as_deref(), Ok("12"));
    let to = To::Word("a".into());
    let goal = named(&to, &record, &[]).expect("the newest");
    let also = also_named(&to, &record, &[], &goal).expect("a note");
    assert!(
        also.contains("this is the newest, service revision 12") && also.contains(": service revision 11"),
        "{also}"
    );
    let to = To::Word("b".into());
    let goal = named(&to, &record, &[]).expect("the only one");
    assert_eq!(also_named(&to, &record, &[], &goal), None);
    // A tag that was moved: two images, and nobody can tell which is meant.
    let mut moved = revision(12, 2, "z");
    moved.images[0].image = revision(11, 1, "a").images[0].image.clone();
    let record = history(&[revision(11, 1, "a"), moved.clone(), revision(13, 3, "b")]);
    assert!(word("a", &record, &[]).expect_err("two images").contains("several things"));
    moved.images[0].digest = None;
    let record = history(&[revision(11, 1, "a"), moved, revision(13, 3, "b")]);
    assert!(word("a", &record, &[]).expect_err("of one nothing is known").contains("several things"));
}
