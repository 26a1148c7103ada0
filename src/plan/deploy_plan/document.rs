//! How the plan of a deploy is shown.

use super::data::{Shown, data};
use super::{DeployPlan, FirstPlan};
use crate::arn;
use crate::document::{Content, Document, Line, Lines, Rank, Section};
use crate::failure::{Failure, listed};
use crate::plan::facts::image_sentence;
use crate::plan::service_notes::strategy;
use crate::plan::{RevisionPlan, Update};
use crate::words::{counted, duration, millis};

impl DeployPlan {
    /// Describes the plan.
    ///
    /// # Errors
    /// As [`crate::plan::Plan::document`].
    pub fn document(&self) -> Result<Document, Failure> {
        let shown =
            self.services.iter().map(|service| Shown::of(service, self)).collect::<Result<Vec<_>, _>>()?;
        let names: Vec<&str> = self.services.iter().map(|service| service.name()).collect();
        let deploy = Line::from("deploy ").and(listed(&names)).and(" on ").and(self.cluster.clone());
        let (title, before, migration) = match &self.first {
            FirstPlan::Migrate(plan) => {
                let Document { sections, data, .. } = plan.document()?;
                let count = counted(plan.databases().count() + plan.proved.len(), "database");
                let title = Line::from("Plan: migrate ").and(count).and(", then ").and(deploy);
                (title, sections, Some(data))
            }
            FirstPlan::ProvedElsewhere(image) => {
                let facts = vec![
                    ("account", format!("{} in {}", self.account.caller.account, self.account.region).into()),
                    ("cluster", self.cluster.clone().into()),
                    ("image", image_sentence(image, true).into()),
                ];
                let said = Content::Warning(
                    "--no-migration: nothing is migrated, and that the databases fit this image is proved elsewhere"
                        .into(),
                );
                let sections = vec![Section::of([Content::Facts(facts), said])];
                (Line::from("Plan: ").and(deploy).and(" without a migration"), sections, None)
            }
        };
        let order = match &self.first {
            FirstPlan::Migrate(_) => {
                "when every database is proved migrated with this image, all revisions are registered, \
                                      and then all services are updated"
            }
            FirstPlan::ProvedElsewhere(_) => {
                "all revisions are registered, and then all services are updated"
            }
        };
        let services =
            Section::of([Content::Facts(vec![("order", order.into())]), Content::Notes(self.notes.clone())])
                .titled("Services");
        let each = shown.iter().flat_map(service);
        let data = data(self, &shown, migration);
        Ok(Document {
            title,
            lead: Some("Nothing has been changed."),
            sections: before.into_iter().chain([services]).chain(each).collect(),
            rest: Some("more calls"),
            data,
            ..Document::default()
        })
    }
}

fn service(shown: &Shown<'_>) -> Vec<Section> {
    let Shown { plan, revision, update, diff, input } = shown;
    let running = plan.running.name();
    let to = match (revision, update) {
        (RevisionPlan::Register(_), _) => {
            format!("register a new revision of {}, made from {}", plan.base.family(), plan.base.name())
        }
        (RevisionPlan::Reuse(arn), Update::None) if plan.under_way.is_some() => {
            let name = arn::name(arn);
            match plan.under_way.as_ref().is_some_and(|under_way| under_way.is_of(arn)) {
                true => {
                    format!("{name}: a deployment of it is under way, no call is made, and it is followed")
                }
                false => {
                    format!("{name}: the service has it, and the end of what is under way is waited for")
                }
            }
        }
        (RevisionPlan::Reuse(_), Update::None) => {
            "it runs this already, as its complete deployment: no call is made, and its tasks are looked at"
                .to_owned()
        }
        (RevisionPlan::Reuse(arn), Update::Force) => {
            format!("{}: its deployment did not end well, so a new one is forced", arn::name(arn))
        }
        (RevisionPlan::Reuse(arn), Update::Send) => {
            format!("use {}: it is already what is wanted", arn::name(arn))
        }
    };
    let images = plan.containers.iter().map(|name| {
        let was = plan.running.image(name).unwrap_or("no image");
        ("container", Line::from(name.clone()).and(", now ").and(was.to_owned()))
    });
    let mut facts: Vec<(&'static str, Line)> = vec![("from", running.into()), ("to", to.into())];
    facts.extend(images);
    facts.push(("strategy", strategy(&plan.service.rules).into()));
    facts.push(("wanted", counted(u64::try_from(plan.service.desired).unwrap_or_default(), "task").into()));
    facts.push(("timeout", format!("{} from UpdateService on", duration(millis(plan.timeout))).into()));
    if let Some(under_way) = &plan.under_way {
        facts.push(("under way", under_way.words().into()));
    }
    let title = Line::from("Service ").and(plan.name().to_owned());
    let mut sections = vec![Section::of([Content::Facts(facts)]).titled(title)];
    if !diff.is_empty() {
        let diff = Lines { language: "diff", text: diff.clone(), more: " of the diff.", ..Lines::default() };
        sections.push(Section::of([Content::Lines(diff)]).within(Rank::Detail, 2));
    }
    if let Some(input) = input {
        let call = Lines {
            language: "json",
            text: format!("{input:#}"),
            fold: Some(Line::from("UpdateService for ").and(plan.name().to_owned())),
            whole: true,
            ..Lines::default()
        };
        sections.push(Section::of([Content::Lines(call)]).within(Rank::Rest, 1));
    }
    sections
}
