use super::*;

fn answered_with(call: Call, code: &str, message: &str) -> Failure {
    answered(call, "run task x", Answer { code: Some(code), message: Some(message), is_server_error: false })
}

#[test]
fn access_denied_names_the_action_and_the_resource() {
    let failure = answered_with(
        Call::GET_LOG_EVENTS,
        "AccessDeniedException",
        "User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: logs:GetLogEvents on resource: \
         arn:aws:logs:us-east-1:123456789012:log-group:/ecs/x:log-stream:a because no identity-based policy allows the \
         logs:GetLogEvents action",
    );
    assert_eq!(failure.message, "run task x: access denied");
    assert_eq!(
        failure.hint.as_deref(),
        Some(
            "allow logs:GetLogEvents on \
             arn:aws:logs:us-east-1:123456789012:log-group:/ecs/x:* for the role or user that runs this"
        )
    );
}

/// ECS hands IAM's words on inside its own exceptions too.
#[test]
fn a_denial_is_known_by_its_text() {
    let text = "User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: iam:PassRole on resource: \
                arn:aws:iam::1:role/exec because no identity-based policy allows the iam:PassRole action";
    for code in ["AccessDeniedException", "ClientException", "InvalidParameterException"] {
        let failure = answered_with(Call::REGISTER_TASK_DEFINITION, code, text);
        assert_eq!(failure.message, "run task x: access denied", "{code}");
        let hint = failure.hint.unwrap();
        assert!(hint.starts_with("allow iam:PassRole on arn:aws:iam::1:role/exec "), "{code}: {hint}");
        assert!(hint.ends_with("iam:PassedToService = ecs-tasks.amazonaws.com"), "{code}: {hint}");
    }
}

#[test]
fn each_family_of_errors_says_what_to_do() {
    for (code, expected) in [
        ("ExpiredTokenException", "the AWS credentials have expired"),
        ("UnrecognizedClientException", "AWS refuses the credentials"),
        ("ThrottlingException", "still throttles this run"),
        ("RequestLimitExceeded", "still throttles this run"),
        ("SomethingNewException", "SomethingNewException: x"),
    ] {
        let failure = answered_with(Call::RUN_TASK, code, "x");
        assert!(failure.message.contains(expected), "{code}: {failure}");
        assert!(failure.hint.is_some(), "{code}");
    }
    assert_eq!(
        answered_with(Call::RUN_TASK, "ServerException", "x").message,
        "run task x: ServerException: x"
    );
    assert_eq!(answered_with(Call::RUN_TASK, "ServerException", "").message, "run task x: ServerException");
}

#[test]
fn what_passes_is_tried_again_by_name_and_by_message() {
    const EC2: &str = "Error retrieving subnet information for [subnet-1]: Request limit exceeded. (ErrorCode: \
                       RequestLimitExceeded)";
    const RACE: &str = "Too many concurrent attempts to create a new revision of the specified family.";
    for (code, message, expected) in [
        ("ThrottlingException", "Rate exceeded", Recourse::SlowDown),
        ("InvalidParameterException", EC2, Recourse::SlowDown),
        ("ClientException", EC2, Recourse::SlowDown),
        // It may have had an effect.
        ("ServerException", EC2, Recourse::TryAgain),
        ("ServerException", "x", Recourse::TryAgain),
        ("ClientException", RACE, Recourse::TryAgain),
        ("ClientException", "x", Recourse::None),
        (
            "InvalidParameterException",
            "Override for container named ThrottlingException is not a container in the TaskDefinition.",
            Recourse::None,
        ),
    ] {
        assert_eq!(answered_with(Call::RUN_TASK, code, message).recourse, expected, "{code}: {message}");
    }
    let gateway = Answer { code: None, message: None, is_server_error: true };
    assert_eq!(answered(Call::RUN_TASK, "x", gateway).recourse, Recourse::TryAgain);
}

#[test]
fn an_answer_that_cannot_be_read_is_an_answer() {
    let failure =
        unreadable(Call::DESCRIBE_TASK_DEFINITION, "describe task definition x", "expected a string");
    assert_eq!(
        failure.message,
        "describe task definition x: the answer of ECS cannot be read: expected a string"
    );
    assert!(!failure.hint.unwrap().contains("network"));
    assert_eq!(failure.recourse, Recourse::TryAgain);
}
