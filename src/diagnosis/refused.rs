//! Why RunTask started no task, by the reasons of its failures[] (ECS, API failure reasons), which are words of their
//! own.

use super::{Diagnosis, table};

struct Refusal {
    /// How the reason begins.
    reason: &'static str,
    diagnosis: Diagnosis,
}

macro_rules! refusals {
    ($($reason:literal $cause:literal, $fix:literal;)*) => {
        &[$(Refusal { reason: $reason, diagnosis: Diagnosis { cause: $cause, fix: $fix } }),*]
    };
}

const REFUSALS: &[Refusal] = refusals! {
    "MISSING"
        "ECS does not know a resource that the call names",
        "check the cluster and its capacity, --task-definition and --region; run again if it was made a moment ago";
    "INACTIVE"
        "what the task should run on is not active any more",
        "check that the cluster and its container instances are ACTIVE";
    "AGENT"
        "the ECS agent of a container instance is not connected",
        "run the task on Fargate: set requiresCompatibilities to FARGATE in the task definition";
    "ATTRIBUTE"
        "nothing in the cluster has an attribute that the task definition asks for",
        "compare requiresCompatibilities, placementConstraints and the platform of the task definition with Fargate's";
    "LOCATION"
        "nothing in the zones of the subnets can run the task",
        "give --subnets in other availability zones";
    "MemberOf"
        "nothing in the cluster satisfies the placement constraints",
        "take placementConstraints out of the task definition: Fargate has none";
    "EMPTY CAPACITY PROVIDER"
        "the capacity provider has nothing to run a task on",
        "run the task on FARGATE, or see why the provider does not scale out";
    "ECS has used the client token"
        "an earlier try of this run has used its client token for another request, and ECS names no task of it",
        "look in ECS for a task of this run (startedBy), and run again when it has ended";
    "RESOURCE:"
        "there is not enough of a resource to run the task",
        "wait for other tasks to end, or run the task on Fargate";
};

/// What to do where the reason is none of those that are known.
const OTHER: Diagnosis = Diagnosis {
    cause: "RunTask started no task, for a reason that is not known here",
    fix: "read the reason that ECS gives; CloudTrail keeps the whole answer as the event RunTask",
};

/// Returns the cause behind a reason of RunTask's failures[].
pub(crate) fn diagnose_refusal(reason: &str) -> Diagnosis {
    let known = REFUSALS.iter().find(|refusal| reason.starts_with(refusal.reason));
    let text = super::normal(reason);
    known
        .map(|refusal| refusal.diagnosis)
        .or_else(|| table::of_text(&text).map(|row| row.diagnosis))
        .unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_fix_and_an_unknown_one_claims_nothing() {
        for (reason, word) in [
            ("MISSING", "--task-definition"),
            ("INACTIVE", "ACTIVE"),
            ("AGENT", "Fargate"),
            ("ATTRIBUTE", "requiresCompatibilities"),
            ("LOCATION", "zones"),
            ("MemberOf(attribute:x)", "placementConstraints"),
            ("EMPTY CAPACITY PROVIDER", "FARGATE"),
            ("RESOURCE:MEMORY", "wait"),
            ("You’ve reached the limit on the number of vCPUs you can run concurrently", "--max-parallel"),
            ("Capacity is unavailable at this time. Please try again later", "availability zones"),
        ] {
            assert!(diagnose_refusal(reason).fix.contains(word), "{reason}");
        }
        assert_eq!(diagnose_refusal("SOMETHING_NEW"), OTHER);
    }
}
