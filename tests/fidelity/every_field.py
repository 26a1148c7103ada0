"""Task definitions with every field of botocore's RegisterTaskDefinition, and botocore's verdict on what became of them.

every_field.py make   prints {"read_only": [...], "documents": [...]}: documents as DescribeTaskDefinition answers them
every_field.py check  reads a list of inputs of RegisterTaskDefinition, prints what is wrong with them, a line each
"""

import json
import sys

import botocore.session
from botocore.validate import ParamValidator

ECS = botocore.session.get_session().get_service_model("ecs")
REGISTER = ECS.operation_model("RegisterTaskDefinition").input_shape
DESCRIBED = ECS.operation_model("DescribeTaskDefinition").output_shape.members["taskDefinition"]
READ_ONLY = sorted(set(DESCRIBED.members) - set(REGISTER.members))


def fill(shape, path, turn):
    """A value of the shape. Each turn takes another value of each enum; odd turns take what is easily lost."""
    kind = shape.type_name
    if kind == "structure":
        return {name: fill(member, path + (name,), turn) for name, member in shape.members.items()}
    if kind == "list":
        return [fill(shape.member, path + (str(i),), turn + i) for i in range(2)]
    if kind == "map":
        return {"-".join(path[-1:] + ("key", str(i))): fill(shape.value, path + (str(i),), turn + i) for i in range(2)}
    if kind == "string":
        if getattr(shape, "enum", None):
            return shape.enum[turn % len(shape.enum)]
        return "-".join(path[-3:])
    if kind == "boolean":
        return turn % 2 == 0
    if kind in ("integer", "long"):
        smallest = shape.metadata.get("min", 0)
        return smallest if turn % 2 else min(1000 + turn, shape.metadata.get("max", 2000))
    if kind in ("float", "double"):
        return turn + 0.5
    if kind == "timestamp":
        return 1764032400.123
    raise SystemExit(f"{'.'.join(path)}: no value of type {kind}")


def hollow(shape):
    """Every member, with nothing in it."""
    kind = shape.type_name
    if kind == "structure":
        return {name: hollow(member) for name, member in shape.members.items()}
    empty = {"list": [], "map": {}, "string": "", "boolean": False, "integer": 0, "long": 0}[kind]
    return shape.enum[0] if kind == "string" and getattr(shape, "enum", None) else empty


def document(turn, filled):
    """As ECS would answer it, where ECS's own rules leave no choice."""
    definition = {name: fill(DESCRIBED.members[name], (name,), turn) for name in READ_ONLY} | filled
    tags = definition.pop("tags")
    family = f"every-field-{turn}"
    definition |= {
        "family": family,
        "revision": 3,
        "status": "ACTIVE",
        "taskDefinitionArn": f"arn:aws:ecs:us-east-1:123456789012:task-definition/{family}:3",
        "compatibilities": ["EC2", "FARGATE"],
        "requiresCompatibilities": ["FARGATE", "EC2"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
    }
    containers = definition["containerDefinitions"]
    for container, name in zip(containers, ["migration", "init"]):
        container |= {"name": name, "image": f"registry.example/{name}:1", "essential": name == "migration"}
        container["logConfiguration"]["options"] |= {
            "awslogs-group": "/ecs/every-field",
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "migration",
        }
        # A container cannot wait for itself, and one dependency names one condition.
        waits = name == "migration" and container["dependsOn"][:1]
        container["dependsOn"] = [one | {"containerName": "init"} for one in waits or []]
    return {"taskDefinition": definition, "tags": tags}


def make():
    turns = max(len(enum) for enum in enums(REGISTER))
    documents = [document(turn, fill(REGISTER, (), turn)) for turn in range(turns)]
    empty = hollow(REGISTER)
    empty["containerDefinitions"] = [hollow(REGISTER.members["containerDefinitions"].member)]
    return {"read_only": READ_ONLY, "documents": documents + [document(turns, empty)]}


def enums(shape):
    if shape.type_name == "structure":
        for member in shape.members.values():
            yield from enums(member)
    elif shape.type_name == "list":
        yield from enums(shape.member)
    elif shape.type_name == "map":
        yield from enums(shape.value)
    elif getattr(shape, "enum", None):
        yield shape.enum


def members(shape, path=()):
    """The path of every member of the shape, below lists too."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield path + (name,)
            yield from members(member, path + (name,))
    elif shape.type_name == "list":
        yield from members(shape.member, path)


def seen(value, path=()):
    if isinstance(value, dict):
        for name, member in value.items():
            yield path + (name,)
            yield from seen(member, path + (name,))
    elif isinstance(value, list):
        for item in value:
            yield from seen(item, path)


def check(inputs):
    reached = set()
    for params in inputs:
        report = ParamValidator().validate(params, REGISTER)
        if report.has_errors():
            yield f"{params.get('family')}: {report.generate_report()}"
        reached |= set(seen(params))
    for path in members(REGISTER):
        if path not in reached:
            yield f"no input has {'.'.join(path)}"


if __name__ == "__main__":
    if sys.argv[1:] == ["make"]:
        json.dump(make(), sys.stdout)
    elif sys.argv[1:] == ["check"]:
        for problem in check(json.load(sys.stdin)):
            print(problem)
    else:
        raise SystemExit(__doc__)
