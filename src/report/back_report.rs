//! What `fargate-migrate rollback` did, and how it reads.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::data::{self, OUTPUT_LIMIT};
use super::services::{self, Detail, Purpose};
use super::{Annotation, OfServices, Outputs, ServiceReport, annotations, outputs};
use crate::document::{Block, Content, Document, Line, Mark, Rank, Reader, Section, Table, printed};
use crate::failure::{ExitCode, Failure};
use crate::words::duration;

/// The report of a rollback. The services have their rows from the start.
#[derive(Debug, Clone, Default)]
pub struct BackReport {
    pub cluster: String,
    /// Absent when AWS was not asked.
    pub region: Option<String>,
    pub account: Option<String>,
    pub services: Vec<ServiceReport>,
    /// What ended the run before its services could be judged.
    pub error: Option<Failure>,
    pub notes: Vec<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl OfServices for BackReport {
    fn services(&mut self) -> &mut Vec<ServiceReport> {
        &mut self.services
    }
}

impl BackReport {
    /// Makes the report of a run that begins now. Every service has its row from the start, so that it has one
    /// whatever happens.
    pub fn new(cluster: &str, region: Option<&str>, services: &[String]) -> Self {
        let row = |name: &String| ServiceReport { service: name.clone(), ..ServiceReport::default() };
        Self {
            cluster: cluster.to_owned(),
            region: region.map(str::to_owned),
            services: services.iter().map(row).collect(),
            started_at: Timestamp::now(),
            ..Self::default()
        }
    }

    /// Gives every service a verdict that has none: it did not go back, or nobody has seen what became of it.
    pub fn end_services(&mut self, why: &str) {
        services::end(&mut self.services, why);
    }

    /// Ends the run.
    pub fn end(&mut self, error: Option<Failure>) {
        let why = error.as_ref().map_or("the run ended before it", |error| error.message.as_str());
        self.end_services(why);
        self.error = error.or_else(|| self.error.take());
        self.ended_at = Some(Timestamp::now());
    }

    /// Returns how the run ends: interrupted first, then by the verdicts on its services, then by the error that kept
    /// the others from going back.
    pub fn exit_code(&self) -> ExitCode {
        let judged = services::judged(&self.services);
        match (self.error.as_ref().map(|error| error.exit_code), judged.started) {
            (Some(ExitCode::Cancelled), _) => ExitCode::Cancelled,
            (_, Some(code)) if code != ExitCode::Done => code,
            (Some(code), _) => code,
            // Nothing was asked for, so nothing is done.
            (None, _) if self.services.is_empty() => ExitCode::Service,
            (None, _) => judged.all,
        }
    }

    pub fn document(&self) -> Document {
        let is_over = self.ended_at.is_some();
        let headline = Line::from(services::headline(&self.services, Purpose::GoBack, is_over));
        let mark = match services::mark_of_all(&self.services) {
            _ if self.error.is_some() => Mark::Bad,
            Mark::Good | Mark::Doubtful if !is_over => Mark::UnderWay,
            mark => mark,
        };
        let table = |content: Table, reader| Section::of([Block::from(Content::Table(content)).only(reader)]);
        let nothing_began = self.error.is_some() && services::judged(&self.services).started.is_none();
        let in_terminal =
            if nothing_began { Table::default() } else { services::terminal_rows(&self.services) };
        let mut sections = vec![
            Section::of(services::warnings(&self.services)),
            table(in_terminal, Reader::Terminal),
            table(services::table(&self.services), Reader::Page).within(Rank::Core, 4),
        ];
        sections.extend(services::sections(&self.services));
        sections.push(self.where_it_ran());
        sections.push(Section::of([Content::Notes(self.notes.clone())]).within(Rank::Detail, 64));
        Document {
            mark: Some(mark),
            title: headline.clone(),
            conclusion: (!self.services.is_empty()).then_some(headline),
            error: self.error.clone(),
            sections,
            ..Document::default()
        }
    }

    fn where_it_ran(&self) -> Section {
        let code = |text: &String| Line::code(text.clone());
        let place = [self.region.as_ref(), self.account.as_ref()].into_iter().flatten().map(code);
        let took = self.ended_at.map(|ended| ended.as_millisecond() - self.started_at.as_millisecond());
        let facts = [
            ("cluster", Some(code(&self.cluster))),
            ("region, account", place.reduce(|region, account| region.and(", ").and(account))),
            ("started", Some(self.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string().into())),
            ("took", took.map(|took| duration(took).into())),
        ];
        let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Section::of([Block::from(Content::Facts(facts)).only(Reader::Page)]).titled("What ran")
    }

    /// Returns everything, with the end of each log.
    pub fn data(&self) -> Value {
        self.with(Detail::Whole)
    }

    /// Returns the same without logs, for a file that steps read.
    pub fn data_without_logs(&self) -> Value {
        self.with(Detail::NoLog)
    }

    pub fn outputs(&self) -> Outputs {
        outputs::of_services(&self.services, self.exit_code(), &self.output())
    }

    pub fn annotations(&self) -> Vec<Annotation> {
        annotations::of_services(self.error.as_ref(), &self.services)
    }

    fn with(&self, detail: Detail) -> Value {
        let rows: Vec<Value> = self.services.iter().map(|row| services::as_data(row, detail)).collect();
        json!({
            "version": data::VERSION,
            "exit_code": self.exit_code().number(),
            "cluster": self.cluster,
            "region": self.region,
            "account": self.account,
            "services": rows,
            "error": self.error.as_ref().map(data::error),
            "notes": self.notes,
            "started_at": self.started_at.to_string(),
            "ended_at": self.ended_at.map(|at| at.to_string()),
        })
    }

    /// Returns what fits into an output, and whether it is all but the logs.
    fn output(&self) -> (Value, bool) {
        for detail in [Detail::NoLog, Detail::Short, Detail::Verdict] {
            let value = self.with(detail);
            if printed(&value).len() <= OUTPUT_LIMIT {
                return (value, detail == Detail::NoLog);
            }
        }
        let mut value = json!({ "version": data::VERSION, "exit_code": self.exit_code().number() });
        let some = data::left_out(&self.services, OUTPUT_LIMIT);
        if let (Value::Object(value), Some(Value::Object(some))) = (&mut value, some) {
            value.extend(some);
        }
        (value, false)
    }
}

#[cfg(test)]
mod tests;
