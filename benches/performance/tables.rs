//! What was found, as tables: for docs/performance.md and for a terminal.

use std::fmt::Write as _;

use crate::data::{
    Case, Deploys, Fleet, Image, Logs, Measured, MiniStack, One, Packed, Real, Rounds, Run, Schema, StartUp,
    Witness, rounds,
};

/// The tables of a measurement, and where it was made.
pub fn told<T>(measured: &Measured<T>, tables: impl Fn(&T) -> String) -> String {
    let Measured { circumstances: at, found } = measured;
    format!(
        "{}\n`{}` in {:.0} s, {} UTC, commit {}{}; {} × {}, {:.0} GiB, {}; load {:.1} before, {:.1} after.",
        tables(found),
        at.command,
        at.seconds,
        at.date,
        at.commit,
        if at.changed { " with changes" } else { "" },
        at.cores,
        at.processor,
        at.memory_gib,
        at.system,
        at.load[0],
        at.load[1],
    )
}

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut table = line(head.iter().map(ToString::to_string).collect());
    table +=
        &line(head.iter().enumerate().map(|(n, _)| if n == 0 { "---" } else { "---:" }.to_owned()).collect());
    rows.into_iter().for_each(|row| table += &line(row));
    table
}

pub fn one(one: &One) -> String {
    let head = [
        "seconds: median (range)",
        "wall",
        "exit to end",
        "shown to end",
        "end to STOPPED",
        "overhead",
        "before the baseline",
        "AWS calls",
    ];
    let mut text = table(&head, one.cases.iter().flat_map(sides));
    let _ = writeln!(
        text,
        "\n{} rounds of each, {} sandboxes at a time, fargate-migrate and the baseline one after the other on each; baseline with \
         {}; without a report `--log-drain` {:.0}s.\n",
        one.cases.first().map_or(0, |case| case.ours.len()),
        one.at_a_time,
        one.aws_cli,
        one.log_drain,
    );
    text += &calls(one);
    let in_a_row = &one.in_a_row;
    let share = in_a_row.saved.median() / (in_a_row.makespan.median() + in_a_row.saved.median());
    let _ = writeln!(
        text,
        "\n{} databases one after the other, simulated: {:.0} s, {:.0} s less than with STOPPED awaited each time \
         ({:.0} %).\n",
        in_a_row.databases,
        in_a_row.makespan,
        in_a_row.saved,
        share * 100.0,
    );
    text += &one.ministack.as_ref().map_or_else(|| "MiniStack: not measured.\n".to_owned(), ministack);
    text
}

fn sides(case: &Case) -> Vec<Vec<String>> {
    let before = |side: &str| match side {
        "fargate-migrate" if !case.baseline.is_empty() => format!("{:.1}", case.before_baseline()),
        _ => String::new(),
    };
    let sides = [("fargate-migrate", &case.ours), ("baseline", &case.baseline)];
    let measured = sides.into_iter().filter(|(_, runs)| !runs.is_empty());
    let rows = measured.map(|(side, runs)| {
        vec![
            format!("{}, {side}", case.name),
            format!("{:.1}", rounds(runs, |run| run.wall)),
            format!("{:.1}", rounds(runs, |run| run.exit_to_end)),
            format!("{:.2}", rounds(runs, |run| run.shown_to_end)),
            format!("{:.1}", rounds(runs, |run| run.end_to_stopped)),
            format!("{:.1}", rounds(runs, Run::overhead)),
            before(side),
            format!("{:.0}", rounds(runs, |run| run.all_calls() as f64)),
        ]
    });
    rows.collect()
}

fn ministack(found: &MiniStack) -> String {
    let rows = [
        ("fargate-migrate", &found.with_report),
        ("fargate-migrate, without a report", &found.without_report),
        ("baseline", &found.baseline),
    ];
    let head = format!("MiniStack {}, a task of {} s", found.version, found.seconds);
    table(
        &[&head, "wall, seconds: median (range)"],
        rows.map(|(name, rounds)| vec![name.to_owned(), format!("{rounds:.1}")]),
    )
}

/// What the calls of the first case are.
fn calls(one: &One) -> String {
    let Some(case) = one.cases.first() else { return String::new() };
    let mut names: Vec<&String> =
        case.ours.iter().chain(&case.baseline).flat_map(|run| run.calls.keys()).collect();
    names.sort();
    names.dedup();
    let median = |runs: &[Run], name: &str| {
        format!("{:.0}", rounds(runs, |run| run.calls.get(name).copied().unwrap_or_default() as f64).median())
    };
    let rows = names
        .into_iter()
        .map(|name| vec![format!("`{name}`"), median(&case.ours, name), median(&case.baseline, name)]);
    table(&[&format!("calls, {}, median", case.name), "fargate-migrate", "baseline"], rows)
}

pub fn fleet(fleet: &Fleet) -> String {
    let head = [
        "databases",
        "tasks",
        "makespan",
        "× floor",
        "calls each",
        "beyond RunTask",
        "throttled",
        "peak MiB",
        "CPU s",
        "took here",
    ];
    table(
        &head,
        fleet.sizes.iter().map(|size| {
            vec![
                size.databases.to_string(),
                size.tasks.to_string(),
                duration(size.makespan),
                format!("{:.3}", size.over_floor()),
                format!("{:.3}", size.calls_per_database()),
                format!("{:.3}", size.beyond_run_task()),
                size.throttled.to_string(),
                format!("{:.0}", size.peak_mib),
                format!("{:.1}", size.cpu_seconds),
                format!("{:.1} s", size.real_seconds),
            ]
        }),
    )
}

pub fn deploy(found: &Deploys) -> String {
    let head = [
        "services",
        "run, seconds: median (range)",
        "finished to seen",
        "finished to deployed",
        "going back to rolled back",
        "AWS calls",
        "largest share of a bucket",
    ];
    let mut text = table(
        &head,
        found.sizes.iter().map(|size| {
            vec![
                size.services.to_string(),
                format!("{:.0}", size.length),
                format!("{:.2}", size.finished_to_seen),
                format!("{:.2}", size.finished_to_verdict),
                format!("{:.2}", size.rollback_to_verdict),
                format!("{:.0}", size.calls.values().sum::<f64>()),
                format!("{:.1} %", size.largest_share() * 100.0),
            ]
        }),
    );
    let sizes: Vec<String> = found.sizes.iter().map(|size| size.services.to_string()).collect();
    let head: Vec<&str> =
        std::iter::once("calls, median, by services").chain(sizes.iter().map(String::as_str)).collect();
    let mut names: Vec<&String> = found.sizes.iter().flat_map(|size| size.calls.keys()).collect();
    names.sort();
    names.dedup();
    let rows = names.into_iter().map(|name| {
        let count = |calls: &std::collections::BTreeMap<String, f64>| {
            format!("{:.0}", calls.get(name).copied().unwrap_or_default())
        };
        let counts = found.sizes.iter().map(|size| count(&size.calls));
        std::iter::once(format!("`{name}`")).chain(counts).collect()
    });
    text += "\n";
    text += &table(&head, rows);
    let rounds = found.sizes.first().map_or(0, |size| size.rounds);
    let _ = writeln!(
        text,
        "\n{rounds} rounds of each with an image that starts, and {rounds} with one that does not."
    );
    text
}

pub fn packed(found: &Packed) -> String {
    let single = |databases: usize| found.single.iter().find(|size| size.databases == databases);
    let head = [
        "databases",
        "tasks",
        "makespan",
        "calls each",
        "throttled",
        "one task each",
        "calls each",
        "faster",
    ];
    let rows = found.packed.iter().map(|size| {
        let other = single(size.databases);
        vec![
            size.databases.to_string(),
            size.tasks.to_string(),
            duration(size.makespan),
            format!("{:.3}", size.calls_per_database()),
            size.throttled.to_string(),
            other.map_or_else(String::new, |other| duration(other.makespan)),
            other.map_or_else(String::new, |other| format!("{:.2}", other.calls_per_database())),
            other.map_or_else(String::new, |other| format!("{:.0} ×", other.makespan / size.makespan)),
        ]
    });
    format!("{}\n{}", table(&head, rows), check(&found.real))
}

/// Many databases a task, with a real server.
pub fn check(real: &Real) -> String {
    format!(
        "{} databases of {:.1} MB in {}, {} tasks: {}, {} calls ({:.3} each), {} throttled; the longest container worked \
         for {:.1} s. fargate-migrate itself: {:.1} CPU s, {:.0} MiB.\n",
        real.databases,
        real.megabytes_per_database,
        real.server,
        real.tasks,
        duration(real.makespan),
        real.calls,
        real.calls_each(),
        real.throttled,
        real.longest_container,
        real.cpu_seconds,
        real.peak_mib,
    )
}

pub fn logs(logs: &Logs) -> String {
    let head = ["path", "lines", "lines a CPU second", "CPU s a million", "whole run", "calls", "peak MiB"];
    table(
        &head,
        logs.paths.iter().map(|path| {
            vec![
                path.name.clone(),
                path.lines.to_string(),
                format!("{:.0}", path.lines_per_second()),
                format!("{:.2}", path.cpu_per_million()),
                format!("{:.1} s", path.wall),
                path.reads.to_string(),
                format!("{:.0}", path.peak_mib),
            ]
        }),
    )
}

pub fn start_up(found: &StartUp) -> String {
    let mut rows = vec![
        vec!["`fargate-migrate migrate --plan`, median (range)".to_owned(), milliseconds(&found.plan)],
        vec!["its memory".to_owned(), format!("{:.1} MiB", found.peak_mib)],
        vec!["size of the program".to_owned(), format!("{:.1} MB", found.binary_bytes as f64 / 1e6)],
    ];
    rows.extend(
        found.aws_version.iter().map(|version| vec!["`aws --version`".to_owned(), milliseconds(version)]),
    );
    table(&["start-up", ""], rows)
}

pub fn image(found: &Image) -> String {
    let faster = found.dockerfile.median() / found.binary.median();
    let rows = [("`--binary`", &found.binary), ("`docker build` and push", &found.dockerfile)];
    format!(
        "{}\n{faster:.1} × faster, for an executable of {:.1} MB; Docker Engine {}.\n",
        table(
            &["an image in ECR", "seconds: median (range)"],
            rows.map(|(name, rounds)| vec![name.to_owned(), format!("{rounds:.2}")])
        ),
        found.app_bytes as f64 / 1e6,
        found.docker,
    )
}

pub fn witness(found: &Witness) -> String {
    let rows = [
        ("`true`", &found.alone),
        ("the same behind the witness", &found.in_front),
        ("a migration of an image in ECR", &found.without),
        ("the same with the witness as a new layer", &found.with),
    ];
    format!(
        "{}\nThe executable has {:.1} MB. Server: {}.\n",
        table(
            &["what", "milliseconds: median (range)"],
            rows.map(|(name, rounds)| vec![name.to_owned(), milliseconds(rounds)])
        ),
        found.bytes as f64 / 1e6,
        found.server,
    )
}

pub fn schema(found: &Schema) -> String {
    table(
        &["a database in", "tables", "objects", "its listing: median (range)"],
        [vec![
            found.server.clone(),
            found.tables.to_string(),
            found.objects.to_string(),
            milliseconds(&found.listing),
        ]],
    )
}

fn milliseconds(rounds: &Rounds) -> String {
    format!("{:.0} ms", Rounds(rounds.0.iter().map(|seconds| seconds * 1000.0).collect()))
}

fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}
