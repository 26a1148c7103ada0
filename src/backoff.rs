//! How long to wait before something is tried again.

use std::time::Duration;

/// Returns between three quarters of `pause` and all of it, so that callers that failed together do not come
/// back together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    // Without randomness the pause is whole: nothing else hangs on it.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    pause.mul_f64(0.75 + 0.25 * f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_little_shorter_and_never_the_same() {
        let pause = Duration::from_secs(1000);
        let pauses: std::collections::HashSet<Duration> = (0..50).map(|_| jittered(pause)).collect();
        assert!(pauses.len() > 25, "{pauses:?}");
        assert!(pauses.iter().all(|one| (pause * 3 / 4..=pause).contains(one)), "{pauses:?}");
    }
}
