//! CloudWatch Logs.

use anyhow::Result;
use aws_config::Region;
use aws_sdk_cloudwatchlogs::Client;

use super::aws_error::unless;
use super::call_log::CallLog;
use super::{Aws, throttling};
use crate::ports::{Call, FilterPage, LogEvent, LogGroup, LogPage, LogReads, LogStream, StreamEvent};

/// Events of one page: GetLogEvents gives 10,000 events or 1 MB, whichever comes first.
const PAGE_EVENTS: i32 = 10_000;
/// Pages of logs that are under way at a time, when hundreds of tasks have ended together: each may have 1 MB, and
/// takes several while it is read.
pub(super) const LOG_PAGES: usize = 8;

/// What CloudWatch Logs answers when there is no such group, or no such stream.
const MISSING: &str = "ResourceNotFoundException";

impl LogReads for Aws {
    /// Calls GetLogEvents from the head. A stream that does not exist yet is an error to CloudWatch Logs, and
    /// [`LogPage::Absent`] here: it appears with the container's first output.
    async fn log_page(&self, stream: &LogStream, token: Option<&str>) -> Result<LogPage> {
        let client = self.logs_in(&stream.region);
        let doing = format!("read log stream {} of log group {}", stream.name, stream.group);
        let page = async || {
            let _one = self.log_pages.acquire().await;
            let request = client.get_log_events().log_group_name(&stream.group).log_stream_name(&stream.name);
            let request = request.start_from_head(true).limit(PAGE_EVENTS);
            // Boxed: thousands may wait for their page, and none of them is to hold room for an answer.
            unless(MISSING, Box::pin(request.set_next_token(token.map(str::to_owned)).send()).await)
        };
        let Some(answer) = self.call(Call::GET_LOG_EVENTS, &doing, page).await? else {
            return Ok(LogPage::Absent);
        };
        let events = answer.events.unwrap_or_default().into_iter();
        let events = events.map(|one| event(one.timestamp, one.message)).collect();
        Ok(LogPage::Events { events, next: answer.next_forward_token })
    }

    /// Calls FilterLogEvents for the streams that begin with the group's prefix. It names no stream, so none can be
    /// missing; a group that is missing has no events yet.
    async fn filter_log_events(
        &self,
        group: &LogGroup,
        since: i64,
        token: Option<&str>,
    ) -> Result<FilterPage> {
        let client = self.logs_in(&group.region);
        let doing = format!("read the log streams {}* of log group {}", group.stream_prefix, group.name);
        let page = async || {
            let request = client.filter_log_events().log_group_name(&group.name);
            let request = request.log_stream_name_prefix(&group.stream_prefix);
            let request = request.start_time(since).limit(PAGE_EVENTS);
            unless(MISSING, request.set_next_token(token.map(str::to_owned)).send().await)
        };
        let Some(answer) = self.call(Call::FILTER_LOG_EVENTS, &doing, page).await? else {
            return Ok(FilterPage::default());
        };
        let events = answer.events.unwrap_or_default().into_iter();
        let events = events.map(|one| StreamEvent {
            stream: one.log_stream_name.unwrap_or_default(),
            id: one.event_id.unwrap_or_default(),
            event: event(one.timestamp, one.message),
        });
        Ok(FilterPage { events: events.collect(), next: answer.next_token })
    }
}

impl Aws {
    fn logs_in(&self, region: &str) -> Client {
        let new = || {
            aws_sdk_cloudwatchlogs::config::Builder::from(&self.config)
                .region(Region::new(region.to_owned()))
                .retry_classifier(throttling::NotRetried)
                .interceptor(CallLog)
                .build()
        };
        let mut clients = self.logs.borrow_mut();
        clients.entry(region.to_owned()).or_insert_with(|| Client::from_conf(new())).clone()
    }
}

fn event(timestamp: Option<i64>, message: Option<String>) -> LogEvent {
    LogEvent { timestamp: timestamp.unwrap_or_default(), message: message.unwrap_or_default() }
}
