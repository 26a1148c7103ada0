//! The phrases by which ECS's reasons are known, as data: lowercase, plain quotes, looked for anywhere in the text.
//!
//! The first row that matches wins, so their order is: what names a permission or a missing thing, then what has a
//! word of the network's, and last the general wording of each kind of error, whose rows claim nothing and list what
//! to look at. Both wordings of AWS are here, that until June 2024 and that since. Platform version 1.4 cuts long
//! messages, so no phrase stands only at an end. A phrase without a space can stand in a name (an image's, a
//! secret's): most have one.

use super::Diagnosis;

mod around;
mod before;
mod container;
mod pull;

pub(super) struct Row {
    /// Of no meaning outside: tests name rows by it.
    #[cfg(test)]
    pub id: &'static str,
    /// The stopCodes that it can come with; none means any.
    pub stop_codes: &'static [&'static str],
    /// One phrase of each group is in the text. No group: the stopCode says it all.
    pub phrases: &'static [&'static [&'static str]],
    pub diagnosis: Diagnosis,
}

macro_rules! rows {
    ($($id:literal $stop_codes:expr, $phrases:expr, $cause:expr, $fix:expr;)*) => {
        &[$($crate::diagnosis::table::Row {
            #[cfg(test)]
            id: $id,
            stop_codes: $stop_codes,
            phrases: &$phrases,
            diagnosis: $crate::diagnosis::Diagnosis { cause: $cause, fix: $fix },
        }),*]
    };
}
use rows;

const ANY: &[&str] = &[];
const START: &[&str] = &["TaskFailedToStart"];

/// Words of the network's: how Go's errors read in the agent and in containerd, and AWS's own sentence.
pub(super) const NETWORK: &[&str] = &[
    "dial tcp",
    "dial udp",
    "i/o timeout",
    "tls handshake timeout",
    "connection timed out",
    "connection refused",
    "connection reset",
    "no such host",
    "no route to host",
    "network is unreachable",
    "temporary failure in name resolution",
    "client.timeout exceeded",
    "request canceled while waiting for connection",
    "request context canceled",
    "context deadline exceeded",
    "signal: killed",
    "connection issue between the task and",
];

const DENIED: &[&str] = &["accessdenied", "access denied", "is not authorized to perform"];

const PLATFORM: &str = "build the image for the platform in the task definition's runtimePlatform.cpuArchitecture \
    (X86_64 when absent), or change that";

/// Returns every row, in the order in which they are tried.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    [before::ROWS, pull::ROWS, container::ROWS, around::ROWS].into_iter().flatten()
}

/// Finds the row that a text alone tells of, whatever the stopCode.
pub(super) fn of_text(text: &str) -> Option<&'static Row> {
    all().find(|row| !row.phrases.is_empty() && row.says(text))
}

/// The container's program is for another processor: a line of its log may show it as well.
pub(super) const EXEC_FORMAT: Diagnosis = Diagnosis {
    cause: "the container's program is not made for the task's processor architecture, or is a script without a #! line",
    fix: PLATFORM,
};
