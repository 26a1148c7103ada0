//! Tells from the text of an AWS message whether its refusal passes.
//!
//! ECS asks EC2, IAM and Fargate before it answers, and hands their "slow down" on inside exceptions of its own,
//! which otherwise speak of a mistake in the request (InvalidParameterException, ClientException).

/// Why a refused call may be sent again. It had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    /// There were too many calls.
    Throttled,
    /// Something else that passes: another caller did the same in this moment, or AWS says to try later.
    Busy,
}

/// Says why a refusal passes. Returns `None` for a refusal that would be the same the next time.
pub(super) fn passing(message: &str) -> Option<Passing> {
    let message = without_names(message);
    let words = folded(&message);
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    if says(THROTTLED) || names_throttling(&message) {
        Some(Passing::Throttled)
    } else if says(BUSY) {
        Some(Passing::Busy)
    } else {
        None
    }
}

/// Tells whether this is the name of an exception that says "slow down" (the SDKs' standard retry mode).
pub(super) fn is_throttling(code: &str) -> bool {
    code == "Throttling" || CODES.contains(&code)
}

/// With their spaces none of these can stand in a name.
const THROTTLED: &[&str] = &[
    " rate exceeded ",
    " request limit exceeded ",
    " too many requests ",
    " has been throttled ",
    " was throttled ",
    " being throttled ",
    " reduce your request rate ",
    " exceeded the rate at which you can ",
];
const BUSY: &[&str] = &[
    " too many concurrent attempts to ",
    " try again later ",
    " try your request again later ",
    " please retry your request ",
    " please retry the request ",
];
const CODES: &[&str] = &[
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "EC2ThrottledException",
    "Ec2ThrottledException",
];

/// Tells whether the message names one of those exceptions, and not a container or a role of that name: the word
/// before a name ("container named …") says that it is one.
fn names_throttling(message: &str) -> bool {
    const NAMED: &[&str] = &[
        "named",
        "name",
        "called",
        "container",
        "containers",
        "family",
        "definition",
        "cluster",
        "service",
        "role",
        "group",
        "driver",
        "volume",
        "variable",
        "secret",
        "parameter",
        "option",
        "key",
        "tag",
        "value",
        "image",
        "user",
        "command",
        "namespace",
        "alias",
        "task",
        "for",
        "of",
    ];
    let mut before = "";
    message.split_whitespace().any(|word| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        // Java writes the package before it.
        let code = bare.rsplit('.').next().unwrap_or_default();
        let ends_a_label = word.ends_with([':', ')', ';']);
        let follows = before.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
        before = word;
        let is_code =
            CODES.contains(&code) || (code == "Throttling" && (ends_a_label || follows.ends_with("code")));
        is_code && !NAMED.contains(&follows.as_str())
    })
}

/// Removes what the caller may have written: quoted parts and lists in brackets, which become `_`, and ARNs.
pub(in crate::adapters) fn without_names(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut until = None;
    let mut before = ' ';
    for char in message.chars() {
        match until {
            Some(end) if char == end => {
                until = None;
                out.push('_');
            }
            Some(_) => {}
            None => match char {
                // An apostrophe stands in or after a word: You've, tasks'.
                '\'' | '\u{2018}' | '\u{2019}' if before.is_alphanumeric() => out.push(char),
                '\'' | '\u{2019}' => until = Some(char),
                '"' | '`' => until = Some(char),
                '\u{2018}' => until = Some('\u{2019}'),
                '\u{201c}' => until = Some('\u{201d}'),
                '[' => until = Some(']'),
                _ => out.push(char),
            },
        }
        before = char;
    }
    let kept = out.split_whitespace().filter(|word| !word.trim_start_matches('(').starts_with("arn:"));
    kept.collect::<Vec<_>>().join(" ")
}

/// Returns the words in lowercase with one space around each, for phrases that end where a word ends.
fn folded(text: &str) -> String {
    let words = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '\'' | '/')));
    let mut out = String::from(" ");
    for word in words.filter(|word| !word.is_empty()) {
        out.push_str(&word.to_lowercase());
        out.push(' ');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_known_by_its_text() {
        for (message, expected) in [
            (
                "Error retrieving security group information for [sg-0a1b2c3d4e5f60001]: Request limit exceeded. \
                 (ErrorCode: RequestLimitExceeded)",
                Passing::Throttled,
            ),
            ("Error retrieving subnet information for [subnet-1]: RequestLimitExceeded", Passing::Throttled),
            ("Rate exceeded", Passing::Throttled),
            ("Rate exceeded.", Passing::Throttled),
            ("ThrottlingException: Rate exceeded (Service: AmazonEC2)", Passing::Throttled),
            ("Throttling: slow down", Passing::Throttled),
            (
                "The request failed (Service: Ec2, Error Code: Throttling, Status Code: 503)",
                Passing::Throttled,
            ),
            ("An error occurred (Throttling) when calling the DescribeSubnets operation", Passing::Throttled),
            ("com.amazonaws.services.ec2.model.ThrottledException: no", Passing::Throttled),
            ("Your request has been throttled by EC2.", Passing::Throttled),
            ("Could not describe role 'x': Too Many Requests", Passing::Throttled),
            ("Too many concurrent attempts to create a new revision of the specified family.", Passing::Busy),
            ("The service is busy. Please try again later.", Passing::Busy),
        ] {
            assert_eq!(passing(message), Some(expected), "{message}");
        }
    }

    #[test]
    fn what_the_caller_wrote_is_not_taken_for_it() {
        for message in [
            "Override for container named Throttling is not a container in the TaskDefinition.",
            "Override for container named ThrottlingException is not a container in the TaskDefinition.",
            "Override for container named RequestLimitExceeded: it is not a container in the TaskDefinition.",
            "Invalid container name: TooManyRequestsException",
            "Unknown log driver Throttling: it is not supported",
            "Duplicate container name: my-ThrottlingException-worker",
            "The family 'Rate exceeded' has invalid characters",
            "Invalid tag key \"Request limit exceeded\"",
            "Invalid tag key “Request limit exceeded”",
            "The value ‘please try again later’ is not one of the known",
            "The containers [Throttling: Rate exceeded] are not in the task definition",
            "Role arn:aws:iam::123456789012:role/ThrottlingException: it is not valid",
            "a quote that never 'ends Rate exceeded",
            "ECS was unable to assume the role. Please verify its trust policy and try again",
            "You've exceeded the size of a task definition",
            "The scrape-rate exceeded-by option is unknown",
            "",
        ] {
            assert_eq!(passing(message), None, "{message}");
        }
    }
}
