//! The phrases by which ECS's reasons are known, as data: lowercase, plain quotes, looked for anywhere in the text.
//!
//! The first row that matches wins, so their order is: what names a permission or a missing thing, then what looks
//! like the network, and the general wording of each kind of error last. Both wordings of AWS are here, that until
//! June 2024 and that since. Platform version 1.4 cuts long messages, so no phrase stands only at an end.

use super::Diagnosis;
use crate::container_exit::{SIGKILL, SIGTERM};

pub(super) struct Row {
    /// Of no meaning outside: tests name rows by it.
    #[cfg(test)]
    pub id: &'static str,
    /// The stopCodes that it can come with; none means any.
    pub stop_codes: &'static [&'static str],
    /// One phrase of each group is in the text. No group: the stopCode says it all.
    pub phrases: &'static [&'static [&'static str]],
    /// None of these is in the text.
    pub unless: &'static [&'static str],
    pub diagnosis: Diagnosis,
}

macro_rules! rows {
    ($($id:literal $stop_codes:expr, $phrases:expr, $(unless $unless:expr,)? $cause:literal, $fix:expr;)*) => {
        &[$(Row {
            #[cfg(test)]
            id: $id,
            stop_codes: $stop_codes,
            phrases: &$phrases,
            unless: &[$($unless)?],
            diagnosis: Diagnosis { cause: $cause, fix: $fix },
        }),*]
    };
}

macro_rules! ends {
    ($([$($exit_code:expr),+] $cause:expr, $fix:expr;)*) => {
        &[$((&[$($exit_code),+], Diagnosis { cause: $cause, fix: $fix })),*]
    };
}

const ANY: &[&str] = &[];
const START: &[&str] = &["TaskFailedToStart"];

/// How Go's network errors read, in the agent and in containerd.
const NETWORK: &[&str] = &[
    "dial tcp",
    "dial udp",
    "i/o timeout",
    "tls handshake timeout",
    "read: connection timed out",
    "client.timeout exceeded while awaiting headers",
    "request canceled while waiting for connection",
    "signal: killed",
    "context deadline exceeded",
];

const ROUTE: &str = "give the task a route to ECR: in a public subnet --assign-public-ip, in a private one a NAT \
    gateway or the VPC endpoints ecr.api, ecr.dkr and S3 (gateway), and logs, secretsmanager or ssm where it uses \
    them; the endpoints' security group must allow 443 from the task, and DNS support must be on in the VPC";
const PULL_ROUTE: &str = "give the task a route to the registry: check the S3 gateway endpoint and its route table \
    first (ECR keeps layers in S3), then ecr.dkr and ecr.api or a NAT gateway, and in a public subnet \
    --assign-public-ip; the security group must allow 443 outwards";
const LOG_GROUP: &str = "create the log group, or set awslogs-create-group to true and allow logs:CreateLogGroup to \
    the execution role, which AmazonECSTaskExecutionRolePolicy does not";
const LOGS_ROUTE: &str = "give the task a route to CloudWatch Logs: the VPC endpoint logs, or a NAT gateway";
const PLATFORM: &str = "build the image for the platform in the task definition's runtimePlatform.cpuArchitecture \
    (X86_64 when absent), or change that";

pub(super) const ROWS: &[Row] = rows! {
    // What fails before any image is pulled.
    "logs-permission" START, [&["not authorized to perform: logs:"]],
        "the execution role may not write to CloudWatch Logs",
        "allow logs:CreateLogStream and logs:PutLogEvents (and logs:CreateLogGroup with awslogs-create-group) to the \
         executionRoleArn";
    "log-group" START, [&["failed to initialize logging driver", "failed to validate logger args"],
        &["log group does not exist"]],
        "the log group of awslogs-group does not exist", LOG_GROUP;
    "logs-route" START, [&["failed to initialize logging driver"], NETWORK],
        "the task can not reach CloudWatch Logs", LOGS_ROUTE;
    "logging-driver" START, [&["failed to initialize logging driver"]],
        "the log driver could not start: most often its log group does not exist", LOG_GROUP;
    "logger-args" START, [&["failed to validate logger args"]],
        "the task can not reach CloudWatch Logs", LOGS_ROUTE;
    "secret-permission" START, [&["accessdenied"],
        &["secretsmanager:getsecretvalue", "ssm:getparameters", "kms:decrypt"]],
        "the execution role may not read a secret of the task definition",
        "allow secretsmanager:GetSecretValue or ssm:GetParameters on that secret, and kms:Decrypt for a customer \
         key, to the executionRoleArn (not to the task role)";
    "assume-role" START, [&["unable to assume the role", "unable to assume role"]],
        "ECS can not assume the execution role or the task role",
        "check that both roles exist and that their trust policy allows sts:AssumeRole to ecs-tasks.amazonaws.com";
    "ecr-login-permission" START, [&["resourceinitializationerror"], &["not authorized to perform: ecr:"]],
        "the execution role may not log in to ECR",
        "attach AmazonECSTaskExecutionRolePolicy to the executionRoleArn";
    "json-key" START, [&["did not contain json key"]],
        "the secret's JSON has no such key",
        "correct the json-key in the secret's valueFrom (ARN:json-key:stage:version), or add the key to the secret";
    "secret-missing" START, [&["resourcenotfoundexception", "can't retrieve the secret with arn",
        "can't find the specified secret"]],
        "a secret of the task definition does not exist, or is in another region",
        "check its valueFrom: the whole ARN with its six-character suffix, the region, and the tail \
         :json-key:stage:version";
    "ecr-route" START, [&["unable to pull secrets or registry auth"],
        &["registry auth from amazon ecr", "unable to retrieve ecr registry auth"]],
        "the task can not reach ECR", ROUTE;
    "ssm-route" START, [&["unable to retrieve secrets from ssm", "cannot pull secrets from aws systems manager",
        "can't pull secrets from aws systems manager"]],
        "the task can not reach Systems Manager",
        "give the task a route to Systems Manager: the VPC endpoint ssm (and kms for a customer key), or a NAT \
         gateway, or in a public subnet --assign-public-ip; the endpoint's security group must allow 443 from the task";
    "secrets-manager-route" START, [&["pull secrets from aws secrets manager", "unable to retrieve secret from asm"],
        NETWORK],
        "the task can not reach Secrets Manager",
        "give the task a route to Secrets Manager: the VPC endpoint secretsmanager, or a NAT gateway, or in a public \
         subnet --assign-public-ip; the endpoint's security group must allow 443 from the task";
    "env-files" START, [&["failed to download env files"]],
        "the environment files could not be read from S3",
        "give the task a route to S3 (gateway endpoint or NAT) and allow s3:GetObject and s3:GetBucketLocation to \
         the executionRoleArn";
    "efs" START, [&["failed to invoke efs utils"]],
        "an EFS volume could not be mounted",
        "check the file system's mount targets in the task's subnets, port 2049 in their security group, and the IAM \
         authorization of the volume; it can be transient, so try once more";
    "init-network" START, [&["unable to pull secrets or registry auth", "pull command failed: : signal: killed"]],
        "secrets or the registry's login could not be fetched, most often for want of a route", ROUTE;

    // What fails while the image is pulled.
    "platform" START, [&["does not contain descriptor matching platform", "no matching manifest for linux/"]],
        "the image is not made for the task's processor architecture", PLATFORM;
    "disk-full" START, [&["no space left on device"]],
        "the task's disk is full",
        "raise ephemeralStorage.sizeInGiB in the task definition (Fargate gives 20 GiB), or make the image smaller";
    "rate-limit" START, [&["toomanyrequests", "pull rate limit", "429 too many requests"]],
        "the registry's pull rate limit is reached",
        "pull through an ECR pull-through cache, or give the registry's credentials in repositoryCredentials";
    "pull-permission" START, [&["cannotpullcontainererror"], &["check that the role has the permissions",
        "not authorized to perform: ecr:", "pull access denied", "403 forbidden"]],
        unless "check whether the image exists",
        "the execution role may not pull the image",
        "attach AmazonECSTaskExecutionRolePolicy to the executionRoleArn; in another account the repository's policy \
         must allow it too";
    "pull-connection" START, [&["connection issue between the task and the registry"]],
        "the task can not reach the image's registry", PULL_ROUTE;
    "pull-route" START, [&["cannotpullcontainererror"], NETWORK],
        "the task can not reach the image's registry, or the S3 buckets where ECR keeps layers", PULL_ROUTE;
    "pull-cancelled" START, [&["cannotpullcontainererror"], &["context canceled", "nil pointer dereference"]],
        "the pull broke off: the task has no working route to ECR or to the layers in S3", PULL_ROUTE;
    "image-missing" START, [&["cannotpullcontainererror"], &["manifest unknown", "not found",
        "failed to resolve ref", "check whether the image exists"]],
        "the image's tag, digest or repository does not exist",
        "check the repository, the tag and the region and account in the image's name; a lifecycle policy may have \
         expired it; pin images by digest";

    // What fails while the container is made.
    "command-missing" START, [&["cannotstartcontainererror", "cannotcreatecontainererror"],
        &["executable file not found", "no such file"]],
        "the container's program does not exist in the image",
        "correct command or entryPoint in the task definition, or --command: its first word must be in the image";
    "exec-format" START, [&["cannotstartcontainererror", "cannotcreatecontainererror"], &["exec format error"]],
        "the container's program is not made for the task's processor architecture", PLATFORM;
    "runtime-timeout" ANY, [&["containerruntimetimeouterror",
        "could not transition to running; timed out after waiting"]],
        "the container runtime took too long",
        "try again; if it stays so, give the task more cpu and memory or make the image smaller";
    "out-of-memory" ANY, [&["outofmemoryerror", "container killed due to memory usage"]],
        "the container used more memory than it has and was killed",
        "raise memory in the task definition, or let the migration work in smaller batches";

    // What fails around the task.
    "network-interface" START, [&["timeout waiting for network interface provisioning",
        "unexpected ec2 error while attempting to create network interface", "insufficientfreeaddresses"]],
        "the task got no network interface: most often its subnet has no free address",
        "use another or a larger subnet, and try again";
    "compute-strategy" START, [&["not compatible with the selected compute strategy"]],
        "the task definition does not fit the launch type or capacity provider",
        "set requiresCompatibilities to FARGATE in the task definition";
    "capacity" ANY, [&["capacity is unavailable at this time"]],
        "Fargate has no capacity in this availability zone now",
        "try again later, or give --subnets in more availability zones";
    "vcpu-limit" ANY, [&["limit on the number of vcpus"]],
        "the account's limit on concurrent Fargate vCPUs is reached",
        "lower --max-parallel, wait for other tasks, or ask for a higher Fargate quota in Service Quotas";
    "internal" START, [&["internalerror"]],
        "ECS had an internal error, or the network interface came too late",
        "try once more";
    "pull-unknown" START, [&["cannotpullcontainererror"]],
        "the image could not be pulled",
        "check in this order: the image exists, the execution role may pull it (AmazonECSTaskExecutionRolePolicy), \
         the task has a route to ECR and S3";
    "container-unknown" START, [&["cannotstartcontainererror", "cannotcreatecontainererror"]],
        "the container could not be made or started",
        "check command, entryPoint, user, workingDirectory and mountPoints in the task definition against the image";
    "init-unknown" START, [&["resourceinitializationerror"]],
        "the task's resources could not be prepared",
        "check secrets, log group, volumes and the execution role in the task definition, and the task's route";

    // What the stopCode says.
    "stopped-by-us" &["UserInitiated"], [&[super::STOPPED_BY_US]],
        "fargate-migrate stopped the task itself",
        "run it again with a longer --timeout, or let it finish";
    "stopped-by-user" &["UserInitiated"], [],
        "someone else stopped the task",
        "see who called StopTask in CloudTrail, and run it again";
    "spot" &["SpotInterruption"], [],
        "Fargate Spot took the capacity back",
        "run it again, on FARGATE and not on FARGATE_SPOT";
    "service-scheduler" &["ServiceSchedulerInitiated"], [],
        "the scheduler of an ECS service stopped the task",
        "for a service: check the health check and healthCheckGracePeriodSeconds; a migration task belongs to no \
         service";
    "retirement" &["TerminationNotice", "InfrastructureHealth"], [],
        "Fargate retired or lost the host of the task",
        "run it again";
};

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
    cause: "the program ended with an error; what its exit code means is the program's own",
    fix: "read the last lines of its log",
};
