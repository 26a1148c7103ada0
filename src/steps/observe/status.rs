//! Observe for `fargate-migrate status`: what is proved, what migrates now, and what services run. Where a call
//! fails, the status says so in that place, and the rest is read all the same.

use anyhow::Result;
use jiff::Timestamp;
use tokio::{join, try_join};

use self::images::name_images;
use self::running::{family, running};
use self::services::services;
use crate::failure::Failure;
use crate::plan::status::{DatabaseRow, Recorded, Sources, Status, compared, standing};
use crate::ports::{Account, Lookup, Reads};
use crate::settings::StatusSettings;
use crate::untrusted::phrase;

mod images;
mod running;
mod services;

/// Calls that are under way at the same time.
const AT_ONCE: usize = 4;

/// Reads everything that the status shows.
///
/// # Errors
/// The cluster is not there, AWS cannot be asked at all, or the state file is about something else.
pub(crate) async fn observe_status(
    settings: &StatusSettings,
    recorded: &Recorded,
    reads: &impl Reads,
) -> Result<Status> {
    let cluster = &settings.cluster;
    let (caller, ()) = try_join!(reads.caller(), reads.check_cluster(cluster))?;
    let account = Account { caller, region: reads.region().to_owned() };
    let family = family(settings, recorded, reads).await;
    let families = family.as_ref().map_or(&[][..], |family| &family.names);
    let sources = Sources { recorded, account: &account, cluster, families };
    is_about_this(&sources)?;
    let (running, mut services) = join!(running(settings, family.as_ref(), reads), services(settings, reads));
    let mut databases: Vec<DatabaseRow> = settings
        .databases
        .iter()
        .map(|name| DatabaseRow {
            name: name.to_string(),
            standing: standing(name, &sources),
            running: match &running {
                Ok(tasks) => {
                    let only = std::slice::from_ref(name);
                    Ok(tasks.iter().filter(|task| task.of(only).next().is_some()).cloned().collect())
                }
                Err(why) => Err(why.clone()),
            },
        })
        .collect();
    name_images(&mut databases, &mut services, recorded, reads).await;
    let in_use = recorded.in_use;
    let check = settings.check.then(|| compared(&databases, &services, settings.proof, in_use));
    Ok(Status {
        account,
        cluster: cluster.clone(),
        databases,
        services,
        in_use,
        check,
        notes: recorded.notes.clone(),
        at: Timestamp::now(),
    })
}

/// Checks that the state file is about the account, Region, cluster and family of this call.
///
/// # Errors
fn is_about_this(sources: &Sources<'_>) -> Result<(), Failure> {
    let run = sources.recorded.state.as_ref().and_then(|history| history.run());
    let Some((what, theirs, ours)) = run.and_then(|run| sources.difference(&run.target)) else {
        return Ok(());
    };
    Err(Failure::input(format!(
        "the state file is about {what} {}, and this is {}",
        phrase(&theirs),
        phrase(&ours)
    ))
    .hint("name the state file of the runs that migrated these databases with --state"))
}

fn looked_up<T>(found: Result<Lookup<T>>) -> Result<T, String> {
    match found {
        Ok(Lookup::Found(found)) => Ok(found),
        Ok(Lookup::Absent) => Err("ECS does not know it".to_owned()),
        Ok(Lookup::Denied(error)) | Err(error) => Err(Failure::from_error(&error).sentence()),
    }
}
