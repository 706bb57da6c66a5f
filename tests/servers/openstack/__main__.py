"""One to try things on: ``PYTHONPATH=.:tests python -m servers.openstack FILE`` runs until it is interrupted.

FILE becomes what the tests use instead of a deployment of their own when RUNNING_OPENSTACK names it; the variables that
clients read are printed.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

import attrs

from servers.openstack.deployment import deployed

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with suppress(KeyboardInterrupt), deployed() as deployment:
    at = deployment.layout
    Path(sys.argv[1]).write_text(json.dumps({"top": str(at.top), "ports": attrs.asdict(at.ports)}))
    for name, value in deployment.login().items():
        print(f"export {name}={value}", flush=True)
    signal.pause()
