//! Pure: links into the AWS console.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::arn;
use crate::ports::LogStream;

/// The characters that are percent-encoded: all but those that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns the address of a task's page. `caller_arn` tells the partition, whose console has a domain of its own.
pub(crate) fn task_url(caller_arn: &str, region: &str, cluster: &str, task_id: &str) -> String {
    format!(
        "https://{region}.{}/ecs/v2/clusters/{}/tasks/{}?region={region}",
        domain(caller_arn),
        encoded(arn::name(cluster)),
        encoded(task_id)
    )
}

/// Returns the address of a service's page with its events.
pub(crate) fn service_url(caller_arn: &str, region: &str, cluster: &str, service: &str) -> String {
    format!(
        "https://{region}.{}/ecs/v2/clusters/{}/services/{}/events?region={region}",
        domain(caller_arn),
        encoded(arn::name(cluster)),
        encoded(service)
    )
}

/// Returns the address of a log stream's page. The console takes group and stream encoded twice, with `$` for the
/// second `%`.
pub(crate) fn log_url(caller_arn: &str, stream: &LogStream) -> String {
    let twice = |text: &str| encoded(&encoded(text)).replace('%', "$");
    format!(
        "https://{region}.{}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{}/log-events/{}",
        domain(caller_arn),
        twice(&stream.group),
        twice(&stream.name),
        region = stream.region,
    )
}

fn domain(caller_arn: &str) -> &'static str {
    match arn::partition(caller_arn) {
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_go_to_the_partitions_console() {
        let stream = LogStream {
            region: "us-east-1".into(),
            group: "/ecs/startupwebapp-migrations".into(),
            name: "migration/migration/0123".into(),
        };
        assert_eq!(
            log_url("arn:aws:sts::1:x", &stream),
            "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/\
             $252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0123"
        );
        assert_eq!(
            task_url("arn:aws-cn:sts::1:x", "cn-north-1", "arn:aws-cn:ecs:cn-north-1:1:cluster/c", "0123"),
            "https://cn-north-1.console.amazonaws.cn/ecs/v2/clusters/c/tasks/0123?region=cn-north-1"
        );
        assert_eq!(
            service_url("arn:aws:sts::1:x", "eu-west-1", "arn:aws:ecs:eu-west-1:1:cluster/c", "web"),
            "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/c/services/web/events?region=eu-west-1"
        );
    }
}
