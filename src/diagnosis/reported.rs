//! Why a database is not migrated, by its own migration report: the server's or the program's words, as phrases.
//!
//! PostgreSQL's messages, for servers that speak another language its SQLSTATEs (PostgreSQL 17, appendix A), which
//! pgx, JDBC and the shop print, and MySQL's messages where they differ. As with ECS's reasons, no verdict depends on
//! them.

use super::{Diagnosis, normal};
use crate::migration_report::MigrationReport;

struct ReportedCause {
    /// One phrase of each group is in the text: lowercase, plain quotes.
    phrases: &'static [&'static [&'static str]],
    diagnosis: Diagnosis,
}

macro_rules! rows {
    ($($phrases:expr, $cause:expr, $fix:expr;)*) => {
        &[$(ReportedCause { phrases: &$phrases, diagnosis: Diagnosis { cause: $cause, fix: $fix } }),*]
    };
}

/// The first one that matches wins: the server and the way to it first, then the schema.
const ROWS: &[ReportedCause] = rows! {
    [&["password authentication failed", "no pg_hba.conf entry", "access denied for user", "sqlstate 28p01",
        "sqlstate 28000"]],
        "the database server refused the user",
        "check the user's name, the secret with its password, and whether the server wants TLS";
    [&["database \"", "unknown database", "sqlstate 3d000"],
        &["does not exist", "unknown database", "sqlstate 3d000"]],
        "the server has no database of this name",
        "create the database first, or correct its name";
    [&["too many connections", "too many clients already", "remaining connection slots", "sqlstate 53300"]],
        "the database server had no connection left",
        "run fewer at once: lower --max-parallel, or how many databases a task migrates at a time; or raise the \
         server's max_connections";
    [&["lock timeout", "lock wait timeout", "deadlock detected", "could not obtain lock", "holds the lock",
        "sqlstate 55p03", "sqlstate 40p01"]],
        "something else held a lock that the migration needs",
        "look for another migration of this database and for long transactions in it (pg_stat_activity), then run \
         again";
    [&["statement timeout"]],
        "a statement took longer than the server's or the user's statement_timeout",
        "raise statement_timeout for the migration's user, or let the migration work in smaller batches";
    [&["no space left on device", "could not extend file", "sqlstate 53100"]],
        "the database server's disk is full",
        "give the server more storage, then run again";
    [&["read-only transaction", "read-only option", "sqlstate 25006"]],
        "the connection leads to a server that takes no writes",
        "give the task the writer's address, not that of a replica or a reader endpoint";
    [&["stopped by sigterm", "stopped by sigint", "due to user request", "of being cancelled"]],
        "it was cancelled, most often because its task was told to end",
        "see from the task who has stopped it, then run again for what is left";
    [&["terminating connection", "server closed the connection", "connection reset", "connection closed",
        "the database system is", "server has gone away", "sqlstate 57p0"]],
        "the database server ended the connection",
        "see in the server's log why (a restart, a failover, too little memory), then run again";
    [&["connection refused", "connection timed out", "connect timed out", "timeout expired", "no route to host",
        "network is unreachable", "could not translate host name", "failed to lookup address",
        "name or service not known", "temporary failure in name resolution", "getaddrinfo",
        "can't connect to mysql server"]],
        "the task could not reach the database server",
        "check the server's host and port, that it runs, and that its security group lets the task's in";
    [&["permission denied", "must be owner of", "command denied to user", "sqlstate 42501"]],
        "the database user lacks a right that the migration needs",
        "grant it to the migration's user in this database, or make that user the owner of what is changed";
    [&["already exists", "duplicate column", "sqlstate 42p07", "sqlstate 42701", "sqlstate 42710"]],
        "this database already has what the migration makes",
        "find out who made it, by hand or with another tool; remove it, or let the migration allow for it";
    [&["violates", "could not create unique index", "contains null values", "duplicate entry",
        "cannot add foreign key constraint", "sqlstate 23"]],
        "rows of this database break a rule that the migration makes or keeps",
        "look at those rows; correct them, or let the migration do so before it makes the rule";
    [&["does not exist", "doesn't exist", "unknown column", "sqlstate 42p01", "sqlstate 42703"]],
        "this database lacks what the migration builds on",
        "compare it with one that was migrated: something was removed or renamed by hand, or a migration is out of \
         order";
    [&["syntax error", "error in your sql syntax", "sqlstate 42601"]],
        "the server cannot read a statement of the migration",
        "correct the migration";
};

const FAILED: Diagnosis = Diagnosis {
    cause: "one of its migrations failed",
    fix: "correct that migration, or what it stumbled over in this database, and run again for what is left",
};
const GAVE_UP: Diagnosis = Diagnosis {
    cause: "the program gave up on this database, and blames no migration",
    fix: "read what the log of its task says of this database",
};
const PENDING: Diagnosis = Diagnosis {
    cause: "the program ended its work on this database before every migration was applied",
    fix: "read what the log of its task says of this database; the image has to apply all of them before it reports",
};

/// Returns the cause that a report's words tell. `None` when they tell none that is known.
pub(crate) fn diagnose_words(report: &MigrationReport) -> Option<Diagnosis> {
    let failed = report.failed.as_ref().map(|failed| failed.error.as_str());
    diagnose_text(&normal(&[failed, report.error.as_deref()].map(Option::unwrap_or_default).join(" | ")))
}

/// Returns the cause that a server's or a driver's words tell; the text is folded.
pub(super) fn diagnose_text(text: &str) -> Option<Diagnosis> {
    let says =
        |row: &&ReportedCause| row.phrases.iter().all(|any| any.iter().any(|phrase| text.contains(phrase)));
    ROWS.iter().find(says).map(|row| row.diagnosis)
}

/// Returns the cause that a report tells, by its words or else by what it has. `None` for one that has nothing to
/// complain of.
pub(crate) fn diagnose_report(report: &MigrationReport) -> Option<Diagnosis> {
    if report.is_clean() {
        return None;
    }
    Some(diagnose_words(report).unwrap_or(match (&report.failed, &report.error) {
        (Some(_), _) => FAILED,
        (None, Some(_)) => GAVE_UP,
        (None, None) => PENDING,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration_report::parse_line;

    fn report(more: serde_json::Value) -> MigrationReport {
        let mut report = serde_json::json!({ "version": 1, "database": "shop", "pending": 1 });
        if let (Some(report), Some(more)) = (report.as_object_mut(), more.as_object()) {
            report.extend(more.clone());
        }
        let line = serde_json::json!({ "migration_report": report }).to_string();
        parse_line(&line).expect("a report").expect("one that can be read")
    }

    fn cause(error: &str) -> &'static str {
        let failed = report(serde_json::json!({ "failed": { "version": "7", "error": error } }));
        let given_up = report(serde_json::json!({ "error": error }));
        let [one, other] = [failed, given_up].map(|report| diagnose_report(&report).expect("a cause").cause);
        if [FAILED.cause, GAVE_UP.cause].contains(&one) {
            ""
        } else {
            assert_eq!(one, other);
            one
        }
    }

    /// What PostgreSQL 15, tokio-postgres, psycopg, pgx and MySQL 8 print.
    #[test]
    fn what_servers_say_has_its_cause() {
        for (error, word) in [
            ("FATAL:  password authentication failed for user \"app\"", "refused the user"),
            ("connect: db error: FATAL: database \"tenant_9\" does not exist", "no database of this name"),
            ("FATAL: Datenbank »x« existiert nicht (SQLSTATE 3D000)", "no database of this name"),
            ("FATAL: sorry, too many clients already (SQLSTATE 53300)", "no connection left"),
            ("canceling statement due to lock timeout (SQLSTATE 55P03)", "a lock"),
            ("canceling statement due to statement timeout", "statement_timeout"),
            ("could not extend file \"base/1/2\": No space left on device", "disk is full"),
            ("cannot execute CREATE TABLE in a read-only transaction", "no writes"),
            ("canceling statement due to user request (SQLSTATE 57014)", "told to end"),
            ("another migration of this database holds the lock for longer than 30s: pid 7", "a lock"),
            ("terminating connection due to administrator command", "ended the connection"),
            ("error connecting to server: Connection refused (os error 111)", "could not reach"),
            ("could not translate host name \"db\" to address: Name or service not known", "could not reach"),
            ("permission denied for schema public (SQLSTATE 42501)", "lacks a right"),
            ("relation \"orders\" already exists (SQLSTATE 42P07)", "already has"),
            ("relation \"orders\" does not exist (SQLSTATE 42P01)", "lacks what"),
            ("role \"x\" does not exist", "lacks what"),
            ("column \"total\" of relation \"orders\" contains null values", "break a rule"),
            ("duplicate key value violates unique constraint \"orders_pkey\"", "break a rule"),
            ("syntax error at or near \"TABEL\"", "cannot read a statement"),
            ("Unknown column 'total' in 'field list'", "lacks what"),
            ("division by zero", ""),
        ] {
            let told = cause(error);
            assert!(if word.is_empty() { told.is_empty() } else { told.contains(word) }, "{error}: {told}");
        }
    }

    #[test]
    fn what_is_not_known_is_told_by_what_the_report_has() {
        let told = |more| diagnose_report(&report(more)).map(|diagnosis| diagnosis.cause);
        assert_eq!(told(serde_json::json!({ "failed": { "version": 7 } })), Some(FAILED.cause));
        assert_eq!(told(serde_json::json!({ "error": "out of luck" })), Some(GAVE_UP.cause));
        assert_eq!(told(serde_json::json!({})), Some(PENDING.cause));
        assert_eq!(told(serde_json::json!({ "pending": 0 })), None);
    }
}
