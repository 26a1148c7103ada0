//! How the plan of a rollback is shown.

use super::data::data;
use super::history::number;
use super::images::ContainerImage;
use super::ran::Span;
use super::schema::minute;
use super::{BackPlan, ServiceBack, Side, Update, Way, definition_name, were};
use crate::arn;
use crate::document::{Content, Document, Line, Lines, Rank, Section, Table};
use crate::plan::RevisionPlan;
use crate::ports::DeploymentStatus;
use crate::words::{counted, duration};

impl BackPlan {
    pub fn document(&self) -> Document {
        let account = format!("{} in {}", self.account.caller.account, self.account.region);
        let facts = vec![("account", account.into()), ("cluster", self.cluster.clone().into())];
        let head = Section::of([Content::Facts(facts), Content::Notes(self.notes.clone())]);
        Document {
            title: Line::from("Plan: roll back ")
                .and(counted(self.services.len(), "service"))
                .and(" on ")
                .and(self.cluster.clone()),
            lead: Some("Nothing has been changed."),
            sections: std::iter::once(head)
                .chain(self.services.iter().flat_map(|one| sections(one, self)))
                .collect(),
            data: data(self),
            ..Document::default()
        }
    }
}

fn sections(one: &ServiceBack, plan: &BackPlan) -> Vec<Section> {
    let to = one.to.as_ref().map_or_else(
        || "what ran before, which ECS does not name".to_owned(),
        |to| side(to, Some(&one.from)),
    );
    let mut facts: Vec<(&'static str, Line)> =
        vec![("from", side(&one.from, one.to.as_ref()).into()), ("to", to.into())];
    let ran = one.to.as_ref().and_then(|to| to.span).map(when);
    facts.extend(ran.map(|ran| ("ran", ran.into())));
    facts.push(("how", way(one).into()));
    facts.push(("schema", schema(one, plan.accepted).into()));
    facts.push(("timeout", duration(one.timeout.as_millis() as i64).into()));
    let service =
        Section::of([Content::Facts(facts)]).titled(Line::from("Service ").and(one.service.name.clone()));
    let sql = one.sql.as_ref().map(|sql| sql.section("What the old code may not survive"));
    [Some(service), sql, stays(one), difference(one)].into_iter().flatten().collect()
}

/// Describes a side as `0123abc (web:7, sha256:…, service revision 42)`.
fn side(side: &Side, other: Option<&Side>) -> String {
    let image = side.image(other);
    let digest =
        image.and_then(|image| image.digest.clone()).unwrap_or_else(|| "a digest that is not known".into());
    let definition = definition_name(&side.task_definition).to_owned();
    let revision = side.revision.as_deref().map(|revision| format!("service revision {}", number(revision)));
    let about: Vec<String> = [Some(definition), Some(digest), revision].into_iter().flatten().collect();
    match image.and_then(ContainerImage::tag) {
        Some(tag) => format!("{tag} ({})", about.join(", ")),
        None => about.join(", "),
    }
}

fn when(span: Span) -> String {
    match (span.from, span.until) {
        (Some(from), Some(until)) => format!("{} to {}", minute(from), minute(until)),
        (Some(from), None) => format!("since {}", minute(from)),
        _ => "at a time that is not known".to_owned(),
    }
}

fn way(one: &ServiceBack) -> String {
    match &one.way {
        Way::TakeBack { deployment, status, paused } => {
            let name = arn::name(deployment);
            match (status, paused) {
                (DeploymentStatus::RollbackRequested | DeploymentStatus::RollbackInProgress, _) => {
                    format!("ECS goes back from deployment {name} already: it is followed to its end")
                }
                (_, Some(hook)) => format!(
                    "ECS takes back deployment {name}, which is paused at lifecycle hook {hook}: ContinueServiceDeployment \
                     with ROLLBACK"
                ),
                _ => format!(
                    "ECS takes back deployment {name}, which is {}: StopServiceDeployment with ROLLBACK",
                    status.name()
                ),
            }
        }
        Way::Update(update) => update_sentence(update, one),
    }
}

fn update_sentence(update: &Update, one: &ServiceBack) -> String {
    let own = one.to.as_ref().map(|to| definition_name(&to.task_definition)).unwrap_or_default();
    let forced = if update.force { ", forced, since the service has that already" } else { "" };
    match &update.revision {
        RevisionPlan::Register(_) => {
            let why = match one.is_only_inactive() {
                true => "which is INACTIVE",
                false => "with the images named by their digests",
            };
            format!("register a copy of {own}, {why}, then UpdateService with it")
        }
        RevisionPlan::Reuse(arn) if definition_name(arn) == own => {
            format!("UpdateService with {own}{forced}")
        }
        RevisionPlan::Reuse(arn) => {
            format!("UpdateService with {}, which is a copy of {own} already{forced}", definition_name(arn))
        }
    }
}

impl ServiceBack {
    /// Returns whether the copy names every image as its original does: it is needed only because that is INACTIVE.
    fn is_only_inactive(&self) -> bool {
        let Way::Update(update) = &self.way else { return false };
        let images = self.to.iter().flat_map(|to| &to.images);
        images
            .clone()
            .all(|image| update.definition.image(&image.container) == Some(image.reference.as_str()))
    }
}

fn schema(one: &ServiceBack, accepted: bool) -> String {
    let schema = &one.schema;
    let from = schema.from.as_deref().unwrap_or_default();
    if !schema.newer.is_empty() {
        let taken = match (&one.way, accepted) {
            (Way::TakeBack { .. }, _) => "; the tasks that ECS goes back to run with it now",
            (Way::Update(_), true) => ", which is accepted",
            (Way::Update(_), false) => "",
        };
        return format!("newer: {} migrated by another image, by {from}{taken}", were(&schema.newer));
    }
    match (&schema.from, schema.unknown.is_empty()) {
        (None, _) => "not known".to_owned(),
        (Some(_), false) => format!("not known for {}", counted(schema.unknown.len(), "database")),
        (Some(_), true) => {
            format!("the same, as far as {from} tells of {}", counted(schema.known, "database"))
        }
    }
}

/// Lists the settings that do not come back; none where there are none.
fn stays(one: &ServiceBack) -> Option<Section> {
    // A terminal shows no head of a table.
    let was = |value: &Option<String>| match value {
        Some(value) => format!("was {value}"),
        None => "was not set".to_owned(),
    };
    let is = |value: &Option<String>| match value {
        Some(value) => format!("stays {value}"),
        None => "stays unset".to_owned(),
    };
    let rows = one.stays.iter().map(|stays| {
        (None, vec![Line::from(stays.setting.clone()), was(&stays.was).into(), is(&stays.is).into()])
    });
    let table =
        Table { head: vec!["setting", "then", "now, and after"], rows: rows.collect(), rest: String::new() };
    (!one.stays.is_empty()).then(|| {
        Section::of([Content::Table(table)])
            .within(Rank::Reason, 3)
            .titled(Line::from("Does not come back for ").and(one.service.name.clone()))
    })
}

fn difference(one: &ServiceBack) -> Option<Section> {
    let diff = Lines { language: "diff", text: one.diff.clone(), more: " of the diff.", ..Lines::default() };
    (!one.diff.is_empty()).then(|| {
        Section::of([Content::Lines(diff)])
            .within(Rank::Detail, 2)
            .titled(Line::from("Task definition of ").and(one.service.name.clone()))
    })
}
