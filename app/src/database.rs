//! The pool of connections that the API uses.

use crate::failure::{Exit, Failure, chain};
use crate::session::config;
use crate::settings::DatabaseSettings;
use crate::tls;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use std::time::Duration;
use tokio::time::timeout;

/// How long a request waits for a connection of the pool.
const POOL_WAIT: Duration = Duration::from_secs(3);

/// Makes a pool for the API. Nothing is connected before it is needed, so a server can start before its database.
pub fn pool(settings: &DatabaseSettings, size: usize) -> Result<Pool, Failure> {
    let wait = POOL_WAIT.min(settings.connect_timeout);
    let manager = Manager::from_config(
        config(settings, "app serve"),
        tls::connector(settings)?,
        // Asks on each connection before it is used again: one whose server went silent is replaced.
        ManagerConfig { recycling_method: RecyclingMethod::Verified },
    );
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(wait))
        .create_timeout(Some(wait))
        .recycle_timeout(Some(wait))
        // As SET, not as a start-up option: connection poolers refuse those.
        .post_create(Hook::async_fn(move |client, _| {
            Box::pin(async move {
                let set = client.batch_execute(
                    "SET statement_timeout = '5s'; SET lock_timeout = '3s';
                     SET idle_in_transaction_session_timeout = '15s'",
                );
                // The pool has a deadline for the connection, and none for this.
                match timeout(wait, set).await {
                    Ok(set) => set.map_err(HookError::Backend),
                    Err(_) => Err(HookError::message(format!("no answer within {wait:?}"))),
                }
            })
        }))
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("create the connection pool: {}", chain(&error))))
}
