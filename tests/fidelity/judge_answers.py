"""Judges every recorded answer by botocore's models and parsers. Reads the sandbox's record on stdin."""

import datetime
import json
import xml.etree.ElementTree

from botocore.parsers import create_parser

from models import MODELS, deviations, judge, operation_model, without

# Members that may be there without a model, and why.
NEWER = "a test registers a field newer than any model, and ECS answers it"
EXCEPTIONS = {
    "ecs:RegisterTaskDefinition.taskDefinition.futureField": NEWER,
    "ecs:RegisterTaskDefinition.taskDefinition.containerDefinitions[].futureField": NEWER,
    "ecs:DescribeTaskDefinition.taskDefinition.futureField": NEWER,
    "ecs:DescribeTaskDefinition.taskDefinition.containerDefinitions[].futureField": NEWER,
}

# Exceptions that no operation's model has, since any operation may answer them.
# AWS JSON: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html
# and https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html for the last two.
COMMON_JSON = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "ServiceUnavailable",
    "ThrottlingException",
    "UnrecognizedClientException",
    "ValidationException",
    "SerializationException",
    "UnknownOperationException",
}
# AWS Query: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
COMMON_QUERY = {
    "AccessDenied",
    "ExpiredToken",
    "InternalFailure",
    "InvalidAction",
    "InvalidClientTokenId",
    "Throttling",
    "ValidationError",
}


def check(exchange, path, used):
    answer = exchange["answer"]
    if answer is None:  # dropped or broken on purpose
        return None
    model = MODELS[exchange["service"]]
    protocol = "json" if "json" in model.metadata["protocols"] else "query"
    operation = operation_model(exchange)
    wire = {"status_code": answer["status"], "headers": answer["headers"], "body": answer["body"].encode()}
    shape = operation and operation.output_shape
    try:
        parsed = create_parser(protocol).parse(wire, shape)
    except Exception as error:
        return "unparsable", [(path, f"cannot be parsed: {error!r}")]
    if answer["status"] == 200:
        kind, found = "success", wrong_output(protocol, operation, answer, parsed, path, used)
    else:
        kind = parsed["Error"]["Code"]
        found = wrong_error(protocol, operation, answer, parsed, f"{path} {kind}", used)
    return kind, [*wrong_headers(protocol, answer, path), *found]


def wrong_headers(protocol, answer, path):
    expected = {"json": "application/x-amz-json-1.1", "query": "text/xml"}[protocol]
    if answer["headers"].get("content-type") != expected:
        yield path, f"is not {expected}"
    if not answer["headers"].get("x-amzn-requestid"):
        yield path, "has no x-amzn-requestid"


def wrong_output(protocol, operation, answer, parsed, path, used):
    if operation is None:
        yield path, "succeeds and is no operation"
        return
    shape = operation.output_shape
    if protocol == "query":
        yield from wrong_xml(operation, answer["body"], path)
        document = seconds({name: value for name, value in parsed.items() if name != "ResponseMetadata"})
    else:
        document = json.loads(answer["body"] or "{}")
    if shape is None:
        yield from ((f"{path}.{name}", "is no member") for name in document)
    else:
        yield from deviations(shape, without(document, path, EXCEPTIONS, used), path)


def seconds(value):
    """The parser makes dates of an XML answer's times; the models' types are those of JSON."""
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {name: seconds(member) for name, member in value.items()}
    return value


def wrong_xml(operation, body, path):
    """The parser passes over elements that no model has."""
    namespace = "{" + operation.service_model.metadata["xmlNamespace"] + "}"
    root = xml.etree.ElementTree.fromstring(body)
    if root.tag != f"{namespace}{operation.name}Response":
        yield path, f"answers with {root.tag}"
    result = root.find(f"{namespace}{operation.output_shape.serialization['resultWrapper']}")
    for element in [] if result is None else result:
        name = element.tag.removeprefix(namespace)
        if name not in operation.output_shape.members:
            yield f"{path}.{name}", "is no member"


def wrong_error(protocol, operation, answer, parsed, path, used):
    code = parsed["Error"]["Code"]
    modelled = {shape.error_code: shape for shape in operation.error_shapes} if operation else {}
    if code not in modelled:
        if code not in (COMMON_JSON if protocol == "json" else COMMON_QUERY):
            yield path, "is no exception of this operation"
        return
    if protocol != "json":
        return
    if answer["headers"].get("x-amzn-errortype") != code:
        yield path, "differs from x-amzn-errortype"
    shape = modelled[code]
    document = json.loads(answer["body"])
    del document["__type"]
    # Services spell it either way, whatever the model says; parsers take both.
    if "message" in document and "message" not in shape.members and "Message" in shape.members:
        document["Message"] = document.pop("message")
    # ECS models no message where every exception has one.
    if "message" not in shape.members:
        document.pop("message", None)
    yield from deviations(shape, without(document, path, EXCEPTIONS, used), path)
    status = shape.metadata.get("error", {}).get("httpStatusCode")
    if status is not None and status != answer["status"]:
        yield path, f"has status {answer['status']} instead of {status}"


judge(check, EXCEPTIONS)
