//! What fails before any image is pulled: log driver, roles, secrets, the login to ECR, files and volumes.

use super::{DENIED, NETWORK, Row, START, rows};

const ROUTE: &str = "give the task a route to ECR: in a public subnet --assign-public-ip, in a private one a NAT \
    gateway or the VPC endpoints ecr.api, ecr.dkr and S3 (gateway), and logs, secretsmanager or ssm where it uses \
    them; the endpoints' security group must allow 443 from the task, and DNS support must be on in the VPC";
const LOG_GROUP: &str = "create the log group, or set awslogs-create-group to true and allow logs:CreateLogGroup to \
    the execution role, which AmazonECSTaskExecutionRolePolicy does not";
const VALUE_FROM: &str = "check its valueFrom: the whole ARN with its six-character suffix, the region, and the tail \
    :json-key:stage:version";

const LOG_DRIVER: &[&str] =
    &["failed to initialize logging driver", "failed to validate logger args", "cloudwatch log stream"];
const ASM: &[&str] =
    &["retrieve secret from asm", "from secrets manager", "aws secrets manager", "secretsmanager:"];
const SSM: &[&str] = &["secrets from ssm", "aws systems manager", "ssm:getparameter", "ssm parameter"];
const ECR: &[&str] = &["registry auth from amazon ecr", "retrieve ecr registry auth"];
const ENV_FILES: &[&str] = &["failed to download env files"];
const EFS: &[&str] = &["failed to invoke efs utils", "mount.nfs4"];

pub(super) const ROWS: &[Row] = rows! {
    "explicit-deny" START, [&["with an explicit deny"]],
        "a policy denies explicitly what the task's execution role needs",
        "have the statement that denies it changed in the policy that the reason names (a service control policy is the \
         organization's); to allow the action as well does not help";
    "endpoint-policy" START, [&["because no vpc endpoint policy allows"]],
        "the policy of a VPC endpoint does not allow what the task's execution role needs",
        "allow the action that the reason names in the policy of that VPC endpoint";
    "boundary" START, [&["because no permissions boundary allows", "because no service control policy allows",
        "because no session policy allows", "because no resource control policy allows"]],
        "a limit above the execution role's own policy does not allow what it needs",
        "have the action that the reason names allowed in that boundary or policy as well; the role's own policy is not \
         enough";

    "logs-permission" START, [&["not authorized to perform: logs:"]],
        "the execution role may not write to CloudWatch Logs",
        "allow logs:CreateLogStream and logs:PutLogEvents (and logs:CreateLogGroup with awslogs-create-group) to the \
         executionRoleArn";
    "log-group" START, [LOG_DRIVER, &["log group does not exist"]],
        "the log group of awslogs-group does not exist", LOG_GROUP;
    "logs-denied" START, [LOG_DRIVER, DENIED],
        "the execution role may not write to CloudWatch Logs",
        "allow logs:CreateLogStream and logs:PutLogEvents (and logs:CreateLogGroup with awslogs-create-group) to the \
         executionRoleArn";
    "log-options" START, [LOG_DRIVER, &["unknown log opt", "must specify a value for", "must be specified",
        "invalid log opt", "unknown log driver", "invalid value for"]],
        "the container's logConfiguration has an option that its log driver does not take, or lacks one",
        "correct logConfiguration.options in the task definition by what the reason names";
    "logs-route" START, [LOG_DRIVER, NETWORK],
        "the task cannot reach CloudWatch Logs, or the log driver's own service",
        "give the task a route to CloudWatch Logs: the VPC endpoint logs, or a NAT gateway, or in a public subnet \
         --assign-public-ip; check that the log group exists in awslogs-region";
    "logs-unknown" START, [LOG_DRIVER],
        "the log driver could not start: its log group may not exist, the execution role may not be allowed to write to \
         it, or the task may have no route to CloudWatch Logs",
        "check in this order: the log group of awslogs-group in awslogs-region, logs:CreateLogStream and \
         logs:PutLogEvents of the execution role, the task's route (VPC endpoint logs, or NAT)";

    "assume-role" START, [&["unable to assume the role", "unable to assume role"]],
        "ECS cannot assume the execution role or the task role",
        "check that both roles exist and that their trust policy allows sts:AssumeRole to ecs-tasks.amazonaws.com";

    "key-state" START, [&["kms"], &["is disabled", "disabledexception", "pending deletion", "pending import",
        "kmsinvalidstate", "is not valid for this operation"]],
        "the KMS key of a secret is disabled, or is about to be deleted",
        "enable the key, or cancel its deletion; or encrypt the secret with another key";
    "key-permission" START, [&["access to kms is not allowed", "not authorized to perform: kms:",
        "ciphertext refers to a customer master key", "can't decrypt the protected secret",
        "decryptionfailure", "kms:decrypt"]],
        "the execution role may not use the KMS key of a secret",
        "allow kms:Decrypt on that key to the executionRoleArn (not to the task role), and let the key's policy admit \
         the role";
    "secret-permission" START, [DENIED, ASM],
        "the execution role may not read a secret of the task definition",
        "allow secretsmanager:GetSecretValue on that secret, and kms:Decrypt for a customer key, to the \
         executionRoleArn (not to the task role); a secret of another account has to admit it in its own policy too";
    "parameter-permission" START, [DENIED, SSM],
        "the execution role may not read an SSM parameter of the task definition",
        "allow ssm:GetParameters on that parameter, and kms:Decrypt for a customer key, to the executionRoleArn (not to \
         the task role)";
    "parameter-missing" START, [&["invalid ssm parameters", "parameternotfound", "parameters not found"]],
        "an SSM parameter of the task definition does not exist in this Region and account",
        "create the parameter, or correct its name in valueFrom: the whole path as Parameter Store shows it, or an ARN \
         where it is in another Region";
    "json-key" START, [&["did not contain json key"]],
        "the secret's JSON has no such key",
        "correct the json-key in the secret's valueFrom (ARN:json-key:stage:version), or add the key to the secret";
    "json-secret" START, [ASM, &["invalid character", "looking for beginning of value", "unexpected end of json",
        "cannot unmarshal"]],
        "the secret is not the JSON that its valueFrom asks a key of",
        "store the secret as a JSON object with that key, or take the json-key out of valueFrom to get it whole";
    "secret-version" START, [&["secret value for staging label", "secret value for version",
        "secret value for versionid"]],
        "the secret has no version of this stage or id; one that was never given a value has none at all",
        "give the secret a value, or correct stage and version in valueFrom (ARN:json-key:stage:version)";
    "secret-deleted" START, [&["marked for deletion", "scheduled for deletion"]],
        "a secret of the task definition is being deleted",
        "restore it (`aws secretsmanager restore-secret`), or name another one in valueFrom";
    "secret-missing" START, [&["can't retrieve the secret with arn", "can't find the specified secret"]],
        "a secret of the task definition does not exist, or is in another region", VALUE_FROM;
    "secret-absent" START, [ASM, &["resourcenotfoundexception"]],
        "a secret of the task definition does not exist, or is in another region", VALUE_FROM;
    "secret-name" START, [&["unexpected arn format", "invalid arn", "not a valid arn", "invalid resource type",
        "invalidarn"]],
        "a valueFrom of the task definition is not an ARN that ECS can use", VALUE_FROM;
    "secret-route" START, [&["pull secrets from aws secrets manager", "retrieve secret from asm",
        "from secrets manager"], NETWORK],
        "the task cannot reach Secrets Manager",
        "give the task a route to Secrets Manager: the VPC endpoint secretsmanager, or a NAT gateway, or in a public \
         subnet --assign-public-ip; the endpoint's security group must allow 443 from the task";
    "parameter-route" START, [SSM, NETWORK],
        "the task cannot reach Systems Manager",
        "give the task a route to Systems Manager: the VPC endpoint ssm (and kms for a customer key), or a NAT \
         gateway, or in a public subnet --assign-public-ip; the endpoint's security group must allow 443 from the task";
    "secret-unknown" START, [&["retrieve secret from asm", "pull secrets from aws secrets manager",
        "retrieve secrets from ssm", "pull secrets from aws systems manager"]],
        "a secret or parameter of the task definition could not be read: it may not exist, the execution role may not be \
         allowed to read it or its KMS key, or the task may have no route to its service",
        "check in this order: its valueFrom, the executionRoleArn's policy and the key's, the task's route (VPC \
         endpoints secretsmanager, ssm and kms, or NAT)";

    "ecr-login-permission" START, [&["resourceinitializationerror"], &["not authorized to perform: ecr:"]],
        "the execution role may not log in to ECR",
        "attach AmazonECSTaskExecutionRolePolicy to the executionRoleArn";
    "ecr-denied" START, [ECR, DENIED],
        "the execution role may not log in to ECR",
        "attach AmazonECSTaskExecutionRolePolicy to the executionRoleArn";
    "ecr-route" START, [ECR, NETWORK],
        "the task cannot reach ECR", ROUTE;
    "ecr-unknown" START, [ECR],
        "the login to ECR could not be fetched: the task may have no route to ECR, or the execution role may not be \
         allowed to log in",
        "check in this order: the task's route (VPC endpoints ecr.api and ecr.dkr, or NAT, or --assign-public-ip in a \
         public subnet), and AmazonECSTaskExecutionRolePolicy on the executionRoleArn";

    "env-files-permission" START, [ENV_FILES, DENIED],
        "the execution role may not read an environment file in S3",
        "allow s3:GetObject on the file and s3:GetBucketLocation on its bucket to the executionRoleArn, and kms:Decrypt \
         where it is encrypted with a customer key; S3 also answers so for a file that is not there, without \
         s3:ListBucket";
    "env-files-missing" START, [ENV_FILES, &["nosuchkey", "nosuchbucket", "does not exist", "status code: 404",
        "404 not found", "notfound:"]],
        "an environment file of the task definition is not in S3",
        "check environmentFiles: bucket, key and region, and that the file was uploaded";
    "env-files-route" START, [ENV_FILES, NETWORK],
        "the task cannot reach S3 for its environment files",
        "give the task a route to S3: the gateway endpoint in the subnets' route tables, or NAT";
    "env-files-unknown" START, [ENV_FILES],
        "the environment files could not be read from S3: they may not be there, the execution role may not be allowed \
         to read them, or the task may have no route to S3",
        "check in this order: environmentFiles (bucket, key, lines of NAME=value), s3:GetObject and s3:GetBucketLocation \
         of the executionRoleArn, the route to S3 (gateway endpoint or NAT)";

    "efs-permission" START, [EFS, &["access denied by server", "accessdenied", "access denied",
        "not authorized to perform: elasticfilesystem:", "operation not permitted"]],
        "the EFS file system does not let the task mount it",
        "allow elasticfilesystem:ClientMount (and ClientWrite) to the task role in the file system's policy and its own, \
         set authorizationConfig.iam to ENABLED where the policy asks for IAM, and check the access point";
    "efs-name" START, [EFS, &["failed to resolve", "name or service not known", "file system id is correct",
        "filesystem not found", "does not exist"]],
        "the EFS file system's name is not known in the task's VPC",
        "check fileSystemId, that the file system has a mount target in the zone of each subnet, and that DNS resolution \
         and host names are on in the VPC";
    "efs-directory" START, [EFS, &["no such file or directory", "reason given by server"]],
        "the root directory of the EFS volume does not exist in the file system",
        "create the directory, or use an access point that makes it (creation info)";
    "efs-route" START, [EFS, &["connection timed out", "timed out", "connection reset", "connection refused",
        "i/o timeout", "no route to host", "network is unreachable"]],
        "the task cannot reach the EFS file system, or its mount broke off",
        "let the mount targets' security group admit port 2049 from the task's, with a mount target in the zone of each \
         subnet; a connection that was reset may pass, so try once more";
    "efs-unknown" START, [EFS],
        "an EFS volume could not be mounted",
        "check in this order: the file system's mount targets in the zones of the task's subnets, port 2049 in their \
         security group, the volume's access point and IAM authorization; it can pass, so try once more";
    "volume-unknown" START, [&["cannotcreatevolumeerror", "failed to attach volume", "volume attachment"]],
        "a volume of the task could not be made or attached",
        "check volumes and mountPoints in the task definition, and that what they name exists and admits the task's \
         roles";

    "init-network" START, [&["unable to pull secrets or registry auth", "pull command failed"],
        &["check your task network configuration", "dial tcp", "dial udp", "i/o timeout", "tls handshake timeout",
        "no such host", "connection refused", "connection timed out", "context deadline exceeded", "signal: killed",
        "connection issue between the task and"]],
        "secrets or the registry's login could not be fetched, and the reason speaks of the network", ROUTE;
    "init-secrets" START, [&["unable to pull secrets or registry auth"]],
        "secrets or the registry's login could not be fetched: one of them may not exist, the execution role may not be \
         allowed to read it, or the task may have no route",
        "check in this order: every valueFrom in the task definition, the executionRoleArn's policy, the task's route \
         (VPC endpoints ecr.api, ecr.dkr, secretsmanager and ssm, or NAT)";
};
