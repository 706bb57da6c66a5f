"""Bodies of templates become config objects, and every problem is reported at its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from hclimg.config.decode import Decoded, decode_body
from hclimg.config.fields import Checker, block, config, embed, setting
from hclimg.diagnostics import Diagnostics, Severity, SourceText
from hclimg.lang.evaluate import Scope
from hclimg.lang.parse import parse_body
from hclimg.lang.syntax import Body, Property
from hclimg.lang.types import STRING
from hclimg.lang.values import SENSITIVE, object_of, string, unknown
from hclimg.units import Secret


@config
class Access:
    """How to log in."""

    user: str = setting("The user.", default="root")
    password: Secret = setting("The password.", default=Secret(""), sensitive=True)

    def check(self, problems: Checker) -> None:
        if problems.is_set("password") and self.user == "root":
            problems.warn("Root with a password", "Use a key.", "password")


@config
class Device:
    """A volume."""

    name: str = setting("Its name.")
    size: int = setting("In GiB.", default=8)


@config
class Box:
    """A machine."""

    image: str = setting("What to start from.")
    format: str = setting("The format.", default="raw", choices=("raw", "qcow2"))
    wait: timedelta = setting("How long to wait.", default=timedelta(seconds=10), aliases=("boot_wait_time",))
    inline: tuple[str, ...] = setting("Commands.", default=())
    script: str = setting("A script.", default="")
    tags: dict[str, str] = setting("Tags.", factory=dict)
    pairs: tuple[tuple[str, ...], ...] = setting("Arguments.", default=())
    command: str = setting("A command.", default="{{ .Path }}", template=True)
    cache: Path = setting("A folder.", default=Path("/tmp"))
    extra: Any = setting("Anything.", default=None)
    old: bool = setting("Old.", default=False, deprecated='write "format" instead.')
    device: tuple[Device, ...] = block("Volumes.", many=True, default=())
    boot: Device | None = block("The boot volume.", default=None)
    access: Access = embed(Access)

    def check(self, problems: Checker) -> None:
        problems.exactly_one("inline", "script")


SCOPE = Scope(
    {
        "var": object_of({"secret": string("s3cret").with_marks(frozenset({SENSITIVE})), "n": string("7")}),
        "build": object_of({"ID": unknown(STRING)}),
    },
    {},
)


def read(text: str, *, flexible: bool = False, render: Any = None) -> tuple[Decoded[Box] | None, Diagnostics]:
    diags = Diagnostics()
    source = SourceText("t.pkr.hcl", text)
    body = parse_body(source, diags)
    assert not diags.items
    if flexible:
        items = [Property(i.source, i.start, i.end, i.name, i.expr) for i in body.attributes.values()]
        body = Body(body.source, body.start, body.end, tuple(items), True)
    found = decode_body(Box, body, SCOPE, diags, context="box", header=source.range(0, 0), render=render)
    return found, diags


def problems(text: str, **how: Any) -> list[tuple[str, str]]:
    found, diags = read(text, **how)
    assert found is None
    return [(d.summary, d.subject.text if d.subject else "") for d in diags.errors]


def test_all_kinds_of_settings() -> None:
    found, diags = read("""
        image   = "a"
        format  = "qcow2"
        wait    = "1m30s"
        inline  = ["x", 1, true]
        tags    = { a = "b", n = 1 }
        pairs   = [["-m", "512"], []]
        cache   = "/var/cache"
        extra   = { a = [1, 2.5, null] }
        user    = "admin"
        device {
          name = "sda"
        }
        device {
          name = "sdb"
          size = "20"
        }
        boot { name = "vda" }
    """)
    assert not diags.items
    assert found is not None
    box = found.config
    assert (box.image, box.format, box.wait) == ("a", "qcow2", timedelta(seconds=90))
    assert box.inline == ("x", "1", "true")
    assert box.tags == {"a": "b", "n": "1"}
    assert box.pairs == (("-m", "512"), ())
    assert (box.cache, box.extra) == (Path("/var/cache"), {"a": [1, 2.5, None]})
    assert [(d.name, d.size) for d in box.device] == [("sda", 8), ("sdb", 20)]
    assert box.boot is not None
    assert box.boot.name == "vda"
    assert (box.access.user, box.command) == ("admin", "{{ .Path }}")
    assert set(found.values) == {"image", "format", "wait", "inline", "tags", "pairs", "cache", "extra", "user",
                                 "device", "boot"}  # fmt: skip


def test_every_problem_is_reported_at_its_place() -> None:
    assert problems("""
        imagee = "a"
        format = "vmdk"
        wait   = "5 parsecs"
        tags   = ["x"]
        script { }
        device = []
        boot { size = 1.5 }
        disk { }
    """) == [
        ("Unsupported argument", "imagee"),
        ("Incorrect value", '"vmdk"'),
        ("Incorrect value", '"5 parsecs"'),
        ("Incorrect value", '["x"]'),
        ("Unsupported block type", "script"),
        ("Unsupported argument", "device"),
        ("Incorrect value", "1.5"),
        ("Missing required argument", "boot"),
        ("Unsupported block type", "disk"),
    ]


def test_details_help() -> None:
    _, diags = read('imagee = "a"\nformat = "raww"\ninline = []')
    details = [d.detail for d in diags]
    assert 'Did you mean "image"?' in details[0]
    assert '"raww" is not one of "raw", "qcow2". Did you mean "raw"?' in details[1]
    assert len(details) == 2  # the image is not missing, it is misspelt
    _, diags = read("inline = []")
    assert "What to start from." in diags.items[0].detail
    assert all(d.context == "box" for d in diags)


def test_rules_across_settings() -> None:
    assert problems('image = "a"') == [("Missing required argument", "")]
    assert problems('image = "a"\ninline = []\nscript = "s"') == [("Conflicting arguments", '"s"')]


def test_the_value_of_an_unsupported_argument_is_checked_too() -> None:
    assert problems('image = "a"\ninline = []\nscrip = var.m') == [
        ("Unsupported argument", "scrip"),
        ("Undeclared variable", ".m"),
    ]


def test_null_means_not_given() -> None:
    found, _ = read('image = "a"\ninline = []\nformat = null')
    assert found is not None
    assert found.config.format == "raw"
    assert problems("image = null\ninline = []") == [("Missing required argument", "null")]


def test_an_error_in_an_expression_is_reported_once() -> None:
    assert problems("image = var.m\ninline = []") == [("Undeclared variable", ".m")]


def test_unknown_values_are_accepted_and_rules_about_them_are_silent() -> None:
    found, diags = read('image = build.ID\ninline = ["${build.ID}"]\npassword = build.ID')
    assert found is not None
    assert not diags.items
    assert found.unknown == {"image", "inline", "password"}


def test_warnings_do_not_stop() -> None:
    found, diags = read('image = "a"\ninline = []\nold = true\nboot_wait_time = "1s"\npassword = "p"')
    assert found is not None
    assert [(d.severity, d.summary) for d in diags] == [
        (Severity.WARNING, "Deprecated argument"),
        (Severity.WARNING, "Deprecated argument"),
        (Severity.WARNING, "Root with a password"),
    ]
    assert found.config.wait == timedelta(seconds=1)


def test_two_names_of_one_setting_conflict() -> None:
    assert problems('image = "a"\ninline = []\nwait = "1s"\nboot_wait_time = "2s"') == [
        ("Duplicate argument", "boot_wait_time")
    ]


def test_secrets_are_collected_and_do_not_print() -> None:
    found, _ = read('image = var.secret\ninline = ["a ${var.secret}"]\npassword = "p"\nuser = "u"')
    assert found is not None
    assert set(found.secrets) == {"s3cret", "a s3cret", "p"}
    assert str(found.config.access.password) == "<sensitive>"
    assert found.config.access.password.reveal() == "p"


def test_go_templates_are_rendered_unless_the_component_does_it() -> None:
    def render(text: str, _at: object) -> str | None:
        return None if "ID" in text else text.replace("{{ name }}", "web")

    found, _ = read('image = "{{ name }}-1"\ninline = ["{{ build `ID` }}"]\ncommand = "{{ .Path }}"', render=render)
    assert found is not None
    assert found.config.image == "web-1"
    assert found.config.command == "{{ .Path }}"
    assert found.unknown == {"inline"}


def test_json_bodies_spell_blocks_as_objects_and_lists_as_scalars() -> None:
    found, diags = read(
        'image = "a"\ninline = "x"\nwait = ""\ndevice = [{ name = "sda" }, { name = "sdb" }]\nboot = { name = "b" }',
        flexible=True,
    )
    assert not diags.items
    assert found is not None
    assert found.config.inline == ("x",)
    assert found.config.wait == timedelta(seconds=10)
    assert [d.name for d in found.config.device] == ["sda", "sdb"]
    assert problems('image = "a"\ninline = []\nboot = "x"', flexible=True) == [("Incorrect JSON value type", '"x"')]


def test_a_single_block_may_not_be_repeated() -> None:
    assert problems('image = "a"\ninline = []\nboot { name = "a" }\nboot { name = "b" }') == [
        ("Duplicate block", "boot")
    ]


def test_strings_that_are_no_go_templates_are_told_while_validating() -> None:
    """Also in settings that the component renders itself; what a template names is another matter."""
    found, diags = read('image = "x"\ninline = ["a", "{{ .Foo "]\ncommand = "{{ if }}"\ntags = { a = "{{ .Any }}" }')
    assert found is None
    assert [(d.subject.text if d.subject else "") for d in diags] == ['["a", "{{ .Foo "]', '"{{ if }}"']
    assert "is not closed" in diags.items[0].detail


def test_a_path_has_no_nul() -> None:
    _, diags = read('image = "x"\nscript = "y"\ncache = "a\0b"')
    assert ["U+0000" in d.detail for d in diags] == [True]
