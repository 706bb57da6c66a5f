import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hclimg.lang import tables
from hclimg.lang.lalr import Machine
from hclimg.lang.tables import GrammarError, compile_grammar, decode, fingerprint
from hclimg.lang.tokens import Token

ROOT = Path(__file__).parents[2]
SUMS = """\
// start: sum
sum: NUMBER                 -> first
   | sum PLUS NUMBER        -> more
%declare NUMBER PLUS
"""


class Sums:
    def first(self, number: Token) -> int:
        return int(number.value)

    def more(self, sum_: int, _: Token, number: Token) -> int:
        return sum_ + int(number.value)


def machine(text: str) -> Machine:
    found = decode(compile_grammar(SUMS, "sums"))
    assert found is not None
    tokens = [Token("PLUS" if w == "+" else "NUMBER", w, i, i) for i, w in enumerate(text.split())]
    return Machine(found, Sums(), "sum", [*tokens, Token("$END", "", 0, 0)], lambda _: False)


def test_a_compiled_grammar_parses() -> None:
    assert machine("1 + 2 + 39").run() == 42
    assert machine("1 + + 2").run() is None
    assert machine("").run() is None


def test_a_parse_can_be_asked_what_fits() -> None:
    parse = machine("1 + +")
    assert parse.run() is None
    assert (parse.at, parse.symbols()) == (2, ["sum", "sum", "PLUS"])
    assert parse.accepts("NUMBER")
    assert not parse.accepts("PLUS")


@pytest.mark.parametrize("name", ["hcl2", "gotemplate"])
def test_our_grammars_have_no_conflicts_and_one_encoding(name: str) -> None:
    """Compiling is strict, and independent of the process's hash seed."""
    grammar = (ROOT / "grammar" / f"{name}.lark").read_text()
    code = (
        "import sys; from hclimg.lang.tables import compile_grammar;"
        f"sys.stdout.write(compile_grammar(open({str(ROOT / 'grammar' / name)!r} + '.lark').read(), {name!r}))"
    )
    run = [sys.executable, "-c", code]
    other = subprocess.run(run, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True)
    assert compile_grammar(grammar, name) == other.stdout
    found = decode(other.stdout)
    assert found is not None
    assert len(found.actions) == len(found.symbols)


@pytest.mark.parametrize(
    ("grammar", "reason"),
    [
        ("sum: NUMBER\n%declare NUMBER\n", "must begin with"),
        ("// start: sum\nsum: sum PLUS sum | NUMBER\n%declare NUMBER PLUS\n", "Shift/Reduce"),
        ("// start: sum\nsum: NUMBER |\n( %declare NUMBER\n", "sums.lark"),
    ],
)
def test_a_bad_grammar_is_refused(grammar: str, reason: str) -> None:
    with pytest.raises(GrammarError, match=reason):
        compile_grammar(grammar, "sums")


@pytest.mark.parametrize("text", ["", "nonsense", tables.FORMAT, f"{tables.FORMAT}\na b\nsum=x\n", "\0"])
def test_what_are_no_tables_is_not_taken_for_them(text: str) -> None:
    assert decode(text) is None


# -- where tables come from ----------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The package folder of a checkout."""
    (tmp_path / "grammar").mkdir()
    (tmp_path / "grammar" / "sums.lark").write_text(SUMS)
    (tmp_path / "hclimg").mkdir()
    return tmp_path / "hclimg"


def test_a_checkout_compiles_once_and_keeps_the_tables(checkout: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "hclimg"
    first = tables._load("sums", checkout, cache)
    (kept,) = cache.iterdir()
    assert kept.name == f"sums-{fingerprint(SUMS)}.tables"
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    marked = kept.read_text().replace("more", "most")
    kept.write_text(marked)
    second = tables._load("sums", checkout, cache)
    assert [rule[2] for rule in first.rules] == ["first", "more"]
    assert [rule[2] for rule in second.rules] == ["first", "most"]


def test_a_changed_grammar_is_compiled_again(checkout: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    tables._load("sums", checkout, cache)
    (checkout.parent / "grammar" / "sums.lark").write_text(SUMS.replace("more", "most"))
    assert tables._load("sums", checkout, cache).rules[1][2] == "most"


def test_damaged_or_foreign_tables_are_not_used(checkout: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    tables._load("sums", checkout, cache)
    (kept,) = cache.iterdir()
    good = kept.read_text()
    kept.write_text(good[: len(good) // 2])
    assert tables._load("sums", checkout, cache).rules[1][2] == "more"
    assert kept.read_text() == good
    kept.write_text(good.replace("more", "most"))
    cache.chmod(0o777)  # anybody could have written it
    assert tables._load("sums", checkout, cache).rules[1][2] == "more"


def test_a_cache_that_cannot_be_written_is_no_problem(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert tables._load("sums", checkout, tmp_path / "file" / "hclimg").rules[1][2] == "more"


def test_a_missing_grammar_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GrammarError, match=r"nothing.lark is missing"):
        tables._load("nothing", tmp_path, tmp_path)


def test_the_cache_is_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert tables.cache_folder() == Path("/x/hclimg")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert tables.cache_folder() == Path("/home/me/.cache/hclimg")


def test_a_wheel_brings_tables_and_needs_no_lark(tmp_path: Path) -> None:
    """Unpacked, without lark in reach and with no cache, it parses."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import sys; sys.modules['lark'] = None; import hclimg.lang.parse as p; from hclimg.diagnostics import *;"
        "from hclimg.lang.gotemplate import render; d = Diagnostics(); b = p.parse_body(SourceText('t', 'a = [1]'), d);"
        "print(p.__file__, len(d), list(b.attributes), render('{{ .A }}', {'A': 'x'}, {}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{tmp_path}/site/hclimg/lang/parse.py 0 ['a'] x\n"
    assert not (tmp_path / "cache").exists()
