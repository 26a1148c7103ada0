"""boto3's paginators and waiters, and the registry's calls, against the sandbox. stdin: as checks.py has it.

stdout: {check: null, or what was not so}
"""

import json
import sys

from botocore.exceptions import WaiterError

from checks import CLUSTER, GROUP, REPOSITORY, WANTED, aws, image, judge, put_lines, run, run_input, until

CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function


def pages(service, operation, member, size, /, **arguments):
    """Everything that a paginator collects, after a look at its pages: full ones, then the rest."""
    paginator = aws(service).get_paginator(operation)
    sizes, found = [], []
    for page in paginator.paginate(**arguments, PaginationConfig={"PageSize": size}):
        sizes.append(len(page[member]))
        found += page[member]
    full, rest = divmod(len(found), size)
    expected = [size] * full + [rest] * (rest > 0)
    assert sizes == expected, f"pages of {sizes}, not {expected}"
    assert len(sizes) > 1, f"one page of {sizes}"
    texts = [json.dumps(one, default=str, sort_keys=True) for one in found]
    assert len(set(texts)) == len(texts), "an item came twice"
    return found


@check
def list_task_definitions_pages():
    ecs = aws("ecs")
    definition = {"containerDefinitions": [{"name": "app", "image": "app", "memory": 64}]}
    for _ in range(7):
        ecs.register_task_definition(family="paged", **definition)
    found = pages("ecs", "list_task_definitions", "taskDefinitionArns", 3, familyPrefix="paged", sort="DESC")
    assert [arn.rsplit(":")[-1] for arn in found] == ["7", "6", "5", "4", "3", "2", "1"], found


@check
def list_task_definition_families_pages():
    for number in range(5):
        aws("ecs").register_task_definition(
            family=f"family-{number}", containerDefinitions=[{"name": "app", "image": "app", "memory": 64}]
        )
    found = pages("ecs", "list_task_definition_families", "families", 2, familyPrefix="family-")
    assert found == [f"family-{number}" for number in range(5)], found


@check
def list_clusters_pages():
    for number in range(4):
        aws("ecs").create_cluster(clusterName=f"other-{number}")
    assert len(pages("ecs", "list_clusters", "clusterArns", 2)) == 5


@check
def list_tasks_pages():
    started = run(count=7, startedBy="paged", environment={"UNTIL_STOPPED": "1"})
    found = pages("ecs", "list_tasks", "taskArns", 3, cluster=CLUSTER, startedBy="paged")
    assert sorted(found) == sorted(started), found
    for arn in started:
        aws("ecs").stop_task(cluster=CLUSTER, task=arn)


@check
def describe_repositories_pages():
    for number in range(4):
        aws("ecr").create_repository(repositoryName=f"paged/{number}")
    found = pages("ecr", "describe_repositories", "repositories", 2)
    assert {"paged/0", "paged/3", REPOSITORY} <= {one["repositoryName"] for one in found}, found


@check
def describe_and_list_images_pages():
    for number in range(5):
        image(f"paged-{number}", tag=f"v{number}")
    described = pages("ecr", "describe_images", "imageDetails", 2, repositoryName=REPOSITORY)
    assert {"v0", "v4"} <= {tag for one in described for tag in one.get("imageTags", [])}, described
    listed = pages("ecr", "list_images", "imageIds", 2, repositoryName=REPOSITORY)
    assert {one["imageDigest"] for one in listed} == {one["imageDigest"] for one in described}


@check
def describe_log_streams_pages():
    for number in range(5):
        aws("logs").create_log_stream(logGroupName=GROUP, logStreamName=f"streams/{number}")
    found = pages(
        "logs", "describe_log_streams", "logStreams", 2, logGroupName=GROUP, logStreamNamePrefix="streams/"
    )
    assert [one["logStreamName"] for one in found] == [f"streams/{number}" for number in range(5)]


@check
def filter_log_events_pages():
    put_lines("paged/a", [f"line {number}" for number in range(25)])
    found = pages("logs", "filter_log_events", "events", 10, logGroupName=GROUP, logStreamNames=["paged/a"])
    assert [event["message"] for event in found] == [f"line {number}" for number in range(25)]
    assert len({event["eventId"] for event in found}) == 25


@check
def get_resources_pages():
    found = pages(
        "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", 1, ResourceTypeFilters=["ec2:subnet"]
    )
    ids = [one["ResourceARN"].rsplit("/", 1)[-1] for one in found]
    assert set(WANTED["subnets"]) <= set(ids), ids


@check
def tasks_running_fails_on_missing():
    arn = run(environment={"UNTIL_STOPPED": "1", "FAULT": "late"})[0]
    waiter = aws("ecs").get_waiter("tasks_running")
    try:
        waiter.wait(cluster=CLUSTER, tasks=[arn], WaiterConfig={"Delay": 0, "MaxAttempts": 500})
    except WaiterError as error:
        failures = error.last_response["failures"]
        assert failures == [{"arn": arn, "reason": "MISSING"}], failures
    else:
        raise AssertionError("a task right after RunTask was not MISSING")
    until(arn, "RUNNING")
    waiter.wait(cluster=CLUSTER, tasks=[arn], WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    aws("ecs").stop_task(cluster=CLUSTER, task=arn)


@check
def tasks_stopped_waits_for_all():
    arns = run(count=3, environment={"EXIT": "3"})
    aws("ecs").get_waiter("tasks_stopped").wait(
        cluster=CLUSTER, tasks=arns, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    tasks = aws("ecs").describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]
    assert [task["containers"][0]["exitCode"] for task in tasks] == [3, 3, 3]


@check
def tasks_stopped_gives_up_on_a_task_that_runs_on():
    arn = run(environment={"UNTIL_STOPPED": "1"})[0]
    try:
        aws("ecs").get_waiter("tasks_stopped").wait(
            cluster=CLUSTER, tasks=[arn], WaiterConfig={"Delay": 0, "MaxAttempts": 3}
        )
    except WaiterError as error:
        assert "Max attempts exceeded" in str(error), error
    else:
        raise AssertionError("the waiter was content with a task that runs")
    aws("ecs").stop_task(cluster=CLUSTER, task=arn)


@check
def a_stopped_tasks_token_answers_little():
    token = run_input(clientToken="stopped-1")
    arn = aws("ecs").run_task(**token)["tasks"][0]["taskArn"]
    until(arn, "STOPPED")
    replayed = aws("ecs").run_task(**token)["tasks"]
    assert replayed == [{"taskArn": arn, "lastStatus": "STOPPED", "desiredStatus": "STOPPED"}], replayed


@check
def get_log_events_follows_a_token():
    stream = "followed/a"
    put_lines(stream, ["one", "two", "three"])
    asked = {"logGroupName": GROUP, "logStreamName": stream, "startFromHead": True, "limit": 2}
    first = aws("logs").get_log_events(**asked)
    second = aws("logs").get_log_events(**asked, nextToken=first["nextForwardToken"])
    assert [[event["message"] for event in page["events"]] for page in (first, second)] == [["one", "two"], ["three"]]
    end = aws("logs").get_log_events(**asked, nextToken=second["nextForwardToken"])
    assert (end["events"], end["nextForwardToken"]) == ([], second["nextForwardToken"]), end
    aws("logs").put_log_events(
        logGroupName=GROUP, logStreamName=stream,
        logEvents=[{"timestamp": second["events"][-1]["timestamp"] + 1, "message": "four"}],
    )
    later = aws("logs").get_log_events(**asked, nextToken=end["nextForwardToken"])
    assert [event["message"] for event in later["events"]] == ["four"], later


if __name__ == "__main__":
    json.dump({name: judge(function) for name, function in CHECKS.items()}, sys.stdout)
