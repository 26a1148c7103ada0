"""botocore's models of the services, and what a value breaks of a shape that they describe."""

import collections
import json
import sys

import botocore.session

# The IAM prefix of a service, and botocore's name for it.
SERVICES = {
    "ecs": "ecs",
    "logs": "logs",
    "ecr": "ecr",
    "secretsmanager": "secretsmanager",
    "sts": "sts",
    "tag": "resourcegroupstaggingapi",
}
# Lines of the record that are no calls of an AWS API: the registry's own protocol, and the policies of runs.
UNMODELLED = {"registry", "policy"}
_session = botocore.session.get_session()
MODELS = {prefix: _session.get_service_model(name) for prefix, name in SERVICES.items()}

PYTHON_TYPES = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "blob": str,  # base64
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),  # seconds since the Unix epoch in the AWS JSON protocols
}


def operation_model(exchange):
    """The model of an exchange's operation, or None when its service has no such operation."""
    model = MODELS[exchange["service"]]
    name = exchange["operation"]
    return model.operation_model(name) if name in model.operation_names else None


def deviations(shape, value, path):
    """Every (path, what is wrong) of a JSON value under a shape. A path names list items `[]` and map values `{}`."""
    kind = shape.type_name
    expected = PYTHON_TYPES[kind]
    if not isinstance(value, expected) or (isinstance(value, bool) and kind != "boolean"):
        yield path, f"{json.dumps(value)[:60]} is no {kind}"
    elif kind == "structure":
        for name in shape.required_members:
            if name not in value:
                yield f"{path}.{name}", "is required and absent"
        for name, member in value.items():
            if name in shape.members:
                yield from deviations(shape.members[name], member, f"{path}.{name}")
            else:
                yield f"{path}.{name}", "is no member"
    elif kind == "list":
        for item in value:
            yield from deviations(shape.member, item, f"{path}[]")
    elif kind == "map":
        for key, item in value.items():
            yield from deviations(shape.key, key, f"{path} key")
            yield from deviations(shape.value, item, f"{path}{{}}")
    elif kind == "string" and shape.enum and value not in shape.enum:
        yield path, f"{value!r} is none of {', '.join(shape.enum)}"


def without(value, path, exceptions, used):
    """The value without the members whose paths are listed; notes the paths that were found."""
    if isinstance(value, list):
        return [without(item, f"{path}[]", exceptions, used) for item in value]
    if not isinstance(value, dict):
        return value
    listed = {name for name in value if f"{path}.{name}" in exceptions}
    used.update(f"{path}.{name}" for name in listed)
    return {
        name: without(member, f"{path}.{name}", exceptions, used)
        for name, member in value.items()
        if name not in listed
    }


def judge(check, exceptions):
    """Runs `check` over the record on stdin, and prints what it found as one JSON document.

    `check(exchange, path, used)` answers what kind of exchange it is, and every (path, what is wrong); or None when
    there is nothing to judge. `exceptions` maps what may deviate to the reason; those met go into `used`, and one
    that nothing needs any more is told.
    """
    findings = collections.Counter()
    operations = collections.defaultdict(collections.Counter)
    used = set()
    for line in sys.stdin:
        exchange = json.loads(line)
        if exchange["service"] in UNMODELLED:
            continue
        action = f"{exchange['service']}:{exchange['operation']}"
        judged = check(exchange, action, used)
        if judged is None:
            continue
        kind, wrongs = judged
        operations[action][kind] += 1
        findings.update(f"{path} {wrong}" for path, wrong in wrongs)
    json.dump(
        {"findings": findings, "operations": operations, "unused": sorted(set(exceptions) - used)}, sys.stdout
    )
