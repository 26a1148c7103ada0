"""Tasks, as AWS runs them where emulators do not."""

import time

from checks import (
    CLUSTER, FAMILY, GROUP, PATIENCE, WANTED, aws, described, ended, lines_of, refused, run, run_input, stream_of,
    until,
)
from rows import row

STATES = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]
TIMES = ["createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "executionStoppedAt", "stoppingAt", "stoppedAt"]


@row("RunTask FARGATE")
def runs_on_fargate():
    task = aws("ecs").run_task(**run_input())["tasks"][0]
    assert (task["launchType"], task["platformVersion"]) == ("FARGATE", "1.4.0"), task
    assert (task["lastStatus"], task["desiredStatus"]) == ("PROVISIONING", "RUNNING"), task
    refused("InvalidParameterException", aws("ecs").run_task, "Network Configuration must be provided",
            cluster=CLUSTER, taskDefinition=FAMILY, launchType="FARGATE")


@row("RunTask FARGATE_SPOT strategy")
def runs_on_spot():
    asked = run_input()
    del asked["launchType"]
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    task = aws("ecs").run_task(**asked, capacityProviderStrategy=strategy)["tasks"][0]
    assert task["capacityProviderName"] == "FARGATE_SPOT", task
    for wrong in (asked | {"launchType": "FARGATE", "capacityProviderStrategy": strategy},
                  asked | {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}):
        refused("InvalidParameterException", aws("ecs").run_task, **wrong)


@row("clientToken replay / conflict")
def a_token_starts_one_task():
    asked = run_input(clientToken="run-1.1", environment={"UNTIL_STOPPED": "1"})
    first, second = (aws("ecs").run_task(**asked)["tasks"] for _ in range(2))
    assert [task["taskArn"] for task in first] == [task["taskArn"] for task in second], second
    conflict = refused("ConflictException", aws("ecs").run_task, **asked | {"startedBy": "another"})
    assert conflict["resourceIds"] == [first[0]["taskArn"]], conflict
    aws("ecs").stop_task(cluster=CLUSTER, task=first[0]["taskArn"])


@row("count 11, overrides > 8192, startedBy 129, unknown container name")
def run_task_limits():
    def invalid(saying, **more):
        refused("InvalidParameterException", aws("ecs").run_task, saying, **run_input(**more))

    invalid("10 tasks", count=11)
    invalid("8192", environment={"LONG": "x" * 8192})
    invalid("128", startedBy="x" * 129)
    invalid("Override for container named web", overrides={"containerOverrides": [{"name": "web"}]})
    run(startedBy="x" * 128, environment={"LONG": "x" * 8000})


@row("unknown cluster")
def unknown_cluster():
    ecs = aws("ecs")
    refused("ClusterNotFoundException", ecs.run_task, "Cluster not found.", **run_input() | {"cluster": "nowhere"})
    refused("ClusterNotFoundException", ecs.describe_tasks, cluster="nowhere", tasks=["0" * 32])
    refused("ClusterNotFoundException", ecs.list_tasks, cluster="nowhere")
    assert ecs.describe_clusters(clusters=["nowhere"])["failures"][0]["reason"] == "MISSING"


@row("states")
def states_in_order():
    arn, seen = run(environment={"UNTIL_STOPPED": "1"})[0], []
    deadline = time.monotonic() + PATIENCE
    while "STOPPED" not in seen and time.monotonic() < deadline:
        status = described(arn)["lastStatus"]
        if status not in seen:
            seen.append(status)
        if status == "RUNNING":
            aws("ecs").stop_task(cluster=CLUSTER, task=arn)
    assert seen == sorted(seen, key=STATES.index) and {"RUNNING", "STOPPED"} <= set(seen), seen


@row("exit code")
def exit_codes_are_the_programs():
    for code in (0, 3, 7):
        assert ended(environment={"EXIT": str(code)})["containers"][0]["exitCode"] == code
    arn = run(environment={"UNTIL_STOPPED": "1"})[0]
    assert "exitCode" not in until(arn, "RUNNING")["containers"][0]
    aws("ecs").stop_task(cluster=CLUSTER, task=arn)


@row("stopCode / stoppedReason / timestamps")
def what_a_stopped_task_shows():
    task = ended(environment={"EXIT": "3"})
    assert task["stopCode"] == "EssentialContainerExited", task
    assert task["stoppedReason"] == "Essential container in task exited", task
    times = [task[name] for name in TIMES]
    assert times == sorted(times), times


@row("StopTask")
def stop_task_takes_its_time():
    for environment, code in [({}, 143), ({"IGNORES_SIGTERM": "1"}, 137)]:
        arn = run("quick-to-kill", environment={"UNTIL_STOPPED": "1"} | environment)[0]
        until(arn, "RUNNING")
        answer = aws("ecs").stop_task(cluster=CLUSTER, task=arn, reason="cancelled by run 1")["task"]
        assert (answer["desiredStatus"], answer["lastStatus"]) != ("STOPPED", "STOPPED"), answer
        task = until(arn, "STOPPED")
        assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "cancelled by run 1"), task
        assert task["containers"][0]["exitCode"] == code, task
    refused("InvalidParameterException", aws("ecs").stop_task, "not found", cluster=CLUSTER, task="0" * 32)


@row("unknown task")
def unknown_task_is_missing():
    answer = aws("ecs").describe_tasks(cluster=CLUSTER, tasks=["0" * 32])
    assert (answer["tasks"], answer["failures"][0]["reason"]) == ([], "MISSING"), answer


@row("101 tasks")
def describes_a_hundred():
    ids = [f"{number:032x}" for number in range(101)]
    refused("InvalidParameterException", aws("ecs").describe_tasks, cluster=CLUSTER, tasks=ids)
    assert len(aws("ecs").describe_tasks(cluster=CLUSTER, tasks=ids[:100])["failures"]) == 100


@row("task ids")
def task_ids_are_32_hex():
    name = run()[0].rsplit("/", 1)[-1]
    assert len(name) == 32 and set(name) <= set("0123456789abcdef"), name


@row("logs to CloudWatch")
def a_log_is_complete():
    task = ended(environment={"LINES": "3000"})
    assert lines_of(task)[-3000:] == [f"line {number}" for number in range(3000)]


@row("missing log group")
def missing_log_group():
    task = ended(WANTED["lost_group_family"])
    assert task["stopCode"] == "TaskFailedToStart", task
    assert task["stoppedReason"].startswith("ResourceInitializationError: "), task["stoppedReason"]
    assert "The specified log group does not exist" in task["stoppedReason"], task["stoppedReason"]


@row("secrets")
def secrets_are_injected_or_named():
    assert "password of 14, database fintech" in lines_of(ended(environment={"DATABASE_NAME": "fintech"}))
    task = ended(WANTED["lost_secret_family"])
    assert task["stopCode"] == "TaskFailedToStart" and "exitCode" not in task["containers"][0], task
    assert task["stoppedReason"].startswith(
        "ResourceInitializationError: unable to pull secrets or registry auth"
    ), task["stoppedReason"]


@row("missing image")
def missing_image():
    task = ended(WANTED["missing_image_family"])
    assert task["stopCode"] == "TaskFailedToStart" and "exitCode" not in task["containers"][0], task
    assert task["stoppedReason"].startswith("CannotPullContainerError: "), task["stoppedReason"]


@row("bad command")
def bad_command():
    task = ended(environment={"CANNOT_START": "1"})
    said = task["stoppedReason"] + task["containers"][0].get("reason", "")
    assert task["stopCode"] == "TaskFailedToStart" and "CannotStartContainerError: " in said, task


@row("memory limit / OOM")
def out_of_memory():
    container = ended(environment={"FAULT": "memory", "UNTIL_STOPPED": "1"})["containers"][0]
    assert container["exitCode"] == 137 and container["reason"].startswith("OutOfMemoryError"), container


@row("dependsOn")
def depends_on_is_honoured():
    task = ended(WANTED["ordered_family"])
    codes = {one["name"]: one.get("exitCode") for one in task["containers"]}
    assert (codes["init"], codes["migration"]) == (0, 0), codes
    first = aws("logs").filter_log_events(
        logGroupName=GROUP, logStreamNames=[stream_of(task, "init"), stream_of(task, "migration")]
    )["events"]
    assert first[0]["logStreamName"] == stream_of(task, "init") and len(first) > 1, first


@row("sidecar")
def a_sidecar_ends_with_the_task():
    codes = {one["name"]: one["exitCode"] for one in ended(WANTED["ordered_family"])["containers"]}
    assert codes == {"init": 0, "migration": 0, "agent": 143}, codes


@row("60 tasks in parallel")
def sixty_tasks():
    arns = [arn for _ in range(6) for arn in run(count=10, environment={"EXIT": "0"})]
    aws("ecs").get_waiter("tasks_stopped").wait(
        cluster=CLUSTER, tasks=arns, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert len(set(arns)) == 60
