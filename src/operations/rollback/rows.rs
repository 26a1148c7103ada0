//! The report's rows, before anything is done.

use crate::aws_console::service_url;
use crate::plan::back::{ServiceBack, Side};
use crate::ports::Account;
use crate::report::{ServiceContent, ServiceReport};

/// Makes the row of a service as the plan has it.
pub(super) fn row(one: &ServiceBack, account: &Account, cluster: &str) -> ServiceReport {
    let url = service_url(&account.caller.arn, &account.region, cluster, &one.service.name);
    ServiceReport {
        url: Some(url),
        service: one.service.name.clone(),
        from: Some(content(&one.from, one.to.as_ref())),
        to: one.to.as_ref().map(|to| content(to, Some(&one.from))),
        diff: one.diff.clone(),
        ..ServiceReport::default()
    }
}

fn content(side: &Side, other: Option<&Side>) -> ServiceContent {
    let image = side.image(other);
    ServiceContent {
        task_definition: side.task_definition.clone(),
        image: image.map(|image| image.reference.clone()),
        digest: image.and_then(|image| image.digest.clone()),
        tag: image.and_then(|image| image.tag()).map(str::to_owned),
    }
}
