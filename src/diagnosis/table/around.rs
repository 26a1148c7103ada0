//! What fails around the task, the general wordings, and what the stopCode says.

use super::{ANY, Row, START, rows};
use crate::diagnosis::STOPPED_BY_US;

const INTERFACE: &[&str] = &["network interface provisioning", "create network interface"];

pub(super) const ROWS: &[Row] = rows! {
    "subnet-full" START, [&["insufficientfreeaddresses", "has no free ip", "free addresses", "free ip addresses"]],
        "the task's subnet has no free address",
        "use another or a larger subnet, and try again; tasks that have ended give their addresses back after a while";
    "interface-limit" START, [&["networkinterfacelimitexceeded", "network interface limit",
        "maximum number of network interfaces"]],
        "the account has as many network interfaces in this Region as its quota lets it",
        "delete interfaces that are not used, or ask for a higher quota in Service Quotas (VPC, network interfaces per \
         Region)";
    "network-gone" START, [INTERFACE, &["invalidgroup", "invalidsubnetid", "does not exist"]],
        "a subnet or security group of the task does not exist",
        "check --subnets and --security-groups, or the service that they are taken from";
    "interface-denied" START, [INTERFACE, &["unauthorizedoperation", "not authorized to perform", "accessdenied"]],
        "ECS may not make the task's network interface",
        "check the service-linked role AWSServiceRoleForECS and the organization's policies for \
         ec2:CreateNetworkInterface; of a shared subnet, that its owner shares it with this account";
    "interface-unknown" START, [INTERFACE],
        "the task got no network interface: its subnet may have no free address, or EC2 may have been slow",
        "try again; where it stays so, look at the free addresses of the subnets and use others or larger ones";
    "compute-strategy" START, [&["not compatible with the selected compute strategy"]],
        "the task definition does not fit the launch type or capacity provider",
        "set requiresCompatibilities to FARGATE in the task definition";
    "capacity" ANY, [&["capacity is unavailable at this time"]],
        "Fargate has no capacity in this availability zone now",
        "try again later, or give --subnets in more availability zones";
    "fargate-quota" ANY, [&["limit on the number of"]],
        "the account's limit on what Fargate runs at a time is reached",
        "lower --max-parallel, wait for other tasks, or ask for a higher Fargate quota in Service Quotas";
    "internal" START, [&["internalerror: "]],
        "ECS had an internal error, or the network interface came too late",
        "try once more";

    // The general wordings.
    "container-unknown" START, [&["cannotstartcontainererror", "cannotcreatecontainererror",
        "cannotinspectcontainererror"]],
        "the container could not be made or started",
        "check command, entryPoint, user, workingDirectory and mountPoints in the task definition against the image";
    "init-unknown" START, [&["resourceinitializationerror"]],
        "the task's resources could not be prepared",
        "check secrets, log group, volumes and the execution role in the task definition, and the task's route";

    // What the stopCode says.
    "stopped-by-us" &["UserInitiated"], [&[STOPPED_BY_US]],
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
