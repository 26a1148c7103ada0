use std::time::Duration;

use sandbox::{Fault, Script, TaskFault, seed};

use crate::support::{HEALTH, PROD, World, database, report};

/// Bytes of memory that a run may take, whatever a container prints.
const PEAK_RSS: u64 = 100 * 1024 * 1024;

#[tokio::test]
async fn two_hundred_thousand_lines_arrive_once_in_order_and_without_memory() {
    let world = World::new().await;
    world.program(|context| {
        let name = database(context);
        Script::new()
            .lines((0..200_000).map(|n| format!("row {n:06} of the backfill of client_events")))
            .line(report(&name))
    });
    let running = world.migrate(&["--database", HEALTH, "--require-report"]).spawn();
    let status = format!("/proc/{}/status", running.pid());
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let sampler = std::thread::spawn(move || {
        let mut peak = 0;
        while stopped.recv_timeout(Duration::from_millis(20)).is_err() {
            let Ok(text) = std::fs::read_to_string(&status) else { break };
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib: u64 =
                line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0);
            peak = peak.max(kib * 1024);
        }
        peak
    });
    let run = running.finish().await;
    drop(stop);
    let peak = sampler.join().expect("sampled");
    run.exits(0);
    let rows: Vec<&str> = run.stdout.lines().filter_map(|line| line.split_once("row ")?.1.get(..6)).collect();
    assert_eq!(rows.len(), 200_000);
    assert!(rows.iter().zip(0..).all(|(row, n)| row.parse() == Ok(n)), "each once, in order");
    println!("peak RSS with 200,000 lines: {} MiB", peak / 1024 / 1024);
    assert!(peak > 0 && peak < PEAK_RSS, "peak RSS {peak}");
}

#[tokio::test]
async fn lines_that_arrive_after_the_task_has_stopped_are_read() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::task(TaskFault::LateLogs { by: Duration::from_millis(1500) }));
    let base = [
        "migrate",
        "--cluster",
        seed::CLUSTER,
        "--task-definition",
        seed::TASK_FAMILY,
        "--subnets",
        seed::SUBNETS,
    ];
    let more =
        ["--image", crate::support::IMAGE, "--database", HEALTH, "--require-report", "--log-drain=10s"];
    world
        .command(&[base.as_slice(), &more].concat())
        .finish()
        .await
        .exits(0)
        .says("applied V10__create_orders");
}

#[tokio::test]
async fn lines_are_shown_while_the_task_still_runs() {
    let world = World::new().await;
    world.program(|_| Script::new().line("early line").until_stopped());
    let run = world.migrate(&["--database", HEALTH, "--timeout=6s"]).finish().await;
    run.exits(4);
    let early = run.stdout.find("early line").expect("shown");
    let verdict = run.stdout.find("timed out").expect("judged");
    assert!(early < verdict);
}

#[tokio::test]
async fn hostile_lines_are_text_and_nothing_else() {
    let world = World::new().await;
    let hostile = [
        "::set-output name=image::pwned",
        "##[set-output name=image]pwned",
        "progress\r::save-state name=task_1::arn:aws:ecs:x:y:task/pwned",
        "::add-mask::e",
        "::stop-commands::pwned",
        "::error file=a,line=1::pwned",
        "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;https://evil.example\u{7}link\u{1b}]8;;\u{7}",
        "</details></pre><script>alert(1)</script> <img src=x onerror=alert(1)>",
        "``` \n# heading | table @everyone",
        "\u{202e}txt.exe",
    ];
    world.program(move |context| {
        Script::new()
            .lines(hostile.map(str::to_owned))
            .line(report(&database(context)))
            .exit(if database(context) == PROD { 0 } else { 1 })
    });
    let run = world.migrate(&["--database", PROD, "--database", HEALTH]).in_actions().finish().await;
    run.exits(1);
    let executed = commands(&run.stdout);
    let allowed = ["stop-commands", "group", "endgroup", "error", "warning", "notice", "add-mask"];
    for (name, data) in &executed {
        assert!(allowed.contains(&name.as_str()) && !data.contains("pwned"), "{name}: {data}");
    }
    assert!(!run.outputs.values().any(|value| value == "pwned"));
    assert!(!run.state.values().any(|value| value.contains("pwned")));
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains('\u{202e}'));
    assert!(run.stdout.contains("set-output name=image"), "visible as text");
    for broken in ["<script>", "<img src=x", "</details></pre>", "\u{202e}", "\u{1b}"] {
        assert!(!run.summary.contains(broken), "{broken:?} in {}", run.summary);
    }
}

/// The commands that GitHub's runner would execute, as ActionCommandManager reads them: `::name …::data` at a line's
/// start, `##[name …]data` anywhere, nothing between `stop-commands` and its token; a lone CR ends a line.
fn commands(stdout: &str) -> Vec<(String, String)> {
    let mut executed = Vec::new();
    let mut token: Option<String> = None;
    for line in stdout.split(['\n', '\r']) {
        let parsed = line
            .trim_start()
            .strip_prefix("::")
            .and_then(|rest| rest.split_once("::"))
            .or_else(|| line.split_once("##[").and_then(|(_, rest)| rest.split_once(']')));
        let Some((command, data)) = parsed else { continue };
        let name = command.split(' ').next().unwrap_or_default().to_lowercase();
        match &token {
            Some(expected) if name == expected.to_lowercase() => token = None,
            Some(_) => {}
            None => {
                if name == "stop-commands" {
                    token = Some(data.to_owned());
                }
                executed.push((name, data.to_owned()));
            }
        }
    }
    assert!(token.is_none(), "commands are on again at the end");
    executed
}
