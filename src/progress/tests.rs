use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;
use crate::ending::Ending;
use crate::migration_report::Reports;
use crate::ports::Task;

/// Bars on a terminal in memory.
mod bars;

/// What was written, and in how many writes.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<(Vec<u8>, usize)>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut written = self.0.lock().unwrap();
        written.0.extend_from_slice(bytes);
        written.1 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }
}

fn clock() -> Clock {
    Clock { zone: TimeZone::UTC, now: || Timestamp::from_second(1_763_971_262).unwrap() }
}

fn plain(vocabulary: Vocabulary) -> (Progress, Written) {
    let written = Written::default();
    let plain = Plain::new(Box::new(written.clone()), vocabulary, clock());
    (Progress { sink: Arc::new(plain) }, written)
}

fn names() -> Vec<DatabaseName> {
    vec!["startupwebapp_prod".into(), "fintech_experiment".into()]
}

fn not_run() -> Verdict {
    Verdict::NotRun { why: "startupwebapp_prod failed before it".to_owned() }
}

fn never_started() -> Verdict {
    let task = Task {
        last_status: "STOPPED".into(),
        stop_code: Some("TaskFailedToStart".to_owned()),
        stopped_reason: Some("CannotPullContainerError: not found".to_owned()),
        ..Task::default()
    };
    {
        let asked = crate::verdict::Asked {
            container: "migration",
            image_digest: None,
            is_essential: true,
            essential: &[],
            proof: crate::verdict::Proof::ExitCode,
        };
        crate::verdict::judge(&"a".into(), &asked, &task, &Reports::default(), &Ending::default())
    }
}

/// A whole run, as every sink is told it.
fn tell(progress: &Progress) {
    progress.step("build image");
    progress.build_line("#7 [build 3/5] RUN cargo build --release");
    progress.step("push image");
    for done in 0..=1_000 {
        progress.pushed(done * 49_000, 49_000_000);
    }
    progress.step("migrate");
    progress.databases(&names());
    progress.task_phase(&["startupwebapp_prod".into()], TaskPhase::Queued);
    progress.task_phase(&["startupwebapp_prod".into()], TaskPhase::Provisioning);
    progress.task_phase(&["startupwebapp_prod".into()], TaskPhase::Provisioning);
    progress.task_phase(&["startupwebapp_prod".into()], TaskPhase::Running);
    progress.log_line("startupwebapp_prod", 1_763_971_261_500, "applied V3 add_orders\n");
    progress.note("reading the log is slow: Rate exceeded");
    progress.log_line("fintech_experiment", 1_763_971_261_900, "10 %\r20 %\r::set-output name=a::b");
    progress.database_verdict(&"startupwebapp_prod".into(), &never_started());
    progress.database_verdict(&"fintech_experiment".into(), &not_run());
    progress.annotate_error(None, "startupwebapp_prod", "never started");
    progress.closing("startupwebapp_prod  never started\n\n0 of 2 databases migrated\n");
    progress.finish();
}

/// The random tokens as `<token 1>`, in the order in which they appear.
fn with_named_tokens(text: &str) -> String {
    let tokens: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("::stop-commands::")).collect();
    tokens
        .iter()
        .enumerate()
        .fold(text.to_owned(), |text, (index, token)| text.replace(token, &format!("<token {}>", index + 1)))
}

#[test]
fn plain_lines_read_as_a_story() {
    let (progress, written) = plain(Vocabulary::Plain);
    tell(&progress);
    insta::assert_snapshot!(written.text(), @"
    08:01:02 ▸ build image
    08:01:02 │ #7 [build 3/5] RUN cargo build --release
    08:01:02 ▸ push image
    08:01:02 pushed 11.68 MiB of 46.73 MiB
    08:01:02 pushed 23.37 MiB of 46.73 MiB
    08:01:02 pushed 35.05 MiB of 46.73 MiB
    08:01:02 pushed 46.73 MiB of 46.73 MiB
    08:01:02 ▸ migrate
    08:01:02 startupwebapp_prod: provisioning
    08:01:02 startupwebapp_prod: running
    08:01:01 startupwebapp_prod │ applied V3 add_orders
    08:01:02 reading the log is slow: Rate exceeded
    08:01:01 fintech_experiment │ 10 %
    08:01:01 fintech_experiment │ 20 %
    08:01:01 fintech_experiment │ ::set-output name=a::b
    08:01:02 ✖ startupwebapp_prod: never started: its container never ran, so this task migrated nothing: CannotPullContainerError: not found
    08:01:02 ✖ fintech_experiment: not run: startupwebapp_prod failed before it
    startupwebapp_prod  never started

    0 of 2 databases migrated
    ");
}

#[test]
fn github_gets_sections_and_no_commands_from_logs() {
    let (progress, written) = plain(Vocabulary::GitHub);
    tell(&progress);
    insta::assert_snapshot!(with_named_tokens(&written.text()), @"
    ::group::build image
    ::stop-commands::<token 1>
    08:01:02 │ #7 [build 3/5] RUN cargo build --release
    ::<token 1>::
    ::endgroup::
    ::group::push image
    08:01:02 pushed 11.68 MiB of 46.73 MiB
    08:01:02 pushed 23.37 MiB of 46.73 MiB
    08:01:02 pushed 35.05 MiB of 46.73 MiB
    08:01:02 pushed 46.73 MiB of 46.73 MiB
    ::endgroup::
    ::group::migrate
    08:01:02 startupwebapp_prod: provisioning
    08:01:02 startupwebapp_prod: running
    ::stop-commands::<token 2>
    08:01:01 startupwebapp_prod │ applied V3 add_orders
    08:01:02 reading the log is slow: Rate exceeded
    08:01:01 fintech_experiment │ 10 %
    08:01:01 fintech_experiment │ 20 %
    08:01:01 fintech_experiment │ ::set-output name=a::b
    08:01:02 ✖ startupwebapp_prod: never started: its container never ran, so this task migrated nothing: CannotPullContainerError: not found
    08:01:02 ✖ fintech_experiment: not run: startupwebapp_prod failed before it
    ::<token 2>::
    ::error title=startupwebapp_prod::never started
    ::endgroup::
    ::stop-commands::<token 3>
    startupwebapp_prod  never started

    0 of 2 databases migrated
    ::<token 3>::
    ");
}

#[test]
fn one_database_needs_no_name_on_each_line() {
    let (progress, written) = plain(Vocabulary::Plain);
    progress.databases(&names()[..1]);
    progress.log_line("startupwebapp_prod", 1_763_971_261_500, "applied V3 add_orders");
    progress.log_line("startupwebapp_prod", i64::MAX, "at no time");
    drop(progress);
    insta::assert_snapshot!(written.text(), @"
    08:01:01 │ applied V3 add_orders
    08:01:02 │ at no time
    ");
}

/// What the runner would carry out, by the rules of actions/runner's ActionCommandManager.cs.
fn carried_out(text: &str) -> Vec<String> {
    let mut stopped: Option<&str> = None;
    let mut commands = Vec::new();
    for line in text.split(['\n', '\r']) {
        let line = line.trim_start();
        match stopped {
            Some(token) if line == format!("::{token}::") => stopped = None,
            Some(_) => {}
            None => {
                if let Some(token) = line.strip_prefix("::stop-commands::") {
                    stopped = Some(token);
                } else if line.starts_with("::") || line.contains("##[") {
                    commands.push(line.to_owned());
                }
            }
        }
    }
    assert_eq!(stopped, None, "commands are on again at the end");
    commands
}

#[test]
fn the_runner_carries_out_our_commands_only() {
    let (progress, written) = plain(Vocabulary::GitHub);
    for text in crate::report::HOSTILE {
        progress.note(text);
        progress.database_verdict(&(*text).into(), &not_run());
        progress.task_phase(&[(*text).into()], TaskPhase::Running);
        progress.log_line(text, 0, text);
        progress.build_line(text);
        progress.step(text);
        progress.closing(text);
    }
    progress.aside().mask("hunter2");
    drop(progress);
    let text = written.text();
    let others: Vec<String> = carried_out(&text)
        .into_iter()
        .filter(|line| !line.starts_with("::group::") && line != "::endgroup::")
        .collect();
    assert_eq!(others, ["::add-mask::hunter2"]);
    assert!(text.contains("│ ::set-output name=migrated::everything"));
}

#[test]
fn many_lines_cost_few_writes_and_none_is_lost() {
    let (progress, written) = plain(Vocabulary::GitHub);
    progress.databases(&names());
    let count = 200_000;
    for number in 0..count {
        progress.log_line("fintech_experiment", 1_763_971_261_500 + number, &format!("line {number}"));
    }
    drop(progress);
    let text = written.text();
    let numbers = text.lines().filter_map(|line| line.split("│ line ").nth(1));
    let numbers = numbers.map(|number| number.parse::<i64>().unwrap());
    assert!(numbers.eq(0..count));
    let writes = written.0.lock().unwrap().1;
    assert!(writes < 4_000, "{writes}");
}

#[test]
fn last_words_come_after_what_waits() {
    let written = Written::default();
    let plain = Plain::new(Box::new(written.clone()), Vocabulary::Plain, clock());
    plain.log_line("startupwebapp_prod", 0, "first");
    plain.log_line("startupwebapp_prod", 0, "second");
    assert_eq!(written.text(), "", "the page goes on");
    assert!(plain.last_words("why", "error: why\n"));
    assert!(written.text().ends_with("second\nerror: why\n"), "{}", written.text());
}

#[test]
fn silence_is_silent() {
    tell(&Progress::silent());
    tell(&Progress::new(Mode::Silent, Stream::Stdout, Vocabulary::GitHub));
}
