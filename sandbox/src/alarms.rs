//! CloudWatch alarms, as far as deployments look at them: which are in ALARM.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The names of alarms that are in ALARM.
#[derive(Debug, Default)]
pub(crate) struct Alarms(Mutex<BTreeSet<String>>);

impl Alarms {
    pub fn set(&self, name: &str, in_alarm: bool) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if in_alarm {
            names.insert(name.into());
        } else {
            names.remove(name);
        }
    }

    pub fn is_in_alarm(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}
