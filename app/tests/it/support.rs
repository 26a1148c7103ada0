pub mod cluster;
mod database;
mod program;
mod server;

pub use database::{Database, Migrations};
pub use program::{Program, Run};
pub use server::{Answer, Server};

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long anything of the outside may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks `question` again and again until it has an answer.
///
/// # Panics
/// After [`DEADLINE`], with what was waited for.
pub async fn poll<T>(what: &str, mut question: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE:?} for {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
