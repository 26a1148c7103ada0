//! A denial: the action, the resource and the kind of policy that IAM's message names.
//!
//! "User: … is not authorized to perform: ACTION on resource: RESOURCE", then "because no KIND policy allows the
//! ACTION action" or "with an explicit deny in a KIND policy: ARN" (IAM, Troubleshoot access denied error messages).

use crate::ports::{Call, ECS_TASKS};
use crate::untrusted::printable;

/// Characters of a resource or a policy's ARN in a hint.
const SHOWN: usize = 400;

/// Tells whether a message is about a denial, whatever its exception is called.
pub(super) fn is_denial(message: &str) -> bool {
    message.contains(NOT_AUTHORIZED) || message.contains(ENCODED)
}

const NOT_AUTHORIZED: &str = "not authorized to perform: ";
const ON_RESOURCE: &str = "on resource: ";
const ENCODED: &str = "Encoded authorization failure message: ";

/// Says what to do about the denial of a call.
pub(super) fn hint(call: Call, message: &str) -> String {
    const WHOM: &str = "for the role or user that runs this";
    if let Some(denial) = Denial::read(message) {
        let hint = denial.hint(WHOM);
        return match denial.condition(call) {
            Some(condition) if hint.starts_with("allow ") => {
                format!("{hint}, under the condition {condition}")
            }
            _ => hint,
        };
    }
    if message.contains(ENCODED) {
        return format!(
            "see what {} lacks with `aws sts decode-authorization-message --encoded-message …`, which asks for \
             sts:DecodeAuthorizationMessage, and allow that or have it allowed",
            call.action
        );
    }
    let resource =
        message.split_once(ON_RESOURCE).map_or_else(|| "*".to_owned(), |(_, rest)| resource(rest).0);
    format!("allow {} on {resource} {WHOM}", call.action)
}

/// A denial in IAM's words.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::adapters) struct Denial {
    /// `iam:PassRole`.
    pub action: String,
    /// `*` where the message names none.
    resource: String,
    because: Because,
    /// The ARN of the policy that denies, where AWS says it.
    policy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Because {
    /// No policy of the caller allows it, or no reason is given.
    NotAllowed,
    /// A policy of this kind does not allow it, and has to as well.
    NotAllowedBy(Kind),
    Denied(Option<Kind>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Identity,
    Resource,
    ServiceControl,
    ResourceControl,
    Boundary,
    Session,
    Endpoint,
    Trust,
}

impl Denial {
    /// Reads a denial. Returns `None` when the text is not IAM's, or names no action.
    pub(in crate::adapters) fn read(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once(NOT_AUTHORIZED)?;
        let (action, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let action = action.trim_end_matches(['.', ',', ';']);
        let (service, operation) = action.split_once(':')?;
        let is_name = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-*".contains(&byte))
        };
        if !is_name(service) || !is_name(operation) {
            return None;
        }
        let (resource, reason) = match rest.trim_start().strip_prefix(ON_RESOURCE) {
            Some(rest) => resource(rest),
            // KMS names none: "on the resource associated with this ciphertext because …".
            None if service == "kms" => ("the key, in the key's policy too,".to_owned(), ""),
            None => ("*".to_owned(), rest),
        };
        let (because, policy) = because(reason);
        Some(Self { action: action.to_owned(), resource, because, policy })
    }

    /// Returns the condition under which `fargate-migrate iam` allows the action; `None` where it has none.
    fn condition(&self, call: Call) -> Option<String> {
        match self.action.as_str() {
            "iam:PassRole" => Some(format!("iam:PassedToService = {ECS_TASKS}")),
            "ecs:TagResource" => Some(format!("ecs:CreateAction = {}", call.operation())),
            _ => None,
        }
    }

    /// Returns, for a revision, what a policy would have to name, in brackets: the next run has another revision.
    fn every_revision(&self) -> String {
        match self.resource.rsplit_once(':') {
            Some((family, number))
                if family.contains(":task-definition/") && number.parse::<u32>().is_ok() =>
            {
                format!(" (of each revision: {family}:*)")
            }
            _ => String::new(),
        }
    }

    /// Returns an imperative sentence; `whom` says for whom an action has to be allowed.
    pub(in crate::adapters) fn hint(&self, whom: &str) -> String {
        let Self { action, resource, .. } = self;
        let policy =
            self.policy.as_deref().map(|arn| format!(" ({})", printable(arn, SHOWN))).unwrap_or_default();
        match self.because {
            Because::NotAllowed | Because::NotAllowedBy(Kind::Identity) => {
                format!("allow {action} on {resource}{} {whom}", self.every_revision())
            }
            Because::NotAllowedBy(kind) => format!(
                "ask {} to allow {action} on {resource} in {}{policy}; that the role or user itself may do it is not enough",
                kind.owner(),
                kind.words()
            ),
            Because::Denied(kind) => {
                let unknown = ("the administrator of the account or of its organization", "a policy");
                let (owner, words) = kind.map_or(unknown, |kind| (kind.owner(), kind.words()));
                format!(
                    "ask {owner} to change the statement in {words}{policy} that denies {action} on {resource}, or meet \
                     its condition (a Region, a tag, an address); to allow the action as well does not help against an \
                     explicit deny"
                )
            }
        }
    }
}

/// Splits the resource, `*` where there is none, from what follows it. A policy for one log stream would be denied
/// for the next: those of a group are allowed together.
fn resource(rest: &str) -> (String, &str) {
    let rest = rest.trim_start();
    let (resource, rest) = match rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some(quoted) => quoted,
        None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
    };
    let resource = printable(resource.trim_end_matches(['.', ',']), SHOWN);
    let resource = match resource.split_once(":log-stream:") {
        Some((group, _)) => format!("{group}:*"),
        None if resource.is_empty() => "*".to_owned(),
        None => resource,
    };
    (resource, rest)
}

fn because(reason: &str) -> (Because, Option<String>) {
    if let Some((_, rest)) = reason.split_once("with an explicit deny") {
        let rest = rest.trim_start();
        let kind = Kind::read(rest.strip_prefix("in ").unwrap_or_default());
        let policy = rest.split_whitespace().map(|word| word.trim_end_matches(['.', ',', ')']));
        let policy = policy.map(|word| word.trim_start_matches('(')).find(|word| word.starts_with("arn:"));
        return (Because::Denied(kind), policy.map(str::to_owned));
    }
    let kind = reason.split_once("because no ").and_then(|(_, rest)| Kind::read(rest));
    (kind.map_or(Because::NotAllowed, Because::NotAllowedBy), None)
}

impl Kind {
    /// Finds the kind by the words that begin the text, with or without an article.
    fn read(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let text = text.trim_start_matches("the ").trim_start_matches("an ").trim_start_matches("a ");
        let known = [
            ("identity-based", Self::Identity),
            ("resource-based", Self::Resource),
            ("service control", Self::ServiceControl),
            ("resource control", Self::ResourceControl),
            ("permissions boundar", Self::Boundary),
            ("permission boundar", Self::Boundary),
            ("session", Self::Session),
            ("vpc endpoint", Self::Endpoint),
            ("role trust", Self::Trust),
            ("trust", Self::Trust),
        ];
        known.into_iter().find(|(words, _)| text.starts_with(words)).map(|(_, kind)| kind)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Identity => "an identity-based policy of the role or user",
            Self::Resource => "the resource's own policy (a repository's, a key's, a secret's)",
            Self::ServiceControl => "a service control policy of the organization",
            Self::ResourceControl => "a resource control policy of the organization",
            Self::Boundary => "the permissions boundary of the role or user",
            Self::Session => "the session policy that the role was assumed with",
            Self::Endpoint => "the policy of the VPC endpoint",
            Self::Trust => "the trust policy of the role",
        }
    }

    fn owner(self) -> &'static str {
        match self {
            Self::Identity | Self::Boundary | Self::Trust => "whoever keeps the account's IAM",
            Self::Resource => "the owner of the resource",
            Self::ServiceControl | Self::ResourceControl => "the administrator of the AWS organization",
            Self::Session => {
                "whoever assumes the role (inline-session-policy and managed-session-policies of \
                 configure-aws-credentials)"
            }
            Self::Endpoint => "whoever keeps the VPC",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: &str = "User: arn:aws:sts::123456789012:assumed-role/ci/run is not authorized to perform: ";
    const ROLE: &str = "arn:aws:iam::123456789012:role/ecsTaskExecutionRole";

    fn hint_of(rest: &str) -> String {
        hint(Call::RUN_TASK, &format!("{WHO}{rest}"))
    }

    #[test]
    fn the_action_that_the_message_names_is_what_is_to_be_allowed() {
        for (rest, expected) in [
            (
                format!("iam:PassRole on resource: {ROLE} because no identity-based policy allows the iam:PassRole action"),
                format!(
                    "allow iam:PassRole on {ROLE} for the role or user that runs this, under the condition \
                     iam:PassedToService = ecs-tasks.amazonaws.com"
                ),
            ),
            (
                "ecs:TagResource on resource: arn:aws:ecs:us-east-1:1:task-definition/x:3 because no identity-based \
                 policy allows the ecs:TagResource action"
                    .to_owned(),
                "allow ecs:TagResource on arn:aws:ecs:us-east-1:1:task-definition/x:3 (of each revision: \
                 arn:aws:ecs:us-east-1:1:task-definition/x:*) for the role or user that runs this, under the condition ecs:CreateAction = RegisterTaskDefinition"
                    .to_owned(),
            ),
            (
                "kms:Decrypt on the resource associated with this ciphertext because the resource does not exist in \
                 this Region, no resource-based policies allow access, or a resource-based policy explicitly denies \
                 access"
                    .to_owned(),
                "allow kms:Decrypt on the key, in the key's policy too, for the role or user that runs this".to_owned(),
            ),
            (
                "ecr:GetAuthorizationToken on resource: *.".to_owned(),
                "allow ecr:GetAuthorizationToken on * for the role or user that runs this".to_owned(),
            ),
            (
                "ecs:RunTask".to_owned(),
                "allow ecs:RunTask on * for the role or user that runs this".to_owned(),
            ),
            (
                "s3:GetObject on resource: \"arn:aws:s3:::bucket/a b\" because no identity-based policy allows it"
                    .to_owned(),
                "allow s3:GetObject on arn:aws:s3:::bucket/a b for the role or user that runs this".to_owned(),
            ),
        ] {
            assert_eq!(hint(Call::REGISTER_TASK_DEFINITION, &format!("{WHO}{rest}")), expected);
        }
    }

    #[test]
    fn for_every_other_kind_it_says_that_allowing_is_not_enough_and_who_can_change_it() {
        for (kind, words, owner) in [
            ("a service control policy", "a service control policy", "administrator of the AWS organization"),
            (
                "a resource control policy",
                "a resource control policy",
                "administrator of the AWS organization",
            ),
            ("a permissions boundary", "the permissions boundary", "the account's IAM"),
            ("a session policy", "the session policy", "whoever assumes the role"),
            ("a VPC endpoint policy", "the policy of the VPC endpoint", "keeps the VPC"),
            ("a resource-based policy", "the resource's own policy", "owner of the resource"),
            ("an identity-based policy", "an identity-based policy", "the account's IAM"),
            ("the role trust policy", "the trust policy of the role", "the account's IAM"),
        ] {
            let denied =
                hint_of(&format!("ecs:RunTask on resource: arn:aws:x with an explicit deny in {kind}"));
            assert!(denied.contains(words) && denied.contains(owner), "{kind}: {denied}");
            assert!(denied.contains("does not help") && !denied.starts_with("allow "), "{kind}: {denied}");

            let noun = kind.split_once(' ').map_or("", |(_, noun)| noun);
            let missing = hint_of(&format!(
                "ecs:RunTask on resource: arn:aws:x because no {noun} allows the ecs:RunTask action"
            ));
            if words.starts_with("an identity") {
                assert!(missing.starts_with("allow ecs:RunTask on arn:aws:x for"), "{missing}");
            } else {
                assert!(missing.contains(words) && missing.contains(owner), "{kind}: {missing}");
                assert!(missing.contains("is not enough"), "{kind}: {missing}");
            }
        }
    }

    #[test]
    fn the_policy_that_denies_is_named() {
        let policy = "arn:aws:organizations::9:policy/o-1/service_control_policy/p-1";
        let denied = hint_of(&format!(
            "ecs:RunTask on resource: arn:aws:x with an explicit deny in a service control policy: {policy}"
        ));
        assert!(denied.contains(&format!("({policy})")), "{denied}");
        let bare = hint_of("ecs:RunTask with an explicit deny");
        assert!(bare.contains("in a policy that denies ecs:RunTask on *,"), "{bare}");
    }

    /// What stands in the resource is a name, and no reason.
    #[test]
    fn a_name_is_not_taken_for_the_reason() {
        let named = hint_of(
            "ecs:RunTask on resource: \"with an explicit deny in a session policy\" because no \
             identity-based policy allows the ecs:RunTask action",
        );
        assert!(named.starts_with("allow ecs:RunTask on with an explicit deny"), "{named}");
    }

    #[test]
    fn what_cannot_be_read_keeps_the_call_itself() {
        let call = Call::RUN_TASK;
        for message in
            ["", "Access Denied", "is not authorized to perform: nothing", "not authorized to perform: a:b<c"]
        {
            assert_eq!(
                hint(call, message),
                "allow ecs:RunTask on * for the role or user that runs this",
                "{message}"
            );
        }
        let encoded = hint(
            call,
            "You are not authorized to perform this operation. Encoded authorization failure message: 4kd",
        );
        assert!(encoded.contains("aws sts decode-authorization-message"), "{encoded}");
    }
}
