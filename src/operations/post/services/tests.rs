use super::*;
use crate::document::{self, Colour};

fn deploying(fates: &[Fate]) -> Deploying {
    let services = fates.iter().enumerate().map(|(at, fate)| (format!("web{at}"), fate.clone()));
    Deploying { services: services.collect(), problem: None }
}

#[test]
fn what_became_of_services_is_said_below_the_tasks_or_alone() {
    for (fates, said, is_done) in [
        (vec![Fate::GoesOn], "ECS goes on deploying 1 service", true),
        (vec![Fate::GoesBack, Fate::NotBegun], "ECS takes 1 service back to what ran before", true),
        (vec![Fate::Over("SUCCESSFUL".into())], "no deployment of a service was under way", true),
        (vec![Fate::GoesBack, Fate::Refused("denied".into())], "1 service could not be taken back", false),
    ] {
        assert_eq!(deploying(&fates).is_done(), is_done);
        let alone = deploying(&fates).beside(Document::default());
        assert_eq!(alone.title, Line::from(format!("The run was cut off: {said}")));
        let tasks = Document { title: "tasks".into(), ..Document::default() };
        let both = deploying(&fates).beside(tasks);
        assert_eq!(both.title, "tasks".into());
        assert!(document::text(&both, Colour::Never).contains(said));
    }
}

#[test]
fn a_name_from_outside_is_no_markup() {
    let document = deploying(&[Fate::Refused("<b>|::error::x".into())]).beside(Document::default());
    let page = document::markdown(&document, 10_000);
    assert!(page.contains("&#60;b&#62;&#124;") && !page.contains("<b>"), "{page}");
}

fn soon() -> Instant {
    Instant::now() + super::super::DEADLINE
}

#[tokio::test]
async fn without_rollback_nobody_is_asked() {
    let service = ServiceState { name: "web".into(), revision: "r".into(), before: Vec::new() };
    let state = ServicesState {
        region: "us-east-1".into(),
        cluster: "c".into(),
        started_by: "s".into(),
        role_to_assume: None,
        rolls_back: false,
        services: vec![service],
    };
    let text = serde_json::to_string(&state).expect("a state");
    let deploying = settle(&text, soon(), &Progress::silent()).await;
    assert_eq!(deploying.services, [("web".to_owned(), Fate::GoesOn)]);
    let unread = settle("{}", soon(), &Progress::silent()).await;
    assert!(!unread.is_done() && unread.problem.is_some());
}
