use serde::{Deserialize, Serialize};

/// The settings of a repository that change what it accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RepositorySettings {
    /// A tag can be put on one image only, for ever.
    pub immutable: bool,
    /// Wildcard filters of tags for which the opposite of `immutable` holds.
    pub except: Vec<String>,
    pub scan_on_push: bool,
}

impl RepositorySettings {
    /// Returns ECR's `imageTagMutability`.
    pub fn mutability(&self) -> &'static str {
        match (self.immutable, self.except.is_empty()) {
            (false, true) => "MUTABLE",
            (false, false) => "MUTABLE_WITH_EXCLUSION",
            (true, true) => "IMMUTABLE",
            (true, false) => "IMMUTABLE_WITH_EXCLUSION",
        }
    }

    pub(super) fn tag_is_immutable(&self, tag: &str) -> bool {
        self.immutable != self.except.iter().any(|filter| matches(filter, tag))
    }
}

/// Returns whether ECR's WILDCARD filter has a tag: `*` stands for any characters, everything else for itself.
fn matches(filter: &str, tag: &str) -> bool {
    let Some((head, tail)) = filter.split_once('*') else { return filter == tag };
    let Some(rest) = tag.strip_prefix(head) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusion_turns_the_rule_around() {
        let release = |immutable| RepositorySettings {
            immutable,
            except: vec!["dev-*".into(), "*-rc*".into()],
            ..Default::default()
        };
        for (tag, excepted) in
            [("dev-1", true), ("1.0-rc", true), ("1.0-rc2", true), ("dev", false), ("1.0", false)]
        {
            assert_eq!(release(true).tag_is_immutable(tag), !excepted, "{tag}");
            assert_eq!(release(false).tag_is_immutable(tag), excepted, "{tag}");
        }
    }
}
