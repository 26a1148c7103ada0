use sandbox::seed;

use crate::support::{HEALTH, PROD, World, database, migrates};

/// A file of the runner's that cannot be written, by each of its names.
const FILES: [&str; 3] = ["GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"];

#[tokio::test]
async fn a_file_of_the_runner_that_cannot_be_written_is_a_note_and_the_rest_is_as_usual() {
    for (name, path) in
        FILES.iter().flat_map(|name| [(name, "/dev/full"), (name, "/nonexistent/x/y"), (name, "/proc")])
    {
        let world = World::new().await;
        world.program(|context| migrates(database(context)));
        let run = world.migrate(&["--database", HEALTH]).in_actions().variable(name, path).finish().await;
        run.exits(0)
            .says("1 of 1 database proved migrated")
            .says("not written")
            .says(path)
            .never_says("panicked");
        let written = [run.outputs.contains_key("migrated"), !run.state.is_empty(), !run.summary.is_empty()];
        assert_eq!(written, FILES.map(|file| file != *name), "{name}={path}: {run:#?}");
    }
}

#[tokio::test]
async fn a_failure_keeps_its_code_its_annotation_and_its_json_when_nothing_can_be_written() {
    let world = World::new().await;
    world.program(|_| sandbox::Script::new().line("no").exit(7));
    let mut run = world.migrate(&["--database", HEALTH, "--format=json"]).in_actions();
    for name in FILES {
        run = run.variable(name, "/dev/full");
    }
    let run = run.finish().await;
    run.exits(1).says("::error ");
    assert_eq!(run.verdict(HEALTH), "failed");
}

#[tokio::test]
async fn a_plan_is_printed_whatever_happens_to_the_summary() {
    for path in ["/dev/full", "/nonexistent/x/y"] {
        for format in ["text", "json", "markdown"] {
            let world = World::new().await;
            let run = world.migrate(&["--database", PROD, "--plan", "--format", format]).in_actions();
            let run = run.variable("GITHUB_STEP_SUMMARY", path).finish().await;
            run.exits(0).says("the plan is not in the job summary").says(seed::TASK_FAMILY);
        }
    }
}
