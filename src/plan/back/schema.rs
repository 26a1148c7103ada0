//! Pure: whether the schema has moved on since what a service goes back to ran.
//!
//! Databases are migrated before the service is deployed, so the next release migrates while the old one still runs.
//! Only the *beginning* of the old one's time is a bound that misses none of those migrations: the old code meets
//! whatever another image has applied since then. What its own image has applied is its own schema, at any time.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::failure::{Failure, listed};
use crate::state::Change;
use crate::untrusted::phrase;

/// What earlier runs have recorded of databases.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorded {
    /// Where that is from; absent where no record was asked for.
    pub from: Option<String>,
    /// How many databases the record knows.
    pub known: usize,
    pub changes: Vec<(String, Change)>,
    /// Changes of databases of which only the newest change is known.
    pub newest: Vec<(String, Change)>,
    /// Databases of which nothing could be read.
    pub unread: Vec<String>,
    pub notes: Vec<String>,
}

/// What is known of the databases, for one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    /// When what it goes back to began to run; absent where ECS does not say.
    pub since: Option<Timestamp>,
    /// Databases that another image has migrated since, sorted.
    pub newer: Vec<String>,
    /// Those of [`Self::unknown`] that a task of another image may have migrated since: it failed, or what it did was
    /// not seen.
    pub perhaps_newer: Vec<String>,
    /// Databases of which that is not known, sorted.
    pub unknown: Vec<String>,
    /// The records that all that is from.
    pub from: Option<String>,
    pub known: usize,
}

impl Schema {
    /// Compares the recorded changes with what the service goes back to: `digests` are those of its images. Without
    /// `since` every change counts as a later one.
    pub(crate) fn new(recorded: &Recorded, since: Option<Timestamp>, digests: &[&str]) -> Self {
        // GitHub's times are whole seconds, cut off.
        let is_later = |change: &Change| since.is_none_or(|since| change.at.as_second() >= since.as_second());
        let is_own =
            |change: &Change| change.image_digest.as_deref().is_some_and(|one| digests.contains(&one));
        let of = |wanted: fn(Option<bool>) -> bool| -> BTreeSet<&String> {
            let all = recorded.changes.iter().chain(&recorded.newest);
            let meant = all.filter(|(_, change)| wanted(change.applied));
            let meant = meant.filter(|(_, change)| is_later(change) && !is_own(change));
            meant.map(|(database, _)| database).collect()
        };
        let newer = of(|applied| applied == Some(true));
        let mut perhaps_newer = of(|applied| applied.is_none());
        perhaps_newer.retain(|name| !newer.contains(name));
        let mut unknown = perhaps_newer.clone();
        unknown.extend(&recorded.unread);
        // A change by its own image may hide an earlier one by another image.
        let hidden = recorded.newest.iter().filter(|(_, change)| is_later(change) && is_own(change));
        unknown.extend(hidden.map(|(database, _)| database));
        let unknown = unknown.difference(&newer).map(|name| (*name).clone()).collect();
        Self {
            since,
            newer: newer.into_iter().cloned().collect(),
            perhaps_newer: perhaps_newer.into_iter().cloned().collect(),
            unknown,
            from: recorded.from.clone(),
            known: recorded.known,
        }
    }

    /// Checks that the old code meets no newer schema.
    ///
    /// # Errors
    /// It would, or may, and nobody has accepted that.
    pub(crate) fn check(&self, service: &str, accepted: bool) -> Result<(), Failure> {
        let of = |names: &[String], verb: &str| {
            let since = self.since.map(|at| format!(" since {}, when that began to run", minute(at)));
            let (count, since) = (crate::words::counted(names.len(), "database"), since.unwrap_or_default());
            format!("another image {verb} migrated {count}{since}: {}", listed(names))
        };
        let (meets, which) = match (self.newer.as_slice(), self.perhaps_newer.as_slice()) {
            _ if accepted => return Ok(()),
            ([], []) => return Ok(()),
            (newer, []) => ("meets", of(newer, "has")),
            ([], perhaps) => ("may meet", of(perhaps, "may have")),
            (newer, perhaps) => ("meets", format!("{}; {}", of(newer, "has"), of(perhaps, "may have"))),
        };
        Err(Failure::input(format!(
            "what service {} would go back to {meets} a newer schema: {which}",
            phrase(service)
        ))
        .hint("where that code works with the newer schema, add --accept-newer-schema; else deploy a fix instead"))
    }
}

/// Writes a time as `2026-11-28 16:45 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::ExitCode;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn change(database: &str, second: i64, digest: &str, applied: Option<bool>) -> (String, Change) {
        (database.into(), Change { at: at(second), image_digest: Some(digest.into()), applied })
    }

    #[test]
    fn what_another_image_has_applied_since_the_beginning_is_newer() {
        let recorded = Recorded {
            from: Some("state file s".into()),
            known: 7,
            changes: vec![
                change("before", 99, "new", Some(true)),
                // Migrated while the old code still ran: the deployment came after it.
                change("during", 100, "new", Some(true)),
                change("own", 150, "old", Some(true)),
                change("failed", 150, "new", None),
                change("both", 150, "new", None),
                change("both", 160, "new", Some(true)),
                change("failed-before", 50, "new", None),
            ],
            newest: vec![
                change("newest", 150, "new", Some(true)),
                change("hidden", 150, "old", Some(true)),
                change("newest-before", 50, "old", Some(true)),
            ],
            unread: vec!["unread".into(), "during".into()],
            notes: Vec::new(),
        };
        let schema = Schema::new(&recorded, Some(at(100)), &["old", "sidecar"]);
        assert_eq!(schema.newer, ["both", "during", "newest"]);
        assert_eq!(schema.unknown, ["failed", "hidden", "unread"]);
        let failure = schema.check("web", false).expect_err("it is newer");
        assert_eq!(failure.exit_code, ExitCode::BadInput);
        assert!(failure.message.contains("3 databases since 1970-01-01 00:01 UTC"), "{failure}");
        assert!(
            failure.message.contains(": both, during, newest; another image may have migrated 1 "),
            "{failure}"
        );
        assert!(failure.message.ends_with("when that began to run: failed"), "{failure}");
        schema.check("web", true).expect("a person takes it");

        let within = Timestamp::from_millisecond(150_900).expect("a time");
        let newer = Schema::new(&recorded, Some(within), &["old", "sidecar"]).newer;
        assert_eq!(newer, ["both", "newest"], "of the same second");

        let at_any_time = Schema::new(&recorded, None, &["old"]);
        assert_eq!(at_any_time.newer, ["before", "both", "during", "newest"], "nobody knows since when");
        let nothing = Schema::new(&Recorded::default(), Some(at(0)), &[]);
        assert_eq!(nothing, Schema { since: Some(at(0)), ..Schema::default() });
        nothing.check("web", false).expect("unknown is not a refusal");
    }

    #[test]
    fn what_another_image_may_have_applied_since_refuses_as_well() {
        let of = |changes: Vec<(String, Change)>, unread: Vec<String>| {
            let recorded = Recorded { changes, unread, ..Recorded::default() };
            Schema::new(&recorded, Some(at(100)), &["old"])
        };
        let all = vec![
            change("lost", 150, "new", None),
            change("own", 150, "old", None),
            change("before", 50, "new", None),
        ];
        let schema = of(all, vec!["unread".into()]);
        assert_eq!((&schema.newer, schema.perhaps_newer.as_slice()), (&Vec::new(), &["lost".to_owned()][..]));
        assert_eq!(schema.unknown, ["lost", "unread"]);
        let failure = schema.check("web", false).expect_err("it may be newer");
        assert_eq!(failure.exit_code, ExitCode::BadInput);
        assert!(failure.message.contains("web would go back to may meet a newer schema"), "{failure}");
        assert!(
            failure.message.contains("may have migrated 1 database since 1970-01-01 00:01 UTC"),
            "{failure}"
        );
        assert!(failure.message.ends_with(": lost"), "{failure}");
        schema.check("web", true).expect("a person takes it");
        of(Vec::new(), vec!["unread".into()]).check("web", false).expect("nothing says that a task ran");
    }

    #[test]
    fn many_are_named_by_the_first() {
        let names = (0..500).map(|n| change(&format!("t{n:03}"), 1, "new", Some(true)));
        let recorded = Recorded { changes: names.collect(), ..Recorded::default() };
        let schema = Schema::new(&recorded, Some(at(0)), &[]);
        let failure = schema.check("web", false).expect_err("all are newer");
        assert!(failure.message.contains("500 databases") && failure.message.contains("t009 and 490 more"));
        assert_eq!(schema.newer.len(), 500);
    }
}
