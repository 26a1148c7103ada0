"""A service at Fargate's pace, many times as fast: created, updated, rolled back by the circuit breaker, and shifted to
another revision stage by stage.

stdin: as checks.py has it. stdout: null, or what was not so
"""

import json
import sys
import time

from checks import CLUSTER, PATIENCE, WANTED, aws, judge, refused

SERVICE = {"cluster": CLUSTER, "service": "shop"}


def definition(**environment):
    """A new revision of a family whose program does as its environment says."""
    registered = aws("ecs").register_task_definition(
        family="shop", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[{
            "name": "shop", "image": "registry.example/shop:1",
            "environment": [{"name": name, "value": value} for name, value in environment.items()],
        }],
    )
    return registered["taskDefinition"]["taskDefinitionArn"]


def service():
    answer = aws("ecs").describe_services(cluster=CLUSTER, services=["shop"])
    assert answer["failures"] == [], answer["failures"]
    return answer["services"][0]


def is_stable():
    aws("ecs").get_waiter("services_stable").wait(
        cluster=CLUSTER, services=["shop"], WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE}
    )
    return service()


def deployments():
    """Service deployments, newest first, described."""
    listed = aws("ecs").list_service_deployments(**SERVICE)["serviceDeployments"]
    arns = [one["serviceDeploymentArn"] for one in listed]
    answer = aws("ecs").describe_service_deployments(serviceDeploymentArns=arns)
    assert answer["failures"] == [], answer["failures"]
    return answer["serviceDeployments"]


def deployment_of(identifier, *statuses):
    """The service deployment that goes with an entry of deployments[], once it has one of these statuses."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ours = [one for one in deployments() if digits(one["targetServiceRevision"]["arn"]) == digits(identifier)]
        if ours and ours[0]["status"] in statuses:
            return ours[0]
        time.sleep(0.05)
    raise AssertionError(f"{identifier} is never one of {statuses}: {ours}")


def digits(identifier):
    return identifier.rsplit("/")[-1]


def messages():
    return [event["message"] for event in service()["events"]]


def traffic_shifts(definition):
    """A canary that waits for a word before it has any production traffic."""
    ecs = aws("ecs")
    hook = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    configuration = {
        "strategy": "CANARY", "bakeTimeInMinutes": 1, "lifecycleHooks": [hook],
        "canaryConfiguration": {"canaryPercent": 20.0, "canaryBakeTimeInMinutes": 1},
    }
    started = ecs.update_service(**SERVICE, taskDefinition=definition, deploymentConfiguration=configuration)
    ours = started["service"]["deployments"][0]["id"]
    seen = []

    def look(*statuses):
        one = deployment_of(ours, *statuses)
        weights = [
            revision["requestedProductionTrafficWeight"]
            for revision in (one["targetServiceRevision"], *one["sourceServiceRevisions"])
        ]
        seen.append((one.get("lifecycleStage"), *weights))
        return one

    deadline = time.monotonic() + PATIENCE
    while not (paused := look("PENDING", "IN_PROGRESS")).get("lifecycleHookDetails"):
        assert time.monotonic() < deadline, seen
    (waits,) = paused["lifecycleHookDetails"]
    assert (waits["targetType"], waits["status"], waits["timeoutAction"]) == ("PAUSE", "AWAITING_ACTION", "ROLLBACK")
    assert seen[-1] == ("POST_SCALE_UP", 0.0, 100.0), seen
    named = {"serviceDeploymentArn": paused["serviceDeploymentArn"], "hookId": waits["hookId"]}
    ecs.continue_service_deployment(**named, action="CONTINUE")
    refused("InvalidParameterException", ecs.continue_service_deployment, **named)
    while look("IN_PROGRESS", "SUCCESSFUL")["status"] != "SUCCESSFUL":
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    shifts = {("PRODUCTION_TRAFFIC_SHIFT", 20.0, 80.0), ("BAKE_TIME", 100.0, 0.0), ("CLEAN_UP", 100.0, 0.0)}
    assert shifts <= set(seen), seen


def a_service_lives():
    good, better, broken = definition(UNTIL_STOPPED="1"), definition(UNTIL_STOPPED="1"), definition(EXIT="1")
    ecs = aws("ecs")
    create = {
        "cluster": CLUSTER, "serviceName": "shop", "taskDefinition": good, "desiredCount": 2, "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": WANTED["subnets"]}},
    }
    refused("InvalidParameterException", ecs.create_service, saying="bakeTimeInMinutes is required",
            **create, deploymentConfiguration={"strategy": "BLUE_GREEN"})
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    first = ecs.create_service(**create, deploymentConfiguration=breaker)["service"]["deployments"][0]
    stable = is_stable()
    assert (stable["runningCount"], stable["deployments"][0]["id"]) == (2, first["id"]), stable
    # The waiter is content with tasks that run; an update now would supersede the deployment.
    deployment_of(first["id"], "SUCCESSFUL")
    tasks = ecs.list_tasks(cluster=CLUSTER, serviceName="shop")["taskArns"]
    started = {task["startedBy"] for task in ecs.describe_tasks(cluster=CLUSTER, tasks=tasks)["tasks"]}
    assert (len(tasks), started) == (2, {first["id"]}), started

    second = ecs.update_service(**SERVICE, taskDefinition=better)["service"]["deployments"][0]
    ours = deployment_of(second["id"], "SUCCESSFUL")
    assert ours["createdAt"] <= ours["startedAt"] < ours["finishedAt"], ours
    revision = ecs.describe_service_revisions(serviceRevisionArns=[ours["targetServiceRevision"]["arn"]])
    assert revision["serviceRevisions"][0]["taskDefinition"] == better, revision
    stable = is_stable()
    assert (stable["taskDefinition"], len(stable["deployments"])) == (better, 1), stable

    third = ecs.update_service(**SERVICE, taskDefinition=broken)["service"]["deployments"][0]
    ours = deployment_of(third["id"], "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")
    assert digits(ours["rollback"]["serviceRevisionArn"]) == digits(second["id"]), ours
    breaker = ours["deploymentCircuitBreaker"]
    # Two tasks at a time: the third failure and the fourth may be seen together.
    assert (breaker["status"], breaker["threshold"]) == ("TRIGGERED", 3) and breaker["failureCount"] in (3, 4), breaker
    deployment_of(third["id"], "ROLLBACK_SUCCESSFUL")
    # The mistake of many a pipeline: it is stable again.
    stable = is_stable()
    assert (stable["taskDefinition"], stable["deployments"][0]["id"]) == (better, second["id"]), stable
    said = f"(service shop) (deployment {third['id']}) deployment failed: tasks failed to start."
    assert said in messages(), messages()

    statuses = [one["status"] for one in ecs.list_service_deployments(**SERVICE)["serviceDeployments"]]
    assert statuses == ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL", "SUCCESSFUL"], statuses
    traffic_shifts(good)
    ecs.delete_service(**SERVICE, force=True)
    ecs.get_waiter("services_inactive").wait(
        cluster=CLUSTER, services=["shop"], WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE}
    )


if __name__ == "__main__":
    json.dump(judge(a_service_lives), sys.stdout)
