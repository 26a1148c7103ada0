"""The AWS CLI, loaded once: a call takes a tenth of the time that the program itself takes, most of which is Python's.

    PYTHON-OF-THE-AWS-CLI aws_server.py SOCKET      serves until standard input ends; prints a line when it is ready
    python aws_server.py SOCKET WORD…               is `aws WORD…`
"""

import json
import os
import signal
import socket
import sys
import threading
import traceback


def call(path, words):
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        request = json.dumps({"words": words, "environment": dict(os.environ), "directory": os.getcwd()}).encode()
        socket.send_fds(server, [len(request).to_bytes(4, "big")], [0, 1, 2])
        server.sendall(request)
        code = server.recv(1)
    return code[0] if code else 255


def answer(connection, main):
    with connection:
        length, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
        request = b""
        while len(request) < int.from_bytes(length, "big"):
            request += connection.recv(65536)
        child = os.fork()
        if child == 0:
            # A process of its own, with what the caller has.
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            request = json.loads(request)
            # Where the CLI has set its own data to be.
            data = os.environ["AWS_DATA_PATH"]
            os.environ.clear()
            os.environ.update(request["environment"], AWS_DATA_PATH=data)
            os.chdir(request["directory"])
            code = 255
            try:
                code = main(request["words"]) or 0
            except SystemExit as end:
                code = end.code or 0
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        for descriptor in descriptors:
            os.close(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        try:
            connection.sendall(bytes([code if code >= 0 else 255]))
        except BrokenPipeError:
            pass  # the caller was interrupted


def serve(path):
    import awscli.clidriver

    driver = awscli.clidriver.create_clidriver()
    # What calls take their time to load, and what a child of this process has already.
    driver.session.get_data("cli")
    for service in ["cloudformation", "ec2", "ecr", "ecs", "iam", "logs", "rds", "secretsmanager", "ssm", "sts"]:
        driver.session.get_service_model(service)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection, driver.main), daemon=True).start()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        serve(sys.argv[1])
    sys.exit(call(sys.argv[1], sys.argv[2:]))
