//! Drift: databases at the same version whose schemas differ.

use std::collections::HashMap;

use crate::words::counted;

/// What a report says of a database's schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SchemaSeen<'a> {
    /// The version that the database is at.
    pub current: Option<&'a str>,
    /// Stands for its schema: equal texts, equal schemas.
    pub schema: Option<&'a str>,
}

/// How a database's schema differs from those of the others at its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// More than half of the `databases` at its version have one schema, and it has another one.
    FromMost { most: usize, databases: usize },
    /// The `databases` at its version have so many schemas, and no schema is that of more than half of them.
    NoMost { schemas: usize, databases: usize },
}

impl Drift {
    /// Explains it in one sentence, lowercase, without a full stop.
    pub fn explain(&self) -> String {
        match self {
            Self::FromMost { most, databases } => {
                format!(
                    "its schema is not the one that {most} of {} at its version have",
                    counted(*databases, "database")
                )
            }
            Self::NoMost { schemas, databases } => format!(
                "the {} at its version have {schemas} schemas, and no schema is that of more than half of them",
                counted(*databases, "database")
            ),
        }
    }
}

/// Returns, for each database, how it differs from the others at its version; none where it does not, where it is the
/// only one at its version, or where its version or its schema is not known.
pub(crate) fn drifts(databases: &[SchemaSeen<'_>]) -> Vec<Option<Drift>> {
    let mut versions: HashMap<&str, HashMap<&str, usize>> = HashMap::new();
    for (current, schema) in databases.iter().filter_map(known) {
        *versions.entry(current).or_default().entry(schema).or_default() += 1;
    }
    let drift = |seen: &SchemaSeen<'_>| {
        let (current, schema) = known(seen)?;
        let schemas = versions.get(current)?;
        if schemas.len() < 2 {
            return None;
        }
        let databases = schemas.values().sum();
        match schemas.iter().find(|(_, count)| **count * 2 > databases) {
            Some((most, _)) if *most == schema => None,
            Some((_, most)) => Some(Drift::FromMost { most: *most, databases }),
            None => Some(Drift::NoMost { schemas: schemas.len(), databases }),
        }
    };
    databases.iter().map(drift).collect()
}

fn known<'a>(seen: &SchemaSeen<'a>) -> Option<(&'a str, &'a str)> {
    seen.current.zip(seen.schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen<'a>(databases: &[(&'a str, &'a str)]) -> Vec<SchemaSeen<'a>> {
        let text = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        databases
            .iter()
            .map(|(current, schema)| SchemaSeen { current: text(current), schema: text(schema) })
            .collect()
    }

    #[test]
    fn whoever_has_another_schema_than_most_has_drifted() {
        let from = |most, databases| Some(Drift::FromMost { most, databases });
        let none = |schemas, databases| Some(Drift::NoMost { schemas, databases });
        type Case<'a> = (&'a [(&'a str, &'a str)], Vec<Option<Drift>>);
        let cases: [Case<'_>; 9] = [
            (&[], vec![]),
            (&[("57", "a")], vec![None]),
            (&[("57", "a"), ("57", "a"), ("57", "a")], vec![None, None, None]),
            (&[("57", "a"), ("57", "b"), ("57", "a")], vec![None, from(2, 3), None]),
            // Of two, none can be told to be the right one; nor of three that all differ, nor of two halves.
            (&[("57", "a"), ("57", "b")], vec![none(2, 2), none(2, 2)]),
            (&[("57", "a"), ("57", "b"), ("57", "c")], vec![none(3, 3); 3]),
            (&[("57", "a"), ("57", "a"), ("57", "b"), ("57", "b")], vec![none(2, 4); 4]),
            // Other versions, absent versions and absent schemas have no say.
            (&[("57", "a"), ("58", "b"), ("", "c"), ("57", "")], vec![None; 4]),
            (
                &[("57", "a"), ("57", "a"), ("57", ""), ("57", "b"), ("58", "c"), ("58", "d")],
                vec![None, None, None, from(2, 3), none(2, 2), none(2, 2)],
            ),
        ];
        for (databases, expected) in cases {
            assert_eq!(drifts(&seen(databases)), expected, "{databases:?}");
        }
    }

    #[test]
    fn it_reads_as_a_sentence() {
        assert_eq!(
            Drift::FromMost { most: 57, databases: 58 }.explain(),
            "its schema is not the one that 57 of 58 databases at its version have"
        );
        assert_eq!(
            Drift::NoMost { schemas: 2, databases: 2 }.explain(),
            "the 2 databases at its version have 2 schemas, and no schema is that of more than half of them"
        );
    }
}
