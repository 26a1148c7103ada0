//! What exit codes alone tell.

use super::Diagnosis;
use crate::container_exit::{SIGKILL, SIGTERM};

macro_rules! ends {
    ($([$($exit_code:expr),+] $cause:expr, $fix:expr;)*) => {
        &[$((&[$($exit_code),+], Diagnosis { cause: $cause, fix: $fix })),*]
    };
}

/// What exit codes alone tell.
pub(super) const ENDS: &[(&[i32], Diagnosis)] = ends! {
    [1]
        "the program ended with an error of its own",
        "read the last lines of its log";
    [125, 126, 127]
        "the container's command could not be run or was not found",
        "correct command or entryPoint in the task definition, or --command: its first word must be an executable file \
         in the image";
    [134]
        "the program aborted itself (SIGABRT): a failed assertion, a panic, or no memory",
        "read the last lines of its log; give it more memory if they say so";
    [SIGKILL]
        "the program was killed (SIGKILL), and ECS does not report too little memory: it did not end within stopTimeout \
         after SIGTERM, or something in the container killed it",
        "look for who stopped the task; raise stopTimeout (up to 120 s) so that a migration can roll back";
    [139]
        "the program crashed (SIGSEGV)",
        "read the last lines of its log; check that the image is made for the task's platform";
    [SIGTERM]
        "the program was told to end (SIGTERM) and did",
        "look for who stopped the task, or which other container ended first; then run it again";
    [255]
        "the container's entry point failed, or the program gave an exit code out of range",
        "read the last lines of its log; check entryPoint and command in the task definition";
};

/// Any other exit code.
pub(super) const OTHER_END: Diagnosis = Diagnosis {
    cause: "the program exited with a code that only the program defines",
    fix: "read the last lines of its log",
};
