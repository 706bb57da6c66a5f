"""A shop that compiles templates with the components of these tests, and applies them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import engine_components
from attrs import define, field
from engine_kit import Tape

from hclimg.diagnostics import Diagnostics
from hclimg.engine.interrupts import Interrupts
from hclimg.engine.result import RunResult
from hclimg.engine.run import RunOptions, apply
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.plan.plan import Plan
from hclimg.template.inputs import VariableInputs
from hclimg.template.load import load_template


@define
class Shop:
    """``folder`` is the working directory and has the run directories in ``home``."""

    folder: Path
    tape: Tape = field(factory=Tape)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def plan(self, text: str, *variables: str) -> Plan:
        path = self.folder / "main.pkr.hcl"
        path.write_text(text)
        diags = Diagnostics()
        template = load_template(str(path), diags)
        diags.raise_if_errors()
        assert template is not None
        inputs = VariableInputs(values=variables)
        options = CompileOptions(now=datetime(2024, 2, 29, tzinfo=UTC), cwd=self.folder, variables=inputs)
        plan = compile_plan(template, options, engine_components.registry(), diags)
        diags.raise_if_errors()
        return plan

    def apply(
        self, text: str, *variables: str, prompter: Any = None, interrupts: Interrupts | None = None, **options: Any
    ) -> RunResult:
        return apply(
            self.plan(text, *variables),
            RunOptions(home=self.home, cache=self.folder / "cache", **options),
            registry=engine_components.registry(),
            sinks=[self.tape],
            prompter=prompter,
            interrupts=interrupts,
        )

    def files(self) -> list[str]:
        """What is in the working directory, but for the template and the runs."""
        found = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        return sorted(name for name in found if not name.startswith(("home/", "main.")))
