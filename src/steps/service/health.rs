//! The health of what was deployed, by an address that it answers at: so many good answers in a row.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::HealthFlags;
use crate::ports::{AddressReads, HttpAnswer};
use crate::untrusted::phrase;
use crate::words::counted;

/// How long good answers are waited for: a load balancer drains its old targets for up to 300 s by default.
const HEALTH_DEADLINE: Duration = Duration::from_secs(300);
const BETWEEN: Duration = Duration::from_secs(2);

/// Asks until enough answers in a row are good, or the time is over: an error says what was wrong with the last bad
/// one.
pub(super) async fn healthy(
    world: &impl AddressReads,
    url: &str,
    flags: &HealthFlags,
    patience: Duration,
) -> Result<String, String> {
    let expected = flags.health_expect.as_deref();
    let wanted = flags.health_successes.max(1);
    let until = Instant::now() + patience.min(HEALTH_DEADLINE);
    let (mut good, mut last) = (0, String::new());
    loop {
        let verdict = match world.get(url).await {
            Ok(answer) => judged(&answer, expected),
            Err(error) => Err(format!("{error:#}")),
        };
        match verdict {
            Ok(()) => good += 1,
            Err(why) => (good, last) = (0, why),
        }
        if good >= wanted {
            let with = expected.map(|text| format!(", each with {}", phrase(text))).unwrap_or_default();
            return Ok(format!("{} in a row{with}", counted(wanted, "good answer")));
        }
        if Instant::now() + BETWEEN >= until {
            let last = if last.is_empty() { "too few answers in time".to_owned() } else { last };
            return Err(format!(
                "the health address gave no {} in a row: {last}",
                counted(wanted, "good answer")
            ));
        }
        sleep(BETWEEN).await;
    }
}

/// Judges an answer: it needs a status of 200 to 299 and, where a text is expected, that text in body or header,
/// because the old image answers as well.
fn judged(answer: &HttpAnswer, expected: Option<&str>) -> Result<(), String> {
    if !(200..300).contains(&answer.status) {
        return Err(format!("it answers {}", answer.status));
    }
    let has = |text: &str| {
        answer.body.contains(text) || answer.headers.iter().any(|(_, value)| value.contains(text))
    };
    match expected.filter(|text| !has(text)) {
        Some(text) => Err(format!("it answers {} without {} in body or header", answer.status, phrase(text))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;

    /// The last answer repeats.
    struct Answers(RefCell<VecDeque<Option<HttpAnswer>>>);

    impl AddressReads for Answers {
        async fn get(&self, _: &str) -> anyhow::Result<HttpAnswer> {
            let mut answers = self.0.borrow_mut();
            let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
            next.flatten().ok_or_else(|| anyhow::anyhow!("app.internal cannot be reached from here"))
        }
    }

    fn answer(status: u16, header: &str, body: &str) -> Option<HttpAnswer> {
        let headers = vec![("x-commit".to_owned(), header.to_owned())];
        Some(HttpAnswer { status, headers, body: body.to_owned() })
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_good_answers_in_a_row_and_the_old_image_is_none() {
        for (answers, successes, expected) in [
            (vec![answer(200, "new", "")], 3, Ok(4)),
            (vec![answer(200, "", "I am new")], 3, Ok(4)),
            (vec![answer(204, "new", "")], 1, Ok(0)),
            // One from the old image in between: it counts anew.
            (vec![answer(200, "new", ""), answer(200, "old", "old"), answer(200, "new", "")], 3, Ok(8)),
            (vec![None, answer(503, "new", ""), answer(200, "new", "")], 2, Ok(6)),
            (vec![answer(200, "old", "old")], 1, Err("it answers 200 without new in body or header")),
            (vec![answer(302, "new", "")], 1, Err("it answers 302")),
            (vec![None], 1, Err("app.internal cannot be reached from here")),
        ] {
            let world = Answers(RefCell::new(answers.into()));
            let flags = HealthFlags {
                health_url: Some("http://x".into()),
                health_expect: Some("new".into()),
                health_successes: successes,
            };
            let began = Instant::now();
            let said = healthy(&world, "http://x", &flags, HEALTH_DEADLINE * 2).await;
            match (said, expected) {
                (Ok(_), Ok(seconds)) => assert_eq!(began.elapsed().as_secs(), seconds),
                (Err(why), Err(words)) => {
                    assert!(why.contains(words), "{why}");
                    assert!(began.elapsed() <= HEALTH_DEADLINE, "{:?}", began.elapsed());
                }
                (said, expected) => panic!("{said:?}, not {expected:?}"),
            }
        }
    }
}
