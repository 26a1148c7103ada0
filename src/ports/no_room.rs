//! A lack of room to run a task, by the text that tells of it.

/// Why there is no room for a task now. It passes: tasks of the account end, and capacity comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// The account runs as much at a time as its quota lets it.
    Quota,
    /// Another zone may have room. `RESOURCE:ENI` and its kind come from the account's own capacity.
    Zone,
}

impl NoRoom {
    /// Reads a reason of RunTask's failures[], or the message of its exception: AWS uses both. "You've" is written
    /// with more than one apostrophe; no phrase here has one, and each has a space, so that no name is taken for it.
    pub fn of(text: &str) -> Option<Self> {
        let words = text.to_lowercase();
        let quota = words.contains("limit on the number of")
            && ["vcpus", "tasks", "run concurrently"].iter().any(|word| words.contains(word));
        if quota {
            Some(Self::Quota)
        } else if words.contains("capacity is unavailable") || text.starts_with("RESOURCE:") {
            Some(Self::Zone)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_room_is_told_from_what_does_not_pass() {
        for (text, expected) in [
            ("You’ve reached the limit on the number of vCPUs you can run concurrently", Some(NoRoom::Quota)),
            ("You've reached the limit on the number of tasks you can run concurrently", Some(NoRoom::Quota)),
            ("You've reached the limit on the number of Fargate Spot vCPUs", Some(NoRoom::Quota)),
            (
                "Capacity is unavailable at this time. Please try again later or in a different availability zone",
                Some(NoRoom::Zone),
            ),
            ("RESOURCE:ENI", Some(NoRoom::Zone)),
            ("MISSING", None),
            ("INACTIVE", None),
            ("the limit on the number of tags is 50", None),
            ("Override for container named RESOURCE:CPU is not a container in the TaskDefinition.", None),
        ] {
            assert_eq!(NoRoom::of(text), expected, "{text}");
        }
    }
}
