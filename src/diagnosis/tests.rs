//! Every row is hit by a message as ECS writes it, in both wordings of AWS where there are two.

use super::*;
use crate::ports::Container;

const START: &str = "TaskFailedToStart";
const EXITED: &str = "EssentialContainerExited";
const IN_TASK: &str = "Essential container in task exited";

/// (row, stopCode, stoppedReason, the container's reason)
const MESSAGES: &[(&str, &str, &str, &str)] = &[
    // Logs.
    (
        "logs-permission",
        START,
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/ecsTaskExecutionRole/4f1 is not authorized to perform: logs:CreateLogStream on resource: arn:aws:logs:us-east-1:123456789012:log-group:/ecs/x because no identity-based policy allows the action : exit status 1",
        "",
    ),
    (
        "log-group",
        START,
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1",
        "",
    ),
    (
        "log-group",
        START,
        "ResourceInitializationError: failed to initialize logging driver: failed to create Cloudwatch log stream: operation error CloudWatch Logs: CreateLogStream, https response error StatusCode: 400, ResourceNotFoundException: The specified log group does not exist.",
        "",
    ),
    (
        "logs-route",
        START,
        "CannotStartContainerError: failed to initialize logging driver: RequestError: send request failed caused by: Post \"https://logs.us-east-1.amazonaws.com/\": dial tcp 10.0.1.7:443: i/o timeout",
        "",
    ),
    (
        "logging-driver",
        START,
        "Task failed to start",
        "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to create",
    ),
    (
        "logger-args",
        START,
        "ResourceInitializationError: failed to validate logger args: : signal: killed",
        "",
    ),
    (
        "logger-args",
        START,
        "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed",
        "",
    ),
    // Secrets.
    (
        "secret-permission",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:us-east-1:123456789012:secret:master-AbCdEf from secrets manager: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/ecsTaskExecutionRole/4f1 is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:master-AbCdEf because no identity-based policy allows the secretsmanager:GetSecretValue action",
        "",
    ),
    (
        "secret-permission",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets from ssm: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/ecsTaskExecutionRole/4f1 is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:us-east-1:123456789012:parameter/x status code: 400",
        "",
    ),
    (
        "secret-permission",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull secrets from AWS Secrets Manager. AccessDeniedException: Access to KMS is not allowed: not authorized to perform: kms:Decrypt",
        "",
    ),
    (
        "assume-role",
        START,
        "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/ecsTaskExecutionRole' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions",
        "",
    ),
    (
        "assume-role",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: The task is unable to assume role for execution",
        "",
    ),
    (
        "ecr-login-permission",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/x/4f1 is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
        "",
    ),
    (
        "json-key",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets Manager did not contain json key username",
        "",
    ),
    (
        "secret-missing",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:us-east-1:123456789012:secret:gone from secrets manager: ResourceNotFoundException: Secrets Manager can’t find the specified secret.",
        "",
    ),
    (
        "secret-missing",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: The task can’t retrieve the secret with ARN 'arn:aws:secretsmanager:us-east-1:123456789012:secret:gone' from AWS Secrets Manager. Check that the secret exists in the specified Region.",
        "",
    ),
    // Routes before the pull.
    (
        "ecr-route",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post https://api.ecr.us-east-1.amazonaws.com/: dial tcp 44.213.79.104:443: i/o timeout",
        "",
    ),
    (
        "ecr-route",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. RequestError: send request failed caused by: Post \"https://api.ecr.us-east-1.amazonaws.com/\": context deadline exceeded",
        "",
    ),
    (
        "ssm-route",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 5 time(s): RequestCanceled: request context canceled caused by: context deadline exceeded",
        "",
    ),
    (
        "ssm-route",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull secrets from AWS Systems Manager. There is a connection issue between the task and AWS Systems Manager. Check your task network configuration. context deadline exceeded",
        "",
    ),
    (
        "secrets-manager-route",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 5 time(s): failed to fetch secret arn:aws:secretsmanager:us-east-1:123456789012:secret:master-AbCdEf from secrets manager: RequestCanceled: request context canceled caused by: context deadline exceeded",
        "",
    ),
    (
        "secrets-manager-route",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull secrets from AWS Secrets Manager. There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration. failed to fetch secret: dial tcp 10.0.0.5:443: i/o timeout",
        "",
    ),
    (
        "init-network",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: Check your task network configuration. context deadline exceeded",
        "",
    ),
    (
        "init-network",
        START,
        "ResourceInitializationError: unable to pull secrets or registry auth: pull command failed: : signal: killed",
        "",
    ),
    (
        "env-files",
        START,
        "ResourceInitializationError: failed to download env files: file download command: non empty error stream: RequestCanceled: request context canceled",
        "",
    ),
    (
        "env-files",
        START,
        "ResourceInitializationError: failed to download env files: The task can’t download the environment variable files from Amazon S3. There is a connection issue between the task and Amazon S3. Check your task network configuration. service call has been retried 5 time(s)",
        "",
    ),
    (
        "efs",
        START,
        "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: mount.nfs4: Connection timed out : unsuccessful EFS utils command execution; code: 32",
        "",
    ),
    // The pull.
    (
        "platform",
        START,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
        "",
    ),
    (
        "platform",
        START,
        "CannotPullContainerError: no matching manifest for linux/arm64/v8 in the manifest list entries",
        "",
    ),
    (
        "disk-full",
        START,
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to extract layer sha256:8a: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs: no space left on device: unknown",
        "",
    ),
    (
        "rate-limit",
        START,
        "CannotPullContainerError: inspect image has been retried 5 time(s): httpReaderSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/alpine/manifests/sha256:1: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
        "",
    ),
    (
        "rate-limit",
        START,
        "CannotPullContainerError: The image pull failed. You have reached the unauthenticated pull rate limit of Docker Hub",
        "",
    ),
    (
        "pull-permission",
        START,
        "CannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref \"123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1\": pulling from host 123456789012.dkr.ecr.us-east-1.amazonaws.com failed with status code [manifests 1]: 403 Forbidden",
        "",
    ),
    (
        "pull-permission",
        START,
        "CannotPullContainerError: The task can’t pull the image 'x:1' from Amazon ECR. Check that the role has the permissions to pull images from the registry. User: arn:aws:sts::123456789012:assumed-role/r/4f1 is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:123456789012:repository/x",
        "",
    ),
    (
        "pull-permission",
        START,
        "Task failed to start",
        "CannotPullContainerError: Error response from daemon: pull access denied for 123456789012.dkr.ecr.us-east-1.amazonaws.com/x, repository does not exist or may require 'docker login': denied: User: arn:aws:sts::123456789012:assumed-role/r/4f1 is not authorized to perform: ecr:BatchGetImage",
    ),
    (
        "pull-connection",
        START,
        "CannotPullContainerError: The task cannot pull 'x:1' from the registry 'docker.io'. There is a connection issue between the task and the registry. Check your task network configuration. : failed to",
        "",
    ),
    (
        "pull-route",
        START,
        "CannotPullContainerError: inspect image has been retried 5 time(s): failed to resolve ref \"docker.io/library/x:1\": failed to do request: Head \"https://registry-1.docker.io/v2/library/x/manifests/1\": dial tcp 34.237.244.67:443: i/o timeout",
        "",
    ),
    (
        "pull-route",
        START,
        "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/x\": dial tcp 16.182.36.1:443: i/o timeout",
        "",
    ),
    (
        "pull-cancelled",
        START,
        "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/x\": context canceled",
        "",
    ),
    (
        "pull-cancelled",
        START,
        "CannotPullContainerError: runtime error: invalid memory address or nil pointer dereference",
        "",
    ),
    (
        "image-missing",
        START,
        "CannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref \"123456789012.dkr.ecr.us-east-1.amazonaws.com/x:gone\": 123456789012.dkr.ecr.us-east-1.amazonaws.com/x:gone: not found",
        "",
    ),
    (
        "image-missing",
        START,
        "CannotPullContainerError: Error response from daemon: manifest for x:gone not found: manifest unknown: Requested image not found",
        "",
    ),
    (
        "image-missing",
        START,
        "CannotPullContainerError: The task can’t pull the image 'x:gone'. Check whether the image exists. pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
        "",
    ),
    // The container.
    (
        "command-missing",
        START,
        "Task failed to start",
        "CannotStartContainerError: Error response from daemon: OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"appp\": executable file not found in $PATH: unknown",
    ),
    (
        "command-missing",
        START,
        "Task failed to start",
        "CannotCreateContainerError: failed to create shim task: exec: \"/bin/app\": stat /bin/app: no such file or directory: unknown",
    ),
    (
        "exec-format",
        START,
        "Task failed to start",
        "CannotStartContainerError: standard_init_linux.go:228: exec user process caused: exec format error",
    ),
    (
        "runtime-timeout",
        START,
        "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 1m0s",
        "",
    ),
    ("runtime-timeout", EXITED, IN_TASK, "Could not transition to running; timed out after waiting 3m0s"),
    ("out-of-memory", EXITED, IN_TASK, "OutOfMemoryError: Container killed due to memory usage"),
    ("out-of-memory", EXITED, "OutOfMemoryError: container killed due to memory usage", ""),
    // The surroundings.
    ("network-interface", START, "Timeout waiting for network interface provisioning to complete.", ""),
    (
        "network-interface",
        START,
        "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment disabled in subnet 'subnet-0a1': InsufficientFreeAddressesInSubnet",
        "",
    ),
    (
        "compute-strategy",
        START,
        "The task definition is not compatible with the selected compute strategy",
        "",
    ),
    (
        "capacity",
        START,
        "Capacity is unavailable at this time. Please try again later or in a different availability zone",
        "",
    ),
    ("vcpu-limit", START, "You’ve reached the limit on the number of vCPUs you can run concurrently", ""),
    (
        "internal",
        START,
        "InternalError: unable to create container with runtime task: failed precondition",
        "",
    ),
    (
        "pull-unknown",
        START,
        "CannotPullContainerError: inspect image has been retried 5 time(s): httpRead",
        "",
    ),
    (
        "container-unknown",
        START,
        "Task failed to start",
        "CannotCreateContainerError: unable to create container: invalid user",
    ),
    ("init-unknown", START, "ResourceInitializationError: failed to set up something new", ""),
    // The stopCode.
    ("stopped-by-us", "UserInitiated", "fargate-migrate: still running at --timeout", ""),
    ("stopped-by-user", "UserInitiated", "Task stopped by user", ""),
    ("spot", "SpotInterruption", "Your Spot Task was interrupted.", ""),
    (
        "service-scheduler",
        "ServiceSchedulerInitiated",
        "Scaling activity initiated by (deployment ecs-svc/9223370515291847563)",
        "",
    ),
    (
        "service-scheduler",
        "ServiceSchedulerInitiated",
        "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/x/1)",
        "",
    ),
    ("service-scheduler", "ServiceSchedulerInitiated", "Task failed container health checks", ""),
    ("retirement", "TerminationNotice", "Amazon ECS is performing task retirement", ""),
    ("retirement", "InfrastructureHealth", "The host of the task became unreachable", ""),
];

fn task(stop_code: &str, stopped_reason: &str, reason: &str, exit_code: Option<i32>) -> Task {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Task {
        last_status: "STOPPED".into(),
        stop_code: some(stop_code),
        stopped_reason: some(stopped_reason),
        containers: vec![Container {
            name: "migration".into(),
            exit_code,
            reason: some(reason),
            ..Container::default()
        }],
        ..Task::default()
    }
}

fn row_of(stop_code: &str, stopped_reason: &str, reason: &str) -> &'static str {
    row(&task(stop_code, stopped_reason, reason, None), "migration").map_or("none", |row| row.id)
}

#[test]
fn every_message_is_known() {
    for (id, stop_code, stopped_reason, reason) in MESSAGES {
        assert_eq!(row_of(stop_code, stopped_reason, reason), *id, "{stopped_reason} {reason}");
    }
}

#[test]
fn every_row_is_hit_and_its_name_is_its_own() {
    let mut ids: Vec<_> = ROWS.iter().map(|row| row.id).collect();
    for id in &ids {
        assert!(MESSAGES.iter().any(|message| message.0 == *id), "no message for row {id}");
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), ROWS.len());
}

/// `normal` folds the text, so a phrase that is not folded could never match.
#[test]
fn every_phrase_is_written_as_the_text_is_folded() {
    for row in ROWS {
        for phrase in row.phrases.iter().copied().flatten().chain(row.unless) {
            assert_eq!(normal(phrase), phrase.trim_end(), "row {}", row.id);
        }
    }
}

#[test]
fn a_message_in_a_containers_reason_counts_as_much() {
    for (id, stop_code, stopped_reason, reason) in MESSAGES.iter().filter(|m| m.1 == START && m.3.is_empty())
    {
        assert_eq!(
            row_of(stop_code, "Task failed to start", stopped_reason),
            *id,
            "{stopped_reason}{reason}"
        );
    }
}

/// Platform version 1.4 cuts: what is left must still be diagnosed, if only by its kind.
#[test]
fn a_message_that_is_cut_is_still_known() {
    for (_, stop_code, stopped_reason, reason) in MESSAGES {
        for text in [stopped_reason, reason] {
            let kinds =
                ["ResourceInitializationError", "CannotPullContainerError", "CannotStartContainerError"];
            for kind in kinds.iter().filter(|kind| text.starts_with(**kind)) {
                for (cut, _) in text.char_indices().skip(kind.len()) {
                    assert_ne!(row_of(stop_code, &text[..cut], ""), "none", "{}", &text[..cut]);
                }
            }
        }
    }
}

#[test]
fn an_unknown_start_failure_has_no_diagnosis() {
    assert_eq!(diagnose(&task(START, "SomethingNew: nobody knows", "", None), "migration"), None);
    assert_eq!(diagnose(&Task::default(), "migration"), None);
}

#[test]
fn a_good_end_needs_none() {
    assert_eq!(diagnose(&task(EXITED, IN_TASK, "", Some(0)), "migration"), None);
    assert_eq!(diagnose(&task("", "", "", Some(0)), "migration"), None);
}

#[test]
fn exit_codes_speak_when_the_text_does_not() {
    for (exit_code, part) in [
        (1, "an error of its own"),
        (125, "could not be run"),
        (126, "could not be run"),
        (127, "could not be run"),
        (134, "SIGABRT"),
        (137, "SIGKILL"),
        (139, "SIGSEGV"),
        (143, "SIGTERM"),
        (255, "entry point failed"),
        (3, "the program's own"),
    ] {
        let found = diagnose(&task(EXITED, IN_TASK, "", Some(exit_code)), "migration").unwrap();
        assert!(found.cause.contains(part), "{exit_code}: {}", found.cause);
    }
}

#[test]
fn memory_comes_before_the_exit_code() {
    let oom = task(EXITED, IN_TASK, "OutOfMemoryError: Container killed due to memory usage", Some(137));
    assert!(diagnose(&oom, "migration").unwrap().cause.contains("more memory than it has"));
}

#[test]
fn a_sidecars_trouble_is_ours_only_when_we_did_not_end_by_ourselves() {
    let sidecar = Container {
        name: "agent".into(),
        exit_code: Some(137),
        reason: Some("OutOfMemoryError: Container killed due to memory usage".into()),
        ..Container::default()
    };
    for (exit_code, expected) in [(3, "the program's own"), (143, "more memory")] {
        let mut both = task(EXITED, IN_TASK, "", Some(exit_code));
        both.containers.insert(0, sidecar.clone());
        assert!(diagnose(&both, "migration").unwrap().cause.contains(expected), "{exit_code}");
    }
}

#[test]
fn a_refused_run_task_is_diagnosed_by_its_text() {
    let quota =
        diagnose_text("You've reached the limit on the number of vCPUs you can run concurrently").unwrap();
    assert!(quota.fix.contains("--max-parallel"));
    let capacity = diagnose_text("Capacity is unavailable at this time. Please try again later").unwrap();
    assert!(capacity.fix.contains("availability zones"));
    assert_eq!(diagnose_text("MISSING"), None);
}
