"""A stand-in for AWS's Session Manager plugin: the local port of the session leads to a port of this host.

It is called as the plugin is, by its name in PATH; what it was called with it writes beside itself.
"""

import json
import os
import socket
import sys
import threading
from pathlib import Path


def copy(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def main() -> None:
    name, *_, asked, _ = sys.argv[1:]
    response = json.loads(os.environ[name])
    told = {"argv": sys.argv[1:], "response": response, "pid": os.getpid()}
    Path(__file__).with_name("called.json").write_text(json.dumps(told))
    parameters = json.loads(asked)["Parameters"]
    with socket.create_server(("127.0.0.1", int(parameters["localPortNumber"][0]))) as server:
        while True:
            near, _ = server.accept()
            far = socket.create_connection(("127.0.0.1", int(parameters["portNumber"][0])))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()


if __name__ == "__main__":
    main()
