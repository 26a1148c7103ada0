//! Samples: one database and one service, of the same image.

use super::*;
use crate::ports::{Caller, Service};

/// `--check`.
mod check;
/// What the records say.
mod records;
/// What services are seen to run, and how it is shown.
mod shown;

const A: &str = "sha256:aaaa";
const B: &str = "sha256:bbbb";
const APP: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn account() -> Account {
    let caller = Caller { account: "123456789012".into(), arn: "arn:aws:sts::123456789012:x".into() };
    Account { caller, region: "us-east-1".into() }
}

fn image(digest: Option<&str>, repository: Option<&str>) -> Image {
    let reference = repository.map(|repository| format!("{repository}:v1"));
    Image { reference, digest: digest.map(str::to_owned), ..Image::default() }
}

fn database(digest: Option<&str>) -> DatabaseRow {
    let proved = Proved {
        at: at(10),
        image: image(digest, Some(APP)),
        by_report: true,
        from: Source::StateFile,
        revision: None,
    };
    let standing = Standing { proved: Some(proved), later: None };
    DatabaseRow { name: "db".into(), standing: Ok(standing), running: Ok(Vec::new()) }
}

fn service(images: &[(&str, Option<&str>, Option<&str>, usize)]) -> ServiceRow {
    let images = images.iter().map(|(container, digest, repository, tasks)| RunningImage {
        container: (*container).into(),
        image: image(*digest, *repository),
        tasks: *tasks,
    });
    let tasks = SeenTasks { running: 2, healthy: 2, unhealthy: 0, images: images.collect() };
    let seen = SeenService {
        service: Service {
            name: "web".into(),
            status: "ACTIVE".into(),
            desired: 2,
            running: 2,
            ..Service::default()
        },
        tasks: Ok(tasks),
        deployments: Ok(Vec::new()),
        rollout: None,
    };
    ServiceRow { name: "web".into(), seen: Ok(seen) }
}
