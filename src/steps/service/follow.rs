//! Follow: from UpdateService to the end of the run's service deployment, as ECS says it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::following::{End, Following, Origin, Search};
use super::listed::Listed;
use super::poll::Sight;
use super::rolling::Rolling;
use crate::arn;
use crate::failure::{Failure, is_transient};
use crate::ports::{Lookup, ServiceWorld};
use crate::recorder::Reported;
use crate::report::OfServices;
use crate::untrusted::phrase;
use crate::verdict::service::{
    ClassicCourse, Course, Evidence, Ours, ServiceVerdict, classic, course, pace, why,
};

/// How long ListServiceDeployments may be without the run's deployment before DescribeServices alone is followed.
const LISTED_GRACE: Duration = Duration::from_secs(60);
/// The pause between two looks into the list: until then, and afterwards.
const SEARCH: Duration = Duration::from_secs(1);
const LATE_SEARCH: Duration = Duration::from_secs(30);
/// How long ECS may answer without what it has shown before.
const ABSENT_GRACE: Duration = Duration::from_secs(60);
/// How long a certain verdict waits for the name of what runs instead.
const NAME_PATIENCE: Duration = Duration::from_secs(2);

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Follows the deployment of this run until its end is certain.
    pub(super) async fn follow(&self, f: &mut Following<'_, W>) -> End {
        loop {
            let sight = f.take();
            self.show(f);
            if let Some(why) = &sight.unseen {
                return End::Is(ServiceVerdict::Unseen { why: why.clone() });
            }
            if let Some(end) = deleted(f, &sight) {
                return end;
            }
            self.mind_the_record(f, &sight);
            match &f.deployment {
                Some(seen) if f.weaker.is_none() => match course(seen) {
                    Course::UnderWay => {}
                    Course::Landed => return End::Landed(Evidence::ServiceDeployment),
                    Course::GoesBack | Course::WentBack => {
                        let why = why(seen, f.was_asked);
                        let to = seen.rollback.as_ref().and_then(|rollback| rollback.to.clone());
                        let to = self.content(f, to).await;
                        return End::GoesBack { why, to };
                    }
                    Course::RollbackFailed => {
                        return End::Is(ServiceVerdict::RollbackFailed { why: why(seen, f.was_asked) });
                    }
                    Course::Failed => return End::Is(ServiceVerdict::Failed { why: why(seen, f.was_asked) }),
                    Course::Stopped => match self.stopped(f).await {
                        Some(end) => return end,
                        None => continue,
                    },
                },
                _ => {
                    if let Some(end) = self.follow_classic(f) {
                        return end;
                    }
                }
            }
            f.followed.look_every(f.deployment.as_ref().map_or(SEARCH, |seen| pace(seen, f.pace())));
            let search = match f.search {
                Search::At(at) => Some(at),
                Search::Over => None,
            };
            tokio::select! {
                () = f.followed.changed() => {}
                () = sleep_until(search.unwrap_or_else(Instant::now)), if search.is_some() => self.search(f).await,
            }
        }
    }

    /// Follows a rollback to its end.
    pub(super) async fn end_of_rollback(&self, f: &mut Following<'_, W>) -> End {
        loop {
            let sight = f.take();
            self.show(f);
            if let Some(why) = sight.unseen {
                return End::Is(ServiceVerdict::Unseen { why });
            }
            let went_back = |over| End::Is(ServiceVerdict::RolledBack { why: String::new(), to: None, over });
            match &f.deployment {
                Some(seen) if f.weaker.is_none() && sight.unread.is_none() => match course(seen) {
                    Course::WentBack => return went_back(true),
                    Course::RollbackFailed => {
                        let mut why = why(seen, f.was_asked);
                        // A newer deployment ends a rollback as well.
                        if let Some((_, newer)) = self.newest_after(f.name(), seen).await {
                            let by = phrase(arn::name(&newer.task_definition));
                            why = format!("{why}; a newer deployment was started, of {by}");
                        }
                        return End::Is(ServiceVerdict::RollbackFailed { why });
                    }
                    _ => {}
                },
                _ => match f.service.as_ref().map(|service| classic(service, &f.ours)) {
                    Some(ClassicCourse::WentBack { over: true, .. }) => return went_back(true),
                    Some(ClassicCourse::Superseded { .. }) => return went_back(false),
                    _ => {}
                },
            }
            f.followed.changed().await;
        }
    }

    /// Goes by DescribeServices alone, once the record of service deployments is of no use.
    fn mind_the_record(&self, f: &mut Following<'_, W>, sight: &Sight) {
        let absent = sight.absent_since.is_some_and(|since| since.elapsed() >= ABSENT_GRACE);
        if let Some(why) = &sight.unread {
            f.search = Search::Over;
            self.go_classic(f, why.clone());
        } else if absent && f.weaker.is_none() {
            self.go_classic(f, "ECS no longer knows this run's service deployment".into());
        }
    }

    pub(super) fn go_classic(&self, f: &mut Following<'_, W>, why: String) {
        if f.weaker.is_some() {
            return;
        }
        self.session.recorder.note(format!(
            "service {}: its deployment is followed by DescribeServices alone, which is the weaker proof: {}",
            phrase(f.name()),
            phrase(&why)
        ));
        f.weaker = Some(why);
        f.followed.by_service_alone(true);
        self.row(f.index, |row| row.evidence = Some(Evidence::Classic));
    }

    fn follow_classic(&self, f: &mut Following<'_, W>) -> Option<End> {
        f.weaker.as_ref()?;
        let service = f.service.clone()?;
        Some(match classic(&service, &f.ours) {
            ClassicCourse::UnderWay => return None,
            ClassicCourse::Landed => End::Landed(Evidence::Classic),
            ClassicCourse::Failed { why } => End::Is(ServiceVerdict::Failed { why }),
            ClassicCourse::WentBack { why, to, .. } => {
                End::GoesBack { why, to: to.map(|to| arn::name(&to).to_owned()) }
            }
            ClassicCourse::Superseded { id, task_definition, created_at } => {
                let task_definition = task_definition.unwrap_or_default();
                if task_definition != f.ours.task_definition {
                    return Some(End::Is(Following::<W>::superseded_by(&task_definition)));
                }
                self.follow_newer(f, Ours { id, task_definition, created_at, ..Ours::default() }, None);
                return None;
            }
        })
    }

    /// Follows a newer deployment of the same revision, which does what the run's own was to do.
    pub(super) fn follow_newer(&self, f: &mut Following<'_, W>, ours: Ours, deployment: Option<String>) {
        let what = format!("a newer deployment of the same revision, {}, is followed", phrase(&ours.id));
        let at = ours.created_at.unwrap_or_else(|| f.ecs_now());
        self.row(f.index, {
            let deployment = deployment.clone();
            move |row| row.deployment = deployment
        });
        f.turn_to(ours, deployment);
        self.tell(f.index, f.name(), at, what);
    }

    async fn search(&self, f: &mut Following<'_, W>) {
        let next = Instant::now() + if f.weaker.is_some() { LATE_SEARCH } else { SEARCH };
        f.search = Search::At(next);
        match self.listed(f).await {
            // It may have ended long ago, before ECS left it and went back to it.
            Ok(Lookup::Found(Some(Listed { newer: Some(_), .. }))) if f.origin == Origin::Others => {
                f.search = Search::Over;
                self.go_classic(f, "a newer one is in the service's record".into());
            }
            Ok(Lookup::Found(Some(Listed { brief, .. }))) => {
                f.search = Search::Over;
                f.weaker = None;
                f.followed.by_service_alone(false);
                f.followed.look_at(Some(brief.arn.clone()));
                f.arn = Some(brief.arn.clone());
                self.row(f.index, move |row| {
                    row.deployment = Some(brief.arn);
                    row.evidence = Some(Evidence::ServiceDeployment);
                });
            }
            Ok(Lookup::Found(None) | Lookup::Absent) => {
                if f.searched_since.elapsed() >= LISTED_GRACE {
                    self.go_classic(f, "ListServiceDeployments does not have it".into());
                }
            }
            Ok(Lookup::Denied(error)) => {
                f.search = Search::Over;
                self.go_classic(f, Failure::from_error(&error).sentence());
            }
            Err(error) if is_transient(&error) => {}
            Err(error) => {
                f.search = Search::Over;
                self.go_classic(f, Failure::from_error(&error).sentence());
            }
        }
    }

    /// Returns what a service revision runs, `family:revision`; its own name where ECS does not say.
    pub(super) async fn content(&self, f: &Following<'_, W>, revision: Option<String>) -> Option<String> {
        let revision = revision?;
        if let Some(known) = f.content_of(&revision) {
            return Some(known);
        }
        let asked = self.world().service_revisions(std::slice::from_ref(&revision));
        let known = match timeout(NAME_PATIENCE, asked).await {
            Ok(Ok(Lookup::Found(found))) => found.into_iter().next().map(|one| one.task_definition),
            _ => None,
        };
        Some(arn::name(&known.unwrap_or(revision)).to_owned())
    }
}

/// Returns the end of a service that was deleted, or is missing for [`ABSENT_GRACE`]; `None` while it is there.
fn deleted<W>(f: &Following<'_, W>, sight: &Sight) -> Option<End> {
    let status = f.service.as_ref().map_or("ACTIVE", |service| service.status.as_str());
    if sight.gone_since.is_some_and(|since| since.elapsed() >= ABSENT_GRACE) {
        return Some(End::Is(ServiceVerdict::Unproved {
            why: "the cluster has no such service any more".into(),
        }));
    }
    (!matches!(status, "ACTIVE" | "")).then(|| {
        End::Is(ServiceVerdict::Failed { why: format!("the service was deleted, and is {}", phrase(status)) })
    })
}
