"""The sandbox's account as boto3 sees it, and the form in which checks say what was not so.

stdin: {"environment": {…}, "cluster", "family", "log_group", "repository", "subnets": […], "missing_image_family",
"lost_secret_family", "lost_group_family", "ordered_family"}
"""

import functools
import hashlib
import json
import os
import sys
import time
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

WANTED = json.load(sys.stdin)
os.environ.update(WANTED["environment"])
CLUSTER, FAMILY, GROUP, REPOSITORY = (WANTED[key] for key in ("cluster", "family", "log_group", "repository"))
# A real task on a busy machine.
PATIENCE = 60


@functools.cache
def aws(service):
    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))


def refused(code, call, saying="", **arguments):
    """The service answers with this exception. The answer is given back for more to be said about it."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        got, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        assert (got, saying in message) == (code, True), f"{got}: {message} instead of {code}: {saying}"
        return error.response
    raise AssertionError(f"accepted instead of {code}: {answer}")


def run_input(family=FAMILY, *, environment=None, **more):
    overrides = [{"name": key, "value": value} for key, value in (environment or {}).items()]
    answer = {
        "cluster": CLUSTER, "taskDefinition": family, "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": WANTED["subnets"]}},
    } | more
    if overrides:
        answer["overrides"] = {"containerOverrides": [{"name": "migration", "environment": overrides}]}
    return answer


def run(family=FAMILY, **more):
    """ARNs of the tasks that were started."""
    answer = aws("ecs").run_task(**run_input(family, **more))
    assert answer["failures"] == [], answer["failures"]
    return [task["taskArn"] for task in answer["tasks"]]


def described(arn):
    answer = aws("ecs").describe_tasks(cluster=CLUSTER, tasks=[arn])
    assert answer["failures"] == [], answer["failures"]
    return answer["tasks"][0]


def until(arn, status):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        task = described(arn)
        if task["lastStatus"] == status:
            return task
        time.sleep(0.02)
    raise AssertionError(f"{arn} is {task['lastStatus']}, never {status}")


def ended(family=FAMILY, **more):
    return until(run(family, **more)[0], "STOPPED")


def stream_of(task, container="migration"):
    return f"migration/{container}/{task['taskArn'].split('/')[-1]}"


def lines_of(task, container="migration"):
    answer = aws("logs").get_log_events(
        logGroupName=GROUP, logStreamName=stream_of(task, container), startFromHead=True
    )
    return [event["message"] for event in answer["events"]]


def put_lines(stream, lines):
    """Makes a stream with these lines, a millisecond apart."""
    now = int(time.time() * 1000) - len(lines)
    aws("logs").create_log_stream(logGroupName=GROUP, logStreamName=stream)
    events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
    aws("logs").put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def image(content, tag, repository=REPOSITORY):
    """Pushes an image without a layer through ECR's own API, and answers its manifest and digest."""
    ecr = aws("ecr")
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Labels": {"content": content}},
        "rootfs": {"type": "layers", "diff_ids": []},
    }).encode()
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    upload = ecr.initiate_layer_upload(repositoryName=repository)
    ecr.upload_layer_part(
        repositoryName=repository, uploadId=upload["uploadId"], partFirstByte=0, partLastByte=len(config) - 1,
        layerPartBlob=config,
    )
    done = ecr.complete_layer_upload(repositoryName=repository, uploadId=upload["uploadId"], layerDigests=[digest])
    assert done["layerDigest"] == digest, done
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config), "digest": digest},
        "layers": [],
    })
    put = ecr.put_image(repositoryName=repository, imageManifest=manifest, imageTag=tag)["image"]
    expected = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    assert put["imageId"] == {"imageDigest": expected, "imageTag": tag}, put["imageId"]
    return manifest, expected


def judge(check):
    """None, or what was not so."""
    try:
        check()
    except Exception:
        return traceback.format_exc(limit=-3)
    return None
