//! What a reviewer reads before a revision is registered.
use super::TaskDefinition;
impl TaskDefinition {
    pub fn diff(&self, to: &Self, ours: &[&str]) -> String {
        let _ = ours;
        if self.same_as(to) { String::new() } else { "changed\n".into() }
    }
}
