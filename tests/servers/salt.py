"""Salt, as a directory that runs where it lies: on this host, or copied to a guest that cannot install anything.

`make test` fills it once, by ``pip install --target``. For a guest, copy the whole directory (70 MB) to, say,
``/opt/salt`` and set ``salt_bin_dir = "/opt/salt"``: it needs nothing but a python3 of the same minor version as that
of the tests, which Debian 12 has (3.11).

    provisioner "file" {
      source      = "SALT_TREE/"
      destination = "/opt/salt"
    }
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def salt_tree() -> Path:
    """The directory; ``salt-call`` is right in it."""
    tree = Path(sys.prefix) / "salt"
    assert (tree / "salt-call").exists(), "`make test` installs Salt; for another environment see the Makefile (.salt)"
    return tree


@pytest.fixture(scope="session")
def salt() -> Path:
    return salt_tree()
