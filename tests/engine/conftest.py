"""What the tests of the engine share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import engine_components
import pytest
from engine_children import Child, start
from engine_shop import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Works in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    engine_components.happened.clear()
    return Shop(tmp_path)


@pytest.fixture
def start_child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Starts runs in processes of their own, in the test's folder."""
    children: list[Child] = []

    def start_one(text: str, *options: str) -> Child:
        children.append(start(tmp_path, text, *options))
        return children[-1]

    yield start_one
    for child in children:
        child.clear()
