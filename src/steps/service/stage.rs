//! Pure: how far a deployment is, what it waits for, and what of it is new to a person.

use std::fmt::Write as _;

use crate::ports::{DeploymentStatus, Service, ServiceDeployment, Strategy};
use crate::report::Stage;
use crate::untrusted::phrase;
use crate::verdict::service::Ours;
use crate::words::{counted, duration};

/// Returns how far a deployment is: by the service deployment where there is one, else by DescribeServices.
pub(super) fn stage(seen: Option<&ServiceDeployment>, service: Option<&Service>, ours: &Ours) -> Stage {
    let own = service.and_then(|service| service.deployment(&ours.id));
    let failed = own.map_or(0, |own| own.failed_tasks);
    let Some(seen) = seen else {
        let Some(own) = own else { return Stage { status: "not listed yet".into(), ..Stage::default() } };
        return Stage {
            status: own.rollout.clone().unwrap_or_else(|| own.status.clone()),
            running: own.running,
            pending: own.pending,
            wanted: own.desired,
            failed,
            ..Stage::default()
        };
    };
    let target = seen.target.clone().unwrap_or_default();
    let counted = seen.breaker.as_ref().map_or(0, |breaker| breaker.failures);
    Stage {
        status: seen.status.name().to_owned(),
        stage: seen.stage.clone(),
        running: target.running,
        pending: target.pending,
        wanted: target.requested,
        failed: failed.max(counted),
        traffic: target.traffic,
        waits_for: waits_for(seen),
    }
}

fn waits_for(seen: &ServiceDeployment) -> Option<String> {
    if seen.status.is_over() {
        return None;
    }
    if let Some(hook) = seen.pause() {
        let until = hook.expires_at.map(|at| format!(" until {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")));
        let then = hook.timeout_action.as_deref().map(|action| format!(", then {}", phrase(action)));
        return Some(format!(
            "an answer to lifecycle hook {}{}{}",
            phrase(&hook.id),
            until.unwrap_or_default(),
            then.unwrap_or_default()
        ));
    }
    if let Some(hook) = seen.hooks.iter().find(|hook| hook.status == "IN_PROGRESS") {
        return Some(format!("lifecycle hook {}", phrase(&hook.id)));
    }
    if seen.stage.as_deref() == Some("BAKE_TIME") {
        let bake = i64::try_from(seen.rules.bake.as_millis()).unwrap_or(i64::MAX);
        return Some(format!("the end of the bake time of {}", duration(bake)));
    }
    if bakes_without_a_stage(seen) {
        return Some("health checks, the end of old tasks, and the bake time of its alarms".into());
    }
    match seen.status.name() {
        "PENDING" => Some("ECS to start it".into()),
        "ROLLBACK_REQUESTED" => Some("ECS to roll back, as requested".into()),
        "STOP_REQUESTED" => Some("ECS to stop it".into()),
        _ => None,
    }
}

/// Returns whether a rolling deployment may wait for its alarms: it has no stages, and is IN_PROGRESS for minutes
/// after its last task has started when alarms are watched.
fn bakes_without_a_stage(seen: &ServiceDeployment) -> bool {
    let is_rolling = seen.rules.strategy == Strategy::Rolling && seen.status == DeploymentStatus::InProgress;
    let all_run = seen.target.as_ref().is_some_and(|target| (1..=target.running).contains(&target.requested));
    is_rolling && all_run && !seen.rules.alarms.is_empty()
}

/// Lists what has changed since it was told last, for a person. The end of the deployment is told last.
pub(super) fn news(before: Option<&Stage>, now: &Stage) -> Vec<String> {
    let nothing = Stage::default();
    let before = before.unwrap_or(&nothing);
    let mut news = Vec::new();
    let status = (now.status != before.status && !before.status.is_empty()).then(|| phrase(&now.status));
    let is_over = DeploymentStatus::from(now.status.as_str()).is_over();
    news.extend(status.clone().filter(|_| !is_over));
    if now.stage != before.stage
        && let Some(stage) = &now.stage
    {
        news.push(format!("stage {}", phrase(stage)));
    }
    if now.running > 0 && before.running == 0 {
        news.push(format!("the first of {} is running", counted(now.wanted.max(1), "task")));
    }
    if now.wanted > 1 && now.running >= now.wanted && before.running < now.wanted {
        news.push(format!("all {} are running", counted(now.wanted, "task")));
    }
    if now.failed > before.failed {
        news.push(format!("{} so far", counted(now.failed, "failed task")));
    }
    if now.traffic != before.traffic
        && let Some(traffic) = now.traffic
    {
        news.push(format!("{traffic} % of production traffic"));
    }
    if now.waits_for != before.waits_for
        && let Some(what) = &now.waits_for
    {
        news.push(format!("waits for {what}"));
    }
    news.extend(status.filter(|_| is_over));
    news
}

/// Says what the deployment still waits for at the deadline: lowercase, no full stop.
pub(super) fn waits(stage: &Stage, seen: Option<&ServiceDeployment>, event: Option<&str>) -> String {
    let mut text = phrase(&stage.status);
    if let Some(name) = &stage.stage {
        let _ = write!(text, ", stage {}", phrase(name));
    }
    if stage.wanted > 0 {
        let _ = write!(text, "; {} of {} running", stage.running, counted(stage.wanted, "task"));
    }
    if stage.pending > 0 {
        let _ = write!(text, ", {} pending", stage.pending);
    }
    if stage.failed > 0 {
        let _ = write!(text, ", {} failed", stage.failed);
    }
    if let Some(breaker) = seen.and_then(|seen| seen.breaker.as_ref()).filter(|breaker| breaker.threshold > 0)
    {
        let _ = write!(text, " (the circuit breaker takes {})", breaker.threshold);
    }
    if let Some(what) = &stage.waits_for {
        let _ = write!(text, "; it waits for {what}");
    }
    if let Some(event) = event {
        let _ = write!(text, "; ECS says: {}", phrase(event));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{DeploymentRules, HookDetail, RevisionTasks};

    #[test]
    fn what_changed_is_told_once() {
        let first = Stage { status: "PENDING".into(), wanted: 2, ..Stage::default() };
        let second = Stage { status: "IN_PROGRESS".into(), running: 2, failed: 1, ..first.clone() };
        assert_eq!(news(None, &first), Vec::<String>::new());
        assert_eq!(
            news(Some(&first), &second),
            [
                "IN_PROGRESS",
                "the first of 2 tasks is running",
                "all 2 tasks are running",
                "1 failed task so far"
            ]
        );
        assert_eq!(news(Some(&second), &second), Vec::<String>::new());
        let third = Stage { status: "SUCCESSFUL".into(), running: 2, ..first.clone() };
        let last = news(Some(&first), &third).pop();
        assert_eq!(last.as_deref(), Some("SUCCESSFUL"), "also of what one look has shown");
    }

    #[test]
    fn stages_traffic_and_pauses_are_shown_with_what_they_wait_for() {
        let at = "2026-11-28T10:00:00Z".parse().ok();
        let hook = |status: &str| HookDetail {
            id: "approve".into(),
            kind: "PAUSE".into(),
            status: status.into(),
            expires_at: at,
            timeout_action: Some("ROLLBACK".into()),
        };
        let rules =
            DeploymentRules { bake: std::time::Duration::from_secs(300), ..DeploymentRules::default() };
        let base = ServiceDeployment {
            status: "IN_PROGRESS".into(),
            target: Some(RevisionTasks {
                requested: 4,
                running: 1,
                traffic: Some(5.0),
                ..RevisionTasks::default()
            }),
            rules,
            ..ServiceDeployment::default()
        };
        let ours = Ours::default();
        for (status, stage_name, hooks, said) in [
            (
                "IN_PROGRESS",
                "POST_SCALE_UP",
                vec![hook("AWAITING_ACTION")],
                Some("an answer to lifecycle hook approve until 2026-11-28 10:00:00 UTC, then ROLLBACK"),
            ),
            ("IN_PROGRESS", "POST_SCALE_UP", vec![hook("IN_PROGRESS")], Some("lifecycle hook approve")),
            ("IN_PROGRESS", "POST_SCALE_UP", vec![hook("SUCCEEDED")], None),
            ("IN_PROGRESS", "BAKE_TIME", vec![], Some("the end of the bake time of 5 min")),
            ("ROLLBACK_REQUESTED", "BAKE_TIME", vec![], Some("the end of the bake time of 5 min")),
            ("PENDING", "", vec![], Some("ECS to start it")),
            ("SUCCESSFUL", "CLEAN_UP", vec![hook("AWAITING_ACTION")], None),
        ] {
            let seen = ServiceDeployment {
                status: status.into(),
                stage: (!stage_name.is_empty()).then(|| stage_name.into()),
                hooks,
                ..base.clone()
            };
            let shown = stage(Some(&seen), None, &ours);
            assert_eq!(shown.waits_for.as_deref(), said, "{status} {stage_name}");
            assert_eq!((shown.running, shown.wanted, shown.traffic), (1, 4, Some(5.0)));
        }
        let shown = stage(Some(&base), None, &ours);
        assert_eq!(waits(&shown, Some(&base), Some("x")), "IN_PROGRESS; 1 of 4 tasks running; ECS says: x");
    }
}
