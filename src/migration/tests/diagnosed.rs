//! Causes that a container's own last lines tell.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_the_reason_does_not_say_is_read_from_the_last_lines() {
    for (line, word) in [
        ("exec /usr/local/bin/app: exec format error", "processor architecture"),
        ("FATAL: password authentication failed for user \"app\"", "refused the user"),
        ("something that nobody knows", "error of its own"),
    ] {
        let lines = vec![(SECOND, "starting".to_owned()), (SECOND, line.to_owned())];
        let world = Fargate { lines, failing: vec!["shop".to_owned()], ..Fargate::running_for(MINUTE) };
        let (report, _) = run(&world, &plan(&["--database=shop"])).await;
        let row = &report.databases[0];
        let cause = row.diagnosis.map_or("", |diagnosis| diagnosis.cause);
        assert!(cause.contains(word), "{line}: {cause} {:?}", row.verdict);
    }
}
