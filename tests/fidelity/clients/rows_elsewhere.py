"""ECR, services and who is let in, as AWS answers where emulators do not."""

import base64
import datetime
import time

import boto3

from checks import CLUSTER, PATIENCE, REPOSITORY, WANTED, aws, image, refused
from rows import not_checked, row


@row("layer upload API")
def layers_are_uploaded():
    image("uploaded", "uploaded")
    layers = aws("ecr").batch_check_layer_availability(
        repositoryName=REPOSITORY, layerDigests=["sha256:" + "0" * 64]
    )
    assert (layers["layers"] or layers["failures"])[0], layers


@row("ECR token")
def a_token_lasts_twelve_hours():
    data = aws("ecr").get_authorization_token()["authorizationData"][0]
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:"), data
    left = data["expiresAt"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=11) < left <= datetime.timedelta(hours=12), left
    assert data["proxyEndpoint"].startswith("http"), data


not_checked("docker login/push/pull", "a Docker Engine judges it, in a test of its own")


@row("immutability")
def an_immutable_tag_stays():
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="immutable", imageTagMutability="IMMUTABLE")
    manifest, _ = image("first", "v1", "immutable")
    refused("ImageAlreadyExistsException", ecr.put_image, repositoryName="immutable", imageManifest=manifest,
            imageTag="v1")
    other, _ = image("second", "v2", "immutable")
    refused("ImageTagAlreadyExistsException", ecr.put_image, repositoryName="immutable", imageManifest=other,
            imageTag="v1")


@row("DescribeImages missing tag")
def describe_images_knows_what_is_missing():
    ask = aws("ecr").describe_images
    refused("ImageNotFoundException", ask, repositoryName=REPOSITORY, imageIds=[{"imageTag": "never"}])
    refused("RepositoryNotFoundException", ask, repositoryName="never")


@row("BatchGetImage mixed")
def batch_get_image_answers_both():
    manifest, digest = image("mixed", "mixed")
    # Without a pull: the same manifest under one more tag.
    aws("ecr").put_image(repositoryName=REPOSITORY, imageManifest=manifest, imageTag="another")
    answer = aws("ecr").batch_get_image(
        repositoryName=REPOSITORY, imageIds=[{"imageTag": "mixed"}, {"imageTag": "never"}]
    )
    assert answer["images"][0]["imageId"] == {"imageDigest": digest, "imageTag": "mixed"}, answer
    assert answer["images"][0]["imageManifest"] == manifest, answer
    assert [one["failureCode"] for one in answer["failures"]] == ["ImageNotFound"], answer


not_checked(
    "scan findings / creation templates", "the product never asks for them",
    ("ecr", "describe_image_scan_findings", {"repositoryName": REPOSITORY, "imageId": {"imageTag": "v0"}}),
    ("ecr", "describe_repository_creation_templates", {}),
)


@row("services")
def a_service_is_steady():
    shop_definition()
    aws("ecs").create_service(
        cluster=CLUSTER, serviceName="web", taskDefinition="shop", desiredCount=2, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": WANTED["subnets"]}},
    )
    aws("ecs").get_waiter("services_stable").wait(
        cluster=CLUSTER, services=["web"], WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE}
    )
    tasks = aws("ecs").list_tasks(cluster=CLUSTER, serviceName="web")["taskArns"]
    assert len(tasks) == 2, tasks


@row("List/DescribeServiceDeployments")
def a_service_deployment_is_listed_and_described():
    web = {"cluster": CLUSTER, "service": "web"}
    # A service is stable some time before its deployment has ended, and an update would stop that.
    deployments(web, ["SUCCESSFUL"])
    aws("ecs").update_service(**web, taskDefinition=shop_definition())
    listed = deployments(web, ["SUCCESSFUL", "SUCCESSFUL"])
    arns = [one["serviceDeploymentArn"] for one in listed]
    described = aws("ecs").describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    assert described[0]["sourceServiceRevisions"][0]["arn"] == listed[1]["targetServiceRevisionArn"], described


def deployments(web, statuses):
    """The deployments of a service, as soon as they have these statuses."""
    listed, deadline = [], time.monotonic() + PATIENCE
    while [one["status"] for one in listed] != statuses:
        assert time.monotonic() < deadline, listed
        listed = aws("ecs").list_service_deployments(**web)["serviceDeployments"]
    return listed


def shop_definition():
    return aws("ecs").register_task_definition(
        family="shop", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[{
            "name": "shop", "image": "registry.example/shop:1",
            "environment": [{"name": "UNTIL_STOPPED", "value": "1"}],
        }],
    )["taskDefinition"]["taskDefinitionArn"]


@row("DescribeServices unknown")
def unknown_service_is_missing():
    answer = aws("ecs").describe_services(cluster=CLUSTER, services=["never"])
    assert (answer["services"], answer["failures"][0]["reason"]) == ([], "MISSING"), answer


not_checked("DescribeSubnets by tag, wildcard", "the product asks the Resource Groups Tagging API instead of EC2")
not_checked("AssumeRoleWithWebIdentity", "the runner's credentials come from elsewhere before the product starts")
not_checked("IAM enforcement", "the sandbox knows one principal, who may do everything until a fault says otherwise")
not_checked("- action allow/deny", "as IAM enforcement")
not_checked("- resource or condition scoped ecs/logs statements", "as IAM enforcement")
not_checked("- iam:PassRole", "as IAM enforcement")


@row("signature", "access keys are known or not, but a wrong signature with the right key is let in")
def strangers_are_refused():
    stranger = boto3.client("ecs", aws_access_key_id="AKIASTRANGER", aws_secret_access_key="x")
    refused("UnrecognizedClientException", stranger.list_clusters, "security token")
