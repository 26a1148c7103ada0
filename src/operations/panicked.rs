//! A bug of the program: whatever panics, the run ends with a code of the table of exit codes, and says what may be
//! left.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Weak};

use super::printing::colour;
use crate::document;
use crate::failure::Failure;
use crate::progress::{Aside, Sink};

const HINT: &str = concat!(
    "look for the tasks that the run has started, which may still migrate; then report this at ",
    env!("CARGO_PKG_REPOSITORY"),
    "/issues, with what stands above"
);

/// Makes a panic of any thread end the process from here on, with [`Failure::exit_code`] of [`failure`], told by this
/// sink.
///
/// It is a hook, so it comes before the panic unwinds, which it does not in the release profile.
pub(super) fn end_the_run(sink: &Aside) {
    let sink: Weak<dyn Sink> = Arc::downgrade(sink);
    std::panic::set_hook(Box::new(move |info| {
        let failure = failure(info);
        let text = document::failure(&failure, colour());
        let told = sink.upgrade().is_some_and(|sink| sink.last_words(&failure.message, &text));
        if !told {
            // Where stderr is gone as well, nobody can be told.
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        std::process::exit(failure.exit_code.number().into());
    }));
}

fn failure(info: &PanicHookInfo<'_>) -> Failure {
    let why = info.payload_as_str().unwrap_or("no reason given");
    let place = info.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
    let backtrace = Backtrace::capture();
    let evidence = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    Failure::service(format!("this is a bug of fargate-migrate{}: {why}", place.unwrap_or_default()))
        .hint(HINT)
        .evidence(evidence)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use crate::progress::{Mode, Progress, Stream, Vocabulary};

    /// Says which panic the process of [`a_panic_of_any_thread_ends_with_a_code_of_ours`] is to have.
    const WHERE: &str = "FARGATE_MIGRATE_PANICS_IN";

    #[test]
    fn panics_for_another_test() {
        let Ok(place) = std::env::var(WHERE) else { return };
        let progress = Progress::new(Mode::Plain, Stream::Stdout, Vocabulary::GitHub);
        super::end_the_run(&progress.aside());
        progress.log_line("shop", 0, "a line that waits");
        match place.as_str() {
            "a thread" => drop(std::thread::spawn(|| panic!("##[error]out\n::error::x")).join()),
            "a task" => {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                let _ = runtime.block_on(async { tokio::spawn(async { panic!("in a task") }).await });
            }
            _ => panic!("in main"),
        }
    }

    #[test]
    fn a_panic_of_any_thread_ends_with_a_code_of_ours() {
        for place in ["main", "a thread", "a task"] {
            let ended = Command::new(std::env::current_exe().expect("this program"))
                .args(["--exact", "operations::panicked::tests::panics_for_another_test", "--nocapture"])
                .env(WHERE, place)
                .env("RUST_BACKTRACE", "0")
                .output()
                .expect("ended");
            let said = String::from_utf8(ended.stdout).expect("text");
            assert_eq!(ended.status.code(), Some(3), "{place}: {said}");
            let lines: Vec<&str> =
                said.lines().skip_while(|line| !line.starts_with("::stop-commands::")).collect();
            let token = lines[0].strip_prefix("::stop-commands::").expect("a token");
            assert!(lines[1].ends_with("│ a line that waits"), "{place}: {said}");
            assert_eq!(lines[2], format!("::{token}::"), "commands are on again: {said}");
            assert!(
                lines[3].starts_with("::error title=fargate-migrate::this is a bug of fargate-migrate at ")
            );
            assert!(lines[4].starts_with("::stop-commands::"), "{place}: {said}");
            assert!(
                lines[5].starts_with("error: this is a bug of fargate-migrate at src/"),
                "{place}: {said}"
            );
            assert!(
                lines[6].starts_with("hint: look for the tasks that the run has started"),
                "{place}: {said}"
            );
            assert_eq!(lines.len(), 8, "{place}: {said}");
        }
    }
}
