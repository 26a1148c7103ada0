//! Each error and note that the README or docs/troubleshooting.md names, as a user meets it: a snapshot has all that
//! the program prints of it, with its evidence and its hint.

use std::collections::BTreeSet;
use std::path::Path;

use told::Told;

/// Credentials, Region, permissions, proxy.
mod account;
/// The task definition, and what else has a name in AWS.
mod definition;
/// Builds and pushes.
mod image;
/// Notes and verdicts of a run's tasks.
mod tasks;
/// Why ECS started no task.
mod reasons;
/// The README's table of verdicts and exit codes.
mod verdicts;
/// What a run printed, without what differs from run to run.
mod told;

/// What differs from run to run: directories, ports, ids and times.
const FILTERS: [(&str, &str); 6] = [
    (r"(/[\w.-]+)*/\.tmp\w+(/\.tmp\w+)?", "[directory]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
    (r"\b[0-9a-f]{40}\b", "[commit]"),
    (r"\b[0-9a-f]{32}\b", "[id]"),
    (r"\b\d{2}:\d{2}:\d{2}\b", "[time]"),
    (r"\b\d+(\.\d)? (ms|s|min)\b( \d+ s\b)?", "[duration]"),
];

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Below tests/stories.
const SNAPSHOTS: &str = "troubleshooting/snapshots";

/// Makes a test of each scenario, which has a snapshot of its name, and a list of what the page names.
macro_rules! named {
    ($list:ident: $($name:literal => $module:ident::$scenario:ident,)+) => {
        const $list: &[(&str, &str)] = &[$(($name, stringify!($scenario))),+];
        $(#[tokio::test]
        async fn $scenario() {
            // What lacks a part of the machine has said so.
            let Some(told) = Into::<Option<Told>>::into($module::$scenario().await) else { return };
            let text = told.text();
            insta::with_settings!({
                filters => FILTERS,
                snapshot_path => SNAPSHOTS,
                prepend_module_to_snapshot => false,
                omit_expression => true,
                description => $name,
            }, {
                insta::assert_snapshot!(stringify!($scenario), text);
            });
            has($name, &text);
        })+
    };
}

named! { ERRORS:
    "no AWS credentials found" => account::no_credentials,
    "ask GitHub for an OIDC token: this job may not have one" => account::no_permission_for_tokens,
    "no AWS region given" => account::no_region,
    "assume role …: AWS refuses GitHub's token" => account::no_trust,
    "the AWS credentials have expired" => account::expired_credentials,
    "… cannot be reached: the proxy … refuses to connect to it" => account::refused_by_the_proxy,
    "…: access denied" => account::denied_calls,
    "push …: denied" => image::denied_push,
    "task definition … does not exist in …" => definition::unknown_names,
    "container … of task definition … takes … from a secret, so it cannot be set per database"
        => definition::variable_from_a_secret,
    "task definition … has … containers that could be the one that migrates, and none was chosen"
        => definition::several_containers,
    "service … runs family …, so the migration's revision goes into family …" => definition::family_of_a_service,
    "image … is for …, and the task definition runs on …" => definition::another_platform,
    "… is in registry …, and images are pushed to an account's ECR" => image::another_registry,
    "… is …, on Docker Hub, and images are pushed to ECR" => image::docker_hub,
    "the working tree has changes that commit … does not hold" => image::changed_working_tree,
    "reach the Docker Engine: it does not answer" => image::engine_that_does_not_answer,
    "build an image: no docker command on PATH" => image::no_docker,
    "build an image: no BuildKit for …" => image::no_buildkit,
    "package …: it is linked dynamically, and the image would have no C library to load"
        => image::dynamic_executable,
    "RunTask is throttled: what could not start is tried again" => tasks::throttled,
    "task … migrates it now" => tasks::migrated_by_another_task,
    "exit code 0, but it printed no migration report" => tasks::no_report,
    "logs could not be read, so a migration report in them could not be seen" => tasks::unreadable_logs,
    "container … logs in non-blocking mode" => tasks::non_blocking_logs,
}

named! { REASONS:
    "ResourceInitializationError: unable to pull secrets or registry auth" => reasons::secrets,
    "CannotPullContainerError … not authorized" => reasons::no_permission_to_pull,
    "did not contain json key" => reasons::no_key_in_the_secret,
}

named! { ENDS:
    "1: failed" => verdicts::failed,
    "1: wrong database" => verdicts::wrong_database,
    "1: killed" => verdicts::killed,
    "1: unproved" => verdicts::unproved,
    "1: already running" => verdicts::already_running,
    "2" => verdicts::wrong_input,
    "3: never started" => verdicts::never_started,
    "4: timed out" => verdicts::timed_out,
    "124" => verdicts::command_timed_out,
    "125" => verdicts::command_not_run,
    "130: cancelled" => verdicts::cancelled,
    "not run" => verdicts::not_run,
}

/// Checks that a text has all parts of a name in their order. An exit code is the text's last line.
#[track_caller]
fn has(name: &str, text: &str) {
    let (code, name) = match name.split_once(": ") {
        Some((code, verdict)) if code.parse::<u8>().is_ok() => (code, verdict),
        _ if name.parse::<u8>().is_ok() => (name, ""),
        _ => ("", name),
    };
    assert!(code.is_empty() || text.ends_with(&format!("\nexit code {code}")), "{code}: {text}");
    let mut rest = text;
    for part in name.split('…').map(str::trim) {
        let (_, behind) =
            rest.split_once(part).unwrap_or_else(|| panic!("{part:?} of {name:?} is not in {text}"));
        rest = behind;
    }
}

fn page(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).expect("read a page")
}

/// The text below a heading of the second level, to the next one.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).expect("the heading");
    rest.split_once("\n## ").map_or(rest, |(section, _)| section)
}

/// What stands between two signs, within a paragraph.
fn between(text: &str, sign: char) -> impl Iterator<Item = String> {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.flat_map(move |paragraph| {
        paragraph.split(sign).skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    })
}

#[track_caller]
fn same(list: &[(&str, &str)], named: impl IntoIterator<Item = String>) {
    let listed: BTreeSet<String> = list.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed.len(), list.len(), "each once");
    assert_eq!(listed, named.into_iter().collect(), "the scenarios here, and what the page names");
}

#[test]
fn each_error_that_troubleshooting_names_has_a_snapshot() {
    let page = page("docs/troubleshooting.md");
    let errors = section(&page, "Errors of fargate-migrate");
    let (headings, rest): (Vec<&str>, Vec<&str>) = errors.lines().partition(|line| line.starts_with("### "));
    let headings = headings.iter().map(|line| line.trim_start_matches("### ").trim_matches('`').to_owned());
    // A paragraph names an error, too, where it has a part that varies, and others.
    let named =
        between(&rest.join("\n"), '`').filter(|text| text.contains('…') && text != "…").collect::<Vec<_>>();
    same(ERRORS, headings.chain(named));
    let reasons = section(&page, "Reasons of ECS").lines().filter_map(|line| line.strip_prefix("- `"));
    same(REASONS, reasons.filter_map(|line| Some(line.split_once('`')?.0.to_owned())));
}

#[test]
fn each_end_that_the_readme_names_has_a_snapshot() {
    let page = page("README.md");
    let ends = section(&page, "Verdicts and exit codes");
    let rows = ends.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    let rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    // Exit code 0 is no error.
    let rows = rows.filter(|row| row[0].parse::<u8>().is_ok_and(|code| code != 0));
    let verdicts = rows.flat_map(|row| match row[2] {
        "" => vec![row[0].to_owned()],
        verdicts => verdicts.split(", ").map(|verdict| format!("{}: {verdict}", row[0])).collect(),
    });
    let paragraphs = ends.lines().filter(|line| !line.starts_with('|')).collect::<Vec<_>>().join("\n");
    same(ENDS, verdicts.chain(between(&paragraphs, '*')).collect::<Vec<_>>());
}

#[test]
fn each_snapshot_has_a_scenario() {
    let directory = Path::new(ROOT).join("tests/stories").join(SNAPSHOTS);
    let files = std::fs::read_dir(directory).expect("the snapshots");
    let files = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
    let names: BTreeSet<String> =
        files.filter_map(|file| Some(file.strip_suffix(".snap")?.to_owned())).collect();
    let scenarios = [ERRORS, REASONS, ENDS].concat();
    assert_eq!(names, scenarios.iter().map(|(_, scenario)| (*scenario).to_owned()).collect());
}
