//! What to do about a refusal, by AWS's words: those of RunTask and RegisterTaskDefinition (API reference, "API
//! failure reasons", public issue threads), as data.

use super::passing::without_names;
use crate::ports::Call;

/// Returns an imperative sentence. For a refusal that is not known it names the places to look at, and no cause.
pub(super) fn hint(call: Call, code: &str, message: &str) -> String {
    let text = format!("{code} {}", without_names(message)).to_lowercase();
    let known = ROWS
        .iter()
        .find(|(groups, _)| groups.iter().all(|phrases| phrases.iter().any(|phrase| text.contains(phrase))));
    match known {
        Some((_, hint)) => (*hint).to_owned(),
        None => format!(
            "read AWS's words above{}; CloudTrail keeps the whole request and answer as the event {}",
            places(call),
            call.operation()
        ),
    }
}

fn places(call: Call) -> &'static str {
    if call == Call::RUN_TASK {
        ", and compare the plan's cluster, subnets, security groups, overrides and the task definition's roles with them"
    } else if call == Call::REGISTER_TASK_DEFINITION {
        ", and compare the task definition that --plan shows with them"
    } else {
        ""
    }
}

type Row = (&'static [&'static [&'static str]], &'static str);

/// The first row that matches wins: one phrase of each group is in the text, lowercase and without names.
const ROWS: &[Row] = &[
    // Log groups of class INFREQUENT_ACCESS and DELIVERY (CloudWatch Logs user guide, "Log classes").
    (
        &[&["log-group-class", "log group class", "log class"]],
        "let the container log to a log group of class STANDARD: no other can be read by this call, and a log group's \
         class cannot be changed",
    ),
    // The account, the Region, the cluster.
    (
        &[&[
            "blockedexception",
            "account is blocked",
            "account was blocked",
            "blocked account",
            "account is currently blocked",
        ]],
        "ask AWS Support why the account is blocked; a new account waits for its verification",
    ),
    (
        &[&["needs a subscription", "subscriptionrequired", "optinrequired", "not subscribed"]],
        "check that the account is activated and that the Region is enabled for it",
    ),
    (
        &[&["unable to assume the service linked role", "service linked role exists", "service-linked role"]],
        "create the role once for the account: `aws iam create-service-linked-role --aws-service-name \
         ecs.amazonaws.com`; where it was created a moment ago, run again",
    ),
    (
        &[&["clusternotfoundexception", "cluster not found", "cluster was inactive", "cluster is inactive"]],
        "check --cluster, --region and the credentials' account: the cluster is not there, or not ACTIVE",
    ),
    (
        &[&[
            "platformunknownexception",
            "platform version is unknown",
            "platform version does not exist",
            "platform version doesn't exist",
        ]],
        "use a platform version of Fargate's that exists, LATEST for example",
    ),
    (
        &[&[
            "platformtaskdefinitionincompatibilityexception",
            "does not satisfy the task definition's required",
            "doesn't satisfy the task definition's required",
        ]],
        "give the task definition only what the Fargate platform version supports: see its volumes, \
         runtimePlatform and ephemeralStorage",
    ),
    (
        &[&[
            "platform version must be null",
            "platform version is not supported",
            "platform version cannot be",
        ]],
        "run the task on Fargate: set requiresCompatibilities to FARGATE in the task definition",
    ),
    (
        &[&[
            "unsupportedfeatureexception",
            "not supported in this region",
            "not supported in region",
            "not available in this region",
            "isn't available in",
            "not supported in the region",
        ]],
        "use a Region that supports what the task definition asks for (its runtimePlatform, its volumes, Fargate \
         itself), or take that out",
    ),
    (
        &[&["no container instances were found"]],
        "run the task on Fargate: set requiresCompatibilities to FARGATE in the task definition; the cluster has no EC2 \
         instances",
    ),
    (&[&["capacity is unavailable"]], "try again later, or give --subnets in more availability zones"),
    (
        &[&["limit on the number of"]],
        "lower --max-parallel, wait for other tasks, or ask for a higher Fargate quota in Service Quotas",
    ),
    (
        &[&[
            "limitexceededexception",
            "quota exceeded",
            "exceeded the limit",
            "limit exceeded for",
            "exceeds the limit",
        ]],
        "compare the account's quotas of ECS and Fargate in Service Quotas with what AWS names",
    ),
    // The network.
    (
        &[&["network configuration must be provided"]],
        "give --subnets and --security-groups, or --network-from-service",
    ),
    (
        &[&[
            "network configuration is not valid for the given networkmode",
            "network configuration is not supported",
        ]],
        "set networkMode to awsvpc in the task definition: Fargate has no other",
    ),
    (
        &[
            &["subnet"],
            &["does not exist", "doesn't exist", "invalidsubnetid", "not found", "malformed", "invalid id"],
        ],
        "check --subnets: each has to exist in this Region and in the account of the credentials",
    ),
    (
        &[
            &["security group", "securitygroup", "invalidgroup"],
            &["does not exist", "doesn't exist", "invalidgroup", "not found", "malformed", "invalid id"],
        ],
        "check --security-groups: each has to exist in this Region and in the account of the credentials",
    ),
    (
        &[&["different networks", "different vpc", "same vpc", "same network"]],
        "give subnets and security groups of one VPC",
    ),
    (
        &[
            &["subnets", "securitygroups", "security groups"],
            &[
                "can have at most",
                "cannot exceed",
                "can not exceed",
                "too many",
                "should not be",
                "cannot be empty",
                "can not be empty",
                "limit of",
            ],
        ],
        "give 1 to 16 subnets and at most 5 security groups",
    ),
    (
        &[&["assign public ip", "assignpublicip"]],
        "use --assign-public-ip with Fargate only, in public subnets",
    ),
    // The roles.
    (
        &[&["role is not valid", "role is invalid", "invalid role", "role arn is not valid", "role's arn"]],
        "check taskRoleArn and executionRoleArn in the task definition: whole ARNs of roles of this account that ECS \
         tasks may assume (trust policy: ecs-tasks.amazonaws.com)",
    ),
    (
        &[&["unable to assume the role", "unable to assume role", "cannot assume the role"]],
        "check that both roles of the task definition exist and that their trust policy allows sts:AssumeRole to \
         ecs-tasks.amazonaws.com; a role that was created a moment ago needs some seconds",
    ),
    (
        &[&["execution role arn to support", "requires task definition to have execution role"]],
        "set executionRoleArn in the task definition: Fargate needs it for ECR images, secrets and the log driver",
    ),
    // The revision and what a task is told.
    (
        &[&["taskdefinition is inactive", "task definition is inactive", "inactive task definition"]],
        "give an ACTIVE revision with --task-definition: this one is deregistered",
    ),
    (
        &[&[
            "taskdefinition not found",
            "task definition not found",
            "unable to describe task definition",
            "task definition does not exist",
            "taskdefinition does not exist",
        ]],
        "check --task-definition, --region and the credentials' account",
    ),
    (
        &[&[
            "does not support launch_type",
            "does not support launch type",
            "not compatible with fargate",
            "compatible with the selected",
            "requirescompatibilities",
            "requires_compatibilities",
        ]],
        "set requiresCompatibilities to FARGATE and networkMode to awsvpc in the task definition",
    ),
    (
        &[&["is not a container in the taskdefinition", "is not a container in the task definition"]],
        "give a container of the task definition with --container",
    ),
    (
        &[&["overrides"], &["length", "size", "8192", "too large", "too long"]],
        "tell the task less: lower --databases-per-task, or shorten --env and --command (overrides may take 8,192 \
         characters)",
    ),
    (
        &[&["new arn and resource id format", "long arn format"]],
        "opt the account in to the long ARN format of tasks (`aws ecs put-account-setting-default --name \
         taskLongArnFormat --value enabled`)",
    ),
    (
        &[&[
            "tags can not be empty",
            "tags cannot be empty",
            "tag key",
            "tag value",
            "tags can have",
            "invalid tag",
            "number of tags",
            "too many tags",
            "tagging",
        ]],
        "correct the tags: at most 50, each with a key of 1 to 128 characters that does not begin with aws:, and a value \
         of up to 256",
    ),
    (
        &[&["configured at launch", "configuredatlaunch", "volumeconfigurations", "volume configuration"]],
        "use a volume that needs no configuration at launch: RunTask gives none here",
    ),
    (&[&["client token", "clienttoken", "idempoten"]], "run again: another run uses another token"),
    // The document.
    (
        &[&["secret name must be unique", "shared with any new or existing environment"]],
        "remove the variable from `secrets` or from `environment` of the container: a name may stand in one of them",
    ),
    (
        &[&["no fargate configuration exists"]],
        "set cpu and memory of the task to a pair that Fargate has: 256 with 512 to 2048 MiB, 512 with 1024 to 4096, \
         1024 with 2048 to 8192, and so on",
    ),
    (
        &[&[
            "setting for task",
            "setting for container",
            "be defined at the task level",
            "cpu value",
            "memory value",
            "cpu setting",
            "memory setting",
            "sum of all container",
        ]],
        "correct cpu and memory in the task definition: a pair that Fargate has on the task, and on its containers no \
         more than that together",
    ),
    (
        &[&["ephemeralstorage", "ephemeral storage"]],
        "set ephemeralStorage.sizeInGiB to 21 to 200, or leave it out for 20 GiB",
    ),
    (
        &[&["container.image", "image contains invalid characters", "invalid image", "image is not valid"]],
        "correct the image's name with --image: registry/repository:tag or registry/repository@sha256:…, without spaces, \
         the repository in lowercase",
    ),
    (
        &[&["log driver", "logdriver", "logconfiguration", "awslogs", "log configuration"]],
        "correct logConfiguration of the container: Fargate takes awslogs (with awslogs-group, awslogs-region and \
         awslogs-stream-prefix), splunk and awsfirelens",
    ),
    (
        &[&["port mapping", "host port", "hostport", "containerport"]],
        "let hostPort be absent or the same as containerPort: with awsvpc they are one",
    ),
    (
        &[&["network mode", "networkmode"]],
        "set networkMode to awsvpc in the task definition: Fargate has no other",
    ),
    (
        &[&["essential"]],
        "let at least one container be essential, and none of those that another waits for the end of (dependsOn with \
         SUCCESS or COMPLETE)",
    ),
    (
        &[&["dependency", "dependson", "cyclic", "circular"]],
        "correct dependsOn: containers of this task definition, without a circle",
    ),
    (
        &[&["unknown volume", "sourcevolume", "mount point", "mountpoint", "volume"]],
        "correct volumes and mountPoints: each source volume has to be declared, and Fargate takes EFS volumes and bind \
         mounts without a host path",
    ),
    (
        &[&["max allowed length", "task definition is too large", "65536", "64 kib"]],
        "make the task definition smaller: 64 KiB in all; move long values to a secret, a parameter or an environment \
         file",
    ),
    (
        &[&["family"], &["invalid", "null or empty", "characters", "too long", "length"]],
        "give the task definition a family of letters, digits, - and _, up to 255 characters",
    ),
    (
        &[&["container name", "container.name", "containername"]],
        "give each container a name of its own, of letters, digits, - and _, up to 255 characters",
    ),
    (
        &[&["environment file", "environmentfile", "env file"]],
        "correct environmentFiles: ARNs of objects in S3 whose names end with .env",
    ),
    (
        &[&["environment variable", "environment key", "environment name", "keyvaluepair"]],
        "correct the names in `environment` and --env: none empty, none twice",
    ),
    (
        &[&["cpuarchitecture", "operatingsystemfamily", "runtimeplatform", "runtime platform", "arm64"]],
        "correct runtimePlatform: cpuArchitecture X86_64 or ARM64, operatingSystemFamily LINUX",
    ),
    (
        &[&["invalid arn", "arn syntax", "malformed arn", "arn is not valid", "arn is invalid"]],
        "look for an ARN in the task definition that is not whole: roles, secrets, environment files, repository \
         credentials",
    ),
    (
        &[
            &["fargate"],
            &[
                "does not support",
                "do not support",
                "not supported",
                "only supports",
                "not allowed",
                "requires",
                "can not",
                "cannot",
            ],
        ],
        "change in the task definition what AWS names: Fargate does not have it in this form",
    ),
    (
        &[&[
            "serializationexception",
            "could not be parsed",
            "unexpected type",
            "validationexception",
            "failed to satisfy constraint",
            "expected to be",
        ]],
        "correct the member of the task definition or of the flags that AWS names: its type, length or characters are \
         wrong",
    ),
    (
        &[&["unknownoperationexception", "invalidaction", "unknown operation", "unrecognizedclient"]],
        "check AWS_ENDPOINT_URL: what answers there does not know this call",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// As AWS writes them, the call that answers with them, and a word of the hint.
    const MESSAGES: &[(Call, &str, &str, &str)] = &[
        (
            Call::RUN_TASK,
            "BlockedException",
            "Your AWS account was blocked. Contact AWS Support for more information.",
            "AWS Support",
        ),
        (Call::RUN_TASK, "ClientException", "Your account is currently blocked.", "AWS Support"),
        (
            Call::RUN_TASK,
            "OptInRequired",
            "The AWS Access Key Id needs a subscription for the service",
            "activated",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
            "create-service-linked-role",
        ),
        (Call::RUN_TASK, "ClusterNotFoundException", "Cluster not found.", "--cluster"),
        (Call::RUN_TASK, "InvalidParameterException", "The referenced cluster was inactive.", "--cluster"),
        (
            Call::RUN_TASK,
            "PlatformUnknownException",
            "The specified platform version does not exist.",
            "LATEST",
        ),
        (
            Call::RUN_TASK,
            "PlatformTaskDefinitionIncompatibilityException",
            "The specified platform version does not satisfy the task definition's required capabilities.",
            "platform version supports",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "The platform version must be null when specifying an EC2 launch type.",
            "FARGATE",
        ),
        (
            Call::RUN_TASK,
            "UnsupportedFeatureException",
            "The specified task isn't supported in this Region.",
            "Region",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Windows platform not supported in Region eu-south-2",
            "Region",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "No Container Instances were found in your cluster.",
            "FARGATE",
        ),
        (
            Call::RUN_TASK,
            "ClientException",
            "Capacity is unavailable at this time. Please try again later or in a different availability zone",
            "availability zones",
        ),
        (
            Call::RUN_TASK,
            "ClientException",
            "You’ve reached the limit on the number of vCPUs you can run concurrently",
            "--max-parallel",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            "--subnets",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "Network Configuration is not valid for the given networkMode of this task definition.",
            "awsvpc",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "Error retrieving subnet information for [subnet-0a]: The subnet ID 'subnet-0a' does not exist (ErrorCode: InvalidSubnetID.NotFound)",
            "check --subnets",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "Error retrieving security group information for [sg-0a]: The security group 'sg-0a' does not exist (ErrorCode: InvalidGroup.NotFound)",
            "check --security-groups",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "SecurityGroup sg-0a does not exist.",
            "check --security-groups",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "You have specified two resources that belong to different networks.",
            "one VPC",
        ),
        (Call::RUN_TASK, "InvalidParameterException", "subnets can have at most 16 items.", "1 to 16"),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "Assign public IP is not supported for this launch type.",
            "--assign-public-ip",
        ),
        (Call::REGISTER_TASK_DEFINITION, "ClientException", "Role is not valid", "taskRoleArn"),
        (
            Call::RUN_TASK,
            "ClientException",
            "ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.",
            "trust policy",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            "executionRoleArn",
        ),
        (Call::RUN_TASK, "ClientException", "TaskDefinition is inactive", "ACTIVE"),
        (Call::RUN_TASK, "ClientException", "TaskDefinition not found.", "--task-definition"),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "Task definition does not support launch_type FARGATE.",
            "requiresCompatibilities",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "Override for container named web is not a container in the TaskDefinition.",
            "--container",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "Container Overrides length must be at most 8192",
            "--databases-per-task",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "The new ARN and resource ID format must be enabled to add tags to the task. Opt in to the new format and try again.",
            "taskLongArnFormat",
        ),
        (Call::RUN_TASK, "InvalidParameterException", "Tags can not be empty.", "tags"),
        (
            Call::FILTER_LOG_EVENTS,
            "InvalidOperationException",
            "The log group /ecs/shop is of log-group-class INFREQUENT_ACCESS. FilterLogEvents is not supported for this \
             log class.",
            "class STANDARD",
        ),
        (
            Call::RUN_TASK,
            "InvalidParameterException",
            "The task definition has a volume that is configured at launch, and no volumeConfigurations",
            "volume",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "The secret name must be unique and not shared with any new or existing environment variables set on the container, such as 'DATABASE_NAME'.",
            "`secrets`",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "No Fargate configuration exists for given values: 300 CPU, 512 memory. See the Amazon ECS documentation.",
            "256 with 512",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section",
            "cpu and memory",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Fargate requires that 'cpu' be defined at the task level.",
            "cpu and memory",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Invalid setting for container 'x'. At least one of 'memory' or 'memoryReservation' must be specified.",
            "cpu and memory",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "The size of ephemeralStorage must be between 21 and 200.",
            "sizeInGiB",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Container.image contains invalid characters.",
            "--image",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Container.image should not be null or empty.",
            "--image",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Log driver awslogs requires options: awslogs-region, awslogs-group",
            "logConfiguration",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            "hostPort",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Fargate only supports network mode ‘awsvpc’.",
            "awsvpc",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "A Task Definition must have at least one essential container.",
            "essential",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Cyclic container dependencies are not allowed",
            "dependsOn",
        ),
        (Call::REGISTER_TASK_DEFINITION, "ClientException", "Unknown volume 'data'.", "mountPoints"),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Actual length: '67331'. Max allowed length is '65536' bytes.",
            "64 KiB",
        ),
        (Call::REGISTER_TASK_DEFINITION, "ClientException", "Family contains invalid characters.", "family"),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Container name must be unique",
            "name of its own",
        ),
        (Call::REGISTER_TASK_DEFINITION, "ClientException", "Invalid arn syntax.", "not whole"),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Fargate compatible task definitions do not support devices",
            "Fargate does not have it",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Invalid cpuArchitecture: X64",
            "runtimePlatform",
        ),
        (
            Call::RUN_TASK,
            "LimitExceededException",
            "The limit for the resource was exceeded.",
            "Service Quotas",
        ),
        (Call::RUN_TASK, "InvalidParameterException", "clientToken is too long.", "another token"),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "The environment file must end with .env.",
            "environmentFiles",
        ),
        (
            Call::REGISTER_TASK_DEFINITION,
            "ClientException",
            "Environment variable names should not be null or empty.",
            "`environment`",
        ),
        (Call::RUN_TASK, "UnknownOperationException", "", "AWS_ENDPOINT_URL"),
        (
            Call::REGISTER_TASK_DEFINITION,
            "SerializationException",
            "STRING_VALUE cannot be converted to Integer",
            "type",
        ),
    ];

    #[test]
    fn every_refusal_that_is_known_has_its_own_hint() {
        for (call, code, message, word) in MESSAGES {
            let hint = hint(*call, code, message);
            assert!(hint.contains(word), "{code}: {message}: {hint}");
            assert!(!hint.contains("CloudTrail"), "{message}");
        }
    }

    #[test]
    fn one_that_is_not_known_gets_places_to_look_at_and_no_cause() {
        for (call, word) in [
            (Call::RUN_TASK, "subnets"),
            (Call::REGISTER_TASK_DEFINITION, "--plan"),
            (Call::LIST_TASKS, "ListTasks"),
        ] {
            let hint = hint(call, "ClientException", "Something that nobody has seen before.");
            assert!(hint.contains(word) && hint.contains(&format!("event {}", call.operation())), "{hint}");
        }
    }

    /// A row that an earlier one hides could never be told.
    #[test]
    fn no_row_is_hidden_and_each_has_a_message() {
        for (_, expected) in ROWS {
            let told =
                MESSAGES.iter().any(|(call, code, message, _)| hint(*call, code, message) == *expected);
            assert!(told, "no message gets: {expected}");
        }
    }

    #[test]
    fn phrases_are_written_as_the_text_is_folded() {
        for phrase in ROWS.iter().flat_map(|(groups, _)| groups.iter().copied().flatten()) {
            assert_eq!(&phrase.to_lowercase(), phrase);
        }
    }
}
