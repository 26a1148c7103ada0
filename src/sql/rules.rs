//! The rules: each answers one of two questions, and has a safer way. docs/sql.md has a section for each of them.

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// What does it lock, and who waits?
    Locks,
    /// What breaks the code that runs until the deploy is through?
    Breaks,
}

impl Question {
    /// Returns the word for a table and for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Locks => "locks",
            Self::Breaks => "breaks",
        }
    }
}

/// A rule by squawk's name, which is what a comment in the SQL ignores.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub name: &'static str,
    pub question: Question,
    pub by_default: bool,
    /// Who waits, or what breaks.
    pub says: &'static str,
    pub safer: &'static str,
}

/// The one rule that squawk does not have.
pub(super) const EVERY_ROW: &str = "changing-every-row";
/// Speaks of any constraint, and those below of one kind.
pub(super) const SAYS_LESS: &str = "constraint-missing-not-valid";
pub(super) const SAY_MORE: [&str; 3] =
    ["adding-foreign-key-constraint", "disallowed-unique-constraint", "adding-serial-primary-key-field"];

/// Returns all rules, in the order of the page.
pub(super) fn all() -> &'static [Rule] {
    &RULES
}

impl Rule {
    /// Finds a rule by its name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.name == name)
    }
}

const fn locks(name: &'static str, says: &'static str, safer: &'static str) -> Rule {
    Rule { name, question: Question::Locks, by_default: true, says, safer }
}

const fn breaks(name: &'static str, says: &'static str, safer: &'static str) -> Rule {
    Rule { name, question: Question::Breaks, by_default: true, says, safer }
}

const fn when_included(rule: Rule) -> Rule {
    Rule { by_default: false, ..rule }
}

static RULES: [Rule; 24] = [
    locks(
        "require-concurrent-index-creation",
        "writes to the table wait until the index is built",
        "CREATE INDEX CONCURRENTLY, outside a transaction",
    ),
    locks(
        "require-concurrent-index-deletion",
        "reads and writes of the table wait while the index is dropped, and behind whoever it waits for",
        "DROP INDEX CONCURRENTLY, outside a transaction",
    ),
    locks(
        "require-concurrent-reindex",
        "writes to the table, and reads by the index, wait until it is built again",
        "REINDEX CONCURRENTLY, outside a transaction",
    ),
    locks(
        "require-concurrent-partition-detach",
        "reads and writes of the partitioned table wait while the partition is detached",
        "DETACH PARTITION … CONCURRENTLY, outside a transaction",
    ),
    locks(
        SAYS_LESS,
        "reads and writes of the table wait while all rows are checked",
        "ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in a later transaction",
    ),
    locks(
        "adding-foreign-key-constraint",
        "writes to both tables wait while all rows are checked",
        "ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in a later transaction",
    ),
    locks(
        "disallowed-unique-constraint",
        "reads and writes of the table wait until the index of the constraint is built",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … UNIQUE USING INDEX",
    ),
    locks(
        "adding-serial-primary-key-field",
        "reads and writes of the table wait until the index of the key is built",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … PRIMARY KEY USING INDEX",
    ),
    locks(
        "adding-not-nullable-field",
        "reads and writes of the table wait while all rows are checked",
        "a CHECK (… IS NOT NULL) NOT VALID that is validated first: SET NOT NULL then reads no row",
    ),
    locks(
        "adding-field-with-default",
        "reads and writes of the table wait while the whole table is rewritten",
        "add the column without the volatile default, and fill it in batches",
    ),
    locks(
        "changing-column-type",
        "reads and writes of the table may wait while the whole table is rewritten",
        "a new column of the new type, filled in batches; drop the old one in a later release",
    ),
    locks(
        EVERY_ROW,
        "writes to any row of the table wait until the transaction ends",
        "change the rows in batches, each in its own transaction",
    ),
    when_included(locks(
        "require-lock-timeout",
        "it waits for its lock without an end, and everyone else behind it",
        "SET lock_timeout first, or let the migrator set it",
    )),
    breaks(
        "ban-drop-column",
        "code that runs may still read or write the column",
        "stop using it in one release, drop it in the next",
    ),
    breaks(
        "ban-drop-table",
        "code that runs may still read or write the table",
        "stop using it in one release, drop it in the next",
    ),
    breaks(
        "ban-drop-view",
        "code that runs may still read the view",
        "stop using it in one release, drop it in the next",
    ),
    breaks(
        "ban-drop-schema",
        "code that runs may still use what is in the schema",
        "stop using it in one release, drop it in the next",
    ),
    breaks(
        "ban-set-schema",
        "code that runs may look for it in the old schema",
        "a view of the old name in the old schema, until no code uses it",
    ),
    breaks(
        "renaming-column",
        "code that runs knows the old name only",
        "add a column and keep both equal by a trigger; drop the old one in a later release",
    ),
    breaks(
        "renaming-table",
        "code that runs knows the old name only",
        "a view of the old name, until no code uses it",
    ),
    breaks(
        "adding-required-field",
        "inserts of code that runs do not name the column and fail, and on a table with rows the statement itself does",
        "add the column with a default, or without NOT NULL until the new code fills it",
    ),
    when_included(breaks(
        "ban-drop-function",
        "code that runs may still call the function",
        "stop using it in one release, drop it in the next",
    )),
    when_included(breaks(
        "ban-drop-type",
        "code that runs may still name the type",
        "stop using it in one release, drop it in the next",
    )),
    when_included(breaks(
        "ban-drop-default",
        "inserts of code that runs may rely on the default",
        "drop the default when no code relies on it",
    )),
];
