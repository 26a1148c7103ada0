//! Show: what was seen of a deployment, in its row and to a person.

use jiff::Timestamp;
use tokio::time::Instant;

use super::following::{Following, is_since};
use super::rolling::Rolling;
use super::stage;
use crate::ports::ServiceWorld;
use crate::recorder::Reported;
use crate::report::OfServices;

impl<W: ServiceWorld, R: Reported + OfServices> Rolling<'_, W, R> {
    /// Puts what was seen into the row, and tells a person what is new.
    pub(super) fn show(&self, f: &mut Following<'_, W>) {
        let now = f.stage();
        if f.deployment.is_none() && f.service.is_none() {
            return;
        }
        let news = stage::news(f.told.as_ref(), &now);
        if f.told.as_ref() != Some(&now) {
            f.changed = Instant::now();
        }
        f.bakes_since = match (now.stage.as_deref(), f.bakes_since) {
            (Some("BAKE_TIME"), since) => since.or_else(|| Some(Instant::now())),
            _ => None,
        };
        let since = f.ours.created_at;
        let events = f.service.as_ref().map(|service| {
            service
                .events
                .iter()
                .filter(|event| is_since(event.created_at, since))
                .cloned()
                .collect::<Vec<_>>()
        });
        let finished = f.deployment.as_ref().and_then(|seen| seen.finished_at.or(seen.stopped_at));
        f.told = Some(now.clone());
        self.row(f.index, move |row| {
            row.stage = Some(now);
            row.events = events.unwrap_or_else(|| std::mem::take(&mut row.events));
            if finished.is_some() && row.finished_at.is_none() {
                row.seen_at = Some(Timestamp::now());
                row.finished_at = finished;
            }
        });
        let seen = f.deployment.as_deref();
        for what in news {
            let at = match what.as_str() {
                "IN_PROGRESS" => seen.and_then(|seen| seen.started_at),
                "SUCCESSFUL" | "STOPPED" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED" => finished,
                "ROLLBACK_IN_PROGRESS" => seen.and_then(|seen| seen.rollback.as_ref()?.started_at),
                _ => None,
            };
            self.tell(f.index, f.name(), at.unwrap_or_else(|| f.ecs_now()), what);
        }
    }
}
