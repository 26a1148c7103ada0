"""Task definitions, as AWS keeps them where emulators do not."""

from botocore.exceptions import ParamValidationError

from checks import FAMILY, aws, refused
from rows import not_checked, row

READ_ONLY = ["taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt",
             "registeredBy"]
SECRET = "The secret name must be unique and not shared with any new or existing environment variables"


def definition(family, **more):
    """RegisterTaskDefinition of the seed's revision under another name."""
    answer = aws("ecs").describe_task_definition(taskDefinition=FAMILY, include=["TAGS"])
    base = {key: value for key, value in answer["taskDefinition"].items() if key not in READ_ONLY}
    return base | {"family": family, "tags": answer["tags"]} | more


@row("register: all fields")
def keeps_every_field():
    more = {
        "enableFaultInjection": True, "ephemeralStorage": {"sizeInGiB": 30},
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}, "pidMode": "task",
        "volumes": [{"name": "data", "configuredAtLaunch": True}],
    }
    sent = definition("every-field", **more)
    sent["containerDefinitions"][0] |= {
        "versionConsistency": "disabled", "restartPolicy": {"enabled": True, "ignoredExitCodes": [0]},
        "linuxParameters": {"initProcessEnabled": True}, "stopTimeout": 120, "dockerLabels": {"empty": ""},
    }
    aws("ecs").register_task_definition(**sent)
    answer = aws("ecs").describe_task_definition(taskDefinition="every-field", include=["TAGS"])
    kept = answer["taskDefinition"] | {"tags": answer["tags"]}
    lost = [key for key, value in sent.items() if kept.get(key) != value]
    assert not lost, f"{lost} differ: {kept}"


not_checked("unknown top-level field", "nobody here knows whether AWS rejects or ignores it; the sandbox keeps it")
not_checked("unknown container field", "nobody here knows what AWS does with it; the sandbox keeps it")


@row("tags without include=TAGS")
def tags_only_when_asked():
    assert "tags" not in aws("ecs").describe_task_definition(taskDefinition=FAMILY)
    assert len(aws("ecs").describe_task_definition(taskDefinition=FAMILY, include=["TAGS"])["tags"]) == 2


@row("Describe noise")
def absent_is_omitted():
    aws("ecs").register_task_definition(
        family="plain", containerDefinitions=[{"name": "app", "image": "app", "memory": 64}]
    )
    answer = aws("ecs").describe_task_definition(taskDefinition="plain")["taskDefinition"]
    for absent in ["ipcMode", "pidMode", "networkMode", "cpu", "executionRoleArn", "runtimePlatform"]:
        assert absent not in answer, f"{absent}: {answer[absent]!r}"
    app = answer["containerDefinitions"][0]
    assert (app["cpu"], app["mountPoints"], app["essential"]) == (0, [], True), app


@row("read-only keys in Register, raw")
def sdk_refuses_read_only_keys():
    try:
        aws("ecs").register_task_definition(**definition("raw"), revision=3)
    except ParamValidationError as error:
        assert 'Unknown parameter in input: "revision"' in str(error), error
    else:
        raise AssertionError("boto3 took a read-only key")


@row("secret+env same name; invalid cpu/memory")
def definitions_that_are_refused():
    register = aws("ecs").register_task_definition
    sent = definition("refused")
    sent["containerDefinitions"][0]["environment"].append({"name": "DATABASE_USER", "value": "x"})
    refused("ClientException", register, SECRET, **sent)
    refused("ClientException", register, "No Fargate configuration exists", **definition("refused", memory="4096"))
    refused("ClientException", register, "No Fargate configuration exists", **definition("refused", cpu="300"))
    refused("ClientException", aws("ecs").describe_task_definition, taskDefinition="refused")
