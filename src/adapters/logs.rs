//! CloudWatch Logs.

use std::error::Error;

use anyhow::Result;
use aws_config::{Region, SdkConfig};
use aws_sdk_cloudwatchlogs::Client;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{aws_error, throttling};
use crate::ports::{Call, FilterPage, LogEvent, LogGroup, LogPage, LogStream, StreamEvent};

/// Events of one page: GetLogEvents gives 10,000 events or 1 MB, whichever comes first.
const PAGE_EVENTS: i32 = 10_000;

pub fn client(config: &SdkConfig, region: &str) -> Client {
    Client::from_conf(
        aws_sdk_cloudwatchlogs::config::Builder::from(config)
            .region(Region::new(region.to_owned()))
            .retry_classifier(throttling::NotRetried)
            .build(),
    )
}

/// GetLogEvents from the head. A stream that does not exist yet is an error to CloudWatch Logs, and no error to us:
/// it appears with the container's first output.
pub async fn page(client: &Client, stream: &LogStream, token: Option<&str>) -> Result<LogPage> {
    let answer = client
        .get_log_events()
        .log_group_name(&stream.group)
        .log_stream_name(&stream.name)
        .start_from_head(true)
        .limit(PAGE_EVENTS)
        .set_next_token(token.map(str::to_owned))
        .send()
        .await;
    let doing = || format!("read log stream {} of log group {}", stream.name, stream.group);
    let Some(answer) = unless_missing(Call::GET_LOG_EVENTS, doing, answer)? else {
        return Ok(LogPage::Absent);
    };
    let events = answer.events.unwrap_or_default().into_iter();
    let events = events.map(|one| event(one.timestamp, one.message)).collect();
    Ok(LogPage::Events { events, next: answer.next_forward_token })
}

/// FilterLogEvents of the streams that begin with the group's prefix. It names no stream, so none can be missing; a
/// group that is missing has no events yet.
pub async fn filter(
    client: &Client,
    group: &LogGroup,
    since: i64,
    token: Option<&str>,
) -> Result<FilterPage> {
    let answer = client
        .filter_log_events()
        .log_group_name(&group.name)
        .log_stream_name_prefix(&group.stream_prefix)
        .start_time(since)
        .limit(PAGE_EVENTS)
        .set_next_token(token.map(str::to_owned))
        .send()
        .await;
    let doing = || format!("read the log streams {}* of log group {}", group.stream_prefix, group.name);
    let Some(answer) = unless_missing(Call::FILTER_LOG_EVENTS, doing, answer)? else {
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

/// None when the group or the stream does not exist.
fn unless_missing<T, E>(
    call: Call,
    doing: impl FnOnce() -> String,
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if aws_error::code(&error) == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(aws_error::failed(call, &doing(), error)),
    }
}

fn event(timestamp: Option<i64>, message: Option<String>) -> LogEvent {
    LogEvent { timestamp: timestamp.unwrap_or_default(), message: message.unwrap_or_default() }
}
