use crate::support::{DBMATE, World, file};
use nix::sys::signal::Signal;
use std::time::Instant;

const HISTORY: &[&str] = &["--history=dbmate"];

#[tokio::test]
async fn output_is_passed_on_byte_by_byte() {
    let Some(world) = World::new().await else { return };
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(10 << 20).collect();
    std::fs::write(world.folder.path().join("bytes"), &bytes).expect("write a file");
    let run = world.before(HISTORY, "cat bytes; printf 'no end' >&2").run().await.exits(0);
    assert_eq!(run.stdout[..bytes.len()], bytes);
    assert_eq!(run.stderr, b"no end");
    // The last byte is not the end of a line.
    assert_eq!(run.stdout[bytes.len()], b'\n');
    run.report();
}

#[tokio::test]
async fn a_hundred_mebibytes_take_no_memory() {
    let Some(world) = World::new().await else { return };
    // Of the witness, which is the parent of the shell; without a newline, as one line.
    let script = "head -c 104857600 /dev/zero; grep VmHWM /proc/$PPID/status >&2";
    let run = world.before(HISTORY, script).run().await.exits(0);
    assert!(run.stdout.len() > 100 << 20);
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    let kilobytes: u64 = said.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a size");
    assert!(kilobytes < 64 << 10, "{kilobytes} kB");
}

#[tokio::test]
async fn a_signal_reaches_the_whole_group_and_the_exit_code_comes_back() {
    let Some(world) = World::new().await else { return };
    // A shell would keep the signal until its own command has ended.
    let script = "sh -c 'trap \"echo stopped by TERM; exit 7\" TERM; touch ready; while :; do sleep 0.01; done'; exit $?";
    let running = world.before(HISTORY, script).start();
    file(&world.folder.path().join("ready")).await;
    running.signal(Signal::SIGTERM);
    let run = running.end().await;
    assert!(matches!(run.exit, Some(7 | 143)), "{:?}", run.exit);
    run.says("stopped by TERM").report();
}

#[tokio::test]
async fn a_signal_before_the_command_is_there_ends_the_run() {
    let Some(world) = World::new().await else { return };
    let holder = world.connect(&world.name).await;
    // The lock of a witness.
    holder
        .batch_execute("select pg_advisory_lock(x'7769746e'::int, x'65737320'::int)")
        .await
        .expect("a lock");
    let running = world.before(HISTORY, "touch ran").start();
    world.session("witness").await;
    running.signal(Signal::SIGTERM);
    running.end().await.exits(143).says("stopped by SIGTERM before the command was started");
    assert!(!world.folder.path().join("ran").exists());

    let list = "--list-command=sh -c 'touch listing; exec sleep 60'";
    let running = world.witness(&["check", "--history=dbmate", list]).start();
    file(&world.folder.path().join("listing")).await;
    running.signal(Signal::SIGTERM);
    running.end().await.exits(143).says("stopped by SIGTERM");
}

#[tokio::test]
async fn a_connection_that_the_server_ends_does_not_end_the_report() {
    let Some(world) = World::new().await else { return };
    let ends = "psql -qXc \"select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'witness' \
                and datname = current_database()\"";
    let run = world.before(HISTORY, &format!("{DBMATE} {ends}")).run().await.exits(0);
    let run = run.says("the connection with the lock ended before the command");
    assert_eq!(run.report()["pending"], 0);
    // As after a password that was valid for minutes.
    let forbids =
        format!("psql -qXd postgres -c 'alter database {} with allow_connections false'", world.name);
    let flags = ["--history=dbmate", "--also-connects-to=postgres"];
    let report = world.before(&flags, &format!("{DBMATE} {forbids}")).run().await.exits(0).report();
    assert_eq!((&report["pending"], &report["database"]), (&0.into(), &world.name.as_str().into()));
}

#[tokio::test]
async fn a_command_that_is_killed_is_reported_as_killed() {
    let Some(world) = World::new().await else { return };
    let run = world.before(HISTORY, "kill -9 $$").run().await.exits(137);
    assert_eq!(run.report()["error"], "the command was ended by SIGKILL");
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_heard_and_reaped() {
    let Some(world) = World::new().await else { return };
    let script = "for i in 1 2 3; do (sh -c 'exit 0' &) ; done; (sleep 0.3; echo late) & \
                  sleep 0.2; tries=100; \
                  while zombies=$(ps -o stat= --ppid $PPID | grep -c Z); [ $zombies -gt 0 ] && [ $tries -gt 0 ]; \
                  do tries=$((tries - 1)); sleep 0.1; done; echo $zombies >&2; exit 0";
    let run = world.before(HISTORY, script).run().await.exits(0).says("late");
    // Those whose parent had ended became the witness's.
    assert_eq!(String::from_utf8_lossy(&run.stderr).trim(), "0");
    run.report();
    // One that never ends does not keep the report.
    let began = Instant::now();
    let run = world.before(HISTORY, "sleep 60 & exit 0").run().await.exits(0);
    run.report();
    assert!(began.elapsed().as_secs() < 30);
}

#[tokio::test]
async fn a_command_that_is_not_there_is_said() {
    let Some(world) = World::new().await else { return };
    world
        .witness(&["--history=dbmate", "--", "no-such-program"])
        .run()
        .await
        .exits(127)
        .says("start no-such-program");
    world
        .witness(&["--history=dbmate", "--", "/etc/passwd"])
        .run()
        .await
        .exits(126)
        .says("Permission denied");
}

#[tokio::test]
async fn two_at_a_time_are_one_after_the_other() {
    let Some(world) = World::new().await else { return };
    let first = world.before(HISTORY, "touch first; while [ ! -e go ]; do sleep 0.01; done").start();
    file(&world.folder.path().join("first")).await;
    let late = world.before(&["--history=dbmate", "--lock-timeout=0"], "touch second").run().await;
    late.exits(4).says("another migration of this database holds the lock").says("witness");
    let second = world.before(HISTORY, &format!("touch second; {DBMATE}")).start();
    assert!(!world.folder.path().join("second").exists());
    world.file("go", "");
    first.end().await.exits(0);
    second.end().await.exits(0);
}

#[tokio::test]
async fn a_task_is_told_to_do_something_else() {
    let Some(world) = World::new().await else { return };
    let told =
        |operation: &str| world.before(&["--history=dbmate"], DBMATE).env("WITNESS_OPERATION", operation);
    let check = told("check").run().await.exits(0);
    assert_eq!(check.report()["pending"], 2, "nothing was run");
    // The command is process 1 in its place: the shell's own id is that of the witness, and nothing says that it was told.
    let script = "echo operation=$WITNESS_OPERATION; exit 7";
    let exec = world.before(&[], script).env("WITNESS_OPERATION", "exec").without("PGHOST").run().await;
    assert_eq!(exec.exits(7).says("operation=\n").reports().len(), 0, "no database is needed");
    let absent = world.witness(&["--", "/nonexistent"]).env("WITNESS_OPERATION", "exec").run().await;
    absent.exits(127).says("start /nonexistent: No such file");
    told("dance").run().await.exits(2).says("WITNESS_OPERATION is \"dance\"");
    let report = told("").run().await.exits(0).report();
    assert_eq!(report["pending"], 0, "an empty variable counts as absent");
}
