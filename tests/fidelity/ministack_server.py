"""MiniStack on a free port of 127.0.0.1, until standard input ends; its port is the one line of standard output.

Told apart from a plain `ministack`:
- Its ECR names an image `<account>.dkr.ecr.<region>.amazonaws.com/…`, as AWS does, while its registry answers at its
  own port: a push to that name would leave this machine. Here ECR names the registry by where it is.
- It gives a task the network of the container that HOSTNAME names, because it is used to be one. Here that is a
  container on the host's network that never runs, so a task reaches a PostgreSQL on this machine's loopback address,
  and nothing has to listen elsewhere.
- It starts a service's task with startedBy = the service's name, where AWS has the id of the deployment that starts it
  (Task in ECS's API reference): without that, nobody can tell whose a task is, and no deployment is proved. Here it is
  the id, which MiniStack knows and keeps to itself.
- Its IoT broker is off: it would listen on all addresses.
"""

import base64
import io
import os
import socket
import sys
import tarfile
import threading
import time
import urllib.request

import docker
from docker.errors import NotFound

# Only the port goes to standard output, whatever else is printed.
ANSWER = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


PORT = free_port()
REGISTRY = f"127.0.0.1:{PORT}"
NETWORK = f"fidelity-ministack-{PORT}"
os.environ |= {
    "BIND_HOST": "127.0.0.1",
    "GATEWAY_PORT": str(PORT),
    "MINISTACK_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    "HOSTNAME": NETWORK,
    "LOG_LEVEL": "WARNING",
}

from ministack.app import main  # noqa: E402: it reads the environment when it is imported
from ministack.core.responses import json_response  # noqa: E402
from ministack.services import ecr, ecs  # noqa: E402


def authorization_token(_request):
    return json_response({
        "authorizationData": [{
            "authorizationToken": base64.b64encode(b"AWS:ministack-auth-token").decode(),
            "expiresAt": int(time.time()) + 43200,
            "proxyEndpoint": f"http://{REGISTRY}",
        }]
    })


RUN_TASK = ecs._run_task


def run_task(arguments):
    deployment = arguments.get("_deploymentId")
    if deployment:
        assert arguments["startedBy"] != deployment, "MiniStack does as AWS now"
        arguments = arguments | {"startedBy": deployment}
    return RUN_TASK(arguments)


def request(path, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(f"http://{REGISTRY}{path}", method=method), timeout=60) as answer:
        return answer.read()


def create_network_container(engine):
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    engine.api.import_image_from_data(empty.getvalue(), repository=NETWORK, tag="empty")
    return engine.containers.create(f"{NETWORK}:empty", command="never", name=NETWORK, network_mode="host")


def remove(engine, container):
    request("/_ministack/reset", "POST")
    container.remove(force=True)
    names = [f"{NETWORK}:empty"]
    for image in engine.images.list():
        names += image.tags + (image.attrs.get("RepoDigests") or [])
    for name in names:
        if name.startswith((f"{REGISTRY}/", NETWORK)):
            try:
                engine.images.remove(name)
            except NotFound:
                pass  # The name before was its last tag.


def serve_until_input_ends(engine, container):
    deadline = time.monotonic() + 60
    while True:
        try:
            request("/_ministack/health")
            break
        except OSError:
            if time.monotonic() > deadline:
                os._exit(1)
            time.sleep(0.05)
    print(PORT, file=ANSWER, flush=True)
    sys.stdin.buffer.read()
    try:
        remove(engine, container)
    finally:
        os._exit(0)


# A version that has them no more has to be looked at again.
assert callable(ecr._repo_uri) and callable(ecr._get_authorization_token)
ecr._repo_uri = lambda name: f"{REGISTRY}/{name}"
ecr._get_authorization_token = authorization_token
ecs._run_task = run_task
ENGINE = docker.from_env()
threading.Thread(target=serve_until_input_ends, args=(ENGINE, create_network_container(ENGINE)), daemon=True).start()
main()
