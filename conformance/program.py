"""Runs a command line of hclimg in this process, as the command groups do."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from attrs import frozen

from hclimg.cli.main import run as run_program


@frozen
class Done:
    """How a command ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


def run(args: list[str], *, stdin: str = "", env: Mapping[str, str] | None = None) -> Done:
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with _input(stdin), _environment(env or {}), redirect_stdout(out), redirect_stderr(err):
        code = run_program(args)
    return Done(code, *(_written(stream) for stream in (out, err)))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode()


@contextmanager
def _input(text: str) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8")
    try:
        yield
    finally:
        sys.stdin = before


@contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
