//! Images with a shell, an interpreter and libraries, run as processes in roots of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::client::{CLUSTER, container, definition, ecs, run, run_task_input, seeded, until_stopped};
use crate::engine::{first_line, log};
use crate::image::{own_roots, push_files, push_system};

/// Runs a task whose container has these members.
async fn start(sandbox: &Sandbox, members: &[(&str, Value)]) -> String {
    let mut migration = container("migration");
    for (name, value) in members {
        migration[*name] = value.clone();
    }
    sandbox.register_task_definition(&definition(&[migration])).unwrap();
    run(sandbox, &run_task_input()).await
}

async fn start_script(sandbox: &Sandbox, script: &str) -> String {
    start(sandbox, &[("entryPoint", json!(["sh", "-c", script]))]).await
}

/// Why the container of a task did not start.
async fn refusal(sandbox: &Sandbox, members: &[(&str, Value)]) -> String {
    let arn = start(sandbox, members).await;
    let task = until_stopped(sandbox, &arn).await;
    assert_eq!(task["stopCode"], "TaskFailedToStart", "{task}");
    assert_eq!(task["containers"][0].get("exitCode"), None, "{task}");
    assert!(log(sandbox, &arn).is_empty());
    let reason = task["containers"][0]["reason"].as_str().unwrap();
    reason.strip_prefix("CannotStartContainerError: ").unwrap_or_else(|| panic!("{reason}")).to_owned()
}

/// A starter with these capabilities only, as root; None for other users, who have none anyway.
fn starter_with(directory: &Path, capabilities: &str) -> Option<PathBuf> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let starter = directory.join("starter");
    let sandbox = env!("CARGO_BIN_EXE_sandbox");
    let script = format!(
        "#!/bin/sh\nexec /usr/bin/setpriv --bounding-set=-all{capabilities} --inh-caps=-all '{sandbox}' \"$@\"\n"
    );
    // A file that this process writes is busy while another test forks.
    let mut write = Command::new("sh");
    write.args(["-c", "printf %s \"$1\" > \"$0\" && chmod +x \"$0\""]).arg(&starter).arg(script);
    assert!(write.status().unwrap().success());
    Some(starter)
}

/// Root's way and a user's way. For a user, both are the same.
fn both_ways(directory: &Path) -> Option<[Options; 2]> {
    let root = own_roots()?;
    // Root may be mapped by who has this capability: user_namespaces(7).
    let starter = starter_with(directory, ",+setfcap").or_else(|| root.starter.clone());
    Some([root.clone(), Options { starter, ..root }])
}

const ENTRY_POINT: &str = r#"#!/bin/sh
echo /*
echo $0 $1 in $PWD
readlink /proc/self/exe
read -r first < /etc/hosts && echo $first
echo null > /dev/null && [ -e "$UNSEEN" ] || echo unseen
read -r _ _ users < /proc/self/uid_map && echo $users
exit 7
"#;

#[tokio::test]
async fn a_script_runs_with_the_interpreter_and_the_files_of_its_image() {
    let directory = tempfile::tempdir().unwrap();
    let Some(ways) = both_ways(directory.path()) else { return };
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap();
    let first = hosts.lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    for (way, options) in ways.into_iter().enumerate() {
        let sandbox = seeded(options).await;
        push_system(&sandbox, "entry.sh", &[("usr/bin/entry.sh", ENTRY_POINT.as_bytes())]);
        let unseen = json!([{ "name": "UNSEEN", "value": std::env::current_exe().unwrap() }]);
        let directory = json!("/srv/dir");
        let members = [("command", json!(["a b"])), ("environment", unseen), ("workingDirectory", directory)];
        let arn = start(&sandbox, &members).await;
        let task = until_stopped(&sandbox, &arn).await;
        let log = log(&sandbox, &arn);
        assert_eq!(task["containers"][0]["exitCode"], 7, "{task} {log:?}");
        let files = log[0].replace("/lib64 ", "");
        assert_eq!(files, "/bin /dev /etc /lib /proc /srv /sys /usr");
        let expected = ["/usr/bin/entry.sh a b in /srv/dir", "/bin/readlink", first.as_str(), "unseen"];
        assert_eq!(log[1..5], expected);
        assert!(way == 0 || log[5] == "1", "a user namespace has one user: {log:?}");
    }
}

#[tokio::test]
async fn a_container_has_its_environment_and_nothing_else() {
    let Some(options) = own_roots() else { return };
    let sandbox = seeded(options).await;
    push_system(&sandbox, "env", &[]);
    // No name for a shell, and one that a loader of this machine would obey.
    let environment = json!([
        { "name": "AWS_REGION", "value": "us-east-1" },
        { "name": "spring.datasource.url", "value": "jdbc:postgresql://db/a\nb" },
        { "name": "LD_LIBRARY_PATH", "value": "/nowhere" },
    ]);
    let arn = start(&sandbox, &[("environment", environment)]).await;
    until_stopped(&sandbox, &arn).await;
    let mut lines = log(&sandbox, &arn);
    lines.sort();
    let expected = [
        "AWS_DEFAULT_REGION=us-east-1",
        "AWS_EXECUTION_ENV=AWS_ECS_FARGATE",
        "AWS_REGION=us-east-1",
        "DATABASE_PASSWORD=s3cret",
        "FROM_IMAGE=yes",
        "LD_LIBRARY_PATH=/nowhere",
        "PATH=/bin:/usr/bin",
        "b",
        "spring.datasource.url=jdbc:postgresql://db/a",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_a_container_writes_is_its_own_and_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let Some(ways) = both_ways(directory.path()) else { return };
    for options in ways {
        let sandbox = seeded(options).await;
        push_system(&sandbox, "sh", &[("data/old", b"old")]);
        let marker = format!("of-{}", task_marker(&sandbox));
        let script = format!(
            "trap 'exit 3' TERM; ls /data; echo new > /data/{marker}; while read -r _ place _ options _; do [ $place = \
             / ] && echo $options; done < /proc/self/mounts; while :; do sleep 0.05; done"
        );
        let mut arns = Vec::new();
        for _ in 0..2 {
            let arn = start_script(&sandbox, &script).await;
            first_line(&sandbox, &arn).await;
            arns.push(arn);
        }
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains("/container-"), "this machine has a container's mounts: {mounts}");
        for arn in arns {
            ecs(&sandbox, "StopTask", &json!({ "cluster": CLUSTER, "task": arn })).await.ok();
            let task = until_stopped(&sandbox, &arn).await;
            assert_eq!(task["containers"][0]["exitCode"], 3);
            // Where the file system of the temporary directory takes no layer, the files are shared.
            let log = log(&sandbox, &arn);
            let has_layer = log.last().unwrap().contains("upperdir=upper");
            assert!(!has_layer || (log.len() == 2 && log[0] == "old"), "{log:?}");
        }
        assert_eq!(layers_with(&marker), Vec::<PathBuf>::new());
    }
}

/// A word that no other sandbox has.
fn task_marker(sandbox: &Sandbox) -> String {
    sandbox.endpoint().rsplit(':').next().unwrap().to_owned()
}

/// The layers of containers that have this file in `/data`.
fn layers_with(marker: &str) -> Vec<PathBuf> {
    let entries = |directory: &Path| {
        let entries = directory.read_dir().into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let sandboxes = entries(&std::env::temp_dir()).into_iter();
    let sandboxes = sandboxes.filter(|path| path.to_string_lossy().contains("sandbox-images-"));
    let layers = sandboxes.flat_map(|sandbox| entries(&sandbox));
    layers.filter(|layer| layer.join("upper/data").join(marker).exists()).collect()
}

#[tokio::test]
async fn what_the_image_cannot_run_does_not_start() {
    let Some(options) = own_roots() else { return };
    let sandbox = seeded(options).await;
    let files: [(&str, &[u8]); 3] = [
        ("bin/alembic", b"#!/usr/bin/python3\nimport alembic\n"),
        ("bin/arm", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xff\xff\x01\0\0\0"),
        ("bin/text", b"echo no first line\n"),
    ];
    push_system(&sandbox, "alembic", &files);
    let cases = [
        ("entryPoint", json!(["alembic"]), "exec /bin/alembic: no such file or directory"),
        ("entryPoint", json!(["/bin/arm"]), "exec /bin/arm: exec format error"),
        ("entryPoint", json!(["text"]), "exec /bin/text: exec format error"),
        (
            "workingDirectory",
            json!("/bin/sh"),
            "chdir to cwd (\"/bin/sh\") set in config.json failed: file exists",
        ),
    ];
    for (member, value, why) in cases {
        let reason = refusal(&sandbox, &[(member, value)]).await;
        assert!(reason.ends_with(&format!("unable to start container process: {why}")), "{reason}");
    }
    for code in [1, 125, 126, 127] {
        let task = until_stopped(&sandbox, &start_script(&sandbox, &format!("exit {code}")).await).await;
        let ended = (&task["stopCode"], &task["containers"][0]["exitCode"]);
        assert_eq!(ended, (&json!("EssentialContainerExited"), &json!(code)));
    }
}

#[tokio::test]
async fn a_container_without_a_root_of_its_own_is_left_to_docker() {
    let directory = tempfile::tempdir().unwrap();
    let script = [("bin/alembic", &b"#!/usr/bin/python3\nimport alembic\n"[..])];
    let not_root = starter_with(directory.path(), "");
    let mut cases = vec![
        (None, "this sandbox has no starter"),
        (Some("/nonexistent".into()), "start the starter: No such file or directory (os error 2)"),
        (Some("/bin/true".into()), "its starter ended too early"),
    ];
    if not_root.is_some() {
        cases.push((not_root, "map this user to root in a user namespace: operation not permitted"));
    }
    for (starter, why) in cases {
        let sandbox = seeded(Options { starter, ..Options::default() }).await;
        push_files(&sandbox, "alembic", &script);
        assert_eq!(
            refusal(&sandbox, &[]).await,
            format!(
                "the process engine of the sandbox cannot start alembic in the image's own root: {why}: use --engine docker"
            )
        );
    }
}
