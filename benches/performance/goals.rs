//! What was wanted, and whether the figures have it.

use crate::data::{Everything, Measured, Rollouts, Rounds, WITHOUT_REPORT, rounds};

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
    goals.extend(deploys(everything));
    goals.extend(fleets(everything));
    goals
}

fn one_database(everything: &Everything) -> Vec<Goal> {
    let one = everything.one.as_ref().map(|one| &one.found);
    let case = one.and_then(|one| one.cases.first());
    let shown_to_end = case.map(|case| rounds(&case.ours, |run| run.shown_to_end).median());
    let end_to_stopped = case.map(|case| rounds(&case.ours, |run| run.end_to_stopped).median());
    let without_report = one.and_then(|one| {
        let case = one.cases.iter().find(|case| case.name == WITHOUT_REPORT)?;
        Some((rounds(&case.ours, |run| run.exit_to_end).median(), one.log_drain))
    });
    let ministack = one.and_then(|one| Some((one.ministack.as_ref()?, one.log_drain)));
    vec![
        Goal {
            wanted: "one database: from its container's exit being shown to the end of the program at most 1 s (median)",
            found: shown_to_end.map(|seconds| (format!("{seconds:.2} s"), seconds <= 1.0)),
        },
        Goal {
            wanted: "without a report: from the exit itself at most `--log-drain` and 1 s (median)",
            found: without_report.map(|(seconds, drain)| {
                (format!("{seconds:.2} s with `--log-drain` {drain:.0}s"), seconds <= drain + 1.0)
            }),
        },
        Goal {
            wanted: "it ends before the task is STOPPED (median)",
            found: end_to_stopped.map(|seconds| (format!("by {seconds:.1} s"), seconds > 0.0)),
        },
        Goal {
            wanted: "8 s or more before the baseline (median)",
            found: case.map(|case| {
                let before = case.before_baseline().median();
                (format!("{before:.1} s"), before >= 8.0)
            }),
        },
        Goal {
            wanted: "ten databases one after the other: earlier than with STOPPED awaited each time (median)",
            found: one.map(|one| {
                let saved = one.in_a_row.saved.median();
                (format!("{saved:.0} s in sum"), saved > 0.0)
            }),
        },
        Goal {
            wanted: "MiniStack, a task of 8 s: at most 10.5 s (median)",
            found: ministack.map(|(found, _)| {
                let seconds = found.with_report.median();
                (format!("{seconds:.1} s"), seconds <= 10.5)
            }),
        },
        Goal {
            // What geekcell's run-task v5 takes for the same task: it reads no log.
            wanted: "the same without a report: at most 12.3 s and `--log-drain` (median)",
            found: ministack.map(|(found, drain)| {
                let seconds = found.without_report.median();
                (format!("{seconds:.1} s"), seconds <= 12.3 + drain)
            }),
        },
    ]
}

fn deploys(everything: &Everything) -> Vec<Goal> {
    let sizes = everything.deploy.as_ref().map(|deploy| deploy.found.sizes.as_slice());
    // The slowest of the sizes.
    let slowest = |of: fn(&Rollouts) -> &Rounds| {
        sizes.map(|sizes| sizes.iter().map(|size| of(size).median()).fold(0.0, f64::max))
    };
    let second = |seconds: f64| (format!("{seconds:.2} s"), seconds <= 1.0);
    vec![
        Goal {
            wanted: "1 to 10 services: from `finishedAt` of a service deployment to *deployed* at most 1 s (median)",
            found: slowest(|size| &size.finished_to_verdict).map(second),
        },
        Goal {
            wanted: "from ROLLBACK_IN_PROGRESS to *rolled back* being said at most 1 s (median)",
            found: slowest(|size| &size.rollback_to_verdict).map(second),
        },
        Goal {
            wanted: "a deploy takes at most 10 % of each API bucket over its length",
            found: sizes.map(|sizes| {
                let share = sizes.iter().map(Rollouts::largest_share).fold(0.0, f64::max) * 100.0;
                (format!("{share:.1} % at most"), share <= 10.0)
            }),
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
            wanted: "1,000 databases: at most 1.05 × the floor",
            found: thousand.map(|size| (format!("{:.3} ×", size.over_floor()), size.over_floor() <= 1.05)),
        },
        Goal {
            wanted: "at most 3 calls for each beyond its RunTask",
            found: thousand
                .map(|size| (format!("{:.2}", size.beyond_run_task()), size.beyond_run_task() <= 3.0)),
        },
        Goal {
            wanted: "no call throttled at the default share",
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
        Goal {
            wanted: "the schema of a database of some 60 tables: at most 50 ms (median)",
            found: everything.schema.as_ref().map(|Measured { found, .. }| {
                let milliseconds = found.listing.median() * 1000.0;
                (format!("{milliseconds:.0} ms for {} tables", found.tables), milliseconds <= 50.0)
            }),
        },
        Goal {
            wanted: "the witness before a command that does nothing: at most 50 ms (median)",
            found: everything.witness.as_ref().map(|Measured { found, .. }| {
                let milliseconds = found.overhead() * 1000.0;
                (format!("{milliseconds:.0} ms"), milliseconds <= 50.0)
            }),
        },
        Goal {
            wanted: "the witness as a layer of an image, made and pushed: at most 2 s (median)",
            found: everything
                .witness
                .as_ref()
                .map(|Measured { found, .. }| (format!("{:.2} s", found.layer()), found.layer() <= 2.0)),
        },
        Goal {
            wanted: "its executable: at most 5 MB",
            found: everything.witness.as_ref().map(|Measured { found, .. }| {
                let megabytes = found.bytes as f64 / 1e6;
                (format!("{megabytes:.1} MB"), megabytes <= 5.0)
            }),
        },
    ]
}
