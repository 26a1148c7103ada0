//! The revisions that tasks run: what RunTask does not tell a task, its revision does.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::task_definition::TaskDefinition;

/// Revisions that are kept, and that are read at a time, at most.
const MOST: usize = 100;

/// Revisions by ARN: each as it was read, or why it could not be.
#[derive(Debug, Clone, Default)]
pub struct Revisions(HashMap<String, Result<Arc<TaskDefinition>, String>>);

impl Revisions {
    /// Keeps the revisions that are known already.
    pub fn of<'a>(known: impl IntoIterator<Item = &'a TaskDefinition>) -> Self {
        let known =
            known.into_iter().filter_map(|one| Some((one.arn()?.to_owned(), Ok(Arc::new(one.clone())))));
        Self(known.collect())
    }

    /// Knows this one alone.
    pub fn of_one(arn: &str, revision: &TaskDefinition) -> Self {
        Self(HashMap::from([(arn.to_owned(), Ok(Arc::new(revision.clone())))]))
    }

    /// Lists those of `wanted` that have to be read, 100 at most, including those that could not be read before.
    pub fn unread<'a>(&self, wanted: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let is_known = |arn: &&str| matches!(self.0.get(*arn), Some(Ok(_)));
        let unread: BTreeSet<&str> = wanted.into_iter().filter(|arn| !is_known(arn)).collect();
        unread.into_iter().take(MOST).map(str::to_owned).collect()
    }

    /// Keeps what was read. When that would be too many, it forgets all earlier ones: they can be read again.
    pub fn read(&mut self, revisions: Vec<(String, Result<TaskDefinition, String>)>) {
        if self.0.len() + revisions.len() > MOST {
            self.0.clear();
        }
        self.0.extend(revisions.into_iter().map(|(arn, read)| (arn, read.map(Arc::new))));
    }

    /// Returns a revision that was read.
    ///
    /// # Errors
    /// Says why it is not known.
    pub fn get(&self, arn: &str) -> Result<&TaskDefinition, String> {
        match self.0.get(arn) {
            Some(Ok(revision)) => Ok(revision),
            Some(Err(why)) => Err(format!("its revision {arn} cannot be read: {why}")),
            None => Err(format!("its revision {arn} was not read")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::document;

    fn revision(number: usize) -> (String, Result<TaskDefinition, String>) {
        (format!("t:{number}"), TaskDefinition::from_json(document(), "test").map_err(|error| error.message))
    }

    #[test]
    fn each_is_read_once_and_only_so_many_are_kept() {
        let mut revisions = Revisions::default();
        let wanted: Vec<String> = (0..250).map(|number| format!("t:{number}")).collect();
        let unread = |revisions: &Revisions| revisions.unread(wanted.iter().map(String::as_str));
        assert_eq!(unread(&revisions).len(), MOST);
        revisions.read((0..MOST).map(revision).collect());
        assert!(revisions.get("t:99").is_ok());
        assert!(revisions.get("t:100").is_err_and(|why| why.contains("was not read")));
        assert_eq!(revisions.unread(["t:99", "t:99", "t:120", "t:120"]), ["t:120"]);
        revisions.read(vec![revision(120), ("t:121".into(), Err("access denied".into()))]);
        assert_eq!(revisions.0.len(), 2, "the others can be read again");
        assert_eq!(revisions.unread(["t:120", "t:121"]), ["t:121"], "what was denied may be allowed now");
        assert!(revisions.get("t:121").is_err_and(|why| why.contains("access denied")));
    }
}
