"""The file with the outputs of the last runs: ``HOME/outputs.json``, which only the user can read.

It has the outputs of each template that was applied here, and which template was applied last. Values that are
sensitive stand in it too: who asks for one by name gets it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from json import dumps, loads
from pathlib import Path
from typing import Any

from attrs import field, frozen

from hclimg.errors import BuildError
from hclimg.events import TemplateOutput
from hclimg.lang.functions.jsonvalues import decode, encode
from hclimg.lang.functions.model import FunctionError
from hclimg.lang.types import type_data
from hclimg.lang.values import Value

FORMAT = 1
MODE = 0o600


@frozen(kw_only=True, eq=False)
class StoredOutput:
    """``value`` is None when there is none, for the reason ``missing``. ``run`` is the run that says so.

    ``type`` is how cty writes the type of the value in JSON.
    """

    run: str
    value: Value | None = None
    type: Any = None
    sensitive: bool = False
    missing: str = ""

    @property
    def shape(self) -> dict[str, Any]:
        """As ``terraform output -json`` shows it."""
        assert self.value is not None
        return {"sensitive": self.sensitive, "type": self.type or type_data(self.value.type), "value": self.plain}

    @property
    def plain(self) -> Any:
        """The value as JSON data."""
        return None if self.value is None else loads(encode(self.value))

    def event(self, name: str) -> TemplateOutput:
        shown = None if self.sensitive else self.plain
        return TemplateOutput(name=name, value=shown, sensitive=self.sensitive, missing=self.missing, run=self.run)


@frozen(kw_only=True, eq=False)
class OutputRecord:
    """``last`` is the template that was applied last; ``templates`` has the outputs of each by name."""

    last: str = ""
    templates: Mapping[str, Mapping[str, StoredOutput]] = field(factory=dict)

    def of(self, template: str) -> Mapping[str, StoredOutput]:
        return self.templates.get(template, {})


def output_file(home: Path) -> Path:
    return home / "outputs.json"


def read_outputs(home: Path) -> OutputRecord:
    """What the file says; nothing when there is none. Raises BuildError when it cannot be read."""
    path = output_file(home)
    try:
        return _record(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return OutputRecord()
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, FunctionError, KeyError, TypeError, AttributeError) as error:
        hint = "Remove it; the next apply writes a new one."
        raise BuildError(f"{path} is not a file of outputs that this version of hclimg reads.", hint=hint) from error


def earlier_outputs(home: Path, template: str, warnings: list[str]) -> Mapping[str, StoredOutput] | None:
    """The outputs of a template that are remembered; None, after a warning, when the file cannot be read."""
    try:
        return read_outputs(home).of(template)
    except BuildError as error:
        warnings.append(f"{error} The outputs of this run are not remembered. {error.hint}".strip())
        return None


def remember_outputs(home: Path, template: str, outputs: Mapping[str, StoredOutput], warnings: list[str]) -> None:
    """From now on these are the outputs of a template, which was applied last. No build fails when that is not so."""
    if not outputs and not output_file(home).exists():
        return
    try:
        with _locked(home):
            known = read_outputs(home)
            _write(output_file(home), OutputRecord(last=template, templates={**known.templates, template: outputs}))
    except (OSError, BuildError) as error:
        why = getattr(error, "strerror", None) or error
        warnings.append(f"The outputs of this run could not be written to {output_file(home)}: {why}.")


def _write(path: Path, record: OutputRecord) -> None:
    """As a whole or not at all, also when the disk is full or the program is killed."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_text(record))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Two runs that end at the same time write one after the other."""
    lock = os.open(home / "outputs.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


# -- text -------------------------------------------------------------------------


def _text(record: OutputRecord) -> str:
    templates = {
        name: {n: _entry(o) for n, o in outputs.items()} for name, outputs in record.templates.items() if outputs
    }
    return dumps({"format": FORMAT, "last": record.last, "templates": templates}, indent=2, ensure_ascii=False) + "\n"


def _entry(output: StoredOutput) -> dict[str, Any]:
    if output.value is None:
        return {"run": output.run, "sensitive": output.sensitive, "missing": output.missing}
    # The value is a text of JSON in JSON: so no digit of a number is lost.
    found = {"run": output.run, "sensitive": output.sensitive, "type": output.type or type_data(output.value.type)}
    return {**found, "value": encode(output.value)}


def _record(text: str) -> OutputRecord:
    data = loads(text)
    if data["format"] != FORMAT:
        raise ValueError(data["format"])
    templates = {
        template: {name: _output(entry) for name, entry in outputs.items()}
        for template, outputs in data["templates"].items()
    }
    return OutputRecord(last=data["last"], templates=templates)


def _output(entry: dict[str, Any]) -> StoredOutput:
    value = decode(entry["value"]) if "value" in entry else None
    return StoredOutput(
        run=entry["run"], value=value, type=entry.get("type"), sensitive=bool(entry["sensitive"]),
        missing=entry.get("missing", ""),
    )  # fmt: skip
