//! What a run tells of its calls: with `-v`, `FARGATE_MIGRATE_LOG`, or GitHub's debug logging. It goes the way of all
//! that a run says, so nothing in it is taken for a workflow command.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::failure::Failure;
use crate::progress::Aside;
use crate::untrusted::phrase;

const VARIABLE: &str = "FARGATE_MIGRATE_LOG";

/// Returns the level of what is told: that of `FARGATE_MIGRATE_LOG`, else debug with `-v` or GitHub's debug logging,
/// else off.
///
/// # Errors
/// The variable has no level's name.
pub(super) fn level(
    verbose: bool,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<LevelFilter, Failure> {
    let set = variable(VARIABLE).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    // GitHub sets it when a person runs a workflow again with debug logging.
    let is_debugged = || variable("RUNNER_DEBUG").as_deref() == Some("1");
    match set {
        Some(text) => text.parse().map_err(|_| {
            Failure::input(format!("invalid value {} for {VARIABLE}", phrase(&text)))
                .hint("set it to off, error, warn, info, debug or trace")
        }),
        None if verbose || is_debugged() => Ok(LevelFilter::DEBUG),
        None => Ok(LevelFilter::OFF),
    }
}

/// Shows from here on what this program logs at this level. What libraries log may hold bodies and addresses.
pub(super) fn begin(level: LevelFilter, aside: &Aside) {
    if level == LevelFilter::OFF {
        return;
    }
    let aside = aside.clone();
    let lines = layer().without_time().with_ansi(false).with_target(false);
    let lines = lines.with_writer(move || Lines(aside.clone()));
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(own));
    // Another run of this process has done it: then the lines are that one's.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// One line, which comes whole.
struct Lines(Aside);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.note(String::from_utf8_lossy(line).trim_end());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_over_the_flag_and_the_flag_over_nothing() {
        let of = |verbose: bool, variables: &[(&str, &str)]| {
            level(verbose, &|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(false, &[]).ok(), Some(LevelFilter::OFF));
        assert_eq!(of(true, &[]).ok(), Some(LevelFilter::DEBUG));
        assert_eq!(of(false, &[("RUNNER_DEBUG", "1")]).ok(), Some(LevelFilter::DEBUG));
        assert_eq!(of(true, &[(VARIABLE, "off")]).ok(), Some(LevelFilter::OFF));
        assert_eq!(of(false, &[(VARIABLE, " trace ")]).ok(), Some(LevelFilter::TRACE));
        let refused = of(false, &[(VARIABLE, "loud")]).expect_err("no level");
        assert_eq!(refused.message, "invalid value loud for FARGATE_MIGRATE_LOG");
    }
}
