"""moto on a free port of 127.0.0.1, until standard input ends; its port is the one line of standard output."""

import os
import sys

# Roles may have policies of AWS's own.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.buffer.read()
server.stop()
