//! How the plan of a run is shown.

use serde_json::{Value, json};

use super::RunPlan;
use crate::document::{Content, Document, Line, Lines, Rank, Section};
use crate::failure::Failure;
use crate::plan::data::{HIDDEN, image_json};
use crate::plan::facts::{image_sentence, network_sentence};
use crate::plan::listing::brief;
use crate::plan::{RevisionPlan, run_task_input};
use crate::untrusted::phrase;
use crate::words::{counted, duration};

impl RunPlan {
    /// Describes the plan.
    ///
    /// # Errors
    /// The task definition cannot be patched.
    pub fn document(&self) -> Result<Document, Failure> {
        let revision = self.revision()?;
        let diff = match (&revision, self.revision_terms()) {
            (Some(revision), Some(terms)) => terms.diff_of(revision),
            _ => String::new(),
        };
        let requests = self.requests(revision.as_ref());
        let facts = self.facts(revision.as_ref()).into_iter().map(|(name, value)| (name, value.into()));
        let facts = [Content::Facts(facts.collect()), Content::Notes(self.notes.clone())];
        let first = requests.first().map(|input| {
            let lines = Lines {
                language: "json",
                text: format!("{input:#}"),
                fold: Some(Line::from(match requests.len() {
                    1 => "RunTask".to_owned(),
                    _ => "RunTask for the first database; the others differ in it alone".to_owned(),
                })),
                whole: true,
                ..Lines::default()
            };
            Section::of([Content::Lines(lines)]).within(Rank::Rest, 1)
        });
        let change = (!diff.is_empty()).then(|| {
            let diff =
                Lines { language: "diff", text: diff.clone(), more: " of the diff.", ..Lines::default() };
            Section::of([Content::Lines(diff)]).within(Rank::Detail, 2).titled("Task definition")
        });
        Ok(Document {
            title: Line::from("Plan: run a command on ").and(self.cluster.clone()),
            lead: Some("Nothing has been changed."),
            sections: [Section::of(facts)].into_iter().chain(change).chain(first).collect(),
            data: self.data(revision.as_ref(), &diff, &requests),
            ..Document::default()
        })
    }

    fn facts(&self, revision: Option<&RevisionPlan>) -> Vec<(&'static str, String)> {
        let account = &self.account;
        let mut facts = vec![
            ("account", format!("{} in {}", account.caller.account, account.region)),
            ("cluster", self.cluster.clone()),
        ];
        facts.push((
            "image",
            match &self.other_image {
                Some(other) => image_sentence(&other.image, true),
                None => format!("{}, as it runs now", self.base.image(&self.container).unwrap_or_default()),
            },
        ));
        let made_from = self.base.name();
        facts.push((
            "revision",
            match (revision, &self.other_image) {
                (Some(RevisionPlan::Reuse(arn)), _) => format!("reuse {arn}: it is already what is wanted"),
                (Some(RevisionPlan::Register(_)), Some(other)) => {
                    format!("register a new revision of {}, made from {made_from}", other.family)
                }
                _ => format!("{made_from}, as it is: none is registered"),
            },
        ));
        facts.push(("container", self.container.clone()));
        if let Some(service) = &self.like_service {
            facts.push(("like service", service.clone()));
        }
        facts.push(("command", commands_in_words(&self.words, self.named.as_deref())));
        facts.push(("starts as", self.starts_as()));
        if !self.databases.is_empty() {
            let names: Vec<&str> = self.databases.iter().map(AsRef::as_ref).collect();
            facts.push(("databases", brief(&names)));
            facts.push((
                "told",
                format!("{} by RunTask, for each task its own", *self.task.common.database_variable),
            ));
        }
        let roles = self.base.roles();
        facts.extend((!roles.is_empty()).then(|| ("roles", roles.join(" · "))));
        facts.push(("network", network_sentence(&self.network)));
        facts.push(("order", self.order()));
        facts
    }

    fn starts_as(&self) -> String {
        match self.base.entry_point(&self.container) {
            Some(entry) if !entry.is_empty() => {
                format!("{}: the entry point of the task definition, then the command", self.line)
            }
            _ => {
                format!("{}: behind the image's own entry point, which is not seen, if it has one", self.line)
            }
        }
    }

    fn order(&self) -> String {
        let timeout = duration(self.task.common.timeout.as_millis() as i64);
        if self.databases.len() < 2 {
            return format!("one task, {timeout} at most");
        }
        let at_once = match self.fleet.max_parallel.min(self.databases.len()) {
            1 => "one at a time".to_owned(),
            n => format!("{n} at a time"),
        };
        let after_failure = match self.fleet.stops_after() {
            None => "go on after a failure".to_owned(),
            Some(most) => format!("start no more after {}", counted(most as usize, "failure")),
        };
        format!("{at_once}, {after_failure}, {timeout} each at most")
    }

    /// Returns RunTask's inputs, without the values of `--env`.
    fn requests(&self, revision: Option<&RevisionPlan>) -> Vec<Value> {
        let new = self.other_image.as_ref().map(|other| format!("{}:<new revision>", other.family));
        let arn = match (revision, &new) {
            (Some(RevisionPlan::Reuse(arn)), _) => arn,
            (Some(RevisionPlan::Register(_)), Some(new)) => new,
            _ => self.base.arn().unwrap_or_default(),
        };
        let request = |databases: Vec<_>| {
            let mut call = self.run_task(arn, &databases, "<random>".to_owned());
            for (name, value) in &mut call.environment {
                let is_told = name == self.task.common.database_variable.as_str();
                if !is_told && !value.is_empty() {
                    HIDDEN.clone_into(value);
                }
            }
            run_task_input(&call)
        };
        self.tasks().into_iter().map(request).collect()
    }

    fn data(&self, revision: Option<&RevisionPlan>, diff: &str, requests: &[Value]) -> Value {
        let (action, arn) = match revision {
            Some(RevisionPlan::Reuse(arn)) => ("reuse", Some(arn.as_str())),
            Some(RevisionPlan::Register(_)) => ("register", None),
            None => ("none", self.base.arn()),
        };
        let image = match &self.other_image {
            Some(other) => image_json(&other.image, true),
            None => json!({"action": "none", "reference": self.base.image(&self.container)}),
        };
        json!({
            "version": 1,
            "operation": "run",
            "account": self.account.caller.account,
            "region": self.account.region,
            "cluster": self.cluster,
            "container": self.container,
            "image": image,
            "task_definition": {
                "family": self.family(),
                "base": self.base.arn(),
                "action": action,
                "arn": arn,
                "diff": diff,
            },
            "command": self.words,
            "named": self.named,
            "like_service": self.like_service,
            "starts_as": self.line,
            "databases": self.databases,
            "tasks": requests,
            "max_parallel": *self.fleet.max_parallel,
            "max_failures": self.fleet.stops_after(),
            "timeout_seconds": self.task.common.timeout.as_secs(),
            "notes": self.notes,
        })
    }
}

/// Writes a command as a person reads it, with its name in the configuration file in front.
pub(crate) fn commands_in_words(words: &[String], named: Option<&str>) -> String {
    let words = phrase(&shell_words::join(words));
    match named {
        Some(name) => format!("{name}: {words}"),
        None => words,
    }
}
