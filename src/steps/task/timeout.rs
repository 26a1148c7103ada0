//! Timeout: what is done about a task that still runs at its deadline, or when the run is interrupted.

use std::time::Duration;

use tokio::time::timeout;

use super::Tasks;
use super::follow::{End, Following, Listener, Stop};
use crate::choices::Leftover;
use crate::ports::TaskWorld;

/// A task that was stopped at its deadline is watched this much longer: stopTimeout is at most 120 s on Fargate.
const LAST_WORDS: Duration = Duration::from_secs(150);
/// After a StopTask that was refused or had no answer: it may have been carried out all the same.
const LAST_LOOK: Duration = Duration::from_secs(30);

impl<W: TaskWorld> Tasks<'_, W> {
    /// Stops a task that still runs when the run is interrupted, where `on_cancel` says so.
    pub(super) async fn interrupted(
        &self,
        following: &mut Following<impl Listener>,
        on_cancel: Leftover,
    ) -> End {
        if following.is_decided() {
            self.stop_outlived(following).await;
            return End::Unread;
        }
        if following.ends_by_itself() {
            return End::Unread;
        }
        End::Interrupted(match on_cancel {
            Leftover::Leave => Stop::Left,
            Leftover::Stop => match self.stop_followed(following, "the run was interrupted").await {
                Ok(()) => Stop::Taken,
                Err(why) => Stop::Failed(why),
            },
        })
    }

    /// Stops the task at its deadline, and still hears it out: what it was doing is what people ask next.
    pub(super) async fn timed_out(
        &self,
        following: &mut Following<impl Listener>,
        on_timeout: Leftover,
    ) -> End {
        if following.is_decided() || following.ends_by_itself() {
            // It has ended in time: ECS may still have to say how, and its log is still being read.
            return tokio::select! {
                end = self.last_words(following) => end,
                () = self.interrupt.wait() => End::Unread,
            };
        }
        if on_timeout == Leftover::Leave {
            return End::TimedOut(Stop::Left);
        }
        let stop = self.stop_followed(following, "still running at --timeout").await;
        let patience = if stop.is_ok() { LAST_WORDS } else { LAST_LOOK };
        tokio::select! {
            _ = timeout(patience, self.to_the_end(following)) => {}
            () = self.interrupt.wait() => {}
        }
        End::TimedOut(match stop {
            Err(why) if !following.is_decided() => Stop::Failed(why),
            _ => Stop::Taken,
        })
    }

    /// Waits until a task that ends by itself is decided, and reads its log like any other's.
    async fn last_words(&self, following: &mut Following<impl Listener>) -> End {
        match timeout(LAST_WORDS, self.to_the_end(following)).await {
            Ok(end) => end,
            Err(_) if following.is_decided() => self.to_the_end(following).await,
            Err(_) => End::Unread,
        }
    }

    pub(super) async fn stop_followed(
        &self,
        following: &mut Following<impl Listener>,
        why: &str,
    ) -> Result<(), String> {
        following.listener.is_being_stopped();
        self.stop(&following.task.arn, why).await
    }
}
