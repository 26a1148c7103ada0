//! What was wanted, and whether the figures have it.

use crate::data::{Everything, Measured, Run, rounds};

struct Goal {
    wanted: &'static str,
    found: Option<(String, bool)>,
}

/// A table of them.
pub fn goals(everything: &Everything) -> String {
    let mut text = "| goal | measured | |\n| --- | --- | --- |\n".to_owned();
    for Goal { wanted, found } in all(everything) {
        let (found, word) = match found {
            None => ("not measured".to_owned(), ""),
            Some((found, true)) => (found, "met"),
            Some((found, false)) => (found, "**missed**"),
        };
        text += &format!("| {wanted} | {found} | {word} |\n");
    }
    text
}

fn all(everything: &Everything) -> Vec<Goal> {
    let mut goals = one_database(everything);
    goals.extend(fleets(everything));
    goals
}

fn one_database(everything: &Everything) -> Vec<Goal> {
    let case = everything.one.as_ref().and_then(|one| one.found.cases.first());
    let noticed = case.map(|case| rounds(&case.ours, |run| run.noticed).median());
    let overheads =
        case.map(|case| [&case.ours, &case.baseline].map(|runs| rounds(runs, Run::overhead).median()));
    let calls = case.map(|case| rounds(&case.ours, |run| run.all_calls() as f64).median());
    vec![
        Goal {
            wanted: "one database: the end of its task is noticed within 1 s (median)",
            found: noticed.map(|seconds| (format!("{seconds:.2} s"), seconds <= 1.0)),
        },
        Goal {
            wanted: "overhead at most a fifth of the baseline's",
            found: overheads.map(|[ours, baseline]| {
                (format!("{ours:.2} s of {baseline:.2} s: 1/{:.1}", baseline / ours), ours * 5.0 <= baseline)
            }),
        },
        Goal {
            wanted: "at most 15 AWS calls for a task of 30 s",
            found: calls.map(|calls| (format!("{calls:.0}"), calls <= 15.0)),
        },
    ]
}

fn fleets(everything: &Everything) -> Vec<Goal> {
    let sizes = everything.fleet.as_ref().map(|fleet| fleet.found.sizes.as_slice()).unwrap_or_default();
    let size = |databases| sizes.iter().find(|size| size.databases == databases);
    let (thousand, five_thousand) = (size(1_000), size(5_000));
    let packed = everything.packed.as_ref().map(|Measured { found, .. }| found);
    let of_5000 = |sizes: &[crate::data::Size]| sizes.iter().find(|size| size.databases == 5_000).cloned();
    let packs = packed.and_then(|packed| of_5000(&packed.packed));
    let single = packed.and_then(|packed| of_5000(&packed.single));
    let real = packed.map(|packed| &packed.real).filter(|real| real.databases >= 5_000);
    let slowest_log = everything.logs.as_ref().map(|logs| {
        logs.found.paths.iter().map(crate::data::LogPath::lines_per_second).fold(f64::INFINITY, f64::min)
    });
    vec![
        Goal {
            wanted: "1,000 databases: at most 1.10 × the floor",
            found: thousand.map(|size| (format!("{:.3} ×", size.over_floor()), size.over_floor() <= 1.10)),
        },
        Goal {
            wanted: "at most 3 calls for each beyond its RunTask",
            found: thousand
                .map(|size| (format!("{:.2}", size.beyond_run_task()), size.beyond_run_task() <= 3.0)),
        },
        Goal {
            wanted: "none throttled at the default share",
            found: thousand.map(|size| (size.throttled.to_string(), size.throttled == 0)),
        },
        Goal {
            wanted: "5,000 databases: no more calls for each than with 1,000",
            found: thousand.zip(five_thousand).map(|(thousand, more)| {
                let (few, many) = (thousand.calls_per_database(), more.calls_per_database());
                (format!("{many:.3}, {few:.3} with 1,000"), many <= few)
            }),
        },
        Goal {
            wanted: "5,000 databases: at most 200 MiB, the simulated AWS in the same process included",
            found: five_thousand.map(|size| (format!("{:.0} MiB", size.peak_mib), size.peak_mib <= 200.0)),
        },
        Goal {
            wanted: "packs, 5,000 databases, nothing pending: 50 × faster than one task each",
            found: packs.as_ref().zip(single.as_ref()).map(|(packs, single)| {
                let faster = single.makespan / packs.makespan;
                (format!("{faster:.0} ×"), faster >= 50.0)
            }),
        },
        Goal {
            wanted: "the same 5,000 in a real PostgreSQL, against one simulated task each",
            found: real.zip(single.as_ref()).map(|(real, single)| {
                let faster = single.makespan / real.makespan;
                (format!("{faster:.0} ×, {:.3} calls for each", real.calls_each()), faster >= 50.0)
            }),
        },
        Goal {
            wanted: "packs: at most 0.2 calls for each",
            found: packs
                .as_ref()
                .map(|size| (format!("{:.3}", size.calls_per_database()), size.calls_per_database() <= 0.2)),
        },
        Goal {
            wanted: "logs: 200,000 lines a second through the follower, all of them, in order",
            found: slowest_log.map(|lines| (format!("{lines:.0} a CPU second at least"), lines >= 200_000.0)),
        },
    ]
}
