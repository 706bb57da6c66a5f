"""Canonical layout: what ``fmt`` makes of a text, judged by HCL's and Packer's tables and by ``packer fmt`` itself."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from conformance.model import Case, Failed, Group, Skipped, expect, tables
from conformance.program import run
from conformance.syntax import parsed
from hclimg.lang.format import format_text
from hclimg.lang.tokens import scan

# The tables of `packer fmt` name these two texts and don't hold them.
TEXTS = {
    "unformattedHCL": '\nami_filter_name ="amzn2-ami-hvm-*-x86_64-gp2"\nami_filter_owners =[ "137112412989" ]\n\n',
    "formattedHCL": '\nami_filter_name   = "amzn2-ami-hvm-*-x86_64-gp2"\nami_filter_owners = ["137112412989"]\n\n',
}
NOT_SIGN = "Packer 1.6.6 still puts a space behind !"


# -- tables -----------------------------------------------------------------------------


def _hclwrite(corpus: Path) -> Iterator[Case]:
    for number, case in enumerate(tables(corpus / "hclwrite" / "format_test.json").get("TestFormat", ())):
        yield Case(f"TestFormat/{number}", partial(_lays_out, case["input"], case["want"]))


def _lays_out(text: str, wanted: str) -> None:
    found = format_text(text)
    expect(found == wanted, f"{found!r}, not {wanted!r}")
    expect(format_text(found) == found, "laying it out again changes it")


def _commands(corpus: Path) -> Iterator[Case]:
    found = tables(corpus / "packer-commands" / "fmt_test.json")
    for case in found.get("TestFmt_Recursive", ()):
        yield Case(f"TestFmt_Recursive/{case['name']}", partial(_recursive, case))
    for number, case in enumerate(found.get("Test_fmt_pipe", ())):
        yield Case(f"Test_fmt_pipe/{number}", partial(_piped, case))
    found = tables(corpus / "packer-hcl2template-tables" / "formatter_test.json")
    for case in found.get("TestHCL2Formatter_Format", ()):
        yield Case(f"Format/{case['Name']}", partial(_files, corpus, case))
    for case in found.get("TestHCL2Formatter_FormatNegativeCases", ()):
        yield Case(f"FormatNegativeCases/{case['Name']}", partial(_files, corpus, case))
    folder = corpus / "packer-fmt" / "hcl2template-format"
    if folder.is_dir():
        yield Case("unformatted.pkr.hcl", partial(_pair, folder))


def _recursive(case: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in case["alreadyPresentContent"].items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(TEXTS[text["$ident"]])
        run(["fmt", *case["formatArgs"], folder])
        for name, text in case["fileCheck"]["expectedContent"].items():
            expect(Path(folder, name).read_text() == TEXTS[text["$ident"]], f"{name} is not as expected")


def _piped(case: dict[str, Any]) -> None:
    done = run(case["command"], stdin=TEXTS[case["piped"]["$ident"]])
    expect(done.out == TEXTS[case["expected"]["$ident"]], f"printed {done.out!r}")


def _files(corpus: Path, case: dict[str, Any]) -> None:
    paths = [corpus / "packer-fmt" / "hcl2template-format" / Path(path).name for path in case["Paths"]]
    done = run(["fmt", "-check", *map(str, paths)]) if paths else None
    code = done.code if done else 0
    wanted = 1 if case.get("errExpected") else 3 if case.get("FormatExpected") else 0
    expect(code == wanted, f"exit code {code}, not {wanted}")


def _pair(folder: Path) -> None:
    _lays_out((folder / "unformatted.pkr.hcl").read_text(), (folder / "formatted.pkr.hcl").read_text())


# -- every file of the corpus -------------------------------------------------------------


def _texts(corpus: Path) -> dict[str, str]:
    found = {}
    for path in sorted(corpus.rglob("*.hcl")):
        if path.is_file():
            found[str(path.relative_to(corpus))] = path.read_bytes().decode(errors="replace").removeprefix("\ufeff")
    return {name: text for name, text in found.items() if not parsed(text)[1]}


def _all_files(corpus: Path) -> Iterator[Case]:
    for name, text in _texts(corpus).items():
        yield Case(name, partial(_means_the_same, text))


def _means_the_same(text: str) -> None:
    found = format_text(text)
    tokens, again = ([(t.kind, t.value) for t in scan(part)] for part in (text, found))
    expect(tokens == again, "it means something else in canonical layout")
    expect(format_text(found) == found, "laying it out again changes it")


def _peer(corpus: Path) -> Iterator[Case]:
    for name, text in _texts(corpus).items():
        yield Case(name, partial(_packer_agrees, corpus, name, text))


def _packer_agrees(corpus: Path, name: str, text: str) -> None:
    found = _packer_fmt(corpus)[name]
    ours = format_text(text)
    if found != ours and found.replace("! ", "!") == ours:
        raise Skipped(NOT_SIGN)
    expect(found == ours, "packer fmt changes it")


@cache
def _packer_fmt(corpus: Path) -> dict[str, str]:
    """What ``packer fmt`` makes of each file as we laid it out."""
    packer = shutil.which("packer")
    if packer is None:
        raise Skipped("packer is not installed")
    texts = _texts(corpus)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder, f"{number}.pkr.hcl") for number, name in enumerate(texts)}
        for name, text in texts.items():
            paths[name].write_bytes(format_text(text).encode())
        done = subprocess.run([packer, "fmt", folder], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"packer fmt: {done.stderr.strip()}")
        return {name: path.read_bytes().decode() for name, path in paths.items()}


GROUPS = (
    Group("hclwrite-format", "HCL's own pairs of texts and their layout", _hclwrite),
    Group("packer-commands-fmt", "packer fmt: files, directories, standard input, exit codes", _commands),
    Group("fmt-files", "every file of the corpus: laid out, it means the same; twice is once", _all_files),
    Group("fmt-packer-peer", "packer fmt finds nothing to change in what hclimg fmt wrote", _peer),
)
