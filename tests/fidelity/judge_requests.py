"""Judges every recorded request by botocore's models. Reads the sandbox's record on stdin."""

import json
import urllib.parse

from botocore.validate import ParamValidator

from models import MODELS, deviations, judge, operation_model, without

# What may deviate, and why.
NEWER = "a story registers a field newer than any model, which must not be lost"
EXCEPTIONS = {
    "ecs:RegisterTaskDefinition.futureField": NEWER,
    "ecs:RegisterTaskDefinition.containerDefinitions[].futureField": NEWER,
}


def client(exchange):
    """`fargate-migrate`, or whoever else sent it."""
    agent = exchange["request"]["headers"].get("user-agent", "")
    return "fargate-migrate" if agent.startswith("aws-sdk-rust/") else "another client"


def check(exchange, path, used):
    return client(exchange), list(wrongs(exchange, path, used))


def wrongs(exchange, path, used):
    model = MODELS[exchange["service"]]
    operation = operation_model(exchange)
    if operation is None:
        yield path, "is no operation"
        return
    if "json" in model.metadata["protocols"]:
        input = json.loads(exchange["request"]["body"] or "{}")
        expected = {
            "content-type": f"application/x-amz-json-{model.metadata['jsonVersion']}",
            "x-amz-target": f"{model.metadata['targetPrefix']}.{operation.name}",
        }
    else:
        input = dict(urllib.parse.parse_qsl(exchange["request"]["body"], keep_blank_values=True))
        expected = {"content-type": "application/x-www-form-urlencoded"}
        for name, value in [("Action", operation.name), ("Version", model.api_version)]:
            if input.pop(name, None) != value:
                yield f"{path}.{name}", f"is not {value}"
    for name, value in expected.items():
        sent = exchange["request"]["headers"].get(name, "")
        if sent != value:
            yield path, f"has {name} {sent!r} instead of {value!r}"
    yield from wrong_input(operation.input_shape, without(input, path, EXCEPTIONS, used), path)


def wrong_input(shape, input, path):
    if shape is None:
        yield from ((f"{path}.{name}", "is no member") for name in input)
        return
    report = ParamValidator().validate(input, shape)
    if report.has_errors():
        yield path, report.generate_report()
    # The validator lets an enum's unknown values pass.
    yield from deviations(shape, input, path)


judge(check, EXCEPTIONS)
