"""How the time of the plan and of the scheduler grows: lanes of ten nodes, 10,000 and 100,000 nodes in one run.

    python tests/benchmarks/bench_scheduler.py [SMALL LARGE]

Prints for each part the CPU seconds of all threads (the best of three), the microseconds for one node, and the ratio of
large to small. ``inline`` measures the scheduler alone (goal: a ratio below 12); ``threads`` adds the workers and the
event bus of a real run, ``making the plan`` is what comes before.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1] / "engine")]

from engine_kit import InlineExecutor, lane, lane_parts  # noqa: E402

from hclimg.engine.executors.local import LocalExecutor  # noqa: E402
from hclimg.engine.scheduler import Executor, Scheduler  # noqa: E402
from hclimg.events import Event, EventBus  # noqa: E402
from hclimg.plan.plan import Plan  # noqa: E402

LANE = 10  # nodes of a lane
GOAL = 12
TIMES = 3


class Silent(EventBus):
    """Drops events, so that nothing but the scheduler is measured."""

    def emit(self, event: Event) -> None: ...


class Reader:
    """Reads events, as any sink does."""

    def handle(self, event: Event) -> None: ...

    def close(self) -> None: ...


def make_plan(number: int) -> Callable[[], Plan]:
    names = [f"lane-{i:06}" for i in range(number // LANE)]
    nodes, edges = lane_parts(names, steps=LANE - 3)
    lanes = [lane(name) for name in names]
    return lambda: Plan(nodes, edges, lanes)


def run(plan: Plan, bus: EventBus, executor: Executor, limits: dict[str, int]) -> None:
    states = Scheduler(plan=plan, run_node=lambda work: None, bus=bus, executor=executor, limits=limits).run()
    assert all(state.status == "succeeded" for state in states.values())


def run_inline(plan: Plan, **limits: int) -> Callable[[], None]:
    return lambda: run(plan, Silent(), InlineExecutor(), limits)


def run_threads(plan: Plan, **limits: int) -> Callable[[], None]:
    def call() -> None:
        executor = LocalExecutor()
        with EventBus([Reader()]) as bus:
            run(plan, bus, executor, limits)
        executor.close()

    return call


def seconds(call: Callable[[], object]) -> float:
    """CPU time of all threads: other work on the machine does not count."""
    best = float("inf")
    for _ in range(TIMES):
        gc.collect()
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
    return best


def main(small: int = 10_000, large: int = 100_000) -> int:
    makers = make_plan(small), make_plan(large)
    few, many = makers[0](), makers[1]()
    gc.collect()
    gc.freeze()  # as apply does with its plan
    rows = {
        "making the plan": makers,
        "inline, 64 workers": (run_inline(few, workers=64), run_inline(many, workers=64)),
        "inline, 4 builds": (run_inline(few, builds=4), run_inline(many, builds=4)),
        "threads, 4 builds": (run_threads(few, builds=4, workers=64), run_threads(many, builds=4, workers=64)),
        "threads, 64 workers": (run_threads(few, workers=64), run_threads(many, workers=64)),
    }
    worst = 0.0
    print(f"{'nodes':22}{small:>10,}{large:>10,}   ratio   µs/node")
    for name, (one, other) in rows.items():
        short, long = seconds(one), seconds(other)
        worst = max(worst, long / short if name.startswith("inline") else 0.0)
        print(f"{name:22}{short:>9.3f}s{long:>9.3f}s{long / short:>8.1f}{long / large * 1e6:>10.1f}", flush=True)
    print(f"the scheduler alone: worst ratio {worst:.1f} for {large / small:g} times the nodes (goal: below {GOAL})")
    return int(worst >= GOAL)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
