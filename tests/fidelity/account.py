"""Makes the seed's account at the endpoint of the first argument, with boto3 and nothing of ours.

stdin: {"cluster", "log_group", "repository", "task_definition": DescribeTaskDefinition's answer, "secret": {…}}
stdout: {"repository_uri", "secret_arn", "subnets": […], "security_groups": […], "task_definition_arn"}
"""

import json
import sys

import boto3

READ_ONLY = [
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt",
    "deregisteredAt", "deleteRequestedAt", "registeredBy",
]


def named(kind, name):
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


def network(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = {}
    names = ["startupwebapp-private-subnet-1a", "startupwebapp-private-subnet-1b", "startupwebapp-public-subnet-1a"]
    for number, name in enumerate(names):
        block = f"10.0.{number}.0/24"
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block, TagSpecifications=named("subnet", name))
        subnets[name] = subnet["Subnet"]["SubnetId"]
    name = "startupwebapp-backend-sg"
    group = ec2.create_security_group(
        VpcId=vpc, GroupName=name, Description=name, TagSpecifications=named("security-group", name)
    )
    return subnets, [group["GroupId"]]


def registered(ecs, answer, image, secret_arn):
    definition = {key: value for key, value in answer["taskDefinition"].items() if key not in READ_ONLY}
    for container in definition["containerDefinitions"]:
        container["image"] = image
        for secret in container.get("secrets", []):
            # arn:aws:secretsmanager:region:account:secret:name:key:stage:version, the last three are the tail.
            tail = secret["valueFrom"].split(":")[7:]
            secret["valueFrom"] = ":".join([secret_arn, *tail])
    registration = ecs.register_task_definition(**definition, tags=answer["tags"])
    return registration["taskDefinition"]["taskDefinitionArn"]


def main():
    wanted = json.load(sys.stdin)
    session = boto3.Session("test", "test", region_name="us-east-1")

    def client(service):
        return session.client(service, endpoint_url=sys.argv[1])

    ecs = client("ecs")
    ecs.create_cluster(clusterName=wanted["cluster"])
    client("logs").create_log_group(logGroupName=wanted["log_group"])
    repository = client("ecr").create_repository(repositoryName=wanted["repository"])["repository"]
    secret = client("secretsmanager").create_secret(
        Name="rds/startupwebapp/multi-tenant/master", SecretString=json.dumps(wanted["secret"])
    )
    subnets, groups = network(client("ec2"))
    uri = repository["repositoryUri"]
    arn = registered(ecs, wanted["task_definition"], f"{uri}:latest", secret["ARN"])
    json.dump(
        {
            "repository_uri": uri,
            "secret_arn": secret["ARN"],
            "subnets": subnets,
            "security_groups": groups,
            "task_definition_arn": arn,
        },
        sys.stdout,
    )


main()
