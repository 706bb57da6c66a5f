"""What the tests of the engine share."""

from __future__ import annotations

from pathlib import Path

import engine_components
import pytest
from engine_shop import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Works in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    engine_components.happened.clear()
    return Shop(tmp_path)
