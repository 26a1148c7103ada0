//! Lanes: so many tasks run at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The right to have a task running: as many exist as lanes. `None` once no more are given out.
pub(crate) type Lane = Option<OwnedSemaphorePermit>;

/// Brings units of work to their ends, at most `lanes` at a time, in their order. Units that result from one wait
/// behind the others.
pub(crate) async fn in_lanes<U, F>(
    lanes: usize,
    units: impl IntoIterator<Item = U>,
    one: impl Fn(U, Lane) -> F,
) where
    F: Future<Output = Vec<U>>,
{
    let lanes = Arc::new(Semaphore::new(lanes));
    let mut waiting: VecDeque<U> = units.into_iter().collect();
    let mut under_way = FuturesUnordered::new();
    loop {
        let Some(unit) = waiting.pop_front() else {
            match under_way.next().await {
                Some(more) => waiting.extend(more),
                None => break,
            }
            continue;
        };
        let lane = loop {
            tokio::select! {
                biased;
                Some(more) = under_way.next() => waiting.extend(more),
                lane = Arc::clone(&lanes).acquire_owned() => break lane.ok(),
            }
        };
        under_way.push(one(unit, lane));
    }
}
