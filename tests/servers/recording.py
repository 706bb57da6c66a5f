"""Contexts to call components with, as fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hclimg.sdk.context import Context
from hclimg.sdk.testing import Recording
from hclimg.sdk.testing import recording as a_recording

__all__ = ["Recording"]


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Callable[..., Recording]]:
    """``recorded(**fields)`` makes a context with those fields; its scope is closed at the end of the test."""
    with ExitStack() as stack:
        yield lambda **fields: stack.enter_context(a_recording(tmp_path, **fields))


@pytest.fixture
def recording(recorded: Callable[..., Recording]) -> Recording:
    return recorded()


@pytest.fixture
def ctx(recording: Recording) -> Context:
    return recording.ctx
