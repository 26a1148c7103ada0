use proptest::prelude::*;

use super::*;
use crate::ports::{Deployment, RevisionTasks, RollbackSeen};

/// A service whose revision `n` has the content at place `n` of a list of letters.
struct Told {
    contents: HashMap<String, Content>,
    ran: Vec<Ran>,
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp::from_second(seconds).expect("a time"))
}

fn revision_arn(number: usize) -> String {
    format!("arn:aws:ecs:us-east-1:123456789012:service-revision/c/web/{number}")
}

/// Letters are task definitions, a small one a copy of the capital; `.` is a revision that ECS does not know any more.
fn content(letter: char) -> Content {
    let meaning = letter.to_ascii_uppercase().to_string();
    let digests = BTreeMap::from([("web".to_owned(), Some(format!("sha256:{meaning}")))]);
    Content { task_definition: letter.to_string(), meaning: Some(meaning), digests }
}

/// The oldest first, as one writes it.
fn told(letters: &str) -> Told {
    let mut contents = HashMap::new();
    let mut ran = Vec::new();
    for (number, letter) in letters.chars().enumerate() {
        if letter != '.' {
            contents.insert(revision_arn(number), content(letter));
        }
        ran.insert(
            0,
            Ran {
                deployment: format!("d{number}"),
                revision: revision_arn(number),
                since: at(100 * number as i64),
            },
        );
    }
    Told { contents, ran }
}

fn letter(told: &Told, place: usize) -> String {
    told.contents[&told.ran[place].revision].task_definition.clone()
}

#[test]
fn what_ran_before_is_neither_the_entry_before_nor_what_was_left_already() {
    for (letters, current, expected) in [
        ("ABC", 'C', Some("B")),
        ("ABCB", 'B', Some("A")),
        ("ABA", 'A', None),
        ("ABB", 'B', Some("A")),
        ("AABB", 'B', Some("A")),
        ("A", 'A', None),
        ("", 'A', None),
        // What runs is in no entry: its deployment failed, and was left where it is.
        ("AB", 'X', Some("B")),
        ("ABAC", 'C', Some("A")),
        ("ABCBA", 'A', None),
        // By a copy of B.
        ("ABCb", 'b', Some("A")),
        ("AbCB", 'B', Some("A")),
        ("ABCba", 'a', None),
        ("aABb", 'b', Some("A")),
    ] {
        let told = told(letters);
        let found = match before(&told.ran, &told.contents, &content(current)) {
            Earlier::Found(place) => Some(letter(&told, place)),
            Earlier::Nothing => None,
            Earlier::Unknown(place) | Earlier::Unclear(place) => panic!("{letters}: {place} is known"),
        };
        assert_eq!(found.as_deref(), expected, "{letters}, with {current} running");
    }
}

#[test]
fn what_cannot_be_told_apart_closes() {
    let told = told("A.B");
    assert_eq!(before(&told.ran, &told.contents, &content('B')), Earlier::Unknown(1));
    // A digest that nobody knows is not a difference.
    let unresolved = Content::unresolved("A");
    assert!(!unresolved.is_other(&content('A')) && !content('A').is_other(&unresolved));
    assert!(unresolved.is_other(&content('B')));
    let moved = Content {
        digests: BTreeMap::from([("web".to_owned(), Some("sha256:moved".to_owned()))]),
        ..content('A')
    };
    assert!(moved.is_other(&content('A')) && content('A').is_other(&moved));
    assert_eq!(before(&told.ran, &told.contents, &moved), Earlier::Found(0));
}

#[test]
fn content_runs_until_other_content_begins_redeployments_included() {
    let told = told("ABBCB");
    let span_of = |place| span(&told.ran, &told.contents, place, at(900));
    assert_eq!(span_of(0), Span { from: at(400), until: at(900) });
    assert_eq!(span_of(1), Span { from: at(300), until: at(400) });
    for redeployed in [2, 3] {
        assert_eq!(span_of(redeployed), Span { from: at(100), until: at(300) }, "{redeployed}");
    }
    assert_eq!(span_of(4), Span { from: at(0), until: at(100) });
}

fn brief(arn: &str, status: &str, target: Option<usize>) -> ServiceDeploymentBrief {
    ServiceDeploymentBrief {
        arn: arn.into(),
        status: status.into(),
        target: target.map(revision_arn),
        created_at: at(1),
        finished_at: None,
    }
}

#[test]
fn only_a_good_end_is_followed_by_something_that_ran() {
    let listed = [
        brief("going", "IN_PROGRESS", Some(7)),
        brief("back", "ROLLBACK_SUCCESSFUL", Some(6)),
        brief("bare", "SUCCESSFUL", None),
        brief("good", "SUCCESSFUL", Some(4)),
        brief("stopped", "STOPPED", Some(3)),
        brief("stuck", "ROLLBACK_FAILED", Some(2)),
        brief("asked", "ROLLBACK_REQUESTED", Some(1)),
    ];
    assert_eq!(to_describe(&listed), ["back", "bare"]);
    let described = [
        ServiceDeployment {
            arn: "back".into(),
            target: Some(RevisionTasks { arn: revision_arn(6), ..RevisionTasks::default() }),
            rollback: Some(RollbackSeen { to: Some(revision_arn(4)), ..RollbackSeen::default() }),
            ..ServiceDeployment::default()
        },
        ServiceDeployment {
            arn: "bare".into(),
            target: Some(RevisionTasks { arn: revision_arn(5), ..RevisionTasks::default() }),
            ..ServiceDeployment::default()
        },
    ];
    let numbers: Vec<String> =
        ran(&listed, &described).iter().map(|one| arn::name(&one.revision).to_owned()).collect();
    assert_eq!(numbers, ["4", "5", "4"]);
    assert_eq!(underway(&listed).map(|one| one.arn.as_str()), Some("going"));
    assert_eq!(underway(&listed[1..]), None, "an older one that still ends is superseded");
}

#[test]
fn a_stale_read_is_seen() {
    let service = |number: usize, rollout: &str| Service {
        deployments: vec![Deployment {
            id: format!("ecs-svc/{number}"),
            status: "PRIMARY".into(),
            rollout: Some(rollout.into()),
            ..Deployment::default()
        }],
        ..Service::default()
    };
    let landed = [brief("two", "SUCCESSFUL", Some(2)), brief("one", "SUCCESSFUL", Some(1))];
    let agrees =
        |service: &Service, listed: &[ServiceDeploymentBrief]| agree(service, listed, &ran(listed, &[]));
    assert!(agrees(&service(2, "COMPLETED"), &landed));
    // SUCCESSFUL comes before COMPLETED.
    assert!(agrees(&service(2, "IN_PROGRESS"), &landed));
    assert!(!agrees(&service(1, "COMPLETED"), &landed), "the service is of before");
    assert!(!agrees(&service(3, "IN_PROGRESS"), &landed), "the list is of before");
    assert!(!agrees(&service(12, "COMPLETED"), &landed), "12 is not 2");
    // It has failed, and stays: nothing is stale about that.
    let failed = [brief("three", "STOPPED", Some(3)), landed[0].clone()];
    assert!(agrees(&service(3, "FAILED"), &failed));
    let going = [brief("three", "IN_PROGRESS", Some(3)), landed[0].clone()];
    assert!(agrees(&service(2, "COMPLETED"), &going), "what is under way is what counts");
    assert!(agrees(&service(9, "COMPLETED"), &[]), "nothing was deployed for ninety days");
    assert!(!agrees(&service(9, "IN_PROGRESS"), &[]));
}

/// The rule, said in another way: forget everything from the current content's first running on.
fn model(letters: &str, current: char) -> Option<char> {
    letters[..begin(letters, current)].chars().next_back()
}

fn begin(letters: &str, current: char) -> usize {
    letters.find(|letter: char| letter.eq_ignore_ascii_case(&current)).unwrap_or(letters.len())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_plain_model_agrees(letters in "[A-Ea-e]{0,300}", current in "[A-Fa-f]") {
        let current = current.chars().next().expect("a letter");
        let told = told(&letters);
        let expected = match model(&letters, current) {
            None => Earlier::Nothing,
            Some(_) => {
                Earlier::Found(letters.len() - begin(&letters, current))
            }
        };
        prop_assert_eq!(before(&told.ran, &told.contents, &content(current)), expected);
        if let Earlier::Found(place) = expected {
            prop_assert_eq!(letter(&told, place), model(&letters, current).expect("a letter").to_string());
            let newest = told.ran.first().and_then(|one| one.since);
            let Span { from, until } = span(&told.ran, &told.contents, place, newest);
            prop_assert!(from <= told.ran[place].since && (until.is_none() || from < until || place == 0));
        }
    }

    /// Rolling back again and again goes ever further back, and comes to an end, whether by copies or not.
    #[test]
    fn a_rollback_is_never_undone_by_the_next_one(
        letters in "[A-Ea-e]{1,40}",
        copies in proptest::collection::vec(any::<bool>(), 5),
    ) {
        let mut letters = letters;
        let mut left = Vec::new();
        loop {
            let current = letters.chars().next_back().expect("one runs");
            let content = current.to_ascii_uppercase();
            prop_assert!(!left.contains(&content), "{} came back in {}", content, letters);
            let told = told(&letters);
            let Earlier::Found(place) = before(&told.ran, &told.contents, &self::content(current)) else { break };
            let back = letter(&told, place);
            letters.push_str(&if copies[left.len()] { back.to_ascii_lowercase() } else { back });
            left.push(content);
        }
        prop_assert!(left.len() < 5);
    }
}
