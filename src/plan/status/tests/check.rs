use super::*;
use crate::choices::Proof;

/// Each reason, with a `!` before one that is known to differ.
fn reasons(database: DatabaseRow, service: ServiceRow) -> Vec<String> {
    let compared = compared(&[database], &[service], Proof::Report, false).remove(0);
    let word = |reason: &super::super::check::Reason| {
        format!("{}{}", if reason.differs { "!" } else { "" }, reason.why)
    };
    compared.reasons.iter().map(word).collect()
}

#[test]
fn a_service_runs_the_image_of_its_databases_or_says_why_not() {
    let (app, nginx) = (Some(APP), Some("docker.io/nginx"));
    type Containers<'a> = &'a [(&'a str, Option<&'a str>, Option<&'a str>, usize)];
    let table: [(Containers<'_>, &str); 9] = [
        (&[("web", Some(A), app, 2)], ""),
        (&[("web", Some(A), app, 2), ("proxy", Some(B), nginx, 2)], ""),
        (&[("web", Some(A), None, 2), ("proxy", Some(B), None, 2)], ""),
        (&[("web", Some(B), app, 2)], "!container web runs sha256:bbbb, and it is proved at sha256:aaaa"),
        (&[("web", Some(A), app, 1), ("web", Some(B), app, 1)], "!container web runs sha256:bbbb"),
        (&[("web", Some(A), app, 2), ("jobs", Some(B), app, 2)], "!container jobs runs sha256:bbbb"),
        (&[("web", None, app, 2)], "ECS does not say which image container web runs"),
        (&[("web", Some(A), app, 1)], "!not every task has a container of the repository"),
        (&[("proxy", Some(B), nginx, 2)], "!not every task has a container of the repository"),
    ];
    for (containers, expected) in table {
        let reasons = reasons(database(Some(A)), service(containers));
        match expected {
            "" => assert_eq!(reasons, [""; 0], "{containers:?}"),
            expected => assert!(reasons.len() == 1 && reasons[0].starts_with(expected), "{reasons:?}"),
        }
    }
}

#[test]
fn a_container_of_an_unknown_repository_may_be_one_that_has_to_match() {
    let unknown = |row: &mut ServiceRow, container: usize| {
        let tasks = row.seen.as_mut().expect("seen").tasks.as_mut().expect("tasks");
        tasks.images[container].image.unread = Some("denied".into());
    };
    let mut both = service(&[("web", Some(A), None, 2), ("jobs", Some(B), None, 2)]);
    (0..2).for_each(|container| unknown(&mut both, container));
    let said = "of which repository container jobs runs an image is not known: denied";
    assert_eq!(reasons(database(Some(A)), both), [said]);
    // A digest is enough where all have it.
    let mut one = service(&[("web", Some(A), None, 2)]);
    unknown(&mut one, 0);
    assert_eq!(reasons(database(Some(A)), one), [""; 0]);

    let mut row = database(Some(A));
    if let Ok(Standing { proved: Some(proved), .. }) = &mut row.standing {
        proved.image.reference = None;
        proved.image.unread = Some("denied".into());
    }
    let other = reasons(row.clone(), service(&[("web", Some(B), Some(APP), 2)]));
    assert_eq!(other, ["of which repository sha256:aaaa is, at which it is proved, is not known: denied"]);
    assert_eq!(reasons(row, service(&[("web", Some(A), Some(APP), 2)])), [""; 0]);
}

#[test]
fn tasks_of_two_task_definitions_run_one_image() {
    let two = service(&[("web", Some(A), Some(APP), 1), ("web", Some(A), Some("other/app"), 1)]);
    assert_eq!(reasons(database(Some(A)), two), [""; 0]);
    let half = service(&[("web", Some(A), Some(APP), 1), ("jobs", Some(A), Some(APP), 1)]);
    let reasons = reasons(database(Some(A)), half);
    assert!(reasons.len() == 1 && reasons[0].starts_with("!not every task"), "{reasons:?}");
}

#[test]
fn a_run_that_has_the_state_file_may_migrate_any_database() {
    let (row, web) = (database(Some(A)), service(&[("web", Some(A), Some(APP), 2)]));
    let compared = compared(&[row], &[web], Proof::Report, true).remove(0);
    let why: Vec<_> = compared.reasons.iter().map(|reason| (reason.why.as_str(), reason.differs)).collect();
    assert_eq!(why, [("a run has the state file now, and may migrate its databases", false)]);
}

#[test]
fn an_index_and_its_image_are_one() {
    let mut row = database(Some(A));
    if let Ok(Standing { proved: Some(proved), .. }) = &mut row.standing {
        proved.image.parts = vec![B.into()];
    }
    assert_eq!(reasons(row, service(&[("web", Some(B), Some(APP), 2)])), [""; 0]);
}

#[test]
fn what_is_not_known_or_moves_is_never_a_yes() {
    let same = || service(&[("web", Some(A), Some(APP), 2)]);
    let of_database = |change: &dyn Fn(&mut DatabaseRow)| {
        let mut row = database(Some(A));
        change(&mut row);
        reasons(row, same())
    };
    let of_service = |change: &dyn Fn(&mut SeenService)| {
        let mut row = same();
        change(row.seen.as_mut().expect("seen"));
        reasons(database(Some(A)), row)
    };
    let standing_of =
        |change: fn(&mut Standing)| of_database(&move |row| change(row.standing.as_mut().expect("known")));
    for (reasons, expected) in [
        (
            of_database(&|row| row.standing = Err("denied".into())),
            "what it is proved at is not known: denied",
        ),
        (standing_of(|one| one.proved = None), "it is not proved"),
        (
            standing_of(|one| one.later = Some(Later { at: None, what: "failed".into() })),
            "its proof may not hold any more: failed",
        ),
        (
            standing_of(|one| one.proved.as_mut().expect("proved").by_report = false),
            "no migration report proves it",
        ),
        (
            standing_of(|one| one.proved.as_mut().expect("proved").image.digest = None),
            "the digest of the image that it is proved at is not recorded",
        ),
        (
            of_database(&|row| row.running = Err("denied".into())),
            "whether a migration of it runs now is not known",
        ),
        (of_service(&|seen| seen.tasks = Err("denied".into())), "what it runs is not known: denied"),
        (of_service(&|seen| seen.tasks = Ok(SeenTasks::default())), "it runs no task"),
        (
            of_service(&|seen| seen.deployments = Err("denied".into())),
            "its deployments are not known: denied",
        ),
        (reasons(database(Some(A)), ServiceRow { name: "web".into(), seen: Err("gone".into()) }), "gone"),
    ] {
        assert!(reasons.len() == 1 && reasons[0].starts_with(expected), "{expected}: {reasons:?}");
    }
}
