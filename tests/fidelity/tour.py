"""Calls every operation that a sandbox serves, with boto3. Reads the sandbox's environment on stdin as JSON.

Prints the operations that it serves: those of botocore's models that it does not call unknown.
"""

import gzip
import hashlib
import json
import os
import sys
import urllib.error
import urllib.request

os.environ.update(json.load(sys.stdin))

import boto3

from models import MODELS, SERVICES

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]


def ecs():
    client = boto3.client("ecs")
    client.create_cluster(clusterName="tour")
    client.describe_clusters(clusters=["tour", "nowhere"])
    client.list_clusters()
    container = {
        "name": "app",
        "image": "registry.example/app:1",
        "essential": True,
        "environment": [{"name": "A", "value": "b"}],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": "tour", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs"},
        },
    }
    registered = client.register_task_definition(
        family="tour",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn="arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
        containerDefinitions=[container],
        tags=[{"key": "k", "value": "v"}],
    )["taskDefinition"]
    arn = registered["taskDefinitionArn"]
    client.describe_task_definition(taskDefinition="tour", include=["TAGS"])
    client.list_task_definitions(familyPrefix="tour")
    client.list_task_definition_families()
    client.tag_resource(resourceArn=arn, tags=[{"key": "x", "value": "y"}])
    client.list_tags_for_resource(resourceArn=arn)
    client.untag_resource(resourceArn=arn, tagKeys=["x"])
    network = {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}}
    service = {"cluster": "tour", "taskDefinition": "tour", "launchType": "FARGATE", "networkConfiguration": network}
    client.create_service(serviceName="web", desiredCount=0, **service)
    client.list_services(cluster="tour")
    client.describe_services(cluster="tour", services=["web", "nowhere"], include=["TAGS"])
    cluster = {"cluster": "tour", "service": "web"}
    client.update_service(forceNewDeployment=True, desiredCount=1, **cluster)
    deployments = []
    while len(deployments) < 2:
        deployments = client.list_service_deployments(**cluster)["serviceDeployments"]
    arns = [one["serviceDeploymentArn"] for one in deployments]
    client.stop_service_deployment(serviceDeploymentArn=arns[0], stopType="ROLLBACK")
    client.describe_service_deployments(serviceDeploymentArns=[*arns, arns[0][:-4] + "0000"])
    revisions = [one["targetServiceRevisionArn"] for one in deployments]
    client.describe_service_revisions(serviceRevisionArns=[*revisions, revisions[0][:-4] + "0000"])
    client.describe_services(cluster="tour", services=["web"])
    client.delete_service(force=True, **cluster)
    a_paused_service(client, service)
    task = client.run_task(enableExecuteCommand=False, **service)["tasks"][0]["taskArn"]
    client.stop_task(cluster="tour", task=task, reason="enough")
    client.describe_tasks(cluster="tour", tasks=[task, task[:-4] + "0000"], include=["TAGS"])
    client.list_tasks(cluster="tour", desiredStatus="STOPPED")
    client.deregister_task_definition(taskDefinition=arn)


def a_paused_service(client, service):
    """Every member that the service deployment of a canary has, at a lifecycle hook and at its end."""
    hook = {
        "targetType": "PAUSE",
        "lifecycleStages": ["PRE_SCALE_UP"],
        "timeoutConfiguration": {"timeoutInMinutes": 20160, "action": "CONTINUE"},
    }
    client.create_service(
        serviceName="paused",
        desiredCount=0,
        deploymentConfiguration={
            "strategy": "CANARY",
            "canaryConfiguration": {"canaryPercent": 12.5, "canaryBakeTimeInMinutes": 0},
            "bakeTimeInMinutes": 0,
            "lifecycleHooks": [hook],
            "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True},
        },
        **service,
    )
    paused = {"cluster": "tour", "service": "paused"}
    described = {}

    def deployment(number, is_so):
        while True:
            listed = client.list_service_deployments(**paused)["serviceDeployments"]
            if len(listed) == number:
                newest = [listed[0]["serviceDeploymentArn"]]
                answer = client.describe_service_deployments(serviceDeploymentArns=newest)
                described.update(answer["serviceDeployments"][0])
                if is_so():
                    return described["serviceDeploymentArn"]

    deployment(1, lambda: described["status"] == "SUCCESSFUL")
    client.update_service(forceNewDeployment=True, **paused)
    arn = deployment(2, lambda: described.get("lifecycleHookDetails"))
    hook_id = described["lifecycleHookDetails"][0]["hookId"]
    client.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook_id, action="CONTINUE")
    deployment(2, lambda: described["status"] == "SUCCESSFUL")
    client.delete_service(force=True, **paused)


def logs():
    client = boto3.client("logs")
    client.create_log_group(logGroupName="tour")
    client.put_retention_policy(logGroupName="tour", retentionInDays=7)
    client.create_log_stream(logGroupName="tour", logStreamName="s")
    now = client.describe_log_groups(logGroupNamePrefix="tour")["logGroups"][0]["creationTime"]
    event = {"timestamp": now, "message": "hello"}
    client.put_log_events(logGroupName="tour", logStreamName="s", logEvents=[event, event])
    client.describe_log_streams(logGroupName="tour")
    client.get_log_events(logGroupName="tour", logStreamName="s", startFromHead=True)
    client.filter_log_events(logGroupName="tour", filterPattern="hello")


def ecr():
    client = boto3.client("ecr")
    client.get_authorization_token()
    name = {"repositoryName": "tour"}
    client.create_repository(**name)
    client.describe_repositories(repositoryNames=["tour"])
    client.create_pull_through_cache_rule(ecrRepositoryPrefix="tour-hub", upstreamRegistryUrl="registry-1.docker.io")

    def upload(content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        client.batch_check_layer_availability(layerDigests=[digest], **name)
        upload = {"uploadId": client.initiate_layer_upload(**name)["uploadId"], **name}
        client.upload_layer_part(partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content, **upload)
        client.complete_layer_upload(layerDigests=[digest], **upload)
        client.get_download_url_for_layer(layerDigest=digest, **name)
        client.batch_check_layer_availability(layerDigests=[digest], **name)
        return {"digest": digest, "size": len(content)}

    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    kind = "application/vnd.docker."
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}distribution.manifest.v2+json",
        "config": {"mediaType": f"{kind}container.image.v1+json", **upload(json.dumps(config).encode())},
        "layers": [{"mediaType": f"{kind}image.rootfs.diff.tar.gzip", **upload(gzip.compress(bytes(1024), mtime=0))}],
    }
    client.put_image(imageManifest=json.dumps(manifest), imageTag="1", **name)
    client.list_images(**name)
    client.describe_images(**name)
    client.batch_get_image(imageIds=[{"imageTag": "1"}, {"imageTag": "2"}], **name)
    client.delete_repository(force=True, **name)


def secretsmanager():
    client = boto3.client("secretsmanager")
    client.create_secret(Name="tour", SecretString="{}", Tags=[{"Key": "k", "Value": "v"}])
    client.put_secret_value(SecretId="tour", SecretString='{"a": "b"}')
    client.get_secret_value(SecretId="tour")
    client.describe_secret(SecretId="tour")
    client.list_secrets()


def the_rest():
    boto3.client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["ec2:subnet"])
    boto3.client("sts").get_caller_identity()
    bearer = {"authorization": f"Bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    address = os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=sts.amazonaws.com"
    token = json.load(urllib.request.urlopen(urllib.request.Request(address, headers=bearer)))["value"]
    role = "arn:aws:iam::123456789012:role/github-actions-startupwebapp"
    assume = boto3.client("sts").assume_role_with_web_identity
    given = assume(RoleArn=role, RoleSessionName="tour", WebIdentityToken=token)["Credentials"]
    keys = ("AccessKeyId", "aws_access_key_id"), ("SecretAccessKey", "aws_secret_access_key"), ("SessionToken", "aws_session_token")
    session = boto3.Session(**{name: given[key] for key, name in keys})
    assert session.client("sts").get_caller_identity()["Arn"].endswith("/tour")
    boto3.client("logs").delete_log_group(logGroupName="tour")


def serves(prefix, operation):
    """Whether the sandbox knows an operation; it is asked with an empty input."""
    model = MODELS[prefix]
    scope = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/{prefix}/aws4_request"
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    if "json" in model.metadata["protocols"]:
        headers["content-type"] = "application/x-amz-json-1.1"
        headers["x-amz-target"] = f"{model.metadata['targetPrefix']}.{operation}"
        body, unknown = b"{}", b"UnknownOperationException"
    else:
        body, unknown = f"Action={operation}&Version={model.api_version}".encode(), b"InvalidAction"
    try:
        urllib.request.urlopen(urllib.request.Request(ENDPOINT, body, headers)).read()
        return True
    except urllib.error.HTTPError as error:
        return unknown not in error.read()


for tour in (ecs, logs, ecr, secretsmanager, the_rest):
    tour()
served = [
    f"{prefix}:{name}" for prefix in SERVICES for name in MODELS[prefix].operation_names if serves(prefix, name)
]
json.dump(served, sys.stdout)
