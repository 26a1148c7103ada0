//! What was found, on a terminal.

use std::fmt;

use crate::data::{Fleet, Image, Logs, One, Packed, Run, Size, StartUp, rounds};

impl fmt::Display for One {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "baseline: {}", self.aws_cli)?;
        let sides = self
            .cases
            .iter()
            .flat_map(|case| [(case, "ours", &case.ours), (case, "baseline", &case.baseline)]);
        for (case, side, runs) in sides {
            writeln!(
                f,
                "{:<14} {side:<9} wall {:.1}  noticed {}  to exit {}  overhead {}  calls {:.0}",
                case.name,
                rounds(runs, |run| run.wall),
                rounds(runs, |run| run.noticed),
                rounds(runs, |run| run.to_exit),
                rounds(runs, Run::overhead),
                rounds(runs, |run| run.all_calls() as f64),
            )?;
        }
        for case in &self.cases {
            for (side, runs) in [("ours", &case.ours), ("baseline", &case.baseline)] {
                writeln!(f, "{} {side}: {:?}", case.name, runs.first().map(|run| &run.calls))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>6} databases: {:.0} s of AWS in {} tasks, {:.3} x the floor, {:.3} calls each, {} throttled, {:.0} MiB, \
             {:.1} CPU s, {:.1} s here",
            self.databases,
            self.makespan,
            self.tasks,
            self.over_floor(),
            self.calls_per_database(),
            self.throttled,
            self.peak_mib,
            self.cpu_seconds,
            self.real_seconds
        )
    }
}

impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sizes.iter().try_for_each(|size| writeln!(f, "{size}"))
    }
}

impl fmt::Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.paths.iter().try_for_each(|path| {
            writeln!(
                f,
                "{}: {:.0} lines a CPU second ({:.2} CPU s a million), {:.1} s in all, {:.0} MiB, {} reads",
                path.name,
                path.lines_per_second(),
                path.cpu_per_million(),
                path.wall,
                path.peak_mib,
                path.reads
            )
        })
    }
}

impl fmt::Display for StartUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} bytes; --plan {:.4} s, {:.1} MiB", self.binary_bytes, self.plan, self.peak_mib)?;
        self.aws_version.iter().try_for_each(|version| writeln!(f, "aws --version {version:.3} s"))
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} bytes: --binary {:.2} s, docker {} {:.2} s",
            self.app_bytes, self.binary, self.docker, self.dockerfile
        )
    }
}

impl fmt::Display for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.packed.iter().chain(&self.single).try_for_each(|size| writeln!(f, "{size}"))?;
        writeln!(f, "{:?}", self.real)
    }
}
