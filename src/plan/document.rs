//! How a plan is shown.

use super::data::{Request, data, requests};
use super::facts::facts;
use super::listing::{is_long, listing, number};
use super::{Begun, Pack, Plan};
use crate::document::{Block, Content, Document, Line, Lines, Rank, Reader, Section};
use crate::failure::Failure;
use crate::words::counted;

impl Plan {
    /// Describes the plan.
    ///
    /// # Errors
    /// As [`Plan::revision`].
    pub fn document(&self) -> Result<Document, Failure> {
        let revision = self.revision()?;
        let diff = self.diff_of(&revision);
        let requests = requests(self, &revision);
        let facts = facts(self, &revision).into_iter().map(|(name, value)| (name, value.into())).collect();
        let facts = [Content::Facts(facts), Content::Notes(self.notes.clone())];
        let sql = self.sql.as_deref().map(|sql| sql.section("What the SQL will do"));
        let sections = [Section::of(facts)].into_iter().chain(sql).chain([difference(&diff)]);
        let sections = sections.chain(databases(self));
        let mut data = data(self, &revision, &diff, &requests);
        if let Some(sql) = &self.sql {
            data["sql"] = sql.data();
        }
        let checked = self.checked.as_deref().map(|checked| {
            data["check"] = checked.data.clone();
            let found = Section::of([Content::Paragraph(checked.title.clone())])
                .titled("What the databases have now");
            [found].into_iter().chain(checked.sections.iter().cloned())
        });
        let lead = match &self.checked {
            None => "Nothing has been changed.",
            Some(_) => {
                "Nothing has been changed in the databases: one-off tasks have asked them how far they are."
            }
        };
        Ok(Document {
            title: Line::from("Plan: migrate ")
                .and(counted(self.databases().count(), "database"))
                .and(" on ")
                .and(self.cluster.clone()),
            lead: Some(lead),
            sections: sections.chain(checked.into_iter().flatten()).chain(tasks(self, &requests)).collect(),
            rest: Some("more RunTask calls, which differ in nothing but what they migrate"),
            data,
            ..Document::default()
        })
    }
}

fn difference(diff: &str) -> Section {
    if diff.is_empty() {
        return Section::of([Content::Paragraph("no change of the task definition".into())]);
    }
    let diff = Lines { language: "diff", text: diff.to_owned(), more: " of the diff.", ..Lines::default() };
    Section::of([Content::Lines(diff)]).within(Rank::Detail, 2).titled("Task definition")
}

/// Lists every name, folded, where the facts have only the first ones.
fn databases(plan: &Plan) -> Option<Section> {
    let listing = listing(plan);
    let fold = counted(plan.databases().count() + plan.proved.len(), "database");
    let names = Lines {
        language: "text",
        text: listing.join("\n"),
        fold: Some(format!("The {fold}").into()),
        more: ": `--format json` has every name.",
        ..Lines::default()
    };
    (!listing.is_empty()).then(|| Section::of([Content::Lines(names)]).within(Rank::Detail, 4))
}

/// Describes the RunTask call of each pack. In a terminal only the first input is whole: the others differ only in
/// what they migrate, and the plan of a large fleet stays readable.
fn tasks(plan: &Plan, requests: &[Request<'_>]) -> Vec<Section> {
    let mut shown = false;
    let section = |Request { pack, input, already_running }: &Request<'_>| {
        let name = pack.name();
        let none = match (&pack.begun, already_running) {
            (Some(Begun::Task { arn, has_ended: true, .. }), _) => Some(format!(
                "task {arn} of this run has ended: it is judged first, and what it did not migrate is started again"
            )),
            (Some(Begun::Task { arn, .. }), _) => Some(format!("task {arn} of this run is followed")),
            (_, Some(arn)) => Some(format!("task {arn} migrates it now")),
            (_, None) => None,
        };
        if let Some(why) = none {
            let none = Content::Paragraph(format!("No RunTask for {name}: {why}").into());
            return Section::of([none]).within(Rank::Rest, 1);
        }
        let repeated = pack.begun.as_ref().map_or("", |_| REPEATED);
        let whole = Block::from(Content::Lines(Lines {
            language: "json",
            text: format!("{input:#}"),
            fold: Some(Line::from(format!("RunTask for {name}")).and(repeated)),
            whole: true,
            ..Lines::default()
        }));
        let whole = whole.within(Rank::Rest, 1);
        if !std::mem::replace(&mut shown, true) {
            return Section::of([whole]);
        }
        let token = input["clientToken"].as_str().unwrap_or_default();
        let variable = variable(plan, pack);
        let same = format!("RunTask for {name}{repeated}: the same, with {variable}, clientToken = {token}");
        let same = Block::from(Content::Paragraph(same.into())).only(Reader::Terminal);
        Section::of([same, whole.only(Reader::Page)])
    };
    requests.iter().map(section).collect()
}

/// What follows a call that an earlier process of the run made, or was about to make.
const REPEATED: &str = " again (it names the task of the first call, if that started one)";

/// Writes the variable that tells a task its databases, as it differs between tasks: `DATABASE_NAME = shop`.
fn variable(plan: &Plan, pack: &Pack) -> String {
    let told = plan.told(&pack.databases).environment(&plan.task.common.database_variable);
    match told.last() {
        Some((name, _)) if plan.packed && is_long(plan) => {
            format!("{name} = pack {} above ({})", number(pack), counted(pack.databases.len(), "database"))
        }
        Some((name, value)) => format!("{name} = {value}"),
        None => String::new(),
    }
}
