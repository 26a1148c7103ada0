//! Counts, durations and sentences, as every output writes them.

use std::time::Duration;

use indicatif::HumanCount;

/// Counts things: `1 line`, `2,048 lines`.
pub(crate) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{} {noun}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}

/// Formats milliseconds: `870 ms`, `4.1 s`, `48 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn duration(ms: i64) -> String {
    let and = |rest: i64, unit: &str| if rest == 0 { String::new() } else { format!(" {rest} {unit}") };
    match ms {
        ..0 => "0 ms".to_owned(),
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        10_000..60_000 => format!("{} s", ms / 1_000),
        60_000..3_600_000 => format!("{} min{}", ms / 60_000, and(ms % 60_000 / 1_000, "s")),
        _ => format!("{} h{}", ms / 3_600_000, and(ms % 3_600_000 / 60_000, "min")),
    }
}

/// Returns the milliseconds, as [`duration`] takes them.
pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Makes the first letter a capital.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_counts_read_well() {
        let shown: Vec<String> =
            [-5, 0, 999, 1_000, 4_199, 59_999, 60_000, 185_000, 3_600_000, 7_800_000].map(duration).to_vec();
        assert_eq!(
            shown,
            ["0 ms", "0 ms", "999 ms", "1.0 s", "4.1 s", "59 s", "1 min", "3 min 5 s", "1 h", "2 h 10 min"]
        );
        let counts: Vec<String> = [0_usize, 1, 999, 1_000, 1_234_567].map(|n| counted(n, "line")).to_vec();
        assert_eq!(counts, ["0 lines", "1 line", "999 lines", "1,000 lines", "1,234,567 lines"]);
    }
}
