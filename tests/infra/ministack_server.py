"""MiniStack on a free port of 127.0.0.1, until standard input ends; its port is the one line of standard output.

It has no Docker Engine here: no task starts a container. Its CloudFormation lacks some types of infra/, and loses some
properties of others. They are added below, each with an assertion that fails as soon as a version has them. What these
additions refuse, they refuse because it is written here: a second OIDC provider, and the deletion of a protected
database.
"""

import json
import os
import secrets
import socket
import sys
import threading
import time
import urllib.request

# Only the port goes to standard output, whatever else is printed.
ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    PORT = listener.getsockname()[1]

os.environ |= {
    "BIND_HOST": "127.0.0.1",
    "GATEWAY_PORT": str(PORT),
    "MINISTACK_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    # Nothing listens there, so that no engine of this machine is used.
    "DOCKER_HOST": "tcp://127.0.0.1:1",
    "LOG_LEVEL": "WARNING",
}

from ministack.app import main  # noqa: E402: it reads the environment when it is imported
from ministack.core.responses import get_account_id  # noqa: E402
from ministack.services import ec2, ecs, iam, rds, secretsmanager  # noqa: E402
from ministack.services.cloudformation import provisioners  # noqa: E402

TYPES = provisioners._RESOURCE_HANDLERS


def new_id(prefix):
    return f"{prefix}-{secrets.token_hex(8)}0"


def add(name, create, delete):
    assert name not in TYPES, f"MiniStack has {name} now"
    TYPES[name] = {"create": create, "delete": delete}


def create_address(_logical_id, properties, _stack):
    allocation, address = new_id("eipalloc"), f"198.51.100.{len(ec2._addresses) + 1}"
    ec2._addresses[allocation] = {
        "AllocationId": allocation,
        "PublicIp": address,
        "Domain": properties["Domain"],
        "AssociationId": None,
        "InstanceId": None,
        "NetworkInterfaceId": None,
        "PrivateIpAddress": None,
    }
    return address, {"AllocationId": allocation, "PublicIp": address}


def delete_address(address, _properties):
    for allocation in [key for key, value in ec2._addresses.items() if value["PublicIp"] == address]:
        del ec2._addresses[allocation]


def create_nat_gateway(_logical_id, properties, _stack):
    assert properties["AllocationId"] in ec2._addresses, "a NAT gateway without an address"
    gateway = new_id("nat")
    ec2._nat_gateways[gateway] = {
        "NatGatewayId": gateway,
        "SubnetId": properties["SubnetId"],
        "VpcId": ec2._subnets[properties["SubnetId"]]["VpcId"],
        "AllocationId": properties["AllocationId"],
        "ConnectivityType": "public",
        "State": "available",
        "CreateTime": ec2._now_ts(),
        "Tags": properties.get("Tags", []),
    }
    return gateway, {"NatGatewayId": gateway}


def create_ingress(_logical_id, properties, _stack):
    group = ec2._security_groups.get(properties["GroupId"])
    if group is None:
        raise ValueError(f"The security group '{properties['GroupId']}' does not exist")
    group["IpPermissions"] += provisioners._ec2_sg_permissions([properties])
    return new_id("sgr"), {}


def delete_ingress(_physical_id, properties):
    group = ec2._security_groups.get(properties["GroupId"])
    if group is not None:
        [rule] = provisioners._ec2_sg_permissions([properties])
        group["IpPermissions"] = [one for one in group["IpPermissions"] if one != rule]


def create_provider(_logical_id, properties, _stack):
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{properties['Url'].removeprefix('https://')}"
    if arn in iam._oidc_providers:
        raise ValueError(f"Provider with url {properties['Url']} already exists.")
    iam._oidc_providers[arn] = {
        "Url": properties["Url"],
        "ClientIDList": properties["ClientIdList"],
        "ThumbprintList": [],
        "CreateDate": "2026-01-01T00:00:00Z",
        "Tags": [],
    }
    return arn, {"Arn": arn}


# There is no API that would show them.
def create_scalable_target(_logical_id, properties, _stack):
    kind, cluster, service = properties["ResourceId"].split("/")
    assert kind == "service" and f"{cluster}/{service}" in ecs._services, properties["ResourceId"]
    target = f"{properties['ResourceId']}|{properties['ScalableDimension']}|{properties['ServiceNamespace']}"
    return target, {"Id": target}


def create_scaling_policy(_logical_id, properties, _stack):
    # For an update that fails after others have succeeded.
    if float(properties["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]) == 13:
        raise ValueError("13 is an unlucky number")
    return f"arn:aws:autoscaling:::policy/{properties['PolicyName']}", {}


add("AWS::EC2::EIP", create_address, delete_address)
add("AWS::EC2::NatGateway", create_nat_gateway, lambda gateway, _: ec2._nat_gateways.pop(gateway, None))
add("AWS::EC2::SecurityGroupIngress", create_ingress, delete_ingress)
add("AWS::IAM::OIDCProvider", create_provider, lambda arn, _: iam._oidc_providers.pop(arn, None))
add("AWS::ApplicationAutoScaling::ScalableTarget", create_scalable_target, lambda *_: None)
add("AWS::ApplicationAutoScaling::ScalingPolicy", create_scaling_policy, lambda *_: None)

# The master user's secret of a database, which RDS makes and deletes.
DATABASE, SECRET = TYPES["AWS::RDS::DBInstance"], TYPES["AWS::SecretsManager::Secret"]
CREATE_DATABASE, UPDATE_DATABASE, DELETE_DATABASE = (DATABASE[key] for key in ("create", "update", "delete"))


def is_true(value):
    return str(value).lower() == "true"


def with_master_secret(database, attributes):
    assert "MasterUserSecret.SecretArn" not in attributes, "MiniStack has MasterUserSecret now"
    secret = rds._instances[database]["MasterUserSecret"]["SecretArn"]
    return database, attributes | {"MasterUserSecret.SecretArn": secret}


def create_database(logical_id, properties, stack):
    database, attributes = CREATE_DATABASE(logical_id, properties, stack)
    assert is_true(properties["ManageMasterUserPassword"])
    master = {"username": properties["MasterUsername"], "password": secrets.token_hex(16)}
    name = f"rds!db-{secrets.token_hex(8)}"
    secret, _ = SECRET["create"]("Master", {"Name": name, "SecretString": json.dumps(master)}, stack)
    arn = secretsmanager._secrets[secret]["ARN"]
    rds._instances[database] |= {
        "MasterUserSecret": {"SecretArn": arn, "SecretStatus": "active"},
        "_MasterUserSecretName": secret,
    }
    return with_master_secret(database, attributes)


def update_database(*arguments, **keywords):
    return with_master_secret(*UPDATE_DATABASE(*arguments, **keywords))


def delete_database(database, properties):
    instance = rds._instances.get(database) or {}
    if is_true(instance.get("DeletionProtection")):
        raise ValueError("Cannot delete protected DB Instance, please disable deletion protection and try again.")
    if "_MasterUserSecretName" in instance:
        SECRET["delete"](instance["_MasterUserSecretName"], {})
    DELETE_DATABASE(database, properties)


DATABASE |= {"create": create_database, "update": update_database, "delete": delete_database}

# What a parameter gives as text is a number in a service, too.
SERVICE = TYPES["AWS::ECS::Service"]
CREATE_SERVICE, UPDATE_SERVICE = SERVICE["create"], SERVICE["update"]


def with_numbers(properties):
    balancers = [one | {"ContainerPort": int(one["ContainerPort"])} for one in properties["LoadBalancers"]]
    return properties | {"LoadBalancers": balancers}


SERVICE["create"] = lambda logical_id, properties, stack: CREATE_SERVICE(logical_id, with_numbers(properties), stack)
SERVICE["update"] = lambda service, old, new, stack: UPDATE_SERVICE(service, with_numbers(old), with_numbers(new), stack)

# Container definitions come out as the template has them, in PascalCase and with text for numbers.
AS_THEY_ARE = {"Options", "DockerLabels"}
BOOLEANS = {"essential", "readonlyRootFilesystem", "initProcessEnabled"}
NUMBERS = {"containerPort", "hostPort", "stopTimeout"}


def as_ecs_has_it(value):
    if isinstance(value, list):
        return [as_ecs_has_it(one) for one in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for key, inner in value.items():
        name = key[:1].lower() + key[1:]
        if key in AS_THEY_ARE:
            result[name] = inner
        elif name in BOOLEANS:
            result[name] = is_true(inner)
        elif name in NUMBERS:
            result[name] = int(inner)
        else:
            result[name] = as_ecs_has_it(inner)
    return result


TASK_DEFINITION = TYPES["AWS::ECS::TaskDefinition"]
CREATE_TASK_DEFINITION = TASK_DEFINITION["create"]


def create_task_definition(logical_id, properties, stack):
    arn, attributes = CREATE_TASK_DEFINITION(logical_id, properties, stack)
    definition = ecs._task_defs[arn.rsplit("/", 1)[1]]
    assert "runtimePlatform" not in definition, "MiniStack has RuntimePlatform now"
    definition["runtimePlatform"] = as_ecs_has_it(properties["RuntimePlatform"])
    return arn, attributes


assert provisioners._normalize_container_defs([{"Secrets": [{"ValueFrom": "x"}]}])[0]["secrets"] == [{"ValueFrom": "x"}]
provisioners._normalize_container_defs = as_ecs_has_it
TASK_DEFINITION["create"] = provisioners._ecs_task_def_create = create_task_definition

# Without an engine a task runs for ever. The one that makes databases ends at once, with exit code 0.
RUN_TASK = ecs._ACTION_MAP["RunTask"]


def run_task(request):
    before = set(ecs._tasks)
    answer = RUN_TASK(request)
    for arn in set(ecs._tasks) - before:
        task = ecs._tasks[arn]
        if task["taskDefinitionArn"].rsplit(":", 1)[0].endswith("-databases"):
            ecs._mark_task_stopped(arn, task, "Essential container in task exited", "EssentialContainerExited", exit_code=0)
    return answer


ecs._ACTION_MAP["RunTask"] = run_task


def serve_until_input_ends():
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/_ministack/health", timeout=60).read()
            break
        except OSError:
            if time.monotonic() > deadline:
                os._exit(1)
            time.sleep(0.05)
    print(PORT, file=ANSWER, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=serve_until_input_ends, daemon=True).start()
main()
