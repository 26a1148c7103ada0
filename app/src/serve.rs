//! `app serve`: listen, answer, and end in order.

use crate::api;
use crate::cli::ServeOptions;
use crate::connections;
use crate::database;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::schema::Known;
use crate::settings::DatabaseSettings;
use crate::signals::Signals;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing_subscriber::EnvFilter;

/// Serves until a signal comes. Requests under way then get `--shutdown-deadline` to finish.
///
/// The database need not be there yet: `/health` answers at once, `/ready` when the schema is up to date.
pub async fn run(options: &ServeOptions, mut signals: Signals) -> Result<(), Failure> {
    let settings = DatabaseSettings::from_env()?;
    let known = Known::load(&options.source)?;
    let pool = database::pool(&settings, options.pool_size.into())?;
    log_requests();

    let listen = |error| Failure::new(Exit::Usage, format!("listen on {}: {error}", options.bind));
    let listener = TcpListener::bind(options.bind).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    output::line(format_args!("listening on http://{address} for {}", settings.place()));

    let (stop, stopping) = watch::channel(false);
    let shop = api::router(pool, known, options.body_timeout);
    let mut server = tokio::spawn(connections::serve(listener, shop, options.client_timeout, stopping));
    let ended = tokio::select! {
        ended = &mut server => ended,
        signal = signals.received() => {
            output::line(format_args!("{}: finishing requests under way", signal.name()));
            stop.send_replace(true);
            timeout(options.shutdown_deadline, server).await.map_err(|_| {
                let deadline = options.shutdown_deadline;
                Failure::new(Exit::Failed, format!("requests were cut off: not finished {deadline:?} after {}", signal.name()))
            })?
        }
    };
    ended.map_err(|error| Failure::new(Exit::Failed, format!("serve on {address}: {error}")))
}

/// Sets up the log: one line per request on stderr, unless RUST_LOG says otherwise.
fn log_requests() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Already set when a test runs two servers in one process: the first one's will do.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}
