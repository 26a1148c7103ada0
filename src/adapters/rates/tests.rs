use std::cell::Cell;

use futures::future::join_all;
use sandbox::Quotas;
use sandbox::quotas::Meter;
use tokio::time::sleep;

use super::*;
use crate::failure::{Failure, Recourse};

/// AWS: its buckets as documented, and someone else who draws on them.
struct Account {
    meter: Meter,
    /// Tokens that go for each call of ours, those of others included.
    tokens: usize,
    calls: Cell<u32>,
    throttled: Cell<u32>,
}

impl Account {
    fn new() -> Self {
        Self {
            meter: Meter::new(Quotas::Documented),
            tokens: 1,
            calls: Cell::default(),
            throttled: Cell::default(),
        }
    }

    async fn answer(&self, call: Call) -> Result<()> {
        self.calls.set(self.calls.get() + 1);
        sleep(Duration::from_millis(120)).await;
        if (0..self.tokens).all(|_| self.meter.admit(call.action)) {
            return Ok(());
        }
        self.throttled.set(self.throttled.get() + 1);
        Err(Failure::service("throttled").recourse(Recourse::SlowDown).into())
    }
}

async fn all(rates: &Rates, account: &Account, call: Call, count: usize) -> usize {
    let calls = (0..count).map(|_| rates.keep(call, async || account.answer(call).await));
    join_all(calls).await.into_iter().filter(Result::is_ok).count()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_throttled_at_half_of_the_rate_and_all_of_that_half_is_used() {
    for (call, half) in [(Call::RUN_TASK, 10), (Call::DESCRIBE_TASKS, 10), (Call::GET_LOG_EVENTS, 12)] {
        let (rates, account) = (Rates::new(0.5, Duration::from_secs(60)), Account::new());
        let from = Instant::now();
        assert_eq!(all(&rates, &account, call, 1_000).await, 1_000);
        assert_eq!(account.throttled.get(), 0, "{}", call.action);
        let floor = 1_000.0 / f64::from(half);
        assert!(from.elapsed().as_secs_f64() < floor * 1.05, "{}: {:?}", call.action, from.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_noisy_neighbour_slows_us_down_and_loses_us_nothing() {
    // Someone else takes 80 % of what there is.
    let account = Account { tokens: 5, ..Account::new() };
    let rates = Rates::new(0.5, Duration::from_secs(60));
    let from = Instant::now();
    let done = all(&rates, &account, Call::RUN_TASK, 400).await;
    assert_eq!(done, 400);
    // 4 a second are left.
    let took = from.elapsed();
    println!("{} of {} calls throttled, {took:?}", account.throttled.get(), account.calls.get());
    assert!(took < Duration::from_secs(400 / 4 * 2), "{took:?}");
    assert!(account.throttled.get() < 80, "{} throttled", account.throttled.get());
}

#[tokio::test(start_paused = true)]
async fn throttling_without_end_is_an_error_in_the_end() {
    let rates = Rates::new(0.5, Duration::from_secs(60));
    let from = Instant::now();
    let answer: Result<()> = rates
        .keep(Call::DESCRIBE_TASKS, async || {
            Err(Failure::service("throttled").recourse(Recourse::SlowDown).into())
        })
        .await;
    assert!(answer.is_err());
    assert!((60..100).contains(&from.elapsed().as_secs()), "{:?}", from.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_task_is_stopped_at_once_whatever_waits() {
    let (rates, account) = (Rates::new(0.5, Duration::from_secs(60)), Account::new());
    let from = Instant::now();
    let stop = async {
        sleep(Duration::from_secs(2)).await;
        all(&rates, &account, Call::STOP_TASK, 20).await
    };
    let stopped = tokio::select! {
        stopped = stop => stopped,
        _ = all(&rates, &account, Call::RUN_TASK, 500) => 0,
    };
    assert_eq!(stopped, 20);
    assert!(from.elapsed() < Duration::from_secs(3), "{:?}", from.elapsed());
}
