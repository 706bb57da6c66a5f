"""Whether time grows no faster than the input. Ratios of CPU time, never seconds: the machine may be slow or busy."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

TIMES = 6
"""How much larger the large input is. What is quadratic takes 36 times as long."""
MOST = 15.6
"""2.6 for each doubling, which leaves room for caches and for what other programs do to them."""
ATTEMPTS = 8


def ratio(prepare: Callable[[int], Callable[[], object]], size: int) -> float:
    """How many times as long :data:`TIMES` times the size takes: of the best times, until they are good enough."""
    small = large = float("inf")
    for _ in range(ATTEMPTS):
        small = min(small, _seconds(prepare(size)))
        large = min(large, _seconds(prepare(size * TIMES)))
        if large <= MOST * max(small, 0.0005):
            break
    return large / max(small, 0.0005)


def assert_linear(prepare: Callable[[int], Callable[[], object]], size: int) -> None:
    """``prepare`` makes what is to be timed for an input of a size."""
    found = ratio(prepare, size)
    assert found <= MOST, f"{TIMES} times the input takes {found:.1f} times as long"


def _seconds(run: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    try:
        begun = time.process_time()
        run()
        return time.process_time() - begun
    finally:
        gc.enable()
