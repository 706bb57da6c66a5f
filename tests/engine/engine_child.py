"""A run in a process of its own: ``engine_child.py FOLDER [OPTION=VALUE…]`` applies FOLDER/child.hcl there.

Says on its output what happens in the components, and at the end what the result is. SIGINT interrupts it.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import engine_components
from engine_shop import Shop

from hclimg.engine.interrupts import Interrupts


class Loud(list[str]):
    def append(self, line: str) -> None:
        super().append(line)
        print(line, flush=True)


def main(folder: str, *options: str) -> None:
    os.chdir(folder)
    engine_components.happened = engine_components.Record(Loud(), threading.Condition())
    chosen = dict(option.split("=", 1) for option in options)
    with Interrupts() as interrupts:
        result = Shop(Path(folder)).apply(Path("child.hcl").read_text(), interrupts=interrupts, **chosen)
    for left in result.left_behind:
        print(f"left {left.what} ({left.reason})")
    print(f"result {result.status} stopped={result.stopped}", flush=True)
    os._exit(result.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
