"""A task at Fargate's pace, many times as fast. stdin: as checks.py has it.

stdout: null, or what was not so
"""

import json
import sys
import time

from checks import CLUSTER, PATIENCE, aws, described, judge, run


def an_exit_code_shows_before_the_task_is_stopped():
    arn = run(environment={"EXIT": "3"})[0]
    deadline = time.monotonic() + PATIENCE
    while "exitCode" not in (task := described(arn))["containers"][0]:
        assert (task["desiredStatus"], task.get("stopCode")) == ("RUNNING", None), task
        assert time.monotonic() < deadline, task
        time.sleep(0.01)
    assert task["lastStatus"] in ("DEACTIVATING", "STOPPING", "DEPROVISIONING"), task
    assert (task["desiredStatus"], task["stopCode"]) == ("STOPPED", "EssentialContainerExited"), task
    container = task["containers"][0]
    assert (container["lastStatus"], container["exitCode"]) == ("STOPPED", 3), container
    assert task["startedAt"] <= task["executionStoppedAt"] < task["stoppingAt"] and "stoppedAt" not in task, task
    aws("ecs").get_waiter("tasks_stopped").wait(
        cluster=CLUSTER, tasks=[arn], WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE}
    )
    task = described(arn)
    assert (task["lastStatus"], task["containers"][0]["exitCode"]) == ("STOPPED", 3), task
    assert task["stoppingAt"] < task["stoppedAt"], task


if __name__ == "__main__":
    json.dump(judge(an_exit_code_shows_before_the_task_is_stopped), sys.stdout)
