use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::advance;

use super::*;
use crate::progress::Progress;

const HOUR: Duration = Duration::from_secs(3600);

/// A session whose credentials last an hour each; `fails` says which of the calls, counted from 0, do.
async fn session(fails: fn(usize) -> bool) -> (Session, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let assume: Assume = Box::new(move || {
        let number = count.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if fails(number) {
                return Err(Failure::service("GitHub is down").transient().into());
            }
            let end = SystemTime::now() + HOUR;
            Ok(Credentials::new(format!("KEY{number}"), "secret", None, Some(end), "test"))
        })
    });
    (Session::begin(assume, Progress::silent().aside()).await.unwrap(), calls)
}

async fn key(session: &Session) -> Result<String, String> {
    let credentials = session.provide_credentials().await.map_err(|error| format!("{error:?}"))?;
    Ok(credentials.access_key_id().to_owned())
}

/// Time passes in steps, so that what is due in between happens.
async fn pass(duration: Duration) {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        advance(Duration::from_secs(5)).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_before_it_ends_without_anybody_asking() {
    let (session, calls) = session(|_| false).await;
    pass(Duration::from_secs(3290)).await;
    assert_eq!(key(&session).await.unwrap(), "KEY0");
    pass(Duration::from_secs(15)).await;
    assert_eq!(key(&session).await.unwrap(), "KEY1");
    pass(HOUR * 3).await;
    assert_eq!(calls.load(Ordering::SeqCst), 5);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_tried_again_while_the_old_credentials_work() {
    let (session, calls) = session(|number| (1..=5).contains(&number)).await;
    pass(Duration::from_secs(3400)).await;
    assert_eq!(key(&session).await.unwrap(), "KEY0", "still good, and not waited for");
    pass(Duration::from_secs(190)).await;
    assert_eq!(key(&session).await.unwrap(), "KEY6");
    assert_eq!(calls.load(Ordering::SeqCst), 7);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_the_error_says_why_there_are_no_credentials() {
    let (session, _) = session(|number| number > 0).await;
    pass(Duration::from_secs(3595)).await;
    assert_eq!(key(&session).await.unwrap(), "KEY0");
    pass(Duration::from_secs(10)).await;
    let error = key(&session).await.unwrap_err();
    assert!(error.contains("expired and could not be renewed: GitHub is down"), "{error}");
    assert!(error.contains("recourse: TryAgain"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn many_callers_make_one_renewal() {
    let (mut session, calls) = session(|number| number == 1).await;
    session._renewer.abort_all();
    pass(HOUR + Duration::from_secs(5)).await;
    assert!(key(&session).await.is_err(), "the second call fails");
    let asked = futures::future::join_all((0..50).map(|_| key(&session))).await;
    assert!(asked.iter().all(|key| key.as_deref() == Ok("KEY2")), "{asked:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}
