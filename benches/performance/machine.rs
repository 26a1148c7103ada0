//! Where and when a measurement was made.

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::data::Circumstances;

pub struct Began {
    circumstances: Circumstances,
    at: Instant,
}

impl Began {
    pub fn now(what: &str, quick: bool) -> Self {
        let first = |path: &str, key: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let value = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            value.trim_matches([' ', '\t', ':', '=', '"']).to_owned()
        };
        let kib: f64 = first("/proc/meminfo", "MemTotal").replace(" kB", "").parse().unwrap_or_default();
        let circumstances = Circumstances {
            command: format!("cargo bench -- {what}{}", if quick { " --quick" } else { "" }),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M").to_string(),
            commit: git(&["rev-parse", "--short=12", "HEAD"]),
            changed: !git(&["status", "--porcelain", "--untracked-files=no", "--", ":!docs"]).is_empty(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: first("/proc/cpuinfo", "model name"),
            memory_gib: (kib / 1024.0 / 1024.0).round(),
            system: format!("{}, Linux {}", first("/etc/os-release", "PRETTY_NAME"), kernel()),
            load: [load(), 0.0],
            seconds: 0.0,
        };
        Self { circumstances, at: Instant::now() }
    }

    pub fn ended(self) -> Circumstances {
        let Circumstances { load: [before, _], .. } = self.circumstances;
        let seconds = self.at.elapsed().as_secs_f64().round();
        Circumstances { load: [before, load()], seconds, ..self.circumstances }
    }
}

/// The version alone: builds are named after whoever makes them.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim().split('-').next().unwrap_or_default().to_owned()
}

fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

fn git(arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
