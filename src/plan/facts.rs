//! A plan in sentences: the lines above the diff, in text and Markdown alike.

use super::listing::brief;
use super::{Begun, ImagePlan, Pack, Plan, PlannedStage, RevisionPlan, RunningTask, names};
use crate::choices::OnRunning;
use crate::database_name::list_variable;
use crate::ports::Network;
use crate::settings::{Stage, StageName};
use crate::words::{counted, duration, millis};

pub(super) fn facts(plan: &Plan, revision: &RevisionPlan) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(account) = &plan.account {
        facts.push(("account", format!("{} in {}", account.caller.account, account.region)));
    }
    facts.push(("cluster", plan.cluster.clone()));
    facts.push(("image", image_sentence(&plan.image, plan.account.is_some())));
    facts.extend(plan.witness.as_ref().map(|witness| ("witness", witness.sentence())));
    facts.push((
        "revision",
        match revision {
            RevisionPlan::Reuse(arn) => format!("reuse {arn}: it is already what is wanted"),
            RevisionPlan::Register(_) => {
                format!("register a new revision of {}, made from {}", plan.family(), plan.base.name())
            }
        },
    ));
    facts.push(("container", plan.container.clone()));
    facts.push(("databases", brief(&plan.databases().collect::<Vec<_>>())));
    if plan.databases().next().is_some() {
        facts.push(("told", told(plan)));
    }
    if plan.packed {
        facts.push(("tasks", tasks(plan)));
    }
    facts.extend(running_now(plan).into_iter().map(|sentence| ("running now", sentence)));
    facts.extend(resumed(plan).map(|sentence| ("resumed", sentence)));
    facts.extend(waves(plan).map(|sentence| ("waves", sentence)));
    if plan.has_rollout() {
        facts.extend(plan.stages().map(|(planned, packs)| ("stage", stage(plan, planned, packs))));
    }
    facts.push(("network", network_sentence(&plan.network)));
    facts.push(("order", order(plan)));
    facts
}

/// Says how each task is told what to migrate, which the diff of the revision does not show.
fn told(plan: &Plan) -> String {
    let variable = plan.task.common.database_variable.as_str();
    let told = match &plan.databases().collect::<Vec<_>>()[..] {
        [only] if !plan.packed => format!("{variable} = {only} by RunTask"),
        _ if plan.packed => format!("{} by RunTask, for each task its own", list_variable(variable)),
        _ => format!("{variable} by RunTask, for each task its own"),
    };
    format!("{told}; the revision names no database")
}

/// Says how many tasks start, and with how many databases: `3 of at most 200 databases, named in DATABASE_NAMES`.
fn tasks(plan: &Plan) -> String {
    let started = plan.packs.iter().filter(|pack| plan.may_start(pack));
    let sizes: Vec<usize> = started.map(|pack| pack.databases.len()).collect();
    let most = counted(sizes.iter().copied().max().unwrap_or_default(), "database");
    format!(
        "{} of at most {most}, named in {}",
        sizes.len(),
        list_variable(&plan.task.common.database_variable)
    )
}

/// Counts the databases that a task migrates now, by what the run does about it.
fn running_now(plan: &Plan) -> Vec<String> {
    let of = |is_meant: fn(&RunningTask) -> bool| {
        of_packs(plan, |pack| pack.running.as_ref().is_some_and(|task| is_meant(task)))
    };
    let of_other_run = match plan.fleet.on_running {
        OnRunning::Wait => "being migrated by another task: the run waits for its end, then migrates them",
        OnRunning::Adopt => {
            "being migrated by another task: the run follows and judges it, if it runs the same revision and is told the same"
        }
        OnRunning::Fail => "being migrated by another task: no task is started for them",
    };
    counts([
        (of(|task| !(task.ending || task.ours && task.alike)), of_other_run),
        (
            of(|task| task.ours && task.alike && !task.ending),
            "migrated by a task of this run: it is followed",
        ),
        (of(|task| task.ending), "migrated by a task that is being stopped: its end is waited for"),
    ])
}

/// Says what is left of a run that goes on; none for one that begins.
fn resumed(plan: &Plan) -> Option<String> {
    let of = |is_meant: fn(&Begun) -> bool| of_packs(plan, |pack| pack.begun.as_ref().is_some_and(is_meant));
    let parts = counts([
        (plan.proved.len(), "proved migrated by an earlier run, and skipped"),
        (of(|begun| matches!(begun, Begun::Task { has_ended: false, .. })), "begun, and followed"),
        (
            of(|begun| matches!(begun, Begun::Task { has_ended: true, .. })),
            "begun by a task that has ended, and started again where that did not migrate them",
        ),
        (
            of(|begun| matches!(begun, Begun::Call { .. })),
            "with an unconfirmed RunTask call: it is repeated with the same client token",
        ),
    ]);
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Counts the databases of such packs.
fn of_packs(plan: &Plan, is_meant: impl Fn(&Pack) -> bool) -> usize {
    plan.packs.iter().filter(|pack| is_meant(pack)).map(|pack| pack.databases.len()).sum()
}

/// Writes each count that is not 0, as in `2 databases begun, and followed`.
fn counts<const N: usize>(of: [(usize, &str); N]) -> Vec<String> {
    let some = of.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{} {what}", counted(count, "database"))).collect()
}

/// Lists the canaries; none where no canary is left to migrate.
fn waves(plan: &Plan) -> Option<String> {
    let (planned, canaries) = plan.stages().next()?;
    if planned.stage.name != StageName::Canary || canaries.is_empty() {
        return None;
    }
    let first = brief(&names(canaries).collect::<Vec<_>>());
    Some(match names(&plan.packs[canaries.len()..]).count() {
        0 => format!("{first}, and no others"),
        others => format!("first {first}; when all of them are migrated, the other {others}"),
    })
}

/// Describes a stage: `early: tenant_a, tenant_b; 2 at a time, start no more after 3 failures; 10 min pause before
/// the next stage`.
fn stage(plan: &Plan, planned: &PlannedStage, packs: &[Pack]) -> String {
    let stage = &planned.stage;
    let title = stage.name.title().unwrap_or_default();
    let mut parts = Vec::new();
    if !packs.is_empty() {
        parts.push(brief(&names(packs).collect::<Vec<_>>()));
        parts.push(format!("{}, {}", at_once(plan, stage, packs), after_failure(stage)));
    }
    if planned.proved > 0 {
        parts.push(format!("{} proved migrated by an earlier run", counted(planned.proved, "database")));
    }
    if !stage.pause.is_zero() {
        parts.push(format!("{} pause before the next stage", duration(millis(stage.pause))));
    }
    format!("{title}: {}", parts.join("; "))
}

/// Says what happens to the image. With `is_known`, the repository was asked whether it has the tag.
pub(super) fn image_sentence(image: &ImagePlan, is_known: bool) -> String {
    let absent = |tag: &str| match is_known {
        true => format!("the repository has no image {tag} yet"),
        false => format!("whether the repository has {tag} is not known"),
    };
    match image {
        ImagePlan::Reuse { tag, digest } => {
            format!("reuse {}@{digest}: the repository has tag {} already", tag.repository.uri, tag.tag)
        }
        ImagePlan::Build { build, to } => format!(
            "build {}{} and push {}: {}",
            build.dockerfile.display(),
            build.target.as_ref().map(|target| format!(" (target {target})")).unwrap_or_default(),
            to.reference(),
            absent(&to.tag)
        ),
        ImagePlan::Package { binary, to } => {
            format!("package {} and push {}: {}", binary.path.display(), to.reference(), absent(&to.tag))
        }
        ImagePlan::Given { reference, .. } => format!("use {reference}"),
    }
}

pub(super) fn network_sentence(network: &Network) -> String {
    let groups = if network.security_groups.is_empty() {
        "the VPC's default security group".to_owned()
    } else {
        network.security_groups.join(", ")
    };
    let public = if network.assign_public_ip { "public IP" } else { "no public IP" };
    format!("{} · {groups} · {public}", network.subnets.join(", "))
}

fn order(plan: &Plan) -> String {
    if plan.packs.is_empty() {
        return "nothing is left to start".to_owned();
    }
    let each = format!("{} each at most", duration(plan.task.common.timeout.as_millis() as i64));
    // Canaries differ from the rest only in that all of them have to be migrated.
    let last = plan.stages().last().filter(|_| !plan.has_rollout());
    match last {
        Some((planned, _)) => {
            let stage = &planned.stage;
            format!("{}, {}, {each}", at_once(plan, stage, &plan.packs), after_failure(stage))
        }
        None => format!("stage by stage; the first that fails stops those after it; {each}"),
    }
}

fn at_once(plan: &Plan, stage: &Stage, packs: &[Pack]) -> String {
    match stage.max_parallel.min(packs.len()) {
        1 => "one at a time".to_owned(),
        n if plan.packed => format!("{n} tasks at a time"),
        n => format!("{n} at a time"),
    }
}

fn after_failure(stage: &Stage) -> String {
    match stage.failures.stops_after {
        None => "go on after a failure".to_owned(),
        Some(1) => "start no more after a failure".to_owned(),
        Some(most) => format!("start no more after {most} failures"),
    }
}
