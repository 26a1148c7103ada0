//! What a process costs: its CPU seconds and its largest resident set.

use std::fs;
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

/// Of /proc/PID/stat: Linux tells userspace this unit, whatever its own is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Of a program that failed.
const LAST_LINES: usize = 40;

/// CPU seconds of this process so far, its threads included.
pub fn cpu_seconds() -> f64 {
    stat_cpu_seconds("/proc/self/stat")
}

/// The largest resident set of this process so far, in MiB.
pub fn peak_mib() -> f64 {
    peak_mib_of("/proc/self/status").unwrap_or_default()
}

/// What a process was seen to cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub cpu_seconds: f64,
    pub peak_mib: f64,
    pub wall: f64,
}

/// Runs a command to its end; blocks. What it prints goes to a file, and is told when it does not end well.
///
/// # Errors
/// It cannot be started, or does not end well.
pub fn run(command: &mut Command) -> Result<Cost> {
    let mut printed = tempfile::tempfile().context("make a file for output")?;
    for output in [Command::stdout, Command::stderr] {
        output(command, Stdio::from(printed.try_clone().context("share a file for output")?));
    }
    let began = std::time::Instant::now();
    let mut child = command.spawn().context("start a program")?;
    let cost = watch(&child, began);
    let status = child.wait().context("wait for a program")?;
    if !status.success() {
        let mut text = Vec::new();
        printed
            .rewind()
            .and_then(|()| printed.read_to_end(&mut text))
            .context("read what a program printed")?;
        let text = String::from_utf8_lossy(&text);
        let last: Vec<&str> = text.lines().rev().take(LAST_LINES).collect();
        bail!("it ended with {status}:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    cost
}

/// Looks at it until it has ended, and once more before it is waited for: its CPU times are still there then.
fn watch(child: &Child, began: std::time::Instant) -> Result<Cost> {
    let (status, stat) = (format!("/proc/{}/status", child.id()), format!("/proc/{}/stat", child.id()));
    let pid = Pid::from_raw(i32::try_from(child.id()).context("read a process id")?);
    let mut cost = Cost::default();
    loop {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        let ended = waitid(Id::Pid(pid), flags).context("look at a process")?.pid().is_some();
        // The kernel keeps the maximum, so that no look has to come at the right time.
        cost.peak_mib = peak_mib_of(&status).unwrap_or(cost.peak_mib);
        if ended {
            cost.cpu_seconds = stat_cpu_seconds(&stat);
            cost.wall = began.elapsed().as_secs_f64();
            return Ok(cost);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn stat_cpu_seconds(path: &str) -> f64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The name in parentheses may have spaces; utime and stime are the 14th and 15th fields.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

fn peak_mib_of(path: &str) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.replace("kB", "");
    Some(kib.trim().parse::<f64>().ok()? / 1024.0)
}
