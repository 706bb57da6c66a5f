"""The file provisioner: what goes where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.errors import BuildError
from hclimg.provisioners.file import FileProvisioner
from hclimg.provisioners.file_config import FileConfig
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component, decoded
from servers.recording import Recording

Run = Callable[[str], None]


@pytest.fixture
def run(recording: Recording, machine: Machine) -> Run:
    return lambda text: component(FileProvisioner, text).provision(recording.ctx, machine)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    top = tmp_path / "source"
    (top / "sub").mkdir(parents=True)
    (top / "one.txt").write_text("1")
    (top / "two.conf").write_text("2")
    (top / "sub" / "three").write_text("3")
    (top / "sub" / "three").chmod(0o755)
    return top


@pytest.fixture
def there(tmp_path: Path) -> Path:
    path = tmp_path / "there"
    path.mkdir()
    return path


def names(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())


def test_a_file(run: Run, source: Path, there: Path) -> None:
    run(f'source = "{source}/sub/three"\ndestination = "{there}/renamed"')
    run(f'source = "{source}/one.txt"\ndestination = "{there}/"')
    assert names(there) == ["one.txt", "renamed"]
    assert (there / "renamed").stat().st_mode & 0o777 == 0o755


def test_content(run: Run, there: Path) -> None:
    run(f'content = "a\\n{{ b }}\\n"\ndestination = "{there}/file"')
    assert (there / "file").read_text() == "a\n{ b }\n"
    assert (there / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("source_end", "destination_end", "expected"),
    [
        ("", "", ["source/one.txt", "source/sub/three", "source/two.conf"]),
        ("", "/", ["source/one.txt", "source/sub/three", "source/two.conf"]),
        ("/", "", ["one.txt", "sub/three", "two.conf"]),
        ("/", "/", ["one.txt", "sub/three", "two.conf"]),
        ("/", "/new", ["new/one.txt", "new/sub/three", "new/two.conf"]),
        ("/", "/new/", ["new/one.txt", "new/sub/three", "new/two.conf"]),
    ],
)
def test_a_directory_by_rsyncs_rule(
    run: Run, source: Path, there: Path, source_end: str, destination_end: str, expected: list[str]
) -> None:
    run(f'source = "{source}{source_end}"\ndestination = "{there}{destination_end}"')
    assert names(there) == expected


def test_several_sources(run: Run, source: Path, there: Path) -> None:
    run(f'sources = ["{source}/one.txt", "{source}/sub"]\nsource = "{source}/two.conf"\ndestination = "{there}/"')
    assert names(there) == ["one.txt", "sub/three", "two.conf"]


def test_a_source_that_exists_only_later(recording: Recording, machine: Machine, tmp_path: Path, there: Path) -> None:
    text = f'source = "{tmp_path}/later"\ndestination = "{there}/x"'
    problem = f'1: File not found; "source" names "{tmp_path}/later", which does not exist.'
    assert decoded(FileConfig, text)[1] == [problem]
    file = component(FileProvisioner, f"{text}\ngenerated = true")
    assert file.inputs() == ()
    (tmp_path / "later").write_text("now")
    file.provision(recording.ctx, machine)
    assert names(there) == ["x"]


def test_downloads(run: Run, source: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    run(f'direction = "download"\nsource = "{source}/one.txt"\ndestination = "{here}/deep/renamed"')
    run(f'direction = "download"\nsource = "{source}/one.txt"\ndestination = "{here}/dir/"')
    run(f'direction = "download"\nsource = "{source}/"\ndestination = "{here}/all"')
    run(f'direction = "download"\nsource = "{source}/*.[ct]*"\ndestination = "{here}/some"')
    assert names(here) == [
        "all/one.txt", "all/sub/three", "all/two.conf", "deep/renamed", "dir/one.txt", "some/one.txt", "some/two.conf",
    ]  # fmt: skip


def test_downloads_that_find_nothing(run: Run, source: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r'No file of the machine fits ".*/\*\.none"'):
        run(f'direction = "download"\nsource = "{source}/*.none"\ndestination = "{tmp_path}/x"')
    with pytest.raises(BuildError, match="Cannot read"):
        run(f'direction = "download"\nsource = "{source}/none"\ndestination = "{tmp_path}/x"')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('destination = "/x"', '1: Missing required argument; One of "source", "sources" and "content" is required.'),
        ('content = "x"', '1: Missing required argument; The argument "destination" is required, but was not given.'),
        ('content = "x"\nsource = "/etc/passwd"\ndestination = "/x"',
         '1: Conflicting arguments; Only one of "source" and "content" can be set, but "source" and "content" are.'),
        ('content = "x"\ndestination = "/x/"',
         '2: Invalid destination; "destination" must name a file when "content" is given, not a directory.'),
        ('content = "x"\ndestination = "/x"\ndirection = "download"',
         '1: Conflicting arguments; With direction = "download", name the source on the machine; "content" is for '
         "uploads."),
        ('source = "/etc/passwd"\ndestination = "/x"\ndirection = "up"',
         '3: Incorrect value; Inappropriate value for "direction": "up" is not one of "upload", "download".'),
    ],
)  # fmt: skip
def test_each_rule(text: str, problem: str) -> None:
    assert [found for found in decoded(FileConfig, text)[1] if found.startswith(problem)]


def test_what_it_says_that_it_will_do(source: Path) -> None:
    up = component(FileProvisioner, f'source = "{source}/one.txt"\ndestination = "/x"')
    assert (up.summary(), up.inputs()) == (f"{source}/one.txt → /x", (source / "one.txt",))
    down = component(FileProvisioner, 'direction = "download"\nsource = "/x"\ndestination = "here"')
    assert (down.summary(), down.inputs()) == ("here ← /x", ())
