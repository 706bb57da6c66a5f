"""``hclimg convert`` as a person runs it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Write = Callable[[str, str], Path]

OLD = """\
{
  "variables": {"name": "web", "size": null},
  "builders": [{"type": "null", "communicator": "none"}],
  "provisioners": [{"type": "shell-local", "inline": ["echo {{user `name`}} {{user `size`}}"]}]
}
"""
NEW = """\
variable "name" {
  type    = string
  default = "web"
}

variable "size" {
  type = string
}

source "null" "null" {
  communicator = "none"
}

build {
  sources = ["source.null.null"]

  provisioner "shell-local" {
    inline = ["echo ${var.name} ${var.size}"]
  }
}
"""


@pytest.fixture
def old(write: Write) -> Path:
    return write("old.json", OLD)


def test_the_result_stands_beside_the_template(hclimg: Run, old: Path, tmp_path: Path) -> None:
    done = hclimg("convert", "-check", "old.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "old.json  the same plan → old.pkr.hcl\n1 of 1 template converted.\n"
    assert (tmp_path / "old.pkr.hcl").read_text() == NEW
    assert hclimg("fmt", "-check", "old.pkr.hcl").returncode == 0
    assert hclimg("validate", "-var", "size=1", "old.pkr.hcl").returncode == 0


def test_packer_takes_it(hclimg: Run, old: Path, tmp_path: Path) -> None:
    assert hclimg("convert", "old.json").returncode == 0
    subprocess.run(["packer", "validate", "-var", "size=1", "old.pkr.hcl"], cwd=tmp_path, check=True)
    subprocess.run(["packer", "fmt", "-check", "old.pkr.hcl"], cwd=tmp_path, check=True)


def test_standard_output(hclimg: Run, old: Path, tmp_path: Path) -> None:
    done = hclimg("convert", "-o", "-", "old.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, NEW, "")
    assert [path.name for path in tmp_path.iterdir()] == ["old.json"]


def test_parts(hclimg: Run, old: Path, tmp_path: Path) -> None:
    assert hclimg("convert", "-split", "-o", "new", "old.json").returncode == 0
    files = {path.name: path.read_text() for path in (tmp_path / "new" / "old").iterdir()}
    assert sorted(files) == ["build.pkr.hcl", "sources.pkr.hcl", "variables.pkr.hcl"]
    assert files["sources.pkr.hcl"] == 'source "null" "null" {\n  communicator = "none"\n}\n'
    assert hclimg("validate", "-var", "size=1", "new/old").returncode == 0


def test_nothing_is_overwritten_unasked(hclimg: Run, old: Path, write: Write) -> None:
    mine = write("old.pkr.hcl", "# mine\n")
    done = hclimg("convert", "old.json")
    assert done.returncode == 1
    assert '"old.pkr.hcl" is there already. Say -force to overwrite it.' in done.stderr
    assert mine.read_text() == "# mine\n"
    for force in ("-f", "-force"):
        mine.write_text("# mine\n")
        assert hclimg("convert", force, "old.json").returncode == 0
        assert mine.read_text() == NEW


def test_a_directory_with_a_broken_template(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("t/a.json", OLD)
    write("t/b.json", '{"builders": [}')
    write("t/c.pkrvars.json", "{}")
    done = hclimg("convert", "t")
    assert done.returncode == 1
    assert "t/b.json:1:15: Error:" in done.stderr
    assert done.stdout == (
        "t/a.json  converted → t/a.pkr.hcl\n"
        "t/b.json  failed: Missing JSON value\n"
        "1 of 2 templates converted: 1 converted, 1 failed.\n"
    )
    assert sorted(path.name for path in (tmp_path / "t").glob("*.hcl")) == ["a.pkr.hcl"]


def test_a_template_without_a_plan_proves_nothing(hclimg: Run, write: Write) -> None:
    write("x.json", '{"builders": [{"type": "x"}], "provisioners": [{"type": "y", "only": ["nul"]}]}')
    done = hclimg("convert", "-check", "x.json")
    assert done.returncode == 1
    assert "not checked: it has no plan" in done.stdout
    assert done.stderr.count("Error:") == 1


def test_wrong_settings_are_compared_as_written(hclimg: Run, write: Write) -> None:
    write("x.json", '{"builders": [{"type": "file", "content": "x"}]}')
    done = hclimg("convert", "-check", "x.json")
    assert done.returncode == 0
    assert done.stdout.startswith("x.json  the same plan, as written → x.pkr.hcl\n")
    assert "Warning: Missing required argument" in done.stderr


UNKNOWN = """\
{
  "builders": [{
    "type": "amazon-ebz", "ami_users": "a,b", "tags": {"a": "1"}, "encrypt_boot": "true",
    "run_volume_tag": {"key": "k"}, "volumes": [{"size": "{{user `size`}}"}]
  }],
  "provisioners": [{"type": "shell-locl", "inline": ["echo {{build `ID`}}"]}]
}
"""


def test_a_component_need_not_be_known(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("x.json", UNKNOWN)
    done = hclimg("convert", "-check", "x.json")
    assert done.returncode == 0
    assert done.stdout.startswith("x.json  the same plan → x.pkr.hcl\n")
    assert 'hclimg has no provisioner "shell-locl". Did you mean "shell-local"? What is said' in done.stderr
    text = (tmp_path / "x.pkr.hcl").read_text()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in ('ami_users = ["a", "b"]', "encrypt_boot = true", "run_volume_tag {", "volumes {", "tags = {"):
        assert line in lines
    assert "size = var.size" in lines
    assert hclimg("validate", "-var", "size=1", "x.pkr.hcl").returncode == 1


def test_lists_that_are_texts(hclimg: Run, write: Write, tmp_path: Path) -> None:
    """Packer splits them at commas."""
    write(
        "x.json",
        """{"variables": {"more": "echo c,echo d"},
            "builders": [{"type": "null", "communicator": "none"}],
            "provisioners": [{"type": "shell-local", "inline": "echo a,echo b"},
                             {"type": "shell-local", "inline": "{{user `more`}}"}]}""",
    )
    assert hclimg("convert", "-check", "x.json").returncode == 0
    text = (tmp_path / "x.pkr.hcl").read_text()
    assert 'inline = ["echo a", "echo b"]' in text
    assert 'inline = split(",", var.more)' in text
    for name in ("x.json", "x.pkr.hcl"):
        done = hclimg("apply", name)
        assert [letter for letter in "abcd" if f"null: {letter}\n" in done.stdout] == list("abcd")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("x.pkr.hcl",), '"x.pkr.hcl" is written in HCL already. Other ways: --to json or python.'),
        (("x.pkr.json", "-to", "json"), "is written in HCL's JSON syntax already. Other ways: --to hcl or python."),
        (("x.img.py", "-to", "python"), "is written in Python already. Other ways: --to hcl or json."),
        (("empty", "-to", "json"), "and no file of *.pkr.hcl, *.img.py"),
        (("two", "-to", "json"), "twice. Name another directory with -o."),
        (("two", "-to", "json", "-o", "-"), "cannot all go to standard output"),
        (("empty",), 'The directory "empty" holds no legacy JSON template'),
        (("-o", "-", "-split", "old.json"), "cannot all go to standard output"),
        (("none.json",), "no such file"),
    ],
)
def test_what_cannot_be_done(hclimg: Run, old: Path, tmp_path: Path, arguments: tuple[str, ...], text: str) -> None:
    for name in ("empty", "two"):
        (tmp_path / name).mkdir()
    for name in ("a.pkr.hcl", "b.pkr.hcl"):
        (tmp_path / "two" / name).write_text("")
    done = hclimg("convert", *arguments)
    assert done.returncode == 1
    assert text in done.stderr
    assert "Traceback" not in done.stderr


JSON = """\
{
  "variable": {
    "name": {
      "type": "string",
      "default": "web"
    },
    "size": {
      "type": "string"
    }
  },
  "source": {
    "null": {
      "null": {
        "communicator": "none"
      }
    }
  },
  "build": {
    "sources": [
      "source.null.null"
    ],
    "provisioner": {
      "shell-local": {
        "inline": [
          "echo ${var.name} ${var.size}"
        ]
      }
    }
  }
}
"""


def test_json_syntax_and_back(hclimg: Run, old: Path, tmp_path: Path) -> None:
    done = hclimg("convert", "--to", "json", "-check", "old.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "old.pkr.json").read_text() == JSON
    assert hclimg("validate", "-var", "size=1", "old.pkr.json").returncode == 0
    assert hclimg("convert", "-o", "-", "old.pkr.json").stdout == NEW
    assert not (tmp_path / "old.pkr.hcl").exists()
    assert hclimg("convert", "-check", "old.pkr.json").stdout.startswith("old.pkr.json  the same plan → old.pkr.hcl\n")
    assert hclimg("convert", "-to", "json", "-o", "-", "old.pkr.hcl").stdout == JSON


def test_a_directory_becomes_one(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("t/a.pkr.hcl", 'variable "x" {}\n\nsource "null" "n" {\n  communicator = "none"\n}\n')
    write("t/b.pkr.hcl", 'build {\n  sources = ["null.n"]\n\n  name = var.x\n}\n')
    write("t/c.pkr.json", '{"locals": {"y": 1}}')
    write("t/v.auto.pkrvars.hcl", '# which\nx = "$${a}"\n')
    write("t/notes.txt", "")
    done = hclimg("convert", "-to", "json", "-check", "-o", "j", "t")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("t  the same plan → ")
    names = ["a.pkr.json", "b.pkr.json", "c.pkr.json", "v.auto.pkrvars.json"]
    assert sorted(path.name for path in (tmp_path / "j").iterdir()) == names
    assert (tmp_path / "j" / "v.auto.pkrvars.json").read_text() == '{\n  "//": "which",\n  "x": "${a}"\n}\n'
    assert hclimg("validate", "j").returncode == 0
    done = hclimg("convert", "-check", "-o", "h", "j")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "h" / "v.auto.pkrvars.hcl").read_text() == (tmp_path / "t" / "v.auto.pkrvars.hcl").read_text()
    assert hclimg("plan", "h").stdout == hclimg("plan", "t").stdout.replace("t/", "h/")


def test_variables_alone(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("v.pkrvars.hcl", 'a = ["x", 1.50]\n')
    done = hclimg("convert", "-to", "json", "-check", "v.pkrvars.hcl")
    assert done.stdout.startswith("v.pkrvars.hcl  the same values → v.pkrvars.json\n"), done.stderr
    assert (tmp_path / "v.pkrvars.json").read_text() == '{\n  "a": [\n    "x",\n    1.5\n  ]\n}\n'


def test_two_templates_of_one_name(hclimg: Run, write: Write) -> None:
    write("a/x.json", OLD)
    write("b/x.json", OLD)
    done = hclimg("convert", "-force", "-o", "new", "a/x.json", "b/x.json")
    assert done.returncode == 1
    assert 'Another template of this call has become "new/x.pkr.hcl" already.' in done.stderr


def test_where_nothing_can_be_written(hclimg: Run, old: Path, write: Write) -> None:
    write("new", "a file")
    done = hclimg("convert", "-o", "new", "old.json")
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr


PYTHON = """\
from hclimg import build, source, variable

name = variable("name", type=str, default="web")

size = variable("size", type=str)

null = source.null("null", communicator="none")

with build(sources=[null]) as this:
    this.provisioner.shell_local(inline=[f"echo {name} {size}"])
"""


def test_python_and_back(hclimg: Run, old: Path, tmp_path: Path) -> None:
    done = hclimg("convert", "-to", "python", "-check", "old.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "old.json  the same plan → old.img.py\n1 of 1 template converted.\n"
    assert (tmp_path / "old.img.py").read_text() == PYTHON
    for to, ending in (("hcl", ".pkr.hcl"), ("json", ".pkr.json")):
        done = hclimg("convert", "-to", to, "-check", "-o", to, "old.img.py")
        assert (done.returncode, done.stderr) == (0, "")
        assert "the same plan" in done.stdout
        assert (tmp_path / to / f"old{ending}").exists()
    assert (tmp_path / "hcl" / "old.pkr.hcl").read_text() == NEW


def test_a_directory_becomes_one_python_file(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("t/b.pkr.hcl", 'build {\n  sources = ["source.null.a"]\n}\n')
    write("t/s.pkr.hcl", '# why\nsource "null" "a" {\n  communicator = "none"\n}\n')
    write("t/x.auto.pkrvars.hcl", "")
    done = hclimg("convert", "-to", "python", "-check", "-o", "new", "t")
    assert (done.returncode, done.stderr) == (0, "")
    assert '\n# why\na = source.null("a", communicator="none")\n' in (tmp_path / "new" / "t.img.py").read_text()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["t.img.py", "x.auto.pkrvars.hcl"]
    assert hclimg("validate", "new").returncode == 0


COMMENTS = """\
# Head of the file

# about region
variable "region" {
  # the default
  default = "eu" # behind it
  # last words
}

source "null" "x" {
  communicator = "none" # no machine
}

build {
  sources = ["null.x"]

  # first
  provisioner "shell-local" {
    inline = [
      "true", # inner
    ]
    retry {
      # how often
      attempts = 2
    }
  }
  # done
}
# end of file
"""
SAID = ("Head of the file", "about region", "the default", "behind it", "last words", "no machine", "first", "inner",
        "how often", "done", "end of file")  # fmt: skip


def test_comments_go_everywhere(hclimg: Run, write: Write, tmp_path: Path) -> None:
    """Into Python, and from there into HCL; once each."""
    write("c.pkr.hcl", COMMENTS)
    done = hclimg("convert", "-to", "python", "-check", "-o", "p", "c.pkr.hcl")
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "p" / "c.img.py").read_text()
    assert [text.count(f"# {said}\n") for said in SAID] == [1] * len(SAID)
    assert text.startswith("from hclimg import build, source, variable\n\n# Head of the file\n\n# about region\n")
    for to in ("hcl", "json"):
        done = hclimg("convert", "-to", to, "-check", "-o", to, "p/c.img.py")
        assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "hcl" / "c.pkr.hcl").read_text()
    assert [text.count(f"# {said}\n") for said in SAID] == [1] * len(SAID)
    text = (tmp_path / "json" / "c.pkr.json").read_text()
    assert [text.count(said) for said in SAID] == [1] * len(SAID)


def test_old_names_are_told(hclimg: Run, write: Write) -> None:
    """By whoever finds them: validate when something is wrong, convert always."""
    write("x.json", '{"builders": [{"type": "null", "ssh_host": "h", "ssh_key_path": "k", "ssh_username": "root"}]}')
    for command in ("validate", "convert"):
        done = hclimg(command, "x.json")
        said = " ".join(done.stderr.split())
        assert 'Warning: Old names in a template "x.json" has what was removed or renamed: ssh_key_path is' in said
        assert 'ssh_private_key_file" now. This repairs it: hclimg fix -write x.json' in said
    assert hclimg("fix", "-write", "x.json").returncode == 0
    assert "Old names" not in hclimg("validate", "x.json").stderr
