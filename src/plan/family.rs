//! The family that a migration's revisions go into.

use crate::failure::Failure;

/// What follows the name of a service's family.
const SUFFIX: &str = "-migration";

/// Characters of a family's name (RegisterTaskDefinition).
const LONGEST: usize = 255;

/// A family, and why it is that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    pub name: String,
    /// What a person should know of it.
    pub note: Option<String>,
}

impl Family {
    /// Chooses the family: the one that is named, else the task definition's own, unless a service runs that. Whoever
    /// deploys the newest revision of a service's family, as UpdateService does with a family's name, would get the
    /// migration's.
    ///
    /// # Errors
    /// The name that it would have is too long.
    pub fn new(named: Option<&str>, base: &str, service: Option<String>) -> Result<Self, Failure> {
        let (name, note) = match (named, service) {
            (Some(named), Some(service)) if named == base => (
                named.to_owned(),
                Some(format!(
                    "service {service} runs family {base}, and --family puts the migration's revision there: a \
                     deployment of the family's newest revision gets it"
                )),
            ),
            (Some(named), _) => (named.to_owned(), None),
            (None, None) => (base.to_owned(), None),
            (None, Some(service)) => {
                let own = own_family(base);
                let note = format!(
                    "service {service} runs family {base}, so the migration's revision goes into family {own}: no \
                     deployment of the newest {base} gets it. --family names another one"
                );
                (own, Some(note))
            }
        };
        if name.len() > LONGEST {
            let message = format!("family {name} has {} characters, and ECS takes {LONGEST}", name.len());
            return Err(Failure::input(message).hint("name a shorter one with --family"));
        }
        Ok(Self { name, note })
    }
}

/// Returns the migration's own family, where a service runs `base`: `web-migration`.
pub(crate) fn own_family(base: &str) -> String {
    format!("{base}{SUFFIX}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_family_is_left_to_the_service() {
        for (named, service, name, said) in [
            (None, None, "shop", None),
            (None, Some("web"), "shop-migration", Some("service web runs family shop, so")),
            (Some("other"), None, "other", None),
            (Some("other"), Some("web"), "other", None),
            (Some("shop"), None, "shop", None),
            (Some("shop"), Some("web"), "shop", Some("--family puts the migration's revision there")),
        ] {
            let family = Family::new(named, "shop", service.map(str::to_owned)).expect("a family");
            assert_eq!(family.name, name);
            match said {
                None => assert_eq!(family.note, None),
                Some(said) => {
                    assert!(family.note.as_ref().is_some_and(|note| note.contains(said)), "{family:?}")
                }
            }
        }
        let long = "x".repeat(250);
        let failure = Family::new(None, &long, Some("web".into())).expect_err("too long");
        assert!(failure.hint.is_some_and(|hint| hint.contains("--family")));
        assert!(Family::new(None, &long, None).is_ok());
    }
}
