"""Calls of boto3, one after the other, against the endpoint of the first argument.

stdin: [[service, method, {arguments}], …]
stdout: [answer, …], where an error of the service is {"error": its code, "message": its message}
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

session = boto3.Session("test", "test", region_name="us-east-1")
clients = {}


def call(service, method, arguments):
    client = clients.setdefault(service, session.client(service, endpoint_url=sys.argv[1]))
    try:
        answer = getattr(client, method)(**arguments)
    except ClientError as error:
        return {"error": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}
    answer.pop("ResponseMetadata")
    return answer


json.dump([call(*one) for one in json.load(sys.stdin)], sys.stdout, default=str)
