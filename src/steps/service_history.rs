//! What a service runs, what it ran before, and what is under way: read from its record of deployments.
//!
//! It makes three kinds of calls, however long the record is: its list, a hundred entries a page; those entries that
//! went back; and every revision once, twenty a call. All of it is needed: whether the current content ran before
//! decides what counts as earlier.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::arn;
use crate::failure::Failure;
use crate::plan::back::history::ServiceHistory;
use crate::plan::back::ran::{agree, ran, to_describe, underway};
use crate::ports::{
    Lookup, Service, ServiceDeployment, ServiceDeploymentBrief, ServiceReads, ServiceRevision,
};
use crate::untrusted::phrase;

/// Looks, while two reads of one service are not of the same moment, and the pause between them: a new deployment is
/// listed within seconds, and a stale read ends within a minute or so.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(2);

/// Reads the record of a service; `wanted` are further revisions that the user has named, as ARNs.
///
/// # Errors
/// A call is denied or fails; or the service and its record never agree on what it runs.
pub(crate) async fn service_history(
    reads: &impl ServiceReads,
    cluster: &str,
    service: Service,
    wanted: &[String],
) -> Result<ServiceHistory> {
    let Agreed { service, listed, described, by_number } = agreed(reads, cluster, service).await?;
    let entries = ran(&listed, &described);
    // Without the number, what has landed last stands for it: its task definition is compared.
    let landed = entries.first().filter(|_| !by_number).map(|one| one.revision.clone());
    let by_landing = landed.is_some();
    let current = service.primary().filter(|_| landed.is_none()).map(|primary| {
        let own = |revision: &&String| arn::name(revision) == primary.number();
        let listed = listed.iter().filter_map(|brief| brief.target.as_ref());
        let known = listed.chain(entries.iter().map(|one| &one.revision)).find(own);
        known.cloned().unwrap_or_else(|| revision_arn(&service, cluster, primary.number()))
    });
    let current = current.or(landed);
    let underway = match underway(&listed) {
        Some(brief) => {
            let found = describe(reads, std::slice::from_ref(&brief.arn)).await?;
            found.into_iter().find(|one| one.arn == brief.arn && !one.status.is_over())
        }
        None => None,
    };
    let around = underway.iter().flat_map(|one| {
        let back = one.rollback.as_ref().and_then(|rollback| rollback.to.clone());
        one.target.iter().chain(&one.sources).map(|tasks| tasks.arn.clone()).chain(back)
    });
    let arns: BTreeSet<String> = (entries.iter().map(|one| one.revision.clone()))
        .chain(current.clone())
        .chain(around)
        .chain(wanted.iter().cloned())
        .collect();
    let arns = Vec::from_iter(arns);
    let revisions: HashMap<String, ServiceRevision> = match arns.is_empty() {
        true => HashMap::new(),
        false => {
            let found = looked_up(reads.service_revisions(&arns).await?, &service.name)?;
            found.into_iter().map(|one| (one.arn.clone(), one)).collect()
        }
    };
    let history = ServiceHistory::new(service, listed, entries, revisions, current.as_deref(), underway);
    if by_landing && history.current.is_none() {
        return Err(never_agreed(&history.service).into());
    }
    Ok(history)
}

struct Agreed {
    service: Service,
    listed: Vec<ServiceDeploymentBrief>,
    described: Vec<ServiceDeployment>,
    /// The number of the PRIMARY deployment is that of what the list says.
    by_number: bool,
}

/// Reads the service and its list of deployments until both are of one moment, [`LOOKS`] times at most.
async fn agreed(reads: &impl ServiceReads, cluster: &str, mut service: Service) -> Result<Agreed> {
    let mut look = 1;
    loop {
        let found = reads.service_deployments(cluster, &service.name, None).await?;
        let listed = looked_up(found, &service.name)?;
        let described = describe(reads, &to_describe(&listed)).await?;
        let by_number = agree(&service, &listed, &ran(&listed, &described));
        if by_number || look == LOOKS {
            return Ok(Agreed { service, listed, described, by_number });
        }
        sleep(PAUSE).await;
        look += 1;
        let names = [service.name.clone()];
        let again = reads.services(cluster, &names).await?;
        service = again.into_iter().find(|one| one.name == service.name).ok_or_else(|| {
            Failure::input(format!("service {} does not exist any more", phrase(&names[0])))
                .hint("check --service and --cluster")
        })?;
    }
}

fn never_agreed(service: &Service) -> Failure {
    Failure::service(format!(
        "what service {} runs is not known: DescribeServices and ListServiceDeployments name different revisions, and \
         did so for {} s",
        phrase(&service.name),
        (PAUSE * (LOOKS - 1)).as_secs()
    ))
    .hint("look at its deployments in the console, and run this again once ECS shows one of them as the newest")
}

async fn describe(reads: &impl ServiceReads, arns: &[String]) -> Result<Vec<ServiceDeployment>> {
    match arns {
        [] => Ok(Vec::new()),
        arns => looked_up(reads.describe_service_deployments(arns).await?, "of these deployments"),
    }
}

fn looked_up<T>(found: Lookup<T>, service: &str) -> Result<T> {
    match found {
        Lookup::Found(found) => Ok(found),
        Lookup::Absent => Err(Failure::input(format!("service {} does not exist", phrase(service)))
            .hint("check --service, --cluster and --region")
            .into()),
        Lookup::Denied(error) => Err(error),
    }
}

/// Makes the ARN of the revision of a deployment that is not listed any more:
/// `…:service-revision/CLUSTER/SERVICE/<digits>`. The cluster is the run's, since services of old accounts have none
/// in their ARN.
fn revision_arn(service: &Service, cluster: &str, number: &str) -> String {
    let owner = service.arn.split(":service/").next().unwrap_or_default();
    format!("{owner}:service-revision/{}/{}/{number}", arn::name(cluster), service.name)
}

#[cfg(test)]
mod tests;
